/* The state-space energy of a moving density: how far the probability of p_theta(t) travels as theta moves.

     E = int_0^1 E_x [ 1/2 |v|^2 + sigma^4/8 |grad log p|^2 ] dt                       (Li et al. 2026, equations 6 and 8)

   v is the triangular (Knothe-Rosenblatt) velocity of the autoregressive density: v_i depends on x_1 .. x_i alone, so that each
   prefix moves by itself. On the lattice of counts, with edge density m(x, x + e_i) = (p(x) + p(x + e_i)) / 2, the flux over an
   edge is v_i(x) m and

     d/dt p(x) + sum_i [v_i(x) m(x, x + e_i) - v_i(x - e_i) m(x - e_i, x)] = 0

   holds exactly; doc/theory.md derives it. The arithmetic mean keeps the energy finite where a count has no probability yet, and
   its split among the ends of an edge has bounded weights. All in double precision. Pure mathematics: no MPI, no PETSc, no files;
   nothing is collective. */
#ifndef WEIGHTFLOW_ENERGY_H
#define WEIGHTFLOW_ENERGY_H
#include <weightflow/backbone.h>

enum { WF_ENERGY_BLOCK = 16 }; /* samples that are worked on together */

typedef struct {
  double sigma;         /* >= 0; 0: the kinetic term alone */
  double uniform_share; /* 0 <= share < 1: each conditional is mixed with this share of the uniform law, so that no count is ever
                           empty: the energy is that of the mixed density, for which everything above holds as well */
} wf_energy_config;

/* Scratch memory and shape, one per thread of work. NULL if memory is short, or the backbone is not a GRU with a categorical head.
   Nothing of the backbone is borrowed. */
typedef struct wf_energy wf_energy;
wf_energy               *wf_energy_create(const wf_backbone *backbone, const wf_energy_config *config);
void                     wf_energy_destroy(wf_energy **energy);

/* A point of the weights' path and where gradients go: theta, theta_dot [n_param]: weights and their rate of change. theta_bar,
   theta_dot_bar [n_param]: gradients, which grow by what a call finds; both NULL where none is wanted. */
typedef struct {
  const double *theta, *theta_dot;
  double       *theta_bar, *theta_dot_bar;
} wf_energy_point;

/* Sum over the n states x [n, n_species] of weight [n] times the energy density at x: with all states of a small lattice and weight
   = p(x), the exact energy. The gradient takes the weights for multiples of p(x): it holds the derivative of the density by which
   the states are weighted (the score term), as well as that of the energy density at fixed x. Counts must lie in 0..n_levels-1. */
double wf_energy_weighted(wf_energy *energy, const wf_energy_point *point, int n, const int32_t *x, const double *weight);

/* Monte-Carlo energy: sum over the WF_ENERGY_BLOCK samples of block number `block` of the energy density; divide the sum over
   blocks by the number of samples. Sample s of a block has the random numbers (seed, WF_RANDOM_ENERGY, item + block *
   WF_ENERGY_BLOCK + s, species), so blocks may be dealt out at will, and equal items give common random numbers. The gradient is an
   unbiased one of the expectation, not the derivative of the returned number, which jumps where a sample does; each sample's score
   term is measured against the mean of the block's others. square: sum of squared energy densities, for the standard error; may be
   NULL. */
double wf_energy_block(wf_energy *energy, const wf_energy_point *point, uint64_t seed, uint64_t item, int64_t block,
                       double *square);

/* log p(x) (after mixing), and velocity [n_species]: v_i over the edge from x to x + e_i, 0 where x_i is the last count. */
double wf_energy_velocity(wf_energy *energy, const wf_energy_point *point, const int32_t *x, double *velocity);

/* A mixture of n normal densities in one dimension and how it changes: weight [n] > 0 with sum 1, mean [n], sigma [n] > 0, and
   their derivatives, those of the weights with sum 0. For coordinate i of an autoregressive density, the derivatives are total ones
   along the flow: d/dt plus sum_j<i v_j d/dx_j, since parameters depend on x_<i. */
typedef struct {
  int           n;
  const double *weight, *mean, *sigma, *weight_dot, *mean_dot, *sigma_dot;
} wf_energy_mixture;

/* v(x) = -(dF/dt) / p, F the distribution function; *score (may be NULL) = d log p / dx. Holds far out in the tails as well. */
double wf_energy_mixture_velocity(const wf_energy_mixture *mixture, double x, double *score);
#endif
