/* Expressions to programs: each shared part of an expression is computed once, in a temporary that is free again after its last
   use. The result of an instruction is never one of its operands. Pure. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/network_compile.h"

/* While programs are made, the temporaries and constants have numbers of their own: how many variables and constants there are is
   known at the end only. */
enum { FIRST_TEMPORARY = 1 << 28, FIRST_CONSTANT = 1 << 27 };

typedef struct {
  wf_compiler *compiler;
  int32_t     *slot;       /* by node: where its value is; of numbers 1 + the constant's slot, or 0 */
  int32_t     *last_use;   /* by node: the last node in the program's order that needs it */
  int32_t     *program_of; /* by node: 1 + its program, or 0 */
  int32_t     *free_slots, n_free, free_capacity, n_temporaries, n_kept;
  double      *constants;
  int32_t      n_constants, constant_capacity;
} program_maker;

/* The slot of a node without operands. */
static bool find_leaf_slot(program_maker *maker, int32_t node)
{
  wf_network    *network = maker->compiler->network;
  const wf_node *place   = &maker->compiler->source->nodes[node];
  if (place->kind == WF_NODE_SYMBOL) maker->slot[node] = place->operand[0];
  if (place->kind == WF_NODE_TIME) maker->slot[node] = network->n_variables;
  if (place->kind != WF_NODE_NUMBER || maker->slot[node]) return true;
  double *constants = wf_network_grow(network, maker->constants, maker->n_constants, &maker->constant_capacity, sizeof *constants);
  if (!constants) return false;
  maker->constants              = constants;
  maker->slot[node]             = FIRST_CONSTANT + maker->n_constants;
  constants[maker->n_constants] = place->number;
  maker->n_constants++;
  return true;
}

static bool append_instruction(program_maker *maker, wf_instruction instruction)
{
  wf_compiler    *compiler = maker->compiler;
  wf_network     *network  = compiler->network;
  wf_instruction *array =
      wf_network_grow(network, network->instructions, network->n_instructions, &compiler->instruction_capacity, sizeof *array);
  if (!array) return false;
  network->instructions            = array;
  array[network->n_instructions++] = instruction;
  return true;
}

static bool release_slot(program_maker *maker, int32_t slot)
{
  int32_t *array =
      wf_network_grow(maker->compiler->network, maker->free_slots, maker->n_free, &maker->free_capacity, sizeof *array);
  if (!array) return false;
  maker->free_slots      = array;
  array[maker->n_free++] = slot;
  return true;
}

static int32_t take_slot(program_maker *maker)
{
  return maker->n_free ? maker->free_slots[--maker->n_free] : FIRST_TEMPORARY + maker->n_kept + maker->n_temporaries++;
}

/* The instruction of one node; temporaries that it used last are free after it. kept >= 0: the result goes there. */
static bool emit_node(program_maker *maker, int32_t node, int32_t kept)
{
  const wf_node *place   = &maker->compiler->source->nodes[node];
  const int      arity   = wf_operation_arity(place->kind);
  int32_t        used[3] = {0, 0, 0};
  for (int k = 0; k < 3; k++) used[k] = maker->slot[place->operand[k < arity ? k : 0]];
  maker->slot[node] = kept >= 0 ? FIRST_TEMPORARY + kept : take_slot(maker);
  if (!append_instruction(maker, (wf_instruction){place->kind, maker->slot[node], used[0], used[1], used[2]})) return false;
  for (int k = 0; k < arity; k++) {
    bool met = false;
    for (int i = 0; i < k; i++) met |= used[i] == used[k];
    if (!met && used[k] >= FIRST_TEMPORARY && maker->last_use[place->operand[k]] == node && !release_slot(maker, used[k]))
      return false;
  }
  return true;
}

/* The program of an expression: *program becomes its number. kept >= 0: its result stands in a slot of that number among those that
   no other program with another number writes to. */
static bool make_program(program_maker *maker, int32_t kept, int32_t *program)
{
  wf_compiler        *compiler   = maker->compiler;
  wf_network         *network    = compiler->network;
  wf_network_source  *source     = compiler->source;
  const wf_expression expression = *program;
  if (expression < 0) return true;
  if (kept < 0 && maker->program_of[expression]) {
    *program = maker->program_of[expression] - 1;
    return true;
  }
  if (!wf_network_walk(network, 1, &expression, false, false)) return false;
  const int32_t first = network->n_instructions;
  for (int32_t i = 0; i < source->n_order; i++) {
    const wf_node *node = &source->nodes[source->order[i]];
    for (int k = 0; k < wf_operation_arity(node->kind); k++) maker->last_use[node->operand[k]] = source->order[i];
  }
  for (int32_t i = 0; i < source->n_order; i++) {
    const int32_t node = source->order[i];
    if (!(wf_operation_arity(source->nodes[node].kind) ? emit_node(maker, node, node == expression ? kept : -1)
                                                       : find_leaf_slot(maker, node)))
      return false;
  }
  int32_t result = maker->slot[expression];
  if (result >= FIRST_TEMPORARY && kept < 0 && !release_slot(maker, result)) return false;
  if (result < network->n_variables && kept >= 0) { /* a variable may move before its value is used: a copy */
    const int32_t one = maker->slot[wf_network_make_number(network, 1)];
    if (!append_instruction(maker, (wf_instruction){WF_MULTIPLY, FIRST_TEMPORARY + kept, result, one, result})) return false;
    result = FIRST_TEMPORARY + kept;
  }
  wf_program *programs =
      wf_network_grow(network, network->programs, network->n_programs, &compiler->program_capacity, sizeof *programs);
  if (!programs) return false;
  network->programs             = programs;
  programs[network->n_programs] = (wf_program){first, network->n_instructions - first, result};
  *program                      = network->n_programs++;
  if (kept < 0) maker->program_of[expression] = *program + 1;
  return true;
}

static bool make_change_programs(program_maker *maker)
{
  wf_network              *network = maker->compiler->network;
  const wf_network_source *source  = maker->compiler->source;
  network->changes                 = wf_calloc((size_t)source->n_changes, sizeof *network->changes);
  if (!network->changes) return false;
  for (int32_t j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    for (int32_t k = 0; k < reaction->n_changes; k++) {
      const wf_network_change *given  = &source->changes[reaction->first_change + k];
      wf_compiled_change      *change = &network->changes[reaction->first_change + k];
      *change = (wf_compiled_change){given->variable, given->expression < 0 ? -1 : maker->compiler->substituted[given->expression],
                                     given->amount};
      if (!make_program(maker, k, &change->program)) return false;
    }
  }
  return true;
}

static bool make_event_programs(program_maker *maker)
{
  wf_network        *network = maker->compiler->network;
  wf_network_source *source  = maker->compiler->source;
  const int32_t     *meaning = maker->compiler->substituted;
  network->events            = wf_calloc((size_t)network->n_events, sizeof *network->events);
  network->event_assignments = wf_calloc((size_t)source->n_event_assignments, sizeof *network->event_assignments);
  if (!network->events || !network->event_assignments) return false;
  for (int32_t e = 0; e < network->n_events; e++) {
    wf_source_event        *stored  = &source->events[e];
    const wf_network_event *given   = &stored->event;
    wf_compiled_event      *event   = &network->events[e];
    *event                          = (wf_compiled_event){.name           = stored->name,
                                                          .trigger        = meaning[given->trigger],
                                                          .delay          = given->delay < 0 ? -1 : meaning[given->delay],
                                                          .initially_true = given->initially_true,
                                                          .persistent     = given->persistent,
                                                          .n_assignments  = given->n_assignments};
    event->priority                 = given->priority < 0 ? -1 : meaning[given->priority];
    event->values_from_trigger_time = given->values_from_trigger_time;
    event->first_assignment         = stored->first_assignment;
    stored->name                    = NULL;
    if (!make_program(maker, -1, &event->trigger) || !make_program(maker, -1, &event->delay) ||
        !make_program(maker, -1, &event->priority))
      return false;
    for (int32_t k = 0; k < event->n_assignments; k++) {
      const int32_t               place = event->first_assignment + k;
      const wf_source_assignment *from  = &source->event_assignments[place];
      network->event_assignments[place] = (wf_compiled_rule){from->variable, meaning[from->expression]};
      if (!make_program(maker, k, &network->event_assignments[place].program)) return false;
    }
  }
  return true;
}

static bool make_rule_programs(program_maker *maker)
{
  wf_network *network = maker->compiler->network;
  int32_t     n       = 0;
  network->rates      = wf_calloc((size_t)network->n_rates, sizeof *network->rates);
  if (!network->rates) return false;
  for (int32_t i = 0; i < network->n_variables; i++) {
    const wf_expression rate = maker->compiler->source->variables[i].rate;
    if (rate >= 0) network->rates[n++] = (wf_compiled_rule){i, maker->compiler->substituted[rate]};
  }
  for (int32_t i = 0; i < n; i++)
    if (!make_program(maker, -1, &network->rates[i].program)) return false;
  for (int32_t i = 0; i < network->n_assignments; i++)
    if (!make_program(maker, -1, &network->assignments[i].program)) return false;
  return true;
}

static bool make_all_programs(program_maker *maker)
{
  wf_network *network = maker->compiler->network;
  for (int32_t j = 0; j < network->n_reactions; j++)
    if (!make_program(maker, -1, &network->reactions[j].program) || !make_program(maker, -1, &network->reactions[j].modulation))
      return false;
  return make_change_programs(maker) && make_event_programs(maker) && make_rule_programs(maker);
}

static void settle_slot(const wf_network *network, int32_t *slot)
{
  if (*slot >= FIRST_TEMPORARY)
    *slot += network->first_temporary - FIRST_TEMPORARY;
  else if (*slot >= FIRST_CONSTANT)
    *slot += network->time_slot + 1 - FIRST_CONSTANT;
}

/* All numbers of slots as they are; the values a trajectory starts from. */
static bool settle_slots(program_maker *maker)
{
  wf_network *network      = maker->compiler->network;
  network->time_slot       = network->n_variables;
  network->first_temporary = network->time_slot + 1 + maker->n_constants;
  network->n_slots         = network->first_temporary + maker->n_kept + maker->n_temporaries;
  for (int32_t i = 0; i < network->n_instructions; i++) {
    wf_instruction *instruction = &network->instructions[i];
    settle_slot(network, &instruction->result);
    settle_slot(network, &instruction->a);
    settle_slot(network, &instruction->b);
    settle_slot(network, &instruction->c);
  }
  for (int32_t i = 0; i < network->n_programs; i++) settle_slot(network, &network->programs[i].result);
  network->start = wf_calloc((size_t)network->n_slots, sizeof *network->start);
  if (!network->start) return false;
  for (int32_t i = 0; i < network->n_variables; i++) network->start[i] = maker->compiler->source->variables[i].initial;
  if (maker->n_constants)
    memcpy(network->start + network->time_slot + 1, maker->constants, (size_t)maker->n_constants * sizeof *network->start);
  wf_network_apply_assignments(network, network->start);
  for (int32_t i = network->first_temporary; i < network->n_slots; i++) network->start[i] = 0;
  return true;
}

/* How many values must stand side by side: the changes of a reaction, the assignments of an event. */
static int32_t count_kept(const wf_network *network)
{
  const wf_network_source *source = network->source;
  int32_t                  n      = 0;
  for (int32_t j = 0; j < network->n_reactions; j++)
    for (int32_t k = n; k < source->reactions[j].n_changes; k++)
      if (source->changes[source->reactions[j].first_change + k].expression >= 0) n = k + 1;
  for (int32_t e = 0; e < source->n_events; e++)
    if (n < source->events[e].event.n_assignments) n = source->events[e].event.n_assignments;
  return n;
}

bool wf_compiler_make_programs(wf_compiler *compiler)
{
  const wf_expression one     = wf_network_make_number(compiler->network, 1); /* for copies */
  const size_t        n_nodes = (size_t)compiler->source->n_nodes;
  program_maker       maker   = {.compiler = compiler, .n_kept = count_kept(compiler->network)};
  maker.slot                  = wf_calloc(n_nodes, sizeof *maker.slot);
  maker.last_use              = wf_calloc(n_nodes, sizeof *maker.last_use);
  maker.program_of            = wf_calloc(n_nodes, sizeof *maker.program_of);
  bool good = one >= 0 && maker.slot && maker.last_use && maker.program_of && (!maker.n_kept || find_leaf_slot(&maker, one)) &&
              make_all_programs(&maker) && settle_slots(&maker);
  wf_free(maker.slot);
  wf_free(maker.last_use);
  wf_free(maker.program_of);
  wf_free(maker.free_slots);
  wf_free(maker.constants);
  return good;
}
