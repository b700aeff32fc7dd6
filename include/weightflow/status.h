/* How a run is getting on, from its folder alone: for those who look from outside, without MPI, while it runs or after. */
#ifndef WEIGHTFLOW_STATUS_H
#define WEIGHTFLOW_STATUS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { WF_STATUS_RUNNING, WF_STATUS_COMPLETE, WF_STATUS_STOPPED, WF_STATUS_FAILED, WF_STATUS_STALE } wf_status_state;

/* The contents of status.txt, and what follows from it now. Ages and durations in seconds; -1: not known. */
typedef struct {
  wf_status_state state;
  char            stage[64], note[256], host[256], job[128];
  int             exit_code, ranks;
  long            process;
  int64_t         step, steps, checkpoint_step, checkpoint_bytes;
  double          rate, left, longest_step;                                 /* steps a second; seconds */
  double          age, checkpoint_age, checkpoint_seconds, checkpoint_share; /* share of the time that goes into checkpoints */
} wf_status;

/* Read DIR/status.txt. A run is stale where the file says it is running but nobody holds the lock of its log on this host, or, run
   on another host, it has not been heard of for ten minutes and ten of its longest steps. Returns false with a one-line reason in
   why [why_size] where the folder is none of a run. Not collective; needs neither MPI nor PETSc. */
bool wf_status_read(const char *folder, wf_status *status, char *why, size_t why_size);
#endif
