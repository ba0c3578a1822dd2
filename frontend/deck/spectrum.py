"""What the gate looks at: the amplitude spectrum of an image, in one of several scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.spectral.plan import padded

Colour = Literal["grey", "channels"]
Scale = Literal["amplitude", "log", "power"]

# ITU-R BT.601 luma, as PIL turns colour into grey.
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A(x) = |rfft2(x)| of images x in [0, 1]; "log" is ln(1 + A), "power" A^2.

    `colour`: one spectrum of the grey image or one a channel. `crop`: keep only the frequencies below it along both
    axes (of either sign vertically); None keeps all. `constant` off leaves out frequency 0, the mean brightness. `pad`:
    zeros to the right and below until both sides are powers of two, at least 8, as the transform on a board wants them.
    """

    colour: Colour = "grey"
    scale: Scale = "amplitude"
    crop: int | None = None
    constant: bool = True
    pad: bool = True

    def __post_init__(self) -> None:
        for name, value, choices in (("colour", self.colour, get_args(Colour)), ("scale", self.scale, get_args(Scale))):
            if value not in choices:
                raise CompileError(f"{name} is {value!r}", node="gate", fix=f"use one of: {', '.join(choices)}")
        if self.crop is not None and self.crop < 1:
            raise CompileError(f"a crop of {self.crop}", node="gate", fix="keep at least one frequency")

    def features(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """x [N, C, H, W] in [0, 1] -> float32 [N, F], frequencies row by row, channel by channel."""
        if x.ndim != 4:
            raise CompileError(f"images of shape {list(x.shape)}", node="gate", fix="give [N, C, H, W]")
        images = np.asarray(x, np.float32)
        if self.colour == "grey" and images.shape[1] > 1:
            if images.shape[1] != 3:
                raise CompileError(
                    f"{images.shape[1]} channels have no grey", node="gate", fix='use colour = "channels"'
                )
            images = np.tensordot(images, np.asarray(_LUMA, np.float32), axes=(1, 0))[:, None]
        height, width = (padded(n) if self.pad else n for n in images.shape[2:])
        amplitude = np.abs(np.fft.rfft2(images.astype(np.float64), (height, width)))
        rows, columns = _low(height, self.crop), np.arange(width // 2 + 1)[: self.crop]
        a = amplitude[:, :, rows][:, :, :, columns].reshape(len(x), images.shape[1], -1)
        a = a if self.constant else a[:, :, 1:]
        a = np.log1p(a) if self.scale == "log" else a * a if self.scale == "power" else a
        return np.ascontiguousarray(a.reshape(len(x), -1), np.float32)


def _low(size: int, crop: int | None) -> NDArray[np.int64]:
    """Rows of a full transform whose frequency is below `crop`; row 0, frequency 0, comes first."""
    rows = np.arange(size)
    return rows if crop is None else rows[np.minimum(rows, size - rows) < crop]
