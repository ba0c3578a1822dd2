#include "cardc_move.h"

uint32_t cardc_argmax_u8(const uint8_t *src, uint32_t count) {
  uint32_t i, best = 0;
  for (i = 1; i < count; i++) {
    best = src[i] > src[best] ? i : best;
  }
  return best;
}

uint32_t cardc_argmax_i16(const int16_t *src, uint32_t count) {
  uint32_t i, best = 0;
  for (i = 1; i < count; i++) {
    best = src[i] > src[best] ? i : best;
  }
  return best;
}

uint32_t cardc_argmax_i32(const int32_t *src, uint32_t count) {
  uint32_t i, best = 0;
  for (i = 1; i < count; i++) {
    best = src[i] > src[best] ? i : best;
  }
  return best;
}
