/* The published epidemic model as numbers (weightflow_reference_epidemic.h5), for parity tests. */
#ifndef WEIGHTFLOW_TESTS_REFERENCE_EPIDEMIC_H
#define WEIGHTFLOW_TESTS_REFERENCE_EPIDEMIC_H
#include <hdf5.h>
#include <weightflow/backbone.h>
#include <weightflow/base.h>
#include "check.h"

enum { REFERENCE_TRAJ = 1000, REFERENCE_TIME = 101, REFERENCE_SPECIES = 3, REFERENCE_LEVELS = 52, REFERENCE_ANCHORS = 11 };
enum { REFERENCE_TOKENS = 100, REFERENCE_FEATURES = 9, REFERENCE_PARAM = 852 };

/* A whole dataset as doubles or 32-bit integers; free with wf_free. */
static inline void *reference_read(hid_t file, const char *name, hid_t type, size_t size)
{
  hid_t    set   = H5Dopen2(file, name, H5P_DEFAULT);
  hid_t    space = H5Dget_space(set);
  hssize_t count = H5Sget_simple_extent_npoints(space);
  void    *data  = wf_calloc((size_t)count, size);
  WF_CHECK(set >= 0 && data && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, "%s", name);
  H5Sclose(space);
  H5Dclose(set);
  return data;
}
static inline double *reference_doubles(hid_t file, const char *name)
{
  return reference_read(file, name, H5T_NATIVE_DOUBLE, sizeof(double));
}
static inline int32_t *reference_ints(hid_t file, const char *name)
{
  return reference_read(file, name, H5T_NATIVE_INT32, sizeof(int32_t));
}

static inline wf_backbone *reference_backbone(void)
{
  return wf_backbone_create(&(wf_backbone_config){.network   = "gru",
                                                  .head      = "categorical",
                                                  .n_species = REFERENCE_SPECIES,
                                                  .n_levels  = REFERENCE_LEVELS,
                                                  .hidden    = 8,
                                                  .n_layers  = 1});
}

/* Tokens [100, 9], padded with zeros -> theta [852]. */
static inline void reference_theta(const wf_backbone *backbone, const double *tokens, wf_real *theta)
{
  int                      n_layers;
  const wf_backbone_layer *layers = wf_backbone_layers(backbone, &n_layers);
  for (int l = 0; l < n_layers; l++)
    for (int j = 0; j < layers[l].n_nodes; j++, tokens += REFERENCE_FEATURES)
      for (int k = 0; k < layers[l].n_features; k++) *theta++ = (wf_real)tokens[k];
}

/* The snapshot at time index k of trajectories [1000, 101, 3], rows in the given order (NULL: as they are). */
static inline void reference_snapshot(const int32_t *trajectories, int k, int n, const int32_t *order, int32_t *x)
{
  for (int s = 0; s < n; s++)
    for (int i = 0; i < REFERENCE_SPECIES; i++)
      x[s * REFERENCE_SPECIES + i] = trajectories[((order ? order[s] : s) * REFERENCE_TIME + k) * REFERENCE_SPECIES + i];
}
#endif
