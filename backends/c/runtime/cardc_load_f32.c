#include "cardc_move.h"

/* The level of a float given by its bits: a search among keys that order as the floats do. */
static uint8_t level(uint32_t bits, const CARDC_ROM cardc_float_levels *levels, uint32_t channel) {
  const CARDC_ROM int32_t *keys = levels->keys + channel * levels->levels;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t low = 0, left = levels->levels;
  int32_t key;
  if (magnitude > 0x7f800000u) { /* not a number: every comparison is false */
    return levels->base;
  }
  /* -(magnitude) - 1 is magnitude ^ 0xffffffff read as signed; minus zero is zero. */
  key = bits == magnitude || magnitude == 0 ? (int32_t)magnitude : -(int32_t)magnitude - 1;
  while (left > 0) {
    const uint32_t half = left >> 1;
    if (keys[low + half] <= key) {
      low += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  if (levels->falling && levels->falling[channel]) {
    low = levels->levels - low;
  }
  return (uint8_t)(levels->base + levels->step * low);
}

void cardc_load_f32(const float *src, const CARDC_ROM cardc_float_levels *levels, const CARDC_ROM cardc_map *to,
                    uint8_t *dst) {
  uint32_t c, y, x, bits;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      uint8_t *row = dst + c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++) {
        memcpy(&bits, src++, sizeof bits);
        row[x] = level(bits, levels, levels->shared ? 0 : c);
      }
    }
  }
}
