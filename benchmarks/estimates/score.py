"""Predictions beside results: rank correlation, R2 of logarithms, median and 90th percentile error, band coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Design

from cardc.estimate import Constants, estimate

QUANTITIES = ("lut", "ff", "dsp", "bram18", "latency_cycles", "ii")
_TITLES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "latency_cycles": "cycles", "ii": "II"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was predicted for a design; empty where its row describes nothing that can be estimated."""

    design: Design
    values: Mapping[str, float]
    bands: Mapping[str, tuple[float, float]]


def predict(design: Design, constants: Constants | None = None) -> Prediction:
    """The estimator's word on one row."""
    if not design.layers:
        return Prediction(design, {}, {})
    figures = estimate(design.layers, design.tool, constants).totals
    return Prediction(
        design,
        {name: figures[name].value for name in QUANTITIES},
        {name: (figures[name].low or 0, figures[name].most) for name in QUANTITIES},
    )


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Rank correlation, ties at their mean rank; None where one side is constant."""
    ranks = [_ranks(x) for x in (a, b)]
    if len(a) < 3 or any(np.ptp(r) == 0 for r in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def r2_log(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    """Coefficient of determination of log(1 + x); None where the actual values are all one."""
    a, p = np.log1p(actual), np.log1p(predicted)
    spread = float(((a - a.mean()) ** 2).sum())
    return 1 - float(((a - p) ** 2).sum()) / spread if spread > 0 and len(a) > 2 else None


def scores(actual: Sequence[float], predicted: Sequence[float], inside: Sequence[bool] | None = None) -> dict[str, Any]:
    """All scores of one column; errors are relative to max(actual, 1)."""
    a, p = np.array(actual, float), np.array(predicted, float)
    errors = np.abs(p - a) / np.maximum(a, 1) * 100
    found = {
        "rows": len(a),
        "spearman": spearman(a, p),
        "r2_log": r2_log(a, p),
        "median_error_percent": float(np.median(errors)),
        "p90_error_percent": float(np.quantile(errors, 0.9)),
        "exact_percent": float(np.mean(np.round(p) == a) * 100),
    }
    if inside is not None:
        found["band_coverage_percent"] = float(np.mean(inside) * 100)
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()}


def _slices(design: Design) -> list[str]:
    """The parts of the table that a row counts in."""
    if design.kind == "network":
        return ["networks", f"networks, {design.label}"]
    strategy = design.strategy
    found = [f"layers, {strategy}", f"layers, {strategy}, {design.label}"]
    if design.dense:
        found.append(f"dense, {strategy}")
        found.append(f"dense, {strategy}, {design.label}")
    return found


def summarise(predictions: Sequence[Prediction], work: str = "cardc estimate") -> list[dict[str, Any]]:
    """One dictionary for each part of the data and quantity."""
    parts: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        if prediction.design.stage == "csynth":
            for name in _slices(prediction.design):
                parts.setdefault(name, []).append(prediction)
    results = []
    for part in sorted(parts):
        for quantity in QUANTITIES:
            rows = [p for p in parts[part] if quantity in p.values and quantity in p.design.actual]
            if not rows:
                continue
            actual = [p.design.actual[quantity] for p in rows]
            inside = [
                p.bands[quantity][0] <= p.design.actual[quantity] <= p.bands[quantity][1] for p in rows if p.bands
            ]
            found = scores(actual, [p.values[quantity] for p in rows], inside or None)
            results.append({"work": work, "part": part, "quantity": _TITLES[quantity], **found})
    return results


def print_table(results: Sequence[Mapping[str, Any]]) -> None:
    """The scores for people."""
    head = ("part", "quantity", "rows", "Spearman", "R2 log", "median %", "p90 %", "exact %", "in band %", "by")
    print(f"{head[0]:<42} {head[1]:<8} {head[2]:>5} " + " ".join(f"{h:>9}" for h in head[3:9]) + f"  {head[9]}")
    for r in results:
        if "note" in r:
            continue
        cells = [r["spearman"], r["r2_log"], r["median_error_percent"], r["p90_error_percent"], r["exact_percent"]]
        cells.append(r.get("band_coverage_percent"))
        digits = (3, 3, 1, 1, 1, 1)
        text = " ".join(f"{'-' if c is None else format(c, f'.{d}f'):>9}" for c, d in zip(cells, digits, strict=True))
        print(f"{r['part']:<42} {r['quantity']:<8} {r['rows']:>5} {text}  {r['work']}")
