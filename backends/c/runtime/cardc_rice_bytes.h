/* Sums in bytes of words, for cores that load words only from multiples of 4 or have no instructions that add halves of
 * one word to bytes of another. See cardc_rice_sums.h. */
#ifndef CARDC_RICE_BYTES_H
#define CARDC_RICE_BYTES_H

#include "cardc_rice_sums.h"

#define CARDC_RICE_ROOM 0xffu

/* Adds the 8 bytes that each of `count` taps meets, four to a word. */
#define CARDC_RICE_TAPS(TAP, COUNT)                                                             \
  CARDC_NO_UNROLL for (tap = (TAP), end = tap + (COUNT); tap != end;) {                         \
    const uintptr_t p = (uintptr_t)(base + *tap++);                                             \
    const uint32_t *w = (const uint32_t *)(p >> 2 << 2), right = (uint32_t)p << 30 >> 27;       \
    if (right != 0) {                                                                           \
      const uint32_t left = 32 - right;                                                         \
      uint32_t word = w[1], next = w[2] << left | word >> right;                                \
      high += next;                                                                             \
      CARDC_PIN(high);                                                                          \
      low += w[0] >> right | word << left;                                                      \
    } else {                                                                                    \
      low += w[0], high += w[1];                                                                \
    }                                                                                           \
  }

/* Adds to sums[0 .. 8) for at most `room` taps. */
static CARDC_NOINLINE void cardc_rice_few(const cardc_rice_taps *taps, const uint8_t *base, int32_t *sums) {
  const uint32_t init = cardc_four(taps->n_minus * taps->max_u);
  const uint16_t *tap, *end;
  uint32_t low = 0, high = 0, k;
  CARDC_RICE_TAPS(taps->minus, taps->n_minus)
  low = init - low, high = init - high;
  CARDC_RICE_TAPS(taps->plus, taps->n_plus)
  CARDC_NO_UNROLL for (k = 0; k < 4; k++, low >>= 8, high >>= 8) {
    sums[k] += (int32_t)(low & 0xff), sums[k + 4] += (int32_t)(high & 0xff);
  }
}

/* sums[0 .. 8) = max_u * minus taps - minus taps + plus taps, of the bytes from `base` on, sums[8 .. 16) of those that
 * are `apart` from them. */
static CARDC_NOINLINE void cardc_rice_sums(const cardc_rice_taps *taps, const uint8_t *base, uint32_t apart,
                                           int32_t *sums) {
  cardc_rice_taps some = *taps;
  uint32_t minus = taps->n_minus, plus = taps->n_plus, k;
  CARDC_NO_UNROLL for (k = 0; k < 16; k++) { sums[k] = 0; }
  do {
    some.n_minus = minus < some.room ? minus : some.room;
    some.n_plus = plus < some.room - some.n_minus ? plus : some.room - some.n_minus;
    minus -= some.n_minus, plus -= some.n_plus;
    cardc_rice_few(&some, base, sums);
    if (apart) {
      cardc_rice_few(&some, base + apart, sums + 8);
    }
    some.plus += some.n_plus, some.minus += some.n_minus;
  } while (plus + minus > 0);
}

#endif
