/* A process of one's own: molecules that are made in bursts. It is no reaction network, because the size of a burst is random.

   Bursts come at rate `bursts` and bring a geometric number of molecules (0, 1, 2, ...) with mean `size`; each molecule decays at
   rate `decay`. With n = 0 at time 0 the mean is  E n(t) = bursts size / decay (1 - exp(-decay t)).  doc/user_processes.md goes
   through this file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weightflow/ssa.h>

typedef struct {
  double bursts, size, decay; /* a unit of time; molecules a burst; a unit of time */
} burst_rates;

static void start_empty(const void *context, wf_jump_draws *draws, int32_t *x)
{
  (void)context, (void)draws;
  x[0] = 0;
}

static double wait_for_jump(const void *context, double t, const int32_t *x, wf_jump_draws *draws)
{
  const burst_rates *rates = context;
  (void)t;
  return wf_jump_draws_exponential(draws) / (rates->bursts + rates->decay * x[0]);
}

static void make_or_decay(const void *context, double t, int32_t *x, wf_jump_draws *draws)
{
  const burst_rates *rates = context;
  (void)t;
  if (wf_jump_draws_uniform(draws) * (rates->bursts + rates->decay * x[0]) < rates->bursts)
    x[0] += (int32_t)(log(wf_jump_draws_uniform(draws)) / log(rates->size / (1 + rates->size)));
  else
    x[0]--;
}

enum { N_TRAJ = 4000, N_TIME = 5 };

int main(void)
{
  const burst_rates     rates   = {.bursts = 3, .size = 4, .decay = 0.5};
  const char *const     names[] = {"molecules"};
  const wf_jump_process bursts  = {.name        = "bursts",
                                   .n_counts    = 1,
                                   .count_names = names,
                                   .context     = &rates,
                                   .start       = start_empty,
                                   .wait        = wait_for_jump,
                                   .jump        = make_or_decay};
  const double          times[] = {0, 1, 2, 4, 8};
  const wf_ssa_config   config  = {.seed = 1, .n_time = N_TIME, .times = times};
  static int32_t        counts[N_TRAJ][N_TIME];
  const wf_ssa_batch    batch = {.n_traj = N_TRAJ, .counts = counts[0]};
  wf_ssa_failure        failure;
  char                  why[192];
  int                   n_wrong = 0;

  wf_simulator *simulator = wf_simulator_create_jump(&bursts, &config, why, sizeof why);
  if (!simulator) {
    fprintf(stderr, "%s\n", why);
    return EXIT_FAILURE;
  }
  if (!wf_simulator_run(simulator, &batch, &failure)) {
    fprintf(stderr, "trajectory %llu, time %g: %s\n", (unsigned long long)failure.trajectory, failure.time, failure.what);
    wf_simulator_destroy(&simulator);
    return EXIT_FAILURE;
  }
  printf("%s\n%6s %10s %10s %10s\n", wf_simulator_description(simulator), "time", "mean", "error", "exact");
  for (int k = 0; k < N_TIME; k++) {
    double sum = 0, square = 0, exact = rates.bursts * rates.size / rates.decay * (1 - exp(-rates.decay * times[k]));
    for (int i = 0; i < N_TRAJ; i++) sum += counts[i][k];
    for (int i = 0; i < N_TRAJ; i++) square += (double)counts[i][k] * counts[i][k];
    const double mean = sum / N_TRAJ, error = sqrt((square / N_TRAJ - mean * mean) / N_TRAJ);
    printf("%6g %10.4f %10.4f %10.4f\n", times[k], mean, error, exact);
    n_wrong += !(fabs(mean - exact) <= 6 * error); /* by chance once in 10^8 seeds */
  }
  wf_simulator_destroy(&simulator);
  return n_wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
