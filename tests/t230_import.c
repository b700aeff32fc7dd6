/* Stage import: the published epidemic ensemble comes in with its published moments; each mistake in a file is told. */
/* RUN: np=1,2,3 */
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/snapshots.h>
#include "check.h"
#include "stages/stages.h"

static char      folder[64];
static int       rank;
static wf_params params;

static const char *in_folder(const char *name)
{
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static bool log_says(const char *text)
{
  char line[8192];
  bool found = false;
  FILE *file = fopen(in_folder("run.log"), "r");
  while (file && fgets(line, sizeof line, file)) found = found || strstr(line, text);
  if (file) fclose(file);
  return found;
}

/* Import with the parameters as they are; the log starts empty. */
static PetscErrorCode run_import(int *exit_code)
{
  wf_run *run;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0) unlink(in_folder("run.log"));
  PetscCall(wf_run_create(PETSC_COMM_WORLD, &params, "t230_import", NULL, &run));
  PetscCall(wf_stage_import(run));
  *exit_code = wf_run_exit_code(run);
  PetscCall(wf_run_destroy(&run));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

static PetscErrorCode expect_mistake(const char *what, const char *line)
{
  int code;

  PetscFunctionBeginUser;
  PetscCall(run_import(&code));
  WF_CHECK(code == WF_EXIT_USER, "%s: exit code %d", what, code);
  WF_CHECK(rank != 0 || log_says(line), "%s: the log does not say '%s'", what, line);
  PetscFunctionReturn(0);
}

static void set_text(char *member, const char *text) { snprintf(member, WF_PARAM_TEXT_SIZE, "%.1000s", text); }

/* Rank 0 writes an .npy of doubles, shape (a, b, c), value 100 i + 10 k + s but for the given changes. */
static PetscErrorCode write_npy(int a, int b, int c, int n_changes, const int *place, const double *value)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0) {
    char  header[128];
    int   length = snprintf(header, sizeof header, "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d, %d), }\n", a, b, c);
    FILE *file   = fopen(in_folder("x.npy"), "wb");
    fwrite("\x93NUMPY\1\0", 1, 8, file);
    putc(length & 255, file);
    putc(length >> 8, file);
    fwrite(header, 1, (size_t)length, file);
    for (int i = 0; i < a * b * c; i++) {
      double x = 100 * (i / (b * c)) + 10 * (i % (b * c) / c) + i % c;
      for (int j = 0; j < n_changes; j++)
        if (place[j] == i) x = value[j];
      fwrite(&x, sizeof x, 1, file);
    }
    fclose(file);
  }
  set_text(params.data.file, in_folder("x.npy"));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_mistakes(void)
{
  PetscFunctionBeginUser;
  set_text(params.data.observed, "all");
  set_text(params.data.evaluated, "1:3");
  PetscCall(write_npy(6, 4, 2, 4, (int[]){9, 20, 21, 40}, (double[]){-3, 0.5, 1e300, NAN}));
  PetscCall(expect_mistake("negative", "negative: 1; the first is trajectory 1, time 0, species 1 (x2), counted from 0: -3"));
  WF_CHECK(rank != 0 || (log_says("not whole: 1; the first is trajectory 2, time 2, species 0 (x1), counted from 0: 0.5") &&
                         log_says("too large for a count: 1; the first is trajectory 2, time 2, species 1") &&
                         log_says("not finite: 1; the first is trajectory 5, time 0, species 0") && log_says("4 mistakes")));
  PetscCall(write_npy(6, 4, 2, 0, NULL, NULL));
  set_text(params.data.times, "0:-1");
  PetscCall(expect_mistake("falling times", "must increase: time 1 is -1, after 0"));
  set_text(params.data.times, in_folder("x.npy"));
  PetscCall(expect_mistake("times of wrong shape", "has 3 axes, a list of times has one"));
  set_text(params.data.times, "/nowhere/times.txt");
  set_text(params.data.species, "A,B,C"); /* two mistakes at once */
  PetscCall(expect_mistake("no times", "/nowhere/times.txt: No such file"));
  WF_CHECK(rank != 0 || (log_says("3 names for 2 species") && log_says("2 mistakes")));
  set_text(params.data.times, "");
  set_text(params.data.species, "");
  set_text(params.data.observed, "0:9:3");
  PetscCall(expect_mistake("index", "data.observed = 0:9:3"));
  set_text(params.data.observed, "all");
  PetscCall(write_npy(1, 4, 2, 0, NULL, NULL));
  PetscCall(expect_mistake("one trajectory", "1 trajectories: a distribution needs at least 2"));
  PetscCall(write_npy(4, 1, 2, 0, NULL, NULL));
  PetscCall(expect_mistake("one snapshot", "1 snapshots: a dynamics needs at least 2"));
  if (rank == 0) WF_CHECK(truncate(in_folder("x.npy"), 100) == 0);
  PetscCall(expect_mistake("truncated", "truncated: "));
  if (rank == 0) WF_CHECK(truncate(in_folder("x.npy"), 4) == 0);
  PetscCall(expect_mistake("foreign", "is neither .npy nor HDF5"));
  set_text(params.data.file, "/nowhere/x.npy");
  PetscCall(expect_mistake("missing", "/nowhere/x.npy: no such file"));
  set_text(params.data.file, folder);
  PetscCall(expect_mistake("folder", "a folder"));
  set_text(params.data.file, "");
  PetscCall(expect_mistake("none", "data.file is empty"));
  PetscFunctionReturn(0);
}

/* An .h5 of ours, and what can be wrong with it. */
static PetscErrorCode check_h5(void)
{
  wf_snapshots *s;
  wf_file      *file;
  char          why[512], given[128];
  int           code;

  PetscFunctionBeginUser;
  PetscCall(write_npy(6, 4, 2, 0, NULL, NULL));
  set_text(params.data.species, "left,right");
  set_text(params.data.times, "1:0.5");
  PetscCall(run_import(&code));
  WF_CHECK(code == 0);
  snprintf(given, sizeof given, "%s/given.h5", folder);
  if (rank == 0) WF_CHECK(rename(in_folder("simulate/ensemble.h5"), given) == 0);
  set_text(params.data.file, in_folder("given.h5"));
  set_text(params.data.species, "");
  set_text(params.data.times, "");
  PetscCall(run_import(&code));
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, in_folder("simulate/ensemble.h5"), 0, NULL, &s, why, sizeof why));
  WF_CHECK(code == 0 && s && s->n_traj == 6 && s->times[3] == 2.5, "%s", why);
  WF_CHECK(!strcmp(s->species[1], "right") && s->counts[1] == 1);
  WF_CHECK(s->counts[(3 * 6 + 5) * 2] == 530);
  PetscCall(wf_snapshots_destroy(&s));
  PetscCall(run_import(&code));
  WF_CHECK(code == 0 && (rank != 0 || log_says("complete")));
  if (rank == 0) WF_CHECK(truncate(in_folder("given.h5"), 3000) == 0);
  PetscCall(expect_mistake("truncated", "truncated HDF5 file"));
  PetscCall(wf_file_create(PETSC_COMM_WORLD, in_folder("given.h5"), "anchors", &file));
  PetscCall(wf_file_publish(&file, NULL));
  PetscCall(expect_mistake("wrong kind", "is of kind anchors, wanted is ensemble"));
  PetscCall(wf_file_create(PETSC_COMM_WORLD, in_folder("given.h5"), "ensemble", &file));
  PetscCall(wf_file_write(file, &(wf_dataset){.name = "/counts", .type = WF_TYPE_INT32, .rank = 2, .shape = {1, 2}},
                          (int32_t[]){1, 2}));
  PetscCall(wf_file_publish(&file, NULL));
  PetscCall(expect_mistake("two axes", "/counts has 2 axes, wanted are 3"));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_published(const char *path)
{
  static const int    K[]          = {10, 30, 50, 70, 100};
  static const double MEAN[][3]     = {{41.240, 14.011, 1.187}, {25.201, 18.045, 4.229}, {15.972, 15.366, 7.111},
                                       {11.327, 10.845, 9.073}, {8.728, 5.704, 10.167}};
  static const double VARIANCE[][3] = {{13.085, 13.410, 1.177}, {42.978, 31.326, 4.167}, {41.645, 21.842, 6.709},
                                       {32.899, 16.381, 8.935}, {22.905, 8.555, 9.136}};
  wf_snapshots *s;
  wf_file      *file;
  char          why[512], digest[WF_DIGEST_SIZE];
  int           code;
  bool          found;

  PetscFunctionBeginUser;
  wf_params_set_defaults(&params);
  set_text(params.run.out, folder);
  set_text(params.data.file, path);
  set_text(params.data.times, "0:0.5");
  set_text(params.data.species, "S,I,R");
  PetscCall(run_import(&code));
  WF_CHECK(code == 0);
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, in_folder("simulate/ensemble.h5"), 0, NULL, &s, why, sizeof why));
  WF_CHECK(s && s->n_traj == 1000 && s->n_time == 101 && s->n_species == 3, "%s", why);
  WF_CHECK(s->times[100] == 50 && !strcmp(s->species[2], "R"));
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 3; j++) {
      double sum = 0, square = 0;
      for (int n = 0; n < 1000; n++) sum += s->counts[(K[i] * 1000 + n) * 3 + j];
      for (int n = 0; n < 1000; n++) square += pow(s->counts[(K[i] * 1000 + n) * 3 + j] - sum / 1000, 2);
      WF_CHECK(fabs(sum / 1000 - MEAN[i][j]) < 0.00051, "mean %d %d: %g", K[i], j, sum / 1000);
      WF_CHECK(fmin(fabs(square / 999 - VARIANCE[i][j]), fabs(square / 1000 - VARIANCE[i][j])) < 0.00051, "variance %d %d: %g",
               K[i], j, square / 999);
    }
  PetscCall(wf_snapshots_destroy(&s));
  PetscCall(wf_file_open(PETSC_COMM_WORLD, in_folder("simulate/ensemble.h5"), "ensemble", true, &file, why, sizeof why));
  PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", digest, sizeof digest, &found));
  PetscCall(wf_file_close(&file));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "epidemic %s\n", digest));
  PetscFunctionReturn(0);
}

static bool test_data_is_there(void)
{
  char        path[4096];
  const char *data = getenv("WF_TEST_DATA");
  snprintf(path, sizeof path, "%s/epidemic_trajectories.npy", data ? data : "../shared/data");
  return access(path, R_OK) == 0;
}

int main(int argc, char **argv)
{
  char data[4096];

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  snprintf(folder, sizeof folder, "/tmp/wf_t230_XXXXXX");
  if (rank == 0 && !mkdtemp(folder)) return 99;
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  wf_params_set_defaults(&params);
  set_text(params.run.out, folder);
  PetscCall(check_mistakes());
  PetscCall(check_h5());
  if (test_data_is_there()) PetscCall(check_published(test_data("epidemic_trajectories.npy")));
  snprintf(data, sizeof data, "rm -rf %s", folder);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0 && system(data)) return 99;
  test_data("epidemic_trajectories.npy"); /* says so where it was not there */
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
