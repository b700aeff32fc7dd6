/* Command `status`: a line for each run folder, from its status.txt. Needs neither MPI nor PETSc, so it works on a login node. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/clock.h>
#include <weightflow/status.h>
#include "stages.h"

enum { MIN_WIDTH = 12, CELL = 128 };
static const double WATCH_SECONDS = 5, QUIET_SECONDS = 60;

typedef struct {
  int          n;
  const char **folders;
  double       watch; /* seconds between two looks; 0: look once */
} request;

/* "3.2 s", or what stands for unknown. */
static void print_duration(double seconds, const char *after, char *text, size_t size)
{
  char duration[48];
  wf_clock_duration(seconds, duration, sizeof duration);
  if (seconds < 0)
    snprintf(text, size, "-");
  else
    snprintf(text, size, "%s%s", duration, after);
}

static void print_state(const wf_status *s, char *text, size_t size)
{
  switch (s->state) {
  case WF_STATUS_RUNNING:
    snprintf(text, size, "running");
    break;
  case WF_STATUS_COMPLETE:
    snprintf(text, size, "complete");
    break;
  case WF_STATUS_STOPPED:
    snprintf(text, size, "stopped, resubmit");
    break;
  case WF_STATUS_FAILED:
    snprintf(text, size, "failed, exit code %d", s->exit_code);
    break;
  case WF_STATUS_STALE:
    snprintf(text, size, "stale: no heartbeat");
    break;
  }
}

static void print_steps(const wf_status *s, char *step, char *rate, size_t size)
{
  snprintf(step, size, "-");
  snprintf(rate, size, "-");
  if (s->steps > 0) snprintf(step, size, "%lld of %lld", (long long)s->step, (long long)s->steps);
  if (s->rate > 0) snprintf(rate, size, "%.3g /s", s->rate);
}

/* Where it runs, and, after a minute of silence, since when it has not been heard of. */
static void print_place(const wf_status *s, char *text, size_t size)
{
  char silence[48];
  int  used = snprintf(text, size, "%.60s", *s->host ? s->host : "-");
  if (*s->job) used += snprintf(text + used, size - (size_t)used, " job %.24s", s->job);
  wf_clock_duration(s->age, silence, sizeof silence);
  if (s->state == WF_STATUS_STALE || (s->state == WF_STATUS_RUNNING && s->age > QUIET_SECONDS))
    snprintf(text + used, size - (size_t)used, ", silent for %s", silence);
}

static void print_run(const char *folder, int width, const wf_status *s)
{
  char   state[CELL], step[CELL], rate[CELL], left[CELL], checkpoint[CELL], place[CELL];
  double remaining = s->state == WF_STATUS_RUNNING && s->left >= 0 ? fmax(0, s->left - s->age) : -1;
  print_state(s, state, sizeof state);
  print_steps(s, step, rate, CELL);
  print_duration(remaining, "", left, sizeof left);
  print_duration(s->checkpoint_age, " ago", checkpoint, sizeof checkpoint);
  print_place(s, place, sizeof place);
  printf("%-*s  %-19s  %-8s  %-15s  %-10s  %-12s  %-15s  %s\n", width, folder, state, *s->stage ? s->stage : "-", step, rate, left,
         checkpoint, place);
}

/* One look at all folders. *n_bad and *n_alive out: folders that are no run, runs at work. */
static void print_all(const request *r, int *n_bad, int *n_alive)
{
  int width = MIN_WIDTH;
  *n_bad = *n_alive = 0;
  for (int i = 0; i < r->n; i++)
    if ((int)strlen(r->folders[i]) > width) width = (int)strlen(r->folders[i]);
  printf("%-*s  %-19s  %-8s  %-15s  %-10s  %-12s  %-15s  %s\n", width, "# folder", "state", "stage", "step", "rate",
         "left in stage", "checkpoint", "host");
  for (int i = 0; i < r->n; i++) {
    wf_status status;
    char      why[512];
    if (wf_status_read(r->folders[i], &status, why, sizeof why)) {
      print_run(r->folders[i], width, &status);
      *n_alive += status.state == WF_STATUS_RUNNING;
    } else {
      fflush(stdout); /* in order with standard error, where both go to one place */
      fprintf(stderr, "%s\n", why);
      (*n_bad)++;
    }
  }
  fflush(stdout);
}

static void sleep_for(double seconds)
{
  struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
  nanosleep(&pause, NULL);
}

/* Sort the words into folders and -watch [SECONDS]; returns the number of mistakes, which are printed. */
static int read_request(int argc, char **argv, request *r)
{
  int n_mistakes = 0;
  for (int i = 0; i < argc; i++) {
    const char *word = argv[i];
    if (*word == '-' && strcmp(word + 1 + (word[1] == '-'), "watch") == 0) {
      char *end = NULL;
      r->watch  = WATCH_SECONDS;
      if (i + 1 >= argc) continue;
      double seconds = strtod(argv[i + 1], &end);
      if (end == argv[i + 1] || *end) continue; /* no number, and so a folder */
      i++;
      r->watch = seconds;
      if (seconds >= 0.1 && seconds <= 86400) continue;
      fprintf(stderr, "command line: %s %s: must be at least 0.1 and at most 86400 seconds\n", word, argv[i]);
      n_mistakes++;
    } else if (*word == '-') {
      fprintf(stderr, "command line: %.60s: unknown option of status, which knows -watch\n", word);
      n_mistakes++;
    } else
      r->folders[r->n++] = word;
  }
  if (r->n == 0) {
    fprintf(stderr, "command line: status: name the run folders\n");
    n_mistakes++;
  }
  return n_mistakes;
}

int wf_status_print(int argc, char **argv)
{
  request r     = {.folders = wf_calloc((size_t)argc + 1, sizeof *r.folders)};
  int     n_bad = 0, n_alive = 0;
  if (!r.folders || read_request(argc, argv, &r)) {
    wf_free(r.folders);
    return WF_EXIT_USER;
  }
  for (;;) {
    if (r.watch > 0 && isatty(fileno(stdout))) fputs("\033[H\033[J", stdout);
    print_all(&r, &n_bad, &n_alive);
    if (r.watch <= 0 || n_alive == 0) break;
    sleep_for(r.watch);
  }
  wf_free(r.folders);
  return n_bad ? WF_EXIT_USER : WF_EXIT_COMPLETE;
}
