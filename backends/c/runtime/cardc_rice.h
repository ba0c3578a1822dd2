/* Ternary weights near their entropy, decoded as they are used. */
#ifndef CARDC_RICE_H
#define CARDC_RICE_H

#include "cardc_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Weights in the order of their rows, as the gaps between those that are not zero: ones, a zero, `remainder` bits, then 1
 * for -1, the first bit of a byte its highest. The last gap leads behind the end. 3 bytes behind the codes are read.
 * Written by cardc.passes.encodings.rice. */
typedef struct cardc_rice {
  const CARDC_ROM uint8_t *codes;
  uint8_t remainder; /* 0 .. 15 */
} cardc_rice;

/* A row is the weights of one output. */
typedef struct cardc_dense_rice_layer {
  cardc_rice weights;
  uint16_t outputs;
  uint16_t inputs;
} cardc_dense_rice_layer;

/* dst[o] = finish(S), S = sum of +1 bytes - sum of -1 bytes. */
void cardc_dense_rice(const CARDC_ROM cardc_dense_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst);

/* A row is the weights [depth, kernel height, kernel width] of one output channel. `one` is the layer of one output
 * channel for the kernel that is called, in one part, its offsets and counts NULL. */
typedef struct cardc_conv_rice_layer {
  cardc_rice weights;
  cardc_conv_sparse one;
  const CARDC_ROM uint16_t *cells; /* from the start of a channel's storage, the byte under each element of the kernel */
  uint32_t plane;
  uint16_t cell_count; /* kernel height * kernel width */
  uint16_t depth;      /* input channels of a group */
  uint16_t groups, group_channels;
  uint16_t most; /* weights of an output channel that are not zero, at most */
} cardc_conv_rice_layer;

typedef void (*cardc_conv_kernel)(const CARDC_ROM cardc_conv_sparse *layer, const CARDC_ROM cardc_finish *finish,
                                  const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes);

/* As `kernel`, cardc_conv_lanes or cardc_conv_taps, for one output channel after the other, whose taps are decoded to
 * `work`: 2 * layer->most elements. Not on AVR, where constants and variables are of different kinds. */
void cardc_conv_rice(const CARDC_ROM cardc_conv_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes, uint16_t *work,
                     cardc_conv_kernel kernel);

/* Where a decoder is: the next `bits` bits are the highest of `window`. */
typedef struct cardc_rice_reader {
  const CARDC_ROM uint8_t *at;
  uint32_t window, bits;
} cardc_rice_reader;

static inline void cardc_rice_fill(cardc_rice_reader *r) {
  CARDC_NO_UNROLL while (r->bits <= 24) {
    r->window |= (uint32_t)*r->at++ << (24 - r->bits);
    r->bits += 8;
  }
}

/* How many zeros come before the next weight that is not; *minus says whether that is -1. */
static inline uint32_t cardc_rice_gap(cardc_rice_reader *r, uint32_t remainder, uint32_t *minus) {
  uint32_t gap = 0, window, bits;
  cardc_rice_fill(r);
  window = r->window;
  bits = r->bits;
  CARDC_NO_UNROLL while (window >> 31) {
    gap++;
    window <<= 1;
    if (--bits == 0) {
      r->window = r->bits = 0;
      cardc_rice_fill(r);
      window = r->window;
      bits = r->bits;
    }
  }
  window <<= 1;
  bits--;
  if (bits <= remainder) {
    r->window = window;
    r->bits = bits;
    cardc_rice_fill(r);
    window = r->window;
    bits = r->bits;
  }
  gap = gap << remainder | window >> 1 >> (31 - remainder);
  window <<= remainder;
  *minus = window >> 31;
  r->window = window << 1;
  r->bits = bits - remainder - 1;
  return gap;
}

#ifdef __cplusplus
}
#endif

#endif
