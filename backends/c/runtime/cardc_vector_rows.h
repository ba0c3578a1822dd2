/* Rows of sums to rows of outputs by line or table, 8 or 16 at a time: what cardc_conv_vectors ends with. The lines are
 * those of cardc_line.h. */
#ifndef CARDC_VECTOR_ROWS_H
#define CARDC_VECTOR_ROWS_H

#include "cardc_line.h"
#include "cardc_vectors.h"

/* The assembly knows the order. */
typedef struct cardc_vector_rows {
  const void *from; /* sums, up to 15 of which are read behind a row's end */
  uint8_t *to;
  uint32_t rows, pitch, row, width; /* rows of sums lie `pitch` elements apart, those of outputs `row` */
  const uint8_t *table;             /* outputs of each sum */
  uint32_t low, m, c, shift, top;   /* of a line, or for cardc_rows_by_scale */
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
/* A line on bytes. r8 low, r9 m, r10 c, r11 -shift. */
CARDC_COLUMNS(cardc_rows_by_line, "", "8", "16", "16",
              "add r12, #4\n ldmia r12, {r8-r11}\n rsbs r11, r11, #0\n vdup.16 q2, r9\n",
              "vldrb.u8 q0, [r6]\n vqsub.u8 q0, q0, r8\n vmovlb.u8 q1, q0\n vmovlt.u8 q0, q0\n"
              "vmlas.u16 q1, q2, r10\n vmlas.u16 q0, q2, r10\n vshrnb.i16 q1, q1, #8\n vshrnt.i16 q1, q0, #8\n"
              "vshl.u8 q1, r11\n vpst\n vstrbt.8 q1, [r7]\n")
/* A line on sums in 16 bits: (a << 16) * m >> 32 is a * m >> 16. r10 c. */
#define CARDC_LINE_HALVES_BEGIN "add r12, #8\n ldmia r12, {r9-r11}\n ldrb r12, [r12, #12]\n vdup.32 q4, r9\n vdup.16 q5, r12\n"
#define CARDC_LINE_HALVES_BODY(LOAD)                                                                            \
  LOAD " q0, [r6]\n vshllb.u16 q1, q0, #16\n vshllt.u16 q2, q0, #16\n vmulh.s32 q1, q1, q4\n"                    \
  "vmulh.s32 q2, q2, q4\n vadd.i32 q1, q1, r10\n vadd.i32 q2, q2, r10\n vqshrunb.s32 q3, q1, #16\n"               \
  "vqshrunt.s32 q3, q2, #16\n vmin.u16 q3, q3, q5\n vpst\n vstrbt.16 q3, [r7]\n"
CARDC_COLUMNS(cardc_rows_by_halves, "lsls r3, r3, #1\n", "16", "8", "16", CARDC_LINE_HALVES_BEGIN,
              CARDC_LINE_HALVES_BODY("vldrh.u16"))
CARDC_COLUMNS(cardc_rows_by_bytes, "", "16", "8", "8", CARDC_LINE_HALVES_BEGIN, CARDC_LINE_HALVES_BODY("vldrb.u16"))
/* (a * m + c) >> shift, between low and top. r8 low, r9 m, r10 c, r11 -shift. */
#define CARDC_SCALE_BEGIN                                                                                         \
  "add r12, #4\n ldmia r12!, {r8-r11}\n ldr r12, [r12]\n rsbs r11, r11, #0\n vdup.32 q4, r8\n vdup.32 q5, r12\n"
#define CARDC_SCALE_BODY(LOAD)                                                                       \
  LOAD " q0, [r6]\n vmul.i32 q0, q0, r9\n vadd.i32 q0, q0, r10\n vshl.s32 q0, r11\n vmax.s32 q0, q0, q4\n" \
  "vmin.s32 q0, q0, q5\n vpst\n vstrbt.32 q0, [r7]\n"
CARDC_COLUMNS(cardc_bytes_by_scale, "", "32", "4", "4", CARDC_SCALE_BEGIN, CARDC_SCALE_BODY("vldrb.u32"))
CARDC_COLUMNS(cardc_halves_by_scale, "lsls r3, r3, #1\n", "32", "4", "8", CARDC_SCALE_BEGIN, CARDC_SCALE_BODY("vldrh.u32"))
CARDC_COLUMNS(cardc_words_by_scale, "lsls r3, r3, #2\n", "32", "4", "16", CARDC_SCALE_BEGIN, CARDC_SCALE_BODY("vldrw.u32"))
/* A table by bytes and by halves. r8 table. */
CARDC_COLUMNS(cardc_rows_by_table, "", "8", "16", "16", "ldr r8, [r12]\n",
              "vldrb.u8 q0, [r6]\n vpstt\n vldrbt.u8 q1, [r8, q0]\n vstrbt.8 q1, [r7]\n")
CARDC_COLUMNS(cardc_rows_by_table_halves, "lsls r3, r3, #1\n", "16", "8", "16", "ldr r8, [r12]\n",
              "vldrh.u16 q0, [r6]\n vpstt\n vldrbt.u16 q1, [r8, q0]\n vstrbt.16 q1, [r7]\n")
#else
/* Each pixel of the rows; A is its sum. */
#define CARDC_EACH_PIXEL(NAME, TYPE, OUTPUT)                                            \
  static CARDC_NOINLINE void NAME(const cardc_vector_rows *rows) {                      \
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
static inline uint32_t cardc_line_of_byte(const cardc_vector_rows *rows, uint32_t a) {
  a = a > (rows->low & 0xffu) ? a - (rows->low & 0xffu) : 0;
  return ((a * rows->m + rows->c) & 0xffffu) >> 8 >> rows->shift;
}
static inline uint32_t cardc_line_of_half(const cardc_vector_rows *rows, uint32_t a) {
  const int32_t y = cardc_line_low((int32_t)rows->m, a, (int32_t)rows->c) >> 16, top = (int32_t)(rows->top & 0xffu);
  return (uint32_t)(y < 0 ? 0 : y < top ? y : top);
}
static inline uint32_t cardc_scaled(const cardc_vector_rows *rows, uint32_t a) {
  const int32_t y = (int32_t)(a * rows->m + rows->c) >> rows->shift, low = (int32_t)rows->low, top = (int32_t)rows->top;
  return (uint32_t)(y < low ? low : y < top ? y : top);
}
CARDC_EACH_PIXEL(cardc_bytes_by_scale, uint8_t, cardc_scaled(rows, a))
CARDC_EACH_PIXEL(cardc_halves_by_scale, uint16_t, cardc_scaled(rows, a))
CARDC_EACH_PIXEL(cardc_words_by_scale, uint32_t, cardc_scaled(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_line, uint8_t, cardc_line_of_byte(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_halves, uint16_t, cardc_line_of_half(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_bytes, uint8_t, cardc_line_of_half(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_table, uint8_t, rows->table[a])
CARDC_EACH_PIXEL(cardc_rows_by_table_halves, uint16_t, rows->table[a])
#endif

#endif
