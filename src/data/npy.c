/* Reader of .npy files, see npy.h. The format: "\x93NUMPY", version, header length, a Python dictionary in text, then the numbers
   (NumPy Enhancement Proposal 1). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weightflow/base.h>
#include "npy.h"

enum { MAX_HEADER = 1 << 20, BLOCK_ITEMS = 1 << 16 };

static bool read_exactly(int descriptor, void *to, size_t n, int64_t offset)
{
  char *p = to;
  while (n) {
    ssize_t got = pread(descriptor, p, n, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    p += got;
    n -= (size_t)got;
    offset += got;
  }
  return true;
}

/* The text after 'key': in the dictionary; NULL if the key is missing. */
static const char *find_value(const char *header, const char *key)
{
  char quoted[32];
  snprintf(quoted, sizeof(quoted), "'%s'", key);
  const char *p = strstr(header, quoted);
  if (!p) return NULL;
  p = strchr(p + strlen(quoted), ':');
  if (!p) return NULL;
  p++;
  return p + strspn(p, " ");
}

static bool parse_type(wf_npy *npy, const char *text, char *why, size_t why_size)
{
  char order = 0, kind = 0, shown[24] = "";
  int  size = 0;
  if (text) snprintf(shown, sizeof(shown), "%.*s", (int)strcspn(text, ",}"), text);
  if (!text || sscanf(text, "'%c%c%d'", &order, &kind, &size) != 3) {
    snprintf(why, why_size, "numbers of type %s cannot be read (want plain int or float)", shown);
    return false;
  }
  if (order == '>' && size > 1) {
    snprintf(why, why_size, "big-endian numbers (%s) cannot be read: save them as little-endian", shown);
    return false;
  }
  bool known = (kind == 'f' && (size == 4 || size == 8)) || (kind == 'b' && size == 1) ||
               ((kind == 'i' || kind == 'u') && (size == 1 || size == 2 || size == 4 || size == 8));
  if (!known) {
    snprintf(why, why_size, "numbers of type %s cannot be read (want float32, float64 or integers)", shown);
    return false;
  }
  npy->kind      = kind;
  npy->item_size = size;
  return true;
}

static bool parse_shape(wf_npy *npy, const char *text, char *why, size_t why_size)
{
  npy->rank = 0;
  if (text && *text == '(') {
    text++;
    for (;;) {
      char *end;
      text += strspn(text, " ,");
      if (*text == ')') return true;
      errno           = 0;
      long long value = strtoll(text, &end, 10);
      if (end == text || value < 0 || errno || npy->rank == WF_NPY_MAX_RANK) break;
      npy->shape[npy->rank++] = value;
      text                    = end;
      if (*text == 'L') text++; /* Python 2 */
    }
  }
  snprintf(why, why_size, "the header's shape cannot be read");
  return false;
}

static bool parse_header(wf_npy *npy, const char *header, char *why, size_t why_size)
{
  const char *order = find_value(header, "fortran_order");
  if (!parse_type(npy, find_value(header, "descr"), why, why_size) || !parse_shape(npy, find_value(header, "shape"), why, why_size))
    return false;
  if (!order || (strncmp(order, "True", 4) != 0 && strncmp(order, "False", 5) != 0)) {
    snprintf(why, why_size, "the header does not say fortran_order");
    return false;
  }
  npy->fortran_order = order[0] == 'T';
  return true;
}

static bool check_length(const wf_npy *npy, int64_t file_size, char *why, size_t why_size)
{
  int64_t n = npy->item_size;
  for (int i = 0; i < npy->rank; i++)
    if (__builtin_mul_overflow(n, npy->shape[i], &n)) {
      snprintf(why, why_size, "the header's shape is too large");
      return false;
    }
  if (file_size - npy->data_offset >= n) return true;
  snprintf(why, why_size, "truncated: %lld bytes of numbers, the header promises %lld", (long long)(file_size - npy->data_offset),
           (long long)n);
  return false;
}

static bool read_header(wf_npy *npy, char *why, size_t why_size)
{
  unsigned char start[12];
  struct stat   status;
  bool          ok = false;
  if (fstat(npy->descriptor, &status) || S_ISDIR(status.st_mode) || !read_exactly(npy->descriptor, start, sizeof(start), 0) ||
      memcmp(start, "\x93NUMPY", 6) != 0) {
    snprintf(why, why_size, "not an .npy file");
    return false;
  }
  bool   wide   = start[6] >= 2;
  size_t length = wide ? start[8] | (size_t)start[9] << 8 | (size_t)start[10] << 16 | (size_t)start[11] << 24
                       : start[8] | (size_t)start[9] << 8;
  if (start[6] < 1 || start[6] > 3 || length > MAX_HEADER) {
    snprintf(why, why_size, "version %d.%d of the .npy format cannot be read", start[6], start[7]);
    return false;
  }
  npy->data_offset = (wide ? 12 : 10) + (int64_t)length;
  char *header     = wf_calloc(length + 1, 1);
  if (!header || !read_exactly(npy->descriptor, header, length, wide ? 12 : 10))
    snprintf(why, why_size, "truncated within its header");
  else ok = parse_header(npy, header, why, why_size) && check_length(npy, status.st_size, why, why_size);
  wf_free(header);
  return ok;
}

bool wf_npy_open(const char *path, wf_npy *npy, char *why, size_t why_size)
{
  memset(npy, 0, sizeof(*npy));
  npy->descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (npy->descriptor < 0) {
    snprintf(why, why_size, "%s", errno == ENOENT ? "no such file" : strerror(errno));
    return false;
  }
  if (read_header(npy, why, why_size)) return true;
  wf_npy_close(npy);
  return false;
}

void wf_npy_close(wf_npy *npy)
{
  if (npy->descriptor >= 0) close(npy->descriptor);
  npy->descriptor = -1;
}

#define CONVERT(TYPE)                                             \
  do {                                                            \
    TYPE value;                                                   \
    for (int64_t i = 0; i < n; i++) {                             \
      memcpy(&value, raw + i * (int64_t)sizeof(TYPE), sizeof(TYPE)); \
      values[i * stride] = (double)value;                         \
    }                                                             \
  } while (0)

static void convert_items(const wf_npy *npy, const char *raw, int64_t n, int64_t stride, double *values)
{
  int size = npy->item_size;
  if (npy->kind == 'f' && size == 8) CONVERT(double);
  else if (npy->kind == 'f') CONVERT(float);
  else if (npy->kind == 'i' && size == 1) CONVERT(int8_t);
  else if (npy->kind == 'i' && size == 2) CONVERT(int16_t);
  else if (npy->kind == 'i' && size == 4) CONVERT(int32_t);
  else if (npy->kind == 'i') CONVERT(int64_t);
  else if (size == 1) CONVERT(uint8_t);
  else if (size == 2) CONVERT(uint16_t);
  else if (size == 4) CONVERT(uint32_t);
  else CONVERT(uint64_t);
}

/* n items that lie together in the file from item `first` on, to values[0], values[stride], ... */
static bool read_run(const wf_npy *npy, int64_t first, int64_t n, int64_t stride, char *block, double *values)
{
  for (int64_t begin = 0; begin < n; begin += BLOCK_ITEMS) {
    int64_t count = n - begin < BLOCK_ITEMS ? n - begin : BLOCK_ITEMS;
    int64_t offset = npy->data_offset + (first + begin) * npy->item_size;
    if (!read_exactly(npy->descriptor, block, (size_t)(count * npy->item_size), offset)) return false;
    convert_items(npy, block, count, stride, values + begin * stride);
  }
  return true;
}

bool wf_npy_read_rows(const wf_npy *npy, int64_t first, int64_t n_rows, double *values)
{
  int64_t row   = 1;
  char   *block = wf_calloc(BLOCK_ITEMS, 8);
  bool    ok    = block != NULL;
  for (int i = 1; i < npy->rank; i++) row *= npy->shape[i];
  if (ok && !npy->fortran_order) ok = read_run(npy, first * row, n_rows * row, 1, block, values);
  /* Fortran order: the first axis runs fastest; column c of the rest, counted backwards, goes to place p in row-major order */
  for (int64_t c = 0; ok && npy->fortran_order && c < row; c++) {
    int64_t rest = c, p = 0, step = row;
    for (int i = 1; i < npy->rank; i++) {
      step /= npy->shape[i];
      p += rest % npy->shape[i] * step;
      rest /= npy->shape[i];
    }
    ok = read_run(npy, first + c * npy->shape[0], n_rows, row, block, values + p);
  }
  wf_free(block);
  return ok;
}
