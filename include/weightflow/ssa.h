/* Simulation of stochastic models: exact trajectories (and, where asked for, tau-leaping), many at a time, on a grid of times.

   A trajectory is a function of (model, configuration, seed, trajectory index) alone: its random numbers are Philox's for
   (seed, WF_RANDOM_SSA..., trajectory, n), so whoever computes it, in whatever batch and with whatever vector width, gets the same
   bits. Pure: no MPI, no PETSc, no files; nothing is collective.

   Methods. `direct`: Gillespie (1977), J. Phys. Chem. 81, 2340; for plain networks many trajectories in lock-step, one per vector
   lane; for networks with events, rate rules or laws that vary with time, one at a time with exact waiting times (thinning or
   integrated hazards). `next_reaction`: Gibson and Bruck (2000), J. Phys. Chem. A 104, 1876. `composition_rejection`: Slepoy,
   Thompson and Plimpton (2008), J. Chem. Phys. 128, 205101. `tau_leaping`: Cao, Gillespie and Petzold (2006), J. Chem. Phys. 124,
   044109 (approximate). `auto`: exact, whichever is fastest for the network. */
#ifndef WEIGHTFLOW_SSA_H
#define WEIGHTFLOW_SSA_H
#include <stdint.h>
#include <weightflow/jump_process.h>
#include <weightflow/network.h>

/* Treatment of laws that depend on time. */
typedef enum {
  WF_SSA_RATE_EXACT, /* the process itself */
  WF_SSA_RATE_FROZEN /* evaluated at the last event and held to the next one: what the published ensembles were made with */
} wf_ssa_rate;

typedef enum {
  WF_SSA_AUTO,
  WF_SSA_DIRECT,
  WF_SSA_NEXT_REACTION,
  WF_SSA_COMPOSITION_REJECTION,
  WF_SSA_TAU_LEAPING
} wf_ssa_algorithm;

typedef struct {
  wf_ssa_algorithm algorithm;
  wf_ssa_rate      rate;
  uint64_t         seed;
  int              n_time;
  const double    *times;         /* [n_time] finite, not decreasing, >= 0, in the model's time unit; borrowed */
  double           tau_error;     /* tau-leaping's epsilon; 0: 0.03 */
  double           ode_tolerance; /* relative tolerance where rate rules are integrated; 0: 1e-8 */
} wf_ssa_config;

typedef enum {
  WF_SSA_COMPLETE,
  WF_SSA_COUNT_RANGE,  /* an amount left 0 .. 2^31 - 1, or the total propensity is not finite: the model explodes */
  WF_SSA_NEGATIVE_LAW, /* a law gave a negative propensity, or none (NaN) */
  WF_SSA_NO_PROGRESS   /* events or jumps without end at one time */
} wf_ssa_status;

/* Why a batch could not be simulated: the first trajectory in it that failed, where, and one line that names what. */
typedef struct {
  wf_ssa_status status;
  uint64_t      trajectory;
  double        time;
  char          what[192];
} wf_ssa_failure;

/* Every jump of a trajectory, in place of a grid. Trajectory i of the batch has the rows offset[i] .. offset[i + 1] - 1. */
typedef struct {
  const int64_t *offset; /* [n_traj + 1]; from a run before that counted the jumps */
  double        *time;   /* [n_total] */
  int32_t       *jump;   /* [n_total] which reaction, or n_reactions + which event */
  int32_t       *counts; /* [n_total, n_counts] state after it; may be NULL */
} wf_ssa_log;

/* Trajectories first .. first + n_traj - 1 (indices below 2^32), and where their states go. */
typedef struct {
  uint64_t    first;
  int         n_traj;
  int32_t    *counts; /* [n_traj, n_time, n_counts] state at each time, that is just before the first jump after it; may be NULL */
  double     *values; /* [n_traj, n_time, n_values] the recorded variables that are not whole numbers; may be NULL */
  int64_t    *n_events; /* [n_traj] jumps up to the last time; may be NULL */
  wf_ssa_log *log;      /* may be NULL */
} wf_ssa_batch;

typedef struct wf_simulator wf_simulator;

/* A simulator of a network (borrowed; must outlive it), with its scratch memory. NULL: the configuration does not go with the
   network or memory is short, and why [why_size] says so in one line. Free with wf_simulator_destroy (accepts NULL, sets NULL). */
wf_simulator *wf_simulator_create(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size);
wf_simulator *wf_simulator_create_jump(const wf_jump_process *process, const wf_ssa_config *config, char *why, size_t why_size);
void          wf_simulator_destroy(wf_simulator **simulator);

/* Simulate a batch. false: a trajectory failed and the outputs are undefined. Not reentrant: one simulator a thread. */
bool wf_simulator_run(wf_simulator *simulator, const wf_ssa_batch *batch, wf_ssa_failure *failure);

/* What it records, and how it works ("direct method, 32 trajectories in lock-step"). */
int         wf_simulator_n_counts(const wf_simulator *simulator);
const char *wf_simulator_count_name(const wf_simulator *simulator, int i);
int         wf_simulator_n_values(const wf_simulator *simulator);
const char *wf_simulator_value_name(const wf_simulator *simulator, int i);
/* Kinds of jumps, as numbered in wf_ssa_log: reactions, then events. Those without a name are
   "reaction_0", "event_0" and so on. */
int         wf_simulator_n_jumps(const wf_simulator *simulator);
void        wf_simulator_jump_name(const wf_simulator *simulator, int i, char *name, size_t size);
/* Does any law depend on time, so that exact and frozen rates differ? */
bool        wf_simulator_is_modulated(const wf_simulator *simulator);
const char *wf_simulator_description(const wf_simulator *simulator);
/* Trajectories a batch should have at least for full speed. */
int wf_simulator_batch_size(const wf_simulator *simulator);
#endif
