/* Runs tiny on one input over and over, and prints the class and the time that it took. */
#include <stdio.h>

#include "pico/stdlib.h"
#include "tiny.h"

static int8_t input[TINY_IN]; /* fill it with your sensor's data, quantised as tiny.h says */
static int16_t output[TINY_OUT];
static uint32_t arena[(TINY_ARENA_BYTES + 3) / 4];

int main(void)
{
    stdio_init_all();
    for (;;) {
        const uint64_t start = time_us_64();
        const int error = tiny_predict(input, output, arena);
        const uint64_t end = time_us_64();
        if (error != TINY_OK) {
            printf("error %d\n", error);
        } else {
            printf("class %d in %lu us\n", tiny_argmax(output), (unsigned long)(end - start));
        }
        sleep_ms(1000);
    }
}
