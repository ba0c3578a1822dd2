"""Bytes of an image to quantised input: the table equals the model's own quantiser on the numbers behind the bytes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from tests.backends.c.networks import lower
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.backend import library_files
from cardc.backends.c.emulate import host
from cardc.backends.c.image import Pixels, in_place, rgb888, table
from cardc.backends.c.program import Program, build
from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import QType

IMAGENET = Pixels(255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def program_of(graph: IntegerGraph) -> Program:
    return build(lower(graph.model()))


def quantised(program: Program, pixels: Pixels, images: Array, function: str = "net_quantize_image") -> Array:
    """`images` uint8 [n, H, W, C] through the emitted function."""
    call = getattr(library(program, pixels), function)
    out = np.empty((len(images), program.inputs), program.in_dtype)
    for one, to in zip(images, out, strict=True):
        data = np.ascontiguousarray(one)
        call(ctypes.c_void_p(data.ctypes.data), ctypes.c_void_p(to.ctypes.data))
    return out


def library(program: Program, pixels: Pixels) -> ctypes.CDLL:
    files = library_files("net", program, pixels)
    return host.compile_shared({path.removeprefix("src/"): text for path, text in files.items()})


def agree(graph: IntegerGraph, pixels: Pixels, images: Array) -> Array:
    """The emitted function gives what the model's own quantiser makes of `images` uint8 [n, H, W, C] as torchvision
    turns them into numbers; that."""
    reals = (images.astype(np.float32) / np.float32(255) - np.float32(pixels.mean)) / np.float32(pixels.std)
    model = graph.model()
    program = build(lower(model.clone()))
    found = execute(model, {"x": np.ascontiguousarray(reals.transpose(0, 3, 1, 2))})
    want = found[program.schedule.source.name or ""].reshape(len(images), -1)
    np.testing.assert_array_equal(quantised(program, pixels, images), want)
    return want


@pytest.mark.parametrize("levels", [uint(1), uint(4), uint(8), QType(-8, 7), QType(-127, 127)])
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_quantiser(levels: QType, channels: int) -> None:
    graph = IntegerGraph((channels, 6, 5), levels, seed=3).conv(2).threshold(uint(2)).flatten().dense(3)
    pixels = IMAGENET if channels == 3 else Pixels(255, (0.1307,), (0.3081,))
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 5, channels)).astype(np.uint8)
    images[0], images[1] = 0, 255
    assert len(np.unique(agree(graph, pixels, images))) > 1


@pytest.mark.parametrize("levels", [uint(4), uint(8), QType(-127, 127), QType(-1000, 1000)])
def test_every_byte_of_every_channel(levels: QType) -> None:
    """An image that holds all 256 bytes in each of its channels, each with a mean and a deviation of its own."""
    graph = IntegerGraph((3, 16, 16), levels, seed=6).conv(2).threshold(uint(2)).flatten().dense(3)
    images = np.stack([np.random.default_rng(k).permuted(np.arange(256)) for k in range(3)], -1).astype(np.uint8)
    assert len(np.unique(agree(graph, IMAGENET, images.reshape(1, 16, 16, 3)))) > 1


@pytest.mark.parametrize("pixels", [IMAGENET, Pixels()])
def test_every_pixel_of_rgb565(pixels: Pixels) -> None:
    """All 65,536 of them, in an image of 256 by 256: as their three bytes."""
    graph = IntegerGraph((3, 256, 256), uint(8), seed=7).conv(1, (1, 1), pads=0)
    program, all_pixels = program_of(graph), np.arange(65536, dtype=">u2").view(np.uint8).reshape(1, 256, 256, 2)
    bytes_of = rgb888(all_pixels)
    np.testing.assert_array_equal(bytes_of[0, [0, 255], [0, 255]], [[0] * 3, [255] * 3])
    want = quantised(program, pixels, bytes_of)
    np.testing.assert_array_equal(quantised(program, pixels, all_pixels, "net_quantize_rgb565"), want)
    assert len(np.unique(want)) > 16


def test_rgb565_is_for_three_channels() -> None:
    program = program_of(IntegerGraph((1, 4, 4), uint(4), seed=2).conv(2))
    assert not hasattr(library(program, Pixels()), "net_quantize_rgb565")


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_make_way_where_the_header_says_so(channels: int) -> None:
    program = program_of(IntegerGraph((channels, 6, 5), uint(8), seed=3).conv(2))
    said = "`out` may be the memory of `pixels`" in library_files("net", program, Pixels())["src/net.h"]
    assert said == in_place(program) == (channels == 1)
    if said:
        image = np.random.default_rng(4).integers(0, 256, 30).astype(np.uint8)
        want = quantised(program, Pixels(), image[None])[0]
        at = ctypes.c_void_p(image.ctypes.data)
        library(program, Pixels()).net_quantize_image(at, at)
        np.testing.assert_array_equal(image.view(program.in_dtype), want)


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
