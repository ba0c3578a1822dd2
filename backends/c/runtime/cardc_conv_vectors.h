/* Convolutions over the input as it lies in memory, a vector of pixels at a time. */
#ifndef CARDC_CONV_VECTORS_H
#define CARDC_CONV_VECTORS_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With strides of 1 what a tap meets in a band of output rows lies side by side, with the borders between the rows: sums are
 * made of those too and thrown away. Nothing is copied. With other strides the input is copied first, `copies_of` phases of
 * each channel, so that the same holds for the copies. Written by cardc.passes.encodings.phases.
 *
 * `offsets` holds, for each output channel, where in the input's storage its -1 taps begin to read, then its +1 taps;
 * counts[channel][2] says how many there are. Written by cardc.passes.encodings.vectors.
 *
 * With `weights`, [channels][depth], every channel has all taps of its group: `offsets` are those of the first group. Sums
 * are higher by bias[channel]; in 16 bits none is below 0. Written by cardc.passes.encodings.products. */
typedef struct cardc_conv_vectors_layer {
  const CARDC_ROM uint16_t *offsets;
  const CARDC_ROM uint16_t *counts;
  const CARDC_ROM uint32_t *copies; /* of each phase, where it begins in the input's storage, and its rows; or NULL */
  uint32_t copy_at;   /* where in `work` lie the copies */
  uint32_t plane;     /* of the input, of which the copies are made, */
  uint32_t down;      /* and its bytes from a row of a phase to the next */
  uint16_t in_channels;
  uint8_t copies_of, across;
  uint32_t row;       /* of the input or its copies */
  uint32_t halves_at; /* where in `work` lie sums in 16 bits; those in bytes lie at 0 */
  uint32_t table_at;  /* a finish table */
  uint32_t table_bytes; /* 0: none */
  uint16_t rows;      /* of a band */
  uint8_t lane;       /* 1: sums are made as bytes, chunk by chunk; 2: as 16 bits; 4 (with weights): as 32 */
  uint8_t max_u;      /* the largest byte of the input, border included; max_u * taps of a channel < 65,536 */
  uint8_t top;        /* the largest output of lines */
  const CARDC_ROM int32_t *lines; /* three words of a line for each output channel (cardc_line.h), or NULL */
  const CARDC_ROM uint8_t *shared; /* the finish table of all channels, from the sum -shared_bias on, or NULL */
  uint32_t shared_bias;
  const CARDC_ROM int8_t *weights; /* NULL: -1 and +1 */
  const CARDC_ROM int32_t *bias;
  uint32_t group_bytes;            /* of the input's channels for one group */
  uint16_t depth, group_channels;
  cardc_map to;
} cardc_conv_vectors_layer;

/* dst = finish(S), S[o, y, x] = sum of +1 taps - sum of -1 taps, or of weights times taps. `work` is 4-byte aligned. Reads up to CARDC_SLACK bytes
 * behind the storage of src. */
void cardc_conv_vectors(const CARDC_ROM cardc_conv_vectors_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work);

#ifdef __cplusplus
}
#endif

#endif
