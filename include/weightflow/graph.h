/* The weight graph of a backbone: node = output neuron, feature = [weight row, bias], fully connected (Li et al. 2026, section
   "Weight graph"). theta [n_param] is the nodes' features in order, without padding. Pure; not collective. */
#ifndef WEIGHTFLOW_GRAPH_H
#define WEIGHTFLOW_GRAPH_H
#include <weightflow/backbone.h>

typedef struct {
  char name[48];
  int  n_nodes, n_features;
  int  first_node;   /* index of its first node in the graph */
  int  first_weight; /* index of its first number in theta */
} wf_graph_layer;

typedef struct {
  int             n_layers, n_nodes, n_param, max_features;
  wf_graph_layer *layers; /* [n_layers] */
} wf_graph;

/* NULL if memory is short. */
wf_graph *wf_graph_create(int n_layers, const wf_backbone_layer *layers);
void      wf_graph_destroy(wf_graph **graph);
#endif
