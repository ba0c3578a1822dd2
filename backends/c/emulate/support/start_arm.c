/* Where an emulated Cortex-M starts: the vector table and what comes before C's own start. */
#include "semihost.h"

extern uint32_t cardc_stack_top[];
void cardc_reset(void);

void cardc_reset(void)
{
#if __ARM_ARCH >= 7
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: without it any FPU or MVE instruction faults */
#endif
    cardc_start();
}

typedef union {
    void (*code)(void);
    const void *data;
} cardc_vector;

__attribute__((section(".vectors"), used)) static const cardc_vector vectors[16] = {
    {.data = cardc_stack_top}, {cardc_reset}, {cardc_fault}, {cardc_fault}, {cardc_fault}, {cardc_fault},
    {cardc_fault}, {cardc_fault}, {cardc_fault}, {cardc_fault}, {cardc_fault}, {cardc_fault},
    {cardc_fault}, {cardc_fault}, {cardc_fault}, {cardc_fault},
};
