#include "cardc_gate.h"

/* The highest set bit of x, which is not 0. */
static inline uint32_t top_bit(uint32_t x) {
#if defined(__ARM_FEATURE_CLZ) || defined(__riscv_zbb) || defined(__x86_64__) || defined(__aarch64__)
  return 31u - (uint32_t)__builtin_clz(x);
#else
  uint32_t n = 0;
  if (x >> 16) {
    n += 16, x >>= 16;
  }
  if (x >> 8) {
    n += 8, x >>= 8;
  }
  if (x >> 4) {
    n += 4, x >>= 4;
  }
  if (x >> 2) {
    n += 2, x >>= 2;
  }
  return n + (x >> 1);
#endif
}

static inline uint32_t square(int32_t re, int32_t im) {
  return (uint32_t)re * (uint32_t)re + (uint32_t)im * (uint32_t)im;
}

static void split(const uint32_t *column, const uint32_t *mirror, uint32_t mask, uint32_t ky, uint32_t end, int32_t cos,
                  int32_t minus_sin, uint32_t *low, uint32_t *high) {
  for (; ky < end; ky++) {
    const uint32_t z = column[ky], r = mirror[(0u - ky) & mask];
    const int32_t even_re = (cardc_re(z) + cardc_re(r)) * 0x4000 + 0x4000;
    const int32_t even_im = (cardc_im(z) - cardc_im(r)) * 0x4000 + 0x4000;
    const int32_t odd_re = cardc_re(z) - cardc_re(r), odd_im = cardc_im(z) + cardc_im(r);
    const int32_t turned_re = odd_re * minus_sin + odd_im * cos, turned_im = odd_im * minus_sin - odd_re * cos;
    *low++ = square((even_re + turned_re) >> 15, (even_im + turned_im) >> 15);
    if (high != NULL) {
      *high++ = square((even_re - turned_re) >> 15, (even_im - turned_im) >> 15);
    }
  }
}

void cardc_gate_powers(const cardc_gate *gate, const uint32_t *column, const uint32_t *mirror, uint32_t kx,
                       uint32_t *low, uint32_t *high) {
  const uint32_t w = gate->twiddles[kx * (gate->table_length / (2u * gate->half))];
  const uint32_t first = gate->first_rows, mask = gate->rows - 1u;
  const int32_t cos = cardc_re(w), minus_sin = cardc_im(w);
  split(column, mirror, mask, 0, first, cos, minus_sin, low, high);
  split(column, mirror, mask, gate->other_rows, gate->rows, cos, minus_sin, low + first,
        high != NULL ? high + first : NULL);
}

#define CARDC_READ_TABLE(NAME, TYPE)                                                                     \
  static void NAME(const TYPE *table, uint32_t log, uint32_t *p, uint32_t count) {                       \
    uint32_t i;                                                                                          \
    for (i = 0; i < count; i++) {                                                                        \
      const uint32_t x = p[i] | 1u, top = top_bit(x), after = (x << (31u - top)) & 0x7FFFFFFFu;          \
      const TYPE *at = table + (top << log) + (after >> (31u - log));                                    \
      const int32_t fraction = (int32_t)(after >> (19u - log) & 0xFFFu);                                 \
      p[i] = (uint32_t)((int32_t)at[0] + ((((int32_t)at[1] - (int32_t)at[0]) * fraction + 0x800) >> 12)); \
    }                                                                                                    \
  }

CARDC_READ_TABLE(read16, uint16_t)
CARDC_READ_TABLE(read32, uint32_t)

void cardc_gate_values(const cardc_gate *gate, uint32_t *p, uint32_t count, uint32_t octaves) {
  const uint32_t log = gate->log_segments;
  uint32_t i;
  if (gate->kind == CARDC_GATE_TABLE16) {
    read16((const uint16_t *)gate->table + (octaves << log), log, p, count);
  } else if (gate->kind == CARDC_GATE_TABLE32) {
    read32((const uint32_t *)gate->table + (octaves << log), log, p, count);
  } else {
    for (i = 0; i < count; i++) {
      p[i] >>= 2u - octaves;
    }
  }
}

int64_t cardc_gate_dot(const uint32_t *y, const int16_t *d, uint32_t count, uint32_t kind) {
  int64_t sum = 0;
  uint32_t i;
  if (kind == CARDC_GATE_POWER) {
    for (i = 0; i < count; i++) {
      sum += (int64_t)d[i] * (int32_t)(y[i] >> 16) * 0x10000 + (int64_t)d[i] * (int32_t)(y[i] & 0xFFFFu);
    }
    return sum;
  }
  for (i = 0; i < count; i++) {
    sum += (int32_t)y[i] * d[i];
  }
  return sum;
}
