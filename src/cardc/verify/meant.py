"""What qonnx's executor needs told of files that leave something open."""

from __future__ import annotations

import onnx

from ..frontend.normalise import QUANTISERS
from ..ops.base import QONNX


def as_meant(model: onnx.ModelProto) -> None:
    """What qonnx's executor needs told, in place.

    Channels-last operators are those of the model's own ONNX opset: some files say 1 or nothing, and version 1 of
    MaxPool has no ceil_mode. An order that TopK leaves open is the sorted one. Early files
    have no domain for quantisers, and some leave out what a window's attributes are by default.
    """
    standard = next((o.version for o in model.opset_import if not o.domain), 1)
    given = {o.domain: o for o in model.opset_import}
    for domain in sorted({n.domain for n in model.graph.node if n.domain.endswith(".channels_last")}):
        opset = given[domain] if domain in given else model.opset_import.add(domain=domain)
        opset.version = max(opset.version, standard)
    for node in model.graph.node:
        if node.domain.endswith(".channels_last"):
            _with_defaults(node)
        if node.op_type in QUANTISERS and node.domain in ("", "ai.onnx", "qonnx", "brevitas.onnx"):
            node.domain = QONNX  # where their operators are found today
        for attribute in node.attribute:
            if node.op_type == "TopK" and attribute.name == "sorted":
                attribute.i = 1


def _with_defaults(node: onnx.NodeProto) -> None:
    """What ONNX lets a window leave out and qonnx's channels-last operators ask for."""
    given = {a.name: a for a in node.attribute}
    if "kernel_shape" not in given or node.op_type not in ("Conv", "MaxPool"):
        return
    ones = [1] * len(given["kernel_shape"].ints)
    defaults = {"strides": ones, "dilations": ones, "pads": [0] * 2 * len(ones), "group": 1}
    if node.op_type == "MaxPool":
        del defaults["dilations"], defaults["group"]
    for name, value in defaults.items():
        if name not in given and not ("auto_pad" in given and name == "pads"):
            node.attribute.append(onnx.helper.make_attribute(name, value))
