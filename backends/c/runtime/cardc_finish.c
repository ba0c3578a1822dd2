#include "cardc_finish.h"

/* How many of the ascending `t` are <= x; channels have few levels or a table, so a plain binary search does. */
static uint32_t count_i16(const CARDC_ROM int16_t *t, uint32_t levels, int32_t x) {
  uint32_t low = 0;
  while (levels > 0) {
    const uint32_t half = levels >> 1;
    if (t[low + half] <= x) {
      low += half + 1;
      levels -= half + 1;
    } else {
      levels = half;
    }
  }
  return low;
}

static uint32_t count_i32(const CARDC_ROM int32_t *t, uint32_t levels, int32_t x) {
  uint32_t low = 0;
  while (levels > 0) {
    const uint32_t half = levels >> 1;
    if (t[low + half] <= x) {
      low += half + 1;
      levels -= half + 1;
    } else {
      levels = half;
    }
  }
  return low;
}

static int32_t threshold(const CARDC_ROM cardc_finish *f, uint32_t channel, int32_t sum) {
  const uint32_t at = channel * f->levels;
  uint32_t n = f->t16 ? count_i16(f->t16 + at, f->levels, sum) : count_i32(f->t32 + at, f->levels, sum);
  if (f->falling && f->falling[channel]) {
    n = f->levels - n;
  }
  return (int32_t)(f->base + f->step * n);
}

static int32_t requantize(const CARDC_ROM cardc_finish *f, uint32_t channel, int32_t sum) {
  int32_t y;
  if (f->b64) {
    const int64_t wide = ((int64_t)sum * f->m[channel] + f->b64[channel]) >> f->shift;
    return wide < f->lo ? f->lo : wide > f->hi ? f->hi : (int32_t)wide;
  }
  y = (CARDC_TIMES(sum, f->m[channel]) + f->b[channel]) >> f->shift;
  return y < f->lo ? f->lo : y > f->hi ? f->hi : y;
}

int32_t cardc_finish_one(const CARDC_ROM cardc_finish *finish, uint32_t channel, int32_t sum) {
  if (finish->shared) {
    channel = 0;
  }
  switch (finish->kind) {
    case CARDC_THRESHOLD:
      return threshold(finish, channel, sum);
    case CARDC_REQUANTIZE:
      return requantize(finish, channel, sum);
    default:
      return CARDC_TIMES(sum, finish->m[channel]) + finish->b[channel];
  }
}

void cardc_store(const CARDC_ROM cardc_finish *finish, void *dst, uint32_t index, int32_t y) {
  switch (finish->out) {
    case CARDC_U8:
      ((uint8_t *)dst)[index] = (uint8_t)y;
      break;
    case CARDC_I16:
      ((int16_t *)dst)[index] = (int16_t)y;
      break;
    default:
      ((int32_t *)dst)[index] = y;
      break;
  }
}

/* One step of a search that does not branch: `at` moves on by `half` if the threshold there is passed. */
#define SEARCH(HALF) at += at[(HALF) - 1] <= x ? (HALF) : 0
#define SEARCH_ROW(STEPS)                                    \
  CARDC_NO_UNROLL for (; count > 0; count--, sums += next) { \
    const int32_t x = *sums - bias;                          \
    at = t;                                                  \
    STEPS;                                                   \
    *dst++ = (uint8_t)(first + step * (uint32_t)(at - t));   \
  }                                                          \
  return

/* Thresholds of a row to bytes. 2^k - 1 of them, to which fewer are filled up, are searched in k steps. */
static void threshold_row(const CARDC_ROM cardc_finish *f, uint32_t channel, const int32_t *sums, uint32_t next,
                          int32_t bias, uint32_t count, uint8_t *dst) {
  const CARDC_ROM int16_t *const t = f->t16 + channel * f->levels;
  const uint32_t levels = f->levels, falls = f->falling && f->falling[channel];
  const uint32_t first = falls ? f->base + f->step * levels : f->base, step = falls ? 0u - f->step : f->step;
  const CARDC_ROM int16_t *at;
  (void)at;
  switch (CARDC_SMALL ? 0 : levels) {
    case 1:
      SEARCH_ROW(SEARCH(1));
    case 3:
      SEARCH_ROW(SEARCH(2); SEARCH(1));
    case 7:
      SEARCH_ROW(SEARCH(4); SEARCH(2); SEARCH(1));
    case 15:
      SEARCH_ROW(SEARCH(8); SEARCH(4); SEARCH(2); SEARCH(1));
    case 31:
      SEARCH_ROW(SEARCH(16); SEARCH(8); SEARCH(4); SEARCH(2); SEARCH(1));
    default:
      CARDC_NO_UNROLL for (; count > 0; count--, sums += next) {
        *dst++ = (uint8_t)(first + step * count_i16(t, levels, *sums - bias));
      }
  }
}

#define REQUANTIZE_ROW(TYPE)                                                       \
  do {                                                                             \
    TYPE *to = (TYPE *)dst + at;                                                   \
    CARDC_NO_UNROLL for (; count > 0; count--, sums += next) {                     \
      const int32_t y = (int32_t)((uint32_t)CARDC_TIMES((uint32_t)*sums, m) + b) >> shift; \
      *to++ = (TYPE)(y < lo ? lo : y > hi ? hi : y);                               \
    }                                                                              \
  } while (0)

/* Requantisation of a row, 32 bits wide. Every product fits; what `bias` takes away is taken from b once. */
static void requantize_row(const CARDC_ROM cardc_finish *f, uint32_t channel, const int32_t *sums, uint32_t next,
                           int32_t bias, uint32_t count, void *dst, uint32_t at) {
  const uint32_t m = (uint32_t)f->m[channel], b = (uint32_t)f->b[channel] - (uint32_t)CARDC_TIMES((uint32_t)bias, m);
  const int32_t lo = f->lo, hi = f->hi;
  const uint32_t shift = f->shift;
  if (f->out == CARDC_U8) {
    REQUANTIZE_ROW(uint8_t);
  } else if (f->out == CARDC_I16) {
    REQUANTIZE_ROW(int16_t);
  } else {
    REQUANTIZE_ROW(int32_t);
  }
}

void cardc_finish_row(const CARDC_ROM cardc_finish *finish, uint32_t channel, const int32_t *sums, uint32_t step,
                      int32_t bias, uint32_t count, void *dst, uint32_t at) {
  const uint32_t end = at + count;
  if (finish->shared) {
    channel = 0;
  }
  if (finish->kind == CARDC_THRESHOLD && finish->t16 && finish->out == CARDC_U8) {
    threshold_row(finish, channel, sums, step, bias, count, (uint8_t *)dst + at);
  } else if (finish->kind == CARDC_THRESHOLD) {
    for (; at != end; at++, sums += step) {
      cardc_store(finish, dst, at, threshold(finish, channel, *sums - bias));
    }
  } else if (finish->kind == CARDC_REQUANTIZE && !finish->b64) {
    requantize_row(finish, channel, sums, step, bias, count, dst, at);
  } else if (finish->kind == CARDC_REQUANTIZE) {
    for (; at != end; at++, sums += step) {
      cardc_store(finish, dst, at, requantize(finish, channel, *sums - bias));
    }
  } else {
    const int32_t m = finish->m[channel], b = finish->b[channel];
    for (; at != end; at++, sums += step) {
      cardc_store(finish, dst, at, CARDC_TIMES(*sums - bias, m) + b);
    }
  }
}

void cardc_finish_i32(const CARDC_ROM cardc_finish *finish, const int32_t *sums, const CARDC_ROM cardc_map *to,
                      void *dst) {
  uint32_t c, y;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++, sums += to->width) {
      cardc_finish_row(finish, c, sums, 1, 0, to->width, dst, c * to->plane + y * to->row);
    }
  }
}

void cardc_finish_u8(const CARDC_ROM cardc_finish *finish, const uint8_t *src, uint32_t plane, uint32_t row,
                     const CARDC_ROM cardc_map *to, void *dst) {
  int32_t wide[16];
  uint32_t c, y, x, i, n;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = src + c * plane + y * row;
      for (x = 0; x < to->width; x += n) {
        n = to->width - x < 16 ? to->width - x : 16;
        CARDC_NO_UNROLL for (i = 0; i < n; i++) {
          wide[i] = *from++;
        }
        cardc_finish_row(finish, c, wide, 1, 0, n, dst, c * to->plane + y * to->row + x);
      }
    }
  }
}

void cardc_finish_i16(const CARDC_ROM cardc_finish *finish, const int16_t *sums, const CARDC_ROM cardc_map *to,
                      void *dst) {
  int32_t wide[16];
  uint32_t c, y, x, i, n;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      for (x = 0; x < to->width; x += n) {
        n = to->width - x < 16 ? to->width - x : 16;
        for (i = 0; i < n; i++) {
          wide[i] = *sums++;
        }
        cardc_finish_row(finish, c, wide, 1, 0, n, dst, c * to->plane + y * to->row + x);
      }
    }
  }
}

/* Fills from `at` to `end` with the byte that stands four times in `word`: the new `at`. Where unaligned stores are, up to
 * 3 bytes more are written. */
static uint8_t *fill(uint8_t *at, uint8_t *end, uint32_t word) {
#if CARDC_UNALIGNED
  for (; at < end; at += 4) {
    CARDC_MEMCPY(at, &word, 4);
  }
#else
  CARDC_NO_UNROLL for (; end - at >= 4; at += 4) {
    at[0] = at[1] = at[2] = at[3] = (uint8_t)word;
  }
  CARDC_NO_UNROLL for (; at < end; at++) {
    *at = (uint8_t)word;
  }
#endif
  return end;
}

/* One run of equal entries after the other, from the lowest sum up. */
static void threshold_table(const CARDC_ROM cardc_finish *f, uint32_t channel, int32_t first, uint32_t count,
                            uint8_t *table) {
  const uint32_t from = channel * f->levels;
  const CARDC_ROM int16_t *t16 = f->t16;
  const CARDC_ROM int32_t *t32 = f->t32;
  const int falling = f->falling && f->falling[channel];
  const uint32_t step = cardc_four(f->step);
  uint32_t word = cardc_four(f->base + (falling ? (uint32_t)f->step * f->levels : 0u)), k;
  uint8_t *at = table;
  if (t16) {
    t16 += from;
  } else {
    t32 += from;
  }
  for (k = f->levels; k > 0; k--) {
    const int32_t t = (t16 ? *t16++ : *t32++) - first;
    if (t >= (int32_t)count) {
      break;
    }
    if (t > at - table) {
      at = fill(at, table + t, word);
    }
    word = falling ? word - step : word + step;
  }
  fill(at, table + count, word);
}

/* The numbers of a requantisation lie `m` apart. */
static void requantize_table(const CARDC_ROM cardc_finish *f, uint32_t channel, int32_t first, uint32_t count,
                             uint8_t *table) {
  const uint32_t m = (uint32_t)f->m[channel], shift = f->shift;
  const int32_t lo = f->lo, hi = f->hi;
  uint32_t wide = (uint32_t)CARDC_TIMES((uint32_t)first, m) + (uint32_t)f->b[channel];
  CARDC_NO_UNROLL for (; count > 0; count--, wide += m) {
    const int32_t y = (int32_t)wide >> shift;
    *table++ = (uint8_t)(y < lo ? lo : y > hi ? hi : y);
  }
}

void cardc_finish_table(const CARDC_ROM cardc_finish *finish, uint32_t channel, int32_t first, uint32_t count,
                        uint8_t *table) {
  uint32_t v;
  if (finish->shared) {
    channel = 0;
  }
  if (finish->kind == CARDC_THRESHOLD) {
    threshold_table(finish, channel, first, count, table);
    return;
  }
  if (!finish->b64) {
    requantize_table(finish, channel, first, count, table);
    return;
  }
  for (v = 0; v < count; v++) {
    table[v] = (uint8_t)requantize(finish, channel, first + (int32_t)v);
  }
}
