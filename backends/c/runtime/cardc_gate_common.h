/* cardc runtime: what gates have in common, whatever their words. */
#ifndef CARDC_GATE_COMMON_H
#define CARDC_GATE_COMMON_H

#include "cardc_types.h"

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
/* Two words, and what lies behind them. */
static inline const uint32_t *cardc_two_words(const uint32_t *y, uint32_t *a, uint32_t *b) {
  __asm__("ldrd %0, %1, [%2], #8" : "=&r"(*a), "=&r"(*b), "+r"(y) : "m"(*(const uint32_t(*)[2])y));
  return y;
}
#endif

/* Before a short loop over many elements, whose counting would cost more than its body. */
#if __GNUC__ >= 8 || defined(__clang__)
#define CARDC_UNROLL4 _Pragma("GCC unroll 4")
#else
#define CARDC_UNROLL4
#endif

/* Tests compile the kernels with CARDC_TRACED and see every intermediate word. */
#ifdef CARDC_TRACED
#ifdef __cplusplus
extern "C"
#endif
    void
    cardc_traced(const void *words, uint32_t count);
#else
#define cardc_traced(WORDS, COUNT) ((void)0)
#endif

/* Whether the logarithm of a power of two is odd: such a transform begins with a stage of radix 2. */
static inline int cardc_odd_log(uint32_t length) { return (length & 0xAAAAAAAAu) != 0; }

/* Room for the scores of an image: they take the oldest ones' place, and these leave the sums. */
static inline int64_t *cardc_window_begin(uint32_t rivals, uint32_t window, const int64_t *constants, int64_t *sum,
                                          int64_t *ring, uint32_t *place) {
  int64_t *const score = ring + (size_t)place[0] * rivals;
  uint32_t a;
  for (a = 0; a < rivals; a++) {
    sum[a + 1] -= score[a];
    score[a] = -constants[a];
  }
  place[0] = place[0] + 1u < window ? place[0] + 1u : 0u;
  return score;
}

static inline uint32_t cardc_window_decide(uint32_t rivals, int64_t *sum, const int64_t *score) {
  uint32_t a, best = 0;
  for (a = 0; a < rivals; a++) {
    sum[a + 1] += score[a];
    best = sum[a + 1] > sum[best] ? a + 1 : best;
  }
  cardc_traced(sum, 2u * (rivals + 1u));
  return best;
}

#endif
