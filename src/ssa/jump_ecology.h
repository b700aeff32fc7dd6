/* The built-in jump processes. Inside ssa/ only. */
#ifndef WEIGHTFLOW_SSA_JUMP_ECOLOGY_H
#define WEIGHTFLOW_SSA_JUMP_ECOLOGY_H
#include <weightflow/jump_process.h>

/* ecological_evolution (Li et al. 2026, WeightFlow, section "Simulated systems"): two loci of 100 alleles, chosen at random at time
   0. Every eighth of a time unit a mutation is proposed, a locus and its new allele chosen at random, and stays if the fitness
     F(x, y) = 0.33 + sum_k h_k exp(-((x - x_k)^2 + (y - y_k)^2) / 200)
   becomes larger. */
extern const wf_jump_process wf_jump_ecological_evolution;
#endif
