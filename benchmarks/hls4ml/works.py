"""The models that both flows are given, and their inputs. Data: $CARDC_DATA, or ../shared/data beside this folder."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from cardc.entrance import Entrance
from cardc.frontend.input_quantizer import InputQuantizer
from cardc.ops.base import Array

ROOT = Path(__file__).resolve().parents[2]
_CIFAR_MEAN, _CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


@dataclass(frozen=True, slots=True)
class Work:
    """`inputs(n)` gives x [n, ...] and the labels, or no labels. `entrance`: where the model quantises no input."""

    path: Callable[[], Path]
    inputs: Callable[[int], tuple[Array, Array | None]]
    rows: int
    entrance: Entrance | None = None


def data(*parts: str) -> Path:
    """A file of the data folder. FileNotFoundError where it is absent."""
    places = [Path(p) for p in (os.environ.get("CARDC_DATA"),) if p] + [ROOT.parent / "shared" / "data"]
    for place in places:
        if (path := place.joinpath(*parts)).exists():
            return path
    raise FileNotFoundError(f"{'/'.join(parts)}: set CARDC_DATA to the folder that holds it")


def _images(path: Path, column: str, n: int) -> tuple[Array, Array]:
    import pandas
    from PIL import Image

    frame = pandas.read_parquet(path).head(n)
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in frame[column]])
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    return pixels.astype(np.float32) / np.float32(255), frame["label"].to_numpy()


def _mnist(n: int) -> tuple[Array, Array | None]:
    return _images(data("mnist", "test.parquet"), "image", n)


def _cifar(n: int) -> tuple[Array, Array | None]:
    x, y = _images(data("cifar10", "test.parquet"), "img", n)
    mean, std = (np.asarray(v, np.float32).reshape(3, 1, 1) for v in (_CIFAR_MEAN, _CIFAR_STD))
    return (x - mean) / std, y


def _random(kind: str, *shape: int) -> Callable[[int], tuple[Array, Array | None]]:
    def make(n: int) -> tuple[Array, Array | None]:
        rng = np.random.default_rng(0)
        x = rng.choice([-1.0, 1.0], (n, *shape)) if kind == "bits" else rng.uniform(-1, 1, (n, *shape))
        return x.astype(np.float32), None

    return make


def _card(folder: Path) -> Work:
    """What `cardc demo` wrote: the trained card and its test images."""

    def inputs(n: int) -> tuple[Array, Array | None]:
        return np.load(folder / "x_test.npy")[:n], np.load(folder / "y_test.npy")[:n]

    return Work(lambda: folder / "card.onnx", inputs, 1000)


def _zoo(name: str, inputs: Callable[[int], tuple[Array, Array | None]], rows: int, *, bits: bool = False) -> Work:
    entrance = Entrance(InputQuantizer(1, False, 1.0)) if bits else None
    return Work(functools.partial(data, "qonnx", f"{name}.onnx"), inputs, rows, entrance)


def works(demo: Path) -> Mapping[str, Work]:
    """Every work by name; `demo` is the folder that `cardc demo` wrote."""
    return MappingProxyType(
        {
            "TFC_1W1A": _zoo("TFC_1W1A", _mnist, 1000),
            "TFC_1W2A": _zoo("TFC_1W2A", _mnist, 1000),
            "TFC_2W2A": _zoo("TFC_2W2A", _mnist, 1000),
            "UNSW-NB15 w2a2": _zoo("unsw_nb15-mlp-w2a2", _random("bits", 600), 1000, bits=True),
            "bnn 1 layer": _zoo("bnn_model_fc_1layer", _random("reals", 3), 1000),
            "demo card": _card(demo),
            "ResNet-8 a4w4": _zoo("resnet8_a4w4b32", _cifar, 100),
            "separable conv 512x512": _zoo("separable_conv_model_ch_last", _random("reals", 512, 512, 3), 1),
        }
    )
