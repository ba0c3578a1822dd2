#include "cardc_conv_runs.h"
#include "cardc_copy_rows.h"
#include "cardc_lanes_store.h"
#include "cardc_runs.h"

#define CHUNK 16 /* pixels that are finished together where there is no table */

/* One output channel at work on a band. Lanes are higher than sums by `bias`, max_u * minus taps. */
typedef struct channel {
  const CARDC_ROM cardc_conv_runs_layer *layer;
  const CARDC_ROM cardc_finish *finish;
  const CARDC_ROM uint16_t *offsets;
  const uint8_t *copies;
  uint32_t *list, *sums;
  const uint8_t *table; /* of outputs by lane, or NULL */
  uint32_t number, minus, plus, rows;
  int32_t bias;
} channel;

/* What sums look like: bytes, the sums of two bytes, or 16-bit lanes as cardc_widen makes them. */
enum { BYTES, TWO_BYTES, HALVES };

static uint32_t tiles_of(const channel *c) {
  return ((uint32_t)c->rows * c->layer->pitch * c->layer->lane + CARDC_TILE_BYTES - 1) / CARDC_TILE_BYTES;
}

/* Adds up `minus` and `plus` of the taps, whose offsets begin at the two pointers; `unit` is 1 in every lane. */
static void add_chunk(const channel *c, uint32_t *out, const CARDC_ROM uint16_t *less, uint32_t minus,
                      const CARDC_ROM uint16_t *more, uint32_t plus, uint32_t unit) {
  uint32_t at = 0;
  cardc_put_steps(cardc_put_steps(c->list, less, minus, &at), more, plus, &at);
  cardc_run_sums(out, c->list, c->copies, minus * c->layer->max_u * unit, tiles_of(c));
}

/* The sums of all taps, in chunks that cannot overflow: what they look like. Two chunks of bytes lie side by side. */
static int sum_taps(const channel *c) {
  const uint32_t words = tiles_of(c) * CARDC_TILE_BYTES / 4, room = 0xffu / c->layer->max_u;
  const CARDC_ROM uint16_t *less = c->offsets, *more = c->offsets + c->minus;
  uint32_t minus = c->minus, plus = c->plus, *out = c->sums;
  const int two = minus + plus <= 2 * room;
  if (c->layer->lane == 2) {
    add_chunk(c, out, less, minus, more, plus, 0x00010001u);
    return HALVES;
  }
  if (minus + plus <= room) {
    add_chunk(c, out, less, minus, more, plus, 0x01010101u);
    return BYTES;
  }
  if (!two) {
    memset(out, 0, (size_t)(8 * words));
    out += 2 * words;
  }
  while (minus + plus > 0) {
    const uint32_t down = minus < room ? minus : room, up = plus < room - down ? plus : room - down;
    add_chunk(c, out, less, down, more, up, 0x01010101u);
    less += down, minus -= down, more += up, plus -= up;
    if (two) {
      out += words;
    } else {
      cardc_widen(c->sums, out, words);
    }
  }
  return two ? TWO_BYTES : HALVES;
}

/* Pixel K by table. What is read is used before the next is read: there are few registers. */
#define PUT(K)                   \
  do {                           \
    uint32_t lane = low[K];      \
    CARDC_PIN(lane);             \
    to[K] = table[lane];         \
  } while (0)
#define PUT_FOUR(K)   \
  do {                \
    PUT(K);           \
    PUT((K) + 1);     \
    PUT((K) + 2);     \
    PUT((K) + 3);     \
  } while (0)
#define PUT_SUM(K)               \
  do {                           \
    uint32_t lane = low[K];      \
    CARDC_PIN(lane);             \
    lane += high[K];             \
    CARDC_PIN(lane);             \
    to[K] = table[lane];         \
  } while (0)

/* Rows of pixels by table, `c->rows` of them. */
static CARDC_NOINLINE void look_up(const channel *c, const uint8_t *table, uint8_t *dst) {
  const uint32_t pitch = c->layer->pitch, row = c->layer->to.row, width = c->layer->to.width;
  const uint8_t *from = (const uint8_t *)c->sums;
  uint32_t rows = c->rows;
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += pitch, dst += row) {
    const uint8_t *low = from;
    uint8_t *to = dst;
    uint32_t left = width;
    CARDC_NO_UNROLL for (; left >= 16; left -= 16, low += 16, to += 16) {
      PUT_FOUR(0);
      PUT_FOUR(4);
      PUT_FOUR(8);
      PUT_FOUR(12);
    }
    CARDC_NO_UNROLL for (; left >= 4; left -= 4, low += 4, to += 4) { PUT_FOUR(0); }
    CARDC_NO_UNROLL for (; left > 0; left--) { *to++ = table[*low++]; }
  }
}

/* The same for sums of two bytes, `other` bytes apart. */
static CARDC_NOINLINE void look_up_sums(const channel *c, const uint8_t *table, uint32_t other, uint8_t *dst) {
  const uint32_t pitch = c->layer->pitch, row = c->layer->to.row, width = c->layer->to.width;
  const uint8_t *from = (const uint8_t *)c->sums;
  uint32_t rows = c->rows;
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += pitch, dst += row) {
    const uint8_t *low = from, *high = from + other;
    uint8_t *to = dst;
    uint32_t left = width;
    CARDC_NO_UNROLL for (; left >= 8; left -= 8, low += 8, high += 8, to += 8) {
      PUT_SUM(0);
      PUT_SUM(1);
      PUT_SUM(2);
      PUT_SUM(3);
      PUT_SUM(4);
      PUT_SUM(5);
      PUT_SUM(6);
      PUT_SUM(7);
    }
    CARDC_NO_UNROLL for (; left > 0; left--) { *to++ = table[*low++ + *high++]; }
  }
}

/* The lane of pixel `at` of the band. */
static int32_t lane_of(const channel *c, int look, uint32_t at) {
  const uint8_t *bytes = (const uint8_t *)c->sums;
  if (look == HALVES) {
    const uint32_t word = c->sums[at / 4 * 2 + (at & 1)];
    return (int32_t)(at & 2 ? word >> 16 : word & 0xffff);
  }
  return look == BYTES ? bytes[at] : bytes[at] + bytes[at + tiles_of(c) * CARDC_TILE_BYTES];
}

/* Finishes the band one pixel at a time; `at` is the element of `dst` for its first pixel. */
static CARDC_NOINLINE void finish_band(const channel *c, int look, void *dst, uint32_t at) {
  const uint32_t width = c->layer->to.width;
  int32_t sums[CHUNK];
  uint32_t r, x, n, i, first = 0;
  for (r = c->rows; r > 0; r--, at += c->layer->to.row, first += c->layer->pitch) {
    for (x = 0; x < width; x += n) {
      n = width - x < CHUNK ? width - x : CHUNK;
      CARDC_NO_UNROLL for (i = 0; i < n; i++) { sums[i] = lane_of(c, look, first + x + i); }
      cardc_finish_row(c->finish, c->number, sums, 1, c->bias, n, dst, at + x);
    }
  }
}

/* Finishes the band. */
static void store_band(const channel *c, int look, void *dst, uint32_t at) {
  uint8_t *bytes = (uint8_t *)dst + at;
  if (c->table == NULL) {
    finish_band(c, look, dst, at);
  } else if (look == BYTES) {
    look_up(c, c->table, bytes);
  } else if (look == TWO_BYTES) {
    look_up_sums(c, c->table, tiles_of(c) * CARDC_TILE_BYTES, bytes);
  } else {
    uint32_t r;
    for (r = 0; r < c->rows; r++, bytes += c->layer->to.row) {
      cardc_put_lanes(c->table, c->sums + r * c->layer->pitch / 2u, 0, c->layer->to.width, 1, bytes);
    }
  }
}

/* Whether a channel whose lanes reach `reach` is finished by table: where it fits and `pixels` are worth it. In
 * instructions an entry takes 1 (3 without unaligned stores) by thresholds and 8 by requantisation, a pixel 16 + 8 for
 * each halving of the levels, or 12, without a table and 4 with one. */
static int worth_table(const CARDC_ROM cardc_conv_runs_layer *layer, const CARDC_ROM cardc_finish *f, uint32_t reach) {
  const uint32_t rows = layer->tables > 1 ? layer->to.height : layer->rows, pixels = rows * layer->to.width;
  uint32_t levels, search = 12;
  if (f->out != CARDC_U8 || f->kind == CARDC_AFFINE || reach + 5 > layer->table_bytes) {
    return 0;
  }
  for (levels = f->levels; levels > 0; levels >>= 1) {
    search += 8;
  }
  return f->kind == CARDC_THRESHOLD ? pixels * search >= reach * (CARDC_UNALIGNED ? 1u : 3u) + 12u * f->levels
                                    : pixels >= reach;
}

/* The finish table of a channel, built where it is not there already; NULL where it does not pay. */
static const uint8_t *table_of(const channel *c, uint8_t *tables, int first_band) {
  const CARDC_ROM cardc_conv_runs_layer *layer = c->layer;
  const uint32_t reach = (c->minus + c->plus) * layer->max_u;
  uint8_t *table = tables + (layer->tables > 1 ? c->number * layer->table_bytes : 0);
  if (!worth_table(layer, c->finish, reach)) {
    return NULL;
  }
  if (first_band || layer->tables == 1) {
    cardc_finish_table(c->finish, c->number, -c->bias, reach + 1, table);
  }
  return table;
}

void cardc_conv_runs(const CARDC_ROM cardc_conv_runs_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint32_t *work) {
  const uint32_t height = layer->to.height;
  uint8_t *bytes = (uint8_t *)work;
  channel c;
  uint32_t y;
  c.layer = layer, c.finish = finish, c.copies = bytes;
  c.list = work + layer->list_at / 4, c.sums = work + layer->sums_at / 4;
  for (y = 0; y < height; y += c.rows, src += c.rows * layer->row_step) {
    const CARDC_ROM uint16_t *counts = layer->counts;
    c.rows = height - y < layer->rows ? height - y : layer->rows;
    c.offsets = layer->offsets;
    cardc_copy_band(layer, src, c.rows, work);
    for (c.number = 0; c.number < layer->to.channels; c.number++, counts += 2) {
      c.minus = counts[0], c.plus = counts[1];
      c.bias = (int32_t)(c.minus * layer->max_u);
      c.table = table_of(&c, bytes + layer->table_at, y == 0);
      store_band(&c, sum_taps(&c), dst, c.number * layer->to.plane + y * layer->to.row);
      c.offsets += c.minus + c.plus;
    }
  }
}
