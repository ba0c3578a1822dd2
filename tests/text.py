"""Literal text models for the tests of passes and operators: written, imported, lowered step by step, printed."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from cardc.frontend.load import load
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import find_qtype
from cardc.passes.base import PassLog, PassTrace, run_steps
from cardc.passes.pipeline import TO_INTEGER

HEADER = '<ir_version: 10, opset_import: ["" : 17, "qonnx.custom_op.general" : 1, "cardc" : 1]>\n'


def parse(graph: str, *, opset: int = 17) -> ir.Model:
    """A model of ONNX text, as it stands: nothing is inferred. `Quant` and `BipolarQuant` mean QONNX's."""
    for op in ("BipolarQuant", "Quant"):
        graph = graph.replace(f"= {op}", f"= qonnx.custom_op.general.{op}")
    return ir.from_onnx_text(HEADER.replace("17", str(opset)) + graph)


def imported(graph: str) -> ir.Model:
    """The model that the importer makes of the text."""
    return load(parse(graph))


def through(graph: str | ir.Model, last: str) -> ir.Model:
    """The model behind pass `last` of the pipeline."""
    model = imported(graph) if isinstance(graph, str) else graph
    run_steps(model, TO_INTEGER, stop_after=last)
    return model


def before(graph: str, name: str) -> ir.Model:
    """The model as pass `name` finds it."""
    names = [step.transform.name for step in TO_INTEGER]
    index = names.index(name)
    return through(graph, names[index - 1]) if index else imported(graph)


def run_pass(model: ir.Model, name: str) -> PassTrace:
    """Run one pass of the pipeline and its check, in place."""
    (step,) = (step for step in TO_INTEGER if step.transform.name == name)
    return run_steps(model, (step,))[0]


def again(model: ir.Model, name: str) -> int:
    """How many rewrites the pass does on a model that it has already been over."""
    (step,) = (step for step in TO_INTEGER if step.transform.name == name)
    return step.transform.run(model, PassLog())


def show(model: ir.Model) -> str:
    """One line a node: `y = MatMul(x, w) int5[-8,8]`, the type left out where it is float."""
    lines = []
    for node in model.graph:
        q = find_qtype(node.outputs[0])
        args = ", ".join(v.name or "?" for v in node.inputs if v is not None)
        lines.append(f"{node.outputs[0].name} = {node.op_type}({args})" + (f" {q}" if q is not None else ""))
    return "\n".join(lines)


def constants(model: ir.Model) -> dict[str, list[object]]:
    """The initializers as nested lists."""
    return {
        name: v.const_value.numpy().tolist()
        for name, v in model.graph.initializers.items()
        if v.const_value is not None
    }


def samples(model: ir.Model, n: int = 64, *, seed: int = 0, step: float = 0.125) -> Array:
    """Inputs on a grid of `step`, ties of quantisers included: [n, ...] float32."""
    (x,) = model.graph.inputs
    assert x.shape is not None
    shape = [int(d) for d in list(x.shape)[1:] if isinstance(d, int)]
    return (np.random.default_rng(seed).integers(-24, 25, (n, *shape)) * step).astype(np.float32)


def outputs(model: ir.Model, x: Array) -> Array:
    """What the graph's output holds for the batch `x`."""
    return execute(model, {model.graph.inputs[0].name or "": x})[model.graph.outputs[0].name or ""]
