/* Command `sweep`: many runs in one job. The ranks are split into teams; each takes the next run from a shared counter until there
   is none left. A run is an ordinary run: its folder is the same as if it had been made alone, so that it can be gone on with,
   looked at or repeated by itself, and a sweep that was cut off goes on when the same command is given again.

     DIR/seed_00007/...   or DIR/row_003_seed_00007/...   the runs
     DIR/sweep.tsv        a line for each run that has ended; sorted, and with all runs, once the sweep has ended
     DIR/stop             stops all teams */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/clock.h>
#include <weightflow/signals.h>
#include <weightflow/teams.h>
#include "stages.h"
#include "sweep_plan.h"

enum { PATH_SIZE = 2 * WF_PARAM_TEXT_SIZE, NAME_SIZE = 64, NOT_BEGUN = -1 };

typedef struct {
  MPI_Comm         comm;
  const wf_params *params;
  const char      *command_line;
  PetscErrorCode (*work)(wf_run *run);
  sweep_plan plan;
  wf_teams  *teams;
  wf_params *of_run;          /* scratch */
  double     start, *seconds; /* [n_runs], as code: of the runs of this team, on its first rank; else 0 and NOT_BEGUN */
  int64_t    n_runs;
  int       *code, rank, team_rank;
  bool       stopped;
  char       stop_file[PATH_SIZE], table[PATH_SIZE];
} sweep;

/* --- sweep.tsv --- */

static const char *name_state(int code)
{
  return code == NOT_BEGUN ? "waiting" : code == WF_EXIT_COMPLETE ? "complete" : code == WF_EXIT_STOPPED ? "stopped" : "failed";
}

static void print_header(const sweep *s, FILE *stream)
{
  fprintf(stream, "# weightflow sweep: %" PRId64 " runs; exit codes: 0 complete, 2 a mistake, 3 stopped, 4 damaged\nfolder\t",
          s->n_runs);
  wf_sweep_plan_print_header(&s->plan, stream);
  fprintf(stream, "\tstate\texit_code\tseconds\n");
}

static void print_row(const sweep *s, int64_t i_run, FILE *stream)
{
  char name[NAME_SIZE];
  wf_sweep_plan_name(&s->plan, i_run, name, sizeof name);
  fprintf(stream, "%s\t", name);
  wf_sweep_plan_print(&s->plan, i_run, stream);
  if (s->code[i_run] == NOT_BEGUN)
    fprintf(stream, "\twaiting\t-\t0\n");
  else
    fprintf(stream, "\t%s\t%d\t%.1f\n", name_state(s->code[i_run]), s->code[i_run], s->seconds[i_run]);
}

/* Rank 0: the table anew, with all runs or with none; 0 or an errno. */
static int write_table(const sweep *s, bool with_runs)
{
  char part[PATH_SIZE + 8];
  snprintf(part, sizeof part, "%s.part", s->table);
  FILE *stream = fopen(part, "w");
  if (!stream) return errno;
  print_header(s, stream);
  for (int64_t i = 0; with_runs && i < s->n_runs; i++) print_row(s, i, stream);
  bool ok = !ferror(stream);
  ok      = fclose(stream) == 0 && ok;
  return ok && rename(part, s->table) == 0 ? 0 : errno ? errno : EIO;
}

/* First rank of a team: one more run has ended. The lock keeps teams on other nodes from writing into each other's lines; the table
   is made anew in the end, so that a line that is lost here costs nothing but itself. */
static void append_row(const sweep *s, int64_t i_run)
{
  struct flock lock   = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  FILE        *stream = fopen(s->table, "a");
  if (!stream) return;
  (void)fcntl(fileno(stream), F_SETLKW, &lock);
  print_row(s, i_run, stream);
  fflush(stream);
  fclose(stream); /* and so the lock goes */
}

/* --- when to stop --- */

/* Any rank: tell all teams. */
static void ask_all_to_stop(const sweep *s)
{
  FILE *file = fopen(s->stop_file, "w");
  if (file) fclose(file);
}

/* Is there time to begin another run? It takes some seconds until a run can stop with something won. */
static bool has_time(const sweep *s)
{
  double limit = 60 * s->params->run.stop_minutes, margin = 0.05 * limit < 5 ? 0.05 * limit : 5;
  return limit <= 0 || wf_clock_seconds() - s->start + margin < limit;
}

/* Between two runs of a team; last: exit code of the one before. A run that only its own stop file ended stops nobody else.
   Collective on the team. */
static PetscErrorCode look_for_stop(sweep *s, int last)
{
  int flags = wf_signals_caught() ? 1 : 0;

  PetscFunctionBeginUser;
  if (s->team_rank == 0) {
    bool late = !has_time(s) || (last == WF_EXIT_STOPPED && s->params->run.stop_minutes > 0);
    if (late || access(s->stop_file, F_OK) == 0) flags |= 2;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &flags, 1, MPI_INT, MPI_BOR, wf_teams_comm(s->teams)));
  s->stopped = s->stopped || flags;
  if (flags & 1 && s->team_rank == 0) ask_all_to_stop(s);
  PetscFunctionReturn(0);
}

/* A team that has no work left waits for the others without a core, and still hears signals. */
static PetscErrorCode wait_for_others(sweep *s)
{
  const struct timespec pause = {.tv_nsec = 20000000};
  MPI_Request           all;
  int                   met   = 0;
  bool                  asked = false;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Ibarrier(s->comm, &all));
  for (;;) {
    PetscCallMPI(MPI_Test(&all, &met, MPI_STATUS_IGNORE));
    if (met) break;
    if (wf_signals_caught() && !asked) ask_all_to_stop(s);
    asked = wf_signals_caught() != 0;
    nanosleep(&pause, NULL);
  }
  PetscFunctionReturn(0);
}

/* --- runs --- */

/* PETSc's options as the command line gave them: what a run sets for itself must not reach the next one. */
static PetscErrorCode push_options(PetscOptions *options)
{
  char *all;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetAll(NULL, &all));
  PetscCall(PetscOptionsCreate(options));
  PetscCall(PetscOptionsInsertString(*options, all));
  PetscCall(PetscOptionsPush(*options));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}

static PetscErrorCode pop_options(PetscOptions *options)
{
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(options));
  PetscFunctionReturn(0);
}

static PetscErrorCode run_one(sweep *s, int *code)
{
  MPI_Comm     team         = wf_teams_comm(s->teams);
  char         banner[1024] = "";
  wf_mistakes *mistakes     = wf_mistakes_create();
  wf_run      *run;

  PetscFunctionBeginUser;
  PetscCheck(mistakes, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory to begin with");
  PetscCall(wf_run_create(team, s->of_run, s->command_line, mistakes, &run));
  *code = WF_EXIT_USER;
  if (run) {
    wf_run_join_job(run, s->start, s->stop_file);
    PetscCall(wf_banner_text(team, banner, sizeof banner));
    PetscCall(wf_run_log(run, "%s", banner));
    PetscCall(wf_run_log(run, "one run of a sweep: %s", s->command_line));
    PetscCall(s->work(run));
    PetscCall(wf_command_log_unused(run));
    *code = wf_run_exit_code(run);
  } else if (s->team_rank == 0)
    wf_mistakes_print(mistakes, stderr);
  wf_mistakes_destroy(&mistakes);
  PetscCall(wf_run_destroy(&run));
  PetscFunctionReturn(0);
}

static PetscErrorCode do_run(sweep *s, int64_t i_run, int *code)
{
  char         name[NAME_SIZE], duration[48];
  PetscOptions options;
  double       begin = wf_clock_seconds();

  PetscFunctionBeginUser;
  wf_sweep_plan_params(&s->plan, i_run, s->of_run);
  PetscCall(push_options(&options));
  PetscCall(run_one(s, code));
  PetscCall(pop_options(&options));
  if (s->team_rank) PetscFunctionReturn(0);
  s->code[i_run]    = *code;
  s->seconds[i_run] = wf_clock_seconds() - begin;
  append_row(s, i_run);
  wf_sweep_plan_name(&s->plan, i_run, name, sizeof name);
  wf_clock_duration(s->seconds[i_run], duration, sizeof duration);
  fprintf(stderr, "%s: %s after %s%s\n", name, name_state(*code), duration,
          *code && *code != WF_EXIT_STOPPED ? ": its run.log says why" : "");
  PetscFunctionReturn(0);
}

static PetscErrorCode work_through(sweep *s)
{
  int64_t i_run;
  int     code = WF_EXIT_COMPLETE;

  PetscFunctionBeginUser;
  for (;;) {
    PetscCall(look_for_stop(s, code));
    if (s->stopped) break;
    PetscCall(wf_teams_next(s->teams, s->n_runs, &i_run));
    if (i_run == s->n_runs) break;
    PetscCall(do_run(s, i_run, &code));
  }
  PetscCall(wait_for_others(s));
  PetscFunctionReturn(0);
}

/* --- begin and end --- */

static PetscErrorCode set_up(sweep *s, wf_mistakes *mistakes)
{
  int size, error = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(s->comm, &s->rank));
  PetscCallMPI(MPI_Comm_size(s->comm, &size));
  PetscCall(wf_sweep_plan_create(s->comm, s->params, mistakes, &s->plan));
  s->n_runs = wf_sweep_plan_size(&s->plan);
  if (s->params->run.teams > size)
    wf_mistakes_add(mistakes, "command line: run.teams = %" PRId64 ": there %s %d rank%s: mpiexec -n %" PRId64 " or more",
                    s->params->run.teams, size > 1 ? "are" : "is", size, size > 1 ? "s" : "", s->params->run.teams);
  if (strlen(s->params->run.out) + NAME_SIZE > sizeof s->params->run.out)
    wf_mistakes_add(mistakes, "parameters: run.out is too long for a sweep");
  snprintf(s->stop_file, sizeof s->stop_file, "%s/stop", s->params->run.out);
  snprintf(s->table, sizeof s->table, "%s/sweep.tsv", s->params->run.out);
  if (wf_mistakes_count(mistakes) || s->params->run.dry_run || s->rank) PetscFunctionReturn(0);
  error = wf_folder_make(s->params->run.out);
  if (!error) error = write_table(s, false);
  if (error)
    wf_mistakes_add(mistakes, "run.out = %s: cannot write there: %s", s->params->run.out, strerror(error));
  else
    unlink(s->stop_file); /* it asked for an earlier sweep's end */
  PetscFunctionReturn(0);
}

static PetscErrorCode create_results(sweep *s)
{
  PetscFunctionBeginUser;
  s->of_run  = wf_calloc(1, sizeof *s->of_run);
  s->code    = wf_calloc((size_t)s->n_runs, sizeof *s->code);
  s->seconds = wf_calloc((size_t)s->n_runs, sizeof *s->seconds);
  PetscCheck(s->of_run && s->code && s->seconds, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %" PRId64 " runs", s->n_runs);
  for (int64_t i = 0; i < s->n_runs; i++) s->code[i] = NOT_BEGUN;
  PetscFunctionReturn(0);
}

/* Bring the teams' results together, write the table, say in a line how it went. */
static PetscErrorCode conclude(sweep *s, int *code)
{
  int64_t n_complete = 0, n_failed = 0;
  int     worst = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s->code, (int)s->n_runs, MPI_INT, MPI_MAX, s->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s->seconds, (int)s->n_runs, MPI_DOUBLE, MPI_MAX, s->comm));
  for (int64_t i = 0; i < s->n_runs; i++) {
    n_complete += s->code[i] == WF_EXIT_COMPLETE;
    if (s->code[i] <= WF_EXIT_COMPLETE || s->code[i] == WF_EXIT_STOPPED) continue;
    n_failed++;
    worst = PetscMax(worst, s->code[i]);
  }
  *code = n_complete + n_failed < s->n_runs ? WF_EXIT_STOPPED : worst;
  if (s->rank) PetscFunctionReturn(0);
  int error = write_table(s, true);
  if (error) fprintf(stderr, "%s: cannot be written: %s\n", s->table, strerror(error));
  unlink(s->stop_file);
  fprintf(stderr, "sweep: %" PRId64 " of %" PRId64 " runs are complete, %" PRId64 " failed, %" PRId64 " to go%s: %s\n", n_complete,
          s->n_runs, n_failed, s->n_runs - n_complete - n_failed, *code == WF_EXIT_STOPPED ? " when it is started again" : "",
          s->table);
  PetscFunctionReturn(0);
}

static PetscErrorCode sweep_all(sweep *s, int *code)
{
  PetscFunctionBeginUser;
  wf_signals_catch(); /* a signal between two runs must not be lost, nor end the process */
  PetscCall(create_results(s));
  PetscCall(wf_teams_create(s->comm, (int)s->params->run.teams, &s->teams));
  PetscCallMPI(MPI_Comm_rank(wf_teams_comm(s->teams), &s->team_rank));
  PetscCall(work_through(s));
  PetscCall(conclude(s, code));
  PetscCall(wf_teams_destroy(&s->teams));
  wf_free(s->of_run);
  wf_free(s->code);
  wf_free(s->seconds);
  wf_signals_release();
  PetscFunctionReturn(0);
}

PetscErrorCode wf_sweep_run(MPI_Comm comm, const wf_params *params, const char *command_line, PetscErrorCode (*work)(wf_run *),
                            wf_mistakes *mistakes, int *code)
{
  sweep s = {.comm = comm, .params = params, .command_line = command_line, .work = work, .start = wf_clock_seconds()};

  PetscFunctionBeginUser;
  PetscCall(set_up(&s, mistakes));
  if (params->run.dry_run) PetscCall(wf_check_all(comm, params, mistakes));
  PetscCall(wf_mistakes_settle(comm, mistakes, code));
  if (!*code && params->run.dry_run && s.rank == 0)
    printf("%" PRId64 " runs below %s\n", s.n_runs, params->run.out);
  else if (!*code && !params->run.dry_run)
    PetscCall(sweep_all(&s, code));
  wf_sweep_plan_destroy(&s.plan);
  PetscFunctionReturn(0);
}
