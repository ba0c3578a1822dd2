#include "cardc_conv.h"

#define CHUNK 16 /* pixels that are summed before they are finished */

/* Adds one row of the kernel, `taps` weights over bytes `across` apart, to sums[0 .. n) of pixels `step` apart. */
static void add_taps(const CARDC_ROM int8_t *w, uint32_t taps, uint32_t across, const uint8_t *at, uint32_t step,
                     uint32_t n, int32_t *sums) {
  uint32_t j;
  for (; n > 0; n--, at += step) {
    const uint8_t *p = at;
    int32_t sum = 0;
    CARDC_NO_UNROLL for (j = 0; j < taps; j++, p += across) {
      sum += w[j] * *p;
    }
    *sums++ += sum;
  }
}

/* sums[0 .. n) = the sums of n pixels of a row, the first of which has its tap (0, 0, 0) at `from`. */
static void sum_pixels(const CARDC_ROM cardc_conv_dense *layer, const CARDC_ROM int8_t *w, const uint8_t *from,
                       uint32_t n, int32_t *sums) {
  const uint32_t down = layer->row * layer->dilation_height;
  uint32_t c, i;
  for (i = 0; i < n; i++) {
    sums[i] = 0;
  }
  for (c = 0; c < layer->depth; c++, from += layer->plane) {
    const uint8_t *line = from;
    for (i = 0; i < layer->kernel_height; i++, line += down, w += layer->kernel_width) {
      add_taps(w, layer->kernel_width, layer->dilation_width, line, layer->col_step, n, sums);
    }
  }
}

void cardc_conv_int8(const CARDC_ROM cardc_conv_dense *layer, const CARDC_ROM cardc_finish *finish, const uint8_t *src,
                     void *dst) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t taps = (uint32_t)layer->depth * layer->kernel_height * layer->kernel_width;
  const CARDC_ROM int8_t *w = layer->weights;
  const uint8_t *group = src + layer->origin;
  int32_t sums[CHUNK];
  uint32_t c, y, x, n, left = layer->group_channels;
  for (c = 0; c < to->channels; c++, w += taps, left--) {
    if (left == 0) {
      left = layer->group_channels;
      group += layer->plane * layer->depth;
    }
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = group + y * layer->row_step;
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x += n, from += n * layer->col_step) {
        n = to->width - x < CHUNK ? to->width - x : CHUNK;
        sum_pixels(layer, w, from, n, sums);
        cardc_finish_row(finish, c, sums, 1, 0, n, dst, at + x);
      }
    }
  }
}
