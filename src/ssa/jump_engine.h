/* Inside ssa/: trajectories of a user's jump process. */
#ifndef WEIGHTFLOW_SSA_JUMP_ENGINE_H
#define WEIGHTFLOW_SSA_JUMP_ENGINE_H
#include <weightflow/ssa.h>

typedef struct wf_jump_engine wf_jump_engine;
wf_jump_engine               *wf_jump_engine_create(const wf_jump_process *process, const wf_ssa_config *config);
void                          wf_jump_engine_destroy(wf_jump_engine **engine);
bool                          wf_jump_engine_run(wf_jump_engine *engine, const wf_ssa_batch *batch, wf_ssa_failure *failure);
#endif
