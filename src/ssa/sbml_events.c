/* Events of an SBML model become those of a network. Pure.

   An event that sets a concentration sets an amount, the value times the size that the compartment has when the event is executed:
   the new size where the same event sets that, too. */
#include <stdio.h>
#include <weightflow/base.h>
#include "ssa/sbml_impl.h"

/* What an event sets: room for as many as it has assignments. */
typedef struct {
  int            n, *variables, *entries;
  wf_expression *expressions;
} event_settings;

/* Turn concentrations into amounts. */
static void turn_into_amounts(wf_sbml_reader *reader, event_settings *settings, bool waits, const wf_sbml_where *where)
{
  for (int i = 0; i < settings->n; i++) reader->entries[settings->entries[i]].mark = i;
  for (int i = 0; i < settings->n; i++) {
    const int            index = settings->entries[i];
    const wf_sbml_entry *entry = &reader->entries[index];
    wf_expression        size  = wf_sbml_divisor(reader, index, where);
    if (size < 0) continue;
    const wf_sbml_entry *compartment = &reader->entries[entry->compartment];
    wf_expression        new_size    = compartment->mark >= 0 ? settings->expressions[compartment->mark] : -1;
    if (new_size < 0 && compartment->changes && (waits || (compartment->assignment && settings->n > 1)))
      wf_sbml_complain(reader, where,
                       "it sets the concentration of %.60s while the size of %.60s changes by itself: say "
                       "hasOnlySubstanceUnits=\"true\" and set the amount",
                       entry->id, compartment->id);
    settings->expressions[i] = wf_sbml_operate(reader, WF_MULTIPLY, settings->expressions[i], new_size < 0 ? size : new_size);
  }
  for (int i = 0; i < settings->n; i++) reader->entries[settings->entries[i]].mark = -1;
}

static bool convert_settings(wf_sbml_reader *reader, Event_t *event, event_settings *settings)
{
  for (unsigned k = 0; k < Event_getNumEventAssignments(event); k++) {
    const EventAssignment_t *assignment = Event_getEventAssignment(event, k);
    wf_sbml_where            where      = wf_sbml_place(assignment, "event assignment to", EventAssignment_getVariable(assignment));
    int                      entry      = wf_sbml_find(reader, where.id);
    if (!EventAssignment_isSetMath(assignment)) continue; /* Level 3 Version 2: it sets nothing */
    settings->entries[settings->n]     = entry;
    settings->variables[settings->n]   = reader->entries[entry].variable;
    settings->expressions[settings->n] = wf_sbml_convert(reader, EventAssignment_getMath(assignment), NULL, &where);
    if (settings->expressions[settings->n++] < 0) return false;
  }
  return true;
}

/* An event without assignments, or whose trigger says nothing, has no effect. */
static bool has_effect(Event_t *event)
{
  const Trigger_t *trigger = Event_getTrigger(event);
  return Event_getNumEventAssignments(event) && trigger && Trigger_isSetMath(trigger);
}

static void add_event(wf_sbml_reader *reader, Event_t *event, const wf_sbml_where *where, event_settings *settings)
{
  const bool        has_attributes = reader->level >= 3;
  const Trigger_t  *trigger        = Event_getTrigger(event);
  const Delay_t    *delay          = Event_getDelay(event);
  const Priority_t *priority       = Event_getPriority(event);
  wf_network_event  result         = {.name = where->id, .delay = -1, .priority = -1};
  result.trigger                   = wf_sbml_convert(reader, Trigger_getMath(trigger), NULL, where);
  result.initially_true            = has_attributes ? Trigger_getInitialValue(trigger) : true;
  result.persistent                = has_attributes ? Trigger_getPersistent(trigger) : true;
  result.values_from_trigger_time  = has_attributes || reader->version >= 4 ? Event_getUseValuesFromTriggerTime(event) : true;
  if (delay && Delay_isSetMath(delay)) result.delay = wf_sbml_convert(reader, Delay_getMath(delay), NULL, where);
  if (priority && Priority_isSetMath(priority)) result.priority = wf_sbml_convert(reader, Priority_getMath(priority), NULL, where);
  if (!convert_settings(reader, event, settings)) return;
  turn_into_amounts(reader, settings, result.delay >= 0 && result.values_from_trigger_time, where);
  result.n_assignments = settings->n;
  result.variables     = settings->variables;
  result.expressions   = settings->expressions;
  if (!reader->n_problems) wf_network_add_event(reader->network, &result);
}

bool wf_sbml_add_events(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < Model_getNumEvents(reader->model); i++) {
    Event_t       *event    = Model_getEvent(reader->model, i);
    size_t         n        = Event_getNumEventAssignments(event);
    wf_sbml_where  where    = wf_sbml_place(event, "event", Event_getId(event));
    event_settings settings = {.variables   = wf_calloc(n, sizeof *settings.variables),
                               .entries     = wf_calloc(n, sizeof *settings.entries),
                               .expressions = wf_calloc(n, sizeof *settings.expressions)};
    char           own[32];
    if (!Event_isSetId(event)) {
      snprintf(own, sizeof own, "event %u", i + 1);
      where.id = own;
    }
    if (!settings.variables || !settings.entries || !settings.expressions)
      wf_sbml_complain(reader, &where, "memory is short");
    else if (has_effect(event))
      add_event(reader, event, &where, &settings);
    wf_free(settings.variables);
    wf_free(settings.entries);
    wf_free(settings.expressions);
  }
  return !reader->n_problems;
}
