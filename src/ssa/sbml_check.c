/* Every formula of an SBML model is checked once, before any is used: names are known, operators are such that a stochastic model
   may hold them, operands are as many as there must be, functions do not call themselves. Pure. */
#include <math.h>
#include <string.h>
#include "ssa/sbml_impl.h"

/* Names are looked up among these one by one. */
enum { MAX_FUNCTION_HEIGHT = 200, MAX_OWN_NAMES = 500 };

static unsigned count_locals(const wf_sbml_reader *reader, KineticLaw_t *law)
{
  return reader->level >= 3 ? KineticLaw_getNumLocalParameters(law) : KineticLaw_getNumParameters(law);
}

bool wf_sbml_find_local(wf_sbml_reader *reader, KineticLaw_t *law, const char *name, double *value)
{
  for (unsigned i = 0, n = count_locals(reader, law); i < n; i++) {
    const Parameter_t *parameter =
        reader->level >= 3 ? (Parameter_t *)KineticLaw_getLocalParameter(law, i) : KineticLaw_getParameter(law, i);
    const char *id = SBase_getIdAttribute((SBase_t *)(uintptr_t)parameter);
    reader->work++;
    if (!id || strcmp(id, name)) continue;
    *value = Parameter_isSetValue(parameter) ? Parameter_getValue(parameter) : NAN;
    return true;
  }
  return false;
}

/* --- nodes of formulas --- */

static void check_argument(wf_sbml_reader *reader, const char *name, const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  unsigned i = 0, n = FunctionDefinition_getNumArguments(scope->function);
  while (i < n && strcmp(ASTNode_getName(FunctionDefinition_getArgument(scope->function, i)), name)) i++;
  if (i == n) wf_sbml_complain(reader, where, "\"%.60s\" is none of its arguments: functions know nothing else", name);
}

static void check_name(wf_sbml_reader *reader, const char *name, const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  double value;
  char   nearest[80];
  if (!name || !*name) {
    wf_sbml_complain(reader, where, "its formula holds an empty name");
    return;
  }
  if (scope && scope->function) {
    check_argument(reader, name, scope, where);
    return;
  }
  if (scope && scope->law && wf_sbml_find_local(reader, scope->law, name, &value)) return;
  int i = wf_sbml_find(reader, name);
  if (i < 0) {
    wf_sbml_suggest(reader, name, true, nearest, sizeof nearest);
    wf_sbml_complain(reader, where, "its formula needs \"%.60s\", which is not defined%s", name, nearest);
  } else if (reader->entries[i].kind == WF_SBML_REACTION) {
    KineticLaw_t *law = Reaction_getKineticLaw(reader->entries[i].reaction);
    if (!law || !KineticLaw_isSetMath(law))
      wf_sbml_complain(reader, where, "its formula needs the rate of %.60s, which has no law", name);
  } else if (!wf_sbml_is_quantity(&reader->entries[i]))
    wf_sbml_complain(reader, where, "its formula uses \"%.60s\" as a value, but it is a function or an event", name);
}

static void check_call(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_where *where)
{
  const char *name = ASTNode_getName(math);
  char        nearest[80];
  int         i = name ? wf_sbml_find(reader, name) : -1;
  if (i < 0 || reader->entries[i].kind != WF_SBML_FUNCTION) {
    wf_sbml_suggest(reader, name ? name : "", false, nearest, sizeof nearest);
    wf_sbml_complain(reader, where, "its formula calls \"%.60s\", which is no function%s", name ? name : "", nearest);
    return;
  }
  unsigned n = FunctionDefinition_getNumArguments(reader->entries[i].function);
  if (ASTNode_getNumChildren(math) != n)
    wf_sbml_complain(reader, where, "its formula calls %.60s with %u arguments: it has %u", name, ASTNode_getNumChildren(math), n);
}

static void complain_of_operator(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_where *where)
{
  const char *name = ASTNode_getName(math);
  switch ((int)ASTNode_getType(math)) {
  case AST_FUNCTION_DELAY:
    wf_sbml_complain(reader, where, "its formula looks back in time (delay): that cannot be simulated; use an event with a delay");
    break;
  case AST_FUNCTION_RATE_OF:
    wf_sbml_complain(reader, where, "its formula asks for a rate of change (rateOf): write that rate out");
    break;
  default:
    wf_sbml_complain(reader, where, "its formula holds \"%.60s\", which cannot be simulated: write it with core SBML's operators",
                     name ? name : "an unknown operator");
  }
}

static void check_node(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  ASTNodeType_t type      = ASTNode_getType(math);
  unsigned      n         = ASTNode_getNumChildren(math);
  int           operation = -1;
  unsigned      least = 0, most = 0;
  if (!wf_sbml_describe_operator(type, &operation, &least, &most))
    complain_of_operator(reader, math, where);
  else if (n < least || n > most)
    wf_sbml_complain(reader, where, "an operator of its formula has %u operands: it takes %u to %u", n, least, most);
  else if (type == AST_NAME)
    check_name(reader, ASTNode_getName(math), scope, where);
  else if (type == AST_FUNCTION)
    check_call(reader, math, where);
}

/* Down the first operands by a loop, since libsbml makes long chains of them, and down the others by recursion. */
static void check_formula(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_scope *scope, const wf_sbml_where *where)
{
  while (math) {
    unsigned n = ASTNode_getNumChildren(math);
    check_node(reader, math, scope, where);
    for (unsigned i = 1; i < n; i++) check_formula(reader, ASTNode_getChild(math, i), scope, where);
    math = n ? ASTNode_getChild(math, 0) : NULL;
  }
}

/* --- functions --- */

static bool check_function(wf_sbml_reader *reader, wf_sbml_entry *entry);

/* The greatest height of the functions that a formula calls; negative: that was refused. */
static int find_height(wf_sbml_reader *reader, const ASTNode_t *math)
{
  int height = 0;
  while (math) {
    unsigned n = ASTNode_getNumChildren(math);
    if (ASTNode_getType(math) == AST_FUNCTION) {
      int i = wf_sbml_find(reader, ASTNode_getName(math));
      if (i >= 0 && reader->entries[i].kind == WF_SBML_FUNCTION) {
        if (!check_function(reader, &reader->entries[i])) return -1;
        if (reader->entries[i].height > height) height = reader->entries[i].height;
      }
    }
    for (unsigned i = 1; i < n; i++) {
      int other = find_height(reader, ASTNode_getChild(math, i));
      if (other < 0) return -1;
      if (other > height) height = other;
    }
    math = n ? ASTNode_getChild(math, 0) : NULL;
  }
  return height;
}

/* false: it, or a function that it calls, was refused for calling itself or for being nested too deeply. */
static bool check_function(wf_sbml_reader *reader, wf_sbml_entry *entry)
{
  wf_sbml_where where = {entry->line, "function", entry->id};
  if (entry->state == WF_SBML_DONE) return entry->height >= 0;
  if (entry->state == WF_SBML_BEGUN) {
    wf_sbml_complain(reader, &where, "it calls itself, perhaps through another function: remove the circle");
    return false;
  }
  if (reader->depth >= MAX_FUNCTION_HEIGHT) {
    wf_sbml_complain(reader, &where, "functions call one another more than %d deep: put some into others", MAX_FUNCTION_HEIGHT);
    return false;
  }
  entry->state = WF_SBML_BEGUN;
  reader->depth++;
  entry->height = find_height(reader, FunctionDefinition_getBody(entry->function));
  reader->depth--;
  entry->state = WF_SBML_DONE;
  if (entry->height >= 0) entry->height++;
  if (entry->height <= MAX_FUNCTION_HEIGHT) return entry->height >= 0;
  wf_sbml_complain(reader, &where, "functions call one another more than %d deep: put some into others", MAX_FUNCTION_HEIGHT);
  entry->height = -1;
  return false;
}

static void check_definition(wf_sbml_reader *reader, const FunctionDefinition_t *function, const wf_sbml_where *where)
{
  wf_sbml_scope scope = {.function = function};
  unsigned      n     = FunctionDefinition_getNumArguments(function);
  bool          good  = FunctionDefinition_isSetMath(function) && FunctionDefinition_getBody(function);
  if (n > MAX_OWN_NAMES) {
    wf_sbml_complain(reader, where, "it has %u arguments: at most %d are possible", n, MAX_OWN_NAMES);
    return;
  }
  for (unsigned k = 0; k < n; k++) {
    const ASTNode_t *argument = FunctionDefinition_getArgument(function, k);
    good &= argument && ASTNode_getName(argument);
  }
  if (good)
    check_formula(reader, FunctionDefinition_getBody(function), &scope, where);
  else
    wf_sbml_complain(reader, where, "it has no formula: give it a lambda with arguments and a body");
}

static void check_functions(wf_sbml_reader *reader)
{
  for (int i = 0; i < reader->n_entries; i++) {
    const wf_sbml_entry *entry = &reader->entries[i];
    wf_sbml_where        where = {entry->line, "function", entry->id};
    if (entry->kind == WF_SBML_FUNCTION) check_definition(reader, entry->function, &where);
  }
  if (reader->n_problems) return;
  for (int i = 0; i < reader->n_entries; i++)
    if (reader->entries[i].kind == WF_SBML_FUNCTION) check_function(reader, &reader->entries[i]);
}

/* --- all formulas --- */

static void check_references(wf_sbml_reader *reader, Reaction_t *reaction)
{
  unsigned n_reactants = Reaction_getNumReactants(reaction), n = n_reactants + Reaction_getNumProducts(reaction);
  for (unsigned i = 0; i < n; i++) {
    SpeciesReference_t *reference =
        i < n_reactants ? Reaction_getReactant(reaction, i) : Reaction_getProduct(reaction, i - n_reactants);
    wf_sbml_where where   = wf_sbml_place(reference, "reaction", Reaction_getId(reaction));
    const char   *name    = SpeciesReference_getSpecies(reference);
    int           species = wf_sbml_find(reader, name);
    char          nearest[80];
    if (species < 0 || reader->entries[species].kind != WF_SBML_SPECIES) {
      wf_sbml_suggest(reader, name ? name : "", true, nearest, sizeof nearest);
      wf_sbml_complain(reader, &where, "there is no species \"%.60s\"%s", name ? name : "", nearest);
    }
    if (SpeciesReference_isSetStoichiometryMath(reference)) {
      const ASTNode_t *math = StoichiometryMath_getMath((StoichiometryMath_t *)SpeciesReference_getStoichiometryMath(reference));
      if (math)
        check_formula(reader, math, NULL, &where);
      else
        wf_sbml_complain(reader, &where, "the stoichiometryMath of %.60s holds no formula", name ? name : "");
    }
  }
}

static void check_reaction(wf_sbml_reader *reader, Reaction_t *reaction)
{
  wf_sbml_where where = wf_sbml_place(reaction, "reaction", Reaction_getId(reaction));
  wf_sbml_scope scope = {.law = Reaction_getKineticLaw(reaction)};
  if (reader->level * 10 + reader->version < 32 && Reaction_isSetFast(reaction) && Reaction_getFast(reaction))
    wf_sbml_complain(reader, &where, "it is declared fast: reactions in equilibrium are not simulated; say fast=\"false\"");
  if (!scope.law || !KineticLaw_isSetMath(scope.law))
    wf_sbml_complain(reader, &where, "it has no kinetic law: give it one");
  else if (count_locals(reader, scope.law) > MAX_OWN_NAMES)
    wf_sbml_complain(reader, &where, "its law has more than %d parameters of its own: make them the model's", MAX_OWN_NAMES);
  else
    check_formula(reader, KineticLaw_getMath(scope.law), &scope, &where);
  check_references(reader, reaction);
}

static void check_event(wf_sbml_reader *reader, Event_t *event, int number)
{
  char              own[32];
  const Trigger_t  *trigger  = Event_getTrigger(event);
  const Delay_t    *delay    = Event_getDelay(event);
  const Priority_t *priority = Event_getPriority(event);
  wf_sbml_where     where    = wf_sbml_place(event, "event", Event_getId(event));
  if (!Event_isSetId(event)) {
    snprintf(own, sizeof own, "number %d", number);
    where.id = own;
  }
  if (trigger && Trigger_isSetMath(trigger))
    check_formula(reader, Trigger_getMath(trigger), NULL, &where);
  else if (reader->level * 10 + reader->version < 32)
    wf_sbml_complain(reader, &where, "it has no trigger: give it one");
  if (delay && Delay_isSetMath(delay)) check_formula(reader, Delay_getMath(delay), NULL, &where);
  if (priority && Priority_isSetMath(priority)) check_formula(reader, Priority_getMath(priority), NULL, &where);
  for (unsigned k = 0; k < Event_getNumEventAssignments(event); k++) {
    const EventAssignment_t *assignment = Event_getEventAssignment(event, k);
    wf_sbml_where            place      = wf_sbml_place(assignment, "event assignment to", EventAssignment_getVariable(assignment));
    if (EventAssignment_isSetMath(assignment)) check_formula(reader, EventAssignment_getMath(assignment), NULL, &place);
    int target = wf_sbml_find(reader, place.id);
    if (target >= 0 && reader->entries[target].mark == number)
      wf_sbml_complain(reader, &place, "the event sets it twice: remove one");
    if (target >= 0) reader->entries[target].mark = number;
  }
}

bool wf_sbml_check_formulas(wf_sbml_reader *reader)
{
  check_functions(reader);
  for (int i = 0; i < reader->n_entries; i++) {
    const wf_sbml_entry *entry = &reader->entries[i];
    const void          *rule  = entry->assignment ? entry->assignment : entry->rate;
    wf_sbml_where        where = wf_sbml_place(rule, "rule for", entry->id);
    if (rule) check_formula(reader, Rule_getMath(rule), NULL, &where);
    where = wf_sbml_place(entry->initial, "initial assignment of", entry->id);
    if (entry->initial) check_formula(reader, InitialAssignment_getMath(entry->initial), NULL, &where);
  }
  for (unsigned j = 0; j < Model_getNumReactions(reader->model); j++) check_reaction(reader, Model_getReaction(reader->model, j));
  for (unsigned i = 0; i < Model_getNumEvents(reader->model); i++)
    check_event(reader, Model_getEvent(reader->model, i), (int)i + 1);
  for (int i = 0; i < reader->n_entries; i++) reader->entries[i].mark = -1;
  return !reader->n_problems;
}
