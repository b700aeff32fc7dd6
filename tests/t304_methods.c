/* The exact methods against exact laws and against one another's failures: direct, next reaction, composition and rejection.
   Laws are closed forms, or master equations solved here by uniformisation. Each statistical check has a false-alarm rate of about
   1e-6 over seeds; the seeds are fixed. */
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "check.h"
#include "chi_square.h"

static const double alarm = 1e-6;

typedef struct {
  wf_ssa_algorithm algorithm;
  const char      *name;
} method;
static const method methods[] = {
    {WF_SSA_NEXT_REACTION, "next reaction"}, {WF_SSA_COMPOSITION_REJECTION, "composition-rejection"}, {WF_SSA_DIRECT, "direct"}};
enum { N_METHODS = sizeof methods / sizeof *methods };

static wf_network *finish(wf_network *network)
{
  char why[256];
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
  return network;
}

static wf_simulator *create_simulator(const wf_network *network, wf_ssa_algorithm algorithm, int n_time, const double *times)
{
  char                why[192]  = "";
  const wf_ssa_config config    = {.algorithm = algorithm, .seed = 23, .n_time = n_time, .times = times};
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  WF_CHECK(simulator, "%s", why);
  return simulator;
}

/* States of trajectories 0 .. n - 1 at time t: counts [n, n_counts]. */
static int32_t *simulate_states(const wf_network *network, wf_ssa_algorithm algorithm, int n, double t)
{
  wf_simulator  *simulator = create_simulator(network, algorithm, 1, &t);
  int32_t       *counts    = wf_calloc((size_t)n * (size_t)wf_simulator_n_counts(simulator), sizeof *counts);
  wf_ssa_failure failure;
  WF_CHECK(wf_simulator_run(simulator, &(wf_ssa_batch){.n_traj = n, .counts = counts}, &failure), "%s", failure.what);
  wf_simulator_destroy(&simulator);
  return counts;
}

static void check_law(const char *what, const char *name, int n, int n_cells, const double *observed, const double *p)
{
  const double p_value = chi_square_p_value(n, n_cells, observed, p);
  WF_CHECK(p_value > alarm, "%s, %s: p = %g", what, name, p_value);
}

/* --- master equations by uniformisation --- */

typedef struct {
  int    from, to;
  double rate;
} transition;

/* p(t) = sum_k Poisson(k; B t) (1 + Q / B)^k p(0), B = the largest rate of leaving a state. p [n_states] in and out. */
static void solve_master_equation(int n_states, int n, const transition *transitions, double t, double *p)
{
  double *leave = wf_calloc((size_t)n_states, sizeof *leave), *power = wf_calloc((size_t)n_states, sizeof *power),
         *next = wf_calloc((size_t)n_states, sizeof *next), bound = 0;
  for (int i = 0; i < n; i++) leave[transitions[i].from] += transitions[i].rate;
  for (int s = 0; s < n_states; s++) bound = fmax(bound, leave[s]);
  memcpy(power, p, (size_t)n_states * sizeof *p);
  memset(p, 0, (size_t)n_states * sizeof *p);
  for (int k = 0; k < bound * t + 12 * sqrt(bound * t) + 40; k++) {
    const double weight = exp(k * log(bound * t) - bound * t - lgamma(k + 1.0));
    for (int s = 0; s < n_states; s++) p[s] += weight * power[s];
    for (int s = 0; s < n_states; s++) next[s] = power[s] * (1 - leave[s] / bound);
    for (int i = 0; i < n; i++) next[transitions[i].to] += power[transitions[i].from] * transitions[i].rate / bound;
    memcpy(power, next, (size_t)n_states * sizeof *p);
  }
  wf_free(leave);
  wf_free(power);
  wf_free(next);
}

/* --- the laws --- */

static void check_birth_death(const method *method)
{
  enum { N = 10000, CELLS = 40 };
  double      p[CELLS], wrong[CELLS], observed[CELLS] = {0};
  wf_network *network = wf_network_create("birth and death");
  wf_network_add_species(network, "X", 0, true);
  wf_network_add_equation(network, "0 -> X", 8, 0, 0);
  wf_network_add_equation(network, "X -> 0", 1, 0, 0);
  int32_t     *x    = simulate_states(finish(network), method->algorithm, N, 2);
  const double mean = 8 * (1 - exp(-2));
  for (int c = 0; c < CELLS; c++) p[c] = exp(c * log(mean) - mean - lgamma(c + 1.0));
  for (int c = 0; c < CELLS; c++) wrong[c] = exp(c * log(1.08 * mean) - 1.08 * mean - lgamma(c + 1.0));
  for (int i = 0; i < N; i++) observed[x[i]]++;
  check_law("birth and death", method->name, N, CELLS, observed, p);
  WF_CHECK(chi_square_p_value(N, CELLS, observed, wrong) < alarm, "eight per cent off is not seen");
  wf_free(x);
  wf_network_destroy(&network);
}

/* Independent Poisson counts with mean (10/6) (5/6)^(i-1), the last one 5 E X14; 5 standard deviations. */
static void check_cascade(const method *method)
{
  enum { N = 1000, D = 15 };
  wf_network *network = wf_network_create_builtin("signalling_cascade_1");
  int32_t    *x       = simulate_states(network, method->algorithm, N, 16);
  for (int s = 0; s < D; s++) {
    const double law = s < 14 ? 10.0 / 6 * pow(5.0 / 6, s) : 5 * 10.0 / 6 * pow(5.0 / 6, 13);
    double       sum = 0;
    for (int i = 0; i < N; i++) sum += x[i * D + s];
    WF_CHECK(fabs(sum / N - law) < 5 * sqrt(law / N), "%s, X%d: %g against %g", method->name, s + 1, sum / N, law);
  }
  wf_free(x);
  wf_network_destroy(&network);
}

/* A + B <-> C, 2 A -> B (which needs two, though a^2 is not 0 at one): all states (c, k), k = how often the last one fired. */
static void check_bimolecular(const method *method)
{
  enum { N = 10000, A = 12, B = 9, K = A / 2 + 1, C = A + 1, STATES = K * C };
  const double bind = 0.1, split = 0.5, pair = 0.03, t = 1.5;
  double       p[STATES] = {1}, observed[STATES] = {0};
  transition   transitions[3 * STATES];
  int          n = 0;
  for (int k = 0; k < K; k++)
    for (int c = 0; c < C; c++) {
      const int a = A - c - 2 * k, b = B - c + k, s = k * C + c;
      if (a < 0 || b < 0) continue;
      if (a > 0 && b > 0) transitions[n++] = (transition){s, s + 1, bind * a * b};
      if (c > 0) transitions[n++] = (transition){s, s - 1, split * c};
      if (a > 1) transitions[n++] = (transition){s, s + C, pair * a * a};
    }
  solve_master_equation(STATES, n, transitions, t, p);
  wf_network *network = wf_network_create("pairs");
  wf_network_add_species(network, "A", A, true);
  wf_network_add_species(network, "B", B, true);
  wf_network_add_species(network, "C", 0, true);
  wf_network_add_equation(network, "A + B -> C", bind, 0, 0);
  wf_network_add_equation(network, "C -> A + B", split, 0, 0);
  wf_network_add_equation(network, "2 A -> B", pair, 0, 0);
  int32_t *x = simulate_states(finish(network), method->algorithm, N, t);
  for (int i = 0; i < N; i++) observed[(x[3 * i + 1] + x[3 * i + 2] - B) * C + x[3 * i + 2]]++;
  check_law("pairs", method->name, N, STATES, observed, p);
  wf_free(x);
  wf_network_destroy(&network);
}

/* An enzyme that comes and goes: the clock of E + X -> E stands still meanwhile. States (e, x). */
static void check_pauses(const method *method)
{
  enum { N = 10000, X = 8, STATES = 2 * (X + 1) };
  const double off = 3, on = 2, decay = 0.7, t = 1.6;
  double       p[STATES] = {0}, observed[STATES] = {0};
  transition   transitions[2 * STATES];
  int          n = 0;
  p[1 + 2 * X]   = 1;
  for (int x = 0; x <= X; x++) {
    transitions[n++] = (transition){2 * x + 1, 2 * x, off};
    transitions[n++] = (transition){2 * x, 2 * x + 1, on};
    if (x > 0) transitions[n++] = (transition){2 * x + 1, 2 * x - 1, decay * x};
  }
  solve_master_equation(STATES, n, transitions, t, p);
  wf_network *network = wf_network_create("pauses");
  wf_network_add_species(network, "E", 1, true);
  wf_network_add_species(network, "X", X, true);
  wf_network_add_species(network, "hidden", 0, false);
  wf_network_add_equation(network, "E -> hidden", off, 0, 0);
  wf_network_add_equation(network, "hidden -> E", on, 0, 0);
  wf_network_add_equation(network, "E + X -> E", decay, 0, 0);
  int32_t *x = simulate_states(finish(network), method->algorithm, N, t);
  for (int i = 0; i < N; i++) observed[x[2 * i] + 2 * x[2 * i + 1]]++;
  check_law("pauses", method->name, N, STATES, observed, p);
  wf_free(x);
  wf_network_destroy(&network);
}

/* 0 -> X at 5, X -> 0 with the saturating law 8 x / (3 + x): a law that is a program. */
static void check_program(const method *method)
{
  enum { N = 10000, STATES = 80 };
  double     p[STATES] = {1}, observed[STATES] = {0};
  transition transitions[2 * STATES];
  int        n = 0;
  for (int x = 0; x + 1 < STATES; x++) {
    transitions[n++] = (transition){x, x + 1, 5};
    transitions[n++] = (transition){x + 1, x, 8.0 * (x + 1) / (4 + x)};
  }
  solve_master_equation(STATES, n, transitions, 4, p);
  wf_network   *network  = wf_network_create("saturation");
  const int     species  = wf_network_add_species(network, "X", 0, true);
  wf_expression x_symbol = wf_network_make_symbol(network, species);
  wf_expression above =
      wf_network_make_operation(network, WF_MULTIPLY, 2, (wf_expression[]){wf_network_make_number(network, 8), x_symbol});
  wf_expression below =
      wf_network_make_operation(network, WF_ADD, 2, (wf_expression[]){wf_network_make_number(network, 3), x_symbol});
  const wf_network_change change = {.variable = species, .amount = -1, .expression = -1};
  wf_network_add_equation(network, "0 -> X", 5, 0, 0);
  wf_network_add_law(network, "decay", wf_network_make_operation(network, WF_DIVIDE, 2, (wf_expression[]){above, below}), 1,
                     &change);
  int32_t *x = simulate_states(finish(network), method->algorithm, N, 4);
  for (int i = 0; i < N; i++) observed[x[i]]++;
  check_law("saturation", method->name, N, STATES, observed, p);
  wf_free(x);
  wf_network_destroy(&network);
}

/* Immigrants at rates from 2^-30 to 2^8 and 0: Poisson with those means, in all powers of two at once. Summed over trajectories, 5
   standard deviations for large means; a mean below 1e-3 gives one immigrant at most. */
static void check_wide_range(const method *method)
{
  enum { N = 400, D = 40 };
  wf_network *network = wf_network_create("wide range");
  for (int i = 0; i < D; i++) {
    char name[16];
    snprintf(name, sizeof name, "Y%d", i);
    const wf_network_term     change   = {wf_network_add_species(network, name, 0, true), 1};
    const double              mantissa = 1 + 0.3 * (i % 4);
    const wf_network_reaction reaction = {.rate = i == 7 ? 0 : ldexp(mantissa, i - 31), .n_changes = 1, .changes = &change};
    wf_network_add_reaction(network, &reaction);
  }
  int32_t *x = simulate_states(finish(network), method->algorithm, N, 1);
  for (int i = 0; i < D; i++) {
    double sum = 0, law = i == 7 ? 0 : N * ldexp(1 + 0.3 * (i % 4), i - 31);
    for (int k = 0; k < N; k++) sum += x[k * D + i];
    WF_CHECK(fabs(sum - law) <= (law > 20     ? 5 * sqrt(law)
                                 : law > 1e-3 ? 10 + 3 * law
                                              : law > 0),
             "%s, %d: %g, %g", method->name, i, sum, law);
  }
  wf_free(x);
  wf_network_destroy(&network);
}

/* Rare reactions beside one that is 2^18 times as fast: the group chosen has few digits of its random number left. Two rates of
   0.51 in a group with the bound 1, of which half must be rejected: Poisson with mean 20.4; [3, 51] has all but 1e-6 on either
   side. */
static void check_rare(void)
{
  enum { N = 20 };
  wf_network *network = wf_network_create("rare");
  wf_network_add_species(network, "fast", 0, true);
  wf_network_add_species(network, "slow", 0, true);
  wf_network_add_equation(network, "0 -> fast", 262143, 0, 0);
  wf_network_add_equation(network, "0 -> slow", 0.51, 0, 0);
  wf_network_add_equation(network, "0 -> slow", 0.51, 0, 0);
  int32_t *x   = simulate_states(finish(network), WF_SSA_COMPOSITION_REJECTION, N, 1);
  double   sum = 0;
  for (int i = 0; i < N; i++) sum += x[2 * i + 1];
  WF_CHECK(sum >= 3 && sum <= 46, "%g", sum);
  wf_free(x);
  wf_network_destroy(&network);
}

/* --- outputs --- */

/* A ring of 300 places: parts of a batch are the batch, and the log, replayed, is the grid. */
static void check_outputs(const method *method)
{
  const bool logs = method->algorithm != WF_SSA_DIRECT; /* a log of its trajectories is another method's business */
  enum { D = 300, TIMES = 4, N = 3, MOST = 4000 };
  const double   times[TIMES] = {0, 0.1, 0.1, 1.3};
  static double  time[N * MOST];
  static int32_t jump[N * MOST], after[N * MOST][D], x[N][TIMES][D], one[TIMES][D];
  int64_t        n_events[N], offset[N + 1] = {0};
  wf_ssa_failure failure;
  wf_network    *network = wf_network_create("ring");
  for (int i = 0; i < D; i++) {
    char name[16];
    snprintf(name, sizeof name, "R%d", i);
    wf_network_add_species(network, name, i % 7, true);
  }
  for (int i = 0; i < D; i++) {
    char equation[64];
    snprintf(equation, sizeof equation, "R%d -> R%d", i, (i + 1) % D);
    wf_network_add_equation(network, equation, 1 + i % 3, 0, 0);
  }
  wf_simulator *simulator = create_simulator(finish(network), method->algorithm, TIMES, times);
  WF_CHECK(
      wf_simulator_run(simulator, &(wf_ssa_batch){.first = 40, .n_traj = N, .counts = x[0][0], .n_events = n_events}, &failure));
  for (int i = 0; i < N; i++) offset[i + 1] = offset[i] + n_events[i];
  WF_CHECK(offset[N] < N * MOST && n_events[0] > 1000);
  wf_ssa_log log = {.offset = offset, .time = time, .jump = jump, .counts = after[0]};
  if (logs) WF_CHECK(wf_simulator_run(simulator, &(wf_ssa_batch){.first = 40, .n_traj = N, .log = &log}, &failure));
  for (int i = 0; i < N; i++) {
    WF_CHECK(wf_simulator_run(simulator, &(wf_ssa_batch){.first = 40 + (uint64_t)i, .n_traj = 1, .counts = one[0]}, &failure));
    WF_CHECK(!memcmp(one, x[i], sizeof one));
    int32_t state[D];
    for (int s = 0; s < D; s++) state[s] = s % 7;
    for (int64_t row = offset[i], k = 0; logs && k < TIMES; k++) {
      for (; row < offset[i + 1] && time[row] <= times[k]; row++) {
        state[jump[row]]--;
        state[(jump[row] + 1) % D]++;
        WF_CHECK(!memcmp(state, after[row], sizeof state) && (row == offset[i] || time[row] >= time[row - 1]));
      }
      WF_CHECK(!memcmp(state, x[i][k], sizeof state), "%s, time %g", method->name, times[k]);
    }
  }
  WF_CHECK(memcmp(x[0], x[1], sizeof x[0]));
  wf_simulator_destroy(&simulator);
  wf_network_destroy(&network);
}

/* Variables that are no whole numbers, and an assignment rule: half = X / 2. */
static void check_values(const method *method)
{
  const double   times[2] = {1, 2};
  double         values[2][2];
  int32_t        counts[2];
  wf_ssa_failure failure;
  wf_network    *network = wf_network_create("values");
  const int      x       = wf_network_add_species(network, "X", 0, true);
  const int      y       = wf_network_add_variable(network, &(wf_network_variable){.name = "Y", .initial = 0.25, .recorded = true});
  const int      half    = wf_network_add_variable(network, &(wf_network_variable){.name = "half", .initial = 0, .recorded = true});
  const wf_network_change changes[] = {{.variable = x, .amount = 1, .expression = -1},
                                       {.variable = y, .amount = -0.5, .expression = -1}};
  wf_network_add_law(network, "both", wf_network_make_number(network, 30), 2, changes);
  wf_network_add_assignment(
      network, half,
      wf_network_make_operation(network, WF_DIVIDE, 2,
                                (wf_expression[]){wf_network_make_symbol(network, x), wf_network_make_number(network, 2)}));
  wf_simulator *simulator = create_simulator(finish(network), method->algorithm, 2, times);
  WF_CHECK(wf_simulator_n_counts(simulator) == 1 && wf_simulator_n_values(simulator) == 2);
  WF_CHECK(wf_simulator_run(simulator, &(wf_ssa_batch){.n_traj = 1, .counts = counts, .values = values[0]}, &failure));
  for (int k = 0; k < 2; k++) WF_CHECK(counts[k] > 5 && values[k][0] == 0.25 - 0.5 * counts[k] && values[k][1] == 0.5 * counts[k]);
  wf_simulator_destroy(&simulator);
  wf_network_destroy(&network);
}

/* --- failures --- */

static void check_failure_of(wf_network *network, wf_ssa_algorithm algorithm, wf_ssa_status status, const char *what)
{
  const double   t_end = 1000;
  wf_ssa_failure failure;
  wf_simulator  *simulator = create_simulator(finish(network), algorithm, 1, &t_end);
  WF_CHECK(!wf_simulator_run(simulator, &(wf_ssa_batch){.first = 9, .n_traj = 2}, &failure));
  WF_CHECK(failure.status == status && failure.trajectory == 9 && failure.time < t_end, "%d at %g", failure.status, failure.time);
  WF_CHECK(strstr(failure.what, what), "%s", failure.what);
  wf_simulator_destroy(&simulator);
  wf_network_destroy(&network);
}

static wf_network *create_explosion(void)
{
  wf_network *network = wf_network_create("explosion");
  wf_network_add_species(network, "X", INT32_MAX - 1000, true);
  wf_network_add_equation(network, "X -> 2 X", 1, 0, 0);
  return network;
}

/* 0 -> 2 X at rate 3 - X: 3, 1, then -1. And at rate 1 / (X - 2): 1 / 0 after one jump. */
static wf_network *create_bad_law(bool infinite)
{
  wf_network             *network = wf_network_create("bad law");
  const int               x       = wf_network_add_species(network, "X", infinite ? 4 : 0, true);
  const wf_network_change change  = {.variable = x, .amount = infinite ? -2 : 2, .expression = -1};
  wf_expression           symbol = wf_network_make_symbol(network, x), one = wf_network_make_number(network, 1),
                law = infinite ? wf_network_make_operation(network, WF_SUBTRACT, 2,
                                                           (wf_expression[]){symbol, wf_network_make_number(network, 2)})
                               : wf_network_make_operation(network, WF_SUBTRACT, 2,
                                                           (wf_expression[]){wf_network_make_number(network, 3), symbol});
  if (infinite) law = wf_network_make_operation(network, WF_DIVIDE, 2, (wf_expression[]){one, law});
  wf_network_add_law(network, "bad", law, 1, &change);
  return network;
}

static void check_failures(void)
{
  const wf_ssa_algorithm asked[] = {WF_SSA_NEXT_REACTION, WF_SSA_COMPOSITION_REJECTION, WF_SSA_TAU_LEAPING};
  const double           t_end   = 1;
  char                   why[192];
  wf_network            *season = wf_network_create("season");
  wf_network_add_species(season, "X", 0, true);
  wf_network_add_equation(season, "0 -> X", 1, 0.5, 1);
  finish(season);
  for (int m = 0; m < 3; m++) {
    const wf_ssa_config config = {.algorithm = asked[m], .n_time = 1, .times = &t_end};
    WF_CHECK(!wf_simulator_create(season, &config, why, sizeof why) && strstr(why, "depends on time"), "%s", why);
    check_failure_of(create_explosion(), asked[m], WF_SSA_COUNT_RANGE, "X = 2");
    check_failure_of(create_bad_law(false), asked[m], WF_SSA_NEGATIVE_LAW, "bad has propensity -1");
    check_failure_of(create_bad_law(true), asked[m], WF_SSA_COUNT_RANGE, "bad has propensity inf");
  }
  wf_network_destroy(&season);
}

int main(void)
{
  for (int m = 0; m < N_METHODS; m++) {
    check_birth_death(&methods[m]);
    check_cascade(&methods[m]);
    check_bimolecular(&methods[m]);
    check_pauses(&methods[m]);
    check_program(&methods[m]);
    check_wide_range(&methods[m]);
    check_outputs(&methods[m]);
    check_values(&methods[m]);
  }
  check_rare();
  check_failures();
  return WF_TEST_END();
}
