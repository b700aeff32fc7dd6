/* Hot loops of stochastic simulation: random numbers for many steps, and the direct method for many trajectories in lock-step, one
   a vector lane. One table of kernels for each instruction set, picked at run time. Inside ssa/ only.

   Lanes never exchange numbers and nothing but + - * / is done to them, each rounded once, so the bits depend neither on the
   instruction set nor on which lane a trajectory stands in. Pure; not collective. */
#ifndef WEIGHTFLOW_SSA_SSA_KERNELS_H
#define WEIGHTFLOW_SSA_SSA_KERNELS_H
#include "ssa/network_impl.h"

/* Wide enough that the latency of one vector's sum hides behind the others' and that a count stored for one lane has left the
   store buffer before vectors are loaded again; 32 rows of a model with a hundred slots and reactions still fit the first cache. */
enum { WF_SSA_LANES = 32, WF_SSA_KEYS = 20 };

/* Neighbouring reactions of one shape, whose laws one loop sums up. */
typedef enum {
  WF_LAWS_CONSTANT,     /* rate */
  WF_LAWS_FIRST_ORDER,  /* rate * x */
  WF_LAWS_SECOND_ORDER, /* rate * x * y */
  WF_LAWS_ANY
} wf_law_shape;

typedef struct {
  wf_law_shape shape;
  int          first, end;
} wf_law_run;

/* A reaction as the kernels read it. Rows are slots times WF_SSA_LANES. */
typedef struct {
  double  rate;
  int32_t row[2]; /* of its factors, where there are at most two and they are plain */
} wf_short_law;

/* What reaction j changes, and last an entry that changes nothing. A change that is not there adds 0 to a row that nobody reads. */
typedef struct {
  double  amount[2];
  int32_t row[2];
  int64_t next; /* 1 + index of the first of further changes in the network's list; 0: there are none */
} wf_short_change;

/* State of the lanes. */
typedef struct {
  const wf_network      *network;
  bool                   frozen;
  double                *value;        /* [n_slots, WF_SSA_LANES] */
  double                *sum;          /* [n_reactions, WF_SSA_LANES] propensities summed up to reaction j */
  double                *law;          /* [n_modulated, WF_SSA_LANES] propensity (at its bound) of a reaction with a modulation */
  const int32_t         *modulated;    /* [n_reactions] which row of law; -1: none */
  const wf_law_run      *runs;         /* [n_runs] */
  const wf_short_law    *laws;         /* [n_reactions] */
  const wf_short_change *changes;      /* [n_reactions + 1] */
  const int32_t         *first_change; /* [n_reactions + 1] into flat_row and flat_amount, for `shift` */
  const int32_t         *flat_row;
  const double          *flat_amount;
  int                    n_reactions, n_runs, n_lanes;
  uint32_t               negative; /* lanes with a law below 0 or NaN, of those that may be so */
  uint64_t               keys[WF_SSA_KEYS];
  _Alignas(64) uint64_t trajectory[WF_SSA_LANES];
  uint64_t step[WF_SSA_LANES];   /* of the next candidate */
  double   before[WF_SSA_LANES]; /* time before the candidate; the candidate's own is in the time's row */
  double   next[WF_SSA_LANES];   /* output time to come */
  double   level[WF_SSA_LANES];  /* u * total; NaN: the lane fires nothing */
  int64_t  picked[WF_SSA_LANES]; /* reaction; n_reactions: none */
} wf_lanes;

typedef struct {
  const char *name;
  int         group; /* lanes that are worked on at once: n_lanes is a multiple of it */

  /* Uniforms and exponentials of wf_ssa_fill_random; both [WF_SSA_CHUNK]. */
  void (*fill_random)(const uint64_t *keys, uint64_t purpose, uint64_t trajectory, uint64_t first, double *exponential,
                      double *uniform);

  /* Sum the propensities up, draw the waiting time and the level, move on the time and the step. Returns the lanes that passed
     their next output time (or whose total is NaN). */
  uint32_t (*propose)(wf_lanes *lanes);

  /* Find the first reaction whose sum is above the level. Returns the lanes in which the level is not below the last sum. */
  uint32_t (*pick)(wf_lanes *lanes);

  /* The same and fire it, without saying which one it was. Good where few counts change in all reactions together. */
  uint32_t (*shift)(wf_lanes *lanes);

  /* Lanes that picked reaction j and whose candidate cannot be accepted by the lower bound of the modulation alone. */
  uint32_t (*undecided)(const wf_lanes *lanes, int j);

  /* Lanes in which a slot is above the limit. */
  uint32_t (*above)(const wf_lanes *lanes, int slot, double limit);
} wf_ssa_kernels;

/* The kernels that this machine can run, the fastest first; returns how many (1 to 3). */
int wf_ssa_kernels_all(const wf_ssa_kernels *tables[3]);
/* The fastest. */
const wf_ssa_kernels *wf_ssa_kernels_get(void);

/* Philox's round keys, keys [WF_SSA_KEYS]. */
void wf_ssa_make_keys(uint64_t seed, uint64_t *keys);

/* For tests: let a lock-step engine's work use other kernels. */
void wf_ssa_lockstep_use(void *work, const wf_ssa_kernels *kernels);
#endif
