/* Runs: a complete stage is skipped and only for the right reasons, checkpoints resume exactly, damage falls back, stops are clean.

   The stage under test adds random numbers, one a step; the sum after N_STEPS steps must not depend on where it was interrupted. */
/* RUN: np=1,2,3 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/clock.h>
#include <weightflow/progress.h>
#include <weightflow/random.h>
#include <weightflow/run.h>
#include <weightflow/signals.h>
#include "check.h"

enum { N_STEPS = 20 };
static char      folder[64];
static int       rank, n_ranks;
static wf_params params;

typedef enum { EVENT_NONE, EVENT_STOP_FILE, EVENT_SIGNAL, EVENT_DISK_FULL } event;

static bool in_file(const char *name, const char *text)
{
  char path[256], line[4096];
  bool found = false;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) found = found || strstr(line, text);
  if (file) fclose(file);
  return found;
}

static int count_lines(const char *name)
{
  char path[256], line[4096];
  int  n = 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) n++;
  if (file) fclose(file);
  return n;
}

/* How many checkpoints the last run says it has written. */
static int count_checkpoints(void)
{
  char path[256], line[4096];
  int  n = -1;
  snprintf(path, sizeof path, "%s/run.log", folder);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) {
    const char *at = strstr(line, "  add: "), *word = strstr(line, " checkpoint");
    if (at && word && strstr(word, " took ")) n = atoi(at + 7);
  }
  if (file) fclose(file);
  return n;
}

static bool is_there(const char *name)
{
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}

static PetscErrorCode barrier(void)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

static void cause_event(event what)
{
  char          path[256];
  struct rlimit limit;
  if (what == EVENT_SIGNAL && rank == n_ranks - 1) raise(SIGUSR1); /* any rank may be the one that hears it */
  if (what == EVENT_STOP_FILE && rank == 0) {
    snprintf(path, sizeof path, "%s/stop", folder);
    fclose(fopen(path, "w"));
  }
  if (what == EVENT_DISK_FULL) {
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 50000; /* enough for the log and the table, too little for a checkpoint */
    setrlimit(RLIMIT_FSIZE, &limit);
  }
}

static void end_event(event what)
{
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (what == EVENT_DISK_FULL) setrlimit(RLIMIT_FSIZE, &limit);
}

static PetscErrorCode write_sum(wf_file *file, double sum)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_write(file, &(wf_dataset){.name = "/sum", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {1}}, &sum));
  PetscFunctionReturn(0);
}

/* One go at the stage `add`. first [out]: step it began at, -1 if there was nothing to do. */
static PetscErrorCode run_add(event what, int at, int *first, int *exit_code, double *sum)
{
  wf_run  *run;
  wf_file *file;
  bool     needed;
  int64_t  step = 0;

  PetscFunctionBeginUser;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "t210_run -x", NULL, &run));
  PetscCall(wf_run_stage_begin(run, "add", "sum.h5", 1, (const char *[]){"seed/seed.h5"}, "pretrain data.observed", &needed));
  *first = -1;
  *sum   = 0;
  if (needed) {
    PetscCall(wf_run_checkpoint_open(run, &file, &step));
    if (file) PetscCall(wf_file_read(file, "/sum", WF_TYPE_DOUBLE, sum));
    PetscCall(wf_file_close(&file));
    *first         = (int)step;
    wf_pause pause = {false, false};
    while (step < N_STEPS && !pause.stop) {
      wf_run_phase(run, "adding");
      *sum += wf_random_uniform(wf_run_seed(run), WF_RANDOM_TEST, (uint64_t)step, 0);
      step++;
      PetscCall(wf_run_table_row(run, "step sum", 2, (double[]){(double)step, *sum}));
      PetscCall(wf_run_progress(run, step, N_STEPS, "sum %.3f", *sum));
      if (step == at) cause_event(what);
      PetscCall(barrier());
      if (what == EVENT_STOP_FILE && step == at) usleep(600000); /* the folder is looked at twice a second */
      if (rank == 0) wf_run_phase(run, "only on rank 0");
      PetscCall(wf_run_pause(run, &pause));
      if (pause.checkpoint) {
        PetscCall(wf_run_checkpoint_create(run, step, &file));
        PetscCall(write_sum(file, *sum));
        PetscCall(wf_run_checkpoint_publish(run, &file));
      }
      if (step == at) end_event(what);
    }
    if (pause.stop)
      PetscCall(wf_run_stop(run));
    else {
      PetscCall(wf_run_product_create(run, "sum", &file));
      PetscCall(write_sum(file, *sum));
      PetscCall(wf_run_stage_end(run, &file));
    }
  }
  *exit_code = wf_run_exit_code(run);
  PetscCall(wf_run_destroy(&run));
  PetscCall(barrier());
  PetscFunctionReturn(0);
}

static PetscErrorCode make_parent(double value)
{
  wf_run  *run;
  wf_file *file;
  bool     needed;

  PetscFunctionBeginUser;
  params.run.force = true;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "", NULL, &run));
  PetscCall(wf_run_stage_begin(run, "seed", "seed.h5", 0, NULL, "", &needed));
  WF_CHECK(needed);
  PetscCall(wf_run_product_create(run, "seed", &file));
  PetscCall(write_sum(file, value));
  PetscCall(wf_run_stage_end(run, &file));
  PetscCall(wf_run_destroy(&run));
  params.run.force = false;
  PetscFunctionReturn(0);
}

static PetscErrorCode expect(const char *what, event happens, int at, int want_first, int want_code, double want_sum)
{
  int    first, code;
  double sum;

  PetscFunctionBeginUser;
  PetscCall(run_add(happens, at, &first, &code, &sum));
  WF_CHECK(first == want_first, "%s: began at %d, wanted %d", what, first, want_first);
  WF_CHECK(code == want_code, "%s: exit code %d, wanted %d", what, code, want_code);
  if (want_sum > 0) WF_CHECK(sum == want_sum, "%s: %.17g, wanted %.17g", what, sum, want_sum);
  PetscFunctionReturn(0);
}

static PetscErrorCode spoil(const char *name)
{
  char path[256];

  PetscFunctionBeginUser;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (rank == 0) WF_CHECK(truncate(path, 700) == 0);
  PetscCall(barrier());
  PetscFunctionReturn(0);
}

/* A product is made anew if and only if its parent or a parameter of its groups has changed, or it is damaged. */
static PetscErrorCode check_skip_rule(double sum)
{
  PetscFunctionBeginUser;
  PetscCall(expect("complete", EVENT_NONE, 0, -1, 0, 0));
  params.run.checkpoint_minutes = 3;
  params.train.iterations       = 7;
  snprintf(params.data.file, sizeof params.data.file, "elsewhere.npy");
  snprintf(params.data.evaluated, sizeof params.data.evaluated, "1:2");
  PetscCall(expect("other things changed", EVENT_NONE, 0, -1, 0, 0));
  params.run.checkpoint_minutes = 0;
  params.pretrain.hidden        = 9;
  PetscCall(expect("parameter changed", EVENT_NONE, 0, 0, 0, sum));
  WF_CHECK(rank != 0 || in_file("run.log", "pretrain.hidden was 8 and is 9"));
  snprintf(params.data.observed, sizeof params.data.observed, "0:100:5");
  PetscCall(expect("single parameter changed", EVENT_NONE, 0, 0, 0, sum));
  PetscCall(make_parent(2));
  PetscCall(expect("parent changed", EVENT_NONE, 0, 0, 0, sum));
  PetscCall(spoil("add/sum.h5"));
  PetscCall(expect("product damaged", EVENT_NONE, 0, 0, 0, sum));
  PetscCall(expect("complete again", EVENT_NONE, 0, -1, 0, 0));
  params.run.force = true;
  PetscCall(expect("forced", EVENT_NONE, 0, 0, 0, sum));
  params.run.force = false;
  PetscCall(spoil("seed/seed.h5"));
  PetscCall(expect("parent damaged", EVENT_NONE, 0, -1, WF_EXIT_DAMAGED, 0));
  if (rank == 0) {
    char path[128];
    snprintf(path, sizeof path, "%s/seed/seed.h5", folder);
    unlink(path);
  }
  PetscCall(barrier());
  PetscCall(expect("parent missing", EVENT_NONE, 0, -1, WF_EXIT_USER, 0));
  PetscCall(make_parent(2));
  PetscCall(expect("parent made again", EVENT_NONE, 0, -1, 0, 0));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_checkpoints(double sum)
{
  PetscFunctionBeginUser;
  params.pretrain.hidden = 10; /* so that there is work */
  PetscCall(expect("stop file", EVENT_STOP_FILE, 5, 0, WF_EXIT_STOPPED, 0));
  WF_CHECK(!is_there("stop") && is_there("add/ckpt/step_5.h5"));
  WF_CHECK(is_there("add/ckpt/step_4.h5") && !is_there("add/ckpt/step_3.h5"));
  WF_CHECK(rank != 0 || (in_file("status.txt", "state: stopped") && in_file("status.txt", "exit_code: 3")));
  PetscCall(expect("signal", EVENT_SIGNAL, 9, 5, WF_EXIT_STOPPED, 0));
  PetscCall(spoil("add/ckpt/step_9.h5"));
  PetscCall(expect("fall back, full disk", EVENT_DISK_FULL, 12, 8, 0, sum));
  WF_CHECK(rank != 0 || in_file("run.log", "no checkpoint of step 12, going on without: cannot write"));
  WF_CHECK(rank != 0 || count_lines("add/steps.txt") == N_STEPS + 2, "%d lines", count_lines("add/steps.txt"));
  WF_CHECK(rank != 0 || (in_file("add/timers.txt", "adding") && in_file("add/timers.txt", "only on rank 0")));
  WF_CHECK(!is_there("add/ckpt"));
  params.pretrain.hidden = 11;
  PetscCall(expect("stopped", EVENT_SIGNAL, 4, 0, WF_EXIT_STOPPED, 0));
  params.pretrain.hidden = 12;
  PetscCall(expect("checkpoint of other parameters", EVENT_NONE, 0, 0, 0, sum));
  WF_CHECK(rank != 0 || in_file("run.log", "checkpoint of step 4 not used: pretrain.hidden was 11 and is 12"));
  params.pretrain.hidden  = 13;
  params.run.stop_minutes = 1e-9;
  PetscCall(expect("time is over", EVENT_NONE, 0, 0, WF_EXIT_STOPPED, 0));
  params.run.stop_minutes = 0;
  PetscCall(expect("and goes on", EVENT_NONE, 0, 1, 0, sum));
  /* a checkpoint takes a thousand times as long as a step here: hardly any may be written, unless one is asked for at every step */
  params.pretrain.hidden        = 14;
  params.run.checkpoint_minutes = 1e-9;
  PetscCall(expect("checkpoints too dear", EVENT_NONE, 0, 0, 0, sum));
  WF_CHECK(rank != 0 || count_checkpoints() < N_STEPS / 2, "%d checkpoints", count_checkpoints());
  params.pretrain.hidden        = 15;
  params.run.checkpoint_minutes = 0;
  PetscCall(expect("checkpoints at every step", EVENT_NONE, 0, 0, 0, sum));
  WF_CHECK(rank != 0 || count_checkpoints() == N_STEPS, "%d checkpoints", count_checkpoints());
  PetscFunctionReturn(0);
}

static PetscErrorCode check_refusals(void)
{
  wf_mistakes *mistakes = wf_mistakes_create();
  wf_params    bad      = params;
  wf_run      *run;

  PetscFunctionBeginUser;
  snprintf(bad.run.out, sizeof bad.run.out, "/proc/nowhere/run");
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &bad, "", mistakes, &run));
  WF_CHECK(run == NULL && wf_mistakes_count(mistakes) == 1);
  bad.run.dry_run = true;
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &bad, "", mistakes, &run));
  PetscCall(wf_run_destroy(&run));
  snprintf(bad.run.out, sizeof bad.run.out, "%s/dry/run", folder);
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &bad, "", mistakes, &run));
  WF_CHECK(run != NULL && !is_there("dry"));
  PetscCall(wf_run_destroy(&run));
  wf_mistakes_destroy(&mistakes);
  PetscFunctionReturn(0);
}

static void check_signals(void)
{
  int   status;
  pid_t child = fork();
  if (child == 0) {
    wf_signals_catch();
    raise(SIGTERM);
    if (wf_signals_caught() != SIGTERM) _exit(1);
    raise(SIGINT);
    raise(SIGINT);
    _exit(2); /* the second INT must have ended it */
  }
  WF_CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

static void check_progress(void)
{
  char line[256];
  WF_CHECK(wf_progress_remaining(10, 20, 40, 5) == 10);
  WF_CHECK(wf_progress_remaining(10, 10, 40, 5) < 0);
  wf_progress_line(5, 10, 125, 10, "loss 1", line, sizeof line);
  WF_CHECK(strcmp(line, "[=====>    ]  50 %  loss 1  2 min 05 s left") == 0, "%s", line);
  wf_progress_line(10, 10, 0, 0, "", line, sizeof line);
  WF_CHECK(strcmp(line, "100 %") == 0, "%s", line);
  wf_clock_duration(7620, line, sizeof line);
  WF_CHECK(strcmp(line, "2 h 07 min") == 0, "%s", line);
}

int main(int argc, char **argv)
{
  double sum = 0;

  PetscFunctionBeginUser;
  check_signals(); /* before MPI: it forks */
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &n_ranks));
  snprintf(folder, sizeof folder, "/tmp/wf_t210_XXXXXX");
  if (rank == 0 && !mkdtemp(folder)) return 99;
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  wf_params_set_defaults(&params);
  snprintf(params.run.out, sizeof params.run.out, "%s", folder);
  params.run.checkpoint_minutes = 0;
  for (int i = 0; i < N_STEPS; i++) sum += wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, 0);
  check_progress();
  PetscCall(make_parent(1));
  PetscCall(expect("first time", EVENT_NONE, 0, 0, 0, sum));
  WF_CHECK(rank != 0 || (is_there("used_parameters.yaml") && in_file("status.txt", "state: complete")));
  PetscCall(check_skip_rule(sum));
  PetscCall(check_checkpoints(sum));
  PetscCall(check_refusals());
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "sum %a\n", sum));
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  PetscCall(barrier());
  if (rank == 0 && system(command)) return 99;
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
