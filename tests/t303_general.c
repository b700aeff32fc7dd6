/* The general engine: laws that vary with time, rate rules, changes by programs, logs, and the bits of plain networks, against
   exact laws, closed forms and a plain implementation. */
#include <weightflow/random.h>
#include "general_check.h"
#include "ssa/ssa_random.h"

/* --- plain networks: bits --- */

/* S + I -> 2 I with a season, I -> R, R -> S, and a pair that needs its guard. */
static wf_network *make_epidemic(void)
{
  wf_network *network = wf_network_create("epidemic");
  wf_network_add_species(network, "S", 60, true);
  wf_network_add_species(network, "I", 5, true);
  wf_network_add_species(network, "R", 0, true);
  wf_network_add_equation(network, "S + I -> 2 I", 0.01, 0.7, 3);
  wf_network_add_equation(network, "I -> R", 0.2, 0, 0);
  wf_network_add_equation(network, "R -> S", 0.1, -0.4, 2);
  wf_network_add_equation(network, "2 R -> S", 0.001, 0, 0);
  finish(network);
  return network;
}

static double season(const wf_network *network, int j, double t, double *scratch)
{
  const int32_t program = network->reactions[j].modulation;
  memcpy(scratch, network->start, (size_t)network->n_slots * sizeof *scratch);
  scratch[network->time_slot] = t;
  return program < 0 ? 1 : wf_program_run(network, program, scratch);
}

/* The direct method as the contract between engines has it. */
static int64_t simulate_plainly(const wf_network *network, bool frozen, uint64_t trajectory, int n_time, const double *grid,
                                int32_t *counts, double *scratch)
{
  static const int change[4][3] = {{-1, 1, 0}, {0, -1, 1}, {1, 0, -1}, {1, 0, -2}};
  double           x[3] = {60, 5, 0}, t = 0, last = 0, e[WF_SSA_CHUNK], u[WF_SSA_CHUNK];
  int64_t          fired = 0;
  for (int k = 0, n = 0;; n++) {
    const double law[4] = {0.01 * x[0] * x[1], 0.2 * x[1], 0.1 * x[2], x[2] < 2 ? 0 : 0.001 * x[2] * x[2]};
    double       a[4], sum[4], total = 0;
    if (n % WF_SSA_CHUNK == 0) wf_ssa_fill_random(9, trajectory, (uint64_t)n, e, u);
    for (int j = 0; j < 4; j++) {
      const bool modulated = network->reactions[j].modulation >= 0;
      a[j]                 = law[j];
      if (modulated) a[j] *= frozen ? season(network, j, last, scratch) : network->reactions[j].upper;
      sum[j] = total += a[j];
    }
    t = total > 0 ? t + e[n % WF_SSA_CHUNK] / total : INFINITY;
    for (; k < n_time && t > grid[k]; k++)
      for (int s = 0; s < 3; s++) counts[3 * k + s] = (int32_t)x[s];
    if (k == n_time) return fired;
    const double r = u[n % WF_SSA_CHUNK] * total;
    int          j = 0;
    while (j < 3 && !(sum[j] > r)) j++;
    const double within = j ? r - sum[j - 1] : r;
    if (!frozen && !(within * network->reactions[j].upper < a[j] * season(network, j, t, scratch)) &&
        network->reactions[j].modulation >= 0)
      continue;
    for (int s = 0; s < 3; s++) x[s] += change[j][s];
    last = t;
    fired++;
  }
}

static void check_bits(void)
{
  enum { N = 60, TIMES = 61 };
  wf_network *network = make_epidemic();
  double     *scratch = wf_calloc((size_t)network->n_slots, sizeof *scratch), grid[TIMES];
  int32_t    *ours    = wf_calloc(N * TIMES * 3, sizeof *ours), plain[TIMES * 3];
  for (int k = 0; k < TIMES; k++) grid[k] = 0.5 * k;
  for (int frozen = 0; frozen < 2; frozen++) {
    const wf_ssa_config config = {
        .seed = 9, .rate = frozen ? WF_SSA_RATE_FROZEN : WF_SSA_RATE_EXACT, .n_time = TIMES, .times = grid};
    int64_t n_events[N];
    run_general(network, &config, &(wf_ssa_batch){.first = 5, .n_traj = N, .counts = ours, .n_events = n_events}, NULL);
    for (int i = 0; i < N; i++) {
      const int64_t fired = simulate_plainly(network, frozen, 5 + (uint64_t)i, TIMES, grid, plain, scratch);
      WF_CHECK(!memcmp(plain, ours + 3 * TIMES * i, sizeof plain), "trajectory %d, frozen %d", i, frozen);
      WF_CHECK(fired == n_events[i] && fired > 20);
    }
  }
  wf_free(ours);
  wf_free(scratch);
  wf_network_destroy(&network);
}

/* --- laws of time --- */

enum { N_LAWS = 7 };
static wf_expression make_law(wf_network *network, int which)
{
  const wf_expression t = now(network), one = num(network, 1), shifted = op2(network, WF_SUBTRACT, t, one);
  switch (which) {
  case 0:
    return times(network, num(network, 2), t);
  case 1:
    return times(network, num(network, 30), op1(network, WF_EXP, op1(network, WF_NEGATE, t)));
  case 2:
    return times(network, num(network, 3), op1(network, WF_ABS, op1(network, WF_SIN, t)));
  case 3:
    return op3(network, WF_SELECT, op2(network, WF_LESS, t, one), num(network, 5), num(network, 0.5));
  case 4: /* a pulse of 1e-3 at 2 in the dark */
    return op3(network, WF_SELECT,
               op2(network, WF_LESS, op1(network, WF_ABS, op2(network, WF_SUBTRACT, t, num(network, 2))), num(network, 5e-4)),
               num(network, 8000), num(network, 0));
  case 5:
    return times(network, t, op2(network, WF_POWER, t, num(network, 3)));
  default: /* 2 + (t - 1)^2, but no interval around 1 has a bound */
    return op2(network, WF_ADD, num(network, 2),
               op2(network, WF_DIVIDE, times(network, shifted, times(network, shifted, shifted)), shifted));
  }
}

static double integrate_law(int which, double t)
{
  switch (which) {
  case 0:
    return t * t;
  case 1:
    return 30 * (1 - exp(-t));
  case 2:
    return 3 * (t <= acos(-1) ? 1 - cos(t) : 3 + cos(t)); /* up to 2 pi */
  case 3:
    return t < 1 ? 5 * t : 5 + 0.5 * (t - 1);
  case 4:
    return t < 2 ? 0 : 8;
  case 5:
    return pow(t, 5) / 5;
  default:
    return 2 * t + (pow(t - 1, 3) + 1) / 3;
  }
}

/* Poisson processes: numbers in separate intervals are Poisson and independent. hidden: as a law of time and state, of which nobody
   knows bounds beforehand. */
static void check_poisson_process(int which, bool hidden)
{
  enum { N = 4000, TIMES = 4 };
  const double grid[TIMES] = {0.5, 1.5, 3, 4};
  wf_network  *network     = wf_network_create("source");
  wf_network_add_species(network, "X", 0, true);
  wf_expression       law         = make_law(network, which);
  const wf_expression true_always = op2(network, WF_GREATER_EQUAL, sym(network, "X"), num(network, 0));
  if (hidden) law = op3(network, WF_SELECT, true_always, law, num(network, 77));
  add_law(network, "source", law, "X", 1);
  finish(network);
  if (hidden) WF_CHECK(network->reactions[0].varies);
  int32_t *x = simulate_counts(network, N, TIMES, grid);
  for (int i = 0; i < N; i++)
    for (int k = TIMES - 1; k > 0; k--) x[TIMES * i + k] -= x[TIMES * i + k - 1];
  for (int k = 0; k < TIMES; k++) {
    const double mean = integrate_law(which, grid[k]) - (k ? integrate_law(which, grid[k - 1]) : 0);
    char         what[64];
    snprintf(what, sizeof what, "law %d, interval %d", which, k);
    if (mean > 0)
      check_poisson(x + k, N, TIMES, mean, what);
    else
      for (int i = 0; i < N; i++) WF_CHECK(x[TIMES * i + k] == 0);
  }
  double product = 0, mean = integrate_law(which, grid[2]) - integrate_law(which, grid[1]);
  double other = integrate_law(which, grid[3]) - integrate_law(which, grid[2]);
  for (int i = 0; i < N; i++) product += (x[TIMES * i + 2] - mean) * (x[TIMES * i + 3] - other);
  if (mean * other > 0) WF_CHECK(fabs(product) < z_alarm * sqrt(N * mean * other), "law %d: %g", which, product);
  wf_free(x);
  wf_network_destroy(&network);
}

/* 0 -> X with 6 t, X -> 0 with 1: Poisson with mean 6 (t - 1 + exp(-t)). The yardstick can fail: ten per cent off is seen. */
static void check_birth_death(void)
{
  enum { N = 4000, TIMES = 3 };
  const double grid[TIMES] = {0.5, 2, 5};
  double       z_sum = 0, z_variance = 0;
  wf_network  *network = wf_network_create("birth and death");
  wf_network_add_species(network, "X", 0, true);
  add_law(network, "birth", times(network, num(network, 6), now(network)), "X", 1);
  add_law(network, "death", sym(network, "X"), "X", -1);
  finish(network);
  int32_t *x = simulate_counts(network, N, TIMES, grid);
  for (int k = 0; k < TIMES; k++) check_poisson(x + k, N, TIMES, 6 * (grid[k] - 1 + exp(-grid[k])), "birth and death");
  find_poisson_scores(x + 2, N, TIMES, 1.1 * 6 * (4 + exp(-5)), &z_sum, &z_variance);
  WF_CHECK(fabs(z_sum) > z_alarm);
  wf_free(x);

  /* frozen at the last event: the rate is 0 for ever */
  const wf_ssa_config config = {.seed = 1, .rate = WF_SSA_RATE_FROZEN, .n_time = TIMES, .times = grid};
  int32_t             frozen[TIMES];
  run_general(network, &config, &(wf_ssa_batch){.n_traj = 1, .counts = frozen}, NULL);
  WF_CHECK(frozen[2] == 0);
  wf_network_destroy(&network);
}

/* --- rate rules --- */

static void check_closed_forms(void)
{
  enum { TIMES = 201, D = 5 };
  double      grid[TIMES], worst[D] = {0};
  wf_network *network = wf_network_create("closed forms");
  add_real(network, "x", 1);
  add_real(network, "y", 0);
  add_real(network, "logistic", 0.01);
  add_real(network, "small", 1e-3);
  add_real(network, "step", 0);
  wf_network_add_rate(network, 0, sym(network, "y"));
  wf_network_add_rate(network, 1, op1(network, WF_NEGATE, sym(network, "x")));
  wf_network_add_rate(
      network, 2, times(network, sym(network, "logistic"), op2(network, WF_SUBTRACT, num(network, 1), sym(network, "logistic"))));
  wf_network_add_rate(network, 3, times(network, num(network, -0.5), sym(network, "small")));
  wf_network_add_rate(network, 4, op3(network, WF_SELECT, after(network, 7.3), num(network, 2), num(network, 1)));
  finish(network);
  for (int k = 0; k < TIMES; k++) grid[k] = 0.1 * k;
  double *values = simulate_values(network, 1, TIMES, grid);
  for (int k = 0; k < TIMES; k++) {
    const double t = grid[k], *v = values + D * k;
    const double exact[D] = {cos(t), -sin(t), 0.01 * exp(t) / (0.99 + 0.01 * exp(t)), 1e-3 * exp(-0.5 * t),
                             t < 7.3 ? t : 7.3 + 2 * (t - 7.3)};
    for (int d = 0; d < D; d++) worst[d] = fmax(worst[d], fabs(v[d] - exact[d]) / (d == 3 ? exact[d] : 1));
  }
  for (int d = 0; d < D; d++) WF_CHECK(worst[d] < 1e-7, "component %d: %g", d, worst[d]);
  wf_free(values);
  wf_network_destroy(&network);
}

/* y' = -y from 5, 0 -> X with y, X -> 0 with 1: Poisson with mean 5 t exp(-t). X -> 2 X with 0.3 y: moments of a pure birth
   process. */
static void check_ruled_rates(void)
{
  enum { N = 4000, TIMES = 2 };
  const double grid[TIMES] = {1, 2.5};
  wf_network  *network     = wf_network_create("ruled");
  wf_network_add_species(network, "X", 0, true);
  wf_network_add_species(network, "B", 3, true);
  add_real(network, "y", 5);
  wf_network_add_rate(network, 2, op1(network, WF_NEGATE, sym(network, "y")));
  add_law(network, "birth", sym(network, "y"), "X", 1);
  add_law(network, "death", sym(network, "X"), "X", -1);
  add_law(network, "growth", times(network, num(network, 0.3), times(network, sym(network, "y"), sym(network, "B"))), "B", 1);
  finish(network);
  int32_t *x = simulate_counts(network, N, TIMES, grid);
  for (int k = 0; k < TIMES; k++) {
    const double t = grid[k], growth = exp(1.5 * (1 - exp(-t))), mean = 3 * growth, variance = 3 * growth * (growth - 1);
    double       sum = 0, squares = 0;
    check_poisson(x + 2 * k, N, 2 * TIMES, 5 * t * exp(-t), "ruled birth");
    for (int i = 0; i < N; i++) sum += x[2 * TIMES * i + 2 * k + 1];
    for (int i = 0; i < N; i++) squares += pow(x[2 * TIMES * i + 2 * k + 1] - mean, 2);
    WF_CHECK(fabs(sum / N - mean) < z_alarm * sqrt(variance / N), "%g against %g", sum / N, mean);
    WF_CHECK(fabs(squares / N - variance) < z_alarm * variance * sqrt(8.0 / N), "%g against %g", squares / N, variance);
  }
  wf_free(x);
  wf_network_destroy(&network);
}

/* A gene that switches (on with a, off with b) and a protein p' = k G - d p, all from 0. */
static void check_switching_gene(void)
{
  enum { N = 3000, TIMES = 3 };
  const double a = 0.7, b = 0.9, k = 10, d = 0.5, s = a + b, grid[TIMES] = {0.7, 2, 6};
  wf_network  *network = wf_network_create("gene");
  wf_network_add_species(network, "G", 0, true);
  add_real(network, "p", 0);
  wf_network_add_rate(network, 1,
                      op2(network, WF_SUBTRACT, times(network, num(network, k), sym(network, "G")),
                          times(network, num(network, d), sym(network, "p"))));
  add_law(network, "on", times(network, num(network, a), op2(network, WF_SUBTRACT, num(network, 1), sym(network, "G"))), "G", 1);
  add_law(network, "off", times(network, num(network, b), sym(network, "G")), "G", -1);
  finish(network);
  double *p = simulate_values(network, N, TIMES, grid);
  for (int i_time = 0; i_time < TIMES; i_time++) {
    const double t    = grid[i_time];
    const double mean = k * a / s * ((1 - exp(-d * t)) / d - (exp(-s * t) - exp(-d * t)) / (d - s));
    double       sum = 0, squares = 0;
    for (int i = 0; i < N; i++) sum += p[TIMES * i + i_time];
    for (int i = 0; i < N; i++) squares += pow(p[TIMES * i + i_time] - sum / N, 2);
    WF_CHECK(fabs(sum / N - mean) < z_alarm * sqrt(squares) / N, "t = %g: %g against %g", t, sum / N, mean);
    for (int i = 0; i < N; i++) WF_CHECK(p[TIMES * i + i_time] >= 0 && p[TIMES * i + i_time] <= k / d);
  }
  wf_free(p);
  wf_network_destroy(&network);
}

/* --- changes by programs --- */

/* X doubles with rate 1; Y loses Z, which is 3, while it can. */
static void check_programmed_changes(void)
{
  enum { N = 2000 };
  const double grid[1] = {2};
  wf_network  *network = wf_network_create("programs");
  wf_network_add_species(network, "X", 1, true);
  wf_network_add_species(network, "Y", 7, true);
  wf_network_add_species(network, "Z", 3, true);
  wf_network_add_law(network, "double", num(network, 1), 1, &(wf_network_change){0, 0, sym(network, "X")});
  wf_network_add_law(network, "take", num(network, 40), 1, &(wf_network_change){1, 0, op1(network, WF_NEGATE, sym(network, "Z"))});
  finish(network);
  int32_t *x = simulate_counts(network, N, 1, grid);
  for (int i = 0; i < N; i++) {
    int power = 0;
    while (1 << power < x[3 * i]) power++;
    WF_CHECK(x[3 * i] == 1 << power && x[3 * i + 1] == 1);
    x[3 * i] = power;
  }
  check_poisson(x, N, 3, 2, "doublings");
  wf_free(x);
  wf_network_destroy(&network);
}

/* --- logs and batches --- */

static wf_network *make_busy(bool ruled)
{
  wf_network *network = wf_network_create("busy");
  wf_network_add_species(network, "X", 3, true);
  wf_network_add_species(network, "Y", 0, true);
  if (ruled) {
    add_real(network, "y", 1);
    wf_network_add_rate(network, 2, op1(network, WF_COS, now(network)));
  }
  add_law(network, "birth",
          ruled ? op2(network, WF_POWER, sym(network, "y"), num(network, 2))
                : op1(network, WF_LN, op2(network, WF_ADD, num(network, 1), now(network))),
          "X", 1);
  wf_network_add_equation(network, "X -> Y", 0.5, 0.5, 1);
  wf_network_add_equation(network, "Y -> 0", 0.2, 0, 0);
  add_event(network, "reset", op2(network, WF_GREATER, sym(network, "X"), num(network, 5)), "X", num(network, 0), NULL);
  add_event(network, "pulse", after(network, 4), "Y", num(network, 9), NULL);
  finish(network);
  return network;
}

/* The log, replayed, is the grid; trajectories do not depend on their batch; counts of jumps fit. */
static void check_logs(bool ruled)
{
  enum { N = 20, TIMES = 41 };
  wf_network *network = make_busy(ruled);
  double      grid[TIMES], time[N * 400];
  int64_t     n_events[N], offset[N + 1] = {0};
  int32_t    *counts = wf_calloc(N * TIMES * 2, sizeof *counts), *alone = wf_calloc(TIMES * 2, sizeof *alone);
  int32_t    *after_jump = wf_calloc(N * 400 * 2, sizeof *after_jump), *jump = wf_calloc(N * 400, sizeof *jump);
  for (int k = 0; k < TIMES; k++) grid[k] = 0.25 * k;
  const wf_ssa_config config = {.seed = 3, .n_time = TIMES, .times = grid};
  run_general(network, &config, &(wf_ssa_batch){.n_traj = N, .counts = counts, .n_events = n_events}, NULL);
  for (int i = 0; i < N; i++) offset[i + 1] = offset[i] + n_events[i];
  WF_CHECK(offset[N] > 5 * N && offset[N] < 400 * N);
  wf_ssa_log log = {.offset = offset, .time = time, .jump = jump, .counts = after_jump};
  run_general(network, &config, &(wf_ssa_batch){.n_traj = N, .log = &log}, NULL);
  for (int i = 0; i < N; i++) {
    int64_t row      = offset[i];
    int32_t state[2] = {3, 0}, pulses = 0;
    for (int k = 0; k < TIMES; k++) {
      for (; row < offset[i + 1] && time[row] <= grid[k]; row++) {
        memcpy(state, after_jump + 2 * row, sizeof state);
        pulses += jump[row] == network->n_reactions + 1 && time[row] == 4 && state[1] == 9;
        WF_CHECK(row == offset[i] || time[row] >= time[row - 1]);
      }
      WF_CHECK(!memcmp(state, counts + 2 * (TIMES * i + k), sizeof state), "trajectory %d, output %d", i, k);
    }
    WF_CHECK(row == offset[i + 1] && pulses == 1);
    run_general(network, &config, &(wf_ssa_batch){.first = (uint64_t)i, .n_traj = 1, .counts = alone}, NULL);
    WF_CHECK(!memcmp(alone, counts + 2 * TIMES * i, 2 * TIMES * sizeof *alone));
  }
  wf_free(counts);
  wf_free(alone);
  wf_free(after_jump);
  wf_free(jump);
  wf_network_destroy(&network);
}

/* --- failures --- */

static void check_failure_of(int which, wf_ssa_status status, const char *named)
{
  const double        grid[2] = {0, 10};
  const wf_ssa_config config  = {.seed = 3, .n_time = 2, .times = grid};
  wf_ssa_failure      failure;
  wf_network         *network = wf_network_create("failure");
  const wf_expression t = now(network), one = num(network, 1), falling = op2(network, WF_SUBTRACT, one, t);
  wf_network_add_species(network, "X", 1, true);
  add_real(network, "y", 1);
  if (which == 0) add_law(network, "falling", times(network, num(network, 50), falling), "X", 1);
  if (which == 1) add_law(network, "undefined", op1(network, WF_LN, falling), "X", 1);
  if (which == 2) add_law(network, "explosion", times(network, sym(network, "X"), sym(network, "X")), "X", 1e6);
  if (which == 3) add_law(network, "ruled", sym(network, "y"), "X", 1);
  if (which == 3) wf_network_add_rate(network, 1, num(network, -1));
  if (which == 4) wf_network_add_rate(network, 1, times(network, sym(network, "y"), sym(network, "y")));
  if (which == 4) add_law(network, "ruled", one, "X", 1);
  finish(network);
  WF_CHECK(run_general(network, &config, &(wf_ssa_batch){.first = 8, .n_traj = 3}, &failure) == status, "%d: status %d, %s", which,
           (int)failure.status, failure.what);
  WF_CHECK(strstr(failure.what, named) && failure.trajectory == 8 && failure.time >= 0 && failure.time < 2, "%s at %g",
           failure.what, failure.time);
  const wf_ssa_config frozen   = {.rate = WF_SSA_RATE_FROZEN, .n_time = 2, .times = grid};
  char                why[128] = "";
  WF_CHECK(wf_ssa_general.accepts(network, &frozen, why, sizeof why) == (which < 3) && (which < 3 || strstr(why, "y")));
  wf_network_destroy(&network);
}

int main(void)
{
  check_bits();
  for (int which = 0; which < N_LAWS; which++) {
    check_poisson_process(which, true);
    if (which != 4) check_poisson_process(which, false); /* a pulse with a bound for all times costs 32000 candidates */
  }
  check_birth_death();
  check_closed_forms();
  check_ruled_rates();
  check_switching_gene();
  check_programmed_changes();
  check_logs(false);
  check_logs(true);
  check_failure_of(0, WF_SSA_NEGATIVE_LAW, "falling");
  check_failure_of(1, WF_SSA_NEGATIVE_LAW, "undefined");
  check_failure_of(2, WF_SSA_COUNT_RANGE, "explosion makes X");
  check_failure_of(3, WF_SSA_NEGATIVE_LAW, "ruled");
  check_failure_of(4, WF_SSA_COUNT_RANGE, "rate");
  return WF_TEST_END();
}
