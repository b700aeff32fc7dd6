/* Command `check`: what a batch job could trip on, found without writing anything. Rank 0 looks. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "data/source.h"
#include "stages.h"

enum { PATH_SIZE = 4096, WHY_SIZE = 4096 + 512, VALUE_SIZE = 2 * WF_PARAM_TEXT_SIZE + 3 };

/* The ensemble to import: it opens as `import` will open it, is complete, and has the snapshots that are asked for. */
static PetscErrorCode check_data_file(const wf_params *params, wf_mistakes *mistakes)
{
  const char       *path          = params->data.file;
  char              why[WHY_SIZE] = "";
  wf_source        *source;
  const char *const lists[][2] = {
      {"data.observed", params->data.observed}, {"data.evaluated", params->data.evaluated}, {"report.times", params->report.times}};
  PetscFunctionBeginUser;
  if (!*path) PetscFunctionReturn(0);
  PetscCall(wf_source_open(PETSC_COMM_SELF, path, &source, why, sizeof why));
  if (!source) {
    wf_mistakes_add(mistakes, "%s", why);
    PetscFunctionReturn(0);
  }
  const int64_t *shape = source->shape;
  if (shape[0] < 2 || shape[1] < 2 || shape[2] < 1)
    wf_mistakes_add(mistakes, "%s: too few for a dynamics: shape (%" PRId64 ", %" PRId64 ", %" PRId64 ")", path, shape[0], shape[1],
                    shape[2]);
  else {
    printf("%s: %" PRId64 " trajectories, %" PRId64 " times, %" PRId64 " species\n", path, shape[0], shape[1], shape[2]);
    for (int i = 0; i < 3; i++)
      if (*lists[i][1] && wf_indices_parse(lists[i][1], (int)shape[1], NULL, why, sizeof why) < 0)
        wf_mistakes_add(mistakes, "%s: %s = %.200s: %s", path, lists[i][0], lists[i][1], why);
  }
  PetscCall(wf_source_close(&source));
  PetscFunctionReturn(0);
}

/* Other files that are named: they can be read. */
static void check_other_files(const wf_params *params, wf_mistakes *mistakes)
{
  const char *const files[][2] = {{"data.times", params->data.times}, {"predict.states", params->predict.states}};
  for (int i = 0; i < 2; i++) {
    const char *path = files[i][1];
    if (!*path || (i == 0 && strchr(path, ':'))) continue; /* first:step is no file */
    if (access(path, R_OK)) wf_mistakes_add(mistakes, "%s: %s: cannot be read: %s", files[i][0], path, strerror(errno));
  }
}

/* The deepest folder of a path that exists. */
static void find_existing_folder(const char *path, char *folder)
{
  struct stat status;
  snprintf(folder, PATH_SIZE, "%s", path);
  while (stat(folder, &status) && (errno == ENOENT || errno == ENOTDIR)) {
    char *slash = strrchr(folder, '/');
    if (!slash)
      snprintf(folder, PATH_SIZE, ".");
    else if (slash == folder)
      folder[1] = 0;
    else
      *slash = 0;
    if (!slash) return;
  }
}

/* Bytes that a run leaves behind, guessed: the ensemble, samples, and 32 MiB for weights, checkpoints and the report. */
static double guess_bytes(const wf_params *p)
{
  int    species  = 3;
  double ensemble = *p->data.file ? 0 : wf_simulate_guess_bytes(p, &species);
  double samples  = (double)(p->predict.samples + p->evaluate.samples) * (double)p->simulate.samples * species * 4;
  return ensemble + samples + 0x1p25;
}

static void check_folder(const wf_params *params, wf_mistakes *mistakes)
{
  char           folder[PATH_SIZE];
  struct stat    status;
  struct statvfs disk;
  const double   mebi = 1048576;
  find_existing_folder(params->run.out, folder);
  if (stat(folder, &status))
    wf_mistakes_add(mistakes, "%s: cannot be reached: %s", params->run.out, strerror(errno));
  else if (!S_ISDIR(status.st_mode))
    wf_mistakes_add(mistakes, "%s: cannot be made: %s is not a folder", params->run.out, folder);
  else if (access(folder, W_OK | X_OK))
    wf_mistakes_add(mistakes, "%s: cannot be written: %s: %s", params->run.out, folder, strerror(errno));
  else if (!statvfs(folder, &disk)) {
    double needed = guess_bytes(params), available = (double)disk.f_bavail * (double)disk.f_frsize;
    if (available < needed)
      wf_mistakes_add(mistakes, "%s: %.0f MiB are free, a run may need %.0f MiB", params->run.out, available / mebi, needed / mebi);
    else
      printf("%s: can be written, the disk has room\n", params->run.out);
  }
}

/* An older run in the folder must have had the same fixed parameters. */
static void check_older_run(const wf_params *params, wf_mistakes *mistakes)
{
  static wf_params    older;
  char                path[PATH_SIZE], now[VALUE_SIZE], then[VALUE_SIZE];
  int                 n_rows, before = wf_mistakes_count(mistakes);
  const wf_param_row *rows = wf_params_rows(&n_rows);
  snprintf(path, sizeof path, "%s/used_parameters.yaml", params->run.out);
  if (access(path, F_OK)) return;
  wf_params_read(&older, path, 0, NULL, mistakes);
  if (wf_mistakes_count(mistakes) > before) return;
  for (int i = 0; i < n_rows; i++) {
    if (!rows[i].fixed_on_restart) continue;
    wf_params_value_text(params, &rows[i], now, sizeof now);
    wf_params_value_text(&older, &rows[i], then, sizeof then);
    if (strcmp(now, then))
      wf_mistakes_add(mistakes, "%s: %s.%s = %.200s: the run there has %.200s: take another folder with -out", params->run.out,
                      rows[i].group, rows[i].name, now, then);
  }
}

PetscErrorCode wf_check_all(MPI_Comm comm, const wf_params *params, wf_mistakes *mistakes)
{
  int rank;
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank) PetscFunctionReturn(0);
  PetscCall(check_data_file(params, mistakes));
  check_other_files(params, mistakes);
  check_folder(params, mistakes);
  check_older_run(params, mistakes);
  if (!wf_mistakes_count(mistakes)) printf("all is well: nothing was written\n");
  fflush(stdout);
  PetscFunctionReturn(0);
}
