/* Stages of a run: is there work, begin, end. See run.h. */
#include <string.h>
#include <unistd.h>
#include <weightflow/clock.h>
#include "run_impl.h"

static PetscErrorCode push_log_stage(const char *name)
{
  PetscLogStage id;

  PetscFunctionBeginUser;
  PetscCall(PetscLogStageGetId(name, &id));
  if (id < 0) PetscCall(PetscLogStageRegister(name, &id));
  PetscCall(PetscLogStagePush(id));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_leave_stage(wf_run *run)
{
  PetscFunctionBeginUser;
  if (!run->stage.active) PetscFunctionReturn(0);
  wf_run_phase(run, NULL);
  wf_run_clear_bar(run);
  wf_run_flush_table(run);
  if (run->stage.table) fclose(run->stage.table);
  run->stage.table  = NULL;
  run->stage.active = false;
  PetscCall(PetscLogStagePop());
  PetscFunctionReturn(0);
}

/* Has this very run made the product of the stage at hand? */
static bool made_now(const wf_run *run)
{
  char word[WF_NAME_SIZE + 2];
  snprintf(word, sizeof(word), " %s ", run->stage.name);
  return strstr(run->made, word) != NULL;
}

static void note_made(wf_run *run)
{
  size_t length = strlen(run->made);
  if (!made_now(run)) snprintf(run->made + length, sizeof(run->made) - length, " %s ", run->stage.name);
}

/* Is the product there, whole, and what would be made now? Says in one line why not, or that there is nothing to do. */
static PetscErrorCode look_for_product(wf_run *run, bool *complete)
{
  char     path[WF_PATH_SIZE], why[WF_WHY_SIZE];
  wf_file *file;
  int      there;

  PetscFunctionBeginUser;
  *complete = false;
  wf_run_path(run, run->stage.name, run->stage.product, path, sizeof(path));
  there = run->rank == 0 && access(path, F_OK) == 0;
  PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, run->comm));
  if (!there) PetscFunctionReturn(0);
  PetscCall(wf_file_open(run->comm, path, NULL, true, &file, why, sizeof(why)));
  if (!file) {
    PetscCall(wf_run_log(run, "%s: %s: made anew", run->stage.name, why));
    PetscFunctionReturn(0);
  }
  PetscCall(wf_run_compare_origin(run, file, why, sizeof(why)));
  PetscCall(wf_file_close(&file));
  if (why[0])
    PetscCall(wf_run_log(run, "%s: made anew: %s", run->stage.name, why));
  else if (run->params.run.force && !made_now(run))
    PetscCall(wf_run_log(run, "%s: made anew, as run.force asks", run->stage.name));
  else
    *complete = true;
  if (*complete) PetscCall(wf_run_log(run, "%s: complete (%s)", run->stage.name, path));
  PetscFunctionReturn(0);
}

static void reset_stage(wf_run *run, const char *stage, const char *product, const char *groups)
{
  wf_stage *s = &run->stage;
  memset(s, 0, sizeof(*s));
  snprintf(s->name, sizeof(s->name), "%s", stage);
  snprintf(s->product, sizeof(s->product), "%s", product);
  snprintf(s->groups, sizeof(s->groups), "%s", groups ? groups : "");
  s->start           = wf_clock_seconds();
  s->last_checkpoint = s->start;
  s->resume_step     = -1;
  s->good_checkpoint = -1;
  s->phase           = -1;
  run->longest_step  = 0; /* another stage's steps have another length */
  run->last_pause    = 0;
}

static PetscErrorCode make_stage_folder(wf_run *run)
{
  char path[WF_PATH_SIZE];
  int  error = 0;

  PetscFunctionBeginUser;
  wf_run_path(run, run->stage.name, "", path, sizeof(path));
  if (run->rank == 0) error = wf_folder_make(path);
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, run->comm));
  PetscCheck(!error, run->comm, PETSC_ERR_FILE_WRITE, "cannot make the folder %s: %s", path, strerror(error));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_stage_begin(wf_run *run, const char *stage, const char *product, int n_parents, const char *const *parents,
                                  const char *groups, bool *needed)
{
  char problem[WF_WHY_SIZE];
  int  code = WF_EXIT_USER;
  bool complete;

  PetscFunctionBeginUser;
  PetscCall(wf_run_leave_stage(run));
  reset_stage(run, stage, product, groups);
  *needed = false;
  PetscCall(wf_run_read_parents(run, n_parents, parents, problem, sizeof(problem), &code));
  if (problem[0]) {
    PetscCall(wf_run_fail(run, code, "%s: %s", stage, problem));
    PetscFunctionReturn(0);
  }
  PetscCall(look_for_product(run, &complete));
  if (complete) {
    wf_run_prune_checkpoints(run, 0); /* of a run that was killed just after it had published */
    PetscFunctionReturn(0);
  }
  *needed = true;
  PetscCall(make_stage_folder(run));
  PetscCall(push_log_stage(stage));
  run->stage.active = true;
  PetscCall(wf_run_log(run, "%s: begins on %d rank%s", stage, run->size, run->size == 1 ? "" : "s"));
  wf_run_write_status(run, "running", true);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_product_create(wf_run *run, const char *kind, wf_file **file)
{
  char path[WF_PATH_SIZE];

  PetscFunctionBeginUser;
  wf_run_path(run, run->stage.name, run->stage.product, path, sizeof(path));
  PetscCall(wf_file_create(run->comm, path, kind, file));
  PetscCall(wf_run_write_origin(run, *file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_product_resume(wf_run *run, const char *kind, wf_file **file, char *why, size_t why_size)
{
  char path[WF_PATH_SIZE];

  PetscFunctionBeginUser;
  wf_run_path(run, run->stage.name, run->stage.product, path, sizeof(path));
  PetscCall(wf_file_resume(run->comm, path, kind, file, why, why_size));
  if (!*file) PetscFunctionReturn(0);
  PetscCall(wf_run_compare_origin(run, *file, why, why_size));
  if (why[0]) PetscCall(wf_file_discard(file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_stage_end(wf_run *run, wf_file **product)
{
  char digest[WF_DIGEST_SIZE], duration[48], path[WF_PATH_SIZE];

  PetscFunctionBeginUser;
  wf_run_phase(run, NULL);
  PetscCall(wf_file_publish(product, digest));
  PetscCall(wf_run_write_timers(run));
  wf_run_prune_checkpoints(run, 0);
  run->stage.checkpoint_time = 0; /* there is none any more */
  PetscCall(wf_run_log_checkpoints(run));
  wf_clock_duration(wf_clock_seconds() - run->stage.start, duration, sizeof(duration));
  wf_run_path(run, run->stage.name, run->stage.product, path, sizeof(path));
  PetscCall(wf_run_log(run, "%s: done in %s: %s, digest %s", run->stage.name, duration, path, digest));
  note_made(run);
  wf_run_write_status(run, "running", true);
  PetscCall(wf_run_leave_stage(run));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_stop(wf_run *run)
{
  PetscFunctionBeginUser;
  PetscCall(wf_run_log_checkpoints(run));
  if (run->stage.good_checkpoint >= 0)
    PetscCall(wf_run_log(run, "%s: stopped at step %lld, since %s: run the same command again to go on", run->stage.name,
                         (long long)run->stage.good_checkpoint, run->stop_reason));
  else
    PetscCall(wf_run_log(run, "%s: stopped before its first checkpoint, since %s: run the same command again", run->stage.name,
                         run->stop_reason));
  run->exit_code = WF_EXIT_STOPPED;
  wf_run_write_status(run, "stopped", true);
  PetscCall(wf_run_leave_stage(run));
  PetscFunctionReturn(0);
}
