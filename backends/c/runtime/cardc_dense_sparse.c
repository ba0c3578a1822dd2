#include "cardc_dense.h"

void cardc_dense_sparse(const cardc_dense_sparse_layer *layer, const cardc_finish *finish, const uint8_t *src,
                        void *dst) {
  const uint8_t *steps = layer->steps;
  const uint16_t *counts = layer->counts;
  uint32_t o, n;
  for (o = 0; o < layer->outputs; o++) {
    const uint8_t *at = src;
    int32_t sum = 0;
    for (n = *counts++; n > 0; n--) {
      at += *steps++;
      sum += *at;
    }
    at = src;
    for (n = *counts++; n > 0; n--) {
      at += *steps++;
      sum -= *at;
    }
    cardc_store(finish, dst, o, cardc_finish_one(finish, o, sum));
  }
}
