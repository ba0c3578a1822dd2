"""`<deck>.h`: the public interface of a deck, each part documented."""

from __future__ import annotations

from ....ops.qtype import qtype
from ..header import ERROR_ALIGN, ERROR_NULL, OK, arena_align
from ..image import Pixels, image_functions
from ..writer import Writer
from .program import DeckProgram


def header(deck: DeckProgram, pixels: Pixels | None = None) -> str:
    """Sizes, types, state, functions, those for images where `pixels` says what their bytes are worth."""
    w = Writer()
    _title(w, deck)
    with w.guard(f"{deck.name.upper()}_H"):
        w("#include <stdint.h>")
        if deck.gate is not None:
            w(f'#include "{deck.name}_gate.h"')
        w()
        _sizes(w, deck)
        with w.declarations():
            _functions(w, deck, pixels)
    return w.text()


def _functions(w: Writer, deck: DeckProgram, pixels: Pixels | None) -> None:
    up = deck.name.upper()
    if deck.gate is not None:
        _state(w, deck)
    _predict(w, deck)
    w()
    w.comment(
        f"The index, from 0 to {up}_OUT - 1, of the largest of the {up}_OUT outputs in `out`; the lowest one where",
        "several are largest. `out` is not NULL.",
    )
    w(f"int {deck.name}_argmax(const {deck.out_type} out[{up}_OUT]);")
    if deck.first.schedule.quantizer is not None:
        w()
        w.comment(
            "The deck's own input quantiser: real numbers, as the cards were trained on them, in the order of the",
            f"input, to the integers that {deck.name}_predict takes. What is not a number counts as the lowest. The",
            "two do not overlap and are not NULL. It is linked only where it is used.",
        )
        w(f"void {deck.name}_quantize(const float in[{up}_IN], {deck.in_type} out[{up}_IN]);")
    if pixels is not None:
        image_functions(w, deck.name, deck.first, pixels)


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
    w.comment("Forgets all inputs. Call it before the first one. `state` is not NULL.")
    w(f"void {name}_reset({name}_state *state);")
    w()
    w.comment(
        f"The gate alone: takes an input into the window, and the {up}_PICKS augmentations that it picks into `state`.",
        f"Arguments and results are those of {name}_predict.",
    )
    w(f"int {name}_feed(const {deck.in_type} in[{up}_IN], {name}_state *state, void *arena);")
    w()


def _predict(w: Writer, deck: DeckProgram) -> None:
    up, name = deck.name.upper(), deck.name
    stateful = f"{name}_state *state, " if deck.gate is not None else ""
    remembered = [f"`state`  what {name}_reset began; one for each stream of inputs."] if stateful else []
    w.comment(
        f"{name}_feed, then the cards that it picked." if stateful else "Runs every card.",
        "",
        f"`in`     {up}_IN quantised integers, in the order above, {up}_IN_LO to {up}_IN_HI; left as they are.",
        f"`out`    {up}_OUT integers, as said above. It lies outside of `in` and `arena`.",
        *remembered,
        f"`arena`  {up}_ARENA_BYTES bytes of working memory, aligned to {up}_ARENA_ALIGN, apart from `in`. They need",
        "         not be initialised and hold nothing for the next call.",
        "",
        f"Returns {up}_OK; {up}_ERROR_NULL where a pointer is NULL; {up}_ERROR_ALIGN where the arena is not aligned.",
        f"With an error nothing is written. Calls with different {'`state`, ' if stateful else ''}`out` and `arena`",
        "may run at the same time, in threads and interrupts.",
    )
    w(f"int {name}_predict(const {deck.in_type} in[{up}_IN], {deck.out_type} out[{up}_OUT], {stateful}void *arena);")
