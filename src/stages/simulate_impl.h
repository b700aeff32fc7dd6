/* What the files simulate*.c share: a model that is ready to be simulated, the plan of an ensemble, and where the work stands. */
#ifndef WEIGHTFLOW_STAGES_SIMULATE_IMPL_H
#define WEIGHTFLOW_STAGES_SIMULATE_IMPL_H
#include <weightflow/run.h>
#include <weightflow/ssa.h>
#include <weightflow/statistics.h>

/* Room for a block of samples and for a block of jumps, in bytes a rank. */
enum { WF_SAMPLE_BUFFER = 4 << 20, WF_JUMP_BUFFER = 4 << 20, WF_MAX_QUANTILES = 64 };

/* What is simulated: a network or a jump process, its simulator and the times. */
typedef struct {
  wf_network            *network;
  const wf_jump_process *process;
  wf_simulator          *simulator;
  double                *times; /* [n_time] */
  const char            *name;
  int                    n_time, n_counts, n_values, n_jumps; /* n_jumps: kinds of jumps */
} wf_simulated_model;

/* Make the model that params name. text [length]: the contents of simulate.model, NULL for a built-in one. All that is wrong is
   added to mistakes, and false returned. Not collective. Free with wf_simulated_model_destroy. */
bool wf_simulated_model_create(const wf_params *params, const char *text, size_t length, wf_mistakes *mistakes,
                               wf_simulated_model *model);
void wf_simulated_model_destroy(wf_simulated_model *model);
/* The contents of simulate.model, to be freed with wf_free; NULL and a mistake where it cannot be read. Not collective. */
char *wf_model_file_read(const char *path, size_t *length, wf_mistakes *mistakes);

/* What is put out. */
typedef struct {
  bool                 samples, last_only, jumps, statistics; /* which parts the product has */
  wf_statistics_config statistics_config;
  int                  n_quantiles;
  double               quantiles[WF_MAX_QUANTILES];
} wf_simulated_output;

/* What params ask for; false and mistakes where that cannot be had. Not collective. */
bool wf_simulated_output_choose(const wf_params *params, const wf_simulated_model *model, wf_mistakes *mistakes,
                                wf_simulated_output *output);

/* Places of the datasets in the product, by wf_file_declare; -1 where it has none. */
typedef struct {
  int counts, values, offset, time, jump, state;
  int mean, variance, covariance, minimum, maximum, quantiles, bin_width, histogram;
  int value_mean, value_variance, value_covariance, value_minimum, value_maximum;
} wf_simulated_places;

/* The state of an ensemble. Trajectories are dealt in blocks of block_size, an unchanging number; a rank has consecutive ones, and
   of each a first part is done. Arrays are over this rank's blocks. */
typedef struct {
  wf_run             *run;
  wf_simulated_model  model;
  wf_simulated_output output;
  wf_statistics      *statistics;
  int64_t             n_traj, block_size, n_blocks, first_block, n_local_blocks, first_traj, n_local;
  int64_t            *counted; /* trajectories whose jumps are counted, and the jumps; only where jumps are put out */
  int64_t            *jumps;
  int64_t            *done; /* trajectories in the statistics and in `events` */
  int64_t            *events;
  int64_t            *written; /* trajectories whose rows are in the file; <= done, and = done unless rows were lost */
  uint64_t           *digest;  /* [n_local_blocks, 2] of the rows written */
  int64_t            *put;     /* jumps among the rows written */
  int64_t            *base;    /* jumps before the block */
  int32_t            *known;   /* [n_local] jumps of each trajectory, -1 where not known; NULL where there are too many */
  int64_t             n_jumps; /* of all trajectories, once counted */

  wf_file            *file;
  wf_simulated_places at;
  char                rest_digest[WF_DIGEST_SIZE]; /* of the product without its rows */
  int64_t             cursor;                      /* this rank has no work before this block */
  int64_t             batch, capacity;             /* trajectories simulated at once, now and at most */
  int32_t            *counts;
  double             *values;
  int64_t            *batch_events, *offsets;
  double             *jump_time;
  int32_t            *jump_kind, *jump_state;
  int64_t             jump_room;

  wf_ssa_failure failure; /* of this rank */
  bool           failed;
  int64_t        n_new_events; /* of this rank, simulated by this program */
  double         seconds;
} wf_simulation;

static inline int64_t wf_rows_before(const wf_simulation *s, int64_t block) /* block: global */
{
  return block * s->block_size < s->n_traj ? block * s->block_size : s->n_traj;
}
static inline int64_t wf_block_rows(const wf_simulation *s, int64_t block) /* block: of this rank */
{
  return wf_rows_before(s, s->first_block + block + 1) - wf_rows_before(s, s->first_block + block);
}

/* --- simulate_batch.c: this rank's work; not collective --- */
/* Buffers for batches; false: memory is short. */
bool wf_simulation_make_buffers(wf_simulation *s);
void wf_simulation_free_buffers(wf_simulation *s);
/* One batch of the next trajectories; false where this rank has no more to do, or failed. */
bool wf_simulation_count_batch(wf_simulation *s);
bool wf_simulation_run_batch(wf_simulation *s);
/* Which rows of the file agree with the digests of the blocks: the others are to be written again. Returns how many are lost. */
int64_t wf_simulation_verify_rows(wf_simulation *s);

/* --- simulate_files.c: product and checkpoints; collective --- */
/* Make the product's file with all its datasets, or take up the one that a killed run left; then lost rows are told. */
PetscErrorCode wf_simulation_open_product(wf_simulation *s, bool resumed);
PetscErrorCode wf_simulation_finish_product(wf_simulation *s, int64_t n_events);
PetscErrorCode wf_simulation_write_checkpoint(wf_simulation *s, int64_t step);
/* *resumed: there was one. */
PetscErrorCode wf_simulation_read_checkpoint(wf_simulation *s, bool *resumed);

/* --- simulate_statistics.c; collective --- */
/* Bring the statistics of all ranks to rank 0; the others begin anew. */
PetscErrorCode wf_simulation_gather_statistics(wf_simulation *s);
/* Declare the datasets of results, and on rank 0 put them; digest is increased. */
PetscErrorCode wf_simulation_declare_statistics(wf_simulation *s);
PetscErrorCode wf_simulation_put_statistics(wf_simulation *s, uint64_t digest[2]);
#endif
