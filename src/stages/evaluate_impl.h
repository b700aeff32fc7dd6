/* Inside of stage `evaluate`: one task is one snapshot; it scores all methods there, all repeats. */
#ifndef WEIGHTFLOW_EVALUATE_IMPL_H
#define WEIGHTFLOW_EVALUATE_IMPL_H
#include <petscsys.h>
#include <stdbool.h>
#include <weightflow/backbone.h>
#include <weightflow/run.h>
#include <weightflow/snapshots.h>
#include <weightflow/spline.h>

typedef enum {
  METHOD_HYPERNETWORK,
  METHOD_HYPERNETWORK_EXACT,
  METHOD_LINEAR,
  METHOD_LINEAR_EXACT,
  METHOD_SPLINE,
  METHOD_SPLINE_EXACT,
  METHOD_MIXTURE,
  METHOD_DISPLACEMENT,
  METHOD_BRIDGE,
  METHOD_TWO_HALVES,
  METHOD_RESAMPLED,
  N_METHODS
} method;

typedef enum {
  METRIC_W1,
  METRIC_W2,
  METRIC_JSD,
  METRIC_COUNT_W,
  METRIC_JOINT_W1,
  METRIC_MEAN_ERROR,
  METRIC_SD_ERROR,
  METRIC_SKEWNESS_ERROR,
  METRIC_KURTOSIS_ERROR,
  METRIC_NLL,
  N_METRICS
} metric;

extern const char *const EVALUATE_METHODS[N_METHODS], *const EVALUATE_METRICS[N_METRICS], *const EVALUATE_METHOD_NOTES[N_METHODS];

/* The joint-state distance costs an assignment each: it is averaged over fewer repeats. The coupling of displacement interpolation
   needs n^2 memory and up to n^3 time, so it takes the first DISPLACEMENT_MAX trajectories (they are exchangeable). */
enum { JOINT_REPEATS = 3, DISPLACEMENT_MAX = 2000, LARGE_SAMPLE = 100000, CHUNK = 4096 };

/* What a task needs; all ranks hold all of it, except the work space. */
typedef struct {
  uint64_t            seed;
  int                 n_species, n_levels, n_param, n_samples, n_repeats, n_joint, n_displaced;
  bool                exact;    /* marginals by the tree of states, not from a large sample */
  bool                held_out; /* data are other trajectories than those that train */
  const wf_snapshots *train, *data;

  int            n_obs; /* observed snapshots: indices in time, times, anchors, coupling of neighbours */
  const int     *observed;
  const double  *observed_times;
  const wf_real *anchors; /* [n_obs, n_param] */
  wf_spline     *spline;
  int           *partners; /* [n_obs - 1, n_displaced] */

  int      n_time; /* scored snapshots */
  int     *scored; /* [n_time] their indices in time */
  double  *times;  /* [n_time] */
  wf_real *theta;  /* [n_time, n_param] predicted there */

  wf_backbone      *backbone;
  wf_backbone_work *work;
  wf_real          *theta_now;         /* [n_param] */
  double           *scratch;           /* [n_param] */
  int32_t          *samples;           /* [max(n_samples, n_data, CHUNK), n_species] */
  int32_t          *others;            /* the same size */
  int              *permutation;       /* [max(n_train, n_data)] */
  double           *p, *q, *left;      /* [n_species, n_levels] */
  double           *cloud_p, *cloud_q; /* [n_joint, n_species] */
} scoring;

/* scores [N_METHODS, N_METRICS, n_repeats] of scored snapshot i_time; NaN where a method has no such score or fewer repeats. Not
   collective; a function of the arguments alone, whatever rank calls it. */
PetscErrorCode wf_evaluate_score(scoring *s, int i_time, double *scores);

/* A score over a range of times: mean over its times, then mean and standard deviation (n - 1) over the n repeats. */
typedef struct {
  double mean, sd;
  int    n;
} summary;
typedef enum { RANGE_ALL, RANGE_FIRST, RANGE_REST, N_RANGES } range;

/* all [N_METHODS, N_METRICS, n_time, n_repeats]. n = 0 where there is no such score or no time in the range. */
summary wf_evaluate_summary(const scoring *s, const double *all, method i_method, metric i_metric, range r);

/* First and last scored time of a range; false if it is empty. */
bool wf_evaluate_range(const scoring *s, range r, double *from, double *to);

/* One sentence each: what the scores are measured against, and what its noise means for them. text [size] out. */
void wf_evaluate_describe_truth(const scoring *s, char *text, size_t size);
void wf_evaluate_describe_floor(const scoring *s, const double *all, char *text, size_t size);

/* evaluate/metrics.tsv and the table in the log. Collective; rank 0 writes. */
PetscErrorCode wf_evaluate_write_table(wf_run *run, const scoring *s, const double *all);
PetscErrorCode wf_evaluate_log_table(wf_run *run, const scoring *s, const double *all);
#endif
