/* cardc runtime: the gate of a deck. What it computes, word by word: docs/gate.md.
 *
 * The arena is rows * half words for a matrix, and behind it the larger of 4 * rows and half for two columns and what
 * becomes of them. Nothing in it is kept from one image to the next. */
#ifndef CARDC_GATE_H
#define CARDC_GATE_H

#include "cardc_fft.h"
#include "cardc_gate_common.h"
#include "cardc_quads.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CARDC_GATE_HALVES (CARDC_SIMD32 && CARDC_UNALIGNED && !CARDC_MVE)

enum { CARDC_GATE_POWER = 0, CARDC_GATE_TABLE16 = 1, CARDC_GATE_TABLE32 = 2 }; /* cardc_gate.kind; values of 15, 24 bits */

/* `rows` and `half` are powers of two: 8 ... 64 and 4 ... 32. `first_rows` of the spectrum's rows from 0 on are looked at
 * and all from `other_rows` on; columns below `columns`. */
typedef struct cardc_gate {
  uint8_t channels, height, width; /* of the image, [channels, height, width] */
  uint8_t rows, half;
  uint8_t mixes, mix_shift, planes; /* mixes = channels, planes = 1: grey; mixes = 1: each channel alone */
  uint8_t kind;
  uint8_t first_rows, other_rows, columns;
  uint8_t table_length; /* the n that `twiddles` is made for: the larger of rows and 2 * half */
  uint8_t rivals;       /* augmentations but the first */
  uint8_t clip;         /* 1: the type of a pixel has integers beyond lo ... hi */
  uint16_t window;
  int16_t lo, hi;
  int32_t bias, offset;
  const int16_t *mix;
  const uint32_t *twiddles;
  const uint8_t *row_order, *column_order;
  const void *table;
  const int16_t *differences; /* [rivals, planes * slots], in the order in which the slots come up */
  const int64_t *constants;   /* [rivals] */
  uint32_t slots;             /* values of a plane */
} cardc_gate;

/* The pick for `in`, 0 ... rivals. `sum` [rivals + 1], `ring` [window * rivals] and `place` [1] are the window; all 0 at
 * the start. `arena`: 4-byte aligned. */
uint32_t cardc_gate_feed_u8(const cardc_gate *gate, const uint8_t *in, int64_t *sum, int64_t *ring, uint32_t *place,
                            uint32_t *arena);
uint32_t cardc_gate_feed_i8(const cardc_gate *gate, const int8_t *in, int64_t *sum, int64_t *ring, uint32_t *place,
                            uint32_t *arena);

/* From the columns kx and (half - kx) % half: |X|^2 at kx (low), and, where `high` is not NULL, at half - kx in mirrored
 * rows; for each of the rows that are looked at. `high` must be NULL for kx = half / 2. */
void cardc_gate_powers(const cardc_gate *gate, const uint32_t *column, const uint32_t *mirror, uint32_t kx,
                       uint32_t *low, uint32_t *high);

/* Bytes of a value: values of 15 bits lie in halves of a word where the core multiplies and adds two at a time. */
static inline uint32_t cardc_gate_value_bytes(uint32_t kind) {
  return CARDC_GATE_HALVES && kind == CARDC_GATE_TABLE16 ? 2 : 4;
}

/* What the gate makes of |X|^2, read `octaves` higher; y may begin where p does. */
void cardc_gate_values(const cardc_gate *gate, const uint32_t *p, uint32_t count, uint32_t octaves, void *y);

/* score[a] += the sum of y[i] * d[i], i < count, for each rival's d, `total` behind the one before. Each product fits 32
 * bits, but for powers. */
void cardc_gate_scores(const cardc_gate *gate, const void *y, const int16_t *d, uint32_t count, int64_t *score);

#ifdef __cplusplus
}
#endif

#endif
