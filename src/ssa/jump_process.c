/* Not there yet. */
#include "ssa/jump_engine.h"

wf_jump_engine *wf_jump_engine_create(const wf_jump_process *process, const wf_ssa_config *config) { return NULL; }
void            wf_jump_engine_destroy(wf_jump_engine **engine) {}
bool            wf_jump_engine_run(wf_jump_engine *engine, const wf_ssa_batch *batch, wf_ssa_failure *failure) { return false; }
const wf_jump_process *wf_jump_process_builtin(const char *name) { return NULL; }
const char            *wf_jump_process_builtin_name(int i) { return NULL; }
