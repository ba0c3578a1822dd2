/* Convolutions as dot products of patches: what a window holds side by side, channels innermost. */
#ifndef CARDC_CONV_PATCHES_H
#define CARDC_CONV_PATCHES_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For a band of output rows and each group of channels, the input is copied with its channels innermost, and the windows of
 * the copy become patches. Each patch is multiplied with the weights of all outputs. Where the kernel is one tap, the copy
 * is the patches (`parts` 0).
 *
 * `weights` holds, for each group and two outputs of it, 16 bytes of the one, 16 of the other, and so on, in the order of a
 * patch; 0 where there is no weight or no second output. Sums are higher by bias[channel]: bytes that do not fit a signed
 * one are taken 128 lower (`flip`). Written by cardc.passes.encodings.patches. */
typedef struct cardc_conv_patches_layer {
  const CARDC_ROM int8_t *weights;
  const CARDC_ROM int32_t *bias;
  const CARDC_ROM int32_t *lines; /* multiplier, offset, what to add to a sum, kind (cardc_line.h) of each channel; or NULL */
  const CARDC_ROM uint16_t *places; /* of the parts of a patch in the copy */
  uint32_t origin;  /* byte of the input's storage where the first window begins */
  uint32_t plane;   /* of the input */
  uint32_t row;     /* from a row of the copy to the next: in the input's storage */
  uint32_t down;    /* rows of the copy from one output row to the next */
  uint32_t span;    /* rows of the copy for one output row */
  uint32_t columns; /* of the copy */
  uint32_t step;    /* from a column of the copy to the next: in the input's storage */
  uint32_t pixel;   /* bytes of a column of the copy */
  uint32_t across;  /* bytes of the copy from one patch to the next */
  uint32_t patch;   /* bytes, a multiple of 16 */
  uint32_t patches_at, sums_at; /* in `work` */
  uint16_t rows;    /* of a band */
  uint16_t parts, bytes; /* of a patch, of a part */
  uint16_t depth;   /* channels of a group */
  uint16_t group_channels;
  uint8_t flip;     /* 128 or 0 */
  uint8_t touch;    /* not 0: all columns of a band are one row, in the input's storage and that of the output */
  uint8_t top;      /* the largest output of lines */
  cardc_map to;
} cardc_conv_patches_layer;

/* dst = finish(S), S[o, y, x] = weights times taps. `work` is 4-byte aligned. Reads nothing behind the storage of src. */
void cardc_conv_patches(const CARDC_ROM cardc_conv_patches_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work);

#ifdef __cplusplus
}
#endif

#endif
