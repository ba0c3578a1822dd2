/* Sums in bytes of words, for cores that load words only from multiples of 4 or have no instructions that add halves of
 * one word to bytes of another. See cardc_rice_sums.h. */
#ifndef CARDC_RICE_BYTES_H
#define CARDC_RICE_BYTES_H

#include "cardc_assembly.h"
#include "cardc_rice_sums.h"

#define CARDC_RICE_ROOM 0xffu

#if CARDC_ASSEMBLY && !defined(__thumb2__)
/* Thumb-1 has eight registers that it shifts, but adds to any: 22 instructions a tap, or 10 where words are aligned.
 * r0 tap, r1 right, r2 base, r3 left, r4 address, r5-r7 data, r8, r9 sums, r10 end, r11 taps while -1 is at work; on the
 * stack out, init. */
CARDC_NAKED void cardc_rice_eight(CARDC_UNUSED const cardc_rice_taps *taps, CARDC_UNUSED const uint8_t *base,
                                  CARDC_UNUSED uint32_t *out, CARDC_UNUSED uint32_t init) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r2-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
      "mov r11, r0\n mov r2, r1\n ldr r1, [r0, #12]\n ldr r0, [r0, #4]\n"
      "lsls r1, r1, #1\n adds r1, r1, r0\n mov r10, r1\n movs r4, #0\n mov r8, r4\n mov r9, r4\n b 3f\n"
      "1:\n ldrh r4, [r0]\n adds r0, #2\n adds r4, r4, r2\n lsls r1, r4, #30\n beq 2f\n"
      "lsrs r1, r1, #27\n movs r3, #32\n subs r3, r3, r1\n lsrs r4, r4, #2\n lsls r4, r4, #2\n"
      "ldmia r4!, {r5-r7}\n lsrs r5, r1\n add r8, r5\n mov r4, r6\n lsls r4, r3\n add r8, r4\n"
      "lsrs r6, r1\n add r9, r6\n lsls r7, r3\n add r9, r7\n cmp r0, r10\n bne 1b\n b 4f\n"
      "2:\n ldmia r4!, {r5, r6}\n add r8, r5\n add r9, r6\n"
      "3:\n cmp r0, r10\n bne 1b\n"
      "4:\n mov r1, r11\n cmp r1, #0\n beq 5f\n movs r4, #0\n mov r11, r4\n"
      "ldr r3, [sp, #20]\n mov r4, r8\n subs r4, r3, r4\n mov r8, r4\n mov r4, r9\n subs r4, r3, r4\n mov r9, r4\n"
      "ldr r0, [r1]\n ldr r1, [r1, #8]\n lsls r1, r1, #1\n adds r1, r1, r0\n mov r10, r1\n b 3b\n"
      "5:\n mov r0, r8\n mov r1, r9\n ldr r3, [sp, #16]\n stmia r3!, {r0, r1}\n"
      "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r2-r7, pc}\n");
}
#else
#define CARDC_RICE_TAPS(TAP, COUNT)                                                               \
  CARDC_NO_UNROLL for (tap = (TAP), end = tap + (COUNT); tap != end;) {                           \
    const uintptr_t p = (uintptr_t)(base + *tap++);                                               \
    const uint32_t *w = (const uint32_t *)(p >> 2 << 2), right = (uint32_t)p << 30 >> 27;         \
    if (right != 0) {                                                                             \
      const uint32_t middle = w[1], left = 32 - right;                                            \
      high += w[2] << left | middle >> right;                                                     \
      low += w[0] >> right | middle << left;                                                      \
    } else {                                                                                      \
      low += w[0], high += w[1];                                                                  \
    }                                                                                             \
  }

/* out[0], out[1] = init - minus taps + plus taps, of 8 bytes from `base` on, four to a word. */
static CARDC_NOINLINE void cardc_rice_eight(const cardc_rice_taps *taps, const uint8_t *base, uint32_t *out, uint32_t init) {
  const uint16_t *tap, *end;
  uint32_t low = 0, high = 0;
  CARDC_RICE_TAPS(taps->minus, taps->n_minus)
  low = init - low, high = init - high;
  CARDC_RICE_TAPS(taps->plus, taps->n_plus)
  out[0] = low, out[1] = high;
}
#endif

/* Adds to sums[0 .. 8) for at most `room` taps. */
static CARDC_NOINLINE void cardc_rice_few(const cardc_rice_taps *taps, const uint8_t *base, int32_t *sums) {
  uint32_t words[2], k;
  cardc_rice_eight(taps, base, words, cardc_four(taps->n_minus * taps->max_u));
  CARDC_NO_UNROLL for (k = 0; k < 2; k++, sums += 4) {
    const uint32_t word = words[k];
    sums[0] += (int32_t)(word & 0xff), sums[1] += (int32_t)(word >> 8 & 0xff);
    sums[2] += (int32_t)(word >> 16 & 0xff), sums[3] += (int32_t)(word >> 24);
  }
}

/* sums[0 .. 8) = max_u * minus taps - minus taps + plus taps, of the bytes from `base` on, sums[8 .. 16) of those that
 * are `apart` from them. */
static CARDC_NOINLINE void cardc_rice_sums(const cardc_rice_taps *taps, const uint8_t *base, uint32_t apart,
                                           int32_t *sums) {
  cardc_rice_taps some = *taps;
  uint32_t minus = taps->n_minus, plus = taps->n_plus, k;
  CARDC_NO_UNROLL for (k = 0; k < 16; k++) { sums[k] = 0; }
  do {
    some.n_minus = minus < some.room ? minus : some.room;
    some.n_plus = plus < some.room - some.n_minus ? plus : some.room - some.n_minus;
    minus -= some.n_minus, plus -= some.n_plus;
    cardc_rice_few(&some, base, sums);
    if (apart) {
      cardc_rice_few(&some, base + apart, sums + 8);
    }
    some.plus += some.n_plus, some.minus += some.n_minus;
  } while (plus + minus > 0);
}

#endif
