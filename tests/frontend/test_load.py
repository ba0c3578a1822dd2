"""Whole models that the compiler cannot take: each a message with node, reason and remedy, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.frontend.files import F, dense_model, rename, set_array

from cardc.errors import CompileError, CompileErrors
from cardc.frontend.load import load
from cardc.ops.execute import execute
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER

X = (np.random.default_rng(0).integers(-12, 13, (50, 3)) / 4).astype(F)


def lower(model: onnx.ModelProto | ir.Model) -> ir.Model:
    """All the way to the integer graph."""
    graph = load(model)
    run_steps(graph, TO_INTEGER)
    return graph


def integers(model: ir.Model) -> np.ndarray:  # type: ignore[type-arg]
    return execute(model, {model.graph.inputs[0].name or "": X})[model.graph.outputs[0].name or ""]


WANT = integers(lower(dense_model()))
Change = Callable[[onnx.ModelProto], None]


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(n for n in model.graph.node if n.name == name)


def array(name: str, values: object, dtype: type = np.float32) -> Change:
    return lambda m: set_array(m, name, np.asarray(values, dtype))


def drop(name: str) -> Change:
    return lambda m: m.graph.node.remove(node(m, name))


def shape(*dims: int | str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims)))

    return change


def kind(code: int) -> Change:
    return lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", code)


def wire(name: str, index: int, value: str) -> Change:
    return lambda m: node(m, name).input.__setitem__(index, value)


def insert(at: int, *args: object, **attributes: object) -> Change:
    return lambda m: m.graph.node.insert(at, helper.make_node(*args, **attributes))


def both(*changes: Change) -> Change:
    def change(model: onnx.ModelProto) -> None:
        for one in changes:
            one(model)

    return change


def masked_before(model: onnx.ModelProto) -> None:
    drop("mask")(model)
    model.graph.node.insert(0, helper.make_node("Mul", ["w", "m"], ["wm0"], name="early_mask"))
    wire("quant_w", 0, "wm0")(model)
    wire("dense", 1, "wq")(model)


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("x2", TensorProto.FLOAT, [1, 3]))
    model.graph.node.append(helper.make_node("Add", ["x", "x2"], ["unused"], name="join"))


def norm(model: onnx.ModelProto, **attributes: int) -> None:
    inputs = ["a", *(f"n{k}" for k in range(4))]
    for name in inputs[1:]:
        model.graph.initializer.append(numpy_helper.from_array(np.ones(2, F), name))
    model.graph.node.insert(4, helper.make_node("BatchNormalization", inputs, ["bn"], name="norm", **attributes))
    wire("quant_out", 0, "bn")(model)


def no_quantiser(model: onnx.ModelProto) -> None:
    for name in ("quant_in", "quant_w", "mask", "quant_out"):
        drop(name)(model)
    wire("dense", 0, "x")(model)
    wire("dense", 1, "w")(model)
    model.graph.output[0].name = "a"


def wide_scale(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.asarray([[0.5, 1e-4, 0.3]], F), "s3"))
    wire("quant_in", 1, "s3")(model)


def raw(name: str, code: int, dtype: object, more: float = 0.0) -> Change:
    def change(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == name)
        values = numpy_helper.to_array(tensor)
        tensor.CopyFrom(helper.make_tensor(name, code, values.shape, (values.astype(dtype) + more).tobytes(), raw=True))  # type: ignore[call-overload]

    return change


FAULTS: dict[str, tuple[Change, str, str]] = {
    # change, what the message says, the node or place that it names
    "batch 4": (shape(4, 3), "input 'x' has batch 4", ""),
    "symbolic features": (shape(1, "n"), "axes of unknown size: n", ""),
    "no batch axis": (shape(3), "without a batch axis", ""),
    "no shape": (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "without a batch axis", ""),
    "empty axis": (shape(1, 0), "use 1 to|has shape", ""),
    "huge input": (shape(1, 1 << 40), "has shape", ""),
    "huge symbolic": (both(shape("batch", 1 << 30)), "has shape", ""),
    "two inputs": (second_input, "2 inputs and 1 outputs", ""),
    "two outputs": (lambda m: m.graph.output.append(helper.make_tensor_value_info("a", 1, [1, 2])), "2 outputs", ""),
    "wrong rank": (shape(1, 3, 1, 1), "cannot multiply", "dense"),
    "wrong features": (shape(1, 4), "cannot multiply", "dense"),
    "no quantiser": (no_quantiser, "of MatMul (is|are) not quantised", "dense"),
    "float weights": (
        both(drop("quant_w"), drop("mask"), wire("dense", 1, "w"), array("w", [[0.3, 1], [1, 1], [1, 2]])),
        "weights of MatMul are not quantised", "dense",
    ),
    "float input": (both(drop("quant_in"), wire("dense", 0, "x")), "input of MatMul is not quantised", "dense"),
    "mask before": (masked_before, "2 of 6 weights are exactly 0 before binarisation", "quant_w"),
    "mask of halves": (array("m", [[1, 0.5], [0, 1], [1, 1]]), "neither a mask of 0 and 1", "mask"),
    "scale a channel": (wide_scale, "one scale a channel, without a common unit", "dense"),
    "zero point": (array("z", 0.5), "zero point is not one whole number", "quant_in"),
    "scale 0": (array("s", 0), "scale is not positive", "quant_in"),
    "scale negative": (array("s", -1), "scale is not positive", "quant_in"),
    "scale nan": (array("s", np.nan), "constant 's' holds NaN", "quant_in"),
    "scale inf": (array("s", np.inf), "constant 's' holds NaN or infinity", "quant_in"),
    "scale computed": (wire("quant_out", 1, "a"), "scale is not a finite constant", "quant_out"),
    "bits computed": (wire("quant_out", 3, "a"), "bit width is not a finite constant", "quant_out"),
    "bits 0": (array("b", 0), "bit width", "quant_in"),
    "bits 33": (array("b", 33), "bit width", "quant_in"),
    "bits many": (array("b", [3, 4]), "bit width", "quant_in"),
    "bits too many": (array("b", 17), "more than 65536", "quant_in"),
    "weights nan": (array("w", [[1, np.nan], [1, 1], [1, 1]]), "constant 'w' holds NaN", "quant_w"),
    "weights float64": (
        both(array("w", [[0.1, 1], [1, 1], [1, 1]]), raw("w", TensorProto.DOUBLE, np.float64, 1e-12)),
        "of type DOUBLE does not fit float32", "quant_w",
    ),
    "weights inf": (array("w", [[1, np.inf], [1, 1], [1, 1]]), "constant 'w' holds NaN or infinity", "quant_w"),
    "input float64": (kind(TensorProto.DOUBLE), "input 'x' is of type DOUBLE", ""),
    "norm training": (lambda m: norm(m, training_mode=1), "training mode", "norm"),
    "cycle": (wire("dense", 0, "y"), "used before it is computed", "dense"),
    "unknown tensor": (wire("dense", 0, "ghost"), "nothing computes tensor 'ghost'", "dense"),
    "unknown output": (lambda m: setattr(m.graph.output[0], "name", "ghost"), "nothing computes output 'ghost'", ""),
    "missing operand": (wire("dense", 1, ""), "MatMul lacks input 1", "dense"),
    "opset 8": (lambda m: setattr(m.opset_import[0], "version", 8), "ONNX opset 8", ""),
    "opset 99": (lambda m: setattr(m.opset_import[0], "version", 99), "ONNX opset 99", ""),
    "no opset": (lambda m: m.opset_import.pop(0), "ONNX opset None", ""),
    "loop": (insert(0, "Loop", ["x"], ["l"], name="loop"), "operator Loop is not supported", "loop"),
    "sparse constant": (insert(0, "Constant", [], ["k"], name="const", value_string="s"), "Constant without", "const"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "what", "where"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_a_message_with_node_and_remedy(change: Change, what: str, where: str) -> None:
    model = dense_model()
    change(model)
    with pytest.raises(CompileError, match=what) as caught:
        lower(model)
    text = str(caught.value)
    assert where in text
    errors = caught.value.errors if isinstance(caught.value, CompileErrors) else (caught.value,)
    assert all(e.fix and e.what and e.exit_code == 2 for e in errors)
    if where:
        assert any(isinstance(e.node, ir.Node) and e.node.name == where for e in errors)


def test_all_unsupported_operators_are_reported_together() -> None:
    model = dense_model()
    model.graph.node.insert(0, helper.make_node("LSTM", ["x"], ["l1"], name="lstm_1"))
    model.graph.node.insert(1, helper.make_node("Attention", ["l1"], ["l2"], name="attention_1"))
    with pytest.raises(CompileErrors) as caught:
        lower(model)
    assert [e.what for e in caught.value.errors] == [
        "operator LSTM is not supported", "operator Attention is not supported",
    ]  # fmt: skip
    assert "while import" in str(caught.value)
    assert "LSTM 'lstm_1' (x:[1,3]) -> l1" in str(caught.value)


@pytest.mark.parametrize("opset", range(9, 26))
def test_every_opset_from_9(opset: int) -> None:
    assert np.array_equal(integers(lower(dense_model(opset))), WANT)


HARMLESS: dict[str, Change] = {
    "symbolic batch": shape("batch", 3),
    "unsorted": lambda m: m.graph.node.append(m.graph.node.pop(0)),
    "weights float64": raw("w", TensorProto.DOUBLE, np.float64),
    "weights float16": raw("w", TensorProto.FLOAT16, np.float16),
    "input uint8, quantised by the model": kind(TensorProto.UINT8),
    "function": lambda m: m.functions.append(
        helper.make_function("f", "F", ["a"], ["a"], [], [helper.make_opsetid("", 17)])
    ),
    "unknown batch": lambda m: m.graph.input[0].type.tensor_type.shape.dim[0].Clear(),
    "initializer as input": lambda m: m.graph.input.append(helper.make_tensor_value_info("w", 1, [3, 2])),
    "no node names": lambda m: [n.ClearField("name") for n in m.graph.node] and None,
    "one node name": lambda m: [setattr(n, "name", "same") for n in m.graph.node] and None,
    "unused initializer": lambda m: m.graph.initializer.append(numpy_helper.from_array(np.ones(3, F), "spare")),
    "unused node": insert(0, "Relu", ["x"], ["spare"], name="spare"),
    "brevitas domain": lambda m: [
        setattr(n, "domain", "onnx.brevitas") for n in m.graph.node if "Quant" in n.op_type
    ] and None,
    "finn domain": lambda m: [
        setattr(n, "domain", "finn.custom_op.general") for n in m.graph.node if "Quant" in n.op_type
    ] and None,
    "IntQuant": lambda m: [setattr(n, "op_type", "IntQuant") for n in m.graph.node if n.op_type == "Quant"] and None,
    "ai.onnx": lambda m: setattr(node(m, "dense"), "domain", "ai.onnx"),
    "stale shapes": lambda m: m.graph.value_info.append(helper.make_tensor_value_info("a", 1, [7, 7])),
    "lower case rounding": lambda m: setattr(
        next(a for a in node(m, "quant_in").attribute if a.name == "rounding_mode"), "s", b"round"
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_exporters_do_differently_changes_nothing(change: Change) -> None:
    model = dense_model()
    change(model)
    assert np.array_equal(integers(lower(model)), WANT)


HOSTILE = ["a\"b'{0}", "line\nbreak{0}", "../../{0}", "ünïcödé✓{0}", "/*{0}*/", "%s%n{0}", "\x1b[31m{0}", " {0} ",
           "${{IFS}}{0}", "int {0};", "{0}" + "x" * 5000, "\u202e{0}"]  # fmt: skip


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_only_names(pattern: str) -> None:
    model = dense_model()
    rename(model, pattern.format)
    lowered = lower(model)
    assert np.array_equal(integers(lowered), WANT)


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_do_not_break_the_message(pattern: str) -> None:
    model = dense_model()
    set_array(model, "b", np.asarray(0, F))
    rename(model, pattern.format)
    node(model, pattern.format("dense")).op_type = "Bad\nOp\x1b"
    with pytest.raises(CompileError) as caught:
        lower(model)
    text = str(caught.value)
    assert text.replace("\n", "").isprintable()
    assert all(
        line.startswith(("error: ", "  node  ", "  where ", "  while ", "  fix   ")) for line in text.split("\n")
    )
    assert max(map(len, text.split("\n"))) < 2000


def test_duplicate_tensor_names() -> None:
    model = dense_model()
    model.graph.node.insert(1, helper.make_node("Relu", ["x"], ["xq"], name="twin"))
    with pytest.raises(CompileError, match="is not an ONNX model: Output 'xq' is redeclared"):
        lower(model)


def test_the_source_is_left_alone() -> None:
    source = ir.from_proto(dense_model())
    before = ir.to_proto(source).SerializeToString()
    lower(source)
    assert ir.to_proto(source).SerializeToString() == before


@pytest.mark.parametrize("stage", [step.transform.name for step in TO_INTEGER])
def test_a_saved_stage_is_taken_up_again(stage: str) -> None:
    """Written behind any pass, read back and lowered further: the same integers, the same number of nodes."""
    model = load(ir.from_proto(dense_model()))
    run_steps(model, TO_INTEGER, stop_after=stage)
    again = lower(ir.from_proto(ir.to_proto(model)))
    assert np.array_equal(integers(again), WANT)
    assert [n.op_type for n in again.graph] == [n.op_type for n in lower(dense_model()).graph]


def test_of_several_outputs_each_is_named_and_can_be_cut_out(tmp_path: Path) -> None:
    model = dense_model()
    first = model.graph.node[-1].input[0]
    model.graph.output.append(helper.make_tensor_value_info(first, TensorProto.FLOAT, None))
    with pytest.raises(CompileError, match=f"1 inputs and 2 outputs.*{first}") as error:
        load(model)
    (_, cut) = error.value.fix.split("cut out by ")
    last = model.graph.output[0].name
    assert cut == f"onnx.utils.extract_model('model.onnx', 'part.onnx', ['x'], [{last!r}])"
    onnx.save(model, tmp_path / "model.onnx")
    paths = [str(tmp_path / name) for name in ("model.onnx", "part.onnx")]
    onnx.utils.extract_model(*paths, ["x"], [last], check_model=False, infer_shapes=False)
    assert np.array_equal(integers(lower(onnx.load(paths[1]))), WANT)
