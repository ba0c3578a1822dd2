#ifndef CARDC_MAXPOOL_H_
#define CARDC_MAXPOOL_H_

#include "ap_shift_reg.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_conv_stream.h"

// y[h, w, c] = the largest x in the window at (h * stride_height, w * stride_width); padding holds `lowest`,
// the lowest value of the tensor's range, and so never wins. Any kernel, stride and padding; channels last.

namespace nnet {

struct cardc_maxpool_config {
    static const unsigned height = 1; // of the input without padding
    static const unsigned width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned filt_height = 1;
    static const unsigned filt_width = 1;
    static const unsigned stride_height = 1;
    static const unsigned stride_width = 1;
    static const unsigned pad_top = 0;
    static const unsigned pad_left = 0;
    static const unsigned in_height = 1; // with padding, as the line buffer of nnet_conv_stream.h wants it
    static const unsigned in_width = 1;
    static const int lowest = 0;
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_maxpool(data_T data[CONFIG_T::height * CONFIG_T::width * CONFIG_T::n_chan],
                   res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
OutputRows:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    OutputColumns:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
        Channels:
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                data_T best = CONFIG_T::lowest;
            WindowRows:
                for (unsigned ky = 0; ky < CONFIG_T::filt_height; ky++) {
                WindowColumns:
                    for (unsigned kx = 0; kx < CONFIG_T::filt_width; kx++) {
                        const int y = int(oy * CONFIG_T::stride_height + ky) - int(CONFIG_T::pad_top);
                        const int x = int(ox * CONFIG_T::stride_width + kx) - int(CONFIG_T::pad_left);
                        if (y >= 0 && y < int(CONFIG_T::height) && x >= 0 && x < int(CONFIG_T::width)) {
                            const data_T v = data[(y * CONFIG_T::width + x) * CONFIG_T::n_chan + c];
                            best = v > best ? v : best;
                        }
                    }
                }
                res[(oy * CONFIG_T::out_width + ox) * CONFIG_T::n_chan + c] = best;
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_maxpool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static ap_shift_reg<typename data_T::value_type, CONFIG_T::in_width>
        line_buffer[MAX(CONFIG_T::filt_height - 1, 1)][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=line_buffer complete dim=2
    static typename data_T::value_type
        window[CONFIG_T::filt_height * CONFIG_T::filt_width * CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=window complete

    unsigned to_row = CONFIG_T::filt_height - 1; // rows until the next row of outputs
    unsigned to_column = CONFIG_T::filt_width - 1; // columns until the next output of this row
Rows:
    for (unsigned y = 0; y < CONFIG_T::in_height; y++) {
    Columns:
        for (unsigned x = 0; x < CONFIG_T::in_width; x++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            data_T pixel;
            const bool inside = y >= CONFIG_T::pad_top && y < CONFIG_T::pad_top + CONFIG_T::height &&
                                x >= CONFIG_T::pad_left && x < CONFIG_T::pad_left + CONFIG_T::width;
            if (inside) {
                pixel = data.read();
            } else {
            Padding:
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    pixel[c] = CONFIG_T::lowest;
                }
            }
            nnet::shift_line_buffer<data_T, CONFIG_T>(pixel, line_buffer, window);
            if (to_row == 0 && to_column == 0) {
                res_T out;
                PRAGMA_DATA_PACK(out)
            Channels:
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    typename data_T::value_type best = window[c];
                Window:
                    for (unsigned k = 1; k < CONFIG_T::filt_height * CONFIG_T::filt_width; k++) {
                        #pragma HLS UNROLL
                        const typename data_T::value_type v = window[k * CONFIG_T::n_chan + c];
                        best = v > best ? v : best;
                    }
                    out[c] = best;
                }
                res.write(out);
            }
            // Nothing stands between the two loops, so that the tool can flatten them into one pipeline.
            if (x + 1 == CONFIG_T::in_width) {
                to_column = CONFIG_T::filt_width - 1;
                to_row = to_row == 0 ? CONFIG_T::stride_height - 1 : to_row - 1;
            } else {
                to_column = to_column == 0 ? CONFIG_T::stride_width - 1 : to_column - 1;
            }
        }
    }
}

} // namespace nnet

#endif
