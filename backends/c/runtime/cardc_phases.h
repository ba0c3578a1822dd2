/* Every so many columns and rows of a channel, side by side: what cardc_conv_vectors reads where strides are not 1. */
#ifndef CARDC_PHASES_H
#define CARDC_PHASES_H

#include "cardc_assembly.h"

/* The assembly knows the order. */
typedef struct cardc_phase {
  uint8_t *to; /* rows of `columns` bytes */
  const uint8_t *from;
  uint32_t rows, columns;
  uint32_t down, across; /* from a row and a column to the next of `from`; across: at most 16 */
} cardc_phase;

#if CARDC_MVE
/* r0 to, r1 from, r2 rows left, r3 columns, r4 down, r5 for 16 columns, r6 and r7 places. */
CARDC_NAKED void cardc_copy_phase(CARDC_UNUSED const cardc_phase *job) {
  __asm__ volatile(
      ".syntax unified\n push {r4-r7, lr}\n ldmia r0, {r0-r5}\n movs r6, #0\n vidup.u8 q1, r6, #1\n vmul.i8 q1, q1, r5\n"
      "lsls r5, r5, #4\n"
      "1:\n mov r6, r1\n mov r7, r0\n dlstp.8 lr, r3\n"
      "2:\n vldrb.u8 q0, [r6, q1]\n add r6, r5\n vstrb.8 q0, [r7], #16\n letp lr, 2b\n"
      "add r0, r3\n add r1, r4\n subs r2, #1\n bne 1b\n pop {r4-r7, pc}\n");
}
#else
static CARDC_NOINLINE void cardc_copy_phase(const cardc_phase *job) {
  uint32_t x, y;
  CARDC_NO_UNROLL for (y = 0; y < job->rows; y++) {
    CARDC_NO_UNROLL for (x = 0; x < job->columns; x++) {
      job->to[y * job->columns + x] = job->from[y * job->down + x * job->across];
    }
  }
}
#endif

#endif
