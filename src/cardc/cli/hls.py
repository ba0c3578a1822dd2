"""The options for an hls4ml project: how its tensors travel, how much hardware is shared, which tool builds it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..backends.hls4ml import Options
from ..errors import CompileError

_EXAMPLES = {"--strategy": "resource", "--encoding": "taps"}


def hls_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --reuse-factor and its kin; `command` gets `hls`, an Options or None."""

    @click.option(
        "--reuse-factor",
        "reuse",
        multiple=True,
        metavar="auto|LAYER=N",
        help="FPGA: cycles that share a multiplier, for a layer; auto fits the others to the board (repeatable).",
    )
    @click.option(
        "--strategy",
        multiple=True,
        metavar="LAYER=WORD",
        help="FPGA: latency (unrolled), resource or distributed_arithmetic, for a layer.",
    )
    @click.option("--io-type", metavar="WORD", help="FPGA: io_parallel or io_stream. [default: by the network]")
    @click.option("--hls-backend", metavar="WORD", help="FPGA: hls4ml's backend. [default: the board's]")
    @wraps(command)
    def wrapped(
        *args: Any,
        reuse: tuple[str, ...],
        strategy: tuple[str, ...],
        io_type: str | None,
        hls_backend: str | None,
        **rest: Any,
    ) -> None:
        given = bool(reuse or strategy or io_type or hls_backend)
        factors = dict(pair("--reuse-factor", text) for text in reuse if text != "auto")
        hls = Options(
            io_type=io_type or "auto",
            reuse={name: _number(name, text) for name, text in factors.items()},
            strategy=dict(pair("--strategy", text) for text in strategy),
            backend=hls_backend or "",
            auto="auto" in reuse,
        )
        command(*args, hls=hls if given else None, **rest)

    return wrapped


def pair(option: str, text: str) -> tuple[str, str]:
    """("conv1", "4") for "conv1=4"; CompileError for anything else."""
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        word = "auto, or " if option == "--reuse-factor" else ""
        example = _EXAMPLES.get(option, "4")
        raise CompileError(f"{option} {text}", fix=f"give {word}the layer and its value: {option} conv1={example}")
    return name, value


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise CompileError(f"reuse factor {text!r} is no whole number", node=name, fix="give 1 or more") from error
