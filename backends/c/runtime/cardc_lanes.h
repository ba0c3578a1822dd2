/* Sums of taps for a tile of pixels, four pixels in a word: what cardc_conv_lanes is made of.
 *
 * A tile is 8 words: 16 pixels of 2 rows, 8 of 4 or 4 of 8, so that the offset of a tap is fetched once for 8 loads and
 * 8 adds; with the pointers that is every register that Thumb-2 has. Cores that cannot load from any address (CARDC_UNALIGNED 0) sum aligned words, one row of 16, 8 or 4 pixels at
 * a time, class by class: all taps of a class are off by the same number of bytes, so one shift after the sum puts right
 * what shifts before it would.
 */
#ifndef CARDC_LANES_H
#define CARDC_LANES_H

#include "cardc_conv.h"

#define CARDC_LANE_MASK 0x00ff00ffu

/* Taps of one class (of all classes where CARDC_UNALIGNED). `residue` is what their addresses are modulo 4. */
typedef struct cardc_run {
  const CARDC_ROM uint16_t *plus, *minus;
  uint32_t n_plus, n_minus;
  uint32_t init; /* max_u * n_minus in every byte: with it no lane goes below 0 */
  uint32_t residue;
} cardc_run;

/* A tile in pixels, at most CARDC_TILE_WORDS words; its rows lie `down` bytes apart. */
typedef struct cardc_shape {
  uint32_t width, rows, down;
} cardc_shape;

#if CARDC_UNALIGNED
#define CARDC_RUNS 1
#define CARDC_TILE_WORDS 8
#else
#define CARDC_RUNS 4
#define CARDC_TILE_WORDS 4
#endif

/* lanes + pixels 0 and 2 (even) or 1 and 3 (odd) of a word of four, as 16-bit lanes: one instruction, UXTAB16, where the
 * DSP extension is. gcc and clang do not find it by themselves. */
#if defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)
static inline uint32_t cardc_add_even(uint32_t lanes, uint32_t word) {
  __asm__("uxtab16 %0, %0, %1" : "+r"(lanes) : "r"(word));
  return lanes;
}
static inline uint32_t cardc_add_odd(uint32_t lanes, uint32_t word) {
  __asm__("uxtab16 %0, %0, %1, ror #8" : "+r"(lanes) : "r"(word));
  return lanes;
}
#else
static inline uint32_t cardc_add_even(uint32_t lanes, uint32_t word) { return lanes + (word & CARDC_LANE_MASK); }
static inline uint32_t cardc_add_odd(uint32_t lanes, uint32_t word) { return lanes + ((word >> 8) & CARDC_LANE_MASK); }
#endif

/* What every byte of a sum is higher by for `minus` taps. */
static inline uint32_t cardc_lift(uint32_t minus, uint32_t max_u) {
  return CARDC_MULTIPLIES || minus > 0 ? cardc_four(minus * max_u) : 0;
}

/* Reads the runs of one part: how many taps they have. */
static inline uint32_t cardc_load_runs(const CARDC_ROM cardc_conv_sparse *layer, const CARDC_ROM uint16_t *offsets,
                                       const CARDC_ROM uint8_t *counts, cardc_run *runs) {
  const uint32_t classes = layer->classes;
  const CARDC_ROM uint16_t *at = offsets;
  uint32_t k;
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].n_plus = runs[k].n_minus = runs[k].residue = 0;
  }
  CARDC_NO_UNROLL for (k = 0; k < classes; k++) {
    cardc_run *run = runs + k % CARDC_RUNS;
    run->n_plus += counts[k], run->n_minus += counts[classes + k];
    run->residue = layer->residue[k];
  }
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].plus = at;
    at += runs[k].n_plus;
  }
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].minus = at;
    runs[k].init = cardc_lift(runs[k].n_minus, layer->max_u);
    at += runs[k].n_minus;
  }
  return (uint32_t)(at - offsets);
}

/* Moves at most `room` taps from `rest` to `chunk`: how many. */
static inline uint32_t cardc_take_taps(cardc_run *chunk, cardc_run *rest, uint32_t room, uint32_t max_u) {
  const uint32_t all = room;
  uint32_t k;
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    const uint32_t plus = rest[k].n_plus < room ? rest[k].n_plus : room;
    const uint32_t minus = rest[k].n_minus < room - plus ? rest[k].n_minus : room - plus;
    chunk[k].plus = rest[k].plus, chunk[k].minus = rest[k].minus, chunk[k].residue = rest[k].residue;
    chunk[k].n_plus = plus, chunk[k].n_minus = minus;
    chunk[k].init = cardc_lift(minus, max_u);
    rest[k].plus += plus, rest[k].n_plus -= plus;
    rest[k].minus += minus, rest[k].n_minus -= minus;
    room -= plus + minus;
  }
  return all - room;
}

#endif
