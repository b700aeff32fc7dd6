/* Fit of a backbone to one snapshot, see fit.h. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/fit.h>
#include <weightflow/nn.h>

struct wf_fit {
  const wf_backbone *backbone;
  wf_backbone_work  *work;
  wf_fit_config      config;
  int                n, n_species, n_param, epoch;
  const int32_t     *x;
  int32_t           *shuffled; /* [n, n_species] in the order of this epoch */
  int               *order;    /* [n] */
  wf_fit_state       state;
  wf_real           *gradient; /* [n_param] */
  wf_exact_sum      *sum;      /* gradient, then NLL */
};

wf_fit *wf_fit_create(const wf_backbone *backbone, int n, const int32_t *x, const wf_fit_config *config)
{
  wf_fit *fit = wf_calloc(1, sizeof *fit);
  if (!fit) return NULL;
  size_t n_param = (size_t)wf_backbone_n_param(backbone);
  fit->backbone  = backbone;
  fit->config    = *config;
  fit->n         = n;
  fit->n_species = wf_backbone_get_config(backbone)->n_species;
  fit->n_param   = (int)n_param;
  fit->x         = x;
  fit->work      = wf_backbone_work_create(backbone, WF_FIT_BLOCK);
  fit->shuffled  = wf_calloc((size_t)n * (size_t)fit->n_species, sizeof(int32_t));
  fit->order     = wf_calloc((size_t)n, sizeof(int));
  fit->state =
      (wf_fit_state){wf_calloc(n_param, sizeof(wf_real)), wf_calloc(n_param, sizeof(wf_real)), wf_calloc(n_param, sizeof(wf_real))};
  fit->gradient = wf_calloc(n_param, sizeof(wf_real));
  fit->sum      = wf_exact_sum_create((int)n_param + 1);
  if (!fit->work || !fit->shuffled || !fit->order || !fit->state.theta || !fit->state.m || !fit->state.v || !fit->gradient ||
      !fit->sum)
    wf_fit_destroy(&fit);
  return fit;
}

void wf_fit_destroy(wf_fit **fit)
{
  wf_fit *old = *fit;
  *fit        = NULL;
  if (!old) return;
  wf_backbone_work_destroy(&old->work);
  wf_free(old->shuffled);
  wf_free(old->order);
  wf_free(old->state.theta);
  wf_free(old->state.m);
  wf_free(old->state.v);
  wf_free(old->gradient);
  wf_exact_sum_destroy(&old->sum);
  wf_free(old);
}

double wf_fit_n_terms(const wf_fit *fit) { return (double)fit->n * fit->n_species; }

int wf_fit_nll_component(const wf_fit *fit) { return fit->n_param; }

wf_fit_state wf_fit_get_state(wf_fit *fit) { return fit->state; }

void wf_fit_begin_epoch(wf_fit *fit, int epoch)
{
  const size_t row = (size_t)fit->n_species;
  fit->epoch       = epoch;
  if (fit->config.orders)
    for (int s = 0; s < fit->n; s++) fit->order[s] = fit->config.orders[(size_t)epoch * (size_t)fit->n + (size_t)s];
  else
    wf_random_permutation(fit->config.seed, WF_RANDOM_ANCHOR_SHUFFLE, fit->config.item << 32 | (uint64_t)epoch, fit->n, fit->order);
  for (int s = 0; s < fit->n; s++)
    memcpy(fit->shuffled + (size_t)s * row, fit->x + (size_t)fit->order[s] * row, row * sizeof(int32_t));
}

int wf_fit_n_batches(const wf_fit *fit) { return (fit->n + fit->config.batch - 1) / fit->config.batch; }

static int count_batch(const wf_fit *fit, int batch)
{
  int rest = fit->n - batch * fit->config.batch;
  return rest < fit->config.batch ? rest : fit->config.batch;
}

/* Add the blocks part, part + n_parts, ... of n samples to the sum. */
static void add_blocks(wf_fit *fit, int n, const int32_t *x, int part, int n_parts, bool with_gradient)
{
  wf_exact_sum_zero(fit->sum);
  for (int64_t first = (int64_t)part * WF_FIT_BLOCK; first < n; first += (int64_t)n_parts * WF_FIT_BLOCK) {
    int    n_block = n - first < WF_FIT_BLOCK ? (int)(n - first) : WF_FIT_BLOCK;
    double nll;
    wf_backbone_nll(fit->backbone, fit->state.theta, n_block, x + first * fit->n_species, fit->work, &nll,
                    with_gradient ? fit->gradient : NULL);
    if (with_gradient) wf_exact_sum_add(fit->sum, 0, fit->n_param, fit->gradient);
    wf_exact_sum_add_double(fit->sum, fit->n_param, 1, &nll);
  }
}

wf_exact_sum *wf_fit_add_gradient(wf_fit *fit, int batch, int part, int n_parts)
{
  const int32_t *x = fit->shuffled + (size_t)batch * (size_t)fit->config.batch * (size_t)fit->n_species;
  add_blocks(fit, count_batch(fit, batch), x, part, n_parts, true);
  return fit->sum;
}

wf_exact_sum *wf_fit_add_nll(wf_fit *fit, int part, int n_parts)
{
  add_blocks(fit, fit->n, fit->x, part, n_parts, false);
  return fit->sum;
}

double wf_fit_update(wf_fit *fit, int batch)
{
  const int64_t n_batches = wf_fit_n_batches(fit), step = fit->epoch * n_batches + batch,
                n_steps  = fit->config.n_epochs * n_batches;
  const double    pi     = 3.14159265358979323846;
  wf_adamw_config config = WF_ADAMW_DEFAULT;
  double          nll;
  config.learning_rate = fit->config.learning_rate;
  config.weight_decay  = fit->config.weight_decay;
  if (fit->config.cosine) config.learning_rate *= (1 + cos(pi * (double)step / (double)n_steps)) / 2;
  wf_exact_sum_get(fit->sum, 0, fit->n_param, 1.0 / ((double)count_batch(fit, batch) * fit->n_species), fit->gradient);
  wf_exact_sum_get_double(fit->sum, fit->n_param, 1, 1, &nll);
  wf_adamw_step(&config, step + 1, fit->n_param, fit->gradient, fit->state.theta, fit->state.m, fit->state.v);
  return nll;
}

/* Six operations a weight and row, at some 1e10 a second; adding over ranks takes some 20 microseconds a doubling and 16 bytes a
   weight at 2e9 a second. Rough numbers do, since only the time depends on them. */
bool wf_fit_is_worth_sharing(const wf_fit *fit, int n_ranks)
{
  int    n_blocks = (fit->config.batch + WF_FIT_BLOCK - 1) / WF_FIT_BLOCK, n_rounds = (n_blocks + n_ranks - 1) / n_ranks;
  double block_seconds = 6e-10 * WF_FIT_BLOCK * fit->n_species * fit->n_param;
  return (n_blocks - n_rounds) * block_seconds > ceil(log2(n_ranks)) * (20e-6 + 8e-9 * fit->n_param);
}
