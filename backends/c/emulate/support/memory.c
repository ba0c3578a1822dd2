/* memcpy and its like for a gcc that ships no C library (riscv64-unknown-elf-gcc on Debian). */
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* or memset becomes a call of memset */
#include <stddef.h>
#include <string.h>

void *memcpy(void *to, const void *from, size_t bytes)
{
    unsigned char *out = (unsigned char *)to;
    const unsigned char *in = (const unsigned char *)from;
    while (bytes-- > 0) {
        *out++ = *in++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *out = (unsigned char *)to;
    const unsigned char *in = (const unsigned char *)from;
    if (out <= in) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        out[bytes] = in[bytes];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    unsigned char *out = (unsigned char *)to;
    while (bytes-- > 0) {
        *out++ = (unsigned char)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *left = (const unsigned char *)a, *right = (const unsigned char *)b;
    for (; bytes-- > 0; left++, right++) {
        if (*left != *right) {
            return *left - *right;
        }
    }
    return 0;
}
