/* Inside a network: what was given, and the compiled form that simulators run.

   Everything that a simulator computes with has a slot, an index into one array of doubles (for many trajectories at once: of rows
   of doubles): first the variables, then the time, then constants, then temporaries. A trajectory starts from a copy of `start`.
   A program is a range of instructions; each computes value[result] = operation(value[a], value[b], value[c]), and the program's
   value stands in the slot `result` when all are done. The result of an instruction is never one of its operands. The programs of
   one reaction's changes, and of one event's assignments, have result slots of their own: all can be run before any is used.
   Programs other than those of assignment rules contain no variables under assignment rules: these were substituted. */
#ifndef WEIGHTFLOW_SSA_NETWORK_IMPL_H
#define WEIGHTFLOW_SSA_NETWORK_IMPL_H
#include <weightflow/network.h>

typedef struct {
  int32_t operation; /* wf_operation; the n-ary ones with two operands here; unused operands repeat a */
  int32_t result, a, b, c;
} wf_instruction;

typedef struct {
  int32_t first, n_instructions, result;
} wf_program;

typedef struct {
  int32_t slot;
  double  scale, offset; /* the factor is scale * x + offset */
} wf_compiled_factor;

typedef struct {
  int32_t slot, program; /* program >= 0: the change is its value, and amount is not used */
  double  amount;
} wf_compiled_change;

typedef struct {
  int32_t slot;
  double  minimum; /* the reaction cannot fire while the slot holds less */
} wf_compiled_guard;

/* A reaction. With program < 0 its law is
     rate * factor_0 * factor_1 ... (multiplied in this order) [ * modulation(t) ],
   lower <= modulation(t) <= upper for all t >= 0; else the law is the program. 0 wherever a guard says so, and 0 where the law
   gives -0. Factors of a power or of x (x - 1) are written out. */
typedef struct {
  char   *name;
  double  rate;
  int32_t first_factor, n_factors;
  int32_t program;
  int32_t modulation; /* program of time alone, or -1 */
  double  lower, upper;
  int32_t first_change, n_changes, first_guard, n_guards;
  bool    varies;          /* the law changes between jumps otherwise than by a modulation with finite bounds */
  bool    may_be_negative; /* that it is not could not be told from its form */
} wf_compiled_reaction;

typedef struct {
  int32_t slot, program;
} wf_compiled_rule;

typedef struct {
  char   *name;
  int32_t trigger, delay, priority; /* programs; delay and priority -1: none */
  bool    initially_true, persistent, values_from_trigger_time;
  int32_t first_assignment, n_assignments; /* in event_assignments; all values first, then all assignments */
} wf_compiled_event;

typedef struct wf_network_source wf_network_source; /* what was given: network.c and network_compile*.c only */

struct wf_network {
  char              *name;
  char               problem[256]; /* the first mistake made while building, or "" */
  bool               finished;
  wf_network_source *source;

  int32_t  n_variables, n_species, n_recorded, n_reactions;
  char   **variable_name; /* [n_variables] */
  bool    *is_species;    /* [n_variables] */
  int32_t *recorded;      /* [n_recorded] slots */
  bool    *whole;         /* [n_recorded] */

  int32_t         n_slots, time_slot, first_temporary; /* slots from first_temporary on hold nothing between programs */
  double         *start;                               /* [n_slots] assignment rules applied */
  int32_t         n_instructions, n_programs;
  wf_instruction *instructions;
  wf_program     *programs;

  wf_compiled_reaction *reactions; /* [n_reactions] */
  wf_compiled_factor   *factors;
  wf_compiled_change   *changes;
  wf_compiled_guard    *guards;

  int32_t            n_assignments, n_rates, n_events;
  wf_compiled_rule  *assignments; /* [n_assignments] in an order in which each needs only earlier ones */
  wf_compiled_rule  *rates;       /* [n_rates] */
  wf_compiled_event *events;      /* [n_events] */
  wf_compiled_rule  *event_assignments;

  /* The dependency graph (Gibson and Bruck 2000, J. Phys. Chem. A 104, 1876): affected[first_affected[j] ..
     first_affected[j + 1] - 1] are the reactions, in increasing order, whose propensity may differ after reaction j fired. */
  int32_t *first_affected; /* [n_reactions + 1] */
  int32_t *affected;

  bool modulated; /* any reaction with a modulation, or that varies */
  bool plain;     /* no rates, no events, no reaction varies, no change by a program */
};

/* Run a program on value [n_slots]. */
double wf_program_run(const wf_network *network, int32_t program, double *value);

/* Enclose a program's value: given lower <= value <= upper [n_slots] for variables, time and constants, its own bounds come out.
   Rigorous up to rounding, which is widened outwards. NaN can come out of neither: what may be undefined is (-inf, inf). */
void wf_program_bound(const wf_network *network, int32_t program, double *lower, double *upper, double *result_lower,
                      double *result_upper);

/* One operation on numbers; and on intervals. */
double wf_operation_apply(wf_operation operation, double a, double b, double c);
void   wf_operation_bound(wf_operation operation, const double *lower, const double *upper, double *result_lower,
                          double *result_upper); /* of the operands [3] */

/* Law of reaction j in the state value [n_slots], guards and the modulation at value[time_slot] included. */
double wf_network_propensity(const wf_network *network, int32_t j, double *value);
/* The same without the modulation (and so to be multiplied by it): what thinning and the direct method sum up. */
double wf_network_unmodulated_propensity(const wf_network *network, int32_t j, double *value);
/* Bring variables under assignment rules up to date. */
void wf_network_apply_assignments(const wf_network *network, double *value);
/* x_slot += change for all changes of reaction j. */
void wf_network_fire(const wf_network *network, int32_t j, double *value);
#endif
