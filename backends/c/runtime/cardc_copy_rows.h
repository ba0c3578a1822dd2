/* Copies of rows of bytes to where words can be added: what cardc_conv_runs begins with. */
#ifndef CARDC_COPY_ROWS_H
#define CARDC_COPY_ROWS_H

#include "cardc_conv_runs.h"
#include "cardc_line.h"
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
                   : "+r"(AT), "+r"(TO) : : "r2", "r3", "r4", "r5", "memory")
#else
#define CARDC_MOVE_WORDS(TO, AT) CARDC_MEMCPY(TO, AT, 16), AT += 4, TO += 4
#define CARDC_MOVE_BYTES(TO, AT) CARDC_MEMCPY(TO, AT, 16), TO += 4
#endif

/* Two words that begin `right` bits into `low` and the words at AT. */
#define CARDC_SHIFT_WORDS(TO, AT, LOW, RIGHT, ABOVE)                            \
  do {                                                                          \
    const uint32_t next = cardc_load_word(AT), high = cardc_load_word(AT + 1);  \
    TO[0] = (LOW >> (RIGHT)) | (next << (ABOVE));                               \
    TO[1] = (next >> (RIGHT)) | (high << (ABOVE));                              \
    LOW = high, AT += 2, TO += 2;                                               \
  } while (0)

#if CARDC_ASSEMBLY && !CARDC_UNALIGNED
/* Rows of `bytes` bytes, 16 or a multiple of it, from RIGHT / 8 bytes behind the words at `from`, to `to` .. `end`;
 * `skip` lies between them. r0 to, r1 from, r2-r7 data, r8 end, r9 skip, r10 bytes, r11 where the row ends. */
#define CARDC_SHIFT_ROWS(NAME, RIGHT, ABOVE)                                                                          \
  CARDC_NAKED void NAME(CARDC_UNUSED uint32_t *to, CARDC_UNUSED const uint8_t *from, CARDC_UNUSED const uint32_t *end,  \
                        CARDC_UNUSED uint32_t skip, CARDC_UNUSED uint32_t bytes) {                                    \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"                    \
        "mov r8, r2\n mov r9, r3\n ldr r4, [sp, #36]\n mov r10, r4\n"                                               \
        "1:\n mov r11, r1\n add r11, r10\n"                                                                         \
        "2:\n ldmia r1!, {r2-r5}\n ldr r6, [r1]\n"                                                                  \
        "lsrs r2, r2, #" RIGHT "\n lsls r7, r3, #" ABOVE "\n orrs r2, r2, r7\n"                                      \
        "lsrs r3, r3, #" RIGHT "\n lsls r7, r4, #" ABOVE "\n orrs r3, r3, r7\n"                                      \
        "lsrs r4, r4, #" RIGHT "\n lsls r7, r5, #" ABOVE "\n orrs r4, r4, r7\n"                                      \
        "lsrs r5, r5, #" RIGHT "\n lsls r6, r6, #" ABOVE "\n orrs r5, r5, r6\n"                                      \
        "stmia r0!, {r2-r5}\n cmp r1, r11\n bne 2b\n"                                                               \
        "add r1, r9\n cmp r0, r8\n bne 1b\n"                                                                        \
        "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r4-r7, pc}\n");                   \
  }
CARDC_SHIFT_ROWS(cardc_shift_rows8, "8", "24")
CARDC_SHIFT_ROWS(cardc_shift_rows16, "16", "16")
CARDC_SHIFT_ROWS(cardc_shift_rows24, "24", "8")
#endif

/* One of the copies, of all input channels: `rows` rows of `words` words of four pixels each. Pixels lie `across` apart,
 * rows `step`, channels `plane`; copies of a channel begin `next` words behind those of the one before. */
typedef struct cardc_copy_job {
  uint32_t channels, rows, words, step, plane, across, next;
} cardc_copy_job;

/* Rows that begin on a word. */
static CARDC_NOINLINE void cardc_copy_words(const cardc_copy_job *job, uint32_t *begin, const uint8_t *src) {
  const uint32_t words = job->words;
  const int32_t skip = (int32_t)(job->step / 4 - words); /* below 0 where rows share their borders */
  uint32_t c, rows, left;
  CARDC_NO_UNROLL for (c = job->channels; c > 0; c--, begin += job->next, src += job->plane) {
    const uint32_t *at = (const uint32_t *)(const void *)src;
    uint32_t *to = begin;
    rows = job->rows;
    if (words == 4) { /* the loop below, without what it spends on its ends */
      CARDC_NO_UNROLL for (; rows > 0; rows--, at += skip) { CARDC_MOVE_WORDS(to, at); }
    } else if (words == 2) {
      CARDC_NO_UNROLL for (; rows > 0; rows--, at += skip + 2, to += 2) {
        to[0] = cardc_load_word(at), to[1] = cardc_load_word(at + 1);
      }
    }
    CARDC_NO_UNROLL for (; rows > 0; rows--, at += skip) {
      CARDC_NO_UNROLL for (left = words; left >= 4; left -= 4) { CARDC_MOVE_WORDS(to, at); }
      CARDC_NO_UNROLL for (; left > 0; left--) { *to++ = cardc_load_word(at++); }
    }
  }
}

#if CARDC_UNALIGNED
/* The same from any address. */
static CARDC_NOINLINE void cardc_copy_bytes(const cardc_copy_job *job, uint32_t *begin, const uint8_t *src) {
  const uint32_t words = job->words, step = job->step;
  uint32_t c, rows, left;
  CARDC_NO_UNROLL for (c = job->channels; c > 0; c--, begin += job->next, src += job->plane) {
    const uint8_t *from = src, *at;
    uint32_t *to = begin;
    rows = job->rows;
    if (words == 4) {
      CARDC_NO_UNROLL for (; rows >= 2; rows -= 2, from += step) {
        CARDC_MOVE_BYTES(to, from);
        from += step;
        CARDC_MOVE_BYTES(to, from);
      }
    }
    if (words == 2) {
      CARDC_NO_UNROLL for (; rows > 0; rows--, from += step, to += 2) { CARDC_MEMCPY(to, from, 8); }
    }
    CARDC_NO_UNROLL for (; rows > 0; rows--, from += step) {
      at = from;
      CARDC_NO_UNROLL for (left = words; left >= 4; left -= 4, at += 16) { CARDC_MOVE_BYTES(to, at); }
      CARDC_NO_UNROLL for (; left > 0; left--, at += 4) { CARDC_MEMCPY(to++, at, 4); }
    }
  }
}
#else
/* `right` bits behind the words at `from`. */
static inline void cardc_shift_rows(const cardc_copy_job *job, uint32_t *to, const uint8_t *from, uint32_t right) {
  const uint32_t above = 32 - right;
  uint32_t rows;
  CARDC_NO_UNROLL for (rows = job->rows; rows > 0; rows--, from += job->step) {
    const uint32_t *at = (const uint32_t *)(const void *)from;
    uint32_t left = job->words, low = cardc_load_word(at++);
    CARDC_NO_UNROLL for (; left >= 2; left -= 2) { CARDC_SHIFT_WORDS(to, at, low, right, above); }
    if (left > 0) {
      *to++ = (low >> right) | (cardc_load_word(at) << above);
    }
  }
}

static CARDC_NOINLINE void cardc_copy_bytes(const cardc_copy_job *job, uint32_t *to, const uint8_t *src) {
  const uint32_t residue = (uintptr_t)src & 3u;
  uint32_t c;
  src -= residue;
  CARDC_NO_UNROLL for (c = job->channels; c > 0; c--, to += job->next, src += job->plane) {
#if CARDC_ASSEMBLY
    if (job->words % 4 == 0) {
      const uint32_t bytes = 4 * job->words, skip = job->step - bytes, *end = to + job->rows * job->words;
      if (residue == 1) {
        cardc_shift_rows8(to, src, end, skip, bytes);
      } else if (residue == 2) {
        cardc_shift_rows16(to, src, end, skip, bytes);
      } else {
        cardc_shift_rows24(to, src, end, skip, bytes);
      }
      continue;
    }
#endif
    cardc_shift_rows(job, to, src, 8 * residue);
  }
}
#endif

/* Four bytes that lie `across` apart, as a word. */
static inline uint32_t cardc_collect(const uint8_t *from, uint32_t across) {
  const uint32_t a = from[0], b = from[across], c = from[2 * across], d = from[3 * across];
  return a | b << 8 | c << 16 | d << 24;
}
#if CARDC_UNALIGNED && !defined(__AVR__)
/* The same for bytes 0, 2, 4, 6. Reads byte 7. */
static inline uint32_t cardc_collect_even(const uint8_t *from) {
  uint32_t low, high;
  CARDC_MEMCPY(&low, from, 4);
  CARDC_MEMCPY(&high, from + 4, 4);
  low = cardc_even(low), high = cardc_even(high);
  low |= low >> 8, high |= high >> 8;
  return (low & 0xffffu) | high << 16;
}
#endif

/* Words of four bytes that lie `across` apart. */
static CARDC_NOINLINE void cardc_copy_steps(const cardc_copy_job *job, uint32_t *begin, const uint8_t *src) {
  const uint32_t across = job->across;
  uint32_t c, rows, left;
  CARDC_NO_UNROLL for (c = job->channels; c > 0; c--, begin += job->next, src += job->plane) {
    const uint8_t *from = src, *at;
    uint32_t *to = begin;
    CARDC_NO_UNROLL for (rows = job->rows; rows > 0; rows--, from += job->step) {
      at = from, left = job->words;
#if CARDC_UNALIGNED && !defined(__AVR__)
      if (across == 2) {
        CARDC_NO_UNROLL for (; left > 0; left--, at += 8) { *to++ = cardc_collect_even(at); }
        continue;
      }
#endif
      CARDC_NO_UNROLL for (; left > 0; left--, at += 4 * across) { *to++ = cardc_collect(at, across); }
    }
  }
}

/* The same in 16 bits each, in the order 0, 2, 1, 3. */
static CARDC_NOINLINE void cardc_copy_halves(const cardc_copy_job *job, uint32_t *begin, const uint8_t *src) {
  const uint32_t across = job->across;
  uint32_t c, rows, left;
  CARDC_NO_UNROLL for (c = job->channels; c > 0; c--, begin += job->next, src += job->plane) {
    const uint8_t *from = src, *at;
    uint32_t *to = begin;
    CARDC_NO_UNROLL for (rows = job->rows; rows > 0; rows--, from += job->step) {
      at = from, left = job->words;
#if CARDC_UNALIGNED && !defined(__AVR__)
      if (across == 1) {
        CARDC_NO_UNROLL for (; left > 0; left--, at += 4, to += 2) {
          uint32_t word;
          CARDC_MEMCPY(&word, at, 4);
          to[0] = cardc_even(word), to[1] = cardc_odd(word);
        }
        continue;
      }
#endif
      CARDC_NO_UNROLL for (; left > 0; left--, at += 4 * across, to += 2) {
        to[0] = at[0] | (uint32_t)at[2 * across] << 16;
        to[1] = at[across] | (uint32_t)at[3 * across] << 16;
      }
    }
  }
}

/* Gives the border to the pixels of a copy that `pads` say, of rows of `width` pixels. */
static CARDC_NOINLINE void cardc_pad_copies(const cardc_copy_job *job, uint32_t *begin, uint32_t width, uint32_t lane,
                                            uint32_t pads) {
  const uint32_t before = pads & 0xffu, pitch = 4 * job->words * lane;
  const uint8_t border = (uint8_t)(pads >> 16);
  uint32_t x, c, r;
  for (x = before > 0 ? 0 : width - (pads >> 8 & 0xffu); x < width; x++) {
    uint8_t *channel = (uint8_t *)begin + (lane == 2 ? 2 * (x & ~3u) + 4 * (x & 1u) + (x & 2u) : x);
    CARDC_NO_UNROLL for (c = job->channels; c > 0; c--, channel += 4 * job->next) {
      uint8_t *at = channel;
      CARDC_NO_UNROLL for (r = job->rows; r > 0; r--, at += pitch) { *at = border; }
    }
    if (x + 1 == before) {
      x = width - (pads >> 8 & 0xffu) - 1;
    }
  }
}

/* All copies for a band of `rows` output rows, the first of which reads from `src` on. Copies always have room for a whole
 * band. */
static CARDC_NOINLINE void cardc_copy_band(const CARDC_ROM cardc_conv_runs_layer *layer, const uint8_t *src, uint32_t rows, uint32_t *to) {
  const uint32_t words = layer->pitch / 4u;
  cardc_copy_job job;
  uint32_t k;
  job.channels = layer->in_channels, job.words = words, job.step = layer->row_step, job.plane = layer->plane;
  job.across = layer->col_step, job.next = 0;
  CARDC_NO_UNROLL for (k = 0; k < layer->copies_of; k++) {
    job.next += (layer->rows + layer->copies[3 * k + 1]) * words * layer->lane;
  }
  CARDC_NO_UNROLL for (k = 0; k < layer->copies_of; k++) {
    const uint8_t *from = src + layer->copies[3 * k];
    const uint32_t beyond = layer->copies[3 * k + 1], pads = layer->copies[3 * k + 2];
    job.rows = rows + beyond;
    if (layer->lane == 2) {
      cardc_copy_halves(&job, to, from);
    } else if (job.across > 1 || (!CARDC_UNALIGNED && ((job.step | job.plane) & 3u))) {
      cardc_copy_steps(&job, to, from);
    } else if (((uintptr_t)from | job.step | job.plane) & 3u) {
      cardc_copy_bytes(&job, to, from);
    } else {
      cardc_copy_words(&job, to, from);
    }
    if (pads != 0) {
      cardc_pad_copies(&job, to, layer->to.width, layer->lane, pads);
    }
    to += (layer->rows + beyond) * words * layer->lane;
  }
}

#endif
