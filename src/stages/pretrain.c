/* Stage pretrain: simulate/ensemble.h5 -> pretrain/anchors.h5, for each observed snapshot the weights of a density that fits it.

   Where a snapshot's weights start from (pretrain.aligning):
     sequential  the snapshot before, the first from random weights (Li et al. 2026, section "Backbone")
     tree        a neighbour in a bisection of the observed times: the first snapshot; the last from it; the middle one from the
   nearer of the two; and so on. Snapshots of one generation do not depend on each other, and there are about log2(n_obs) + 2
   generations none        random, all of them Snapshots that can be fitted at the same time are fitted side by side by teams of
   ranks; a team shares the blocks of each batch. A fit depends on seed, snapshot and start alone, so neither the number of ranks
   nor a restart can be seen in the result. All teams halt after each pass to hear whether to go on; a checkpoint holds weights,
   moments and number of passes of every snapshot. */
#include <math.h>
#include <string.h>
#include <weightflow/anchors.h>
#include <weightflow/base.h>
#include <weightflow/fit_mpi.h>
#include <weightflow/snapshots.h>
#include "stages/stages.h"

typedef enum { SEQUENTIAL, TREE, NONE } aligning;
#define WF_MPI_REAL (WF_REAL_IS_DOUBLE ? MPI_DOUBLE : MPI_FLOAT)

typedef struct {
  int     parent; /* the snapshot whose weights are the start, -1: random */
  int     generation;
  int32_t n_epochs;
} plan_row;

typedef struct {
  wf_run       *run;
  wf_backbone  *backbone;
  wf_anchors   *anchors; /* the result so far; a loss that is NaN: not finished */
  int           n_obs, n_param;
  size_t        snapshot_size; /* numbers of a snapshot's training samples */
  plan_row     *plan;          /* [n_obs] */
  int32_t      *epochs_done;   /* [n_obs] */
  wf_real      *m, *v;         /* [n_obs, n_param] */
  int32_t      *x;             /* [n_obs, n_train, n_species] */
  wf_fit_config fit_config;
  int64_t       n_epochs_done, n_epochs; /* over all snapshots */
  int           diverged;                /* a snapshot whose loss is not finite, -1: none */
} pretraining;

/* The snapshots that are fitted side by side, and this rank's team among them. */
typedef struct {
  int      n_tasks;
  int     *snapshots; /* [n_tasks], one a team */
  double  *losses;    /* [n_tasks] */
  int      team;
  MPI_Comm comm;
  wf_fit  *fit;
} wave;

/* --- plan --- */

/* The snapshots strictly between first and last, from the middle outwards. */
static void bisect(const double *times, int first, int last, int generation, plan_row *plan)
{
  int middle = (first + last) / 2;
  if (middle == first) return;
  plan[middle].parent     = times[middle] - times[first] <= times[last] - times[middle] ? first : last;
  plan[middle].generation = generation;
  bisect(times, first, middle, generation + 1, plan);
  bisect(times, middle, last, generation + 1, plan);
}

static void make_plan(pretraining *p)
{
  const wf_params *params = wf_run_params(p->run);
  const aligning   kind   = (aligning)wf_params_choice("pretrain", "aligning", params->pretrain.aligning);
  for (int k = 0; k < p->n_obs; k++)
    p->plan[k] = (plan_row){.parent = kind == SEQUENTIAL ? k - 1 : -1, .generation = kind == SEQUENTIAL ? k : 0};
  if (kind == TREE && p->n_obs > 1) {
    p->plan[p->n_obs - 1] = (plan_row){.parent = 0, .generation = 1};
    bisect(p->anchors->times, 0, p->n_obs - 1, 2, p->plan);
  }
  p->anchors->n_epochs = 0;
  for (int k = 0; k < p->n_obs; k++) {
    p->plan[k].n_epochs  = (int32_t)(p->plan[k].parent < 0 ? params->pretrain.epochs_first : params->pretrain.epochs);
    p->anchors->n_epochs = PetscMax(p->anchors->n_epochs, p->plan[k].n_epochs);
    p->n_epochs += p->plan[k].n_epochs;
  }
}

/* --- setting up --- */

/* Training rows of the observed snapshots, side by side. */
static PetscErrorCode copy_samples(pretraining *p, const wf_snapshots *ensemble, const int *rows)
{
  const size_t row = (size_t)ensemble->n_species;

  PetscFunctionBeginUser;
  p->snapshot_size = (size_t)p->anchors->n_train * row;
  p->x             = wf_calloc((size_t)p->n_obs * p->snapshot_size, sizeof *p->x);
  PetscCheck(p->x, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d snapshots of %d samples", p->n_obs, p->anchors->n_train);
  for (int k = 0; k < p->n_obs; k++) {
    const int32_t *snapshot = ensemble->counts + (size_t)p->anchors->observed[k] * (size_t)ensemble->n_traj * row;
    for (int s = 0; s < p->anchors->n_train; s++)
      memcpy(p->x + (size_t)k * p->snapshot_size + (size_t)s * row, snapshot + (size_t)rows[s] * row, row * sizeof(int32_t));
  }
  PetscFunctionReturn(0);
}

/* Anchors of the ensemble's observed times, still without weights. */
static PetscErrorCode create_anchors(pretraining *p, const wf_snapshots *ensemble, const int *observed)
{
  wf_anchors *a;

  PetscFunctionBeginUser;
  p->n_param = wf_backbone_n_param(p->backbone);
  PetscCall(wf_anchors_create(p->n_obs, p->n_param, &p->anchors));
  a                 = p->anchors;
  a->config         = *wf_backbone_get_config(p->backbone);
  a->n_time         = ensemble->n_time;
  a->ensemble_times = wf_calloc((size_t)a->n_time, sizeof(double));
  PetscCheck(a->ensemble_times, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d times", a->n_time);
  memcpy(a->ensemble_times, ensemble->times, (size_t)a->n_time * sizeof(double));
  a->ensemble_first = ensemble->times[0];
  a->ensemble_last  = ensemble->times[a->n_time - 1];
  for (int k = 0; k < p->n_obs; k++) {
    a->observed[k] = observed[k];
    a->times[k]    = ensemble->times[observed[k]];
    a->loss[k]     = NAN;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode create_state(pretraining *p)
{
  const wf_params *params = wf_run_params(p->run);
  const size_t     n_obs = (size_t)p->n_obs, size = n_obs * (size_t)p->n_param;
  wf_anchors      *a = p->anchors;

  PetscFunctionBeginUser;
  p->plan        = wf_calloc(n_obs, sizeof *p->plan);
  p->epochs_done = wf_calloc(n_obs, sizeof *p->epochs_done);
  p->m           = wf_calloc(size, sizeof *p->m);
  p->v           = wf_calloc(size, sizeof *p->v);
  PetscCheck(p->plan && p->epochs_done && p->m && p->v, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d anchors", p->n_obs);
  make_plan(p);
  a->loss_history = wf_calloc(n_obs * (size_t)a->n_epochs, sizeof(double));
  PetscCheck(a->loss_history, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d anchors", p->n_obs);
  for (size_t i = 0; i < n_obs * (size_t)a->n_epochs; i++) a->loss_history[i] = NAN;
  p->diverged   = -1;
  p->fit_config = (wf_fit_config){.batch         = (int)params->pretrain.batch,
                                  .learning_rate = params->pretrain.learning_rate,
                                  .weight_decay  = params->pretrain.weight_decay,
                                  .cosine        = wf_params_choice("pretrain", "schedule", params->pretrain.schedule) == 1,
                                  .seed          = wf_run_seed(p->run)};
  PetscFunctionReturn(0);
}

/* Everything from the ensemble; *ready = false where the user must mend something first. */
static PetscErrorCode set_up(pretraining *p, const wf_snapshots *ensemble, bool *ready)
{
  const wf_params *params = wf_run_params(p->run);
  const int64_t    needed = (int64_t)ensemble->max_count + 1, levels = params->pretrain.levels ? params->pretrain.levels : needed;
  int             *rows, *observed, n_train;
  char             why[256] = "";

  PetscFunctionBeginUser;
  *ready = false;
  PetscCall(PetscMalloc2(ensemble->n_traj, &rows, ensemble->n_time, &observed));
  p->n_obs = wf_indices_parse(params->data.observed, ensemble->n_time, observed, why, sizeof why);
  wf_snapshots_split(wf_run_seed(p->run), ensemble->n_traj, params->data.holdout, &n_train, rows);
  if (p->n_obs < 1)
    PetscCall(wf_run_fail(p->run, WF_EXIT_USER, "data.observed = %s: %s", params->data.observed, *why ? why : "names no snapshot"));
  else if (levels < needed)
    PetscCall(wf_run_fail(p->run, WF_EXIT_USER,
                          "pretrain.levels = %lld: the ensemble has a count of %d: at least %lld, or 0 to take what is needed",
                          (long long)levels, ensemble->max_count, (long long)needed));
  else if (n_train < 1)
    PetscCall(wf_run_fail(p->run, WF_EXIT_USER, "data.holdout = %g: no trajectory is left to train on", params->data.holdout));
  else {
    p->backbone = wf_backbone_create(&(wf_backbone_config){.network   = params->pretrain.backbone,
                                                           .head      = params->pretrain.head,
                                                           .n_species = ensemble->n_species,
                                                           .n_levels  = (int)levels,
                                                           .hidden    = (int)params->pretrain.hidden,
                                                           .n_layers  = (int)params->pretrain.layers});
    PetscCheck(p->backbone, PETSC_COMM_SELF, PETSC_ERR_MEM, "no backbone %s with head %s, or no memory for it",
               params->pretrain.backbone, params->pretrain.head);
    PetscCall(create_anchors(p, ensemble, observed));
    p->anchors->n_train = n_train;
    PetscCall(copy_samples(p, ensemble, rows));
    PetscCall(create_state(p));
    *ready = true;
  }
  PetscCall(PetscFree2(rows, observed));
  PetscFunctionReturn(0);
}

static PetscErrorCode tear_down(pretraining *p)
{
  PetscFunctionBeginUser;
  PetscCall(wf_anchors_destroy(&p->anchors));
  wf_backbone_destroy(&p->backbone);
  wf_free(p->plan);
  wf_free(p->epochs_done);
  wf_free(p->m);
  wf_free(p->v);
  wf_free(p->x);
  PetscFunctionReturn(0);
}

/* --- checkpoints --- */

enum { N_PARTS = 6 };
typedef struct {
  wf_dataset dataset;
  void      *data;
} checkpoint_part;

/* What a checkpoint is made of; written and read by the same table. */
static void list_parts(pretraining *p, checkpoint_part parts[N_PARTS])
{
  wf_anchors           *a             = p->anchors;
  const checkpoint_part list[N_PARTS] = {
      {{"/theta", WF_TYPE_REAL, 2, {p->n_obs, p->n_param}, "weights so far", "", "time,weight", false}, a->theta},
      {{"/m", WF_TYPE_REAL, 2, {p->n_obs, p->n_param}, "AdamW's first moments", "", "time,weight", false}, p->m},
      {{"/v", WF_TYPE_REAL, 2, {p->n_obs, p->n_param}, "AdamW's second moments", "", "time,weight", false}, p->v},
      {{"/epochs_done", WF_TYPE_INT32, 1, {p->n_obs}, "passes done", "", "time", false}, p->epochs_done},
      {{"/loss", WF_TYPE_DOUBLE, 1, {p->n_obs}, "final loss, NaN where there is none yet", "nats", "time", false}, a->loss},
      {{"/loss_history", WF_TYPE_DOUBLE, 2, {p->n_obs, a->n_epochs}, "loss over each pass", "nats", "time,pass", false},
       a->loss_history}};
  memcpy(parts, list, sizeof list);
}

static PetscErrorCode write_checkpoint(pretraining *p)
{
  checkpoint_part parts[N_PARTS];
  wf_file        *file;

  PetscFunctionBeginUser;
  wf_run_phase(p->run, "checkpoint");
  list_parts(p, parts);
  PetscCall(wf_run_checkpoint_create(p->run, p->n_epochs_done, &file));
  for (int i = 0; i < N_PARTS; i++) PetscCall(wf_file_write(file, &parts[i].dataset, parts[i].data));
  PetscCall(wf_run_checkpoint_publish(p->run, &file));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_checkpoint(pretraining *p)
{
  checkpoint_part parts[N_PARTS];
  wf_file        *file;
  int64_t         step;

  PetscFunctionBeginUser;
  list_parts(p, parts);
  PetscCall(wf_run_checkpoint_open(p->run, &file, &step));
  if (!file) PetscFunctionReturn(0);
  for (int i = 0; i < N_PARTS; i++) {
    int64_t shape[WF_MAX_RANK] = {0};
    int     rank;
    wf_type type;
    PetscCall(wf_file_shape(file, parts[i].dataset.name, &rank, shape, &type));
    PetscCheck(rank == parts[i].dataset.rank && shape[0] == parts[i].dataset.shape[0] &&
                   (rank == 1 || shape[1] == parts[i].dataset.shape[1]),
               wf_run_comm(p->run), PETSC_ERR_FILE_UNEXPECTED, "the checkpoint's %s is not that of these snapshots",
               parts[i].dataset.name);
    PetscCall(wf_file_read(file, parts[i].dataset.name, parts[i].dataset.type, parts[i].data));
  }
  PetscCall(wf_file_close(&file));
  for (int k = 0; k < p->n_obs; k++) p->n_epochs_done += p->epochs_done[k];
  PetscFunctionReturn(0);
}

/* --- waves of fits --- */

/* Ranks are dealt to teams in consecutive blocks: rank r is in team r n_teams / size. */
static int find_team_root(int team, int n_teams, int size) { return (team * size + n_teams - 1) / n_teams; }

/* Unfinished snapshots of the lowest generation that has some, at most one a rank. */
static int choose_tasks(const pretraining *p, int size, int *snapshots)
{
  int n_tasks = 0, generation = INT32_MAX;
  for (int k = 0; k < p->n_obs; k++)
    if (isnan(p->anchors->loss[k])) generation = PetscMin(generation, p->plan[k].generation);
  for (int k = 0; k < p->n_obs && n_tasks < size; k++)
    if (isnan(p->anchors->loss[k]) && p->plan[k].generation == generation) snapshots[n_tasks++] = k;
  return n_tasks;
}

/* This team's fit, at its beginning or where a checkpoint left it. */
static PetscErrorCode create_fit(pretraining *p, int snapshot, wf_fit **fit)
{
  const size_t  n_param = (size_t)p->n_param, place = (size_t)snapshot * n_param;
  wf_fit_config config = p->fit_config;
  wf_fit_state  state;
  int           parent = p->plan[snapshot].parent;

  PetscFunctionBeginUser;
  config.n_epochs = p->plan[snapshot].n_epochs;
  config.item     = (uint64_t)snapshot;
  *fit            = wf_fit_create(p->backbone, p->anchors->n_train, p->x + (size_t)snapshot * p->snapshot_size, &config);
  PetscCheck(*fit, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory to fit %d samples", p->anchors->n_train);
  state = wf_fit_get_state(*fit);
  if (p->epochs_done[snapshot] > 0) {
    memcpy(state.theta, p->anchors->theta + place, n_param * sizeof(wf_real));
    memcpy(state.m, p->m + place, n_param * sizeof(wf_real));
    memcpy(state.v, p->v + place, n_param * sizeof(wf_real));
  } else if (parent >= 0)
    memcpy(state.theta, p->anchors->theta + (size_t)parent * n_param, n_param * sizeof(wf_real));
  else
    wf_backbone_init(p->backbone, config.seed, config.item, state.theta);
  PetscFunctionReturn(0);
}

static PetscErrorCode begin_wave(pretraining *p, wave *w)
{
  const int rank = wf_run_rank(p->run), size = wf_run_size(p->run);

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(p->n_obs, &w->snapshots, p->n_obs, &w->losses));
  w->n_tasks = choose_tasks(p, size, w->snapshots);
  w->team    = (int)((int64_t)rank * w->n_tasks / size);
  PetscCallMPI(MPI_Comm_split(wf_run_comm(p->run), w->team, rank, &w->comm));
  PetscCall(create_fit(p, w->snapshots[w->team], &w->fit));
  PetscFunctionReturn(0);
}

static PetscErrorCode end_wave(wave *w)
{
  PetscFunctionBeginUser;
  wf_fit_destroy(&w->fit);
  PetscCallMPI(MPI_Comm_free(&w->comm));
  PetscCall(PetscFree2(w->snapshots, w->losses));
  PetscFunctionReturn(0);
}

/* Each team's loss to all ranks. */
static PetscErrorCode share_losses(pretraining *p, wave *w, double loss)
{
  PetscFunctionBeginUser;
  for (int t = 0; t < w->n_tasks; t++) w->losses[t] = 0;
  if (wf_run_rank(p->run) == find_team_root(w->team, w->n_tasks, wf_run_size(p->run))) w->losses[w->team] = loss;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, w->losses, w->n_tasks, MPI_DOUBLE, MPI_SUM, wf_run_comm(p->run)));
  PetscFunctionReturn(0);
}

/* Each team's weights and moments to all ranks. */
static PetscErrorCode share_states(pretraining *p, wave *w)
{
  const wf_fit_state mine = wf_fit_get_state(w->fit);
  const size_t       size = (size_t)p->n_param * sizeof(wf_real);

  PetscFunctionBeginUser;
  for (int t = 0; t < w->n_tasks; t++) {
    wf_real       *all[3] = {p->anchors->theta, p->m, p->v};
    const wf_real *own[3] = {mine.theta, mine.m, mine.v};
    for (int i = 0; i < 3; i++) {
      wf_real *row = all[i] + (size_t)w->snapshots[t] * (size_t)p->n_param;
      if (t == w->team) memcpy(row, own[i], size);
      PetscCallMPI(
          MPI_Bcast(row, p->n_param, WF_MPI_REAL, find_team_root(t, w->n_tasks, wf_run_size(p->run)), wf_run_comm(p->run)));
    }
  }
  PetscFunctionReturn(0);
}

/* Book a pass of every team that made one; *n_left of them have more to do. */
static PetscErrorCode note_epoch(pretraining *p, wave *w, int *n_left)
{
  double mean     = 0;
  int    n_active = 0;

  PetscFunctionBeginUser;
  *n_left = 0;
  for (int t = 0; t < w->n_tasks; t++) {
    int k = w->snapshots[t];
    if (p->epochs_done[k] == p->plan[k].n_epochs) continue;
    p->anchors->loss_history[(size_t)k * (size_t)p->anchors->n_epochs + (size_t)p->epochs_done[k]] = w->losses[t];
    if (!isfinite(w->losses[t]) && p->diverged < 0) p->diverged = k;
    p->epochs_done[k]++;
    p->n_epochs_done++;
    *n_left += p->epochs_done[k] < p->plan[k].n_epochs;
    mean += w->losses[t];
    n_active++;
  }
  mean /= n_active;
  const double row[] = {(double)p->n_epochs_done, (double)w->snapshots[0], (double)n_active, mean};
  PetscCall(wf_run_table_row(p->run, "passes snapshot side_by_side loss", 4, row));
  if (n_active > 1)
    PetscCall(wf_run_progress(p->run, p->n_epochs_done, p->n_epochs, "%d snapshots, loss %.4f", n_active, mean));
  else
    PetscCall(
        wf_run_progress(p->run, p->n_epochs_done, p->n_epochs, "t = %g, loss %.4f", p->anchors->times[w->snapshots[0]], mean));
  PetscFunctionReturn(0);
}

/* All passes of a wave, then its final losses. */
static PetscErrorCode fit_wave(pretraining *p, wave *w, bool *stop)
{
  int    n_left = 0, mine = w->snapshots[w->team];
  double loss = 0;

  PetscFunctionBeginUser;
  for (int t = 0; t < w->n_tasks; t++) n_left += p->epochs_done[w->snapshots[t]] < p->plan[w->snapshots[t]].n_epochs;
  while (n_left > 0) {
    wf_pause pause;
    wf_run_phase(p->run, "fit");
    if (p->epochs_done[mine] < p->plan[mine].n_epochs) PetscCall(wf_fit_epoch(w->comm, w->fit, p->epochs_done[mine], &loss));
    wf_run_phase(p->run, "wait");
    PetscCall(share_losses(p, w, loss));
    PetscCall(note_epoch(p, w, &n_left));
    if (p->diverged >= 0) PetscFunctionReturn(0);
    PetscCall(wf_run_pause(p->run, &pause));
    if (pause.checkpoint || pause.stop) {
      PetscCall(share_states(p, w));
      PetscCall(write_checkpoint(p));
    }
    *stop = pause.stop;
    if (*stop) PetscFunctionReturn(0);
  }
  wf_run_phase(p->run, "score");
  PetscCall(wf_fit_score(w->comm, w->fit, &loss));
  PetscCall(share_losses(p, w, loss));
  PetscCall(share_states(p, w));
  for (int t = 0; t < w->n_tasks; t++) {
    p->anchors->loss[w->snapshots[t]] = w->losses[t];
    if (!isfinite(w->losses[t]) && p->diverged < 0) p->diverged = w->snapshots[t];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode fit_snapshots(pretraining *p, bool *stop)
{
  int *unfinished;

  PetscFunctionBeginUser;
  *stop = false;
  PetscCall(PetscMalloc1(p->n_obs, &unfinished));
  while (!*stop && p->diverged < 0 && choose_tasks(p, 1, unfinished) > 0) {
    wave w = {0};
    PetscCall(begin_wave(p, &w));
    PetscCall(fit_wave(p, &w, stop));
    PetscCall(end_wave(&w));
  }
  PetscCall(PetscFree(unfinished));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_product(pretraining *p)
{
  const wf_anchors *a = p->anchors;
  wf_file          *file;

  PetscFunctionBeginUser;
  wf_run_phase(p->run, "write");
  PetscCall(wf_run_log(
      p->run, "  %d snapshots of %d samples, %d weights each (%s, hidden %d, %d counts); loss %.4f at t = %g, %.4f at t = %g",
      a->n_obs, a->n_train, a->n_param, a->config.network, a->config.hidden, a->config.n_levels, a->loss[0], a->times[0],
      a->loss[a->n_obs - 1], a->times[a->n_obs - 1]));
  PetscCall(wf_run_product_create(p->run, "anchors", &file));
  PetscCall(wf_anchors_write(file, a));
  PetscCall(wf_run_stage_end(p->run, &file));
  PetscFunctionReturn(0);
}

/* ---------------------------------------------------------------------------------------------------------------------------
   The stage: read the ensemble, go on from a checkpoint, fit wave by wave, write.
   --------------------------------------------------------------------------------------------------------------------------- */
PetscErrorCode wf_pretrain_begin(wf_run *run, bool *needed)
{
  const char *const parents[] = {"simulate/ensemble.h5"};

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "pretrain", "anchors.h5", 1, parents, "data pretrain", needed));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_pretrain(wf_run *run)
{
  pretraining       p = {.run = run, .diverged = -1};
  wf_snapshots     *ensemble;
  char              path[PETSC_MAX_PATH_LEN], why[512] = "";
  bool              needed, ready = false, stop = false;

  PetscFunctionBeginUser;
  PetscCall(wf_pretrain_begin(run, &needed));
  if (!needed) PetscFunctionReturn(0);
  wf_run_phase(run, "set up");
  wf_run_path(run, "simulate", "ensemble.h5", path, sizeof path);
  PetscCall(wf_snapshots_read(wf_run_comm(run), path, 0, NULL, &ensemble, why, sizeof why));
  if (!ensemble)
    PetscCall(wf_run_fail(run, WF_EXIT_DAMAGED, "%s", why));
  else
    PetscCall(set_up(&p, ensemble, &ready));
  PetscCall(wf_snapshots_destroy(&ensemble));
  if (ready) {
    PetscCall(read_checkpoint(&p));
    PetscCall(fit_snapshots(&p, &stop));
    if (p.diverged >= 0)
      PetscCall(wf_run_fail(run, WF_EXIT_USER,
                            "pretrain.learning_rate = %g: the fit at t = %g went astray (loss not finite): a smaller one may do",
                            wf_run_params(run)->pretrain.learning_rate, p.anchors->times[p.diverged]));
    else if (stop)
      PetscCall(wf_run_stop(run));
    else
      PetscCall(write_product(&p));
  }
  PetscCall(tear_down(&p));
  PetscFunctionReturn(0);
}
