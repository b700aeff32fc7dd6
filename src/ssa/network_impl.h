/* Inside a reaction network: the reactions as given, and the form that simulators run.

   Compiled form. Reactions stand in their order in blocks of WF_NETWORK_LANES; the last block is padded with reactions of rate 0.
   A propensity is rate * state[factor 0] * ... * state[factor n_factors - 1], with repeated factors for powers and the slot `one`
   (always 1) where there are fewer; a firing adds n_deltas numbers to the state, the slot `nowhere` taking those that are not
   needed. So all reactions of a network cost the same and no loop depends on which one fires. */
#ifndef WEIGHTFLOW_SSA_NETWORK_IMPL_H
#define WEIGHTFLOW_SSA_NETWORK_IMPL_H
#include <weightflow/network.h>

enum { WF_NETWORK_LANES = 8, WF_NETWORK_NAME_SIZE = 64, WF_NETWORK_MAX_ORDER = 8, WF_NETWORK_MAX_TERMS = 16 };

typedef struct {
  char    name[WF_NETWORK_NAME_SIZE];
  int32_t initial;
  bool    recorded;
} wf_network_species;

typedef struct {
  double          rate, amplitude, period;
  int             n_reactants, n_changes;
  wf_network_term reactants[WF_NETWORK_MAX_TERMS], changes[WF_NETWORK_MAX_TERMS];
} wf_network_stored_reaction;

/* A reaction that its propensity alone does not keep from making a count negative: it needs `minimum` of `species`. */
typedef struct {
  int lane, species, minimum;
} wf_network_guard;

struct wf_network {
  char                        name[WF_NETWORK_NAME_SIZE];
  char                        problem[192]; /* the first mistake made while building, or "" */
  bool                        finished;
  int                         n_species, species_capacity, n_reactions, reaction_capacity, n_recorded;
  wf_network_species         *species;
  wf_network_stored_reaction *reactions;

  int               n_blocks, n_factors, n_deltas, n_slots, one, nowhere, n_modulated;
  double            max_delta;      /* largest change of a count by one reaction */
  int32_t          *recorded;       /* [n_recorded] species */
  double           *rate;           /* [n_blocks, LANES] without modulation */
  int32_t          *factor;         /* [n_blocks, n_factors, LANES] slots of the state */
  int32_t          *delta_slot;     /* [n_reactions, n_deltas] */
  double           *delta;          /* [n_reactions, n_deltas] */
  int               n_guards;
  int32_t          *first_guard;    /* [n_blocks + 1] */
  wf_network_guard *guards;         /* [n_guards] by block */
  int32_t          *first_affected; /* [n_reactions + 1] the dependency graph: blocks to refresh after a reaction */
  int32_t          *affected;
  int32_t          *modulated;      /* [n_modulated] reactions whose rate depends on time */
  int32_t          *modulation;     /* [n_reactions] index into modulated, or -1 */
};
#endif
