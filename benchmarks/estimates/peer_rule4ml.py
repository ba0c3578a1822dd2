"""rule4ml (pip install rule4ml; GPL-3.0, Keras and PyTorch models trained on hls4ml's synthesis reports) as a baseline.

It takes networks of dense layers on the boards it knows, with one precision for all: each design is asked about with
the width of its weights, on the Alveo U250 where its part is an UltraScale+, else on the PYNQ-Z2. Convolutions, streams
and pools by themselves are left out. Nothing is installed here; without it the benchmark says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from rows import Design
from score import Prediction

_COLUMNS = {
    "lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM", "latency_cycles": "CYCLES", "ii": "INTERVAL",
}  # fmt: skip
_ACTIVATIONS = ("relu", "elu", "sigmoid", "softmax", "tanh")
_TOOLS = ("2019.1", "2019.2", "2020.1", "2020.2", "2021.1", "2021.2", "2022.1", "2022.2", "2023.1", "2023.2", "2024.1")


def rule4ml(designs: Sequence[Design]) -> tuple[list[Prediction], str]:
    """Its predictions of the designs that it takes, and why there are none or fewer."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import keras
        from rule4ml.models.wrappers import MultiModelWrapper
    except ImportError as error:
        return [], f"not installed ({error.name or error}); pip install rule4ml to see it"
    peer = MultiModelWrapper()
    peer.load_default_models()
    found: list[Prediction] = []
    models: dict[tuple[tuple[str, int, int], ...], Any] = {}
    refused = 0
    for design in designs:
        if not _takes(design):
            refused += 1
            continue
        shape = _shape(design)
        if shape not in models:
            models[shape] = _model(keras, shape)
        try:
            table = peer.predict(
                [models[shape]],
                hls_configs=[_config(design)],
                hls4ml_versions="0.8.1",
                vivado_versions=_version(design),
            )
        except (TypeError, ValueError, KeyError):  # its own way to say no
            refused += 1
            continue
        row = table.iloc[0]
        found.append(Prediction(design, {name: float(row[column]) for name, column in _COLUMNS.items()}, {}))
    return found, f"{refused} rows are not what it takes" if refused else ""


def _takes(design: Design) -> bool:
    return (
        bool(design.layers)
        and design.stage == "csynth"
        and design.layers[0].op == "dense"
        and all(layer.op in ("dense", "batchnorm", *_ACTIVATIONS) and not layer.streams for layer in design.layers)
    )


def _shape(design: Design) -> tuple[tuple[str, int, int], ...]:
    return tuple((layer.op, layer.in_shape[0], layer.out_shape[0]) for layer in design.layers)


def _model(keras: Any, shape: Sequence[tuple[str, int, int]]) -> Any:
    x = inputs = keras.layers.Input(shape=(shape[0][1],))
    for op, _, outputs in shape:
        if op == "dense":
            x = keras.layers.Dense(outputs)(x)
        elif op == "batchnorm":
            x = keras.layers.BatchNormalization()(x)
        else:
            x = keras.layers.Activation(op)(x)
    model = keras.Model(inputs, x, name="design")
    model.build((None, shape[0][1]))
    return model


def _config(design: Design) -> dict[str, Any]:
    dense = [layer for layer in design.layers if layer.op == "dense"]
    bits = max(layer.weight_bits for layer in dense)
    return {
        "board": "alveo-u250" if design.tool.multipliers == "auto" else "pynq-z2",
        "model": {
            "strategy": design.strategy,
            "precision": f"ap_fixed<{bits}, {max(1, bits // 2)}>",
            "reuse_factor": dense[0].reuse_factor,
        },
        "clock_period": design.tool.clock_ns,
        "io_type": "io_parallel",
    }


def _version(design: Design) -> str:
    found = re.search(r"20\d\d\.\d", design.label)
    return found[0] if found and found[0] in _TOOLS else "2020.1"
