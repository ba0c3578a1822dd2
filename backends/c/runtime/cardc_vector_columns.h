/* Rows of sums to rows of outputs by vectors: columns of them, and outputs by scale from sums in 32 bits. */
#ifndef CARDC_VECTOR_COLUMNS_H
#define CARDC_VECTOR_COLUMNS_H

#include "cardc_assembly.h"

/* The assembly knows the order. */
typedef struct cardc_vector_rows {
  const void *from; /* sums, up to 15 of which are read behind a row's end */
  uint8_t *to;
  uint32_t rows, pitch, row, width; /* rows of sums lie `pitch` elements apart, those of outputs `row` */
  const uint8_t *table;             /* outputs of each sum */
  uint32_t low, m, c, shift, top;   /* of a line, or of a scale (cardc_begin_scale) */
  uint32_t high;                    /* the upper half of c where that has 64 bits */
} cardc_vector_rows;

#if CARDC_MVE
/* Columns of 16 or 8 pixels, each from the first row to the last. r0 sums, r1 outputs, r2 rows, r3 pitch, r4 row, r5
 * pixels left, r6 the first row's sums, r7 the first row's outputs; r8 to r12 are the function's own. */
#define CARDC_COLUMNS(NAME, PITCH, BITS, LANES, BYTES, BEGIN, BODY)                                            \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_vector_rows *rows) {                                           \
    __asm__ volatile(                                                                                           \
        ".syntax unified\n push {r4-r11, lr}\n sub sp, #4\n vpush {d8-d11}\n mov r12, r0\n"                      \
        "ldmia r12!, {r0-r5}\n" PITCH BEGIN                                                                     \
        "1:\n vctp." BITS " r5\n mov r6, r0\n mov r7, r1\n dls lr, r2\n"                                         \
        "2:\n" BODY "add r6, r3\n add r7, r4\n le lr, 2b\n"                                                     \
        "add r0, #" BYTES "\n add r1, #" LANES "\n subs r5, #" LANES "\n bgt 1b\n"                              \
        "vpop {d8-d11}\n add sp, #4\n pop {r4-r11, pc}\n");                                                     \
  }
/* (a * m + c) >> shift, between low and top, 8 at a time: even sums in q0, odd ones in q1. r8 low, r9 m, r10 c, r11 -shift. */
#define CARDC_SCALE_BEGIN                                                                                         \
  "add r12, #4\n ldmia r12!, {r8-r11}\n ldr r12, [r12]\n rsbs r11, r11, #0\n vdup.32 q2, r9\n vdup.16 q4, r8\n"  \
  "vdup.16 q5, r12\n"
#define CARDC_SCALE_BODY(LOAD)                                                                                     \
  LOAD "vmlas.s32 q0, q2, r10\n vmlas.s32 q1, q2, r10\n vshl.s32 q0, r11\n vshl.s32 q1, r11\n vqmovunb.s32 q3, q0\n" \
  "vqmovunt.s32 q3, q1\n vmax.u16 q3, q3, q4\n vmin.u16 q3, q3, q5\n vpst\n vstrbt.16 q3, [r7]\n"
#define CARDC_EVEN_WORDS "vld20.32 {q0, q1}, [r6]\n vld21.32 {q0, q1}, [r6]\n"
CARDC_COLUMNS(cardc_words_by_scale, "lsls r3, r3, #2\n", "16", "8", "32", CARDC_SCALE_BEGIN, CARDC_SCALE_BODY(CARDC_EVEN_WORDS))
/* The same where a * m + c has 64 bits, of which the upper half is shifted: the carry of the lower ones is the upper bit of half
 * their sum. r8 high. */
#define CARDC_WIDE_PART(Q)                                                                                   \
  "vmul.i32 q2, " Q ", r9\n vmulh.s32 " Q ", " Q ", q3\n vhadd.u32 q2, q2, r10\n vshr.u32 q2, q2, #31\n"       \
  "vadd.i32 " Q ", " Q ", q2\n vadd.i32 " Q ", " Q ", r8\n vshl.s32 " Q ", r11\n"
CARDC_COLUMNS(cardc_words_by_wide_scale, "lsls r3, r3, #2\n", "16", "8", "32",
              "add r12, #4\n ldmia r12!, {r8-r11}\n vdup.16 q4, r8\n ldr r8, [r12, #4]\n ldr r12, [r12]\n rsbs r11, r11, #0\n"
              "vdup.32 q3, r9\n vdup.16 q5, r12\n",
              CARDC_EVEN_WORDS CARDC_WIDE_PART("q0") CARDC_WIDE_PART("q1") "vqmovunb.s32 q2, q0\n vqmovunt.s32 q2, q1\n"
              "vmax.u16 q2, q2, q4\n vmin.u16 q2, q2, q5\n vpst\n vstrbt.16 q2, [r7]\n")
#else
/* Each pixel of the rows; A is its sum. */
#define CARDC_EACH_PIXEL(NAME, TYPE, OUTPUT)                                            \
  static CARDC_NOINLINE void NAME(const cardc_vector_rows *of) {                        \
    const cardc_vector_rows own = *of, *const rows = &own; /* bytes that are stored cannot change it */ \
    const TYPE *from = (const TYPE *)rows->from;                                        \
    uint8_t *to = rows->to;                                                             \
    uint32_t x, y;                                                                      \
    CARDC_NO_UNROLL for (y = rows->rows; y > 0; y--, from += rows->pitch, to += rows->row) { \
      CARDC_NO_UNROLL for (x = 0; x < rows->width; x++) {                               \
        const uint32_t a = from[x];                                                     \
        to[x] = (uint8_t)(OUTPUT);                                                      \
      }                                                                                 \
    }                                                                                   \
  }
static inline uint32_t cardc_between(const cardc_vector_rows *rows, uint32_t a, int32_t low, int32_t top) {
  const int32_t y = (int32_t)(a * rows->m + rows->c) >> rows->shift;
  return (uint32_t)(y < low ? low : y < top ? y : top);
}
static inline uint32_t cardc_scaled(const cardc_vector_rows *rows, uint32_t a) {
  return cardc_between(rows, a, (int32_t)rows->low, (int32_t)rows->top);
}
CARDC_EACH_PIXEL(cardc_words_by_scale, uint32_t, cardc_scaled(rows, a))
static inline uint32_t cardc_between_wide(const cardc_vector_rows *rows, uint32_t a, int32_t low, int32_t top) {
  const uint64_t c = (uint64_t)rows->high << 32 | rows->c, x = (uint64_t)((int64_t)(int32_t)a * (int32_t)rows->m) + c;
  const int32_t y = (int32_t)(uint32_t)(x >> 32) >> rows->shift;
  return (uint32_t)(y < low ? low : y < top ? y : top);
}
static inline uint32_t cardc_scaled_wide(const cardc_vector_rows *rows, uint32_t a) {
  return cardc_between_wide(rows, a, (int32_t)rows->low, (int32_t)rows->top);
}
CARDC_EACH_PIXEL(cardc_words_by_wide_scale, uint32_t, cardc_scaled_wide(rows, a))
#endif

enum { CARDC_SCALE_NONE = 0, CARDC_SCALE = 1, CARDC_WIDE_SCALE = 2 };

/* How outputs follow from a channel's sums by scale, where they do: sums are at most `reach` away from 0, and lie `bias` higher. */
static inline uint32_t cardc_begin_scale(cardc_vector_rows *rows, const CARDC_ROM cardc_finish *f, uint32_t channel, int32_t bias,
                                         uint32_t reach) {
  const uint32_t own = f->shared ? 0 : channel, up = f->shift < 32 ? 32u - f->shift : 0;
  int64_t b, most;
  int32_t m;
  if (f->kind != CARDC_REQUANTIZE || f->out != CARDC_U8) {
    return CARDC_SCALE_NONE;
  }
  m = f->m[own], rows->low = (uint32_t)f->lo, rows->top = (uint32_t)f->hi;
  if (!f->b64) {
    rows->m = (uint32_t)m, rows->c = (uint32_t)f->b[own] - (uint32_t)bias * (uint32_t)m, rows->shift = f->shift;
    return CARDC_SCALE;
  }
  /* The upper half holds the result where the factor, shifted up, and the result, before it is clipped, fit 32 bits. */
  b = f->b64[own];
  most = (int64_t)reach * (m < 0 ? -(int64_t)m : m) + (b < 0 ? -b : b);
  if (up > 31 || (int32_t)((uint32_t)m << up) >> up != m || (most >> f->shift) > 0x7fffffff) {
    return CARDC_SCALE_NONE;
  }
  b = (int64_t)((uint64_t)(b - (int64_t)bias * m) << up);
  rows->m = (uint32_t)m << up, rows->c = (uint32_t)b, rows->high = (uint32_t)((uint64_t)b >> 32);
  rows->shift = f->shift < 32 ? 0 : f->shift - 32u;
  return CARDC_WIDE_SCALE;
}

#endif
