#include "cardc_bits.h"
#include "cardc_dense.h"

#define AT(K) ((x[K] ^ w[2 * (K) + 1]) & w[2 * (K)])

/* Bits that count: +1 weights over a 1, -1 weights over a 0. `w` holds a mask and a sign for each word. */
static uint32_t agreements(const CARDC_ROM uint32_t *w, const uint32_t *x, uint32_t words) {
  uint32_t count = 0;
  CARDC_NO_UNROLL for (; words >= 8; words -= 8, w += 16, x += 8) {
    count += cardc_popcount8(AT(0), AT(1), AT(2), AT(3), AT(4), AT(5), AT(6), AT(7));
  }
  CARDC_NO_UNROLL for (; words > 0; words--, w += 2, x++) {
    count += cardc_popcount(AT(0));
  }
  return count;
}

void cardc_dense_ternary(const CARDC_ROM cardc_dense_planes_layer *layer, const CARDC_ROM cardc_finish *finish,
                         const uint32_t *src, void *dst) {
  const uint32_t words = layer->words, outputs = layer->outputs;
  const CARDC_ROM uint32_t *row = layer->weights;
  int32_t sums[CARDC_OUTPUTS];
  uint32_t o, n, p, k;
  for (o = 0; o < outputs; o += n, row += 2 * n * words) {
    n = outputs - o < CARDC_OUTPUTS ? outputs - o : CARDC_OUTPUTS;
    cardc_clear_sums(sums, CARDC_OUTPUTS);
    for (p = 0; p < layer->planes; p++) {
      CARDC_NO_UNROLL for (k = 0; k < n; k++) {
        sums[k] += (int32_t)(agreements(row + k * 2 * words, src + p * words, words) << p);
      }
    }
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
