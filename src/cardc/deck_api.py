"""Decks through the public API: `compile_deck` for a board, `verify_deck` over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .builds import refuse_pixels
from .builds.deck import DeckBuild
from .builds.made import DEFAULT_EMULATED, silent
from .deck_compile import DeckOptions, LoweredDeck, lower_deck, read_deck
from .errors import CompileError
from .ops.base import Array
from .report import Exact
from .targets.base import Target, load
from .verify.deck import verify_deck as verify_stages
from .verify.run import Progress, check_inputs


def compile_deck(
    source: Any, target: str | Path | Target, *, name: str | None = None, options: DeckOptions | None = None
) -> DeckBuild:
    """Compile a whole deck for `target`: gate and cards in one library or project.

    `source`: a Deck, its folder, or the deck.toml in it. Raises CompileError, naming the card, for what cannot be
    lowered exactly or does not fit the rest of the deck.
    """
    board = target if isinstance(target, Target) else load(target)
    options = options or DeckOptions()
    return deck_build_for(lower_deck(source, board, options, name), board, options)


def deck_build_for(lowered: LoweredDeck, target: Target, options: DeckOptions) -> DeckBuild:
    """The build of the backend that `target` asks for. CompileError for options of hls4ml without an FPGA."""
    if target.backend == "c":
        if options.hls is not None or options.one_project:
            fix = "leave them out, or choose an FPGA: `cardc targets`"
            raise CompileError(f"options of hls4ml for {target.title}", fix=fix)
        if target.has("eight_bit"):
            fix = "compile one of its cards, or choose a board of 32 bits: `cardc targets`"
            raise CompileError(f"decks are not compiled for cores of 8 bits, as {target.core} is", fix=fix)
        from .builds.deck_mcu import McuDeckBuild

        return McuDeckBuild(lowered, target, options.pixels)
    if options.pixels is not None:
        refuse_pixels(target)
    from .builds.deck_fpga import FpgaDeckBuild

    return FpgaDeckBuild(lowered, target, options.hls, one_project=options.one_project)


def verify_deck(
    source: Any,
    targets: Sequence[str | Path | Target],
    inputs: Array,
    labels: Array | None = None,
    *,
    options: DeckOptions | None = None,
    emulated_inputs: int | None = None,
    progress: Progress = silent,
) -> Exact:
    """Run the chain of a deck through every board of `targets` at once; `inputs` x [N, ...] are a sequence in time."""
    if not targets:
        raise CompileError("no target to verify on", fix="name at least one board: see `cardc targets`")
    boards = [target if isinstance(target, Target) else load(target) for target in targets]
    deck = read_deck(source)
    own = None if deck.gate is None else deck.gate.goal_db
    goal = own if options is None or options.gate_goal_db is None else options.gate_goal_db
    if goal is not None and len({b.backend == "c" for b in boards}) > 1:
        what = "a goal for the gate's words gives FPGAs and microcontrollers different ones"
        raise CompileError(what, fix="verify them one after the other")
    builds = [compile_deck(deck, board, options=options) for board in boards]
    n = len(check_inputs(builds[0].lowered.first.imported, inputs))
    emulated = min(n, emulated_inputs or DEFAULT_EMULATED)

    def cards(index: int) -> list[Any]:
        found = {s.name: s for build in builds for s in build.card_stages(n, emulated)(index)}
        return list(found.values())

    stages = {s.name: s for build in builds for s in build.deck_stages(n, emulated)}
    return verify_stages(builds[0].lowered, inputs, cards, list(stages.values()), labels, progress)


def reject(given: Mapping[str, object]) -> None:
    """CompileError for the first option of single cards (by its name) that was given for a deck."""
    for option, value in given.items():
        if value:
            raise CompileError(f"{option} is for single cards, not for decks", fix="leave it out, or compile one card")
