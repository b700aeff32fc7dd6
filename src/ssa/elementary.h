/* Inside ssa/: functions with the same bits on every machine, which those of the C library do not have: it picks its code by
   instruction set. Right to about a unit in the last place. */
#ifndef WEIGHTFLOW_SSA_ELEMENTARY_H
#define WEIGHTFLOW_SSA_ELEMENTARY_H

double wf_ssa_sine(double x); /* never beyond -1 .. 1; for |x| < 10^6, else the C library's */
double wf_ssa_cosine(double x);
double wf_ssa_exponential(double x);
double wf_ssa_natural_logarithm(double x);
#endif
