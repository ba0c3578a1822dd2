/* Sparse ternary convolutions over copies of the input without gaps. */
#ifndef CARDC_CONV_RUNS_H
#define CARDC_CONV_RUNS_H

#include "cardc_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Output is made band by band, `rows` rows each. For every input channel, column of the kernel and row of the kernel modulo
 * the stride, the pixels which that column meets are copied to `work`, `pitch` a row and row behind row: then the
 * pixels that a tap meets in all of the band lie side by side, and every tap is a run of words to add. A pixel is a
 * byte there (`lane` 1) or 16 bits (`lane` 2, in the order 0, 2, 1, 3 of each four).
 *
 * Where the input has no border left and right, copies get it: pads are the pixels of border at the begin of a copied row,
 * in bits 0-7, those at its end in bits 8-15, and their byte in bits 16-23. What lies beside the row is read all the same.
 *
 * `offsets` holds, for each output channel, where in the copies the runs of its -1 taps begin, then those of its +1 taps;
 * counts[channel][2] says how many there are. Written by cardc.passes.encodings.runs. */
typedef struct cardc_conv_runs_layer {
  const CARDC_ROM uint16_t *offsets;
  const CARDC_ROM uint16_t *counts;
  const CARDC_ROM uint32_t *copies;    /* three words each: bytes into a channel's storage, rows beyond those of the band, pads */
  uint32_t plane;            /* of the input */
  uint32_t row_step;         /* stride down, times the input's row */
  uint32_t list_at, sums_at; /* where in `work` lie steps and sums; copies lie at 0 */
  uint32_t table_at;         /* finish tables */
  uint32_t table_bytes;      /* of one; 0: none */
  uint16_t tables;           /* 1, or one for each output channel, kept from band to band */
  uint16_t in_channels;
  uint16_t rows, pitch;
  uint8_t copies_of;         /* how many copies of a channel */
  uint8_t col_step;          /* stride across, at most 5 */
  uint8_t lane;              /* 1 or 2 */
  uint8_t max_u;             /* the largest byte of the input, border included; max_u * taps of a channel < 65,536 */
  uint8_t chunks;            /* sums in bytes of a channel have place for how many, one behind the other */
  uint8_t top;               /* the largest output of lines */
  const CARDC_ROM int32_t *lines; /* three words of a line for each output channel (cardc_line.h), or NULL */
  const CARDC_ROM uint8_t *shared; /* the finish table of all channels, from the sum -shared_bias on, or NULL */
  uint32_t shared_bias;
  cardc_map to;
} cardc_conv_runs_layer;

/* dst = finish(S), S[o, y, x] = sum of +1 taps - sum of -1 taps. `work` is 4-byte aligned. Reads up to CARDC_SLACK bytes
 * behind the storage of src. `finish` is not read (it may be NULL) where each channel has a line. */
void cardc_conv_runs(const CARDC_ROM cardc_conv_runs_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint32_t *work);

#ifdef __cplusplus
}
#endif

#endif
