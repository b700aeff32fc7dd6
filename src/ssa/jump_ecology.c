/* Ecological evolution on a fitness landscape. exp is taken from the samplers', not from the C library, so that the comparison of
   two fitnesses comes out the same on every machine. Pure. */
#include "ssa/jump_ecology.h"
#include "ssa/ssa_samplers.h"

enum { N_ALLELES = 100, N_LOCI = 2, N_PEAKS = 5 };

static const struct {
  double x, y, height;
} peaks[N_PEAKS]                 = {{46, 84, 9.826}, {17, 31, 9.096}, {47, 42, 8.662}, {45, 21, 7.184}, {62, 52, 7.915}};
static const double base_fitness = 0.33, twice_width_squared = 200, proposal_interval = 0.125;

static double find_fitness(const int32_t *x)
{
  double fitness = base_fitness;
  for (int k = 0; k < N_PEAKS; k++) {
    const double dx = x[0] - peaks[k].x, dy = x[1] - peaks[k].y;
    fitness += peaks[k].height * wf_ssa_exponential_of(-(dx * dx + dy * dy) / twice_width_squared);
  }
  return fitness;
}

static void choose_start(const void *context, wf_jump_draws *draws, int32_t *x)
{
  (void)context;
  for (int locus = 0; locus < N_LOCI; locus++) x[locus] = wf_jump_draws_integer(draws, N_ALLELES);
}

static double wait_for_proposal(const void *context, double t, const int32_t *x, wf_jump_draws *draws)
{
  (void)context, (void)t, (void)x, (void)draws;
  return proposal_interval;
}

static void propose_mutation(const void *context, double t, int32_t *x, wf_jump_draws *draws)
{
  (void)context, (void)t;
  const int32_t locus          = wf_jump_draws_integer(draws, N_LOCI);
  int32_t       mutant[N_LOCI] = {x[0], x[1]};
  mutant[locus]                = wf_jump_draws_integer(draws, N_ALLELES);
  if (find_fitness(mutant) > find_fitness(x)) x[locus] = mutant[locus];
}

static const char *const count_names[N_LOCI] = {"locus_1", "locus_2"};

const wf_jump_process wf_jump_ecological_evolution = {.name        = "ecological_evolution",
                                                      .n_counts    = N_LOCI,
                                                      .count_names = count_names,
                                                      .start       = choose_start,
                                                      .wait        = wait_for_proposal,
                                                      .jump        = propose_mutation};
