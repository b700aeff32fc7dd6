/* Building networks: variables, reactions, rules and events as they are given, each checked. Pure; nothing is collective. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/network_source.h"

enum { MAX_TERMS = 32, MAX_ORDER = 64, FIRST_TABLE_SIZE = 64, NAME_SIZE = 64 };

void wf_network_remember_problem(wf_network *network, const char *format, ...)
{
  if (network->problem[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(network->problem, sizeof network->problem, format, arguments);
  va_end(arguments);
}

void *wf_network_grow(wf_network *network, void *array, int32_t count, int32_t *capacity, size_t size)
{
  if (count < *capacity) return array;
  int32_t larger = *capacity ? 2 * *capacity : 16;
  void   *memory = count < INT32_MAX / 2 ? wf_calloc((size_t)larger, size) : NULL;
  if (!memory) {
    wf_network_remember_problem(network, "memory is short");
    return NULL;
  }
  if (count) memcpy(memory, array, (size_t)count * size);
  wf_free(array);
  *capacity = larger;
  return memory;
}

char *wf_network_copy_text(wf_network *network, const char *text)
{
  size_t size = strlen(text) + 1;
  char  *copy = wf_calloc(size, 1);
  if (copy)
    memcpy(copy, text, size);
  else
    wf_network_remember_problem(network, "memory is short");
  return copy;
}

wf_network *wf_network_create(const char *name)
{
  wf_network *network = wf_calloc(1, sizeof *network);
  if (!network) return NULL;
  network->source = wf_calloc(1, sizeof *network->source);
  network->name   = wf_network_copy_text(network, name);
  if (!network->source || !network->name) wf_network_destroy(&network);
  return network;
}

void wf_network_discard_source(wf_network *network)
{
  wf_network_source *source = network->source;
  if (!source) return;
  for (int32_t i = 0; i < network->n_variables; i++) wf_free(source->variables[i].name);
  for (int32_t j = 0; j < network->n_reactions; j++) wf_free(source->reactions[j].name);
  for (int32_t e = 0; e < source->n_events; e++) wf_free(source->events[e].name);
  wf_network_discard_pool(source);
  wf_free(source->variables);
  wf_free(source->name_table);
  wf_free(source->reactions);
  wf_free(source->changes);
  wf_free(source->events);
  wf_free(source->event_assignments);
  wf_free(source);
  network->source = NULL;
}

/* Can anything be added? If not, that is remembered. */
static bool may_add(wf_network *network)
{
  if (!network->source) wf_network_remember_problem(network, "something was added to a finished network");
  return !network->problem[0];
}

/* --- variables --- */

static uint32_t hash_name(const char *name)
{
  uint32_t hash = 2166136261u;
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash ^ hash >> 15;
}

static int32_t *find_name_place(const wf_network_source *source, const char *name)
{
  uint32_t mask = (uint32_t)source->name_table_size - 1, i = hash_name(name) & mask;
  while (source->name_table[i] && strcmp(source->variables[source->name_table[i] - 1].name, name)) i = (i + 1) & mask;
  return &source->name_table[i];
}

static bool enlarge_name_table(wf_network *network)
{
  wf_network_source *source = network->source;
  if (2 * (network->n_variables + 1) < source->name_table_size) return true;
  int32_t  size  = source->name_table_size ? 2 * source->name_table_size : FIRST_TABLE_SIZE;
  int32_t *table = wf_calloc((size_t)size, sizeof *table);
  if (!table) {
    wf_network_remember_problem(network, "memory is short");
    return false;
  }
  wf_free(source->name_table);
  source->name_table      = table;
  source->name_table_size = size;
  for (int32_t i = 0; i < network->n_variables; i++) *find_name_place(source, source->variables[i].name) = i + 1;
  return true;
}

int wf_network_find_variable(const wf_network *network, const char *name)
{
  if (network->source) return network->source->name_table_size ? *find_name_place(network->source, name) - 1 : -1;
  for (int32_t i = 0; i < network->n_variables; i++)
    if (!strcmp(network->variable_name[i], name)) return i;
  return -1;
}

static void check_initial(wf_network *network, const char *name, bool is_species, double initial)
{
  if (!isfinite(initial)) wf_network_remember_problem(network, "%s starts with %g: must be finite", name, initial);
  if (is_species && initial < 0)
    wf_network_remember_problem(network, "species %s starts with %g: must not be negative", name, initial);
}

int wf_network_add_variable(wf_network *network, const wf_network_variable *given)
{
  if (!may_add(network) || !enlarge_name_table(network)) return -1;
  wf_network_source *source = network->source;
  if (!given->name[0]) wf_network_remember_problem(network, "variable %d has no name", (int)network->n_variables + 1);
  if (*find_name_place(source, given->name)) wf_network_remember_problem(network, "%s is there twice", given->name);
  check_initial(network, given->name, given->is_species, given->initial);
  if (network->problem[0]) return -1;
  wf_source_variable *variables =
      wf_network_grow(network, source->variables, network->n_variables, &source->variable_capacity, sizeof *variables);
  if (!variables) return -1;
  source->variables = variables;
  char *name        = wf_network_copy_text(network, given->name);
  if (!name) return -1;
  variables[network->n_variables] = (wf_source_variable){.name       = name,
                                                         .initial    = given->initial,
                                                         .is_species = given->is_species,
                                                         .recorded   = given->recorded,
                                                         .assignment = -1,
                                                         .rate       = -1};
  network->n_variables++;
  network->n_species += given->is_species;
  *find_name_place(source, name) = network->n_variables;
  return network->n_variables - 1;
}

int wf_network_add_species(wf_network *network, const char *name, int32_t initial, bool recorded)
{
  return wf_network_add_variable(
      network, &(wf_network_variable){.name = name, .initial = initial, .is_species = true, .recorded = recorded});
}

/* The variable, or NULL (and a problem) where there is none. */
static wf_source_variable *find_source_variable(wf_network *network, const char *what, int variable)
{
  if (!may_add(network)) return NULL;
  if (variable >= 0 && variable < network->n_variables) return &network->source->variables[variable];
  wf_network_remember_problem(network, "%s: there is no variable number %d", what, variable);
  return NULL;
}

void wf_network_set_initial(wf_network *network, int variable, double initial)
{
  wf_source_variable *found = find_source_variable(network, "initial value", variable);
  if (!found) return;
  check_initial(network, found->name, found->is_species, initial);
  found->initial = initial;
}

void wf_network_set_recorded(wf_network *network, int variable, bool recorded)
{
  wf_source_variable *found = find_source_variable(network, "record", variable);
  if (found) found->recorded = recorded;
}

/* --- rules --- */

static bool is_expression(const wf_network *network, wf_expression expression)
{
  return expression >= 0 && expression < network->source->n_nodes;
}

static void add_rule(wf_network *network, int variable, wf_expression expression, bool is_rate)
{
  wf_source_variable *found = find_source_variable(network, "rule", variable);
  if (!found) return;
  if (!is_expression(network, expression))
    wf_network_remember_problem(network, "the rule of %s has no expression", found->name);
  else if (found->assignment >= 0 || found->rate >= 0)
    wf_network_remember_problem(network, "%s has two rules", found->name);
  else if (is_rate)
    found->rate = expression;
  else
    found->assignment = expression;
}

void wf_network_add_assignment(wf_network *network, int variable, wf_expression expression)
{
  add_rule(network, variable, expression, false);
}

void wf_network_add_rate(wf_network *network, int variable, wf_expression expression)
{
  add_rule(network, variable, expression, true);
}

/* --- reactions --- */

static bool check_change(wf_network *network, const char *name, const wf_network_change *change)
{
  if (change->variable < 0 || change->variable >= network->n_variables)
    wf_network_remember_problem(network, "reaction %s changes variable number %d, which there is not", name, change->variable);
  else if (change->expression < 0 && !isfinite(change->amount))
    wf_network_remember_problem(network, "reaction %s changes %s by %g: must be finite", name,
                                network->source->variables[change->variable].name, change->amount);
  else if (change->expression >= network->source->n_nodes)
    wf_network_remember_problem(network, "reaction %s changes %s by what is no expression", name,
                                network->source->variables[change->variable].name);
  return !network->problem[0];
}

/* Append a change; constant amounts for one variable are added up. */
static bool append_change(wf_network *network, int32_t first, const wf_network_change *given)
{
  wf_network_source *source = network->source;
  wf_network_change  change = {given->variable, given->expression < 0 ? given->amount : 0,
                              given->expression < 0 ? -1 : given->expression};
  if (change.expression >= 0 && wf_network_expression_is_number(network, change.expression, &change.amount)) {
    change.expression = -1;
    if (!check_change(network, "with a folded amount", &change)) return false;
  }
  for (int32_t i = first; change.expression < 0 && i < source->n_changes; i++)
    if (source->changes[i].variable == change.variable && source->changes[i].expression < 0) {
      source->changes[i].amount += change.amount;
      return true;
    }
  wf_network_change *changes =
      wf_network_grow(network, source->changes, source->n_changes, &source->change_capacity, sizeof *changes);
  if (!changes) return false;
  source->changes              = changes;
  changes[source->n_changes++] = change;
  return true;
}

void wf_network_add_law(wf_network *network, const char *name, wf_expression law, int n_changes, const wf_network_change *changes)
{
  if (!may_add(network)) return;
  wf_network_source *source = network->source;
  const int32_t      first  = source->n_changes;
  if (!is_expression(network, law)) wf_network_remember_problem(network, "reaction %s has no law", name);
  for (int i = 0; i < n_changes; i++)
    if (!check_change(network, name, &changes[i]) || !append_change(network, first, &changes[i])) return;
  if (network->problem[0]) return;
  int32_t n = first; /* changes of 0 are none */
  for (int32_t i = first; i < source->n_changes; i++)
    if (source->changes[i].expression >= 0 || source->changes[i].amount != 0) source->changes[n++] = source->changes[i];
  source->n_changes = n;
  wf_source_reaction *reactions =
      wf_network_grow(network, source->reactions, network->n_reactions, &source->reaction_capacity, sizeof *reactions);
  if (!reactions) return;
  source->reactions = reactions;
  char *copy        = wf_network_copy_text(network, name);
  if (!copy) return;
  reactions[network->n_reactions++] = (wf_source_reaction){.name = copy, .law = law, .first_change = first, .n_changes = n - first};
}

/* Copy terms, checking that each species is known and stands there once. */
static void check_terms(wf_network *network, const char *name, const char *what, int n, const wf_network_term *terms)
{
  if (n < 0 || n > MAX_TERMS)
    wf_network_remember_problem(network, "reaction %s has %d %s: at most %d are possible", name, n, what, MAX_TERMS);
  for (int i = 0; i < n && !network->problem[0]; i++) {
    if (terms[i].species < 0 || terms[i].species >= network->n_variables)
      wf_network_remember_problem(network, "reaction %s: there is no species %d", name, terms[i].species);
    for (int j = 0; j < i; j++)
      if (terms[j].species == terms[i].species)
        wf_network_remember_problem(network, "reaction %s: a species stands twice among the %s", name, what);
  }
}

static void check_reaction(wf_network *network, const char *name, const wf_network_reaction *reaction)
{
  int order = 0;
  if (!(reaction->rate >= 0 && isfinite(reaction->rate)))
    wf_network_remember_problem(network, "reaction %s has rate %g: must be finite and not negative", name, reaction->rate);
  if (!(fabs(reaction->amplitude) <= 1))
    wf_network_remember_problem(network, "reaction %s is modulated by %g: must be between -1 and 1", name, reaction->amplitude);
  if (reaction->amplitude != 0 && !(reaction->period > 0 && isfinite(reaction->period)))
    wf_network_remember_problem(network, "reaction %s has period %g: must be above 0", name, reaction->period);
  check_terms(network, name, "reactants", reaction->n_reactants, reaction->reactants);
  check_terms(network, name, "changes", reaction->n_changes, reaction->changes);
  for (int i = 0; i < reaction->n_reactants && !network->problem[0]; i++) {
    const int number = reaction->reactants[i].number;
    if (number < 1)
      wf_network_remember_problem(network, "reaction %s has a reactant of order %d: must be at least 1", name, number);
    order += number < MAX_ORDER ? number : MAX_ORDER + 1;
  }
  if (order > MAX_ORDER) wf_network_remember_problem(network, "reaction %s is of an order above %d", name, MAX_ORDER);
}

/* 1 + amplitude sin(2 pi t / period) */
static wf_expression make_modulation(wf_network *network, double amplitude, double period)
{
  const double  two_pi = 6.283185307179586;
  wf_expression turns =
      wf_network_make_node(network, WF_DIVIDE, wf_network_make_time(network), wf_network_make_number(network, period), -1);
  wf_expression angle = wf_network_make_node(network, WF_MULTIPLY, wf_network_make_number(network, two_pi), turns, -1);
  wf_expression sine  = wf_network_make_node(network, WF_SIN, angle, -1, -1);
  wf_expression swing = wf_network_make_node(network, WF_MULTIPLY, wf_network_make_number(network, amplitude), sine, -1);
  return wf_network_make_node(network, WF_ADD, wf_network_make_number(network, 1), swing, -1);
}

static void add_power_law(wf_network *network, const char *name, const wf_network_reaction *reaction)
{
  wf_network_change changes[MAX_TERMS];
  check_reaction(network, name, reaction);
  if (network->problem[0]) return;
  wf_expression law = wf_network_make_number(network, reaction->rate);
  for (int i = 0; i < reaction->n_reactants; i++) {
    wf_expression species = wf_network_make_symbol(network, reaction->reactants[i].species);
    for (int n = 0; n < reaction->reactants[i].number; n++) law = wf_network_make_node(network, WF_MULTIPLY, law, species, -1);
  }
  if (reaction->amplitude != 0 && reaction->rate > 0)
    law = wf_network_make_node(network, WF_MULTIPLY, law, make_modulation(network, reaction->amplitude, reaction->period), -1);
  for (int i = 0; i < reaction->n_changes; i++)
    changes[i] = (wf_network_change){reaction->changes[i].species, reaction->changes[i].number, -1};
  wf_network_add_law(network, name, law, reaction->n_changes, changes);
}

void wf_network_add_reaction(wf_network *network, const wf_network_reaction *reaction)
{
  char name[16];
  if (!may_add(network)) return;
  snprintf(name, sizeof name, "%d", (int)network->n_reactions + 1);
  add_power_law(network, name, reaction);
}

/* Number of the species among terms, appended with 0 where it is new; NULL: too many. */
static int *find_term(int *n, wf_network_term *terms, int species)
{
  for (int i = 0; i < *n; i++)
    if (terms[i].species == species) return &terms[i].number;
  if (*n == MAX_TERMS) return NULL;
  terms[*n] = (wf_network_term){species, 0};
  return &terms[(*n)++].number;
}

static const char *skip_blanks(const char *text)
{
  while (isspace((unsigned char)*text)) text++;
  return text;
}

/* Read one side of an equation ("0", "S + 2 I") up to its end, adding sign * number to changes and number to reactants (if not
   NULL). Returns where it stopped, NULL where it cannot be read. */
static const char *read_side(const wf_network *network, const char *text, int sign, int *n_reactants, wf_network_term *reactants,
                             int *n_changes, wf_network_term *changes)
{
  for (;; text++) {
    char name[NAME_SIZE];
    int *number;
    long copies = 1;
    text        = skip_blanks(text);
    if (isdigit((unsigned char)*text)) {
      char *end;
      copies = strtol(text, &end, 10);
      text   = skip_blanks(end);
      if (copies == 0) return text; /* "0": nothing on this side */
      if (copies < 0 || copies > MAX_ORDER) return NULL;
    }
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (!length || length >= sizeof name) return NULL;
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    int species = wf_network_find_variable(network, name);
    if (species < 0) return NULL;
    if (reactants) {
      if (!(number = find_term(n_reactants, reactants, species))) return NULL;
      *number += (int)copies;
    }
    if (!(number = find_term(n_changes, changes, species))) return NULL;
    *number += sign * (int)copies;
    text = skip_blanks(text + length);
    if (*text != '+') return text;
  }
}

void wf_network_add_equation(wf_network *network, const char *equation, double rate, double amplitude, double period)
{
  wf_network_term     reactants[MAX_TERMS], changes[MAX_TERMS];
  wf_network_reaction reaction = {
      .rate = rate, .reactants = reactants, .changes = changes, .amplitude = amplitude, .period = period};
  int n_net = 0;
  if (!may_add(network)) return;
  const char *text = read_side(network, equation, -1, &reaction.n_reactants, reactants, &reaction.n_changes, changes);
  if (text && !strncmp(text, "->", 2))
    text = read_side(network, text + 2, 1, NULL, NULL, &reaction.n_changes, changes);
  else
    text = NULL;
  if (!text || *text) {
    wf_network_remember_problem(network, "reaction %d: cannot read \"%s\" (unknown species?)", (int)network->n_reactions + 1,
                                equation);
    return;
  }
  for (int i = 0; i < reaction.n_changes; i++) /* catalysts do not change */
    if (changes[i].number) changes[n_net++] = changes[i];
  reaction.n_changes = n_net;
  add_power_law(network, equation, &reaction);
}

/* --- events --- */

static void check_event(wf_network *network, const wf_network_event *event)
{
  const int32_t n_nodes = network->source->n_nodes;
  if (!is_expression(network, event->trigger)) wf_network_remember_problem(network, "event %s has no trigger", event->name);
  if (event->delay >= n_nodes || event->priority >= n_nodes)
    wf_network_remember_problem(network, "event %s has a delay or priority that is no expression", event->name);
  for (int i = 0; i < event->n_assignments && !network->problem[0]; i++) {
    if (event->variables[i] < 0 || event->variables[i] >= network->n_variables)
      wf_network_remember_problem(network, "event %s assigns variable number %d, which there is not", event->name,
                                  event->variables[i]);
    else if (!is_expression(network, event->expressions[i]))
      wf_network_remember_problem(network, "event %s assigns no expression to %s", event->name,
                                  network->source->variables[event->variables[i]].name);
    for (int k = 0; k < i; k++)
      if (event->variables[k] == event->variables[i])
        wf_network_remember_problem(network, "event %s assigns %s twice", event->name,
                                    network->source->variables[event->variables[i]].name);
  }
}

static bool append_event_assignment(wf_network *network, wf_source_assignment assignment)
{
  wf_network_source    *source = network->source;
  wf_source_assignment *array  = wf_network_grow(network, source->event_assignments, source->n_event_assignments,
                                                 &source->event_assignment_capacity, sizeof *array);
  if (!array) return false;
  source->event_assignments            = array;
  array[source->n_event_assignments++] = assignment;
  return true;
}

void wf_network_add_event(wf_network *network, const wf_network_event *event)
{
  if (!may_add(network)) return;
  wf_network_source *source = network->source;
  check_event(network, event);
  if (network->problem[0]) return;
  wf_source_event *events = wf_network_grow(network, source->events, source->n_events, &source->event_capacity, sizeof *events);
  if (!events) return;
  source->events = events;
  char *name     = wf_network_copy_text(network, event->name);
  if (!name) return;
  wf_source_event *stored   = &events[source->n_events++];
  *stored                   = (wf_source_event){.name = name, .event = *event, .first_assignment = source->n_event_assignments};
  stored->event.name        = NULL;
  stored->event.variables   = NULL;
  stored->event.expressions = NULL;
  for (int i = 0; i < event->n_assignments; i++)
    if (!append_event_assignment(network, (wf_source_assignment){event->variables[i], event->expressions[i]})) return;
}

/* --- choosing what is put out --- */

/* The variables in the output, as "S, I, R". */
static void list_recorded(const wf_network *network, char *list, size_t size)
{
  list[0] = '\0';
  for (int i = 0; i < network->n_recorded && strlen(list) + 1 < size; i++) {
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", i ? ", " : "", wf_network_recorded_name(network, i));
  }
}

/* Move the one named [length] from among first .. n_recorded - 1 to first; false: it is not there. */
static bool take_recorded(wf_network *network, int first, const char *name, size_t length)
{
  for (int i = first; i < network->n_recorded; i++) {
    const char *other = wf_network_recorded_name(network, i);
    if (strlen(other) != length || strncmp(other, name, length) != 0) continue;
    const int32_t slot  = network->recorded[i];
    const bool    whole = network->whole[i];
    for (int k = i; k > first; k--) {
      network->recorded[k] = network->recorded[k - 1];
      network->whole[k]    = network->whole[k - 1];
    }
    network->recorded[first] = slot;
    network->whole[first]    = whole;
    return true;
  }
  return false;
}

static bool is_taken(const wf_network *network, int n, const char *name, size_t length)
{
  for (int i = 0; i < n; i++)
    if (strlen(wf_network_recorded_name(network, i)) == length && !strncmp(wf_network_recorded_name(network, i), name, length))
      return true;
  return false;
}

bool wf_network_choose_recorded(wf_network *network, const char *names, char *why, size_t why_size)
{
  char list[160];
  int  n = 0;
  for (const char *at = names + strspn(names, ", \t\n"); *at; at += strspn(at, ", \t\n")) {
    const size_t length = strcspn(at, ", \t\n");
    if (!take_recorded(network, n, at, length)) {
      list_recorded(network, list, sizeof list);
      snprintf(why, why_size, "\"%.*s\" %s (of %s)", length < 60 ? (int)length : 60, at,
               is_taken(network, n, at, length) ? "stands twice" : "is no variable of the output", list);
      return false;
    }
    n++;
    at += length;
  }
  if (n > 0) network->n_recorded = n;
  return true;
}

/* --- asking --- */

const char *wf_network_name(const wf_network *network) { return network->name; }
int         wf_network_n_species(const wf_network *network) { return network->n_species; }
int         wf_network_n_recorded(const wf_network *network) { return network->n_recorded; }
int         wf_network_n_reactions(const wf_network *network) { return network->n_reactions; }
bool        wf_network_is_modulated(const wf_network *network) { return network->modulated; }
bool        wf_network_is_plain(const wf_network *network) { return network->plain; }
bool        wf_network_recorded_is_whole(const wf_network *network, int i_recorded) { return network->whole[i_recorded]; }
const char *wf_network_recorded_name(const wf_network *network, int i_recorded)
{
  return network->variable_name[network->recorded[i_recorded]];
}
