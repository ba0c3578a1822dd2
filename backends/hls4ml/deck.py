"""The part of a deck that joins its cards' answers, as an HLS component of its own beside the cards and the gate.

Its ports are streams: the gate's pick, and the results of each card that ran. It reads from the cards of the picked
augmentation only, so that the others need not have run.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import PurePosixPath

from ...ops.deck_join import Joint
from ...ops.softmax_fixed import SoftmaxPlan
from .script import vitis_script

HEADER = "cardc_deck.h"


def join_component(
    name: str, cards: Sequence[str], joint: Joint, classes: int, groups: int, *, part: str, clock_ns: float
) -> dict[PurePosixPath, str]:
    """The files of the component `<name>_join` for `cards` (C identifiers) that give `classes` integers each."""
    top = f"{name}_join"
    folder = files(__name__.rpartition(".")[0]) / "nnet_utils"
    texts = {
        f"firmware/{top}.h": _header(top, cards, joint, groups),
        f"firmware/{top}.cpp": _source(top, cards, joint, classes, groups),
        f"firmware/nnet_utils/{HEADER}": (folder / HEADER).read_text(encoding="utf-8"),
        f"build_{top}.tcl": vitis_script(top, [f"firmware/{top}.cpp"], part, clock_ns),
    }
    return {PurePosixPath(path): text for path, text in sorted(texts.items())}


def _ports(top: str, cards: Sequence[str], joint: Joint) -> str:
    pick = [f"hls::stream<{top}_pick_t> &pick"] if joint.picked else []
    return ", ".join([*pick, *(f"hls::stream<int> &{card}" for card in cards), "hls::stream<int> &out"])


def _header(top: str, cards: Sequence[str], joint: Joint, groups: int) -> str:
    return f"""\
#ifndef {top.upper()}_H_
#define {top.upper()}_H_

#include "ap_int.h"
#include "hls_stream.h"

typedef ap_uint<{max(1, (groups - 1).bit_length())}> {top}_pick_t;

// Joins the integers that the cards of the picked augmentation gave for one input, and writes one for each class.
void {top}({_ports(top, cards, joint)});

#endif
"""


def _source(top: str, cards: Sequence[str], joint: Joint, classes: int, groups: int) -> str:
    plans = "".join(
        f"    static const nnet::cardc_softmax {card}_softmax = "
        f"{{{p.multiplier}u, {p.rounding}u, {p.limit}u, {p.shift - 12}u, {p.headroom}u}};\n"
        for card, p in zip(cards, joint.parts, strict=True)
        if isinstance(p, SoftmaxPlan)
    )
    ports = [*(["pick"] if joint.picked else []), *cards, "out"]
    pragmas = "".join(f"    #pragma HLS INTERFACE axis port={port}\n" for port in ports)
    runs = "".join(_group(cards, joint, classes, group) for group in range(groups)) if joint.picked else ""
    every = "" if joint.picked else "".join(_card(cards, joint, classes, k, 1, "    ") for k in range(len(cards)))
    picked = "    const unsigned picked = pick.read().to_uint();\n" if joint.picked else ""
    return f"""\
#include "{top}.h"
#include "nnet_utils/{HEADER}"

void {top}({_ports(top, cards, joint)}) {{
{pragmas}{plans}    int x[{classes}], sum[{classes}] = {{0}};
{picked}{runs}{every}    for (unsigned j = 0; j < {classes}; j++)
        out.write(sum[j]);
}}
"""


def _group(cards: Sequence[str], joint: Joint, classes: int, group: int) -> str:
    own = [k for k, g in enumerate(joint.groups) if g == group]
    weight = joint.weights[len(own)]
    body = "".join(_card(cards, joint, classes, k, weight, "        ") for k in own)
    return f"    if (picked == {group}) {{\n{body}    }}\n"


def _card(cards: Sequence[str], joint: Joint, classes: int, k: int, weight: int, indent: str) -> str:
    part, card = joint.parts[k], cards[k]
    read = f"{indent}for (unsigned j = 0; j < {classes}; j++)\n{indent}    x[j] = {card}.read();\n"
    if isinstance(part, SoftmaxPlan):
        return f"{read}{indent}nnet::cardc_add_softmax<{classes}>(x, {card}_softmax, {weight}, sum);\n"
    return f"{read}{indent}nnet::cardc_add_logits<{classes}>(x, {part.multiplier}, {part.offset}, {weight}, sum);\n"
