/* An ensemble of counts in memory: what a stage learns from or scores against. */
#ifndef WEIGHTFLOW_SNAPSHOTS_H
#define WEIGHTFLOW_SNAPSHOTS_H
#include <petscsys.h>
#include <weightflow/io.h>

/* All ranks hold all of it. times [n_time] increasing; counts [n_time, n_traj, n_species] row-major (time is the slowest axis,
   unlike in ensemble.h5, since stages work snapshot by snapshot); species [n_species] names. */
typedef struct {
  int      n_traj, n_time, n_species;
  int32_t  max_count;
  double  *times;
  int32_t *counts;
  char   **species;
} wf_snapshots;

/* Read ensemble.h5. rows [n_rows] increasing trajectory indices, or NULL with n_rows = 0 for all. Collective. A bad file:
   *snapshots = NULL and why is set. Free with wf_snapshots_destroy. */
PetscErrorCode wf_snapshots_read(MPI_Comm comm, const char *path, int n_rows, const int *rows, wf_snapshots **snapshots, char *why,
                                 size_t why_size);
PetscErrorCode wf_snapshots_destroy(wf_snapshots **snapshots);

/* Deal trajectories 0..n_traj-1 into those that train and those held out (share `holdout`), by the run's seed: the first
   n_train = n_traj - round(holdout n_traj) of a random permutation, sorted. rows [n_traj] out: training rows first, held-out rows
   after. With holdout = 0 all train, and all are scored. Not collective. */
void wf_snapshots_split(uint64_t seed, int n_traj, double holdout, int *n_train, int *rows);
#endif
