#include "cardc_gate.h"
#include "cardc_gate_quads.h"
#include "cardc_leading.h"

static inline uint32_t square(int32_t re, int32_t im) {
  return (uint32_t)re * (uint32_t)re + (uint32_t)im * (uint32_t)im;
}

#if CARDC_SIMD32

/* Frequencies from ... end against their mirror's, which lie the other way round. With p = 1 - s and q = 1 + s, s and c sine and cosine: X = z (p - i c) + conj(r) (q + i c), which is what `split_one`
 * computes but for the order of its sums. q must fit 16 bits. */
static void split_both(const uint32_t *from, const uint32_t *end, const uint32_t *back, uint32_t w, uint32_t *low,
                       uint32_t *high) {
  const uint32_t pc = cardc_word(0x4000 + cardc_im(w), cardc_re(w));
  const uint32_t qc = cardc_word(0x4000 - cardc_im(w), cardc_re(w));
#if CARDC_MVE
  if (end - from >= 4) {
    cardc_split_quads(from, (uint32_t)(end - from), back, w, low, high);
    return;
  }
#endif
  while (from < end) {
    const uint32_t z = *from++, r = *back--;
    const int32_t low_re = cardc_smlad(z, pc, cardc_smlad(r, qc, 0x4000));
    const int32_t low_im = cardc_smlsdx(r, qc, 0x4000) - (int32_t)cardc_smusdx(z, pc);
    const int32_t high_re = cardc_smlsd(z, qc, cardc_smlsd(r, pc, 0x4000));
    const int32_t high_im = cardc_smladx(z, qc, 0x4000) - (int32_t)cardc_smuadx(r, pc);
    *low++ = square(low_re >> 15, low_im >> 15);
    *high++ = square(high_re >> 15, high_im >> 15);
  }
}

#else

static void split_both(const uint32_t *from, const uint32_t *end, const uint32_t *back, uint32_t w, uint32_t *low,
                       uint32_t *high) {
  const int32_t cos = cardc_re(w), minus_sin = cardc_im(w);
  while (from < end) {
    const uint32_t z = *from++, r = *back--;
    const int32_t even_re = (cardc_re(z) + cardc_re(r)) * 0x4000 + 0x4000;
    const int32_t even_im = (cardc_im(z) - cardc_im(r)) * 0x4000 + 0x4000;
    const int32_t odd_re = cardc_re(z) - cardc_re(r), odd_im = cardc_im(z) + cardc_im(r);
    const int32_t turned_re = odd_re * minus_sin + odd_im * cos, turned_im = odd_im * minus_sin - odd_re * cos;
    *low++ = square((even_re + turned_re) >> 15, (even_im + turned_im) >> 15);
    *high++ = square((even_re - turned_re) >> 15, (even_im - turned_im) >> 15);
  }
}

#endif

/* The lower of the two alone. */
static void split_one(const uint32_t *from, const uint32_t *end, const uint32_t *back, uint32_t w, uint32_t *low) {
  const int32_t cos = cardc_re(w), minus_sin = cardc_im(w);
#if CARDC_MVE
  if (end - from >= 4) {
    cardc_split_quads(from, (uint32_t)(end - from), back, w, low, NULL);
    return;
  }
#endif
  while (from < end) {
    const uint32_t z = *from++, r = *back--;
    const int32_t odd_re = cardc_re(z) - cardc_re(r), odd_im = cardc_im(z) + cardc_im(r);
    const int32_t re = (cardc_re(z) + cardc_re(r) + 1) * 0x4000 + odd_re * minus_sin + odd_im * cos;
    const int32_t im = (cardc_im(z) - cardc_im(r) + 1) * 0x4000 + odd_im * minus_sin - odd_re * cos;
    *low++ = square(re >> 15, im >> 15);
  }
}

void cardc_gate_powers(const cardc_gate *gate, const uint32_t *column, const uint32_t *mirror, uint32_t kx,
                       uint32_t *low, uint32_t *high) {
  const uint32_t w = gate->twiddles[kx * (gate->table_length / (2u * gate->half))];
  const uint32_t first = gate->first_rows, other = gate->other_rows, rows = gate->rows;
  /* row 0 is its own mirror, row ky that of rows - ky */
  const uint32_t *const last = mirror + rows - 1;
  if (high == NULL) {
    split_one(column, column + 1, mirror, w, low);
    split_one(column + 1, column + first, last, w, low + 1);
    split_one(column + other, column + rows, mirror + rows - other, w, low + first);
  } else {
    split_both(column, column + 1, mirror, w, low, high);
    split_both(column + 1, column + first, last, w, low + 1, high + 1);
    split_both(column + other, column + rows, mirror + rows - other, w, low + first, high + first);
  }
}

/* 16 straight pieces an octave. With n = x shifted until its top bit is bit 31: n >> 27 is 16 + the piece. The copy is a
 * store; it may lie where p did. */
#define CARDC_READ_TABLE(NAME, TYPE, VALUE)                                               \
  static void NAME(const TYPE *table, const uint32_t *p, uint32_t count, uint8_t *y) {    \
    const uint32_t *const end = p + count;                                                \
    table += 30 * 16;                                                                     \
    CARDC_UNROLL4                                                                         \
    for (; p < end; p++, y += sizeof(VALUE)) {                                            \
      const uint32_t x = *p | 1u, zeros = cardc_zeros_in_front(x), n = x << zeros;        \
      const TYPE *at = table - zeros * 16 + (n >> 27);                                    \
      const int32_t low = (int32_t)at[0], fraction = (int32_t)(n << 5 >> 20);             \
      const VALUE found = (VALUE)(low + ((((int32_t)at[1] - low) * fraction + 0x800) >> 12)); \
      CARDC_MEMCPY(y, &found, sizeof(VALUE));                                             \
    }                                                                                     \
  }

#if CARDC_GATE_HALVES
CARDC_READ_TABLE(read16, uint16_t, uint16_t)
#else
CARDC_READ_TABLE(read16, uint16_t, uint32_t)
#endif
CARDC_READ_TABLE(read32, uint32_t, uint32_t)

void cardc_gate_values(const cardc_gate *gate, const uint32_t *p, uint32_t count, uint32_t octaves, void *y) {
  uint32_t i;
  if (gate->kind == CARDC_GATE_TABLE16) {
#if CARDC_MVE
    i = cardc_read_quads((const uint16_t *)gate->table + octaves * 16, p, count, (uint32_t *)y);
    read16((const uint16_t *)gate->table + octaves * 16, p + i, count - i, (uint8_t *)y + 4 * i);
#else
    read16((const uint16_t *)gate->table + octaves * 16, p, count, (uint8_t *)y);
#endif
  } else if (gate->kind == CARDC_GATE_TABLE32) {
    read32((const uint32_t *)gate->table + octaves * 16, p, count, (uint8_t *)y);
  } else {
    for (i = 0; i < count; i++) {
      ((uint32_t *)y)[i] = p[i] >> (2u - octaves);
    }
  }
}

#if CARDC_GATE_HALVES
static inline uint32_t word_at(const int16_t *d) {
  uint32_t word;
  CARDC_MEMCPY(&word, d, 4);
  return word;
}

/* Sixteen values at a time, then two, then one. */
static CARDC_NOINLINE void dot_one(const uint32_t *y, const int16_t *d, uint32_t count, int64_t *score) {
  const uint32_t *const end = y + (count >> 4 << 3), *const last = y + (count >> 1);
  uint64_t sum = (uint64_t)*score;
  CARDC_NO_UNROLL for (; y < end; d += 16) {
    uint32_t a, b;
#define CARDC_FOUR(AT)                        \
  y = cardc_two_words(y, &a, &b);                   \
  sum = cardc_smlald(a, word_at(d + AT), sum); \
  sum = cardc_smlald(b, word_at(d + AT + 2), sum);
    CARDC_FOUR(0) CARDC_FOUR(4) CARDC_FOUR(8) CARDC_FOUR(12)
#undef CARDC_FOUR
  }
  CARDC_NO_UNROLL for (; y < last; d += 2) {
    sum = cardc_smlald(*y++, word_at(d), sum);
  }
  *score = (int64_t)sum + (count & 1u ? (int32_t)(*y & 0xFFFFu) * *d : 0);
}

/* The same for two rivals. */
static CARDC_NOINLINE void dot_two(const uint32_t *y, const int16_t *d, const int16_t *other, uint32_t count,
                                   int64_t *score) {
  const uint32_t *const end = y + (count >> 4 << 3);
  uint64_t sum = (uint64_t)score[0], sum2 = (uint64_t)score[1];
  CARDC_NO_UNROLL for (; y < end; d += 16, other += 16) {
    uint32_t a, b;
#define CARDC_FOUR(AT)                                 \
  y = cardc_two_words(y, &a, &b);                            \
  sum = cardc_smlald(a, word_at(d + AT), sum);         \
  sum2 = cardc_smlald(a, word_at(other + AT), sum2);   \
  sum = cardc_smlald(b, word_at(d + AT + 2), sum);     \
  sum2 = cardc_smlald(b, word_at(other + AT + 2), sum2);
    CARDC_FOUR(0) CARDC_FOUR(4) CARDC_FOUR(8) CARDC_FOUR(12)
#undef CARDC_FOUR
  }
  score[0] = (int64_t)sum, score[1] = (int64_t)sum2;
  if (count & 15u) {
    dot_one(y, d, count & 15u, score);
    dot_one(y, other, count & 15u, score + 1);
  }
}

static void score_halves(const uint32_t *y, const int16_t *d, uint32_t total, uint32_t rivals, uint32_t count,
                         int64_t *score) {
  for (; rivals > 1; rivals -= 2, d += 2 * total, score += 2) {
    dot_two(y, d, d + total, count, score);
  }
  if (rivals != 0) {
    dot_one(y, d, count, score);
  }
}
#endif

/* It fits 32 bits, but where there is an instruction for a sum of 64 it is better not to say so. */
#if CARDC_SIMD32
#define PRODUCT(Y, D) ((int64_t)(int32_t)(Y) * (D))
#else
#define PRODUCT(Y, D) ((int32_t)(Y) * (D))
#endif

static int64_t dot_words(const uint32_t *y, const int16_t *d, uint32_t count) {
  int64_t sum = 0;
  uint32_t i = 0;
#if CARDC_MVE
  i = count & ~3u;
  sum = cardc_dot_quads(y, d, i);
  y += i, d += i;
#endif
  for (; i + 4 <= count; i += 4, y += 4, d += 4) {
    sum += PRODUCT(y[0], d[0]);
    sum += PRODUCT(y[1], d[1]);
    sum += PRODUCT(y[2], d[2]);
    sum += PRODUCT(y[3], d[3]);
  }
  for (; i < count; i++) {
    sum += PRODUCT(*y++, *d++);
  }
  return sum;
}

static int64_t dot_powers(const uint32_t *y, const int16_t *d, uint32_t count) {
  int64_t sum = 0;
  uint32_t i;
  for (i = 0; i < count; i++) {
    sum += (int64_t)d[i] * (int32_t)(y[i] >> 16) * 0x10000 + (int64_t)d[i] * (int32_t)(y[i] & 0xFFFFu);
  }
  return sum;
}

void cardc_gate_scores(const cardc_gate *gate, const void *y, const int16_t *d, uint32_t count, int64_t *score) {
  const uint32_t *const words = (const uint32_t *)y, total = gate->planes * gate->slots;
  uint32_t a;
#if CARDC_GATE_HALVES
  if (gate->kind == CARDC_GATE_TABLE16) {
    score_halves(words, d, total, gate->rivals, count, score);
    return;
  }
#endif
  for (a = 0; a < gate->rivals; a++, d += total) {
    score[a] += gate->kind == CARDC_GATE_POWER ? dot_powers(words, d, count) : dot_words(words, d, count);
  }
}
