/* Sums of products of three weights and three pixels (cardc_conv_long.h). */
#ifndef CARDC_LONG_SUMS_H
#define CARDC_LONG_SUMS_H

#include "cardc_assembly.h"

#define CARDC_LONG_SHIFT 12
#define CARDC_LONG_ONES 0x1001001u /* 1 in each of three lanes */

/* One output channel at work on a band of rows. Where pointers have 32 bits, each member has: assembly reads them by place.
 * A term is a word of weights; the pixels that it meets lie `step` words behind those of the term before. */
typedef struct cardc_long_job {
  const uint32_t *copies;
  const uint32_t *terms;
  uint16_t *sums;               /* rows of `width`, one behind the other; up to 5 behind the last are written */
  uint32_t bias_low, bias_high; /* what lanes are higher than sums, in each of the three lowest lanes */
  uint32_t rows, width;
  uint32_t lead;                /* lanes in front of the first sum of a row */
  uint32_t down;                /* words between rows of outputs */
  uint32_t count;               /* of terms */
  uint32_t segments;            /* of six lanes, of a row */
  uint32_t step;
  const uint32_t *steps;        /* or one for each term, from the first to the second on; NULL: all are `step` */
} cardc_long_job;

#if CARDC_ASSEMBLY && defined(__thumb2__)
#define CARDC_LONG_ASSEMBLY 1
/* On the stack: 0 bias (twice 32 bits), 8 lanes to leave out, 12 bytes from row to row of sums and 16 of words, 20 terms,
 * 24 words and 28 sums of the row, 32 segments left, 36 rows left, 40 lead, 44 segments, 48 steps.
 * r8, r9 and r10, r11 are the sums, r12 where they go, lr the words. Begins with r0 segments, r3 terms, r5 the step in bytes, r6
 * the end of terms, r7 rows; leaves r7. */
#define CARDC_LONG_BEGIN                                                                                            \
  ".syntax unified\n"                                                                                               \
  "push {r4-r11, lr}\n sub sp, #52\n ldrd r1, r2, [r0, #12]\n strd r1, r2, [sp]\n ldrd r2, r3, [r0, #24]\n"          \
  "str r3, [sp, #8]\n str r3, [sp, #40]\n lsl r2, #1\n str r2, [sp, #12]\n ldr r12, [r0, #8]\n"                    \
  "sub r12, r12, r3, lsl #1\n ldr r2, [r0, #32]\n lsl r2, #2\n ldr r3, [r0, #4]\n strd r2, r3, [sp, #16]\n"        \
  "ldrd r5, r4, [r0, #44]\n lsl r5, #2\n str r4, [sp, #48]\n ldrd r6, r4, [r0, #36]\n str r4, [sp, #44]\n"         \
  "add r6, r3, r6, lsl #2\n ldr r7, [r0, #20]\n ldr lr, [r0]\n mov r0, r4\n"
#define CARDC_LONG_END "add sp, #52\n pop {r4-r11, pc}\n"
#define CARDC_LONG_START "ldrd r8, r9, [sp]\n ldrd r10, r11, [sp]\n"
#define CARDC_LONG_ADD(U0, U1, W) "smlal r8, r9, " U0 ", " W "\n smlal r10, r11, " U1 ", " W "\n"
#define CARDC_LONG_STORE                                                                                            \
  "adds r10, r10, r9, asr #4\n adc r11, r11, r9, asr #31\n ldr r0, [sp, #8]\n cmp r0, #1\n"                        \
  "ubfx r2, r8, #0, #12\n ubfx r3, r8, #12, #12\n it lo\n strhlo r2, [r12]\n it ls\n strhls r3, [r12, #2]\n"       \
  "lsr r2, r8, #24\n bfi r2, r9, #8, #4\n strh r2, [r12, #4]\n ubfx r3, r10, #0, #12\n strh r3, [r12, #6]\n"       \
  "ubfx r2, r10, #12, #12\n strh r2, [r12, #8]\n lsr r3, r10, #24\n bfi r3, r11, #8, #4\n strh r3, [r12, #10]\n"
#define CARDC_LONG_NEXT "ldrd r2, r3, [sp, #12]\n add r12, r2\n add lr, r3\n subs r7, #1\n bne 1b\n"
/* Rows of one segment, and of several: BODY adds the terms of one. */
#define CARDC_LONG_ROWS(BODY)                                                                                       \
  "cmp r0, #1\n bne 3f\n"                                                                                           \
  "1:\n" CARDC_LONG_START BODY CARDC_LONG_STORE CARDC_LONG_NEXT                                                      \
  "b 5f\n 3:\n"                                                                                                     \
  "1:\n strd lr, r12, [sp, #24]\n ldrd r2, r3, [sp, #40]\n str r2, [sp, #8]\n str r3, [sp, #32]\n movs r3, #0\n"    \
  "4:\n" CARDC_LONG_START "adds r8, r8, r3\n adc r9, r9, r3, asr #31\n" BODY CARDC_LONG_STORE                       \
  "asr r3, r11, #4\n add lr, #8\n add r12, #12\n movs r0, #0\n str r0, [sp, #8]\n"                                 \
  "ldr r0, [sp, #32]\n subs r0, #1\n str r0, [sp, #32]\n bne 4b\n ldrd lr, r12, [sp, #24]\n" CARDC_LONG_NEXT       \
  "5:\n"
#define CARDC_LONG_FUNCTION(NAME, TEXT) \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_long_job *j) { __asm__ volatile(CARDC_LONG_BEGIN TEXT CARDC_LONG_END); }

/* Three terms of one step: they stay in r4-r6. */
#define CARDC_LONG_THREE                                                                        \
  "ldrd r2, r3, [lr]\n add r0, lr, r1\n" CARDC_LONG_ADD("r2", "r3", "r4")                       \
  "ldrd r2, r3, [r0]\n add r0, r1\n" CARDC_LONG_ADD("r2", "r3", "r5")                           \
  "ldrd r2, r3, [r0]\n" CARDC_LONG_ADD("r2", "r3", "r6")
CARDC_LONG_FUNCTION(cardc_long_three, "mov r1, r5\n ldm r3, {r4-r6}\n" CARDC_LONG_ROWS(CARDC_LONG_THREE))
/* Terms of one step. */
#define CARDC_LONG_EVEN                                                                         \
  "mov r0, lr\n ldr r1, [sp, #20]\n"                                                            \
  "2:\n ldr r4, [r1], #4\n ldrd r2, r3, [r0]\n add r0, r5\n" CARDC_LONG_ADD("r2", "r3", "r4") "cmp r1, r6\n bne 2b\n"
CARDC_LONG_FUNCTION(cardc_long_even, CARDC_LONG_ROWS(CARDC_LONG_EVEN))
/* Terms with a step each. */
#define CARDC_LONG_EACH                                                                         \
  "mov r0, lr\n ldr r1, [sp, #20]\n ldr r5, [sp, #48]\n"                                        \
  "2:\n ldr r4, [r1], #4\n ldrd r2, r3, [r0]\n" CARDC_LONG_ADD("r2", "r3", "r4")               \
  "ldr r4, [r5], #4\n add r0, r0, r4, lsl #2\n cmp r1, r6\n bne 2b\n"
CARDC_LONG_FUNCTION(cardc_long_each, CARDC_LONG_ROWS(CARDC_LONG_EACH))
/* Rows of one segment, an even number of terms, of which all words lie one behind the other: two at a time. */
CARDC_LONG_FUNCTION(cardc_long_dense,
                    "strd lr, r7, [sp, #32]\n mov lr, r6\n"
                    "1:\n" CARDC_LONG_START "ldr r1, [sp, #20]\n ldr r0, [sp, #32]\n"
                    "2:\n ldmia r0!, {r2-r5}\n ldrd r6, r7, [r1], #8\n" CARDC_LONG_ADD("r2", "r3", "r6")
                    CARDC_LONG_ADD("r4", "r5", "r7") "cmp r1, lr\n bne 2b\n" CARDC_LONG_STORE
                    "ldrd r2, r3, [sp, #12]\n add r12, r2\n ldrd r0, r1, [sp, #32]\n add r0, r3\n subs r1, #1\n"
                    "strd r0, r1, [sp, #32]\n bne 1b\n")

static inline void cardc_long_sums(const cardc_long_job *job) {
  if (job->steps) {
    cardc_long_each(job);
  } else if (job->count == 3) {
    cardc_long_three(job);
  } else if (job->step == 2 && job->segments == 1 && job->count % 2 == 0) {
    cardc_long_dense(job);
  } else {
    cardc_long_even(job);
  }
}
#else
#define CARDC_LONG(SUM, A, W) SUM += (int64_t)(int32_t)(A) * (int32_t)(W)
#define CARDC_ABOVE(SUM) ((int32_t)((SUM) >> 32) >> 4)

/* The three lowest lanes, those from `lead` on. */
static inline void cardc_put_three(uint16_t *to, int64_t sum, uint32_t lead) {
  const uint32_t low = (uint32_t)sum, high = (uint32_t)((uint64_t)sum >> 32);
  if (lead == 0) {
    to[0] = (uint16_t)(low & 0xfffu);
  }
  if (lead <= 1) {
    to[1] = (uint16_t)((low >> 12) & 0xfffu);
  }
  to[2] = (uint16_t)(low >> 24 | (high & 15u) << 8);
}

/* Six lanes at a time. What is written behind a row, the next one overwrites. */
static CARDC_NOINLINE void cardc_long_sums(const cardc_long_job *j) {
  const int64_t bias = (int64_t)((uint64_t)j->bias_high << 32 | j->bias_low);
  const uint32_t *const terms = j->terms, *const steps = j->steps;
  const uint32_t count = j->count, step = j->step;
  uint32_t y, i, left, lead;
  CARDC_NO_UNROLL for (y = 0; y < j->rows; y++) {
    const uint32_t *from = j->copies + y * j->down;
    uint16_t *to = j->sums + y * j->width - j->lead;
    int32_t carry = 0;
    lead = j->lead;
    CARDC_NO_UNROLL for (left = j->segments; left > 0; left--, from += 2, to += 6, lead = 0) {
      const uint32_t *p = from;
      int64_t s0 = bias + carry, s1 = bias;
      CARDC_NO_UNROLL for (i = 0; i < count; i++) {
        CARDC_LONG(s0, p[0], terms[i]);
        CARDC_LONG(s1, p[1], terms[i]);
        p += i + 1 == count ? 0 : (int32_t)(steps ? steps[i] : step);
      }
      s1 += CARDC_ABOVE(s0);
      cardc_put_three(to, s0, lead);
      cardc_put_three(to + 3, s1, 0);
      carry = CARDC_ABOVE(s1);
    }
  }
}
#endif

#endif
