/* What the files of io/ share about an open HDF5 file. */
#ifndef WEIGHTFLOW_IO_FILE_IMPL_H
#define WEIGHTFLOW_IO_FILE_IMPL_H
#include <hdf5.h>
#include <weightflow/base.h>
#include <weightflow/io.h>
#include "digest.h"

enum { WF_MAX_DECLARED = 32 };

/* A dataset whose rows come bit by bit. */
typedef struct {
  char      name[64];
  int64_t   n_rows, row_size; /* row_size in bytes */
  MPI_Offset offset;          /* of row 0 in the file */
  wf_digest key;
  wf_type   type;
  bool      volatile_content;
} wf_declared;

enum { WF_PATH_SIZE = 4096, WF_WHY_SIZE = WF_PATH_SIZE + 512, WF_FORMAT_VERSION = 1 };

struct wf_file {
  MPI_Comm  comm;
  int       rank, size;
  char      path[WF_PATH_SIZE], part[WF_PATH_SIZE + 8];
  hid_t     h5;             /* negative once closed or abandoned */
  bool      writing, verified;
  /* writing only */
  bool      tolerant;       /* a failure is remembered, not raised: for checkpoints */
  bool      failed;         /* agreed by all ranks */
  bool      local_failure;  /* of a metadata call; agreed at the next dataset or at publish */
  char      why[WF_WHY_SIZE];
  int       descriptor;     /* rank 0: to reserve disk space */
  int64_t   planned, reserved, size_limit; /* bytes; the same on all ranks */
  wf_digest digest;         /* of this rank's rows; what all ranks hold alike is counted by rank 0 */
  /* rows that come bit by bit */
  bool        resumed, keep_part;
  int         n_declared;
  wf_declared declared[WF_MAX_DECLARED];
  MPI_File    rows; /* MPI_FILE_NULL but between rows_begin and rows_end */
};

/* Like wf_file_create, but *file is always made: a failure is kept in it, later calls do nothing, and wf_file_publish_reason tells.
   Collective. */
PetscErrorCode wf_file_create_tolerant(MPI_Comm comm, const char *path, const char *kind, wf_file **file);
/* Like wf_file_publish, for a tolerant file: why is "" or the reason, on all ranks, why the file was dropped. Collective. */
PetscErrorCode wf_file_publish_reason(wf_file **file, char *digest, char *why, size_t why_size);

/* If ok is false on any rank: all ranks take the reason of the first such rank (its own text `why`, or HDF5's), drop the file and
   raise the error, unless the file is tolerant. Collective. */
PetscErrorCode wf_file_agree(wf_file *file, bool ok, const char *why);
/* Make sure that `bytes` more can be written before HDF5 tries: a full disk inside a collective write is beyond repair. Collective
   now and then, at the same calls on all ranks. */
PetscErrorCode wf_file_reserve(wf_file *file, int64_t bytes);

/* Standard attributes of /provenance. Collective. */
PetscErrorCode wf_file_write_provenance(wf_file *file);

hid_t  wf_hdf5_type(wf_type type);      /* in memory and, on the machines we know, in the file */
size_t wf_type_size(wf_type type);
/* From a file's opening to its end HDF5 stays silent; its innermost message is fetched with wf_hdf5_reason. */
void   wf_hdf5_listen(void);
void   wf_hdf5_stop_listening(void);
void   wf_hdf5_reason(char *text, size_t size);
/* The memory and file selections of rows first .. first + n_rows - 1; close both with H5Sclose. */
void   wf_hdf5_select_rows(hid_t file_space, int64_t first, int64_t n_rows, hid_t *memory_space);
/* Does the object's content stay out of the digest? */
bool   wf_object_is_volatile(const char *path);
/* Nearest wf_type of a stored type; false if it is none of ours (strings, compounds). */
bool   wf_hdf5_nearest_type(hid_t stored, wf_type *type);
/* The digest of everything in the file but the rows of declared datasets, this rank's share: add over ranks. false: some of it
   cannot be read. Not collective. */
bool   wf_file_compute_digest(wf_file *file, wf_digest *digest);
/* Make a dataset, chunked and compressed or contiguous with its room allocated; negative where that fails. */
hid_t  wf_file_make_dataset(wf_file *file, const wf_dataset *dataset, bool contiguous);
/* Its attributes. Collective. */
PetscErrorCode wf_file_describe_dataset(wf_file *file, const wf_dataset *dataset);
int64_t wf_dataset_row_size(const wf_dataset *dataset); /* bytes */
/* Allocate a file structure for path, with no HDF5 file in it yet. Collective. */
PetscErrorCode wf_file_allocate(MPI_Comm comm, const char *path, wf_file **file);

/* Shared by writer and verifier, so that they cannot drift apart. */
wf_digest wf_digest_dataset_key(const char *name, wf_type type, int rank, const int64_t *shape);
wf_digest wf_digest_names(const char *name, int n, const char *const *strings);
wf_digest wf_digest_attribute(const char *object, const char *name, const char *type, const void *value, size_t size);
#endif
