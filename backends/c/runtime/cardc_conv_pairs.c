#include "cardc_conv_pairs.h"

#define BLOCK 4  /* pixels that share a weight while it is in a register */
#define CHUNK 16 /* pixels that are summed before they are finished */

/* The words of one pair, or of one channel that is alone (`bits` 1); the weights of the next. All arithmetic is modulo
 * 2^32. */
static const CARDC_ROM uint8_t *unpack(const CARDC_ROM uint8_t *from, uint32_t bits, uint32_t taps, uint32_t *to) {
  if (bits == 4) {
    CARDC_NO_UNROLL for (; taps > 0; taps--) {
      const uint32_t both = *from++;
      const uint32_t low = (both & 15u) - ((both & 8u) << 1);
      *to++ = low + (both >> 4 << 16) - ((both & 128u) << 13);
    }
  } else {
    CARDC_NO_UNROLL for (; taps > 0; taps--) {
      const uint32_t first = *from++;
      uint32_t word = first - ((first & 128u) << 1);
      if (bits == 8) {
        const uint32_t second = *from++;
        word += (second << 16) - ((second & 128u) << 17);
      }
      *to++ = word;
    }
  }
  return from;
}

/* What a block needs of its layer. */
typedef struct geometry {
  uint32_t rows, width;       /* of the kernel */
  uint32_t down, across;      /* bytes from tap to tap */
  int32_t next;               /* from behind the last row of the kernel to the first one in the next input channel */
  uint32_t step;              /* bytes from pixel to pixel */
} geometry;

/* Kept out of line: each of these loops needs every register that a Thumb core has. */
#if defined(__GNUC__)
#define LOOP static __attribute__((noinline)) const uint32_t *
#else
#define LOOP static const uint32_t *
#endif

#define STORE_BLOCK(SUMS) \
  do {                    \
    (SUMS)[0] = a0;       \
    (SUMS)[1] = a1;       \
    (SUMS)[2] = a2;       \
    (SUMS)[3] = a3;       \
  } while (0)

/* A row of three weights on four pixels, one or two bytes apart. Pixels that lie side by side share their bytes, if there
 * are registers to keep the three weights in: Thumb-1 has eight in all, RV32E sixteen. */
#if (defined(__thumb__) && !defined(__thumb2__)) || defined(__riscv_e) || defined(__riscv_32e)
#if defined(__GNUC__)
#define IN_ORDER(X) __asm__ volatile("" : "+r"(X) : : "memory") /* no later load before this sum */
#else
#define IN_ORDER(X)
#endif
#define TAP_IN_ORDER(W, AT, STEP)    \
  do {                               \
    const uint32_t weight = (W);     \
    a0 += weight * (AT)[0];          \
    IN_ORDER(a0);                    \
    a1 += weight * (AT)[STEP];       \
    IN_ORDER(a1);                    \
    a2 += weight * (AT)[2 * (STEP)]; \
    IN_ORDER(a2);                    \
    a3 += weight * (AT)[3 * (STEP)]; \
    IN_ORDER(a3);                    \
  } while (0)
#define ROW_IN_ORDER(AT, STEP)         \
  do {                                 \
    TAP_IN_ORDER(w[0], (AT), STEP);    \
    TAP_IN_ORDER(w[1], (AT) + 1, STEP); \
    TAP_IN_ORDER(w[2], (AT) + 2, STEP); \
    w += 3;                            \
  } while (0)
#define ROW1(AT) ROW_IN_ORDER(AT, 1)
#define ROW2(AT) ROW_IN_ORDER(AT, 2)
#else
#define ROW1(AT)                                      \
  do {                                                \
    const uint32_t w0 = w[0], w1 = w[1], w2 = w[2];   \
    uint32_t u = (AT)[0];                             \
    a0 += w0 * u;                                     \
    u = (AT)[1];                                      \
    a0 += w1 * u;                                     \
    a1 += w0 * u;                                     \
    u = (AT)[2];                                      \
    a0 += w2 * u;                                     \
    a1 += w1 * u;                                     \
    a2 += w0 * u;                                     \
    u = (AT)[3];                                      \
    a1 += w2 * u;                                     \
    a2 += w1 * u;                                     \
    a3 += w0 * u;                                     \
    u = (AT)[4];                                      \
    a2 += w2 * u;                                     \
    a3 += w1 * u;                                     \
    u = (AT)[5];                                      \
    a3 += w2 * u;                                     \
    w += 3;                                           \
  } while (0)
#define ROW2(AT)                                      \
  do {                                                \
    const uint32_t w0 = w[0], w1 = w[1], w2 = w[2];   \
    uint32_t u = (AT)[0];                             \
    a0 += w0 * u;                                     \
    a0 += w1 * (AT)[1];                               \
    u = (AT)[2];                                      \
    a0 += w2 * u;                                     \
    a1 += w0 * u;                                     \
    a1 += w1 * (AT)[3];                               \
    u = (AT)[4];                                      \
    a1 += w2 * u;                                     \
    a2 += w0 * u;                                     \
    a2 += w1 * (AT)[5];                               \
    u = (AT)[6];                                      \
    a2 += w2 * u;                                     \
    a3 += w0 * u;                                     \
    a3 += w1 * (AT)[7];                               \
    a3 += w2 * (AT)[8];                               \
    w += 3;                                           \
  } while (0)
#endif

/* Four neighbouring pixels over `channels` input channels, kernels three wide and, if `rows` says 3, as high. */
#define WIDE3(NAME, ROW)                                                                                              \
  LOOP NAME(const geometry *g, const uint32_t *w, const uint8_t *at, uint32_t channels, uint32_t *sums) {             \
    const uint32_t down = g->down;                                                                                    \
    uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, i;                                                                       \
    if (g->rows == 3) {                                                                                               \
      const int32_t next = g->next + (int32_t)down;                                                                   \
      CARDC_NO_UNROLL for (; channels > 0; channels--, at += next) {                                                  \
        ROW(at);                                                                                                      \
        at += down;                                                                                                   \
        CARDC_PIN(at);                                                                                                \
        ROW(at);                                                                                                      \
        at += down;                                                                                                   \
        CARDC_PIN(at);                                                                                                \
        ROW(at);                                                                                                      \
      }                                                                                                               \
    } else {                                                                                                          \
      CARDC_NO_UNROLL for (; channels > 0; channels--, at += g->next) {                                               \
        CARDC_NO_UNROLL for (i = g->rows; i > 0; i--, at += down) {                                                   \
          ROW(at);                                                                                                    \
        }                                                                                                             \
      }                                                                                                               \
    }                                                                                                                 \
    STORE_BLOCK(sums);                                                                                                \
    return w;                                                                                                         \
  }

WIDE3(wide3_step1, ROW1)
WIDE3(wide3_step2, ROW2)

/* Kernels of one tap. */
LOOP single(const geometry *g, const uint32_t *w, const uint8_t *at, uint32_t channels, uint32_t *sums) {
  const uint32_t step = g->step;
  const int32_t next = g->next + (int32_t)g->down;
  const uint8_t *far = at + 2 * step;
  uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
  CARDC_NO_UNROLL for (; channels > 0; channels--, at += next, far += next) {
    const uint32_t weight = *w++;
    a0 += weight * at[0];
    a1 += weight * at[step];
    a2 += weight * far[0];
    a3 += weight * far[step];
  }
  STORE_BLOCK(sums);
  return w;
}

/* Any kernel. */
LOOP any(const geometry *g, const uint32_t *w, const uint8_t *line, uint32_t channels, uint32_t *sums) {
  const uint32_t step = g->step;
  uint32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, i, j;
  CARDC_NO_UNROLL for (; channels > 0; channels--, line += g->next) {
    CARDC_NO_UNROLL for (i = g->rows; i > 0; i--, line += g->down) {
      const uint8_t *at = line, *far = line + 2 * step;
      CARDC_NO_UNROLL for (j = g->width; j > 0; j--, at += g->across, far += g->across) {
        const uint32_t weight = *w++;
        a0 += weight * at[0];
        a1 += weight * at[step];
        a2 += weight * far[0];
        a3 += weight * far[step];
      }
    }
  }
  STORE_BLOCK(sums);
  return w;
}

typedef const uint32_t *(*block_loop)(const geometry *, const uint32_t *, const uint8_t *, uint32_t, uint32_t *);

static block_loop loop_for(const geometry *g) {
  if (g->width == 3 && g->across == 1 && g->step <= 2) {
    return g->step == 1 ? wide3_step1 : wide3_step2;
  }
  return g->width == 1 && g->rows == 1 ? single : any;
}

/* One pixel, where there are fewer than four. */
LOOP sum_one(const geometry *g, const uint32_t *w, const uint8_t *line, uint32_t channels, uint32_t *sums) {
  uint32_t sum = 0, i, j;
  CARDC_NO_UNROLL for (; channels > 0; channels--, line += g->next) {
    for (i = g->rows; i > 0; i--, line += g->down) {
      const uint8_t *at = line;
      CARDC_NO_UNROLL for (j = g->width; j > 0; j--, at += g->across) {
        sum += *w++ * *at;
      }
    }
  }
  *sums = sum;
  return w;
}

/* low[], high[] = (or += , where it is not the `first` time) the two sums in each of `count` words. */
static void split(const uint32_t *sums, uint32_t count, uint32_t first, int32_t *low, int32_t *high) {
  if (first) {
    CARDC_NO_UNROLL for (; count > 0; count--) {
      const uint32_t sum = *sums++;
      const int32_t below = (int16_t)(uint16_t)sum;
      *low++ = below;
      *high++ = (int32_t)(sum - (uint32_t)below) >> 16;
    }
  } else {
    CARDC_NO_UNROLL for (; count > 0; count--) {
      const uint32_t sum = *sums++;
      const int32_t below = (int16_t)(uint16_t)sum;
      *low++ += below;
      *high++ += (int32_t)(sum - (uint32_t)below) >> 16;
    }
  }
}

/* low[], high[] = the sums of `n` pixels of a row for both channels, the first with its tap (0, 0, 0) at `from`; a channel
 * that is alone has all of the word, in low[]. */
static void sum_pixels(const CARDC_ROM cardc_conv_pairs_layer *layer, const geometry *g, block_loop loop,
                       const uint32_t *words, const uint8_t *from, uint32_t n, int32_t *low, int32_t *high) {
  const uint32_t depth = layer->depth, room = layer->room, count = n >= BLOCK ? BLOCK : 1;
  uint32_t sums[BLOCK], x, done, taken, left;
  if (n < BLOCK) {
    loop = sum_one;
  }
  for (done = 0; done < n; done = x + count) {
    const uint8_t *at;
    const uint32_t *w = words;
    x = n >= BLOCK && n - done < BLOCK ? n - BLOCK : done; /* the last block takes pixels of the one before along */
    at = from + x * g->step;
    if (room == 0) {
      (void)loop(g, w, at, depth, (uint32_t *)low + x);
      continue;
    }
    for (left = depth; left > 0; left -= taken, at += taken * layer->plane) {
      taken = left < room ? left : room;
      w = loop(g, w, at, taken, sums);
      split(sums, count, left == depth, low + x, high + x);
    }
  }
}

void cardc_conv_pairs(const CARDC_ROM cardc_conv_pairs_layer *layer, const CARDC_ROM cardc_finish *finish,
                      const uint8_t *src, void *dst, uint32_t *work) {
  const CARDC_ROM cardc_map *to = &layer->to;
  const uint32_t taps = (uint32_t)layer->depth * layer->kernel_height * layer->kernel_width;
  const CARDC_ROM uint8_t *weights = layer->weights;
  const uint8_t *group = src + layer->origin;
  int32_t low[CHUNK + BLOCK - 1], high[CHUNK + BLOCK - 1];
  uint32_t c, y, x, n, pair, left = layer->group_channels;
  block_loop loop;
  geometry g;
  g.rows = layer->kernel_height;
  g.width = layer->kernel_width;
  g.down = layer->row * layer->dilation_height;
  g.across = layer->dilation_width;
  g.next = (int32_t)layer->plane - (int32_t)(g.rows * g.down);
  g.step = layer->col_step;
  loop = loop_for(&g);
  for (c = 0; c < to->channels; c += pair, left -= pair) {
    if (left == 0) {
      left = layer->group_channels;
      group += layer->plane * layer->depth;
    }
    pair = left > 1 && layer->room > 0 ? 2 : 1;
    weights = unpack(weights, layer->room == 0 ? 1 : layer->bits, taps, work);
    for (y = 0; y < to->height; y++) {
      const uint8_t *from = group + y * layer->row_step;
      const uint32_t at = c * to->plane + y * to->row;
      for (x = 0; x < to->width; x += n, from += n * g.step) {
        n = to->width - x < CHUNK + BLOCK ? to->width - x : CHUNK;
        sum_pixels(layer, &g, loop, work, from, n, low, high);
        cardc_finish_row(finish, c, low, 1, 0, n, dst, at + x);
        if (pair == 2) {
          cardc_finish_row(finish, c + 1, high, 1, 0, n, dst, at + to->plane + x);
        }
      }
    }
  }
}
