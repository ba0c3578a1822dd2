#include "cardc_finish.h"

/* One sum of each channel, the end of fully connected layers: `next` is how far on the parameters of the next channel lie,
 * 0 where all channels share theirs. */

/* One threshold: binary activations. `falling` may be NULL. */
static void finish_bits(const CARDC_ROM cardc_finish *f, const CARDC_ROM int16_t *t, const CARDC_ROM uint8_t *falling,
                        uint32_t next, const int32_t *sums, uint32_t count, uint8_t *dst) {
  const uint32_t low = f->base, high = low + f->step;
  if (!falling) {
    CARDC_NO_UNROLL for (; count > 0; count--, t += next) {
      *dst++ = (uint8_t)(*sums++ >= *t ? high : low);
    }
    return;
  }
  CARDC_NO_UNROLL for (; count > 0; count--, t += next, falling += next) {
    *dst++ = (uint8_t)((*sums++ >= *t) != (*falling != 0) ? high : low);
  }
}

/* One step of a search that does not branch: `at` moves on by `half` if the threshold there is passed. */
#define SEARCH(HALF) at += at[(HALF) - 1] <= x ? (HALF) : 0
#define SEARCH_ALL(STEPS)                                                 \
  CARDC_NO_UNROLL for (; count > 0; count--, t += all) {                  \
    const int32_t x = *sums++;                                            \
    const CARDC_ROM int16_t *at = t;                                      \
    uint32_t n;                                                           \
    STEPS;                                                                \
    n = (uint32_t)(at - t);                                               \
    if (falling) {                                                        \
      n = *falling ? levels - n : n;                                      \
      falling += next;                                                    \
    }                                                                     \
    *dst++ = (uint8_t)(low + step * n);                                   \
  }                                                                       \
  return

/* 3, 7, 15 or 31 thresholds. `falling` may be NULL. */
static void finish_levels(const CARDC_ROM cardc_finish *f, const CARDC_ROM int16_t *t, const CARDC_ROM uint8_t *falling,
                          uint32_t next, const int32_t *sums, uint32_t count, uint8_t *dst) {
  const uint32_t low = f->base, step = f->step, levels = f->levels, all = next * levels;
  if (levels == 3) {
    SEARCH_ALL(SEARCH(2); SEARCH(1));
  } else if (levels == 7) {
    SEARCH_ALL(SEARCH(4); SEARCH(2); SEARCH(1));
  } else if (levels == 15) {
    SEARCH_ALL(SEARCH(8); SEARCH(4); SEARCH(2); SEARCH(1));
  } else {
    SEARCH_ALL(SEARCH(16); SEARCH(8); SEARCH(4); SEARCH(2); SEARCH(1));
  }
}

#define LINE(TYPE, LO, HI)                                                   \
  do {                                                                       \
    TYPE *to = (TYPE *)dst + channel;                                        \
    if (next == 0) {                                                         \
      const int32_t all_m = *m, all_b = *b;                                  \
      CARDC_NO_UNROLL for (; count > 0; count--) {                           \
        const int32_t y = (CARDC_TIMES(*sums++, all_m) + all_b) >> shift;    \
        *to++ = (TYPE)(y < (LO) ? (LO) : y > (HI) ? (HI) : y);               \
      }                                                                      \
      return;                                                                \
    }                                                                        \
    CARDC_NO_UNROLL for (; count > 0; count--) {                             \
      const int32_t y = (CARDC_TIMES(*sums++, *m++) + *b++) >> shift;        \
      *to++ = (TYPE)(y < (LO) ? (LO) : y > (HI) ? (HI) : y);                 \
    }                                                                        \
    return;                                                                  \
  } while (0)

/* Requantisation, 32 bits wide. */
static void finish_lines(const CARDC_ROM cardc_finish *f, uint32_t next, uint32_t channel, const int32_t *sums, uint32_t count,
                         void *dst) {
  const CARDC_ROM int32_t *m = f->m, *b = f->b;
  const int32_t lo = f->lo, hi = f->hi;
  const uint32_t shift = f->shift;
  m += next * channel;
  b += next * channel;
  if (f->out == CARDC_I16) {
    LINE(int16_t, lo, hi);
  } else if (f->out == CARDC_I32) {
    LINE(int32_t, lo, hi);
  }
#if defined(__ARM_FEATURE_SAT) /* one instruction where the bounds are known */
  if (lo == 0 && hi == 15) {
    LINE(uint8_t, 0, 15);
  } else if (lo == 0 && hi == 255) {
    LINE(uint8_t, 0, 255);
  }
#endif
  LINE(uint8_t, lo, hi);
}

#define OFFSET(TYPE)                                                         \
  do {                                                                       \
    TYPE *to = (TYPE *)dst + channel;                                        \
    CARDC_NO_UNROLL for (; count > 0; count--, m += next, b += next) {       \
      *to++ = (TYPE)(CARDC_TIMES(*sums++, *m) + *b);                         \
    }                                                                        \
    return;                                                                  \
  } while (0)

static void finish_affine(const CARDC_ROM cardc_finish *f, uint32_t next, uint32_t channel, const int32_t *sums, uint32_t count,
                          void *dst) {
  const CARDC_ROM int32_t *m = f->m, *b = f->b;
  m += next * channel;
  b += next * channel;
  if (f->out == CARDC_I16) {
    OFFSET(int16_t);
  } else if (f->out == CARDC_I32) {
    OFFSET(int32_t);
  }
  OFFSET(uint8_t);
}

void cardc_finish_outputs(const CARDC_ROM cardc_finish *finish, uint32_t channel, const int32_t *sums, uint32_t count,
                          void *dst) {
  const uint32_t next = finish->shared ? 0 : 1, levels = finish->levels, first = next * channel;
  if (finish->kind == CARDC_THRESHOLD && finish->t16 && finish->out == CARDC_U8) {
    const CARDC_ROM uint8_t *falling = finish->falling;
    if (falling) {
      falling += first;
    }
    if (levels == 1) {
      finish_bits(finish, finish->t16 + first, falling, next, sums, count, (uint8_t *)dst + channel);
      return;
    }
    if (!CARDC_SMALL && (levels == 3 || levels == 7 || levels == 15 || levels == 31)) {
      finish_levels(finish, finish->t16 + levels * first, falling, next, sums, count, (uint8_t *)dst + channel);
      return;
    }
  } else if (finish->kind == CARDC_REQUANTIZE && !finish->b64) {
    finish_lines(finish, next, channel, sums, count, dst);
    return;
  } else if (finish->kind == CARDC_AFFINE) {
    finish_affine(finish, next, channel, sums, count, dst);
    return;
  }
  for (; count > 0; count--, channel++) {
    cardc_store(finish, dst, channel, cardc_finish_one(finish, channel, *sums++));
  }
}
