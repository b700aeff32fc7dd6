/* Interval arithmetic (Moore 1966) on the operations of networks: bounds of what an operation gives for any operands within
   theirs. Results of + - * / are widened by rounding only where they are not exact, functions of the C library by a few units in
   the last place. An operation that may be undefined, or divides through 0, gives (-inf, inf). Pure. */
#include <math.h>
#include "ssa/network_impl.h"

enum { LIBRARY_ERROR = 4 }; /* units in the last place */

typedef struct {
  double low, high;
} interval;

static const interval everything = {-INFINITY, INFINITY}, undecided = {0, 1};

static bool contains(interval a, double x) { return a.low <= x && x <= a.high; }
static bool is_point(interval a) { return a.low == a.high; }

static double step_down(double x, int steps)
{
  for (int i = 0; i < steps; i++) x = nextafter(x, -INFINITY);
  return x;
}

static interval widen(double low, double high, int steps) { return (interval){step_down(low, steps), -step_down(-high, steps)}; }
static interval clamp(interval a, double low, double high) { return (interval){fmax(a.low, low), fmin(a.high, high)}; }
static interval negate(interval a) { return (interval){-a.high, -a.low}; }

/* --- arithmetic --- */

/* a + b rounded down; negated arguments and result: up. */
static double add_down(double a, double b)
{
  double sum = a + b;
  if (isinf(sum) && !isinf(a) && !isinf(b)) return sum > 0 ? nextafter(INFINITY, 0) : sum;
  double b_share = sum - a, a_share = sum - b_share;
  double error = (a - a_share) + (b - b_share); /* sum + error = a + b exactly */
  return error < 0 ? nextafter(sum, -INFINITY) : sum;
}

static interval add(interval a, interval b)
{
  interval sum = {add_down(a.low, b.low), -add_down(-a.high, -b.high)};
  return sum.low <= sum.high ? sum : everything;
}

/* a b rounded down, 0 times anything being 0. */
static double multiply_down(double a, double b)
{
  if (a == 0 || b == 0) return 0;
  double product = a * b;
  if (isinf(product)) return product < 0 || isinf(a) || isinf(b) ? product : nextafter(INFINITY, 0);
  if (fabs(product) < 0x1p-900) return nextafter(product, -INFINITY); /* where the error cannot be computed */
  return fma(a, b, -product) < 0 ? nextafter(product, -INFINITY) : product;
}

static double least_of(double a, double b, double c, double d) { return fmin(fmin(a, b), fmin(c, d)); }

static interval multiply(interval a, interval b)
{
  return (interval){least_of(multiply_down(a.low, b.low), multiply_down(a.low, b.high), multiply_down(a.high, b.low),
                             multiply_down(a.high, b.high)),
                    -least_of(multiply_down(-a.low, b.low), multiply_down(-a.low, b.high), multiply_down(-a.high, b.low),
                              multiply_down(-a.high, b.high))};
}

/* a / b rounded down, where b is not 0; infinite over infinite is 0, as the other corners give the rest. */
static double divide_down(double a, double b)
{
  if (a == 0) return 0;
  if (isinf(b)) return isinf(a) || (a < 0) == (b < 0) ? 0 : -0x1p-1074;
  double quotient = a / b;
  if (isinf(quotient)) return quotient < 0 || isinf(a) ? quotient : nextafter(INFINITY, 0);
  double rest  = fma(-quotient, b, a); /* of the sign of (a / b - quotient) b */
  bool   exact = rest == 0 && fabs(quotient) > 0x1p-900 && fabs(a) > 0x1p-900;
  return exact ? quotient : nextafter(quotient, -INFINITY);
}

static interval divide(interval a, interval b)
{
  if (contains(b, 0)) return everything;
  return (interval){
      least_of(divide_down(a.low, b.low), divide_down(a.low, b.high), divide_down(a.high, b.low), divide_down(a.high, b.high)),
      -least_of(divide_down(-a.low, b.low), divide_down(-a.low, b.high), divide_down(-a.high, b.low),
                divide_down(-a.high, b.high))};
}

static interval invert(interval a) { return divide((interval){1, 1}, a); }

static interval find_absolute(interval a)
{
  if (a.low >= 0) return a;
  if (a.high <= 0) return negate(a);
  return (interval){0, fmax(-a.low, a.high)};
}

/* --- powers --- */

/* x^n for whole n > 0 as pow gives it. */
static interval raise_to_whole(interval a, double n)
{
  interval base = fmod(n, 2) == 0 ? find_absolute(a) : a;
  return widen(pow(base.low, n), pow(base.high, n), LIBRARY_ERROR);
}

static interval raise(interval a, interval b)
{
  if (is_point(b) && b.low == floor(b.low) && isfinite(b.low)) {
    if (b.low == 0) return (interval){1, 1};
    interval power = raise_to_whole(a, fabs(b.low));
    if (a.low >= 0 || fmod(b.low, 2) == 0) power = clamp(power, 0, INFINITY);
    if (b.low > 0) return power;
    return contains(a, 0) ? everything : invert(power);
  }
  if (a.low < 0 || (a.low == 0 && b.low < 0)) return everything;
  const double corner[4] = {pow(a.low, b.low), pow(a.low, b.high), pow(a.high, b.low), pow(a.high, b.high)};
  double       low = corner[0], high = corner[0];
  for (int i = 1; i < 4; i++) {
    low  = fmin(low, corner[i]);
    high = fmax(high, corner[i]);
  }
  /* an infinite corner of 1^inf or inf^0 hides what lies beside it */
  if (!isfinite(a.high) || !isfinite(b.low) || !isfinite(b.high)) {
    if (a.low < 1 && b.high == INFINITY) low = 0;
    if (a.high > 1 && b.high == INFINITY) high = INFINITY;
    if (a.high > 1 && b.low == -INFINITY) low = 0;
    if (a.low < 1 && b.low == -INFINITY) high = INFINITY;
    if (a.high == INFINITY && b.high > 0) high = INFINITY;
    if (a.high == INFINITY && b.low < 0) low = 0;
  }
  return clamp(widen(low, high, LIBRARY_ERROR), 0, INFINITY);
}

static interval take_root(interval degree, interval x)
{
  if (is_point(degree) && degree.low == 2) return x.low < 0 ? everything : clamp(widen(sqrt(x.low), sqrt(x.high), 1), 0, INFINITY);
  if (is_point(degree) && degree.low == 3) return widen(cbrt(x.low), cbrt(x.high), LIBRARY_ERROR);
  interval root = raise(x, invert(degree));
  return widen(root.low, root.high, LIBRARY_ERROR);
}

static interval take_logarithm(interval a) { return a.low < 0 ? everything : widen(log(a.low), log(a.high), LIBRARY_ERROR); }

/* log_base(x), by whichever way it is computed. */
static interval take_logarithm_to(interval base, interval x)
{
  if (base.low <= 0) return everything;
  interval ratio = divide(take_logarithm(x), take_logarithm(base));
  return widen(ratio.low, ratio.high, 2 * LIBRARY_ERROR);
}

/* --- circular functions --- */

/* Does [low, high] (in units of pi / 2) hold a point of `residue` modulo 4? Blurred outwards. */
static bool meets(double low, double high, double residue)
{
  const double blur = 1e-9 * (1 + fmax(fabs(low), fabs(high)));
  return floor((high + blur - residue) / 4) >= ceil((low - blur - residue) / 4);
}

/* Of sin shifted by `shift` quarter turns: sin 0, cos 1. */
static interval find_sine(interval a, double shift, double (*function)(double))
{
  const double quarter = 1.5707963267948966;
  interval     bounds  = {-1, 1};
  if (!(a.high - a.low < 4 * quarter) || fabs(a.low) > 1e6 || fabs(a.high) > 1e6) return bounds;
  const double low = a.low / quarter + shift, high = a.high / quarter + shift, first = function(a.low), last = function(a.high);
  bounds = widen(fmin(first, last), fmax(first, last), LIBRARY_ERROR);
  if (meets(low, high, 1)) bounds.high = 1;
  if (meets(low, high, 3)) bounds.low = -1;
  return clamp(bounds, -1, 1);
}

static interval find_tangent(interval a)
{
  const double quarter = 1.5707963267948966;
  if (!(a.high - a.low < 2 * quarter) || fabs(a.low) > 1e6 || fabs(a.high) > 1e6) return everything;
  if (meets(a.low / quarter, a.high / quarter, 1) || meets(a.low / quarter, a.high / quarter, 3)) return everything;
  return widen(tan(a.low), tan(a.high), LIBRARY_ERROR);
}

/* --- functions --- */

static interval rising(interval a, double (*function)(double)) { return widen(function(a.low), function(a.high), LIBRARY_ERROR); }

static interval find_cosh(interval a)
{
  interval size = find_absolute(a);
  return clamp(rising(size, cosh), 1, INFINITY);
}

/* A rising function that is defined on [low, high] only. */
static interval rising_within(interval a, double (*function)(double), double low, double high)
{
  return a.low < low || a.high > high ? everything : rising(a, function);
}

static interval find_arccos(interval a)
{
  return a.low < -1 || a.high > 1 ? everything : clamp(widen(acos(a.high), acos(a.low), LIBRARY_ERROR), 0, INFINITY);
}

static interval find_arccot(interval a)
{
  const interval half_turn = {-1.5707963267948968, 1.5707963267948968};
  return contains(a, 0) ? half_turn : rising(invert(a), atan);
}

static interval bound_inverse_function(wf_operation operation, interval a)
{
  switch (operation) {
  case WF_ARCSIN:
    return rising_within(a, asin, -1, 1);
  case WF_ARCCOS:
    return find_arccos(a);
  case WF_ARCTAN:
    return rising(a, atan);
  case WF_ARCSEC:
    return contains(a, 0) ? everything : find_arccos(invert(a));
  case WF_ARCCSC:
    return contains(a, 0) ? everything : rising_within(invert(a), asin, -1, 1);
  case WF_ARCCOT:
    return find_arccot(a);
  case WF_ARCSINH:
    return rising(a, asinh);
  case WF_ARCCOSH:
    return rising_within(a, acosh, 1, INFINITY);
  case WF_ARCTANH:
    return rising_within(a, atanh, -1, 1);
  case WF_ARCSECH:
    return contains(a, 0) ? everything : rising_within(invert(a), acosh, 1, INFINITY);
  case WF_ARCCSCH:
    return contains(a, 0) ? everything : rising(invert(a), asinh);
  case WF_ARCCOTH:
    return contains(a, 0) ? everything : rising_within(invert(a), atanh, -1, 1);
  default:
    return everything;
  }
}

static interval bound_function(wf_operation operation, interval a)
{
  switch (operation) {
  case WF_EXP:
    return clamp(rising(a, exp), 0, INFINITY);
  case WF_LN:
    return take_logarithm(a);
  case WF_FACTORIAL: {
    double value = wf_operation_apply(WF_FACTORIAL, a.low, 0, 0);
    return is_point(a) && !isnan(value) ? (interval){value, value} : everything;
  }
  case WF_SIN:
    return find_sine(a, 0, sin);
  case WF_COS:
    return find_sine(a, 1, cos);
  case WF_TAN:
    return find_tangent(a);
  case WF_SEC:
    return invert(find_sine(a, 1, cos));
  case WF_CSC:
    return invert(find_sine(a, 0, sin));
  case WF_COT:
    return invert(find_tangent(a));
  case WF_SINH:
    return rising(a, sinh);
  case WF_COSH:
    return find_cosh(a);
  case WF_TANH:
    return clamp(rising(a, tanh), -1, 1);
  case WF_SECH:
    return invert(find_cosh(a));
  case WF_CSCH:
    return invert(rising(a, sinh));
  case WF_COTH:
    return invert(clamp(rising(a, tanh), -1, 1));
  default:
    return bound_inverse_function(operation, a);
  }
}

/* --- comparisons and logic --- */

static interval decide(bool certainly, bool possibly)
{
  return certainly ? (interval){1, 1} : possibly ? undecided : (interval){0, 0};
}

static interval compare_equal(interval a, interval b)
{
  return decide(is_point(a) && is_point(b) && a.low == b.low, a.low <= b.high && b.low <= a.high);
}

static interval deny(interval truth) { return (interval){1 - truth.high, 1 - truth.low}; }

static interval find_truth(interval a) { return deny(compare_equal(a, (interval){0, 0})); }

static interval bound_logic(wf_operation operation, interval a, interval b)
{
  const interval p = find_truth(a), q = find_truth(b);
  switch (operation) {
  case WF_LESS:
    return decide(a.high < b.low, a.low < b.high);
  case WF_LESS_EQUAL:
    return decide(a.high <= b.low, a.low <= b.high);
  case WF_GREATER:
    return decide(a.low > b.high, a.high > b.low);
  case WF_GREATER_EQUAL:
    return decide(a.low >= b.high, a.high >= b.low);
  case WF_EQUAL:
    return compare_equal(a, b);
  case WF_NOT_EQUAL:
    return deny(compare_equal(a, b));
  case WF_AND:
    return (interval){fmin(p.low, q.low), fmin(p.high, q.high)};
  case WF_OR:
    return (interval){fmax(p.low, q.low), fmax(p.high, q.high)};
  case WF_XOR:
    return is_point(p) && is_point(q) ? decide(p.low != q.low, false) : undecided;
  default: /* WF_NOT */
    return deny(p);
  }
}

static interval bound_remainder(interval a, interval b)
{
  const interval size = find_absolute(b);
  if (contains(b, 0) || !isfinite(a.low) || !isfinite(a.high))
    return contains(b, 0) || !isfinite(size.high) ? everything : (interval){a.low < 0 ? -size.high : 0, a.high > 0 ? size.high : 0};
  if (is_point(a) && is_point(b)) return (interval){fmod(a.low, b.low), fmod(a.low, b.low)};
  return (interval){a.low < 0 ? fmax(-size.high, a.low) : 0, a.high > 0 ? fmin(size.high, a.high) : 0};
}

static interval bound_quotient(interval a, interval b)
{
  interval ratio = divide(a, b);
  return (interval){trunc(ratio.low), trunc(ratio.high)};
}

static interval bound_operation(wf_operation operation, interval a, interval b, interval c)
{
  switch (operation) {
  case WF_ADD:
    return add(a, b);
  case WF_SUBTRACT:
    return add(a, negate(b));
  case WF_MULTIPLY:
    return multiply(a, b);
  case WF_DIVIDE:
    return divide(a, b);
  case WF_NEGATE:
    return negate(a);
  case WF_POWER:
    return raise(a, b);
  case WF_ROOT:
    return take_root(a, b);
  case WF_LOG:
    return take_logarithm_to(a, b);
  case WF_ABS:
    return find_absolute(a);
  case WF_FLOOR:
    return (interval){floor(a.low), floor(a.high)};
  case WF_CEILING:
    return (interval){ceil(a.low), ceil(a.high)};
  case WF_MIN:
    return (interval){fmin(a.low, b.low), fmin(a.high, b.high)};
  case WF_MAX:
    return (interval){fmax(a.low, b.low), fmax(a.high, b.high)};
  case WF_QUOTIENT:
    return bound_quotient(a, b);
  case WF_REMAINDER:
    return bound_remainder(a, b);
  case WF_SELECT: {
    const interval p = find_truth(a);
    if (is_point(p)) return p.low != 0 ? b : c;
    return (interval){fmin(b.low, c.low), fmax(b.high, c.high)};
  }
  default:
    return operation >= WF_LESS && operation <= WF_NOT ? bound_logic(operation, a, b) : bound_function(operation, a);
  }
}

void wf_operation_bound(wf_operation operation, const double *lower, const double *upper, double *result_lower,
                        double *result_upper)
{
  interval result =
      bound_operation(operation, (interval){lower[0], upper[0]}, (interval){lower[1], upper[1]}, (interval){lower[2], upper[2]});
  if (!(result.low <= result.high)) result = everything;
  *result_lower = result.low;
  *result_upper = result.high;
}

void wf_program_bound(const wf_network *network, int32_t program, double *lower, double *upper, double *result_lower,
                      double *result_upper)
{
  const wf_program *range = &network->programs[program];
  for (int32_t i = range->first; i < range->first + range->n_instructions; i++) {
    const wf_instruction *at      = &network->instructions[i];
    const double          low[3]  = {lower[at->a], lower[at->b], lower[at->c]};
    const double          high[3] = {upper[at->a], upper[at->b], upper[at->c]};
    wf_operation_bound((wf_operation)at->operation, low, high, &lower[at->result], &upper[at->result]);
  }
  *result_lower = lower[range->result];
  *result_upper = upper[range->result];
}
