/* How fast the hypernetwork is on the epidemic's graph, beside the time BLAS takes for the bare matrix products of the same shapes.
   CPU time of one thread, best of many, so that a busy machine does not spoil it. `make bench`. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <time.h>
#include <weightflow/base.h>
#include <weightflow/blas.h>
#include <weightflow/hypernet.h>
#include "flow/hypernet_impl.h"

enum { N_TAPES = 40, WIDTH = 64, HIDDEN = 256, HEADS = 4, MAP = 128, NODES = 100 };

static const wf_backbone_layer layers[] = {{"gru_0_ir", 8, 7}, {"gru_0_iz", 8, 7}, {"gru_0_in", 8, 7}, {"gru_0_hr", 8, 9},
                                           {"gru_0_hz", 8, 9}, {"gru_0_hn", 8, 9}, {"output", 52, 9}};

typedef struct {
  wf_hypernet      *net;
  wf_hypernet_tape *tapes[N_TAPES];
  wf_real          *phi, *theta, *g, *theta_bar, *phi_bar;
  wf_dropout       *dropout;
  int               n_tapes; /* used in turn, as the stages of a trajectory do */
  bool              forward, backward;
} job;

static double seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run_job(void *context)
{
  job *j = context;
  for (int i = 0; i < N_TAPES; i++) {
    wf_hypernet_tape *tape = j->tapes[i % j->n_tapes];
    if (j->forward) wf_hypernet_forward(j->net, j->phi, j->theta, j->dropout, tape, j->g);
    if (j->backward) wf_hypernet_backward(j->net, j->phi, j->dropout, tape, j->g, j->theta_bar, j->phi_bar);
  }
}

/* The products of N_TAPES evaluations: forward Y = X W^T, backward W_bar += D^T X and X_bar = D W, each [m, n_out, n_in]. */
typedef struct {
  bool     forward, backward;
  int      n_control;
  wf_real *a, *b, *c;
  double   flops;
} products;

static void multiply(products *p, int m, int n_out, int n_in)
{
  if (p->forward) wf_gemm(false, true, m, n_out, n_in, 1, p->a, n_in, p->b, n_in, 0, p->c, n_out);
  if (p->backward) {
    wf_gemm(true, false, n_out, n_in, m, 1, p->a, n_out, p->b, n_in, 1, p->c, n_in);
    wf_gemm(false, false, m, n_in, n_out, 1, p->a, n_out, p->b, n_in, 0, p->c, n_in);
  }
  p->flops += 2.0 * m * n_out * n_in * (p->forward + 2 * p->backward);
}

static void run_products(void *context)
{
  products *p = context;
  p->flops    = 0;
  for (int i = 0; i < N_TAPES; i++) {
    for (int e = 0; e < 2; e++) {
      multiply(p, NODES, 3 * WIDTH, WIDTH);
      multiply(p, NODES, WIDTH, WIDTH);
      multiply(p, NODES, HIDDEN, WIDTH);
      multiply(p, NODES, WIDTH, HIDDEN);
      for (int h = 0; h < HEADS; h++) {
        multiply(p, NODES, NODES, WIDTH / HEADS);
        multiply(p, NODES, WIDTH / HEADS, NODES);
      }
    }
    for (int l = 0; l < 7; l++) {
      multiply(p, layers[l].n_nodes, MAP, layers[l].n_features);
      multiply(p, layers[l].n_nodes, WIDTH, MAP);
      multiply(p, layers[l].n_nodes, MAP, WIDTH);
      multiply(p, layers[l].n_nodes, layers[l].n_features * p->n_control, MAP);
    }
  }
}

/* Milliseconds an evaluation of each of two jobs, run in turn so that both see the same clock rate: the best of a second's runs. */
static void best_times(void (*const run[2])(void *), void *const context[2], double best[2])
{
  double end = seconds() + 1;
  best[0] = best[1] = 1e9;
  while (seconds() < end)
    for (int i = 0; i < 2; i++) {
      double start = seconds();
      run[i](context[i]);
      double time = (seconds() - start) / N_TAPES * 1e3;
      if (time < best[i]) best[i] = time;
    }
}

static void report(const char *what, job *j, products *p)
{
  double best[2];
  best_times((void (*const[2])(void *)){run_products, run_job}, (void *const[2]){p, j}, best);
  double blas = best[0], net = best[1], flops = p->flops / N_TAPES;
  printf("%-34s %7.3f ms %7.1f GF/s   bare products %7.3f ms %7.1f GF/s   fraction %.2f\n", what, net, flops / net * 1e-6, blas,
         flops / blas * 1e-6, blas / net);
}

static void measure(int n_control, products *p)
{
  wf_graph          *graph  = wf_graph_create(7, layers);
  wf_hypernet_config config = WF_HYPERNET_DEFAULT;
  config.n_control          = n_control;
  p->n_control              = n_control;
  job        j              = {.net = wf_hypernet_create(graph, &config), .n_tapes = 1, .forward = true};
  size_t     n_phi = (size_t)wf_hypernet_n_phi(j.net), n_g = (size_t)(graph->n_param * n_control);
  wf_dropout dropout = {.rate = 0.1, .seed = 1, .item = 1};
  for (int i = 0; i < N_TAPES; i++) j.tapes[i] = wf_hypernet_tape_create(j.net);
  j.phi       = wf_calloc(n_phi, sizeof(wf_real));
  j.phi_bar   = wf_calloc(n_phi, sizeof(wf_real));
  j.theta     = wf_calloc(n_g, sizeof(wf_real));
  j.theta_bar = wf_calloc(n_g, sizeof(wf_real));
  j.g         = wf_calloc(n_g, sizeof(wf_real));
  wf_hypernet_init(j.net, 1, false, j.phi);
  for (int i = 0; i < graph->n_param; i++) j.theta[i] = (wf_real)wf_random_uniform(1, WF_RANDOM_TEST, 0, (uint32_t)i);
  printf("%s, kernels %s, n_control %d, n_phi %zu\n", WF_REAL_NAME, j.net->kernels->name, n_control, n_phi);
  *p = (products){.forward = true, .n_control = n_control, .a = p->a, .b = p->b, .c = p->c};
  report("forward", &j, p);
  p->backward = j.backward = true;
  report("forward + backward", &j, p);
  p->forward = j.forward = false;
  report("backward", &j, p);
  p->forward = j.forward = true;
  j.dropout              = &dropout;
  report("forward + backward, dropout", &j, p);
  j.n_tapes = N_TAPES;
  report("forward + backward, dropout, 40 tapes", &j, p);
  double start = seconds();
  for (int i = 0; i < 100; i++) wf_hypernet_dropout_masks(j.net, &(wf_dropout){.rate = 0.1, .item = (uint64_t)i + 2}, 0);
  printf("dropout masks %.3f ms\n", (seconds() - start) / 100 * 1e3);
  for (int i = 0; i < N_TAPES; i++) wf_hypernet_tape_destroy(&j.tapes[i]);
  wf_free(j.phi);
  wf_free(j.phi_bar);
  wf_free(j.theta);
  wf_free(j.theta_bar);
  wf_free(j.g);
  wf_hypernet_destroy(&j.net);
  wf_graph_destroy(&graph);
}

int main(void)
{
  enum { LARGEST = 256 * 256 };
  products p = {
      .a = wf_calloc(LARGEST, sizeof(wf_real)), .b = wf_calloc(LARGEST, sizeof(wf_real)), .c = wf_calloc(LARGEST, sizeof(wf_real))};
  for (int i = 0; i < LARGEST; i++) p.a[i] = p.b[i] = (wf_real)(i % 7) / 8;
  wf_blas_use_one_thread();
  measure(1, &p);
  measure(2, &p);
  wf_free(p.a);
  wf_free(p.b);
  wf_free(p.c);
  return 0;
}
