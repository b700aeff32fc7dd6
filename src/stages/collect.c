/* Command `collect`: the scores of several runs, as a rule of several seeds, brought together: mean, standard deviation, smallest
   and largest over the runs of each method, metric and range of time.

     DIR/evaluate/metrics.tsv, metrics.h5 of each run  ->  FILE.tsv, FILE.h5, a short table on the screen */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <weightflow/base.h>
#include "collect_impl.h"
#include "stages.h"

enum { PATH_SIZE = WF_PARAM_TEXT_SIZE + 16 };

/* --- what is asked for --- */

static void read_swept(collection *c, wf_mistakes *mistakes)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  for (const char *at = c->params->collect.swept; *at;) {
    char   name[COLLECT_WORD_SIZE];
    size_t length = strcspn(at, ", ");
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    int i = wf_params_find_fixed(name);
    if (i < 0 || !strcmp(rows[i].group, "run"))
      wf_mistakes_add(mistakes,
                      "command line: collect.swept = %s: no parameter that could be swept: write names such as "
                      "train.learning_rate",
                      name);
    else if (c->n_swept == COLLECT_MAX_SWEPT)
      wf_mistakes_add(mistakes, "command line: collect.swept: %d parameters at most", COLLECT_MAX_SWEPT);
    else
      c->swept[c->n_swept++] = &rows[i];
    at += length;
    at += strspn(at, ", ");
  }
}

/* The table's name ends in .tsv; the HDF5 file beside it has the same name with .h5. */
static void check_out(const char *out, const char *usual, wf_mistakes *mistakes)
{
  size_t length = strlen(out);
  if (!strcmp(out, usual))
    wf_mistakes_add(mistakes, "command line: collect: name the table with -out FILE.tsv");
  else if (length < 5 || strcmp(out + length - 4, ".tsv"))
    wf_mistakes_add(mistakes, "command line: -out %s: collect writes a table: its name must end in .tsv", out);
}

static bool allocate(collection *c, int n)
{
  c->runs     = wf_calloc((size_t)n, sizeof *c->runs);
  c->left_out = wf_calloc((size_t)n, sizeof *c->left_out);
  c->groups   = wf_calloc((size_t)n, sizeof *c->groups);
  c->rows     = wf_calloc(COLLECT_MAX_ROWS, sizeof *c->rows);
  c->values   = wf_calloc((size_t)n * COLLECT_MAX_ROWS, sizeof *c->values);
  return c->runs && c->left_out && c->groups && c->rows && c->values;
}

static void destroy(collection *c)
{
  wf_free(c->runs);
  wf_free(c->left_out);
  wf_free(c->groups);
  wf_free(c->rows);
  wf_free(c->values);
}

/* --- what is written --- */

static void print_rows(const collection *c, FILE *stream)
{
  for (int g = 0; g < c->n_groups; g++)
    for (int r = 0; r < c->n_rows; r++) {
      double x[4];
      int    n = wf_collect_summary(c, g, r, x);
      if (!n) continue;
      fprintf(stream, "%s%s%s\t%s\t%.10g\t%.10g\t%.10g\t%.6g\t%.10g\t%.10g\t%d\n", c->groups[g], c->n_swept ? "\t" : "",
              c->rows[r].method, c->rows[r].metric, c->rows[r].from, c->rows[r].to, x[0], fabs(x[1]), x[2], x[3], n);
    }
}

/* 0 or an errno. */
static int write_table(const collection *c, const char *out)
{
  char part[PATH_SIZE + 8];
  snprintf(part, sizeof part, "%s.part", out);
  FILE *stream = fopen(part, "w");
  if (!stream) return errno;
  fprintf(stream, "# weightflow collect: %d runs of %s, %d left out\n", c->n_runs, c->version, c->n_left_out);
  for (int i = 0; i < c->n_left_out; i++) fprintf(stream, "# left out: %s\n", c->left_out[i]);
  for (int i = 0; i < c->n_swept; i++) fprintf(stream, "%s.%s\t", c->swept[i]->group, c->swept[i]->name);
  fprintf(stream, "method\tmetric\tfrom_time\tto_time\tmean\tsd\tmin\tmax\tn\n");
  print_rows(c, stream);
  bool ok = !ferror(stream);
  ok      = fclose(stream) == 0 && ok;
  return ok && rename(part, out) == 0 ? 0 : errno ? errno : EIO;
}

static wf_dataset describe(const char *name, wf_type type, int64_t n, int64_t m, const char *description, const char *axes)
{
  return (wf_dataset){
      .name = name, .type = type, .rank = m ? 2 : 1, .shape = {n, m}, .description = description, .unit = "", .axes = axes};
}

static PetscErrorCode write_runs(const collection *c, wf_file *file)
{
  const char **folders;
  int64_t     *seeds;
  int32_t     *groups;
  double      *values;
  size_t       n = (size_t)c->n_runs, m = (size_t)c->n_rows;
  wf_dataset   of_seed  = describe("/seeds", WF_TYPE_INT64, c->n_runs, 0, "run.seed of each run", "run");
  wf_dataset   of_group = describe("/group", WF_TYPE_INT32, c->n_runs, 0, "index into /groups", "run");
  wf_dataset   of_value = describe("/values", WF_TYPE_DOUBLE, c->n_runs, c->n_rows, "the runs' own means; NaN: none", "run,row");

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(n, &folders, n, &seeds, n, &groups, n * m, &values));
  for (size_t i = 0; i < n; i++) {
    folders[i] = c->runs[i].folder;
    seeds[i]   = c->runs[i].seed;
    groups[i]  = c->runs[i].group;
    memcpy(values + i * m, c->values + i * COLLECT_MAX_ROWS, m * sizeof *values);
  }
  PetscCall(wf_file_write_names(file, "/runs", c->n_runs, folders));
  PetscCall(wf_file_write(file, &of_seed, seeds));
  PetscCall(wf_file_write(file, &of_group, groups));
  PetscCall(wf_file_write(file, &of_value, values));
  PetscCall(PetscFree4(folders, seeds, groups, values));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_rows(const collection *c, wf_file *file)
{
  const char **methods, **metrics, **groups;
  double      *from, *to;
  size_t       m     = (size_t)c->n_rows;
  wf_dataset   begin = describe("/rows/from_time", WF_TYPE_DOUBLE, c->n_rows, 0, "first time of the range", "row");
  wf_dataset   end   = describe("/rows/to_time", WF_TYPE_DOUBLE, c->n_rows, 0, "last time of the range", "row");

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc5(m, &methods, m, &metrics, (size_t)c->n_groups, &groups, m, &from, m, &to));
  for (size_t i = 0; i < m; i++) {
    methods[i] = c->rows[i].method;
    metrics[i] = c->rows[i].metric;
    from[i]    = c->rows[i].from;
    to[i]      = c->rows[i].to;
  }
  for (int i = 0; i < c->n_groups; i++) groups[i] = c->n_swept ? c->groups[i] : "all";
  PetscCall(wf_file_write_names(file, "/groups", c->n_groups, groups));
  PetscCall(wf_file_write_names(file, "/rows/method", c->n_rows, methods));
  PetscCall(wf_file_write_names(file, "/rows/metric", c->n_rows, metrics));
  PetscCall(wf_file_write(file, &begin, from));
  PetscCall(wf_file_write(file, &end, to));
  PetscCall(PetscFree5(methods, metrics, groups, from, to));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_summary(const collection *c, wf_file *file)
{
  const wf_dataset datasets[4] = {
      describe("/summary/mean", WF_TYPE_DOUBLE, c->n_groups, c->n_rows, "mean over runs", "group,row"),
      describe("/summary/sd", WF_TYPE_DOUBLE, c->n_groups, c->n_rows, "standard deviation over runs", "group,row"),
      describe("/summary/min", WF_TYPE_DOUBLE, c->n_groups, c->n_rows, "smallest of the runs", "group,row"),
      describe("/summary/max", WF_TYPE_DOUBLE, c->n_groups, c->n_rows, "largest of the runs", "group,row")};
  wf_dataset of_n = describe("/summary/n", WF_TYPE_INT32, c->n_groups, c->n_rows, "number of runs", "group,row");
  size_t     m = (size_t)c->n_rows, n_all = m * (size_t)c->n_groups;
  double    *numbers;
  int32_t   *n;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(4 * n_all, &numbers, n_all, &n));
  for (size_t i = 0; i < n_all; i++) {
    double x[4];
    n[i] = wf_collect_summary(c, (int)(i / m), (int)(i % m), x);
    for (int k = 0; k < 4; k++) numbers[(size_t)k * n_all + i] = x[k];
  }
  for (int k = 0; k < 4; k++) PetscCall(wf_file_write(file, &datasets[k], numbers + (size_t)k * n_all));
  PetscCall(wf_file_write(file, &of_n, n));
  PetscCall(PetscFree2(numbers, n));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_file(const collection *c, const char *out)
{
  char     path[PATH_SIZE];
  wf_file *file;

  PetscFunctionBeginUser;
  snprintf(path, sizeof path, "%.*s.h5", (int)strlen(out) - 4, out);
  PetscCall(wf_file_create(PETSC_COMM_SELF, path, "collection", &file));
  PetscCall(write_runs(c, file));
  PetscCall(write_rows(c, file));
  PetscCall(write_summary(c, file));
  PetscCall(wf_file_write_attribute_text(file, "/", "program", c->version));
  PetscCall(wf_file_write_attribute_int(file, "/", "left_out", c->n_left_out));
  PetscCall(wf_file_publish(&file, NULL));
  PetscFunctionReturn(0);
}

/* W1 and JSD over all times, which come first in the tables. */
static void print_short(const collection *c)
{
  static const char *const shown[] = {"W1", "JSD"};
  for (int g = 0; g < c->n_groups; g++) {
    for (int i = 0, k = 0; c->n_swept && i < c->n_swept; i++, k++) {
      const char *value = c->groups[g];
      for (int skip = 0; skip < i; skip++) value += strcspn(value, "\t") + 1;
      printf("%s%s.%s = %.*s", i ? ", " : "", c->swept[i]->group, c->swept[i]->name, (int)strcspn(value, "\t"), value);
    }
    if (c->n_swept) putchar('\n');
    printf("%-6s %-22s %10s %10s %10s %10s %5s\n", "", "", "mean", "sd", "min", "max", "n");
    for (int s = 0; s < 2; s++) {
      const char *last = ""; /* a method's first row is that of all times */
      for (int r = 0; r < c->n_rows; r++) {
        double x[4];
        bool   first = strcmp(c->rows[r].method, last) != 0;
        if (strcmp(c->rows[r].metric, shown[s]) || !first) continue;
        last  = c->rows[r].method;
        int n = wf_collect_summary(c, g, r, x);
        if (n) printf("%-6s %-22s %10.5f %10.5f %10.5f %10.5f %5d\n", shown[s], last, x[0], x[1], x[2], x[3], n);
      }
    }
  }
}

/* --- rank 0 --- */

static PetscErrorCode read_all(collection *c, int n, const char *const *folders, wf_mistakes *mistakes)
{
  PetscFunctionBeginUser;
  for (int i = 0; i < n; i++) PetscCall(wf_collect_read(c, folders[i], mistakes));
  if (n == 0) wf_mistakes_add(mistakes, "command line: collect: name the run folders");
  for (int i = 0; i < c->n_left_out; i++) fprintf(stderr, "left out: %s\n", c->left_out[i]);
  if (n > 0 && c->n_runs == 0 && !wf_mistakes_count(mistakes))
    wf_mistakes_add(mistakes, "command line: collect: none of the %d runs is complete", n);
  PetscFunctionReturn(0);
}

static PetscErrorCode collect(collection *c, int argc, char **argv, const char *usual_out, wf_mistakes *mistakes)
{
  const char  *out     = c->params->run.out;
  const char **folders = wf_calloc((size_t)argc + 1, sizeof *folders);
  int          n       = wf_params_find_words(argc, argv, argc, folders);

  PetscFunctionBeginUser;
  PetscCheck(folders && allocate(c, n + 1), PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d runs", n);
  read_swept(c, mistakes);
  check_out(out, usual_out, mistakes);
  PetscCall(read_all(c, n, folders, mistakes));
  int error = wf_mistakes_count(mistakes) ? 0 : write_table(c, out);
  if (error) wf_mistakes_add(mistakes, "command line: -out %s: cannot be written: %s", out, strerror(error));
  if (!wf_mistakes_count(mistakes)) {
    PetscCall(write_file(c, out));
    print_short(c);
    printf("%d runs, %d left out: %s and %.*s.h5\n", c->n_runs, c->n_left_out, out, (int)strlen(out) - 4, out);
    fflush(stdout);
  }
  wf_free(folders);
  PetscFunctionReturn(0);
}

PetscErrorCode wf_collect_run(MPI_Comm comm, int argc, char **argv, int *code)
{
  wf_mistakes *mistakes = wf_mistakes_create();
  wf_params   *params   = wf_calloc(2, sizeof *params); /* of the command, and the defaults */
  collection  *c        = wf_calloc(1, sizeof *c);
  int          rank;

  PetscFunctionBeginUser;
  PetscCheck(mistakes && params && c, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory to begin with");
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    wf_params_set_defaults(&params[1]);
    wf_params_read(&params[0], NULL, argc, argv, mistakes);
    c->params = params;
    PetscCall(collect(c, argc, argv, params[1].run.out, mistakes));
  }
  PetscCall(wf_mistakes_settle(comm, mistakes, code));
  destroy(c);
  wf_free(c);
  wf_free(params);
  wf_mistakes_destroy(&mistakes);
  PetscFunctionReturn(0);
}
