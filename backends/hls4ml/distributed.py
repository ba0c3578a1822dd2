"""hls4ml's strategy distributed_arithmetic: a product as a graph of adders, in code that da4ml generates.

hls4ml builds it for fixed-point inputs only, and writes no weights. So a tensor that such a layer reads is
`ap_fixed<W,W>` instead of `ap_int<W>`, and what the adders compute is read from their text: every variable is a linear
form of the inputs, that must fit its type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ...ops.qtype import QType
from .layer import Layer
from .options import DISTRIBUTED
from .written import Written

CODE = PurePosixPath("firmware/nnet_utils/nnet_code_gen.h")
_TYPE = r"ap_(u?)fixed<(\d+),(-?\d+)>"
_FUNCTION = re.compile(r"^void (dense_da_\d+)\([^\n]*\{[^\n]*\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(rf"{_TYPE} (v\d+) = ([^;]+);")
_OUTPUT = re.compile(rf"(model_out\[\d+\]) = (?:{_TYPE}\(([^;]+)\)|0);")
_TERM = re.compile(
    r"\s*(?P<sign>[+-]?)\s*(?:model_inp\[(?P<input>\d+)\]|(?P<name>v\d+)|bit_shift<(?P<by>-?\d+)>\((?P<shifted>v\d+)\)"
    r"|ap_(?P<unsigned>u?)fixed<(?P<width>\d+),(?P<integer>-?\d+)>\((?P<typed>[\d.]+)\)"
    r"|(?P<number>[\d.]+))\s*"
)

# A linear form: the factors of the inputs, then a constant. Float64 is exact here: sums of small integers over powers
# of two.
Form = NDArray[np.float64]


def with_fixed_inputs(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """`layers`, where what a layer of distributed arithmetic reads is spelled as fixed point."""
    by_name = {layer.name: layer for layer in layers}
    fixed: set[str] = set()
    for layer in layers:
        waiting = list(layer.inputs) if layer.strategy == DISTRIBUTED else []
        for name in waiting:
            fixed.add(name)
            waiting += by_name[name].inputs if by_name[name].class_name == "Reshape" else ()
    return tuple(
        replace(layer, result=replace(layer.result, fixed=True)) if layer.name in fixed else layer for layer in layers
    )


def check_adders(layer: Layer, reads: QType, number: str, written: Written) -> Iterator[str]:
    """How the adders of `layer`, hls4ml's layer `number`, differ from its weights where inputs are in the range of
    `reads`; nothing where they are equal."""
    matrix = layer.weights[0].values.reshape(-1, layer.weights[0].values.shape[-1])
    code = written.files.get(CODE, b"").decode("utf-8")
    body = dict(_FUNCTION.findall(code)).get(f"dense_da_{number}")
    if body is None:
        yield f"{layer.name}: its adders, dense_da_{number}, are not in {CODE.name}"
        return
    adders = _Adders(matrix.shape[0], reads)
    try:
        for line in body.splitlines():
            adders.run(line.partition("//")[0].strip())
    except ValueError as error:
        yield f"{layer.name}: {error}"
        return
    bias = next((w.values for w in layer.weights if w.name == "bias"), np.zeros(matrix.shape[1], np.int64))
    for o in range(matrix.shape[1]):
        found = adders.forms.get(f"model_out[{o}]")
        if found is None or not np.array_equal(found, [*matrix[:, o], bias[o]]):
            yield f"{layer.name}: the adders of output {o} compute another sum than its weights"
            return


class _Adders:
    """Runs the text of a generated function on linear forms. ValueError for a line it does not know, and for a
    variable whose type is too narrow."""

    def __init__(self, inputs: int, q: QType) -> None:
        self.forms: dict[str, Form] = {}
        self._inputs, self._q = inputs, q

    def run(self, line: str) -> None:
        if not line or line.startswith("#pragma"):
            return
        if found := _VARIABLE.fullmatch(line):
            unsigned, width, integer, name, text = found.groups()
        elif found := _OUTPUT.fullmatch(line):
            name, unsigned, width, integer, text = found.groups()
        else:
            raise ValueError(f"unknown code {line!r}")
        form = self._sum(text) if text is not None else np.zeros(self._inputs + 1)
        if text is not None:
            self._check_type(name, form, unsigned, int(width), int(integer))
        self.forms[name] = form

    def _sum(self, text: str) -> Form:
        """The form of a sum of terms, each with its sign."""
        form, at = np.zeros(self._inputs + 1), 0
        while at < len(text):
            found = _TERM.match(text, at)
            if found is None or (at > 0 and not found["sign"]):
                raise ValueError(f"unknown code {text!r}")
            term = self._term(found)
            form = form - term if found["sign"] == "-" else form + term
            at = found.end()
        return form

    def _term(self, found: re.Match[str]) -> Form:
        name = found["name"] or found["shifted"]
        if name is not None:
            if name not in self.forms:
                raise ValueError(f"{name} is read before it is written")
            return self.forms[name] * 2.0 ** int(found["by"] or 0)
        form = np.zeros(self._inputs + 1)
        if found["input"] is not None:
            if int(found["input"]) >= self._inputs:
                raise ValueError(f"input {found['input']} of {self._inputs}")
            form[int(found["input"])] = 1
            return form
        form[-1] = float(found["typed"] or found["number"])
        if found["typed"]:
            self._check_type("a constant", form, *_type_of(found))
        return form

    def _check_type(self, name: str, form: Form, unsigned: str, width: int, integer: int) -> None:
        """ValueError unless every value of `form`, for inputs in their range, is one of the type."""
        step = 2.0 ** (integer - width)
        top = 2.0 ** (integer - (not unsigned))
        ends = form[:-1] * self._q.lo, form[:-1] * self._q.hi
        lo, hi = np.minimum(*ends).sum() + form[-1], np.maximum(*ends).sum() + form[-1]
        if np.any(form % step) or lo < (0 if unsigned else -top) or hi > top - step:
            kind = f"ap_{unsigned}fixed<{width},{integer}>"
            raise ValueError(f"{kind} is too narrow for {name}, which goes from {lo:g} to {hi:g}")


def _type_of(found: re.Match[str]) -> tuple[str, int, int]:
    unsigned, width, integer = found.group("unsigned", "width", "integer")
    return unsigned, int(width), int(integer)
