/* What a self-test prints on an emulated AVR: kept where avr_selftest.py reads it. */
#include <stdint.h>
#include <stdio.h>

enum { ROOM = 128 };
char cardc_printed[ROOM];

static void put(char c)
{
    static uint8_t at;
    if (at < ROOM - 1) {
        cardc_printed[at++] = c;
    }
}

int puts(const char *text)
{
    while (*text != 0) {
        put(*text++);
    }
    put('\n');
    return 0;
}
