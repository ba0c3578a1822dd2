#ifndef CARDC_FFT_H_
#define CARDC_FFT_H_

#include "ap_int.h"

// Integer transforms, radix 4 and 2, decimation in time; rounded once a stage, half up, or, where `wide`, product by
// product, downwards. The arithmetic is that of docs/gate.md, word by word.
//
// CONFIG_T has wide, data_bits, twiddle_bits (Q), table_length, turn_re and turn_im (round(2^Q exp(-2 pi i k / table_length)),
// three quarters of a turn), and `parallel`: how many butterflies of a stage are built.

namespace nnet {

template <class CONFIG_T> struct cardc_word {
    ap_int<CONFIG_T::data_bits> re, im;
};

// Exact sums of products: four of data_bits * (twiddle_bits + 2) bits.
template <class CONFIG_T> struct cardc_sum {
    ap_int<CONFIG_T::data_bits + CONFIG_T::twiddle_bits + 4> re, im;
};

// z times entry k of the table.
template <class CONFIG_T> cardc_sum<CONFIG_T> cardc_turned(const cardc_word<CONFIG_T> &z, unsigned k) {
    #pragma HLS INLINE
    const ap_int<CONFIG_T::twiddle_bits + 2> re = CONFIG_T::turn_re[k], im = CONFIG_T::turn_im[k];
    cardc_sum<CONFIG_T> p;
    p.re = z.re * re - z.im * im;
    p.im = z.re * im + z.im * re;
    return p;
}

// A quarter of z * (re + i im), its products rounded down.
template <class CONFIG_T, class number_T>
cardc_sum<CONFIG_T> cardc_quarter(const number_T &z_re, const number_T &z_im, const ap_int<CONFIG_T::twiddle_bits + 2> &re,
                                  const ap_int<CONFIG_T::twiddle_bits + 2> &im) {
    #pragma HLS INLINE
    const unsigned by = CONFIG_T::twiddle_bits + 2;
    cardc_sum<CONFIG_T> p;
    p.re = ((z_re * re) >> by) + ((-(z_im * im)) >> by) + 1;
    p.im = ((z_im * re) >> by) + ((z_re * im) >> by) + 1;
    return p;
}

// What a butterfly adds: entry k of the table times z, or a quarter of that.
template <class CONFIG_T, unsigned SIZE>
cardc_sum<CONFIG_T> cardc_term(const cardc_word<CONFIG_T> &z, unsigned m, unsigned k) {
    #pragma HLS INLINE
    if (!CONFIG_T::wide)
        return cardc_turned<CONFIG_T>(z, k);
    if (SIZE > 1 && m > 0)
        return cardc_quarter<CONFIG_T>(z.re, z.im, CONFIG_T::turn_re[k], CONFIG_T::turn_im[k]);
    cardc_sum<CONFIG_T> p;
    p.re = SIZE > 1 ? z.re >> 2 : z.re;
    p.im = SIZE > 1 ? z.im >> 2 : z.im;
    return p;
}

// a + i^n b, n = 0 ... 3
template <class CONFIG_T>
cardc_sum<CONFIG_T> cardc_plus(const cardc_sum<CONFIG_T> &a, const cardc_sum<CONFIG_T> &b, unsigned n) {
    #pragma HLS INLINE
    cardc_sum<CONFIG_T> s;
    s.re = n == 0 ? a.re + b.re : n == 1 ? a.re - b.im : n == 2 ? a.re - b.re : a.re + b.im;
    s.im = n == 0 ? a.im + b.im : n == 1 ? a.im + b.re : n == 2 ? a.im - b.im : a.im - b.re;
    return s;
}

template <class CONFIG_T, unsigned SHIFT> cardc_word<CONFIG_T> cardc_rounded(const cardc_sum<CONFIG_T> &s) {
    #pragma HLS INLINE
    const ap_int<SHIFT + 2> half = CONFIG_T::wide ? ap_int<SHIFT + 2>(0) : ap_int<SHIFT + 2>(1) << (SHIFT > 0 ? SHIFT - 1 : 0);
    cardc_word<CONFIG_T> z;
    z.re = (s.re + half) >> SHIFT;
    z.im = (s.im + half) >> SHIFT;
    return z;
}

// Transforms of SIZE of the N numbers z become ones of RADIX * SIZE.
template <class CONFIG_T, unsigned N, unsigned SIZE, unsigned RADIX, bool SCALED>
void cardc_fft_stage(cardc_word<CONFIG_T> z[N]) {
    const unsigned step = CONFIG_T::table_length / (RADIX * SIZE);
    const unsigned down = SCALED ? RADIX / 2 : 0;
    const unsigned shift = !CONFIG_T::wide ? CONFIG_T::twiddle_bits + down : SIZE > 1 ? 0 : down;
Butterflies:
    for (unsigned b = 0; b < N / RADIX; b++) {
        #pragma HLS PIPELINE II=1
        #pragma HLS UNROLL factor=CONFIG_T::parallel
        const unsigned j = b % SIZE, at = b / SIZE * (SIZE * RADIX) + j;
        cardc_sum<CONFIG_T> t[4];
    Turns:
        for (unsigned m = 0; m < RADIX; m++) {
            #pragma HLS UNROLL
            t[m] = cardc_term<CONFIG_T, SIZE>(z[at + m * SIZE], m, m * j * step);
        }
        if (RADIX == 2) {
            z[at] = cardc_rounded<CONFIG_T, shift>(cardc_plus<CONFIG_T>(t[0], t[1], 0));
            z[at + SIZE] = cardc_rounded<CONFIG_T, shift>(cardc_plus<CONFIG_T>(t[0], t[1], 2));
        } else {
            const cardc_sum<CONFIG_T> s = cardc_plus<CONFIG_T>(t[0], t[2], 0), d = cardc_plus<CONFIG_T>(t[0], t[2], 2);
            const cardc_sum<CONFIG_T> u = cardc_plus<CONFIG_T>(t[1], t[3], 0), v = cardc_plus<CONFIG_T>(t[1], t[3], 2);
            z[at] = cardc_rounded<CONFIG_T, shift>(cardc_plus<CONFIG_T>(s, u, 0));
            z[at + SIZE] = cardc_rounded<CONFIG_T, shift>(cardc_plus<CONFIG_T>(d, v, 3));
            z[at + 2 * SIZE] = cardc_rounded<CONFIG_T, shift>(cardc_plus<CONFIG_T>(s, u, 2));
            z[at + 3 * SIZE] = cardc_rounded<CONFIG_T, shift>(cardc_plus<CONFIG_T>(d, v, 1));
        }
    }
    CARDC_TRACE_WORDS(z, N);
}

// The stages behind those that have made transforms of SIZE.
template <class CONFIG_T, unsigned N, unsigned SIZE> struct cardc_fft_rest {
    static void run(cardc_word<CONFIG_T> z[N]) {
        #pragma HLS INLINE
        cardc_fft_stage<CONFIG_T, N, SIZE, 4, true>(z);
        cardc_fft_rest<CONFIG_T, N, 4 * SIZE>::run(z);
    }
};
template <class CONFIG_T, unsigned N> struct cardc_fft_rest<CONFIG_T, N, N> {
    static void run(cardc_word<CONFIG_T>[N]) {}
};

// One transform of z, whose digits are reversed already; SCALED: the first stage divides by its radix as all others do.
template <class CONFIG_T, unsigned N, bool SCALED> void cardc_fft(cardc_word<CONFIG_T> z[N]) {
    #pragma HLS ARRAY_PARTITION variable=z cyclic factor=4
    // 2 where N is an odd power of two
    const unsigned first = (N & 0xAAAAAAAAu) != 0 ? 2 : 4;
    cardc_fft_stage<CONFIG_T, N, 1, first, SCALED>(z);
    cardc_fft_rest<CONFIG_T, N, first>::run(z);
}

} // namespace nnet

#endif
