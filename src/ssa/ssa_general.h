/* Inside ssa/: the direct method for any network, one trajectory at a time. One struct holds what a trajectory is; the files are
     ssa_general.c   creation, the two loops (state constant between jumps; state moved by rate rules), outputs, logs
     ssa_laws.c      propensities, their running sums, windows of thinning, choice and firing of a reaction
     ssa_events.c    triggers, the queue of pending events, execution
     ssa_crossing.c  the first moment at which a trigger changes
     ssa_curve.c     integration of rate rules and of the total propensity */
#ifndef WEIGHTFLOW_SSA_SSA_GENERAL_H
#define WEIGHTFLOW_SSA_SSA_GENERAL_H
#include <weightflow/ssa.h>
#include "ssa/network_impl.h"
#include "ssa/ssa_random.h"

/* What a trigger depends on besides variables that only jumps and events change. */
typedef enum {
  WF_TRIGGER_OF_STATE, /* nothing */
  WF_TRIGGER_OF_TIME,  /* time and nothing else at all: its next change can be found once */
  WF_TRIGGER_OF_BOTH   /* time or variables under rate rules, and perhaps others */
} wf_trigger_kind;

/* An event that was triggered and waits for its execution. */
typedef struct {
  double  time;
  int32_t event;
  int64_t order; /* how many were triggered before */
} wf_pending_event;

/* One step of integration, [n] components: the variables under rate rules, then the integral of the total propensity since the
   step's begin. dense [5, n]: with theta = (t - begin) / (end - begin),
   y = d0 + theta (d1 + (1 - theta) (d2 + theta (d3 + (1 - theta) d4))). */
typedef struct {
  int     n;
  double  begin, end, next_size;
  bool    slope_known; /* slope[0] belongs to the end of the last step, which is where the trajectory stands */
  double *y, *y_end, *y_stage, *slope[7], *dense[5];
  int64_t n_steps;                 /* tried since something happened */
  int     n_crossings;             /* switches met since a step met none */
  int32_t n_switching, *switching; /* programs of rates and laws with comparisons and the like */
} wf_curve;

typedef struct {
  const wf_network   *network;
  wf_ssa_config       config;
  const wf_ssa_batch *batch;
  wf_ssa_failure     *failure;
  double              end; /* the last output time */

  /* the trajectory */
  uint64_t trajectory, step;
  double   exponential[WF_SSA_CHUNK], uniform[WF_SSA_CHUNK];
  double   t, left;   /* left: what remains of the exponential number of this step */
  double  *value;     /* [n_slots] */
  int      traj, row; /* index in the batch; the next output time */
  int64_t  n_jumps;   /* and executed events */
  double   stuck_at;  /* for telling that time stands still */
  int64_t  n_stuck;

  /* laws: a share of the total for each reaction, and running sums of the shares */
  bool    frozen, integrated;
  double *share, *sum;     /* [n_reactions] */
  double *certain;         /* [n_reactions] of a law that varies: it is at least this until window_end */
  double *peak;            /* [n_reactions] largest value met, where laws are integrated */
  bool   *has_programs;    /* [n_reactions] is any change a program? */
  int32_t n_timed, *timed; /* reactions with a modulation or that vary */
  bool   *is_timed;
  double  total, constant_total, window_end, window_size;
  bool    has_windows;
  int32_t bad_law; /* a law that had no value, or a negative one; -1: none */
  double  bad_value;
  double *change; /* values of a reaction's changes */

  double *lower, *upper; /* [n_slots] intervals for wf_program_bound */

  /* events */
  wf_trigger_kind  *kind;                     /* [n_events] */
  bool             *holds;                    /* [n_events] value of the trigger */
  double           *changes_at;               /* [n_events] of a trigger of time: its next change */
  int32_t          *first_watcher, *watchers; /* events whose triggers read what a reaction changes, by reaction */
  wf_pending_event *pending;
  double           *pending_values; /* [capacity, n_kept] */
  int32_t           n_pending, capacity, n_kept;
  double            due; /* time of the earliest pending event */
  int64_t           n_triggered;
  uint32_t          n_ties;
  double           *assigned; /* [n_kept] */

  wf_curve curve;
  bool     on_curve; /* between curve.begin and curve.end the state is on the curve */

  int32_t n_counts, n_values, *count_slots, *value_slots;
  bool   *is_count; /* [n_slots] a species that is recorded as a count */
} wf_general;

/* Note a failure at the present time; returns false. */
__attribute__((format(printf, 3, 4))) bool wf_general_fail(wf_general *work, wf_ssa_status status, const char *format, ...);
/* The next step's random numbers: work->left is its exponential. */
void wf_general_next_step(wf_general *work);
/* Append reaction or event `jump` to the log and count it. false: a count is out of range. */
bool wf_general_log(wf_general *work, int32_t jump);

/* Put a program's operands into lower and upper, as intervals of no width. */
void wf_general_load_bounds(wf_general *work, int32_t program);

/* Laws. start: all shares at the present time; after_jump: of the reactions that j affects. Both open a window where laws vary, and
   may set `integrated`. */
bool wf_laws_start(wf_general *work);
bool wf_laws_after_jump(wf_general *work, int32_t j);
bool wf_laws_next_window(wf_general *work);
/* The total propensity at the state in value, for integration: of laws in `timed` anew; NaN and bad_law where one has no value. */
double wf_laws_integrand(wf_general *work);
/* All shares as they are at the present time, for the choice of a reaction on a curve. */
bool wf_laws_evaluate(wf_general *work);
/* Choose the reaction by this step's uniform and fire it; *fired = -1: the candidate was rejected. */
bool wf_laws_choose(wf_general *work, int32_t *fired);

/* Events. start: at time 0, what is triggered there. */
bool wf_events_create(wf_general *work);
void wf_events_destroy(wf_general *work);
bool wf_events_start(wf_general *work);
/* Look at all triggers (or at those that watch reaction j) and execute what is due. *executed: did any change the state? */
bool wf_events_settle(wf_general *work, bool *executed);
bool wf_events_after_jump(wf_general *work, int32_t j, bool *executed);
/* The first moment in (t, limit] at which an event is due or a trigger of time changes; infinity: none. */
double wf_events_next(const wf_general *work, double limit);
/* The first moment in (from, to] at which a trigger of both changes; infinity: none. */
double wf_events_first_crossing(wf_general *work, double from, double to);

/* The first moment in (from, to] at which the trigger of event e is not what it was at `from`; infinity: none. Leaves time and the
   variables under rate rules in value at some moment between. */
double wf_crossing_find(wf_general *work, int32_t e, double from, double to);

/* Curves. */
bool wf_curve_create(wf_general *work);
void wf_curve_destroy(wf_general *work);
void wf_curve_start(wf_general *work);
/* Integrate one step from the present time, to `limit` at most. */
bool wf_curve_advance(wf_general *work, double limit);
/* Set time and the variables under rate rules in value to what they are at t in [begin, end]. */
void wf_curve_set_state(wf_general *work, double t);
/* Enclose them over [from, to] in lower and upper. */
void wf_curve_enclose(wf_general *work, double from, double to);
/* The integral of the total propensity from begin to t; and the moment at which it reaches `level` (infinity: not in this step). */
double wf_curve_integral(const wf_general *work, double t);
double wf_curve_find_level(const wf_general *work, double level);
#endif
