/* cardc runtime: how tensors lie in memory, and what turns a kernel's sums into the next tensor.
 *
 * Stored bytes. An activation of at most 256 levels is one byte u = (x - lo) / step, 0 .. levels - 1, where x is the
 * integer that the graph speaks of. Element (c, y, x) lies at base + c * plane + y * row + x. Around the interior may lie a
 * border that holds the byte of the real zero (-lo / step), for a padded convolution to read. A tensor whose range has
 * no zero but that is padded (bipolar) is stored with step 1: bytes 0 and 2, border 1.
 *
 * Sums. A kernel computes S = sum of w * u over stored bytes (or the kernel's own form of it, said beside the kernel).
 * The accumulator of the graph is gain * S + offset[channel]; both are folded into the numbers of `cardc_finish` by
 * cardc.passes.encodings.fold, so that no kernel spends an instruction on them.
 *
 * Alignment. Storage begins on a 4-byte boundary; `plane` and `row` of every byte tensor that a lane-packed kernel reads
 * are multiples of 4; CARDC_SLACK bytes behind the storage may be read (never used, never written).
 */
#ifndef CARDC_TYPES_H
#define CARDC_TYPES_H

#include <stdint.h>
#include <string.h>

/* Qualifies constants. On AVR, which does not see its flash as memory, they stay there (GNU C, not C++ or -std=c99, which
 * copy them to RAM); elsewhere it is nothing. */
#if defined(__FLASH) && !defined(__STRICT_ANSI__)
#define CARDC_ROM __flash
#else
#define CARDC_ROM
#endif

/* 1 where a 4-byte load from any address is one instruction (or, on AVR, four of one byte). Never assumed: it faults on
 * Cortex-M0 and M0+. */
#ifndef CARDC_UNALIGNED
#if defined(__AVR__) || defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__i386__) || \
    defined(__riscv_misaligned_fast)
#define CARDC_UNALIGNED 1
#else
#define CARDC_UNALIGNED 0
#endif
#endif

/* 1 on cores whose parts have some ten kilobytes of flash: loops are not written out once for each case. */
#if defined(__AVR__) || defined(__riscv_e) || defined(__riscv_32e)
#define CARDC_SMALL 1
#else
#define CARDC_SMALL 0
#endif

/* 0 where a multiplication is a loop that turns once for each digit of its first factor, 32 times where that is negative. */
#if defined(__riscv) && !defined(__riscv_mul) && !defined(__riscv_zmmul)
#define CARDC_MULTIPLIES 0
#else
#define CARDC_MULTIPLIES 1
#endif

/* A copy of constant size that becomes loads and stores, also under -ffreestanding, where memcpy is a call. */
#if defined(__GNUC__)
#define CARDC_MEMCPY __builtin_memcpy
#else
#define CARDC_MEMCPY memcpy
#endif

/* Before a loop whose body is unrolled by hand, or that is short in most cases: unrolling more only costs. */
#if __GNUC__ >= 8 || defined(__clang__)
#define CARDC_NO_UNROLL _Pragma("GCC unroll 1")
#else
#define CARDC_NO_UNROLL
#endif

/* Makes the compiler finish with x here: it neither starts later loads earlier (it would run out of registers) nor
 * computes the same address twice. No instruction. (Not on AVR, where a word takes four registers: gcc 5 runs out of them
 * and spills wrongly.) */
#if defined(__GNUC__) && !defined(__AVR__)
#define CARDC_PIN(X) __asm__ volatile("" : "+r"(X))
#else
#define CARDC_PIN(X)
#endif

/* Before a function whose loops need every register: within its caller it would find none. */
#if defined(__GNUC__)
#define CARDC_NOINLINE __attribute__((noinline))
#else
#define CARDC_NOINLINE
#endif

#define CARDC_SLACK 16

/* The byte `value` four times; of what is no byte, value * 0x01010101. */
static inline uint32_t cardc_four(uint32_t value) {
#if CARDC_MULTIPLIES
  return value * 0x01010101u;
#else
  value += value << 8;
  CARDC_PIN(value); /* or a compiler finds out that this is a multiplication */
  return value + (value << 16);
#endif
}

#ifdef __cplusplus
extern "C" {
#endif

/* Where the elements of a [channels, height, width] tensor lie; strides in elements. A vector of n is {n, 1, 1, 1, 1}. */
typedef struct cardc_map {
  uint16_t channels, height, width;
  uint32_t plane, row;
} cardc_map;

enum { CARDC_AFFINE = 0, CARDC_THRESHOLD = 1, CARDC_REQUANTIZE = 2 }; /* cardc_finish.kind */
enum { CARDC_U8 = 0, CARDC_I16 = 1, CARDC_I32 = 2 };                  /* cardc_finish.out  */

/* What becomes of the sum S of channel c:
 *   CARDC_AFFINE      y = S * m[c] + b[c]                                          (raw sums: m[c] = 1, b[c] = 0)
 *   CARDC_THRESHOLD   n = how many of the `levels` thresholds of channel c, ascending, are <= S;
 *                     y = base + step * n, or base + step * (levels - n) where falling[c] is not 0
 *   CARDC_REQUANTIZE  y = min(max((S * m[c] + b[c]) >> shift, lo), hi)
 * y is stored as `out` says; it fits there, and every intermediate fits int32 (int64 with b64), by the caller's choice.
 * With shared = 1 all channels use the parameters of channel 0 (`falling` too). Exactly one of t16 and t32 is not NULL
 * for CARDC_THRESHOLD (levels >= 1); for CARDC_REQUANTIZE b64, where not NULL, is used in place of b. */
typedef struct cardc_finish {
  uint8_t kind, out, shared, shift;
  uint8_t base, step;
  uint16_t levels;
  int32_t lo, hi;
  const CARDC_ROM int16_t *t16;
  const CARDC_ROM int32_t *t32;
  const CARDC_ROM uint8_t *falling; /* NULL: none */
  const CARDC_ROM int32_t *m;
  const CARDC_ROM int32_t *b;
  const CARDC_ROM int64_t *b64;
} cardc_finish;

#ifdef __cplusplus
}
#endif

#endif
