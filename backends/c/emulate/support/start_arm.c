/* Start-up of a self-test on an emulated Cortex-M: vector table, memory, main, then exit through semihosting
 * (Arm "Semihosting for AArch32 and AArch64", SYS_WRITE0 and SYS_EXIT_EXTENDED). */
#include <stdint.h>
#include <stdio.h>

extern uint32_t cardc_data_start[], cardc_data_end[], cardc_data_load[];
extern uint32_t cardc_bss_start[], cardc_bss_end[], cardc_stack_top[];
int main(void);
void cardc_reset(void);

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
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

static void fault(void)
{
    puts("FAULT");
    leave(255u);
}

void cardc_reset(void)
{
    uint32_t *to;
    const uint32_t *from = cardc_data_load;
#if __ARM_ARCH >= 7
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: without it any FPU or MVE instruction faults */
#endif
    for (to = cardc_data_start; to < cardc_data_end; to++) {
        *to = *from++;
    }
    for (to = cardc_bss_start; to < cardc_bss_end; to++) {
        *to = 0;
    }
    leave((uint32_t)main());
}

typedef union {
    void (*code)(void);
    const void *data;
} cardc_vector;

__attribute__((section(".vectors"), used)) static const cardc_vector vectors[16] = {
    {.data = cardc_stack_top}, {cardc_reset}, {fault}, {fault}, {fault}, {fault}, {fault}, {fault},
    {fault}, {fault}, {fault}, {fault}, {fault}, {fault}, {fault}, {fault},
};
