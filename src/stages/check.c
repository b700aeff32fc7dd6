/* Command `check`: what a batch job could trip on, found without writing anything. Rank 0 looks. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "stages.h"

enum { PATH_SIZE = 4096, WHY_SIZE = 512, VALUE_SIZE = 2 * WF_PARAM_TEXT_SIZE + 3 };

static bool ends_with(const char *text, const char *ending)
{
  size_t n_text = strlen(text), n_ending = strlen(ending);
  return n_text > n_ending && !strcmp(text + n_text - n_ending, ending);
}

/* Shape [rank <= WF_MAX_RANK] and item size of a .npy file (NumPy Enhancement Proposal 1), from its header alone. Returns false
   with a reason in why [WHY_SIZE]. */
static bool read_npy_shape(FILE *stream, int *rank, int64_t *shape, int *item_size, char *why)
{
  unsigned char start[12];
  char          header[4096], *at;
  size_t        length;
  snprintf(why, WHY_SIZE, "is not a .npy file");
  if (fread(start, 1, 10, stream) != 10 || memcmp(start, "\x93NUMPY", 6)) return false;
  length = start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) {
    if (fread(start + 10, 1, 2, stream) != 2) return false;
    length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  if (length >= sizeof header || fread(header, 1, length, stream) != length) return false;
  header[length] = 0;
  if (!(at = strstr(header, "'descr'")) || !(at = strpbrk(at + 7, "'\"")) || !at[1] || !at[2]) return false;
  *item_size = atoi(at + 3);
  if (!strchr("iuf", at[2]) || *item_size < 1 || *item_size > 8) {
    snprintf(why, WHY_SIZE, "holds items of type %.8s: whole or real numbers are wanted", at + 1);
    return false;
  }
  if (!(at = strstr(header, "'shape'")) || !(at = strchr(at, '('))) return false;
  for (*rank = 0, at++; *rank < WF_MAX_RANK; (*rank)++) {
    at += strspn(at, " ,");
    if (!isdigit((unsigned char)*at)) break;
    shape[*rank] = strtoll(at, &at, 10);
  }
  return true;
}

/* Does the file hold as many bytes as its shape says? */
static bool has_all_bytes(FILE *stream, int rank, const int64_t *shape, int item_size, char *why)
{
  double      wanted = item_size;
  struct stat status;
  long        begin = ftell(stream);
  for (int i = 0; i < rank; i++) wanted *= (double)shape[i];
  if (begin < 0 || fstat(fileno(stream), &status)) return true;
  if ((double)status.st_size - (double)begin >= wanted) return true;
  snprintf(why, WHY_SIZE, "is cut off: %.0f bytes of data are missing", wanted - ((double)status.st_size - (double)begin));
  return false;
}

static bool inspect_npy(const char *path, int *rank, int64_t *shape, char *why)
{
  int   item_size;
  FILE *stream = fopen(path, "rb");
  if (!stream) {
    snprintf(why, WHY_SIZE, "cannot be read: %s", strerror(errno));
    return false;
  }
  bool good = read_npy_shape(stream, rank, shape, &item_size, why) && has_all_bytes(stream, *rank, shape, item_size, why);
  fclose(stream);
  return good;
}

static PetscErrorCode inspect_hdf5(const char *path, const char *dataset, int *rank, int64_t *shape, bool *good, char *why)
{
  wf_file *file;
  wf_type  type;
  bool     has = false;
  PetscFunctionBeginUser;
  *good = false;
  PetscCall(wf_file_open_foreign(PETSC_COMM_SELF, path, &file, why, WHY_SIZE));
  if (!file) PetscFunctionReturn(0);
  PetscCall(wf_file_has(file, dataset, &has));
  if (has)
    PetscCall(wf_file_shape(file, dataset, rank, shape, &type));
  else
    snprintf(why, WHY_SIZE, "has no dataset %s", dataset);
  PetscCall(wf_file_close(&file));
  *good = has;
  PetscFunctionReturn(0);
}

/* What import reads: /counts, or else /trajectories. */
static PetscErrorCode inspect_ensemble(const char *path, int *rank, int64_t *shape, bool *good, char *why)
{
  char first[WHY_SIZE];

  PetscFunctionBeginUser;
  PetscCall(inspect_hdf5(path, "/counts", rank, shape, good, why));
  if (*good) PetscFunctionReturn(0);
  memcpy(first, why, sizeof first);
  PetscCall(inspect_hdf5(path, "/trajectories", rank, shape, good, why));
  if (!*good) memcpy(why, first, sizeof first);
  PetscFunctionReturn(0);
}

/* The ensemble to import: it opens, is complete, is [n_traj, n_time, n_species], and has the snapshots that are asked for. */
static PetscErrorCode check_data_file(const wf_params *params, wf_mistakes *mistakes)
{
  const char       *path               = params->data.file;
  char              why[WHY_SIZE]      = "";
  int               rank               = 0;
  int64_t           shape[WF_MAX_RANK] = {0};
  bool              good;
  const char *const lists[][2] = {
      {"data.observed", params->data.observed}, {"data.evaluated", params->data.evaluated}, {"report.times", params->report.times}};
  PetscFunctionBeginUser;
  if (!*path) PetscFunctionReturn(0);
  if (ends_with(path, ".npy"))
    good = inspect_npy(path, &rank, shape, why);
  else
    PetscCall(inspect_ensemble(path, &rank, shape, &good, why));
  if (good && rank != 3) snprintf(why, sizeof why, "has %d axes: [trajectory, time, species] are wanted", rank), good = false;
  if (good && (shape[0] < 1 || shape[1] < 2 || shape[2] < 1))
    snprintf(why, sizeof why, "is empty: shape (%" PRId64 ", %" PRId64 ", %" PRId64 ")", shape[0], shape[1], shape[2]),
        good = false;
  if (!good) {
    wf_mistakes_add(mistakes, "%s: %s", path, why);
    PetscFunctionReturn(0);
  }
  printf("%s: %" PRId64 " trajectories, %" PRId64 " times, %" PRId64 " species\n", path, shape[0], shape[1], shape[2]);
  for (int i = 0; i < 3; i++)
    if (*lists[i][1] && wf_indices_parse(lists[i][1], (int)shape[1], NULL, why, sizeof why) < 0)
      wf_mistakes_add(mistakes, "%s: %s = %.200s: %s", path, lists[i][0], lists[i][1], why);
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

/* Bytes that a run leaves behind, guessed from above: counts, samples, and 32 MiB for weights, checkpoints and the report. */
static double guess_bytes(const wf_params *p)
{
  double times = (double)p->simulate.samples, species = 3;
  double counts  = *p->data.file ? 0 : (double)p->simulate.trajectories * times * species * 4;
  double samples = (double)(p->predict.samples + p->evaluate.samples) * times * species * 4;
  return counts + samples + 0x1p25;
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
