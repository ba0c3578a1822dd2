"""The benchmark beside other generators: a small card through the whole command, peers missing and broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from benchmarks.mcu.generated import Made, measure
from benchmarks.mcu.generators import compare, drawn, works
from benchmarks.mcu.standard import as_qcdq
from tests.small import SHAPE, save_small
from tests.tools import need

from cardc.backends.c.emulate import gcc, qemu
from cardc.backends.c.emulate.cores import get_core


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    m4 = get_core("cortex-m4")
    need(gcc.available(m4) and qemu.available(m4), "arm-none-eabi-gcc and qemu-system-arm", "gcc-arm-none-eabi")
    save_small(tmp_path / "card.onnx")
    x = np.random.default_rng(0).uniform(-0.5, 2.5, (7, *SHAPE))
    np.save(tmp_path / "x_test.npy", x.astype(np.float32))
    return tmp_path


def test_ours_is_exact_and_missing_peers_are_said_to_be(demo: Path) -> None:
    broken = demo / "broken"
    broken.write_text("#!/bin/sh\necho Loading\necho LSTM is not for me >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    x = np.load(demo / "x_test.npy")
    ours, absent, failing = compare("small", demo / "card.onnx", x, "no-such-onnx2c", str(broken))
    assert (ours["tool"], ours["equal"], ours["same_class"], ours["problem"]) == ("cardc", 7, 7, "")
    assert 1_000 < (ours["instructions"] or 0) < 100_000
    assert 1_000 < (ours["flash"] or 0) < 20_000
    assert absent["problem"] == "no-such-onnx2c is not installed"
    assert failing["problem"] == "LSTM is not for me (exit status 3)"
    assert absent["instructions"] is None


def test_a_peer_is_counted_with_its_heap(demo: Path) -> None:
    """Ten loads, additions and stores a call, in a buffer from malloc, against a call that does nothing."""
    head = "void run(float *, float *);"
    code = """#include <stdlib.h>
    void run(float *x, float *y) {
        volatile float *b = malloc(4000);
        for (int i = 0; i < 10; i++) b[i] = x[i] + 1.0f;
        for (int i = 0; i < 3; i++) y[i] = b[i];
        free((void *)b);
    }"""
    x = np.load(demo / "x_test.npy")
    busy, _, ram, y = measure(Made({"peer.c": code}, head, "run(in, out);"), x, 3)
    idle, _, little, _ = measure(Made({"peer.c": "void run(float *x, float *y) {}"}, head, "run(in, out);"), x, 3)
    np.testing.assert_array_equal(y, x.reshape(7, -1)[:, :3] + np.float32(1), strict=True)
    assert busy - idle > 40
    assert 4_000 <= ram - little < 6_000


def test_works_are_the_demo_the_zoo_and_the_topologies(tmp_path: Path) -> None:
    names = [name for name, _ in works(tmp_path, tmp_path)]
    assert names[:4] == ["demo card", "TFC_1W1A", "TFC_2W2A", "resnet8_a4w4b32"]
    assert any(name.startswith("DS-CNN") for name in names)
    assert [name for name, _ in works(None, None)] == names[4:]


def test_inputs_are_drawn_from_the_levels_of_the_quantiser(demo: Path) -> None:
    model, x = drawn(onnx.load(demo / "card.onnx"), 3)
    assert x.shape == (3, *SHAPE)
    assert len(np.unique(x)) > 2
    (row,) = [r for r in compare("small", demo / "card.onnx", x, "none", "none") if r["tool"] == "cardc"]
    assert (row["inputs"], row["equal"]) == (3, 3)
    assert len(model.graph.node) > 3


BIPOLAR = """<ir_version: 8, opset_import: ["" : 9, "qonnx.custom_op.general" : 1]>
g (float[1,5] x) => (float[1,5] y)
<float scale = {0.5}> { y = qonnx.custom_op.general.BipolarQuant(x, scale) }
"""


def test_two_levels_become_a_comparison(tmp_path: Path) -> None:
    """With zero among those above, as QONNX has it."""
    model = onnx.parser.parse_model(BIPOLAR)
    onnx.save(model, tmp_path / "m.onnx")
    as_qcdq(tmp_path / "m.onnx", tmp_path / "q.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "q.onnx"))
    x = np.array([[-2, -1e-30, 0, 1e-30, 3]], np.float32)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], [[-0.5, -0.5, 0.5, 0.5, 0.5]])


def test_the_peers_model_has_standard_operators_only(demo: Path) -> None:
    as_qcdq(demo / "card.onnx", demo / "qcdq.onnx")
    model = onnx.load(demo / "qcdq.onnx")
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert not {"Quant", "BipolarQuant"} & {node.op_type for node in model.graph.node}
    assert "QuantizeLinear" in {node.op_type for node in model.graph.node}
