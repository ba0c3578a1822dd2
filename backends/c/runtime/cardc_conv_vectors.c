#include "cardc_conv_vectors.h"
#include "cardc_phases.h"
#include "cardc_vector_rows.h"

#define CHUNK 16 /* pixels that are finished together where there is neither table nor line */

/* One output channel at work on a band. Lanes are higher than sums by `bias`; without weights that is max_u * minus taps. */
typedef struct channel {
  const CARDC_ROM cardc_conv_vectors_layer *layer;
  const CARDC_ROM cardc_finish *finish;
  uint8_t *bytes;
  uint16_t *halves; /* also words */
  uint32_t number, minus, plus, scaled;
  int32_t bias;
  cardc_line line;
  cardc_vector_taps taps;
  cardc_vector_rows rows;
} channel;

/* Sums of bytes, chunk by chunk, added up to 16 bits: no chunk leaves a byte. */
static CARDC_NOINLINE void sum_chunks(channel *c, const uint8_t *base, uint32_t vectors) {
  const uint32_t room = 0xffu / c->layer->max_u;
  const CARDC_ROM uint16_t *taps = c->taps.taps;
  uint32_t minus = c->minus, plus = c->plus, add = 0;
  cardc_vector_taps job = c->taps;
  do {
    const uint32_t down = minus < room ? minus : room, up = plus < room - down ? plus : room - down;
    job.out = c->bytes, job.base = base, job.vectors = vectors, job.taps = taps;
    job.minus = down, job.plus = up, job.init = down * c->layer->max_u * 0x01010101u;
    cardc_sum_bytes(&job);
    cardc_widen_bytes(c->halves, c->bytes, vectors, add);
    /* Where a chunk ends among the -1 taps, none of the +1 taps has been taken. */
    taps += down + up, minus -= down, plus -= up, add = 1;
  } while (minus + plus > 0);
}

/* The sums of all taps with weights: 2 where they are halves, 4 where they are words. */
static uint32_t sum_products(const channel *c, const uint8_t *base, uint32_t vectors) {
  const CARDC_ROM cardc_conv_vectors_layer *layer = c->layer;
  cardc_vector_products job;
  job.out = c->halves, job.taps = layer->offsets;
  job.base = base + c->number / layer->group_channels * layer->group_bytes;
  job.weights = layer->weights + c->number * layer->depth, job.count = layer->depth;
  job.vectors = layer->lane * vectors;
  if (layer->lane == 2) {
    job.init = (uint32_t)c->bias * 0x00010001u;
    cardc_multiply_halves(&job);
  } else {
    job.init = (uint32_t)c->bias;
    cardc_multiply_words(&job);
  }
  return layer->lane;
}

/* The sums of all taps: 1 where they are bytes, 2 where they are halves. */
static uint32_t sum_taps(channel *c, const uint8_t *base, uint32_t vectors) {
  const int clips = c->line.kind == CARDC_LINE_BYTES;
  if (c->layer->weights) {
    return sum_products(c, base, vectors);
  }
  c->taps.base = base, c->taps.vectors = vectors;
  if (c->layer->lane == 2) {
    c->taps.vectors = 2 * vectors;
    c->taps.out = c->halves, c->taps.init = (uint32_t)c->bias * 0x00010001u;
    cardc_sum_halves(&c->taps);
    return 2;
  }
  if (!clips && (c->minus + c->plus) * c->layer->max_u > 0xffu) {
    sum_chunks(c, base, vectors);
    return 2;
  }
  c->taps.out = c->bytes, c->taps.init = (uint32_t)c->bias * 0x01010101u + (clips ? c->line.lift : 0);
  cardc_sum_bytes(&c->taps);
  return 1;
}

/* Finishes the band a few pixels at a time; `at` is the element of `dst` for its first pixel. */
static CARDC_NOINLINE void finish_band(const channel *c, uint32_t lane, void *dst, uint32_t at) {
  int32_t sums[CHUNK];
  uint32_t y, x, n, i, first = 0;
  for (y = c->rows.rows; y > 0; y--, at += c->rows.row, first += c->rows.pitch) {
    for (x = 0; x < c->rows.width; x += n) {
      n = c->rows.width - x < CHUNK ? c->rows.width - x : CHUNK;
      CARDC_NO_UNROLL for (i = 0; i < n; i++) {
        const uint32_t k = first + x + i;
        sums[i] = lane == 1 ? c->bytes[k] : lane == 2 ? c->halves[k] : ((const int32_t *)(const void *)c->halves)[k];
      }
      cardc_finish_row(c->finish, c->number, sums, 1, c->bias, n, dst, at + x);
    }
  }
}

/* Finishes the band. */
static void store_band(channel *c, uint32_t lane, void *dst, uint32_t at) {
  c->rows.from = lane == 1 ? (const void *)c->bytes : (const void *)c->halves;
  c->rows.to = (uint8_t *)dst + at;
  if (c->line.kind == CARDC_LINE_BYTES) {
    cardc_rows_by_line(&c->rows);
  } else if (c->line.kind == CARDC_LINE_HALVES && lane == 1) {
    cardc_rows_by_bytes(&c->rows);
  } else if (c->line.kind == CARDC_LINE_HALVES) {
    cardc_rows_by_halves(&c->rows);
  } else if (c->rows.table == NULL && c->scaled) {
    (lane == 1                          ? cardc_bytes_by_scale
     : lane == 2                        ? cardc_halves_by_scale
     : c->scaled == CARDC_WIDE_SCALE ? cardc_words_by_wide_scale
                                        : cardc_words_by_scale)(&c->rows);
  } else if (c->rows.table == NULL) {
    finish_band(c, lane, dst, at);
  } else if (lane == 1) {
    cardc_rows_by_table(&c->rows);
  } else {
    cardc_rows_by_table_halves(&c->rows);
  }
}

/* The finish table of a channel; NULL where there is a line, or it has no room, or it does not pay. In instructions an
 * entry takes 1 by thresholds and 8 by requantisation, a pixel some 16 + 8 for each halving of the levels, or 12, without
 * a table. */
static const uint8_t *table_of(const channel *c, uint8_t *table) {
  const CARDC_ROM cardc_conv_vectors_layer *layer = c->layer;
  const CARDC_ROM cardc_finish *f = c->finish;
  const uint32_t reach = (c->minus + c->plus) * layer->max_u, pixels = (uint32_t)layer->to.height * layer->to.width;
  uint32_t levels, search = 12;
#ifndef __FLASH /* where flash is no memory, a table is read from RAM */
  if (layer->shared) {
    return layer->shared + (layer->shared_bias - (uint32_t)c->bias);
  }
#endif
  if (c->line.kind != CARDC_LINE_NONE || c->scaled || layer->weights || f->out != CARDC_U8 || f->kind == CARDC_AFFINE ||
      reach + 5 > layer->table_bytes) {
    return NULL;
  }
  for (levels = f->levels; levels > 0; levels >>= 1) {
    search += 8;
  }
  if (f->kind == CARDC_THRESHOLD ? pixels * search < reach + 12u * f->levels : pixels < reach) {
    return NULL;
  }
  cardc_finish_table(f, c->number, -c->bias, reach + 1, table);
  return table;
}

/* What the rows of all bands of a channel have in common. */
static void begin_channel(channel *c, uint8_t *table) {
  const CARDC_ROM cardc_finish *f = c->finish;
  c->bias = c->layer->weights ? c->layer->bias[c->number] : (int32_t)(c->minus * c->layer->max_u);
  c->taps.minus = c->minus, c->taps.plus = c->plus;
  if (c->layer->lines) {
    cardc_read_line(&c->line, c->layer->lines + 3 * c->number);
    c->rows.m = (uint32_t)c->line.m, c->rows.c = (uint32_t)c->line.c, c->rows.low = c->line.low;
  }
  c->scaled = CARDC_SCALE_NONE;
  if (c->line.kind == CARDC_LINE_NONE && (!f->b64 || c->layer->lane == 4)) {
    c->scaled = cardc_begin_scale(&c->rows, f, c->number, c->bias, (uint32_t)c->layer->depth << 15);
  }
  if (!c->scaled) {
    c->rows.shift = c->line.shift, c->rows.top = c->line.top;
  }
  c->rows.table = table_of(c, table);
}

/* The copies of `src` for all rows of the output, to `to`. */
static CARDC_NOINLINE void copy_phases(const CARDC_ROM cardc_conv_vectors_layer *layer, const uint8_t *src, uint8_t *to) {
  cardc_phase job;
  uint32_t c, k;
  job.to = to, job.columns = layer->row, job.down = layer->down, job.across = layer->across;
  CARDC_NO_UNROLL for (c = layer->in_channels; c > 0; c--, src += layer->plane) {
    CARDC_NO_UNROLL for (k = 0; k < 2u * layer->copies_of; k += 2) {
      job.from = src + layer->copies[k], job.rows = layer->copies[k + 1];
      cardc_copy_phase(&job);
      job.to += job.rows * layer->row;
    }
  }
}

void cardc_conv_vectors(const CARDC_ROM cardc_conv_vectors_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work) {
  const uint32_t height = layer->to.height, width = layer->to.width;
  const CARDC_ROM uint16_t *counts = layer->counts;
  uint8_t *bytes = (uint8_t *)work;
  channel c;
  uint32_t y;
  c.layer = layer, c.finish = finish;
  c.bytes = bytes, c.halves = (uint16_t *)(void *)(bytes + layer->halves_at);
  c.taps.taps = layer->offsets;
  c.rows.pitch = layer->row, c.rows.row = layer->to.row, c.rows.width = width;
  cardc_begin_lines(&c.line, layer->top);
  if (layer->copies) {
    copy_phases(layer, src, bytes + layer->copy_at);
    src = bytes + layer->copy_at;
  }
  for (c.number = 0; c.number < layer->to.channels; c.number++, counts += 2) {
    c.minus = c.plus = 0;
    if (!layer->weights) {
      c.minus = counts[0], c.plus = counts[1];
    }
    begin_channel(&c, bytes + layer->table_at);
    for (y = 0; y < height; y += c.rows.rows) {
      uint32_t vectors;
      c.rows.rows = height - y < layer->rows ? height - y : layer->rows;
      vectors = ((c.rows.rows - 1) * layer->row + width + CARDC_VECTOR - 1) / CARDC_VECTOR;
      store_band(&c, sum_taps(&c, src + y * layer->row, vectors), dst, c.number * layer->to.plane + y * layer->to.row);
    }
    c.taps.taps += c.minus + c.plus;
  }
}
