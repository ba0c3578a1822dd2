"""Import node by node, in order: fold, rewrite, keep track of layouts, check, infer; all problems reported at once."""

from __future__ import annotations

from collections import deque

import onnx_ir as ir

from ..errors import CompileError, printable, raise_all
from ..ops import lookup
from ..ops.base import ints, shape_of
from ..ops.graph import infer_node, replace, rewire
from .aliases import aliased
from .fold import check_size, fold_constants, fold_split
from .layouts import Layouts
from .rules import rewritten


class Walk:
    """One import of `graph`, which must be sorted; a node behind a broken one is not looked at."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._errors: list[CompileError] = []
        self._broken: set[ir.Value] = set()
        self._sampled = set(graph.inputs)  # what depends on the input, and so has a batch axis
        self._layouts = Layouts(graph, self._sampled)
        self._queue: deque[ir.Node] = deque()

    def run(self) -> None:
        """Visit every node. Raises CompileError, all problems together."""
        self._queue.extend(self._graph)
        while self._queue:
            node = self._queue.popleft()
            if node.graph is None:  # a rule took it along with the one before it
                continue
            if any(v in self._broken for v in node.inputs):
                self._broken.update(node.outputs)
                continue
            try:
                self._visit(node)
            except CompileError as error:
                error.stage, error.node = error.stage or "import", error.node or node
                self._fail(node, error)
            except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError) as error:
                # An attribute of the wrong kind, an axis that is not there: the operator's own code trips over it.
                self._fail(node, _malformed(node, error))
        raise_all(self._errors)
        self._layouts.finish()

    def _fail(self, node: ir.Node, error: CompileError) -> None:
        self._errors.append(error)
        self._broken.update(node.outputs)

    def _visit(self, node: ir.Node) -> None:
        graph = self._graph
        if (same := aliased(node)) is not None:
            rewire(graph, node.outputs[0], same)
            graph.remove(node, safe=True)
            return
        if fold_split(graph, node) or fold_constants(graph, node):
            return
        if (new := rewritten(graph, node)) is not None:
            replace(graph, node, new)
            self._queue.extendleft(reversed(new))
            return
        if any(v.uses() for v in node.outputs[1:]):
            raise CompileError(
                f"{node.op_type} has a second output in use", node=node, fix="export the model in eval mode"
            )
        sampled = any(v in self._sampled for v in node.inputs)
        kept = self._layouts.place(node) if sampled else node
        if kept is None:
            return
        lookup(kept).verify(kept)
        infer_node(kept)
        check_size(kept, shape_of(kept.outputs[0]))
        self._layouts.settle(kept)
        if sampled:
            _keeps_batch(kept)
            self._sampled.update(kept.outputs)


def _keeps_batch(node: ir.Node) -> None:
    before, after = shape_of(node.inputs[0]), shape_of(node.outputs[0])
    if after[:1] != (1,) or (node.op_type == "Transpose" and ints(node, "perm", (1,))[0] != 0):
        raise CompileError(
            f"{node.op_type} moves the batch axis: {list(before)} to {list(after)}",
            node=node,
            fix="keep axis 0 as the batch",
        )


def _malformed(node: ir.Node, error: Exception) -> CompileError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return CompileError(
        f"{node.op_type} is malformed: {printable(reason)}",
        node=node,
        fix="export the model again; onnx.checker.check_model(path, full_check=True) says more",
        stage="import",
    )
