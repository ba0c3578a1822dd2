#include "cardc_join.h"

#define CHUNK 16 /* sums finished at a time */

static int32_t load(uint8_t type, const void *src, uint32_t at) {
  switch (type) {
    case CARDC_U8:
      return ((const uint8_t *)src)[at];
    case CARDC_I16:
      return ((const int16_t *)src)[at];
    default:
      return ((const int32_t *)src)[at];
  }
}

static void store(uint8_t type, void *dst, uint32_t at, int32_t value) {
  switch (type) {
    case CARDC_U8:
      ((uint8_t *)dst)[at] = (uint8_t)value;
      break;
    case CARDC_I16:
      ((int16_t *)dst)[at] = (int16_t)value;
      break;
    default:
      ((int32_t *)dst)[at] = value;
      break;
  }
}

#define SCALED(TYPE)                                                   \
  do {                                                                 \
    const TYPE *p = (const TYPE *)src + at;                            \
    if (add) {                                                         \
      CARDC_NO_UNROLL for (; n > 0; n--, p += column) {                \
        *sums++ += m * (int32_t)*p;                                    \
      }                                                                \
    } else {                                                           \
      CARDC_NO_UNROLL for (; n > 0; n--, p += column) {                \
        *sums++ = m * (int32_t)*p;                                     \
      }                                                                \
    }                                                                  \
  } while (0)

/* sums[i] = (or +=, with `add`) m * stored number i, `n` of them from element `at` on. */
static void scaled(uint8_t type, const void *src, uint32_t at, uint32_t column, uint32_t n, int32_t m, uint32_t add,
                   int32_t *sums) {
  if (type == CARDC_U8) {
    SCALED(uint8_t);
  } else if (type == CARDC_I16) {
    SCALED(int16_t);
  } else {
    SCALED(int32_t);
  }
}

void cardc_add(const CARDC_ROM cardc_add_layer *layer, const CARDC_ROM cardc_finish *finish, const void *a,
               const void *b, void *dst) {
  const CARDC_ROM cardc_view *va = &layer->a, *vb = &layer->b;
  int32_t sums[CHUNK];
  uint32_t c, y, x, n;
  for (c = 0; c < va->channels; c++) {
    const uint32_t k = layer->shared ? 0 : c;
    for (y = 0; y < va->height; y++) {
      for (x = 0; x < va->width; x += n) {
        n = va->width - x < CHUNK ? va->width - x : CHUNK;
        scaled(va->type, a, c * va->plane + y * va->row + x * va->column, va->column, n, layer->ma[k], 0, sums);
        scaled(vb->type, b, c * vb->plane + y * vb->row + x * vb->column, vb->column, n, layer->mb[k], 1, sums);
        cardc_finish_row(finish, c, sums, 1, 0, n, dst, c * layer->to.plane + y * layer->to.row + x);
      }
    }
  }
}

#if defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__) && CARDC_UNALIGNED
/* sum + the four bytes at `at`. The instruction by name: no compiler finds it. */
static inline uint32_t add_four(uint32_t sum, const uint8_t *at) {
  uint32_t word;
  CARDC_MEMCPY(&word, at, sizeof word);
  __asm__("usada8 %0, %1, %2, %0" : "+r"(sum) : "r"(word), "r"(0));
  return sum;
}
#define SUM_SIXTEENS                                                \
  CARDC_NO_UNROLL for (; left >= 16; left -= 16, p += 16) {         \
    sum = add_four(add_four(sum, p), p + 4);                        \
    sum = add_four(add_four(sum, p + 8), p + 12);                   \
  }
#else
#define SUM_SIXTEENS
#endif

/* The sum of `height` rows of `width` bytes. */
static int32_t sum_bytes(const uint8_t *src, uint32_t row, uint32_t height, uint32_t width) {
  uint32_t sum = 0;
  if (row == width) { /* rows that touch are one */
    width *= height, height = 1;
  }
  CARDC_NO_UNROLL for (; height > 0; height--, src += row) {
    const uint8_t *p = src;
    uint32_t left = width;
    SUM_SIXTEENS
    CARDC_NO_UNROLL for (; left >= 4; left -= 4, p += 4) {
      sum += p[0];
      sum += p[1];
      sum += p[2];
      sum += p[3];
    }
    CARDC_NO_UNROLL for (; left > 0; left--) {
      sum += *p++;
    }
  }
  return (int32_t)sum;
}

/* The sum (or, with `largest`, the maximum) of the window whose first element is (top, left) of channel `c`. */
static int32_t window(const CARDC_ROM cardc_window_layer *w, const void *src, uint32_t c, int32_t top, int32_t left,
                      int largest) {
  const CARDC_ROM cardc_view *from = &w->from;
  int32_t result = largest ? INT32_MIN : 0;
  uint32_t i, j;
  const int inside = top >= 0 && left >= 0 && top + (int32_t)w->kernel_height <= (int32_t)from->height &&
                     left + (int32_t)w->kernel_width <= (int32_t)from->width;
  if (!largest && inside && from->type == CARDC_U8 && from->column == 1 && w->dilation_height == 1 && w->dilation_width == 1) {
    const uint8_t *first = (const uint8_t *)src + c * from->plane + (uint32_t)top * from->row + (uint32_t)left;
    return sum_bytes(first, from->row, w->kernel_height, w->kernel_width);
  }
  for (i = 0; i < w->kernel_height; i++) {
    const int32_t y = top + (int32_t)(i * w->dilation_height);
    const int row_inside = y >= 0 && y < (int32_t)from->height;
    for (j = 0; j < w->kernel_width; j++) {
      const int32_t x = left + (int32_t)(j * w->dilation_width);
      if (row_inside && x >= 0 && x < (int32_t)from->width) {
        const int32_t v = load(from->type, src, c * from->plane + (uint32_t)y * from->row + (uint32_t)x * from->column);
        result = largest ? (v > result ? v : result) : result + v;
      } else if (!largest) {
        result += w->outside;
      }
    }
  }
  return result;
}

static void windows(const CARDC_ROM cardc_window_layer *w, const CARDC_ROM cardc_finish *finish, const void *src,
                    void *dst, int largest) {
  const CARDC_ROM cardc_map *to = &w->to;
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      for (x = 0; x < to->width; x++) {
        const int32_t top = (int32_t)(y * w->stride_height) - (int32_t)w->pad_top;
        const int32_t left = (int32_t)(x * w->stride_width) - (int32_t)w->pad_left;
        const int32_t found = window(w, src, c, top, left, largest);
        cardc_finish_row(finish, c, &found, 1, 0, 1, dst, c * to->plane + y * to->row + x);
      }
    }
  }
}

void cardc_sum_windows(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_finish *finish,
                       const void *src, void *dst) {
  windows(layer, finish, src, dst, 0);
}

void cardc_max_windows(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_finish *finish,
                       const void *src, void *dst) {
  windows(layer, finish, src, dst, 1);
}

void cardc_move(const CARDC_ROM cardc_move_layer *layer, const void *src, void *dst) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const CARDC_ROM cardc_map *to = &layer->to;
  uint32_t c, y, x, i, j;
  for (c = 0; c < from->channels; c++) {
    for (y = 0; y < from->height; y++) {
      for (x = 0; x < from->width; x++) {
        const uint32_t at = c * to->plane + y * layer->step_height * to->row + x * layer->step_width;
        int32_t v = load(from->type, src, c * from->plane + y * from->row + x * from->column);
        v = v * layer->gain + layer->offset;
        for (i = 0; i < layer->repeat_height; i++) {
          for (j = 0; j < layer->repeat_width; j++) {
            store(layer->type, dst, at + i * to->row + j, v);
          }
        }
      }
    }
  }
}

void cardc_fill(void *dst, uint8_t type, uint32_t count, int32_t value) {
  uint32_t i;
  for (i = 0; i < count; i++) {
    store(type, dst, i, value);
  }
}

void cardc_argmax_channels(const CARDC_ROM cardc_view *from, const CARDC_ROM cardc_finish *finish, const void *src,
                           const CARDC_ROM cardc_map *to, void *dst) {
  uint32_t c, y, x;
  for (y = 0; y < from->height; y++) {
    for (x = 0; x < from->width; x++) {
      const uint32_t at = y * from->row + x * from->column;
      int32_t best = load(from->type, src, at), where = 0;
      for (c = 1; c < from->channels; c++) {
        const int32_t v = load(from->type, src, at + c * from->plane);
        if (v > best) {
          best = v;
          where = (int32_t)c;
        }
      }
      cardc_finish_row(finish, 0, &where, 1, 0, 1, dst, y * to->row + x);
    }
  }
}

/* The channel that comes next behind channel `last` (none, where that is negative); no list of those taken is kept. */
static int32_t next_channel(const CARDC_ROM cardc_top_layer *layer, const void *src, uint32_t at, int32_t last) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const int32_t before = last < 0 ? 0 : load(from->type, src, at + (uint32_t)last * from->plane);
  int32_t best = 0, where = -1, c;
  for (c = 0; c < (int32_t)from->channels; c++) {
    const int32_t v = load(from->type, src, at + (uint32_t)c * from->plane);
    if (last >= 0 && !(v == before ? c > last : (v < before) == layer->largest)) {
      continue;
    }
    if (where < 0 || (layer->largest ? v > best : v < best)) {
      best = v;
      where = c;
    }
  }
  return where;
}

void cardc_top_channels(const CARDC_ROM cardc_top_layer *layer, const CARDC_ROM cardc_finish *finish, const void *src,
                        void *dst) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const CARDC_ROM cardc_map *to = &layer->to;
  uint32_t k, y, x;
  for (y = 0; y < from->height; y++) {
    for (x = 0; x < from->width; x++) {
      const uint32_t at = y * from->row + x * from->column;
      int32_t where = -1;
      for (k = 0; k < to->channels; k++) {
        int32_t found;
        where = next_channel(layer, src, at, where);
        found = layer->indices ? where : load(from->type, src, at + (uint32_t)where * from->plane);
        cardc_finish_row(finish, k, &found, 1, 0, 1, dst, k * to->plane + y * to->row + x);
      }
    }
  }
}
