/* MathML formulas to expressions. Formulas were checked before (sbml_check.c), so the names are known and the operands as many as
   they must be. Pure. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/sbml_impl.h"

/* Recursion goes down into a formula, into functions and into the laws of reactions named in it. Functions put into one another can
   make a formula grow without bound, so the work is limited, too. */
enum { MAX_DEPTH = 4000, MAX_WORK = 1000000, MAX_ALL_WORK = 50000000, FEW = 16 };

static const double AVOGADRO = 6.02214179e23; /* the number that SBML means by it (Level 3 Version 1, section 3.4.6) */

typedef struct {
  ASTNodeType_t type;
  int           operation;
  unsigned      least, most; /* operands */
} math_operator;

enum { ANY = 1 << 30 };

static const math_operator operators[] = {
    {AST_PLUS, WF_ADD, 0, ANY},
    {AST_TIMES, WF_MULTIPLY, 0, ANY},
    {AST_MINUS, WF_SUBTRACT, 1, 2},
    {AST_DIVIDE, WF_DIVIDE, 2, 2},
    {AST_POWER, WF_POWER, 2, 2},
    {AST_FUNCTION_POWER, WF_POWER, 2, 2},
    {AST_FUNCTION_ROOT, WF_ROOT, 1, 2},
    {AST_FUNCTION_EXP, WF_EXP, 1, 1},
    {AST_FUNCTION_LN, WF_LN, 1, 1},
    {AST_FUNCTION_LOG, WF_LOG, 1, 2},
    {AST_FUNCTION_ABS, WF_ABS, 1, 1},
    {AST_FUNCTION_FLOOR, WF_FLOOR, 1, 1},
    {AST_FUNCTION_CEILING, WF_CEILING, 1, 1},
    {AST_FUNCTION_FACTORIAL, WF_FACTORIAL, 1, 1},
    {AST_FUNCTION_MIN, WF_MIN, 1, ANY},
    {AST_FUNCTION_MAX, WF_MAX, 1, ANY},
    {AST_FUNCTION_QUOTIENT, WF_QUOTIENT, 2, 2},
    {AST_FUNCTION_REM, WF_REMAINDER, 2, 2},
    {AST_FUNCTION_SIN, WF_SIN, 1, 1},
    {AST_FUNCTION_COS, WF_COS, 1, 1},
    {AST_FUNCTION_TAN, WF_TAN, 1, 1},
    {AST_FUNCTION_SEC, WF_SEC, 1, 1},
    {AST_FUNCTION_CSC, WF_CSC, 1, 1},
    {AST_FUNCTION_COT, WF_COT, 1, 1},
    {AST_FUNCTION_SINH, WF_SINH, 1, 1},
    {AST_FUNCTION_COSH, WF_COSH, 1, 1},
    {AST_FUNCTION_TANH, WF_TANH, 1, 1},
    {AST_FUNCTION_SECH, WF_SECH, 1, 1},
    {AST_FUNCTION_CSCH, WF_CSCH, 1, 1},
    {AST_FUNCTION_COTH, WF_COTH, 1, 1},
    {AST_FUNCTION_ARCSIN, WF_ARCSIN, 1, 1},
    {AST_FUNCTION_ARCCOS, WF_ARCCOS, 1, 1},
    {AST_FUNCTION_ARCTAN, WF_ARCTAN, 1, 1},
    {AST_FUNCTION_ARCSEC, WF_ARCSEC, 1, 1},
    {AST_FUNCTION_ARCCSC, WF_ARCCSC, 1, 1},
    {AST_FUNCTION_ARCCOT, WF_ARCCOT, 1, 1},
    {AST_FUNCTION_ARCSINH, WF_ARCSINH, 1, 1},
    {AST_FUNCTION_ARCCOSH, WF_ARCCOSH, 1, 1},
    {AST_FUNCTION_ARCTANH, WF_ARCTANH, 1, 1},
    {AST_FUNCTION_ARCSECH, WF_ARCSECH, 1, 1},
    {AST_FUNCTION_ARCCSCH, WF_ARCCSCH, 1, 1},
    {AST_FUNCTION_ARCCOTH, WF_ARCCOTH, 1, 1},
    {AST_RELATIONAL_LT, WF_LESS, 2, ANY},
    {AST_RELATIONAL_LEQ, WF_LESS_EQUAL, 2, ANY},
    {AST_RELATIONAL_GT, WF_GREATER, 2, ANY},
    {AST_RELATIONAL_GEQ, WF_GREATER_EQUAL, 2, ANY},
    {AST_RELATIONAL_EQ, WF_EQUAL, 2, ANY},
    {AST_RELATIONAL_NEQ, WF_NOT_EQUAL, 2, 2},
    {AST_LOGICAL_AND, WF_AND, 0, ANY},
    {AST_LOGICAL_OR, WF_OR, 0, ANY},
    {AST_LOGICAL_XOR, WF_XOR, 0, ANY},
    {AST_LOGICAL_NOT, WF_NOT, 1, 1},
    {AST_LOGICAL_IMPLIES, -1, 2, 2},
    {AST_FUNCTION_PIECEWISE, -1, 0, ANY},
    {AST_FUNCTION, -1, 0, ANY},
    {AST_NAME, -1, 0, 0},
    {AST_NAME_TIME, -1, 0, 0},
    {AST_NAME_AVOGADRO, -1, 0, 0},
    {AST_INTEGER, -1, 0, 0},
    {AST_REAL, -1, 0, 0},
    {AST_REAL_E, -1, 0, 0},
    {AST_RATIONAL, -1, 0, 0},
    {AST_CONSTANT_E, -1, 0, 0},
    {AST_CONSTANT_PI, -1, 0, 0},
    {AST_CONSTANT_TRUE, -1, 0, 0},
    {AST_CONSTANT_FALSE, -1, 0, 0},
};

bool wf_sbml_describe_operator(ASTNodeType_t type, int *operation, unsigned *least, unsigned *most)
{
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    if (operators[i].type != type) continue;
    *operation = operators[i].operation;
    *least     = operators[i].least;
    *most      = operators[i].most;
    return true;
  }
  return false;
}

wf_expression wf_sbml_operate(wf_sbml_reader *reader, wf_operation operation, wf_expression a, wf_expression b)
{
  if (a < 0 || b < 0) return -1;
  return wf_network_make_operation(reader->network, operation, 2, (const wf_expression[]){a, b});
}

static wf_expression make_number(wf_sbml_reader *reader, double number) { return wf_network_make_number(reader->network, number); }

/* --- values of quantities --- */

static void add_pending(wf_sbml_reader *reader, int entry)
{
  int *pending = wf_sbml_grow(reader, reader->pending, reader->n_pending, &reader->pending_capacity, sizeof *pending);
  if (!pending) return;
  reader->pending              = pending;
  pending[reader->n_pending++] = entry;
}

/* Tell once of a quantity that a formula needs and that has no value. */
static void complain_of_no_value(wf_sbml_reader *reader, wf_sbml_entry *entry, const wf_sbml_where *where)
{
  static const char *const kinds[] = {"the compartment", "the species", "the parameter", "the stoichiometry"};
  reader->blamed                   = true;
  if (entry->unsettled) return;
  entry->unsettled = true;
  wf_sbml_complain(reader, where, "%s %.60s has no value: give it one, or an initial assignment (used here first)",
                   kinds[entry->kind], entry->id);
}

wf_expression wf_sbml_quantity(wf_sbml_reader *reader, int index, const wf_sbml_where *where)
{
  wf_sbml_entry *entry = &reader->entries[index];
  if (reader->initial && entry->state != WF_SBML_DONE) {
    add_pending(reader, index);
    return -1;
  }
  if (!reader->initial && entry->variable >= 0) return wf_network_make_symbol(reader->network, entry->variable);
  if (isnan(entry->value)) {
    complain_of_no_value(reader, entry, where);
    return -1;
  }
  return make_number(reader, entry->value);
}

wf_expression wf_sbml_divisor(wf_sbml_reader *reader, int index, const wf_sbml_where *where)
{
  const wf_sbml_entry *entry = &reader->entries[index];
  if (entry->kind != WF_SBML_SPECIES || entry->is_amount || entry->compartment < 0) return -1;
  wf_sbml_entry *compartment = &reader->entries[entry->compartment];
  if (compartment->state == WF_SBML_DONE && !compartment->changes && !(compartment->value > 0) && !compartment->unsettled) {
    compartment->unsettled = true;
    wf_sbml_complain(reader, where, "compartment %.60s has size %g, so that species in it have no concentrations: make it positive",
                     compartment->id, compartment->value);
  }
  return wf_sbml_quantity(reader, entry->compartment, where);
}

static bool is_concentration(const wf_sbml_entry *entry)
{
  return entry->kind == WF_SBML_SPECIES && !entry->is_amount && entry->compartment >= 0;
}

wf_expression wf_sbml_as_amount(wf_sbml_reader *reader, int index, wf_expression expression, const wf_sbml_where *where)
{
  if (expression < 0 || !is_concentration(&reader->entries[index])) return expression;
  return wf_sbml_operate(reader, WF_MULTIPLY, expression, wf_sbml_divisor(reader, index, where));
}

/* What an id means in a formula. */
static wf_expression convert_quantity(wf_sbml_reader *reader, int index, const wf_sbml_where *where)
{
  wf_expression value = wf_sbml_quantity(reader, index, where);
  if (!is_concentration(&reader->entries[index])) return value;
  wf_expression size = wf_sbml_divisor(reader, index, where); /* asked for in any case: it may be pending, too */
  return wf_sbml_operate(reader, WF_DIVIDE, value, size);
}

/* --- formulas --- */

/* The id of a reaction means its rate, which is its law. */
static wf_expression convert_reaction(wf_sbml_reader *reader, int index, const wf_sbml_where *where)
{
  wf_sbml_entry *entry = &reader->entries[index];
  wf_sbml_scope  scope = {.law = Reaction_getKineticLaw(entry->reaction)};
  if (entry->state == WF_SBML_BEGUN) {
    if (!entry->unsettled)
      wf_sbml_complain(reader, where, "the law of reaction %.60s depends on its own rate: remove the circle", entry->id);
    entry->unsettled = true;
    return -1;
  }
  entry->state             = WF_SBML_BEGUN;
  wf_expression expression = wf_sbml_convert(reader, KineticLaw_getMath(scope.law), &scope, where);
  entry->state             = WF_SBML_OPEN;
  return expression;
}

static wf_expression convert_name(wf_sbml_reader *reader, const char *name, const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  double value = 0;
  if (scope && scope->function) {
    unsigned i = 0, n = FunctionDefinition_getNumArguments(scope->function);
    reader->work += n;
    while (i < n && strcmp(ASTNode_getName(FunctionDefinition_getArgument(scope->function, i)), name)) i++;
    return i < n ? scope->arguments[i] : -1;
  }
  if (scope && scope->law && wf_sbml_find_local(reader, scope->law, name, &value)) {
    if (isfinite(value)) return make_number(reader, value);
    wf_sbml_complain(reader, where, "its own parameter %.60s has no finite value: give it one", name);
    return -1;
  }
  int entry = wf_sbml_find(reader, name);
  if (reader->entries[entry].kind == WF_SBML_REACTION) return convert_reaction(reader, entry, where);
  return convert_quantity(reader, entry, where);
}

static wf_expression convert_call(wf_sbml_reader *reader, const ASTNode_t *math, const wf_expression *arguments,
                                  const wf_sbml_where *where)
{
  const wf_sbml_entry *entry = &reader->entries[wf_sbml_find(reader, ASTNode_getName(math))];
  wf_sbml_scope        scope = {.function = entry->function, .arguments = arguments};
  return wf_sbml_convert(reader, FunctionDefinition_getBody(entry->function), &scope, where);
}

/* value, condition, value, condition ..., otherwise. Where no condition holds and nothing is said, the value is not a number. */
static wf_expression convert_pieces(wf_sbml_reader *reader, unsigned n, const wf_expression *operands)
{
  wf_expression result = n % 2 ? operands[n - 1] : make_number(reader, NAN);
  for (unsigned i = n / 2; i-- > 0;)
    result = wf_network_make_operation(reader->network, WF_SELECT, 3,
                                       (const wf_expression[]){operands[2 * i + 1], operands[2 * i], result});
  return result;
}

static wf_expression convert_leaf(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_scope *scope,
                                  const wf_sbml_where *where)
{
  switch ((int)ASTNode_getType(math)) {
  case AST_NAME:
    return convert_name(reader, ASTNode_getName(math), scope, where);
  case AST_NAME_TIME:
    return reader->initial ? make_number(reader, 0) : wf_network_make_time(reader->network);
  case AST_NAME_AVOGADRO:
    return make_number(reader, AVOGADRO);
  case AST_INTEGER:
    return make_number(reader, (double)ASTNode_getInteger(math));
  case AST_CONSTANT_E:
    return make_number(reader, 2.7182818284590452354);
  case AST_CONSTANT_PI:
    return make_number(reader, 3.14159265358979323846);
  case AST_CONSTANT_TRUE:
    return make_number(reader, 1);
  case AST_CONSTANT_FALSE:
    return make_number(reader, 0);
  default:
    return make_number(reader, ASTNode_getReal(math));
  }
}

/* An operator whose operands are converted. */
static wf_expression combine(wf_sbml_reader *reader, const ASTNode_t *math, unsigned n, const wf_expression *operands,
                             const wf_sbml_where *where)
{
  wf_network *network   = reader->network;
  int         operation = -1;
  unsigned    least = 0, most = 0;
  wf_sbml_describe_operator(ASTNode_getType(math), &operation, &least, &most);
  switch ((int)ASTNode_getType(math)) {
  case AST_FUNCTION:
    return convert_call(reader, math, operands, where);
  case AST_FUNCTION_PIECEWISE:
    return convert_pieces(reader, n, operands);
  case AST_LOGICAL_IMPLIES:
    return wf_sbml_operate(reader, WF_OR, wf_network_make_operation(network, WF_NOT, 1, operands), operands[1]);
  case AST_MINUS:
    return wf_network_make_operation(network, n == 1 ? WF_NEGATE : WF_SUBTRACT, (int)n, operands);
  case AST_FUNCTION_ROOT:
  case AST_FUNCTION_LOG:
    if (n == 2) break;
    return wf_sbml_operate(reader, (wf_operation)operation, make_number(reader, operation == WF_ROOT ? 2 : 10), operands[0]);
  default:
    break;
  }
  return wf_network_make_operation(network, (wf_operation)operation, (int)n, operands);
}

/* Do the operands of this sum or product begin with one of the same kind? libsbml makes such chains of long sums. */
static const ASTNode_t *find_chain(const ASTNode_t *math)
{
  ASTNodeType_t type = ASTNode_getType(math);
  if (type != AST_PLUS && type != AST_TIMES) return NULL;
  const ASTNode_t *first = ASTNode_getNumChildren(math) ? ASTNode_getChild(math, 0) : NULL;
  return first && ASTNode_getType(first) == type ? first : NULL;
}

static wf_expression convert_operands(wf_sbml_reader *reader, const ASTNode_t *math, unsigned n, wf_expression *operands,
                                      const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  bool good = true;
  for (unsigned i = find_chain(math) != NULL; i < n; i++) { /* a chain's first operand is there already */
    operands[i] = wf_sbml_convert(reader, ASTNode_getChild(math, i), scope, where);
    good &= operands[i] >= 0;
  }
  return good && (!n || operands[0] >= 0) ? combine(reader, math, n, operands, where) : -1;
}

static wf_expression convert_operator(wf_sbml_reader *reader, const ASTNode_t *math, wf_expression first,
                                      const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  wf_expression few[FEW], *operands = few, result = -1;
  unsigned      n = ASTNode_getNumChildren(math);
  if (n > FEW) operands = wf_calloc(n, sizeof *operands);
  if (!operands) {
    wf_sbml_complain(reader, where, "memory is short");
    return -1;
  }
  operands[0] = first;
  result      = convert_operands(reader, math, n, operands, scope, where);
  if (operands != few) wf_free(operands);
  return result;
}

/* The operators of a chain from its innermost one outwards, by a loop: chains can be very long. */
static wf_expression convert_chain(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_scope *scope,
                                   const wf_sbml_where *where)
{
  size_t           length = 1, i = 0;
  const ASTNode_t *node = math, **chain = NULL;
  for (; find_chain(node); node = find_chain(node)) length++;
  if (length == 1) return convert_operator(reader, math, -1, scope, where);
  chain = wf_calloc(length, sizeof *chain);
  if (!chain) {
    wf_sbml_complain(reader, where, "memory is short");
    return -1;
  }
  for (node = math; node; node = find_chain(node)) chain[i++] = node;
  wf_expression result = convert_operator(reader, chain[length - 1], -1, scope, where);
  for (i = length - 1; i-- > 0;) result = convert_operator(reader, chain[i], result, scope, where);
  reader->work += (long)length;
  wf_free(chain);
  return result;
}

wf_expression wf_sbml_convert(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  if (reader->exhausted) return -1;
  if (!reader->depth) reader->work = 0;
  if (++reader->work > MAX_WORK || ++reader->all_work > MAX_ALL_WORK || reader->depth >= MAX_DEPTH) {
    wf_sbml_complain(reader, where, "formulas grow too %s once functions are put in: simplify them",
                     reader->depth >= MAX_DEPTH ? "deep" : "large");
    reader->exhausted = true;
    return -1;
  }
  reader->depth++;
  int      operation = -1;
  unsigned least = 0, most = 0;
  wf_sbml_describe_operator(ASTNode_getType(math), &operation, &least, &most);
  wf_expression result = most ? convert_chain(reader, math, scope, where) : convert_leaf(reader, math, scope, where);
  reader->depth--;
  return result;
}
