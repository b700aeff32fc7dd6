/* Step sizes of tau-leaping. Pure. */
#include <math.h>
#include <weightflow/base.h>
#include "ssa/ssa_leap_limits.h"

/* The paper's n_c: with fewer firings left a reaction is critical. */
enum { CRITICAL_FIRINGS = 10 };

/* Reaction j's law contains variable `slot`; share = n / n_i. */
typedef struct {
  int32_t reaction, slot;
  double  share;
} law_term;

struct wf_leap_limits {
  const wf_network *network;
  double            epsilon;
  double           *plain_order;            /* [n_variables] g_i from factors s x, which does not depend on x; 0: in no law */
  double           *smallest_change;        /* [n_variables] */
  double           *lower, *upper;          /* [n_variables] where amounts or factors end */
  double           *order, *drift, *spread; /* [n_variables] g_i, and mean and variance of the change of x_i a unit of time */
  int32_t           n_terms, capacity;
  law_term         *terms; /* those whose part of g_i depends on the state */
};

void wf_leap_limits_destroy(wf_leap_limits **limits)
{
  if (!*limits) return;
  wf_free((*limits)->plain_order);
  wf_free((*limits)->smallest_change);
  wf_free((*limits)->lower);
  wf_free((*limits)->upper);
  wf_free((*limits)->order);
  wf_free((*limits)->drift);
  wf_free((*limits)->spread);
  wf_free((*limits)->terms);
  wf_free(*limits);
  *limits = NULL;
}

/* Operands that are not in use repeat a, so that none needs to be told apart. */
static bool program_reads(const wf_network *network, const wf_program *program, int32_t slot)
{
  if (program->result == slot) return true;
  for (int32_t i = 0; i < program->n_instructions; i++) {
    const wf_instruction *instruction = &network->instructions[program->first + i];
    if (instruction->a == slot || instruction->b == slot || instruction->c == slot) return true;
  }
  return false;
}

/* false: memory is short. */
static bool add_term(wf_leap_limits *limits, int32_t reaction, int32_t slot, double share)
{
  if (limits->n_terms == limits->capacity) {
    const int32_t larger = 2 * limits->capacity + 16;
    law_term     *terms  = wf_calloc((size_t)larger, sizeof *terms);
    if (!terms) return false;
    for (int32_t i = 0; i < limits->n_terms; i++) terms[i] = limits->terms[i];
    wf_free(limits->terms);
    limits->terms    = terms;
    limits->capacity = larger;
  }
  limits->terms[limits->n_terms++] = (law_term){reaction, slot, share};
  return true;
}

static bool add_program(wf_leap_limits *limits, int32_t j)
{
  const wf_network *network = limits->network;
  const wf_program *program = &network->programs[network->reactions[j].program];
  const int32_t     first   = limits->n_terms;
  for (int32_t slot = 0; slot < network->n_variables; slot++)
    if (limits->smallest_change[slot] > 0 && program_reads(network, program, slot) && !add_term(limits, j, slot, 1)) return false;
  for (int32_t i = first; i < limits->n_terms; i++) limits->terms[i].share = limits->n_terms - first;
  return true;
}

/* A factor ends where it becomes 0. */
static void add_end(wf_leap_limits *limits, const wf_compiled_factor *factor)
{
  const double end = -factor->offset / factor->scale;
  if (factor->scale > 0 && factor->offset < 0) limits->lower[factor->slot] = fmax(limits->lower[factor->slot], end);
  if (factor->scale < 0) limits->upper[factor->slot] = fmin(limits->upper[factor->slot], end);
}

static bool add_product(wf_leap_limits *limits, int32_t j)
{
  const wf_network           *network  = limits->network;
  const wf_compiled_reaction *reaction = &network->reactions[j];
  const wf_compiled_factor   *factors  = network->factors + reaction->first_factor;
  for (int32_t f = 0; f < reaction->n_factors; f++) {
    const int32_t slot   = factors[f].slot;
    int32_t       n_same = 0, n_before = 0, n_plain = 0;
    if (slot >= network->n_variables || factors[f].scale == 0) continue;
    for (int32_t other = 0; other < reaction->n_factors; other++) {
      n_same += factors[other].slot == slot;
      n_before += factors[other].slot == slot && other < f;
      n_plain += factors[other].slot == slot && factors[other].offset == 0;
    }
    add_end(limits, &factors[f]);
    if (n_before) continue;
    if (n_plain == n_same)
      limits->plain_order[slot] = fmax(limits->plain_order[slot], reaction->n_factors);
    else if (!add_term(limits, j, slot, (double)reaction->n_factors / n_same))
      return false;
  }
  return true;
}

static bool study_laws(wf_leap_limits *limits)
{
  const wf_network *network = limits->network;
  for (int32_t i = 0; i < network->n_variables; i++) {
    limits->lower[i] = network->is_species[i] ? 0 : -INFINITY;
    limits->upper[i] = INFINITY;
  }
  for (int32_t j = 0; j < network->n_reactions; j++)
    for (int32_t c = 0; c < network->reactions[j].n_changes; c++) {
      const wf_compiled_change *change   = &network->changes[network->reactions[j].first_change + c];
      double                   *smallest = &limits->smallest_change[change->slot], amount = fabs(change->amount);
      if (amount > 0 && (*smallest <= 0 || amount < *smallest)) *smallest = amount;
    }
  for (int32_t j = 0; j < network->n_reactions; j++)
    if (!(network->reactions[j].program >= 0 ? add_program(limits, j) : add_product(limits, j))) return false;
  return true;
}

wf_leap_limits *wf_leap_limits_create(const wf_network *network, double epsilon)
{
  wf_leap_limits *limits = wf_calloc(1, sizeof *limits);
  if (!limits) return NULL;
  limits->network   = network;
  limits->epsilon   = epsilon;
  double **arrays[] = {&limits->plain_order, &limits->smallest_change, &limits->lower, &limits->upper,
                       &limits->order,       &limits->drift,           &limits->spread};
  bool     complete = true;
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    *arrays[i] = wf_calloc((size_t)network->n_variables, sizeof **arrays[i]);
    complete   = complete && *arrays[i];
  }
  if (!complete || !study_laws(limits)) wf_leap_limits_destroy(&limits);
  return limits;
}

/* The sum of |s x / (s x + o)| over the factors of the product that contain x. */
static double product_sensitivity(const wf_network *network, const law_term *term, const double *value)
{
  const wf_compiled_reaction *reaction = &network->reactions[term->reaction];
  double                      sum      = 0;
  for (int32_t f = 0; f < reaction->n_factors; f++) {
    const wf_compiled_factor *factor = &network->factors[reaction->first_factor + f];
    if (factor->slot != term->slot) continue;
    const double part = factor->scale * value[factor->slot], whole = part + factor->offset;
    sum += factor->offset == 0 ? 1 : whole == 0 ? INFINITY : fabs(part / whole);
  }
  return sum;
}

/* |relative change of the law / relative change of x|, for the change that a leap may make. */
static double measured_sensitivity(const wf_leap_limits *limits, const law_term *term, double *value, double propensity)
{
  const double x = value[term->slot], step = fmax(limits->epsilon * fabs(x), limits->smallest_change[term->slot]);
  double       worst = 0;
  for (int sign = -1; sign <= 1; sign += 2) {
    const double moved = x + sign * step;
    if (moved < limits->lower[term->slot]) continue;
    value[term->slot]   = moved;
    const double change = fabs(wf_network_propensity(limits->network, term->reaction, value) - propensity);
    if (change > 0) worst = fmax(worst, change / propensity * fabs(x) / step);
    if (isnan(change)) worst = INFINITY; /* the law has no value there */
  }
  value[term->slot] = x;
  return worst;
}

static bool is_critical(const wf_leap_limits *limits, int32_t j, const double *value)
{
  const wf_compiled_reaction *reaction = &limits->network->reactions[j];
  for (int32_t c = 0; c < reaction->n_changes; c++) {
    const wf_compiled_change *change = &limits->network->changes[reaction->first_change + c];
    const double              x      = value[change->slot],
                 room                = change->amount < 0 ? x - limits->lower[change->slot] : limits->upper[change->slot] - x;
    if (room < CRITICAL_FIRINGS * fabs(change->amount)) return true;
  }
  return false;
}

double wf_leap_limits_find_step(wf_leap_limits *limits, double *value, const double *propensity, bool *critical)
{
  const wf_network *network = limits->network;
  double            step    = INFINITY;
  for (int32_t i = 0; i < network->n_variables; i++) {
    limits->order[i] = limits->plain_order[i];
    limits->drift[i] = limits->spread[i] = 0;
  }
  for (int32_t i = 0; i < limits->n_terms; i++) {
    const law_term *term        = &limits->terms[i];
    const double    a           = propensity[term->reaction];
    const double    sensitivity = network->reactions[term->reaction].program >= 0 ? measured_sensitivity(limits, term, value, a)
                                                                                  : product_sensitivity(network, term, value);
    limits->order[term->slot]   = fmax(limits->order[term->slot], term->share * sensitivity);
  }
  for (int32_t j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    critical[j]                          = propensity[j] > 0 && is_critical(limits, j, value);
    if (critical[j] || !(propensity[j] > 0)) continue;
    for (int32_t c = 0; c < reaction->n_changes; c++) {
      const wf_compiled_change *change = &network->changes[reaction->first_change + c];
      limits->drift[change->slot] += change->amount * propensity[j];
      limits->spread[change->slot] += change->amount * change->amount * propensity[j];
    }
  }
  for (int32_t i = 0; i < network->n_variables; i++) {
    if (!(limits->order[i] > 0) || !(limits->spread[i] > 0)) continue;
    const double change = fmax(limits->epsilon * fabs(value[i]) / limits->order[i], limits->smallest_change[i]);
    step                = fmin(step, fmin(change / fabs(limits->drift[i]), change * change / limits->spread[i]));
  }
  return step;
}
