/* Base: what every module may use. No MPI, no PETSc, no I/O.

   Index types: counts of items on one rank and matrix sizes are `int`; global numbers of items are `int64_t`;
   PetscInt appears only at the PETSc border. Arrays are row-major, slowest index first: [n_traj, n_time, n_species]. */
#ifndef WEIGHTFLOW_BASE_H
#define WEIGHTFLOW_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weightflow/real.h>

/* Fetch `count` zeroed items of `size` bytes, aligned to 64 bytes. Not collective.
   Returns NULL if memory is short or count * size overflows; count = 0 gives a valid pointer. Free with wf_free. */
void *wf_calloc(size_t count, size_t size);

/* Give memory from wf_calloc back; NULL is accepted. Not collective. */
void wf_free(void *memory);

/* Compile a kernel for AVX-512, AVX2 and the baseline; the loader picks one (GCC function multiversioning). */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(WF_NO_MULTIVERSION)
#define WF_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WF_SIMD
#endif
#endif
