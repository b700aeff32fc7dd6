/* The built-in reaction networks (Li et al. 2026, WeightFlow, section "Simulated systems"). A further system is a further entry
   of this table, and its name in the choices of simulate.system (params_table.h). Pure; nothing is collective. */
#include <stdio.h>
#include <string.h>
#include <weightflow/network.h>

enum { CASCADE_LENGTH = 15 };

/* Susceptible, infected and recovered with loss of immunity, deaths and a season in the contacts. */
static void build_epidemic(wf_network *network)
{
  wf_network_add_species(network, "S", 50, true);
  wf_network_add_species(network, "I", 10, true);
  wf_network_add_species(network, "R", 0, true);
  wf_network_add_equation(network, "S + I -> 2 I", 0.003, 0.2, 6);
  wf_network_add_equation(network, "I -> R", 0.02, 0, 0);
  wf_network_add_equation(network, "R -> S", 0.007, 0, 0);
  wf_network_add_equation(network, "S -> 0", 0.002, 0, 0);
  wf_network_add_equation(network, "I -> 0", 0.05, 0, 0);
  wf_network_add_equation(network, "R -> 0", 0.002, 0, 0);
}

/* The complex of a silent gene falls apart: 0.1 (1 - gene), and gives two proteins back. */
static void add_release(wf_network *network, const char *name, int gene, int protein)
{
  const wf_expression present   = wf_network_make_symbol(network, gene);
  const wf_expression silent[2] = {wf_network_make_number(network, 1), present};
  const wf_expression law[2] = {wf_network_make_number(network, 0.1), wf_network_make_operation(network, WF_SUBTRACT, 2, silent)};
  const wf_network_change changes[2] = {{gene, 1, -1}, {protein, 2, -1}};
  wf_network_add_law(network, name, wf_network_make_operation(network, WF_MULTIPLY, 2, law), 2, changes);
}

/* Two genes, each silenced by two proteins of the other. */
static void build_toggle_switch(wf_network *network)
{
  const int gx = wf_network_add_species(network, "Gx", 1, true), gy = wf_network_add_species(network, "Gy", 1, true);
  const int px = wf_network_add_species(network, "Px", 0, true), py = wf_network_add_species(network, "Py", 0, true);
  wf_network_add_equation(network, "Gx -> Gx + Px", 50, 0, 0);
  wf_network_add_equation(network, "Gy -> Gy + Py", 50, 0, 0);
  wf_network_add_equation(network, "Px -> 0", 1, 0, 0);
  wf_network_add_equation(network, "Py -> 0", 1, 0, 0);
  wf_network_add_equation(network, "2 Px + Gy -> 0", 1e-4, 0, 0);
  wf_network_add_equation(network, "2 Py + Gx -> 0", 1e-4, 0, 0);
  add_release(network, "Gy is released", gy, px);
  add_release(network, "Gx is released", gx, py);
}

/* Species X1 .. X15, and a name for the link from X_i to the next. */
static void add_cascade_species(wf_network *network)
{
  for (int i = 1; i <= CASCADE_LENGTH; i++) {
    char name[16];
    snprintf(name, sizeof name, "X%d", i);
    wf_network_add_species(network, name, 0, true);
  }
}

static void name_link(int i, char *name, size_t size) { snprintf(name, size, "X%d -> X%d", i, i + 1); }

/* All but the last species of a cascade are passed on by add_link and die; neighbours stand together. */
static void build_cascade(wf_network *network, void (*add_link)(wf_network *network, int i))
{
  add_cascade_species(network);
  wf_network_add_equation(network, "0 -> X1", 10, 0, 0);
  for (int i = 1; i <= CASCADE_LENGTH; i++) {
    char death[24];
    if (i < CASCADE_LENGTH) add_link(network, i);
    snprintf(death, sizeof death, "X%d -> 0", i);
    wf_network_add_equation(network, death, 1, 0, 0);
  }
}

static void add_linear_link(wf_network *network, int i)
{
  char name[32];
  name_link(i, name, sizeof name);
  wf_network_add_equation(network, name, 5, 0, 0);
}

/* 1 + 100 x / (10 + x) */
static void add_saturated_link(wf_network *network, int i)
{
  char name[32];
  name_link(i, name, sizeof name);
  const wf_expression     x = wf_network_make_symbol(network, i - 1), one = wf_network_make_number(network, 1);
  const wf_expression     above[2] = {wf_network_make_number(network, 100), x}, below[2] = {wf_network_make_number(network, 10), x};
  const wf_expression     ratio[2]   = {wf_network_make_operation(network, WF_MULTIPLY, 2, above),
                                        wf_network_make_operation(network, WF_ADD, 2, below)};
  const wf_expression     law[2]     = {one, wf_network_make_operation(network, WF_DIVIDE, 2, ratio)};
  const wf_network_change changes[2] = {{i - 1, -1, -1}, {i, 1, -1}};
  wf_network_add_law(network, name, wf_network_make_operation(network, WF_ADD, 2, law), 2, changes);
}

/* 15 species that are made from one another; linear, so that the exact law is known. */
static void build_cascade_1(wf_network *network) { build_cascade(network, add_linear_link); }
/* The same with links that saturate. */
static void build_cascade_2(wf_network *network) { build_cascade(network, add_saturated_link); }

static const struct {
  const char *name;
  void (*build)(wf_network *network);
} systems[] = {{"epidemic", build_epidemic},
               {"toggle_switch", build_toggle_switch},
               {"signalling_cascade_1", build_cascade_1},
               {"signalling_cascade_2", build_cascade_2}};
enum { N_SYSTEMS = sizeof systems / sizeof *systems };

const char *wf_network_builtin_name(int i) { return i >= 0 && i < N_SYSTEMS ? systems[i].name : NULL; }

wf_network *wf_network_create_builtin(const char *name)
{
  int i = 0;
  while (i < N_SYSTEMS && strcmp(systems[i].name, name)) i++;
  if (i == N_SYSTEMS) return NULL;
  wf_network *network = wf_network_create(name);
  if (!network) return NULL;
  systems[i].build(network);
  if (!wf_network_finish(network, NULL, 0)) wf_network_destroy(&network);
  return network;
}
