"""Files that are no models, and models that reach for what is not theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.frontend.files import dense_model, external

from cardc.errors import CompileError
from cardc.frontend.load import load
from cardc.frontend.read import read_model

GOOD = dense_model().SerializeToString()


def refused(path: Path, what: str) -> CompileError:
    with pytest.raises(CompileError, match=what) as caught:
        load(path)
    assert caught.value.fix
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    "data",
    [b"", b"hello, this is text\n", bytes(range(256)), np.random.default_rng(0).bytes(1000), b"\x00" * 64, GOOD[:40],
     b"PK\x03\x04" + GOOD, b'{"graph": {}}', b"\xff" * 9],
    ids=["empty", "text", "bytes", "random", "zeros", "truncated", "zip", "json", "ones"],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["onnx", "json", "txt", "textproto"])
def test_what_is_no_model(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(data)
    assert refused(path, "is not an ONNX model").node == str(path)


def test_every_truncation_ends_in_an_error_or_in_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    for end in range(0, len(GOOD), 7):
        path.write_bytes(GOOD[:end])
        refused(path, ".")


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "no such model file: 'none.onnx'")
    refused(tmp_path, "no such model file")
    refused(Path("a\0b"), "is not an ONNX model|no such model file|cannot read")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "model.onnx"
    path.write_bytes(GOOD)
    monkeypatch.setattr("onnx_ir.load", denied)  # a mode of 0 would not keep root from reading
    refused(path, "cannot read 'model.onnx': Permission denied")


def test_a_file_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(GOOD)
    monkeypatch.setattr("cardc.frontend.read.MAX_BYTES", 64)
    monkeypatch.setattr("onnx_ir.load", lambda *a, **k: pytest.fail("opened"))
    refused(path, "is larger than")


def test_any_ending_will_do(tmp_path: Path) -> None:
    for name in ("model", "model.json", "model.txt"):
        (tmp_path / name).write_bytes(GOOD)
        assert len(load(tmp_path / name).graph) == 5


def saved(tmp_path: Path, model: onnx.ModelProto) -> Path:
    folder = tmp_path / "models"
    folder.mkdir(exist_ok=True)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    model = dense_model()
    data = model.graph.initializer[3].raw_data
    external(model, "w", "weights.bin")
    path = saved(tmp_path, model)
    (path.parent / "weights.bin").write_bytes(data)
    got = read_model(path).graph.initializers["w"].const_value
    (path.parent / "weights.bin").unlink()  # a copy in memory
    assert got is not None
    assert got.numpy().tolist() == [[1, -1], [2, 3], [-4, 5]]


@pytest.mark.parametrize(
    "place", ["../secret.bin", "ABSOLUTE", "sub/../../secret.bin", "link.bin", ".", "", "a\0b", "..", "loop"]
)
def test_external_data_outside_the_folder_is_never_opened(tmp_path: Path, place: str) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0" * 24)
    model = dense_model()
    external(model, "w", str(secret) if place == "ABSOLUTE" else place)
    path = saved(tmp_path, model)
    (path.parent / "sub").mkdir()
    (path.parent / "link.bin").symlink_to(secret)
    (path.parent / "loop").symlink_to(path.parent / "loop")
    refused(path, "lies outside the model's folder|is not an ONNX model|is missing")


def test_external_data_of_an_attribute_is_held_to_the_same_rule(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0" * 24)
    model = dense_model()
    external(model, "m", "../secret.bin")
    tensor = next(t for t in model.graph.initializer if t.name == "m")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["m"], name="c", value=tensor))
    model.graph.initializer.remove(tensor)
    refused(saved(tmp_path, model), "tensor 'c.value' lies outside the model's folder")


def test_external_data_that_is_missing_or_short_or_claims_too_much(tmp_path: Path) -> None:
    model = dense_model()
    external(model, "w", "weights.bin")
    path = saved(tmp_path, model)
    refused(path, "is missing or too large")
    (path.parent / "weights.bin").write_bytes(b"\0" * 5)
    refused(path, "data of tensor 'w' does not fit its shape")
    next(t for t in model.graph.initializer if t.name == "w").dims[:] = [1 << 40, 1 << 20]
    path = saved(tmp_path, model)
    refused(path, "is missing or too large")


@pytest.mark.parametrize("dims", [[1 << 40], [3, 3], [-1, 2], [1 << 62, 1 << 62], [0]])
def test_a_shape_that_its_data_does_not_fill(tmp_path: Path, dims: list[int]) -> None:
    model = dense_model()
    next(t for t in model.graph.initializer if t.name == "w").dims[:] = dims
    refused(saved(tmp_path, model), ".")


def test_typed_data_that_does_not_fill_its_shape(tmp_path: Path) -> None:
    model = dense_model()
    tensor = next(t for t in model.graph.initializer if t.name == "w")
    tensor.CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0]))
    tensor.dims[:] = [1 << 50]
    refused(saved(tmp_path, model), "data of tensor 'w' does not fit its shape")


def test_strings_are_no_weights(tmp_path: Path) -> None:
    model = dense_model()
    tensor = next(t for t in model.graph.initializer if t.name == "w")
    tensor.CopyFrom(helper.make_tensor("w", TensorProto.STRING, [1], [b"x"]))
    refused(saved(tmp_path, model), "holds strings")


def test_a_graph_without_nodes_or_outputs(tmp_path: Path) -> None:
    model = dense_model()
    del model.graph.node[:]
    model.graph.ClearField("initializer")
    refused(saved(tmp_path, model), "holds no graph")
    model = dense_model()
    del model.graph.output[:]
    refused(saved(tmp_path, model), "holds no graph")


def test_a_model_in_memory_has_no_folder_to_read_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"\0" * 24)
    model = dense_model()
    external(model, "w", "weights.bin")
    with pytest.raises(CompileError, match="tensor 'w' lies outside the model's folder"):
        load(model)
