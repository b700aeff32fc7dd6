/* A piecewise-deterministic process between its jumps: rate rules dy/dt = f(y, t) and the integral of the total propensity, by the
   embedded Runge-Kutta pair of Dormand and Prince (1980), J. Comput. Appl. Math. 6, 19, with the continuous extension of order 4
   (Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.6). The next jump is where the integral reaches
   this step's exponential number (Davis 1984, J. R. Stat. Soc. B 46, 353). Steps are chosen from errors alone. Pure. */
#include <float.h>
#include <math.h>
#include <weightflow/base.h>
#include "ssa/ssa_general.h"

enum { N_STAGES = 7, N_DENSE = 5 };
/* So many tried steps without a jump, an event or an output in between: the model is too stiff. */
static const int64_t most_steps = 1000000;
/* Absolute tolerance, as a part of the relative one: an amount below it is as good as 0. */
static const double smallest_amount = 1e-6;
/* A step reaches so far beyond the expected next jump at most, or its error would be made at each jump. */
static const double jumps_ahead = 1.5;

/* A switch (a comparison, a floor) in a rate or a law is stepped over in so small a part of the whole time; where so many come in a
   row, the state slides along one, and errors alone decide. */
static const double crossing_size  = 1e-13;
static const int    most_crossings = 20;

static const double nodes[N_STAGES]                = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
static const double stages[N_STAGES][N_STAGES - 1] = {{0},
                                                      {1.0 / 5},
                                                      {3.0 / 40, 9.0 / 40},
                                                      {44.0 / 45, -56.0 / 15, 32.0 / 9},
                                                      {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
                                                      {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
                                                      {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
static const double errors[N_STAGES]    = {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40};
static const double densities[N_STAGES] = {-12715105075.0 / 11282082432,  0,
                                           87487479700.0 / 32700410799,   -10690763975.0 / 1880347072,
                                           701980252875.0 / 199316789632, -1453857185.0 / 822651844,
                                           69997945.0 / 29380423};

static void put_state(wf_general *work, double t, const double *y)
{
  const wf_network *network       = work->network;
  work->value[network->time_slot] = t;
  for (int32_t i = 0; i < network->n_rates; i++) work->value[network->rates[i].slot] = y[i];
}

/* Operations whose value jumps. */
static bool is_switch(int32_t operation)
{
  return (operation >= WF_LESS && operation <= WF_NOT_EQUAL) || operation == WF_FLOOR || operation == WF_CEILING ||
         operation == WF_QUOTIENT || operation == WF_REMAINDER;
}

static bool has_switch(const wf_network *network, int32_t program)
{
  const wf_instruction *instructions = network->instructions + network->programs[program].first;
  for (int32_t i = 0; i < network->programs[program].n_instructions; i++)
    if (is_switch(instructions[i].operation)) return true;
  return false;
}

static bool list_switching(wf_general *work)
{
  const wf_network *network = work->network;
  wf_curve         *curve   = &work->curve;
  curve->switching          = wf_calloc((size_t)(network->n_rates + 2 * network->n_reactions), sizeof *curve->switching);
  if (!curve->switching) return false;
  for (int32_t i = 0; i < network->n_rates; i++)
    if (has_switch(network, network->rates[i].program)) curve->switching[curve->n_switching++] = network->rates[i].program;
  for (int32_t j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction    = &network->reactions[j];
    const int32_t               programs[2] = {reaction->varies ? reaction->program : -1, reaction->modulation};
    for (int k = 0; k < 2; k++)
      if (programs[k] >= 0 && has_switch(network, programs[k])) curve->switching[curve->n_switching++] = programs[k];
  }
  return true;
}

/* On which side all switches are at (t, y), as one number: different positions give different numbers but for bad luck. */
static uint64_t find_position(wf_general *work, double t, const double *y)
{
  const wf_network *network  = work->network;
  double           *value    = work->value;
  uint64_t          position = 0;
  put_state(work, t, y);
  for (int32_t s = 0; s < work->curve.n_switching; s++) {
    const wf_program     *program = &network->programs[work->curve.switching[s]];
    const wf_instruction *at      = network->instructions + program->first;
    for (const wf_instruction *end = at + program->n_instructions; at < end; at++) {
      double *result = &value[at->result];
      *result        = wf_operation_apply((wf_operation)at->operation, value[at->a], value[at->b], value[at->c]);
      if (!is_switch(at->operation)) continue;
      double side = *result;
      if (at->operation == WF_REMAINDER) side = wf_operation_apply(WF_QUOTIENT, value[at->a], value[at->b], 0);
      position = position * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)(int64_t)fmax(-1e18, fmin(1e18, side)) + 1;
    }
  }
  return position;
}

bool wf_curve_create(wf_general *work)
{
  wf_curve *curve = &work->curve;
  curve->n        = work->network->n_rates + 1;
  const size_t n  = (size_t)curve->n;
  curve->y        = wf_calloc((3 + N_STAGES + N_DENSE) * n, sizeof *curve->y); /* the other arrays are parts of it */
  if (!curve->y || !list_switching(work)) return false;
  curve->y_end   = curve->y + n;
  curve->y_stage = curve->y + 2 * n;
  for (size_t s = 0; s < N_STAGES; s++) curve->slope[s] = curve->y + (3 + s) * n;
  for (size_t s = 0; s < N_DENSE; s++) curve->dense[s] = curve->y + (3 + N_STAGES + s) * n;
  return true;
}

void wf_curve_destroy(wf_general *work)
{
  wf_free(work->curve.y);
  wf_free(work->curve.switching);
}

void wf_curve_start(wf_general *work)
{
  work->curve.slope_known = false;
  work->curve.next_size   = 1e-3 * work->end;
  work->curve.n_steps     = 0;
  work->curve.n_crossings = 0;
}

static void find_slope(wf_general *work, double t, const double *y, double *slope)
{
  const wf_network *network = work->network;
  put_state(work, t, y);
  for (int32_t i = 0; i < network->n_rates; i++) slope[i] = wf_program_run(network, network->rates[i].program, work->value);
  slope[network->n_rates] = wf_laws_integrand(work);
}

/* All stages of a step of size h from curve->y; y_end is the solution of order 5. */
static void try_step(wf_general *work, double t, double h)
{
  wf_curve *curve = &work->curve;
  for (int s = 1; s < N_STAGES; s++) {
    double *y = s + 1 < N_STAGES ? curve->y_stage : curve->y_end;
    for (int i = 0; i < curve->n; i++) {
      double sum = 0;
      for (int r = 0; r < s; r++) sum += stages[s][r] * curve->slope[r][i];
      y[i] = curve->y[i] + h * sum;
    }
    find_slope(work, t + nodes[s] * h, y, curve->slope[s]);
  }
}

/* Error of the step just tried in units of the tolerance; not finite where the step went astray. */
static double measure_error(const wf_general *work, double h)
{
  const wf_curve *curve     = &work->curve;
  const double    tolerance = work->config.ode_tolerance;
  double          largest   = 0;
  for (int i = 0; i < curve->n; i++) {
    double sum = 0;
    for (int s = 0; s < N_STAGES; s++) sum += errors[s] * curve->slope[s][i];
    const double size  = i + 1 < curve->n ? smallest_amount + fmax(fabs(curve->y[i]), fabs(curve->y_end[i])) : 1;
    const double error = fabs(h * sum) / (tolerance * size);
    if (!isfinite(error) || !isfinite(curve->y_end[i])) return INFINITY;
    largest = fmax(largest, error);
  }
  return largest;
}

/* By what to multiply the step: about 0.9 error^(-1/5), from a list, so that no library's power function decides. */
static double choose_factor(double error)
{
  static const double factors[] = {5, 3, 2, 1.5, 1.2, 1, 0.8, 0.6, 0.4, 0.2};
  for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
    const double ratio = factors[i] / 0.9;
    if (error * (ratio * ratio * ratio * ratio * ratio) <= 1) return factors[i];
  }
  return 0.1;
}

/* The polynomials of the step just taken. */
static void keep_polynomials(wf_curve *curve, double h)
{
  for (int i = 0; i < curve->n; i++) {
    const double change = curve->y_end[i] - curve->y[i], bend = h * curve->slope[0][i] - change;
    double       sum = 0;
    for (int s = 0; s < N_STAGES; s++) sum += densities[s] * curve->slope[s][i];
    curve->dense[0][i] = curve->y[i];
    curve->dense[1][i] = change;
    curve->dense[2][i] = bend;
    curve->dense[3][i] = change - h * curve->slope[N_STAGES - 1][i] - bend;
    curve->dense[4][i] = h * sum;
  }
}

static bool refuse_step(wf_general *work)
{
  const wf_network *network = work->network;
  if (work->bad_law >= 0)
    return wf_general_fail(work, WF_SSA_NEGATIVE_LAW, "reaction %s: its law gives %g", network->reactions[work->bad_law].name,
                           work->bad_value);
  for (int32_t i = 0; i < network->n_rates; i++)
    if (!isfinite(work->curve.slope[0][i]))
      return wf_general_fail(work, WF_SSA_COUNT_RANGE, "the rate rule of %s gives %g",
                             network->variable_name[network->rates[i].slot], work->curve.slope[0][i]);
  return wf_general_fail(work, WF_SSA_COUNT_RANGE, "rate rules or propensities grow without bound");
}

/* The state at the present time, and its slope. */
static bool begin_step(wf_general *work)
{
  const wf_network *network = work->network;
  wf_curve         *curve   = &work->curve;
  double           *first   = curve->slope[0];
  for (int32_t i = 0; i < network->n_rates; i++) curve->y[i] = work->value[network->rates[i].slot];
  curve->y[network->n_rates] = 0;
  if (curve->slope_known) {
    curve->slope[0]            = curve->slope[N_STAGES - 1];
    curve->slope[N_STAGES - 1] = first;
  } else
    find_slope(work, work->t, curve->y, first);
  for (int i = 0; i < curve->n; i++)
    if (!isfinite(curve->slope[0][i])) return refuse_step(work);
  return true;
}

/* No step is shorter: some units in the last place of the time. */
static double find_floor(const wf_general *work) { return fmax(8 * DBL_EPSILON * work->t, DBL_EPSILON * DBL_EPSILON * work->end); }

static double choose_size(const wf_general *work)
{
  const wf_curve *curve  = &work->curve;
  const double    hazard = curve->slope[0][curve->n - 1];
  double          h      = curve->next_size;
  if (hazard > 0 && h * hazard > jumps_ahead * work->left) h = jumps_ahead * work->left / hazard;
  return fmax(h, find_floor(work));
}

static double read_component(const wf_curve *curve, int i, double t)
{
  if (t >= curve->end) return curve->y_end[i];
  const double theta = (t - curve->begin) / (curve->end - curve->begin), rest = 1 - theta;
  return curve->dense[0][i] +
         theta * (curve->dense[1][i] + rest * (curve->dense[2][i] + theta * (curve->dense[3][i] + rest * curve->dense[4][i])));
}

/* The end of the last step that was tried, cut where a switch changes: the largest time found before that. */
static double find_switch(wf_general *work, uint64_t position)
{
  const wf_curve *curve = &work->curve;
  double          a = curve->begin, b = curve->end;
  for (int i = 0; i < 60; i++) {
    const double middle = 0.5 * a + 0.5 * b;
    if (!(middle > a && middle < b)) break;
    for (int c = 0; c < curve->n; c++) curve->y_stage[c] = read_component(curve, c, middle);
    if (find_position(work, middle, curve->y_stage) == position)
      a = middle;
    else
      b = middle;
  }
  return a;
}

/* Has the accepted step come over a switch, whose place the error does not show well? Then *h is what to try instead: up to the
   switch, and once there, the shortest step over it. */
static bool cut_at_switch(wf_general *work, double *h)
{
  wf_curve    *curve    = &work->curve;
  const double shortest = fmax(find_floor(work), crossing_size * work->end);
  if (!curve->n_switching) return false;
  const uint64_t position = find_position(work, work->t, curve->y);
  if (find_position(work, curve->end, curve->y_end) == position) {
    curve->n_crossings = 0;
    return false;
  }
  if (*h <= shortest || curve->n_crossings >= most_crossings) return false;
  curve->n_crossings++;
  curve->begin = work->t;
  keep_polynomials(curve, *h);
  *h = fmax(find_switch(work, position) - work->t, shortest);
  return true;
}

bool wf_curve_advance(wf_general *work, double limit)
{
  wf_curve *curve = &work->curve;
  if (!begin_step(work)) return false;
  const double floor = find_floor(work);
  double       h     = choose_size(work);
  for (;;) {
    if (curve->n_steps++ > most_steps)
      return wf_general_fail(work, WF_SSA_NO_PROGRESS, "the rate rules are too stiff: %lld steps, the last of %g",
                             (long long)most_steps, h);
    curve->end = work->t + h * (1 + 1e-6) >= limit ? limit : work->t + h;
    h          = curve->end - work->t;
    try_step(work, work->t, h);
    const double error = measure_error(work, h), factor = choose_factor(error);
    if (error <= 1 || (h <= floor && isfinite(error))) { /* at the floor: a jump of the right-hand side, stepped over */
      const bool cut = h < curve->next_size;             /* short for another reason than its error */
      if (cut_at_switch(work, &h)) continue;
      curve->next_size = cut ? fmax(curve->next_size, h * factor) : h * factor;
      break;
    }
    if (h <= floor) return refuse_step(work);
    h                = fmax(h * factor, floor);
    curve->next_size = h;
  }
  curve->begin = work->t;
  keep_polynomials(curve, h);
  return true;
}

void wf_curve_set_state(wf_general *work, double t)
{
  const wf_network *network       = work->network;
  work->value[network->time_slot] = t;
  for (int32_t i = 0; i < network->n_rates; i++) work->value[network->rates[i].slot] = read_component(&work->curve, i, t);
}

double wf_curve_integral(const wf_general *work, double t) { return read_component(&work->curve, work->network->n_rates, t); }

typedef struct {
  double lower, upper;
} interval;

/* [low, high] * x + offset, 0 <= low <= high. */
static interval scale_and_add(double low, double high, interval x, double offset)
{
  return (interval){fmin(low * x.lower, high * x.lower) + offset, fmax(low * x.upper, high * x.upper) + offset};
}

void wf_curve_enclose(wf_general *work, double from, double to)
{
  const wf_network *network = work->network;
  const wf_curve   *curve   = &work->curve;
  const double      size    = curve->end - curve->begin;
  const double      low = fmax(0, (from - curve->begin) / size - 1e-15), high = fmin(1, (to - curve->begin) / size + 1e-15);
  work->lower[network->time_slot] = from;
  work->upper[network->time_slot] = to;
  for (int32_t i = 0; i < network->n_rates; i++) {
    const int32_t slot = network->rates[i].slot;
    interval      x    = {curve->dense[4][i], curve->dense[4][i]};
    x                  = scale_and_add(1 - high, 1 - low, x, curve->dense[3][i]);
    x                  = scale_and_add(low, high, x, curve->dense[2][i]);
    x                  = scale_and_add(1 - high, 1 - low, x, curve->dense[1][i]);
    x                  = scale_and_add(low, high, x, curve->dense[0][i]);
    if (to >= curve->end) x = (interval){fmin(x.lower, curve->y_end[i]), fmax(x.upper, curve->y_end[i])};
    double margin = 0;
    for (int d = 0; d < N_DENSE; d++) margin += 4 * DBL_EPSILON * fabs(curve->dense[d][i]);
    work->lower[slot] = x.lower - margin;
    work->upper[slot] = x.upper + margin;
  }
}

double wf_curve_find_level(const wf_general *work, double level)
{
  const wf_curve *curve = &work->curve;
  double          a = curve->begin, b = curve->end, fa = -level, fb = wf_curve_integral(work, b) - level;
  int             side = 0;
  if (fb < 0) return INFINITY;
  if (fa >= 0) return a;
  /* Regula falsi with halved weights (Dowell and Jarratt 1971, BIT 11, 168), every fourth time bisection: a keeps fa < 0 <= fb. */
  for (int i = 0; i < 200 && b - a > 4 * DBL_EPSILON * fmax(b, DBL_MIN); i++) {
    double middle = i % 4 == 3 || !(fb > fa) ? a + 0.5 * (b - a) : b - fb * (b - a) / (fb - fa);
    if (!(middle > a && middle < b)) middle = a + 0.5 * (b - a);
    if (!(middle > a && middle < b)) break;
    const double f = wf_curve_integral(work, middle) - level;
    if (f < 0) {
      a  = middle;
      fa = f;
      if (side < 0) fb *= 0.5;
      side = -1;
    } else {
      b  = middle;
      fb = f;
      if (f == 0) break;
      if (side > 0) fa *= 0.5;
      side = 1;
    }
  }
  return b;
}
