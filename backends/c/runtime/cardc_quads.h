/* Four words at once on cores with MVE (Helium). Operations that C has for vectors are written so; the others are
 * instructions by name, since the header with the intrinsics is not there in every freestanding toolchain. */
#ifndef CARDC_QUADS_H
#define CARDC_QUADS_H

#include "cardc_assembly.h"

#if CARDC_MVE
typedef int32_t cardc_quad __attribute__((vector_size(16), aligned(4), may_alias));
/* In registers; no vector is handed to a function that is not inlined: soft-float calls have no place for it. */
#define CARDC_QUAD_INLINE static inline __attribute__((always_inline))

#define CARDC_QUAD1(NAME, TEXT)                               \
  CARDC_QUAD_INLINE cardc_quad NAME(cardc_quad a) {           \
    cardc_quad d;                                             \
    __asm__(TEXT : "=w"(d) : "w"(a));                         \
    return d;                                                 \
  }
#define CARDC_QUAD2(NAME, TEXT)                               \
  CARDC_QUAD_INLINE cardc_quad NAME(cardc_quad a, cardc_quad b) { \
    cardc_quad d;                                             \
    __asm__(TEXT : "=w"(d) : "w"(a), "w"(b));                 \
    return d;                                                 \
  }
/* Of halves, each word's low (b) and high ones (t): products, and 2^14 times. */
CARDC_QUAD2(cardc_mul_low, "vmullb.s16 %q0, %q1, %q2")
CARDC_QUAD2(cardc_mul_high, "vmullt.s16 %q0, %q1, %q2")
CARDC_QUAD1(cardc_low_q14, "vshllb.s16 %q0, %q1, #14")
CARDC_QUAD1(cardc_high_q14, "vshllt.s16 %q0, %q1, #14")
CARDC_QUAD1(cardc_low_half, "vmovlb.s16 %q0, %q1")
CARDC_QUAD1(cardc_high_half, "vmovlt.s16 %q0, %q1")
CARDC_QUAD1(cardc_swap_halves, "vrev32.16 %q0, %q1")
/* Halves alike: sums, differences, (a - b) >> 1, (a + b) >> 1, a + ib, a - ib. */
CARDC_QUAD2(cardc_add_halves, "vadd.i16 %q0, %q1, %q2")
CARDC_QUAD2(cardc_sub_halves, "vsub.i16 %q0, %q1, %q2")
CARDC_QUAD2(cardc_half_difference, "vhsub.s16 %q0, %q1, %q2")
CARDC_QUAD2(cardc_half_sum, "vhadd.s16 %q0, %q1, %q2")
#define CARDC_QUAD_TURNED(NAME, ANGLE)                                              \
  CARDC_QUAD_INLINE cardc_quad NAME(cardc_quad a, cardc_quad b) {                   \
    cardc_quad d;                                                                   \
    __asm__("vcadd.i16 %q0, %q1, %q2, #" ANGLE : "=&w"(d) : "w"(a), "w"(b));        \
    return d;                                                                       \
  }
CARDC_QUAD_TURNED(cardc_add_i, "90")
CARDC_QUAD_TURNED(cardc_sub_i, "270")
CARDC_QUAD1(cardc_leading_zeros, "vclz.i32 %q0, %q1")
CARDC_QUAD1(cardc_shift_right27, "vshr.u32 %q0, %q1, #27")
CARDC_QUAD1(cardc_shift_right20, "vshr.u32 %q0, %q1, #20")
CARDC_QUAD2(cardc_shift_left, "vshl.u32 %q0, %q1, %q2")

/* Words of the high halves of two numbers each: re's low, im's high. */
CARDC_QUAD_INLINE cardc_quad cardc_join_high(cardc_quad re, cardc_quad im) {
  cardc_quad d;
  __asm__("vshrnb.i32 %q0, %q1, #16\n\tvshrnt.i32 %q0, %q2, #16" : "=&w"(d) : "w"(re), "w"(im));
  return d;
}

/* Words and halves (unsigned), bytes (unsigned) at `base` and behind: one after the other, or at offsets in bytes. */
CARDC_QUAD_INLINE cardc_quad cardc_quad_at(const uint32_t *at) { return *(const cardc_quad *)(const void *)at; }
CARDC_QUAD_INLINE void cardc_put_quad(uint32_t *at, cardc_quad value) { *(cardc_quad *)(void *)at = value; }
CARDC_QUAD_INLINE cardc_quad cardc_bytes_at(const uint8_t *at) {
  cardc_quad d;
  __asm__ volatile("vldrb.u32 %q0, [%1]" : "=w"(d) : "l"(at) : "memory");
  return d;
}
CARDC_QUAD_INLINE cardc_quad cardc_gather(const uint32_t *base, cardc_quad offsets) {
  cardc_quad d;
  __asm__ volatile("vldrw.u32 %q0, [%1, %q2]" : "=&w"(d) : "r"(base), "w"(offsets) : "memory");
  return d;
}
CARDC_QUAD_INLINE cardc_quad cardc_gather_halves(const uint16_t *base, cardc_quad offsets) {
  cardc_quad d;
  __asm__ volatile("vldrh.u32 %q0, [%1, %q2]" : "=&w"(d) : "r"(base), "w"(offsets) : "memory");
  return d;
}
CARDC_QUAD_INLINE void cardc_scatter(uint32_t *base, cardc_quad offsets, cardc_quad value) {
  __asm__ volatile("vstrw.32 %q2, [%0, %q1]" : : "r"(base), "w"(offsets), "w"(value) : "memory");
}
/* The low halves, one after the other. */
CARDC_QUAD_INLINE void cardc_put_halves(int16_t *at, cardc_quad value) {
  __asm__ volatile("vstrh.32 %q1, [%0]" : : "l"(at), "w"(value) : "memory");
}
/* Not 0 where any word is not. */
CARDC_QUAD_INLINE uint32_t cardc_any(cardc_quad a) {
  uint32_t most = 0;
  __asm__("vmaxv.u32 %0, %q1" : "+r"(most) : "w"(a));
  return most;
}
/* 0, step, 2 step, 3 step. */
CARDC_QUAD_INLINE cardc_quad cardc_count_by(uint32_t step) {
  const cardc_quad one = {0, 1, 2, 3};
  return one * (int32_t)step;
}
#endif

#endif
