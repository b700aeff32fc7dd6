/* Control path: codes of the anchors along principal axes, and the spline through codes. The autoencoder is in path_autoencoder.c.
 */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/path.h>
#include "path_impl.h"

struct wf_path {
  wf_spline *spline;
  int        n_clocks;
  double     first, spacing; /* of the clocks' knots */
};

extern void dsyev_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *eigenvalues,
                   double *work, const int *lwork, int *info);

void wf_path_standardise(int n_obs, int z_dim, double *codes)
{
  for (int c = 0; c < z_dim; c++) {
    double mean = 0, square = 0;
    for (int k = 0; k < n_obs; k++) mean += codes[k * z_dim + c] / n_obs;
    for (int k = 0; k < n_obs; k++) square += (codes[k * z_dim + c] - mean) * (codes[k * z_dim + c] - mean) / n_obs;
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (int k = 0; k < n_obs; k++) codes[k * z_dim + c] = (codes[k * z_dim + c] - mean) * scale;
  }
}

/* Gram matrix [n, n] of the centred anchors: its eigenvectors are the codes, and n is small where n_param is large. */
static void build_gram(int n, int n_param, const wf_real *theta, double *mean, double *gram)
{
  for (int p = 0; p < n_param; p++) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += (double)theta[(size_t)k * n_param + p];
    mean[p] = sum / n;
  }
  for (int k = 0; k < n; k++)
    for (int l = 0; l <= k; l++) {
      const wf_real *a = theta + (size_t)k * n_param, *b = theta + (size_t)l * n_param;
      double         sum = 0;
      for (int p = 0; p < n_param; p++) sum += ((double)a[p] - mean[p]) * ((double)b[p] - mean[p]);
      gram[k * n + l] = gram[l * n + k] = sum;
    }
}

/* +1 or -1: makes the largest component of the principal axis sum_k v_k (theta_k - mean) positive. */
static double axis_sign(int n, int n_param, const wf_real *theta, const double *mean, const double *v)
{
  double largest = 0;
  for (int p = 0; p < n_param; p++) {
    double component = 0;
    for (int k = 0; k < n; k++) component += v[k] * ((double)theta[(size_t)k * n_param + p] - mean[p]);
    if (fabs(component) > fabs(largest)) largest = component;
  }
  return largest < 0 ? -1 : 1;
}

bool wf_path_codes_pca(int n_obs, int n_param, const wf_real *theta, int z_dim, double *codes)
{
  int     n = n_obs, lwork = 8 * n_obs + 64, info = 0;
  double *mean = wf_calloc((size_t)n_param, sizeof(*mean)), *gram = wf_calloc((size_t)n * n, sizeof(*gram));
  double *values = wf_calloc((size_t)n, sizeof(*values)), *work = wf_calloc((size_t)lwork, sizeof(*work));
  bool    ok = mean && gram && values && work;

  memset(codes, 0, (size_t)n * z_dim * sizeof(*codes));
  if (ok) {
    build_gram(n, n_param, theta, mean, gram);
    dsyev_("V", "U", &n, gram, &n, values, work, &lwork, &info); /* eigenvalues rise; column j of the result is row j here */
    ok = info == 0;
  }
  for (int c = 0; ok && c < z_dim && c < n; c++) {
    int           j = n - 1 - c;
    const double *v = gram + (size_t)j * n;
    if (values[j] <= 1e-12 * values[n - 1]) break;
    double scale = axis_sign(n, n_param, theta, mean, v) * sqrt(values[j]);
    for (int k = 0; k < n; k++) codes[k * z_dim + c] = scale * v[k];
  }
  if (ok) wf_path_standardise(n, z_dim, codes);
  wf_free(mean);
  wf_free(gram);
  wf_free(values);
  wf_free(work);
  return ok;
}

wf_path *wf_path_create_from_spline(wf_spline *spline, int n_clocks)
{
  wf_path *path = spline ? wf_calloc(1, sizeof(*path)) : NULL;
  if (!path) return NULL;
  const double *knots = wf_spline_knots(spline);
  double        span  = knots[wf_spline_n_intervals(spline)] - knots[0];
  *path =
      (wf_path){.spline = spline, .n_clocks = n_clocks, .first = knots[0], .spacing = n_clocks > 1 ? span / (n_clocks - 1) : span};
  return path;
}

wf_path *wf_path_create(int n_obs, const double *tau, int z_dim, const double *codes, int n_clocks)
{
  wf_spline *spline = wf_spline_create(n_obs, z_dim, tau, codes);
  wf_path   *path   = wf_path_create_from_spline(spline, n_clocks);
  if (!path) wf_spline_destroy(&spline);
  return path;
}

void wf_path_destroy(wf_path **path)
{
  if (*path) wf_spline_destroy(&(*path)->spline);
  wf_free(*path);
  *path = NULL;
}

int              wf_path_n_control(const wf_path *path) { return wf_spline_dim(path->spline) + path->n_clocks; }
int              wf_path_n_clocks(const wf_path *path) { return path->n_clocks; }
const wf_spline *wf_path_spline(const wf_path *path) { return path->spline; }

/* Rate of clock c: a hat of height 1 over its knot, level beyond the first and the last knot. */
static double clock_rate(const wf_path *path, int c, double tau)
{
  double last = path->n_clocks - 1.0, u = (tau - path->first) / path->spacing;
  u           = u < 0 ? 0 : u > last ? last : u;
  return fmax(0, 1 - fabs(u - c));
}

/* Integral of the hat over knot c from -infinity to u, in units of the spacing. */
static double hat_integral(double u, int c)
{
  double x = u - c;
  if (x <= -1) return 0;
  if (x <= 0) return (x + 1) * (x + 1) / 2;
  return x <= 1 ? 1 - (1 - x) * (1 - x) / 2 : 1;
}

/* Reading of clock c: the integral of its rate from the first knot. */
static double clock_value(const wf_path *path, int c, double tau)
{
  double last = path->n_clocks - 1.0, u = (tau - path->first) / path->spacing, inside = u < 0 ? 0 : u > last ? last : u;
  double beyond = (u < 0 && c == 0) || (u > last && c == path->n_clocks - 1) ? u - inside : 0;
  return path->spacing * (hat_integral(inside, c) - hat_integral(0, c) + beyond);
}

void wf_path_value(const wf_path *path, double tau, double *z)
{
  double *clocks = z + wf_spline_dim(path->spline);
  wf_spline_value(path->spline, tau, z);
  if (path->n_clocks == 1) clocks[0] = tau;
  else
    for (int c = 0; c < path->n_clocks; c++) clocks[c] = clock_value(path, c, tau);
}

void wf_path_derivative(const wf_path *path, double tau, double *dz)
{
  double *clocks = dz + wf_spline_dim(path->spline);
  wf_spline_derivative(path->spline, tau, dz);
  if (path->n_clocks == 1) clocks[0] = 1;
  else
    for (int c = 0; c < path->n_clocks; c++) clocks[c] = clock_rate(path, c, tau);
}
