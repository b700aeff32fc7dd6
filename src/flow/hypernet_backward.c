/* Vector-Jacobian product of the hypernetwork from the tape of a forward evaluation: twice the work of the forward one with both
   cotangents. Reverse accumulation, written out by hand; nothing of the forward evaluation is computed again but the dropped-out
   probabilities. */
#include <weightflow/blas.h>
#include "flow/hypernet_impl.h"

/* The place of a bias's or norm's cotangent, NULL if phi_bar is not wanted. */
static wf_real *part_of(wf_real *phi_bar, int first) { return phi_bar ? phi_bar + first : NULL; }

/* Tiles read whole vectors of a row, so maps whose rows are no multiple of one (the few features of the input maps) are left to
   BLAS: there a tile could read past the end of phi. */

/* W_bar += d^T x, d [m, n_out], x [m, n_in]. */
static void accumulate_weight(const wf_hypernet *net, const wf_hypernet_linear *map, int m, const wf_real *d, const wf_real *x,
                              wf_real *phi_bar)
{
  if (!phi_bar) return;
  if (map->n_in % net->kernels->lanes == 0)
    net->kernels->product(map->n_out, map->n_in, m, 1, d, 1, map->n_out, x, map->n_in, true, phi_bar + map->weight, map->n_in);
  else
    wf_gemm(true, false, map->n_out, map->n_in, m, 1, d, map->n_out, x, map->n_in, 1, phi_bar + map->weight, map->n_in);
}

/* x_bar [m, n_in] = d W (+ x_bar). */
static void multiply_transpose(const wf_hypernet *net, const wf_real *phi, const wf_hypernet_linear *map, int m, const wf_real *d,
                               bool accumulate, wf_real *x_bar)
{
  if (map->n_in % net->kernels->lanes == 0)
    net->kernels->product(m, map->n_in, map->n_out, 1, d, map->n_out, 1, phi + map->weight, map->n_in, accumulate, x_bar,
                          map->n_in);
  else
    wf_gemm(false, false, m, map->n_in, map->n_out, 1, d, map->n_out, phi + map->weight, map->n_in, accumulate ? 1 : 0, x_bar,
            map->n_in);
}

/* d [m, n_out of the second map] -> x_bar [m, n_in of the first] (may be NULL). */
static void reverse_map(const wf_hypernet *net, const wf_real *phi, const wf_hypernet_map *map, int m, const wf_real *x,
                        const wf_real *hidden, const wf_real *d, wf_real *x_bar, wf_real *phi_bar)
{
  wf_real *d_hidden = net->scratch->hidden;
  if (phi_bar) net->kernels->column_sum(m, map->second.n_out, d, phi_bar + map->second.bias);
  accumulate_weight(net, &map->second, m, d, hidden, phi_bar);
  multiply_transpose(net, phi, &map->second, m, d, false, d_hidden);
  net->kernels->tanh_backward(m, map->first.n_out, hidden, d_hidden, part_of(phi_bar, map->first.bias));
  accumulate_weight(net, &map->first, m, d_hidden, x, phi_bar);
  if (x_bar) multiply_transpose(net, phi, &map->first, m, d_hidden, false, x_bar);
}

/* d: cotangent of the encoder's output -> of its input, in place. */
static void reverse_encoder(const wf_hypernet *net, const wf_real *phi, const wf_hypernet_encoder *encoder,
                            const wf_hypernet_masks *masks, const wf_real *x, const wf_hypernet_encoder_tape *tape, wf_real *d,
                            wf_real *phi_bar)
{
  const wf_hypernet_kernels *kernels = net->kernels;
  const wf_hypernet_scratch *scratch = net->scratch;
  int                        n = net->graph->n_nodes, width = net->config.width;
  wf_real                   *d_branch = masks->attention.bits ? scratch->node[1] : d, *d_context = scratch->node[2];

  kernels->norm_backward(n, width, tape->normal[1], tape->rate[1], phi + encoder->gain[1], &masks->feedforward, d, d_branch,
                         part_of(phi_bar, encoder->gain[1]), part_of(phi_bar, encoder->shift[1]),
                         part_of(phi_bar, encoder->down.bias));
  accumulate_weight(net, &encoder->down, n, d_branch, tape->hidden, phi_bar);
  multiply_transpose(net, phi, &encoder->down, n, d_branch, false, scratch->hidden);
  kernels->relu_backward(n, encoder->up.n_out, masks->hidden.scale, tape->hidden, scratch->hidden,
                         part_of(phi_bar, encoder->up.bias));
  accumulate_weight(net, &encoder->up, n, scratch->hidden, tape->middle, phi_bar);
  multiply_transpose(net, phi, &encoder->up, n, scratch->hidden, true, d);

  kernels->norm_backward(n, width, tape->normal[0], tape->rate[0], phi + encoder->gain[0], &masks->attention, d, d_branch,
                         part_of(phi_bar, encoder->gain[0]), part_of(phi_bar, encoder->shift[0]),
                         part_of(phi_bar, encoder->out.bias));
  accumulate_weight(net, &encoder->out, n, d_branch, tape->context, phi_bar);
  multiply_transpose(net, phi, &encoder->out, n, d_branch, false, d_context);
  kernels->attention_backward(&net->attention, tape->qkv, &masks->probability, tape->probability, d_context, scratch->attention,
                              scratch->qkv);
  if (phi_bar) kernels->column_sum(n, 3 * width, scratch->qkv, phi_bar + encoder->qkv.bias);
  accumulate_weight(net, &encoder->qkv, n, scratch->qkv, x, phi_bar);
  multiply_transpose(net, phi, &encoder->qkv, n, scratch->qkv, true, d);
}

void wf_hypernet_backward(const wf_hypernet *net, const wf_real *phi, const wf_dropout *dropout, wf_hypernet_tape *tape,
                          const wf_real *g_bar, wf_real *theta_bar, wf_real *phi_bar)
{
  const wf_graph *graph      = net->graph;
  int             n_encoders = net->config.n_encoders;
  size_t          width = (size_t)net->config.width, hidden = (size_t)net->config.map_hidden;
  wf_real        *d = net->scratch->node[0];

  for (int l = graph->n_layers - 1; l >= 0; l--) {
    const wf_graph_layer *layer = &graph->layers[l];
    size_t                node  = (size_t)layer->first_node;
    reverse_map(net, phi, &net->outputs[l], layer->n_nodes, tape->x[n_encoders] + node * width, tape->output_hidden + node * hidden,
                g_bar + (size_t)layer->first_weight * (size_t)net->config.n_control, d + node * width, phi_bar);
  }
  for (int e = n_encoders - 1; e >= 0; e--)
    reverse_encoder(net, phi, &net->encoders[e], wf_hypernet_dropout_masks(net, dropout, e), tape->x[e], &tape->encoders[e], d,
                    phi_bar);
  for (int l = graph->n_layers - 1; l >= 0; l--) {
    const wf_graph_layer *layer = &graph->layers[l];
    size_t                node  = (size_t)layer->first_node;
    reverse_map(net, phi, &net->inputs[l], layer->n_nodes, tape->theta + layer->first_weight, tape->input_hidden + node * hidden,
                d + node * width, theta_bar ? theta_bar + layer->first_weight : NULL, phi_bar);
  }
}
