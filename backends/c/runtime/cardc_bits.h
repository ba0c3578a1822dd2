/* Counting bits. */
#ifndef CARDC_BITS_H
#define CARDC_BITS_H

#include "cardc_types.h"

#if defined(__riscv_zbb) || defined(__POPCNT__)
#define CARDC_POPCOUNT 1
#else
#define CARDC_POPCOUNT 0
#endif

/* Bits set in each group of four. */
static inline uint32_t cardc_nibble_counts(uint32_t x) {
  x -= (x >> 1) & 0x55555555u;
  return (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
}

/* Each byte: the sum of its two nibbles. */
static inline uint32_t cardc_add_nibbles(uint32_t x) { return (x & 0x0f0f0f0fu) + ((x >> 4) & 0x0f0f0f0fu); }

#define CARDC_COUNTS_4(N) (N), (N) + 1, (N) + 1, (N) + 2
#define CARDC_COUNTS_16(N) CARDC_COUNTS_4(N), CARDC_COUNTS_4((N) + 1), CARDC_COUNTS_4((N) + 1), CARDC_COUNTS_4((N) + 2)
#define CARDC_COUNTS_64(N) \
  CARDC_COUNTS_16(N), CARDC_COUNTS_16((N) + 1), CARDC_COUNTS_16((N) + 1), CARDC_COUNTS_16((N) + 2)

/* How many bits of x are set: one instruction where the core has it, a table of bytes on AVR, else sums of neighbours
 * (SWAR). */
static inline uint32_t cardc_popcount(uint32_t x) {
#if defined(__AVR__)
  static const CARDC_ROM uint8_t counts[256] = {CARDC_COUNTS_64(0), CARDC_COUNTS_64(1), CARDC_COUNTS_64(1),
                                                CARDC_COUNTS_64(2)};
  return (uint8_t)(counts[(uint8_t)x] + counts[(uint8_t)(x >> 8)] + counts[(uint8_t)(x >> 16)] + counts[x >> 24]);
#elif CARDC_POPCOUNT
  return (uint32_t)__builtin_popcount(x);
#else
  return (cardc_add_nibbles(cardc_nibble_counts(x)) * 0x01010101u) >> 24;
#endif
}

/* A full adder in every bit position: a + b + c = low + 2 * high. */
#define CARDC_ADDER(HIGH, LOW, A, B, C)                                            \
  const uint32_t LOW##_half = (A) ^ (B), LOW = LOW##_half ^ (C);                   \
  const uint32_t HIGH = ((A) & (B)) | (LOW##_half & (C));

/* Bits set in eight words. Seven are added position by position (carry-save), which leaves three words to count, worth
 * 1, 2 and 4. Source: Harley and Seal, in Warren, Hacker's Delight, 2nd edition, section 5-1. */
static inline uint32_t cardc_popcount8(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f, uint32_t g,
                                       uint32_t h) {
#if CARDC_POPCOUNT || defined(__AVR__)
  return cardc_popcount(a) + cardc_popcount(b) + cardc_popcount(c) + cardc_popcount(d) + cardc_popcount(e) +
         cardc_popcount(f) + cardc_popcount(g) + cardc_popcount(h);
#else
  CARDC_ADDER(two1, one1, a, b, c)
  CARDC_ADDER(two2, one2, d, e, f)
  CARDC_ADDER(two3, one, one1, one2, g)
  CARDC_ADDER(four, two, two1, two2, two3)
  /* nibbles: at most 4 + 4, and 4 + 2 * 4; bytes: at most 16 + 2 * 24 */
  const uint32_t ones = cardc_nibble_counts(one) + cardc_nibble_counts(h);
  const uint32_t twos = cardc_nibble_counts(two) + 2 * cardc_nibble_counts(four);
  const uint32_t bytes = cardc_add_nibbles(ones) + 2 * cardc_add_nibbles(twos);
  const uint32_t halves = (bytes & 0x00ff00ffu) + ((bytes >> 8) & 0x00ff00ffu); /* 256 does not fit a byte */
  return (halves + (halves >> 16)) & 0xffffu;
#endif
}

#endif
