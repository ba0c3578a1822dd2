#include "cardc_gate.h"
#include "cardc_quads.h"

typedef void pixels(const cardc_gate *gate, const void *image, uint32_t at, uint32_t width, int16_t *v);

/* Four pixels that lie side by side, to four integers: one channel, and the sum of three. `m01` holds two weights. */
#if CARDC_MVE
#define FOUR(TYPE, LOAD)                                                                                        \
  CARDC_QUAD_INLINE cardc_quad quad_##TYPE(const TYPE *in) {                                                    \
    cardc_quad q;                                                                                               \
    __asm__ volatile(LOAD " %q0, [%1]" : "=w"(q) : "l"(in) : "memory");                                         \
    return q;                                                                                                   \
  }                                                                                                             \
                                                                                                                \
  static inline void four_##TYPE(const TYPE *in, int32_t m, int32_t bias, int16_t *v) {                         \
    cardc_put_halves(v, quad_##TYPE(in) * m + bias);                                                            \
  }                                                                                                             \
                                                                                                                \
  static inline void mixed_four_##TYPE(const TYPE *red, uint32_t plane, uint32_t m01, int32_t m2, int32_t bias, \
                                       uint32_t shift, int16_t *v) {                                            \
    const cardc_quad x = quad_##TYPE(red) * cardc_re(m01), y = quad_##TYPE(red + plane) * cardc_im(m01);        \
    cardc_put_halves(v, (x + y + quad_##TYPE(red + 2 * plane) * m2 + bias) >> (int32_t)shift);                  \
  }

FOUR(uint8_t, "vldrb.u32")
FOUR(int8_t, "vldrb.s32")
#elif CARDC_SIMD32 && CARDC_UNALIGNED
static inline uint32_t both_low(uint32_t a, uint32_t b) {
  uint32_t c;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(c) : "r"(a), "r"(b));
  return c;
}

static inline uint32_t both_high(uint32_t a, uint32_t b) {
  uint32_t c;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(c) : "r"(b), "r"(a));
  return c;
}

static inline void store_four(int16_t *v, int32_t a, int32_t b, int32_t c, int32_t d) {
  const uint32_t first = both_low((uint32_t)a, (uint32_t)b), second = both_low((uint32_t)c, (uint32_t)d);
  CARDC_MEMCPY(v, &first, 4);
  CARDC_MEMCPY(v + 2, &second, 4);
}

#define FOUR(TYPE, EXTEND)                                                                                      \
  static inline uint32_t even_##TYPE(uint32_t word) {                                                           \
    uint32_t x;                                                                                                 \
    __asm__(#EXTEND " %0, %1" : "=r"(x) : "r"(word));                                                           \
    return x;                                                                                                   \
  }                                                                                                             \
                                                                                                                \
  static inline uint32_t odd_##TYPE(uint32_t word) {                                                            \
    uint32_t x;                                                                                                 \
    __asm__(#EXTEND " %0, %1, ror #8" : "=r"(x) : "r"(word));                                                   \
    return x;                                                                                                   \
  }                                                                                                             \
                                                                                                                \
  static inline void four_##TYPE(const TYPE *in, int32_t m, int32_t bias, int16_t *v) {                         \
    uint32_t word, even, odd;                                                                                   \
    CARDC_MEMCPY(&word, in, 4);                                                                                 \
    even = even_##TYPE(word), odd = odd_##TYPE(word);                                                           \
    store_four(v, cardc_smlabb(even, (uint32_t)m, bias), cardc_smlabb(odd, (uint32_t)m, bias),                  \
               cardc_smlatb(even, (uint32_t)m, bias), cardc_smlatb(odd, (uint32_t)m, bias));                    \
  }                                                                                                             \
                                                                                                                \
  static inline void mixed_four_##TYPE(const TYPE *red, uint32_t plane, uint32_t m01, int32_t m2, int32_t bias, \
                                       uint32_t shift, int16_t *v) {                                            \
    const uint32_t m = (uint32_t)m2;                                                                            \
    uint32_t x, y, z;                                                                                           \
    int32_t v0, v1, v2, v3;                                                                                     \
    CARDC_MEMCPY(&x, red, 4);                                                                                   \
    CARDC_MEMCPY(&y, red + plane, 4);                                                                           \
    CARDC_MEMCPY(&z, red + 2 * plane, 4);                                                                       \
    x = even_##TYPE(x), y = even_##TYPE(y), z = even_##TYPE(z);                                                 \
    v0 = cardc_smlabb(z, m, cardc_smlad(both_low(x, y), m01, bias)) >> shift;                                   \
    v2 = cardc_smlatb(z, m, cardc_smlad(both_high(x, y), m01, bias)) >> shift;                                  \
    CARDC_PIN(red); /* loads again: there are not enough registers to wait in */                                \
    CARDC_MEMCPY(&x, red, 4);                                                                                   \
    CARDC_MEMCPY(&y, red + plane, 4);                                                                           \
    CARDC_MEMCPY(&z, red + 2 * plane, 4);                                                                       \
    x = odd_##TYPE(x), y = odd_##TYPE(y), z = odd_##TYPE(z);                                                    \
    v1 = cardc_smlabb(z, m, cardc_smlad(both_low(x, y), m01, bias)) >> shift;                                   \
    v3 = cardc_smlatb(z, m, cardc_smlad(both_high(x, y), m01, bias)) >> shift;                                  \
    store_four(v, v0, v1, v2, v3);                                                                              \
  }

FOUR(uint8_t, uxtb16)
FOUR(int8_t, sxtb16)
#else
#define FOUR(TYPE)                                                                                              \
  static inline void four_##TYPE(const TYPE *in, int32_t m, int32_t bias, int16_t *v) {                         \
    v[0] = (int16_t)(in[0] * m + bias);                                                                         \
    v[1] = (int16_t)(in[1] * m + bias);                                                                         \
    v[2] = (int16_t)(in[2] * m + bias);                                                                         \
    v[3] = (int16_t)(in[3] * m + bias);                                                                         \
  }                                                                                                             \
                                                                                                                \
  static inline void mixed_four_##TYPE(const TYPE *red, uint32_t plane, uint32_t m01, int32_t m2, int32_t bias, \
                                       uint32_t shift, int16_t *v) {                                            \
    const TYPE *green = red + plane, *blue = green + plane;                                                     \
    const int32_t m0 = cardc_re(m01), m1 = cardc_im(m01);                                                       \
    uint32_t n;                                                                                                 \
    CARDC_UNROLL4 for (n = 0; n < 4; n++) {                                                                     \
      *v++ = (int16_t)((*red++ * m0 + *green++ * m1 + *blue++ * m2 + bias) >> shift);                           \
    }                                                                                                           \
  }

FOUR(uint8_t)
FOUR(int8_t)
#endif

/* A row of the image, from `at` on: `width` pixels as the transform wants them. Pixels beyond their range count as its
 * nearest end: that costs, and is left out where the type has no others. */
#define CARDC_PIXELS(TYPE)                                                                                         \
  static void clipped_##TYPE(const cardc_gate *gate, const void *image, uint32_t at, uint32_t width, int16_t *v) { \
    const TYPE *in = (const TYPE *)image + at, *const end = in + width;                                            \
    const int32_t lo = gate->lo, hi = gate->hi;                                                                    \
    const uint32_t plane = (uint32_t)gate->height * gate->width;                                                   \
    uint32_t c;                                                                                                    \
    for (; in < end; in++) {                                                                                       \
      int32_t sum = gate->bias + (int32_t)(((uint32_t)1 << gate->mix_shift) >> 1);                                 \
      CARDC_NO_UNROLL                                                                                              \
      for (c = 0; c < gate->mixes; c++) {                                                                          \
        const int32_t q = in[c * plane];                                                                           \
        sum += (q < lo ? lo : q > hi ? hi : q) * gate->mix[c];                                                     \
      }                                                                                                            \
      *v++ = (int16_t)(sum >> gate->mix_shift);                                                                    \
    }                                                                                                              \
  }                                                                                                                \
                                                                                                                   \
  static void grey_##TYPE(const cardc_gate *gate, const void *image, uint32_t at, uint32_t width, int16_t *v) {    \
    const TYPE *in = (const TYPE *)image + at;                                                                     \
    const int32_t m = gate->mix[0], bias = gate->bias;                                                             \
    uint32_t n;                                                                                                    \
    CARDC_NO_UNROLL for (n = width >> 2; n > 0; n--, in += 4, v += 4) {                                            \
      four_##TYPE(in, m, bias, v);                                                                                 \
    }                                                                                                              \
    CARDC_NO_UNROLL for (n = width & 3u; n > 0; n--) {                                                             \
      *v++ = (int16_t)(*in++ * m + bias);                                                                          \
    }                                                                                                              \
  }                                                                                                                \
                                                                                                                   \
  static void mixed_##TYPE(const cardc_gate *gate, const void *image, uint32_t at, uint32_t width, int16_t *v) {   \
    const uint32_t plane = (uint32_t)gate->height * gate->width, shift = gate->mix_shift;                          \
    const TYPE *in = (const TYPE *)image + at;                                                                     \
    const int32_t m2 = gate->mix[2], bias = gate->bias + (int32_t)((1u << shift) >> 1);                            \
    const uint32_t m01 = cardc_word(gate->mix[0], gate->mix[1]);                                                   \
    uint32_t n;                                                                                                    \
    CARDC_NO_UNROLL for (n = width >> 2; n > 0; n--, in += 4, v += 4) {                                            \
      CARDC_PIN(in);                                                                                               \
      CARDC_PIN(v);                                                                                                \
      mixed_four_##TYPE(in, plane, m01, m2, bias, shift, v);                                                       \
    }                                                                                                              \
    CARDC_NO_UNROLL for (n = width & 3u; n > 0; n--, in++) {                                                       \
      const int32_t sum = in[0] * cardc_re(m01) + in[plane] * cardc_im(m01) + in[2 * plane] * m2 + bias;           \
      *v++ = (int16_t)(sum >> shift);                                                                              \
    }                                                                                                              \
  }                                                                                                                \
                                                                                                                   \
  static pixels *pixels_##TYPE(const cardc_gate *gate) {                                                           \
    return gate->clip || (gate->mixes != 1 && gate->mixes != 3) ? clipped_##TYPE                                   \
           : gate->mixes == 1                                   ? grey_##TYPE                                      \
                                                                : mixed_##TYPE;                                    \
  }

CARDC_PIXELS(uint8_t)
CARDC_PIXELS(int8_t)

/* What is left of `count` transforms behind their first stage; they stand one behind the other. */
static void stages(const cardc_gate *gate, uint32_t *z, uint32_t length, uint32_t count) {
  uint32_t size = cardc_odd_log(length) ? 2 : 4;
  cardc_traced(z, length * count);
  for (; size < length; size *= 4) {
    cardc_fft_radix4(z, length * count, size, gate->twiddles, gate->table_length / (4 * size));
    cardc_traced(z, length * count);
  }
}

static void row(const cardc_gate *gate, const uint32_t *from, uint32_t *to) {
  const uint32_t length = gate->half;
  cardc_traced(from, length);
  if (cardc_odd_log(length)) {
    cardc_fft_first2(from, gate->row_order, length / 2, to);
  } else {
    cardc_fft_first4(from, gate->row_order, length / 4, to);
  }
}

static void column(const cardc_gate *gate, const uint32_t *from, uint32_t *to) {
  const uint32_t length = gate->rows;
  if (cardc_odd_log(length)) {
    cardc_fft_first2_scaled(from, gate->half, gate->column_order, length / 2, to);
  } else {
    cardc_fft_first4_scaled(from, gate->half, gate->column_order, length / 4, to);
  }
}

#ifdef CARDC_TRACED
/* As words, however they lie. */
static void trace_values(const cardc_gate *gate, const void *values, uint32_t count) {
  const uint32_t bytes = cardc_gate_value_bytes(gate->kind);
  uint32_t i;
  for (i = 0; i < count; i++) {
    uint32_t word = 0;
    memcpy(&word, (const uint8_t *)values + i * bytes, bytes);
    cardc_traced(&word, 1);
  }
}
#else
#define trace_values(GATE, VALUES, COUNT) ((void)0)
#endif

/* What the frequencies of columns kx and half - kx speak for goes to `score`; returns how many slots they fill. */
static uint32_t pair(const cardc_gate *gate, const uint32_t *matrix, uint32_t kx, const int16_t *differences,
                     int64_t *score, uint32_t *work) {
  const uint32_t rows = gate->rows, behind = gate->half - kx;
  const uint32_t kept = (uint32_t)gate->first_rows + rows - gate->other_rows;
  const int both = behind != kx && behind < gate->columns;
  const uint32_t slots = both ? 2u * kept : kept, constant = kx == 0;
  uint32_t *const values = work + 2u * rows;
  const uint32_t *mirror = work;
  column(gate, matrix + kx, work);
  if (kx != 0 && behind != kx) {
    mirror = work + rows;
    column(gate, matrix + behind, work + rows);
  }
  stages(gate, work, rows, mirror == work ? 1 : 2);
  cardc_gate_powers(gate, work, mirror, kx, values, both ? values + kept : NULL);
  if (constant) {
    /* frequency 0 may have 17 bits: its half is squared, and read two octaves higher */
    const uint32_t x = (uint32_t)((cardc_re(work[0]) + cardc_im(work[0]) + gate->offset + 1) >> 1);
    values[0] = x * x;
  }
  cardc_traced(values, slots);
  cardc_gate_values(gate, values, constant, 2, values);
  cardc_gate_values(gate, values + constant, slots - constant, 0,
                    (uint8_t *)values + constant * cardc_gate_value_bytes(gate->kind));
  trace_values(gate, values, slots);
  cardc_gate_scores(gate, values, differences, slots, score);
  return slots;
}

static void plane(const cardc_gate *gate, const uint32_t *matrix, const int16_t *differences, int64_t *score,
                  uint32_t *work) {
  uint32_t kx;
  for (kx = 0; 2u * kx <= gate->half && kx < gate->columns; kx++) {
    differences += pair(gate, matrix, kx, differences, score, work);
  }
}

static uint32_t feed(const cardc_gate *gate, pixels *load, const void *in, int64_t *sum, int64_t *ring,
                     uint32_t *place, uint32_t *arena) {
  const uint32_t height = gate->height, width = gate->width, half = gate->half;
  uint32_t *const work = arena + gate->rows * half;
  int64_t *const score = cardc_window_begin(gate->rivals, gate->window, gate->constants, sum, ring, place);
  int16_t *const line = (int16_t *)work;
  const int16_t zero = (int16_t)((gate->bias + (int32_t)(((uint32_t)1 << gate->mix_shift) >> 1)) >> gate->mix_shift);
  uint32_t p, y, x, at = 0;
  for (p = 0; p < gate->planes; p++) {
    for (y = 0; y < gate->rows; y++) {
      const uint32_t there = y < height ? width : 0;
      load(gate, in, at, there, line);
      at += there;
      for (x = there; x < 2 * half; x++) {
        line[x] = zero;
      }
      row(gate, work, arena + y * half);
    }
    stages(gate, arena, half, gate->rows);
    plane(gate, arena, gate->differences + p * gate->slots, score, work);
  }
  return cardc_window_decide(gate->rivals, sum, score);
}

uint32_t cardc_gate_feed_u8(const cardc_gate *gate, const uint8_t *in, int64_t *sum, int64_t *ring, uint32_t *place,
                            uint32_t *arena) {
  return feed(gate, pixels_uint8_t(gate), in, sum, ring, place, arena);
}

uint32_t cardc_gate_feed_i8(const cardc_gate *gate, const int8_t *in, int64_t *sum, int64_t *ring, uint32_t *place,
                            uint32_t *arena) {
  return feed(gate, pixels_int8_t(gate), in, sum, ring, place, arena);
}
