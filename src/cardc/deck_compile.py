"""From a deck to lowered cards, the integer gate, and the integers in which answers are joined."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from .backends.c.image import Pixels
from .backends.hls4ml import Options
from .compiler import Lowered, lower, steps_for
from .deck_joint import Average, Result, make_joint
from .errors import CompileError, raise_all
from .frontend.deck import Deck, load_deck
from .frontend.deck.integer_gate import fit_gate_and_goal
from .identifiers import identifier
from .ops.base import CARDC, QONNX, Array, result, shape_of
from .ops.deck_join import Joint
from .ops.graph import add_initializer, fresh, is_cardc
from .ops.qtype import qtype
from .ops.spectral import IntegerGate
from .ops.spectral.noise import EVERY
from .passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from .targets.base import Target
from .verify.run import check_inputs, entry

PIXEL_BITS = 8
PIXEL_SCALE = 1 / 255
DECK_FILE = "deck.toml"


@dataclass(frozen=True, slots=True)
class DeckOptions:
    """`average`: how several cards' answers are joined (None: softmax where there are several). `calibration`: images
    x [N, C, H, W] that take away what rounding adds to the gate's scores on average. `hls`: of every card's hls4ml
    project. `one_project`: on an FPGA, gate, cards and join under one top function, not as projects and components.
    `gate_goal_db`: signal to noise that the gate's words must reach on `calibration`, or on images like the templates;
    they are the shortest that do, on a microcontroller 16 bits at least. None: the deck's own goal, or that of its
    window (`ops.spectral.noise.goal_for`). `optimize`: for what a microcontroller's encodings and code are chosen, as
    `cardc.compile` has it; every card on its own. `pixels`: how bytes of an image become the deck's input, for a C
    library that takes images."""

    average: Average | None = None
    calibration: Array | None = None
    hls: Options | None = None
    one_project: bool = False
    gate_goal_db: float | None = None
    optimize: str = "speed"
    pixels: Pixels | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LoweredDeck:
    """A deck at the integer level. Each card's model is what `lower` was given: behind the deck's own input quantiser
    where there is a gate, whose words reach `goal_db`. `name` and the names of `cards` are C identifiers."""

    name: str
    deck: Deck
    cards: tuple[Lowered, ...]
    gate: IntegerGate | None
    joint: Joint
    groups: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    goal_db: float | None = None

    @property
    def first(self) -> Lowered:
        """The first card, whose input is that of all."""
        return self.cards[0]


def is_deck(source: Any) -> bool:
    """Whether `source` is a Deck or the folder of one."""
    if isinstance(source, Deck):
        return True
    return isinstance(source, (str, os.PathLike)) and (Path(source).is_dir() or Path(source).name == DECK_FILE)


def read_deck(source: Any) -> Deck:
    """The deck that `source` is, or that lies there (its folder, or the deck.toml in it)."""
    if isinstance(source, Deck):
        return source
    path = Path(source)
    return load_deck(path.parent if path.name == DECK_FILE else path)


def lower_deck(source: Any, target: Target, options: DeckOptions | None = None, name: str | None = None) -> LoweredDeck:
    """Lower every card of a deck for `target`, and fit the integer gate.

    Raises CompileError, naming the cards, where one cannot be lowered exactly or does not fit the others.
    """
    deck, options = read_deck(source), options or DeckOptions()
    steps_for(target, None, options.optimize)  # what the board refuses is refused once, not for every card
    gate = None if deck.mode == "agnostic" else deck.gate
    cards = _lower_cards(deck, target, options.optimize, pixels=gate is not None)
    _check_alike(cards)
    groups = gate.names if gate is not None else tuple(dict.fromkeys(c.augmentation for c in deck.cards))
    own = [groups.index(c.augmentation) for c in deck.cards]
    picked = 0 if gate is None else 1 if deck.mode == "adaptive" else deck.top
    joint = make_joint([_result(card) for card in cards], own, picked, options.average)
    title = identifier(name or deck.name).lower()
    if gate is None:
        return LoweredDeck(title, deck, cards, None, joint, groups)
    notes = (f"input quantised to {PIXEL_BITS} bits, {PIXEL_SCALE:.9g} a step, for gate and cards alike",)
    shape = shape_of(cards[0].imported.graph.inputs[0])[1:]
    if len(shape) != 3:
        raise CompileError(f"a gate before cards that take {list(shape)}", node=f"deck {deck.name!r}",
                           fix="give a gate images [C, H, W], or make the deck agnostic")  # fmt: skip
    levels = (1 << PIXEL_BITS) - 1
    images = None if options.calibration is None else calibration_images(cards[0], options.calibration)
    bits = EVERY if target.backend != "c" else [n for n in EVERY if n >= 16]  # shorter ones cost as much there
    size = (shape[0], shape[1], shape[2])
    goal = gate.goal_db if options.gate_goal_db is None else options.gate_goal_db
    integer, reached = fit_gate_and_goal(gate, size, 0, levels, PIXEL_SCALE, images, goal_db=goal, data_bits=bits)
    return LoweredDeck(title, deck, cards, integer, joint, groups, notes, reached)


def calibration_images(card: Lowered, x: Array) -> Array:
    """x as pixels, for `fit_integer_gate`. CompileError where x does not fit the cards."""
    floats = check_inputs(card.imported, x).astype(np.float64)
    return np.clip(np.rint(floats / PIXEL_SCALE), 0, (1 << PIXEL_BITS) - 1).astype(np.int64)


def _lower_cards(deck: Deck, target: Target, optimize: str, *, pixels: bool) -> tuple[Lowered, ...]:
    """Every card, or all problems of all cards at once."""
    found, problems, taken = [], list[CompileError](), set[str]()
    for card in deck.cards:
        try:
            proto = behind_pixels(card.model) if pixels else card.model
            title = identifier(f"{deck.name}_{card.name}", taken).lower()
            found.append(lower(proto, target, name=title, optimize=optimize))
        except CompileError as error:
            for problem in error.each():
                problem.stage = f"{problem.stage} of card {card.name!r}".strip()
                problems.append(problem)
    raise_all(problems)
    return tuple(found)


def behind_pixels(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The card with 8-bit pixels in front: its input x counts as round(255 x) / 255, limited to 0 ... 1.

    The gate sees these pixels too; the card's own quantiser stands behind, as it was trained.
    """
    model = ir.from_proto(proto)
    graph = model.graph
    inputs = [v for v in graph.inputs if v.name not in graph.initializers]
    uses = [use for value in inputs for use in value.uses()]
    if len(inputs) != 1 or not uses:
        raise CompileError(f"a card with {len(inputs)} inputs in use", node=graph.name, fix="export it with one input")
    numbers = {"scale": PIXEL_SCALE, "zero": 0.0, "bits": float(PIXEL_BITS)}
    parameters = [add_initializer(graph, f"cardc_pixel_{n}", np.asarray(v, np.float32)) for n, v in numbers.items()]
    quant = ir.node(
        "Quant", [inputs[0], *parameters], {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"}, domain=QONNX,
        num_outputs=1, name=fresh(graph, "cardc_pixels"),
    )  # fmt: skip
    out = quant.outputs[0]
    out.name, out.type, out.shape = fresh(graph, "cardc_pixels"), inputs[0].type, inputs[0].shape
    graph.opset_imports.setdefault(QONNX, 1)
    for use in uses:
        use.node.replace_input_with(use.idx, out)
    graph.insert_before(graph[0], quant)
    return ir.to_proto(model)


def _result(card: Lowered) -> Result:
    value = card.integer.graph.outputs[0]
    q, props = qtype(value), value.metadata_props
    node = value.producer()
    picks = node is not None and is_cardc(node, "ArgMax", "TopK")
    shape = shape_of(value)[1:]
    scale = float(props.get(OUT_SCALE, q.scale[0]))
    return Result(q.lo, q.hi, int(np.prod(shape)), scale, float(props.get(OUT_OFFSET, "0.0")), not picks)


def _check_alike(cards: Sequence[Lowered]) -> None:
    """Raises CompileError, for all cards at once, unless they take and give tensors of one shape and one type."""
    problems = []
    first = cards[0]
    for card in cards[1:]:
        for what, mine, theirs in (
            ("takes inputs of shape", _shapes(card)[0], _shapes(first)[0]),
            ("gives results of shape", _shapes(card)[1], _shapes(first)[1]),
            ("quantises its input to", _entrance(card), _entrance(first)),
        ):
            if mine != theirs:
                fix = "give all cards of a deck one input quantiser" if "quant" in what else (
                    "put cards for the same inputs and classes into a deck"
                )  # fmt: skip
                problems.append(
                    CompileError(f"card {card.name} {what} {mine}, card {first.name} {theirs}", node="deck", fix=fix)
                )
    raise_all(problems)


def _shapes(card: Lowered) -> tuple[list[int], list[int]]:
    graph = card.integer.graph
    return list(shape_of(graph.inputs[0])[1:]), list(shape_of(graph.outputs[0])[1:])


def _entrance(card: Lowered) -> str:
    """The input quantiser in words that tell any two apart."""
    name = entry(card.integer)
    value = next((v for n in card.integer.graph for v in n.outputs if v.name == name), card.integer.graph.inputs[0])
    q, node = qtype(value), value.producer()
    if node is None or node.domain != CARDC:
        return f"{q}, a step worth {q.scale[0]!r}"
    levels = [v.const_value.numpy().ravel().tolist() for v in node.inputs[1:] if v is not None and v.const_value]
    mark = "" if result(node) is not value else f", first and last threshold {levels[0][0]!r}, {levels[0][-1]!r}"
    return f"{q}, a step worth {q.scale[0]!r}{mark}"
