/* The first moment at which a trigger changes. Intervals of time, leftmost first, are left out where an enclosure of the trigger
   shows that it stays as it is, else halved down to neighbouring doubles, whose right one is tried. So `time >= 25` changes at 25
   exactly, and a narrow pulse is not passed over. Along a curve the variables under rate rules are enclosed as well. Pure. */
#include <float.h>
#include <math.h>
#include "ssa/ssa_general.h"

enum {
  MOST_DEPTH  = 1200, /* from any interval of doubles down to neighbours */
  MOST_HALVES = 20000 /* then intervals that are still undecided are judged by their ends: a trigger that touches its threshold */
};

static bool holds_at(wf_general *work, int32_t e, double t)
{
  if (work->on_curve)
    wf_curve_set_state(work, t);
  else
    work->value[work->network->time_slot] = t;
  const double truth = wf_program_run(work->network, work->network->events[e].trigger, work->value);
  return truth < 0 || truth > 0;
}

/* Is the trigger certainly what it was, all over [from, to]? */
static bool stays(wf_general *work, int32_t e, double from, double to)
{
  const int32_t program = work->network->events[e].trigger;
  double        low = 0, high = 0;
  wf_general_load_bounds(work, program);
  if (work->on_curve)
    wf_curve_enclose(work, from, to);
  else {
    work->lower[work->network->time_slot] = from;
    work->upper[work->network->time_slot] = to;
  }
  wf_program_bound(work->network, program, work->lower, work->upper, &low, &high);
  return work->holds[e] ? low > 0 || high < 0 : low == 0 && high == 0;
}

/* As it holds at `to` and not at `from` (or the other way round), the neighbours between which it changes. */
static double halve_down(wf_general *work, int32_t e, double from, double to)
{
  for (;;) {
    const double middle = 0.5 * from + 0.5 * to;
    if (!(middle > from && middle < to) || to < DBL_MIN) return to;
    if (holds_at(work, e, middle) != work->holds[e])
      to = middle;
    else
      from = middle;
  }
}

double wf_crossing_find(wf_general *work, int32_t e, double from, double to)
{
  double ends[MOST_DEPTH];
  int    n = 0, n_halves = 0;
  ends[n++] = to;
  while (n > 0 && from < to) {
    const double end = ends[n - 1], middle = 0.5 * from + 0.5 * end;
    if (!stays(work, e, from, end)) {
      const bool whole = !(middle > from && middle < end) || end < DBL_MIN; /* nothing between that matters */
      if (!whole && n < MOST_DEPTH && n_halves < MOST_HALVES) {
        n_halves++;
        ends[n++] = middle;
        continue;
      }
      if (holds_at(work, e, end) != work->holds[e]) return whole ? end : halve_down(work, e, from, end);
    }
    from = end;
    n--;
  }
  return INFINITY;
}
