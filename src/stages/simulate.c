/* Stage simulate: parameters -> simulate/ensemble.h5, trajectories of a built-in reaction network sampled at equally spaced
   times.

   Trajectories are dealt to the ranks in consecutive blocks. A trajectory depends on the seed and its index alone, so neither the
   deal nor a checkpoint's moment can be seen in the result. A checkpoint holds all counts so far and, for each block, its number
   of events or -1 where it is still to be done; it can be gone on with on any number of ranks. Gillespie (1977), J. Phys. Chem.
   81, 2340; systems and ensembles as in Li et al. (2026), section "Simulated systems". */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "stages/stages.h"

enum { BLOCK = 16 };                      /* trajectories; part of the checkpoint's format */
static const double round_seconds = 0.25; /* between two looks at clock, signals and the other ranks */

typedef struct {
  wf_run      *run;
  wf_network  *network;
  wf_simulator *simulator;
  wf_ssa_rate  rate;
  int          n_time, n_species;
  int64_t      n_traj, n_blocks;
  int64_t      first_block, n_local_blocks, first_traj, n_local; /* this rank's */
  double      *times;                                            /* [n_time] */
  int32_t     *counts;                                           /* [n_local, n_time, n_species] */
  int64_t     *events;                                           /* [n_local_blocks], -1: still to be done */
  int64_t      next_block, failed_traj;                          /* of this rank; failed_traj = n_traj: none */
  int64_t      n_done, n_events, n_new_events; /* over all ranks: blocks, events, and events since the start of this program */
  double       seconds;
} simulation;

static int64_t rows_before_block(const simulation *s, int64_t block) { return PetscMin(block * BLOCK, s->n_traj); }

/* --- setting up --- */

static PetscErrorCode create_simulation(simulation *s)
{
  const wf_params *params = wf_run_params(s->run);
  const int64_t    rank = wf_run_rank(s->run), size = wf_run_size(s->run);

  PetscFunctionBeginUser;
  s->network = wf_network_create_builtin(params->simulate.system);
  PetscCheck(s->network, PETSC_COMM_SELF, PETSC_ERR_LIB, "no built-in system %s", params->simulate.system);
  s->rate           = wf_params_choice("simulate", "rate", params->simulate.rate) == 1 ? WF_SSA_RATE_FROZEN : WF_SSA_RATE_EXACT;
  s->n_time         = (int)params->simulate.samples;
  s->n_species      = wf_network_n_recorded(s->network);
  s->n_traj         = params->simulate.trajectories;
  s->n_blocks       = (s->n_traj + BLOCK - 1) / BLOCK;
  s->first_block    = s->n_blocks * rank / size;
  s->n_local_blocks = s->n_blocks * (rank + 1) / size - s->first_block;
  s->first_traj     = rows_before_block(s, s->first_block);
  s->n_local        = rows_before_block(s, s->first_block + s->n_local_blocks) - s->first_traj;
  s->failed_traj    = s->n_traj;
  s->times          = wf_calloc((size_t)s->n_time, sizeof *s->times);
  s->counts         = wf_calloc((size_t)s->n_local * (size_t)s->n_time * (size_t)s->n_species, sizeof *s->counts);
  s->events         = wf_calloc((size_t)s->n_local_blocks, sizeof *s->events);
  PetscCheck(s->times && s->counts && s->events, PETSC_COMM_SELF, PETSC_ERR_MEM,
             "no memory for %" PRId64 " trajectories of %d times and %d species on one rank: run on more nodes", s->n_local,
             s->n_time, s->n_species);
  for (int k = 0; k < s->n_time; k++) s->times[k] = k * params->simulate.t_end / (s->n_time - 1);
  for (int64_t b = 0; b < s->n_local_blocks; b++) s->events[b] = -1;
  char                why[192];
  const wf_ssa_config config = {.rate = s->rate, .seed = wf_run_seed(s->run), .n_time = s->n_time, .times = s->times};
  s->simulator               = wf_simulator_create(s->network, &config, why, sizeof why);
  PetscCheck(s->simulator, PETSC_COMM_SELF, PETSC_ERR_MEM, "%s", why);
  PetscFunctionReturn(0);
}

static void destroy_simulation(simulation *s)
{
  wf_simulator_destroy(&s->simulator);
  wf_network_destroy(&s->network);
  wf_free(s->times);
  wf_free(s->counts);
  wf_free(s->events);
}

/* --- files --- */

static wf_dataset describe_counts(const simulation *s)
{
  return (wf_dataset){.name        = "/counts",
                      .type        = WF_TYPE_INT32,
                      .rank        = 3,
                      .shape       = {s->n_traj, s->n_time, s->n_species},
                      .description = "counts of each trajectory, just before the first event after each time",
                      .unit        = "molecules",
                      .axes        = "trajectory,time,species"};
}

static PetscErrorCode write_checkpoint(simulation *s)
{
  const wf_dataset counts = describe_counts(s);
  const wf_dataset events = {.name        = "/events",
                             .type        = WF_TYPE_INT64,
                             .rank        = 1,
                             .shape       = {s->n_blocks},
                             .description = "events of each block of 16 trajectories, -1 where it is still to be done",
                             .unit        = "",
                             .axes        = "block"};
  wf_file         *file;

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_create(s->run, s->n_done, &file));
  PetscCall(wf_file_write_rows(file, &counts, s->first_traj, s->n_local, s->counts));
  PetscCall(wf_file_write_rows(file, &events, s->first_block, s->n_local_blocks, s->events));
  PetscCall(wf_run_checkpoint_publish(s->run, &file));
  PetscFunctionReturn(0);
}

/* Take over what a checkpoint has of this rank's blocks. */
static PetscErrorCode read_checkpoint(simulation *s)
{
  wf_file *file;
  int64_t  step, shape[WF_MAX_RANK];
  int      rank;
  wf_type  type;

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_open(s->run, &file, &step));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_file_shape(file, "/counts", &rank, shape, &type));
  PetscCheck(rank == 3 && shape[0] == s->n_traj && shape[1] == s->n_time && shape[2] == s->n_species, wf_run_comm(s->run),
             PETSC_ERR_FILE_UNEXPECTED, "the checkpoint's counts are not those of this simulation");
  PetscCall(wf_file_read_rows(file, "/counts", WF_TYPE_INT32, s->first_traj, s->n_local, s->counts));
  PetscCall(wf_file_read_rows(file, "/events", WF_TYPE_INT64, s->first_block, s->n_local_blocks, s->events));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_product(simulation *s)
{
  const wf_dataset counts = describe_counts(s);
  const wf_dataset times  = {.name        = "/times",
                             .type        = WF_TYPE_DOUBLE,
                             .rank        = 1,
                             .shape       = {s->n_time},
                             .description = "sampled times",
                             .unit        = "time",
                             .axes        = "time"};
  const char     **names;
  wf_file         *file;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(s->n_species, &names));
  for (int i = 0; i < s->n_species; i++) names[i] = wf_network_recorded_name(s->network, i);
  PetscCall(wf_run_product_create(s->run, "ensemble", &file));
  PetscCall(wf_file_write_rows(file, &counts, s->first_traj, s->n_local, s->counts));
  PetscCall(wf_file_write(file, &times, s->times));
  PetscCall(wf_file_write_names(file, "/names/species", s->n_species, names));
  PetscCall(wf_file_write_attribute_text(file, "/", "system", wf_network_name(s->network)));
  PetscCall(wf_file_write_attribute_text(file, "/", "rate", s->rate == WF_SSA_RATE_FROZEN ? "frozen" : "exact"));
  PetscCall(wf_file_write_attribute_int(file, "/", "events", s->n_events));
  PetscCall(wf_run_stage_end(s->run, &file));
  PetscCall(PetscFree(names));
  PetscFunctionReturn(0);
}

/* --- simulating --- */

/* One block of this rank; false at the first trajectory that cannot be simulated. */
static bool simulate_block(simulation *s, int64_t block)
{
  const size_t   row    = (size_t)s->n_time * (size_t)s->n_species;
  const int64_t  before = rows_before_block(s, s->first_block + block), after = rows_before_block(s, s->first_block + block + 1);
  int64_t        events[BLOCK];
  wf_ssa_failure failure;
  wf_ssa_batch   batch = {.first    = (uint64_t)before,
                          .n_traj   = (int)(after - before),
                          .counts   = s->counts + (size_t)(before - s->first_traj) * row,
                          .n_events = events};
  if (!wf_simulator_run(s->simulator, &batch, &failure)) {
    s->failed_traj = (int64_t)failure.trajectory;
    return false;
  }
  s->events[block] = 0;
  for (int i = 0; i < batch.n_traj; i++) s->events[block] += events[i];
  s->n_new_events += s->events[block];
  return true;
}

/* This rank's blocks until it has none or the round is over; the clock decides when others are heard, never what is computed. */
static void simulate_round(simulation *s)
{
  const double start = MPI_Wtime();
  while (s->next_block < s->n_local_blocks && s->failed_traj == s->n_traj && MPI_Wtime() - start < round_seconds) {
    int64_t block = s->next_block++;
    if (s->events[block] < 0 && !simulate_block(s, block)) s->next_block = block;
  }
}

/* Where all ranks are; *n_new_events over all ranks. */
static PetscErrorCode count_progress(simulation *s, int64_t *n_new_events)
{
  int64_t local[3] = {0, 0, s->n_new_events}, global[3];

  PetscFunctionBeginUser;
  for (int64_t b = 0; b < s->n_local_blocks; b++) {
    local[0] += s->events[b] >= 0;
    local[1] += PetscMax(s->events[b], 0);
  }
  PetscCallMPI(MPI_Allreduce(local, global, 3, MPI_INT64_T, MPI_SUM, wf_run_comm(s->run)));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &s->failed_traj, 1, MPI_INT64_T, MPI_MIN, wf_run_comm(s->run)));
  s->n_done     = global[0];
  s->n_events   = global[1];
  *n_new_events = global[2];
  PetscFunctionReturn(0);
}

/* All blocks; *stop where the run shall end before they are done. */
static PetscErrorCode simulate_trajectories(simulation *s, bool *stop)
{
  const double start = MPI_Wtime();
  int64_t      n_new_events;

  PetscFunctionBeginUser;
  *stop = false;
  PetscCall(count_progress(s, &n_new_events));
  while (s->n_done < s->n_blocks && !*stop && s->failed_traj == s->n_traj) {
    wf_pause pause;
    wf_run_phase(s->run, "simulate");
    simulate_round(s);
    wf_run_phase(s->run, "wait");
    PetscCall(count_progress(s, &n_new_events));
    s->seconds = MPI_Wtime() - start;
    PetscCall(wf_run_progress(s->run, rows_before_block(s, s->n_done), s->n_traj, "%.1f million events/s a rank",
                              (double)n_new_events / 1e6 / s->seconds / wf_run_size(s->run)));
    if (s->n_done == s->n_blocks || s->failed_traj < s->n_traj) break;
    PetscCall(wf_run_pause(s->run, &pause));
    if (pause.checkpoint) {
      wf_run_phase(s->run, "checkpoint");
      PetscCall(write_checkpoint(s));
    }
    *stop = pause.stop;
  }
  if (!*stop)
    PetscCall(wf_run_log(
        s->run, "  %s: %d species, %d reactions, %s rates; %" PRId64 " trajectories, %" PRId64 " events, %.1f million/s a rank",
        wf_network_name(s->network), wf_network_n_species(s->network), wf_network_n_reactions(s->network),
        !wf_network_is_modulated(s->network) ? "constant"
        : s->rate == WF_SSA_RATE_FROZEN      ? "frozen"
                                             : "exact",
        s->n_traj, s->n_events, s->seconds > 0 ? (double)n_new_events / 1e6 / s->seconds / wf_run_size(s->run) : 0));
  PetscFunctionReturn(0);
}

/* ---------------------------------------------------------------------------------------------------------------------------
   The stage: set up, go on from a checkpoint, simulate, write.
   --------------------------------------------------------------------------------------------------------------------------- */
PetscErrorCode wf_stage_simulate(wf_run *run)
{
  simulation s = {.run = run};
  bool       needed, stop;

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "simulate", "ensemble.h5", 0, NULL, "simulate", &needed));
  if (!needed) PetscFunctionReturn(0);
  if (wf_run_params(run)->data.file[0]) {
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "data.file = %s: `import` reads it, and so does `run`; leave it out to simulate",
                          wf_run_params(run)->data.file));
    PetscFunctionReturn(0);
  }
  if (!(wf_run_params(run)->simulate.t_end > 0)) {
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "simulate.t_end = %g: must be above 0", wf_run_params(run)->simulate.t_end));
    PetscFunctionReturn(0);
  }
  wf_run_phase(run, "set up");
  PetscCall(create_simulation(&s));
  PetscCall(read_checkpoint(&s));
  PetscCall(simulate_trajectories(&s, &stop));
  if (s.failed_traj < s.n_traj)
    PetscCall(wf_run_fail(run, WF_EXIT_USER,
                          "simulate.system = %s: trajectory %" PRId64
                          " explodes: a count passes 2^31 - 1 or the total rate overflows",
                          wf_network_name(s.network), s.failed_traj));
  else if (stop)
    PetscCall(wf_run_stop(run));
  else {
    wf_run_phase(run, "write");
    PetscCall(write_product(&s));
  }
  destroy_simulation(&s);
  PetscFunctionReturn(0);
}
