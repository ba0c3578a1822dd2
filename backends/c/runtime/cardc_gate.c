#include "cardc_gate.h"

typedef void pixels(const cardc_gate *gate, const void *image, uint32_t at, uint32_t width, uint32_t *to);

/* A row of the image, from `at` on, as words of two pixels; where it has no more, zeros. Pixels beyond their range count as its nearest
 * end: that costs, and is left out where the type has no others. */
#define CARDC_PIXELS(NAME, TYPE)                                                                                   \
  static void NAME(const cardc_gate *gate, const void *image, uint32_t at, uint32_t width, uint32_t *to) {         \
    const TYPE *const in = (const TYPE *)image + at;                                                               \
    const uint32_t plane = (uint32_t)gate->height * gate->width, shift = gate->mix_shift;                          \
    const int32_t bias = gate->bias + (int32_t)((1u << shift) >> 1);                                               \
    const int32_t m0 = gate->mix[0];                                                                               \
    int16_t *const v = (int16_t *)to;                                                                              \
    uint32_t x, c;                                                                                                 \
    if (gate->clip || (gate->mixes != 1 && gate->mixes != 3)) {                                                    \
      for (x = 0; x < width; x++) {                                                                                \
        int32_t sum = bias;                                                                                        \
        for (c = 0; c < gate->mixes; c++) {                                                                        \
          const int32_t q = in[c * plane + x];                                                                     \
          sum += (q < gate->lo ? gate->lo : q > gate->hi ? gate->hi : q) * gate->mix[c];                           \
        }                                                                                                          \
        v[x] = (int16_t)(sum >> shift);                                                                            \
      }                                                                                                            \
    } else if (gate->mixes == 1) {                                                                                 \
      for (x = 0; x + 2 <= width; x += 2) {                                                                        \
        to[x / 2] = cardc_word(in[x] * m0 + bias, in[x + 1] * m0 + bias);                                          \
      }                                                                                                            \
      if (x < width) {                                                                                             \
        v[x] = (int16_t)(in[x] * m0 + bias);                                                                       \
      }                                                                                                            \
    } else {                                                                                                       \
      const int32_t m1 = gate->mix[1], m2 = gate->mix[2];                                                          \
      for (x = 0; x < width; x++) {                                                                                \
        v[x] = (int16_t)((in[x] * m0 + in[plane + x] * m1 + in[2 * plane + x] * m2 + bias) >> shift);              \
      }                                                                                                            \
    }                                                                                                              \
    for (x = width; x < 2u * gate->half; x++) {                                                                    \
      v[x] = (int16_t)(bias >> shift);                                                                             \
    }                                                                                                              \
  }

CARDC_PIXELS(pixels_u8, uint8_t)
CARDC_PIXELS(pixels_i8, int8_t)

static int odd_log(uint32_t length) { return (length & 0xAAAAAAAAu) != 0; }

/* What is left of `count` transforms behind their first stage; they stand one behind the other. */
static void stages(const cardc_gate *gate, uint32_t *z, uint32_t length, uint32_t count) {
  uint32_t size = odd_log(length) ? 2 : 4;
  cardc_traced(z, length * count);
  for (; size < length; size *= 4) {
    cardc_fft_radix4(z, length * count, size, gate->twiddles, gate->table_length / (4 * size));
    cardc_traced(z, length * count);
  }
}

static void row(const cardc_gate *gate, const uint32_t *from, uint32_t *to) {
  const uint32_t length = gate->half;
  cardc_traced(from, length);
  if (odd_log(length)) {
    cardc_fft_first2(from, gate->row_order, length / 2, to);
  } else {
    cardc_fft_first4(from, gate->row_order, length / 4, to);
  }
}

static void column(const cardc_gate *gate, const uint32_t *from, uint32_t *to) {
  const uint32_t length = gate->rows;
  if (odd_log(length)) {
    cardc_fft_first2_scaled(from, gate->half, gate->column_order, length / 2, to);
  } else {
    cardc_fft_first4_scaled(from, gate->half, gate->column_order, length / 4, to);
  }
}

/* What the frequencies of columns kx and half - kx speak for goes to `score`; returns how many slots they fill. */
static uint32_t pair(const cardc_gate *gate, const uint32_t *matrix, uint32_t kx, const int16_t *differences,
                     int64_t *score, uint32_t *work) {
  const uint32_t rows = gate->rows, behind = gate->half - kx, total = gate->planes * gate->slots;
  const uint32_t kept = (uint32_t)gate->first_rows + rows - gate->other_rows;
  const int both = behind != kx && behind < gate->columns;
  const uint32_t slots = both ? 2u * kept : kept, constant = kx == 0;
  uint32_t *const values = work + 2u * rows;
  const uint32_t *mirror = work;
  uint32_t a;
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
  cardc_gate_values(gate, values, constant, 2);
  cardc_gate_values(gate, values + constant, slots - constant, 0);
  cardc_traced(values, slots);
  for (a = 0; a < gate->rivals; a++, differences += total) {
    score[a] += cardc_gate_dot(values, differences, slots, gate->kind);
  }
  return slots;
}

static void plane(const cardc_gate *gate, const uint32_t *matrix, const int16_t *differences, int64_t *score,
                  uint32_t *work) {
  uint32_t kx;
  for (kx = 0; 2u * kx <= gate->half && kx < gate->columns; kx++) {
    differences += pair(gate, matrix, kx, differences, score, work);
  }
}

/* Room for the scores of an image: they take the oldest ones' place, and these leave the sums. */
static int64_t *begin(const cardc_gate *gate, int64_t *sum, int64_t *ring, uint32_t *place) {
  int64_t *const score = ring + (size_t)place[0] * gate->rivals;
  uint32_t a;
  for (a = 0; a < gate->rivals; a++) {
    sum[a + 1] -= score[a];
    score[a] = -gate->constants[a];
  }
  place[0] = place[0] + 1u < gate->window ? place[0] + 1u : 0u;
  return score;
}

static uint32_t decide(const cardc_gate *gate, int64_t *sum, const int64_t *score) {
  uint32_t a, best = 0;
  for (a = 0; a < gate->rivals; a++) {
    sum[a + 1] += score[a];
    best = sum[a + 1] > sum[best] ? a + 1 : best;
  }
  cardc_traced(sum, 2u * (gate->rivals + 1u));
  return best;
}

static uint32_t feed(const cardc_gate *gate, pixels *load, const void *in, int64_t *sum, int64_t *ring,
                     uint32_t *place, uint32_t *arena) {
  const uint32_t height = gate->height, width = gate->width, half = gate->half;
  uint32_t *const work = arena + gate->rows * half;
  int64_t *const score = begin(gate, sum, ring, place);
  uint32_t p, y, at = 0;
  for (p = 0; p < gate->planes; p++) {
    for (y = 0; y < gate->rows; y++) {
      load(gate, in, at, y < height ? width : 0, work);
      at += y < height ? width : 0;
      row(gate, work, arena + y * half);
    }
    stages(gate, arena, half, gate->rows);
    plane(gate, arena, gate->differences + p * gate->slots, score, work);
  }
  return decide(gate, sum, score);
}

uint32_t cardc_gate_feed_u8(const cardc_gate *gate, const uint8_t *in, int64_t *sum, int64_t *ring, uint32_t *place,
                            uint32_t *arena) {
  return feed(gate, pixels_u8, in, sum, ring, place, arena);
}

uint32_t cardc_gate_feed_i8(const cardc_gate *gate, const int8_t *in, int64_t *sum, int64_t *ring, uint32_t *place,
                            uint32_t *arena) {
  return feed(gate, pixels_i8, in, sum, ring, place, arena);
}
