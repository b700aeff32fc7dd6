/* Names and attributes, see io.h. Both of fixed and of variable length, since other programs write the latter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file_impl.h"

/* Rank 0's strings one after the other, each with its final zero; NULL if they cannot be read. */
static char *read_strings(wf_file *file, const char *name, int n, size_t *total)
{
  hid_t  id = H5Dopen2(file->h5, name, H5P_DEFAULT), stored = H5Dget_type(id), memory = H5Tcopy(H5T_C_S1);
  bool   variable = H5Tis_variable_str(stored) > 0, ok = H5Tget_class(stored) == H5T_STRING;
  size_t length   = variable ? sizeof(char *) : H5Tget_size(stored) + 1;
  char  *raw      = wf_calloc((size_t)n + 1, length), *text = NULL;
  H5Tset_size(memory, variable ? H5T_VARIABLE : length); /* zero-terminated in memory whatever the file says */
  H5Tset_cset(memory, H5Tget_cset(stored));
  ok     = ok && raw && (n == 0 || H5Dread(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) >= 0);
  *total = 0;
  for (int pass = 0; ok && pass < 2; pass++) { /* measure, then copy */
    if (pass == 1) text = wf_calloc(*total + 1, 1);
    if (pass == 1) *total = 0;
    for (int i = 0; i < n && (pass == 0 || text); i++) {
      const char *string = variable ? ((char **)(void *)raw)[i] : raw + (size_t)i * length;
      if (!string) string = "";
      if (pass == 1) memcpy(text + *total, string, strlen(string));
      *total += strlen(string) + 1;
    }
  }
  if (ok && variable && n > 0) {
    hid_t space = H5Dget_space(id);
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, raw);
    H5Sclose(space);
  }
  wf_free(raw);
  H5Tclose(memory);
  H5Tclose(stored);
  H5Dclose(id);
  return text;
}

PetscErrorCode wf_file_read_names(wf_file *file, const char *name, int *n, char ***strings)
{
  int64_t shape[WF_MAX_RANK], total = -1;
  int     rank;
  char   *text = NULL;

  PetscFunctionBeginUser;
  PetscCall(wf_file_shape(file, name, &rank, shape, NULL));
  *n = rank == 0 ? 1 : (int)shape[0];
  PetscCheck(rank <= 1 && shape[0] <= INT32_MAX, file->comm, PETSC_ERR_FILE_UNEXPECTED, "%s: %s is no list of names",
             file->path, name);
  if (file->rank == 0) {
    size_t size;
    text = read_strings(file, name, *n, &size);
    if (text) total = (int64_t)size;
  }
  PetscCallMPI(MPI_Bcast(&total, 1, MPI_INT64_T, 0, file->comm));
  PetscCheck(total >= 0 && total < INT32_MAX, file->comm, PETSC_ERR_FILE_READ, "%s: cannot read the names %s", file->path, name);
  size_t pointers = ((size_t)*n + 1) * sizeof(char *);
  *strings        = wf_calloc(1, pointers + (size_t)total + 1);
  PetscCheck(*strings, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  char *copy = (char *)*strings + pointers;
  if (text) memcpy(copy, text, (size_t)total);
  wf_free(text);
  PetscCallMPI(MPI_Bcast(copy, (int)total, MPI_CHAR, 0, file->comm));
  for (int i = 0; i < *n; i++, copy += strlen(copy) + 1) (*strings)[i] = copy;
  PetscFunctionReturn(0);
}

/* Open an attribute; negative if it or its object is not there. */
static PetscErrorCode open_attribute(wf_file *file, const char *object, const char *name, hid_t *id)
{
  bool has;

  PetscFunctionBeginUser;
  PetscCall(wf_file_has(file, object, &has));
  *id = has && H5Aexists_by_name(file->h5, object, name, H5P_DEFAULT) > 0
            ? H5Aopen_by_name(file->h5, object, name, H5P_DEFAULT, H5P_DEFAULT) : -1;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_read_attribute_text(wf_file *file, const char *object, const char *name, char *value, size_t size,
                                           bool *found)
{
  hid_t id = -1;

  PetscFunctionBeginUser;
  value[0] = '\0';
  *found   = false;
  PetscCall(open_attribute(file, object, name, &id));
  if (id < 0) PetscFunctionReturn(0);
  hid_t type = H5Aget_type(id);
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0) {
    char *text = NULL;
    *found     = H5Aread(id, type, &text) >= 0 && text;
    if (*found) snprintf(value, size, "%s", text);
    if (text) H5free_memory(text);
  } else if (H5Tget_class(type) == H5T_STRING) {
    char *text = wf_calloc(1, H5Tget_size(type) + 1);
    *found     = text && H5Aread(id, type, text) >= 0;
    if (*found) snprintf(value, size, "%s", text);
    wf_free(text);
  }
  H5Tclose(type);
  H5Aclose(id);
  PetscFunctionReturn(0);
}

static PetscErrorCode read_number(wf_file *file, const char *object, const char *name, hid_t type, void *value, bool *found)
{
  hid_t id = -1;

  PetscFunctionBeginUser;
  *found = false;
  PetscCall(open_attribute(file, object, name, &id));
  if (id < 0) PetscFunctionReturn(0);
  hid_t space = H5Aget_space(id);
  *found      = H5Sget_simple_extent_npoints(space) == 1 && H5Aread(id, type, value) >= 0;
  H5Sclose(space);
  H5Aclose(id);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_read_attribute_double(wf_file *file, const char *object, const char *name, double *value, bool *found)
{
  PetscFunctionBeginUser;
  PetscCall(read_number(file, object, name, H5T_NATIVE_DOUBLE, value, found));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_read_attribute_int(wf_file *file, const char *object, const char *name, int64_t *value, bool *found)
{
  PetscFunctionBeginUser;
  PetscCall(read_number(file, object, name, H5T_NATIVE_INT64, value, found));
  PetscFunctionReturn(0);
}
