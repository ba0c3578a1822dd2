#include "cardc_rows.h"

int cardc_next_rows(const CARDC_ROM cardc_strip *strip, uint8_t *arena, int32_t row) {
  const uint32_t added = (uint32_t)strip->rows * strip->row, kept = strip->plane - added;
  uint8_t *at = arena + strip->at;
  uint32_t c;
  if (row == strip->first) {
    memset(at, strip->border, strip->size);
  }
  for (c = strip->channels; c > 0; c--, at += strip->plane) {
    memmove(at, at + added, kept);
  }
  if (row > -(int32_t)strip->rows && row < (int32_t)strip->height) {
    return 1;
  }
  cardc_end_rows(strip, arena, row);
  return 0;
}

void cardc_end_rows(const CARDC_ROM cardc_strip *strip, uint8_t *arena, int32_t row) {
  uint8_t *plane = arena + strip->at + (uint32_t)(strip->lines - strip->rows) * strip->row;
  uint32_t c, y;
  for (y = strip->rows; y > 0; y--, row++, plane += strip->row) {
    uint8_t *at = plane;
    if (row >= 0 && row < (int32_t)strip->height) {
      continue;
    }
    for (c = strip->channels; c > 0; c--, at += strip->plane) {
      memset(at, strip->border, strip->row);
    }
  }
}
