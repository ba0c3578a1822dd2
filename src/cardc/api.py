"""The public API: `compile` a model for a board, `verify` it over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from .backends.c.image import Pixels
from .backends.hls4ml import Options as HlsOptions
from .builds import Build, build_for
from .builds.deck import DeckBuild
from .builds.made import DEFAULT_EMULATED, silent
from .compiler import After, lower, to_integers
from .deck_api import compile_deck, reject
from .deck_compile import DeckOptions, is_deck
from .entrance import Entrance
from .errors import CompileError
from .frontend.deck import Deck
from .ops.base import Array
from .report import Exact
from .sources import Source
from .targets.base import Target, load
from .verify.run import Progress, check_inputs
from .verify.run import verify as verify_stages


@overload
def compile(  # pyright: ignore[reportOverlappingOverload]  (a Source may be anything, a Deck too)
    source: Deck, target: str | Path | Target, *, name: str | None = None, options: DeckOptions | None = None
) -> DeckBuild: ...
@overload
def compile(
    source: Source,
    target: str | Path | Target,
    *,
    sample: Any = None,
    name: str | None = None,
    after: After | None = None,
    entrance: Entrance | None = None,
    dims: Mapping[str, int] | None = None,
    pixels: Pixels | None = None,
    hls: HlsOptions | None = None,
    encodings: Mapping[str, str] | None = None,
    optimize: str = "speed",
    options: DeckOptions | None = None,
) -> Build: ...
def compile(
    source: Source,
    target: str | Path | Target,
    *,
    sample: Any = None,
    name: str | None = None,
    after: After | None = None,
    entrance: Entrance | None = None,
    dims: Mapping[str, int] | None = None,
    pixels: Pixels | None = None,
    hls: HlsOptions | None = None,
    encodings: Mapping[str, str] | None = None,
    optimize: str = "speed",
    options: DeckOptions | None = None,
) -> Build | DeckBuild:
    """Compile `source` for `target`, exactly.

    `source`: path to a QONNX file, an onnx.ModelProto, or a Brevitas module with `sample` (a batch of one).
    `target`: the name of a board, a path to a board's TOML file, or a Target. `name`: of the library.
    `after(pass_name, graph)` sees the graph behind each pass. `entrance` quantises the input of a model that does not.
    `dims`: sizes of symbolic axes of the input by their names, as {"H": 32}; the batch needs none.
    `pixels`: how bytes of an image become the model's input, for a C library that takes images.
    `hls`: choices for an hls4ml project: io type, reuse factors (`auto` fits them to the board), strategies, backend.
    `encodings`: how a microcontroller stores the weights of the layers named, as {"conv1": "taps"}.
    `optimize`: for what a microcontroller's others are chosen: speed (fewest instructions), balanced (the same
    kernels in less memory, for at most a quarter more instructions, -Os) or size (weights near their entropy, -Os).
    A Deck, or the path to a deck's folder, gives a DeckBuild; `options` are for decks only (type checkers take a path
    for a single card's: call `compile_deck`).

    Raises CompileError, with node, reason and remedy, for what cannot be lowered exactly. A design that does not
    fit compiles, so that it can be looked at; `build.report.fits` tells, and `build.write` refuses.
    """
    board = target if isinstance(target, Target) else load(target)
    if is_deck(source):
        reject(
            {
                "sample": sample is not None,
                "after": after,
                "entrance": entrance,
                "dims": dims,
                "hls": hls,
                "encodings": encodings,
            }
        )
        if optimize != "speed":
            options = replace(options or DeckOptions(), optimize=optimize)
        if pixels is not None:
            options = replace(options or DeckOptions(), pixels=pixels)
        return compile_deck(source, board, name=name, options=options)
    if options is not None:
        raise CompileError("options of a deck for a single card", fix="leave options out")
    lowered = lower(
        source, board, sample=sample, name=name, after=after, entrance=entrance, dims=dims, encodings=encodings,
        optimize=optimize,
    )  # fmt: skip
    return build_for(lowered, board, pixels, hls)


def verify(
    source: Source,
    targets: Sequence[str | Path | Target],
    inputs: Array,
    labels: Array | None = None,
    *,
    sample: Any = None,
    entrance: Entrance | None = None,
    dims: Mapping[str, int] | None = None,
    emulated_inputs: int | None = None,
    progress: Progress = silent,
) -> Exact:
    """Run the equality chain of `source` through every board of `targets` at once, on inputs x [N, ...].

    Brevitas (where `source` is a module) == qonnx == integer graph == each board's compiled stages, at every
    quantised tensor. Emulators get the first `emulated_inputs` samples (1,000 if not given).
    """
    if not targets:
        raise CompileError("no target to verify on", fix="name at least one board: see `cardc targets`")
    boards = [target if isinstance(target, Target) else load(target) for target in targets]
    if is_deck(source):
        raise CompileError("a deck where a model is expected", fix="call verify_deck for decks")
    low = to_integers(source, sample=sample, entrance=entrance, dims=dims)
    builds = [build_for(low.on(board), board) for board in boards]
    n = len(check_inputs(low.imported, inputs))
    emulated = min(n, emulated_inputs or DEFAULT_EMULATED)
    stages = {stage.name: stage for build in builds for stage in build.stages(n, emulated)}
    return verify_stages(
        low.imported,
        low.integer,
        low.proto,
        inputs,
        list(stages.values()),
        labels=labels,
        module=low.module,
        progress=progress,
    )
