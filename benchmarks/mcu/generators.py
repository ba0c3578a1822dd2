"""cardc beside other generators of C on the same quantised models.

python benchmarks/mcu/generators.py [--demo DEMO_OUT] [--zoo FOLDER] [--onnx2c PROGRAM] [--only TEXT] [--json]

The models are the card of `cardc demo` (--demo), those of the QONNX model zoo in a folder (--zoo), and the topologies
of MLPerf Tiny (networks.py). The peers know no QONNX, so they get each as QuantizeLinear, Clip and DequantizeLinear
with its folded weights, and compute in single precision. All are compiled by arm-none-eabi-gcc for a Cortex-M4 with
FPU, take the same real numbers, and run under QEMU; instructions of one inference are counted exactly, input
quantisation included. emx-onnx-cgen is on PyPI; onnx2c is built from its sources
(https://github.com/kraiskil/onnx2c). What is not installed is said to be; what a peer does not take is said with its
own words.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.mcu.generated import BOARD, Floats, Made, emx, measure, onnx2c, ours
from benchmarks.mcu.networks import NETWORKS
from benchmarks.mcu.standard import as_qcdq

import cardc
from cardc.backends.c.emulate.process import ToolError
from cardc.builds.mcu import McuBuild
from cardc.errors import CompileError
from cardc.ops.base import shape_of
from cardc.ops.qtype import qtype

ZOO = ("TFC_1W1A.onnx", "TFC_2W2A.onnx", "resnet8_a4w4b32.onnx")
_SAID = 100  # characters of what a program said
_ROUNDING = 1e-5  # of the largest output: what the order of operations on floats may change


class Row(TypedDict):
    """One generator: `instructions` and bytes of one inference of `work`, for how many of `inputs` the class is that of
    the quantised model and for how many every number is (`equal`), or `problem`, why there is nothing."""

    work: str
    tool: str
    instructions: int | None
    flash: int | None
    ram: int | None
    inputs: int
    same_class: int | None
    equal: int | None
    problem: str


def works(demo: Path | None, zoo: Path | None) -> Iterator[tuple[str, Callable[[], tuple[onnx.ModelProto, Floats]]]]:
    """Names, and how to come by model and inputs."""
    if demo is not None:
        yield "demo card", lambda: (
            onnx.load(demo / "card.onnx"), np.load(demo / "x_test.npy")[:20].astype(np.float32)
        )  # fmt: skip
    for file in ZOO if zoo is not None else ():
        yield file.removesuffix(".onnx"), lambda file=file: drawn(onnx.load(zoo / file))  # type: ignore[misc, operator]
    for name, _, make in NETWORKS:
        yield name, lambda make=make: drawn(make())  # type: ignore[misc]


def drawn(model: onnx.ModelProto, count: int = 2) -> tuple[onnx.ModelProto, Floats]:
    """`model`, and inputs on the levels of its input quantiser, at random."""
    build = cardc.compile(model, BOARD)
    assert isinstance(build, McuBuild)
    source = build.program.schedule.source
    q, shape = qtype(source), shape_of(source)[1:]
    levels = np.random.default_rng(0).integers(0, q.levels, (count, *shape))
    return model, np.asarray((q.lo + q.step * levels) * q.scale[0], np.float32)


def compare(
    work: str, model: Path, x: Floats, onnx2c_program: str = "onnx2c", emx_program: str = "emx-onnx-cgen"
) -> list[Row]:
    """A row for cardc and each peer on a QONNX `model` and inputs x [N, ...]."""
    want = _qonnx(model, x)
    n_out = want.shape[1]
    with tempfile.TemporaryDirectory() as name:
        qcdq = Path(name) / "qcdq.onnx"
        as_qcdq(model, qcdq)
        makers: dict[str, Callable[[], Made]] = {"cardc": lambda: ours(model, n_out)}
        makers["onnx2c"] = lambda: onnx2c(qcdq, onnx2c_program)
        makers["emx-onnx-cgen"] = lambda: emx(qcdq, emx_program)
        return [_row(work, tool, make, x, want) for tool, make in makers.items()]


def _row(work: str, tool: str, make: Callable[[], Made], x: Floats, want: Floats) -> Row:
    row = Row(
        work=work, tool=tool, instructions=None, flash=None, ram=None, inputs=len(x), same_class=None, equal=None,
        problem="",
    )  # fmt: skip
    try:
        row["instructions"], row["flash"], row["ram"], got = measure(make(), x, want.shape[1])
    except (OSError, subprocess.SubprocessError, CompileError, ToolError) as error:
        row["problem"] = str(error).removeprefix("error: ").strip().splitlines()[0][:_SAID]
        return row
    row["same_class"] = int((got.argmax(1) == want.argmax(1)).sum())
    row["equal"] = int((np.abs(got - want).max(1) <= _ROUNDING * np.abs(want).max(1)).sum())
    return row


def _qonnx(model: Path, x: Floats) -> Floats:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = ModelWrapper(str(model)).transform(InferShapes())
    name, out = wrapper.graph.input[0].name, wrapper.graph.output[0].name
    shape = (1, *wrapper.get_tensor_shape(name)[1:])
    return np.concatenate([execute_onnx(wrapper, {name: row.reshape(shape)})[out].reshape(1, -1) for row in x])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, help="the folder that `cardc demo` wrote")
    parser.add_argument("--zoo", type=Path, help="a folder with models of the QONNX model zoo")
    parser.add_argument("--onnx2c", default="onnx2c", help="its program")
    parser.add_argument("--emx", default="emx-onnx-cgen", help="its program")
    parser.add_argument("--only", default="", help="only works whose name holds this text")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    given = parser.parse_args()
    rows = list[Row]()
    for work, make in works(given.demo, given.zoo):
        if given.only not in work:
            continue
        model, x = make()
        with tempfile.TemporaryDirectory() as name:
            onnx.save(model, Path(name) / "model.onnx")
            found = compare(work, Path(name) / "model.onnx", x, given.onnx2c, given.emx)
        rows += found
        if not given.json:
            _print(found)
    if given.json:
        print(json.dumps(rows, indent=1))


def _print(rows: list[Row]) -> None:
    print(f"{rows[0]['work']}, {rows[0]['inputs']} inputs")
    print(f"  {'generator':16}{'instructions':>14}{'flash':>10}{'RAM':>11}{'classes':>10}{'equal':>8}")
    for row in rows:
        if row["problem"]:
            print(f"  {row['tool']:16}  {row['problem']}")
        else:
            print(f"  {row['tool']:16}{row['instructions']:14,}{row['flash']:10,}{row['ram']:11,}{row['same_class']:10}"
                  f"{row['equal']:8}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
