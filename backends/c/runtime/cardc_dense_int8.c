#include "cardc_dense.h"
#include "cardc_dots.h"

#if CARDC_MVE
#define ROWS CARDC_DOTS
#elif defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && CARDC_UNALIGNED
#define ROWS 4 /* outputs that share the inputs while these are in registers */

static uint32_t word(const void *at) {
  uint32_t value;
  CARDC_MEMCPY(&value, at, sizeof value);
  return value;
}

/* sum += four weights times four inputs, which lie apart as bytes 0, 2 and 1, 3. The instructions by name: arm_acle.h is no
 * header that every toolchain has. */
static int32_t add_four(int32_t sum, const int8_t *w, uint32_t even, uint32_t odd) {
  const uint32_t four = word(w);
  uint32_t pair;
  __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(four));
  __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(pair), "r"(even));
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(four));
  __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(pair), "r"(odd));
  return sum;
}

/* sums[0 .. ROWS) of the rows that begin at `w`. Out of line, as the loop needs every register. */
__attribute__((noinline)) static void dots(const int8_t *w, const uint8_t *x, uint32_t inputs, int32_t *sums) {
  const int8_t *last = w + 3 * inputs;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  uint32_t left = inputs;
  CARDC_NO_UNROLL for (; left >= 4; left -= 4, w += 4, last += 4, x += 4) {
    const uint32_t bytes = word(x);
    const uint32_t even = bytes & 0x00ff00ffu, odd = (bytes >> 8) & 0x00ff00ffu;
    s0 = add_four(s0, w, even, odd);
    s1 = add_four(s1, w + inputs, even, odd);
    s2 = add_four(s2, w + 2 * inputs, even, odd);
    s3 = add_four(s3, last, even, odd);
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

#if !CARDC_MVE
static int32_t dot(const CARDC_ROM int8_t *w, const uint8_t *x, uint32_t count) {
  int32_t sum = 0;
  for (; count >= 4; count -= 4, w += 4, x += 4) {
    sum += w[0] * x[0]; /* one by one: a product fits an int of 16 bits, two do not */
    sum += w[1] * x[1];
    sum += w[2] * x[2];
    sum += w[3] * x[3];
  }
  for (; count > 0; count--) {
    sum += *w++ * *x++;
  }
  return sum;
}
#endif

void cardc_dense_int8(const CARDC_ROM cardc_dense_int8_layer *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst) {
  const uint32_t inputs = layer->inputs, outputs = layer->outputs;
  const CARDC_ROM int8_t *row = layer->weights;
  int32_t sums[CARDC_OUTPUTS];
  uint32_t o, n, k;
#if CARDC_MVE
  const uint32_t lift = cardc_dots_lift(src, inputs);
#endif
  for (o = 0; o < outputs; o += n) {
    n = outputs - o < CARDC_OUTPUTS ? outputs - o : CARDC_OUTPUTS;
    k = 0;
#if CARDC_MVE
    CARDC_NO_UNROLL for (; k < n; k += ROWS, row += ROWS * inputs) {
      cardc_dots(row, src, inputs, n - k < ROWS ? n - k : ROWS, lift, sums + k);
    }
#else
#ifdef ROWS
    for (; k + ROWS <= n; k += ROWS, row += ROWS * inputs) {
      dots(row, src, inputs, sums + k);
    }
#endif
    for (; k < n; k++, row += inputs) {
      sums[k] = dot(row, src, inputs);
    }
#endif
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
