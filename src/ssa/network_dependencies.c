/* Which propensities a reaction touches: read off the compiled form. Pure. */
#include <string.h>
#include <weightflow/base.h>
#include "ssa/network_compile.h"

typedef void visit_slot(void *context, int32_t reaction, int32_t slot);

/* Call visit for the variables that reaction j's propensity contains, some of them more than once. */
static void visit_needs(const wf_network *network, int32_t j, visit_slot *visit, void *context)
{
  const wf_compiled_reaction *reaction = &network->reactions[j];
  for (int32_t k = 0; k < reaction->n_factors; k++) visit(context, j, network->factors[reaction->first_factor + k].slot);
  for (int32_t k = 0; k < reaction->n_guards; k++) visit(context, j, network->guards[reaction->first_guard + k].slot);
  if (reaction->program < 0) return;
  const wf_program *program = &network->programs[reaction->program];
  if (program->result < network->n_variables) visit(context, j, program->result);
  for (int32_t k = 0; k < program->n_instructions; k++) {
    const wf_instruction *instruction = &network->instructions[program->first + k];
    const int32_t         slot[3]     = {instruction->a, instruction->b, instruction->c};
    for (int i = 0; i < 3; i++)
      if (slot[i] < network->n_variables && (i == 0 || slot[i] != slot[0])) visit(context, j, slot[i]);
  }
}

/* The reactions that need each variable: needed_by[first[v] .. first[v + 1] - 1]. */
typedef struct {
  int32_t *first, *needed_by;
} need_list;

static void count_need(void *context, int32_t reaction, int32_t slot)
{
  (void)reaction;
  ((need_list *)context)->first[slot + 1]++;
}

/* first[v] is where the next reaction goes: it moves up to the next variable's begin. */
static void fill_need(void *context, int32_t reaction, int32_t slot)
{
  need_list *list                      = context;
  list->needed_by[list->first[slot]++] = reaction;
}

static bool make_need_list(const wf_network *network, need_list *list)
{
  const int32_t n = network->n_variables;
  list->first     = wf_calloc((size_t)n + 1, sizeof *list->first);
  if (!list->first) return false;
  for (int32_t j = 0; j < network->n_reactions; j++) visit_needs(network, j, count_need, list);
  for (int32_t v = 0; v < n; v++) list->first[v + 1] += list->first[v];
  list->needed_by = wf_calloc((size_t)list->first[n], sizeof *list->needed_by);
  if (!list->needed_by) return false;
  for (int32_t j = 0; j < network->n_reactions; j++) visit_needs(network, j, fill_need, list);
  for (int32_t v = n; v > 0; v--) list->first[v] = list->first[v - 1];
  list->first[0] = 0;
  return true;
}

/* Sort upwards: shell sort, as the lists are short. */
static void sort_upwards(int32_t *list, int32_t n)
{
  for (int32_t gap = n / 2; gap > 0; gap /= 2)
    for (int32_t i = gap; i < n; i++) {
      int32_t item = list[i], k = i;
      for (; k >= gap && list[k - gap] > item; k -= gap) list[k] = list[k - gap];
      list[k] = item;
    }
}

/* Write the reactions that j affects to `to` (NULL: only count them); met [n_reactions] must hold no `stamp` yet. */
static int32_t list_affected(const wf_network *network, const need_list *list, int32_t j, int32_t *met, int32_t stamp, int32_t *to)
{
  const wf_compiled_reaction *reaction = &network->reactions[j];
  int32_t                     n        = 0;
  for (int32_t k = 0; k < reaction->n_changes; k++) {
    const int32_t slot = network->changes[reaction->first_change + k].slot;
    for (int32_t i = list->first[slot]; i < list->first[slot + 1]; i++) {
      if (met[list->needed_by[i]] == stamp) continue;
      met[list->needed_by[i]] = stamp;
      if (to) to[n] = list->needed_by[i];
      n++;
    }
  }
  if (to) sort_upwards(to, n);
  return n;
}

bool wf_compiler_find_dependencies(wf_compiler *compiler)
{
  wf_network   *network   = compiler->network;
  const int32_t n         = network->n_reactions;
  need_list     list      = {NULL, NULL};
  int32_t      *met       = wf_calloc((size_t)n, sizeof *met);
  network->first_affected = wf_calloc((size_t)n + 1, sizeof *network->first_affected);
  bool    good            = met && network->first_affected && make_need_list(network, &list);
  int64_t total           = 0;
  for (int32_t j = 0; good && j < n; j++) {
    network->first_affected[j] = (int32_t)total;
    total += list_affected(network, &list, j, met, j + 1, NULL);
    if (total > INT32_MAX) {
      wf_network_remember_problem(network, "the network is too large: more than 2^31 dependencies between reactions");
      good = false;
    }
  }
  if (good) {
    network->first_affected[n] = (int32_t)total;
    network->affected          = wf_calloc((size_t)total, sizeof *network->affected);
    good                       = network->affected;
    for (int32_t j = 0; good && j < n; j++)
      list_affected(network, &list, j, met, -1 - j, network->affected + network->first_affected[j]);
  }
  wf_free(list.first);
  wf_free(list.needed_by);
  wf_free(met);
  return good;
}
