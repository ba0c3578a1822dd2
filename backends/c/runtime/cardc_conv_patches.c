#include "cardc_conv_patches.h"
#include "cardc_line.h"
#include "cardc_patches.h"

/* A band of one group at work. */
typedef struct band {
  const CARDC_ROM cardc_conv_patches_layer *layer;
  const CARDC_ROM cardc_finish *finish;
  uint8_t *patches;
  uint32_t rows, columns; /* of the output; one row where all columns touch */
  uint32_t at;            /* the element of a channel of `dst` for the band's first pixel */
  void *dst;
} band;

/* The patches of the band, whose first window begins at `src`; `work` is for the copy. */
static CARDC_NOINLINE void make_patches(const band *b, const uint8_t *src, uint8_t *work) {
  const CARDC_ROM cardc_conv_patches_layer *layer = b->layer;
  cardc_transpose_job copy;
  cardc_gather_job job;
  uint32_t y, rows = (b->rows - 1) * layer->down + layer->span;
  copy.to = layer->parts ? work : b->patches, copy.from = src;
  copy.columns = layer->touch ? b->columns : layer->columns, copy.channels = layer->depth;
  copy.plane = layer->plane, copy.step = layer->step, copy.pixel = layer->pixel, copy.flip = layer->flip;
  CARDC_NO_UNROLL for (; rows > 0; rows--) {
    cardc_transpose(&copy);
    copy.to += layer->columns * layer->pixel, copy.from += layer->row;
  }
  job.to = b->patches, job.from = work, job.places = layer->places;
  job.parts = layer->parts, job.bytes = layer->bytes, job.patches = layer->to.width;
  job.step = layer->across, job.patch = layer->patch, job.vectors = (layer->bytes + CARDC_PATCH - 1u) / CARDC_PATCH;
  CARDC_NO_UNROLL for (y = layer->parts ? b->rows : 0; y > 0; y--) {
    cardc_gather_patches(&job);
    job.to += layer->to.width * layer->patch;
    job.from += layer->down * layer->columns * layer->pixel;
  }
}

/* Outputs of one channel. */
static CARDC_NOINLINE void finish_channel(const band *b, uint32_t number, const int32_t *sums) {
  const CARDC_ROM cardc_conv_patches_layer *layer = b->layer;
  const CARDC_ROM cardc_finish *f = b->finish;
  const CARDC_ROM int32_t *line = layer->lines ? layer->lines + 4 * number : NULL;
  const int32_t bias = layer->bias[number];
  cardc_vector_rows rows;
  uint32_t y, scale, at = b->at + number * layer->to.plane;
  rows.from = sums, rows.to = (uint8_t *)b->dst + at;
  rows.rows = b->rows, rows.pitch = rows.width = b->columns, rows.row = layer->to.row;
  scale = cardc_begin_scale(&rows, f, number, bias, layer->patch << 15); /* 255 * 128 a byte */
  if (scale && cardc_all_bytes(&rows, scale)) {
    return;
  }
  if (scale) {
    (scale == CARDC_SCALE ? cardc_words_by_scale : cardc_words_by_wide_scale)(&rows);
    return;
  }
  if (line && line[3] == CARDC_LINE_HALVES) {
    rows.m = (uint32_t)line[0], rows.c = (uint32_t)line[1], rows.low = (uint32_t)line[2], rows.top = layer->top;
    cardc_words_by_line(&rows);
    return;
  }
  CARDC_NO_UNROLL for (y = b->rows; y > 0; y--, sums += b->columns, at += layer->to.row) {
    cardc_finish_row(f, number, sums, 1, bias, b->columns, b->dst, at);
  }
}

/* The outputs of a group, from `first` on, whose weights begin at `weights`; those of the next group begin at the result. */
static const CARDC_ROM int8_t *finish_group(const band *b, const CARDC_ROM int8_t *weights, uint32_t first, int32_t *sums) {
  const uint32_t pixels = b->rows * b->columns, room = (pixels + CARDC_TRIPLE - 1) / CARDC_TRIPLE * CARDC_TRIPLE;
  cardc_patch_dots job;
  uint32_t k, count = b->layer->group_channels;
  job.patches = b->patches, job.patch = b->layer->patch, job.vectors = b->layer->patch / CARDC_PATCH;
  job.first = sums, job.second = job.end = sums + room;
  for (k = 0; k < count; k += 2, weights += 2 * b->layer->patch) {
    job.weights = weights;
    cardc_dots_of_patches(&job);
    finish_channel(b, first + k, sums);
    if (k + 1 < count) {
      finish_channel(b, first + k + 1, sums + room);
    }
  }
  return weights;
}

void cardc_conv_patches(const CARDC_ROM cardc_conv_patches_layer *layer, const CARDC_ROM cardc_finish *finish,
                        const uint8_t *src, void *dst, uint32_t *work) {
  const uint32_t height = layer->to.height;
  uint8_t *bytes = (uint8_t *)work;
  band b;
  uint32_t y, first, rows;
  b.layer = layer, b.finish = finish, b.dst = dst, b.patches = bytes + layer->patches_at;
  src += layer->origin;
  for (y = 0; y < height; y += rows) {
    const CARDC_ROM int8_t *weights = layer->weights;
    const uint8_t *from = src + y * layer->down * layer->row;
    rows = height - y < layer->rows ? height - y : layer->rows;
    b.rows = layer->touch ? 1u : rows, b.columns = layer->touch ? rows * layer->to.width : layer->to.width;
    b.at = y * layer->to.row;
    for (first = 0; first < layer->to.channels; first += layer->group_channels, from += layer->depth * layer->plane) {
      make_patches(&b, from, bytes);
      weights = finish_group(&b, weights, first, (int32_t *)(void *)(bytes + layer->sums_at));
    }
  }
}
