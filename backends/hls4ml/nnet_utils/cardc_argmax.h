#ifndef CARDC_ARGMAX_H_
#define CARDC_ARGMAX_H_

#include "hls_stream.h"
#include "nnet_common.h"

// For each pixel the index of its largest channel, the lowest on ties.

namespace nnet {

struct cardc_argmax_config {
    static const unsigned n_pixels = 1;
    static const unsigned n_chan = 1;
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_argmax(data_T data[CONFIG_T::n_pixels * CONFIG_T::n_chan], res_T res[CONFIG_T::n_pixels]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
Pixels:
    for (unsigned p = 0; p < CONFIG_T::n_pixels; p++) {
        #pragma HLS UNROLL
        data_T best = data[p * CONFIG_T::n_chan];
        res_T index = 0;
    Channels:
        for (unsigned c = 1; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            if (data[p * CONFIG_T::n_chan + c] > best) {
                best = data[p * CONFIG_T::n_chan + c];
                index = c;
            }
        }
        res[p] = index;
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_argmax(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T in;
Pixels:
    for (unsigned p = 0; p < CONFIG_T::n_pixels; p++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        PRAGMA_DATA_PACK(out)
        typename data_T::value_type best = 0;
        typename res_T::value_type index = 0;
    Channels:
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            // A vector may come in several packets, those of the pixels it was flattened from.
            if (c % data_T::size == 0)
                in = data.read();
            if (c == 0 || in[c % data_T::size] > best) {
                best = in[c % data_T::size];
                index = c;
            }
        }
        out[0] = index;
        res.write(out);
    }
}

} // namespace nnet

#endif
