#include "cardc_move.h"

void cardc_fill_border(uint8_t *storage, uint32_t bytes, uint32_t interior, const CARDC_ROM cardc_map *map,
                       uint8_t value) {
  uint8_t *at = storage, *row, *end;
  uint32_t c, y;
  for (c = 0; c < map->channels; c++) {
    row = storage + interior + c * map->plane;
    for (y = 0; y < map->height; y++, row += map->row) {
      CARDC_NO_UNROLL while (at < row) {
        *at++ = value;
      }
      at = row + map->width;
    }
  }
  end = storage + bytes;
  CARDC_NO_UNROLL while (at < end) {
    *at++ = value;
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
