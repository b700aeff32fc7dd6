/* A run: its folder, parameters, log, progress, checkpoints and the wish to stop. Everything here is collective on the run's
   communicator unless it says otherwise.

   A stage looks like this:
     wf_run_stage_begin(run, "pretrain", &needed)         skip if complete; else open its folder, log "pretrain ..."
     wf_run_checkpoint_open(run, &checkpoint, &step)      NULL: start from the beginning
     for (step...) {
       work
       wf_run_progress(run, step, n_steps, "loss %.4f", loss)
       wf_run_pause(run, &pause)                          collective decision, same on all ranks
       if (pause.checkpoint) { wf_run_checkpoint_create(run, step, &file); wf_file_write...; wf_run_checkpoint_publish(run, &file) }
       if (pause.stop) return through wf_run_stop
     }
     wf_run_product_create(run, "anchors.h5", "anchors", &file) ... wf_run_stage_end(run, &file)
*/
#ifndef WEIGHTFLOW_RUN_H
#define WEIGHTFLOW_RUN_H
#include <weightflow/io.h>
#include <weightflow/params.h>

typedef struct wf_run wf_run;

/* Exit codes of the program. */
enum { WF_EXIT_COMPLETE = 0, WF_EXIT_USER = 2, WF_EXIT_STOPPED = 3, WF_EXIT_DAMAGED = 4 };

/* Make a folder and those above it; 0 or an errno. Not collective. */
int wf_folder_make(const char *path);

/* Open (or make) the run folder params->run.out: log, used_parameters.yaml, signal handlers (USR1, TERM, INT: stop cleanly).
   A folder that cannot be written, or in which another run is at work, is a mistake: it is added on all ranks, where mistakes is
   not NULL, and *run = NULL. Other fixed parameters than an older run's are none: stages decide one by one what must be made anew.
   With run.dry_run nothing is made. params is copied; command_line is for provenance. */
PetscErrorCode wf_run_create(MPI_Comm comm, const wf_params *params, const char *command_line, wf_mistakes *mistakes, wf_run **run);
PetscErrorCode wf_run_destroy(wf_run **run);

/* Take other parameters, which a stage found in its input (a fitted model brings its own), and write used_parameters.yaml anew.
   run.out stays. Collective; the same on all ranks. */
PetscErrorCode wf_run_adapt(wf_run *run, const wf_params *params);

/* The run is one of several of a job that began at `start` (wf_clock_seconds): run.stop_minutes count from there, the file
   stop_file, which is left alone, asks it to stop as <out>/stop does, and its words go to its log only. Not collective; the same
   on all ranks. */
void wf_run_join_job(wf_run *run, double start, const char *stop_file);

MPI_Comm         wf_run_comm(const wf_run *run);
const wf_params *wf_run_params(const wf_run *run);
int              wf_run_rank(const wf_run *run);
int              wf_run_size(const wf_run *run);
uint64_t         wf_run_seed(const wf_run *run);

/* Path of a file in a stage's folder ("" = the run folder itself): <out>/<stage>/<name>. Not collective. */
void wf_run_path(const wf_run *run, const char *stage, const char *name, char *path, size_t size);

/* One line to the log file and, on rank 0, to the screen. */
PetscErrorCode wf_run_log(wf_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Begin a stage with product file `product` ("anchors.h5"). parents [n_parents]: the product paths it is made from, relative to
   the run folder ("simulate/ensemble.h5"); *needed is false (and one line is logged) where the product is complete and was made
   from the same parents (by digest) and the same fixed parameters of `groups` ("data pretrain", or single ones: "data.observed
   pretrain"), run.seed always included and paths of the groups data and simulate never (their contents count, as parents).
   Besides products, a parent may be "file:PATH", any file outside the run folder, by its bytes, or "value:TEXT", a setting. A
   damaged product is named and made anew. run.force makes it anew all the same, unless this command made it already (an import
   may bring later stages' products too). A missing or damaged parent is a user mistake: logged, *needed = false, and
   wf_run_exit_code becomes 2 or 4. */
PetscErrorCode wf_run_stage_begin(wf_run *run, const char *stage, const char *product, int n_parents, const char *const *parents,
                                  const char *groups, bool *needed);
/* Create the stage's product file; provenance, parameters and parents' digests are written by this call. */
PetscErrorCode wf_run_product_create(wf_run *run, const char *kind, wf_file **file);
/* Take up the product that a killed run left half written, see wf_file_resume; *file = NULL and a line in why [why_size] where
   there is none, or it was made from other parents or parameters. */
PetscErrorCode wf_run_product_resume(wf_run *run, const char *kind, wf_file **file, char *why, size_t why_size);
/* Publish the product, remove the stage's checkpoints, log time and digest, write timers.txt and status.txt. */
PetscErrorCode wf_run_stage_end(wf_run *run, wf_file **product);
/* End a stage early after a checkpoint: logs how to resume; wf_run_exit_code becomes 3. */
PetscErrorCode wf_run_stop(wf_run *run);
/* End a stage for a reason found in the data or the numbers (exit code `code`, 2 or 4): one line is logged. */
PetscErrorCode wf_run_fail(wf_run *run, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int            wf_run_exit_code(const wf_run *run); /* of what has happened so far; not collective */

/* What to do between two steps. Rank 0's clock, the stop file `<out>/stop`, signals on any rank and run.stop_minutes decide. The
   time limit is met with a margin of twice the last checkpoint's cost and twice the longest step; checkpoints are due every
   run.checkpoint_minutes, or less often where they would take more than one part in a hundred of the time. */
typedef struct { bool checkpoint, stop; } wf_pause;
PetscErrorCode wf_run_pause(wf_run *run, wf_pause *pause);

/* Checkpoints of the current stage: <stage>/ckpt/step_<n>.h5, last two kept, each with digest. Open gives the newest undamaged one
   (a damaged one is named in the log and the one before is used), *file = NULL where there is none. Close it with wf_file_close. */
PetscErrorCode wf_run_checkpoint_open(wf_run *run, wf_file **file, int64_t *step);
PetscErrorCode wf_run_checkpoint_create(wf_run *run, int64_t step, wf_file **file);
PetscErrorCode wf_run_checkpoint_publish(wf_run *run, wf_file **file);

/* Progress of the current stage: a bar with time left on a terminal, sparse lines in a batch log; also status.txt. */
PetscErrorCode wf_run_progress(wf_run *run, int64_t done, int64_t total, const char *format, ...)
  __attribute__((format(printf, 4, 5)));

/* Time a phase of the current stage by name (literals; NULL: between phases); phases do not nest. Not collective; reduced over
   ranks at stage_end. It is also an event of PETSc's log, inside the log stage that bears the stage's name (-log_view): for that,
   ranks should come to new phases in the same order. */
void wf_run_phase(wf_run *run, const char *name);

/* A row of <stage>/steps.txt: `columns` once ("iteration loss energy"), then values [n]. On resume the table is cut back to the
   checkpoint's step before rows are appended; the first column must be the step. Call it on all ranks; rank 0 writes. */
PetscErrorCode wf_run_table_row(wf_run *run, const char *columns, int n, const double *values);
#endif
