/* The state-space energy of a GRU's density: samples, their conditionals, and the way back to the weights. See energy.h.

   Cost per sample of d coordinates: 1 + (d - 1) pairs of moved sequences, d (d - 1) + d steps of the network, each with an output
   layer; the reverse takes about twice that. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "backbone/backbone_impl.h"
#include "energy_impl.h"

struct wf_energy {
  energy_shape     shape;
  wf_energy_config config;
  energy_record    records[WF_ENERGY_BLOCK];
  energy_bars      bars;
  double          *score_weight; /* [d] */
  int32_t         *counts;       /* [WF_ENERGY_BLOCK, d] */
  double          *memory;
  size_t           bars_size; /* doubles from bars.p on that are set to 0 for each sample */
};

static double *take(double *base, size_t *cursor, size_t count)
{
  double *part = base ? base + *cursor : NULL;
  *cursor += count;
  return part;
}

/* Hand out the memory; with base NULL only count it. */
static size_t lay_out(wf_energy *energy, double *base)
{
  energy_shape *shape = &energy->shape;
  size_t        d = (size_t)shape->n_species, n = (size_t)shape->n_levels, n_sequences = 2 * d + 1, cursor = 0;
  for (int s = 0; s < WF_ENERGY_BLOCK; s++) {
    energy_record *record = energy->records + s;
    record->cell          = take(base, &cursor, n_sequences * d * (size_t)shape->cell_size);
    record->p             = take(base, &cursor, n_sequences * d * n);
    record->p_dot         = take(base, &cursor, d * n);
    record->logit_dot     = take(base, &cursor, d * n);
    record->v             = take(base, &cursor, d * n);
    record->log_ratio     = take(base, &cursor, 2 * d * (d + 1));
    record->part          = take(base, &cursor, d + 1);
    record->x             = energy->counts ? energy->counts + (size_t)s * d : NULL;
  }
  energy_bars *bars    = &energy->bars;
  size_t       first   = cursor;
  bars->p              = take(base, &cursor, n_sequences * d * n);
  bars->p_dot          = take(base, &cursor, d * n);
  bars->v_at           = take(base, &cursor, 2 * d);
  bars->running        = take(base, &cursor, 2 * d);
  bars->state          = take(base, &cursor, n_sequences * d * (size_t)shape->state_size);
  energy->bars_size    = cursor - first;
  bars->flux           = take(base, &cursor, n);
  bars->logits         = take(base, &cursor, 2 * n);
  energy->score_weight = take(base, &cursor, d);
  shape->scratch       = take(base, &cursor, (size_t)16 * (size_t)shape->hidden);
  return cursor;
}

wf_energy *wf_energy_create(const wf_backbone *backbone, const wf_energy_config *config)
{
  const wf_backbone_config *network = wf_backbone_get_config(backbone);
  wf_energy                *energy;
  if (strcmp(network->network, "gru") != 0 || strcmp(network->head, "categorical") != 0) return NULL;
  energy = wf_calloc(1, sizeof *energy);
  if (!energy) return NULL;
  energy->config = *config;
  energy->shape  = (energy_shape){.n_species    = network->n_species,
                                  .n_levels     = network->n_levels,
                                  .hidden       = network->hidden,
                                  .n_layers     = network->n_layers,
                                  .digits       = count_digits(network->n_levels),
                                  .n_param      = wf_backbone_n_param(backbone),
                                  .output_first = backbone->head_first,
                                  .state_size   = 2 * network->n_layers * network->hidden,
                                  .cell_size    = 10 * network->n_layers * network->hidden};
  energy->counts = wf_calloc((size_t)WF_ENERGY_BLOCK * (size_t)network->n_species, sizeof(int32_t));
  energy->memory = wf_calloc(lay_out(energy, NULL), sizeof(double));
  if (!energy->counts || !energy->memory)
    wf_energy_destroy(&energy);
  else
    lay_out(energy, energy->memory);
  return energy;
}

void wf_energy_destroy(wf_energy **energy)
{
  if (*energy) {
    wf_free((*energy)->counts);
    wf_free((*energy)->memory);
  }
  wf_free(*energy);
  *energy = NULL;
}

static double *find_cell(const energy_shape *shape, const energy_record *record, int sequence, int k)
{
  return record->cell + ((size_t)sequence * shape->n_species + k) * shape->cell_size;
}

/* The cell before coordinate k of a sequence, and the count read there. The moved sequences part from sequence 0 after their
   coordinate. */
static double *cell_before(const energy_shape *shape, const energy_record *record, int sequence, int k, int32_t *count)
{
  int j  = sequence > 0 ? (sequence - 1) / 2 : -1;
  *count = k > 0 ? record->x[k - 1] : 0;
  if (k == 0) return NULL;
  if (k != j + 1 || sequence == 0) return find_cell(shape, record, sequence, k - 1);
  *count += (sequence - 1) % 2 ? 1 : -1;
  return find_cell(shape, record, 0, j);
}

/* Conditional k of a sequence: softmax of the logits, mixed with the uniform law; of sequence 0 with its tangent. */
static void find_conditional(wf_energy *energy, const wf_energy_point *point, energy_record *record, int sequence, int k)
{
  const energy_shape *shape   = &energy->shape;
  int                 n       = shape->n_levels;
  bool                tangent = sequence == 0;
  double             *cell = find_cell(shape, record, sequence, k), *logits = energy->bars.logits;
  double             *p    = record->p + ((size_t)sequence * shape->n_species + k) * n;
  double              keep = 1 - energy->config.uniform_share, floor = energy->config.uniform_share / n, sum = 0, mean = 0;
  int32_t             count;
  const double       *before = cell_before(shape, record, sequence, k, &count);
  wf_energy_gru_step(shape, point, count, before, tangent, cell);
  wf_energy_gru_logits(shape, point, cell, tangent, logits);
  double largest = logits[0];
  for (int c = 1; c < n; c++) largest = fmax(largest, logits[c]);
  for (int c = 0; c < n; c++) sum += p[c] = exp(logits[c] - largest);
  for (int c = 0; c < n; c++) p[c] /= sum;
  for (int c = 0; tangent && c < n; c++) mean += p[c] * logits[n + c];
  for (int c = 0; tangent && c < n; c++) {
    record->logit_dot[(size_t)k * n + c] = logits[n + c] - mean;
    record->p_dot[(size_t)k * n + c]     = keep * p[c] * (logits[n + c] - mean);
  }
  for (int c = 0; c < n; c++) p[c] = keep * p[c] + floor;
}

/* Reverse of find_conditional, into the state's gradient and what came before. */
static void reverse_conditional(wf_energy *energy, const wf_energy_point *point, const energy_record *record, int sequence, int k)
{
  const energy_shape *shape = &energy->shape;
  int                 n = shape->n_levels, d = shape->n_species, j = (sequence - 1) / 2;
  bool                tangent = sequence == 0;
  const double       *p = record->p + ((size_t)sequence * d + k) * n, *p_bar = energy->bars.p + ((size_t)sequence * d + k) * n;
  const double       *p_dot_bar = energy->bars.p_dot + (size_t)k * n, *logit_dot = record->logit_dot + (size_t)k * n;
  double             *bar = energy->bars.logits, *cell = find_cell(shape, record, sequence, k);
  double              keep = 1 - energy->config.uniform_share, floor = energy->config.uniform_share / n, mean = 0, dot_mean = 0;
  for (int c = 0; tangent && c < n; c++) dot_mean += keep * p_dot_bar[c] * (p[c] - floor) / keep;
  for (int c = 0; c < n; c++) {
    double softmax = (p[c] - floor) / keep;
    bar[c]         = keep * p_bar[c] + (tangent ? (keep * p_dot_bar[c] - dot_mean) * logit_dot[c] : 0);
    if (tangent) bar[n + c] = softmax * (keep * p_dot_bar[c] - dot_mean);
    mean += softmax * bar[c];
  }
  for (int c = 0; c < n; c++) bar[c] = (p[c] - floor) / keep * (bar[c] - mean);
  int32_t count;
  double *state_bar = energy->bars.state + ((size_t)sequence * d + k) * shape->state_size, *before_bar = NULL;
  double *before = cell_before(shape, record, sequence, k, &count);
  if (before)
    before_bar = energy->bars.state + ((size_t)(sequence > 0 && k == j + 1 ? 0 : sequence) * d + k - 1) * shape->state_size;
  wf_energy_gru_logits_reverse(shape, point, cell, tangent, bar, state_bar);
  wf_energy_gru_reverse(shape, point, count, before, cell, tangent, state_bar, before_bar);
}

/* The count at which the distribution function passes u. */
static int32_t invert_distribution(int n, const double *p, double u)
{
  double sum = p[0];
  int    c   = 0;
  while (sum <= u && c < n - 1) sum += p[++c];
  return c;
}

/* What a sample's counts come from: given ones, or the draws of an item. */
typedef struct {
  const int32_t *x;
  uint64_t       seed, item;
} sample_source;

/* Conditionals, velocities and energies of one sample. */
static void walk_sample(wf_energy *energy, const wf_energy_point *point, const sample_source *source, energy_record *record)
{
  const energy_shape *shape = &energy->shape;
  for (int k = 0; k < shape->n_species; k++) {
    find_conditional(energy, point, record, 0, k);
    for (int j = 0; j < k; j++)
      for (int s = 0; s < 2; s++)
        if (move_is_inside(shape, record, j, s)) find_conditional(energy, point, record, 1 + 2 * j + s, k);
    record->x[k] = source->x ? source->x[k]
                             : invert_distribution(shape->n_levels, record->p + (size_t)k * shape->n_levels,
                                                   wf_random_uniform(source->seed, WF_RANDOM_ENERGY, source->item, (uint32_t)k));
    wf_energy_lattice_coordinate(shape, record, k);
    wf_energy_lattice_extend(shape, record, k);
  }
  wf_energy_lattice_score(shape, record, energy->config.sigma);
}

static double sum_parts(const energy_shape *shape, const energy_record *record)
{
  double sum = 0;
  for (int k = 0; k <= shape->n_species; k++) sum += record->part[k];
  return sum;
}

/* Gradient of weight * energy density, and of the log conditionals by energy->score_weight. */
static void reverse_sample(wf_energy *energy, const wf_energy_point *point, const energy_record *record, double weight)
{
  const energy_shape *shape = &energy->shape;
  memset(energy->bars.p, 0, energy->bars_size * sizeof(double));
  wf_energy_lattice_reverse(shape, record, energy->config.sigma, weight, energy->score_weight, &energy->bars);
  for (int k = shape->n_species - 1; k >= 0; k--) {
    for (int j = 0; j < k; j++)
      for (int s = 0; s < 2; s++)
        if (move_is_inside(shape, record, j, s)) reverse_conditional(energy, point, record, 1 + 2 * j + s, k);
    reverse_conditional(energy, point, record, 0, k);
  }
}

double wf_energy_weighted(wf_energy *energy, const wf_energy_point *point, int n, const int32_t *x, const double *weight)
{
  const energy_shape *shape  = &energy->shape;
  energy_record      *record = energy->records;
  double              sum    = 0;
  for (int s = 0; s < n; s++) {
    walk_sample(energy, point, &(sample_source){.x = x + (size_t)s * shape->n_species}, record);
    sum += weight[s] * sum_parts(shape, record);
    if (!point->theta_bar) continue;
    double later = 0; /* coordinate k is averaged over prefixes x_<k: its energy weighs the conditionals before it */
    for (int k = shape->n_species - 1; k >= 0; k--) energy->score_weight[k] = weight[s] * (later += record->part[k + 1]);
    reverse_sample(energy, point, record, weight[s]);
  }
  return sum;
}

double wf_energy_block(wf_energy *energy, const wf_energy_point *point, uint64_t seed, uint64_t item, int64_t block, double *square)
{
  const energy_shape *shape = &energy->shape;
  double              sum = 0, sum_squares = 0;
  for (int s = 0; s < WF_ENERGY_BLOCK; s++) {
    sample_source source = {.seed = seed, .item = item + (uint64_t)block * WF_ENERGY_BLOCK + (uint64_t)s};
    walk_sample(energy, point, &source, energy->records + s);
    double value = sum_parts(shape, energy->records + s);
    sum += value;
    sum_squares += value * value;
  }
  if (square) *square = sum_squares;
  for (int s = 0; point->theta_bar && s < WF_ENERGY_BLOCK; s++) {
    const energy_record *record = energy->records + s;
    double               later  = 0;
    for (int k = shape->n_species - 1; k >= 0; k--) {
      double others = -record->part[k + 1];
      for (int i = 0; i < WF_ENERGY_BLOCK; i++) others += energy->records[i].part[k + 1];
      energy->score_weight[k] = later += record->part[k + 1] - others / (WF_ENERGY_BLOCK - 1);
    }
    reverse_sample(energy, point, record, 1);
  }
  return sum;
}

double wf_energy_velocity(wf_energy *energy, const wf_energy_point *point, const int32_t *x, double *velocity)
{
  const energy_shape *shape  = &energy->shape;
  energy_record      *record = energy->records;
  double              log_p  = 0;
  walk_sample(energy, point, &(sample_source){.x = x}, record);
  for (int k = 0; k < shape->n_species; k++) {
    velocity[k] = record->v[(size_t)k * shape->n_levels + x[k]];
    log_p += log(record->p[(size_t)k * shape->n_levels + x[k]]);
  }
  return log_p;
}
