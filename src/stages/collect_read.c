/* Read the runs that `collect` is to bring together, and find what keeps them apart. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/status.h>
#include "collect_impl.h"

enum { PATH_SIZE = 4096, WHY_SIZE = PATH_SIZE + 512, VALUE_SIZE = 2 * WF_PARAM_TEXT_SIZE + 3 };

static bool is_there(const char *folder, const char *name)
{
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}

/* Why the run has no scores yet that would count; false if it has. */
static bool is_incomplete(const char *folder, char *why, size_t size)
{
  static const char *const states[] = {[WF_STATUS_RUNNING] = "is running",
                                       [WF_STATUS_STOPPED] = "was stopped",
                                       [WF_STATUS_FAILED]  = "failed",
                                       [WF_STATUS_STALE]   = "was killed"};
  wf_status                status;
  char                     reason[WHY_SIZE];
  bool                     told = wf_status_read(folder, &status, reason, sizeof reason);
  if (told && status.state != WF_STATUS_COMPLETE)
    snprintf(why, size, "%s", states[status.state]);
  else if (!is_there(folder, "evaluate/metrics.h5") || !is_there(folder, "evaluate/metrics.tsv"))
    snprintf(why, size, "is not evaluated");
  else
    return false;
  return true;
}

/* The scores were made from the files that are there now, with the seed that used_parameters.yaml has. */
static PetscErrorCode check_parents(wf_file *file, const char *folder, int64_t seed, char *why, size_t why_size)
{
  char    name[64], parent[PATH_SIZE], path[2 * PATH_SIZE], then[WF_DIGEST_SIZE], now[WF_DIGEST_SIZE], reason[WHY_SIZE];
  int64_t n_parents = 0, made_with = -1;
  bool    found;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_int(file, "/provenance", "seed", &made_with, &found));
  if (made_with != seed) snprintf(why, why_size, "its scores are of another seed: evaluate it again");
  PetscCall(wf_file_read_attribute_int(file, "/provenance", "parents", &n_parents, &found));
  for (int i = 0; i < (int)n_parents && !why[0]; i++) {
    wf_file *older;
    snprintf(name, sizeof name, "parent_%d", i);
    PetscCall(wf_file_read_attribute_text(file, "/provenance", name, parent, sizeof parent, &found));
    snprintf(name, sizeof name, "parent_%d_digest", i);
    PetscCall(wf_file_read_attribute_text(file, "/provenance", name, then, sizeof then, &found));
    if (strchr(parent, ':')) continue; /* a file from outside, or a setting */
    snprintf(path, sizeof path, "%s/%s", folder, parent);
    PetscCall(wf_file_open(PETSC_COMM_SELF, path, NULL, false, &older, reason, sizeof reason));
    now[0] = 0;
    if (older) PetscCall(wf_file_read_attribute_text(older, "/", "wf_digest", now, sizeof now, &found));
    PetscCall(wf_file_close(&older));
    if (strcmp(then, now)) snprintf(why, why_size, "%.200s has changed since its scores were made: evaluate it again", parent);
  }
  PetscFunctionReturn(0);
}

/* The program that made the scores, and a reason in why if these cannot be used. */
static PetscErrorCode look_at_metrics(const char *folder, int64_t seed, char *version, size_t size, char *why, size_t why_size)
{
  char     path[PATH_SIZE], program[128] = "", precision[32] = "";
  wf_file *file;
  bool     found;

  PetscFunctionBeginUser;
  snprintf(path, sizeof path, "%s/evaluate/metrics.h5", folder);
  PetscCall(wf_file_open(PETSC_COMM_SELF, path, "metrics", true, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  why[0] = 0;
  PetscCall(wf_file_read_attribute_text(file, "/provenance", "version", program, sizeof program, &found));
  PetscCall(wf_file_read_attribute_text(file, "/provenance", "real", precision, sizeof precision, &found));
  snprintf(version, size, "%s (%s)", program, precision);
  PetscCall(check_parents(file, folder, seed, why, why_size));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static bool is_swept(const collection *c, const wf_param_row *row)
{
  for (int i = 0; i < c->n_swept; i++)
    if (c->swept[i] == row) return true;
  return false;
}

/* What the run has in another way than the first one. Where it runs and how often it is saved does not matter. */
static void compare_with_first(const collection *c, const char *folder, const wf_params *params, const char *version,
                               wf_mistakes *mistakes)
{
  char                here[VALUE_SIZE], there[VALUE_SIZE];
  int                 n_rows;
  const wf_param_row *rows  = wf_params_rows(&n_rows);
  const char         *first = c->runs[0].folder;
  if (strcmp(version, c->version))
    wf_mistakes_add(mistakes, "%s: made by %s, %s by %s: collect them apart, or -collect_force", folder, version, first,
                    c->version);
  for (int i = 0; i < n_rows; i++) {
    if (!rows[i].fixed_on_restart || !strcmp(rows[i].group, "run") || is_swept(c, &rows[i])) continue;
    wf_params_value_text(params, &rows[i], here, sizeof here);
    wf_params_value_text(&c->reference, &rows[i], there, sizeof there);
    if (strcmp(here, there))
      wf_mistakes_add(mistakes, "%s: %s.%s = %.200s: %s has %.200s: collect them apart, or -collect_swept %s.%s, or -collect_force",
                      folder, rows[i].group, rows[i].name, here, first, there, rows[i].group, rows[i].name);
  }
}

/* The group of runs with these swept values; a new one if there is none. */
static int find_group(collection *c, const wf_params *params)
{
  char key[COLLECT_KEY_SIZE] = "", value[VALUE_SIZE];
  for (int i = 0; i < c->n_swept; i++) {
    wf_params_value_text(params, c->swept[i], value, sizeof value);
    snprintf(key + strlen(key), sizeof key - strlen(key), "%s%.200s", i ? "\t" : "", value);
  }
  for (int i = 0; i < c->n_groups; i++)
    if (!strcmp(c->groups[i], key)) return i;
  memcpy(c->groups[c->n_groups], key, sizeof key);
  return c->n_groups++;
}

/* The row with this name and range; a new one if there is none; -1 if there is no room. */
static int find_row(collection *c, const score_row *row)
{
  for (int i = 0; i < c->n_rows; i++)
    if (!strcmp(c->rows[i].method, row->method) && !strcmp(c->rows[i].metric, row->metric) && c->rows[i].from == row->from &&
        c->rows[i].to == row->to)
      return i;
  if (c->n_rows == COLLECT_MAX_ROWS) return -1;
  c->rows[c->n_rows] = *row;
  return c->n_rows++;
}

/* The means of metrics.tsv into values; false if the table is not as it was written. */
static bool read_table(collection *c, const char *folder, double *values)
{
  char      path[PATH_SIZE], line[1024];
  score_row row;
  double    mean;
  bool      sound = true, some = false;
  for (int i = 0; i < COLLECT_MAX_ROWS; i++) values[i] = NAN;
  snprintf(path, sizeof path, "%s/evaluate/metrics.tsv", folder);
  FILE *file = fopen(path, "r");
  while (file && sound && fgets(line, sizeof line, file)) {
    if (*line == '#') continue;
    sound = strchr(line, '\n') && sscanf(line, "%63s %63s %lf %lf %lf", row.method, row.metric, &row.from, &row.to, &mean) == 5;
    int i = sound ? find_row(c, &row) : -1;
    sound = i >= 0;
    if (sound) values[i] = mean;
    some = true;
  }
  if (file) fclose(file);
  return sound && some;
}

static void add_run(collection *c, const char *folder, const wf_params *params, wf_mistakes *mistakes)
{
  int group = find_group(c, params);
  for (int i = 0; i < c->n_runs && !c->params->collect.force; i++)
    if (c->runs[i].seed == params->run.seed && c->runs[i].group == group)
      wf_mistakes_add(mistakes, "%s: run.seed = %lld: %s has the same seed and parameters, and so the same numbers: leave one out",
                      folder, (long long)params->run.seed, c->runs[i].folder);
  if (!read_table(c, folder, c->values + (size_t)c->n_runs * COLLECT_MAX_ROWS))
    wf_mistakes_add(mistakes, "%s/evaluate/metrics.tsv: is no table of scores: evaluate it again", folder);
  c->runs[c->n_runs++] = (collected_run){.folder = folder, .seed = params->run.seed, .group = group};
}

PetscErrorCode wf_collect_read(collection *c, const char *folder, wf_mistakes *mistakes)
{
  static wf_params params;
  char             path[PATH_SIZE], why[WHY_SIZE] = "", version[256] = "";
  int              before = wf_mistakes_count(mistakes);

  PetscFunctionBeginUser;
  snprintf(path, sizeof path, "%s/used_parameters.yaml", folder);
  if (access(path, F_OK)) {
    bool sweep = is_there(folder, "sweep.tsv");
    wf_mistakes_add(mistakes, "%s: no run: it has no used_parameters.yaml%s%s%s", folder,
                    sweep ? "; the runs of this sweep are " : "", sweep ? folder : "", sweep ? "/*seed_*" : "");
    PetscFunctionReturn(0);
  }
  wf_params_read(&params, path, 0, NULL, mistakes);
  if (is_incomplete(folder, why, sizeof why)) {
    snprintf(c->left_out[c->n_left_out++], COLLECT_KEY_SIZE, "%.300s %.100s", folder, why);
    PetscFunctionReturn(0);
  }
  PetscCall(look_at_metrics(folder, params.run.seed, version, sizeof version, why, sizeof why));
  if (why[0]) wf_mistakes_add(mistakes, "%s: %s", folder, why);
  if (wf_mistakes_count(mistakes) > before) PetscFunctionReturn(0);
  if (c->n_runs == 0) {
    c->reference = params;
    snprintf(c->version, sizeof c->version, "%s", version);
  } else if (!c->params->collect.force)
    compare_with_first(c, folder, &params, version, mistakes);
  if (wf_mistakes_count(mistakes) == before) add_run(c, folder, &params, mistakes);
  PetscFunctionReturn(0);
}

int wf_collect_summary(const collection *c, int group, int row, double result[4])
{
  double sum = 0, square = 0, low = INFINITY, high = -INFINITY;
  int    n = 0;
  for (int pass = 0; pass < 2; pass++) /* the mean, and then what is left about it: no cancellation */
    for (int i = 0; i < c->n_runs; i++) {
      double value = c->values[(size_t)i * COLLECT_MAX_ROWS + (size_t)row];
      if (c->runs[i].group != group || isnan(value)) continue;
      if (pass == 0) {
        sum += value;
        low  = fmin(low, value);
        high = fmax(high, value);
        n++;
      } else
        square += (value - sum / n) * (value - sum / n);
    }
  result[0] = n ? sum / n : NAN;
  result[1] = n > 1 ? sqrt(square / (n - 1)) : NAN;
  result[2] = n ? low : NAN;
  result[3] = n ? high : NAN;
  return n;
}
