/* Natural cubic splines against their defining equations and a case worked by hand. */
#include <weightflow/base.h>
#include <weightflow/random.h>
#include <weightflow/spline.h>
#include "check.h"

enum { N = 9, DIM = 3 };

/* Interpolation, two continuous derivatives at inner knots, none of second order at the ends: these determine the spline. */
static void check_definition(void)
{
  double t[N], z[N][DIM], value[DIM], slope[DIM];
  for (int i = 0; i < N; i++) {
    t[i] = i + 0.8 * wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, 0);
    for (int k = 0; k < DIM; k++) z[i][k] = 10 * wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)(k + 1));
  }
  wf_spline *spline = wf_spline_create(N, DIM, t, &z[0][0]);
  WF_CHECK(spline && wf_spline_n_intervals(spline) == N - 1 && wf_spline_dim(spline) == DIM);
  const double *all = wf_spline_coefficients(spline);
  for (int i = 0; i < N; i++) {
    wf_spline_value(spline, t[i], value);
    for (int k = 0; k < DIM; k++) WF_CHECK_CLOSE(value[k], z[i][k], 1e-13);
    WF_CHECK(wf_spline_interval(spline, t[i]) == (i ? i - 1 : 0));
  }
  for (int i = 0; i + 1 < N; i++) {
    const double *p = all + 4 * DIM * i, *q = p + 4 * DIM;
    double        h = t[i + 1] - t[i];
    for (int k = 0; k < DIM; k++) {
      double b = p[DIM + k], c = p[2 * DIM + k], d = p[3 * DIM + k];
      if (i == 0) WF_CHECK_CLOSE(c, 0, 1e-13);
      if (i + 2 == N)
        WF_CHECK_CLOSE(c + 3 * d * h, 0, 1e-12);
      else {
        WF_CHECK_CLOSE(b + h * (2 * c + 3 * h * d), q[DIM + k], 1e-12);
        WF_CHECK_CLOSE(c + 3 * h * d, q[2 * DIM + k], 1e-12);
      }
    }
  }
  for (double s = t[0] - 1; s < t[N - 1] + 1; s += 0.37) { /* beyond the ends too */
    double above[DIM], below[DIM], e = 1e-4;
    if (wf_spline_interval(spline, s - e) != wf_spline_interval(spline, s + e)) continue;
    wf_spline_derivative(spline, s, slope);
    wf_spline_value(spline, s + e, above);
    wf_spline_value(spline, s - e, below);
    for (int k = 0; k < DIM; k++) WF_CHECK_CLOSE((above[k] - below[k]) / (2 * e), slope[k], 1e-6);
  }
  wf_spline_destroy(&spline);
  WF_CHECK(!spline);
  wf_spline_destroy(&spline);
}

/* Knots 0, 1, 2 with values 0, 1, 0: 4 m_1 = 6 (-1 - 1), so m_1 = -3 and Z = 3/2 t - 1/2 t^3 on the first interval. */
static void check_by_hand(void)
{
  const double t[3] = {0, 1, 2}, z[3] = {0, 1, 0}, expected[4] = {0, 1.5, 0, -0.5};
  wf_spline   *spline = wf_spline_create(3, 1, t, z);
  double       value;
  for (int j = 0; j < 4; j++) WF_CHECK_CLOSE(wf_spline_coefficients(spline)[j], expected[j], 1e-15);
  wf_spline_value(spline, 1.5, &value);
  WF_CHECK_CLOSE(value, 0.6875, 1e-15);
  wf_spline_value(spline, -1, &value);
  WF_CHECK_CLOSE(value, -1, 1e-15);
  wf_spline_destroy(&spline);
}

static void check_few_knots_and_misuse(void)
{
  const double t[2] = {1, 3}, z[4] = {1, 2, 5, 0}, back[2] = {3, 1};
  double       value[2], slope[2];
  wf_spline   *line = wf_spline_create(2, 2, t, z), *point = wf_spline_create(1, 2, t, z);
  wf_spline_value(line, 2.5, value);
  wf_spline_derivative(line, 7, slope);
  WF_CHECK(value[0] == 4 && value[1] == 0.5 && slope[0] == 2 && slope[1] == -1);
  wf_spline_value(point, 9, value);
  wf_spline_derivative(point, 9, slope);
  WF_CHECK(value[0] == 1 && value[1] == 2 && slope[0] == 0 && slope[1] == 0);
  wf_spline_destroy(&line);
  wf_spline_destroy(&point);
  WF_CHECK(!wf_spline_create(2, 2, back, z) && !wf_spline_create(0, 1, t, z) && !wf_spline_create(2, 0, t, z));
}

int main(void)
{
  check_definition();
  check_by_hand();
  check_few_knots_and_misuse();
  return WF_TEST_END();
}
