#ifndef CARDC_REORDER_H_
#define CARDC_REORDER_H_

#include "hls_stream.h"
#include "nnet_common.h"

// y[i] = x[index[i]]: wires in parallel; in a stream the whole tensor is stored first.

namespace nnet {

struct cardc_reorder_config {
    static const unsigned n_in = 1;
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_reorder(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
                   typename CONFIG_T::index_t index[CONFIG_T::n_in]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=index complete
Elements:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = data[unsigned(index[i])];
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_reorder(hls::stream<data_T> &data, hls::stream<res_T> &res,
                   typename CONFIG_T::index_t index[CONFIG_T::n_in]) {
    typename data_T::value_type stored[CONFIG_T::n_in];
Store:
    for (unsigned p = 0; p < CONFIG_T::n_in / data_T::size; p++) {
        #pragma HLS PIPELINE
        const data_T in = data.read();
    StorePacket:
        for (unsigned j = 0; j < data_T::size; j++) {
            #pragma HLS UNROLL
            stored[p * data_T::size + j] = in[j];
        }
    }
Send:
    for (unsigned p = 0; p < CONFIG_T::n_in / res_T::size; p++) {
        #pragma HLS PIPELINE
        res_T out;
        PRAGMA_DATA_PACK(out)
    SendPacket:
        for (unsigned j = 0; j < res_T::size; j++) {
            #pragma HLS UNROLL
            out[j] = stored[unsigned(index[p * res_T::size + j])];
        }
        res.write(out);
    }
}

} // namespace nnet

#endif
