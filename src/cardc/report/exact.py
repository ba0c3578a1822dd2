"""The verdict of `cardc verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Moved:
    """An input that the integer gate decides otherwise than the float gate: `margin` is what the float gate's pick was
    ahead by, in its own unit (half a squared distance of spectra); both picks are indices of augmentations."""

    sample: int
    margin: float
    float_pick: int
    integer_pick: int


@dataclass(frozen=True, slots=True)
class GateAgreement:
    """The integer deck beside the float deck, on `inputs` samples: how often the same augmentations are picked and the
    same class wins. `table[i][j]`: samples that the float gate gave augmentation i and the integer gate j (empty
    without a gate). `moved` are the hundred of largest margin among those that moved.
    """

    inputs: int
    same_picks: int
    same_classes: int
    table: tuple[tuple[int, ...], ...]
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Exact:
    """What `cardc verify` found: whether every stage gave the same integers at every quantised tensor.

    `inputs` is how many samples, `tensors` how many quantised tensors were compared, by `array_equal`, over
    all `stages`. `float_boundary_cases` counts pre-quantisation values within 1e-5 (relative) of a rounding
    boundary, where float executors may round either way. `stage_inputs` holds the stages that ran on fewer
    samples, `accuracy` the share of right answers (0 to 1) by stage where labels were given.
    `first_difference` says in words where two stages part (stage, tensor, index, both values); it is empty if
    and only if `equal`. `gate`, for decks, is the integer deck beside the float deck.
    """

    equal: bool
    inputs: int
    tensors: int
    float_boundary_cases: int
    stages: tuple[str, ...]
    stage_inputs: Mapping[str, int] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)
    first_difference: str = ""
    gate: GateAgreement | None = None

    def __post_init__(self) -> None:
        if self.equal == bool(self.first_difference):
            raise ValueError("a verdict of 'not equal' needs the first difference, and only that one")
        if self.equal and (self.inputs < 1 or self.tensors < 1 or len(self.stages) < 2):
            raise ValueError("nothing was compared, so nothing can be said to be equal")

    @property
    def exit_code(self) -> int:
        """What `cardc verify` returns: 0 when equal, 1 when not."""
        return 0 if self.equal else 1
