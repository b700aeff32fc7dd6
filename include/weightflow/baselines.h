/* Predictions between observed snapshots that need no hypernetwork: what a trained flow has to beat.

   Weight space: the straight lines and the natural spline through the anchors. State space: the linear mixture of the neighbouring
   observed snapshots, and displacement interpolation (McCann 1997, Adv. Math. 128, 153) along an exact optimal coupling of their
   samples. Pure; nothing here is collective. times [n_obs] strictly increasing, in the ensemble's time unit. */
#ifndef WEIGHTFLOW_BASELINES_H
#define WEIGHTFLOW_BASELINES_H
#include <stdint.h>
#include <weightflow/real.h>
#include <weightflow/spline.h>

/* The observed interval that holds t and where t lies in it: interval with times[interval] < t <= times[interval + 1] (the end ones
   beyond the ends), share = (t - left) / (right - left), which is below 0 or above 1 beyond the ends. With n_obs = 1: 0 and 0. */
void wf_baseline_locate(int n_obs, const double *times, double t, int *interval, double *share);

/* theta_t [n_param] out: the straight line between the neighbouring rows of theta [n_obs, n_param]; goes on beyond the ends. */
void wf_baseline_weights_linear(int n_obs, int n_param, const double *times, const wf_real *theta, double t, wf_real *theta_t);

/* The natural cubic spline through theta [n_obs, n_param]; free with wf_spline_destroy. NULL if memory is short or times do not
   increase. */
wf_spline *wf_baseline_weights_spline_create(int n_obs, int n_param, const double *times, const wf_real *theta);

/* theta_t [wf_spline_dim] out: its value at t. scratch [wf_spline_dim]. */
void wf_baseline_weights_spline(const wf_spline *spline, double t, double *scratch, wf_real *theta_t);

/* mixture [size] out: (1 - share) left + share right of two histograms [size]; share is held to 0..1. */
void wf_baseline_mixture(int size, double share, const double *left, const double *right, double *mixture);

/* n samples z [n, n_species] of the same mixture: row i is drawn from left or right [n_rows, n_species], with replacement.
   Random numbers: (seed, WF_RANDOM_BASELINE, item0 + i, 0). */
void wf_baseline_mixture_sample(int n, int n_rows, int n_species, double share, const int32_t *left, const int32_t *right,
                                uint64_t seed, uint64_t item0, int32_t *z);

/* Exact coupling of the rows of left and right [n, n_species] for squared Euclidean cost: left_i goes to right_partner[i]. partner
   [n] out. Returns the mean squared distance; negative if memory is short. n^2 doubles of memory. */
double wf_baseline_couple(int n, int n_species, const int32_t *left, const int32_t *right, int *partner);

/* z [n, n_species] out: (1 - share) left_i + share right_partner[i], rounded up or down at random so that the mean is kept (the
   value + a uniform number, rounded down). share is held to 0..1. Random numbers: (seed, WF_RANDOM_BASELINE, item0 + i, 1 + species
   / 2). */
void wf_baseline_displacement(int n, int n_species, double share, const int32_t *left, const int32_t *right, const int *partner,
                              uint64_t seed, uint64_t item0, int32_t *z);
/* z [n, n_species] out: the same coupling carried by unit jumps. Given both ends, each of the |y - x| steps of a coordinate has
   been taken by the time `share` with that probability, so z - x is Binomial(|y - x|, share) in the direction of y: the law of a
   counting process of constant rate between its two ends (a Poisson bridge). Unlike displacement it spreads at once where all start
   in one state. Random numbers: (seed, WF_RANDOM_BASELINE, item0 + i, draws from 2^31). */
void wf_baseline_bridge(int n, int n_species, double share, const int32_t *left, const int32_t *right, const int *partner,
                        uint64_t seed, uint64_t item0, int32_t *z);
#endif
