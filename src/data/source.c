/* Readers of ensembles, see source.h. A further format is a further row of the table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "source.h"

struct wf_source_format {
  const char *signature; /* how its files begin */
  size_t      length;
  PetscErrorCode (*open)(wf_source *source, const char *path, char *why, size_t why_size);
  PetscErrorCode (*read_rows)(wf_source *source, int64_t first, int64_t n_rows, double *values);
};

/* Every rank opens the file for itself; the first that cannot tells why. */
static PetscErrorCode open_npy(wf_source *source, const char *path, char *why, size_t why_size)
{
  char reason[256] = "";
  int  size, first_bad;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(source->comm, &size));
  first_bad = wf_npy_open(path, &source->npy, reason, sizeof(reason)) ? size : source->rank;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &first_bad, 1, MPI_INT, MPI_MIN, source->comm));
  if (first_bad < size) {
    PetscCallMPI(MPI_Bcast(reason, sizeof(reason), MPI_CHAR, first_bad, source->comm));
    snprintf(why, why_size, "%s: %s", path, reason);
    PetscFunctionReturn(0);
  }
  if (source->npy.rank != 3)
    snprintf(why, why_size, "%s: has %d axes, wanted are 3: trajectory, time, species", path, source->npy.rank);
  memcpy(source->shape, source->npy.shape, sizeof(source->shape));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_npy_rows(wf_source *source, int64_t first, int64_t n_rows, double *values)
{
  PetscFunctionBeginUser;
  PetscCheck(wf_npy_read_rows(&source->npy, first, n_rows, values), PETSC_COMM_SELF, PETSC_ERR_FILE_READ,
             "the .npy file cannot be read: %s", strerror(errno));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_h5_labels(wf_source *source, const char *path, char *why, size_t why_size)
{
  int     rank, n;
  int64_t shape[WF_MAX_RANK];
  bool    has;

  PetscFunctionBeginUser;
  PetscCall(wf_file_has(source->file, "/times", &has));
  if (has) {
    PetscCall(wf_file_shape(source->file, "/times", &rank, shape, NULL));
    if (rank != 1 || shape[0] != source->shape[1]) {
      snprintf(why, why_size, "%s: /times has %lld entries, %s has %lld times", path, (long long)shape[0], source->counts,
               (long long)source->shape[1]);
      PetscFunctionReturn(0);
    }
    source->times = wf_calloc((size_t)shape[0], sizeof(double));
    PetscCheck(source->times, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
    PetscCall(wf_file_read(source->file, "/times", WF_TYPE_DOUBLE, source->times));
  }
  PetscCall(wf_file_has(source->file, "/names/species", &has));
  if (!has) PetscFunctionReturn(0);
  PetscCall(wf_file_read_names(source->file, "/names/species", &n, &source->species));
  if (n != source->shape[2])
    snprintf(why, why_size, "%s: /names/species has %d names, %s has %lld species", path, n, source->counts,
             (long long)source->shape[2]);
  PetscFunctionReturn(0);
}

/* Our own files are checked by their digest; another program's need only have /counts, or /trajectories. */
static PetscErrorCode open_h5(wf_source *source, const char *path, char *why, size_t why_size)
{
  char    kind[64];
  bool    is_ours, has;
  int     rank;
  int64_t shape[WF_MAX_RANK];

  PetscFunctionBeginUser;
  PetscCall(wf_file_open_foreign(source->comm, path, &source->file, why, why_size));
  if (!source->file) PetscFunctionReturn(0);
  PetscCall(wf_file_read_attribute_text(source->file, "/", "wf_kind", kind, sizeof(kind), &is_ours));
  if (is_ours) {
    PetscCall(wf_file_close(&source->file));
    PetscCall(wf_file_open(source->comm, path, "ensemble", true, &source->file, why, why_size));
    if (!source->file) PetscFunctionReturn(0);
  }
  source->counts = "/counts";
  PetscCall(wf_file_has(source->file, "/counts", &has));
  if (!has) {
    source->counts = "/trajectories";
    PetscCall(wf_file_has(source->file, "/trajectories", &has));
  }
  if (!has) {
    snprintf(why, why_size, "%s: lacks /counts [trajectory, time, species]", path);
    PetscFunctionReturn(0);
  }
  PetscCall(wf_file_shape(source->file, source->counts, &rank, shape, NULL));
  if (rank != 3) {
    snprintf(why, why_size, "%s: %s has %d axes, wanted are 3: trajectory, time, species", path, source->counts, rank);
    PetscFunctionReturn(0);
  }
  memcpy(source->shape, shape, sizeof(source->shape));
  PetscCall(read_h5_labels(source, path, why, why_size));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_h5_rows(wf_source *source, int64_t first, int64_t n_rows, double *values)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_read_rows(source->file, source->counts, WF_TYPE_DOUBLE, first, n_rows, values));
  PetscFunctionReturn(0);
}

static const wf_source_format FORMATS[] = {
  {"\x93NUMPY", 6, open_npy, read_npy_rows},
  {"\x89HDF\r\n\x1a\n", 8, open_h5, read_h5_rows},
};
enum { N_FORMATS = sizeof(FORMATS) / sizeof(FORMATS[0]) };

/* Rank 0: which row of the table; -1 and a reason if none. */
static int recognise_format(const char *path, char *why, size_t why_size)
{
  char  start[16] = "";
  FILE *file      = fopen(path, "rb");
  if (!file) {
    snprintf(why, why_size, "%s: %s", path, errno == ENOENT ? "no such file" : strerror(errno));
    return -1;
  }
  size_t n = fread(start, 1, sizeof(start), file);
  fclose(file);
  for (int i = 0; i < N_FORMATS; i++)
    if (n >= FORMATS[i].length && memcmp(start, FORMATS[i].signature, FORMATS[i].length) == 0) return i;
  snprintf(why, why_size, "%s: %s", path, n == 0 ? "is empty, or a folder" : "is neither .npy nor HDF5");
  return -1;
}

PetscErrorCode wf_source_close(wf_source **source)
{
  PetscFunctionBeginUser;
  if (!*source) PetscFunctionReturn(0);
  wf_npy_close(&(*source)->npy);
  PetscCall(wf_file_close(&(*source)->file));
  wf_free((*source)->times);
  wf_free((*source)->species);
  wf_free(*source);
  *source = NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_source_open(MPI_Comm comm, const char *path, wf_source **result, char *why, size_t why_size)
{
  wf_source *source = wf_calloc(1, sizeof(*source));
  int        format = -1;

  PetscFunctionBeginUser;
  PetscCheck(source, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  why[0]                 = '\0';
  source->comm           = comm;
  source->npy.descriptor = -1;
  PetscCallMPI(MPI_Comm_rank(comm, &source->rank));
  if (source->rank == 0) format = recognise_format(path, why, why_size);
  PetscCallMPI(MPI_Bcast(&format, 1, MPI_INT, 0, comm));
  PetscCallMPI(MPI_Bcast(why, (int)why_size, MPI_CHAR, 0, comm));
  if (format >= 0) {
    source->format = &FORMATS[format];
    PetscCall(source->format->open(source, path, why, why_size));
  }
  if (why[0]) PetscCall(wf_source_close(&source));
  *result = source;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_source_read_rows(wf_source *source, int64_t first, int64_t n_rows, double *values)
{
  PetscFunctionBeginUser;
  PetscCall(source->format->read_rows(source, first, n_rows, values));
  PetscFunctionReturn(0);
}
