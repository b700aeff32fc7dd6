/* Fit of a backbone to one snapshot: minibatch AdamW on the mean negative log-likelihood (Li et al. 2026, section "Backbone").

   Bits: a minibatch is cut into blocks of WF_FIT_BLOCK samples by position; a block's gradient is one unit of work, whoever does
   it, and the blocks are added exactly (exact_sum.h). So the weights do not depend on how many ranks share the blocks. Pure;
   nothing here is collective. The loop over a team of ranks is in fit_mpi.h. */
#ifndef WEIGHTFLOW_FIT_H
#define WEIGHTFLOW_FIT_H
#include <weightflow/backbone.h>
#include <weightflow/exact_sum.h>

enum { WF_FIT_BLOCK = 32 };

typedef struct wf_fit wf_fit;

typedef struct {
  int            n_epochs, batch; /* passes over the samples, samples a step; the last batch of a pass may be smaller */
  double         learning_rate, weight_decay;
  bool           cosine;     /* step size learning_rate (1 + cos(pi step / n_steps)) / 2 over all steps; otherwise constant */
  uint64_t       seed, item; /* the order of epoch e is the permutation (seed, WF_RANDOM_ANCHOR_SHUFFLE, item 2^32 + e) */
  const int32_t *orders;     /* [n_epochs, n] recorded orders in place of random ones, borrowed; NULL: random */
} wf_fit_config;

/* Samples x [n, n_species] and the backbone are borrowed and must outlive the fit. NULL if memory is short. Counts must be in 0 ..
 * n_levels - 1. */
wf_fit *wf_fit_create(const wf_backbone *backbone, int n, const int32_t *x, const wf_fit_config *config);
void    wf_fit_destroy(wf_fit **fit);

/* What a fit carries from one epoch to the next, [n_param] each, to be set before the first epoch and saved between epochs: the
   weights and AdamW's two moments (zero at first). */
typedef struct {
  wf_real *theta, *m, *v;
} wf_fit_state;
wf_fit_state wf_fit_get_state(wf_fit *fit);

/* Put the samples in the order of this epoch, 0 .. n_epochs - 1. */
void wf_fit_begin_epoch(wf_fit *fit, int epoch);
int  wf_fit_n_batches(const wf_fit *fit);
/* The sum of a batch's gradient [n_param] and NLL [1], set to zero and given the blocks part, part + n_parts, ... by this call. */
wf_exact_sum *wf_fit_add_gradient(wf_fit *fit, int batch, int part, int n_parts);
/* One AdamW step with the (complete) sum; returns the batch's NLL summed over samples and species. */
double wf_fit_update(wf_fit *fit, int batch);
/* As wf_fit_add_gradient, for the NLL alone of all samples; in component n_param. */
wf_exact_sum *wf_fit_add_nll(wf_fit *fit, int part, int n_parts);

/* Number of terms of a pass, samples times species, and the sum's component that holds the NLL (n_param). */
double wf_fit_n_terms(const wf_fit *fit);
int    wf_fit_nll_component(const wf_fit *fit);

/* Whether a batch is worth dividing among n_ranks: adding gradients over ranks costs time, too. Has no influence on the result. */
bool wf_fit_is_worth_sharing(const wf_fit *fit, int n_ranks);
#endif
