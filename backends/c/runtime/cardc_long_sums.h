/* Sums of products of three weights and three pixels (cardc_conv_long.h). */
#ifndef CARDC_LONG_SUMS_H
#define CARDC_LONG_SUMS_H

#include "cardc_assembly.h"

#define CARDC_LONG_SHIFT 12
#define CARDC_LONG_ONES 0x1001001u /* 1 in each of three lanes */

/* One output channel at work on a band of rows, 32 bits each member where pointers have as many: assembly reads them by
 * place. A row of `terms` meets `outer` times `inner` rows of words. Strides are in words. */
typedef struct cardc_long_job {
  const uint32_t *copies;
  const uint32_t *terms;
  uint16_t *sums;               /* rows of `width`, one behind the other; up to 5 behind the last are written */
  uint32_t bias_low, bias_high; /* what lanes are higher than sums, in each of the three lowest lanes */
  uint32_t rows, width;
  uint32_t lead;                /* lanes in front of the first sum of a row */
  uint32_t down, step, jump;    /* between rows of outputs, from row to row of words, behind `inner` of these */
  uint32_t count;               /* words of weights */
  uint32_t outer, inner, phases, chunks, blocks;
} cardc_long_job;

#if CARDC_ASSEMBLY && defined(__thumb2__)
#define CARDC_LONG_ASSEMBLY 1
/* Rows of at most six lanes. On the stack: bias (twice 32 bits), lead, bytes from row to row of sums and of words, weights,
 * words of the row, rows left. r8, r9 and r10, r11 are the sums, r12 where they go. */
#define CARDC_LONG_BEGIN                                                                                       \
  ".syntax unified\n"                                                                                          \
  "push {r4-r11, lr}\n sub sp, #32\n ldrd r1, r2, [r0, #12]\n strd r1, r2, [sp]\n"                             \
  "ldrd r2, r3, [r0, #24]\n lsl r2, #1\n strd r3, r2, [sp, #8]\n ldr r12, [r0, #8]\n"                          \
  "sub r12, r12, r3, lsl #1\n ldrd r2, r5, [r0, #32]\n lsl r2, #2\n lsl r5, #2\n ldr r3, [r0, #4]\n"           \
  "strd r2, r3, [sp, #16]\n ldr r6, [r0, #44]\n add r6, r3, r6, lsl #2\n ldr r7, [r0, #20]\n ldr lr, [r0]\n"
#define CARDC_LONG_START "ldrd r8, r9, [sp]\n ldrd r10, r11, [sp]\n"
#define CARDC_LONG_ADD(U0, U1, W) "smlal r8, r9, " U0 ", " W "\n smlal r10, r11, " U1 ", " W "\n"
#define CARDC_LONG_STORE                                                                                       \
  "adds r10, r10, r9, asr #4\n adc r11, r11, r9, asr #31\n ldr r0, [sp, #8]\n cmp r0, #1\n"                   \
  "ubfx r2, r8, #0, #12\n ubfx r3, r8, #12, #12\n it lo\n strhlo r2, [r12]\n it ls\n strhls r3, [r12, #2]\n"  \
  "lsr r2, r8, #24\n bfi r2, r9, #8, #4\n strh r2, [r12, #4]\n ubfx r3, r10, #0, #12\n strh r3, [r12, #6]\n"  \
  "ubfx r2, r10, #12, #12\n strh r2, [r12, #8]\n lsr r3, r10, #24\n bfi r3, r11, #8, #4\n strh r3, [r12, #10]\n" \
  "ldrd r2, r3, [sp, #12]\n add r12, r2\n"
#define CARDC_LONG_END "add sp, #32\n pop {r4-r11, pc}\n"
#define CARDC_LONG_FUNCTION(NAME, TEXT) \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_long_job *j) { __asm__ volatile(CARDC_LONG_BEGIN TEXT CARDC_LONG_END); }

/* Three rows of words: their weights stay in r4-r6. */
CARDC_LONG_FUNCTION(cardc_long_three,
                    "mov r1, r5\n ldm r3, {r4-r6}\n"
                    "1:\n" CARDC_LONG_START "ldrd r2, r3, [lr]\n add r0, lr, r1\n" CARDC_LONG_ADD("r2", "r3", "r4")
                    "ldrd r2, r3, [r0]\n add r0, r1\n" CARDC_LONG_ADD("r2", "r3", "r5")
                    "ldrd r2, r3, [r0]\n" CARDC_LONG_ADD("r2", "r3", "r6")
                    CARDC_LONG_STORE "add lr, r3\n subs r7, #1\n bne 1b\n")
/* One word of weights for each. */
CARDC_LONG_FUNCTION(cardc_long_one,
                    "1:\n" CARDC_LONG_START "mov r0, lr\n ldr r1, [sp, #20]\n"
                    "2:\n ldr r4, [r1], #4\n ldrd r2, r3, [r0]\n add r0, r5\n" CARDC_LONG_ADD("r2", "r3", "r4")
                    "cmp r1, r6\n bne 2b\n"
                    CARDC_LONG_STORE "add lr, r3\n subs r7, #1\n bne 1b\n")
/* Two phases of two words each, one word of weights for either. */
CARDC_LONG_FUNCTION(cardc_long_two,
                    "strd lr, r7, [sp, #24]\n mov lr, r6\n"
                    "1:\n" CARDC_LONG_START "ldrd r1, r0, [sp, #20]\n"
                    "2:\n ldmia r0!, {r2-r5}\n ldrd r6, r7, [r1], #8\n" CARDC_LONG_ADD("r2", "r3", "r6")
                    CARDC_LONG_ADD("r4", "r5", "r7") "cmp r1, lr\n bne 2b\n"
                    CARDC_LONG_STORE "ldrd r0, r1, [sp, #24]\n add r0, r3\n subs r1, #1\n strd r0, r1, [sp, #24]\n bne 1b\n")
#else
#define CARDC_LONG_ASSEMBLY 0
#endif

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

/* Any rows: six lanes at a time. What is written behind a row, the next one overwrites. */
static CARDC_NOINLINE void cardc_long_any(const cardc_long_job *j) {
  const uint32_t phases = j->phases, chunks = j->chunks, blocks = j->blocks, step = j->step;
  const int64_t bias = (int64_t)((uint64_t)j->bias_high << 32 | j->bias_low);
  uint32_t y, c, i, phase, chunk, left, lead;
  CARDC_NO_UNROLL for (y = 0; y < j->rows; y++) {
    const uint32_t *from = j->copies + y * j->down;
    uint16_t *to = j->sums + y * j->width - j->lead;
    int32_t carry = 0;
    lead = j->lead;
    CARDC_NO_UNROLL for (left = j->width + lead; left > 0; from += 2, left -= left < 6 ? left : 6, to += 6, lead = 0) {
      const uint32_t *p = from, *w = j->terms;
      int64_t s0 = bias + carry, s1 = bias;
      CARDC_NO_UNROLL for (c = j->outer; c > 0; c--, p += j->jump) {
        CARDC_NO_UNROLL for (i = j->inner; i > 0; i--, p += step) {
          const uint32_t *at = p;
          CARDC_NO_UNROLL for (phase = phases; phase > 0; phase--, at += blocks) {
            CARDC_NO_UNROLL for (chunk = 0; chunk < chunks; chunk++, w++) {
              CARDC_LONG(s0, at[chunk], *w);
              CARDC_LONG(s1, at[chunk + 1], *w);
            }
          }
        }
      }
      s1 += CARDC_ABOVE(s0);
      cardc_put_three(to, s0, lead);
      cardc_put_three(to + 3, s1, 0);
      carry = CARDC_ABOVE(s1);
    }
  }
}

static inline void cardc_long_sums(const cardc_long_job *job) {
#if CARDC_LONG_ASSEMBLY
  if (job->outer == 1 && job->chunks == 1 && job->width + job->lead <= 6) {
    if (job->phases == 1 && job->inner == 3) {
      cardc_long_three(job);
      return;
    }
    if (job->phases == 1) {
      cardc_long_one(job);
      return;
    }
    if (job->phases == 2 && job->step == 4) {
      cardc_long_two(job);
      return;
    }
  }
#endif
  cardc_long_any(job);
}

#endif
