#include "cardc_rice.h"

#define CLASSES 4

/* The taps of one output channel at `offsets`: those of +1 from the front, those of -1 from the back of `most`. */
typedef struct taps {
  uint16_t *offsets;
  uint32_t plus, minus; /* how many of each */
} taps;

/* Where the decoder stands: the next weight that is not zero is `gap` behind the first that no row had, and -1 if
 * `negative`. */
typedef struct place {
  cardc_rice_reader reader;
  uint32_t gap, negative;
} place;

/* The taps of the next row. The first channel that it reads starts at `base` of the storage. */
static CARDC_NOINLINE void decode_row(const CARDC_ROM cardc_conv_rice_layer *layer, place *state, uint32_t base, taps *t) {
  const uint32_t cells = layer->cell_count, plane = layer->plane, remainder = layer->weights.remainder;
  const CARDC_ROM uint16_t *const cell_at = layer->cells;
  cardc_rice_reader reader = state->reader;
  uint16_t *plus = t->offsets, *minus = t->offsets + layer->most;
  uint32_t left = (uint32_t)layer->depth * cells, cell = 0, gap = state->gap, negative = state->negative;
  while (gap < left) {
    left -= gap + 1;
    cell += gap;
    CARDC_NO_UNROLL while (cell >= cells) {
      cell -= cells;
      base += plane;
    }
    *(negative ? --minus : plus++) = (uint16_t)(base + cell_at[cell]);
    cell++;
    gap = cardc_rice_gap(&reader, remainder, &negative);
  }
  state->gap = gap - left;
  state->negative = negative;
  state->reader = reader;
  t->plus = (uint32_t)(plus - t->offsets);
  t->minus = (uint32_t)(t->offsets + layer->most - minus);
}

/* Sorts `count` offsets into classes behind each other at `to`, and says how many are of each. */
static CARDC_NOINLINE uint16_t *by_class(const CARDC_ROM cardc_conv_sparse *one, const uint16_t *offsets, uint32_t count, uint16_t *to,
                          uint8_t *counts) {
  const uint32_t classes = one->classes;
  uint32_t k, i;
  if (classes == 1) {
    CARDC_NO_UNROLL for (i = 0; i < count; i++) {
      to[i] = offsets[i];
    }
    counts[0] = (uint8_t)count;
    return to + count;
  }
  for (k = 0; k < classes; k++) {
    uint16_t *first = to;
    CARDC_NO_UNROLL for (i = 0; i < count; i++) {
      if ((offsets[i] & 3u) == one->residue[k]) {
        *to++ = offsets[i];
      }
    }
    counts[k] = (uint8_t)(to - first);
  }
  return to;
}

/* `finish` as channel `c` sees it. */
static cardc_finish finish_of(const CARDC_ROM cardc_finish *finish, uint32_t c) {
  cardc_finish f = *finish;
  if (!f.shared) {
    f.t16 = f.t16 ? f.t16 + c * f.levels : f.t16;
    f.t32 = f.t32 ? f.t32 + c * f.levels : f.t32;
    f.falling = f.falling ? f.falling + c : f.falling;
    f.m = f.m ? f.m + c : f.m;
    f.b = f.b ? f.b + c : f.b;
    f.b64 = f.b64 ? f.b64 + c : f.b64;
  }
  return f;
}

void cardc_conv_rice(const CARDC_ROM cardc_conv_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes, uint16_t *work,
                     cardc_conv_kernel kernel) {
  place state = {{layer->weights.codes, 0, 0}, 0, 0};
  const uint32_t most = layer->most, step = layer->one.to.plane << finish->out; /* 1, 2 or 4 bytes an element */
  cardc_conv_sparse one = layer->one;
  uint8_t counts[2 * CLASSES], *to = (uint8_t *)dst;
  taps t = {work + most, 0, 0};
  uint32_t g, c, channel = 0;
  state.gap = cardc_rice_gap(&state.reader, layer->weights.remainder, &state.negative);
  one.offsets = work;
  one.counts = counts;
  for (g = 0; g < layer->groups; g++) {
    for (c = 0; c < layer->group_channels; c++, channel++, to += step) {
      const cardc_finish f = finish_of(finish, channel);
      uint16_t *end;
      decode_row(layer, &state, g * layer->depth * layer->plane, &t);
      end = by_class(&layer->one, t.offsets, t.plus, work, counts);
      by_class(&layer->one, t.offsets + most - t.minus, t.minus, end, counts + one.classes);
      kernel(&one, &f, src, to, table, table_bytes);
    }
  }
}
