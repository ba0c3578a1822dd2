#include "cardc_move.h"

/* `count` bytes; `word` holds the value four times. */
static void fill(uint8_t *at, uint32_t count, uint32_t word) {
  uint8_t *end = at + count;
#if CARDC_UNALIGNED
  if (count >= 4) {
    for (; end - at > 4; at += 4) {
      CARDC_MEMCPY(at, &word, 4);
    }
    CARDC_MEMCPY(end - 4, &word, 4);
    return;
  }
#else
  while (at < end && ((uintptr_t)at & 3u) != 0) {
    *at++ = (uint8_t)word;
  }
  CARDC_NO_UNROLL for (; end - at >= 4; at += 4) { CARDC_MEMCPY(__builtin_assume_aligned(at, 4), &word, 4); }
#endif
  CARDC_NO_UNROLL for (; at < end; at++) { *at = (uint8_t)word; }
}

/* The same `count` bytes at `rows` places `step` apart. */
static void fill_gaps(uint8_t *at, uint32_t count, uint32_t rows, uint32_t step, uint32_t word) {
  if (count == 4) {
    CARDC_NO_UNROLL for (; rows > 0; rows--, at += step) {
#if CARDC_UNALIGNED
      CARDC_MEMCPY(at, &word, 4);
#else
      at[0] = at[1] = at[2] = at[3] = (uint8_t)word;
#endif
    }
    return;
  }
  for (; rows > 0 && count > 0; rows--, at += step) {
    fill(at, count, word);
  }
}

void cardc_fill_border(uint8_t *storage, uint32_t bytes, uint32_t interior, const CARDC_ROM cardc_map *map,
                       uint8_t value) {
  const uint32_t word = value * 0x01010101u, width = map->width, rows = map->height - 1u;
  const uint32_t last = rows * map->row + width; /* from a plane's first row to the end of its last */
  uint8_t *plane = storage + interior;
  uint32_t c;
  fill(storage, interior, word);
  for (c = map->channels; c > 0; c--, plane += map->plane) {
    fill_gaps(plane + width, map->row - width, rows, map->row, word);
    fill(plane + last, c > 1 ? map->plane - last : (uint32_t)(storage + bytes - (plane + last)), word);
  }
}

void cardc_copy(const uint8_t *src, uint32_t plane, uint32_t row, const CARDC_ROM cardc_map *to, uint8_t *dst) {
  uint32_t c, y;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      memcpy(dst + c * to->plane + y * to->row, src + c * plane + y * row, to->width);
    }
  }
}

/* Bits p of the four bytes of a word, as bits 0 to 3. No two products of the multiplication meet, so none carries. */
static inline uint32_t four_bits(uint32_t word, uint32_t p) {
  return (((word >> p) & 0x01010101u) * 0x10204080u) >> 28;
}

void cardc_pack_planes(const uint8_t *src, uint32_t count, uint32_t bits, uint32_t *planes) {
  const uint32_t words = (count + 31) / 32;
  uint32_t p, i, k;
  for (p = 0; p < bits; p++) {
    const uint8_t *at = src;
    for (i = 0; i < words; i++) {
      const uint32_t left = count - 32 * i, n = left < 32 ? left : 32;
      uint32_t plane = 0, word;
      for (k = 0; k + 4 <= n; k += 4, at += 4) {
        CARDC_MEMCPY(&word, __builtin_assume_aligned(at, 4), sizeof word);
        plane |= four_bits(word, p) << k;
      }
      for (; k < n; k++) {
        plane |= (uint32_t)((*at++ >> p) & 1) << k;
      }
      *planes++ = plane;
    }
  }
}
