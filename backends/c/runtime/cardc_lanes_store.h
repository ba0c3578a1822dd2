/* From lanes to the next tensor: widening, and finishing by table. */
#ifndef CARDC_LANES_STORE_H
#define CARDC_LANES_STORE_H

#include "cardc_lanes.h"

/* 16-bit lanes: word 2k holds pixels 4k (low half) and 4k + 2, word 2k + 1 pixels 4k + 1 and 4k + 3. */
static inline void cardc_widen(uint32_t *lanes, const uint32_t *bytes, uint32_t words) {
  CARDC_NO_UNROLL for (; words > 1; words -= 2, lanes += 4, bytes += 2) {
    const uint32_t a = bytes[0], b = bytes[1];
    lanes[0] = cardc_add_even(lanes[0], a);
    lanes[1] = cardc_add_odd(lanes[1], a);
    lanes[2] = cardc_add_even(lanes[2], b);
    lanes[3] = cardc_add_odd(lanes[3], b);
  }
  if (words > 0) {
    lanes[0] = cardc_add_even(lanes[0], *bytes);
    lanes[1] = cardc_add_odd(lanes[1], *bytes);
  }
}

/* Adds lanes to sums, pixel by pixel, and clears them. */
static inline void cardc_drain(uint32_t *lanes, int32_t *sums, uint32_t words) {
  CARDC_NO_UNROLL for (; words > 0; words--, lanes += 2, sums += 4) {
    sums[0] += (int32_t)(lanes[0] & 0xffff);
    sums[1] += (int32_t)(lanes[1] & 0xffff);
    sums[2] += (int32_t)(lanes[0] >> 16);
    sums[3] += (int32_t)(lanes[1] >> 16);
    lanes[0] = lanes[1] = 0;
  }
}

#define CARDC_PUT(I) dst[I] = table[low[I]]

/* dst = what the table has for each of `count` bytes that lie `step` apart. */
static inline void cardc_put_bytes(const uint8_t *table, const uint8_t *low, uint32_t count, uint32_t step, uint8_t *dst) {
  if (step == 1) {
    CARDC_NO_UNROLL for (; count >= 4; count -= 4, low += 4, dst += 4) {
      CARDC_PUT(0), CARDC_PUT(1), CARDC_PUT(2), CARDC_PUT(3);
    }
  }
  CARDC_NO_UNROLL for (; count > 0; count--, low += step) {
    *dst++ = table[*low];
  }
}

#define CARDC_PUT_SUM(I) dst[I] = table[low[I] + high[I]]

/* The same for lanes that are the sum of two bytes. */
static inline void cardc_put_sums(const uint8_t *table, const uint8_t *low, const uint8_t *high, uint32_t count, uint32_t step,
                     uint8_t *dst) {
  if (step == 1) {
    CARDC_NO_UNROLL for (; count >= 4; count -= 4, low += 4, high += 4, dst += 4) {
      CARDC_PUT_SUM(0), CARDC_PUT_SUM(1), CARDC_PUT_SUM(2), CARDC_PUT_SUM(3);
    }
  }
  CARDC_NO_UNROLL for (; count > 0; count--, low += step, high += step) {
    *dst++ = table[*low + *high];
  }
}

/* The same for 16-bit lanes, from pixel `first` on. */
static inline void cardc_put_lanes(const uint8_t *table, const uint32_t *lanes, uint32_t first, uint32_t count, uint32_t step,
                      uint8_t *dst) {
  if (step == 1) {
    CARDC_NO_UNROLL for (lanes += first / 2, first = 0; count >= 4; count -= 4, lanes += 2, dst += 4) {
      dst[0] = table[lanes[0] & 0xffff];
      dst[1] = table[lanes[1] & 0xffff];
      dst[2] = table[lanes[0] >> 16];
      dst[3] = table[lanes[1] >> 16];
    }
  }
  CARDC_NO_UNROLL for (; count > 0; count--, first += step) {
    const uint32_t pair = lanes[first / 4 * 2 + (first & 1)];
    *dst++ = table[first & 2 ? pair >> 16 : pair & 0xffff];
  }
}

#endif
