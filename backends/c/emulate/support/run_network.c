/* Runs a network on an emulated board over the inputs in the file "in", and writes results (and, where asked for, the
 * storage of every tensor) to the file "out": a byte that says whether to trace, then inputs until the file ends.
 * run_network.h comes from qemu_network.py: the types CARDC_IN and CARDC_OUT, how many CARDC_INS and CARDC_OUTS there are,
 * in bytes CARDC_ARENA, CARDC_SEEN and CARDC_STACK, and the calls CARDC_RUN and CARDC_TRACE. */
#include "run_network.h"
#include "semihost.h"

enum { READ = 1, WRITE = 5, PATTERN = 0x5A, NEAR = 256, GUARD = 8 };

/* Memory that the network is given, with words around it that it must not touch: qemu_watch.py knows them. */
#define GUARDED(TYPE, NAME, COUNT)    \
    static struct {                   \
        uint32_t before[GUARD];       \
        TYPE data[COUNT];             \
        uint32_t behind[GUARD];       \
    } cardc_##NAME;                   \
    static TYPE *const NAME = cardc_##NAME.data

GUARDED(CARDC_IN, in, CARDC_INS);
GUARDED(CARDC_OUT, out, CARDC_OUTS);
GUARDED(uint32_t, arena, (CARDC_ARENA + 3) / 4);
GUARDED(uint8_t, seen, CARDC_SEEN + 1);

/* What is left undone, as semihosting counts. */
static uint32_t transfer(uint32_t operation, uint32_t handle, void *data, uint32_t size)
{
    uint32_t block[3];
    block[0] = handle;
    block[1] = (uint32_t)(uintptr_t)data;
    block[2] = size;
    return cardc_semihost(operation, block);
}

/* Paints the stack from CARDC_STACK bytes below `top` up to nearly here; what is overwritten later was used. */
__attribute__((noinline)) static void paint(volatile uint8_t *top)
{
    uint32_t i;
    for (i = NEAR; i < CARDC_STACK; i++) {
        top[-(int32_t)i] = PATTERN;
    }
}

/* How far below `top` the paint is gone. */
__attribute__((noinline)) static uint32_t depth(const volatile uint8_t *top)
{
    uint32_t i = CARDC_STACK - 1;
    while (i >= NEAR && top[-(int32_t)i] == PATTERN) {
        i--;
    }
    return i;
}

int main(void)
{
    uint32_t from = cardc_open("in", 2, READ), to = cardc_open("out", 3, WRITE), i;
    volatile uint8_t *top = (volatile uint8_t *)__builtin_frame_address(0);
    uint8_t trace;
    if (from == UINT32_MAX || to == UINT32_MAX || transfer(CARDC_SYS_READ, from, &trace, 1) != 0) {
        return 100;
    }
    while (transfer(CARDC_SYS_READ, from, in, sizeof cardc_in.data) == 0) {
        uint32_t error, stack;
        for (i = 0; i < sizeof cardc_arena.data / 4; i++) {
            arena[i] = 0xA5A5A5A5u; /* garbage: a network must not rely on what it did not write */
        }
        paint(top);
        error = (uint32_t)(trace ? CARDC_TRACE : CARDC_RUN);
        stack = depth(top);
        if (error != 0) {
            return (int)error;
        }
        if (transfer(CARDC_SYS_WRITE, to, &stack, 4) != 0 || transfer(CARDC_SYS_WRITE, to, out, sizeof cardc_out.data) != 0 ||
            (trace && transfer(CARDC_SYS_WRITE, to, seen, CARDC_SEEN) != 0)) {
            return 101;
        }
    }
    return 0;
}
