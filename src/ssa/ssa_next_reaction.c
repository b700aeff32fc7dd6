/* The next reaction method (Gibson and Bruck 2000, J. Phys. Chem. A 104, 1876): each reaction has its own clock, a heap finds the
   one that rings first, and the dependency graph says which clocks a firing changes.

   A clock holds what is left of a unit exponential: it runs down at the speed of the reaction's propensity and rings at 0 (the
   hazards of Anderson 2007, J. Chem. Phys. 127, 214107, reaction by reaction). Reaction j, brought up to date at time s_j with l_j
   left, rings at s_j + l_j / a_j. When its propensity changes at t, l_j -= a_j (t - s_j), s_j = t: this is Gibson and Bruck's
   rescaled waiting time, and needs no case of its own for a propensity that was 0, whose clock merely stood still. Rounding cannot
   pile up, because a clock that rings is set anew. One exponential a jump; cost: out-degree times the logarithm of the number of
   reactions; memory linear. Pure. */
#include <math.h>
#include <weightflow/base.h>
#include "ssa/engine.h"
#include "ssa/ssa_trajectory.h"

typedef struct {
  double  propensity, left, since;
  int32_t position; /* in the heap */
} reaction_clock;

/* Four children a node: entries 4 i + 1 .. 4 i + 4, which share a cache line as the heap begins three entries into one. */
typedef struct {
  double  time;
  int32_t reaction;
} heap_entry;
enum { CHILDREN = 4, HEAP_OFFSET = 3 };

typedef struct {
  wf_trajectory   trajectory;
  int32_t         n;
  reaction_clock *clocks; /* [n] */
  heap_entry     *memory, *heap;
} next_reaction_work;

static bool accept_network(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  (void)config;
  return wf_trajectory_accepts(network, why, why_size);
}

static void destroy_work(void *memory)
{
  next_reaction_work *work = memory;
  if (!work) return;
  wf_trajectory_discard(&work->trajectory);
  wf_free(work->clocks);
  wf_free(work->memory);
  wf_free(work);
}

static void *create_work(const wf_network *network, const wf_ssa_config *config)
{
  next_reaction_work *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  const size_t n = (size_t)network->n_reactions;
  work->n        = network->n_reactions;
  work->clocks   = wf_calloc(n, sizeof *work->clocks);
  work->memory   = wf_calloc(n + HEAP_OFFSET, sizeof *work->memory);
  if (!work->clocks || !work->memory || !wf_trajectory_create(&work->trajectory, network, config, WF_RANDOM_NEXT_REACTION)) {
    destroy_work(work);
    return NULL;
  }
  work->heap = work->memory + HEAP_OFFSET;
  return work;
}

static inline void put_entry(next_reaction_work *work, int32_t i, heap_entry entry)
{
  work->heap[i]                         = entry;
  work->clocks[entry.reaction].position = i;
}

static void sift_up(next_reaction_work *work, int32_t i, heap_entry entry)
{
  while (i > 0) {
    int32_t parent = (i - 1) / CHILDREN;
    if (!(entry.time < work->heap[parent].time)) break;
    put_entry(work, i, work->heap[parent]);
    i = parent;
  }
  put_entry(work, i, entry);
}

static void sift_down(next_reaction_work *work, int32_t i, heap_entry entry)
{
  for (;;) {
    int64_t first = (int64_t)i * CHILDREN + 1;
    if (first >= work->n) break;
    int32_t end = first + CHILDREN < work->n ? (int32_t)first + CHILDREN : work->n, least = (int32_t)first;
    for (int32_t child = least + 1; child < end; child++)
      if (work->heap[child].time < work->heap[least].time) least = child;
    if (!(work->heap[least].time < entry.time)) break;
    put_entry(work, i, work->heap[least]);
    i = least;
  }
  put_entry(work, i, entry);
}

/* When does the clock ring, as things are? */
static inline double ring_time(const reaction_clock *clock)
{
  return clock->propensity > 0 ? clock->since + clock->left / clock->propensity : INFINITY;
}

/* Move reaction k to its place in the heap. */
static inline void reschedule(next_reaction_work *work, int32_t k)
{
  const int32_t    i     = work->clocks[k].position;
  const heap_entry entry = {ring_time(&work->clocks[k]), k};
  if (entry.time < work->heap[i].time)
    sift_up(work, i, entry);
  else
    sift_down(work, i, entry);
}

static bool start_clocks(next_reaction_work *work)
{
  wf_trajectory *trajectory = &work->trajectory;
  for (int32_t j = 0; j < work->n; j++) {
    double a = wf_trajectory_propensity(trajectory, j);
    if (!wf_trajectory_is_propensity(a)) return wf_trajectory_fail_law(trajectory, 0, j, a);
    work->clocks[j] = (reaction_clock){.propensity = a, .left = wf_ssa_draws_exponential(&trajectory->draws)};
    put_entry(work, j, (heap_entry){ring_time(&work->clocks[j]), j});
  }
  for (int32_t i = work->n / CHILDREN; i >= 0; i--)
    if (i < work->n) sift_down(work, i, work->heap[i]);
  return true;
}

/* Reaction j has fired at t: set its clock anew, and bring those up to date whose propensities it changed. */
static bool update_clocks(next_reaction_work *work, int32_t j, double t)
{
  wf_trajectory    *trajectory = &work->trajectory;
  const wf_network *network    = trajectory->network;
  double            a          = wf_trajectory_propensity(trajectory, j);
  if (!wf_trajectory_is_propensity(a)) return wf_trajectory_fail_law(trajectory, t, j, a);
  work->clocks[j].propensity = a;
  work->clocks[j].left       = wf_ssa_draws_exponential(&trajectory->draws);
  work->clocks[j].since      = t;
  reschedule(work, j);
  for (int32_t i = network->first_affected[j]; i < network->first_affected[j + 1]; i++) {
    const int32_t   k     = network->affected[i];
    reaction_clock *clock = &work->clocks[k];
    if (k == j) continue;
    a = wf_trajectory_propensity(trajectory, k);
    if (a == clock->propensity) continue;
    if (!wf_trajectory_is_propensity(a)) return wf_trajectory_fail_law(trajectory, t, k, a);
    double left       = clock->left - clock->propensity * (t - clock->since);
    clock->left       = left > 0 ? left : 0;
    clock->since      = t;
    clock->propensity = a;
    reschedule(work, k);
  }
  return true;
}

static bool run_trajectory(next_reaction_work *work)
{
  wf_trajectory *trajectory = &work->trajectory;
  if (!start_clocks(work)) return false;
  while (work->n && work->heap[0].time <= trajectory->t_end) {
    const double  t = work->heap[0].time;
    const int32_t j = work->heap[0].reaction;
    if (!wf_trajectory_record(trajectory, t) || !wf_trajectory_fire(trajectory, t, j) || !update_clocks(work, j, t)) return false;
  }
  return wf_trajectory_finish(trajectory);
}

static bool run_batch(void *memory, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  next_reaction_work *work = memory;
  for (int i = 0; i < batch->n_traj; i++) {
    wf_trajectory_begin(&work->trajectory, batch, i, failure);
    if (!run_trajectory(work)) return false;
  }
  return true;
}

const wf_ssa_engine wf_ssa_next_reaction = {.description = "next reaction method",
                                            .batch_size  = 1,
                                            .accepts     = accept_network,
                                            .create      = create_work,
                                            .destroy     = destroy_work,
                                            .run         = run_batch};
