/* Sums of taps over memory without gaps: what cardc_conv_runs is made of.
 *
 * A tile is 8 words that lie one behind the other. A tap adds (or subtracts) the tile that begins `offset` bytes from the
 * base. The list of a chunk of taps is made of steps, so that the sign of the running offset says where a run ends: the
 * steps to all minus taps, END, the steps to all plus taps, END. A tile moves the offset on by its own size.
 */
#ifndef CARDC_RUNS_H
#define CARDC_RUNS_H

#include "cardc_assembly.h"
#include "cardc_line.h"

#define CARDC_TILE_BYTES 32u
#define CARDC_RUN_END 0x80000000u

/* Appends the steps to `count` offsets. `*at` is the running offset. */
static CARDC_NOINLINE uint32_t *cardc_put_steps(uint32_t *list, const CARDC_ROM uint16_t *offsets, uint32_t count,
                                                uint32_t *at) {
  uint32_t now = *at;
  CARDC_NO_UNROLL for (; count > 0; count--) {
    const uint32_t offset = *offsets++;
    *list++ = offset - now;
    now = offset + CARDC_TILE_BYTES;
  }
  *list++ = ~now & CARDC_RUN_END; /* an empty run may begin behind an end */
  *at = now | CARDC_RUN_END;
  return list;
}

#if CARDC_ASSEMBLY
/* Thumb has instructions that load four words at once, which no compiler finds here: loops of 13 instructions a tap, with
 * every register in use.
 *
 * out[0 .. 8 * tiles) = init - minus taps + plus taps; tile k reads 32 * k bytes from base on. The base is below 2^31.
 * r0-r3 data, r4 address, r5 list, r6-r12 and lr sums; on the stack out, list, base, init, nine registers, tiles. */
#if defined(__thumb2__)
#define CARDC_TAKE_TILE(OP)                                          \
  "ldmia r4!, {r0-r3}\n" OP " r6, r6, r0\n" OP " r7, r7, r1\n"       \
  OP " r8, r8, r2\n" OP " r9, r9, r3\n"                              \
  "ldmia r4!, {r0-r3}\n" OP " r10, r10, r0\n" OP " r11, r11, r1\n"   \
  OP " r12, r12, r2\n" OP " lr, lr, r3\n"
#define CARDC_NEXT_TAP "ldr r0, [r5], #4\n adds r4, r4, r0\n"

/* On the stack: init eight times, out, base, list, the end of out. */
#define CARDC_RUN_SUMS(NAME, ADD)                                                                                    \
  CARDC_NAKED void NAME(CARDC_UNUSED uint32_t *out, CARDC_UNUSED const uint32_t *list, CARDC_UNUSED const uint8_t *base,  \
                        CARDC_UNUSED uint32_t init, CARDC_UNUSED uint32_t tiles) {                                   \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r4-r11, lr}\n ldr r4, [sp, #36]\n mov r5, r1\n sub sp, #48\n"                                          \
        "add r6, r0, r4, lsl #5\n strd r5, r6, [sp, #40]\n mov r4, r2\n strd r0, r2, [sp, #32]\n"                     \
        "strd r3, r3, [sp]\n strd r3, r3, [sp, #8]\n strd r3, r3, [sp, #16]\n strd r3, r3, [sp, #24]\n"               \
        "1:\n ldmia sp, {r6-r12, lr}\n" CARDC_NEXT_TAP "bmi 3f\n"                                                   \
        "2:\n" CARDC_TAKE_TILE("sub") CARDC_NEXT_TAP "bpl 2b\n"                                                     \
        "3:\n" CARDC_NEXT_TAP "bmi 5f\n"                                                                            \
        "4:\n" CARDC_TAKE_TILE(ADD) CARDC_NEXT_TAP "bpl 4b\n"                                                       \
        "5:\n ldrd r0, r4, [sp, #32]\n ldrd r5, r1, [sp, #40]\n"                                                    \
        "stmia r0!, {r6-r12, lr}\n adds r4, #32\n strd r0, r4, [sp, #32]\n cmp r0, r1\n bne 1b\n"                    \
        "add sp, #48\n pop {r4-r11, pc}\n");                                                                        \
  }
CARDC_RUN_SUMS(cardc_run_sums, "add")
#if defined(__ARM_FEATURE_SIMD32)
CARDC_RUN_SUMS(cardc_run_sums_clipped, "uqadd8")
#define CARDC_CLIPPED 1
#endif
#else
/* Thumb-1 adds to any register, but subtracts from low ones only: minus taps are added up and subtracted once. */
#define CARDC_TAKE_TILE                                              \
  "ldmia r4!, {r0-r3}\n add r6, r0\n add r7, r1\n add r8, r2\n add r9, r3\n" \
  "ldmia r4!, {r0-r3}\n add r10, r0\n add r11, r1\n add r12, r2\n add lr, r3\n"
#define CARDC_NEXT_TAP "ldmia r5!, {r0}\n adds r4, r4, r0\n"
#define CARDC_TURN(REG) "mov r1, " REG "\n subs r1, r0, r1\n mov " REG ", r1\n"

CARDC_NAKED void cardc_run_sums(CARDC_UNUSED uint32_t *out, CARDC_UNUSED const uint32_t *list,
                                CARDC_UNUSED const uint8_t *base, CARDC_UNUSED uint32_t init,
                                CARDC_UNUSED uint32_t tiles) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n push {r0-r3}\n"
      "1:\n"
      "ldr r5, [sp, #4]\n ldr r4, [sp, #8]\n"
      CARDC_NEXT_TAP "bpl 2f\n"
      "ldr r6, [sp, #12]\n"
      "mov r7, r6\n mov r8, r6\n mov r9, r6\n mov r10, r6\n mov r11, r6\n mov r12, r6\n mov lr, r6\n"
      "b 4f\n"
      "2:\n"
      "movs r6, #0\n"
      "mov r7, r6\n mov r8, r6\n mov r9, r6\n mov r10, r6\n mov r11, r6\n mov r12, r6\n mov lr, r6\n"
      "3:\n" CARDC_TAKE_TILE CARDC_NEXT_TAP "bpl 3b\n"
      "ldr r0, [sp, #12]\n"
      "subs r6, r0, r6\n subs r7, r0, r7\n"
      CARDC_TURN("r8") CARDC_TURN("r9") CARDC_TURN("r10") CARDC_TURN("r11") CARDC_TURN("r12") CARDC_TURN("lr")
      "4:\n" CARDC_NEXT_TAP "bmi 6f\n"
      "5:\n" CARDC_TAKE_TILE CARDC_NEXT_TAP "bpl 5b\n"
      "6:\n"
      "ldr r0, [sp]\n mov r2, r8\n mov r3, r9\n mov r4, r10\n mov r5, r11\n"
      "stmia r0!, {r6, r7}\n stmia r0!, {r2-r5}\n mov r2, r12\n mov r3, lr\n stmia r0!, {r2, r3}\n"
      "ldr r1, [sp, #8]\n ldr r2, [sp, #52]\n"
      "adds r1, #32\n str r0, [sp]\n str r1, [sp, #8]\n"
      "subs r2, #1\n str r2, [sp, #52]\n bne 1b\n"
      "add sp, #16\n pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r4-r7, pc}\n");
}
#endif
#else
#define CARDC_EACH_WORD(OP) \
  a0 OP p[0], a1 OP p[1], a2 OP p[2], a3 OP p[3], a4 OP p[4], a5 OP p[5], a6 OP p[6], a7 OP p[7]

/* out[0 .. 8 * tiles) = init - minus taps + plus taps; tile k reads 32 * k bytes from base on. */
static CARDC_NOINLINE void cardc_run_sums(uint32_t *out, const uint32_t *list, const uint8_t *base, uint32_t init,
                                          uint32_t tiles) {
  CARDC_NO_UNROLL for (; tiles > 0; tiles--, out += 8, base += CARDC_TILE_BYTES) {
    uint32_t a0 = init, a1 = init, a2 = init, a3 = init, a4 = init, a5 = init, a6 = init, a7 = init, at = 0;
    const uint32_t *tap = list;
    CARDC_NO_UNROLL while (at += *tap++, (at & CARDC_RUN_END) == 0) {
      const uint32_t *p = (const uint32_t *)(const void *)(base + at);
      CARDC_EACH_WORD(-=);
      at += CARDC_TILE_BYTES;
    }
    CARDC_NO_UNROLL while (at += *tap++, (at & CARDC_RUN_END) == 0) {
      const uint32_t *p = (const uint32_t *)(const void *)(base + at);
      CARDC_EACH_WORD(+=);
      at += CARDC_TILE_BYTES;
    }
    out[0] = a0, out[1] = a1, out[2] = a2, out[3] = a3, out[4] = a4, out[5] = a5, out[6] = a6, out[7] = a7;
  }
}
#endif

/* The same with bytes that stop at 255 as plus taps are added. */
#ifndef CARDC_CLIPPED
static CARDC_NOINLINE void cardc_run_sums_clipped(uint32_t *out, const uint32_t *list, const uint8_t *base, uint32_t init,
                                                  uint32_t tiles) {
  uint32_t k;
  CARDC_NO_UNROLL for (; tiles > 0; tiles--, base += CARDC_TILE_BYTES) {
    CARDC_NO_UNROLL for (k = 0; k < CARDC_TILE_BYTES; k += 4) {
      const uint32_t *tap = list;
      uint32_t sum = init, at = 0;
      CARDC_NO_UNROLL while (at += *tap++, (at & CARDC_RUN_END) == 0) {
        sum -= *(const uint32_t *)(const void *)(base + at + k);
        at += CARDC_TILE_BYTES;
      }
      CARDC_NO_UNROLL while (at += *tap++, (at & CARDC_RUN_END) == 0) {
        sum = cardc_add_bytes4(sum, *(const uint32_t *)(const void *)(base + at + k));
        at += CARDC_TILE_BYTES;
      }
      *out++ = sum;
    }
  }
}
#endif

#endif
