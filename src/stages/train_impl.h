/* Inside of stage `train`: what changes while training, and the two optimisers. */
#ifndef WEIGHTFLOW_TRAIN_IMPL_H
#define WEIGHTFLOW_TRAIN_IMPL_H
#include <weightflow/run.h>
#include <weightflow/trainer.h>

enum { N_HISTORY = 5 };

/* All that changes while training, and so all that a checkpoint holds (beside the control path, which belongs to the flow). */
typedef struct {
  wf_run     *run;
  wf_flow    *flow;
  wf_targets *targets; /* NULL without likelihood */
  wf_trainer *trainer;
  int32_t    *samples; /* [n_obs, n_train, n_species] that the targets are made from */
  int64_t     iteration, n_iterations;
  wf_real    *gradient, *m, *v; /* [n_phi] */
  double     *history;          /* [n_iterations, N_HISTORY] */
  wf_loss     loss;             /* of the last evaluation */
  bool        stopped, diverged, checkpoint_asked;
} training;

extern const char *const TRAIN_HISTORY_COLUMNS[N_HISTORY];

/* Run iterations up to t->n_iterations from where t->iteration stands, until t->stopped or t->diverged. longest: intervals of the
   longest window. Collective. */
PetscErrorCode wf_train_adamw(training *t, int longest);
PetscErrorCode wf_train_tao(training *t, int longest);

/* Write a checkpoint of the present state. Collective. */
PetscErrorCode wf_train_write_checkpoint(training *t);
#endif
