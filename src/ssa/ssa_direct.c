/* Gillespie's direct method (Gillespie 1977, J. Phys. Chem. 81, 2340): with total propensity a0 and two uniforms u, v
     tau = -log(u) / a0,   j = the first reaction with a_1 + ... + a_j > v a0.
   Time-dependent rates: thinning (Lewis and Shedler 1979, Nav. Res. Logist. Q. 26, 403) with propensities at their upper bound
   rate (1 + |amplitude|), or frozen at the last event.

   Propensities live in blocks of eight, as their running sums inside the block. A firing recomputes the blocks that the
   dependency graph names, always from the state and in the same order, so no rounding builds up. Sums grow from left to right, so
   a reaction of propensity 0 has the same running sum as its left neighbour and is never found. State is kept in double, exact to
   2^53. Pure. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "ssa/network_impl.h"
#include "ssa/ssa_random.h"

enum { LANES = WF_NETWORK_LANES, CHUNK = WF_SSA_CHUNK };

struct wf_ssa_work {
  const wf_network *network;
  double           *state;   /* [n_slots] */
  double           *rate;    /* [n_blocks, LANES] with the bound of the modulation, or its value at the last event */
  double           *running; /* [n_blocks, LANES] sums of propensities inside a block */
  double            exponential[CHUNK], uniform[CHUNK];
};

wf_ssa_work *wf_ssa_work_create(const wf_network *network)
{
  wf_ssa_work *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  size_t lanes  = (size_t)network->n_blocks * LANES;
  work->network = network;
  work->state   = wf_calloc((size_t)network->n_slots, sizeof *work->state);
  work->rate    = wf_calloc(lanes, sizeof *work->rate);
  work->running = wf_calloc(lanes, sizeof *work->running);
  if (!work->state || !work->rate || !work->running) wf_ssa_work_destroy(&work);
  return work;
}

void wf_ssa_work_destroy(wf_ssa_work **work)
{
  if (!*work) return;
  wf_free((*work)->state);
  wf_free((*work)->rate);
  wf_free((*work)->running);
  wf_free(*work);
  *work = NULL;
}

/* Propensities of one block from the state, as running sums. The sums are nested so that each is at least its left neighbour
   after rounding. */
static inline __attribute__((always_inline)) void refresh_block(const wf_network *network, wf_ssa_work *work, int block,
                                                                int n_factors)
{
  const double  *state = work->state, *rate = work->rate + block * LANES;
  const int32_t *factor = network->factor + block * n_factors * LANES;
  double        *sum    = work->running + block * LANES, a[LANES];

  for (int l = 0; l < LANES; l++) a[l] = rate[l] * state[factor[l]];
  for (int w = 1; w < n_factors; w++)
    for (int l = 0; l < LANES; l++) a[l] *= state[factor[w * LANES + l]];
  for (int g = network->first_guard[block]; g < network->first_guard[block + 1]; g++) {
    const wf_network_guard *guard = &network->guards[g];
    if (state[guard->species] < guard->minimum) a[guard->lane] = 0;
  }
  double pair_1 = a[2] + a[3], pair_2 = a[4] + a[5], pair_3 = a[6] + a[7];
  sum[0] = a[0];
  sum[1] = a[0] + a[1];
  sum[2] = sum[1] + a[2];
  sum[3] = sum[1] + pair_1;
  sum[4] = sum[3] + a[4];
  sum[5] = sum[3] + pair_2;
  sum[6] = sum[5] + a[6];
  sum[7] = sum[5] + pair_3;
}

/* Modulated rates at time t; used where they are frozen. */
static void freeze_rates(const wf_network *network, wf_ssa_work *work, double t)
{
  for (int m = 0; m < network->n_modulated; m++) {
    const wf_network_stored_reaction *reaction = &network->reactions[network->modulated[m]];
    work->rate[network->modulated[m]] = reaction->rate * (1 + reaction->amplitude * wf_ssa_sine_of_turns(t / reaction->period));
  }
}

/* Is a candidate of modulated reaction j at time t a real event? within [0, its bound): where the search fell inside its share.
 */
static bool accept_candidate(const wf_network *network, int j, double t, double within, double bound)
{
  const wf_network_stored_reaction *reaction = &network->reactions[j];
  double                            level    = within * (1 + fabs(reaction->amplitude));
  if (level < bound * (1 - fabs(reaction->amplitude))) return true; /* accepted at any time: most candidates need no sine */
  return level < bound * (1 + reaction->amplitude * wf_ssa_sine_of_turns(t / reaction->period));
}

/* Propensity of a reaction as it was when its block was refreshed. */
static inline double read_propensity(const wf_ssa_work *work, int j)
{
  return j % LANES ? work->running[j] - work->running[j - 1] : work->running[j];
}

/* Index of the reaction inside its block: the number of running sums at or below r. */
static inline int search_block(const double *sum, double r)
{
  int found = 0;
  for (int l = 0; l < LANES; l++) found += r >= sum[l];
  return found;
}

/* The reaction whose share of the total holds r, and *within [0, its propensity): where in it. */
static inline __attribute__((always_inline)) int find_reaction(const wf_ssa_work *work, int n_blocks, double r, double *within)
{
  int           block = 0;
  const double *sum   = work->running;
  double        below = 0;
  while (block + 1 < n_blocks && r >= below + sum[LANES - 1]) {
    below += sum[LANES - 1];
    sum += LANES;
    block++;
  }
  r -= below;
  int lane = search_block(sum, r);
  if (__builtin_expect(lane == LANES, 0)) /* the subtraction rounded up to the block's end: take its last possible reaction */
    for (lane = LANES - 1; lane > 0 && !(sum[lane] > sum[lane - 1]);) lane--;
  *within = lane ? r - sum[lane - 1] : r;
  return block * LANES + lane;
}

/* Are all counts inside 0 .. 2^31 - 1, now and for a chunk of events to come? */
static bool counts_in_range(const wf_network *network, const double *state)
{
  bool good = true;
  for (int i = 0; i < network->n_species; i++) good &= state[i] >= 0 && state[i] <= INT32_MAX - CHUNK * network->max_delta;
  return good;
}

static inline void record_state(const wf_network *network, const double *state, int32_t *row)
{
  for (int i = 0; i < network->n_recorded; i++) row[i] = (int32_t)state[network->recorded[i]];
}

/* All propensities at time 0. */
static void start_trajectory(const wf_network *network, wf_ssa_work *work, wf_ssa_rate rate, int n_factors)
{
  for (int i = 0; i < network->n_species; i++) work->state[i] = network->species[i].initial;
  work->state[network->one] = 1;
  memcpy(work->rate, network->rate, (size_t)network->n_blocks * LANES * sizeof *work->rate);
  if (rate == WF_SSA_RATE_FROZEN)
    freeze_rates(network, work, 0);
  else
    for (int m = 0; m < network->n_modulated; m++)
      work->rate[network->modulated[m]] *= 1 + fabs(network->reactions[network->modulated[m]].amplitude);
  for (int b = 0; b < network->n_blocks; b++) refresh_block(network, work, b, n_factors);
}

/* Change the state by reaction j at time t and bring the propensities up to date. */
static inline __attribute__((always_inline)) void fire_reaction(const wf_network *network, wf_ssa_work *work, bool frozen, int j,
                                                                double t, int n_blocks, int n_factors, int n_deltas)
{
  for (int i = 0; i < n_deltas; i++) work->state[network->delta_slot[j * n_deltas + i]] += network->delta[j * n_deltas + i];
  if (frozen) freeze_rates(network, work, t);
  if (n_blocks == 1)
    refresh_block(network, work, 0, n_factors);
  else {
    for (int i = network->first_affected[j]; i < network->first_affected[j + 1]; i++)
      refresh_block(network, work, network->affected[i], n_factors);
    if (frozen)
      for (int m = 0; m < network->n_modulated; m++) refresh_block(network, work, network->modulated[m] / LANES, n_factors);
  }
}

typedef struct {
  wf_ssa_rate   rate;
  uint64_t      seed, trajectory;
  int           n_time;
  const double *times;
  int32_t      *counts;
} trajectory_request;

/* One trajectory; inlined with constant sizes where they are common. */
static inline __attribute__((always_inline)) wf_ssa_status
run_trajectory(wf_ssa_work *work, const trajectory_request *request, int64_t *n_events, int n_blocks, int n_factors, int n_deltas)
{
  const wf_network *network = work->network;
  const bool        frozen = request->rate == WF_SSA_RATE_FROZEN && network->n_modulated, thinned = !frozen && network->n_modulated;
  double            t = 0, within;
  int               k = 0, i = CHUNK;
  int64_t           rejected = 0;
  uint64_t          step     = 0;

  start_trajectory(network, work, request->rate, n_factors);
  for (;; i++, step++) {
    double total = 0;
    if (i == CHUNK) {
      if (!counts_in_range(network, work->state)) return WF_SSA_COUNT_RANGE;
      wf_ssa_fill_random(request->seed, request->trajectory, step, work->exponential, work->uniform);
      i = 0;
    }
    for (int b = 0; b < n_blocks; b++) total += work->running[b * LANES + LANES - 1];
    if (!(total > 0 && total <= 1e300)) break;
    t += work->exponential[i] / total;
    if (t > request->times[k]) {
      do record_state(network, work->state, request->counts + (size_t)k++ * network->n_recorded);
      while (k < request->n_time && t > request->times[k]);
      if (k == request->n_time) break;
    }
    int j = find_reaction(work, n_blocks, work->uniform[i] * total, &within);
    if (thinned && network->modulation[j] >= 0 && !accept_candidate(network, j, t, within, read_propensity(work, j)))
      rejected++;
    else
      fire_reaction(network, work, frozen, j, t, n_blocks, n_factors, n_deltas);
  }
  *n_events = (int64_t)step - rejected;
  if (k == request->n_time) return WF_SSA_COMPLETE;
  /* nothing can happen any more */
  for (int b = 0; b < n_blocks; b++)
    if (work->running[b * LANES + LANES - 1] != 0) return WF_SSA_COUNT_RANGE;
  if (!counts_in_range(network, work->state)) return WF_SSA_COUNT_RANGE;
  for (; k < request->n_time; k++) record_state(network, work->state, request->counts + (size_t)k * network->n_recorded);
  return WF_SSA_COMPLETE;
}

/* The common shapes, each compiled for itself: everything in one block of eight reactions, and up to two factors and changes. */
static wf_ssa_status run_small(wf_ssa_work *work, const trajectory_request *request, int64_t *n_events)
{
  return run_trajectory(work, request, n_events, 1, 2, 2);
}

static wf_ssa_status run_small_third_order(wf_ssa_work *work, const trajectory_request *request, int64_t *n_events)
{
  return run_trajectory(work, request, n_events, 1, 3, 3);
}

static wf_ssa_status run_second_order(wf_ssa_work *work, const trajectory_request *request, int64_t *n_events)
{
  return run_trajectory(work, request, n_events, work->network->n_blocks, 2, 2);
}

static wf_ssa_status run_any(wf_ssa_work *work, const trajectory_request *request, int64_t *n_events)
{
  return run_trajectory(work, request, n_events, work->network->n_blocks, work->network->n_factors, work->network->n_deltas);
}

wf_ssa_status wf_ssa_direct(wf_ssa_work *work, wf_ssa_rate rate, uint64_t seed, uint64_t trajectory, int n_time,
                            const double *times, int32_t *counts, int64_t *n_events)
{
  const wf_network        *network = work->network;
  const trajectory_request request = {
      .rate = rate, .seed = seed, .trajectory = trajectory, .n_time = n_time, .times = times, .counts = counts};
  int64_t unwanted;

  if (!n_events) n_events = &unwanted;
  *n_events = 0;
  if (n_time < 1) return WF_SSA_COMPLETE;
  if (network->n_factors == 2 && network->n_deltas == 2)
    return network->n_blocks == 1 ? run_small(work, &request, n_events) : run_second_order(work, &request, n_events);
  if (network->n_blocks == 1 && network->n_factors == 3 && network->n_deltas == 3)
    return run_small_third_order(work, &request, n_events);
  return run_any(work, &request, n_events);
}
