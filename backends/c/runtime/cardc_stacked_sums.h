/* Sums of products of a weight and a word of pixels (cardc_conv_stacked.h). */
#ifndef CARDC_STACKED_SUMS_H
#define CARDC_STACKED_SUMS_H

#include "cardc_assembly.h"

/* A term is two words: bytes from the place of the term before (the first: from that of the output) to its own, and its
 * weight; or four, the weights of three neighbouring places, which share their pixels where there are registers enough.
 * There is at least one. On cores that do not multiply terms are the digits of weights, those of 2^k first: the places
 * of all that are -1, an end, those of all that are 1, an end; then the digits of 2^(k - 1), and so on. */
#if CARDC_MULTIPLIES
typedef uint32_t cardc_stacked_term;
#else
typedef uint16_t cardc_stacked_term;
#define CARDC_STACKED_END 0xffffu
#endif
#if CARDC_MULTIPLIES && !CARDC_SMALL && (!defined(__thumb__) || defined(__thumb2__))
#define CARDC_STACKED_THREES 1
#else
#define CARDC_STACKED_THREES 0
#endif

/* One output channel at work on a band. Where pointers have 32 bits, each member has: assembly reads them by place. */
typedef struct cardc_stacked_job {
  const uint32_t *from; /* copies */
  const cardc_stacked_term *terms, *end;
  uint32_t *sums;       /* rows, one behind the other */
  uint32_t bias;        /* what each lane begins with */
  uint32_t rows;
  uint32_t down, next;  /* bytes between rows of outputs in the copies, and between rows of sums */
  uint32_t odd;         /* 1 where the number of terms is */
  uint32_t threes;      /* whether terms are of three weights */
} cardc_stacked_job;

#if CARDC_ASSEMBLY && !defined(__thumb2__)
/* Thumb-1 multiplies low registers only, but adds to any: sums lie in r0-r3 and r8-r11. r4 data, r5 its place, r6 terms, r7
 * weight, r12 the end of terms. On the stack: 0 copies, 4 terms, 8 end, 12 sums, 16 bias, 20 rows, 24 down, 28 next,
 * 32 odd. */
#define CARDC_STACKED_NEXT "ldmia r6!, {r4, r7}\n adds r5, r5, r4\n"
#define CARDC_STACKED_TAKE(SUM, AT) "ldr r4, [r5, #" AT "]\n muls r4, r7\n add " SUM ", r4\n"
#define CARDC_STACKED_TILE(NAME, START, TAKE, STORE)                                                                 \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_stacked_job *j) {                                                   \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n sub sp, #36\n"       \
        "mov r1, sp\n ldmia r0!, {r2-r5}\n stmia r1!, {r2-r5}\n mov r12, r4\n"                                       \
        "ldmia r0!, {r2-r6}\n stmia r1!, {r2-r6}\n"                                                                  \
        "1:\n ldr r5, [sp]\n ldr r6, [sp, #4]\n ldr r0, [sp, #16]\n" START                                            \
        "ldr r4, [sp, #32]\n cmp r4, #0\n bne 3f\n"                                                                 \
        "2:\n" CARDC_STACKED_NEXT TAKE "3:\n" CARDC_STACKED_NEXT TAKE "cmp r6, r12\n bne 2b\n"                      \
        "ldr r6, [sp, #12]\n ldr r5, [sp, #28]\n adds r5, r5, r6\n str r5, [sp, #12]\n" STORE                        \
        "ldr r5, [sp]\n ldr r6, [sp, #24]\n adds r5, r5, r6\n str r5, [sp]\n"                                         \
        "ldr r6, [sp, #20]\n subs r6, #1\n str r6, [sp, #20]\n bne 1b\n"                                              \
        "add sp, #36\n pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r4-r7, pc}\n");        \
  }
#define CARDC_STACKED_TAKE2 CARDC_STACKED_TAKE("r0", "0") CARDC_STACKED_TAKE("r1", "4")
#define CARDC_STACKED_TAKE4 CARDC_STACKED_TAKE2 CARDC_STACKED_TAKE("r2", "8") CARDC_STACKED_TAKE("r3", "12")
#define CARDC_STACKED_TAKE5 CARDC_STACKED_TAKE4 CARDC_STACKED_TAKE("r8", "16")
#define CARDC_STACKED_TAKE8 \
  CARDC_STACKED_TAKE5 CARDC_STACKED_TAKE("r9", "20") CARDC_STACKED_TAKE("r10", "24") CARDC_STACKED_TAKE("r11", "28")
CARDC_STACKED_TILE(cardc_stacked_tile1, "", CARDC_STACKED_TAKE("r0", "0"), "str r0, [r6]\n")
CARDC_STACKED_TILE(cardc_stacked_tile2, "mov r1, r0\n", CARDC_STACKED_TAKE2, "stmia r6!, {r0, r1}\n")
CARDC_STACKED_TILE(cardc_stacked_tile4, "mov r1, r0\n mov r2, r0\n mov r3, r0\n", CARDC_STACKED_TAKE4,
                   "stmia r6!, {r0-r3}\n")
CARDC_STACKED_TILE(cardc_stacked_tile5, "mov r1, r0\n mov r2, r0\n mov r3, r0\n mov r8, r0\n", CARDC_STACKED_TAKE5,
                   "stmia r6!, {r0-r3}\n mov r0, r8\n str r0, [r6]\n")
CARDC_STACKED_TILE(cardc_stacked_tile8,
                   "mov r1, r0\n mov r2, r0\n mov r3, r0\n mov r8, r0\n mov r9, r0\n mov r10, r0\n mov r11, r0\n",
                   CARDC_STACKED_TAKE8,
                   "stmia r6!, {r0-r3}\n mov r0, r8\n mov r1, r9\n mov r2, r10\n mov r3, r11\n stmia r6!, {r0-r3}\n")
#elif CARDC_MULTIPLIES
#define CARDC_STACKED_LOOP(NAME, SUMS, WEIGHTS, WORDS, TAKE, STORE)                                \
  static CARDC_NOINLINE void NAME(const cardc_stacked_job *j) {                                    \
    const uint32_t *const terms = j->terms, *const end = j->end;                                   \
    const uint32_t bias = j->bias, down = j->down, next = j->next;                                 \
    const uint8_t *from = (const uint8_t *)(const void *)j->from;                                  \
    uint8_t *sums = (uint8_t *)(void *)j->sums;                                                    \
    uint32_t left;                                                                                 \
    CARDC_NO_UNROLL for (left = j->rows; left > 0; left--, from += down, sums += next) {           \
      uint32_t *const to = (uint32_t *)(void *)sums;                                               \
      const uint32_t *term = terms;                                                                \
      const uint8_t *at = from;                                                                    \
      uint32_t SUMS;                                                                               \
      CARDC_NO_UNROLL do {                                                                         \
        const WEIGHTS;                                                                             \
        const uint32_t *p;                                                                         \
        at += (int32_t)term[0];                                                                    \
        p = (const uint32_t *)(const void *)at;                                                    \
        term += WORDS;                                                                             \
        TAKE;                                                                                      \
      } while (term != end);                                                                       \
      STORE;                                                                                       \
    }                                                                                              \
  }
#define CARDC_STACKED_WEIGHT uint32_t w = term[1]
#define CARDC_STACKED_BEGIN2 a0 = bias, a1 = bias
#define CARDC_STACKED_BEGIN4 CARDC_STACKED_BEGIN2, a2 = bias, a3 = bias
#define CARDC_STACKED_BEGIN5 CARDC_STACKED_BEGIN4, a4 = bias
#define CARDC_STACKED_BEGIN8 CARDC_STACKED_BEGIN5, a5 = bias, a6 = bias, a7 = bias
#define CARDC_STACKED_TAKE2 a0 += w * p[0], a1 += w * p[1]
#define CARDC_STACKED_TAKE4 CARDC_STACKED_TAKE2, a2 += w * p[2], a3 += w * p[3]
#define CARDC_STACKED_TAKE5 CARDC_STACKED_TAKE4, a4 += w * p[4]
#define CARDC_STACKED_TAKE8 CARDC_STACKED_TAKE5, a5 += w * p[5], a6 += w * p[6], a7 += w * p[7]
#define CARDC_STACKED_STORE2 to[0] = a0, to[1] = a1
#define CARDC_STACKED_STORE4 CARDC_STACKED_STORE2, to[2] = a2, to[3] = a3
#define CARDC_STACKED_STORE5 CARDC_STACKED_STORE4, to[4] = a4
#define CARDC_STACKED_STORE8 CARDC_STACKED_STORE5, to[5] = a5, to[6] = a6, to[7] = a7
CARDC_STACKED_LOOP(cardc_stacked_tile1, a0 = bias, CARDC_STACKED_WEIGHT, 2, a0 += w * p[0], to[0] = a0)
CARDC_STACKED_LOOP(cardc_stacked_tile2, CARDC_STACKED_BEGIN2, CARDC_STACKED_WEIGHT, 2, CARDC_STACKED_TAKE2,
                   CARDC_STACKED_STORE2)
CARDC_STACKED_LOOP(cardc_stacked_tile4, CARDC_STACKED_BEGIN4, CARDC_STACKED_WEIGHT, 2, CARDC_STACKED_TAKE4,
                   CARDC_STACKED_STORE4)
CARDC_STACKED_LOOP(cardc_stacked_tile5, CARDC_STACKED_BEGIN5, CARDC_STACKED_WEIGHT, 2, CARDC_STACKED_TAKE5,
                   CARDC_STACKED_STORE5)
CARDC_STACKED_LOOP(cardc_stacked_tile8, CARDC_STACKED_BEGIN8, CARDC_STACKED_WEIGHT, 2, CARDC_STACKED_TAKE8,
                   CARDC_STACKED_STORE8)
#if CARDC_STACKED_THREES
#define CARDC_STACKED_WEIGHTS uint32_t w0 = term[1], w1 = term[2], w2 = term[3]
#define CARDC_STACKED_FIRST(A, B) \
  uint32_t u = p[0];              \
  A += w0 * u;                    \
  u = p[1];                       \
  A += w1 * u, B += w0 * u;       \
  CARDC_PIN(A);                   \
  CARDC_PIN(B)
/* Pinned, or a compiler begins with all products and has no registers for them. */
#define CARDC_STACKED_PLACE(K, A, B, C)    \
  u = p[K];                                \
  A += w2 * u, B += w1 * u, C += w0 * u;   \
  CARDC_PIN(A);                            \
  CARDC_PIN(B);                            \
  CARDC_PIN(C)
#define CARDC_STACKED_LAST(K, A, B) \
  u = p[K];                         \
  A += w2 * u, B += w1 * u;         \
  B += w2 * p[(K) + 1]
#define CARDC_STACKED_THREE1 a0 += w0 * p[0], a0 += w1 * p[1], a0 += w2 * p[2]
#define CARDC_STACKED_THREE2     \
  CARDC_STACKED_FIRST(a0, a1);   \
  CARDC_STACKED_LAST(2, a0, a1)
#define CARDC_STACKED_FOUR            \
  CARDC_STACKED_FIRST(a0, a1);        \
  CARDC_STACKED_PLACE(2, a0, a1, a2); \
  CARDC_STACKED_PLACE(3, a1, a2, a3)
#define CARDC_STACKED_THREE4 \
  CARDC_STACKED_FOUR;        \
  CARDC_STACKED_LAST(4, a2, a3)
#define CARDC_STACKED_THREE5          \
  CARDC_STACKED_FOUR;                 \
  CARDC_STACKED_PLACE(4, a2, a3, a4); \
  CARDC_STACKED_LAST(5, a3, a4)
#define CARDC_STACKED_THREE8          \
  CARDC_STACKED_FOUR;                 \
  CARDC_STACKED_PLACE(4, a2, a3, a4); \
  CARDC_STACKED_PLACE(5, a3, a4, a5); \
  CARDC_STACKED_PLACE(6, a4, a5, a6); \
  CARDC_STACKED_PLACE(7, a5, a6, a7); \
  CARDC_STACKED_LAST(8, a6, a7)
CARDC_STACKED_LOOP(cardc_stacked_three1, a0 = bias, CARDC_STACKED_WEIGHTS, 4, CARDC_STACKED_THREE1, to[0] = a0)
CARDC_STACKED_LOOP(cardc_stacked_three2, CARDC_STACKED_BEGIN2, CARDC_STACKED_WEIGHTS, 4, CARDC_STACKED_THREE2,
                   CARDC_STACKED_STORE2)
CARDC_STACKED_LOOP(cardc_stacked_three4, CARDC_STACKED_BEGIN4, CARDC_STACKED_WEIGHTS, 4, CARDC_STACKED_THREE4,
                   CARDC_STACKED_STORE4)
CARDC_STACKED_LOOP(cardc_stacked_three5, CARDC_STACKED_BEGIN5, CARDC_STACKED_WEIGHTS, 4, CARDC_STACKED_THREE5,
                   CARDC_STACKED_STORE5)
CARDC_STACKED_LOOP(cardc_stacked_three8, CARDC_STACKED_BEGIN8, CARDC_STACKED_WEIGHTS, 4, CARDC_STACKED_THREE8,
                   CARDC_STACKED_STORE8)
#endif
#else
#define CARDC_STACKED_TILE(NAME, SUMS, TWICE, LESS, MORE, STORE)                                   \
  static CARDC_NOINLINE void NAME(const cardc_stacked_job *j) {                                    \
    const uint16_t *const terms = j->terms, *const end = j->end;                                   \
    const uint32_t bias = j->bias, down = j->down, next = j->next;                                 \
    const uint8_t *from = (const uint8_t *)(const void *)j->from;                                  \
    uint8_t *sums = (uint8_t *)(void *)j->sums;                                                    \
    uint32_t left;                                                                                 \
    CARDC_NO_UNROLL for (left = j->rows; left > 0; left--, from += down, sums += next) {           \
      uint32_t *const to = (uint32_t *)(void *)sums;                                               \
      const uint16_t *term = terms;                                                                \
      uint32_t at, SUMS;                                                                           \
      for (;;) {                                                                                   \
        CARDC_NO_UNROLL while ((at = *term++) != CARDC_STACKED_END) {                              \
          const uint32_t *const p = (const uint32_t *)(const void *)(from + at);                   \
          LESS;                                                                                    \
        }                                                                                          \
        CARDC_NO_UNROLL while ((at = *term++) != CARDC_STACKED_END) {                              \
          const uint32_t *const p = (const uint32_t *)(const void *)(from + at);                   \
          MORE;                                                                                    \
        }                                                                                          \
        if (term == end) {                                                                         \
          break;                                                                                   \
        }                                                                                          \
        TWICE;                                                                                     \
      }                                                                                            \
      STORE;                                                                                       \
    }                                                                                              \
  }
#define CARDC_STACKED_BEGIN2 a0 = 0, a1 = 0
#define CARDC_STACKED_BEGIN4 CARDC_STACKED_BEGIN2, a2 = 0, a3 = 0
#define CARDC_STACKED_EACH2(OP) a0 OP p[0], a1 OP p[1]
#define CARDC_STACKED_EACH4(OP) CARDC_STACKED_EACH2(OP), a2 OP p[2], a3 OP p[3]
CARDC_STACKED_TILE(cardc_stacked_tile1, a0 = 0, a0 += a0, a0 -= p[0], a0 += p[0], to[0] = a0 + bias)
CARDC_STACKED_TILE(cardc_stacked_tile2, CARDC_STACKED_BEGIN2, (a0 += a0, a1 += a1), CARDC_STACKED_EACH2(-=),
                   CARDC_STACKED_EACH2(+=), (to[0] = a0 + bias, to[1] = a1 + bias))
CARDC_STACKED_TILE(cardc_stacked_tile4, CARDC_STACKED_BEGIN4, (a0 += a0, a1 += a1, a2 += a2, a3 += a3),
                   CARDC_STACKED_EACH4(-=), CARDC_STACKED_EACH4(+=),
                   (to[0] = a0 + bias, to[1] = a1 + bias, to[2] = a2 + bias, to[3] = a3 + bias))
#endif

#if CARDC_STACKED_THREES
#define CARDC_STACKED_RUN(SIZE) (job->threes ? cardc_stacked_three##SIZE : cardc_stacked_tile##SIZE)(job)
#else
#define CARDC_STACKED_RUN(SIZE) cardc_stacked_tile##SIZE(job)
#endif

/* Rows of `width` sums: as many tiles as that takes, each through all rows. */
static inline void cardc_stacked_sums(cardc_stacked_job *job, uint32_t width) {
  uint32_t n;
  for (; width > 0; width -= n, job->from += n, job->sums += n) {
#if CARDC_MULTIPLIES
    if (width >= 8) {
      n = 8, CARDC_STACKED_RUN(8);
      continue;
    }
    if (width >= 5) {
      n = 5, CARDC_STACKED_RUN(5);
      continue;
    }
#endif
    if (width >= 4) {
      n = 4, CARDC_STACKED_RUN(4);
    } else if (width >= 2) {
      n = 2, CARDC_STACKED_RUN(2);
    } else {
      n = 1, CARDC_STACKED_RUN(1);
    }
  }
}

#endif
