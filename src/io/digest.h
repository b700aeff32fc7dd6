/* Fingerprints: 128 bits that add up. A row's hash is keyed by what it belongs to and by its global index; sums modulo 2^64 of row
   hashes do not depend on order, so ranks add their own rows and one MPI_SUM gives the fingerprint of the whole. Guards against
   damage and mix-ups, not against forgery. Pure: no MPI, no HDF5. */
#ifndef WEIGHTFLOW_IO_DIGEST_H
#define WEIGHTFLOW_IO_DIGEST_H
#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t word[2]; } wf_digest;

/* Hash bytes [n] under a key and an index. Not collective. */
wf_digest wf_digest_bytes(wf_digest key, uint64_t index, const void *bytes, size_t n);
/* A key from up to three strings (their borders count) and numbers [n]. Not collective. */
wf_digest wf_digest_key(const char *what, const char *object, const char *name, int n, const int64_t *numbers);
/* sum += term. */
void wf_digest_add(wf_digest *sum, wf_digest term);
/* Add rows first .. first + n_rows - 1 of row_size bytes each, lying one after the other. */
void wf_digest_add_rows(wf_digest *sum, wf_digest key, int64_t first, int64_t n_rows, size_t row_size, const void *rows);
/* 32 hexadecimal digits and the final zero into text [33]. */
void wf_digest_text(wf_digest digest, char *text);
#endif
