/* Operators between layers, on tensors of any width: additions, sums and maxima of windows, moves, the largest channel. */
#ifndef CARDC_JOIN_H
#define CARDC_JOIN_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor to read, [channels, height, width]: the stored number of element (c, y, x) is at element
 * c * plane + y * row + x * column of an array of `type` (CARDC_U8, CARDC_I16 or CARDC_I32). */
typedef struct cardc_view {
  uint16_t channels, height, width;
  uint8_t type;
  uint32_t plane, row, column;
} cardc_view;

/* dst (laid out by `to`) = finish of S = ma[c] * a + mb[c] * b, a and b stored numbers of one shape. With shared = 1 all
 * channels use ma[0] and mb[0]. S fits int32. */
typedef struct cardc_add_layer {
  cardc_view a, b;
  const CARDC_ROM int32_t *ma, *mb;
  uint8_t shared;
  cardc_map to;
} cardc_add_layer;

void cardc_add(const CARDC_ROM cardc_add_layer *layer, const CARDC_ROM cardc_finish *finish, const void *a,
               const void *b, void *dst);

/* Windows over `from`. Outside it lie elements whose stored number is `outside` in a sum; a maximum passes them over. */
typedef struct cardc_window_layer {
  cardc_view from;
  uint16_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  uint16_t pad_top, pad_left;
  int32_t outside;
  cardc_map to;
} cardc_window_layer;

/* dst = finish of the sum, or of the largest, of the stored numbers in each window. Every window holds an element. */
void cardc_sum_windows(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_finish *finish,
                       const void *src, void *dst);
void cardc_max_windows(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_finish *finish,
                       const void *src, void *dst);

/* Element (c, y, x) of `from`, as gain * stored + offset, goes to (c, y * step_height + i, x * step_width + j) of `dst`
 * for all i < repeat_height, j < repeat_width. `to` holds the strides of `dst`, whose element type is `type`. */
typedef struct cardc_move_layer {
  cardc_view from;
  cardc_map to;
  uint8_t type;
  uint16_t step_height, step_width, repeat_height, repeat_width;
  int32_t gain, offset;
} cardc_move_layer;

void cardc_move(const CARDC_ROM cardc_move_layer *layer, const void *src, void *dst);

/* The first `count` elements of `dst`, of `type`, become `value`. */
void cardc_fill(void *dst, uint8_t type, uint32_t count, int32_t value);

/* dst (one channel, laid out by `to`) = finish of the number of the channel that is largest, the lowest on ties. */
void cardc_argmax_channels(const CARDC_ROM cardc_view *from, const CARDC_ROM cardc_finish *finish, const void *src,
                           const CARDC_ROM cardc_map *to, void *dst);

/* dst (laid out by `to`) = finish of the to.channels largest channels of each pixel (of the smallest, where `largest` is
 * 0), in order, the lowest number first among equals: their numbers (`indices` 1) or their stored numbers. */
typedef struct cardc_top_layer {
  cardc_view from;
  uint8_t largest, indices;
  cardc_map to;
} cardc_top_layer;

void cardc_top_channels(const CARDC_ROM cardc_top_layer *layer, const CARDC_ROM cardc_finish *finish, const void *src,
                        void *dst);

#ifdef __cplusplus
}
#endif

#endif
