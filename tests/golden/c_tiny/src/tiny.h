/* tiny: a neural network in exact integer arithmetic, compiled by cardc.
 *
 * Input:  30 integers from 0 to 3, [channels, height, width] [1, 5, 6], last axis fastest.
 * Output: 3 integers from -48 to 48, [3], last axis fastest;
 *         the model's own output is 1.0 * integer + 0.0.
 */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#define TINY_IN 30 /* elements of the input */
#define TINY_OUT 3 /* elements of the output */
#define TINY_ARENA_BYTES 168 /* working memory */
#ifdef __AVR__ /* which reads bytes one by one */
#define TINY_ARENA_ALIGN 1
#else
#define TINY_ARENA_ALIGN 4 /* the arena's alignment in bytes */
#endif
#define TINY_IN_AT 109 /* where in the arena the input may begin, in bytes: see tiny_predict */
#define TINY_IN_LO (0)
#define TINY_IN_HI 3
#define TINY_IN_SCALE 1.0 /* what one unit of the input is worth */
#define TINY_OUT_SCALE 1.0 /* what one unit of the output is worth */
#define TINY_OUT_OFFSET 0.0

#define TINY_OK 0
#define TINY_ERROR_NULL 1 /* a pointer is NULL */
#define TINY_ERROR_ALIGN 2 /* the arena is not aligned */

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the network once.
 *
 * `in`     TINY_IN quantised integers, in the order above, left as they are; one beyond TINY_IN_LO to TINY_IN_HI
 *          counts as the nearest end.
 * `out`    TINY_OUT integers, in the order above. It lies outside of `in` and `arena`.
 * `arena`  TINY_ARENA_BYTES bytes of working memory, aligned to TINY_ARENA_ALIGN. They need not be initialised
 *          and hold nothing for the next call: between calls they are yours.
 *
 * `in` may lie in the arena: `(int8_t *)arena + TINY_IN_AT`. Then it takes no memory of its own, and each
 * call overwrites it. Nowhere else may the two overlap.
 *
 * Returns TINY_OK; TINY_ERROR_NULL where a pointer is NULL; TINY_ERROR_ALIGN where the arena is not aligned.
 * With an error nothing is written. The function keeps no state: calls with different `out` and `arena` may run
 * at the same time, in threads and interrupts.
 */
int tiny_predict(const int8_t in[TINY_IN], int16_t out[TINY_OUT], void *arena);

/* The index, from 0 to TINY_OUT - 1, of the largest of the TINY_OUT outputs in `out`; the lowest one where
 * several are largest. `out` is not NULL.
 */
int tiny_argmax(const int16_t out[TINY_OUT]);

/* The model's own input quantiser, exactly: real numbers as the model was trained on them, in the order of
 * the input, to the integers that tiny_predict takes. What is not a number counts as the lowest. The two
 * do not overlap and are not NULL. It is linked only where it is used.
 */
void tiny_quantize(const float in[TINY_IN], int8_t out[TINY_IN]);

#ifdef __cplusplus
}
#endif

#endif
