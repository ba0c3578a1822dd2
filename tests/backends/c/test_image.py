"""Bytes of an image to quantised input: the table equals the model's own quantiser on the numbers behind the bytes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from tests.backends.c.networks import lower
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.backend import library_files
from cardc.backends.c.emulate import host
from cardc.backends.c.image import Pixels, table
from cardc.backends.c.program import Program, build
from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import QType

IMAGENET = Pixels(255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def program_of(graph: IntegerGraph) -> Program:
    return build(lower(graph.model()))


def quantised(program: Program, pixels: Pixels, images: Array) -> Array:
    """`images` uint8 [n, H, W, C] through the emitted function."""
    files = library_files("net", program, pixels)
    library = host.compile_shared({path.removeprefix("src/"): text for path, text in files.items()})
    out = np.empty((len(images), program.inputs), program.in_dtype)
    for one, to in zip(images, out, strict=True):
        data = np.ascontiguousarray(one)
        library.net_quantize_image(ctypes.c_void_p(data.ctypes.data), ctypes.c_void_p(to.ctypes.data))
    return out


@pytest.mark.parametrize("levels", [uint(1), uint(4), uint(8), QType(-8, 7), QType(-127, 127)])
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_quantiser(levels: QType, channels: int) -> None:
    graph = IntegerGraph((channels, 6, 5), levels, seed=3).conv(2).threshold(uint(2)).flatten().dense(3)
    pixels = IMAGENET if channels == 3 else Pixels(255, (0.1307,), (0.3081,))
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 5, channels)).astype(np.uint8)
    images[0], images[1] = 0, 255
    reals = (images.astype(np.float32) / np.float32(255) - np.float32(pixels.mean)) / np.float32(pixels.std)
    model = graph.model()
    program = build(lower(model.clone()))
    source = program.schedule.source.name or ""
    want = execute(model, {"x": np.ascontiguousarray(reals.transpose(0, 3, 1, 2))})[source]
    np.testing.assert_array_equal(quantised(program, pixels, images), want.reshape(len(images), -1))
    assert len(np.unique(want)) > 1


def test_flat_inputs_are_one_channel() -> None:
    program = program_of(IntegerGraph((30,), uint(3), seed=1).dense(4))
    images = np.random.default_rng(1).integers(0, 256, (5, 30)).astype(np.uint8)
    np.testing.assert_array_equal(quantised(program, Pixels(), images), table(program, Pixels())[images, 0])


def test_compiles_as_c_and_cpp_without_warnings() -> None:
    program = program_of(IntegerGraph((3, 4, 4), uint(8), seed=2).conv(2))
    files = {path.removeprefix("src/"): text for path, text in library_files("net", program, IMAGENET).items()}
    for as_cpp in (False, True):
        host.check_compiles(files, as_cpp=as_cpp)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (lambda: Pixels(0), "divided by zero"),
        (lambda: Pixels(std=(1.0, 0.0)), "divided by zero"),
        (lambda: Pixels(std=(1e-60,)), "divided by zero"),
        (lambda: Pixels(mean=()), "finite"),
        (lambda: Pixels(mean=(float("nan"),)), "finite"),
        (lambda: table(program_of(IntegerGraph((3, 4, 4), uint(4)).conv(2)), Pixels(mean=(0.5, 0.5))), "3 channels"),
    ],
)
def test_what_cannot_be_is_refused(pixels: object, said: str) -> None:
    with pytest.raises(CompileError, match=said) as refused:
        pixels()  # type: ignore[operator]
    assert refused.value.fix
