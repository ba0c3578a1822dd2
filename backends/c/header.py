"""`<name>.h`: the public interface, each part documented."""

from __future__ import annotations

import onnx_ir as ir

from ...ops.base import shape_of
from ...ops.qtype import QType, qtype
from .image import Pixels, image_functions
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


def header(
    name: str, program: Program, scale: str, offset: str, pixels: Pixels | None = None, in_at: int | None = None
) -> str:
    """`<name>.h`: sizes, types, the functions, each documented. `in_at`: where in the arena the input may lie."""
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
        if in_at is not None:
            w(f"#define {up}_IN_AT {in_at} /* where in the arena the input may begin, in bytes: see {name}_predict */")
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
            _functions(w, name, program, pixels, in_at)
    return w.text()


def _functions(w: Writer, name: str, program: Program, pixels: Pixels | None, in_at: int | None) -> None:
    up, q, integers = name.upper(), program.in_type, "quantised integers"
    w.comment(
        "Runs the network once.",
        "",
        f"`in`     {up}_IN {integers}, in the order above, left as they are; one beyond {up}_IN_LO to {up}_IN_HI",
        "         counts as the nearest end.",
        f"`out`    {up}_OUT integers, in the order above. It lies outside of `in` and `arena`.",
        f"`arena`  {up}_ARENA_BYTES bytes of working memory, aligned to {up}_ARENA_ALIGN. They need not be initialised",
        "         and hold nothing for the next call: between calls they are yours.",
        *(
            [
                "",
                f"`in` may lie in the arena: `({q} *)arena + {up}_IN_AT`. Then it takes no memory of its own, and each",
                "call overwrites it. Nowhere else may the two overlap.",
            ]
            if in_at is not None
            else ["", "`in` and `arena` may not overlap."]
        ),
        "",
        f"Returns {up}_OK; {up}_ERROR_NULL where a pointer is NULL; {up}_ERROR_ALIGN where the arena is not aligned.",
        "With an error nothing is written. The function keeps no state: calls with different `out` and `arena` may run",
        "at the same time, in threads and interrupts.",
    )
    w(f"int {name}_predict(const {q} in[{up}_IN], {program.out_type} out[{up}_OUT], void *arena);")
    w()
    w.comment(
        f"The index, from 0 to {up}_OUT - 1, of the largest of the {up}_OUT outputs in `out`; the lowest one where",
        "several are largest. `out` is not NULL.",
    )
    w(f"int {name}_argmax(const {program.out_type} out[{up}_OUT]);")
    if program.schedule.quantizer is not None:
        w()
        w.comment(
            "The model's own input quantiser, exactly: real numbers as the model was trained on them, in the order of",
            f"the input, to the integers that {name}_predict takes. What is not a number counts as the lowest. The two",
            "do not overlap and are not NULL. It is linked only where it is used.",
        )
        w(f"void {name}_quantize(const float in[{up}_IN], {q} out[{up}_IN]);")
    if pixels is not None:
        image_functions(w, name, program, pixels)


def _steps(q: QType) -> str:
    return f" in steps of {q.step}" if q.step != 1 else ""


def _axes(value: ir.Value) -> str:
    shape = shape_of(value)[1:]
    names = {1: "", 2: "[channels, width] ", 3: "[channels, height, width] "}.get(len(shape), "")
    return f"{names}{comment_text(str(list(shape)))}, last axis fastest"


def _real(text: str) -> str:
    return f"({text})" if text.startswith("-") else text
