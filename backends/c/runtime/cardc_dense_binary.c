#include "cardc_bits.h"
#include "cardc_dense.h"

/* Bits in which two vectors of `words` words differ. */
static uint32_t differences(const CARDC_ROM uint32_t *w, const uint32_t *x, uint32_t words) {
  uint32_t count = 0;
  CARDC_NO_UNROLL for (; words >= 8; words -= 8, w += 8, x += 8) {
    count += cardc_popcount8(w[0] ^ x[0], w[1] ^ x[1], w[2] ^ x[2], w[3] ^ x[3], w[4] ^ x[4], w[5] ^ x[5], w[6] ^ x[6],
                             w[7] ^ x[7]);
  }
  CARDC_NO_UNROLL for (; words > 0; words--) {
    count += cardc_popcount(*w++ ^ *x++);
  }
  return count;
}

void cardc_dense_binary(const CARDC_ROM cardc_dense_planes_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint32_t *src, void *dst) {
  const uint32_t words = layer->words, outputs = layer->outputs;
  const CARDC_ROM uint32_t *row = layer->weights;
  int32_t sums[CARDC_OUTPUTS];
  uint32_t o, n, p, k;
  for (o = 0; o < outputs; o += n, row += n * words) {
    n = outputs - o < CARDC_OUTPUTS ? outputs - o : CARDC_OUTPUTS;
    cardc_clear_sums(sums, CARDC_OUTPUTS);
    for (p = 0; p < layer->planes; p++) {
      CARDC_NO_UNROLL for (k = 0; k < n; k++) {
        sums[k] += (int32_t)(differences(row + k * words, src + p * words, words) << p);
      }
    }
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
