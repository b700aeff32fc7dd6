/* Stochastic simulation against exact laws, against a plain hand-written direct method, and against itself.
   Each statistical check has a false-alarm rate of about 1e-6 over seeds; the seeds are fixed, so a pass stays a pass. */
#include <weightflow/base.h>
#include <weightflow/params_table.h>
#include <weightflow/random.h>
#include <weightflow/ssa.h>
#include "check.h"
#include "chi_square.h"
#include "ssa/ssa_random.h"

static const double two_pi = 6.283185307179586, alarm = 1e-6;

/* Chi-square p-value of counts x [n] against the law p [n_law]; the rest of its mass lies beyond. */
static double fit_p_value(int n, const int32_t *x, int n_law, const double *p)
{
  double *observed = wf_calloc((size_t)n_law, sizeof *observed);
  for (int i = 0; i < n; i++)
    if (x[i] < n_law) observed[x[i]]++;
  const double p_value = chi_square_p_value(n, n_law, observed, p);
  wf_free(observed);
  return p_value;
}

static void fill_poisson(double mean, int n, double *p)
{
  for (int c = 0; c < n; c++) p[c] = exp(c * log(mean) - mean - lgamma(c + 1.0));
}

/* Trajectories first .. first + n_traj - 1 by whichever method is chosen by itself: counts [n_traj, n_time, n_recorded], and the
   numbers of events where they are wanted. */
static void simulate(const wf_network *network, wf_ssa_rate rate, uint64_t seed, uint64_t first, int n_traj, int n_time,
                     const double *times, int32_t *counts, int64_t *n_events)
{
  char                why[256] = "";
  const wf_ssa_config config   = {.rate = rate, .seed = seed, .n_time = n_time, .times = times};
  const wf_ssa_batch  batch    = {.first = first, .n_traj = n_traj, .counts = counts, .n_events = n_events};
  wf_ssa_failure      failure;
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  WF_CHECK(simulator, "%s", why);
  if (!simulator) return;
  WF_CHECK(wf_simulator_n_counts(simulator) == wf_network_n_recorded(network) && wf_simulator_n_values(simulator) == 0);
  WF_CHECK(wf_simulator_run(simulator, &batch, &failure) && failure.status == WF_SSA_COMPLETE, "%s", failure.what);
  wf_simulator_destroy(&simulator);
  WF_CHECK(!simulator);
}

/* x [n_time, n_traj] = the only recorded species of trajectories 0 .. n_traj - 1. */
static void simulate_all(const wf_network *network, wf_ssa_rate rate, int n_traj, int n_time, const double *times, int32_t *x)
{
  int32_t *counts = wf_calloc((size_t)(n_traj * n_time), sizeof *counts);
  simulate(network, rate, 11, 0, n_traj, n_time, times, counts, NULL);
  for (int i = 0; i < n_traj; i++)
    for (int k = 0; k < n_time; k++) x[k * n_traj + i] = counts[i * n_time + k];
  wf_free(counts);
}

static void finish(wf_network *network)
{
  char why[256];
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
}

static void check_random(void)
{
  double e[WF_SSA_CHUNK], v[WF_SSA_CHUNK], u[2];
  for (uint64_t step = 0; step < 40 * WF_SSA_CHUNK; step += WF_SSA_CHUNK) {
    uint64_t first = step < 20 * WF_SSA_CHUNK ? step : step + (UINT64_C(5) << 32); /* and where the counter's first word is full */
    wf_ssa_fill_random(0x123456789abcdef, 77, first, e, v);
    for (uint64_t i = 0; i < WF_SSA_CHUNK; i++) {
      wf_random_uniform2(0x123456789abcdef, WF_RANDOM_SSA, 77 + (first >> 32 << 32), (uint32_t)(first + i), u);
      WF_CHECK(v[i] == u[1]);
      WF_CHECK(fabs(e[i] + log(u[0])) <= 3e-16 * -log(u[0]), "%.17g %.17g", e[i], -log(u[0]));
    }
  }
  for (int i = 0; i < 2000; i++) {
    double turns = i * 0.0371;
    WF_CHECK(fabs(wf_ssa_sine_of_turns(turns) - sin(two_pi * (turns - floor(turns)))) < 1e-15);
  }
}

/* 0 -> X, X -> 0: stationary Poisson. */
static void check_birth_death(void)
{
  enum { N = 20000, LAW = 40 };
  double      p[LAW], times[1] = {12};
  int32_t    *x       = wf_calloc(N, sizeof *x);
  wf_network *network = wf_network_create("birth and death");
  wf_network_add_species(network, "X", 0, true);
  wf_network_add_equation(network, "0 -> X", 8, 0, 0);
  wf_network_add_equation(network, "X -> 0", 1, 0, 0);
  finish(network);
  simulate_all(network, WF_SSA_RATE_EXACT, N, 1, times, x);
  fill_poisson(8 * (1 - exp(-12)), LAW, p);
  WF_CHECK(fit_p_value(N, x, LAW, p) > alarm);
  fill_poisson(8 * 1.05, LAW, p); /* the check can fail: five per cent off is seen */
  WF_CHECK(fit_p_value(N, x, LAW, p) < alarm);
  wf_network_destroy(&network);
  wf_free(x);
}

/* X -> 0 from 30: binomial at all times, and the state stays when nothing is left to happen. */
static void check_death(void)
{
  enum { N = 20000, LAW = 31, TIMES = 4 };
  const double times[TIMES] = {0.5, 1, 3, 1000};
  double       p[LAW];
  int32_t     *x       = wf_calloc(N * TIMES, sizeof *x);
  wf_network  *network = wf_network_create("death");
  wf_network_add_species(network, "X", 30, true);
  wf_network_add_equation(network, "X -> 0", 0.5, 0, 0);
  finish(network);
  simulate_all(network, WF_SSA_RATE_EXACT, N, TIMES, times, x);
  for (int k = 0; k < 3; k++) {
    double q = exp(-0.5 * times[k]);
    for (int c = 0; c < LAW; c++) p[c] = exp(lgamma(31) - lgamma(c + 1.0) - lgamma(31.0 - c) + c * log(q) + (30 - c) * log1p(-q));
    WF_CHECK(fit_p_value(N, x + k * N, LAW, p) > alarm, "t = %g", times[k]);
  }
  for (int i = 0; i < N; i++) WF_CHECK(x[3 * N + i] == 0);
  wf_network_destroy(&network);
  wf_free(x);
}

/* Independent Poisson counts with mean (10/6) (5/6)^(i-1), the last one 5 E X14. */
static void check_cascade(void)
{
  enum { N = 2000, D = 15 };
  wf_network *network = wf_network_create_builtin("signalling_cascade_1");
  int32_t(*all)[D]    = wf_calloc(N, sizeof *all);
  double sum[D] = {0}, square[D] = {0}, covariance = 0, times[1] = {20};
  WF_CHECK(wf_network_n_recorded(network) == D && !strcmp(wf_network_recorded_name(network, 14), "X15"));
  simulate(network, WF_SSA_RATE_EXACT, 5, 0, N, 1, times, all[0], NULL);
  for (int i = 0; i < N; i++) {
    const int32_t *x = all[i];
    for (int s = 0; s < D; s++) sum[s] += x[s];
    for (int s = 0; s < D; s++) square[s] += (double)x[s] * x[s];
    covariance += (double)x[12] * x[13];
  }
  for (int s = 0; s < D; s++) {
    double law  = s < 14 ? 10.0 / 6 * pow(5.0 / 6, s) : 5 * 10.0 / 6 * pow(5.0 / 6, 13);
    double mean = sum[s] / N, variance = square[s] / N - mean * mean;
    WF_CHECK(fabs(mean - law) < 5 * sqrt(law / N), "X%d: %g against %g", s + 1, mean, law);
    WF_CHECK(fabs(variance - law) < 5 * sqrt((law + 2 * law * law) / N), "X%d: %g against %g", s + 1, variance, law);
  }
  covariance = covariance / N - sum[12] / N * sum[13] / N;
  WF_CHECK(fabs(covariance) < 5 * sqrt(sum[12] / N * sum[13] / N / N), "%g", covariance);
  wf_free(all);
  wf_network_destroy(&network);
}

/* 0 -> X at a rate that comes and goes: Poisson with the integrated rate; frozen rates give another law. */
static void check_modulated_birth(void)
{
  enum { N = 20000, LAW = 60, TIMES = 3 };
  const double times[TIMES] = {1, 3, 6.5}, amplitude[2] = {0.9, -0.6};
  double       p[LAW];
  int32_t     *x = wf_calloc(N * TIMES, sizeof *x);
  for (int a = 0; a < 2; a++) {
    wf_network *network = wf_network_create("season");
    double      worst   = 1;
    wf_network_add_species(network, "X", 0, true);
    wf_network_add_equation(network, "0 -> X", 2, amplitude[a], 4);
    finish(network);
    WF_CHECK(wf_network_is_modulated(network));
    for (int frozen = 0; frozen < 2; frozen++) {
      simulate_all(network, frozen ? WF_SSA_RATE_FROZEN : WF_SSA_RATE_EXACT, N, TIMES, times, x);
      for (int k = 0; k < TIMES; k++) {
        fill_poisson(2 * (times[k] + amplitude[a] * 4 / two_pi * (1 - cos(two_pi * times[k] / 4))), LAW, p);
        double p_value = fit_p_value(N, x + k * N, LAW, p);
        if (frozen)
          worst = fmin(worst, p_value);
        else
          WF_CHECK(p_value > alarm, "t = %g, amplitude %g: p = %g", times[k], amplitude[a], p_value);
      }
    }
    WF_CHECK(worst < alarm, "frozen rates were not told apart");
    wf_network_destroy(&network);
  }
  wf_free(x);
}

/* Twenty reactions, some that never fire: species i is Poisson with its own rate. */
static void check_many_reactions(void)
{
  enum { N = 4000, D = 20 };
  wf_network *network = wf_network_create("many");
  double      sum[D] = {0}, times[1] = {1};
  int32_t(*all)[D] = wf_calloc(N, sizeof *all);
  for (int i = 0; i < D; i++) {
    char name[16];
    snprintf(name, sizeof name, "Y%d", i);
    int                       species  = wf_network_add_species(network, name, 0, true);
    const wf_network_term     change   = {species, 1};
    const wf_network_reaction reaction = {.rate = i % 4 == 3 || i == 8 ? 0 : 0.5 + i, .n_changes = 1, .changes = &change};
    wf_network_add_reaction(network, &reaction);
  }
  finish(network);
  simulate(network, WF_SSA_RATE_EXACT, 2, 0, N, 1, times, all[0], NULL);
  for (int n = 0; n < N; n++)
    for (int i = 0; i < D; i++) sum[i] += all[n][i];
  for (int i = 0; i < D; i++) {
    double law = i % 4 == 3 || i == 8 ? 0 : 0.5 + i;
    WF_CHECK(fabs(sum[i] / N - law) <= 5 * sqrt(law / N), "%d: %g against %g", i, sum[i] / N, law);
  }
  wf_free(all);
  wf_network_destroy(&network);
}

/* Totals are kept by conversions; 2 A -> B leaves one A although x^2 is not 0 at 1; A + A is 2 A. */
static void check_conservation(void)
{
  enum { N = 200, TIMES = 50 };
  static int32_t all[N][TIMES][3], last[N][2];
  static int64_t events[N], pair_events[N];
  double         times[TIMES];
  wf_network    *ring = wf_network_create("ring"), *pairs = wf_network_create("pairs");
  for (int k = 0; k < TIMES; k++) times[k] = 0.2 * k;
  for (int s = 0; s < 3; s++) wf_network_add_species(ring, (const char *[]){"A", "B", "C"}[s], 20 * s, true);
  wf_network_add_equation(ring, "A -> B", 1, 0, 0);
  wf_network_add_equation(ring, "B -> C", 2, 0.5, 3);
  wf_network_add_equation(ring, "2 C -> A+ C", 0.1, 0, 0);
  finish(ring);
  wf_network_add_species(pairs, "A", 11, true);
  wf_network_add_species(pairs, "B", 0, true);
  wf_network_add_equation(pairs, "A + A -> B", 1, 0, 0);
  finish(pairs);
  simulate(ring, WF_SSA_RATE_EXACT, 1, 0, N, TIMES, times, all[0][0], events);
  simulate(pairs, WF_SSA_RATE_EXACT, 1, 0, N, 1, (double[]){1e6}, last[0], pair_events);
  for (int n = 0; n < N; n++) {
    const int32_t(*x)[3] = (const int32_t(*)[3])all[n];
    WF_CHECK(events[n] > 20 && x[0][0] == 0 && x[0][1] == 20 && x[0][2] == 40);
    for (int k = 0; k < TIMES; k++) WF_CHECK(x[k][0] + x[k][1] + x[k][2] == 60 && x[k][0] >= 0 && x[k][1] >= 0 && x[k][2] >= 0);
    WF_CHECK(last[n][0] == 1 && last[n][1] == 5 && pair_events[n] == 5);
  }
  wf_network_destroy(&ring);
  wf_network_destroy(&pairs);
}

/* --- the same trajectories from the definition, written as plainly as possible --- */

enum { MAX_CHANGES = 4 };
typedef struct {
  const char *name;
  int         n_reactions, n_species;
  double      t_end;
  int         initial[MAX_CHANGES], change[8][MAX_CHANGES];
} plain_model;

static const plain_model plain_epidemic = {
    "epidemic", 6, 3, 50, {50, 10, 0}, {{-1, 1, 0}, {0, -1, 1}, {1, 0, -1}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}}};
static const plain_model plain_toggle = {
    "toggle_switch",
    8,
    4,
    4,
    {1, 1, 0, 0},
    {{0, 0, 1, 0}, {0, 0, 0, 1}, {0, 0, -1, 0}, {0, 0, 0, -1}, {0, -1, -2, 0}, {-1, 0, 0, -2}, {0, 1, 2, 0}, {1, 0, 0, 2}}};

static void find_propensities(const plain_model *model, const double *x, double season, double *a)
{
  if (model == &plain_epidemic) {
    const double rates[6] = {0.003 * season * x[0] * x[1], 0.02 * x[1], 0.007 * x[2], 0.002 * x[0], 0.05 * x[1], 0.002 * x[2]};
    memcpy(a, rates, sizeof rates);
  } else {
    const double rates[8] = {50 * x[0],
                             50 * x[1],
                             x[2],
                             x[3],
                             x[2] < 2 ? 0 : 1e-4 * x[2] * x[2] * x[1],
                             x[3] < 2 ? 0 : 1e-4 * x[3] * x[3] * x[0],
                             0.1 * (1 - x[1]),
                             0.1 * (1 - x[0])};
    memcpy(a, rates, sizeof rates);
  }
}

static void simulate_plainly(const plain_model *model, bool frozen, uint64_t trajectory, int n_time, const double *times,
                             int32_t *counts)
{
  double x[MAX_CHANGES], a[8], t = 0, last_event = 0;
  int    k = 0;
  for (int s = 0; s < model->n_species; s++) x[s] = model->initial[s];
  for (uint32_t step = 0;; step++) {
    double u[2], total = 0, season = frozen ? 1 + 0.2 * sin(two_pi * last_event / 6) : 1.2;
    int    j = 0;
    wf_random_uniform2(9, WF_RANDOM_SSA, trajectory, step, u);
    find_propensities(model, x, season, a);
    for (int r = 0; r < model->n_reactions; r++) total += a[r];
    t -= log(u[0]) / total;
    for (; k < n_time && (t > times[k] || total == 0); k++)
      for (int s = 0; s < model->n_species; s++) counts[k * model->n_species + s] = (int32_t)x[s];
    if (k == n_time) return;
    double left = u[1] * total;
    while (left >= a[j]) left -= a[j++];
    if (model == &plain_epidemic && !frozen && j == 0 && left >= a[0] / 1.2 * (1 + 0.2 * sin(two_pi * t / 6))) continue;
    for (int s = 0; s < model->n_species; s++) x[s] += model->change[j][s];
    last_event = t;
  }
}

static void check_against_plain(const plain_model *model, wf_ssa_rate rate, int n_traj)
{
  enum { TIMES = 101 };
  const size_t row = (size_t)(TIMES * model->n_species);
  double       times[TIMES];
  int32_t     *ours = wf_calloc((size_t)n_traj * row, sizeof *ours), *plain = wf_calloc(row, sizeof *plain);
  int          equal   = 0;
  wf_network  *network = wf_network_create_builtin(model->name);
  WF_CHECK(wf_network_n_recorded(network) == model->n_species);
  for (int k = 0; k < TIMES; k++) times[k] = k * model->t_end / (TIMES - 1);
  simulate(network, rate, 9, 0, n_traj, TIMES, times, ours, NULL);
  for (int i = 0; i < n_traj; i++) {
    simulate_plainly(model, rate == WF_SSA_RATE_FROZEN, (uint64_t)i, TIMES, times, plain);
    equal += !memcmp(ours + (size_t)i * row, plain, row * sizeof *ours);
  }
  WF_CHECK(equal >= n_traj - 1, "%s: %d of %d trajectories are equal", model->name, equal, n_traj); /* rounding may part one */
  wf_network_destroy(&network);
  wf_free(ours);
  wf_free(plain);
}

/* Trajectory 13 is the same alone and after others, on a fine grid and on a coarse one, and others are others. */
static void check_independence(void)
{
  enum { MANY = 40, FINE = 101, COARSE = 11, D = 3 };
  static int32_t many[MANY][FINE][D];
  wf_network    *network = wf_network_create_builtin("epidemic");
  double         fine[FINE], coarse[COARSE];
  int32_t        other[FINE][D], alone[COARSE][D];
  int64_t        events[MANY], events_alone;
  for (int k = 0; k < FINE; k++) fine[k] = 0.5 * k;
  for (int k = 0; k < COARSE; k++) coarse[k] = fine[10 * k];
  simulate(network, WF_SSA_RATE_EXACT, 4, 0, MANY, FINE, fine, many[0][0], events);
  simulate(network, WF_SSA_RATE_EXACT, 4, 13, 1, COARSE, coarse, alone[0], &events_alone);
  WF_CHECK(events[13] == events_alone && events_alone > 20);
  for (int k = 0; k < COARSE; k++) WF_CHECK(!memcmp(many[13][10 * k], alone[k], sizeof alone[k]));
  simulate(network, WF_SSA_RATE_EXACT, 5, 13, 1, FINE, fine, other[0], NULL);
  WF_CHECK(memcmp(other[100], alone[10], sizeof alone[10]) || memcmp(other[50], alone[5], sizeof alone[5]));
  wf_network_destroy(&network);
}

/* A model that grows beyond all bounds is told, with the first trajectory that did. */
static void check_explosion(void)
{
  int32_t             x[4];
  char                why[256] = "";
  double              times[1] = {100};
  wf_network         *network  = wf_network_create("explosion");
  const wf_ssa_config config   = {.seed = 1, .n_time = 1, .times = times};
  const wf_ssa_batch  batch    = {.first = 7, .n_traj = 4, .counts = x};
  wf_ssa_failure      failure  = {.status = WF_SSA_COMPLETE};
  wf_network_add_species(network, "X", 1, true);
  wf_network_add_reaction(network, &(wf_network_reaction){.rate        = 1,
                                                          .n_reactants = 1,
                                                          .reactants   = &(wf_network_term){0, 1},
                                                          .n_changes   = 1,
                                                          .changes     = &(wf_network_term){0, 1000000}});
  finish(network);
  wf_simulator *simulator = wf_simulator_create(network, &config, why, sizeof why);
  WF_CHECK(simulator && !wf_simulator_run(simulator, &batch, &failure) && failure.status == WF_SSA_COUNT_RANGE);
  WF_CHECK(failure.trajectory == 7 && failure.what[0], "trajectory %d: %s", (int)failure.trajectory, failure.what);
  wf_simulator_destroy(&simulator);
  wf_network_destroy(&network);
}

/* The parameter table offers the built-in systems and no others. */
#define FIND_CHOICES(group, name, type, value, low, high, choices, ...)                                                            \
  if (!strcmp(#name, "system")) offered = choices;
static void check_choices(void)
{
  const char *offered     = NULL;
  char        names[1024] = "";
  WF_PARAMS_SIMULATE(FIND_CHOICES)
  for (int i = 0; wf_network_builtin_name(i); i++)
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? "|" : "", wf_network_builtin_name(i));
  for (int i = 0; wf_jump_process_builtin_name(i); i++)
    snprintf(names + strlen(names), sizeof names - strlen(names), "|%s", wf_jump_process_builtin_name(i));
  WF_CHECK(offered && !strcmp(offered, names), "%s offered, %s built in", offered, names);
}

int main(void)
{
  WF_CHECK_CLOSE(chi_square_tail(18.30704, 10), 0.05, 1e-6); /* the yardstick itself */
  WF_CHECK_CLOSE(chi_square_tail(3.940299, 10), 0.95, 1e-6);
  check_random();
  check_birth_death();
  check_death();
  check_cascade();
  check_modulated_birth();
  check_many_reactions();
  check_conservation();
  check_against_plain(&plain_epidemic, WF_SSA_RATE_EXACT, 400);
  check_against_plain(&plain_epidemic, WF_SSA_RATE_FROZEN, 400);
  check_against_plain(&plain_toggle, WF_SSA_RATE_EXACT, 60);
  check_independence();
  check_explosion();
  check_choices();
  return WF_TEST_END();
}
