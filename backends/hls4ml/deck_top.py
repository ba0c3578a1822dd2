"""The top function of a deck's design."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...ops.base import Array
from ...ops.deck_join import Joint
from .layer import Plan
from .layout import Layout


def top_header(name: str, bits: int, *, gated: bool, groups: int) -> str:
    """`<name>.h`."""
    pick = f"typedef ap_uint<{max(1, (groups - 1).bit_length())}> {name}_pick_t;\n" if gated else ""
    what = (
        "// Takes the pixels of one image, row by row, channels together; gives the augmentation that the last images\n"
        "// look like, and an integer a class. `reset` empties the gate's window first.\n"
        if gated
        else "// Takes the pixels of one image, row by row, channels together; gives an integer a class.\n"
    )
    return f"""\
#ifndef {name.upper()}_H_
#define {name.upper()}_H_

#include "ap_int.h"
#include "hls_stream.h"

typedef ap_int<{bits}> {name}_pixel_t;
{pick}
{what}void {name}({_ports(name, gated)});

#endif
"""


def _ports(name: str, gated: bool) -> str:
    if gated:
        return f"hls::stream<{name}_pixel_t> &in, bool reset, hls::stream<{name}_pick_t> &pick, hls::stream<int> &out"
    return f"hls::stream<{name}_pixel_t> &in, hls::stream<int> &out"


def top_source(name: str, cards: Sequence[tuple[str, Plan]], joint: Joint, *, gated: bool) -> str:
    """`<name>.cpp` for `cards` (their names and plans), which all take the same pixels."""
    pixels = int(cards[0][1].first.layout.order.size)
    classes = int(np.prod(cards[0][1].exit.layout.shape))
    includes = "".join(f'#include "cards/{card}/{card}.h"\n' for card, _ in cards)
    headers = [f"{name}.h", *([f"{name}_gate.h"] if gated else []), f"{name}_join.h"]
    own = "".join(f'#include "{header}"\n' for header in headers)
    parts = "".join(_card(name, card, plan, pixels) for card, plan in cards)
    ports = ["in", *(["pick"] if gated else []), "out"]
    pragmas = "".join(f"    #pragma HLS INTERFACE axis port={port}\n" for port in ports)
    streams = "".join(
        f"    hls::stream<int> {card}_results;\n    #pragma HLS STREAM variable={card}_results depth={classes}\n"
        for card, _ in cards
    )
    found = _gate(name, pixels) if gated else _read(pixels)
    joined = ", ".join([*(["picked"] if gated else []), *(f"{card}_results" for card, _ in cards), "out"])
    return f"""\
{own}{includes}
{parts}void {name}({_ports(name, gated)}) {{
{pragmas}    {name}_pixel_t image[{pixels}];
{streams}{found}{_runs([c for c, _ in cards], joint)}    {name}_join({joined});
}}
"""


def _read(pixels: int) -> str:
    return f"""\
Pixels:
    for (unsigned i = 0; i < {pixels}; i++) {{
        #pragma HLS PIPELINE II=1
        image[i] = in.read();
    }}
"""


def _gate(name: str, pixels: int) -> str:
    return f"""\
    hls::stream<{name}_gate_pixel_t> seen;
    #pragma HLS STREAM variable=seen depth={pixels}
    hls::stream<{name}_gate_pick_t> found;
    hls::stream<{name}_join_pick_t> picked;
    #pragma HLS STREAM variable=picked depth=2
Pixels:
    for (unsigned i = 0; i < {pixels}; i++) {{
        #pragma HLS PIPELINE II=1
        image[i] = in.read();
        seen.write({name}_gate_pixel_t(image[i]));
    }}
    {name}_gate(seen, reset, found);
    const unsigned group = found.read().to_uint();
    pick.write({name}_pick_t(group));
    picked.write({name}_join_pick_t(group));
"""


def _runs(cards: Sequence[str], joint: Joint) -> str:
    """Calls of the cards: all of them, or those of the picked group."""
    if not joint.picked:
        return "".join(f"    {card}_run(image, {card}_results);\n" for card in cards)
    return "".join(
        f"    if (group == {group})\n        {card}_run(image, {card}_results);\n"
        for card, group in zip(cards, joint.groups, strict=True)
    )


def _card(name: str, card: str, plan: Plan, pixels: int) -> str:
    """Functions that bring the image to the card in its own order and its results out in the graph's."""
    stream = plan.io_type == "io_stream"
    given, results = plan.first.layout, plan.exit.layout
    places = np.argsort(Layout.natural(given.shape).order)[given.order]  # of the card's elements, in the image
    fill = _fill(card, given, places, pixels) if stream else _spread(card, places)
    drain = _drain(card, results) if stream else _gather(card, results)
    types = f"{card}::input_t", f"{card}::result_t"
    if stream:
        body = (
            f"    #pragma HLS DATAFLOW\n    hls::stream<{types[0]}> x;\n    hls::stream<{types[1]}> y;\n"
            f"    {card}_fill(image, x);\n    {card}::{card}(x, y);\n    {card}_drain(y, results);\n"
        )
        x, y = f"hls::stream<{types[0]}> &x", f"hls::stream<{types[1]}> &y"
    else:
        size = int(np.prod(results.shape))
        body = (
            f"    {types[0]} x[{pixels}];\n    {types[1]} y[{size}];\n"
            "    #pragma HLS ARRAY_PARTITION variable=x complete\n    #pragma HLS ARRAY_PARTITION variable=y complete\n"
            f"    {card}_fill(image, x);\n    {card}::{card}(x, y);\n    {card}_drain(y, results);\n"
        )
        x, y = f"{types[0]} x[{pixels}]", f"{types[1]} y[{size}]"
    image = f"const {name}_pixel_t image[{pixels}]"
    return f"""\
static void {card}_fill({image}, {x}) {{
{fill}}}

static void {card}_drain({y}, hls::stream<int> &results) {{
{drain}}}

static void {card}_run({image}, hls::stream<int> &results) {{
{body}}}

"""


def _fill(card: str, layout: Layout, places: Array, pixels: int) -> str:
    size = layout.hls_shape[-1]
    table, at = _places(places, f"i * {size} + c")
    return f"""\
{table}    for (unsigned i = 0; i < {pixels // size}; i++) {{
        #pragma HLS PIPELINE II=1
        {card}::input_t packet;
        for (unsigned c = 0; c < {size}; c++) {{
            #pragma HLS UNROLL
            packet[c] = image[{at}];
        }}
        x.write(packet);
    }}
"""


def _spread(card: str, places: Array) -> str:
    table, at = _places(places, "i")
    return f"{table}    for (unsigned i = 0; i < {len(places)}; i++)\n        x[i] = image[{at}];\n"


def _drain(card: str, layout: Layout) -> str:
    size, total = layout.hls_shape[-1], int(layout.order.size)
    table, at = _places(np.argsort(layout.order), "i")
    return f"""\
{table}    int all[{total}];
    for (unsigned i = 0; i < {total // size}; i++) {{
        const {card}::result_t packet = y.read();
        for (unsigned c = 0; c < {size}; c++)
            all[i * {size} + c] = packet[c].to_int();
    }}
    for (unsigned i = 0; i < {total}; i++)
        results.write(all[{at}]);
"""


def _gather(card: str, layout: Layout) -> str:
    table, at = _places(np.argsort(layout.order), "i")
    return f"{table}    for (unsigned i = 0; i < {layout.order.size}; i++)\n        results.write(y[{at}].to_int());\n"


def _places(places: Array, index: str) -> tuple[str, str]:
    """A table of `places`, and how it is read at `index`; neither is needed where nothing moves."""
    if np.array_equal(places, np.arange(len(places))):
        return "", index
    values = ", ".join(map(str, places.tolist()))
    return f"    static const unsigned short at[{len(places)}] = {{{values}}};\n", f"at[{index}]"
