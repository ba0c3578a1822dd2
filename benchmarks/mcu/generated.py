"""C of several generators from one quantised model, built for a Cortex-M4 with FPU and counted: see generators.py."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import cardc
from cardc.backends.c.emulate import qemu, qemu_count
from cardc.backends.c.emulate.cores import get_core
from cardc.errors import CompileError

BOARD = "nucleo-f446re"
OPTIMISE = "-O2"
_FPU = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
# libm stands in front of the sources on the command line: what they need of it is asked for by name.
_LIBM = tuple(
    f"-Wl,-u,{name}f" for name in ("round", "nearbyint", "rint", "floor", "ceil", "fmin", "fmax", "sqrt", "exp")
)
_HEAP = 2 << 20  # bytes, for the peer that takes its buffers from malloc; only what it took is counted
_SECONDS = 300
Floats = NDArray[np.float32]
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


@dataclasses.dataclass(frozen=True)
class Made:
    """C sources, what main includes, and how it calls them."""

    sources: Mapping[str, str]
    head: str
    call: str


def ours(model: Path, n_out: int) -> Made:
    """cardc's library, called from real numbers to real numbers."""
    build = cardc.compile(model, BOARD, name="ours")
    with tempfile.TemporaryDirectory() as name:
        build.write(Path(name) / "out")
        sources = {p.name: p.read_text(encoding="utf-8") for p in sorted((Path(name) / "out/src").iterdir())}
    types = re.search(r"int ours_predict\(const (\w+) in\[OURS_IN\], (\w+) out", sources["ours.h"])
    if types is None or "ours_quantize.c" not in sources:
        raise CompileError("the model takes integers", fix="give it an input quantiser")
    head = '#include "ours.h"\nstatic uint32_t arena[(OURS_ARENA_BYTES + 3) / 4];\n'
    head += f"static {types[1]} q[OURS_IN];\nstatic {types[2]} y[OURS_OUT];"
    call = "ours_quantize(in, q); ours_predict(q, y, arena);"
    call += f" for (int k = 0; k < {n_out}; k++) out[k] = (float)y[k] * (float)OURS_OUT_SCALE + (float)OURS_OUT_OFFSET;"
    return Made(sources, head, call)


def onnx2c(model: Path, program: str) -> Made:
    """What onnx2c makes of `model`."""
    return Made({"peer.c": _said(_found(program), str(model))}, "void entry();", "entry(in, out);")


def emx(model: Path, program: str) -> Made:
    """What emx-onnx-cgen makes of `model`, all weights in the code: it would put large ones in a file."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "peer.c"
        _said(_found(program), "compile", "--large-weight-threshold", "0", str(model), str(out))
        return Made({"peer.c": out.read_text(encoding="utf-8")}, "void model();", "model(in, out);")


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"{program} is not installed")
    return found


def _said(*command: str) -> str:
    """Standard output; CompileError with the last line that a program that fails has said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        said = lines[-1] if lines else "no word"
        raise CompileError(f"{said} (exit status {done.returncode})", fix="give it another model")
    return done.stdout


def measure(made: Made, x: Floats, n_out: int) -> tuple[int, int, int, Floats]:
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
