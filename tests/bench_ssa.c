/* Events a second, on one core: bench_ssa [rounds]. For each model, in turns so that all meet the same machine:
     special  a direct method written for this model alone: counts in int32 variables, laws and changes as code, no tables
     generic  a direct method for any mass-action network, one trajectory at a time
     engine   what wf_simulator_create picks
   All use Philox, one block of four words a step, from which both numbers of 52 bits are made; special and generic take the C
   library's logarithm. They write the same rows at the same 101 times. A round is the same trajectories for all three; the
   numbers are medians over rounds of the thread's CPU time, and of the ratios in a round. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weightflow/base.h>
#include <weightflow/random.h>
#include <weightflow/ssa.h>

enum { N_TIME = 101, MAX_SPECIES = 16, MAX_REACTIONS = 32, MAX_ROUNDS = 99 };
static const uint64_t seed = 20240117;

typedef struct {
  int32_t      *row; /* where the next row goes */
  int64_t       events;
  const double *times;
} plain_output;

/* Waiting time at total propensity 1, and a uniform: Philox4x32-10 (Salmon et al. 2011), inlined as a fast code would. */
static inline __attribute__((always_inline)) double draw_step(uint64_t trajectory, uint32_t step, double *uniform)
{
  uint32_t word[4] = {(uint32_t)trajectory, (uint32_t)(trajectory >> 32), step, WF_RANDOM_SSA};
  uint32_t key[2]  = {(uint32_t)seed, (uint32_t)(seed >> 32)};
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const uint64_t first = (uint64_t)0xD2511F53u * word[0], second = (uint64_t)0xCD9E8D57u * word[2];
    word[0] = (uint32_t)(second >> 32) ^ word[1] ^ key[0];
    word[2] = (uint32_t)(first >> 32) ^ word[3] ^ key[1];
    word[1] = (uint32_t)second;
    word[3] = (uint32_t)first;
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  *uniform = ((double)(((uint64_t)word[2] << 32 | word[3]) >> 12) + 0.5) * 0x1p-52;
  return -log(((double)(((uint64_t)word[0] << 32 | word[1]) >> 12) + 0.5) * 0x1p-52);
}

/* --- written for one model --- */

static void run_sir(uint64_t trajectory, plain_output *output)
{
  int32_t  s = 50, i = 10, r = 0, *row = output->row;
  double   t    = 0, u;
  uint32_t step = 0;
  for (int k = 0;; step++) {
    const double infection = 0.003 * s * i, total = infection + 0.02 * i;
    t += draw_step(trajectory, step, &u) / total;
    for (; t > output->times[k]; row += 3) {
      row[0] = s;
      row[1] = i;
      row[2] = r;
      if (++k == N_TIME) {
        output->events += step;
        return;
      }
    }
    if (u * total < infection) {
      s--;
      i++;
    } else {
      i--;
      r++;
    }
  }
}

static void run_tog(uint64_t trajectory, plain_output *output)
{
  const int32_t gx = 1, gy = 1;
  int32_t       px = 0, py = 0, *row = output->row;
  double        t    = 0, u;
  uint32_t      step = 0;
  for (int k = 0;; step++) {
    const double a0 = 50.0 * gx, a1 = a0 + 50.0 * gy, a2 = a1 + px, total = a2 + py;
    t += draw_step(trajectory, step, &u) / total;
    for (; t > output->times[k]; row += 4) {
      row[0] = gx;
      row[1] = gy;
      row[2] = px;
      row[3] = py;
      if (++k == N_TIME) {
        output->events += step;
        return;
      }
    }
    const double level = u * total;
    if (level < a1) {
      if (level < a0)
        px++;
      else
        py++;
    } else if (level < a2)
      px--;
    else
      py--;
  }
}

/* Conversion at 5 x and decay at 1 x: where the level falls among 6 x of a species says both which and what. */
static void run_cas(uint64_t trajectory, plain_output *output)
{
  enum { N = 15 };
  int32_t  x[N] = {0}, all = 0, *row = output->row;
  double   t    = 0, u;
  uint32_t step = 0;
  for (int k = 0;; step++) {
    const double total = 10 + 6.0 * all - 5.0 * x[N - 1];
    t += draw_step(trajectory, step, &u) / total;
    for (; t > output->times[k]; row += N) {
      memcpy(row, x, sizeof x);
      if (++k == N_TIME) {
        output->events += step;
        return;
      }
    }
    double level = u * total - 10;
    if (level < 0) {
      x[0]++;
      all++;
      continue;
    }
    int i = 0;
    while (i < N - 1 && level >= 6.0 * x[i]) level -= 6.0 * x[i++];
    if (i < N - 1 && level < 5.0 * x[i])
      x[i + 1]++;
    else
      all--;
    x[i]--;
  }
}

/* --- for any network of mass actions --- */

typedef struct {
  const char *name;
  double      t_end;
  int         n_traj, n_species;
  int32_t     initial[MAX_SPECIES];
  int         n_reactions;
  struct {
    double rate;
    int    order, factor[2], n_changes, changed[2], amount[2];
  } reactions[MAX_REACTIONS];
  const char *equations[MAX_REACTIONS];
  void (*special)(uint64_t trajectory, plain_output *output);
} model;

static void run_generic(const model *m, uint64_t trajectory, plain_output *output)
{
  int32_t  x[MAX_SPECIES], *row  = output->row;
  double   sum[MAX_REACTIONS], t = 0, u;
  uint32_t step = 0;
  memcpy(x, m->initial, sizeof x);
  for (int k = 0;; step++) {
    double total = 0;
    for (int j = 0; j < m->n_reactions; j++) {
      double a = m->reactions[j].rate;
      for (int f = 0; f < m->reactions[j].order; f++) a *= x[m->reactions[j].factor[f]];
      sum[j] = total += a;
    }
    t += draw_step(trajectory, step, &u) / total;
    for (; t > output->times[k]; row += m->n_species) {
      memcpy(row, x, (size_t)m->n_species * sizeof *x);
      if (++k == N_TIME) {
        output->events += step;
        return;
      }
    }
    int j = 0;
    while (j < m->n_reactions - 1 && sum[j] <= u * total) j++;
    for (int c = 0; c < m->reactions[j].n_changes; c++) x[m->reactions[j].changed[c]] += m->reactions[j].amount[c];
  }
}

static const model models[] = {
    {.name        = "sir",
     .t_end       = 100,
     .n_traj      = 4096,
     .n_species   = 3,
     .initial     = {50, 10, 0},
     .n_reactions = 2,
     .reactions   = {{0.003, 2, {0, 1}, 2, {0, 1}, {-1, 1}}, {0.02, 1, {1}, 2, {1, 2}, {-1, 1}}},
     .equations   = {"X1 + X2 -> 2 X2", "X2 -> X3"},
     .special     = run_sir},
    {.name = "cas", .t_end = 158, .n_traj = 128, .n_species = 15, .n_reactions = 30, .special = run_cas},
    {.name        = "tog",
     .t_end       = 497,
     .n_traj      = 32,
     .n_species   = 4,
     .initial     = {1, 1, 0, 0},
     .n_reactions = 4,
     .reactions   = {{50, 1, {0}, 1, {2}, {1}}, {50, 1, {1}, 1, {3}, {1}}, {1, 1, {2}, 1, {2}, {-1}}, {1, 1, {3}, 1, {3}, {-1}}},
     .equations   = {"X1 -> X1 + X3", "X2 -> X2 + X4", "X3 -> 0", "X4 -> 0"},
     .special     = run_tog}};

/* The cascade's 30 reactions, species by species. */
static void fill_cascade(model *m)
{
  static char names[MAX_REACTIONS][24];
  for (int i = 0, j = 0; j < m->n_reactions; i++) {
    if (i == 0) {
      m->reactions[j].rate       = 10;
      m->reactions[j].n_changes  = 1;
      m->reactions[j].amount[0]  = 1;
      m->reactions[j].changed[0] = 0;
      m->equations[j++]          = "0 -> X1";
    }
    for (int decay = i == m->n_species - 1; decay < 2; decay++, j++) {
      m->reactions[j].rate       = decay ? 1 : 5;
      m->reactions[j].order      = 1;
      m->reactions[j].factor[0]  = i;
      m->reactions[j].n_changes  = decay ? 1 : 2;
      m->reactions[j].changed[0] = i;
      m->reactions[j].amount[0]  = -1;
      m->reactions[j].changed[1] = i + 1;
      m->reactions[j].amount[1]  = 1;
      if (decay)
        snprintf(names[j], sizeof names[j], "X%d -> 0", i + 1);
      else
        snprintf(names[j], sizeof names[j], "X%d -> X%d", i + 1, i + 2);
      m->equations[j] = names[j];
    }
  }
}

static wf_network *build_network(const model *m)
{
  wf_network *network = wf_network_create(m->name);
  if (!network) return NULL;
  for (int i = 0; i < m->n_species; i++) {
    char name[16];
    snprintf(name, sizeof name, "X%d", i + 1);
    wf_network_add_species(network, name, m->initial[i], true);
  }
  for (int j = 0; j < m->n_reactions; j++) wf_network_add_equation(network, m->equations[j], m->reactions[j].rate, 0, 0);
  if (!wf_network_finish(network, NULL, 0)) wf_network_destroy(&network);
  return network;
}

/* --- measuring --- */

typedef struct {
  wf_simulator *simulator;
  double        times[N_TIME];
  int           n_traj, n_species;
  int32_t      *counts; /* [n_traj, N_TIME, n_species] */
  int64_t      *n_events;
} bench;

static double cpu_seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_numbers(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
static double find_median(int n, double *x)
{
  qsort(x, (size_t)n, sizeof *x, compare_numbers);
  return x[n / 2];
}

static int open_bench(bench *b, const wf_network *network, wf_ssa_rate rate, double t_end, int n_traj)
{
  char why[192];
  b->n_traj = n_traj;
  for (int k = 0; k < N_TIME; k++) b->times[k] = k * t_end / (N_TIME - 1);
  b->simulator = wf_simulator_create(network, &(wf_ssa_config){.rate = rate, .seed = seed, .n_time = N_TIME, .times = b->times},
                                     why, sizeof why);
  if (!b->simulator) {
    fprintf(stderr, "%s: %s\n", wf_network_name(network), why);
    return 1;
  }
  b->n_species = wf_simulator_n_counts(b->simulator);
  b->counts    = wf_calloc((size_t)n_traj * N_TIME * (size_t)b->n_species, sizeof *b->counts);
  b->n_events  = wf_calloc((size_t)n_traj, sizeof *b->n_events);
  return !b->counts || !b->n_events;
}

static void close_bench(bench *b)
{
  wf_simulator_destroy(&b->simulator);
  wf_free(b->counts);
  wf_free(b->n_events);
}

/* Events a second of trajectories first .. first + n_traj - 1; their number is added to *events. Negative: it failed. */
static double time_engine(bench *b, uint64_t first, int64_t *events)
{
  wf_ssa_failure failure;
  int64_t        n     = 0;
  double         start = cpu_seconds();
  if (!wf_simulator_run(b->simulator,
                        &(wf_ssa_batch){.first = first, .n_traj = b->n_traj, .counts = b->counts, .n_events = b->n_events},
                        &failure))
    return -1;
  double seconds = cpu_seconds() - start;
  for (int i = 0; i < b->n_traj; i++) n += b->n_events[i];
  *events += n;
  return (double)n / seconds;
}

/* special NULL: the generic one. */
static double time_plain(bench *b, const model *m, bool special, uint64_t first, int64_t *events)
{
  plain_output output = {.times = b->times};
  double       start  = cpu_seconds();
  for (int i = 0; i < b->n_traj; i++) {
    output.row = b->counts + (size_t)i * N_TIME * (size_t)b->n_species;
    if (special)
      m->special(first + (uint64_t)i, &output);
    else
      run_generic(m, first + (uint64_t)i, &output);
  }
  double seconds = cpu_seconds() - start;
  *events += output.events;
  return (double)output.events / seconds;
}

static int measure_model(const model *m, int rounds)
{
  double      speed[3][MAX_ROUNDS], ratio[2][MAX_ROUNDS];
  int64_t     events[3] = {0};
  bench       b         = {0};
  wf_network *network   = build_network(m);
  if (!network || open_bench(&b, network, WF_SSA_RATE_EXACT, m->t_end, m->n_traj)) return 1;
  for (int i = 0; i < rounds; i++) {
    uint64_t first = (uint64_t)i * (uint64_t)m->n_traj;
    speed[0][i]    = time_plain(&b, m, true, first, &events[0]);
    speed[2][i]    = time_engine(&b, first, &events[2]);
    speed[1][i]    = time_plain(&b, m, false, first, &events[1]);
    for (int k = 0; k < 2; k++) ratio[k][i] = speed[2][i] / speed[k][i];
    if (speed[2][i] < 0) return 1;
  }
  printf("%-22s special %6.2f  generic %6.2f  engine %6.2f million events/s;  engine/special %5.2f  engine/generic %5.2f\n",
         m->name, find_median(rounds, speed[0]) / 1e6, find_median(rounds, speed[1]) / 1e6, find_median(rounds, speed[2]) / 1e6,
         find_median(rounds, ratio[0]), find_median(rounds, ratio[1]));
  printf("%-22s events a trajectory: %.1f, %.1f, %.1f\n", "", (double)events[0] / rounds / m->n_traj,
         (double)events[1] / rounds / m->n_traj, (double)events[2] / rounds / m->n_traj);
  close_bench(&b);
  wf_network_destroy(&network);
  return 0;
}

static int measure_builtin(const char *name, wf_ssa_rate rate, int rounds)
{
  double      speed[MAX_ROUNDS];
  int64_t     events  = 0;
  bench       b       = {0};
  wf_network *network = wf_network_create_builtin(name);
  if (!network || open_bench(&b, network, rate, wf_network_is_modulated(network) ? 50 : 40, 256)) return 1;
  for (int i = 0; i < rounds; i++)
    if ((speed[i] = time_engine(&b, (uint64_t)(i * b.n_traj), &events)) < 0) return 1;
  printf("%-22s %s  engine %6.2f million events/s, %.1f events a trajectory\n", name,
         rate == WF_SSA_RATE_FROZEN ? "frozen" : "exact ", find_median(rounds, speed) / 1e6, (double)events / rounds / b.n_traj);
  close_bench(&b);
  wf_network_destroy(&network);
  return 0;
}

int main(int argc, char **argv)
{
  int rounds = argc > 1 ? atoi(argv[1]) : 9, failed = 0;
  if (rounds < 1 || rounds > MAX_ROUNDS) rounds = MAX_ROUNDS;
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    model m = models[i];
    if (!m.equations[0]) fill_cascade(&m);
    failed |= measure_model(&m, rounds);
  }
  for (int i = 0; wf_network_builtin_name(i); i++) {
    failed |= measure_builtin(wf_network_builtin_name(i), WF_SSA_RATE_EXACT, rounds);
    if (!strcmp(wf_network_builtin_name(i), "epidemic"))
      failed |= measure_builtin(wf_network_builtin_name(i), WF_SSA_RATE_FROZEN, rounds);
  }
  return failed;
}
