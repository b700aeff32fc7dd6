/* Stage predict: the weights, and so the density, at any times.

   anchors.h5 + flow.h5 -> prediction.h5: theta(t) from one integration; per-species marginals (exact where the tree of states is
   small enough, else from samples), moments, tail probabilities, samples, and log-densities of given states. Times are dealt over
   ranks in blocks. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <weightflow/anchors.h>
#include <weightflow/base.h>
#include <weightflow/flow.h>
#include <weightflow/metrics.h>
#include <weightflow/run.h>
#include <weightflow/states.h>
#include "stages.h"

enum { MAX_TAILS = 64, BLOCK = 1024, MARGINAL_SAMPLES = 100000 };

typedef struct {
  wf_run           *run;
  const wf_flow    *flow;
  wf_backbone_work *work;
  int               n_times, first, count; /* this rank's times: first .. first + count - 1 */
  int               n_species, n_levels, n_samples, n_tails, n_states;
  double           *times, *theta;         /* all: [n_times], [n_times, n_param] */
  wf_real          *theta_real;            /* the same in wf_real */
  int               tails[MAX_TAILS];
  int32_t          *states;                /* [n_states, n_species] */
  double           *marginals, *moments, *tail_probability, *log_density; /* this rank's */
  int32_t          *samples;
  bool              exact;
} prediction;

/* --- densities at one time --- */

static PetscErrorCode marginals_by_samples(prediction *p, int i_time, double *marginals)
{
  int      d = p->n_species, n = MARGINAL_SAMPLES;
  int32_t *x;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)n * d, &x));
  wf_backbone_sample(p->flow->backbone, p->theta_real + (size_t)i_time * p->flow->n_param, n, wf_run_seed(p->run), WF_RANDOM_SAMPLE,
                     ((uint64_t)1 << 62) + (uint64_t)i_time * MARGINAL_SAMPLES, p->work, x);
  wf_metric_marginals(n, d, p->n_levels, x, marginals);
  PetscCall(PetscFree(x));
  PetscFunctionReturn(0);
}

/* P(x_i >= c) for each species and threshold, [n_species, n_tails]. */
static void sum_tails(const prediction *p, const double *marginals, double *tail)
{
  for (int s = 0; s < p->n_species; s++)
    for (int i = 0; i < p->n_tails; i++) {
      double sum = 0;
      for (int c = p->n_levels - 1; c >= p->tails[i] && c >= 0; c--) sum += marginals[s * p->n_levels + c];
      tail[s * p->n_tails + i] = p->tails[i] <= 0 ? 1 : sum;
    }
}

static PetscErrorCode describe_density(prediction *p, int local)
{
  int            i_time = p->first + local, d = p->n_species;
  const wf_real *theta     = p->theta_real + (size_t)i_time * p->flow->n_param;
  double        *marginals = p->marginals + (size_t)local * d * p->n_levels;

  PetscFunctionBeginUser;
  if (p->exact)
    PetscCheck(wf_backbone_marginals(p->flow->backbone, theta, 0, p->work, marginals), PETSC_COMM_SELF, PETSC_ERR_MEM,
               "no memory for marginals");
  else PetscCall(marginals_by_samples(p, i_time, marginals));
  wf_metric_moments(d, p->n_levels, marginals, p->moments + (size_t)local * d * 4);
  sum_tails(p, marginals, p->tail_probability + (size_t)local * d * p->n_tails);
  wf_backbone_sample(p->flow->backbone, theta, p->n_samples, wf_run_seed(p->run), WF_RANDOM_SAMPLE, (uint64_t)i_time << 32, p->work,
                     p->samples + (size_t)local * p->n_samples * d);
  wf_backbone_log_density(p->flow->backbone, theta, p->n_states, p->states, p->work, p->log_density + (size_t)local * p->n_states);
  PetscFunctionReturn(0);
}

/* --- input --- */

static PetscErrorCode read_times(prediction *p, const wf_anchors *anchors, char *why, size_t why_size)
{
  const wf_params *params = wf_run_params(p->run);
  double           first  = anchors->times[0];

  PetscFunctionBeginUser;
  if (!strcmp(params->predict.times, "all")) {
    PetscCall(PetscMalloc1((size_t)anchors->n_time, &p->times));
    for (int k = 0; k < anchors->n_time; k++)
      if (anchors->ensemble_times[k] >= first) p->times[p->n_times++] = anchors->ensemble_times[k];
    PetscFunctionReturn(0);
  }
  p->n_times = wf_numbers_parse(params->predict.times, INT_MAX, NULL, why, why_size);
  if (p->n_times < 0) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1((size_t)p->n_times, &p->times));
  wf_numbers_parse(params->predict.times, p->n_times, p->times, why, why_size);
  if (p->times[0] < first) snprintf(why, why_size, "predict.times: %g is before the first snapshot at %g", p->times[0], first);
  for (int i = 1; i < p->n_times; i++)
    if (!(p->times[i] > p->times[i - 1]))
      snprintf(why, why_size, "predict.times: %g does not rise above %g", p->times[i], p->times[i - 1]);
  PetscFunctionReturn(0);
}

static PetscErrorCode read_tails(prediction *p, char *why, size_t why_size)
{
  const char *text = wf_run_params(p->run)->predict.tails;
  double      values[MAX_TAILS];

  PetscFunctionBeginUser;
  if (!text[0]) PetscFunctionReturn(0);
  p->n_tails = wf_numbers_parse(text, MAX_TAILS, values, why, why_size);
  for (int i = 0; i < p->n_tails; i++) p->tails[i] = (int)ceil(values[i]);
  PetscFunctionReturn(0);
}

static PetscErrorCode read_states(prediction *p, char *why, size_t why_size)
{
  const char *path = wf_run_params(p->run)->predict.states;

  PetscFunctionBeginUser;
  if (path[0]) PetscCall(wf_states_read(wf_run_comm(p->run), path, p->n_species, &p->n_states, &p->states, why, why_size));
  PetscFunctionReturn(0);
}

/* --- output --- */

static PetscErrorCode write_rows(wf_file *file, const prediction *p, wf_dataset dataset, const void *rows)
{
  PetscFunctionBeginUser;
  for (int i = 0; i < dataset.rank; i++)
    if (!dataset.shape[i]) PetscFunctionReturn(0);
  PetscCall(wf_file_write_rows(file, &dataset, p->first, p->count, rows));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_product(prediction *p)
{
  wf_file *file;
  int64_t  nt = p->n_times, d = p->n_species;

  PetscFunctionBeginUser;
  PetscCall(wf_run_product_create(p->run, "prediction", &file));
  wf_dataset times = {.name = "/times",
                      .type = WF_TYPE_DOUBLE,
                      .rank = 1,
                      .shape = {nt},
                      .description = "predicted times",
                      .unit = "time",
                      .axes = "time"};
  PetscCall(wf_file_write(file, &times, p->times));
  PetscCall(write_rows(file, p,
                       (wf_dataset){.name = "/theta", .type = WF_TYPE_REAL, .rank = 2, .shape = {nt, p->flow->n_param},
                                    .description = "weights of the density", .unit = "1", .axes = "time,weight"},
                       p->theta_real + (size_t)p->first * p->flow->n_param));
  PetscCall(write_rows(file, p,
                       (wf_dataset){.name = "/marginals",
                                    .type = WF_TYPE_DOUBLE,
                                    .rank = 3,
                                    .shape = {nt, d, p->n_levels},
                                    .description = p->exact ? "P(x_i = c), exact" : "P(x_i = c), from samples",
                                    .unit = "1",
                                    .axes = "time,species,count"},
                       p->marginals));
  PetscCall(write_rows(file, p,
                       (wf_dataset){.name = "/moments",
                                    .type = WF_TYPE_DOUBLE,
                                    .rank = 3,
                                    .shape = {nt, d, 4},
                                    .description = "mean, variance, skewness, excess kurtosis",
                                    .unit = "counts",
                                    .axes = "time,species,moment"},
                       p->moments));
  PetscCall(write_rows(file, p,
                       (wf_dataset){.name = "/samples", .type = WF_TYPE_INT32, .rank = 3, .shape = {nt, p->n_samples, d},
                                    .description = "samples of the density", .unit = "counts", .axes = "time,sample,species"},
                       p->samples));
  PetscCall(write_rows(file, p,
                       (wf_dataset){.name = "/tails", .type = WF_TYPE_DOUBLE, .rank = 3, .shape = {nt, d, p->n_tails},
                                    .description = "P(x_i >= threshold)", .unit = "1", .axes = "time,species,threshold"},
                       p->tail_probability));
  PetscCall(write_rows(file, p,
                       (wf_dataset){.name = "/log_density", .type = WF_TYPE_DOUBLE, .rank = 2, .shape = {nt, p->n_states},
                                    .description = "log p(x, t) of the given states", .unit = "nat", .axes = "time,state"},
                       p->log_density));
  if (p->n_tails) {
    wf_dataset thresholds = {.name = "/tail_thresholds",
                             .type = WF_TYPE_INT32,
                             .rank = 1,
                             .shape = {p->n_tails},
                             .description = "thresholds of /tails",
                             .unit = "counts",
                             .axes = "threshold"};
    PetscCall(wf_file_write(file, &thresholds, p->tails));
  }
  PetscCall(wf_run_stage_end(p->run, &file));
  PetscFunctionReturn(0);
}

/* --- the stage --- */

static PetscErrorCode integrate(prediction *p, wf_flow *flow)
{
  size_t n = (size_t)p->n_times * flow->n_param;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &p->theta, n, &p->theta_real));
  if (wf_run_rank(p->run) == 0)
    PetscCall(wf_flow_predict(flow, p->n_times, p->times, (int)wf_run_params(p->run)->predict.steps_per_interval, p->theta));
  PetscCallMPI(MPI_Bcast(p->theta, (int)n, MPI_DOUBLE, 0, wf_run_comm(p->run)));
  for (size_t i = 0; i < n; i++) p->theta_real[i] = (wf_real)p->theta[i];
  PetscFunctionReturn(0);
}

static PetscErrorCode predict_densities(prediction *p)
{
  const wf_backbone_config *config = wf_backbone_get_config(p->flow->backbone);
  const wf_params          *params = wf_run_params(p->run);
  int                       size = wf_run_size(p->run), rank = wf_run_rank(p->run);
  size_t                    n, d;

  PetscFunctionBeginUser;
  p->n_species = config->n_species;
  p->n_levels  = config->n_levels;
  p->n_samples = (int)params->predict.samples;
  p->exact     = wf_backbone_marginal_cost(p->flow->backbone) <= (double)params->predict.exact_limit;
  p->first     = (int)((int64_t)p->n_times * rank / size);
  p->count     = (int)((int64_t)p->n_times * (rank + 1) / size) - p->first;
  p->work      = wf_backbone_work_create(p->flow->backbone, BLOCK);
  PetscCheck(p->work, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the backbone's work space");
  n = (size_t)p->count;
  d = (size_t)p->n_species;
  PetscCall(PetscMalloc5(n * d * p->n_levels, &p->marginals, n * d * 4, &p->moments, n * d * p->n_tails, &p->tail_probability,
                         n * p->n_states, &p->log_density, n * d * p->n_samples, &p->samples));
  for (int i = 0; i < p->count; i++) PetscCall(describe_density(p, i));
  wf_backbone_work_destroy(&p->work);
  PetscFunctionReturn(0);
}

static PetscErrorCode predict(wf_run *run, const wf_anchors *anchors, wf_flow *flow)
{
  prediction p        = {.run = run, .flow = flow, .n_species = anchors->config.n_species};
  char       why[512] = "";

  PetscFunctionBeginUser;
  PetscCall(read_times(&p, anchors, why, sizeof why));
  if (!why[0]) PetscCall(read_tails(&p, why, sizeof why));
  if (!why[0]) PetscCall(read_states(&p, why, sizeof why));
  if (why[0]) PetscCall(wf_run_fail(run, WF_EXIT_USER, "%s", why));
  else {
    wf_run_phase(run, "integrate");
    PetscCall(integrate(&p, flow));
    wf_run_phase(run, "densities");
    PetscCall(predict_densities(&p));
    PetscCall(wf_run_log(run, "  theta(t) at %d times; marginals %s", p.n_times, p.exact ? "exact" : "from 100000 samples"));
    PetscCall(write_product(&p));
    PetscCall(PetscFree2(p.theta, p.theta_real));
    PetscCall(PetscFree5(p.marginals, p.moments, p.tail_probability, p.log_density, p.samples));
  }
  PetscCall(PetscFree(p.times));
  PetscCall(PetscFree(p.states));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_predict(wf_run *run)
{
  const char *const parents[] = {"pretrain/anchors.h5", "train/flow.h5"};
  wf_anchors       *anchors;
  wf_flow          *flow = NULL;
  bool              needed;
  char              path[PETSC_MAX_PATH_LEN], why[512] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "predict", "prediction.h5", 2, parents, "predict", &needed));
  if (!needed) PetscFunctionReturn(0);
  wf_run_path(run, "pretrain", "anchors.h5", path, sizeof path);
  PetscCall(wf_anchors_read(wf_run_comm(run), path, &anchors, why, sizeof why));
  wf_run_path(run, "train", "flow.h5", path, sizeof path);
  if (anchors) PetscCall(wf_flow_read(wf_run_comm(run), path, anchors, &flow, why, sizeof why));
  if (!flow) PetscCall(wf_run_fail(run, WF_EXIT_DAMAGED, "%s", why));
  else PetscCall(predict(run, anchors, flow));
  PetscCall(wf_flow_destroy(&flow));
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}
