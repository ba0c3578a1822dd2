#include "cardc_wide.h"

void cardc_add_wide(const CARDC_ROM cardc_add_wide_layer *layer, const CARDC_ROM cardc_wide_finish *finish, const void *a,
                    const void *b, void *dst) {
  const CARDC_ROM cardc_view *va = &layer->a, *vb = &layer->b;
  uint32_t c, y, x;
  for (c = 0; c < va->channels; c++) {
    const uint32_t k = layer->shared ? 0 : c;
    for (y = 0; y < va->height; y++) {
      for (x = 0; x < va->width; x++) {
        const int64_t p = cardc_element(va->type, a, c * va->plane + y * va->row + x * va->column);
        const int64_t q = cardc_element(vb->type, b, c * vb->plane + y * vb->row + x * vb->column);
        const int64_t sum = p * layer->ma[k] + q * layer->mb[k];
        cardc_wide_row(finish, c, &sum, 1, dst, c * layer->to.plane + y * layer->to.row + x);
      }
    }
  }
}

/* The sum (or, with `largest`, the maximum) of the window whose first element is (top, left) of channel `c`. */
static int64_t window(const CARDC_ROM cardc_window_layer *w, const void *src, uint32_t c, int32_t top, int32_t left,
                      int largest) {
  const CARDC_ROM cardc_view *from = &w->from;
  int64_t result = largest ? INT64_MIN : 0;
  uint32_t i, j;
  for (i = 0; i < w->kernel_height; i++) {
    const int32_t y = top + (int32_t)(i * w->dilation_height);
    const int row_inside = y >= 0 && y < (int32_t)from->height;
    for (j = 0; j < w->kernel_width; j++) {
      const int32_t x = left + (int32_t)(j * w->dilation_width);
      if (row_inside && x >= 0 && x < (int32_t)from->width) {
        const uint32_t at = c * from->plane + (uint32_t)y * from->row + (uint32_t)x * from->column;
        const int64_t v = cardc_element(from->type, src, at);
        result = largest ? (v > result ? v : result) : result + v;
      } else if (!largest) {
        result += w->outside;
      }
    }
  }
  return result;
}

static void windows(const CARDC_ROM cardc_window_layer *w, const CARDC_ROM cardc_wide_finish *finish, const void *src,
                    void *dst, int largest) {
  const CARDC_ROM cardc_map *to = &w->to;
  uint32_t c, y, x;
  for (c = 0; c < to->channels; c++) {
    for (y = 0; y < to->height; y++) {
      for (x = 0; x < to->width; x++) {
        const int32_t top = (int32_t)(y * w->stride_height) - (int32_t)w->pad_top;
        const int32_t left = (int32_t)(x * w->stride_width) - (int32_t)w->pad_left;
        const int64_t found = window(w, src, c, top, left, largest);
        cardc_wide_row(finish, c, &found, 1, dst, c * to->plane + y * to->row + x);
      }
    }
  }
}

void cardc_sum_windows_wide(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                            const void *src, void *dst) {
  windows(layer, finish, src, dst, 0);
}

void cardc_max_windows_wide(const CARDC_ROM cardc_window_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                            const void *src, void *dst) {
  windows(layer, finish, src, dst, 1);
}

void cardc_argmax_channels_wide(const CARDC_ROM cardc_view *from, const CARDC_ROM cardc_wide_finish *finish,
                                const void *src, const CARDC_ROM cardc_map *to, void *dst) {
  uint32_t c, y, x;
  for (y = 0; y < from->height; y++) {
    for (x = 0; x < from->width; x++) {
      const uint32_t at = y * from->row + x * from->column;
      int64_t best = cardc_element(from->type, src, at), where = 0;
      for (c = 1; c < from->channels; c++) {
        const int64_t v = cardc_element(from->type, src, at + c * from->plane);
        if (v > best) {
          best = v;
          where = c;
        }
      }
      cardc_wide_row(finish, 0, &where, 1, dst, y * to->row + x);
    }
  }
}

/* The channel that comes next behind channel `last` (none, where that is negative); no list of those taken is kept. */
static int32_t next_channel(const CARDC_ROM cardc_top_layer *layer, const void *src, uint32_t at, int32_t last) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const int64_t before = last < 0 ? 0 : cardc_element(from->type, src, at + (uint32_t)last * from->plane);
  int64_t best = 0;
  int32_t where = -1, c;
  for (c = 0; c < (int32_t)from->channels; c++) {
    const int64_t v = cardc_element(from->type, src, at + (uint32_t)c * from->plane);
    if (last >= 0 && !(v == before ? c > last : (v < before) == layer->largest)) {
      continue;
    }
    if (where < 0 || (layer->largest ? v > best : v < best)) {
      best = v;
      where = c;
    }
  }
  return where;
}

void cardc_top_channels_wide(const CARDC_ROM cardc_top_layer *layer, const CARDC_ROM cardc_wide_finish *finish,
                             const void *src, void *dst) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const CARDC_ROM cardc_map *to = &layer->to;
  uint32_t k, y, x;
  for (y = 0; y < from->height; y++) {
    for (x = 0; x < from->width; x++) {
      const uint32_t at = y * from->row + x * from->column;
      int32_t where = -1;
      for (k = 0; k < to->channels; k++) {
        int64_t found;
        where = next_channel(layer, src, at, where);
        found = layer->indices ? where : cardc_element(from->type, src, at + (uint32_t)where * from->plane);
        cardc_wide_row(finish, k, &found, 1, dst, k * to->plane + y * to->row + x);
      }
    }
  }
}

void cardc_move_wide(const CARDC_ROM cardc_move_layer *layer, const void *src, void *dst) {
  const CARDC_ROM cardc_view *from = &layer->from;
  const CARDC_ROM cardc_map *to = &layer->to;
  uint32_t c, y, x, i, j;
  for (c = 0; c < from->channels; c++) {
    for (y = 0; y < from->height; y++) {
      for (x = 0; x < from->width; x++) {
        const uint32_t at = c * to->plane + y * layer->step_height * to->row + x * layer->step_width;
        int64_t v = cardc_element(from->type, src, c * from->plane + y * from->row + x * from->column);
        v = v * layer->gain + layer->offset;
        for (i = 0; i < layer->repeat_height; i++) {
          for (j = 0; j < layer->repeat_width; j++) {
            cardc_put(layer->type, dst, at + i * to->row + j, v);
          }
        }
      }
    }
  }
}

void cardc_fill_wide(void *dst, uint8_t type, uint32_t count, int32_t value) {
  uint32_t i;
  for (i = 0; i < count; i++) {
    cardc_put(type, dst, i, value);
  }
}

uint32_t cardc_argmax_i64(const int64_t *src, uint32_t count) {
  uint32_t best = 0, i;
  for (i = 1; i < count; i++) {
    if (src[i] > src[best]) {
      best = i;
    }
  }
  return best;
}
