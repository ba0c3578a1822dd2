/* A QEMU plugin that counts instructions exactly, and watches memory; built for the host by qemu_count.py.
 *
 * Plugin arguments: out=FILE, then mark=START:END (hexadecimal) for each function to mark. FILE gets one line for each
 * entry into a marked function: its number, and how many instructions ran before its first. With allow=START:END:MODE
 * (MODE is the sum of 1 for loads and 2 for stores), any access from an entry into the first marked function to the next
 * one into the last that lies in no such range ends QEMU; aligned=1 has accesses at multiples of their sizes alone. FILE
 * then ends in "!", what was wrong (0 load, 1 store, 2 alignment), address, size, and the address of the instruction.
 * Debian ships no plugin header, so the few prototypes of the plugin interface (docs/devel/tcg-plugins) stand here.
 */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated_cb)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*executed_cb)(unsigned int cpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_cb callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_cb callback, int flags, void *data);
typedef void (*accessed_cb)(unsigned int cpu, uint32_t info, uint64_t address, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, accessed_cb callback, int flags, int kinds, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
unsigned int qemu_plugin_mem_size_shift(uint32_t info);
_Bool qemu_plugin_mem_is_store(uint32_t info);

__attribute__((visibility("default"))) int qemu_plugin_version = CARDC_PLUGIN_VERSION;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

enum { MOST_MARKS = 260, MOST_RANGES = 32, LOADS_AND_STORES = 3, FAULT = 97 };
typedef struct {
    uint64_t start;
    size_t instructions;
} block;

static struct {
    uint64_t start, end;
} marks[MOST_MARKS];
static int mark_count;
static struct {
    uint64_t start, end, mode;
} ranges[MOST_RANGES];
static int range_count, aligned, watching;
static uint64_t total, previous;
static FILE *out;

static void accessed(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
    const uint64_t size = (uint64_t)1 << qemu_plugin_mem_size_shift(info), mode = qemu_plugin_mem_is_store(info) ? 2 : 1;
    const int crooked = aligned && (address & (size - 1)) != 0;
    int i;
    (void)cpu;
    if (!watching) {
        return;
    }
    for (i = 0; i < range_count && !crooked; i++) {
        if (address >= ranges[i].start && address + size <= ranges[i].end && (ranges[i].mode & mode) != 0) {
            return;
        }
    }
    fprintf(out, "! %d %" PRIx64 " %" PRIu64 " %" PRIxPTR "\n", crooked ? 2 : mode == 2, address, size, (uintptr_t)data);
    fclose(out);
    _exit(FAULT);
}

static void executed(unsigned int cpu, void *data)
{
    const block *ran = (const block *)data;
    int i;
    (void)cpu;
    for (i = 0; i < mark_count; i++) {
        /* a loop that jumps back to the first instruction of its own function is not a call of it */
        if (ran->start == marks[i].start && (previous < marks[i].start || previous >= marks[i].end)) {
            fprintf(out, "%d %" PRIu64 "\n", i, total);
            fflush(out);
            watching = range_count > 0 && (i == 0 || (watching && i != mark_count - 1));
        }
    }
    previous = ran->start;
    total += ran->instructions;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    block *ran = (block *)malloc(sizeof *ran); /* QEMU may keep translations until it ends */
    size_t i;
    (void)id;
    if (ran == NULL) {
        abort();
    }
    ran->start = qemu_plugin_tb_vaddr(tb);
    ran->instructions = qemu_plugin_tb_n_insns(tb);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, ran);
    for (i = 0; range_count > 0 && i < ran->instructions; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        void *at = (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn);
        qemu_plugin_register_vcpu_mem_cb(insn, accessed, 0, LOADS_AND_STORES, at);
    }
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    int i;
    (void)info;
    for (i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        } else if (strncmp(argv[i], "mark=", 5) == 0 && mark_count < MOST_MARKS) {
            char *rest;
            marks[mark_count].start = strtoull(argv[i] + 5, &rest, 16);
            marks[mark_count].end = strtoull(rest + 1, NULL, 16);
            mark_count++;
        } else if (strncmp(argv[i], "allow=", 6) == 0 && range_count < MOST_RANGES) {
            char *rest;
            ranges[range_count].start = strtoull(argv[i] + 6, &rest, 16);
            ranges[range_count].end = strtoull(rest + 1, &rest, 16);
            ranges[range_count].mode = strtoull(rest + 1, NULL, 10);
            range_count++;
        } else if (strcmp(argv[i], "aligned=1") == 0) {
            aligned = 1;
        }
    }
    if (out == NULL) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
