"""Which terms each set of constants has, and how they are found: least squares of relative errors, none negative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rows import Design
from scipy.optimize import nnls

from cardc.estimate import Constants, FpgaLayer, Tool
from cardc.estimate.cost import layer_cost
from cardc.estimate.design import estimate
from cardc.estimate.parts import PART_TERMS, TABULATED
from cardc.estimate.regime import regime
from cardc.estimate.terms import TERMS

Terms = tuple[tuple[str, ...], Mapping[str, float]]  # free, and those whose constant is given
_EDGES = {"in_bits": 1.0, "pipeline_out_bits": 1.0, "one": 2.0}
_FOLDED_FF = ("one", "out_bits", "dsp", "no_dsp", "weight_register_bits")

# A term is in a set where the tool's reports show it; small sets, because there are few designs.
MODEL: Mapping[str, Mapping[str, Terms]] = {
    "vivado.unrolled": {
        "lut": (("adder_bits", "two_digit_bits", "negation_bits", "product_bits"), {}),
        "ff": (("register_1", "register_2", "register_3"), _EDGES),
    },
    "vivado.shared": {
        "lut": (("adder_bits", "two_digit_bits", "negation_bits", "states"), {}),
        "ff": (("register_12", "register_3", "kept_two_digit_bits", "states"), {"in_bits": 1.0, "out_bits": 1.0}),
    },
    "vivado.constant": {
        "lut": (("adder_bits", "two_digit_bits", "negation_bits", "product_bits"), {}),
        "ff": (("register_1", "register_2", "register_3"), {"out_bits": 1.0, "one": 2.0}),
    },
    "vivado.folded2": {
        "lut": (("one", "in_bits", "out_bits", "multipliers", "no_dsp"), {}),
        "ff": (_FOLDED_FF, {}),
    },
    "vivado.folded": {
        "lut": (
            ("one", "in_bits", "out_bits", "no_dsp", "single_bits",
             "decoder_32", "decoder_64", "decoder_128", "decoder_256"), {}),
        "ff": (("one", "out_bits", "dsp", "index_bits", "single_bits"), {}),
    },
    "vitis.latency": {
        "lut": (
            ("thin_bits", "thick_bits", "two_digit_bits", "fabric_bits", "selected_bits", "pipelined_bits", "haste",
             "haste_dsp"), {}),
        "ff": (
            ("adder_register_bits", "product_register_bits", "pipelined_bits", "pipelined_product_bits", "haste",
             "haste_dsp"), {}),
    },
    "vitis.chain": {
        "lut": (("adder_bits", "fabric_bits"), {}),
        "ff": (("adder_register_bits",), {}),
    },
}  # fmt: skip
_POOL_FF: Terms = ((), {"input_bits": 1.0, "constant": 2.0})
PARTS: Mapping[str, Mapping[str, Terms]] = {
    "relu": {"lut": (("unit_bits", "hasty_unit_bits"), {}), "ff": (("hasty_unit_bits",), {})},
    "batchnorm": {"lut": (("unit_bits",), {}), "ff": ((), {})},
    "softmax": {
        "lut": (("pair_bits", "fabric_units", "constant"), {}),
        "ff": (("pair_bits", "hasty_pair_bits", "constant"), {}),
    },
    "avgpool": {"lut": (("pool_adder_bits", "divided_windows"), {}), "ff": (("divided_windows",), _POOL_FF[1])},
    "maxpool": {"lut": (("comparison_bits",), {}), "ff": _POOL_FF},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Equation:
    """One design's say in one set's constants."""

    group: str
    free: NDArray[np.float64]
    actual: float
    given: float


def key_of(layer: FpgaLayer, tool: Tool) -> str:
    return f"{tool.family}.{regime(layer, tool) if layer.products is not None else layer.op}"


def terms_of(key: str) -> Mapping[str, Terms] | None:
    _family, _, name = key.partition(".")
    return PARTS[name] if name in PARTS else MODEL.get(key)


def values(layer: FpgaLayer, tool: Tool, terms: Terms) -> tuple[NDArray[np.float64], float]:
    """(free terms, sum of the given ones) of a layer."""
    table: Mapping[str, Callable[[FpgaLayer, Tool], float]] = TERMS if layer.products is not None else PART_TERMS
    free = np.array([float(table[name](layer, tool)) for name in terms[0]])
    return free, sum(each * table[name](layer, tool) for name, each in terms[1].items())


# What a term should take where the designs cannot tell, and how strongly: an adder takes a LUT a bit (AMD UG474).
_PRIOR: Mapping[str, float] = {
    "adder_bits": 1.0, "adder_register_bits": 1.0, "thin_bits": 0.9, "thick_bits": 0.9, "two_digit_bits": 1.4,
    "negation_bits": 1.5,
    "fabric_bits": 0.9, "unit_bits": 2.7, "vitis.register_1": 0.6, "vitis.register_2": 0.8, "vitis.register_3": 1.2,
    "vivado.register_1": 0.06, "vivado.register_2": 0.1, "vivado.register_3": 0.2,
}  # fmt: skip
_PRIOR_WEIGHT = 0.15


def solve(
    equations: Sequence[Equation], names: Sequence[str], given: Mapping[str, float], family: str = ""
) -> dict[str, float]:
    """Constants by name, for the tools of `family`. Designs of zero are left out: they have no relative errors."""
    used = [e for e in equations if e.actual > 0]
    found = dict(given)
    if used and names:
        scale = np.array([e.actual for e in used])
        matrix = np.stack([e.free for e in used]) / scale[:, None]
        wanted = (scale - [e.given for e in used]) / scale
        wishes = {name: _PRIOR.get(name, _PRIOR.get(f"{family}.{name}")) for name in names}
        pulled = {name: wish for name, wish in wishes.items() if wish}
        rows = np.zeros((len(pulled), len(names)))
        for i, name in enumerate(pulled):
            rows[i, names.index(name)] = _PRIOR_WEIGHT / pulled[name]
        matrix = np.vstack([matrix, rows])
        wanted = np.concatenate([wanted, np.full(len(pulled), _PRIOR_WEIGHT)])
        size = np.maximum(np.abs(matrix).max(axis=0), 1e-12)
        answer, _ = nnls(matrix / size, wanted)
        found |= {name: float(f"{x:.4g}") for name, x in zip(names, answer / size, strict=True)}
    return {name: each for name, each in found.items() if each}


Systems = dict[tuple[str, str], list[Equation]]


def layer_systems(designs: Iterable[Design]) -> Systems:
    """The equations of all rows of one layer, by set and quantity."""
    found: Systems = {}
    for design in designs:
        if len(design.layers) != 1 or design.stage != "csynth":
            continue
        layer = design.layers[0]
        key = key_of(layer, design.tool)
        if layer.op == "conv2d":
            continue  # two rows only, of a shape of their own
        for quantity, terms in (terms_of(key) or {}).items():
            if quantity in design.actual:
                free, given = values(layer, design.tool, terms)
                found.setdefault((key, quantity), []).append(
                    Equation(design.group, free, design.actual[quantity], given)
                )
    return found


def activations(designs: Sequence[Design], constants: Constants) -> dict[str, dict[str, dict[str, float]]]:
    """Constants of activations that are known behind a dense layer only, from what that layer leaves of the design.

    One system a tool and quantity: a constant a bit for each activation, and one for streams between layers.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    pairs = [d for d in designs if len(d.layers) == 2 and d.stage == "csynth" and d.layers[1].op in TABULATED]
    for family in sorted({d.tool.family for d in pairs}):
        rows = [d for d in pairs if d.tool.family == family]
        fixed = {key.partition(".")[2] for key in constants.sets if key.startswith(f"{family}.")}
        names = [*sorted({d.layers[1].op for d in rows} - fixed), "stream"]
        for name in names:
            found[f"{family}.{name}"] = {"lut": {}, "ff": {}}
        for quantity in ("lut", "ff"):
            answer = solve([_behind(d, quantity, names, constants) for d in rows], names, {})
            for name, each in answer.items():
                term = "stream_bits" if name == "stream" else "unit_bits"
                found[f"{family}.{name}"][quantity] = {term: each}
    return found


def _behind(design: Design, quantity: str, names: Sequence[str], constants: Constants) -> Equation:
    last = design.layers[1]
    free = np.zeros(len(names))
    free[-1] = PART_TERMS["stream_bits"](last, design.tool)
    given = estimate(design.layers, design.tool, constants).totals[quantity].value
    if last.op in names:
        free[names.index(last.op)] = PART_TERMS["unit_bits"](last, design.tool)
        given -= layer_cost(last, design.tool, constants).values[quantity]
    return Equation(design.group, free, design.actual[quantity], given)


def solve_all(systems: Systems, without: str | None) -> dict[str, dict[str, dict[str, float]]]:
    """Every set's constants from all groups but `without`."""
    sets: dict[str, dict[str, dict[str, float]]] = {}
    for (key, quantity), equations in sorted(systems.items()):
        used = [e for e in equations if e.group != without]
        free, given = (terms_of(key) or {})[quantity]
        if used:
            sets.setdefault(key, {})[quantity] = solve(used, free, given, key.partition(".")[0])
    return sets


def fit(designs: Sequence[Design], without: str | None, bands: Mapping[str, Mapping[str, tuple[float, float]]],
        ranges: Mapping[str, Mapping[str, tuple[float, float]]]) -> Constants:  # fmt: skip
    """Constants from all groups but `without`, first of single layers, then of activations behind them."""
    first = solve_all(layer_systems(designs), without)
    more = activations([d for d in designs if d.group != without], Constants(first, bands, ranges, {}))
    return Constants({**first, **more}, bands, ranges, {})
