/* The triangular velocity on the lattice of counts, its energy, and their reverse. See energy.h and, for the derivation,
   doc/theory.md. With q = p(. | x_<k), q(j,s) the same after move s of x_j, and R the ratio of the prefixes' probabilities,

     J(c) = sum over c' <= c of g(c'),   g = -dq/dt - 1/2 sum_j<k [ v_j(x_j) R(j,+) (q(j,+) - q) + v_j(x_j - 1) R(j,-) (q - q(j,-))
   ] m(c) = (q(c) + q(c + 1)) / 2,   v_k(c) = J(c) / m(c),   energy = 1/2 sum_c J(c)^2 / m(c):

   J is the flux over the edge c -> c + 1 given the prefix, divided by the prefix's probability. The sum over c is the expectation
   over x_k, so only the prefix is sampled. */
#include <math.h>
#include "energy_impl.h"

static const double *conditional(const energy_shape *shape, const energy_record *record, int sequence, int k)
{
  return record->p + ((size_t)sequence * shape->n_species + k) * shape->n_levels;
}

static double *log_ratio(const energy_shape *shape, const energy_record *record, int j, int s)
{
  return record->log_ratio + ((size_t)2 * j + s) * (shape->n_species + 1);
}

/* v_j over the edge that move s of x_j crosses. */
static double crossed_velocity(const energy_shape *shape, const energy_record *record, int j, int s)
{
  return record->v[(size_t)j * shape->n_levels + record->x[j] - (s ? 0 : 1)];
}

/* The first count at which the distribution function is 1/2 or more: sums run towards it from both ends, which keeps the tails'
   relative precision. */
static int find_median(int n, const double *q)
{
  double sum = q[0];
  int    c   = 0;
  while (sum < 0.5 && c < n - 1) sum += q[++c];
  return c;
}

/* J [n - 1] from g [n] in place: sums from below before the median, minus sums from above from there on. */
static void accumulate_flux(int n, int median, double *g)
{
  double above = 0;
  for (int c = 1; c < median; c++) g[c] += g[c - 1];
  for (int c = n - 1; c >= median; c--) {
    double now = g[c];
    g[c]       = -above;
    above += now;
  }
}

/* The reverse: g_bar [n] from J_bar [n], in place. */
static void reverse_flux(int n, int median, double *bar)
{
  double below = 0;
  for (int c = median - 2; c >= 0; c--) bar[c] += bar[c + 1];
  for (int c = median; c < n; c++) {
    double now = bar[c];
    bar[c]     = -below;
    below += now;
  }
}

void wf_energy_lattice_coordinate(const energy_shape *shape, energy_record *record, int k)
{
  int           n = shape->n_levels;
  const double *q = conditional(shape, record, 0, k), *q_dot = record->p_dot + (size_t)k * n;
  double       *v = record->v + (size_t)k * n, energy = 0;
  for (int c = 0; c < n; c++) v[c] = -q_dot[c];
  for (int j = 0; j < k; j++)
    for (int s = 0; s < 2; s++) {
      if (!move_is_inside(shape, record, j, s)) continue;
      const double *moved = conditional(shape, record, 1 + 2 * j + s, k);
      double        rate  = crossed_velocity(shape, record, j, s) * exp(log_ratio(shape, record, j, s)[k]) * (s ? -0.5 : 0.5);
      for (int c = 0; c < n; c++) v[c] += rate * (moved[c] - q[c]);
    }
  accumulate_flux(n, find_median(n, q), v);
  for (int c = 0; c < n - 1; c++) {
    double density = 0.5 * (q[c] + q[c + 1]), flux = v[c];
    v[c] = flux == 0 ? 0 : flux / density;
    energy += 0.5 * v[c] * flux;
  }
  v[n - 1]        = 0;
  record->part[k] = energy;
}

void wf_energy_lattice_extend(const energy_shape *shape, energy_record *record, int k)
{
  const double *q = conditional(shape, record, 0, k);
  int32_t       x = record->x[k];
  for (int j = 0; j <= k; j++)
    for (int s = 0; s < 2; s++) {
      double *ratio = log_ratio(shape, record, j, s);
      if (!move_is_inside(shape, record, j, s))
        ratio[k + 1] = -INFINITY;
      else if (j == k)
        ratio[k + 1] = log(q[x + (s ? 1 : -1)]) - log(q[x]);
      else
        ratio[k + 1] = ratio[k] + log(conditional(shape, record, 1 + 2 * j + s, k)[x]) - log(q[x]);
    }
}

/* Each edge is met from both its ends: 1/2 [s(x -> x + e)^2 + s(x - e -> x)^2] with s = (p' - p) / m = 2 tanh(log(p'/p) / 2). */
void wf_energy_lattice_score(const energy_shape *shape, energy_record *record, double sigma)
{
  double sum = 0, factor = sigma * sigma * sigma * sigma / 8;
  for (int j = 0; sigma > 0 && j < shape->n_species; j++)
    for (int s = 0; s < 2; s++) {
      if (!move_is_inside(shape, record, j, s)) continue;
      double score = 2 * tanh(0.5 * log_ratio(shape, record, j, s)[shape->n_species]);
      sum += 0.5 * score * score;
    }
  record->part[shape->n_species] = factor * sum;
}

static void reverse_score(const energy_shape *shape, const energy_record *record, double sigma, double weight, energy_bars *bars)
{
  double factor = weight * sigma * sigma * sigma * sigma / 8;
  for (int j = 0; sigma > 0 && j < shape->n_species; j++)
    for (int s = 0; s < 2; s++) {
      if (!move_is_inside(shape, record, j, s)) continue;
      double score = 2 * tanh(0.5 * log_ratio(shape, record, j, s)[shape->n_species]);
      bars->running[2 * j + s] += factor * score * (1 - 0.25 * score * score);
    }
}

/* Reverse of wf_energy_lattice_extend; also of the log conditional itself, by score_weight. bars->running stays as the gradient by
   the ratios at k. */
static void reverse_extend(const energy_shape *shape, const energy_record *record, int k, double score_weight, energy_bars *bars)
{
  int           n     = shape->n_levels;
  int32_t       x     = record->x[k];
  const double *q     = conditional(shape, record, 0, k);
  double       *q_bar = bars->p + (size_t)k * n, own = score_weight;
  for (int j = 0; j <= k; j++)
    for (int s = 0; s < 2; s++) {
      double bar = bars->running[2 * j + s];
      if (!move_is_inside(shape, record, j, s)) continue;
      size_t sequence = (size_t)(1 + 2 * j + s);
      own -= bar;
      if (j == k)
        q_bar[x + (s ? 1 : -1)] += bar / q[x + (s ? 1 : -1)];
      else
        bars->p[(sequence * shape->n_species + k) * n + x] += bar / conditional(shape, record, (int)sequence, k)[x];
    }
  q_bar[x] += own / q[x];
}

/* From the flux's gradient g_bar [L] at coordinate k to the conditionals, to the velocities before and to the ratios. */
static void reverse_sources(const energy_shape *shape, const energy_record *record, int k, const double *g_bar, energy_bars *bars)
{
  int           n     = shape->n_levels;
  const double *q     = conditional(shape, record, 0, k);
  double       *q_bar = bars->p + (size_t)k * n, *q_dot_bar = bars->p_dot + (size_t)k * n;
  for (int c = 0; c < n; c++) q_dot_bar[c] -= g_bar[c];
  for (int j = 0; j < k; j++)
    for (int s = 0; s < 2; s++) {
      if (!move_is_inside(shape, record, j, s)) continue;
      int           sequence  = 1 + 2 * j + s;
      const double *moved     = conditional(shape, record, sequence, k);
      double       *moved_bar = bars->p + ((size_t)sequence * shape->n_species + k) * n, rate_bar = 0;
      double        ratio = exp(log_ratio(shape, record, j, s)[k]) * (s ? -0.5 : 0.5);
      double        rate  = crossed_velocity(shape, record, j, s) * ratio;
      for (int c = 0; c < n; c++) {
        rate_bar += g_bar[c] * (moved[c] - q[c]);
        moved_bar[c] += rate * g_bar[c];
        q_bar[c] -= rate * g_bar[c];
      }
      bars->v_at[2 * j + s] += rate_bar * ratio;
      bars->running[2 * j + s] += rate_bar * rate;
    }
}

static void reverse_coordinate(const energy_shape *shape, const energy_record *record, int k, double weight, energy_bars *bars)
{
  int           n = shape->n_levels;
  const double *q = conditional(shape, record, 0, k), *v = record->v + (size_t)k * n;
  double       *q_bar = bars->p + (size_t)k * n, *flux_bar = bars->flux;
  int32_t       x = record->x[k];
  for (int c = 0; c < n - 1; c++) {
    double v_bar       = (c == x - 1 ? bars->v_at[2 * k] : 0) + (c == x ? bars->v_at[2 * k + 1] : 0);
    double density     = 0.5 * (q[c] + q[c + 1]);
    double per_density = v_bar == 0 ? 0 : v_bar / density;
    double density_bar = -v[c] * (0.5 * weight * v[c] + per_density);
    flux_bar[c]        = weight * v[c] + per_density;
    q_bar[c] += 0.5 * density_bar;
    q_bar[c + 1] += 0.5 * density_bar;
  }
  flux_bar[n - 1] = 0;
  reverse_flux(n, find_median(n, q), flux_bar);
  reverse_sources(shape, record, k, flux_bar, bars);
}

void wf_energy_lattice_reverse(const energy_shape *shape, const energy_record *record, double sigma, double weight,
                               const double *score_weight, energy_bars *bars)
{
  reverse_score(shape, record, sigma, weight, bars);
  for (int k = shape->n_species - 1; k >= 0; k--) {
    reverse_extend(shape, record, k, score_weight[k], bars);
    reverse_coordinate(shape, record, k, weight, bars);
  }
}
