#ifndef CARDC_GATE_H_
#define CARDC_GATE_H_

// A C simulation for tests defines CARDC_TRACED and sees every intermediate word.
#ifdef CARDC_TRACED
#include <vector>
extern std::vector<unsigned> cardc_seen;
#define CARDC_TRACE(X) cardc_seen.push_back(unsigned((long long)(X)))
#define CARDC_TRACE_WORDS(Z, N)                                                                                         \
    for (unsigned traced = 0; traced < (N); traced++) {                                                                 \
        const int re = (Z)[traced].re, im = (Z)[traced].im;                                                             \
        CARDC_TRACE(CONFIG_T::wide ? re : (re & 0xFFFF) | int(unsigned(im) << 16));                                     \
        if (CONFIG_T::wide)                                                                                             \
            CARDC_TRACE(im);                                                                                            \
    }
#else
#define CARDC_TRACE(X)
#define CARDC_TRACE_WORDS(Z, N)
#endif

#include "cardc_fft.h"
#include "hls_stream.h"

// The gate of a deck: which augmentation do the last images look like? Arithmetic and names as in docs/gate.md.

namespace nnet {

// An image, row by row, its channels together, as words of two neighbouring pixels.
template <class CONFIG_T, class pixel_T>
void cardc_gate_load(hls::stream<pixel_T> &in,
                     cardc_word<CONFIG_T> z[CONFIG_T::planes][CONFIG_T::rows][CONFIG_T::half]) {
Rows:
    for (unsigned y = 0; y < CONFIG_T::rows; y++) {
    Columns:
        for (unsigned x = 0; x < 2 * CONFIG_T::half; x++) {
            #pragma HLS PIPELINE II=CONFIG_T::channels
            const bool inside = y < CONFIG_T::height && x < CONFIG_T::width;
            ap_int<32> sum = CONFIG_T::bias_and_half;
        Channels:
            for (unsigned c = 0; c < CONFIG_T::channels; c++) {
                const ap_int<18> q = inside ? ap_int<18>(in.read()) : ap_int<18>(0);
                sum += q * ap_int<CONFIG_T::mix_bits>(CONFIG_T::mix[CONFIG_T::planes == 1 ? c : 0]);
                if (CONFIG_T::planes > 1 || c + 1 == CONFIG_T::channels) {
                    const ap_int<CONFIG_T::data_bits> v = sum >> CONFIG_T::mix_shift;
                    cardc_word<CONFIG_T> &to = z[CONFIG_T::planes > 1 ? c : 0][y][x / 2];
                    if (x % 2)
                        to.im = v;
                    else
                        to.re = v;
                    sum = CONFIG_T::bias_and_half;
                }
            }
        }
    }
}

template <class CONFIG_T> void cardc_gate_rows(cardc_word<CONFIG_T> z[CONFIG_T::rows][CONFIG_T::half]) {
Rows:
    for (unsigned y = 0; y < CONFIG_T::rows; y++) {
        cardc_word<CONFIG_T> line[CONFIG_T::half];
        CARDC_TRACE_WORDS(z[y], CONFIG_T::half);
    Fetch:
        for (unsigned n = 0; n < CONFIG_T::half; n++) {
            #pragma HLS PIPELINE II=1
            line[n] = z[y][CONFIG_T::row_order[n]];
        }
        cardc_fft<CONFIG_T, CONFIG_T::half, false>(line);
    Store:
        for (unsigned n = 0; n < CONFIG_T::half; n++) {
            #pragma HLS PIPELINE II=1
            z[y][n] = line[n];
        }
    }
}

template <class CONFIG_T> void cardc_gate_columns(cardc_word<CONFIG_T> z[CONFIG_T::rows][CONFIG_T::half]) {
Columns:
    for (unsigned x = 0; x < CONFIG_T::half; x++) {
        cardc_word<CONFIG_T> line[CONFIG_T::rows];
    Fetch:
        for (unsigned n = 0; n < CONFIG_T::rows; n++) {
            #pragma HLS PIPELINE II=1
            line[n] = z[CONFIG_T::column_order[n]][x];
        }
        cardc_fft<CONFIG_T, CONFIG_T::rows, true>(line);
    Store:
        for (unsigned n = 0; n < CONFIG_T::rows; n++) {
            #pragma HLS PIPELINE II=1
            z[n][x] = line[n];
        }
    }
}

// |X|^2 at row ky and column kx of the spectrum; at frequency 0 the square of half of it, or, where `wide`, of all.
template <class CONFIG_T>
ap_uint<CONFIG_T::power_bits> cardc_gate_power(const cardc_word<CONFIG_T> z[CONFIG_T::rows][CONFIG_T::half], unsigned ky,
                                               unsigned kx) {
    #pragma HLS INLINE
    const unsigned t = CONFIG_T::twiddle_bits;
    const bool mirrored = kx > CONFIG_T::half / 2;
    const unsigned row = mirrored ? (CONFIG_T::rows - ky) % CONFIG_T::rows : ky;
    const unsigned column = mirrored ? CONFIG_T::half - kx : kx;
    const unsigned turn = column * (CONFIG_T::table_length / (2 * CONFIG_T::half));
    const cardc_word<CONFIG_T> a = z[row][column % CONFIG_T::half];
    const cardc_word<CONFIG_T> b = z[(CONFIG_T::rows - row) % CONFIG_T::rows][(CONFIG_T::half - column) % CONFIG_T::half];
    const ap_int<CONFIG_T::data_bits + 1> even_re = a.re + b.re, even_im = a.im - b.im;
    const ap_int<CONFIG_T::data_bits + 1> odd_re = a.re - b.re, odd_im = a.im + b.im;
    const ap_int<CONFIG_T::twiddle_bits + 2> cos = CONFIG_T::turn_re[turn], minus_sin = CONFIG_T::turn_im[turn];
    typedef ap_int<CONFIG_T::data_bits + CONFIG_T::twiddle_bits + 4> sum_t;
    ap_int<CONFIG_T::data_bits + 4> x, y;
    if (CONFIG_T::wide) {
        const cardc_sum<CONFIG_T> turned = cardc_quarter<CONFIG_T>(odd_re, odd_im, minus_sin, -cos);
        x = (even_re >> 2) + (mirrored ? sum_t(-turned.re) : turned.re);
        y = (even_im >> 2) + (mirrored ? sum_t(-turned.im) : turned.im);
    } else {
        const sum_t turned_re = odd_re * minus_sin + odd_im * cos, turned_im = odd_im * minus_sin - odd_re * cos;
        const sum_t one = sum_t(1) << t;
        x = ((sum_t(even_re) << t) + (mirrored ? sum_t(-turned_re) : turned_re) + one) >> (t + 1);
        y = ((sum_t(even_im) << t) + (mirrored ? sum_t(-turned_im) : turned_im) + one) >> (t + 1);
    }
    if (ky == 0 && kx == 0) {
        const ap_int<32> whole = x + ap_int<32>(CONFIG_T::offset);
        x = CONFIG_T::wide ? whole : ap_int<32>((whole + 1) >> 1);
        y = 0;
    }
    return ap_uint<CONFIG_T::power_bits>(x * x + y * y);
}

// What the gate makes of p: straight pieces of an octave, or p / 4.
template <class CONFIG_T> ap_int<33> cardc_gate_line(ap_uint<32> p, bool zero) {
    #pragma HLS INLINE
    if (!CONFIG_T::has_table)
        return zero ? p : ap_uint<32>(p >> 2);
    ap_uint<32> n = p | ap_uint<32>(1);
    ap_uint<6> top = 31;
Normalise:
    for (unsigned k = 16; k > 0; k /= 2) {
        #pragma HLS UNROLL
        if ((n >> (32 - k)) == 0) {
            n <<= k;
            top -= k;
        }
    }
    const ap_uint<10> at = (top + (zero ? 2 : 0)) * 16 + ((n >> 27) & 15);
    const ap_int<14> fraction = (n >> 15) & 0xFFF;
    const ap_int<26> low = CONFIG_T::table[at], high = CONFIG_T::table[at + 1];
    return low + ((ap_int<26>(high - low) * fraction + 0x800) >> 12);
}

// The same where `wide`: parabolas for an eighth of an octave, or the upper bits of p.
template <class CONFIG_T> ap_int<33> cardc_gate_parabola(ap_uint<CONFIG_T::power_bits> p) {
    #pragma HLS INLINE
    if (!CONFIG_T::has_table)
        return p >> CONFIG_T::power_shift;
    ap_uint<64> n = p | ap_uint<64>(1);
    ap_uint<6> top = 63;
Normalise:
    for (unsigned k = 32; k > 0; k /= 2) {
        #pragma HLS UNROLL
        if ((n >> (64 - k)) == 0) {
            n <<= k;
            top -= k;
        }
    }
    const unsigned at = 3 * (top.to_uint() * 8 + ((n >> 60) & 7).to_uint());
    const ap_int<32> f = ((n >> 32) & 0xFFFFFFF) << 3;
    const ap_int<32> y = CONFIG_T::table[at], first = CONFIG_T::table[at + 1], second = CONFIG_T::table[at + 2];
    const ap_int<33> slope = first + ((f * second) >> 32);
    return y + ((f * slope) >> 32);
}

template <class CONFIG_T> ap_int<33> cardc_gate_value(ap_uint<CONFIG_T::power_bits> p, bool zero) {
    #pragma HLS INLINE
    return CONFIG_T::wide ? cardc_gate_parabola<CONFIG_T>(p) : cardc_gate_line<CONFIG_T>(p, zero);
}

// One image: the pick, 0 ... rivals. `reset` empties the window first.
template <class CONFIG_T, class pixel_T> unsigned cardc_gate(hls::stream<pixel_T> &in, bool reset) {
    static typename CONFIG_T::sum_t ring[CONFIG_T::window][CONFIG_T::rivals + 1];
    static typename CONFIG_T::sum_t total[CONFIG_T::rivals + 1];
    static unsigned place = 0;
    cardc_word<CONFIG_T> z[CONFIG_T::planes][CONFIG_T::rows][CONFIG_T::half];
    typename CONFIG_T::sum_t score[CONFIG_T::rivals + 1];
    #pragma HLS ARRAY_PARTITION variable=score complete
    #pragma HLS ARRAY_PARTITION variable=total complete
    cardc_gate_load<CONFIG_T, pixel_T>(in, z);
Begin:
    for (unsigned a = 0; a <= CONFIG_T::rivals; a++) {
        #pragma HLS UNROLL
        score[a] = a == 0 ? 0 : -CONFIG_T::constants[a];
    }
Planes:
    for (unsigned p = 0; p < CONFIG_T::planes; p++) {
        cardc_gate_rows<CONFIG_T>(z[p]);
        cardc_gate_columns<CONFIG_T>(z[p]);
    Frequencies:
        for (unsigned f = 0; f < CONFIG_T::frequencies; f++) {
            #pragma HLS PIPELINE II=CONFIG_T::interval
            const unsigned ky = CONFIG_T::at_row[f], kx = CONFIG_T::at_column[f];
            const ap_uint<CONFIG_T::power_bits> power = cardc_gate_power<CONFIG_T>(z[p], ky, kx);
            const ap_int<33> value = cardc_gate_value<CONFIG_T>(power, ky == 0 && kx == 0);
            CARDC_TRACE(power & 0xFFFFFFFF);
            if (CONFIG_T::wide)
                CARDC_TRACE(ap_uint<64>(power) >> 32);
            CARDC_TRACE(value);
        Rivals:
            for (unsigned a = 1; a <= CONFIG_T::rivals; a++) {
                #pragma HLS UNROLL
                score[a] += value * ap_int<CONFIG_T::template_bits>(CONFIG_T::differences[a - 1][p * CONFIG_T::frequencies + f]);
            }
        }
    }
    if (reset) {
    Empty:
        for (unsigned k = 0; k < CONFIG_T::window; k++) {
            for (unsigned a = 0; a <= CONFIG_T::rivals; a++) {
                ring[k][a] = 0;
                total[a] = 0;
            }
        }
        place = 0;
    }
    unsigned best = 0;
Decide:
    for (unsigned a = 0; a <= CONFIG_T::rivals; a++) {
        total[a] += score[a] - ring[place][a];
        ring[place][a] = score[a];
        CARDC_TRACE(total[a]);
        CARDC_TRACE(total[a] >> 32);
        if (total[a] > total[best])
            best = a;
    }
    place = place + 1 < CONFIG_T::window ? place + 1 : 0;
    return best;
}

} // namespace nnet

#endif
