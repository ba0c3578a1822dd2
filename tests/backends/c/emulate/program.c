/* Small functions with known results, for every core. */
#include <stdint.h>
#include <string.h>

typedef struct {
    int32_t a, b, c;
    int8_t d;
} quad;

static const int8_t table[8] = {1, -2, 3, -4, 5, -6, 7, -8};
static int32_t seeded = 1000;
static int32_t zeroed;

int32_t sum(const int8_t *values, int32_t count);
int32_t copy_table(int8_t *out);
int32_t use_struct(int32_t a, int32_t b, int32_t c, int32_t d);
int32_t many(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g, int32_t h, int32_t i,
             int32_t j);
uint64_t multiply(uint32_t a, uint32_t b);
int32_t divide(int32_t a, int32_t b);
uint32_t bits(uint32_t a);
int32_t deep(int32_t levels);
int32_t globals(void);
uint32_t load_word(const uint8_t *at);
void spin(void);
int32_t phases(int32_t *out, int32_t count);
void drain(volatile int32_t *left);

int32_t sum(const int8_t *values, int32_t count)
{
    int32_t total = 0, i;
    for (i = 0; i < count; i++) {
        total += values[i];
    }
    return total;
}

int32_t copy_table(int8_t *out)
{
    memcpy(out, table, sizeof table);
    return sum(out, 8);
}

static __attribute__((noinline)) int32_t total_of(quad q)
{
    return q.a + q.b + q.c + q.d;
}

int32_t use_struct(int32_t a, int32_t b, int32_t c, int32_t d)
{
    quad q;
    q.a = a;
    q.b = b;
    q.c = c;
    q.d = (int8_t)d;
    return total_of(q);
}

int32_t many(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g, int32_t h, int32_t i,
             int32_t j)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}

uint64_t multiply(uint32_t a, uint32_t b)
{
    return (uint64_t)a * b;
}

int32_t divide(int32_t a, int32_t b)
{
    return a / b;
}

uint32_t bits(uint32_t a)
{
    return (uint32_t)__builtin_popcount(a);
}

static __attribute__((noinline)) int32_t touch(volatile uint8_t *frame, int32_t levels)
{
    frame[0] = (uint8_t)levels;
    return frame[0];
}

int32_t deep(int32_t levels)
{
    volatile uint8_t frame[1024];
    return touch(frame, levels) + (levels > 1 ? deep(levels - 1) : 0) + frame[0];
}

int32_t globals(void)
{
    zeroed += 1;
    seeded += 1;
    return seeded + zeroed;
}

uint32_t load_word(const uint8_t *at)
{
    return *(const uint32_t *)(const void *)at;
}

void spin(void)
{
    for (;;) {
        zeroed++;
        __asm__ volatile("");
    }
}

static __attribute__((noinline)) void first(int32_t *out, int32_t count)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        out[i] = i + (i << 1); /* no multiply: not every core has one, and then its time depends on i */
        __asm__ volatile("");
    }
}

static __attribute__((noinline)) int32_t second(const int32_t *in, int32_t count)
{
    int32_t i, total = 0;
    for (i = 0; i < count; i++) {
        total += in[i];
        __asm__ volatile("");
    }
    return total;
}

int32_t phases(int32_t *out, int32_t count)
{
    first(out, count);
    return second(out, count) + second(out, count);
}

/* its loop begins at its first instruction */
#if defined(__thumb__)
__attribute__((naked)) void drain(volatile int32_t *left)
{
    __asm__ volatile("1: ldr r1, [r0]\n subs r1, #1\n str r1, [r0]\n bne 1b\n bx lr");
}
#elif defined(__riscv)
__attribute__((naked)) void drain(volatile int32_t *left)
{
    __asm__ volatile("1: lw a1, 0(a0)\n addi a1, a1, -1\n sw a1, 0(a0)\n bnez a1, 1b\n ret");
}
#else
void drain(volatile int32_t *left)
{
    do {
        *left = *left - 1;
    } while (*left > 0);
}
#endif
