/* Types, selections and the digest of single things: what writer and reader share. */
#include <string.h>
#include "file_impl.h"

static const struct { hid_t *hdf5; size_t size; } TYPES[] = {
  [WF_TYPE_INT32]  = {&H5T_NATIVE_INT32_g, 4},
  [WF_TYPE_INT64]  = {&H5T_NATIVE_INT64_g, 8},
  [WF_TYPE_FLOAT]  = {&H5T_NATIVE_FLOAT_g, 4},
  [WF_TYPE_DOUBLE] = {&H5T_NATIVE_DOUBLE_g, 8},
  [WF_TYPE_UINT8]  = {&H5T_NATIVE_UINT8_g, 1},
};

hid_t wf_hdf5_type(wf_type type)
{
  H5open();
  return *TYPES[type].hdf5;
}

size_t wf_type_size(wf_type type) { return TYPES[type].size; }

bool wf_hdf5_nearest_type(hid_t stored, wf_type *type)
{
  H5T_class_t class = H5Tget_class(stored);
  size_t      size  = H5Tget_size(stored);
  if (class == H5T_FLOAT) *type = size <= 4 ? WF_TYPE_FLOAT : WF_TYPE_DOUBLE;
  else if (class == H5T_INTEGER && size == 1) *type = H5Tget_sign(stored) == H5T_SGN_NONE ? WF_TYPE_UINT8 : WF_TYPE_INT32;
  else if (class == H5T_INTEGER)
    *type = size < 4 || (size == 4 && H5Tget_sign(stored) == H5T_SGN_2) ? WF_TYPE_INT32 : WF_TYPE_INT64;
  else return false;
  return true;
}

void wf_hdf5_select_rows(hid_t file_space, int64_t first, int64_t n_rows, hid_t *memory_space)
{
  hsize_t shape[H5S_MAX_RANK] = {0}, start[H5S_MAX_RANK] = {0};
  int     rank = H5Sget_simple_extent_dims(file_space, shape, NULL);
  start[0]     = (hsize_t)first;
  shape[0]     = (hsize_t)n_rows;
  if (n_rows > 0) {
    H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, shape, NULL);
    *memory_space = H5Screate_simple(rank, shape, NULL);
  } else { /* a rank without rows still takes part in a collective transfer */
    H5Sselect_none(file_space);
    shape[0]      = 1;
    *memory_space = H5Screate_simple(rank, shape, NULL);
    H5Sselect_none(*memory_space);
  }
}

/* "/provenance" and everything below; objects named volatile_... */
bool wf_object_is_volatile(const char *path)
{
  if (path[0] == '/') path++;
  return strncmp(path, "provenance", 10) == 0 && (path[10] == '\0' || path[10] == '/');
}

wf_digest wf_digest_dataset_key(const char *name, wf_type type, int rank, const int64_t *shape)
{
  int64_t numbers[WF_MAX_RANK + 2] = {type, rank};
  for (int i = 0; i < rank; i++) numbers[2 + i] = shape[i];
  return wf_digest_key("dataset", name[0] == '/' ? name + 1 : name, "", rank + 2, numbers);
}

wf_digest wf_digest_names(const char *name, int n, const char *const *strings)
{
  wf_digest sum = {{0, 0}}, key = wf_digest_key("names", name[0] == '/' ? name + 1 : name, "", 1, (int64_t[]){n});
  for (int i = 0; i < n; i++) wf_digest_add(&sum, wf_digest_bytes(key, (uint64_t)i, strings[i], strlen(strings[i])));
  return sum;
}

wf_digest wf_digest_attribute(const char *object, const char *name, const char *type, const void *value, size_t size)
{
  if (object[0] == '/') object++;
  return wf_digest_bytes(wf_digest_key(type, object, name, 0, NULL), 0, value, size);
}
