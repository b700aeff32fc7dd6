/* Readers: every kind of .npy array, damaged ones, lists of times and names; snapshots in memory; the deal of trajectories. */
/* RUN: np=1,2,3 */
#include <sys/stat.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/snapshots.h>
#include "check.h"
#include "data/count_faults.h"
#include "data/npy.h"
#include "data/series.h"

static char folder[64], path[128];
static int  rank;

/* Write an .npy file: version, dictionary, bytes. Each rank has its own file. */
static void write_npy(int version, const char *dictionary, const void *bytes, size_t n)
{
  size_t length = strlen(dictionary);
  FILE  *file   = fopen(path, "wb");
  fwrite("\x93NUMPY", 1, 6, file);
  putc(version, file);
  putc(0, file);
  for (int i = 0; i < (version == 1 ? 2 : 4); i++) putc((int)(length >> (8 * i)) & 255, file);
  fwrite(dictionary, 1, length, file);
  fwrite(bytes, 1, n, file);
  fclose(file);
}

#define CHECK_TYPE(TYPE, DESCRIPTION, SCALE)                                                                             \
  do {                                                                                                                    \
    TYPE c[24], fortran[24];                                                                                              \
    for (int i = 0; i < 2; i++)                                                                                           \
      for (int j = 0; j < 3; j++)                                                                                         \
        for (int k = 0; k < 4; k++) fortran[i + 2 * j + 6 * k] = c[12 * i + 4 * j + k] = (TYPE)(SCALE * (100 * i + 10 * j + k)); \
    for (int version = 1; version <= 3; version++) {                                                                      \
      write_npy(version, "{'descr': '" DESCRIPTION "', 'fortran_order': False, 'shape': (2, 3, 4), }  \n", c, sizeof c);  \
      check_values(DESCRIPTION, c[17]);                                                                                   \
      write_npy(version, "{'descr': '" DESCRIPTION "', 'fortran_order': True, 'shape': (2, 3, 4)}\n", fortran, sizeof c); \
      check_values(DESCRIPTION " fortran", c[17]);                                                                        \
    }                                                                                                                     \
  } while (0)

static void check_values(const char *what, double at_17)
{
  wf_npy npy;
  char   why[256] = "";
  double all[24], row[12], scale = at_17 / 111;
  WF_CHECK(wf_npy_open(path, &npy, why, sizeof why), "%s: %s", what, why);
  WF_CHECK(npy.rank == 3 && npy.shape[0] == 2 && npy.shape[1] == 3 && npy.shape[2] == 4, "%s", what);
  WF_CHECK(wf_npy_read_rows(&npy, 0, 2, all) && wf_npy_read_rows(&npy, 1, 1, row), "%s", what);
  for (int i = 0; i < 24; i++)
    WF_CHECK(all[i] == scale * (100 * (i / 12) + 10 * (i % 12 / 4) + i % 4), "%s: %d: %g", what, i, all[i]);
  for (int i = 0; i < 12; i++) WF_CHECK(row[i] == all[12 + i], "%s", what);
  wf_npy_close(&npy);
}

static void expect_npy_refusal(const char *dictionary, size_t n, const char *reason)
{
  static const double zeros[24];
  wf_npy              npy;
  char                why[256] = "";
  write_npy(1, dictionary, zeros, n);
  WF_CHECK(!wf_npy_open(path, &npy, why, sizeof why) && strstr(why, reason), "%s: expected '%s', got '%s'", dictionary,
           reason, why);
}

static void check_npy(void)
{
  CHECK_TYPE(double, "<f8", 0.5);
  CHECK_TYPE(float, "<f4", -0.5);
  CHECK_TYPE(int8_t, "|i1", -1);
  CHECK_TYPE(int16_t, "<i2", -3);
  CHECK_TYPE(int32_t, "<i4", 1000);
  CHECK_TYPE(int64_t, "<i8", 1000000000000);
  CHECK_TYPE(uint8_t, "|u1", 2);
  CHECK_TYPE(uint16_t, "<u2", 500);
  CHECK_TYPE(uint32_t, "<u4", 10000000);
  CHECK_TYPE(uint64_t, "<u8", 1);
  expect_npy_refusal("{'descr': '>f8', 'fortran_order': False, 'shape': (24,), }", 192, "big-endian");
  expect_npy_refusal("{'descr': '<c16', 'fortran_order': False, 'shape': (12,), }", 192, "'<c16' cannot be read");
  expect_npy_refusal("{'descr': '|O', 'fortran_order': False, 'shape': (12,), }", 192, "cannot be read");
  expect_npy_refusal("{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (24,), }", 192, "cannot be read");
  expect_npy_refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (24,), }", 191, "truncated");
  expect_npy_refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 191, "too large");
  expect_npy_refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }", 192, "shape");
  expect_npy_refusal("{'descr': '<f8', 'shape': (24,), }", 192, "fortran_order");
  expect_npy_refusal("", 0, "not an .npy file");
  wf_npy npy;
  char   why[256] = "";
  FILE  *file     = fopen(path, "wb");
  fputs("1,2,3\n4,5,6,7,8,9\n", file);
  fclose(file);
  WF_CHECK(!wf_npy_open(path, &npy, why, sizeof why) && strstr(why, "not an .npy file"), "%s", why);
  WF_CHECK(!wf_npy_open("/nowhere/x.npy", &npy, why, sizeof why) && strstr(why, "no such file"), "%s", why);
}

static void check_series(void)
{
  double times[3];
  char   why[256] = "", *names[3];
  WF_CHECK(wf_times_read("", 3, times, why, sizeof why) && times[0] == 0 && times[2] == 2, "%s", why);
  WF_CHECK(wf_times_read("10:0.5", 3, times, why, sizeof why) && times[0] == 10 && times[2] == 11, "%s", why);
  WF_CHECK(!wf_times_is_file("10:0.5") && !wf_times_is_file("") && wf_times_is_file("t.txt"));
  snprintf(path, sizeof path, "%s/%d.txt", folder, rank);
  FILE *file = fopen(path, "w");
  fputs("# times\n0, 0.25\n\t1e1 # the last\n", file);
  fclose(file);
  WF_CHECK(wf_times_read(path, 3, times, why, sizeof why) && times[1] == 0.25 && times[2] == 10, "%s", why);
  WF_CHECK(!wf_times_read(path, 2, times, why, sizeof why) && strstr(why, "holds 3 times, the ensemble has 2"), "%s", why);
  file = fopen(path, "w");
  fputs("0 1\ntwo\n", file);
  fclose(file);
  WF_CHECK(!wf_times_read(path, 3, times, why, sizeof why) && strstr(why, ":2: no number: two"), "%s", why);
  WF_CHECK(!wf_times_read("/nowhere", 3, times, why, sizeof why) && strstr(why, "No such file"), "%s", why);
  wf_times_check(3, (double[]){0, 1, 1}, why, sizeof why);
  WF_CHECK(strstr(why, "must increase: time 2 is 1, after 1"), "%s", why);
  wf_times_check(2, (double[]){0, NAN}, why, sizeof why);
  WF_CHECK(strstr(why, "time 1 is"), "%s", why);
  wf_times_check(3, (double[]){-1, 0, 5}, why, sizeof why);
  WF_CHECK(!why[0], "%s", why);
  WF_CHECK(wf_names_split((char[]){"S, I ,R"}, 3, names, why, sizeof why) && !strcmp(names[1], "I") && !strcmp(names[2], "R"));
  WF_CHECK(!wf_names_split((char[]){"S,I"}, 3, names, why, sizeof why) && strstr(why, "2 names for 3 species"), "%s", why);
  WF_CHECK(!wf_names_split((char[]){"S,I,S"}, 3, names, why, sizeof why) && strstr(why, "twice"), "%s", why);
  WF_CHECK(!wf_names_split((char[]){"S,,R"}, 3, names, why, sizeof why) && strstr(why, "empty"), "%s", why);
}

static void check_faults(void)
{
  wf_count_faults faults;
  int32_t         counts[7];
  double          values[] = {3, -1, 2.5, NAN, 3e9, -2, 2147483647};
  wf_count_faults_clear(&faults);
  wf_count_faults_add(&faults, 100, 7, values, counts);
  WF_CHECK(counts[0] == 3 && counts[6] == 2147483647);
  WF_CHECK(faults.n[WF_FAULT_NEGATIVE] == 2 && faults.first[WF_FAULT_NEGATIVE] == 101 && faults.value[WF_FAULT_NEGATIVE] == -1);
  WF_CHECK(faults.n[WF_FAULT_FRACTION] == 1 && faults.first[WF_FAULT_FRACTION] == 102);
  WF_CHECK(faults.n[WF_FAULT_NOT_FINITE] == 1 && faults.first[WF_FAULT_NOT_FINITE] == 103);
  WF_CHECK(faults.n[WF_FAULT_TOO_LARGE] == 1 && faults.first[WF_FAULT_TOO_LARGE] == 104);
}

enum { N_TRAJ = 5, N_TIME = 3, N_SPECIES = 2 };

static PetscErrorCode write_ensemble(const char *name, bool with_names, bool short_times)
{
  wf_file *file;
  int32_t  counts[N_TRAJ][N_TIME][N_SPECIES];

  PetscFunctionBeginUser;
  for (int i = 0; i < N_TRAJ; i++)
    for (int k = 0; k < N_TIME; k++)
      for (int s = 0; s < N_SPECIES; s++) counts[i][k][s] = 100 * i + 10 * k + s;
  PetscCall(wf_file_create(PETSC_COMM_WORLD, name, "ensemble", &file));
  PetscCall(wf_file_write(
      file, &(wf_dataset){.name = "/counts", .type = WF_TYPE_INT32, .rank = 3, .shape = {N_TRAJ, N_TIME, N_SPECIES}}, counts));
  PetscCall(wf_file_write(file, &(wf_dataset){.name = "/times", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {N_TIME - short_times}},
                          (double[]){0, 0.5, 2}));
  if (with_names) PetscCall(wf_file_write_names(file, "/names/species", 2, (const char *[]){"A", "B"}));
  PetscCall(wf_file_publish(&file, NULL));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_snapshots(void)
{
  wf_snapshots *s;
  char          name[128], why[512];
  int           rows[] = {1, 4};

  PetscFunctionBeginUser;
  snprintf(name, sizeof name, "%s/e.h5", folder);
  PetscCall(write_ensemble(name, true, false));
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, name, 0, NULL, &s, why, sizeof why));
  WF_CHECK(s && s->n_traj == N_TRAJ && s->n_time == N_TIME && s->n_species == N_SPECIES && s->max_count == 421, "%s", why);
  WF_CHECK(s->times[2] == 2 && !strcmp(s->species[1], "B"));
  for (int i = 0; i < N_TRAJ; i++)
    for (int k = 0; k < N_TIME; k++) WF_CHECK(s->counts[(k * N_TRAJ + i) * N_SPECIES + 1] == 100 * i + 10 * k + 1);
  PetscCall(wf_snapshots_destroy(&s));
  WF_CHECK(s == NULL);
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, name, 2, rows, &s, why, sizeof why));
  WF_CHECK(s && s->n_traj == 2 && s->counts[(2 * 2 + 1) * 2] == 420 && s->counts[0] == 100);
  PetscCall(wf_snapshots_destroy(&s));
  rows[1] = 5;
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, name, 2, rows, &s, why, sizeof why));
  WF_CHECK(!s && strstr(why, "asked for is number 5"), "%s", why);
  PetscCall(write_ensemble(name, false, false));
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, name, 0, NULL, &s, why, sizeof why));
  WF_CHECK(!s && strstr(why, "lacks /names/species"), "%s", why);
  PetscCall(write_ensemble(name, true, true));
  PetscCall(wf_snapshots_read(PETSC_COMM_WORLD, name, 0, NULL, &s, why, sizeof why));
  WF_CHECK(!s && strstr(why, "/times has 2 entries, /counts wants 3"), "%s", why);
  PetscFunctionReturn(0);
}

/* Every trajectory is dealt once, and each is held out with the right frequency: 2000 deals, five standard errors. */
static void check_split(void)
{
  enum { N = 10, DEALS = 2000 };
  int n_train, rows[N], held[N] = {0};
  for (int d = 0; d < DEALS; d++) {
    int seen = 0;
    wf_snapshots_split((uint64_t)d, N, 0.3, &n_train, rows);
    WF_CHECK(n_train == 7);
    for (int i = 0; i < N; i++) seen |= 1 << rows[i];
    WF_CHECK(seen == (1 << N) - 1);
    for (int i = 1; i < N; i++) WF_CHECK(i == n_train || rows[i] > rows[i - 1]);
    for (int i = n_train; i < N; i++) held[rows[i]]++;
  }
  for (int i = 0; i < N; i++) WF_CHECK(fabs(held[i] - 0.3 * DEALS) < 5 * sqrt(0.21 * DEALS), "%d: %d", i, held[i]);
  wf_snapshots_split(1, N, 0, &n_train, rows);
  for (int i = 0; i < N; i++) WF_CHECK(n_train == N && rows[i] == i);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  snprintf(folder, sizeof folder, "/tmp/wf_t220_XXXXXX");
  if (rank == 0 && !mkdtemp(folder)) return 99;
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  snprintf(path, sizeof path, "%s/%d.npy", folder, rank);
  check_npy();
  check_series();
  check_faults();
  PetscCall(check_snapshots());
  check_split();
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0 && system(command)) return 99;
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
