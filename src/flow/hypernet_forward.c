/* g = g_phi(theta): input maps, encoders, output maps. For the epidemic's graph (100 nodes) 29 MFlop, nearly all in products.

   Nodes are rows throughout. The matrices are so small that BLAS would spend a fifth of its time packing them, so the products are
   register tiles on the operands as they lie (hypernet_kernels.inc); only W^T is packed, a slice at a time. */
#include <string.h>
#include "flow/hypernet_impl.h"

/* y [m, n_out] = x [m, n_in] W^T, without the bias: the kernel that follows adds it in passing. */
static void multiply_weight(const wf_hypernet *net, const wf_real *phi, const wf_hypernet_linear *map, int m, const wf_real *x,
                            wf_real *y)
{
  net->kernels->product_transposed(m, map->n_out, map->n_in, x, phi + map->weight, net->scratch->panel, y);
}

static void evaluate_map(const wf_hypernet *net, const wf_real *phi, const wf_hypernet_map *map, int m, const wf_real *x,
                         wf_real *hidden, wf_real *y)
{
  multiply_weight(net, phi, &map->first, m, x, hidden);
  net->kernels->add_bias_tanh(m, map->first.n_out, phi + map->first.bias, hidden);
  multiply_weight(net, phi, &map->second, m, hidden, y);
  net->kernels->add_bias(m, map->second.n_out, phi + map->second.bias, y);
}

/* y = LN2(m + Drop(down Drop(ReLU(up m)))), m = LN1(x + Drop(out attention(x))). */
static void evaluate_encoder(const wf_hypernet *net, const wf_real *phi, const wf_hypernet_encoder *encoder,
                             const wf_hypernet_masks *masks, const wf_real *x, wf_hypernet_encoder_tape *tape, wf_real *y)
{
  const wf_hypernet_kernels *kernels = net->kernels;
  int                        n = net->graph->n_nodes, width = net->config.width;
  wf_real                   *branch = net->scratch->node[0];

  multiply_weight(net, phi, &encoder->qkv, n, x, tape->qkv);
  kernels->add_bias(n, 3 * width, phi + encoder->qkv.bias, tape->qkv);
  kernels->attention_forward(&net->attention, tape->qkv, &masks->probability, net->scratch->attention, tape->probability,
                             tape->context);
  multiply_weight(net, phi, &encoder->out, n, tape->context, branch);
  kernels->norm_forward(n, width, x, branch, phi + encoder->out.bias, &masks->attention, phi + encoder->gain[0],
                        phi + encoder->shift[0], tape->normal[0], tape->rate[0], tape->middle);

  multiply_weight(net, phi, &encoder->up, n, tape->middle, tape->hidden);
  kernels->add_bias_relu(n, encoder->up.n_out, phi + encoder->up.bias, &masks->hidden, tape->hidden);
  multiply_weight(net, phi, &encoder->down, n, tape->hidden, branch);
  kernels->norm_forward(n, width, tape->middle, branch, phi + encoder->down.bias, &masks->feedforward, phi + encoder->gain[1],
                        phi + encoder->shift[1], tape->normal[1], tape->rate[1], y);
}

void wf_hypernet_forward(const wf_hypernet *net, const wf_real *phi, const wf_real *theta, const wf_dropout *dropout,
                         wf_hypernet_tape *tape, wf_real *g)
{
  const wf_graph *graph = net->graph;
  size_t          width = (size_t)net->config.width, hidden = (size_t)net->config.map_hidden;

  memcpy(tape->theta, theta, (size_t)graph->n_param * sizeof *theta);
  for (int l = 0; l < graph->n_layers; l++) {
    const wf_graph_layer *layer = &graph->layers[l];
    size_t                node  = (size_t)layer->first_node;
    evaluate_map(net, phi, &net->inputs[l], layer->n_nodes, tape->theta + layer->first_weight, tape->input_hidden + node * hidden,
                 tape->x[0] + node * width);
  }
  for (int e = 0; e < net->config.n_encoders; e++)
    evaluate_encoder(net, phi, &net->encoders[e], wf_hypernet_dropout_masks(net, dropout, e), tape->x[e], &tape->encoders[e],
                     tape->x[e + 1]);
  for (int l = 0; l < graph->n_layers; l++) {
    const wf_graph_layer *layer = &graph->layers[l];
    size_t                node  = (size_t)layer->first_node;
    evaluate_map(net, phi, &net->outputs[l], layer->n_nodes, tape->x[net->config.n_encoders] + node * width,
                 tape->output_hidden + node * hidden, g + (size_t)layer->first_weight * (size_t)net->config.n_control);
  }
}
