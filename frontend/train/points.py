"""What every activation quantiser of a Brevitas module sees and gives: first link of the equality chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from brevitas.proxy.runtime_quant import ActQuantProxyFromInjectorBase, TruncQuantProxyFromInjector
from brevitas.quant_tensor import IntQuantTensor
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import CompileError
from .recipe import FloatArray, one_thread

_PROXIES = (ActQuantProxyFromInjectorBase, TruncQuantProxyFromInjector)
INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True, slots=True, eq=False)
class QuantPoint:
    """One call of an activation quantiser: `after` = scale * (clip(round(before / scale + zero_point)) -
    zero_point).

    `before` and `after` are float32, batch first; `scale` and `zero_point` broadcast against them.
    """

    name: str
    before: FloatArray
    after: FloatArray
    scale: FloatArray
    zero_point: FloatArray
    bits: int
    signed: bool
    rounding: str

    def integers(self) -> NDArray[np.int64]:
        """`after` as integers: multiples of `scale`, zero point taken off; -1 and +1 if bipolar."""
        return np.rint(self.after.astype(np.float64) / self.scale).astype(np.int64)

    def boundary_cases(self, relative: float = 1e-5) -> int:
        """How many of `before` lie within `relative` of a point where the rounding jumps.

        Two executors that add floats in different orders may legitimately round such a value differently.
        """
        t = self.before.astype(np.float64) / self.scale + self.zero_point
        if self.bits == 1:
            return int((np.abs(t) <= relative).sum())
        half = 0.5 if self.rounding in ("ROUND", "HALF_EVEN", "HALF_UP", "HALF_DOWN") else 0.0
        low = -(2 ** (self.bits - 1)) if self.signed else 0
        jump = np.rint(t - half) + half
        inside = (jump > low) & (jump < low + 2**self.bits - 1)
        return int((inside & (np.abs(t - jump) <= relative * np.maximum(np.abs(jump), 1.0))).sum())


def quantisers(module: nn.Module, x: FloatArray | Tensor) -> tuple[list[QuantPoint], FloatArray]:
    """Run `module` in eval mode on a batch x [N, ...]: its activation quantisers in order of execution, its
    output.

    The order is that of the activation quantiser nodes in the exported graph, and `QuantPoint.name` is the
    name of that node's output there. Raises CompileError for an input of NaN, or for a module with no
    activation quantiser.
    """
    points: list[QuantPoint] = []
    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(one_thread())
        stack.enter_context(eval_mode(module))
        calls: dict[str, int] = {}
        for path, proxy in module.named_modules():
            if isinstance(proxy, _PROXIES) and proxy.is_quant_enabled:
                stack.enter_context(_listen(path, proxy, calls, points))
        output = _run(module, as_input(x))
    if not points:
        raise CompileError(
            "the module has no activation quantiser",
            fix="put a brevitas.nn.QuantIdentity or QuantReLU at its input",
        )
    return points, output.numpy()


def _run(module: nn.Module, x: Tensor) -> Tensor:
    try:
        result = module(x)
    except RuntimeError as error:  # torch's word for shapes that do not fit, among others
        reason = (str(error).splitlines() or [""])[0]
        raise CompileError(
            f"the module does not take an input of shape {list(x.shape)}: {reason}", fix="give it [N, ...] as trained"
        ) from error
    result = getattr(result, "value", result)
    if not isinstance(result, Tensor):
        raise CompileError(
            f"the module returns a {type(result).__name__}", fix="use a module that takes one tensor and returns one"
        )
    return result


def quantised_tensors(module: nn.Module, x: FloatArray | Tensor) -> dict[str, FloatArray]:
    """The float value at every activation quantiser's output, then the logits (key "output"), for a batch x
    [N, ...].

    Keys are the names of the tensors in the graph that `export_qonnx` writes, in its order. (Where the output
    of the module is itself a quantiser's, the graph's output goes by that quantiser's name, and "output"
    repeats it.)
    """
    points, output = quantisers(module, x)
    return {point.name: point.after for point in points} | {OUTPUT: output}


def prequant_tensors(module: nn.Module, x: FloatArray | Tensor) -> dict[str, FloatArray]:
    """The float value that enters each activation quantiser (after its ReLU), keyed and ordered as there."""
    return {point.name: point.before for point in quantisers(module, x)[0]}


def as_input(x: FloatArray | Tensor) -> Tensor:
    """`x` as a float32 tensor. Raises CompileError for NaN, infinity, or no batch axis."""
    tensor = (x if isinstance(x, Tensor) else torch.tensor(x)).to(torch.float32)
    if tensor.ndim < 2 or len(tensor) == 0:
        raise CompileError(
            f"an input of shape {list(tensor.shape)}", fix="give a batch [N, ...] with at least one item"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise CompileError("the input holds NaN or infinity", fix="clean the data")
    return tensor


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Eval mode inside, each submodule's own mode again afterwards."""
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, training in modes:
            m.training = training


@contextmanager
def _listen(path: str, proxy: Any, calls: dict[str, int], points: list[QuantPoint]) -> Iterator[None]:
    def hook(_: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        x: Tensor = getattr(args[0], "value", args[0])
        if x.ndim == 0:  # Brevitas asking a quantiser for its own scale
            return
        if not isinstance(out, IntQuantTensor):
            raise CompileError(
                "a quantiser gives no integers",
                node=path,
                fix="use an integer quantiser of fixed scale",
                stage="export",
            )
        fused = getattr(proxy, "fused_activation_quant_proxy", None)
        before = x if fused is None else fused.activation_impl(x)
        count = calls[path] = calls.get(path, 0) + 1
        points.append(
            QuantPoint(
                name=_name(path, count),
                before=_array(before),
                after=_array(out.value),
                scale=_array(out.scale),
                zero_point=_array(out.zero_point),
                bits=int(out.bit_width),
                signed=bool(out.signed),
                rounding=str(proxy.rounding_mode).upper(),
            )
        )

    handle = proxy.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _array(values: Tensor) -> FloatArray:
    return values.detach().numpy().copy()


def _name(path: str, count: int) -> str:
    """`act1.act_quant` is called `act1`; a quantiser that is called again `act1.2`, `act1.3`, ..."""
    stem = path.removesuffix(".act_quant").removesuffix("act_quant") or "quantiser"
    if stem in (INPUT, OUTPUT):  # the graph's own tensors
        stem = f"{stem}.quant"
    return stem if count == 1 else f"{stem}.{count}"
