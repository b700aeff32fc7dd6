/* The simulator: picks the method for a network and hands batches to it. Pure. */
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/ssa.h>
#include "ssa/engine.h"
#include "ssa/jump_engine.h"

/* Above so many reactions the direct method, which looks at each of them at each jump, is left by `auto`. */
enum { MANY_REACTIONS = 400 };

struct wf_simulator {
  const wf_ssa_engine   *engine;
  const wf_network      *network;
  const wf_jump_process *process; /* in place of a network */
  wf_jump_engine        *jump_engine;
  void                  *work;
  void                  *log_work; /* of the general engine, where the engine itself keeps no log */
  wf_ssa_config          config;   /* its times are config_times */
  double                *config_times;
  int                    n_counts, n_values;
  int                   *counts, *values; /* which recorded variable */
  char                   description[128];
};

static const wf_ssa_engine *choose_engine(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  const wf_ssa_engine *const asked[] = {[WF_SSA_NEXT_REACTION]         = &wf_ssa_next_reaction,
                                        [WF_SSA_COMPOSITION_REJECTION] = &wf_ssa_composition_rejection,
                                        [WF_SSA_TAU_LEAPING]           = &wf_ssa_tau_leaping};
  char                       unwanted[192];
  if (config->algorithm > WF_SSA_DIRECT)
    return asked[config->algorithm]->accepts(network, config, why, why_size) ? asked[config->algorithm] : NULL;
  if (config->algorithm == WF_SSA_AUTO && wf_network_n_reactions(network) > MANY_REACTIONS &&
      wf_ssa_composition_rejection.accepts(network, config, unwanted, sizeof unwanted))
    return &wf_ssa_composition_rejection;
  if (wf_ssa_lockstep.accepts(network, config, unwanted, sizeof unwanted)) return &wf_ssa_lockstep;
  return wf_ssa_general.accepts(network, config, why, why_size) ? &wf_ssa_general : NULL;
}

/* Which recorded variables are counts and which are not whole numbers. */
static bool sort_recorded(wf_simulator *simulator)
{
  const int n       = wf_network_n_recorded(simulator->network);
  simulator->counts = wf_calloc((size_t)n, sizeof *simulator->counts);
  simulator->values = wf_calloc((size_t)n, sizeof *simulator->values);
  if (!simulator->counts || !simulator->values) return false;
  for (int i = 0; i < n; i++)
    if (wf_network_recorded_is_whole(simulator->network, i))
      simulator->counts[simulator->n_counts++] = i;
    else
      simulator->values[simulator->n_values++] = i;
  return true;
}

/* For the other engine, should a log be wanted. */
static bool keep_config(wf_simulator *simulator, const wf_ssa_config *config)
{
  simulator->config       = *config;
  simulator->config_times = wf_calloc((size_t)config->n_time, sizeof *simulator->config_times);
  if (!simulator->config_times) return false;
  for (int k = 0; k < config->n_time; k++) simulator->config_times[k] = config->times[k];
  simulator->config.times = simulator->config_times;
  return true;
}

wf_simulator *wf_simulator_create(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  const wf_ssa_engine *engine = choose_engine(network, config, why, why_size);
  if (!engine) return NULL;
  wf_simulator *simulator = wf_calloc(1, sizeof *simulator);
  if (simulator) {
    simulator->network = network;
    simulator->engine  = engine;
    simulator->work    = engine->create(network, config);
    snprintf(simulator->description, sizeof simulator->description, "%s", engine->description);
  }
  if (!simulator || !simulator->work || !keep_config(simulator, config) || !sort_recorded(simulator)) {
    snprintf(why, why_size, "memory is short");
    wf_simulator_destroy(&simulator);
  }
  return simulator;
}

wf_simulator *wf_simulator_create_jump(const wf_jump_process *process, const wf_ssa_config *config, char *why, size_t why_size)
{
  wf_simulator *simulator = wf_calloc(1, sizeof *simulator);
  if (simulator) {
    simulator->process     = process;
    simulator->n_counts    = process->n_counts;
    simulator->jump_engine = wf_jump_engine_create(process, config);
    snprintf(simulator->description, sizeof simulator->description, "jump process %s", process->name);
  }
  if (!simulator || !simulator->jump_engine) {
    snprintf(why, why_size, "memory is short");
    wf_simulator_destroy(&simulator);
  }
  return simulator;
}

void wf_simulator_destroy(wf_simulator **simulator)
{
  if (!*simulator) return;
  if ((*simulator)->engine) (*simulator)->engine->destroy((*simulator)->work);
  wf_jump_engine_destroy(&(*simulator)->jump_engine);
  if ((*simulator)->log_work) wf_ssa_general.destroy((*simulator)->log_work);
  wf_free((*simulator)->config_times);
  wf_free((*simulator)->counts);
  wf_free((*simulator)->values);
  wf_free(*simulator);
  *simulator = NULL;
}

/* Lanes in lock-step keep no log; the general engine gives the same trajectories with one. */
bool wf_simulator_run(wf_simulator *simulator, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  *failure = (wf_ssa_failure){.status = WF_SSA_COMPLETE};
  if (simulator->process) return wf_jump_engine_run(simulator->jump_engine, batch, failure);
  if (!batch->log || simulator->engine != &wf_ssa_lockstep) return simulator->engine->run(simulator->work, batch, failure);
  if (!simulator->log_work && !(simulator->log_work = wf_ssa_general.create(simulator->network, &simulator->config))) {
    *failure = (wf_ssa_failure){.status = WF_SSA_NO_PROGRESS, .trajectory = batch->first, .what = "memory is short"};
    return false;
  }
  return wf_ssa_general.run(simulator->log_work, batch, failure);
}

int wf_simulator_n_counts(const wf_simulator *simulator) { return simulator->n_counts; }
int wf_simulator_n_values(const wf_simulator *simulator) { return simulator->n_values; }

const char *wf_simulator_count_name(const wf_simulator *simulator, int i)
{
  return simulator->process ? simulator->process->count_names[i]
                            : wf_network_recorded_name(simulator->network, simulator->counts[i]);
}

const char *wf_simulator_value_name(const wf_simulator *simulator, int i)
{
  return wf_network_recorded_name(simulator->network, simulator->values[i]);
}

int wf_simulator_n_jumps(const wf_simulator *simulator)
{
  return simulator->process ? 1 : simulator->network->n_reactions + simulator->network->n_events;
}

void wf_simulator_jump_name(const wf_simulator *simulator, int i, char *name, size_t size)
{
  const wf_network *network = simulator->network;
  const char       *given   = "jump";
  if (network) given = i < network->n_reactions ? network->reactions[i].name : network->events[i - network->n_reactions].name;
  if (given && *given)
    snprintf(name, size, "%s", given);
  else if (i < network->n_reactions)
    snprintf(name, size, "reaction_%d", i);
  else
    snprintf(name, size, "event_%d", i - network->n_reactions);
}

bool wf_simulator_is_modulated(const wf_simulator *simulator)
{
  return simulator->network && wf_network_is_modulated(simulator->network);
}

const char *wf_simulator_description(const wf_simulator *simulator) { return simulator->description; }
int wf_simulator_batch_size(const wf_simulator *simulator) { return simulator->process ? 1 : simulator->engine->batch_size; }
