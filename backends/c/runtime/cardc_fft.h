/* cardc runtime: integer transforms of complex numbers, radix 4 and 2, decimation in time.
 *
 * A number is a word: the real part in its low half, the imaginary part in its high half, 16 bits each. Twiddles are
 * such words in Q14, entry k of a table being exp(-2 pi i k / n) for the n that the table is made for. A stage sums exact
 * products in 32 bits and rounds once, half up, so that all cores agree. The caller sees to it that magnitudes stay below
 * 2^15 (docs/gate.md); inputs that do not hold this wrap, and do nothing worse. */
#ifndef CARDC_FFT_H
#define CARDC_FFT_H

#include "cardc_types.h"

/* 1 where a word is two numbers of 16 bits to the core. */
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
#define CARDC_SIMD32 1
#else
#define CARDC_SIMD32 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if CARDC_SIMD32
/* By hand, since the header with the intrinsics is not there in every freestanding toolchain. */
#define CARDC_SIMD(NAME)                                                   \
  static inline uint32_t cardc_##NAME(uint32_t a, uint32_t b) {            \
    uint32_t c;                                                            \
    __asm__(#NAME " %0, %1, %2" : "=r"(c) : "r"(a), "r"(b));               \
    return c;                                                              \
  }
#define CARDC_SIMD_ADD(NAME)                                               \
  static inline int32_t cardc_##NAME(uint32_t a, uint32_t b, int32_t c) {  \
    int32_t d;                                                             \
    __asm__(#NAME " %0, %1, %2, %3" : "=r"(d) : "r"(a), "r"(b), "r"(c));   \
    return d;                                                              \
  }
CARDC_SIMD(sadd16)
CARDC_SIMD(ssub16)
CARDC_SIMD(sasx)
CARDC_SIMD(ssax)
CARDC_SIMD(shadd16)
CARDC_SIMD(shsub16)
CARDC_SIMD(smusd)
CARDC_SIMD(smuadx)
CARDC_SIMD(smulbb)
CARDC_SIMD(smultb)
CARDC_SIMD(smusdx)
CARDC_SIMD_ADD(smlabb)
CARDC_SIMD_ADD(smlatb)
CARDC_SIMD_ADD(smlad)
CARDC_SIMD_ADD(smladx)
CARDC_SIMD_ADD(smlsd)
CARDC_SIMD_ADD(smlsdx)

/* c and the sum of both products of two halves each. */
static inline uint64_t cardc_smlald(uint32_t a, uint32_t b, uint64_t c) {
  __asm__("smlald %Q0, %R0, %1, %2" : "+r"(c) : "r"(a), "r"(b));
  return c;
}
#endif

/* The first stage, from words at src[order[i] + m * apart] to dst[radix * i + m], i < count: sums without scaling (rows),
 * src in one piece; or divided by the radix (columns), neighbours `stride` words apart. */
void cardc_fft_first2(const uint32_t *src, const uint8_t *order, uint32_t count, uint32_t *dst);
void cardc_fft_first4(const uint32_t *src, const uint8_t *order, uint32_t count, uint32_t *dst);
void cardc_fft_first2_scaled(const uint32_t *src, uint32_t stride, const uint8_t *order, uint32_t count, uint32_t *dst);
void cardc_fft_first4_scaled(const uint32_t *src, uint32_t stride, const uint8_t *order, uint32_t count, uint32_t *dst);

/* Any other stage, in place: transforms of length `size` become ones of 4 * size. Entry `step` of the table is the root of
 * unity for 4 * size. */
void cardc_fft_radix4(uint32_t *z, uint32_t length, uint32_t size, const uint32_t *twiddles, uint32_t step);

static inline int32_t cardc_re(uint32_t z) { return (int16_t)(uint16_t)(z & 0xFFFFu); }
static inline int32_t cardc_im(uint32_t z) { return (int32_t)z >> 16; }

/* The word of two numbers that fit 16 bits; of the high halves of two numbers. */
static inline uint32_t cardc_word(int32_t re, int32_t im) { return ((uint32_t)re & 0xFFFFu) | (uint32_t)im << 16; }

static inline uint32_t cardc_word_high(int32_t re, int32_t im) {
#if CARDC_SIMD32
  uint32_t word;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(word) : "r"(im), "r"(re));
  return word;
#else
  return ((uint32_t)im & 0xFFFF0000u) | (uint32_t)re >> 16;
#endif
}

#ifdef __cplusplus
}
#endif

#endif
