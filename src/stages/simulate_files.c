/* Product and checkpoints of the stage simulate. The product's file gets its whole layout before the first trajectory; a checkpoint
   holds which trajectories of each block are done, the digests of their rows, and the statistics so far. All collective. */
#include <inttypes.h>
#include <string.h>
#include <weightflow/base.h>
#include "stages/simulate_impl.h"

static const char *name_system(const wf_simulation *s) { return s->model.name; }

/* --- the product's layout --- */

static PetscErrorCode declare(wf_simulation *s, const wf_dataset *dataset, int *index)
{
  PetscFunctionBeginUser;
  if (s->file) PetscCall(wf_file_declare(s->file, dataset, index));
  if (s->file && *index < 0) PetscCall(wf_file_discard(&s->file)); /* not the file we mean; only a resumed one */
  PetscFunctionReturn(0);
}

static PetscErrorCode declare_samples(wf_simulation *s)
{
  const int64_t    n_time = s->output.last_only ? 1 : s->model.n_time;
  const wf_dataset counts = {.name        = "/counts",
                             .type        = WF_TYPE_INT32,
                             .rank        = 3,
                             .shape       = {s->n_traj, n_time, s->model.n_counts},
                             .description = "counts of each trajectory, just before the first event after each time",
                             .unit        = "molecules",
                             .axes        = "trajectory,time,species"};
  const wf_dataset values = {.name        = "/values",
                             .type        = WF_TYPE_DOUBLE,
                             .rank        = 3,
                             .shape       = {s->n_traj, n_time, s->model.n_values},
                             .description = "recorded variables that are not whole numbers, at the same moments",
                             .unit        = "",
                             .axes        = "trajectory,time,value"};

  PetscFunctionBeginUser;
  if (s->output.samples && s->model.n_counts > 0) PetscCall(declare(s, &counts, &s->at.counts));
  if (s->output.samples && s->model.n_values > 0) PetscCall(declare(s, &values, &s->at.values));
  PetscFunctionReturn(0);
}

static PetscErrorCode declare_jumps(wf_simulation *s)
{
  wf_dataset d = {
      .name = "/events/offset", .type = WF_TYPE_INT64, .rank = 1, .shape = {s->n_traj + 1}, .unit = "", .axes = "trajectory"};

  PetscFunctionBeginUser;
  if (!s->output.jumps) PetscFunctionReturn(0);
  d.description = "row of each trajectory's first event in the other datasets; the last entry: how many there are";
  PetscCall(declare(s, &d, &s->at.offset));
  d = (wf_dataset){
      .name = "/events/time", .type = WF_TYPE_DOUBLE, .rank = 1, .shape = {s->n_jumps}, .unit = "time", .axes = "event"};
  d.description = "times of the events";
  PetscCall(declare(s, &d, &s->at.time));
  d = (wf_dataset){.name = "/events/jump", .type = WF_TYPE_INT32, .rank = 1, .shape = {s->n_jumps}, .unit = "", .axes = "event"};
  d.description = "which reaction fired, or the number of reactions + which event of the model was executed; from 0";
  PetscCall(declare(s, &d, &s->at.jump));
  d = (wf_dataset){.name = "/events/counts", .type = WF_TYPE_INT32, .rank = 2, .unit = "molecules", .axes = "event,species"};
  d.shape[0]    = s->n_jumps;
  d.shape[1]    = s->model.n_counts;
  d.description = "counts after the event";
  if (s->model.n_counts > 0) PetscCall(declare(s, &d, &s->at.state));
  PetscFunctionReturn(0);
}

static PetscErrorCode write_jump_names(wf_simulation *s)
{
  enum { NAME_SIZE = 128 };
  const int    n = s->model.n_jumps;
  char        *text;
  const char **names;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)n * NAME_SIZE + 1, &text, n + 1, &names));
  for (int i = 0; i < n; i++) {
    names[i] = text + (size_t)i * NAME_SIZE;
    wf_simulator_jump_name(s->model.simulator, i, text + (size_t)i * NAME_SIZE, NAME_SIZE);
  }
  if (n > 0) PetscCall(wf_file_write_names(s->file, "/names/jumps", n, names));
  PetscCall(PetscFree2(text, names));
  PetscFunctionReturn(0);
}

/* Names of the columns and times: small, and written at once. */
static PetscErrorCode write_labels(wf_simulation *s)
{
  const int        n_time   = s->output.last_only ? 1 : s->model.n_time;
  const wf_dataset times    = {.name        = "/times",
                               .type        = WF_TYPE_DOUBLE,
                               .rank        = 1,
                               .shape       = {n_time},
                               .description = "sampled times",
                               .unit        = "time",
                               .axes        = "time"};
  const int        n_counts = s->model.n_counts, n_values = s->model.n_values;
  const char     **names;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n_counts + n_values + 1, &names));
  PetscCall(wf_file_write(s->file, &times, s->model.times + s->model.n_time - n_time));
  for (int i = 0; i < n_counts; i++) names[i] = wf_simulator_count_name(s->model.simulator, i);
  PetscCall(wf_file_write_names(s->file, "/names/species", n_counts, names));
  for (int i = 0; i < n_values; i++) names[i] = wf_simulator_value_name(s->model.simulator, i);
  if (n_values > 0) PetscCall(wf_file_write_names(s->file, "/names/values", n_values, names));
  if (s->output.jumps) PetscCall(write_jump_names(s));
  PetscCall(wf_file_write_attribute_text(s->file, "/", "system", name_system(s)));
  PetscCall(wf_file_write_attribute_text(s->file, "/", "rate", wf_run_params(s->run)->simulate.rate));
  PetscCall(wf_file_write_attribute_text(s->file, "/", "algorithm", wf_run_params(s->run)->simulate.algorithm));
  PetscCall(wf_file_write_attribute_int(s->file, "/", "trajectories", s->n_traj));
  PetscCall(PetscFree(names));
  PetscFunctionReturn(0);
}

static PetscErrorCode declare_all(wf_simulation *s)
{
  PetscFunctionBeginUser;
  for (int i = 0; i < (int)(sizeof(s->at) / sizeof(int)); i++) ((int *)&s->at)[i] = -1;
  PetscCall(declare_samples(s));
  PetscCall(declare_jumps(s));
  if (s->file) PetscCall(wf_simulation_declare_statistics(s));
  PetscFunctionReturn(0);
}

/* The .part of the run before, if it is the one that the checkpoint speaks of; else why [size] says what is wrong with it. */
static PetscErrorCode take_up_part(wf_simulation *s, char *why, size_t size)
{
  char digest[WF_DIGEST_SIZE];

  PetscFunctionBeginUser;
  PetscCall(wf_run_product_resume(s->run, "ensemble", &s->file, why, size));
  if (!s->file) PetscFunctionReturn(0);
  PetscCall(declare_all(s));
  if (s->file) PetscCall(wf_file_rows_begin(s->file, digest));
  if (s->file && strcmp(digest, s->rest_digest) != 0) PetscCall(wf_file_discard(&s->file));
  if (!s->file) snprintf(why, size, "simulate/ensemble.h5.part: its contents are not what was written, or not for this ensemble");
  PetscFunctionReturn(0);
}

static PetscErrorCode make_part(wf_simulation *s)
{
  PetscFunctionBeginUser;
  PetscCall(wf_run_product_create(s->run, "ensemble", &s->file));
  PetscCall(write_labels(s));
  PetscCall(declare_all(s));
  PetscCall(wf_file_rows_begin(s->file, s->rest_digest));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_simulation_open_product(wf_simulation *s, bool resumed)
{
  char    why[4096 + 512] = "";
  int64_t lost            = 0;

  PetscFunctionBeginUser;
  if (resumed && s->rest_digest[0]) {
    PetscCall(take_up_part(s, why, sizeof(why)));
    if (s->output.samples || s->output.jumps) lost = wf_simulation_verify_rows(s);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &lost, 1, MPI_INT64_T, MPI_SUM, wf_run_comm(s->run)));
  if (lost > 0)
    PetscCall(wf_run_log(s->run, "simulate: %" PRId64 " trajectories are simulated again: %s", lost,
                         why[0] ? why : "simulate/ensemble.h5.part: damaged (rows do not match their digests)"));
  if (!s->file) PetscCall(make_part(s));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_simulation_finish_product(wf_simulation *s, int64_t n_events)
{
  uint64_t digest[2] = {0, 0};

  PetscFunctionBeginUser;
  for (int64_t b = 0; b < s->n_local_blocks; b++)
    for (int i = 0; i < 2; i++) digest[i] += s->digest[2 * b + i];
  if (s->statistics) PetscCall(wf_simulation_gather_statistics(s));
  if (s->statistics) PetscCall(wf_simulation_put_statistics(s, digest));
  if (s->output.jumps && wf_run_rank(s->run) == 0) wf_file_rows_put(s->file, s->at.offset, s->n_traj, 1, &s->n_jumps, digest);
  PetscCall(wf_file_rows_end(s->file, digest));
  PetscCall(wf_file_write_attribute_int(s->file, "/", "events", n_events));
  PetscCall(wf_run_stage_end(s->run, &s->file));
  PetscFunctionReturn(0);
}

/* --- checkpoints --- */

/* The block arrays, each [n_blocks, width]. */
typedef struct {
  wf_dataset dataset;
  int64_t   *data;
} block_array;
enum { MAX_ARRAYS = 6 };

static int list_arrays(const wf_simulation *s, block_array list[MAX_ARRAYS])
{
  const struct {
    const char *name, *description;
    int64_t    *data;
    int64_t     width;
  } arrays[MAX_ARRAYS] = {{"/blocks/done", "trajectories of each block that are done: always the first ones", s->done, 1},
                          {"/blocks/events", "their events", s->events, 1},
                          {"/blocks/written", "those of them whose rows are in the product's .part", s->written, 1},
                          {"/blocks/digest", "digest of these rows", (int64_t *)s->digest, 2},
                          {"/blocks/counted", "trajectories of each block whose events are counted", s->counted, 1},
                          {"/blocks/jumps", "events counted", s->jumps, 1}};
  const int n          = s->output.jumps ? 6 : 4;
  for (int i = 0; i < n; i++)
    list[i] = (block_array){{.name        = arrays[i].name,
                             .type        = WF_TYPE_INT64,
                             .rank        = 2,
                             .shape       = {s->n_blocks, arrays[i].width},
                             .description = arrays[i].description,
                             .unit        = "",
                             .axes        = "block,number"},
                            arrays[i].data};
  return n;
}

static wf_dataset describe_state(const char *name, wf_type type, int64_t n)
{
  return (wf_dataset){
      .name = name, .type = type, .rank = 1, .shape = {n}, .description = "state of the statistics", .axes = "number"};
}

static PetscErrorCode write_statistics_state(wf_simulation *s, wf_file *file)
{
  int64_t  n_words, n;
  int64_t *words   = wf_statistics_words(s->statistics, &n_words);
  double  *minimum = wf_statistics_minimum(s->statistics, &n), *maximum = wf_statistics_maximum(s->statistics, &n);

  PetscFunctionBeginUser;
  const wf_dataset w = describe_state("/statistics/words", WF_TYPE_INT64, n_words);
  const wf_dataset a = describe_state("/statistics/minimum", WF_TYPE_DOUBLE, n),
                   b = describe_state("/statistics/maximum", WF_TYPE_DOUBLE, n);
  const bool first   = wf_run_rank(s->run) == 0;
  PetscCall(wf_file_write_rows(file, &w, 0, first ? n_words : 0, words));
  PetscCall(wf_file_write_rows(file, &a, 0, first ? n : 0, minimum));
  PetscCall(wf_file_write_rows(file, &b, 0, first ? n : 0, maximum));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_simulation_write_checkpoint(wf_simulation *s, int64_t step)
{
  block_array list[MAX_ARRAYS];
  const int   n = list_arrays(s, list);
  wf_file    *file;

  PetscFunctionBeginUser;
  if (s->file) PetscCall(wf_file_rows_sync(s->file));
  if (s->statistics) PetscCall(wf_simulation_gather_statistics(s));
  PetscCall(wf_run_checkpoint_create(s->run, step, &file));
  for (int i = 0; i < n; i++)
    PetscCall(wf_file_write_rows(file, &list[i].dataset, s->first_block, s->n_local_blocks, list[i].data));
  if (s->statistics) PetscCall(write_statistics_state(s, file));
  PetscCall(wf_file_write_attribute_text(file, "/blocks", "product", s->rest_digest));
  PetscCall(wf_run_checkpoint_publish(s->run, &file));
  PetscFunctionReturn(0);
}

/* Rank 0 takes the sums; the extrema, and so the bins' widths, are everybody's. */
static PetscErrorCode read_statistics_state(wf_simulation *s, wf_file *file)
{
  int64_t    n_words, n;
  int64_t   *words   = wf_statistics_words(s->statistics, &n_words);
  double    *minimum = wf_statistics_minimum(s->statistics, &n), *maximum = wf_statistics_maximum(s->statistics, &n);
  const bool first = wf_run_rank(s->run) == 0;

  PetscFunctionBeginUser;
  PetscCall(wf_file_read(file, "/statistics/minimum", WF_TYPE_DOUBLE, minimum));
  PetscCall(wf_file_read(file, "/statistics/maximum", WF_TYPE_DOUBLE, maximum));
  wf_statistics_settle(s->statistics); /* empty as it is, it takes the bins' widths of the sums to come */
  PetscCall(wf_file_read_rows(file, "/statistics/words", WF_TYPE_INT64, 0, first ? n_words : 0, words));
  PetscFunctionReturn(0);
}

/* Is it of this ensemble? "" or what differs. A checkpoint of an older version of the program has no blocks at all. */
static PetscErrorCode judge_checkpoint(wf_simulation *s, wf_file *file, char *why, size_t size)
{
  block_array list[MAX_ARRAYS];
  const int   n = list_arrays(s, list);
  int64_t     shape[WF_MAX_RANK], n_words;
  int         rank;
  bool        has, found;

  PetscFunctionBeginUser;
  for (int i = 0; i < n && !why[0]; i++) {
    PetscCall(wf_file_has(file, list[i].dataset.name, &has));
    if (has) PetscCall(wf_file_shape(file, list[i].dataset.name, &rank, shape, NULL));
    if (!has || rank != 2 || shape[0] != s->n_blocks) snprintf(why, size, "it is of another version of the program");
  }
  if (s->statistics && !why[0]) {
    wf_statistics_words(s->statistics, &n_words);
    PetscCall(wf_file_has(file, "/statistics/words", &has));
    if (has) PetscCall(wf_file_shape(file, "/statistics/words", &rank, shape, NULL));
    if (!has || shape[0] != n_words) snprintf(why, size, "its statistics are of another version of the program");
  }
  PetscCall(wf_file_read_attribute_text(file, "/blocks", "product", s->rest_digest, sizeof(s->rest_digest), &found));
  if (!found) s->rest_digest[0] = '\0';
  PetscFunctionReturn(0);
}

PetscErrorCode wf_simulation_read_checkpoint(wf_simulation *s, bool *resumed)
{
  block_array list[MAX_ARRAYS];
  const int   n        = list_arrays(s, list);
  char        why[128] = "";
  wf_file    *file;
  int64_t     step;

  PetscFunctionBeginUser;
  *resumed = false;
  PetscCall(wf_run_checkpoint_open(s->run, &file, &step));
  if (!file) PetscFunctionReturn(0);
  PetscCall(judge_checkpoint(s, file, why, sizeof(why)));
  if (why[0]) {
    PetscCall(wf_run_log(s->run, "simulate: checkpoint not used, beginning anew: %s", why));
    PetscCall(wf_file_close(&file));
    PetscFunctionReturn(0);
  }
  for (int i = 0; i < n; i++)
    PetscCall(wf_file_read_rows(file, list[i].dataset.name, WF_TYPE_INT64, s->first_block, s->n_local_blocks, list[i].data));
  if (s->statistics) PetscCall(read_statistics_state(s, file));
  PetscCall(wf_file_close(&file));
  for (int64_t b = 0; b < s->n_local_blocks; b++) {
    bool whole = s->written[b] == s->done[b]; /* half of what was lost is written again: all of it anew */
    if (!whole) s->written[b] = 0, s->digest[2 * b] = s->digest[2 * b + 1] = 0;
    s->put[b] = whole ? s->events[b] : 0;
  }
  *resumed = true;
  PetscFunctionReturn(0);
}
