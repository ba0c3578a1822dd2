#include "cardc_conv_runs.h"
#include "cardc_copy_rows.h"
#include "cardc_lines.h"
#include "cardc_runs.h"

#define CHUNK 16 /* pixels that are finished together where there is neither table nor line */

/* One output channel at work on a band. Lanes are higher than sums by `bias`, max_u * minus taps. */
typedef struct channel {
  const CARDC_ROM cardc_conv_runs_layer *layer;
  const CARDC_ROM cardc_finish *finish;
  const CARDC_ROM uint16_t *offsets;
  const uint8_t *copies;
  uint32_t *list, *sums, *halves;
  const uint8_t *table; /* of outputs by lane, or NULL */
  uint32_t number, minus, plus, words;
  int32_t bias;
  cardc_rows rows;
  cardc_line line;
} channel;

/* Lists `minus` and `plus` of the taps, whose offsets begin at the two pointers. */
static void list_taps(const channel *c, const CARDC_ROM uint16_t *less, uint32_t minus, const CARDC_ROM uint16_t *more,
                      uint32_t plus) {
  uint32_t at = 0;
  cardc_put_steps(cardc_put_steps(c->list, less, minus, &at), more, plus, &at);
}

/* Adds them up; `unit` is 1 in every lane. */
static void add_chunk(const channel *c, uint32_t *out, const CARDC_ROM uint16_t *less, uint32_t minus, const CARDC_ROM uint16_t *more,
                      uint32_t plus, uint32_t unit) {
  list_taps(c, less, minus, more, plus);
  cardc_run_sums(out, c->list, c->copies, minus * c->layer->max_u * unit, c->words * 4 / CARDC_TILE_BYTES);
}

/* The sums of all taps, in chunks that cannot overflow, one behind the other: how many there are, or 0 where all are
 * added up to `c->halves`. */
static uint32_t sum_taps(channel *c) {
  const uint32_t room = 0xffu / c->layer->max_u, words = c->words;
  const CARDC_ROM uint16_t *less = c->offsets, *more = c->offsets + c->minus;
  uint32_t minus = c->minus, plus = c->plus, chunks = 0;
  int first = 1;
  if (c->line.kind == CARDC_LINE_BYTES) {
    list_taps(c, less, minus, more, plus);
    cardc_run_sums_clipped(c->sums, c->list, c->copies, (uint32_t)c->bias * 0x01010101u + c->line.lift,
                           words * 4 / CARDC_TILE_BYTES);
    return 1;
  }
  if (c->layer->lane == 2) {
    c->halves = c->sums;
    add_chunk(c, c->sums, less, minus, more, plus, 0x00010001u);
    return 0;
  }
  c->halves = c->sums + words * c->layer->chunks;
  for (;;) {
    const uint32_t down = minus < room ? minus : room, up = plus < room - down ? plus : room - down;
    add_chunk(c, c->sums + words * chunks++, less, down, more, up, 0x01010101u);
    less += down, minus -= down, more += up, plus -= up;
    if (minus + plus == 0) {
      break;
    }
    if (chunks == c->layer->chunks) {
      cardc_gather(c->halves, c->sums, words, chunks, first);
      chunks = 0, first = 0;
    }
  }
  if (!first || (chunks > 2 && c->line.kind == CARDC_LINE_NONE)) {
    cardc_gather(c->halves, c->sums, words, chunks, first);
    return 0;
  }
  return chunks;
}

/* The lane of pixel `at` of the band. */
static int32_t lane_of(const channel *c, uint32_t chunks, uint32_t at) {
  const uint8_t *bytes = (const uint8_t *)c->sums;
  if (chunks == 0) {
    const uint32_t word = c->halves[at / 4 * 2 + (at & 1)];
    return (int32_t)(at & 2 ? word >> 16 : word & 0xffff);
  }
  return chunks == 1 ? bytes[at] : bytes[at] + bytes[at + 4 * c->words];
}

/* Finishes the band one pixel at a time; `at` is the element of `dst` for its first pixel. */
static CARDC_NOINLINE void finish_band(const channel *c, uint32_t chunks, void *dst, uint32_t at) {
  const uint32_t width = c->rows.width;
  int32_t sums[CHUNK];
  uint32_t r, x, n, i, first = 0;
  for (r = c->rows.rows; r > 0; r--, at += c->rows.row, first += c->rows.pitch) {
    for (x = 0; x < width; x += n) {
      n = width - x < CHUNK ? width - x : CHUNK;
      CARDC_NO_UNROLL for (i = 0; i < n; i++) { sums[i] = lane_of(c, chunks, first + x + i); }
      cardc_finish_row(c->finish, c->number, sums, 1, c->bias, n, dst, at + x);
    }
  }
}

/* Finishes the band by line. */
static void line_band(const channel *c, uint32_t chunks, uint8_t *dst) {
  if (c->line.kind == CARDC_LINE_BYTES) {
    cardc_finish_bytes(&c->line, &c->rows, c->sums, dst);
  } else if (chunks == 2) {
    cardc_finish_pairs(&c->line, &c->rows, c->sums, c->sums + c->words, dst);
  } else if (chunks > 0) {
    cardc_finish_chunks(&c->line, &c->rows, c->sums, c->words, chunks, dst);
  } else {
    cardc_finish_halves(&c->line, &c->rows, c->halves, dst);
  }
}

/* Finishes the band. */
static void store_band(const channel *c, uint32_t chunks, void *dst, uint32_t at) {
  uint8_t *to = (uint8_t *)dst + at;
  if (c->line.kind != CARDC_LINE_NONE) {
    line_band(c, chunks, to);
  } else if (c->table == NULL) {
    finish_band(c, chunks, dst, at);
  } else if (chunks == 1) {
    cardc_look_up(&c->rows, c->table, (const uint8_t *)c->sums, to);
  } else if (chunks == 2) {
    cardc_look_up_sums(&c->rows, c->table, (const uint8_t *)c->sums, 4 * c->words, to);
  } else {
    cardc_look_up_halves(&c->rows, c->table, c->halves, to);
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
#ifndef __FLASH /* where flash is no memory, a table is read from RAM */
  if (layer->shared) {
    return layer->shared + (layer->shared_bias - (uint32_t)c->bias);
  }
#endif
  if (c->line.kind != CARDC_LINE_NONE || !worth_table(layer, c->finish, reach)) {
    return NULL;
  }
  if (first_band || layer->tables == 1) {
    cardc_finish_table(c->finish, c->number, -c->bias, reach + 1, table);
  }
  return table;
}

void cardc_conv_runs(const CARDC_ROM cardc_conv_runs_layer *layer, const CARDC_ROM cardc_finish *finish, const uint8_t *src, void *dst,
                     uint32_t *work) {
  const uint32_t height = layer->to.height;
  uint8_t *bytes = (uint8_t *)work;
  channel c;
  uint32_t y;
  c.layer = layer, c.finish = finish, c.copies = bytes;
  c.list = work + layer->list_at / 4, c.sums = work + layer->sums_at / 4;
  c.rows.width = layer->to.width, c.rows.pitch = layer->pitch, c.rows.row = layer->to.row;
  cardc_begin_lines(&c.line, layer->top);
  for (y = 0; y < height; y += c.rows.rows, src += c.rows.rows * layer->row_step) {
    const CARDC_ROM uint16_t *counts = layer->counts;
    c.rows.rows = height - y < layer->rows ? height - y : layer->rows;
    c.words = (c.rows.rows * layer->pitch * layer->lane + CARDC_TILE_BYTES - 1) / CARDC_TILE_BYTES * CARDC_TILE_BYTES / 4;
    c.offsets = layer->offsets;
    cardc_copy_band(layer, src, c.rows.rows, work);
    for (c.number = 0; c.number < layer->to.channels; c.number++, counts += 2) {
      c.minus = counts[0], c.plus = counts[1];
      c.bias = (int32_t)(c.minus * layer->max_u);
      if (layer->lines) {
        cardc_read_line(&c.line, layer->lines + 3 * c.number);
      }
      c.table = table_of(&c, bytes + layer->table_at, y == 0);
      store_band(&c, sum_taps(&c), dst, c.number * layer->to.plane + y * layer->to.row);
      c.offsets += c.minus + c.plus;
    }
  }
}
