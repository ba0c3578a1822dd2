"""Training curves that TensorBoard reads; needs `pip install 'cardc[logs]'`."""

from __future__ import annotations

from pathlib import Path

from ...errors import CompileError
from .recipe import Scalars


def tensorboard(folder: str | Path) -> Scalars:
    """A writer of TensorBoard event files under `folder`, for `Aids(scalars=...)`; close() it when done."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise CompileError("tensorboardX is not installed", fix="pip install 'cardc[logs]'") from error
    writer: Scalars = SummaryWriter(str(folder))
    return writer
