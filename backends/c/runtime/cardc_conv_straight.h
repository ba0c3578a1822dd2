/* Convolutions whose weights are code. */
#ifndef CARDC_CONV_STRAIGHT_H
#define CARDC_CONV_STRAIGHT_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* sums .. end = the sums of one output channel for pixels of a row, at least one, the first of which reads from `at`. */
typedef void (*cardc_straight_sums)(const uint8_t *at, int32_t *sums, const int32_t *end);

/* `channels`: a function for each output channel, which the compiler writes. Output (y, x) reads
 * y * row_step + x * col_step bytes further than output (0, 0). */
typedef struct cardc_conv_straight_layer {
  const CARDC_ROM cardc_straight_sums *channels;
  uint32_t row_step; /* stride down, times the input's row */
  uint32_t col_step; /* stride across */
  cardc_map to;      /* the output: channels, height, width; where it goes */
} cardc_conv_straight_layer;

/* dst = finish(S). `src` is the start of the input's storage, `dst` the place of output (0, 0, 0); they do not overlap. */
void cardc_conv_straight(const CARDC_ROM cardc_conv_straight_layer *layer, const CARDC_ROM cardc_finish *finish,
                         const uint8_t *src, void *dst);

#ifdef __cplusplus
}
#endif

#endif
