"""Which terms each set of constants has, and how they are found: least squares of relative errors, none negative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rows import Design
from solve import Equation, choose, solve, with_columns

from cardc.estimate import Constants, FpgaLayer, Tool
from cardc.estimate.between import control_terms
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
}  # fmt: skip
_POOL_FF: Terms = ((), {"input_bits": 1.0, "constant": 2.0})
# Terms that a set may have too: which, is chosen each time among the designs of the fit, by leaving out one group of
# them after the other (`choose`). A state machine, of all layers that take time or of those with a reuse factor; what
# is around a multiplier in a DSP slice.
OPTIONAL: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("vitis.latency", "lut"): ("states", "shared_states", "product_bits"),
}
PARTS: Mapping[str, Mapping[str, Terms]] = {
    "relu": {"lut": (("unit_bits", "hasty_unit_bits"), {}), "ff": (("hasty_unit_bits",), {})},
    "batchnorm": {"lut": (("unit_bits",), {}), "ff": ((), {})},
    "softmax": {
        "lut": (("pair_bits", "fabric_units", "hasty_constant", "constant"), {}),
        "ff": (("pair_bits", "hasty_constant", "constant"), {}),
    },
    "avgpool": {"lut": (("pool_adder_bits", "divided_windows"), {}), "ff": (("divided_windows",), _POOL_FF[1])},
    "maxpool": {"lut": (("comparison_bits",), {}), "ff": _POOL_FF},
}  # fmt: skip


def key_of(layer: FpgaLayer, tool: Tool) -> str:
    return f"{tool.family}.{regime(layer, tool) if layer.products is not None else layer.op}"


def terms_of(key: str) -> Mapping[str, Terms] | None:
    _family, _, name = key.partition(".")
    return PARTS[name] if name in PARTS else MODEL.get(key)


def free_terms(key: str, quantity: str) -> tuple[str, ...]:
    """What an equation of a set has a column of: the terms that it has and those that it may have."""
    return (*(terms_of(key) or {})[quantity][0], *OPTIONAL.get((key, quantity), ()))


def values(
    layer: FpgaLayer, tool: Tool, names: Sequence[str], fixed: Mapping[str, float]
) -> tuple[NDArray[np.float64], float]:
    """(the terms of `names`, sum of the fixed ones) of a layer."""
    table: Mapping[str, Callable[[FpgaLayer, Tool], float]] = TERMS if layer.products is not None else PART_TERMS
    free = np.array([float(table[name](layer, tool)) for name in names])
    return free, sum(each * table[name](layer, tool) for name, each in fixed.items())


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
                free, given = values(layer, design.tool, free_terms(key, quantity), terms[1])
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
        always, given = (terms_of(key) or {})[quantity]
        names, family = free_terms(key, quantity), key.partition(".")[0]
        if used:
            columns = choose(used, names, len(always), given, family)
            chosen = [names[c] for c in columns]
            sets.setdefault(key, {})[quantity] = solve([with_columns(e, columns) for e in used], chosen, given, family)
    return sets


def control(designs: Sequence[Design]) -> dict[str, dict[str, dict[str, float]]]:
    """What a network has beyond its layers, from those whose layers were synthesised by themselves too."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    known = [d for d in designs if d.kind == "network" and d.stage == "csynth" and "lut" in d.parts]
    for family in sorted({d.tool.family for d in known}):
        equations = []
        for d in known:
            terms, more = control_terms(d.actual["ii"]), d.actual["lut"] - d.parts["lut"]
            if d.tool.family == family:
                equations.append(Equation(d.group, np.array([terms["control"], terms["states"]]), more, 2.0))
        found[f"{family}.network"] = {"lut": solve(equations, ("control", "states"), {"one": 2.0})}
    return found


def fit(designs: Sequence[Design], without: str | None, bands: Mapping[str, Mapping[str, tuple[float, float]]],
        ranges: Mapping[str, Mapping[str, tuple[float, float]]]) -> Constants:  # fmt: skip
    """Constants from all groups but `without`, first of single layers, then of activations behind them."""
    first = solve_all(layer_systems(designs), without)
    first |= control([d for d in designs if d.group != without])
    more = activations([d for d in designs if d.group != without], Constants(first, bands, ranges, {}))
    return Constants({**first, **more}, bands, ranges, {})
