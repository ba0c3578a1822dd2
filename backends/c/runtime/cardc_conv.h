/* Convolutions: 1-D (height 1) and 2-D, any kernel, stride, dilation, padding and groups. */
#ifndef CARDC_CONV_H
#define CARDC_CONV_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ternary weights as the places of the +1s and the -1s. The tap (input channel c, kernel row i, kernel column j) reads,
 * for output (0, 0), the byte at
 *     origin + c * plane + i * dilation * row + j * dilation
 * of the input's storage, where `origin` is the place of the element under tap (0, 0, 0), that is the place of element
 * (0, 0, 0) less pad_top rows less pad_left bytes. Output (y, x) reads y * row_step + x * col_step bytes further.
 *
 * Input channels are cut into `parts` equal groups, part p starting part_stride * p bytes into the storage, so that the
 * offsets within a part fit 16 bits and the counts 8 bits (one part but for large layers). Of each output channel and
 * part come: all offsets of +1 taps, by class, then all offsets of -1 taps, by class. The class of a tap is its offset
 * modulo 4: class k of `classes` holds offsets that are residue[k] modulo 4, so that a core without unaligned loads
 * can add aligned words and shift once a class. counts[channel][part][sign][class] says how many there are.
 * Written by cardc.passes.encodings.sparse_conv. */
typedef struct cardc_conv_sparse {
  const CARDC_ROM uint16_t *offsets;
  const CARDC_ROM uint8_t *counts;
  uint32_t part_stride;
  uint32_t row_step;   /* stride down, times the input's row */
  uint8_t col_step;    /* stride across */
  uint8_t max_u;       /* the largest byte the input can hold, border included; >= 1 */
  uint8_t parts;
  uint8_t classes;     /* 1 .. 4 */
  uint8_t residue[4];
  cardc_map to;        /* the output: channels, height, width; where it goes */
} cardc_conv_sparse;

/* dst = finish(S), S[o, y, x] = sum of +1 taps - sum of -1 taps. `src` is the start of the input's storage (4-byte
 * aligned), `dst` the place of output (0, 0, 0). Storage of src and dst do not overlap. |S| and
 * max_u * (taps of a channel) fit int32.
 *
 * `table`, 4-byte aligned, `table_bytes` long, is scratch: a channel whose taps * max_u + 5 bytes fit there, with a
 * finish to bytes by thresholds or requantisation, is finished by table; NULL and 0 mean that none is.
 *
 * cardc_conv_lanes: four pixels a word; asks for plane, row multiples of 4, and reads up to CARDC_SLACK bytes behind.
 * cardc_conv_taps:  one pixel at a time; any strides, reads nothing but the taps. */
void cardc_conv_lanes(const CARDC_ROM cardc_conv_sparse *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes);
void cardc_conv_taps(const CARDC_ROM cardc_conv_sparse *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes);

/* Dense int8 weights [channels, depth, kernel_height, kernel_width], depth = input channels of a group. */
typedef struct cardc_conv_dense {
  const CARDC_ROM int8_t *weights;
  uint32_t origin;                 /* as above */
  uint32_t plane, row;             /* of the input */
  uint32_t row_step;
  uint8_t col_step;
  uint8_t kernel_height, kernel_width;
  uint8_t dilation_height, dilation_width;
  uint16_t depth;
  uint16_t group_channels;         /* output channels of a group */
  cardc_map to;
} cardc_conv_dense;

/* dst = finish(S), S = sum of weights * bytes; |S| fits int32. Any strides; reads nothing but the taps. */
void cardc_conv_int8(const CARDC_ROM cardc_conv_dense *layer, const CARDC_ROM cardc_finish *finish, const uint8_t *src,
                     void *dst);

#ifdef __cplusplus
}
#endif

#endif
