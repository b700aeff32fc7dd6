/* Not there yet. */
#include <stdio.h>
#include "ssa/engine.h"

static bool accept_nothing(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  snprintf(why, why_size, "general is not there yet");
  return false;
}

const wf_ssa_engine wf_ssa_general = {.description = "general", .accepts = accept_nothing};
