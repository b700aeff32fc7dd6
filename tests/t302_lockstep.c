/* The direct method in lock-step against the method's definition, one trajectory at a time and written as plainly as possible, bit
   for bit: laws of every form, refilled lanes, batches split differently, each instruction set. Nothing here depends on chance but
   which trajectories are compared, and these are fixed. */
#include <weightflow/base.h>
#include <weightflow/random.h>
#include "check.h"
#include "ssa/engine.h"
#include "ssa/ssa_kernels.h"
#include "ssa/ssa_random.h"

enum { MAX_REACTIONS = 64, MAX_SLOTS = 256 };

/* --- the definition --- */

typedef struct {
  double   time[2]; /* of the last event; now */
  uint64_t step;
  double   value[MAX_SLOTS], sum[MAX_REACTIONS + 1];
} plain_state;

/* Index of the first sum above the level; where rounding hides it, the last reaction that can fire. */
static int find_reaction(const wf_network *network, plain_state *state, double level)
{
  int n = network->n_reactions, j = 0;
  while (j < n && !(state->sum[j + 1] > level)) j++;
  if (j < n) return j;
  do j--;
  while (j > 0 && !(wf_network_unmodulated_propensity(network, j, state->value) > 0));
  return j;
}

static bool sum_laws(const wf_network *network, const wf_ssa_config *config, plain_state *state)
{
  state->sum[0] = 0;
  for (int j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    state->value[network->time_slot]     = state->time[0];
    double a                             = wf_network_unmodulated_propensity(network, j, state->value);
    if (reaction->modulation >= 0 && config->rate == WF_SSA_RATE_FROZEN)
      a *= wf_program_run(network, reaction->modulation, state->value);
    else if (reaction->modulation >= 0)
      a *= reaction->upper;
    if (!(a >= 0)) return false;
    state->sum[j + 1] = state->sum[j] + a;
  }
  return true;
}

/* Does the candidate happen? No short cut by the lower bound. */
static bool accept_candidate(const wf_network *network, const wf_ssa_config *config, plain_state *state, int j, double level)
{
  const wf_compiled_reaction *reaction = &network->reactions[j];
  if (reaction->modulation < 0 || config->rate == WF_SSA_RATE_FROZEN) return true;
  double a                         = wf_network_unmodulated_propensity(network, j, state->value) * reaction->upper;
  state->value[network->time_slot] = state->time[1];
  return (level - state->sum[j]) * reaction->upper < a * wf_program_run(network, reaction->modulation, state->value);
}

static void record(const wf_network *network, plain_state *state, double time, int32_t **counts, double **values)
{
  state->value[network->time_slot] = time;
  wf_network_apply_assignments(network, state->value);
  for (int i = 0; i < network->n_recorded; i++)
    if (network->whole[i])
      *(*counts)++ = (int32_t)state->value[network->recorded[i]];
    else
      *(*values)++ = state->value[network->recorded[i]];
}

static bool counts_are_right(const wf_network *network, const plain_state *state)
{
  for (int i = 0; i < network->n_recorded; i++) {
    double x = state->value[network->recorded[i]];
    if (network->whole[i] && !(x >= 0 && x <= 2147483647)) return false;
  }
  return true;
}

static wf_ssa_status simulate_plainly(const wf_network *network, const wf_ssa_config *config, uint64_t trajectory, int32_t *counts,
                                      double *values, int64_t *n_events, double *when)
{
  plain_state state = {.step = 0};
  double      e[WF_SSA_CHUNK], u[WF_SSA_CHUNK];
  int         k = 0;
  memcpy(state.value, network->start, (size_t)network->n_slots * sizeof *state.value);
  *n_events = 0;
  for (;; state.step++) {
    int i = (int)(state.step % WF_SSA_CHUNK);
    if (i == 0) wf_ssa_fill_random(config->seed, trajectory, state.step, e, u);
    *when = state.time[1];
    if (!sum_laws(network, config, &state)) return WF_SSA_NEGATIVE_LAW;
    double total = state.sum[network->n_reactions];
    if (!isfinite(total)) return WF_SSA_COUNT_RANGE;
    state.time[1] += e[i] / total;
    for (; k < config->n_time && state.time[1] > config->times[k]; k++) record(network, &state, config->times[k], &counts, &values);
    if (k == config->n_time) return WF_SSA_COMPLETE;
    int j = find_reaction(network, &state, u[i] * total);
    if (!accept_candidate(network, config, &state, j, u[i] * total)) continue;
    state.time[0] = state.time[1];
    *when         = state.time[1];
    wf_network_fire(network, j, state.value);
    if (!counts_are_right(network, &state)) return WF_SSA_COUNT_RANGE;
    ++*n_events;
  }
}

/* --- models --- */

static void add_law(wf_network *network, const char *name, wf_expression law, int variable, double amount)
{
  wf_network_add_law(network, name, law, 1, &(wf_network_change){variable, amount, -1});
}
static wf_expression combine(wf_network *network, wf_operation operation, wf_expression a, wf_expression b)
{
  return wf_network_make_operation(network, operation, 2, (wf_expression[]){a, b});
}
static wf_expression apply(wf_network *network, wf_operation operation, wf_expression a)
{
  return wf_network_make_operation(network, operation, 1, &a);
}
static wf_expression number(wf_network *network, double x) { return wf_network_make_number(network, x); }

static wf_network *finish(wf_network *network)
{
  char why[256];
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
  WF_CHECK(network->n_slots <= MAX_SLOTS && network->n_reactions <= MAX_REACTIONS);
  return network;
}

static wf_network *build_epidemic(void) { return wf_network_create_builtin("epidemic"); }
static wf_network *build_toggle(void) { return wf_network_create_builtin("toggle_switch"); }
static wf_network *build_cascade(void) { return wf_network_create_builtin("signalling_cascade_1"); }
static wf_network *build_saturated(void) { return wf_network_create_builtin("signalling_cascade_2"); }

static wf_network *build_sir(void)
{
  wf_network *network = wf_network_create("sir");
  for (int i = 0; i < 3; i++)
    wf_network_add_species(network, (const char *[]){"S", "I", "R"}[i], i == 0 ? 50 : i == 1 ? 10 : 0, true);
  wf_network_add_equation(network, "S + I -> 2 I", 0.003, 0, 0);
  wf_network_add_equation(network, "I -> R", 0.02, 0, 0);
  return finish(network);
}

/* Orders up to 3, guards, more than two changes in one reaction, two seasons. */
static wf_network *build_orders(void)
{
  wf_network *network = wf_network_create("orders");
  for (int i = 0; i < 5; i++) wf_network_add_species(network, (const char *[]){"A", "B", "C", "D", "E"}[i], 7 * i, i != 3);
  wf_network_add_equation(network, "0 -> A", 6, 0.9, 1.7);
  wf_network_add_equation(network, "2 A + B -> C", 0.02, 0, 0);
  wf_network_add_equation(network, "A + B + C -> 2 D", 0.003, -0.5, 0.9);
  wf_network_add_equation(network, "3 D -> A + B + C + E", 0.001, 0, 0);
  wf_network_add_equation(network, "D -> B", 0.2, 0, 0);
  wf_network_add_equation(network, "E -> B", 0.3, 0, 0);
  wf_network_add_equation(network, "2 E -> 0", 0.01, 1, 2.5);
  wf_network_add_equation(network, "C -> 0", 0.1, 0, 0);
  return finish(network);
}

/* Laws as programs, with every kind of instruction that the kernels know and some that they do not; an amount that is not whole and
   one under a rule. */
static wf_network *build_programs(void)
{
  wf_network   *network = wf_network_create("programs");
  int           x = wf_network_add_species(network, "X", 20, true), y = wf_network_add_species(network, "Y", 5, true);
  int           z = wf_network_add_variable(network, &(wf_network_variable){.name = "Z", .initial = 0.25, .recorded = true});
  int           w = wf_network_add_variable(network, &(wf_network_variable){.name = "W", .recorded = true});
  wf_expression X = wf_network_make_symbol(network, x), Y = wf_network_make_symbol(network, y),
                Z    = wf_network_make_symbol(network, z);
  wf_expression hill = combine(
      network, WF_DIVIDE, number(network, 30),
      combine(network, WF_ADD, number(network, 1), apply(network, WF_EXP, combine(network, WF_DIVIDE, X, number(network, 9)))));
  wf_expression many    = combine(network, WF_GREATER, X, Y);
  wf_expression pick[3] = {
      combine(network, WF_AND, many, apply(network, WF_NOT, combine(network, WF_LESS_EQUAL, Y, number(network, 2)))),
      combine(network, WF_MAX, combine(network, WF_SUBTRACT, X, Y), number(network, 1.5)),
      combine(network, WF_MIN, Y, combine(network, WF_MULTIPLY, number(network, 0.5), X))};
  wf_expression parity = combine(network, WF_OR, combine(network, WF_EQUAL, X, Y),
                                 combine(network, WF_XOR, many, combine(network, WF_GREATER_EQUAL, Z, number(network, 0.5))));
  wf_expression root   = apply(network, WF_ABS,
                               combine(network, WF_SUBTRACT, combine(network, WF_POWER, X, number(network, 1.5)),
                                       apply(network, WF_FLOOR, combine(network, WF_DIVIDE, Y, number(network, 3)))));
  add_law(network, "make X", combine(network, WF_ADD, hill, number(network, 4)), x, 1);
  add_law(network, "lose X", combine(network, WF_DIVIDE, root, combine(network, WF_ADD, X, number(network, 3))), x, -1);
  add_law(network, "make Y", wf_network_make_operation(network, WF_SELECT, 3, pick), y, 1);
  add_law(network, "lose Y", Y, y, -1);
  add_law(network, "move Z", combine(network, WF_ADD, parity, combine(network, WF_NOT_EQUAL, X, number(network, 10))), z, 0.125);
  add_law(network, "lower Z", combine(network, WF_LESS, number(network, 1), Z), z, -0.75);
  wf_network_add_assignment(network, w,
                            combine(network, WF_ADD, combine(network, WF_MULTIPLY, X, Z), wf_network_make_time(network)));
  return finish(network);
}

static wf_network *build_death(void)
{
  wf_network *network = wf_network_create("death");
  wf_network_add_species(network, "X", 30, true);
  wf_network_add_species(network, "Y", 1, true);
  wf_network_add_equation(network, "X -> 0", 0.5, 0, 0);
  wf_network_add_equation(network, "Y -> X + Y", 0, 0, 0);
  return finish(network);
}

/* --- comparisons --- */

typedef struct {
  int      n_time, n_counts, n_values, n_traj;
  int32_t *counts;
  double  *values;
  int64_t *n_events;
} results;

static results make_results(const wf_network *network, int n_time, int n_traj)
{
  results r = {.n_time = n_time, .n_traj = n_traj};
  for (int i = 0; i < network->n_recorded; i++) *(network->whole[i] ? &r.n_counts : &r.n_values) += 1;
  r.counts   = wf_calloc((size_t)(n_traj * n_time * r.n_counts), sizeof *r.counts);
  r.values   = wf_calloc((size_t)(n_traj * n_time * r.n_values), sizeof *r.values);
  r.n_events = wf_calloc((size_t)n_traj, sizeof *r.n_events);
  return r;
}
static void free_results(results *r)
{
  wf_free(r->counts);
  wf_free(r->values);
  wf_free(r->n_events);
}
static bool are_equal(const results *a, const results *b)
{
  size_t rows = (size_t)a->n_traj * (size_t)a->n_time;
  return !memcmp(a->counts, b->counts, rows * (size_t)a->n_counts * sizeof *a->counts) &&
         !memcmp(a->values, b->values, rows * (size_t)a->n_values * sizeof *a->values) &&
         !memcmp(a->n_events, b->n_events, (size_t)a->n_traj * sizeof *a->n_events);
}

/* All trajectories from `first` on, in batches of `at_once`. */
static void simulate(void *work, uint64_t first, int at_once, results *r)
{
  wf_ssa_failure failure;
  memset(r->counts, -1, (size_t)(r->n_traj * r->n_time * r->n_counts) * sizeof *r->counts);
  memset(r->values, -1, (size_t)(r->n_traj * r->n_time * r->n_values) * sizeof *r->values);
  memset(r->n_events, -1, (size_t)r->n_traj * sizeof *r->n_events);
  for (int i = 0; i < r->n_traj; i += at_once) {
    wf_ssa_batch batch = {.first    = first + (uint64_t)i,
                          .n_traj   = i + at_once < r->n_traj ? at_once : r->n_traj - i,
                          .counts   = r->counts + (size_t)(i * r->n_time * r->n_counts),
                          .values   = r->values + (size_t)(i * r->n_time * r->n_values),
                          .n_events = r->n_events + i};
    WF_CHECK(wf_ssa_lockstep.run(work, &batch, &failure), "%s", failure.what);
  }
}

static void compare(wf_network *(*build)(void), wf_ssa_rate rate, double t_end, int n_traj)
{
  enum { TIMES = 41 };
  const uint64_t        first   = 1000;
  wf_network           *network = build();
  double                times[TIMES], when;
  const wf_ssa_kernels *tables[3];
  for (int k = 0; k < TIMES; k++) times[k] = t_end * k / (TIMES - 1);
  const wf_ssa_config config = {.rate = rate, .seed = 0x123456789abcdef, .n_time = TIMES, .times = times};
  char                why[192];
  results             plain = make_results(network, TIMES, n_traj), lanes = make_results(network, TIMES, n_traj);
  WF_CHECK(wf_ssa_lockstep.accepts(network, &config, why, sizeof why), "%s", why);
  void *work = wf_ssa_lockstep.create(network, &config);
  for (int i = 0; i < n_traj; i++)
    WF_CHECK(simulate_plainly(network, &config, first + (uint64_t)i, plain.counts + (size_t)(i * TIMES * plain.n_counts),
                              plain.values + (size_t)(i * TIMES * plain.n_values), &plain.n_events[i], &when) == WF_SSA_COMPLETE);
  int n_tables = wf_ssa_kernels_all(tables), wrong = 0;
  for (int t = 0; t < n_tables; t++) {
    const int at_once[] = {n_traj, 1, 7, WF_SSA_LANES + 1};
    wf_ssa_lockstep_use(work, tables[t]);
    for (int i = 0; i < (t ? 2 : 4); i++) {
      simulate(work, first, at_once[i], &lanes);
      WF_CHECK(are_equal(&plain, &lanes), "%s, %s, %d at once", network->name, tables[t]->name, at_once[i]);
    }
  }
  lanes.counts[n_traj * TIMES * lanes.n_counts / 2] += 1; /* the comparison can fail */
  wrong += !are_equal(&plain, &lanes);
  simulate(work, first + 1, n_traj, &lanes);
  wrong += !are_equal(&plain, &lanes);
  WF_CHECK(wrong == 2);
  wf_ssa_lockstep.destroy(work);
  free_results(&plain);
  free_results(&lanes);
  wf_network_destroy(&network);
}

/* The first trajectory that fails is told, with the time and what it was, whatever others do. */
static void compare_failure(wf_network *network, wf_ssa_status expected, const char *what)
{
  enum { N = 50, TIMES = 3 };
  const double        times[TIMES] = {0, 5, 30};
  const wf_ssa_config config       = {.seed = 3, .n_time = TIMES, .times = times};
  results             r            = make_results(network, TIMES, N);
  wf_ssa_failure      failure;
  wf_ssa_status       status = WF_SSA_COMPLETE;
  double              when   = 0;
  int64_t             events;
  uint64_t            i = 0;
  for (; status == WF_SSA_COMPLETE && i < N; i++)
    status = simulate_plainly(network, &config, i, r.counts, r.values, &events, &when);
  void        *work  = wf_ssa_lockstep.create(network, &config);
  wf_ssa_batch batch = {.n_traj = N, .counts = r.counts, .values = r.values};
  WF_CHECK(status == expected && i < N, "%d", (int)status);
  WF_CHECK(!wf_ssa_lockstep.run(work, &batch, &failure) && failure.status == expected && strstr(failure.what, what), "%s",
           failure.what);
  WF_CHECK(failure.trajectory == i - 1 && failure.time == when, "%d at %g, not %d at %g", (int)failure.trajectory, failure.time,
           (int)i - 1, when);
  batch.n_traj = (int)i - 1; /* what stands before it can be simulated, and the work has not suffered */
  WF_CHECK(wf_ssa_lockstep.run(work, &batch, &failure) && failure.status == WF_SSA_COMPLETE);
  wf_ssa_lockstep.destroy(work);
  free_results(&r);
  wf_network_destroy(&network);
}

static void check_failures(void)
{
  wf_network *network = wf_network_create("explosion");
  int         x       = wf_network_add_species(network, "X", 1, true);
  add_law(network, "burst", combine(network, WF_MULTIPLY, number(network, 0.2), wf_network_make_symbol(network, x)), x, 50000000);
  add_law(network, "end", wf_network_make_symbol(network, x), x, -1);
  compare_failure(finish(network), WF_SSA_COUNT_RANGE, "burst");

  network = wf_network_create("negative");
  x       = wf_network_add_species(network, "X", 20, true);
  add_law(network, "up", combine(network, WF_SUBTRACT, number(network, 30), wf_network_make_symbol(network, x)), x, 2);
  add_law(network, "down", number(network, 3), x, -1);
  compare_failure(finish(network), WF_SSA_NEGATIVE_LAW, "up");
}

/* Nothing to record, nothing asked for, the smallest batches. */
static void check_corners(void)
{
  wf_network         *network = build_death();
  const wf_ssa_config config  = {.seed = 1};
  wf_ssa_failure      failure;
  int64_t             events[2] = {7, 7};
  void               *work      = wf_ssa_lockstep.create(network, &config);
  WF_CHECK(wf_ssa_lockstep.run(work, &(wf_ssa_batch){.n_traj = 2, .n_events = events}, &failure));
  WF_CHECK(events[0] == 0 && events[1] == 0);
  wf_ssa_lockstep.destroy(work);
  work = wf_ssa_lockstep.create(network, &(wf_ssa_config){.seed = 1, .n_time = 1, .times = (double[]){1e9}});
  WF_CHECK(wf_ssa_lockstep.run(work, &(wf_ssa_batch){.n_traj = 0}, &failure));
  WF_CHECK(wf_ssa_lockstep.run(work, &(wf_ssa_batch){.n_traj = 2, .n_events = events}, &failure));
  WF_CHECK(events[0] == 30 && events[1] == 30);
  wf_ssa_lockstep.destroy(work);
  wf_network_destroy(&network);
}

/* The numbers themselves: Philox's uniforms, and the logarithm against the C library's. */
static void check_random(void)
{
  const wf_ssa_kernels *tables[3];
  double                e[3][WF_SSA_CHUNK], v[3][WF_SSA_CHUNK], u[2];
  uint64_t              keys[WF_SSA_KEYS];
  const uint64_t        seed = 0x123456789abcdef;
  int                   n    = wf_ssa_kernels_all(tables);
  wf_ssa_make_keys(seed, keys);
  for (uint64_t block = 0; block < 4000; block++) {
    uint64_t first = block * WF_SSA_CHUNK + (block < 2000 ? 0 : UINT64_C(5) << 32);
    for (int t = 0; t < n; t++) tables[t]->fill_random(keys, WF_RANDOM_SSA, 77, first, e[t], v[t]);
    for (int t = 1; t < n; t++) WF_CHECK(!memcmp(e[t], e[0], sizeof e[0]) && !memcmp(v[t], v[0], sizeof v[0]));
    for (uint64_t i = 0; i < WF_SSA_CHUNK; i++) {
      wf_random_uniform2(seed, WF_RANDOM_SSA, 77 + (first >> 32 << 32), (uint32_t)(first + i), u);
      WF_CHECK(v[0][i] == u[1]);
      WF_CHECK(fabs(e[0][i] + log(u[0])) <= 4e-16 * -log(u[0]), "%.17g %.17g", e[0][i], -log(u[0]));
    }
  }
}

int main(void)
{
  check_random();
  compare(build_sir, WF_SSA_RATE_EXACT, 100, 500);
  compare(build_epidemic, WF_SSA_RATE_EXACT, 50, 500);
  compare(build_epidemic, WF_SSA_RATE_FROZEN, 50, 500);
  compare(build_toggle, WF_SSA_RATE_EXACT, 3, 100);
  compare(build_cascade, WF_SSA_RATE_EXACT, 10, 100);
  compare(build_saturated, WF_SSA_RATE_EXACT, 5, 100);
  compare(build_orders, WF_SSA_RATE_EXACT, 20, 100);
  compare(build_orders, WF_SSA_RATE_FROZEN, 20, 100);
  compare(build_programs, WF_SSA_RATE_EXACT, 10, 100);
  compare(build_death, WF_SSA_RATE_EXACT, 20, 200);
  check_failures();
  check_corners();
  return WF_TEST_END();
}
