"""Damaged models: whatever is changed, the answer is a lowered graph or a CompileError, never another exception."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.frontend.files import F, dense_model

from cardc.compiler import imported
from cardc.entrance import Entrance
from cardc.errors import CompileError
from cardc.frontend.input_quantizer import InputQuantizer
from cardc.frontend.load import load
from cardc.ops import ops
from cardc.ops.execute import execute
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER


def conv_model() -> onnx.ModelProto:
    """Most operators of the compiler in one model: Conv with bias, norm, pool, reshape chain, Gemm."""
    domain = "qonnx.custom_op.general"
    quant = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND", "domain": domain}
    rng = np.random.default_rng(0)
    arrays = {
        "s": np.asarray(0.25, F), "z": np.asarray(0, F), "b": np.asarray(4, F), "lo": np.asarray(0, F),
        "hi": np.asarray(3, F), "w": rng.normal(size=(4, 1, 3, 3)).astype(F), "bias": rng.normal(size=4).astype(F),
        "w2": rng.normal(size=(3, 16)).astype(F), "bias2": rng.normal(size=3).astype(F), "one": np.asarray([-1]),
        "zero": np.asarray(0), "axes": np.asarray([0]),
        **{f"n{k}": np.abs(rng.normal(size=4)).astype(F) + F(0.5) for k in range(4)},
    }  # fmt: skip
    nodes = [
        helper.make_node("Quant", ["x", "s", "z", "b"], ["xq"], name="q1", **quant),
        helper.make_node("BipolarQuant", ["w", "s"], ["wq"], name="qw", domain=domain),
        helper.make_node("Conv", ["xq", "wq", "bias"], ["c"], name="conv", pads=[1] * 4, kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["c", "n0", "n1", "n2", "n3"], ["bn"], name="norm"),
        helper.make_node("Clip", ["bn", "lo", "hi"], ["cl"], name="clip"),
        helper.make_node("MaxPool", ["cl"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Quant", ["p", "s", "z", "b"], ["pq"], name="q2", **quant),
        helper.make_node("Shape", ["pq"], ["sh"], name="shape"),
        helper.make_node("Gather", ["sh", "zero"], ["sh0"], name="gather", axis=0),
        helper.make_node("Unsqueeze", ["sh0", "axes"], ["sh1"], name="unsqueeze"),
        helper.make_node("Concat", ["sh1", "one"], ["sh2"], name="concat", axis=0),
        helper.make_node("Reshape", ["pq", "sh2"], ["f"], name="reshape"),
        helper.make_node("BipolarQuant", ["w2", "s"], ["w2q"], name="qw2", domain=domain),
        helper.make_node("Gemm", ["f", "w2q", "bias2"], ["g"], name="gemm", transB=1),
        helper.make_node("Quant", ["g", "s", "z", "b"], ["y"], name="q3", **quant),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(a, name) for name, a in arrays.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)])


def survives(source: onnx.ModelProto | Path) -> bool:
    """Whether the model is lowered; an error must be the user's kind, with a remedy."""
    fault = fault_of(source)
    if fault is not None:
        assert fault.fix
        assert str(fault).startswith("error: ")
    return fault is None


def fault_of(source: onnx.ModelProto | Path) -> CompileError | None:
    try:
        model = load(source)
        run_steps(model, TO_INTEGER)
        (x,) = model.graph.inputs
        execute(model, {x.name or "": np.ones((2, *list(x.shape or ())[1:]), np.float32)})
    except CompileError as error:
        return error
    return None


def test_the_models_are_sound() -> None:
    assert survives(dense_model())
    assert survives(conv_model())


ODD = [0, 1, -1, 2, 3, 7, 1 << 31, -(1 << 31), 1 << 62, -(1 << 63)]
VALUES = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e30, -1e30, 1e-40, float("inf"), float("nan"), 31.0, 1e9]


OPERATORS = sorted(name for domain, name in ops() if domain != "cardc")


def damage(model: onnx.ModelProto, rng: random.Random) -> None:
    """One change of structure, attribute, shape, type or number."""
    graph = model.graph
    nodes = list(graph.node)
    names = [*(v for n in nodes for v in n.output), *(t.name for t in graph.initializer), "x", "", "ghost"]
    node = rng.choice(nodes)
    tensor = rng.choice(list(graph.initializer))
    attributes = [(n, a) for n in nodes for a in n.attribute]
    match rng.randrange(12):
        case 0:
            graph.node.remove(node)
        case 1:
            if node.input:
                node.input[rng.randrange(len(node.input))] = rng.choice(names)
        case 2:
            node.input.append(rng.choice(names))
        case 3:
            if node.input:
                node.input.pop()
        case 4:
            node.op_type = rng.choice(OPERATORS)
        case 5:
            _, attribute = rng.choice(attributes)
            if attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(ODD)
            else:
                attribute.i = rng.choice(ODD)
        case 6:
            owner, attribute = rng.choice(attributes)
            owner.attribute.remove(attribute)
            if rng.random() < 0.5:
                owner.attribute.append(helper.make_attribute(attribute.name, rng.choice(["x", 1.5, [1, 2], ["a"], 3])))
        case 7:
            values = numpy_helper.to_array(tensor).copy()
            with np.errstate(all="ignore"):
                values.reshape(-1)[rng.randrange(max(1, values.size))] = np.asarray(rng.choice(VALUES[:9])).astype(
                    values.dtype
                )
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        case 8:
            values = numpy_helper.to_array(tensor)
            if values.dtype == F:
                with np.errstate(all="ignore"):
                    tensor.CopyFrom(numpy_helper.from_array(values * F(rng.choice(VALUES)), tensor.name))
        case 9:
            values = numpy_helper.to_array(tensor)
            shape = rng.choice(
                [(values.size,), (1, values.size), (values.size, 1, 1), values.shape[::-1], (1, *values.shape)]
            )
            tensor.CopyFrom(numpy_helper.from_array(values.reshape(shape), tensor.name))
        case 10:
            dims = rng.choice(
                [[1, 3], [1, 1, 4, 4], [1, 2, 4, 4], [1, 1, 5, 5], [1], [1, 1, 16], [1, 0, 4, 4], [1, 1, 1 << 20, 4]]
            )
            graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, dims))
        case 11:
            first, second = rng.randrange(len(nodes)), rng.randrange(len(nodes))
            moved = graph.node.pop(first)
            graph.node.insert(second, moved)


@pytest.mark.parametrize("build", [dense_model, conv_model])
def test_damaged_structure(build: object) -> None:
    rng = random.Random(1)
    good = 0
    for _ in range(400):
        model = build()  # type: ignore[operator]
        for _ in range(rng.choice([1, 1, 2, 4])):
            damage(model, rng)
            if not model.graph.node:
                break
        good += survives(model)
    assert 0 < good < 400


def float_model() -> onnx.ModelProto:
    """A model whose first layer sees real numbers."""
    model = dense_model()
    quantiser = next(n for n in model.graph.node if n.input[0] == "x")
    for node in model.graph.node:
        node.input[:] = ["x" if name == quantiser.output[0] else name for name in node.input]
    model.graph.node.remove(quantiser)
    return model


ENTRANCES = {
    "scale": Entrance(InputQuantizer(4, True, 0.5)),
    "samples": Entrance(InputQuantizer(4, True), np.linspace(-1, 1, 12, dtype=F).reshape(4, 3)),
    "samples of another shape": Entrance(InputQuantizer(4, True), np.ones((4, 2, 2), F)),
}


@pytest.mark.parametrize("entrance", ENTRANCES.values(), ids=ENTRANCES)
def test_damaged_behind_an_input_quantiser(entrance: Entrance) -> None:
    rng = random.Random(3)
    faults: list[CompileError] = []
    for _ in range(150):
        model = float_model()
        for _ in range(rng.choice([0, 1, 1, 2, 4])):
            damage(model, rng)
            if not model.graph.node:
                break
        dims = {"n": 3} if rng.random() < 0.1 else None
        try:
            run_steps(imported(model, entrance, dims), TO_INTEGER)
        except CompileError as error:
            faults.append(error)
    assert 0 < len(faults) < 150 or entrance.samples is not None
    assert all(error.fix and str(error).startswith("error: ") for error in faults)


def test_the_float_model_is_sound() -> None:
    run_steps(imported(float_model(), ENTRANCES["samples"]), TO_INTEGER)


def test_damaged_bytes(tmp_path: Path) -> None:
    rng = random.Random(2)
    path = tmp_path / "model.onnx"
    data = conv_model().SerializeToString()
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(rng.choice([1, 1, 3, 20])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path.write_bytes(broken[: rng.choice([len(broken), rng.randrange(len(broken))])])
        survives(path)
