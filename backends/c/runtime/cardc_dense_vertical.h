/* Fully connected layers on bits, 32 outputs at a time: vertical counters.
 *
 * A bit is one of 32 outputs, a word one binary digit of 32 numbers. The weights lie transposed: row i of a matrix holds a bit
 * for each output, and the rows of the inputs that are 1 are added up by full adders on words (Harley and Seal's carry-save
 * adders; see Warren, Hacker's Delight, 2nd edition, section 5-1). Where more than half of the inputs are 1, the rows of the
 * others are, and the sum is taken from its total: at most half of the rows are ever added.
 */
#ifndef CARDC_DENSE_VERTICAL_H
#define CARDC_DENSE_VERTICAL_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Weights of -1 and +1 are one matrix (1 for +1); ternary ones are two (1 for +1; 0 for -1), and what follows adds both.
 * Bit 8 * (j % 4) + j / 4 of word k is output 32 * k + j. `src` holds a byte for each input, 0 or 1.
 *
 * The sum that a finish gets is V = inputs + the sum of w * u, 0 .. 2 * inputs, less than 2^bits; bits >= 5.
 * Written by cardc.passes.encodings.vertical. */
typedef struct cardc_dense_vertical_layer {
  const CARDC_ROM uint32_t *weights;    /* [matrices][inputs + 1][words], the last row 0; less than 64 KB a matrix */
  const CARDC_ROM uint32_t *totals;     /* [words][bits]: V with every input 1, digit by digit */
  const CARDC_ROM uint32_t *thresholds; /* [words][bits + 1]: digits, then 1 where the result falls; NULL: none */
  uint16_t inputs, outputs;
  uint8_t words, bits, matrices;
  uint8_t base, step; /* with thresholds: dst[o] = base, or base + step where V >= the threshold (falling: where not) */
} cardc_dense_vertical_layer;

/* `list` has room for CARDC_VERTICAL_LIST(inputs) numbers; `dst` is 4-byte aligned. */
#define CARDC_VERTICAL_LIST(INPUTS) ((INPUTS) / 32 * 16 + 16)

/* dst[o] by the layer's thresholds. */
void cardc_dense_vertical_bits(const CARDC_ROM cardc_dense_vertical_layer *layer, const uint8_t *src, uint8_t *dst,
                               uint16_t *list);

/* dst[o] = finish(V). */
void cardc_dense_vertical(const CARDC_ROM cardc_dense_vertical_layer *layer, const CARDC_ROM cardc_finish *finish,
                          const uint8_t *src, void *dst, uint16_t *list);

#ifdef __cplusplus
}
#endif

#endif
