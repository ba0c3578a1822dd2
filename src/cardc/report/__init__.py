"""Reports: what a compilation costs, whether it fits, whether it is exact; as JSON, HTML and a table."""

from __future__ import annotations

from .columns import Column, fitting_table
from .compare import Comparison, compare
from .cycles import latency_seconds, mcu_cycles
from .deck import CardFacts, DeckFacts, GateFacts, GateStage
from .exact import Exact, GateAgreement
from .figure import STAGES, TOTALS, Figure, number, show
from .fit import Check, Fit, fits, require_fit
from .layers import Layer, MemoryMap, MemoryTensor
from .model import Board, Report, board
from .table import accuracy_in_words, exact_in_words, gate_in_words, print_report
from .to_json import exact_to_json

__all__ = [
    "STAGES",
    "TOTALS",
    "Board",
    "CardFacts",
    "Check",
    "Column",
    "Comparison",
    "DeckFacts",
    "Exact",
    "Figure",
    "Fit",
    "GateAgreement",
    "GateFacts",
    "GateStage",
    "Layer",
    "MemoryMap",
    "MemoryTensor",
    "Report",
    "accuracy_in_words",
    "board",
    "compare",
    "exact_in_words",
    "exact_to_json",
    "fits",
    "fitting_table",
    "gate_in_words",
    "latency_seconds",
    "mcu_cycles",
    "number",
    "print_report",
    "require_fit",
    "show",
]
