/* What holds in all states that a network can reach: whole numbers, amounts that are never negative, bounds of expressions. Each
   property is assumed of all variables that start with it and taken away from those that something can rob of it, until nothing
   changes. Pure. */
#include <math.h>
#include <weightflow/base.h>
#include "ssa/network_compile.h"

bool wf_compiler_bound(wf_compiler *compiler, wf_expression expression, int32_t fixed, double at, double *lower, double *upper)
{
  wf_network_source *source = compiler->source;
  if (!wf_network_walk(compiler->network, 1, &expression, false, false)) return false;
  if (compiler->n_bounds < source->n_nodes) {
    wf_free(compiler->lower);
    wf_free(compiler->upper);
    compiler->n_bounds = source->node_capacity;
    compiler->lower    = wf_calloc((size_t)compiler->n_bounds, sizeof *compiler->lower);
    compiler->upper    = wf_calloc((size_t)compiler->n_bounds, sizeof *compiler->upper);
    if (!compiler->lower || !compiler->upper) return false;
  }
  for (int32_t i = 0; i < source->n_order; i++) {
    const int32_t  place  = source->order[i];
    const wf_node *node   = &source->nodes[place];
    double         low[3] = {0, 0, 0}, high[3] = {0, 0, 0};
    switch (node->kind) {
    case WF_NODE_NUMBER:
      low[0] = high[0] = node->number;
      break;
    case WF_NODE_TIME:
      high[0] = INFINITY;
      break;
    case WF_NODE_SYMBOL:
      low[0]  = node->operand[0] == fixed ? at : compiler->never_negative[node->operand[0]] ? 0 : -INFINITY;
      high[0] = node->operand[0] == fixed ? at : INFINITY;
      break;
    default:
      for (int k = 0; k < wf_operation_arity(node->kind); k++) {
        low[k]  = compiler->lower[node->operand[k]];
        high[k] = compiler->upper[node->operand[k]];
      }
      wf_operation_bound((wf_operation)node->kind, low, high, low, high);
    }
    if (!(low[0] <= high[0])) { /* NaN was written into the model */
      low[0]  = -INFINITY;
      high[0] = INFINITY;
    }
    compiler->lower[place] = low[0];
    compiler->upper[place] = high[0];
  }
  *lower = compiler->lower[expression];
  *upper = compiler->upper[expression];
  return true;
}

static bool is_whole_number(double x) { return isfinite(x) && x == floor(x); }

/* Is a node whole, given that of its operands? */
static bool is_whole_node(const wf_compiler *compiler, const bool *whole, const wf_node *node)
{
  const int32_t *operand = node->operand;
  double         exponent;
  switch (node->kind) {
  case WF_NODE_NUMBER:
    return is_whole_number(node->number);
  case WF_NODE_SYMBOL:
    return compiler->whole[operand[0]];
  case WF_ADD:
  case WF_SUBTRACT:
  case WF_MULTIPLY:
  case WF_MIN:
  case WF_MAX:
  case WF_REMAINDER:
    return whole[operand[0]] && whole[operand[1]];
  case WF_NEGATE:
  case WF_ABS:
    return whole[operand[0]];
  case WF_POWER:
    return whole[operand[0]] && wf_network_expression_is_number(compiler->network, operand[1], &exponent) && exponent >= 0 &&
           is_whole_number(exponent);
  case WF_SELECT:
    return whole[operand[1]] && whole[operand[2]];
  case WF_FLOOR:
  case WF_CEILING:
  case WF_FACTORIAL:
  case WF_QUOTIENT:
    return true;
  default:
    return node->kind >= WF_LESS && node->kind <= WF_NOT;
  }
}

static bool take_away(bool *property, bool still)
{
  const bool changed = *property && !still;
  if (changed) *property = false;
  return changed;
}

/* One round: whole [n_annotated] from the variables, then the variables from it. Did anything change? */
static bool refine_wholeness(wf_compiler *compiler, bool *whole)
{
  const wf_network_source *source  = compiler->source;
  bool                     changed = false;
  for (int32_t i = 0; i < compiler->n_annotated; i++) whole[i] = is_whole_node(compiler, whole, &source->nodes[i]);
  for (int32_t i = 0; i < compiler->network->n_variables; i++)
    if (source->variables[i].assignment >= 0)
      changed |= take_away(&compiler->whole[i], whole[compiler->substituted[source->variables[i].assignment]]);
  for (int32_t k = 0; k < source->n_changes; k++) {
    const wf_network_change *change = &source->changes[k];
    changed |=
        take_away(&compiler->whole[change->variable],
                  change->expression < 0 ? is_whole_number(change->amount) : whole[compiler->substituted[change->expression]]);
  }
  for (int32_t k = 0; k < source->n_event_assignments; k++)
    changed |= take_away(&compiler->whole[source->event_assignments[k].variable],
                         whole[compiler->substituted[source->event_assignments[k].expression]]);
  return changed;
}

/* One round over what events assign. *changed is added to. */
static bool refine_signs(wf_compiler *compiler, bool *changed)
{
  const wf_network_source *source = compiler->source;
  for (int32_t k = 0; k < source->n_event_assignments; k++) {
    const wf_source_assignment *assignment = &source->event_assignments[k];
    double                      lower, upper;
    if (!compiler->never_negative[assignment->variable]) continue;
    if (!wf_compiler_bound(compiler, compiler->substituted[assignment->expression], -1, 0, &lower, &upper)) return false;
    *changed |= take_away(&compiler->never_negative[assignment->variable], lower >= 0);
  }
  return true;
}

bool wf_compiler_infer(wf_compiler *compiler)
{
  const int32_t n     = compiler->network->n_variables;
  bool         *whole = wf_calloc((size_t)compiler->n_annotated, sizeof *whole), changed = true;
  if (!whole) return false;
  for (int32_t i = 0; i < n; i++) {
    const wf_source_variable *variable = &compiler->source->variables[i];
    const int                 moved    = compiler->moved[i];
    compiler->whole[i] = !(moved & WF_MOVED_BY_RATE) && (is_whole_number(variable->initial) || (moved & WF_MOVED_BY_ASSIGNMENT));
    compiler->never_negative[i] = variable->initial >= 0 &&
                                  !(moved & (WF_MOVED_BY_RATE | WF_MOVED_BY_ASSIGNMENT | WF_MOVED_BY_PROGRAM)) &&
                                  (variable->is_species || !(moved & WF_MOVED_DOWN));
  }
  while (refine_wholeness(compiler, whole)) continue;
  wf_free(whole);
  while (changed) {
    changed = false;
    if (!refine_signs(compiler, &changed)) return false;
  }
  return true;
}
