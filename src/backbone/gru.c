/* Gated recurrent unit over the coordinates (Cho et al. 2014, arXiv 1406.1078; variant with the reset gate after the recurrent
   product), forward and backward by hand. For layer l at coordinate i, with x the layer below (or the binary digits of the previous
   count) and h the state before (0 at first):

     r = sig(W_ir x + b_ir + W_hr h + b_hr),  z = sig(W_iz x + b_iz + W_hz h + b_hz),  n = tanh(W_in x + b_in + r (W_hn h + b_hn)),
     h' = (1 - z) n + z h = n + z (h - n).

   Binary digits make W_i x a sum of columns, so for layer 0 the three input maps of every count are tabulated once per theta:
   table [L, 3 width], and the backward pass collects a gradient of the same shape that is folded back into the columns at the end.
   The three gates of a row lie side by side: r | z | n, each `width` numbers (H rounded up to a multiple of 8; padded weights are
   0, and so padded states stay 0). Cost per row and layer: 2 * 3 H^2 (4 * 3 H^2 where not the first) operations forward, twice that
   backward. */
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include "backbone/backbone_impl.h"
#include "nn/elementary.h"

typedef struct {
  wf_real *input, *input_t, *input_bias;             /* [3 width, width], [width, 3 width], [3 width]; layers above 0 only */
  wf_real *recurrent, *recurrent_t, *recurrent_bias; /* the same shapes */
  wf_real *input_bar, *input_bias_bar, *recurrent_bar, *recurrent_bias_bar; /* gradients, of the transposed shapes */
  wf_real *rz, *n, *recurrent_n, *h;                                        /* tape: [rows, 2 width], [rows, width] x 3 */
} gru_layer;

typedef struct {
  wf_backbone_config config;
  int                digits, width, n_layers;
  gru_layer         *layers;
  wf_real           *table, *table_bar;                     /* [L, 3 width] */
  wf_real           *columns, *columns_bar;                 /* [digits, 3 width]: W_i of layer 0, most significant digit first */
  wf_real           *zeros;                                 /* [width] the state before the first coordinate */
  wf_real           *pre_input, *pre_recurrent;             /* [rows, 3 width], [chunk, 3 width] */
  wf_real           *input_gates_bar, *recurrent_gates_bar; /* [chunk, 3 width] */
  wf_real           *below_bar[2];                          /* [rows, width] */
  wf_real           *row_bar;                               /* [3 width] */
  wf_real           *step_features;                         /* [chunk, width] */
  wf_real           *memory;
} gru_work;

static const char *const map_names[6] = {"ir", "iz", "in", "hr", "hz", "hn"};

static int count_layers(const wf_backbone_config *config) { return 6 * config->n_layers; }
static int count_features(const wf_backbone_config *config) { return config->hidden; }
static int state_width(const wf_backbone_config *config) { return config->n_layers * pad_width(config->hidden); }

static int count_inputs(const wf_backbone_config *config, int layer)
{
  return layer == 0 ? count_digits(config->n_levels) : config->hidden;
}

static void describe_layers(const wf_backbone_config *config, wf_backbone_layer *layers)
{
  for (int l = 0; l < config->n_layers; l++)
    for (int k = 0; k < 6; k++, layers++) {
      snprintf(layers->name, sizeof layers->name, "gru_%d_%s", l, map_names[k]);
      layers->n_nodes    = config->hidden;
      layers->n_features = (k < 3 ? count_inputs(config, l) : config->hidden) + 1;
    }
}

/* Hand out `count` numbers from a block that begins at *cursor; with NULL in base only count them. */
static wf_real *take(wf_real *base, size_t *cursor, size_t count)
{
  wf_real *part = base ? base + *cursor : NULL;
  *cursor += (count + 15) / 16 * 16;
  return part;
}

static void lay_out(gru_work *work, wf_real *base, size_t *cursor)
{
  const size_t width = (size_t)work->width, gates = 3 * width, chunk = WF_BACKBONE_CHUNK, levels = (size_t)work->config.n_levels;
  const size_t rows = 1 + (size_t)(work->config.n_species - 1) * chunk;
  for (int l = 0; l < work->n_layers; l++) {
    gru_layer *layer     = work->layers + l;
    wf_real  **squares[] = {&layer->input,       &layer->input_t,   &layer->recurrent,
                            &layer->recurrent_t, &layer->input_bar, &layer->recurrent_bar};
    wf_real  **vectors[] = {&layer->input_bias, &layer->recurrent_bias, &layer->input_bias_bar, &layer->recurrent_bias_bar};
    for (int k = 0; k < 6; k++) *squares[k] = take(base, cursor, gates * width);
    for (int k = 0; k < 4; k++) *vectors[k] = take(base, cursor, gates);
    layer->rz          = take(base, cursor, rows * 2 * width);
    layer->n           = take(base, cursor, rows * width);
    layer->recurrent_n = take(base, cursor, rows * width);
    layer->h           = take(base, cursor, rows * width);
  }
  work->table               = take(base, cursor, levels * gates);
  work->table_bar           = take(base, cursor, levels * gates);
  work->columns             = take(base, cursor, (size_t)work->digits * gates);
  work->columns_bar         = take(base, cursor, (size_t)work->digits * gates);
  work->zeros               = take(base, cursor, width);
  work->pre_input           = take(base, cursor, (rows > chunk ? rows : chunk) * gates);
  work->pre_recurrent       = take(base, cursor, chunk * gates);
  work->input_gates_bar     = take(base, cursor, chunk * gates);
  work->recurrent_gates_bar = take(base, cursor, chunk * gates);
  work->below_bar[0]        = take(base, cursor, rows * width);
  work->below_bar[1]        = take(base, cursor, rows * width);
  work->row_bar             = take(base, cursor, gates);
  work->step_features       = take(base, cursor, chunk * width);
}

static void destroy_work(void *memory)
{
  gru_work *work = memory;
  if (!work) return;
  wf_free(work->memory);
  wf_free(work->layers);
  wf_free(work);
}

static void *create_work(const wf_backbone_config *config)
{
  gru_work *work   = wf_calloc(1, sizeof *work);
  size_t    cursor = 0;
  if (!work) return NULL;
  work->config   = *config;
  work->digits   = count_digits(config->n_levels);
  work->width    = pad_width(config->hidden);
  work->n_layers = config->n_layers;
  work->layers   = wf_calloc((size_t)config->n_layers, sizeof *work->layers);
  if (work->layers) {
    lay_out(work, NULL, &cursor);
    work->memory = wf_calloc(cursor, sizeof(wf_real));
  }
  if (!work->memory) {
    destroy_work(work);
    return NULL;
  }
  cursor = 0;
  lay_out(work, work->memory, &cursor);
  return work;
}

/* Three maps [H, n_inputs + 1] one after the other -> the gates' columns; plain may be NULL. */
static void load_maps(const gru_work *work, const wf_real *theta, int n_inputs, wf_real *transposed, wf_real *plain, wf_real *bias)
{
  const int hidden = work->config.hidden, width = work->width, gates = 3 * width;
  for (int g = 0; g < 3; g++)
    for (int j = 0; j < hidden; j++, theta += n_inputs + 1) {
      for (int k = 0; k < n_inputs; k++) transposed[k * gates + g * width + j] = theta[k];
      if (plain) memcpy(plain + (size_t)(g * width + j) * width, theta, (size_t)n_inputs * sizeof(wf_real));
      bias[g * width + j] = theta[n_inputs];
    }
}

static void store_maps(const gru_work *work, const wf_real *transposed, const wf_real *bias, int n_inputs, wf_real *gradient)
{
  const int hidden = work->config.hidden, width = work->width, gates = 3 * width;
  for (int g = 0; g < 3; g++)
    for (int j = 0; j < hidden; j++, gradient += n_inputs + 1) {
      for (int k = 0; k < n_inputs; k++) gradient[k] = transposed[k * gates + g * width + j];
      gradient[n_inputs] = bias[g * width + j];
    }
}

/* Place of the lowest binary digit that is 1 in the row of digits (most significant first). */
static int find_lowest_digit(const gru_work *work, int count) { return work->digits - 1 - __builtin_ctz((unsigned)count); }

/* table[count] = bias + the columns of its digits, each from the count without its lowest digit. */
static void tabulate_inputs(gru_work *work)
{
  const size_t gates = 3 * (size_t)work->width;
  for (int count = 1; count < work->config.n_levels; count++) {
    const wf_real *without = work->table + (size_t)(count & (count - 1)) * gates;
    const wf_real *column  = work->columns + (size_t)find_lowest_digit(work, count) * gates;
    wf_real       *row     = work->table + (size_t)count * gates;
    for (size_t j = 0; j < gates; j++) row[j] = without[j] + column[j];
  }
}

static void load_weights(void *memory, const wf_real *theta)
{
  gru_work *work   = memory;
  const int hidden = work->config.hidden;
  for (int l = 0; l < work->n_layers; l++) {
    gru_layer *layer    = work->layers + l;
    int        n_inputs = count_inputs(&work->config, l);
    if (l == 0)
      load_maps(work, theta, n_inputs, work->columns, NULL, work->table);
    else
      load_maps(work, theta, n_inputs, layer->input_t, layer->input, layer->input_bias);
    theta += (size_t)3 * hidden * (n_inputs + 1);
    load_maps(work, theta, hidden, layer->recurrent_t, layer->recurrent, layer->recurrent_bias);
    theta += (size_t)3 * hidden * (hidden + 1);
  }
  tabulate_inputs(work);
}

/* What the gates of m rows read and write. Strides of 0 share one row among all. pick [m]: rows of pre_input by count, NULL: row s.
 */
typedef struct {
  const wf_real *pre_input;
  const int32_t *pick;
  int            pick_stride;
  const wf_real *pre_recurrent;
  int            recurrent_stride;
  const wf_real *h_before;
  int            before_stride;
  wf_real       *rz, *n, *recurrent_n, *h;
  int            h_stride;
} gate_rows;

WF_SIMD static void evaluate_gates(int m, int width, const gate_rows *rows)
{
  for (int s = 0; s < m; s++) {
    const wf_real *restrict input =
        rows->pre_input + (size_t)(rows->pick ? rows->pick[(size_t)s * rows->pick_stride] : s) * 3 * width;
    const wf_real *restrict recurrent = rows->pre_recurrent + (size_t)s * rows->recurrent_stride;
    const wf_real *restrict before    = rows->h_before + (size_t)s * rows->before_stride;
    wf_real *restrict rz              = rows->rz + (size_t)s * 2 * width;
    wf_real *restrict n               = rows->n + (size_t)s * width;
    wf_real *restrict recurrent_n     = rows->recurrent_n + (size_t)s * width;
    wf_real *restrict h               = rows->h + (size_t)s * rows->h_stride;
    for (int j = 0; j < 2 * width; j += 8) store8(rz + j, sigmoid8(load8(input + j) + load8(recurrent + j)));
    for (int j = 0; j < width; j += 8) {
      vector8 product = load8(recurrent + 2 * width + j), new_n = tanh8(load8(input + 2 * width + j) + load8(rz + j) * product);
      store8(recurrent_n + j, product);
      store8(n + j, new_n);
      store8(h + j, new_n + load8(rz + width + j) * (load8(before + j) - new_n));
    }
  }
}

/* One layer at one coordinate: the m rows that begin at `row` of the tape, from m_before rows (1 or m) of the state before. */
static void forward_rows(gru_work *work, gru_layer *layer, bool first, int row, int m, int m_before, const wf_real *h_before,
                         const int32_t *pick)
{
  const int width = work->width, gates = 3 * width;
  wf_dense_multiply(m_before, gates, width, h_before, width, 1, layer->recurrent_t, gates, WF_DENSE_BIAS, layer->recurrent_bias,
                    work->pre_recurrent, gates);
  evaluate_gates(m, width,
                 &(gate_rows){.pre_input        = first ? work->table : work->pre_input + (size_t)row * gates,
                              .pick             = first ? pick : NULL,
                              .pick_stride      = work->config.n_species,
                              .pre_recurrent    = work->pre_recurrent,
                              .recurrent_stride = m_before < m ? 0 : gates,
                              .h_before         = h_before,
                              .before_stride    = m_before < m ? 0 : width,
                              .rz               = layer->rz + (size_t)row * 2 * width,
                              .n                = layer->n + (size_t)row * width,
                              .recurrent_n      = layer->recurrent_n + (size_t)row * width,
                              .h                = layer->h + (size_t)row * width,
                              .h_stride         = width});
}

static const wf_real *run_forward(void *memory, int n, const int32_t *x)
{
  static const int32_t nothing = 0;
  gru_work *const      work    = memory;
  const int            width = work->width, gates = 3 * width, n_species = work->config.n_species, n_rows = 1 + (n_species - 1) * n;
  for (int l = 0; l < work->n_layers; l++) {
    gru_layer *layer = work->layers + l;
    if (l > 0)
      wf_dense_multiply(n_rows, gates, width, layer[-1].h, width, 1, layer->input_t, gates, WF_DENSE_BIAS, layer->input_bias,
                        work->pre_input, gates);
    forward_rows(work, layer, l == 0, 0, 1, 1, work->zeros, &nothing);
    for (int i = 1; i < n_species; i++) {
      int row = 1 + (i - 1) * n, m_before = i == 1 ? 1 : n;
      forward_rows(work, layer, l == 0, row, n, m_before, layer->h + (size_t)(i == 1 ? 0 : row - n) * width, x + i - 1);
    }
  }
  return work->layers[work->n_layers - 1].h;
}

static void clear_gradient(void *memory)
{
  gru_work    *work  = memory;
  const size_t width = (size_t)work->width, gates = 3 * width;
  for (int l = 0; l < work->n_layers; l++) {
    gru_layer *layer = work->layers + l;
    memset(layer->recurrent_bar, 0, gates * width * sizeof(wf_real));
    memset(layer->recurrent_bias_bar, 0, gates * sizeof(wf_real));
    if (l > 0) memset(layer->input_bar, 0, gates * width * sizeof(wf_real));
    if (l > 0) memset(layer->input_bias_bar, 0, gates * sizeof(wf_real));
  }
  memset(work->table_bar, 0, (size_t)work->config.n_levels * gates * sizeof(wf_real));
}

/* Cotangents of the gates' arguments, input side and recurrent side, from that of h; h_bar becomes its part along z, h_bar z. */
WF_SIMD static void differentiate_gates(int m, int width, const gate_rows *rows, wf_real *h_bars, wf_real *input_bars,
                                        wf_real *recurrent_bars)
{
  for (int s = 0; s < m; s++) {
    const wf_real *restrict before      = rows->h_before + (size_t)s * rows->before_stride;
    const wf_real *restrict rz          = rows->rz + (size_t)s * 2 * width;
    const wf_real *restrict n           = rows->n + (size_t)s * width;
    const wf_real *restrict recurrent_n = rows->recurrent_n + (size_t)s * width;
    wf_real *restrict h_bar             = h_bars + (size_t)s * width;
    wf_real *restrict input_bar         = input_bars + (size_t)s * 3 * width;
    wf_real *restrict recurrent_bar     = recurrent_bars + (size_t)s * 3 * width;
    for (int j = 0; j < width; j += 8) {
      vector8 r = load8(rz + j), z = load8(rz + width + j), now = load8(n + j), bar = load8(h_bar + j),
              n_bar = bar * (1 - z) * (1 - now * now);
      vector8 r_bar = n_bar * load8(recurrent_n + j) * r * (1 - r), z_bar = bar * (load8(before + j) - now) * z * (1 - z);
      store8(h_bar + j, bar * z);
      store8(input_bar + j, r_bar);
      store8(recurrent_bar + j, r_bar);
      store8(input_bar + width + j, z_bar);
      store8(recurrent_bar + width + j, z_bar);
      store8(input_bar + 2 * width + j, n_bar);
      store8(recurrent_bar + 2 * width + j, n_bar * r);
    }
  }
}

WF_SIMD static void add_to_table(int m, int gates, const int32_t *pick, int pick_stride, const wf_real *restrict bar,
                                 wf_real *restrict table)
{
  for (int s = 0; s < m; s++) {
    wf_real *row = table + (size_t)pick[(size_t)s * pick_stride] * gates;
    for (int j = 0; j < gates; j += 8) store8(row + j, load8(row + j) + load8(bar + (size_t)s * gates + j));
  }
}

/* Through the recurrent map: its gradient, and h_before_bar [m_before, width] += what flows to the state before; h_bar as
   differentiate_gates left it. A state that all rows share gets the rows' sum. */
static void backward_recurrent(gru_work *work, gru_layer *layer, int m, int m_before, const wf_real *h_before, const wf_real *h_bar,
                               wf_real *h_before_bar)
{
  const int      width = work->width, gates = 3 * width;
  const wf_real *bar = work->recurrent_gates_bar;
  if (m_before < m) {
    memset(work->row_bar, 0, (size_t)gates * sizeof(wf_real));
    wf_rows_add(m, gates, bar, gates, work->row_bar);
    bar = work->row_bar;
  }
  wf_rows_add(m_before, gates, bar, gates, layer->recurrent_bias_bar);
  if (!h_before_bar) return;
  wf_dense_multiply(width, gates, m_before, h_before, 1, width, bar, gates, WF_DENSE_ADD, NULL, layer->recurrent_bar, gates);
  wf_dense_multiply(m_before, width, gates, bar, gates, 1, layer->recurrent, width, WF_DENSE_ADD, NULL, h_before_bar, width);
  if (m_before < m)
    wf_rows_add(m, width, h_bar, width, h_before_bar);
  else
    wf_rows_add(1, m * width, h_bar, 0, h_before_bar);
}

static void backward_rows(gru_work *work, int l, int row, int m, int m_before, const wf_real *h_before, const int32_t *pick,
                          wf_real *h_bar, wf_real *h_before_bar, wf_real *below_bar)
{
  const int  width = work->width, gates = 3 * width;
  gru_layer *layer = work->layers + l;
  differentiate_gates(m, width,
                      &(gate_rows){.h_before      = h_before,
                                   .before_stride = m_before < m ? 0 : width,
                                   .rz            = layer->rz + (size_t)row * 2 * width,
                                   .n             = layer->n + (size_t)row * width,
                                   .recurrent_n   = layer->recurrent_n + (size_t)row * width},
                      h_bar, work->input_gates_bar, work->recurrent_gates_bar);
  if (l == 0)
    add_to_table(m, gates, pick, work->config.n_species, work->input_gates_bar, work->table_bar);
  else {
    wf_dense_multiply(width, gates, m, layer[-1].h + (size_t)row * width, 1, width, work->input_gates_bar, gates, WF_DENSE_ADD,
                      NULL, layer->input_bar, gates);
    wf_rows_add(m, gates, work->input_gates_bar, gates, layer->input_bias_bar);
    wf_dense_multiply(m, width, gates, work->input_gates_bar, gates, 1, layer->input, width, WF_DENSE_ZERO, NULL,
                      below_bar + (size_t)row * width, width);
  }
  backward_recurrent(work, layer, m, m_before, h_before, h_bar, h_before_bar);
}

static void run_backward(void *memory, int n, const int32_t *x, wf_real *features_bar)
{
  static const int32_t nothing = 0;
  gru_work *const      work    = memory;
  const int            width = work->width, n_species = work->config.n_species;
  wf_real             *h_bar = features_bar;
  for (int l = work->n_layers - 1; l >= 0; l--) {
    gru_layer *layer     = work->layers + l;
    wf_real   *below_bar = work->below_bar[l % 2];
    for (int i = n_species - 1; i >= 1; i--) {
      int    row = 1 + (i - 1) * n, before = i == 1 ? 0 : row - n;
      size_t place = (size_t)before * width;
      backward_rows(work, l, row, n, i == 1 ? 1 : n, layer->h + place, x + i - 1, h_bar + (size_t)row * width, h_bar + place,
                    below_bar);
    }
    backward_rows(work, l, 0, 1, 1, work->zeros, &nothing, h_bar, NULL, below_bar);
    h_bar = below_bar;
  }
}

/* Each count's row goes to the column of its lowest digit and to the count without it; what reaches count 0 is the bias. */
static void store_input_gradient(const gru_work *work, wf_real *gradient)
{
  const int gates = 3 * work->width;
  wf_real  *rows  = work->table_bar;
  memset(work->columns_bar, 0, (size_t)(work->digits * gates) * sizeof(wf_real));
  for (int count = work->config.n_levels - 1; count > 0; count--) {
    const wf_real *row     = rows + (size_t)count * gates;
    wf_real       *without = rows + (size_t)(count & (count - 1)) * gates,
            *column        = work->columns_bar + (size_t)find_lowest_digit(work, count) * gates;
    for (int j = 0; j < gates; j++) {
      without[j] += row[j];
      column[j] += row[j];
    }
  }
  store_maps(work, work->columns_bar, rows, work->digits, gradient);
}

static void store_gradient(const void *memory, wf_real *gradient)
{
  const gru_work *work   = memory;
  const int       hidden = work->config.hidden;
  for (int l = 0; l < work->n_layers; l++) {
    const gru_layer *layer    = work->layers + l;
    int              n_inputs = count_inputs(&work->config, l);
    if (l == 0)
      store_input_gradient(work, gradient);
    else
      store_maps(work, layer->input_bar, layer->input_bias_bar, n_inputs, gradient);
    gradient += (size_t)3 * hidden * (n_inputs + 1);
    store_maps(work, layer->recurrent_bar, layer->recurrent_bias_bar, hidden, gradient);
    gradient += (size_t)3 * hidden * (hidden + 1);
  }
}

static const wf_real *run_step(void *memory, int position, int m, const int32_t *previous, const wf_real *state, wf_real *next,
                               int *feature_ld)
{
  gru_work *work  = memory;
  const int width = work->width, gates = 3 * width, ld = work->n_layers * width;
  for (int l = 0; l < work->n_layers; l++, state += width, next += width) {
    gru_layer *layer = work->layers + l;
    if (l > 0)
      wf_dense_multiply(m, gates, width, next - width, ld, 1, layer->input_t, gates, WF_DENSE_BIAS, layer->input_bias,
                        work->pre_input, gates);
    wf_dense_multiply(m, gates, width, state, ld, 1, layer->recurrent_t, gates, WF_DENSE_BIAS, layer->recurrent_bias,
                      work->pre_recurrent, gates);
    evaluate_gates(m, width,
                   &(gate_rows){.pre_input        = l == 0 ? work->table : work->pre_input,
                                .pick             = l == 0 ? previous : NULL,
                                .pick_stride      = 1,
                                .pre_recurrent    = work->pre_recurrent,
                                .recurrent_stride = gates,
                                .h_before         = state,
                                .before_stride    = ld,
                                .rz               = work->input_gates_bar,
                                .n                = work->recurrent_gates_bar,
                                .recurrent_n      = work->step_features,
                                .h                = next,
                                .h_stride         = ld});
  }
  *feature_ld = ld;
  return next - width;
}

const wf_network_ops wf_network_gru = {.name            = "gru",
                                       .count_layers    = count_layers,
                                       .describe_layers = describe_layers,
                                       .count_features  = count_features,
                                       .state_width     = state_width,
                                       .work_create     = create_work,
                                       .work_destroy    = destroy_work,
                                       .load            = load_weights,
                                       .forward         = run_forward,
                                       .clear_gradient  = clear_gradient,
                                       .backward        = run_backward,
                                       .store_gradient  = store_gradient,
                                       .step            = run_step};
