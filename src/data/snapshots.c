/* The ensemble in memory, see snapshots.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/random.h>
#include <weightflow/snapshots.h>

PetscErrorCode wf_snapshots_destroy(wf_snapshots **snapshots)
{
  PetscFunctionBeginUser;
  if (!*snapshots) PetscFunctionReturn(0);
  wf_free((*snapshots)->times);
  wf_free((*snapshots)->counts);
  wf_free((*snapshots)->species);
  wf_free(*snapshots);
  *snapshots = NULL;
  PetscFunctionReturn(0);
}

/* Shapes that fit together, or a reason. */
static PetscErrorCode look_at_shapes(wf_file *file, const char *path, int64_t *shape, char *why, size_t why_size)
{
  static const char *const NAMES[] = {"/counts", "/times", "/names/species"};
  static const int         AXES[] = {3, 1, 1}, MATCH[] = {0, 1, 2};
  int64_t                  found[WF_MAX_RANK];
  int                      rank;
  bool                     has;

  PetscFunctionBeginUser;
  for (int i = 0; i < 3 && !why[0]; i++) {
    PetscCall(wf_file_has(file, NAMES[i], &has));
    if (!has) {
      snprintf(why, why_size, "%s: lacks %s", path, NAMES[i]);
      break;
    }
    PetscCall(wf_file_shape(file, NAMES[i], &rank, i == 0 ? shape : found, NULL));
    if (rank != AXES[i]) snprintf(why, why_size, "%s: %s has %d axes, wanted are %d", path, NAMES[i], rank, AXES[i]);
    else if (i > 0 && found[0] != shape[MATCH[i]])
      snprintf(why, why_size, "%s: %s has %lld entries, /counts wants %lld", path, NAMES[i], (long long)found[0],
               (long long)shape[MATCH[i]]);
  }
  for (int i = 0; i < 3 && !why[0]; i++)
    if (shape[i] < 1 || shape[i] > INT32_MAX) snprintf(why, why_size, "%s: /counts is empty or too large", path);
  PetscFunctionReturn(0);
}

/* Trajectory-major rows of the file to time-major snapshots. */
static void copy_rows(const int32_t *all, const int *rows, wf_snapshots *s)
{
  size_t n_time = (size_t)s->n_time, n_species = (size_t)s->n_species, n_traj = (size_t)s->n_traj;
  for (size_t i = 0; i < n_traj; i++) {
    const int32_t *from = all + (rows ? (size_t)rows[i] : i) * n_time * n_species;
    for (size_t k = 0; k < n_time; k++)
      memcpy(s->counts + (k * n_traj + i) * n_species, from + k * n_species, n_species * sizeof(*from));
  }
  for (size_t i = 0; i < n_traj * n_time * n_species; i++)
    if (s->counts[i] > s->max_count) s->max_count = s->counts[i];
}

static PetscErrorCode load_snapshots(wf_file *file, const int64_t *shape, int n_rows, const int *rows, wf_snapshots **result)
{
  wf_snapshots *s = wf_calloc(1, sizeof(*s));
  int           n_names;

  PetscFunctionBeginUser;
  PetscCheck(s, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  s->n_traj    = rows ? n_rows : (int)shape[0];
  s->n_time    = (int)shape[1];
  s->n_species = (int)shape[2];
  s->times     = wf_calloc((size_t)s->n_time, sizeof(*s->times));
  s->counts    = wf_calloc((size_t)s->n_traj * (size_t)s->n_time, (size_t)s->n_species * sizeof(*s->counts));
  int32_t *all = wf_calloc((size_t)shape[0] * (size_t)shape[1], (size_t)shape[2] * sizeof(*all));
  PetscCheck(s->times && s->counts && all, PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  PetscCall(wf_file_read(file, "/times", WF_TYPE_DOUBLE, s->times));
  PetscCall(wf_file_read(file, "/counts", WF_TYPE_INT32, all));
  PetscCall(wf_file_read_names(file, "/names/species", &n_names, &s->species));
  copy_rows(all, rows, s);
  wf_free(all);
  *result = s;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_snapshots_read(MPI_Comm comm, const char *path, int n_rows, const int *rows, wf_snapshots **snapshots, char *why,
                                 size_t why_size)
{
  wf_file *file;
  int64_t  shape[WF_MAX_RANK];

  PetscFunctionBeginUser;
  *snapshots = NULL;
  PetscCall(wf_file_open(comm, path, "ensemble", true, &file, why, why_size));
  if (!file) PetscFunctionReturn(0);
  PetscCall(look_at_shapes(file, path, shape, why, why_size));
  for (int i = 0; i < n_rows && rows && !why[0]; i++)
    if (rows[i] < 0 || rows[i] >= shape[0])
      snprintf(why, why_size, "%s: has %lld trajectories, asked for is number %d", path, (long long)shape[0], rows[i]);
  if (!why[0]) PetscCall(load_snapshots(file, shape, n_rows, rows, snapshots));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

static int compare_ints(const void *a, const void *b)
{
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

void wf_snapshots_split(uint64_t seed, int n_traj, double holdout, int *n_train, int *rows)
{
  *n_train = n_traj - (int)round(holdout * n_traj);
  wf_random_permutation(seed, WF_RANDOM_HOLDOUT, 0, n_traj, rows);
  qsort(rows, (size_t)*n_train, sizeof(*rows), compare_ints);
  qsort(rows + *n_train, (size_t)(n_traj - *n_train), sizeof(*rows), compare_ints);
}
