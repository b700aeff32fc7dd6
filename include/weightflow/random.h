/* Counter-based random numbers keyed by meaning: (seed, purpose, item, draw) -> number.

   Philox4x32-10 (Salmon et al. 2011, SC11, doi 10.1145/2063384.2063405): key = seed, counter = (item, draw, purpose).
   There is no hidden state and no stream per rank, so a number depends neither on the rank count nor on what was drawn before.
   Free of MPI, PETSc and I/O; nothing here is collective. */
#ifndef WEIGHTFLOW_RANDOM_H
#define WEIGHTFLOW_RANDOM_H
#include <stdint.h>

/* What a number is for. Values are part of the reproducibility promise: append, never renumber. */
typedef enum {
  WF_RANDOM_TEST           = 0,
  WF_RANDOM_SSA            = 1,  /* item = trajectory, draw = event */
  WF_RANDOM_BACKBONE_INIT  = 2,  /* item = snapshot */
  WF_RANDOM_ANCHOR_SHUFFLE = 3,  /* item = snapshot * 2^32 + epoch */
  WF_RANDOM_HYPERNET_INIT  = 4,
  WF_RANDOM_ENCODER_INIT   = 5,
  WF_RANDOM_DROPOUT        = 6,
  WF_RANDOM_WINDOW         = 7,  /* item = iteration */
  WF_RANDOM_SAMPLE         = 8,  /* samples of a fitted density; item = sample */
  WF_RANDOM_METRIC         = 9,  /* resampling for scores and floors */
  WF_RANDOM_HOLDOUT        = 10, /* which trajectories train */
  WF_RANDOM_BASELINE       = 11,
  WF_RANDOM_NEXT_REACTION  = 12, /* these four: item = trajectory, draw = counter */
  WF_RANDOM_REJECTION      = 13,
  WF_RANDOM_TAU_LEAPING    = 14,
  WF_RANDOM_JUMP           = 15,
  WF_RANDOM_SSA_TIE        = 16, /* which of several events at one time comes first; item = trajectory, draw = tie */
  WF_RANDOM_ENERGY         = 17  /* samples that the state-space energy is averaged over; item = sample, draw = species */
} wf_random_purpose;

/* Four random 32-bit words of one draw. */
void wf_random_words(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw, uint32_t words[4]);

/* Two uniforms in the open interval (0,1), 52 bits each. */
void wf_random_uniform2(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw, double u[2]);

/* One uniform in (0,1): the first of wf_random_uniform2. */
double wf_random_uniform(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw);

/* Two independent standard normals (Box and Muller 1958). */
void wf_random_normal2(uint64_t seed, wf_random_purpose purpose, uint64_t item, uint32_t draw, double z[2]);

/* A uniform random permutation of 0..n-1 (Fisher-Yates); permutation [n] out. */
void wf_random_permutation(uint64_t seed, wf_random_purpose purpose, uint64_t item, int n, int *permutation);
#endif
