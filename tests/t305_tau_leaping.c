/* Tau-leaping: its Poisson and binomial numbers against their laws, its moments against exact ones, how its error shrinks, and that
   nothing becomes negative. Chi-square tests have a false-alarm rate of 1e-6 over seeds, z tests 5 standard deviations (6e-7); the
   seeds are fixed. */
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "check.h"
#include "chi_square.h"
#include "ssa/ssa_leap_limits.h"
#include "ssa/ssa_samplers.h"

static const double alarm = 1e-6;

/* --- samplers --- */

static double log_poisson(double k, double mean, double unused)
{
  (void)unused;
  return k * log(mean) - mean - lgamma(k + 1);
}

static double log_binomial(double k, double n, double p)
{
  return k <= n ? lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p) : -INFINITY;
}

/* Draws against a law, in cells of a sixteenth of a standard deviation (at least one number each) over 8 of them to either side. */
static void check_sampler(bool binomial, double a, double b)
{
  enum { N = 60000, CELLS = 300 };
  const double mean = binomial ? a * b : a, deviation = sqrt(binomial ? a * b * (1 - b) : a);
  const double width = fmax(1, floor(deviation / 16)), first = fmax(0, floor(mean - 8 * deviation));
  double       p[CELLS] = {0}, wrong[CELLS] = {0}, observed[CELLS] = {0};
  wf_ssa_draws draws                          = {.purpose = WF_RANDOM_TEST, .seed = 3};
  double (*const law)(double, double, double) = binomial ? log_binomial : log_poisson;
  wf_ssa_draws_start(&draws, (uint64_t)mean);
  for (int i = 0; i < N; i++) {
    const double k = binomial ? wf_ssa_binomial(&draws, a, b) : wf_ssa_poisson(&draws, a), cell = floor((k - first) / width);
    WF_CHECK(k >= 0 && k == floor(k) && (!binomial || k <= a));
    if (cell >= 0 && cell < CELLS) observed[(int)cell]++;
  }
  const double shift = 0.05 * deviation / mean; /* the test can fail: a mean that is a twentieth of a deviation off */
  for (int c = 0; c < CELLS && first + c * width < mean + 8 * deviation + 10; c++)
    for (double k = first + c * width; k < first + (c + 1) * width; k++) {
      p[c] += exp(law(k, a, b));
      wrong[c] += exp(binomial ? law(k, a, b * (1 - shift)) : law(k, a * (1 - shift), b));
    }
  const double p_value = chi_square_p_value(N, CELLS, observed, p);
  WF_CHECK(p_value > alarm, "%s %g %g: p = %g", binomial ? "binomial" : "poisson", a, b, p_value);
  WF_CHECK(chi_square_p_value(N, CELLS, observed, wrong) < alarm, "%s %g %g", binomial ? "binomial" : "poisson", a, b);
}

static void check_samplers(void)
{
  static const double means[]        = {0.3, 3, 9.999, 10, 15.5, 60, 1000, 1e6};
  static const double binomials[][2] = {{5, 0.3},    {20, 0.5},   {19, 0.5},   {50, 0.9},
                                        {100, 0.05}, {1000, 0.5}, {2e6, 1e-5}, {1e6, 0.5}};
  wf_ssa_draws        draws          = {.purpose = WF_RANDOM_TEST, .seed = 3};
  wf_ssa_draws_start(&draws, 0);
  for (size_t i = 0; i < sizeof means / sizeof *means; i++) check_sampler(false, means[i], 0);
  for (size_t i = 0; i < sizeof binomials / sizeof *binomials; i++) check_sampler(true, binomials[i][0], binomials[i][1]);
  WF_CHECK(wf_ssa_poisson(&draws, 0) == 0 && wf_ssa_binomial(&draws, 0, 0.5) == 0 && wf_ssa_binomial(&draws, 7, 1) == 7);
  WF_CHECK(fabs(wf_ssa_poisson(&draws, 1e15) - 1e15) < 7e7 * sqrt(10));
  for (double y = 0; y > -800; y -= 0.37) WF_CHECK(fabs(wf_ssa_exponential_of(y) / fmax(exp(y), 1e-320) - 1) < 4e-16 || y < -700);
  for (double k = 0; k < 1e12; k = k < 40 ? k + 1 : floor(k * 1.3)) WF_CHECK_CLOSE(wf_ssa_log_factorial(k), lgamma(k + 1), 1e-15);
}

/* --- the method --- */

static wf_network *finish(wf_network *network)
{
  char why[256];
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
  return network;
}

/* counts [n, n_time, n_counts]; events [n] */
static int32_t *simulate(const wf_network *network, wf_ssa_algorithm algorithm, double epsilon, int n, int n_time,
                         const double *times, int64_t *events)
{
  char                why[192] = "";
  wf_ssa_failure      failure;
  const wf_ssa_config config    = {.algorithm = algorithm, .seed = 31, .n_time = n_time, .times = times, .tau_error = epsilon};
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  WF_CHECK(simulator, "%s", why);
  int32_t *counts = wf_calloc((size_t)n * (size_t)n_time * (size_t)wf_simulator_n_counts(simulator), sizeof *counts);
  WF_CHECK(wf_simulator_run(simulator, &(wf_ssa_batch){.n_traj = n, .counts = counts, .n_events = events}, &failure), "%s",
           failure.what);
  wf_simulator_destroy(&simulator);
  return counts;
}

/* Steps by hand: A + B -> C with 5 of B is critical; A -> 0 is not and has g = 2, as A is in a law of second order. D (D - 1) / 2
   has g = 2 + 1 / (D - 1). */
static void check_limits(void)
{
  wf_network   *network = wf_network_create("limits");
  bool          critical[3];
  int           species[4];
  const int32_t start[4] = {1000, 5, 0, 1001};
  for (int i = 0; i < 4; i++) species[i] = wf_network_add_species(network, (const char *[]){"A", "B", "C", "D"}[i], start[i], true);
  wf_expression half = wf_network_make_number(network, 0.5), d = wf_network_make_symbol(network, species[3]);
  wf_expression less = wf_network_make_operation(network, WF_SUBTRACT, 2, (wf_expression[]){d, wf_network_make_number(network, 1)});
  wf_network_add_equation(network, "A + B -> C", 0.1, 0, 0);
  wf_network_add_equation(network, "A -> 0", 2, 0, 0);
  wf_network_add_law(network, "pair", wf_network_make_operation(network, WF_MULTIPLY, 3, (wf_expression[]){half, d, less}), 1,
                     &(wf_network_change){.variable = species[3], .amount = -2, .expression = -1});
  finish(network);
  wf_leap_limits *limits = wf_leap_limits_create(network, 0.03);
  const double    pairs = 0.5 * 1001 * 1000, change = 0.03 * 1001 / (2 + 1.0 / 1000);
  const double    only_a[3] = {500, 2000, 0}, all[3] = {500, 2000, pairs};
  WF_CHECK_CLOSE(wf_leap_limits_find_step(limits, network->start, only_a, critical), 15.0 / 2000, 1e-14);
  WF_CHECK(critical[0] && !critical[1] && !critical[2]);
  WF_CHECK_CLOSE(1e5 * wf_leap_limits_find_step(limits, network->start, all, critical),
                 1e5 * fmin(change / (2 * pairs), change * change / (4 * pairs)), 1e-14);
  WF_CHECK(critical[0] && !critical[1] && !critical[2]);
  wf_leap_limits_destroy(&limits);
  wf_network_destroy(&network);
}

/* Mean and variance of x[i * stride], i < n. */
static void find_moments(int n, int stride, const int32_t *x, double *mean, double *variance)
{
  double sum = 0, square = 0;
  for (int i = 0; i < n; i++) sum += x[i * stride];
  for (int i = 0; i < n; i++) square += (x[i * stride] - sum / n) * (x[i * stride] - sum / n);
  *mean     = sum / n;
  *variance = square / (n - 1);
}

/* 2 X -> 0 from 10^6, law x (x - 1) / 2 written as a product: x follows x0 / (1 + c x0 t) up to 1 part in 10^6. With c x0 = 1 and
   t = 3 the explicit step is an Euler step of about epsilon / 2: an error of the mean of first order in epsilon. */
static void check_order(void)
{
  enum { N = 40, LEVELS = 3 };
  const double  times[1] = {3}, start = 1e6, exact = start / 4;
  double        bias[LEVELS], mean, variance;
  int64_t       events[N];
  wf_network   *network = wf_network_create("dimers");
  const int     species = wf_network_add_species(network, "X", (int32_t)start, true);
  wf_expression x       = wf_network_make_symbol(network, species);
  wf_expression less = wf_network_make_operation(network, WF_SUBTRACT, 2, (wf_expression[]){x, wf_network_make_number(network, 1)});
  wf_expression law =
      wf_network_make_operation(network, WF_MULTIPLY, 3, (wf_expression[]){wf_network_make_number(network, 0.5 / start), x, less});
  wf_network_add_law(network, "pair", law, 1, &(wf_network_change){.variable = species, .amount = -2, .expression = -1});
  finish(network);
  for (int level = 0; level < LEVELS; level++) {
    int32_t *counts = simulate(network, WF_SSA_TAU_LEAPING, 0.16 / (1 << level), N, 1, times, events);
    find_moments(N, 1, counts, &mean, &variance);
    bias[level] = (mean - exact) / exact;
    fprintf(stderr, "dimers, epsilon %g: error of the mean %g, its deviation %g\n", 0.16 / (1 << level), bias[level],
            sqrt(variance / N) / exact);
    for (int i = 0; i < N; i++) WF_CHECK(2 * events[i] + counts[i] == start);
    wf_free(counts);
  }
  wf_network_destroy(&network);
  WF_CHECK(bias[0] < 0 && fabs(bias[2]) < 0.02);
  for (int level = 1; level < LEVELS; level++) {
    const double ratio = bias[level - 1] / bias[level];
    WF_CHECK(ratio > 1.6 && ratio < 2.6, "ratio %g", ratio);
  }
}

/* 0 -> X, X -> 0: Poisson at any time. The mean relaxes by Euler steps (error below epsilon / 2 of the mean) and the variance of
   the stationary law is blown up by 1 / (1 - tau / 2), tau = epsilon^2 x / 2 from fluctuations: at epsilon = 0.03 and x =
   1000, 1.29. For x below 2 / epsilon^2 leaps are stopped by fluctuations. */
static void check_birth_death(void)
{
  enum { N = 3000, TIMES = 2 };
  const double times[TIMES] = {1, 7}, epsilon[2] = {0.03, 0.01};
  wf_network  *network = wf_network_create("birth and death");
  wf_network_add_species(network, "X", 0, true);
  wf_network_add_equation(network, "0 -> X", 1000, 0, 0);
  wf_network_add_equation(network, "X -> 0", 1, 0, 0);
  finish(network);
  for (int e = 0; e < 2; e++) {
    int32_t *counts = simulate(network, WF_SSA_TAU_LEAPING, epsilon[e], N, TIMES, times, NULL);
    for (int k = 0; k < TIMES; k++) {
      double mean, variance, law = 1000 * (1 - exp(-times[k])), tau = epsilon[e] * epsilon[e] * 1000 / 2;
      find_moments(N, TIMES, counts + k, &mean, &variance);
      fprintf(stderr, "birth and death, epsilon %g, time %g: mean %g, variance %g of %g\n", epsilon[e], times[k], mean, variance,
              law);
      WF_CHECK(fabs(mean - law) < 5 * sqrt(law / N) + epsilon[e] / 2 * law);
      WF_CHECK(variance > law * (1 - 5 * sqrt(2.0 / N) - epsilon[e]) && variance < law / (1 - tau / 2) * (1 + 5 * sqrt(2.0 / N)));
    }
    wf_free(counts);
  }
  wf_network_destroy(&network);
}

/* A gene, 0.1 (1 - G) and 0.3 G, drives a protein: the gene's reactions are always critical, so its law is exact (two states), and
   a leap never goes beyond its ends. */
static void check_gene(void)
{
  enum { N = 4000, TIMES = 3 };
  const double  times[TIMES] = {1, 4, 4.5};
  wf_network   *network      = wf_network_create("gene");
  const int     gene         = wf_network_add_species(network, "G", 1, true);
  wf_expression silent       = wf_network_make_operation(
            network, WF_SUBTRACT, 2, (wf_expression[]){wf_network_make_number(network, 1), wf_network_make_symbol(network, gene)});
  wf_expression law =
      wf_network_make_operation(network, WF_MULTIPLY, 2, (wf_expression[]){wf_network_make_number(network, 0.1), silent});
  wf_network_add_law(network, "on", law, 1, &(wf_network_change){.variable = gene, .amount = 1, .expression = -1});
  wf_network_add_species(network, "P", 20000, true);
  wf_network_add_equation(network, "G -> 0", 0.3, 0, 0);
  wf_network_add_equation(network, "G -> G + P", 20000, 0, 0);
  wf_network_add_equation(network, "P -> 0", 1, 0, 0);
  int32_t *x = simulate(finish(network), WF_SSA_TAU_LEAPING, 0.1, N, TIMES, times, NULL);
  for (int k = 0; k < TIMES; k++) {
    double sum = 0, on = 0.25 + 0.75 * exp(-0.4 * times[k]);
    for (int i = 0; i < N; i++) {
      const int32_t *state = x + (i * TIMES + k) * 2;
      WF_CHECK(state[0] >= 0 && state[0] <= 1 && state[1] >= 0);
      sum += state[0];
    }
    WF_CHECK(fabs(sum / N - on) < 5 * sqrt(on * (1 - on) / N), "time %g: %g against %g", times[k], sum / N, on);
  }
  wf_free(x);
  wf_network_destroy(&network);
}

/* Coarse leaps to the last molecule, laws that are programs included: nothing is below 0, totals are kept, and the end is reached.
 */
static void check_never_negative(void)
{
  enum { N = 300, TIMES = 30, D = 4 };
  double times[TIMES];
  for (int k = 0; k < TIMES; k++) times[k] = 0.2 * k;
  times[TIMES - 1]    = 1e6;
  wf_network *network = wf_network_create("to the end");
  int         species[D];
  for (int i = 0; i < D; i++)
    species[i] = wf_network_add_species(network, (const char *[]){"A", "B", "C", "D"}[i], (int[]){500, 400, 0, 0}[i], true);
  wf_expression c = wf_network_make_symbol(network, species[2]), hundred = wf_network_make_number(network, 100);
  wf_expression law =
      wf_network_make_operation(network, WF_DIVIDE, 2,
                                (wf_expression[]){wf_network_make_operation(network, WF_MULTIPLY, 2, (wf_expression[]){hundred, c}),
                                                  wf_network_make_operation(network, WF_ADD, 2, (wf_expression[]){hundred, c})});
  const wf_network_change changes[2] = {{.variable = species[2], .amount = -1, .expression = -1},
                                        {.variable = species[3], .amount = 1, .expression = -1}};
  wf_network_add_equation(network, "A + B -> C", 0.01, 0, 0);
  wf_network_add_equation(network, "2 A -> 2 D", 0.001, 0, 0);
  wf_network_add_law(network, "saturated", law, 2, changes);
  finish(network);
  for (int coarse = 0; coarse < 2; coarse++) {
    int32_t *x = simulate(network, WF_SSA_TAU_LEAPING, coarse ? 0.95 : 0.03, N, TIMES, times, NULL);
    for (int i = 0; i < N * TIMES; i++) {
      const int32_t *state = x + i * D;
      for (int s = 0; s < D; s++) WF_CHECK(state[s] >= 0);
      WF_CHECK(state[0] + state[1] + 2 * state[2] + 2 * state[3] >= 900 && state[0] + state[2] + state[3] == 500);
      if (i % TIMES == TIMES - 1) WF_CHECK(state[0] < 2 && state[2] == 0, "%d %d", state[0], state[2]);
    }
    wf_free(x);
  }
  wf_network_destroy(&network);
}

/* A saturating decay, a law that is a program: an Euler step that changes the law by epsilon is epsilon / 2 too fast. */
static void check_program(void)
{
  enum { N = 400, TIMES = 1 };
  const double  times[TIMES] = {6};
  double        mean[2], variance[2];
  wf_network   *network = wf_network_create("saturation");
  const int     x       = wf_network_add_species(network, "X", 3000, true);
  wf_expression symbol = wf_network_make_symbol(network, x), number = wf_network_make_number(network, 500);
  wf_expression law = wf_network_make_operation(
      network, WF_DIVIDE, 2,
      (wf_expression[]){wf_network_make_operation(network, WF_MULTIPLY, 2, (wf_expression[]){number, symbol}),
                        wf_network_make_operation(network, WF_ADD, 2, (wf_expression[]){number, symbol})});
  wf_network_add_law(network, "decay", law, 1, &(wf_network_change){.variable = x, .amount = -1, .expression = -1});
  finish(network);
  for (int leap = 0; leap < 2; leap++) {
    int32_t *counts = simulate(network, leap ? WF_SSA_TAU_LEAPING : WF_SSA_COMPOSITION_REJECTION, 0.03, N, TIMES, times, NULL);
    find_moments(N, 1, counts, &mean[leap], &variance[leap]);
    wf_free(counts);
  }
  fprintf(stderr, "saturation: mean %g against %g, variance %g against %g\n", mean[1], mean[0], variance[1], variance[0]);
  WF_CHECK(fabs(mean[1] - mean[0]) < 5 * sqrt((variance[0] + variance[1]) / N) + 0.5 * 0.03 * (3000 - mean[0]));
  WF_CHECK(fabs(variance[1] / variance[0] - 1) < 5 * sqrt(4.0 / N) + 0.05);
  wf_network_destroy(&network);
}

/* Many leaps' worth of one: the output grid decides, and what is counted is firings; refusals. */
static void check_outputs(void)
{
  const double        times[3] = {0, 1e-3, 2};
  int64_t             events[1], offset[2] = {0, 0};
  char                why[192];
  wf_ssa_failure      failure;
  wf_network         *network = wf_network_create("immigration");
  const wf_ssa_config wrong   = {.algorithm = WF_SSA_TAU_LEAPING, .n_time = 3, .times = times, .tau_error = 1.5};
  const wf_ssa_config right   = {.algorithm = WF_SSA_TAU_LEAPING, .n_time = 3, .times = times};
  wf_network_add_species(network, "X", 5, true);
  wf_network_add_equation(network, "0 -> X", 1e8, 0, 0);
  int32_t *x = simulate(finish(network), WF_SSA_TAU_LEAPING, 0, 1, 3, times, events);
  WF_CHECK(x[0] == 5 && fabs(x[1] - 1e5) < 6 * sqrt(1e5) && fabs(x[2] - 2e8) < 6 * sqrt(2e8) && events[0] == x[2] - 5);
  WF_CHECK(!wf_simulator_create(network, &wrong, why, sizeof why) && strstr(why, "1.5"), "%s", why);
  wf_simulator *simulator = wf_simulator_create(network, &right, why, sizeof why);
  wf_ssa_log    log       = {.offset = offset};
  WF_CHECK(!wf_simulator_run(simulator, &(wf_ssa_batch){.n_traj = 1, .log = &log}, &failure) && strstr(failure.what, "log"));
  wf_simulator_destroy(&simulator);
  wf_free(x);
  wf_network_destroy(&network);
}

int main(void)
{
  check_samplers();
  check_limits();
  check_order();
  check_birth_death();
  check_gene();
  check_never_negative();
  check_program();
  check_outputs();
  return WF_TEST_END();
}
