/* The direct method for any network, one trajectory at a time: events, rate rules, laws that vary with time, changes by programs,
   logs. For plain networks it takes the same steps with the same bits as the lock-step engine.

   Step n takes the n-th exponential number e and the n-th uniform number u. The next candidate comes when the integral of the total
   has grown by e; what an event, a window of thinning or a step of integration uses up of it is subtracted, which is exact because
   the exponential law has no memory. u chooses the reaction and decides on thinning. The order at one time: events, then a
   reaction, then the events that it triggers, then the output. Pure. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/engine.h"
#include "ssa/ssa_general.h"

enum { MOST_JUMPS_AT_ONCE = 1000000 };
static const double default_tolerance = 1e-8;

/* --- creation --- */

static bool accept_network(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  if (config->rate == WF_SSA_RATE_FROZEN && network->n_rates) {
    snprintf(why, why_size, "rates cannot be frozen where a rate rule moves a variable (%s)",
             network->variable_name[network->rates[0].slot]);
    return false;
  }
  return true;
}

static void destroy_work(void *memory)
{
  wf_general *work = memory;
  if (!work) return;
  wf_free(work->value);
  wf_free(work->lower);
  wf_free(work->upper);
  wf_free(work->share);
  wf_free(work->sum);
  wf_free(work->certain);
  wf_free(work->peak);
  wf_free(work->has_programs);
  wf_free(work->timed);
  wf_free(work->is_timed);
  wf_free(work->change);
  wf_free(work->count_slots);
  wf_free(work->value_slots);
  wf_free(work->is_count);
  wf_events_destroy(work);
  wf_curve_destroy(work);
  wf_free(work);
}

static bool create_arrays(wf_general *work)
{
  const wf_network *network = work->network;
  const size_t      n = (size_t)network->n_reactions, n_slots = (size_t)network->n_slots;
  int32_t           n_changes = 0;
  for (size_t j = 0; j < n; j++)
    if (network->reactions[j].n_changes > n_changes) n_changes = network->reactions[j].n_changes;
  work->value        = wf_calloc(n_slots, sizeof *work->value);
  work->lower        = wf_calloc(n_slots, sizeof *work->lower);
  work->upper        = wf_calloc(n_slots, sizeof *work->upper);
  work->share        = wf_calloc(n, sizeof *work->share);
  work->sum          = wf_calloc(n, sizeof *work->sum);
  work->certain      = wf_calloc(n, sizeof *work->certain);
  work->peak         = wf_calloc(n, sizeof *work->peak);
  work->has_programs = wf_calloc(n, sizeof *work->has_programs);
  work->timed        = wf_calloc(n, sizeof *work->timed);
  work->is_timed     = wf_calloc(n, sizeof *work->is_timed);
  work->change       = wf_calloc((size_t)n_changes, sizeof *work->change);
  work->count_slots  = wf_calloc((size_t)network->n_recorded, sizeof *work->count_slots);
  work->value_slots  = wf_calloc((size_t)network->n_recorded, sizeof *work->value_slots);
  work->is_count     = wf_calloc(n_slots, sizeof *work->is_count);
  return work->value && work->lower && work->upper && work->share && work->sum && work->certain && work->peak &&
         work->has_programs && work->timed && work->is_timed && work->change && work->count_slots && work->value_slots &&
         work->is_count && wf_events_create(work) && wf_curve_create(work);
}

static void classify(wf_general *work)
{
  const wf_network *network = work->network;
  for (int32_t i = 0; i < network->n_recorded; i++) {
    const int32_t slot = network->recorded[i];
    if (network->whole[i])
      work->count_slots[work->n_counts++] = slot;
    else
      work->value_slots[work->n_values++] = slot;
    work->is_count[slot] = network->whole[i] && network->is_species[slot];
  }
  for (int32_t j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    for (int32_t i = reaction->first_change; i < reaction->first_change + reaction->n_changes; i++)
      work->has_programs[j] |= network->changes[i].program >= 0;
    work->is_timed[j] = reaction->varies || reaction->modulation >= 0;
    if (work->is_timed[j]) work->timed[work->n_timed++] = j;
  }
}

static void *create_work(const wf_network *network, const wf_ssa_config *config)
{
  wf_general *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  work->network = network;
  work->config  = *config;
  if (!(config->ode_tolerance > 0)) work->config.ode_tolerance = default_tolerance;
  work->end    = config->n_time > 0 ? config->times[config->n_time - 1] : 0;
  work->frozen = config->rate == WF_SSA_RATE_FROZEN;
  if (!create_arrays(work)) {
    destroy_work(work);
    return NULL;
  }
  classify(work);
  return work;
}

/* --- what all files use --- */

bool wf_general_fail(wf_general *work, wf_ssa_status status, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(work->failure->what, sizeof work->failure->what, format, arguments);
  va_end(arguments);
  work->failure->status     = status;
  work->failure->trajectory = work->trajectory;
  work->failure->time       = work->t;
  return false;
}

static void take_random(wf_general *work)
{
  if (work->step % WF_SSA_CHUNK == 0)
    wf_ssa_fill_random(work->config.seed, work->trajectory, work->step, work->exponential, work->uniform);
  work->left = work->exponential[work->step % WF_SSA_CHUNK];
}

void wf_general_next_step(wf_general *work)
{
  work->step++;
  take_random(work);
}

/* --- output --- */

/* The state in value as a row of counts. false: one is out of range. */
static bool write_counts(wf_general *work, double t, int32_t *row)
{
  for (int32_t i = 0; i < work->n_counts; i++) {
    const double x = work->value[work->count_slots[i]];
    if (!(x >= 0 && x <= INT32_MAX)) {
      wf_general_fail(work, WF_SSA_COUNT_RANGE, "%s is %.0f", work->network->variable_name[work->count_slots[i]], x);
      work->failure->time = t;
      return false;
    }
    row[i] = (int32_t)x;
  }
  return true;
}

static bool write_row(wf_general *work)
{
  const wf_network   *network     = work->network;
  const wf_ssa_batch *batch       = work->batch;
  const size_t        place       = (size_t)work->traj * (size_t)work->config.n_time + (size_t)work->row;
  const double        t           = work->config.times[work->row];
  work->value[network->time_slot] = t;
  if (work->on_curve) wf_curve_set_state(work, t);
  if (network->n_assignments) wf_network_apply_assignments(network, work->value);
  if (batch->values)
    for (int32_t i = 0; i < work->n_values; i++)
      batch->values[place * (size_t)work->n_values + (size_t)i] = work->value[work->value_slots[i]];
  work->curve.n_steps = 0;
  work->row++;
  return !batch->counts || write_counts(work, t, batch->counts + place * (size_t)work->n_counts);
}

/* Outputs before the moment t. */
static bool write_before(wf_general *work, double t)
{
  while (work->row < work->config.n_time && work->config.times[work->row] < t)
    if (!write_row(work)) return false;
  return true;
}

bool wf_general_log(wf_general *work, int32_t jump)
{
  const wf_ssa_log *log = work->batch->log;
  const int64_t     i   = work->n_jumps++;
  if (!log || log->offset[work->traj] + i >= log->offset[work->traj + 1]) return true;
  const size_t row = (size_t)(log->offset[work->traj] + i);
  log->time[row]   = work->t;
  log->jump[row]   = jump;
  if (!log->counts) return true;
  if (work->network->n_assignments) wf_network_apply_assignments(work->network, work->value);
  return write_counts(work, work->t, log->counts + row * (size_t)work->n_counts);
}

/* --- the loops --- */

static void set_time(wf_general *work, double t)
{
  work->t                               = t;
  work->value[work->network->time_slot] = t;
}

/* What an event may have changed: everything. */
static bool restart_laws(wf_general *work)
{
  work->curve.slope_known = false;
  work->curve.n_steps     = 0;
  return wf_laws_start(work);
}

static bool check_moving(wf_general *work, int32_t j)
{
  if (work->t > work->stuck_at) {
    work->stuck_at = work->t;
    work->n_stuck  = 0;
  }
  return work->n_stuck++ < MOST_JUMPS_AT_ONCE || wf_general_fail(work, WF_SSA_NO_PROGRESS, "reaction %s: %d jumps at one time",
                                                                 work->network->reactions[j].name, MOST_JUMPS_AT_ONCE);
}

/* A candidate at the present time: choose, fire, and what follows. */
static bool take_candidate(wf_general *work)
{
  int32_t j        = -1;
  bool    executed = false;
  if (!wf_laws_choose(work, &j)) return false;
  wf_general_next_step(work);
  if (j < 0) return true;
  if (!check_moving(work, j) || !wf_general_log(work, j) || !wf_events_after_jump(work, j, &executed)) return false;
  work->curve.slope_known = false;
  work->curve.n_steps     = 0;
  return executed ? restart_laws(work) : wf_laws_after_jump(work, j);
}

static void use_up(wf_general *work, double amount) { work->left = fmax(0, work->left - amount); }

/* The first moment in (t, limit] at which events want to be looked at. */
static double find_event(wf_general *work, double limit)
{
  if (!work->network->n_events || !(limit > work->t)) return INFINITY;
  const double next  = wf_events_next(work, limit);
  const double first = wf_events_first_crossing(work, work->t, fmin(limit, next));
  return fmin(next, first);
}

/* Look at events at the present time. */
static bool settle(wf_general *work)
{
  bool executed = false;
  return wf_events_settle(work, &executed) && (!executed || restart_laws(work));
}

/* The state is constant between jumps. Ends at the last output, or where laws have to be integrated. */
static bool run_jumps(wf_general *work)
{
  while (work->row < work->config.n_time && !work->integrated) {
    const double jump  = work->total > 0 ? work->t + work->left / work->total : INFINITY;
    const double stop  = fmin(jump, work->window_end);
    const double event = find_event(work, fmin(stop, work->end));
    const double next  = fmin(stop, event);
    if (!write_before(work, next)) return false;
    if (work->row == work->config.n_time) return true;
    if (event <= stop) {
      use_up(work, work->total * (event - work->t));
      set_time(work, event);
      if (!settle(work)) return false;
    } else if (jump > work->window_end) {
      use_up(work, work->total * (work->window_end - work->t));
      set_time(work, work->window_end);
      if (!wf_laws_next_window(work)) return false;
    } else {
      set_time(work, jump);
      if (!take_candidate(work)) return false;
    }
  }
  return true;
}

/* One step along a curve, or as much of it as there is before something happens. */
static bool follow_curve(wf_general *work)
{
  const double limit = fmin(work->end, wf_events_next(work, work->end));
  if (!wf_curve_advance(work, limit)) return false;
  work->on_curve    = true;
  const double jump = wf_curve_find_level(work, work->left), stop = fmin(jump, work->curve.end);
  const double crossing = wf_events_first_crossing(work, work->t, stop), next = fmin(stop, crossing);
  const bool   written = write_before(work, next);
  wf_curve_set_state(work, next);
  work->on_curve          = false;
  work->curve.slope_known = next >= work->curve.end;
  if (!written) return false;
  work->t = next;
  use_up(work, wf_curve_integral(work, next));
  if (crossing <= stop || next >= limit) { /* at an event's moment even where it does nothing */
    if (!settle(work)) return false;
    if (crossing <= stop || jump > stop) return true;
  }
  if (jump > stop) return true;
  return wf_laws_evaluate(work) && take_candidate(work);
}

/* Rate rules move variables, or laws are integrated. */
static bool run_curves(wf_general *work)
{
  while (work->t < work->end)
    if (!follow_curve(work)) return false;
  return write_before(work, INFINITY);
}

static bool run_trajectory(wf_general *work)
{
  const wf_network *network = work->network;
  memcpy(work->value, network->start, (size_t)network->n_slots * sizeof *work->value);
  memcpy(work->lower, network->start, (size_t)network->n_slots * sizeof *work->lower);
  memcpy(work->upper, network->start, (size_t)network->n_slots * sizeof *work->upper);
  memset(work->peak, 0, (size_t)network->n_reactions * sizeof *work->peak);
  set_time(work, 0);
  work->step        = 0;
  work->row         = 0;
  work->n_jumps     = 0;
  work->stuck_at    = -1;
  work->n_stuck     = 0;
  work->on_curve    = false;
  work->integrated  = network->n_rates > 0;
  work->has_windows = false;
  for (int32_t i = 0; i < work->n_timed; i++) work->has_windows |= network->reactions[work->timed[i]].varies;
  work->has_windows &= !work->frozen && !work->integrated;
  work->window_size = work->end;
  take_random(work);
  wf_curve_start(work);
  if (!wf_events_start(work) || !wf_laws_start(work)) return false;
  if (!work->integrated && !run_jumps(work)) return false;
  return !work->integrated || run_curves(work);
}

static bool run_batch(void *memory, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  wf_general *work = memory;
  work->batch      = batch;
  work->failure    = failure;
  for (int i = 0; i < batch->n_traj; i++) {
    work->traj       = i;
    work->trajectory = batch->first + (uint64_t)i;
    if (work->config.n_time > 0 && !run_trajectory(work)) return false;
    if (batch->n_events) batch->n_events[i] = work->n_jumps;
  }
  return true;
}

const wf_ssa_engine wf_ssa_general = {.description = "direct method, one trajectory at a time",
                                      .batch_size  = 1,
                                      .accepts     = accept_network,
                                      .create      = create_work,
                                      .destroy     = destroy_work,
                                      .run         = run_batch};
