#include "cardc_wide.h"

#define CHUNK 16 /* elements finished at a time */

/* How many of the ascending thresholds from `at` on are <= sum. */
static uint32_t passed(const CARDC_ROM cardc_wide_finish *f, uint32_t at, int64_t sum) {
  uint32_t low = at, left = f->levels;
  while (left > 0) {
    const uint32_t half = left >> 1;
    const int64_t t = f->t32 ? f->t32[low + half] : f->t64[low + half];
    if (t <= sum) {
      low += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return low - at;
}

static int64_t finished(const CARDC_ROM cardc_wide_finish *f, uint32_t channel, int64_t sum) {
  int64_t y;
  if (f->kind == CARDC_THRESHOLD) {
    uint32_t n = passed(f, channel * f->levels, sum);
    if (f->falling && f->falling[channel]) {
      n = f->levels - n;
    }
    return f->base + (int64_t)f->step * n;
  }
  y = sum * f->m[channel] + f->b[channel];
  if (f->kind == CARDC_AFFINE) {
    return y;
  }
  if (f->even && f->shift > 0) { /* half less one unit, and that unit where the number below is odd */
    y += (((int64_t)1 << (f->shift - 1)) - 1) + ((y >> f->shift) & 1);
  }
  y >>= f->shift;
  return y < f->lo ? f->lo : y > f->hi ? f->hi : y;
}

void cardc_wide_row(const CARDC_ROM cardc_wide_finish *finish, uint32_t channel, const int64_t *sums, uint32_t count,
                    void *dst, uint32_t at) {
  if (finish->shared) {
    channel = 0;
  }
  for (; count > 0; count--, sums++, at++) {
    cardc_put(finish->out, dst, at, finished(finish, channel, *sums));
  }
}

void cardc_wide_tensor(const CARDC_ROM cardc_view *from, const CARDC_ROM cardc_wide_finish *finish, const void *src,
                       const CARDC_ROM cardc_map *to, void *dst) {
  int64_t sums[CHUNK];
  uint32_t c, y, x, n, i;
  for (c = 0; c < from->channels; c++) {
    for (y = 0; y < from->height; y++) {
      for (x = 0; x < from->width; x += n) {
        n = from->width - x < CHUNK ? from->width - x : CHUNK;
        for (i = 0; i < n; i++) {
          sums[i] = cardc_element(from->type, src, c * from->plane + y * from->row + (x + i) * from->column);
        }
        cardc_wide_row(finish, c, sums, n, dst, c * to->plane + y * to->row + x);
      }
    }
  }
}
