"""Reuse factor and strategy of a layer that multiplies by a matrix."""

from __future__ import annotations

import onnx_ir as ir

from ...errors import CompileError
from ...targets.base import Target
from .builder import Builder
from .options import DISTRIBUTED

# Unrolled, a non-zero ternary weight is an adder of a few LUTs: a layer may fill about half of the device with
# them. Folded, a multiplier also selects its input and weight, some 20 LUTs and more, besides a fixed cost for the
# control, so far fewer are kept. `Options` overrides both for each layer.
_UNROLLED_SHARE, _FOLDED_SHARE = 16, 128
# hls4ml's unrolled product holds every partial product in one local array, zeros too: beyond this its C
# simulation overflows the stack (8 MiB on Linux), and no HLS tool unrolls that far.
_UNROLLED = 1 << 19
# da4ml's search for common subexpressions takes time with the square of the digits: 8,000 ternary weights take half a
# minute.
_SHARED = 8192


def unroll_limit(target: Target) -> int:
    """How many non-zero weights of one layer may be unrolled on `target`."""
    return min(16384, max(1024, target.lut // _UNROLLED_SHARE))


def fold_limit(target: Target) -> int:
    """How many multipliers a layer on `target` may keep side by side that is too large to unroll."""
    return max(64, target.lut // _FOLDED_SHARE)


def valid_reuse(n_in: int, n_out: int, *, beyond_inputs: bool = True) -> tuple[int, ...]:
    """Reuse factors that hls4ml's resource strategy computes correctly: divisors of n_in, or whole inputs.

    Its io_parallel convolution gives wrong sums `beyond_inputs`, for a factor above n_in, without a word.
    """
    inner = [d for d in range(1, n_in + 1) if n_in % d == 0]
    return (*inner, *(n_in * d for d in range(2, n_out + 1) if n_out % d == 0 and beyond_inputs))


def choose(
    node: ir.Node, b: Builder, n_in: int, n_out: int, nonzeros: int, *, beyond_inputs: bool = True
) -> tuple[str, int]:
    """Strategy and reuse factor of the [n_in, n_out] product of `node`; the builder keeps what else was possible.

    Unrolled, where the non-zero weights fit side by side: zeros then cost nothing. Else the weights go to
    memory, with the smallest valid reuse factor that keeps the multipliers within `fold_limit`.
    CompileError for a reuse factor of the user that hls4ml would silently replace.
    """
    target, options = b.target, b.options
    name, limit = node.name or "", unroll_limit(target)
    fits = n_in * n_out <= _UNROLLED
    valid = valid_reuse(n_in, n_out, beyond_inputs=beyond_inputs)
    b.choices[name] = ((("latency", 1),) if fits else ()) + tuple(("resource", r) for r in valid if r > 1 or not fits)
    strategy = options.strategy.get(name) or ("latency" if fits and nonzeros <= limit else "resource")
    if strategy == "latency" and not fits:
        raise CompileError(
            f"a {n_in}x{n_out} product is too large to unroll (at most {_UNROLLED:,} weights)",
            node=node,
            fix="use strategy resource for this layer",
        )
    if strategy == "latency":
        return strategy, options.reuse.get(name, 1)
    if strategy == DISTRIBUTED:
        _check_distributed(node, options.reuse.get(name, 1), nonzeros)
        return strategy, 1
    if name not in options.reuse:
        folded = fold_limit(target)
        return strategy, next((r for r in valid if r > 1 and n_in * n_out <= r * folded), valid[-1])
    factor = options.reuse[name]
    if factor not in valid:
        raise CompileError(
            f"reuse factor {factor} is not possible for a {n_in}x{n_out} product",
            node=node,
            fix=f"use one of {', '.join(map(str, valid[:24]))}{' ...' if len(valid) > 24 else ''}",
        )
    return strategy, factor


def _check_distributed(node: ir.Node, reuse: int, nonzeros: int) -> None:
    if reuse > 1:
        raise CompileError(
            f"strategy {DISTRIBUTED} has no reuse factor, and {reuse} is asked for",
            node=node,
            fix="leave the reuse factor out, or use strategy resource",
        )
    if nonzeros > _SHARED:
        raise CompileError(
            f"strategy {DISTRIBUTED} takes too long for {nonzeros:,} weights that are not zero (at most {_SHARED:,})",
            node=node,
            fix="use strategy latency or resource for this layer",
        )
