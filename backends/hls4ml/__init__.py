"""hls4ml projects for FPGAs: exact by explicit types, checked by reading back what hls4ml wrote.

`emit` gives the project's files, `Csim` runs its C simulation, `layer_facts` says what each layer became, and
`cost_layers` of a plan what `cardc.estimate` needs of it.
"""

from __future__ import annotations

from .costs import cost_layers, tool_of
from .csim import Csim
from .emit import emit
from .facts import LayerFacts, layer_facts, plan_facts
from .options import Options
from .plan import make_plan

__all__ = [
    "Csim",
    "LayerFacts",
    "Options",
    "cost_layers",
    "emit",
    "layer_facts",
    "make_plan",
    "plan_facts",
    "tool_of",
]
