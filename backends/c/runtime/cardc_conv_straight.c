#include "cardc_conv_straight.h"

#define CHUNK 16 /* pixels that are summed before they are finished */

void cardc_conv_straight(const CARDC_ROM cardc_conv_straight_layer *layer, const CARDC_ROM cardc_finish *finish,
                         const uint8_t *src, void *dst) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t row_step = layer->row_step, col_step = layer->col_step;
  int32_t sums[CHUNK];
  uint32_t c, y, x, n;
  for (c = 0; c < to->channels; c++) {
    const cardc_straight_sums sum = layer->channels[c];
    uint32_t at = c * to->plane;
    const uint8_t *row = src;
    for (y = to->height; y > 0; y--, row += row_step, at += to->row) {
      const uint8_t *from = row;
      for (x = 0; x < to->width; x += n, from += CHUNK * col_step) {
        n = to->width - x < CHUNK ? to->width - x : CHUNK;
        sum(from, sums, sums + n);
        cardc_finish_row(finish, c, sums, 1, 0, n, dst, at + x);
      }
    }
  }
}
