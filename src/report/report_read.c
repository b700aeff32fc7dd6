/* What the report shows, read from the files of the run folder. Collective. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "report_impl.h"

static PetscErrorCode open_product(wf_report *r, const char *stage, const char *name, const char *kind, wf_file **file, char *why,
                                   size_t why_size)
{
  char path[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  wf_run_path(r->run, stage, name, path, sizeof path);
  PetscCall(wf_file_open(wf_run_comm(r->run), path, kind, false, file, why, why_size));
  PetscFunctionReturn(0);
}

/* An attribute of /provenance, or of the root; empty where it is missing. */
static PetscErrorCode read_text(wf_file *file, const char *object, const char *name, char *text, size_t size)
{
  bool found;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_text(file, object, name, text, size, &found));
  if (!found) text[0] = 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode read_provenance(wf_report *r, wf_file *file, int place, const char *path)
{
  wf_report_product *product = &r->products[place];
  bool               found;

  PetscFunctionBeginUser;
  snprintf(product->path, sizeof product->path, "%s", path);
  PetscCall(read_text(file, "/", "wf_digest", product->digest, sizeof product->digest));
  PetscCall(read_text(file, "/provenance", "date", product->date, sizeof product->date));
  PetscCall(read_text(file, "/provenance", "command_line", product->command, sizeof product->command));
  PetscCall(wf_file_read_attribute_int(file, "/provenance", "ranks", &product->ranks, &found));
  if (!found) product->ranks = 0;
  PetscFunctionReturn(0);
}

/* The same for a product that another reader opens. */
static PetscErrorCode read_provenance_of(wf_report *r, int place, const char *stage, const char *name, char *why, size_t why_size)
{
  char     path[64];
  wf_file *file;

  PetscFunctionBeginUser;
  PetscCall(open_product(r, stage, name, NULL, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  snprintf(path, sizeof path, "%.20s/%.30s", stage, name);
  PetscCall(read_provenance(r, file, place, path));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* All of a dataset as `type`, with its shape. Freed with PetscFree. */
static PetscErrorCode read_all(wf_file *file, const char *name, wf_type type, size_t item, int64_t *shape, void *data)
{
  int     rank;
  wf_type stored;
  size_t  size = item;

  PetscFunctionBeginUser;
  PetscCall(wf_file_shape(file, name, &rank, shape, &stored));
  for (int i = 0; i < rank; i++) size *= (size_t)shape[i];
  PetscCall(PetscMalloc(size, (void **)data));
  PetscCall(wf_file_read(file, name, type, *(void **)data));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_ensemble(wf_report *r, char *why, size_t why_size)
{
  const wf_params *params = wf_run_params(r->run);
  char             path[PETSC_MAX_PATH_LEN];
  int             *rows, n_train;

  PetscFunctionBeginUser;
  wf_run_path(r->run, "simulate", "ensemble.h5", path, sizeof path);
  PetscCall(wf_snapshots_read(wf_run_comm(r->run), path, 0, NULL, &r->data, why, why_size));
  if (!r->data) PetscFunctionReturn(0);
  int n_traj = r->data->n_traj;
  PetscCall(PetscMalloc1((size_t)n_traj, &rows));
  wf_snapshots_split(wf_run_seed(r->run), n_traj, params->data.holdout, &n_train, rows);
  r->held_out = n_train < n_traj;
  if (r->held_out) {
    PetscCall(wf_snapshots_destroy(&r->data));
    PetscCall(wf_snapshots_read(wf_run_comm(r->run), path, n_traj - n_train, rows + n_train, &r->data, why, why_size));
  }
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_anchors(wf_report *r, char *why, size_t why_size)
{
  char path[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  wf_run_path(r->run, "pretrain", "anchors.h5", path, sizeof path);
  PetscCall(wf_anchors_read(wf_run_comm(r->run), path, &r->anchors, why, why_size));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_prediction(wf_report *r, char *why, size_t why_size)
{
  wf_file *file;
  int64_t  shape[WF_MAX_RANK];

  PetscFunctionBeginUser;
  PetscCall(open_product(r, "predict", "prediction.h5", "prediction", &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  PetscCall(read_provenance(r, file, 3, "predict/prediction.h5"));
  PetscCall(read_all(file, "/theta", WF_TYPE_REAL, sizeof(wf_real), shape, &r->theta));
  PetscCall(read_all(file, "/times", WF_TYPE_DOUBLE, sizeof(double), shape, &r->predicted_times));
  PetscCall(read_all(file, "/marginals", WF_TYPE_DOUBLE, sizeof(double), shape, &r->marginals));
  r->n_predicted = (int)shape[0];
  r->n_levels    = (int)shape[2];
  if (shape[1] != r->data->n_species)
    snprintf(why, why_size, "predict/prediction.h5 is of %d species, the ensemble of %d", (int)shape[1], r->data->n_species);
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_metrics(wf_report *r, char *why, size_t why_size)
{
  wf_file *file;
  int64_t  shape[WF_MAX_RANK];

  PetscFunctionBeginUser;
  PetscCall(open_product(r, "evaluate", "metrics.h5", "metrics", &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  char real[16];
  PetscCall(read_provenance(r, file, 4, "evaluate/metrics.h5"));
  PetscCall(read_text(file, "/", "truth", r->truth, sizeof r->truth));
  PetscCall(read_text(file, "/", "noise", r->noise, sizeof r->noise));
  PetscCall(read_text(file, "/provenance", "version", r->version, sizeof r->version));
  PetscCall(read_text(file, "/provenance", "real", real, sizeof real));
  snprintf(r->version + strlen(r->version), sizeof r->version - strlen(r->version), ", %.10s", real);
  PetscCall(wf_file_read_names(file, "/methods", &r->n_methods, &r->methods));
  PetscCall(wf_file_read_names(file, "/method_notes", &r->n_methods, &r->notes));
  PetscCall(wf_file_read_names(file, "/metrics", &r->n_metrics, &r->metrics));
  PetscCall(wf_file_read_names(file, "/ranges", &r->n_ranges, &r->ranges));
  PetscCall(read_all(file, "/times", WF_TYPE_DOUBLE, sizeof(double), shape, &r->score_times));
  r->n_scored = (int)shape[0];
  PetscCall(read_all(file, "/scores", WF_TYPE_DOUBLE, sizeof(double), shape, &r->scores));
  PetscCall(read_all(file, "/summary/mean", WF_TYPE_DOUBLE, sizeof(double), shape, &r->summary_mean));
  PetscCall(read_all(file, "/summary/sd", WF_TYPE_DOUBLE, sizeof(double), shape, &r->summary_sd));
  PetscCall(read_all(file, "/summary/n", WF_TYPE_INT32, sizeof(int32_t), shape, &r->summary_n));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_flow(wf_report *r, char *why, size_t why_size)
{
  wf_file *file;
  int64_t  shape[WF_MAX_RANK], n_clocks = 0;
  bool     has;

  PetscFunctionBeginUser;
  PetscCall(open_product(r, "train", "flow.h5", NULL, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  PetscCall(read_provenance(r, file, 2, "train/flow.h5"));
  PetscCall(wf_file_read_attribute_text(file, "/", "origin", r->origin, sizeof r->origin, &has));
  if (!has) r->origin[0] = 0;
  PetscCall(wf_file_has(file, "/path/value", &has));
  if (has) {
    PetscCall(wf_file_read_attribute_int(file, "/path", "clocks", &n_clocks, &has));
    r->n_clocks = has ? (int)n_clocks : 0;
    PetscCall(read_all(file, "/path/times", WF_TYPE_DOUBLE, sizeof(double), shape, &r->path_times));
    PetscCall(read_all(file, "/path/value", WF_TYPE_DOUBLE, sizeof(double), shape, &r->path_value));
    r->n_fine    = (int)shape[0];
    r->n_control = (int)shape[1];
  }
  PetscCall(wf_file_has(file, "/history", &has));
  if (has) {
    PetscCall(read_all(file, "/history", WF_TYPE_DOUBLE, sizeof(double), shape, &r->history));
    r->n_history = (int)shape[0];
    PetscCall(wf_file_read_names(file, "/history_columns", &r->n_columns, &r->columns));
    if (r->n_columns != shape[1]) r->n_history = 0;
  }
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_report_read(wf_run *run, wf_report **report, char *why, size_t why_size)
{
  wf_report *r;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&r));
  r->run = run;
  why[0] = 0;
  PetscCall(read_ensemble(r, why, why_size));
  if (!why[0]) PetscCall(read_provenance_of(r, 0, "simulate", "ensemble.h5", why, why_size));
  if (!why[0]) PetscCall(read_anchors(r, why, why_size));
  if (!why[0]) PetscCall(read_provenance_of(r, 1, "pretrain", "anchors.h5", why, why_size));
  if (!why[0]) PetscCall(read_prediction(r, why, why_size));
  if (!why[0]) PetscCall(read_metrics(r, why, why_size));
  if (!why[0]) PetscCall(read_flow(r, why, why_size));
  if (why[0]) PetscCall(wf_report_destroy(&r));
  *report = r;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_report_destroy(wf_report **report)
{
  wf_report *r = *report;

  PetscFunctionBeginUser;
  if (!r) PetscFunctionReturn(0);
  PetscCall(wf_snapshots_destroy(&r->data));
  PetscCall(wf_anchors_destroy(&r->anchors));
  wf_free(r->methods);
  wf_free(r->notes);
  wf_free(r->metrics);
  wf_free(r->ranges);
  wf_free(r->columns);
  PetscCall(PetscFree(r->predicted_times));
  PetscCall(PetscFree(r->marginals));
  PetscCall(PetscFree(r->theta));
  PetscCall(PetscFree(r->scores));
  PetscCall(PetscFree(r->score_times));
  PetscCall(PetscFree(r->summary_mean));
  PetscCall(PetscFree(r->summary_sd));
  PetscCall(PetscFree(r->summary_n));
  PetscCall(PetscFree(r->path_times));
  PetscCall(PetscFree(r->path_value));
  PetscCall(PetscFree(r->history));
  PetscCall(PetscFree(*report));
  PetscFunctionReturn(0);
}

bool wf_report_summary(const wf_report *report, const char *method, const char *metric, const char *range, double *mean, double *sd,
                       int *n)
{
  for (int m = 0; m < report->n_methods; m++)
    for (int k = 0; k < report->n_metrics; k++)
      for (int r = 0; r < report->n_ranges; r++) {
        if (strcmp(report->methods[m], method) || strcmp(report->metrics[k], metric) || strcmp(report->ranges[r], range)) continue;
        size_t i = ((size_t)m * (size_t)report->n_metrics + (size_t)k) * (size_t)report->n_ranges + (size_t)r;
        *mean    = report->summary_mean[i];
        *sd      = report->summary_sd[i];
        *n       = report->summary_n[i];
        return *n > 0;
      }
  return false;
}
