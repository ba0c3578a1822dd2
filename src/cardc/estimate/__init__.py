"""What an hls4ml design will take of an FPGA, from its weights: calibrated on public synthesis results.

`estimate(layers, tool)` is the entrance; docs/estimates.md has the method, its held-out errors and its limits.
"""

from __future__ import annotations

from .constants import Constants, load_constants, read_constants
from .design import Estimate, LayerEstimate, estimate
from .hls_project import HlsProject, read_project
from .layer import FpgaLayer, Tool
from .products import Products, count_factors, count_products, expected_products, signed_digits, top_bits
from .routed import routed

__all__ = [
    "Constants",
    "Estimate",
    "FpgaLayer",
    "HlsProject",
    "LayerEstimate",
    "Products",
    "Tool",
    "count_factors",
    "count_products",
    "estimate",
    "expected_products",
    "load_constants",
    "read_constants",
    "read_project",
    "routed",
    "signed_digits",
    "top_bits",
]
