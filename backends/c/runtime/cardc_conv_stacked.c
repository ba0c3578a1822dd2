#include "cardc_conv_stacked.h"
#include "cardc_stacked_sums.h"

#define CHUNK 16 /* sums that are finished together where there is no quicker way */

/* A band at work. */
typedef struct band_job {
  const uint8_t *blank;   /* a row of padding */
  uint32_t height, row;   /* of the input */
  uint32_t top, at;       /* the input's row of lane 0 and copy 0, and where that begins, modulo 2^32 */
  uint32_t apart, step;   /* from lane to lane: rows of the input, bytes */
  uint32_t rows, pitch;   /* of copies: rows, words from row to row */
} band_job;

/* Columns of a phase: `count` words from the input's column `at` on, `step` apart, to the words from `to` on. */
typedef struct columns {
  uint32_t at, end, step, to, count;
} columns;

/* The row of lane K: one of padding where the input has none. */
#define ROW(K) const uint8_t *const p##K = y + (K) * b->apart < b->height ? src + (at + (K) * b->step) : b->blank
#define COPY(NAME, ROWS, WORD)                                                                                       \
  static CARDC_NOINLINE void NAME(const band_job *b, const uint8_t *src, const columns *c, uint32_t *to) {           \
    const uint32_t skip = b->pitch - c->count, row = b->row, begin = c->at, end = c->end, step = c->step;            \
    uint32_t y = b->top, at = b->at, rows, x;                                                                        \
    to += c->to;                                                                                                     \
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

/* A number in each lane. */
static inline uint32_t in_lanes(uint32_t x, uint32_t lanes, uint32_t bits) {
  uint32_t word = x;
  CARDC_NO_UNROLL while (--lanes > 0) { word = word << bits | x; }
  return word;
}

/* The input channels of a group, `each` words; `to` holds the padding at the sides already. */
static void copy_group(const CARDC_ROM cardc_conv_stacked_layer *layer, const band_job *b, const uint8_t *src, uint32_t each,
                       uint32_t *to) {
  const uint32_t width = layer->from.width, words = layer->words, phases = layer->phases, lanes = layer->lanes;
  uint32_t phase, left, first, begin = 0;
  columns c;
  c.step = layer->stride_width;
  for (left = layer->depth; left > 0; left--, src += layer->from.plane, to += each) {
    for (phase = 0, begin = 0; phase < phases; phase++, begin += words) {
      c.at = phase, first = 0;
      CARDC_NO_UNROLL while (c.at < layer->pad_left) { c.at += c.step, first++; }
      c.at -= layer->pad_left, c.to = begin + first, c.count = 0, c.end = c.at;
      while (first < words && c.end < width) { first++, c.count++, c.end += c.step; }
      (lanes == 1 ? copy_ones : lanes == 2 ? copy_twos : lanes == 3 ? copy_threes : copy_fours)(b, src, &c, to);
    }
  }
}

/* Of each weight of an output channel, in their order, the byte of the copies that its first product takes; how many. */
static uint32_t list_places(const CARDC_ROM cardc_conv_stacked_layer *layer, uint32_t row, uint32_t plane, uint16_t *places) {
  const uint32_t words = layer->words, down = layer->dilation_height * row;
  const uint32_t across = layer->dilation_width, step = layer->stride_width;
  uint16_t *const begin = places;
  uint32_t c, y, x, n, left, at, line;
  for (c = layer->depth, plane -= layer->kernel_height * down, line = 0; c > 0; c--, line += plane) {
    for (y = layer->kernel_height; y > 0; y--, line += down) {
      for (x = layer->kernel_width, n = 0; x > 0; x--, n += across) {
        at = line;
        CARDC_NO_UNROLL for (left = n; left >= step; left -= step) { at++; }
        CARDC_NO_UNROLL for (; left > 0; left--) { at += words; }
        *places++ = (uint16_t)(4 * at);
      }
    }
  }
  return (uint32_t)(places - begin);
}

#if CARDC_MULTIPLIES
/* Appends a term, if there is one. */
#define TERM(WEIGHT)                             \
  do {                                           \
    const uint32_t weight = (WEIGHT);            \
    const uint32_t place = *places++;            \
    if (weight != 0) {                           \
      to[0] = place - at, to[1] = weight;        \
      at = place, to += 2;                       \
    }                                            \
  } while (0)
#else
/* Appends the digits of a weight: in the lower byte those that are 1, in the upper one those that are -1. No two that are
 * neighbours are both something. */
#define TERM(WEIGHT)                                                            \
  do {                                                                          \
    const uint32_t weight = (WEIGHT), more = weight + (weight << 1);            \
    *digits++ = (uint16_t)((((more & ~weight) >> 1) & 255u) | (((weight & ~more) << 7) & 0xff00u)); \
    all |= digits[-1];                                                          \
  } while (0)
#endif
#define TERMS                                         \
  do {                                                \
    if (bits == 4) {                                  \
      CARDC_NO_UNROLL for (; count >= 2; count -= 2) { \
        both = *from++;                               \
        TERM(((both & 15u) ^ 8u) - 8u);               \
        TERM(((both >> 4) ^ 8u) - 8u);                \
      }                                               \
      if (count > 0) {                                \
        TERM(((*from & 15u) ^ 8u) - 8u);              \
      }                                               \
    } else {                                          \
      CARDC_NO_UNROLL for (; count > 0; count--) {    \
        both = *from++;                               \
        TERM((both ^ 128u) - 128u);                   \
      }                                               \
    }                                                 \
  } while (0)

#if CARDC_STACKED_THREES
/* Weight K. */
#define WEIGHT(K) (bits == 4 ? ((((uint32_t)from[(K) / 2] >> ((K) % 2 * 4)) & 15u) ^ 8u) - 8u : (from[K] ^ 128u) - 128u)

/* Terms of three weights; where they end. */
static CARDC_NOINLINE uint32_t *unpack_threes(const CARDC_ROM uint8_t *from, uint32_t bits, const uint16_t *places,
                                              uint32_t count, uint32_t *to) {
  uint32_t *const begin = to;
  uint32_t k, at = 0;
  for (k = 0; k < count || to == begin; k += 3) {
    const uint32_t past = k >= count, w0 = past ? 0 : WEIGHT(k), w1 = past ? 0 : WEIGHT(k + 1), w2 = past ? 0 : WEIGHT(k + 2);
    if ((w0 | w1 | w2) != 0 || past) {
      to[0] = past ? 0 : places[k] - at, to[1] = w0, to[2] = w1, to[3] = w2;
      at += to[0], to += 4;
    }
  }
  return to;
}
#endif

/* The terms of an output channel, as cardc_stacked_sums.h has them; sets their beginning and end. */
static CARDC_NOINLINE void unpack(const CARDC_ROM uint8_t *from, uint32_t bits, const uint16_t *places, uint32_t count,
                                  uint32_t *work, cardc_stacked_job *job) {
#if CARDC_MULTIPLIES
  uint32_t *to = work, at = 0, both;
#if CARDC_STACKED_THREES
  if (job->threes) {
    job->terms = work, job->end = unpack_threes(from, bits, places, count, work);
    return;
  }
#endif
  TERMS;
  if (to == work) { /* where all weights are 0 */
    to[0] = 0, to[1] = 0, to += 2;
  }
  job->terms = work, job->end = to, job->odd = (uint32_t)(to - work) / 2 % 2;
#else
  uint16_t *digits = (uint16_t *)(void *)work, *to = digits + count;
  const uint32_t taps = count;
  uint32_t all = 0, plane, both, sign, k;
  job->terms = to;
  TERMS;
  all |= all >> 8, digits -= taps;
  for (plane = 128; plane > 1 && (all & plane) == 0;) { plane >>= 1; }
  for (; plane > 0; plane >>= 1) {
    for (sign = plane << 8; sign >= plane; sign = sign > plane ? plane : 0) {
      CARDC_NO_UNROLL for (k = 0; k < taps; k++) {
        if (digits[k] & sign) {
          *to++ = places[k];
        }
      }
      *to++ = CARDC_STACKED_END;
    }
  }
  job->end = to, job->odd = 0;
#endif
}

/* What becomes of the sums of a lane. Where pointers have 32 bits, each member has: assembly reads them by place. */
typedef struct ending {
  const CARDC_ROM uint8_t *table; /* NULL: to 0 .. hi by `m`, `b`, `shift` where `scaled`, else by `finish` */
  uint32_t scaled, m, b, shift, hi;
  uint32_t above, below;          /* the lane ends so many bits below the top of words and has 32 - `below` */
  const CARDC_ROM cardc_finish *finish;
  uint32_t channel;
  int32_t bias;                   /* what sums are higher by */
} ending;

static CARDC_NOINLINE void look_up(const ending *e, const uint32_t *sums, uint32_t count, uint8_t *dst) {
  const CARDC_ROM uint8_t *const table = e->table;
  const uint32_t above = e->above, below = e->below;
  CARDC_NO_UNROLL for (; count >= 4; count -= 4, sums += 4, dst += 4) {
    dst[0] = table[sums[0] << above >> below], dst[1] = table[sums[1] << above >> below];
    dst[2] = table[sums[2] << above >> below], dst[3] = table[sums[3] << above >> below];
  }
  CARDC_NO_UNROLL for (; count > 0; count--) { *dst++ = table[*sums++ << above >> below]; }
}

/* At least one sum. */
#if CARDC_ASSEMBLY && !defined(__thumb2__)
/* r1 sums, r2 above, r3 dst, r4 an output, r5 m, r6 shift, r7 below, r8 b, r9 hi, r10 the end of sums. What is not 0 .. hi is
 * made so aside. */
CARDC_NAKED void scale(CARDC_UNUSED const ending *e, CARDC_UNUSED const uint32_t *sums, CARDC_UNUSED uint32_t count,
                       CARDC_UNUSED uint8_t *dst) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n push {r4-r6}\n"
      "ldr r4, [r0, #12]\n mov r8, r4\n ldr r4, [r0, #20]\n mov r9, r4\n lsls r2, r2, #2\n adds r2, r2, r1\n mov r10, r2\n"
      "ldr r5, [r0, #8]\n ldr r6, [r0, #16]\n ldr r2, [r0, #24]\n ldr r7, [r0, #28]\n"
      "1:\n ldmia r1!, {r4}\n lsls r4, r2\n lsrs r4, r7\n muls r4, r5\n add r4, r8\n asrs r4, r6\n"
      "cmp r4, r9\n bhi 3f\n"
      "2:\n strb r4, [r3]\n adds r3, #1\n cmp r1, r10\n bne 1b\n"
      "pop {r4-r6}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n pop {r4-r7, pc}\n"
      "3:\n asrs r4, r4, #31\n mvns r4, r4\n mov r0, r9\n ands r4, r0\n b 2b\n");
}
#else
static CARDC_NOINLINE void scale(const ending *e, const uint32_t *sums, uint32_t count, uint8_t *dst) {
  const uint32_t m = e->m, b = e->b, shift = e->shift, above = e->above, below = e->below;
  const int32_t hi = (int32_t)e->hi;
  CARDC_NO_UNROLL for (; count > 0; count--) {
    const int32_t y = (int32_t)((uint32_t)CARDC_TIMES(*sums++ << above >> below, m) + b) >> shift;
    *dst++ = (uint8_t)(y < 0 ? 0 : y > hi ? hi : y);
  }
}
#endif

static CARDC_NOINLINE void finish_each(const ending *e, const uint32_t *sums, uint32_t count, void *dst, uint32_t at) {
  const uint32_t above = e->above, below = e->below;
  int32_t wide[CHUNK];
  uint32_t n, i;
  for (; count > 0; count -= n, at += n) {
    n = count < CHUNK ? count : CHUNK;
    CARDC_NO_UNROLL for (i = 0; i < n; i++) { wide[i] = (int32_t)(*sums++ << above >> below); }
    cardc_finish_row(e->finish, e->channel, wide, 1, e->bias, n, dst, at);
  }
}

/* `count` sums that lie one behind the other, to outputs from element `at` on. */
static void finish_run(const ending *e, const uint32_t *sums, uint32_t count, void *dst, uint32_t at) {
  if (e->table) {
    look_up(e, sums, count, (uint8_t *)dst + at);
  } else if (e->scaled) {
    scale(e, sums, count, (uint8_t *)dst + at);
  } else {
    finish_each(e, sums, count, dst, at);
  }
}

/* The rows of a band of a channel: `rows` in all, `part` of each lane, from element `at` of `dst` on. */
static void finish_band(const CARDC_ROM cardc_conv_stacked_layer *layer, ending *e, const uint32_t *sums, uint32_t part,
                        uint32_t rows, void *dst, uint32_t at) {
  const uint32_t bits = layer->bits_of_lane, width = layer->to.width, row = layer->to.row;
  const uint32_t lane = row == width ? part * width : 0; /* rows without gaps are one */
  uint32_t n, k;
  for (e->above = e->below = 32 - bits; rows > 0; rows -= n, e->above -= bits) {
    const uint32_t *from = sums;
    n = rows < part ? rows : part;
    if (lane > 0) {
      k = n == part ? lane : n * width;
      finish_run(e, from, k, dst, at);
      at += k;
    } else {
      for (k = n; k > 0; k--, at += row, from += width) { finish_run(e, from, width, dst, at); }
    }
  }
}

/* How the sums of `channel` end. */
static void begin_ending(const CARDC_ROM cardc_conv_stacked_layer *layer, const CARDC_ROM cardc_finish *finish,
                         uint32_t channel, ending *e) {
  const uint32_t bias = (uint32_t)layer->biases[channel], k = finish->shared ? 0 : channel;
  e->finish = finish, e->channel = channel, e->bias = (int32_t)bias;
  e->table = NULL;
  if (layer->shared) {
    e->table = layer->shared + (layer->shared_bias - bias);
  }
  e->scaled = finish->kind == CARDC_REQUANTIZE && finish->out == CARDC_U8 && !finish->b64 && finish->lo == 0;
  if (e->scaled) {
    e->m = (uint32_t)finish->m[k], e->b = (uint32_t)finish->b[k] - (uint32_t)CARDC_TIMES(bias, e->m);
    e->shift = finish->shift, e->hi = (uint32_t)finish->hi;
  }
}

void cardc_conv_stacked(const CARDC_ROM cardc_conv_stacked_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t row = (uint32_t)layer->phases * layer->words, plane = layer->rows * row, stride = layer->stride_height;
  const uint32_t lanes = layer->lanes, lane = layer->bits_of_lane, high = lanes * layer->part, width = to->width;
  const uint32_t depth = layer->depth * layer->from.plane, border = in_lanes(layer->border, lanes, lane);
  const uint32_t one = row == width && stride == 1; /* nothing lies between rows, which are one then */
  uint16_t *const places = (uint16_t *)(void *)(work + layer->places_at / 4);
  const uint32_t count = list_places(layer, row, plane, places), bytes = layer->bits == 4 ? (count + 1) / 2 : count;
  uint32_t *words = work, y, channel, left, rows, each, at, down = 0;
  cardc_stacked_job job;
  band_job b;
  ending e;
  CARDC_NO_UNROLL for (left = layer->blank_at / 4; left > 0; left--) { *words++ = border; }
  memset(words, layer->border, layer->from.width);
  b.blank = (const uint8_t *)words;
  b.height = layer->from.height, b.row = layer->from.row, b.pitch = row;
  job.down = 4 * stride * row, job.next = 4 * width;
  job.threes = layer->kernel_width == 3 && layer->stride_width == 1 && layer->dilation_width == 1;
  for (y = 0; y < to->height; y += rows, down += rows * to->row) {
    const CARDC_ROM uint8_t *weights = layer->weights;
    const uint8_t *group = src + layer->interior;
    rows = to->height - y < high ? to->height - y : high;
    each = layer->part;
    while (rows < high && (each - 1) * lanes >= rows) { each--; }
    b.top = y * stride - layer->pad_top, b.at = b.top * b.row;
    b.apart = each * stride, b.step = b.apart * b.row;
    b.rows = (each - 1) * stride + (layer->kernel_height - 1u) * layer->dilation_height + 1;
    for (channel = 0, left = 0, at = down; channel < to->channels; channel++, left--, weights += bytes, at += to->plane) {
      if (left == 0) {
        left = layer->group_channels;
        copy_group(layer, &b, group, plane, work);
        group += depth;
      }
      begin_ending(layer, finish, channel, &e);
      unpack(weights, layer->bits, places, count, work + layer->terms_at / 4, &job);
      job.from = work, job.sums = work + layer->sums_at / 4, job.bias = in_lanes((uint32_t)layer->biases[channel], lanes, lane);
      job.rows = one ? 1 : each;
      cardc_stacked_sums(&job, one ? each * width : width);
      finish_band(layer, &e, work + layer->sums_at / 4, each, rows, dst, at);
    }
  }
}
