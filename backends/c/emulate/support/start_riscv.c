/* Where an emulated RV32 starts: what comes before C's own start. */
#include "semihost.h"

void cardc_reset(void);

__attribute__((naked, section(".vectors"), used)) void cardc_reset(void)
{
    __asm__ volatile(".option push\n"
                     ".option arch, +zicsr\n"
                     "la sp, cardc_stack_top\n"
                     "la t0, cardc_fault\n"
                     "csrw mtvec, t0\n"
                     ".option pop\n"
                     "j cardc_start\n");
}
