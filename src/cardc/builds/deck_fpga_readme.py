"""README.md of a deck for an FPGA: its folders, and what is to be done with them."""

from __future__ import annotations

from ..deck_compile import LoweredDeck
from ..targets.base import Target


def _rows(low: LoweredDeck, folder: str) -> str:
    pairs = zip(low.cards, low.deck.cards, strict=True)
    return "".join(f"| `{folder}/{card.name}` | {source.augmentation} |\n" for card, source in pairs)


def parts_readme(low: LoweredDeck, target: Target) -> str:
    """Of a project a card, and components beside them."""
    gate = (
        f"`gate/` holds `{low.name}_gate`: pixels in, the index of an augmentation out ({', '.join(low.groups)}).\n"
        if low.gate is not None
        else "All cards run for every image; there is no gate.\n"
    )
    return f"""\
# {low.name}

A deck for {target.title}, by cardc: an hls4ml project for each card, and components beside them.

| folder | augmentation |
|---|---|
{_rows(low, "cards")}
{gate}`join/` holds `{low.name}_join`: reads the pick and the results of the cards that it picked, writes one integer
a class.

Build each card as an hls4ml project, the components with `vitis_hls -f build_*.tcl`, and connect their streams in a
block design: the image to the gate and, by its pick, to the cards; their results to the join.
"""


def design_readme(low: LoweredDeck, target: Target) -> str:
    """Of one design."""
    gate = f"the gate's pick ({', '.join(low.groups)}) and " if low.gate is not None else ""
    return f"""\
# {low.name}

A deck for {target.title}, by cardc: one design, whose top function `{low.name}` takes the pixels of an image, row by
row, channels together, and gives {gate}one integer a class.

| folder | augmentation |
|---|---|
{_rows(low, "firmware/cards")}
Each card is what hls4ml wrote, in a namespace of its own. `vitis_hls -f build_{low.name}.tcl` synthesises the design;
`bash build_lib.sh` compiles its C simulation.
"""
