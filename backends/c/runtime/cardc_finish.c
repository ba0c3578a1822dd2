#include "cardc_finish.h"

/* How many of the ascending `t` are <= x. */
static uint32_t count_i16(const int16_t *t, uint32_t levels, int32_t x) {
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

static uint32_t count_i32(const int32_t *t, uint32_t levels, int32_t x) {
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

static int32_t threshold(const cardc_finish *f, uint32_t channel, int32_t sum) {
  const uint32_t at = channel * f->levels;
  uint32_t n = f->t16 ? count_i16(f->t16 + at, f->levels, sum) : count_i32(f->t32 + at, f->levels, sum);
  if (f->falling && f->falling[channel]) {
    n = f->levels - n;
  }
  return (int32_t)(f->base + f->step * n);
}

static int32_t requantize(const cardc_finish *f, uint32_t channel, int32_t sum) {
  int32_t y;
  if (f->b64) {
    const int64_t wide = ((int64_t)sum * f->m[channel] + f->b64[channel]) >> f->shift;
    return wide < f->lo ? f->lo : wide > f->hi ? f->hi : (int32_t)wide;
  }
  y = (sum * f->m[channel] + f->b[channel]) >> f->shift;
  return y < f->lo ? f->lo : y > f->hi ? f->hi : y;
}

int32_t cardc_finish_one(const cardc_finish *finish, uint32_t channel, int32_t sum) {
  if (finish->shared) {
    channel = 0;
  }
  switch (finish->kind) {
    case CARDC_THRESHOLD:
      return threshold(finish, channel, sum);
    case CARDC_REQUANTIZE:
      return requantize(finish, channel, sum);
    default:
      return sum * finish->m[channel] + finish->b[channel];
  }
}

void cardc_store(const cardc_finish *finish, void *dst, uint32_t index, int32_t y) {
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

void cardc_finish_i32(const cardc_finish *finish, const int32_t *sums, const cardc_map *to, void *dst) {
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++) {
        cardc_store(finish, dst, at + x, cardc_finish_one(finish, c, *sums++));
      }
    }
  }
}

void cardc_finish_i16(const cardc_finish *finish, const int16_t *sums, const cardc_map *to, void *dst) {
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x++) {
        cardc_store(finish, dst, at + x, cardc_finish_one(finish, c, *sums++));
      }
    }
  }
}

void cardc_finish_table(const cardc_finish *finish, uint32_t channel, int32_t first, uint32_t count, uint8_t *table) {
  uint32_t v;
  for (v = 0; v < count; v++) {
    table[v] = (uint8_t)cardc_finish_one(finish, channel, first + (int32_t)v);
  }
}
