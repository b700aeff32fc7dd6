/* One rank's work on an ensemble: batches of trajectories into the statistics and, row by row, into the file. Nothing here is
   collective, and nothing that comes out depends on how trajectories are cut into batches. */
#include <string.h>
#include <weightflow/base.h>
#include "stages/simulate_impl.h"

/* Rows of a batch are written by the simulator, read by statistics and digests, and copied to the file: all from a near cache. */
enum { MAX_BATCH = 1 << 16, MAX_KNOWN = 1 << 22, CACHED_BYTES = 1 << 20 };
static const double SHORT_BATCH = 0.004; /* s; a batch is made larger until it takes so long, so that ranks find together soon */

static int64_t sample_row_bytes(const wf_simulation *s)
{
  return (int64_t)s->model.n_time * (s->model.n_counts * (int64_t)sizeof(int32_t) + s->model.n_values * (int64_t)sizeof(double));
}

bool wf_simulation_make_buffers(wf_simulation *s)
{
  const size_t n_time = (size_t)s->model.n_time;
  int64_t      row = sample_row_bytes(s), least = wf_simulator_batch_size(s->model.simulator);
  s->capacity = WF_SAMPLE_BUFFER / (row > 64 ? row : 64);
  if (s->capacity < 1) s->capacity = 1;
  if (least * row <= 4 * (int64_t)WF_SAMPLE_BUFFER && s->capacity < least) s->capacity = least;
  int64_t cached = CACHED_BYTES / (row > 64 ? row : 64); /* more than that only for full speed of the simulator */
  if (cached < least) cached = least;
  if (s->capacity > cached) s->capacity = cached;
  if (s->capacity > MAX_BATCH) s->capacity = MAX_BATCH;
  if (s->capacity > s->block_size) s->capacity -= s->capacity % s->block_size;
  s->batch        = least < s->capacity ? least : s->capacity;
  s->counts       = wf_calloc((size_t)s->capacity * n_time, (size_t)s->model.n_counts * sizeof *s->counts);
  s->values       = wf_calloc((size_t)s->capacity * n_time, (size_t)s->model.n_values * sizeof *s->values);
  s->batch_events = wf_calloc((size_t)s->capacity, sizeof *s->batch_events);
  s->offsets      = wf_calloc((size_t)s->capacity + 1, sizeof *s->offsets);
  if (s->output.jumps && s->n_local <= MAX_KNOWN) {
    s->known = wf_calloc((size_t)s->n_local, sizeof *s->known);
    for (int64_t i = 0; s->known && i < s->n_local; i++) s->known[i] = -1;
  }
  return s->counts && s->values && s->batch_events && s->offsets;
}

void wf_simulation_free_buffers(wf_simulation *s)
{
  wf_free(s->counts);
  wf_free(s->values);
  wf_free(s->batch_events);
  wf_free(s->offsets);
  wf_free(s->jump_time);
  wf_free(s->jump_kind);
  wf_free(s->jump_state);
  wf_free(s->known);
}

static bool simulate(wf_simulation *s, const wf_ssa_batch *batch)
{
  const double start = MPI_Wtime();
  s->failed          = !wf_simulator_run(s->model.simulator, batch, &s->failure);
  double seconds     = MPI_Wtime() - start;
  if (seconds < SHORT_BATCH && batch->n_traj == s->batch) s->batch = 2 * s->batch < s->capacity ? 2 * s->batch : s->capacity;
  return !s->failed;
}

/* Trajectories from this block on that are to be done alike: a rest of the block, or it and blocks that nobody began. */
static int64_t measure_batch(const wf_simulation *s, const int64_t *progress, int64_t block, int64_t most)
{
  int64_t n = wf_block_rows(s, block) - progress[block];
  for (int64_t b = block + 1; b < s->n_local_blocks && n < most && progress[b] == 0 && (progress != s->written || s->done[b] == 0);
       b++)
    n += wf_block_rows(s, b);
  return n < most ? n : most;
}

/* The part of a batch that lies in one block: calls for each [first, first + n) of the batch. */
typedef struct {
  int64_t block, first, n;
} piece;

static bool next_piece(const wf_simulation *s, int64_t begin, int64_t n, piece *p)
{
  int64_t at = p->first + p->n;
  if (at >= n) return false;
  p->block      = (begin + at) / s->block_size - s->first_block;
  int64_t after = wf_rows_before(s, s->first_block + p->block + 1) - begin;
  p->first      = at;
  p->n          = (after < n ? after : n) - at;
  return true;
}

/* --- the pass that counts jumps --- */

bool wf_simulation_count_batch(wf_simulation *s)
{
  while (s->cursor < s->n_local_blocks && s->counted[s->cursor] == wf_block_rows(s, s->cursor)) s->cursor++;
  if (s->cursor == s->n_local_blocks || s->failed) return false;
  int64_t begin = wf_rows_before(s, s->first_block + s->cursor) + s->counted[s->cursor];
  int64_t n     = measure_batch(s, s->counted, s->cursor, s->batch);
  if (!simulate(s, &(wf_ssa_batch){.first = (uint64_t)begin, .n_traj = (int)n, .n_events = s->batch_events})) return false;
  for (piece p = {0}; next_piece(s, begin, n, &p);) {
    for (int64_t i = p.first; i < p.first + p.n; i++) {
      s->jumps[p.block] += s->batch_events[i];
      s->n_new_events += s->batch_events[i];
      if (s->known) s->known[begin + i - s->first_traj] = s->batch_events[i] <= INT32_MAX ? (int32_t)s->batch_events[i] : -1;
    }
    s->counted[p.block] += p.n;
  }
  return true;
}

/* --- the pass that does the rest --- */

/* Jumps of the next trajectories into offsets; shortens the batch to what the buffer holds. */
static bool plan_jumps(wf_simulation *s, int64_t begin, int64_t *n)
{
  const int64_t row = 12 + 4 * (int64_t)s->model.n_counts, most = WF_JUMP_BUFFER / row;
  bool          known = s->known != NULL;
  for (int64_t i = 0; i < *n && known; i++) {
    s->batch_events[i] = s->known[begin + i - s->first_traj];
    known              = s->batch_events[i] >= 0;
  }
  if (!known && !simulate(s, &(wf_ssa_batch){.first = (uint64_t)begin, .n_traj = (int)*n, .n_events = s->batch_events}))
    return false;
  s->offsets[0] = 0;
  for (int64_t i = 0; i < *n; i++) {
    s->offsets[i + 1] = s->offsets[i] + s->batch_events[i];
    if (i > 0 && s->offsets[i + 1] > most) *n = i;
  }
  if (s->offsets[*n] <= s->jump_room) return true;
  wf_free(s->jump_time);
  wf_free(s->jump_kind);
  wf_free(s->jump_state);
  s->jump_room  = s->offsets[*n] > most ? s->offsets[*n] : most;
  s->jump_time  = wf_calloc((size_t)s->jump_room, sizeof *s->jump_time);
  s->jump_kind  = wf_calloc((size_t)s->jump_room, sizeof *s->jump_kind);
  s->jump_state = wf_calloc((size_t)s->jump_room, (size_t)s->model.n_counts * sizeof *s->jump_state);
  if (s->jump_time && s->jump_kind && s->jump_state) return true;
  s->failed = true;
  s->failure =
      (wf_ssa_failure){.status = WF_SSA_NO_PROGRESS, .trajectory = (uint64_t)begin, .what = "memory is short for its jumps"};
  return false;
}

/* Only the last time is kept: move it to the front. */
static void keep_last(const wf_simulation *s, int64_t n)
{
  const size_t n_time = (size_t)s->model.n_time, n_counts = (size_t)s->model.n_counts, n_values = (size_t)s->model.n_values;
  for (size_t i = 0; i < (size_t)n; i++) {
    memmove(s->counts + i * n_counts, s->counts + (i * n_time + n_time - 1) * n_counts, n_counts * sizeof *s->counts);
    memmove(s->values + i * n_values, s->values + (i * n_time + n_time - 1) * n_values, n_values * sizeof *s->values);
  }
}

/* The batch's rows in one piece, which a file system takes twice as fast as block by block; the digests are the blocks'. */
static void put_rows(wf_simulation *s, int index, int64_t begin, int64_t n, const char *rows, size_t row_bytes)
{
  if (index < 0) return;
  for (piece p = {0}; next_piece(s, begin, n, &p);)
    wf_file_rows_digest(s->file, index, begin + p.first, p.n, rows + (size_t)p.first * row_bytes, s->digest + 2 * p.block);
  wf_file_rows_put(s->file, index, begin, n, rows, NULL);
}

static void put_samples(wf_simulation *s, int64_t begin, int64_t n)
{
  const size_t n_time = s->output.last_only ? 1 : (size_t)s->model.n_time;
  put_rows(s, s->at.counts, begin, n, (const char *)s->counts, n_time * (size_t)s->model.n_counts * sizeof *s->counts);
  put_rows(s, s->at.values, begin, n, (const char *)s->values, n_time * (size_t)s->model.n_values * sizeof *s->values);
}

static void put_jumps(wf_simulation *s, int64_t begin, const piece *p)
{
  uint64_t     *digest = s->digest + 2 * p->block;
  const int64_t place = s->base[p->block] + s->put[p->block], from = s->offsets[p->first], n = s->offsets[p->first + p->n] - from;
  wf_file_rows_put(s->file, s->at.time, place, n, s->jump_time + from, digest);
  wf_file_rows_put(s->file, s->at.jump, place, n, s->jump_kind + from, digest);
  if (s->at.state >= 0) wf_file_rows_put(s->file, s->at.state, place, n, s->jump_state + from * s->model.n_counts, digest);
  for (int64_t i = p->first; i < p->first + p->n; i++) s->batch_events[i] = place + s->offsets[i] - from; /* no longer needed */
  wf_file_rows_put(s->file, s->at.offset, begin + p->first, p->n, s->batch_events + p->first, digest);
  s->put[p->block] += n;
}

/* Where the next batch begins and how long it is; *again: its rows were lost, all else is done. */
static bool find_work(wf_simulation *s, int64_t *begin, int64_t *n, bool *again)
{
  while (s->cursor < s->n_local_blocks && s->written[s->cursor] == wf_block_rows(s, s->cursor)) s->cursor++;
  if (s->cursor == s->n_local_blocks || s->failed) return false;
  int64_t block = s->cursor, lost = s->done[block] - s->written[block];
  *begin = wf_rows_before(s, s->first_block + block) + s->written[block];
  *again = lost > 0;
  *n     = *again ? (lost < s->batch ? lost : s->batch) : measure_batch(s, s->written, block, s->batch);
  return true;
}

bool wf_simulation_run_batch(wf_simulation *s)
{
  int64_t begin, n;
  bool    again;
  if (!find_work(s, &begin, &n, &again)) return false;
  if (s->output.jumps && !plan_jumps(s, begin, &n)) return false;
  wf_ssa_log log = {.offset = s->offsets, .time = s->jump_time, .jump = s->jump_kind, .counts = s->jump_state};
  if (!simulate(s, &(wf_ssa_batch){.first    = (uint64_t)begin,
                                   .n_traj   = (int)n,
                                   .counts   = s->model.n_counts ? s->counts : NULL,
                                   .values   = s->model.n_values ? s->values : NULL,
                                   .n_events = s->batch_events,
                                   .log      = s->output.jumps ? &log : NULL}))
    return false;
  wf_run_phase(s->run, "statistics");
  if (s->statistics && !again) wf_statistics_add(s->statistics, n, s->counts, s->values);
  wf_run_phase(s->run, "write");
  if (s->output.last_only) keep_last(s, n);
  if (s->output.samples) put_samples(s, begin, n);
  for (piece p = {0}; next_piece(s, begin, n, &p);) {
    for (int64_t i = p.first; i < p.first + p.n; i++) {
      if (!again) s->events[p.block] += s->batch_events[i];
      s->n_new_events += s->batch_events[i];
    }
    if (s->output.jumps) put_jumps(s, begin, &p);
    s->written[p.block] += p.n;
    if (!again) s->done[p.block] += p.n;
  }
  wf_run_phase(s->run, "simulate");
  return true;
}

/* --- rows of a run before --- */

static bool verify_dataset(wf_simulation *s, int index, int64_t first, int64_t n, int64_t row_bytes, char *scratch,
                           uint64_t digest[2])
{
  int64_t step = WF_SAMPLE_BUFFER / (row_bytes ? row_bytes : 1);
  if (index < 0) return true;
  if (step < 1) step = 1;
  for (int64_t i = 0; i < n; i += step)
    if (!wf_file_rows_get(s->file, index, first + i, n - i < step ? n - i : step, scratch, digest)) return false;
  return true;
}

static bool verify_block(wf_simulation *s, int64_t block, char *scratch)
{
  const int64_t first = wf_rows_before(s, s->first_block + block), n = s->written[block],
                times = s->output.last_only ? 1 : s->model.n_time;
  const int64_t base = s->base[block], n_jumps = s->put[block];
  uint64_t      digest[2] = {0, 0};
  return verify_dataset(s, s->at.counts, first, n, times * s->model.n_counts * 4, scratch, digest) &&
         verify_dataset(s, s->at.values, first, n, times * s->model.n_values * 8, scratch, digest) &&
         verify_dataset(s, s->at.offset, first, n, 8, scratch, digest) &&
         verify_dataset(s, s->at.time, base, n_jumps, 8, scratch, digest) &&
         verify_dataset(s, s->at.jump, base, n_jumps, 4, scratch, digest) &&
         verify_dataset(s, s->at.state, base, n_jumps, 4 * (int64_t)s->model.n_counts, scratch, digest) &&
         memcmp(digest, s->digest + 2 * block, sizeof digest) == 0;
}

int64_t wf_simulation_verify_rows(wf_simulation *s)
{
  const int64_t row     = sample_row_bytes(s);
  char         *scratch = wf_calloc(row > WF_SAMPLE_BUFFER ? (size_t)row : WF_SAMPLE_BUFFER, 1);
  int64_t       lost    = 0;
  for (int64_t b = 0; b < s->n_local_blocks; b++) {
    if (scratch && s->file && verify_block(s, b, scratch)) continue;
    lost += s->written[b];
    s->written[b] = s->put[b] = 0;
    s->digest[2 * b] = s->digest[2 * b + 1] = 0;
  }
  wf_free(scratch);
  return lost;
}
