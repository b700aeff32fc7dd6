/* Stage simulate: parameters -> simulate/ensemble.h5, trajectories of a model at equally spaced times, every jump of them, and
   statistics over them, as asked for.

   Trajectories are dealt to the ranks in consecutive blocks. A trajectory depends on the model, the seed and its index alone, rows
   have their places in the file from the beginning, and statistics are exact sums: neither the deal nor a checkpoint's moment can
   be seen in the result. Rows are streamed into ensemble.h5.part; a checkpoint holds how much of each block is done and the
   statistics. Memory does not grow with the number of trajectories. Where every jump is put out, a first pass counts them, and the
   same trajectories are made once more when their places are known. Gillespie (1977), J. Phys. Chem. 81, 2340; systems and
   ensembles as in Li et al. (2026), section "Simulated systems". */
#include <inttypes.h>
#include <string.h>
#include <weightflow/base.h>
#include "stages/simulate_impl.h"
#include "stages/stages.h"

/* Blocks have at least so many trajectories, and there are at most so many blocks: fixed for all machines, since checkpoints are.
 */
enum { LEAST_BLOCK = 32, MOST_BLOCKS = 1 << 15 };
static const double LONG_ROUND = 1, ROUND = 0.25, SHORT_ROUND = 0.01; /* seconds between two looks at clock, signals and ranks */

/* Over all ranks. */
typedef struct {
  int64_t counted, done, written, events, new_events, failed; /* failed: the first trajectory that did, or n_traj */
} progress;

/* --- setting up --- */

/* Rank 0 reads the model's file, all ranks build it: one look at the file, and the same model for all. */
static PetscErrorCode make_model(wf_simulation *s)
{
  const wf_params *params   = wf_run_params(s->run);
  wf_mistakes     *mistakes = wf_mistakes_create();
  char            *text     = NULL;
  uint64_t         length   = 0;

  PetscFunctionBeginUser;
  PetscCheck(mistakes, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory to begin with");
  if (*params->simulate.model) {
    if (wf_run_rank(s->run) == 0) text = wf_model_file_read(params->simulate.model, &length, mistakes);
    PetscCallMPI(MPI_Bcast(&length, 1, MPI_UINT64_T, 0, wf_run_comm(s->run)));
    if (!text) text = wf_calloc(length + 1, 1);
    PetscCheck(text, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the model");
    PetscCallMPI(MPI_Bcast(text, (int)length, MPI_CHAR, 0, wf_run_comm(s->run)));
  }
  if (!wf_mistakes_count(mistakes) && wf_simulated_model_create(params, text, length, mistakes, &s->model))
    (void)wf_simulated_output_choose(params, &s->model, mistakes, &s->output);
  int n_mistakes = wf_mistakes_count(mistakes);
  PetscCallMPI(MPI_Bcast(&n_mistakes, 1, MPI_INT, 0, wf_run_comm(s->run)));
  if (n_mistakes && wf_run_rank(s->run) == 0) wf_mistakes_print(mistakes, stderr);
  if (n_mistakes) PetscCall(wf_run_fail(s->run, WF_EXIT_USER, "simulate: %d mistake%s", n_mistakes, n_mistakes > 1 ? "s" : ""));
  wf_mistakes_destroy(&mistakes);
  wf_free(text);
  PetscFunctionReturn(0);
}

static void deal_blocks(wf_simulation *s)
{
  const int64_t rank = wf_run_rank(s->run), size = wf_run_size(s->run);
  s->n_traj     = wf_run_params(s->run)->simulate.trajectories;
  s->block_size = LEAST_BLOCK;
  while ((s->n_traj + s->block_size - 1) / s->block_size > MOST_BLOCKS) s->block_size *= 2;
  s->n_blocks       = (s->n_traj + s->block_size - 1) / s->block_size;
  s->first_block    = s->n_blocks * rank / size;
  s->n_local_blocks = s->n_blocks * (rank + 1) / size - s->first_block;
  s->first_traj     = wf_rows_before(s, s->first_block);
  s->n_local        = wf_rows_before(s, s->first_block + s->n_local_blocks) - s->first_traj;
}

static PetscErrorCode make_state(wf_simulation *s)
{
  const size_t n = (size_t)s->n_local_blocks;

  PetscFunctionBeginUser;
  int64_t **arrays[] = {&s->counted, &s->jumps, &s->done, &s->events, &s->written, &s->put, &s->base};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    *arrays[i] = wf_calloc(n, sizeof(int64_t));
    PetscCheck(*arrays[i], PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the blocks");
  }
  s->digest = wf_calloc(n, 2 * sizeof *s->digest);
  if (s->output.statistics) s->statistics = wf_statistics_create(&s->output.statistics_config);
  PetscCheck(s->digest && (s->statistics || !s->output.statistics) && wf_simulation_make_buffers(s), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "no memory for %d times of %d species and their statistics", s->model.n_time, s->model.n_counts + s->model.n_values);
  PetscFunctionReturn(0);
}

static PetscErrorCode destroy_simulation(wf_simulation *s)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_suspend(&s->file));
  wf_simulation_free_buffers(s);
  wf_statistics_destroy(&s->statistics);
  wf_simulated_model_destroy(&s->model);
  int64_t *arrays[] = {s->counted, s->jumps, s->done, s->events, s->written, s->put, s->base};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) wf_free(arrays[i]);
  wf_free(s->digest);
  PetscFunctionReturn(0);
}

/* --- simulating --- */

static PetscErrorCode look_at_progress(wf_simulation *s, progress *p)
{
  int64_t sums[5] = {0, 0, 0, 0, s->n_new_events};

  PetscFunctionBeginUser;
  for (int64_t b = 0; b < s->n_local_blocks; b++) {
    sums[0] += s->counted[b];
    sums[1] += s->done[b];
    sums[2] += s->written[b];
    sums[3] += s->events[b];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 5, MPI_INT64_T, MPI_SUM, wf_run_comm(s->run)));
  int64_t failed = s->failed ? (int64_t)s->failure.trajectory : s->n_traj;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT64_T, MPI_MIN, wf_run_comm(s->run)));
  *p = (progress){sums[0], sums[1], sums[2], sums[3], sums[4], failed};
  if (s->file) PetscCall(wf_file_rows_check(s->file));
  PetscFunctionReturn(0);
}

/* The first failure of all ranks, in a line. */
static PetscErrorCode tell_failure(wf_simulation *s, const progress *p)
{
  const wf_params *params = wf_run_params(s->run);
  const bool       file   = *params->simulate.model;
  int              teller = s->failed && (int64_t)s->failure.trajectory == p->failed ? wf_run_rank(s->run) : wf_run_size(s->run);

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &teller, 1, MPI_INT, MPI_MIN, wf_run_comm(s->run)));
  PetscCallMPI(MPI_Bcast(&s->failure, sizeof s->failure, MPI_BYTE, teller, wf_run_comm(s->run)));
  PetscCall(wf_run_fail(s->run, WF_EXIT_USER, "simulate.%s = %s: trajectory %" PRId64 " at time %.6g: %s",
                        file ? "model" : "system", file ? params->simulate.model : s->model.name, p->failed, s->failure.time,
                        s->failure.what));
  PetscFunctionReturn(0);
}

/* Seldom enough that ranks hardly wait for each other, but within a tenth of the time to a checkpoint, and of the run's limit. */
static double round_seconds(const wf_simulation *s)
{
  const wf_params *params = wf_run_params(s->run);
  const double     limit = 6 * params->run.stop_minutes, cadence = 6 * params->run.checkpoint_minutes;
  const double     length = PetscMin(LONG_ROUND, PetscMax(ROUND, cadence));
  return limit > 0 ? PetscMin(length, PetscMax(SHORT_ROUND, limit)) : length;
}

/* One pass over all trajectories; *go_on false where the run shall end before it is done. */
static PetscErrorCode make_pass(wf_simulation *s, bool counting, progress *p, bool *go_on)
{
  const int     n_passes        = s->output.jumps ? 2 : 1;
  const int64_t total           = n_passes * s->n_traj;
  const double  length          = round_seconds(s);
  bool (*work)(wf_simulation *) = counting ? wf_simulation_count_batch : wf_simulation_run_batch;

  PetscFunctionBeginUser;
  *go_on    = true;
  s->cursor = 0;
  PetscCall(look_at_progress(s, p));
  while ((counting ? p->counted : p->written) < s->n_traj && *go_on) {
    wf_pause     pause;
    const double round = MPI_Wtime();
    wf_run_phase(s->run, "simulate");
    while (MPI_Wtime() - round < length && work(s)) {
    }
    wf_run_phase(s->run, "wait");
    PetscCall(look_at_progress(s, p));
    s->seconds += MPI_Wtime() - round;
    PetscCall(wf_run_progress(s->run, p->counted + p->written, total, "%.1f million events/s a rank",
                              (double)p->new_events / 1e6 / s->seconds / wf_run_size(s->run)));
    if (p->failed < s->n_traj) *go_on = false;
    if (p->failed < s->n_traj || (counting ? p->counted : p->written) == s->n_traj) break;
    PetscCall(wf_run_pause(s->run, &pause));
    if (pause.checkpoint) {
      wf_run_phase(s->run, "checkpoint");
      PetscCall(wf_simulation_write_checkpoint(s, p->counted + p->written));
    }
    if (pause.stop) *go_on = false;
  }
  PetscFunctionReturn(0);
}

/* Where each block's jumps begin, once all are counted. */
static PetscErrorCode place_jumps(wf_simulation *s)
{
  int64_t local = 0, before = 0;

  PetscFunctionBeginUser;
  for (int64_t b = 0; b < s->n_local_blocks; b++) local += s->jumps[b];
  PetscCallMPI(MPI_Exscan(&local, &before, 1, MPI_INT64_T, MPI_SUM, wf_run_comm(s->run)));
  if (wf_run_rank(s->run) == 0) before = 0;
  PetscCallMPI(MPI_Allreduce(&local, &s->n_jumps, 1, MPI_INT64_T, MPI_SUM, wf_run_comm(s->run)));
  for (int64_t b = 0; b < s->n_local_blocks; b++) {
    s->base[b] = before;
    before += s->jumps[b];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode simulate_ensemble(wf_simulation *s, bool resumed, progress *p, bool *go_on)
{
  PetscFunctionBeginUser;
  *go_on = true;
  if (s->output.jumps) PetscCall(make_pass(s, true, p, go_on));
  if (!*go_on) PetscFunctionReturn(0);
  wf_run_phase(s->run, "open");
  if (s->output.jumps) PetscCall(place_jumps(s));
  PetscCall(wf_simulation_open_product(s, resumed));
  PetscCall(make_pass(s, false, p, go_on));
  PetscFunctionReturn(0);
}

static PetscErrorCode tell_result(wf_simulation *s, const progress *p)
{
  const bool  modulated  = wf_simulator_is_modulated(s->model.simulator);
  const char *rate       = wf_run_params(s->run)->simulate.rate;
  char        model[128] = "";

  PetscFunctionBeginUser;
  if (s->model.network)
    snprintf(model, sizeof model, "%d species, %d reactions, %.16s%s", wf_network_n_species(s->model.network),
             wf_network_n_reactions(s->model.network), modulated ? rate : "", modulated ? " time-dependent rates, " : "");
  PetscCall(wf_run_log(s->run, "  %s: %s%s; %" PRId64 " trajectories, %" PRId64 " events, %.1f million/s a rank", s->model.name,
                       model, wf_simulator_description(s->model.simulator), s->n_traj, p->events,
                       s->seconds > 0 ? (double)p->new_events / 1e6 / s->seconds / wf_run_size(s->run) : 0));
  PetscFunctionReturn(0);
}

/* What the user can have wrong between the command line and here. */
static PetscErrorCode refuse_mistakes(wf_run *run)
{
  const wf_params *params = wf_run_params(run);

  PetscFunctionBeginUser;
  if (params->data.file[0])
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "data.file = %s: `import` reads it, and so does `run`; leave it out to simulate",
                          params->data.file));
  else if (!(params->simulate.t_end > 0))
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "simulate.t_end = %g: must be above 0", params->simulate.t_end));
  PetscFunctionReturn(0);
}

/* ---------------------------------------------------------------------------------------------------------------------------
   The stage: set up, go on from a checkpoint, simulate, finish the file.
   --------------------------------------------------------------------------------------------------------------------------- */
PetscErrorCode wf_stage_simulate(wf_run *run)
{
  wf_simulation s     = {.run = run};
  progress      p     = {0};
  const char   *model = wf_run_params(run)->simulate.model;
  char          parent[WF_PARAM_TEXT_SIZE + 8];
  bool          needed, resumed, go_on;

  PetscFunctionBeginUser;
  snprintf(parent, sizeof parent, "file:%s", model);
  PetscCall(wf_run_stage_begin(run, "simulate", "ensemble.h5", *model ? 1 : 0, (const char *[]){parent}, "simulate", &needed));
  if (!needed) PetscFunctionReturn(0);
  PetscCall(refuse_mistakes(run));
  if (wf_run_exit_code(run)) PetscFunctionReturn(0);
  wf_run_phase(run, "set up");
  PetscCall(make_model(&s));
  if (!wf_run_exit_code(run)) {
    deal_blocks(&s);
    PetscCall(make_state(&s));
    PetscCall(wf_simulation_read_checkpoint(&s, &resumed));
    PetscCall(simulate_ensemble(&s, resumed, &p, &go_on));
    if (go_on) {
      PetscCall(tell_result(&s, &p));
      wf_run_phase(run, "finish");
      PetscCall(wf_simulation_finish_product(&s, p.events));
    } else if (p.failed < s.n_traj) {
      PetscCall(tell_failure(&s, &p));
      PetscCall(wf_file_discard(&s.file)); /* nobody goes on with it */
    } else
      PetscCall(wf_run_stop(run));
  }
  PetscCall(destroy_simulation(&s));
  PetscFunctionReturn(0);
}
