/* Hypernetwork g_phi: weight graph -> velocity of the weights (Li et al. 2026, section "Hypernetwork").

   Per graph layer an input map Linear(f, 128) - tanh - Linear(128, 64), shared by its nodes; two post-norm Transformer encoder
   layers (width 64, 4 heads, FFN 256, ReLU, dropout, no positional embedding); per graph layer an output map Linear(64, 128) - tanh
   - Linear(128, f * n_control). Output G [n_param, n_control]: the component of weight p along control c is G[p, c]. Pure
   mathematics on wf_real; one graph at a time; not collective. Evaluations of one hypernetwork share scratch memory and dropout
   masks held with it: one evaluation at a time (its tapes may be as many as you like). */
#ifndef WEIGHTFLOW_HYPERNET_H
#define WEIGHTFLOW_HYPERNET_H
#include <stdint.h>
#include <weightflow/graph.h>

typedef struct wf_hypernet wf_hypernet;

typedef struct {
  int n_control;                                             /* columns of G */
  int width, n_heads, n_feedforward, n_encoders, map_hidden; /* 64, 4, 256, 2, 128 */
} wf_hypernet_config;
#define WF_HYPERNET_DEFAULT {.n_control = 1, .width = 64, .n_heads = 4, .n_feedforward = 256, .n_encoders = 2, .map_hidden = 128}

/* The graph is borrowed and must outlive the hypernetwork. NULL if memory is short or width is not divisible by n_heads. */
wf_hypernet *wf_hypernet_create(const wf_graph *graph, const wf_hypernet_config *config);
void         wf_hypernet_destroy(wf_hypernet **net);

/* phi is a flat vector [n_phi] of named blocks, each a row-major matrix [rows, cols] (cols = 1 for biases and norms). */
typedef struct {
  char name[96]; /* "input/gru_0_ir/0/weight", "encoder/0/attention/in/weight", "output/output/1/weight", ... */
  int  first, rows, cols;
} wf_hypernet_block;
int                      wf_hypernet_n_phi(const wf_hypernet *net);
const wf_hypernet_block *wf_hypernet_blocks(const wf_hypernet *net, int *n_blocks);

/* The name of a block in the models published with Li et al. 2026 ("input_mlps.gru_layers_0_ir_i.0.weight", ...); shapes agree for
   n_control = 1. false, and name undefined, if the block has no counterpart there or size is too small. */
bool wf_hypernet_published_name(const wf_hypernet *net, int block, char *name, size_t size);

/* Random phi [n_phi]: uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)) for linear maps and their biases, Xavier uniform for the attention's
   in-projection (Glorot and Bengio 2010, eq. 16), zero biases in the attention, norms 1 and 0. zero_output: the last linear map of
   each output map is zero, so that g = 0. */
void wf_hypernet_init(const wf_hypernet *net, uint64_t seed, bool zero_output, wf_real *phi);

/* Activations of one forward evaluation, kept for the backward one. NULL if memory is short. */
typedef struct wf_hypernet_tape wf_hypernet_tape;
wf_hypernet_tape *wf_hypernet_tape_create(const wf_hypernet *net);
void              wf_hypernet_tape_destroy(wf_hypernet_tape **tape);

/* Memory of a tape's activations. */
size_t wf_hypernet_tape_bytes(const wf_hypernet_tape *tape);

/* Dropout masks of the encoders are a function of (seed, item), the same for every evaluation with the same ones; rate 0: none. */
typedef struct {
  double   rate;
  uint64_t seed, item;
} wf_dropout;

/* g [n_param, n_control] = g_phi(theta), theta [n_param]. dropout may be NULL (none). */
void wf_hypernet_forward(const wf_hypernet *net, const wf_real *phi, const wf_real *theta, const wf_dropout *dropout,
                         wf_hypernet_tape *tape, wf_real *g);

/* Given the tape of the last forward evaluation and the cotangent g_bar [n_param, n_control]: theta_bar [n_param] = (dg/dtheta)^T
   g_bar (overwritten; may be NULL), phi_bar [n_phi] += (dg/dphi)^T g_bar (accumulated; may be NULL). */
void wf_hypernet_backward(const wf_hypernet *net, const wf_real *phi, const wf_dropout *dropout, wf_hypernet_tape *tape,
                          const wf_real *g_bar, wf_real *theta_bar, wf_real *phi_bar);

/* Token embeddings after the input maps (layer 0) and after each encoder (1..n_encoders) of the last forward, [n_nodes, width];
   for tests. */
const wf_real *wf_hypernet_tape_activation(const wf_hypernet_tape *tape, int layer);
#endif
