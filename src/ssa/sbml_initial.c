/* Initial values of an SBML model: initial assignments and assignment rules may need one another in any order. Pure.

   A stack takes the place of recursion, since chains of rules can be long: a quantity is evaluated; what it turns out to need goes
   on top of it; later it is evaluated once more. Each quantity is evaluated twice at most. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/sbml_impl.h"

/* Evaluate a quantity: NaN if it has no value, or (then something is pending) if that cannot be told yet. */
static double evaluate(wf_sbml_reader *reader, int index)
{
  const wf_sbml_entry *entry   = &reader->entries[index];
  bool                 initial = entry->initial != NULL;
  const void          *element = initial ? (const void *)entry->initial : (const void *)entry->assignment;
  wf_sbml_where        where   = wf_sbml_place(element, initial ? "initial assignment of" : "rule for", entry->id);
  wf_expression        value   = -1;
  if (!element) {
    if (!entry->in_concentration || entry->compartment < 0) return entry->value;
    if (isnan(entry->value)) return NAN;
    where = (wf_sbml_where){entry->line, "species", entry->id};
    value = wf_sbml_operate(reader, WF_MULTIPLY, wf_network_make_number(reader->network, entry->value),
                            wf_sbml_quantity(reader, entry->compartment, &where));
  } else {
    value = wf_sbml_convert(reader, initial ? InitialAssignment_getMath(entry->initial) : Rule_getMath(entry->assignment), NULL,
                            &where);
    /* not an "if": its compartment is asked for while its formula's needs are pending */
    wf_expression size = wf_sbml_divisor(reader, index, &where);
    if (size >= 0) value = wf_sbml_operate(reader, WF_MULTIPLY, value, size);
  }
  double number = NAN;
  if (value >= 0 && !wf_network_expression_is_number(reader->network, value, &number))
    number = wf_network_evaluate_initial(reader->network, value);
  return number;
}

static void complain_of_circle(wf_sbml_reader *reader, int index)
{
  wf_sbml_entry *entry = &reader->entries[index];
  wf_sbml_where  where = wf_sbml_place(entry->initial ? (const void *)entry->initial : (const void *)entry->assignment,
                                      entry->initial ? "initial assignment of" : "rule for", entry->id);
  if (!where.line) where.line = entry->line;
  if (!entry->unsettled)
    wf_sbml_complain(reader, &where, "the value depends on itself, perhaps through other assignments: remove the circle");
  entry->unsettled = true;
}

/* Evaluate what is on top of the stack; false: its needs were put on top instead. */
static bool settle_top(wf_sbml_reader *reader, int index)
{
  wf_sbml_entry *entry = &reader->entries[index];
  int            first = reader->n_pending;
  entry->state         = WF_SBML_BEGUN;
  reader->blamed       = false;
  double value         = evaluate(reader, index);
  for (int i = first; i < reader->n_pending; i++) {
    if (reader->entries[reader->pending[i]].state != WF_SBML_BEGUN) continue;
    complain_of_circle(reader, reader->pending[i]);
    reader->n_pending = first; /* given up: it has no value, and that is told */
    entry->unsettled  = true;
  }
  if (reader->n_pending > first) return false;
  entry->value = value;
  entry->state = WF_SBML_DONE;
  entry->unsettled |= isnan(value) && reader->blamed; /* the cause is told */
  return true;
}

bool wf_sbml_solve_initial(wf_sbml_reader *reader)
{
  reader->initial = true;
  for (int i = 0; i < reader->n_entries && !reader->exhausted; i++) {
    if (!wf_sbml_is_quantity(&reader->entries[i])) continue;
    int *pending = wf_sbml_grow(reader, reader->pending, reader->n_pending, &reader->pending_capacity, sizeof *pending);
    if (!pending) break;
    reader->pending              = pending;
    pending[reader->n_pending++] = i;
    while (reader->n_pending && !reader->exhausted) {
      int  top  = reader->pending[reader->n_pending - 1];
      bool done = reader->entries[top].state == WF_SBML_DONE;
      if (!done && !settle_top(reader, top)) continue;
      reader->n_pending--;
    }
  }
  reader->initial = false;
  return !reader->n_problems;
}
