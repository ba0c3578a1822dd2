#ifndef CARDC_EACH_H_
#define CARDC_EACH_H_

#include "hls_stream.h"
#include "nnet_common.h"

// One operation on every element: y[i] = op_T::one(x[i], channel of i, two tables of constants).

namespace nnet {

template <class op_T, class data_T, class res_T, typename CONFIG_T>
void cardc_each(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in], typename op_T::first_t first[op_T::n_first],
                typename op_T::second_t second[op_T::n_second]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=first complete
    #pragma HLS ARRAY_PARTITION variable=second complete
Elements:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = op_T::template one<data_T, res_T>(data[i], i % CONFIG_T::n_chan, first, second);
    }
}

template <class op_T, class data_T, class res_T, typename CONFIG_T>
void cardc_each(hls::stream<data_T> &data, hls::stream<res_T> &res, typename op_T::first_t first[op_T::n_first],
                typename op_T::second_t second[op_T::n_second]) {
    static_assert(res_T::size % data_T::size == 0, "an output packet holds whole input packets");
    #pragma HLS ARRAY_PARTITION variable=first complete
    #pragma HLS ARRAY_PARTITION variable=second complete
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
            out[i % res_T::size] = op_T::template one<typename data_T::value_type, typename res_T::value_type>(
                in[j], i % CONFIG_T::n_chan, first, second);
        }
        if ((p + 1) * data_T::size % res_T::size == 0)
            res.write(out);
    }
}

} // namespace nnet

#endif
