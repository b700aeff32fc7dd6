/* Reading a fitted model in the layout in which the public WeightFlow code's epidemic model is passed on as numbers: anchors, hypernetwork and spline by
   the public code's parameter names, and the ensemble that it was fitted to. */
#ifndef WEIGHTFLOW_PUBLISHED_H
#define WEIGHTFLOW_PUBLISHED_H
#include <weightflow/flow.h>

/* Is this open HDF5 file such a model? Collective. */
PetscErrorCode wf_published_recognise(wf_file *file, bool *is_published);

/* Its anchors; clock time of sample index k is first_time + k step. A layout that does not fit: *anchors = NULL and why is set. Collective. */
PetscErrorCode wf_published_read_anchors(wf_file *file, double first_time, double step, wf_anchors **anchors, char *why, size_t why_size);

/* The hypernetwork's weights of a group, by the public parameter names, into phi [n_phi] of a flow. why is set where one is missing. Collective. */
PetscErrorCode wf_published_read_phi(wf_file *file, const char *group, const wf_flow *flow, wf_real *phi, char *why, size_t why_size);

/* Its flow, in the published time convention, for anchors read by the function above. phi_group: "/phi" (the fitted one). Collective. */
PetscErrorCode wf_published_read_flow(wf_file *file, const char *phi_group, const wf_anchors *anchors, wf_flow **flow, char *why, size_t why_size);
#endif
