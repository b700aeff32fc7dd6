/* Stage import: a user's ensemble becomes simulate/ensemble.h5, the same product that the stage simulate writes.

   In:   data.file    .npy of shape (n_traj, n_time, n_species), or HDF5 with /counts of that shape, /times and /names/species
         data.times   "first:step", or a file of times
         data.species names
                      or, with /trajectories, a fitted model of the public code, which is imported too (import_model.c)
   Out:  /counts [n_traj, n_time, n_species] int32, /times [n_time], /names/species [n_species]
   Every mistake in the file is told at once, with the first entry it concerns; then the exit code is 2 and nothing is written. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/published.h>
#include "data/count_faults.h"
#include "data/series.h"
#include "data/source.h"
#include "stages.h"

enum { WHY_SIZE = 4096 + 512, ROW_BLOCK = 64 };

typedef struct {
  wf_run    *run;
  wf_source *source;
  int        n_mistakes;
  bool       has_model; /* a fitted model besides the ensemble */
  double    *times;   /* [n_time] */
  char     **species; /* [n_species] */
  char       names[WF_PARAM_TEXT_SIZE];
  char      *made_names; /* x1, x2, ... */
  int64_t    first, n_rows;
  int32_t   *counts; /* [n_rows, n_time, n_species] */
} import;

static PetscErrorCode note_mistake(import *im, const char *format, ...) __attribute__((format(printf, 2, 3)));
static PetscErrorCode note_mistake(import *im, const char *format, ...)
{
  char    line[WHY_SIZE];
  va_list arguments;

  PetscFunctionBeginUser;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  im->n_mistakes++;
  PetscCall(wf_run_log(im->run, "%s", line));
  PetscFunctionReturn(0);
}

/* --- sizes and labels --- */

static PetscErrorCode check_sizes(import *im)
{
  const wf_params *p     = wf_run_params(im->run);
  const int64_t   *shape = im->source->shape;
  char             why[256];
  const struct { const char *name, *text; } lists[] = {{"data.observed", p->data.observed}, {"data.evaluated", p->data.evaluated}};

  PetscFunctionBeginUser;
  if (shape[0] < 2)
    PetscCall(note_mistake(im, "%s: %" PRId64 " trajectories: a distribution needs at least 2", p->data.file, shape[0]));
  if (shape[1] < 2)
    PetscCall(note_mistake(im, "%s: %" PRId64 " snapshots: a dynamics needs at least 2", p->data.file, shape[1]));
  if (shape[2] < 1) PetscCall(note_mistake(im, "%s: no species", p->data.file));
  for (int i = 0; i < 3; i++)
    if (shape[i] > INT32_MAX) PetscCall(note_mistake(im, "%s: axis %d is too long: %" PRId64, p->data.file, i, shape[i]));
  if (im->n_mistakes) PetscFunctionReturn(0);
  double held = floor(p->data.holdout * (double)shape[0] + 0.5);
  if (p->data.holdout > 0 && (held < 1 || held >= (double)shape[0]))
    PetscCall(note_mistake(im, "data.holdout = %g: of %" PRId64 " trajectories none is %s", p->data.holdout, shape[0],
                           held < 1 ? "held out" : "left to train on"));
  for (int i = 0; i < 2; i++)
    if (wf_indices_parse(lists[i].text, (int)shape[1], NULL, why, sizeof(why)) < 0)
      PetscCall(note_mistake(im, "%s = %s: %s (%s has the times 0 to %" PRId64 ")", lists[i].name, lists[i].text, why, p->data.file,
                             shape[1] - 1));
  PetscFunctionReturn(0);
}

/* The user's word counts more than the file's. Rank 0 reads. */
static PetscErrorCode find_times(import *im)
{
  const wf_params *p           = wf_run_params(im->run);
  int64_t          n_time      = im->source->shape[1];
  char             why[WHY_SIZE] = "";

  PetscFunctionBeginUser;
  im->times = wf_calloc((size_t)n_time, sizeof(*im->times));
  PetscCheck(im->times, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  if (im->source->times && !p->data.times[0]) memcpy(im->times, im->source->times, (size_t)n_time * sizeof(*im->times));
  else if (wf_run_rank(im->run) == 0) wf_times_read(p->data.times, n_time, im->times, why, sizeof(why));
  PetscCallMPI(MPI_Bcast(im->times, (int)n_time, MPI_DOUBLE, 0, wf_run_comm(im->run)));
  PetscCallMPI(MPI_Bcast(why, sizeof(why), MPI_CHAR, 0, wf_run_comm(im->run)));
  if (!why[0]) wf_times_check(n_time, im->times, why, sizeof(why));
  if (why[0]) PetscCall(note_mistake(im, "%s: %s", p->data.times[0] ? "data.times" : p->data.file, why));
  PetscFunctionReturn(0);
}

static PetscErrorCode find_species(import *im)
{
  const wf_params *p = wf_run_params(im->run);
  int64_t          n = im->source->shape[2];
  char             why[256];
  enum { LENGTH = 24 };

  PetscFunctionBeginUser;
  im->species = wf_calloc((size_t)n, sizeof(*im->species));
  PetscCheck(im->species, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  if (p->data.species[0]) {
    memcpy(im->names, p->data.species, sizeof(im->names));
    if (!wf_names_split(im->names, n, im->species, why, sizeof(why)))
      PetscCall(note_mistake(im, "data.species = %s: %s", p->data.species, why));
    PetscFunctionReturn(0);
  }
  im->made_names = wf_calloc((size_t)n, LENGTH);
  PetscCheck(im->made_names, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  for (int64_t i = 0; i < n; i++) {
    im->species[i] = im->source->species ? im->source->species[i] : im->made_names + i * LENGTH;
    snprintf(im->made_names + i * LENGTH, LENGTH, "x%" PRId64, i + 1);
  }
  PetscFunctionReturn(0);
}

/* --- counts --- */

static PetscErrorCode read_counts(import *im, wf_count_faults *faults)
{
  int     rank = wf_run_rank(im->run), size = wf_run_size(im->run);
  int64_t n_traj = im->source->shape[0], row = im->source->shape[1] * im->source->shape[2];

  PetscFunctionBeginUser;
  im->first      = n_traj * rank / size;
  im->n_rows     = n_traj * (rank + 1) / size - im->first;
  im->counts     = wf_calloc((size_t)im->n_rows * (size_t)row, sizeof(*im->counts));
  double *values = wf_calloc((size_t)ROW_BLOCK * (size_t)row, sizeof(*values));
  PetscCheck(im->counts && values, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory for %" PRId64 " trajectories", im->n_rows);
  int64_t n_blocks = (n_traj / size + 1 + ROW_BLOCK - 1) / ROW_BLOCK; /* the same on all ranks: reading is collective */
  wf_count_faults_clear(faults);
  for (int64_t b = 0; b < n_blocks; b++) {
    int64_t begin = b * ROW_BLOCK < im->n_rows ? b * ROW_BLOCK : im->n_rows;
    int64_t n     = im->n_rows - begin < ROW_BLOCK ? im->n_rows - begin : ROW_BLOCK;
    PetscCall(wf_source_read_rows(im->source, im->first + begin, n, values));
    wf_count_faults_add(faults, (im->first + begin) * row, n * row, values, im->counts + begin * row);
  }
  wf_free(values);
  PetscFunctionReturn(0);
}

/* One line a kind of fault: how many entries of the whole file, and the first of them. */
static PetscErrorCode tell_faults(import *im, const wf_count_faults *faults)
{
  const wf_params *p   = wf_run_params(im->run);
  int64_t          row = im->source->shape[1] * im->source->shape[2], total[WF_N_FAULTS], first[WF_N_FAULTS];
  double           value[WF_N_FAULTS];
  MPI_Comm         comm = wf_run_comm(im->run);

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(faults->n, total, WF_N_FAULTS, MPI_INT64_T, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(faults->first, first, WF_N_FAULTS, MPI_INT64_T, MPI_MIN, comm));
  for (int i = 0; i < WF_N_FAULTS; i++) {
    if (!total[i]) continue;
    /* NaN does not survive a reduction by size, so the finder's rank sends the value */
    int finder = faults->first[i] == first[i] ? wf_run_rank(im->run) : -1;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &finder, 1, MPI_INT, MPI_MAX, comm));
    value[i] = faults->value[i];
    PetscCallMPI(MPI_Bcast(&value[i], 1, MPI_DOUBLE, finder, comm));
    int64_t i_species = first[i] % im->source->shape[2];
    PetscCall(note_mistake(im,
                           "%s: numbers that are %s: %" PRId64 "; the first is trajectory %" PRId64 ", time %" PRId64
                           ", species %" PRId64 " (%s), counted from 0: %g",
                           p->data.file, wf_count_fault_name((wf_count_fault)i), total[i], first[i] / row,
                           first[i] % row / im->source->shape[2], i_species, im->species[i_species] ? im->species[i_species] : "",
                           value[i]));
  }
  PetscFunctionReturn(0);
}

/* --- the product --- */

static PetscErrorCode write_ensemble(import *im)
{
  const int64_t *shape = im->source->shape;
  wf_file       *file;
  wf_dataset     counts = {.name = "/counts", .type = WF_TYPE_INT32, .rank = 3, .shape = {shape[0], shape[1], shape[2]},
                           .description = "number of molecules of each species along each trajectory", .unit = "molecules",
                           .axes = "trajectory,time,species"};
  wf_dataset     times  = {.name = "/times", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {shape[1]},
                           .description = "sample times", .unit = "time", .axes = "time"};

  PetscFunctionBeginUser;
  PetscCall(wf_run_product_create(im->run, "ensemble", &file));
  PetscCall(wf_file_write_rows(file, &counts, im->first, im->n_rows, im->counts));
  PetscCall(wf_file_write(file, &times, im->times));
  PetscCall(wf_file_write_names(file, "/names/species", (int)shape[2], (const char *const *)im->species));
  PetscCall(wf_run_stage_end(im->run, &file));
  PetscFunctionReturn(0);
}

static PetscErrorCode prepare_model(import *im)
{
  char why[WHY_SIZE] = "";

  PetscFunctionBeginUser;
  PetscCall(wf_import_model_prepare(im->run, im->source->file, (int)im->source->shape[1], im->times, why, sizeof(why)));
  if (why[0]) PetscCall(note_mistake(im, "%s: %s", wf_run_params(im->run)->data.file, why));
  PetscFunctionReturn(0);
}

static PetscErrorCode import_ensemble(import *im)
{
  const wf_params *p = wf_run_params(im->run);
  char             file[WF_PARAM_TEXT_SIZE + 8], times[WF_PARAM_TEXT_SIZE + 8];
  bool             needed;
  wf_count_faults  faults;

  PetscFunctionBeginUser;
  PetscCall(check_sizes(im));
  if (im->n_mistakes) PetscFunctionReturn(0);
  PetscCall(find_times(im));
  PetscCall(find_species(im));
  if (im->n_mistakes == 0 && im->has_model) PetscCall(prepare_model(im));
  if (im->n_mistakes == 0) {
    snprintf(file, sizeof(file), "file:%s", p->data.file);
    snprintf(times, sizeof(times), "%s:%s", wf_times_is_file(p->data.times) ? "file" : "value", p->data.times);
    PetscCall(wf_run_stage_begin(im->run, "simulate", "ensemble.h5", 2, (const char *[]){file, times}, "data.species", &needed));
    if (!needed) PetscFunctionReturn(0);
  }
  wf_run_phase(im->run, "read");
  PetscCall(read_counts(im, &faults));
  PetscCall(tell_faults(im, &faults));
  wf_run_phase(im->run, "write");
  if (im->n_mistakes == 0) PetscCall(write_ensemble(im));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_import(wf_run *run)
{
  const wf_params *p  = wf_run_params(run);
  import           im = {.run = run};
  char             why[WHY_SIZE];

  PetscFunctionBeginUser;
  if (!p->data.file[0]) {
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "import: data.file is empty: name the ensemble to import (.npy or .h5)"));
    PetscFunctionReturn(0);
  }
  PetscCall(wf_run_log(run, "import: reads %s", p->data.file));
  PetscCall(wf_source_open(wf_run_comm(run), p->data.file, &im.source, why, sizeof(why)));
  if (!im.source) PetscCall(wf_run_fail(run, WF_EXIT_USER, "import: %s", why));
  else {
    if (im.source->file) PetscCall(wf_published_recognise(im.source->file, &im.has_model));
    PetscCall(import_ensemble(&im));
    if (im.has_model && !im.n_mistakes && !wf_run_exit_code(run))
      PetscCall(wf_import_model(run, im.source->file, (int)im.source->shape[1], im.times));
  }
  if (im.n_mistakes)
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "import: %d mistake%s in %s or its parameters: nothing was written", im.n_mistakes,
                          im.n_mistakes == 1 ? "" : "s", p->data.file));
  PetscCall(wf_source_close(&im.source));
  wf_free(im.times);
  wf_free(im.species);
  wf_free(im.made_names);
  wf_free(im.counts);
  PetscFunctionReturn(0);
}
