#include "cardc_rice.h"
#include "cardc_rice_sums.h"

#if CARDC_UNALIGNED
#include "cardc_rice_halves.h"
#else
#include "cardc_rice_bytes.h"
#endif

/* Where the decoder stands: the next weight that is not zero lies `place` behind the first that no row had, and is -1 if
 * the lowest bit of `minus` is set. */
typedef struct decoder {
  cardc_rice_reader reader;
  uint32_t place, minus;
} decoder;

/* The taps of the next row. The first channel that it reads starts at `base` of the storage. */
static CARDC_NOINLINE void decode_row(const CARDC_ROM cardc_conv_rice_layer *layer, decoder *state, uint32_t base,
                                      uint16_t *work, cardc_rice_taps *taps) {
  const uint32_t depth = layer->depth, plane = layer->plane, remainder = layer->weights.remainder;
  const CARDC_ROM uint16_t *cell = layer->cells, *const end = cell + layer->cell_count;
  cardc_rice_reader reader = state->reader;
  uint16_t *plus = work, *minus = work + layer->most;
  uint32_t place = state->place, next = state->minus;
  CARDC_NO_UNROLL for (; cell != end; cell++, place -= depth) {
    const uint32_t at = base + *cell;
    CARDC_NO_UNROLL while (place < depth) {
      const uint32_t tap = at + place * plane;
      if (next & 1) {
        *--minus = (uint16_t)tap;
        CARDC_PIN(minus); /* a branch is less than two choices */
      } else {
        *plus++ = (uint16_t)tap;
        CARDC_PIN(plus);
      }
      next = cardc_rice_gap(&reader, remainder);
      place += (next >> 1) + 1;
    }
  }
  state->place = place;
  state->minus = next;
  state->reader = reader;
  taps->plus = work;
  taps->minus = minus;
  taps->n_plus = (uint32_t)(plus - work);
  taps->n_minus = (uint32_t)(work + layer->most - minus);
}

/* Outputs by scale: bytes from 0 to `top`. */
typedef struct scale {
  uint32_t m, b, shift;
  int32_t top;
} scale;

/* Whether outputs are by scale, and what that of channel `c` is, for sums that are `bias` too large. */
static int find_scale(const CARDC_ROM cardc_finish *finish, uint32_t c, uint32_t bias, scale *to) {
  if (finish->kind != CARDC_REQUANTIZE || finish->out != CARDC_U8 || finish->b64 || finish->lo != 0) {
    return 0;
  }
  c = finish->shared ? 0 : c;
  to->m = (uint32_t)finish->m[c], to->b = (uint32_t)finish->b[c] - (uint32_t)CARDC_TIMES(bias, to->m);
  to->shift = finish->shift, to->top = finish->hi;
  return 1;
}

static void store_row(const scale *by, const int32_t *sums, uint32_t step, uint32_t count, uint8_t *to) {
  const uint32_t m = by->m, b = by->b, shift = by->shift;
  const int32_t top = by->top;
  CARDC_NO_UNROLL do {
    int32_t y = (int32_t)((uint32_t)CARDC_TIMES((uint32_t)*sums, m) + b) >> shift;
    y = y < 0 ? 0 : y;
    *to++ = (uint8_t)(y > top ? top : y);
    sums += step;
  } while (--count > 0);
}

/* A strip of output channel `c`, `count` pixels wide, from the bytes at `from` on; `at` is the element of `dst` for its
 * first pixel. Two rows at a time where `across` is 0, else 16 bytes of one. */
static CARDC_NOINLINE void do_strip(const CARDC_ROM cardc_conv_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                                    const cardc_rice_taps *taps, uint32_t c, const uint8_t *from, uint32_t count,
                                    uint32_t across, void *dst, uint32_t at) {
  const uint32_t step = layer->col_step, row = layer->to.row, bias = taps->n_minus * taps->max_u;
  scale by;
  const int scaled = find_scale(finish, c, bias, &by);
  uint32_t left = layer->to.height, rows, k;
  int32_t sums[16];
  for (; left > 0; left -= rows) {
    rows = across || left == 1 ? 1 : 2;
    cardc_rice_sums(taps, from, across ? across : rows == 2 ? layer->row_step : 0, sums);
    for (k = 0; k < rows; k++, at += row, from += layer->row_step) {
      if (scaled) {
        store_row(&by, sums + 8 * k, step, count, (uint8_t *)dst + at);
      } else {
        cardc_finish_row(finish, c, sums + 8 * k, step, (int32_t)bias, count, dst, at);
      }
    }
  }
}

void cardc_conv_rice(const CARDC_ROM cardc_conv_rice_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint16_t *work) {
  const uint32_t step = layer->col_step, width = layer->to.width, each = (7 + step) / step; /* outputs of 8 bytes */
  decoder state = {{layer->weights.codes, 0, 0}, 0, 0};
  uint32_t c, x, n, base = 0, in_group = layer->group_channels;
  cardc_rice_taps taps;
  taps.max_u = layer->max_u;
  taps.room = CARDC_RICE_ROOM / taps.max_u;
  n = cardc_rice_gap(&state.reader, layer->weights.remainder);
  state.place = n >> 1, state.minus = n;
  for (c = 0; c < layer->to.channels; c++) {
    if (in_group == 0) {
      in_group = layer->group_channels;
      base += layer->depth * layer->plane;
    }
    in_group--;
    decode_row(layer, &state, base, work, &taps);
    for (x = 0; x < width; x += n) {
      const uint32_t both = width - x > each && step <= 8 && (step & (step - 1)) == 0, most = both ? 2 * each : each;
      n = width - x < most ? width - x : most;
      do_strip(layer, finish, &taps, c, src + x * step, n, both ? 8 : 0, dst, c * layer->to.plane + x);
    }
  }
}
