/* Exact marginals by a walk over the tree of states, see backbone.h.

   p(x_i = j) = sum over prefixes x_<i of p(x_<i) p(j | x_<i). Prefixes are walked depth first in batches of WF_BACKBONE_CHUNK, so
   that memory is n_species batches however wide the tree; sums are in double, in the order of the walk. Cost:
   wf_backbone_marginal_cost conditionals. */
#include <string.h>
#include <weightflow/base.h>
#include "backbone/backbone_impl.h"

/* A batch of prefixes of one length: what they carry, their last count and their probability. */
typedef struct {
  int      n;
  wf_real *state, *next; /* [chunk, state_width] before and after this coordinate */
  wf_real *value;        /* [chunk, n_levels] conditionals, not normalised */
  int32_t  previous[WF_BACKBONE_CHUNK];
  double   probability[WF_BACKBONE_CHUNK];
} prefix_batch;

typedef struct {
  const wf_backbone *backbone;
  wf_backbone_work  *work;
  double             cutoff, *marginals;
  size_t             state_width;
  prefix_batch      *batches; /* [n_species] */
  wf_real           *memory;
} tree_walk;

double wf_backbone_marginal_cost(const wf_backbone *backbone)
{
  double cost = 0, width = 1;
  for (int i = 0; i < backbone->config.n_species; i++, width *= backbone->config.n_levels) cost += width;
  return cost;
}

/* Conditionals of the batch at coordinate i; adds them to the marginals. The head's buffer is reused deeper in the tree, so a copy
 * is kept. */
static void expand_batch(tree_walk *walk, int i)
{
  const wf_backbone *backbone = walk->backbone;
  prefix_batch      *batch    = walk->batches + i;
  const int          n_levels = backbone->config.n_levels;
  int                feature_ld, ld;
  const wf_real     *sum, *features;
  features = backbone->network->step(walk->work->network, i, batch->n, batch->previous, batch->state, batch->next, &feature_ld);
  const wf_real *value = backbone->head->conditionals(walk->work->head, batch->n, features, feature_ld, &sum, &ld);
  for (int s = 0; s < batch->n; s++) {
    double scale = batch->probability[s] / sum[s];
    for (int j = 0; j < n_levels; j++) walk->marginals[(size_t)i * n_levels + j] += scale * value[(size_t)s * ld + j];
    memcpy(batch->value + (size_t)s * n_levels, value + (size_t)s * ld, (size_t)n_levels * sizeof(wf_real));
    batch->probability[s] = scale; /* from now on: what turns a value into the child's probability */
  }
}

static void walk_batch(tree_walk *walk, int i)
{
  prefix_batch *batch = walk->batches + i, *children = batch + 1;
  const int     n_levels = walk->backbone->config.n_levels;
  expand_batch(walk, i);
  if (i + 1 == walk->backbone->config.n_species) return;
  children->n = 0;
  for (int s = 0; s < batch->n; s++)
    for (int j = 0; j < n_levels; j++) {
      double probability = batch->probability[s] * batch->value[(size_t)s * n_levels + j];
      if (!(probability > walk->cutoff) && probability >= 0) continue; /* a NaN stays in, to be seen in the result */
      memcpy(children->state + (size_t)children->n * walk->state_width, batch->next + (size_t)s * walk->state_width,
             walk->state_width * sizeof(wf_real));
      children->previous[children->n]      = j;
      children->probability[children->n++] = probability;
      if (children->n == WF_BACKBONE_CHUNK) {
        walk_batch(walk, i + 1);
        children->n = 0;
      }
    }
  if (children->n > 0) walk_batch(walk, i + 1);
}

static bool allocate_batches(tree_walk *walk)
{
  const wf_backbone_config *config = &walk->backbone->config;
  size_t state_size = WF_BACKBONE_CHUNK * walk->state_width, value_size = WF_BACKBONE_CHUNK * (size_t)config->n_levels;
  walk->batches = wf_calloc((size_t)config->n_species, sizeof *walk->batches);
  walk->memory  = wf_calloc((size_t)config->n_species * (2 * state_size + value_size), sizeof(wf_real));
  if (!walk->batches || !walk->memory) return false;
  for (int i = 0; i < config->n_species; i++) {
    walk->batches[i].state = walk->memory + (size_t)i * (2 * state_size + value_size);
    walk->batches[i].next  = walk->batches[i].state + state_size;
    walk->batches[i].value = walk->batches[i].next + state_size;
  }
  return true;
}

static void normalise_rows(int m, int n, double *x)
{
  for (int i = 0; i < m; i++, x += n) {
    double sum = 0;
    for (int j = 0; j < n; j++) sum += x[j];
    for (int j = 0; j < n; j++) x[j] /= sum;
  }
}

bool wf_backbone_marginals(const wf_backbone *backbone, const wf_real *theta, double cutoff, wf_backbone_work *work,
                           double *marginals)
{
  const wf_backbone_config *config = &backbone->config;
  tree_walk                 walk   = {.backbone = backbone, .work = work, .cutoff = cutoff, .marginals = marginals};
  walk.state_width                 = (size_t)backbone->network->state_width(config);
  bool enough                      = allocate_batches(&walk);
  if (enough) {
    backbone->network->load(work->network, theta);
    backbone->head->load(work->head, theta + backbone->head_first);
    memset(marginals, 0, (size_t)config->n_species * (size_t)config->n_levels * sizeof(double));
    walk.batches[0].n              = 1;
    walk.batches[0].probability[0] = 1;
    walk_batch(&walk, 0);
    normalise_rows(config->n_species, config->n_levels, marginals);
  }
  wf_free(walk.batches);
  wf_free(walk.memory);
  return enough;
}
