/* Layers of more than 8 bits: any input from bytes to int64, weights of up to 32 bits, sums of 64 bits.
 *
 * Tensors that these kernels read and write are those of cardc_view and cardc_map, or plain int64, which need no more
 * alignment than 4 bytes. Every sum, and every step to a result, fits int64 by the caller's choice. */
#ifndef CARDC_WIDE_H
#define CARDC_WIDE_H

#include "cardc_join.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CARDC_I64 = 3 };                 /* a type of elements beside CARDC_U8, CARDC_I16, CARDC_I32 */
enum { CARDC_U16 = 4, CARDC_I8 = 5 };   /* only of a network's input */

/* What becomes of the sum S of channel c, as cardc_finish says, in 64 bits:
 *   CARDC_AFFINE      y = S * m[c] + b[c]
 *   CARDC_THRESHOLD   y = base + step * n, n = how many of the `levels` thresholds of channel c are <= S (or the others,
 *                     where falling[c] is not 0)
 *   CARDC_REQUANTIZE  y = min(max(round((S * m[c] + b[c]) / 2^shift), lo), hi), rounded down, or with `even` to nearest,
 *                     ties to even
 * `out` is CARDC_U8, CARDC_I16, CARDC_I32 or CARDC_I64. Exactly one of t32 and t64 is not NULL for CARDC_THRESHOLD. */
typedef struct cardc_wide_finish {
  uint8_t kind, out, shared, shift, even;
  uint16_t levels;
  int32_t base, step, lo, hi;
  const CARDC_ROM int32_t *t32;
  const CARDC_ROM int64_t *t64;
  const CARDC_ROM uint8_t *falling; /* NULL: none */
  const CARDC_ROM int64_t *m;
  const CARDC_ROM int64_t *b;
} cardc_wide_finish;

/* Stores y for sums[0 .. count) of channel `channel` from element `at` of `dst` on. */
void cardc_wide_row(const CARDC_ROM cardc_wide_finish *finish, uint32_t channel, const int64_t *sums, uint32_t count,
                    void *dst, uint32_t at);

/* dst (laid out by `to`) = finish of the stored numbers of a tensor of the same shape. Not in place. */
void cardc_wide_tensor(const CARDC_ROM cardc_view *from, const CARDC_ROM cardc_wide_finish *finish, const void *src,
                       const CARDC_ROM cardc_map *to, void *dst);

/* Weights: exactly one is not NULL. */
typedef struct cardc_wide_weights {
  const CARDC_ROM int8_t *w8;
  const CARDC_ROM int16_t *w16;
  const CARDC_ROM int32_t *w32;
} cardc_wide_weights;

/* dst[o] = finish(S), S = sum of weights [outputs][inputs] times stored numbers, which lie one after the other. With
 * `small` every sum of absolute products fits int32. */
typedef struct cardc_dense_wide_layer {
  cardc_wide_weights weights;
  uint16_t outputs, inputs;
  uint8_t type, small;
} cardc_dense_wide_layer;

void cardc_dense_wide(const CARDC_ROM cardc_dense_wide_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                      const void *src, void *dst);

/* dst (laid out by `to`) = finish(S), S = sum of weights [channels, depth, kernel_height, kernel_width] times stored
 * numbers of the windows over `from`; elements outside it count as `outside`. depth = input channels of a group. */
typedef struct cardc_conv_wide_layer {
  cardc_wide_weights weights;
  cardc_view from;
  uint16_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  uint16_t pad_top, pad_left;
  uint16_t depth, group_channels;
  int32_t outside;
  uint8_t small;
  cardc_map to;
} cardc_conv_wide_layer;

void cardc_conv_wide(const CARDC_ROM cardc_conv_wide_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                     const void *src, void *dst);

/* As in cardc_join.h, for tensors or sums of 64 bits and wide finishes. */
typedef struct cardc_add_wide_layer {
  cardc_view a, b;
  const CARDC_ROM int64_t *ma, *mb;
  uint8_t shared;
  cardc_map to;
} cardc_add_wide_layer;

void cardc_add_wide(const CARDC_ROM cardc_add_wide_layer *layer, const CARDC_ROM cardc_wide_finish *finish, const void *a,
                    const void *b, void *dst);
void cardc_sum_windows_wide(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                            const void *src, void *dst);
void cardc_max_windows_wide(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                            const void *src, void *dst);
void cardc_argmax_channels_wide(const CARDC_ROM cardc_view *from, const CARDC_ROM cardc_wide_finish *finish,
                                const void *src, const CARDC_ROM cardc_map *to, void *dst);
void cardc_top_channels_wide(const CARDC_ROM cardc_top_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                             const void *src, void *dst);
void cardc_move_wide(const CARDC_ROM cardc_move_layer *layer, const void *src, void *dst);
void cardc_fill_wide(void *dst, uint8_t type, uint32_t count, int32_t value);
uint32_t cardc_argmax_i64(const int64_t *src, uint32_t count);

/* dst (of out_type, laid out by `to`) = (x - zero) / step for the contiguous integers `src` of in_type (CARDC_I8,
 * CARDC_U8, CARDC_I16, CARDC_U16, CARDC_I32); x is first brought into lo .. hi. */
typedef struct cardc_load_layer {
  uint8_t in_type, out_type;
  int32_t lo, hi, zero, step;
  cardc_map to;
} cardc_load_layer;

void cardc_load_wide(const CARDC_ROM cardc_load_layer *layer, const void *src, void *dst);

/* As cardc_load_f32 in cardc_move.h, to elements of `type` (CARDC_I16, CARDC_U16 or CARDC_I32). */
typedef struct cardc_wide_levels {
  const CARDC_ROM int32_t *keys;
  const CARDC_ROM uint8_t *falling;
  uint16_t levels;
  uint8_t shared, type;
  int32_t base, step;
} cardc_wide_levels;

void cardc_load_f32_wide(const float *src, const CARDC_ROM cardc_wide_levels *levels, const CARDC_ROM cardc_map *to,
                         void *dst);

/* The stored number at element `at` of `src`. */
static inline int64_t cardc_element(uint8_t type, const void *src, uint32_t at) {
  int64_t wide;
  switch (type) {
    case CARDC_U8:
      return ((const uint8_t *)src)[at];
    case CARDC_I16:
      return ((const int16_t *)src)[at];
    case CARDC_I32:
      return ((const int32_t *)src)[at];
    default:
      CARDC_MEMCPY(&wide, (const uint8_t *)src + 8 * at, sizeof wide);
      return wide;
  }
}

/* Element `at` of `dst` becomes `value`. */
static inline void cardc_put(uint8_t type, void *dst, uint32_t at, int64_t value) {
  switch (type) {
    case CARDC_U8:
      ((uint8_t *)dst)[at] = (uint8_t)value;
      break;
    case CARDC_I16:
      ((int16_t *)dst)[at] = (int16_t)value;
      break;
    case CARDC_I32:
      ((int32_t *)dst)[at] = (int32_t)value;
      break;
    default:
      CARDC_MEMCPY((uint8_t *)dst + 8 * at, &value, sizeof value);
      break;
  }
}

#ifdef __cplusplus
}
#endif

#endif
