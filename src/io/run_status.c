/* status.txt: lines "key: value", replaced as a whole every few seconds. Written by rank 0 of a run, read by anyone, see status.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weightflow/clock.h>
#include <weightflow/launcher.h>
#include <weightflow/progress.h>
#include <weightflow/status.h>
#include "run_impl.h"

static const double STATUS_SECONDS = 3, SILENCE_SECONDS = 600, SILENCE_STEPS = 10;

static const char *const STATES[] = {[WF_STATUS_RUNNING]  = "running",
                                     [WF_STATUS_COMPLETE] = "complete",
                                     [WF_STATUS_STOPPED]  = "stopped",
                                     [WF_STATUS_FAILED]   = "failed"};
enum { N_STATES = sizeof STATES / sizeof STATES[0], LINE_SIZE = 1024 };

/* --- writing --- */

double wf_run_remaining(const wf_run *run)
{
  const wf_stage *s = &run->stage;
  return wf_progress_remaining(s->first_done, s->done, s->total, wf_clock_seconds() - s->start);
}

static double find_rate(const wf_stage *s, double seconds)
{
  return s->done > s->first_done && seconds > s->start ? (double)(s->done - s->first_done) / (seconds - s->start) : 0;
}

void wf_run_write_status(wf_run *run, const char *state, bool now)
{
  char            text[4096], path[WF_PATH_SIZE], date[32], elapsed[48], left[64] = "", host[256] = "", job[128];
  const wf_stage *s       = &run->stage;
  double          seconds = wf_clock_seconds(), remaining = wf_run_remaining(run);
  if (run->rank != 0 || !run->log || (!now && seconds - s->last_status < STATUS_SECONDS)) return;
  run->stage.last_status = seconds;
  wf_clock_date(date, sizeof(date));
  wf_clock_duration(seconds - run->start, elapsed, sizeof(elapsed));
  gethostname(host, sizeof(host) - 1);
  wf_launcher_job(job, sizeof(job));
  if (remaining >= 0) wf_clock_duration(remaining, left, sizeof(left));
  int used = snprintf(text, sizeof(text),
                      "state: %s\nexit_code: %d\nstage: %s\nstep: %" PRId64 "\nsteps: %" PRId64 "\nnote: %s\nrate: %.6g\n"
                      "left_in_stage: %s\nleft_seconds: %.0f\nelapsed: %s\nranks: %d\nhost: %s\nprocess: %ld\njob: %s\n",
                      state, run->exit_code, s->name, s->done, s->total, s->note, find_rate(s, seconds), left, remaining, elapsed,
                      run->size, host, (long)getpid(), job);
  if (s->checkpoint_time > 0)
    used += snprintf(text + used, sizeof(text) - (size_t)used,
                     "checkpoint_step: %" PRId64 "\ncheckpoint_time: %" PRId64 "\ncheckpoint_bytes: %" PRId64
                     "\ncheckpoint_seconds: %.4g\ncheckpoint_share: %.3g\n",
                     s->good_checkpoint, s->checkpoint_time, s->checkpoint_bytes, s->checkpoint_cost,
                     s->checkpoint_total / fmax(seconds - s->start, 1e-9));
  snprintf(text + used, sizeof(text) - (size_t)used, "longest_step: %.4g\nupdated: %s\nheartbeat: %" PRId64 "\n", run->longest_step,
           date, (int64_t)time(NULL));
  wf_run_path(run, "", "status.txt", path, sizeof(path));
  wf_text_replace(path, text);
}

/* --- reading --- */

/* The value in a line "key: value", without its end; NULL if the line has another key. */
static const char *find_value(char *line, const char *key)
{
  size_t length = strlen(key);
  if (strncmp(line, key, length) != 0 || strncmp(line + length, ": ", 2) != 0) return NULL;
  line[strcspn(line, "\n")] = '\0';
  return line + length + 2;
}

static void read_text(char *line, const char *key, char *text, size_t size)
{
  const char *value = find_value(line, key);
  if (value) snprintf(text, size, "%.*s", (int)size - 1, value);
}

static void read_number(char *line, const char *key, double *number)
{
  const char *value = find_value(line, key);
  if (value && *value) *number = strtod(value, NULL);
}

static void read_whole(char *line, const char *key, int64_t *number)
{
  const char *value = find_value(line, key);
  if (value && *value) *number = strtoll(value, NULL, 10);
}

/* All lines; heartbeat and checkpoint_time out, seconds since 1970. Returns false if no state is said. */
static bool read_lines(FILE *file, wf_status *s, int64_t *heartbeat, int64_t *checkpoint_time)
{
  char    line[LINE_SIZE], state[32] = "";
  int64_t exit_code = 0, ranks = 0, process = 0;
  while (fgets(line, sizeof(line), file)) {
    read_text(line, "state", state, sizeof(state));
    read_text(line, "stage", s->stage, sizeof(s->stage));
    read_text(line, "note", s->note, sizeof(s->note));
    read_text(line, "host", s->host, sizeof(s->host));
    read_text(line, "job", s->job, sizeof(s->job));
    read_whole(line, "exit_code", &exit_code);
    read_whole(line, "ranks", &ranks);
    read_whole(line, "process", &process);
    read_whole(line, "step", &s->step);
    read_whole(line, "steps", &s->steps);
    read_whole(line, "checkpoint_step", &s->checkpoint_step);
    read_whole(line, "checkpoint_bytes", &s->checkpoint_bytes);
    read_whole(line, "checkpoint_time", checkpoint_time);
    read_whole(line, "heartbeat", heartbeat);
    read_number(line, "rate", &s->rate);
    read_number(line, "left_seconds", &s->left);
    read_number(line, "longest_step", &s->longest_step);
    read_number(line, "checkpoint_seconds", &s->checkpoint_seconds);
    read_number(line, "checkpoint_share", &s->checkpoint_share);
  }
  s->exit_code = (int)exit_code;
  s->ranks     = (int)ranks;
  s->process   = (long)process;
  for (int i = 0; i < N_STATES; i++)
    if (strcmp(state, STATES[i]) == 0) {
      s->state = (wf_status_state)i;
      return true;
    }
  return false;
}

/* Does a process, of this host or of one whose locks we see, hold the lock of the run's log? */
static bool is_locked(const char *folder)
{
  char         path[WF_PATH_SIZE];
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  snprintf(path, sizeof(path), "%s/run.log", folder);
  int  descriptor = open(path, O_RDONLY);
  bool locked     = descriptor >= 0 && fcntl(descriptor, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  if (descriptor >= 0) close(descriptor);
  return locked;
}

static bool is_stale(const char *folder, const wf_status *s)
{
  char host[256] = "";
  if (is_locked(folder)) return false;
  gethostname(host, sizeof(host) - 1);
  return strcmp(host, s->host) == 0 || s->age > fmax(SILENCE_SECONDS, SILENCE_STEPS * s->longest_step);
}

bool wf_status_read(const char *folder, wf_status *status, char *why, size_t why_size)
{
  char    path[WF_PATH_SIZE];
  int64_t heartbeat = -1, checkpoint_time = -1, now = (int64_t)time(NULL);
  *status = (wf_status){.checkpoint_step = -1, .checkpoint_bytes = -1, .left = -1, .checkpoint_seconds = -1};
  snprintf(path, sizeof(path), "%s/status.txt", folder);
  FILE *file = fopen(path, "r");
  if (!file) {
    snprintf(why, why_size, "%s: no run: %s: %s", folder, path, strerror(errno));
    return false;
  }
  bool told = read_lines(file, status, &heartbeat, &checkpoint_time);
  fclose(file);
  if (!told) {
    snprintf(why, why_size, "%s: no run: status.txt does not say its state", folder);
    return false;
  }
  /* clocks of two hosts differ: nothing is younger than now */
  status->age            = heartbeat > 0 ? fmax(0, (double)(now - heartbeat)) : -1;
  status->checkpoint_age = checkpoint_time > 0 ? fmax(0, (double)(now - checkpoint_time)) : -1;
  if (status->state == WF_STATUS_RUNNING && is_stale(folder, status)) status->state = WF_STATUS_STALE;
  return true;
}
