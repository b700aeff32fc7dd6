/* The life of a file being written: create NAME.part, reserve space, publish as NAME or drop.

   Why space is reserved: when a disk fills up inside a collective MPI-IO write, some ranks fail and others do not, and HDF5 cannot
   even close the file. So rank 0 asks the file system for the blocks first (fallocate), and all ranks hear the answer. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* _GNU_SOURCE for fallocate */
#endif
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "file_impl.h"

enum { RESERVE_STEP = 1 << 18 };

/* HDF5 forgets an error at its next call, cleaning up included; so it is noted when it happens. */
static char last_reason[300];

static herr_t keep_innermost(unsigned n, const H5E_error2_t *record, void *context)
{
  if (n == 0) snprintf(last_reason, sizeof(last_reason), "HDF5: %s", record->desc ? record->desc : "unknown error");
  return 0;
}

static herr_t note_error(hid_t stack, void *context) { return H5Ewalk2(stack, H5E_WALK_UPWARD, keep_innermost, NULL); }

/* A listener left at exit makes HDF5 print about what a damaged file has left open inside it; so the last file takes it away. */
static int n_listening;

void wf_hdf5_listen(void)
{
  snprintf(last_reason, sizeof(last_reason), "HDF5: unknown error");
  if (n_listening++ == 0) H5Eset_auto2(H5E_DEFAULT, note_error, NULL);
}

void wf_hdf5_stop_listening(void)
{
  if (--n_listening == 0) H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void wf_hdf5_reason(char *text, size_t size) { snprintf(text, size, "%s", last_reason); }

static void close_descriptor(wf_file *file)
{
  if (file->descriptor >= 0) close(file->descriptor);
  file->descriptor = -1;
}

/* Close what is open and remove the .part. A failing close leaves HDF5's own bookkeeping behind, which is all that can be done. */
static PetscErrorCode drop_part(wf_file *file)
{
  PetscFunctionBeginUser;
  if (file->h5 >= 0) H5Fclose(file->h5);
  file->h5 = -1;
  close_descriptor(file);
  PetscCallMPI(MPI_Barrier(file->comm));
  if (file->rank == 0 && !file->keep_part) unlink(file->part);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_agree(wf_file *file, bool ok, const char *why)
{
  int first_bad = ok && !file->local_failure ? file->size : file->rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &first_bad, 1, MPI_INT, MPI_MIN, file->comm));
  if (first_bad == file->size) PetscFunctionReturn(0);
  if (first_bad == file->rank && !file->why[0]) {
    char reason[300];
    wf_hdf5_reason(reason, sizeof(reason));
    snprintf(file->why, sizeof(file->why), "cannot write %s: %s", file->path, why ? why : reason);
  }
  PetscCallMPI(MPI_Bcast(file->why, sizeof(file->why), MPI_CHAR, first_bad, file->comm));
  file->failed = true;
  PetscCall(drop_part(file));
  wf_hdf5_stop_listening();
  PetscCheck(file->tolerant, file->comm, PETSC_ERR_FILE_WRITE, "%s", file->why);
  PetscFunctionReturn(0);
}

static int reserve_blocks(const wf_file *file)
{
  if (file->reserved > file->size_limit) return EFBIG;
  if (fallocate(file->descriptor, FALLOC_FL_KEEP_SIZE, 0, file->reserved) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) return errno;
  struct statvfs volume;
  struct stat    now;
  if (fstatvfs(file->descriptor, &volume) || fstat(file->descriptor, &now)) return 0;
  double missing = (double)file->reserved - (double)now.st_blocks * 512;
  return missing > (double)volume.f_bavail * (double)volume.f_frsize ? ENOSPC : 0;
}

PetscErrorCode wf_file_reserve(wf_file *file, int64_t bytes)
{
  int error = 0;

  PetscFunctionBeginUser;
  file->planned += bytes;
  if (file->failed || file->planned <= file->reserved) PetscFunctionReturn(0);
  file->reserved = file->planned + RESERVE_STEP;
  if (file->rank == 0) error = reserve_blocks(file);
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, file->comm));
  PetscCall(wf_file_agree(file, error == 0, strerror(error)));
  PetscFunctionReturn(0);
}

static hid_t make_hdf5(const wf_file *file)
{
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, file->comm, MPI_INFO_NULL);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110); /* metadata with checksums */
  H5Pset_coll_metadata_write(access, true);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG); /* dropping a file takes its open objects along */
  H5Pset_all_coll_metadata_ops(access, true);
  hid_t h5 = H5Fcreate(file->part, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return h5;
}

/* Rank 0 tries the folder with plain calls: their errno says what is wrong, MPI-IO's codes often do not. */
static PetscErrorCode begin_part(wf_file *file)
{
  struct rlimit limit;
  int           error = 0;

  PetscFunctionBeginUser;
  file->size_limit = getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)limit.rlim_cur;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &file->size_limit, 1, MPI_INT64_T, MPI_MIN, file->comm));
  if (file->rank == 0) {
    unlink(file->part);
    file->descriptor = open(file->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file->descriptor < 0) error = errno;
  }
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, file->comm));
  PetscCall(wf_file_agree(file, error == 0, strerror(error)));
  PetscCall(wf_file_reserve(file, 1));
  if (file->failed) PetscFunctionReturn(0);
  file->h5 = make_hdf5(file);
  PetscCall(wf_file_agree(file, file->h5 >= 0, NULL));
  if (!file->failed && file->rank == 0) error = reserve_blocks(file); /* creation has cut the file to nothing */
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, file->comm));
  if (!file->failed) PetscCall(wf_file_agree(file, error == 0, strerror(error)));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_allocate(MPI_Comm comm, const char *path, wf_file **result)
{
  wf_file *file = wf_calloc(1, sizeof(*file));

  PetscFunctionBeginUser;
  PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  wf_hdf5_listen();
  PetscCallMPI(MPI_Comm_dup(comm, &file->comm));
  PetscCallMPI(MPI_Comm_rank(comm, &file->rank));
  PetscCallMPI(MPI_Comm_size(comm, &file->size));
  PetscCheck(strlen(path) < WF_PATH_SIZE - 1, comm, PETSC_ERR_FILE_OPEN, "path too long: %s", path);
  snprintf(file->path, sizeof(file->path), "%s", path);
  snprintf(file->part, sizeof(file->part), "%s.part", path);
  file->h5         = -1;
  file->descriptor = -1;
  file->rows       = MPI_FILE_NULL;
  *result          = file;
  PetscFunctionReturn(0);
}

static PetscErrorCode create_file(MPI_Comm comm, const char *path, const char *kind, bool tolerant, wf_file **result)
{
  wf_file *file;

  PetscFunctionBeginUser;
  PetscCall(wf_file_allocate(comm, path, &file));
  file->writing  = true;
  file->tolerant = tolerant;
  PetscCall(begin_part(file));
  PetscCall(wf_file_write_attribute_text(file, "/", "wf_kind", kind));
  PetscCall(wf_file_write_attribute_int(file, "/", "wf_format_version", WF_FORMAT_VERSION));
  PetscCall(wf_file_write_provenance(file));
  *result = file;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_create(MPI_Comm comm, const char *path, const char *kind, wf_file **file)
{
  PetscFunctionBeginUser;
  PetscCall(create_file(comm, path, kind, false, file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_create_tolerant(MPI_Comm comm, const char *path, const char *kind, wf_file **file)
{
  PetscFunctionBeginUser;
  PetscCall(create_file(comm, path, kind, true, file));
  PetscFunctionReturn(0);
}

/* Give back blocks that were reserved and not used, then make the name durable. */
static int make_durable(wf_file *file)
{
  struct stat now;
  int         error = 0;
  if (fstat(file->descriptor, &now) || ftruncate(file->descriptor, now.st_size) || fsync(file->descriptor)) error = errno;
  if (!error && rename(file->part, file->path)) error = errno;
  if (error) return error;
  char folder[WF_PATH_SIZE];
  snprintf(folder, sizeof(folder), "%s", file->path);
  int descriptor = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return 0; /* the file is whole under its name; a folder that cannot be opened cannot be synced */
  fsync(descriptor);
  close(descriptor);
  return 0;
}

static PetscErrorCode free_file(wf_file **file)
{
  PetscFunctionBeginUser;
  close_descriptor(*file);
  if (!(*file)->failed) wf_hdf5_stop_listening();
  PetscCallMPI(MPI_Comm_free(&(*file)->comm));
  wf_free(*file);
  *file = NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_suspend(wf_file **file)
{
  PetscFunctionBeginUser;
  if (!*file) PetscFunctionReturn(0);
  (*file)->keep_part = true;
  PetscCall(wf_file_discard(file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_discard(wf_file **file)
{
  PetscFunctionBeginUser;
  if (!*file) PetscFunctionReturn(0);
  if ((*file)->rows != MPI_FILE_NULL) PetscCallMPI(MPI_File_close(&(*file)->rows));
  if (!(*file)->failed) PetscCall(drop_part(*file));
  PetscCall(free_file(file));
  PetscFunctionReturn(0);
}

static PetscErrorCode finish_part(wf_file *file, char *digest)
{
  char   text[WF_DIGEST_SIZE];
  int    error = 0;
  herr_t status;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, file->digest.word, 2, MPI_UINT64_T, MPI_SUM, file->comm));
  wf_digest_text(file->digest, text);
  if (digest) snprintf(digest, WF_DIGEST_SIZE, "%s", text);
  PetscCall(wf_file_write_attribute_text(file, "/", "wf_digest", text));
  PetscCall(wf_file_agree(file, true, NULL));
  if (file->failed) PetscFunctionReturn(0);
  status = H5Fflush(file->h5, H5F_SCOPE_GLOBAL);
  PetscCall(wf_file_agree(file, status >= 0, NULL));
  if (file->failed) PetscFunctionReturn(0);
  status   = H5Fclose(file->h5);
  file->h5 = -1;
  PetscCall(wf_file_agree(file, status >= 0, NULL)); /* also the barrier: nobody writes any more */
  if (file->failed) PetscFunctionReturn(0);
  if (file->rank == 0) error = make_durable(file);
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, file->comm));
  PetscCall(wf_file_agree(file, error == 0, strerror(error)));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_publish_reason(wf_file **file, char *digest, char *why, size_t why_size)
{
  PetscFunctionBeginUser;
  if (!(*file)->failed) PetscCall(finish_part(*file, digest));
  snprintf(why, why_size, "%s", (*file)->failed ? (*file)->why : "");
  PetscCall(free_file(file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_publish(wf_file **file, char *digest)
{
  char why[WF_WHY_SIZE];

  PetscFunctionBeginUser;
  PetscCall(wf_file_publish_reason(file, digest, why, sizeof(why)));
  PetscFunctionReturn(0);
}
