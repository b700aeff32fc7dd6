/* What the files run*.c share about a run. */
#ifndef WEIGHTFLOW_IO_RUN_IMPL_H
#define WEIGHTFLOW_IO_RUN_IMPL_H
#include <stdio.h>
#include <weightflow/run.h>
#include "file_impl.h"

enum { WF_MAX_PARENTS = 16, WF_MAX_PHASES = 32, WF_NAME_SIZE = 64, WF_LINE_SIZE = 1024 };

typedef struct {
  char   name[WF_NAME_SIZE];
  double seconds;
  double calls;
  int    event; /* of PETSc's log */
} wf_phase;

typedef struct {
  bool    active;
  char    name[WF_NAME_SIZE], product[WF_NAME_SIZE], groups[WF_LINE_SIZE];
  double  start;
  int     n_parents;
  char    parent_name[WF_MAX_PARENTS][WF_PATH_SIZE], parent_digest[WF_MAX_PARENTS][WF_DIGEST_SIZE];
  int64_t resume_step; /* of the checkpoint that was opened; -1: none */
  /* checkpoints: rank 0's clock */
  double  last_checkpoint, checkpoint_begin, checkpoint_cost, checkpoint_total, checkpoint_line; /* seconds; line: of the log */
  int64_t n_checkpoints, checkpoint_bytes, checkpoint_time; /* of the good one: size, seconds since 1970 */
  int64_t checkpoint_step, good_checkpoint; /* being written; last one that is safe, -1: none */
  /* progress: rank 0 */
  int64_t first_done, done, total;
  double  last_line, last_status;
  int     last_tenth;
  char    note[256];
  /* table: rank 0 */
  FILE   *table;
  bool    table_failed;
  /* phases: each rank for itself */
  int      n_phases, phase;
  double   phase_begin;
  wf_phase phases[WF_MAX_PHASES];
} wf_stage;

struct wf_run {
  MPI_Comm  comm;
  int       rank, size, exit_code;
  wf_params params;
  char     *command_line, out[WF_PARAM_TEXT_SIZE];
  FILE     *log;
  bool      terminal, bar_shown, stopping, quiet;
  double    start, limit_start, last_look, last_pause, longest_step, known_cost; /* known_cost: of an earlier stage's checkpoint */
  char      job_stop_file[WF_PATH_SIZE];                            /* "": none but the run's own */
  char      stop_reason[128];
  char      made[WF_LINE_SIZE]; /* " stage stage ": whose products this run has made */
  wf_stage  stage;
};

/* Replace a small text file as a whole: write the text to PATH.tmp, rename. Failures are ignored: these files only inform. */
void wf_text_replace(const char *path, const char *text);

/* Write /parameters and the parents into a product or checkpoint. Collective. */
PetscErrorCode wf_run_write_origin(wf_run *run, wf_file *file);
/* Compare a file's /parameters and parents with the stage at hand: "" or the first difference, on all ranks. Collective. */
PetscErrorCode wf_run_compare_origin(wf_run *run, wf_file *file, char *difference, size_t size);
/* Find the digests of the stage's parents; problem = "" or why one of them cannot be used, code 2 or 4. Collective. */
PetscErrorCode wf_run_read_parents(wf_run *run, int n_parents, const char *const *parents, char *problem, size_t size, int *code);

/* Leave the stage: close its table, take the progress bar off, pop the log stage. Collective. */
PetscErrorCode wf_run_leave_stage(wf_run *run);
/* Seconds that the stage still needs, negative if it cannot be told yet. Not collective. */
double wf_run_remaining(const wf_run *run);
/* status.txt, at most every few seconds unless now is true. Rank 0 only has an effect. Not collective. */
void wf_run_write_status(wf_run *run, const char *state, bool now);
/* Take the progress bar off the terminal. Not collective. */
void wf_run_clear_bar(wf_run *run);
/* Reduce the phases over ranks and write <stage>/timers.txt. Collective. */
PetscErrorCode wf_run_write_timers(wf_run *run);
/* Put the table's rows on disk. Not collective. */
void wf_run_flush_table(wf_run *run);
/* A line about what the stage's checkpoints cost, if there were any. Not collective; rank 0 only has an effect. */
PetscErrorCode wf_run_log_checkpoints(wf_run *run);
/* Remove all checkpoints of the stage but the newest `keep`. Rank 0 only has an effect. Not collective. */
void wf_run_prune_checkpoints(wf_run *run, int keep);
#endif
