/* Natural cubic splines, see spline.h. The second derivatives m_i at the knots solve the tridiagonal system
     h_{i-1} m_{i-1} + 2 (h_{i-1} + h_i) m_i + h_i m_{i+1} = 6 (s_i - s_{i-1}),   m_0 = m_{n-1} = 0,
   with h_i the knots' distances and s_i = (z_{i+1} - z_i) / h_i the slopes; then
     a = z_i, b = s_i - h_i (2 m_i + m_{i+1}) / 6, c = m_i / 2, d = (m_{i+1} - m_i) / (6 h_i). */
#include <stdbool.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/spline.h>

struct wf_spline {
  int     n_knots, n_intervals, dim;
  double *knots;        /* [n_knots] */
  double *coefficients; /* [n_intervals, 4, dim] */
};

/* Solve the system for all components at once by elimination; it is diagonally dominant, so no pivoting is needed.
   m [n_knots, dim] out; scratch [n_knots]. */
static void solve_second_derivatives(int n_knots, int dim, const double *t, const double *z, double *scratch, double *m)
{
  memset(m, 0, (size_t)n_knots * (size_t)dim * sizeof(*m));
  scratch[0] = 0;
  for (int i = 1; i + 1 < n_knots; i++) {
    double left = t[i] - t[i - 1], right = t[i + 1] - t[i];
    double pivot        = 2 * (left + right) - left * scratch[i - 1];
    scratch[i]          = right / pivot;
    const double *below = z + (size_t)(i - 1) * (size_t)dim, *here = below + dim, *above = here + dim;
    double       *m_here = m + (size_t)i * (size_t)dim, *m_below = m_here - dim;
    for (int k = 0; k < dim; k++) {
      double jump = 6 * ((above[k] - here[k]) / right - (here[k] - below[k]) / left);
      m_here[k]   = (jump - left * m_below[k]) / pivot;
    }
  }
  for (int i = n_knots - 2; i > 0; i--) {
    double *m_here = m + (size_t)i * (size_t)dim, *m_above = m_here + dim;
    for (int k = 0; k < dim; k++) m_here[k] -= scratch[i] * m_above[k];
  }
}

static void set_coefficients(wf_spline *spline, const double *z, const double *m)
{
  size_t dim = (size_t)spline->dim;
  if (spline->n_knots == 1) {
    memcpy(spline->coefficients, z, dim * sizeof(*z));
    return;
  }
  for (int i = 0; i < spline->n_intervals; i++) {
    double       *a = spline->coefficients + 4 * dim * (size_t)i, *b = a + dim, *c = b + dim, *d = c + dim;
    double        h  = spline->knots[i + 1] - spline->knots[i];
    const double *z0 = z + dim * (size_t)i, *z1 = z0 + dim, *m0 = m + dim * (size_t)i, *m1 = m0 + dim;
    for (size_t k = 0; k < dim; k++) {
      a[k] = z0[k];
      b[k] = (z1[k] - z0[k]) / h - h * (2 * m0[k] + m1[k]) / 6;
      c[k] = m0[k] / 2;
      d[k] = (m1[k] - m0[k]) / (6 * h);
    }
  }
}

static bool times_increase(int n_knots, const double *times)
{
  for (int i = 1; i < n_knots; i++)
    if (!(times[i] > times[i - 1])) return false;
  return true;
}

/* A spline with its knots, and room for its coefficients. */
static wf_spline *create_with_knots(int n_knots, int dim, const double *times)
{
  if (n_knots < 1 || dim < 1 || !times_increase(n_knots, times)) return NULL;
  wf_spline *spline = wf_calloc(1, sizeof(*spline));
  if (!spline) return NULL;
  spline->n_knots      = n_knots;
  spline->n_intervals  = n_knots > 1 ? n_knots - 1 : 1;
  spline->dim          = dim;
  spline->knots        = wf_calloc((size_t)n_knots, sizeof(double));
  spline->coefficients = wf_calloc(4 * (size_t)spline->n_intervals * (size_t)dim, sizeof(double));
  if (spline->knots && spline->coefficients)
    memcpy(spline->knots, times, (size_t)n_knots * sizeof(double));
  else
    wf_spline_destroy(&spline);
  return spline;
}

wf_spline *wf_spline_create(int n_knots, int dim, const double *times, const double *values)
{
  wf_spline *spline = create_with_knots(n_knots, dim, times);
  if (!spline) return NULL;
  double *scratch = wf_calloc((size_t)n_knots, sizeof(double));
  double *second  = wf_calloc((size_t)n_knots * (size_t)dim, sizeof(double));
  if (scratch && second) {
    solve_second_derivatives(n_knots, dim, times, values, scratch, second);
    set_coefficients(spline, values, second);
  } else
    wf_spline_destroy(&spline);
  wf_free(scratch);
  wf_free(second);
  return spline;
}

wf_spline *wf_spline_create_from_coefficients(int n_knots, int dim, const double *times, const double *coefficients)
{
  wf_spline *spline = create_with_knots(n_knots, dim, times);
  if (spline) memcpy(spline->coefficients, coefficients, 4 * (size_t)spline->n_intervals * (size_t)dim * sizeof(double));
  return spline;
}

void wf_spline_destroy(wf_spline **spline)
{
  if (!*spline) return;
  wf_free((*spline)->knots);
  wf_free((*spline)->coefficients);
  wf_free(*spline);
  *spline = NULL;
}

int wf_spline_interval(const wf_spline *spline, double t)
{
  int low = 0, high = spline->n_intervals - 1; /* the answer lies in low .. high */
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (t <= spline->knots[middle + 1])
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

void wf_spline_value(const wf_spline *spline, double t, double *value)
{
  int           i = wf_spline_interval(spline, t), dim = spline->dim;
  double        f = t - spline->knots[i];
  const double *a = spline->coefficients + 4 * (size_t)dim * (size_t)i, *b = a + dim, *c = b + dim, *d = c + dim;
  for (int k = 0; k < dim; k++) value[k] = a[k] + f * (b[k] + f * (c[k] + f * d[k]));
}

void wf_spline_derivative(const wf_spline *spline, double t, double *derivative)
{
  int           i = wf_spline_interval(spline, t), dim = spline->dim;
  double        f = t - spline->knots[i];
  const double *b = spline->coefficients + 4 * (size_t)dim * (size_t)i + dim, *c = b + dim, *d = c + dim;
  for (int k = 0; k < dim; k++) derivative[k] = b[k] + f * (2 * c[k] + f * 3 * d[k]);
}

int           wf_spline_n_intervals(const wf_spline *spline) { return spline->n_intervals; }
int           wf_spline_dim(const wf_spline *spline) { return spline->dim; }
const double *wf_spline_knots(const wf_spline *spline) { return spline->knots; }
const double *wf_spline_coefficients(const wf_spline *spline) { return spline->coefficients; }
