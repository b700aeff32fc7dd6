/* Shared inside the control path's files. */
#ifndef WEIGHTFLOW_FLOW_PATH_IMPL_H
#define WEIGHTFLOW_FLOW_PATH_IMPL_H
/* Shift and scale each code (column of codes [n_obs, z_dim]) to mean 0 and variance 1; a constant code becomes 0. */
void wf_path_standardise(int n_obs, int z_dim, double *codes);
#endif
