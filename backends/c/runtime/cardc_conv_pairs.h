/* Convolutions with dense weights of few bits, two output channels to a multiplication. */
#ifndef CARDC_CONV_PAIRS_H
#define CARDC_CONV_PAIRS_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Channels 2p and 2p + 1 of a group make a pair (the last is alone where their number is odd). A word w0 + 65536 * w1 times a
 * byte, added up, holds the two sums: the lower one in its lower half, the upper one above, less one where the lower is
 * negative. As long as both fit 16 bits that is exact; after `room` input channels they are moved to where they cannot
 * overflow.
 *
 * `weights` holds, for each pair, [depth, kernel_height, kernel_width] of both: with `bits` 4 one byte, w0 below and w1
 * above, both two's complement; with `bits` 8 two bytes, w0 first. With `room` 0 not even one input channel's sums fit
 * 16 bits: every channel is alone and has the whole word, and its weights are a byte each.
 * Written by cardc.passes.encodings.pairs. */
typedef struct cardc_conv_pairs_layer {
  const CARDC_ROM uint8_t *weights;
  uint32_t origin;               /* of the input's storage: the element under tap (0, 0, 0) of output (0, 0) */
  uint32_t plane, row;           /* of the input */
  uint32_t row_step;             /* stride down, times row */
  uint8_t col_step;              /* stride across */
  uint8_t kernel_height, kernel_width;
  uint8_t dilation_height, dilation_width;
  uint8_t bits;                  /* 4 or 8 */
  uint16_t depth;                /* input channels of a group */
  uint16_t room;                 /* 1 .. depth; 0: no pairs */
  uint16_t group_channels;       /* output channels of a group */
  cardc_map to;
} cardc_conv_pairs_layer;

/* dst = finish(S), S = sum of weights * bytes; |S| fits int32. `work`, 4-byte aligned, holds a word for each tap of a
 * channel. Any strides; reads nothing but the taps. */
void cardc_conv_pairs(const CARDC_ROM cardc_conv_pairs_layer *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst, uint32_t *work);

#ifdef __cplusplus
}
#endif

#endif
