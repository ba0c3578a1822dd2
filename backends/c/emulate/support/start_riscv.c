/* Start-up of a self-test on an emulated RV32: stack, memory, main, then exit through semihosting
 * ("RISC-V Semihosting", the same operations as Arm's). */
#include <stdint.h>
#include <stdio.h>

extern uint32_t cardc_data_start[], cardc_data_end[], cardc_data_load[];
extern uint32_t cardc_bss_start[], cardc_bss_end[];
int main(void);
void cardc_reset(void);
void cardc_start(void);
void cardc_fault(void);

static void semihost(uint32_t operation, const void *argument)
{
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
}

static void leave(uint32_t code)
{
    uint32_t block[2];
    block[0] = 0x20026u; /* ADP_Stopped_ApplicationExit */
    block[1] = code;
    for (;;) {
        semihost(0x20u, block);
    }
}

int puts(const char *text)
{
    semihost(0x04u, text);
    semihost(0x04u, "\n");
    return 0;
}

__attribute__((aligned(4), used)) void cardc_fault(void)
{
    puts("FAULT");
    leave(255u);
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
    leave((uint32_t)main());
}

__attribute__((naked, section(".vectors"), used)) void cardc_reset(void)
{
    __asm__ volatile("la sp, cardc_stack_top\n"
                     "la t0, cardc_fault\n"
                     "csrw mtvec, t0\n"
                     "j cardc_start\n");
}
