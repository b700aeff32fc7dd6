/* The plane of the first two principal axes of a few long vectors. The axes come from the small Gram matrix of the centred vectors,
   whose eigenvectors are found by Jacobi rotations (Golub and Van Loan, Matrix Computations, section 8.5). */
#include <math.h>
#include <weightflow/base.h>
#include "report_impl.h"

enum { SWEEPS = 60 };

/* Rotate rows and columns p, q of the symmetric a [n, n] so that a[p, q] = 0; the same on the columns of v. */
static void rotate_pair(int n, double *a, double *v, int p, int q)
{
  double apq = a[p * n + q];
  if (apq == 0) return;
  double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq), t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
  double c = 1 / sqrt(t * t + 1), s = t * c;
  for (int k = 0; k < n; k++) {
    double x = a[k * n + p], y = a[k * n + q];
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  for (int k = 0; k < n; k++) {
    double x = a[p * n + k], y = a[q * n + k], e = v[k * n + p], f = v[k * n + q];
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
    v[k * n + p] = c * e - s * f;
    v[k * n + q] = s * e + c * f;
  }
}

/* Eigenvalues on the diagonal of a, eigenvectors in the columns of v. */
static void diagonalise(int n, double *a, double *v)
{
  for (int i = 0; i < n * n; i++) v[i] = i % (n + 1) == 0;
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    double off = 0, trace = 0;
    for (int p = 0; p < n; p++) {
      trace += a[p * n + p];
      for (int q = p + 1; q < n; q++) off += fabs(a[p * n + q]);
    }
    if (off <= 1e-14 * trace) return;
    for (int p = 0; p < n; p++)
      for (int q = p + 1; q < n; q++) rotate_pair(n, a, v, p, q);
  }
}

/* The axis of the eigenvalue of the given place (0: largest): axis [size], of length 1, its largest component positive; zero if
 * there is none. */
static void find_axis(int n, int size, const double *gram, const double *v, const double *centred, int place, double *axis,
                      double *share)
{
  double trace  = 0;
  int    chosen = -1;
  for (int i = 0; i < n; i++) {
    int larger = 0;
    for (int j = 0; j < n; j++) larger += gram[j * n + j] > gram[i * n + i] || (j < i && gram[j * n + j] == gram[i * n + i]);
    if (larger == place) chosen = i;
    trace += gram[i * n + i];
  }
  double value = chosen < 0 ? 0 : gram[chosen * n + chosen], largest = 0;
  bool   empty = !(value > 1e-12 * trace);
  *share       = empty ? 0 : value / trace;
  for (int k = 0; k < size; k++) {
    double sum = 0;
    for (int i = 0; !empty && i < n; i++) sum += v[i * n + chosen] * centred[(size_t)i * (size_t)size + (size_t)k];
    axis[k] = empty ? 0 : sum / sqrt(value);
    if (fabs(axis[k]) > fabs(largest)) largest = axis[k];
  }
  for (int k = 0; k < size && largest < 0; k++) axis[k] = -axis[k];
}

bool wf_principal_plane(int n_base, int size, const wf_real *base, int n, const wf_real *x, double *coordinates, double *share)
{
  double *centred = wf_calloc((size_t)n_base * (size_t)size, sizeof(double)), *mean = wf_calloc((size_t)size, sizeof(double));
  double *gram = wf_calloc(2 * (size_t)n_base * (size_t)n_base, sizeof(double)), *axis = wf_calloc((size_t)size, sizeof(double));
  bool    good = centred && mean && gram && axis;
  for (int i = 0; good && i < n_base; i++)
    for (int k = 0; k < size; k++) mean[k] += (double)base[(size_t)i * (size_t)size + (size_t)k] / n_base;
  for (int i = 0; good && i < n_base; i++)
    for (int k = 0; k < size; k++)
      centred[(size_t)i * (size_t)size + (size_t)k] = (double)base[(size_t)i * (size_t)size + (size_t)k] - mean[k];
  for (int i = 0; good && i < n_base; i++)
    for (int j = 0; j < n_base; j++)
      for (int k = 0; k < size; k++)
        gram[i * n_base + j] += centred[(size_t)i * (size_t)size + (size_t)k] * centred[(size_t)j * (size_t)size + (size_t)k];
  if (good) diagonalise(n_base, gram, gram + (size_t)n_base * (size_t)n_base);
  for (int c = 0; good && c < 2; c++) {
    find_axis(n_base, size, gram, gram + (size_t)n_base * (size_t)n_base, centred, c, axis, &share[c]);
    for (int i = 0; i < n; i++) {
      double sum = 0;
      for (int k = 0; k < size; k++) sum += ((double)x[(size_t)i * (size_t)size + (size_t)k] - mean[k]) * axis[k];
      coordinates[2 * i + c] = sum;
    }
  }
  wf_free(centred);
  wf_free(mean);
  wf_free(gram);
  wf_free(axis);
  return good;
}
