/* Ternary weights near their entropy, decoded as they are used. */
#ifndef CARDC_RICE_H
#define CARDC_RICE_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Weights in the order of their rows, as the gaps between those that are not zero: ones, a zero, `remainder` bits, then 1
 * for -1, the first bit of an element its highest. The last gap leads behind the end.
 * Written by cardc.passes.encodings.rice. */
typedef struct cardc_rice {
  const CARDC_ROM uint16_t *codes;
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

/* A row is the weights [kernel height, kernel width, depth] of one output channel. Output (y, x) reads
 * y * row_step + x * col_step bytes further than output (0, 0), which reads less than 65,536 bytes from the start. */
typedef struct cardc_conv_rice_layer {
  cardc_rice weights;
  const CARDC_ROM uint16_t *cells; /* from the start of a channel's storage, the byte under each element of the kernel */
  uint32_t plane, row_step;
  uint16_t cell_count; /* kernel height * kernel width */
  uint16_t depth;      /* input channels of a group */
  uint16_t group_channels;
  uint16_t most;       /* weights of an output channel that are not zero, at most */
  uint8_t col_step;
  uint8_t max_u;       /* the largest byte the input can hold, border included; >= 1 */
  cardc_map to;        /* the output: channels, height, width; where it goes */
} cardc_conv_rice_layer;

/* dst = finish(S), S[o, y, x] = sum of +1 taps - sum of -1 taps. The taps of one output channel after the other are
 * decoded to `work`: 2 * layer->most elements. `src` is the start of the input's storage (4-byte aligned), `dst` the
 * place of output (0, 0, 0). Storage of src and dst do not overlap. Reads up to CARDC_SLACK bytes behind the storage of
 * src. Not on AVR. */
void cardc_conv_rice(const CARDC_ROM cardc_conv_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint16_t *work);

/* Where a decoder is: the next `bits` bits are the highest of `window`, all others of which are 0. */
typedef struct cardc_rice_reader {
  const CARDC_ROM uint16_t *at;
  uint32_t window, bits;
} cardc_rice_reader;

/* Twice how many zeros come before the next weight that is not, and 1 if that is -1. */
static inline uint32_t cardc_rice_gap(cardc_rice_reader *r, uint32_t remainder) {
  const uint32_t need = remainder + 2, one = 2u << remainder; /* a zero, the remainder, the sign */
  uint32_t gap = 0, window = r->window, bits = r->bits;
  for (;;) {
    CARDC_NO_UNROLL for (; window >> 31; window <<= 1) { /* where bits run out, a zero ends this, too */
      gap += one;
      bits--;
    }
    if (bits >= need) {
      break;
    }
    window |= (uint32_t)*r->at++ << (16 - bits);
    bits += 16;
  }
  r->window = window << need;
  r->bits = bits - need;
  return gap + (window >> (32 - need));
}

#ifdef __cplusplus
}
#endif

#endif
