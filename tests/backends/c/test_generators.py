"""The benchmark beside other generators: a small card through the whole command, peers missing and broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.mcu.generators import Made, as_qcdq, compare, measure
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
    broken.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    ours, absent, failing = compare(demo, "no-such-onnx2c", str(broken))
    assert (ours["tool"], ours["exact"], ours["same_class"], ours["problem"]) == ("cardc", 7, 7, "")
    assert 1_000 < (ours["instructions"] or 0) < 100_000
    assert 1_000 < (ours["flash"] or 0) < 20_000
    assert absent["problem"] == "no-such-onnx2c is not installed"
    assert "exit status 3" in failing["problem"]
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


def test_the_peers_model_has_standard_operators_only(demo: Path) -> None:
    import onnx

    as_qcdq(demo / "card.onnx", demo / "qcdq.onnx")
    model = onnx.load(demo / "qcdq.onnx")
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert not {"Quant", "BipolarQuant"} & {node.op_type for node in model.graph.node}
    assert "QuantizeLinear" in {node.op_type for node in model.graph.node}
