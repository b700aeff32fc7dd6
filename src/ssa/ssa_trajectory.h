/* One trajectory of a plain network without modulation on its way: its state, its random numbers, and where it is written. Shared
   by the methods that follow one trajectory at a time. Inside ssa/ only. */
#ifndef WEIGHTFLOW_SSA_SSA_TRAJECTORY_H
#define WEIGHTFLOW_SSA_SSA_TRAJECTORY_H
#include <weightflow/ssa.h>
#include "ssa/network_impl.h"
#include "ssa/ssa_draws.h"

typedef struct {
  const wf_network *network;
  int               n_time, n_counts, n_values;
  const double     *times;
  double            t_end;
  int32_t          *count_slots, *value_slots; /* [n_counts], [n_values] recorded variables */
  double           *largest;                   /* [n_variables] above it an amount cannot be counted any more */
  double           *value;                     /* [n_slots] the state */
  wf_ssa_draws      draws;
  /* the trajectory that runs */
  const wf_ssa_batch *batch;
  int                 i_traj, next_time; /* next_time: first of the times that is not written yet */
  int64_t             n_events;
  wf_ssa_failure     *failure;
} wf_trajectory;

/* Is it a network that these methods take: plain, no modulation? If not, why [why_size] says what is in the way. */
bool wf_trajectory_accepts(const wf_network *network, char *why, size_t why_size);

/* Fetch what all trajectories share. false: memory is short (and nothing is held). */
bool wf_trajectory_create(wf_trajectory *trajectory, const wf_network *network, const wf_ssa_config *config,
                          wf_random_purpose purpose);
void wf_trajectory_discard(wf_trajectory *trajectory);

/* Put trajectory i of the batch to its start. */
void wf_trajectory_begin(wf_trajectory *trajectory, const wf_ssa_batch *batch, int i_traj, wf_ssa_failure *failure);
/* The state holds until time `until`, at which it may change: write it at all times before that. false: it cannot be counted. */
bool wf_trajectory_record(wf_trajectory *trajectory, double until);
/* Nothing happens any more up to the last time. */
bool wf_trajectory_finish(wf_trajectory *trajectory);

/* The failures that can happen at time t; all return false. */
bool wf_trajectory_fail_law(wf_trajectory *trajectory, double t, int32_t j, double propensity);
bool wf_trajectory_fail_count(wf_trajectory *trajectory, double t, int32_t slot);
bool wf_trajectory_log_jump(wf_trajectory *trajectory, double t, int32_t j);

/* Law of reaction j: wf_network_propensity, with products written out in place. */
static inline double wf_trajectory_propensity(const wf_trajectory *trajectory, int32_t j)
{
  const wf_network           *network  = trajectory->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  double                     *value    = trajectory->value;
  if (reaction->program >= 0) return wf_network_propensity(network, j, value);
  for (int32_t g = 0; g < reaction->n_guards; g++) {
    const wf_compiled_guard *guard = &network->guards[reaction->first_guard + g];
    if (value[guard->slot] < guard->minimum) return 0;
  }
  double a = reaction->rate;
  for (int32_t f = 0; f < reaction->n_factors; f++) {
    const wf_compiled_factor *factor = &network->factors[reaction->first_factor + f];
    a *= factor->scale * value[factor->slot] + factor->offset;
  }
  return a;
}

/* Reaction j fires at time t. false: an amount cannot be counted any more. */
static inline bool wf_trajectory_fire(wf_trajectory *trajectory, double t, int32_t j)
{
  const wf_network           *network  = trajectory->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  for (int32_t c = 0; c < reaction->n_changes; c++) {
    const wf_compiled_change *change = &network->changes[reaction->first_change + c];
    double                    x      = trajectory->value[change->slot] + change->amount;
    trajectory->value[change->slot]  = x;
    if (x > trajectory->largest[change->slot]) return wf_trajectory_fail_count(trajectory, t, change->slot);
  }
  trajectory->n_events++;
  return !trajectory->batch->log || wf_trajectory_log_jump(trajectory, t, j);
}

/* Is it a propensity? 2^1000 keeps sums of them finite. */
static inline bool wf_trajectory_is_propensity(double a) { return a >= 0 && a < 0x1p1000; }
#endif
