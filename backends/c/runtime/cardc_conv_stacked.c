#include "cardc_conv_stacked.h"
#include "cardc_stacked_sums.h"

#define CHUNK 16 /* sums that are finished together where there is no quicker way */

/* A band of a group at work. */
typedef struct band_job {
  const uint8_t *src; /* pixel (0, 0) of the first input channel of the group */
  const uint8_t *blank;
  uint32_t top;       /* what the input's row of lane 0 and copy 0 is, modulo 2^32 */
  uint32_t apart;     /* rows of the input from lane to lane */
  uint32_t rows;      /* of copies */
} band_job;

/* Columns of a phase: `count` words from the input's column `at` on, to the words from `to` on. */
typedef struct columns {
  uint32_t at, to, count, step;
} columns;

/* The row of lane K: one of padding where the input has none. */
#define ROW(K) \
  const uint8_t *const p##K = y + (K) * b->apart < height ? src + (at + (K) * apart) : b->blank
#define COPY(NAME, ROWS, WORD)                                                                                       \
  static CARDC_NOINLINE void NAME(const CARDC_ROM cardc_conv_stacked_layer *layer, const band_job *b,                \
                                  const uint8_t *src, const columns *c, uint32_t *to) {                              \
    const uint32_t skip = (uint32_t)layer->phases * layer->words - c->count, step = c->step;                         \
    const uint32_t begin = c->at, end = begin + c->count * step, height = layer->from.height, row = layer->from.row; \
    const uint32_t apart = b->apart * row;                                                                           \
    uint32_t y = b->top, at = y * row, rows, x;                                                                      \
    to += c->to;                                                                                                     \
    (void)apart;                                                                                                     \
    CARDC_NO_UNROLL for (rows = b->rows; rows > 0; rows--, y++, at += row, to += skip) {                             \
      ROWS;                                                                                                          \
      CARDC_NO_UNROLL for (x = begin; x != end; x += step) { *to++ = WORD; }                                         \
    }                                                                                                                \
  }
COPY(copy_ones, ROW(0), p0[x])
COPY(copy_twos, ROW(0); ROW(1), p0[x] | (uint32_t)p1[x] << 16)
COPY(copy_threes, ROW(0); ROW(1); ROW(2), p0[x] | (uint32_t)p1[x] << 10 | (uint32_t)p2[x] << 20)
COPY(copy_fours, ROW(0); ROW(1); ROW(2); ROW(3),
     p0[x] | (uint32_t)p1[x] << 8 | (uint32_t)p2[x] << 16 | (uint32_t)p3[x] << 24)

/* A byte, or a number, in each lane. */
static inline uint32_t in_lanes(uint32_t x, uint32_t lanes, uint32_t bits) {
  uint32_t word = x;
  CARDC_NO_UNROLL while (--lanes > 0) { word = word << bits | x; }
  return word;
}

/* The input channels of a group; `to` holds the padding at the sides already. */
static void copy_group(const CARDC_ROM cardc_conv_stacked_layer *layer, const band_job *b, uint32_t *to) {
  const uint32_t width = layer->from.width, each = (uint32_t)layer->rows * layer->phases * layer->words;
  const uint8_t *src;
  uint32_t phase, left, first;
  columns c;
  c.step = layer->stride_width;
  for (phase = 0; phase < layer->phases; phase++) {
    c.at = phase, first = 0;
    CARDC_NO_UNROLL while (c.at < layer->pad_left) { c.at += c.step, first++; }
    c.at -= layer->pad_left, c.to = phase * layer->words + first, c.count = 0;
    while (first < layer->words && c.at + c.count * c.step < width) { first++, c.count++; }
    src = b->src;
    for (left = 0; left < layer->depth; left++, src += layer->from.plane) {
      switch (layer->lanes) {
        case 1:
          copy_ones(layer, b, src, &c, to + left * each);
          break;
        case 2:
          copy_twos(layer, b, src, &c, to + left * each);
          break;
        case 3:
          copy_threes(layer, b, src, &c, to + left * each);
          break;
        default:
          copy_fours(layer, b, src, &c, to + left * each);
          break;
      }
    }
  }
}

/* Of each weight of an output channel, in their order, the byte of the copies that its first product takes; how many. */
static uint32_t list_places(const CARDC_ROM cardc_conv_stacked_layer *layer, uint32_t *places) {
  const uint32_t words = layer->words, row = layer->phases * words, plane = layer->rows * row;
  const uint32_t down = layer->dilation_height * row, across = layer->dilation_width, step = layer->stride_width;
  uint32_t *const begin = places;
  uint32_t c, y, x, phase, k, n;
  for (c = 0; c < layer->depth; c++) {
    for (y = 0; y < layer->kernel_height; y++) {
      for (n = 0, x = 0; x < layer->kernel_width; x++, n += across) {
        CARDC_NO_UNROLL for (phase = n, k = 0; phase >= step; phase -= step) { k++; }
        *places++ = 4u * (c * plane + y * down + phase * words + k);
      }
    }
  }
  return (uint32_t)(places - begin);
}

/* The terms of an output channel, which end where the result says: none where the weight is 0, but at least one. */
#define TERM(WEIGHT)                             \
  do {                                           \
    const uint32_t weight = (WEIGHT);            \
    const uint32_t place = *places++;            \
    if (weight != 0) {                           \
      to[0] = place - at, to[1] = weight;        \
      at = place, to += 2;                       \
    }                                            \
  } while (0)
static CARDC_NOINLINE uint32_t *unpack(const CARDC_ROM uint8_t *from, uint32_t bits, const uint32_t *places, uint32_t count,
                                       uint32_t *to) {
  uint32_t *const begin = to;
  uint32_t at = 0, both;
  if (bits == 4) {
    CARDC_NO_UNROLL for (; count >= 2; count -= 2) {
      both = *from++;
      TERM(((both & 15u) ^ 8u) - 8u);
      TERM(((both >> 4) ^ 8u) - 8u);
    }
    if (count > 0) {
      TERM(((*from & 15u) ^ 8u) - 8u);
    }
  } else {
    CARDC_NO_UNROLL for (; count > 0; count--) {
      both = *from++;
      TERM((both ^ 128u) - 128u);
    }
  }
  if (to == begin) {
    to[0] = 0, to[1] = 0, to += 2;
  }
  return to;
}

/* What becomes of sums, of one lane or of a channel. */
typedef struct ending {
  const CARDC_ROM uint8_t *table; /* NULL: by `m`, `b`, `shift`, `lo` and `hi` where `scaled`, else by `finish` */
  uint32_t scaled, m, b, shift;
  int32_t lo, hi;
} ending;

/* `count` sums of the lane that ends `above` bits below the top of words and has 32 - `below` bits. */
static CARDC_NOINLINE void look_up(const ending *e, const uint32_t *sums, uint32_t count, uint32_t above, uint32_t below,
                                   uint8_t *dst) {
  const CARDC_ROM uint8_t *const table = e->table;
  CARDC_NO_UNROLL for (; count >= 4; count -= 4, sums += 4, dst += 4) {
    dst[0] = table[sums[0] << above >> below], dst[1] = table[sums[1] << above >> below];
    dst[2] = table[sums[2] << above >> below], dst[3] = table[sums[3] << above >> below];
  }
  CARDC_NO_UNROLL for (; count > 0; count--) { *dst++ = table[*sums++ << above >> below]; }
}

static CARDC_NOINLINE void scale(const ending *e, const uint32_t *sums, uint32_t count, uint32_t above, uint32_t below,
                                 uint8_t *dst) {
  const uint32_t m = e->m, b = e->b, shift = e->shift;
  const int32_t lo = e->lo, hi = e->hi;
  CARDC_NO_UNROLL for (; count > 0; count--) {
    int32_t y = (int32_t)((*sums++ << above >> below) * m + b) >> shift;
    if ((uint32_t)y - (uint32_t)lo > (uint32_t)(hi - lo)) { /* rare, or as likely as not */
      y = y < lo ? lo : hi;
    }
    *dst++ = (uint8_t)y;
  }
}

static CARDC_NOINLINE void finish_each(const CARDC_ROM cardc_finish *finish, uint32_t channel, int32_t bias,
                                       const uint32_t *sums, uint32_t count, uint32_t above, uint32_t below, void *dst,
                                       uint32_t at) {
  int32_t wide[CHUNK];
  uint32_t n, i;
  for (; count > 0; count -= n, at += n) {
    n = count < CHUNK ? count : CHUNK;
    CARDC_NO_UNROLL for (i = 0; i < n; i++) { wide[i] = (int32_t)(*sums++ << above >> below); }
    cardc_finish_row(finish, channel, wide, 1, bias, n, dst, at);
  }
}

/* `count` sums that lie one behind the other, to outputs from element `at` on. */
static void finish_run(const CARDC_ROM cardc_finish *finish, const ending *e, uint32_t channel, int32_t bias,
                       const uint32_t *sums, uint32_t count, uint32_t above, uint32_t below, void *dst, uint32_t at) {
  if (e->table) {
    look_up(e, sums, count, above, below, (uint8_t *)dst + at);
  } else if (e->scaled) {
    scale(e, sums, count, above, below, (uint8_t *)dst + at);
  } else {
    finish_each(finish, channel, bias, sums, count, above, below, dst, at);
  }
}

/* The rows from `y` on of a channel, `part` of each lane and `rows` in all. */
static void finish_band(const CARDC_ROM cardc_conv_stacked_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const ending *e, uint32_t channel, const uint32_t *sums, uint32_t part, uint32_t rows, void *dst,
                        uint32_t at) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t bits = layer->bits_of_lane, below = 32 - bits, width = to->width;
  const int32_t bias = layer->biases[channel];
  uint32_t above = below, n, k;
  for (; rows > 0; rows -= n, above -= bits) {
    n = rows < part ? rows : part;
    if (to->row == width) { /* rows without gaps are one */
      finish_run(finish, e, channel, bias, sums, n * width, above, below, dst, at);
      at += n * width;
    } else {
      for (k = 0; k < n; k++, at += to->row) {
        finish_run(finish, e, channel, bias, sums + k * width, width, above, below, dst, at);
      }
    }
  }
}

/* How the sums of `channel` end. */
static void begin_ending(const CARDC_ROM cardc_conv_stacked_layer *layer, const CARDC_ROM cardc_finish *finish,
                         uint32_t channel, ending *e) {
  const uint32_t bias = (uint32_t)layer->biases[channel], k = finish->shared ? 0 : channel;
  e->table = NULL;
  if (layer->shared) {
    e->table = layer->shared + (layer->shared_bias - bias);
  }
  e->scaled = finish->kind == CARDC_REQUANTIZE && finish->out == CARDC_U8 && !finish->b64;
  if (e->scaled) {
    e->m = (uint32_t)finish->m[k], e->b = (uint32_t)finish->b[k] - bias * e->m;
    e->shift = finish->shift, e->lo = finish->lo, e->hi = finish->hi;
  }
}

void cardc_conv_stacked(const CARDC_ROM cardc_conv_stacked_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t row = (uint32_t)layer->phases * layer->words, lanes = layer->lanes, lane = layer->bits_of_lane,
                 part = layer->part;
  uint32_t *const places = work + layer->places_at / 4, *const terms = work + layer->terms_at / 4;
  const uint32_t count = list_places(layer, places), bytes = layer->bits == 4 ? (count + 1) / 2 : count;
  const uint32_t blanks = in_lanes(layer->border, lanes, lane), width = to->width;
  uint32_t *words = work, y, channel, left, rows, each, k;
  cardc_stacked_job job;
  band_job b;
  ending e;
  CARDC_NO_UNROLL for (left = (uint32_t)layer->depth * layer->rows * row; left > 0; left--) { *words++ = blanks; }
  memset(work + layer->blank_at / 4, layer->border, layer->from.width);
  b.blank = (const uint8_t *)(work + layer->blank_at / 4);
  for (y = 0; y < to->height; y += rows) {
    const CARDC_ROM uint8_t *weights = layer->weights;
    rows = to->height - y < lanes * part ? to->height - y : lanes * part;
    CARDC_NO_UNROLL for (each = 1; each * lanes < rows;) { each++; }
    b.src = src + layer->interior, b.top = y * layer->stride_height - layer->pad_top;
    b.apart = each * layer->stride_height;
    b.rows = (each - 1) * layer->stride_height + (layer->kernel_height - 1u) * layer->dilation_height + 1;
    for (channel = 0, left = 0; channel < to->channels; channel++, left--, weights += bytes) {
      if (left == 0) {
        left = layer->group_channels;
        copy_group(layer, &b, work);
        b.src += (uint32_t)layer->depth * layer->from.plane;
      }
      begin_ending(layer, finish, channel, &e);
      job.terms = terms, job.end = unpack(weights, layer->bits, places, count, terms);
      job.odd = (uint32_t)(job.end - terms) / 2 % 2;
      job.from = work, job.sums = work + layer->sums_at / 4, job.bias = in_lanes((uint32_t)layer->biases[channel], lanes, lane);
      /* Where nothing lies between rows they are one. */
      k = row == width && layer->stride_height == 1 ? each : 1;
      job.rows = k > 1 ? 1 : each, job.down = 4u * layer->stride_height * row, job.next = 4 * width;
      cardc_stacked_sums(&job, k * width);
      finish_band(layer, finish, &e, channel, work + layer->sums_at / 4, each, rows, dst,
                  channel * to->plane + y * to->row);
    }
  }
}
