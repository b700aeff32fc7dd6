/* Datasets, names and attributes of a file being written, see io.h. Every transfer is collective, and no rank goes on until all
   know that it worked. Metadata calls do no I/O of their own most of the time, so their failures are agreed upon with the next
   dataset. */
#include <string.h>
#include "file_impl.h"

enum { CHUNK_FROM_BYTES = 1 << 16, CHUNK_BYTES = 1 << 20, DEFLATE_LEVEL = 4 };
static const int64_t TRANSFER_BYTES = (int64_t)1 << 29; /* MPI counts are 32 bits wide */

static int64_t count_row_elements(const wf_dataset *dataset)
{
  int64_t n = 1;
  for (int i = 1; i < dataset->rank; i++) n *= dataset->shape[i];
  return n;
}

/* About a megabyte; a power of two of rows, since ranks own blocks of rows that are mostly multiples of one. */
static void choose_chunk(const wf_dataset *dataset, hsize_t *chunk)
{
  int64_t row_bytes = count_row_elements(dataset) * (int64_t)wf_type_size(dataset->type), rows = 1;
  for (int i = 0; i < dataset->rank; i++) chunk[i] = (hsize_t)dataset->shape[i];
  while (rows * 2 <= dataset->shape[0] && rows * 2 * row_bytes <= CHUNK_BYTES) rows *= 2;
  chunk[0] = (hsize_t)rows;
  for (int i = 1; i < dataset->rank && row_bytes > CHUNK_BYTES; i++)
    while (row_bytes > CHUNK_BYTES && chunk[i] > 1) {
      row_bytes /= 2;
      chunk[i] = (chunk[i] + 1) / 2;
    }
}

int64_t wf_dataset_row_size(const wf_dataset *dataset)
{
  return count_row_elements(dataset) * (int64_t)wf_type_size(dataset->type);
}

hid_t wf_file_make_dataset(wf_file *file, const wf_dataset *dataset, bool contiguous)
{
  hsize_t shape[WF_MAX_RANK], chunk[WF_MAX_RANK];
  int64_t bytes = count_row_elements(dataset) * dataset->shape[0] * (int64_t)wf_type_size(dataset->type);
  for (int i = 0; i < dataset->rank; i++) shape[i] = (hsize_t)dataset->shape[i];
  hid_t space = H5Screate_simple(dataset->rank, shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  hid_t link = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  H5Pset_obj_track_times(creation, false);
  if (contiguous) H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  else if (bytes > CHUNK_FROM_BYTES) {
    choose_chunk(dataset, chunk);
    H5Pset_chunk(creation, dataset->rank, chunk);
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, DEFLATE_LEVEL);
  }
  hid_t id = H5Dcreate2(file->h5, dataset->name, wf_hdf5_type(dataset->type), space, link, creation, H5P_DEFAULT);
  H5Pclose(link);
  H5Pclose(creation);
  H5Sclose(space);
  return id;
}

/* In pieces of at most TRANSFER_BYTES a rank; all ranks make the same number of calls. */
static PetscErrorCode transfer_rows(wf_file *file, hid_t id, const wf_dataset *dataset, int64_t first, int64_t n_rows,
                                    const void *data)
{
  size_t  row_size = (size_t)count_row_elements(dataset) * wf_type_size(dataset->type);
  int64_t piece = TRANSFER_BYTES / (int64_t)(row_size ? row_size : 1), n_pieces;
  bool    ok = true;

  PetscFunctionBeginUser;
  if (piece < 1) piece = 1;
  n_pieces = (n_rows + piece - 1) / piece;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &n_pieces, 1, MPI_INT64_T, MPI_MAX, file->comm));
  hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  for (int64_t i = 0; i < n_pieces; i++) {
    int64_t begin = i * piece < n_rows ? i * piece : n_rows, end = begin + piece < n_rows ? begin + piece : n_rows;
    hid_t   file_space = H5Dget_space(id), memory_space;
    wf_hdf5_select_rows(file_space, first + begin, end - begin, &memory_space);
    const char *from = data ? (const char *)data + (size_t)begin * row_size : (const char *)"";
    ok               = H5Dwrite(id, wf_hdf5_type(dataset->type), memory_space, file_space, transfer, from) >= 0 && ok;
    H5Sclose(memory_space);
    H5Sclose(file_space);
  }
  H5Pclose(transfer);
  PetscCall(wf_file_agree(file, ok, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_describe_dataset(wf_file *file, const wf_dataset *dataset)
{
  PetscFunctionBeginUser;
  if (dataset->volatile_content) PetscCall(wf_file_write_attribute_int(file, dataset->name, "volatile_content", 1));
  PetscCall(wf_file_write_attribute_text(file, dataset->name, "description", dataset->description ? dataset->description : ""));
  PetscCall(wf_file_write_attribute_text(file, dataset->name, "unit", dataset->unit ? dataset->unit : ""));
  PetscCall(wf_file_write_attribute_text(file, dataset->name, "axes", dataset->axes ? dataset->axes : ""));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write_rows(wf_file *file, const wf_dataset *dataset, int64_t first, int64_t n_rows, const void *data)
{
  int64_t row_size, empty;

  PetscFunctionBeginUser;
  if (file->failed) PetscFunctionReturn(0);
  PetscCheck(dataset->rank >= 1 && dataset->rank <= WF_MAX_RANK, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s: %d axes",
             dataset->name, dataset->rank);
  row_size = count_row_elements(dataset) * (int64_t)wf_type_size(dataset->type);
  empty    = row_size * dataset->shape[0] == 0;
  PetscCheck(n_rows >= 0 && (n_rows == 0 || (first >= 0 && first + n_rows <= dataset->shape[0])), PETSC_COMM_SELF,
             PETSC_ERR_ARG_OUTOFRANGE, "%s: rows %lld + %lld of %lld", dataset->name, (long long)first, (long long)n_rows,
             (long long)dataset->shape[0]);
  PetscCall(wf_file_reserve(file, row_size * dataset->shape[0] + 8192));
  if (file->failed) PetscFunctionReturn(0);
  hid_t id = wf_file_make_dataset(file, dataset, false);
  PetscCall(wf_file_agree(file, id >= 0, NULL));
  if (file->failed) PetscFunctionReturn(0);
  if (!empty) PetscCall(transfer_rows(file, id, dataset, first, n_rows, data));
  if (file->failed) PetscFunctionReturn(0); /* the identifier went down with the file */
  H5Dclose(id);
  if (!dataset->volatile_content) {
    wf_digest key = wf_digest_dataset_key(dataset->name, dataset->type, dataset->rank, dataset->shape);
    wf_digest_add_rows(&file->digest, key, first, n_rows, (size_t)row_size, data);
    if (file->rank == 0) wf_digest_add(&file->digest, key); /* an empty dataset counts too */
  }
  PetscCall(wf_file_describe_dataset(file, dataset));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write(wf_file *file, const wf_dataset *dataset, const void *data)
{
  int64_t bytes, first, last;

  PetscFunctionBeginUser;
  bytes = count_row_elements(dataset) * (int64_t)wf_type_size(dataset->type);
  first = dataset->shape[0] * file->rank / file->size;
  last  = dataset->shape[0] * (file->rank + 1) / file->size;
  if (bytes * dataset->shape[0] <= CHUNK_FROM_BYTES) { /* not worth sharing */
    first = 0;
    last  = file->rank == 0 ? dataset->shape[0] : 0;
  }
  PetscCall(wf_file_write_rows(file, dataset, first, last - first, (const char *)data + first * bytes));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write_names(wf_file *file, const char *name, int n, const char *const *strings)
{
  size_t length = 1;

  PetscFunctionBeginUser;
  if (file->failed) PetscFunctionReturn(0);
  for (int i = 0; i < n; i++)
    if (strlen(strings[i]) > length) length = strlen(strings[i]);
  char *text = wf_calloc((size_t)n + 1, length);
  PetscCheck(text, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  for (int i = 0; i < n; i++) memcpy(text + (size_t)i * length, strings[i], strlen(strings[i]));
  PetscCall(wf_file_reserve(file, n * (int64_t)length + 8192));
  if (file->failed) {
    wf_free(text);
    PetscFunctionReturn(0);
  }
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, (hsize_t[]){(hsize_t)n}, NULL), link = H5Pcreate(H5P_LINK_CREATE);
  hid_t creation = H5Pcreate(H5P_DATASET_CREATE), transfer = H5Pcreate(H5P_DATASET_XFER);
  H5Tset_size(type, length);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_obj_track_times(creation, false);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  hid_t id = H5Dcreate2(file->h5, name, type, space, link, creation, H5P_DEFAULT);
  bool  ok = id >= 0;
  if (ok && n > 0) { /* all ranks hold the same: rank 0 writes */
    hid_t memory;
    wf_hdf5_select_rows(space, 0, file->rank == 0 ? n : 0, &memory);
    ok = H5Dwrite(id, type, memory, space, transfer, text) >= 0;
    H5Sclose(memory);
  }
  if (id >= 0) H5Dclose(id);
  H5Pclose(transfer);
  H5Pclose(creation);
  H5Pclose(link);
  H5Sclose(space);
  H5Tclose(type);
  wf_free(text);
  if (file->rank == 0) wf_digest_add(&file->digest, wf_digest_names(name, n, strings));
  PetscCall(wf_file_agree(file, ok, NULL));
  PetscFunctionReturn(0);
}

/* The group is made where the object is not there yet. */
static PetscErrorCode write_attribute(wf_file *file, const char *object, const char *name, const char *kind, hid_t type,
                                      const void *value, size_t size)
{
  bool exists;

  PetscFunctionBeginUser;
  if (file->failed) PetscFunctionReturn(0);
  PetscCall(wf_file_reserve(file, (int64_t)size + (int64_t)strlen(name) + 1024));
  if (file->failed) PetscFunctionReturn(0);
  PetscCall(wf_file_has(file, object, &exists));
  hid_t link = H5Pcreate(H5P_LINK_CREATE), space = H5Screate(H5S_SCALAR), id, attribute;
  H5Pset_create_intermediate_group(link, 1);
  id        = exists ? H5Oopen(file->h5, object, H5P_DEFAULT) : H5Gcreate2(file->h5, object, link, H5P_DEFAULT, H5P_DEFAULT);
  attribute = id >= 0 ? H5Acreate2(id, name, type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
  if (attribute < 0 || H5Awrite(attribute, type, value) < 0) file->local_failure = true;
  if (attribute >= 0) H5Aclose(attribute);
  if (id >= 0) H5Oclose(id);
  H5Sclose(space);
  H5Pclose(link);
  if (file->rank == 0 && strncmp(name, "volatile_", 9) != 0 && strcmp(name, "wf_digest") != 0 && !wf_object_is_volatile(object))
    wf_digest_add(&file->digest, wf_digest_attribute(object, name, kind, value, size));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write_attribute_text(wf_file *file, const char *object, const char *name, const char *value)
{
  hid_t type = H5Tcopy(H5T_C_S1);

  PetscFunctionBeginUser;
  H5Tset_size(type, strlen(value) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  PetscCall(write_attribute(file, object, name, "text", type, value, strlen(value) + 1));
  H5Tclose(type);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write_attribute_double(wf_file *file, const char *object, const char *name, double value)
{
  PetscFunctionBeginUser;
  PetscCall(write_attribute(file, object, name, "double", H5T_NATIVE_DOUBLE, &value, sizeof(value)));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write_attribute_int(wf_file *file, const char *object, const char *name, int64_t value)
{
  PetscFunctionBeginUser;
  PetscCall(write_attribute(file, object, name, "int", H5T_NATIVE_INT64, &value, sizeof(value)));
  PetscFunctionReturn(0);
}
