"""A small convolutional card as ONNX text, for tests of the whole road that need no training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
from tests.text import parse

from cardc.ops.base import Array

SHAPE = (1, 6, 6)
CLASSES = 3


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def small_text(channels: int = 4, seed: int = 0) -> str:
    """Quant(4 bits) -> masked binary Conv 3x3 -> BatchNorm -> ReLU -> Quant -> MaxPool -> masked binary dense."""
    rng = np.random.default_rng(seed)
    width = channels * 9
    conv, dense = rng.normal(size=channels * 9), rng.normal(size=width * CLASSES)
    keep = [(rng.random(n) < 0.4).astype(float) for n in (conv.size, dense.size)]
    gamma = rng.uniform(0.5, 2.0, channels) * rng.choice([-1, 1], channels)
    beta, mean = rng.normal(size=channels), rng.normal(size=channels)
    return f"""
small (float[1,1,6,6] x) => (float[1,{CLASSES}] y)
<float s = {{0.125}}, float z = {{0}}, float b = {{4}}, float ws = {{0.25}}, float s2 = {{0.5}},
 float[{channels},1,3,3] w1 = {{{_numbers(conv)}}}, float[{channels},1,3,3] m1 = {{{_numbers(keep[0])}}},
 float[{width},{CLASSES}] w2 = {{{_numbers(dense)}}}, float[{width},{CLASSES}] m2 = {{{_numbers(keep[1])}}},
 float[{channels}] gamma = {{{_numbers(gamma)}}}, float[{channels}] beta = {{{_numbers(beta)}}},
 float[{channels}] mean = {{{_numbers(mean)}}}, float[{channels}] var = {{{_numbers([1.0] * channels)}}}>
{{
  xq = Quant<signed: int = 0, narrow: int = 0, rounding_mode: string = "ROUND">(x, s, z, b)
  w1q = BipolarQuant(w1, ws)
  w1m = Mul(w1q, m1)
  a = Conv<kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]>(xq, w1m)
  n = BatchNormalization(a, gamma, beta, mean, var)
  r = Relu(n)
  h = Quant<signed: int = 0, narrow: int = 0, rounding_mode: string = "ROUND">(r, s2, z, b)
  p = MaxPool<kernel_shape: ints = [2, 2], strides: ints = [2, 2]>(h)
  f = Flatten(p)
  w2q = BipolarQuant(w2, ws)
  w2m = Mul(w2q, m2)
  y = MatMul(f, w2m)
}}
"""


def small_inputs(n: int = 12, seed: int = 0) -> Array:
    """x [n, 1, 6, 6] float32, a little beyond what the input quantiser takes on both sides."""
    return np.random.default_rng(seed).uniform(-0.2, 2.2, (n, *SHAPE)).astype(np.float32)


def save_text(text: str, path: Path) -> Path:
    """The model of `text` as an ONNX file."""
    ir.save(parse(text), path)
    return path


def save_small(path: Path, *, channels: int = 4, seed: int = 0) -> Path:
    """The small card as an ONNX file."""
    return save_text(small_text(channels, seed), path)
