#include "cardc_wide.h"

static int32_t given(uint8_t type, const void *src, uint32_t at) {
  switch (type) {
    case CARDC_U8:
      return ((const uint8_t *)src)[at];
    case CARDC_I8:
      return ((const int8_t *)src)[at];
    case CARDC_I16:
      return ((const int16_t *)src)[at];
    case CARDC_U16:
      return ((const uint16_t *)src)[at];
    default:
      return ((const int32_t *)src)[at];
  }
}

void cardc_load_wide(const CARDC_ROM cardc_load_layer *layer, const void *src, void *dst) {
  const CARDC_ROM cardc_map *to = &layer->to;
  uint32_t c, y, x, at = 0;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      for (x = 0; x < to->width; x++, at++) {
        int32_t v = given(layer->in_type, src, at);
        v = v < layer->lo ? layer->lo : v > layer->hi ? layer->hi : v;
        cardc_put(layer->out_type, dst, c * to->plane + y * to->row + x, (v - layer->zero) / layer->step);
      }
    }
  }
}
