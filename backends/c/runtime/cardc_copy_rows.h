/* Copies of rows of bytes to where words can be added: what cardc_conv_runs begins with. */
#ifndef CARDC_COPY_ROWS_H
#define CARDC_COPY_ROWS_H

#include "cardc_conv_runs.h"
#include "cardc_runs.h"

/* A word that was written as bytes. */
static inline uint32_t cardc_load_word(const uint32_t *at) {
  uint32_t word;
  CARDC_MEMCPY(&word, at, sizeof word);
  return word;
}

#if CARDC_ASSEMBLY
/* Four words: one load and one store from a word's address, four loads from any. */
#define CARDC_MOVE_WORDS(TO, AT) \
  __asm__ volatile("ldmia %0!, {r2-r5}\n stmia %1!, {r2-r5}" : "+l"(AT), "+l"(TO) : : "r2", "r3", "r4", "r5", "memory")
#define CARDC_MOVE_BYTES(TO, AT)                                                                                 \
  __asm__ volatile("ldr r2, [%0]\n ldr r3, [%0, #4]\n ldr r4, [%0, #8]\n ldr r5, [%0, #12]\n stmia %1!, {r2-r5}"  \
                   : "+l"(AT), "+l"(TO) : : "r2", "r3", "r4", "r5", "memory");                                   \
  AT += 16
#else
#define CARDC_MOVE_WORDS(TO, AT) CARDC_MEMCPY(TO, AT, 16), AT += 4, TO += 4
#define CARDC_MOVE_BYTES(TO, AT) CARDC_MEMCPY(TO, AT, 16), AT += 16, TO += 4
#endif

/* Two words that begin `right` bits into `low` and the words at AT. */
#if CARDC_ASSEMBLY
#define CARDC_SHIFT_WORDS(TO, AT, LOW, RIGHT, ABOVE)                                                            \
  do {                                                                                                         \
    uint32_t next, part;                                                                                       \
    __asm__ volatile(                                                                                          \
        ".syntax unified\n"                                                                                    \
        "ldmia %0!, {%3}\n lsrs %2, %2, %5\n movs %4, %3\n lsls %4, %4, %6\n orrs %2, %2, %4\n stmia %1!, {%2}\n" \
        "ldmia %0!, {%2}\n lsrs %3, %3, %5\n movs %4, %2\n lsls %4, %4, %6\n orrs %3, %3, %4\n stmia %1!, {%3}\n" \
        : "+l"(AT), "+l"(TO), "+l"(LOW), "=&l"(next), "=&l"(part)                                              \
        : "l"(RIGHT), "l"(ABOVE)                                                                               \
        : "cc", "memory");                                                                                     \
  } while (0)
#else
#define CARDC_SHIFT_WORDS(TO, AT, LOW, RIGHT, ABOVE)     \
  do {                                                   \
    const uint32_t next = cardc_load_word(AT), high = cardc_load_word(AT + 1);           \
    TO[0] = (LOW >> (RIGHT)) | (next << (ABOVE));        \
    TO[1] = (next >> (RIGHT)) | (high << (ABOVE));       \
    LOW = high, AT += 2, TO += 2;                        \
  } while (0)
#endif

/* `words` words of each of `rows` rows, which lie `step` apart and begin on a word. */
static CARDC_NOINLINE uint32_t *cardc_copy_words(uint32_t *to, const uint8_t *from, uint32_t words, uint32_t rows,
                                                 uint32_t step) {
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += step) {
    const uint32_t *at = (const uint32_t *)(const void *)from;
    uint32_t left = words / 4;
    CARDC_NO_UNROLL for (; left > 0; left--) { CARDC_MOVE_WORDS(to, at); }
    CARDC_NO_UNROLL for (left = words & 3u; left > 0; left--) { *to++ = cardc_load_word(at++); }
  }
  return to;
}

/* The same from any address. */
static CARDC_NOINLINE uint32_t *cardc_copy_bytes(uint32_t *to, const uint8_t *from, uint32_t words, uint32_t rows,
                                                 uint32_t step) {
#if CARDC_UNALIGNED
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += step) {
    const uint8_t *at = from;
    uint32_t left = words / 4;
    CARDC_NO_UNROLL for (; left > 0; left--) { CARDC_MOVE_BYTES(to, at); }
    CARDC_NO_UNROLL for (left = words & 3u; left > 0; left--, at += 4) { CARDC_MEMCPY(to++, at, 4); }
  }
#else
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += step) {
    const uint32_t residue = (uintptr_t)from & 3u, right = 8 * residue, above = 32 - right;
    const uint32_t *at = (const uint32_t *)(const void *)(from - residue);
    uint32_t left = words, low = cardc_load_word(at++);
    CARDC_NO_UNROLL for (; left >= 2; left -= 2) { CARDC_SHIFT_WORDS(to, at, low, right, above); }
    if (left > 0) {
      *to++ = (low >> right) | (cardc_load_word(at) << above);
    }
  }
#endif
  return to;
}

/* Words of four bytes that lie `across` apart. */
static CARDC_NOINLINE uint32_t *cardc_copy_steps(uint32_t *to, const uint8_t *from, uint32_t words, uint32_t across) {
  CARDC_NO_UNROLL for (; words > 0; words--, from += 4 * across) {
    const uint32_t a = from[0], b = from[across], c = from[2 * across], d = from[3 * across];
    *to++ = a | b << 8 | c << 16 | d << 24;
  }
  return to;
}

/* The same in 16 bits each, in the order 0, 2, 1, 3. */
static CARDC_NOINLINE uint32_t *cardc_copy_halves(uint32_t *to, const uint8_t *from, uint32_t words, uint32_t across) {
  CARDC_NO_UNROLL for (; words > 0; words--, from += 4 * across) {
    const uint32_t a = from[0], b = from[across], c = from[2 * across], d = from[3 * across];
    *to++ = a | c << 16;
    *to++ = b | d << 16;
  }
  return to;
}

/* One copy: `rows` rows. */
static inline uint32_t *cardc_copy_rows_of(const CARDC_ROM cardc_conv_runs_layer *layer, uint32_t *to,
                                           const uint8_t *from, uint32_t rows) {
  const uint32_t words = layer->pitch / 4u, step = layer->row_step, across = layer->col_step;
  if (layer->lane == 1 && across == 1) {
    return (((uintptr_t)from | step) & 3u) == 0 ? cardc_copy_words(to, from, words, rows, step)
                                                : cardc_copy_bytes(to, from, words, rows, step);
  }
  CARDC_NO_UNROLL for (; rows > 0; rows--, from += step) {
    to = layer->lane == 2 ? cardc_copy_halves(to, from, words, across) : cardc_copy_steps(to, from, words, across);
  }
  return to;
}

/* All copies for a band of `rows` output rows, the first of which reads from `src` on. Copies always have room for a whole
 * band. */
static CARDC_NOINLINE void cardc_copy_band(const CARDC_ROM cardc_conv_runs_layer *layer, const uint8_t *src,
                                           uint32_t rows, uint32_t *to) {
  const uint32_t words = layer->pitch / 4u, missing = (layer->rows - rows) * words * layer->lane;
  uint32_t c, k;
  for (c = layer->in_channels; c > 0; c--, src += layer->plane) {
    CARDC_NO_UNROLL for (k = 0; k < layer->copies_of; k++) {
      to = cardc_copy_rows_of(layer, to, src + layer->copies[2 * k], rows + layer->copies[2 * k + 1]);
      to += missing;
    }
  }
}

#endif
