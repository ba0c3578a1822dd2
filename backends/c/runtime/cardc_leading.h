/* Leading zeros, also for cores that do not count them. */
#ifndef CARDC_LEADING_H
#define CARDC_LEADING_H

#include "cardc_types.h"

/* Bits in front of the first that is set in x, which is not 0. */
static inline uint32_t cardc_zeros_in_front(uint32_t x) {
#if defined(__ARM_FEATURE_CLZ) || defined(__riscv_zbb) || defined(__x86_64__) || defined(__aarch64__)
  return (uint32_t)__builtin_clz(x);
#else
  uint32_t n = 31;
  if (x >> 16) {
    n -= 16, x >>= 16;
  }
  if (x >> 8) {
    n -= 8, x >>= 8;
  }
  if (x >> 4) {
    n -= 4, x >>= 4;
  }
  if (x >> 2) {
    n -= 2, x >>= 2;
  }
  return n - (x >> 1);
#endif
}

#endif
