#ifndef CARDC_DECK_H_
#define CARDC_DECK_H_

// The answers of the cards of a deck, brought to one unit and added: to the bit what cardc's FixedSoftmax and DeckJoin are.

#include "ap_int.h"

namespace nnet {

inline int cardc_coarse(unsigned index) {
    static const unsigned short table[64] = {
        32768, 32415, 32066, 31720, 31379, 31041, 30706, 30376, 30048, 29725, 29405, 29088, 28774, 28464, 28158,
        27855, 27554, 27258, 26964, 26674, 26386, 26102, 25821, 25543, 25268, 24995, 24726, 24460, 24196, 23936,
        23678, 23423, 23170, 22921, 22674, 22430, 22188, 21949, 21713, 21479, 21247, 21019, 20792, 20568, 20347,
        20127, 19911, 19696, 19484, 19274, 19066, 18861, 18658, 18457, 18258, 18061, 17867, 17674, 17484, 17296,
        17109, 16925, 16743, 16562,
    };
    return table[index];
}

inline int cardc_fine(unsigned index) {
    static const unsigned short table[64] = {
        32768, 32762, 32757, 32751, 32746, 32740, 32735, 32729, 32724, 32718, 32713, 32707, 32702, 32696, 32690,
        32685, 32679, 32674, 32668, 32663, 32657, 32652, 32646, 32641, 32635, 32630, 32624, 32619, 32613, 32608,
        32602, 32597, 32591, 32586, 32580, 32574, 32569, 32563, 32558, 32552, 32547, 32541, 32536, 32530, 32525,
        32519, 32514, 32508, 32503, 32497, 32492, 32486, 32481, 32475, 32470, 32464, 32459, 32453, 32448, 32442,
        32437, 32431, 32426, 32421,
    };
    return table[index];
}

struct cardc_softmax {
    unsigned multiplier, rounding, limit, shift, headroom;
};

inline ap_uint<32> cardc_power(const cardc_softmax &softmax, ap_uint<32> distance) {
    if (distance > softmax.limit)
        return 0;
    const ap_uint<32> z = ap_uint<32>(distance * softmax.multiplier + softmax.rounding) >> softmax.shift;
    const unsigned down = unsigned(z >> 12) + softmax.headroom;
    const unsigned at = unsigned(z);
    const ap_uint<32> e = ap_uint<16>(cardc_coarse((at >> 6) & 63u)) * ap_uint<16>(cardc_fine(at & 63u));
    return e >> (down < 31 ? down : 31);
}

// out[j] += weight * probability of x[j], 2^16 for certainty
template <unsigned count> void cardc_add_softmax(const int *x, const cardc_softmax &softmax, int weight, int *out) {
    int largest = x[0];
    ap_uint<32> sum = 0;
    unsigned k = 0;
FIND:
    for (unsigned j = 1; j < count; j++)
        largest = x[j] > largest ? x[j] : largest;
SUM:
    for (unsigned j = 0; j < count; j++)
        sum += cardc_power(softmax, unsigned(largest) - unsigned(x[j]));
NORMALISE:
    for (unsigned bit = 16; bit < 32; bit++)
        k = (sum >> bit) != 0 ? bit - 15 : k;
    const ap_uint<32> reciprocal = ap_uint<32>(0x80000000u) / ap_uint<16>(sum >> k);
SHARE:
    for (unsigned j = 0; j < count; j++) {
        const ap_uint<32> e = cardc_power(softmax, unsigned(largest) - unsigned(x[j])) >> k;
        out[j] += weight * int(ap_uint<32>(e * reciprocal + 0x4000u) >> 15);
    }
}

// out[j] += weight * (x[j] * multiplier + offset)
template <unsigned count> void cardc_add_logits(const int *x, int multiplier, int offset, int weight, int *out) {
LOGITS:
    for (unsigned j = 0; j < count; j++)
        out[j] += weight * (x[j] * multiplier + offset);
}

} // namespace nnet

#endif
