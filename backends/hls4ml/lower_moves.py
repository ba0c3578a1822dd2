"""Operators that move elements: reshapes and transpositions cost nothing, the others are layers of ours."""

from __future__ import annotations

import onnx_ir as ir

from ...errors import CompileError
from ...ops.base import ints, shape_of
from .builder import Builder
from .layer import Tensor
from .layout import Layout


def reshape(node: ir.Node, b: Builder) -> None:
    """Flatten and Reshape: the hardware's order stays, later weights follow it.

    Where channels and positions would mix, and where a stream of one packet size is read by several, a layer moves
    the elements.
    """
    x, value = b.tensor(node), node.outputs[0]
    layout = x.layout.reshaped(shape_of(value)[1:])
    readers = len(value.uses())
    if readers == 0:
        b.view(node, x, layout)
    elif len(layout.shape) > 1 and not layout.is_natural:
        natural = Layout.natural(layout.shape)
        if natural.hls_shape != layout.hls_shape and (natural.order == layout.order).all():
            _reshape(node, b, x, natural)
        else:
            b.move(node, Tensor(x.value, x.layer, layout, x.q), natural, value=value.name or "")
    elif layout.hls_shape == x.layout.hls_shape:
        b.view(node, x, layout)
    elif readers > 1 and b.io_type == "io_stream":
        b.move(node, Tensor(x.value, x.layer, layout, x.q), Layout.natural(layout.shape), value=value.name or "")
    else:
        _reshape(node, b, x, layout)


def _reshape(node: ir.Node, b: Builder, x: Tensor, layout: Layout) -> None:
    b.add(node, "Reshape", layout, x, attributes={"target_shape": list(layout.hls_shape)}, traced=False)


def transpose(node: ir.Node, b: Builder) -> None:
    """Transpose: another reading of the same elements; what follows moves them if it must."""
    x = b.tensor(node)
    perm = ints(node, "perm", tuple(range(len(x.layout.shape) + 1))[::-1])
    if perm[0] != 0:
        raise CompileError(
            f"Transpose by {list(perm)} moves the batch", node=node, fix="keep the batch as the first axis"
        )
    b.view(node, x, x.layout.transposed(tuple(p - 1 for p in perm[1:])))


def _pair(values: tuple[int, ...], default: int) -> tuple[int, int]:
    """Height and width; a 1-D tensor has a height of one."""
    return (values[0], values[1]) if len(values) == 2 else (default, values[0])


def _spread(
    node: ir.Node, b: Builder, factors: tuple[int, int], *, begin: tuple[int, int] = (0, 0), repeat: bool = False
) -> None:
    x, out = b.natural(node), Layout.natural(shape_of(node.outputs[0])[1:])
    (height, width, channels), (out_height, out_width, _) = x.layout.hls_shape, out.hls_shape
    constants = {
        "height": height,
        "width": width,
        "n_chan": channels,
        "out_height": out_height,
        "out_width": out_width,
        "pad_top": begin[0],
        "pad_left": begin[1],
        "factor_height": factors[0],
        "factor_width": factors[1],
        "repeat": int(repeat),
    }
    attributes = {**constants, "out_shape": list(out.hls_shape)}
    b.add(node, "CardcSpread", out, x, attributes=attributes, constants=constants, reuse=b.reuse(node))


def resize(node: ir.Node, b: Builder) -> None:
    """cardc.Resize -> CardcSpread that repeats."""
    _spread(node, b, _pair(ints(node, "factors", ()), 1), repeat=True)


def zero_stuff(node: ir.Node, b: Builder) -> None:
    """cardc.ZeroStuff -> CardcSpread with zeros between the pixels."""
    _spread(node, b, _pair(ints(node, "factors", ()), 1))


def pad(node: ir.Node, b: Builder) -> None:
    """cardc.Pad -> CardcSpread with zeros around."""
    pads = ints(node, "pads", ())
    _spread(node, b, (1, 1), begin=_pair(pads[: len(pads) // 2], 0))
