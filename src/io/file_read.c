/* Opening and reading, see io.h. What is wrong with a file is decided by all ranks together. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file_impl.h"

static const int64_t TRANSFER_BYTES = (int64_t)1 << 29;

/* Rank 0's plain calls find what needs no HDF5 to see; "" if there is nothing wrong. */
static void look_at_path(const char *path, char *why, size_t why_size)
{
  struct stat status;
  const char *reason     = NULL;
  int         descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) reason = errno == ENOENT ? "no such file" : strerror(errno);
  else if (fstat(descriptor, &status) || S_ISDIR(status.st_mode)) reason = "is a folder";
  else if (status.st_size == 0) reason = "is empty";
  if (descriptor >= 0) close(descriptor);
  if (reason) snprintf(why, why_size, "%s: %s", path, reason);
}

static PetscErrorCode agree_on_reason(wf_file *file, bool ok, char *why, size_t why_size, const char *reason)
{
  int first_bad = ok ? file->size : file->rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &first_bad, 1, MPI_INT, MPI_MIN, file->comm));
  if (first_bad < file->size) {
    snprintf(why, why_size, "%s: %s", file->path, reason);
    PetscCallMPI(MPI_Bcast(why, (int)why_size, MPI_CHAR, first_bad, file->comm));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_close(wf_file **file)
{
  PetscFunctionBeginUser;
  if (!*file) PetscFunctionReturn(0);
  if ((*file)->h5 >= 0) H5Fclose((*file)->h5);
  wf_hdf5_stop_listening();
  PetscCallMPI(MPI_Comm_free(&(*file)->comm));
  wf_free(*file);
  *file = NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_open_foreign(MPI_Comm comm, const char *path, wf_file **result, char *why, size_t why_size)
{
  wf_file *file = wf_calloc(1, sizeof(*file));

  PetscFunctionBeginUser;
  PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  wf_hdf5_listen();
  *result = NULL;
  why[0]  = '\0';
  PetscCallMPI(MPI_Comm_dup(comm, &file->comm));
  PetscCallMPI(MPI_Comm_rank(comm, &file->rank));
  PetscCallMPI(MPI_Comm_size(comm, &file->size));
  snprintf(file->path, sizeof(file->path), "%s", path);
  file->h5         = -1;
  file->descriptor = -1;
  if (file->rank == 0) look_at_path(path, why, why_size);
  PetscCallMPI(MPI_Bcast(why, (int)why_size, MPI_CHAR, 0, file->comm));
  if (!why[0]) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(access, file->comm, MPI_INFO_NULL);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    file->h5 = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    char reason[300];
    wf_hdf5_reason(reason, sizeof(reason));
    PetscCall(agree_on_reason(file, file->h5 >= 0, why, why_size,
                              strstr(reason, "truncated") ? "truncated HDF5 file" : "not an HDF5 file, or damaged"));
  }
  if (why[0]) PetscCall(wf_file_close(&file));
  *result = file;
  PetscFunctionReturn(0);
}

/* "" or what is wrong with a file that says it is ours. */
static PetscErrorCode judge_file(wf_file *file, const char *kind, bool verify, char *why, size_t why_size)
{
  char      found_kind[64], stored[WF_DIGEST_SIZE] = "", computed[WF_DIGEST_SIZE], reason[200] = "";
  bool      has_kind, has_version, has_digest, ok = true;
  int64_t   version = 0;
  wf_digest digest;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_kind", found_kind, sizeof(found_kind), &has_kind));
  PetscCall(wf_file_read_attribute_int(file, "/", "wf_format_version", &version, &has_version));
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", stored, sizeof(stored), &has_digest));
  if (!has_kind) snprintf(reason, sizeof(reason), "not a file of weightflow (no wf_kind), or damaged");
  else if (kind && strcmp(kind, found_kind) != 0) snprintf(reason, sizeof(reason), "is of kind %s, wanted is %s", found_kind, kind);
  else if (!has_version || version > WF_FORMAT_VERSION)
    snprintf(reason, sizeof(reason), "format version %lld, this program reads up to %d", (long long)version, WF_FORMAT_VERSION);
  else if (!has_digest) snprintf(reason, sizeof(reason), "has no digest: it was never finished, or is damaged");
  PetscCall(agree_on_reason(file, !reason[0], why, why_size, reason));
  if (why[0] || !verify) PetscFunctionReturn(0);
  ok = wf_file_compute_digest(file, &digest);
  PetscCall(agree_on_reason(file, ok, why, why_size, "damaged (unreadable content)"));
  if (why[0]) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, digest.word, 2, MPI_UINT64_T, MPI_SUM, file->comm));
  wf_digest_text(digest, computed);
  PetscCall(agree_on_reason(file, strcmp(computed, stored) == 0, why, why_size, "damaged (contents do not match wf_digest)"));
  file->verified = !why[0];
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_open(MPI_Comm comm, const char *path, const char *kind, bool verify, wf_file **file, char *why,
                            size_t why_size)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_open_foreign(comm, path, file, why, why_size));
  if (!*file) PetscFunctionReturn(0);
  PetscCall(judge_file(*file, kind, verify, why, why_size));
  if (why[0]) PetscCall(wf_file_close(file));
  PetscFunctionReturn(0);
}

/* HDF5 wants every group on the way to be asked for. */
PetscErrorCode wf_file_has(wf_file *file, const char *name, bool *has)
{
  char path[WF_PATH_SIZE];

  PetscFunctionBeginUser;
  snprintf(path, sizeof(path), "%s", name);
  *has = true;
  for (char *slash = path + (path[0] == '/'); *has && slash && *slash;) {
    slash = strchr(slash, '/');
    if (slash) *slash = '\0';
    *has = H5Lexists(file->h5, path, H5P_DEFAULT) > 0;
    if (slash) *slash++ = '/';
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode open_dataset(wf_file *file, const char *name, hid_t *id)
{
  bool has;

  PetscFunctionBeginUser;
  PetscCall(wf_file_has(file, name, &has));
  *id = has ? H5Dopen2(file->h5, name, H5P_DEFAULT) : -1;
  PetscCheck(*id >= 0, file->comm, PETSC_ERR_FILE_UNEXPECTED, "%s: %s %s", file->path, has ? "cannot read" : "lacks", name);
  PetscFunctionReturn(0);
}

static PetscErrorCode get_shape(wf_file *file, hid_t id, const char *name, int *rank, int64_t *shape, hid_t *space)
{
  hsize_t extent[H5S_MAX_RANK] = {0};

  PetscFunctionBeginUser;
  *space = H5Dget_space(id);
  *rank  = H5Sget_simple_extent_dims(*space, extent, NULL);
  PetscCheck(*rank >= 0 && *rank <= WF_MAX_RANK, file->comm, PETSC_ERR_FILE_UNEXPECTED, "%s: %s has %d axes, at most %d are read",
             file->path, name, *rank, WF_MAX_RANK);
  for (int i = 0; i < WF_MAX_RANK; i++) shape[i] = i < *rank ? (int64_t)extent[i] : 0;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_shape(wf_file *file, const char *name, int *rank, int64_t *shape, wf_type *type)
{
  hid_t   id, space;
  int     n_axes;
  int64_t extent[WF_MAX_RANK];
  wf_type nearest = WF_TYPE_UINT8;

  PetscFunctionBeginUser;
  PetscCall(open_dataset(file, name, &id));
  PetscCall(get_shape(file, id, name, &n_axes, extent, &space));
  hid_t stored = H5Dget_type(id);
  bool  known  = wf_hdf5_nearest_type(stored, &nearest) || H5Tget_class(stored) == H5T_STRING;
  H5Tclose(stored);
  H5Sclose(space);
  H5Dclose(id);
  PetscCheck(known, file->comm, PETSC_ERR_FILE_UNEXPECTED, "%s: %s holds neither numbers nor strings", file->path, name);
  if (rank) *rank = n_axes;
  if (shape)
    for (int i = 0; i < WF_MAX_RANK; i++) shape[i] = extent[i];
  if (type) *type = nearest;
  PetscFunctionReturn(0);
}

static PetscErrorCode check_read(wf_file *file, const char *name, bool ok)
{
  int good = ok;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &good, 1, MPI_INT, MPI_MIN, file->comm));
  if (!good) {
    char reason[300];
    wf_hdf5_reason(reason, sizeof(reason));
    SETERRQ(file->comm, PETSC_ERR_FILE_READ, "cannot read %s of %s: %s", name, file->path, reason);
  }
  PetscFunctionReturn(0);
}

/* Rows of an open dataset by this rank alone, in pieces. */
static bool read_pieces(hid_t id, wf_type type, size_t row_size, int64_t first, int64_t n_rows, char *data)
{
  int64_t piece = TRANSFER_BYTES / (int64_t)(row_size ? row_size : 1);
  bool    ok    = true;
  if (piece < 1) piece = 1;
  for (int64_t begin = 0; ok && begin < n_rows; begin += piece) {
    int64_t n          = n_rows - begin < piece ? n_rows - begin : piece;
    hid_t   file_space = H5Dget_space(id), memory_space;
    wf_hdf5_select_rows(file_space, first + begin, n, &memory_space);
    ok = H5Dread(id, wf_hdf5_type(type), memory_space, file_space, H5P_DEFAULT, data + (size_t)begin * row_size) >= 0;
    H5Sclose(memory_space);
    H5Sclose(file_space);
  }
  return ok;
}

static PetscErrorCode broadcast_bytes(MPI_Comm comm, char *data, size_t n)
{
  PetscFunctionBeginUser;
  for (size_t begin = 0; begin < n; begin += (size_t)TRANSFER_BYTES) {
    size_t count = n - begin < (size_t)TRANSFER_BYTES ? n - begin : (size_t)TRANSFER_BYTES;
    PetscCallMPI(MPI_Bcast(data + begin, (int)count, MPI_BYTE, 0, comm));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_read_rows(wf_file *file, const char *name, wf_type type, int64_t first, int64_t n_rows, void *data)
{
  hid_t   id, space;
  int     rank, everywhere = n_rows < 0;
  int64_t shape[WF_MAX_RANK];
  size_t  row_size = wf_type_size(type);
  bool    ok       = true;

  PetscFunctionBeginUser;
  PetscCall(open_dataset(file, name, &id));
  PetscCall(get_shape(file, id, name, &rank, shape, &space));
  for (int i = 1; i < rank; i++) row_size *= (size_t)shape[i];
  if (rank == 0) { /* a scalar */
    ok = H5Dread(id, wf_hdf5_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
  } else if (everywhere) { /* one reader and a broadcast: kinder to a file system than all ranks at once */
    if (file->rank == 0) ok = read_pieces(id, type, row_size, 0, shape[0], data);
  } else {
    PetscCheck(n_rows == 0 || (first >= 0 && first + n_rows <= shape[0]), PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
               "%s of %s: rows %lld + %lld of %lld", name, file->path, (long long)first, (long long)n_rows, (long long)shape[0]);
    ok = read_pieces(id, type, row_size, first, n_rows, data);
  }
  H5Sclose(space);
  H5Dclose(id);
  PetscCall(check_read(file, name, ok));
  if (rank > 0 && everywhere) PetscCall(broadcast_bytes(file->comm, data, row_size * (size_t)shape[0]));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_read(wf_file *file, const char *name, wf_type type, void *data)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_read_rows(file, name, type, 0, -1, data));
  PetscFunctionReturn(0);
}
