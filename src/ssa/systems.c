/* The built-in reaction networks (Li et al. 2026, WeightFlow, section "Simulated systems"). A further system is a further entry
   of this table, and its name in the choices of simulate.system (params_table.h). Pure; nothing is collective. */
#include <string.h>
#include <weightflow/network.h>

enum { MAX_SPECIES = 16, MAX_REACTIONS = 32 };

typedef struct {
  const char *name;
  struct {
    const char *name;
    int32_t     initial;
    bool        hidden; /* a helper that is not recorded */
  } species[MAX_SPECIES];
  struct {
    const char *equation;
    double      rate, amplitude, period;
  } reactions[MAX_REACTIONS];
} system_data;

/* Neighbours stand together, so that a firing touches few blocks of propensities. */
#define CASCADE_LINK(from, to) {"X" #from " -> X" #to, 5, 0, 0}, {"X" #from " -> 0", 1, 0, 0}

static const system_data systems[] = {
  /* susceptible, infected and recovered with loss of immunity, deaths and a season in the contacts */
  {"epidemic",
   {{"S", 50, false}, {"I", 10, false}, {"R", 0, false}},
   {{"S + I -> 2 I", 0.003, 0.2, 6},
    {"I -> R", 0.02, 0, 0},
    {"R -> S", 0.007, 0, 0},
    {"S -> 0", 0.002, 0, 0},
    {"I -> 0", 0.05, 0, 0},
    {"R -> 0", 0.002, 0, 0}}},
  /* two genes, each silenced by two proteins of the other. A silent gene is 1 - gene: a species of its own makes that a mass
     action */
  {"toggle_switch",
   {{"Gx", 1, false}, {"Gy", 1, false}, {"Px", 0, false}, {"Py", 0, false}, {"Gx_silent", 0, true}, {"Gy_silent", 0, true}},
   {{"Gx -> Gx + Px", 50, 0, 0},
    {"Gy -> Gy + Py", 50, 0, 0},
    {"Px -> 0", 1, 0, 0},
    {"Py -> 0", 1, 0, 0},
    {"2 Px + Gy -> Gy_silent", 1e-4, 0, 0},
    {"2 Py + Gx -> Gx_silent", 1e-4, 0, 0},
    {"Gy_silent -> Gy + 2 Px", 0.1, 0, 0},
    {"Gx_silent -> Gx + 2 Py", 0.1, 0, 0}}},
  /* 15 species that are made from one another; linear, so that the exact law is known */
  {"signalling_cascade_1",
   {{"X1", 0, false}, {"X2", 0, false}, {"X3", 0, false}, {"X4", 0, false}, {"X5", 0, false}, {"X6", 0, false}, {"X7", 0, false},
    {"X8", 0, false}, {"X9", 0, false}, {"X10", 0, false}, {"X11", 0, false}, {"X12", 0, false}, {"X13", 0, false},
    {"X14", 0, false}, {"X15", 0, false}},
   {{"0 -> X1", 10, 0, 0}, CASCADE_LINK(1, 2), CASCADE_LINK(2, 3), CASCADE_LINK(3, 4), CASCADE_LINK(4, 5), CASCADE_LINK(5, 6),
    CASCADE_LINK(6, 7), CASCADE_LINK(7, 8), CASCADE_LINK(8, 9), CASCADE_LINK(9, 10), CASCADE_LINK(10, 11), CASCADE_LINK(11, 12),
    CASCADE_LINK(12, 13), CASCADE_LINK(13, 14), CASCADE_LINK(14, 15), {"X15 -> 0", 1, 0, 0}}},
};
enum { N_SYSTEMS = sizeof systems / sizeof *systems };

const char *wf_network_builtin_name(int i) { return i >= 0 && i < N_SYSTEMS ? systems[i].name : NULL; }

wf_network *wf_network_create_builtin(const char *name)
{
  int i = 0;
  while (i < N_SYSTEMS && strcmp(systems[i].name, name)) i++;
  if (i == N_SYSTEMS) return NULL;
  const system_data *system  = &systems[i];
  wf_network        *network = wf_network_create(name);
  if (!network) return NULL;
  for (int k = 0; k < MAX_SPECIES && system->species[k].name; k++)
    wf_network_add_species(network, system->species[k].name, system->species[k].initial, !system->species[k].hidden);
  for (int k = 0; k < MAX_REACTIONS && system->reactions[k].equation; k++)
    wf_network_add_equation(network, system->reactions[k].equation, system->reactions[k].rate, system->reactions[k].amplitude,
                            system->reactions[k].period);
  if (!wf_network_finish(network, NULL, 0)) wf_network_destroy(&network);
  return network;
}
