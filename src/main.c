/* weightflow: the command table. A user's mistake ends the program with exit code 2 before any work, on any number of ranks. */
#include <stdio.h>
#include <string.h>
#include <weightflow/blas.h>
#include "stages/stages.h"

/* All stages in their order; what is complete is skipped by the stage itself. */
static PetscErrorCode run_all_stages(wf_run *run)
{
  bool imports                               = *wf_run_params(run)->data.file;
  PetscErrorCode (*const stages[])(wf_run *) = {imports ? wf_stage_import : wf_stage_simulate,
                                                wf_stage_pretrain,
                                                wf_stage_train,
                                                wf_stage_predict,
                                                wf_stage_evaluate,
                                                wf_stage_report};
  PetscFunctionBeginUser;
  for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !wf_run_exit_code(run); i++) PetscCall(stages[i](run));
  PetscFunctionReturn(0);
}

#define ALL_GROUPS "run data simulate pretrain train predict evaluate report"
#define YAML "[PARAMETERS.yaml] [-OPTION VALUE]..."
static const wf_command commands[] = {
    {"run", YAML, "all stages, from simulate (or import, with -data_file) to report", ALL_GROUPS, run_all_stages},
    {"simulate", YAML, "simulate an ensemble of trajectories", "run simulate", wf_stage_simulate},
    {"import", "FILE.{npy,h5} " YAML, "import an ensemble in place of simulating one", "run data", wf_stage_import},
    {"pretrain", YAML, "fit the density of each observed snapshot", "run data pretrain", wf_stage_pretrain},
    {"train", YAML, "learn how the weights of the densities evolve", "run data train", wf_stage_train},
    {"predict", YAML, "densities, samples and tails at any time", "run data predict", wf_stage_predict},
    {"evaluate", YAML, "score the prediction, with noise floors and baselines", "run data evaluate", wf_stage_evaluate},
    {"report", YAML, "write the report from the files of a run", "run report", wf_stage_report},
    {"check", YAML, "check parameters, files, folder and disk; write nothing", ALL_GROUPS, NULL},
    {"params", YAML, "print all parameters in force as commented YAML", ALL_GROUPS, NULL},
    {"digest", "FILE.h5...", "print digests of files of a run, verified: exit code 4 where one is damaged", "", NULL},
    {"sweep", YAML, "runs for several seeds and rows of a table, by teams of ranks", ALL_GROUPS " sweep", NULL},
    {"collect", "DIR... -out FILE.tsv [-OPTION VALUE]...", "mean and spread of the scores of several runs", "collect", NULL},
    {"status", "DIR... [-watch [SECONDS]]", "how runs are getting on, a line each", "", NULL},
    {"help", "[COMMAND | man]", "explain a command and its parameters, or print the manual page", "", NULL},
    {"version", "", "print the versions of the program and its libraries", "", NULL},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static PetscErrorCode run_stage(const wf_command *command, const wf_params *params, const char *source, const char *line, int *code)
{
  wf_mistakes *mistakes     = wf_mistakes_create();
  wf_run      *run          = NULL;
  char         banner[1024] = "";
  PetscFunctionBeginUser;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, params, line, mistakes, &run));
  PetscCall(wf_mistakes_settle(PETSC_COMM_WORLD, mistakes, code));
  wf_mistakes_destroy(&mistakes);
  if (!*code) {
    PetscCall(wf_banner_text(PETSC_COMM_WORLD, banner, sizeof banner));
    PetscCall(wf_run_log(run, "%s", banner));
    if (*source) PetscCall(wf_run_log(run, "parameters from %s", source));
    PetscCall(command->stage(run));
    PetscCall(wf_command_log_unused(run));
    *code = wf_run_exit_code(run);
  }
  PetscCall(wf_run_destroy(&run));
  PetscFunctionReturn(0);
}

/* Read the parameters on rank 0, settle all mistakes, then do the command's work. */
static PetscErrorCode run_command(int argc, char **argv, int *code)
{
  static wf_params  params;
  const wf_command *command                = wf_command_find(argv[1], N_COMMANDS, commands);
  wf_mistakes      *mistakes               = wf_mistakes_create();
  char              source[WF_SOURCE_SIZE] = "";
  char              line[4096]             = "";
  int               rank;
  PetscFunctionBeginUser;
  for (int i = 0; i < argc; i++) snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", i ? " " : "", argv[i]);
  PetscCheck(mistakes, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory to begin with");
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!command || !strcmp(command->name, "help"))
    wf_command_note_unknown(argv[command ? 2 : 1], N_COMMANDS, commands, mistakes);
  else if (rank == 0) {
    wf_command_read_params(command, argc - 2, argv + 2, &params, source, sizeof source, mistakes);
    PetscCall(wf_solver_options_check(mistakes));
  }
  PetscCall(wf_mistakes_settle(PETSC_COMM_WORLD, mistakes, code));
  if (!*code) {
    PetscCall(wf_params_broadcast(PETSC_COMM_WORLD, &params));
    PetscCallMPI(MPI_Bcast(source, sizeof source, MPI_CHAR, 0, PETSC_COMM_WORLD));
    if (!strcmp(command->name, "params")) {
      if (rank == 0) wf_params_write_yaml(&params, stdout);
    } else if (!strcmp(command->name, "sweep"))
      PetscCall(wf_sweep_run(PETSC_COMM_WORLD, &params, line, run_all_stages, mistakes, code));
    else if (!command->stage || params.run.dry_run) {
      PetscCall(wf_check_all(PETSC_COMM_WORLD, &params, mistakes));
      PetscCall(wf_mistakes_settle(PETSC_COMM_WORLD, mistakes, code));
    } else
      PetscCall(run_stage(command, &params, source, line, code));
  }
  wf_mistakes_destroy(&mistakes);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  int code = 0;
  PetscFunctionBeginUser;
  if (wf_command_print(argc, argv, N_COMMANDS, commands, &code)) return code;
  PetscCall(wf_command_initialize(argc, argv));
  wf_blas_use_one_thread();
  if (!strcmp(argv[1], "digest"))
    PetscCall(wf_digest_print(PETSC_COMM_WORLD, argc - 2, argv + 2, &code));
  else if (!strcmp(argv[1], "collect"))
    PetscCall(wf_collect_run(PETSC_COMM_WORLD, argc - 2, argv + 2, &code));
  else
    PetscCall(run_command(argc, argv, &code));
  PetscCall(PetscFinalize());
  return code;
}
