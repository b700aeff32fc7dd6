/* Backbones: autoregressive densities p_theta(x) = prod_i p_theta(x_i | x_<i) behind one interface.

   A wf_backbone is the network's shape only; weights are passed as a flat vector theta [n_param], so one backbone serves all
   snapshots and all times. theta lists the nodes of the weight graph one after the other, each node = [its weight row, its bias].
   Pure mathematics: no MPI, no PETSc, no files; nothing is collective. Li et al. 2026 (WeightFlow), section "Backbone". */
#ifndef WEIGHTFLOW_BACKBONE_H
#define WEIGHTFLOW_BACKBONE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weightflow/random.h>
#include <weightflow/real.h>

typedef struct wf_backbone wf_backbone;

typedef struct {
  const char *network; /* "gru" */
  const char *head;    /* "categorical" */
  int         n_species, n_levels, hidden, n_layers;
} wf_backbone_config;

/* One linear map of the network: n_nodes output neurons of n_features numbers each (weight row, then bias). */
typedef struct {
  char name[48]; /* "gru_0_ir", ..., "output" */
  int  n_nodes, n_features;
} wf_backbone_layer;

/* NULL if memory is short or the configuration is not known. */
wf_backbone *wf_backbone_create(const wf_backbone_config *config);
void         wf_backbone_destroy(wf_backbone **backbone);

const wf_backbone_config *wf_backbone_get_config(const wf_backbone *backbone);
int                       wf_backbone_n_param(const wf_backbone *backbone);
const wf_backbone_layer  *wf_backbone_layers(const wf_backbone *backbone, int *n_layers);

/* Random weights U(-1/sqrt(H), 1/sqrt(H)), biases 0; theta [n_param] out. item: which snapshot. */
void wf_backbone_init(const wf_backbone *backbone, uint64_t seed, uint64_t item, wf_real *theta);

/* Scratch memory for up to max_samples samples at a time; one per thread of work. NULL if memory is short. */
typedef struct wf_backbone_work wf_backbone_work;
wf_backbone_work *wf_backbone_work_create(const wf_backbone *backbone, int max_samples);
void              wf_backbone_work_destroy(wf_backbone_work **work);

/* nll_sum = sum over the n <= max_samples samples x [n, n_species] of -log p_theta(x) (summed over species, in nats); if gradient
   is not NULL, gradient [n_param] = d nll_sum / d theta (overwritten). Divide by n * n_species for the papers' mean loss. */
void wf_backbone_nll(const wf_backbone *backbone, const wf_real *theta, int n, const int32_t *x, wf_backbone_work *work,
                     double *nll_sum, wf_real *gradient);

/* log_p [n] = log p_theta(x), any n; -inf where a count is outside 0..n_levels-1. */
void wf_backbone_log_density(const wf_backbone *backbone, const wf_real *theta, int n, const int32_t *x, wf_backbone_work *work,
                             double *log_p);

/* n samples x [n, n_species]; sample i uses (seed, purpose, item0 + i, species), so any split of the samples gives the same ones.
 */
void wf_backbone_sample(const wf_backbone *backbone, const wf_real *theta, int n, uint64_t seed, wf_random_purpose purpose,
                        uint64_t item0, wf_backbone_work *work, int32_t *x);

/* Number of conditional distributions that exact marginals need (1 + L + L^2 + ... + L^(d-1)), as a double. */
double wf_backbone_marginal_cost(const wf_backbone *backbone);

/* Exact per-species marginals [n_species, n_levels] (double), by walking the tree of states; branches of probability below `cutoff`
   are skipped (0: none) and their mass is spread by renormalising. false if memory is short. */
bool wf_backbone_marginals(const wf_backbone *backbone, const wf_real *theta, double cutoff, wf_backbone_work *work,
                           double *marginals);
#endif
