"""`<name>.h`: the public interface, each part documented."""

from __future__ import annotations

import onnx_ir as ir

from ...ops.base import shape_of
from ...ops.qtype import QType, qtype
from .image import Pixels, describe, signature
from .products import elements
from .program import Program
from .writer import Writer, comment_text

OK, ERROR_NULL, ERROR_ALIGN = 0, 1, 2
ALIGN = 4


def arena_align(w: Writer, up: str) -> None:
    """The macro for the alignment of the arena."""
    w("#ifdef __AVR__ /* which reads bytes one by one */")
    w(f"#define {up}_ARENA_ALIGN 1")
    w("#else")
    w(f"#define {up}_ARENA_ALIGN {ALIGN} /* the arena's alignment in bytes */")
    w("#endif")


def header(name: str, program: Program, scale: str, offset: str, pixels: Pixels | None = None) -> str:
    """`<name>.h`: sizes, types, the three functions, each documented."""
    w, up = Writer(), name.upper()
    source, output = program.schedule.source, program.schedule.output
    qi, qo = qtype(source), qtype(output)
    w.comment(
        f"{name}: a neural network in exact integer arithmetic, compiled by cardc.",
        "",
        f"Input:  {elements(source)} integers from {qi.lo} to {qi.hi}{_steps(qi)}, {_axes(source)}.",
        f"Output: {elements(output)} integers from {qo.lo} to {qo.hi}{_steps(qo)}, {_axes(output)};",
        f"        the model's own output is {scale} * integer + {offset}.",
    )
    with w.guard(f"{up}_H"):
        w("#include <stdint.h>")
        w()
        w(f"#define {up}_IN {elements(source)} /* elements of the input */")
        w(f"#define {up}_OUT {elements(output)} /* elements of the output */")
        w(f"#define {up}_ARENA_BYTES {max(1, program.arena)} /* working memory */")
        arena_align(w, up)
        w(f"#define {up}_IN_LO ({qi.lo})")
        w(f"#define {up}_IN_HI {qi.hi}")
        w(f"#define {up}_IN_SCALE {_real(repr(qi.scale[0]))} /* what one unit of the input is worth */")
        w(f"#define {up}_OUT_SCALE {_real(scale)} /* what one unit of the output is worth */")
        w(f"#define {up}_OUT_OFFSET {_real(offset)}")
        w()
        w(f"#define {up}_OK {OK}")
        w(f"#define {up}_ERROR_NULL {ERROR_NULL} /* a pointer is NULL */")
        w(f"#define {up}_ERROR_ALIGN {ERROR_ALIGN} /* the arena is not aligned */")
        w()
        with w.declarations():
            _functions(w, name, program, pixels)
    return w.text()


def _functions(w: Writer, name: str, program: Program, pixels: Pixels | None) -> None:
    up = name.upper()
    w.comment(
        "Runs the network once. `arena` is working memory of the size and alignment above; it need not be initialised",
        "and keeps nothing from one call to the next. Input beyond its range counts as its nearest end. Returns",
        f"{up}_OK or an error, and then `out` is untouched. Calls with different arenas may run at the same time.",
    )
    w(f"int {name}_predict(const {program.in_type} in[{up}_IN], {program.out_type} out[{up}_OUT], void *arena);")
    w()
    w.comment("The index of the largest output, the lowest one where several are largest.")
    w(f"int {name}_argmax(const {program.out_type} out[{up}_OUT]);")
    if program.schedule.quantizer is not None:
        w()
        w.comment(
            "The model's own input quantiser: real numbers, as the model was trained on them, to the integers that",
            f"{name}_predict takes, exactly. It is linked only if it is used.",
        )
        w(f"void {name}_quantize(const float in[{up}_IN], {program.in_type} out[{up}_IN]);")
    if pixels is not None:
        w()
        w.comment(
            f"The bytes of an image, {describe(program, pixels)}, to the integers that",
            f"{name}_predict takes, exactly as the model's own input quantiser does.",
        )
        w(f"{signature(name, program)};")


def _steps(q: QType) -> str:
    return f" in steps of {q.step}" if q.step != 1 else ""


def _axes(value: ir.Value) -> str:
    shape = shape_of(value)[1:]
    names = {1: "", 2: "[channels, width] ", 3: "[channels, height, width] "}.get(len(shape), "")
    return f"{names}{comment_text(str(list(shape)))}, last axis fastest"


def _real(text: str) -> str:
    return f"({text})" if text.startswith("-") else text
