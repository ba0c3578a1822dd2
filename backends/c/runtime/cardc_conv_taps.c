#include "cardc_conv.h"

/* The sum at one place: the taps of all parts of a channel. */
static int32_t sum_at(const cardc_conv_sparse *layer, const uint8_t *src, const uint16_t *offsets,
                      const uint8_t *counts) {
  int32_t sum = 0;
  uint32_t p, k, n;
  for (p = 0; p < layer->parts; p++) {
    for (k = 0; k < layer->classes; k++) {
      for (n = *counts++; n > 0; n--) {
        sum += src[*offsets++];
      }
    }
    for (k = 0; k < layer->classes; k++) {
      for (n = *counts++; n > 0; n--) {
        sum -= src[*offsets++];
      }
    }
    src += layer->part_stride;
  }
  return sum;
}

void cardc_conv_taps(const cardc_conv_sparse *layer, const cardc_finish *finish, const uint8_t *src, void *dst,
                     uint8_t *table, uint32_t table_bytes) {
  const cardc_map *to = &layer->to;
  const uint32_t runs = 2u * layer->parts * layer->classes;
  const uint16_t *offsets = layer->offsets;
  const uint8_t *counts = layer->counts;
  uint32_t c, y, x, k;
  (void)table;
  (void)table_bytes;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = src + y * layer->row_step;
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++, from += layer->col_step) {
        cardc_store(finish, dst, at + x, cardc_finish_one(finish, c, sum_at(layer, from, offsets, counts)));
      }
    }
    for (k = 0; k < runs; k++) {
      offsets += *counts++;
    }
  }
}
