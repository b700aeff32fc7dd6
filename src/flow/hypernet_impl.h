/* Inside of the hypernetwork: where things lie in phi, in the tape and in the scratch memory. */
#ifndef WEIGHTFLOW_HYPERNET_IMPL_H
#define WEIGHTFLOW_HYPERNET_IMPL_H
#include <weightflow/base.h>
#include <weightflow/hypernet.h>
#include "flow/hypernet_kernels.h"

/* Places in phi of a linear map [n_out, n_in] and of its bias. */
typedef struct {
  int weight, bias, n_out, n_in;
} wf_hypernet_linear;

/* Two linear maps with a tanh between them, shared by the nodes of one graph layer. */
typedef struct {
  wf_hypernet_linear first, second;
} wf_hypernet_map;

typedef struct {
  wf_hypernet_linear qkv, out, up, down;
  int                gain[2], shift[2]; /* of the two layer norms */
} wf_hypernet_encoder;

/* Dropout masks of one encoder: attention probabilities, attention output, hidden layer, feed-forward output. */
typedef struct {
  wf_mask probability, attention, hidden, feedforward;
} wf_hypernet_masks;

/* Masks are made once for a (seed, item, rate) and used by all evaluations with the same ones. */
typedef struct {
  wf_dropout         key;
  bool               filled;
  uint8_t           *bits;
  size_t             n_bytes;
  wf_hypernet_masks *encoders; /* [n_encoders] */
  wf_hypernet_masks  none;     /* of every encoder when nothing is dropped */
} wf_hypernet_dropout;

/* Memory of one evaluation at a time, kept with the net so that it stays in the cache while tapes come and go. */
typedef struct {
  wf_real *node[3]; /* [n_nodes, width] */
  wf_real *qkv;     /* [n_nodes, 3 width] */
  wf_real *hidden;  /* [n_nodes, max(n_feedforward, map_hidden)] */
  wf_real *attention;
  wf_real *panel; /* a slice of a weight matrix, transposed */
  wf_real *memory;
} wf_hypernet_scratch;

struct wf_hypernet {
  const wf_graph            *graph;
  wf_hypernet_config         config;
  const wf_hypernet_kernels *kernels;
  wf_attention_shape         attention;
  int                        n_phi, n_blocks;
  wf_hypernet_block         *blocks;
  wf_hypernet_map           *inputs, *outputs; /* [n_layers of the graph] */
  wf_hypernet_encoder       *encoders;
  wf_hypernet_scratch       *scratch;
  wf_hypernet_dropout       *dropout;
};

typedef struct {
  wf_real *qkv, *probability, *context, *normal[2], *rate[2], *middle,
      *hidden; /* middle [n_nodes, width]: between the two halves */
} wf_hypernet_encoder_tape;

struct wf_hypernet_tape {
  wf_real                  *theta;                        /* [n_param] */
  wf_real                  *input_hidden, *output_hidden; /* [n_nodes, map_hidden] */
  wf_real                 **x;                            /* [n_encoders + 1] of [n_nodes, width] */
  wf_hypernet_encoder_tape *encoders;
  wf_real                  *memory; /* [n_memory] */
  size_t                    n_memory;
};

/* Hand out parts of a memory block in turn; with base NULL it only counts. Parts are aligned to 64 bytes and followed by slack. */
static inline wf_real *wf_hypernet_carve(wf_real *base, size_t *used, size_t count)
{
  wf_real *part    = base ? base + *used : NULL;
  size_t   aligned = 64 / sizeof(wf_real);
  *used += (count + WF_KERNEL_SLACK + aligned - 1) / aligned * aligned;
  return part;
}

wf_hypernet_dropout *wf_hypernet_dropout_create(const wf_hypernet *net);
void                 wf_hypernet_dropout_destroy(wf_hypernet_dropout **dropout);

/* The masks of encoder 0..n_encoders-1 for this evaluation; made anew only if the key differs from the last one's. */
const wf_hypernet_masks *wf_hypernet_dropout_masks(const wf_hypernet *net, const wf_dropout *key, int encoder);
#endif
