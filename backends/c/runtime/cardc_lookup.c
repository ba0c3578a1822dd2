#include "cardc_move.h"

void cardc_lookup(const CARDC_ROM uint8_t *table, const uint8_t *src, uint32_t plane, uint32_t row,
                  const CARDC_ROM cardc_map *to, uint8_t *dst) {
  const uint32_t width = to->width;
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = src + c * plane + y * row;
      uint8_t *at = dst + c * to->plane + y * to->row;
      /* four at a time: the table is in flash, whose loads take turns */
      CARDC_NO_UNROLL for (x = width >> 2; x > 0; x--, from += 4, at += 4) {
        const uint8_t a = table[from[0]], b = table[from[1]], d = table[from[2]], e = table[from[3]];
        at[0] = a;
        at[1] = b;
        at[2] = d;
        at[3] = e;
      }
      CARDC_NO_UNROLL for (x = width & 3u; x > 0; x--) {
        *at++ = table[*from++];
      }
    }
  }
}
