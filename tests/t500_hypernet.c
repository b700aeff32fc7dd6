/* The hypernetwork against the published model's numbers, against finite differences, and against itself. */
#include <hdf5.h>
#include <weightflow/base.h>
#include <weightflow/blas.h>
#include <weightflow/hypernet.h>
#include "check.h"

enum { N_ANCHORS = 11, N_TIMES = 7, N_NODES = 100, N_SLOTS = 9, WIDTH = 64 };
#define TOLERANCE (WF_REAL_IS_DOUBLE ? 1e-10 : 1e-5)

static const wf_backbone_layer epidemic_layers[] = {{"gru_0_ir", 8, 7}, {"gru_0_iz", 8, 7}, {"gru_0_in", 8, 7}, {"gru_0_hr", 8, 9},
                                                    {"gru_0_hz", 8, 9}, {"gru_0_hn", 8, 9}, {"output", 52, 9}};

typedef struct {
  wf_graph         *graph;
  wf_hypernet      *net;
  wf_hypernet_tape *tape;
  wf_real          *phi, *theta, *g;
  int               n_phi, n_theta, n_g;
} bench_net;

static void set_up(int n_layers, const wf_backbone_layer *layers, const wf_hypernet_config *config, bench_net *b)
{
  b->graph   = wf_graph_create(n_layers, layers);
  b->net     = wf_hypernet_create(b->graph, config);
  b->tape    = wf_hypernet_tape_create(b->net);
  b->n_phi   = wf_hypernet_n_phi(b->net);
  b->n_theta = b->graph->n_param;
  b->n_g     = b->n_theta * config->n_control;
  b->phi     = wf_calloc((size_t)b->n_phi, sizeof(wf_real));
  b->theta   = wf_calloc((size_t)b->n_theta, sizeof(wf_real));
  b->g       = wf_calloc((size_t)b->n_g, sizeof(wf_real));
}

static void tear_down(bench_net *b)
{
  wf_free(b->phi);
  wf_free(b->theta);
  wf_free(b->g);
  wf_hypernet_tape_destroy(&b->tape);
  wf_hypernet_destroy(&b->net);
  wf_graph_destroy(&b->graph);
  WF_CHECK(!b->tape && !b->net && !b->graph);
}

/* Standard normals, another set for each item. */
static void fill_normal(uint64_t item, double scale, int n, wf_real *x)
{
  for (int i = 0; i < n; i++) {
    double z[2];
    wf_random_normal2(5, WF_RANDOM_TEST, item, (uint32_t)i, z);
    x[i] = (wf_real)(scale * z[0]);
  }
}

static double dot(int n, const wf_real *x, const wf_real *y)
{
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
  return sum;
}

/* --- published model --- */

static bool read_dataset(hid_t file, const char *name, int count, double *values)
{
  hid_t data = H5Dopen2(file, name, H5P_DEFAULT);
  if (data < 0) return false;
  hid_t space = H5Dget_space(data);
  bool  good =
      H5Sget_simple_extent_npoints(space) == count && H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  H5Sclose(space);
  H5Dclose(data);
  return good;
}

static void read_phi(hid_t file, bench_net *b)
{
  int                      n_blocks, total = 0;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(b->net, &n_blocks);
  double                  *values = wf_calloc((size_t)b->n_phi, sizeof(double));
  for (int i = 0; i < n_blocks; i++) {
    char name[128], path[160];
    int  count = blocks[i].rows * blocks[i].cols;
    WF_CHECK(wf_hypernet_published_name(b->net, i, name, sizeof name), "%s", blocks[i].name);
    snprintf(path, sizeof path, "phi/%s", name);
    WF_CHECK(read_dataset(file, path, count, values), "%s [%d]", path, count);
    WF_CHECK(blocks[i].first == total);
    for (int j = 0; j < count; j++) b->phi[total + j] = (wf_real)values[j];
    total += count;
  }
  WF_CHECK(total == b->n_phi && total == 231545, "%d", total);
  char little[8];
  WF_CHECK(!wf_hypernet_published_name(b->net, 0, little, sizeof little));
  WF_CHECK(!wf_hypernet_published_name(b->net, n_blocks, little, sizeof little));
  wf_free(values);
}

/* theta of one anchor out of [N_NODES, N_SLOTS], which is padded. */
static void unpad(const wf_graph *graph, const double *padded, wf_real *theta)
{
  for (int l = 0; l < graph->n_layers; l++)
    for (int i = 0; i < graph->layers[l].n_nodes; i++)
      for (int f = 0; f < graph->layers[l].n_features; f++)
        *theta++ = (wf_real)padded[(graph->layers[l].first_node + i) * N_SLOTS + f];
}

static void check_activations(hid_t file, const bench_net *b)
{
  static const char *names[] = {"feval/act_embed_anchor3", "feval/act_layer0_anchor3", "feval/act_layer1_anchor3"};
  static double      expected[N_NODES * WIDTH];
  for (int layer = 0; layer < 3; layer++) {
    const wf_real *x     = wf_hypernet_tape_activation(b->tape, layer);
    double         worst = 0, largest = 0;
    WF_CHECK(read_dataset(file, names[layer], N_NODES * WIDTH, expected), "%s", names[layer]);
    for (int i = 0; i < N_NODES * WIDTH; i++) {
      worst   = fmax(worst, fabs((double)x[i] - expected[i]));
      largest = fmax(largest, fabs(expected[i]));
    }
    fprintf(stderr, "%s: relative error %.2e\n", names[layer], worst / largest);
    WF_CHECK(worst <= TOLERANCE * largest, "%s", names[layer]);
  }
}

static double spline_slope(const double *knots, const double *b, const double *two_c, const double *three_d, double t)
{
  int i = 0;
  while (i < 9 && knots[i + 1] < t) i++;
  double f = t - knots[i];
  return b[i] + f * (two_c[i] + f * three_d[i]);
}

static void check_published(void)
{
  hid_t     file = H5Fopen(test_data("weightflow_reference_epidemic.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  bench_net b;
  set_up(7, epidemic_layers, &(wf_hypernet_config)WF_HYPERNET_DEFAULT, &b);
  WF_CHECK(b.n_theta == 852 && b.graph->n_nodes == N_NODES && b.graph->max_features == 9);
  static double anchors[N_ANCHORS][N_NODES * N_SLOTS], slope[N_TIMES][N_ANCHORS][N_NODES * N_SLOTS];
  double        t[N_TIMES], knots[11], slopes[10], two_c[10], three_d[10], worst = 0;
  read_phi(file, &b);
  WF_CHECK(read_dataset(file, "anchors", N_ANCHORS * N_NODES * N_SLOTS, anchors[0]));
  WF_CHECK(read_dataset(file, "feval/dXdt", N_TIMES * N_ANCHORS * N_NODES * N_SLOTS, slope[0][0]));
  WF_CHECK(read_dataset(file, "feval/t", N_TIMES, t) && read_dataset(file, "spline/knots", 11, knots));
  WF_CHECK(read_dataset(file, "spline/b", 10, slopes) && read_dataset(file, "spline/two_c", 10, two_c));
  WF_CHECK(read_dataset(file, "spline/three_d", 10, three_d));
  wf_real *expected = wf_calloc((size_t)b.n_theta, sizeof(wf_real));
  for (int a = 0; a < N_ANCHORS; a++) {
    unpad(b.graph, anchors[a], b.theta);
    wf_hypernet_forward(b.net, b.phi, b.theta, NULL, b.tape, b.g);
    if (a == 3) check_activations(file, &b);
    for (int k = 0; k < N_TIMES; k++) {
      double error = 0, largest = 0, dz = spline_slope(knots, slopes, two_c, three_d, t[k]);
      unpad(b.graph, slope[k][a], expected);
      for (int p = 0; p < b.n_theta; p++) {
        error   = fmax(error, fabs((double)b.g[p] * dz - (double)expected[p]));
        largest = fmax(largest, fabs((double)expected[p]));
      }
      worst = fmax(worst, error / largest);
    }
  }
  fprintf(stderr, "field values: relative error %.2e\n", worst);
  WF_CHECK(worst <= TOLERANCE, "%g", worst);
  wf_free(expected);
  tear_down(&b);
  H5Fclose(file);
}

/* --- derivatives --- */

/* <g_bar, dg along a direction in x> by central differences; x is b's phi or theta. The step balances rounding against kinks of the
   ReLU that may lie within it: in double none does, in float the quotient is good to some per cent only. */
static double difference(bench_net *b, const wf_dropout *dropout, int n, wf_real *x, const wf_real *direction, const wf_real *g_bar)
{
  double   step = WF_REAL_IS_DOUBLE ? 1e-6 : 1e-2 / sqrt(dot(n, direction, direction)), ends[2];
  wf_real *kept = wf_calloc((size_t)n, sizeof(wf_real));
  memcpy(kept, x, (size_t)n * sizeof(wf_real));
  for (int side = 0; side < 2; side++) {
    for (int i = 0; i < n; i++) x[i] = kept[i] + (wf_real)((side ? step : -step) * (double)direction[i]);
    wf_hypernet_forward(b->net, b->phi, b->theta, dropout, b->tape, b->g);
    ends[side] = dot(b->n_g, g_bar, b->g);
  }
  memcpy(x, kept, (size_t)n * sizeof(wf_real));
  wf_free(kept);
  return (ends[1] - ends[0]) / (2 * step);
}

static void compare(const char *what, double product, double quotient)
{
  double error = fabs(product - quotient) / fmax(fabs(quotient), WF_REAL_IS_DOUBLE ? 0.1 : 0.5);
  WF_CHECK(error < (WF_REAL_IS_DOUBLE ? 1e-7 : 5e-2), "%s: %.10g against %.10g", what, product, quotient);
}

static void check_derivative(int n_layers, const wf_backbone_layer *layers, const wf_hypernet_config *config,
                             const wf_dropout *dropout)
{
  bench_net b;
  set_up(n_layers, layers, config, &b);
  wf_hypernet_init(b.net, 3, false, b.phi);
  wf_real *noise = wf_calloc((size_t)b.n_phi, sizeof(wf_real)), *phi_bar = wf_calloc((size_t)b.n_phi, sizeof(wf_real));
  wf_real *theta_bar = wf_calloc((size_t)b.n_theta, sizeof(wf_real)), *g_bar = wf_calloc((size_t)b.n_g, sizeof(wf_real));
  fill_normal(1, 0.2, b.n_phi, noise);
  for (int i = 0; i < b.n_phi; i++) b.phi[i] += noise[i]; /* norms and biases off their special start values */
  fill_normal(2, 1, b.n_theta, b.theta);
  fill_normal(3, 1, b.n_g, g_bar);
  wf_hypernet_forward(b.net, b.phi, b.theta, dropout, b.tape, b.g);
  wf_hypernet_backward(b.net, b.phi, dropout, b.tape, g_bar, theta_bar, phi_bar);

  for (uint64_t item = 10; item < 13; item++) { /* random directions */
    fill_normal(item, 1, b.n_theta, noise);
    compare("theta", dot(b.n_theta, theta_bar, noise), difference(&b, dropout, b.n_theta, b.theta, noise, g_bar));
    fill_normal(item, 1, b.n_phi, noise);
    compare("phi", dot(b.n_phi, phi_bar, noise), difference(&b, dropout, b.n_phi, b.phi, noise, g_bar));
  }
  int                      n_blocks;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(b.net, &n_blocks);
  for (int i = 0; i < n_blocks && WF_REAL_IS_DOUBLE; i++) /* single components: one of each block */
    for (int one = 0; one < 2; one++) {
      int j = blocks[i].first +
              (int)(blocks[i].rows * blocks[i].cols * wf_random_uniform(9, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)one));
      memset(noise, 0, (size_t)b.n_phi * sizeof(wf_real));
      noise[j] = 1;
      compare(blocks[i].name, (double)phi_bar[j], difference(&b, dropout, b.n_phi, b.phi, noise, g_bar));
    }
  for (int j = 0; j < b.n_theta && WF_REAL_IS_DOUBLE; j += 5) {
    memset(noise, 0, (size_t)b.n_theta * sizeof(wf_real));
    noise[j] = 1;
    compare("theta component", (double)theta_bar[j], difference(&b, dropout, b.n_theta, b.theta, noise, g_bar));
  }
  wf_free(noise);
  wf_free(phi_bar);
  wf_free(theta_bar);
  wf_free(g_bar);
  tear_down(&b);
}

static void check_derivatives(void)
{
  static const wf_backbone_layer small[] = {{"gru_0_ir", 5, 3}, {"output", 3, 4}}, odd[] = {{"a", 7, 2}, {"b", 1, 5}, {"c", 11, 1}};
  const wf_dropout               dropout = {.rate = 0.25, .seed = 11, .item = 1ull << 40};
  for (int i = 0; i < 2; i++) {
    wf_hypernet_config config = {
        .n_control = i ? 3 : 1, .width = 8, .n_heads = 2, .n_feedforward = 12, .n_encoders = 2, .map_hidden = 10};
    check_derivative(2, small, &config, NULL);
    check_derivative(2, small, &config, &dropout);
    config.width   = 15; /* nothing a multiple of a vector's length */
    config.n_heads = 5;
    check_derivative(3, odd, &config, i ? NULL : &dropout);
    config.width   = 40; /* heads of 20 */
    config.n_heads = 2;
    check_derivative(3, odd, &config, i ? &dropout : NULL);
  }
}

/* ------------------------------------------------------------------------------------------ against itself
 */

/* The backward map is linear in g_bar, accumulates into phi_bar, and does without either result. */
static void check_linearity(bench_net *b, const wf_dropout *dropout)
{
  wf_real *bar[3], *theta_bar[3], *phi_bar[4];
  for (int i = 0; i < 3; i++) {
    bar[i]       = wf_calloc((size_t)b->n_g, sizeof(wf_real));
    theta_bar[i] = wf_calloc((size_t)b->n_theta, sizeof(wf_real));
  }
  for (int i = 0; i < 4; i++) phi_bar[i] = wf_calloc((size_t)b->n_phi, sizeof(wf_real));
  fill_normal(20, 1, b->n_g, bar[0]);
  fill_normal(21, 1, b->n_g, bar[1]);
  for (int i = 0; i < b->n_g; i++) bar[2][i] = 2 * bar[0][i] - bar[1][i];
  wf_hypernet_forward(b->net, b->phi, b->theta, dropout, b->tape, b->g);
  for (int i = 0; i < 3; i++) wf_hypernet_backward(b->net, b->phi, dropout, b->tape, bar[i], theta_bar[i], phi_bar[i]);
  double error = 0, size = 0, tolerance = WF_REAL_IS_DOUBLE ? 1e-12 : 1e-4;
  for (int i = 0; i < b->n_phi; i++) {
    error = fmax(error, fabs((double)(2 * phi_bar[0][i] - phi_bar[1][i] - phi_bar[2][i])));
    size  = fmax(size, fabs((double)phi_bar[2][i]));
  }
  WF_CHECK(size > 0 && error < tolerance * size, "phi: %g of %g", error, size);
  error = size = 0;
  for (int i = 0; i < b->n_theta; i++) {
    error = fmax(error, fabs((double)(2 * theta_bar[0][i] - theta_bar[1][i] - theta_bar[2][i])));
    size  = fmax(size, fabs((double)theta_bar[2][i]));
  }
  WF_CHECK(size > 0 && error < tolerance * size, "theta: %g of %g", error, size);

  wf_hypernet_backward(b->net, b->phi, dropout, b->tape, bar[2], NULL, phi_bar[3]);
  WF_CHECK(!memcmp(phi_bar[3], phi_bar[2], (size_t)b->n_phi * sizeof(wf_real)));
  wf_hypernet_backward(b->net, b->phi, dropout, b->tape, bar[2], theta_bar[0], NULL);
  WF_CHECK(!memcmp(theta_bar[0], theta_bar[2], (size_t)b->n_theta * sizeof(wf_real)));
  wf_hypernet_backward(b->net, b->phi, dropout, b->tape, bar[0], NULL, phi_bar[3]);
  error = 0;
  for (int i = 0; i < b->n_phi; i++) error = fmax(error, fabs((double)(phi_bar[3][i] - phi_bar[2][i] - phi_bar[0][i])));
  WF_CHECK(error < tolerance * size * 10, "%g", error);
  for (int i = 0; i < 3; i++) {
    wf_free(bar[i]);
    wf_free(theta_bar[i]);
  }
  for (int i = 0; i < 4; i++) wf_free(phi_bar[i]);
}

/* The same bits with another net and tape, on memory aligned to nothing, and whatever was evaluated in between. */
static void check_determinism(bench_net *b, const wf_dropout *dropout)
{
  size_t       n_phi = (size_t)b->n_phi, n_theta = (size_t)b->n_theta, n_g = (size_t)b->n_g;
  wf_hypernet *net = wf_hypernet_create(
      b->graph,
      &(wf_hypernet_config){.n_control = 2, .width = 64, .n_heads = 4, .n_feedforward = 256, .n_encoders = 2, .map_hidden = 128});
  wf_hypernet_tape *tape = wf_hypernet_tape_create(net);
  wf_real          *phi = wf_calloc(n_phi + 3, sizeof(wf_real)), *theta = wf_calloc(n_theta + 3, sizeof(wf_real)),
          *g = wf_calloc(n_g + 3, sizeof(wf_real));
  wf_real *bar[2], *theta_bar[2], *other = wf_calloc(n_g, sizeof(wf_real));
  for (int i = 0; i < 2; i++) {
    bar[i]       = wf_calloc(n_phi + 3, sizeof(wf_real));
    theta_bar[i] = wf_calloc(n_theta + 3, sizeof(wf_real));
  }
  memcpy(phi + 1, b->phi, n_phi * sizeof(wf_real));
  memcpy(theta + 3, b->theta, n_theta * sizeof(wf_real));
  wf_hypernet_forward(b->net, b->phi, b->theta, dropout, b->tape, b->g);
  wf_hypernet_forward(net, phi + 1, theta + 3, dropout, tape, g + 2);
  WF_CHECK(!memcmp(b->g, g + 2, n_g * sizeof(wf_real)));
  if (dropout) { /* other masks change the result; the same net and tape come back to the same bits */
    wf_dropout next = *dropout;
    next.item++;
    wf_hypernet_tape *spare = wf_hypernet_tape_create(b->net);
    wf_hypernet_forward(b->net, b->phi, b->theta, &next, spare, other);
    WF_CHECK(memcmp(b->g, other, n_g * sizeof(wf_real)) != 0);
    wf_hypernet_tape_destroy(&spare);
  }
  wf_hypernet_backward(b->net, b->phi, dropout, b->tape, b->g, theta_bar[0], bar[0]);
  wf_hypernet_backward(net, phi + 1, dropout, tape, g + 2, theta_bar[1] + 1, bar[1] + 3);
  WF_CHECK(!memcmp(bar[0], bar[1] + 3, n_phi * sizeof(wf_real)));
  WF_CHECK(!memcmp(theta_bar[0], theta_bar[1] + 1, n_theta * sizeof(wf_real)));
  for (int i = 0; i < 2; i++) {
    wf_free(bar[i]);
    wf_free(theta_bar[i]);
  }
  wf_free(phi);
  wf_free(theta);
  wf_free(g);
  wf_free(other);
  wf_hypernet_tape_destroy(&tape);
  wf_hypernet_destroy(&net);
}

/* Start values: ranges and variances of each kind of block, and g = 0 with zero_output. */
static void check_init(bench_net *b)
{
  int                      n_blocks;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(b->net, &n_blocks);
  wf_hypernet_init(b->net, 17, false, b->phi);
  for (int i = 0; i < n_blocks; i++) {
    const char *name    = blocks[i].name;
    int         count   = blocks[i].rows * blocks[i].cols;
    double      largest = 0;
    for (int j = 0; j < count; j++) largest = fmax(largest, fabs((double)b->phi[blocks[i].first + j]));
    double bound = 1 / sqrt(blocks[i].cols);
    if (!strcmp(strrchr(name, '/'), "/bias")) bound = i ? 1 / sqrt(blocks[i - 1].cols) : 0;
    if (strstr(name, "attention/in/weight")) bound = sqrt(6.0 / (4 * WIDTH));
    if (strstr(name, "attention") && strstr(name, "bias")) bound = 0;
    if (strstr(name, "norm")) bound = strstr(name, "weight") ? 1 : 0;
    WF_CHECK(largest <= bound * (1 + 1e-6) && largest >= 0.6 * bound, "%s: %g of %g", name, largest, bound);
  }
  wf_real *first = wf_calloc((size_t)b->n_phi, sizeof(wf_real));
  memcpy(first, b->phi, (size_t)b->n_phi * sizeof(wf_real));
  wf_hypernet_init(b->net, 17, true, b->phi);
  wf_hypernet_forward(b->net, b->phi, b->theta, NULL, b->tape, b->g);
  WF_CHECK(dot(b->n_g, b->g, b->g) == 0);
  memcpy(b->phi, first, (size_t)b->n_phi * sizeof(wf_real));
  wf_free(first);
}

int main(void)
{
  wf_blas_use_one_thread();
  check_derivatives();
  bench_net          b;
  wf_hypernet_config config = WF_HYPERNET_DEFAULT;
  config.n_control          = 2;
  set_up(7, epidemic_layers, &config, &b);
  fill_normal(4, 1, b.n_theta, b.theta);
  check_init(&b);
  const wf_dropout dropout = {.rate = 0.1, .seed = 5, .item = 3};
  check_linearity(&b, NULL);
  check_linearity(&b, &dropout);
  check_determinism(&b, NULL);
  check_determinism(&b, &dropout);
  tear_down(&b);
  WF_CHECK(!wf_hypernet_create(
      NULL, &(wf_hypernet_config){.n_control = 1, .width = 64, .n_heads = 5, .n_feedforward = 1, .map_hidden = 1}));
  check_published(); /* last: skips without the data */
  return WF_TEST_END();
}
