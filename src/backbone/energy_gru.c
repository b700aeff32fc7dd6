/* The gated recurrent unit of gru.c with its tangent (derivative along theta_dot), and the reverse of both; see energy_impl.h.

   For y = f(a) with tangent y' = f'(a) a' the reverse is a_bar = f' y_bar + f'' a' y'_bar and a'_bar = f' y'_bar; for a product
   y = a b: a_bar = y_bar b + y'_bar b', a'_bar = y'_bar b. One state at a time in plain loops: the sums do not depend on vector
   width. */
#include <math.h>
#include "energy_impl.h"

enum { GATE_R, GATE_Z, GATE_N, RECURRENT_N, STATE_H, N_KEPT };

/* A linear map of n nodes of m inputs in theta: nodes of [row, bias] from `first`. */
typedef struct {
  int first, n, m;
} linear_map;

/* y [n] = W x + b, y_dot = W' x + W x' + b'. x, x_dot NULL: zeros. y_dot NULL: no tangent. */
static void apply_map(linear_map map, const wf_energy_point *point, const double *x, const double *x_dot, double *y, double *y_dot)
{
  for (int i = 0; i < map.n; i++) {
    const double *row = point->theta + map.first + (size_t)i * (map.m + 1), *row_dot = NULL;
    double        sum = row[map.m], sum_dot = 0;
    for (int j = 0; x && j < map.m; j++) sum += row[j] * x[j];
    y[i] = sum;
    if (!y_dot) continue;
    row_dot = point->theta_dot + map.first + (size_t)i * (map.m + 1);
    sum_dot = row_dot[map.m];
    for (int j = 0; x && j < map.m; j++) sum_dot += row_dot[j] * x[j];
    for (int j = 0; x_dot && j < map.m; j++) sum_dot += row[j] * x_dot[j];
    y_dot[i] = sum_dot;
  }
}

/* Reverse: gradients of W, W' and of x, x_dot (both may be NULL) grow. y_dot_bar NULL: no tangent. */
static void reverse_map(linear_map map, const wf_energy_point *point, const double *x, const double *x_dot, const double *y_bar,
                        const double *y_dot_bar, double *x_bar, double *x_dot_bar)
{
  for (int i = 0; i < map.n; i++) {
    size_t        first   = (size_t)map.first + (size_t)i * ((size_t)map.m + 1);
    const double *row     = point->theta + first;
    double       *row_bar = point->theta_bar + first, bar = y_bar[i];
    row_bar[map.m] += bar;
    for (int j = 0; x && j < map.m; j++) row_bar[j] += bar * x[j];
    for (int j = 0; x_bar && j < map.m; j++) x_bar[j] += bar * row[j];
    if (!y_dot_bar) continue;
    const double *row_dot     = point->theta_dot + first;
    double       *row_dot_bar = point->theta_dot_bar + first, bar_dot = y_dot_bar[i];
    row_dot_bar[map.m] += bar_dot;
    for (int j = 0; x && j < map.m; j++) row_dot_bar[j] += bar_dot * x[j];
    for (int j = 0; x_dot && j < map.m; j++) row_bar[j] += bar_dot * x_dot[j];
    for (int j = 0; x_bar && j < map.m; j++) x_bar[j] += bar_dot * row_dot[j];
    for (int j = 0; x_dot_bar && j < map.m; j++) x_dot_bar[j] += bar_dot * row[j];
  }
}

/* Kept vector `which` of a layer of a cell; part 1: its tangent. */
static double *kept(const energy_shape *shape, const double *cell, int layer, int part, int which)
{
  return (double *)cell + (((size_t)layer * 2 + part) * N_KEPT + which) * shape->hidden;
}

static double *state_part(const energy_shape *shape, double *state, int layer, int part)
{
  return state ? state + ((size_t)layer * 2 + part) * shape->hidden : NULL;
}

/* Map k = 0..5 (ir, iz, in, hr, hz, hn) of a layer. */
static linear_map gate_map(const energy_shape *shape, int layer, int k)
{
  int h = shape->hidden, first_inputs = shape->digits, inputs = layer == 0 ? first_inputs : h;
  int first = layer == 0 ? 0 : 3 * h * (first_inputs + 1) + 3 * h * (h + 1) + (layer - 1) * 6 * h * (h + 1);
  if (k < 3) return (linear_map){.first = first + k * h * (inputs + 1), .n = h, .m = inputs};
  return (linear_map){.first = first + 3 * h * (inputs + 1) + (k - 3) * h * (h + 1), .n = h, .m = h};
}

static void write_digits(const energy_shape *shape, int32_t count, double *digits)
{
  for (int b = 0; b < shape->digits; b++) digits[b] = count >> (shape->digits - 1 - b) & 1;
}

/* What a layer reads: below (the digits, or the state of the layer below) and before, with tangents. */
typedef struct {
  const double *below, *below_dot, *before, *before_dot;
} layer_input;

static layer_input find_input(const energy_shape *shape, int layer, const double *digits, const double *before, const double *cell,
                              bool tangent)
{
  layer_input in = {.below = digits};
  if (layer > 0) in.below = kept(shape, cell, layer - 1, 0, STATE_H);
  if (layer > 0 && tangent) in.below_dot = kept(shape, cell, layer - 1, 1, STATE_H);
  if (before) in.before = kept(shape, before, layer, 0, STATE_H);
  if (before && tangent) in.before_dot = kept(shape, before, layer, 1, STATE_H);
  return in;
}

/* The sigmoid gate k (r or z) of a layer. */
static void step_sigmoid(const energy_shape *shape, const wf_energy_point *point, const layer_input *in, int layer, int k,
                         double *y, double *y_dot)
{
  int     h = shape->hidden;
  double *a = shape->scratch + (size_t)2 * h, *a_dot = y_dot ? a + h : NULL;
  apply_map(gate_map(shape, layer, k), point, in->below, in->below_dot, y, y_dot);
  apply_map(gate_map(shape, layer, 3 + k), point, in->before, in->before_dot, a, a_dot);
  for (int i = 0; i < h; i++) {
    y[i] = 1 / (1 + exp(-(y[i] + a[i])));
    if (y_dot) y_dot[i] = y[i] * (1 - y[i]) * (y_dot[i] + a_dot[i]);
  }
}

static void step_layer(const energy_shape *shape, const wf_energy_point *point, const layer_input *in, int layer, bool tangent,
                       double *cell)
{
  int     size = shape->hidden;
  double *v[N_KEPT], *t[N_KEPT];
  for (int k = 0; k < N_KEPT; k++) {
    v[k] = kept(shape, cell, layer, 0, k);
    t[k] = tangent ? kept(shape, cell, layer, 1, k) : NULL;
  }
  step_sigmoid(shape, point, in, layer, 0, v[GATE_R], t[GATE_R]);
  step_sigmoid(shape, point, in, layer, 1, v[GATE_Z], t[GATE_Z]);
  apply_map(gate_map(shape, layer, 2), point, in->below, in->below_dot, v[GATE_N], t[GATE_N]);
  apply_map(gate_map(shape, layer, 5), point, in->before, in->before_dot, v[RECURRENT_N], t[RECURRENT_N]);
  for (int i = 0; i < size; i++) {
    double r = v[GATE_R][i], z = v[GATE_Z][i], u = v[RECURRENT_N][i], old = in->before ? in->before[i] : 0;
    double n      = tanh(v[GATE_N][i] + r * u);
    v[GATE_N][i]  = n;
    v[STATE_H][i] = (1 - z) * n + z * old;
    if (!tangent) continue;
    double old_dot = in->before_dot ? in->before_dot[i] : 0, z_dot = t[GATE_Z][i];
    double n_dot  = (1 - n * n) * (t[GATE_N][i] + t[GATE_R][i] * u + r * t[RECURRENT_N][i]);
    t[GATE_N][i]  = n_dot;
    t[STATE_H][i] = (1 - z) * n_dot + z_dot * (old - n) + z * old_dot;
  }
}

void wf_energy_gru_step(const energy_shape *shape, const wf_energy_point *point, int32_t count, const double *before, bool tangent,
                        double *cell)
{
  double digits[32];
  write_digits(shape, count, digits);
  for (int l = 0; l < shape->n_layers; l++) {
    layer_input in = find_input(shape, l, digits, before, cell, tangent);
    step_layer(shape, point, &in, l, tangent, cell);
  }
}

/* Gradients of the four products that enter the gates: [r, z, n, recurrent n], values then tangents, [2, 4, hidden] in `bars`;
   before_bar grows by what goes straight through the update gate. */
static void reverse_gates(const energy_shape *shape, const layer_input *in, int layer, const double *cell, bool tangent,
                          double *state_bar, double *before_bar, double *bars)
{
  int size = shape->hidden;
  for (int i = 0; i < size; i++) {
    double v[N_KEPT], t[N_KEPT] = {0}, old = in->before ? in->before[i] : 0, old_dot = in->before_dot ? in->before_dot[i] : 0;
    for (int k = 0; k < N_KEPT; k++) {
      v[k] = kept(shape, cell, layer, 0, k)[i];
      if (tangent) t[k] = kept(shape, cell, layer, 1, k)[i];
    }
    double r = v[GATE_R], z = v[GATE_Z], n = v[GATE_N], u = v[RECURRENT_N], slope = 1 - n * n;
    double bar     = state_part(shape, state_bar, layer, 0)[i];
    double bar_dot = tangent ? state_part(shape, state_bar, layer, 1)[i] : 0;
    double z_bar = bar * (old - n) + bar_dot * (old_dot - t[GATE_N]), z_dot_bar = bar_dot * (old - n);
    double n_dot_bar = bar_dot * (1 - z), n_bar = bar * (1 - z) - bar_dot * t[GATE_Z];
    double a_bar = slope * n_bar - 2 * n * t[GATE_N] * n_dot_bar, a_dot_bar = slope * n_dot_bar;
    double r_bar = a_bar * u + a_dot_bar * t[RECURRENT_N], r_dot_bar = a_dot_bar * u;
    bars[i]            = r * (1 - r) * r_bar + (1 - 2 * r) * t[GATE_R] * r_dot_bar;
    bars[size + i]     = z * (1 - z) * z_bar + (1 - 2 * z) * t[GATE_Z] * z_dot_bar;
    bars[2 * size + i] = a_bar;
    bars[3 * size + i] = a_bar * r + a_dot_bar * t[GATE_R];
    bars[4 * size + i] = r * (1 - r) * r_dot_bar;
    bars[5 * size + i] = z * (1 - z) * z_dot_bar;
    bars[6 * size + i] = a_dot_bar;
    bars[7 * size + i] = a_dot_bar * r;
    if (!before_bar) continue;
    state_part(shape, before_bar, layer, 0)[i] += bar * z + bar_dot * t[GATE_Z];
    if (tangent) state_part(shape, before_bar, layer, 1)[i] += bar_dot * z;
  }
}

void wf_energy_gru_reverse(const energy_shape *shape, const wf_energy_point *point, int32_t count, const double *before,
                           const double *cell, bool tangent, double *state_bar, double *before_bar)
{

  int    size = shape->hidden;
  double digits[32], *bars = shape->scratch + (size_t)4 * size;
  write_digits(shape, count, digits);
  for (int l = shape->n_layers - 1; l >= 0; l--) {
    layer_input in        = find_input(shape, l, digits, before, cell, tangent);
    double     *below_bar = l > 0 ? state_part(shape, state_bar, l - 1, 0) : NULL, *below_dot_bar = NULL, *old_dot_bar = NULL;
    double     *old_bar = state_part(shape, before_bar, l, 0);
    if (l > 0 && tangent) below_dot_bar = state_part(shape, state_bar, l - 1, 1);
    if (before_bar && tangent) old_dot_bar = state_part(shape, before_bar, l, 1);
    reverse_gates(shape, &in, l, cell, tangent, state_bar, before_bar, bars);
    for (int k = 0; k < 3; k++) {
      const double *bar = bars + (size_t)k * size, *recurrent = bars + (size_t)(k < 2 ? k : 3) * size;
      const double *bar_dot       = tangent ? bar + (size_t)4 * size : NULL,
                   *recurrent_dot = tangent ? recurrent + (size_t)4 * size : NULL;
      reverse_map(gate_map(shape, l, k), point, in.below, in.below_dot, bar, bar_dot, below_bar, below_dot_bar);
      reverse_map(gate_map(shape, l, 3 + k), point, in.before, in.before_dot, recurrent, recurrent_dot, old_bar, old_dot_bar);
    }
  }
}

void wf_energy_gru_logits(const energy_shape *shape, const wf_energy_point *point, const double *cell, bool tangent, double *logits)
{
  linear_map output = {.first = shape->output_first, .n = shape->n_levels, .m = shape->hidden};
  int        top    = shape->n_layers - 1;
  apply_map(output, point, kept(shape, cell, top, 0, STATE_H), tangent ? kept(shape, cell, top, 1, STATE_H) : NULL, logits,
            tangent ? logits + shape->n_levels : NULL);
}

void wf_energy_gru_logits_reverse(const energy_shape *shape, const wf_energy_point *point, const double *cell, bool tangent,
                                  const double *logits_bar, double *state_bar)
{
  linear_map output = {.first = shape->output_first, .n = shape->n_levels, .m = shape->hidden};
  int        top    = shape->n_layers - 1;
  reverse_map(output, point, kept(shape, cell, top, 0, STATE_H), tangent ? kept(shape, cell, top, 1, STATE_H) : NULL, logits_bar,
              tangent ? logits_bar + shape->n_levels : NULL, state_part(shape, state_bar, top, 0),
              tangent ? state_part(shape, state_bar, top, 1) : NULL);
}
