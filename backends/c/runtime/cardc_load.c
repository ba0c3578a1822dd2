#include "cardc_move.h"

static uint8_t level(int32_t x, int32_t lo, int32_t hi, int32_t step) {
  x = (x < lo ? lo : x > hi ? hi : x) - lo;
  return (uint8_t)(step == 1 ? x : x >> 1);
}

void cardc_load_i8(const int8_t *src, int32_t lo, int32_t hi, int32_t step, const cardc_map *to, uint8_t *dst) {
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      uint8_t *row = dst + c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++) {
        row[x] = level(*src++, lo, hi, step);
      }
    }
  }
}

void cardc_load_u8(const uint8_t *src, int32_t lo, int32_t hi, int32_t step, const cardc_map *to, uint8_t *dst) {
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      uint8_t *row = dst + c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++) {
        row[x] = level(*src++, lo, hi, step);
      }
    }
  }
}
