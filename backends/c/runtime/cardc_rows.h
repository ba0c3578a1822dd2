/* Buffers that hold a few rows of each plane of a tensor at a time. */
#ifndef CARDC_ROWS_H
#define CARDC_ROWS_H

#include "cardc_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In each of `channels` planes, `plane` bytes apart, the `bytes` bytes from byte `from` on move to its start. */
void cardc_move_rows(uint8_t *rows, uint32_t channels, uint32_t plane, uint32_t from, uint32_t bytes);

/* In each of `channels` planes, `plane` bytes apart, the first `bytes` bytes become `value`. */
void cardc_fill_rows(uint8_t *rows, uint32_t channels, uint32_t plane, uint32_t bytes, uint8_t value);

#ifdef __cplusplus
}
#endif

#endif
