/* What a network and a head must offer. A new network or head is a new file with its table of functions, named in find_* of
   backbone.c.

   Rows. A batch of n <= WF_BACKBONE_CHUNK samples of d coordinates has 1 + (d - 1) n rows: nothing precedes the first coordinate,
   so all samples share row 0; the conditional of coordinate i >= 1 of sample s is row 1 + (i - 1) n + s. A row of features is
   `width` numbers long in memory (a multiple of 8, the rest zero). */
#ifndef WEIGHTFLOW_BACKBONE_IMPL_H
#define WEIGHTFLOW_BACKBONE_IMPL_H
#include <weightflow/backbone.h>

enum { WF_BACKBONE_CHUNK = 64 };

typedef struct {
  const char *name;
  int (*count_layers)(const wf_backbone_config *config);
  void (*describe_layers)(const wf_backbone_config *config, wf_backbone_layer *layers);
  int (*count_features)(const wf_backbone_config *config);
  int (*state_width)(const wf_backbone_config *config); /* what a sample carries from one coordinate to the next */
  void *(*work_create)(const wf_backbone_config *config);
  void (*work_destroy)(void *work);
  void (*load)(void *work, const wf_real *theta);
  /* Features of all rows of x [n, d], kept in work for backward. */
  const wf_real *(*forward)(void *work, int n, const int32_t *x);
  /* Adds to the gradient in work; features_bar [rows, width] is overwritten. */
  void (*clear_gradient)(void *work);
  void (*backward)(void *work, int n, const int32_t *x, wf_real *features_bar);
  void (*store_gradient)(const void *work, wf_real *gradient);
  /* One coordinate further for m <= WF_BACKBONE_CHUNK samples: previous [m] counts (0 at the first position), state [m,
     state_width] in, next out. Returns the features; feature_ld is their row length. */
  const wf_real *(*step)(void *work, int position, int m, const int32_t *previous, const wf_real *state, wf_real *next,
                         int *feature_ld);
} wf_network_ops;

typedef struct {
  const char *name;
  void (*describe_layer)(const wf_backbone_config *config, int n_features, wf_backbone_layer *layer);
  void *(*work_create)(const wf_backbone_config *config, int n_features);
  void (*work_destroy)(void *work);
  void (*load)(void *work, const wf_real *theta);
  /* nll [n] += -log p of each sample; where features_bar is not NULL it gets d sum(nll) / d features, and the head's own gradient
   * grows. */
  void (*nll)(void *work, int n, const int32_t *x, const wf_real *features, double *nll, wf_real *features_bar);
  void (*clear_gradient)(void *work);
  void (*store_gradient)(const void *work, wf_real *gradient);
  /* Conditionals of m <= WF_BACKBONE_CHUNK rows: p_ij = value[i ld + j] / sum[i]. */
  const wf_real *(*conditionals)(void *work, int m, const wf_real *features, int feature_ld, const wf_real **sum, int *ld);
} wf_head_ops;

struct wf_backbone {
  wf_backbone_config    config;
  const wf_network_ops *network;
  const wf_head_ops    *head;
  int                   n_layers, n_param, head_first; /* head_first: where the head's weights begin in theta */
  wf_backbone_layer    *layers;
};

struct wf_backbone_work {
  const wf_backbone *backbone;
  void              *network, *head;
  wf_real           *features_bar;
  wf_real           *state[2]; /* [chunk, state_width] */
  int32_t           *x;        /* [chunk, n_species] */
};

extern const wf_network_ops wf_network_gru;
extern const wf_head_ops    wf_head_categorical;

/* Rows of memory are padded to whole vector registers. */
static inline int pad_width(int n) { return (n + 7) / 8 * 8; }

/* Binary digits of the largest count. */
static inline int count_digits(int n_levels)
{
  int digits = 0;
  for (int largest = n_levels - 1; largest > 0; largest >>= 1) digits++;
  return digits > 0 ? digits : 1;
}
#endif
