/* What the methods that follow one trajectory at a time have in common: start, outputs, failures. Pure. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/ssa_trajectory.h"

bool wf_trajectory_accepts(const wf_network *network, char *why, size_t why_size)
{
  if (network->plain && !network->modulated) return true;
  if (network->n_events)
    snprintf(why, why_size, "event %s", network->events[0].name);
  else if (network->n_rates)
    snprintf(why, why_size, "the rate rule of %s", network->variable_name[network->rates[0].slot]);
  else
    snprintf(why, why_size, "a reaction that is more than jumps");
  for (int32_t j = 0; j < network->n_reactions && !network->n_events && !network->n_rates; j++)
    if (network->reactions[j].varies || network->reactions[j].modulation >= 0) {
      snprintf(why, why_size, "reaction %s, whose law depends on time", network->reactions[j].name);
      break;
    }
  return false;
}

/* Counts end at 2^31 - 1; amounts that are not written as counts at 2^53, from where on x + 1 may be x. */
static void set_largest(wf_trajectory *trajectory)
{
  const wf_network *network = trajectory->network;
  for (int32_t i = 0; i < network->n_variables; i++) trajectory->largest[i] = network->is_species[i] ? 0x1p53 : INFINITY;
  for (int i = 0; i < trajectory->n_counts; i++) trajectory->largest[trajectory->count_slots[i]] = INT32_MAX;
}

bool wf_trajectory_create(wf_trajectory *trajectory, const wf_network *network, const wf_ssa_config *config,
                          wf_random_purpose purpose)
{
  const size_t n = (size_t)network->n_recorded;
  *trajectory    = (wf_trajectory){.network     = network,
                                   .n_time      = config->n_time,
                                   .times       = config->times,
                                   .t_end       = config->n_time ? config->times[config->n_time - 1] : 0,
                                   .count_slots = wf_calloc(n, sizeof *trajectory->count_slots),
                                   .value_slots = wf_calloc(n, sizeof *trajectory->value_slots),
                                   .largest     = wf_calloc((size_t)network->n_variables, sizeof *trajectory->largest),
                                   .value       = wf_calloc((size_t)network->n_slots, sizeof *trajectory->value),
                                   .draws       = {.purpose = purpose, .seed = config->seed}};
  if (!trajectory->count_slots || !trajectory->value_slots || !trajectory->largest || !trajectory->value) {
    wf_trajectory_discard(trajectory);
    return false;
  }
  for (int32_t i = 0; i < network->n_recorded; i++)
    if (network->whole[i])
      trajectory->count_slots[trajectory->n_counts++] = network->recorded[i];
    else
      trajectory->value_slots[trajectory->n_values++] = network->recorded[i];
  set_largest(trajectory);
  return true;
}

void wf_trajectory_discard(wf_trajectory *trajectory)
{
  wf_free(trajectory->count_slots);
  wf_free(trajectory->value_slots);
  wf_free(trajectory->largest);
  wf_free(trajectory->value);
  *trajectory = (wf_trajectory){0};
}

void wf_trajectory_begin(wf_trajectory *trajectory, const wf_ssa_batch *batch, int i_traj, wf_ssa_failure *failure)
{
  memcpy(trajectory->value, trajectory->network->start, (size_t)trajectory->network->n_slots * sizeof *trajectory->value);
  wf_ssa_draws_start(&trajectory->draws, batch->first + (uint64_t)i_traj);
  trajectory->batch     = batch;
  trajectory->i_traj    = i_traj;
  trajectory->next_time = 0;
  trajectory->n_events  = 0;
  trajectory->failure   = failure;
}

static void set_failure(wf_trajectory *trajectory, wf_ssa_status status, double t)
{
  trajectory->failure->status     = status;
  trajectory->failure->trajectory = trajectory->batch->first + (uint64_t)trajectory->i_traj;
  trajectory->failure->time       = t;
}

bool wf_trajectory_fail_law(wf_trajectory *trajectory, double t, int32_t j, double propensity)
{
  set_failure(trajectory, propensity > 0 ? WF_SSA_COUNT_RANGE : WF_SSA_NEGATIVE_LAW, t);
  snprintf(trajectory->failure->what, sizeof trajectory->failure->what, "reaction %s has propensity %g",
           trajectory->network->reactions[j].name, propensity);
  return false;
}

bool wf_trajectory_fail_count(wf_trajectory *trajectory, double t, int32_t slot)
{
  set_failure(trajectory, WF_SSA_COUNT_RANGE, t);
  snprintf(trajectory->failure->what, sizeof trajectory->failure->what, "%s = %.15g is outside 0 .. %.0f",
           trajectory->network->variable_name[slot], trajectory->value[slot], fmin(trajectory->largest[slot], INT32_MAX));
  return false;
}

/* counts [n_counts] of the state; assignment rules must have been applied. */
static bool write_counts(wf_trajectory *trajectory, double t, int32_t *counts)
{
  for (int i = 0; i < trajectory->n_counts; i++) {
    double x = trajectory->value[trajectory->count_slots[i]];
    if (!(x >= 0 && x <= INT32_MAX)) return wf_trajectory_fail_count(trajectory, t, trajectory->count_slots[i]);
    counts[i] = (int32_t)x;
  }
  return true;
}

bool wf_trajectory_record(wf_trajectory *trajectory, double until)
{
  const wf_ssa_batch *batch    = trajectory->batch;
  const int           first    = trajectory->next_time;
  const size_t        n_counts = (size_t)trajectory->n_counts, n_values = (size_t)trajectory->n_values;
  size_t              row = (size_t)trajectory->i_traj * (size_t)trajectory->n_time + (size_t)first;
  int                 end = first;
  while (end < trajectory->n_time && trajectory->times[end] < until) end++;
  trajectory->next_time = end;
  if (end == first || (!batch->counts && !batch->values)) return true;
  if (trajectory->network->n_assignments) wf_network_apply_assignments(trajectory->network, trajectory->value);
  if (batch->counts && !write_counts(trajectory, trajectory->times[first], batch->counts + row * n_counts)) return false;
  for (size_t i = 0; batch->values && i < n_values; i++)
    batch->values[row * n_values + i] = trajectory->value[trajectory->value_slots[i]];
  for (size_t k = 1; k < (size_t)(end - first); k++) {
    if (batch->counts)
      memcpy(batch->counts + (row + k) * n_counts, batch->counts + row * n_counts, n_counts * sizeof *batch->counts);
    if (batch->values)
      memcpy(batch->values + (row + k) * n_values, batch->values + row * n_values, n_values * sizeof *batch->values);
  }
  return true;
}

bool wf_trajectory_finish(wf_trajectory *trajectory)
{
  if (trajectory->batch->n_events) trajectory->batch->n_events[trajectory->i_traj] = trajectory->n_events;
  return wf_trajectory_record(trajectory, INFINITY);
}

bool wf_trajectory_log_jump(wf_trajectory *trajectory, double t, int32_t j)
{
  const wf_ssa_log *log = trajectory->batch->log;
  const int64_t     row = log->offset[trajectory->i_traj] + trajectory->n_events - 1;
  if (row >= log->offset[trajectory->i_traj + 1]) return true; /* no room was made for it */
  log->time[row] = t;
  log->jump[row] = j;
  if (!log->counts) return true;
  if (trajectory->network->n_assignments) wf_network_apply_assignments(trajectory->network, trajectory->value);
  return write_counts(trajectory, t, log->counts + row * trajectory->n_counts);
}
