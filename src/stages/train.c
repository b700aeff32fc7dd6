/* Stage train: learn the controlled differential equation that carries the weights through time.

   anchors.h5 (and the training samples of ensemble.h5) -> flow.h5. Control path from the anchors; hypernetwork g_phi; loss over
   windows of snapshots: distance to the anchors, likelihood of samples at and between the snapshots, energy; gradient by the
   adjoint; phi by AdamW or by PETSc TAO. Li et al. 2026, section "Training the dynamics" and equation 9. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/snapshots.h>
#include "stages.h"
#include "train_impl.h"

const char *const TRAIN_HISTORY_COLUMNS[N_HISTORY] = {"iteration", "weight_loss", "nll", "energy", "total"};

/* --- checkpoint --- */

static wf_dataset phi_dataset(const training *t, const char *name, const char *description)
{
  return (wf_dataset){.name        = name,
                      .type        = WF_TYPE_REAL,
                      .rank        = 1,
                      .shape       = {t->flow->n_phi},
                      .description = description,
                      .unit        = "1",
                      .axes        = "phi"};
}

static wf_dataset history_dataset(int64_t n)
{
  return (wf_dataset){.name        = "/history",
                      .type        = WF_TYPE_DOUBLE,
                      .rank        = 2,
                      .shape       = {n, N_HISTORY},
                      .description = "losses while training",
                      .unit        = "1",
                      .axes        = "iteration,column"};
}

PetscErrorCode wf_train_write_checkpoint(training *t)
{
  wf_file   *file;
  wf_dataset m = phi_dataset(t, "/optimiser/m", "AdamW first moments"), v = phi_dataset(t, "/optimiser/v", "AdamW second moments");
  wf_dataset history = history_dataset(t->iteration);

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_create(t->run, t->iteration, &file));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_flow_write(t->flow, file));
  PetscCall(wf_file_write(file, &m, t->m));
  PetscCall(wf_file_write(file, &v, t->v));
  if (t->iteration) PetscCall(wf_file_write(file, &history, t->history));
  PetscCall(wf_run_checkpoint_publish(t->run, &file));
  PetscFunctionReturn(0);
}

/* A new flow, through waypoints where there are targets to fit them to. */
static PetscErrorCode create_flow(training *t, const wf_anchors *anchors)
{
  const wf_params    *params    = wf_run_params(t->run);
  wf_waypoints_config config    = {.iterations    = (int)params->train.waypoints,
                                   .learning_rate = params->train.waypoint_rate,
                                   .roughness     = params->train.roughness};
  wf_waypoints       *waypoints = NULL;
  wf_backbone        *backbone;

  PetscFunctionBeginUser;
  if (t->targets && config.iterations > 0) {
    wf_run_phase(t->run, "waypoints");
    backbone = wf_backbone_create(&anchors->config);
    PetscCheck(backbone, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the backbone");
    PetscCall(wf_waypoints_fit(wf_run_comm(t->run), backbone, t->targets, anchors->n_obs, anchors->theta, &config, &waypoints));
    wf_backbone_destroy(&backbone);
    PetscCall(wf_run_log(t->run, "  %d waypoints, nll %.4f", waypoints->n, waypoints->nll));
  }
  wf_run_phase(t->run, "control path");
  PetscCall(wf_flow_create(wf_run_comm(t->run), params, anchors, anchors->n_time, anchors->ensemble_first, anchors->ensemble_last,
                           waypoints, &t->flow));
  PetscCall(wf_waypoints_destroy(&waypoints));
  PetscFunctionReturn(0);
}

/* Resume from the newest checkpoint that fits, or set up a new flow. */
static PetscErrorCode start_or_resume(training *t, const wf_anchors *anchors)
{
  wf_file *file;
  char     why[512] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_open(t->run, &file, &t->iteration));
  if (file)
    PetscCall(wf_flow_read_from(file, anchors, &t->flow, why, sizeof why));
  else
    PetscCall(create_flow(t, anchors));
  PetscCheck(t->flow, wf_run_comm(t->run), PETSC_ERR_FILE_UNEXPECTED, "checkpoint: %s", why);
  PetscCall(PetscCalloc4((size_t)t->flow->n_phi, &t->gradient, (size_t)t->flow->n_phi, &t->m, (size_t)t->flow->n_phi, &t->v,
                         (size_t)(t->n_iterations + 1) * N_HISTORY, &t->history));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_file_read(file, "/optimiser/m", WF_TYPE_REAL, t->m));
  PetscCall(wf_file_read(file, "/optimiser/v", WF_TYPE_REAL, t->v));
  if (t->iteration) PetscCall(wf_file_read(file, "/history", WF_TYPE_DOUBLE, t->history));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* --- the stage --- */

static PetscErrorCode write_product(training *t)
{
  wf_file   *file;
  wf_dataset history = history_dataset(t->iteration);

  PetscFunctionBeginUser;
  PetscCall(wf_run_product_create(t->run, "flow", &file));
  PetscCall(wf_flow_write(t->flow, file));
  if (t->iteration) PetscCall(wf_file_write(file, &history, t->history));
  PetscCall(wf_file_write_names(file, "/history_columns", N_HISTORY, TRAIN_HISTORY_COLUMNS));
  PetscCall(wf_run_stage_end(t->run, &file));
  PetscFunctionReturn(0);
}

/* The training trajectories at the observed snapshots, [n_obs, n_train, n_species]. */
static PetscErrorCode read_samples(training *t, const wf_anchors *anchors, int *n_train, char *why, size_t why_size)
{
  wf_snapshots *ensemble;
  char          path[PETSC_MAX_PATH_LEN];
  int          *rows, d = anchors->config.n_species;

  PetscFunctionBeginUser;
  wf_run_path(t->run, "simulate", "ensemble.h5", path, sizeof path);
  PetscCall(wf_snapshots_read(wf_run_comm(t->run), path, 0, NULL, &ensemble, why, why_size));
  if (!ensemble) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1((size_t)ensemble->n_traj, &rows));
  wf_snapshots_split(wf_run_seed(t->run), ensemble->n_traj, wf_run_params(t->run)->data.holdout, n_train, rows);
  PetscCall(PetscMalloc1((size_t)anchors->n_obs * *n_train * d, &t->samples));
  for (int k = 0; k < anchors->n_obs; k++)
    for (int i = 0; i < *n_train; i++)
      memcpy(t->samples + ((size_t)k * *n_train + i) * d,
             ensemble->counts + ((size_t)anchors->observed[k] * ensemble->n_traj + rows[i]) * d, (size_t)d * sizeof(int32_t));
  PetscCall(PetscFree(rows));
  PetscCall(wf_snapshots_destroy(&ensemble));
  PetscFunctionReturn(0);
}

static PetscErrorCode make_targets(training *t, const wf_anchors *anchors, char *why, size_t why_size)
{
  const wf_params  *params = wf_run_params(t->run);
  wf_targets_config config = {.kind      = (wf_targets_kind)wf_params_choice("train", "targets", params->train.targets),
                              .n_between = (int)params->train.targets_between,
                              .n_early   = (int)params->train.targets_early,
                              .seed      = (uint64_t)params->run.seed};
  int               n_train;

  PetscFunctionBeginUser;
  wf_run_phase(t->run, "targets");
  PetscCall(read_samples(t, anchors, &n_train, why, why_size));
  if (why[0]) PetscFunctionReturn(0);
  PetscCall(wf_targets_create(wf_run_comm(t->run), &config, anchors->n_obs, anchors->times, n_train, anchors->config.n_species,
                              anchors->config.n_levels, t->samples, &t->targets));
  const double *left_out = wf_targets_left_out_scores(t->targets);
  if (config.kind == WF_TARGETS_AUTO)
    PetscCall(wf_run_log(t->run,
                         "  targets between snapshots: %s; W1 at left-out snapshots: mixture %.4f, displacement %.4f, bridge %.4f",
                         wf_targets_kind_name(wf_targets_get_kind(t->targets)), left_out[0], left_out[1], left_out[2]));
  PetscFunctionReturn(0);
}

static PetscErrorCode learn(training *t, const wf_anchors *anchors, char *why, size_t why_size)
{
  const wf_params  *params  = wf_run_params(t->run);
  int               longest = anchors->n_obs - 1, loss = wf_params_choice("train", "loss", params->train.loss);
  wf_trainer_config config = {.use_weights        = loss != 1,
                              .use_nll            = loss != 0,
                              .energy_weight      = params->train.energy_weight,
                              .steps_per_interval = (int)params->train.steps_per_interval,
                              .dropout            = params->train.dropout,
                              .seed               = (uint64_t)params->run.seed};

  PetscFunctionBeginUser;
  if (params->train.horizon > 0 && params->train.horizon < longest) longest = (int)params->train.horizon;
  if (config.use_nll) PetscCall(make_targets(t, anchors, why, why_size));
  if (why[0]) PetscFunctionReturn(0);
  config.targets = t->targets;
  wf_run_phase(t->run, "control path");
  PetscCall(start_or_resume(t, anchors));
  PetscCall(wf_trainer_create(wf_run_comm(t->run), t->flow, &config, &t->trainer));
  PetscCall(wf_run_log(t->run, "  %d snapshots, %d weights, %d nodes; hypernetwork of %d numbers", t->flow->n_obs, t->flow->n_param,
                       t->flow->graph->n_nodes, t->flow->n_phi));
  if (wf_params_choice("train", "optimiser", params->train.optimiser) == 0)
    PetscCall(wf_train_adamw(t, longest));
  else
    PetscCall(wf_train_tao(t, longest));
  PetscFunctionReturn(0);
}

static PetscErrorCode finish(training *t, const char *why)
{
  PetscFunctionBeginUser;
  if (why[0])
    PetscCall(wf_run_fail(t->run, WF_EXIT_DAMAGED, "%s", why));
  else if (t->diverged)
    PetscCall(wf_run_fail(t->run, WF_EXIT_USER, "train: the loss is not finite at iteration %d: lower train.learning_rate",
                          (int)t->iteration + 1));
  else if (t->stopped)
    PetscCall(wf_run_stop(t->run));
  else
    PetscCall(write_product(t));
  PetscCall(wf_trainer_destroy(&t->trainer));
  PetscCall(wf_targets_destroy(&t->targets));
  PetscCall(wf_flow_destroy(&t->flow));
  PetscCall(PetscFree(t->samples));
  PetscCall(PetscFree4(t->gradient, t->m, t->v, t->history));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_train_begin(wf_run *run, bool *needed)
{
  const char *const parents[] = {"pretrain/anchors.h5", "simulate/ensemble.h5"};

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "train", "flow.h5", 2, parents, "data.holdout train", needed));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_train(wf_run *run)
{
  training    t = {.run = run, .n_iterations = wf_run_params(run)->train.iterations};
  wf_anchors *anchors;
  bool        needed;
  char        path[PETSC_MAX_PATH_LEN], why[1024] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_train_begin(run, &needed));
  if (!needed) PetscFunctionReturn(0);
  wf_run_path(run, "pretrain", "anchors.h5", path, sizeof path);
  PetscCall(wf_anchors_read(wf_run_comm(run), path, &anchors, why, sizeof why));
  if (!anchors)
    PetscCall(wf_run_fail(run, WF_EXIT_DAMAGED, "%s", why));
  else if (anchors->n_obs < 2)
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "data.observed: one snapshot only: there is nothing to learn in time"));
  else {
    PetscCall(learn(&t, anchors, why, sizeof why));
    PetscCall(finish(&t, why));
  }
  PetscCall(wf_anchors_destroy(&anchors));
  PetscFunctionReturn(0);
}
