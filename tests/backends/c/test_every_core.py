"""Every kernel on every core: networks that use those which `kernels` does not call, and a census of all."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path

import pytest
from tests.backends.c.every import NETWORKS, bipolar_on
from tests.backends.c.kernels.places import DRAWN
from tests.backends.c.networks import Case, lower
from tests.backends.c.test_emit_run import check
from tests.backends.c.test_gate import GATED, GATES, WIDE
from tests.frontend.deck.gates import random_gate
from tests.graphs import IntegerGraph, uint
from tests.tools import need_avr, need_qemu

from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.emulate.machines import is_called
from cardc.backends.c.gate import emit_gate
from cardc.backends.c.program import build
from cardc.backends.c.quantizer import load_kernel
from cardc.backends.c.runtime import FILE_OF, sources
from cardc.errors import CompileError
from cardc.ops.base import operand
from cardc.passes.choose_encodings import CONV, DENSE
from cardc.passes.layouts import layout_of
from cardc.passes.schedule import base
from cardc.targets.base import listing

CORES = sorted({board.core for board in listing() if board.backend == "c"})
SHARED = {"products": "vectors"}
PROBES = {
    "conv": lambda: IntegerGraph((2, 5, 6), uint(2)).conv(2, density=0.5).requantize(uint(2)),
    "dense": lambda: IntegerGraph((9,), uint(1)).dense(4, binary=True).threshold(uint(2)),
}
"""Layers that every encoding can hold."""
FOR_DECKS = re.compile("_gate_|_fft_|_add_softmax|_add_logits")
"""Kernels of decks, which are refused for AVR (tests/decks)."""


@functools.cache
def network(name: str, core: str) -> Case:
    """One of NETWORKS, of other sizes for each core."""
    return NETWORKS[name](core, CORES.index(core))


def need(core: str) -> None:
    """Its emulator."""
    if core == "avr5":
        need_avr()
    elif not is_called(get_core(core)):
        need_qemu(core)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_every_kernel(name: str, core: str) -> None:
    need(core)
    check(network(name, core), core)


@pytest.mark.parametrize("core", CORES)
def test_zero_padding_of_activations_of_two_values(core: str) -> None:
    need(core)
    encodings = [e for e in CONV if f"cardc_conv_{SHARED.get(e, e)}" not in refused_on(core)]
    case = bipolar_on(core, [*encodings, "straight"])
    steps = [step for step in case.built.program.steps if step.op == "conv"]
    assert [step.encoding for step in steps] == [*encodings, "straight"]
    for step in steps:  # what each reads: -1, 0 and 1
        assert step.node is not None
        assert layout_of(base(operand(step.node, 0))).levels == 3
    check(case, core)


def drawn_on(core: str) -> set[str]:
    """Kernels that a test calls on `core` by themselves, in networks or in gates, all of random sizes."""
    for path in sorted((Path(__file__).parent / "kernels").glob("test_kernels_*.py")):
        importlib.import_module(f"tests.backends.c.kernels.{path.stem}")
    found = {kernel for kernel, places in DRAWN.items() if core in places}
    for name in NETWORKS:
        program = network(name, core).built.program
        found |= program.functions | {load_kernel(program)}
    for gate in {name for name, place in GATED if place == core}:
        for goal in (None, WIDE):
            found |= set(emit_gate(random_gate(*GATES[gate], goal), "deck").functions)
    return found


@functools.cache
def called_by_kernels() -> set[str]:
    """Functions of the runtime that others of it call: the linker brings them with those."""
    lines = "\n".join(line for text in sources(FILE_OF).values() for line in text.splitlines() if line[:1] in " #")
    return set(re.findall(r"\b(cardc_\w+)\(", lines)) & FILE_OF.keys()


@functools.cache
def refused_on(core: str) -> frozenset[str]:
    """Kernels of encodings that cannot be had on `core`, not even by their names."""
    features, found, had = sorted(get_core(core).features), set[str](), set[str]()
    for kind, encodings in (("conv", CONV), ("dense", DENSE)):
        for encoding in encodings:
            kernel = f"cardc_{kind}_{SHARED.get(encoding, encoding)}"
            try:
                model = lower(PROBES[kind]().model(), features, wanted=(encoding,))
            except CompileError:
                found.add(kernel)
            else:
                assert kernel in build(model).functions
                had.add(kernel)
    return frozenset(found - had)


@pytest.mark.parametrize("core", CORES)
def test_every_kernel_is_drawn_on_every_core(core: str) -> None:
    kernels = FILE_OF.keys() - called_by_kernels() - refused_on(core)
    if core == "avr5":
        kernels = {kernel for kernel in kernels if not FOR_DECKS.search(kernel)}
    assert kernels - drawn_on(core) == set()


def test_only_an_avr_lacks_encodings() -> None:
    lacks = {core: refused_on(core) for core in CORES if refused_on(core)}
    names = ("lanes", "rice", "long", "stacked", "vectors", "patches")
    assert lacks == {"avr5": {f"cardc_conv_{name}" for name in names}}
