#include "cardc_conv.h"

void cardc_conv_lanes(const cardc_conv_sparse *layer, const cardc_finish *finish, const uint8_t *src, void *dst,
                      uint8_t *table, uint32_t table_bytes) {
  cardc_conv_taps(layer, finish, src, dst, table, table_bytes);
}
