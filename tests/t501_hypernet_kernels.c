/* The hypernetwork's kernels, in every instruction set this processor has, and its dropout masks, against plain loops in double. */
#include <weightflow/base.h>
#include <weightflow/blas.h>
#include <weightflow/random.h>
#include "check.h"
#include "flow/hypernet_impl.h"

#define TOLERANCE (WF_REAL_IS_DOUBLE ? 1e-13 : 1e-5)

static uint64_t n_filled;

/* New memory with n standard normals and slack. */
static wf_real *normals(int n, double scale)
{
  wf_real *x = wf_calloc((size_t)n + WF_KERNEL_SLACK, sizeof(wf_real));
  n_filled++;
  for (int i = 0; i < n; i++) {
    double z[2];
    wf_random_normal2(2, WF_RANDOM_TEST, n_filled, (uint32_t)i, z);
    x[i] = (wf_real)(scale * z[0]);
  }
  return x;
}

static wf_real *zeros(int n) { return normals(n, 0); }

/* Largest difference relative to the largest expected number; condition: how much of the rounding errors the result may magnify. */
static void compare(const char *kernels, const char *what, double condition, int n, const wf_real *x, const double *expected)
{
  double error = 0, size = 0;
  for (int i = 0; i < n; i++) {
    error = fmax(error, fabs((double)x[i] - expected[i]));
    size  = fmax(size, fabs(expected[i]));
    if (isnan(x[i])) error = INFINITY;
  }
  WF_CHECK(size > 0 && error <= condition * TOLERANCE * size, "%s, %s: %g of %g", kernels, what, error, size);
}

static void check_products(const wf_hypernet_kernels *kernels)
{
  static const int sizes[][3] = {{1, 1, 1},     {2, 3, 5},    {8, 16, 64}, {7, 33, 9},
                                 {13, 20, 128}, {100, 17, 3}, {6, 64, 30}, {9, 5, 0}};
  static double    expected[100 * 64];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const int m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
    wf_real  *a = normals(m * k, 1), *b = normals(n * k, 1), *c = normals(m * n, 1), *panel = zeros((int)wf_panel_work(k));
    for (int i = 0; i < m * n; i++) expected[i] = (double)c[i];
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++)
        for (int p = 0; p < k; p++) expected[i * n + j] -= 0.5 * (double)a[p * m + i] * (double)b[p * n + j];
    kernels->product(m, n, k, (wf_real)-0.5, a, 1, m, b, n, true, c, n);
    compare(kernels->name, "product", 1, m * n, c, expected);
    for (int i = 0; i < m * n; i++) expected[i] = k ? 0 : 1;
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++)
        for (int p = 0; p < k; p++) expected[i * n + j] += (double)a[i * k + p] * (double)b[j * k + p];
    kernels->product_transposed(m, n, k, a, b, panel, c);
    if (k)
      compare(kernels->name, "product_transposed", 1, m * n, c, expected);
    else
      WF_CHECK(c[0] == 0 && c[m * n - 1] == 0);
    wf_free(a);
    wf_free(b);
    wf_free(c);
    wf_free(panel);
  }
}

/* tanh to three units in the last place everywhere, exact at the ends, NaN kept. */
static void check_tanh(const wf_hypernet_kernels *kernels)
{
  enum { N = 20001 };
  static wf_real x[N];
  wf_real        bias = 0, unit = WF_REAL_IS_DOUBLE ? 0x1p-52 : (wf_real)0x1p-23;
  double         worst = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < N; i++) x[i] = (wf_real)((i - N / 2) * (pass ? 2.3e-3 : 1.7e-5));
    kernels->add_bias_tanh(N, 1, &bias, x);
    for (int i = 0; i < N; i++) {
      double exact = tanh((double)(wf_real)((i - N / 2) * (pass ? 2.3e-3 : 1.7e-5)));
      if (exact != 0) worst = fmax(worst, fabs((double)x[i] - exact) / fabs(exact) / (double)unit);
    }
  }
  fprintf(stderr, "%s: tanh, worst relative error %.2f units of the last place\n", kernels->name, worst);
  WF_CHECK(worst < 3 && x[N / 2] == 0, "%g", worst);
  wf_real ends[4] = {(wf_real)-1e30, (wf_real)1e30, (wf_real)NAN, (wf_real)1e-30}, no[4] = {0};
  kernels->add_bias_tanh(1, 4, no, ends);
  WF_CHECK(ends[0] == -1 && ends[1] == 1 && isnan(ends[2]) && ends[3] == (wf_real)1e-30, "%g %g %g %g", (double)ends[0],
           (double)ends[1], (double)ends[2], (double)ends[3]);
}

static bool is_kept(const wf_mask *mask, int row, int column)
{
  return mask->bits[row * mask->row_bytes + column / 8] >> (column % 8) & 1;
}

/* Plain loops: expected [n, width] and its vector-Jacobian product d_expected [n, 3 width], both zero before. */
static void attention_reference(const wf_attention_shape *shape, const wf_real *qkv, const wf_real *d_out, const wf_mask *mask,
                                double *expected, double *d_expected)
{
  const int n = shape->n, n_heads = shape->n_heads, head = shape->head, width = shape->width, row = 3 * width;
  double   *prob = calloc((size_t)n, sizeof(double)), *d = calloc((size_t)n, sizeof(double)), scale = 1 / sqrt(head);
  for (int h = 0; h < n_heads; h++)
    for (int i = 0; i < n; i++) {
      double         largest = -INFINITY, sum = 0, mean = 0;
      const wf_real *q = qkv + i * row + h * head;
      for (int j = 0; j < n; j++) {
        prob[j] = 0;
        for (int c = 0; c < head; c++) prob[j] += scale * (double)q[c] * (double)qkv[j * row + width + h * head + c];
        largest = fmax(largest, prob[j]);
      }
      for (int j = 0; j < n; j++) sum += prob[j] = exp(prob[j] - largest);
      for (int j = 0; j < n; j++) {
        double kept = !mask->bits ? 1 : is_kept(mask, h * n + i, j) ? (double)mask->scale : 0;
        prob[j] /= sum;
        d[j] = 0;
        for (int c = 0; c < head; c++) {
          double v = (double)qkv[j * row + 2 * width + h * head + c], dc = (double)d_out[i * width + h * head + c];
          expected[i * width + h * head + c] += kept * prob[j] * v;
          d_expected[j * row + 2 * width + h * head + c] += kept * prob[j] * dc;
          d[j] += kept * dc * v;
        }
        mean += d[j] * prob[j];
      }
      for (int j = 0; j < n; j++)
        for (int c = 0; c < head; c++) {
          double ds = scale * prob[j] * (d[j] - mean);
          d_expected[i * row + h * head + c] += ds * (double)qkv[j * row + width + h * head + c];
          d_expected[j * row + width + h * head + c] += ds * (double)q[c];
        }
    }
  free(prob);
  free(d);
}

/* Attention forward and backward against plain loops; scores of size 100 must not overflow. */
static void check_attention(const wf_hypernet_kernels *kernels, int n, int n_heads, int head, double size, wf_mask mask)
{
  const int          width = n_heads * head, row = 3 * width;
  wf_attention_shape shape = {.n       = n,
                              .width   = width,
                              .n_heads = n_heads,
                              .head    = head,
                              .padded  = (n + kernels->lanes - 1) / kernels->lanes * kernels->lanes};
  wf_real           *qkv = normals(n * row, size), *d_out = normals(n * width, 1), *p = zeros(n_heads * n * shape.padded),
          *out  = zeros(n * width);
  wf_real *work = zeros((int)wf_attention_work(&shape)), *d_qkv = zeros(n * row);
  double  *expected = calloc((size_t)(n * width), sizeof(double)), *d_expected = calloc((size_t)(n * row), sizeof(double));
  attention_reference(&shape, qkv, d_out, &mask, expected, d_expected);
  kernels->attention_forward(&shape, qkv, &mask, work, p, out);
  compare(kernels->name, "attention", size * size, n * width, out, expected);
  kernels->attention_backward(&shape, qkv, &mask, p, d_out, work, d_qkv);
  if (size < 2) compare(kernels->name, "attention backward", 1, n * row, d_qkv, d_expected);
  wf_free(qkv);
  wf_free(d_out);
  wf_free(p);
  wf_free(out);
  wf_free(work);
  wf_free(d_qkv);
  free(expected);
  free(d_expected);
}

/* Masks: the bits that random.h gives, laid out as documented; kept entries in the right share; new masks for a new key only. */
static void check_masks(void)
{
  static const wf_backbone_layer layers[] = {{"a", 30, 4}, {"b", 7, 2}};
  const wf_hypernet_config       config   = {
              .n_control = 1, .width = 12, .n_heads = 2, .n_feedforward = 20, .n_encoders = 2, .map_hidden = 8};
  wf_graph    *graph = wf_graph_create(2, layers);
  wf_hypernet *net   = wf_hypernet_create(graph, &config);
  wf_dropout   key   = {.rate = 0.1, .seed = 0x123456789abcdefull, .item = 0xfedcba987654321ull};
  WF_CHECK(!wf_hypernet_dropout_masks(net, NULL, 0)->hidden.bits);
  WF_CHECK(!wf_hypernet_dropout_masks(net, &(wf_dropout){.seed = 1}, 0)->hidden.bits);
  const wf_hypernet_masks *masks = wf_hypernet_dropout_masks(net, &key, 0), *second = wf_hypernet_dropout_masks(net, &key, 1);
  const size_t             bytes = 2 * (2 * 37 * 5 + 37 * 2 + 37 * 3 + 37 * 2);
  WF_CHECK(net->dropout->n_bytes == bytes && second->feedforward.bits + 37 * 2 == net->dropout->bits + bytes);
  int wrong = 0, kept = 0;
  for (size_t b = 0; b < bytes; b++) {
    uint32_t words[4];
    wf_random_words(key.seed, WF_RANDOM_DROPOUT, key.item, (uint32_t)b, words);
    for (int i = 0; i < 8; i++) {
      bool keep = (words[i / 2] >> (16 * (i % 2)) & 0xFFFF) >= 6554;
      wrong += keep != (net->dropout->bits[b] >> i & 1);
      kept += keep;
    }
  }
  WF_CHECK(wrong == 0, "%d", wrong);
  /* five standard errors */
  WF_CHECK(fabs(kept / (8.0 * (double)bytes) - 0.9) < 5 * sqrt(0.09 / (8.0 * (double)bytes)), "%d", kept);
  WF_CHECK(fabs((double)masks->hidden.scale - 1 / (1 - 6554 / 65536.0)) < 1e-6 && masks->hidden.row_bytes == 3);
  for (int share = 0; share < 2; share++) { /* with every entry kept the masks change nothing, with none kept the branch is gone */
    wf_dropout end = {.rate = share ? 1 : 1e-9, .seed = 3};
    masks          = wf_hypernet_dropout_masks(net, &end, 1);
    for (size_t b = 0; b < bytes; b++) wrong += net->dropout->bits[b] != (share ? 0 : 255);
    WF_CHECK(wrong == 0 && masks->hidden.scale == (share ? 0 : 1));
  }
  wf_hypernet_destroy(&net);
  wf_graph_destroy(&graph);
}

int main(void)
{
  const wf_hypernet_kernels *tables[3];
  int                        n_tables = wf_hypernet_kernels_all(tables);
  uint8_t                    bits[4 * 100 * 13 + 8];
  for (size_t i = 0; i < sizeof bits; i++) {
    uint32_t words[4];
    wf_random_words(1, WF_RANDOM_TEST, 77, (uint32_t)i, words);
    bits[i] = (uint8_t)words[0];
  }
  WF_CHECK(tables[0] == wf_hypernet_kernels_get());
  for (int t = 0; t < n_tables; t++) {
    check_products(tables[t]);
    check_tanh(tables[t]);
    for (int dropped = 0; dropped < 2; dropped++) {
      check_attention(tables[t], 100, 4, 16, 1, (wf_mask){.bits = dropped ? bits : NULL, .row_bytes = 13, .scale = 2});
      check_attention(tables[t], 19, 3, 5, 1, (wf_mask){.bits = dropped ? bits : NULL, .row_bytes = 3, .scale = 2});
      check_attention(tables[t], 1, 1, 1, 1, (wf_mask){.bits = dropped ? bits : NULL, .row_bytes = 1, .scale = 2});
    }
    check_attention(tables[t], 33, 2, 8, 12, (wf_mask){.scale = 1}); /* scores of some hundred: nothing overflows */
  }
  check_masks();
  return WF_TEST_END();
}
