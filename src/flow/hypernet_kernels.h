/* Hot loops of the hypernetwork: one table of kernels for each instruction set, picked once at run time.

   Everything works on row-major matrices of wf_real and has a fixed order of operations, so the bits depend on the instruction set
   alone, never on alignment or on what else is computed. No argument may overlap another unless said. Pure; not collective. */
#ifndef WEIGHTFLOW_HYPERNET_KERNELS_H
#define WEIGHTFLOW_HYPERNET_KERNELS_H
#include <weightflow/base.h>

/* Vector loads may read this many numbers past the last one of a `product`'s B: leave so many at the end of such arrays. */
enum { WF_KERNEL_SLACK = 16 };

/* One dropout mask over a matrix: bit j of a row is 1 where entry j is kept, 8 entries a byte, least significant bit first; kept
   entries are multiplied by scale. bits = NULL: nothing is dropped. Readable 8 bytes past its end. */
typedef struct {
  const uint8_t *bits;
  int            row_bytes;
  wf_real        scale;
} wf_mask;

/* Attention of one encoder: n nodes, width = n_heads * head numbers a node; rows of probabilities are padded to `padded` entries.
 */
typedef struct {
  int n, width, n_heads, head, padded;
} wf_attention_shape;

typedef struct {
  const char *name;
  int         lanes; /* numbers in a vector; attention rows are padded to a multiple of it */

  /* C [m,n] = alpha A B (+ C), A(i,p) = a[i a_row + p a_column], B [k,n] row-major; for operands that stay in the first-level
     cache. Reads of B go up to lanes - 1 entries past each row's n. */
  void (*product)(int m, int n, int k, wf_real alpha, const wf_real *a, int a_row, int a_column, const wf_real *b, int ldb,
                  bool accumulate, wf_real *c, int ldc);

  /* C [m,n] = A W^T, A [m,k], W [n,k], all without gaps; panel: wf_panel_work(k) numbers. */
  void (*product_transposed)(int m, int n, int k, const wf_real *a, const wf_real *w, wf_real *panel, wf_real *c);

  /* x [m,n] += bias; then tanh or ReLU and dropout. */
  void (*add_bias)(int m, int n, const wf_real *bias, wf_real *x);
  void (*add_bias_tanh)(int m, int n, const wf_real *bias, wf_real *x);
  void (*add_bias_relu)(int m, int n, const wf_real *bias, const wf_mask *mask, wf_real *x);

  /* d [m,n]: cotangent of the activation's output -> of its input, given the output a; bias_bar [n] += column sums
     (may be NULL). */
  void (*tanh_backward)(int m, int n, const wf_real *a, wf_real *d, wf_real *bias_bar);
  void (*relu_backward)(int m, int n, wf_real scale, const wf_real *a, wf_real *d, wf_real *bias_bar);
  void (*column_sum)(int m, int n, const wf_real *d, wf_real *bias_bar);

  /* y = LayerNorm(x + dropout(f + bias)); keeps normal = (row - mean) / sd and rate [m] = 1 / sd. Ba, Kiros and Hinton (2016),
   * eq. 4. */
  void (*norm_forward)(int m, int n, const wf_real *x, const wf_real *f, const wf_real *bias, const wf_mask *mask,
                       const wf_real *gain, const wf_real *shift, wf_real *normal, wf_real *rate, wf_real *y);
  /* d: cotangent of y -> of x (in place); d_f = cotangent of f (written only with a mask, else it equals d).
     gain_bar, shift_bar, bias_bar [n] accumulate; all NULL or none. */
  void (*norm_backward)(int m, int n, const wf_real *normal, const wf_real *rate, const wf_real *gain, const wf_mask *mask,
                        wf_real *d, wf_real *d_f, wf_real *gain_bar, wf_real *shift_bar, wf_real *bias_bar);

  /* Scaled dot-product attention of all heads (Vaswani et al. 2017, eq. 1). qkv [n, 3 width] = queries, keys, values, each by
     heads. p [n_heads, n, padded]: probabilities before dropout (out); context [n, width] (out). The mask covers [n_heads * n, n].
     work: wf_attention_work(shape) numbers. */
  void (*attention_forward)(const wf_attention_shape *shape, const wf_real *qkv, const wf_mask *mask, wf_real *work, wf_real *p,
                            wf_real *context);
  /* d_qkv [n, 3 width] (out) from d_context [n, width]. */
  void (*attention_backward)(const wf_attention_shape *shape, const wf_real *qkv, const wf_mask *mask, const wf_real *p,
                             const wf_real *d_context, wf_real *work, wf_real *d_qkv);
} wf_hypernet_kernels;

/* The best table for this processor; the same one in every call. */
const wf_hypernet_kernels *wf_hypernet_kernels_get(void);

/* All tables this processor can run, best first; for tests and benchmarks. */
int wf_hypernet_kernels_all(const wf_hypernet_kernels *tables[3]);

static inline size_t wf_attention_work(const wf_attention_shape *s)
{
  return 2 * (size_t)s->padded * (size_t)(s->n + s->head) + 2 * WF_KERNEL_SLACK;
}

static inline size_t wf_panel_work(int k) { return 2 * (size_t)WF_KERNEL_SLACK * (size_t)k; }
#endif
