"""One model through one flow, in this process: the stock hls4ml importer with its own configuration, or cardc.

Both write a project, which is then compiled by its own build_lib.sh and run through hls4ml's C simulation.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.hls4ml.works import Work

from cardc.ops.base import Array

TARGET = "pynq-z2"


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of conversion (wall) and of g++ (processor time of the compiler); `outputs` real numbers [n, ...].

    Of cardc also what its integers are worth: real = `unit` * integer + `offset`, one unit or one an output.
    """

    io_type: str
    convert_s: float
    compile_s: float
    accumulators: dict[str, int]
    outputs: Array = field(default_factory=lambda: np.zeros((0, 1)))
    unit: Array = field(default_factory=lambda: np.ones(1))
    offset: float = 0.0

    def numbers(self) -> dict[str, Any]:
        return {
            "io_type": self.io_type,
            "convert_s": round(self.convert_s, 2),
            "compile_s": round(self.compile_s, 2),
            "accumulators": self.accumulators,
        }


def stock(work: Work, x: Array, io_type: str, folder: Path) -> Iterator[Result]:
    """As hls4ml's documentation has it: clean up, channels last, Gemm to MatMul, a configuration by name, convert.

    First what is known before the simulation runs, which may end the process, then all.
    """
    from hls4ml.converters import convert_from_onnx_model
    from hls4ml.utils.config import config_from_onnx_model
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    start = time.perf_counter()
    model = cleanup_model(ModelWrapper(str(work.path())))
    model = model.transform(ConvertToChannelsLastAndClean()).transform(GemmToMatMul())
    model = cleanup_model(model)
    config = config_from_onnx_model(model, granularity="name", backend="Vitis")
    hls = convert_from_onnx_model(model, output_dir=str(folder), io_type=io_type, backend="Vitis", hls_config=config)
    hls.write()
    converted = time.perf_counter() - start
    took = _build(folder)
    widths = {}
    for layer in hls.get_layers():
        found = layer.get_attr("accum_t")
        if found is not None and layer.class_name.endswith(("Dense", "Conv2D")):
            widths[layer.name] = int(found.precision.width)
    result = Result(io_type, converted, took, widths)
    yield result
    hls._compile()
    shape = tuple(hls.get_input_variables()[0].shape)
    given = x.transpose(0, 2, 3, 1) if x.ndim == 4 and x.shape[1:] != shape else x
    outputs = hls.predict(np.ascontiguousarray(given.reshape(len(x), *shape), np.float32))
    yield replace(result, outputs=np.asarray(outputs).reshape(len(x), -1))


def ours(work: Work, x: Array, folder: Path) -> Iterator[Result]:
    """`cardc.compile`, its project written, the outputs of the C simulation as the model's real numbers."""
    import hls4ml.converters  # noqa: F401 - cardc loads it when first needed; the stock flow has it before its clock, too

    import cardc
    from cardc.backends.hls4ml import Csim
    from cardc.verify.points import points

    start = time.perf_counter()
    build = cardc.compile(work.path(), TARGET, entrance=work.entrance)
    build.project.write(folder)
    converted = time.perf_counter() - start
    took = _build(folder)
    low = build.lowered
    with Csim(low.integer, build.target) as csim:
        y = csim.run(build.quantize(x))
        widths = {a.name: a.accum.width for a in csim.plan.layers if a.accum is not None}
        io_type = csim.plan.io_type
    last = points(low.integer, low.imported)[-1]
    unit = np.broadcast_to(last.unit(y.ndim), y.shape).reshape(len(x), -1)
    real = y.reshape(len(x), -1) * unit + last.offset
    yield Result(io_type, converted, took, widths, real, unit[0], last.offset)


def qonnx(work: Work, x: Array) -> Array:
    """What qonnx's own executor makes of x, one row at a time: [n, ...], flat rows."""
    import onnxruntime
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    onnxruntime.set_default_logger_severity(3)
    model = cleanup_model(ModelWrapper(str(work.path())))
    inputs, output = model.graph.input[0].name, model.graph.output[0].name
    rows = [execute_onnx(model, {inputs: row[None]})[output].ravel() for row in x]
    return np.stack(rows).astype(np.float64)


def _build(folder: Path) -> float:
    """Processor seconds that the project's own build_lib.sh takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["bash", "build_lib.sh"], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
