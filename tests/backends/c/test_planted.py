"""Faults planted in an emitted network are seen on every core, with their place; counts add up, stacks are measured."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint
from tests.tools import need_avr, need_qemu

from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.emulate.process import EmulationError
from cardc.backends.c.run import CBuild
from cardc.project import Project
from cardc.targets.base import listing

CORES = sorted({board.core for board in listing() if board.backend == "c"})
ALIGNED = [core for core in CORES if "unaligned" not in get_core(core).features]
SOUND, DEEP = 0, 1
FAULTS = {
    2: ("((volatile uint8_t *)arena)[-1] = 0x11;", "wr(ite|ote).*(-1 in|before|1 bytes? before|to address)"),
    3: ("((volatile uint8_t *)arena)[NET_ARENA_BYTES] = 0x11;", "wr(ite|ote)"),
    4: ("*out = ((volatile uint8_t *)arena)[NET_ARENA_BYTES];", "read of"),
    5: ("((volatile uint8_t *)(uintptr_t)in)[NET_IN / 2] = 0x11;", "write (of 1 bytes|to address)"),
    6: ("*out = ((const volatile int8_t *)in)[NET_IN];", "read of"),
    7: ("((volatile int16_t *)out)[NET_OUT] = 0x1111;", "wr(ite|ote)"),
    8: ("*out = *(volatile int16_t *)(uintptr_t)0;", "(read of|FAULT)"),
    9: ("large();", "(write (of|to)|stack)"),
    10: ("*out = ((volatile uint8_t *)arena)[-1];", "read of"),
}
"""What `net_predict` does where its first input is the number, and what is said of it."""
MISALIGNED, CONSTANT = 11, 12
SIZES = {False: (3000, 70000), True: (300, 2600)}  # bytes, elsewhere and on the AVR
STACK = """
__attribute__((noinline)) static void touch(volatile uint8_t *bytes, uint16_t last) {{ bytes[0] = bytes[last]; }}
__attribute__((noinline)) static void deep(void) {{ uint8_t all[{0}u]; all[1] = 0; touch(all, 1); }}
__attribute__((noinline)) static void large(void) {{ uint8_t all[{1}u]; all[1] = 0; touch(all, 1); }}
"""


@functools.cache
def planted(core: str) -> CBuild:
    """A network with all the faults in front of its first layer."""
    if get_core(core).simavr:
        need_avr()
    elif get_core(core).unicorn is None:
        need_qemu(core)
    small = core == "avr5"
    graph = IntegerGraph((2, 5, 6), uint(4)).conv(3, density=0.6).threshold(uint(2)).flatten().dense(4)
    built = in_c(graph, inputs=1, force=("taps", "sparse")).built
    lines = [f"case {number}: {code} break;" for number, (code, _) in FAULTS.items()]
    lines.append(f"case {DEEP}: deep(); break;")
    lines.append(f"case {MISALIGNED}: *out = (int16_t)*(volatile uint32_t *)(void *)((uint8_t *)arena + 1); break;")
    if not small:  # whose constants cannot be written to
        lines.append(f"case {CONSTANT}: *(volatile uint8_t *)(uintptr_t)net_l1_offsets = 1; break;")
    code = "\n".join(lines)
    (path,) = (p for p in built.project.files if p.name == "net.c")
    before = "    net_l0_load("
    text = built.project.text(path)
    assert text.count(before) == 1
    text = text.replace(before, f"switch (in[0]) {{\n{code}\ndefault: break; }}\n{before}")
    text = text.replace("int net_predict(", f"{STACK.format(*SIZES[small])}int net_predict(", 1)
    return CBuild(Project({**built.project.files, path: text.encode()}), built.program, "net")


def inputs(fault: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Two, for an arena whose end is watched most closely and one whose beginning is."""
    x = np.random.default_rng(0).integers(0, 16, (2, 2, 5, 6))
    x[:, 0, 0, 0] = fault
    return x


@pytest.mark.parametrize("core", CORES)
def test_stray_accesses_end_the_run(core: str) -> None:
    built = planted(core)
    built.run(inputs(SOUND), core)
    for fault, (code, said) in FAULTS.items():
        with pytest.raises(EmulationError, match=said) as caught:
            built.run(inputs(fault), core)
        where = "FAULT|buffer|in (net_predict|large)"
        assert re.search(where, str(caught.value)), f"{code}: {caught.value}"
    built.run(inputs(SOUND), core)


@pytest.mark.parametrize("core", [core for core in CORES if core != "avr5"])
def test_constants_are_constant(core: str) -> None:
    with pytest.raises(EmulationError, match="write of 1 bytes"):
        planted(core).run(inputs(CONSTANT), core)


@pytest.mark.parametrize("core", ALIGNED)
def test_misaligned_accesses_end_the_run(core: str) -> None:
    with pytest.raises(EmulationError, match="misaligned access of 4 bytes"):
        planted(core).run(inputs(MISALIGNED), core)


@pytest.mark.parametrize("core", CORES)
def test_the_stack_and_the_layers_are_measured(core: str) -> None:
    built, (more, _) = planted(core), SIZES[core == "avr5"]
    plain, deep = (built.measure(core, inputs(fault)) for fault in (SOUND, DEEP))
    assert plain.stack_bytes < more  # of which a part is that of net_predict, which stays
    assert more <= deep.stack_bytes <= more + plain.stack_bytes
    for found in (plain, deep):
        assert found.instructions == sum(found.by_layer.values())
        assert set(found.by_layer) == {"", *built.symbols()}
    layers = built.symbols()[1:]
    assert [plain.by_layer[name] for name in layers] == [deep.by_layer[name] for name in layers]
