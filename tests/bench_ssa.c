/* Events a second of CPU time, in one thread: bench_ssa [rounds [model]]. For each model of inputs/models/, read from SBML, in
   turns so that all meet the same machine: plain   the direct method written by hand for this model (tests/yardsticks.h) clever  a
   cleverer one engine  what wf_simulator_create picks A round is the same trajectories for all of them, with 101 output times.
   "memory": the rows are left in a buffer. "file": they go to an HDF5 file in the way of the stage simulate, row digests and all,
   from making the file to its final name. CPU time of the thread, including the kernel's for writing; numbers are medians over
   rounds, and ratios medians of the ratios in a round. Events are counted one by one; all three must agree on them within what
   chance allows, since they draw the same numbers.

   Peers, measured on the same kind of machine (CPU seconds of one thread, medians of at least 5 runs, 101 output times):
   GillesPy2 1.8, its compiled C++ solver, -O3: sir 1.15, cas 9.5, tog 23.7 million events/s. */
#include <petscsys.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/io.h>
#include <weightflow/sbml.h>
#include <weightflow/ssa.h>
#include "yardsticks.h"

enum { N_TIME = 101, MAX_ROUNDS = 99, BLOCK = 32, BUFFER_BYTES = 1 << 20, N_SUBJECTS = 3 };
static const uint64_t seed = 20240117;

typedef struct {
  const char *name;
  double      t_end;
  int         n_traj; /* in a round */
  yardstick  *plain, *clever;
  double      peer; /* million events/s */
} model;

static const model models[] = {{"sir", 20, 1 << 16, run_sir_plain, run_sir_clever, 1.15},
                               {"cas", 148.5, 768, run_cas_plain, run_cas_clever, 9.5},
                               {"tog", 497, 64, run_tog_plain, run_tog_clever, 23.7}};

typedef struct {
  wf_simulator *simulator;
  double        times[N_TIME];
  int           n_traj, n_species, capacity; /* capacity: trajectories in the buffer */
  int32_t      *counts;                      /* [capacity, N_TIME, n_species] */
  int64_t      *n_events;                    /* [capacity] */
  char          path[64];
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
static double find_median(int n, const double *x)
{
  double sorted[MAX_ROUNDS];
  memcpy(sorted, x, (size_t)n * sizeof *x);
  qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
  return sorted[n / 2];
}
static double find_median_ratio(int n, const double *x, const double *y)
{
  double ratio[MAX_ROUNDS];
  for (int i = 0; i < n; i++) ratio[i] = x[i] / y[i];
  return find_median(n, ratio);
}

static bool open_bench(bench *b, const wf_network *network, wf_ssa_rate rate, double t_end, int n_traj)
{
  char why[192];
  b->n_traj = n_traj;
  for (int k = 0; k < N_TIME; k++) b->times[k] = k * t_end / (N_TIME - 1);
  b->simulator = wf_simulator_create(network, &(wf_ssa_config){.rate = rate, .seed = seed, .n_time = N_TIME, .times = b->times},
                                     why, sizeof why);
  if (!b->simulator) {
    fprintf(stderr, "%s: %s\n", wf_network_name(network), why);
    return false;
  }
  b->n_species = wf_simulator_n_counts(b->simulator);
  b->capacity  = BUFFER_BYTES / (N_TIME * b->n_species * (int)sizeof *b->counts) / BLOCK * BLOCK;
  b->counts    = wf_calloc((size_t)b->capacity * N_TIME * (size_t)b->n_species, sizeof *b->counts);
  b->n_events  = wf_calloc((size_t)b->capacity, sizeof *b->n_events);
  return b->counts && b->n_events;
}

static void close_bench(bench *b)
{
  wf_simulator_destroy(&b->simulator);
  wf_free(b->counts);
  wf_free(b->n_events);
}

/* n trajectories into the buffer; by: NULL is the engine. Returns their events; negative: it failed. */
static int64_t simulate(bench *b, yardstick *by, uint64_t first, int n)
{
  int64_t        events = 0;
  wf_ssa_failure failure;
  wf_ssa_batch   batch = {.first = first, .n_traj = n, .counts = b->counts, .n_events = b->n_events};
  for (int i = 0; i < n && by; i++)
    events += by(seed, first + (uint64_t)i, N_TIME, b->times, b->counts + (size_t)i * N_TIME * (size_t)b->n_species);
  if (by) return events;
  if (!wf_simulator_run(b->simulator, &batch, &failure)) return -1;
  for (int i = 0; i < n; i++) events += b->n_events[i];
  return events;
}

static int64_t simulate_in_memory(bench *b, yardstick *by, uint64_t first)
{
  int64_t events = 0;
  for (int i = 0, n; i < b->n_traj; i += n) {
    n                  = b->n_traj - i < b->capacity ? b->n_traj - i : b->capacity;
    const int64_t more = simulate(b, by, first + (uint64_t)i, n);
    if (more < 0) return -1;
    events += more;
  }
  return events;
}

/* The same, and the rows of each block of trajectories into the file with the block's digest, as the stage simulate does. */
static PetscErrorCode simulate_to_file(bench *b, yardstick *by, uint64_t first, int64_t *events)
{
  const wf_dataset counts    = {.name        = "/counts",
                                .type        = WF_TYPE_INT32,
                                .rank        = 3,
                                .shape       = {b->n_traj, N_TIME, b->n_species},
                                .description = "counts",
                                .unit        = "molecules",
                                .axes        = "trajectory,time,species"};
  uint64_t         digest[2] = {0, 0};
  char             rest[WF_DIGEST_SIZE];
  wf_file         *file;
  int              index;

  PetscFunctionBeginUser;
  *events = 0;
  PetscCall(wf_file_create(PETSC_COMM_SELF, b->path, "ensemble", &file));
  PetscCall(wf_file_declare(file, &counts, &index));
  PetscCall(wf_file_rows_begin(file, rest));
  for (int i = 0, n; i < b->n_traj && *events >= 0; i += n) {
    n                  = b->n_traj - i < b->capacity ? b->n_traj - i : b->capacity;
    const int64_t more = simulate(b, by, first + (uint64_t)i, n);
    for (int j = 0; j < n; j += BLOCK)
      wf_file_rows_digest(file, index, i + j, n - j < BLOCK ? n - j : BLOCK, b->counts + (size_t)j * N_TIME * (size_t)b->n_species,
                          digest);
    wf_file_rows_put(file, index, i, n, b->counts, NULL);
    *events = more < 0 ? -1 : *events + more;
  }
  PetscCall(wf_file_rows_end(file, digest));
  PetscCall(wf_file_publish(&file, NULL));
  PetscFunctionReturn(0);
}

/* Million events a second, in memory and to a file. false: it failed. */
static bool time_subject(bench *b, yardstick *by, uint64_t first, double *memory, double *file, int64_t *events)
{
  int64_t      n = 0, again = 0;
  const double start = cpu_seconds();
  if ((n = simulate_in_memory(b, by, first)) < 0) return false;
  const double middle = cpu_seconds();
  if (simulate_to_file(b, by, first, &again) || again != n) return false;
  const double end = cpu_seconds();
  (void)unlink(b->path);
  *memory = (double)n / 1e6 / (middle - start);
  *file   = (double)n / 1e6 / (end - middle);
  *events += n;
  return true;
}

static void report_subjects(const model *m, int rounds, double speed[2][N_SUBJECTS][MAX_ROUNDS], const int64_t *events)
{
  static const char *const where[2] = {"memory", "file"};
  for (int i = 0; i < 2; i++)
    printf("%-6s%-8s%11.1f%9.2f%9.2f%9.2f%14.2f%14.2f%14.2f%12.1f\n", m->name, where[i], (double)events[2] / rounds / m->n_traj,
           find_median(rounds, speed[i][0]), find_median(rounds, speed[i][1]), find_median(rounds, speed[i][2]),
           find_median_ratio(rounds, speed[i][2], speed[i][0]), find_median_ratio(rounds, speed[i][2], speed[i][1]), m->peer,
           find_median(rounds, speed[i][2]) / m->peer);
  for (int k = 0; k < 2; k++) /* sums are rounded differently, which hardly ever changes what happens */
    if (llabs(events[k] - events[2]) > events[2] / 100)
      printf("%s: events differ: %lld, %lld\n", m->name, (long long)events[k], (long long)events[2]);
}

static bool measure_model(const model *m, int rounds, const char *folder, wf_network *network)
{
  static double speed[2][N_SUBJECTS][MAX_ROUNDS];
  int64_t       events[N_SUBJECTS] = {0};
  bench         b                  = {0};
  yardstick    *by[N_SUBJECTS]     = {m->plain, m->clever, NULL};
  bool          fine               = open_bench(&b, network, WF_SSA_RATE_EXACT, m->t_end, m->n_traj);
  snprintf(b.path, sizeof b.path, "%s/rows.h5", folder);
  for (int i = 0; i < rounds && fine; i++)
    for (int k = 0; k < N_SUBJECTS && fine; k++)
      fine = time_subject(&b, by[k], (uint64_t)i * (uint64_t)m->n_traj, &speed[0][k][i], &speed[1][k][i], &events[k]);
  if (fine) report_subjects(m, rounds, speed, events);
  close_bench(&b);
  return fine;
}

static void tell(void *context, const char *line)
{
  (void)context;
  fprintf(stderr, "%s\n", line);
}

static bool measure_file(const model *m, int rounds, const char *folder)
{
  const char *root = getenv("abs_top_srcdir");
  char        path[4096];
  snprintf(path, sizeof path, "%s/inputs/models/%s.xml", root ? root : "..", m->name);
  wf_network *network = wf_sbml_read(path, "", tell, NULL);
  bool        fine    = network && measure_model(m, rounds, folder, network);
  wf_network_destroy(&network);
  return fine;
}

static bool measure_builtin(const char *name, wf_ssa_rate rate, int rounds)
{
  double      speed[MAX_ROUNDS];
  int64_t     events  = 0;
  bench       b       = {0};
  wf_network *network = wf_network_create_builtin(name);
  bool        fine    = network && open_bench(&b, network, rate, wf_network_is_modulated(network) ? 50 : 40, 1024);
  for (int i = 0; i < rounds && fine; i++) {
    const double  start = cpu_seconds();
    const int64_t n     = simulate_in_memory(&b, NULL, (uint64_t)(i * b.n_traj));
    speed[i]            = (double)n / 1e6 / (cpu_seconds() - start);
    events += n;
    fine = n >= 0;
  }
  if (fine)
    printf("%-22s %s %8.2f, %.1f events a trajectory\n", name, rate == WF_SSA_RATE_FROZEN ? "frozen" : "exact ",
           find_median(rounds, speed), (double)events / rounds / b.n_traj);
  close_bench(&b);
  wf_network_destroy(&network);
  return fine;
}

int main(int argc, char **argv)
{
  const char *only     = argc > 2 ? argv[2] : NULL;
  int         rounds   = argc > 1 ? atoi(argv[1]) : 7;
  bool        fine     = true;
  char        folder[] = "bench_ssa.XXXXXX";
  if (PetscInitializeNoArguments() || !mkdtemp(folder)) return 99;
  if (rounds < 1 || rounds > MAX_ROUNDS) rounds = MAX_ROUNDS;
  printf("Million events a second of CPU time. GillesPy2: 1.8, C++ solver, -O3, measured on the same kind of machine.\n");
  printf("%-6s%-8s%11s%9s%9s%9s%14s%14s%14s%12s\n", "model", "rows to", "events each", "plain", "clever", "engine", "engine/plain",
         "engine/clever", "GillesPy2", "engine/it");
  for (size_t i = 0; i < sizeof models / sizeof *models; i++)
    if (!only || !strcmp(only, models[i].name)) fine = measure_file(&models[i], rounds, folder) && fine;
  printf("Models of the paper, built in, rows to memory:\n");
  for (int i = 0; wf_network_builtin_name(i); i++) {
    if (only && strcmp(only, wf_network_builtin_name(i))) continue;
    fine = measure_builtin(wf_network_builtin_name(i), WF_SSA_RATE_EXACT, rounds) && fine;
    if (!strcmp(wf_network_builtin_name(i), "epidemic"))
      fine = measure_builtin(wf_network_builtin_name(i), WF_SSA_RATE_FROZEN, rounds) && fine;
  }
  (void)rmdir(folder);
  (void)PetscFinalize();
  return !fine;
}
