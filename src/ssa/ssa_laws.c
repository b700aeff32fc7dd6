/* Propensities of a trajectory and the choice among them (direct method: Gillespie 1977, J. Phys. Chem. 81, 2340).

   Each reaction has a share of the total: its propensity, or a bound of it. Shares are summed strictly from left to right, and the
   reaction of a candidate is the first whose running sum is above u * total. Where the share is a bound, the candidate counts with
   probability propensity / share (thinning: Lewis and Shedler 1979, Nav. Res. Logist. Q. 26, 403). A modulation has bounds for all
   times; a law that varies otherwise is enclosed over a window of time, whose length is halved until few candidates would be
   rejected and doubled when it is over. What is not finite over any window is integrated instead (ssa_curve.c). Pure. */
#include <float.h>
#include <math.h>
#include "ssa/ssa_general.h"

/* Windows are halved while they promise more rejected candidates than this, unless most are accepted anyway. */
static const double rejected_at_most = 1;
/* A window shorter than this part of its time, and still no finite bound: integrate. */
static const double shortest_window = 1e-12;
/* Integrated variables carry errors: a law may be so far below 0, relative to its largest value, and counts as 0. */
static const double negative_slack = 1e-4;

static bool is_blocked(const wf_network *network, const wf_compiled_reaction *reaction, const double *value)
{
  for (int32_t g = reaction->first_guard; g < reaction->first_guard + reaction->n_guards; g++)
    if (value[network->guards[g].slot] < network->guards[g].minimum) return true;
  return false;
}

static bool refuse_law(wf_general *work, int32_t j, double propensity)
{
  return wf_general_fail(work, WF_SSA_NEGATIVE_LAW, "reaction %s: its law gives %g", work->network->reactions[j].name, propensity);
}

void wf_general_load_bounds(wf_general *work, int32_t program)
{
  const wf_network *network   = work->network;
  const wf_program *p         = &network->programs[program];
  const int32_t     temporary = network->first_temporary;
  if (p->result < temporary) work->lower[p->result] = work->upper[p->result] = work->value[p->result];
  for (int32_t i = p->first; i < p->first + p->n_instructions; i++) {
    const int32_t operands[3] = {network->instructions[i].a, network->instructions[i].b, network->instructions[i].c};
    for (int k = 0; k < 3; k++)
      if (operands[k] < temporary) work->lower[operands[k]] = work->upper[operands[k]] = work->value[operands[k]];
  }
}

/* The share of a law that varies: its upper bound from now to the end of the window. */
static bool bound_share(wf_general *work, int32_t j)
{
  const wf_network           *network  = work->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  double                      low = 0, high = 0, now = wf_network_propensity(network, j, work->value);
  if (!(now >= 0)) return refuse_law(work, j, now);
  if (reaction->program < 0)
    high = INFINITY;
  else if (!is_blocked(network, reaction, work->value)) {
    wf_general_load_bounds(work, reaction->program);
    work->lower[network->time_slot] = work->t;
    work->upper[network->time_slot] = work->window_end;
    wf_program_bound(network, reaction->program, work->lower, work->upper, &low, &high);
  }
  work->share[j]   = fmax(high, now);
  work->certain[j] = fmax(low, 0);
  return true;
}

static bool take_share(wf_general *work, int32_t j)
{
  const wf_network           *network  = work->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  if (work->is_timed[j] && work->integrated) {
    work->share[j] = 0; /* until a reaction is to be chosen */
    return true;
  }
  if (reaction->varies && !work->frozen) return bound_share(work, j);
  if (work->frozen && work->is_timed[j])
    work->share[j] = wf_network_propensity(network, j, work->value);
  else {
    work->share[j] = wf_network_unmodulated_propensity(network, j, work->value);
    if (reaction->modulation >= 0) work->share[j] *= reaction->upper;
  }
  return work->share[j] >= 0 || refuse_law(work, j, work->share[j]);
}

static void sum_shares(wf_general *work, int32_t first)
{
  double sum = first ? work->sum[first - 1] : 0;
  for (int32_t j = first; j < work->network->n_reactions; j++) work->sum[j] = sum += work->share[j];
  work->total = sum;
}

static bool check_total(wf_general *work)
{
  if (work->integrated) work->constant_total = work->total;
  return isfinite(work->total) ||
         wf_general_fail(work, WF_SSA_COUNT_RANGE, "the total propensity is %g: the model explodes", work->total);
}

/* What may be rejected of the total. */
static double sum_uncertain(const wf_general *work)
{
  double gap = 0;
  for (int32_t i = 0; i < work->n_timed; i++) {
    const int32_t j = work->timed[i];
    if (work->network->reactions[j].varies) gap += work->share[j] - work->certain[j];
  }
  return gap;
}

static bool window_is_good(const wf_general *work)
{
  const double gap = sum_uncertain(work);
  if (!isfinite(gap)) return false;
  return gap * (work->window_end - work->t) <= rejected_at_most || gap <= work->total - gap;
}

static bool take_all_shares(wf_general *work)
{
  for (int32_t j = 0; j < work->network->n_reactions; j++)
    if (!take_share(work, j)) return false;
  sum_shares(work, 0);
  return true;
}

/* Leave thinning for the rest of this trajectory. */
static bool begin_integration(wf_general *work)
{
  work->integrated  = true;
  work->has_windows = false;
  return take_all_shares(work) && check_total(work);
}

/* Enclose all laws that vary from now to now + window_size, or less. */
static bool open_window(wf_general *work)
{
  for (;; work->window_size *= 0.5) {
    work->window_end = work->t + work->window_size;
    if (work->window_end > work->end) work->window_end = nextafter(work->end, INFINITY);
    const bool shortest = work->window_end <= nextafter(work->t, INFINITY);
    if (shortest) work->window_end = nextafter(work->t, INFINITY);
    for (int32_t i = 0; i < work->n_timed; i++)
      if (work->network->reactions[work->timed[i]].varies && !bound_share(work, work->timed[i])) return false;
    sum_shares(work, work->n_timed ? work->timed[0] : 0);
    if (window_is_good(work) || (shortest && isfinite(work->total))) return check_total(work);
    if (!isfinite(sum_uncertain(work)) && work->window_size <= shortest_window * work->window_end) return begin_integration(work);
  }
}

bool wf_laws_start(wf_general *work)
{
  work->window_end = INFINITY;
  if (!work->has_windows) return take_all_shares(work) && check_total(work);
  work->window_end = work->t; /* the narrowest for now */
  return take_all_shares(work) && open_window(work);
}

bool wf_laws_next_window(wf_general *work)
{
  work->window_size *= 2;
  return open_window(work);
}

bool wf_laws_after_jump(wf_general *work, int32_t j)
{
  const wf_network *network = work->network;
  const int32_t     begin = network->first_affected[j], end = network->first_affected[j + 1];
  int32_t           first   = begin < end ? network->affected[begin] : network->n_reactions;
  bool              rebound = false;
  for (int32_t i = begin; i < end; i++) {
    if (!take_share(work, network->affected[i])) return false;
    rebound |= network->reactions[network->affected[i]].varies;
  }
  if (work->integrated || work->frozen)
    for (int32_t i = 0; i < work->n_timed; i++) {
      if (!take_share(work, work->timed[i])) return false;
      if (work->timed[i] < first) first = work->timed[i];
    }
  if (first < network->n_reactions) sum_shares(work, first);
  if (rebound && work->has_windows && !window_is_good(work)) {
    work->window_size = 0.5 * (work->window_end - work->t);
    return open_window(work);
  }
  return check_total(work);
}

/* A law on a curve: values that only errors of integration put below 0 are 0. */
static double read_law(wf_general *work, int32_t j)
{
  const double a = wf_network_propensity(work->network, j, work->value);
  if (a > work->peak[j]) work->peak[j] = a;
  return a < 0 && a >= -negative_slack * work->peak[j] - DBL_EPSILON ? 0 : a;
}

double wf_laws_integrand(wf_general *work)
{
  double total  = work->constant_total;
  work->bad_law = -1;
  for (int32_t i = 0; i < work->n_timed; i++) {
    const double a = read_law(work, work->timed[i]);
    if (!(a >= 0)) {
      work->bad_law   = work->timed[i];
      work->bad_value = a;
      return NAN;
    }
    total += a;
  }
  return total;
}

bool wf_laws_evaluate(wf_general *work)
{
  for (int32_t i = 0; i < work->n_timed; i++) {
    const int32_t j = work->timed[i];
    work->share[j]  = read_law(work, j);
    if (!(work->share[j] >= 0)) return refuse_law(work, j, work->share[j]);
  }
  sum_shares(work, 0);
  return isfinite(work->total) || check_total(work);
}

/* The first reaction whose running sum is above r; where rounding leaves none, the last that is possible; -1: none is. */
static int32_t find_reaction(const wf_general *work, double r)
{
  int32_t low = 0, high = work->network->n_reactions;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (work->sum[middle] > r)
      high = middle;
    else
      low = middle + 1;
  }
  if (low < work->network->n_reactions) return low;
  while (low-- > 0)
    if (work->share[low] > 0) return low;
  return -1;
}

/* Is the candidate one of the process itself? within: how far into its share the search fell. */
static bool accept_candidate(wf_general *work, int32_t j, double within, bool *accepted)
{
  const wf_compiled_reaction *reaction = &work->network->reactions[j];
  *accepted                            = true;
  if (work->frozen || work->integrated) return true;
  if (reaction->varies) {
    if (within < work->certain[j]) return true;
    const double a = wf_network_propensity(work->network, j, work->value);
    *accepted      = within < a;
    return a >= 0 || refuse_law(work, j, a);
  }
  if (reaction->modulation < 0 || within * reaction->upper < work->share[j] * reaction->lower) return true;
  const double factor = wf_program_run(work->network, reaction->modulation, work->value);
  *accepted           = within * reaction->upper < work->share[j] * factor;
  return factor >= 0 || refuse_law(work, j, factor);
}

/* Apply a reaction's changes, of which some are programs: all are evaluated first. *fired = false: a species would be negative. */
static bool fire_programs(wf_general *work, int32_t j, bool *fired)
{
  const wf_network           *network  = work->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  const wf_compiled_change   *changes  = network->changes + reaction->first_change;
  double                     *value    = work->value;
  for (int32_t i = 0; i < reaction->n_changes; i++)
    work->change[i] = changes[i].program < 0 ? changes[i].amount : wf_program_run(network, changes[i].program, value);
  for (int32_t i = 0; i < reaction->n_changes; i++) {
    const double result = value[changes[i].slot] + work->change[i];
    if (!isfinite(result))
      return wf_general_fail(work, WF_SSA_COUNT_RANGE, "reaction %s makes %s %g", reaction->name,
                             network->variable_name[changes[i].slot], result);
    if (network->is_species[changes[i].slot] && work->change[i] < 0 && result < 0) return true;
  }
  for (int32_t i = 0; i < reaction->n_changes; i++) value[changes[i].slot] += work->change[i];
  *fired = true;
  return true;
}

/* Counts beyond what the output holds. */
static bool check_changed(wf_general *work, int32_t j)
{
  const wf_network           *network  = work->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  for (int32_t i = reaction->first_change; i < reaction->first_change + reaction->n_changes; i++) {
    const int32_t slot = network->changes[i].slot;
    const double  x    = work->value[slot];
    if (work->is_count[slot] && !(x >= 0 && x <= INT32_MAX))
      return wf_general_fail(work, WF_SSA_COUNT_RANGE, "reaction %s makes %s %.0f", reaction->name, network->variable_name[slot],
                             x);
  }
  return true;
}

bool wf_laws_choose(wf_general *work, int32_t *fired)
{
  const double  r        = work->uniform[work->step % WF_SSA_CHUNK] * work->total;
  const int32_t j        = find_reaction(work, r);
  bool          accepted = false;
  *fired                 = -1;
  if (j < 0) return true; /* on a curve the total may just have become 0 */
  if (!accept_candidate(work, j, j ? r - work->sum[j - 1] : r, &accepted)) return false;
  if (!accepted) return true;
  if (!work->has_programs[j])
    wf_network_fire(work->network, j, work->value);
  else {
    accepted = false;
    if (!fire_programs(work, j, &accepted)) return false;
    if (!accepted) return true;
  }
  *fired = j;
  return check_changed(work, j);
}
