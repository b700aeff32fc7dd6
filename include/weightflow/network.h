/* Stochastic models as data: species and other variables, reactions, rules and events.

   A state is a vector of real variables. Reactions change it by jumps at random moments with propensities a_j(x, t); assignment
   rules define variables by others; rate rules move variables continuously; events change variables when a condition becomes true.
   Laws, conditions and rules are expressions. The plain power law
     a_j(x, t) = rate_j (1 + amplitude_j sin(2 pi t / period_j)) prod_i x_i^order_ij        (x^2, not x (x - 1))
   has short forms (add_reaction, add_equation; Li et al. 2026, WeightFlow, section "Simulated systems"). A reaction that would make
   the amount of a species negative cannot fire, whatever its law says.
   Build a network with create, add..., finish; afterwards it is constant and may be shared. Pure: no MPI, no PETSc, no files;
   nothing is collective. */
#ifndef WEIGHTFLOW_NETWORK_H
#define WEIGHTFLOW_NETWORK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wf_network wf_network;

/* --- expressions --- */

/* An expression of one network: an index into its pool. Equal expressions get equal indices, constants are folded, and an
   expression's operands always have smaller indices. Negative: it could not be made (the mistake is told by wf_network_finish). */
typedef int32_t wf_expression;

/* Operations; truth values are 1 and 0, any operand but 0 is true. Operands are evaluated eagerly. */
typedef enum {
  WF_ADD, WF_SUBTRACT, WF_MULTIPLY, WF_DIVIDE, WF_NEGATE, WF_POWER, WF_ROOT, /* WF_ROOT: (degree, x) */
  WF_EXP, WF_LN, WF_LOG, WF_ABS, WF_FLOOR, WF_CEILING, WF_FACTORIAL,        /* WF_LOG: (base, x) */
  WF_MIN, WF_MAX, WF_QUOTIENT, WF_REMAINDER,                                /* of a division that truncates towards 0 */
  WF_SIN, WF_COS, WF_TAN, WF_SEC, WF_CSC, WF_COT,
  WF_SINH, WF_COSH, WF_TANH, WF_SECH, WF_CSCH, WF_COTH,
  WF_ARCSIN, WF_ARCCOS, WF_ARCTAN, WF_ARCSEC, WF_ARCCSC, WF_ARCCOT,
  WF_ARCSINH, WF_ARCCOSH, WF_ARCTANH, WF_ARCSECH, WF_ARCCSCH, WF_ARCCOTH,
  WF_LESS, WF_LESS_EQUAL, WF_GREATER, WF_GREATER_EQUAL, WF_EQUAL, WF_NOT_EQUAL,
  WF_AND, WF_OR, WF_XOR, WF_NOT,
  WF_SELECT, /* (condition, if true, if false) */
  WF_N_OPERATIONS
} wf_operation;

/* A number; the value of a variable; the time. */
wf_expression wf_network_make_number(wf_network *network, double number);
wf_expression wf_network_make_symbol(wf_network *network, int variable);
wf_expression wf_network_make_time(wf_network *network);

/* ADD, MULTIPLY, AND, OR, XOR, MIN and MAX take any number of operands (none: their neutral element; MIN, MAX: at least one),
   the comparisons two or more (a < b < c), NEGATE and the functions one, the others as said above. */
wf_expression wf_network_make_operation(wf_network *network, wf_operation operation, int n, const wf_expression *operands);

/* Is it a number (by folding)? Then *number is it. */
bool wf_network_expression_is_number(const wf_network *network, wf_expression expression, double *number);
/* Its value at the initial values as they are now and at time 0; assignment rules given so far are applied to the variables it
   contains. NaN where it has none. */
double wf_network_evaluate_initial(wf_network *network, wf_expression expression);

/* --- building --- */

/* An empty network. NULL if memory is short. Free with wf_network_destroy (accepts NULL, sets NULL). */
wf_network *wf_network_create(const char *name);
void        wf_network_destroy(wf_network **network);

/* Add a variable; returns its index (0, 1, ...), negative where it cannot be added. A mistake here or in any of the functions
   below is remembered and told by wf_network_finish. Names are copied. */
typedef struct {
  const char *name;
  double      initial;
  bool        is_species; /* an amount: reactions cannot make it negative, and it is in the output unless hidden */
  bool        recorded;   /* is it in the output? */
} wf_network_variable;
int  wf_network_add_variable(wf_network *network, const wf_network_variable *variable);
void wf_network_set_initial(wf_network *network, int variable, double initial);
void wf_network_set_recorded(wf_network *network, int variable, bool recorded);
int  wf_network_find_variable(const wf_network *network, const char *name); /* negative: there is none */

/* A species with a whole number of molecules; returns its index. recorded: false for a helper that nobody wants in the output. */
int wf_network_add_species(wf_network *network, const char *name, int32_t initial, bool recorded);

/* A reaction with any law. Each change adds `amount` (if expression is negative) or the expression's value to a variable. */
typedef struct {
  int           variable;
  double        amount;
  wf_expression expression;
} wf_network_change;
void wf_network_add_law(wf_network *network, const char *name, wf_expression law, int n_changes, const wf_network_change *changes);

/* variable := expression at all times. The order in which rules are added does not matter; cycles are a mistake. */
void wf_network_add_assignment(wf_network *network, int variable, wf_expression expression);
/* d variable / dt = expression. */
void wf_network_add_rate(wf_network *network, int variable, wf_expression expression);

/* An event (SBML Level 3 Version 1, section 4.11). Arrays are copied. */
typedef struct {
  const char          *name;
  wf_expression        trigger;
  bool                 initially_true; /* value of the trigger just before time 0 */
  bool                 persistent;     /* false: forgotten where the trigger becomes false before it is executed */
  wf_expression        delay;          /* negative: none */
  wf_expression        priority;       /* negative: none */
  bool                 values_from_trigger_time;
  int                  n_assignments;
  const int           *variables;   /* [n_assignments] */
  const wf_expression *expressions; /* [n_assignments] */
} wf_network_event;
void wf_network_add_event(wf_network *network, const wf_network_event *event);

/* Exponent of a species in a power law (>= 1), or its net change (not 0), by the species' index. */
typedef struct {
  int species, number;
} wf_network_term;

/* One reaction with a power law; the arrays are copied. A species may stand at most once in each of them. */
typedef struct {
  double                 rate;              /* >= 0, in the inverse of the network's time unit at counts of 1 */
  int                    n_reactants, n_changes;
  const wf_network_term *reactants, *changes;
  double                 amplitude, period; /* periodic modulation; |amplitude| <= 1, 0: none; period in the network's time unit */
} wf_network_reaction;
void wf_network_add_reaction(wf_network *network, const wf_network_reaction *reaction);

/* Add a reaction as an equation of species added before: "S + I -> 2 I", "0 -> X", "2 Px + Gy -> bound". Orders are the numbers
   on the left, changes right minus left. amplitude 0: no modulation. */
void wf_network_add_equation(wf_network *network, const char *equation, double rate, double amplitude, double period);

/* Check the network and compile it for the simulators. false: it cannot be simulated, and why [why_size] says in one line what is
   wrong. */
bool wf_network_finish(wf_network *network, char *why, size_t why_size);

/* Built-in networks: a finished one by name, NULL if there is none of that name or memory is short; and the i-th name, NULL past
   the last. */
wf_network *wf_network_create_builtin(const char *name);
const char *wf_network_builtin_name(int i);

/* --- asking; after finish --- */
const char *wf_network_name(const wf_network *network);
int         wf_network_n_species(const wf_network *network);   /* variables that are species */
int         wf_network_n_reactions(const wf_network *network);
int         wf_network_n_recorded(const wf_network *network);  /* variables in the output */
const char *wf_network_recorded_name(const wf_network *network, int i_recorded);
/* Put out only these of the variables in the output, in this order. names: comma-separated; "": all as they are. false: one is none
   of them, or stands twice, and why [why_size] says which. Before a simulator is made of the network. */
bool wf_network_choose_recorded(wf_network *network, const char *names, char *why, size_t why_size);
/* Is it a whole number in all states that can be reached? (Decided from the expressions; false where that cannot be told.) */
bool        wf_network_recorded_is_whole(const wf_network *network, int i_recorded);
bool        wf_network_is_modulated(const wf_network *network); /* does any law depend on time by itself? */
/* Nothing but jumps: no rate rules, no events, and laws whose dependence on time, if any, is a bounded factor. */
bool        wf_network_is_plain(const wf_network *network);
#endif
