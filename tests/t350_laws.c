/* Every exact method against exact laws: a two-state gene (Peccoud and Ycart 1995, Theor. Popul. Biol. 48, 222: beta-Poisson), and
   a bimolecular network whose master equation is integrated by PETSc TS on the truncated generator. Each comparison is a chi-square
   test with a false-alarm rate of 1e-6 over seeds; the seeds are fixed. */
#include <petscts.h>
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "check.h"
#include "chi_square.h"

static const double alarm = 1e-6;

typedef struct {
  wf_ssa_algorithm algorithm;
  const char      *name;
} method;
static const method methods[] = {
    {WF_SSA_DIRECT, "direct"}, {WF_SSA_NEXT_REACTION, "next reaction"}, {WF_SSA_COMPOSITION_REJECTION, "composition-rejection"}};
enum { N_METHODS = sizeof methods / sizeof *methods };

/* States of trajectories 0 .. n - 1 at time t: counts [n, n_counts]. */
static int32_t *simulate_states(const wf_network *network, wf_ssa_algorithm algorithm, int n, double t)
{
  enum { BATCH = 1000 };
  char                why[192]  = "";
  const wf_ssa_config config    = {.algorithm = algorithm, .seed = 17, .n_time = 1, .times = &t};
  wf_simulator       *simulator = wf_simulator_create(network, &config, why, sizeof why);
  WF_CHECK(simulator, "%s", why);
  if (!simulator) return NULL;
  int32_t       *counts = wf_calloc((size_t)n * (size_t)wf_simulator_n_counts(simulator), sizeof *counts);
  wf_ssa_failure failure;
  for (int i = 0; i < n; i += BATCH) {
    const wf_ssa_batch batch = {
        .first = (uint64_t)i, .n_traj = n - i < BATCH ? n - i : BATCH, .counts = counts + i * wf_simulator_n_counts(simulator)};
    WF_CHECK(wf_simulator_run(simulator, &batch, &failure), "%s", failure.what);
  }
  wf_simulator_destroy(&simulator);
  return counts;
}

static void finish(wf_network *network)
{
  char why[256];
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
}

/* --- a gene that is switched on and off --- */

/* p(n) = lambda^n / n! * G(a + n) G(a + b) / (G(a) G(a + b + n)) * 1F1(a + n; a + b + n; -lambda), by Kummer's transformation. */
static double beta_poisson(int n, double a, double b, double lambda)
{
  double term = 1, sum = 1;
  for (int i = 0; i < 1000 && term > 1e-18 * sum; i++) sum += term *= (b + i) / (a + b + n + i) * lambda / (i + 1);
  return sum * exp(n * log(lambda) - lambda - lgamma(n + 1.0) + lgamma(a + n) + lgamma(a + b) - lgamma(a) - lgamma(a + b + n));
}

static void check_gene(void)
{
  enum { N = 40000, CELLS = 80 };
  const double on = 0.5, off = 0.8, made = 20;
  double       p[CELLS], wrong[CELLS];
  wf_network  *network = wf_network_create("gene");
  wf_network_add_species(network, "silent", 1, true);
  wf_network_add_species(network, "active", 0, true);
  wf_network_add_species(network, "M", 0, true);
  wf_network_add_equation(network, "silent -> active", on, 0, 0);
  wf_network_add_equation(network, "active -> silent", off, 0, 0);
  wf_network_add_equation(network, "active -> active + M", made, 0, 0);
  wf_network_add_equation(network, "M -> 0", 1, 0, 0);
  finish(network);
  for (int c = 0; c < CELLS; c++) p[c] = beta_poisson(c, on, off, made);
  for (int c = 0; c < CELLS; c++) wrong[c] = beta_poisson(c, on * 1.1, off, made);
  for (int m = 0; m < N_METHODS; m++) {
    double   observed[CELLS] = {0};
    int32_t *x               = simulate_states(network, methods[m].algorithm, N, 40);
    for (int i = 0; x && i < N; i++)
      if (x[3 * i + 2] < CELLS) observed[x[3 * i + 2]]++;
    double p_value = chi_square_p_value(N, CELLS, observed, p);
    fprintf(stderr, "gene, %s: p = %.3g\n", methods[m].name, p_value);
    WF_CHECK(p_value > alarm, "%s: p = %g", methods[m].name, p_value);
    WF_CHECK(chi_square_p_value(N, CELLS, observed, wrong) < alarm, "a switching rate that is off by a tenth is not seen");
    wf_free(x);
  }
  wf_network_destroy(&network);
}

/* --- 0 -> A, 0 -> B, A + B -> 0, A -> 0, B -> 0: its master equation on 0..SIDE-1 squared --- */

enum { SIDE = 40 };
static const double make_a = 4, make_b = 5, meet = 0.3, decay = 0.2, t_end = 2.5;

static PetscErrorCode add_transition(Mat generator, int a, int b, int to_a, int to_b, double rate)
{
  const PetscInt from = a * SIDE + b, to = to_a * SIDE + to_b;
  PetscFunctionBeginUser;
  if (to_a < 0 || to_b < 0 || to_a >= SIDE || to_b >= SIDE || rate == 0) PetscFunctionReturn(0); /* beyond the edge: mass 1e-9 */
  PetscCall(MatSetValue(generator, to, from, rate, ADD_VALUES));
  PetscCall(MatSetValue(generator, from, from, -rate, ADD_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode compute_derivative(TS ts, PetscReal t, Vec p, Vec derivative, void *generator)
{
  PetscFunctionBeginUser;
  PetscCall(MatMult((Mat)generator, p, derivative));
  PetscFunctionReturn(0);
}

/* p [SIDE, SIDE] at t_end from no molecules. */
static PetscErrorCode solve_master_equation(double *p)
{
  Mat                generator;
  Vec                state;
  TS                 ts;
  const PetscScalar *values;

  PetscFunctionBeginUser;
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, SIDE * SIDE, SIDE * SIDE, 6, NULL, &generator));
  for (int a = 0; a < SIDE; a++)
    for (int b = 0; b < SIDE; b++) {
      PetscCall(add_transition(generator, a, b, a + 1, b, make_a));
      PetscCall(add_transition(generator, a, b, a, b + 1, make_b));
      PetscCall(add_transition(generator, a, b, a - 1, b - 1, meet * a * b));
      PetscCall(add_transition(generator, a, b, a - 1, b, decay * a));
      PetscCall(add_transition(generator, a, b, a, b - 1, decay * b));
    }
  PetscCall(MatAssemblyBegin(generator, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(generator, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(generator, &state, NULL));
  PetscCall(VecSetValue(state, 0, 1, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(state));
  PetscCall(VecAssemblyEnd(state));
  PetscCall(TSCreate(PETSC_COMM_SELF, &ts));
  PetscCall(TSSetType(ts, TSRK));
  PetscCall(TSRKSetType(ts, TSRK5DP));
  PetscCall(TSSetRHSFunction(ts, NULL, compute_derivative, generator));
  PetscCall(TSSetTolerances(ts, 1e-12, NULL, 1e-9, NULL));
  PetscCall(TSSetTimeStep(ts, 1e-3));
  PetscCall(TSSetMaxSteps(ts, 1000000));
  PetscCall(TSSetMaxTime(ts, t_end));
  PetscCall(TSSetExactFinalTime(ts, TS_EXACTFINALTIME_MATCHSTEP));
  PetscCall(TSSolve(ts, state));
  PetscCall(VecGetArrayRead(state, &values));
  for (int i = 0; i < SIDE * SIDE; i++) p[i] = values[i];
  PetscCall(VecRestoreArrayRead(state, &values));
  PetscCall(TSDestroy(&ts));
  PetscCall(VecDestroy(&state));
  PetscCall(MatDestroy(&generator));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_meeting(void)
{
  enum { N = 100000 };
  static double p[SIDE * SIDE];
  double        mass    = 0;
  wf_network   *network = wf_network_create("meeting"), *wrong = wf_network_create("wrong");

  PetscFunctionBeginUser;
  PetscCall(solve_master_equation(p));
  for (int i = 0; i < SIDE * SIDE; i++) mass += p[i];
  WF_CHECK(fabs(mass - 1) < 1e-6, "%g", mass - 1);
  for (int w = 0; w < 2; w++) {
    wf_network *n = w ? wrong : network;
    wf_network_add_species(n, "A", 0, true);
    wf_network_add_species(n, "B", 0, true);
    wf_network_add_equation(n, "0 -> A", make_a, 0, 0);
    wf_network_add_equation(n, "0 -> B", make_b, 0, 0);
    wf_network_add_equation(n, "A + B -> 0", w ? meet * 1.05 : meet, 0, 0);
    wf_network_add_equation(n, "A -> 0", decay, 0, 0);
    wf_network_add_equation(n, "B -> 0", decay, 0, 0);
    finish(n);
  }
  for (int m = 0; m <= N_METHODS; m++) {
    static double observed[SIDE * SIDE];
    const method *how = &methods[m % N_METHODS];
    int32_t      *x   = simulate_states(m < N_METHODS ? network : wrong, how->algorithm, N, t_end);
    memset(observed, 0, sizeof observed);
    for (int i = 0; x && i < N; i++)
      if (x[2 * i] < SIDE && x[2 * i + 1] < SIDE) observed[x[2 * i] * SIDE + x[2 * i + 1]]++;
    double p_value = chi_square_p_value(N, SIDE * SIDE, observed, p);
    fprintf(stderr, "meeting%s, %s: p = %.3g\n", m < N_METHODS ? "" : " (5 % faster)", how->name, p_value);
    if (m < N_METHODS)
      WF_CHECK(p_value > alarm, "%s: p = %g", how->name, p_value);
    else
      WF_CHECK(p_value < alarm, "a rate that is off by 5 per cent is not seen: p = %g", p_value);
    wf_free(x);
  }
  wf_network_destroy(&network);
  wf_network_destroy(&wrong);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  check_gene();
  PetscCall(check_meeting());
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
