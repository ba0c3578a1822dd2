"""Reports and verdicts as JSON: the contract `cardc.report/1` that scripts and CI rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import index
from typing import Any

from .deck_json import agreement_table, deck_table, figure_table
from .exact import Exact
from .layers import Layer, MemoryMap
from .model import SCHEMA, Report
from .search import SearchStep

LAYER_COUNTS = (
    "in_bits",
    "out_bits",
    "macs",
    "weights",
    "nonzeros",
    "weight_bytes",
    "acc_bits",
    "levels",
)


def exact_to_json(exact: Exact) -> str:
    """What `cardc verify --json` prints: the `exact` object and nothing else."""
    return _dump(_exact(exact))


def report_to_json(report: Report) -> str:
    """The whole report; see `Report.to_json`."""
    board, memory = report.board, report.memory
    return _dump(
        {
            "schema": SCHEMA,
            "model": report.model,
            "target": report.target,
            "fits": report.fits,
            "exact": None if report.exact is None else _exact(report.exact),
            "totals": {name: figure_table(figure) for name, figure in report.totals.items()},
            "layers": [_layer(layer) for layer in report.layers],
            "board": {
                "title": board.title,
                "summary": board.summary,
                "backend": board.backend,
                "clock_hz": board.clock_hz,
                "limits": dict(board.limits),
            },
            "fit": {
                "limiting": report.fit.limiting.resource,
                "advice": list(report.fit.advice),
                "checks": [
                    {
                        "resource": c.resource,
                        "used": figure_table(c.used),
                        "available": c.available,
                        "detail": c.detail,
                    }
                    for c in report.fit.checks
                ],
            },
            "memory": None if memory is None else _memory(memory),
            "deck": None if report.deck is None else deck_table(report.deck),
            "search": [_step(step) for step in report.search],
            "passes": [
                {
                    "name": trace.name,
                    "rewrites": trace.rewrites,
                    "declined": [{"node": d.node, "reason": d.reason} for d in trace.declined],
                    "notes": list(trace.notes),
                }
                for trace in report.passes
            ],
            "provenance": dict(report.provenance),
        }
    )


def _dump(table: Mapping[str, Any]) -> str:
    return json.dumps(table, indent=2, sort_keys=True, allow_nan=False, default=index) + "\n"


def _exact(exact: Exact) -> dict[str, Any]:
    table: dict[str, Any] = {
        "equal": exact.equal,
        "inputs": exact.inputs,
        "tensors": exact.tensors,
        "float_boundary_cases": exact.float_boundary_cases,
        "stages": list(exact.stages),
    }
    more = {
        "stage_inputs": dict(exact.stage_inputs),
        "accuracy": dict(exact.accuracy),
        "first_difference": exact.first_difference,
        "gate": None if exact.gate is None else agreement_table(exact.gate),
    }
    return table | {key: value for key, value in more.items() if value}


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.op,
        "encoding": layer.encoding,
        "in_shape": list(layer.in_shape),
        "out_shape": list(layer.out_shape),
        "requantise": layer.requantise,
        "sparsity": layer.sparsity,
        "notes": list(layer.notes),
        **{key: getattr(layer, key) for key in LAYER_COUNTS},
        **{name: figure_table(figure) for name, figure in layer.figures.items()},
    }


def _step(step: SearchStep) -> dict[str, Any]:
    return {
        "layer": step.layer,
        "strategy": step.strategy,
        "reuse_factor": step.reuse_factor,
        "totals": dict(step.totals),
        "fits": step.fits,
    }


def _memory(memory: MemoryMap) -> dict[str, Any]:
    return {
        "arena_bytes": memory.arena_bytes,
        "lower_bound_bytes": memory.lower_bound_bytes,
        "steps": list(memory.steps),
        "tensors": [
            {"name": t.name, "offset": t.offset, "bytes": t.bytes, "first": t.first, "last": t.last}
            for t in memory.tensors
        ],
    }
