/* The digest of what lies in a file. Each rank reads its share of each dataset independently of the others: on a damaged file some
   ranks fail and others do not, and a collective read would wait for ever. */
#include <string.h>
#include "file_impl.h"

static const int64_t PIECE_BYTES = (int64_t)8 << 20;

typedef struct {
  wf_file   *file;
  wf_digest *digest;
  bool       ok;
} visit;

static bool add_names(visit *v, hid_t dataset, const char *name, hid_t type)
{
  hid_t   space  = H5Dget_space(dataset);
  hsize_t n      = (hsize_t)H5Sget_simple_extent_npoints(space);
  size_t  length = H5Tget_size(type);
  H5Sclose(space);
  if (v->file->rank != 0) return true;
  if (H5Tis_variable_str(type) > 0 || n > INT32_MAX) return false;
  char        *text    = wf_calloc((size_t)n + 1, length), *copies = wf_calloc((size_t)n + 1, length + 1);
  const char **strings = wf_calloc((size_t)n + 1, sizeof(*strings));
  bool         ok      = text && copies && strings && (n == 0 || H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0);
  for (hsize_t i = 0; ok && i < n; i++) {
    memcpy(copies + i * (length + 1), text + i * length, length);
    strings[i] = copies + i * (length + 1);
  }
  if (ok) wf_digest_add(v->digest, wf_digest_names(name, (int)n, strings));
  wf_free(strings);
  wf_free(copies);
  wf_free(text);
  return ok;
}

/* Rows per read: whole chunks, so that nothing is decompressed twice. */
static int64_t choose_piece(hid_t dataset, size_t row_size)
{
  hid_t   creation            = H5Dget_create_plist(dataset);
  hsize_t chunk[H5S_MAX_RANK] = {1};
  if (H5Pget_layout(creation) == H5D_CHUNKED) H5Pget_chunk(creation, H5S_MAX_RANK, chunk);
  H5Pclose(creation);
  int64_t rows = PIECE_BYTES / (int64_t)(row_size ? row_size : 1), step = (int64_t)chunk[0];
  return rows <= step ? step : rows / step * step;
}

static bool add_rows(visit *v, hid_t dataset, wf_type type, wf_digest key, const int64_t *shape, int rank)
{
  size_t row_size = wf_type_size(type);
  for (int i = 1; i < rank; i++) row_size *= (size_t)shape[i];
  if (row_size == 0 || shape[0] == 0) return true;
  int64_t piece = choose_piece(dataset, row_size), n_pieces = (shape[0] + piece - 1) / piece;
  int64_t first = n_pieces * v->file->rank / v->file->size * piece, last = n_pieces * (v->file->rank + 1) / v->file->size * piece;
  bool    ok = true;
  if (last > shape[0]) last = shape[0];
  if (first >= last) return true;
  char *rows = wf_calloc((size_t)(last - first < piece ? last - first : piece), row_size);
  if (!rows) return false;
  for (int64_t begin = first; ok && begin < last; begin += piece) {
    int64_t n          = last - begin < piece ? last - begin : piece;
    hid_t   file_space = H5Dget_space(dataset), memory_space;
    wf_hdf5_select_rows(file_space, begin, n, &memory_space);
    ok = H5Dread(dataset, wf_hdf5_type(type), memory_space, file_space, H5P_DEFAULT, rows) >= 0;
    if (ok) wf_digest_add_rows(v->digest, key, begin, n, row_size, rows);
    H5Sclose(memory_space);
    H5Sclose(file_space);
  }
  wf_free(rows);
  return ok;
}

static bool is_declared(const wf_file *file, const char *name)
{
  for (int i = 0; i < file->n_declared; i++)
    if (strcmp(file->declared[i].name + (file->declared[i].name[0] == '/'), name) == 0) return true;
  return false;
}

static bool add_dataset(visit *v, hid_t dataset, const char *name)
{
  hid_t   stored = H5Dget_type(dataset), space = H5Dget_space(dataset);
  hsize_t extent[H5S_MAX_RANK];
  int64_t shape[WF_MAX_RANK] = {0};
  wf_type type;
  bool    ok   = true;
  int     rank = H5Sget_simple_extent_ndims(space);
  if (stored >= 0 && H5Tget_class(stored) == H5T_STRING) ok = add_names(v, dataset, name, stored);
  else if (stored < 0 || rank < 1 || rank > WF_MAX_RANK || !wf_hdf5_nearest_type(stored, &type)) ok = false;
  else if (H5Aexists(dataset, "volatile_content") <= 0) {
    H5Sget_simple_extent_dims(space, extent, NULL);
    for (int i = 0; i < rank; i++) shape[i] = (int64_t)extent[i];
    wf_digest key = wf_digest_dataset_key(name, type, rank, shape);
    if (v->file->rank == 0) wf_digest_add(v->digest, key);
    if (!is_declared(v->file, name)) ok = add_rows(v, dataset, type, key, shape, rank);
  }
  H5Sclose(space);
  H5Tclose(stored);
  return ok;
}

typedef struct {
  visit      *v;
  const char *object;
  bool        counts; /* false: must be readable, but is no part of the digest */
} attribute_visit;

static herr_t add_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
  attribute_visit *a = context;
  hid_t       id = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(id);
  H5T_class_t class  = H5Tget_class(type);
  size_t      size   = class == H5T_STRING ? H5Tget_size(type) : 8;
  const char *kind   = class == H5T_STRING ? "text" : class == H5T_FLOAT ? "double" : "int";
  hid_t       memory = class == H5T_STRING ? type : class == H5T_FLOAT ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
  char       *value  = wf_calloc(1, size);
  bool        ok     = id >= 0 && type >= 0 && value && H5Tis_variable_str(type) <= 0 && H5Aread(id, memory, value) >= 0;
  bool        counts = a->counts && strncmp(name, "volatile_", 9) != 0 && strcmp(name, "wf_digest") != 0;
  if (ok && counts) wf_digest_add(a->v->digest, wf_digest_attribute(a->object, name, kind, value, size));
  if (!ok) a->v->ok = false;
  wf_free(value);
  if (type >= 0) H5Tclose(type);
  if (id >= 0) H5Aclose(id);
  return 0;
}

static herr_t add_object(hid_t root, const char *path, const H5O_info_t *info, void *context)
{
  visit      *v    = context;
  const char *name = strcmp(path, ".") == 0 ? "" : path;
  hid_t       id   = H5Oopen(root, path, H5P_DEFAULT);
  if (id < 0) {
    v->ok = false;
    return 0;
  }
  attribute_visit a = {v, name, !wf_object_is_volatile(name)};
  if (v->file->rank == 0 && H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, &a) < 0) v->ok = false;
  if (a.counts && info->type == H5O_TYPE_DATASET && !add_dataset(v, id, name)) v->ok = false;
  H5Oclose(id);
  return 0;
}

bool wf_file_compute_digest(wf_file *file, wf_digest *digest)
{
  visit v = {file, digest, true};
  *digest = (wf_digest){{0, 0}};
  if (H5Ovisit2(file->h5, H5_INDEX_NAME, H5_ITER_INC, add_object, &v, H5O_INFO_BASIC) < 0) return false;
  return v.ok;
}
