"""C that runs an emitted network over many inputs at once, on this computer: results, and every tensor on the way."""

from __future__ import annotations

from ...passes.layouts import Layout, layout_of
from ...passes.plan_memory import OFFSET
from .network import calls
from .program import Program
from .step import Step, place_of
from .writer import Writer

DRIVER = "cardc_driver.c"


def snapshots(program: Program) -> list[tuple[Step, Layout]]:
    """The steps that leave a tensor in the arena, with its layout, in order."""
    return [
        (step, layout_of(step.value))
        for step in program.steps
        if step.value is not None and OFFSET in step.value.metadata_props
    ]


def snapshot_bytes(program: Program) -> int:
    """What `cardc_trace` writes for one input: the storage of each tensor, one after the other."""
    return sum(layout.size for _, layout in snapshots(program))


def driver(name: str, program: Program) -> str:
    """A file to compile in place of `<name>.c`, which it includes, so that it reaches the functions of the layers."""
    w, up = Writer(), name.upper()
    types = f"const {program.in_type} *in, {program.out_type} *out, void *memory"
    w(f'#include "{name}.c"')
    w()
    w(f"int cardc_batch(uint32_t count, {types});")
    w(f"int cardc_trace(uint32_t count, {types}, uint8_t *seen);")
    w()
    w(f"int cardc_batch(uint32_t count, {types})")
    with w.block(""):
        w(f"int error = {up}_OK;")
        with w.block(f"for (; count > 0 && error == {up}_OK; count--)"):
            w(f"error = {name}_predict(in, out, memory);")
            w(f"in += {up}_IN;")
            w(f"out += {up}_OUT;")
        w("return error;")
    w()
    w(f"int cardc_trace(uint32_t count, {types}, uint8_t *seen)")
    with w.block(""):
        w("uint8_t *arena = (uint8_t *)memory;")
        with w.block("for (; count > 0; count--)"):
            kept = {step.index: layout for step, layout in snapshots(program)}
            for step, call in zip(program.steps, calls(name, program, "arena"), strict=True):
                w(call)
                if step.index in kept and step.value is not None:
                    size = kept[step.index].size
                    w(f"memcpy(seen, arena + {place_of(step.value)}, {size});")
                    w(f"seen += {size};")
            w(f"in += {up}_IN;")
            w(f"out += {up}_OUT;")
        w(f"return {up}_OK;")
    return w.text()
