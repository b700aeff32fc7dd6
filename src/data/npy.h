/* Arrays of NumPy (.npy, format 1.0 to 3.0), little-endian numbers, C or Fortran order. Plain file access: not collective. */
#ifndef WEIGHTFLOW_DATA_NPY_H
#define WEIGHTFLOW_DATA_NPY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WF_NPY_MAX_RANK = 8 };

typedef struct {
  int     descriptor;
  char    kind; /* 'f' float, 'i' integer, 'u' unsigned, 'b' boolean */
  int     item_size, rank;
  bool    fortran_order;
  int64_t shape[WF_NPY_MAX_RANK];
  int64_t data_offset;
} wf_npy;

/* Open and check header and length. false: a one-line reason without the path in why [why_size]. Close with wf_npy_close. */
bool wf_npy_open(const char *path, wf_npy *npy, char *why, size_t why_size);
void wf_npy_close(wf_npy *npy);
/* Rows first .. first + n_rows - 1 of the slowest axis into values [n_rows, ...] row-major, as double. false: reading failed. */
bool wf_npy_read_rows(const wf_npy *npy, int64_t first, int64_t n_rows, double *values);
#endif
