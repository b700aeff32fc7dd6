/* Jump processes that are no reaction networks: a table of C functions.

   The state is a vector of counts. `wait` draws the time from now to the next jump and `jump` applies it, so waiting times may have
   any law (exponential: a Markov process; constant: a chain in steps). Random numbers come from the wf_jump_draws handed in, which
   belong to the trajectory: a function that takes its numbers only from there gives the same trajectory on any rank.
   Pure; nothing is collective. */
#ifndef WEIGHTFLOW_JUMP_PROCESS_H
#define WEIGHTFLOW_JUMP_PROCESS_H
#include <stddef.h>
#include <stdint.h>

typedef struct wf_jump_draws wf_jump_draws;

/* The trajectory's next random number: uniform in (0,1); exponential with mean 1; uniform in 0 .. n - 1. */
double  wf_jump_draws_uniform(wf_jump_draws *draws);
double  wf_jump_draws_exponential(wf_jump_draws *draws);
int32_t wf_jump_draws_integer(wf_jump_draws *draws, int32_t n);

typedef struct {
  const char        *name;
  int                n_counts;
  const char *const *count_names; /* [n_counts] */
  const void        *context;     /* handed to the functions; constant while trajectories run */
  void (*start)(const void *context, wf_jump_draws *draws, int32_t *x);                     /* x [n_counts] at time 0 */
  double (*wait)(const void *context, double t, const int32_t *x, wf_jump_draws *draws);    /* > 0; infinity: no jump any more */
  void (*jump)(const void *context, double t, int32_t *x, wf_jump_draws *draws);            /* t: the time of the jump */
} wf_jump_process;

/* Built-in processes by name, NULL if there is none of that name; and the i-th name, NULL past the last. */
const wf_jump_process *wf_jump_process_builtin(const char *name);
const char            *wf_jump_process_builtin_name(int i);
#endif
