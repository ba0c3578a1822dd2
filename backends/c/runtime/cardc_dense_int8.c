#include "cardc_dense.h"

static int32_t dot(const int8_t *w, const uint8_t *x, uint32_t count) {
  int32_t sum = 0;
  for (; count >= 4; count -= 4, w += 4, x += 4) {
    sum += w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
  }
  for (; count > 0; count--) {
    sum += *w++ * *x++;
  }
  return sum;
}

void cardc_dense_int8(const cardc_dense_int8_layer *layer, const cardc_finish *finish, const uint8_t *src, void *dst) {
  const uint32_t inputs = layer->inputs, outputs = layer->outputs;
  const int8_t *row = layer->weights;
  int32_t sums[CARDC_OUTPUTS];
  uint32_t o, n, k;
  for (o = 0; o < outputs; o += n) {
    n = outputs - o < CARDC_OUTPUTS ? outputs - o : CARDC_OUTPUTS;
    for (k = 0; k < n; k++, row += inputs) {
      sums[k] = dot(row, src, inputs);
    }
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
