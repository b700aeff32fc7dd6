/* Natural cubic splines through vectors: the interpolant with zero second derivative at both ends. Double precision.

   On interval i, with f = t - knot[i]:   Z(t) = a[i] + f (b[i] + f (c[i] + f d[i])).
   The interval of t is the i with knot[i] < t <= knot[i + 1]: at an inner knot the left one. Beyond the ends the end polynomials go
   on. Burden and Faires, Numerical Analysis, section 3.5; as control path: Kidger et al. 2020, Neural controlled differential
   equations. Pure; nothing here is collective. */
#ifndef WEIGHTFLOW_SPLINE_H
#define WEIGHTFLOW_SPLINE_H

typedef struct wf_spline wf_spline;

/* Fit. times [n_knots] strictly increasing, values [n_knots, dim] row-major; both are copied. n_knots >= 1: one knot gives a
   constant, two a line. Cost O(n_knots dim). NULL if memory is short, n_knots < 1, dim < 1 or the times do not increase. */
wf_spline *wf_spline_create(int n_knots, int dim, const double *times, const double *values);

/* A spline whose coefficients are known, [n_intervals, 4, dim] = a, b, c, d of each interval (copied). NULL as above. */
wf_spline *wf_spline_create_from_coefficients(int n_knots, int dim, const double *times, const double *coefficients);

/* Free; sets *spline to NULL and accepts NULL in it. */
void wf_spline_destroy(wf_spline **spline);

/* value [dim] out = Z(t); t in the unit of the knots. */
void wf_spline_value(const wf_spline *spline, double t, double *value);

/* derivative [dim] out = dZ/dt(t), per unit of t; at a knot the left interval's, which is the same up to rounding (Z has two
 * derivatives). */
void wf_spline_derivative(const wf_spline *spline, double t, double *derivative);

/* Number of the interval that holds t, 0 .. n_intervals - 1. */
int wf_spline_interval(const wf_spline *spline, double t);

int wf_spline_n_intervals(const wf_spline *spline); /* max(1, n_knots - 1) */
int wf_spline_dim(const wf_spline *spline);

/* [n_knots], borrowed from the spline. */
const double *wf_spline_knots(const wf_spline *spline);

/* [n_intervals, 4, dim] = a, b, c, d of each interval, borrowed from the spline. */
const double *wf_spline_coefficients(const wf_spline *spline);
#endif
