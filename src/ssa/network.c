/* Building reaction networks and compiling them for the simulators. Pure; nothing is collective. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/network_impl.h"

enum { LANES = WF_NETWORK_LANES };

/* Only the first mistake is kept: later ones often follow from it. */
__attribute__((format(printf, 2, 3))) static void remember_problem(wf_network *network, const char *format, ...)
{
  if (network->problem[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(network->problem, sizeof network->problem, format, arguments);
  va_end(arguments);
}

/* Make room for one more item; false if memory is short. */
static bool grow_array(void **array, int count, int *capacity, size_t size)
{
  if (count < *capacity) return true;
  int   larger = *capacity ? 2 * *capacity : 16;
  void *memory = wf_calloc((size_t)larger, size);
  if (!memory) return false;
  if (count) memcpy(memory, *array, (size_t)count * size);
  wf_free(*array);
  *array    = memory;
  *capacity = larger;
  return true;
}

wf_network *wf_network_create(const char *name)
{
  wf_network *network = wf_calloc(1, sizeof *network);
  if (network) snprintf(network->name, sizeof network->name, "%s", name);
  return network;
}

static void discard_compiled_form(wf_network *network)
{
  wf_free(network->recorded);
  wf_free(network->rate);
  wf_free(network->factor);
  wf_free(network->delta_slot);
  wf_free(network->delta);
  wf_free(network->first_guard);
  wf_free(network->guards);
  wf_free(network->first_affected);
  wf_free(network->affected);
  wf_free(network->modulated);
  wf_free(network->modulation);
}

void wf_network_destroy(wf_network **network)
{
  if (!*network) return;
  discard_compiled_form(*network);
  wf_free((*network)->species);
  wf_free((*network)->reactions);
  wf_free(*network);
  *network = NULL;
}

int wf_network_add_species(wf_network *network, const char *name, int32_t initial, bool recorded)
{
  void *array = network->species;
  if (network->finished) remember_problem(network, "species %s was added to a finished network", name);
  if (initial < 0) remember_problem(network, "species %s starts with %d: must not be negative", name, (int)initial);
  if (strlen(name) >= WF_NETWORK_NAME_SIZE) remember_problem(network, "species name %.40s... is too long", name);
  for (int i = 0; i < network->n_species; i++)
    if (!strcmp(network->species[i].name, name)) remember_problem(network, "species %s is there twice", name);
  if (network->problem[0]) return -1;
  if (!grow_array(&array, network->n_species, &network->species_capacity, sizeof *network->species)) {
    remember_problem(network, "out of memory");
    return -1;
  }
  network->species            = array;
  wf_network_species *species = &network->species[network->n_species];
  snprintf(species->name, sizeof species->name, "%s", name);
  species->initial  = initial;
  species->recorded = recorded;
  network->n_recorded += recorded;
  return network->n_species++;
}

/* Copy terms, checking that each species is known and stands there once. */
static void copy_terms(wf_network *network, const char *what, int n, const wf_network_term *from, wf_network_term *to)
{
  int number = network->n_reactions + 1;
  if (n < 0 || n > WF_NETWORK_MAX_TERMS) {
    remember_problem(network, "reaction %d has %d %s: at most %d are possible", number, n, what, WF_NETWORK_MAX_TERMS);
    return;
  }
  for (int i = 0; i < n; i++) {
    if (from[i].species < 0 || from[i].species >= network->n_species)
      remember_problem(network, "reaction %d: there is no species %d", number, from[i].species);
    for (int j = 0; j < i; j++)
      if (from[j].species == from[i].species)
        remember_problem(network, "reaction %d: a species stands twice among the %s", number, what);
    to[i] = from[i];
  }
}

void wf_network_add_reaction(wf_network *network, const wf_network_reaction *reaction)
{
  void                      *array  = network->reactions;
  int                        number = network->n_reactions + 1, order = 0;
  wf_network_stored_reaction stored = {.rate        = reaction->rate,
                                       .amplitude   = reaction->amplitude,
                                       .period      = reaction->period,
                                       .n_reactants = reaction->n_reactants,
                                       .n_changes   = reaction->n_changes};

  if (network->finished) remember_problem(network, "a reaction was added to a finished network");
  if (!(reaction->rate >= 0 && isfinite(reaction->rate)))
    remember_problem(network, "reaction %d has rate %g: must be finite and not negative", number, reaction->rate);
  if (!(fabs(reaction->amplitude) <= 1))
    remember_problem(network, "reaction %d is modulated by %g: must be between -1 and 1", number, reaction->amplitude);
  if (reaction->amplitude != 0 && !(reaction->period > 0 && isfinite(reaction->period)))
    remember_problem(network, "reaction %d has period %g: must be above 0", number, reaction->period);
  copy_terms(network, "reactants", reaction->n_reactants, reaction->reactants, stored.reactants);
  copy_terms(network, "changes", reaction->n_changes, reaction->changes, stored.changes);
  if (network->problem[0]) return;
  for (int i = 0; i < stored.n_reactants; i++) {
    order += stored.reactants[i].number;
    if (stored.reactants[i].number < 1) remember_problem(network, "reaction %d has a reactant of order below 1", number);
  }
  if (order > WF_NETWORK_MAX_ORDER)
    remember_problem(network, "reaction %d is of order %d: at most %d is possible", number, order, WF_NETWORK_MAX_ORDER);
  if (!grow_array(&array, network->n_reactions, &network->reaction_capacity, sizeof *network->reactions))
    remember_problem(network, "out of memory");
  if (network->problem[0]) return;
  network->reactions                         = array;
  network->reactions[network->n_reactions++] = stored;
}

/* Number of species `i` among terms, or 0. */
static int *find_term(int *n, wf_network_term *terms, int species)
{
  for (int i = 0; i < *n; i++)
    if (terms[i].species == species) return &terms[i].number;
  if (*n == WF_NETWORK_MAX_TERMS) return NULL;
  terms[*n] = (wf_network_term){species, 0};
  return &terms[(*n)++].number;
}

/* Read one side of an equation ("0", "S + 2 I") up to its end, adding sign * number to changes and number to reactants (if not
   NULL). Returns where it stopped, NULL where it cannot be read. */
static const char *read_side(const wf_network *network, const char *text, int sign, int *n_reactants, wf_network_term *reactants,
                             int *n_changes, wf_network_term *changes)
{
  for (;;) {
    char name[WF_NETWORK_NAME_SIZE];
    int  species = 0, *number;
    long copies  = 1;
    while (isspace((unsigned char)*text)) text++;
    if (isdigit((unsigned char)*text)) {
      char *end;
      copies = strtol(text, &end, 10);
      text   = end;
      while (isspace((unsigned char)*text)) text++;
      if (copies == 0) return text; /* "0": nothing on this side */
      if (copies > WF_NETWORK_MAX_ORDER) return NULL;
    }
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (!length || length >= sizeof name) return NULL;
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    text += length;
    while (species < network->n_species && strcmp(network->species[species].name, name)) species++;
    if (species == network->n_species) return NULL;
    if (reactants) {
      if (!(number = find_term(n_reactants, reactants, species))) return NULL;
      *number += (int)copies;
    }
    if (!(number = find_term(n_changes, changes, species))) return NULL;
    *number += sign * (int)copies;
    while (isspace((unsigned char)*text)) text++;
    if (*text != '+') return text;
    text++;
  }
}

void wf_network_add_equation(wf_network *network, const char *equation, double rate, double amplitude, double period)
{
  wf_network_term     reactants[WF_NETWORK_MAX_TERMS], changes[WF_NETWORK_MAX_TERMS];
  wf_network_reaction reaction = {
      .rate = rate, .reactants = reactants, .changes = changes, .amplitude = amplitude, .period = period};
  int         n_net = 0;
  const char *text  = read_side(network, equation, -1, &reaction.n_reactants, reactants, &reaction.n_changes, changes);

  if (text && !strncmp(text, "->", 2))
    text = read_side(network, text + 2, 1, NULL, NULL, &reaction.n_changes, changes);
  else
    text = NULL;
  if (!text || *text) {
    remember_problem(network, "reaction %d: cannot read \"%s\" (unknown species?)", network->n_reactions + 1, equation);
    return;
  }
  for (int i = 0; i < reaction.n_changes; i++) /* catalysts do not change */
    if (changes[i].number) changes[n_net++] = changes[i];
  reaction.n_changes = n_net;
  wf_network_add_reaction(network, &reaction);
}

/* Total order of a reaction: the number of factors of its propensity. */
static int count_factors(const wf_network_stored_reaction *reaction)
{
  int order = 0;
  for (int i = 0; i < reaction->n_reactants; i++) order += reaction->reactants[i].number;
  return order;
}

/* How many molecules of change i's species must be there although the power law does not see to it; 0: none. */
static int find_minimum(const wf_network_stored_reaction *reaction, int i)
{
  int minimum = -reaction->changes[i].number;
  if (minimum <= 0) return 0;
  for (int j = 0; j < reaction->n_reactants; j++)
    if (reaction->reactants[j].species == reaction->changes[i].species && minimum == 1) return 0; /* x^n is 0 at x = 0 */
  return minimum;
}

static bool allocate_compiled_form(wf_network *network)
{
  size_t lanes = (size_t)network->n_blocks * LANES, reactions = (size_t)network->n_reactions;
  int    n_guards = 0, n_terms = 0;
  for (int j = 0; j < network->n_reactions; j++) {
    n_terms += network->reactions[j].n_changes;
    for (int i = 0; i < network->reactions[j].n_changes; i++) n_guards += find_minimum(&network->reactions[j], i) > 0;
  }
  network->n_guards       = n_guards;
  network->recorded       = wf_calloc((size_t)network->n_recorded, sizeof *network->recorded);
  network->rate           = wf_calloc(lanes, sizeof *network->rate);
  network->factor         = wf_calloc(lanes * (size_t)network->n_factors, sizeof *network->factor);
  network->delta_slot     = wf_calloc(reactions * (size_t)network->n_deltas, sizeof *network->delta_slot);
  network->delta          = wf_calloc(reactions * (size_t)network->n_deltas, sizeof *network->delta);
  network->first_guard    = wf_calloc((size_t)network->n_blocks + 1, sizeof *network->first_guard);
  network->guards         = wf_calloc((size_t)n_guards, sizeof *network->guards);
  network->first_affected = wf_calloc(reactions + 1, sizeof *network->first_affected);
  network->modulated      = wf_calloc(reactions, sizeof *network->modulated);
  network->modulation     = wf_calloc(reactions, sizeof *network->modulation);
  return network->recorded && network->rate && network->factor && network->delta_slot && network->delta && network->first_guard &&
         network->guards && network->first_affected && network->modulated && network->modulation;
}

static void compile_reactions(wf_network *network)
{
  int guard = 0, recorded = 0;
  for (int i = 0; i < network->n_species; i++)
    if (network->species[i].recorded) network->recorded[recorded++] = i;
  for (int i = 0; i < network->n_blocks * network->n_factors * LANES; i++) network->factor[i] = network->one;
  for (int j = 0; j < network->n_reactions; j++) {
    const wf_network_stored_reaction *reaction = &network->reactions[j];
    int                               block = j / LANES, lane = j % LANES, w = 0;
    if (lane == 0) network->first_guard[block] = guard;
    network->rate[j] = reaction->rate;
    for (int i = 0; i < reaction->n_reactants; i++)
      for (int n = 0; n < reaction->reactants[i].number; n++)
        network->factor[(block * network->n_factors + w++) * LANES + lane] = reaction->reactants[i].species;
    for (int i = 0; i < network->n_deltas; i++) {
      bool used                                      = i < reaction->n_changes;
      network->delta_slot[j * network->n_deltas + i] = used ? reaction->changes[i].species : network->nowhere;
      network->delta[j * network->n_deltas + i]      = used ? reaction->changes[i].number : 0;
    }
    for (int i = 0; i < reaction->n_changes; i++) {
      int minimum        = find_minimum(reaction, i);
      network->max_delta = fmax(network->max_delta, fabs((double)reaction->changes[i].number));
      if (minimum) network->guards[guard++] = (wf_network_guard){lane, reaction->changes[i].species, minimum};
    }
    network->modulation[j] = -1;
    if (reaction->amplitude != 0 && reaction->rate > 0) {
      network->modulation[j]                     = network->n_modulated;
      network->modulated[network->n_modulated++] = j;
    }
  }
  network->first_guard[network->n_blocks] = guard;
}

/* Does a propensity of this block depend on a species that the reaction changes? */
static bool block_depends(const wf_network *network, int block, const wf_network_stored_reaction *reaction)
{
  int last = (block + 1) * LANES < network->n_reactions ? (block + 1) * LANES : network->n_reactions;
  for (int i = 0; i < reaction->n_changes; i++) {
    int species = reaction->changes[i].species;
    for (int k = block * LANES; k < last; k++) {
      const wf_network_stored_reaction *other = &network->reactions[k];
      for (int r = 0; r < other->n_reactants; r++)
        if (other->reactants[r].species == species) return true;
    }
    for (int g = network->first_guard[block]; g < network->first_guard[block + 1]; g++)
      if (network->guards[g].species == species) return true;
  }
  return false;
}

/* The dependency graph (Gibson and Bruck 2000, J. Phys. Chem. A 104, 1876), reaction -> blocks: counted first, then filled in. */
static bool compile_dependencies(wf_network *network)
{
  for (int pass = 0; pass < 2; pass++) {
    int count = 0;
    for (int j = 0; j < network->n_reactions; j++) {
      network->first_affected[j] = count;
      for (int b = 0; b < network->n_blocks; b++)
        if (block_depends(network, b, &network->reactions[j])) {
          if (pass) network->affected[count] = b;
          count++;
        }
    }
    network->first_affected[network->n_reactions] = count;
    if (!pass && !(network->affected = wf_calloc((size_t)count, sizeof *network->affected))) return false;
  }
  return true;
}

bool wf_network_finish(wf_network *network, char *why, size_t why_size)
{
  if (!network->n_recorded) remember_problem(network, "the network has no species to record");
  if (!network->n_reactions) remember_problem(network, "the network has no reactions");
  if (network->finished) remember_problem(network, "the network was finished before");
  if (!network->problem[0]) {
    network->n_factors = network->n_deltas = 2; /* the commonest shape, which the simulators have fast code for */
    for (int j = 0; j < network->n_reactions; j++) {
      int order = count_factors(&network->reactions[j]), changes = network->reactions[j].n_changes;
      if (order > network->n_factors) network->n_factors = order;
      if (changes > network->n_deltas) network->n_deltas = changes;
    }
    network->n_blocks = (network->n_reactions + LANES - 1) / LANES;
    network->one      = network->n_species;
    network->nowhere  = network->n_species + 1;
    network->n_slots  = network->n_species + 2;
    if (!allocate_compiled_form(network))
      remember_problem(network, "out of memory");
    else {
      compile_reactions(network);
      if (!compile_dependencies(network)) remember_problem(network, "out of memory");
    }
  }
  if (why_size) snprintf(why, why_size, "%s", network->problem);
  network->finished = !network->problem[0];
  return network->finished;
}

const char *wf_network_name(const wf_network *network) { return network->name; }
int         wf_network_n_species(const wf_network *network) { return network->n_species; }
int         wf_network_n_recorded(const wf_network *network) { return network->n_recorded; }
int         wf_network_n_reactions(const wf_network *network) { return network->n_reactions; }
bool        wf_network_is_modulated(const wf_network *network) { return network->n_modulated > 0; }
const char *wf_network_recorded_name(const wf_network *network, int i_recorded)
{
  return network->species[network->recorded[i_recorded]].name;
}
