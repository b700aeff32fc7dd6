/* Categorical head: one linear map from the features to L logits, softmax over the counts 0 .. L-1.

   -log p(x) = max + log sum_j exp(a_j - max) - a_x, with a = W f + b; d(-log p)/da = softmax(a) - e_x. Row 0 (the first coordinate,
   shared by all n samples) carries the weight n and the histogram of the targets. Rows of logits are padded to a multiple of 8 by
   biases so low that the padding's exponentials are 0. Cost per row: 2 L H operations forward, twice that backward, and L
   exponentials. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include "backbone/backbone_impl.h"

static const wf_real padding_logit = (wf_real)-1e30;

typedef struct {
  int      n_levels, levels_width, n_species, n_features, width; /* *width: padded row lengths of logits and features */
  wf_real *weight, *weight_t, *bias;                             /* [levels_width, width], [width, levels_width], [levels_width] */
  wf_real *weight_bar, *bias_bar;                                /* [width, levels_width], [levels_width] */
  wf_real *logits;                                               /* [chunk, levels_width] */
  wf_real  row_max[WF_BACKBONE_CHUNK], row_sum[WF_BACKBONE_CHUNK];
} categorical_work;

static void describe_layer(const wf_backbone_config *config, int n_features, wf_backbone_layer *layer)
{
  snprintf(layer->name, sizeof layer->name, "output");
  layer->n_nodes    = config->n_levels;
  layer->n_features = n_features + 1;
}

static void destroy_work(void *memory)
{
  categorical_work *work = memory;
  if (!work) return;
  wf_free(work->weight);
  wf_free(work->weight_t);
  wf_free(work->bias);
  wf_free(work->weight_bar);
  wf_free(work->bias_bar);
  wf_free(work->logits);
  wf_free(work);
}

static void *create_work(const wf_backbone_config *config, int n_features)
{
  categorical_work *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  work->n_levels     = config->n_levels;
  work->n_species    = config->n_species;
  work->levels_width = pad_width(config->n_levels);
  work->n_features   = n_features;
  work->width        = pad_width(n_features);
  size_t square = (size_t)work->levels_width * (size_t)work->width, levels = (size_t)work->levels_width;
  work->weight     = wf_calloc(square, sizeof(wf_real));
  work->weight_t   = wf_calloc(square, sizeof(wf_real));
  work->weight_bar = wf_calloc(square, sizeof(wf_real));
  work->bias       = wf_calloc(levels, sizeof(wf_real));
  work->bias_bar   = wf_calloc(levels, sizeof(wf_real));
  work->logits     = wf_calloc(levels * WF_BACKBONE_CHUNK, sizeof(wf_real));
  if (work->weight && work->weight_t && work->weight_bar && work->bias && work->bias_bar && work->logits) return work;
  destroy_work(work);
  return NULL;
}

static void load_weights(void *memory, const wf_real *theta)
{
  categorical_work *work = memory;
  for (int j = 0; j < work->n_levels; j++, theta += work->n_features + 1) {
    memcpy(work->weight + (size_t)j * work->width, theta, (size_t)work->n_features * sizeof(wf_real));
    for (int k = 0; k < work->n_features; k++) work->weight_t[(size_t)k * work->levels_width + j] = theta[k];
    work->bias[j] = theta[work->n_features];
  }
  for (int j = work->n_levels; j < work->levels_width; j++) work->bias[j] = padding_logit;
}

static void clear_gradient(void *memory)
{
  categorical_work *work = memory;
  memset(work->weight_bar, 0, (size_t)work->levels_width * (size_t)work->width * sizeof(wf_real));
  memset(work->bias_bar, 0, (size_t)work->levels_width * sizeof(wf_real));
}

static void store_gradient(const void *memory, wf_real *gradient)
{
  const categorical_work *work = memory;
  for (int j = 0; j < work->n_levels; j++, gradient += work->n_features + 1) {
    for (int k = 0; k < work->n_features; k++) gradient[k] = work->weight_bar[(size_t)k * work->levels_width + j];
    gradient[work->n_features] = work->bias_bar[j];
  }
}

static void evaluate_logits(categorical_work *work, int m, const wf_real *features, int feature_ld)
{
  wf_dense_multiply(m, work->levels_width, work->width, features, feature_ld, 1, work->weight_t, work->levels_width, WF_DENSE_BIAS,
                    work->bias, work->logits, work->levels_width);
}

WF_SIMD static void scale_row(int n, wf_real factor, wf_real *row)
{
  for (int j = 0; j < n; j++) row[j] *= factor;
}

/* The logits of m rows become d(-log p)/d logits and are passed on to the features and the head's weights. */
static void backward_rows(categorical_work *work, int m, const wf_real *features, wf_real *features_bar)
{
  const int width = work->width, levels = work->levels_width;
  wf_dense_multiply(m, width, levels, work->logits, levels, 1, work->weight, width, WF_DENSE_ZERO, NULL, features_bar, width);
  wf_dense_multiply(width, levels, m, features, 1, width, work->logits, levels, WF_DENSE_ADD, NULL, work->weight_bar, levels);
  wf_rows_add(m, levels, work->logits, levels, work->bias_bar);
}

static void score_first_row(categorical_work *work, int n, const int32_t *x, const wf_real *features, double *nll,
                            wf_real *features_bar)
{
  evaluate_logits(work, 1, features, work->width);
  for (int s = 0; s < n; s++) nll[s] -= work->logits[x[(size_t)s * work->n_species]];
  wf_rows_exponentiate(1, work->levels_width, work->logits, work->levels_width, work->row_max, work->row_sum);
  double log_sum = work->row_max[0] + log((double)work->row_sum[0]);
  for (int s = 0; s < n; s++) nll[s] += log_sum;
  if (!features_bar) return;
  scale_row(work->levels_width, (wf_real)n / work->row_sum[0], work->logits);
  for (int s = 0; s < n; s++) work->logits[x[(size_t)s * work->n_species]] -= 1;
  backward_rows(work, 1, features, features_bar);
}

static void evaluate_nll(void *memory, int n, const int32_t *x, const wf_real *features, double *nll, wf_real *features_bar)
{
  categorical_work *work  = memory;
  const int         width = work->width, levels = work->levels_width, n_rows = (work->n_species - 1) * n;
  score_first_row(work, n, x, features, nll, features_bar);
  for (int first = 0; first < n_rows; first += WF_BACKBONE_CHUNK) {
    int            m    = n_rows - first < WF_BACKBONE_CHUNK ? n_rows - first : WF_BACKBONE_CHUNK;
    const wf_real *rows = features + (size_t)(1 + first) * width;
    int            target[WF_BACKBONE_CHUNK];
    evaluate_logits(work, m, rows, width);
    for (int r = 0; r < m; r++) {
      int s     = (first + r) % n;
      target[r] = x[(size_t)s * work->n_species + 1 + (first + r) / n];
      nll[s] -= work->logits[(size_t)r * levels + target[r]];
    }
    wf_rows_exponentiate(m, levels, work->logits, levels, work->row_max, work->row_sum);
    for (int r = 0; r < m; r++) nll[(first + r) % n] += work->row_max[r] + log((double)work->row_sum[r]);
    if (!features_bar) continue;
    for (int r = 0; r < m; r++) {
      scale_row(levels, 1 / work->row_sum[r], work->logits + (size_t)r * levels);
      work->logits[(size_t)r * levels + target[r]] -= 1;
    }
    backward_rows(work, m, rows, features_bar + (size_t)(1 + first) * width);
  }
}

static const wf_real *evaluate_conditionals(void *memory, int m, const wf_real *features, int feature_ld, const wf_real **sum,
                                            int *ld)
{
  categorical_work *work = memory;
  evaluate_logits(work, m, features, feature_ld);
  wf_rows_exponentiate(m, work->levels_width, work->logits, work->levels_width, work->row_max, work->row_sum);
  *sum = work->row_sum;
  *ld  = work->levels_width;
  return work->logits;
}

const wf_head_ops wf_head_categorical = {.name           = "categorical",
                                         .describe_layer = describe_layer,
                                         .work_create    = create_work,
                                         .work_destroy   = destroy_work,
                                         .load           = load_weights,
                                         .nll            = evaluate_nll,
                                         .clear_gradient = clear_gradient,
                                         .store_gradient = store_gradient,
                                         .conditionals   = evaluate_conditionals};
