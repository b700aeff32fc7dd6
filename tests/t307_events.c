/* Events: what SBML Level 3, section 4.11, says about each of their parts, and exact laws of processes with events. */
#include "general_check.h"

enum { TIMES = 41 };

/* One deterministic trajectory; values [TIMES, n_recorded] of variables that are reals or whole numbers, in the order recorded. */
static void run_once(const wf_network *network, const double *grid, double *values)
{
  const int           n        = network->n_recorded;
  const wf_ssa_config config   = {.seed = 5, .n_time = TIMES, .times = grid};
  int32_t            *counts   = wf_calloc((size_t)(TIMES * n), sizeof *counts);
  double             *reals    = wf_calloc((size_t)(TIMES * n), sizeof *reals);
  int                 n_counts = 0;
  run_general(network, &config, &(wf_ssa_batch){.n_traj = 1, .counts = counts, .values = reals}, NULL);
  for (int i = 0; i < n; i++) n_counts += network->whole[i];
  for (int k = 0; k < TIMES; k++)
    for (int i = 0, c = 0, r = 0; i < n; i++)
      values[n * k + i] = network->whole[i] ? counts[n_counts * k + c++] : reals[(n - n_counts) * k + r++];
  wf_free(counts);
  wf_free(reals);
}

static void fill_grid(double *grid, double step)
{
  for (int k = 0; k < TIMES; k++) grid[k] = step * k;
}

/* --- one part after the other, without reactions --- */

/* A trigger of time, with and without delay, and one that is true from the start. */
static void check_trigger_and_delay(void)
{
  double           grid[TIMES], v[TIMES * 5];
  wf_network      *network = wf_network_create("delay");
  wf_network_event special = {.persistent = true, .values_from_trigger_time = true, .priority = -1};
  for (int i = 0; i < 5; i++) add_real(network, (const char *[]){"a", "b", "c", "d", "e"}[i], 0);
  add_event(network, "at once", after(network, 1), "a", num(network, 1), NULL);
  special.delay = num(network, 2.5);
  add_event(network, "late", after(network, 1), "b", num(network, 2), &special);
  special.delay          = -1;
  special.initially_true = true;
  add_event(network, "never", after(network, 0), "c", num(network, 3), &special);
  special.initially_true = false;
  add_event(network, "first", after(network, 0), "d", num(network, 4), &special);
  add_event(network, "open", op2(network, WF_GREATER, now(network), num(network, 2)), "e", num(network, 5), NULL); /* not at 2 */
  finish(network);
  fill_grid(grid, 0.25);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++) {
    const double exact[5] = {grid[k] >= 1, 2 * (grid[k] >= 3.5), 0, 4, 5 * (grid[k] > 2)};
    for (int i = 0; i < 5; i++) WF_CHECK(v[5 * k + i] == exact[i], "t = %g: variable %d is %g", grid[k], i, v[5 * k + i]);
  }
  wf_network_destroy(&network);
}

/* 1 <= time < 2 with delay 2: executed at 3 if persistent, else forgotten. */
static void check_persistence(void)
{
  double           grid[TIMES], v[TIMES * 2];
  wf_network      *network = wf_network_create("persistence");
  wf_network_event special = {.values_from_trigger_time = true, .priority = -1};
  add_real(network, "a", 0);
  add_real(network, "b", 0);
  const wf_expression trigger = op2(network, WF_AND, after(network, 1), op2(network, WF_LESS, now(network), num(network, 2)));
  special.delay               = num(network, 2);
  add_event(network, "forgotten", trigger, "a", num(network, 1), &special);
  special.persistent = true;
  add_event(network, "kept", trigger, "b", num(network, 1), &special);
  finish(network);
  fill_grid(grid, 0.25);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++) WF_CHECK(v[2 * k] == 0 && v[2 * k + 1] == (grid[k] >= 3), "t = %g", grid[k]);
  wf_network_destroy(&network);
}

/* x' = 1; y := x, triggered at 1 and executed at 3: 1 or 3. z := 10 q where q' = 0 by an assignment rule of x. */
static void check_values(void)
{
  double           grid[TIMES], v[TIMES * 5];
  wf_network      *network = wf_network_create("values");
  wf_network_event special = {.persistent = true, .priority = -1};
  for (int i = 0; i < 5; i++) add_real(network, (const char *[]){"x", "y", "z", "rule", "w"}[i], 0);
  wf_network_add_rate(network, 0, num(network, 1));
  wf_network_add_assignment(network, 3, times(network, num(network, 10), sym(network, "x")));
  special.delay = num(network, 2);
  add_event(network, "at execution", after(network, 1), "y", sym(network, "x"), &special);
  add_event(network, "of the rule", after(network, 1), "w", sym(network, "rule"), &special);
  special.values_from_trigger_time = true;
  add_event(network, "at the trigger", after(network, 1), "z", sym(network, "x"), &special);
  finish(network);
  fill_grid(grid, 0.25);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++) {
    const double exact[5] = {grid[k], 3 * (grid[k] >= 3), grid[k] >= 3, 10 * grid[k], 30 * (grid[k] >= 3)};
    for (int i = 0; i < 5; i++) WF_CHECK(fabs(v[5 * k + i] - exact[i]) < 1e-9, "t = %g: variable %d: %g", grid[k], i, v[5 * k + i]);
  }
  wf_network_destroy(&network);
}

/* x -> 3 x with priority 5 before x -> 2 x + 1 with priority 1; priorities by expressions; then one that an execution raises. */
static void check_priorities(void)
{
  double           grid[TIMES], v[TIMES * 2];
  wf_network      *network = wf_network_create("priorities");
  wf_network_event special = {.persistent = true, .delay = -1};
  add_real(network, "x", 1);
  add_real(network, "p", 0);
  const wf_expression x = sym(network, "x"), p = sym(network, "p");
  const wf_expression twice = op2(network, WF_ADD, times(network, num(network, 2), x), num(network, 1));
  special.priority          = num(network, 1);
  add_event(network, "second", after(network, 1), "x", twice, &special);
  special.priority = num(network, 5);
  add_event(network, "first", after(network, 1), "x", times(network, num(network, 3), x), &special);
  /* at 2: "raise" makes p 10, so that "raised" (priority p) comes before "middle" (priority 3): (7 - 1) * 2 = 12, not 13 */
  special.priority = num(network, 4);
  add_event(network, "raise", after(network, 2), "p", num(network, 10), &special);
  special.priority = num(network, 3);
  add_event(network, "middle", after(network, 2), "x", times(network, num(network, 2), x), &special);
  special.priority = p;
  add_event(network, "raised", after(network, 2), "x", op2(network, WF_SUBTRACT, x, num(network, 1)), &special);
  finish(network);
  fill_grid(grid, 0.25);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++) WF_CHECK(v[2 * k] == (grid[k] < 1 ? 1 : grid[k] < 2 ? 7 : 12), "t = %g: %g", grid[k], v[2 * k]);
  wf_network_destroy(&network);
}

/* Events that trigger each other at one time; one that another's execution makes untrue is forgotten. */
static void check_cascade(void)
{
  double           grid[TIMES], v[TIMES * 5];
  wf_network      *network = wf_network_create("cascade");
  wf_network_event special = {.values_from_trigger_time = true, .delay = -1};
  for (int i = 0; i < 5; i++) add_real(network, (const char *[]){"a", "b", "c", "n", "lost"}[i], 0);
  const wf_expression a = sym(network, "a"), b = sym(network, "b"), c = sym(network, "c");
  add_event(network, "third", op2(network, WF_EQUAL, b, num(network, 1)), "c", num(network, 1), NULL);
  add_event(network, "second", op2(network, WF_EQUAL, a, num(network, 1)), "b", num(network, 1), NULL);
  special.priority = num(network, 2);
  add_event(network, "first", after(network, 2), "a", num(network, 1), &special);
  special.priority = num(network, 1);
  add_event(network, "overtaken", op2(network, WF_AND, after(network, 2), op2(network, WF_EQUAL, a, num(network, 0))), "lost",
            num(network, 1), &special);
  add_event(network, "count", op2(network, WF_EQUAL, c, num(network, 1)), "n",
            op2(network, WF_ADD, sym(network, "n"), num(network, 1)), NULL);
  finish(network);
  fill_grid(grid, 0.25);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++)
    for (int i = 0; i < 5; i++)
      WF_CHECK(v[5 * k + i] == (i < 4 && grid[k] >= 2), "t = %g: variable %d is %g", grid[k], i, v[5 * k + i]);
  wf_network_destroy(&network);
}

/* Triggers that are true for moments only: a pulse of 2e-9, one instant, and one that comes back with each period. */
static void check_narrow_triggers(void)
{
  double      grid[TIMES], v[TIMES * 4];
  wf_network *network = wf_network_create("narrow");
  for (int i = 0; i < 4; i++) add_real(network, (const char *[]){"pulse", "instant", "periods", "touch"}[i], 0);
  const wf_expression t = now(network), distance = op1(network, WF_ABS, op2(network, WF_SUBTRACT, t, num(network, 3.3333)));
  const wf_expression wave = op1(network, WF_SIN, times(network, num(network, 2 * acos(-1)), t));
  add_event(network, "pulse", op2(network, WF_LESS, distance, num(network, 1e-9)), "pulse",
            op2(network, WF_ADD, sym(network, "pulse"), num(network, 1)), NULL);
  add_event(network, "instant", op2(network, WF_EQUAL, t, num(network, 5.25)), "instant", t, NULL);
  add_event(network, "period", op2(network, WF_GREATER, wave, num(network, 0.99)), "periods",
            op2(network, WF_ADD, sym(network, "periods"), num(network, 1)), NULL);
  add_event(network, "never reached", op2(network, WF_GREATER, wave, num(network, 1 + 1e-9)), "touch", num(network, 1), NULL);
  finish(network);
  fill_grid(grid, 0.25);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++) {
    const double exact[4] = {grid[k] > 3.3, grid[k] >= 5.25 ? 5.25 : 0, floor(grid[k]) + (grid[k] - floor(grid[k]) >= 0.25), 0};
    for (int i = 0; i < 4; i++) WF_CHECK(v[4 * k + i] == exact[i], "t = %g: variable %d is %g", grid[k], i, v[4 * k + i]);
  }
  wf_network_destroy(&network);
}

/* Along curves: a sawtooth x' = 1 from 0.1234 that falls at 1; an oscillator that counts how often it comes above 0.5; and the same
   with a peak of which only 1e-6 stands above the threshold, for 0.003 of time. */
static void check_curves(void)
{
  double      grid[TIMES], v[TIMES * 5];
  wf_network *network = wf_network_create("curves");
  for (int i = 0; i < 5; i++) add_real(network, (const char *[]){"x", "c", "s", "n", "peaks"}[i], i == 0 ? 0.1234 : i == 1);
  wf_network_add_rate(network, 0, num(network, 1));
  wf_network_add_rate(network, 1, op1(network, WF_NEGATE, sym(network, "s")));
  wf_network_add_rate(network, 2, sym(network, "c"));
  add_event(network, "fall", op2(network, WF_GREATER_EQUAL, sym(network, "x"), num(network, 1)), "x", num(network, 0), NULL);
  add_event(network, "rise", op2(network, WF_GREATER, sym(network, "s"), num(network, 0.5)), "n",
            op2(network, WF_ADD, sym(network, "n"), num(network, 1)), NULL);
  add_event(network, "peak", op2(network, WF_GREATER, sym(network, "s"), num(network, 1 - 1e-6)), "peaks",
            op2(network, WF_ADD, sym(network, "peaks"), num(network, 1)), NULL);
  finish(network);
  fill_grid(grid, 0.73);
  run_once(network, grid, v);
  for (int k = 0; k < TIMES; k++) {
    const double saw = grid[k] + 0.1234, turns = grid[k] / (2 * acos(-1));
    WF_CHECK(fabs(v[5 * k] - (saw - floor(saw))) < 1e-9, "t = %g: %.12g", grid[k], v[5 * k]);
    WF_CHECK(fabs(v[5 * k + 2] - sin(grid[k])) < 1e-6, "t = %g: %.12g", grid[k], v[5 * k + 2]);
    WF_CHECK(v[5 * k + 3] == floor(turns + 11.0 / 12), "t = %g: %g", grid[k], v[5 * k + 3]);
    WF_CHECK(v[5 * k + 4] == floor(turns + 0.75), "t = %g: %g", grid[k], v[5 * k + 4]);
  }
  wf_network_destroy(&network);
}

/* --- by lot --- */

/* Three events at one time of equal priority: each is the last one in a third of the trajectories. */
static void check_ties(void)
{
  enum { N = 6000 };
  const double     grid[1] = {2};
  int              n[4]    = {0};
  wf_network      *network = wf_network_create("ties");
  wf_network_event special = {.persistent = true, .delay = -1};
  wf_network_add_species(network, "X", 0, true);
  special.priority = num(network, 1);
  for (int i = 1; i <= 3; i++)
    add_event(network, (const char *[]){"", "one", "two", "three"}[i], after(network, 1), "X", num(network, i), &special);
  finish(network);
  int32_t *x = simulate_counts(network, N, 1, grid);
  for (int i = 0; i < N; i++) n[x[i]]++;
  for (int i = 1; i <= 3; i++) WF_CHECK(fabs(n[i] - N / 3.0) < z_alarm * sqrt(N * 2 / 9.0), "%d: %d", i, n[i]);
  wf_free(x);
  wf_network_destroy(&network);
}

/* --- with reactions --- */

/* 0 -> X with 8, X -> 0 with 0.1, X := 50 at 25: before, Poisson; at 25 exactly 50; after, survivors and new ones. */
static void check_reset(bool varying)
{
  enum { N = 3000, K = 4 };
  const double grid[K] = {20, 25, 26, 40};
  wf_network  *network = wf_network_create("reset");
  wf_network_add_species(network, "X", 0, true);
  const wf_expression vanishing = op2(network, WF_MAX, num(network, 0), op2(network, WF_SUBTRACT, now(network), num(network, 100)));
  add_law(network, "birth", varying ? op2(network, WF_ADD, num(network, 8), vanishing) : num(network, 8), "X", 1);
  wf_network_add_equation(network, "X -> 0", 0.1, 0, 0);
  add_event(network, "reset", after(network, 25), "X", num(network, 50), NULL);
  finish(network);
  int32_t *x = simulate_counts(network, N, K, grid);
  check_poisson(x, N, K, 80 * (1 - exp(-2)), "before");
  for (int i = 0; i < N; i++) WF_CHECK(x[K * i + 1] == 50);
  for (int k = 2; k < K; k++) {
    const double left = exp(-0.1 * (grid[k] - 25)), mean = 50 * left + 80 * (1 - left);
    const double variance = 50 * left * (1 - left) + 80 * (1 - left);
    double       sum      = 0;
    for (int i = 0; i < N; i++) sum += x[K * i + k];
    WF_CHECK(fabs(sum / N - mean) < z_alarm * sqrt(variance / N), "t = %g: %g against %g", grid[k], sum / N, mean);
  }
  wf_free(x);
  wf_network_destroy(&network);
}

/* 0 -> X with a constant rate and X := 0 at 10: the same jumps as without the event, modulo 10. */
static void check_state_trigger(void)
{
  enum { N = 50, K = 5 };
  const double grid[K]     = {1, 3, 7, 10, 20};
  wf_network  *networks[2] = {wf_network_create("with"), wf_network_create("without")};
  int32_t     *x[2];
  for (int w = 0; w < 2; w++) {
    wf_network_add_species(networks[w], "X", 0, true);
    wf_network_add_equation(networks[w], "0 -> X", 3, 0, 0);
    if (!w)
      add_event(networks[w], "reset", op2(networks[w], WF_GREATER_EQUAL, sym(networks[w], "X"), num(networks[w], 10)), "X",
                num(networks[w], 0), NULL);
    finish(networks[w]);
    x[w] = simulate_counts(networks[w], N, K, grid);
  }
  for (int i = 0; i < N * K; i++) WF_CHECK(x[0][i] == x[1][i] % 10);
  for (int w = 0; w < 2; w++) {
    wf_free(x[w]);
    wf_network_destroy(&networks[w]);
  }
}

/* Each birth adds one to Y 1.5 later: births up to t - 1.5, the same numbers one by one. Births alternate between two kinds, so
   that each triggers. */
static void check_delayed_births(void)
{
  enum { N = 40, K = 81 };
  double           grid[K];
  wf_network      *network = wf_network_create("delayed");
  wf_network_event special = {.persistent = true, .priority = -1};
  wf_network_add_species(network, "X", 0, true);
  wf_network_add_species(network, "Y", 0, true);
  wf_network_add_equation(network, "0 -> X", 4, 0, 0);
  special.delay            = num(network, 1.5);
  const wf_expression odd  = op2(network, WF_REMAINDER, sym(network, "X"), num(network, 2));
  const wf_expression next = op2(network, WF_ADD, sym(network, "Y"), num(network, 1));
  special.initially_true   = true;
  add_event(network, "even", op2(network, WF_EQUAL, odd, num(network, 0)), "Y", next, &special);
  special.initially_true = false;
  add_event(network, "odd", op2(network, WF_EQUAL, odd, num(network, 1)), "Y", next, &special);
  finish(network);
  for (int k = 0; k < K; k++) grid[k] = 0.125 * k;
  int32_t *x = simulate_counts(network, N, K, grid);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < K; k++) WF_CHECK(x[2 * (K * i + k) + 1] == (k < 12 ? 0 : x[2 * (K * i + k - 12)]));
  wf_free(x);
  wf_network_destroy(&network);
}

/* A clock that ticks twenty times a unit of time does not hold up 0 -> X. */
static void check_interruptions(void)
{
  enum { N = 300 };
  const double grid[1] = {3};
  wf_network  *network = wf_network_create("clock");
  wf_network_add_species(network, "X", 0, true);
  add_real(network, "ticks", 0);
  wf_network_add_equation(network, "0 -> X", 2, 0, 0);
  const wf_expression wave = op1(network, WF_SIN, times(network, num(network, 40 * acos(-1)), now(network)));
  add_event(network, "tick", op2(network, WF_GREATER, wave, num(network, 0)), "ticks",
            op2(network, WF_ADD, sym(network, "ticks"), num(network, 1)), NULL);
  finish(network);
  const wf_ssa_config config   = {.seed = 20, .n_time = 1, .times = grid};
  int32_t            *counts   = wf_calloc(N * 2, sizeof *counts);
  int64_t            *n_events = wf_calloc(N, sizeof *n_events);
  run_general(network, &config, &(wf_ssa_batch){.n_traj = N, .counts = counts, .n_events = n_events}, NULL);
  const int stride = network->whole[1] ? 2 : 1;
  for (int i = 0; i < N; i++) WF_CHECK(n_events[i] - counts[stride * i] >= 60 && n_events[i] - counts[stride * i] <= 61);
  check_poisson(counts, N, stride, 6, "between ticks");
  wf_free(n_events);
  wf_free(counts);
  wf_network_destroy(&network);
}

static void check_endless(void)
{
  const double        grid[1] = {10};
  const wf_ssa_config config  = {.n_time = 1, .times = grid};
  wf_ssa_failure      failure;
  wf_network         *network = wf_network_create("endless");
  add_real(network, "x", 0);
  add_event(network, "up", op2(network, WF_AND, after(network, 3), op2(network, WF_EQUAL, sym(network, "x"), num(network, 0))), "x",
            num(network, 1), NULL);
  add_event(network, "down", op2(network, WF_EQUAL, sym(network, "x"), num(network, 1)), "x", num(network, 0), NULL);
  finish(network);
  WF_CHECK(run_general(network, &config, &(wf_ssa_batch){.n_traj = 1}, &failure) == WF_SSA_NO_PROGRESS);
  WF_CHECK(failure.time == 3 && (strstr(failure.what, "up") || strstr(failure.what, "down")), "%s", failure.what);
  wf_network_destroy(&network);

  network = wf_network_create("negative");
  wf_network_add_species(network, "X", 1, true);
  wf_network_add_species(network, "hidden", 1, false);
  add_event(network, "below", after(network, 3), "hidden", num(network, -1), NULL);
  add_event(network, "under", after(network, 4), "X", num(network, -1), NULL);
  finish(network);
  int32_t x = 0;
  WF_CHECK(run_general(network, &config, &(wf_ssa_batch){.n_traj = 1, .counts = &x}, &failure) == WF_SSA_COUNT_RANGE);
  WF_CHECK(strstr(failure.what, "X"), "%s", failure.what);
  wf_network_destroy(&network);
}

int main(void)
{
  check_trigger_and_delay();
  check_persistence();
  check_values();
  check_priorities();
  check_cascade();
  check_narrow_triggers();
  check_curves();
  check_ties();
  check_reset(false);
  check_reset(true);
  check_state_trigger();
  check_delayed_births();
  check_interruptions();
  check_endless();
  return WF_TEST_END();
}
