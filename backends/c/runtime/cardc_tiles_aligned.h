/* Tiles of one row, for cores that load words only from multiples of 4. See cardc_lanes.h. */
#ifndef CARDC_TILES_ALIGNED_H
#define CARDC_TILES_ALIGNED_H

#include "cardc_lanes.h"

static inline uint32_t cardc_aligned_word(const uint8_t *at) {
  uint32_t word;
  CARDC_MEMCPY(&word, __builtin_assume_aligned(at, 4), sizeof word);
  return word;
}

/* Defines a function: a[0 .. WORDS) = init in every word, plus the +1 taps, less the -1 taps, at aligned addresses. */
#define CARDC_ROW(NAME, VARS, STEP, STORE)                                                                   \
  static inline void NAME(uint32_t *a, uint32_t init, const uint8_t *base, const cardc_run *run) {           \
    uint32_t VARS;                                                                                           \
    const uint16_t *tap = run->plus, *end = tap + run->n_plus;                                               \
    _Pragma("GCC unroll 1") for (; tap != end; tap++) {                                                      \
      const uint8_t *p = base + *tap;                                                                        \
      STEP(p, +=)                                                                                            \
    }                                                                                                        \
    tap = run->minus, end = tap + run->n_minus;                                                              \
    _Pragma("GCC unroll 1") for (; tap != end; tap++) {                                                      \
      const uint8_t *p = base + *tap;                                                                        \
      STEP(p, -=)                                                                                            \
    }                                                                                                        \
    STORE;                                                                                                   \
  }

#define CARDC_VARS_16 a0 = init, a1 = init, a2 = init, a3 = init, a4 = init
#define CARDC_STEP_16(P, OP)                                                  \
  a0 OP cardc_aligned_word(P), a1 OP cardc_aligned_word(P + 4), a2 OP cardc_aligned_word(P + 8); \
  a3 OP cardc_aligned_word(P + 12), a4 OP cardc_aligned_word(P + 16);
#define CARDC_STORE_16 a[0] = a0, a[1] = a1, a[2] = a2, a[3] = a3, a[4] = a4
CARDC_ROW(cardc_row_16, CARDC_VARS_16, CARDC_STEP_16, CARDC_STORE_16)

#define CARDC_VARS_8 a0 = init, a1 = init, a2 = init
#define CARDC_STEP_8(P, OP) a0 OP cardc_aligned_word(P), a1 OP cardc_aligned_word(P + 4), a2 OP cardc_aligned_word(P + 8);
#define CARDC_STORE_8 a[0] = a0, a[1] = a1, a[2] = a2
CARDC_ROW(cardc_row_8, CARDC_VARS_8, CARDC_STEP_8, CARDC_STORE_8)

#define CARDC_VARS_4 a0 = init, a1 = init
#define CARDC_STEP_4(P, OP) a0 OP cardc_aligned_word(P), a1 OP cardc_aligned_word(P + 4);
#define CARDC_STORE_4 a[0] = a0, a[1] = a1
CARDC_ROW(cardc_row_4, CARDC_VARS_4, CARDC_STEP_4, CARDC_STORE_4)

/* Byte lanes of one row of 16, 8 or 4 pixels: out = sums of all `runs`, each lane higher by max_u * (minus taps). */
static void cardc_byte_sums(uint32_t *out, const cardc_shape *shape, const uint8_t *base, const cardc_run *runs,
                            uint32_t max_u) {
  const uint32_t words = shape->width / 4;
  uint32_t a[5], i, k;
  for (i = 0; i < words; i++) {
    out[i] = 0;
  }
  for (k = 0; k < CARDC_RUNS; k++) {
    const cardc_run *run = runs + k;
    const uint32_t init = run->n_minus * max_u * 0x01010101u, shift = 8 * run->residue;
    if (run->n_plus + run->n_minus == 0) {
      continue;
    }
    if (words == 4) {
      cardc_row_16(a, init, base - run->residue, run);
    } else if (words == 2) {
      cardc_row_8(a, init, base - run->residue, run);
    } else {
      cardc_row_4(a, init, base - run->residue, run);
    }
    if (shift == 0) {
      for (i = 0; i < words; i++) {
        out[i] += a[i];
      }
    } else {
      for (i = 0; i < words; i++) {
        out[i] += (a[i] >> shift) | (a[i + 1] << (32 - shift));
      }
    }
  }
}

/* 16-bit lanes of 16 pixels of one row; as in cardc_tiles_unaligned.h. */
static void cardc_wide_sums(uint32_t *out, const uint8_t *base, const cardc_run *runs, uint32_t max_u) {
  uint32_t i, k, n;
  for (k = 0; k < CARDC_RUNS; k++) {
    const cardc_run *run = runs + k;
    const uint32_t init = run->n_minus * max_u * 0x00010001u, right = 8 * run->residue, left = (32 - right) & 31;
    const uint32_t joined = right ? 0xffffffffu : 0;
    for (i = 0; i < 4; i++) {
      uint32_t e = 0, o = 0;
      const uint8_t *from = base + 4 * i - run->residue;
      const uint16_t *tap = run->minus;
      for (n = run->n_minus; n > 0; n--) {
        const uint8_t *p = from + *tap++;
        const uint32_t word = (cardc_aligned_word(p) >> right) | ((cardc_aligned_word(p + 4) << left) & joined);
        e += cardc_even(word), o += cardc_odd(word);
      }
      e = init - e, o = init - o;
      tap = run->plus;
      for (n = run->n_plus; n > 0; n--) {
        const uint8_t *p = from + *tap++;
        const uint32_t word = (cardc_aligned_word(p) >> right) | ((cardc_aligned_word(p + 4) << left) & joined);
        e += cardc_even(word), o += cardc_odd(word);
      }
      out[2 * i] += e, out[2 * i + 1] += o;
    }
  }
}

/* The tile for what is left of an image: `width` columns. */
static inline cardc_shape cardc_pick_shape(uint32_t width, uint32_t height, uint32_t row_step) {
  cardc_shape shape = {16, 1, 0};
  (void)height;
  (void)row_step;
  shape.width = width > 8 ? 16 : width > 4 ? 8 : 4;
  return shape;
}

#endif
