"""The options for what a model leaves open about its input: how it is quantised, how large its axes are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ..entrance import Entrance
from ..errors import CompileError
from ..frontend.input_quantizer import InputQuantizer
from .common import read_array

Command = Callable[..., None]


def entrance_options(command: Command) -> Command:
    """Add --input-bits and its kin, and --dim; `command` gets `entrance`, an Entrance or None, and `dims`."""

    @click.option("--input-bits", type=click.IntRange(1, 16), help="Quantise the input, for a model that does not.")
    @click.option("--input-signed/--input-unsigned", default=True, show_default=True, help="With --input-bits.")
    @click.option("--input-scale", type=float, help="What one step of the quantised input is worth.")
    @click.option(
        "--calibrate", type=click.Path(path_type=Path), help="Samples [N, ...] as .npy, to find --input-scale from."
    )
    @click.option(
        "--dim", "named", multiple=True, metavar="NAME=SIZE", help="Size of a symbolic axis of the input (repeatable)."
    )
    @wraps(command)
    def wrapped(
        *args: Any, input_bits: int | None, input_signed: bool, input_scale: float | None, calibrate: Path | None,
        named: tuple[str, ...], **kwargs: Any,
    ) -> None:  # fmt: skip
        entrance = _entrance(input_bits, input_signed, input_scale, calibrate)
        command(*args, entrance=entrance, dims=_sizes(named), **kwargs)

    return wrapped


def _entrance(bits: int | None, signed: bool, scale: float | None, calibrate: Path | None) -> Entrance | None:
    if bits is None:
        if scale is not None or calibrate is not None:
            raise CompileError("an input scale without a width", fix="give --input-bits too")
        return None
    samples = read_array(calibrate, "calibration inputs") if calibrate is not None else None
    if scale is None and samples is None:
        raise CompileError("--input-bits without a scale", fix="give --input-scale, or --calibrate x.npy to find it")
    return Entrance(InputQuantizer(bits, signed, scale), samples)


def _sizes(named: Sequence[str]) -> dict[str, int]:
    """{"H": 32} for "H=32"; what the sizes may be is for the model to say."""
    found: dict[str, int] = {}
    for text in named:
        name, equals, size = text.rpartition("=")
        if not equals or not name or not size.isascii() or not size.isdigit() or name in found:
            raise CompileError(f"--dim {text}", fix="give a name and a whole number, once a name: --dim H=32")
        found[name] = int(size)
    return found
