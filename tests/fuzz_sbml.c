/* libFuzzer's harness for reading SBML: any bytes give a network or a reason, and a network can be evaluated. Built and run by
   tests/t335_fuzz_sbml.sh. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/sbml.h>
#include "ssa/network_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_line(void *context, const char *line)
{
  int *n = context;
  (*n)++;
  if (strlen(line) < 10 || strchr(line, '\n')) abort();
}

static void evaluate(const wf_network *network)
{
  double *value = wf_calloc((size_t)network->n_slots, sizeof *value);
  if (!value) abort();
  memcpy(value, network->start, (size_t)network->n_slots * sizeof *value);
  for (int32_t j = 0; j < network->n_reactions; j++) {
    wf_network_propensity(network, j, value);
    wf_network_fire(network, j, value);
    wf_network_apply_assignments(network, value);
  }
  for (int32_t p = 0; p < network->n_programs; p++) wf_program_run(network, p, value);
  wf_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int         n       = 0;
  wf_network *network = wf_sbml_read_text("fuzz.xml", (const char *)data, size, "", count_line, &n);
  if ((network != NULL) != (n == 0)) abort();
  if (network) evaluate(network);
  wf_network_destroy(&network);
  return 0;
}
