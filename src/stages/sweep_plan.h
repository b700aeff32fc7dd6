/* Inside of command `sweep`: which runs there are. */
#ifndef WEIGHTFLOW_SWEEP_PLAN_H
#define WEIGHTFLOW_SWEEP_PLAN_H
#include <weightflow/params.h>

/* Runs are numbered row by row of the table of options, seeds fastest. */
typedef struct {
  const wf_params     *base; /* borrowed */
  int64_t              n_seeds, *seeds;
  bool                 has_table;
  int                  n_rows, n_columns; /* without a table: one row of none */
  const wf_param_row **columns;           /* [n_columns] */
  const char         **cells;             /* [n_rows, n_columns] into text */
  int                 *lines;             /* [n_rows] where they stand */
  char                *text;              /* the table's, cut into words */
} sweep_plan;

/* Read the seeds and the table. Collective on comm: rank 0 reads the file, all make the same of it. What is wrong is added to
   mistakes (on all ranks); the plan is to be destroyed in any case. params is borrowed until then. */
PetscErrorCode wf_sweep_plan_create(MPI_Comm comm, const wf_params *params, wf_mistakes *mistakes, sweep_plan *plan);
void           wf_sweep_plan_destroy(sweep_plan *plan);

int64_t wf_sweep_plan_size(const sweep_plan *plan);
/* Name of a run's folder below run.out: seed_00007, or row_003_seed_00007 where there is a table. */
void wf_sweep_plan_name(const sweep_plan *plan, int64_t i_run, char *name, size_t size);
/* The parameters of a run. */
void wf_sweep_plan_params(const sweep_plan *plan, int64_t i_run, wf_params *params);
/* A table's row on a run: its seed and swept values between tabs; and the header for that. */
void wf_sweep_plan_print(const sweep_plan *plan, int64_t i_run, FILE *stream);
void wf_sweep_plan_print_header(const sweep_plan *plan, FILE *stream);
#endif
