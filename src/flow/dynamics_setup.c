/* Creation of a flow's solvers, and what options of PETSc they can work with. See dynamics.h. */
#include <string.h>
#include <weightflow/base.h>
#include "dynamics_impl.h"

enum { ADAPTIVE_MAX_STEPS = 1 << 20 };

static PetscErrorCode register_three_eighths_rule(void)
{
  static bool     done;
  const PetscReal a[16] = {0, 0, 0, 0, 1. / 3, 0, 0, 0, -1. / 3, 1, 0, 0, 1, -1, 1, 0}, b[4] = {.125, .375, .375, .125};

  PetscFunctionBeginUser;
  if (!done) PetscCall(TSRKRegister("38", 4, 4, a, b, NULL, NULL, 0, NULL)); /* Kutta 1901 */
  done = true;
  PetscFunctionReturn(0);
}

/* TSAdjoint of PETSc 3.18 gives a wrong gradient by the parameters where a weight b_i is zero (but for a last stage that is the
 * next step's first). */
static PetscErrorCode find_zero_weight(TS ts, bool *has_zero)
{
  PetscInt         s;
  const PetscReal *b;
  PetscBool        fsal;

  PetscFunctionBeginUser;
  *has_zero = false;
  PetscCall(TSRKGetTableau(ts, &s, NULL, &b, NULL, NULL, NULL, NULL, &fsal));
  for (PetscInt i = 0; i < s - (fsal ? 1 : 0); i++) *has_zero = *has_zero || b[i] == 0;
  PetscFunctionReturn(0);
}

static const char SCHEMES[] = "use 4, 38, 3, 3bs, 2a or 1fe";

/* The last guard: callers that asked wf_dynamics_check_options never meet it. */
static PetscErrorCode refuse_unsafe_scheme(TS ts)
{
  PetscBool is_rk;
  TSRKType  type;
  bool      has_zero;

  PetscFunctionBeginUser;
  PetscCall(PetscObjectTypeCompare((PetscObject)ts, TSRK, &is_rk));
  PetscCheck(is_rk, PETSC_COMM_SELF, PETSC_ERR_SUP, "-wf_ts_type: only rk (explicit Runge-Kutta) is supported");
  PetscCall(TSRKGetType(ts, &type));
  PetscCall(find_zero_weight(ts, &has_zero));
  PetscCheck(!has_zero, PETSC_COMM_SELF, PETSC_ERR_SUP,
             "-wf_ts_rk_type %s: a scheme with a zero weight has no right discrete adjoint here; %s", type, SCHEMES);
  PetscFunctionReturn(0);
}

static PetscErrorCode create_vectors_and_shells(wf_dynamics *d)
{
  PetscInt n = d->n_param + 1, m = d->n_phi;

  PetscFunctionBeginUser;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, &d->state));
  PetscCall(VecDuplicate(d->state, &d->lambda));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, m, &d->mu));
  PetscCall(MatCreateShell(PETSC_COMM_SELF, n, n, n, n, d, &d->jacobian));
  PetscCall(MatCreateShell(PETSC_COMM_SELF, n, m, n, m, d, &d->jacobian_p));
  PetscCall(wf_dynamics_attach_shells(d));
  PetscCall(MatSetUp(d->jacobian));
  PetscCall(MatSetUp(d->jacobian_p));
  PetscFunctionReturn(0);
}

static PetscErrorCode create_solver(wf_dynamics *d, TS *solver, TSAdapt *adapt)
{
  TS ts;

  PetscFunctionBeginUser;
  PetscCall(TSCreate(PETSC_COMM_SELF, &ts));
  PetscCall(TSSetOptionsPrefix(ts, "wf_"));
  PetscCall(TSSetProblemType(ts, TS_NONLINEAR));
  PetscCall(TSSetType(ts, TSRK));
  PetscCall(TSRKSetType(ts, TSRK4));
  PetscCall(TSGetAdapt(ts, adapt));
  PetscCall(TSAdaptSetType(*adapt, TSADAPTNONE));
  PetscCall(wf_dynamics_attach_solver(d, ts));
  PetscCall(TSSetFromOptions(ts));
  PetscCall(refuse_unsafe_scheme(ts));
  *solver = ts;
  PetscFunctionReturn(0);
}

/* Our own discrete adjoint unless -wf_adjoint ts asks for TSAdjoint, or the scheme shares a stage between steps (FSAL). */
static PetscErrorCode choose_adjoint(wf_dynamics *d)
{
  const char *const choices[] = {"own", "ts"};
  PetscInt          choice    = 0;
  PetscBool         fsal;

  PetscFunctionBeginUser;
  PetscCall(TSRKGetTableau(d->ts, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &fsal));
  PetscOptionsBegin(PETSC_COMM_SELF, "wf_", "Adjoint of the flow", "TS");
  PetscCall(PetscOptionsEList("-adjoint", "discrete adjoint: our own, or PETSc's TSAdjoint", NULL, choices, 2, choices[0], &choice,
                              NULL));
  PetscOptionsEnd();
  d->own_adjoint = choice == 0 && !fsal;
  PetscFunctionReturn(0);
}

/* Two solvers: one takes given steps and can be differentiated; where the options ask for adaptive steps, another chooses them. (A
   TS that was once given a time span cannot be made to forget it.) */
static PetscErrorCode create_solvers(wf_dynamics *d)
{
  TSAdapt   adapt;
  PetscBool none;

  PetscFunctionBeginUser;
  PetscCall(register_three_eighths_rule());
  PetscCall(create_solver(d, &d->ts, &adapt));
  PetscCall(PetscObjectTypeCompare((PetscObject)adapt, TSADAPTNONE, &none));
  if (!none) {
    PetscCall(TSAdaptSetType(adapt, TSADAPTNONE));
    PetscCall(create_solver(d, &d->chooser, &adapt));
    PetscCall(TSSetExactFinalTime(d->chooser, TS_EXACTFINALTIME_MATCHSTEP));
    PetscCall(TSSetMaxSteps(d->chooser, ADAPTIVE_MAX_STEPS));
  }
  /* The number of steps ends a solve with given steps. */
  PetscCall(TSSetExactFinalTime(d->ts, TS_EXACTFINALTIME_STEPOVER));
  PetscCall(choose_adjoint(d));
  PetscFunctionReturn(0);
}

/* "" or one line on the first of the options that name a method. */
static PetscErrorCode check_methods(char *why, size_t why_size)
{
  static const char *const adapt_types[] = {TSADAPTNONE, TSADAPTBASIC, TSADAPTDSP};
  char                     text[128];
  bool                     has_zero, known = false;
  PetscBool                set;
  TS                       ts;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetString(NULL, "wf_", "-ts_type", text, sizeof text, &set));
  if (set && strcmp(text, TSRK)) snprintf(why, why_size, "-wf_ts_type %s: only rk (explicit Runge-Kutta) is supported", text);
  PetscCall(PetscOptionsGetString(NULL, "wf_", "-ts_adapt_type", text, sizeof text, &set));
  for (size_t i = 0; i < sizeof adapt_types / sizeof *adapt_types; i++) known = known || !strcmp(text, adapt_types[i]);
  if (!why[0] && set && !known) snprintf(why, why_size, "-wf_ts_adapt_type %s: use none, basic or dsp", text);
  PetscCall(PetscOptionsGetString(NULL, "wf_", "-ts_rk_type", text, sizeof text, &set));
  if (why[0] || !set) PetscFunctionReturn(0);
  PetscCall(TSCreate(PETSC_COMM_SELF, &ts));
  PetscCall(TSSetType(ts, TSRK));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  known = TSRKSetType(ts, text) == 0;
  PetscCall(PetscPopErrorHandler());
  if (!known) snprintf(why, why_size, "-wf_ts_rk_type %s: unknown scheme: %s", text, SCHEMES);
  else {
    PetscCall(find_zero_weight(ts, &has_zero));
    if (has_zero)
      snprintf(why, why_size, "-wf_ts_rk_type %s: a scheme with a zero weight has no right discrete adjoint here: %s", text,
               SCHEMES);
  }
  PetscCall(TSDestroy(&ts));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_check_options(char *why, size_t why_size)
{
  wf_dynamics no_dynamics = {0};
  TS          ts          = NULL;
  TSAdapt     adapt;

  PetscFunctionBeginUser;
  why[0] = '\0';
  PetscCall(register_three_eighths_rule());
  PetscCall(check_methods(why, why_size));
  if (why[0]) PetscFunctionReturn(0);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL)); /* an error is what is asked for */
  bool accepted = create_solver(&no_dynamics, &ts, &adapt) == 0;
  PetscCall(PetscPopErrorHandler());
  if (!accepted) snprintf(why, why_size, "-wf_ts_...: PETSc does not accept the value of one of these options");
  PetscCall(TSDestroy(&ts));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_create(const wf_hypernet *net, int n_param, const wf_path *path, const wf_spline *interpolant,
                                  wf_dynamics **dynamics)
{
  wf_dynamics *d;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&d));
  *d = (wf_dynamics){.net = net, .path = path, .interpolant = interpolant, .n_param = n_param, .n_phi = wf_hypernet_n_phi(net)};
  d->n_control = path ? wf_path_n_control(path) : 1;
  d->velocity  = wf_calloc((size_t)n_param, sizeof(double));
  d->cotangent = wf_calloc((size_t)n_param + 1, sizeof(double));
  d->dz        = wf_calloc((size_t)d->n_control, sizeof(double));
  d->g_bar     = wf_calloc((size_t)n_param * d->n_control, sizeof(wf_real));
  d->theta_bar = wf_calloc((size_t)n_param, sizeof(wf_real));
  d->phi_bar   = wf_calloc((size_t)d->n_phi, sizeof(wf_real));
  bool ok      = d->velocity && d->cotangent && d->dz && d->g_bar && d->theta_bar && d->phi_bar;
  PetscCheck(ok && wf_evaluation_create(d, &d->scratch), PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the flow of %d weights",
             n_param);
  PetscCall(create_vectors_and_shells(d));
  PetscCall(create_solvers(d));
  *dynamics = d;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_dynamics_destroy(wf_dynamics **dynamics)
{
  wf_dynamics *d = *dynamics;

  PetscFunctionBeginUser;
  if (!d) PetscFunctionReturn(0);
  PetscCall(TSDestroy(&d->ts));
  PetscCall(TSDestroy(&d->chooser));
  PetscCall(MatDestroy(&d->jacobian));
  PetscCall(MatDestroy(&d->jacobian_p));
  PetscCall(VecDestroy(&d->state));
  PetscCall(VecDestroy(&d->lambda));
  PetscCall(VecDestroy(&d->mu));
  for (int i = 0; i < d->shelf_size; i++) wf_evaluation_destroy(&d->shelf[i]);
  wf_evaluation_destroy(&d->scratch);
  void *memory[] = {d->shelf,   d->velocity,  d->cotangent,    d->dz,          d->g_bar,    d->theta_bar,
                    d->phi_bar, d->stop_step, d->step_lengths, d->stage_theta, d->stage_tau};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) wf_free(memory[i]);
  PetscCall(PetscFree(d->recorded));
  PetscCall(PetscFree(*dynamics));
  PetscFunctionReturn(0);
}
