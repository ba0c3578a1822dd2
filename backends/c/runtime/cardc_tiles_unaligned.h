/* Tiles for cores that load a word from any address in one instruction. See cardc_lanes.h. */
#ifndef CARDC_TILES_UNALIGNED_H
#define CARDC_TILES_UNALIGNED_H

#include "cardc_lanes.h"

static inline uint32_t cardc_word(const uint8_t *at) {
  uint32_t word;
  CARDC_MEMCPY(&word, at, sizeof word);
  return word;
}

/* One tap: a = a OP the word at p. */
#define CARDC_ADD(A, OP, P) A OP cardc_word(P); CARDC_PIN(A);

/* Defines a function: for each of `tiles` tiles that lie `advance` bytes apart, the next 8 words of `out` are the sums of
 * the +1 taps less those of the -1 taps, over run->init. STEP(op) applies one tap to the eight words a0 .. a7; `p` points
 * at the tap's byte for the tile's first pixel; `row` is the distance of two rows. */
#define CARDC_TILE(NAME, STEP)                                                                              \
  static void NAME(uint32_t *out, uint32_t tiles, uint32_t advance, uint32_t row, const uint8_t *base,       \
                   const cardc_run *run) {                                                                   \
    for (; tiles > 0; tiles--, base += advance, out += 8) {                                                  \
      const CARDC_ROM uint16_t *tap = run->plus, *end = tap + run->n_plus;                                             \
      uint32_t a0 = run->init, a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;                \
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
      out[0] = a0, out[1] = a1, out[2] = a2, out[3] = a3;                                                    \
      out[4] = a4, out[5] = a5, out[6] = a6, out[7] = a7;                                                    \
    }                                                                                                        \
  }

#define CARDC_NEXT_ROW p += row; CARDC_PIN(p);
#define CARDC_STEP_16X2(OP)                                                                           \
  CARDC_ADD(a0, OP, p) CARDC_ADD(a1, OP, p + 4) CARDC_ADD(a2, OP, p + 8) CARDC_ADD(a3, OP, p + 12)    \
  CARDC_NEXT_ROW                                                                                      \
  CARDC_ADD(a4, OP, p) CARDC_ADD(a5, OP, p + 4) CARDC_ADD(a6, OP, p + 8) CARDC_ADD(a7, OP, p + 12)
#define CARDC_STEP_8X4(OP)                                             \
  CARDC_ADD(a0, OP, p) CARDC_ADD(a1, OP, p + 4) CARDC_NEXT_ROW         \
  CARDC_ADD(a2, OP, p) CARDC_ADD(a3, OP, p + 4) CARDC_NEXT_ROW         \
  CARDC_ADD(a4, OP, p) CARDC_ADD(a5, OP, p + 4) CARDC_NEXT_ROW         \
  CARDC_ADD(a6, OP, p) CARDC_ADD(a7, OP, p + 4)
#define CARDC_STEP_4X8(OP)                                                                       \
  CARDC_ADD(a0, OP, p) CARDC_NEXT_ROW CARDC_ADD(a1, OP, p) CARDC_NEXT_ROW                        \
  CARDC_ADD(a2, OP, p) CARDC_NEXT_ROW CARDC_ADD(a3, OP, p) CARDC_NEXT_ROW                        \
  CARDC_ADD(a4, OP, p) CARDC_NEXT_ROW CARDC_ADD(a5, OP, p) CARDC_NEXT_ROW                        \
  CARDC_ADD(a6, OP, p) CARDC_NEXT_ROW CARDC_ADD(a7, OP, p)

CARDC_TILE(cardc_tile_16x2, CARDC_STEP_16X2)
CARDC_TILE(cardc_tile_8x4, CARDC_STEP_8X4)
CARDC_TILE(cardc_tile_4x8, CARDC_STEP_4X8)

/* Byte lanes of `tiles` tiles below each other: out[0 .. 8 * tiles) = sums of `runs` (one), each lane higher by
 * max_u * (minus taps). */
static void cardc_byte_sums(uint32_t *out, uint32_t tiles, const cardc_shape *shape, const uint8_t *base,
                            const cardc_run *runs) {
  const uint32_t row = shape->down, advance = row * shape->rows;
  if (shape->width == 16) {
    cardc_tile_16x2(out, tiles, advance, row, base, runs);
  } else if (shape->width == 8) {
    cardc_tile_8x4(out, tiles, advance, row, base, runs);
  } else {
    cardc_tile_4x8(out, tiles, advance, row, base, runs);
  }
}

#define CARDC_WIDE_ADD(E, O, P) word = cardc_word(P), E = cardc_add_even(E, word), O = cardc_add_odd(O, word);
#define CARDC_WIDE_STEP(P)                                             \
  CARDC_WIDE_ADD(e0, o0, P) CARDC_WIDE_ADD(e1, o1, P + 4)              \
  CARDC_WIDE_ADD(e2, o2, P + 8) CARDC_WIDE_ADD(e3, o3, P + 12)

/* 16-bit lanes of 16 pixels of one row, for bytes of which only few add up in 8 bits: words are widened before they are
 * added. out[2k] += pixels 0 and 2 of word k, out[2k + 1] += pixels 1 and 3, each higher by max_u * (minus taps). */
static void cardc_wide_sums(uint32_t *out, const uint8_t *base, const cardc_run *runs, uint32_t max_u) {
  const uint32_t init = runs->n_minus * max_u * 0x00010001u;
  uint32_t e0 = 0, e1 = 0, e2 = 0, e3 = 0, o0 = 0, o1 = 0, o2 = 0, o3 = 0, word;
  const CARDC_ROM uint16_t *tap = runs->minus, *end = tap + runs->n_minus;
  CARDC_NO_UNROLL for (; tap != end; tap++) {
    const uint8_t *p = base + *tap;
    CARDC_WIDE_STEP(p)
  }
  e0 = init - e0, e1 = init - e1, e2 = init - e2, e3 = init - e3;
  o0 = init - o0, o1 = init - o1, o2 = init - o2, o3 = init - o3;
  tap = runs->plus, end = tap + runs->n_plus;
  CARDC_NO_UNROLL for (; tap != end; tap++) {
    const uint8_t *p = base + *tap;
    CARDC_WIDE_STEP(p)
  }
  out[0] += e0, out[1] += o0, out[2] += e1, out[3] += o1, out[4] += e2, out[5] += o2, out[6] += e3, out[7] += o3;
}

/* The tile for what is left of an image of `height` rows: `width` columns. Reads at most 15 bytes behind a row. One
 * row alone is done as two that are the same. */
static inline cardc_shape cardc_pick_shape(uint32_t width, uint32_t height, uint32_t row_step) {
  cardc_shape shape = {16, 2, 0};
  shape.down = row_step;
  if (height == 1) {
    shape.rows = 1, shape.down = 0;
  } else if (width <= 4 && height >= 8) {
    shape.width = 4, shape.rows = 8;
  } else if (width <= 8 && height >= 4) {
    shape.width = 8, shape.rows = 4;
  }
  return shape;
}

#endif
