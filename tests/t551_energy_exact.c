/* The state-space energy against closed forms: optimal transport and Schroedinger bridges between normal laws, moving mixtures,
   a correlated normal law, Poisson counts of a moving rate.
   RUN: np=1 */
#include <weightflow/energy.h>
#include "check.h"

static const double PI = 3.14159265358979323846;

/* A path of normal laws: mean and standard deviation, with perturbations that vanish at both ends. */
typedef struct {
  double mean[2], sd[2], sigma, bend, swell;
} normal_path;

/* Covariance of the two ends of the Schroedinger bridge (of optimal transport where sigma = 0). */
static double end_covariance(const normal_path *path)
{
  double s = path->sigma * path->sigma, a = path->sd[0] * path->sd[1];
  return 0.5 * (sqrt(4 * a * a + s * s) - s);
}

/* Bridges have straight means and var = (1-t)^2 a^2 + t^2 b^2 + 2 t (1-t) c + sigma^2 t (1-t). */
static void find_normal(const normal_path *path, double t, double *mean, double *sd, double *mean_dot, double *sd_dot)
{
  double a = path->sd[0] * path->sd[0], b = path->sd[1] * path->sd[1], u = t * (1 - t), u_dot = 1 - 2 * t;
  double cross = 2 * end_covariance(path) + path->sigma * path->sigma;
  double var = (1 - t) * (1 - t) * a + t * t * b + u * cross, var_dot = -2 * (1 - t) * a + 2 * t * b + u_dot * cross;
  double s = sqrt(var), factor = 1 + path->swell * u;
  *mean     = path->mean[0] + t * (path->mean[1] - path->mean[0]) + path->bend * u;
  *mean_dot = path->mean[1] - path->mean[0] + path->bend * u_dot;
  *sd       = s * factor;
  *sd_dot   = var_dot / (2 * s) * factor + s * path->swell * u_dot;
}

/* E_x[1/2 v^2 + sigma^4/8 score^2] at t: the trapezoidal rule, which is exact to rounding for normal densities. */
static double find_density_energy(const normal_path *path, double t)
{
  double weight = 1, weight_dot = 0, mean, sd, mean_dot, sd_dot, sum = 0, factor = pow(path->sigma, 4) / 8;
  find_normal(path, t, &mean, &sd, &mean_dot, &sd_dot);
  wf_energy_mixture mixture = {.n          = 1,
                               .weight     = &weight,
                               .weight_dot = &weight_dot,
                               .mean       = &mean,
                               .mean_dot   = &mean_dot,
                               .sigma      = &sd,
                               .sigma_dot  = &sd_dot};
  for (int i = -100; i <= 100; i++) {
    double z = 0.1 * i, score, v = wf_energy_mixture_velocity(&mixture, mean + z * sd, &score);
    sum += 0.1 * exp(-0.5 * z * z) / sqrt(2 * PI) * (0.5 * v * v + factor * score * score);
  }
  return sum;
}

static double integrate_path(normal_path path)
{
  enum { INTERVALS = 400 };
  double sum = 0;
  for (int i = 0; i <= INTERVALS; i++)
    sum += find_density_energy(&path, (double)i / INTERVALS) * (i == 0 || i == INTERVALS ? 1 : i % 2 ? 4 : 2) / (3.0 * INTERVALS);
  return sum;
}

/* Of the bridge: sigma^2 (KL(pi | Lebesgue x N(y; x, sigma^2)) - (H(mu_0) + H(mu_1)) / 2), pi the law of the ends; as sigma -> 0
   half the squared Wasserstein distance (Benamou and Brenier 2000; Leonard 2014). */
static double find_least_energy(const normal_path *path)
{
  double shift = path->mean[1] - path->mean[0], a = path->sd[0] * path->sd[0], b = path->sd[1] * path->sd[1];
  double c = end_covariance(path), s = path->sigma * path->sigma;
  if (s == 0) return 0.5 * (shift * shift + (path->sd[1] - path->sd[0]) * (path->sd[1] - path->sd[0]));
  double e = log(2 * PI * exp(1)), divergence = 0.5 * log(2 * PI * s) + (shift * shift + a + b - 2 * c) / (2 * s);
  divergence -= e + 0.5 * log(a * b - c * c);
  return s * (divergence + 0.25 * (e + log(a) + e + log(b)));
}

static void check_normal_paths(void)
{
  const normal_path paths[] = {{.mean = {1, 3}, .sd = {0.5, 2}},
                               {.mean = {1, 3}, .sd = {0.5, 2}, .sigma = 0.7},
                               {.mean = {0, 0}, .sd = {1, 1}, .sigma = 1.5}};
  for (int i = 0; i < 3; i++) {
    normal_path path  = paths[i];
    double      least = find_least_energy(&path), found = integrate_path(path);
    fprintf(stderr, "path %d: least energy %.10g, found %.10g\n", i, least, found);
    WF_CHECK_CLOSE(found, least, 1e-8);
    for (int k = 0; k < 4; k++) {
      normal_path other = path;
      if (k < 2)
        other.bend = k ? 0.3 : -0.3;
      else
        other.swell = k == 2 ? 0.2 : -0.2;
      WF_CHECK(integrate_path(other) > found + 1e-4, "path %d, perturbation %d", i, k);
    }
  }
}

/* Three normal densities at time t, all parameters moving. */
typedef struct {
  double weight[3], mean[3], sigma[3], weight_dot[3], mean_dot[3], sigma_dot[3];
} three_normals;

static wf_energy_mixture find_mixture(double t, three_normals *m)
{
  static const double w[3] = {0.5, 0.2, 0.3}, w_dot[3] = {-0.3, 0.4, -0.1}, mu[3] = {-2, 0.5, 3}, s[3] = {0.6, 1, 1.4};
  static const double mu_dot[3] = {1, -0.5, 0.3}, s_dot[3] = {0.2, -0.4, 0.1};
  for (int k = 0; k < 3; k++) {
    m->weight[k] = w[k] + t * w_dot[k];
    m->mean[k]   = mu[k] + t * mu_dot[k];
    m->sigma[k]  = s[k] + t * s_dot[k];
  }
  memcpy(m->weight_dot, w_dot, sizeof w_dot);
  memcpy(m->mean_dot, mu_dot, sizeof mu_dot);
  memcpy(m->sigma_dot, s_dot, sizeof s_dot);
  return (wf_energy_mixture){3, m->weight, m->mean, m->sigma, m->weight_dot, m->mean_dot, m->sigma_dot};
}

static double mixture_density(double t, double x)
{
  three_normals m;
  double        sum = 0;
  find_mixture(t, &m);
  for (int k = 0; k < 3; k++) {
    double z = (x - m.mean[k]) / m.sigma[k];
    sum += m.weight[k] * exp(-0.5 * z * z) / (m.sigma[k] * sqrt(2 * PI));
  }
  return sum;
}

static void check_mixture(void)
{
  const double      h = 1e-4;
  three_normals     m;
  wf_energy_mixture mixture = find_mixture(0, &m);
  double            worst = 0, worst_score = 0;
  for (double x = -6; x <= 8; x += 0.25) {
    double rate = (mixture_density(h, x) - mixture_density(-h, x)) / (2 * h), score, p = mixture_density(0, x);
    double right = mixture_density(0, x + h) * wf_energy_mixture_velocity(&mixture, x + h, NULL);
    double left  = mixture_density(0, x - h) * wf_energy_mixture_velocity(&mixture, x - h, &score);
    wf_energy_mixture_velocity(&mixture, x, &score);
    worst       = fmax(worst, fabs(rate + (right - left) / (2 * h)));
    worst_score = fmax(worst_score, fabs(score - (mixture_density(0, x + h) - mixture_density(0, x - h)) / (2 * h * p)));
  }
  fprintf(stderr, "mixture: continuity %.2g, score %.2g\n", worst, worst_score);
  WF_CHECK(worst < 2e-7 && worst_score < 3e-6, "%g, %g", worst, worst_score);
  /* Far to the right the widest component is alone: v = mean' + z sigma' + (w'/w) sigma (1/z - 1/z^3 + 3/z^5). */
  for (int i = 0; i < 2; i++) {
    double z = i ? 400 : 20, score, v = wf_energy_mixture_velocity(&mixture, 3 + 1.4 * z, &score);
    double far = 0.3 + 0.1 * z - 0.1 / 0.3 * 1.4 * (1 / z - 1 / (z * z * z) + 3 / pow(z, 5));
    WF_CHECK_CLOSE(v, far, 2e-7);
    WF_CHECK_CLOSE(score, -z / 1.4, 1e-9);
  }
}

/* A normal law in two dimensions with covariance [a, c; c, b] that moves linearly in time. */
typedef struct {
  double a, b, c, a_dot, b_dot, c_dot;
} covariance;

static double log_normal(const covariance *s, double t, double x, double y)
{
  double a = s->a + t * s->a_dot, b = s->b + t * s->b_dot, c = s->c + t * s->c_dot, det = a * b - c * c;
  return -0.5 * (b * x * x - 2 * c * x * y + a * y * y) / det - 0.5 * log(det) - log(2 * PI);
}

/* Velocity in the order x, y: y given x is normal with mean (c/a) x and variance b - c^2/a, which moves with t and with x. */
static void find_plane_velocity(const covariance *s, double x, double y, double v[2])
{
  double one = 1, zero = 0, sd = sqrt(s->a), sd_dot = s->a_dot / (2 * sd);
  v[0]         = wf_energy_mixture_velocity(&(wf_energy_mixture){1, &one, &zero, &sd, &zero, &zero, &sd_dot}, x, NULL);
  double slope = s->c / s->a, slope_dot = (s->c_dot - slope * s->a_dot) / s->a, mean = slope * x;
  double mean_dot = slope_dot * x + slope * v[0], rest = sqrt(s->b - s->c * slope);
  double rest_dot = (s->b_dot - s->c_dot * slope - s->c * slope_dot) / (2 * rest);
  v[1]            = wf_energy_mixture_velocity(&(wf_energy_mixture){1, &one, &mean, &rest, &zero, &mean_dot, &rest_dot}, y, NULL);
}

static void check_plane(void)
{
  const covariance s     = {1.3, 0.8, 0.5, 0.6, -0.3, 0.4};
  const double     h     = 1e-4;
  double           worst = 0;
  for (double x = -2; x <= 2; x += 0.5)
    for (double y = -2; y <= 2; y += 0.5) {
      double v[4][2], p[4], rate = (exp(log_normal(&s, h, x, y)) - exp(log_normal(&s, -h, x, y))) / (2 * h);
      for (int k = 0; k < 4; k++) {
        double x_k = x + (k < 2 ? h * (2 * k - 1) : 0), y_k = y + (k < 2 ? 0 : h * (2 * k - 5));
        p[k] = exp(log_normal(&s, 0, x_k, y_k));
        find_plane_velocity(&s, x_k, y_k, v[k]);
      }
      worst = fmax(worst, fabs(rate + (p[1] * v[1][0] - p[0] * v[0][0] + p[3] * v[3][1] - p[2] * v[2][1]) / (2 * h)));
    }
  fprintf(stderr, "plane: continuity %.2g\n", worst);
  WF_CHECK(worst < 1e-7, "%g", worst);
}

/* Independent Poisson counts from a network whose output biases alone are not 0: J(c) = rate' p(c), so v = 2 rate' (c + 1) /
   (c + 1 + rate). */
static void check_poisson(double rate, int n_levels)
{
  enum { SPECIES = 2 };
  const double rate_dot = 0.7;
  wf_backbone *backbone = wf_backbone_create(&(wf_backbone_config){
      .network = "gru", .head = "categorical", .n_species = SPECIES, .n_levels = n_levels, .hidden = 2, .n_layers = 1});
  wf_energy   *energy   = wf_energy_create(backbone, &(wf_energy_config){0});
  size_t       n_param  = (size_t)wf_backbone_n_param(backbone);
  double      *theta = calloc(2 * n_param, sizeof *theta), *theta_dot = theta + n_param, exact = 0, worst = 0, v[SPECIES];
  for (int c = 0; c < n_levels; c++) {
    size_t bias     = n_param - 3 * (size_t)(n_levels - c) + 2;
    theta[bias]     = c * log(rate) - lgamma(c + 1.0);
    theta_dot[bias] = c / rate * rate_dot;
  }
  wf_energy_point point = {.theta = theta, .theta_dot = theta_dot};
  for (int32_t c = 0; c < n_levels - 1; c++) {
    double p = exp(c * log(rate) - lgamma(c + 1.0) - rate), law = 2 * rate_dot * (c + 1) / (c + 1 + rate);
    exact += 0.5 * SPECIES * rate_dot * p * law;
    if (c > rate + 12 * sqrt(rate)) continue; /* further out the end of the lattice is felt */
    wf_energy_velocity(energy, &point, (int32_t[SPECIES]){c / 2, c}, v);
    worst = fmax(worst, fabs(v[1] / law - 1));
  }
  double found = wf_energy_block(energy, &point, 1, 0, 0, NULL) / WF_ENERGY_BLOCK;
  double limit = 0.5 * SPECIES * rate_dot * rate_dot * (1 + 1 / (4 * rate));
  fprintf(stderr, "Poisson %g: velocity %.2g, energy %.12g, exact %.12g, normal limit %.6g\n", rate, worst, found, exact, limit);
  WF_CHECK(worst < 1e-9, "%g", worst);
  WF_CHECK_CLOSE(found, exact, 1e-11);
  if (rate > 50) WF_CHECK_CLOSE(found, limit, 1e-2);
  free(theta);
  wf_energy_destroy(&energy);
  wf_backbone_destroy(&backbone);
}

int main(void)
{
  check_normal_paths();
  check_mixture();
  check_plane();
  check_poisson(6, 64);
  check_poisson(100, 260);
  return WF_TEST_END();
}
