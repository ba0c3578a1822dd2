#ifndef CARDC_POOL_H_
#define CARDC_POOL_H_

#include "ap_shift_reg.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_conv_stream.h"

// y[h, w, c] = the largest x, or with `total` the sum of all x, in the window at (h * stride_height, w * stride_width);
// padding holds `fill`. Any kernel, stride, dilation and padding; channels last.

namespace nnet {

struct cardc_pool_config {
    static const unsigned height = 1; // of the input without padding
    static const unsigned width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned filt_height = 1; // from the window's first row to its last
    static const unsigned filt_width = 1;
    static const unsigned stride_height = 1;
    static const unsigned stride_width = 1;
    static const unsigned dilate_height = 1;
    static const unsigned dilate_width = 1;
    static const unsigned pad_top = 0;
    static const unsigned pad_left = 0;
    static const unsigned in_height = 1; // with padding, as the line buffer of nnet_conv_stream.h wants it
    static const unsigned in_width = 1;
    static const unsigned total = 0; // 0: the largest, 1: the sum
    static const long long fill = 0;
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, typename CONFIG_T> res_T cardc_pool_join(bool first, res_T so_far, data_T x) {
    #pragma HLS INLINE
    if (first)
        return x;
    if (CONFIG_T::total)
        return so_far + x;
    return res_T(x) > so_far ? res_T(x) : so_far;
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_pool(data_T data[CONFIG_T::height * CONFIG_T::width * CONFIG_T::n_chan],
                res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
OutputRows:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    OutputColumns:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
        Channels:
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                res_T best = 0;
            WindowRows:
                for (unsigned ky = 0; ky < CONFIG_T::filt_height; ky += CONFIG_T::dilate_height) {
                WindowColumns:
                    for (unsigned kx = 0; kx < CONFIG_T::filt_width; kx += CONFIG_T::dilate_width) {
                        const int y = int(oy * CONFIG_T::stride_height + ky) - int(CONFIG_T::pad_top);
                        const int x = int(ox * CONFIG_T::stride_width + kx) - int(CONFIG_T::pad_left);
                        const bool inside =
                            y >= 0 && y < int(CONFIG_T::height) && x >= 0 && x < int(CONFIG_T::width);
                        data_T v = CONFIG_T::fill;
                        if (inside)
                            v = data[(y * CONFIG_T::width + x) * CONFIG_T::n_chan + c];
                        best = cardc_pool_join<data_T, res_T, CONFIG_T>(ky == 0 && kx == 0, best, v);
                    }
                }
                res[(oy * CONFIG_T::out_width + ox) * CONFIG_T::n_chan + c] = best;
            }
        }
    }
}

template <class data_T, typename CONFIG_T>
data_T cardc_pool_read(hls::stream<data_T> &data, unsigned y, unsigned x) {
    #pragma HLS INLINE
    data_T pixel;
    if (y >= CONFIG_T::pad_top && y < CONFIG_T::pad_top + CONFIG_T::height && x >= CONFIG_T::pad_left &&
        x < CONFIG_T::pad_left + CONFIG_T::width) {
        pixel = data.read();
    } else {
    Padding:
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            pixel[c] = CONFIG_T::fill;
        }
    }
    return pixel;
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type in_t;
    typedef typename res_T::value_type out_t;
    static ap_shift_reg<in_t, CONFIG_T::in_width> line_buffer[MAX(CONFIG_T::filt_height - 1, 1)][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=line_buffer complete dim=2
    static in_t window[CONFIG_T::filt_height * CONFIG_T::filt_width * CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=window complete

    unsigned to_row = CONFIG_T::filt_height - 1;   // rows until the next row of outputs
    unsigned to_column = CONFIG_T::filt_width - 1; // columns until the next output of this row
Rows:
    for (unsigned y = 0; y < CONFIG_T::in_height; y++) {
    Columns:
        for (unsigned x = 0; x < CONFIG_T::in_width; x++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            const data_T pixel = cardc_pool_read<data_T, CONFIG_T>(data, y, x);
            nnet::shift_line_buffer<data_T, CONFIG_T>(pixel, line_buffer, window);
            if (to_row == 0 && to_column == 0) {
                res_T out;
                PRAGMA_DATA_PACK(out)
            Channels:
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    out_t best = 0;
                WindowRows:
                    for (unsigned ky = 0; ky < CONFIG_T::filt_height; ky += CONFIG_T::dilate_height) {
                        #pragma HLS UNROLL
                    WindowColumns:
                        for (unsigned kx = 0; kx < CONFIG_T::filt_width; kx += CONFIG_T::dilate_width) {
                            #pragma HLS UNROLL
                            const in_t v = window[(ky * CONFIG_T::filt_width + kx) * CONFIG_T::n_chan + c];
                            best = cardc_pool_join<in_t, out_t, CONFIG_T>(ky == 0 && kx == 0, best, v);
                        }
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

// The same in parallel: nothing is stored there.
template <class data_T, class res_T, typename CONFIG_T>
void cardc_pool_apart(data_T data[CONFIG_T::height * CONFIG_T::width * CONFIG_T::n_chan],
                      res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS INLINE
    cardc_pool<data_T, res_T, CONFIG_T>(data, res);
}

// For windows that share no pixel: one running value for each column of outputs instead of lines and a window.
template <class data_T, class res_T, typename CONFIG_T>
void cardc_pool_apart(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type in_t;
    typedef typename res_T::value_type out_t;
    out_t best[CONFIG_T::out_width][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=best complete dim=2

    unsigned oy = 0, ky = 0; // the row of outputs, and the place in its windows or behind them
Rows:
    for (unsigned y = 0; y < CONFIG_T::in_height; y++) {
        unsigned ox = 0, kx = 0;
    Columns:
        for (unsigned x = 0; x < CONFIG_T::in_width; x++) {
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            const data_T pixel = cardc_pool_read<data_T, CONFIG_T>(data, y, x);
            if (oy < CONFIG_T::out_height && ox < CONFIG_T::out_width && ky < CONFIG_T::filt_height &&
                kx < CONFIG_T::filt_width) {
                res_T out;
                PRAGMA_DATA_PACK(out)
            Channels:
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    best[ox][c] =
                        cardc_pool_join<in_t, out_t, CONFIG_T>(ky == 0 && kx == 0, best[ox][c], pixel[c]);
                    out[c] = best[ox][c];
                }
                if (ky + 1 == CONFIG_T::filt_height && kx + 1 == CONFIG_T::filt_width)
                    res.write(out);
            }
            if (kx + 1 == CONFIG_T::stride_width && ox + 1 < CONFIG_T::out_width) {
                kx = 0;
                ox++;
            } else {
                kx++;
            }
        }
        if (ky + 1 == CONFIG_T::stride_height && oy + 1 < CONFIG_T::out_height) {
            ky = 0;
            oy++;
        } else {
            ky++;
        }
    }
}

} // namespace nnet

#endif
