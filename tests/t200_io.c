/* Files: contents come back, the digest depends on contents and not on ranks, damage and full disks are noticed. */
/* RUN: np=1,2,3 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/io.h>
#include <weightflow/random.h>
#include "check.h"

enum { ROWS = 1003, COLUMNS = 101, N_SMALL = 7 };
static char folder[64];
static int  rank, size;

static const char *in_folder(const char *name)
{
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static int32_t big_value(int64_t row, int column) { return (int32_t)((row * 31 + column * 7) % 50); }

/* Everything a file can hold; uneven rows, the last rank has none where there are three. `change` makes one number differ. */
static PetscErrorCode write_everything(const char *path, int change, char *digest)
{
  wf_file *file;
  int64_t  first = (int64_t)ROWS * rank / size, last = (int64_t)ROWS * (rank + 1) / size;
  double   small[N_SMALL];
  wf_real  theta[2][3]  = {{1, 2, 3}, {4, 5, (wf_real)0.1}};
  double   seconds      = 12.5 + rank * change;
  const char *names[3] = {"S", "infected", "R"};

  PetscFunctionBeginUser;
  if (size == 3) {
    first = rank == 0 ? 0 : 500;
    last  = rank == 0 ? 500 : rank == 1 ? ROWS : 500;
  }
  int32_t *counts = wf_calloc((size_t)(last - first) * COLUMNS + 1, sizeof *counts);
  for (int64_t i = first; i < last; i++)
    for (int j = 0; j < COLUMNS; j++) counts[(i - first) * COLUMNS + j] = big_value(i, j) + (change == 1 && i == 600 && j == 50);
  for (int i = 0; i < N_SMALL; i++) small[i] = 0.1 * i;
  PetscCall(wf_file_create(PETSC_COMM_WORLD, path, "ensemble", &file));
  PetscCall(wf_file_write_rows(file,
                               &(wf_dataset){.name = "/deep/er/counts", .type = WF_TYPE_INT32, .rank = 2, .shape = {ROWS, COLUMNS},
                                             .description = "counts", .unit = "molecules", .axes = "row,column"},
                               first, last - first, counts));
  PetscCall(wf_file_write(file, &(wf_dataset){.name = "/times", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {N_SMALL}}, small));
  PetscCall(wf_file_write(file, &(wf_dataset){.name = "/theta", .type = WF_TYPE_REAL, .rank = 2, .shape = {2, 3}}, theta));
  PetscCall(wf_file_write(file, &(wf_dataset){.name = "/empty", .type = WF_TYPE_UINT8, .rank = 2, .shape = {0, 3}}, NULL));
  wf_dataset clock = {.name = "/seconds", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {1}, .volatile_content = true};
  PetscCall(wf_file_write(file, &clock, &seconds));
  PetscCall(wf_file_write_names(file, change == 2 ? "/names/other" : "/names/species", 3, names));
  PetscCall(wf_file_write_attribute_text(file, "/", "title", change == 3 ? "" : "a test"));
  PetscCall(wf_file_write_attribute_double(file, "/deep", "pi", change == 4 ? 3.14 : 3.141592653589793));
  PetscCall(wf_file_write_attribute_int(file, "/theta", "layers", 1));
  PetscCall(wf_file_write_attribute_int(file, "/", "volatile_number", size));
  PetscCall(wf_file_publish(&file, digest));
  WF_CHECK(file == NULL);
  wf_free(counts);
  PetscFunctionReturn(0);
}

static PetscErrorCode read_everything(const char *path, bool *same)
{
  wf_file *file;
  char     why[512], text[64], **names;
  bool     found, has;
  int      n;
  int64_t  number = 0, shape[WF_MAX_RANK], first = (int64_t)ROWS * rank / size, n_rows = (int64_t)ROWS * (rank + 1) / size - first;
  double   real = 0, times[N_SMALL], theta[2][3];
  wf_type  type;

  PetscFunctionBeginUser;
  *same = true;
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, "ensemble", true, &file, why, sizeof why));
  WF_CHECK(file != NULL, "%s", why);
  int32_t *part = wf_calloc((size_t)n_rows * COLUMNS, sizeof *part), *all = wf_calloc((size_t)ROWS * COLUMNS, sizeof *all);
  PetscCall(wf_file_shape(file, "/deep/er/counts", &n, shape, &type));
  WF_CHECK(n == 2 && shape[0] == ROWS && shape[1] == COLUMNS && type == WF_TYPE_INT32);
  PetscCall(wf_file_read_rows(file, "/deep/er/counts", WF_TYPE_INT32, first, n_rows, part));
  PetscCall(wf_file_read(file, "/deep/er/counts", WF_TYPE_INT32, all));
  for (int64_t i = 0; i < ROWS; i++)
    for (int j = 0; j < COLUMNS; j++) {
      *same = *same && all[i * COLUMNS + j] == big_value(i, j);
      if (i >= first && i < first + n_rows) *same = *same && part[(i - first) * COLUMNS + j] == big_value(i, j);
    }
  PetscCall(wf_file_read(file, "/times", WF_TYPE_DOUBLE, times));
  for (int i = 0; i < N_SMALL; i++) *same = *same && times[i] == 0.1 * i;
  PetscCall(wf_file_read(file, "/theta", WF_TYPE_DOUBLE, theta)); /* converted where stored as float */
  *same = *same && theta[1][0] == 4 && theta[1][2] == (double)(wf_real)0.1;
  PetscCall(wf_file_read_names(file, "/names/species", &n, &names));
  *same = *same && n == 3 && !strcmp(names[0], "S") && !strcmp(names[1], "infected") && !strcmp(names[2], "R");
  wf_free(names);
  PetscCall(wf_file_read_attribute_text(file, "/", "title", text, sizeof text, &found));
  *same = *same && found && !strcmp(text, "a test");
  PetscCall(wf_file_read_attribute_double(file, "/deep", "pi", &real, &found));
  *same = *same && found && real == 3.141592653589793;
  PetscCall(wf_file_read_attribute_int(file, "/theta", "layers", &number, &found));
  *same = *same && found && number == 1;
  PetscCall(wf_file_read_attribute_int(file, "/nowhere", "layers", &number, &found));
  WF_CHECK(!found);
  PetscCall(wf_file_read_attribute_int(file, "/provenance", "ranks", &number, &found));
  WF_CHECK(found && number == size);
  PetscCall(wf_file_has(file, "/deep/er", &has));
  WF_CHECK(has);
  PetscCall(wf_file_has(file, "/deep/no/er", &has));
  WF_CHECK(!has);
  PetscCall(wf_file_close(&file));
  WF_CHECK(file == NULL);
  wf_free(part);
  wf_free(all);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_round_trip(void)
{
  char digest[WF_DIGEST_SIZE], other[WF_DIGEST_SIZE];
  bool same;

  PetscFunctionBeginUser;
  PetscCall(write_everything(in_folder("a.h5"), 0, digest));
  PetscCall(read_everything(in_folder("a.h5"), &same));
  WF_CHECK(same);
  WF_CHECK(access(in_folder("a.h5.part"), F_OK) != 0);
#if !WF_REAL_IS_DOUBLE
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "digest %s\n", digest));
#endif
  for (int change = 1; change <= 4; change++) {
    PetscCall(write_everything(in_folder("b.h5"), change, other));
    WF_CHECK(strcmp(digest, other) != 0, "change %d", change);
  }
  PetscCall(write_everything(in_folder("b.h5"), 9, other)); /* only what is volatile differs */
  WF_CHECK(strcmp(digest, other) == 0);
  PetscFunctionReturn(0);
}

static PetscErrorCode expect_refusal(const char *path, const char *kind, const char *reason)
{
  wf_file *file;
  char     why[512];

  PetscFunctionBeginUser;
  PetscCall(wf_file_open(PETSC_COMM_WORLD, path, kind, true, &file, why, sizeof why));
  WF_CHECK(file == NULL && strstr(why, reason) && strstr(why, path), "%s: expected '%s', got '%s'", path, reason, why);
  PetscCall(wf_file_close(&file));
  PetscFunctionReturn(0);
}

/* Rank 0 copies a.h5 to path, with one byte turned over (at >= 0) or only the first `keep` bytes. */
static PetscErrorCode spoil_copy(const char *path, long at, long keep)
{
  PetscFunctionBeginUser;
  if (rank == 0) {
    FILE *from = fopen(in_folder("a.h5"), "rb"), *to = fopen(path, "wb");
    for (long i = 0; keep < 0 || i < keep; i++) {
      int c = getc(from);
      if (c == EOF) break;
      putc(i == at ? c ^ 0x10 : c, to);
    }
    fclose(from);
    fclose(to);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_damage(void)
{
  char        path[128], why[512];
  wf_file    *file;
  struct stat status;
  int         n_noticed = 0, n_flips = 40;

  PetscFunctionBeginUser;
  snprintf(path, sizeof path, "%s", in_folder("bad.h5"));
  stat(in_folder("a.h5"), &status);
  PetscCall(expect_refusal(in_folder("none.h5"), NULL, "no such file"));
  PetscCall(expect_refusal(folder, NULL, "folder"));
  PetscCall(expect_refusal(in_folder("a.h5"), "anchors", "is of kind ensemble, wanted is anchors"));
  PetscCall(spoil_copy(path, -1, 0));
  PetscCall(expect_refusal(path, NULL, "empty"));
  PetscCall(spoil_copy(path, -1, 100));
  PetscCall(expect_refusal(path, NULL, "HDF5"));
  PetscCall(spoil_copy(path, -1, status.st_size - 1));
  PetscCall(expect_refusal(path, NULL, "truncated"));
  for (int i = 0; i < n_flips; i++) { /* a turned-over bit is noticed, or lies where nothing is stored */
    double u  = wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, 0);
    bool   same = false;
    PetscCall(spoil_copy(path, (long)(u * (double)status.st_size), -1));
    PetscCall(wf_file_open(PETSC_COMM_WORLD, path, "ensemble", true, &file, why, sizeof why));
    if (!file) n_noticed++;
    else {
      PetscCall(wf_file_close(&file));
      PetscCall(read_everything(path, &same));
      WF_CHECK(same, "flip %d at %g of the file went unnoticed", i, u);
    }
  }
  WF_CHECK(n_noticed >= n_flips / 2, "%d of %d noticed", n_noticed, n_flips);
  PetscFunctionReturn(0);
}

/* A writer that fails must raise an error on all ranks, keep the file that was there, and leave no .part. */
static PetscErrorCode expect_failure(const char *path, const char *name)
{
  char           digest[WF_DIGEST_SIZE];
  PetscErrorCode code;

  PetscFunctionBeginUser;
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  code = write_everything(path, 0, digest);
  PetscCall(PetscPopErrorHandler());
  WF_CHECK(code == PETSC_ERR_FILE_WRITE, "%s: code %d", name, (int)code);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  char part[160];
  snprintf(part, sizeof part, "%s.part", path);
  WF_CHECK(access(part, F_OK) != 0, "%s: .part is left", name);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_failures(void)
{
  struct rlimit limit, old;
  char          path[256], mount[128], command[256];
  bool          same;

  PetscFunctionBeginUser;
  PetscCall(expect_failure("/proc/nowhere/a.h5", "unwritable folder"));
  PetscCall(expect_failure(in_folder("missing/a.h5"), "missing folder"));
  snprintf(path, sizeof path, "%s", in_folder("a.h5"));
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &old);
  limit = (struct rlimit){300000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  PetscCall(expect_failure(path, "file size limit"));
  setrlimit(RLIMIT_FSIZE, &old);
  PetscCall(read_everything(path, &same));
  WF_CHECK(same);
  int mounted = 0;
  snprintf(mount, sizeof mount, "%s", in_folder("tiny"));
  if (rank == 0) {
    mkdir(mount, 0777);
    snprintf(command, sizeof command, "mount -t tmpfs -o size=400k none %s 2>/dev/null", mount);
    mounted = geteuid() == 0 && system(command) == 0;
    if (!mounted) fprintf(stderr, "no small file system can be mounted: a full disk is not tried\n");
  }
  PetscCallMPI(MPI_Bcast(&mounted, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  if (mounted) {
    snprintf(path, sizeof path, "%s/a.h5", mount);
    PetscCall(expect_failure(path, "full disk"));
    snprintf(command, sizeof command, "umount %s", mount);
    if (rank == 0) WF_CHECK(system(command) == 0);
  }
  PetscFunctionReturn(0);
}

/* --- rows bit by bit --- */

static const wf_dataset row_dataset = {.name = "/some/rows", .type = WF_TYPE_INT32, .rank = 2, .shape = {ROWS, COLUMNS},
                                       .description = "counts", .unit = "molecules", .axes = "row,column"};

static void fill_row(int64_t row, int32_t *values)
{
  for (int j = 0; j < COLUMNS; j++) values[j] = big_value(row, j);
}

/* The rows that this rank puts: every size-th, backwards, from [first, last). Returns their digest. */
static void put_rows(wf_file *file, int index, int64_t first, int64_t last, uint64_t digest[2])
{
  int32_t values[COLUMNS];
  for (int64_t row = last - 1; row >= first; row--) {
    if (row % size != rank) continue;
    fill_row(row, values);
    wf_file_rows_put(file, index, row, 1, values, digest);
  }
}

/* The digest of this rank's rows in [first, last) as they are in the file. */
static void get_rows(wf_file *file, int index, int64_t first, int64_t last, uint64_t digest[2])
{
  int32_t values[COLUMNS];
  for (int64_t row = first; row < last; row++)
    if (row % size == rank) WF_CHECK(wf_file_rows_get(file, index, row, 1, values, digest));
}

static PetscErrorCode begin_rows(wf_file *file, int *index, char *rest)
{
  PetscFunctionBeginUser;
  PetscCall(wf_file_declare(file, &row_dataset, index));
  WF_CHECK(*index == 0);
  PetscCall(wf_file_rows_begin(file, rest));
  PetscFunctionReturn(0);
}

/* At one go, as other files are written. */
static PetscErrorCode write_at_once(char *digest)
{
  int64_t  first = (int64_t)ROWS * rank / size, last = (int64_t)ROWS * (rank + 1) / size;
  int32_t *counts = wf_calloc((size_t)(last - first) * COLUMNS, sizeof *counts);
  wf_file *file;

  PetscFunctionBeginUser;
  for (int64_t row = first; row < last; row++) fill_row(row, counts + (row - first) * COLUMNS);
  PetscCall(wf_file_create(PETSC_COMM_WORLD, in_folder("once.h5"), "ensemble", &file));
  PetscCall(wf_file_write_rows(file, &row_dataset, first, last - first, counts));
  PetscCall(wf_file_publish(&file, digest));
  wf_free(counts);
  PetscFunctionReturn(0);
}

/* Half of the rows, and left; kept: their digest on this rank. */
static PetscErrorCode write_half(uint64_t kept[2], char *rest)
{
  wf_file *file;
  int      index;

  PetscFunctionBeginUser;
  PetscCall(wf_file_create(PETSC_COMM_WORLD, in_folder("bits.h5"), "ensemble", &file));
  PetscCall(begin_rows(file, &index, rest));
  kept[0] = kept[1] = 0;
  put_rows(file, index, 0, ROWS / 2, kept);
  PetscCall(wf_file_rows_sync(file));
  PetscCall(wf_file_suspend(&file));
  WF_CHECK(file == NULL);
  WF_CHECK(access(in_folder("bits.h5.part"), F_OK) == 0);
  PetscFunctionReturn(0);
}

/* Take it up; *same: are this rank's rows what they were, on all ranks? */
static PetscErrorCode take_up(wf_file **file, int *index, const uint64_t kept[2], const char *rest, int *same)
{
  uint64_t found[2] = {0, 0};
  char     why[512], found_rest[WF_DIGEST_SIZE];

  PetscFunctionBeginUser;
  PetscCall(wf_file_resume(PETSC_COMM_WORLD, in_folder("bits.h5"), "ensemble", file, why, sizeof why));
  WF_CHECK(*file != NULL, "%s", why);
  PetscCall(begin_rows(*file, index, found_rest));
  WF_CHECK(strcmp(rest, found_rest) == 0);
  get_rows(*file, *index, 0, ROWS / 2, found);
  *same = found[0] == kept[0] && found[1] == kept[1];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, same, 1, MPI_INT, MPI_MIN, PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

/* One byte of row 7 is changed on the disk. */
static void damage_rows(const char *path)
{
  int32_t values[COLUMNS];
  FILE   *stream = rank == 0 ? fopen(path, "r+b") : NULL;
  if (!stream) return;
  fill_row(7, values);
  fseek(stream, 0, SEEK_END);
  const long size_there = ftell(stream);
  char      *all = wf_calloc((size_t)size_there, 1), *found = NULL;
  rewind(stream);
  WF_CHECK(fread(all, (size_t)size_there, 1, stream) == 1);
  for (long at = 0; at + (long)sizeof values <= size_there && !found; at++)
    if (!memcmp(all + at, values, sizeof values)) found = all + at;
  WF_CHECK(found && !fseek(stream, found - all + 40, SEEK_SET) && fputc(0x7f, stream) == 0x7f);
  fclose(stream);
  wf_free(all);
}

static PetscErrorCode check_row_mistakes(void)
{
  wf_file   *file;
  wf_dataset other = row_dataset;
  char       why[512], rest[WF_DIGEST_SIZE];
  int        index;
  uint64_t   kept[2];

  PetscFunctionBeginUser;
  other.shape[1] = COLUMNS + 1;
  PetscCall(write_half(kept, rest));
  PetscCall(wf_file_resume(PETSC_COMM_WORLD, in_folder("bits.h5"), "anchors", &file, why, sizeof why));
  WF_CHECK(file == NULL && strstr(why, "no file of this kind"), "%s", why);
  PetscCall(wf_file_resume(PETSC_COMM_WORLD, in_folder("bytes.h5"), "ensemble", &file, why, sizeof why));
  WF_CHECK(file == NULL && strstr(why, "no such file"), "%s", why);
  PetscCall(write_half(kept, rest));
  PetscCall(wf_file_resume(PETSC_COMM_WORLD, in_folder("bits.h5"), "ensemble", &file, why, sizeof why));
  WF_CHECK(file != NULL, "%s", why);
  PetscCall(wf_file_declare(file, &other, &index));
  WF_CHECK(index == -1);
  PetscCall(wf_file_discard(&file));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_rows(void)
{
  char     once[WF_DIGEST_SIZE], bits[WF_DIGEST_SIZE], rest[WF_DIGEST_SIZE];
  uint64_t kept[2];
  wf_file *file;
  int      index, same;

  PetscFunctionBeginUser;
  PetscCall(write_at_once(once));
  PetscCall(write_half(kept, rest));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(take_up(&file, &index, kept, rest, &same));
  WF_CHECK(same);
  put_rows(file, index, ROWS / 2, ROWS, kept);
  PetscCall(wf_file_rows_end(file, kept));
  PetscCall(wf_file_publish(&file, bits));
  WF_CHECK(strcmp(once, bits) == 0, "%s at once, %s bit by bit", once, bits);
  PetscCall(wf_file_open(PETSC_COMM_WORLD, in_folder("bits.h5"), "ensemble", true, &file, rest, sizeof rest));
  WF_CHECK(file != NULL);
  PetscCall(wf_file_close(&file));
  PetscCall(write_half(kept, rest));
  damage_rows(in_folder("bits.h5.part"));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(take_up(&file, &index, kept, rest, &same));
  WF_CHECK(!same);
  put_rows(file, index, ROWS / 2, ROWS, kept); /* a digest of rows that the file has not: noticed when it is read */
  PetscCall(wf_file_rows_end(file, kept));
  PetscCall(wf_file_publish(&file, bits));
  WF_CHECK(strcmp(once, bits) == 0);
  PetscCall(expect_refusal(in_folder("bits.h5"), NULL, "damaged"));
  PetscCall(check_row_mistakes());
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  snprintf(folder, sizeof folder, "/tmp/wf_t200_XXXXXX");
  if (rank == 0 && !mkdtemp(folder)) return 99;
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(check_round_trip());
  PetscCall(check_damage());
  PetscCall(check_failures());
  PetscCall(check_rows());
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0 && system(command)) return 99;
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
