#include "cardc_move.h"

void cardc_fill_border(uint8_t *storage, uint32_t bytes, uint32_t interior, const cardc_map *map, uint8_t value) {
  uint32_t c, y, done = 0;
  for (c = 0; c < map->channels; c++) {
    for (y = 0; y < map->height; y++) {
      const uint32_t begin = interior + c * map->plane + y * map->row;
      memset(storage + done, value, begin - done);
      done = begin + map->width;
    }
  }
  memset(storage + done, value, bytes - done);
}

void cardc_copy(const uint8_t *src, uint32_t plane, uint32_t row, const cardc_map *to, uint8_t *dst) {
  uint32_t c, y;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      memcpy(dst + c * to->plane + y * to->row, src + c * plane + y * row, to->width);
    }
  }
}

void cardc_pack_planes(const uint8_t *src, uint32_t count, uint32_t bits, uint32_t *planes) {
  const uint32_t words = (count + 31) / 32;
  uint32_t p, i;
  memset(planes, 0, bits * words * sizeof *planes);
  for (p = 0; p < bits; p++) {
    for (i = 0; i < count; i++) {
      planes[p * words + i / 32] |= (uint32_t)((src[i] >> p) & 1) << (i % 32);
    }
  }
}
