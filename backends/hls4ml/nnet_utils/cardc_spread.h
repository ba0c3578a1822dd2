#ifndef CARDC_SPREAD_H_
#define CARDC_SPREAD_H_

#include "hls_stream.h"
#include "nnet_common.h"

// A larger image from a smaller one, channels last. With `repeat`, each pixel fills a block of factor_height x
// factor_width. Without, pixels lie that far apart, from (pad_top, pad_left) on, and all between and around is zero.

namespace nnet {

struct cardc_spread_config {
    static const unsigned height = 1; // of the input
    static const unsigned width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned pad_top = 0;
    static const unsigned pad_left = 0;
    static const unsigned factor_height = 1;
    static const unsigned factor_width = 1;
    static const unsigned repeat = 0; // 0 or 1
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_spread(data_T data[CONFIG_T::height * CONFIG_T::width * CONFIG_T::n_chan],
                  res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
OutputRows:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    OutputColumns:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
            const int y = int(oy) - int(CONFIG_T::pad_top), x = int(ox) - int(CONFIG_T::pad_left);
            const int row = y / int(CONFIG_T::factor_height), column = x / int(CONFIG_T::factor_width);
            const bool between = row * int(CONFIG_T::factor_height) != y || column * int(CONFIG_T::factor_width) != x;
            const bool held = y >= 0 && x >= 0 && row < int(CONFIG_T::height) && column < int(CONFIG_T::width) &&
                              (CONFIG_T::repeat || !between);
        Channels:
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                res_T v = 0;
                if (held)
                    v = data[(row * CONFIG_T::width + column) * CONFIG_T::n_chan + c];
                res[(oy * CONFIG_T::out_width + ox) * CONFIG_T::n_chan + c] = v;
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_spread(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T line[CONFIG_T::width]; // one row, which `repeat` reads again
    unsigned row = 0, down = 0;   // the row of the input that comes next, and rows of the output until it does
Rows:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
        const bool rows = oy >= CONFIG_T::pad_top && down == 0 && row < CONFIG_T::height;
        unsigned column = 0, right = 0;
        data_T pixel;
    Columns:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            const bool begun = ox >= CONFIG_T::pad_left;
            const bool next = begun && right == 0 && column < CONFIG_T::width;
            if (next && rows) {
                pixel = data.read();
                if (CONFIG_T::repeat)
                    line[column] = pixel;
            } else if (next && CONFIG_T::repeat) {
                pixel = line[column];
            }
            res_T out;
            PRAGMA_DATA_PACK(out)
        Channels:
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                out[c] = 0;
                if (CONFIG_T::repeat || (next && rows))
                    out[c] = pixel[c];
            }
            res.write(out);
            if (next)
                column++;
            if (begun)
                right = right == 0 ? CONFIG_T::factor_width - 1 : right - 1;
        }
        if (rows)
            row++;
        if (oy >= CONFIG_T::pad_top)
            down = down == 0 ? CONFIG_T::factor_height - 1 : down - 1;
    }
}

} // namespace nnet

#endif
