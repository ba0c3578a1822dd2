"""What to do instead of operators that people are likely to bring and that are not taken."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_QDQ = "quantise with ONNX Runtime's QDQ format: quantize_static(..., quant_format=QuantFormat.QDQ)"
_STATIC = "quantise statically: quantize_static with a calibration reader, not quantize_dynamic"
FLOW = "export the model before FINN's conversion to hardware layers"
_RECURRENT = "replace it with a feed-forward layer; supported operators: docs/operators.md"

REMEDIES: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul", "QLinearConcat", "QGemm"), _QDQ),
    **dict.fromkeys(("QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearSigmoid", "QLinearLeakyRelu"), _QDQ),
    **dict.fromkeys(("ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "MatMulIntegerToFloat"), _STATIC),
    **dict.fromkeys(("MVAU", "MVAU_hls", "MVAU_rtl", "MatrixVectorActivation", "VVAU", "VVAU_hls"), FLOW),
    **dict.fromkeys(("VectorVectorActivation", "StreamingFCLayer_Batch", "ConvolutionInputGenerator"), FLOW),
    **dict.fromkeys(("Thresholding_Batch", "Thresholding_hls", "FMPadding_Batch", "AddStreams_Batch"), FLOW),
    **dict.fromkeys(("DuplicateStreams_Batch", "StreamingMaxPool_Batch", "GlobalAccPool"), FLOW),
    "StreamingDataflowPartition": FLOW,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _RECURRENT),
    "InstanceNormalization": "use BatchNormalization, which is a scale and an offset at inference",
    "LayerNormalization": "use BatchNormalization, which is a scale and an offset at inference",
    "GroupNormalization": "use BatchNormalization, which is a scale and an offset at inference",
})  # fmt: skip
"""By operator; the rest get the nearest name that is known."""
