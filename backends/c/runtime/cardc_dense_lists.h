/* Sums of listed bytes: what cardc_dense_sparse is made of.
 *
 * A row's list: how many bytes are taken away, how many are added, which ones are taken away, which ones are added. A count
 * is at most CARDC_LIST_MOST, so that the loops over a list can be written out whole and entered in the middle: three
 * instructions for a weight.
 */
#ifndef CARDC_DENSE_LISTS_H
#define CARDC_DENSE_LISTS_H

#include "cardc_assembly.h"

#define CARDC_LIST_MOST 32

#if CARDC_ASSEMBLY
/* sums[k] += the row's bytes of x, for `rows` rows (at least 1); returns the end of their lists. */
#if defined(__thumb2__)
/* r0 sums, r1 lists, r2 x, r3 rows, r4 sum, r5 byte, r6 how many are taken away, r7 added. A weight has 8 bytes of code; where
 * n weights begin is in a table, in half-words. */
#define CARDC_ENTER_LISTED(COUNT)                                                                  \
  "tbb [pc, " COUNT "]\n"                                                                          \
  ".byte 146, 142, 138, 134, 130, 126, 122, 118, 114, 110, 106, 102, 98, 94, 90, 86, 82\n"         \
  ".byte 78, 74, 70, 66, 62, 58, 54, 50, 46, 42, 38, 34, 30, 26, 22, 18, 0, 0, 0\n"
#define CARDC_TAKE_LISTED(OP) ".rept 32\n ldrb.w r5, [r1], #1\n ldrb r5, [r2, r5]\n " OP " r4, r4, r5\n .endr\n"

CARDC_NAKED const uint8_t *cardc_add_lists(CARDC_UNUSED int32_t *sums, CARDC_UNUSED const uint8_t *lists,
                                           CARDC_UNUSED const uint8_t *x, CARDC_UNUSED uint32_t rows) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n"
      "1:\n"
      "ldr r4, [r0]\n ldrb r6, [r1], #1\n ldrb r7, [r1], #1\n"
      CARDC_ENTER_LISTED("r6") CARDC_TAKE_LISTED("subs")
      CARDC_ENTER_LISTED("r7") CARDC_TAKE_LISTED("adds")
      "str r4, [r0], #4\n subs r3, #1\n bne.w 1b\n"
      "mov r0, r1\n pop {r4-r7, pc}\n");
}
#else
/* The same with loads at fixed distances: r1 is so far behind the list that its last byte is at r1 + 31. r5 bytes, taken
 * away, r7 added, r12 and lr where the loops end. A weight has 6 bytes of code. */
#define CARDC_ENTER_LISTED(COUNT, END) \
  "adds r1, r1, " COUNT "\n movs r6, #6\n muls " COUNT ", r6, " COUNT "\n mov r6, " END "\n subs r6, r6, " COUNT "\n mov pc, r6\n"
#define CARDC_TAKE_LISTED(OP)                                                     \
  ".balign 4\n .set cardc_at, 0\n"                                                \
  ".rept 32\n ldrb r5, [r1, #cardc_at]\n ldrb r5, [r2, r5]\n " OP " r4, r4, r5\n" \
  " .set cardc_at, cardc_at + 1\n .endr\n"

CARDC_NAKED const uint8_t *cardc_add_lists(CARDC_UNUSED int32_t *sums, CARDC_UNUSED const uint8_t *lists,
                                           CARDC_UNUSED const uint8_t *x, CARDC_UNUSED uint32_t rows) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n adr r4, 2f\n mov r12, r4\n adr r4, 3f\n mov lr, r4\n subs r1, #30\n"
      "1:\n"
      "ldr r4, [r0]\n ldrb r5, [r1, #30]\n ldrb r7, [r1, #31]\n"
      CARDC_ENTER_LISTED("r5", "r12") CARDC_TAKE_LISTED("subs")
      "2:\n"
      CARDC_ENTER_LISTED("r7", "lr") CARDC_TAKE_LISTED("adds")
      "3:\n"
      "adds r1, #2\n stmia r0!, {r4}\n subs r3, #1\n beq 4f\n b 1b\n"
      "4:\n"
      "mov r0, r1\n adds r0, #30\n pop {r4-r7, pc}\n");
}
#endif
#else
#if (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 7)) && !defined(__AVR__)
#define CARDC_LISTED(K)       \
  case K:                     \
    sum += x[end[-(K)]];      \
    __attribute__((fallthrough));
#define CARDC_LISTED_4(K) CARDC_LISTED((K) + 3) CARDC_LISTED((K) + 2) CARDC_LISTED((K) + 1) CARDC_LISTED(K)
#define CARDC_LISTED_16(K) CARDC_LISTED_4((K) + 12) CARDC_LISTED_4((K) + 8) CARDC_LISTED_4((K) + 4) CARDC_LISTED_4(K)

/* The sum of x at the `count` places that end at `end`. */
__attribute__((always_inline)) static inline int32_t cardc_sum_listed(const uint8_t *x, const uint8_t *end, uint32_t count) {
  uint32_t sum = 0;
  switch (count) {
    CARDC_LISTED_16(17)
    CARDC_LISTED_16(1)
    default:
      break;
  }
  return (int32_t)sum;
}
#else
static inline int32_t cardc_sum_listed(const uint8_t *x, const CARDC_ROM uint8_t *end, uint32_t count) {
  const CARDC_ROM uint8_t *list = end - count;
  uint16_t sum = 0; /* at most 32 * 255 */
  uint8_t left = (uint8_t)count;
  CARDC_NO_UNROLL for (; left > 0; left--) {
    sum = (uint16_t)(sum + x[*list++]);
  }
  return sum;
}
#endif

/* sums[k] += the row's bytes of x, for `rows` rows; returns the end of their lists. */
static CARDC_NOINLINE const CARDC_ROM uint8_t *cardc_add_lists(int32_t *sums, const CARDC_ROM uint8_t *lists,
                                                              const uint8_t *x, uint32_t rows) {
  CARDC_NO_UNROLL for (; rows > 0; rows--) {
    const uint32_t minus = lists[0], plus = lists[1];
    int32_t less;
    lists += 2 + minus;
    less = cardc_sum_listed(x, lists, minus);
    lists += plus;
    *sums++ += cardc_sum_listed(x, lists, plus) - less;
  }
  return lists;
}
#endif

#endif
