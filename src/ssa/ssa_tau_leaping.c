/* Explicit tau-leaping (Cao, Gillespie and Petzold 2006, J. Chem. Phys. 124, 044109): over a step in which propensities hardly
   change, reaction j fires a Poisson number of times with mean a_j tau.

   1. Reactions that are near the end of a species are critical: at most one of them fires a step.
   2. tau' from the others (ssa_leap_limits.h); shorter than 10 / a0: 100 steps of the direct method instead.
   3. tau'' = when a critical reaction fires next. tau = the least of tau', tau'' and the time to the next output.
   4. Firings; where an amount or a law would become negative, half the step. Of K firings in a step those of its first half are a
      binomial number (K, 1/2): the half step keeps what was drawn, while drawing anew would favour steps that end well.
   n_events counts firings, those of whole leaps included; single firings have no times, so there is no log. Pure. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/engine.h"
#include "ssa/ssa_leap_limits.h"
#include "ssa/ssa_samplers.h"
#include "ssa/ssa_trajectory.h"

enum { EXACT_STEPS = 100, FIRINGS_WORTH_A_LEAP = 10 };
static const double default_error = 0.03, most_firings = 0x1p50; /* of a leap, so that they can be counted */

typedef struct {
  wf_trajectory   trajectory;
  wf_leap_limits *limits;
  int32_t         n;
  double         *propensity, *next_propensity, *firings; /* [n] */
  bool           *critical;                               /* [n] */
  double         *old_value;                              /* [n_variables] */
} leap_work;

static bool accept_network(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  if (!(config->tau_error >= 0 && config->tau_error < 1)) {
    snprintf(why, why_size, "an error of %g in tau-leaping: must be between 0 and 1", config->tau_error);
    return false;
  }
  return wf_trajectory_accepts(network, why, why_size);
}

static void destroy_work(void *memory)
{
  leap_work *work = memory;
  if (!work) return;
  wf_trajectory_discard(&work->trajectory);
  wf_leap_limits_destroy(&work->limits);
  wf_free(work->propensity);
  wf_free(work->next_propensity);
  wf_free(work->firings);
  wf_free(work->critical);
  wf_free(work->old_value);
  wf_free(work);
}

static void *create_work(const wf_network *network, const wf_ssa_config *config)
{
  leap_work *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  const size_t n        = (size_t)network->n_reactions;
  work->n               = network->n_reactions;
  work->limits          = wf_leap_limits_create(network, config->tau_error > 0 ? config->tau_error : default_error);
  work->propensity      = wf_calloc(n, sizeof *work->propensity);
  work->next_propensity = wf_calloc(n, sizeof *work->next_propensity);
  work->firings         = wf_calloc(n, sizeof *work->firings);
  work->critical        = wf_calloc(n, sizeof *work->critical);
  work->old_value       = wf_calloc((size_t)network->n_variables, sizeof *work->old_value);
  if (!work->limits || !work->propensity || !work->next_propensity || !work->firings || !work->critical || !work->old_value ||
      !wf_trajectory_create(&work->trajectory, network, config, WF_RANDOM_TAU_LEAPING)) {
    destroy_work(work);
    return NULL;
  }
  return work;
}

/* The state at t: outputs at exactly t are written too. */
static bool record_until_and_at(leap_work *work, double t)
{
  return wf_trajectory_record(&work->trajectory, nextafter(t, INFINITY));
}

static double sum_propensities(const leap_work *work, bool only_critical)
{
  double sum = 0;
  for (int32_t j = 0; j < work->n; j++) sum += only_critical && !work->critical[j] ? 0 : work->propensity[j];
  return sum;
}

/* The reaction that r in (0, sum of propensities) falls on; by rounding it may be none: the last that can fire. */
static int32_t choose_reaction(const leap_work *work, bool only_critical, double r)
{
  double  sum  = 0;
  int32_t last = -1;
  for (int32_t j = 0; j < work->n; j++) {
    if (!(work->propensity[j] > 0) || (only_critical && !work->critical[j])) continue;
    sum += work->propensity[j];
    last = j;
    if (sum > r) break;
  }
  return last;
}

/* Up to EXACT_STEPS steps of the direct method; *t is where they end, infinity where the trajectory does. */
static bool run_exactly(leap_work *work, double *t)
{
  wf_trajectory    *trajectory = &work->trajectory;
  const wf_network *network    = trajectory->network;
  for (int step = 0; step < EXACT_STEPS; step++) {
    const double total = sum_propensities(work, false);
    const int    draw  = wf_ssa_draws_advance(&trajectory->draws);
    const double next  = *t + trajectory->draws.exponential[draw] / total;
    if (!(next <= trajectory->t_end)) {
      *t = INFINITY;
      return true;
    }
    const int32_t j = choose_reaction(work, false, trajectory->draws.uniform[draw] * total);
    *t              = next;
    if (!wf_trajectory_record(trajectory, next) || !wf_trajectory_fire(trajectory, next, j)) return false;
    for (int32_t i = network->first_affected[j]; i < network->first_affected[j + 1]; i++) {
      const int32_t k     = network->affected[i];
      work->propensity[k] = wf_trajectory_propensity(trajectory, k);
      if (!wf_trajectory_is_propensity(work->propensity[k]))
        return wf_trajectory_fail_law(trajectory, next, k, work->propensity[k]);
    }
  }
  return true;
}

/* Draw the firings of a step; `critical` >= 0 fires once at its end. */
static void draw_firings(leap_work *work, double tau, int32_t critical)
{
  for (int32_t j = 0; j < work->n; j++)
    work->firings[j] = work->critical[j] ? 0 : wf_ssa_poisson(&work->trajectory.draws, work->propensity[j] * tau);
  if (critical >= 0) work->firings[critical] = 1;
}

/* Keep those firings that lie in the first half of the step. */
static void halve_firings(leap_work *work)
{
  for (int32_t j = 0; j < work->n; j++)
    work->firings[j] = work->critical[j] ? 0 : wf_ssa_binomial(&work->trajectory.draws, work->firings[j], 0.5);
}

/* Move the state by the firings, and the propensities with it. false: an amount or a law became negative. */
static bool apply_firings(leap_work *work)
{
  const wf_network *network = work->trajectory.network;
  double           *value   = work->trajectory.value;
  for (int32_t j = 0; j < work->n; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    if (!(work->firings[j] > 0)) continue;
    for (int32_t c = 0; c < reaction->n_changes; c++) {
      const wf_compiled_change *change = &network->changes[reaction->first_change + c];
      value[change->slot] += change->amount * work->firings[j];
    }
  }
  for (int32_t i = 0; i < network->n_variables; i++)
    if (network->is_species[i] && value[i] < 0) return false;
  for (int32_t j = 0; j < work->n; j++) {
    work->next_propensity[j] = wf_trajectory_propensity(&work->trajectory, j);
    if (!(work->next_propensity[j] >= 0)) return false;
  }
  return true;
}

/* A leap was made, up to t. */
static bool accept_leap(leap_work *work, double t)
{
  wf_trajectory *trajectory = &work->trajectory;
  double        *swap       = work->propensity;
  work->propensity          = work->next_propensity;
  work->next_propensity     = swap;
  for (int32_t j = 0; j < work->n; j++) trajectory->n_events += (int64_t)work->firings[j];
  for (int32_t i = 0; i < trajectory->network->n_variables; i++)
    if (trajectory->value[i] > trajectory->largest[i]) return wf_trajectory_fail_count(trajectory, t, i);
  for (int32_t j = 0; j < work->n; j++)
    if (!wf_trajectory_is_propensity(work->propensity[j])) return wf_trajectory_fail_law(trajectory, t, j, work->propensity[j]);
  return record_until_and_at(work, t);
}

/* A leap of at most `longest` from *t, not beyond the next output; where it must become too short to be worth it, exact steps. */
static bool leap_or_run(leap_work *work, double longest, double total, double *t)
{
  wf_trajectory *trajectory = &work->trajectory;
  const double   target = trajectory->times[trajectory->next_time], too_short = FIRINGS_WORTH_A_LEAP / total;
  if (longest < too_short) return run_exactly(work, t);
  const double critical_total = sum_propensities(work, true);
  const int    draw           = wf_ssa_draws_advance(&trajectory->draws);
  const double until_critical = critical_total > 0 ? trajectory->draws.exponential[draw] / critical_total : INFINITY;
  const double u              = trajectory->draws.uniform[draw];
  double       tau            = fmin(fmin(longest, most_firings / total), fmin(until_critical, target - *t));
  const bool   to_target      = tau >= target - *t;
  const bool   fires          = !to_target && until_critical <= tau;
  const size_t size           = (size_t)trajectory->network->n_variables * sizeof *work->old_value;

  draw_firings(work, tau, fires ? choose_reaction(work, true, u * critical_total) : -1);
  memcpy(work->old_value, trajectory->value, size);
  if (apply_firings(work)) {
    *t = to_target ? target : *t + tau;
    return accept_leap(work, *t);
  }
  do {
    memcpy(trajectory->value, work->old_value, size);
    tau /= 2;
    if (tau < too_short) return run_exactly(work, t);
    halve_firings(work);
  } while (!apply_firings(work));
  *t += tau;
  return accept_leap(work, *t);
}

static bool run_trajectory(leap_work *work)
{
  wf_trajectory *trajectory = &work->trajectory;
  double         t          = 0;
  for (int32_t j = 0; j < work->n; j++) {
    work->propensity[j] = wf_trajectory_propensity(trajectory, j);
    if (!wf_trajectory_is_propensity(work->propensity[j])) return wf_trajectory_fail_law(trajectory, 0, j, work->propensity[j]);
  }
  if (!record_until_and_at(work, 0)) return false;
  while (trajectory->next_time < trajectory->n_time) {
    const double total = sum_propensities(work, false);
    if (!(total > 0) || isinf(t)) break;
    const double longest = wf_leap_limits_find_step(work->limits, trajectory->value, work->propensity, work->critical);
    if (!leap_or_run(work, longest, total, &t)) return false;
  }
  return wf_trajectory_finish(trajectory);
}

static bool run_batch(void *memory, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  leap_work *work = memory;
  for (int i = 0; i < batch->n_traj; i++) {
    wf_trajectory_begin(&work->trajectory, batch, i, failure);
    if (batch->log) {
      *failure = (wf_ssa_failure){.status = WF_SSA_NO_PROGRESS, .trajectory = batch->first};
      snprintf(failure->what, sizeof failure->what, "tau-leaping knows no times of single jumps: no log can be written");
      return false;
    }
    if (!run_trajectory(work)) return false;
  }
  return true;
}

const wf_ssa_engine wf_ssa_tau_leaping = {.description = "tau-leaping",
                                          .batch_size  = 1,
                                          .accepts     = accept_network,
                                          .create      = create_work,
                                          .destroy     = destroy_work,
                                          .run         = run_batch};
