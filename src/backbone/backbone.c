/* Backbones: the outer shell that joins a network and a head, see backbone.h. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "backbone/backbone_impl.h"

static const wf_network_ops *const networks[] = {&wf_network_gru};
static const wf_head_ops *const    heads[]    = {&wf_head_categorical};

static const wf_network_ops *find_network(const char *name)
{
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    if (name && strcmp(name, networks[i]->name) == 0) return networks[i];
  return NULL;
}

static const wf_head_ops *find_head(const char *name)
{
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    if (name && strcmp(name, heads[i]->name) == 0) return heads[i];
  return NULL;
}

wf_backbone *wf_backbone_create(const wf_backbone_config *config)
{
  const wf_network_ops *network  = find_network(config->network);
  const wf_head_ops    *head     = find_head(config->head);
  wf_backbone          *backbone = NULL;
  if (!network || !head || config->n_species < 1 || config->n_levels < 1 || config->hidden < 1 || config->n_layers < 1) return NULL;
  backbone = wf_calloc(1, sizeof *backbone);
  if (!backbone) return NULL;
  backbone->config         = *config;
  backbone->config.network = network->name; /* names that live as long as the program */
  backbone->config.head    = head->name;
  backbone->network        = network;
  backbone->head           = head;
  backbone->n_layers       = network->count_layers(config) + 1;
  backbone->layers         = wf_calloc((size_t)backbone->n_layers, sizeof *backbone->layers);
  if (!backbone->layers) {
    wf_backbone_destroy(&backbone);
    return NULL;
  }
  network->describe_layers(config, backbone->layers);
  head->describe_layer(config, network->count_features(config), backbone->layers + backbone->n_layers - 1);
  for (int l = 0; l < backbone->n_layers; l++) {
    if (l == backbone->n_layers - 1) backbone->head_first = backbone->n_param;
    backbone->n_param += backbone->layers[l].n_nodes * backbone->layers[l].n_features;
  }
  return backbone;
}

void wf_backbone_destroy(wf_backbone **backbone)
{
  if (*backbone) wf_free((*backbone)->layers);
  wf_free(*backbone);
  *backbone = NULL;
}

const wf_backbone_config *wf_backbone_get_config(const wf_backbone *backbone) { return &backbone->config; }

int wf_backbone_n_param(const wf_backbone *backbone) { return backbone->n_param; }

const wf_backbone_layer *wf_backbone_layers(const wf_backbone *backbone, int *n_layers)
{
  *n_layers = backbone->n_layers;
  return backbone->layers;
}

void wf_backbone_init(const wf_backbone *backbone, uint64_t seed, uint64_t item, wf_real *theta)
{
  double   range = 1 / sqrt((double)backbone->config.hidden);
  uint32_t draw  = 0;
  for (int l = 0; l < backbone->n_layers; l++) {
    int n_features = backbone->layers[l].n_features, n = backbone->layers[l].n_nodes * n_features;
    for (int k = 0; k < n; k++, draw++) {
      double u    = 2 * wf_random_uniform(seed, WF_RANDOM_BACKBONE_INIT, item, draw) - 1;
      theta[draw] = (k + 1) % n_features == 0 ? 0 : (wf_real)(range * u);
    }
  }
}

wf_backbone_work *wf_backbone_work_create(const wf_backbone *backbone, int max_samples)
{
  const wf_backbone_config *config = &backbone->config;
  wf_backbone_work         *work   = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  size_t chunk       = WF_BACKBONE_CHUNK,
         rows        = 1 + (size_t)(config->n_species - 1) * chunk; /* more samples than this are done in turns */
  size_t state_size  = chunk * (size_t)backbone->network->state_width(config);
  int    n_features  = backbone->network->count_features(config);
  work->backbone     = backbone;
  work->network      = backbone->network->work_create(config);
  work->head         = backbone->head->work_create(config, n_features);
  work->features_bar = wf_calloc(rows * (size_t)pad_width(n_features), sizeof(wf_real));
  work->state[0]     = wf_calloc(state_size, sizeof(wf_real));
  work->state[1]     = wf_calloc(state_size, sizeof(wf_real));
  work->x            = wf_calloc(chunk * (size_t)config->n_species, sizeof(int32_t));
  if (!work->network || !work->head || !work->features_bar || !work->state[0] || !work->state[1] || !work->x)
    wf_backbone_work_destroy(&work);
  return work;
}

void wf_backbone_work_destroy(wf_backbone_work **work)
{
  wf_backbone_work *old = *work;
  *work                 = NULL;
  if (!old) return;
  old->backbone->network->work_destroy(old->network);
  old->backbone->head->work_destroy(old->head);
  wf_free(old->features_bar);
  wf_free(old->state[0]);
  wf_free(old->state[1]);
  wf_free(old->x);
  wf_free(old);
}

static void load_weights(wf_backbone_work *work, const wf_real *theta)
{
  const wf_backbone *backbone = work->backbone;
  backbone->network->load(work->network, theta);
  backbone->head->load(work->head, theta + backbone->head_first);
}

static int count_chunk(int n, int first) { return n - first < WF_BACKBONE_CHUNK ? n - first : WF_BACKBONE_CHUNK; }

/* Copy n samples with counts outside 0 .. L-1 replaced by 0; outside [n] says which samples had some. Returns how many. */
static int copy_inside(const wf_backbone *backbone, int n, const int32_t *x, int32_t *inside, bool *outside)
{
  int n_outside = 0;
  for (int s = 0; s < n; s++) {
    outside[s] = false;
    for (int i = 0; i < backbone->config.n_species; i++) {
      int32_t count                                      = x[(size_t)s * backbone->config.n_species + i];
      bool    good                                       = count >= 0 && count < backbone->config.n_levels;
      inside[(size_t)s * backbone->config.n_species + i] = good ? count : 0;
      outside[s] |= !good;
    }
    n_outside += outside[s];
  }
  return n_outside;
}

/* nll [chunk] = -log p of n <= chunk samples; the gradient in work grows where asked. */
static void score_chunk(wf_backbone_work *work, int n, const int32_t *x, bool with_gradient, double *nll)
{
  const wf_backbone *backbone = work->backbone;
  bool               outside[WF_BACKBONE_CHUNK];
  int                n_outside    = copy_inside(backbone, n, x, work->x, outside);
  wf_real           *features_bar = with_gradient ? work->features_bar : NULL;
  const wf_real     *features     = backbone->network->forward(work->network, n, work->x);
  for (int s = 0; s < n; s++) nll[s] = 0;
  backbone->head->nll(work->head, n, work->x, features, nll, features_bar);
  if (with_gradient) backbone->network->backward(work->network, n, work->x, features_bar);
  for (int s = 0; n_outside > 0 && s < n; s++)
    if (outside[s]) nll[s] = INFINITY;
}

void wf_backbone_nll(const wf_backbone *backbone, const wf_real *theta, int n, const int32_t *x, wf_backbone_work *work,
                     double *nll_sum, wf_real *gradient)
{
  double nll[WF_BACKBONE_CHUNK], sum = 0;
  load_weights(work, theta);
  if (gradient) {
    backbone->network->clear_gradient(work->network);
    backbone->head->clear_gradient(work->head);
  }
  for (int first = 0; first < n; first += WF_BACKBONE_CHUNK) {
    int n_chunk = count_chunk(n, first);
    score_chunk(work, n_chunk, x + (size_t)first * backbone->config.n_species, gradient != NULL, nll);
    for (int s = 0; s < n_chunk; s++) sum += nll[s];
  }
  *nll_sum = sum;
  if (!gradient) return;
  backbone->network->store_gradient(work->network, gradient);
  backbone->head->store_gradient(work->head, gradient + backbone->head_first);
  for (int k = 0; !isfinite(sum) && k < backbone->n_param; k++) gradient[k] = NAN;
}

void wf_backbone_log_density(const wf_backbone *backbone, const wf_real *theta, int n, const int32_t *x, wf_backbone_work *work,
                             double *log_p)
{
  double nll[WF_BACKBONE_CHUNK];
  load_weights(work, theta);
  for (int first = 0; first < n; first += WF_BACKBONE_CHUNK) {
    int n_chunk = count_chunk(n, first);
    score_chunk(work, n_chunk, x + (size_t)first * backbone->config.n_species, false, nll);
    for (int s = 0; s < n_chunk; s++) log_p[first + s] = -nll[s];
  }
}

/* The smallest count whose cumulative probability exceeds u; rounding at the far end gives the last count of positive probability.
 */
static int32_t invert_distribution(int n_levels, const wf_real *value, double target)
{
  double  cumulative = 0;
  int32_t last       = 0;
  for (int32_t j = 0; j < n_levels; j++) {
    cumulative += value[j];
    if (value[j] > 0) last = j;
    if (cumulative > target) return j;
  }
  return last;
}

static void sample_chunk(wf_backbone_work *work, int m, uint64_t seed, wf_random_purpose purpose, uint64_t item0, int32_t *x)
{
  const wf_backbone *backbone  = work->backbone;
  const int          n_species = backbone->config.n_species;
  wf_real           *state = work->state[0], *next = work->state[1];
  int32_t            previous[WF_BACKBONE_CHUNK] = {0};
  memset(state, 0, (size_t)m * (size_t)backbone->network->state_width(&backbone->config) * sizeof(wf_real));
  for (int i = 0; i < n_species; i++) {
    int            feature_ld, ld;
    const wf_real *sum, *features = backbone->network->step(work->network, i, m, previous, state, next, &feature_ld);
    const wf_real *value = backbone->head->conditionals(work->head, m, features, feature_ld, &sum, &ld);
    for (int s = 0; s < m; s++) {
      double u    = wf_random_uniform(seed, purpose, item0 + (uint64_t)s, (uint32_t)i);
      previous[s] = x[(size_t)s * n_species + i] =
          invert_distribution(backbone->config.n_levels, value + (size_t)s * ld, u * sum[s]);
    }
    wf_real *swap = state;
    state         = next;
    next          = swap;
  }
}

void wf_backbone_sample(const wf_backbone *backbone, const wf_real *theta, int n, uint64_t seed, wf_random_purpose purpose,
                        uint64_t item0, wf_backbone_work *work, int32_t *x)
{
  load_weights(work, theta);
  for (int first = 0; first < n; first += WF_BACKBONE_CHUNK)
    sample_chunk(work, count_chunk(n, first), seed, purpose, item0 + (uint64_t)first,
                 x + (size_t)first * backbone->config.n_species);
}
