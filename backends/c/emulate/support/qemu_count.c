/* A QEMU plugin that counts instructions exactly; built for the host by qemu_count.py.
 *
 * Plugin arguments: out=FILE, then mark=START:END (hexadecimal) for each function to mark. FILE gets one line for each
 * entry into a marked function: its number, and how many instructions ran before its first. Debian ships no plugin
 * header, so the few prototypes of the plugin interface (docs/devel/tcg-plugins) stand here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
typedef void (*translated_cb)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*executed_cb)(unsigned int cpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_cb callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_cb callback, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

__attribute__((visibility("default"))) int qemu_plugin_version = CARDC_PLUGIN_VERSION;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

enum { MOST_MARKS = 256 };
typedef struct {
    uint64_t start;
    size_t instructions;
} block;

static struct {
    uint64_t start, end;
} marks[MOST_MARKS];
static int mark_count;
static uint64_t total, previous;
static FILE *out;

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
        }
    }
    previous = ran->start;
    total += ran->instructions;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    block *ran = (block *)malloc(sizeof *ran); /* QEMU may keep translations until it ends */
    (void)id;
    if (ran == NULL) {
        abort();
    }
    ran->start = qemu_plugin_tb_vaddr(tb);
    ran->instructions = qemu_plugin_tb_n_insns(tb);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, ran);
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
        }
    }
    if (out == NULL) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
