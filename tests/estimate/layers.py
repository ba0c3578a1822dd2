"""Layers for tests of the estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

from cardc.estimate import FpgaLayer, Tool, count_products

VIVADO, VITIS = Tool("vivado", 5.0), Tool("vitis", 5.0)


def weights(inputs: int, outputs: int, bits: int, sparsity: float = 0.0, seed: int = 0) -> np.ndarray:
    """Integers of `bits` bits, a share of them zero."""
    rng = np.random.default_rng(seed)
    top = 2 ** (bits - 1) - 1
    w = rng.integers(-top, top + 1, (inputs, outputs))
    w[rng.random(w.shape) < sparsity] = 0
    return w


def dense(w: np.ndarray, bits: int = 8, act_bits: int = 16, acc_bits: int = 16, **more: Any) -> FpgaLayer:
    options: dict[str, Any] = {"strategy": "latency", "reuse_factor": 1} | more
    return FpgaLayer(
        name="fc", op="dense", in_shape=(w.shape[0],), out_shape=(w.shape[1],), act_bits=act_bits, out_bits=acc_bits,
        acc_bits=acc_bits, weight_bits=bits, products=count_products(w), **options,
    )  # fmt: skip


def part(op: str, size: int = 16, **more: Any) -> FpgaLayer:
    options: dict[str, Any] = {"in_shape": (size,), "out_shape": (size,), "act_bits": 16, "out_bits": 16} | more
    return FpgaLayer(name=op, op=op, **options)
