/* The hypernetwork's shape: where its blocks lie in phi, what they are called, how they start; and the memory of its evaluations.
   Li et al. 2026, section "Hypernetwork"; encoders after Vaswani et al. (2017), post-norm. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/random.h>
#include "flow/hypernet_impl.h"

/* ------------------------------------------------------------------------------------------ blocks of phi
 */

/* Add a block; returns its place in phi. Without memory for blocks (first pass) it only counts. */
static int add_block(wf_hypernet *net, const char *owner, const char *part, int rows, int columns)
{
  int first = net->n_phi;
  if (net->blocks) {
    wf_hypernet_block *block = &net->blocks[net->n_blocks];
    snprintf(block->name, sizeof block->name, "%s/%s", owner, part);
    block->first = first;
    block->rows  = rows;
    block->cols  = columns;
  }
  net->n_blocks++;
  net->n_phi += rows * columns;
  return first;
}

static wf_hypernet_linear add_linear(wf_hypernet *net, const char *owner, const char *part, int n_out, int n_in)
{
  char name[64];
  snprintf(name, sizeof name, "%s/weight", part);
  int weight = add_block(net, owner, name, n_out, n_in);
  snprintf(name, sizeof name, "%s/bias", part);
  int bias = add_block(net, owner, name, n_out, 1);
  return (wf_hypernet_linear){.weight = weight, .bias = bias, .n_out = n_out, .n_in = n_in};
}

static wf_hypernet_map add_map(wf_hypernet *net, const char *side, const wf_graph_layer *layer, int n_in, int n_out)
{
  char owner[80];
  snprintf(owner, sizeof owner, "%s/%s", side, layer->name);
  wf_hypernet_map map;
  map.first  = add_linear(net, owner, "0", net->config.map_hidden, n_in);
  map.second = add_linear(net, owner, "1", n_out, net->config.map_hidden);
  return map;
}

static void add_all(wf_hypernet *net)
{
  const wf_hypernet_config *c = &net->config;
  net->n_phi = net->n_blocks = 0;
  for (int l = 0; l < net->graph->n_layers; l++) {
    const wf_graph_layer *layer = &net->graph->layers[l];
    net->inputs[l]              = add_map(net, "input", layer, layer->n_features, c->width);
  }
  for (int e = 0; e < c->n_encoders; e++) {
    wf_hypernet_encoder *encoder = &net->encoders[e];
    char                 owner[32];
    snprintf(owner, sizeof owner, "encoder/%d", e);
    encoder->qkv  = add_linear(net, owner, "attention/in", 3 * c->width, c->width);
    encoder->out  = add_linear(net, owner, "attention/out", c->width, c->width);
    encoder->up   = add_linear(net, owner, "feedforward/0", c->n_feedforward, c->width);
    encoder->down = add_linear(net, owner, "feedforward/1", c->width, c->n_feedforward);
    for (int i = 0; i < 2; i++) {
      encoder->gain[i]  = add_block(net, owner, i ? "norm2/weight" : "norm1/weight", c->width, 1);
      encoder->shift[i] = add_block(net, owner, i ? "norm2/bias" : "norm1/bias", c->width, 1);
    }
  }
  for (int l = 0; l < net->graph->n_layers; l++) {
    const wf_graph_layer *layer = &net->graph->layers[l];
    net->outputs[l]             = add_map(net, "output", layer, c->width, layer->n_features * c->n_control);
  }
}

/* --- life --- */

static wf_hypernet_scratch *create_scratch(const wf_hypernet *net)
{
  const wf_hypernet_config *c = &net->config;
  size_t                    n = (size_t)net->graph->n_nodes, width = (size_t)c->width;
  size_t                    widest  = (size_t)(c->n_feedforward > c->map_hidden ? c->n_feedforward : c->map_hidden);
  int                       longest = (int)widest > c->width ? (int)widest : c->width; /* row of a weight matrix */
  if (net->graph->max_features > longest) longest = net->graph->max_features;
  wf_hypernet_scratch *scratch = wf_calloc(1, sizeof *scratch);
  if (!scratch) return NULL;
  for (int pass = 0; pass < 2; pass++) { /* count, then hand out */
    size_t used = 0;
    for (int i = 0; i < 3; i++) scratch->node[i] = wf_hypernet_carve(scratch->memory, &used, n * width);
    scratch->qkv       = wf_hypernet_carve(scratch->memory, &used, 3 * n * width);
    scratch->hidden    = wf_hypernet_carve(scratch->memory, &used, n * widest);
    scratch->attention = wf_hypernet_carve(scratch->memory, &used, wf_attention_work(&net->attention));
    scratch->panel     = wf_hypernet_carve(scratch->memory, &used, wf_panel_work(longest));
    if (pass == 0) scratch->memory = wf_calloc(used, sizeof(wf_real));
    if (!scratch->memory) {
      wf_free(scratch);
      return NULL;
    }
  }
  return scratch;
}

static bool config_is_valid(const wf_hypernet_config *c)
{
  return c->n_control > 0 && c->width > 0 && c->n_heads > 0 && c->n_feedforward > 0 && c->n_encoders >= 0 && c->map_hidden > 0 &&
         c->width % c->n_heads == 0;
}

wf_hypernet *wf_hypernet_create(const wf_graph *graph, const wf_hypernet_config *config)
{
  if (!config_is_valid(config)) return NULL;
  wf_hypernet *net = wf_calloc(1, sizeof *net);
  if (!net) return NULL;
  net->graph    = graph;
  net->config   = *config;
  net->kernels  = wf_hypernet_kernels_get();
  net->inputs   = wf_calloc((size_t)graph->n_layers, sizeof *net->inputs);
  net->outputs  = wf_calloc((size_t)graph->n_layers, sizeof *net->outputs);
  net->encoders = wf_calloc((size_t)config->n_encoders, sizeof *net->encoders);
  if (net->inputs && net->outputs && net->encoders) {
    add_all(net);
    net->blocks = wf_calloc((size_t)net->n_blocks, sizeof *net->blocks);
  }
  if (net->blocks) {
    int lanes = net->kernels->lanes, n = graph->n_nodes;
    add_all(net);
    net->attention = (wf_attention_shape){.n       = n,
                                          .width   = config->width,
                                          .n_heads = config->n_heads,
                                          .head    = config->width / config->n_heads,
                                          .padded  = (n + lanes - 1) / lanes * lanes};
    net->scratch   = create_scratch(net);
    net->dropout   = wf_hypernet_dropout_create(net);
  }
  if (!net->scratch || !net->dropout) wf_hypernet_destroy(&net);
  return net;
}

void wf_hypernet_destroy(wf_hypernet **net)
{
  if (!*net) return;
  if ((*net)->scratch) wf_free((*net)->scratch->memory);
  wf_free((*net)->scratch);
  wf_hypernet_dropout_destroy(&(*net)->dropout);
  wf_free((*net)->blocks);
  wf_free((*net)->inputs);
  wf_free((*net)->outputs);
  wf_free((*net)->encoders);
  wf_free(*net);
  *net = NULL;
}

int wf_hypernet_n_phi(const wf_hypernet *net) { return net->n_phi; }

const wf_hypernet_block *wf_hypernet_blocks(const wf_hypernet *net, int *n_blocks)
{
  *n_blocks = net->n_blocks;
  return net->blocks;
}

/* Give the tape's arrays their places in memory (NULL: only count); returns the count. */
static size_t lay_out_tape(const wf_hypernet *net, wf_real *memory, wf_hypernet_tape *tape)
{
  const wf_hypernet_config *c = &net->config;
  size_t                    n = (size_t)net->graph->n_nodes, width = (size_t)c->width, used = 0;
  tape->theta         = wf_hypernet_carve(memory, &used, (size_t)net->graph->n_param);
  tape->input_hidden  = wf_hypernet_carve(memory, &used, n * (size_t)c->map_hidden);
  tape->output_hidden = wf_hypernet_carve(memory, &used, n * (size_t)c->map_hidden);
  for (int e = 0; e <= c->n_encoders; e++) tape->x[e] = wf_hypernet_carve(memory, &used, n * width);
  for (int e = 0; e < c->n_encoders; e++) {
    wf_hypernet_encoder_tape *encoder = &tape->encoders[e];
    encoder->qkv                      = wf_hypernet_carve(memory, &used, 3 * n * width);
    encoder->probability              = wf_hypernet_carve(memory, &used, (size_t)c->n_heads * n * (size_t)net->attention.padded);
    encoder->context                  = wf_hypernet_carve(memory, &used, n * width);
    encoder->middle                   = wf_hypernet_carve(memory, &used, n * width);
    encoder->hidden                   = wf_hypernet_carve(memory, &used, n * (size_t)c->n_feedforward);
    for (int i = 0; i < 2; i++) {
      encoder->normal[i] = wf_hypernet_carve(memory, &used, n * width);
      encoder->rate[i]   = wf_hypernet_carve(memory, &used, n);
    }
  }
  return used;
}

wf_hypernet_tape *wf_hypernet_tape_create(const wf_hypernet *net)
{
  wf_hypernet_tape *tape = wf_calloc(1, sizeof *tape);
  if (!tape) return NULL;
  tape->x        = wf_calloc((size_t)net->config.n_encoders + 1, sizeof *tape->x);
  tape->encoders = wf_calloc((size_t)net->config.n_encoders, sizeof *tape->encoders);
  if (tape->x && tape->encoders) {
    tape->n_memory = lay_out_tape(net, NULL, tape);
    tape->memory   = wf_calloc(tape->n_memory, sizeof(wf_real));
  }
  if (tape->memory)
    lay_out_tape(net, tape->memory, tape);
  else
    wf_hypernet_tape_destroy(&tape);
  return tape;
}

void wf_hypernet_tape_destroy(wf_hypernet_tape **tape)
{
  if (!*tape) return;
  wf_free((*tape)->memory);
  wf_free((*tape)->x);
  wf_free((*tape)->encoders);
  wf_free(*tape);
  *tape = NULL;
}

size_t wf_hypernet_tape_bytes(const wf_hypernet_tape *tape) { return tape->n_memory * sizeof(wf_real); }

const wf_real *wf_hypernet_tape_activation(const wf_hypernet_tape *tape, int layer) { return tape->x[layer]; }

/* ------------------------------------------------------------------------------------------ start values
 */

static void fill_uniform(uint64_t seed, int block, double bound, int first, int count, wf_real *phi)
{
  for (int i = 0; i < count; i += 2) {
    double u[2];
    wf_random_uniform2(seed, WF_RANDOM_HYPERNET_INIT, (uint64_t)block, (uint32_t)(i / 2), u);
    phi[first + i] = (wf_real)(bound * (2 * u[0] - 1));
    if (i + 1 < count) phi[first + i + 1] = (wf_real)(bound * (2 * u[1] - 1));
  }
}

void wf_hypernet_init(const wf_hypernet *net, uint64_t seed, bool zero_output, wf_real *phi)
{
  double fan_in = 1;
  for (int b = 0; b < net->n_blocks; b++) {
    const wf_hypernet_block *block = &net->blocks[b];
    const char              *name = block->name, *part = strrchr(name, '/') + 1;
    int                      count     = block->rows * block->cols;
    bool                     is_weight = !strcmp(part, "weight"), encoder = !strncmp(name, "encoder/", 8);
    bool                     last_output = !strncmp(name, "output/", 7) && part - name >= 3 && !strncmp(part - 3, "/1/", 3);
    if (is_weight) fan_in = block->cols; /* a bias follows its weight */
    if (encoder && strstr(name, "/norm"))
      for (int i = 0; i < count; i++) phi[block->first + i] = is_weight ? 1 : 0;
    else if ((zero_output && last_output) || (encoder && !is_weight && strstr(name, "/attention/")))
      memset(phi + block->first, 0, (size_t)count * sizeof *phi);
    else if (encoder && strstr(name, "/attention/in/"))
      fill_uniform(seed, b, sqrt(6.0 / (block->rows + block->cols)), block->first, count, phi);
    else
      fill_uniform(seed, b, 1 / sqrt(fan_in), block->first, count, phi);
  }
}

/* --- published names --- */

/* "gru_0_ir" -> "gru_layers_0_ir_i", "gru_0_hr" -> "gru_layers_0_hr_h", "output" -> "output_layer". */
static bool translate_layer(const char *ours, int length, char *name, size_t size)
{
  int  layer, read = 0;
  char gate[3];
  if (length == 6 && !strncmp(ours, "output", 6)) return snprintf(name, size, "output_layer") < (int)size;
  if (sscanf(ours, "gru_%d_%2[a-z]%n", &layer, gate, &read) != 2 || read != length) return false;
  return snprintf(name, size, "gru_layers_%d_%s_%c", layer, gate, gate[0]) < (int)size;
}

static bool translate_map(const char *ours, const char *side, char *name, size_t size)
{
  const char *layer = strchr(ours, '/') + 1, *end = strchr(layer, '/');
  char        published[64];
  if (!translate_layer(layer, (int)(end - layer), published, sizeof published)) return false;
  return snprintf(name, size, "%s.%s.%c.%s", side, published, end[1] == '0' ? '0' : '3', end + 3) < (int)size;
}

bool wf_hypernet_published_name(const wf_hypernet *net, int block, char *name, size_t size)
{
  static const struct {
    const char *ours, *published;
  } parts[] = {{"attention/in/weight", "self_attn.in_proj_weight"},
               {"attention/in/bias", "self_attn.in_proj_bias"},
               {"attention/out/", "self_attn.out_proj."},
               {"feedforward/0/", "linear1."},
               {"feedforward/1/", "linear2."},
               {"norm1/", "norm1."},
               {"norm2/", "norm2."}};
  if (block < 0 || block >= net->n_blocks) return false;
  const char *ours = net->blocks[block].name;
  if (!strncmp(ours, "input/", 6)) return translate_map(ours, "input_mlps", name, size);
  if (!strncmp(ours, "output/", 7)) return translate_map(ours, "output_mlps", name, size);
  const char *number = strchr(ours, '/') + 1, *part = strchr(number, '/') + 1;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    size_t length = strlen(parts[i].ours);
    if (strncmp(part, parts[i].ours, length)) continue;
    return snprintf(name, size, "attention_layers.layers.%.*s.%s%s", (int)(part - 1 - number), number, parts[i].published,
                    part + length) < (int)size;
  }
  return false;
}
