#include "cardc_rows.h"

void cardc_move_rows(uint8_t *rows, uint32_t channels, uint32_t plane, uint32_t from, uint32_t bytes) {
  CARDC_NO_UNROLL for (; channels > 0; channels--, rows += plane) { memmove(rows, rows + from, bytes); }
}

void cardc_fill_rows(uint8_t *rows, uint32_t channels, uint32_t plane, uint32_t bytes, uint8_t value) {
  CARDC_NO_UNROLL for (; channels > 0; channels--, rows += plane) { memset(rows, value, bytes); }
}
