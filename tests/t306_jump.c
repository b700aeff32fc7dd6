/* Jump processes: ecological_evolution against its exact Markov chain, waits of any law, outputs at the times of jumps, logs,
   failures. Chi-square tests have a false-alarm rate of 1e-6 over seeds; the seeds are fixed. */
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "check.h"
#include "chi_square.h"

static const double alarm = 1e-6;
enum { ALLELES = 100, STATES = ALLELES * ALLELES };

/* --- ecological_evolution --- */

static double fitness(int x, int y)
{
  static const double peak[5][3] = {{46, 84, 9.826}, {17, 31, 9.096}, {47, 42, 8.662}, {45, 21, 7.184}, {62, 52, 7.915}};
  double              f          = 0.33;
  for (int k = 0; k < 5; k++)
    f += peak[k][2] * exp(-((x - peak[k][0]) * (x - peak[k][0]) + (y - peak[k][1]) * (y - peak[k][1])) / 200);
  return f;
}

/* State number i of the line through state `line` in which only one locus varies. */
static int state_on_line(int locus, int line, int i) { return locus ? line * ALLELES + i : i * ALLELES + line; }

/* The states of each line by increasing fitness: rank [2, ALLELES, ALLELES]. */
static void rank_lines(const double *f, int *rank)
{
  for (int line = 0; line < 2 * ALLELES; line++) {
    int *sorted = rank + line * ALLELES;
    for (int i = 0; i < ALLELES; i++) {
      int state = state_on_line(line / ALLELES, line % ALLELES, i), place = i;
      for (; place > 0 && f[sorted[place - 1]] > f[state]; place--) sorted[place] = sorted[place - 1];
      sorted[place] = state;
    }
  }
}

/* One proposal, applied to the law p [STATES] of (x, y): each of the 2 x 100 proposals has probability 1 / 200, and along a line
   mass moves to all states that are fitter. */
static void propose(const int *rank, const double *p, double *next)
{
  memset(next, 0, STATES * sizeof *next);
  for (int line = 0; line < 2 * ALLELES; line++) {
    double below = 0;
    for (int place = 0; place < ALLELES; place++) {
      int state = rank[line * ALLELES + place];
      next[state] += (below + p[state] * (place + 1)) / (2 * ALLELES);
      below += p[state];
    }
  }
}

/* Law at time 0, and after 8 and 800 proposals: p [3, STATES]. */
static void solve_chain(double *p)
{
  double *f = wf_calloc(STATES, sizeof *f), *a = wf_calloc(STATES, sizeof *a), *b = wf_calloc(STATES, sizeof *b);
  int    *rank = wf_calloc(2 * STATES, sizeof *rank);
  for (int s = 0; s < STATES; s++) f[s] = fitness(s / ALLELES, s % ALLELES);
  for (int s = 0; s < STATES; s++) a[s] = p[s] = 1.0 / STATES;
  rank_lines(f, rank);
  for (int step = 1; step <= 800; step++) {
    propose(rank, a, b);
    double *swap = a;
    a            = b;
    b            = swap;
    if (step == 8) memcpy(p + STATES, a, STATES * sizeof *p);
  }
  memcpy(p + 2 * STATES, a, STATES * sizeof *p);
  wf_free(f);
  wf_free(a);
  wf_free(b);
  wf_free(rank);
}

static void check_ecology(void)
{
  enum { N = 4000, TIMES = 3 };
  static const double times[TIMES] = {0, 1, 100};
  const wf_ssa_config config       = {.seed = 4, .n_time = TIMES, .times = times};
  char                why[192];
  wf_ssa_failure      failure;
  double             *p    = wf_calloc(TIMES * STATES, sizeof *p), observed[STATES];
  int32_t            *x    = wf_calloc((size_t)N * TIMES * 2, sizeof *x);
  int64_t            *n    = wf_calloc(N, sizeof *n);
  wf_simulator *simulator  = wf_simulator_create_jump(wf_jump_process_builtin("ecological_evolution"), &config, why, sizeof why);
  const wf_ssa_batch batch = {.first = 5, .n_traj = N, .counts = x, .n_events = n};
  WF_CHECK(simulator && wf_simulator_run(simulator, &batch, &failure));
  WF_CHECK(wf_simulator_n_counts(simulator) == 2 && wf_simulator_n_values(simulator) == 0);
  WF_CHECK(!strcmp(wf_simulator_count_name(simulator, 0), "locus_1") && !strcmp(wf_simulator_count_name(simulator, 1), "locus_2"));
  for (int i = 0; i < N; i++) WF_CHECK(n[i] == 800, "%ld jumps", (long)n[i]);
  solve_chain(p);
  for (int k = 0; k < TIMES; k++) {
    memset(observed, 0, sizeof observed);
    for (int i = 0; i < N; i++) observed[x[(i * TIMES + k) * 2] * ALLELES + x[(i * TIMES + k) * 2 + 1]]++;
    double p_value = chi_square_p_value(N, STATES, observed, p + k * STATES);
    WF_CHECK(p_value > alarm, "time %g: p = %g", times[k], p_value);
    /* it can fail: the law one proposal earlier or later is told apart while things move, and time 1 from time 0 in any case */
    if (k < 2) WF_CHECK(chi_square_p_value(N, STATES, observed, p + (1 - k) * STATES) < alarm);
  }
  /* the peak that the published figure shows drawn out to three */
  const int ridge[3] = {50 * ALLELES + 43, 51 * ALLELES + 44, 52 * ALLELES + 45};
  int       n_higher = 0;
  double    least    = 1;
  for (int i = 0; i < 3; i++) least = fmin(least, p[2 * STATES + ridge[i]]);
  for (int s = 0; s < STATES; s++) n_higher += p[2 * STATES + s] > least;
  WF_CHECK(least > 0.29 && n_higher == 2, "%g, %d", least, n_higher); /* nearly all of the mass */
  wf_simulator_destroy(&simulator);
  wf_free(p);
  wf_free(x);
  wf_free(n);
}

/* --- a counter with waits of its own --- */

typedef struct {
  double wait; /* <= 0: exponential of this rate; the counter starts at `first` and goes in steps of `step` */
  int    first, step, stop;
} counter_setting;

static void counter_start(const void *context, wf_jump_draws *draws, int32_t *x)
{
  (void)draws;
  x[0] = ((const counter_setting *)context)->first;
}

static double counter_wait(const void *context, double t, const int32_t *x, wf_jump_draws *draws)
{
  const counter_setting *setting = context;
  (void)t, (void)draws;
  return setting->stop && x[0] >= setting->stop ? INFINITY : setting->wait;
}

static void counter_jump(const void *context, double t, int32_t *x, wf_jump_draws *draws)
{
  (void)t, (void)draws;
  x[0] += ((const counter_setting *)context)->step;
}

static wf_jump_process make_counter(const counter_setting *setting)
{
  static const char *const names[] = {"ticks"};
  return (wf_jump_process){.name        = "counter",
                           .n_counts    = 1,
                           .count_names = names,
                           .context     = setting,
                           .start       = counter_start,
                           .wait        = counter_wait,
                           .jump        = counter_jump};
}

/* Jumps at 1/4, 1/2, ...: one at an output time is in that output; nothing happens after the wait became infinite. */
static void check_outputs(void)
{
  enum { TIMES = 7 };
  const double          times[TIMES] = {0, 0.25, 0.3, 0.3, 0.5, 0.74999, 90}, want[TIMES] = {3, 4, 4, 4, 5, 5, 9};
  const counter_setting setting = {.wait = 0.25, .first = 3, .step = 1, .stop = 9};
  const wf_jump_process process = make_counter(&setting);
  const wf_ssa_config   config  = {.n_time = TIMES, .times = times};
  char                  why[192];
  wf_ssa_failure        failure;
  int32_t               counts[2 * TIMES], after[12], jump[12];
  int64_t               n[2], offset[3] = {0, 6, 12};
  double                time[12];
  wf_simulator         *simulator = wf_simulator_create_jump(&process, &config, why, sizeof why);
  wf_ssa_log            log       = {.offset = offset, .time = time, .jump = jump, .counts = after};
  const wf_ssa_batch    batch     = {.n_traj = 2, .counts = counts, .n_events = n, .log = &log};
  WF_CHECK(wf_simulator_run(simulator, &batch, &failure));
  WF_CHECK(n[0] == 6 && n[1] == 6);
  for (int k = 0; k < 2 * TIMES; k++) WF_CHECK(counts[k] == want[k % TIMES], "%d at %g", counts[k], times[k % TIMES]);
  for (int i = 0; i < 12; i++) WF_CHECK(time[i] == 0.25 * (i % 6 + 1) && after[i] == 4 + i % 6 && jump[i] == 0);
  wf_simulator_destroy(&simulator);
}

static void check_failure_of(counter_setting setting, double t_end, wf_ssa_status status, double t, const char *what)
{
  const wf_jump_process process = make_counter(&setting);
  const wf_ssa_config   config  = {.n_time = 1, .times = &t_end};
  const wf_ssa_batch    batch   = {.first = 30, .n_traj = 2};
  char                  why[192];
  wf_ssa_failure        failure;
  wf_simulator         *simulator = wf_simulator_create_jump(&process, &config, why, sizeof why);
  WF_CHECK(!wf_simulator_run(simulator, &batch, &failure));
  WF_CHECK(failure.status == status && failure.trajectory == 30 && failure.time == t, "%d, %g", failure.status, failure.time);
  WF_CHECK(!strcmp(failure.what, what), "%s", failure.what);
  wf_simulator_destroy(&simulator);
}

static void check_failures(void)
{
  check_failure_of((counter_setting){.wait = 0}, 1, WF_SSA_NO_PROGRESS, 0, "counter: a waiting time of 0: must be above 0");
  check_failure_of((counter_setting){.wait = -2}, 1, WF_SSA_NO_PROGRESS, 0, "counter: a waiting time of -2: must be above 0");
  check_failure_of((counter_setting){.wait = NAN}, 1, WF_SSA_NO_PROGRESS, 0, "counter: a waiting time of nan: must be above 0");
  check_failure_of((counter_setting){.wait = 0x1p-60}, 1, WF_SSA_NO_PROGRESS, 999999 * 0x1p-60,
                   "counter: jumps without end, the last after a waiting time of 8.67362e-19");
  check_failure_of((counter_setting){.wait = 0.5, .first = 2, .step = -1}, 9, WF_SSA_COUNT_RANGE, 1.5,
                   "counter: ticks = -1 is outside 0 .. 2147483647");
  check_failure_of((counter_setting){.wait = 1, .first = -1}, 9, WF_SSA_COUNT_RANGE, 0,
                   "counter: ticks = -1 is outside 0 .. 2147483647");
}

/* --- the random numbers --- */

enum { DICE = 6, N_DRAWS = 60000 };
static double dice[DICE];
static double draw_sum, draw_square, uniform_sum;

static void count_draws(const void *context, wf_jump_draws *draws, int32_t *x)
{
  (void)context;
  x[0] = 0;
  for (int i = 0; i < N_DRAWS; i++) {
    int32_t side = wf_jump_draws_integer(draws, DICE);
    WF_CHECK(side >= 0 && side < DICE);
    dice[side]++;
    double e = wf_jump_draws_exponential(draws), u = wf_jump_draws_uniform(draws);
    WF_CHECK(e > 0 && u > 0 && u < 1);
    draw_sum += e;
    draw_square += e * e;
    uniform_sum += u;
  }
  for (int32_t n = INT32_MAX; n > INT32_MAX - 100; n--) WF_CHECK(wf_jump_draws_integer(draws, n) < n);
}

/* 5 standard deviations: 6e-7. */
static void check_draws(void)
{
  const counter_setting setting = {.wait = INFINITY};
  wf_jump_process       process = make_counter(&setting);
  const double          t_end = 1, p[DICE] = {1 / 6.0, 1 / 6.0, 1 / 6.0, 1 / 6.0, 1 / 6.0, 1 / 6.0};
  const wf_ssa_config   config = {.seed = 8, .n_time = 1, .times = &t_end};
  const wf_ssa_batch    batch  = {.n_traj = 1};
  char                  why[192];
  wf_ssa_failure        failure;
  process.start           = count_draws;
  wf_simulator *simulator = wf_simulator_create_jump(&process, &config, why, sizeof why);
  WF_CHECK(wf_simulator_run(simulator, &batch, &failure));
  WF_CHECK(chi_square_p_value(N_DRAWS, DICE, dice, p) > alarm);
  WF_CHECK(fabs(draw_sum / N_DRAWS - 1) < 5 / sqrt(N_DRAWS));
  WF_CHECK(fabs(draw_square / N_DRAWS - 2) < 5 * sqrt(20.0 / N_DRAWS));
  WF_CHECK(fabs(uniform_sum / N_DRAWS - 0.5) < 5 / sqrt(12.0 * N_DRAWS));
  wf_simulator_destroy(&simulator);
}

int main(void)
{
  check_ecology();
  check_outputs();
  check_failures();
  check_draws();
  WF_CHECK(!wf_jump_process_builtin("nothing") && !wf_jump_process_builtin_name(1) && !wf_jump_process_builtin_name(-1));
  WF_CHECK(!strcmp(wf_jump_process_builtin_name(0), "ecological_evolution"));
  return WF_TEST_END();
}
