#include "cardc_dense_vertical.h"
#include "cardc_quads.h"

#define DIGITS 18 /* inputs are less than 2^14: V has at most 15 digits, and a count begun below zero one more */
#define EACH_BYTE 0x01010101u

/* A full adder in every bit position, SUM being one of its inputs: SUM + X + Y = SUM + 2 * HIGH. Where X and Y differ the
 * carry is SUM's bit, else theirs. */
#define ADD_TWO(HIGH, SUM, X, Y)                         \
  LANES HIGH;                                            \
  do {                                                   \
    const LANES x_ = (X), differ_ = x_ ^ (Y);            \
    HIGH = (x_ & ~differ_) | ((SUM) & differ_);          \
    SUM ^= differ_;                                      \
  } while (0)

#define ROW(K) (*(const CARDC_ROM LANES *)(const CARDC_ROM void *)(column + list[K]))
#define ADD_FOUR_ROWS(HIGH, K)                           \
  ADD_TWO(HIGH##_a, one, ROW(K), ROW((K) + 1));          \
  ADD_TWO(HIGH##_b, one, ROW((K) + 2), ROW((K) + 3));    \
  ADD_TWO(HIGH, two, HIGH##_a, HIGH##_b)

/* Adds 16 * blocks rows of one column of LANES to the numbers whose digits are v[0], v[1], ... */
#define ADD_ROWS(NAME, ANY)                                                                                       \
  static CARDC_NOINLINE void NAME(LANES *v, const uint16_t *list, uint32_t blocks, const CARDC_ROM uint8_t *column) { \
    LANES one = v[0], two = v[1], four = v[2], eight = v[3];                                                      \
    CARDC_NO_UNROLL for (; blocks > 0; blocks--, list += 16) {                                                    \
      LANES *digit = v + 4;                                                                                       \
      ADD_FOUR_ROWS(four_a, 0);                                                                                   \
      ADD_FOUR_ROWS(four_b, 4);                                                                                   \
      ADD_TWO(eight_a, four, four_a, four_b);                                                                     \
      ADD_FOUR_ROWS(four_c, 8);                                                                                   \
      ADD_FOUR_ROWS(four_d, 12);                                                                                  \
      ADD_TWO(eight_b, four, four_c, four_d);                                                                     \
      ADD_TWO(carry, eight, eight_a, eight_b);                                                                    \
      CARDC_NO_UNROLL while (ANY(carry)) {                                                                        \
        const LANES before = *digit;                                                                              \
        *digit++ = before ^ carry;                                                                                \
        carry &= before;                                                                                          \
      }                                                                                                           \
    }                                                                                                             \
    v[0] = one;                                                                                                   \
    v[1] = two;                                                                                                   \
    v[2] = four;                                                                                                  \
    v[3] = eight;                                                                                                 \
  }
#define LANES uint32_t
ADD_ROWS(add_rows, )
#if CARDC_MVE
#undef LANES
#define LANES cardc_quad
ADD_ROWS(add_quads, cardc_any)
#endif

/* How many of `count` bytes are 1; the others are 0. */
static uint32_t count_ones(const uint8_t *src, uint32_t count) {
  uint32_t total = 0, lanes, words, word;
  while (count >= 4) {
    words = count < 4 * 63 ? count >> 2 : 63; /* a byte holds 4 * 63 */
    count -= 4 * words;
    for (lanes = 0; words > 0; words--, src += 4) {
      CARDC_MEMCPY(&word, __builtin_assume_aligned(src, 4), sizeof word);
      lanes += word;
    }
    total += (lanes * EACH_BYTE) >> 24;
  }
  for (; count > 0; count--) {
    total += *src++;
  }
  return total;
}

/* Lists where the rows of the inputs that are 1 ^ flip begin, filled up with the row of zeros: how many blocks of 16. */
static uint32_t list_rows(const uint8_t *src, uint32_t inputs, uint32_t flip, uint32_t row_bytes, uint16_t *list) {
  uint16_t *to = list;
  uint32_t at = 0, left = inputs, word;
  CARDC_NO_UNROLL for (; left >= 4; left -= 4, src += 4) {
    CARDC_MEMCPY(&word, __builtin_assume_aligned(src, 4), sizeof word);
    word ^= flip * EACH_BYTE;
    *to = (uint16_t)at; /* stays where the list moves on */
    to += word & 1;
    at += row_bytes;
    *to = (uint16_t)at;
    to += (word >> 8) & 1;
    at += row_bytes;
    *to = (uint16_t)at;
    to += (word >> 16) & 1;
    at += row_bytes;
    *to = (uint16_t)at;
    to += word >> 24;
    at += row_bytes;
  }
  for (; left > 0; left--, at += row_bytes) {
    *to = (uint16_t)at;
    to += *src++ ^ flip;
  }
  while ((to - list) & 15) {
    *to++ = (uint16_t)at;
  }
  return (uint32_t)(to - list) >> 4;
}

typedef struct rows_to_add {
  const uint16_t *list;
  uint32_t blocks, start, inactive;
} rows_to_add;

static rows_to_add choose_rows(const CARDC_ROM cardc_dense_vertical_layer *layer, const uint8_t *src, uint16_t *list) {
  const uint32_t inputs = layer->inputs, active = count_ones(src, inputs), others = inputs - active;
  rows_to_add rows;
  rows.list = list;
  rows.inactive = active > others;
  rows.blocks = list_rows(src, inputs, rows.inactive, 4u * layer->words, list);
  rows.start = rows.inactive ? (1u << layer->bits) - others : others;
  return rows;
}

/* The digits of V for the 32 outputs of word k (of LANES from there on). One matrix counts +1 weights, worth 2 each against the -1 weights around;
 * two count +1 weights and those that are not -1, worth 1 each. Either way the sum of w * u is the count less the rows, which
 * `start` takes away. Of the rows of inputs that are 0 the same is counted, and taken from the total. */
#define SUM_WORD(NAME, LANES, NONE, ADD, DIGIT)                                                                       \
  static void NAME(const CARDC_ROM cardc_dense_vertical_layer *layer, const rows_to_add *rows, uint32_t k, LANES *v) { \
    const uint32_t bits = layer->bits, words = layer->words;                                                    \
    const CARDC_ROM uint8_t *column = (const CARDC_ROM uint8_t *)(layer->weights + k);                          \
    const LANES none = NONE;                                                                                    \
    uint32_t i, start = rows->start, m;                                                                         \
    CARDC_NO_UNROLL for (i = 0; i <= bits; i++, start >>= 1) { v[i] = start & 1 ? ~none : none; }                \
    for (m = 0; m < layer->matrices; m++, column += 4u * words * (layer->inputs + 1u)) {                        \
      ADD(layer->matrices == 1 ? v + 1 : v, rows->list, rows->blocks, column);                                  \
    }                                                                                                           \
    if (rows->inactive) {                                                                                       \
      const CARDC_ROM uint32_t *total = layer->totals + k * bits;                                               \
      LANES borrow = none;                                                                                      \
      CARDC_NO_UNROLL for (i = 0; i < bits; i++) {                                                              \
        const LANES t = DIGIT(total + i, bits), differ = t ^ v[i];                                              \
        v[i] = differ ^ borrow;                                                                                 \
        borrow = (borrow & ~differ) | (differ & ~t);                                                            \
      }                                                                                                         \
    }                                                                                                           \
  }

#define WORD_DIGIT(AT, APART) (*(AT))
SUM_WORD(sum_word, uint32_t, 0, add_rows, WORD_DIGIT)
#if CARDC_MVE
#define QUAD_DIGIT(AT, APART) cardc_gather(AT, cardc_count_by(4 * (APART)))
#define QUAD_NONE {0}
SUM_WORD(sum_quad, cardc_quad, QUAD_NONE, add_quads, QUAD_DIGIT)

/* The digits of four words, the last of which may be those before them. */
typedef struct quad_digits {
  uint32_t first, behind;
  cardc_quad v[DIGITS];
} quad_digits;
#else
typedef struct quad_digits {
  uint32_t behind;
} quad_digits;
#endif

/* As sum_word; k goes up from 0, where quads->behind is 0. */
static void sum_next(const CARDC_ROM cardc_dense_vertical_layer *layer, const rows_to_add *rows, uint32_t k, uint32_t *v,
                     quad_digits *quads) {
#if CARDC_MVE
  if (layer->words >= 4) {
    const uint32_t last = layer->words - 4u, bits = layer->bits;
    uint32_t i;
    if (k >= quads->behind) {
      quads->first = k < last ? k : last;
      quads->behind = quads->first + 4;
      sum_quad(layer, rows, quads->first, quads->v);
    }
    CARDC_NO_UNROLL for (i = 0; i < bits; i++) { v[i] = (uint32_t)quads->v[i][k - quads->first]; }
    return;
  }
#endif
  (void)quads;
  sum_word(layer, rows, k, v);
}

/* A bit for each of 32 outputs: V >= the threshold. */
static uint32_t compare(const uint32_t *v, const CARDC_ROM uint32_t *threshold, uint32_t bits) {
  uint32_t borrow = 0;
  CARDC_NO_UNROLL for (; bits > 0; bits--) {
    const uint32_t t = *threshold++, differ = t ^ *v++;
    borrow = (borrow & ~differ) | (differ & t);
  }
  return ~(borrow ^ *threshold);
}

/* `step` in every byte of which HITS has bit 0, HITS having no other bits. */
#if CARDC_MULTIPLIES
#define STEPS(HITS) (step * (HITS))
#else
#define STEPS(HITS) ((((HITS) << 8) - (HITS)) & step * EACH_BYTE)
#endif

void cardc_dense_vertical_bits(const CARDC_ROM cardc_dense_vertical_layer *layer, const uint8_t *src, uint8_t *dst,
                               uint16_t *list) {
  const rows_to_add rows = choose_rows(layer, src, list);
  const uint32_t base = layer->base * EACH_BYTE, step = layer->step, bits = layer->bits;
  const CARDC_ROM uint32_t *threshold = layer->thresholds;
  uint32_t left = layer->outputs, k, v[DIGITS];
  quad_digits quads;
  quads.behind = 0;
  for (k = 0; k < layer->words; k++, threshold += bits + 1) {
    uint32_t hits, four, n;
    sum_next(layer, &rows, k, v, &quads);
    hits = compare(v, threshold, bits);
    CARDC_NO_UNROLL for (n = left < 32 ? left : 32, left -= n; n >= 4; n -= 4, hits >>= 1, dst += 4) {
      four = base + STEPS(hits & EACH_BYTE);
      CARDC_MEMCPY(__builtin_assume_aligned(dst, 4), &four, sizeof four);
    }
    for (; n > 0; n--, hits >>= 8) {
      *dst++ = (uint8_t)(base + STEPS(hits & 1));
    }
  }
}

/* Exchanges the bits of A at MASK << SHIFT with those of B at MASK. */
#define EXCHANGE(A, B, SHIFT, MASK)                  \
  do {                                               \
    const uint32_t t = ((A >> (SHIFT)) ^ B) & (MASK); \
    A ^= t << (SHIFT);                               \
    B ^= t;                                          \
  } while (0)

/* Eight words as four 8 x 8 matrices, a byte of each word being a row, transposed: what was bit i of eight words becomes a
 * byte of word i. Source: Warren, Hacker's Delight, 2nd edition, section 7-3. */
static void transpose(uint32_t *v) {
  uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
  EXCHANGE(a, e, 4, 0x0f0f0f0fu);
  EXCHANGE(b, f, 4, 0x0f0f0f0fu);
  EXCHANGE(c, g, 4, 0x0f0f0f0fu);
  EXCHANGE(d, h, 4, 0x0f0f0f0fu);
  EXCHANGE(a, c, 2, 0x33333333u);
  EXCHANGE(b, d, 2, 0x33333333u);
  EXCHANGE(e, g, 2, 0x33333333u);
  EXCHANGE(f, h, 2, 0x33333333u);
  EXCHANGE(a, b, 1, 0x55555555u);
  EXCHANGE(c, d, 1, 0x55555555u);
  EXCHANGE(e, f, 1, 0x55555555u);
  EXCHANGE(g, h, 1, 0x55555555u);
  v[0] = a, v[1] = b, v[2] = c, v[3] = d, v[4] = e, v[5] = f, v[6] = g, v[7] = h;
}

/* sums[j] = the number whose digits are the bits of output j in v[0], v[1], ... v[bits - 1]; v has room for 16. */
static void to_sums(uint32_t *v, uint32_t bits, int32_t *sums) {
  uint32_t i;
  CARDC_NO_UNROLL for (i = bits; i < 16; i++) {
    v[i] = 0;
  }
  transpose(v);
  if (bits > 8) {
    transpose(v + 8);
  }
  CARDC_NO_UNROLL for (i = 0; i < 8; i++, v++, sums += 4) {
    const uint32_t low = v[0], high = v[8];
    sums[0] = (int32_t)((low & 0xff) | ((high & 0xff) << 8));
    sums[1] = (int32_t)(((low >> 8) & 0xff) | (high & 0xff00));
    sums[2] = (int32_t)(((low >> 16) & 0xff) | ((high >> 8) & 0xff00));
    sums[3] = (int32_t)((low >> 24) | ((high >> 16) & 0xff00));
  }
}

void cardc_dense_vertical(const CARDC_ROM cardc_dense_vertical_layer *layer, const CARDC_ROM cardc_finish *finish,
                          const uint8_t *src, void *dst, uint16_t *list) {
  const rows_to_add rows = choose_rows(layer, src, list);
  const uint32_t outputs = layer->outputs;
  uint32_t k, o, v[DIGITS];
  int32_t sums[32];
  quad_digits quads;
  quads.behind = 0;
  for (k = 0, o = 0; o < outputs; k++, o += 32) {
    sum_next(layer, &rows, k, v, &quads);
    to_sums(v, layer->bits, sums);
    cardc_finish_outputs(finish, o, sums, outputs - o < 32 ? outputs - o : 32, dst);
  }
}
