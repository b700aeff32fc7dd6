/* Events a second of the built-in systems, on one core: bench_ssa [seconds a system]. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weightflow/base.h>
#include <weightflow/ssa.h>

enum { N_TIME = 101 };

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static int measure(wf_network *network, wf_ssa_rate rate, double t_end, double limit)
{
  double       times[N_TIME];
  int64_t      events = 0, n, n_traj = 0;
  wf_ssa_work *work   = wf_ssa_work_create(network);
  int32_t     *counts = wf_calloc((size_t)N_TIME * (size_t)wf_network_n_recorded(network), sizeof *counts);
  if (!work || !counts) return 1;
  for (int k = 0; k < N_TIME; k++) times[k] = k * t_end / (N_TIME - 1);
  double start = cpu_seconds(), now = start;
  for (; now - start < limit; now = cpu_seconds())
    for (int i = 0; i < 8; i++, n_traj++, events += n)
      if (wf_ssa_direct(work, rate, 1, (uint64_t)n_traj, N_TIME, times, counts, &n) != WF_SSA_COMPLETE) return 1;
  printf("%-22s %-7s %6.1f million events/s  %9.1f events a trajectory\n", wf_network_name(network),
         rate == WF_SSA_RATE_FROZEN ? "frozen" : "exact", (double)events / (now - start) / 1e6, (double)events / (double)n_traj);
  wf_free(counts);
  wf_ssa_work_destroy(&work);
  return 0;
}

/* S + I -> 2 I, I -> R: the smallest model that simulators are compared by. */
static wf_network *create_sir(void)
{
  wf_network *network = wf_network_create("sir");
  if (!network) return NULL;
  wf_network_add_species(network, "S", 50, true);
  wf_network_add_species(network, "I", 10, true);
  wf_network_add_species(network, "R", 0, true);
  wf_network_add_equation(network, "S + I -> 2 I", 0.003, 0, 0);
  wf_network_add_equation(network, "I -> R", 0.02, 0, 0);
  if (!wf_network_finish(network, NULL, 0)) wf_network_destroy(&network);
  return network;
}

int main(int argc, char **argv)
{
  double limit = argc > 1 ? atof(argv[1]) : 1;
  for (int i = -1; i < 0 || wf_network_builtin_name(i); i++) {
    wf_network *network = i < 0 ? create_sir() : wf_network_create_builtin(wf_network_builtin_name(i));
    if (!network) return 1;
    double t_end = wf_network_is_modulated(network) ? 50 : i < 0 ? 100 : 40;
    if (measure(network, WF_SSA_RATE_EXACT, t_end, limit)) return 1;
    if (wf_network_is_modulated(network) && measure(network, WF_SSA_RATE_FROZEN, t_end, limit)) return 1;
    wf_network_destroy(&network);
  }
  return 0;
}
