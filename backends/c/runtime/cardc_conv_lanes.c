#include "cardc_conv.h"
#include "cardc_lanes.h"

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
  const cardc_conv_sparse *layer;
  const cardc_finish *finish;
  const uint16_t *offsets;
  const uint8_t *counts;
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

/* Reads the runs of one part: how many taps they have. */
static uint32_t load_runs(const cardc_conv_sparse *layer, const uint16_t *offsets, const uint8_t *counts,
                          cardc_run *runs) {
  const uint32_t classes = layer->classes;
  const uint16_t *at = offsets;
  uint32_t k;
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].n_plus = runs[k].n_minus = runs[k].residue = 0;
  }
  CARDC_NO_UNROLL for (k = 0; k < classes; k++) {
    cardc_run *run = runs + k % CARDC_RUNS;
    run->n_plus += counts[k], run->n_minus += counts[classes + k];
    run->residue = layer->residue[k];
  }
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].plus = at;
    at += runs[k].n_plus;
  }
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    runs[k].minus = at;
    runs[k].init = runs[k].n_minus * layer->max_u * 0x01010101u;
    at += runs[k].n_minus;
  }
  return (uint32_t)(at - offsets);
}

/* Moves at most `room` taps from `rest` to `chunk`: how many. */
static uint32_t take(cardc_run *chunk, cardc_run *rest, uint32_t room, uint32_t max_u) {
  const uint32_t all = room;
  uint32_t k;
  CARDC_NO_UNROLL for (k = 0; k < CARDC_RUNS; k++) {
    const uint32_t plus = rest[k].n_plus < room ? rest[k].n_plus : room;
    const uint32_t minus = rest[k].n_minus < room - plus ? rest[k].n_minus : room - plus;
    chunk[k] = rest[k];
    chunk[k].n_plus = plus, chunk[k].n_minus = minus;
    chunk[k].init = minus * max_u * 0x01010101u;
    rest[k].plus += plus, rest[k].n_plus -= plus;
    rest[k].minus += minus, rest[k].n_minus -= minus;
    room -= plus + minus;
  }
  return all - room;
}

/* 16-bit lanes: word 2k holds pixels 4k (low half) and 4k + 2, word 2k + 1 pixels 4k + 1 and 4k + 3. */
static void widen(uint32_t *lanes, const uint32_t *bytes, uint32_t words) {
  CARDC_NO_UNROLL for (; words > 0; words--, lanes += 2, bytes++) {
    lanes[0] += cardc_even(*bytes);
    lanes[1] += cardc_odd(*bytes);
  }
}

/* Adds lanes to sums, pixel by pixel, and clears them. */
static void drain(uint32_t *lanes, int32_t *sums, uint32_t words) {
  CARDC_NO_UNROLL for (; words > 0; words--, lanes += 2, sums += 4) {
    sums[0] += (int32_t)(lanes[0] & 0xffff);
    sums[1] += (int32_t)(lanes[1] & 0xffff);
    sums[2] += (int32_t)(lanes[0] >> 16);
    sums[3] += (int32_t)(lanes[1] >> 16);
    lanes[0] = lanes[1] = 0;
  }
}

/* Adds all taps of all parts to the 16-bit `lanes`; what leaves 16 bits goes to `sums`. */
static void sum_band(const channel *c, const band *b, const uint8_t *base, uint32_t *lanes, int32_t *sums) {
  const cardc_conv_sparse *layer = c->layer;
  const uint32_t few = b->wide ? c->half_taps : c->byte_taps;
  const uint32_t words = b->tiles * b->shape.rows * b->shape.width / 4;
  const uint16_t *offsets = c->offsets;
  uint32_t bytes[BAND_WORDS], p, taken, room = c->half_taps;
  cardc_run rest[CARDC_RUNS], chunk[CARDC_RUNS];
  CARDC_NO_UNROLL for (p = 0; p < layer->parts; p++, base += layer->part_stride) {
    offsets += load_runs(layer, offsets, c->counts + 2u * p * layer->classes, rest);
    while ((taken = take(chunk, rest, few < room ? few : room, layer->max_u)) > 0) {
      if (b->wide) {
        cardc_wide_sums(lanes, base, chunk, layer->max_u);
      } else {
        cardc_byte_sums(bytes, b->tiles, &b->shape, base, chunk);
        widen(lanes, bytes, words);
      }
      room -= taken;
      if (room == 0 && sums != NULL) { /* with a table everything fits */
        drain(lanes, sums, words);
        room = c->half_taps;
      }
    }
  }
}

#define PUT(I) dst[I] = table[low[I]]

/* dst = what the table has for each of `count` bytes that lie `step` apart. */
static void put_bytes(const uint8_t *table, const uint8_t *low, uint32_t count, uint32_t step, uint8_t *dst) {
  if (step == 1) {
    CARDC_NO_UNROLL for (; count >= 4; count -= 4, low += 4, dst += 4) {
      PUT(0), PUT(1), PUT(2), PUT(3);
    }
  }
  CARDC_NO_UNROLL for (; count > 0; count--, low += step) {
    *dst++ = table[*low];
  }
}

#define PUT_SUM(I) dst[I] = table[low[I] + high[I]]

/* The same for lanes that are the sum of two bytes. */
static void put_sums(const uint8_t *table, const uint8_t *low, const uint8_t *high, uint32_t count, uint32_t step,
                     uint8_t *dst) {
  if (step == 1) {
    CARDC_NO_UNROLL for (; count >= 4; count -= 4, low += 4, high += 4, dst += 4) {
      PUT_SUM(0), PUT_SUM(1), PUT_SUM(2), PUT_SUM(3);
    }
  }
  CARDC_NO_UNROLL for (; count > 0; count--, low += step, high += step) {
    *dst++ = table[*low + *high];
  }
}

/* The same for 16-bit lanes, from pixel `first` on. */
static void put_lanes(const uint8_t *table, const uint32_t *lanes, uint32_t first, uint32_t count, uint32_t step,
                      uint8_t *dst) {
  if (step == 1) {
    CARDC_NO_UNROLL for (lanes += first / 2, first = 0; count >= 4; count -= 4, lanes += 2, dst += 4) {
      dst[0] = table[lanes[0] & 0xffff];
      dst[1] = table[lanes[1] & 0xffff];
      dst[2] = table[lanes[0] >> 16];
      dst[3] = table[lanes[1] >> 16];
    }
  }
  CARDC_NO_UNROLL for (; count > 0; count--, first += step) {
    const uint32_t pair = lanes[first / 4 * 2 + (first & 1)];
    *dst++ = table[first & 2 ? pair >> 16 : pair & 0xffff];
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
        PUT(0), PUT(1), PUT(2), PUT(3), PUT(4), PUT(5), PUT(6), PUT(7);
        PUT(8), PUT(9), PUT(10), PUT(11), PUT(12), PUT(13), PUT(14), PUT(15);
      } else {
        put_bytes(table, low, count, step, dst);
      }
    }
    return;
  }
  cardc_byte_sums(bytes[1], b->tiles, &b->shape, base, chunks + CARDC_RUNS);
  CARDC_NO_UNROLL for (; rows > 0; rows--, low += width, high += width, dst += row) {
    if (count == 16) {
      PUT_SUM(0), PUT_SUM(1), PUT_SUM(2), PUT_SUM(3), PUT_SUM(4), PUT_SUM(5), PUT_SUM(6), PUT_SUM(7);
      PUT_SUM(8), PUT_SUM(9), PUT_SUM(10), PUT_SUM(11), PUT_SUM(12), PUT_SUM(13), PUT_SUM(14), PUT_SUM(15);
    } else {
      put_sums(table, low, high, count, step, dst);
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
    put_lanes(c->table, lanes, at, b->count, step, dst);
  }
}

/* A band of one tile of any channel. */
static void plain_band(const channel *c, const band *b, const uint8_t *base, void *dst, uint32_t at) {
  uint32_t lanes[2 * CARDC_TILE_WORDS], r;
  int32_t sums[4 * CARDC_TILE_WORDS];
  memset(lanes, 0, sizeof lanes);
  memset(sums, 0, sizeof sums);
  sum_band(c, b, base, lanes, sums);
  drain(lanes, sums, CARDC_TILE_WORDS);
  CARDC_NO_UNROLL for (r = 0; r < b->shape.rows; r++, at += c->layer->to.row) {
    cardc_finish_row(c->finish, c->number, sums + b->first + r * b->shape.width, c->layer->col_step, c->bias, b->count,
                     dst, at);
  }
}

/* All rows of one column of tiles, from column `x` of the output on. The last tile may overlap the one above it. */
static void do_column(const channel *c, band *b, const cardc_run *quick, const uint8_t *base, uint32_t x, void *dst) {
  const cardc_conv_sparse *layer = c->layer;
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
  const cardc_conv_sparse *layer = c->layer;
  const uint32_t step = layer->col_step, width = (layer->to.width - 1u) * step + 1;
  const int quick = layer->parts == 1 && c->taps <= 2 * c->byte_taps && c->table != NULL;
  cardc_run rest[CARDC_RUNS], chunks[2 * CARDC_RUNS];
  const cardc_run *taken = c->runs;
  uint32_t x0 = 0, x = 0, end; /* columns of the input; of the output */
  band b;
  b.wide = !quick && c->byte_taps < FEW_TAPS;
  if (quick && c->taps > c->byte_taps) {
    memcpy(rest, c->runs, sizeof rest);
    take(chunks, rest, c->byte_taps, layer->max_u);
    take(chunks + CARDC_RUNS, rest, c->byte_taps, layer->max_u);
    taken = chunks;
  }
  for (; x0 < width; x0 = end) {
    b.shape = cardc_pick_shape(width - x0, layer->to.height, layer->row_step);
    if (b.wide) {
      b.shape.width = 16, b.shape.rows = 1;
    }
    end = width - x0 < b.shape.width ? width : x0 + b.shape.width;
    b.first = x * step - x0;
    for (b.count = 0; (x + b.count) * step < end;) {
      b.count++;
    }
    if (b.count > 0) {
      do_column(c, &b, quick ? taken : NULL, src + x0, x, dst);
    }
    x += b.count;
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
  channel c;
  uint32_t p, k;
  c.layer = layer, c.finish = finish, c.offsets = layer->offsets, c.counts = layer->counts;
  c.byte_taps = 0xffu / layer->max_u, c.half_taps = 0xffffu / layer->max_u;
  for (c.number = 0; c.number < layer->to.channels; c.number++) {
    const uint8_t *counts = c.counts;
    uint32_t minus = 0, reach;
    c.taps = 0;
    CARDC_NO_UNROLL for (p = 0; p < layer->parts; p++, counts += 2u * layer->classes) {
      c.taps += load_runs(layer, c.offsets + c.taps, counts, c.runs);
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
