/* Rows of sums to rows of outputs by line or table, 8 or 16 at a time: what cardc_conv_vectors ends with. The lines are
 * those of cardc_line.h. */
#ifndef CARDC_VECTOR_ROWS_H
#define CARDC_VECTOR_ROWS_H

#include "cardc_line.h"
#include "cardc_vector_columns.h"
#include "cardc_vectors.h"

#if CARDC_MVE
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
#define CARDC_EVEN_HALVES(LOAD) LOAD " q1, [r6]\n vmovlb.u16 q0, q1\n vmovlt.u16 q1, q1\n"
CARDC_COLUMNS(cardc_bytes_by_scale, "", "16", "8", "8", CARDC_SCALE_BEGIN, CARDC_SCALE_BODY(CARDC_EVEN_HALVES("vldrb.u16")))
CARDC_COLUMNS(cardc_halves_by_scale, "lsls r3, r3, #1\n", "16", "8", "16", CARDC_SCALE_BEGIN,
              CARDC_SCALE_BODY(CARDC_EVEN_HALVES("vldrh.u16")))
/* A table by bytes and by halves. r8 table. */
CARDC_COLUMNS(cardc_rows_by_table, "", "8", "16", "16", "ldr r8, [r12]\n",
              "vldrb.u8 q0, [r6]\n vpstt\n vldrbt.u8 q1, [r8, q0]\n vstrbt.8 q1, [r7]\n")
CARDC_COLUMNS(cardc_rows_by_table_halves, "lsls r3, r3, #1\n", "16", "8", "16", "ldr r8, [r12]\n",
              "vldrh.u16 q0, [r6]\n vpstt\n vldrbt.u16 q1, [r8, q0]\n vstrbt.16 q1, [r7]\n")
#else
static inline uint32_t cardc_line_of_byte(const cardc_vector_rows *rows, uint32_t a) {
  a = a > (rows->low & 0xffu) ? a - (rows->low & 0xffu) : 0;
  return ((a * rows->m + rows->c) & 0xffffu) >> 8 >> rows->shift;
}
static inline uint32_t cardc_line_of_half(const cardc_vector_rows *rows, uint32_t a) {
  const int32_t y = cardc_line_low((int32_t)rows->m, a, (int32_t)rows->c) >> 16, top = (int32_t)(rows->top & 0xffu);
  return (uint32_t)(y < 0 ? 0 : y < top ? y : top);
}
CARDC_EACH_PIXEL(cardc_bytes_by_scale, uint8_t, cardc_scaled(rows, a))
CARDC_EACH_PIXEL(cardc_halves_by_scale, uint16_t, cardc_scaled(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_line, uint8_t, cardc_line_of_byte(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_halves, uint16_t, cardc_line_of_half(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_bytes, uint8_t, cardc_line_of_half(rows, a))
CARDC_EACH_PIXEL(cardc_rows_by_table, uint8_t, rows->table[a])
CARDC_EACH_PIXEL(cardc_rows_by_table_halves, uint16_t, rows->table[a])
#endif

#endif
