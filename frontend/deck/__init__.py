"""CARD-Decks: several cards, and a gate that picks those trained for the input at hand.

Source: Diffenderfer et al., "A Winning Hand: Compressing Deep Networks Can Improve Out-of-Distribution Robustness"
(NeurIPS 2021), section 5.
"""

from __future__ import annotations

from .deck import MODES, Card, Deck, Mode, combine, softmax
from .files import load_deck, save_deck
from .gate import Gate, fit_gate
from .spectrum import Spectrum

__all__ = [
    "MODES", "Card", "Deck", "Gate", "Mode", "Spectrum", "combine", "fit_gate", "load_deck", "save_deck", "softmax",
]  # fmt: skip
