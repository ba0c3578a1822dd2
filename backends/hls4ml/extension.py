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

HEADERS = ("cardc_maxpool.h", "cardc_requantize.h", "cardc_threshold.h")


class _Weighted(Layer):  # type: ignore[misc]
    """A layer of the input's shape with the constants named in `parameters`."""

    parameters: ClassVar[tuple[str, ...]] = ()

    def initialize(self) -> None:
        self.add_output_variable(list(self.get_input_variable().shape))
        for name in self.parameters:
            self.add_weights_variable(name=name, var_name=f"{name}{{index}}")


class CardcThreshold(_Weighted):
    parameters = ("threshold", "falling")
    _expected_attributes: ClassVar[list[Any]] = [
        *(Attribute(name) for name in ("n_in", "n_chan", "n_rows", "n_levels", "base", "step")),
        *(WeightAttribute(name) for name in ("threshold", "falling")),
        *(TypeAttribute(name) for name in ("threshold", "falling")),
    ]


class CardcRequantize(_Weighted):
    parameters = ("multiplier", "offset")
    _expected_attributes: ClassVar[list[Any]] = [
        *(Attribute(name) for name in ("n_in", "n_chan", "n_m", "n_b", "shift", "half_even", "lo", "hi")),
        *(WeightAttribute(name) for name in ("multiplier", "offset")),
        *(TypeAttribute(name) for name in ("multiplier", "offset")),
    ]


class CardcMaxPool(Layer):  # type: ignore[misc]
    _expected_attributes: ClassVar[list[Any]] = [Attribute("lowest")]

    def initialize(self) -> None:
        shape = [self.get_attr(name) for name in ("out_height", "out_width", "n_chan")]
        self.add_output_variable(shape)


def _config(
    layer_class: type, base: str, constants: Sequence[str], types: Sequence[str], weights: Sequence[str] = ()
) -> type:
    """A configuration template: `constants` and `types` from the layer's attributes, each weight's type."""

    class Config(LayerConfigTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(layer_class)

        def format(self, node: Any) -> str:
            lines = [f"struct config{node.index} : nnet::{base} {{"]
            for name in constants:
                kind = "bool" if isinstance(node.get_attr(name), bool) else "long long"
                value = node.get_attr(name)
                number = str(value).lower() if isinstance(value, bool) else f"{value}LL"
                lines.append(f"    static const {_CTYPES.get(name, kind)} {name} = {number};")
            lines.append(f"    static const unsigned reuse_factor = {node.get_attr('reuse_factor')};")
            lines += [f"    typedef {node.get_attr(f'{t}_type')} {t}_t;" for t in types]
            lines += [f"    typedef {node.get_weights(w).type.name} {w}_t;" for w in weights]
            return "\n".join([*lines, "};\n"])

    return Config


# The configuration structs derive from those in the headers; a count keeps its unsigned type.
_CTYPES = {"base": "int", "step": "int", "lowest": "int"} | dict.fromkeys(
    (
        "n_in", "n_chan", "n_rows", "n_levels", "n_m", "n_b", "shift", "half_even", "height", "width", "out_height",
        "out_width", "filt_height", "filt_width", "stride_height", "stride_width", "pad_top", "pad_left",
        "in_height", "in_width",
    ),
    "unsigned",
)  # fmt: skip


def _call(layer_class: type, function: str, header: str, weights: Sequence[str] = ()) -> type:
    """A call template: `nnet::function<in, out, config>(in, out, weights...)`."""

    class Call(FunctionCallTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(layer_class, include_header=[f"nnet_utils/{header}"])

        def format(self, node: Any) -> str:
            p = self._default_function_params(node)
            arguments = [p["input"], p["output"], *(node.get_weights(w).name for w in weights)]
            kinds = f"{p['input_t']}, {p['output_t']}, {p['config']}"
            return f"nnet::{function}<{kinds}>({', '.join(arguments)});"

    return Call


def _templates() -> list[type]:
    t, r = CardcThreshold.parameters, CardcRequantize.parameters
    pool = (
        "height", "width", "n_chan", "out_height", "out_width", "filt_height", "filt_width",
        "stride_height", "stride_width", "pad_top", "pad_left", "in_height", "in_width", "lowest",
    )  # fmt: skip
    levels = ("n_in", "n_chan", "n_rows", "n_levels", "base", "step")
    dyadic = ("n_in", "n_chan", "n_m", "n_b", "shift", "half_even", "clip", "lo", "hi")
    return [
        _config(CardcThreshold, "cardc_threshold_config", levels, ("compare", "count", "value"), t),
        _call(CardcThreshold, "cardc_threshold", "cardc_threshold.h", t),
        _config(CardcRequantize, "cardc_requantize_config", dyadic, ("product",), r),
        _call(CardcRequantize, "cardc_requantize", "cardc_requantize.h", r),
        _config(CardcMaxPool, "cardc_maxpool_config", pool, ()),
        _call(CardcMaxPool, "cardc_maxpool", "cardc_maxpool.h"),
    ]


@cache
def register() -> None:
    """Make the layers known to hls4ml's Vitis backend; once a process, as hls4ml asks."""
    backend = get_backend("Vitis")
    for layer_class in (CardcThreshold, CardcRequantize, CardcMaxPool):
        register_layer(layer_class.__name__, layer_class)
    for template in _templates():
        backend.register_template(template)
    for header in HEADERS:
        backend.register_source(Path(str(files(__name__.rpartition(".")[0]) / "nnet_utils" / header)).resolve())
