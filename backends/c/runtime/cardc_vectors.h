/* Sums of taps over rows as they lie in memory, 16 bytes at a time: what cardc_conv_vectors is made of.
 *
 * A sum at place i is init - the bytes that minus taps have there + those of plus taps; a tap's bytes begin `taps[k]` behind
 * the base. Cores with MVE (Helium) load 16 bytes from any address in one instruction. In assembly, as compilers spill
 * vectors in such loops; elsewhere the same in plain C.
 */
#ifndef CARDC_VECTORS_H
#define CARDC_VECTORS_H

#include "cardc_assembly.h"

#define CARDC_VECTOR 16u

/* The assembly knows the order. */
typedef struct cardc_vector_taps {
  void *out;            /* bytes, or 16 bits for cardc_sum_halves */
  const CARDC_ROM uint16_t *taps; /* of minus, then of plus */
  const uint8_t *base;
  uint32_t init; /* in every byte, or in both halves */
  uint32_t minus, plus;
  uint32_t vectors; /* at least 1; of 16 bytes each, cardc_sum_halves: of 8 */
} cardc_vector_taps;

/* The same with a weight for each tap: out = init + weights times taps. */
typedef struct cardc_vector_products {
  void *out; /* 16 bits, or 32 for cardc_multiply_words */
  const CARDC_ROM uint16_t *taps;
  const uint8_t *base;
  uint32_t init;
  const CARDC_ROM int8_t *weights;
  uint32_t count;   /* at least 1 */
  uint32_t vectors; /* of 8 bytes each, cardc_multiply_words: of 4 */
} cardc_vector_products;

#if CARDC_MVE
/* One tap on vector K. q7 is what was loaded. */
#define CARDC_ON0(LOAD, OP, SIZE) LOAD " q7, [r7]\n" OP " q0, q0, q7\n"
#define CARDC_ON(K, LOAD, OP, AT) LOAD " q7, [r7, #" AT "]\n" OP " q" K ", q" K ", q7\n"
#define CARDC_ON1(T, L, OP) CARDC_ON0(L, OP, )
#define CARDC_ON2(T, L, OP) CARDC_ON1(T, L, OP) CARDC_ON("1", L, OP, T("16", "8"))
#define CARDC_ON3(T, L, OP) CARDC_ON2(T, L, OP) CARDC_ON("2", L, OP, T("32", "16"))
#define CARDC_ON4(T, L, OP) CARDC_ON3(T, L, OP) CARDC_ON("3", L, OP, T("48", "24"))
#define CARDC_ON5(T, L, OP) CARDC_ON4(T, L, OP) CARDC_ON("4", L, OP, T("64", "32"))
#define CARDC_ON6(T, L, OP) CARDC_ON5(T, L, OP) CARDC_ON("5", L, OP, T("80", "40"))
#define CARDC_ON7(T, L, OP) CARDC_ON6(T, L, OP) CARDC_ON("6", L, OP, T("96", "48"))
#define CARDC_SET1 "vdup.32 q0, r3\n"
#define CARDC_SET2 CARDC_SET1 "vdup.32 q1, r3\n"
#define CARDC_SET3 CARDC_SET2 "vdup.32 q2, r3\n"
#define CARDC_SET4 CARDC_SET3 "vdup.32 q3, r3\n"
#define CARDC_SET5 CARDC_SET4 "vdup.32 q4, r3\n"
#define CARDC_SET6 CARDC_SET5 "vdup.32 q5, r3\n"
#define CARDC_SET7 CARDC_SET6 "vdup.32 q6, r3\n"
#define CARDC_PUT1 "vstrb.8 q0, [r0], #16\n"
#define CARDC_PUT2 CARDC_PUT1 "vstrb.8 q1, [r0], #16\n"
#define CARDC_PUT3 CARDC_PUT2 "vstrb.8 q2, [r0], #16\n"
#define CARDC_PUT4 CARDC_PUT3 "vstrb.8 q3, [r0], #16\n"
#define CARDC_PUT5 CARDC_PUT4 "vstrb.8 q4, [r0], #16\n"
#define CARDC_PUT6 CARDC_PUT5 "vstrb.8 q5, [r0], #16\n"
#define CARDC_PUT7 CARDC_PUT6 "vstrb.8 q6, [r0], #16\n"
#define CARDC_BYTE_AT(BYTES, HALVES) BYTES
#define CARDC_HALF_AT(BYTES, HALVES) HALVES

/* A tile of N vectors: 3 + 2 * N instructions a tap. */
#define CARDC_VECTOR_TILE(N, T, LOAD, SUB, ADD, STEP)                                       \
  CARDC_SET##N "mov r8, r1\n wls lr, r4, 2f\n"                                               \
  "1:\n ldrh r7, [r8], #2\n add r7, r2\n" CARDC_ON##N(T, LOAD, SUB) "le lr, 1b\n"             \
  "2:\n wls lr, r5, 4f\n"                                                                    \
  "3:\n ldrh r7, [r8], #2\n add r7, r2\n" CARDC_ON##N(T, LOAD, ADD) "le lr, 3b\n"             \
  "4:\n" CARDC_PUT##N "add r2, #" STEP "\n subs r6, #" #N "\n bne 70b\n b 80f\n"

/* r0 out, r1 taps, r2 base, r3 init, r4 minus, r5 plus, r6 vectors left, r7 address of a tap, r8 place in the list. Tiles of
 * seven vectors, then what is left. */
#define CARDC_VECTOR_SUMS(NAME, T, LOAD, SUB, ADD)                                             \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_vector_taps *job) {                           \
    __asm__ volatile(                                                                          \
        ".syntax unified\n push {r4-r8, lr}\n vpush {d8-d15}\n ldmia r0, {r0-r6}\n"             \
        "70:\n cmp r6, #7\n bhs 77f\n tbh [pc, r6, lsl #1]\n"                                    \
        "69:\n .short 0, (71f - 69b) / 2, (72f - 69b) / 2, (73f - 69b) / 2, (74f - 69b) / 2\n"   \
        ".short (75f - 69b) / 2, (76f - 69b) / 2\n"                                             \
        "77:\n" CARDC_VECTOR_TILE(7, T, LOAD, SUB, ADD, T("112", "56"))                         \
        "76:\n" CARDC_VECTOR_TILE(6, T, LOAD, SUB, ADD, T("96", "48"))                          \
        "75:\n" CARDC_VECTOR_TILE(5, T, LOAD, SUB, ADD, T("80", "40"))                          \
        "74:\n" CARDC_VECTOR_TILE(4, T, LOAD, SUB, ADD, T("64", "32"))                          \
        "73:\n" CARDC_VECTOR_TILE(3, T, LOAD, SUB, ADD, T("48", "24"))                          \
        "72:\n" CARDC_VECTOR_TILE(2, T, LOAD, SUB, ADD, T("32", "16"))                          \
        "71:\n" CARDC_VECTOR_TILE(1, T, LOAD, SUB, ADD, T("16", "8"))                           \
        "80:\n vpop {d8-d15}\n pop {r4-r8, pc}\n");                                             \
  }
/* Bytes that stop at 255 as plus taps are added. */
CARDC_VECTOR_SUMS(cardc_sum_bytes, CARDC_BYTE_AT, "vldrb.u8", "vsub.i8", "vqadd.u8")
/* Bytes added up to 16 bits. */
CARDC_VECTOR_SUMS(cardc_sum_halves, CARDC_HALF_AT, "vldrb.u16", "vsub.i16", "vadd.i16")

/* The same with a product, whose weight is in r12. */
#define CARDC_BY(K, LOAD, OP, AT) LOAD " q7, [r7, #" AT "]\n" OP " q" K ", q7, r12\n"
#define CARDC_BY1(T, L, OP) CARDC_BY("0", L, OP, "0")
#define CARDC_BY2(T, L, OP) CARDC_BY1(T, L, OP) CARDC_BY("1", L, OP, T("8", "4"))
#define CARDC_BY3(T, L, OP) CARDC_BY2(T, L, OP) CARDC_BY("2", L, OP, T("16", "8"))
#define CARDC_BY4(T, L, OP) CARDC_BY3(T, L, OP) CARDC_BY("3", L, OP, T("24", "12"))
#define CARDC_BY5(T, L, OP) CARDC_BY4(T, L, OP) CARDC_BY("4", L, OP, T("32", "16"))
#define CARDC_BY6(T, L, OP) CARDC_BY5(T, L, OP) CARDC_BY("5", L, OP, T("40", "20"))
#define CARDC_BY7(T, L, OP) CARDC_BY6(T, L, OP) CARDC_BY("6", L, OP, T("48", "24"))
/* A tile of N vectors: 4 + 2 * N instructions a tap. */
#define CARDC_PRODUCT_TILE(N, T, LOAD, OP, STEP)                                                        \
  CARDC_SET##N "mov r8, r1\n mov r9, r4\n dls lr, r5\n"                                                 \
  "1:\n ldrh r7, [r8], #2\n ldrsb r12, [r9], #1\n add r7, r2\n" CARDC_BY##N(T, LOAD, OP) "le lr, 1b\n"  \
  CARDC_PUT##N "add r2, #" STEP "\n subs r6, #" #N "\n bne 70b\n b 80f\n"

/* As CARDC_VECTOR_SUMS; r4 weights, r5 how many, r9 place among them. */
#define CARDC_VECTOR_PRODUCTS(NAME, T, LOAD, OP)                                                \
  CARDC_NAKED void NAME(CARDC_UNUSED const cardc_vector_products *job) {                       \
    __asm__ volatile(                                                                          \
        ".syntax unified\n push {r4-r9, r12, lr}\n vpush {d8-d15}\n ldmia r0, {r0-r6}\n"       \
        "70:\n cmp r6, #7\n bhs 77f\n tbh [pc, r6, lsl #1]\n"                                   \
        "69:\n .short 0, (71f - 69b) / 2, (72f - 69b) / 2, (73f - 69b) / 2, (74f - 69b) / 2\n"  \
        ".short (75f - 69b) / 2, (76f - 69b) / 2\n"                                            \
        "77:\n" CARDC_PRODUCT_TILE(7, T, LOAD, OP, T("56", "28"))                              \
        "76:\n" CARDC_PRODUCT_TILE(6, T, LOAD, OP, T("48", "24"))                              \
        "75:\n" CARDC_PRODUCT_TILE(5, T, LOAD, OP, T("40", "20"))                              \
        "74:\n" CARDC_PRODUCT_TILE(4, T, LOAD, OP, T("32", "16"))                              \
        "73:\n" CARDC_PRODUCT_TILE(3, T, LOAD, OP, T("24", "12"))                              \
        "72:\n" CARDC_PRODUCT_TILE(2, T, LOAD, OP, T("16", "8"))                               \
        "71:\n" CARDC_PRODUCT_TILE(1, T, LOAD, OP, T("8", "4"))                                \
        "80:\n vpop {d8-d15}\n pop {r4-r9, r12, pc}\n");                                      \
  }
CARDC_VECTOR_PRODUCTS(cardc_multiply_halves, CARDC_BYTE_AT, "vldrb.u16", "vmla.s16")
CARDC_VECTOR_PRODUCTS(cardc_multiply_words, CARDC_HALF_AT, "vldrb.u32", "vmla.s32")

/* to[0 .. 16 * vectors) = sums of bytes, with what stands there where `add` is not 0. */
CARDC_NAKED void cardc_widen_bytes(CARDC_UNUSED uint16_t *to, CARDC_UNUSED const uint8_t *from, CARDC_UNUSED uint32_t vectors,
                                   CARDC_UNUSED uint32_t add) {
  __asm__ volatile(
      ".syntax unified\n push {r4, lr}\n dls lr, r2\n cbz r3, 2f\n"
      "1:\n vldrb.u16 q0, [r1], #8\n vldrb.u16 q1, [r1], #8\n vldrh.u16 q2, [r0]\n vldrh.u16 q3, [r0, #16]\n"
      "vadd.i16 q0, q0, q2\n vadd.i16 q1, q1, q3\n vstrh.16 q0, [r0], #16\n vstrh.16 q1, [r0], #16\n le lr, 1b\n"
      "pop {r4, pc}\n"
      "2:\n vldrb.u16 q0, [r1], #8\n vldrb.u16 q1, [r1], #8\n"
      "vstrh.16 q0, [r0], #16\n vstrh.16 q1, [r0], #16\n le lr, 2b\n"
      "pop {r4, pc}\n");
}
#else
static CARDC_NOINLINE void cardc_sum_bytes(const cardc_vector_taps *job) {
  uint8_t *out = (uint8_t *)job->out;
  uint32_t i, k;
  CARDC_NO_UNROLL for (i = 0; i < CARDC_VECTOR * job->vectors; i++) {
    const CARDC_ROM uint16_t *tap = job->taps;
    uint32_t sum = job->init & 0xffu;
    CARDC_NO_UNROLL for (k = job->minus; k > 0; k--) { sum -= job->base[*tap++ + i]; }
    CARDC_NO_UNROLL for (k = job->plus; k > 0; k--) { sum += job->base[*tap++ + i]; }
    out[i] = (uint8_t)(sum < 255 ? sum : 255);
  }
}

static CARDC_NOINLINE void cardc_sum_halves(const cardc_vector_taps *job) {
  uint16_t *out = (uint16_t *)job->out;
  uint32_t i, k;
  CARDC_NO_UNROLL for (i = 0; i < CARDC_VECTOR / 2 * job->vectors; i++) {
    const CARDC_ROM uint16_t *tap = job->taps;
    uint32_t sum = job->init & 0xffffu;
    CARDC_NO_UNROLL for (k = job->minus; k > 0; k--) { sum -= job->base[*tap++ + i]; }
    CARDC_NO_UNROLL for (k = job->plus; k > 0; k--) { sum += job->base[*tap++ + i]; }
    out[i] = (uint16_t)sum;
  }
}

#define CARDC_VECTOR_PRODUCTS(NAME, TYPE, LANES)                                                  \
  static CARDC_NOINLINE void NAME(const cardc_vector_products *job) {                              \
    TYPE *out = (TYPE *)job->out;                                                                  \
    uint32_t i, k;                                                                                 \
    CARDC_NO_UNROLL for (i = 0; i < LANES * job->vectors; i++) {                                   \
      uint32_t sum = job->init;                                                                    \
      CARDC_NO_UNROLL for (k = 0; k < job->count; k++) {                                           \
        sum += (uint32_t)(job->weights[k] * (int32_t)job->base[job->taps[k] + i]);                 \
      }                                                                                            \
      out[i] = (TYPE)sum;                                                                          \
    }                                                                                              \
  }
CARDC_VECTOR_PRODUCTS(cardc_multiply_halves, uint16_t, 8)
CARDC_VECTOR_PRODUCTS(cardc_multiply_words, uint32_t, 4)

static CARDC_NOINLINE void cardc_widen_bytes(uint16_t *to, const uint8_t *from, uint32_t vectors, uint32_t add) {
  uint32_t i;
  CARDC_NO_UNROLL for (i = 0; i < CARDC_VECTOR * vectors; i++) { to[i] = (uint16_t)((add ? to[i] : 0u) + from[i]); }
}
#endif

#endif
