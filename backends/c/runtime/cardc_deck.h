/* The answers of several networks, brought to one unit and added. */
#ifndef CARDC_DECK_H
#define CARDC_DECK_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Probabilities from integer logits, 2^16 for certainty. With d = (largest of x) - x[j]:
 *   z = (d * multiplier + rounding) >> shift, twelve binary places of octaves; n = z >> 12
 *   e[j] = A[(z >> 6) & 63] * B[z & 63] >> min(n + headroom, 31), and 0 where d > limit
 *   p[j] = ((e[j] >> k) * ((1 << 31) / (s >> k)) + (1 << 14)) >> 15, s the sum of e, s >> k of 16 bits
 * limit * multiplier + rounding < 2^32; headroom = ceil(log2(count)); count is 1 to 4096. */
typedef struct cardc_softmax {
  uint32_t multiplier, rounding, limit;
  uint8_t shift, headroom;
} cardc_softmax;

/* out[j] += weight * p[j]. `x` points to int16_t, or with `wide` = 1 to int32_t. */
void cardc_add_softmax(const void *x, uint32_t wide, uint32_t count, const CARDC_ROM cardc_softmax *softmax,
                       int32_t weight, int32_t *out);

/* out[j] += weight * (x[j] * multiplier + offset). */
void cardc_add_logits(const void *x, uint32_t wide, uint32_t count, int32_t multiplier, int32_t offset, int32_t weight,
                      int32_t *out);

#ifdef __cplusplus
}
#endif

#endif
