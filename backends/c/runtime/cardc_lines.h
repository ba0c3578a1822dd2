/* Rows of sums to rows of outputs by line (cardc_line.h): what cardc_conv_runs ends with. */
#ifndef CARDC_LINES_H
#define CARDC_LINES_H

#include "cardc_line.h"
#include "cardc_runs_store.h"

#define CARDC_BYTES(K) cardc_put_word(dst + 4 * (K), cardc_line_of_bytes(at[K], low, m, c, mask, shift))

/* Finishes rows of sums in bytes. */
static CARDC_NOINLINE void cardc_finish_bytes(const cardc_line *line, const cardc_rows *rows, const uint32_t *at,
                                              uint8_t *dst) {
  const uint32_t low = line->low, m = (uint32_t)line->m, c = (uint32_t)line->c;
  const uint32_t shift = line->shift, mask = ((0xff00u << shift) & 0xff00u) * 0x10001u;
  const uint32_t skip = rows->row - (rows->width & ~3u);
  uint32_t left, y;
  y = rows->rows;
  if ((rows->width & 15) == 0) { /* no ends of rows to look for */
    CARDC_NO_UNROLL for (; y > 0; y--, dst += skip) {
      left = rows->width;
      CARDC_NO_UNROLL do {
        CARDC_BYTES(0), CARDC_BYTES(1), CARDC_BYTES(2), CARDC_BYTES(3);
        at += 4, dst += 16;
      } while (left -= 16);
    }
    return;
  }
  CARDC_NO_UNROLL for (; y > 0; y--, dst += skip) {
    left = rows->width;
    if (left > 16) {
      CARDC_NO_UNROLL do {
        CARDC_BYTES(0), CARDC_BYTES(1), CARDC_BYTES(2), CARDC_BYTES(3);
        at += 4, dst += 16, left -= 16;
      } while (left > 16);
    }
    CARDC_NO_UNROLL for (; left >= 4; left -= 4, dst += 4, at++) { CARDC_BYTES(0); }
    if (left > 0) {
      cardc_put_part(dst, cardc_line_of_bytes(*at++, low, m, c, mask, shift), left);
    }
  }
}

/* Four outputs of the sum of two words of bytes. */
#define CARDC_PAIR(K)                                                                  \
  cardc_line_of_halves(cardc_add_even(cardc_even(at[K]), other[K]),                    \
                       cardc_add_odd(cardc_odd(at[K]), other[K]), m, c, room)

/* Finishes rows of sums that are those of two words of bytes. */
static CARDC_NOINLINE void cardc_finish_pairs(const cardc_line *line, const cardc_rows *rows, const uint32_t *at,
                                              const uint32_t *other, uint8_t *dst) {
  const uint32_t room = ~line->top, skip = rows->row - (rows->width & ~3u);
  const int32_t m = line->m, c = line->c;
  uint32_t left, y;
  y = rows->rows;
  if ((rows->width & 7) == 0) {
    CARDC_NO_UNROLL for (; y > 0; y--, dst += skip) {
      left = rows->width;
      CARDC_NO_UNROLL do {
        cardc_put_word(dst, CARDC_PAIR(0));
        cardc_put_word(dst + 4, CARDC_PAIR(1));
        at += 2, other += 2, dst += 8;
      } while (left -= 8);
    }
    return;
  }
  CARDC_NO_UNROLL for (; y > 0; y--, dst += skip) {
    CARDC_NO_UNROLL for (left = rows->width; left >= 4; left -= 4, dst += 4, at++, other++) {
      cardc_put_word(dst, CARDC_PAIR(0));
    }
    if (left > 0) {
      cardc_put_part(dst, CARDC_PAIR(0), left);
      at++, other++;
    }
  }
}

/* Two words of halves: the sums of `chunks` words of bytes, which lie `stride` words apart. */
#define CARDC_SUM_CHUNKS                                                                              \
  const uint32_t *from = at;                                                                          \
  uint32_t even = cardc_even(from[0]), odd = cardc_odd(from[0]);                                      \
  uint32_t even1 = cardc_even(from[1]), odd1 = cardc_odd(from[1]);                                    \
  CARDC_NO_UNROLL for (k = chunks; k > 1; k--) {                                                      \
    from += stride;                                                                                   \
    even = cardc_add_even(even, from[0]), odd = cardc_add_odd(odd, from[0]);                          \
    even1 = cardc_add_even(even1, from[1]), odd1 = cardc_add_odd(odd1, from[1]);                      \
  }                                                                                                   \
  even = cardc_line_of_halves(even, odd, m, c, room);                                                 \
  even1 = cardc_line_of_halves(even1, odd1, m, c, room)

/* Finishes rows of sums that are those of `chunks` words of bytes, which lie `stride` words apart. Reads one word behind
 * the last one of each chunk. */
static CARDC_NOINLINE void cardc_finish_chunks(const cardc_line *line, const cardc_rows *rows, const uint32_t *at,
                                               uint32_t stride, uint32_t chunks, uint8_t *dst) {
  const uint32_t room = ~line->top, skip = rows->row - (rows->width & ~7u);
  const int32_t m = line->m, c = line->c;
  uint32_t left, y, k;
  CARDC_NO_UNROLL for (y = rows->rows; y > 0; y--, dst += skip) {
    CARDC_NO_UNROLL for (left = rows->width; left >= 8; left -= 8, dst += 8, at += 2) {
      CARDC_SUM_CHUNKS;
      cardc_put_word(dst, even);
      cardc_put_word(dst + 4, even1);
    }
    if (left > 0) {
      CARDC_SUM_CHUNKS;
      cardc_put_part(dst, even, left < 4 ? left : 4);
      if (left > 4) {
        cardc_put_part(dst + 4, even1, left - 4);
      }
      at += left > 4 ? 2 : 1;
    }
  }
}

#define CARDC_HALVES(K) cardc_line_of_halves(at[2 * (K)], at[2 * (K) + 1], m, c, room)

/* Finishes rows of sums in halves, as cardc_widen makes them. */
static CARDC_NOINLINE void cardc_finish_halves(const cardc_line *line, const cardc_rows *rows, const uint32_t *at,
                                               uint8_t *dst) {
  const uint32_t room = ~line->top, skip = rows->row - (rows->width & ~3u);
  const int32_t m = line->m, c = line->c;
  uint32_t left, y;
  CARDC_NO_UNROLL for (y = rows->rows; y > 0; y--, dst += skip) {
    left = rows->width;
    if ((left & 7) == 0) {
      CARDC_NO_UNROLL do {
        cardc_put_word(dst, CARDC_HALVES(0));
        cardc_put_word(dst + 4, CARDC_HALVES(1));
        at += 4, dst += 8;
      } while (left -= 8);
      continue;
    }
    CARDC_NO_UNROLL for (; left >= 4; left -= 4, dst += 4, at += 2) { cardc_put_word(dst, CARDC_HALVES(0)); }
    if (left > 0) {
      cardc_put_part(dst, CARDC_HALVES(0), left);
      at += 2;
    }
  }
}

#endif
