#include "cardc_bits.h"
#include "cardc_dense.h"

void cardc_dense_ternary(const cardc_dense_planes_layer *layer, const cardc_finish *finish, const uint32_t *src,
                         void *dst) {
  const uint32_t *row = layer->weights;
  uint32_t o, p, k;
  for (o = 0; o < layer->outputs; o++, row += 2u * layer->words) {
    const uint32_t *x = src;
    uint32_t sum = 0;
    for (p = 0; p < layer->planes; p++) {
      uint32_t count = 0;
      for (k = 0; k < layer->words; k++) {
        count += cardc_popcount((*x++ ^ row[2 * k + 1]) & row[2 * k]);
      }
      sum += count << p;
    }
    cardc_store(finish, dst, o, cardc_finish_one(finish, o, (int32_t)sum));
  }
}
