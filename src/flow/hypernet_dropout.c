/* Dropout masks of the hypernetwork (Srivastava et al. 2014), one bit an entry.

   Byte b of the masks is draw b of (seed, WF_RANDOM_DROPOUT, item): its eight entries take the eight 16-bit halves of the draw's
   four words, low half first; an entry is dropped where its half is below round(rate 2^16). Rows of a mask start on a byte. So a
   mask is a function of the key and of the network's shape alone. */
#include <math.h>
#include <string.h>
#include <weightflow/random.h>
#include "flow/hypernet_impl.h"

/* Philox4x32-10 (Salmon et al. 2011) for many draws at a time: the words of wf_random_words, in a form that vectorises. Making the
   masks one call a draw would cost as much as evaluating the network. */
WF_SIMD static void fill_bytes(uint64_t seed, uint64_t item, uint32_t n, uint32_t threshold, uint8_t *bytes)
{
  const uint32_t item_low = (uint32_t)item, item_high = (uint32_t)(item >> 32);
  for (uint32_t draw = 0; draw < n; draw++) {
    uint32_t w0 = item_low, w1 = item_high, w2 = draw, w3 = WF_RANDOM_DROPOUT, k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      uint64_t a = (uint64_t)0xD2511F53u * w0, b = (uint64_t)0xCD9E8D57u * w2;
      w0 = (uint32_t)(b >> 32) ^ w1 ^ k0;
      w1 = (uint32_t)b;
      w2 = (uint32_t)(a >> 32) ^ w3 ^ k1;
      w3 = (uint32_t)a;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    uint32_t kept = 0;
    kept |= ((w0 & 0xFFFF) >= threshold) | ((w0 >> 16) >= threshold) << 1;
    kept |= ((w1 & 0xFFFF) >= threshold) << 2 | ((w1 >> 16) >= threshold) << 3;
    kept |= ((w2 & 0xFFFF) >= threshold) << 4 | ((w2 >> 16) >= threshold) << 5;
    kept |= ((w3 & 0xFFFF) >= threshold) << 6 | ((w3 >> 16) >= threshold) << 7;
    bytes[draw] = (uint8_t)kept;
  }
}

/* One mask over [rows, columns] behind those already laid out; without memory (bits NULL) it only counts. */
static void lay_out_mask(wf_mask *mask, const uint8_t *bits, size_t *used, int rows, int columns)
{
  mask->row_bytes = (columns + 7) / 8;
  mask->bits      = bits ? bits + *used : NULL;
  mask->scale     = 1;
  *used += (size_t)rows * (size_t)mask->row_bytes;
}

static size_t lay_out_masks(const wf_hypernet *net, const uint8_t *bits, wf_hypernet_masks *encoders)
{
  const wf_hypernet_config *c    = &net->config;
  size_t                    used = 0;
  int                       n    = net->graph->n_nodes;
  for (int e = 0; e < c->n_encoders; e++) {
    lay_out_mask(&encoders[e].probability, bits, &used, c->n_heads * n, n);
    lay_out_mask(&encoders[e].attention, bits, &used, n, c->width);
    lay_out_mask(&encoders[e].hidden, bits, &used, n, c->n_feedforward);
    lay_out_mask(&encoders[e].feedforward, bits, &used, n, c->width);
  }
  return used;
}

wf_hypernet_dropout *wf_hypernet_dropout_create(const wf_hypernet *net)
{
  wf_hypernet_dropout *dropout = wf_calloc(1, sizeof *dropout);
  if (!dropout) return NULL;
  dropout->none.probability.scale = dropout->none.attention.scale = dropout->none.hidden.scale = dropout->none.feedforward.scale =
      1;
  dropout->encoders = wf_calloc((size_t)net->config.n_encoders, sizeof *dropout->encoders);
  if (dropout->encoders) {
    dropout->n_bytes = lay_out_masks(net, NULL, dropout->encoders);
    dropout->bits    = wf_calloc(dropout->n_bytes + 8, 1);
  }
  if (!dropout->bits)
    wf_hypernet_dropout_destroy(&dropout);
  else
    lay_out_masks(net, dropout->bits, dropout->encoders);
  return dropout;
}

void wf_hypernet_dropout_destroy(wf_hypernet_dropout **dropout)
{
  if (!*dropout) return;
  wf_free((*dropout)->encoders);
  wf_free((*dropout)->bits);
  wf_free(*dropout);
  *dropout = NULL;
}

const wf_hypernet_masks *wf_hypernet_dropout_masks(const wf_hypernet *net, const wf_dropout *key, int encoder)
{
  wf_hypernet_dropout *dropout = net->dropout;
  if (!key || !(key->rate > 0)) return &dropout->none;
  const wf_dropout *last = &dropout->key;
  if (!dropout->filled || last->rate != key->rate || last->seed != key->seed || last->item != key->item) {
    uint32_t threshold = (uint32_t)lrint(fmin(key->rate, 1) * 65536);
    wf_real scale = threshold < 65536 ? (wf_real)(65536.0 / (65536 - threshold)) : 0; /* of the rate in use: the mean stays exact */
    fill_bytes(key->seed, key->item, (uint32_t)dropout->n_bytes, threshold, dropout->bits);
    for (int e = 0; e < net->config.n_encoders; e++) {
      wf_hypernet_masks *m = &dropout->encoders[e];
      m->probability.scale = m->attention.scale = m->hidden.scale = m->feedforward.scale = scale;
    }
    dropout->key    = *key;
    dropout->filled = true;
  }
  return &dropout->encoders[encoder];
}
