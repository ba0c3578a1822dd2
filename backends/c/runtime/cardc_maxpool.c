#include "cardc_move.h"

/* Largest byte of a window of rows x columns elements, `down` and `across` bytes apart. */
static uint8_t largest(const uint8_t *at, uint32_t rows, uint32_t columns, uint32_t down, uint32_t across) {
  uint32_t best = 0, j;
  for (; rows > 0; rows--, at += down) {
    const uint8_t *p = at;
    for (j = columns; j > 0; j--, p += across) {
      best = *p > best ? *p : best;
    }
  }
  return (uint8_t)best;
}

/* The elements of a window that lie inside: sets the first one, returns how many. `at` is where the window begins, which
 * may be before the input. */
static uint32_t inside(int32_t at, uint32_t kernel, uint32_t dilation, uint32_t size, uint32_t *first) {
  uint32_t count = kernel;
  while (at < 0) {
    at += (int32_t)dilation;
    count--;
  }
  *first = (uint32_t)at;
  while (count > 0 && (uint32_t)at + (count - 1) * dilation >= size) {
    count--;
  }
  return count;
}

/* A row of windows of 2 x 2 elements, side by side. */
static void halve_row(const uint8_t *a, const uint8_t *b, uint32_t width, uint8_t *dst) {
  for (; width > 0; width--, a += 2, b += 2) {
    const uint32_t p = a[0] > a[1] ? a[0] : a[1], q = b[0] > b[1] ? b[0] : b[1];
    *dst++ = (uint8_t)(p > q ? p : q);
  }
}

static void pool_row(const CARDC_ROM cardc_pool *pool, const uint8_t *src, uint32_t rows, uint8_t *dst) {
  const uint32_t down = pool->from.row * pool->dilation_height, across = pool->dilation_width;
  int32_t left = -(int32_t)pool->pad_left;
  uint32_t x, first, columns;
  for (x = 0; x < pool->to.width; x++, left += pool->stride_width) {
    columns = inside(left, pool->kernel_width, across, pool->from.width, &first);
    dst[x] = largest(src + first, rows, columns, down, across);
  }
}

void cardc_maxpool(const CARDC_ROM cardc_pool *pool, const uint8_t *src, uint8_t *dst) {
  const CARDC_ROM cardc_map *to = &pool->to;
  const int halves = pool->kernel_height == 2 && pool->kernel_width == 2 && pool->stride_width == 2 &&
                     pool->dilation_width == 1 && pool->pad_top == 0 && pool->pad_left == 0 &&
                     to->width * 2u <= pool->from.width;
  uint32_t c, y, first, rows;
  for (c = 0; c < to->channels; c++, src += pool->from.plane) {
    int32_t top = -(int32_t)pool->pad_top;
    for (y = 0; y < to->height; y++, top += pool->stride_height) {
      uint8_t *row = dst + c * to->plane + y * to->row;
      const uint8_t *from;
      rows = inside(top, pool->kernel_height, pool->dilation_height, pool->from.height, &first);
      from = src + first * pool->from.row;
      if (halves && rows == 2) {
        halve_row(from, from + pool->from.row * pool->dilation_height, to->width, row);
      } else {
        pool_row(pool, from, rows, row);
      }
    }
  }
}
