#include "cardc_conv.h"

#define CHUNK 16 /* pixels that are summed before they are finished */

/* The sum of `count` bytes at `offsets` from `at`. */
#if defined(__AVR__)
typedef uint16_t cardc_count; /* parts hold at most 4 * 255 taps of a sign */

static CARDC_NOINLINE int32_t gather(const uint8_t *at, const CARDC_ROM uint16_t *offsets, cardc_count left) {
  int32_t sum = 0;
  while (left > 0) {
    uint8_t n = (uint8_t)(left > 255 ? 255 : left); /* bytes whose sum fits 16 bits */
    uint16_t part = 0;
    left = (uint16_t)(left - n);
    do {
      part = (uint16_t)(part + at[*offsets++]);
    } while (--n > 0);
    sum += part;
  }
  return sum;
}
#else
typedef uint32_t cardc_count;

static int32_t gather(const uint8_t *at, const CARDC_ROM uint16_t *offsets, cardc_count count) {
  uint32_t sum = 0;
  CARDC_NO_UNROLL for (; count >= 2; count -= 2, offsets += 2) {
    sum += at[offsets[0]];
    sum += at[offsets[1]];
  }
  return (int32_t)(count ? sum + at[*offsets] : sum);
}
#endif

static uint32_t total(const CARDC_ROM uint8_t *counts, uint32_t classes) {
  uint32_t sum = 0;
  for (; classes > 0; classes--) {
    sum += *counts++;
  }
  return sum;
}

/* sums[0 .. n) = the sums of n pixels of a row, the first of which reads from `at`; where the channel's offsets end. */
static const CARDC_ROM uint16_t *sum_pixels(const CARDC_ROM cardc_conv_sparse *layer,
                                            const CARDC_ROM uint16_t *offsets, const CARDC_ROM uint8_t *counts,
                                            const uint8_t *at, uint32_t n, int32_t *sums) {
  uint32_t p, i, plus, minus;
  for (i = 0; i < n; i++) {
    sums[i] = 0;
  }
  for (p = 0; p < layer->parts; p++, at += layer->part_stride, counts += 2u * layer->classes) {
    const uint8_t *pixel = at;
    plus = total(counts, layer->classes);
    minus = total(counts + layer->classes, layer->classes);
    for (i = 0; i < n; i++, pixel += layer->col_step) {
      sums[i] += gather(pixel, offsets, (cardc_count)plus) - gather(pixel, offsets + plus, (cardc_count)minus);
    }
    offsets += plus + minus;
  }
  return offsets;
}

void cardc_conv_taps(const CARDC_ROM cardc_conv_sparse *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const CARDC_ROM uint16_t *offsets = layer->offsets, *end = offsets;
  const CARDC_ROM uint8_t *counts = layer->counts;
  int32_t sums[CHUNK];
  uint32_t c, y, x, n;
  (void)table;
  (void)table_bytes;
  for (c = 0; c < to->channels; c++, offsets = end, counts += 2u * layer->parts * layer->classes) {
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = src + y * layer->row_step;
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x += n, from += n * layer->col_step) {
        n = to->width - x < CHUNK ? to->width - x : CHUNK;
        end = sum_pixels(layer, offsets, counts, from, n, sums);
        cardc_finish_row(finish, c, sums, 1, 0, n, dst, at + x);
      }
    }
  }
}
