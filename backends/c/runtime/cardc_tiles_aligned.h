/* Tiles of one row, for cores that load words only from multiples of 4. See cardc_lanes.h. */
#ifndef CARDC_TILES_ALIGNED_H
#define CARDC_TILES_ALIGNED_H

#include "cardc_lanes.h"

static inline uint32_t cardc_aligned_word(const uint8_t *at) {
  uint32_t word;
  CARDC_MEMCPY(&word, __builtin_assume_aligned(at, 4), sizeof word);
  return word;
}

/* Defines a function: for each of `rows` rows that lie `advance` bytes apart, the next WORDS - 1 words of `out` grow by the
 * sums of the +1 taps less those of the -1 taps, over run->init. The sums are of WORDS aligned words; what is wanted
 * begins run->residue bytes into them. */
#define CARDC_ROW(NAME, VARS, STEP, JOIN, COPY)                                                             \
  static void NAME(uint32_t *out, uint32_t rows, uint32_t advance, const uint8_t *base, const cardc_run *run) { \
    const uint32_t right = 8 * run->residue, left = 32 - right;                                              \
    for (base -= run->residue; rows > 0; rows--, base += advance) {                                          \
      const CARDC_ROM uint16_t *tap = run->plus, *end = tap + run->n_plus;                                             \
      uint32_t VARS;                                                                                         \
      CARDC_NO_UNROLL while (tap != end) {                                                           \
        const uint8_t *p = base + *tap++;                                                                    \
        CARDC_PIN(p);                                                                                        \
        STEP(+=)                                                                                             \
      }                                                                                                      \
      tap = run->minus, end = tap + run->n_minus;                                                            \
      CARDC_NO_UNROLL while (tap != end) {                                                           \
        const uint8_t *p = base + *tap++;                                                                    \
        CARDC_PIN(p);                                                                                        \
        STEP(-=)                                                                                             \
      }                                                                                                      \
      if (right) {                                                                                           \
        JOIN                                                                                                 \
      } else {                                                                                               \
        COPY                                                                                                 \
      }                                                                                                      \
    }                                                                                                        \
  }

#define CARDC_ADD(A, OP, P) A OP cardc_aligned_word(P); CARDC_PIN(A);
#define CARDC_JOIN(LOW, HIGH) *out++ += (LOW >> right) | (HIGH << left);
#define CARDC_COPY(A) *out++ += A;

#define CARDC_VARS_16 a0 = run->init, a1 = a0, a2 = a0, a3 = a0, a4 = a0
#define CARDC_STEP_16(OP)                                                                                 \
  CARDC_ADD(a0, OP, p) CARDC_ADD(a1, OP, p + 4) CARDC_ADD(a2, OP, p + 8) CARDC_ADD(a3, OP, p + 12)        \
  CARDC_ADD(a4, OP, p + 16)
#define CARDC_JOIN_16 CARDC_JOIN(a0, a1) CARDC_JOIN(a1, a2) CARDC_JOIN(a2, a3) CARDC_JOIN(a3, a4)
#define CARDC_COPY_16 CARDC_COPY(a0) CARDC_COPY(a1) CARDC_COPY(a2) CARDC_COPY(a3)
CARDC_ROW(cardc_row_16, CARDC_VARS_16, CARDC_STEP_16, CARDC_JOIN_16, CARDC_COPY_16)

#define CARDC_VARS_8 a0 = run->init, a1 = a0, a2 = a0
#define CARDC_STEP_8(OP) CARDC_ADD(a0, OP, p) CARDC_ADD(a1, OP, p + 4) CARDC_ADD(a2, OP, p + 8)
#define CARDC_JOIN_8 CARDC_JOIN(a0, a1) CARDC_JOIN(a1, a2)
#define CARDC_COPY_8 CARDC_COPY(a0) CARDC_COPY(a1)
CARDC_ROW(cardc_row_8, CARDC_VARS_8, CARDC_STEP_8, CARDC_JOIN_8, CARDC_COPY_8)

#define CARDC_VARS_4 a0 = run->init, a1 = a0
#define CARDC_STEP_4(OP) CARDC_ADD(a0, OP, p) CARDC_ADD(a1, OP, p + 4)
#define CARDC_JOIN_4 CARDC_JOIN(a0, a1)
#define CARDC_COPY_4 CARDC_COPY(a0)
CARDC_ROW(cardc_row_4, CARDC_VARS_4, CARDC_STEP_4, CARDC_JOIN_4, CARDC_COPY_4)

/* Byte lanes of `tiles` rows of 16, 8 or 4 pixels: out = sums of all `runs`, each lane higher by max_u * (minus taps). */
static void cardc_byte_sums(uint32_t *out, uint32_t tiles, const cardc_shape *shape, const uint8_t *base,
                            const cardc_run *runs) {
  const cardc_run *run;
  memset(out, 0, tiles * shape->width);
  for (run = runs; run < runs + CARDC_RUNS; run++) {
    if (run->n_plus + run->n_minus == 0) {
      continue;
    }
    if (shape->width == 16) {
      cardc_row_16(out, tiles, shape->down, base, run);
    } else if (shape->width == 8) {
      cardc_row_8(out, tiles, shape->down, base, run);
    } else {
      cardc_row_4(out, tiles, shape->down, base, run);
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
      const CARDC_ROM uint16_t *tap = run->minus;
      for (n = run->n_minus; n > 0; n--) {
        const uint8_t *p = from + *tap++;
        const uint32_t word = (cardc_aligned_word(p) >> right) | ((cardc_aligned_word(p + 4) << left) & joined);
        e = cardc_add_even(e, word), o = cardc_add_odd(o, word);
      }
      e = init - e, o = init - o;
      tap = run->plus;
      for (n = run->n_plus; n > 0; n--) {
        const uint8_t *p = from + *tap++;
        const uint32_t word = (cardc_aligned_word(p) >> right) | ((cardc_aligned_word(p + 4) << left) & joined);
        e = cardc_add_even(e, word), o = cardc_add_odd(o, word);
      }
      out[2 * i] += e, out[2 * i + 1] += o;
    }
  }
}

/* The tile for what is left of an image: `width` columns. */
static inline cardc_shape cardc_pick_shape(uint32_t width, uint32_t height, uint32_t row_step) {
  cardc_shape shape = {16, 1, 0};
  (void)height;
  shape.down = row_step;
  shape.width = width > 8 ? 16 : width > 4 ? 8 : 4;
  return shape;
}

#endif
