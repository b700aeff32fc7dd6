/* Running programs and firing reactions, one trajectory at a time. Pure. */
#include <math.h>
#include "ssa/elementary.h"
#include "ssa/network_impl.h"

enum { LARGEST_FACTORIAL = 170 };

static double find_factorial(double x)
{
  double product = 1;
  if (!(x >= 0 && x == floor(x))) return NAN;
  if (x > LARGEST_FACTORIAL) return INFINITY;
  for (int i = 2; i <= (int)x; i++) product *= i;
  return product;
}

/* Square roots are right to the last bit; cube roots are where they are whole. */
static double find_root(double degree, double x)
{
  if (degree == 2) return sqrt(x);
  if (degree != 3) return pow(x, 1 / degree);
  const double root = cbrt(x), whole = rint(root);
  return whole * whole * whole == x ? whole : root;
}

/* Exact for whole powers of 2 and 10. */
static double find_logarithm(double base, double x)
{
  int exponent;
  if (base == 10) return log10(x);
  if (base == 2 && x > 0 && frexp(x, &exponent) == 0.5) return exponent - 1;
  return wf_ssa_natural_logarithm(x) / wf_ssa_natural_logarithm(base);
}

/* Of a division that truncates towards 0; exact where a and b are whole. */
static double find_quotient(double a, double b) { return rint((a - fmod(a, b)) / b); }

static double apply_function(wf_operation operation, double a)
{
  switch (operation) {
  case WF_SEC:
    return 1 / wf_ssa_cosine(a);
  case WF_CSC:
    return 1 / wf_ssa_sine(a);
  case WF_COT:
    return wf_ssa_cosine(a) / wf_ssa_sine(a);
  case WF_SINH:
    return sinh(a);
  case WF_COSH:
    return cosh(a);
  case WF_TANH:
    return tanh(a);
  case WF_SECH:
    return 1 / cosh(a);
  case WF_CSCH:
    return 1 / sinh(a);
  case WF_COTH:
    return 1 / tanh(a);
  case WF_ARCSIN:
    return asin(a);
  case WF_ARCCOS:
    return acos(a);
  case WF_ARCTAN:
    return atan(a);
  case WF_ARCSEC:
    return acos(1 / a);
  case WF_ARCCSC:
    return asin(1 / a);
  case WF_ARCCOT:
    return atan(1 / a);
  case WF_ARCSINH:
    return asinh(a);
  case WF_ARCCOSH:
    return acosh(a);
  case WF_ARCTANH:
    return atanh(a);
  case WF_ARCSECH:
    return acosh(1 / a);
  case WF_ARCCSCH:
    return asinh(1 / a);
  case WF_ARCCOTH:
    return atanh(1 / a);
  default:
    return NAN;
  }
}

/* What is rarer than arithmetic. */
static double apply_rarely(wf_operation operation, double a, double b)
{
  switch (operation) {
  case WF_POWER:
    return pow(a, b);
  case WF_ROOT:
    return find_root(a, b);
  case WF_EXP:
    return wf_ssa_exponential(a);
  case WF_LN:
    return wf_ssa_natural_logarithm(a);
  case WF_LOG:
    return find_logarithm(a, b);
  case WF_FACTORIAL:
    return find_factorial(a);
  case WF_QUOTIENT:
    return find_quotient(a, b);
  case WF_REMAINDER:
    return fmod(a, b);
  case WF_SIN:
    return wf_ssa_sine(a);
  case WF_COS:
    return wf_ssa_cosine(a);
  case WF_TAN:
    return wf_ssa_sine(a) / wf_ssa_cosine(a);
  default:
    return apply_function(operation, a);
  }
}

static inline __attribute__((always_inline)) double apply_operation(wf_operation operation, double a, double b, double c)
{
  switch (operation) {
  case WF_ADD:
    return a + b;
  case WF_SUBTRACT:
    return a - b;
  case WF_MULTIPLY:
    return a * b;
  case WF_DIVIDE:
    return a / b;
  case WF_NEGATE:
    return -a;
  case WF_ABS:
    return fabs(a);
  case WF_FLOOR:
    return floor(a);
  case WF_CEILING:
    return ceil(a);
  case WF_MIN:
    return a < b ? a : b;
  case WF_MAX:
    return a > b ? a : b;
  case WF_LESS:
    return a < b;
  case WF_LESS_EQUAL:
    return a <= b;
  case WF_GREATER:
    return a > b;
  case WF_GREATER_EQUAL:
    return a >= b;
  case WF_EQUAL:
    return a == b;
  case WF_NOT_EQUAL:
    return a != b;
  case WF_AND:
    return a != 0 && b != 0;
  case WF_OR:
    return a != 0 || b != 0;
  case WF_XOR:
    return (a != 0) != (b != 0);
  case WF_NOT:
    return a == 0;
  case WF_SELECT:
    return a != 0 ? b : c;
  default:
    return apply_rarely(operation, a, b);
  }
}

double wf_operation_apply(wf_operation operation, double a, double b, double c) { return apply_operation(operation, a, b, c); }

double wf_program_run(const wf_network *network, int32_t program, double *value)
{
  const wf_program     *range       = &network->programs[program];
  const wf_instruction *instruction = network->instructions + range->first, *end = instruction + range->n_instructions;
  for (; instruction < end; instruction++)
    value[instruction->result] =
        apply_operation((wf_operation)instruction->operation, value[instruction->a], value[instruction->b], value[instruction->c]);
  return value[range->result];
}

double wf_network_unmodulated_propensity(const wf_network *network, int32_t j, double *value)
{
  const wf_compiled_reaction *reaction = &network->reactions[j];
  const wf_compiled_guard    *guard    = network->guards + reaction->first_guard;
  const wf_compiled_factor   *factor   = network->factors + reaction->first_factor;
  double                      a        = reaction->rate;
  for (int32_t k = 0; k < reaction->n_guards; k++)
    if (value[guard[k].slot] < guard[k].minimum) return 0;
  if (reaction->program >= 0) return wf_program_run(network, reaction->program, value) + 0.0;
  for (int32_t k = 0; k < reaction->n_factors; k++) a *= factor[k].scale * value[factor[k].slot] + factor[k].offset;
  return a + 0.0; /* -0 becomes 0 */
}

double wf_network_propensity(const wf_network *network, int32_t j, double *value)
{
  const double a = wf_network_unmodulated_propensity(network, j, value);
  if (network->reactions[j].modulation < 0) return a;
  return a * wf_program_run(network, network->reactions[j].modulation, value) + 0.0;
}

void wf_network_apply_assignments(const wf_network *network, double *value)
{
  for (int32_t i = 0; i < network->n_assignments; i++)
    value[network->assignments[i].slot] = wf_program_run(network, network->assignments[i].program, value);
}

void wf_network_fire(const wf_network *network, int32_t j, double *value)
{
  const wf_compiled_change *change = network->changes + network->reactions[j].first_change;
  const int32_t             n      = network->reactions[j].n_changes;
  for (int32_t k = 0; k < n; k++)
    if (change[k].program >= 0) wf_program_run(network, change[k].program, value);
  for (int32_t k = 0; k < n; k++)
    value[change[k].slot] += change[k].program < 0 ? change[k].amount : value[network->programs[change[k].program].result];
}
