#include "cardc_rows.h"

/* Words at any address where the core loads such in one instruction; rows of any length are moved by them. */
#define ANY_ROW (CARDC_UNALIGNED && !CARDC_SMALL)
#if ANY_ROW
#define WORD(P) (P)
#else
#define WORD(P) __builtin_assume_aligned(P, 4)
#endif

/* Moves `bytes` bytes to an address before theirs. */
static void move_words(uint8_t *to, const uint8_t *from, uint32_t bytes) {
  CARDC_NO_UNROLL for (; bytes >= 16; bytes -= 16, to += 16, from += 16) {
    uint32_t a, b, c, d;
    CARDC_MEMCPY(&a, WORD(from), 4);
    CARDC_MEMCPY(&b, WORD(from + 4), 4);
    CARDC_MEMCPY(&c, WORD(from + 8), 4);
    CARDC_MEMCPY(&d, WORD(from + 12), 4);
    CARDC_MEMCPY(WORD(to), &a, 4);
    CARDC_MEMCPY(WORD(to + 4), &b, 4);
    CARDC_MEMCPY(WORD(to + 8), &c, 4);
    CARDC_MEMCPY(WORD(to + 12), &d, 4);
  }
  CARDC_NO_UNROLL for (; bytes >= 4; bytes -= 4, to += 4, from += 4) {
    uint32_t a;
    CARDC_MEMCPY(&a, WORD(from), 4);
    CARDC_MEMCPY(WORD(to), &a, 4);
  }
  CARDC_NO_UNROLL for (; bytes > 0; bytes--) { *to++ = *from++; }
}

void cardc_fill_rows(uint8_t *at, uint32_t bytes, uint8_t border) {
  const uint32_t word = border * 0x01010101u;
  CARDC_NO_UNROLL for (; bytes >= 16; bytes -= 16, at += 16) {
    CARDC_MEMCPY(__builtin_assume_aligned(at, 4), &word, 4);
    CARDC_MEMCPY(__builtin_assume_aligned(at + 4, 4), &word, 4);
    CARDC_MEMCPY(__builtin_assume_aligned(at + 8, 4), &word, 4);
    CARDC_MEMCPY(__builtin_assume_aligned(at + 12, 4), &word, 4);
  }
  CARDC_NO_UNROLL for (; bytes > 0; bytes -= 4, at += 4) { CARDC_MEMCPY(__builtin_assume_aligned(at, 4), &word, 4); }
}

int cardc_next_rows(const CARDC_ROM cardc_strip *strip, uint8_t *arena, int32_t row) {
  const uint32_t added = (uint32_t)strip->rows * strip->row, kept = strip->plane - added;
  uint8_t *at = arena + strip->at;
  uint32_t c;
  if (row == strip->first) {
    cardc_fill_rows(at, strip->size, strip->border);
  }
  for (c = strip->channels; c > 0; c--, at += strip->plane) {
    if (ANY_ROW || (strip->row & 3) == 0) {
      move_words(at, at + added, kept);
    } else {
      memmove(at, at + added, (size_t)kept);
    }
  }
  if (row > -(int32_t)strip->rows && row < (int32_t)strip->height) {
    return 1;
  }
  cardc_end_rows(strip, arena, row);
  return 0;
}

void cardc_end_rows(const CARDC_ROM cardc_strip *strip, uint8_t *arena, int32_t row) {
  uint8_t *plane = arena + strip->at + (uint32_t)(strip->lines - strip->rows) * strip->row;
  uint32_t c, y;
  for (y = strip->rows; y > 0; y--, row++, plane += strip->row) {
    uint8_t *at = plane;
    if (row >= 0 && row < (int32_t)strip->height) {
      continue;
    }
    for (c = strip->channels; c > 0; c--, at += strip->plane) {
      memset(at, strip->border, strip->row);
    }
  }
}
