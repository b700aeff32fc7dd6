/* The form of each law: a number times affine factors times a modulation by the time, where it can be read so; its guards. Pure. */
#include <math.h>
#include <weightflow/base.h>
#include "ssa/network_compile.h"

/* A product of more factors is left a program, and a guard of a larger change is made without looking at the law. */
enum { MAX_FACTORS = 64, MAX_CHECKED_CHANGE = 4 };

/* A law taken apart. */
typedef struct {
  int           n_factors, n_waiting;
  wf_affine     factors[MAX_FACTORS];
  wf_expression waiting[MAX_FACTORS]; /* still to be taken apart, the next one last */
  double        rate;
  wf_expression modulation; /* -1: none */
  double        lower, upper;
} law_parts;

/* Take one expression apart, or leave its parts waiting. false: the law is no product. */
static bool take_part(wf_compiler *compiler, law_parts *parts, wf_expression expression)
{
  wf_network     *network = compiler->network;
  const wf_node   node    = compiler->source->nodes[expression];
  const wf_affine affine  = compiler->affine[expression];
  const int       arity   = wf_operation_arity(node.kind);
  wf_expression   factor  = expression;
  double          number;
  if (affine.variable == -1) {
    parts->rate *= affine.offset;
    return true;
  }
  if (node.kind == WF_MULTIPLY || node.kind == WF_NEGATE) {
    if (parts->n_waiting + arity > MAX_FACTORS) return false;
    if (node.kind == WF_NEGATE) parts->rate = -parts->rate;
    for (int k = arity; k--;) parts->waiting[parts->n_waiting++] = node.operand[k];
    return true;
  }
  if (node.kind == WF_DIVIDE && compiler->contains[node.operand[1]] <= WF_CONTAINS_TIME) {
    parts->waiting[parts->n_waiting++] = node.operand[0];
    if (wf_network_expression_is_number(network, node.operand[1], &number)) {
      parts->rate /= number;
      return true;
    }
    factor = wf_network_make_node(network, WF_DIVIDE, wf_network_make_number(network, 1), node.operand[1], -1);
  } else if (affine.variable >= 0) {
    if (parts->n_factors == MAX_FACTORS || !isfinite(affine.scale) || !isfinite(affine.offset)) return false;
    parts->factors[parts->n_factors++] = affine;
    return true;
  } else if (compiler->contains[expression] != WF_CONTAINS_TIME)
    return false;
  parts->modulation = parts->modulation < 0 ? factor : wf_network_make_node(network, WF_MULTIPLY, parts->modulation, factor, -1);
  return parts->modulation >= 0;
}

/* Is the law a product whose modulation, if any, is bounded and not negative? */
static bool find_product(wf_compiler *compiler, wf_expression law, law_parts *parts)
{
  *parts = (law_parts){.rate = 1, .modulation = -1, .n_waiting = 1, .waiting = {law}, .lower = 1, .upper = 1};
  if (compiler->contains[law] & WF_CONTAINS_RATE) return false;
  while (parts->n_waiting)
    if (!take_part(compiler, parts, parts->waiting[--parts->n_waiting])) return false;
  if (!isfinite(parts->rate)) return false;
  if (parts->modulation < 0) return true;
  if (!wf_compiler_bound(compiler, parts->modulation, -1, 0, &parts->lower, &parts->upper)) return false;
  if (parts->rate == 0 && isfinite(parts->lower) && isfinite(parts->upper)) { /* never: the time does not matter */
    parts->modulation = -1;
    parts->lower = parts->upper = 1;
  }
  return parts->lower >= 0 && parts->upper > 0 && isfinite(parts->upper);
}

/* Is the product 0 at x_variable = at, exactly? */
static bool vanishes(const law_parts *parts, int32_t variable, double at)
{
  for (int i = 0; i < parts->n_factors; i++)
    if (parts->factors[i].variable == variable && parts->factors[i].scale * at + parts->factors[i].offset == 0) return true;
  return false;
}

/* Can the product be negative, as far as its form tells? x (x - 1) cannot where x is whole. */
static bool product_may_be_negative(const wf_compiler *compiler, const law_parts *parts)
{
  if (parts->rate < 0) return true;
  for (int i = 0; i < parts->n_factors; i++) {
    const wf_affine *factor = &parts->factors[i];
    const double     root   = -factor->offset / factor->scale;
    if (!(factor->scale > 0) || !compiler->never_negative[factor->variable]) return true;
    if (root <= 0) continue;
    if (!compiler->whole[factor->variable] || !(root <= MAX_FACTORS)) return true;
    for (int at = 0; at < root; at++)
      if (!vanishes(parts, factor->variable, at)) return true;
  }
  return false;
}

/* Does the law see to it that the reaction does not fire while x_variable < minimum? */
static bool needs_guard(wf_compiler *compiler, wf_expression law, const law_parts *parts, int32_t variable, double minimum,
                        bool *needs)
{
  double lower, upper;
  *needs = true;
  if (!compiler->whole[variable] || !compiler->never_negative[variable] || minimum > MAX_CHECKED_CHANGE) return true;
  for (int at = 0; at < minimum; at++) {
    if (parts) {
      if (!vanishes(parts, variable, at)) return true;
    } else {
      if (!wf_compiler_bound(compiler, law, variable, at, &lower, &upper)) return false;
      if (lower != 0 || upper != 0) return true;
    }
  }
  *needs = false;
  return true;
}

static bool append_factor(wf_compiler *compiler, const wf_affine *factor)
{
  wf_network         *network = compiler->network;
  wf_compiled_factor *factors =
      wf_network_grow(network, network->factors, compiler->n_factors, &compiler->factor_capacity, sizeof *factors);
  if (!factors) return false;
  network->factors               = factors;
  factors[compiler->n_factors++] = (wf_compiled_factor){factor->variable, factor->scale, factor->offset};
  return true;
}

static bool append_guard(wf_compiler *compiler, int32_t slot, double minimum)
{
  wf_network        *network = compiler->network;
  wf_compiled_guard *guards =
      wf_network_grow(network, network->guards, compiler->n_guards, &compiler->guard_capacity, sizeof *guards);
  if (!guards) return false;
  network->guards              = guards;
  guards[compiler->n_guards++] = (wf_compiled_guard){slot, minimum};
  return true;
}

static bool find_guards(wf_compiler *compiler, wf_compiled_reaction *reaction, wf_expression law, const law_parts *parts)
{
  reaction->first_guard = compiler->n_guards;
  for (int32_t k = 0; k < reaction->n_changes; k++) {
    const wf_network_change *change = &compiler->source->changes[reaction->first_change + k];
    bool                     needs;
    if (change->expression >= 0 || change->amount >= 0 || !compiler->source->variables[change->variable].is_species) continue;
    if (!needs_guard(compiler, law, parts, change->variable, -change->amount, &needs)) return false;
    if (needs && !append_guard(compiler, change->variable, -change->amount)) return false;
  }
  reaction->n_guards = compiler->n_guards - reaction->first_guard;
  return true;
}

static bool find_law(wf_compiler *compiler, int32_t j)
{
  wf_source_reaction   *given    = &compiler->source->reactions[j];
  wf_compiled_reaction *reaction = &compiler->network->reactions[j];
  const wf_expression   law      = compiler->substituted[given->law];
  law_parts             parts;
  double                lower, upper;
  const bool            product = find_product(compiler, law, &parts);
  if (compiler->network->problem[0]) return false;
  *reaction   = (wf_compiled_reaction){.program      = -1,
                                       .modulation   = -1,
                                       .lower        = 1,
                                       .upper        = 1,
                                       .first_factor = compiler->n_factors,
                                       .first_change = given->first_change,
                                       .n_changes    = given->n_changes,
                                       .name         = given->name};
  given->name = NULL;
  if (product) {
    reaction->rate            = parts.rate;
    reaction->n_factors       = parts.n_factors;
    reaction->modulation      = parts.modulation;
    reaction->lower           = parts.lower;
    reaction->upper           = parts.upper;
    reaction->may_be_negative = product_may_be_negative(compiler, &parts);
    for (int i = 0; i < parts.n_factors; i++)
      if (!append_factor(compiler, &parts.factors[i])) return false;
  } else {
    reaction->program = law;
    reaction->varies  = compiler->contains[law] & (WF_CONTAINS_TIME | WF_CONTAINS_RATE);
    if (!wf_compiler_bound(compiler, law, -1, 0, &lower, &upper)) return false;
    reaction->may_be_negative = !(lower >= 0);
  }
  return find_guards(compiler, reaction, law, product ? &parts : NULL);
}

bool wf_compiler_find_laws(wf_compiler *compiler)
{
  wf_network *network = compiler->network;
  network->reactions  = wf_calloc((size_t)network->n_reactions, sizeof *network->reactions);
  if (!network->reactions) return false;
  for (int32_t j = 0; j < network->n_reactions; j++)
    if (!find_law(compiler, j)) return false;
  return true;
}
