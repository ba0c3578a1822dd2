/* What cardc_conv_patches is made of: a transposed copy of the input, patches gathered from it, their dot products.
 *
 * Cores with MVE (Helium) multiply 16 bytes by 16 and add all products in one instruction, those with the DSP extension two
 * halves by two, so what a window holds has to lie side by side. In assembly, as compilers spill in such loops; elsewhere the
 * same in plain C.
 */
#ifndef CARDC_PATCHES_H
#define CARDC_PATCHES_H

#include "cardc_vector_columns.h"

#define CARDC_PATCH 16u /* bytes that are multiplied at a time: patches are filled up to a multiple of it */
#define CARDC_TRIPLE 3u /* patches that share the weights of two outputs while these are in registers */

/* The assembly knows the order of all of these. */
typedef struct cardc_transpose_job {
  uint8_t *to;
  const uint8_t *from;
  uint32_t columns, channels, plane; /* channels of the input lie `plane` apart */
  uint32_t step, pixel;              /* from a column to the next: of the input, of the copy */
  uint32_t flip;                     /* what bytes are combined with by exclusive or */
} cardc_transpose_job;

typedef struct cardc_gather_job {
  uint8_t *to; /* whole vectors are written: up to 15 bytes more */
  const uint8_t *from;
  const CARDC_ROM uint16_t *places; /* of the parts of a patch, each of `bytes` bytes, at most 128 */
  uint32_t parts, bytes, patches;
  uint32_t step, patch; /* from a patch to the next: of what is read, of what is written */
  uint32_t vectors;     /* bytes / 16, rounded up */
} cardc_gather_job;

typedef struct cardc_patch_dots {
  const uint8_t *patches;
  uint32_t patch;  /* bytes of one: a multiple of CARDC_PATCH */
  const CARDC_ROM int8_t *weights; /* of two outputs, by turns CARDC_PATCH of each */
  int32_t *first, *second; /* where their sums go */
  uint32_t vectors; /* patch / CARDC_PATCH */
  int32_t *end;     /* of the first one's sums: a multiple of CARDC_TRIPLE behind it */
} cardc_patch_dots;

#if CARDC_MVE
/* r0 to, r1 from, r2 columns, r3 channels left, r4 plane, r5 and r6 for 8 columns; r7 and r8 places. */
CARDC_NAKED void cardc_transpose(CARDC_UNUSED const cardc_transpose_job *job) {
  __asm__ volatile(
      ".syntax unified\n push {r4-r8, lr}\n vpush {d8-d13}\n ldr r7, [r0, #28]\n vdup.16 q6, r7\n ldmia r0, {r0-r6}\n"
      "movs r8, #0\n vidup.u16 q4, r8, #1\n vmul.i16 q5, q4, r6\n vmul.i16 q4, q4, r5\n lsls r5, r5, #3\n lsls r6, r6, #3\n"
      "1:\n mov r7, r1\n mov r8, r0\n dlstp.16 lr, r2\n"
      "2:\n vldrb.u16 q0, [r7, q4]\n add r7, r5\n veor q0, q0, q6\n vstrb.16 q0, [r8, q5]\n add r8, r6\n letp lr, 2b\n"
      "adds r0, #1\n add r1, r4\n subs r3, #1\n bne 1b\n"
      "vpop {d8-d13}\n pop {r4-r8, pc}\n");
}

#define CARDC_COPY(AT) "vldrb.u8 q0, [r11, #" AT "]\n vstrb.8 q0, [r10, #" AT "]\n"
/* As many of the eight copies as a part has vectors: each is 8 bytes of code. r8 the first of them, r9 place in the list, r10
 * and r11 places. */
CARDC_NAKED void cardc_gather_patches(CARDC_UNUSED const cardc_gather_job *job) {
  __asm__ volatile(
      ".syntax unified\n push {r4-r11, lr}\n ldmia r0, {r0-r8}\n"
      "lsls r8, r8, #3\n adr r9, 3f\n subs r8, r9, r8\n orr r8, r8, #1\n"
      "1:\n mov r9, r2\n mov r10, r0\n dls lr, r3\n"
      "2:\n ldrh r11, [r9], #2\n add r11, r1\n bx r8\n .balign 4\n"
      CARDC_COPY("112") CARDC_COPY("96") CARDC_COPY("80") CARDC_COPY("64") CARDC_COPY("48") CARDC_COPY("32") CARDC_COPY("16")
      CARDC_COPY("0")
      "3:\n add r10, r4\n le lr, 2b\n add r0, r7\n add r1, r6\n subs r5, #1\n bne 1b\n pop {r4-r11, pc}\n");
}

#define CARDC_DOTS_OF_THREE(OP)                                                                             \
  "vldrb.u8 q0, [r1], #16\n vldrb.u8 q1, [r3], #16\n vldrb.u8 q2, [r5], #16\n vldrb.u8 q3, [r7], #16\n"        \
  OP " r0, q0, q3\n" OP " r2, q1, q3\n" OP " r4, q2, q3\n vldrb.u8 q3, [r7], #16\n"                            \
  OP " r6, q0, q3\n" OP " r8, q1, q3\n" OP " r10, q2, q3\n"
/* Sums in even registers, as the instruction has it. r1, r3, r5 patches, r7 weights, r9 and r12 to, r11 bytes of a patch; on
 * the stack vectors and the end. */
CARDC_NAKED void cardc_dots_of_patches(CARDC_UNUSED const cardc_patch_dots *job) {
  __asm__ volatile(
      ".syntax unified\n push {r4-r11, lr}\n sub sp, #12\n"
      "ldrd r1, r11, [r0]\n ldrd r7, r9, [r0, #8]\n ldrd r12, r2, [r0, #16]\n ldr r3, [r0, #24]\n subs r2, #1\n"
      "strd r2, r3, [sp]\n"
      "1:\n add r3, r1, r11\n add r5, r3, r11\n ldr lr, [sp]\n" CARDC_DOTS_OF_THREE("vmladav.s8") "wls lr, lr, 3f\n"
      "2:\n" CARDC_DOTS_OF_THREE("vmladava.s8") "le lr, 2b\n"
      "3:\n stmia r9!, {r0, r2, r4}\n stmia r12!, {r6, r8, r10}\n mov r1, r5\n sub r7, r7, r11, lsl #1\n"
      "ldr lr, [sp, #4]\n cmp r9, lr\n bne 1b\n add sp, #12\n pop {r4-r11, pc}\n");
}

/* ((a + bias) * m >> 16) + c >> 16, at most top. r8 bias, r9 m, r10 c. */
CARDC_COLUMNS(cardc_words_by_line, "lsls r3, r3, #2\n", "16", "8", "32",
              "add r12, #4\n ldmia r12, {r8-r10}\n ldr r12, [r12, #16]\n vdup.32 q4, r9\n vdup.16 q5, r12\n",
              CARDC_EVEN_WORDS "vadd.i32 q0, q0, r8\n vadd.i32 q1, q1, r8\n vshl.i32 q0, q0, #16\n vshl.i32 q1, q1, #16\n"
              "vmulh.s32 q0, q0, q4\n vmulh.s32 q1, q1, q4\n vadd.i32 q0, q0, r10\n vadd.i32 q1, q1, r10\n"
              "vqshrunb.s32 q3, q0, #16\n vqshrunt.s32 q3, q1, #16\n vmin.u16 q3, q3, q5\n vpst\n vstrbt.16 q3, [r7]\n")
#else
static CARDC_NOINLINE void cardc_transpose(const cardc_transpose_job *job) {
  const uint32_t pixel = job->pixel, step = job->step, flip = cardc_four(job->flip);
  uint32_t c;
  CARDC_NO_UNROLL for (c = 0; c < job->channels; c++) {
    const uint8_t *from = job->from + c * job->plane;
    uint8_t *to = job->to + c;
    uint32_t x = job->columns;
#if CARDC_UNALIGNED
    uint32_t words = step == 1 ? x / 4 : 0;
    x -= 4 * words;
    CARDC_NO_UNROLL for (; words > 0; words--, from += 4, to += 2 * pixel) {
      uint32_t four;
      CARDC_MEMCPY(&four, from, sizeof four);
      four ^= flip;
      to[0] = (uint8_t)four, to[pixel] = (uint8_t)(four >> 8), to += 2 * pixel;
      to[0] = (uint8_t)(four >> 16), to[pixel] = (uint8_t)(four >> 24);
    }
#endif
    CARDC_NO_UNROLL for (; x > 0; x--, from += step, to += pixel) { *to = (uint8_t)(*from ^ flip); }
  }
}

static CARDC_NOINLINE void cardc_gather_patches(const cardc_gather_job *job) {
  const uint32_t bytes = job->bytes;
  uint32_t i, k, b;
  CARDC_NO_UNROLL for (i = 0; i < job->patches; i++) {
    const CARDC_ROM uint16_t *place = job->places;
    const uint8_t *at = job->from + i * job->step;
    uint8_t *to = job->to + i * job->patch;
    CARDC_NO_UNROLL for (k = job->parts; k > 0; k--, to += bytes) {
      const uint8_t *from = at + *place++;
#if CARDC_UNALIGNED
      CARDC_NO_UNROLL for (b = 0; b < bytes; b += 4) { CARDC_MEMCPY(to + b, from + b, 4); }
#else
      CARDC_NO_UNROLL for (b = 0; b < bytes; b++) { to[b] = from[b]; }
#endif
    }
  }
}

#if CARDC_DSP
/* Four bytes of two patches by those of two outputs: halves in r8 and r9, r10 and r11, of a patch in r3 and lr; r2 goes on by
 * BYTES. */
#define CARDC_FOUR_OF_TWO(BYTES)                                                                             \
  "ldr r10, [r2, #16]\n ldr r8, [r2], #" BYTES "\n sxtb16 r11, r10, ror #8\n sxtb16 r10, r10\n"             \
  "sxtb16 r9, r8, ror #8\n sxtb16 r8, r8\n ldr r3, [r0], #4\n sxtb16 lr, r3, ror #8\n sxtb16 r3, r3\n"      \
  "smlad r4, r3, r8, r4\n smlad r6, r3, r10, r6\n smlad r4, lr, r9, r4\n smlad r6, lr, r11, r6\n"           \
  "ldr r3, [r1], #4\n sxtb16 lr, r3, ror #8\n sxtb16 r3, r3\n"                                             \
  "smlad r5, r3, r8, r5\n smlad r7, r3, r10, r7\n smlad r5, lr, r9, r5\n smlad r7, lr, r11, r7\n"
/* Two patches by two outputs; the last one of an odd count with that in front of it once more. r0 and r1 patches, r2 weights, r4
 * to r7 sums, r12 vectors left; on the stack where sums go, their end, weights, vectors, bytes of a patch. */
CARDC_NAKED void cardc_dots_of_patches(CARDC_UNUSED const cardc_patch_dots *job) {
  __asm__ volatile(
      ".syntax unified\n push {r4-r11, lr}\n sub sp, #28\n"
      "ldr r2, [r0, #8]\n ldr r4, [r0, #12]\n ldr r5, [r0, #16]\n ldr r6, [r0, #20]\n ldr r7, [r0, #24]\n ldr r3, [r0, #4]\n"
      "ldr r0, [r0]\n strd r4, r5, [sp]\n strd r7, r2, [sp, #8]\n strd r6, r3, [sp, #16]\n"
      "1:\n ldr r2, [sp, #12]\n ldrd r12, r3, [sp, #16]\n add r1, r0, r3\n"
      "movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
      "2:\n" CARDC_FOUR_OF_TWO("4") CARDC_FOUR_OF_TWO("4") CARDC_FOUR_OF_TWO("4") CARDC_FOUR_OF_TWO("20")
      "subs r12, #1\n bne 2b\n"
      "mov r0, r1\n ldrd r2, r3, [sp]\n strd r4, r5, [r2], #8\n strd r6, r7, [r3], #8\n ldr r12, [sp, #8]\n"
      "subs r12, r12, r2\n beq 4f\n cmp r12, #4\n bne 3f\n"
      "subs r2, #4\n subs r3, #4\n ldr r12, [sp, #20]\n sub r0, r0, r12\n"
      "3:\n strd r2, r3, [sp]\n b 1b\n"
      "4:\n add sp, #28\n pop {r4-r11, pc}\n");
}
#else
static CARDC_NOINLINE void cardc_dots_of_patches(const cardc_patch_dots *job) {
  const uint8_t *x = job->patches;
  int32_t *first = job->first, *second = job->second;
  uint32_t v, k;
  CARDC_NO_UNROLL for (; first < job->end; x += job->patch) {
    const CARDC_ROM int8_t *w = job->weights;
    int32_t a = 0, b = 0;
    CARDC_NO_UNROLL for (v = 0; v < job->patch; v += CARDC_PATCH, w += 2 * CARDC_PATCH) {
      CARDC_NO_UNROLL for (k = 0; k < CARDC_PATCH; k++) {
        a += w[k] * (int8_t)x[v + k];
        b += w[CARDC_PATCH + k] * (int8_t)x[v + k];
      }
    }
    *first++ = a, *second++ = b;
  }
}
#endif

static inline uint32_t cardc_line_of_word(const cardc_vector_rows *rows, uint32_t a) {
  const int32_t low = (int32_t)(((int64_t)(int32_t)rows->m * (int32_t)(a + rows->low)) >> 16);
  const int32_t y = (low + (int32_t)rows->c) >> 16, top = (int32_t)rows->top;
  return (uint32_t)(y < 0 ? 0 : y < top ? y : top);
}
CARDC_EACH_PIXEL(cardc_words_by_line, uint32_t, cardc_line_of_word(rows, a))
#endif

#if CARDC_DSP && !CARDC_MVE
/* Where every byte is an output saturation to them is one instruction. */
CARDC_EACH_PIXEL(cardc_bytes_of_scale, uint32_t, cardc_between(rows, a, 0, 255))
CARDC_EACH_PIXEL(cardc_bytes_of_wide_scale, uint32_t, cardc_between_wide(rows, a, 0, 255))
static inline uint32_t cardc_all_bytes(const cardc_vector_rows *rows, uint32_t scale) {
  if (rows->low != 0 || rows->top != 255) {
    return 0;
  }
  (scale == CARDC_SCALE ? cardc_bytes_of_scale : cardc_bytes_of_wide_scale)(rows);
  return 1;
}
#else
static inline uint32_t cardc_all_bytes(const cardc_vector_rows *rows, uint32_t scale) { return (void)rows, (void)scale, 0u; }
#endif

#endif
