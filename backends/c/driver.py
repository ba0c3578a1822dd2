"""C that runs an emitted network over many inputs at once, on this computer: results, and every tensor on the way."""

from __future__ import annotations

import numpy as np

from ...passes.layouts import Layout, layout_of
from ...passes.plan_memory import OFFSET
from .network import call_of, loop
from .order import Call, copied
from .program import Program
from .step import Step, place_of
from .writer import Writer

DRIVER = "cardc_driver.c"


def snapshots(program: Program) -> list[tuple[Step, Layout]]:
    """The steps that leave a tensor in the arena, with the layout of what is kept of it, in order."""
    by_rows = {call.step for call in program.calls if call.rows is not None}
    found = []
    for step in program.steps:
        if step.value is not None and OFFSET in step.value.metadata_props:
            layout = layout_of(step.value)
            found.append((step, copied(layout) if step.index in by_rows else layout))
    return found


def snapshot_places(program: Program) -> dict[int, int]:
    """Where each of them begins, by the index of its step."""
    sizes = [layout.size for _, layout in snapshots(program)]
    starts = np.cumsum([0, *sizes])[:-1].tolist()
    return {step.index: at for (step, _), at in zip(snapshots(program), starts, strict=True)}


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
            places = snapshot_places(program)
            for repeat in program.order:
                with w.block(loop(repeat).removesuffix(" {")):
                    w("(void)k;")
                    for call in repeat.calls:
                        step = program.steps[call.step]
                        w(call_of(name, program, call, "arena"))
                        if call.step in places:
                            w.lines(_kept(step, call, places[call.step]))
            w(f"seen += {snapshot_bytes(program)};")
            w(f"in += {up}_IN;")
            w(f"out += {up}_OUT;")
        w(f"return {up}_OK;")
    return w.text()


def _kept(step: Step, call: Call, place: int) -> list[str]:
    """Lines that copy what `call` has left in memory to `place` bytes into the snapshots."""
    assert step.value is not None
    layout, rows = layout_of(step.value), call.rows
    if rows is None:
        return [f"memcpy(seen + {place}, arena + {place_of(step.value)}, {layout.size});"]
    first = f"({rows.count} * k + {rows.first} + y)"
    source = f"arena + {rows.start} + {rows.step or layout.row} * {first if rows.step else 'y'} + {layout.plane} * c"
    return [
        f"for (int32_t y = 0; y < {rows.count}; y++) {{",
        f"    for (int32_t c = 0; c < {layout.channels} && {first} >= 0 && {first} < {rows.height}; c++) {{",
        f"        memcpy(seen + {place} + {layout.width} * ({layout.height} * c + {first}), {source}, {layout.width});",
        "    }",
        "}",
    ]
