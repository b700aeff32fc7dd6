/* Two independent multiply-xorshift hashes, 8 bytes a step, see digest.h. The constants are odd and without structure; each step
   is a bijection of the state, so a change of one word always changes the state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "digest.h"

static const uint64_t MULTIPLIER[2] = {0x9fb21c651e98df25u, 0xd6e8feb86659fd93u};

static inline uint64_t mix_word(uint64_t state, uint64_t word, uint64_t multiplier)
{
  state = (state ^ word) * multiplier;
  return state ^ state >> 32;
}

static inline uint64_t finish_state(uint64_t state, uint64_t multiplier)
{
  state = (state ^ state >> 29) * multiplier;
  state = (state ^ state >> 32) * multiplier;
  return state ^ state >> 31;
}

wf_digest wf_digest_bytes(wf_digest key, uint64_t index, const void *bytes, size_t n)
{
  const unsigned char *p = bytes;
  uint64_t             a = mix_word(key.word[0], index, MULTIPLIER[0]), b = mix_word(key.word[1], ~index, MULTIPLIER[1]);
  a = mix_word(a, n, MULTIPLIER[0]);
  b = mix_word(b, n, MULTIPLIER[1]);
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    a = mix_word(a, word, MULTIPLIER[0]);
    b = mix_word(b, word, MULTIPLIER[1]);
  }
  if (n) {
    uint64_t word = 0;
    memcpy(&word, p, n);
    a = mix_word(a, word, MULTIPLIER[0]);
    b = mix_word(b, word, MULTIPLIER[1]);
  }
  return (wf_digest){{finish_state(a, MULTIPLIER[0]), finish_state(b, MULTIPLIER[1])}};
}

wf_digest wf_digest_key(const char *what, const char *object, const char *name, int n, const int64_t *numbers)
{
  wf_digest key = {{0x2545f4914f6cdd1du, 0x5851f42d4c957f2du}};
  key           = wf_digest_bytes(key, 1, what, strlen(what));
  key           = wf_digest_bytes(key, 2, object, strlen(object));
  key           = wf_digest_bytes(key, 3, name, strlen(name));
  return wf_digest_bytes(key, 4, numbers, (size_t)n * sizeof(*numbers));
}

void wf_digest_add(wf_digest *sum, wf_digest term)
{
  sum->word[0] += term.word[0];
  sum->word[1] += term.word[1];
}

enum { ABREAST = 4 };

/* The hashes of a few rows at once. Each hash is a chain of multiplications, in which every step waits for the one before; with
   eight chains side by side the multiplier is never idle: three times as fast. */
static void add_rows_abreast(wf_digest *sum, wf_digest key, uint64_t first, size_t row_size, const unsigned char *rows)
{
  uint64_t a[ABREAST], b[ABREAST];
  size_t   whole = row_size / 8 * 8;
  for (int i = 0; i < ABREAST; i++) {
    a[i] = mix_word(mix_word(key.word[0], first + (uint64_t)i, MULTIPLIER[0]), row_size, MULTIPLIER[0]);
    b[i] = mix_word(mix_word(key.word[1], ~(first + (uint64_t)i), MULTIPLIER[1]), row_size, MULTIPLIER[1]);
  }
  for (size_t place = 0; place < whole; place += 8)
#pragma GCC unroll 4
    for (int i = 0; i < ABREAST; i++) {
      uint64_t word;
      memcpy(&word, rows + (size_t)i * row_size + place, 8);
      a[i] = mix_word(a[i], word, MULTIPLIER[0]);
      b[i] = mix_word(b[i], word, MULTIPLIER[1]);
    }
  for (int i = 0; i < ABREAST && whole < row_size; i++) {
    uint64_t word = 0;
    memcpy(&word, rows + (size_t)i * row_size + whole, row_size - whole);
    a[i] = mix_word(a[i], word, MULTIPLIER[0]);
    b[i] = mix_word(b[i], word, MULTIPLIER[1]);
  }
  for (int i = 0; i < ABREAST; i++)
    wf_digest_add(sum, (wf_digest){{finish_state(a[i], MULTIPLIER[0]), finish_state(b[i], MULTIPLIER[1])}});
}

void wf_digest_add_rows(wf_digest *sum, wf_digest key, int64_t first, int64_t n_rows, size_t row_size, const void *rows)
{
  const unsigned char *p = rows;
  int64_t              i = 0;
  for (; i + ABREAST <= n_rows; i += ABREAST) add_rows_abreast(sum, key, (uint64_t)(first + i), row_size, p + (size_t)i * row_size);
  for (; i < n_rows; i++) wf_digest_add(sum, wf_digest_bytes(key, (uint64_t)(first + i), p + (size_t)i * row_size, row_size));
}

void wf_digest_text(wf_digest digest, char *text)
{
  snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, digest.word[0], digest.word[1]);
}
