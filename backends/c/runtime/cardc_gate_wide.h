/* cardc runtime: the gate of a deck in words of more than 16 bits. What it computes, word by word: docs/gate.md.
 *
 * The arena is rows * half complex numbers for a matrix, and behind it the larger of 4 * rows and half for two columns and
 * what becomes of them. Nothing in it is kept from one image to the next. */
#ifndef CARDC_GATE_WIDE_H
#define CARDC_GATE_WIDE_H

#include "cardc_fft_wide.h"
#include "cardc_gate_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As cardc_gate (cardc_gate.h). */
typedef struct cardc_gate_wide {
  uint8_t channels, height, width;
  uint8_t rows, half;
  uint8_t mixes, mix_shift, planes;
  uint8_t power_shift; /* where there is no table */
  uint8_t first_rows, other_rows, columns;
  uint8_t table_length;
  uint8_t rivals;
  uint8_t clip;
  uint16_t window;
  int16_t lo, hi;
  int32_t bias, offset;
  const int32_t *mix;
  const int32_t *twiddles;
  const uint8_t *row_order, *column_order;
  const int32_t *table; /* three terms for each eighth of an octave; NULL: the power */
  const int32_t *differences;
  const int64_t *constants;
  uint32_t slots;
} cardc_gate_wide;

typedef struct cardc_power {
  uint32_t low, high;
} cardc_power;

uint32_t cardc_gate_wide_feed_u8(const cardc_gate_wide *gate, const uint8_t *in, int64_t *sum, int64_t *ring,
                                 uint32_t *place, uint32_t *arena);
uint32_t cardc_gate_wide_feed_i8(const cardc_gate_wide *gate, const int8_t *in, int64_t *sum, int64_t *ring,
                                 uint32_t *place, uint32_t *arena);

/* As cardc_gate_powers: |X|^2 in 64 bits. */
void cardc_gate_wide_powers(const cardc_gate_wide *gate, const cardc_complex *column, const cardc_complex *mirror,
                            uint32_t kx, cardc_power *low, cardc_power *high);

/* |X|^2 of frequency 0, from its column; what was taken from the pixels is given back. */
void cardc_gate_wide_constant(const cardc_gate_wide *gate, const cardc_complex *column, cardc_power *p);

/* What the gate makes of |X|^2; y may be where p is. */
void cardc_gate_wide_values(const cardc_gate_wide *gate, const cardc_power *p, uint32_t count, uint32_t *y);

/* The sum of y[i] * d[i]. */
int64_t cardc_gate_wide_dot(const uint32_t *y, const int32_t *d, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
