/* Fully connected layers: `src` is a contiguous vector of `inputs` elements, `dst` of `outputs` elements. */
#ifndef CARDC_DENSE_H
#define CARDC_DENSE_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* sums[0 .. count) = 0, `count` a multiple of 8; without memset, which under -ffreestanding is a slow call. */
static inline void cardc_clear_sums(int32_t *sums, uint32_t count) {
  CARDC_NO_UNROLL for (; count > 0; count -= 8, sums += 8) {
    sums[0] = sums[1] = sums[2] = sums[3] = sums[4] = sums[5] = sums[6] = sums[7] = 0;
  }
}

/* Ternary weights by column. The inputs are cut into `blocks` blocks of `block` columns (the last may be shorter). For each 32
 * outputs (the last group may be smaller), each block, each output: how many weights are -1, how many are +1, the columns
 * in the block of the ones, then of the others; each count is at most 32. Written by cardc.passes.encodings.sparse_dense. */
typedef struct cardc_dense_sparse_layer {
  const CARDC_ROM uint8_t *lists;
  uint16_t outputs;
  uint16_t blocks;
  uint16_t block; /* 1 .. 256 */
} cardc_dense_sparse_layer;

/* dst[o] = finish(S), S = sum of +1 bytes - sum of -1 bytes. */
void cardc_dense_sparse(const CARDC_ROM cardc_dense_sparse_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst);

/* Bit planes. Plane p of the input holds bit p of byte i at bit i % 32 of word i / 32; unused bits of the last word are 0.
 * `src` is [planes][words], words = ceil(inputs / 32).
 *
 * cardc_dense_binary: weights [outputs][words], bit 1 for +1, 0 for -1, unused bits 0.
 *     S' = sum over p of 2^p * popcount(w ^ plane p);
 *     the sum of w * u is (2^planes - 1) * popcount(w) - S'; for bipolar input (bit 0 is -1) that is inputs - 2 * S'.
 * cardc_dense_ternary: weights [outputs][words][2]: mask (1 where not zero), then sign (1 where -1).
 *     S' = sum over p of 2^p * popcount((plane p ^ sign) & mask);
 *     the sum of w * u is S' - (2^planes - 1) * popcount(sign).
 * finish() is applied to S'. Written by cardc.passes.encodings.bit_planes. */
typedef struct cardc_dense_planes_layer {
  const CARDC_ROM uint32_t *weights;
  uint16_t outputs;
  uint16_t words;
  uint8_t planes; /* 1 .. 8 */
} cardc_dense_planes_layer;

void cardc_dense_binary(const CARDC_ROM cardc_dense_planes_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint32_t *src, void *dst);
void cardc_dense_ternary(const CARDC_ROM cardc_dense_planes_layer *layer, const CARDC_ROM cardc_finish *finish,
                         const uint32_t *src, void *dst);

/* Dense int8 weights [outputs][inputs]. */
typedef struct cardc_dense_int8_layer {
  const CARDC_ROM int8_t *weights;
  uint16_t outputs;
  uint16_t inputs;
} cardc_dense_int8_layer;

/* dst[o] = finish(S), S = sum of weights * bytes; |S| fits int32. */
void cardc_dense_int8(const CARDC_ROM cardc_dense_int8_layer *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst);

#ifdef __cplusplus
}
#endif

#endif
