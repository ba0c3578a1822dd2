#include "cardc_wide.h"

#define CHUNK 16 /* pixels that are summed before they are finished */

static int32_t weight(const CARDC_ROM cardc_wide_weights *w, uint32_t at) {
  return w->w8 ? w->w8[at] : w->w16 ? w->w16[at] : w->w32[at];
}

#define ADD(TYPE)                                                              \
  do {                                                                         \
    const TYPE *p = (const TYPE *)src + at;                                    \
    CARDC_NO_UNROLL for (; n > 0; n--, p += step) {                            \
      *sums++ += w * (int32_t)*p;                                              \
    }                                                                          \
  } while (0)

/* sums[i] += w * element at + i * step, for i < n. */
static void add_small(uint8_t type, const void *src, uint32_t at, uint32_t step, uint32_t n, int32_t w,
                      int32_t *sums) {
  if (type == CARDC_U8) {
    ADD(uint8_t);
  } else if (type == CARDC_I16) {
    ADD(int16_t);
  } else {
    ADD(int32_t);
  }
}

static void add_wide(uint8_t type, const void *src, uint32_t at, uint32_t step, uint32_t n, int64_t w, int64_t *sums) {
  for (; n > 0; n--, at += step) {
    *sums++ += w * cardc_element(type, src, at);
  }
}

/* The part [first, last) of n pixels of a row whose tap lies inside; `left` is the column of the first pixel's tap. */
static void inside(const CARDC_ROM cardc_conv_wide_layer *layer, int32_t left, uint32_t n, uint32_t *first,
                   uint32_t *last) {
  const int32_t step = layer->stride_width, width = layer->from.width;
  int32_t a = left >= 0 ? 0 : (step - 1 - left) / step, b = left >= width ? 0 : (width - left + step - 1) / step;
  b = b < (int32_t)n ? b : (int32_t)n;
  a = a < b ? a : b;
  *first = (uint32_t)a;
  *last = (uint32_t)b;
}

/* One tap of weight w on n pixels: element (c, y, left), (c, y, left + stride), ... Exactly one of sums is not NULL. */
static void tap(const CARDC_ROM cardc_conv_wide_layer *layer, const void *src, uint32_t c, int32_t y, int32_t left,
                uint32_t n, int32_t w, int32_t *small, int64_t *wide) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const uint32_t step = layer->stride_width * from->column;
  uint32_t first = 0, last = 0, i;
  if (y >= 0 && y < (int32_t)from->height) {
    inside(layer, left, n, &first, &last);
  }
  if (first < last) {
    const uint32_t x = (uint32_t)(left + (int32_t)(first * layer->stride_width));
    const uint32_t at = c * from->plane + (uint32_t)y * from->row + x * from->column;
    if (small) {
      add_small(from->type, src, at, step, last - first, w, small + first);
    } else {
      add_wide(from->type, src, at, step, last - first, w, wide + first);
    }
  }
  if (layer->outside == 0) {
    return;
  }
  for (i = 0; i < n; i++) {
    if (i < first || i >= last) {
      if (small) {
        small[i] += w * layer->outside;
      } else {
        wide[i] += (int64_t)w * layer->outside;
      }
    }
  }
}

/* The sums of n pixels of row `y` from column `x` on, for the weights from number `at` and channels from `channel`. */
static void sum_pixels(const CARDC_ROM cardc_conv_wide_layer *layer, const void *src, uint32_t at, uint32_t channel,
                       uint32_t y, uint32_t x, uint32_t n, int64_t *sums) {
  const int32_t top = (int32_t)(y * layer->stride_height) - (int32_t)layer->pad_top;
  const int32_t left = (int32_t)(x * layer->stride_width) - (int32_t)layer->pad_left;
  int32_t small[CHUNK];
  uint32_t c, i, j;
  for (i = 0; i < n; i++) {
    small[i] = 0;
    sums[i] = 0;
  }
  for (c = 0; c < layer->depth; c++) {
    for (i = 0; i < layer->kernel_height; i++) {
      for (j = 0; j < layer->kernel_width; j++, at++) {
        const int32_t w = weight(&layer->weights, at);
        if (w != 0) {
          tap(layer, src, channel + c, top + (int32_t)(i * layer->dilation_height),
              left + (int32_t)(j * layer->dilation_width), n, w, layer->small ? small : 0, sums);
        }
      }
    }
  }
  for (i = 0; layer->small && i < n; i++) {
    sums[i] = small[i];
  }
}

void cardc_conv_wide(const CARDC_ROM cardc_conv_wide_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                     const void *src, void *dst) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t taps = (uint32_t)layer->depth * layer->kernel_height * layer->kernel_width;
  int64_t sums[CHUNK];
  uint32_t c, y, x, n;
  for (c = 0; c < to->channels; c++) {
    const uint32_t channel = c / layer->group_channels * layer->depth;
    for (y = 0; y < to->height; y++) {
      for (x = 0; x < to->width; x += n) {
        n = to->width - x < CHUNK ? to->width - x : CHUNK;
        sum_pixels(layer, src, c * taps, channel, y, x, n, sums);
        cardc_wide_row(finish, c, sums, n, dst, c * to->plane + y * to->row + x);
      }
    }
  }
}
