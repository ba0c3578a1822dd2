/* Buffers that hold the newest rows of each plane of a tensor. */
#ifndef CARDC_ROWS_H
#define CARDC_ROWS_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The buffer of `size` bytes `at` bytes into the arena has `channels` planes, `plane` bytes apart, of `lines` rows of `row`
 * bytes each. At a time `rows` rows are added, of a tensor that has `height`; the first time they begin with row `first`.
 * Rows that the tensor does not have hold `border`. */
typedef struct cardc_strip {
  uint32_t at, size, plane;
  uint16_t row, channels, lines, rows, height;
  int16_t first;
  uint8_t border;
} cardc_strip;

/* Makes room for new rows, from row `row` of the tensor on, at the end of each plane: the others move up, the first
 * ones go. Whether the tensor has any of the new rows; where not, they hold the border. */
int cardc_next_rows(const CARDC_ROM cardc_strip *strip, uint8_t *arena, int32_t row);

/* `bytes` bytes of `border`; a multiple of 4, at a word's address. */
void cardc_fill_rows(uint8_t *at, uint32_t bytes, uint8_t border);

/* Gives the border to those of the new rows, from row `row` on, that the tensor does not have. */
void cardc_end_rows(const CARDC_ROM cardc_strip *strip, uint8_t *arena, int32_t row);

#ifdef __cplusplus
}
#endif

#endif
