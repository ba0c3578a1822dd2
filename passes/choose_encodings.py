"""choose-encodings: Conv, MatMul -> the same with `encoding`, how the weights are stored and which kernel reads them.

    Conv     lanes   places of +-1 taps, four pixels a word       ternary weights, stride 1 across
             taps    the same places, one pixel at a time         ternary weights
             pairs   two channels to a word, 4 or 8 bits a weight weights and inputs of few bits
             long    three taps to a word                         weights and inputs of few bits, sums of 12; on cores
                                                                  that multiply to 64 bits at once and have room
                                                                  for copies of the input, or on request
             stacked pixels of several rows to a word             any weights of 8 bits; on cores of 32 bits without
                                                                  vectors that have room for copies of the input,
                                                                  or on request
             runs    places of runs of words in copies            ternary weights; where the target's memory has room
                                                                  for copies of a band of the input, or on request
             vectors places of vectors of pixels in the input     ternary weights; on cores with vectors, that have room
                                                                  for a copy where strides are not 1, or on request
             products  a byte a weight, vectors of pixels         any weights of 8 bits; as vectors
             patches a byte a weight, 2 or 16 products     any weights of 8 bits; on cores with vectors or the
                     at a time                                    DSP extension that have room for patches of a
                                                                  band, or on request
             int8    a byte a weight                              any weights of 8 bits
             rice    gaps between weights, near their entropy     ternary weights; for size
    MatMul   sparse  lists of +-1 columns                         ternary weights
             binary  one bit a weight, XNOR and popcount          weights of -1, +1
             ternary two bits a weight, mask and sign             ternary weights
             vertical  the same bits transposed, 32 outputs at a  ternary weights, inputs of two levels
                     time
             rice    gaps between weights, near their entropy     ternary weights; for size
             int8    a byte a weight                              any weights of 8 bits
    both     straight  no weights but code, two instructions and  ternary weights, at most 8,192 that are not 0; where
                     some 6 to 18 bytes each                      the target's flash has room, or on request
             wide    as many bytes as they need                   what is too wide for all of these: inputs of more than
                                                                  256 levels, other weights, sums beyond 32 bits

The cheapest one in estimated instructions is taken, ties by bytes of flash (`optimize` speed and balanced),
or the smallest, ties by instructions (size); kernel_costs has the estimates, which the
features of the target's core change. Keeps: everything; only an attribute is added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, did_you_mean, raise_all
from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .base import Pass, PassLog
from .channel_ends import ends_of
from .dense_costs import dense_costs
from .encodings.long import LongGeometry
from .encodings.stacked import StackedGeometry
from .kernel_costs import Cost, conv_costs, spent
from .layer_shape import conv_shape, stored_levels, tail_of
from .long_costs import long_cost
from .long_plan import geometry as long_geometry
from .long_plan import weights4
from .patches_plan import layout_for as patches_layout
from .patches_plan import patches_cost
from .patches_plan import plan as plan_patches
from .place_costs import bytes_read, encoded, layout_now, output_layout_of, place_terms
from .runs_costs import runs_cost
from .runs_plan import BAND, flat, geometry, spare_bytes
from .schedule import base
from .stacked_costs import stacked_cost
from .stacked_plan import PART
from .stacked_plan import geometry as stacked_geometry
from .straight_costs import MOST_CODE, straight_cost, worth_code
from .turns import turns_of
from .vectors_plan import layout_for, products_cost, products_layout, vectors_cost
from .wide import beyond_32_bits, wide_costs, wide_product

CONV = ("lanes", "taps", "pairs", "long", "stacked", "runs", "vectors", "products", "patches", "rice", "int8")
DENSE = ("sparse", "binary", "ternary", "vertical", "rice", "int8")

_HALVES = 2  # bytes of a sum
_NEAR = 1 << 16  # bytes of an input that places of 16 bits reach

OPTIMIZE = ("speed", "size", "balanced")


@dataclass(frozen=True)
class ChooseEncodings(Pass):
    """`features` are those of the target's core (see targets/schema.py); `force` names an encoding to use wherever it
    can be used, for tests and comparisons; `wanted` holds (name of a layer, its encoding), and all must be met. `ram`
    are the target's bytes of memory, of which encodings that need scratch may take what the tensors leave; 0: none.
    `whole`: as little as whole tensors leave. `flash` are its bytes of flash, of which weights as code may take a part;
    0: none. `optimize` is one of OPTIMIZE."""

    name: ClassVar[str] = "choose-encodings"
    features: tuple[str, ...] = ()
    force: tuple[str, ...] = ()
    wanted: tuple[tuple[str, str], ...] = ()
    ram: int = 0
    whole: bool = False
    flash: int = 0
    optimize: str = "speed"

    def run(self, model: ir.Model, log: PassLog) -> int:
        errors, wanted = [], dict(self.wanted)
        layers = [node for node in model.graph if is_cardc(node, "Conv", "MatMul")]
        for name in sorted(wanted.keys() - {node.name for node in layers}):
            errors.append(_no_layer(name, [node.name or "" for node in layers]))
        room, picked = spare_bytes(model, self.ram, whole=self.whole), []
        for node in reversed(layers):  # where a tensor lies follows from its readers
            try:
                options = self.options(node, room)
                picked.append((node, options, self._chosen(node, options, wanted)))
                node.attributes["encoding"] = ir.AttrString("encoding", picked[-1][2])
            except CompileError as error:
                errors.append(error)
        picked.reverse()
        raise_all(errors[::-1])
        code = self._code(picked, wanted)
        for k, (node, options, chosen) in enumerate(picked):
            node.attributes["encoding"] = ir.AttrString("encoding", "straight" if k in code else chosen)
            # Whether packed arithmetic finishes sums in fewer instructions than tables.
            node.attributes["packed"] = ir.AttrInt64("packed", int("dsp" in self.features))
            log.notes.append(f"{node.name}: {'straight' if k in code else chosen} ({_listed(options)})")
        return len(picked)

    def _code(self, picked: list[tuple[ir.Node, dict[str, Cost], str]], wanted: dict[str, str]) -> set[int]:
        """Which of the layers become code, though nobody asked for it."""
        if self.optimize != "speed" or self.flash == 0 or self.force:
            return set()
        features, layers = frozenset(self.features), []
        for node, options, chosen in picked:
            free = node.name not in wanted and chosen in options
            code = straight_cost(node, weights_of(node), features) if free else None
            code = None if code is None else self._placed(node, "straight", code)
            layers.append((options.get(chosen, Cost(0.0, 0.0)), code))
            if code is not None:
                options["straight"] = code
        return worth_code(layers, self.flash, small=bool({"eight_bit", "software_multiply"} & features))

    def options(self, node: ir.Node, room: int) -> dict[str, Cost]:
        """Every encoding that `node` may be given, with `room` bytes of scratch, and its cost."""
        options = costs(node, frozenset(self.features))
        if node.op_type == "Conv" and "rice" in options and bytes_read(node, "rice") > _NEAR:
            del options["rice"]
        self._add_long(node, options, room)
        self._add_stacked(node, options, room)
        self._add_runs(node, options, room)
        self._add_vectors(node, options, room)
        return {name: self._placed(node, name, cost) for name, cost in options.items()}

    def _placed(self, node: ir.Node, encoding: str, cost: Cost) -> Cost:
        """`cost` with what copies and borders take."""
        beside = spent(place_terms(node, encoding), frozenset(self.features))
        return replace(cost, instructions=cost.instructions + beside)

    def _add_long(self, node: ir.Node, options: dict[str, Cost], room: int) -> None:
        """List `long` for a convolution whose copies fit `room` bytes, on cores that multiply to 64 bits at once."""
        if node.op_type != "Conv" or "pairs" not in options or not long_multiplies(self.features):
            return
        g, w = _long(node), constant(operand(node, 1))
        if g is None or w is None or g.work_bytes > room:
            return
        ends = ends_of(node, w, _HALVES, packed="dsp" in self.features)
        with encoded(node, "long"):
            out = output_layout_of(node)
        options["long"] = long_cost(
            weights4(w), g, integer(node, "group", 1), ends, tail_of(node), frozenset(self.features),
            flat=out.row == out.width,
        )  # fmt: skip

    def _add_stacked(self, node: ir.Node, options: dict[str, Cost], room: int) -> None:
        """List `stacked` for a convolution whose copies fit `room` bytes, on cores of 32 bits without vectors."""
        other = {"eight_bit", "mve"} & set(self.features)
        if node.op_type != "Conv" or "pairs" not in options or other:
            return
        node.attributes.pop(PART, None)
        g = _stacked(node, room)
        if g is not None:
            node.attributes[PART] = ir.AttrInt64(PART, g.part)
            with encoded(node, "stacked"):
                levels, out = stored_levels(node), output_layout_of(node)
            g = stacked_geometry(node, levels) or g
            flat = out.row == out.width
            options["stacked"] = stacked_cost(node, weights_of(node), g, frozenset(self.features), flat=flat)

    def _add_runs(self, node: ir.Node, options: dict[str, Cost], room: int) -> None:
        """List `runs` for a convolution whose copies fit `room` bytes."""
        small = {"eight_bit", "software_multiply"} & set(self.features)  # parts without memory for code and copies
        if node.op_type != "Conv" or "taps" not in options or room == 0 or small:
            return
        node.attributes.pop(BAND, None)
        max_u = min(255, qtype(operand(node, 0)).levels)
        g = geometry(node, max_u, room=room)
        if g is None:
            return
        node.attributes[BAND] = ir.AttrInt64(BAND, g.rows)
        w, out = constant(operand(node, 1)), shape_of(result(node))
        if w is None:
            return
        w4 = w.reshape(len(w), w.shape[1], 1, -1) if w.ndim == 3 else w
        height = int(out[2]) if len(out) == 4 else 1
        touching = flat(g, height) if _rows_touch(node) else None
        g, height = (g, height) if touching is None else (touching, 1)
        ends = ends_of(node, w, g.lane, packed="dsp" in self.features)
        options["runs"] = runs_cost(
            w4.astype(np.int64), g, height, max(1, stored_levels(node) - 1), ends, tail_of(node),
            frozenset(self.features),
        )  # fmt: skip

    def _add_vectors(self, node: ir.Node, options: dict[str, Cost], room: int) -> None:
        """List `vectors` and `products` where the core has vectors, `patches` there and with the DSP extension, all of
        them where they fit `room` bytes."""
        if node.op_type != "Conv" or "dsp" not in self.features or "int8" not in options:
            return
        mve = (("vectors", vectors_cost), ("products", products_cost))
        for name, find in mve if "mve" in self.features else ():
            cost = find(node, room)
            options |= {} if cost is None else {name: cost}
        cost = patches_cost(node, frozenset(self.features), room)
        options |= {} if cost is None else {"patches": cost}

    def _chosen(self, node: ir.Node, options: dict[str, Cost], wanted: dict[str, str]) -> str:
        if node.name in wanted:
            if wanted[node.name] not in options and not self._on_request(node, wanted[node.name], options):
                what = f"{wanted[node.name]!r} cannot hold these weights"
                raise CompileError(what, node=node, fix=did_you_mean(wanted[node.name], options))
            return wanted[node.name]
        forced = [name for name in self.force if name in options or self._on_request(node, name, options)]
        best = min(options, key=lambda name: (*_rank(options[name], self.optimize), name))
        return forced[0] if forced else best

    def _on_request(self, node: ir.Node, name: str, options: dict[str, Cost]) -> bool:
        """Whether `node` can be stored in an encoding that `options` does not list, as it is never chosen unasked."""
        small = "eight_bit" in self.features
        if name == "long":
            return node.op_type == "Conv" and "pairs" in options and not small and _long(node) is not None
        if name == "stacked":
            return node.op_type == "Conv" and "pairs" in options and not small and _stacked(node) is not None
        if name in ("vectors", "products"):
            fits = layout_for if name == "vectors" else products_layout
            return node.op_type == "Conv" and "int8" in options and not small and fits(node) is not None
        if name == "patches":
            able = node.op_type == "Conv" and "int8" in options and not small
            return able and plan_patches(node, patches_layout(node)) is not None
        return _on_request(node, name, options)


def _rows_touch(node: ir.Node) -> bool:
    """Whether the rows of what the convolution `node` reads, by runs, and of what it makes lie one behind the other."""
    with encoded(node, "runs"):
        layouts = (layout_now(base(operand(node, 0))), output_layout_of(node))
    return all(layout.row == layout.width for layout in layouts)


def long_multiplies(features: tuple[str, ...]) -> bool:
    """Whether a core multiplies to 64 bits in one instruction: Arm's that also load from any address."""
    return "unaligned" in features and "eight_bit" not in features


def _rank(cost: Cost, optimize: str) -> tuple[float, float]:
    match optimize:
        case "speed" | "balanced":  # which differ in what the compiler is asked for: a second kernel is more code
            return cost.instructions, cost.bytes
        case "size":
            return cost.bytes, cost.instructions
    raise CompileError(f"{optimize!r} is nothing to optimise for", fix=did_you_mean(optimize, OPTIMIZE))


def _no_layer(name: str, layers: list[str]) -> CompileError:
    return CompileError("an encoding for a layer that has no weights", node=name, fix=did_you_mean(name, layers))


def _on_request(node: ir.Node, name: str, options: dict[str, Cost]) -> bool:
    """Whether `node` can be stored in an encoding that `options` does not list, as it is never chosen unasked."""
    if name == "straight":
        w = constant(operand(node, 1))
        ternary = not options.keys().isdisjoint(("sparse", "taps"))
        return ternary and w is not None and int(np.count_nonzero(w)) <= MOST_CODE
    return name == "runs" and by_runs(node)


def _long(node: ir.Node) -> LongGeometry | None:
    # One level more than there are: a border's zero may be one of its own.
    return long_geometry(node, min(256, qtype(operand(node, 0)).levels + 1))


def _stacked(node: ir.Node, room: int | None = None) -> StackedGeometry | None:
    return stacked_geometry(node, min(256, qtype(operand(node, 0)).levels + 1), room)


def by_runs(node: ir.Node) -> bool:
    """Whether the convolution `node` can be stored as runs, which `costs` does not list."""
    # One level more than there are: a border's zero may be one of its own.
    return node.op_type == "Conv" and geometry(node, min(255, qtype(operand(node, 0)).levels)) is not None


def _listed(options: dict[str, Cost]) -> str:
    return ", ".join(f"{name} ~{cost.instructions:.0f}" for name, cost in sorted(options.items()))


def weights_of(node: ir.Node) -> Array:
    """The integer weights of `node`. CompileError where they are not constant."""
    w = constant(operand(node, 1))
    if w is None:
        raise CompileError(f"{node.op_type} weights are not constant", node=node, fix="export the model in eval mode")
    return w.astype(np.int64)


def costs(node: ir.Node, features: frozenset[str]) -> dict[str, Cost]:
    """Every encoding that can hold `node`'s weights, with its cost. CompileError where none can."""
    w = weights_of(node)
    if wide_product(node):
        return wide_costs(node, w, features)
    if node.op_type == "Conv":
        found = conv_costs(conv_shape(node, w, features), features)
    else:
        found = dense_costs(w, stored_levels(node), tail_of(node), features, turns_of(node, w, features))
    return wide_costs(node, w, features) if beyond_32_bits(node, w) else found
