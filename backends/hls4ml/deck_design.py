"""A whole deck as one HLS project: one top function that reads an image, runs the gate, the picked cards, and the join.

Each card is what hls4ml wrote for it, in a namespace of its own, since hls4ml gives all projects the same names
(`config2`, `w2`, `layer2_t`). What cards have in common, hls4ml's headers, is there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from ...errors import CompileError
from ...ops.deck_join import Joint
from ...ops.qtype import qtype
from ...ops.spectral import IntegerGate
from ...project import Project
from .deck import join_component
from .deck_top import top_header, top_source
from .gate import gate_component, pixel_bits
from .layer import Plan
from .namespace import in_namespace
from .script import vitis_script

_FIRMWARE = PurePosixPath("firmware")


@dataclass(frozen=True, slots=True, eq=False)
class DesignCard:
    """A card as a project of its own: its name (that of its top function), its files, its plan."""

    name: str
    files: Mapping[PurePosixPath, bytes]
    plan: Plan


def design(
    name: str, cards: Sequence[DesignCard], gate: IntegerGate | None, joint: Joint, groups: int, *, reuse_factor: int,
    part: str, clock_ns: float,
) -> Project:  # fmt: skip
    """The files of the design `<name>`. CompileError where two cards need different versions of one of hls4ml's headers
    (layers whose code hls4ml generates), or hls4ml wrote what this does not know."""
    files = _common(cards)
    for card in cards:
        files |= in_namespace(card.name, card.files)
    classes = int(np.prod(cards[0].plan.exit.layout.shape))
    join = join_component(name, [c.name for c in cards], joint, classes, groups, part=part, clock_ns=clock_ns)
    component = {} if gate is None else gate_component(
        gate, name, reuse_factor=reuse_factor, part=part, clock_ns=clock_ns
    )  # fmt: skip
    own: dict[PurePosixPath, str] = {p: t for p, t in (join | component).items() if p.parts[0] == "firmware"}
    bits = pixel_bits(gate) if gate is not None else _pixel_bits(cards[0].plan)
    own[_FIRMWARE / f"{name}.h"] = top_header(name, bits, gated=gate is not None, groups=groups)
    own[_FIRMWARE / f"{name}.cpp"] = top_source(name, [(c.name, c.plan) for c in cards], joint, gated=gate is not None)
    own[PurePosixPath(f"{name}_bridge.cpp")] = _bridge(name, gated=gate is not None)
    sources = [path for path in [*files, *own] if path.suffix == ".cpp" and path.parts[0] == "firmware"]
    names = sorted(str(path) for path in sources)
    own[PurePosixPath("build_lib.sh")] = _script(name, names)
    own[PurePosixPath(f"build_{name}.tcl")] = vitis_script(name, names, part, clock_ns, "firmware/weights")
    return Project({**files, **{path: text.encode("utf-8") for path, text in own.items()}})


def _pixel_bits(plan: Plan) -> int:
    q = qtype(plan.boundary)
    return 1 + max((-q.lo - 1).bit_length() if q.lo < 0 else 0, q.hi.bit_length())


def _common(cards: Sequence[DesignCard]) -> dict[PurePosixPath, bytes]:
    """hls4ml's headers, each once."""
    found: dict[PurePosixPath, bytes] = {}
    for card in cards:
        for path, content in card.files.items():
            if path.parts[:2] not in (("firmware", "nnet_utils"), ("firmware", "ap_types")):
                continue
            if found.setdefault(path, content) != content:
                raise CompileError(
                    f"hls4ml generated code for layers of card {card.name}, which no other card may share",
                    node=str(path), fix="leave out --one-project, or use --io-type io_stream",
                )  # fmt: skip
    return found


def _bridge(name: str, *, gated: bool) -> str:
    pick = f"    static hls::stream<{name}_pick_t> pick;\n" if gated else ""
    call = f"{name}(in, reset != 0, pick, out)" if gated else f"{name}(in, out)"
    read = "pick.read().to_int()" if gated else "0"
    unused = "" if gated else "    (void)reset;\n"
    return f"""\
// For C simulation: one image of `count` pixels to `classes` integers. Returns what was picked, or -1 for anything
// that was left over.
#include "firmware/{name}.h"

extern "C" int simulated(const int *pixels, unsigned count, int reset, int *to, unsigned classes) {{
    static hls::stream<{name}_pixel_t> in;
{pick}    static hls::stream<int> out;
{unused}    for (unsigned i = 0; i < count; i++)
        in.write({name}_pixel_t(pixels[i]));
    {call};
    for (unsigned j = 0; j < classes; j++)
        to[j] = out.read();
    const int picked = {read};
    return in.empty() && out.empty() ? picked : -1;
}}
"""


def _script(name: str, sources: Sequence[str]) -> str:
    """As hls4ml's script of that name: a library for C simulation."""
    lines = "".join(f'${{CC}} ${{CFLAGS}} -c {path} -o "{path}.o"\n' for path in [*sources, f"{name}_bridge.cpp"])
    objects = " ".join(f"{path}.o" for path in [*sources, f"{name}_bridge.cpp"])
    return f"""\
#!/bin/bash
# Compiles the C simulation, firmware/{name}.so.
set -e
cd "$(dirname "$0")"
CC=g++
CFLAGS="-O1 -fPIC -std=c++11 -fno-gnu-unique -w -Ifirmware/ap_types -Ifirmware -I."
CFLAGS+=" -DWEIGHTS_DIR=\\"$(pwd)/firmware/weights\\""
{lines}${{CC}} -shared {objects} -o firmware/{name}.so
rm -f {objects}
"""
