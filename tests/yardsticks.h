/* The direct method of Gillespie (1977), written by hand for one model and nothing else: what bench_ssa measures the program by.

   plain:  as the paper has it. Every propensity is computed in each step, in straight-line code from counts in int32; their total;
           the C library's logarithm; a linear search.
   clever: what someone would do who knows the model: totals that are kept or folded into a formula, and a search by species.
   Both take one block of Philox a step, inlined, and 52 bits for each of the two numbers, as the program does. */
#ifndef WEIGHTFLOW_TESTS_YARDSTICKS_H
#define WEIGHTFLOW_TESTS_YARDSTICKS_H
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <weightflow/random.h>

/* One trajectory: rows [n_time, species] of counts; returns its events up to the last time. */
typedef int64_t yardstick(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row);

/* Waiting time at total propensity 1, and a uniform. Philox4x32-10: Salmon et al. 2011. */
static inline __attribute__((always_inline)) double draw_step(uint64_t seed, uint64_t trajectory, uint32_t step, double *uniform)
{
  uint32_t word[4] = {(uint32_t)trajectory, (uint32_t)(trajectory >> 32), step, WF_RANDOM_SSA};
  uint32_t key[2]  = {(uint32_t)seed, (uint32_t)(seed >> 32)};
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const uint64_t first = (uint64_t)0xD2511F53u * word[0], second = (uint64_t)0xCD9E8D57u * word[2];
    word[0] = (uint32_t)(second >> 32) ^ word[1] ^ key[0];
    word[2] = (uint32_t)(first >> 32) ^ word[3] ^ key[1];
    word[1] = (uint32_t)second;
    word[3] = (uint32_t)first;
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  *uniform = ((double)(((uint64_t)word[2] << 32 | word[3]) >> 12) + 0.5) * 0x1p-52;
  return -log(((double)(((uint64_t)word[0] << 32 | word[1]) >> 12) + 0.5) * 0x1p-52);
}

/* Rows of N counts up to this time. false: that was the last one. */
#define WRITE_ROWS(N)                                                                                                              \
  for (; t > times[k]; row += (N)) {                                                                                               \
    memcpy(row, x, sizeof x);                                                                                                      \
    if (++k == n_time) return step;                                                                                                \
  }

/* --- sir: S + I -> 2 I, I -> R --- */

static inline int64_t run_sir_plain(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row)
{
  int32_t x[3] = {200, 5, 0};
  double  t    = 0, u;
  int     k    = 0;
  for (uint32_t step = 0;; step++) {
    const double infection = 0.00567 * x[0] * x[1], recovery = 1.0 * x[1], total = infection + recovery;
    t += draw_step(seed, trajectory, step, &u) / total;
    WRITE_ROWS(3)
    if (u * total < infection) {
      x[0]--;
      x[1]++;
    } else {
      x[1]--;
      x[2]++;
    }
  }
}

/* Which of the two it is does not depend on I. */
static inline int64_t run_sir_clever(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row)
{
  int32_t x[3] = {200, 5, 0};
  double  t    = 0, u;
  int     k    = 0;
  for (uint32_t step = 0;; step++) {
    const double infection = 0.00567 * x[0], both = infection + 1;
    t += draw_step(seed, trajectory, step, &u) / (both * x[1]);
    WRITE_ROWS(3)
    const int32_t infected = u * both < infection;
    x[0] -= infected;
    x[1] += 2 * infected - 1;
    x[2] += 1 - infected;
  }
}

/* --- cas: -> X1, Xi -> X(i+1), Xi -> --- */

static inline int64_t run_cas_plain(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row)
{
  enum { N = 15, REACTIONS = 2 * N };
  int32_t x[N] = {0};
  double  t    = 0, u;
  int     k    = 0;
  for (uint32_t step = 0;; step++) {
    double a[REACTIONS] = {10}, total = 10;
#pragma GCC unroll 15
    for (int i = 0; i < N - 1; i++) {
      total += a[1 + 2 * i] = 5.0 * x[i];
      total += a[2 + 2 * i] = 1.0 * x[i];
    }
    total += a[REACTIONS - 1] = 1.0 * x[N - 1];
    t += draw_step(seed, trajectory, step, &u) / total;
    WRITE_ROWS(N)
    double level = u * total;
    int    j     = 0;
    while (j < REACTIONS - 1 && level >= a[j]) level -= a[j++];
    if (j == 0)
      x[0]++;
    else if (j == REACTIONS - 1)
      x[N - 1]--;
    else {
      x[(j - 1) / 2]--;
      if (j % 2) x[(j + 1) / 2]++;
    }
  }
}

/* Where the level falls among 6 Xi of a species says both which and what. */
static inline int64_t run_cas_clever(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row)
{
  enum { N = 15 };
  int32_t x[N] = {0}, all = 0;
  double  t = 0, u;
  int     k = 0;
  for (uint32_t step = 0;; step++) {
    const double total = 10 + 6.0 * all - 5.0 * x[N - 1];
    t += draw_step(seed, trajectory, step, &u) / total;
    WRITE_ROWS(N)
    double level = u * total - 10;
    if (level < 0) {
      x[0]++;
      all++;
      continue;
    }
    int i = 0;
    while (i < N - 1 && level >= 6.0 * x[i]) level -= 6.0 * x[i++];
    if (i < N - 1 && level < 5.0 * x[i])
      x[i + 1]++;
    else
      all--;
    x[i]--;
  }
}

/* --- tog: Gx -> Gx + Px, Gy -> Gy + Py, Px ->, Py -> --- */

static inline int64_t run_tog_plain(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row)
{
  int32_t x[4] = {1, 1, 0, 0};
  double  t    = 0, u;
  int     k    = 0;
  for (uint32_t step = 0;; step++) {
    const double a0 = 50.0 * x[0], a1 = 50.0 * x[1], a2 = 1.0 * x[2], a3 = 1.0 * x[3], total = a0 + a1 + a2 + a3;
    t += draw_step(seed, trajectory, step, &u) / total;
    WRITE_ROWS(4)
    const double level = u * total;
    if (level < a0)
      x[2]++;
    else if (level < a0 + a1)
      x[3]++;
    else if (level < a0 + a1 + a2)
      x[2]--;
    else
      x[3]--;
  }
}

/* Genes never change; two comparisons for four reactions. */
static inline int64_t run_tog_clever(uint64_t seed, uint64_t trajectory, int n_time, const double *times, int32_t *row)
{
  int32_t x[4] = {1, 1, 0, 0};
  double  t    = 0, u;
  int     k    = 0;
  for (uint32_t step = 0;; step++) {
    const double total = 100 + (x[2] + x[3]);
    t += draw_step(seed, trajectory, step, &u) / total;
    WRITE_ROWS(4)
    const double level = u * total;
    if (level < 100) {
      if (level < 50)
        x[2]++;
      else
        x[3]++;
    } else if (level < 100 + x[2])
      x[2]--;
    else
      x[3]--;
  }
}
#undef WRITE_ROWS
#endif
