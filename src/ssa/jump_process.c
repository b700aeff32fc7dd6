/* Trajectories of jump processes that are given as functions (weightflow/jump_process.h). The process counts its own time: the next
   jump is `wait` after the last one. Draw n of a trajectory is Philox's (seed, WF_RANDOM_JUMP, trajectory, n). Pure. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/jump_engine.h"
#include "ssa/jump_ecology.h"
#include "ssa/ssa_draws.h"

/* So many jumps in a row, each after a wait below 2^-53 of the whole time, are taken for jumps without end. */
enum { MOST_JUMPS_AT_ONCE = 1000000 };

struct wf_jump_draws {
  wf_ssa_draws numbers;
};

struct wf_jump_engine {
  const wf_jump_process *process;
  int                    n_time;
  const double          *times;
  wf_jump_draws          draws;
  int32_t               *x; /* [n_counts] */
  /* the trajectory that runs */
  const wf_ssa_batch *batch;
  int                 i_traj, next_time;
  int64_t             n_events;
  wf_ssa_failure     *failure;
};

double wf_jump_draws_uniform(wf_jump_draws *draws) { return wf_ssa_draws_uniform(&draws->numbers); }
double wf_jump_draws_exponential(wf_jump_draws *draws) { return wf_ssa_draws_exponential(&draws->numbers); }

/* u < 1 has 53 bits, so that u n < n after rounding as well. */
int32_t wf_jump_draws_integer(wf_jump_draws *draws, int32_t n) { return (int32_t)(wf_ssa_draws_uniform(&draws->numbers) * n); }

static const wf_jump_process *const builtin[] = {&wf_jump_ecological_evolution};
enum { N_BUILTIN = sizeof builtin / sizeof *builtin };

const wf_jump_process *wf_jump_process_builtin(const char *name)
{
  for (int i = 0; i < N_BUILTIN; i++)
    if (!strcmp(builtin[i]->name, name)) return builtin[i];
  return NULL;
}

const char *wf_jump_process_builtin_name(int i) { return i >= 0 && i < N_BUILTIN ? builtin[i]->name : NULL; }

wf_jump_engine *wf_jump_engine_create(const wf_jump_process *process, const wf_ssa_config *config)
{
  wf_jump_engine *engine = wf_calloc(1, sizeof *engine);
  if (!engine) return NULL;
  engine->process = process;
  engine->n_time  = config->n_time;
  engine->times   = config->times;
  engine->draws   = (wf_jump_draws){.numbers = {.purpose = WF_RANDOM_JUMP, .seed = config->seed}};
  engine->x       = wf_calloc((size_t)process->n_counts, sizeof *engine->x);
  if (!engine->x) wf_jump_engine_destroy(&engine);
  return engine;
}

void wf_jump_engine_destroy(wf_jump_engine **engine)
{
  if (!*engine) return;
  wf_free((*engine)->x);
  wf_free(*engine);
  *engine = NULL;
}

__attribute__((format(printf, 4, 5))) static bool fail(wf_jump_engine *engine, wf_ssa_status status, double t, const char *format,
                                                       ...)
{
  va_list arguments;
  *engine->failure = (wf_ssa_failure){.status = status, .trajectory = engine->batch->first + (uint64_t)engine->i_traj, .time = t};
  va_start(arguments, format);
  vsnprintf(engine->failure->what, sizeof engine->failure->what, format, arguments);
  va_end(arguments);
  return false;
}

static bool check_counts(wf_jump_engine *engine, double t)
{
  for (int i = 0; i < engine->process->n_counts; i++)
    if (engine->x[i] < 0)
      return fail(engine, WF_SSA_COUNT_RANGE, t, "%s: %s = %d is outside 0 .. 2147483647", engine->process->name,
                  engine->process->count_names[i], (int)engine->x[i]);
  return true;
}

/* The state holds until time `until`: write it at the times before that. */
static void record_until(wf_jump_engine *engine, double until)
{
  const size_t n = (size_t)engine->process->n_counts;
  for (; engine->next_time < engine->n_time && engine->times[engine->next_time] < until; engine->next_time++) {
    size_t row = (size_t)engine->i_traj * (size_t)engine->n_time + (size_t)engine->next_time;
    if (engine->batch->counts) memcpy(engine->batch->counts + row * n, engine->x, n * sizeof *engine->x);
  }
}

static void log_jump(wf_jump_engine *engine, double t)
{
  const wf_ssa_log *log = engine->batch->log;
  const size_t      n   = (size_t)engine->process->n_counts;
  const int64_t     row = log->offset[engine->i_traj] + engine->n_events - 1;
  if (row >= log->offset[engine->i_traj + 1]) return; /* no room was made for it */
  log->time[row] = t;
  log->jump[row] = 0;
  if (log->counts) memcpy(log->counts + (size_t)row * n, engine->x, n * sizeof *engine->x);
}

/* The time of the next jump, infinity: none. false: it does not lie ahead. */
static bool find_next_time(wf_jump_engine *engine, double t, double t_end, double *next, int *n_at_once)
{
  const wf_jump_process *process = engine->process;
  const double           wait    = process->wait(process->context, t, engine->x, &engine->draws);
  if (!(wait > 0)) return fail(engine, WF_SSA_NO_PROGRESS, t, "%s: a waiting time of %g: must be above 0", process->name, wait);
  *next      = t + wait;
  *n_at_once = wait > 0x1p-53 * t_end ? 0 : *n_at_once + 1;
  if (*n_at_once < MOST_JUMPS_AT_ONCE) return true;
  return fail(engine, WF_SSA_NO_PROGRESS, t, "%s: jumps without end, the last after a waiting time of %g", process->name, wait);
}

static bool run_trajectory(wf_jump_engine *engine)
{
  const wf_jump_process *process = engine->process;
  const double           t_end   = engine->n_time ? engine->times[engine->n_time - 1] : 0;
  double                 t = 0, next = 0;
  int                    n_at_once = 0;
  memset(engine->x, 0, (size_t)process->n_counts * sizeof *engine->x);
  process->start(process->context, &engine->draws, engine->x);
  if (!check_counts(engine, 0)) return false;
  for (;;) {
    if (!find_next_time(engine, t, t_end, &next, &n_at_once)) return false;
    if (next > t_end) break;
    record_until(engine, next);
    process->jump(process->context, next, engine->x, &engine->draws);
    if (!check_counts(engine, next)) return false;
    engine->n_events++;
    if (engine->batch->log) log_jump(engine, next);
    t = next;
  }
  record_until(engine, INFINITY);
  if (engine->batch->n_events) engine->batch->n_events[engine->i_traj] = engine->n_events;
  return true;
}

bool wf_jump_engine_run(wf_jump_engine *engine, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  engine->batch   = batch;
  engine->failure = failure;
  for (int i = 0; i < batch->n_traj; i++) {
    engine->i_traj    = i;
    engine->next_time = 0;
    engine->n_events  = 0;
    wf_ssa_draws_start(&engine->draws.numbers, batch->first + (uint64_t)i);
    if (!run_trajectory(engine)) return false;
  }
  return true;
}
