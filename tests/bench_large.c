/* Events a second in large networks, method by method, on one core: bench_large [seconds a measurement [largest network]].

   ring:  R_i -> R_(i+1), 10 molecules a place, rates 1, 2 and 3: a firing changes two propensities of much the same size.
   mixed: A_i + A_j -> A_i + A_k at random, rates over four powers of ten: a firing changes some four propensities.
   many:  one species of 10^6 that decays in pairs and is made, for tau-leaping against the direct method. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weightflow/base.h>
#include <weightflow/random.h>
#include <weightflow/ssa.h>

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static void add_places(wf_network *network, int n, int32_t count)
{
  for (int i = 0; i < n; i++) {
    char name[24];
    snprintf(name, sizeof name, "P%d", i);
    wf_network_add_species(network, name, count, i < 8);
  }
}

static wf_network *create_ring(int n)
{
  wf_network *network = wf_network_create("ring");
  add_places(network, n, 10);
  for (int i = 0; i < n; i++) {
    const wf_network_term reactant = {i, 1}, changes[2] = {{i, -1}, {(i + 1) % n, 1}};
    wf_network_add_reaction(
        network,
        &(wf_network_reaction){.rate = 1 + i % 3, .n_reactants = 1, .n_changes = 2, .reactants = &reactant, .changes = changes});
  }
  return network;
}

static wf_network *create_mixed(int n)
{
  wf_network *network = wf_network_create("mixed");
  add_places(network, n, 10);
  for (int i = 0; i < n; i++) {
    double u[2];
    wf_random_uniform2(1, WF_RANDOM_TEST, (uint64_t)i, 0, u);
    const int             j = i, k = (i + 1 + (int)(u[0] * (n - 3))) % n, l = (k + 1) % n == j ? (k + 2) % n : (k + 1) % n;
    const wf_network_term reactants[2] = {{j, 1}, {k, 1}}, changes[2] = {{k, -1}, {l, 1}};
    double                rate = 1e-2;
    for (int power = 0; power < 4; power++) rate *= u[1] > 0.2 * (power + 1) ? 10 : 1;
    wf_network_add_reaction(
        network,
        &(wf_network_reaction){.rate = rate, .n_reactants = 2, .n_changes = 2, .reactants = reactants, .changes = changes});
  }
  return network;
}

static wf_network *create_many(int n)
{
  wf_network *network = wf_network_create("many");
  wf_network_add_species(network, "X", n, true);
  wf_network_add_equation(network, "2 X -> 0", 1.0 / n, 0, 0);
  wf_network_add_equation(network, "0 -> X", n / 2.0, 0, 0);
  return network;
}

/* Events a CPU second, or 0 where the method does not take the network. */
static double measure(const wf_network *network, wf_ssa_algorithm algorithm, double t_end, double limit)
{
  char                why[192];
  int64_t             n_events[64], sum = 0;
  wf_ssa_failure      failure;
  const wf_ssa_config config    = {.algorithm = algorithm, .seed = 1, .n_time = 1, .times = &t_end};
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  if (!simulator) return 0;
  const int    n_traj = wf_simulator_batch_size(simulator) < 64 ? wf_simulator_batch_size(simulator) : 64;
  const double start  = cpu_seconds();
  double       now    = start;
  for (uint64_t first = 0; now - start < limit; now = cpu_seconds(), first += (uint64_t)n_traj) {
    if (!wf_simulator_run(simulator, &(wf_ssa_batch){.first = first, .n_traj = n_traj, .n_events = n_events}, &failure)) return 0;
    for (int i = 0; i < n_traj; i++) sum += n_events[i];
  }
  wf_simulator_destroy(&simulator);
  return (double)sum / (now - start);
}

int main(int argc, char **argv)
{
  static const struct {
    const char *name;
    wf_network *(*create)(int n);
    double rate; /* events a reaction and unit of time, about */
  } families[]             = {{"ring", create_ring, 20}, {"mixed", create_mixed, 2200}};
  static const int sizes[] = {30, 60, 100, 200, 300, 600, 1000, 3000, 10000, 100000, 1000000};
  const double     limit   = argc > 1 ? atof(argv[1]) : 0.5;
  const int        largest = argc > 2 ? atoi(argv[2]) : 100000, largest_direct = 3000;

  printf("%-8s %9s %16s %16s %16s   million events a CPU second\n", "network", "reactions", "direct", "next reaction", "rejection");
  for (int f = 0; f < 2; f++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes && sizes[s] <= largest; s++) {
      wf_network  *network = families[f].create(sizes[s]);
      const double events = sizes[s] > 1000 ? 5.0 * sizes[s] : 5000, t_end = events / (families[f].rate * sizes[s]);
      if (!network || !wf_network_finish(network, NULL, 0)) return EXIT_FAILURE;
      printf("%-8s %9d %16.3f", families[f].name, sizes[s],
             sizes[s] > largest_direct ? NAN : measure(network, WF_SSA_DIRECT, t_end, limit) / 1e6);
      printf(" %16.3f %16.3f\n", measure(network, WF_SSA_NEXT_REACTION, t_end, limit) / 1e6,
             measure(network, WF_SSA_COMPOSITION_REJECTION, t_end, limit) / 1e6);
      fflush(stdout);
      wf_network_destroy(&network);
    }
  printf("%-8s %9s %16s %16s\n", "network", "molecules", "direct", "tau-leaping");
  for (int n = 1000; n <= 1000000; n *= 10) {
    wf_network *network = create_many(n);
    if (!network || !wf_network_finish(network, NULL, 0)) return EXIT_FAILURE;
    printf("%-8s %9d %16.3f %16.3f\n", "many", n, measure(network, WF_SSA_DIRECT, 1, limit) / 1e6,
           measure(network, WF_SSA_TAU_LEAPING, 1, limit) / 1e6);
    wf_network_destroy(&network);
  }
  return EXIT_SUCCESS;
}
