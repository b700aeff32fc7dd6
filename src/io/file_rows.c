/* Datasets whose rows come bit by bit, see io.h.

   The datasets are contiguous and get their room when they are made. Then HDF5 closes the file, which so is complete in structure,
   and rows go to their places by plain independent MPI-IO writes: no rank waits for another, no metadata changes, and whatever
   moment the program is killed at, the file can be opened. The digest of rows adds up, so the writer keeps it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "file_impl.h"

static const int64_t TRANSFER_BYTES = (int64_t)1 << 29; /* MPI counts are 32 bits wide */

static hid_t open_part(const wf_file *file, unsigned flags)
{
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, file->comm, MPI_INFO_NULL);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_coll_metadata_write(access, true);
  H5Pset_all_coll_metadata_ops(access, true);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  hid_t h5 = H5Fopen(file->part, flags, access);
  H5Pclose(access);
  return h5;
}

static void note_mpi_error(wf_file *file, int error, const char *what)
{
  char text[MPI_MAX_ERROR_STRING] = "";
  int  length                     = 0;
  if (error == MPI_SUCCESS || file->local_failure) return;
  MPI_Error_string(error, text, &length);
  snprintf(file->why, sizeof(file->why), "cannot %s %s: %s", what, file->part, text);
  file->local_failure = true;
}

/* --- declaring --- */

/* In a resumed file: is this the dataset that is meant? */
static bool is_as_declared(hid_t id, const wf_dataset *dataset)
{
  hsize_t extent[H5S_MAX_RANK] = {0};
  wf_type type                 = WF_TYPE_UINT8;
  hid_t   space = H5Dget_space(id), stored = H5Dget_type(id);
  bool    same = H5Sget_simple_extent_ndims(space) == dataset->rank && wf_hdf5_nearest_type(stored, &type) && type == dataset->type;
  if (same) H5Sget_simple_extent_dims(space, extent, NULL);
  for (int i = 0; same && i < dataset->rank; i++) same = (int64_t)extent[i] == dataset->shape[i];
  H5Tclose(stored);
  H5Sclose(space);
  return same;
}

static hid_t open_declared(wf_file *file, const wf_dataset *dataset, bool *has)
{
  hid_t id = *has ? H5Dopen2(file->h5, dataset->name, H5P_DEFAULT) : -1;
  *has     = id >= 0 && is_as_declared(id, dataset);
  return id;
}

/* *id negative: a resumed file has it not, or another one. */
static PetscErrorCode find_dataset(wf_file *file, const wf_dataset *dataset, hid_t *id)
{
  bool has;

  PetscFunctionBeginUser;
  if (file->resumed) {
    PetscCall(wf_file_has(file, dataset->name, &has));
    *id = open_declared(file, dataset, &has);
    if (!has && *id >= 0) H5Dclose(*id);
    if (!has) *id = -1;
    PetscFunctionReturn(0);
  }
  PetscCall(wf_file_reserve(file, wf_dataset_row_size(dataset) * dataset->shape[0] + 8192));
  *id = wf_file_make_dataset(file, dataset, true);
  PetscCall(wf_file_agree(file, *id >= 0, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_declare(wf_file *file, const wf_dataset *dataset, int *index)
{
  wf_declared *d  = &file->declared[file->n_declared];
  hid_t        id = -1;

  PetscFunctionBeginUser;
  PetscCheck(file->n_declared < WF_MAX_DECLARED && strlen(dataset->name) < sizeof(d->name), PETSC_COMM_SELF,
             PETSC_ERR_ARG_OUTOFRANGE, "too many datasets, or too long a name: %s", dataset->name);
  *index = -1;
  PetscCall(find_dataset(file, dataset, &id));
  if (id < 0) PetscFunctionReturn(0);
  haddr_t place = H5Dget_offset(id);
  H5Dclose(id);
  snprintf(d->name, sizeof(d->name), "%s", dataset->name);
  d->type             = dataset->type;
  d->n_rows           = dataset->shape[0];
  d->row_size         = wf_dataset_row_size(dataset);
  d->key              = wf_digest_dataset_key(dataset->name, dataset->type, dataset->rank, dataset->shape);
  d->volatile_content = dataset->volatile_content;
  d->offset           = place == HADDR_UNDEF ? 0 : (MPI_Offset)place;
  PetscCheck(place != HADDR_UNDEF || d->n_rows * d->row_size == 0, file->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: %s has no place of its own", file->part, dataset->name);
  if (!file->resumed) {
    if (file->rank == 0 && !dataset->volatile_content) wf_digest_add(&file->digest, d->key);
    PetscCall(wf_file_describe_dataset(file, dataset));
  }
  *index = file->n_declared++;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_rows_begin(wf_file *file, char *rest_digest)
{
  herr_t    status;
  int       error;
  wf_digest digest = file->digest;

  PetscFunctionBeginUser;
  if (file->resumed) (void)wf_file_compute_digest(file, &digest); /* where it fails it is a wrong digest: the caller sees that */
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, digest.word, 2, MPI_UINT64_T, MPI_SUM, file->comm));
  wf_digest_text(digest, rest_digest);
  if (!file->resumed) {
    PetscCall(wf_file_agree(file, true, NULL));
    status = H5Fflush(file->h5, H5F_SCOPE_GLOBAL);
    PetscCall(wf_file_agree(file, status >= 0, NULL));
  }
  status          = H5Fclose(file->h5);
  file->h5        = -1;
  file->keep_part = true;
  PetscCall(wf_file_agree(file, status >= 0, NULL));
  error = MPI_File_open(file->comm, file->part, MPI_MODE_RDWR, MPI_INFO_NULL, &file->rows);
  note_mpi_error(file, error, "write");
  PetscCall(wf_file_rows_sync(file));
  PetscFunctionReturn(0);
}

/* --- rows --- */

static int transfer(const wf_file *file, const wf_declared *d, int64_t first, int64_t n_rows, char *data, bool write)
{
  int64_t    bytes = n_rows * d->row_size;
  MPI_Offset place = d->offset + (MPI_Offset)(first * d->row_size);
  int        error = MPI_SUCCESS;
  for (int64_t begin = 0; begin < bytes && error == MPI_SUCCESS; begin += TRANSFER_BYTES) {
    int        n = (int)(bytes - begin < TRANSFER_BYTES ? bytes - begin : TRANSFER_BYTES), done = 0;
    MPI_Status status;
    error = write ? MPI_File_write_at(file->rows, place + begin, data + begin, n, MPI_BYTE, &status)
                  : MPI_File_read_at(file->rows, place + begin, data + begin, n, MPI_BYTE, &status);
    if (error == MPI_SUCCESS) MPI_Get_count(&status, MPI_BYTE, &done);
    if (error == MPI_SUCCESS && done != n) error = MPI_ERR_IO;
  }
  return error;
}

static void add_to_digest(const wf_declared *d, int64_t first, int64_t n_rows, const void *data, uint64_t digest[2])
{
  wf_digest sum = {{digest[0], digest[1]}};
  if (d->volatile_content) return;
  wf_digest_add_rows(&sum, d->key, first, n_rows, (size_t)d->row_size, data);
  digest[0] = sum.word[0];
  digest[1] = sum.word[1];
}

void wf_file_rows_put(wf_file *file, int index, int64_t first, int64_t n_rows, const void *data, uint64_t digest[2])
{
  const wf_declared *d = &file->declared[index];
  if (n_rows <= 0 || file->local_failure) return;
  if (first < 0 || first + n_rows > d->n_rows) {
    snprintf(file->why, sizeof(file->why), "%s: %s has no rows %lld + %lld", file->part, d->name, (long long)first,
             (long long)n_rows);
    file->local_failure = true;
    return;
  }
  if (digest) add_to_digest(d, first, n_rows, data, digest);
  note_mpi_error(file, transfer(file, d, first, n_rows, (char *)data, true), "write");
}

void wf_file_rows_digest(const wf_file *file, int index, int64_t first, int64_t n_rows, const void *data, uint64_t digest[2])
{
  if (n_rows > 0) add_to_digest(&file->declared[index], first, n_rows, data, digest);
}

bool wf_file_rows_get(wf_file *file, int index, int64_t first, int64_t n_rows, void *data, uint64_t digest[2])
{
  const wf_declared *d = &file->declared[index];
  if (n_rows <= 0) return true;
  if (first < 0 || first + n_rows > d->n_rows || transfer(file, d, first, n_rows, data, false) != MPI_SUCCESS) return false;
  add_to_digest(d, first, n_rows, data, digest);
  return true;
}

PetscErrorCode wf_file_rows_check(wf_file *file)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_agree(file, true, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_rows_sync(wf_file *file)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_rows_check(file));
  note_mpi_error(file, MPI_File_sync(file->rows), "write");
  PetscCall(wf_file_rows_check(file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_rows_end(wf_file *file, const uint64_t digest[2])
{
  bool ok;
  int  error;

  PetscFunctionBeginUser;
  PetscCall(wf_file_rows_sync(file));
  error = MPI_File_close(&file->rows);
  note_mpi_error(file, error, "write");
  PetscCall(wf_file_rows_check(file));
  file->h5 = open_part(file, H5F_ACC_RDWR);
  PetscCall(wf_file_agree(file, file->h5 >= 0, NULL));
  ok = wf_file_compute_digest(file, &file->digest); /* of all that is not rows: a resumed file was not written by us */
  wf_digest_add(&file->digest, (wf_digest){{digest[0], digest[1]}});
  PetscCall(wf_file_agree(file, ok, "its structure cannot be read back"));
  PetscFunctionReturn(0);
}

/* --- going on with a file --- */

static PetscErrorCode judge_part(wf_file *file, const char *kind, char *why, size_t why_size)
{
  char    found_kind[64];
  int64_t version = 0;
  bool    has_kind, has_version;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_kind", found_kind, sizeof(found_kind), &has_kind));
  PetscCall(wf_file_read_attribute_int(file, "/", "wf_format_version", &version, &has_version));
  if (!has_kind || strcmp(found_kind, kind) != 0 || !has_version || version != WF_FORMAT_VERSION)
    snprintf(why, why_size, "%s: is no file of this kind and version, or is damaged", file->part);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_resume(MPI_Comm comm, const char *path, const char *kind, wf_file **result, char *why, size_t why_size)
{
  wf_file *file;
  int      there, all;

  PetscFunctionBeginUser;
  why[0]  = '\0';
  *result = NULL;
  PetscCall(wf_file_allocate(comm, path, &file));
  file->writing = file->resumed = file->keep_part = true;
  file->size_limit                                = INT64_MAX; /* it has its size already */
  there                                           = file->rank == 0 && access(file->part, R_OK | W_OK) == 0;
  PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, comm));
  if (!there) snprintf(why, why_size, "%s: no such file", file->part);
  if (there) file->h5 = open_part(file, H5F_ACC_RDONLY);
  all = file->h5 >= 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, comm));
  if (there && !all) snprintf(why, why_size, "%s: truncated or damaged", file->part);
  if (!why[0]) PetscCall(judge_part(file, kind, why, why_size));
  if (file->rank == 0 && !why[0]) file->descriptor = open(file->part, O_RDWR | O_CLOEXEC);
  if (why[0]) PetscCall(wf_file_discard(&file));
  *result = file;
  PetscFunctionReturn(0);
}
