/* Reading small SBML models and asking the networks that come out. The test programs of this kind write their models to files as
   seeds for t335_fuzz_sbml.sh: PROGRAM seeds PREFIX. */
#ifndef WEIGHTFLOW_TESTS_SBML_CHECK_H
#define WEIGHTFLOW_TESTS_SBML_CHECK_H
#include <weightflow/base.h>
#include <weightflow/sbml.h>
#include "check.h"
#include "sbml_text.h"
#include "ssa/network_impl.h"

enum { TOLD_SIZE = 16384 };

typedef struct {
  char text[TOLD_SIZE];
  int  n_lines;
} told_lines;

static inline void keep_line(void *context, const char *line)
{
  told_lines *told = context;
  size_t      used = strlen(told->text);
  told->n_lines++;
  WF_CHECK(!strchr(line, '\n') && strlen(line) > 10, "%s", line);
  snprintf(told->text + used, sizeof told->text - used, "%s\n", line);
}

/* The text of a model with {formulas}. With a prefix for seeds, it is also written to a file (for t335_fuzz_sbml.sh). */
static const char *seed_prefix;

static inline char *expand_model(const char *model)
{
  static int n_seeds;
  char      *text = sbml_expand(model), path[4096];
  WF_CHECK(text, "the test's own model cannot be expanded: %s", model);
  if (!text || !seed_prefix || strlen(text) > 30000) return text;
  snprintf(path, sizeof path, "%s%03d.xml", seed_prefix, n_seeds++);
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) exit(99);
  return text;
}

/* The network of a model with {formulas} that is right. */
static inline wf_network *read_recording(const char *model, const char *record)
{
  static told_lines told;
  char             *text    = expand_model(model);
  wf_network       *network = NULL;
  told                      = (told_lines){.n_lines = 0};
  if (text) network = wf_sbml_read_text("model.xml", text, strlen(text), record, keep_line, &told);
  WF_CHECK(network && !told.n_lines, "%s", told.text);
  free(text);
  if (network) return network;
  exit(1);
}
static inline wf_network *read_model(const char *model) { return read_recording(model, ""); }

static inline int find_slot(const wf_network *network, const char *name)
{
  for (int i = 0; i < network->n_variables; i++)
    if (!strcmp(network->variable_name[i], name)) return i;
  return -1;
}

static inline double initial(const wf_network *network, const char *name)
{
  int slot = find_slot(network, name);
  WF_CHECK(slot >= 0, "there is no variable %s", name);
  return slot >= 0 ? network->start[slot] : NAN;
}

/* A state to work in: the initial one. */
static inline double *make_state(const wf_network *network)
{
  double *value = wf_calloc((size_t)network->n_slots, sizeof *value);
  if (!value) exit(99);
  memcpy(value, network->start, (size_t)network->n_slots * sizeof *value);
  return value;
}

static inline void set(const wf_network *network, double *value, const char *name, double to)
{
  int slot = find_slot(network, name);
  WF_CHECK(slot >= 0, "there is no variable %s", name);
  if (slot >= 0) value[slot] = to;
  wf_network_apply_assignments(network, value);
}

static inline int find_reaction(const wf_network *network, const char *name)
{
  int j = 0;
  while (j < network->n_reactions && strcmp(network->reactions[j].name, name)) j++;
  WF_CHECK(j < network->n_reactions, "there is no reaction %s", name);
  return j < network->n_reactions ? j : 0;
}

static inline double law(const wf_network *network, const char *name, double *value)
{
  return wf_network_propensity(network, find_reaction(network, name), value);
}

/* How much a reaction changes a variable. */
static inline double change(const wf_network *network, const char *reaction, const char *variable, const double *value)
{
  double *after = make_state(network);
  int     slot  = find_slot(network, variable);
  memcpy(after, value, (size_t)network->n_slots * sizeof *after);
  wf_network_fire(network, find_reaction(network, reaction), after);
  double difference = slot >= 0 ? after[slot] - value[slot] : NAN;
  wf_free(after);
  return difference;
}

/* Something that happens, for models in which nothing else does. */
#define CLOCK VARIABLE("clock", "0")
#define TICK_RULE RATE("clock", "1")
#define TICK LIST("Rules", TICK_RULE)
#endif
