/* One AVR core for avr_cpu.py, emulated by simavr; built for the host by it.
 *
 * Instructions are executed one by one, because an AVR has no memory protection: before each, the address that it will
 * read or write is worked out and looked up in `allowed`. simavr counts the cycles.
 */
#include <stdint.h>
#include <stdlib.h>

#include <simavr/sim_avr.h>
#include <simavr/sim_core.h>

typedef struct {
    uint64_t start, end;   /* the marked function's own code */
    uint64_t instructions; /* executed from its entry to the next marked entry */
    uint64_t cycles, entries;
} cardc_avr_mark;

enum { MAY_READ = 1, MAY_WRITE = 2 };
enum { NO_FAULT = 0, BAD_READ = 1, BAD_WRITE = 2, BAD_CONSTANT = 3, BAD_JUMP = 4, BAD_STACK = 5, CRASH = 6, TOO_LONG = 7 };

typedef struct {
    avr_t *avr;
    const uint8_t *allowed;  /* [65536], for each address of the data space */
    const uint8_t *mark_at;  /* for each word of flash: which mark starts there, 0 is none */
    cardc_avr_mark *marks;   /* marks[0] takes what runs before the first marked entry */
    uint64_t code_bytes;     /* instructions lie below */
    uint64_t constant_bytes; /* so do constants */
    uint64_t trap;           /* the address that the call returns to */
    uint64_t current, previous, total, limit, cycles;
    uint64_t lowest_stack;   /* of the stack pointer */
    uint64_t stack_end;      /* what it must not pass */
    uint64_t fault, fault_address;
    void (*entered)(uint32_t mark); /* NULL, or told of every entry into a marked function */
    uint64_t stop;                  /* set by it to end the call */
} cardc_avr;

static uint32_t pair(const avr_t *avr, uint32_t low)
{
    return (uint32_t)avr->data[low] | (uint32_t)avr->data[low + 1] << 8;
}

/* The access that instruction `op` will make, 0 for none, and its address. AVR Instruction Set Manual (DS40002198). */
static uint32_t access_of(const avr_t *avr, uint32_t op, uint32_t next, uint32_t *address)
{
    const uint32_t kind = op & 0x0200u ? MAY_WRITE : MAY_READ;
    if ((op & 0xd000u) == 0x8000u) { /* LDD, STD: Y or Z with a displacement */
        *address = pair(avr, op & 8u ? R_YL : R_ZL) + ((op & 7u) | (op >> 7 & 0x18u) | (op >> 8 & 0x20u));
        return kind;
    }
    if ((op & 0xfc00u) != 0x9000u) {
        return 0;
    }
    switch (op & 15u) {
    case 0x0: /* LDS, STS */
        *address = next;
        return kind;
    case 0x1: /* Z+, and before it -Z */
        *address = pair(avr, R_ZL);
        return kind;
    case 0x2:
        *address = pair(avr, R_ZL) - 1u;
        return kind;
    case 0x9:
        *address = pair(avr, R_YL);
        return kind;
    case 0xa:
        *address = pair(avr, R_YL) - 1u;
        return kind;
    case 0xc:
    case 0xd:
        *address = pair(avr, R_XL);
        return kind;
    case 0xe:
        *address = pair(avr, R_XL) - 1u;
        return kind;
    default:
        return 0;
    }
}

/* Whether instruction `op` is LPM, in one of its three forms. */
static int loads_constant(uint32_t op)
{
    return op == 0x95c8u || (op & 0xfe0fu) == 0x9004u || (op & 0xfe0fu) == 0x9005u;
}

static uint32_t fault_of(cardc_avr *state, uint32_t pc)
{
    const avr_t *avr = state->avr;
    const uint32_t op = (uint32_t)avr->flash[pc] | (uint32_t)avr->flash[pc + 1] << 8;
    const uint32_t next = (uint32_t)avr->flash[pc + 2] | (uint32_t)avr->flash[pc + 3] << 8;
    const uint32_t pushes = (op & 0xfe0fu) == 0x920fu, calls = (op & 0xf000u) == 0xd000u || (op & 0xfe0eu) == 0x940eu;
    const uint32_t stack = pair(avr, R_SPL) - pushes - calls * avr->address_size;
    uint32_t address = 0, kind;
    if (loads_constant(op)) {
        state->fault_address = pair(avr, R_ZL);
        return state->fault_address < state->constant_bytes ? NO_FAULT : BAD_CONSTANT;
    }
    kind = access_of(avr, op, next, &address);
    if (kind == 0 && !pushes && !calls) {
        return NO_FAULT; /* while a frame is set up, the stack pointer is half of one */
    }
    state->lowest_stack = stack < state->lowest_stack ? stack : state->lowest_stack;
    state->fault_address = stack;
    if (stack < state->stack_end) {
        return BAD_STACK;
    }
    state->fault_address = address & 0xffffu;
    if (kind == 0 || (state->allowed[address & 0xffffu] & kind) != 0) {
        return NO_FAULT;
    }
    return kind == MAY_READ ? BAD_READ : BAD_WRITE;
}

static void count_entry(cardc_avr *state, uint32_t pc)
{
    const uint8_t mark = state->mark_at[pc / 2];
    const cardc_avr_mark *entry = &state->marks[mark];
    /* a loop that jumps back to the first instruction of its own function is not a call of it */
    if (mark != 0 && (state->previous < entry->start || state->previous >= entry->end)) {
        state->current = mark;
        state->marks[mark].entries++;
        if (state->entered) {
            state->entered(mark);
        }
    }
    state->previous = pc;
}

void cardc_avr_run(cardc_avr *state)
{
    avr_t *avr = state->avr;
    avr->state = cpu_Running;
    while (avr->pc != state->trap && state->stop == 0) {
        const avr_cycle_count_t before = avr->cycle;
        if (avr->pc >= state->code_bytes) {
            state->fault_address = avr->pc;
            state->fault = BAD_JUMP;
            return;
        }
        state->fault = fault_of(state, avr->pc);
        if (state->fault != NO_FAULT) {
            return;
        }
        count_entry(state, avr->pc);
        avr->run_cycle_count = 0; /* one instruction */
        avr->pc = avr_run_one(avr);
        state->total++;
        state->cycles += avr->cycle - before;
        state->marks[state->current].instructions++;
        state->marks[state->current].cycles += avr->cycle - before;
        if (avr->state != cpu_Running) {
            state->fault = CRASH;
            return;
        }
        if (state->total > state->limit) {
            state->fault = TOO_LONG;
            return;
        }
    }
}

/* A core of simavr's list, silent; NULL where it has none of that name. */
avr_t *cardc_avr_new(const char *name)
{
    avr_t *avr = avr_make_mcu_by_name(name);
    if (avr != NULL) {
        avr_init(avr);
        avr->log = LOG_NONE;
    }
    return avr;
}

void cardc_avr_free(avr_t *avr)
{
    avr_terminate(avr);
    free(avr);
}

uint8_t *cardc_avr_data(avr_t *avr) { return avr->data; }
uint8_t *cardc_avr_flash(avr_t *avr) { return avr->flash; }
uint32_t cardc_avr_flash_end(avr_t *avr) { return avr->flashend; }
uint32_t cardc_avr_ram_end(avr_t *avr) { return avr->ramend; }
uint32_t cardc_avr_pc(avr_t *avr) { return avr->pc; }
void cardc_avr_jump(avr_t *avr, uint32_t address) { avr->pc = address; }
