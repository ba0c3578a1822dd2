/* Sums to outputs by a line, four at a time: what cardc_conv_runs ends with where cardc.passes.encodings.lines has found
 * one. All functions are exact for the sums that the line was found for.
 *
 * The DSP extension has every step as one instruction, which no compiler finds by itself; elsewhere the same steps are
 * written out in C.
 */
#ifndef CARDC_LINE_H
#define CARDC_LINE_H

#include "cardc_lanes.h"

enum { CARDC_LINE_NONE = 0, CARDC_LINE_BYTES = 1, CARDC_LINE_HALVES = 2 };

/* A line of one channel, read from three words, and what is the same for all channels. */
typedef struct cardc_line {
  uint32_t kind;
  int32_t m, c;
  uint32_t low, lift; /* in all four bytes */
  uint32_t top;       /* the largest output, in all four bytes */
  uint32_t shift;     /* outputs take 8 - shift bits */
} cardc_line;

#if defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)
#define CARDC_OP3(NAME, TEXT)                                  \
  static inline uint32_t NAME(uint32_t a, uint32_t b) {        \
    uint32_t d;                                                \
    __asm__(TEXT : "=r"(d) : "r"(a), "r"(b));                  \
    return d;                                                  \
  }
#define CARDC_OP4(NAME, TEXT)                                        \
  static inline int32_t NAME(int32_t m, uint32_t a, int32_t c) {     \
    int32_t d;                                                       \
    __asm__(TEXT : "=r"(d) : "r"(m), "r"(a), "r"(c));                \
    return d;                                                        \
  }
CARDC_OP3(cardc_sub_bytes, "uqsub8 %0, %1, %2")
CARDC_OP3(cardc_add_bytes4, "uqadd8 %0, %1, %2")
CARDC_OP3(cardc_join_tops, "pkhtb %0, %2, %1, asr #16")
CARDC_OP4(cardc_line_low, "smlawb %0, %1, %2, %3")
CARDC_OP4(cardc_line_high, "smlawt %0, %1, %2, %3")
#define CARDC_OP2(NAME, TEXT)                \
  static inline uint32_t NAME(uint32_t a) {  \
    uint32_t d;                              \
    __asm__(TEXT : "=r"(d) : "r"(a));        \
    return d;                                \
  }
CARDC_OP2(cardc_even, "uxtb16 %0, %1")
CARDC_OP2(cardc_odd, "uxtb16 %0, %1, ror #8")
CARDC_OP2(cardc_clip_halves, "usat16 %0, #8, %1")
#else
static inline uint32_t cardc_even(uint32_t w) { return w & 0x00ff00ffu; }
static inline uint32_t cardc_odd(uint32_t w) { return (w >> 8) & 0x00ff00ffu; }
/* a - b and a + b in each byte, not below 0 and not above 255. */
static inline uint32_t cardc_sub_bytes(uint32_t a, uint32_t b) {
  uint32_t d = 0, k;
  for (k = 0; k < 32; k += 8) {
    const uint32_t x = (a >> k) & 0xff, y = (b >> k) & 0xff;
    d |= (x > y ? x - y : 0u) << k;
  }
  return d;
}
static inline uint32_t cardc_add_bytes4(uint32_t a, uint32_t b) {
  uint32_t d = 0, k;
  for (k = 0; k < 32; k += 8) {
    const uint32_t x = ((a >> k) & 0xff) + ((b >> k) & 0xff);
    d |= (x < 255 ? x : 255u) << k;
  }
  return d;
}
/* (m * half of a >> 16) + c */
static inline int32_t cardc_line_low(int32_t m, uint32_t a, int32_t c) {
  return (int32_t)(((int64_t)m * (int16_t)(uint16_t)(a & 0xffffu)) >> 16) + c;
}
static inline int32_t cardc_line_high(int32_t m, uint32_t a, int32_t c) {
  return (int32_t)(((int64_t)m * (int16_t)(uint16_t)(a >> 16)) >> 16) + c;
}
/* The upper halves of a and b, b's above. */
static inline uint32_t cardc_join_tops(uint32_t a, uint32_t b) { return (b & 0xffff0000u) | a >> 16; }
/* Signed halves to 0 .. 255. */
static inline uint32_t cardc_clip_half(uint32_t x) { return x & 0x8000u ? 0 : x < 255 ? x : 255; }
static inline uint32_t cardc_clip_halves(uint32_t w) {
  return cardc_clip_half(w & 0xffffu) | cardc_clip_half(w >> 16) << 16;
}
#endif

/* What all lines of a layer have in common. */
static inline void cardc_begin_lines(cardc_line *line, uint32_t top) {
  line->kind = CARDC_LINE_NONE;
  line->top = top * 0x01010101u;
  line->shift = 7;
  CARDC_NO_UNROLL while (top > 1) {
    top >>= 1, line->shift--;
  }
}

static inline void cardc_read_line(cardc_line *line, const CARDC_ROM int32_t *words) {
  const uint32_t ends = (uint32_t)words[2];
  line->kind = ends >> 16;
  line->m = words[0], line->c = words[1];
  line->low = (ends & 0xff) * 0x01010101u, line->lift = ((ends >> 8) & 0xff) * 0x01010101u;
}

/* Four outputs to memory; the last one of a row may be cut to `count`. */
static inline void cardc_put_word(uint8_t *to, uint32_t word) { CARDC_MEMCPY(to, &word, sizeof word); }
static inline void cardc_put_part(uint8_t *to, uint32_t word, uint32_t count) {
  CARDC_NO_UNROLL for (; count > 0; count--, word >>= 8) { *to++ = (uint8_t)word; }
}

/* Outputs of four sums in bytes, none above that of 255. Two of them are multiplied at once: no product leaves its half. */
static inline uint32_t cardc_line_of_bytes(uint32_t w, uint32_t low, uint32_t m, uint32_t c, uint32_t mask,
                                           uint32_t shift) {
  uint32_t even, odd;
  w = cardc_sub_bytes(w, low);
  even = cardc_even(w) * m + c;
  odd = cardc_odd(w) * m + c;
  return ((odd & mask) | (even & mask) >> 8) >> shift;
}

/* Outputs of four sums in halves, pixels 0 and 2, 1 and 3. `room` is 255 - top in all bytes. */
static inline uint32_t cardc_line_of_halves(uint32_t even, uint32_t odd, int32_t m, int32_t c, uint32_t room) {
  const uint32_t a = cardc_join_tops((uint32_t)cardc_line_low(m, even, c), (uint32_t)cardc_line_high(m, even, c));
  const uint32_t b = cardc_join_tops((uint32_t)cardc_line_low(m, odd, c), (uint32_t)cardc_line_high(m, odd, c));
  return cardc_add_bytes4(cardc_clip_halves(a) | cardc_clip_halves(b) << 8, room) - room;
}

#endif
