"""The input in the arena's own bytes: the network gives what it gives with an input elsewhere."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from tests.backends.c.networks import TYPES, Case, in_c, random_graph
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.board import BoardNetwork
from cardc.backends.c.emulate import host
from cardc.backends.c.in_place import input_offset
from cardc.ops.base import Array


def in_arena(case: Case) -> Array:
    """The outputs of `case` for its inputs, which lie in the arena; the header says where."""
    built = case.built
    program, offset = built.program, input_offset(built.program)
    assert offset is not None
    assert f"#define NET_IN_AT {offset} " in built.sources()["net.h"]
    library = host.compile_shared(built.sources())
    found = np.empty((len(case.inputs), program.outputs), program.out_dtype)
    for x, out in zip(case.inputs, found, strict=True):
        words = np.full(program.arena // 4 + 1, 0xA5A5A5A5, np.uint32)
        arena = words.view(np.uint8)
        arena[offset : offset + x.size] = x.reshape(-1).astype(program.in_dtype).view(np.uint8)
        arguments = (arena.ctypes.data + offset, out.ctypes.data, arena.ctypes.data)
        assert library.net_predict(*map(ctypes.c_void_p, arguments)) == 0
    return found


def layer(kind: int, seed: int, channels: int = 3) -> IntegerGraph:
    """A padded convolution, so that the input gets a border, or a plain one, on each type of input."""
    graph = IntegerGraph((channels, 6 + seed % 3, 5), TYPES[kind], seed=seed)
    return graph.conv(6, pads=seed % 2).threshold(uint(2)).flatten().dense(4)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", range(len(TYPES)), ids=str)
def test_one_layer(kind: int, seed: int) -> None:
    case = in_c(layer(kind, seed), inputs=4)
    np.testing.assert_array_equal(in_arena(case), case.outputs.reshape(len(case.inputs), -1))


def test_random_networks() -> None:
    """Many have it; where one has not, the header does not name it."""
    having = 0
    for seed in range(6):
        case = in_c(random_graph(seed), inputs=3)
        if input_offset(case.built.program) is None:
            assert "NET_IN_AT" not in case.built.sources()["net.h"]
            continue
        having += 1
        np.testing.assert_array_equal(in_arena(case), case.outputs.reshape(len(case.inputs), -1))
    assert having >= 2


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
def test_on_cores(core: str) -> None:
    """Cores that load four bytes at a time."""
    for kind in (4, 6, 8):
        case = in_c(layer(kind, 1, channels=2), inputs=3)
        board, offset = case.built._board(core), input_offset(case.built.program)
        assert isinstance(board, BoardNetwork)
        assert offset is not None
        board._in = board._arena + offset
        out = board.predict(case.inputs.reshape(len(case.inputs), -1).astype(case.built.program.in_dtype))
        np.testing.assert_array_equal(out, case.outputs.reshape(len(case.inputs), -1))


def test_a_wide_input_has_a_place_of_its_own() -> None:
    case = in_c(IntegerGraph((1, 5, 5), uint(12), seed=1).conv(2).flatten().dense(2), inputs=2)
    assert input_offset(case.built.program) is None
