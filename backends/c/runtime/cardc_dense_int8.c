#include "cardc_dense.h"

#if defined(__ARM_FEATURE_DSP) && CARDC_UNALIGNED
#include <arm_acle.h>
#define ROWS 4 /* outputs that share the inputs while these are in registers */

static uint32_t word(const void *at) {
  uint32_t value;
  CARDC_MEMCPY(&value, at, sizeof value);
  return value;
}

/* sum += four weights times four inputs, the inputs apart as bytes 0, 2 and 1, 3. */
#define FOUR(SUM, W) \
  do { \
    const uint32_t four = word(W); \
    (SUM) = __smlad((int16x2_t)__sxtb16((int8x4_t)four), (int16x2_t)even, (SUM)); \
    (SUM) = __smlad((int16x2_t)__sxtb16((int8x4_t)(four >> 8 | four << 24)), (int16x2_t)odd, (SUM)); \
  } while (0)

/* sums[0 .. ROWS) of the rows that begin at `w`. Out of line, as the loop needs every register. */
__attribute__((noinline)) static void dots(const int8_t *w, const uint8_t *x, uint32_t inputs, int32_t *sums) {
  const int8_t *last = w + 3 * inputs;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  uint32_t left = inputs;
  CARDC_NO_UNROLL for (; left >= 4; left -= 4, w += 4, last += 4, x += 4) {
    const uint32_t bytes = word(x);
    const uint32_t even = bytes & 0x00ff00ffu, odd = (bytes >> 8) & 0x00ff00ffu;
    FOUR(s0, w);
    FOUR(s1, w + inputs);
    FOUR(s2, w + 2 * inputs);
    FOUR(s3, last);
  }
  for (; left > 0; left--, w++, last++, x++) {
    s0 += w[0] * *x;
    s1 += w[inputs] * *x;
    s2 += w[2 * inputs] * *x;
    s3 += *last * *x;
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}
#endif

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
    k = 0;
#ifdef ROWS
    for (; k + ROWS <= n; k += ROWS, row += ROWS * inputs) {
      dots(row, src, inputs, sums + k);
    }
#endif
    for (; k < n; k++, row += inputs) {
      sums[k] = dot(row, src, inputs);
    }
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
