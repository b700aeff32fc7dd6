/* Compiling a network: checks of the whole, substitution of rules, the steps in their order. Pure. */
#include <math.h>
#include <stdio.h>
#include <weightflow/base.h>
#include "ssa/network_compile.h"

static void discard_compiled_form(wf_network *network)
{
  for (int32_t i = 0; network->variable_name && i < network->n_variables; i++) wf_free(network->variable_name[i]);
  for (int32_t j = 0; network->reactions && j < network->n_reactions; j++) wf_free(network->reactions[j].name);
  for (int32_t e = 0; network->events && e < network->n_events; e++) wf_free(network->events[e].name);
  wf_free(network->variable_name);
  wf_free(network->is_species);
  wf_free(network->recorded);
  wf_free(network->whole);
  wf_free(network->start);
  wf_free(network->instructions);
  wf_free(network->programs);
  wf_free(network->reactions);
  wf_free(network->factors);
  wf_free(network->changes);
  wf_free(network->guards);
  wf_free(network->assignments);
  wf_free(network->rates);
  wf_free(network->events);
  wf_free(network->event_assignments);
  wf_free(network->first_affected);
  wf_free(network->affected);
}

void wf_network_destroy(wf_network **network)
{
  if (!*network) return;
  wf_network_discard_source(*network);
  discard_compiled_form(*network);
  wf_free((*network)->name);
  wf_free(*network);
  *network = NULL;
}

/* --- checks --- */

/* Who moves what, and what must not be. */
static void find_movers(wf_compiler *compiler)
{
  wf_network              *network = compiler->network;
  const wf_network_source *source  = compiler->source;
  for (int32_t i = 0; i < network->n_variables; i++) {
    if (source->variables[i].assignment >= 0) compiler->moved[i] |= WF_MOVED_BY_ASSIGNMENT;
    if (source->variables[i].rate >= 0) compiler->moved[i] |= WF_MOVED_BY_RATE;
  }
  for (int32_t j = 0; j < network->n_reactions; j++)
    for (int32_t k = 0; k < source->reactions[j].n_changes; k++) {
      const wf_network_change *change = &source->changes[source->reactions[j].first_change + k];
      if (compiler->moved[change->variable] & (WF_MOVED_BY_ASSIGNMENT | WF_MOVED_BY_RATE))
        wf_network_remember_problem(network, "%s has a rule, and reaction %s changes it", source->variables[change->variable].name,
                                    source->reactions[j].name);
      compiler->moved[change->variable] |=
          WF_MOVED_BY_JUMP | (change->expression >= 0 ? WF_MOVED_BY_PROGRAM : 0) | (change->amount < 0 ? WF_MOVED_DOWN : 0);
    }
  for (int32_t e = 0; e < source->n_events; e++)
    for (int32_t k = 0; k < source->events[e].event.n_assignments; k++) {
      int32_t variable = source->event_assignments[source->events[e].first_assignment + k].variable;
      if (compiler->moved[variable] & WF_MOVED_BY_ASSIGNMENT)
        wf_network_remember_problem(network, "%s has an assignment rule, and event %s assigns it", source->variables[variable].name,
                                    source->events[e].name);
      compiler->moved[variable] |= WF_MOVED_BY_EVENT;
    }
}

static void count_parts(wf_network *network)
{
  const wf_network_source *source = network->source;
  network->n_recorded = network->n_assignments = network->n_rates = 0;
  network->n_events                                               = source->n_events;
  for (int32_t i = 0; i < network->n_variables; i++) {
    network->n_recorded += source->variables[i].recorded;
    network->n_assignments += source->variables[i].assignment >= 0;
    network->n_rates += source->variables[i].rate >= 0;
  }
  if (!network->n_recorded) wf_network_remember_problem(network, "the network has no variables to record");
  if (!network->n_reactions && !network->n_rates && !network->n_events)
    wf_network_remember_problem(network, "the network has no reactions, rate rules or events: nothing happens");
}

/* --- substitution --- */

/* Append to roots [*n] of this capacity. */
static bool append_root(wf_network *network, int32_t **roots, int32_t *n, int32_t *capacity, wf_expression expression)
{
  int32_t *array = wf_network_grow(network, *roots, *n, capacity, sizeof *array);
  if (!array) return false;
  *roots        = array;
  array[(*n)++] = expression;
  return true;
}

/* All expressions that were given; those of assignments as the variables they define. NULL: memory is short. */
static int32_t *collect_roots(wf_network *network, int32_t *n)
{
  const wf_network_source *source = network->source;
  int32_t                 *roots = NULL, capacity = 0;
  bool                     good = true;
  *n                            = 0;
  for (int32_t i = 0; i < network->n_variables; i++) {
    if (source->variables[i].assignment >= 0)
      good = good && append_root(network, &roots, n, &capacity, wf_network_make_symbol(network, i));
    good = good && append_root(network, &roots, n, &capacity, source->variables[i].rate);
  }
  for (int32_t j = 0; j < network->n_reactions; j++)
    good = good && append_root(network, &roots, n, &capacity, source->reactions[j].law);
  for (int32_t k = 0; k < source->n_changes; k++)
    good = good && append_root(network, &roots, n, &capacity, source->changes[k].expression);
  for (int32_t e = 0; e < source->n_events; e++) {
    good = good && append_root(network, &roots, n, &capacity, source->events[e].event.trigger);
    good = good && append_root(network, &roots, n, &capacity, source->events[e].event.delay);
    good = good && append_root(network, &roots, n, &capacity, source->events[e].event.priority);
  }
  for (int32_t k = 0; k < source->n_event_assignments; k++)
    good = good && append_root(network, &roots, n, &capacity, source->event_assignments[k].expression);
  if (!good) {
    wf_free(roots);
    return NULL;
  }
  return roots;
}

/* Node i without variables that are assigned or never move. */
static int32_t substitute_node(const wf_compiler *compiler, int32_t i)
{
  wf_network   *network = compiler->network;
  const wf_node node    = compiler->source->nodes[i];
  int32_t       operand[3];
  if (node.kind == WF_NODE_SYMBOL) {
    const wf_source_variable *variable = &compiler->source->variables[node.operand[0]];
    if (variable->assignment >= 0) return compiler->substituted[variable->assignment];
    return compiler->moved[node.operand[0]] ? i : wf_network_make_number(network, variable->initial);
  }
  if (node.kind > WF_NODE_SYMBOL || node.kind == WF_NODE_NUMBER) return i;
  for (int k = 0; k < 3; k++) operand[k] = node.operand[k] < 0 ? -1 : compiler->substituted[node.operand[k]];
  return wf_network_make_node(network, (wf_operation)node.kind, operand[0], operand[1], operand[2]);
}

static wf_affine find_affine(const wf_affine *known, const wf_node *node)
{
  const wf_affine none = {-2, 0, 0};
  const wf_affine a    = node->kind < WF_N_OPERATIONS ? known[node->operand[0]] : none;
  const wf_affine b    = node->kind < WF_N_OPERATIONS && node->operand[1] >= 0 ? known[node->operand[1]] : none;
  const double    sign = node->kind == WF_SUBTRACT ? -1 : 1;
  switch (node->kind) {
  case WF_NODE_NUMBER:
    return (wf_affine){-1, 0, node->number};
  case WF_NODE_SYMBOL:
    return (wf_affine){node->operand[0], 1, 0};
  case WF_NEGATE:
    return (wf_affine){a.variable, -a.scale, -a.offset};
  case WF_ADD:
  case WF_SUBTRACT:
    if (a.variable < -1 || b.variable < -1 || (a.variable >= 0 && b.variable >= 0 && a.variable != b.variable)) return none;
    return (wf_affine){a.variable >= 0 ? a.variable : b.variable, a.scale + sign * b.scale, a.offset + sign * b.offset};
  case WF_MULTIPLY:
    if (a.variable == -1 && b.variable >= 0) return (wf_affine){b.variable, a.offset * b.scale, a.offset * b.offset};
    if (b.variable == -1 && a.variable >= 0) return (wf_affine){a.variable, a.scale * b.offset, a.offset * b.offset};
    return none;
  case WF_DIVIDE:
    return b.variable == -1 && a.variable >= 0 ? (wf_affine){a.variable, a.scale / b.offset, a.offset / b.offset} : none;
  default:
    return none;
  }
}

static uint8_t find_contents(const wf_compiler *compiler, const wf_node *node)
{
  uint8_t contents = 0;
  if (node->kind == WF_NODE_TIME) return WF_CONTAINS_TIME;
  if (node->kind == WF_NODE_SYMBOL)
    return WF_CONTAINS_VARIABLE | (compiler->moved[node->operand[0]] & WF_MOVED_BY_RATE ? WF_CONTAINS_RATE : 0);
  for (int k = 0; k < wf_operation_arity(node->kind); k++) contents |= compiler->contains[node->operand[k]];
  return contents;
}

static bool annotate_nodes(wf_compiler *compiler)
{
  const int32_t n       = compiler->source->n_nodes;
  compiler->affine      = wf_calloc((size_t)n, sizeof *compiler->affine);
  compiler->contains    = wf_calloc((size_t)n, sizeof *compiler->contains);
  compiler->n_annotated = n;
  if (!compiler->affine || !compiler->contains) {
    wf_network_remember_problem(compiler->network, "memory is short");
    return false;
  }
  for (int32_t i = 0; i < n; i++) {
    compiler->affine[i]   = find_affine(compiler->affine, &compiler->source->nodes[i]);
    compiler->contains[i] = find_contents(compiler, &compiler->source->nodes[i]);
  }
  return true;
}

bool wf_compiler_substitute(wf_compiler *compiler)
{
  wf_network        *network = compiler->network;
  wf_network_source *source  = compiler->source;
  int32_t            n = 0, n_assignments = 0, *roots = collect_roots(network, &n);
  network->assignments = wf_calloc((size_t)network->n_assignments, sizeof *network->assignments);
  bool good            = roots && network->assignments && wf_network_walk(network, n, roots, true, false);
  wf_free(roots);
  if (good && !(compiler->substituted = wf_calloc((size_t)source->n_nodes, sizeof *compiler->substituted))) good = false;
  for (int32_t i = 0; good && i < source->n_order; i++) {
    const int32_t  node  = source->order[i];
    const wf_node *place = &source->nodes[node];
    if (place->kind == WF_NODE_SYMBOL && source->variables[place->operand[0]].assignment >= 0)
      network->assignments[n_assignments++] =
          (wf_compiled_rule){place->operand[0], source->variables[place->operand[0]].assignment};
    compiler->substituted[node] = substitute_node(compiler, node);
    good                        = compiler->substituted[node] >= 0;
  }
  if (!good) wf_network_remember_problem(network, "memory is short");
  return good && annotate_nodes(compiler);
}

/* --- all steps --- */

static bool copy_variables(wf_compiler *compiler)
{
  wf_network  *network   = compiler->network;
  const size_t n         = (size_t)network->n_variables;
  int32_t      recorded  = 0;
  network->variable_name = wf_calloc(n, sizeof *network->variable_name);
  network->is_species    = wf_calloc(n, sizeof *network->is_species);
  network->recorded      = wf_calloc((size_t)network->n_recorded, sizeof *network->recorded);
  network->whole         = wf_calloc((size_t)network->n_recorded, sizeof *network->whole);
  if (!network->variable_name || !network->is_species || !network->recorded || !network->whole) return false;
  for (int32_t i = 0; i < network->n_variables; i++) {
    wf_source_variable *variable = &compiler->source->variables[i];
    network->variable_name[i]    = variable->name;
    variable->name               = NULL;
    network->is_species[i]       = variable->is_species;
    if (!variable->recorded) continue;
    network->whole[recorded]      = compiler->whole[i];
    network->recorded[recorded++] = i;
  }
  return true;
}

static bool compile_network(wf_network *network)
{
  const size_t n          = (size_t)network->n_variables;
  wf_compiler  compiler   = {.network = network, .source = network->source};
  compiler.moved          = wf_calloc(n, sizeof *compiler.moved);
  compiler.whole          = wf_calloc(n, sizeof *compiler.whole);
  compiler.never_negative = wf_calloc(n, sizeof *compiler.never_negative);
  if (compiler.moved && compiler.whole && compiler.never_negative) find_movers(&compiler);
  bool good = compiler.moved && compiler.whole && compiler.never_negative && !network->problem[0] &&
              wf_compiler_substitute(&compiler) && wf_compiler_infer(&compiler) && wf_compiler_find_laws(&compiler) &&
              wf_compiler_make_programs(&compiler) && wf_compiler_find_dependencies(&compiler) && copy_variables(&compiler);
  if (!good) wf_network_remember_problem(network, "memory is short");
  wf_free(compiler.moved);
  wf_free(compiler.whole);
  wf_free(compiler.never_negative);
  wf_free(compiler.substituted);
  wf_free(compiler.affine);
  wf_free(compiler.contains);
  wf_free(compiler.lower);
  wf_free(compiler.upper);
  return good;
}

/* What the simulators ask first. */
static void summarize(wf_network *network)
{
  network->plain = !network->n_rates && !network->n_events;
  for (int32_t j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    network->modulated |= reaction->modulation >= 0 || reaction->varies;
    network->plain &= !reaction->varies;
    for (int32_t k = 0; k < reaction->n_changes; k++) network->plain &= network->changes[reaction->first_change + k].program < 0;
  }
}

bool wf_network_finish(wf_network *network, char *why, size_t why_size)
{
  if (network->finished || !network->source) wf_network_remember_problem(network, "the network was finished before");
  if (!network->problem[0]) count_parts(network);
  if (!network->problem[0] && compile_network(network)) {
    summarize(network);
    wf_network_discard_source(network);
  }
  if (why_size) snprintf(why, why_size, "%s", network->problem);
  network->finished = !network->problem[0];
  return network->finished;
}
