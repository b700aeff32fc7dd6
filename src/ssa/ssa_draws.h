/* The random numbers of one trajectory, one after the other: draw n is (exponential, uniform) of Philox's (seed, purpose,
   trajectory, n), made WF_SSA_CHUNK at a time. Inside ssa/ only. */
#ifndef WEIGHTFLOW_SSA_SSA_DRAWS_H
#define WEIGHTFLOW_SSA_SSA_DRAWS_H
#include "ssa/ssa_random.h"

typedef struct {
  wf_random_purpose purpose;
  uint64_t          seed, trajectory, next; /* next: first draw that is not in the buffers */
  int               used;                   /* of the buffers */
  double            exponential[WF_SSA_CHUNK], uniform[WF_SSA_CHUNK];
} wf_ssa_draws;

static inline void wf_ssa_draws_start(wf_ssa_draws *draws, uint64_t trajectory)
{
  draws->trajectory = trajectory;
  draws->next       = 0;
  draws->used       = WF_SSA_CHUNK;
}

/* Go to the next draw: its numbers are exponential[i] and uniform[i] of the returned i. */
static inline int wf_ssa_draws_advance(wf_ssa_draws *draws)
{
  if (draws->used == WF_SSA_CHUNK) {
    wf_ssa_fill_random_for(draws->purpose, draws->seed, draws->trajectory, draws->next, draws->exponential, draws->uniform);
    draws->next += WF_SSA_CHUNK;
    draws->used = 0;
  }
  return draws->used++;
}

static inline double wf_ssa_draws_exponential(wf_ssa_draws *draws) { return draws->exponential[wf_ssa_draws_advance(draws)]; }
static inline double wf_ssa_draws_uniform(wf_ssa_draws *draws) { return draws->uniform[wf_ssa_draws_advance(draws)]; }
#endif
