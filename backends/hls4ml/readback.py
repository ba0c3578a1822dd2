"""Compare what hls4ml wrote with the plan: every weight, type, size and connection, or refuse.

hls4ml's optimiser passes rewrite graphs in place (it turns {0, 1} weights into binary ones, merges layers,
changes reuse factors with a printed warning). Nothing of that may reach a board unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from ...errors import CompileError, raise_all
from .distributed import check_adders
from .flow import MOVES, check_flow, different
from .layer import Layer, Plan, Weights
from .options import DISTRIBUTED
from .written import Call, Written, read

_FUNCTIONS = {
    "Dense": ("dense",),
    "Conv2D": ("conv_2d_cl", "pointwise_conv_2d_cl"),
    "CardcThreshold": ("cardc_threshold",),
    "CardcRequantize": ("cardc_requantize",),
    "CardcAdd": ("cardc_add",),
    "CardcPool": ("cardc_pool",),
    "CardcConcat": ("cardc_concat",),
    "CardcArgMax": ("cardc_argmax",),
    "CardcSpread": ("cardc_spread",),
    "CardcReorder": ("cardc_reorder",),
    "CardcXnor": ("cardc_xnor",),
    "CardcXnorConv": ("cardc_xnor_conv",),
}
_SILENT = ("InputLayer", "Reshape")


def check(files: Mapping[PurePosixPath, bytes], plan: Plan) -> None:
    """CompileError (all differences at once, exit code 1) unless `files` say what `plan` says."""
    try:
        written = read(files, plan.project)
    except KeyError as error:
        raise _difference(None, f"hls4ml wrote no file {error}") from error
    expected = [layer for layer in plan.layers if layer.class_name not in _SILENT]
    calls = [call for call in written.calls if call.function not in MOVES]
    if [call.layer for call in calls] != [layer.name for layer in expected]:
        names = ", ".join(call.layer for call in calls)
        raise _difference(None, f"hls4ml changed the layers: it calls {names}")
    errors = [_difference(layer, what) for layer, what in check_flow(written, plan)]
    for layer, call in zip(expected, calls, strict=True):
        check_call = _check_distributed if layer.strategy == DISTRIBUTED else _check_layer
        errors += [_difference(layer, what) for what in check_call(layer, call, written)]
        if layer.strategy == DISTRIBUTED:
            reads = plan.layer(layer.inputs[0]).q
            errors += [_difference(layer, what) for what in check_adders(layer, reads, _number(call, written), written)]
    raise_all(errors)


def _difference(layer: Layer | None, what: str) -> CompileError:
    return CompileError(
        what,
        node=layer.node if layer is not None else None,
        stage="reading back what hls4ml wrote",
        fix="the project was not written; use the hls4ml version that cardc pins, or report this message",
        exit_code=1,
    )


def _check_layer(layer: Layer, call: Call, written: Written) -> Iterator[str]:
    functions = _FUNCTIONS[layer.class_name]
    if call.function not in ([f"{name}_apart" for name in functions] if layer.attributes.get("apart") else functions):
        yield f"{layer.name} became {call.function}"
    inputs = len(layer.inputs)
    if written.element(call.types[inputs]) != layer.result:
        yield different(f"{layer.name}'s result", written.element(call.types[inputs]), layer.result)
    names = call.arguments[inputs + 1 :]
    if len(names) != len(layer.weights):
        yield f"{layer.name} takes {len(names)} constants, not {len(layer.weights)}"
        return
    for name, weights in zip(names, layer.weights, strict=True):
        yield from _check_weights(f"{layer.name}'s {weights.name}", name, weights, written)
    yield from _check_config(layer, call.types[inputs + 1], written)


def _check_distributed(layer: Layer, call: Call, written: Written) -> Iterator[str]:
    """As `_check_layer` for distributed arithmetic, of which only a convolution in a stream is called as any other."""
    if call.function in _FUNCTIONS["Conv2D"]:
        yield from _check_layer(layer, call, written)
        return
    if call.function not in ("dense", f"dense_da_{_number(call, written)}", "conv2d_cl"):
        yield f"{layer.name} became {call.function}"
    if written.element(call.types[1]) != layer.result:
        yield different(f"{layer.name}'s result", written.element(call.types[1]), layer.result)
    struct = written.structs.get(call.types[2]) if len(call.types) > 2 else None
    if struct is None:
        if len(call.types) > 2:
            yield f"{layer.name} has no configuration {call.types[2]}"
        return
    for name, value in sorted(layer.constants.items()):
        if not name.startswith("pad_") and struct.number(name) != value:
            yield f"{layer.name}: {name} is {struct.constants.get(name)}, not {value}"


def _number(call: Call, written: Written) -> str:
    """The number of the generated function that `call` multiplies with, '' where there is none or more than one."""
    if call.function.startswith("dense_da_"):
        return call.function.removeprefix("dense_da_")
    struct = written.structs.get(call.types[2]) if len(call.types) > 2 else None
    if struct is not None and not struct.product:
        struct = written.structs.get(struct.types.get("mult_config", ""))
    return struct.product if struct is not None else ""


def _check_weights(what: str, name: str, weights: Weights, written: Written) -> Iterator[str]:
    found = written.constant(name)
    if found is None:
        yield f"{what}: files of {name} are missing or malformed"
        return
    if written.element(found.type) != weights.type:
        yield different(what, written.element(found.type), weights.type)
    expected = tuple(str(v) for v in weights.in_file.tolist())
    for place, numbers in (("header", found.header), ("text", found.text)):
        if len(numbers) != len(expected) or found.length != len(expected):
            yield f"{what}: {len(numbers)} numbers in the {place} file, not {len(expected)}"
        elif numbers != expected:
            wrong = [i for i, (a, b) in enumerate(zip(numbers, expected, strict=True)) if a != b]
            i = wrong[0]
            yield (
                f"{what}: {len(wrong)} numbers differ in the {place} file, first at {i}: "
                f"{numbers[i]} instead of {expected[i]}"
            )


def _check_config(layer: Layer, config: str, written: Written) -> Iterator[str]:
    struct = written.structs.get(config)
    if struct is None:
        yield f"{layer.name} has no configuration {config}"
        return
    structs = [struct]
    if layer.class_name == "Conv2D":
        inner = written.structs.get(struct.types.get("mult_config", ""))
        if inner is None:
            yield f"{layer.name} has no configuration of its product"
            return
        structs.append(inner)
    for s in structs:
        if s.number("reuse_factor") != layer.reuse:
            yield f"{layer.name}: reuse factor {s.constants.get('reuse_factor')}, not {layer.reuse}"
        strategy = s.constants.get("strategy")
        if strategy is not None and strategy != f"nnet::{layer.strategy}":
            yield f"{layer.name}: strategy {strategy}, not {layer.strategy}"
        if layer.accum is not None:
            found = written.element(s.types.get("accum_t", ""))
            if found != layer.accum:
                yield different(f"{layer.name}'s accumulator", found, layer.accum)
        for weights in layer.weights:
            found = written.element(s.types.get(f"{weights.name}_t", ""))
            if found != weights.type:
                yield different(f"{layer.name}'s {weights.name}", found, weights.type)
    for name, value in sorted(layer.constants.items()):
        if struct.number(name) != value:
            yield f"{layer.name}: {name} is {struct.constants.get(name)}, not {value}"
    for name, text in sorted(layer.attributes.items()):
        short = name.removesuffix("_type") + "_t"
        if name.endswith("_type") and struct.types.get(short) != text:
            yield f"{layer.name}: {short} is {struct.types.get(short)}, not {text}"
