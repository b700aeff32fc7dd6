/* Events as SBML Level 3 (section 4.11) has them. A trigger that becomes true puts its event among the pending ones, for now or,
   with a delay, for later. What is due is executed one by one: the highest priority first, ties by lot, events without a priority
   last and in the order in which they were triggered. After each execution all triggers are looked at again: others may be
   triggered, and pending events that are not persistent are forgotten where their trigger is no longer true. Pure. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/random.h>
#include "ssa/ssa_general.h"

enum { MOST_PENDING = 1 << 24, MOST_AT_ONCE = 100000 };
/* Executions closer together than this part of the time count as simultaneous for telling that time stands still. */
static const double standstill = 1e-12;

/* --- what triggers depend on --- */

static bool reads_slot(const wf_network *network, int32_t program, int32_t slot)
{
  const wf_program *p = &network->programs[program];
  if (p->result == slot) return true;
  for (int32_t i = p->first; i < p->first + p->n_instructions; i++) {
    const wf_instruction *instruction = &network->instructions[i];
    if (instruction->a == slot || instruction->b == slot || instruction->c == slot) return true;
  }
  return false;
}

static bool reads_variables(const wf_network *network, int32_t program)
{
  const wf_program *p = &network->programs[program];
  if (p->result < network->n_variables) return true;
  for (int32_t i = p->first; i < p->first + p->n_instructions; i++) {
    const wf_instruction *instruction = &network->instructions[i];
    if (instruction->a < network->n_variables || instruction->b < network->n_variables || instruction->c < network->n_variables)
      return true;
  }
  return false;
}

static wf_trigger_kind find_kind(const wf_network *network, int32_t trigger)
{
  const bool reads_time = reads_slot(network, trigger, network->time_slot);
  if (reads_time && !reads_variables(network, trigger)) return WF_TRIGGER_OF_TIME;
  if (reads_time) return WF_TRIGGER_OF_BOTH;
  for (int32_t i = 0; i < network->n_rates; i++)
    if (reads_slot(network, trigger, network->rates[i].slot)) return WF_TRIGGER_OF_BOTH;
  return WF_TRIGGER_OF_STATE;
}

static bool watches(const wf_network *network, int32_t e, int32_t j)
{
  const wf_compiled_reaction *reaction = &network->reactions[j];
  for (int32_t i = reaction->first_change; i < reaction->first_change + reaction->n_changes; i++)
    if (reads_slot(network, network->events[e].trigger, network->changes[i].slot)) return true;
  return false;
}

/* Which events watch which reactions: counted first, then listed. */
static bool list_watchers(wf_general *work)
{
  const wf_network *network = work->network;
  work->first_watcher       = wf_calloc((size_t)network->n_reactions + 1, sizeof *work->first_watcher);
  if (!work->first_watcher) return false;
  for (int listing = 0; listing < 2; listing++) {
    int32_t n = 0;
    for (int32_t j = 0; j < network->n_reactions; j++) {
      work->first_watcher[j] = n;
      for (int32_t e = 0; e < network->n_events; e++)
        if (watches(network, e, j)) {
          if (listing) work->watchers[n] = e;
          n++;
        }
    }
    work->first_watcher[network->n_reactions] = n;
    if (!listing) work->watchers = wf_calloc((size_t)n, sizeof *work->watchers);
    if (!work->watchers) return false;
  }
  return true;
}

bool wf_events_create(wf_general *work)
{
  const wf_network *network = work->network;
  const size_t      n       = (size_t)network->n_events;
  work->kind                = wf_calloc(n, sizeof *work->kind);
  work->holds               = wf_calloc(n, sizeof *work->holds);
  work->changes_at          = wf_calloc(n, sizeof *work->changes_at);
  if (!work->kind || !work->holds || !work->changes_at || !list_watchers(work)) return false;
  for (int32_t e = 0; e < network->n_events; e++) {
    work->kind[e] = find_kind(network, network->events[e].trigger);
    if (network->events[e].n_assignments > work->n_kept) work->n_kept = network->events[e].n_assignments;
  }
  work->assigned = wf_calloc((size_t)work->n_kept, sizeof *work->assigned);
  return work->assigned;
}

void wf_events_destroy(wf_general *work)
{
  wf_free(work->kind);
  wf_free(work->holds);
  wf_free(work->changes_at);
  wf_free(work->first_watcher);
  wf_free(work->watchers);
  wf_free(work->pending);
  wf_free(work->pending_values);
  wf_free(work->assigned);
}

/* --- pending events --- */

static double *values_of(const wf_general *work, int32_t i) { return work->pending_values + (size_t)i * (size_t)work->n_kept; }

static bool grow_queue(wf_general *work)
{
  const int32_t capacity = work->capacity ? 2 * work->capacity : 16;
  if (capacity > MOST_PENDING) return wf_general_fail(work, WF_SSA_NO_PROGRESS, "more than %d events are pending", MOST_PENDING);
  wf_pending_event *pending = wf_calloc((size_t)capacity, sizeof *pending);
  double           *values  = wf_calloc((size_t)capacity * (size_t)work->n_kept, sizeof *values);
  if (!pending || !values) {
    wf_free(pending);
    wf_free(values);
    return wf_general_fail(work, WF_SSA_NO_PROGRESS, "no memory for %d pending events", (int)capacity);
  }
  if (work->capacity) {
    memcpy(pending, work->pending, (size_t)work->n_pending * sizeof *pending);
    memcpy(values, work->pending_values, (size_t)work->n_pending * (size_t)work->n_kept * sizeof *values);
  }
  wf_free(work->pending);
  wf_free(work->pending_values);
  work->pending        = pending;
  work->pending_values = values;
  work->capacity       = capacity;
  return true;
}

static void find_due(wf_general *work)
{
  work->due = INFINITY;
  for (int32_t i = 0; i < work->n_pending; i++) work->due = fmin(work->due, work->pending[i].time);
}

static void remove_pending(wf_general *work, int32_t i)
{
  const int32_t last = --work->n_pending;
  if (i == last) return;
  work->pending[i] = work->pending[last];
  memcpy(values_of(work, i), values_of(work, last), (size_t)work->n_kept * sizeof *work->pending_values);
}

static void evaluate_assignments(wf_general *work, int32_t e, double *values)
{
  const wf_network        *network = work->network;
  const wf_compiled_event *event   = &network->events[e];
  for (int32_t i = 0; i < event->n_assignments; i++)
    values[i] = wf_program_run(network, network->event_assignments[event->first_assignment + i].program, work->value);
}

/* --- triggers --- */

static bool trigger_event(wf_general *work, int32_t e)
{
  const wf_network        *network = work->network;
  const wf_compiled_event *event   = &network->events[e];
  const double             delay   = event->delay < 0 ? 0 : wf_program_run(network, event->delay, work->value);
  if (!(delay >= 0)) return wf_general_fail(work, WF_SSA_NO_PROGRESS, "event %s: its delay is %g", event->name, delay);
  if (work->n_pending == work->capacity && !grow_queue(work)) return false;
  const int32_t i  = work->n_pending++;
  work->pending[i] = (wf_pending_event){.time = work->t + delay, .event = e, .order = work->n_triggered++};
  if (event->values_from_trigger_time) evaluate_assignments(work, e, values_of(work, i));
  work->due = fmin(work->due, work->pending[i].time);
  return true;
}

static void forget_event(wf_general *work, int32_t e)
{
  for (int32_t i = work->n_pending - 1; i >= 0; i--)
    if (work->pending[i].event == e) remove_pending(work, i);
  find_due(work);
}

/* Bring one trigger up to date, and what follows from its change. */
static bool look_at_trigger(wf_general *work, int32_t e)
{
  const wf_compiled_event *event = &work->network->events[e];
  const double             truth = wf_program_run(work->network, event->trigger, work->value);
  const bool               holds = truth < 0 || truth > 0, held = work->holds[e];
  work->holds[e] = holds;
  if (holds && !held) return trigger_event(work, e);
  if (!holds && held && !event->persistent) forget_event(work, e);
  return true;
}

static bool look_at_all_triggers(wf_general *work)
{
  if (work->network->n_assignments) wf_network_apply_assignments(work->network, work->value);
  for (int32_t e = 0; e < work->network->n_events; e++)
    if (!look_at_trigger(work, e)) return false;
  return true;
}

/* --- execution --- */

/* Is priority a better than b? NaN, also for "none", is the worst. */
static bool is_better(double a, double b) { return a > b || (isnan(b) && !isnan(a)); }

/* Which of the pending events that are due is executed next. */
static int32_t choose_pending(wf_general *work)
{
  const wf_network *network = work->network;
  double            best    = NAN;
  int32_t           chosen = -1, n_best = 0;
  for (int32_t i = 0; i < work->n_pending; i++) {
    const int32_t program = network->events[work->pending[i].event].priority;
    if (work->pending[i].time > work->t) continue;
    const double priority = program < 0 ? NAN : wf_program_run(network, program, work->value);
    if (chosen < 0 || is_better(priority, best)) {
      best   = priority;
      chosen = i;
      n_best = 1;
    } else if (isnan(priority) && isnan(best)) {
      if (work->pending[i].order < work->pending[chosen].order) chosen = i;
    } else if (priority == best) {
      /* The m-th of equals takes the place with probability 1 / m: each is as likely. In the order of the queue, which is a
         function of the trajectory alone. */
      n_best++;
      const double u = wf_random_uniform(work->config.seed, WF_RANDOM_SSA_TIE, work->trajectory, work->n_ties++);
      if (u * n_best < 1) chosen = i;
    }
  }
  return chosen;
}

static bool check_standstill(wf_general *work, int32_t e)
{
  if (work->t > work->stuck_at + standstill * fabs(work->t)) {
    work->stuck_at = work->t;
    work->n_stuck  = 0;
  }
  return work->n_stuck++ < MOST_AT_ONCE ||
         wf_general_fail(work, WF_SSA_NO_PROGRESS, "event %s: %d events at one time", work->network->events[e].name, MOST_AT_ONCE);
}

static bool execute_pending(wf_general *work, int32_t i)
{
  const wf_network        *network = work->network;
  const int32_t            e       = work->pending[i].event;
  const wf_compiled_event *event   = &network->events[e];
  if (!check_standstill(work, e)) return false;
  if (event->values_from_trigger_time)
    memcpy(work->assigned, values_of(work, i), (size_t)event->n_assignments * sizeof *work->assigned);
  else
    evaluate_assignments(work, e, work->assigned);
  remove_pending(work, i);
  find_due(work);
  for (int32_t a = 0; a < event->n_assignments; a++) {
    const int32_t slot = network->event_assignments[event->first_assignment + a].slot;
    if (!isfinite(work->assigned[a]))
      return wf_general_fail(work, WF_SSA_COUNT_RANGE, "event %s sets %s to %g", event->name, network->variable_name[slot],
                             work->assigned[a]);
    work->value[slot] = work->assigned[a];
  }
  return look_at_all_triggers(work) && wf_general_log(work, network->n_reactions + e);
}

/* Execute all that is due now; triggers of time then look for their next change. */
static bool execute_due(wf_general *work, bool *executed)
{
  while (work->due <= work->t) {
    *executed = true;
    if (!execute_pending(work, choose_pending(work))) return false;
  }
  return true;
}

static void find_next_changes(wf_general *work)
{
  for (int32_t e = 0; e < work->network->n_events; e++)
    if (work->kind[e] == WF_TRIGGER_OF_TIME && work->changes_at[e] <= work->t) {
      const bool on_curve = work->on_curve;
      work->on_curve      = false;
      work->changes_at[e] = wf_crossing_find(work, e, work->t, work->end);
      work->on_curve      = on_curve;
    }
  work->value[work->network->time_slot] = work->t;
}

bool wf_events_settle(wf_general *work, bool *executed)
{
  if (!look_at_all_triggers(work) || !execute_due(work, executed)) return false;
  find_next_changes(work);
  return true;
}

bool wf_events_start(wf_general *work)
{
  const wf_network *network  = work->network;
  bool              executed = false;
  work->n_pending            = 0;
  work->n_triggered          = 0;
  work->n_ties               = 0;
  work->due                  = INFINITY;
  for (int32_t e = 0; e < network->n_events; e++) {
    work->holds[e]      = network->events[e].initially_true;
    work->changes_at[e] = 0;
  }
  return !network->n_events || wf_events_settle(work, &executed);
}

bool wf_events_after_jump(wf_general *work, int32_t j, bool *executed)
{
  if (work->first_watcher[j] == work->first_watcher[j + 1]) return true;
  if (work->network->n_assignments) wf_network_apply_assignments(work->network, work->value);
  for (int32_t i = work->first_watcher[j]; i < work->first_watcher[j + 1]; i++)
    if (!look_at_trigger(work, work->watchers[i])) return false;
  return execute_due(work, executed);
}

double wf_events_next(const wf_general *work, double limit)
{
  double next = work->due <= limit ? work->due : INFINITY;
  for (int32_t e = 0; e < work->network->n_events; e++)
    if (work->kind[e] == WF_TRIGGER_OF_TIME && work->changes_at[e] <= limit) next = fmin(next, work->changes_at[e]);
  return next;
}

double wf_events_first_crossing(wf_general *work, double from, double to)
{
  double first = INFINITY;
  for (int32_t e = 0; e < work->network->n_events; e++)
    if (work->kind[e] == WF_TRIGGER_OF_BOTH) first = fmin(first, wf_crossing_find(work, e, from, fmin(to, first)));
  return first;
}
