/* Calls functions of the program for qemu_machine.py, which sends requests through the file "in" (a pipe) and reads
 * answers from "out". A request is four words: what to do, an address, a size or count, and one more. */
#include "semihost.h"

enum { FETCH = 1, STORE = 2, CALL = 3, REGION = 4, ARGUMENTS = 8, REGIONS = 16 };
typedef uint32_t function(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f, uint32_t g, uint32_t h);

static uint32_t from, to, region_count;
static uint32_t starts[REGIONS], ends[REGIONS];

/* All of `size` bytes, in as many pieces as the pipe gives; ends the program with its other end. */
static void transfer(uint32_t operation, uint32_t handle, uint32_t address, uint32_t size)
{
    while (size > 0) {
        uint32_t block[3], left;
        block[0] = handle;
        block[1] = address;
        block[2] = size;
        left = cardc_semihost(operation, block);
        if (left >= size) {
            cardc_leave(0);
        }
        address += size - left, size = left;
    }
}

#if defined(__arm__)
/* What is in no region faults: the memory protection unit of Armv8-M. */
static void protect(uint32_t on)
{
    volatile uint32_t *mpu = (volatile uint32_t *)0xE000ED90u; /* TYPE, CTRL, RNR, RBAR, RLAR */
    uint32_t k;
    mpu[1] = 0;
    mpu[12] = 0xFFu; /* MAIR0: attribute 0 is normal memory */
    for (k = 0; on && k < REGIONS; k++) {
        mpu[2] = k;
        mpu[3] = k < region_count ? starts[k] : 0;
        mpu[4] = k < region_count ? ends[k] | 1u : 0;
    }
    __asm__ volatile("dsb\n isb" ::: "memory");
    mpu[1] = on;
    __asm__ volatile("dsb\n isb" ::: "memory");
}
#else
static void protect(uint32_t on) { (void)on; }
#endif

/* Where counting ends. */
__attribute__((noinline, used)) void cardc_returned(void) { __asm__ volatile("" ::: "memory"); }

static void call(uint32_t address, uint32_t guarded)
{
    uint32_t a[ARGUMENTS], result;
    transfer(CARDC_SYS_READ, from, (uint32_t)(uintptr_t)a, sizeof a);
    protect(guarded);
    result = ((function *)(uintptr_t)address)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    cardc_returned();
    protect(0);
    transfer(CARDC_SYS_WRITE, to, (uint32_t)(uintptr_t)&result, sizeof result);
}

int main(void)
{
    from = cardc_open("in", 2, 1), to = cardc_open("out", 3, 5);
    for (;;) {
        uint32_t request[4];
        transfer(CARDC_SYS_READ, from, (uint32_t)(uintptr_t)request, sizeof request);
        if (request[0] == FETCH) {
            transfer(CARDC_SYS_WRITE, to, request[1], request[2]);
        } else if (request[0] == STORE) {
            transfer(CARDC_SYS_READ, from, request[1], request[2]);
        } else if (request[0] == CALL) {
            call(request[1], request[2]);
        } else if (request[0] == REGION) {
            region_count = request[3];
            starts[request[3] - 1] = request[1], ends[request[3] - 1] = request[2];
        }
    }
}
