#include "cardc_conv.h"

/* The sum at one place; `from` is the element under tap (0, 0, 0), `w` the output channel's weights. */
static int32_t sum_at(const cardc_conv_dense *layer, const uint8_t *from, const int8_t *w) {
  const uint32_t down = layer->row * layer->dilation_height;
  int32_t sum = 0;
  uint32_t c, i, j;
  for (c = 0; c < layer->depth; c++) {
    const uint8_t *line = from;
    for (i = 0; i < layer->kernel_height; i++, line += down) {
      const uint8_t *at = line;
      for (j = 0; j < layer->kernel_width; j++, at += layer->dilation_width) {
        sum += *w++ * *at;
      }
    }
    from += layer->plane;
  }
  return sum;
}

void cardc_conv_int8(const cardc_conv_dense *layer, const cardc_finish *finish, const uint8_t *src, void *dst) {
  const cardc_map *to = &layer->to;
  const uint32_t taps = (uint32_t)layer->depth * layer->kernel_height * layer->kernel_width;
  const int8_t *w = layer->weights;
  const uint8_t *group = src + layer->origin;
  uint32_t c, y, x, left = layer->group_channels;
  for (c = 0; c < to->channels; c++, w += taps, left--) {
    if (left == 0) {
      left = layer->group_channels;
      group += layer->plane * layer->depth;
    }
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = group + y * layer->row_step;
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++, from += layer->col_step) {
        cardc_store(finish, dst, at + x, cardc_finish_one(finish, c, sum_at(layer, from, w)));
      }
    }
  }
}
