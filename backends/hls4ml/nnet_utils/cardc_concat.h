#ifndef CARDC_CONCAT_H_
#define CARDC_CONCAT_H_

#include "hls_stream.h"
#include "nnet_common.h"

// Two tensors joined along the channels: each pixel has the channels of the first, then those of the second.

namespace nnet {

struct cardc_concat_config {
    static const unsigned n_pixels = 1;
    static const unsigned n_chan1 = 1;
    static const unsigned n_chan2 = 1;
    static const unsigned reuse_factor = 1;
};

template <class x1_T, class x2_T, class res_T, typename CONFIG_T>
void cardc_concat(x1_T data1[CONFIG_T::n_pixels * CONFIG_T::n_chan1],
                  x2_T data2[CONFIG_T::n_pixels * CONFIG_T::n_chan2],
                  res_T res[CONFIG_T::n_pixels * (CONFIG_T::n_chan1 + CONFIG_T::n_chan2)]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    const unsigned n_chan = CONFIG_T::n_chan1 + CONFIG_T::n_chan2;
Pixels:
    for (unsigned p = 0; p < CONFIG_T::n_pixels; p++) {
        #pragma HLS UNROLL
    First:
        for (unsigned c = 0; c < CONFIG_T::n_chan1; c++) {
            #pragma HLS UNROLL
            res[p * n_chan + c] = data1[p * CONFIG_T::n_chan1 + c];
        }
    Second:
        for (unsigned c = 0; c < CONFIG_T::n_chan2; c++) {
            #pragma HLS UNROLL
            res[p * n_chan + CONFIG_T::n_chan1 + c] = data2[p * CONFIG_T::n_chan2 + c];
        }
    }
}

template <class x1_T, class x2_T, class res_T, typename CONFIG_T>
void cardc_concat(hls::stream<x1_T> &data1, hls::stream<x2_T> &data2, hls::stream<res_T> &res) {
    x1_T in1;
    x2_T in2;
Pixels:
    for (unsigned p = 0; p < CONFIG_T::n_pixels; p++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        PRAGMA_DATA_PACK(out)
        // A pixel may come in several packets: a flattened tensor, one pixel, keeps those it had.
    First:
        for (unsigned c = 0; c < CONFIG_T::n_chan1; c++) {
            #pragma HLS UNROLL
            if (c % x1_T::size == 0)
                in1 = data1.read();
            out[c] = in1[c % x1_T::size];
        }
    Second:
        for (unsigned c = 0; c < CONFIG_T::n_chan2; c++) {
            #pragma HLS UNROLL
            if (c % x2_T::size == 0)
                in2 = data2.read();
            out[CONFIG_T::n_chan1 + c] = in2[c % x2_T::size];
        }
        res.write(out);
    }
}

} // namespace nnet

#endif
