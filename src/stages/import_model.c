/* Stage import, where the file holds a fitted model of the public code besides the ensemble (published.h): its anchors and its flow
   become pretrain/anchors.h5 and train/flow.h5, complete products with their parents, so that predict, evaluate and report go on
   from there and pretrain and train find their work done.

   The run takes the model's own parameters, since a product is complete only under the parameters that it was made with. What the
   file tells is taken from it; the rest are the settings that the model was published with (Li et al. 2026, and the public code).
 */
#include <math.h>
#include <string.h>
#include <weightflow/anchors.h>
#include <weightflow/base.h>
#include <weightflow/published.h>
#include <weightflow/snapshots.h>
#include "stages.h"

enum { CHUNK = 4096, ORIGIN_SIZE = 1024 };

/* ---------------------------------------------------- the model's parameters ----------------------------------------------------
 */

/* The model divides time by the number of samples, so it knows equal steps only. */
static bool are_equal_steps(int n_time, const double *times)
{
  double span = times[n_time - 1] - times[0];
  for (int k = 1; k < n_time; k++)
    if (fabs(times[k] - times[0] - span * k / (n_time - 1)) > 1e-9 * span) return false;
  return true;
}

static void check_model(const wf_anchors *anchors, int n_time, const double *times, char *why, size_t why_size)
{
  if (anchors->n_time != n_time)
    snprintf(why, why_size, "time_length is %d, /trajectories has %d times", anchors->n_time, n_time);
  else if (!are_equal_steps(n_time, times))
    snprintf(why, why_size, "the model's convention of time needs equal steps of data.times");
  else if (anchors->n_obs < 2)
    snprintf(why, why_size, "/seen_times holds fewer than 2 snapshots");
  for (int k = 0; k < anchors->n_obs && !why[0]; k++)
    if (anchors->observed[k] <= (k ? anchors->observed[k - 1] : -1) || anchors->observed[k] >= n_time)
      snprintf(why, why_size, "/seen_times does not increase within 0..%d", n_time - 1);
  if (!why[0] && anchors->observed[0] != 0) snprintf(why, why_size, "/seen_times does not begin at the first sample");
}

static PetscErrorCode read_anchors(wf_file *file, int n_time, const double *times, wf_anchors **anchors, char *why, size_t why_size)
{
  PetscFunctionBeginUser;
  PetscCall(wf_published_read_anchors(file, times[0], (times[n_time - 1] - times[0]) / (n_time - 1), anchors, why, why_size));
  if (!*anchors) PetscFunctionReturn(0);
  check_model(*anchors, n_time, times, why, why_size);
  if (why[0]) PetscCall(wf_anchors_destroy(anchors));
  PetscFunctionReturn(0);
}

/* data.observed stays as the user wrote it where it means the model's snapshots. */
static PetscErrorCode set_observed(const wf_anchors *anchors, int n_time, wf_params *params)
{
  char   why[256];
  int   *indices;
  size_t length = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)n_time, &indices));
  int  n    = wf_indices_parse(params->data.observed, n_time, indices, why, sizeof why);
  bool same = n == anchors->n_obs && !memcmp(indices, anchors->observed, (size_t)n * sizeof *indices);
  for (int k = 0; !same && k < anchors->n_obs && length < sizeof params->data.observed; k++)
    length += (size_t)snprintf(params->data.observed + length, sizeof params->data.observed - length, "%s%d", k ? "," : "",
                               anchors->observed[k]);
  PetscCheck(length < sizeof params->data.observed, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%d snapshots make too long a list",
             anchors->n_obs);
  PetscCall(PetscFree(indices));
  PetscFunctionReturn(0);
}

#define SET_CHOICE(place, value) snprintf(place, sizeof(place), "%s", value)

static void set_parameters(const wf_backbone_config *config, wf_params *p)
{
  p->data.holdout = 0; /* the model was fitted to all trajectories */
  SET_CHOICE(p->pretrain.backbone, config->network);
  SET_CHOICE(p->pretrain.head, config->head);
  SET_CHOICE(p->pretrain.schedule, "constant");
  SET_CHOICE(p->pretrain.aligning, "sequential");
  p->pretrain.levels        = config->n_levels;
  p->pretrain.hidden        = config->hidden;
  p->pretrain.layers        = config->n_layers;
  p->pretrain.epochs_first  = 50;
  p->pretrain.epochs        = 25;
  p->pretrain.batch         = 64;
  p->pretrain.learning_rate = p->pretrain.weight_decay = 0.01;
  SET_CHOICE(p->train.equation, "cde");
  SET_CHOICE(p->train.path, "autoencoder");
  SET_CHOICE(p->train.start, "random");
  SET_CHOICE(p->train.optimiser, "adamw");
  SET_CHOICE(p->train.time_convention, "published");
  p->train.z_dim              = 1;
  p->train.path_steps         = 10000;
  p->train.time_channel       = false;
  p->train.iterations         = 10000;
  p->train.learning_rate      = 1e-3;
  p->train.weight_decay       = 1e-4;
  p->train.dropout            = 0.1;
  p->train.horizon            = 10;
  p->train.energy_weight      = 1e-6;
  p->train.steps_per_interval = 1;
}

static PetscErrorCode tell_changes(wf_run *run, const wf_params *before, const wf_params *after)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  char                then[WF_PARAM_TEXT_SIZE], now[WF_PARAM_TEXT_SIZE];

  PetscFunctionBeginUser;
  for (int i = 0; i < n_rows; i++) {
    wf_params_value_text(before, &rows[i], then, sizeof then);
    wf_params_value_text(after, &rows[i], now, sizeof now);
    if (strcmp(then, now)) PetscCall(wf_run_log(run, "  of the model: %s.%s: %s, not %s", rows[i].group, rows[i].name, now, then));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_import_model_prepare(wf_run *run, wf_file *file, int n_time, const double *times, char *why, size_t why_size)
{
  static wf_params params;
  wf_anchors      *anchors;

  PetscFunctionBeginUser;
  PetscCall(read_anchors(file, n_time, times, &anchors, why, why_size));
  if (!anchors) PetscFunctionReturn(0);
  params = *wf_run_params(run);
  PetscCall(set_observed(anchors, n_time, &params));
  set_parameters(&anchors->config, &params);
  PetscCall(wf_run_log(run, "  the file holds a fitted model too: %d anchors of %d weights, and the flow between them",
                       anchors->n_obs, anchors->n_param));
  PetscCall(tell_changes(run, wf_run_params(run), &params));
  PetscCall(wf_run_adapt(run, &params));
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}

/* ---------------------------------------------------- anchors ---------------------------------------------------- */

/* Mean negative log-likelihood of every snapshot, in nats per trajectory and species; all ranks do the same. */
static PetscErrorCode find_losses(const wf_snapshots *ensemble, wf_anchors *anchors)
{
  wf_backbone      *backbone = wf_backbone_create(&anchors->config);
  wf_backbone_work *work     = backbone ? wf_backbone_work_create(backbone, CHUNK) : NULL;
  size_t            d        = (size_t)ensemble->n_species;

  PetscFunctionBeginUser;
  PetscCheck(work, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the backbone");
  for (int k = 0; k < anchors->n_obs; k++) {
    const int32_t *x   = ensemble->counts + (size_t)anchors->observed[k] * (size_t)ensemble->n_traj * d;
    double         sum = 0, part;
    for (int first = 0; first < ensemble->n_traj; first += CHUNK, sum += part)
      wf_backbone_nll(backbone, anchors->theta + (size_t)k * (size_t)anchors->n_param, PetscMin(CHUNK, ensemble->n_traj - first),
                      x + (size_t)first * d, work, &part, NULL);
    anchors->loss[k] = anchors->loss_history[k] = sum / ((double)ensemble->n_traj * (double)d);
  }
  wf_backbone_work_destroy(&work);
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

/* What the file tells of itself, for the products. */
static PetscErrorCode read_origin(wf_file *file, char *origin)
{
  bool found;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_text(file, "/", "source", origin, ORIGIN_SIZE, &found));
  if (!found) snprintf(origin, ORIGIN_SIZE, "a fitted model of the public code");
  PetscFunctionReturn(0);
}

static PetscErrorCode write_anchors(wf_run *run, int n_time, const double *times, const char *origin, wf_anchors *anchors)
{
  wf_snapshots *ensemble;
  wf_file      *product;
  char          path[PETSC_MAX_PATH_LEN], why[512] = "";

  PetscFunctionBeginUser;
  wf_run_path(run, "simulate", "ensemble.h5", path, sizeof path);
  PetscCall(wf_snapshots_read(wf_run_comm(run), path, 0, NULL, &ensemble, why, sizeof why));
  if (ensemble && ensemble->max_count >= anchors->config.n_levels)
    snprintf(why, sizeof why, "the model knows the counts 0..%d, the ensemble has %d", anchors->config.n_levels - 1,
             ensemble->max_count);
  if (why[0]) {
    PetscCall(wf_snapshots_destroy(&ensemble));
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "import: %s", why));
    PetscFunctionReturn(0);
  }
  anchors->n_train        = ensemble->n_traj;
  anchors->n_epochs       = 1; /* how the fit went is not passed on */
  anchors->loss_history   = wf_calloc((size_t)anchors->n_obs, sizeof *anchors->loss_history);
  anchors->ensemble_times = wf_calloc((size_t)n_time, sizeof *anchors->ensemble_times);
  PetscCheck(anchors->loss_history && anchors->ensemble_times, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the anchors");
  memcpy(anchors->ensemble_times, times, (size_t)n_time * sizeof *times);
  PetscCall(find_losses(ensemble, anchors));
  PetscCall(wf_snapshots_destroy(&ensemble));
  PetscCall(wf_run_product_create(run, "anchors", &product));
  PetscCall(wf_anchors_write(product, anchors));
  PetscCall(wf_file_write_attribute_text(product, "/", "origin", origin));
  PetscCall(wf_run_stage_end(run, &product));
  PetscFunctionReturn(0);
}

/* ---------------------------------------------------- flow ---------------------------------------------------- */

static PetscErrorCode write_flow(wf_run *run, wf_file *file, const char *origin, const wf_anchors *anchors)
{
  wf_flow *flow;
  wf_file *product;
  char     why[512] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_published_read_flow(file, "/phi", anchors, &flow, why, sizeof why));
  if (!flow) {
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "import: %s", why));
    PetscFunctionReturn(0);
  }
  PetscCall(wf_run_log(run, "  flow of %d numbers, in the public code's convention of time", flow->n_phi));
  PetscCall(wf_run_product_create(run, "flow", &product));
  PetscCall(wf_flow_write(flow, product));
  PetscCall(wf_file_write_attribute_text(product, "/", "origin", origin));
  PetscCall(wf_run_stage_end(run, &product));
  PetscCall(wf_flow_destroy(&flow));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_import_model(wf_run *run, wf_file *file, int n_time, const double *times)
{
  wf_anchors *anchors;
  bool        needed;
  char        why[512] = "", origin[ORIGIN_SIZE];

  PetscFunctionBeginUser;
  PetscCall(read_anchors(file, n_time, times, &anchors, why, sizeof why));
  PetscCheck(anchors, wf_run_comm(run), PETSC_ERR_FILE_UNEXPECTED, "%s", why); /* it could be read a moment ago */
  for (int k = 0; k < anchors->n_obs; k++) anchors->times[k] = times[anchors->observed[k]];
  anchors->ensemble_last = times[n_time - 1];
  PetscCall(read_origin(file, origin));
  PetscCall(wf_pretrain_begin(run, &needed));
  if (needed) PetscCall(write_anchors(run, n_time, times, origin, anchors));
  if (!wf_run_exit_code(run)) PetscCall(wf_train_begin(run, &needed));
  if (!wf_run_exit_code(run) && needed) PetscCall(write_flow(run, file, origin, anchors));
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}
