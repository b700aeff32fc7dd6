/* A fitted model of the public code, by its parameter names. See published.h. */
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/published.h>
#include "flow_impl.h"

PetscErrorCode wf_published_recognise(wf_file *file, bool *is_published)
{
  const char *const wanted[] = {"/anchors", "/seen_times", "/trajectories", "/phi", "/spline/knots", "/spline/two_c"};

  PetscFunctionBeginUser;
  *is_published = true;
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted && *is_published; i++)
    PetscCall(wf_file_has(file, wanted[i], is_published));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_sizes(wf_file *file, int *n_species, int *n_levels, int *hidden, int *n_time)
{
  struct {
    const char *name;
    int        *value;
  } sizes[] = {{"num_species", n_species}, {"max_species_count", n_levels}, {"theta_hidden", hidden}, {"time_length", n_time}};

  PetscFunctionBeginUser;
  for (int i = 0; i < 4; i++) {
    int64_t value = 0;
    bool    found;
    PetscCall(wf_file_read_attribute_int(file, "/", sizes[i].name, &value, &found));
    *sizes[i].value = (int)value;
  }
  PetscFunctionReturn(0);
}

/* Rows of the published layout are padded to the longest node. */
static void strip_padding(const wf_graph *graph, int n_anchors, const double *padded, wf_real *theta)
{
  for (int k = 0; k < n_anchors; k++)
    for (int l = 0; l < graph->n_layers; l++) {
      const wf_graph_layer *layer = &graph->layers[l];
      for (int i = 0; i < layer->n_nodes * layer->n_features; i++) {
        int node = layer->first_node + i / layer->n_features, feature = i % layer->n_features;
        theta[(size_t)k * graph->n_param + layer->first_weight + i] =
            (wf_real)padded[((size_t)k * graph->n_nodes + node) * graph->max_features + feature];
      }
    }
}

static PetscErrorCode read_theta(wf_file *file, wf_anchors *anchors, char *why, size_t why_size)
{
  int                      n_layers, rank;
  int64_t                  shape[WF_MAX_RANK] = {0};
  wf_type                  type;
  wf_backbone             *backbone = wf_backbone_create(&anchors->config);
  const wf_backbone_layer *layers;
  wf_graph                *graph;
  double                  *padded;

  PetscFunctionBeginUser;
  if (!backbone) {
    snprintf(why, why_size, "the model's sizes are missing or out of range");
    PetscFunctionReturn(0);
  }
  layers = wf_backbone_layers(backbone, &n_layers);
  graph  = wf_graph_create(n_layers, layers);
  PetscCheck(graph, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the weight graph");
  PetscCall(wf_file_shape(file, "/anchors", &rank, shape, &type));
  if (rank != 3 || shape[0] != anchors->n_obs || shape[1] != graph->n_nodes || shape[2] != graph->max_features)
    snprintf(why, why_size, "/anchors is not [%d, %d, %d]", anchors->n_obs, graph->n_nodes, graph->max_features);
  else {
    anchors->n_param = graph->n_param;
    anchors->theta   = wf_calloc((size_t)anchors->n_obs * graph->n_param, sizeof(wf_real));
    PetscCheck(anchors->theta, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the anchors");
    PetscCall(PetscMalloc1((size_t)(shape[0] * shape[1] * shape[2]), &padded));
    PetscCall(wf_file_read(file, "/anchors", WF_TYPE_DOUBLE, padded));
    strip_padding(graph, anchors->n_obs, padded, anchors->theta);
    PetscCall(PetscFree(padded));
  }
  wf_graph_destroy(&graph);
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_published_read_anchors(wf_file *file, double first_time, double step, wf_anchors **anchors, char *why,
                                         size_t why_size)
{
  int         rank;
  int64_t     shape[WF_MAX_RANK];
  wf_type     type;
  wf_anchors *a;

  PetscFunctionBeginUser;
  *anchors = NULL;
  why[0]   = '\0';
  PetscCall(wf_file_shape(file, "/seen_times", &rank, shape, &type));
  PetscCall(wf_anchors_create((int)shape[0], 0, &a));
  a->config = (wf_backbone_config){.network = "gru", .head = "categorical", .n_layers = 1};
  PetscCall(read_sizes(file, &a->config.n_species, &a->config.n_levels, &a->config.hidden, &a->n_time));
  PetscCall(wf_file_read(file, "/seen_times", WF_TYPE_INT32, a->observed));
  for (int k = 0; k < a->n_obs; k++) a->times[k] = first_time + a->observed[k] * step;
  a->ensemble_first = first_time;
  a->ensemble_last  = first_time + (a->n_time - 1) * step;
  PetscCall(read_theta(file, a, why, why_size));
  if (why[0]) PetscCall(wf_anchors_destroy(&a));
  *anchors = a;
  PetscFunctionReturn(0);
}

/* The public spline is Z = a + f (b + f (two_c / 2 + f three_d / 3)). */
static PetscErrorCode read_path(wf_file *file, wf_flow *flow)
{
  int     n = flow->n_obs - 1;
  double *knots, *c[4];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)n + 1, &knots, 4 * (size_t)n, &c[0]));
  const char *const names[] = {"/spline/a", "/spline/b", "/spline/two_c", "/spline/three_d"};
  for (int i = 1; i < 4; i++) c[i] = c[0] + (size_t)i * n;
  PetscCall(wf_file_read(file, "/spline/knots", WF_TYPE_DOUBLE, knots));
  for (int i = 0; i < 4; i++) PetscCall(wf_file_read(file, names[i], WF_TYPE_DOUBLE, c[i]));
  double *coefficients;
  PetscCall(PetscMalloc1(4 * (size_t)n, &coefficients));
  for (int i = 0; i < n; i++) {
    coefficients[4 * i]     = c[0][i];
    coefficients[4 * i + 1] = c[1][i];
    coefficients[4 * i + 2] = c[2][i] / 2;
    coefficients[4 * i + 3] = c[3][i] / 3;
  }
  flow->path = wf_path_create_from_spline(wf_spline_create_from_coefficients(n + 1, 1, knots, coefficients), 0);
  PetscCheck(flow->path, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the control path");
  PetscCall(PetscFree(coefficients));
  PetscCall(PetscFree2(knots, c[0]));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_published_read_phi(wf_file *file, const char *group, const wf_flow *flow, wf_real *phi, char *why,
                                     size_t why_size)
{
  int                      n_blocks;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(flow->net, &n_blocks);

  PetscFunctionBeginUser;
  for (int i = 0; i < n_blocks && !why[0]; i++) {
    char    published[128] = "", name[192];
    int     rank           = 0;
    int64_t shape[WF_MAX_RANK] = {0};
    wf_type type;
    bool    has = wf_hypernet_published_name(flow->net, i, published, sizeof published);
    snprintf(name, sizeof name, "%s/%s", group, published);
    if (has) PetscCall(wf_file_has(file, name, &has));
    if (has) PetscCall(wf_file_shape(file, name, &rank, shape, &type));
    if (has && shape[0] * (rank > 1 ? shape[1] : 1) == (int64_t)blocks[i].rows * blocks[i].cols)
      PetscCall(wf_file_read(file, name, WF_TYPE_REAL, phi + blocks[i].first));
    else snprintf(why, why_size, "%s is missing or has another shape than the weight graph asks for", name);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_published_read_flow(wf_file *file, const char *phi_group, const wf_anchors *anchors, wf_flow **flow, char *why,
                                      size_t why_size)
{
  wf_flow *f;

  PetscFunctionBeginUser;
  *flow  = NULL;
  why[0] = '\0';
  PetscCall(wf_flow_create_base(anchors, &f));
  f->published_time = true;
  f->first_time     = anchors->ensemble_first;
  f->tau_rate       = (anchors->n_time - 1) / (anchors->n_time * (anchors->ensemble_last - anchors->ensemble_first));
  for (int k = 0; k < f->n_obs; k++) {
    f->times[k] = anchors->times[k];
    f->tau[k]   = (double)anchors->observed[k] / anchors->n_time;
  }
  PetscCall(read_path(file, f));
  PetscCall(wf_flow_take_anchors(f));
  PetscCall(wf_flow_finish(f, false));
  PetscCall(wf_published_read_phi(file, phi_group, f, f->phi, why, why_size));
  if (why[0]) PetscCall(wf_flow_destroy(&f));
  *flow = f;
  PetscFunctionReturn(0);
}
