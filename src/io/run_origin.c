/* What a product is made from: parameters, as attributes of /parameters, and parents with their digests, in /provenance.

   FIXED parameters decide. Others are stored under names "volatile_...", as are paths: where a file lies is not what is in it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "run_impl.h"

/* groups: "data pretrain", or single parameters "data.observed". The seed always counts. */
static bool is_of_groups(const wf_param_row *row, const char *groups)
{
  char full[2 * WF_NAME_SIZE];
  if (strcmp(row->group, "run") == 0) return strcmp(row->name, "seed") == 0;
  snprintf(full, sizeof(full), "%s.%s", row->group, row->name);
  while (*groups) {
    size_t length = strcspn(groups, " ");
    if ((length == strlen(row->group) && strncmp(groups, row->group, length) == 0) ||
        (length == strlen(full) && strncmp(groups, full, length) == 0))
      return true;
    groups += length;
    groups += strspn(groups, " ");
  }
  return false;
}

/* Files to import, and models, are named among the parents, by content, so their path does not count. */
static bool decides(const wf_param_row *row)
{
  bool by_content = row->kind == WF_PARAM_KIND_PATH && (strcmp(row->group, "data") == 0 || strcmp(row->group, "simulate") == 0);
  return row->fixed_on_restart && !by_content;
}

static void name_attribute(const wf_param_row *row, char *name, size_t size)
{
  bool is_volatile = !row->fixed_on_restart || row->kind == WF_PARAM_KIND_PATH;
  snprintf(name, size, "%s%s.%s", is_volatile ? "volatile_" : "", row->group, row->name);
}

PetscErrorCode wf_run_write_origin(wf_run *run, wf_file *file)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  char                name[2 * WF_NAME_SIZE], text[WF_PARAM_TEXT_SIZE];

  PetscFunctionBeginUser;
  for (int i = 0; i < n_rows; i++) {
    if (!is_of_groups(&rows[i], run->stage.groups)) continue;
    name_attribute(&rows[i], name, sizeof(name));
    wf_params_value_text(&run->params, &rows[i], text, sizeof(text));
    PetscCall(wf_file_write_attribute_text(file, "/parameters", name, text));
  }
  PetscCall(wf_file_write_attribute_text(file, "/parameters", "volatile_real", WF_REAL_NAME));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "stage", run->stage.name));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "command_line", run->command_line ? run->command_line : ""));
  PetscCall(wf_file_write_attribute_int(file, "/provenance", "seed", run->params.run.seed));
  PetscCall(wf_file_write_attribute_int(file, "/provenance", "parents", run->stage.n_parents));
  for (int i = 0; i < run->stage.n_parents; i++) {
    snprintf(name, sizeof(name), "parent_%d", i);
    PetscCall(wf_file_write_attribute_text(file, "/provenance", name, run->stage.parent_name[i]));
    snprintf(name, sizeof(name), "parent_%d_digest", i);
    PetscCall(wf_file_write_attribute_text(file, "/provenance", name, run->stage.parent_digest[i]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode compare_parents(wf_run *run, wf_file *file, char *difference, size_t size)
{
  char    name[WF_NAME_SIZE], stored[WF_DIGEST_SIZE];
  bool    found;
  int64_t n_parents = -1;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read_attribute_int(file, "/provenance", "parents", &n_parents, &found));
  if (n_parents != run->stage.n_parents) snprintf(difference, size, "it was made from other files");
  for (int i = 0; i < run->stage.n_parents && !difference[0]; i++) {
    snprintf(name, sizeof(name), "parent_%d_digest", i);
    PetscCall(wf_file_read_attribute_text(file, "/provenance", name, stored, sizeof(stored), &found));
    if (!found || strcmp(stored, run->stage.parent_digest[i]) != 0) {
      const char *parent = run->stage.parent_name[i];
      snprintf(difference, size, "%.900s %s", strncmp(parent, "value:", 6) == 0 ? "a setting" : parent, "has changed since");
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_compare_origin(wf_run *run, wf_file *file, char *difference, size_t size)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  char                name[2 * WF_NAME_SIZE], now[WF_PARAM_TEXT_SIZE], then[WF_PARAM_TEXT_SIZE];
  bool                found;

  PetscFunctionBeginUser;
  difference[0] = '\0';
  for (int i = 0; i < n_rows && !difference[0]; i++) {
    if (!is_of_groups(&rows[i], run->stage.groups) || !decides(&rows[i])) continue;
    name_attribute(&rows[i], name, sizeof(name));
    wf_params_value_text(&run->params, &rows[i], now, sizeof(now));
    PetscCall(wf_file_read_attribute_text(file, "/parameters", name, then, sizeof(then), &found));
    if (!found) snprintf(difference, size, "%s.%s is new", rows[i].group, rows[i].name);
    else if (strcmp(then, now) != 0)
      snprintf(difference, size, "%s.%s was %.300s and is %.300s", rows[i].group, rows[i].name, then, now);
  }
  if (difference[0]) PetscFunctionReturn(0);
  PetscCall(wf_file_read_attribute_text(file, "/parameters", "volatile_real", then, sizeof(then), &found));
  if (strcmp(then, WF_REAL_NAME) != 0) snprintf(difference, size, "it was made by a program with %s numbers", then);
  if (!difference[0]) PetscCall(compare_parents(run, file, difference, size));
  PetscFunctionReturn(0);
}

/* Rank 0: digest of a file's bytes. */
static int digest_bytes_of_file(const char *path, char *digest)
{
  enum { BLOCK = 1 << 20 };
  FILE     *file  = fopen(path, "rb");
  char     *block = wf_calloc(1, BLOCK);
  wf_digest sum = {{0, 0}}, key = {{1, 2}};
  int       error = !file ? errno : !block ? ENOMEM : 0;
  for (uint64_t i = 0; !error; i++) {
    size_t n = fread(block, 1, BLOCK, file);
    if (n) wf_digest_add(&sum, wf_digest_bytes(key, i, block, n));
    if (ferror(file)) error = errno ? errno : EIO;
    if (n < BLOCK) break;
  }
  if (file) fclose(file);
  wf_free(block);
  wf_digest_text(sum, digest);
  return error;
}

static PetscErrorCode read_external(wf_run *run, const char *path, char *digest, char *problem, size_t size)
{
  int error = 0;

  PetscFunctionBeginUser;
  if (run->rank == 0) error = digest_bytes_of_file(path, digest);
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, run->comm));
  PetscCallMPI(MPI_Bcast(digest, WF_DIGEST_SIZE, MPI_CHAR, 0, run->comm));
  if (error) snprintf(problem, size, "%s: %s", path, error == ENOENT ? "no such file" : strerror(error));
  PetscFunctionReturn(0);
}

static PetscErrorCode read_product(wf_run *run, const char *name, char *digest, char *problem, size_t size, int *code)
{
  char     path[WF_PATH_SIZE], why[WF_WHY_SIZE];
  wf_file *file;
  bool     found;
  int      there;

  PetscFunctionBeginUser;
  wf_run_path(run, "", name, path, sizeof(path));
  there = run->rank == 0 && access(path, F_OK) == 0;
  PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, run->comm));
  if (!there) {
    snprintf(problem, size, "%s is missing: run the stage `%.*s` first", path, (int)strcspn(name, "/"), name);
    *code = WF_EXIT_USER;
    PetscFunctionReturn(0);
  }
  PetscCall(wf_file_open(run->comm, path, NULL, true, &file, why, sizeof(why)));
  if (!file) {
    snprintf(problem, size, "%s: run the stage `%.*s` again", why, (int)strcspn(name, "/"), name);
    *code = WF_EXIT_DAMAGED;
    PetscFunctionReturn(0);
  }
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", digest, WF_DIGEST_SIZE, &found));
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_run_read_parents(wf_run *run, int n_parents, const char *const *parents, char *problem, size_t size, int *code)
{
  PetscFunctionBeginUser;
  PetscCheck(n_parents <= WF_MAX_PARENTS, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%d parents", n_parents);
  run->stage.n_parents = n_parents;
  problem[0]           = '\0';
  for (int i = 0; i < n_parents && !problem[0]; i++) {
    char *digest = run->stage.parent_digest[i];
    snprintf(run->stage.parent_name[i], WF_PATH_SIZE, "%s", parents[i]);
    if (strncmp(parents[i], "value:", 6) == 0) wf_digest_text(wf_digest_key("value", parents[i] + 6, "", 0, NULL), digest);
    else if (strncmp(parents[i], "file:", 5) == 0) {
      *code = WF_EXIT_USER;
      PetscCall(read_external(run, parents[i] + 5, digest, problem, size));
    } else PetscCall(read_product(run, parents[i], digest, problem, size, code));
  }
  PetscFunctionReturn(0);
}
