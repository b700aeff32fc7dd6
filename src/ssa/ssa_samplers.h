/* Numbers of firings: Poisson and binomial random numbers for tau-leaping. Inside ssa/ only.

   Exact in law up to the rounding of their arithmetic (relative errors of the probabilities of 1e-13 or so), made of + - * / and
   square roots alone: the same bits on every machine. Small means: inversion by sequential search. Others: transformed rejection
   with squeeze (Hoermann 1993, Insurance Math. Econom. 12, 39: PTRS; Hoermann 1993, J. Stat. Comput. Simul. 46, 101: BTRS), with
   probabilities from the saddle-point form of Loader (2000), which loses no digits at large counts. */
#ifndef WEIGHTFLOW_SSA_SSA_SAMPLERS_H
#define WEIGHTFLOW_SSA_SSA_SAMPLERS_H
#include "ssa/ssa_draws.h"

/* exp(y), y <= 0. */
double wf_ssa_exponential_of(double y);
/* log k!, k a whole number >= 0. */
double wf_ssa_log_factorial(double k);

/* A Poisson number, 0 <= mean < 2^52. */
double wf_ssa_poisson(wf_ssa_draws *draws, double mean);
/* A binomial number: successes in n trials (a whole number, 0 <= n < 2^52) of probability p in [0, 1]. */
double wf_ssa_binomial(wf_ssa_draws *draws, double n, double p);
#endif
