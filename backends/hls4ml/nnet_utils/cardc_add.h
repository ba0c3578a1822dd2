#ifndef CARDC_ADD_H_
#define CARDC_ADD_H_

#include "hls_stream.h"
#include "nnet_common.h"

// y[i] = x1[i] * factor1 + x2[i] * factor2, factors per channel or one for all.

namespace nnet {

struct cardc_add_config {
    static const unsigned n_in = 1;   // elements of the tensor
    static const unsigned n_chan = 1; // the channel of element i is i % n_chan
    static const unsigned n_m1 = 1;   // factors: n_chan, or 1 for all channels alike
    static const unsigned n_m2 = 1;
    static const unsigned reuse_factor = 1;
};

template <class x1_T, class x2_T, class res_T, typename CONFIG_T>
res_T cardc_add_one(x1_T x1, x2_T x2, unsigned c, typename CONFIG_T::factor1_t factor1[CONFIG_T::n_m1],
                    typename CONFIG_T::factor2_t factor2[CONFIG_T::n_m2]) {
    #pragma HLS INLINE
    // ap_int products are exact, and sum_t holds either product and their sum.
    typename CONFIG_T::sum_t y = x1 * factor1[CONFIG_T::n_m1 == 1 ? 0 : c];
    y += x2 * factor2[CONFIG_T::n_m2 == 1 ? 0 : c];
    return res_T(y);
}

template <class x1_T, class x2_T, class res_T, typename CONFIG_T>
void cardc_add(x1_T data1[CONFIG_T::n_in], x2_T data2[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
               typename CONFIG_T::factor1_t factor1[CONFIG_T::n_m1],
               typename CONFIG_T::factor2_t factor2[CONFIG_T::n_m2]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=factor1 complete
    #pragma HLS ARRAY_PARTITION variable=factor2 complete
Elements:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = cardc_add_one<x1_T, x2_T, res_T, CONFIG_T>(data1[i], data2[i], i % CONFIG_T::n_chan, factor1,
                                                            factor2);
    }
}

template <class x1_T, class x2_T, class res_T, typename CONFIG_T>
void cardc_add(hls::stream<x1_T> &data1, hls::stream<x2_T> &data2, hls::stream<res_T> &res,
               typename CONFIG_T::factor1_t factor1[CONFIG_T::n_m1],
               typename CONFIG_T::factor2_t factor2[CONFIG_T::n_m2]) {
    #pragma HLS ARRAY_PARTITION variable=factor1 complete
    #pragma HLS ARRAY_PARTITION variable=factor2 complete
    x1_T in1;
    x2_T in2;
Packets:
    for (unsigned p = 0; p < CONFIG_T::n_in / res_T::size; p++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        PRAGMA_DATA_PACK(out)
    Elements:
        for (unsigned j = 0; j < res_T::size; j++) {
            #pragma HLS UNROLL
            // Packets may differ in size: a flattened tensor keeps those of its pixels.
            const unsigned i = p * res_T::size + j;
            if (i % x1_T::size == 0)
                in1 = data1.read();
            if (i % x2_T::size == 0)
                in2 = data2.read();
            out[j] = cardc_add_one<typename x1_T::value_type, typename x2_T::value_type, typename res_T::value_type,
                                   CONFIG_T>(in1[i % x1_T::size], in2[i % x2_T::size], i % CONFIG_T::n_chan, factor1,
                                             factor2);
        }
        res.write(out);
    }
}

} // namespace nnet

#endif
