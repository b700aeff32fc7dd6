/* The stories: what each command of the program does. A stage reads and writes files of the run folder only. */
#ifndef WEIGHTFLOW_STAGES_H
#define WEIGHTFLOW_STAGES_H
#include <weightflow/run.h>

enum { WF_SOURCE_SIZE = 1200 };

/* One row of the program's command table. */
typedef struct {
  const char *name, *arguments, *summary;
  const char *groups;                   /* of parameters that the command reads: "run data simulate" */
  PetscErrorCode (*stage)(wf_run *run); /* NULL: the command opens no run folder */
} wf_command;

/* The stages. Collective on the run's communicator. What a user can mend, and damage to files, is told by wf_run_exit_code. */
PetscErrorCode wf_stage_simulate(wf_run *run);
PetscErrorCode wf_stage_import(wf_run *run);
PetscErrorCode wf_stage_pretrain(wf_run *run);
PetscErrorCode wf_stage_train(wf_run *run);
PetscErrorCode wf_stage_predict(wf_run *run);
PetscErrorCode wf_stage_evaluate(wf_run *run);
PetscErrorCode wf_stage_report(wf_run *run);

/* Command `sweep`: runs in folders of their own below run.out, one for each row of the table sweep.options and each of
   sweep.seeds, dealt to run.teams teams of ranks as they become free. work: what a run does, collective on the run. A run that
   fails is noted in <out>/sweep.tsv and the others go on; signals on any rank, run.stop_minutes and <out>/stop stop all. With
   run.dry_run only the plan is checked. *code out: 0 all complete, 3 stopped, else the worst exit code of a run. Collective on
   comm; params the same on all ranks; mistakes are added on rank 0, and settled here. */
PetscErrorCode wf_sweep_run(MPI_Comm comm, const wf_params *params, const char *command_line, PetscErrorCode (*work)(wf_run *),
                            wf_mistakes *mistakes, int *code);

/* Begin these stages, as wf_run_stage_begin: the one place that says what they are made from. */
PetscErrorCode wf_pretrain_begin(wf_run *run, bool *needed);
PetscErrorCode wf_train_begin(wf_run *run, bool *needed);

/* The second half of `import` where the file holds a fitted model of the public code (published.h): after the ensemble, its anchors
   and its flow become the products of pretrain and train. prepare, before the ensemble: the run takes the model's own parameters,
   and tells which. times [n_time] of the ensemble. why [why_size]: what is wrong with the file, empty if nothing. Collective. */
PetscErrorCode wf_import_model_prepare(wf_run *run, wf_file *file, int n_time, const double *times, char *why, size_t why_size);
PetscErrorCode wf_import_model(wf_run *run, wf_file *file, int n_time, const double *times);

/* Add all mistakes that keep `simulate` from working: the model is read and the method chosen, nothing is simulated. run_all: the
   stages after it must be able to go on. Not collective: rank 0 calls it. */
void wf_simulate_check(const wf_params *params, bool run_all, wf_mistakes *mistakes);
/* Bytes of the ensemble that `simulate` will make, about (every jump: from a few trajectories), and how many variables it has; 0
   where the model cannot be made, n_species as before. Not collective. */
double wf_simulate_guess_bytes(const wf_params *params, int *n_species);
/* A relative simulate.model is looked for in the working folder, then beside the YAML file (NULL: none), then in the folder above
   that; where it is found it becomes a whole path. Not collective. */
void wf_model_path_resolve(wf_params *params, const char *yaml);

/* Command `check`: what a batch job could trip on, without writing anything: input files open and have the right shape, the run
   folder can be made and written and fits the disk, an older run there had the same fixed parameters. Findings go to standard
   output, mistakes are added. Collective on comm; rank 0 looks, and only its mistakes count. */
PetscErrorCode wf_check_all(MPI_Comm comm, const wf_params *params, wf_mistakes *mistakes);

/* Read the parameters of a command from argv [argc], the words after it, and check them. Words that are no options are the YAML
   file and, for `import`, the data file. Where no YAML file is named and the run folder holds results of an older run, its
   parameters are taken. source [size] out: the file they came from, empty if none. Not collective: rank 0 calls it. */
void wf_command_read_params(const wf_command *command, int argc, char **argv, wf_params *params, char *source, size_t size,
                            wf_mistakes *mistakes);

/* Add a mistake for each solver whose options -wf_ts_..., -wf_tao_... it cannot work with. Not collective: rank 0 calls it. */
PetscErrorCode wf_solver_options_check(wf_mistakes *mistakes);

/* Command `digest`: reread each of the files [n], compare with its digest, print a line "digest kind verified file" on rank 0.
   What is wrong goes to standard error; *code becomes WF_EXIT_DAMAGED, or WF_EXIT_USER where a file is missing. Collective. */
PetscErrorCode wf_digest_print(MPI_Comm comm, int n, char **files, int *code);

/* Command `status`: print a line for each run folder among the words argv [argc] after the command; -watch [SECONDS] repeats it
   until none of them is running any more. Folders that are no run get a line on standard error. Returns the exit code. Not
   collective; neither MPI nor PETSc need be initialised. */
int wf_status_print(int argc, char **argv);

/* Command `collect`: bring the scores of the run folders among argv [argc] together, in the table run.out and an HDF5 file beside
   it. Runs of other programs or parameters (but run.seed, and those of collect.swept) are mistakes, unless collect.force; runs that
   are not complete are named and left out. Rank 0 works. Collective on comm. */
PetscErrorCode wf_collect_run(MPI_Comm comm, int argc, char **argv, int *code);

/* Note that a command is unknown, and the known one nearest to it. Not collective. */
void wf_command_note_unknown(const char *name, int n_commands, const wf_command *commands, wf_mistakes *mistakes);

/* Initialise PETSc with its options among argv, and without the option files that happen to lie in the home or the working folder:
   a run depends on what it was given alone. Collective on all ranks. */
PetscErrorCode wf_command_initialize(int argc, char **argv);

/* Print the mistakes on rank 0 and set *code on all ranks if there are any; rank 0's count decides. Collective on comm. */
PetscErrorCode wf_mistakes_settle(MPI_Comm comm, const wf_mistakes *mistakes, int *code);

/* Warn of options -wf_... for the run's own PETSc objects that none of them asked for: most likely misspelt. Collective. */
PetscErrorCode wf_command_log_unused(wf_run *run);

/* What a run starts with: version, precision, ranks, threads, cores, and a warning where there are more ranks than cores.
   text [size] out on rank 0. Collective on comm. */
PetscErrorCode wf_banner_text(MPI_Comm comm, char *text, size_t size);

/* The commands that only print. Not collective; neither MPI nor PETSc need be initialised. */
void wf_version_print(FILE *stream);
void wf_usage_print(FILE *stream, int n_commands, const wf_command *commands);
void wf_help_print(FILE *stream, const wf_command *command);
void wf_manual_print(FILE *stream, int n_commands, const wf_command *commands);

/* A command by name (`-version` and `--version` are `version`); NULL: there is none. Not collective. */
const wf_command *wf_command_find(const char *name, int n_commands, const wf_command *commands);

/* Do a command that only prints, and so needs no MPI; under mpiexec the first process speaks for all. Returns false where the words
   argv [argc] of the program are none of these. Not collective. */
bool wf_command_print(int argc, char **argv, int n_commands, const wf_command *commands, int *code);
#endif
