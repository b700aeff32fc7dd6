/* Gillespie's direct method (Gillespie 1977, J. Phys. Chem. 81, 2340) for many trajectories of a plain network in lock-step, one a
   vector lane. A step of all lanes: sum the propensities up, draw waiting times, write the output rows that were passed, find and
   fire the reactions. A lane whose trajectory has ended takes the batch's next one at once.

   Laws with a modulation: thinning (Lewis and Shedler 1979, Nav. Res. Logist. Q. 26, 403) at their upper bound; what the lower
   bound already accepts is accepted unseen. Or frozen at the time of the last event. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/engine.h"
#include "ssa/ssa_kernels.h"

enum {
  LANES          = WF_SSA_LANES,
  STEPS_TO_CHECK = 256, /* between looks at how large the counts are */
  MAX_SHIFTS     = 12,  /* so many changes in all reactions are made by masks over all of them */
  MAX_FEW        = 4,   /* counts whose rows are written from registers */
  BATCH_SIZE     = 16 * LANES
};
static const double largest_count = 2147483647;

typedef struct {
  wf_lanes              lanes;
  const wf_ssa_kernels *kernels;
  int                   n_time, n_counts, n_values, n_modulated;
  double               *times;     /* [n_time + 1] last one: infinity */
  double               *scratch;   /* [n_slots] one lane's values */
  int32_t              *modulated; /* [n_reactions] */
  int32_t              *reactions; /* [n_modulated] */
  wf_law_run           *runs;
  wf_short_law         *laws;
  wf_short_change      *changes;
  int32_t              *first_change, *flat_row;
  double               *flat_amount;
  int32_t              *count_row, *value_row; /* where recorded variables stand */
  bool                  by_masks, has_assignments, only_counts;
  double                high_count; /* above it each firing is looked at */

  /* What the lanes do. */
  uint32_t            idle;
  int                 output[LANES];   /* output time to come */
  int                 index[LANES];    /* trajectory in the batch */
  int64_t             rejected[LANES]; /* candidates that were no events */
  double              stalled[LANES];  /* time at the last check */
  const wf_ssa_batch *batch;
  wf_ssa_failure     *failure;
  int                 next, end; /* trajectories in the batch to be started; end moves down to the first that failed */
} lockstep_work;

static bool accept_network(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  if (network->plain) return true;
  snprintf(why, why_size, "it has rate rules, events, or laws that vary with time otherwise than by a bounded factor");
  return false;
}

/* --- compiling --- */

static bool has_plain_factors(const wf_network *network, const wf_compiled_reaction *reaction)
{
  if (reaction->program >= 0 || reaction->modulation >= 0 || reaction->n_guards || reaction->n_factors > 2) return false;
  for (int i = reaction->first_factor; i < reaction->first_factor + reaction->n_factors; i++)
    if (network->factors[i].scale != 1 || network->factors[i].offset != 0) return false;
  return !reaction->may_be_negative;
}

static void compile_laws(lockstep_work *work, const wf_network *network)
{
  for (int j = 0; j < network->n_reactions; j++) {
    const wf_compiled_reaction *reaction = &network->reactions[j];
    wf_law_shape                shape    = WF_LAWS_ANY;
    if (has_plain_factors(network, reaction)) shape = (wf_law_shape)(WF_LAWS_CONSTANT + reaction->n_factors);
    work->laws[j].rate = reaction->rate;
    if (shape != WF_LAWS_ANY)
      for (int i = 0; i < reaction->n_factors; i++)
        work->laws[j].row[i] = network->factors[reaction->first_factor + i].slot * LANES;
    work->modulated[j] = -1;
    if (reaction->modulation >= 0) {
      work->modulated[j]                   = work->n_modulated;
      work->reactions[work->n_modulated++] = j;
    }
    if (j == 0 || work->runs[work->lanes.n_runs - 1].shape != shape)
      work->runs[work->lanes.n_runs++] = (wf_law_run){.shape = shape, .first = j};
    work->runs[work->lanes.n_runs - 1].end = j + 1;
  }
}

/* Entry n_reactions changes nothing; its row, as that of changes which are not there, lies behind all slots. */
static void compile_changes(lockstep_work *work, const wf_network *network)
{
  const int32_t nowhere = network->n_slots * LANES;
  int           n       = 0;
  for (int j = 0; j <= network->n_reactions; j++) {
    const wf_compiled_reaction *reaction     = &network->reactions[j];
    const int                   n_changes    = j < network->n_reactions ? reaction->n_changes : 0;
    wf_short_change            *short_change = &work->changes[j];
    *short_change                            = (wf_short_change){.row = {nowhere, nowhere}};
    work->first_change[j]                    = n;
    for (int i = 0; i < n_changes; i++, n++) {
      const wf_compiled_change *change = &network->changes[reaction->first_change + i];
      work->flat_row[n]                = change->slot * LANES;
      work->flat_amount[n]             = change->amount;
      if (i < 2) short_change->row[i] = change->slot * LANES;
      if (i < 2) short_change->amount[i] = change->amount;
      if (i == 2) short_change->next = n + 1;
    }
  }
  work->by_masks = n <= MAX_SHIFTS && (work->lanes.frozen || !work->n_modulated);
}

/* Recorded counts must stay within 0 .. 2^31 - 1. Species cannot become negative; other variables are looked at every time. */
static void compile_recorded(lockstep_work *work, const wf_network *network)
{
  double largest_change = 0, start = 0;
  bool   may_sink = false;
  for (int i = 0; i < network->n_recorded; i++) {
    int32_t slot = network->recorded[i];
    if (network->whole[i])
      work->count_row[work->n_counts++] = slot * LANES;
    else
      work->value_row[work->n_values++] = slot * LANES;
    for (int r = 0; r < network->n_assignments; r++) work->has_assignments |= network->assignments[r].slot == slot;
    if (!network->whole[i]) continue;
    start = fmax(start, network->start[slot]);
    for (int c = 0; c < work->first_change[network->n_reactions]; c++)
      if (work->flat_row[c] == slot * LANES) {
        largest_change = fmax(largest_change, fabs(work->flat_amount[c]));
        may_sink |= !network->is_species[slot] && work->flat_amount[c] < 0;
      }
  }
  work->high_count = largest_count - 2 * STEPS_TO_CHECK * largest_change;
  if (may_sink || start > work->high_count) work->high_count = -1;
}

static void destroy_work(void *memory)
{
  lockstep_work *work = memory;
  if (!work) return;
  wf_free(work->lanes.value);
  wf_free(work->lanes.sum);
  wf_free(work->lanes.law);
  wf_free(work->times);
  wf_free(work->scratch);
  wf_free(work->modulated);
  wf_free(work->reactions);
  wf_free(work->runs);
  wf_free(work->laws);
  wf_free(work->changes);
  wf_free(work->first_change);
  wf_free(work->flat_row);
  wf_free(work->flat_amount);
  wf_free(work->count_row);
  wf_free(work->value_row);
  wf_free(work);
}

static bool allocate_work(lockstep_work *work, const wf_network *network)
{
  const size_t reactions = (size_t)network->n_reactions, slots = (size_t)network->n_slots, recorded = (size_t)network->n_recorded;
  size_t       n_changes = 0;
  for (size_t j = 0; j < reactions; j++) n_changes += (size_t)network->reactions[j].n_changes;
  work->lanes.value  = wf_calloc((slots + 1) * LANES, sizeof *work->lanes.value);
  work->lanes.sum    = wf_calloc(reactions * LANES, sizeof *work->lanes.sum);
  work->scratch      = wf_calloc(slots, sizeof *work->scratch);
  work->modulated    = wf_calloc(reactions, sizeof *work->modulated);
  work->reactions    = wf_calloc(reactions, sizeof *work->reactions);
  work->runs         = wf_calloc(reactions, sizeof *work->runs);
  work->laws         = wf_calloc(reactions, sizeof *work->laws);
  work->changes      = wf_calloc(reactions + 1, sizeof *work->changes);
  work->first_change = wf_calloc(reactions + 1, sizeof *work->first_change);
  work->flat_row     = wf_calloc(n_changes, sizeof *work->flat_row);
  work->flat_amount  = wf_calloc(n_changes, sizeof *work->flat_amount);
  work->count_row    = wf_calloc(recorded, sizeof *work->count_row);
  work->value_row    = wf_calloc(recorded, sizeof *work->value_row);
  work->times        = wf_calloc((size_t)work->n_time + 1, sizeof *work->times);
  return work->lanes.value && work->lanes.sum && work->scratch && work->modulated && work->reactions && work->runs && work->laws &&
         work->changes && work->first_change && work->flat_row && work->flat_amount && work->count_row && work->value_row &&
         work->times;
}

static void *create_work(const wf_network *network, const wf_ssa_config *config)
{
  lockstep_work *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  work->n_time  = config->n_time;
  work->kernels = wf_ssa_kernels_get();
  if (!allocate_work(work, network)) {
    destroy_work(work);
    return NULL;
  }
  work->lanes.frozen = config->rate == WF_SSA_RATE_FROZEN;
  compile_laws(work, network);
  compile_changes(work, network);
  compile_recorded(work, network);
  for (int k = 0; k < config->n_time; k++) work->times[k] = config->times[k];
  work->times[config->n_time] = INFINITY;
  memcpy(work->scratch, network->start, (size_t)network->n_slots * sizeof *work->scratch);
  for (int slot = 0; slot < network->n_slots; slot++)
    for (int lane = 0; lane < LANES; lane++) work->lanes.value[slot * LANES + lane] = network->start[slot];
  wf_ssa_make_keys(config->seed, work->lanes.keys);
  work->lanes.network      = network;
  work->lanes.modulated    = work->modulated;
  work->lanes.runs         = work->runs;
  work->lanes.laws         = work->laws;
  work->lanes.changes      = work->changes;
  work->lanes.first_change = work->first_change;
  work->lanes.flat_row     = work->flat_row;
  work->lanes.flat_amount  = work->flat_amount;
  work->lanes.n_reactions  = network->n_reactions;
  if (!(work->lanes.law = wf_calloc((size_t)work->n_modulated * LANES, sizeof *work->lanes.law))) {
    destroy_work(work);
    return NULL;
  }
  return work;
}

void wf_ssa_lockstep_use(void *work, const wf_ssa_kernels *kernels) { ((lockstep_work *)work)->kernels = kernels; }

/* --- lanes --- */

static double *find_time(lockstep_work *work) { return work->lanes.value + work->lanes.network->time_slot * LANES; }

/* Give the lane the batch's next trajectory, or nothing to do. */
static void start_lane(lockstep_work *work, int lane)
{
  const wf_network *network = work->lanes.network;
  const bool        idle    = work->next >= work->end;
  work->idle                = (work->idle & ~(UINT32_C(1) << lane)) | (uint32_t)idle << lane;
  for (int slot = 0; slot < network->n_variables; slot++) work->lanes.value[slot * LANES + lane] = network->start[slot];
  find_time(work)[lane]        = 0;
  work->output[lane]           = 0;
  work->rejected[lane]         = 0;
  work->stalled[lane]          = -1;
  work->index[lane]            = idle ? -1 : work->next++;
  work->lanes.step[lane]       = 0;
  work->lanes.level[lane]      = NAN;
  work->lanes.next[lane]       = idle ? INFINITY : work->times[0];
  work->lanes.trajectory[lane] = work->batch->first + (uint64_t)(idle ? 0 : work->index[lane]);
}

/* The trajectory of this lane failed: none behind it counts any more. */
static void fail_lane(lockstep_work *work, int lane, wf_ssa_status status, double time, const char *what, int reaction)
{
  const int index           = work->index[lane];
  work->failure->status     = status;
  work->failure->trajectory = work->batch->first + (uint64_t)index;
  work->failure->time       = time;
  snprintf(work->failure->what, sizeof work->failure->what, "%s%s%s", what, reaction >= 0 ? " " : "",
           reaction >= 0 ? work->lanes.network->reactions[reaction].name : "");
  work->end = index;
  for (int i = 0; i < work->lanes.n_lanes; i++)
    if (!(work->idle >> i & 1) && work->index[i] >= index) start_lane(work, i);
}

static double *load_lane(lockstep_work *work, int lane)
{
  for (int slot = 0; slot < work->lanes.network->n_variables; slot++) work->scratch[slot] = work->lanes.value[slot * LANES + lane];
  return work->scratch;
}

/* Where variables under assignment rules are recorded. false: one of them is no count. */
static bool write_assigned_row(lockstep_work *work, int lane, int k)
{
  const wf_ssa_batch *batch               = work->batch;
  const size_t        row                 = (size_t)work->index[lane] * (size_t)work->n_time + (size_t)k;
  double             *scratch             = load_lane(work, lane);
  scratch[work->lanes.network->time_slot] = work->times[k];
  wf_network_apply_assignments(work->lanes.network, scratch);
  for (int i = 0; i < work->n_counts; i++) {
    double x = scratch[work->count_row[i] / LANES];
    if (!(x >= 0 && x <= largest_count)) {
      fail_lane(work, lane, WF_SSA_COUNT_RANGE, work->times[k], "a count left 0 .. 2147483647", -1);
      return false;
    }
    if (batch->counts) batch->counts[row * (size_t)work->n_counts + (size_t)i] = (int32_t)x;
  }
  for (int i = 0; i < work->n_values && batch->values; i++)
    batch->values[row * (size_t)work->n_values + (size_t)i] = scratch[work->value_row[i] / LANES];
  return true;
}

static bool write_row(lockstep_work *work, int lane, int k)
{
  const wf_ssa_batch *batch = work->batch;
  const size_t        row   = (size_t)work->index[lane] * (size_t)work->n_time + (size_t)k;
  const double       *value = work->lanes.value + lane;
  if (work->has_assignments) return write_assigned_row(work, lane, k);
  if (batch->counts) {
    int32_t *counts = batch->counts + row * (size_t)work->n_counts;
    for (int i = 0; i < work->n_counts; i++) counts[i] = (int32_t)value[work->count_row[i]];
  }
  if (batch->values) {
    double *values = batch->values + row * (size_t)work->n_values;
    for (int i = 0; i < work->n_values; i++) values[i] = value[work->value_row[i]];
  }
  return true;
}

/* Rows of n counts alone up to this time, which the first one is below: models with about one event an output spend half their time
   here. Where n is known to the compiler the counts stay in registers. */
static inline __attribute__((always_inline)) int write_few_counts(const lockstep_work *work, const int n, int lane, double time)
{
  const double  *times = work->times, *value = work->lanes.value + lane;
  const int32_t *from = work->count_row;
  int            k    = work->output[lane];
  int32_t       *row  = work->batch->counts + ((size_t)work->index[lane] * (size_t)work->n_time + (size_t)k) * (size_t)n;
  int32_t        count[MAX_FEW];
  for (int i = 0; i < n; i++) count[i] = (int32_t)value[from[i]];
  do {
    for (int i = 0; i < n; i++) row[i] = count[i];
    row += n;
  } while (time > times[++k]);
  return k;
}

static int write_counts(const lockstep_work *work, int lane, double time)
{
  const int n = work->n_counts;
  switch (n) {
  case 1:
    return write_few_counts(work, 1, lane, time);
  case 2:
    return write_few_counts(work, 2, lane, time);
  case 3:
    return write_few_counts(work, 3, lane, time);
  case MAX_FEW:
    return write_few_counts(work, MAX_FEW, lane, time);
  default:
    break;
  }
  const double  *value = work->lanes.value + lane;
  const int32_t *from  = work->count_row;
  int            k     = work->output[lane];
  int32_t       *row   = work->batch->counts + ((size_t)work->index[lane] * (size_t)work->n_time + (size_t)k) * (size_t)n;
  for (int i = 0; i < n; i++) row[i] = (int32_t)value[from[i]];
  for (row += n, k++; time > work->times[k]; row += n, k++) memcpy(row, row - n, (size_t)n * sizeof *row);
  return k;
}

/* The lane's trajectory has passed output times and stands at k now. */
static inline void move_output(lockstep_work *work, int lane, int k)
{
  work->output[lane]     = k;
  work->lanes.next[lane] = work->times[k];
  if (k < work->n_time) return;
  if (work->batch->n_events) work->batch->n_events[work->index[lane]] = (int64_t)work->lanes.step[lane] - 1 - work->rejected[lane];
  start_lane(work, lane);
}

/* Lanes that passed output times: write the state before the candidate, and end trajectories. */
static void write_due(lockstep_work *work, uint32_t due)
{
  const double *time = find_time(work);
  for (due &= ~work->idle; due; due &= due - 1) {
    const int lane = __builtin_ctz(due);
    int       k    = work->output[lane];
    if (isnan(time[lane])) {
      fail_lane(work, lane, WF_SSA_COUNT_RANGE, work->lanes.before[lane], "the total propensity is not finite", -1);
      due &= ~work->idle | 1u << lane;
      continue;
    }
    if (work->only_counts)
      k = write_counts(work, lane, time[lane]);
    else
      while (write_row(work, lane, k) && time[lane] > work->times[++k]) {
      }
    if (work->idle >> lane & 1)
      due &= ~work->idle | 1u << lane; /* it failed, and others with it */
    else
      move_output(work, lane, k);
  }
}

/* A law gave less than nothing, or NaN: find out which. */
static void report_negative(lockstep_work *work, uint32_t negative)
{
  for (; negative; negative &= negative - 1) {
    const int lane  = __builtin_ctz(negative);
    double   *value = load_lane(work, lane);
    int       j     = 0;
    if (work->idle >> lane & 1) continue;
    value[work->lanes.network->time_slot] = work->lanes.before[lane];
    while (j < work->lanes.n_reactions - 1 && wf_network_propensity(work->lanes.network, j, value) >= 0) j++;
    fail_lane(work, lane, WF_SSA_NEGATIVE_LAW, work->lanes.before[lane], "negative or undefined propensity of reaction", j);
  }
}

/* Lanes whose level is not below the last sum: rounding (the last reaction that can fire does so), or a total that is infinite. */
static void settle_none(lockstep_work *work, uint32_t none)
{
  for (; none; none &= none - 1) {
    const int     lane = __builtin_ctz(none);
    const double *sum  = work->lanes.sum + lane;
    int           j    = work->lanes.n_reactions - 1;
    if (work->idle >> lane & 1) continue;
    if (!isfinite(sum[j * LANES])) {
      fail_lane(work, lane, WF_SSA_COUNT_RANGE, work->lanes.before[lane], "the total propensity is not finite", -1);
      continue;
    }
    double *value                         = load_lane(work, lane);
    value[work->lanes.network->time_slot] = work->lanes.before[lane];
    while (j > 0 && !(wf_network_unmodulated_propensity(work->lanes.network, j, value) > 0)) j--;
    work->lanes.picked[lane] = j;
  }
}

/* Thinning: candidates that the modulation rejects fire nothing. */
static void thin_candidates(lockstep_work *work)
{
  const wf_network *network = work->lanes.network;
  const double     *time    = find_time(work);
  for (int m = 0; m < work->n_modulated; m++) {
    const int                   j        = work->reactions[m];
    const wf_compiled_reaction *reaction = &network->reactions[j];
    for (uint32_t open = work->kernels->undecided(&work->lanes, j); open; open &= open - 1) {
      const int lane = __builtin_ctz(open);
      if (work->idle >> lane & 1) continue;
      const double within               = work->lanes.level[lane] - (j > 0 ? work->lanes.sum[(j - 1) * LANES + lane] : 0);
      work->scratch[network->time_slot] = time[lane];
      double modulation                 = wf_program_run(network, reaction->modulation, work->scratch);
      if (!(modulation >= 0) && work->lanes.law[m * LANES + lane] > 0)
        fail_lane(work, lane, WF_SSA_NEGATIVE_LAW, time[lane], "negative or undefined propensity of reaction", j);
      if (within * reaction->upper < work->lanes.law[m * LANES + lane] * modulation) continue;
      work->lanes.picked[lane] = network->n_reactions;
      work->rejected[lane]++;
    }
  }
}

static void fire_picked(lockstep_work *work)
{
  double *restrict value = work->lanes.value;
  for (int lane = 0; lane < work->lanes.n_lanes; lane++) {
    const wf_short_change *change = &work->changes[work->lanes.picked[lane]];
    value[change->row[0] + lane] += change->amount[0];
    value[change->row[1] + lane] += change->amount[1];
    if (__builtin_expect(change->next != 0, 0))
      for (int i = (int)change->next - 1; i < work->first_change[work->lanes.picked[lane] + 1]; i++)
        value[work->flat_row[i] + lane] += work->flat_amount[i];
  }
}

/* After the firing, where counts are large: is one beyond what counts can be? */
static void check_counts(lockstep_work *work)
{
  const double *time = find_time(work);
  for (int lane = 0; lane < work->lanes.n_lanes; lane++)
    for (int i = 0; i < work->n_counts && !(work->idle >> lane & 1); i++) {
      double x = work->lanes.value[work->count_row[i] + lane];
      if (x >= 0 && x <= largest_count) continue;
      int64_t j = work->lanes.picked[lane];
      fail_lane(work, lane, WF_SSA_COUNT_RANGE, time[lane], "a count left 0 .. 2147483647 by reaction",
                j < work->lanes.n_reactions ? (int)j : -1);
    }
}

/* Move the last trajectories to where lanes are free, and leave the free lanes at the end out. */
static void close_ranks(lockstep_work *work)
{
  const wf_network *network = work->lanes.network;
  const int         group   = work->kernels->group;
  const int         n_live  = work->lanes.n_lanes - __builtin_popcount(work->idle);
  const int         n       = (n_live + group - 1) / group * group;
  for (int from = n, to = 0; from < work->lanes.n_lanes; from++) {
    if (work->idle >> from & 1) continue;
    while (!(work->idle >> to & 1)) to++;
    for (int slot = 0; slot < network->n_variables; slot++)
      work->lanes.value[slot * LANES + to] = work->lanes.value[slot * LANES + from];
    find_time(work)[to]        = find_time(work)[from];
    work->output[to]           = work->output[from];
    work->rejected[to]         = work->rejected[from];
    work->stalled[to]          = work->stalled[from];
    work->index[to]            = work->index[from];
    work->lanes.step[to]       = work->lanes.step[from];
    work->lanes.next[to]       = work->lanes.next[from];
    work->lanes.trajectory[to] = work->lanes.trajectory[from];
    work->idle &= ~(UINT32_C(1) << to);
  }
  work->lanes.n_lanes = n;
  work->idle &= n < LANES ? (UINT32_C(1) << n) - 1 : UINT32_MAX;
}

/* Every so many steps. Returns whether counts are so large that each firing must be looked at. */
static bool look_around(lockstep_work *work)
{
  const double *time = find_time(work);
  bool          high = work->high_count < 0;
  for (int i = 0; i < work->n_counts && !high; i++)
    high = work->kernels->above(&work->lanes, work->count_row[i] / LANES, work->high_count) != 0;
  for (int lane = 0; lane < work->lanes.n_lanes; lane++) {
    if (work->idle >> lane & 1) continue;
    if (time[lane] == work->stalled[lane])
      fail_lane(work, lane, WF_SSA_NO_PROGRESS, time[lane], "events without end at one time", -1);
    else
      work->stalled[lane] = time[lane];
  }
  if (work->idle) close_ranks(work);
  return high;
}

static void run_steps(lockstep_work *work)
{
  bool careful = work->high_count < 0;
  for (int step = 1; work->lanes.n_lanes; step++) {
    uint32_t due = work->kernels->propose(&work->lanes), none;
    if (work->lanes.negative) report_negative(work, work->lanes.negative);
    if (due) write_due(work, due);
    for (uint32_t idle = work->idle; idle; idle &= idle - 1) work->lanes.level[__builtin_ctz(idle)] = NAN;
    if (work->by_masks && !careful) {
      if ((none = work->kernels->shift(&work->lanes))) {
        for (int lane = 0; lane < work->lanes.n_lanes; lane++) work->lanes.picked[lane] = work->lanes.n_reactions;
        settle_none(work, none);
        fire_picked(work);
      }
    } else {
      if ((none = work->kernels->pick(&work->lanes))) settle_none(work, none);
      if (work->n_modulated && !work->lanes.frozen) thin_candidates(work);
      fire_picked(work);
      if (careful) check_counts(work);
    }
    if (step % STEPS_TO_CHECK == 0 || (uint64_t)work->idle + 1 == UINT64_C(1) << work->lanes.n_lanes) careful = look_around(work);
  }
}

static bool run_batch(void *memory, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  lockstep_work *work  = memory;
  const int      group = work->kernels->group;
  *failure             = (wf_ssa_failure){.status = WF_SSA_COMPLETE};
  work->batch          = batch;
  work->only_counts    = batch->counts && !work->has_assignments && !(batch->values && work->n_values);
  work->failure        = failure;
  work->next           = 0;
  work->end            = batch->n_traj;
  work->idle           = 0;
  work->lanes.n_lanes  = batch->n_traj < LANES ? (batch->n_traj + group - 1) / group * group : LANES;
  if (work->n_time < 1) {
    for (int i = 0; i < batch->n_traj && batch->n_events; i++) batch->n_events[i] = 0;
    return true;
  }
  for (int lane = 0; lane < work->lanes.n_lanes; lane++) start_lane(work, lane);
  run_steps(work);
  return failure->status == WF_SSA_COMPLETE;
}

const wf_ssa_engine wf_ssa_lockstep = {.description = "direct method, 32 trajectories in lock-step",
                                       .batch_size  = BATCH_SIZE,
                                       .accepts     = accept_network,
                                       .create      = create_work,
                                       .destroy     = destroy_work,
                                       .run         = run_batch};
