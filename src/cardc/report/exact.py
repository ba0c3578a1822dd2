"""The verdict of `cardc verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Exact:
    """What `cardc verify` found: whether every stage gave the same integers at every quantised tensor.

    `inputs` is how many samples, `tensors` how many quantised tensors were compared, by `array_equal`, over
    all `stages`. `float_boundary_cases` counts pre-quantisation values within 1e-5 (relative) of a rounding
    boundary, where float executors may round either way. `stage_inputs` holds the stages that ran on fewer
    samples, `accuracy` the share of right answers (0 to 1) by stage where labels were given.
    `first_difference` says in words where two stages part (stage, tensor, index, both values); it is empty if
    and only if `equal`.
    """

    equal: bool
    inputs: int
    tensors: int
    float_boundary_cases: int
    stages: tuple[str, ...]
    stage_inputs: Mapping[str, int] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)
    first_difference: str = ""

    def __post_init__(self) -> None:
        if self.equal == bool(self.first_difference):
            raise ValueError("a verdict of 'not equal' needs the first difference, and only that one")
        if self.equal and (self.inputs < 1 or self.tensors < 1 or len(self.stages) < 2):
            raise ValueError("nothing was compared, so nothing can be said to be equal")

    @property
    def exit_code(self) -> int:
        """What `cardc verify` returns: 0 when equal, 1 when not."""
        return 0 if self.equal else 1
