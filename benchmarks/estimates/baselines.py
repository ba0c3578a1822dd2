"""What others predict of the same rows: FINN's published formula, and a fit that does not look at the weights.

FINN: Blott et al., "FINN-R: An End-to-End Deep-Learning Framework for Fast Exploration of Quantized Neural Networks",
ACM TRETS 2018, section 5: LUT = 300 + 1.1 P (multipliers + adder tree + accumulator) of P processing elements with Q
inputs each, products in fabric of Q (2 ceil((W + A) / 6) - 1)(W + A) LUT, a tree of (W + A)(2 Q - 1), and
P Q ceil((W + A) / 48) DSP slices where products go there, cycles = (inputs / Q)(outputs / P). It has no flip-flops. It
means FINN's own hardware; here it is asked about hls4ml's of the same size.

The weight-agnostic fit is a regression of the logarithms on sizes, bits and reuse, one for each tool and strategy; its
constants were fitted on the calibration data by `fit.py` and are stored in `agnostic.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil, log, log2
from pathlib import Path

import numpy as np
from rows import Design
from score import QUANTITIES, Prediction

from cardc.estimate import FpgaLayer, Tool

AGNOSTIC = Path(__file__).parent / "agnostic.json"
_NARROW = 4  # operands of so few bits are multiplied in fabric


def finn(designs: Sequence[Design]) -> list[Prediction]:
    """FINN's formula for the weighted layers of each design, summed; cycles of the slowest and of all, II likewise."""
    found = []
    for design in designs:
        parts = [_finn(layer, design.tool) for layer in design.layers if layer.products is not None]
        values = {name: sum(part[name] for part in parts) for name in ("lut", "dsp", "bram18", "latency_cycles")}
        if parts:
            values["ii"] = max(part["ii"] for part in parts)
        found.append(Prediction(design, values if parts else {}, {}))
    return found


def _finn(layer: FpgaLayer, tool: Tool) -> dict[str, float]:
    multipliers = layer.multipliers
    q = min(layer.inputs, multipliers)
    p = max(1, multipliers // q)
    w, a = layer.weight_bits, layer.act_bits
    dsp = tool.multipliers != "fabric" and min(w, a) > _NARROW
    alpha = log2(max(1, layer.inputs)) + w + a - 2
    accumulator = min(32, ceil(alpha + log2(1 + 2**-alpha) + 1))
    products = 0 if dsp else q * (2 * ceil((w + a) / 6) - 1) * (w + a)
    cycles = ceil(layer.inputs / q) * ceil(layer.outputs / p)
    return {
        "lut": 300 + 1.1 * p * (products + (w + a) * (2 * q - 1) + accumulator),
        "dsp": p * q * ceil((w + a) / 48) if dsp else 0,
        "bram18": _finn_bram(cycles, q * w * p) if layer.strategy == "resource" and layer.reuse_factor > 1 else 0,
        "latency_cycles": cycles,
        "ii": cycles,
    }


def _finn_bram(depth: int, width: int) -> int:
    for most, words, bits in ((1, 16384, 1), (2, 8192, 2), (4, 4096, 4), (9, 2048, 9)):
        if width <= most:
            return ceil(depth / words) * ceil(width / bits)
    if width <= 18 or depth > 512:
        return ceil(depth / 1024) * ceil(width / 18)
    return ceil(depth / 512) * ceil(width / 36)


def _case(design: Design) -> str:
    return f"{design.kind} {design.tool.family} {design.strategy}"


def _sizes(design: Design) -> list[float]:
    """Sizes, bits and settings; nothing of the weights."""
    layers = [layer for layer in design.layers if layer.products is not None]
    last = design.layers[-1]
    work = sum(layer.inputs * layer.outputs for layer in layers) or last.units
    first = layers[0] if layers else last
    return [
        1.0, log(work), log(max(1, first.inputs)), log(max(1, last.outputs)), log(max(1, first.weight_bits)),
        log(max(1, first.reuse_factor)), float(design.tool.multipliers == "fabric"), design.tool.haste,
    ]  # fmt: skip


def fit_agnostic(designs: Sequence[Design]) -> dict[str, dict[str, list[float]]]:
    """Coefficients by case and quantity, with a little shrinking, for cases of few designs."""
    found: dict[str, dict[str, list[float]]] = {}
    for case in sorted({_case(d) for d in designs if d.layers and d.stage == "csynth"}):
        rows = [d for d in designs if d.layers and d.stage == "csynth" and _case(d) == case]
        for name in QUANTITIES:
            known = [d for d in rows if name in d.actual]
            if known:
                x, y = np.array([_sizes(d) for d in known]), np.log1p([d.actual[name] for d in known])
                shrink = np.sqrt(0.1) * np.eye(x.shape[1])
                shrink[0, 0] = 0
                system, wanted = np.vstack([x, shrink]), np.concatenate([y, np.zeros(x.shape[1])])
                answer = np.linalg.lstsq(system, wanted, rcond=None)[0]
                found.setdefault(case, {})[name] = [float(f"{c:.4g}") for c in answer]
    return found


def agnostic(designs: Sequence[Design], constants: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Prediction]:
    """The weight-agnostic fit's word; none for a case that it has not seen."""
    found = []
    for design in designs:
        known = constants.get(_case(design), {}) if design.layers else {}
        sizes = np.array(_sizes(design)) if known else np.zeros(0)
        values = {name: float(np.expm1(min(40.0, float(sizes @ np.array(c))))) for name, c in known.items()}
        found.append(Prediction(design, {name: max(0.0, value) for name, value in values.items()}, {}))
    return found


def load_agnostic() -> dict[str, dict[str, list[float]]]:
    loaded: dict[str, dict[str, list[float]]] = json.loads(AGNOSTIC.read_text("utf-8"))
    return loaded
