/* Statistics of an ensemble over all ranks, and their place in the product. All collective. */
#include <string.h>
#include <weightflow/base.h>
#include "stages/simulate_impl.h"

enum { REDUCE_AT_ONCE = 1 << 24 };

PetscErrorCode wf_simulation_gather_statistics(wf_simulation *s)
{
  const MPI_Comm comm  = wf_run_comm(s->run);
  const bool     first = wf_run_rank(s->run) == 0;
  int64_t        n_words, n;
  double        *minimum = wf_statistics_minimum(s->statistics, &n), *maximum = wf_statistics_maximum(s->statistics, &n);
  int64_t       *words = wf_statistics_words(s->statistics, &n_words);

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, minimum, (int)n, MPI_DOUBLE, MPI_MIN, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, maximum, (int)n, MPI_DOUBLE, MPI_MAX, comm));
  wf_statistics_settle(s->statistics);
  for (int64_t begin = 0; begin < n_words; begin += REDUCE_AT_ONCE) {
    int count = (int)(n_words - begin < REDUCE_AT_ONCE ? n_words - begin : REDUCE_AT_ONCE);
    PetscCallMPI(MPI_Reduce(first ? MPI_IN_PLACE : words + begin, words + begin, count, MPI_INT64_T, MPI_SUM, 0, comm));
  }
  if (!first) memset(words, 0, (size_t)n_words * sizeof(*words)); /* rank 0 has them now; extrema and bins' widths stay */
  wf_statistics_settle(s->statistics);
  PetscFunctionReturn(0);
}

/* --- layout: one row of this table a dataset --- */

typedef struct {
  const char *name, *description, *unit, *axes;
  wf_type     type;
  int         rank;
  int64_t     shape[WF_MAX_RANK];
  size_t      place; /* in wf_simulated_places */
} result;

#define PLACE(member) offsetof(wf_simulated_places, member)
enum { MAX_RESULTS = 16 };

static int list_results(const wf_simulation *s, result list[MAX_RESULTS])
{
  const wf_statistics_config *c = &s->output.statistics_config;
  const int64_t               t = c->n_time, n = c->n_counts, m = c->n_values, b = c->n_bins, q = s->output.n_quantiles;
  const result                all[] = {
                     {"mean", "mean count", "molecules", "time,species", WF_TYPE_DOUBLE, 2, {t, n}, PLACE(mean)},
                     {"variance", "sample variance", "molecules^2", "time,species", WF_TYPE_DOUBLE, 2, {t, n}, PLACE(variance)},
                     {"covariance",
                      "sample covariance",
                      "molecules^2",
                      "time,species,species",
                      WF_TYPE_DOUBLE,
                      3,
                      {t, c->covariance ? n : 0, n},
                      PLACE(covariance)},
                     {"minimum", "smallest count", "molecules", "time,species", WF_TYPE_INT32, 2, {t, n}, PLACE(minimum)},
                     {"maximum", "largest count", "molecules", "time,species", WF_TYPE_INT32, 2, {t, n}, PLACE(maximum)},
                     {"quantiles",
                      "smallest count with at least the share of trajectories at or below it; NaN where bins are wider than 1",
                      "molecules",
                      "share,time,species",
                      WF_TYPE_DOUBLE,
                      3,
                      {q, t, n},
                      PLACE(quantiles)},
                     {"bin_width", "width of bins", "molecules", "species", WF_TYPE_INT64, 1, {b ? n : 0}, PLACE(bin_width)},
                     {"histogram",
                      "trajectories with a count from bin * bin_width on",
                      "",
                      "time,species,bin",
                      WF_TYPE_INT64,
                      3,
                      {t, n, b},
                      PLACE(histogram)},
                     {"values/mean", "mean value", "", "time,value", WF_TYPE_DOUBLE, 2, {t, m}, PLACE(value_mean)},
                     {"values/variance", "sample variance", "", "time,value", WF_TYPE_DOUBLE, 2, {t, m}, PLACE(value_variance)},
                     {"values/covariance",
                      "sample covariance",
                      "",
                      "time,value,value",
                      WF_TYPE_DOUBLE,
                      3,
                      {t, c->covariance ? m : 0, m},
                      PLACE(value_covariance)},
                     {"values/minimum", "smallest value", "", "time,value", WF_TYPE_DOUBLE, 2, {t, m}, PLACE(value_minimum)},
                     {"values/maximum", "largest value", "", "time,value", WF_TYPE_DOUBLE, 2, {t, m}, PLACE(value_maximum)},
  };
  int n_list = 0;
  for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
    int64_t size = 1;
    for (int k = 0; k < all[i].rank; k++) size *= all[i].shape[k];
    if (size > 0) list[n_list++] = all[i];
  }
  return n_list;
}

static int *find_place(wf_simulation *s, const result *r) { return (int *)((char *)&s->at + r->place); }

/* Of a new file only: times and shares are known already. */
static PetscErrorCode write_axes(wf_simulation *s)
{
  const wf_dataset times  = {.name        = "/statistics/times",
                             .type        = WF_TYPE_DOUBLE,
                             .rank        = 1,
                             .shape       = {s->model.n_time},
                             .description = "times of the statistics",
                             .unit        = "time",
                             .axes        = "time"};
  const wf_dataset shares = {.name        = "/statistics/shares",
                             .type        = WF_TYPE_DOUBLE,
                             .rank        = 1,
                             .shape       = {s->output.n_quantiles},
                             .description = "shares of the quantiles",
                             .unit        = "",
                             .axes        = "share"};

  PetscFunctionBeginUser;
  PetscCall(wf_file_write(s->file, &times, s->model.times));
  if (s->output.n_quantiles > 0) PetscCall(wf_file_write(s->file, &shares, s->output.quantiles));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_simulation_declare_statistics(wf_simulation *s)
{
  result    list[MAX_RESULTS];
  const int n = list_results(s, list);
  char      name[64];
  bool      there;

  PetscFunctionBeginUser;
  if (!s->output.statistics) PetscFunctionReturn(0);
  PetscCall(wf_file_has(s->file, "/statistics/times", &there));
  if (!there) PetscCall(write_axes(s));
  for (int i = 0; i < n && s->file; i++) {
    snprintf(name, sizeof(name), "/statistics/%s", list[i].name);
    wf_dataset d = {.name        = name,
                    .type        = list[i].type,
                    .rank        = list[i].rank,
                    .description = list[i].description,
                    .unit        = list[i].unit,
                    .axes        = list[i].axes};
    memcpy(d.shape, list[i].shape, sizeof(d.shape));
    PetscCall(wf_file_declare(s->file, &d, find_place(s, &list[i])));
    if (*find_place(s, &list[i]) < 0) PetscCall(wf_file_discard(&s->file));
  }
  PetscFunctionReturn(0);
}

/* --- results --- */

typedef struct {
  double *mean, *variance, *covariance, *quantiles, *value_mean, *value_variance, *value_covariance, *value_minimum, *value_maximum;
  int32_t *minimum, *maximum;
  int64_t *bin_width, *histogram;
} results;

/* Memory for all, in one piece; all numbers have 8 bytes but the extrema of counts, which get as many. */
static char *allot(const wf_simulation *s, results *r)
{
  const wf_statistics_config *c = &s->output.statistics_config;
  const size_t                t = (size_t)c->n_time, n = (size_t)c->n_counts, m = (size_t)c->n_values, b = (size_t)c->n_bins;
  const size_t                square = c->covariance ? 1 : 0, q = (size_t)s->output.n_quantiles;
  const size_t sizes[13]   = {t * n, t * n, square * t * n * n, q * t * n, t * m, t * m, square * t * m * m, t * m, t * m,
                              t * n, t * n, b ? n : 0,          t * n * b};
  void       **members[13] = {
            (void **)&r->mean,          (void **)&r->variance,       (void **)&r->covariance,       (void **)&r->quantiles,
            (void **)&r->value_mean,    (void **)&r->value_variance, (void **)&r->value_covariance, (void **)&r->value_minimum,
            (void **)&r->value_maximum, (void **)&r->minimum,        (void **)&r->maximum,          (void **)&r->bin_width,
            (void **)&r->histogram};
  size_t all = 0;
  for (int i = 0; i < 13; i++) all += sizes[i];
  char *memory = wf_calloc(all, 8), *next = memory;
  for (int i = 0; i < 13 && memory; i++) {
    *members[i] = sizes[i] ? next : NULL;
    next += 8 * sizes[i];
  }
  return memory;
}

static void put_results(wf_simulation *s, const results *r, uint64_t digest[2])
{
  const struct {
    int         index;
    const void *data;
  } all[]          = {{s->at.mean, r->mean},
                      {s->at.variance, r->variance},
                      {s->at.covariance, r->covariance},
                      {s->at.minimum, r->minimum},
                      {s->at.maximum, r->maximum},
                      {s->at.quantiles, r->quantiles},
                      {s->at.bin_width, r->bin_width},
                      {s->at.histogram, r->histogram},
                      {s->at.value_mean, r->value_mean},
                      {s->at.value_variance, r->value_variance},
                      {s->at.value_covariance, r->value_covariance},
                      {s->at.value_minimum, r->value_minimum},
                      {s->at.value_maximum, r->value_maximum}};
  const int n_time = s->model.n_time;
  for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
    int64_t rows = all[i].index == s->at.quantiles   ? s->output.n_quantiles
                   : all[i].index == s->at.bin_width ? s->model.n_counts
                                                     : n_time;
    if (all[i].index >= 0) wf_file_rows_put(s->file, all[i].index, 0, rows, all[i].data, digest);
  }
}

PetscErrorCode wf_simulation_put_statistics(wf_simulation *s, uint64_t digest[2])
{
  const wf_statistics *x = s->statistics;
  results              r;
  char                *memory;

  PetscFunctionBeginUser;
  if (wf_run_rank(s->run) != 0) PetscFunctionReturn(0);
  memory = allot(s, &r);
  PetscCheck(memory, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the statistics");
  wf_statistics_moments_of_counts(x, r.mean, r.variance, r.covariance);
  wf_statistics_moments_of_values(x, r.value_mean, r.value_variance, r.value_covariance);
  wf_statistics_extrema(x, r.minimum, r.maximum, r.value_minimum, r.value_maximum);
  if (r.histogram) wf_statistics_histogram(x, r.bin_width, r.histogram);
  for (int i = 0; i < s->output.n_quantiles && r.quantiles; i++)
    wf_statistics_quantile(x, s->output.quantiles[i],
                           r.quantiles + (size_t)i * (size_t)s->model.n_time * (size_t)s->model.n_counts);
  put_results(s, &r, digest);
  wf_free(memory);
  PetscFunctionReturn(0);
}
