/* States from a user's file, see states.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <weightflow/io.h>
#include <weightflow/states.h>
#include "npy.h"

/* Rank 0 reads the file; *values [shape] is allocated by PetscMalloc on all ranks. */
static PetscErrorCode read_npy(MPI_Comm comm, const char *path, int64_t shape[2], double **values, char *why, size_t why_size)
{
  wf_npy npy  = {.descriptor = -1};
  bool   open = false;
  int    rank, i_am_first;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  i_am_first = rank == 0;
  if (i_am_first) {
    open = wf_npy_open(path, &npy, why, why_size);
    if (open && npy.rank == 2) memcpy(shape, npy.shape, 2 * sizeof *shape);
    else if (open) snprintf(why, why_size, "%d axes instead of 2", npy.rank);
  }
  PetscCallMPI(MPI_Bcast(shape, 2, MPI_INT64_T, 0, comm));
  PetscCallMPI(MPI_Bcast(why, (int)why_size, MPI_CHAR, 0, comm));
  PetscCall(PetscMalloc1((size_t)(shape[0] * shape[1]), values));
  if (i_am_first && !why[0] && !wf_npy_read_rows(&npy, 0, shape[0], *values)) snprintf(why, why_size, "cannot be read");
  if (open) wf_npy_close(&npy);
  PetscCallMPI(MPI_Bcast(why, (int)why_size, MPI_CHAR, 0, comm));
  PetscCallMPI(MPI_Bcast(*values, (int)(shape[0] * shape[1]), MPI_DOUBLE, 0, comm));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_hdf5(MPI_Comm comm, const char *path, int64_t shape[2], double **values, char *why, size_t why_size)
{
  wf_file *file;
  bool     has;
  int      rank;
  int64_t  extent[WF_MAX_RANK] = {0};
  wf_type  type;

  PetscFunctionBeginUser;
  PetscCall(wf_file_open_foreign(comm, path, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_file_has(file, "/states", &has));
  if (!has) snprintf(why, why_size, "no dataset /states");
  else {
    PetscCall(wf_file_shape(file, "/states", &rank, extent, &type));
    if (rank != 2) snprintf(why, why_size, "/states has %d axes instead of 2", rank);
  }
  if (!why[0]) {
    memcpy(shape, extent, 2 * sizeof *shape);
    PetscCall(PetscMalloc1((size_t)(shape[0] * shape[1]), values));
    PetscCall(wf_file_read(file, "/states", WF_TYPE_DOUBLE, *values));
  }
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static PetscErrorCode take_counts(const int64_t shape[2], const double *values, int32_t **states, char *why, size_t why_size)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)(shape[0] * shape[1]), states));
  for (int64_t i = 0; i < shape[0] * shape[1]; i++) {
    if (!(values[i] >= 0 && values[i] <= INT32_MAX && values[i] == floor(values[i]))) {
      snprintf(why, why_size, "state %" PRId64 ", species %" PRId64 ": %g is not a count", i / shape[1], i % shape[1], values[i]);
      PetscCall(PetscFree(*states));
      break;
    }
    (*states)[i] = (int32_t)values[i];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_states_read(MPI_Comm comm, const char *path, int n_species, int *n, int32_t **states, char *why, size_t why_size)
{
  char        reason[512] = "";
  int64_t     shape[2]    = {0};
  double     *values      = NULL;
  const char *dot         = strrchr(path, '.');

  PetscFunctionBeginUser;
  *n      = 0;
  *states = NULL;
  if (dot && !strcmp(dot, ".npy")) PetscCall(read_npy(comm, path, shape, &values, reason, sizeof reason));
  else PetscCall(read_hdf5(comm, path, shape, &values, reason, sizeof reason));
  if (!reason[0] && (shape[0] < 1 || shape[1] != n_species))
    snprintf(reason, sizeof reason, "shape [%" PRId64 ", %" PRId64 "] instead of [n, %d], one row a state", shape[0], shape[1], n_species);
  if (!reason[0]) PetscCall(take_counts(shape, values, states, reason, sizeof reason));
  if (reason[0]) snprintf(why, why_size, "predict.states = %s: %s", path, reason);
  else *n = (int)shape[0];
  PetscCall(PetscFree(values));
  PetscFunctionReturn(0);
}
