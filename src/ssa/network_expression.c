/* The pool of expressions of a network: equal expressions are one node, constants are folded, sums and products of many operands
   become chains from left to right. Nothing is folded that could change a value (0 x stays: x may be infinite). Pure. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/network_source.h"

enum { MAX_NODES = 4000000, MAX_WRITTEN_POWER = 16, FIRST_TABLE_SIZE = 256 };

int wf_operation_arity(int32_t kind)
{
  if (kind >= WF_N_OPERATIONS) return 0;
  switch ((wf_operation)kind) {
  case WF_ADD:
  case WF_SUBTRACT:
  case WF_MULTIPLY:
  case WF_DIVIDE:
  case WF_POWER:
  case WF_ROOT:
  case WF_LOG:
  case WF_MIN:
  case WF_MAX:
  case WF_QUOTIENT:
  case WF_REMAINDER:
  case WF_LESS:
  case WF_LESS_EQUAL:
  case WF_GREATER:
  case WF_GREATER_EQUAL:
  case WF_EQUAL:
  case WF_NOT_EQUAL:
  case WF_AND:
  case WF_OR:
  case WF_XOR:
    return 2;
  case WF_SELECT:
    return 3;
  default:
    return 1;
  }
}

void wf_network_discard_pool(wf_network_source *source)
{
  wf_free(source->nodes);
  wf_free(source->node_table);
  wf_free(source->mark);
  wf_free(source->order);
  wf_free(source->stack);
}

/* --- one node for equal expressions --- */

static uint64_t hash_node(const wf_node *node)
{
  uint64_t bits, hash = (uint64_t)node->kind + 1;
  memcpy(&bits, &node->number, sizeof bits);
  for (int i = 0; i < 3; i++) hash = (hash ^ (uint32_t)node->operand[i]) * UINT64_C(0x9e3779b97f4a7c15);
  hash = (hash ^ (hash >> 29) ^ bits) * UINT64_C(0xbf58476d1ce4e5b9);
  return hash ^ (hash >> 32);
}

/* Numbers are compared by their bits: 0 and -0 are two numbers, NaN is one. */
static bool same_node(const wf_node *a, const wf_node *b)
{
  return a->kind == b->kind && !memcmp(a->operand, b->operand, sizeof a->operand) &&
         !memcmp(&a->number, &b->number, sizeof a->number);
}

static int32_t *find_place(const wf_network_source *source, const wf_node *node)
{
  uint32_t mask = (uint32_t)source->node_table_size - 1, i = (uint32_t)hash_node(node) & mask;
  while (source->node_table[i] && !same_node(&source->nodes[source->node_table[i] - 1], node)) i = (i + 1) & mask;
  return &source->node_table[i];
}

/* Keep the table at most half full. */
static bool enlarge_node_table(wf_network *network)
{
  wf_network_source *source = network->source;
  if (2 * (source->n_nodes + 1) < source->node_table_size) return true;
  int32_t  size  = source->node_table_size ? 2 * source->node_table_size : FIRST_TABLE_SIZE;
  int32_t *table = wf_calloc((size_t)size, sizeof *table);
  if (!table) {
    wf_network_remember_problem(network, "memory is short");
    return false;
  }
  wf_free(source->node_table);
  source->node_table      = table;
  source->node_table_size = size;
  for (int32_t i = 0; i < source->n_nodes; i++) *find_place(source, &source->nodes[i]) = i + 1;
  return true;
}

static wf_expression intern_node(wf_network *network, wf_node node)
{
  wf_network_source *source = network->source;
  if (!source) {
    wf_network_remember_problem(network, "an expression was made in a finished network");
    return -1;
  }
  if (network->problem[0] || !enlarge_node_table(network)) return -1;
  int32_t *place = find_place(source, &node);
  if (*place) return *place - 1;
  if (source->n_nodes == MAX_NODES) {
    wf_network_remember_problem(network, "the expressions are too large: more than %d operations", MAX_NODES);
    return -1;
  }
  wf_node *nodes = wf_network_grow(network, source->nodes, source->n_nodes, &source->node_capacity, sizeof *nodes);
  if (!nodes) return -1;
  source->nodes                  = nodes;
  source->nodes[source->n_nodes] = node;
  *place                         = source->n_nodes + 1;
  return source->n_nodes++;
}

wf_expression wf_network_make_number(wf_network *network, double number)
{
  return intern_node(network, (wf_node){.kind = WF_NODE_NUMBER, .operand = {-1, -1, -1}, .number = number});
}

wf_expression wf_network_make_symbol(wf_network *network, int variable)
{
  if (variable < 0 || variable >= network->n_variables) {
    wf_network_remember_problem(network, "an expression contains variable number %d, which there is not", variable);
    return -1;
  }
  return intern_node(network, (wf_node){.kind = WF_NODE_SYMBOL, .operand = {variable, -1, -1}});
}

wf_expression wf_network_make_time(wf_network *network)
{
  return intern_node(network, (wf_node){.kind = WF_NODE_TIME, .operand = {-1, -1, -1}});
}

bool wf_network_expression_is_number(const wf_network *network, wf_expression expression, double *number)
{
  if (!network->source || expression < 0 || network->source->nodes[expression].kind != WF_NODE_NUMBER) return false;
  *number = network->source->nodes[expression].number;
  return true;
}

/* --- folding --- */

static bool is_number(const wf_network *network, wf_expression expression, double wanted)
{
  double number;
  return wf_network_expression_is_number(network, expression, &number) && number == wanted;
}

static bool is_truth_value(const wf_network *network, wf_expression expression)
{
  int32_t kind = network->source->nodes[expression].kind;
  return (kind >= WF_LESS && kind <= WF_NOT) || is_number(network, expression, 0) || is_number(network, expression, 1);
}

static wf_expression make_truth_value(wf_network *network, wf_expression expression)
{
  if (is_truth_value(network, expression)) return expression;
  return wf_network_make_node(network, WF_NOT_EQUAL, expression, wf_network_make_number(network, 0), -1);
}

/* Powers with small whole exponents are products, which every machine computes alike and which laws are searched for. */
static wf_expression fold_power(wf_network *network, wf_expression x, double exponent)
{
  if (exponent == 0) return wf_network_make_number(network, 1);
  if (exponent == 0.5) return wf_network_make_node(network, WF_ROOT, wf_network_make_number(network, 2), x, -1);
  if (exponent != floor(exponent) || fabs(exponent) > MAX_WRITTEN_POWER) return -1;
  wf_expression power = x;
  for (int i = 1; i < (int)fabs(exponent); i++) power = wf_network_make_node(network, WF_MULTIPLY, power, x, -1);
  return exponent > 0 ? power : wf_network_make_node(network, WF_DIVIDE, wf_network_make_number(network, 1), power, -1);
}

static wf_expression fold_logic(wf_network *network, wf_operation operation, wf_expression a, wf_expression b)
{
  const bool is_and = operation == WF_AND;
  double     number;
  for (int i = 0; i < 2; i++) {
    if (wf_network_expression_is_number(network, i ? b : a, &number))
      return (number != 0) == is_and ? make_truth_value(network, i ? a : b) : wf_network_make_number(network, !is_and);
  }
  return a == b ? make_truth_value(network, a) : -1;
}

/* A simpler expression of the same value where not all operands are numbers; -1: there is none. */
static wf_expression fold_partly(wf_network *network, wf_operation operation, const int32_t *operand)
{
  const wf_node *first = &network->source->nodes[operand[0]];
  double         number;
  switch (operation) {
  case WF_ADD:
    return is_number(network, operand[0], 0) ? operand[1] : is_number(network, operand[1], 0) ? operand[0] : -1;
  case WF_SUBTRACT:
    if (is_number(network, operand[0], 0)) return wf_network_make_node(network, WF_NEGATE, operand[1], -1, -1);
    return is_number(network, operand[1], 0) ? operand[0] : -1;
  case WF_MULTIPLY:
    return is_number(network, operand[0], 1) ? operand[1] : is_number(network, operand[1], 1) ? operand[0] : -1;
  case WF_DIVIDE:
    return is_number(network, operand[1], 1) ? operand[0] : -1;
  case WF_NEGATE:
    return first->kind == WF_NEGATE ? first->operand[0] : -1;
  case WF_POWER:
    return wf_network_expression_is_number(network, operand[1], &number) ? fold_power(network, operand[0], number) : -1;
  case WF_ROOT:
    return is_number(network, operand[0], 1) ? operand[1] : -1;
  case WF_AND:
  case WF_OR:
    return fold_logic(network, operation, operand[0], operand[1]);
  case WF_MIN:
  case WF_MAX:
    return operand[0] == operand[1] ? operand[0] : -1;
  case WF_SELECT:
    if (wf_network_expression_is_number(network, operand[0], &number)) return number != 0 ? operand[1] : operand[2];
    return operand[1] == operand[2] ? operand[1] : -1;
  default:
    return -1;
  }
}

wf_expression wf_network_make_node(wf_network *network, wf_operation operation, int32_t a, int32_t b, int32_t c)
{
  const int     arity      = wf_operation_arity((int32_t)operation);
  const int32_t operand[3] = {a, arity > 1 ? b : -1, arity > 2 ? c : -1};
  double        number[3]  = {0, 0, 0};
  bool          all        = true;
  if (network->problem[0]) return -1;
  for (int i = 0; i < arity; i++) {
    if (!network->source || operand[i] < 0 || operand[i] >= network->source->n_nodes) {
      wf_network_remember_problem(network, "an operation has an operand that is no expression");
      return -1;
    }
    all &= wf_network_expression_is_number(network, operand[i], &number[i]);
  }
  if (all) return wf_network_make_number(network, wf_operation_apply(operation, number[0], number[1], number[2]));
  wf_expression simpler = fold_partly(network, operation, operand);
  if (simpler >= 0) return simpler;
  return intern_node(network, (wf_node){.kind = (int32_t)operation, .operand = {operand[0], operand[1], operand[2]}});
}

static wf_expression make_chain(wf_network *network, wf_operation operation, int n, const wf_expression *operands)
{
  const bool    logic = operation == WF_AND || operation == WF_OR || operation == WF_XOR;
  wf_expression chain = n ? operands[0] : wf_network_make_number(network, operation == WF_MULTIPLY || operation == WF_AND);
  if (chain < 0 || (network->source && chain >= network->source->n_nodes))
    return wf_network_make_node(network, WF_NEGATE, -1, -1, -1);
  if (n == 1 && logic) return make_truth_value(network, chain);
  for (int i = 1; i < n; i++) chain = wf_network_make_node(network, operation, chain, operands[i], -1);
  return chain;
}

/* a < b < c: each pair of neighbours. */
static wf_expression make_comparison(wf_network *network, wf_operation operation, int n, const wf_expression *operands)
{
  wf_expression all = wf_network_make_number(network, 1);
  for (int i = 1; i < n; i++) {
    wf_expression pair = wf_network_make_node(network, operation, operands[i - 1], operands[i], -1);
    all                = i == 1 ? pair : wf_network_make_node(network, WF_AND, all, pair, -1);
  }
  return all;
}

wf_expression wf_network_make_operation(wf_network *network, wf_operation operation, int n, const wf_expression *operands)
{
  const bool chain = operation == WF_ADD || operation == WF_MULTIPLY || operation == WF_AND || operation == WF_OR ||
                     operation == WF_XOR || operation == WF_MIN || operation == WF_MAX;
  const bool comparison = operation >= WF_LESS && operation <= WF_NOT_EQUAL;
  const bool known      = (int)operation >= 0 && operation < WF_N_OPERATIONS;
  const int  arity      = known ? wf_operation_arity((int32_t)operation) : 0;
  const bool fits       = chain ? n >= (operation == WF_MIN || operation == WF_MAX) : comparison ? n >= 2 : n == arity;
  if (!network->source || network->problem[0]) return -1;
  if (!known || !fits) {
    wf_network_remember_problem(network, "operation %d has %d operands: there is none like that", (int)operation, n);
    return -1;
  }
  if (chain) return make_chain(network, operation, n, operands);
  if (comparison) return make_comparison(network, operation, n, operands);
  return wf_network_make_node(network, operation, operands[0], n > 1 ? operands[1] : -1, n > 2 ? operands[2] : -1);
}

/* --- walks --- */

/* What node i needs: its k-th operand, -1 past the last. */
static int32_t find_need(const wf_network_source *source, int32_t i, int k, bool through_assignments)
{
  const wf_node *node = &source->nodes[i];
  if (node->kind == WF_NODE_SYMBOL) return through_assignments && k == 0 ? source->variables[node->operand[0]].assignment : -1;
  return k < wf_operation_arity(node->kind) ? node->operand[k] : -1;
}

/* The variables between the first place of `node` on the stack and its top. */
static void tell_circle(wf_network *network, int32_t depth, int32_t node)
{
  const wf_network_source *source    = network->source;
  char                     text[200] = "";
  int32_t                  first     = 0;
  while (first < depth && source->stack[first].node != node) first++;
  for (int32_t i = first; i < depth; i++) {
    const wf_node *place = &source->nodes[source->stack[i].node];
    size_t         used  = strlen(text);
    if (place->kind == WF_NODE_SYMBOL)
      snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", source->variables[place->operand[0]].name);
  }
  wf_network_remember_problem(network, "assignment rules go in a circle: %s", text);
}

static bool prepare_walk(wf_network *network)
{
  wf_network_source *source = network->source;
  source->n_order           = 0;
  if (source->mark_capacity < source->n_nodes || source->walk > INT32_MAX / 2 - 2) {
    wf_free(source->mark);
    source->walk          = 0;
    source->mark_capacity = source->node_capacity;
    source->mark          = wf_calloc((size_t)source->mark_capacity, sizeof *source->mark);
    if (!source->mark) {
      source->mark_capacity = 0;
      wf_network_remember_problem(network, "memory is short");
      return false;
    }
  }
  source->walk++;
  return true;
}

static bool push_place(wf_network *network, int32_t depth, int32_t node)
{
  wf_network_source *source = network->source;
  wf_walk_place     *stack  = wf_network_grow(network, source->stack, depth, &source->stack_capacity, sizeof *stack);
  if (!stack) return false;
  source->stack        = stack;
  source->stack[depth] = (wf_walk_place){node, 0};
  source->mark[node]   = 2 * source->walk; /* entered; + 1: left */
  return true;
}

static bool append_order(wf_network *network, int32_t node)
{
  wf_network_source *source = network->source;
  int32_t           *order  = wf_network_grow(network, source->order, source->n_order, &source->order_capacity, sizeof *order);
  if (!order) return false;
  source->order                    = order;
  source->order[source->n_order++] = node;
  source->mark[node]               = 2 * source->walk + 1;
  return true;
}

bool wf_network_walk(wf_network *network, int32_t n, const wf_expression *roots, bool through_assignments, bool quiet)
{
  wf_network_source *source = network->source;
  if (!prepare_walk(network)) return false;
  for (int32_t r = 0; r < n; r++) {
    int32_t depth = 0;
    if (roots[r] < 0 || source->mark[roots[r]] >= 2 * source->walk) continue;
    if (!push_place(network, depth++, roots[r])) return false;
    while (depth) {
      wf_walk_place *place = &source->stack[depth - 1];
      int32_t        need  = find_need(source, place->node, place->next++, through_assignments);
      if (need < 0) {
        if (!append_order(network, place->node)) return false;
        depth--;
      } else if (source->mark[need] < 2 * source->walk) {
        if (!push_place(network, depth++, need)) return false;
      } else if (source->mark[need] == 2 * source->walk) {
        if (!quiet) tell_circle(network, depth, need);
        return false;
      }
    }
  }
  return true;
}

double wf_network_evaluate_initial(wf_network *network, wf_expression expression)
{
  wf_network_source *source = network->source;
  if (!source || expression < 0 || network->problem[0] || !wf_network_walk(network, 1, &expression, true, true)) return NAN;
  double *value = wf_calloc((size_t)source->n_order, sizeof *value), result = NAN;
  /* where in the order each node stands: the marks are free again */
  for (int32_t i = 0; i < source->n_order; i++) source->mark[source->order[i]] = i;
  for (int32_t i = 0; value && i < source->n_order; i++) {
    const wf_node *node       = &source->nodes[source->order[i]];
    double         operand[3] = {0, 0, 0};
    for (int k = 0; k < wf_operation_arity(node->kind); k++) operand[k] = value[source->mark[node->operand[k]]];
    if (node->kind == WF_NODE_NUMBER)
      value[i] = node->number;
    else if (node->kind == WF_NODE_SYMBOL) {
      const wf_source_variable *variable = &source->variables[node->operand[0]];
      value[i] = variable->assignment >= 0 ? value[source->mark[variable->assignment]] : variable->initial;
    } else if (node->kind != WF_NODE_TIME)
      value[i] = wf_operation_apply((wf_operation)node->kind, operand[0], operand[1], operand[2]);
    result = value[i];
  }
  for (int32_t i = 0; i < source->n_order; i++) source->mark[source->order[i]] = 0;
  wf_free(value);
  return result;
}
