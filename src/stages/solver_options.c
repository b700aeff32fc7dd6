/* Options of PETSc's solvers (-wf_ts_..., -wf_tao_...), tried before any work is done: a mistake there is the user's, and PETSc's
   own traceback, hours later, would not say so. */
#include <petsctao.h>
#include <string.h>
#include <weightflow/dynamics.h>
#include "stages.h"

/* Those that need no more than values and gradients. */
static const char *const TAO_TYPES[] = {TAOLMVM, TAOBLMVM, TAOBQNLS, TAOCG, TAOBNCG};

static bool is_usable_tao_type(const char *type)
{
  for (size_t i = 0; i < sizeof TAO_TYPES / sizeof *TAO_TYPES; i++)
    if (!strcmp(type, TAO_TYPES[i])) return true;
  return false;
}

/* Sets *tao, so that it can be destroyed whatever went wrong. */
static PetscErrorCode try_tao(Tao *tao)
{
  PetscFunctionBeginUser;
  PetscCall(TaoCreate(PETSC_COMM_SELF, tao));
  PetscCall(TaoSetOptionsPrefix(*tao, "wf_"));
  PetscCall(TaoSetType(*tao, TAOLMVM));
  PetscCall(TaoSetFromOptions(*tao));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_tao_options(wf_mistakes *mistakes)
{
  char      text[128];
  PetscBool set;
  Tao       tao = NULL;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetString(NULL, "wf_", "-tao_type", text, sizeof text, &set));
  if (set && !is_usable_tao_type(text)) {
    wf_mistakes_add(mistakes, "command line: -wf_tao_type %s: use lmvm, blmvm, bqnls, cg or bncg", text);
    PetscFunctionReturn(0);
  }
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL)); /* an error is what is asked for */
  bool accepted = try_tao(&tao) == 0;
  PetscCall(PetscPopErrorHandler());
  if (!accepted) wf_mistakes_add(mistakes, "command line: -wf_tao_...: PETSc does not accept the value of one of these options");
  PetscCall(TaoDestroy(&tao));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_solver_options_check(wf_mistakes *mistakes)
{
  char why[512];

  PetscFunctionBeginUser;
  PetscCall(wf_dynamics_check_options(why, sizeof why));
  if (why[0]) wf_mistakes_add(mistakes, "command line: %s", why);
  PetscCall(check_tao_options(mistakes));
  PetscFunctionReturn(0);
}
