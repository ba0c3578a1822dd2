/* What cardc_gate_values.c does with four frequencies at a time: the same integers. */
#ifndef CARDC_GATE_QUADS_H
#define CARDC_GATE_QUADS_H

#include "cardc_gate.h"
#include "cardc_quads.h"

#if CARDC_MVE
/* Squares of the magnitudes of `count` (at least 4) frequencies, and of those on the other side where `high` is not NULL;
 * the last four overlap those before them. */
CARDC_QUAD_INLINE void cardc_split_quads(const uint32_t *from, uint32_t count, const uint32_t *back, uint32_t w,
                                         uint32_t *low, uint32_t *high) {
  const int32_t cos = cardc_re(w), minus_sin = cardc_im(w);
  const cardc_quad down = {12, 8, 4, 0};
  uint32_t i;
  for (i = 0;; i = i + 4 < count - 4 ? i + 4 : count - 4) {
    const cardc_quad z = cardc_quad_at(from + i), r = cardc_gather(back - i - 3, down);
    const cardc_quad zr = cardc_low_half(z), zi = cardc_high_half(z), rr = cardc_low_half(r), ri = cardc_high_half(r);
    const cardc_quad odd_re = zr - rr, odd_im = zi + ri;
    const cardc_quad even_re = (zr + rr + 1) << 14, even_im = (zi - ri + 1) << 14;
    const cardc_quad turned_re = odd_re * minus_sin + odd_im * cos, turned_im = odd_im * minus_sin - odd_re * cos;
    const cardc_quad a = (even_re + turned_re) >> 15, b = (even_im + turned_im) >> 15;
    cardc_put_quad(low + i, a * a + b * b);
    if (high) {
      const cardc_quad c = (even_re - turned_re) >> 15, d = (even_im - turned_im) >> 15;
      cardc_put_quad(high + i, c * c + d * d);
    }
    if (i == count - 4) {
      break;
    }
  }
}

/* 16 straight pieces an octave, as read16 in cardc_gate_values.c: how many were done. */
CARDC_QUAD_INLINE uint32_t cardc_read_quads(const uint16_t *table, const uint32_t *p, uint32_t count, uint32_t *y) {
  uint32_t i;
  table += 30 * 16;
  for (i = 0; i + 4 <= count; i += 4) {
    const cardc_quad x = cardc_quad_at(p + i) | 1, zeros = cardc_leading_zeros(x), n = cardc_shift_left(x, zeros);
    /* two bytes an entry, counted from the last octave's end back to the table's beginning */
    const cardc_quad at = ((zeros ^ 31) << 5) + (cardc_shift_right27(n) << 1);
    const cardc_quad first = cardc_gather_halves(table - 31 * 16, at), next = cardc_gather_halves(table - 31 * 16 + 1, at);
    const cardc_quad fraction = cardc_shift_right20(n << 5);
    cardc_put_quad(y + i, first + (((next - first) * fraction + 0x800) >> 12));
  }
  return i;
}

/* Of `count` products, a multiple of four. */
CARDC_QUAD_INLINE int64_t cardc_dot_quads(const uint32_t *y, const int16_t *d, uint32_t count) {
  int64_t sum = 0;
  for (; count > 0; count -= 4, y += 4, d += 4) {
    cardc_quad a, b;
    __asm__ volatile("vldrw.u32 %q1, [%3]\n\tvldrh.s32 %q2, [%4]\n\tvmlaldava.s32 %Q0, %R0, %q1, %q2"
                     : "+r"(sum), "=&w"(a), "=&w"(b)
                     : "r"(y), "l"(d)
                     : "memory");
  }
  return sum;
}
#endif

#endif
