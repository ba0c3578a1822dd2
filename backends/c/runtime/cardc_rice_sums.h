/* Sums of taps that were decoded to lists of places: what cardc_conv_rice is made of. */
#ifndef CARDC_RICE_SUMS_H
#define CARDC_RICE_SUMS_H

#include "cardc_lanes.h"

/* The taps of one output channel. */
typedef struct cardc_rice_taps {
  const uint16_t *plus, *minus;
  uint32_t n_plus, n_minus;
  uint32_t max_u, room; /* the largest input; how many of them add up in a half (or a byte) */
} cardc_rice_taps;

#endif
