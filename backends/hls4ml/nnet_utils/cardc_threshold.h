#ifndef CARDC_THRESHOLD_H_
#define CARDC_THRESHOLD_H_

#include "cardc_each.h"

// y[i] = base + step * #{k : d * x[i] >= t[k]} per channel, d = -1 where the channel falls.
// For a falling channel -x >= t is !(x >= 1 - t), so its stored thresholds are 1 - t and its count is
// n_levels - #{x >= stored}: x is never negated.

namespace nnet {

struct cardc_threshold_config {
    static const unsigned n_in = 1;     // elements of the tensor
    static const unsigned n_chan = 1;   // the channel of element i is i % n_chan
    static const unsigned n_rows = 1;   // rows of thresholds: n_chan, or 1 for all channels alike
    static const unsigned n_levels = 1; // thresholds in a row
    static const int base = 0;
    static const int step = 1;
    static const unsigned reuse_factor = 1;
};

template <typename CONFIG_T> struct cardc_threshold_op {
    typedef typename CONFIG_T::threshold_t first_t;
    typedef typename CONFIG_T::falling_t second_t;
    static const unsigned n_first = CONFIG_T::n_rows * CONFIG_T::n_levels;
    static const unsigned n_second = CONFIG_T::n_rows;

    template <class data_T, class res_T>
    static res_T one(data_T x, unsigned c, first_t thresholds[n_first], second_t falling[n_second]) {
        #pragma HLS INLINE
        const unsigned row = CONFIG_T::n_rows == 1 ? 0 : c;
        const typename CONFIG_T::compare_t wide = x;
        typename CONFIG_T::count_t count = 0;
    CountLevels:
        for (unsigned k = 0; k < CONFIG_T::n_levels; k++) {
            #pragma HLS UNROLL
            const typename CONFIG_T::compare_t t = thresholds[row * CONFIG_T::n_levels + k];
            if (wide >= t)
                count++;
        }
        if (falling[row] != 0)
            count = CONFIG_T::n_levels - count;
        typename CONFIG_T::value_t y = CONFIG_T::base;
        y += typename CONFIG_T::value_t(count) * typename CONFIG_T::value_t(CONFIG_T::step);
        return res_T(y);
    }
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_threshold(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
                     typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_levels],
                     typename CONFIG_T::falling_t falling[CONFIG_T::n_rows]) {
    cardc_each<cardc_threshold_op<CONFIG_T>, data_T, res_T, CONFIG_T>(data, res, thresholds, falling);
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_threshold(hls::stream<data_T> &data, hls::stream<res_T> &res,
                     typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_levels],
                     typename CONFIG_T::falling_t falling[CONFIG_T::n_rows]) {
    cardc_each<cardc_threshold_op<CONFIG_T>, data_T, res_T, CONFIG_T>(data, res, thresholds, falling);
}

} // namespace nnet

#endif
