#include "cardc_lanes.h"
#include "cardc_lanes_store.h"

#if CARDC_UNALIGNED
#include "cardc_tiles_unaligned.h"
#else
#include "cardc_tiles_aligned.h"
#endif

#define BAND 4 /* tiles that are summed, one below the other, before they are finished */
#define BAND_WORDS (BAND * CARDC_TILE_WORDS)
#define FEW_TAPS 7 /* from this many taps in 8 bits on, sums in bytes cost less than widening every word */

/* One output channel at work. Lanes are higher than sums by `bias`, max_u * minus taps. */
typedef struct channel {
  const CARDC_ROM cardc_conv_sparse *layer;
  const CARDC_ROM cardc_finish *finish;
  const CARDC_ROM uint16_t *offsets;
  const CARDC_ROM uint8_t *counts;
  uint32_t number;
  uint32_t taps;                 /* in all parts */
  uint32_t byte_taps, half_taps; /* how many taps add up in 8 and in 16 bits */
  int32_t bias;
  uint8_t *table;             /* of outputs by lane, or NULL */
  cardc_run runs[CARDC_RUNS]; /* of the only part */
} channel;

/* Where a band lies: `tiles` tiles of `shape`. */
typedef struct band {
  cardc_shape shape;
  uint32_t tiles;
  uint32_t wide;         /* 1: one row of 16 pixels, whose words are widened before they are added */
  uint32_t first, count; /* in each row, the first pixel that is stored, and how many are */
} band;

/* Adds all taps of all parts to the 16-bit `lanes`; what leaves 16 bits goes to `sums`. */
static void sum_band(const channel *c, const band *b, const uint8_t *base, uint32_t *lanes, int32_t *sums) {
  const CARDC_ROM cardc_conv_sparse *layer = c->layer;
  const uint32_t few = b->wide ? c->half_taps : c->byte_taps;
  const uint32_t words = b->tiles * b->shape.rows * b->shape.width / 4;
  const CARDC_ROM uint16_t *offsets = c->offsets;
  uint32_t bytes[BAND_WORDS], p, taken, room = c->half_taps;
  cardc_run rest[CARDC_RUNS], chunk[CARDC_RUNS];
  CARDC_NO_UNROLL for (p = 0; p < layer->parts; p++, base += layer->part_stride) {
    offsets += cardc_load_runs(layer, offsets, c->counts + 2u * p * layer->classes, rest);
    while ((taken = cardc_take_taps(chunk, rest, few < room ? few : room, layer->max_u)) > 0) {
      if (b->wide) {
        cardc_wide_sums(lanes, base, chunk, layer->max_u);
      } else {
        cardc_byte_sums(bytes, b->tiles, &b->shape, base, chunk);
        cardc_widen(lanes, bytes, words);
      }
      room -= taken;
      if (room == 0 && sums != NULL) { /* with a table everything fits */
        cardc_drain(lanes, sums, words);
        room = c->half_taps;
      }
    }
  }
}

/* A band of a channel that has a table and few taps, in one or two chunks that each fit in bytes: the common case. */
static void quick_band(const channel *c, const band *b, const cardc_run *chunks, const uint8_t *base, uint8_t *dst) {
  const uint32_t step = c->layer->col_step, row = c->layer->to.row, width = b->shape.width, count = b->count;
  uint32_t bytes[2][BAND_WORDS], rows = b->tiles * b->shape.rows;
  const uint8_t *table = c->table, *low = (const uint8_t *)bytes[0] + b->first, *high = (const uint8_t *)bytes[1] + b->first;
  cardc_byte_sums(bytes[0], b->tiles, &b->shape, base, chunks);
  if (c->taps <= c->byte_taps) {
    CARDC_NO_UNROLL for (; rows > 0; rows--, low += width, dst += row) {
      if (count == 16) { /* whole rows of tiles, the most common */
        CARDC_PUT(0), CARDC_PUT(1), CARDC_PUT(2), CARDC_PUT(3), CARDC_PUT(4), CARDC_PUT(5), CARDC_PUT(6), CARDC_PUT(7);
        CARDC_PUT(8), CARDC_PUT(9), CARDC_PUT(10), CARDC_PUT(11), CARDC_PUT(12), CARDC_PUT(13), CARDC_PUT(14), CARDC_PUT(15);
      } else {
        cardc_put_bytes(table, low, count, step, dst);
      }
    }
    return;
  }
  cardc_byte_sums(bytes[1], b->tiles, &b->shape, base, chunks + CARDC_RUNS);
  CARDC_NO_UNROLL for (; rows > 0; rows--, low += width, high += width, dst += row) {
    if (count == 16) {
      CARDC_PUT_SUM(0), CARDC_PUT_SUM(1), CARDC_PUT_SUM(2), CARDC_PUT_SUM(3), CARDC_PUT_SUM(4), CARDC_PUT_SUM(5), CARDC_PUT_SUM(6), CARDC_PUT_SUM(7);
      CARDC_PUT_SUM(8), CARDC_PUT_SUM(9), CARDC_PUT_SUM(10), CARDC_PUT_SUM(11), CARDC_PUT_SUM(12), CARDC_PUT_SUM(13), CARDC_PUT_SUM(14), CARDC_PUT_SUM(15);
    } else {
      cardc_put_sums(table, low, high, count, step, dst);
    }
  }
}

/* A band of a channel that has a table. */
static void table_band(const channel *c, const band *b, const uint8_t *base, uint8_t *dst) {
  const uint32_t step = c->layer->col_step, row = c->layer->to.row, width = b->shape.width;
  uint32_t lanes[2 * BAND_WORDS], rows, at = b->first;
  memset(lanes, 0, sizeof lanes);
  sum_band(c, b, base, lanes, NULL);
  for (rows = b->tiles * b->shape.rows; rows > 0; rows--, at += width, dst += row) {
    cardc_put_lanes(c->table, lanes, at, b->count, step, dst);
  }
}

/* A band of one tile of any channel. */
static void plain_band(const channel *c, const band *b, const uint8_t *base, void *dst, uint32_t at) {
  uint32_t lanes[2 * CARDC_TILE_WORDS], r;
  int32_t sums[4 * CARDC_TILE_WORDS];
  memset(lanes, 0, sizeof lanes);
  memset(sums, 0, sizeof sums);
  sum_band(c, b, base, lanes, sums);
  cardc_drain(lanes, sums, CARDC_TILE_WORDS);
  CARDC_NO_UNROLL for (r = 0; r < b->shape.rows; r++, at += c->layer->to.row) {
    cardc_finish_row(c->finish, c->number, sums + b->first + r * b->shape.width, c->layer->col_step, c->bias, b->count,
                     dst, at);
  }
}

/* All rows of one column of tiles, from column `x` of the output on. The last tile may overlap the one above it. */
static void do_column(const channel *c, band *b, const cardc_run *quick, const uint8_t *base, uint32_t x, void *dst) {
  const CARDC_ROM cardc_conv_sparse *layer = c->layer;
  const uint32_t height = layer->to.height, rows = b->shape.rows;
  const uint32_t most = c->table && !b->wide ? BAND * rows : rows;
  uint32_t y = 0, at = c->number * layer->to.plane + x;
  for (;;) {
    const uint32_t left = height - y;
    const uint8_t *from = base + y * layer->row_step;
    uint32_t done = rows;
    while (done + rows <= most && done + rows <= left) {
      done += rows;
    }
    b->tiles = done == rows ? 1 : done / rows;
    if (quick) {
      quick_band(c, b, quick, from, (uint8_t *)dst + at + y * layer->to.row);
    } else if (c->table) {
      table_band(c, b, from, (uint8_t *)dst + at + y * layer->to.row);
    } else {
      plain_band(c, b, from, dst, at + y * layer->to.row);
    }
    y += done;
    if (y == height) {
      break;
    }
    y = height - y < rows ? height - rows : y;
  }
}

/* All columns of tiles of one channel. */
static void do_channel(const channel *c, const uint8_t *src, void *dst) {
  const CARDC_ROM cardc_conv_sparse *layer = c->layer;
  const uint32_t step = layer->col_step, width = (layer->to.width - 1u) * step + 1;
  const int quick = layer->parts == 1 && c->taps <= 2 * c->byte_taps && c->table != NULL;
  cardc_run rest[CARDC_RUNS], chunks[2 * CARDC_RUNS];
  const cardc_run *taken = c->runs;
  uint32_t x0 = 0, x = 0, end; /* columns of the input; of the output */
  band b;
  b.wide = !quick && c->byte_taps < FEW_TAPS;
  if (quick && c->taps > c->byte_taps) {
    memcpy(rest, c->runs, sizeof rest);
    cardc_take_taps(chunks, rest, c->byte_taps, layer->max_u);
    cardc_take_taps(chunks + CARDC_RUNS, rest, c->byte_taps, layer->max_u);
    taken = chunks;
  }
  for (; x0 < width; x0 = end) {
    b.shape = cardc_pick_shape(width - x0, layer->to.height, layer->row_step);
    if (b.wide) {
      b.shape.width = 16, b.shape.rows = 1;
    }
    end = width - x0 < b.shape.width ? width : x0 + b.shape.width;
    b.first = x * step - x0;
    b.count = end - x0;
    if (step > 1) {
      for (b.count = 0; (x + b.count) * step < end;) {
        b.count++;
      }
    }
    if (b.count > 0) {
      do_column(c, &b, quick ? taken : NULL, src + x0, x, dst);
    }
    x += b.count;
  }
}

/* Whether `c` is finished by table: where it fits, and where building it costs less than it saves. In instructions, an
 * entry takes 1 (3 without unaligned stores) by thresholds and 8 by requantisation, a pixel 16 + 8 for each halving of
 * the levels, or 12, without a table and 4 with one. */
static int worth_table(const channel *c, uint32_t reach, uint32_t table_bytes) {
  const uint32_t pixels = (uint32_t)c->layer->to.height * c->layer->to.width, entry = CARDC_UNALIGNED ? 1 : 3;
  const CARDC_ROM cardc_finish *f = c->finish;
  uint32_t levels, search = 12;
  if (f->out != CARDC_U8 || f->kind == CARDC_AFFINE || reach > 0xffff || reach + 5 > table_bytes) {
    return 0;
  }
  for (levels = f->levels; levels > 0; levels >>= 1) {
    search += 8;
  }
  return f->kind == CARDC_THRESHOLD ? pixels * search >= reach * entry + 12u * f->levels : pixels >= reach;
}

void cardc_conv_lanes(const CARDC_ROM cardc_conv_sparse *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst, uint8_t *table, uint32_t table_bytes) {
  channel c;
  uint32_t p, k;
  c.layer = layer, c.finish = finish, c.offsets = layer->offsets, c.counts = layer->counts;
  c.byte_taps = 0xffu / layer->max_u, c.half_taps = 0xffffu / layer->max_u;
  for (c.number = 0; c.number < layer->to.channels; c.number++) {
    const CARDC_ROM uint8_t *counts = c.counts;
    uint32_t minus = 0, reach;
    c.taps = 0;
    CARDC_NO_UNROLL for (p = 0; p < layer->parts; p++, counts += 2u * layer->classes) {
      c.taps += cardc_load_runs(layer, c.offsets + c.taps, counts, c.runs);
      CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
        minus += c.runs[k].n_minus;
      }
    }
    reach = c.taps * layer->max_u;
    c.bias = (int32_t)(minus * layer->max_u);
    c.table = table && worth_table(&c, reach, table_bytes) ? table : NULL;
    if (c.table) {
      cardc_finish_table(finish, c.number, -c.bias, reach + 1, table);
    }
    do_channel(&c, src, dst);
    c.offsets += c.taps, c.counts = counts;
  }
}
