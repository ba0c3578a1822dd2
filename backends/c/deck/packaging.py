"""The files around a deck's library."""

from __future__ import annotations

from ....ops.base import shape_of
from ....ops.qtype import qtype
from ..packaging import TEMPLATES, render
from ..writer import comment_text
from .header import answer
from .program import DeckProgram


def packaging(
    deck: DeckProgram, target: str, library: list[str], selftest: str, optimise: str, *, images: bool = False
) -> dict[str, str]:
    """As that of a single card, with a page and a sketch that know of the state."""
    source = deck.first.schedule.source
    q = qtype(source)
    groups = [
        {"name": name, "cards": [card.name for card in deck.cards if card.group == index]}
        for index, name in enumerate(deck.groups)
    ]
    facts = {
        "name": deck.name, "optimise": optimise, "upper": deck.name.upper(), "library": library, "selftest": selftest,
        "target": comment_text(target), "arena": deck.arena, "in_type": deck.in_type, "out_type": deck.out_type,
        "in_size": deck.inputs, "out_size": deck.outputs, "in_lo": q.lo, "in_hi": q.hi, "in_scale": repr(q.scale[0]),
        "in_shape": f"shape {list(shape_of(source)[1:])}, last axis fastest", "answer": answer(deck),
        "cards": len(deck.cards), "groups": groups, "picked": deck.joint.picked, "gate": deck.gate is not None,
        "window": deck.gate.window if deck.gate is not None else 0, "images": images,
    }  # fmt: skip
    other = {"README.md": "deck_README.md.j2", "sketch.ino": "deck_sketch.ino.j2", "pico_main.c": "deck_pico_main.c.j2"}
    templates = {path: other.get(file.removesuffix(".j2"), file) for path, file in TEMPLATES.items()}
    return render(templates, facts)
