"""`<deck>.h`: the public interface of a deck, each part documented."""

from __future__ import annotations

from ....ops.qtype import qtype
from ..header import ERROR_ALIGN, ERROR_NULL, OK, arena_align
from ..writer import Writer
from .program import DeckProgram


def header(deck: DeckProgram) -> str:
    """Sizes, types, state, functions."""
    w = Writer()
    _title(w, deck)
    with w.guard(f"{deck.name.upper()}_H"):
        w("#include <stdint.h>")
        if deck.gate is not None:
            w(f'#include "{deck.name}_gate.h"')
        w()
        _sizes(w, deck)
        with w.declarations():
            _functions(w, deck)
    return w.text()


def _functions(w: Writer, deck: DeckProgram) -> None:
    up = deck.name.upper()
    if deck.gate is not None:
        _state(w, deck)
    _predict(w, deck)
    w()
    w.comment("The index of the largest output, the lowest one where several are largest.")
    w(f"int {deck.name}_argmax(const {deck.out_type} out[{up}_OUT]);")
    if deck.first.schedule.quantizer is not None:
        w()
        w.comment(
            "The deck's own input quantiser: real numbers, as the cards were trained on them, to the integers that",
            f"{deck.name}_predict takes. It is linked only if it is used.",
        )
        w(f"void {deck.name}_quantize(const float in[{up}_IN], {deck.in_type} out[{up}_IN]);")


def answer(deck: DeckProgram) -> str:
    """What the outputs are, in words."""
    n, joint = f"{deck.outputs} integers", deck.joint
    within = f"to within {joint.bound:.3g}" if joint.bound else "exactly"
    if joint.kind == "softmax":
        return f"{n}, the mean of the cards' class probabilities in units of {joint.scale!r}, {within}"
    if joint.kind == "logits":
        return f"{n}, the mean of the cards' logits in units of {joint.scale!r}, {within}"
    return f"{n}, those of the picked card, whose unit is its own"


def _title(w: Writer, deck: DeckProgram) -> None:
    q = qtype(deck.first.schedule.source)
    what = f"the cards of the {deck.joint.picked} nearest of" if deck.joint.picked > 1 else "the cards of one of"
    run = "All cards run." if deck.gate is None else f"A gate picks {what} {len(deck.groups)} augmentations."
    w.comment(
        f"{deck.name}: a deck of {len(deck.cards)} neural networks in exact integer arithmetic, compiled by cardc.",
        "",
        f"Input:  {deck.inputs} integers from {q.lo} to {q.hi}, each worth {q.scale[0]!r}, [channels, height, width],",
        "        last axis fastest.",
        f"Output: {answer(deck)}.",
        run,
    )


def _sizes(w: Writer, deck: DeckProgram) -> None:
    up, q = deck.name.upper(), qtype(deck.first.schedule.source)
    w(f"#define {up}_IN {deck.inputs} /* elements of the input */")
    w(f"#define {up}_OUT {deck.outputs} /* elements of the output */")
    w(f"#define {up}_ARENA_BYTES {deck.arena} /* working memory, shared by gate and cards */")
    arena_align(w, up)
    w(f"#define {up}_IN_LO ({q.lo})")
    w(f"#define {up}_IN_HI {q.hi}")
    w(f"#define {up}_IN_SCALE {q.scale[0]!r} /* what one unit of the input is worth */")
    if deck.joint.scale is not None:
        w(f"#define {up}_OUT_SCALE {deck.joint.scale!r} /* what one unit of the output is worth */")
    if deck.gate is not None:
        w(f"#define {up}_PICKS {deck.joint.picked} /* augmentations that are picked */")
        w(f"#define {up}_WINDOW {deck.gate.window} /* inputs that the gate looks at */")
        for index, group in enumerate(deck.groups):
            w.comment(f"augmentation {index}: {group}, {', '.join(c.name for c in deck.cards if c.group == index)}")
    w()
    w(f"#define {up}_OK {OK}")
    w(f"#define {up}_ERROR_NULL {ERROR_NULL} /* a pointer is NULL */")
    w(f"#define {up}_ERROR_ALIGN {ERROR_ALIGN} /* the arena is not aligned */")
    w()


def _state(w: Writer, deck: DeckProgram) -> None:
    up, name = deck.name.upper(), deck.name
    w.comment(
        "What the deck remembers from one input to the next: the gate's window, and the augmentations that were picked",
        "last, the nearest first. It is the caller's; one for each stream of inputs.",
    )
    with w.block(f"typedef struct {name}_state", f"}} {name}_state;"):
        w(f"{name}_gate_state gate;")
        w(f"uint8_t picks[{up}_PICKS];")
    w()
    w.comment("Forgets all inputs. Call it before the first one.")
    w(f"void {name}_reset({name}_state *state);")
    w()
    w.comment(f"The gate alone: takes an input into the window and picks. Returns {up}_OK or an error.")
    w(f"int {name}_feed(const {deck.in_type} in[{up}_IN], {name}_state *state, void *arena);")
    w()


def _predict(w: Writer, deck: DeckProgram) -> None:
    up, name = deck.name.upper(), deck.name
    stateful = f"{name}_state *state, " if deck.gate is not None else ""
    first = f"{name}_feed, then the cards that it picked." if stateful else "Runs every card."
    at_once = "arenas and states" if stateful else "arenas"
    w.comment(
        first,
        "`arena` is working memory of the size and alignment above; it need not be initialised and keeps nothing from",
        f"one call to the next. Returns {up}_OK or an error, and then `out` is untouched. Calls with different",
        f"{at_once} may run at the same time.",
    )
    w(f"int {name}_predict(const {deck.in_type} in[{up}_IN], {deck.out_type} out[{up}_OUT], {stateful}void *arena);")
