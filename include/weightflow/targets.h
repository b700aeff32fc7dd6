/* Samples to learn from, at the observed snapshots and between them.

   Between two snapshots nothing is observed; a model of what may lie there makes targets from the observed samples (Li et al. 2026,
   theorem 1: the state-space energy is least along an optimal coupling). Members of the family: mixture       each sample from the
   left or the right snapshot: the law jumps displacement  exact optimal coupling of the snapshots, straight lines (McCann 1997):
   the law moves bridge        the same coupling carried by random unit jumps, binomial between its ends: the law moves and spreads
   as counting processes do `auto` takes the member that best foretells the interior snapshots, each left out in turn and made from
   its two neighbours. Pure but for wf_targets_create, which deals the couplings over ranks. */
#ifndef WEIGHTFLOW_TARGETS_H
#define WEIGHTFLOW_TARGETS_H
#include <petscsys.h>
#include <stdint.h>

typedef struct wf_targets wf_targets;

typedef enum { WF_TARGETS_NONE, WF_TARGETS_MIXTURE, WF_TARGETS_DISPLACEMENT, WF_TARGETS_BRIDGE, WF_TARGETS_AUTO } wf_targets_kind;

typedef struct {
  wf_targets_kind kind;
  int             n_between; /* target times inside an interval, evenly spaced */
  int             n_early;   /* further ones before the first of them in the first interval, each half as far as the next */
  uint64_t        seed;
} wf_targets_config;

/* counts [n_obs, n, n_species]: the training samples at the observed snapshots (borrowed); times [n_obs]. At most 2000 samples a
   snapshot are coupled (they are exchangeable). Collective on comm; the same on any number of ranks. Not enough memory for a
   coupling: PETSC_ERR_MEM. */
PetscErrorCode wf_targets_create(MPI_Comm comm, const wf_targets_config *config, int n_obs, const double *times, int n,
                                 int n_species, int n_levels, const int32_t *counts, wf_targets **targets);
PetscErrorCode wf_targets_destroy(wf_targets **targets);

/* The member in use (never AUTO), and the scores it was chosen by: the mean published W1 of each member at the left-out snapshots,
   [3] in the order mixture, displacement, bridge; 0 where none was left out. */
wf_targets_kind wf_targets_get_kind(const wf_targets *targets);
const double   *wf_targets_left_out_scores(const wf_targets *targets);
const char     *wf_targets_kind_name(wf_targets_kind kind);

/* Target times of an interval: n of them, at shares 0 < share(0) < ... < share(n - 1) = 1 of the way through it; the last is the
   snapshot itself. wf_targets_first_index: number of targets in the intervals before. */
int    wf_targets_n_stops(const wf_targets *targets, int interval);
double wf_targets_share(const wf_targets *targets, int interval, int i);
int    wf_targets_first_index(const wf_targets *targets, int interval);

int wf_targets_n_samples(const wf_targets *targets); /* samples at each target */

/* x [n_samples, n_species] out: samples at `share` of the way through interval `interval` (0 or 1: the observed ones themselves).
   `item` keys the random numbers: other items give other draws of the same targets. Not collective. */
void wf_targets_draw(const wf_targets *targets, int interval, double share, uint64_t item, int32_t *x);
#endif
