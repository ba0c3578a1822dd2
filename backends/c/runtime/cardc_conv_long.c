#include "cardc_conv_long.h"
#include "cardc_line.h"
#include "cardc_long_sums.h"

#define CHUNK 16 /* sums that are finished together where there is neither line nor table */

/* A column of words of copies: as many rows as `height`. */
typedef struct column_job {
  uint32_t height, row, step, pitch; /* bytes between rows and pixels, words between rows of copies */
  uint32_t border;
} column_job;

/* Three pixels a word. */
static CARDC_NOINLINE void copy_threes(const column_job *c, const uint8_t *at, uint32_t *to) {
  const uint32_t step = c->step, row = c->row, pitch = c->pitch, border = c->border * CARDC_LONG_ONES;
  uint32_t left;
  CARDC_NO_UNROLL for (left = c->height; left > 0; left--, at += row, to += pitch) {
    *to = (at[0] | (uint32_t)at[step] << 12 | (uint32_t)at[2 * step] << 24) - border;
  }
}

/* `count` pixels from lane `lane` on. */
static CARDC_NOINLINE void copy_part(const column_job *c, const uint8_t *at, uint32_t count, uint32_t lane, uint32_t *to) {
  const uint32_t second = count > 1 ? c->step : 0, shift = lane * CARDC_LONG_SHIFT, keep = count > 1 ? 0xffffffu : 0xfffu;
  const uint32_t border = (c->border * CARDC_LONG_ONES) & keep, row = c->row, pitch = c->pitch;
  uint32_t left;
  CARDC_NO_UNROLL for (left = c->height; left > 0; left--, at += row, to += pitch) {
    *to = (((at[0] | (uint32_t)at[second] << 12) & keep) - border) << shift;
  }
}

/* One input channel; `to` holds the padding already. */
static void copy_channel(const CARDC_ROM cardc_conv_long_layer *layer, const uint8_t *src, uint32_t pitch, uint32_t *to) {
  const uint32_t width = layer->from.width, below = (uint32_t)layer->rows - layer->pad_top;
  uint32_t phase;
  column_job c;
  c.height = layer->from.height < below ? layer->from.height : below;
  c.row = layer->from.row, c.step = layer->stride_width, c.pitch = pitch, c.border = layer->border;
  to += layer->pad_top * pitch;
  CARDC_NO_UNROLL for (phase = 0; phase < layer->phases; phase++, to += layer->blocks) {
    uint32_t at = phase, lane = 0, left = layer->blocks, n, *word = to;
    CARDC_NO_UNROLL while (at < layer->pad_left) { at += c.step, lane++; }
    at -= layer->pad_left, lane -= layer->skip;
    CARDC_NO_UNROLL while (lane >= 3) { lane -= 3, word++, left--; }
    for (; left > 0 && at < width; left--, at += n * c.step, lane = 0, word++) {
      n = 3 - lane; /* as many as there are, and as the word has room for */
      CARDC_NO_UNROLL while (at + (n - 1) * c.step >= width) { n--; }
      if (n == 3) {
        copy_threes(&c, src + at, word);
      } else {
        copy_part(&c, src + at, n, lane, word);
      }
    }
  }
}

/* The words of the `count` chunks of a channel, of `taps` weights each; the weights of the next channel. */
static CARDC_NOINLINE const CARDC_ROM uint8_t *unpack(const CARDC_ROM uint8_t *from, uint32_t bits, uint32_t count,
                                                      uint32_t taps, uint32_t *to) {
  uint32_t word, left, both = 0, half = 0;
  if (bits == 4 && taps == 2) {
    CARDC_NO_UNROLL for (; count > 0; count--) {
      both = (uint32_t)*from++ ^ 0x88u;
      *to++ = ((both & 15u) << CARDC_LONG_SHIFT) + (both >> 4) - (8u << CARDC_LONG_SHIFT) - 8u;
    }
  } else if (bits == 4) {
    CARDC_NO_UNROLL for (; count > 0; count--) {
      word = 0;
      CARDC_NO_UNROLL for (left = taps; left > 0; left--, half ^= 1, both >>= 4) {
        both = half ? both : (uint32_t)*from++ ^ 0x88u;
        word = (word << CARDC_LONG_SHIFT) + (both & 15u) - 8u;
      }
      *to++ = word;
    }
  } else {
    CARDC_NO_UNROLL for (; count > 0; count--) {
      word = 0;
      CARDC_NO_UNROLL for (left = taps; left > 0; left--) {
        word = (word << CARDC_LONG_SHIFT) + ((uint32_t)*from++ ^ 128u) - 128u;
      }
      *to++ = word;
    }
  }
  return from;
}

/* Four outputs of the sums at AT. */
#define FOUR(TO, AT)                                                                                                    \
  do {                                                                                                                  \
    uint32_t low, high, a, b;                                                                                           \
    CARDC_MEMCPY(&low, AT, 4);                                                                                          \
    CARDC_MEMCPY(&high, (AT) + 2, 4);                                                                                   \
    a = cardc_join_tops((uint32_t)cardc_line_low(m, low, c), (uint32_t)cardc_line_low(m, high, c));                     \
    b = cardc_join_tops((uint32_t)cardc_line_high(m, low, c), (uint32_t)cardc_line_high(m, high, c));                   \
    TO = cardc_add_bytes4(cardc_clip_halves(a) | cardc_clip_halves(b) << 8, room) - room;                               \
  } while (0)

/* Rows of `width` sums, one behind the other, by line. Reads up to 6 bytes behind them. */
static CARDC_NOINLINE void finish_line(const cardc_line *line, const uint16_t *sums, uint32_t rows, uint32_t width,
                                       uint32_t row, uint8_t *dst) {
  const uint32_t room = ~line->top, skip = row - (width & ~3u);
  const int32_t m = line->m, c = line->c;
  uint32_t left, word;
  CARDC_NO_UNROLL for (; rows > 0; rows--, dst += skip) {
    CARDC_NO_UNROLL for (left = width; left >= 8; left -= 8, dst += 8, sums += 8) {
      FOUR(word, sums);
      cardc_put_word(dst, word);
      FOUR(word, sums + 4);
      cardc_put_word(dst + 4, word);
    }
    if (left >= 4) {
      FOUR(word, sums);
      cardc_put_word(dst, word);
      left -= 4, dst += 4, sums += 4;
    }
    if (left > 0) {
      FOUR(word, sums);
      cardc_put_part(dst, word, left);
      sums += left;
    }
  }
}

/* The same by table. */
static CARDC_NOINLINE void look_up(const CARDC_ROM uint8_t *table, const uint16_t *sums, uint32_t rows, uint32_t width,
                                   uint32_t row, uint8_t *dst) {
  uint32_t x;
  CARDC_NO_UNROLL for (; rows > 0; rows--, dst += row, sums += width) {
    CARDC_NO_UNROLL for (x = 0; x < width; x++) { dst[x] = table[sums[x]]; }
  }
}

/* The same one by one; `at` is the element of `dst` for the first sum. */
static CARDC_NOINLINE void finish_each(const CARDC_ROM cardc_finish *finish, uint32_t channel, int32_t bias,
                                       const uint16_t *sums, uint32_t rows, uint32_t width, uint32_t row, void *dst,
                                       uint32_t at) {
  int32_t wide[CHUNK];
  uint32_t x, n, i;
  for (; rows > 0; rows--, at += row) {
    for (x = 0; x < width; x += n) {
      n = width - x < CHUNK ? width - x : CHUNK;
      CARDC_NO_UNROLL for (i = 0; i < n; i++) { wide[i] = *sums++; }
      cardc_finish_row(finish, channel, wide, 1, bias, n, dst, at + x);
    }
  }
}

/* One output channel, band by band. */
static void sum_channel(const CARDC_ROM cardc_conv_long_layer *layer, const CARDC_ROM cardc_finish *finish,
                        cardc_long_job *job, cardc_line *line, uint32_t channel, const uint32_t *copies, void *dst) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t bias = layer->biases[channel], start = layer->starts[channel];
  uint32_t at = channel * to->plane, y, rows, width, lines;
  if (layer->lines) {
    cardc_read_line(line, layer->lines + 3 * channel);
  }
  job->bias_low = start | start << 12 | start << 24, job->bias_high = start >> 8;
  for (y = 0; y < to->height; y += rows, at += rows * to->row, copies += rows * job->down) {
    rows = to->height - y < layer->band ? to->height - y : layer->band;
    job->copies = copies, job->rows = rows;
    cardc_long_sums(job);
    /* Rows without gaps are one. */
    lines = to->row == to->width ? 1 : rows, width = to->row == to->width ? rows * to->width : to->width;
    if (line->kind != CARDC_LINE_NONE) {
      finish_line(line, job->sums, lines, width, to->row, (uint8_t *)dst + at);
    } else if (layer->shared) {
      look_up(layer->shared + (layer->shared_bias - bias), job->sums, lines, width, to->row, (uint8_t *)dst + at);
    } else {
      finish_each(finish, channel, (int32_t)bias, job->sums, lines, width, to->row, dst, at);
    }
  }
}

/* From each term's words to those of the next, where they differ. Terms go by chunk, row of the kernel, channel, phase. */
static void list_steps(const CARDC_ROM cardc_conv_long_layer *layer, uint32_t row, uint32_t *steps) {
  const uint32_t lines = layer->depth * (uint32_t)layer->phases, blocks = layer->blocks;
  uint32_t chunk, tap, k, at = 0;
  CARDC_NO_UNROLL for (chunk = 0; chunk < layer->chunks; chunk++) {
    CARDC_NO_UNROLL for (tap = 0; tap < layer->kernel_height; tap++) {
      CARDC_NO_UNROLL for (k = 0; k < lines; k++) {
        const uint32_t place = chunk + tap * layer->dilation_height * row + k * blocks;
        if (chunk + tap + k > 0) {
          *steps++ = place - at; /* modulo 2^32: a chunk begins where the one before did, but for a word */
        }
        at = place;
      }
    }
  }
  *steps = 0;
}

void cardc_conv_long(const CARDC_ROM cardc_conv_long_layer *layer, const CARDC_ROM cardc_finish *finish,
                     const uint8_t *src, void *dst, uint32_t *work) {
  const uint32_t each = (uint32_t)layer->phases * layer->blocks, row = layer->depth * each;
  const uint32_t terms = (uint32_t)layer->depth * layer->kernel_height * layer->phases * layer->chunks;
  const CARDC_ROM uint8_t *weights = layer->weights;
  uint32_t *to = work, *words = work + layer->terms_at / 4, channel, c, left = 0;
  cardc_long_job job;
  cardc_line line;
  cardc_begin_lines(&line, layer->top);
  job.terms = words, job.sums = (uint16_t *)(void *)(work + layer->sums_at / 4) + 2;
  job.width = layer->to.width, job.lead = layer->lead, job.down = row * layer->stride_height, job.count = terms;
  job.step = layer->blocks, job.segments = layer->segments, job.steps = NULL;
  if (layer->chunks > 1 || layer->dilation_height > 1) {
    job.steps = words + terms;
    list_steps(layer, row, words + terms);
  }
  CARDC_NO_UNROLL for (c = layer->rows * row; c > 0; c--) { *to++ = 0; }
  src += layer->interior;
  for (channel = 0; channel < layer->to.channels; channel++, left--) {
    if (left == 0) {
      left = layer->group_channels, to = work;
      for (c = layer->depth; c > 0; c--, src += layer->from.plane, to += each) { copy_channel(layer, src, row, to); }
    }
    weights = unpack(weights, layer->bits, terms, layer->taps, words);
    sum_channel(layer, finish, &job, &line, channel, work, dst);
  }
}
