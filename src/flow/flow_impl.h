/* Shared inside the flow's files. */
#ifndef WEIGHTFLOW_FLOW_IMPL_H
#define WEIGHTFLOW_FLOW_IMPL_H
#include <weightflow/flow.h>

/* A flow with anchors, backbone and graph; times and path are to be set, then wf_flow_finish makes interpolant, hypernetwork and dynamics. */
PetscErrorCode wf_flow_create_base(const wf_anchors *anchors, wf_flow **flow);
PetscErrorCode wf_flow_finish(wf_flow *flow, bool interpolant);
#endif
