#include "cardc_move.h"

#if defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__) && CARDC_UNALIGNED
/* The first `count` / 4 * 4 pixels of a row, four at a time: bytes x ^ flip, unsigned, `above` from 255 up, `below` left out;
 * then >> 1 where `half`. The instructions by name: arm_acle.h is no header that every toolchain has. */
static uint32_t load_fours(const void *src, uint32_t flip, uint32_t above, uint32_t below, uint32_t half, uint32_t count,
                           uint8_t *row) {
  const uint8_t *from = (const uint8_t *)src;
  uint32_t left = count / 4, four;
  above *= 0x01010101u;
  below *= 0x01010101u;
  CARDC_NO_UNROLL for (; left > 0; left--, from += 4, row += 4) {
    CARDC_MEMCPY(&four, from, sizeof four);
    four ^= flip;
    __asm__("uqadd8 %0, %0, %1" : "+r"(four) : "r"(above));
    __asm__("uqsub8 %0, %0, %1" : "+r"(four) : "r"(below));
    if (half) {
      four = (four >> 1) & 0x7f7f7f7fu;
    }
    CARDC_MEMCPY(row, &four, sizeof four);
  }
  return count & ~3u;
}
#define LOAD_FOURS(FLIP, MOST)                                                                                        \
  hi > (MOST) || lo < (MOST) - 255 ? 0                                                                                \
                                   : load_fours(src, FLIP, (uint32_t)((MOST) - hi), (uint32_t)(255 - most),           \
                                                (uint32_t)step >> 1, to->width, row)
#else
#define LOAD_FOURS(FLIP, MOST) 0
#endif

/* Both kernels, by the type of `src`, whose largest value is MOST and whose sign bits are FLIP. Rows of bytes that need no
 * change are copied. In the order of addresses, so that `src` may lie in `dst`'s own memory, further up. */
#define LOAD(SAME, FLIP, MOST)                                          \
  const int32_t most = hi - lo;                                         \
  uint32_t c, y, x;                                                     \
  for (c = 0; c < to->channels; c++) {                                  \
    for (y = 0; y < to->height; y++, src += to->width) {                \
      uint8_t *row = dst + c * to->plane + y * to->row;                 \
      if (SAME) {                                                       \
        if (row != (const uint8_t *)src) {                              \
          memcpy(row, src, to->width);                                  \
        }                                                               \
        continue;                                                       \
      }                                                                 \
      x = LOAD_FOURS(FLIP, MOST);                                       \
      if (step == 1) {                                                  \
        CARDC_NO_UNROLL for (; x < to->width; x++) {                    \
          const int32_t u = src[x] - lo;                                \
          row[x] = (uint8_t)(u < 0 ? 0 : u > most ? most : u);          \
        }                                                               \
      } else {                                                          \
        CARDC_NO_UNROLL for (; x < to->width; x++) {                    \
          const int32_t u = src[x] - lo;                                \
          row[x] = (uint8_t)((u < 0 ? 0 : u > most ? most : u) >> 1);   \
        }                                                               \
      }                                                                 \
    }                                                                   \
  }

void cardc_load_i8(const int8_t *src, int32_t lo, int32_t hi, int32_t step, const CARDC_ROM cardc_map *to,
                   uint8_t *dst) {
  LOAD(0, 0x80808080u, 127)
}

void cardc_load_u8(const uint8_t *src, int32_t lo, int32_t hi, int32_t step, const CARDC_ROM cardc_map *to,
                   uint8_t *dst) {
  LOAD(lo == 0 && hi == 255 && step == 1, 0, 255)
}
