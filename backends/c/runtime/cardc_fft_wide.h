/* cardc runtime: integer transforms as in cardc_fft.h, of numbers of up to 30 bits.
 *
 * A number is two words. So is a twiddle, in Q30: the cosine and the sine of 2 pi k / n for entry k. A product
 * is divided by 2^32 and rounded down on its own, so that it is one instruction on cores that multiply 32 by 32 bits. */
#ifndef CARDC_FFT_WIDE_H
#define CARDC_FFT_WIDE_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cardc_complex {
  int32_t re, im;
} cardc_complex;

typedef struct cardc_turn {
  int32_t cos, sin;
} cardc_turn;

/* Stages as in cardc_fft.h; there is none of 2 but the first. */
void cardc_fft_wide_first2(const cardc_complex *src, const uint8_t *order, uint32_t count, cardc_complex *dst);
void cardc_fft_wide_first4(const cardc_complex *src, const uint8_t *order, uint32_t count, cardc_complex *dst);
void cardc_fft_wide_first2_scaled(const cardc_complex *src, uint32_t stride, const uint8_t *order, uint32_t count,
                                  cardc_complex *dst);
void cardc_fft_wide_first4_scaled(const cardc_complex *src, uint32_t stride, const uint8_t *order, uint32_t count,
                                  cardc_complex *dst);
void cardc_fft_wide_radix4(cardc_complex *z, uint32_t length, uint32_t size, const int32_t *twiddles, uint32_t step);

/* c + floor(a * b / 2^32), and c + floor(-a * b / 2^32). */
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
static inline int32_t cardc_high_add(int32_t a, int32_t b, int32_t c) {
  int32_t d;
  __asm__("smmla %0, %1, %2, %3" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}

static inline int32_t cardc_high_sub(int32_t a, int32_t b, int32_t c) {
  int32_t d;
  __asm__("smmls %0, %1, %2, %3" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
#elif defined(__ARM_ARCH_6M__)
/* No instruction gives more than the low half of a product. */
static inline int32_t cardc_high_add(int32_t a, int32_t b, int32_t c) {
  const uint32_t al = (uint32_t)a & 0xFFFFu, bl = (uint32_t)b & 0xFFFFu;
  const int32_t ah = a >> 16, bh = b >> 16;
  const int32_t first = ah * (int32_t)bl + (int32_t)(al * bl >> 16);
  const int32_t second = (int32_t)al * bh + (first & 0xFFFF);
  return c + ah * bh + (first >> 16) + (second >> 16);
}

static inline int32_t cardc_high_sub(int32_t a, int32_t b, int32_t c) { return cardc_high_add(a, -b, c); }
#else
static inline int32_t cardc_high_add(int32_t a, int32_t b, int32_t c) {
  return c + (int32_t)((int64_t)a * b >> 32);
}

static inline int32_t cardc_high_sub(int32_t a, int32_t b, int32_t c) { return cardc_high_add(a, -b, c); }
#endif

/* Entry k of a table. */
static inline cardc_turn cardc_turn_at(const int32_t *twiddles, uint32_t k) {
  cardc_turn w;
  w.cos = twiddles[2 * k], w.sin = twiddles[2 * k + 1];
  return w;
}

/* A quarter of z * exp(-i x), for the x whose cosine and sine `w` holds. */
static inline cardc_complex cardc_turned(cardc_complex z, cardc_turn w) {
  cardc_complex t;
  t.re = cardc_high_add(z.im, w.sin, cardc_high_add(z.re, w.cos, 1));
  t.im = cardc_high_sub(z.re, w.sin, cardc_high_add(z.im, w.cos, 1));
  return t;
}

#ifdef __cplusplus
}
#endif

#endif
