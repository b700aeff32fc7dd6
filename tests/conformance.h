/* Simulated ensembles of SBML models against known means and standard deviations, by the criteria of the stochastic part of the
   SBML Test Suite (Evans, Gillespie and Wilkinson 2008, Bioinformatics 24, 285): with n trajectories,
     Z = sqrt(n) (mean - mu) / sigma in (-3, 3),   Y = sqrt(n / 2) (S^2 / sigma^2 - 1) in (-5, 5),
   S about the expected mean; where sigma = 0 all trajectories equal mu. A right simulator leaves the range of Z at one point in
   370, and neighbouring points go together, so up to three of fifty points may lie outside; with more, another seed decides. */
#ifndef WEIGHTFLOW_TESTS_CONFORMANCE_H
#define WEIGHTFLOW_TESTS_CONFORMANCE_H
#include <weightflow/base.h>
#include <weightflow/sbml.h>
#include <weightflow/ssa.h>
#include "check.h"

enum { CONFORMANCE_TIMES = 51, CONFORMANCE_VARIABLES = 4, CONFORMANCE_SEEDS = 2, CONFORMANCE_ALLOWED = 3 };

/* What is expected of variables at t = 0, 1, ... 50. */
typedef struct {
  int    n_variables;
  char   name[CONFORMANCE_VARIABLES][32];
  double mean[CONFORMANCE_VARIABLES][CONFORMANCE_TIMES], sd[CONFORMANCE_VARIABLES][CONFORMANCE_TIMES];
} conformance_table;

/* Sums over trajectories of x - mu and (x - mu)^2, and how many trajectories differ from mu where sigma = 0. */
typedef struct {
  double sum[CONFORMANCE_VARIABLES][CONFORMANCE_TIMES], square[CONFORMANCE_VARIABLES][CONFORMANCE_TIMES];
  double furthest[CONFORMANCE_VARIABLES][CONFORMANCE_TIMES];
} conformance_sums;

static void conformance_report(void *context, const char *line) { WF_CHECK(0, "%s: %s", (const char *)context, line); }

/* Where variable `name` lies in a batch: its index among the counts, or n_counts + its index among the values; -1: nowhere. */
static int conformance_find(const wf_simulator *simulator, const char *name)
{
  for (int i = 0; i < wf_simulator_n_counts(simulator); i++)
    if (!strcmp(wf_simulator_count_name(simulator, i), name)) return i;
  for (int i = 0; i < wf_simulator_n_values(simulator); i++)
    if (!strcmp(wf_simulator_value_name(simulator, i), name)) return wf_simulator_n_counts(simulator) + i;
  return -1;
}

static void conformance_add_batch(const wf_simulator *simulator, const wf_ssa_batch *batch, const conformance_table *table,
                                  conformance_sums *sums)
{
  const int n_counts = wf_simulator_n_counts(simulator), n_values = wf_simulator_n_values(simulator);
  for (int v = 0; v < table->n_variables; v++) {
    int at = conformance_find(simulator, table->name[v]);
    WF_CHECK(at >= 0, "%s is not in the output", table->name[v]);
    for (int i = 0; at >= 0 && i < batch->n_traj * CONFORMANCE_TIMES; i++) {
      int    k = i % CONFORMANCE_TIMES;
      double x = at < n_counts ? batch->counts[i * n_counts + at] : batch->values[i * n_values + at - n_counts];
      double d = x - table->mean[v][k];
      sums->sum[v][k] += d;
      sums->square[v][k] += d * d;
      sums->furthest[v][k] = fmax(sums->furthest[v][k], fabs(d));
    }
  }
}

/* Simulate n trajectories at t = 0, 1, ... 50. */
static bool conformance_simulate(const char *what, const wf_network *network, wf_ssa_algorithm algorithm, uint64_t seed, int n,
                                 const conformance_table *table, conformance_sums *sums)
{
  enum { BATCH = 100 };
  double times[CONFORMANCE_TIMES];
  char   why[192] = "";
  for (int k = 0; k < CONFORMANCE_TIMES; k++) times[k] = k;
  const wf_ssa_config config    = {.algorithm = algorithm, .seed = seed, .n_time = CONFORMANCE_TIMES, .times = times};
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  WF_CHECK(simulator, "%s: %s", what, why);
  if (!simulator) return false;
  const size_t   rows  = (size_t)BATCH * CONFORMANCE_TIMES;
  wf_ssa_batch   batch = {.counts = wf_calloc(rows * (size_t)wf_simulator_n_counts(simulator), sizeof *batch.counts),
                          .values = wf_calloc(rows * (size_t)wf_simulator_n_values(simulator), sizeof *batch.values)};
  wf_ssa_failure failure;
  bool           good = true;
  memset(sums, 0, sizeof *sums);
  for (int done = 0; done < n && good; done += batch.n_traj) {
    batch.first  = (uint64_t)done;
    batch.n_traj = n - done < BATCH ? n - done : BATCH;
    good         = wf_simulator_run(simulator, &batch, &failure);
    WF_CHECK(good, "%s: %s", what, failure.what);
    if (good) conformance_add_batch(simulator, &batch, table, sums);
  }
  wf_free(batch.counts);
  wf_free(batch.values);
  wf_simulator_destroy(&simulator);
  return good;
}

/* Points outside the ranges; *worst_z and *worst_y are the largest |Z| and |Y|. */
static int conformance_count(int n, const conformance_table *table, const conformance_sums *sums, double *worst_z, double *worst_y)
{
  int outside = 0;
  *worst_z = *worst_y = 0;
  for (int v = 0; v < table->n_variables; v++)
    for (int k = 0; k < CONFORMANCE_TIMES; k++) {
      double sd = table->sd[v][k];
      if (sd == 0) {
        WF_CHECK(sums->furthest[v][k] <= 1e-9 * fmax(1, fabs(table->mean[v][k])),
                 "%s at t = %d differs by %g, though it is certain", table->name[v], k, sums->furthest[v][k]);
        continue;
      }
      double z = sums->sum[v][k] / n * sqrt(n) / sd, y = sqrt(n / 2.0) * (sums->square[v][k] / n / (sd * sd) - 1);
      outside += fabs(z) >= 3;
      outside += fabs(y) >= 5;
      *worst_z = fmax(*worst_z, fabs(z));
      *worst_y = fmax(*worst_y, fabs(y));
    }
  return outside;
}

/* Does an ensemble of the network agree with the table? Says the worst Z and Y on standard error. */
static bool conformance_agrees(const char *what, const wf_network *network, wf_ssa_algorithm algorithm, int n,
                               const conformance_table *table)
{
  static conformance_sums sums;
  for (int seed = 1; seed <= CONFORMANCE_SEEDS; seed++) {
    double z, y;
    if (!conformance_simulate(what, network, algorithm, (uint64_t)seed, n, table, &sums)) return false;
    int outside = conformance_count(n, table, &sums, &z, &y);
    fprintf(stderr, "%-28s n = %d, seed %d: |Z| <= %.2f, |Y| <= %.2f, %d of %d outside\n", what, n, seed, z, y, outside,
            2 * CONFORMANCE_TIMES * table->n_variables);
    if (outside <= CONFORMANCE_ALLOWED) return true;
  }
  return false;
}
#endif
