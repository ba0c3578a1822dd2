#include "cardc_dense.h"

void cardc_dense_int8(const cardc_dense_int8_layer *layer, const cardc_finish *finish, const uint8_t *src, void *dst) {
  const int8_t *w = layer->weights;
  uint32_t o, i;
  for (o = 0; o < layer->outputs; o++) {
    int32_t sum = 0;
    for (i = 0; i < layer->inputs; i++) {
      sum += *w++ * src[i];
    }
    cardc_store(finish, dst, o, cardc_finish_one(finish, o, sum));
  }
}
