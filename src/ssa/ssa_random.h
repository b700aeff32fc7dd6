/* Random numbers for stochastic simulation, made for many steps at once so that the compiler can vectorise them. Inside ssa/
   only. */
#ifndef WEIGHTFLOW_SSA_SSA_RANDOM_H
#define WEIGHTFLOW_SSA_SSA_RANDOM_H
#include <stdint.h>
#include <weightflow/random.h>

enum { WF_SSA_CHUNK = 16 };

/* For the steps first .. first + WF_SSA_CHUNK - 1 of a trajectory (below 2^32), first a multiple of WF_SSA_CHUNK:
     exponential [WF_SSA_CHUNK]  -log of the first, and
     uniform     [WF_SSA_CHUNK]  the second of wf_random_uniform2(seed, WF_RANDOM_SSA, trajectory + 2^32 * (step >> 32),
     (uint32_t)step).
   The exponential is right to 2 units in the last place and has the same bits on every machine. */
void wf_ssa_fill_random(uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential, double *uniform);

/* The same for another purpose than WF_RANDOM_SSA. */
void wf_ssa_fill_random_for(wf_random_purpose purpose, uint64_t seed, uint64_t trajectory, uint64_t first, double *exponential,
                            double *uniform);

/* log x of a normal number x > 0 by the same formula; the same bits on every machine, which the C library's has not. */
double wf_ssa_logarithm(double x);

/* sin(2 pi turns), turns >= 0 and below 2^52, to about 2e-16; the same bits on every machine. */
double wf_ssa_sine_of_turns(double turns);
#endif
