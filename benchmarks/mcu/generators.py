"""cardc beside other generators of C on one trained, quantised model.

python benchmarks/mcu/generators.py --demo DEMO_OUT [--onnx2c PROGRAM] [--json]

The peers know no QONNX, so they get the same model as QuantizeLinear, Clip and DequantizeLinear with its folded
weights, and compute in single precision. All are compiled by arm-none-eabi-gcc for a Cortex-M4 with FPU, take the same
real numbers, and run under QEMU; instructions of one inference are counted exactly, input quantisation included.
emx-onnx-cgen is on PyPI; onnx2c is built from its sources (https://github.com/kraiskil/onnx2c). What is not installed
is said to be.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

import cardc
from cardc.backends.c.emulate import qemu, qemu_count
from cardc.backends.c.emulate.cores import get_core
from cardc.errors import CompileError

BOARD = "nucleo-f446re"
IMAGES = 20  # that are compared
OPTIMISE = "-O2"
_FPU = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
# libm stands in front of the sources on the command line: what they need of it is asked for by name.
_LIBM = tuple(
    f"-Wl,-u,{name}f" for name in ("round", "nearbyint", "rint", "floor", "ceil", "fmin", "fmax", "sqrt", "exp")
)
_HEAP = 1 << 18  # bytes, for the peer that takes its buffers from malloc; only what it took is counted
_SECONDS = 300
_Floats = NDArray[np.float32]
_MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <string.h>
{head}
static uint64_t heap[{heap} / 8 + 1];
static uint32_t taken;
void *_sbrk(int n) {{ return (uint8_t *)heap + (taken += (uint32_t)n) - n; }}
static const uint32_t inputs[{images}][{n_in}] = {{ {inputs} }};
void cardc_begin(void), cardc_end(void);
__attribute__((noinline)) void cardc_begin(void) {{ __asm volatile(""); }}
__attribute__((noinline)) void cardc_end(void) {{ __asm volatile("nop"); }}
static void say(uint32_t bits) {{
    char text[9] = {{0}};
    for (int d = 0; d < 8; d++)
        text[d] = "0123456789abcdef"[(bits >> (28 - 4 * d)) & 15];
    puts(text);
}}
int main(void) {{
    for (int i = 0; i < {images}; i++) {{
        static float in[{n_in}], out[{n_out}];
        memcpy(in, inputs[i], sizeof in);
        cardc_begin();
        {call}
        cardc_end();
        for (int k = 0; k < {n_out}; k++) {{
            uint32_t bits;
            memcpy(&bits, &out[k], 4);
            say(bits);
        }}
    }}
    say(taken);
    return 0;
}}
"""


class Row(TypedDict):
    """One generator: `instructions` and bytes of one inference, how many classes are those of the quantised model, or
    `problem`, why there is nothing."""

    tool: str
    instructions: int | None
    flash: int | None
    ram: int | None
    same_class: int | None
    exact: int | None
    problem: str


@dataclasses.dataclass(frozen=True)
class Made:
    """C sources, what main includes, and how it calls them."""

    sources: Mapping[str, str]
    head: str
    call: str


def as_qcdq(model: Path, out: Path) -> None:
    """Write `model` (QONNX) with standard operators only, its quantised weights folded to floats."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.qonnx_to_qcdq import QuantToQCDQ

    wrapper = ModelWrapper(str(model))
    for step in (FoldConstants([]), QuantToQCDQ(), FoldConstants(["QuantizeLinear"]), InferShapes()):
        wrapper = wrapper.transform(step)
    wrapper.save(str(out))


def ours(model: Path, n_out: int) -> Made:
    """cardc's library, called from real numbers to real numbers."""
    build = cardc.compile(model, BOARD)
    with tempfile.TemporaryDirectory() as name:
        build.write(Path(name) / "out")
        sources = {p.name: p.read_text(encoding="utf-8") for p in sorted((Path(name) / "out/src").iterdir())}
    header = next(file for file in sources if re.fullmatch(r"(?!cardc_)\w+(?<!_weights)\.h", file))
    word, big = header.removesuffix(".h"), header.removesuffix(".h").upper()
    head = f'#include "{header}"\nstatic uint32_t arena[({big}_ARENA_BYTES + 3) / 4];\nstatic int8_t q[{big}_IN];\n'
    head += f"static int16_t y[{big}_OUT];"
    call = f"{word}_quantize(in, q); {word}_predict(q, y, arena);"
    call += f" for (int k = 0; k < {n_out}; k++) out[k] = (float)(y[k] * {big}_OUT_SCALE + {big}_OUT_OFFSET);"
    return Made(sources, head, call)


def onnx2c(model: Path, program: str) -> Made:
    """What onnx2c makes of `model`."""
    done = subprocess.run([program, str(model)], capture_output=True, text=True, timeout=_SECONDS, check=True)
    return Made({"peer.c": done.stdout}, "void entry();", "entry(in, out);")


def emx(model: Path, program: str) -> Made:
    """What emx-onnx-cgen makes of `model`."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "peer.c"
        subprocess.run([program, "compile", str(model), str(out)], capture_output=True, timeout=_SECONDS, check=True)
        return Made({"peer.c": out.read_text(encoding="utf-8")}, "void model();", "model(in, out);")


def measure(made: Made, x: _Floats, n_out: int) -> tuple[int, int, int, _Floats]:
    """Instructions of the first inference, flash and RAM bytes without inputs and start-up, outputs [n, n_out]."""
    core = dataclasses.replace(get_core("cortex-m4"), gcc_flags=_FPU)
    flags = ("-w", "-Wno-error", "-std=gnu11", "-ffp-contract=off", *_LIBM, "-lm")
    text = _MAIN.format(
        head=made.head, call=made.call, images=len(x), n_in=x[0].size, n_out=n_out, heap=_HEAP,
        inputs=", ".join(f"{v}u" for v in np.ascontiguousarray(x).view(np.uint32).ravel()),
    )  # fmt: skip
    program = qemu.build_selftest({**made.sources, "main.c": text}, core, optimise=OPTIMISE, extra_cflags=flags)
    counted = qemu_count.run(program, ("cardc_begin", "cardc_end"), timeout=_SECONDS)
    if counted.run.exit_code:
        raise CompileError(f"it ended with {counted.run.exit_code}: {counted.run.output[-200:]}", fix="see above")
    *lines, taken = [int(line, 16) for line in counted.run.output.split()]
    bits = np.array(lines, np.uint32)
    empty = _MAIN.format(head="", call="", images=1, n_in=1, n_out=n_out, heap=_HEAP, inputs="0u")
    base = qemu.build_selftest({"main.c": empty}, core, optimise=OPTIMISE, extra_cflags=flags).elf.sizes
    sizes = program.elf.sizes
    own = (x.size - 1) * 4  # the inputs, which main holds
    flash, ram = sizes.flash - base.flash - own, sizes.ram - base.ram - (x[0].size - 1) * 4
    if taken:  # then the heap is linked, which the empty program does not need
        ram += taken - (_HEAP // 8 + 1) * 8
    return counted.between("cardc_begin", "cardc_end"), flash, ram, bits.view(np.float32).reshape(len(x), n_out)


def compare(demo: Path, onnx2c_program: str = "onnx2c", emx_program: str = "emx-onnx-cgen") -> list[Row]:
    """A row for cardc and each peer on the trained card in `demo`, the folder that `cardc demo` wrote."""
    card, x = demo / "card.onnx", np.load(demo / "x_test.npy")[:IMAGES].astype(np.float32)
    want = _qonnx(card, x)
    n_out = want.shape[1]
    with tempfile.TemporaryDirectory() as name:
        qcdq = Path(name) / "qcdq.onnx"
        as_qcdq(card, qcdq)
        makers: dict[str, Callable[[], Made]] = {"cardc": lambda: ours(card, n_out)}
        makers["onnx2c"] = lambda: onnx2c(qcdq, _need(onnx2c_program))
        makers["emx-onnx-cgen"] = lambda: emx(qcdq, _need(emx_program))
        return [_row(tool, make, x, want) for tool, make in makers.items()]


def _row(tool: str, make: Callable[[], Made], x: _Floats, want: _Floats) -> Row:
    try:
        count, flash, ram, got = measure(make(), x, want.shape[1])
    except (OSError, subprocess.SubprocessError, CompileError) as error:
        why = str(error).strip().splitlines()[0]
        return Row(tool=tool, instructions=None, flash=None, ram=None, same_class=None, exact=None, problem=why)
    same = int((got.argmax(1) == want.argmax(1)).sum())
    exact = int((got == want).all(1).sum())
    return Row(tool=tool, instructions=count, flash=flash, ram=ram, same_class=same, exact=exact, problem="")


def _qonnx(model: Path, x: _Floats) -> _Floats:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = ModelWrapper(str(model)).transform(InferShapes())
    name, out = wrapper.graph.input[0].name, wrapper.graph.output[0].name
    shape = (1, *wrapper.get_tensor_shape(name)[1:])
    return np.concatenate([execute_onnx(wrapper, {name: row.reshape(shape)})[out] for row in x])


def _need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"{program} is not installed")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="the folder that `cardc demo` wrote")
    parser.add_argument("--onnx2c", default="onnx2c", help="its program")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    given = parser.parse_args()
    rows = compare(given.demo, given.onnx2c)
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'generator':16}{'instructions':>14}{'flash':>10}{'RAM':>9}   classes   exact   of {IMAGES}")
    for row in rows:
        if row["problem"]:
            print(f"{row['tool']:16}{row['problem']}")
        else:
            print(f"{row['tool']:16}{row['instructions']:14,}{row['flash']:10,}{row['ram']:9,}{row['same_class']:10}"
                  f"{row['exact']:8}")  # fmt: skip


if __name__ == "__main__":
    main()
