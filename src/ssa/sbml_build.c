/* Variables, rules and reactions of an SBML model become those of a network. Pure.

   The network's variables are the species, as amounts, and whatever changes; all else is a number. What is said of concentrations
   c = x / V is turned into what it means for amounts x, in a compartment of size V:
     c := f        becomes   x := f V
     dc/dt = f     becomes   dx/dt = f V + (x / V) dV/dt   */
#include <math.h>
#include <weightflow/base.h>
#include "ssa/network_impl.h"
#include "ssa/sbml_impl.h"

static void add_variables(wf_sbml_reader *reader)
{
  for (int i = 0; i < reader->n_entries; i++) {
    wf_sbml_entry *entry      = &reader->entries[i];
    bool           is_species = entry->kind == WF_SBML_SPECIES;
    wf_sbml_where  where      = {entry->line, is_species ? "species" : "variable", entry->id};
    if (!wf_sbml_is_quantity(entry) || !(is_species || entry->changes || entry->recorded)) continue;
    if (!isfinite(entry->value) && !entry->unsettled) {
      wf_sbml_complain(reader, &where,
                       isnan(entry->value) ? "it has no initial value: give it one" : "its initial value is infinite");
      entry->unsettled = true;
    }
    if (is_species && entry->value < 0)
      wf_sbml_complain(reader, &where, "it starts with %g: amounts must not be negative", entry->value);
    if (reader->n_problems) continue;
    entry->variable = wf_network_add_variable(
        reader->network,
        &(wf_network_variable){.name = entry->id, .initial = entry->value, .is_species = is_species, .recorded = entry->recorded});
  }
  /* what never changes stays a number in formulas */
  for (int i = 0; i < reader->n_entries; i++)
    if (!reader->entries[i].changes) reader->entries[i].variable = -1;
}

/* dV/dt of a species' compartment; -1: the size does not change by a rule, or that cannot be told (reported). */
static wf_expression convert_growth(wf_sbml_reader *reader, int compartment, const wf_sbml_where *where)
{
  const wf_sbml_entry *entry = &reader->entries[compartment];
  wf_sbml_where        place = wf_sbml_place(entry->rate, "rule for", entry->id);
  if (entry->assignment)
    wf_sbml_complain(reader, where,
                     "a rate rule for a concentration, in compartment %.60s under an assignment rule, cannot be simulated: "
                     "say hasOnlySubstanceUnits=\"true\" and give the rate of the amount",
                     entry->id);
  return entry->rate ? wf_sbml_convert(reader, Rule_getMath(entry->rate), NULL, &place) : -1;
}

static void add_rules(wf_sbml_reader *reader)
{
  wf_network *network = reader->network;
  for (int i = 0; i < reader->n_entries; i++) {
    const wf_sbml_entry *entry = &reader->entries[i];
    const Rule_t        *rule  = entry->assignment ? entry->assignment : entry->rate;
    wf_sbml_where        where = wf_sbml_place(rule, "rule for", entry->id);
    if (!rule) continue;
    wf_expression value = wf_sbml_convert(reader, Rule_getMath(rule), NULL, &where);
    value               = wf_sbml_as_amount(reader, i, value, &where);
    wf_expression size  = wf_sbml_divisor(reader, i, &where);
    if (entry->rate && size >= 0) {
      wf_expression growth = convert_growth(reader, entry->compartment, &where);
      if (growth >= 0)
        value =
            wf_sbml_operate(reader, WF_ADD, value,
                            wf_sbml_operate(reader, WF_MULTIPLY,
                                            wf_sbml_operate(reader, WF_DIVIDE, wf_sbml_quantity(reader, i, &where), size), growth));
    }
    if (value < 0) continue;
    if (entry->assignment)
      wf_network_add_assignment(network, entry->variable, value);
    else
      wf_network_add_rate(network, entry->variable, value);
  }
}

/* --- reactions --- */

/* Amount of a species for each unit of a reaction's extent (Level 3). */
static bool find_conversion(wf_sbml_reader *reader, const wf_sbml_entry *species, const wf_sbml_where *where, double *factor)
{
  const char *name = NULL;
  *factor          = 1;
  if (reader->level >= 3 && Species_isSetConversionFactor(species->species))
    name = Species_getConversionFactor(species->species);
  else if (reader->level >= 3 && Model_isSetConversionFactor(reader->model))
    name = Model_getConversionFactor(reader->model);
  if (!name) return true;
  int i = wf_sbml_find(reader, name);
  if (i >= 0 && reader->entries[i].kind == WF_SBML_PARAMETER && !reader->entries[i].changes && isfinite(reader->entries[i].value)) {
    *factor = reader->entries[i].value;
    return true;
  }
  wf_sbml_complain(reader, where, "the conversion factor %.60s of species %.60s is no constant parameter with a value", name,
                   species->id);
  return false;
}

/* How many of a species a reference stands for: an expression, mostly a number. */
static wf_expression convert_stoichiometry(wf_sbml_reader *reader, SpeciesReference_t *reference, const wf_sbml_where *where)
{
  const char *species = SpeciesReference_getSpecies(reference);
  double      number  = SpeciesReference_getStoichiometry(reference);
  if (reader->level < 3 && SpeciesReference_isSetStoichiometryMath(reference))
    return wf_sbml_convert(
        reader, StoichiometryMath_getMath((StoichiometryMath_t *)SpeciesReference_getStoichiometryMath(reference)), NULL, where);
  if (reader->level >= 3 && SpeciesReference_isSetId(reference)) {
    int i = wf_sbml_find(reader, SpeciesReference_getId(reference));
    if (reader->entries[i].changes || !isnan(reader->entries[i].value)) return wf_sbml_quantity(reader, i, where);
    number = NAN;
  }
  if (!isfinite(number)) {
    wf_sbml_complain(reader, where, "species %.60s has no stoichiometry: say stoichiometry=\"1\", if that is meant", species);
    return -1;
  }
  return wf_network_make_number(reader->network, number);
}

/* Add one reference to the changes; each species stands there once (entry.mark is its place). */
static bool add_change(wf_sbml_reader *reader, SpeciesReference_t *reference, bool is_reactant, const wf_sbml_where *where,
                       wf_network_change *changes, int *n_changes)
{
  wf_sbml_entry *species = &reader->entries[wf_sbml_find(reader, SpeciesReference_getSpecies(reference))];
  wf_expression  amount  = convert_stoichiometry(reader, reference, where);
  double         factor  = 1;
  if (!species->from_reactions) return true;
  if (!find_conversion(reader, species, where, &factor) || amount < 0) return false;
  wf_expression zero = wf_network_make_number(reader->network, 0);
  amount             = wf_sbml_operate(reader, WF_MULTIPLY, amount, wf_network_make_number(reader->network, factor));
  if (species->mark < 0) {
    species->mark          = (*n_changes)++;
    changes[species->mark] = (wf_network_change){.variable = species->variable, .expression = zero};
  }
  wf_network_change *change = &changes[species->mark];
  change->expression        = wf_sbml_operate(reader, is_reactant ? WF_SUBTRACT : WF_ADD, change->expression, amount);
  return true;
}

/* Numbers where they are, without those that are 0; returns how many changes are left. */
static int tidy_changes(const wf_network *network, int n_changes, wf_network_change *changes)
{
  int n = 0;
  for (int i = 0; i < n_changes; i++) {
    wf_network_change change = changes[i];
    if (change.variable < 0) continue; /* the numbers add up to 0 but for rounding */
    if (wf_network_expression_is_number(network, change.expression, &change.amount)) {
      if (change.amount == 0) continue;
      change.expression = -1;
    }
    changes[n++] = change;
  }
  return n;
}

static void add_reaction(wf_sbml_reader *reader, Reaction_t *reaction, wf_network_change *changes)
{
  unsigned      n_reactants = Reaction_getNumReactants(reaction), n = n_reactants + Reaction_getNumProducts(reaction);
  int           n_changes = 0, n_problems = reader->n_problems;
  wf_sbml_where where        = wf_sbml_place(reaction, "reaction", Reaction_getId(reaction));
  int           own          = wf_sbml_find(reader, where.id);
  wf_sbml_scope scope        = {.law = Reaction_getKineticLaw(reaction)};
  reader->entries[own].state = WF_SBML_BEGUN; /* a law that needs its own rate is told of */
  wf_expression law          = wf_sbml_convert(reader, KineticLaw_getMath(scope.law), &scope, &where);
  reader->entries[own].state = WF_SBML_OPEN;
  for (unsigned i = 0; i < n; i++) {
    SpeciesReference_t *reference =
        i < n_reactants ? Reaction_getReactant(reaction, i) : Reaction_getProduct(reaction, i - n_reactants);
    add_change(reader, reference, i < n_reactants, &where, changes, &n_changes);
  }
  for (unsigned i = 0; i < n; i++) {
    SpeciesReference_t *reference =
        i < n_reactants ? Reaction_getReactant(reaction, i) : Reaction_getProduct(reaction, i - n_reactants);
    reader->entries[wf_sbml_find(reader, SpeciesReference_getSpecies(reference))].mark = -1;
  }
  n_changes = tidy_changes(reader->network, n_changes, changes);
  /* A reaction that changes nothing need not be simulated. */
  if (reader->n_problems == n_problems && law >= 0 && n_changes)
    wf_network_add_law(reader->network, where.id, law, n_changes, changes);
}

static void add_reactions(wf_sbml_reader *reader)
{
  unsigned most = 0;
  for (unsigned j = 0; j < Model_getNumReactions(reader->model); j++) {
    const Reaction_t *reaction = Model_getReaction(reader->model, j);
    unsigned          n        = Reaction_getNumReactants(reaction) + Reaction_getNumProducts(reaction);
    most                       = n > most ? n : most;
  }
  wf_network_change *changes = wf_calloc(most, sizeof *changes);
  if (!changes) {
    wf_sbml_complain(reader, NULL, "memory is short");
    return;
  }
  for (unsigned j = 0; j < Model_getNumReactions(reader->model); j++)
    add_reaction(reader, Model_getReaction(reader->model, j), changes);
  wf_free(changes);
}

bool wf_sbml_build_network(wf_sbml_reader *reader)
{
  add_variables(reader);
  if (reader->n_problems) return false;
  add_rules(reader);
  add_reactions(reader);
  return !reader->n_problems;
}

bool wf_sbml_check_reversible(wf_sbml_reader *reader)
{
  const wf_network *network = reader->network;
  for (int32_t j = 0; j < network->n_reactions; j++) {
    int           i     = wf_sbml_find(reader, network->reactions[j].name);
    wf_sbml_where where = {0, "reaction", network->reactions[j].name};
    if (i < 0 || !network->reactions[j].may_be_negative || !Reaction_getReversible(reader->entries[i].reaction)) continue;
    where.line = reader->entries[i].line;
    wf_sbml_complain(reader, &where,
                     "it is reversible, with a law that may become negative: split it into one reaction for each "
                     "direction and say reversible=\"false\"");
  }
  return !reader->n_problems;
}
