#include "cardc_gate_wide.h"

typedef void wide_pixels(const cardc_gate_wide *gate, const void *image, uint32_t at, uint32_t width, int32_t *v);

/* A row of the image, from `at` on: `width` pixels as the transform wants them. Pixels beyond their range count as its
 * nearest end: that costs, and is left out where the type has no others. */
#define CARDC_WIDE_PIXELS(TYPE)                                                                                            \
  static void wide_clipped_##TYPE(const cardc_gate_wide *gate, const void *image, uint32_t at, uint32_t width,             \
                             int32_t *v) {                                                                                 \
    const TYPE *in = (const TYPE *)image + at, *const end = in + width;                                                    \
    const int32_t lo = gate->lo, hi = gate->hi;                                                                            \
    const uint32_t plane = (uint32_t)gate->height * gate->width;                                                           \
    uint32_t c;                                                                                                            \
    for (; in < end; in++) {                                                                                               \
      int32_t sum = gate->bias + (int32_t)(((uint32_t)1 << gate->mix_shift) >> 1);                                         \
      CARDC_NO_UNROLL                                                                                                      \
      for (c = 0; c < gate->mixes; c++) {                                                                                  \
        const int32_t q = in[c * plane];                                                                                   \
        sum += (q < lo ? lo : q > hi ? hi : q) * gate->mix[c];                                                             \
      }                                                                                                                    \
      *v++ = sum >> gate->mix_shift;                                                                                       \
    }                                                                                                                      \
  }                                                                                                                        \
                                                                                                                           \
  static void wide_grey_##TYPE(const cardc_gate_wide *gate, const void *image, uint32_t at, uint32_t width, int32_t *v) {  \
    const TYPE *in = (const TYPE *)image + at, *const end = in + width;                                                    \
    const int32_t m = gate->mix[0], bias = gate->bias;                                                                     \
    CARDC_UNROLL4                                                                                                          \
    for (; in < end; in++) {                                                                                               \
      *v++ = *in * m + bias;                                                                                               \
    }                                                                                                                      \
  }                                                                                                                        \
                                                                                                                           \
  static void wide_mixed_##TYPE(const cardc_gate_wide *gate, const void *image, uint32_t at, uint32_t width, int32_t *v) { \
    const uint32_t plane = (uint32_t)gate->height * gate->width, shift = gate->mix_shift;                                  \
    const TYPE *in = (const TYPE *)image + at, *const end = in + width, *green = in + plane, *blue = green + plane;        \
    const int32_t m0 = gate->mix[0], m1 = gate->mix[1], m2 = gate->mix[2];                                                 \
    const int32_t bias = gate->bias + (int32_t)((1u << shift) >> 1);                                                       \
    CARDC_UNROLL4                                                                                                          \
    for (; in < end; in++, green++, blue++) {                                                                              \
      *v++ = (*in * m0 + *green * m1 + *blue * m2 + bias) >> shift;                                                        \
    }                                                                                                                      \
  }                                                                                                                        \
                                                                                                                           \
  static wide_pixels *wide_pixels_##TYPE(const cardc_gate_wide *gate) {                                                    \
    return gate->clip || (gate->mixes != 1 && gate->mixes != 3) ? wide_clipped_##TYPE                                      \
           : gate->mixes == 1                                   ? wide_grey_##TYPE                                         \
                                                                : wide_mixed_##TYPE;                                       \
  }

CARDC_WIDE_PIXELS(uint8_t)
CARDC_WIDE_PIXELS(int8_t)

/* What is left of `count` transforms behind their first stage; they stand one behind the other. */
static void stages(const cardc_gate_wide *gate, cardc_complex *z, uint32_t length, uint32_t count) {
  uint32_t size = cardc_odd_log(length) ? 2 : 4;
  cardc_traced(z, 2 * length * count);
  for (; size < length; size *= 4) {
    cardc_fft_wide_radix4(z, length * count, size, gate->twiddles, gate->table_length / (4 * size));
    cardc_traced(z, 2 * length * count);
  }
}

static void row(const cardc_gate_wide *gate, const cardc_complex *from, cardc_complex *to) {
  const uint32_t length = gate->half;
  cardc_traced(from, 2 * length);
  if (cardc_odd_log(length)) {
    cardc_fft_wide_first2(from, gate->row_order, length / 2, to);
  } else {
    cardc_fft_wide_first4(from, gate->row_order, length / 4, to);
  }
}

static void column(const cardc_gate_wide *gate, const cardc_complex *from, cardc_complex *to) {
  const uint32_t length = gate->rows;
  if (cardc_odd_log(length)) {
    cardc_fft_wide_first2_scaled(from, gate->half, gate->column_order, length / 2, to);
  } else {
    cardc_fft_wide_first4_scaled(from, gate->half, gate->column_order, length / 4, to);
  }
}

/* What the frequencies of columns kx and half - kx speak for goes to `score`; returns how many slots they fill. */
static uint32_t pair(const cardc_gate_wide *gate, const cardc_complex *matrix, uint32_t kx, const int32_t *differences,
                     int64_t *score, cardc_complex *work) {
  const uint32_t rows = gate->rows, behind = gate->half - kx, total = gate->planes * gate->slots;
  const uint32_t kept = (uint32_t)gate->first_rows + rows - gate->other_rows;
  const int both = behind != kx && behind < gate->columns;
  const uint32_t slots = both ? 2u * kept : kept;
  cardc_power *const powers = (cardc_power *)(void *)(work + 2u * rows);
  uint32_t *const values = (uint32_t *)(void *)powers;
  const cardc_complex *mirror = work;
  uint32_t a;
  column(gate, matrix + kx, work);
  if (kx != 0 && behind != kx) {
    mirror = work + rows;
    column(gate, matrix + behind, work + rows);
  }
  stages(gate, work, rows, mirror == work ? 1 : 2);
  cardc_gate_wide_powers(gate, work, mirror, kx, powers, both ? powers + kept : NULL);
  if (kx == 0) {
    cardc_gate_wide_constant(gate, work, powers);
  }
  cardc_traced(powers, 2 * slots);
  cardc_gate_wide_values(gate, powers, slots, values);
  cardc_traced(values, slots);
  for (a = 0; a < gate->rivals; a++, differences += total) {
    score[a] += cardc_gate_wide_dot(values, differences, slots);
  }
  return slots;
}

static void plane(const cardc_gate_wide *gate, const cardc_complex *matrix, const int32_t *differences, int64_t *score,
                  cardc_complex *work) {
  uint32_t kx;
  for (kx = 0; 2u * kx <= gate->half && kx < gate->columns; kx++) {
    differences += pair(gate, matrix, kx, differences, score, work);
  }
}

static uint32_t feed(const cardc_gate_wide *gate, wide_pixels *load, const void *in, int64_t *sum, int64_t *ring,
                     uint32_t *place, cardc_complex *arena) {
  const uint32_t height = gate->height, width = gate->width, half = gate->half;
  cardc_complex *const work = arena + gate->rows * half;
  int64_t *const score = cardc_window_begin(gate->rivals, gate->window, gate->constants, sum, ring, place);
  int32_t *const line = (int32_t *)(void *)work;
  const int32_t zero = (gate->bias + (int32_t)(((uint32_t)1 << gate->mix_shift) >> 1)) >> gate->mix_shift;
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

uint32_t cardc_gate_wide_feed_u8(const cardc_gate_wide *gate, const uint8_t *in, int64_t *sum, int64_t *ring,
                                 uint32_t *place, uint32_t *arena) {
  return feed(gate, wide_pixels_uint8_t(gate), in, sum, ring, place, (cardc_complex *)(void *)arena);
}

uint32_t cardc_gate_wide_feed_i8(const cardc_gate_wide *gate, const int8_t *in, int64_t *sum, int64_t *ring,
                                 uint32_t *place, uint32_t *arena) {
  return feed(gate, wide_pixels_int8_t(gate), in, sum, ring, place, (cardc_complex *)(void *)arena);
}
