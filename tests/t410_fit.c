/* Fits: the published chain of eleven anchors with its recorded orders; a known law is learned to its entropy; the same bits on any
   number of ranks, shared or not. */
/* RUN: np=1,2,3 */
#include <weightflow/exact_sum_mpi.h>
#include <weightflow/fit_mpi.h>
#include "reference_epidemic.h"

/* FNV-1a over the bytes. */
static uint64_t hash_bytes(const void *data, size_t size)
{
  const unsigned char *byte = data;
  uint64_t             hash = 14695981039346656037u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 1099511628211u;
  return hash;
}

/* One pass with every batch shared among the ranks, whether that pays or not. */
static PetscErrorCode fit_shared_epoch(wf_fit *fit, int epoch)
{
  int rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  wf_fit_begin_epoch(fit, epoch);
  for (int b = 0; b < wf_fit_n_batches(fit); b++) {
    PetscCall(wf_exact_sum_allreduce(PETSC_COMM_WORLD, wf_fit_add_gradient(fit, b, rank, size)));
    wf_fit_update(fit, b);
  }
  PetscFunctionReturn(0);
}

/* 480 samples that are exactly distributed as p(x, y) = p(x) p(y | x), with dependence and a zero. */
static PetscErrorCode check_known_law(void)
{
  enum { N = 480, EPOCHS = 80 };
  static const int count[4][3] = {{120, 30, 10}, {0, 100, 20}, {40, 40, 40}, {20, 20, 40}};
  wf_backbone     *backbone    = wf_backbone_create(&(wf_backbone_config){"gru", "categorical", 2, 4, 16, 1});
  wf_fit_config    config      = {
              .n_epochs = EPOCHS, .batch = 96, .learning_rate = 0.02, .weight_decay = 0.01, .cosine = true, .seed = 5, .item = 2};
  int32_t x[2 * N];
  int     n       = 0;
  double  entropy = 0, first = 0, last = 0, final;

  PetscFunctionBeginUser;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 3; j++) {
      for (int s = 0; s < count[i][j]; s++, n++) {
        x[2 * n]     = i;
        x[2 * n + 1] = j;
      }
      if (count[i][j]) entropy -= count[i][j] / (double)N * log(count[i][j] / (double)N);
    }
  WF_CHECK(n == N);
  const size_t n_param = (size_t)wf_backbone_n_param(backbone);
  wf_fit      *fit = wf_fit_create(backbone, N, x, &config), *shared = wf_fit_create(backbone, N, x, &config);
  wf_real     *theta = wf_fit_get_state(fit).theta;
  wf_backbone_init(backbone, 5, 2, theta);
  memcpy(wf_fit_get_state(shared).theta, theta, n_param * sizeof(wf_real));
  for (int e = 0; e < EPOCHS; e++) {
    PetscCall(wf_fit_epoch(PETSC_COMM_WORLD, fit, e, &last));
    PetscCall(fit_shared_epoch(shared, e));
    if (e == 0) first = last;
  }
  PetscCall(wf_fit_score(PETSC_COMM_WORLD, fit, &final));
  WF_CHECK(memcmp(theta, wf_fit_get_state(shared).theta, n_param * sizeof(wf_real)) == 0);
  WF_CHECK(first > entropy / 2 + 0.05 && final >= entropy / 2 - 1e-6 && final < entropy / 2 + 0.005, "%g -> %g, entropy %g", first,
           final, entropy / 2);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "law: loss %a, weights %016llx\n", final,
                        (unsigned long long)hash_bytes(theta, n_param * sizeof(wf_real))));
  wf_fit_destroy(&fit);
  wf_fit_destroy(&shared);
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

/* Eleven snapshots one after the other, each warm-started from the one before, with the recorded orders: 50 passes, then 25 each.
 */
static PetscErrorCode check_published_chain(hid_t file)
{
  const size_t n_tokens     = REFERENCE_TOKENS * REFERENCE_FEATURES;
  wf_backbone *backbone     = reference_backbone();
  int32_t     *trajectories = reference_ints(file, "/trajectories"), *orders = reference_ints(file, "/anchorfit/permutations");
  double      *init = reference_doubles(file, "/anchorfit/init_tokens"), *tokens = reference_doubles(file, "/anchorfit/tokens_f64");
  double      *nll = reference_doubles(file, "/anchorfit/nll_f64"), loss;
  int32_t     *x   = wf_calloc(REFERENCE_TRAJ * REFERENCE_SPECIES, sizeof *x);
  wf_real      start[REFERENCE_PARAM], expected[REFERENCE_PARAM];

  PetscFunctionBeginUser;
  reference_theta(backbone, init, start);
  for (int a = 0, first_order = 0; a < REFERENCE_ANCHORS; a++) {
    wf_fit_config config = {.n_epochs = a == 0 ? 50 : 25, .batch = 64, .learning_rate = 0.01, .weight_decay = 0.01};
    double        worst  = 0;
    reference_snapshot(trajectories, 10 * a, REFERENCE_TRAJ, NULL, x);
    config.orders = orders + (size_t)first_order * REFERENCE_TRAJ;
    first_order += config.n_epochs;
    wf_fit  *fit   = wf_fit_create(backbone, REFERENCE_TRAJ, x, &config);
    wf_real *theta = wf_fit_get_state(fit).theta;
    memcpy(theta, start, sizeof start);
    for (int e = 0; e < config.n_epochs; e++) PetscCall(wf_fit_epoch(PETSC_COMM_WORLD, fit, e, &loss));
    PetscCall(wf_fit_score(PETSC_COMM_WORLD, fit, &loss));
    reference_theta(backbone, tokens + (size_t)a * n_tokens, expected);
    for (int p = 0; p < REFERENCE_PARAM; p++) worst = fmax(worst, fabs((double)theta[p] - (double)expected[p]));
    fprintf(stderr, "anchor %d: loss %.6f, reference %.6f, weights within %.2g\n", a, loss, nll[a], worst);
    WF_CHECK(fabs(loss - nll[a]) < (WF_REAL_IS_DOUBLE ? 1e-9 : 1e-4), "anchor %d: %.10g against %.10g", a, loss, nll[a]);
    if (WF_REAL_IS_DOUBLE) WF_CHECK(worst < 1e-9, "anchor %d: %g", a, worst);
    memcpy(start, theta, sizeof start);
    wf_fit_destroy(&fit);
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "chain: weights %016llx\n", (unsigned long long)hash_bytes(start, sizeof start)));
  void *all[] = {trajectories, orders, init, tokens, nll, x};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) wf_free(all[i]);
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(check_known_law());
  hid_t file = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  PetscCall(check_published_chain(file));
  H5Fclose(file);
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
