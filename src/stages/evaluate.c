/* Stage evaluate: score the predicted densities, the baselines that need no hypernetwork and the noise floors against the data.

     simulate/ensemble.h5, pretrain/anchors.h5, predict/prediction.h5  ->  evaluate/metrics.h5, evaluate/metrics.tsv

   Work is dealt by scored snapshot, round robin; each number is made by exactly one rank from keyed random numbers, so the product
   is the same on any number of ranks. A checkpoint holds the snapshots scored so far. Scores: Li et al. 2026, section "Metrics",
   and metrics.h. */
#include <math.h>
#include <string.h>
#include <weightflow/anchors.h>
#include <weightflow/base.h>
#include <weightflow/baselines.h>
#include "evaluate_impl.h"
#include "stages.h"

typedef struct {
  wf_run       *run;
  wf_anchors   *anchors;
  wf_snapshots *train, *data;    /* data == train where nothing is held out */
  int          *observed, *used; /* [n_obs] snapshots of the anchors; intervals in which something is scored */
  scoring       s;
  double       *all; /* [N_METHODS, N_METRICS, n_time, n_repeats] */
} evaluation;

/* --- 1. what is scored against what --- */

static PetscErrorCode read_ensemble(evaluation *e, char *why, size_t why_size)
{
  const wf_params *params = wf_run_params(e->run);
  MPI_Comm         comm   = wf_run_comm(e->run);
  char             path[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  wf_run_path(e->run, "simulate", "ensemble.h5", path, sizeof path);
  PetscCall(wf_snapshots_read(comm, path, 0, NULL, &e->train, why, why_size));
  e->data = e->train;
  if (!e->train) PetscFunctionReturn(0);
  int *rows, n_traj = e->train->n_traj, n_train;
  PetscCall(PetscMalloc1((size_t)n_traj, &rows));
  wf_snapshots_split(wf_run_seed(e->run), n_traj, params->data.holdout, &n_train, rows);
  e->s.held_out = n_train < n_traj;
  if (e->s.held_out) {
    PetscCall(wf_snapshots_destroy(&e->train));
    e->data = NULL;
    PetscCall(wf_snapshots_read(comm, path, n_train, rows, &e->train, why, why_size));
    if (e->train) PetscCall(wf_snapshots_read(comm, path, n_traj - n_train, rows + n_train, &e->data, why, why_size));
  }
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(0);
}

/* Which evaluated snapshots were predicted: those whose time is one of the prediction's. */
static PetscErrorCode match_times(evaluation *e, wf_file *file, int n_predicted, const double *predicted, const int *evaluated,
                                  int n_evaluated)
{
  scoring *s = &e->s;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3((size_t)n_evaluated, &s->scored, (size_t)n_evaluated, &s->times, (size_t)n_evaluated * (size_t)s->n_param,
                         &s->theta));
  for (int k = 0; k < n_evaluated; k++) {
    double t = e->data->times[evaluated[k]];
    for (int i = 0; i < n_predicted; i++)
      if (fabs(predicted[i] - t) <= 1e-9 * fmax(1, fabs(t))) {
        PetscCall(wf_file_read_rows(file, "/theta", WF_TYPE_REAL, i, 1, s->theta + (size_t)s->n_time * (size_t)s->n_param));
        s->scored[s->n_time]  = evaluated[k];
        s->times[s->n_time++] = t;
        break;
      }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode read_prediction(evaluation *e, char *why, size_t why_size)
{
  const wf_params *params = wf_run_params(e->run);
  wf_file         *file;
  char             path[PETSC_MAX_PATH_LEN];
  int              rank, *evaluated, n_evaluated;
  int64_t          shape[WF_MAX_RANK];
  wf_type          type;
  double          *predicted;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)e->data->n_time, &evaluated));
  n_evaluated = wf_indices_parse(params->data.evaluated, e->data->n_time, evaluated, why, why_size);
  wf_run_path(e->run, "predict", "prediction.h5", path, sizeof path);
  file = NULL;
  if (n_evaluated >= 0) PetscCall(wf_file_open(wf_run_comm(e->run), path, "prediction", false, &file, why, why_size));
  if (file) {
    PetscCall(wf_file_shape(file, "/theta", &rank, shape, &type));
    if (rank != 2 || shape[1] != e->s.n_param)
      snprintf(why, why_size, "predict/prediction.h5: /theta has rows of %d numbers, the anchors of %d", (int)shape[1],
               e->s.n_param);
    else {
      PetscCall(PetscMalloc1((size_t)shape[0], &predicted));
      PetscCall(wf_file_read(file, "/times", WF_TYPE_DOUBLE, predicted));
      PetscCall(match_times(e, file, (int)shape[0], predicted, evaluated, n_evaluated));
      PetscCall(PetscFree(predicted));
      if (!e->s.n_time)
        snprintf(why, why_size, "data.evaluated: none of the %d snapshots is among the %d predicted times", n_evaluated,
                 (int)shape[0]);
    }
    PetscCall(wf_file_close(&file));
  }
  PetscCall(PetscFree(evaluated));
  PetscFunctionReturn(0);
}

/* Indices of the anchors' snapshots in the ensemble. */
static PetscErrorCode find_observed(evaluation *e, char *why, size_t why_size)
{
  const wf_anchors *a = e->anchors;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)a->n_obs, &e->observed));
  for (int k = 0; k < a->n_obs; k++) {
    e->observed[k] = -1;
    for (int i = 0; i < e->train->n_time; i++)
      if (fabs(e->train->times[i] - a->times[k]) <= 1e-9 * fmax(1, fabs(a->times[k]))) e->observed[k] = i;
    if (e->observed[k] < 0)
      snprintf(why, why_size, "pretrain/anchors.h5: an anchor stands at time %g, where the ensemble has no snapshot", a->times[k]);
  }
  PetscFunctionReturn(0);
}

/* Everything the scoring reads. A reason in why: what a user can mend. */
static PetscErrorCode read_inputs(evaluation *e, char *why, size_t why_size)
{
  char path[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(read_ensemble(e, why, why_size));
  if (!e->data) PetscFunctionReturn(0);
  wf_run_path(e->run, "pretrain", "anchors.h5", path, sizeof path);
  PetscCall(wf_anchors_read(wf_run_comm(e->run), path, &e->anchors, why, why_size));
  if (!e->anchors) PetscFunctionReturn(0);
  e->s.n_param = e->anchors->n_param;
  PetscCall(find_observed(e, why, why_size));
  if (!why[0] && e->anchors->config.n_species != e->train->n_species)
    snprintf(why, why_size, "pretrain/anchors.h5: made for %d species, the ensemble has %d", e->anchors->config.n_species,
             e->train->n_species);
  if (!why[0]) PetscCall(read_prediction(e, why, why_size));
  PetscFunctionReturn(0);
}

/* --- 2. work space and the couplings of displacement interpolation --- */

static PetscErrorCode prepare_scoring(evaluation *e)
{
  const wf_params  *params = wf_run_params(e->run);
  const wf_anchors *a      = e->anchors;
  scoring          *s      = &e->s;
  int               most   = CHUNK;

  PetscFunctionBeginUser;
  s->seed           = wf_run_seed(e->run);
  s->train          = e->train;
  s->data           = e->data;
  s->n_species      = a->config.n_species;
  s->n_levels       = a->config.n_levels;
  s->n_samples      = (int)params->evaluate.samples;
  s->n_repeats      = (int)params->evaluate.repeats;
  s->n_joint        = (int)params->evaluate.joint_samples;
  s->n_displaced    = PetscMin((int)DISPLACEMENT_MAX, e->train->n_traj);
  s->n_obs          = a->n_obs;
  s->observed       = e->observed;
  s->observed_times = a->times;
  s->anchors        = a->theta;
  s->spline         = wf_baseline_weights_spline_create(a->n_obs, a->n_param, a->times, a->theta);
  s->backbone       = wf_backbone_create(&a->config);
  PetscCheck(s->spline && s->backbone, PETSC_COMM_SELF, PETSC_ERR_MEM, "memory is short");
  s->work = wf_backbone_work_create(s->backbone, CHUNK);
  PetscCheck(s->work, PETSC_COMM_SELF, PETSC_ERR_MEM, "memory is short");
  s->exact   = wf_backbone_marginal_cost(s->backbone) <= (double)params->predict.exact_limit;
  most       = PetscMax(most, PetscMax(s->n_samples, PetscMax(e->train->n_traj, e->data->n_traj)));
  most       = PetscMax(most, s->n_joint);
  size_t row = (size_t)s->n_species, size = row * (size_t)s->n_levels;
  PetscCall(PetscMalloc5((size_t)s->n_param, &s->theta_now, (size_t)s->n_param, &s->scratch, (size_t)most * row, &s->samples,
                         (size_t)most * row, &s->others, (size_t)most, &s->permutation));
  PetscCall(PetscMalloc5(size, &s->p, size, &s->q, size, &s->left, (size_t)s->n_joint * row, &s->cloud_p, (size_t)s->n_joint * row,
                         &s->cloud_q));
  PetscFunctionReturn(0);
}

/* One exact coupling an observed interval in which something is scored, dealt over the ranks. */
static PetscErrorCode couple_snapshots(evaluation *e)
{
  scoring *s = &e->s;
  int      n = s->n_displaced, n_intervals = s->n_obs - 1, turn = 0, *used;
  size_t   row = (size_t)e->train->n_traj * (size_t)s->n_species;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc2((size_t)n_intervals * (size_t)n, &s->partners, (size_t)s->n_obs, &used));
  for (int k = 0; k < s->n_time; k++) {
    int    interval;
    double share;
    wf_baseline_locate(s->n_obs, s->observed_times, s->times[k], &interval, &share);
    used[interval] = 1;
  }
  for (int i = 0; i < n_intervals; i++) {
    if (!used[i] || turn++ % wf_run_size(e->run) != wf_run_rank(e->run)) continue;
    const int32_t *x = e->train->counts + row * (size_t)s->observed[i], *y = e->train->counts + row * (size_t)s->observed[i + 1];
    PetscCheck(wf_baseline_couple(n, s->n_species, x, y, s->partners + (size_t)i * (size_t)n) >= 0, PETSC_COMM_SELF, PETSC_ERR_MEM,
               "memory is short");
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s->partners, n_intervals * n, MPI_INT, MPI_SUM, wf_run_comm(e->run)));
  e->used = used;
  PetscFunctionReturn(0);
}

/* --- 3. scores, snapshot by snapshot --- */

static wf_dataset describe_repeats(const scoring *s)
{
  return (wf_dataset){.name        = "/scores_by_repeat",
                      .type        = WF_TYPE_DOUBLE,
                      .rank        = 4,
                      .shape       = {N_METHODS, N_METRICS, s->n_time, s->n_repeats},
                      .description = "every score; NaN where a method has no such score or repeat",
                      .unit        = "",
                      .axes        = "method,metric,time,repeat"};
}

/* Put the new scores of snapshots first .. first + n - 1 (one a rank, `mine` on this one) into all. Exact: each has one maker. */
static PetscErrorCode gather_scores(evaluation *e, int first, int n, double *mine)
{
  scoring *s     = &e->s;
  size_t   block = (size_t)N_METHODS * N_METRICS * (size_t)s->n_repeats;
  double  *gathered;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(block * (size_t)wf_run_size(e->run), &gathered));
  PetscCallMPI(MPI_Allgather(mine, (PetscMPIInt)block, MPI_DOUBLE, gathered, (PetscMPIInt)block, MPI_DOUBLE, wf_run_comm(e->run)));
  for (int i = 0; i < n; i++)
    for (size_t m = 0; m < (size_t)N_METHODS * N_METRICS; m++)
      memcpy(e->all + (m * (size_t)s->n_time + (size_t)(first + i)) * (size_t)s->n_repeats,
             gathered + block * (size_t)i + m * (size_t)s->n_repeats, (size_t)s->n_repeats * sizeof(double));
  PetscCall(PetscFree(gathered));
  PetscFunctionReturn(0);
}

static PetscErrorCode save_checkpoint(evaluation *e, int done)
{
  wf_file   *file;
  wf_dataset repeats = describe_repeats(&e->s);

  PetscFunctionBeginUser;
  PetscCall(wf_run_checkpoint_create(e->run, done, &file));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_file_write(file, &repeats, e->all));
  PetscCall(wf_run_checkpoint_publish(e->run, &file));
  PetscFunctionReturn(0);
}

static PetscErrorCode score_snapshots(evaluation *e, bool *stopped)
{
  scoring *s    = &e->s;
  int      size = wf_run_size(e->run), rank = wf_run_rank(e->run);
  int64_t  done = 0;
  wf_file *file;
  double  *mine;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)N_METHODS * N_METRICS * (size_t)s->n_repeats, &mine));
  PetscCall(PetscCalloc1((size_t)N_METHODS * N_METRICS * (size_t)s->n_time * (size_t)s->n_repeats, &e->all));
  PetscCall(wf_run_checkpoint_open(e->run, &file, &done));
  if (file) {
    PetscCall(wf_file_read(file, "/scores_by_repeat", WF_TYPE_DOUBLE, e->all));
    PetscCall(wf_file_close(&file));
  } else
    done = 0;
  *stopped = false;
  while (done < s->n_time && !*stopped) {
    wf_pause pause;
    int      n = (int)PetscMin((int64_t)size, s->n_time - done);
    if (rank < n) PetscCall(wf_evaluate_score(s, (int)done + rank, mine));
    PetscCall(gather_scores(e, (int)done, n, mine));
    done += n;
    PetscCall(wf_run_progress(e->run, done, s->n_time, "snapshots scored"));
    PetscCall(wf_run_pause(e->run, &pause));
    *stopped = pause.stop && done < s->n_time;
    if ((pause.checkpoint || *stopped) && done < s->n_time) PetscCall(save_checkpoint(e, (int)done));
  }
  PetscCall(PetscFree(mine));
  PetscFunctionReturn(0);
}

/* --- 4. the product --- */

static PetscErrorCode write_scores_by_time(wf_file *file, const evaluation *e)
{
  const scoring *s = &e->s;
  size_t         n = (size_t)N_METHODS * N_METRICS * (size_t)s->n_time;
  double        *mean, *sd;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &mean, n, &sd));
  for (size_t i = 0; i < n; i++) {
    const double *x   = e->all + i * (size_t)s->n_repeats;
    double        sum = 0, square = 0;
    int           count = 0;
    for (int r = 0; r < s->n_repeats; r++)
      if (!isnan(x[r])) {
        sum += x[r];
        count++;
      }
    mean[i] = count ? sum / count : NAN;
    for (int r = 0; r < s->n_repeats; r++)
      if (!isnan(x[r])) square += (x[r] - mean[i]) * (x[r] - mean[i]);
    sd[i] = count > 1 ? sqrt(square / (count - 1)) : (double)NAN;
  }
  wf_dataset scores  = {.name        = "/scores",
                        .type        = WF_TYPE_DOUBLE,
                        .rank        = 3,
                        .shape       = {N_METHODS, N_METRICS, s->n_time},
                        .description = "mean over repeats; NaN where a method has no such score",
                        .unit        = "",
                        .axes        = "method,metric,time"};
  wf_dataset spread  = scores;
  spread.name        = "/scores_sd";
  spread.description = "standard deviation over repeats";
  PetscCall(wf_file_write(file, &scores, mean));
  PetscCall(wf_file_write(file, &spread, sd));
  PetscCall(PetscFree2(mean, sd));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_summaries(wf_file *file, const evaluation *e)
{
  static double  mean[N_METHODS][N_METRICS][N_RANGES], sd[N_METHODS][N_METRICS][N_RANGES];
  static int32_t n[N_METHODS][N_METRICS][N_RANGES];

  PetscFunctionBeginUser;
  for (int m = 0; m < N_METHODS; m++)
    for (int k = 0; k < N_METRICS; k++)
      for (int r = 0; r < N_RANGES; r++) {
        summary x     = wf_evaluate_summary(&e->s, e->all, (method)m, (metric)k, (range)r);
        mean[m][k][r] = x.n ? x.mean : (double)NAN;
        sd[m][k][r]   = x.n > 1 ? x.sd : (double)NAN;
        n[m][k][r]    = x.n;
      }
  wf_dataset data = {.name        = "/summary/mean",
                     .type        = WF_TYPE_DOUBLE,
                     .rank        = 3,
                     .shape       = {N_METHODS, N_METRICS, N_RANGES},
                     .description = "mean over a range's times and over repeats",
                     .unit        = "",
                     .axes        = "method,metric,range"};
  PetscCall(wf_file_write(file, &data, mean));
  data.name        = "/summary/sd";
  data.description = "standard deviation over repeats of the mean over times";
  PetscCall(wf_file_write(file, &data, sd));
  data.name        = "/summary/n";
  data.description = "number of repeats";
  data.type        = WF_TYPE_INT32;
  PetscCall(wf_file_write(file, &data, n));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_product(evaluation *e, wf_file *file)
{
  const scoring    *s                = &e->s;
  const char *const ranges[N_RANGES] = {"all", "first", "rest"};
  wf_dataset        times            = {.name        = "/times",
                                        .type        = WF_TYPE_DOUBLE,
                                        .rank        = 1,
                                        .shape       = {s->n_time},
                                        .description = "scored times",
                                        .unit        = "time",
                                        .axes        = "time"};
  wf_dataset        index            = {.name        = "/time_index",
                                        .type        = WF_TYPE_INT32,
                                        .rank        = 1,
                                        .shape       = {s->n_time},
                                        .description = "index of the snapshot in the ensemble",
                                        .unit        = "",
                                        .axes        = "time"};
  wf_dataset        repeats          = describe_repeats(s);
  char              text[512];

  PetscFunctionBeginUser;
  wf_evaluate_describe_truth(s, text, sizeof text);
  PetscCall(wf_file_write_attribute_text(file, "/", "truth", text));
  wf_evaluate_describe_floor(s, e->all, text, sizeof text);
  PetscCall(wf_file_write_attribute_text(file, "/", "noise", text));
  PetscCall(wf_file_write_names(file, "/methods", N_METHODS, EVALUATE_METHODS));
  PetscCall(wf_file_write_names(file, "/method_notes", N_METHODS, EVALUATE_METHOD_NOTES));
  PetscCall(wf_file_write_names(file, "/metrics", N_METRICS, EVALUATE_METRICS));
  PetscCall(wf_file_write_names(file, "/ranges", N_RANGES, ranges));
  PetscCall(wf_file_write(file, &times, s->times));
  PetscCall(wf_file_write(file, &index, s->scored));
  PetscCall(write_scores_by_time(file, e));
  PetscCall(wf_file_write(file, &repeats, e->all));
  PetscCall(write_summaries(file, e));
  PetscCall(wf_file_write_attribute_int(file, "/", "held_out", s->held_out ? s->data->n_traj : 0));
  PetscCall(wf_file_write_attribute_int(file, "/", "n_data", s->data->n_traj));
  PetscCall(wf_file_write_attribute_int(file, "/", "n_train", s->train->n_traj));
  PetscCall(wf_file_write_attribute_int(file, "/", "exact_marginals", s->exact));
  PetscFunctionReturn(0);
}

static PetscErrorCode destroy_evaluation(evaluation *e)
{
  scoring *s = &e->s;

  PetscFunctionBeginUser;
  if (e->data == e->train) e->data = NULL;
  PetscCall(wf_snapshots_destroy(&e->train));
  PetscCall(wf_snapshots_destroy(&e->data));
  PetscCall(wf_anchors_destroy(&e->anchors));
  wf_spline_destroy(&s->spline);
  wf_backbone_work_destroy(&s->work);
  wf_backbone_destroy(&s->backbone);
  PetscCall(PetscFree(e->observed));
  PetscCall(PetscFree(e->all));
  PetscCall(PetscFree2(s->partners, e->used));
  PetscCall(PetscFree3(s->scored, s->times, s->theta));
  PetscCall(PetscFree5(s->theta_now, s->scratch, s->samples, s->others, s->permutation));
  PetscCall(PetscFree5(s->p, s->q, s->left, s->cloud_p, s->cloud_q));
  PetscFunctionReturn(0);
}

/* --- the story --- */

static PetscErrorCode score_and_write(evaluation *e)
{
  bool     stopped = false;
  wf_file *product;

  PetscFunctionBeginUser;
  wf_run_phase(e->run, "couplings");
  PetscCall(prepare_scoring(e));
  PetscCall(couple_snapshots(e));
  wf_run_phase(e->run, "scores");
  PetscCall(score_snapshots(e, &stopped));
  if (stopped) {
    PetscCall(wf_run_stop(e->run));
    PetscFunctionReturn(0);
  }
  wf_run_phase(e->run, "write");
  PetscCall(wf_run_product_create(e->run, "metrics", &product));
  PetscCall(write_product(e, product));
  PetscCall(wf_evaluate_write_table(e->run, &e->s, e->all));
  PetscCall(wf_evaluate_log_table(e->run, &e->s, e->all));
  PetscCall(wf_run_stage_end(e->run, &product));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_evaluate(wf_run *run)
{
  const char *const parents[3] = {"simulate/ensemble.h5", "pretrain/anchors.h5", "predict/prediction.h5"};
  evaluation        e          = {.run = run};
  bool              needed;
  char              why[1024] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "evaluate", "metrics.h5", 3, parents, "data evaluate predict", &needed));
  if (!needed) PetscFunctionReturn(0);
  wf_run_phase(run, "read");
  PetscCall(read_inputs(&e, why, sizeof why));
  if (why[0])
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "evaluate: %s", why));
  else
    PetscCall(score_and_write(&e));
  PetscCall(destroy_evaluation(&e));
  PetscFunctionReturn(0);
}
