"""The pipeline: every pass in order, and why it stands where it does."""

from __future__ import annotations

from collections.abc import Mapping

from ..targets.base import Target
from .absorb_thresholds import AbsorbThresholds
from .base import Step
from .check import check_imported, check_integer, check_lowered
from .choose_encodings import ChooseEncodings
from .drop_identities import DropIdentities
from .fold_masks import FoldMasks
from .lift_integers import LiftIntegers
from .lower_outputs import LowerOutputs
from .plan_memory import PlanMemory
from .requantize_dyadic import RequantizeDyadic
from .requantize_sums import RequantizeSums
from .sink_moves import SinkMoves
from .split_quantizers import SplitQuantizers

TO_INTEGER = (
    Step(
        FoldMasks(),
        check_imported,
        "masks act on quantised weights, so weights become integers before all else",
    ),
    Step(SplitQuantizers(), check_imported, "with quantisers split, integer and real tensors can be told apart"),
    Step(SinkMoves(), check_imported, "reshapes and pools go behind quantisers, so that these meet their layer"),
    Step(LiftIntegers(), check_imported, "layers between integers compute on integers"),
    Step(RequantizeSums(), check_imported, "sums of scales without a common unit need the quantiser behind them"),
    Step(AbsorbThresholds(), check_imported, "what stands between a layer and its quantiser becomes thresholds"),
    Step(LowerOutputs(), check_integer, "the result is an integer too; from here on everything is"),
    Step(RequantizeDyadic(), check_integer, "many levels cost less as multiply and shift, where that is exact"),
    Step(DropIdentities(), check_integer, "rescalings and repeated quantisers have done their part by now"),
)


def for_microcontroller(
    target: Target, encodings: Mapping[str, str] | None = None, optimize: str = "speed", *, whole: bool = False
) -> tuple[Step, ...]:
    """What a microcontroller's integer graph goes through next; the target's features decide, never its name.

    `encodings` of some layers, by their names, are taken as given; the others are chosen for what `optimize` says, and
    take the memory that streams leave; or, `whole`, that whole tensors leave.
    """
    wanted = tuple(sorted((encodings or {}).items()))
    return (
        Step(
            ChooseEncodings(
                target.features,
                wanted=wanted,
                ram=target.ram_bytes,
                whole=whole,
                flash=target.flash_bytes,
                optimize=optimize,
            ),
            check_lowered,
            "encodings decide the layouts that memory is planned for",
        ),
        Step(
            PlanMemory(ram=target.ram_bytes, optimize=optimize, features=target.features),
            check_lowered,
            "places are given last, when every tensor and its layout is known",
        ),
    )
