/* The weight graph: a table of the backbone's linear maps with the places of their nodes and weights. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/graph.h>

wf_graph *wf_graph_create(int n_layers, const wf_backbone_layer *layers)
{
  wf_graph *graph = wf_calloc(1, sizeof *graph);
  if (!graph) return NULL;
  graph->n_layers = n_layers;
  graph->layers   = wf_calloc((size_t)n_layers, sizeof *graph->layers);
  if (!graph->layers) {
    wf_graph_destroy(&graph);
    return NULL;
  }
  for (int l = 0; l < n_layers; l++) {
    wf_graph_layer *layer = &graph->layers[l];
    memcpy(layer->name, layers[l].name, sizeof layer->name);
    layer->n_nodes      = layers[l].n_nodes;
    layer->n_features   = layers[l].n_features;
    layer->first_node   = graph->n_nodes;
    layer->first_weight = graph->n_param;
    graph->n_nodes += layer->n_nodes;
    graph->n_param += layer->n_nodes * layer->n_features;
    if (layer->n_features > graph->max_features) graph->max_features = layer->n_features;
  }
  return graph;
}

void wf_graph_destroy(wf_graph **graph)
{
  if (!*graph) return;
  wf_free((*graph)->layers);
  wf_free(*graph);
  *graph = NULL;
}
