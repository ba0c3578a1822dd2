#include "cardc_add_bytes.h"
#include "cardc_line.h"

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
