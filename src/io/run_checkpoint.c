/* Checkpoints: <stage>/ckpt/step_<n>.h5, the last two. A checkpoint that cannot be written costs nothing but itself. See run.h. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weightflow/clock.h>
#include "run_impl.h"

enum { KEPT = 2, MAX_LISTED = 64 };
static const double LINE_SECONDS = 30; /* between two lines about checkpoints */

static void name_checkpoint(const wf_run *run, int64_t step, char *path, size_t size)
{
  char name[WF_NAME_SIZE];
  snprintf(name, sizeof(name), "ckpt/step_%lld.h5", (long long)step);
  wf_run_path(run, run->stage.name, name, path, size);
}

static int compare_descending(const void *a, const void *b)
{
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

/* Rank 0: steps of the checkpoints that are there, newest first; leftovers of killed writers are swept away. */
static int list_checkpoints(const wf_run *run, int64_t steps[MAX_LISTED])
{
  char           folder[WF_PATH_SIZE], path[WF_PATH_SIZE + 300];
  int            n = 0;
  struct dirent *entry;
  wf_run_path(run, run->stage.name, "ckpt", folder, sizeof(folder));
  DIR *directory = opendir(folder);
  while (directory && (entry = readdir(directory))) {
    long long step;
    int       length = 0;
    if (sscanf(entry->d_name, "step_%lld.h5%n", &step, &length) != 1 || !length) continue;
    if (strcmp(entry->d_name + length, ".part") == 0) {
      snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
      unlink(path);
    } else if (entry->d_name[length] == '\0' && n < MAX_LISTED)
      steps[n++] = step;
  }
  if (directory) closedir(directory);
  qsort(steps, (size_t)n, sizeof(*steps), compare_descending);
  return n;
}

void wf_run_prune_checkpoints(wf_run *run, int keep)
{
  int64_t steps[MAX_LISTED];
  char    path[WF_PATH_SIZE];
  if (run->rank != 0) return;
  int n = list_checkpoints(run, steps);
  for (int i = 0, kept = 0; i < n; i++) {
    /* those of a run that went further, and were not used, must not count as the newest */
    bool beyond = keep > 0 && steps[i] > run->stage.good_checkpoint;
    if (!beyond && kept < keep) {
      kept++;
      continue;
    }
    name_checkpoint(run, steps[i], path, sizeof(path));
    unlink(path);
  }
  if (keep == 0) {
    wf_run_path(run, run->stage.name, "ckpt", path, sizeof(path));
    rmdir(path);
  }
}

/* Rank 0: size and age of the checkpoint of this step. */
static void note_checkpoint(wf_run *run, int64_t step)
{
  char        path[WF_PATH_SIZE];
  struct stat status;
  name_checkpoint(run, step, path, sizeof(path));
  if (run->rank != 0 || stat(path, &status)) return;
  run->stage.checkpoint_bytes = status.st_size;
  run->stage.checkpoint_time  = status.st_mtime;
}

/* *file = NULL and a line in the log if this one cannot be used. */
static PetscErrorCode try_checkpoint(wf_run *run, int64_t step, wf_file **file)
{
  char    path[WF_PATH_SIZE], why[WF_WHY_SIZE];
  bool    found;
  int64_t stored = -1;

  PetscFunctionBeginUser;
  name_checkpoint(run, step, path, sizeof(path));
  PetscCall(wf_file_open(run->comm, path, "checkpoint", true, file, why, sizeof(why)));
  if (!*file) {
    PetscCall(wf_run_log(run, "%s: checkpoint not used: %s", run->stage.name, why));
    PetscFunctionReturn(0);
  }
  PetscCall(wf_run_compare_origin(run, *file, why, sizeof(why)));
  PetscCall(wf_file_read_attribute_int(*file, "/", "step", &stored, &found));
  if (!why[0] && stored != step) snprintf(why, sizeof(why), "it is of step %lld", (long long)stored);
  if (!why[0]) PetscFunctionReturn(0);
  PetscCall(wf_run_log(run, "%s: checkpoint of step %lld not used: %s", run->stage.name, (long long)step, why));
  PetscCall(wf_file_close(file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_checkpoint_open(wf_run *run, wf_file **file, int64_t *step)
{
  int64_t steps[MAX_LISTED];
  int     n = 0;

  PetscFunctionBeginUser;
  *file = NULL;
  if (run->rank == 0) n = list_checkpoints(run, steps);
  PetscCallMPI(MPI_Bcast(&n, 1, MPI_INT, 0, run->comm));
  PetscCallMPI(MPI_Bcast(steps, n, MPI_INT64_T, 0, run->comm));
  for (int i = 0; i < n && !*file; i++) {
    PetscCall(try_checkpoint(run, steps[i], file));
    if (*file) *step = steps[i];
  }
  if (*file) {
    run->stage.resume_step     = *step;
    run->stage.good_checkpoint = *step;
    run->stage.first_done      = *step;
    note_checkpoint(run, *step);
    PetscCall(wf_run_log(run, "%s: goes on from step %lld", run->stage.name, (long long)*step));
  }
  run->stage.last_checkpoint = wf_clock_seconds();
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_checkpoint_create(wf_run *run, int64_t step, wf_file **file)
{
  char path[WF_PATH_SIZE];

  PetscFunctionBeginUser;
  run->stage.checkpoint_begin = wf_clock_seconds();
  run->stage.checkpoint_step  = step;
  wf_run_flush_table(run); /* the table must never be behind the checkpoint */
  wf_run_path(run, run->stage.name, "ckpt", path, sizeof(path));
  if (run->rank == 0) wf_folder_make(path); /* if it fails, so does the file, with a reason */
  name_checkpoint(run, step, path, sizeof(path));
  PetscCall(wf_file_create_tolerant(run->comm, path, "checkpoint", file));
  PetscCall(wf_file_write_attribute_int(*file, "/", "step", step));
  PetscCall(wf_run_write_origin(run, *file));
  PetscFunctionReturn(0);
}

/* What it cost decides how often the next ones come, and how early a run stops before its time is over. */
static PetscErrorCode count_checkpoint(wf_run *run, int64_t step)
{
  wf_stage *s = &run->stage;
  char      cost[48];

  PetscFunctionBeginUser;
  s->checkpoint_cost = s->last_checkpoint - s->checkpoint_begin;
  s->checkpoint_total += s->checkpoint_cost;
  s->n_checkpoints++;
  run->known_cost = s->checkpoint_cost;
  if (s->checkpoint_line > 0 && s->last_checkpoint - s->checkpoint_line < LINE_SECONDS && !run->stopping) PetscFunctionReturn(0);
  s->checkpoint_line = s->last_checkpoint;
  wf_clock_duration(s->checkpoint_cost, cost, sizeof(cost));
  PetscCall(wf_run_log(run, "%s: checkpoint of step %" PRId64 ", %.3g MB in %s", s->name, step, 1e-6 * (double)s->checkpoint_bytes,
                       cost));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_checkpoint_publish(wf_run *run, wf_file **file)
{
  char    why[WF_WHY_SIZE];
  int64_t step = run->stage.checkpoint_step;

  PetscFunctionBeginUser;
  PetscCall(wf_file_publish_reason(file, NULL, why, sizeof(why)));
  run->stage.last_checkpoint = wf_clock_seconds();
  run->last_pause            = 0; /* the next interval starts here, so a checkpoint is no long step */
  if (why[0]) {
    PetscCheck(!run->stopping, run->comm, PETSC_ERR_FILE_WRITE, "no checkpoint of step %lld: %s", (long long)step, why);
    PetscCall(wf_run_log(run, "%s: no checkpoint of step %lld, going on without: %s", run->stage.name, (long long)step, why));
    PetscFunctionReturn(0);
  }
  run->stage.good_checkpoint = step;
  note_checkpoint(run, step);
  PetscCall(count_checkpoint(run, step));
  wf_run_write_status(run, "running", true);
  wf_run_prune_checkpoints(run, KEPT);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_log_checkpoints(wf_run *run)
{
  const wf_stage *s = &run->stage;
  char            total[48];
  double          elapsed = wf_clock_seconds() - s->start;

  PetscFunctionBeginUser;
  if (s->n_checkpoints == 0) PetscFunctionReturn(0);
  wf_clock_duration(s->checkpoint_total, total, sizeof(total));
  PetscCall(wf_run_log(run, "%s: %" PRId64 " checkpoint%s took %s, %.2g %% of the time", s->name, s->n_checkpoints,
                       s->n_checkpoints == 1 ? "" : "s", total, 100 * s->checkpoint_total / (elapsed > 0 ? elapsed : 1)));
  PetscFunctionReturn(0);
}
