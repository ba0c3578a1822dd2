"""Follow the tensors through the calls that hls4ml wrote: who reads what, in which type, and how deep its stream is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .fifo import flows, needed_depths
from .layer import Layer, Plan
from .types import HlsInt
from .written import Call, Written

# Layers that hls4ml inserts: they move or copy elements and compute nothing.
MOVES = ("zeropad2d_cl", "repack_stream", "clone_stream")
Fault = tuple[Layer | None, str]


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of the top function: the layer whose result it holds, and the name of its type."""

    source: str
    type: str


def different(what: str, found: HlsInt | None, expected: HlsInt | None) -> str:
    """The words for a type that is not the expected one."""
    a, b = (t.cpp if t is not None else "unknown" for t in (found, expected))
    return f"{what} has type {a}, not {b}"


def check_flow(written: Written, plan: Plan) -> Iterator[Fault]:
    """Every call reads what the plan says, in the type that it was written in, and one input passes the streams."""
    layers = {layer.name: layer for layer in plan.layers}
    known = {plan.first.name: _Variable(plan.first.name, "input_t")}
    read: set[str] = set()
    if written.element("input_t") != plan.first.result:
        yield plan.first, different("the input", written.element("input_t"), plan.first.result)
    type_name = "input_t"
    for call in written.calls:
        layer = layers.get(call.layer)
        count = 1 if call.function in MOVES or layer is None else len(layer.inputs)
        names = [written.resolve(name) for name in call.arguments[:count]]
        wanted = _sources(call, layer, layers, known, names)
        for name, spelled, source, type_given in zip(
            names, call.arguments[:count], wanted, call.types[:count], strict=True
        ):
            yield from _check_read(call, layer, known.get(name), spelled, source, type_given, written)
            if plan.io_type == "io_stream" and name in read:
                yield layer, f"{call.layer} reads the stream {spelled}, which was read before"
            read.add(name)
        type_name = call.types[count]
        made = call.arguments[count:] if call.function == "clone_stream" else call.arguments[count : count + 1]
        held = wanted[0] if call.function in MOVES else call.layer
        for name in made:
            known[name] = _Variable(held, type_name)
        if call.function in MOVES and written.element(type_name) != written.element(call.types[0]):
            yield layer, different(call.layer, written.element(type_name), written.element(call.types[0]))
    if plan.io_type == "io_stream":
        yield from _check_depths(written, plan)
    if type_name != "result_t":
        yield plan.last, f"the result is a {type_name}, not the top's result_t"


def _sources(
    call: Call, layer: Layer | None, layers: dict[str, Layer], known: dict[str, _Variable], names: list[str]
) -> list[str]:
    """The layers whose results `call` must read; what only moves may read any."""
    if call.function in MOVES or layer is None:
        return [known[name].source if name in known else "" for name in names]
    return [_behind(name, layers) for name in layer.inputs]


def _behind(name: str, layers: dict[str, Layer]) -> str:
    while layers[name].class_name == "Reshape":
        name = layers[name].inputs[0]
    return name


def _check_read(
    call: Call,
    layer: Layer | None,
    found: _Variable | None,
    spelled: str,
    source: str,
    type_given: str,
    written: Written,
) -> Iterator[Fault]:
    if found is None or found.source != source:
        yield layer, f"{call.layer} reads {spelled}, not the result of {source or 'a layer'}"
    if found is not None and written.element(type_given) != written.element(found.type):
        yield layer, different(f"{call.layer}'s input", written.element(type_given), written.element(found.type))


def _check_depths(written: Written, plan: Plan) -> Iterator[Fault]:
    needed = needed_depths(written, plan)
    for name in sorted(needed.keys() - written.depths.keys()):
        yield None, f"the stream {name} has no depth"
    if not flows(written, plan, written.depths):
        shallow = [name for name, depth in needed.items() if written.depths.get(name, 0) < depth]
        yield (
            None,
            f"the streams are too shallow, their layers would wait for each other for ever: {', '.join(shallow)}",
        )
