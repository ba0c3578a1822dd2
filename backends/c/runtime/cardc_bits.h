/* Counting bits. */
#ifndef CARDC_BITS_H
#define CARDC_BITS_H

#include <stdint.h>

/* How many bits of x are set: one instruction where the core has it, else sums of neighbours (SWAR). */
static inline uint32_t cardc_popcount(uint32_t x) {
#if defined(__riscv_zbb) || defined(__POPCNT__)
  return (uint32_t)__builtin_popcount(x);
#else
  x -= (x >> 1) & 0x55555555u;
  x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  x = (x + (x >> 4)) & 0x0f0f0f0fu;
  return (x * 0x01010101u) >> 24;
#endif
}

#endif
