/* Seconds a phase, over ranks: <stage>/timers.txt; phases as events of PETSc's log. See run.h. */
#include <string.h>
#include <weightflow/clock.h>
#include "run_impl.h"

static int find_phase(const wf_stage *s, const char *name)
{
  for (int i = 0; i < s->n_phases; i++)
    if (strcmp(s->phases[i].name, name) == 0) return i;
  return -1;
}

/* The phase's event in PETSc's log; one of that name serves all stages, whose log stages keep them apart. A log is worth less than
   the run: what goes wrong is passed over. */
static PetscLogEvent find_event(const char *name)
{
  PetscLogEvent event = -1;
  if (PetscLogEventGetId(name, &event) == 0 && event < 0 && PetscLogEventRegister(name, PETSC_OBJECT_CLASSID, &event)) event = -1;
  return event;
}

static PetscErrorCode log_event(PetscLogEvent event, bool begins)
{
  PetscFunctionBeginUser;
  if (event < 0) PetscFunctionReturn(0);
  if (begins)
    PetscCall(PetscLogEventBegin(event, 0, 0, 0, 0));
  else
    PetscCall(PetscLogEventEnd(event, 0, 0, 0, 0));
  PetscFunctionReturn(0);
}

void wf_run_phase(wf_run *run, const char *name)
{
  wf_stage *s   = &run->stage;
  double    now = wf_clock_seconds();
  if (s->phase >= 0) {
    s->phases[s->phase].seconds += now - s->phase_begin;
    (void)log_event(s->phases[s->phase].event, false);
  }
  s->phase = -1;
  if (!name || !s->active) return;
  int i = find_phase(s, name);
  if (i < 0 && s->n_phases < WF_MAX_PHASES) {
    i = s->n_phases++;
    snprintf(s->phases[i].name, WF_NAME_SIZE, "%s", name);
    s->phases[i].event = find_event(name);
  }
  s->phase       = i;
  s->phase_begin = now;
  wf_run_write_status(run, "running", false);
  if (i < 0) return;
  s->phases[i].calls += 1;
  (void)log_event(s->phases[i].event, true);
}

/* Ranks may know different phases: as long as a rank knows one that is not listed yet, it tells all. */
static PetscErrorCode gather_phase_names(wf_run *run, int *n, char (*names)[WF_NAME_SIZE])
{
  wf_stage *s = &run->stage;

  PetscFunctionBeginUser;
  for (*n = 0; *n < WF_MAX_PHASES; (*n)++) {
    int candidate = -1, teller = run->size;
    for (int i = 0; i < s->n_phases && candidate < 0; i++) {
      bool listed = false;
      for (int j = 0; j < *n; j++) listed = listed || strcmp(names[j], s->phases[i].name) == 0;
      if (!listed) candidate = i;
    }
    if (candidate >= 0) teller = run->rank;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &teller, 1, MPI_INT, MPI_MIN, run->comm));
    if (teller == run->size) break;
    if (teller == run->rank) memcpy(names[*n], s->phases[candidate].name, WF_NAME_SIZE);
    PetscCallMPI(MPI_Bcast(names[*n], WF_NAME_SIZE, MPI_CHAR, teller, run->comm));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_write_timers(wf_run *run)
{
  char   names[WF_MAX_PHASES + 1][WF_NAME_SIZE], path[WF_PATH_SIZE], text[8192];
  int    n, length;
  double low[WF_MAX_PHASES + 1], high[WF_MAX_PHASES + 1], sum[2 * WF_MAX_PHASES + 2] = {0};

  PetscFunctionBeginUser;
  PetscCall(gather_phase_names(run, &n, names));
  for (int i = 0; i < n; i++) {
    int mine = find_phase(&run->stage, names[i]);
    low[i] = high[i] = sum[i] = mine < 0 ? 0 : run->stage.phases[mine].seconds;
    sum[WF_MAX_PHASES + i]    = mine < 0 ? 0 : run->stage.phases[mine].calls;
  }
  snprintf(names[n], WF_NAME_SIZE, "total");
  low[n] = high[n] = sum[n] = wf_clock_seconds() - run->stage.start;
  sum[WF_MAX_PHASES + n]    = 1;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, low, n + 1, MPI_DOUBLE, MPI_MIN, run->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, high, n + 1, MPI_DOUBLE, MPI_MAX, run->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2 * WF_MAX_PHASES + 2, MPI_DOUBLE, MPI_SUM, run->comm));
  length = snprintf(text, sizeof(text), "# stage %s: seconds a phase over %d ranks\nphase\tmin\tmean\tmax\tcalls_a_rank\n",
                    run->stage.name, run->size);
  for (int i = 0; i <= n; i++)
    length += snprintf(text + length, sizeof(text) - (size_t)length, "%s\t%.4f\t%.4f\t%.4f\t%.1f\n", names[i], low[i],
                       sum[i] / run->size, high[i], sum[WF_MAX_PHASES + i] / run->size);
  wf_run_path(run, run->stage.name, "timers.txt", path, sizeof(path));
  if (run->rank == 0) wf_text_replace(path, text);
  PetscFunctionReturn(0);
}
