/* Additions of two tensors of bytes, to bytes. */
#ifndef CARDC_ADD_BYTES_H
#define CARDC_ADD_BYTES_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dst = table[(a << shift) + b] for every element. With `packed` the same is
 *     min(max(a + b - low, 0), top), where no a + b is above 255,
 * which the DSP extension computes four at a time, MVE sixteen. `to` has the sizes; planes and rows of all three are in bytes. */
typedef struct cardc_add_bytes_layer {
  const CARDC_ROM uint8_t *table;
  uint8_t shift, packed, low, top;
  uint32_t a_plane, a_row, b_plane, b_row;
  cardc_map to;
} cardc_add_bytes_layer;

void cardc_add_bytes(const CARDC_ROM cardc_add_bytes_layer *layer, const uint8_t *a, const uint8_t *b, uint8_t *dst);

#ifdef __cplusplus
}
#endif

#endif
