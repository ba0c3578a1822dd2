#include "cardc_wide.h"

/* The level of a float given by its bits: a search among keys that order as the floats do. */
static int32_t level(uint32_t bits, const CARDC_ROM cardc_wide_levels *levels, uint32_t channel) {
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
  return levels->base + levels->step * (int32_t)low;
}

void cardc_load_f32_wide(const float *src, const CARDC_ROM cardc_wide_levels *levels, const CARDC_ROM cardc_map *to,
                         void *dst) {
  uint32_t c, y, x, bits;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      for (x = 0; x < to->width; x++) {
        const uint32_t at = c * to->plane + y * to->row + x;
        int32_t found;
        memcpy(&bits, src++, sizeof bits);
        found = level(bits, levels, levels->shared ? 0 : c);
        if (levels->type == CARDC_I16) {
          ((int16_t *)dst)[at] = (int16_t)found;
        } else if (levels->type == CARDC_U16) {
          ((uint16_t *)dst)[at] = (uint16_t)found;
        } else {
          ((int32_t *)dst)[at] = found;
        }
      }
    }
  }
}
