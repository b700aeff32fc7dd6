/* A user's file of an ensemble, opened for import: shapes at once, numbers by rows. One reader a format: see the table
   in source.c. */
#ifndef WEIGHTFLOW_DATA_SOURCE_H
#define WEIGHTFLOW_DATA_SOURCE_H
#include <weightflow/io.h>
#include "npy.h"

typedef struct wf_source_format wf_source_format;

typedef struct {
  const wf_source_format *format;
  MPI_Comm comm;
  int      rank;
  int64_t  shape[3]; /* n_traj, n_time, n_species */
  double  *times;    /* [n_time], or NULL where the file has none */
  char   **species;  /* [n_species], or NULL; free with wf_free */
  wf_npy   npy;
  wf_file *file;   /* NULL: not HDF5 */
  const char *counts; /* the file's dataset of counts */
} wf_source;

/* Open path, whatever its format. *source = NULL and a one-line reason that names the file in why, on all ranks. Collective. */
PetscErrorCode wf_source_open(MPI_Comm comm, const char *path, wf_source **source, char *why, size_t why_size);
PetscErrorCode wf_source_close(wf_source **source);
/* Trajectories first .. first + n_rows - 1 into values [n_rows, n_time, n_species], as they stand in the file. n_rows may be 0.
   Collective. */
PetscErrorCode wf_source_read_rows(wf_source *source, int64_t first, int64_t n_rows, double *values);
#endif
