#include "cardc_move.h"

/* Both kernels, by the type of `src`. Rows of bytes that need no change are copied. */
#define LOAD(SAME)                                                      \
  const int32_t most = hi - lo;                                         \
  uint32_t c, y, x;                                                     \
  for (c = 0; c < to->channels; c++) {                                  \
    for (y = 0; y < to->height; y++, src += to->width) {                \
      uint8_t *row = dst + c * to->plane + y * to->row;                 \
      if (SAME) {                                                       \
        memcpy(row, src, to->width);                                    \
      } else if (step == 1) {                                           \
        CARDC_NO_UNROLL for (x = 0; x < to->width; x++) {               \
          const int32_t u = src[x] - lo;                                \
          *row++ = (uint8_t)(u < 0 ? 0 : u > most ? most : u);          \
        }                                                               \
      } else {                                                          \
        CARDC_NO_UNROLL for (x = 0; x < to->width; x++) {               \
          const int32_t u = src[x] - lo;                                \
          *row++ = (uint8_t)((u < 0 ? 0 : u > most ? most : u) >> 1);   \
        }                                                               \
      }                                                                 \
    }                                                                   \
  }

void cardc_load_i8(const int8_t *src, int32_t lo, int32_t hi, int32_t step, const CARDC_ROM cardc_map *to,
                   uint8_t *dst) {
  LOAD(0)
}

void cardc_load_u8(const uint8_t *src, int32_t lo, int32_t hi, int32_t step, const CARDC_ROM cardc_map *to,
                   uint8_t *dst) {
  LOAD(lo == 0 && hi == 255 && step == 1)
}
