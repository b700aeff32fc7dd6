/* Control path: principal components of anchors with known geometry, the autoencoder's codes, the path's derivative against
   differences. */
#include <weightflow/base.h>
#include <weightflow/path.h>
#include <weightflow/random.h>
#include "check.h"

enum { N_OBS = 9, N_PARAM = 60 };

static const double TOLERANCE = WF_REAL_IS_DOUBLE ? 1e-9 : 1e-4;

/* Anchors on a plane: theta_k = mean + s_k u + q_k w with u, w orthogonal, |s| > |q|. */
static void make_anchors(double *s, double *q, wf_real *theta)
{
  double mean_s = 0, mean_q = 0;
  for (int k = 0; k < N_OBS; k++) {
    s[k] = 3 * k + 0.1 * k * k;
    q[k] = cos(2.0 * k);
    mean_s += s[k] / N_OBS;
    mean_q += q[k] / N_OBS;
  }
  double cross = 0, square = 0;
  for (int k = 0; k < N_OBS; k++) {
    cross += (s[k] - mean_s) * (q[k] - mean_q);
    square += (s[k] - mean_s) * (s[k] - mean_s);
  }
  for (int k = 0; k < N_OBS; k++)
    q[k] -= mean_q + cross / square * (s[k] - mean_s); /* uncorrelated with s: the axes are the principal ones */
  for (int k = 0; k < N_OBS; k++)
    for (int p = 0; p < N_PARAM; p++) theta[k * N_PARAM + p] = (wf_real)(0.3 * p / N_PARAM + s[k] * (p == 7) + q[k] * (p == 12));
}

static void standardise(double *x)
{
  double mean = 0, square = 0;
  for (int k = 0; k < N_OBS; k++) mean += x[k] / N_OBS;
  for (int k = 0; k < N_OBS; k++) square += (x[k] - mean) * (x[k] - mean) / N_OBS;
  for (int k = 0; k < N_OBS; k++) x[k] = (x[k] - mean) / sqrt(square);
}

static void check_pca(void)
{
  double  s[N_OBS], q[N_OBS], codes[N_OBS * 3];
  wf_real theta[N_OBS * N_PARAM];
  make_anchors(s, q, theta);
  standardise(s);
  standardise(q);
  WF_CHECK(wf_path_codes_pca(N_OBS, N_PARAM, theta, 3, codes));
  for (int k = 0; k < N_OBS; k++) {
    WF_CHECK_CLOSE(codes[3 * k], s[k], TOLERANCE);
    WF_CHECK_CLOSE(codes[3 * k + 1], q[k], 10 * TOLERANCE);
    if (WF_REAL_IS_DOUBLE) WF_CHECK(codes[3 * k + 2] == 0, "a plane has two axes, %g", codes[3 * k + 2]);
  }
}

/* Along a line the one-dimensional code must keep the order of the anchors, and be the same every time. */
static void check_autoencoder(void)
{
  double  codes[N_OBS], again[N_OBS], loss, loss_again, first_loss;
  wf_real theta[N_OBS * N_PARAM];
  for (int k = 0; k < N_OBS; k++)
    for (int p = 0; p < N_PARAM; p++) theta[k * N_PARAM + p] = (wf_real)((0.2 * k - 0.8) * sin(p + 1.0));
  WF_CHECK(wf_path_codes_autoencoder(N_OBS, N_PARAM, theta, 1, 0, 5, codes, &first_loss));
  WF_CHECK(wf_path_codes_autoencoder(N_OBS, N_PARAM, theta, 1, 400, 5, codes, &loss));
  WF_CHECK(wf_path_codes_autoencoder(N_OBS, N_PARAM, theta, 1, 400, 5, again, &loss_again));
  WF_CHECK(loss < 1e-2 * first_loss, "%g of %g", loss, first_loss);
  WF_CHECK(!memcmp(codes, again, sizeof codes) && loss == loss_again);
  double direction = codes[1] > codes[0] ? 1 : -1;
  for (int k = 1; k < N_OBS; k++) WF_CHECK(direction * (codes[k] - codes[k - 1]) > 0, "code %d", k);
}

static void check_derivative(int n_clocks)
{
  const double tau[] = {0, 0.2, 0.5, 0.9, 1}, codes[] = {0, 1, 1, 2, 0, 0, 3, 1, -1, 2};
  wf_path     *path  = wf_path_create(5, tau, 2, codes, n_clocks);
  double       before[12], after[12], dz[12], h = 1e-6;
  WF_CHECK(wf_path_n_control(path) == 2 + n_clocks);
  for (int i = 0; i < 5; i++) {
    wf_path_value(path, tau[i], before);
    WF_CHECK_CLOSE(before[0], codes[2 * i], 1e-14);
    WF_CHECK_CLOSE(before[1], codes[2 * i + 1], 1e-14);
    double read = 0;
    for (int c = 0; c < n_clocks; c++) read += before[2 + c];
    WF_CHECK_CLOSE(read, n_clocks ? tau[i] : 0, 1e-14); /* the clocks' readings sum to the time */
  }
  for (double t = 0.05; t < 1; t += 0.09) {
    wf_path_value(path, t - h, before);
    wf_path_value(path, t + h, after);
    wf_path_derivative(path, t, dz);
    for (int c = 0; c < 2 + n_clocks; c++) WF_CHECK_CLOSE(dz[c], (after[c] - before[c]) / (2 * h), 5e-6);
  }
  wf_path_destroy(&path);
  WF_CHECK(!path);
}

int main(void)
{
  check_pca();
  check_autoencoder();
  for (int n_clocks = 0; n_clocks < 6; n_clocks++) check_derivative(n_clocks);
  return WF_TEST_END();
}
