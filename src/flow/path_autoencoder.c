/* Codes of the anchors by an autoencoder P-128-tanh-z-tanh, z-128-tanh-P, trained on the mean squared error by full-batch Adam
   (Li et al. 2026, section "Control path"). Pure. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/blas.h>
#include <weightflow/nn.h>
#include <weightflow/path.h>
#include <weightflow/random.h>
#include "path_impl.h"

enum { HIDDEN = 128, N_MAPS = 4, MAX_WIDTH_INDEX = 5 };

/* Four biased linear maps: P -> 128 -> z -> 128 -> P, tanh after all but the last. */
typedef struct {
  int      n_obs, width[MAX_WIDTH_INDEX], n_weights;
  int      weight[N_MAPS], bias[N_MAPS];  /* places in `all` */
  wf_real *all, *gradient, *m, *v;        /* [n_weights] */
  wf_real *act[MAX_WIDTH_INDEX];          /* [n_obs, width]: input, three hidden, output */
  wf_real *bar[MAX_WIDTH_INDEX];          /* their cotangents */
} autoencoder;

static bool create_autoencoder(autoencoder *net, int n_obs, int n_param, int z_dim)
{
  *net    = (autoencoder){.n_obs = n_obs, .width = {n_param, HIDDEN, z_dim, HIDDEN, n_param}};
  bool ok = true;
  for (int i = 0; i < N_MAPS; i++) {
    net->weight[i] = net->n_weights;
    net->bias[i]   = net->weight[i] + net->width[i] * net->width[i + 1];
    net->n_weights = net->bias[i] + net->width[i + 1];
  }
  wf_real **vectors[] = {&net->all, &net->gradient, &net->m, &net->v};
  for (int i = 0; i < 4; i++) ok &= (*vectors[i] = wf_calloc((size_t)net->n_weights, sizeof(wf_real))) != NULL;
  for (int i = 0; i < MAX_WIDTH_INDEX; i++) {
    ok &= (net->act[i] = wf_calloc((size_t)n_obs * net->width[i], sizeof(wf_real))) != NULL;
    ok &= (net->bar[i] = wf_calloc((size_t)n_obs * net->width[i], sizeof(wf_real))) != NULL;
  }
  return ok;
}

static void destroy_autoencoder(autoencoder *net)
{
  wf_real *vectors[] = {net->all, net->gradient, net->m, net->v};
  for (int i = 0; i < 4; i++) wf_free(vectors[i]);
  for (int i = 0; i < MAX_WIDTH_INDEX; i++) {
    wf_free(net->act[i]);
    wf_free(net->bar[i]);
  }
}

/* Uniform(-1/sqrt(fan in), 1/sqrt(fan in)), weights and biases alike. */
static void initialise(autoencoder *net, uint64_t seed)
{
  for (int i = 0; i < N_MAPS; i++) {
    double bound = 1 / sqrt(net->width[i]);
    int    end   = net->bias[i] + net->width[i + 1];
    for (int j = net->weight[i]; j < end; j++)
      net->all[j] = (wf_real)(bound * (2 * wf_random_uniform(seed, WF_RANDOM_ENCODER_INIT, (uint64_t)j, 0) - 1));
  }
}

static void run_forward(autoencoder *net)
{
  for (int i = 0; i < N_MAPS; i++) {
    int      in = net->width[i], out = net->width[i + 1];
    wf_real *y = net->act[i + 1];
    for (int k = 0; k < net->n_obs; k++) memcpy(y + (size_t)k * out, net->all + net->bias[i], (size_t)out * sizeof(*y));
    wf_gemm(false, true, net->n_obs, out, in, 1, net->act[i], in, net->all + net->weight[i], in, 1, y, out);
    if (i < N_MAPS - 1) wf_vector_tanh(net->n_obs * out, y, y);
  }
}

/* Mean squared error, and its cotangent at the output. */
static double set_output_cotangent(autoencoder *net)
{
  int            n = net->n_obs * net->width[0];
  const wf_real *x = net->act[0], *y = net->act[N_MAPS];
  double         loss = 0;
  for (int i = 0; i < n; i++) {
    double residual     = (double)y[i] - (double)x[i];
    net->bar[N_MAPS][i] = (wf_real)(2 * residual / n);
    loss += residual * residual / n;
  }
  return loss;
}

static void run_backward(autoencoder *net)
{
  memset(net->gradient, 0, (size_t)net->n_weights * sizeof(wf_real));
  for (int i = N_MAPS - 1; i >= 0; i--) {
    int      in = net->width[i], out = net->width[i + 1];
    wf_real *y_bar = net->bar[i + 1];
    if (i < N_MAPS - 1)
      for (int j = 0; j < net->n_obs * out; j++) y_bar[j] *= 1 - net->act[i + 1][j] * net->act[i + 1][j];
    wf_gemm(true, false, out, in, net->n_obs, 1, y_bar, out, net->act[i], in, 0, net->gradient + net->weight[i], in);
    wf_rows_add(net->n_obs, out, y_bar, out, net->gradient + net->bias[i]);
    if (i > 0) wf_gemm(false, false, net->n_obs, in, out, 1, y_bar, out, net->all + net->weight[i], in, 0, net->bar[i], in);
  }
}

bool wf_path_codes_autoencoder(int n_obs, int n_param, const wf_real *theta, int z_dim, int steps, uint64_t seed, double *codes, double *loss)
{
  autoencoder     net;
  wf_adamw_config adam = {.learning_rate = 1e-3, .weight_decay = 0, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  bool            ok   = create_autoencoder(&net, n_obs, n_param, z_dim);
  if (ok) {
    memcpy(net.act[0], theta, (size_t)n_obs * n_param * sizeof(*theta));
    initialise(&net, seed);
    for (int step = 1; step <= steps; step++) {
      run_forward(&net);
      set_output_cotangent(&net);
      run_backward(&net);
      wf_adamw_step(&adam, step, net.n_weights, net.gradient, net.all, net.m, net.v);
    }
    run_forward(&net);
    *loss = set_output_cotangent(&net);
    for (int i = 0; i < n_obs * z_dim; i++) codes[i] = (double)net.act[2][i];
    wf_path_standardise(n_obs, z_dim, codes);
  }
  destroy_autoencoder(&net);
  return ok;
}
