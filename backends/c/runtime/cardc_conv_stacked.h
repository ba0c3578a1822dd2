/* Convolutions with weights of up to 8 bits: one multiplication for several rows of the output. */
#ifndef CARDC_CONV_STACKED_H
#define CARDC_CONV_STACKED_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the sums of a channel, less the lowest, fit 10 bits, a word holds three of them, with 8 bits four, with 16 two. The
 * rows of the output are made in bands of `lanes` * `part`; lane l of a word has row l * part + y of its band, so that a word
 * of the input, made of as many pixels that lie as far apart, times a weight adds to all of them. All is modulo 2^32; what
 * lies in the lanes is the sum that biases[channel] is added to, which is never negative.
 *
 * Input channels of a group are copied to `work` as such words: channel by channel, row by row, of each row first the
 * columns 0, s, 2 s ... of the padded row, then 1, s + 1 ..., where s is the stride across: `phases` of them, `words` each.
 * `weights` holds for each output channel, input channel of its group, row of the kernel and phase its taps from left to
 * right: with `bits` 4 in halves of bytes, the lower one first, an output channel beginning with a byte; with 8 in bytes,
 * two's complement. Written by cardc.passes.encodings.stacked. */
typedef struct cardc_conv_stacked_layer {
  const CARDC_ROM uint8_t *weights;
  const CARDC_ROM int32_t *biases; /* what each channel's lowest sum lacks to 0 */
  const CARDC_ROM uint8_t *shared; /* the finish table of all channels, from the sum -shared_bias on, or NULL */
  uint32_t shared_bias;
  uint32_t blank_at, places_at, terms_at, sums_at; /* where in `work` all that lies that is no copy */
  cardc_map from;                  /* the input */
  uint32_t interior;               /* of its storage: element (0, 0, 0) */
  uint16_t depth;                  /* input channels of a group */
  uint16_t group_channels;         /* output channels of a group */
  uint16_t rows, words;            /* of a copy: rows of a channel at most, words of a phase of a row */
  uint16_t part;                   /* rows of a lane in a band, in the last one maybe fewer */
  uint8_t lanes, bits_of_lane;     /* 1 .. 4; 32, 16, 10 or 8 */
  uint8_t kernel_height, stride_height, dilation_height;
  uint8_t kernel_width, stride_width, dilation_width, phases;
  uint8_t pad_top, pad_left;
  uint8_t border;                  /* the byte that stands for padding */
  uint8_t bits;                    /* 4 or 8 */
  cardc_map to;
} cardc_conv_stacked_layer;

/* dst = finish(S), S = sum of weights * bytes. `src` is the start of the input's storage, `work` is 4-byte aligned. Any
 * strides; reads no border and nothing but the elements. */
void cardc_conv_stacked(const CARDC_ROM cardc_conv_stacked_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work);

#ifdef __cplusplus
}
#endif

#endif
