"""What look-up tables and flip-flops are counted by: each term a physical quantity of a layer of weights.

A constant of `constants.toml` says how many LUT or FF one unit of a term takes. Most terms are bits, so a constant
near 1 is one look-up table or flip-flop a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, log2
from types import MappingProxyType

from .layer import FpgaLayer, Tool
from .products import Products
from .regime import chained, cycles, dsps, fabric_multipliers, rounds

Term = Callable[[FpgaLayer, Tool], float]


def _p(layer: FpgaLayer) -> Products:
    if layer.products is None:
        raise ValueError(f"layer {layer.name!r} has no weights")
    return layer.products


def _share(layer: FpgaLayer) -> float:
    """Adders a leaf: a tree has one less."""
    leaves = _p(layer).nonzeros + _p(layer).biases
    return _p(layer).adders / leaves if leaves else 0.0


def _thin(layer: FpgaLayer, bits: float) -> float:
    """Bits of leaves that are wires: products of one digit, and biases."""
    return (_p(layer).used[0] + _p(layer).biases) * bits


def _thick(layer: FpgaLayer, bits: float) -> float:
    return (_p(layer).used[1] + _p(layer).used[2]) * bits


def _added(layer: FpgaLayer, tool: Tool) -> tuple[float, float]:
    """Bits of adders behind thin and thick leaves: a tree's start at their width, a chain's are as wide as its sum."""
    wide = float(layer.acc_bits) if chained(layer, tool) and layer.acc_bits else 0.0
    return _thin(layer, wide or layer.leaf_bits[0]), _thick(layer, wide or layer.leaf_bits[1])


def _kept(layer: FpgaLayer) -> float:
    """Bits of sums that may be kept between stages: a chain keeps wider ones, but not each."""
    return (_thin(layer, layer.leaf_bits[0]) + _thick(layer, layer.leaf_bits[1])) * _share(layer)


def _register(digits: int) -> Term:
    return lambda layer, tool: _p(layer).used[digits] * layer.leaf_bits[digits] * tool.pace


def _piped(layer: FpgaLayer, tool: Tool) -> float:
    """Bits of a product in a pipeline of more than one stage; 0 where there is none."""
    return layer.leaf_bits[2] if layer.reuse_factor == 1 and cycles(layer, tool) else 0.0


def _decoder(layer: FpgaLayer, tool: Tool) -> float:
    """Accumulators that a folded product is steered to: a power of two of them."""
    return layer.multipliers * 2.0 ** ceil(log2(max(2, layer.outputs))) * (layer.acc_bits or 16)


def _decoder_of(power: int) -> Term:
    return lambda layer, tool: (
        _decoder(layer, tool) if min(8, max(5, ceil(log2(max(2, layer.outputs))))) == power else 0.0
    )


TERMS: Mapping[str, Term] = MappingProxyType({
    "one": lambda layer, tool: 1.0,
    "in_bits": lambda layer, tool: float(layer.inputs * layer.act_bits),
    "out_bits": lambda layer, tool: float(layer.outputs * (layer.acc_bits or layer.out_bits)),
    # Outputs are registered in a pipeline that takes a new input every cycle, where they take any time at all.
    "pipeline_out_bits": lambda layer, tool: (
        float(layer.outputs * (layer.acc_bits or layer.out_bits))
        if layer.reuse_factor == 1 and cycles(layer, tool)
        else 0.0
    ),
    "adder_bits": lambda layer, tool: sum(_added(layer, tool)) * _share(layer),
    # Sums between the stages of a layer that takes any time; a slower clock has fewer stages.
    "adder_register_bits": lambda layer, tool: (
        _kept(layer) * tool.pace if cycles(layer, tool) else 0.0
    ),
    # Vitis shows a leaf's alignment too, which makes up for the one adder less; without adders there is neither.
    "thin_bits": lambda layer, tool: _added(layer, tool)[0] if _p(layer).adders else 0.0,
    "thick_bits": lambda layer, tool: _added(layer, tool)[1] if _p(layer).adders else 0.0,
    # A product of two digits is one adder; of three and more a multiplier, in fabric a table of its bits.
    "two_digit_bits": lambda layer, tool: _p(layer).made[1] * (layer.act_bits + layer.weight_bits / 2),
    "negation_bits": lambda layer, tool: _p(layer).negated * layer.leaf_bits[0],
    "product_bits": lambda layer, tool: _p(layer).made[2] * layer.leaf_bits[2],
    "product_register_bits": lambda layer, tool: (
        _p(layer).made[2] * layer.leaf_bits[2] * tool.pace if cycles(layer, tool) else 0.0
    ),
    "fabric_bits": lambda layer, tool: fabric_multipliers(layer, tool) * layer.act_bits * layer.weight_bits,
    # What stands in the pipeline registers of an adder tree, by the digits of what it adds.
    "register_1": lambda layer, tool: _register(0)(layer, tool) if cycles(layer, tool) else 0.0,
    "register_2": lambda layer, tool: _register(1)(layer, tool) if cycles(layer, tool) else 0.0,
    "register_3": lambda layer, tool: _register(2)(layer, tool) if cycles(layer, tool) else 0.0,
    "register_12": lambda layer, tool: _register(0)(layer, tool) + _register(1)(layer, tool),
    "kept_two_digit_bits": lambda layer, tool: _p(layer).made[1] * layer.leaf_bits[1],
    # A faster clock needs more stages: what is beyond 5 ns, and what waits for multipliers in DSP slices.
    # Both in a pipeline only: with a reuse factor, the layer takes its time.
    "haste": lambda layer, tool: tool.haste * _piped(layer, tool) * _p(layer).nonzeros,
    "haste_dsp": lambda layer, tool: (
        tool.haste * _piped(layer, tool) * _p(layer).used[2] if tool.multipliers != "fabric" else 0.0
    ),
    # A pipeline that takes an input every cycle holds several at a time.
    "pipelined_bits": lambda layer, tool: _piped(layer, tool) * _p(layer).nonzeros * tool.pace,
    "pipelined_product_bits": lambda layer, tool: _piped(layer, tool) * _p(layer).used[2] * tool.pace,
    # Where multipliers take turns, their inputs and results are selected.
    "selected_bits": lambda layer, tool: _p(layer).made[2] * layer.leaf_bits[2] * (rounds(layer) > 2),
    "states": lambda layer, tool: float(cycles(layer, tool)),  # one flip-flop a state
    # Where products take turns, a state machine says whose it is.
    "shared_states": lambda layer, tool: float(cycles(layer, tool)) if layer.reuse_factor > 1 else 0.0,
    "rounds": lambda layer, tool: float(rounds(layer)),
    # Folded weights: multipliers, those in fabric, their weights' registers, the way to the accumulators.
    "multipliers": lambda layer, tool: float(layer.multipliers),
    "dsp": lambda layer, tool: float(dsps(layer, tool)),
    "no_dsp": lambda layer, tool: layer.multipliers - dsps(layer, tool),
    "weight_register_bits": lambda layer, tool: dsps(layer, tool) * layer.weight_bits,
    "single_bits": lambda layer, tool: (
        float(layer.outputs * layer.acc_bits) if layer.multipliers == 1 else 0.0
    ),
    "decoder_32": _decoder_of(5),
    "decoder_64": _decoder_of(6),
    "decoder_128": _decoder_of(7),
    "decoder_256": _decoder_of(8),
    "index_bits": lambda layer, tool: float(ceil(log2(layer.reuse_factor + 1))),
    "select_bits": lambda layer, tool: float(ceil(log2(max(2, layer.outputs)))),
})  # fmt: skip
