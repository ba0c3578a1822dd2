#include "cardc_add_bytes.h"
#include "cardc_assembly.h"
#include "cardc_line.h"

#if CARDC_MVE
/* The assembly knows the order. */
typedef struct add_job {
  const uint8_t *a, *b;
  uint8_t *to;
  uint32_t rows, width, a_row, b_row, row, shift, low, top;
  const CARDC_ROM uint8_t *table;
} add_job;

/* Rows: r0 a, r1 b, r2 to, r3 rows left, r4 width, r5, r6, r7 places, r8, r9, r10 to the next rows, r11 and r12 low and top
 * or shift and table. */
#define ADD_ROWS(NAME, BEGIN, BITS, BODY)                                                           \
  CARDC_NAKED void NAME(CARDC_UNUSED const add_job *job) {                                          \
    __asm__ volatile(                                                                               \
        ".syntax unified\n push {r4-r11, lr}\n add r12, r0, #20\n ldmia r0, {r0-r4}\n"             \
        "ldmia r12!, {r8-r10}\n" BEGIN                                                              \
        "1:\n mov r5, r0\n mov r6, r1\n mov r7, r2\n dlstp." BITS " lr, r4\n"                      \
        "2:\n" BODY "letp lr, 2b\n add r0, r8\n add r1, r9\n add r2, r10\n subs r3, #1\n bne 1b\n" \
        "pop {r4-r11, pc}\n");                                                                      \
  }
ADD_ROWS(add_clipped, "ldrd r11, r12, [r12, #4]\n vdup.8 q2, r11\n vdup.8 q3, r12\n", "8",
         "vldrb.u8 q0, [r5], #16\n vldrb.u8 q1, [r6], #16\n vadd.i8 q0, q0, q1\n vqsub.u8 q0, q0, q2\n"
         "vmin.u8 q0, q0, q3\n vstrb.8 q0, [r7], #16\n")
ADD_ROWS(add_by_table, "ldr r11, [r12]\n ldr r12, [r12, #12]\n", "16",
         "vldrb.u16 q0, [r5], #8\n vldrb.u16 q1, [r6], #8\n vshl.u16 q0, r11\n vadd.i16 q0, q0, q1\n"
         "vldrb.u16 q1, [r12, q0]\n vstrb.16 q1, [r7], #8\n")

void cardc_add_bytes(const CARDC_ROM cardc_add_bytes_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *dst) {
  add_job job;
  uint32_t c;
  job.a = a, job.b = b, job.to = dst, job.rows = layer->to.height, job.width = layer->to.width;
  job.a_row = layer->a_row, job.b_row = layer->b_row, job.row = layer->to.row;
  job.shift = layer->shift, job.low = layer->low, job.top = layer->top, job.table = layer->table;
  for (c = layer->to.channels; c > 0; c--) {
    if (layer->packed) {
      add_clipped(&job);
    } else {
      add_by_table(&job);
    }
    job.a += layer->a_plane, job.b += layer->b_plane, job.to += layer->to.plane;
  }
}
#else
#define ADD(K) dst[K] = table[((uint32_t)a[K] << shift) + b[K]]

static void look_up(const CARDC_ROM uint8_t *table, uint32_t shift, const uint8_t *a, const uint8_t *b, uint32_t count,
                    uint8_t *dst) {
  if (shift == 0) { /* equal scales: the sum says all */
    CARDC_NO_UNROLL for (; count >= 4; count -= 4, a += 4, b += 4, dst += 4) {
      dst[0] = table[a[0] + b[0]], dst[1] = table[a[1] + b[1]];
      dst[2] = table[a[2] + b[2]], dst[3] = table[a[3] + b[3]];
    }
  }
  CARDC_NO_UNROLL for (; count >= 4; count -= 4, a += 4, b += 4, dst += 4) { ADD(0), ADD(1), ADD(2), ADD(3); }
  CARDC_NO_UNROLL for (; count > 0; count--, a++, b++, dst++) { ADD(0); }
}

#if defined(__ARM_FEATURE_SIMD32)
static inline uint32_t load(const uint8_t *at) {
  uint32_t word;
  CARDC_MEMCPY(&word, at, sizeof word);
  return word;
}

/* max(sums - low, 0), at most 255 - room */
static inline uint32_t clip(uint32_t sums, uint32_t low, uint32_t room) {
  return cardc_add_bytes4(cardc_sub_bytes(sums, low), room) - room;
}

#define ADD_WORD(K) cardc_put_word(dst + (K), clip(load(a + (K)) + load(b + (K)), low, room))

/* Rows of whole words, by which all three tensors go. */
static CARDC_NOINLINE void add_words(const CARDC_ROM cardc_add_bytes_layer *layer, const uint8_t *a, const uint8_t *b,
                                     uint8_t *dst) {
  const uint32_t width = layer->to.width, low = layer->low * 0x01010101u, room = (255u - layer->top) * 0x01010101u;
  const uint32_t a_skip = layer->a_row - width, b_skip = layer->b_row - width, skip = layer->to.row - width;
  uint32_t y, left;
  CARDC_NO_UNROLL for (y = layer->to.height; y > 0; y--, a += a_skip, b += b_skip, dst += skip) {
    left = width;
    CARDC_NO_UNROLL for (; left >= 8; left -= 8, a += 8, b += 8, dst += 8) {
      ADD_WORD(0);
      ADD_WORD(4);
    }
    if (left > 0) {
      ADD_WORD(0);
      a += 4, b += 4, dst += 4;
    }
  }
}
#endif

void cardc_add_bytes(const CARDC_ROM cardc_add_bytes_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *dst) {
  const uint32_t width = layer->to.width;
  uint32_t c, y;
  for (c = 0; c < layer->to.channels; c++, a += layer->a_plane, b += layer->b_plane, dst += layer->to.plane) {
    const uint8_t *ra = a, *rb = b;
    uint8_t *row = dst;
#if defined(__ARM_FEATURE_SIMD32)
    if (layer->packed && width % 4 == 0) {
      add_words(layer, a, b, dst);
      continue;
    }
#endif
    for (y = layer->to.height; y > 0; y--, ra += layer->a_row, rb += layer->b_row, row += layer->to.row) {
      look_up(layer->table, layer->shift, ra, rb, width, row);
    }
  }
}
#endif
