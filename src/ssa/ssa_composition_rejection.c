/* The direct method by composition and rejection (Slepoy, Thompson and Plimpton 2008, J. Chem. Phys. 128, 205101): reactions lie in
   groups by the power of two above their propensity, a group is chosen by its weight and a reaction in it by rejection, so that a
   jump costs the same however many reactions there are.

   A group's weight is taken as (number of its reactions) * (its power of two), and what rejection throws away is thrown away with
   its waiting time: candidates come at the rate B = sum of the weights, and candidate reaction j is accepted with probability
   a_j / (its power of two). This is thinning (Lewis and Shedler 1979, Nav. Res. Logist. Q. 26, 403) of a process of rate B, exact
   for the same reason. B is made of whole numbers and powers of two: no sum of propensities is kept, so none can drift. At least
   half of the candidates are accepted (a group holds 2^(e-1) < a <= 2^e), but for the lowest group, which holds all that is
   smaller still: its bound is so low that less than one candidate of it is expected in the whole trajectory.

   One uniform number chooses the group, the reaction and the acceptance, as the digits of u B that are left after each choice;
   where a group is chosen that has less than 2^-16 of B, few digits are left, and the next number is taken. Cost: the out-degree of
   the dependency graph and the number of groups; memory linear and fixed. Pure. */
#include <math.h>
#include <string.h>
#include <weightflow/base.h>
#include "ssa/engine.h"
#include "ssa/ssa_trajectory.h"

/* Segment 0 holds the reactions of propensity 0, segment s > 0 those with the bound 2^(lowest + s - 1). */
enum { HIGHEST_EXPONENT = 1000, WORD = 64 };

typedef struct {
  wf_trajectory trajectory;
  int32_t       n;
  int           lowest, n_segments;  /* exponent of segment 1 */
  int           n_words, used_words; /* of `occupied`; those that were not 0 at some time */
  double       *propensity;          /* [n] */
  int32_t      *segment;             /* [n] where reaction j is */
  int32_t      *order, *position;    /* [n] the reactions, segment after segment; where in it reaction j is */
  int32_t      *first;               /* [n_segments + 1] in order */
  double       *bound;               /* [n_segments] powers of two */
  uint64_t     *occupied;            /* [n_words] bit s: is segment s > 0 not empty? */
  double        rate;                /* B */
  bool          changed;             /* must B be summed up anew? */
} rejection_work;

static bool accept_network(const wf_network *network, const wf_ssa_config *config, char *why, size_t why_size)
{
  (void)config;
  return wf_trajectory_accepts(network, why, why_size);
}

static void destroy_work(void *memory)
{
  rejection_work *work = memory;
  if (!work) return;
  wf_trajectory_discard(&work->trajectory);
  wf_free(work->propensity);
  wf_free(work->segment);
  wf_free(work->order);
  wf_free(work->position);
  wf_free(work->first);
  wf_free(work->bound);
  wf_free(work->occupied);
  wf_free(work);
}

/* An exponent f with n 2^f t_end <= 1. */
static int find_lowest_exponent(int32_t n, double t_end)
{
  int exponent = 0;
  frexp((double)n * t_end, &exponent);
  return t_end > 0 && exponent < 1000 ? -exponent : -1000;
}

static bool allocate_work(rejection_work *work)
{
  const size_t n = (size_t)work->n, segments = (size_t)work->n_segments;
  work->propensity = wf_calloc(n, sizeof *work->propensity);
  work->segment    = wf_calloc(n, sizeof *work->segment);
  work->order      = wf_calloc(n, sizeof *work->order);
  work->position   = wf_calloc(n, sizeof *work->position);
  work->first      = wf_calloc(segments + 1, sizeof *work->first);
  work->bound      = wf_calloc(segments, sizeof *work->bound);
  work->occupied   = wf_calloc((size_t)work->n_words, sizeof *work->occupied);
  return work->propensity && work->segment && work->order && work->position && work->first && work->bound && work->occupied;
}

static void *create_work(const wf_network *network, const wf_ssa_config *config)
{
  rejection_work *work = wf_calloc(1, sizeof *work);
  if (!work) return NULL;
  const double t_end = config->n_time ? config->times[config->n_time - 1] : 0;
  work->n            = network->n_reactions;
  work->lowest       = find_lowest_exponent(work->n, t_end);
  work->lowest       = work->lowest > HIGHEST_EXPONENT - 1 ? HIGHEST_EXPONENT - 1 : work->lowest;
  work->n_segments   = HIGHEST_EXPONENT - work->lowest + 2;
  work->n_words      = (work->n_segments + WORD - 1) / WORD;
  if (!allocate_work(work) || !wf_trajectory_create(&work->trajectory, network, config, WF_RANDOM_REJECTION)) {
    destroy_work(work);
    return NULL;
  }
  for (int s = 1; s < work->n_segments; s++) work->bound[s] = ldexp(1, work->lowest + s - 1);
  return work;
}

/* Segment of a propensity 0 <= a < 2^1000: its exponent, rounded up, is in the bits of the number. */
static inline int find_segment(const rejection_work *work, double a)
{
  if (a <= 0) return 0;
  uint64_t bits;
  memcpy(&bits, &a, sizeof bits);
  int exponent = (int)(bits >> 52) - 1023 + ((bits & 0xfffffffffffffu) != 0);
  return exponent <= work->lowest ? 1 : exponent - work->lowest + 1;
}

static inline void mark_segment(rejection_work *work, int s)
{
  const uint64_t bit  = UINT64_C(1) << (s % WORD);
  const int      word = s / WORD;
  if (s && work->first[s + 1] > work->first[s]) {
    work->occupied[word] |= bit;
    if (word >= work->used_words) work->used_words = word + 1;
  } else
    work->occupied[word] &= ~bit;
}

static inline void put_reaction(rejection_work *work, int32_t place, int32_t k)
{
  work->order[place] = k;
  work->position[k]  = place;
}

/* Move reaction k to segment `to`: the hole that it leaves wanders through the segments between, one reaction of each crosses its
   segment from end to end. */
static void move_reaction(rejection_work *work, int32_t k, int to)
{
  const int from = work->segment[k];
  int32_t   hole = work->position[k];
  for (int s = from; s < to; s++) {
    int32_t last = --work->first[s + 1];
    if (last != hole) put_reaction(work, hole, work->order[last]);
    hole = last;
  }
  for (int s = from; s > to; s--) {
    int32_t first = work->first[s]++;
    if (first != hole) put_reaction(work, hole, work->order[first]);
    hole = first;
  }
  put_reaction(work, hole, k);
  work->segment[k] = to;
  mark_segment(work, from);
  mark_segment(work, to);
  work->changed = true;
}

static bool set_propensity(rejection_work *work, int32_t k, double t)
{
  double a = wf_trajectory_propensity(&work->trajectory, k);
  if (a == work->propensity[k]) return true;
  if (!wf_trajectory_is_propensity(a)) return wf_trajectory_fail_law(&work->trajectory, t, k, a);
  work->propensity[k] = a;
  int to              = find_segment(work, a);
  if (to != work->segment[k]) move_reaction(work, k, to);
  return true;
}

/* Sort all reactions into their segments, in increasing order within each. */
static bool sort_reactions(rejection_work *work)
{
  memset(work->first, 0, ((size_t)work->n_segments + 1) * sizeof *work->first);
  memset(work->occupied, 0, (size_t)work->n_words * sizeof *work->occupied);
  for (int32_t k = 0; k < work->n; k++) {
    double a = wf_trajectory_propensity(&work->trajectory, k);
    if (!wf_trajectory_is_propensity(a)) return wf_trajectory_fail_law(&work->trajectory, 0, k, a);
    work->propensity[k] = a;
    work->segment[k]    = find_segment(work, a);
    work->first[work->segment[k] + 1]++;
  }
  for (int s = 0; s < work->n_segments; s++) work->first[s + 1] += work->first[s];
  for (int32_t k = 0; k < work->n; k++) put_reaction(work, work->first[work->segment[k]]++, k); /* makes first[s] first[s + 1] */
  for (int s = work->n_segments; s > 0; s--) work->first[s] = work->first[s - 1];
  work->first[0] = 0;
  for (int s = 1; s < work->n_segments; s++) mark_segment(work, s);
  work->changed = true;
  return true;
}

static inline double segment_weight(const rejection_work *work, int s)
{
  return (double)(work->first[s + 1] - work->first[s]) * work->bound[s];
}

static void sum_weights(rejection_work *work)
{
  work->rate = 0;
  for (int w = work->used_words - 1; w >= 0; w--)
    for (uint64_t bits = work->occupied[w]; bits; bits &= bits - 1)
      work->rate += segment_weight(work, w * WORD + __builtin_ctzll(bits));
  work->changed = false;
}

/* A segment by weight, r uniform in (0, B); *r becomes what is left in it. Rounding may leave none: -1. */
static int choose_segment(const rejection_work *work, double *r)
{
  for (int w = work->used_words - 1; w >= 0; w--)
    for (uint64_t bits = work->occupied[w]; bits;) {
      const int    bit = WORD - 1 - __builtin_clzll(bits), s = w * WORD + bit;
      const double weight = segment_weight(work, s);
      if (*r < weight) return s;
      *r -= weight;
      bits &= ~(UINT64_C(1) << bit);
    }
  return -1;
}

/* The candidate that u stands for, or -1 where it is rejected. */
static int32_t choose_reaction(rejection_work *work, double u)
{
  double    r = u * work->rate;
  const int s = choose_segment(work, &r);
  if (s < 0) return -1;
  const double weight = segment_weight(work, s);
  if (weight < 0x1p-16 * work->rate) r = weight * wf_ssa_draws_uniform(&work->trajectory.draws);
  double  place  = r / work->bound[s]; /* exact: a power of two */
  int32_t number = work->first[s + 1] - work->first[s], i = (int32_t)place;
  if (i >= number) return -1; /* rounding at the very end */
  int32_t j = work->order[work->first[s] + i];
  return (place - i) * work->bound[s] < work->propensity[j] ? j : -1;
}

static bool run_trajectory(rejection_work *work)
{
  wf_trajectory    *trajectory = &work->trajectory;
  const wf_network *network    = trajectory->network;
  double            t          = 0;
  if (!sort_reactions(work)) return false;
  for (;;) {
    if (work->changed) sum_weights(work);
    if (work->rate <= 0) break;
    const int draw = wf_ssa_draws_advance(&trajectory->draws);
    t += trajectory->draws.exponential[draw] / work->rate;
    if (t > trajectory->t_end) break;
    const int32_t j = choose_reaction(work, trajectory->draws.uniform[draw]);
    if (j < 0) continue;
    if (!wf_trajectory_record(trajectory, t) || !wf_trajectory_fire(trajectory, t, j)) return false;
    for (int32_t i = network->first_affected[j]; i < network->first_affected[j + 1]; i++)
      if (!set_propensity(work, network->affected[i], t)) return false;
  }
  return wf_trajectory_finish(trajectory);
}

static bool run_batch(void *memory, const wf_ssa_batch *batch, wf_ssa_failure *failure)
{
  rejection_work *work = memory;
  for (int i = 0; i < batch->n_traj; i++) {
    wf_trajectory_begin(&work->trajectory, batch, i, failure);
    if (!run_trajectory(work)) return false;
  }
  return true;
}

const wf_ssa_engine wf_ssa_composition_rejection = {.description = "composition-rejection method",
                                                    .batch_size  = 1,
                                                    .accepts     = accept_network,
                                                    .create      = create_work,
                                                    .destroy     = destroy_work,
                                                    .run         = run_batch};
