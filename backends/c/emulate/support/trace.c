/* Counts instructions for unicorn_cpu.py; built for the host by trace.py.
 *
 * unicorn calls cardc_block at the start of every translated block. A block's weight is how many instructions lie in
 * it: found once by decoding lengths (Thumb and RISC-V code say in the first halfword whether it has two or four
 * bytes), then kept by address. In C, because a Python hook would cost ten times what the emulation itself does.
 */
#include <stdint.h>

typedef struct {
    uint64_t start, end;   /* the marked function's own code */
    uint64_t instructions; /* executed from its entry to the next marked entry */
    uint64_t entries;
} cardc_mark;

typedef struct {
    uint32_t size, weight;
    uint64_t hits, run; /* hits in that run */
} cardc_blockinfo;

typedef struct {
    const uint8_t *code; /* [code_bytes], linked at code_base */
    uint64_t code_base, code_bytes;
    cardc_blockinfo *blocks; /* one for each halfword of code */
    uint8_t *mark_at;        /* likewise: which mark starts there, 0 is none */
    cardc_mark *marks;       /* marks[0] takes what runs before the first marked entry */
    uint64_t current, previous, run;
    uint64_t total, limit; /* stops when total passes limit */
    uint64_t fault_address, fault_size; /* the first misaligned access; size 0 is none */
    uint64_t lowest_stack;   /* of the stack pointer at block starts, where stack_register is not 0 */
    uint32_t stack_register, is_riscv, over_limit, unused;
    void (*entered)(uint32_t mark); /* NULL, or told of every entry into a marked function */
    int (*stop)(void *uc);              /* uc_emu_stop */
    int (*read_register)(void *uc, int register_id, void *value); /* uc_reg_read */
} cardc_trace;

static uint32_t weigh(const cardc_trace *trace, uint64_t offset, uint32_t size)
{
    uint32_t count = 0;
    uint64_t at = offset, end = offset + size;
    while (at < end && at + 1 < trace->code_bytes) {
        uint32_t half = (uint32_t)trace->code[at] | (uint32_t)trace->code[at + 1] << 8;
        int is_long = trace->is_riscv ? (half & 3u) == 3u : half >> 11 >= 0x1Du;
        at += is_long ? 4u : 2u;
        count++;
    }
    return count;
}

void cardc_block(void *uc, uint64_t address, uint32_t size, void *user)
{
    cardc_trace *trace = (cardc_trace *)user;
    uint64_t offset = address - trace->code_base, index = offset >> 1;
    cardc_blockinfo *block;
    uint8_t mark;
    if (offset >= trace->code_bytes) {
        return; /* the return trap */
    }
    block = &trace->blocks[index];
    if (block->size != size) {
        block->size = size;
        block->weight = weigh(trace, offset, size);
    }
    mark = trace->mark_at[index];
    if (mark != 0) {
        const cardc_mark *entry = &trace->marks[mark];
        /* a loop that jumps back to the first instruction of its own function is not a call of it */
        if (trace->previous < entry->start || trace->previous >= entry->end) {
            trace->current = mark;
            trace->marks[mark].entries++;
            if (trace->entered) {
                trace->entered(mark);
            }
        }
    }
    if (trace->stack_register != 0) {
        uint32_t value = 0;
        trace->read_register(uc, (int)trace->stack_register, &value);
        if (value < trace->lowest_stack) {
            trace->lowest_stack = value;
        }
    }
    trace->previous = address;
    if (block->run != trace->run) {
        block->run = trace->run;
        block->hits = 0;
    }
    block->hits++;
    trace->total += block->weight;
    trace->marks[trace->current].instructions += block->weight;
    if (trace->total > trace->limit) {
        trace->over_limit = 1;
        trace->stop(uc);
    }
}

void cardc_access(void *uc, int type, uint64_t address, int size, int64_t value, void *user)
{
    cardc_trace *trace = (cardc_trace *)user;
    (void)type;
    (void)value;
    if ((address & ((uint64_t)size - 1u)) != 0 && trace->fault_size == 0) {
        trace->fault_address = address;
        trace->fault_size = (uint64_t)size;
        trace->stop(uc);
    }
}
