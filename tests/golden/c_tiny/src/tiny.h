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

/* Runs the network once. `arena` is working memory of the size and alignment above; it need not be initialised
 * and keeps nothing from one call to the next. Input beyond its range counts as its nearest end. Returns
 * TINY_OK or an error, and then `out` is untouched. Calls with different arenas may run at the same time.
 */
int tiny_predict(const int8_t in[TINY_IN], int16_t out[TINY_OUT], void *arena);

/* The index of the largest output, the lowest one where several are largest. */
int tiny_argmax(const int16_t out[TINY_OUT]);

/* The model's own input quantiser: real numbers, as the model was trained on them, to the integers that
 * tiny_predict takes, exactly. It is linked only if it is used.
 */
void tiny_quantize(const float in[TINY_IN], int8_t out[TINY_IN]);

#ifdef __cplusplus
}
#endif

#endif
