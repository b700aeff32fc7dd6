/* How far tau-leaping may leap: which reactions are critical, and the longest step that leaves the propensities nearly as they are
   (Cao, Gillespie and Petzold 2006, J. Chem. Phys. 124, 044109, sections III and IV). Inside ssa/ only.

   With g_i for species i, a leap is wanted in which x_i changes by at most max(epsilon x_i / g_i, smallest change of x_i); then
   each propensity changes by at most the fraction epsilon of itself. For a product of n factors s x + o of which n_i contain x_i,
     g_i = (n / n_i) sum over these n_i of |s x_i / (s x_i + o)|,   the largest over all reactions.
   For x, x y, x (x - 1) and so on these are the g_i of the paper's table; for plain powers x^n it is n. For other laws the relative
   change of the propensity is measured, at x_i plus and minus the larger of epsilon x_i and the smallest change. */
#ifndef WEIGHTFLOW_SSA_SSA_LEAP_LIMITS_H
#define WEIGHTFLOW_SSA_SSA_LEAP_LIMITS_H
#include "ssa/network_impl.h"

typedef struct wf_leap_limits wf_leap_limits;

/* NULL: memory is short. */
wf_leap_limits *wf_leap_limits_create(const wf_network *network, double epsilon);
void            wf_leap_limits_destroy(wf_leap_limits **limits);

/* The longest step in the state value [n_slots] (unchanged on return) with these propensities [n_reactions], for the reactions
   that are not critical; critical [n_reactions] out: can fire, but not ten times before a species or a law comes to its end.
   Infinity: nothing is in the way. */
double wf_leap_limits_find_step(wf_leap_limits *limits, double *value, const double *propensity, bool *critical);
#endif
