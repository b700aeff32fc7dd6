/* flow.h5: control path and phi. The anchors stay in anchors.h5. */
#include <string.h>
#include <weightflow/base.h>
#include "flow_impl.h"

enum { FINE_POINTS = 201 };

/* Z on a fine grid, for figures. */
static PetscErrorCode write_path_values(const wf_flow *flow, wf_file *file)
{
  int     nc = wf_path_n_control(flow->path);
  double *times, *values, first = flow->times[0], last = flow->times[flow->n_obs - 1];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(FINE_POINTS, &times, (size_t)FINE_POINTS * nc, &values));
  for (int i = 0; i < FINE_POINTS; i++) {
    times[i] = first + (last - first) * i / (FINE_POINTS - 1);
    wf_path_value(flow->path, (times[i] - flow->first_time) * flow->tau_rate, values + (size_t)i * nc);
  }
  wf_dataset at = {.name        = "/path/times",
                   .type        = WF_TYPE_DOUBLE,
                   .rank        = 1,
                   .shape       = {FINE_POINTS},
                   .description = "times of /path/value",
                   .unit        = "time",
                   .axes        = "time"};
  wf_dataset of = {.name        = "/path/value",
                   .type        = WF_TYPE_DOUBLE,
                   .rank        = 2,
                   .shape       = {FINE_POINTS, nc},
                   .description = "control path Z",
                   .unit        = "1",
                   .axes        = "time,control"};
  PetscCall(wf_file_write(file, &at, times));
  PetscCall(wf_file_write(file, &of, values));
  PetscCall(PetscFree2(times, values));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_path(const wf_flow *flow, wf_file *file)
{
  const wf_spline *spline = wf_path_spline(flow->path);
  int              n = wf_spline_n_intervals(spline), dim = wf_spline_dim(spline);
  wf_dataset       knots        = {.name        = "/path/knots",
                                   .type        = WF_TYPE_DOUBLE,
                                   .rank        = 1,
                                   .shape       = {n + 1},
                                   .description = "path times of the spline's knots",
                                   .unit        = "1",
                                   .axes        = "knot"};
  wf_dataset       coefficients = {.name        = "/path/coefficients",
                                   .type        = WF_TYPE_DOUBLE,
                                   .rank        = 3,
                                   .shape       = {n, 4, dim},
                                   .description = "a, b, c, d of Z = a + f (b + f (c + f d)), f = tau - knot",
                                   .unit        = "1",
                                   .axes        = "interval,coefficient,control"};

  PetscFunctionBeginUser;
  PetscCall(wf_file_write(file, &knots, wf_spline_knots(spline)));
  PetscCall(wf_file_write(file, &coefficients, wf_spline_coefficients(spline)));
  PetscCall(wf_file_write_attribute_int(file, "/path", "clocks", wf_path_n_clocks(flow->path)));
  PetscCall(wf_file_write_attribute_double(file, "/path", "loss", flow->path_loss));
  PetscCall(write_path_values(flow, file));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_waypoints(const wf_flow *flow, wf_file *file)
{
  wf_dataset tau   = {.name        = "/waypoints/tau",
                      .type        = WF_TYPE_DOUBLE,
                      .rank        = 1,
                      .shape       = {flow->n_knots},
                      .description = "path times of the waypoints",
                      .unit        = "1",
                      .axes        = "waypoint"};
  wf_dataset theta = {.name        = "/waypoints/theta",
                      .type        = WF_TYPE_DOUBLE,
                      .rank        = 2,
                      .shape       = {flow->n_knots, flow->n_param},
                      .description = "weights that the interpolant goes through",
                      .unit        = "1",
                      .axes        = "waypoint,weight"};

  PetscFunctionBeginUser;
  PetscCall(wf_file_write(file, &tau, flow->knots));
  PetscCall(wf_file_write(file, &theta, flow->knot_theta));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_waypoints(wf_file *file, wf_flow *flow, char *why, size_t why_size)
{
  int     rank;
  int64_t shape[WF_MAX_RANK] = {0};
  wf_type type;
  bool    has;

  PetscFunctionBeginUser;
  PetscCall(wf_file_has(file, "/waypoints/theta", &has));
  if (!has) {
    PetscCall(wf_flow_take_anchors(flow));
    PetscFunctionReturn(0);
  }
  PetscCall(wf_file_shape(file, "/waypoints/theta", &rank, shape, &type));
  if (rank != 2 || shape[1] != flow->n_param) {
    snprintf(why, why_size, "/waypoints/theta is not [waypoint, %d]", flow->n_param);
    PetscFunctionReturn(0);
  }
  PetscCall(wf_flow_set_knots(flow, (int)shape[0]));
  PetscCall(wf_file_read(file, "/waypoints/tau", WF_TYPE_DOUBLE, flow->knots));
  PetscCall(wf_file_read(file, "/waypoints/theta", WF_TYPE_DOUBLE, flow->knot_theta));
  PetscCall(wf_flow_anchors_from_knots(flow));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_write(const wf_flow *flow, wf_file *file)
{
  int                      n_blocks;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(flow->net, &n_blocks);
  char                     name[128];

  PetscFunctionBeginUser;
  if (flow->path) PetscCall(write_path(flow, file));
  for (int i = 0; i < n_blocks; i++) {
    snprintf(name, sizeof name, "/phi/%s", blocks[i].name);
    wf_dataset block = {.name        = name,
                        .type        = WF_TYPE_REAL,
                        .rank        = blocks[i].cols > 1 ? 2 : 1,
                        .shape       = {blocks[i].rows, blocks[i].cols},
                        .description = "weights of the hypernetwork",
                        .unit        = "1",
                        .axes        = blocks[i].cols > 1 ? "output,input" : "output"};
    PetscCall(wf_file_write(file, &block, flow->phi + blocks[i].first));
  }
  wf_dataset tau = {.name        = "/tau",
                    .type        = WF_TYPE_DOUBLE,
                    .rank        = 1,
                    .shape       = {flow->n_obs},
                    .description = "path times of the snapshots",
                    .unit        = "1",
                    .axes        = "snapshot"};
  PetscCall(wf_file_write(file, &tau, flow->tau));
  if (flow->n_knots > flow->n_obs) PetscCall(write_waypoints(flow, file));
  PetscCall(wf_file_write_attribute_text(file, "/", "equation", flow->path ? "cde" : "ode"));
  PetscCall(wf_file_write_attribute_int(file, "/", "interpolant", flow->interpolant != NULL));
  PetscCall(wf_file_write_attribute_int(file, "/", "published_time", flow->published_time));
  PetscCall(wf_file_write_attribute_double(file, "/", "first_time", flow->first_time));
  PetscCall(wf_file_write_attribute_double(file, "/", "tau_rate", flow->tau_rate));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_path(wf_file *file, wf_flow *flow, char *why, size_t why_size)
{
  int     rank;
  int64_t shape[WF_MAX_RANK], n_clocks = 0;
  wf_type type;
  bool    found;
  double *knots, *coefficients;

  PetscFunctionBeginUser;
  PetscCall(wf_file_shape(file, "/path/coefficients", &rank, shape, &type));
  if (rank != 3 || shape[1] != 4) {
    snprintf(why, why_size, "/path/coefficients is not [interval, 4, control]");
    PetscFunctionReturn(0);
  }
  PetscCall(PetscMalloc2((size_t)shape[0] + 1, &knots, (size_t)(shape[0] * 4 * shape[2]), &coefficients));
  PetscCall(wf_file_read(file, "/path/knots", WF_TYPE_DOUBLE, knots));
  PetscCall(wf_file_read(file, "/path/coefficients", WF_TYPE_DOUBLE, coefficients));
  PetscCall(wf_file_read_attribute_int(file, "/path", "clocks", &n_clocks, &found));
  PetscCall(wf_file_read_attribute_double(file, "/path", "loss", &flow->path_loss, &found));
  flow->path = wf_path_create_from_spline(wf_spline_create_from_coefficients((int)shape[0] + 1, (int)shape[2], knots, coefficients),
                                          (int)n_clocks);
  PetscCheck(flow->path, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the control path");
  PetscCall(PetscFree2(knots, coefficients));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_phi(wf_file *file, wf_flow *flow, char *why, size_t why_size)
{
  int                      n_blocks;
  const wf_hypernet_block *blocks = wf_hypernet_blocks(flow->net, &n_blocks);

  PetscFunctionBeginUser;
  for (int i = 0; i < n_blocks && !why[0]; i++) {
    char    name[128];
    int     rank;
    int64_t shape[WF_MAX_RANK] = {0};
    wf_type type;
    bool    has;
    snprintf(name, sizeof name, "/phi/%s", blocks[i].name);
    PetscCall(wf_file_has(file, name, &has));
    if (has) PetscCall(wf_file_shape(file, name, &rank, shape, &type));
    if (!has || shape[0] * (rank > 1 ? shape[1] : 1) != (int64_t)blocks[i].rows * blocks[i].cols)
      snprintf(why, why_size, "%s is missing or has another shape than the weight graph asks for", name);
    else
      PetscCall(wf_file_read(file, name, WF_TYPE_REAL, flow->phi + blocks[i].first));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode read_flow(wf_file *file, const wf_anchors *anchors, wf_flow *flow, char *why, size_t why_size)
{
  char    equation[16] = "";
  int64_t interpolant = 0, published = 0;
  bool    found;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_text(file, "/", "equation", equation, sizeof equation, &found));
  PetscCall(wf_file_read_attribute_int(file, "/", "interpolant", &interpolant, &found));
  PetscCall(wf_file_read_attribute_int(file, "/", "published_time", &published, &found));
  PetscCall(wf_file_read_attribute_double(file, "/", "first_time", &flow->first_time, &found));
  PetscCall(wf_file_read_attribute_double(file, "/", "tau_rate", &flow->tau_rate, &found));
  flow->published_time = published != 0;
  PetscCall(wf_file_read(file, "/tau", WF_TYPE_DOUBLE, flow->tau));
  memcpy(flow->times, anchors->times, (size_t)flow->n_obs * sizeof(double));
  if (!strcmp(equation, "cde")) PetscCall(read_path(file, flow, why, why_size));
  if (!why[0]) PetscCall(read_waypoints(file, flow, why, why_size));
  if (why[0]) PetscFunctionReturn(0);
  PetscCall(wf_flow_finish(flow, interpolant != 0));
  PetscCall(read_phi(file, flow, why, why_size));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_read_from(wf_file *file, const wf_anchors *anchors, wf_flow **flow, char *why, size_t why_size)
{
  wf_flow *f;
  int      rank;
  int64_t  shape[WF_MAX_RANK] = {0};
  wf_type  type;

  PetscFunctionBeginUser;
  *flow  = NULL;
  why[0] = '\0';
  PetscCall(wf_file_shape(file, "/tau", &rank, shape, &type));
  if (shape[0] != anchors->n_obs) {
    snprintf(why, why_size, "made for %d anchors, there are %d", (int)shape[0], anchors->n_obs);
    PetscFunctionReturn(0);
  }
  PetscCall(wf_flow_create_base(anchors, &f));
  PetscCall(read_flow(file, anchors, f, why, why_size));
  if (why[0])
    PetscCall(wf_flow_destroy(&f));
  else
    *flow = f;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_flow_read(MPI_Comm comm, const char *path, const wf_anchors *anchors, wf_flow **flow, char *why, size_t why_size)
{
  wf_file *file;

  PetscFunctionBeginUser;
  *flow = NULL;
  PetscCall(wf_file_open(comm, path, "flow", false, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_flow_read_from(file, anchors, flow, why, why_size));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}
