"""The gate of a deck as an HLS component of its own: one top function, ap_int words, exact to the integer gate.

`reuse_factor` says how often a butterfly is used in a stage of a transform: at 1 all of a stage are built (fully
pipelined), at 16 and more a single one.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import PurePosixPath

import numpy as np

from ...errors import CompileError
from ...identifiers import identifier
from ...ops.base import Array
from ...ops.spectral import IntegerGate
from ...ops.spectral.curve_wide import power_shift
from ...ops.spectral.transform import order, twiddles
from .script import vitis_script

HEADERS = ("cardc_fft.h", "cardc_gate.h")
MOST_REUSE = 64


def gate_component(
    gate: IntegerGate, name: str, *, reuse_factor: int = 4, part: str = "xcku115-flvb2104-2-i", clock_ns: float = 5.0
) -> dict[PurePosixPath, str]:
    """The files of the component `<name>_gate`: firmware/, and a script for Vitis HLS. CompileError for a reuse factor
    below 1 or above 64."""
    if not 1 <= reuse_factor <= MOST_REUSE:
        raise CompileError(f"a reuse factor of {reuse_factor}", node="gate", fix=f"1 to {MOST_REUSE}")
    top = f"{identifier(name).lower()}_gate"
    folder = files(__name__.rpartition(".")[0]) / "nnet_utils"
    texts = {
        f"firmware/{top}.h": _header(gate, top),
        f"firmware/{top}.cpp": _source(gate, top, reuse_factor),
        **{f"firmware/nnet_utils/{file}": (folder / file).read_text(encoding="utf-8") for file in HEADERS},
        f"build_{top}.tcl": vitis_script(top, [f"firmware/{top}.cpp"], part, clock_ns),
    }
    return {PurePosixPath(path): text for path, text in sorted(texts.items())}


def pixel_bits(gate: IntegerGate) -> int:
    """Of a pixel in two's complement."""
    return 1 + max((-gate.plan.lo - 1).bit_length() if gate.plan.lo < 0 else 0, gate.plan.hi.bit_length())


def butterflies(gate: IntegerGate, reuse_factor: int) -> int:
    """How many butterflies of a stage are built."""
    return max(1, max(gate.plan.rows, gate.plan.half) // 4 // reuse_factor)


def interval(reuse_factor: int) -> int:
    """Cycles from one frequency to the next."""
    return 1 if reuse_factor == 1 else 2


def _header(gate: IntegerGate, top: str) -> str:
    pick = max(1, (len(gate.names) - 1).bit_length())
    return f"""\
#ifndef {top.upper()}_H_
#define {top.upper()}_H_

#include "ap_int.h"
#include "hls_stream.h"

typedef ap_int<{pixel_bits(gate)}> {top}_pixel_t;
typedef ap_uint<{pick}> {top}_pick_t;

// Takes the pixels of one image, row by row, channels together; gives the augmentation that the last images look like.
// `reset` empties the window first.
void {top}(hls::stream<{top}_pixel_t> &in, bool reset, hls::stream<{top}_pick_t> &out);

#endif
"""


def _source(gate: IntegerGate, top: str, reuse_factor: int) -> str:
    arrays = _arrays(gate)
    declared = "".join(f"    static const {ctype} {name}{_extents(a)};\n" for name, (ctype, a) in arrays.items())
    defined = "".join(
        f"const {ctype} {top}_config::{name}{_extents(a)} = {_values(a)};\n" for name, (ctype, a) in arrays.items()
    )
    numbers = "".join(
        f"    static const {kind} {name} = {value};\n" for kind, name, value in _numbers(gate, reuse_factor)
    )
    return f"""\
#include "{top}.h"
#include "nnet_utils/cardc_gate.h"

struct {top}_config {{
    typedef ap_int<64> sum_t;
{numbers}{declared}}};

{defined}
void {top}(hls::stream<{top}_pixel_t> &in, bool reset, hls::stream<{top}_pick_t> &out) {{
    #pragma HLS INTERFACE axis port=in
    #pragma HLS INTERFACE axis port=out
    out.write({top}_pick_t(nnet::cardc_gate<{top}_config, {top}_pixel_t>(in, reset)));
}}
"""


def _numbers(gate: IntegerGate, reuse_factor: int) -> Iterable[tuple[str, str, object]]:
    plan = gate.plan
    yield "bool", "wide", str(plan.wide).lower()
    for name in ("channels", "height", "width", "planes", "rows", "half", "mix_shift", "data_bits", "twiddle_bits"):
        yield "unsigned", name, int(getattr(plan, name))
    yield "unsigned", "power_bits", plan.power_bits
    yield "unsigned", "power_shift", power_shift(plan.power_bits)
    yield "unsigned", "mix_bits", max(16, max(plan.mix).bit_length() + 1)
    yield "unsigned", "template_bits", max(16, int(np.abs(gate.differences).max(initial=0)).bit_length() + 1)
    yield "unsigned", "table_length", max(plan.rows, plan.columns)
    yield "unsigned", "frequencies", len(gate.picked()[0])
    yield "unsigned", "rivals", len(gate.names) - 1
    yield "unsigned", "window", gate.window
    yield "unsigned", "parallel", butterflies(gate, reuse_factor)
    yield "unsigned", "interval", interval(reuse_factor)
    yield "int", "bias_and_half", plan.bias + (1 << plan.mix_shift >> 1)
    yield "int", "offset", plan.offset
    yield "bool", "has_table", str(gate.table is not None).lower()


def _arrays(gate: IntegerGate) -> dict[str, tuple[str, Array]]:
    plan = gate.plan
    length = max(plan.rows, plan.columns)
    re, im = twiddles(length, 3 * length // 4, plan.twiddle_bits)
    rows, columns = gate.picked()
    short = "int" if plan.wide else "short"
    return {
        "mix": (short, np.asarray(plan.mix)),
        "turn_re": (short, re),
        "turn_im": (short, im),
        "row_order": ("unsigned char", np.asarray(order(plan.half))),
        "column_order": ("unsigned char", np.asarray(order(plan.rows))),
        "at_row": ("unsigned char", rows),
        "at_column": ("unsigned char", columns),
        "table": ("int", np.zeros(2, np.int64) if gate.table is None else gate.table),
        "differences": (short, _with_one(gate.differences)),
        "constants": ("long long", np.concatenate([[0], gate.constants])),
    }


def _with_one(a: Array) -> Array:
    """A gate of one augmentation has no differences; C++ has no arrays of no rows."""
    return a if len(a) else np.zeros((1, a.shape[1]), np.int64)


def _extents(a: Array) -> str:
    return "".join(f"[{n}]" for n in a.shape)


def _values(a: Array) -> str:
    if a.ndim == 2:
        return "{" + ",\n".join(map(_values, a)) + "}"
    return "{" + ", ".join(f"{v}LL" if abs(v) >= 1 << 31 else str(v) for v in a.tolist()) + "}"
