#include "cardc_gate_wide.h"
#include "cardc_leading.h"

static inline cardc_power square(int32_t re, int32_t im) {
  const uint64_t p = (uint64_t)((int64_t)re * re) + (uint64_t)((int64_t)im * im);
  cardc_power found;
  found.low = (uint32_t)p, found.high = (uint32_t)(p >> 32);
  return found;
}

/* Frequencies from ... end against their mirror's, which lie the other way round: X at this column, and, where `high` is
 * not NULL, at the mirrored one. */
static inline void split(const cardc_complex *from, const cardc_complex *end, const cardc_complex *back, cardc_turn w,
                         cardc_power *low, cardc_power *high) {
  while (from < end) {
    const cardc_complex z = *from++, r = *back--;
    const int32_t even_re = (z.re + r.re) >> 2, even_im = (z.im - r.im) >> 2;
    const int32_t odd_re = z.re - r.re, odd_im = z.im + r.im;
    /* times -i (cos - i sin) */
    const int32_t re = cardc_high_sub(odd_re, w.sin, cardc_high_add(odd_im, w.cos, 1));
    const int32_t im = cardc_high_sub(odd_re, w.cos, cardc_high_sub(odd_im, w.sin, 1));
    *low++ = square(even_re + re, even_im + im);
    if (high != NULL) {
      *high++ = square(even_re - re, even_im - im);
    }
  }
}

static CARDC_NOINLINE void split_both(const cardc_complex *from, const cardc_complex *end, const cardc_complex *back,
                                      cardc_turn w, cardc_power *low, cardc_power *high) {
  split(from, end, back, w, low, high);
}

static CARDC_NOINLINE void split_one(const cardc_complex *from, const cardc_complex *end, const cardc_complex *back,
                                     cardc_turn w, cardc_power *low) {
  split(from, end, back, w, low, NULL);
}

void cardc_gate_wide_powers(const cardc_gate_wide *gate, const cardc_complex *column, const cardc_complex *mirror,
                            uint32_t kx, cardc_power *low, cardc_power *high) {
  const cardc_turn w = cardc_turn_at(gate->twiddles, kx * (gate->table_length / (2u * gate->half)));
  const uint32_t first = gate->first_rows, other = gate->other_rows, rows = gate->rows;
  /* row 0 is its own mirror, row ky that of rows - ky */
  const cardc_complex *const last = mirror + rows - 1;
  if (high == NULL) {
    split_one(column, column + 1, mirror, w, low);
    split_one(column + 1, column + first, last, w, low + 1);
    split_one(column + other, column + rows, mirror + rows - other, w, low + first);
  } else {
    split_both(column, column + 1, mirror, w, low, high);
    split_both(column + 1, column + first, last, w, low + 1, high + 1);
    split_both(column + other, column + rows, mirror + rows - other, w, low + first, high + first);
  }
}

void cardc_gate_wide_constant(const cardc_gate_wide *gate, const cardc_complex *column, cardc_power *p) {
  /* E2 = 2 re, and -i w O2 = 2 im, w = 1 */
  const int32_t x = (column[0].re >> 1) + cardc_high_add(2 * column[0].im, 0x40000000, 1);
  *p = square(x + gate->offset, 0);
}

/* A parabola for each eighth of an octave. With n = p shifted until its top bit is bit 31: n >> 28 is 8 + the piece. */
static void read(const int32_t *table, const cardc_power *p, uint32_t count, uint32_t *y) {
  const cardc_power *const end = p + count;
  table += 3 * (63 * 8 - 8);
  for (; p < end; p++) {
    uint32_t n, zeros;
    const int32_t *at;
    int32_t f;
    if (p->high != 0) {
      zeros = cardc_zeros_in_front(p->high); /* at least 2, as |X|^2 is below 2^62 */
      n = p->high << zeros | p->low >> (32u - zeros);
    } else {
      n = p->low | 1u;
      zeros = cardc_zeros_in_front(n);
      n <<= zeros;
      zeros += 32;
    }
    at = table + 3 * ((int32_t)(n >> 28) - 8 * (int32_t)zeros);
    f = (int32_t)(n << 4 >> 1);
    *y++ = (uint32_t)cardc_high_add(f, cardc_high_add(f, at[2], at[1]), at[0]);
  }
}

void cardc_gate_wide_values(const cardc_gate_wide *gate, const cardc_power *p, uint32_t count, uint32_t *y) {
  const uint32_t shift = gate->power_shift;
  uint32_t i;
  if (gate->table != NULL) {
    read(gate->table, p, count, y);
    return;
  }
  for (i = 0; i < count; i++) {
    y[i] = (uint32_t)((((uint64_t)p[i].high << 32) | p[i].low) >> shift);
  }
}

int64_t cardc_gate_wide_dot(const uint32_t *y, const int32_t *d, uint32_t count) {
  const uint32_t *const last = y + count;
  int64_t sum = 0;
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
  const uint32_t *const end = y + (count & ~7u), *other = (const uint32_t *)d;
  CARDC_NO_UNROLL while (y < end) {
    uint32_t a, b, c, e;
#define CARDC_TWO                                            \
  y = cardc_two_words(y, &a, &b);                            \
  other = cardc_two_words(other, &c, &e);                    \
  sum += (int64_t)(int32_t)a * (int32_t)c;                   \
  sum += (int64_t)(int32_t)b * (int32_t)e;
    CARDC_TWO CARDC_TWO CARDC_TWO CARDC_TWO
#undef CARDC_TWO
  }
  d = (const int32_t *)other;
#endif
  CARDC_UNROLL4
  while (y < last) {
    sum += (int64_t)(int32_t)*y++ * *d++;
  }
  return sum;
}
