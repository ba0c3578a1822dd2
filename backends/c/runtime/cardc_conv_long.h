/* Convolutions with weights of few bits: three neighbouring weights times three neighbouring pixels
 * in one long multiplication. */
#ifndef CARDC_CONV_LONG_H
#define CARDC_CONV_LONG_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As polynomials in z = 4096, (w0 z^2 + w1 z + w2) times (u0 + u1 z + u2 z^2) has in its coefficients what the three weights
 * w0, w1, w2, side by side, add to five neighbouring outputs over the pixels u0, u1, u2: z^2 holds w0 u0 + w1 u1 + w2 u2. Three
 * coefficients are outputs, the upper two are carried to the next three. That is exact as long as all sums of a channel,
 * less the lowest, fit 12 bits.
 *
 * Input channels of a group are copied to `work` as words of three pixels, from which `border` is taken away so that padding
 * is 0: row by row, of each row all channels, of each channel first the pixels 0, s, 2 s ... of the padded row, then
 * 1, s + 1 ..., where s is the stride across: `phases` of them, `blocks` words each. The first `skip` pixels of a phase are
 * padding in all of them and left out.
 * `weights` holds for each output channel, chunk, row of the kernel, input channel of its group and phase the
 * taps of a word from left to right: with `bits` 4 in halves of bytes, the lower one first, an output
 * channel beginning with a byte; with 8 in bytes, two's complement.
 * biases[channel] is what the lowest sum lacks to 0, starts[channel] that plus border * (sum of weights). Written by
 * cardc.passes.encodings.long. */
typedef struct cardc_conv_long_layer {
  const CARDC_ROM uint8_t *weights;
  const CARDC_ROM uint16_t *biases;
  const CARDC_ROM uint16_t *starts;
  const CARDC_ROM int32_t *lines;  /* three words of a line for each output channel (cardc_line.h), or NULL */
  const CARDC_ROM uint8_t *shared; /* the finish table of all channels, from the sum -shared_bias on, or NULL */
  uint32_t shared_bias;
  uint32_t terms_at, sums_at;      /* where in `work` weights and sums lie; copies lie at 0 */
  cardc_map from;                  /* the input */
  uint32_t interior;               /* of its storage: element (0, 0, 0) */
  uint16_t depth;                  /* input channels of a group */
  uint16_t group_channels;         /* output channels of a group */
  uint16_t rows, blocks;           /* of a copy: rows of a channel, words of a phase of a row */
  uint16_t segments;               /* six outputs each, of a row */
  uint16_t band;                   /* rows of the output that are summed before they are finished */
  uint8_t kernel_height, stride_height, dilation_height;
  uint8_t stride_width, phases, chunks; /* threes of taps in a phase */
  uint8_t taps;                    /* in a chunk: 3, or fewer where there is but one */
  uint8_t skip, lead;              /* lead: products of the first word that belong to no output, taps - 1 - skip */
  uint8_t pad_top, pad_left;
  uint8_t border;                  /* the byte that stands for padding */
  uint8_t bits;                    /* 4 or 8 */
  uint8_t top;                     /* the largest output of lines */
  cardc_map to;
} cardc_conv_long_layer;

/* dst = finish(S), S = sum of weights * bytes. `src` is the start of the input's storage, `work` is 4-byte aligned. Any
 * strides; reads no border and nothing but the elements. `finish` is not read (it may be NULL) where each channel has a
 * line. */
void cardc_conv_long(const CARDC_ROM cardc_conv_long_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint32_t *work);

#ifdef __cplusplus
}
#endif

#endif
