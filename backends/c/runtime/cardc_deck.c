#include "cardc_deck.h"

/* round(2^15 * 2^(-i / 64)) and round(2^15 * 2^(-i / 4096)) */
static const CARDC_ROM uint16_t softmax_coarse[64] = {
  32768, 32415, 32066, 31720, 31379, 31041, 30706, 30376, 30048, 29725, 29405, 29088, 28774, 28464, 28158, 27855,
  27554, 27258, 26964, 26674, 26386, 26102, 25821, 25543, 25268, 24995, 24726, 24460, 24196, 23936, 23678, 23423,
  23170, 22921, 22674, 22430, 22188, 21949, 21713, 21479, 21247, 21019, 20792, 20568, 20347, 20127, 19911, 19696,
  19484, 19274, 19066, 18861, 18658, 18457, 18258, 18061, 17867, 17674, 17484, 17296, 17109, 16925, 16743, 16562,
};
static const CARDC_ROM uint16_t softmax_fine[64] = {
  32768, 32762, 32757, 32751, 32746, 32740, 32735, 32729, 32724, 32718, 32713, 32707, 32702, 32696, 32690, 32685,
  32679, 32674, 32668, 32663, 32657, 32652, 32646, 32641, 32635, 32630, 32624, 32619, 32613, 32608, 32602, 32597,
  32591, 32586, 32580, 32574, 32569, 32563, 32558, 32552, 32547, 32541, 32536, 32530, 32525, 32519, 32514, 32508,
  32503, 32497, 32492, 32486, 32481, 32475, 32470, 32464, 32459, 32453, 32448, 32442, 32437, 32431, 32426, 32421,
};

static int32_t logit(const void *x, uint32_t wide, uint32_t index) {
  return wide ? ((const int32_t *)x)[index] : ((const int16_t *)x)[index];
}

static uint32_t softmax_power(const CARDC_ROM cardc_softmax *softmax, uint32_t distance) {
  uint32_t z, down;
  if (distance > softmax->limit) {
    return 0;
  }
  z = (distance * softmax->multiplier + softmax->rounding) >> softmax->shift;
  down = (z >> 12) + softmax->headroom;
  return ((uint32_t)softmax_coarse[(z >> 6) & 63u] * softmax_fine[z & 63u]) >> (down < 31 ? down : 31);
}

void cardc_add_softmax(const void *x, uint32_t wide, uint32_t count, const CARDC_ROM cardc_softmax *softmax,
                       int32_t weight, int32_t *out) {
  uint32_t largest = (uint32_t)logit(x, wide, 0), sum = 0, k = 0, reciprocal, j;
  for (j = 1; j < count; j++) {
    int32_t v = logit(x, wide, j);
    largest = v > (int32_t)largest ? (uint32_t)v : largest;
  }
  for (j = 0; j < count; j++) {
    sum += softmax_power(softmax, largest - (uint32_t)logit(x, wide, j));
  }
  while (sum >> k > 0xFFFFu) {
    k++;
  }
  reciprocal = 0x80000000u / (sum >> k);
  for (j = 0; j < count; j++) {
    uint32_t e = softmax_power(softmax, largest - (uint32_t)logit(x, wide, j)) >> k;
    out[j] += weight * (int32_t)((e * reciprocal + 0x4000u) >> 15);
  }
}

void cardc_add_logits(const void *x, uint32_t wide, uint32_t count, int32_t multiplier, int32_t offset, int32_t weight,
                      int32_t *out) {
  uint32_t j;
  for (j = 0; j < count; j++) {
    out[j] += weight * (logit(x, wide, j) * multiplier + offset);
  }
}
