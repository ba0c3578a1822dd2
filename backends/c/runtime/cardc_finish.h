/* From sums to the next tensor: one sum, or whole tensors of sums. */
#ifndef CARDC_FINISH_H
#define CARDC_FINISH_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A * B: of sums and their factors. Where that is a loop, one that turns once for each digit of the lesser magnitude, not
 * 32 times for a negative sum. */
#if CARDC_MULTIPLIES
#define CARDC_TIMES(A, B) ((A) * (B))
#else
#define CARDC_TIMES(A, B) cardc_product((int32_t)(A), (int32_t)(B))
static inline CARDC_NOINLINE int32_t cardc_product(int32_t a, int32_t b) {
  const uint32_t x = a < 0 ? 0u - (uint32_t)a : (uint32_t)a, y = b < 0 ? 0u - (uint32_t)b : (uint32_t)b;
  uint32_t less = x < y ? x : y, more = x < y ? y : x, product = 0;
  for (; less > 0; less >>= 1, more <<= 1) {
    if (less & 1) {
      product += more;
    }
  }
  return (int32_t)((a < 0) != (b < 0) ? 0u - product : product);
}
#endif

/* y for the sum `sum` of channel `channel` (see cardc_finish). */
int32_t cardc_finish_one(const CARDC_ROM cardc_finish *finish, uint32_t channel, int32_t sum);

/* Stores y for sums[0], sums[step], ... less `bias`, `count` of them, from element `at` of `dst` on. */
void cardc_finish_row(const CARDC_ROM cardc_finish *finish, uint32_t channel, const int32_t *sums, uint32_t step,
                      int32_t bias, uint32_t count, void *dst, uint32_t at);

/* Stores y for sums[0 .. count), those of the channels from `channel` on, at the elements of `dst` of the same numbers:
 * for fully connected layers, which hand over CARDC_OUTPUTS sums at a time or so. */
#define CARDC_OUTPUTS 16
void cardc_finish_outputs(const CARDC_ROM cardc_finish *finish, uint32_t channel, const int32_t *sums, uint32_t count,
                          void *dst);

/* Stores y at element `index` of `dst`, whose element type is finish->out. */
void cardc_store(const CARDC_ROM cardc_finish *finish, void *dst, uint32_t index, int32_t y);

/* dst (laid out by `to`) = finish of `sums`, contiguous [channels, height, width] int32 or int16. Not in place. */
void cardc_finish_i32(const CARDC_ROM cardc_finish *finish, const int32_t *sums, const CARDC_ROM cardc_map *to,
                      void *dst);
void cardc_finish_i16(const CARDC_ROM cardc_finish *finish, const int16_t *sums, const CARDC_ROM cardc_map *to,
                      void *dst);

/* dst (laid out by `to`) = finish of the bytes of a tensor of the same size, whose element (c, y, x) lies at
 * src + c * plane + y * row + x. Not in place. */
void cardc_finish_u8(const CARDC_ROM cardc_finish *finish, const uint8_t *src, uint32_t plane, uint32_t row,
                     const CARDC_ROM cardc_map *to, void *dst);

/* table[v] = y for the sum v + first, v = 0 .. count - 1, for CARDC_THRESHOLD and CARDC_REQUANTIZE to bytes.
 * `table` is 4-byte aligned and has room for count + 4 bytes. */
void cardc_finish_table(const CARDC_ROM cardc_finish *finish, uint32_t channel, int32_t first, uint32_t count,
                        uint8_t *table);

#ifdef __cplusplus
}
#endif

#endif
