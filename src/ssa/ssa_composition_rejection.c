/* Not there yet. */
#include <stdio.h>
#include "ssa/engine.h"

static bool accept_nothing(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  snprintf(why, why_size, "composition_rejection is not there yet");
  return false;
}

const wf_ssa_engine wf_ssa_composition_rejection = {.description = "composition_rejection", .accepts = accept_nothing};
