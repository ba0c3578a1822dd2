"""Training CARDs in Brevitas and exporting them; the only part of cardc that needs torch."""

from __future__ import annotations

from importlib.util import find_spec

from ...errors import CompileError

for _package in ("torch", "brevitas", "onnxoptimizer", "onnxscript"):
    if find_spec(_package) is None:
        raise CompileError(f"training and exporting need {_package}", fix="pip install 'cardc[train]'")
