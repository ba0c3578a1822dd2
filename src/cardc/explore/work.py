"""One candidate, priced: the function that worker processes and clusters run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import onnx

from ..compiler import Lowered, lower
from ..errors import CompileError
from ..targets.base import Target
from . import fpga, mcu
from .point import Candidate, Point, Refused


@dataclass(frozen=True, slots=True)
class Task:
    """A candidate with all that a fresh process needs: the model as ONNX bytes, its name, the board."""

    model: bytes
    name: str
    target: Target
    candidate: Candidate


def price(task: Task) -> Point | Refused:
    """The figures of a candidate, or why it cannot be had."""
    try:
        if task.target.backend == "c":
            return mcu.measure(_encoded(task), task.target, task.candidate)
        return fpga.measure(_kept(task.model, task.name, task.target).integer, task.target, task.candidate)
    except CompileError as error:
        return Refused(task.candidate, "; ".join(one.what for one in error.each()))


def _encoded(task: Task) -> Lowered:
    c = task.candidate
    model = onnx.load_from_string(task.model)
    return lower(model, task.target, name=task.name, encodings=c.encodings, optimize=c.optimize)


@lru_cache(maxsize=1)
def _kept(model: bytes, name: str, target: Target) -> Lowered:
    """Lowered once a process: on an FPGA all candidates share the integer graph."""
    return lower(onnx.load_from_string(model), target, name=name)
