/* Inside ssa/: what a simulation method is to wf_simulator. Each method is one table in its own file. */
#ifndef WEIGHTFLOW_SSA_ENGINE_H
#define WEIGHTFLOW_SSA_ENGINE_H
#include <weightflow/ssa.h>
#include "ssa/network_impl.h"

typedef struct {
  const char *description;
  int         batch_size; /* trajectories for full speed */
  /* Can it simulate this network so? If not, why [why_size] says what is in the way ("event E1", "reaction R3 ..."). */
  bool (*accepts)(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size);
  void *(*create)(const wf_network *network, const wf_ssa_config *config); /* NULL: memory is short */
  void (*destroy)(void *work);                                            /* accepts NULL */
  bool (*run)(void *work, const wf_ssa_batch *batch, wf_ssa_failure *failure);
} wf_ssa_engine;

extern const wf_ssa_engine wf_ssa_lockstep;              /* direct method, plain networks; no log */
extern const wf_ssa_engine wf_ssa_general;               /* direct method, anything; for plain networks the same bits as lockstep */
extern const wf_ssa_engine wf_ssa_next_reaction;         /* plain networks without modulation */
extern const wf_ssa_engine wf_ssa_composition_rejection; /* plain networks without modulation */
extern const wf_ssa_engine wf_ssa_tau_leaping;           /* plain networks without modulation */
#endif
