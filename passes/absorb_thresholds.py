"""absorb-thresholds: Quantize(chain(Dequantize(acc))) -> Threshold(acc), whatever the chain, exactly.

    y = base + step * #{k : d[c] * acc >= t[c, k]}

Applies to scale, bias, BatchNormalization (either sign of gamma), ReLU, clipping, any element-wise monotone chain;
each threshold is found by running that very chain in float32 over the accumulator's reachable range, so rounding
mode, negative gamma and ties are right by construction. The same over all float32 numbers turns the quantiser of
the graph input (with the scaling in front of it) into float thresholds; a Transpose in between goes behind them. A
chain that is not monotone is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops.base import CARDC, ONNX, Array, result
from ..ops.graph import add_initializer, drop_unused, fresh, is_cardc, make_node
from ..ops.graph import replace as put
from ..ops.qtype import QType, find_qtype, qtype, set_qtype
from .base import Pass, PassLog
from .bisect import EXHAUSTIVE, NotMonotoneError, Thresholds, float_thresholds, integer_thresholds
from .chain import Chain, chain_to, reachable
from .split_quantizers import SOURCE

MAX_LEVELS = 1 << 16
MAX_THRESHOLDS = 1 << 25
"""Of one quantiser, over all its channels: 256 MiB."""
_MONOTONE = "use a monotone activation (ReLU, LeakyReLU, HardTanh) between layer and quantiser"


@dataclass(frozen=True)
class AbsorbThresholds(Pass):
    name: ClassVar[str] = "absorb-thresholds"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        errors: list[CompileError] = []
        for node in list(graph):
            if not is_cardc(node, "Quantize"):
                continue
            try:
                self._absorb(graph, node, log)
                done += 1
            except CompileError as error:
                errors.append(error)
        raise_all(errors)
        drop_unused(graph)
        return done

    def _absorb(self, graph: ir.Graph, node: ir.Node, log: PassLog) -> None:
        q = qtype(result(node))
        if q.levels > MAX_LEVELS:
            raise CompileError(
                f"a quantiser of {q.bits} bits has {q.levels} levels, more than {MAX_LEVELS}",
                node=node,
                fix="quantise activations to at most 16 bits",
            )
        chain = chain_to(node)
        if chain.channels * (q.levels - 1) > MAX_THRESHOLDS:
            raise CompileError(
                f"{q.bits} bits in each of {chain.channels} channels take more than {MAX_THRESHOLDS} thresholds",
                node=node,
                fix="use fewer bits, or one scale and bias for all channels",
            )
        found = _thresholds(chain, q, node)
        attributes = {"base": q.lo, **({"axis": chain.axis} if chain.turn is not None else {})}
        stem = result(node).name or "thresholds"
        inputs = [chain.source, add_initializer(graph, f"{stem}_thresholds", *_typed(found.t))]
        if (found.d < 0).any():
            inputs.append(add_initializer(graph, f"{stem}_directions", found.d, QType(-1, 1)))
            log.notes.append(f"{node.name}: {int((found.d < 0).sum())} of {found.d.size} channels fall")
        # Scales are told along axis 1, so where channels lie elsewhere they are left to what is turned.
        here = q if chain.turn is None else replace(q, scale=(1.0,))
        new = make_node(
            CARDC, "Threshold", inputs, name=node.name or stem, out=fresh(graph, stem), q=here, attributes=attributes
        )
        made = [new]
        if chain.turn is not None:
            made.append(_again(graph, chain.turn, new))
            set_qtype(result(made[-1]), q)
        source = result(node).metadata_props.get(SOURCE)
        if source is not None:
            result(made[-1]).metadata_props[SOURCE] = source
        put(graph, node, made)


def _again(graph: ir.Graph, turn: ir.Node, levels: ir.Node) -> ir.Node:
    """The Transpose that stood in front of the thresholds, on their integers."""
    name = fresh(graph, f"{turn.name}_int")
    out = fresh(graph, f"{result(turn).name}_int")
    return make_node(ONNX, "Transpose", [result(levels)], name=name, out=out, attributes={**turn.attributes})


def _typed(t: Array) -> tuple[Array, QType | None]:
    if np.issubdtype(t.dtype, np.floating):
        return t, None
    return t, QType(int(t.min(initial=0)), int(t.max(initial=0)))


def _thresholds(chain: Chain, q: QType, node: ir.Node) -> Thresholds:
    def levels(x: Array) -> Array:
        return (chain(x) - q.lo) // q.step

    channels = chain.channels
    real = find_qtype(chain.source) is None
    lo, hi = (np.zeros(1, np.int64),) * 2 if real else reachable(chain.source)
    # One row serves all channels only where nothing tells them apart, the thresholds' clamping to the range included.
    if channels == 1:
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    elif lo.size == 1:
        lo, hi = lo.repeat(channels), hi.repeat(channels)
    if not chain.monotone and (real or int((hi - lo).max()) >= EXHAUSTIVE):
        raise CompileError("an operator in front of this quantiser may turn", node=node, fix=_MONOTONE)
    try:
        if real:
            return float_thresholds(levels, channels, q.levels - 1)
        return integer_thresholds(levels, lo, hi, q.levels - 1, monotone=chain.monotone)
    except NotMonotoneError as error:
        raise CompileError(
            f"the chain in front of this quantiser rises and falls in channel {error.channel}", node=node, fix=_MONOTONE
        ) from error
