"""A whole deck on a board: what every backend's deck can do."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..deck_compile import LoweredDeck
from ..deck_model import DeckAnswer, IntegerDeck
from ..ops.base import Array
from ..report import Exact
from ..targets.base import Target
from ..verify.deck import CardStages, DeckStage, verify_deck
from ..verify.run import Progress, check_inputs
from .made import DEFAULT_EMULATED, VERSIONS, Made, silent


class DeckBuild(Made):
    """One deck on one board."""

    def __init__(self, lowered: LoweredDeck, target: Target) -> None:
        self.lowered, self.target = lowered, target
        self.model = IntegerDeck(lowered)
        _ = self.project  # what the backend refuses is refused now

    @property
    def name(self) -> str:
        """The name of the library or project: a C identifier."""
        return self.lowered.name

    @abstractmethod
    def run_integers(self, q: Array) -> DeckAnswer:
        """Picks and outputs for a sequence of quantised inputs, from the emulated board or C simulation."""

    @abstractmethod
    def deck_stages(self, inputs: int, emulated: int) -> Sequence[DeckStage]:
        """The compiled forms of the whole deck; emulators get `emulated` of the `inputs` samples."""

    @abstractmethod
    def card_stages(self, inputs: int, emulated: int) -> CardStages:
        """The compiled forms of each card, as it is in the deck."""

    def quantize(self, x: Array) -> Array:
        """Real inputs x [N, ...] as the integers that the board is given (int64)."""
        return self.model.quantize(x)

    def emulate(self, x: Array) -> DeckAnswer:
        """Picks and outputs for a sequence x [N, ...], from a fresh state, on the emulated CPU or in C simulation.

        Raises CompileError where x does not fit the cards' input.
        """
        return self.run_integers(self.quantize(x))

    def verify(
        self,
        inputs: Array,
        labels: Array | None = None,
        *,
        emulated_inputs: int | None = None,
        progress: Progress = silent,
    ) -> Exact:
        """Run the whole chain: each card's, then picks and outputs of the deck; the verdict also enters the report."""
        n = len(check_inputs(self.lowered.first.imported, inputs))
        emulated = min(n, emulated_inputs or DEFAULT_EMULATED)
        self.exact = verify_deck(
            self.lowered, inputs, self.card_stages(n, emulated), self.deck_stages(n, emulated), labels, progress
        )
        return self.exact

    def write(self, folder: str | Path) -> None:
        """Write the project with report.json and report.html into `folder`, all or nothing.

        Raises CompileError where the deck does not fit the board, or the folder holds files not ours.
        """
        self._write(folder, {})

    def provenance(self) -> dict[str, str]:
        """Versions and digests: no time, no path, so that equal input gives equal bytes."""
        found = {f"version:{name}": version(name) for name in VERSIONS}
        for card, lowered in zip(self.lowered.deck.cards, self.lowered.cards, strict=True):
            digest = hashlib.sha256(lowered.proto.SerializeToString(deterministic=True)).hexdigest()
            found[f"model:{card.name}:sha256"] = digest
        if self.lowered.deck.gate is not None:
            found["gate:sha256"] = hashlib.sha256(self.lowered.deck.gate.templates.tobytes()).hexdigest()
        return found | {"project:sha256": self.project.digest()}
