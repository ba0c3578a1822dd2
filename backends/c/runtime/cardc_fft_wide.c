#include "cardc_fft_wide.h"

/* The sums of a butterfly, each divided by 2^down, to z[0], z[apart], z[2 apart], z[3 apart]. */
static inline void join4(cardc_complex *z, uint32_t apart, cardc_complex a, cardc_complex b, cardc_complex c,
                         cardc_complex d, int down) {
  const int32_t sr = a.re + c.re, si = a.im + c.im, tr = a.re - c.re, ti = a.im - c.im;
  const int32_t ur = b.re + d.re, ui = b.im + d.im, vr = b.re - d.re, vi = b.im - d.im;
  z[0].re = (sr + ur) >> down, z[0].im = (si + ui) >> down;
  z[apart].re = (tr + vi) >> down, z[apart].im = (ti - vr) >> down;
  z[2 * apart].re = (sr - ur) >> down, z[2 * apart].im = (si - ui) >> down;
  z[3 * apart].re = (tr - vi) >> down, z[3 * apart].im = (ti + vr) >> down;
}

static inline void join2(cardc_complex *z, cardc_complex a, cardc_complex b, int down) {
  z[0].re = (a.re + b.re) >> down, z[0].im = (a.im + b.im) >> down;
  z[1].re = (a.re - b.re) >> down, z[1].im = (a.im - b.im) >> down;
}

void cardc_fft_wide_first2(const cardc_complex *src, const uint8_t *order, uint32_t count, cardc_complex *dst) {
  uint32_t i;
  for (i = 0; i < count; i++, dst += 2) {
    join2(dst, src[order[i]], src[order[i] + count], 0);
  }
}

void cardc_fft_wide_first4(const cardc_complex *src, const uint8_t *order, uint32_t count, cardc_complex *dst) {
  uint32_t i;
  for (i = 0; i < count; i++, dst += 4) {
    const cardc_complex *from = src + order[i];
    join4(dst, 1, from[0], from[count], from[2 * count], from[3 * count], 0);
  }
}

void cardc_fft_wide_first2_scaled(const cardc_complex *src, uint32_t stride, const uint8_t *order, uint32_t count,
                                  cardc_complex *dst) {
  uint32_t i;
  for (i = 0; i < count; i++, dst += 2) {
    const cardc_complex *from = src + order[i] * stride;
    join2(dst, from[0], from[count * stride], 1);
  }
}

void cardc_fft_wide_first4_scaled(const cardc_complex *src, uint32_t stride, const uint8_t *order, uint32_t count,
                                  cardc_complex *dst) {
  const uint32_t apart = count * stride;
  uint32_t i;
  for (i = 0; i < count; i++, dst += 4) {
    const cardc_complex *from = src + order[i] * stride;
    join4(dst, 1, from[0], from[apart], from[2 * apart], from[3 * apart], 2);
  }
}

void cardc_fft_wide_radix4(cardc_complex *z, uint32_t length, uint32_t size, const int32_t *twiddles, uint32_t step) {
  const cardc_complex *const end = z + length;
  uint32_t j;
  for (j = 0; j < size; j++, z++) {
    const uint32_t k = j * step;
    cardc_complex *at;
    for (at = z; at < end; at += 4 * size) {
      const cardc_complex b = cardc_turned(at[size], cardc_turn_at(twiddles, k));
      const cardc_complex c = cardc_turned(at[2 * size], cardc_turn_at(twiddles, 2 * k));
      const cardc_complex d = cardc_turned(at[3 * size], cardc_turn_at(twiddles, 3 * k));
      cardc_complex a = at[0];
      a.re >>= 2, a.im >>= 2;
      join4(at, size, a, b, c, d, 0);
    }
  }
}
