#include "cardc_dense.h"

/* The sum of `count` bytes of x, each `steps` further than the one before. */
static inline int32_t gather(const uint8_t *x, const CARDC_ROM uint8_t *steps, uint32_t count) {
  uint32_t sum = 0, four;
#if defined(__ARM_FEATURE_DSP)
  CARDC_NO_UNROLL for (; count >= 4; count -= 4, steps += 4) { /* one load for four steps, one UXTAB each */
    CARDC_MEMCPY(&four, steps, sizeof four);
    x += four & 0xff;
    CARDC_PIN(x);
    sum += *x;
    x += (four >> 8) & 0xff;
    CARDC_PIN(x);
    sum += *x;
    x += (four >> 16) & 0xff;
    CARDC_PIN(x);
    sum += *x;
    x += four >> 24;
    CARDC_PIN(x);
    sum += *x;
  }
#else
  CARDC_NO_UNROLL for (four = count >> 2; four > 0; four--, steps += 4) {
    x += steps[0];
    CARDC_PIN(x);
    sum += *x;
    x += steps[1];
    CARDC_PIN(x);
    sum += *x;
    x += steps[2];
    CARDC_PIN(x);
    sum += *x;
    x += steps[3];
    CARDC_PIN(x);
    sum += *x;
  }
  count &= 3;
#endif
  CARDC_NO_UNROLL for (; count > 0; count--) {
    x += *steps++;
    CARDC_PIN(x);
    sum += *x;
  }
  return (int32_t)sum;
}

void cardc_dense_sparse(const CARDC_ROM cardc_dense_sparse_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst) {
  const uint32_t outputs = layer->outputs;
  const CARDC_ROM uint8_t *steps = layer->steps;
  const CARDC_ROM uint16_t *counts = layer->counts;
  int32_t sums[CARDC_OUTPUTS];
  uint32_t o, n, k;
  for (o = 0; o < outputs; o += n) {
    n = outputs - o < CARDC_OUTPUTS ? outputs - o : CARDC_OUTPUTS;
    CARDC_NO_UNROLL for (k = 0; k < n; k++, counts += 2) {
      const int32_t plus = gather(src, steps, counts[0]);
      steps += counts[0];
      sums[k] = plus - gather(src, steps, counts[1]);
      steps += counts[1];
    }
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
