#include "cardc_wide.h"

/* The sum of `count` products, in SUM. */
#define DOT(SUM, WEIGHT, TYPE)                                                 \
  do {                                                                         \
    const CARDC_ROM WEIGHT *w = (const CARDC_ROM WEIGHT *)weights;             \
    const TYPE *x = (const TYPE *)src;                                         \
    SUM sum = 0;                                                               \
    CARDC_NO_UNROLL for (; count > 0; count--) {                               \
      sum += (SUM)*w++ * *x++;                                                 \
    }                                                                          \
    return sum;                                                                \
  } while (0)

/* Sums of 32 bits, by the type of what is read. */
#define DOT_SMALL(WEIGHT)                                                      \
  do {                                                                         \
    if (type == CARDC_U8) {                                                    \
      DOT(int32_t, WEIGHT, uint8_t);                                           \
    }                                                                          \
    if (type == CARDC_I16) {                                                   \
      DOT(int32_t, WEIGHT, int16_t);                                           \
    }                                                                          \
    DOT(int32_t, WEIGHT, int32_t);                                             \
  } while (0)

static int32_t dot8(const CARDC_ROM int8_t *weights, uint8_t type, const void *src, uint32_t count) {
  DOT_SMALL(int8_t);
}

static int32_t dot16(const CARDC_ROM int16_t *weights, uint8_t type, const void *src, uint32_t count) {
  DOT_SMALL(int16_t);
}

static int32_t dot32(const CARDC_ROM int32_t *weights, uint8_t type, const void *src, uint32_t count) {
  DOT_SMALL(int32_t);
}

/* As above in 64 bits, for weights from number `at` on. */
static int64_t dot_wide(const CARDC_ROM cardc_wide_weights *w, uint32_t at, uint8_t type, const void *src,
                        uint32_t count) {
  int64_t sum = 0;
  uint32_t i;
  for (i = 0; i < count; i++, at++) {
    const int64_t weight = w->w8 ? w->w8[at] : w->w16 ? w->w16[at] : w->w32[at];
    sum += weight * cardc_element(type, src, i);
  }
  return sum;
}

void cardc_dense_wide(const CARDC_ROM cardc_dense_wide_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                      const void *src, void *dst) {
  const CARDC_ROM cardc_wide_weights *w = &layer->weights;
  const uint32_t inputs = layer->inputs;
  uint32_t o, at = 0;
  for (o = 0; o < layer->outputs; o++, at += inputs) {
    int64_t sum;
    if (!layer->small) {
      sum = dot_wide(w, at, layer->type, src, inputs);
    } else if (w->w8) {
      sum = dot8(w->w8 + at, layer->type, src, inputs);
    } else if (w->w16) {
      sum = dot16(w->w16 + at, layer->type, src, inputs);
    } else {
      sum = dot32(w->w32 + at, layer->type, src, inputs);
    }
    cardc_wide_row(finish, o, &sum, 1, dst, o);
  }
}
