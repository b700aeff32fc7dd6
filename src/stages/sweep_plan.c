/* Which runs a sweep has: seeds such as "0-31,40", times the rows of a table of options. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include "sweep_plan.h"

enum { MAX_SEEDS = 1000000, MAX_TABLE_BYTES = 1 << 24, MAX_NAMES = 256, NAME_SIZE = 96, WHY_SIZE = 512 };
static const int64_t MAX_SEED = (int64_t)1 << 53; /* as run.seed */

/* --- seeds --- */

/* "7" or "3-9" up to a comma; false if it is neither. */
static bool read_seed_range(const char **text, int64_t *first, int64_t *last)
{
  char *end;
  if (**text < '0' || **text > '9') return false;
  errno  = 0;
  *first = *last = strtoll(*text, &end, 10);
  if (*end == '-') {
    if (end[1] < '0' || end[1] > '9') return false;
    *last = strtoll(end + 1, &end, 10);
  }
  if (errno || (*end && *end != ',') || (*end == ',' && !end[1])) return false;
  *text = end + (*end == ',');
  return true;
}

static int compare_seeds(const void *a, const void *b)
{
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The seeds in seeds [MAX_SEEDS], increasing; their number, or -1 with a reason. */
static int64_t read_seeds(const char *text, int64_t *seeds, const char **why)
{
  int64_t n = 0, first, last;
  while (*text) {
    *why = "write seeds such as 0-31 or 1,5,9-12";
    if (!read_seed_range(&text, &first, &last)) return -1;
    *why = "a range ends below its start";
    if (last < first) return -1;
    *why = "the largest seed is 2^53";
    if (last > MAX_SEED) return -1;
    *why = "a million seeds are enough";
    if (last - first >= MAX_SEEDS - n) return -1;
    for (int64_t seed = first; seed <= last; seed++) seeds[n++] = seed;
  }
  qsort(seeds, (size_t)n, sizeof *seeds, compare_seeds);
  *why = "a seed stands there twice";
  for (int64_t i = 1; i < n; i++)
    if (seeds[i] == seeds[i - 1]) return -1;
  return n;
}

static PetscErrorCode create_seeds(const wf_params *params, wf_mistakes *mistakes, sweep_plan *plan)
{
  const char *why  = "";
  bool        some = *params->sweep.seeds;

  PetscFunctionBeginUser;
  plan->seeds = wf_calloc(some ? MAX_SEEDS : 1, sizeof *plan->seeds);
  PetscCheck(plan->seeds, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for seeds");
  plan->seeds[0] = params->run.seed;
  plan->n_seeds  = some ? read_seeds(params->sweep.seeds, plan->seeds, &why) : 1;
  if (plan->n_seeds >= 0) PetscFunctionReturn(0);
  wf_mistakes_add(mistakes, "command line: sweep.seeds = %.60s: %s", params->sweep.seeds, why);
  plan->n_seeds = 0;
  PetscFunctionReturn(0);
}

/* --- table --- */

/* Rank 0: the file as text; NULL with a reason in why. */
static char *read_file(const char *path, char *why, size_t why_size)
{
  char *text   = wf_calloc(MAX_TABLE_BYTES + 1, 1);
  FILE *stream = fopen(path, "r");
  if (!stream || !text)
    snprintf(why, why_size, "%s", !text ? "memory is short" : strerror(errno));
  else if (fread(text, 1, MAX_TABLE_BYTES + 1, stream) > MAX_TABLE_BYTES)
    snprintf(why, why_size, "is no table: it is too long");
  else if (ferror(stream))
    snprintf(why, why_size, "%s", strerror(errno ? errno : EIO));
  if (stream) fclose(stream);
  if (!why[0]) return text;
  wf_free(text);
  return NULL;
}

static PetscErrorCode share_file(MPI_Comm comm, const char *path, char **text, char *why, size_t why_size)
{
  int   rank, length = 0;
  char *mine = NULL;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) mine = read_file(path, why, why_size);
  if (mine) length = (int)strlen(mine);
  PetscCallMPI(MPI_Bcast(why, (int)why_size, MPI_CHAR, 0, comm));
  PetscCallMPI(MPI_Bcast(&length, 1, MPI_INT, 0, comm));
  *text = why[0] ? NULL : wf_calloc((size_t)length + 1, 1);
  PetscCheck(*text || why[0], PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the table");
  if (mine) memcpy(*text, mine, (size_t)length);
  wf_free(mine);
  if (*text) PetscCallMPI(MPI_Bcast(*text, length, MPI_CHAR, 0, comm));
  PetscFunctionReturn(0);
}

/* Cut the next word off a line; NULL at its end. */
static char *next_word(char **line)
{
  char *word = *line + strspn(*line, " \t\r");
  if (!*word) return NULL;
  *line = word + strcspn(word, " \t\r");
  if (**line) *(*line)++ = 0;
  return word;
}

static void note_unknown_column(const char *path, int line, const char *word, wf_mistakes *mistakes)
{
  int                 n_rows, n_names = 0;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  static char         full[MAX_NAMES][NAME_SIZE];
  const char         *names[MAX_NAMES];
  for (int i = 0; i < n_rows && n_names < MAX_NAMES; i++) {
    if (!rows[i].fixed_on_restart || !strcmp(rows[i].group, "run")) continue;
    snprintf(full[n_names], NAME_SIZE, "%s.%s", rows[i].group, rows[i].name);
    names[n_names] = full[n_names];
    n_names++;
  }
  const char *nearest = wf_name_nearest(word, n_names, names);
  wf_mistakes_add(mistakes, "%s:%d: %.60s: no parameter that can be swept%s%s%s", path, line, word,
                  nearest ? ", did you mean " : "", nearest ? nearest : ": write names such as train.learning_rate",
                  nearest ? "?" : "");
}

static void read_columns(sweep_plan *plan, char *line, int number, wf_mistakes *mistakes)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  const char         *path = plan->base->sweep.options;
  for (char *word; (word = next_word(&line)) && plan->n_columns < MAX_NAMES;) {
    int i = wf_params_find_fixed(word);
    if (i < 0)
      note_unknown_column(path, number, word, mistakes);
    else if (!strcmp(rows[i].group, "run"))
      wf_mistakes_add(mistakes, "%s:%d: %s: seeds are swept by -sweep_seeds", path, number, word);
    plan->columns[plan->n_columns++] = i < 0 ? NULL : &rows[i];
    for (int k = 0; i >= 0 && k < plan->n_columns - 1; k++)
      if (plan->columns[k] == &rows[i]) wf_mistakes_add(mistakes, "%s:%d: %s: stands there twice", path, number, word);
  }
}

static void read_row(sweep_plan *plan, char *line, int number, wf_mistakes *mistakes)
{
  const char **cells = plan->cells + (size_t)plan->n_rows * (size_t)plan->n_columns;
  int          n     = 0;
  for (char *word; (word = next_word(&line)); n++)
    if (n < plan->n_columns) cells[n] = word;
  if (n != plan->n_columns)
    wf_mistakes_add(mistakes, "%s:%d: %d values for %d names", plan->base->sweep.options, number, n, plan->n_columns);
  for (int k = n; k < plan->n_columns; k++) cells[k] = "";
  plan->lines[plan->n_rows++] = number;
}

/* Names in the first line that is neither empty nor begins with #, a run's values in each one after that. */
static void read_lines(sweep_plan *plan, wf_mistakes *mistakes)
{
  char *next = plan->text;
  for (int number = 1; next; number++) {
    char *line = next, *end = strchr(line, '\n');
    next = end ? end + 1 : NULL;
    if (end) *end = 0;
    line += strspn(line, " \t\r");
    if (!*line || *line == '#') continue;
    if (plan->n_columns == 0)
      read_columns(plan, line, number, mistakes);
    else
      read_row(plan, line, number, mistakes);
  }
  if (plan->n_rows == 0)
    wf_mistakes_add(mistakes, "%s: holds no rows: write names, and below them the values of each run", plan->base->sweep.options);
}

/* Each value fits its parameter, and each row makes sense as a whole. */
static void check_rows(const sweep_plan *plan, wf_params *scratch, wf_mistakes *mistakes)
{
  const char *path = plan->base->sweep.options;
  for (int row = 0; row < plan->n_rows; row++) {
    int before = wf_mistakes_count(mistakes);
    *scratch   = *plan->base;
    for (int k = 0; k < plan->n_columns; k++) {
      const wf_param_row *column = plan->columns[k];
      const char         *cell   = plan->cells[(size_t)row * (size_t)plan->n_columns + (size_t)k];
      char                why[WHY_SIZE];
      if (column && *cell && !wf_params_set(scratch, column, cell, why, sizeof why))
        wf_mistakes_add(mistakes, "%s:%d: %s.%s = %.60s: %s", path, plan->lines[row], column->group, column->name, cell, why);
    }
    if (wf_mistakes_count(mistakes) > before) continue;
    wf_params_check(scratch, "data", mistakes);
    if (wf_mistakes_count(mistakes) > before)
      wf_mistakes_add(mistakes, "%s:%d: so say the values of this row", path, plan->lines[row]);
  }
}

static PetscErrorCode create_table(MPI_Comm comm, wf_mistakes *mistakes, sweep_plan *plan)
{
  const char *path          = plan->base->sweep.options;
  char        why[WHY_SIZE] = "";
  wf_params  *scratch       = wf_calloc(1, sizeof *scratch);
  size_t      n_lines = 1, n_words = 1;

  PetscFunctionBeginUser;
  PetscCall(share_file(comm, path, &plan->text, why, sizeof why));
  if (why[0])
    wf_mistakes_add(mistakes, "%s: %s", path, why);
  else {
    for (const char *c = plan->text; *c; c++) {
      n_lines += *c == '\n';
      n_words += strchr(" \t\n", *c) != NULL;
    }
    plan->columns = wf_calloc(MAX_NAMES, sizeof *plan->columns);
    plan->cells   = wf_calloc(n_words + n_lines * MAX_NAMES, sizeof *plan->cells); /* rows that are too short are filled up */
    plan->lines   = wf_calloc(n_lines, sizeof *plan->lines);
    PetscCheck(scratch && plan->columns && plan->cells && plan->lines, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the table");
    read_lines(plan, mistakes);
    check_rows(plan, scratch, mistakes);
  }
  wf_free(scratch);
  PetscFunctionReturn(0);
}

/* --- the plan --- */

PetscErrorCode wf_sweep_plan_create(MPI_Comm comm, const wf_params *params, wf_mistakes *mistakes, sweep_plan *plan)
{
  PetscFunctionBeginUser;
  *plan = (sweep_plan){.base = params, .has_table = *params->sweep.options != 0};
  PetscCall(create_seeds(params, mistakes, plan));
  if (plan->has_table)
    PetscCall(create_table(comm, mistakes, plan));
  else
    plan->n_rows = 1;
  PetscFunctionReturn(0);
}

void wf_sweep_plan_destroy(sweep_plan *plan)
{
  wf_free(plan->seeds);
  wf_free(plan->columns);
  wf_free(plan->cells);
  wf_free(plan->lines);
  wf_free(plan->text);
  *plan = (sweep_plan){0};
}

int64_t wf_sweep_plan_size(const sweep_plan *plan) { return plan->n_rows * plan->n_seeds; }

void wf_sweep_plan_name(const sweep_plan *plan, int64_t i_run, char *name, size_t size)
{
  int64_t seed = plan->seeds[i_run % plan->n_seeds], row = i_run / plan->n_seeds;
  if (plan->has_table)
    snprintf(name, size, "row_%03" PRId64 "_seed_%05" PRId64, row, seed);
  else
    snprintf(name, size, "seed_%05" PRId64, seed);
}

void wf_sweep_plan_params(const sweep_plan *plan, int64_t i_run, wf_params *params)
{
  char   name[NAME_SIZE], why[WHY_SIZE];
  size_t row       = (size_t)(i_run / plan->n_seeds);
  *params          = *plan->base;
  params->run.seed = plan->seeds[i_run % plan->n_seeds];
  for (int k = 0; k < plan->n_columns; k++) /* checked before */
    (void)wf_params_set(params, plan->columns[k], plan->cells[row * (size_t)plan->n_columns + (size_t)k], why, sizeof why);
  wf_sweep_plan_name(plan, i_run, name, sizeof name);
  size_t room = sizeof params->run.out - strlen(params->run.out);
  snprintf(params->run.out + strlen(params->run.out), room, "/%s", name);
}

void wf_sweep_plan_print(const sweep_plan *plan, int64_t i_run, FILE *stream)
{
  size_t row = (size_t)(i_run / plan->n_seeds);
  fprintf(stream, "%" PRId64, plan->seeds[i_run % plan->n_seeds]);
  for (int k = 0; k < plan->n_columns; k++) fprintf(stream, "\t%s", plan->cells[row * (size_t)plan->n_columns + (size_t)k]);
}

void wf_sweep_plan_print_header(const sweep_plan *plan, FILE *stream)
{
  fprintf(stream, "seed");
  for (int k = 0; k < plan->n_columns; k++) fprintf(stream, "\t%s.%s", plan->columns[k]->group, plan->columns[k]->name);
}
