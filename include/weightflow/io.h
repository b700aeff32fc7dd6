/* Files: the only place that calls HDF5.

   A file is written as NAME.part, and becomes NAME only when complete: flush, close, fsync, rename, fsync of the folder. Every file
   carries the root attributes wf_kind, wf_format_version and wf_digest, and the group /provenance. The digest is a 128-bit hash
   over the contents of all datasets and attributes, keyed by name, type, shape and row index: it does not depend on rank count,
   chunking or compression. /provenance and what is named volatile_... stay out of it.
   Functions that take a wf_file are collective on its communicator, in the same order on all ranks. */
#ifndef WEIGHTFLOW_IO_H
#define WEIGHTFLOW_IO_H
#include <petscsys.h>
#include <stdbool.h>
#include <stdint.h>
#include <weightflow/real.h>

typedef struct wf_file wf_file;

typedef enum { WF_TYPE_INT32, WF_TYPE_INT64, WF_TYPE_FLOAT, WF_TYPE_DOUBLE, WF_TYPE_UINT8 } wf_type;
#define WF_TYPE_REAL (WF_REAL_IS_DOUBLE ? WF_TYPE_DOUBLE : WF_TYPE_FLOAT)

enum { WF_DIGEST_SIZE = 33, WF_MAX_RANK = 4 };

/* What a dataset is, for the reader of the file. shape [rank], slowest first. axes: "trajectory,time,species". */
typedef struct {
  const char *name; /* "/counts"; groups are made as needed */
  wf_type     type;
  int         rank;
  int64_t     shape[WF_MAX_RANK];
  const char *description, *unit, *axes;
  bool        volatile_content; /* true: left out of the digest (wall-clock times, host names) */
} wf_dataset;

/* --- writing --- */
/* Begin path.part of the given kind ("ensemble", "anchors", ...). An older .part is overwritten. */
PetscErrorCode wf_file_create(MPI_Comm comm, const char *path, const char *kind, wf_file **file);
/* Write the rows first .. first + n_rows - 1 (slowest axis) of a dataset from this rank; ranks' blocks are disjoint and cover all
   rows; n_rows may be 0. data has the dataset's type (no conversion), row-major. One call creates and writes the dataset. */
PetscErrorCode wf_file_write_rows(wf_file *file, const wf_dataset *dataset, int64_t first, int64_t n_rows, const void *data);
/* Write a dataset that all ranks hold alike. */
PetscErrorCode wf_file_write(wf_file *file, const wf_dataset *dataset, const void *data);
/* A fixed list of strings [n], for names of species, layers, parameters. */
PetscErrorCode wf_file_write_names(wf_file *file, const char *name, int n, const char *const *strings);
/* Attributes of an object ("/" = root). Attributes are part of the digest unless their name starts with "volatile_". */
PetscErrorCode wf_file_write_attribute_text(wf_file *file, const char *object, const char *name, const char *value);
PetscErrorCode wf_file_write_attribute_double(wf_file *file, const char *object, const char *name, double value);
PetscErrorCode wf_file_write_attribute_int(wf_file *file, const char *object, const char *name, int64_t value);
/* --- rows that come bit by bit ---
   declare..., rows_begin, then rows in any order from any rank, each once or again with the same contents, rows_end, publish. From
   rows_begin to rows_end the .part is a closed HDF5 file of its full size, so that a program killed meanwhile leaves one that
   wf_file_resume takes up. */
/* Add a dataset, contiguous and with its room on the disk; its rows come later. *index counts the datasets declared. A resumed file
   must have it already: *index = -1 where it has not, or another one. */
PetscErrorCode wf_file_declare(wf_file *file, const wf_dataset *dataset, int *index);
/* rest_digest [WF_DIGEST_SIZE] out: digest of all that is in the file but the rows; a resumed file must have the same as before. */
PetscErrorCode wf_file_rows_begin(wf_file *file, char *rest_digest);
/* Write rows from this rank; not collective, and a failure is told by the next wf_file_rows_check. digest [2] is increased by the
   rows' share of the file's digest: the caller keeps it, and hands in the sum over all rows at rows_end. NULL: it has that from
   wf_file_rows_digest. */
void wf_file_rows_put(wf_file *file, int index, int64_t first, int64_t n_rows, const void *data, uint64_t digest[2]);
/* Increase digest by the share of rows without writing them: for those who keep many digests and write the rows of all at once,
   which a file system takes twice as fast in megabytes as in pieces of some ten kilobytes. Not collective. */
void wf_file_rows_digest(const wf_file *file, int index, int64_t first, int64_t n_rows, const void *data, uint64_t digest[2]);
/* Read rows back, as they were put, and increase digest likewise; false if they cannot be read. Not collective. data: scratch for
   n_rows rows. */
bool wf_file_rows_get(wf_file *file, int index, int64_t first, int64_t n_rows, void *data, uint64_t digest[2]);
/* Raise the first failure of any rank since the last call; the .part stays. */
PetscErrorCode wf_file_rows_check(wf_file *file);
/* Put the rows on the disk: when it returns, what was put before will survive the machine. Includes rows_check. */
PetscErrorCode wf_file_rows_sync(wf_file *file);
/* All rows were put; digest [2]: this rank's share (over all ranks each row once). Attributes can be written again. */
PetscErrorCode wf_file_rows_end(wf_file *file, const uint64_t digest[2]);
/* Take up path.part as a killed program left it between rows_begin and rows_end. *file = NULL and a one-line reason in why where it
   is missing, damaged or not of this kind. Attributes can be read; then declare everything again, and rows_begin. */
PetscErrorCode wf_file_resume(MPI_Comm comm, const char *path, const char *kind, wf_file **file, char *why, size_t why_size);
/* Leave a file whose rows are not complete, to be resumed. Accepts NULL, sets NULL. */
PetscErrorCode wf_file_suspend(wf_file **file);

/* Finish: digest, close, fsync, rename to the final name. digest [WF_DIGEST_SIZE] out, may be NULL. */
PetscErrorCode wf_file_publish(wf_file **file, char *digest);
/* Drop a file that is being written; one already there under the final name stays. Accepts NULL, sets NULL. */
PetscErrorCode wf_file_discard(wf_file **file);

/* --- reading --- */
/* Open a file of ours; kind NULL accepts any. verify: reread everything and compare with wf_digest. A missing, foreign, truncated
   or damaged file is not a PETSc error: *file = NULL and a one-line reason is left in why [why_size] on all ranks. */
PetscErrorCode wf_file_open(MPI_Comm comm, const char *path, const char *kind, bool verify, wf_file **file, char *why,
                            size_t why_size);
/* Open any HDF5 file, not only ours. */
PetscErrorCode wf_file_open_foreign(MPI_Comm comm, const char *path, wf_file **file, char *why, size_t why_size);
PetscErrorCode wf_file_close(wf_file **file);
PetscErrorCode wf_file_has(wf_file *file, const char *name, bool *has);
/* rank and shape [WF_MAX_RANK] of a dataset, and its stored type (nearest wf_type). */
PetscErrorCode wf_file_shape(wf_file *file, const char *name, int *rank, int64_t *shape, wf_type *type);
/* Read rows first .. first + n_rows - 1 into data as `type` (HDF5 converts). n_rows = -1: all rows on every rank. */
PetscErrorCode wf_file_read_rows(wf_file *file, const char *name, wf_type type, int64_t first, int64_t n_rows, void *data);
PetscErrorCode wf_file_read(wf_file *file, const char *name, wf_type type, void *data);
/* Names written by wf_file_write_names: *n strings, freed in one go with wf_free(*strings). Also reads variable-length strings. */
PetscErrorCode wf_file_read_names(wf_file *file, const char *name, int *n, char ***strings);
PetscErrorCode wf_file_read_attribute_text(wf_file *file, const char *object, const char *name, char *value, size_t size,
                                           bool *found);
PetscErrorCode wf_file_read_attribute_double(wf_file *file, const char *object, const char *name, double *value, bool *found);
PetscErrorCode wf_file_read_attribute_int(wf_file *file, const char *object, const char *name, int64_t *value, bool *found);
#endif
