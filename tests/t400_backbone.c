/* The GRU backbone against the published model's numbers, finite differences, and its own exact marginals; AdamW against recorded
 * steps. */
#include <weightflow/nn.h>
#include "reference_epidemic.h"

/* Float: 24 bits, sums of 52 exponentials, a recurrence of 3: a few 1e-7 relative to the logits' size (up to about 20). */
static const double tolerance = WF_REAL_IS_DOUBLE ? 1e-10 : 1e-5;

static void check_elementary(void)
{
  enum { N = 4001 };
  static wf_real x[N], y[3][N];
  const double   bound    = WF_REAL_IS_DOUBLE ? 1e-14 : 3e-7;
  double         worst[3] = {0};
  for (int i = 0; i < N; i++) x[i] = (wf_real)((i - N / 2) * (i - N / 2) * (i < N / 2 ? -1 : 1) * 80.0 / ((N / 2) * (N / 2)));
  wf_vector_exp(N, x, y[0]);
  wf_vector_tanh(N, x, y[1]);
  wf_vector_sigmoid(N, x, y[2]);
  for (int i = 0; i < N; i++) {
    double exact[3] = {exp(x[i]), tanh(x[i]), 1 / (1 + exp(-(double)x[i]))};
    for (int k = 0; k < 3; k++) worst[k] = fmax(worst[k], fabs(y[k][i] / exact[k] - 1) * (exact[k] != 0));
  }
  fprintf(stderr, "relative errors: exp %.2g tanh %.2g sigmoid %.2g\n", worst[0], worst[1], worst[2]);
  for (int k = 0; k < 3; k++) WF_CHECK(worst[k] < bound, "function %d: %g", k, worst[k]);
  wf_real special[3] = {(wf_real)NAN, (wf_real)INFINITY, -(wf_real)INFINITY}, result[3];
  wf_vector_exp(3, special, result);
  WF_CHECK(isnan(result[0]) && isinf(result[1]) && result[2] == 0);
  wf_vector_tanh(3, special, result);
  WF_CHECK(isnan(result[0]) && result[1] == 1 && result[2] == -1);
  wf_vector_sigmoid(3, special, result);
  WF_CHECK(isnan(result[0]) && result[1] == 1 && result[2] < 1e-30);
}

static void check_softmax(void)
{
  enum { M = 3, N = 13 };
  wf_real x[M * N], log_p[M * N];
  for (int i = 0; i < M * N; i++) x[i] = log_p[i] = (wf_real)(20 * wf_random_uniform(5, WF_RANDOM_TEST, (uint64_t)i, 0));
  double exact[M * N];
  for (int i = 0; i < M; i++) {
    double sum = 0;
    for (int j = 0; j < N; j++) sum += exp(x[i * N + j]);
    for (int j = 0; j < N; j++) exact[i * N + j] = exp(x[i * N + j]) / sum;
  }
  wf_rows_softmax(M, N, x, N);
  wf_rows_log_softmax(M, N, log_p, N);
  for (int i = 0; i < M * N; i++) {
    WF_CHECK_CLOSE(x[i], exact[i], WF_REAL_IS_DOUBLE ? 1e-15 : 1e-6);
    WF_CHECK_CLOSE(log_p[i], log(exact[i]), WF_REAL_IS_DOUBLE ? 1e-14 : 1e-6);
  }
}

static void check_dense(void)
{
  enum { M = 7, N = 24, K = 5 };
  wf_real a[K * M], b[K * N], bias[N], c[M * N];
  for (int i = 0; i < K * M; i++) a[i] = (wf_real)i / 7;
  for (int i = 0; i < K * N; i++) b[i] = (wf_real)(i % 11) - 5;
  for (int i = 0; i < N; i++) bias[i] = (wf_real)i;
  wf_dense_multiply(M, N, K, a, 1, M, b, N, WF_DENSE_BIAS, bias, c, N); /* A is stored transposed */
  wf_dense_multiply(M, N, K, a, 1, M, b, N, WF_DENSE_ADD, NULL, c, N);
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < K; k++) sum += (double)a[k * M + i] * b[k * N + j];
      WF_CHECK_CLOSE(c[i * N + j], bias[j] + 2 * sum, 1e-6);
    }
}

/* Mean NLL of the trajectories under the shipped anchors, and their exact marginals. */
static void check_anchors(hid_t file, const wf_backbone *backbone, wf_backbone_work *work)
{
  int32_t *trajectories = reference_ints(file, "/trajectories"), *x = wf_calloc(3 * REFERENCE_TRAJ, sizeof *x);
  double  *anchors = reference_doubles(file, "/anchors"), *nll = reference_doubles(file, "/anchor_checks/nll_f64");
  double  *expected = reference_doubles(file, "/anchor_checks/exact_marginals_f64"),
         *marginals = wf_calloc(3 * REFERENCE_LEVELS, sizeof(double));
  double *log_p = wf_calloc(REFERENCE_TRAJ, sizeof(double)), worst_nll = 0, worst_marginal = 0;
  wf_real theta[REFERENCE_PARAM];
  for (int a = 0; a < REFERENCE_ANCHORS; a++) {
    double sum, by_density = 0;
    reference_theta(backbone, anchors + a * REFERENCE_TOKENS * REFERENCE_FEATURES, theta);
    reference_snapshot(trajectories, 10 * a, REFERENCE_TRAJ, NULL, x);
    wf_backbone_nll(backbone, theta, REFERENCE_TRAJ, x, work, &sum, NULL);
    worst_nll = fmax(worst_nll, fabs(sum / (3 * REFERENCE_TRAJ) - nll[a]));
    wf_backbone_log_density(backbone, theta, REFERENCE_TRAJ, x, work, log_p);
    for (int s = 0; s < REFERENCE_TRAJ; s++) by_density -= log_p[s];
    WF_CHECK_CLOSE(by_density, sum, 1e-12);
    WF_CHECK(wf_backbone_marginals(backbone, theta, 0, work, marginals));
    for (int i = 0; i < 3 * REFERENCE_LEVELS; i++)
      worst_marginal = fmax(worst_marginal, fabs(marginals[i] - expected[a * 3 * REFERENCE_LEVELS + i]));
  }
  fprintf(stderr, "anchors: mean NLL within %.2g, marginals within %.2g\n", worst_nll, worst_marginal);
  WF_CHECK(worst_nll < tolerance, "%g", worst_nll);
  WF_CHECK(worst_marginal < tolerance, "%g", worst_marginal);
  WF_CHECK(wf_backbone_marginal_cost(backbone) == 1 + 52 + 52 * 52);
  void *all[] = {trajectories, x, anchors, nll, expected, marginals, log_p};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) wf_free(all[i]);
}

/* Three minibatches at one time: losses, the first gradient, tokens after each AdamW step. */
static void check_steps(hid_t file, const char *group, int k, const wf_backbone *backbone, wf_backbone_work *work)
{
  const wf_adamw_config config   = WF_ADAMW_DEFAULT;
  const size_t          n_tokens = REFERENCE_TOKENS * REFERENCE_FEATURES;
  char                  name[3][64];
  snprintf(name[0], sizeof name[0], "%s/loss", group);
  snprintf(name[1], sizeof name[1], "%s/grad_tokens", group);
  snprintf(name[2], sizeof name[2], "%s/tokens_after", group);
  int32_t *trajectories = reference_ints(file, "/trajectories"), *order = reference_ints(file, "/anchorfit/permutations"),
          x[64 * 3];
  double *init = reference_doubles(file, "/anchorfit/init_tokens"), *loss = reference_doubles(file, name[0]);
  double *gradient_tokens = reference_doubles(file, name[1]), *after = reference_doubles(file, name[2]), worst[3] = {0};
  wf_real theta[REFERENCE_PARAM], gradient[REFERENCE_PARAM], expected[REFERENCE_PARAM], m[REFERENCE_PARAM] = {0},
                                                                                        v[REFERENCE_PARAM] = {0};
  reference_theta(backbone, init, theta);
  for (int b = 0; b < 3; b++) {
    double sum;
    reference_snapshot(trajectories, k, 64, order + 64 * b, x);
    wf_backbone_nll(backbone, theta, 64, x, work, &sum, gradient);
    worst[0] = fmax(worst[0], fabs(sum / 192 - loss[b]));
    for (int p = 0; p < REFERENCE_PARAM; p++) gradient[p] /= 192;
    if (b == 0) reference_theta(backbone, gradient_tokens, expected);
    for (int p = 0; b == 0 && p < REFERENCE_PARAM; p++) worst[1] = fmax(worst[1], fabs((double)gradient[p] - (double)expected[p]));
    wf_adamw_step(&config, b + 1, REFERENCE_PARAM, gradient, theta, m, v);
    reference_theta(backbone, after + (size_t)b * n_tokens, expected);
    for (int p = 0; p < REFERENCE_PARAM; p++) worst[2] = fmax(worst[2], fabs((double)theta[p] - (double)expected[p]));
  }
  fprintf(stderr, "%s: loss within %.2g, gradient %.2g, weights after AdamW %.2g\n", group, worst[0], worst[1], worst[2]);
  WF_CHECK(worst[0] < tolerance, "%g", worst[0]);
  WF_CHECK(worst[1] < tolerance, "%g", worst[1]);
  /* AdamW divides by the gradient's own size, so in float the smallest gradients' rounding shows in the weights. */
  WF_CHECK(worst[2] < (WF_REAL_IS_DOUBLE ? 1e-10 : 1e-4), "%g", worst[2]);
  void *all[] = {trajectories, order, init, loss, gradient_tokens, after};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) wf_free(all[i]);
}

/* Gradient against central differences along random directions and along each weight. */
static void check_gradient(int hidden, int n_layers, int n_levels, int n_species, int n)
{
  wf_backbone *backbone  = wf_backbone_create(&(wf_backbone_config){"gru", "categorical", n_species, n_levels, hidden, n_layers});
  wf_backbone_work *work = wf_backbone_work_create(backbone, n);
  const int         n_param = wf_backbone_n_param(backbone);
  const double      step    = WF_REAL_IS_DOUBLE ? 1e-5 : 4e-3;
  wf_real          *theta = wf_calloc((size_t)n_param, sizeof *theta), *gradient = wf_calloc((size_t)n_param, sizeof *gradient);
  int32_t          *x = wf_calloc((size_t)(n * n_species), sizeof *x);
  double            nll, worst = 0;
  wf_backbone_init(backbone, 11, 4, theta);
  for (int i = 0; i < n * n_species; i++) x[i] = (int32_t)(n_levels * wf_random_uniform(2, WF_RANDOM_TEST, (uint64_t)i, 0));
  for (int p = 0; p < n_param; p++)
    theta[p] += (wf_real)(0.2 * wf_random_uniform(2, WF_RANDOM_TEST, (uint64_t)p, 1)); /* biases too */
  wf_backbone_nll(backbone, theta, n, x, work, &nll, gradient);
  for (int p = 0; p < n_param; p++) {
    wf_real keep = theta[p], up = keep + (wf_real)step, down = keep - (wf_real)step;
    double  nll_up, nll_down;
    theta[p] = up;
    wf_backbone_nll(backbone, theta, n, x, work, &nll_up, NULL);
    theta[p] = down;
    wf_backbone_nll(backbone, theta, n, x, work, &nll_down, NULL);
    theta[p] = keep;
    worst    = fmax(worst, fabs((nll_up - nll_down) / ((double)up - (double)down) - (double)gradient[p]) / n);
  }
  fprintf(stderr, "gradient H=%d layers=%d L=%d d=%d n=%d: within %.2g per sample\n", hidden, n_layers, n_levels, n_species, n,
          worst);
  WF_CHECK(worst < (WF_REAL_IS_DOUBLE ? 1e-7 : 1e-3), "H=%d layers=%d: %g", hidden, n_layers, worst);
  wf_free(theta);
  wf_free(gradient);
  wf_free(x);
  wf_backbone_work_destroy(&work);
  wf_backbone_destroy(&backbone);
}

/* Samples against exact marginals by chi-square; any split of the samples gives the same ones. */
static void check_sampling(int hidden, int n_layers)
{
  enum { N = 20000, L = 7, D = 3 };
  wf_backbone      *backbone = wf_backbone_create(&(wf_backbone_config){"gru", "categorical", D, L, hidden, n_layers});
  wf_backbone_work *work     = wf_backbone_work_create(backbone, 64);
  wf_real          *theta    = wf_calloc((size_t)wf_backbone_n_param(backbone), sizeof *theta);
  int32_t          *x = wf_calloc(N * D, sizeof *x), *y = wf_calloc(N * D, sizeof *y);
  double            marginals[D * L], cut[D * L], brute[D * L] = {0}, log_p;
  wf_backbone_init(backbone, 3, 0, theta);
  for (int p = 0; p < wf_backbone_n_param(backbone); p++) theta[p] *= 2;
  wf_backbone_sample(backbone, theta, N, 9, WF_RANDOM_SAMPLE, 1000, work, x);
  wf_backbone_sample(backbone, theta, 37, 9, WF_RANDOM_SAMPLE, 1000, work, y);
  wf_backbone_sample(backbone, theta, N - 37, 9, WF_RANDOM_SAMPLE, 1037, work, y + 37 * D);
  WF_CHECK(memcmp(x, y, N * D * sizeof *x) == 0);
  WF_CHECK(wf_backbone_marginals(backbone, theta, 0, work, marginals) && wf_backbone_marginals(backbone, theta, 0.02, work, cut));
  for (int state = 0; state < L * L * L; state++) {
    int32_t one[D] = {state / (L * L), state / L % L, state % L};
    wf_backbone_log_density(backbone, theta, 1, one, work, &log_p);
    for (int i = 0; i < D; i++) brute[i * L + one[i]] += exp(log_p);
  }
  for (int i = 0; i < D; i++) {
    double chi2 = 0, count[L] = {0};
    for (int s = 0; s < N; s++) count[x[s * D + i]]++;
    for (int j = 0; j < L; j++) {
      double expected = N * marginals[i * L + j];
      chi2 += (count[j] - expected) * (count[j] - expected) / expected;
      WF_CHECK_CLOSE(brute[i * L + j], marginals[i * L + j], WF_REAL_IS_DOUBLE ? 1e-13 : 1e-6);
      WF_CHECK_CLOSE(cut[i * L + j], marginals[i * L + j], 0.1);
    }
    WF_CHECK(chi2 < 30, "species %d: chi2 %g with 6 degrees of freedom", i, chi2); /* false alarm 4e-5 */
  }
  WF_CHECK(memcmp(cut, marginals, sizeof cut) != 0);
  int32_t outside[2 * D] = {0, L, 0, 0, -1, 0};
  double  both[2], nll;
  wf_backbone_log_density(backbone, theta, 2, outside, work, both);
  WF_CHECK(isinf(both[0]) && both[0] < 0 && isinf(both[1]));
  wf_backbone_nll(backbone, theta, 2, outside, work, &nll, theta);
  WF_CHECK(isinf(nll) && isnan(theta[0]));
  wf_free(theta);
  wf_free(x);
  wf_free(y);
  wf_backbone_work_destroy(&work);
  wf_backbone_destroy(&backbone);
}

static void check_layout(const wf_backbone *backbone)
{
  int                      n_layers;
  const wf_backbone_layer *layers = wf_backbone_layers(backbone, &n_layers);
  wf_real                  theta[REFERENCE_PARAM];
  double                   square = 0;
  WF_CHECK(n_layers == 7 && wf_backbone_n_param(backbone) == REFERENCE_PARAM);
  WF_CHECK(strcmp(layers[0].name, "gru_0_ir") == 0 && layers[0].n_nodes == 8 && layers[0].n_features == 7);
  WF_CHECK(strcmp(layers[5].name, "gru_0_hn") == 0 && layers[5].n_features == 9);
  WF_CHECK(strcmp(layers[6].name, "output") == 0 && layers[6].n_nodes == 52 && layers[6].n_features == 9);
  wf_backbone_init(backbone, 1, 0, theta);
  for (int p = 0; p < REFERENCE_PARAM; p++) square += (double)theta[p] * theta[p];
  WF_CHECK(theta[6] == 0 && theta[0] != 0 && theta[REFERENCE_PARAM - 1] == 0);
  WF_CHECK(fabs(square / 752 * 24 - 1) < 0.2, "%g", square); /* 752 weights of variance 1/(3 H) */
  WF_CHECK(wf_backbone_create(&(wf_backbone_config){"lstm", "categorical", 3, 52, 8, 1}) == NULL);
  WF_CHECK(wf_backbone_create(&(wf_backbone_config){"gru", "categorical", 3, 52, 0, 1}) == NULL);
}

int main(void)
{
  check_elementary();
  check_softmax();
  check_dense();
  check_gradient(8, 1, 52, 3, 5);
  check_gradient(5, 2, 11, 4, 70);
  check_gradient(9, 3, 3, 1, 3);
  check_sampling(5, 1);
  check_sampling(40, 2);
  hid_t             file     = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  wf_backbone      *backbone = reference_backbone();
  wf_backbone_work *work     = wf_backbone_work_create(backbone, 1000);
  check_layout(backbone);
  check_anchors(file, backbone, work);
  check_steps(file, "/anchorstep/t0", 0, backbone, work);
  check_steps(file, "/anchorstep/t50", 50, backbone, work);
  wf_backbone_work_destroy(&work);
  wf_backbone_destroy(&backbone);
  H5Fclose(file);
  return WF_TEST_END();
}
