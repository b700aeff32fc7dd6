/* Control path Z: the anchors reduced to few dimensions and joined by a natural cubic spline over path time tau.

   Anchors -> codes [n_obs, z_dim] by an autoencoder (P-128-tanh-z-tanh, z-128-tanh-P, Li et al. 2026) or by principal components;
   codes are standardised. Time channels follow: with one, Z has tau itself as its last component, since a one-dimensional path that
   turns back would otherwise make the field, which sees theta alone, retrace its steps (Kidger et al. 2020, arXiv 2005.08926). With
   n > 1, tau is split into n local clocks: clock c runs while tau is near its knot c, at the rate of a hat function, and all rates
   sum to 1. What the field learns along one clock then leaves other times alone. Pure mathematics; nothing is collective. */
#ifndef WEIGHTFLOW_PATH_H
#define WEIGHTFLOW_PATH_H
#include <stdbool.h>
#include <stdint.h>
#include <weightflow/real.h>
#include <weightflow/spline.h>

/* Codes [n_obs, z_dim] of the anchors theta [n_obs, n_param] along their first principal axes, standardised to mean 0 and
   variance 1. Signs are fixed so that each axis's largest component is positive. Components beyond the rank of the anchors are 0.
   false if memory is short. */
bool wf_path_codes_pca(int n_obs, int n_param, const wf_real *theta, int z_dim, double *codes);

/* Codes by the autoencoder after `steps` full-batch Adam steps of size 1e-3 on the mean squared error, standardised. *loss out:
   final mean squared error. A function of (theta, seed, steps) alone. false if memory is short. */
bool wf_path_codes_autoencoder(int n_obs, int n_param, const wf_real *theta, int z_dim, int steps, uint64_t seed, double *codes,
                               double *loss);

typedef struct wf_path wf_path;

/* Spline through (tau [n_obs], codes [n_obs, z_dim]) with n_clocks >= 0 time channels. NULL if memory is short. */
wf_path *wf_path_create(int n_obs, const double *tau, int z_dim, const double *codes, int n_clocks);

/* A path whose spline is given (a fitted model of somebody else); takes ownership of spline. n_clocks as above. NULL if memory is
 * short. */
wf_path *wf_path_create_from_spline(wf_spline *spline, int n_clocks);
void     wf_path_destroy(wf_path **path);

/* Number of components of Z, time channels included; the spline below, borrowed. */
int              wf_path_n_control(const wf_path *path);
int              wf_path_n_clocks(const wf_path *path);
const wf_spline *wf_path_spline(const wf_path *path);

/* Z(tau) and dZ/dtau, [n_control] each. */
void wf_path_value(const wf_path *path, double tau, double *z);
void wf_path_derivative(const wf_path *path, double tau, double *dz);
#endif
