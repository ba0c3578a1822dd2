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

/* `size` is a constant to the compiler where that saves instructions. Numbers are brought one after the other: all at once
 * would not fit a core's registers. */
#if defined(__GNUC__)
__attribute__((always_inline))
#endif
static inline void butterflies4(cardc_complex *z, const cardc_complex *end, uint32_t size, const int32_t *twiddles,
                          uint32_t step) {
  uint32_t j;
  for (j = 0; j < size; j++, z++) {
    const cardc_turn w1 = cardc_turn_at(twiddles, j * step), w2 = cardc_turn_at(twiddles, 2 * j * step);
    const cardc_turn w3 = cardc_turn_at(twiddles, 3 * j * step);
    cardc_complex *at;
    for (at = z; at < end; at += 4 * size) {
      const cardc_complex c = cardc_turned(at[2 * size], w2);
      const int32_t sr = c.re + (at[0].re >> 2), si = c.im + (at[0].im >> 2);
      const int32_t tr = (at[0].re >> 2) - c.re, ti = (at[0].im >> 2) - c.im;
      cardc_complex b, d;
      int32_t ur, ui, vr, vi;
      CARDC_PIN(at);
      b = cardc_turned(at[size], w1);
      CARDC_PIN(at);
      d = cardc_turned(at[3 * size], w3);
      ur = b.re + d.re, ui = b.im + d.im, vr = b.re - d.re, vi = b.im - d.im;
      at[0].re = sr + ur, at[0].im = si + ui;
      at[size].re = tr + vi, at[size].im = ti - vr;
      at[2 * size].re = sr - ur, at[2 * size].im = si - ui;
      at[3 * size].re = tr - vi, at[3 * size].im = ti + vr;
    }
  }
}

void cardc_fft_wide_radix4(cardc_complex *z, uint32_t length, uint32_t size, const int32_t *twiddles, uint32_t step) {
#if defined(__ARM_FEATURE_DSP)
  switch (size) {
    case 2:
      butterflies4(z, z + length, 2, twiddles, step);
      return;
    case 4:
      butterflies4(z, z + length, 4, twiddles, step);
      return;
    case 8:
      butterflies4(z, z + length, 8, twiddles, step);
      return;
    default:
      butterflies4(z, z + length, 16, twiddles, step);
      return;
  }
#else
  butterflies4(z, z + length, size, twiddles, step);
#endif
}
