#include "cardc_move.h"

/* Largest byte of the window whose first element would be (top, left), cut to the input. */
static uint8_t window(const cardc_pool *pool, const uint8_t *plane, int32_t top, int32_t left) {
  uint8_t best = 0;
  uint32_t i, j;
  for (i = 0; i < pool->kernel_height; i++, top += pool->dilation_height) {
    int32_t x = left;
    if (top < 0 || top >= pool->from.height) {
      continue;
    }
    for (j = 0; j < pool->kernel_width; j++, x += pool->dilation_width) {
      if (x >= 0 && x < pool->from.width) {
        const uint8_t u = plane[(uint32_t)top * pool->from.row + (uint32_t)x];
        best = u > best ? u : best;
      }
    }
  }
  return best;
}

void cardc_maxpool(const cardc_pool *pool, const uint8_t *src, uint8_t *dst) {
  uint32_t c, y, x;
  for (c = 0; c < pool->to.channels; c++) {
    int32_t top = -(int32_t)pool->pad_top;
    for (y = 0; y < pool->to.height; y++, top += pool->stride_height) {
      uint8_t *row = dst + c * pool->to.plane + y * pool->to.row;
      int32_t left = -(int32_t)pool->pad_left;
      for (x = 0; x < pool->to.width; x++, left += pool->stride_width) {
        row[x] = window(pool, src + c * pool->from.plane, top, left);
      }
    }
  }
}
