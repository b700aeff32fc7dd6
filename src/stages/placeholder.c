/* Stages that are not built yet. Weak, so that a stage takes its place by being linked; this file goes when all are there. */
#include "stages.h"

#define PLACEHOLDER(name)                                                                                                          \
  __attribute__((weak)) PetscErrorCode wf_stage_##name(wf_run *run)                                                                \
  {                                                                                                                                \
    PetscFunctionBeginUser;                                                                                                        \
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "%s: this stage is not built yet", #name));                                           \
    PetscFunctionReturn(0);                                                                                                        \
  }

PLACEHOLDER(simulate)
PLACEHOLDER(import)
PLACEHOLDER(pretrain)
PLACEHOLDER(train)
PLACEHOLDER(predict)
PLACEHOLDER(evaluate)
PLACEHOLDER(report)
