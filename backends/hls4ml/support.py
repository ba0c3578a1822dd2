"""The files beside hls4ml's: README, interface description, test bench with golden vectors."""

from __future__ import annotations

import json
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import jinja2
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...ops.base import CARDC, constant, integer
from ...ops.qtype import QType, qtype
from ...targets.base import Target
from .facts import plan_facts
from .layer import Layer, Plan
from .layout import Layout
from .options import Options
from .reference import golden_inputs, reference

# Golden vectors of large images are many megabytes of text: fewer are written.
_GOLDEN_ELEMENTS = 1 << 22


def support_files(model: ir.Model, plan: Plan, target: Target, options: Options) -> dict[PurePosixPath, bytes]:
    """README.md, interface.json, the test bench and tb_data/*.dat."""
    golden = max(1, min(options.golden, _GOLDEN_ELEMENTS // max(layer.layout.order.size for layer in plan.layers)))
    x = golden_inputs(plan.first.q, plan.first.layout.shape, golden)
    y = reference(model, x)[plan.exit.value]
    files = {
        "README.md": _readme(plan, target),
        "interface.json": json.dumps(_interface(plan), indent=1) + "\n",
        f"{plan.project}_test.cpp": _bench(plan, len(x)),
        "tb_data/tb_input_features.dat": _rows(plan.first.layout.to_hls(x)),
        "tb_data/tb_output_predictions.dat": _rows(plan.exit.layout.to_hls(y)),
    }
    return {PurePosixPath(path): text.encode("utf-8") for path, text in files.items()}


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader(__name__.rpartition(".")[0], "templates")
    # The output is C++ and Markdown, never HTML; every name put into it went through identifier().
    return jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


def _rows(x: NDArray[np.int64]) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in x.reshape(x.shape[0], -1).tolist())


def _bench(plan: Plan, n_golden: int) -> str:
    return (
        _templates()
        .get_template("bench.cpp.j2")
        .render(
            project=plan.project,
            stream=plan.io_type == "io_stream",
            axi=plan.backend == "VivadoAccelerator",
            x=plan.first.name,
            n_in=plan.first.layout.order.size,
            n_out=plan.last.layout.order.size,
            n_golden=n_golden,
        )
    )


def _end(layer: Layer) -> dict[str, str]:
    return {
        "layer": layer.name,
        "shape": "x".join(map(str, layer.layout.hls_shape)),
        "type": layer.result.cpp,
        "range": f"{layer.q.lo} ... {layer.q.hi}{f' in steps of {layer.q.step}' if layer.q.step > 1 else ''}",
    }


def _readme(plan: Plan, target: Target) -> str:
    return (
        _templates()
        .get_template("README.md.j2")
        .render(
            project=plan.project,
            title=target.title,
            part=target.part,
            clock_mhz=f"{target.clock_hz / 1e6:g}",
            io_type=plan.io_type,
            backend=plan.backend,
            first=_end(plan.first),
            last=_end(plan.last),
            facts=plan_facts(plan),
        )
    )


def _interface(plan: Plan) -> dict[str, Any]:
    return {
        "schema": "cardc.hls-interface/1",
        "top": plan.project,
        "io_type": plan.io_type,
        "input": _tensor(plan.first, plan.first.layout, plan.boundary.name or "")
        | {"quantizer": _quantizer(plan.boundary)},
        "output": _tensor(plan.last, plan.exit.layout, plan.exit.value),
    }


def _tensor(layer: Layer, layout: Layout, name: str) -> dict[str, Any]:
    """`order[i]` is the place in the flat tensor of the hardware's element i, or a word for it: "same" as in the
    tensor, or "channels_last"."""
    q: QType = layer.q
    same = bool((layout.order == np.arange(layout.order.size)).all())
    known = "same" if same else "channels_last" if layout.is_natural else layout.order.tolist()
    return {
        "tensor": name,
        "shape": list(layout.shape),
        "hardware_shape": list(layout.hls_shape),
        "order": known,
        "type": layer.result.cpp,
        "lo": q.lo,
        "hi": q.hi,
        "step": q.step,
        "scale": list(q.scale),
    }


def _quantizer(boundary: ir.Value) -> dict[str, Any] | None:
    """The input quantiser as thresholds: y = base + step * #{k : d * x >= t[k]}; None where there is none."""
    node = boundary.producer()
    if node is None or (node.domain, node.op_type) != (CARDC, "Threshold"):
        return None
    t, d = constant(node.inputs[1]), constant(node.inputs[2]) if len(node.inputs) > 2 else None
    q = qtype(boundary)
    # A float32 written as the shortest decimal of its exact double value reads back as the same float32.
    rows = [[float(v) if np.isfinite(v) else str(v) for v in row] for row in t] if t is not None else []
    return {
        "base": integer(node, "base", q.lo),
        "step": q.step,
        "thresholds": rows,
        "direction": None if d is None else d.ravel().tolist(),
    }
