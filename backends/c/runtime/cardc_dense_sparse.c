#include "cardc_dense.h"
#include "cardc_dense_lists.h"

#define ROWS 32 /* sums at a time */

void cardc_dense_sparse(const CARDC_ROM cardc_dense_sparse_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst) {
  const uint32_t outputs = layer->outputs;
  const CARDC_ROM uint8_t *lists = layer->lists;
  int32_t sums[ROWS];
  uint32_t o, n, b;
  for (o = 0; o < outputs; o += n) {
    const uint8_t *block = src;
    n = outputs - o < ROWS ? outputs - o : ROWS;
    cardc_clear_sums(sums, ROWS);
    for (b = layer->blocks; b > 0; b--, block += layer->block) {
      lists = cardc_add_lists(sums, lists, block, n);
    }
    cardc_finish_outputs(finish, o, sums, n, dst);
  }
}
