/* Parameters: the table, every message of YAML and command line, what is written can be read back, lists against brute force. */
/* RUN: np=1,2,3 */
#include <petscsys.h>
#include <unistd.h>
#include <weightflow/params.h>
#include <weightflow/random.h>
#include "check.h"

static void write_text(const char *text, size_t length)
{
  FILE *file = fopen("t.yaml", "wb");
  WF_CHECK(file && fwrite(text, 1, length, file) == length);
  if (file) fclose(file);
}

/* What mistakes come of a YAML text and a command line, as one text for the caller to free. */
static char *read_and_complain(const char *yaml, int argc, const char *const *argv, wf_params *params, bool cross)
{
  char        *text = NULL;
  size_t       size;
  FILE        *stream   = open_memstream(&text, &size);
  wf_mistakes *mistakes = wf_mistakes_create();
  if (yaml) write_text(yaml, strlen(yaml));
  wf_params_read(params, yaml ? "t.yaml" : NULL, argc, (char **)(uintptr_t)argv, mistakes);
  if (cross) wf_params_check(params, "data", mistakes);
  wf_mistakes_print(mistakes, stream);
  fclose(stream);
  int lines = 0;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  WF_CHECK(lines == wf_mistakes_count(mistakes), "%d lines, %d mistakes", lines, wf_mistakes_count(mistakes));
  wf_mistakes_destroy(&mistakes);
  WF_CHECK(!mistakes);
  return text;
}

static void check_yaml(const char *yaml, const char *expected)
{
  wf_params params;
  char     *text = read_and_complain(yaml, 0, NULL, &params, false);
  WF_CHECK(!strcmp(text, expected), "\n--- of\n%s\n--- came\n%s--- not\n%s", yaml, text, expected);
  free(text);
}

static void check_line(const char *words, const char *expected, bool cross)
{
  enum { MAX = 16 };
  wf_params   params;
  char        copy[4096];
  const char *argv[MAX];
  int         argc = 0;
  snprintf(copy, sizeof copy, "%s", words);
  for (char *word = strtok(copy, " "); word && argc < MAX; word = strtok(NULL, " ")) argv[argc++] = word;
  char *text = read_and_complain(NULL, argc, argv, &params, cross);
  WF_CHECK(!strcmp(text, expected), "\n--- of %s\n--- came\n%s--- not\n%s", words, text, expected);
  free(text);
}

static void check_table(void)
{
  int                 n_rows;
  wf_params           p;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  for (int i = 0; i < n_rows; i++) {
    WF_CHECK(!strchr(rows[i].group, '_') && *rows[i].help, "%s.%s", rows[i].group, rows[i].name);
    for (int j = 0; j < i; j++) {
      char a[96], b[96];
      snprintf(a, sizeof a, "%s_%s", rows[i].group, rows[i].name);
      snprintf(b, sizeof b, "%s_%s", rows[j].group, rows[j].name);
      WF_CHECK(strcmp(a, b) && strcmp(rows[i].name, b) && strcmp(a, rows[j].name), "%s twice", a);
    }
  }
  wf_params_set_defaults(&p);
  WF_CHECK(!strcmp(p.run.out, "outputs/run") && p.run.seed == 1 && !p.run.dry_run && p.train.time_channel && p.report.figures);
  WF_CHECK(p.train.learning_rate == 1e-3 && p.train.energy_weight == 1e-6 && p.predict.exact_limit == 2000000 && !*p.data.file);
  WF_CHECK(!strcmp(p.data.observed, "0:100:10") && !strcmp(p.simulate.rate, "exact") && p.simulate.t_end == 50);
  WF_CHECK(wf_params_choice("simulate", "rate", "frozen") == 1 && wf_params_choice("pretrain", "aligning", "none") == 2);
}

static void check_yaml_messages(void)
{
  check_yaml("", "");
  check_yaml("# nothing\n", "");
  check_yaml("---\n...\n", "");
  check_yaml("train:\n", "");
  check_yaml("train: {iterations: 1e4, horizon: \"7\"}\n", "");
  check_yaml("tran:\n  iterations: 1\n", "t.yaml:1: tran: unknown group, did you mean train?\n");
  check_yaml("xyzzy: 1\n", "t.yaml:1: xyzzy: unknown group: `weightflow params` lists them\n");
  check_yaml("seed: 1\n", "t.yaml:1: seed: belongs into a group: write run: {seed: value}\n");
  check_yaml("\ntrain:\n  itertions: 1\n", "t.yaml:3: train.itertions: unknown parameter, did you mean train.iterations?\n");
  check_yaml("train:\n  trajectories: 1\n",
             "t.yaml:2: train.trajectories: unknown parameter, did you mean simulate.trajectories?\n");
  check_yaml(
      "train:\n  zzzzzz: {a: [1, {b: 2}]}\n  z_dim: 0\n",
      "t.yaml:2: train.zzzzzz: unknown parameter: `weightflow params` lists them\nt.yaml:3: train.z_dim = 0: must be at least 1\n");
  check_yaml("run:\n  seed: 1\n  out: a\n  seed: 2\n", "t.yaml:4: run.seed: given twice, first in line 2\n");
  check_yaml("run:\n  seed: 1\ndata:\nrun:\n  out: a\n", "t.yaml:4: run: given twice, first in line 1\n");
  check_yaml("simulate:\n  trajectories: -4\n", "t.yaml:2: simulate.trajectories = -4: must be at least 1\n");
  check_yaml("simulate: {trajectories: 1.5}\n", "t.yaml:1: simulate.trajectories = 1.5: must be a whole number\n");
  check_yaml("simulate: {trajectories: abc}\n", "t.yaml:1: simulate.trajectories = abc: must be a whole number\n");
  check_yaml("simulate: {trajectories: 0x10}\n", "t.yaml:1: simulate.trajectories = 0x10: must be a whole number\n");
  check_yaml("simulate: {trajectories: \"\"}\n", "t.yaml:1: simulate.trajectories = : must be a whole number\n");
  check_yaml("simulate: {trajectories: 99999999999999999999}\n",
             "t.yaml:1: simulate.trajectories = 99999999999999999999: must be at most 4294967295\n");
  check_yaml("run: {seed: 9007199254740993}\n", "t.yaml:1: run.seed = 9007199254740993: must be at most 9007199254740992\n");
  check_yaml("train: {dropout: .nan}\n", "t.yaml:1: train.dropout = .nan: must be a number\n");
  check_yaml(
      "train: {dropout: nan, learning_rate: -inf, weight_decay: 1e999}\n",
      "t.yaml:1: train.dropout = nan: must be a finite number\nt.yaml:1: train.learning_rate = -inf: must be a finite number\n"
      "t.yaml:1: train.weight_decay = 1e999: must be a finite number\n");
  check_yaml("train: {dropout: 0.95}\n", "t.yaml:1: train.dropout = 0.95: must be at most 0.9\n");
  check_yaml("train: {equation: sde}\n", "t.yaml:1: train.equation = sde: must be one of cde, ode\n");
  check_yaml("train: {equation: cd}\n", "t.yaml:1: train.equation = cd: must be one of cde, ode\n");
  check_yaml("train: {time_channel: maybe}\n", "t.yaml:1: train.time_channel = maybe: must be true or false\n");
  check_yaml("train: {z_dim: }\n", "t.yaml:1: train.z_dim: has no value\n");
  check_yaml("data: {file: ~}\n", "t.yaml:1: data.file: has no value: write \"\" for an empty one\n");
  check_yaml("data: {observed: 0;5}\n",
             "t.yaml:1: data.observed = 0;5: 0;5 is not an index: write all, first:last:stride, or a list such as 0,5,9\n");
  check_yaml("data: {observed: [0, 5, 5]}\n", "t.yaml:1: data.observed = 0,5,5: 5: indices must increase\n");
  check_yaml("train: {z_dim: [1]}\n", "t.yaml:1: train.z_dim: takes one value, not a list\n");
  check_yaml("data: {observed: [0, [1]]}\n", "t.yaml:1: data.observed: nested too deep: list plain values\n");
  check_yaml("train: {z_dim: {a: 1}}\n", "t.yaml:1: train.z_dim: nested too deep: write train: {z_dim: value}\n");
  check_yaml("train: 5\n", "t.yaml:1: train: is a group: write names and values under it\n");
  check_yaml("- a\n", "t.yaml:1: holds no parameters: write groups such as train: {iterations: 100}\n");
  check_yaml("run: {out: &x a}\ndata: {file: *x}\n", "t.yaml:2: data.file: aliases are not known here\n");
  check_yaml("run: {seed: 1}\n---\nrun: {seed: 2}\n", "t.yaml:2: holds a second document: write all groups in one\n");
  check_yaml("run: {out: \"a\\nb\"}\n", "t.yaml:1: run.out = a?b: must be one line of UTF-8 text without control characters\n");
  check_yaml("run: {out: \"a\\0b\"}\n", "t.yaml:1: run.out = a: must be one line of UTF-8 text without control characters\n");
  check_yaml("train:\n  z_dim: 0\n bad\n",
             "t.yaml:2: train.z_dim = 0: must be at least 1\n"
             "t.yaml:3:2: not valid YAML: did not find expected key, while parsing a block mapping\n");
}

static void check_files(void)
{
  wf_params    params;
  char         text[2600] = "run: {out: ", *lines = NULL;
  size_t       size;
  FILE        *stream   = open_memstream(&lines, &size);
  wf_mistakes *mistakes = wf_mistakes_create();
  size_t       used     = strlen(text);
  memset(text + used, 'x', 1024);
  snprintf(text + used + 1024, sizeof text - used - 1024, "}\n");
  write_text(text, strlen(text));
  wf_params_read(&params, "t.yaml", 0, NULL, mistakes);
  text[used + 1023] = '}', text[used + 1024] = 0;
  write_text(text, strlen(text));
  wf_params_read(&params, "t.yaml", 0, NULL, mistakes);
  WF_CHECK(strlen(params.run.out) == 1023);
  wf_params_read(&params, "missing.yaml", 0, NULL, mistakes);
  wf_params_read(&params, ".", 0, NULL, mistakes);
  write_text("run: {out: \xff}\n", 14);
  wf_params_read(&params, "t.yaml", 0, NULL, mistakes);
  wf_mistakes_print(mistakes, stream);
  fclose(stream);
  WF_CHECK(wf_mistakes_count(mistakes) == 4, "%s", lines);
  WF_CHECK(strstr(lines, "xxx...: is too long: 1024 bytes, at most 1023\nmissing.yaml: cannot be read: No such file or directory\n"
                         ".: is a folder: name a YAML file\nt.yaml: byte 11: invalid leading UTF-8 octet: write UTF-8 text\n"),
           "%s", lines);
  free(lines);
  wf_mistakes_destroy(&mistakes);
}

static void check_line_messages(void)
{
  check_line("-seed 5 -run_out a/b -train_iterations 1e3 --simulate_rate frozen -log_view -tao_type lmvm -wf_ts_type rk", "", true);
  check_line("-run_dry_run -force no -train_time_channel x.yaml", "", true);
  check_line("-train_itertions 5", "command line: -train_itertions: unknown option, did you mean -train_iterations?\n", true);
  check_line("-iterations 5", "command line: -iterations: unknown option, did you mean -train_iterations?\n", true);
  check_line("-sed 5", "command line: -sed: unknown option, did you mean -seed?\n", true);
  check_line("-ots 5", "command line: -ots: unknown option, did you mean -out?\n", true);
  check_line("-quite_another_thing", "command line: -quite_another_thing: unknown option: `weightflow help run` lists them\n",
             true);
  check_line("-seed=5", "command line: -seed=5: write -seed, a space, and the value\n", true);
  check_line("-train_z_dim", "command line: -train_z_dim: needs a value\n", true);
  check_line("-train_z_dim -seed 3", "command line: -train_z_dim: needs a value\n", true);
  check_line("-simulate_trajectories -4", "command line: -simulate_trajectories -4: must be at least 1\n", true);
  check_line("-train_z_dim x -train_dropout -.5 -seed 1.5",
             "command line: -train_z_dim x: must be a whole number\ncommand line: -train_dropout -.5: must be at least 0\n"
             "command line: -seed 1.5: must be a whole number\n",
             true);
}

/* What single values cannot tell. A refused value must not draw further complaints after it. */
static void check_cross(void)
{
  check_line("-simulate_samples 51",
             "parameters: data.observed = 0:100:10: index 100 does not exist: there are 51, counted from 0 (simulate.samples)\n"
             "parameters: data.evaluated = 1:100:1: index 100 does not exist: there are 51, counted from 0 (simulate.samples)\n",
             true);
  check_line("-simulate_samples 51x -data_observed 0:200:10", "command line: -simulate_samples 51x: must be a whole number\n",
             true);
  check_line("-data_file a.npy -data_observed 0:200:10 -data_times 0:0.5", "", true);
  check_line("-data_file a.csv", "parameters: data.file = a.csv: must be a .npy or .h5 file\n", true);
  check_line("-data_file a.npy -data_times 0:-1",
             "parameters: data.times = 0:-1: write first:step with a step above 0, or a file's name\n", true);
  check_line("-data_times 0:1", "parameters: data.times = 0:1: means nothing without data.file\n", true);
  check_line("-data_observed 0", "parameters: data.observed = 0: name at least two snapshots\n", true);
  check_line("-train_path pca -train_z_dim 11",
             "parameters: train.z_dim = 11: must be below the number of observed snapshots, 11, where train.path is pca\n", true);
  check_line("-data_holdout 0.0001", "parameters: data.holdout = 0.0001: of 1000 trajectories none is held out\n", true);
  check_line("-data_holdout 0.9 -simulate_trajectories 1",
             "parameters: data.holdout = 0.9: of 1 trajectories none is left to train on\n", true);
  check_line("-simulate_t_end 0", "parameters: simulate.t_end = 0: must be above 0\n", true);
  check_line("-predict_times 0:50:0.1 -predict_tails 0,20", "", true);
  check_line("-predict_times 0,60", "parameters: predict.times = 0,60: times must lie between 0 and simulate.t_end = 50\n", true);
  check_line("-predict_times 2,1", "parameters: predict.times = 2,1: times must increase\n", true);
  check_line("-predict_tails 1.5", "parameters: predict.tails = 1.5: thresholds are whole numbers from 0\n", true);
  check_line("-pretrain_levels 1", "parameters: pretrain.levels = 1: must be 0 (from the data) or at least 2\n", true);
}

/* Values drawn at random for every parameter, set by option, written as YAML and read back. */
static void check_round_trip(int repeat)
{
  static const char *const texts[] = {"",
                                      "a b",
                                      "it's",
                                      "\"quoted\" \\ and # : {x}",
                                      "\xc3\xa9t\xc3\xa9",
                                      "true",
                                      "null",
                                      "1e5",
                                      "-1",
                                      "plain/path_1.npy",
                                      "~",
                                      "0:1",
                                      "- x",
                                      ".5",
                                      "%x",
                                      "a\xe2\x80\x93z"};
  enum { N_TEXTS = sizeof texts / sizeof texts[0], MAX = 256 };
  wf_params           set, read;
  int                 n_rows, argc = 0;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  static char         words[MAX][128];
  char               *argv[MAX];
  wf_mistakes        *mistakes = wf_mistakes_create();
  for (int i = 0; i < n_rows; i++) {
    double u     = wf_random_uniform(1, WF_RANDOM_TEST, (uint64_t)i, (uint32_t)repeat);
    char  *value = words[argc + 1];
    if (rows[i].of_command) continue; /* such are not in files */
    snprintf(words[argc], sizeof words[0], "-%s_%s", rows[i].group, rows[i].name);
    switch (rows[i].kind) {
    case WF_PARAM_KIND_INT:
      snprintf(value, 128, "%.0f", floor(rows[i].minimum + u * (rows[i].maximum - rows[i].minimum)));
      break;
    case WF_PARAM_KIND_REAL:
      snprintf(value, 128, "%.17g", rows[i].minimum + pow(u, 9) * (rows[i].maximum - rows[i].minimum));
      break;
    case WF_PARAM_KIND_BOOL:
      snprintf(value, 128, "%s", u < 0.5 ? "yes" : "0");
      break;
    case WF_PARAM_KIND_CHOICE:
      snprintf(value, 128, "%s", strrchr(rows[i].choices, '|') ? strrchr(rows[i].choices, '|') + 1 : rows[i].choices);
      break;
    case WF_PARAM_KIND_INDICES:
      snprintf(value, 128, "%d:%d:3, %d", (int)(u * 9), 10 + (int)(u * 99), 200);
      break;
    default:
      snprintf(value, 128, "%s", texts[((int)(u * 1000) + i) % N_TEXTS]);
      break;
    }
    if (!strcmp(value, "- x")) snprintf(value, 128, "x -"); /* on the command line it would be an option */
    argv[argc] = words[argc], argv[argc + 1] = value;
    argc += 2;
  }
  wf_params_read(&set, NULL, argc, argv, mistakes);
  FILE *file = fopen("t.yaml", "w");
  WF_CHECK(file != NULL);
  if (file) {
    wf_params_write_yaml(&set, file);
    fclose(file);
  }
  wf_params_read(&read, "t.yaml", 0, NULL, mistakes);
  WF_CHECK(!memcmp(&set, &read, sizeof set));
  WF_CHECK(wf_mistakes_count(mistakes) == 0);
  wf_params_read(&read, "t.yaml", 2, (char *[]){(char[]){"-seed"}, (char[]){"77"}}, mistakes);
  WF_CHECK(read.run.seed == 77 && read.train.iterations == set.train.iterations); /* the command line wins */
  wf_params_read_resumed(&read, "t.yaml", 0, NULL, mistakes);
  WF_CHECK(read.run.seed == set.run.seed && !read.run.force && read.run.stop_minutes == 0 &&
           read.train.dropout == set.train.dropout);
  if (wf_mistakes_count(mistakes)) wf_mistakes_print(mistakes, stderr);
  wf_mistakes_destroy(&mistakes);
}

static void check_lists(void)
{
  enum { N = 60 };
  int    indices[N];
  double numbers[8];
  char   text[64], why[256];
  for (int r = 0; r < 2000; r++) { /* against counting them one by one */
    double u[2], v[2];
    wf_random_uniform2(2, WF_RANDOM_TEST, (uint64_t)r, 0, u);
    wf_random_uniform2(2, WF_RANDOM_TEST, (uint64_t)r, 1, v);
    int first = (int)(u[0] * 40), last = (int)(u[1] * 50), stride = (int)(v[0] * 9), more = (int)(v[1] * 70), n = 0;
    snprintf(text, sizeof text, "%d:%d:%d,%d", first, last, stride, more);
    int top = 0, expected = 0, found = wf_indices_parse(text, N, indices, why, sizeof why);
    for (int i = first; stride > 0 && i <= last; i += stride) top = i, n++;
    expected = n && more > top && more < N ? n + 1 : -1;
    WF_CHECK(found == expected, "%s: %d, not %d", text, found, expected);
    for (int i = 0; i < found; i++) WF_CHECK(indices[i] == (i < n ? first + i * stride : more), "%s", text);
  }
  WF_CHECK(wf_indices_parse("all", 5, indices, why, sizeof why) == 5 && indices[4] == 4);
  WF_CHECK(wf_indices_parse("3:7", N, indices, why, sizeof why) == 5 && indices[4] == 7);
  static const char *const bad[] = {"",   ",",  "1,",  "1,,2",  "-1", "1.5",   "a",         "1:2:3:4",
                                    "1:", ":1", "5:4", "0:9:0", "60", "all,3", "3000000000"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    *why = 0;
    WF_CHECK(wf_indices_parse(bad[i], N, indices, why, sizeof why) == -1 && *why, "%s", bad[i]);
  }
  WF_CHECK(wf_numbers_parse("0:0.3:0.1", 8, numbers, why, sizeof why) == 4 && fabs(numbers[3] - 0.3) < 1e-15);
  WF_CHECK(wf_numbers_parse("1, -2.5,1e1", 8, numbers, why, sizeof why) == 3 && numbers[1] == -2.5 && numbers[2] == 10);
  WF_CHECK(wf_numbers_parse("0:10:1", 8, numbers, why, sizeof why) == -1);
  static const char *const bad_numbers[] = {"", "x", "1:2", "1:0:1", "1:2:0", "1:2:-1", "nan", "1,", "1:2:1e-300"};
  for (size_t i = 0; i < sizeof bad_numbers / sizeof bad_numbers[0]; i++)
    WF_CHECK(wf_numbers_parse(bad_numbers[i], 8, numbers, why, sizeof why) == -1, "%s", bad_numbers[i]);
}

static void check_words(void)
{
  char       *argv[] = {(char[]){"a.yaml"}, (char[]){"-seed"}, (char[]){"3"}, (char[]){"-force"}, (char[]){"b"},
                        (char[]){"-force"}, (char[]){"true"},  (char[]){"c"}, (char[]){"-wf_x"},  (char[]){"y"}};
  const char *words[2];
  WF_CHECK(wf_params_find_words(10, argv, 2, words) == 3 && !strcmp(words[0], "a.yaml") && !strcmp(words[1], "b"));
}

static PetscErrorCode check_broadcast(int rank)
{
  wf_params params, expected;
  PetscFunctionBeginUser;
  wf_params_set_defaults(&params);
  wf_params_set_defaults(&expected);
  expected.run.seed            = 4711;
  expected.train.energy_weight = 0.1;
  snprintf(expected.report.times, sizeof expected.report.times, "1,2");
  if (rank == 0) params = expected;
  PetscCall(wf_params_broadcast(PETSC_COMM_WORLD, &params));
  WF_CHECK(!memcmp(&params, &expected, sizeof params));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char folder[] = "/tmp/weightflow_t100_XXXXXX";
  int  rank;
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!mkdtemp(folder) || chdir(folder)) return 99;
  check_table();
  check_yaml_messages();
  check_files();
  check_line_messages();
  check_cross();
  for (int repeat = 0; repeat < 40; repeat++) check_round_trip(repeat);
  check_lists();
  check_words();
  PetscCall(check_broadcast(rank));
  unlink("t.yaml");
  rmdir(folder);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "parameters checked\n"));
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}
