"""The options for a C library that takes images."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..backends.c.image import Pixels
from ..errors import CompileError


def pixel_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --image and its kin; `command` gets `pixels`, a Pixels or None."""

    @click.option("--image", is_flag=True, help="C: also take the bytes of an image, NAME_quantize_image.")
    @click.option("--image-divide", type=float, help="What a byte is divided by first. [default: 255]")
    @click.option("--image-mean", metavar="A,B,C", help="What is subtracted then, for each channel or for all.")
    @click.option("--image-std", metavar="A,B,C", help="What it is divided by last, for each channel or for all.")
    @wraps(command)
    def wrapped(
        *args: Any, image: bool, image_divide: float | None, image_mean: str | None, image_std: str | None, **rest: Any
    ) -> None:
        given = any(option is not None for option in (image_divide, image_mean, image_std))
        if given and not image:
            raise CompileError("how pixels become numbers, without --image", fix="give --image too")
        divide = 255.0 if image_divide is None else image_divide
        mean, std = _numbers("--image-mean", image_mean, 0.0), _numbers("--image-std", image_std, 1.0)
        command(*args, pixels=Pixels(divide, mean, std) if image else None, **rest)

    return wrapped


def _numbers(option: str, text: str | None, otherwise: float) -> tuple[float, ...]:
    if text is None:
        return (otherwise,)
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise CompileError(
            f"{option} {text}", fix=f"give numbers with commas between them: {option} 0.5,0.5,0.5"
        ) from error
