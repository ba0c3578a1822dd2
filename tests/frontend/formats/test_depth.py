"""DepthToSpace and SpaceToDepth anywhere: against qonnx."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.frontend.formats.oracle import Builder, check, lowered, samples

from cardc import verify
from cardc.errors import CompileError
from cardc.ops.execute import execute

Place = Callable[[Builder, str, dict[str, object]], str]

PLACES: dict[str, Place] = {
    "behind a quantiser": lambda b, h, a: layer(b, b.op("DepthToSpace", b.quant(h), **a), 2),
    "in front of a quantiser": lambda b, h, a: layer(b, b.quant(b.op("DepthToSpace", h, **a)), 2),
    "at the end": lambda b, h, a: b.op("DepthToSpace", h, **a),
    "of a quantiser at the end": lambda b, h, a: b.op("DepthToSpace", b.quant(h), **a),
    "behind a Relu": lambda b, h, a: layer(b, b.quant(b.op("DepthToSpace", b.op("Relu", h), **a)), 2),
    "there and back": lambda b, h, a: b.op("SpaceToDepth", b.quant(b.op("DepthToSpace", h, **a)), blocksize=2),
}


def layer(b: Builder, x: str, channels: int) -> str:
    return b.op("Conv", x, b.weight(3, channels, 2, 2), kernel_shape=[2, 2])


@pytest.mark.parametrize("mode", ["DCR", "CRD", ""])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_to_space(place: Place, mode: str) -> None:
    b = Builder([1, 3, 4, 6])
    h = b.op("Conv", b.quant("x"), b.weight(8, 3, 2, 2), kernel_shape=[2, 2])
    attributes: dict[str, object] = {"blocksize": 2} | ({"mode": mode} if mode else {})
    model = b.model(place(b, h, attributes))
    check(model, samples((3, 4, 6), 5))


@pytest.mark.parametrize("block", [1, 2, 3])
def test_to_depth(block: int) -> None:
    b = Builder([1, 2, 6, 6])
    h = b.op("SpaceToDepth", b.quant("x"), blocksize=block)
    model = b.model(b.op("Conv", h, b.weight(4, 2 * block * block, 1, 1), kernel_shape=[1, 1]))
    check(model, samples((2, 6, 6), 5))


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("DepthToSpace", {"blocksize": 3}, "8 channels by blocks of 3 x 3"),
        ("DepthToSpace", {"blocksize": 0}, "blocksize=0"),
        ("DepthToSpace", {"blocksize": -2}, "blocksize=-2"),
        ("DepthToSpace", {"blocksize": 2, "mode": "XYZ"}, "mode=XYZ"),
        ("SpaceToDepth", {"blocksize": 4}, "6 x 6 pixels by blocks of 4 x 4"),
        ("SpaceToDepth", {}, "blocksize=0"),
    ],
)
def test_what_does_not_fit(op: str, attributes: dict[str, object], message: str) -> None:
    b = Builder([1, 8, 6, 6])
    model = b.model(b.op(op, b.quant("x"), **attributes))
    with pytest.raises(CompileError, match=message) as error:
        lowered(model)
    assert op in str(error.value)


def test_of_a_vector_is_refused() -> None:
    b = Builder([1, 8])
    with pytest.raises(CompileError, match="DepthToSpace of a tensor of shape"):
        lowered(b.model(b.op("DepthToSpace", b.quant("x"), blocksize=2)))


def test_meaning_by_hand() -> None:
    b = Builder([1, 4, 1, 1])
    _, integer = lowered(b.model(b.op("DepthToSpace", b.quant("x", 1.0, 5), blocksize=2)))
    x = np.asarray([1, 2, 3, 4], np.float32).reshape(1, 4, 1, 1)
    got = execute(integer, {"x": x})[integer.graph.outputs[0].name or ""]
    assert got.tolist() == [[[[1, 2], [3, 4]]]]


@pytest.mark.parametrize("place", ["behind a quantiser", "of a quantiser at the end", "there and back"])
def test_in_c(place: str) -> None:
    """A convolution that reads a view of another shape than the tensor has."""
    b = Builder([1, 3, 4, 6])
    h = b.op("Conv", b.quant("x"), b.weight(8, 3, 2, 2), kernel_shape=[2, 2])
    model = b.model(PLACES[place](b, h, {"blocksize": 2}))
    found = verify(model, ["nucleo-f446re"], samples((3, 4, 6), 5), emulated_inputs=1)
    assert found.equal, found.first_difference
