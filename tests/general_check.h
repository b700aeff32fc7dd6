/* For the tests of the general engine: short names for expressions, runs, and yardsticks. A statistical check is a z-score that
   exceeds `z_alarm` with probability 1e-6 where the law is right; seeds are fixed. */
#ifndef WEIGHTFLOW_TESTS_GENERAL_CHECK_H
#define WEIGHTFLOW_TESTS_GENERAL_CHECK_H
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "check.h"
#include "ssa/engine.h"

#define z_alarm 4.8916

static inline wf_expression num(wf_network *network, double x) { return wf_network_make_number(network, x); }
static inline wf_expression sym(wf_network *network, const char *name)
{
  return wf_network_make_symbol(network, wf_network_find_variable(network, name));
}
static inline wf_expression now(wf_network *network) { return wf_network_make_time(network); }
static inline wf_expression op1(wf_network *network, wf_operation operation, wf_expression a)
{
  return wf_network_make_operation(network, operation, 1, &a);
}
static inline wf_expression op2(wf_network *network, wf_operation operation, wf_expression a, wf_expression b)
{
  return wf_network_make_operation(network, operation, 2, (wf_expression[]){a, b});
}
static inline wf_expression op3(wf_network *network, wf_operation operation, wf_expression a, wf_expression b, wf_expression c)
{
  return wf_network_make_operation(network, operation, 3, (wf_expression[]){a, b, c});
}
static inline wf_expression times(wf_network *network, wf_expression a, wf_expression b) { return op2(network, WF_MULTIPLY, a, b); }
static inline wf_expression after(wf_network *network, double t) /* time >= t */
{
  return op2(network, WF_GREATER_EQUAL, now(network), num(network, t));
}

/* A variable that is no species. */
static inline int add_real(wf_network *network, const char *name, double initial)
{
  return wf_network_add_variable(network, &(wf_network_variable){.name = name, .initial = initial, .recorded = true});
}

/* name: variable += amount with propensity law. */
static inline void add_law(wf_network *network, const char *name, wf_expression law, const char *variable, double amount)
{
  const wf_network_change change = {wf_network_find_variable(network, variable), amount, -1};
  wf_network_add_law(network, name, law, 1, &change);
}

/* A persistent event without delay and priority that sets one variable; *special holds what is different. */
static inline void add_event(wf_network *network, const char *name, wf_expression trigger, const char *variable,
                             wf_expression value, const wf_network_event *special)
{
  const wf_network_event plain = {.delay = -1, .priority = -1, .persistent = true, .values_from_trigger_time = true};
  const int              index = wf_network_find_variable(network, variable);
  wf_network_event       event = special ? *special : plain;
  event.name                   = name;
  event.trigger                = trigger;
  event.n_assignments          = 1;
  event.variables              = &index;
  event.expressions            = &value;
  wf_network_add_event(network, &event);
}

static inline void finish(wf_network *network)
{
  char why[256] = "";
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
}

/* Trajectories first .. first + n_traj - 1 by the general engine. */
static inline wf_ssa_status run_general(const wf_network *network, const wf_ssa_config *config, const wf_ssa_batch *batch,
                                        wf_ssa_failure *failure)
{
  wf_ssa_failure unwanted;
  char           why[256] = "";
  if (!failure) failure = &unwanted;
  *failure = (wf_ssa_failure){.status = WF_SSA_COMPLETE};
  WF_CHECK(wf_ssa_general.accepts(network, config, why, sizeof why), "%s", why);
  void      *work = wf_ssa_general.create(network, config);
  const bool good = work && wf_ssa_general.run(work, batch, failure);
  wf_ssa_general.destroy(work);
  WF_CHECK(good == (failure->status == WF_SSA_COMPLETE));
  if (failure == &unwanted) WF_CHECK(good, "%s at time %g", failure->what, failure->time);
  return failure->status;
}

/* Counts [n_traj, n_time, n_counts] and values; free the result with wf_free. */
static inline int32_t *simulate_counts(const wf_network *network, int n_traj, int n_time, const double *grid)
{
  const wf_ssa_config config = {.seed = 20, .n_time = n_time, .times = grid};
  int32_t            *counts = wf_calloc((size_t)n_traj * (size_t)n_time * (size_t)network->n_recorded, sizeof *counts);
  run_general(network, &config, &(wf_ssa_batch){.n_traj = n_traj, .counts = counts}, NULL);
  return counts;
}

static inline double *simulate_values(const wf_network *network, int n_traj, int n_time, const double *grid)
{
  const wf_ssa_config config = {.seed = 21, .n_time = n_time, .times = grid};
  double             *values = wf_calloc((size_t)n_traj * (size_t)n_time * (size_t)network->n_recorded, sizeof *values);
  run_general(network, &config, &(wf_ssa_batch){.n_traj = n_traj, .values = values}, NULL);
  return values;
}

/* z-scores of the sum and of the variance of n Poisson numbers x[0], x[stride], ... against their mean. */
static inline void find_poisson_scores(const int32_t *x, int n, int stride, double mean, double *z_sum, double *z_variance)
{
  double sum = 0, squares = 0;
  for (int i = 0; i < n; i++) sum += x[i * stride];
  for (int i = 0; i < n; i++) squares += (x[i * stride] - mean) * (x[i * stride] - mean);
  *z_sum      = (sum - n * mean) / sqrt(n * mean);
  *z_variance = (squares / n - mean) / sqrt((mean + 2 * mean * mean) / n);
}

static inline void check_poisson(const int32_t *x, int n, int stride, double mean, const char *what)
{
  double z_sum = 0, z_variance = 0;
  find_poisson_scores(x, n, stride, mean, &z_sum, &z_variance);
  WF_CHECK(fabs(z_sum) < z_alarm && fabs(z_variance) < z_alarm, "%s: mean %g: z %g, variance: z %g", what, mean, z_sum, z_variance);
}
#endif
