#include "cardc_conv.h"
#include "cardc_lanes.h"

#if CARDC_UNALIGNED
#include "cardc_tiles_unaligned.h"
#else
#include "cardc_tiles_aligned.h"
#endif

#define TILE_PIXELS (4 * CARDC_TILE_WORDS)
#define FEW_BYTES 7 /* from this many adds in 8 bits on, sums in bytes cost less than widening every word */

/* One output channel at work. Lanes are higher than sums by `bias`, max_u * minus taps. */
typedef struct channel {
  const cardc_conv_sparse *layer;
  const cardc_finish *finish;
  const uint16_t *offsets;
  const uint8_t *counts;
  uint32_t number;
  uint32_t taps;                 /* in all parts */
  uint32_t byte_taps, half_taps; /* how many taps add up in 8 and in 16 bits */
  int32_t bias;
  uint8_t *table; /* of outputs by lane, or NULL */
} channel;

/* Reads the runs of one part; where its offsets end. */
static const uint16_t *load_runs(const cardc_conv_sparse *layer, const uint16_t *offsets, const uint8_t *counts,
                                 cardc_run *runs) {
  const uint32_t classes = layer->classes;
  uint32_t k;
  memset(runs, 0, CARDC_RUNS * sizeof *runs);
  for (k = 0; k < classes; k++) {
    runs[k % CARDC_RUNS].n_plus += counts[k];
    runs[k % CARDC_RUNS].n_minus += counts[classes + k];
    runs[k % CARDC_RUNS].residue = layer->residue[k];
  }
  for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].plus = offsets;
    offsets += runs[k].n_plus;
  }
  for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].minus = offsets;
    offsets += runs[k].n_minus;
  }
  return offsets;
}

/* Moves at most `room` taps from `rest` to `chunk`: how many. */
static uint32_t take(cardc_run *chunk, cardc_run *rest, uint32_t room) {
  const uint32_t all = room;
  uint32_t k;
  for (k = 0; k < CARDC_RUNS; k++) {
    const uint32_t plus = rest[k].n_plus < room ? rest[k].n_plus : room;
    const uint32_t minus = rest[k].n_minus < room - plus ? rest[k].n_minus : room - plus;
    chunk[k].plus = rest[k].plus, chunk[k].n_plus = plus;
    chunk[k].minus = rest[k].minus, chunk[k].n_minus = minus;
    chunk[k].residue = rest[k].residue;
    rest[k].plus += plus, rest[k].n_plus -= plus;
    rest[k].minus += minus, rest[k].n_minus -= minus;
    room -= plus + minus;
  }
  return all - room;
}

/* Adds 16-bit lanes (even and odd pixels of each word, in turn) to sums, and clears them. */
static void drain(uint32_t *lanes, int32_t *sums) {
  uint32_t k;
  for (k = 0; k < CARDC_TILE_WORDS; k++, lanes += 2, sums += 4) {
    sums[0] += (int32_t)(lanes[0] & 0xffff);
    sums[1] += (int32_t)(lanes[1] & 0xffff);
    sums[2] += (int32_t)(lanes[0] >> 16);
    sums[3] += (int32_t)(lanes[1] >> 16);
    lanes[0] = lanes[1] = 0;
  }
}

/* lanes = 16-bit lanes of one tile, for any number of taps; what leaves 16 bits goes to `sums`. `wide`: the tile is 16
 * pixels of one row. */
static void sum_tile(const channel *c, const cardc_shape *shape, int wide, const uint8_t *base, uint32_t *lanes, int32_t *sums) {
  const cardc_conv_sparse *layer = c->layer;
  const uint16_t *offsets = c->offsets;
  uint32_t bytes[CARDC_TILE_WORDS], p, k, room = c->half_taps;
  cardc_run rest[CARDC_RUNS], chunk[CARDC_RUNS];
  memset(lanes, 0, 2 * CARDC_TILE_WORDS * sizeof *lanes);
  for (p = 0; p < layer->parts; p++, base += layer->part_stride) {
    const uint32_t few = wide ? c->half_taps : c->byte_taps;
    uint32_t taken;
    offsets = load_runs(layer, offsets, c->counts + 2u * p * layer->classes, rest);
    while ((taken = take(chunk, rest, few < room ? few : room)) > 0) {
      if (wide) {
        cardc_wide_sums(lanes, base, chunk, layer->max_u);
      } else {
        cardc_byte_sums(bytes, shape, base, chunk, layer->max_u);
        for (k = 0; k < CARDC_TILE_WORDS; k++) {
          lanes[2 * k] += cardc_even(bytes[k]);
          lanes[2 * k + 1] += cardc_odd(bytes[k]);
        }
      }
      room -= taken;
      if (room == 0) {
        drain(lanes, sums);
        room = c->half_taps;
      }
    }
  }
}

#define PUT(I) dst[I] = table[lanes[I]]

/* dst = what the table has for each of `count` bytes that lie `step` apart. */
static void put_bytes(const uint8_t *table, const uint8_t *lanes, uint32_t count, uint32_t step, uint8_t *dst) {
  if (step == 1) {
    if (count == 16) {
      PUT(0), PUT(1), PUT(2), PUT(3), PUT(4), PUT(5), PUT(6), PUT(7);
      PUT(8), PUT(9), PUT(10), PUT(11), PUT(12), PUT(13), PUT(14), PUT(15);
      return;
    }
    for (; count >= 4; count -= 4, lanes += 4, dst += 4) {
      PUT(0), PUT(1), PUT(2), PUT(3);
    }
  }
  for (; count > 0; count--, lanes += step) {
    *dst++ = table[*lanes];
  }
}

/* The same for 16-bit lanes, from pixel `first` of the tile on. */
static void put_lanes(const uint8_t *table, const uint32_t *lanes, uint32_t first, uint32_t count, uint32_t step,
                      uint8_t *dst) {
  if (step == 1) {
    for (lanes += first / 2, first = 0; count >= 4; count -= 4, lanes += 2, dst += 4) {
      dst[0] = table[lanes[0] & 0xffff];
      dst[1] = table[lanes[1] & 0xffff];
      dst[2] = table[lanes[0] >> 16];
      dst[3] = table[lanes[1] >> 16];
    }
  }
  for (; count > 0; count--, first += step) {
    const uint32_t pair = lanes[first / 4 * 2 + (first & 1)];
    *dst++ = table[first & 2 ? pair >> 16 : pair & 0xffff];
  }
}

/* One tile of a channel whose bytes hold all its taps: the common case, with a table. */
static void quick_tile(const channel *c, const cardc_shape *shape, const cardc_run *runs, const uint8_t *base, uint32_t first,
                       uint32_t count, uint8_t *dst) {
  const cardc_conv_sparse *layer = c->layer;
  uint32_t bytes[CARDC_TILE_WORDS], r;
  cardc_byte_sums(bytes, shape, base, runs, layer->max_u);
  for (r = 0; r < shape->rows; r++, dst += layer->to.row, first += shape->width) {
    put_bytes(c->table, (const uint8_t *)bytes + first, count, layer->col_step, dst);
  }
}

/* One tile of any channel. */
static void any_tile(const channel *c, const cardc_shape *shape, int wide, const uint8_t *base, uint32_t first, uint32_t count,
                     void *dst, uint32_t at) {
  const cardc_conv_sparse *layer = c->layer;
  uint32_t lanes[2 * CARDC_TILE_WORDS], r;
  int32_t sums[TILE_PIXELS];
  if (c->table) {
    sum_tile(c, shape, wide, base, lanes, sums);
    for (r = 0; r < shape->rows; r++, at += layer->to.row, first += shape->width) {
      put_lanes(c->table, lanes, first, count, layer->col_step, (uint8_t *)dst + at);
    }
    return;
  }
  memset(sums, 0, sizeof sums);
  sum_tile(c, shape, wide, base, lanes, sums);
  drain(lanes, sums);
  for (r = 0; r < shape->rows; r++, at += layer->to.row, first += shape->width) {
    cardc_finish_row(c->finish, c->number, sums + first, layer->col_step, c->bias, count, dst, at);
  }
}

/* All tiles of one channel, by columns of tiles. The last row of tiles may overlap the one above. */
static void do_channel(const channel *c, const uint8_t *src, void *dst) {
  const cardc_conv_sparse *layer = c->layer;
  const cardc_map *to = &layer->to;
  const uint32_t step = layer->col_step, width = (to->width - 1u) * step + 1, height = to->height;
  const int quick = layer->parts == 1 && c->taps <= c->byte_taps && c->table != NULL;
  const int wide = !quick && c->byte_taps < FEW_BYTES;
  const cardc_shape row = {16, 1, 0};
  cardc_run runs[CARDC_RUNS];
  uint32_t x0, x = 0; /* columns of the input; of the output */
  load_runs(layer, c->offsets, c->counts, runs);
  for (x0 = 0; x0 < width;) {
    const cardc_shape shape = wide ? row : cardc_pick_shape(width - x0, height, layer->row_step);
    const uint32_t end = width - x0 < shape.width ? width : x0 + shape.width, first = x * step - x0;
    uint32_t y0 = 0, count = 0;
    for (; x * step < end; x++) {
      count++;
    }
    while (count > 0) {
      const uint8_t *base = src + y0 * layer->row_step + x0;
      const uint32_t at = c->number * to->plane + y0 * to->row + x - count;
      if (quick) {
        quick_tile(c, &shape, runs, base, first, count, (uint8_t *)dst + at);
      } else {
        any_tile(c, &shape, wide, base, first, count, dst, at);
      }
      if (y0 + shape.rows == height) {
        break;
      }
      y0 = y0 + 2 * shape.rows <= height ? y0 + shape.rows : height - shape.rows;
    }
    x0 = end;
  }
}

/* Whether `c` is finished by table: where it fits, and where building it costs less than what it saves. */
static int worth_table(const channel *c, uint32_t reach, uint32_t table_bytes) {
  const uint32_t pixels = (uint32_t)c->layer->to.height * c->layer->to.width;
  const cardc_finish *f = c->finish;
  if (f->out != CARDC_U8 || f->kind == CARDC_AFFINE || reach > 0xffff || reach + 5 > table_bytes) {
    return 0;
  }
  return f->kind == CARDC_THRESHOLD ? pixels * 16 >= reach + 8u * f->levels : pixels >= reach;
}

void cardc_conv_lanes(const cardc_conv_sparse *layer, const cardc_finish *finish, const uint8_t *src, void *dst,
                      uint8_t *table, uint32_t table_bytes) {
  const uint32_t classes = layer->classes;
  channel c;
  uint32_t p, k;
  c.layer = layer, c.finish = finish, c.offsets = layer->offsets, c.counts = layer->counts;
  c.byte_taps = 0xffu / layer->max_u, c.half_taps = 0xffffu / layer->max_u;
  for (c.number = 0; c.number < layer->to.channels; c.number++) {
    const uint8_t *count = c.counts;
    uint32_t plus = 0, minus = 0, reach;
    for (p = 0; p < layer->parts; p++, count += classes) {
      for (k = 0; k < classes; k++, count++) {
        plus += count[0], minus += count[classes];
      }
    }
    c.taps = plus + minus;
    reach = c.taps * layer->max_u;
    c.bias = (int32_t)(minus * layer->max_u);
    c.table = table && worth_table(&c, reach, table_bytes) ? table : NULL;
    if (c.table) {
      cardc_finish_table(finish, c.number, -c.bias, reach + 1, table);
    }
    do_channel(&c, src, dst);
    c.offsets += c.taps, c.counts = count;
  }
}
