/* Shared inside the flow's files. */
#ifndef WEIGHTFLOW_FLOW_IMPL_H
#define WEIGHTFLOW_FLOW_IMPL_H
#include <weightflow/flow.h>

/* A flow with anchors, backbone and graph; times and path are to be set, then wf_flow_finish makes interpolant, hypernetwork and
   dynamics. */
PetscErrorCode wf_flow_create_base(const wf_anchors *anchors, wf_flow **flow);
PetscErrorCode wf_flow_finish(wf_flow *flow, bool interpolant);

/* Knots of the interpolant, to be set before wf_flow_finish: memory for n of them; the anchors; and the other way round, the
   flow's anchors from the knots at the snapshots. */
PetscErrorCode wf_flow_set_knots(wf_flow *flow, int n_knots);
PetscErrorCode wf_flow_take_anchors(wf_flow *flow);
PetscErrorCode wf_flow_anchors_from_knots(wf_flow *flow);
#endif
