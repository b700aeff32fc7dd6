/* The run as a whole: folder, log, signals, the decision to pause. See run.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weightflow/clock.h>
#include <weightflow/signals.h>
#include "run_impl.h"

MPI_Comm         wf_run_comm(const wf_run *run) { return run->comm; }
const wf_params *wf_run_params(const wf_run *run) { return &run->params; }
int              wf_run_rank(const wf_run *run) { return run->rank; }
int              wf_run_size(const wf_run *run) { return run->size; }
uint64_t         wf_run_seed(const wf_run *run) { return (uint64_t)run->params.run.seed; }
int              wf_run_exit_code(const wf_run *run) { return run->exit_code; }

void wf_run_path(const wf_run *run, const char *stage, const char *name, char *path, size_t size)
{
  snprintf(path, size, "%s%s%s%s%s", run->out, stage[0] ? "/" : "", stage, name[0] ? "/" : "", name);
}

int wf_folder_make(const char *path)
{
  char        part[WF_PATH_SIZE];
  struct stat status;
  snprintf(part, sizeof(part), "%s", path);
  for (char *slash = part; slash;) {
    slash = strchr(slash + 1, '/');
    if (slash) *slash = '\0';
    if (mkdir(part, 0777) && errno != EEXIST && stat(part, &status)) return errno;
    if (slash) *slash = '/';
  }
  if (stat(path, &status)) return errno;
  return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

void wf_text_replace(const char *path, const char *text)
{
  char temporary[WF_PATH_SIZE + 8];
  snprintf(temporary, sizeof(temporary), "%s.tmp", path);
  FILE *file = fopen(temporary, "w");
  if (!file) return;
  bool ok = fputs(text, file) >= 0;
  ok      = fclose(file) == 0 && ok;
  if (!ok || rename(temporary, path)) unlink(temporary);
}

static void write_log_line(wf_run *run, const char *format, va_list arguments)
{
  char line[WF_LINE_SIZE + WF_PATH_SIZE], date[32];
  if (run->rank != 0) return;
  vsnprintf(line, sizeof(line), format, arguments);
  wf_run_clear_bar(run);
  if (!run->quiet) fprintf(stderr, "%s\n", line);
  if (!run->log) return;
  wf_clock_date(date, sizeof(date));
  fprintf(run->log, "%s  %s\n", date, line);
  fflush(run->log);
}

PetscErrorCode wf_run_log(wf_run *run, const char *format, ...)
{
  va_list arguments;

  PetscFunctionBeginUser;
  va_start(arguments, format);
  write_log_line(run, format, arguments);
  va_end(arguments);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_fail(wf_run *run, int code, const char *format, ...)
{
  va_list arguments;

  PetscFunctionBeginUser;
  va_start(arguments, format);
  write_log_line(run, format, arguments);
  va_end(arguments);
  run->exit_code = code;
  wf_run_write_status(run, "failed", true);
  PetscCall(wf_run_leave_stage(run));
  PetscFunctionReturn(0);
}

/* The folder a dry run would make things in: the nearest one that is there. */
static int look_for_folder(const char *path)
{
  char part[WF_PATH_SIZE];
  snprintf(part, sizeof(part), "%s", path);
  while (access(part, F_OK) != 0) {
    char *slash = strrchr(part, '/');
    if (!slash) return access(".", W_OK | X_OK) ? errno : 0;
    *(slash == part ? slash + 1 : slash) = '\0';
  }
  return access(part, W_OK | X_OK) ? errno : 0;
}

/* Two jobs in one folder would spoil each other's files; the lock goes with the process, however it ends. */
static bool is_taken(FILE *log)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fileno(log), F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN);
}

/* Rank 0: used_parameters.yaml as a whole, or not at all. */
static bool write_used_parameters(const wf_run *run)
{
  char path[WF_PATH_SIZE], part[WF_PATH_SIZE + 8];
  wf_run_path(run, "", "used_parameters.yaml", path, sizeof(path));
  snprintf(part, sizeof(part), "%s.tmp", path);
  FILE *file = fopen(part, "w");
  if (!file) return false;
  wf_params_write_yaml(&run->params, file);
  bool ok = !ferror(file);
  ok      = fclose(file) == 0 && ok;
  return ok && rename(part, path) == 0;
}

/* Rank 0: open the folder; "" or what is wrong. */
static void open_folder(wf_run *run, char *why, size_t size)
{
  char path[WF_PATH_SIZE];
  int  error = run->params.run.dry_run ? look_for_folder(run->out) : wf_folder_make(run->out);
  if (!error && !run->params.run.dry_run) {
    wf_run_path(run, "", "run.log", path, sizeof(path));
    run->log = fopen(path, "a");
    if (!run->log)
      error = errno;
    else if (is_taken(run->log)) {
      fclose(run->log); /* and so status.txt stays the other run's */
      run->log = NULL;
      snprintf(why, size, "run.out = %s: another run is at work in this folder: wait for it, or choose another folder", run->out);
      return;
    }
  }
  if (error) {
    snprintf(why, size, "run.out = %s: cannot write there: %s", run->out, strerror(error));
    return;
  }
  if (run->params.run.dry_run) return;
  if (!write_used_parameters(run)) snprintf(why, size, "run.out = %s: cannot write there: %s", run->out, strerror(errno));
}

static void copy_command_line(wf_run *run, const char *command_line)
{
  size_t length     = strlen(command_line) + 1;
  run->command_line = wf_calloc(length, 1);
  if (run->command_line) memcpy(run->command_line, command_line, length);
}

PetscErrorCode wf_run_create(MPI_Comm comm, const wf_params *params, const char *command_line, wf_mistakes *mistakes,
                             wf_run **result)
{
  wf_run *run              = wf_calloc(1, sizeof(*run));
  char    why[WF_WHY_SIZE] = "";

  PetscFunctionBeginUser;
  PetscCheck(run, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  PetscCallMPI(MPI_Comm_dup(comm, &run->comm));
  PetscCallMPI(MPI_Comm_rank(comm, &run->rank));
  PetscCallMPI(MPI_Comm_size(comm, &run->size));
  run->params   = *params;
  run->start = run->limit_start = wf_clock_seconds();
  run->terminal = run->rank == 0 && isatty(fileno(stderr));
  snprintf(run->out, sizeof(run->out), "%s", params->run.out[0] ? params->run.out : ".");
  copy_command_line(run, command_line ? command_line : "");
  if (run->rank == 0) open_folder(run, why, sizeof(why));
  PetscCallMPI(MPI_Bcast(why, sizeof(why), MPI_CHAR, 0, run->comm));
  wf_signals_catch();
  signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error to report, not a death */
  if (why[0]) {
    if (mistakes) wf_mistakes_add(mistakes, "%s", why);
    PetscCall(wf_run_destroy(&run));
  } else
    wf_run_write_status(run, "running", true);
  *result = run;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_adapt(wf_run *run, const wf_params *params)
{
  int ok = 1;

  PetscFunctionBeginUser;
  run->params = *params;
  if (run->rank == 0) ok = write_used_parameters(run);
  PetscCallMPI(MPI_Bcast(&ok, 1, MPI_INT, 0, run->comm));
  PetscCheck(ok, run->comm, PETSC_ERR_FILE_WRITE, "run.out = %s: cannot write used_parameters.yaml", run->out);
  PetscFunctionReturn(0);
}

void wf_run_join_job(wf_run *run, double start, const char *stop_file)
{
  wf_run_clear_bar(run);
  run->quiet    = true;
  run->terminal = false;
  run->limit_start = start;
  snprintf(run->job_stop_file, sizeof(run->job_stop_file), "%s", stop_file);
}

PetscErrorCode wf_run_destroy(wf_run **run)
{
  PetscFunctionBeginUser;
  if (!*run) PetscFunctionReturn(0);
  PetscCall(wf_run_leave_stage(*run));
  if ((*run)->log) {
    if ((*run)->exit_code == WF_EXIT_COMPLETE) wf_run_write_status(*run, "complete", true);
    fclose((*run)->log);
  }
  wf_signals_release();
  PetscCallMPI(MPI_Comm_free(&(*run)->comm));
  wf_free((*run)->command_line);
  wf_free(*run);
  *run = NULL;
  PetscFunctionReturn(0);
}

enum { PAUSE_CHECKPOINT = 1, PAUSE_STOP = 2, PAUSE_SIGNAL = 4, PAUSE_FILE = 8, PAUSE_TIME = 16 };
static const double LOOK_SECONDS = 0.05, FILE_LOOK_SECONDS = 0.5;

/* Time to set aside for the last checkpoint: twice the last one's cost and twice the longest step, or a guess. */
static double choose_margin(const wf_run *run)
{
  double limit = 60 * run->params.run.stop_minutes, guess = 0.05 * limit < 5 ? 0.05 * limit : 5;
  double cost  = run->stage.n_checkpoints ? run->stage.checkpoint_cost : run->known_cost;
  double known = 2 * cost + 2 * run->longest_step;
  return known > guess ? known : guess;
}

/* Seconds between two checkpoints: what was asked for, stretched so that they take one part in a hundred at most. 0: every step. */
static double choose_interval(const wf_run *run)
{
  const double share = 0.01;
  double       asked = 60 * run->params.run.checkpoint_minutes, least = run->stage.checkpoint_cost / share;
  return asked > 0 && asked < least ? least : asked;
}

/* Rank 0's part of the decision. */
static int look_at_clock_and_folder(wf_run *run)
{
  double           now   = wf_clock_seconds();
  const wf_params *p     = &run->params;
  int              flags = 0;
  if (now - run->stage.last_checkpoint >= choose_interval(run)) flags |= PAUSE_CHECKPOINT;
  if (run->last_pause > 0 && now - run->last_pause > run->longest_step) run->longest_step = now - run->last_pause;
  run->last_pause = now;
  if (p->run.stop_minutes > 0 && now - run->limit_start + choose_margin(run) >= 60 * p->run.stop_minutes) flags |= PAUSE_TIME;
  if (now - run->last_look >= (run->last_look > 0 ? FILE_LOOK_SECONDS : LOOK_SECONDS)) {
    char path[WF_PATH_SIZE];
    run->last_look = now;
    wf_run_path(run, "", "stop", path, sizeof(path));
    if (access(path, F_OK) == 0) {
      flags |= PAUSE_FILE;
      unlink(path); /* it asked for this stop, not for the next run's */
    }
    if (run->job_stop_file[0] && access(run->job_stop_file, F_OK) == 0) flags |= PAUSE_FILE;
  }
  return flags;
}

PetscErrorCode wf_run_pause(wf_run *run, wf_pause *pause)
{
  int flags = wf_signals_caught() ? PAUSE_SIGNAL : 0;

  PetscFunctionBeginUser;
  if (run->rank == 0) flags |= look_at_clock_and_folder(run);
  wf_run_write_status(run, "running", false);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &flags, 1, MPI_INT, MPI_BOR, run->comm));
  if (flags & (PAUSE_SIGNAL | PAUSE_FILE | PAUSE_TIME) && !run->stopping) {
    run->stopping = true;
    snprintf(run->stop_reason, sizeof(run->stop_reason), "%s",
             flags & PAUSE_SIGNAL ? "a signal asked for it"
             : flags & PAUSE_FILE ? "the file `stop` asked for it"
                                  : "run.stop_minutes are over");
  }
  pause->stop       = run->stopping;
  pause->checkpoint = run->stopping || flags & PAUSE_CHECKPOINT;
  PetscFunctionReturn(0);
}
