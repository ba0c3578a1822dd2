"""hls4ml projects for FPGAs: exact by explicit types, checked by reading back what hls4ml wrote.

`emit` gives the project's files, `Csim` runs its C simulation, `layer_facts` says what each layer became.
"""

from __future__ import annotations

from .csim import Csim
from .emit import emit
from .facts import LayerFacts, layer_facts
from .options import Options

__all__ = ["Csim", "LayerFacts", "Options", "emit", "layer_facts"]
