/* The table of ids of an SBML model: what there is, which rules it follows and what can change it. Pure. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/sbml_impl.h"

enum { MAX_COMPARED = 20000, MAX_COMPARED_LENGTH = 40 };

bool wf_sbml_is_quantity(const wf_sbml_entry *entry) { return entry->kind <= WF_SBML_STOICHIOMETRY; }

wf_sbml_where wf_sbml_place(const void *element, const char *what, const char *id)
{
  return (wf_sbml_where){element ? (int)SBase_getLine((SBase_t *)(uintptr_t)element) : 0, what, id};
}

int wf_sbml_find(const wf_sbml_reader *reader, const char *id)
{
  int low = 0, high = reader->n_entries - 1;
  while (id && low <= high) {
    int middle = low + (high - low) / 2, order = strcmp(reader->names[middle].id, id);
    if (order == 0) return reader->names[middle].entry;
    if (order < 0)
      low = middle + 1;
    else
      high = middle - 1;
  }
  return -1;
}

/* --- a name that is like another --- */

/* How many letters must be put in, left out or exchanged to make a of b; both are short. */
static int count_edits(const char *a, const char *b)
{
  int row[MAX_COMPARED_LENGTH + 1], n = (int)strlen(b);
  for (int j = 0; j <= n; j++) row[j] = j;
  for (int i = 0; a[i]; i++) {
    int corner = row[0];
    row[0]     = i + 1;
    for (int j = 0; j < n; j++) {
      int above = row[j + 1], cost = corner + (a[i] != b[j]);
      if (row[j] + 1 < cost) cost = row[j] + 1;
      if (above + 1 < cost) cost = above + 1;
      row[j + 1] = cost;
      corner     = above;
    }
  }
  return row[n];
}

void wf_sbml_suggest(const wf_sbml_reader *reader, const char *id, bool quantities, char *nearest, size_t size)
{
  size_t length = strlen(id);
  int    least  = length < 4 ? 2 : length < 8 ? 3 : 4; /* one less is allowed */
  nearest[0]    = 0;
  if (length > MAX_COMPARED_LENGTH || reader->n_problems >= WF_SBML_MAX_TOLD) return;
  for (int i = 0; i < reader->n_entries && i < MAX_COMPARED; i++) {
    const wf_sbml_entry *entry = &reader->entries[i];
    if ((quantities && !wf_sbml_is_quantity(entry)) || strlen(entry->id) > MAX_COMPARED_LENGTH) continue;
    int edits = count_edits(id, entry->id);
    if (edits >= least || edits == 0) continue;
    least = edits;
    snprintf(nearest, size, "; is %s meant?", entry->id);
  }
}

/* --- filling --- */

static int count_elements(const wf_sbml_reader *reader)
{
  Model_t *model = reader->model;
  unsigned n     = Model_getNumCompartments(model) + Model_getNumSpecies(model) + Model_getNumParameters(model) +
               Model_getNumFunctionDefinitions(model) + Model_getNumReactions(model) + Model_getNumEvents(model);
  for (unsigned j = 0; reader->level >= 3 && j < Model_getNumReactions(model); j++) {
    const Reaction_t *reaction = Model_getReaction(model, j);
    n += Reaction_getNumReactants(reaction) + Reaction_getNumProducts(reaction);
  }
  return (int)n;
}

static wf_sbml_entry *add_entry(wf_sbml_reader *reader, wf_sbml_kind kind, const void *element, const char *what, const char *id)
{
  wf_sbml_where where = wf_sbml_place(element, what, id);
  if (!id || !*id) {
    wf_sbml_complain(reader, &where, "it has no id: give it one");
    return NULL;
  }
  wf_sbml_entry *entry = &reader->entries[reader->n_entries++];
  *entry = (wf_sbml_entry){.id = id, .kind = kind, .line = where.line, .value = NAN, .variable = -1, .compartment = -1, .mark = -1};
  return entry;
}

static void add_compartments(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumCompartments(reader->model); i++) {
    const Compartment_t *compartment = Model_getCompartment(reader->model, i);
    wf_sbml_entry       *entry = add_entry(reader, WF_SBML_COMPARTMENT, compartment, "compartment", Compartment_getId(compartment));
    if (!entry) continue;
    entry->constant = Compartment_getConstant(compartment);
    entry->has_size = Compartment_getSpatialDimensionsAsDouble(compartment) != 0;
    /* Many models of counted molecules leave the size out, and mean 1. */
    entry->value = Compartment_isSetSize(compartment) ? Compartment_getSize(compartment) : 1;
  }
}

static void add_species(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumSpecies(reader->model); i++) {
    const Species_t *species = Model_getSpecies(reader->model, i);
    wf_sbml_entry   *entry   = add_entry(reader, WF_SBML_SPECIES, species, "species", Species_getId(species));
    if (!entry) continue;
    entry->species        = species;
    entry->constant       = Species_getConstant(species);
    entry->is_amount      = Species_getHasOnlySubstanceUnits(species);
    entry->from_reactions = !entry->constant && !Species_getBoundaryCondition(species);
    if (Species_isSetInitialAmount(species))
      entry->value = Species_getInitialAmount(species);
    else if (Species_isSetInitialConcentration(species)) {
      entry->value            = Species_getInitialConcentration(species);
      entry->in_concentration = true;
    }
  }
}

static void add_references(wf_sbml_reader *reader, Reaction_t *reaction)
{
  unsigned n_reactants = Reaction_getNumReactants(reaction), n = n_reactants + Reaction_getNumProducts(reaction);
  for (unsigned i = 0; i < n; i++) {
    SpeciesReference_t *reference =
        i < n_reactants ? Reaction_getReactant(reaction, i) : Reaction_getProduct(reaction, i - n_reactants);
    if (!SpeciesReference_isSetId(reference)) continue;
    wf_sbml_entry *entry =
        add_entry(reader, WF_SBML_STOICHIOMETRY, reference, "species reference", SpeciesReference_getId(reference));
    if (!entry) continue;
    entry->constant = SpeciesReference_getConstant(reference);
    if (SpeciesReference_isSetStoichiometry(reference)) entry->value = SpeciesReference_getStoichiometry(reference);
  }
}

static void add_others(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumParameters(reader->model); i++) {
    const Parameter_t *parameter = Model_getParameter(reader->model, i);
    wf_sbml_entry     *entry     = add_entry(reader, WF_SBML_PARAMETER, parameter, "parameter", Parameter_getId(parameter));
    if (!entry) continue;
    entry->constant = Parameter_getConstant(parameter);
    if (Parameter_isSetValue(parameter)) entry->value = Parameter_getValue(parameter);
  }
  for (unsigned i = 0; i < Model_getNumFunctionDefinitions(reader->model); i++) {
    const FunctionDefinition_t *function = Model_getFunctionDefinition(reader->model, i);
    wf_sbml_entry *entry = add_entry(reader, WF_SBML_FUNCTION, function, "function", FunctionDefinition_getId(function));
    if (entry) entry->function = function;
  }
  for (unsigned i = 0; i < Model_getNumReactions(reader->model); i++) {
    Reaction_t    *reaction = Model_getReaction(reader->model, i);
    wf_sbml_entry *entry    = add_entry(reader, WF_SBML_REACTION, reaction, "reaction", Reaction_getId(reaction));
    if (entry) entry->reaction = reaction;
    if (reader->level >= 3) add_references(reader, reaction);
  }
  for (unsigned i = 0; i < Model_getNumEvents(reader->model); i++) {
    const Event_t *event = Model_getEvent(reader->model, i);
    if (Event_isSetId(event)) add_entry(reader, WF_SBML_EVENT, event, "event", Event_getId(event));
  }
}

static int compare_names(const void *a, const void *b)
{
  const wf_sbml_name *first = a, *second = b;
  const int           order = strcmp(first->id, second->id);
  return order ? order : first->entry - second->entry;
}

static void sort_names(wf_sbml_reader *reader)
{
  static const char *const kinds[] = {"compartment", "species", "parameter", "species reference", "function", "reaction", "event"};
  for (int i = 0; i < reader->n_entries; i++) reader->names[i] = (wf_sbml_name){reader->entries[i].id, i};
  qsort(reader->names, (size_t)reader->n_entries, sizeof *reader->names, compare_names);
  for (int i = 1; i < reader->n_entries; i++) {
    if (strcmp(reader->names[i].id, reader->names[i - 1].id)) continue;
    const wf_sbml_entry *entry = &reader->entries[reader->names[i].entry], *other = &reader->entries[reader->names[i - 1].entry];
    wf_sbml_where        where = {entry->line, kinds[entry->kind], entry->id};
    wf_sbml_complain(reader, &where, "the id stands at the %s of line %d, too: rename one", kinds[other->kind], other->line);
  }
}

/* Where species live: concentrations need the size of a compartment that has one. */
static void place_species(wf_sbml_reader *reader)
{
  for (int i = 0; i < reader->n_entries; i++) {
    wf_sbml_entry *entry = &reader->entries[i];
    wf_sbml_where  where = {entry->line, "species", entry->id};
    char           nearest[80];
    if (entry->kind != WF_SBML_SPECIES) continue;
    const char *name = Species_getCompartment(entry->species);
    int         home = wf_sbml_find(reader, name);
    if (home < 0 || reader->entries[home].kind != WF_SBML_COMPARTMENT) {
      wf_sbml_suggest(reader, name ? name : "", true, nearest, sizeof nearest);
      wf_sbml_complain(reader, &where, "there is no compartment \"%.60s\"%s", name ? name : "", nearest);
      continue;
    }
    if (reader->entries[home].has_size) entry->compartment = home;
  }
}

bool wf_sbml_fill_table(wf_sbml_reader *reader)
{
  size_t n        = (size_t)count_elements(reader);
  reader->entries = wf_calloc(n, sizeof *reader->entries);
  reader->names   = wf_calloc(n, sizeof *reader->names);
  if (!reader->entries || !reader->names) {
    wf_sbml_complain(reader, NULL, "memory is short");
    return false;
  }
  add_compartments(reader);
  add_species(reader);
  add_others(reader);
  sort_names(reader);
  place_species(reader);
  return !reader->n_problems;
}

/* --- what changes --- */

/* The quantity that a rule, an initial assignment or an event sets; -1 (reported) if it cannot. */
static int find_target(wf_sbml_reader *reader, const char *id, const wf_sbml_where *where, bool while_running)
{
  char nearest[80];
  int  i = wf_sbml_find(reader, id);
  if (i < 0 || !wf_sbml_is_quantity(&reader->entries[i])) {
    wf_sbml_suggest(reader, id ? id : "", true, nearest, sizeof nearest);
    wf_sbml_complain(reader, where, "there is no compartment, species or parameter \"%.60s\"%s", id ? id : "", nearest);
    return -1;
  }
  if (while_running && reader->entries[i].constant) {
    wf_sbml_complain(reader, where, "%.60s is declared constant: say constant=\"false\" at line %d", id, reader->entries[i].line);
    return -1;
  }
  reader->entries[i].changes |= while_running;
  return i;
}

static void attach_rules(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumRules(reader->model); i++) {
    const Rule_t *rule  = Model_getRule(reader->model, i);
    wf_sbml_where where = wf_sbml_place(rule, "rule for", Rule_getVariable(rule));
    if (Rule_isAlgebraic(rule)) {
      where.what = "algebraic rule", where.id = "";
      wf_sbml_complain(reader, &where, "it cannot be simulated: solve it for a variable and make it an assignment rule");
      continue;
    }
    int target = find_target(reader, Rule_getVariable(rule), &where, true);
    if (target < 0) continue;
    wf_sbml_entry *entry = &reader->entries[target];
    if (entry->assignment || entry->rate)
      wf_sbml_complain(reader, &where, "there are two rules for it: remove one");
    else if (entry->kind == WF_SBML_SPECIES && entry->mark >= 0)
      wf_sbml_complain(reader, &where, "reactions change it, too: say boundaryCondition=\"true\" at line %d, or remove the rule",
                       entry->line);
    else if (!Rule_isSetMath(rule)) /* Level 3 Version 2: as if it were not there */
      continue;
    else if (Rule_isAssignment(rule))
      entry->assignment = rule;
    else
      entry->rate = rule;
  }
}

static void attach_initial_assignments(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumInitialAssignments(reader->model); i++) {
    const InitialAssignment_t *initial = Model_getInitialAssignment(reader->model, i);
    wf_sbml_where              where   = wf_sbml_place(initial, "initial assignment of", InitialAssignment_getSymbol(initial));
    int                        target  = find_target(reader, where.id, &where, false);
    if (target < 0 || !InitialAssignment_isSetMath(initial)) continue;
    if (reader->entries[target].initial || reader->entries[target].assignment)
      wf_sbml_complain(reader, &where, "another one or an assignment rule gives it a value, too: remove one");
    reader->entries[target].initial = initial;
  }
}

static void mark_event_targets(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumEvents(reader->model); i++) {
    const Event_t *event = Model_getEvent(reader->model, i);
    for (unsigned k = 0; k < Event_getNumEventAssignments(event); k++) {
      const EventAssignment_t *assignment = Event_getEventAssignment((Event_t *)(uintptr_t)event, k);
      wf_sbml_where            where  = wf_sbml_place(assignment, "event assignment to", EventAssignment_getVariable(assignment));
      int                      target = find_target(reader, where.id, &where, true);
      if (target >= 0 && reader->entries[target].assignment)
        wf_sbml_complain(reader, &where, "an assignment rule sets it at all times: remove the rule or this");
    }
  }
}

/* The net change of a species by a reaction, as far as it is a plain number: NaN if it is not. */
static void add_stoichiometry(wf_sbml_reader *reader, SpeciesReference_t *reference, double sign)
{
  int species = wf_sbml_find(reader, SpeciesReference_getSpecies(reference));
  if (species < 0 || !reader->entries[species].from_reactions) return;
  bool is_plain = !SpeciesReference_isSetId(reference) && !SpeciesReference_isSetStoichiometryMath(reference);
  reader->net[species] += is_plain ? sign * SpeciesReference_getStoichiometry(reference) : NAN;
}

/* Mark (entry.mark) species that reactions change. A catalyst that is made again stays a number in the laws if nothing else
   changes it. */
static void mark_reaction_changes(wf_sbml_reader *reader)
{
  for (unsigned j = 0; j < Model_getNumReactions(reader->model); j++) {
    Reaction_t *reaction    = Model_getReaction(reader->model, j);
    unsigned    n_reactants = Reaction_getNumReactants(reaction), n = n_reactants + Reaction_getNumProducts(reaction);
    for (int pass = 0; pass < 2; pass++) {
      for (unsigned i = 0; i < n; i++) {
        SpeciesReference_t *reference =
            i < n_reactants ? Reaction_getReactant(reaction, i) : Reaction_getProduct(reaction, i - n_reactants);
        int species = wf_sbml_find(reader, SpeciesReference_getSpecies(reference));
        if (pass == 0) {
          add_stoichiometry(reader, reference, i < n_reactants ? -1 : 1);
          continue;
        }
        if (species < 0) continue;
        if (reader->net[species] != 0) reader->entries[species].mark = 0, reader->entries[species].changes = true;
        reader->net[species] = 0;
      }
    }
  }
}

bool wf_sbml_mark_changes(wf_sbml_reader *reader)
{
  reader->net = wf_calloc((size_t)reader->n_entries, sizeof *reader->net);
  if (!reader->net) {
    wf_sbml_complain(reader, NULL, "memory is short");
    return false;
  }
  mark_reaction_changes(reader);
  attach_rules(reader);
  attach_initial_assignments(reader);
  mark_event_targets(reader);
  for (int i = 0; i < reader->n_entries; i++) reader->entries[i].mark = -1;
  return true;
}

/* --- what is put out --- */

/* The first ids of quantities, for a message. */
static void list_ids(const wf_sbml_reader *reader, char *list, size_t size)
{
  size_t used = 0;
  list[0]     = 0;
  for (int i = 0; i < reader->n_entries; i++) {
    const char *id = reader->entries[i].id;
    if (reader->entries[i].kind != WF_SBML_SPECIES) continue;
    if (used + strlen(id) + 8 > size) {
      snprintf(list + used, size - used, ", ...");
      return;
    }
    used += (size_t)snprintf(list + used, size - used, "%s%s", used ? ", " : "", id);
  }
}

static void mark_one_recorded(wf_sbml_reader *reader, const char *id)
{
  char nearest[80], list[200];
  int  entry = wf_sbml_find(reader, id);
  if (entry >= 0 && wf_sbml_is_quantity(&reader->entries[entry])) {
    reader->entries[entry].recorded = true;
    return;
  }
  wf_sbml_suggest(reader, id, true, nearest, sizeof nearest);
  list_ids(reader, list, sizeof list);
  wf_sbml_complain(reader, NULL, "record: \"%.60s\" is no variable of the model%s (its species: %s)", id, nearest, list);
}

bool wf_sbml_mark_recorded(wf_sbml_reader *reader, const char *record)
{
  const char *at = record ? record : "";
  int         n  = 0;
  while (*at) {
    char   id[256];
    size_t length;
    at += strspn(at, ", \t\n");
    length = strcspn(at, ", \t\n");
    if (!length) break;
    snprintf(id, sizeof id, "%.*s", (int)(length < sizeof id ? length : sizeof id - 1), at);
    mark_one_recorded(reader, id);
    at += length;
    n++;
  }
  const bool all = n == 0;
  for (int i = 0; all && i < reader->n_entries; i++) {
    reader->entries[i].recorded = reader->entries[i].kind == WF_SBML_SPECIES;
    n += reader->entries[i].recorded;
  }
  if (!n) wf_sbml_complain(reader, NULL, "the model has no species, so there is nothing to put out: name variables in record");
  return !reader->n_problems;
}
