/* Into the library, from layout to layout, and out: no arithmetic but comparisons. */
#ifndef CARDC_MOVE_H
#define CARDC_MOVE_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `value` to every byte of storage[0 .. bytes) that is not an element of the tensor, whose element (0, 0, 0) is
 * storage[interior]. Rows and planes lie in ascending order and do not overlap. */
void cardc_fill_border(uint8_t *storage, uint32_t bytes, uint32_t interior, const CARDC_ROM cardc_map *map,
                       uint8_t value);

/* dst = src, byte tensors of one shape ([channels, height, width] of `to`); they do not overlap. */
void cardc_copy(const uint8_t *src, uint32_t plane, uint32_t row, const CARDC_ROM cardc_map *to, uint8_t *dst);

/* dst = table[src], byte tensors of one shape ([channels, height, width] of `to`). Not in place. */
void cardc_lookup(const CARDC_ROM uint8_t *table, const uint8_t *src, uint32_t plane, uint32_t row,
                  const CARDC_ROM cardc_map *to, uint8_t *dst);

/* dst = (x - lo) / step for the contiguous integers `src`; x is first brought into lo .. hi. step is 1 or 2; with 2 an x
 * between two levels becomes the lower one. (hi - lo) / step <= 255. */
void cardc_load_i8(const int8_t *src, int32_t lo, int32_t hi, int32_t step, const CARDC_ROM cardc_map *to,
                   uint8_t *dst);
void cardc_load_u8(const uint8_t *src, int32_t lo, int32_t hi, int32_t step, const CARDC_ROM cardc_map *to,
                   uint8_t *dst);

/* Quantises contiguous float32. `keys` are `levels` thresholds a channel (of channel 0 for all where shared), ascending,
 * each the float's bits b as a signed number: b where the sign bit is clear, (b ^ 0x7fffffff) where it is set,
 * 0 for both zeros. n = how many are <= x; dst = base + step * n, or base + step * (levels - n) where falling[c]
 * (NULL: none) is not 0; base where x is not a number. No floating-point instruction is used. */
typedef struct cardc_float_levels {
  const CARDC_ROM int32_t *keys;
  const CARDC_ROM uint8_t *falling;
  uint16_t levels;
  uint8_t base, step, shared;
} cardc_float_levels;

void cardc_load_f32(const float *src, const CARDC_ROM cardc_float_levels *levels, const CARDC_ROM cardc_map *to,
                    uint8_t *dst);

/* Largest byte of each window. Windows are cut at the edges of the input, so its border is never read. `from` has the
 * input's shape and strides; `to` the output's. Every window holds at least one element. */
typedef struct cardc_pool {
  cardc_map from, to;
  uint8_t kernel_height, kernel_width;
  uint8_t stride_height, stride_width;
  uint8_t dilation_height, dilation_width;
  uint8_t pad_top, pad_left;
} cardc_pool;

void cardc_maxpool(const CARDC_ROM cardc_pool *pool, const uint8_t *src, uint8_t *dst);

/* planes[p][i / 32] bit i % 32 = bit p of src[i], i < count; unused bits 0. `planes` is [bits][ceil(count / 32)].
 * `src` is contiguous and 4-byte aligned. */
void cardc_pack_planes(const uint8_t *src, uint32_t count, uint32_t bits, uint32_t *planes);

/* Where the largest element is; the first of them where there are several. count >= 1. */
uint32_t cardc_argmax_u8(const uint8_t *src, uint32_t count);
uint32_t cardc_argmax_i16(const int16_t *src, uint32_t count);
uint32_t cardc_argmax_i32(const int32_t *src, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
