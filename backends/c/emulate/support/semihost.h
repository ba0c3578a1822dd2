/* What a program on an emulated board has of the outside: Arm semihosting ("Semihosting for AArch32 and AArch64"; RISC-V
 * uses the same operations). */
#ifndef CARDC_SEMIHOST_H
#define CARDC_SEMIHOST_H

#include <stdint.h>

enum {
    CARDC_SYS_OPEN = 0x01,
    CARDC_SYS_CLOSE = 0x02,
    CARDC_SYS_WRITE0 = 0x04,
    CARDC_SYS_WRITE = 0x05,
    CARDC_SYS_READ = 0x06,
    CARDC_SYS_EXIT_EXTENDED = 0x20
};

/* One operation; its result. */
uint32_t cardc_semihost(uint32_t operation, const void *argument);
/* The handle of the file `name` of `length` characters. */
static inline uint32_t cardc_open(const char *name, uint32_t length, uint32_t mode)
{
    uint32_t block[3];
    block[0] = (uint32_t)(uintptr_t)name;
    block[1] = mode;
    block[2] = length;
    return cardc_semihost(CARDC_SYS_OPEN, block);
}
/* Ends the program with an exit code. */
void cardc_leave(uint32_t code);
/* Says FAULT and leaves with 255. */
void cardc_fault(void);
/* Brings .data and .bss to life, runs main and leaves with what it returns. */
void cardc_start(void);

#endif
