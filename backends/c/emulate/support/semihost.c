/* The common part of start-up on an emulated board: memory, main, output and exit through semihosting. */
#include "semihost.h"

#include <stdio.h>

extern uint32_t cardc_data_start[], cardc_data_end[], cardc_data_load[];
extern uint32_t cardc_bss_start[], cardc_bss_end[];
int main(void);

uint32_t cardc_semihost(uint32_t operation, const void *argument)
{
#if defined(__arm__)
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
#else
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     ".balign 16\n" /* all three must lie in one page */
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
#endif
}

void cardc_leave(uint32_t code)
{
    uint32_t block[2];
    block[0] = 0x20026u; /* ADP_Stopped_ApplicationExit */
    block[1] = code;
    for (;;) {
        (void)cardc_semihost(CARDC_SYS_EXIT_EXTENDED, block);
    }
}

int puts(const char *text)
{
    (void)cardc_semihost(CARDC_SYS_WRITE0, text);
    (void)cardc_semihost(CARDC_SYS_WRITE0, "\n");
    return 0;
}

__attribute__((aligned(4), used)) void cardc_fault(void)
{
    (void)puts("FAULT");
    cardc_leave(255u);
}

__attribute__((used)) void cardc_start(void)
{
    uint32_t *to;
    const uint32_t *from = cardc_data_load;
    for (to = cardc_data_start; to < cardc_data_end; to++) {
        *to = *from++;
    }
    for (to = cardc_bss_start; to < cardc_bss_end; to++) {
        *to = 0;
    }
    cardc_leave((uint32_t)main());
}
