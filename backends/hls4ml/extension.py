"""Our layers for hls4ml's Extension API: layer classes, configuration and call templates, C++ sources.

Imported only once hls4ml is there (see `vendor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer, register_layer

from .edges import BACKENDS

_SIZES = (
    "n_in", "n_chan", "n_rows", "n_levels", "n_m", "n_b", "n_m1", "n_m2", "n_pixels", "n_chan1", "n_chan2", "shift",
    "half_even", "height", "width", "out_height", "out_width", "filt_height", "filt_width", "stride_height",
    "stride_width", "dilate_height", "dilate_width", "pad_top", "pad_left", "in_height", "in_width", "total",
    "factor_height", "factor_width", "repeat", "n_out", "ternary",
)  # fmt: skip
# The configuration structs derive from those in the headers; a constant keeps its type.
_CTYPES = dict.fromkeys(_SIZES, "unsigned") | {"base": "int", "step": "int", "clip": "bool"}


class _Ours(Layer):  # type: ignore[misc]
    """A layer of ours: a function in `cardc_<word>.h`; `parameters` are its tables, `types` its typedefs."""

    word: ClassVar[str]
    function: ClassVar[str]
    constants: ClassVar[tuple[str, ...]] = ()
    types: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[str, ...]] = ()

    def initialize(self) -> None:
        self.add_output_variable(list(self.get_attr("out_shape")))
        for name in self.parameters:
            self.add_weights_variable(name=name, var_name=f"{name}{{index}}")


def _layer(
    word: str,
    class_name: str,
    constants: Sequence[str],
    types: Sequence[str] = (),
    parameters: Sequence[str] = (),
    *,
    function: str = "",
) -> type[_Ours]:
    expected = [
        *(Attribute(name) for name in constants if name != "clip"),
        Attribute("out_shape", value_type=Sequence),
        *(WeightAttribute(name) for name in parameters),
        *(TypeAttribute(name) for name in parameters),
    ]
    members = {
        "word": word,
        "function": function or f"cardc_{word}",
        "constants": tuple(constants),
        "types": tuple(types),
        "parameters": tuple(parameters),
        "_expected_attributes": expected,
        "__module__": __name__,
    }
    return type(class_name, (_Ours,), members)


_WINDOW = ("filt_height", "filt_width", "stride_height", "stride_width", "dilate_height", "dilate_width")
_IMAGE = ("height", "width", "n_chan", "out_height", "out_width", "pad_top", "pad_left")

LAYERS = (
    _layer(
        "threshold",
        "CardcThreshold",
        ("n_in", "n_chan", "n_rows", "n_levels", "base", "step"),
        ("compare", "count", "value"),
        ("threshold", "falling"),
    ),
    _layer(
        "requantize",
        "CardcRequantize",
        ("n_in", "n_chan", "n_m", "n_b", "shift", "half_even", "clip", "lo", "hi"),
        ("product",),
        ("multiplier", "offset"),
    ),
    _layer("add", "CardcAdd", ("n_in", "n_chan", "n_m1", "n_m2"), ("sum",), ("factor1", "factor2")),
    _layer("pool", "CardcPool", (*_IMAGE, *_WINDOW, "in_height", "in_width", "total", "fill")),
    _layer("concat", "CardcConcat", ("n_pixels", "n_chan1", "n_chan2")),
    _layer("argmax", "CardcArgMax", ("n_pixels", "n_chan")),
    _layer("spread", "CardcSpread", (*_IMAGE, "factor_height", "factor_width", "repeat")),
    _layer("reorder", "CardcReorder", ("n_in",), (), ("index",)),
    _layer("xnor", "CardcXnor", ("n_in", "n_out", "ternary"), ("count", "accum"), ("weight", "kept")),
    _layer(
        "xnor",
        "CardcXnorConv",
        ("n_in", "n_out", "ternary", "in_height", "in_width", "n_chan", "out_height", "out_width", *_WINDOW[:4]),
        ("count", "accum"),
        ("weight", "kept"),
        function="cardc_xnor_conv",
    ),
)


def _config(layer: type[_Ours]) -> type:
    """A configuration template: constants and types from the layer's attributes, each weight's type."""

    class Config(LayerConfigTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(layer)

        def format(self, node: Any) -> str:
            lines = [f"struct config{node.index} : nnet::cardc_{layer.word}_config {{"]
            for name in layer.constants:
                value, kind = node.get_attr(name), _CTYPES.get(name, "long long")
                number = str(value).lower() if kind == "bool" else f"{value}LL"
                lines.append(f"    static const {kind} {name} = {number};")
            lines.append(f"    static const unsigned reuse_factor = {node.get_attr('reuse_factor')};")
            lines += [f"    typedef {node.get_attr(f'{t}_type')} {t}_t;" for t in layer.types]
            lines += [f"    typedef {node.get_weights(w).type.name} {w}_t;" for w in layer.parameters]
            return "\n".join([*lines, "};\n"])

    return Config


def _call(layer: type[_Ours]) -> type:
    """A call template: `nnet::cardc_<word><ins..., out, config>(ins..., out, weights...)`."""

    class Call(FunctionCallTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(layer, include_header=[f"nnet_utils/cardc_{layer.word}.h"])

        def format(self, node: Any) -> str:
            inputs = [node.get_input_variable(name) for name in node.inputs]
            output = node.get_output_variable()
            weights = [node.get_weights(w).name for w in layer.parameters]
            arguments = [*(v.name for v in inputs), output.name, *weights]
            kinds = [*(v.type.name for v in inputs), output.type.name, f"config{node.index}"]
            name = f"{layer.function}{'_apart' if node.get_attr('apart') else ''}"
            return f"nnet::{name}<{', '.join(kinds)}>({', '.join(arguments)});"

    return Call


@cache
def register() -> None:
    """Make the layers known to hls4ml's backends; once a process, as hls4ml asks."""
    folder = files(__name__.rpartition(".")[0]) / "nnet_utils"
    for layer in LAYERS:
        register_layer(layer.__name__, layer)
    for name in BACKENDS:
        backend = get_backend(name)
        for layer in LAYERS:
            backend.register_template(_config(layer))
            backend.register_template(_call(layer))
        for word in ("each", *sorted({layer.word for layer in LAYERS})):
            backend.register_source(Path(str(folder / f"cardc_{word}.h")).resolve())
