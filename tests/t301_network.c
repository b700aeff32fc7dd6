/* Networks: expressions, the forms of laws, programs, bounds, dependencies and every mistake that can be made. No simulation. */
#include <weightflow/base.h>
#include <weightflow/random.h>
#include "check.h"
#include "ssa/elementary.h"
#include "ssa/network_impl.h"

enum { MAX_OPERANDS = 8 };

static wf_expression number(wf_network *network, double x) { return wf_network_make_number(network, x); }
static wf_expression symbol(wf_network *network, int i) { return wf_network_make_symbol(network, i); }

static wf_expression make(wf_network *network, wf_operation operation, int n, ...)
{
  wf_expression operands[MAX_OPERANDS];
  va_list       arguments;
  va_start(arguments, n);
  for (int i = 0; i < n; i++) operands[i] = va_arg(arguments, wf_expression);
  va_end(arguments);
  return wf_network_make_operation(network, operation, n, operands);
}

static wf_expression add(wf_network *network, wf_expression a, wf_expression b) { return make(network, WF_ADD, 2, a, b); }
static wf_expression subtract(wf_network *network, wf_expression a, wf_expression b) { return make(network, WF_SUBTRACT, 2, a, b); }
static wf_expression times(wf_network *network, wf_expression a, wf_expression b) { return make(network, WF_MULTIPLY, 2, a, b); }
static wf_expression over(wf_network *network, wf_expression a, wf_expression b) { return make(network, WF_DIVIDE, 2, a, b); }

static void finish(wf_network *network)
{
  char why[256];
  WF_CHECK(wf_network_finish(network, why, sizeof why), "%s", why);
}

static int add_quantity(wf_network *network, const char *name, double initial, bool is_species)
{
  return wf_network_add_variable(
      network, &(wf_network_variable){.name = name, .initial = initial, .is_species = is_species, .recorded = is_species});
}

static double draw(uint32_t i)
{
  double u[2];
  wf_random_uniform2(301, WF_RANDOM_SSA, 0, i, u);
  return u[0];
}

/* --- the pool --- */

static bool is(const wf_network *network, wf_expression expression, double wanted)
{
  double x;
  return wf_network_expression_is_number(network, expression, &x) && (x == wanted || (isnan(x) && isnan(wanted)));
}

static void check_pool(void)
{
  wf_network         *n = wf_network_create("pool");
  const wf_expression x = symbol(n, add_quantity(n, "x", 2, true)), y = symbol(n, add_quantity(n, "y", 3, true));
  const wf_expression zero = number(n, 0), one = number(n, 1), two = number(n, 2), t = wf_network_make_time(n);
  const wf_expression less = make(n, WF_LESS, 2, x, y);
  WF_CHECK(number(n, 2) == two && symbol(n, 0) == x && wf_network_make_time(n) == t && number(n, -0.0) != zero);
  WF_CHECK(add(n, x, y) == add(n, x, y) && add(n, x, y) != subtract(n, x, y) && add(n, x, y) > y);
  WF_CHECK(add(n, x, zero) == x && add(n, zero, x) == x && subtract(n, x, zero) == x && times(n, one, x) == x);
  WF_CHECK(times(n, x, one) == x && over(n, x, one) == x && make(n, WF_POWER, 2, x, one) == x);
  WF_CHECK(is(n, times(n, add(n, one, two), two), 6) && is(n, make(n, WF_EXP, 1, zero), 1) && is(n, over(n, one, zero), INFINITY));
  WF_CHECK(!is(n, times(n, zero, x), 0) && !is(n, subtract(n, x, x), 0)); /* x may be infinite */
  WF_CHECK(make(n, WF_POWER, 2, x, two) == times(n, x, x) && make(n, WF_POWER, 2, x, number(n, 3)) == times(n, times(n, x, x), x));
  WF_CHECK(make(n, WF_POWER, 2, x, number(n, -1)) == over(n, one, x) && is(n, make(n, WF_POWER, 2, x, zero), 1));
  WF_CHECK(make(n, WF_NEGATE, 1, make(n, WF_NEGATE, 1, x)) == x && subtract(n, zero, x) == make(n, WF_NEGATE, 1, x));
  WF_CHECK(make(n, WF_SELECT, 3, one, x, y) == x && make(n, WF_SELECT, 3, zero, x, y) == y && make(n, WF_SELECT, 3, x, y, y) == y);
  WF_CHECK(is(n, make(n, WF_AND, 2, zero, x), 0) && is(n, make(n, WF_OR, 2, x, two), 1) && make(n, WF_AND, 2, one, less) == less);
  WF_CHECK(make(n, WF_AND, 2, two, x) == make(n, WF_NOT_EQUAL, 2, x, zero) && make(n, WF_AND, 1, x) == make(n, WF_OR, 2, zero, x));
  WF_CHECK(make(n, WF_ADD, 4, x, y, t, x) == add(n, add(n, add(n, x, y), t), x) && make(n, WF_MULTIPLY, 1, x) == x);
  WF_CHECK(make(n, WF_LESS, 3, x, y, t) == make(n, WF_AND, 2, less, make(n, WF_LESS, 2, y, t)));
  WF_CHECK(is(n, make(n, WF_ADD, 0), 0) && is(n, make(n, WF_MULTIPLY, 0), 1) && is(n, make(n, WF_AND, 0), 1));
  WF_CHECK(is(n, make(n, WF_OR, 0), 0) && is(n, make(n, WF_XOR, 0), 0) && is(n, make(n, WF_FACTORIAL, 1, number(n, 5)), 120));
  WF_CHECK(is(n, make(n, WF_QUOTIENT, 2, number(n, -7), two), -3) && is(n, make(n, WF_REMAINDER, 2, number(n, -7), two), -1));
  WF_CHECK(is(n, make(n, WF_ROOT, 2, two, number(n, 49)), 7) && is(n, make(n, WF_LOG, 2, number(n, 10), number(n, 1000)), 3));
  WF_CHECK(wf_network_evaluate_initial(n, add(n, t, times(n, x, y))) == 6);
  wf_network_add_assignment(n, 1, add(n, x, number(n, 10)));
  WF_CHECK(wf_network_evaluate_initial(n, times(n, x, y)) == 24 && isnan(wf_network_evaluate_initial(n, -1)));
  wf_network_set_initial(n, 0, 5);
  WF_CHECK(wf_network_evaluate_initial(n, y) == 15 && wf_network_find_variable(n, "y") == 1 &&
           wf_network_find_variable(n, "z") < 0);
  wf_network_destroy(&n);
  WF_CHECK(!n);
}

/* --- forms of laws --- */

/* A network of species A (5), B (3), C (2) and numbers k = 0.5, V = 4, with r under a rate rule. */
enum { A, B, C, K, V, R };
static wf_network *create_model(void)
{
  wf_network *n = wf_network_create("model");
  add_quantity(n, "A", 5, true);
  add_quantity(n, "B", 3, true);
  add_quantity(n, "C", 2, true);
  add_quantity(n, "k", 0.5, false);
  add_quantity(n, "V", 4, false);
  add_quantity(n, "r", 1, false);
  wf_network_add_rate(n, R, number(n, 1));
  return n;
}

static const wf_network_change one_less = {A, -1, -1}, two_less = {A, -2, -1};

/* Finish a model with this law for A - 1 (or A - 2), and reactions that move B and C. */
static const wf_compiled_reaction *finish_law(wf_network *n, wf_expression law, const wf_network_change *change)
{
  wf_network_add_law(n, "law", law, 1, change);
  wf_network_add_equation(n, "A + B -> C", 1, 0, 0);
  wf_network_add_equation(n, "C -> A + B", 1, 0, 0);
  finish(n);
  return &n->reactions[0];
}

/* Its propensity in the start state at time t must be `value`; factors and guards must be so many; then it is destroyed. */
static void check_law(wf_network *n, wf_expression law, int change, double t, double value, int n_factors, int n_guards,
                      bool may_be_negative)
{
  const wf_compiled_reaction *law_of = finish_law(n, law, change == 1 ? &one_less : &two_less);
  double                     *state  = wf_calloc((size_t)n->n_slots, sizeof *state);
  memcpy(state, n->start, (size_t)n->n_slots * sizeof *state);
  state[n->time_slot] = t;
  WF_CHECK_CLOSE(wf_network_propensity(n, 0, state), value, 1e-15);
  WF_CHECK((law_of->program < 0 ? law_of->n_factors : -1) == n_factors, "%d factors, not %d",
           law_of->program < 0 ? law_of->n_factors : -1, n_factors);
  WF_CHECK(law_of->n_guards == n_guards, "%d guards, not %d", law_of->n_guards, n_guards);
  WF_CHECK(law_of->may_be_negative == may_be_negative);
  wf_free(state);
  wf_network_destroy(&n);
}

static void check_products(void)
{
  const double  season = 1 + 0.2 * sin(6.283185307179586 * 1.5 / 6);
  wf_network   *n      = create_model();
  wf_expression a      = symbol(n, A);
  check_law(n, times(n, symbol(n, K), a), 1, 0, 2.5, 1, 0, false); /* k A */
  n = create_model();
  check_law(n, times(n, times(n, symbol(n, V), symbol(n, K)), symbol(n, A)), 1, 0, 10, 1, 0, false); /* V k A */
  n = create_model();
  check_law(n, make(n, WF_MULTIPLY, 4, symbol(n, K), symbol(n, A), number(n, 0.5), number(n, 2)), 1, 0, 2.5, 1, 0, false);
  n = create_model();
  a = symbol(n, A); /* k A (A - 1) / 2 with two at once */
  check_law(n, over(n, times(n, times(n, symbol(n, K), a), subtract(n, a, number(n, 1))), number(n, 2)), 2, 0, 5, 2, 0, false);
  n = create_model();
  a = symbol(n, A); /* k (A / V) ((A - 1) / V) V */
  check_law(n,
            make(n, WF_MULTIPLY, 4, symbol(n, K), over(n, a, symbol(n, V)), over(n, subtract(n, a, number(n, 1)), symbol(n, V)),
                 symbol(n, V)),
            2, 0, 2.5, 2, 0, false);
  n = create_model(); /* k A^2 B: A^2 is not 0 at 1, so two at once need a guard */
  check_law(n, make(n, WF_MULTIPLY, 3, symbol(n, K), make(n, WF_POWER, 2, symbol(n, A), number(n, 2)), symbol(n, B)), 2, 0, 37.5, 3,
            1, false);
  n = create_model(); /* 0.1 (9 - B) does not see A at all */
  check_law(n, times(n, number(n, 0.1), subtract(n, number(n, 9), symbol(n, B))), 1, 0, 0.6, 1, 1, true);
  n = create_model(); /* -(A) * -2 */
  check_law(n, times(n, make(n, WF_NEGATE, 1, symbol(n, A)), number(n, -2)), 1, 0, 10, 1, 0, false);
  n = create_model();
  check_law(n, times(n, make(n, WF_NEGATE, 1, symbol(n, A)), number(n, 2)), 1, 0, -10, 1, 0, true);
  n = create_model(); /* A (2 A + 3 - A) */
  a = symbol(n, A);
  check_law(n, times(n, a, subtract(n, add(n, times(n, number(n, 2), a), number(n, 3)), a)), 1, 0, 40, 2, 0, false);
  n                   = create_model(); /* a season, written out */
  wf_expression angle = over(n, make(n, WF_MULTIPLY, 2, number(n, 6.283185307179586), wf_network_make_time(n)), number(n, 6));
  wf_expression swing = add(n, number(n, 1), times(n, number(n, 0.2), make(n, WF_SIN, 1, angle)));
  check_law(n, make(n, WF_MULTIPLY, 4, number(n, 0.003), swing, symbol(n, A), symbol(n, B)), 1, 1.5, 0.003 * season * 15, 2, 0,
            false);
}

static void check_programs_as_laws(void)
{
  wf_network *n = create_model(); /* A / (1 + A): 0 at A = 0 */
  check_law(n, over(n, symbol(n, A), add(n, number(n, 1), symbol(n, A))), 1, 0, 5.0 / 6, -1, 0, false);
  n = create_model(); /* 1 + A / (1 + A): not 0 there */
  check_law(n, add(n, number(n, 1), over(n, symbol(n, A), add(n, number(n, 1), symbol(n, A)))), 1, 0, 11.0 / 6, -1, 1, false);
  n = create_model(); /* B - C may be anything */
  check_law(n, times(n, symbol(n, A), subtract(n, symbol(n, B), symbol(n, C))), 1, 0, 5, -1, 0, true);
  n = create_model(); /* max(0, B - C) is not negative */
  check_law(n, make(n, WF_MAX, 2, number(n, 0), subtract(n, symbol(n, B), symbol(n, C))), 1, 0, 1, -1, 1, false);
}

static void check_modulation(void)
{
  for (int form = 0; form < 6; form++) {
    wf_network         *n = create_model();
    const wf_expression t = wf_network_make_time(n), a = symbol(n, A), one = number(n, 1);
    const wf_expression factor[6] = {make(n, WF_EXP, 1, make(n, WF_NEGATE, 1, t)), /* falls: in [0, 1] */
                                     make(n, WF_SELECT, 3, make(n, WF_LESS, 2, t, one), one, number(n, 3)),
                                     t,                     /* without a bound */
                                     symbol(n, R),          /* moved by a rate rule */
                                     make(n, WF_SIN, 1, t), /* negative at times */
                                     over(n, one, add(n, number(n, 2), make(n, WF_COS, 1, t)))};
    const double        low[6] = {0, 1, NAN, NAN, NAN, 1.0 / 3}, high[6] = {1, 3, NAN, NAN, NAN, 1};
    const bool          inverted  = form == 5;
    const wf_expression law       = inverted ? over(n, a, add(n, number(n, 2), make(n, WF_COS, 1, t))) : times(n, a, factor[form]);
    const wf_compiled_reaction *r = finish_law(n, law, &one_less);
    if (isnan(low[form]))
      WF_CHECK(r->varies && r->program >= 0 && r->modulation < 0, "form %d", form);
    else {
      WF_CHECK(!r->varies && r->program < 0 && r->modulation >= 0 && r->n_factors == 1, "form %d", form);
      WF_CHECK(r->lower <= low[form] && r->lower > low[form] - 1e-15 && r->upper >= high[form] && r->upper < high[form] + 1e-15,
               "form %d: [%.17g, %.17g]", form, r->lower, r->upper);
    }
    WF_CHECK(wf_network_is_modulated(n) && !wf_network_is_plain(n)); /* r has a rate rule */
    wf_network_destroy(&n);
  }
}

/* --- programs --- */

enum { N_LEAVES = 6, N_STEPS = 60 };

/* The same operation from the C library, by its definition. */
static double apply_plainly(wf_operation operation, double a, double b, double c)
{
  const double x[WF_N_OPERATIONS] = {[WF_ADD]           = a + b,
                                     [WF_SUBTRACT]      = a - b,
                                     [WF_MULTIPLY]      = a * b,
                                     [WF_DIVIDE]        = a / b,
                                     [WF_NEGATE]        = 0 - a,
                                     [WF_POWER]         = pow(a, b),
                                     [WF_ROOT]          = pow(b, 1 / a),
                                     [WF_EXP]           = exp(a),
                                     [WF_LN]            = log(a),
                                     [WF_LOG]           = log(b) / log(a),
                                     [WF_ABS]           = fabs(a),
                                     [WF_FLOOR]         = floor(a),
                                     [WF_CEILING]       = ceil(a),
                                     [WF_FACTORIAL]     = a >= 0 && a == floor(a) ? tgamma(a + 1) : NAN,
                                     [WF_MIN]           = fmin(a, b),
                                     [WF_MAX]           = fmax(a, b),
                                     [WF_QUOTIENT]      = trunc(a / b),
                                     [WF_REMAINDER]     = a - b * trunc(a / b),
                                     [WF_SIN]           = sin(a),
                                     [WF_COS]           = cos(a),
                                     [WF_TAN]           = tan(a),
                                     [WF_SEC]           = 1 / cos(a),
                                     [WF_CSC]           = 1 / sin(a),
                                     [WF_COT]           = cos(a) / sin(a),
                                     [WF_SINH]          = (exp(a) - exp(-a)) / 2,
                                     [WF_COSH]          = (exp(a) + exp(-a)) / 2,
                                     [WF_TANH]          = (exp(2 * a) - 1) / (exp(2 * a) + 1),
                                     [WF_SECH]          = 2 / (exp(a) + exp(-a)),
                                     [WF_CSCH]          = 2 / (exp(a) - exp(-a)),
                                     [WF_COTH]          = (exp(2 * a) + 1) / (exp(2 * a) - 1),
                                     [WF_ARCSIN]        = asin(a),
                                     [WF_ARCCOS]        = acos(a),
                                     [WF_ARCTAN]        = atan(a),
                                     [WF_ARCSEC]        = acos(1 / a),
                                     [WF_ARCCSC]        = asin(1 / a),
                                     [WF_ARCCOT]        = a >= 0 ? acos(0.0) - atan(a) : -acos(0.0) - atan(a),
                                     [WF_ARCSINH]       = asinh(a),
                                     [WF_ARCCOSH]       = acosh(a),
                                     [WF_ARCTANH]       = atanh(a),
                                     [WF_ARCSECH]       = acosh(1 / a),
                                     [WF_ARCCSCH]       = asinh(1 / a),
                                     [WF_ARCCOTH]       = atanh(1 / a),
                                     [WF_LESS]          = a<b, [WF_LESS_EQUAL] = a <= b, [WF_GREATER] = a> b,
                                     [WF_GREATER_EQUAL] = a >= b,
                                     [WF_EQUAL]         = a == b,
                                     [WF_NOT_EQUAL]     = a != b,
                                     [WF_AND]           = a && b,
                                     [WF_OR]            = a || b,
                                     [WF_XOR]           = !a != !b,
                                     [WF_NOT]           = !a,
                                     [WF_SELECT]        = a ? b : c};
  return x[operation];
}

static int count_operands(wf_operation operation)
{
  if (operation == WF_SELECT) return 3;
  if (operation <= WF_POWER && operation != WF_NEGATE) return 2;
  if (operation == WF_ROOT || operation == WF_LOG || (operation >= WF_MIN && operation <= WF_REMAINDER)) return 2;
  return operation >= WF_LESS && operation <= WF_XOR ? 2 : 1;
}

static bool close_enough(double a, double b, double tolerance)
{
  return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * fmax(1, fabs(b));
}

/* One operation at a time, where its definition is well-conditioned. */
static void check_operations(void)
{
  static const double points[9] = {-2.5, -1, -0.75, 0.3, 0.75, 1, 2, 3, 5};
  for (int operation = 0; operation < WF_N_OPERATIONS; operation++)
    for (int i = 0; i < 9; i++)
      for (int k = 0; k < 9; k++) {
        const double a = points[i], b = points[k];
        if (operation == WF_ROOT && (a != 2 || b < 0))
          continue; /* other roots of negative numbers are NaN by pow, which 3 is not */
        WF_CHECK(close_enough(wf_operation_apply((wf_operation)operation, a, b, 0.5),
                              apply_plainly((wf_operation)operation, a, b, 0.5), 3e-14),
                 "operation %d of %g, %g: %.17g against %.17g", operation, a, b,
                 wf_operation_apply((wf_operation)operation, a, b, 0.5), apply_plainly((wf_operation)operation, a, b, 0.5));
      }
  WF_CHECK(wf_operation_apply(WF_ROOT, 3, -27, 0) == -3 && wf_operation_apply(WF_FACTORIAL, 20, 0, 0) == 2432902008176640000.0);
  WF_CHECK(isnan(wf_operation_apply(WF_FACTORIAL, 2.5, 0, 0)) && isinf(wf_operation_apply(WF_FACTORIAL, 171, 0, 0)));
  WF_CHECK(wf_operation_apply(WF_QUOTIENT, 9007199254740991, 3, 0) == 3002399751580330);
}

/* Against the C library's, which is right to less than a unit in the last place. */
static void check_elementary(void)
{
  double worst[4] = {0};
  for (uint32_t i = 0; i < 200000; i++) {
    const double u = draw(2 * i + (1u << 30)), v = draw(2 * i + 1 + (1u << 30)), angle = (u - 0.5) * exp(14 * v),
                 x        = 1400 * (u - 0.5);
    const double y        = exp(x);
    const double error[4] = {wf_ssa_sine(angle) / sin(angle) - 1, wf_ssa_cosine(angle) / cos(angle) - 1,
                             wf_ssa_exponential(x) / y - 1, (wf_ssa_natural_logarithm(y) - log(y)) / fmax(fabs(log(y)), 1e-3)};
    for (int k = 0; k < 4; k++) worst[k] = fmax(worst[k], fabs(error[k]));
    WF_CHECK(fabs(wf_ssa_sine(angle)) <= 1 && fabs(wf_ssa_cosine(angle)) <= 1);
  }
  for (int k = 0; k < 4; k++) WF_CHECK(worst[k] < 5e-16, "function %d: %g", k, worst[k]);
  WF_CHECK(wf_ssa_exponential(0) == 1 && wf_ssa_exponential(-1e4) == 0 && isinf(wf_ssa_exponential(1e4)) &&
           isnan(wf_ssa_exponential(NAN)));
  WF_CHECK(wf_ssa_natural_logarithm(1) == 0 && wf_ssa_natural_logarithm(0) == -INFINITY && isnan(wf_ssa_natural_logarithm(-1)));
  WF_CHECK_CLOSE(wf_ssa_natural_logarithm(0x1p-1070) / log(0x1p-1070), 1, 1e-15);
  WF_CHECK(wf_ssa_sine(0) == 0 && wf_ssa_cosine(0) == 1 && wf_operation_apply(WF_LOG, 2, 1024, 0) == 10);
  WF_CHECK(isnan(wf_ssa_sine(INFINITY)) && isnan(wf_ssa_cosine(NAN)) && isinf(wf_ssa_natural_logarithm(INFINITY)));
}

/* Random expressions with many shared parts, as programs of assignment rules: each against its steps, one by one. */
static void check_random_programs(void)
{
  static const wf_operation gentle[] = {WF_ADD, WF_SUBTRACT, WF_MULTIPLY, WF_DIVIDE, WF_NEGATE, WF_ABS,   WF_MIN, WF_MAX, WF_SIN,
                                        WF_COS, WF_ARCTAN,   WF_TANH,     WF_LESS,   WF_SELECT, WF_FLOOR, WF_OR,  WF_EXP, WF_XOR};
  uint32_t                  drawn    = 0;
  int                       finite   = 0;
  for (int model = 0; model < 60; model++) {
    wf_network   *n = wf_network_create("random");
    wf_expression made[N_LEAVES + N_STEPS];
    double        value[N_LEAVES + N_STEPS];
    for (int i = 0; i < 4; i++) { /* moved by events, so that they are not folded */
      value[i] = floor(8 * draw(drawn++)) / 2 - 1;
      made[i]  = symbol(n, add_quantity(n, (const char *[]){"a", "b", "c", "d"}[i], value[i], false));
    }
    wf_network_add_event(n, &(wf_network_event){.name          = "e",
                                                .trigger       = made[0],
                                                .delay         = -1,
                                                .priority      = -1,
                                                .n_assignments = 4,
                                                .variables     = (int[]){0, 1, 2, 3},
                                                .expressions   = (wf_expression[]){made[1], made[2], made[3], made[0]}});
    value[4] = 0;
    made[4]  = wf_network_make_time(n);
    value[5] = 3;
    made[5]  = number(n, 3);
    for (int i = N_LEAVES; i < N_LEAVES + N_STEPS; i++) {
      const wf_operation operation = gentle[(size_t)(draw(drawn++) * (sizeof gentle / sizeof *gentle))];
      int                from[3];
      for (int k = 0; k < 3; k++) from[k] = (int)(draw(drawn++) * i);
      made[i]  = make(n, operation, count_operands(operation), made[from[0]], made[from[1]], made[from[2]]);
      value[i] = wf_operation_apply(operation, value[from[0]], value[from[1]], value[from[2]]);
      char name[16];
      snprintf(name, sizeof name, "v%d", i);
      wf_network_add_assignment(n, wf_network_add_variable(n, &(wf_network_variable){.name = name, .recorded = true}), made[i]);
    }
    finish(n);
    for (int i = N_LEAVES; i < N_LEAVES + N_STEPS; i++) {
      const double ours = n->start[4 + i - N_LEAVES];
      finite += isfinite(ours);
      WF_CHECK(close_enough(ours, value[i], 0), "model %d, step %d: %.17g against %.17g", model, i, ours, value[i]);
    }
    wf_network_destroy(&n);
  }
  WF_CHECK(finite > 2000, "only %d finite", finite);
}

/* --- bounds --- */

/* What an operation gives inside a box is inside its bounds; where it gives NaN, there must be none. */
static void check_enclosure(void)
{
  static const double ends[] = {-INFINITY, -7, -2, -1.5, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 1.5, 2, 3, 7, 40, INFINITY};
  enum { N_ENDS = sizeof ends / sizeof *ends };
  uint32_t drawn = 1 << 20;
  int      tight = 0, boxes = 0;
  for (int operation = 0; operation < WF_N_OPERATIONS; operation++)
    for (int box = 0; box < 1500; box++) {
      double low[3], high[3], result_low, result_high;
      for (int k = 0; k < 3; k++) {
        int i = (int)(draw(drawn++) * N_ENDS), j = (int)(draw(drawn++) * N_ENDS);
        if (draw(drawn++) < 0.3) i = j;
        low[k]  = ends[i < j ? i : j];
        high[k] = ends[i < j ? j : i];
        if (isinf(low[k]) && low[k] > 0) low[k] = 40;
        if (isinf(high[k]) && high[k] < 0) high[k] = -7;
      }
      wf_operation_bound((wf_operation)operation, low, high, &result_low, &result_high);
      WF_CHECK(result_low <= result_high, "operation %d: [%g, %g]", operation, result_low, result_high);
      boxes++;
      tight += isfinite(result_low) && isfinite(result_high);
      for (int point = 0; point < 12; point++) {
        double x[3];
        for (int k = 0; k < 3; k++) {
          const double from = fmax(low[k], -1e3), to = fmin(high[k], 1e3), u = draw(drawn++);
          x[k] = u < 0.2   ? from
                 : u < 0.4 ? to
                 : u < 0.6 ? fmin(fmax(rint(from + (u - 0.4) * 5 * (to - from)), from), to)
                           : from + (u - 0.6) * 2.5 * (to - from);
        }
        const double y = wf_operation_apply((wf_operation)operation, x[0], x[1], x[2]);
        if (isnan(y))
          WF_CHECK(result_low == -INFINITY && result_high == INFINITY, "operation %d (%.17g, %.17g, %.17g) is NaN, bounds [%g, %g]",
                   operation, x[0], x[1], x[2], result_low, result_high);
        else
          WF_CHECK(result_low <= y && y <= result_high, "operation %d (%.17g, %.17g, %.17g) = %.17g, bounds [%.17g, %.17g]",
                   operation, x[0], x[1], x[2], y, result_low, result_high);
      }
    }
  WF_CHECK(tight > boxes / 3, "%d of %d boxes have finite bounds", tight, boxes);
}

/* Bounds are not needlessly wide: exact arithmetic stays exact, ranges are what calculus says. */
static void check_tightness(void)
{
  const struct {
    wf_operation operation;
    double       a[2], b[2], result[2];
  } cases[] = {{WF_ADD, {1, 2}, {3, 4}, {4, 6}},
               {WF_SUBTRACT, {1, 2}, {3, 4}, {-3, -1}},
               {WF_MULTIPLY, {-1, 2}, {3, 4}, {-4, 8}},
               {WF_MULTIPLY, {0, 0}, {0, INFINITY}, {0, 0}},
               {WF_DIVIDE, {1, 2}, {4, 8}, {0.125, 0.5}},
               {WF_DIVIDE, {0, 0}, {10, INFINITY}, {0, 0}},
               {WF_DIVIDE, {1, 2}, {-1, 1}, {-INFINITY, INFINITY}},
               {WF_POWER, {-2, 3}, {2, 2}, {0, 9}},
               {WF_POWER, {4, 9}, {0.5, 0.5}, {2, 3}},
               {WF_SIN, {0, INFINITY}, {0, 0}, {-1, 1}},
               {WF_SIN, {0, 1.5}, {0, 0}, {0, 0.9974949866040544}},
               {WF_SIN, {1, 2}, {0, 0}, {0.8414709848078965, 1}},
               {WF_COS, {3, 4}, {0, 0}, {-1, -0.6536436208636119}},
               {WF_COS, {-0.5, 1}, {0, 0}, {0.5403023058681398, 1}},
               {WF_LESS, {1, 2}, {3, 4}, {1, 1}},
               {WF_LESS, {1, 3}, {3, 4}, {0, 1}},
               {WF_GREATER, {1, 3}, {3, 4}, {0, 0}},
               {WF_EQUAL, {1, 2}, {3, 4}, {0, 0}},
               {WF_ABS, {-3, 2}, {0, 0}, {0, 3}},
               {WF_EXP, {-INFINITY, 0}, {0, 0}, {0, 1}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const double low[3] = {cases[i].a[0], cases[i].b[0], 0}, high[3] = {cases[i].a[1], cases[i].b[1], 0};
    double       result[2];
    wf_operation_bound(cases[i].operation, low, high, &result[0], &result[1]);
    for (int k = 0; k < 2; k++)
      WF_CHECK(close_enough(result[k], cases[i].result[k], cases[i].operation <= WF_DIVIDE ? 0 : 3e-15), "case %d: %.17g", (int)i,
               result[k]);
  }
}

/* Bounds of a whole program, and of one with a shared part. */
static void check_program_bound(void)
{
  wf_network         *n = create_model();
  double              low[64], high[64], bounds[2];
  const wf_expression ratio = over(n, symbol(n, B), add(n, symbol(n, C), number(n, 1)));
  finish_law(n, add(n, ratio, times(n, ratio, symbol(n, A))), &one_less);
  for (int i = 0; i < n->n_slots; i++) low[i] = high[i] = n->start[i];
  low[A]  = 4;
  high[B] = 6;
  wf_program_bound(n, n->reactions[0].program, low, high, &bounds[0], &bounds[1]);
  WF_CHECK(close_enough(bounds[0], 5, 1e-15) && close_enough(bounds[1], 12, 1e-15), "[%g, %g]", bounds[0], bounds[1]);
  wf_network_destroy(&n);
}

/* --- dependencies --- */

/* Random reactions: whatever a firing changes, in many states, must be in the graph; what is in the graph must share a variable. */
static void check_dependencies(void)
{
  enum { N_SPECIES = 7, N_REACTIONS = 25 };
  wf_network *n                             = wf_network_create("random");
  uint32_t    drawn                         = 1 << 28;
  int         n_met                         = 0;
  bool        met[N_REACTIONS][N_REACTIONS] = {{false}};
  for (int i = 0; i < N_SPECIES; i++) add_quantity(n, (const char *[]){"a", "b", "c", "d", "e", "f", "g"}[i], 5, true);
  const int total = add_quantity(n, "total", 0, false), twice = add_quantity(n, "twice", 0, false);
  wf_network_add_assignment(n, twice, times(n, number(n, 2), symbol(n, total)));
  wf_network_add_assignment(n, total, add(n, symbol(n, 0), symbol(n, 1)));
  for (int j = 0; j < N_REACTIONS; j++) {
    const int p = (int)(draw(drawn++) * N_SPECIES), q = (int)(draw(drawn++) * N_SPECIES), r = (int)(draw(drawn++) * N_SPECIES);
    const wf_expression     x = symbol(n, p), y = symbol(n, q);
    const wf_expression     laws[4]    = {times(n, x, y), over(n, x, add(n, y, number(n, 1))), number(n, 3),
                                          times(n, x, symbol(n, twice))};
    const wf_network_change changes[2] = {{r, -1, -1}, {(r + 1) % N_SPECIES, 1, -1}};
    char                    name[16];
    snprintf(name, sizeof name, "r%d", j);
    wf_network_add_law(n, name, laws[j % 4], 2, changes);
  }
  finish(n);
  WF_CHECK(n->start[total] == 10 && n->start[twice] == 20 && n->n_assignments == 2 && n->assignments[0].slot == total);
  double *state = wf_calloc((size_t)n->n_slots, sizeof *state), before[N_REACTIONS];
  for (int state_number = 0; state_number < 200; state_number++)
    for (int j = 0; j < N_REACTIONS; j++) {
      memcpy(state, n->start, (size_t)n->n_slots * sizeof *state);
      for (int i = 0; i < N_SPECIES; i++) state[i] = floor(4 * draw(drawn++));
      for (int k = 0; k < N_REACTIONS; k++) before[k] = wf_network_propensity(n, k, state);
      wf_network_fire(n, j, state);
      for (int k = 0; k < N_REACTIONS; k++) met[j][k] |= wf_network_propensity(n, k, state) != before[k];
    }
  for (int j = 0; j < N_REACTIONS; j++)
    for (int k = 0; k < N_REACTIONS; k++) {
      bool listed = false; /* a law with a + b may be listed where one becomes the other */
      for (int i = n->first_affected[j]; i < n->first_affected[j + 1]; i++) {
        listed |= n->affected[i] == k;
        WF_CHECK(i == n->first_affected[j] || n->affected[i] > n->affected[i - 1]);
      }
      WF_CHECK(listed == met[j][k] || (listed && k % 4 == 3), "reaction %d, %d: listed %d, met %d", j, k, listed, met[j][k]);
      n_met += met[j][k];
    }
  WF_CHECK(n_met > 100 && n_met < 400, "%d", n_met);
  wf_free(state);
  wf_network_destroy(&n);
}

/* --- whole numbers, rules, events, changes by expressions --- */

static void check_wholeness(void)
{
  wf_network *n = wf_network_create("whole");
  const int   x = add_quantity(n, "x", 3, true), half = add_quantity(n, "half", 1.5, true), down = add_quantity(n, "down", 8, true);
  const int   sum = add_quantity(n, "sum", 0, true), mean = add_quantity(n, "mean", 0, true),
            by_event = add_quantity(n, "e", 1, true);
  const int spoilt = add_quantity(n, "spoilt", 1, true), clock = add_quantity(n, "clock", 0, true),
            f                     = add_quantity(n, "f", 0, true);
  const wf_expression to[2]       = {make(n, WF_MAX, 2, symbol(n, x), make(n, WF_FLOOR, 1, symbol(n, half))), symbol(n, mean)};
  const bool          expected[9] = {true, false, false, true, false, true, false, false, true};
  wf_network_add_equation(n, "x -> 2 x", 1, 0, 0);
  wf_network_add_equation(n, "half -> 0", 1, 0, 0);
  wf_network_add_law(n, "half at a time", symbol(n, x), 1, &(wf_network_change){down, -0.5, -1});
  wf_network_add_assignment(n, sum, add(n, symbol(n, x), times(n, number(n, 2), symbol(n, by_event))));
  wf_network_add_assignment(n, mean, over(n, symbol(n, sum), number(n, 2)));
  wf_network_add_assignment(
      n, f, make(n, WF_SELECT, 3, make(n, WF_LESS, 2, symbol(n, half), number(n, 1)), symbol(n, x), symbol(n, sum)));
  wf_network_add_rate(n, clock, number(n, 1));
  wf_network_add_event(n, &(wf_network_event){.name          = "E",
                                              .trigger       = make(n, WF_GREATER, 2, symbol(n, x), number(n, 4)),
                                              .delay         = -1,
                                              .priority      = -1,
                                              .n_assignments = 2,
                                              .variables     = (int[]){by_event, spoilt},
                                              .expressions   = to});
  finish(n);
  for (int i = 0; i < 9; i++) WF_CHECK(wf_network_recorded_is_whole(n, i) == expected[i], "%s", wf_network_recorded_name(n, i));
  WF_CHECK(wf_network_n_species(n) == 9 && wf_network_n_recorded(n) == 9 && wf_network_n_reactions(n) == 3 && n->n_rates == 1);
  WF_CHECK(n->reactions[1].n_guards == 1 && n->reactions[2].n_guards == 1 && n->guards[n->reactions[2].first_guard].minimum == 0.5);
  WF_CHECK(!wf_network_is_plain(n) && !strcmp(n->events[0].name, "E") && n->event_assignments[1].slot == spoilt);
  wf_network_destroy(&n);
}

/* Changes by expressions are all computed before any is made, and so can an event's values be: x and y change places. */
static void check_simultaneous(void)
{
  wf_network             *n = wf_network_create("swap");
  const int               x = add_quantity(n, "x", 3, true), y = add_quantity(n, "y", 10, true);
  const wf_expression     ex = symbol(n, x), ey = symbol(n, y), other[2] = {ey, ex};
  const wf_network_change changes[3] = {{x, 0, subtract(n, ey, ex)}, {y, 0, subtract(n, ex, ey)}, {x, 100, -1}};
  const wf_network_change same[2]    = {{x, 0, ey}, {y, 0, ex}};
  double                  state[32], values[2];
  wf_network_add_law(n, "swap", number(n, 1), 3, changes);
  wf_network_add_law(n, "add each to the other", number(n, 1), 2, same);
  wf_network_add_event(n, &(wf_network_event){.name          = "swap",
                                              .trigger       = ex,
                                              .delay         = -1,
                                              .priority      = -1,
                                              .n_assignments = 2,
                                              .variables     = (int[]){x, y},
                                              .expressions   = other});
  finish(n);
  memcpy(state, n->start, (size_t)n->n_slots * sizeof *state);
  wf_network_fire(n, 0, state);
  WF_CHECK(state[x] == 110 && state[y] == 3);
  wf_network_fire(n, 1, state);
  WF_CHECK(state[x] == 113 && state[y] == 113);
  state[x] = 7;
  for (int k = 0; k < 2; k++) wf_program_run(n, n->event_assignments[k].program, state);
  state[x] = state[y] = -1; /* the values stand elsewhere */
  for (int k = 0; k < 2; k++) values[k] = state[n->programs[n->event_assignments[k].program].result];
  WF_CHECK(values[0] == 113 && values[1] == 7);
  wf_network_destroy(&n);
}

/* Constant amounts for one variable are added up, those of 0 are none; numbers that never move are folded. */
static void check_small_things(void)
{
  wf_network *n = create_model();
  wf_network_add_law(n, "r", times(n, symbol(n, K), symbol(n, V)), 4,
                     (wf_network_change[]){{A, -1, -1}, {A, 3, -1}, {B, 1, -1}, {B, 0, number(n, -1)}});
  finish(n);
  WF_CHECK(n->reactions[0].n_changes == 1 && n->changes[n->reactions[0].first_change].amount == 2);
  WF_CHECK(n->reactions[0].rate == 2 && n->reactions[0].n_factors == 0 && !n->reactions[0].n_guards &&
           n->time_slot == n->n_variables);
  WF_CHECK(wf_network_find_variable(n, "V") == V && wf_network_find_variable(n, "W") < 0 && !strcmp(wf_network_name(n), "model"));
  WF_CHECK(wf_network_make_number(n, 1) < 0); /* it is finished */
  wf_network_destroy(&n);
  n = wf_network_create("no reactions");
  wf_network_add_rate(n, add_quantity(n, "x", 1, true), number(n, -1));
  finish(n);
  WF_CHECK(!wf_network_is_plain(n) && n->start[0] == 1 && wf_program_run(n, n->rates[0].program, n->start) == -1);
  wf_network_destroy(&n);
  n = wf_network_create("plain");
  add_quantity(n, "x", 1, true);
  wf_network_add_reaction(n, &(wf_network_reaction){.rate        = 2,
                                                    .n_reactants = 1,
                                                    .reactants   = &(wf_network_term){0, 3},
                                                    .amplitude   = 1,
                                                    .period      = 2,
                                                    .n_changes   = 1,
                                                    .changes     = &(wf_network_term){0, -3}});
  finish(n);
  WF_CHECK(wf_network_is_plain(n) && wf_network_is_modulated(n) && n->reactions[0].n_factors == 3 && n->reactions[0].n_guards == 1);
  WF_CHECK(n->reactions[0].lower == 0 && n->reactions[0].upper == 2 && !n->reactions[0].may_be_negative);
  wf_network_destroy(&n);
}

/* --- mistakes --- */

static void refuse(wf_network *n, const char *expected)
{
  char why[256] = "";
  WF_CHECK(!wf_network_finish(n, why, sizeof why) && strstr(why, expected), "\"%s\" and not \"%s\"", why, expected);
  wf_network_destroy(&n);
}

static void check_mistakes_of_variables(void)
{
  wf_network *n = create_model();
  add_quantity(n, "A", 1, true);
  refuse(n, "A is there twice");
  n = create_model();
  add_quantity(n, "D", NAN, false);
  refuse(n, "D starts with nan");
  n = create_model();
  wf_network_set_initial(n, B, -1);
  refuse(n, "species B starts with -1");
  n = create_model();
  wf_network_set_initial(n, 17, 1);
  refuse(n, "no variable number 17");
  n = create_model();
  add_quantity(n, "", 1, false);
  refuse(n, "variable 7 has no name");
  n = create_model();
  for (int i = 0; i < 3; i++) wf_network_set_recorded(n, i, false);
  refuse(n, "no variables to record");
  n = wf_network_create("still");
  add_quantity(n, "A", 1, true);
  refuse(n, "no reactions");
  n = create_model();
  finish(n);
  add_quantity(n, "D", 1, true);
  refuse(n, "finished");
}

static void check_mistakes_of_rules(void)
{
  wf_network *n = create_model();
  wf_network_add_assignment(n, R, number(n, 1));
  refuse(n, "r has two rules");
  n = create_model();
  wf_network_add_assignment(n, A, symbol(n, B));
  wf_network_add_equation(n, "A -> 0", 1, 0, 0);
  refuse(n, "A has a rule, and reaction A -> 0 changes it");
  n = create_model();
  wf_network_add_equation(n, "r -> 0", 1, 0, 0);
  refuse(n, "r has a rule, and reaction r -> 0 changes it");
  n = create_model();
  wf_network_add_assignment(n, A, add(n, symbol(n, B), number(n, 1)));
  wf_network_add_assignment(n, B, times(n, symbol(n, C), symbol(n, C)));
  wf_network_add_assignment(n, C, symbol(n, A));
  refuse(n, "circle: A, B, C");
  n = create_model();
  wf_network_add_assignment(n, K, -1);
  refuse(n, "rule of k has no expression");
  n = create_model();
  wf_network_add_assignment(n, A, symbol(n, B));
  wf_network_add_event(n, &(wf_network_event){.name          = "E7",
                                              .trigger       = number(n, 1),
                                              .delay         = -1,
                                              .priority      = -1,
                                              .n_assignments = 1,
                                              .variables     = (int[]){A},
                                              .expressions   = (wf_expression[]){symbol(n, C)}});
  refuse(n, "A has an assignment rule, and event E7 assigns it");
  for (int mistake = 0; mistake < 4; mistake++) {
    n                         = create_model();
    const wf_expression c     = symbol(n, C);
    wf_network_event    event = {.name          = "E7",
                                 .trigger       = c,
                                 .delay         = -1,
                                 .priority      = -1,
                                 .n_assignments = 2,
                                 .variables     = (int[]){A, mistake == 1   ? A
                                                             : mistake == 2 ? 88
                                                                            : B},
                                 .expressions   = (wf_expression[]){c, mistake == 3 ? -1 : c}};
    if (mistake == 0) event.trigger = -1;
    wf_network_add_event(n, &event);
    refuse(n, (const char *[]){"event E7 has no trigger", "event E7 assigns A twice", "event E7 assigns variable number 88",
                               "event E7 assigns no expression to B"}[mistake]);
  }
}

static void refuse_reaction(const char *equation, double rate, double amplitude, double period, const char *expected)
{
  wf_network *n = create_model();
  wf_network_add_equation(n, equation, rate, amplitude, period);
  refuse(n, expected);
}

static void check_mistakes_of_reactions(void)
{
  refuse_reaction("A + Y -> 0", 1, 0, 0, "cannot read \"A + Y -> 0\"");
  refuse_reaction("A -> ", 1, 0, 0, "cannot read");
  refuse_reaction("A = 0", 1, 0, 0, "cannot read");
  refuse_reaction("A -> 0 B", 1, 0, 0, "cannot read");
  refuse_reaction("A -> 0", -1, 0, 0, "reaction A -> 0 has rate -1");
  refuse_reaction("A -> 0", NAN, 0, 0, "rate nan");
  refuse_reaction("A -> 0", 1, 1.5, 6, "modulated by 1.5");
  refuse_reaction("A -> 0", 1, 0.5, 0, "period 0");
  refuse_reaction("60 A + 60 B -> 0", 1, 0, 0, "order above");
  const wf_network_term twice[2] = {{A, 1}, {A, 2}}, unknown = {99, 1}, none = {A, 0};
  for (int mistake = 0; mistake < 4; mistake++) {
    wf_network         *n        = create_model();
    wf_network_reaction reaction = {.rate = 1, .n_reactants = 1, .reactants = twice, .n_changes = 1, .changes = twice};
    if (mistake == 0) reaction.n_reactants = 2;
    if (mistake == 1) reaction.n_changes = 2;
    if (mistake == 2) reaction.reactants = &unknown;
    if (mistake == 3) reaction.reactants = &none;
    wf_network_add_reaction(n, &reaction);
    refuse(n, (const char *[]){"a species stands twice among the reactants", "a species stands twice among the changes",
                               "reaction 1: there is no species 99", "reactant of order 0"}[mistake]);
  }
  for (int mistake = 0; mistake < 4; mistake++) {
    wf_network       *n      = create_model();
    wf_expression     law    = symbol(n, A);
    wf_network_change change = {A, 1, -1};
    if (mistake == 0) law = -1;
    if (mistake == 1) change.variable = -3;
    if (mistake == 2) change.amount = INFINITY;
    if (mistake == 3) change.expression = 1 << 20;
    wf_network_add_law(n, "R9", law, 1, &change);
    refuse(n, (const char *[]){"reaction R9 has no law", "reaction R9 changes variable number -3", "reaction R9 changes A by inf",
                               "reaction R9 changes A by what is no expression"}[mistake]);
  }
}

static void check_mistakes_of_expressions(void)
{
  for (int mistake = 0; mistake < 6; mistake++) {
    wf_network         *n = create_model();
    const wf_expression a = symbol(n, A);
    if (mistake == 0) symbol(n, 77);
    if (mistake == 1) make(n, WF_ADD, 2, a, -1);
    if (mistake == 2) make(n, WF_EXP, 2, a, a);
    if (mistake == 3) make(n, WF_LESS, 1, a);
    if (mistake == 4) make(n, WF_MAX, 0);
    if (mistake == 5) make(n, WF_SIN, 1, 1 << 20);
    refuse(n, (const char *[]){"variable number 77", "no expression", "2 operands", "1 operands", "0 operands",
                               "no expression"}[mistake]);
  }
  wf_network   *n     = create_model(); /* a chain without end, and how deep a walk goes before */
  wf_expression chain = symbol(n, A);
  for (int i = 0; i < 200000; i++) chain = add(n, chain, number(n, 1 + i % 7));
  WF_CHECK(wf_network_evaluate_initial(n, chain) > 500000);
  for (int i = 0; i < 5000000 && chain >= 0; i++) chain = make(n, WF_NEGATE, 1, number(n, i));
  refuse(n, "too large");
}

/* The built-in systems compile to what their papers say. */
static void check_systems(void)
{
  double      state[64];
  wf_network *n = wf_network_create_builtin("signalling_cascade_2");
  WF_CHECK(n && wf_network_n_reactions(n) == 30 && wf_network_n_recorded(n) == 15 && wf_network_is_plain(n));
  memcpy(state, n->start, (size_t)n->n_slots * sizeof *state);
  WF_CHECK(wf_network_propensity(n, 1, state) == 0);
  state[0] = 3;
  WF_CHECK_CLOSE(wf_network_propensity(n, 1, state), 1 + 300.0 / 13, 1e-15);
  WF_CHECK(!n->reactions[1].may_be_negative && n->n_slots < 24, "%d slots", (int)n->n_slots);
  wf_network_destroy(&n);
  n = wf_network_create_builtin("toggle_switch");
  WF_CHECK(n && wf_network_n_species(n) == 4 && n->n_instructions == 0 && n->reactions[6].n_factors == 1);
  wf_network_destroy(&n);
  n = wf_network_create_builtin("epidemic");
  WF_CHECK(n && wf_network_is_modulated(n) && wf_network_is_plain(n) && n->reactions[0].modulation >= 0);
  WF_CHECK_CLOSE(n->reactions[0].lower, 0.8, 1e-15);
  WF_CHECK_CLOSE(n->reactions[0].upper, 1.2, 1e-15);
  wf_network_destroy(&n);
  WF_CHECK(!wf_network_create_builtin("nothing") && !wf_network_builtin_name(-1) && !wf_network_builtin_name(1000));
}

int main(void)
{
  check_pool();
  check_products();
  check_programs_as_laws();
  check_modulation();
  check_operations();
  check_elementary();
  check_random_programs();
  check_enclosure();
  check_tightness();
  check_program_bound();
  check_dependencies();
  check_wholeness();
  check_simultaneous();
  check_small_things();
  check_mistakes_of_variables();
  check_mistakes_of_rules();
  check_mistakes_of_reactions();
  check_mistakes_of_expressions();
  check_systems();
  return WF_TEST_END();
}
