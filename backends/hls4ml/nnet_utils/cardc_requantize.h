#ifndef CARDC_REQUANTIZE_H_
#define CARDC_REQUANTIZE_H_

#include "cardc_each.h"

// y[i] = clip((x[i] * m + b) / 2^shift, lo, hi) per channel, rounded towards minus infinity, or with half_even to
// nearest, ties to even.
// With clip = false and shift = 0 it is the plain affine y = x * m + b.

namespace nnet {

struct cardc_requantize_config {
    static const unsigned n_in = 1;   // elements of the tensor
    static const unsigned n_chan = 1; // the channel of element i is i % n_chan
    static const unsigned n_m = 1;    // multipliers: n_chan, or 1 for all channels alike
    static const unsigned n_b = 1;    // offsets: likewise
    static const unsigned shift = 0;
    static const unsigned half_even = 0; // 0 or 1
    static const bool clip = true;
    static const long long lo = 0;
    static const long long hi = 1;
    static const unsigned reuse_factor = 1;
};

template <typename CONFIG_T> struct cardc_requantize_op {
    typedef typename CONFIG_T::multiplier_t first_t;
    typedef typename CONFIG_T::offset_t second_t;
    static const unsigned n_first = CONFIG_T::n_m;
    static const unsigned n_second = CONFIG_T::n_b;

    template <class data_T, class res_T>
    static res_T one(data_T x, unsigned c, first_t m[n_first], second_t b[n_second]) {
        #pragma HLS INLINE
        // ap_int products are exact, and product_t holds every x * m, every b, their sums, and these plus 2^shift.
        typename CONFIG_T::product_t y = x * m[CONFIG_T::n_m == 1 ? 0 : c];
        y += b[CONFIG_T::n_b == 1 ? 0 : c];
        if (CONFIG_T::half_even && CONFIG_T::shift > 0) {
            // Half less one, and one more where the quotient is odd: a tie then goes up only to an even number.
            const typename CONFIG_T::product_t one = 1;
            const typename CONFIG_T::product_t quotient = y >> CONFIG_T::shift;
            y += typename CONFIG_T::product_t(one << (CONFIG_T::shift > 0 ? CONFIG_T::shift - 1 : 0)) - one;
            y += typename CONFIG_T::product_t(quotient & one);
        }
        y >>= CONFIG_T::shift;
        if (CONFIG_T::clip) {
            if (y < typename CONFIG_T::product_t(CONFIG_T::lo))
                y = CONFIG_T::lo;
            else if (y > typename CONFIG_T::product_t(CONFIG_T::hi))
                y = CONFIG_T::hi;
        }
        return res_T(y);
    }
};

template <class data_T, class res_T, typename CONFIG_T>
void cardc_requantize(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
                      typename CONFIG_T::multiplier_t m[CONFIG_T::n_m],
                      typename CONFIG_T::offset_t b[CONFIG_T::n_b]) {
    cardc_each<cardc_requantize_op<CONFIG_T>, data_T, res_T, CONFIG_T>(data, res, m, b);
}

template <class data_T, class res_T, typename CONFIG_T>
void cardc_requantize(hls::stream<data_T> &data, hls::stream<res_T> &res,
                      typename CONFIG_T::multiplier_t m[CONFIG_T::n_m],
                      typename CONFIG_T::offset_t b[CONFIG_T::n_b]) {
    cardc_each<cardc_requantize_op<CONFIG_T>, data_T, res_T, CONFIG_T>(data, res, m, b);
}

} // namespace nnet

#endif
