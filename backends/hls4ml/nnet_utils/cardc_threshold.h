#ifndef CARDC_THRESHOLD_H_
#define CARDC_THRESHOLD_H_

#include "hls_stream.h"
#include "nnet_common.h"

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

template <class data_T, class res_T, typename CONFIG_T>
res_T cardc_threshold_one(data_T x, unsigned row,
                          typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_levels],
                          typename CONFIG_T::falling_t falling[CONFIG_T::n_rows]) {
    #pragma HLS INLINE
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

template <class data_T, class res_T, typename CONFIG_T>
void cardc_threshold(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
                     typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_levels],
                     typename CONFIG_T::falling_t falling[CONFIG_T::n_rows]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=thresholds complete
    #pragma HLS ARRAY_PARTITION variable=falling complete
Elements:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        const unsigned row = CONFIG_T::n_rows == 1 ? 0 : i % CONFIG_T::n_chan;
        res[i] = cardc_threshold_one<data_T, res_T, CONFIG_T>(data[i], row, thresholds, falling);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_threshold(hls::stream<data_T> &data, hls::stream<res_T> &res,
                     typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_levels],
                     typename CONFIG_T::falling_t falling[CONFIG_T::n_rows]) {
    static_assert(res_T::size % data_T::size == 0, "an output packet holds whole input packets");
    #pragma HLS ARRAY_PARTITION variable=thresholds complete
    #pragma HLS ARRAY_PARTITION variable=falling complete
    res_T out;
    PRAGMA_DATA_PACK(out)
Packets:
    for (unsigned p = 0; p < CONFIG_T::n_in / data_T::size; p++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        const data_T in = data.read();
    Elements:
        for (unsigned j = 0; j < data_T::size; j++) {
            #pragma HLS UNROLL
            const unsigned i = p * data_T::size + j;
            const unsigned row = CONFIG_T::n_rows == 1 ? 0 : i % CONFIG_T::n_chan;
            out[i % res_T::size] =
                cardc_threshold_one<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(
                    in[j], row, thresholds, falling);
        }
        if ((p + 1) * data_T::size % res_T::size == 0)
            res.write(out);
    }
}

} // namespace nnet

#endif
