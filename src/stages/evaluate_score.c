/* The scores of all methods at one snapshot, see evaluate_impl.h. No MPI, no files.

   Random numbers: purpose WF_RANDOM_METRIC, item = use * 2^62 + repeat * 2^48 + snapshot * 2^28 + sample, so that they are keyed by
   what is drawn; repeats beyond 2^14 share numbers with a neighbouring use. All weight-space methods draw with the same numbers:
   their differences are then known better than their values. */
#include <math.h>
#include <string.h>
#include <weightflow/baselines.h>
#include <weightflow/metrics.h>
#include <weightflow/random.h>
#include "evaluate_impl.h"

enum { USE_SAMPLE, USE_ROWS, USE_RESAMPLE, USE_JOINT };

static uint64_t random_item(int use, int repeat, int i_time)
{
  return ((uint64_t)use << 62) + ((uint64_t)repeat << 48) + ((uint64_t)i_time << 28);
}

static const int32_t *rows_at(const wf_snapshots *snapshots, int i_time)
{
  return snapshots->counts + (size_t)i_time * (size_t)snapshots->n_traj * (size_t)snapshots->n_species;
}

static double *score_at(const scoring *s, double *scores, method i_method, metric i_metric, int repeat)
{
  return scores + ((size_t)i_method * N_METRICS + (size_t)i_metric) * (size_t)s->n_repeats + (size_t)repeat;
}

/* All that marginals can tell. */
static void score_marginals(const scoring *s, const double *p, const double *q, method i_method, int repeat, double *scores)
{
  int    d = s->n_species, levels = s->n_levels;
  double errors[4];
  *score_at(s, scores, i_method, METRIC_W1, repeat)      = wf_metric_marginal_w(1, d, levels, p, q);
  *score_at(s, scores, i_method, METRIC_W2, repeat)      = wf_metric_marginal_w(2, d, levels, p, q);
  *score_at(s, scores, i_method, METRIC_JSD, repeat)     = wf_metric_jsd(d, levels, p, q);
  *score_at(s, scores, i_method, METRIC_COUNT_W, repeat) = wf_metric_count_w(d, levels, p, q);
  wf_metric_moment_errors(d, levels, p, q, errors);
  for (int k = 0; k < 4; k++) *score_at(s, scores, i_method, (metric)(METRIC_MEAN_ERROR + k), repeat) = errors[k];
}

static void take_points(int n, int n_species, const int32_t *rows, const int *which, double *points)
{
  for (int i = 0; i < n; i++)
    for (int k = 0; k < n_species; k++)
      points[(size_t)i * (size_t)n_species + (size_t)k] = rows[(size_t)(which ? which[i] : i) * (size_t)n_species + (size_t)k];
}

/* The joint distance of n rows of a method from the data's, n_joint points a side; the data's points depend on snapshot and repeat
   only. x must be exchangeable (its first rows are taken). */
static void score_joint(const scoring *s, int i_time, int n, const int32_t *x, int n_data, const int32_t *data, method i_method,
                        int repeat, double *scores)
{
  int m = s->n_joint < n ? s->n_joint : n;
  if (repeat >= JOINT_REPEATS) return;
  if (m > n_data) m = n_data;
  wf_random_permutation(s->seed, WF_RANDOM_METRIC, random_item(USE_JOINT, repeat, i_time), n_data, s->permutation);
  take_points(m, s->n_species, x, NULL, s->cloud_p);
  take_points(m, s->n_species, data, s->permutation, s->cloud_q);
  *score_at(s, scores, i_method, METRIC_JOINT_W1, repeat) = wf_metric_joint_w(1, m, s->n_species, s->cloud_p, s->cloud_q, NULL);
}

/* Marginals of theta without sampling noise, or nearly so: from a large sample where the tree of states is too large. */
static PetscErrorCode find_marginals(scoring *s, int i_time, const wf_real *theta, double *p)
{
  int     d = s->n_species, size = d * s->n_levels;
  double *part = s->left;

  PetscFunctionBeginUser;
  if (s->exact) {
    PetscCheck(wf_backbone_marginals(s->backbone, theta, 0, s->work, p), PETSC_COMM_SELF, PETSC_ERR_MEM, "memory is short");
    PetscFunctionReturn(0);
  }
  memset(p, 0, (size_t)size * sizeof(*p));
  for (int first = 0; first < LARGE_SAMPLE; first += CHUNK) {
    int n = LARGE_SAMPLE - first < CHUNK ? LARGE_SAMPLE - first : CHUNK;
    wf_backbone_sample(s->backbone, theta, n, s->seed, WF_RANDOM_METRIC,
                       random_item(USE_RESAMPLE, 1 << 13, i_time) + (uint64_t)first, s->work, s->samples);
    wf_metric_marginals(n, d, s->n_levels, s->samples, part);
    for (int k = 0; k < size; k++) p[k] += part[k] * n / LARGE_SAMPLE;
  }
  PetscFunctionReturn(0);
}

/* A density given by weights: sampled, with its own marginals, and by the data's likelihood. */
static PetscErrorCode score_weights(scoring *s, int i_time, const wf_real *theta, method sampled, method exact, double *scores)
{
  const wf_snapshots *data = s->data;
  const int32_t      *x    = rows_at(data, s->scored[i_time]);
  double              nll  = 0;

  PetscFunctionBeginUser;
  for (int r = 0; r < s->n_repeats; r++) {
    wf_backbone_sample(s->backbone, theta, s->n_samples, s->seed, WF_RANDOM_METRIC, random_item(USE_SAMPLE, r, s->scored[i_time]),
                       s->work, s->samples);
    wf_metric_marginals(s->n_samples, s->n_species, s->n_levels, s->samples, s->p);
    score_marginals(s, s->p, s->q, sampled, r, scores);
    score_joint(s, s->scored[i_time], s->n_samples, s->samples, data->n_traj, x, sampled, r, scores);
  }
  PetscCall(find_marginals(s, s->scored[i_time], theta, s->p));
  score_marginals(s, s->p, s->q, exact, 0, scores);
  for (int first = 0; first < data->n_traj; first += CHUNK) {
    int     n = data->n_traj - first < CHUNK ? data->n_traj - first : CHUNK;
    double *log_p;
    PetscCall(PetscMalloc1((size_t)n, &log_p));
    wf_backbone_log_density(s->backbone, theta, n, x + (size_t)first * (size_t)s->n_species, s->work, log_p);
    for (int i = 0; i < n; i++) nll -= log_p[i];
    PetscCall(PetscFree(log_p));
  }
  *score_at(s, scores, sampled, METRIC_NLL, 0) = nll / ((double)data->n_traj * s->n_species);
  PetscFunctionReturn(0);
}

/* Samples carried along the coupling of the neighbouring snapshots by one of the baselines. */
typedef void (*carrier)(int n, int n_species, double share, const int32_t *left, const int32_t *right, const int *partner,
                        uint64_t seed, uint64_t item0, int32_t *z);

static void score_coupled(scoring *s, int k, int interval, double share, int repeat, method m, carrier carry, double *scores)
{
  int            d = s->n_species, n = s->n_displaced;
  const int32_t *x = rows_at(s->train, s->observed[interval]), *y = rows_at(s->train, s->observed[interval + 1]);
  carry(n, d, share, x, y, s->partners + (size_t)interval * (size_t)n, s->seed, random_item(USE_SAMPLE, repeat, k), s->samples);
  wf_metric_marginals(n, d, s->n_levels, s->samples, s->p);
  score_marginals(s, s->p, s->q, m, repeat, scores);
  /* the carried samples stand in the order of the trajectories that the data's points may come from: shuffle */
  wf_random_permutation(s->seed, WF_RANDOM_METRIC, random_item(USE_ROWS, repeat, k), n, s->permutation);
  for (int i = 0; i < n; i++)
    memcpy(s->others + (size_t)i * (size_t)d, s->samples + (size_t)s->permutation[i] * (size_t)d, (size_t)d * sizeof(int32_t));
  score_joint(s, k, n, s->others, s->data->n_traj, rows_at(s->data, k), m, repeat, scores);
}

/* Interpolation between the neighbouring observed snapshots in state space. */
static void score_states(scoring *s, int i_time, double *scores)
{
  const wf_snapshots *train = s->train, *data = s->data;
  int                 d = s->n_species, interval, k = s->scored[i_time];
  double              share;
  wf_baseline_locate(s->n_obs, s->observed_times, s->times[i_time], &interval, &share);
  int            right = s->n_obs > 1 ? interval + 1 : interval;
  const int32_t *x = rows_at(train, s->observed[interval]), *y = rows_at(train, s->observed[right]), *z = rows_at(data, k);
  wf_metric_marginals(train->n_traj, d, s->n_levels, x, s->left);
  wf_metric_marginals(train->n_traj, d, s->n_levels, y, s->p);
  wf_baseline_mixture(d * s->n_levels, share, s->left, s->p, s->p);
  score_marginals(s, s->p, s->q, METHOD_MIXTURE, 0, scores);
  for (int r = 0; r < s->n_repeats; r++) {
    uint64_t item = random_item(USE_SAMPLE, r, k);
    if (r < JOINT_REPEATS) {
      wf_baseline_mixture_sample(s->n_joint, train->n_traj, d, share, x, y, s->seed, item, s->samples);
      score_joint(s, k, s->n_joint, s->samples, data->n_traj, z, METHOD_MIXTURE, r, scores);
    }
    if (s->n_obs < 2) continue;
    score_coupled(s, k, interval, share, r, METHOD_DISPLACEMENT, wf_baseline_displacement, scores);
    score_coupled(s, k, interval, share, r, METHOD_BRIDGE, wf_baseline_bridge, scores);
  }
}

static void take_rows(int n, int n_species, const int32_t *rows, const int *which, int32_t *out)
{
  for (int i = 0; i < n; i++)
    memcpy(out + (size_t)i * (size_t)n_species, rows + (size_t)which[i] * (size_t)n_species, (size_t)n_species * sizeof(int32_t));
}

/* What a perfect method would score: data against data. Two random halves; or, with held-out data, as many random training rows
   against all held-out ones. And the data against a bootstrap resample of itself, which is its own lower bound of noise. */
static void score_floors(scoring *s, int i_time, double *scores)
{
  const wf_snapshots *data = s->data, *model = s->held_out ? s->train : s->data;
  int                 d = s->n_species, k = s->scored[i_time], n = data->n_traj;
  int                 half = !s->held_out ? n / 2 : model->n_traj < n ? model->n_traj : n;
  const int32_t      *x    = rows_at(data, k);
  for (int r = 0; r < s->n_repeats; r++) {
    if (half > 0) {
      const int32_t *other   = x;
      int            n_other = n;
      wf_random_permutation(s->seed, WF_RANDOM_METRIC, random_item(USE_ROWS, r, k), model->n_traj, s->permutation);
      take_rows(half, d, rows_at(model, k), s->permutation, s->samples);
      if (!s->held_out) {
        take_rows(half, d, x, s->permutation + half, s->others);
        other   = s->others;
        n_other = half;
      }
      wf_metric_marginals(half, d, s->n_levels, s->samples, s->p);
      wf_metric_marginals(n_other, d, s->n_levels, other, s->left);
      /* where all rows are taken there is one such split only, and no spread over repeats */
      if (r == 0 || !s->held_out || half < model->n_traj) score_marginals(s, s->p, s->left, METHOD_TWO_HALVES, r, scores);
      score_joint(s, k, half, s->samples, n_other, other, METHOD_TWO_HALVES, r, scores);
    }
    for (int i = 0; i < n; i++)
      s->permutation[i] = (int)(wf_random_uniform(s->seed, WF_RANDOM_METRIC, random_item(USE_RESAMPLE, r, k) + (uint64_t)i, 0) * n);
    take_rows(n, d, x, s->permutation, s->samples);
    wf_metric_marginals(n, d, s->n_levels, s->samples, s->p);
    score_marginals(s, s->p, s->q, METHOD_RESAMPLED, r, scores);
    score_joint(s, k, n, s->samples, n, x, METHOD_RESAMPLED, r, scores);
  }
}

PetscErrorCode wf_evaluate_score(scoring *s, int i_time, double *scores)
{
  double t = s->times[i_time];

  PetscFunctionBeginUser;
  for (size_t k = 0; k < (size_t)N_METHODS * N_METRICS * (size_t)s->n_repeats; k++) scores[k] = NAN;
  wf_metric_marginals(s->data->n_traj, s->n_species, s->n_levels, rows_at(s->data, s->scored[i_time]), s->q);
  PetscCall(score_weights(s, i_time, s->theta + (size_t)i_time * (size_t)s->n_param, METHOD_HYPERNETWORK, METHOD_HYPERNETWORK_EXACT,
                          scores));
  wf_baseline_weights_linear(s->n_obs, s->n_param, s->observed_times, s->anchors, t, s->theta_now);
  PetscCall(score_weights(s, i_time, s->theta_now, METHOD_LINEAR, METHOD_LINEAR_EXACT, scores));
  wf_baseline_weights_spline(s->spline, t, s->scratch, s->theta_now);
  PetscCall(score_weights(s, i_time, s->theta_now, METHOD_SPLINE, METHOD_SPLINE_EXACT, scores));
  score_states(s, i_time, scores);
  score_floors(s, i_time, scores);
  PetscFunctionReturn(0);
}
