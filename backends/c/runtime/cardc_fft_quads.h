/* The stages of cardc_fft.c four butterflies at a time: the same sums in the same precision, so the same bits. */
#ifndef CARDC_FFT_QUADS_H
#define CARDC_FFT_QUADS_H

#include "cardc_quads.h"

#if CARDC_MVE
typedef struct cardc_fours {
  cardc_quad at[4];
} cardc_fours;

/* Of four times too large numbers in Q14, rounded in `a`. */
CARDC_QUAD_INLINE cardc_fours cardc_join_fours(cardc_quad ar, cardc_quad ai, cardc_quad br, cardc_quad bi,
                                               cardc_quad cr, cardc_quad ci, cardc_quad dr, cardc_quad di) {
  const cardc_quad sr = ar + cr, si = ai + ci, tr = ar - cr, ti = ai - ci;
  const cardc_quad ur = br + dr, ui = bi + di, vr = br - dr, vi = bi - di;
  const cardc_fours found = {{cardc_join_high(sr + ur, si + ui), cardc_join_high(tr + vi, ti - vr),
                              cardc_join_high(sr - ur, si - ui), cardc_join_high(tr - vi, ti + vr)}};
  return found;
}

#define CARDC_TURN_RE(Z, W) (cardc_mul_low(Z, W) - cardc_mul_high(Z, W))
#define CARDC_TURN_IM(Z, W) (cardc_mul_low(cardc_swap_halves(Z), W) + cardc_mul_high(cardc_swap_halves(Z), W))

CARDC_QUAD_INLINE cardc_fours cardc_four_butterflies(cardc_quad a, cardc_quad b, cardc_quad c, cardc_quad d,
                                                     cardc_quad w1, cardc_quad w2, cardc_quad w3) {
  const cardc_quad cr = CARDC_TURN_RE(c, w2), ci = CARDC_TURN_IM(c, w2);
  const cardc_quad ar = cardc_low_q14(a) + 0x8000, ai = cardc_high_q14(a) + 0x8000;
  const cardc_quad br = CARDC_TURN_RE(b, w1), bi = CARDC_TURN_IM(b, w1);
  const cardc_quad dr = CARDC_TURN_RE(d, w3), di = CARDC_TURN_IM(d, w3);
  return cardc_join_fours(ar, ai, br, bi, cr, ci, dr, di);
}

/* Sizes from 4 on: four neighbours. */
CARDC_QUAD_INLINE void cardc_radix4_wide(uint32_t *z, uint32_t length, uint32_t size, const uint32_t *twiddles,
                                         uint32_t step) {
  const uint32_t *const end = z + length;
  const cardc_quad by = cardc_count_by(4 * step);
  uint32_t j, m;
  for (j = 0; j < size; j += 4, z += 4) {
    const cardc_quad w1 = cardc_gather(twiddles + j * step, by), w2 = cardc_gather(twiddles + 2 * j * step, by * 2);
    const cardc_quad w3 = cardc_gather(twiddles + 3 * j * step, by * 3);
    uint32_t *at;
    for (at = z; at < end; at += 4 * size) {
      const cardc_fours found =
          cardc_four_butterflies(cardc_quad_at(at), cardc_quad_at(at + size), cardc_quad_at(at + 2 * size),
                                 cardc_quad_at(at + 3 * size), w1, w2, w3);
      for (m = 0; m < 4; m++) {
        cardc_put_quad(at + m * size, found.at[m]);
      }
    }
  }
}

/* Size 2: two neighbours, of two transforms. `length` is a multiple of 16. */
CARDC_QUAD_INLINE void cardc_radix4_two(uint32_t *z, uint32_t length, const uint32_t *twiddles, uint32_t step) {
  const cardc_quad lanes = {0, 4, 32, 36}, turns = {0, 1, 0, 1}, by = turns * (int32_t)(4 * step);
  const cardc_quad w1 = cardc_gather(twiddles, by), w2 = cardc_gather(twiddles, by * 2);
  const cardc_quad w3 = cardc_gather(twiddles, by * 3);
  const uint32_t *const end = z + length;
  uint32_t m;
  for (; z < end; z += 16) {
    const cardc_fours found = cardc_four_butterflies(cardc_gather(z, lanes), cardc_gather(z + 2, lanes),
                                                     cardc_gather(z + 4, lanes), cardc_gather(z + 6, lanes), w1, w2, w3);
    for (m = 0; m < 4; m++) {
      cardc_scatter(z + 2 * m, lanes, found.at[m]);
    }
  }
}

/* First stages; `count` is a multiple of four. */
CARDC_QUAD_INLINE void cardc_first2_quads(const uint32_t *src, uint32_t stride, const uint8_t *order, uint32_t count,
                                          uint32_t *dst, int scaled) {
  const cardc_quad to = cardc_count_by(8);
  uint32_t i;
  for (i = 0; i < count; i += 4, dst += 8) {
    const cardc_quad from = cardc_bytes_at(order + i) * (int32_t)(4 * stride);
    const cardc_quad a = cardc_gather(src, from), b = cardc_gather(src + count * stride, from);
    if (scaled) {
      cardc_scatter(dst, to, cardc_sub_halves(a, cardc_half_difference(a, b)));
      cardc_scatter(dst + 1, to, cardc_sub_halves(a, cardc_half_sum(a, b)));
    } else {
      cardc_scatter(dst, to, cardc_add_halves(a, b));
      cardc_scatter(dst + 1, to, cardc_sub_halves(a, b));
    }
  }
}

CARDC_QUAD_INLINE void cardc_first4_quads(const uint32_t *src, uint32_t stride, const uint8_t *order, uint32_t count,
                                          uint32_t *dst, int scaled) {
  const cardc_quad to = cardc_count_by(16);
  const uint32_t apart = count * stride;
  uint32_t i, m;
  for (i = 0; i < count; i += 4, dst += 16) {
    const cardc_quad from = cardc_bytes_at(order + i) * (int32_t)(4 * stride);
    const cardc_quad a = cardc_gather(src, from), b = cardc_gather(src + apart, from);
    const cardc_quad c = cardc_gather(src + 2 * apart, from), d = cardc_gather(src + 3 * apart, from);
    if (scaled) {
      const cardc_fours found = cardc_join_fours(
          cardc_low_q14(a) + 0x8000, cardc_high_q14(a) + 0x8000, cardc_low_q14(b), cardc_high_q14(b),
          cardc_low_q14(c), cardc_high_q14(c), cardc_low_q14(d), cardc_high_q14(d));
      for (m = 0; m < 4; m++) {
        cardc_scatter(dst + m, to, found.at[m]);
      }
    } else {
      const cardc_quad s = cardc_add_halves(a, c), t = cardc_sub_halves(a, c);
      const cardc_quad u = cardc_add_halves(b, d), v = cardc_sub_halves(b, d);
      cardc_scatter(dst, to, cardc_add_halves(s, u));
      cardc_scatter(dst + 1, to, cardc_sub_i(t, v));
      cardc_scatter(dst + 2, to, cardc_sub_halves(s, u));
      cardc_scatter(dst + 3, to, cardc_add_i(t, v));
    }
  }
}
#endif

#endif
