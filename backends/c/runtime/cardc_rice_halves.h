/* Sums in halves of words, for cores that load words from any address. See cardc_rice_sums.h. */
#ifndef CARDC_RICE_HALVES_H
#define CARDC_RICE_HALVES_H

#include "cardc_rice_sums.h"

#define CARDC_RICE_WORD(E, O, P) \
  CARDC_MEMCPY(&word, P, 4), E = cardc_add_even(E, word), O = cardc_add_odd(O, word)
#define CARDC_RICE_TAPS(TAP, COUNT)                                                    \
  CARDC_NO_UNROLL for (end = (TAP) + (COUNT), tap = (TAP); tap != end;) {              \
    const uint8_t *p = base + *tap++;                                                  \
    CARDC_PIN(p);                                                                      \
    CARDC_RICE_WORD(e0, o0, p), CARDC_RICE_WORD(e1, o1, p + 4);                        \
    p += apart;                                                                        \
    CARDC_PIN(p);                                                                      \
    CARDC_RICE_WORD(e2, o2, p), CARDC_RICE_WORD(e3, o3, p + 4);                        \
  }

#define CARDC_RICE_ROOM 0xffffu
#define CARDC_RICE_PUT(K, E, O)                                                   \
  sums[4 * (K)] = (int32_t)(E & 0xffff), sums[4 * (K) + 1] = (int32_t)(O & 0xffff), \
  sums[4 * (K) + 2] = (int32_t)(E >> 16), sums[4 * (K) + 3] = (int32_t)(O >> 16)

/* For at most `room` taps. */
static CARDC_NOINLINE void cardc_rice_few(const cardc_rice_taps *taps, const uint8_t *base, uint32_t apart,
                                          int32_t *sums) {
  uint32_t e0 = 0, e1 = 0, e2 = 0, e3 = 0, o0 = 0, o1 = 0, o2 = 0, o3 = 0, word;
  const uint16_t *tap, *end;
  CARDC_RICE_TAPS(taps->minus, taps->n_minus)
  word = taps->n_minus * taps->max_u * 0x00010001u;
  e0 = word - e0, e1 = word - e1, e2 = word - e2, e3 = word - e3;
  o0 = word - o0, o1 = word - o1, o2 = word - o2, o3 = word - o3;
  CARDC_RICE_TAPS(taps->plus, taps->n_plus)
  CARDC_RICE_PUT(0, e0, o0), CARDC_RICE_PUT(1, e1, o1), CARDC_RICE_PUT(2, e2, o2), CARDC_RICE_PUT(3, e3, o3);
}

/* For any number. */
static CARDC_NOINLINE void cardc_rice_many(const cardc_rice_taps *taps, const uint8_t *base, uint32_t apart,
                                           int32_t *sums) {
  cardc_rice_taps some = *taps;
  int32_t more[16];
  uint32_t minus = taps->n_minus, plus = taps->n_plus, k;
  CARDC_NO_UNROLL for (k = 0; k < 16; k++) { sums[k] = 0; }
  CARDC_NO_UNROLL for (; plus + minus > 0; some.plus += some.n_plus, some.minus += some.n_minus) {
    some.n_minus = minus < some.room ? minus : some.room;
    some.n_plus = plus < some.room - some.n_minus ? plus : some.room - some.n_minus;
    minus -= some.n_minus, plus -= some.n_plus;
    cardc_rice_few(&some, base, apart, more);
    CARDC_NO_UNROLL for (k = 0; k < 16; k++) { sums[k] += more[k]; }
  }
}

/* sums[0 .. 8) = max_u * minus taps - minus taps + plus taps, of the bytes from `base` on, sums[8 .. 16) of those that
 * are `apart` from them. */
static inline void cardc_rice_sums(const cardc_rice_taps *taps, const uint8_t *base, uint32_t apart, int32_t *sums) {
  if (taps->n_plus + taps->n_minus <= taps->room) {
    cardc_rice_few(taps, base, apart, sums);
  } else {
    cardc_rice_many(taps, base, apart, sums);
  }
}

#endif
