/* Dot products of weights and bytes, 16 at a time on cores with MVE (Helium): what cardc_dense_int8 is made of there. */
#ifndef CARDC_DOTS_H
#define CARDC_DOTS_H

#include "cardc_assembly.h"

#if CARDC_MVE
#define CARDC_DOTS 4 /* outputs that share the inputs while these are in registers */

/* The assembly knows the order. */
typedef struct cardc_dots_job {
  int32_t *sums;
  const int8_t *w[CARDC_DOTS];
  const uint8_t *x;
  uint32_t inputs;
} cardc_dots_job;

#define CARDC_DOT(SUM, ROW, TURN, TYPE) "vldrb.u8 q1, [" ROW "], #16\n" TURN "vmladava." TYPE " " SUM ", q0, q1\n"
#define CARDC_DOTS_LOOP(NAME, TURN, TYPE)                                                             \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_dots_job *job) {                                     \
    __asm__ volatile(                                                                                 \
        ".syntax unified\n push {r4-r11, lr}\n"                                                       \
        "ldr r11, [r0], #4\n ldr r1, [r0], #4\n ldr r3, [r0], #4\n ldr r5, [r0], #4\n ldr r7, [r0], #4\n" \
        "ldr r9, [r0], #4\n ldr r10, [r0]\n"                                                          \
        "movs r0, #0\n movs r2, #0\n movs r4, #0\n movs r6, #0\n vmov.i8 q2, #0x80\n dlstp.8 lr, r10\n" \
        "1:\n vldrb.u8 q0, [r9], #16\n" CARDC_DOT("r0", "r1", TURN, TYPE) CARDC_DOT("r2", "r3", TURN, TYPE) \
        CARDC_DOT("r4", "r5", TURN, TYPE) CARDC_DOT("r6", "r7", TURN, TYPE) "letp lr, 1b\n"           \
        "strd r0, r2, [r11]\n strd r4, r6, [r11, #8]\n pop {r4-r11, pc}\n");                          \
  }
/* sums[k] = sum of w[k] * x, for bytes below 128; of (w[k] + 128) * x. At least one input. */
CARDC_DOTS_LOOP(cardc_dots_small, "", "s8")
CARDC_DOTS_LOOP(cardc_dots_lifted, "veor q1, q1, q2\n", "u8")

/* 0 where all bytes are below 128, else their sum. */
CARDC_NAKED uint32_t cardc_dots_lift(CARDC_UNUSED const uint8_t *x, CARDC_UNUSED uint32_t inputs) {
  __asm__ volatile(
      ".syntax unified\n push {r4, lr}\n movs r2, #0\n movs r3, #0\n dlstp.8 lr, r1\n"
      "1:\n vldrb.u8 q0, [r0], #16\n vaddva.u8 r2, q0\n vmaxv.u8 r3, q0\n letp lr, 1b\n"
      "movs r0, #0\n cmp r3, #128\n it hs\n movhs r0, r2\n pop {r4, pc}\n");
}

/* sums[0 .. count) of the `count` rows (at most CARDC_DOTS) that begin at `w`; `lift` is cardc_dots_lift's. */
static inline void cardc_dots(const int8_t *w, const uint8_t *x, uint32_t inputs, uint32_t count, uint32_t lift,
                              int32_t *sums) {
  int32_t found[CARDC_DOTS];
  cardc_dots_job job;
  uint32_t k;
  job.sums = found, job.x = x, job.inputs = inputs;
  CARDC_NO_UNROLL for (k = 0; k < CARDC_DOTS; k++) { job.w[k] = w + (k < count ? k : 0) * inputs; }
  if (lift) {
    cardc_dots_lifted(&job);
  } else {
    cardc_dots_small(&job);
  }
  CARDC_NO_UNROLL for (k = 0; k < count; k++) { sums[k] = (int32_t)((uint32_t)found[k] - 128u * lift); }
}
#endif

#endif
