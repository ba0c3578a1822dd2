"""The gate of a deck in C: `<prefix>_gate.h`, `<prefix>_gate.c` with its constants, and the kernels that it calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import CompileError
from ...ops.base import Array
from ...ops.spectral import IntegerGate
from ...ops.spectral.transform import order, radices, twiddles
from . import runtime
from .writer import Writer

_Q = 14  # the kernels' twiddles
_TYPES = {"int8_t": (-128, 127), "uint8_t": (0, 255)}


@dataclass(frozen=True, slots=True)
class GateCode:
    """What is emitted for a gate: its own files (kernels aside) and the kernels' names; sizes in bytes."""

    files: dict[str, str]
    functions: tuple[str, ...]
    elem: str
    arena: int
    constants: int
    state: int

    def sources(self) -> dict[str, str]:
        """Its own files and those of the kernels."""
        return self.files | runtime.sources(self.functions)


def emit_gate(gate: IntegerGate, prefix: str, elem: str | None = None) -> GateCode:
    """C for `gate`; its names begin with `prefix`_gate. `elem` is the type of a pixel, by default the one that a
    network with that input has (int8_t where it holds all). CompileError where no 8-bit type does."""
    if prefix == "cardc":
        raise CompileError("the name cardc is that of the kernels", node="gate", fix="name the deck otherwise")
    elem = elem or _elem(gate)
    arrays = _arrays(gate)
    name = f"{prefix}_gate"
    feed = "cardc_gate_feed_i8" if elem == "int8_t" else "cardc_gate_feed_u8"
    files = {f"{name}.h": _header(gate, name, elem), f"{name}.c": _source(gate, name, elem, feed, arrays)}
    constants = sum(values.size * int(ctype.strip("uint_")) // 8 for ctype, values in arrays.values())
    rivals = len(gate.names) - 1
    state = 8 * (rivals + 1) + 8 * max(1, gate.window * rivals) + 8
    return GateCode(files, (feed,), elem, arena_bytes(gate), constants, state)


def arena_bytes(gate: IntegerGate) -> int:
    """Work memory of one call."""
    rows, half = gate.plan.rows, gate.plan.half
    return 4 * (rows * half + max(4 * rows, half))


def _elem(gate: IntegerGate) -> str:
    for elem, (lo, hi) in _TYPES.items():
        if lo <= gate.plan.lo and gate.plan.hi <= hi:
            return elem
    what = f"the gate's images hold {gate.plan.lo} ... {gate.plan.hi}, which is no 8-bit type"
    raise CompileError(what, node="gate", fix="quantise the input to at most 8 bits")


def slots(gate: IntegerGate) -> Array:
    """For each slot of a plane, in the order in which the kernel fills them: the index of its frequency among
    `gate.picked()`, or -1 for frequency 0 where the gate does not look at it."""
    plan, at = gate.plan, {rc: i for i, rc in enumerate(zip(*(a.tolist() for a in gate.picked()), strict=True))}
    first, other, columns = kept(gate)
    rows = [*range(first), *range(other, plan.rows)]
    found: list[int] = []
    for kx in range(min(plan.half // 2 + 1, columns)):
        found += [at.get((ky, kx), -1) for ky in rows]
        behind = plan.half - kx
        if behind not in (kx,) and behind < columns:
            found += [at.get((-ky % plan.rows, behind), -1) for ky in rows]
    return np.asarray(found, np.int64)


def kept(gate: IntegerGate) -> tuple[int, int, int]:
    """The first rows that are looked at, where the others begin, and how many columns."""
    plan = gate.plan
    crop = gate.crop or plan.rows
    first = min(crop, plan.rows)
    return first, max(first, plan.rows - crop + 1), min(gate.crop or plan.half + 1, plan.half + 1)


def _arrays(gate: IntegerGate) -> dict[str, tuple[str, Array]]:
    plan = gate.plan
    length = max(plan.rows, plan.columns)
    re, im = (part << (_Q - plan.twiddle_bits) for part in twiddles_of(length, plan.twiddle_bits))
    places = slots(gate)
    planes = gate.differences.reshape(len(gate.names) - 1, plan.planes, len(gate.picked()[0]))
    differences = np.where(places < 0, 0, planes[:, :, places])
    arrays: dict[str, tuple[str, Array]] = {
        "mix": ("int16_t", np.asarray(plan.mix)),
        "twiddles": ("uint32_t", (re & 0xFFFF) | (im & 0xFFFF) << 16),
        "row_order": ("uint8_t", np.asarray(order(plan.half)[:: radices(plan.half)[0]])),
        "column_order": ("uint8_t", np.asarray(order(plan.rows)[:: radices(plan.rows)[0]])),
        "differences": ("int16_t", differences.ravel()),
        "constants": ("int64_t", gate.constants),
    }
    if gate.table is not None:
        arrays["table"] = ("uint16_t" if gate.table[-1] < 1 << 16 else "uint32_t", gate.table)
    return arrays


def twiddles_of(length: int, bits: int) -> tuple[Array, Array]:
    """Three quarters of a turn, which is what stages of radix 4 reach."""
    return twiddles(length, 3 * length // 4, bits)


def _header(gate: IntegerGate, name: str, elem: str) -> str:
    w, up, plan, rivals = Writer(), name.upper(), gate.plan, len(gate.names) - 1
    w.comment(
        f"{name}: which augmentation do the last {gate.window} images look like? Generated by cardc; do not edit.", "",
        *(f"{i}: {augmentation}" for i, augmentation in enumerate(gate.names)),
    )  # fmt: skip
    w(f"#ifndef {up}_H")
    w(f"#define {up}_H")
    w()
    w("#include <stdint.h>")
    w()
    pixels = plan.channels * plan.height * plan.width
    w(f"#define {up}_IN {pixels} /* integers of an image, [channels, height, width] */")
    w(f"#define {up}_AUGMENTATIONS {rivals + 1}")
    w(f"#define {up}_WINDOW {gate.window}")
    w(f"#define {up}_ARENA_BYTES {arena_bytes(gate)} /* work memory, aligned to 4 bytes; nothing in it is kept */")
    w()
    w("#ifdef __cplusplus")
    w('extern "C" {')
    w("#endif")
    w()
    w.comment("The window: scores of each augmentation against the first, whose score is always 0.")
    with w.block(f"typedef struct {name}_state", f"}} {name}_state;"):
        w(f"int64_t sum[{rivals + 1}];")
        w(f"int64_t ring[{max(1, gate.window * rivals)}];")
        w("uint32_t place;")
    w()
    w.comment("An empty window; needed once, before the first image.")
    w(f"void {name}_reset({name}_state *state);")
    w()
    w.comment("Takes in one image; the augmentation that the window looks like, the first among equals.")
    w(f"int {name}_feed({name}_state *state, const {elem} in[{up}_IN], void *arena);")
    w()
    w("#ifdef __cplusplus")
    w("}")
    w("#endif")
    w()
    w("#endif")
    return w.text()


def _source(gate: IntegerGate, name: str, elem: str, feed: str, arrays: dict[str, tuple[str, Array]]) -> str:
    w = Writer()
    w.comment(f"{name}: constants and calls. Generated by cardc; do not edit.")
    w(f'#include "{name}.h"')
    w('#include "cardc_gate.h"')
    for key, (ctype, values) in arrays.items():
        w()
        w.array(f"static const {ctype} {key}[{max(1, values.size)}]", ctype, values if values.size else [0])
    w()
    with w.block("static const cardc_gate gate =", "};"):
        w.lines(f"{value}, /* {field} */" for field, value in _fields(gate, elem).items())
    w()
    with w.block(f"void {name}_reset({name}_state *state)"):
        w(f"static const {name}_state empty = {{{{0}}, {{0}}, 0}};")
        w("*state = empty;")
    w()
    with w.block(f"int {name}_feed({name}_state *state, const {elem} in[{name.upper()}_IN], void *arena)"):
        w(f"return (int){feed}(&gate, in, state->sum, state->ring, &state->place, (uint32_t *)arena);")
    return w.text()


def _fields(gate: IntegerGate, elem: str) -> dict[str, object]:
    """cardc_gate, in the order of its fields."""
    plan = gate.plan
    first, other, columns = kept(gate)
    kind = 0 if gate.table is None else 1 if gate.table[-1] < 1 << 16 else 2
    lo, hi = _TYPES[elem]
    return {
        "channels": plan.channels, "height": plan.height, "width": plan.width, "rows": plan.rows, "half": plan.half,
        "mixes": len(plan.mix), "mix_shift": plan.mix_shift, "planes": plan.planes,
        "kind": kind,
        "first_rows": first, "other_rows": other, "columns": columns,
        "table_length": max(plan.rows, plan.columns), "rivals": len(gate.names) - 1,
        "clip": int(plan.lo > lo or plan.hi < hi), "window": gate.window, "lo": plan.lo, "hi": plan.hi,
        "bias": plan.bias, "offset": plan.offset,
        "mix": "mix", "twiddles": "twiddles", "row_order": "row_order", "column_order": "column_order",
        "table": "table" if gate.table is not None else "NULL", "differences": "differences", "constants": "constants",
        "slots": len(slots(gate)),
    }  # fmt: skip
