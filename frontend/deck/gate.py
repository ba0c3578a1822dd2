"""The gate: which augmentation's spectrum do the last inputs look like?

Source: "A Winning Hand" (NeurIPS 2021), section 5. This is the float reference; the fixed-point gate is built from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .spectrum import Spectrum

LONGEST = 1000
MOST_DB = 150


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """Templates T_a float32 [augmentations, F], in the order of `names`; `window` is M, how many inputs are averaged.
    `goal_db`: signal to noise that the integer gate's words shall reach, None: what the window asks for.

    With S the mean spectrum of the last M inputs, the gate picks argmin_a ||S - T_a||^2, computed as
    argmax_a <S, T_a> - ||T_a||^2 / 2; among equals the first.
    """

    spectrum: Spectrum
    names: tuple[str, ...]
    templates: NDArray[np.float32]
    window: int = 1
    goal_db: float | None = None

    def __post_init__(self) -> None:
        t = self.templates
        if not self.names or len(set(self.names)) != len(self.names):
            raise CompileError(f"augmentations {self.names}", node="gate", fix="name each augmentation once")
        if t.ndim != 2 or len(t) != len(self.names) or t.dtype != np.float32 or not np.isfinite(t).all():
            raise CompileError(
                f"templates of shape {list(t.shape)} and type {t.dtype} for {len(self.names)} augmentations",
                node="gate", fix="one finite float32 row an augmentation",
            )  # fmt: skip
        if not 1 <= self.window <= LONGEST:
            raise CompileError(f"a window of {self.window}", node="gate", fix=f"1 to {LONGEST} inputs")
        if self.goal_db is not None and not 0 <= self.goal_db <= MOST_DB:
            raise CompileError(f"a goal of {self.goal_db:g} dB", node="gate", fix=f"0 to {MOST_DB} dB")

    def margins(self, x: NDArray[Any], window: int | None = None) -> NDArray[np.float64]:
        """-||S - T_a||^2 / 2 + ||S||^2 / 2 for a sequence x [N, C, H, W], as float64 [N, augmentations].

        S of input i is the mean over inputs max(0, i - M + 1) ... i; `window` stands in for the gate's own M.
        """
        m = self.window if window is None else window
        features = self.spectrum.features(x).astype(np.float64)
        if features.shape[1] != self.templates.shape[1]:
            raise CompileError(
                f"spectra of {features.shape[1]} elements, templates of {self.templates.shape[1]}",
                node="gate", fix="give images of the size that the gate was fitted to",
            )  # fmt: skip
        if m < 1:
            raise CompileError(f"a window of {m}", node="gate", fix="at least one input")
        sums = np.concatenate([np.zeros((1, features.shape[1])), features.cumsum(0)])
        last = np.arange(1, len(x) + 1)
        first = np.maximum(0, last - m)
        means = (sums[last] - sums[first]) / (last - first)[:, None]
        t = self.templates.astype(np.float64)
        return np.asarray(means @ t.T - (t * t).sum(1) / 2)

    def picks(self, x: NDArray[Any], window: int | None = None) -> NDArray[np.int64]:
        """Index into `names` for each of a sequence x [N, C, H, W], int64 [N]."""
        return np.asarray(self.margins(x, window).argmax(1), np.int64)

    def ranking(self, x: NDArray[Any], window: int | None = None) -> NDArray[np.int64]:
        """Indices into `names`, the nearest first, int64 [N, augmentations]."""
        return np.argsort(-self.margins(x, window), axis=1, kind="stable").astype(np.int64)


def fit_gate(images: Mapping[str, NDArray[Any]], spectrum: Spectrum | None = None, window: int = 1) -> Gate:
    """A gate from training images [N, C, H, W] under each augmentation, keyed by its name: T_a = mean spectrum."""
    if not images:
        raise CompileError("no images", node="gate", fix="give training images for each augmentation")
    kind = spectrum or Spectrum()
    rows = [kind.features(x).mean(0, dtype=np.float64) for x in images.values()]
    if len({x.shape[1:] for x in images.values()}) > 1:
        raise CompileError("images of different sizes", node="gate", fix="give images of one size")
    return Gate(kind, tuple(images), np.stack(rows).astype(np.float32), window)
