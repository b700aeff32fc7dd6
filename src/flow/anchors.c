/* Anchors in memory and in anchors.h5, see anchors.h. */
#include <inttypes.h>
#include <stdio.h>
#include <weightflow/anchors.h>
#include <weightflow/base.h>

enum { NAME_SIZE = 32 };

PetscErrorCode wf_anchors_create(int n_obs, int n_param, wf_anchors **anchors)
{
  wf_anchors *a = wf_calloc(1, sizeof *a);

  PetscFunctionBeginUser;
  PetscCheck(a, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for anchors");
  a->n_obs    = n_obs;
  a->n_param  = n_param;
  a->times    = wf_calloc((size_t)n_obs, sizeof *a->times);
  a->observed = wf_calloc((size_t)n_obs, sizeof *a->observed);
  a->loss     = wf_calloc((size_t)n_obs, sizeof *a->loss);
  if (n_param > 0) a->theta = wf_calloc((size_t)n_obs * (size_t)n_param, sizeof *a->theta);
  PetscCheck(a->times && a->observed && a->loss && (a->theta || n_param == 0), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "no memory for %d anchors of %d weights", n_obs, n_param);
  *anchors = a;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_anchors_destroy(wf_anchors **anchors)
{
  wf_anchors *a = *anchors;

  PetscFunctionBeginUser;
  *anchors = NULL;
  if (!a) PetscFunctionReturn(0);
  wf_free(a->times);
  wf_free(a->observed);
  wf_free(a->theta);
  wf_free(a->loss);
  wf_free(a->loss_history);
  wf_free(a->ensemble_times);
  wf_free(a);
  PetscFunctionReturn(0);
}

/* --- writing --- */

/* The layout of theta, so that a reader needs no knowledge of the network: layer by layer, nodes of so many numbers. */
static PetscErrorCode write_graph(wf_file *file, const wf_anchors *anchors)
{
  wf_backbone             *backbone = wf_backbone_create(&anchors->config);
  int                      n_layers = 0;
  const wf_backbone_layer *layers   = backbone ? wf_backbone_layers(backbone, &n_layers) : NULL;
  const char             **names;
  int32_t                 *nodes, *features;

  PetscFunctionBeginUser;
  PetscCheck(backbone, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the backbone");
  PetscCall(PetscMalloc3(n_layers, &names, n_layers, &nodes, n_layers, &features));
  for (int l = 0; l < n_layers; l++) {
    names[l]    = layers[l].name;
    nodes[l]    = layers[l].n_nodes;
    features[l] = layers[l].n_features;
  }
  const wf_dataset node_count = {
      "/graph/node_count", WF_TYPE_INT32, 1, {n_layers}, "output neurons of each linear map", "", "layer", false};
  const wf_dataset feature_count = {
      "/graph/feature_count", WF_TYPE_INT32, 1, {n_layers}, "numbers of a node: weight row, then bias", "", "layer", false};
  PetscCall(wf_file_write_names(file, "/graph/layer_name", n_layers, names));
  PetscCall(wf_file_write(file, &node_count, nodes));
  PetscCall(wf_file_write(file, &feature_count, features));
  PetscCall(PetscFree3(names, nodes, features));
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

static PetscErrorCode write_attributes(wf_file *file, const wf_anchors *anchors)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_write_attribute_text(file, "/", "network", anchors->config.network));
  PetscCall(wf_file_write_attribute_text(file, "/", "head", anchors->config.head));
  PetscCall(wf_file_write_attribute_int(file, "/", "n_levels", anchors->config.n_levels));
  PetscCall(wf_file_write_attribute_int(file, "/", "n_species", anchors->config.n_species));
  PetscCall(wf_file_write_attribute_int(file, "/", "hidden", anchors->config.hidden));
  PetscCall(wf_file_write_attribute_int(file, "/", "n_layers", anchors->config.n_layers));
  PetscCall(wf_file_write_attribute_int(file, "/", "n_train", anchors->n_train));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_anchors_write(wf_file *file, const wf_anchors *anchors)
{
  const int        n_obs    = anchors->n_obs;
  const wf_dataset theta    = {"/theta", WF_TYPE_REAL,  2,    {n_obs, anchors->n_param}, "weights of the density of each snapshot",
                               "",       "time,weight", false};
  const wf_dataset times    = {"/times", WF_TYPE_DOUBLE, 1, {n_obs}, "times of the snapshots", "time", "time", false};
  const wf_dataset observed = {"/observed", WF_TYPE_INT32, 1,    {n_obs}, "indices of the snapshots in the ensemble",
                               "",          "time",        false};
  const wf_dataset loss     = {
          "/loss", WF_TYPE_DOUBLE, 1,    {n_obs}, "mean negative log-likelihood per trajectory and species at the end",
          "nats",  "time",         false};
  const wf_dataset history = {
      "/loss_history", WF_TYPE_DOUBLE, 2,    {n_obs, anchors->n_epochs}, "the same while training, over each pass",
      "nats",          "time,pass",    false};
  const wf_dataset ensemble_times = {"/ensemble_times",           WF_TYPE_DOUBLE, 1,      {anchors->n_time},
                                     "all times of the ensemble", "time",         "time", false};

  PetscFunctionBeginUser;
  PetscCall(wf_file_write(file, &theta, anchors->theta));
  PetscCall(wf_file_write(file, &times, anchors->times));
  PetscCall(wf_file_write(file, &observed, anchors->observed));
  PetscCall(wf_file_write(file, &loss, anchors->loss));
  PetscCall(wf_file_write(file, &history, anchors->loss_history));
  PetscCall(wf_file_write(file, &ensemble_times, anchors->ensemble_times));
  PetscCall(write_graph(file, anchors));
  PetscCall(write_attributes(file, anchors));
  PetscFunctionReturn(0);
}

/* --- reading --- */

/* An integer attribute of the file; 0 where it is missing. */
static PetscErrorCode read_size(wf_file *file, const char *name, int *size)
{
  int64_t value = 0;
  bool    found;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_int(file, "/", name, &value, &found));
  *size = found && value > 0 && value <= INT32_MAX ? (int)value : 0;
  PetscFunctionReturn(0);
}

/* The backbone's configuration and number of weights; *n_param = 0 where there is no such backbone. */
static PetscErrorCode read_config(wf_file *file, wf_backbone_config *config, int *n_param)
{
  char         network[NAME_SIZE] = "", head[NAME_SIZE] = "";
  bool         found;
  wf_backbone *backbone;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_text(file, "/", "network", network, sizeof network, &found));
  PetscCall(wf_file_read_attribute_text(file, "/", "head", head, sizeof head, &found));
  config->network = network;
  config->head    = head;
  PetscCall(read_size(file, "n_levels", &config->n_levels));
  PetscCall(read_size(file, "n_species", &config->n_species));
  PetscCall(read_size(file, "hidden", &config->hidden));
  PetscCall(read_size(file, "n_layers", &config->n_layers));
  backbone = wf_backbone_create(config);
  *n_param = backbone ? wf_backbone_n_param(backbone) : 0;
  if (backbone)
    *config = *wf_backbone_get_config(backbone);
  else
    config->network = config->head = NULL;
  wf_backbone_destroy(&backbone);
  PetscFunctionReturn(0);
}

/* Datasets that must be there, and their lengths along the first axis. */
static PetscErrorCode read_shapes(wf_file *file, const char *path, int64_t *n_obs, int64_t *n_param, int64_t *n_epochs,
                                  int64_t *n_time, char *why, size_t why_size)
{
  static const char *const names[] = {"/theta", "/times", "/observed", "/loss", "/loss_history", "/ensemble_times"};
  static const int         ranks[] = {2, 1, 1, 1, 2, 1};

  PetscFunctionBeginUser;
  for (int i = 0; i < 6 && !why[0]; i++) {
    int64_t shape[WF_MAX_RANK] = {0};
    int     rank               = 0;
    wf_type type;
    bool    has;
    PetscCall(wf_file_has(file, names[i], &has));
    if (has) PetscCall(wf_file_shape(file, names[i], &rank, shape, &type));
    if (i == 0) *n_obs = shape[0];
    if (i == 0) *n_param = shape[1];
    if (i == 4) *n_epochs = shape[1];
    if (i == 5) *n_time = shape[0];
    bool matches = i == 5 || shape[0] == *n_obs;
    if (!has || rank != ranks[i] || shape[0] < 1 || !matches)
      snprintf(why, why_size, "%s: %s is missing or of the wrong shape", path, names[i]);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode read_contents(wf_file *file, wf_anchors *a)
{
  PetscFunctionBeginUser;
  a->loss_history   = wf_calloc((size_t)a->n_obs * (size_t)a->n_epochs, sizeof *a->loss_history);
  a->ensemble_times = wf_calloc((size_t)a->n_time, sizeof *a->ensemble_times);
  PetscCheck(a->loss_history && a->ensemble_times, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d anchors", a->n_obs);
  PetscCall(wf_file_read(file, "/theta", WF_TYPE_REAL, a->theta));
  PetscCall(wf_file_read(file, "/times", WF_TYPE_DOUBLE, a->times));
  PetscCall(wf_file_read(file, "/observed", WF_TYPE_INT32, a->observed));
  PetscCall(wf_file_read(file, "/loss", WF_TYPE_DOUBLE, a->loss));
  PetscCall(wf_file_read(file, "/loss_history", WF_TYPE_DOUBLE, a->loss_history));
  PetscCall(wf_file_read(file, "/ensemble_times", WF_TYPE_DOUBLE, a->ensemble_times));
  PetscCall(read_size(file, "n_train", &a->n_train));
  a->ensemble_first = a->ensemble_times[0];
  a->ensemble_last  = a->ensemble_times[a->n_time - 1];
  PetscFunctionReturn(0);
}

PetscErrorCode wf_anchors_read(MPI_Comm comm, const char *path, wf_anchors **anchors, char *why, size_t why_size)
{
  wf_file           *file;
  wf_backbone_config config;
  int                n_param = 0;
  int64_t            n_obs = 0, width = 0, n_epochs = 0, n_time = 0;

  PetscFunctionBeginUser;
  *anchors = NULL;
  why[0]   = '\0';
  PetscCall(wf_file_open(comm, path, "anchors", false, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  PetscCall(read_config(file, &config, &n_param));
  PetscCall(read_shapes(file, path, &n_obs, &width, &n_epochs, &n_time, why, why_size));
  if (!why[0] && (n_param == 0 || width != n_param))
    snprintf(why, why_size, "%s: %" PRId64 " weights a snapshot, the backbone it names has %d", path, width, n_param);
  if (!why[0]) {
    PetscCall(wf_anchors_create((int)n_obs, n_param, anchors));
    (*anchors)->config   = config;
    (*anchors)->n_epochs = (int)n_epochs;
    (*anchors)->n_time   = (int)n_time;
    PetscCall(read_contents(file, *anchors));
  }
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}
