"""Reports as a compilation would make them, for the tests of every way to write them."""

from __future__ import annotations

from typing import Any

import pytest

from cardc import targets
from cardc.passes.base import Declined, PassTrace
from cardc.report import (
    Exact,
    Figure,
    Layer,
    MemoryMap,
    MemoryTensor,
    Report,
    board,
    fits,
    latency_seconds,
    mcu_cycles,
)

STAGES = ("brevitas", "qonnx", "integer", "c:cortex-m0plus", "c:cortex-m4", "c:rv32imc", "hls4ml:csim")


def mcu_layer(name: str, op: str, instructions: int, **more: Any) -> Layer:
    return Layer(name=name, op=op, figures={"instructions": Figure(instructions, "measured:emulated")}, **more)


def conv(name: str, channels: tuple[int, int], size: int, sizes: tuple[int, int, int], instructions: int) -> Layer:
    weights, nonzeros, weight_bytes = sizes
    return mcu_layer(
        name,
        "Conv",
        instructions,
        encoding="lane-packed",
        in_shape=(channels[0], size, size),
        out_shape=(channels[1], size, size),
        in_bits=2,
        out_bits=2,
        macs=weights * size * size,
        weights=weights,
        nonzeros=nonzeros,
        weight_bytes=weight_bytes,
        acc_bits=9,
        requantise="thresholds",
        levels=3,
        notes=("dyadic declined: thresholds are cheaper at 2 bits",) if name == "conv2" else (),
    )


def mcu_layers() -> tuple[Layer, ...]:
    quant = {"in_shape": (1, 8, 8), "out_shape": (1, 8, 8), "in_bits": 8, "out_bits": 2}
    pool = {"in_shape": (32, 8, 8), "out_shape": (32, 4, 4), "in_bits": 2, "out_bits": 2}
    head = {"in_shape": (1024,), "out_shape": (10,), "in_bits": 2, "out_bits": 16, "acc_bits": 12}
    sizes = {"macs": 10_240, "weights": 10_240, "nonzeros": 1_024, "weight_bytes": 2_560}
    return (
        mcu_layer("input_quant", "Quantize", 1_214, **quant),
        conv("conv1", (1, 32), 8, (288, 144, 320), 21_480),
        conv("conv2", (32, 32), 8, (9_216, 921, 1_902), 88_031),
        mcu_layer("pool", "MaxPool", 5_904, **pool),
        conv("conv3", (32, 64), 4, (18_432, 1_843, 3_815), 61_377),
        mcu_layer("head", "MatMul", 9_310, encoding="bit planes", **head, **sizes),
    )


@pytest.fixture
def mcu_report() -> Report:
    target = targets.load("nucleo-f446re")
    layers = mcu_layers()
    instructions = sum(int(layer.figures["instructions"].value) for layer in layers)
    cycles = mcu_cycles(instructions, target)
    totals = {
        "flash_bytes": Figure(13_816, "measured:elf"),
        "ram_bytes": Figure(4_224, "measured:elf"),
        "stack_bytes": Figure(312, "measured:emulated"),
        "instructions": Figure(instructions, "measured:emulated"),
        "cycles": cycles,
        "latency_s": latency_seconds(cycles, target),
    }
    memory = MemoryMap(
        4_160,
        4_096,
        tuple(layer.name for layer in layers),
        (
            MemoryTensor("input_quant_out", 2_048, 64, 0, 1),
            MemoryTensor("conv1_out", 0, 2_048, 1, 2),
            MemoryTensor("conv2_out", 2_112, 2_048, 2, 3),
            MemoryTensor("pool_out", 0, 512, 3, 4),
            MemoryTensor("conv3_out", 512, 1_024, 4, 5),
            MemoryTensor("head_out", 0, 20, 5, 5),
        ),
    )
    return Report(
        model="digits-card",
        board=board(target),
        fit=fits(totals, target, layers=layers, memory=memory),
        totals=totals,
        layers=layers,
        exact=Exact(True, 360, 11, 2, STAGES, accuracy=dict.fromkeys(STAGES, 0.9722)),
        memory=memory,
        passes=(
            PassTrace("fold-masks", 4),
            PassTrace(
                "choose-encodings",
                4,
                (Declined("head", "41 % dense: the sparse form is slower"),),
                ("arena shared",),
            ),
        ),
        provenance={"cardc": "0.1.0", "model sha256": "9f" * 32, "onnx_ir": "1.1.0", "ziglang": "0.17.0"},
    )


@pytest.fixture
def fpga_report() -> Report:
    target = targets.load("pynq-z2")

    def analytic(value: int) -> Figure:
        return Figure(value, "estimated:analytic", value // 2, value * 2)

    layers = tuple(
        Layer(
            name=name,
            op="Dense",
            encoding="unrolled",
            in_shape=(n,),
            out_shape=(m,),
            in_bits=2,
            out_bits=2,
            macs=n * m,
            weights=n * m,
            nonzeros=n * m // 10,
            acc_bits=9,
            requantise="thresholds",
            levels=3,
            figures={"lut": analytic(lut), "ff": analytic(lut // 4), "latency_cycles": analytic(3)},
        )
        for name, n, m, lut in (("fc1", 784, 256, 61_000), ("fc2", 256, 64, 7_100), ("fc3", 64, 10, 700))
    )
    totals = {
        "lut": analytic(68_800),
        "ff": analytic(17_200),
        "dsp": analytic(0),
        "bram18": analytic(0),
        "latency_cycles": analytic(11),
        "ii": analytic(1),
        "latency_s": Figure(1.1e-7, "estimated:analytic", 0.6e-7, 2.2e-7),
    }
    return Report(
        model="mnist-mlp",
        board=board(target),
        fit=fits(totals, target, layers=layers),
        totals=totals,
        layers=layers,
        exact=Exact(
            False,
            100,
            7,
            0,
            ("brevitas", "integer", "hls4ml:csim"),
            first_difference="hls4ml:csim differs from integer at 'fc2_out'[17]: 2 instead of 3, on input 4",
        ),
        provenance={"cardc": "0.1.0"},
    )
