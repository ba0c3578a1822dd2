"""What compilers for 8-bit cores refuse, said before they do, with the layer and a remedy."""

from __future__ import annotations

import onnx_ir as ir

from ...errors import CompileError, raise_all
from ...ops.base import constant, operand
from ...targets.base import Target
from .program import Program

ARRAY = 32_767
"""Bytes of one array: where pointers have 16 bits, their differences have a sign and 15."""
CONSTANTS = 65_536
"""Bytes of flash that such a pointer reaches."""
_FIX = "take fewer weights, bits or levels, or a board with a 32-bit core"


def check_limits(program: Program, target: Target) -> None:
    """CompileError (exit code 1: the model does not fit), all problems at once, where a core of 8 bits cannot address
    the constants of `program`."""
    if not target.has("eight_bit"):
        return
    errors = [
        _too_long(array.bytes, f"the constants {array.name!r}", step.node, target)
        for step in program.steps
        for array in step.arrays
        if array.bytes > ARRAY
    ]
    node = program.schedule.quantizer
    t = constant(operand(node, 1)) if node is not None else None
    if t is not None and 4 * t.size > ARRAY:
        errors.append(_too_long(4 * t.size, "the input quantiser's table", node, target))
    held = sum(step.weight_bytes for step in program.steps)
    if not errors and held > CONSTANTS:
        what = f"{held:,} bytes of constants are more than the {CONSTANTS:,} that {target.core} reaches"
        errors.append(CompileError(what, fix=_FIX, exit_code=1))
    raise_all(errors)


def _too_long(size: int, what: str, node: ir.Node | None, target: Target) -> CompileError:
    limit = f"at most {ARRAY:,} in one array, and {target.title} has {target.flash_bytes:,} bytes of flash"
    return CompileError(
        f"{size:,} bytes for {what}: a compiler for {target.core} allows {limit}", node=node, fix=_FIX, exit_code=1
    )
