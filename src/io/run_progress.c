/* How a stage is getting on: bar or sparse lines, status.txt, the step table. See run.h. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <weightflow/clock.h>
#include <weightflow/progress.h>
#include "run_impl.h"

static const double BAR_SECONDS = 0.2, LINE_SECONDS = 30;
enum { BAR_WIDTH = 30 };

void wf_run_clear_bar(wf_run *run)
{
  if (run->bar_shown) fputs("\r\033[K", stderr);
  run->bar_shown = false;
}

PetscErrorCode wf_run_progress(wf_run *run, int64_t done, int64_t total, const char *format, ...)
{
  wf_stage *s = &run->stage;
  char      line[512];
  va_list   arguments;

  PetscFunctionBeginUser;
  if (run->rank != 0) PetscFunctionReturn(0);
  double now   = wf_clock_seconds();
  int    tenth = total > 0 ? (int)(10 * done / total) : 10;
  bool   due   = run->terminal ? now - s->last_line >= BAR_SECONDS
                               : tenth > s->last_tenth || (s->last_line > 0 && now - s->last_line >= LINE_SECONDS);
  s->done      = done;
  s->total     = total;
  if (s->last_line == 0 && !run->terminal) s->last_line = now;
  va_start(arguments, format);
  vsnprintf(s->note, sizeof(s->note), format, arguments);
  va_end(arguments);
  wf_run_write_status(run, "running", false);
  if (!due) PetscFunctionReturn(0);
  s->last_line  = now;
  s->last_tenth = tenth;
  wf_progress_line(done, total, wf_run_remaining(run), run->terminal ? BAR_WIDTH : 0, s->note, line, sizeof(line));
  if (run->terminal) {
    fprintf(stderr, "\r\033[K%s %s", s->name, line);
    fflush(stderr);
    run->bar_shown = true;
  } else
    PetscCall(wf_run_log(run, "%s: %s", s->name, line));
  PetscFunctionReturn(0);
}

/* Copy the table's lines up to the checkpoint's step; false if there is none to go on with. */
static bool cut_table(const char *path, int64_t last_step)
{
  char  line[8192], temporary[WF_PATH_SIZE + 8];
  FILE *from = fopen(path, "r");
  if (!from) return false;
  snprintf(temporary, sizeof(temporary), "%s.tmp", path);
  FILE *to = fopen(temporary, "w");
  bool  ok = to != NULL, header = false;
  while (ok && fgets(line, sizeof(line), from)) {
    double step;
    bool   is_row = sscanf(line, "%lf", &step) == 1, whole = strchr(line, '\n') != NULL;
    header = header || (!is_row && line[0] != '#');
    if (whole && (!is_row || step <= (double)last_step)) ok = fputs(line, to) >= 0;
  }
  fclose(from);
  if (to) ok = fclose(to) == 0 && ok;
  return ok && header && rename(temporary, path) == 0;
}

static void open_table(wf_run *run, const char *columns)
{
  char      path[WF_PATH_SIZE];
  wf_stage *s = &run->stage;
  wf_run_path(run, s->name, "steps.txt", path, sizeof(path));
  bool goes_on = s->resume_step >= 0 && cut_table(path, s->resume_step);
  s->table     = fopen(path, goes_on ? "a" : "w");
  if (!s->table || goes_on) return;
  fprintf(s->table, "# stage %s, seed %" PRId64 "\n", s->name, run->params.run.seed);
  for (const char *c = columns; *c; c++) fputc(*c == ' ' ? '\t' : *c, s->table);
  fputc('\n', s->table);
}

PetscErrorCode wf_run_table_row(wf_run *run, const char *columns, int n, const double *values)
{
  wf_stage *s = &run->stage;

  PetscFunctionBeginUser;
  if (run->rank != 0 || s->table_failed) PetscFunctionReturn(0);
  if (!s->table) open_table(run, columns);
  bool ok = s->table != NULL;
  for (int i = 0; ok && i < n; i++) {
    bool whole = fabs(values[i]) < 1e15 && values[i] == floor(values[i]);
    ok         = fprintf(s->table, whole ? "%.0f%c" : "%.9g%c", values[i], i == n - 1 ? '\n' : '\t') > 0;
  }
  if (!ok) { /* a table is worth less than the run */
    s->table_failed = true;
    PetscCall(wf_run_log(run, "%s: steps.txt cannot be written, going on without", s->name));
  }
  PetscFunctionReturn(0);
}

void wf_run_flush_table(wf_run *run)
{
  if (!run->stage.table) return;
  if (fflush(run->stage.table) == 0) fsync(fileno(run->stage.table));
}
