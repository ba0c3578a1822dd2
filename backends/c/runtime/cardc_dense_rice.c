#include "cardc_rice.h"

void cardc_dense_rice(const CARDC_ROM cardc_dense_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst) {
  const uint32_t inputs = layer->inputs, outputs = layer->outputs, remainder = layer->weights.remainder;
  cardc_rice_reader reader = {layer->weights.codes, 0, 0};
  int32_t sums[CARDC_OUTPUTS];
  uint32_t o = 0, n = 0, place = 0;
  int32_t sum = 0;
  for (;;) {
    const uint32_t gap = cardc_rice_gap(&reader, remainder);
    int32_t x;
    place += gap >> 1;
    CARDC_NO_UNROLL while (place >= inputs) { /* the row ends, and maybe empty ones behind it */
      place -= inputs;
      sums[n++] = sum;
      sum = 0;
      if (n == CARDC_OUTPUTS || o + n == outputs) {
        cardc_finish_outputs(finish, o, sums, n, dst);
        o += n;
        n = 0;
        if (o == outputs) {
          return;
        }
      }
    }
    x = src[place++];
    sum += gap & 1 ? -x : x;
  }
}
