"""Projects that stock hls4ml writes for models without Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def dense_entry(name: str, source: str, w: np.ndarray, bias: np.ndarray) -> dict[str, Any]:
    return {
        "class_name": "Dense", "name": name, "inputs": [source], "n_in": w.shape[0], "n_out": w.shape[1],
        "weight_data": w, "bias_data": bias,
    }  # fmt: skip


def mlp(w1: np.ndarray, w2: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"class_name": "InputLayer", "name": "x", "input_shape": [w1.shape[0]]},
        dense_entry("fc1", "x", w1, np.full(w1.shape[1], 0.5)),
        {"class_name": "Activation", "name": "relu1", "activation": "relu", "inputs": ["fc1"], "n_in": w1.shape[1]},
        dense_entry("fc2", "relu1", w2, np.zeros(w2.shape[1])),
        {
            "class_name": "Softmax", "name": "soft", "activation": "softmax", "inputs": ["fc2"], "n_in": w2.shape[1],
            "axis": -1,
        },
    ]  # fmt: skip


def convolution(w: np.ndarray) -> list[dict[str, Any]]:
    """8 x 8 pixels, a kernel [3, 3, channels, filters] without padding, relu, maxima of 2 x 2."""
    _, _, channels, filters = w.shape
    sides = {"stride_height": 1, "stride_width": 1, "pad_top": 0, "pad_bottom": 0, "pad_left": 0, "pad_right": 0}
    return [
        {"class_name": "InputLayer", "name": "x", "input_shape": [8, 8, channels]},
        {
            "class_name": "Conv2D", "name": "conv", "inputs": ["x"], "in_height": 8, "in_width": 8,
            "n_chan": channels, "n_filt": filters, "filt_height": 3, "filt_width": 3, "out_height": 6, "out_width": 6,
            "data_format": "channels_last", "weight_data": w, "bias_data": np.zeros(filters), **sides,
        },
        {"class_name": "Activation", "name": "relu", "activation": "relu", "inputs": ["conv"], "n_in": 36 * filters},
        {
            "class_name": "MaxPooling2D", "name": "pool", "inputs": ["relu"], "pool_op": "Max", "pool_height": 2,
            "pool_width": 2, "in_height": 6, "in_width": 6, "n_filt": filters, "n_chan": filters, "out_height": 3,
            "out_width": 3, "data_format": "channels_last", **sides | {"stride_height": 2, "stride_width": 2},
        },
    ]  # fmt: skip


def write(folder: Path, layers: list[dict[str, Any]], **settings: Any) -> Path:
    """Let hls4ml write a project; `settings` are Precision, ReuseFactor, Strategy, IOType, Backend, ClockPeriod."""
    from hls4ml.model.graph import ModelGraph

    model = {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "Latency"}
    model |= {key: settings.pop(key) for key in tuple(settings) if key in model}
    config = {
        "OutputDir": str(folder), "ProjectName": "stock", "Backend": "Vitis", "Part": "xc7z020clg400-1",
        "ClockPeriod": 5, "IOType": "io_parallel", "HLSConfig": {"Model": model}, **settings,
    }  # fmt: skip
    ModelGraph.from_layer_list(config, layers).write()
    return folder


def depthwise(w: np.ndarray) -> list[dict[str, Any]]:
    """8 x 8 pixels, a kernel [3, 3, channels, 1] for each channel, the mean of each."""
    channels = w.shape[2]
    sides = {"stride_height": 1, "stride_width": 1, "pad_top": 0, "pad_bottom": 0, "pad_left": 0, "pad_right": 0}
    return [
        {"class_name": "InputLayer", "name": "x", "input_shape": [8, 8, channels]},
        {
            "class_name": "DepthwiseConv2D", "name": "conv", "inputs": ["x"], "in_height": 8, "in_width": 8,
            "n_chan": channels, "n_filt": channels, "depth_multiplier": 1, "filt_height": 3, "filt_width": 3,
            "out_height": 6, "out_width": 6, "data_format": "channels_last", "depthwise_data": w,
            "weight_data": w, "bias_data": np.zeros(channels), **sides,
        },
        {
            "class_name": "GlobalAveragePooling2D", "name": "mean", "inputs": ["conv"], "pool_op": "Average",
            "in_height": 6, "in_width": 6, "n_filt": channels, "n_chan": channels, "data_format": "channels_last",
        },
    ]  # fmt: skip
