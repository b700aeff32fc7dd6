/* Anchors: the weights that fit the observed snapshots, as pretrain/anchors.h5 holds them. Li et al. 2026, section "Backbone". */
#ifndef WEIGHTFLOW_ANCHORS_H
#define WEIGHTFLOW_ANCHORS_H
#include <petscsys.h>
#include <weightflow/backbone.h>
#include <weightflow/io.h>

/* All ranks hold all of it. Memory by wf_calloc. */
typedef struct {
  int                n_obs, n_param;
  int                n_train;  /* trajectories that were fitted */
  int                n_time;   /* times of the ensemble */
  int                n_epochs; /* columns of loss_history; 0: none */
  wf_backbone_config config;   /* for wf_backbone_create; its names live as long as the program */
  double            *times;    /* [n_obs] increasing, in the ensemble's unit */
  int32_t           *observed; /* [n_obs] indices of these times in the ensemble */
  wf_real           *theta;    /* [n_obs, n_param] */
  double            *loss;     /* [n_obs] mean NLL per trajectory and species at the end, nats */
  double *loss_history;        /* [n_obs, n_epochs] the same over each pass; NaN where a snapshot had fewer passes; may be NULL */
  double *ensemble_times;      /* [n_time]; may be NULL in memory */
  double  ensemble_first, ensemble_last;
} wf_anchors;

/* Make anchors with times, observed, loss, and theta if n_param > 0, all zero; the rest is for the caller to fill in (and is freed
   by destroy). Not collective. */
PetscErrorCode wf_anchors_create(int n_obs, int n_param, wf_anchors **anchors);
PetscErrorCode wf_anchors_destroy(wf_anchors **anchors);

/* Write all of it, with the weight graph's layout, into a file of kind "anchors" that is being made. Collective on the file's
   communicator. n_epochs, loss_history and ensemble_times must be there. */
PetscErrorCode wf_anchors_write(wf_file *file, const wf_anchors *anchors);

/* Read anchors.h5. Collective on comm. A missing or unfit file: *anchors = NULL and a one-line reason in why [why_size]. */
PetscErrorCode wf_anchors_read(MPI_Comm comm, const char *path, wf_anchors **anchors, char *why, size_t why_size);
#endif
