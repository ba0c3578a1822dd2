/* The part of <stdio.h> that self-tests use, for compilers that ship no C library; start_*.c holds the code. */
#ifndef CARDC_STDIO_H
#define CARDC_STDIO_H
#ifdef __cplusplus
extern "C" {
#endif
int puts(const char *text);
#ifdef __cplusplus
}
#endif
#endif
