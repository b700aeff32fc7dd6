/* Exact stochastic simulation of reaction networks: one trajectory at a time, on a grid of times.

   A trajectory is a function of (network, rate treatment, times, seed, trajectory index) alone: the random numbers of its n-th
   step are Philox's for (seed, WF_RANDOM_SSA, trajectory, n), so whoever computes it, in whatever block, gets the same bits.
   Logarithm and sine are the kernel's own, so the bits do not depend on the machine's mathematical library either. Pure: no MPI,
   no PETSc, no files; nothing is collective. */
#ifndef WEIGHTFLOW_SSA_H
#define WEIGHTFLOW_SSA_H
#include <stdint.h>
#include <weightflow/network.h>

/* Treatment of rates that depend on time. */
typedef enum {
  WF_SSA_RATE_EXACT, /* thinning with the modulation's upper bound (Lewis and Shedler 1979): the process itself */
  WF_SSA_RATE_FROZEN /* evaluated at the last event and held to the next one: what the published ensembles were made with */
} wf_ssa_rate;

typedef enum {
  WF_SSA_COMPLETE,
  WF_SSA_COUNT_RANGE /* a count left 0 .. 2^31 - 1, or the total propensity is not finite: the network explodes */
} wf_ssa_status;

/* Scratch memory for trajectories of one network (borrowed; must outlive it). NULL if memory is short. */
typedef struct wf_ssa_work wf_ssa_work;
wf_ssa_work               *wf_ssa_work_create(const wf_network *network);
void                       wf_ssa_work_destroy(wf_ssa_work **work);

/* Simulate one trajectory from time 0 by the direct method (Gillespie 1977, J. Phys. Chem. 81, 2340, eqs. 21) and sample it.
     trajectory  [in]   its index, below 2^32
     times       [in]   [n_time] finite, not decreasing, >= 0, in the network's time unit
     counts      [out]  [n_time, n_recorded] row-major, molecules: the state at each time, that is just before the first event
     after it n_events    [out]  number of reactions fired up to the last time; may be NULL
   On WF_SSA_COUNT_RANGE the rest of counts is undefined.
   Cost: about 50 to 90 ns an event on a Zen 3 core. */
wf_ssa_status wf_ssa_direct(wf_ssa_work *work, wf_ssa_rate rate, uint64_t seed, uint64_t trajectory, int n_time,
                            const double *times, int32_t *counts, int64_t *n_events);
#endif
