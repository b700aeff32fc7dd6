/* Reaction networks as data.

   A network is species with initial counts and reactions with reactant orders, net changes and a rate constant; the propensity of
   reaction j in state x at time t is the plain power law
     a_j(x, t) = rate_j (1 + amplitude_j sin(2 pi t / period_j)) prod_i x_i^order_ij        (x^2, not x (x - 1))
   and 0 where a count would become negative (Li et al. 2026, WeightFlow, section "Simulated systems").
   Build one with create, add..., finish; afterwards it is constant and may be shared. Pure: no MPI, no PETSc, no files; nothing
   is collective. */
#ifndef WEIGHTFLOW_NETWORK_H
#define WEIGHTFLOW_NETWORK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wf_network wf_network;

/* Exponent of a species in a propensity (>= 1), or its net change (not 0), by the species' index. */
typedef struct {
  int species, number;
} wf_network_term;

/* One reaction; the arrays are copied. A species may stand at most once in each of them. */
typedef struct {
  double                 rate;              /* >= 0, in the inverse of the network's time unit at counts of 1 */
  int                    n_reactants, n_changes;
  const wf_network_term *reactants, *changes;
  double                 amplitude, period; /* periodic modulation; |amplitude| <= 1, 0: none; period in the network's time unit */
} wf_network_reaction;

/* An empty network. NULL if memory is short. Free with wf_network_destroy (accepts NULL, sets NULL). */
wf_network *wf_network_create(const char *name);
void        wf_network_destroy(wf_network **network);

/* Add a species; returns its index (0, 1, ...). recorded: false for a helper whose counts nobody wants in the output.
   A mistake here or in a reaction is remembered and told by wf_network_finish. */
int wf_network_add_species(wf_network *network, const char *name, int32_t initial, bool recorded);

/* Add a reaction as data. */
void wf_network_add_reaction(wf_network *network, const wf_network_reaction *reaction);

/* Add a reaction as an equation of species added before: "S + I -> 2 I", "0 -> X", "2 Px + Gy -> bound". Orders are the numbers
   on the left, changes right minus left. amplitude 0: no modulation. */
void wf_network_add_equation(wf_network *network, const char *equation, double rate, double amplitude, double period);

/* Check the network and compile it for the simulators. false: it cannot be simulated, and why [why_size] says in one line what is
   wrong. */
bool wf_network_finish(wf_network *network, char *why, size_t why_size);

/* Built-in systems: a finished network by name, NULL if there is none of that name or memory is short; and the i-th name, NULL
   past the last. */
wf_network *wf_network_create_builtin(const char *name);
const char *wf_network_builtin_name(int i);

const char *wf_network_name(const wf_network *network);
int         wf_network_n_species(const wf_network *network);   /* all of them */
int         wf_network_n_recorded(const wf_network *network);  /* those in the output */
int         wf_network_n_reactions(const wf_network *network);
const char *wf_network_recorded_name(const wf_network *network, int i_recorded);
bool        wf_network_is_modulated(const wf_network *network); /* does any rate depend on time? */
#endif
