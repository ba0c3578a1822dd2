#include "cardc_fft.h"
#include "cardc_fft_quads.h"

#define ROUND4 0x8000 /* half of what a radix-4 stage shifts out, in Q14 */
#define ONE 0x4000

#if CARDC_SIMD32

static inline int32_t scaled_re(uint32_t z) { return (int32_t)cardc_smulbb(z, ONE); }
static inline int32_t scaled_im(uint32_t z) { return (int32_t)cardc_smultb(z, ONE); }
static inline int32_t rounded_re(uint32_t z) { return cardc_smlabb(z, ONE, ROUND4); }
static inline int32_t rounded_im(uint32_t z) { return cardc_smlatb(z, ONE, ROUND4); }
static inline int32_t turned_re(uint32_t z, uint32_t w) { return (int32_t)cardc_smusd(z, w); }
static inline int32_t turned_im(uint32_t z, uint32_t w) { return (int32_t)cardc_smuadx(z, w); }

#else

static inline int32_t scaled_re(uint32_t z) { return cardc_re(z) * ONE; }
static inline int32_t scaled_im(uint32_t z) { return cardc_im(z) * ONE; }
static inline int32_t rounded_re(uint32_t z) { return cardc_re(z) * ONE + ROUND4; }
static inline int32_t rounded_im(uint32_t z) { return cardc_im(z) * ONE + ROUND4; }

static inline int32_t turned_re(uint32_t z, uint32_t w) {
  return cardc_re(z) * cardc_re(w) - cardc_im(z) * cardc_im(w);
}

static inline int32_t turned_im(uint32_t z, uint32_t w) {
  return cardc_re(z) * cardc_im(w) + cardc_im(z) * cardc_re(w);
}

#endif

/* To z[0], z[apart], z[2 apart], z[3 apart], from what is rounded already: each four times too large, in Q14. */
static inline void join4(uint32_t *z, uint32_t apart, int32_t ar, int32_t ai, int32_t br, int32_t bi, int32_t cr,
                         int32_t ci, int32_t dr, int32_t di) {
  const int32_t sr = ar + cr, si = ai + ci, tr = ar - cr, ti = ai - ci;
  const int32_t ur = br + dr, ui = bi + di, vr = br - dr, vi = bi - di;
  z[0] = cardc_word_high(sr + ur, si + ui);
  z[apart] = cardc_word_high(tr + vi, ti - vr);
  z[2 * apart] = cardc_word_high(sr - ur, si - ui);
  z[3 * apart] = cardc_word_high(tr - vi, ti + vr);
}

void cardc_fft_first2(const uint32_t *src, const uint8_t *order, uint32_t count, uint32_t *dst) {
  uint32_t i;
#if CARDC_MVE
  if (count % 4 == 0) {
    cardc_first2_quads(src, 1, order, count, dst, 0);
    return;
  }
#endif
  for (i = 0; i < count; i++, dst += 2) {
    const uint32_t a = src[order[i]], b = src[order[i] + count];
#if CARDC_SIMD32
    dst[0] = cardc_sadd16(a, b);
    dst[1] = cardc_ssub16(a, b);
#else
    dst[0] = cardc_word(cardc_re(a) + cardc_re(b), cardc_im(a) + cardc_im(b));
    dst[1] = cardc_word(cardc_re(a) - cardc_re(b), cardc_im(a) - cardc_im(b));
#endif
  }
}

void cardc_fft_first4(const uint32_t *src, const uint8_t *order, uint32_t count, uint32_t *dst) {
  uint32_t i;
#if CARDC_MVE
  if (count % 4 == 0) {
    cardc_first4_quads(src, 1, order, count, dst, 0);
    return;
  }
#endif
  for (i = 0; i < count; i++, dst += 4) {
    const uint32_t *from = src + order[i];
    const uint32_t a = from[0], b = from[count], c = from[2 * count], d = from[3 * count];
#if CARDC_SIMD32
    const uint32_t s = cardc_sadd16(a, c), t = cardc_ssub16(a, c);
    const uint32_t u = cardc_sadd16(b, d), v = cardc_ssub16(b, d);
    dst[0] = cardc_sadd16(s, u);
    dst[1] = cardc_ssax(t, v);
    dst[2] = cardc_ssub16(s, u);
    dst[3] = cardc_sasx(t, v);
#else
    const int32_t sr = cardc_re(a) + cardc_re(c), si = cardc_im(a) + cardc_im(c);
    const int32_t tr = cardc_re(a) - cardc_re(c), ti = cardc_im(a) - cardc_im(c);
    const int32_t ur = cardc_re(b) + cardc_re(d), ui = cardc_im(b) + cardc_im(d);
    const int32_t vr = cardc_re(b) - cardc_re(d), vi = cardc_im(b) - cardc_im(d);
    dst[0] = cardc_word(sr + ur, si + ui);
    dst[1] = cardc_word(tr + vi, ti - vr);
    dst[2] = cardc_word(sr - ur, si - ui);
    dst[3] = cardc_word(tr - vi, ti + vr);
#endif
  }
}

void cardc_fft_first2_scaled(const uint32_t *src, uint32_t stride, const uint8_t *order, uint32_t count,
                             uint32_t *dst) {
  uint32_t i;
#if CARDC_MVE
  if (count % 4 == 0) {
    cardc_first2_quads(src, stride, order, count, dst, 1);
    return;
  }
#endif
  for (i = 0; i < count; i++, dst += 2) {
    const uint32_t *from = src + order[i] * stride;
    const uint32_t a = from[0], b = from[count * stride];
#if CARDC_SIMD32
    /* (a + b + 1) >> 1 = a - ((a - b) >> 1), and the like: no rounding in one instruction, but in two */
    const uint32_t x = a, y = b;
    dst[0] = cardc_ssub16(x, cardc_shsub16(x, y));
    dst[1] = cardc_ssub16(x, cardc_shadd16(x, y));
#else
    const int32_t ar = cardc_re(a) + 1, ai = cardc_im(a) + 1, br = cardc_re(b), bi = cardc_im(b);
    dst[0] = cardc_word((ar + br) >> 1, (ai + bi) >> 1);
    dst[1] = cardc_word((ar - br) >> 1, (ai - bi) >> 1);
#endif
  }
}

void cardc_fft_first4_scaled(const uint32_t *src, uint32_t stride, const uint8_t *order, uint32_t count,
                             uint32_t *dst) {
  const uint32_t apart = count * stride;
  uint32_t i;
#if CARDC_MVE
  if (count % 4 == 0) {
    cardc_first4_quads(src, stride, order, count, dst, 1);
    return;
  }
#endif
  for (i = 0; i < count; i++, dst += 4) {
    const uint32_t *from = src + order[i] * stride;
    const uint32_t a = from[0], b = from[apart], c = from[2 * apart], d = from[3 * apart];
    join4(dst, 1, rounded_re(a), rounded_im(a), scaled_re(b), scaled_im(b), scaled_re(c),
          scaled_im(c), scaled_re(d), scaled_im(d));
  }
}

void cardc_fft_radix4(uint32_t *z, uint32_t length, uint32_t size, const uint32_t *twiddles, uint32_t step) {
  const uint32_t *const end = z + length;
  uint32_t j, k;
#if CARDC_MVE
  if (size % 4 == 0) {
    cardc_radix4_wide(z, length, size, twiddles, step);
    return;
  }
  if (size == 2 && length % 16 == 0) {
    cardc_radix4_two(z, length, twiddles, step);
    return;
  }
#endif
  for (j = 0, k = 0; j < size; j++, k += step, z++) {
    const uint32_t w1 = twiddles[k], w2 = twiddles[2 * k], w3 = twiddles[3 * k];
    uint32_t *at;
    for (at = z; at < end; at += 4 * size) {
      const uint32_t a = at[0], b = at[size], c = at[2 * size], d = at[3 * size];
      join4(at, size, rounded_re(a), rounded_im(a), turned_re(b, w1), turned_im(b, w1),
            turned_re(c, w2), turned_im(c, w2), turned_re(d, w3), turned_im(d, w3));
    }
  }
}
