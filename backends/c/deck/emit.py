"""From a deck's program to the files of its library."""

from __future__ import annotations

from pathlib import PurePosixPath

from ....project import Project
from ....targets.base import Target
from .. import runtime
from ..backend import declaring
from ..gate import emit_gate
from ..header import header as card_header
from ..image import Pixels, image
from ..network import network as card_network
from ..quantizer import quantizer
from .constants import owners, weights, weights_header
from .header import header
from .network import kernels, network
from .packaging import packaging
from .program import DeckProgram, without_quantizer
from .selftest import Golden, selftest


def emit_deck(
    deck: DeckProgram, golden: Golden, target: Target, optimise: str = "-O2", pixels: Pixels | None = None
) -> Project:
    """The whole project: `src/`, the self-test of `golden`, and what build systems want. `optimise` is what CMake hands
    to the compiler. With `pixels`, the library takes images too."""
    files = library_files(deck, pixels)
    test = f"test/{deck.name}_selftest.c"
    files[test] = selftest(deck, golden)
    sources = sorted(path for path in files if path.startswith("src/") and path.endswith(".c"))
    files |= packaging(deck, target.title, sources, test, optimise, images=pixels is not None)
    return Project({PurePosixPath(path): text for path, text in files.items()})


def library_files(deck: DeckProgram, pixels: Pixels | None = None) -> dict[str, str]:
    """`src/`: the deck's files, its cards', its gate's, and the kernels that they use, each once."""
    own = {f"{deck.name}.h": header(deck, pixels), f"{deck.name}.c": network(deck, declaring(kernels(deck)))}
    held, used = owners(deck.cards), kernels(deck)
    for card in deck.cards:
        program = without_quantizer(card.program)
        called = set(program.functions) | {f"cardc_argmax_{'i32' if card.wide else 'i16'}"}
        used |= called
        own |= {
            f"{card.name}.h": card_header(card.name, program, card.scale, card.offset),
            f"{card.name}.c": card_network(card.name, program, declaring(called)),
            f"{card.name}_weights.h": weights_header(card, held),
            f"{card.name}_weights.c": weights(card, held),
        }
    text = quantizer(deck.name, deck.first)
    if text is not None:
        own[f"{deck.name}_quantize.c"] = text
        used.add("cardc_load_f32")
    if pixels is not None:
        own[f"{deck.name}_image.c"] = image(deck.name, deck.first, pixels)
    if deck.gate is not None:
        gate = emit_gate(deck.gate, deck.name, deck.in_type)
        own |= gate.files
        used |= set(gate.functions)
    return {f"src/{file}": text for file, text in sorted((own | runtime.sources(used)).items())}
