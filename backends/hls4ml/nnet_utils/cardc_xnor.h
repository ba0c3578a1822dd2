#ifndef CARDC_XNOR_H_
#define CARDC_XNOR_H_

#include "ap_shift_reg.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_conv_stream.h"
#include "nnet_dense_stream.h"

// Products of {-1, +1} activations with {-1, 0, +1} weights. A product is +1 where the signs are equal, so a sum over n
// weights that are not 0 is 2 * #{equal signs} - n: exclusive nor and a count of bits, no signed adders.
// Unrolled, weights are constants: a 0 leaves nothing behind, a sign is at most an inverter.

namespace nnet {

struct cardc_xnor_config {
    static const unsigned n_in = 1; // inputs of a sum
    static const unsigned n_out = 1;
    static const unsigned ternary = 0; // 1: a weight is -1, 0 or +1; 0: it is one bit, 0 for -1
    static const unsigned reuse_factor = 1; // divides n_in: so many turns, each with all outputs
    // Of a convolution; without padding, for a padded zero is no sign.
    static const unsigned in_height = 1;
    static const unsigned in_width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned filt_height = 1;
    static const unsigned filt_width = 1;
    static const unsigned stride_height = 1;
    static const unsigned stride_width = 1;
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_xnor_sums(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_out],
                     typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                     typename CONFIG_T::kept_t kept[CONFIG_T::n_out]) {
    #pragma HLS INLINE
    static const unsigned block = CONFIG_T::n_in / CONFIG_T::reuse_factor;
    #pragma HLS ARRAY_RESHAPE variable=weights cyclic factor=block*CONFIG_T::n_out
    #pragma HLS ARRAY_PARTITION variable=kept complete
    typename CONFIG_T::count_t counts[CONFIG_T::n_out];
    #pragma HLS ARRAY_PARTITION variable=counts complete
Reset:
    for (unsigned j = 0; j < CONFIG_T::n_out; j++) {
        #pragma HLS UNROLL
        counts[j] = 0;
    }
Turns:
    for (unsigned turn = 0; turn < CONFIG_T::reuse_factor; turn++) {
        #pragma HLS PIPELINE II=1
    Inputs:
        for (unsigned k = 0; k < block; k++) {
            #pragma HLS UNROLL
            const unsigned i = turn * block + k;
            const bool positive = data[i] > 0;
        Outputs:
            for (unsigned j = 0; j < CONFIG_T::n_out; j++) {
                #pragma HLS UNROLL
                const typename CONFIG_T::weight_t w = weights[i * CONFIG_T::n_out + j];
                if ((!CONFIG_T::ternary || w != 0) && positive == (w > 0))
                    counts[j]++;
            }
        }
    }
Results:
    for (unsigned j = 0; j < CONFIG_T::n_out; j++) {
        #pragma HLS UNROLL
        // As wide as the result: what leaves it in between comes back, modulo its width.
        typename CONFIG_T::accum_t twice = counts[j];
        twice <<= 1;
        res[j] = res_T(twice - typename CONFIG_T::accum_t(kept[j]));
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_xnor(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_out],
                typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                typename CONFIG_T::kept_t kept[CONFIG_T::n_out]) {
    cardc_xnor_sums<data_T, res_T, CONFIG_T>(data, res, weights, kept);
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_xnor(hls::stream<data_T> &data, hls::stream<res_T> &res,
                typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                typename CONFIG_T::kept_t kept[CONFIG_T::n_out]) {
    typename data_T::value_type in[CONFIG_T::n_in];
    #pragma HLS ARRAY_PARTITION variable=in complete
    typename res_T::value_type out[CONFIG_T::n_out];
    #pragma HLS ARRAY_PARTITION variable=out complete
    data_prepare<data_T, CONFIG_T>(data, in);
    cardc_xnor_sums<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(in, out, weights, kept);
    res_write<res_T, CONFIG_T>(out, res);
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_xnor_conv(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
                     res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_out],
                     typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                     typename CONFIG_T::kept_t kept[CONFIG_T::n_out]) {
OutputRows:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    OutputColumns:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
            data_T window[CONFIG_T::n_in];
            #pragma HLS ARRAY_PARTITION variable=window complete
        Window:
            for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
                #pragma HLS UNROLL
                const unsigned c = i % CONFIG_T::n_chan, k = i / CONFIG_T::n_chan;
                const unsigned y = oy * CONFIG_T::stride_height + k / CONFIG_T::filt_width;
                const unsigned x = ox * CONFIG_T::stride_width + k % CONFIG_T::filt_width;
                window[i] = data[(y * CONFIG_T::in_width + x) * CONFIG_T::n_chan + c];
            }
            cardc_xnor_sums<data_T, res_T, CONFIG_T>(
                window, &res[(oy * CONFIG_T::out_width + ox) * CONFIG_T::n_out], weights, kept);
        }
    }
}

// One pixel more: shift it in, and where a window is complete write its sums.
template <class data_T, class res_T, typename CONFIG_T>
void cardc_xnor_pixel(hls::stream<data_T> &data, hls::stream<res_T> &res,
                      typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                      typename CONFIG_T::kept_t kept[CONFIG_T::n_out],
                      ap_shift_reg<typename data_T::value_type, CONFIG_T::in_width>
                          line_buffer[MAX(CONFIG_T::filt_height - 1, 1)][CONFIG_T::n_chan],
                      typename data_T::value_type window[CONFIG_T::n_in], unsigned y, unsigned x) {
    #pragma HLS INLINE
    typedef typename data_T::value_type in_t;
    typedef typename res_T::value_type out_t;
    nnet::shift_line_buffer<data_T, CONFIG_T>(data.read(), line_buffer, window);
    const unsigned row = y + 1 - CONFIG_T::filt_height, column = x + 1 - CONFIG_T::filt_width;
    if (y + 1 >= CONFIG_T::filt_height && x + 1 >= CONFIG_T::filt_width && row % CONFIG_T::stride_height == 0 &&
        column % CONFIG_T::stride_width == 0) {
        out_t sums[CONFIG_T::n_out];
        #pragma HLS ARRAY_PARTITION variable=sums complete
        cardc_xnor_sums<in_t, out_t, CONFIG_T>(window, sums, weights, kept);
        res_T out;
        PRAGMA_DATA_PACK(out)
    Pack:
        for (unsigned j = 0; j < CONFIG_T::n_out; j++) {
            #pragma HLS UNROLL
            out[j] = sums[j];
        }
        res.write(out);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_xnor_conv(hls::stream<data_T> &data, hls::stream<res_T> &res,
                     typename CONFIG_T::weight_t weights[CONFIG_T::n_in * CONFIG_T::n_out],
                     typename CONFIG_T::kept_t kept[CONFIG_T::n_out]) {
    typedef typename data_T::value_type in_t;
    static ap_shift_reg<in_t, CONFIG_T::in_width> line_buffer[MAX(CONFIG_T::filt_height - 1, 1)][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=line_buffer complete dim=2
    static in_t window[CONFIG_T::n_in];
    #pragma HLS ARRAY_PARTITION variable=window complete
    if (CONFIG_T::reuse_factor == 1) {
    Rows:
        for (unsigned y = 0; y < CONFIG_T::in_height; y++) {
        Columns:
            for (unsigned x = 0; x < CONFIG_T::in_width; x++) {
                #pragma HLS LOOP_FLATTEN
                #pragma HLS PIPELINE II=1
                cardc_xnor_pixel<data_T, res_T, CONFIG_T>(data, res, weights, kept, line_buffer, window, y, x);
            }
        }
    } else { // a pipeline around the turns would unroll them
    SharedRows:
        for (unsigned y = 0; y < CONFIG_T::in_height; y++) {
        SharedColumns:
            for (unsigned x = 0; x < CONFIG_T::in_width; x++) {
                cardc_xnor_pixel<data_T, res_T, CONFIG_T>(data, res, weights, kept, line_buffer, window, y, x);
            }
        }
    }
}

} // namespace nnet

#endif
