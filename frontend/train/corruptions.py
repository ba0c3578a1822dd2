"""Corrupted test sets in the style of ImageNet-C, CIFAR-10-C and MNIST-C: 15 corruptions of 5 severities.

Source: Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations" (ICLR
2019), and the four more that its authors keep for validation. Fifteen come from the package `imagecorruptions` with its
parameters, those of ImageNet-C. Glass blur, Gaussian blur and fog (which that package's 1.1.2 cannot compute beside
today's numpy and scikit-image) and impulse noise (which it draws from an unseeded source) are implemented here with the
same parameters. Needs `pip install 'cardc[robustness]'`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError, did_you_mean
from .own_corruptions import fog, gaussian_blur, glass_blur, impulse_noise
from .recipe import FloatArray

Image = NDArray[np.uint8]

NOISE = ("gaussian_noise", "shot_noise", "impulse_noise")
BLUR = ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur")
WEATHER = ("snow", "frost", "fog", "brightness")
DIGITAL = ("contrast", "elastic_transform", "pixelate", "jpeg_compression")
CORRUPTIONS = (*NOISE, *BLUR, *WEATHER, *DIGITAL)
HELD_OUT = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""For validation: what is chosen by these is not chosen by CORRUPTIONS."""
SEVERITIES = (1, 2, 3, 4, 5)

_OWN: dict[str, Callable[[Image, int, np.random.Generator], Image]] = {
    "glass_blur": glass_blur, "fog": fog, "impulse_noise": impulse_noise, "gaussian_blur": gaussian_blur,
}  # fmt: skip
# What works pixel by pixel; the others' strength is in pixels of a photograph.
_POINTWISE = (*NOISE, "brightness", "contrast", "speckle_noise", "saturate")
_ALL = (*CORRUPTIONS, *HELD_OUT)
_PHOTO = 96


def corrupted(x: FloatArray, name: str, severity: int, *, seed: int = 0) -> FloatArray:
    """`x` [N, C, H, W] in [0, 1] (C is 1 or 3) under corruption `name` at `severity` 1 to 5, as float32 like it.

    Strengths in pixels are meant for photographs, so blurs, weather, elastic transform, pixelation and JPEG work on the
    image magnified by the whole factor that brings it nearest to 96 pixels; its mean over each block comes back.
    Same `seed`, same images.
    """
    if name not in _ALL:
        raise CompileError(f"no corruption {name!r}", fix=did_you_mean(name, _ALL))
    if severity not in SEVERITIES:
        raise CompileError(f"severity {severity}", fix="1 to 5")
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise CompileError(f"images of shape {list(x.shape)}", fix="give [N, 1, H, W] or [N, 3, H, W]")
    apply = _OWN[name] if name in _OWN else _library(name)
    factor = 1 if name in _POINTWISE else max(1, round(_PHOTO / max(x.shape[2:])))
    out = np.empty_like(x, np.float32)
    with _seeded(np.random.default_rng([seed, severity, _ALL.index(name)])) as random:
        for i, image in enumerate(x):
            out[i] = _one(image, apply, severity, factor, random)
    return out


def _one(
    image: FloatArray, apply: Callable[..., Any], severity: int, factor: int, random: np.random.Generator
) -> FloatArray:
    c, h, w = image.shape
    whole = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).repeat(3 // c, axis=2)
    whole = whole.repeat(factor, axis=0).repeat(factor, axis=1)
    # The package refuses sides below 32.
    more = [(0, max(0, 32 - side)) for side in whole.shape[:2]]
    padded = np.pad(whole, [*more, (0, 0)], mode="edge")
    result = np.asarray(apply(padded, severity, random))[: h * factor, : w * factor]
    blocks = result.astype(np.float32).reshape(h, factor, w, factor, 3).mean((1, 3))
    rgb = np.clip(blocks / np.float32(255), 0, 1).transpose(2, 0, 1)
    return np.asarray(rgb if c == 3 else rgb.mean(0, keepdims=True), np.float32)


def _library(name: str) -> Callable[[Image, int, np.random.Generator], Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pkg_resources is deprecated
            from imagecorruptions import corrupt
    except ImportError as error:
        raise CompileError(
            f"imagecorruptions cannot be imported: {error}", fix="pip install 'cardc[robustness]'"
        ) from error

    def apply(image: Image, severity: int, random: np.random.Generator) -> Image:
        result: Image = corrupt(image, severity=severity, corruption_name=name)
        return result

    return apply


@contextmanager
def _seeded(random: np.random.Generator) -> Iterator[np.random.Generator]:
    """The package draws from numpy's global state: seed that inside, and give it back as it was."""
    before = np.random.get_state()
    np.random.seed(int(random.integers(2**32)))
    try:
        yield random
    finally:
        np.random.set_state(before)
