/* From sums in words to the next tensor by table, and one by one: what cardc_conv_runs ends with where there is no line. */
#ifndef CARDC_RUNS_STORE_H
#define CARDC_RUNS_STORE_H

#include "cardc_lanes_store.h"

/* `rows` rows of `width` sums, `pitch` a row and four to a word; outputs' rows lie `row` apart. */
typedef struct cardc_rows {
  uint32_t rows, width, pitch, row;
} cardc_rows;

/* Pixel K by table. What is read is used before the next is read: there are few registers. */
#define PUT(K)                   \
  do {                           \
    uint32_t lane = low[K];      \
    CARDC_PIN(lane);             \
    to[K] = table[lane];         \
  } while (0)
#define PUT_FOUR(K)   \
  do {                \
    PUT(K);           \
    PUT((K) + 1);     \
    PUT((K) + 2);     \
    PUT((K) + 3);     \
  } while (0)
#define PUT_SUM(K)               \
  do {                           \
    uint32_t lane = low[K];      \
    CARDC_PIN(lane);             \
    lane += high[K];             \
    CARDC_PIN(lane);             \
    to[K] = table[lane];         \
  } while (0)

/* Rows of sums in bytes. */
static CARDC_NOINLINE void cardc_look_up(const cardc_rows *r, const uint8_t *table, const uint8_t *from, uint8_t *dst) {
  uint32_t rows = r->rows;
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += r->pitch, dst += r->row) {
    const uint8_t *low = from;
    uint8_t *to = dst;
    uint32_t left = r->width;
    CARDC_NO_UNROLL for (; left >= 16; left -= 16, low += 16, to += 16) {
      PUT_FOUR(0);
      PUT_FOUR(4);
      PUT_FOUR(8);
      PUT_FOUR(12);
    }
    CARDC_NO_UNROLL for (; left >= 4; left -= 4, low += 4, to += 4) { PUT_FOUR(0); }
    CARDC_NO_UNROLL for (; left > 0; left--) { *to++ = table[*low++]; }
  }
}

/* The same for sums of two bytes, `other` bytes apart. */
static CARDC_NOINLINE void cardc_look_up_sums(const cardc_rows *r, const uint8_t *table, const uint8_t *from,
                                              uint32_t other, uint8_t *dst) {
  uint32_t rows = r->rows;
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += r->pitch, dst += r->row) {
    const uint8_t *low = from, *high = from + other;
    uint8_t *to = dst;
    uint32_t left = r->width;
    CARDC_NO_UNROLL for (; left >= 8; left -= 8, low += 8, high += 8, to += 8) {
      PUT_SUM(0);
      PUT_SUM(1);
      PUT_SUM(2);
      PUT_SUM(3);
      PUT_SUM(4);
      PUT_SUM(5);
      PUT_SUM(6);
      PUT_SUM(7);
    }
    CARDC_NO_UNROLL for (; left > 0; left--) { *to++ = table[*low++ + *high++]; }
  }
}

/* The same for sums in halves. */
static CARDC_NOINLINE void cardc_look_up_halves(const cardc_rows *r, const uint8_t *table, const uint32_t *from,
                                                uint8_t *dst) {
  uint32_t rows = r->rows;
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += r->pitch / 2, dst += r->row) {
    cardc_put_lanes(table, from, 0, r->width, 1, dst);
  }
}

/* Sums of `chunks` words, `words` apart: to halves, which begin at 0 with `first`. */
static CARDC_NOINLINE void cardc_gather(uint32_t *to, const uint32_t *from, uint32_t words, uint32_t chunks, int first) {
  uint32_t left, k;
  CARDC_NO_UNROLL for (left = words; left > 0; left--, to += 2, from++) {
    const uint32_t *at = from;
    uint32_t even = first ? 0 : to[0], odd = first ? 0 : to[1];
    CARDC_NO_UNROLL for (k = chunks; k > 0; k--, at += words) {
      even = cardc_add_even(even, *at);
      odd = cardc_add_odd(odd, *at);
    }
    to[0] = even, to[1] = odd;
  }
}

#endif
