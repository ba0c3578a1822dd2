"""`cardc estimate` on folders that hls4ml wrote, as they are and as they should not be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Cardc, cardc  # noqa: F401
from tests.estimate.projects import convolution, depthwise, mlp, write
from tests.small import save_small
from tests.tools import need

import cardc as package
from cardc.errors import CompileError
from cardc.estimate import FpgaLayer, count_products, estimate, read_project


@pytest.fixture(scope="module", autouse=True)
def _hls4ml() -> None:
    try:
        import hls4ml  # noqa: F401
    except ImportError:
        need(False, "hls4ml", "hls4ml, by pip")


def eighths(*shape: int, zeros: float = 0.25) -> np.ndarray:
    """Weights that ap_fixed<16,6> holds exactly."""
    rng = np.random.default_rng(sum(shape))
    w = rng.integers(-20, 21, shape) / 8
    w[rng.random(shape) < zeros] = 0
    return w


W1, W2 = eighths(12, 20), eighths(20, 6)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("hls") / "stock", mlp(W1, W2))


def only(layers: tuple[FpgaLayer, ...], name: str) -> FpgaLayer:
    return next(layer for layer in layers if layer.name == name)


def test_a_stock_project_is_read_as_it_is(stock: Path) -> None:
    project = read_project(stock)
    assert (project.name, project.tool.family, project.tool.clock_ns, project.io_type) == (
        "stock", "vitis", 5.0, "io_parallel",
    )  # fmt: skip
    assert [(layer.name, layer.op) for layer in project.layers] == [
        ("fc1", "dense"), ("relu1", "relu"), ("fc2", "dense"), ("soft", "softmax"),
    ]  # fmt: skip
    fc1 = project.layers[0]
    assert (fc1.act_bits, fc1.weight_bits, fc1.acc_bits, fc1.strategy, fc1.reuse_factor) == (16, 16, 16, "latency", 1)
    assert fc1.products == count_products((W1 * 1024).astype(np.int64), biases=20)
    assert project.layers[2].products == count_products((W2 * 1024).astype(np.int64))
    assert project.notes == ()


def test_weights_in_headers_are_the_same(stock: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(stock, copy)
    for path in (copy / "firmware" / "weights").glob("*.txt"):
        path.unlink()
    assert read_project(copy).layers == read_project(stock).layers


def test_folded_weights_are_stored_outputs_first(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", mlp(W1, W2), Strategy="Resource", ReuseFactor=4, Backend="Vivado")
    project = read_project(folder)
    fc1 = project.layers[0]
    assert (project.tool.family, fc1.strategy, fc1.reuse_factor) == ("vivado", "resource", 4)
    assert fc1.products == count_products((W1 * 1024).astype(np.int64), biases=20)
    assert 1 < fc1.top_bits <= 16


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_convolutions(tmp_path: Path, io_type: str) -> None:
    w = eighths(3, 3, 2, 4)
    project = read_project(write(tmp_path / "p", convolution(w), IOType=io_type))
    conv, pool = only(project.layers, "conv"), only(project.layers, "pool")
    assert (conv.in_shape, conv.out_shape, conv.kernel) == ((8, 8, 2), (6, 6, 4), (3, 3))
    assert conv.products == count_products((w * 1024).astype(np.int64).reshape(18, 4))
    assert conv.act_bits == 16  # of an element, not of a packet
    assert only(project.layers, "relu").in_shape == (6, 6, 4)
    assert (pool.in_shape, pool.out_shape, pool.kernel) == ((6, 6, 4), (3, 3, 4), (2, 2))
    assert conv.streams == (io_type == "io_stream")


def test_narrow_types_and_cut_weights(tmp_path: Path) -> None:
    w = np.array([[0.30, -0.30], [0.99, -1.0]])
    project = read_project(write(tmp_path / "p", mlp(w, eighths(2, 2)), Precision="fixed<4,1>"))
    stored = np.array([[2, -3], [7, -8]])  # eighths, cut off towards minus infinity
    assert project.layers[0].products == count_products(stored, biases=2)
    assert project.layers[0].weight_bits == 4


def test_a_project_of_ours_is_estimated_as_when_it_was_made(tmp_path: Path) -> None:
    save_small(tmp_path / "small.onnx")
    build = package.compile(tmp_path / "small.onnx", "pynq-z2")
    build.write(tmp_path / "out")
    from cardc.backends.hls4ml import Options, cost_layers, make_plan

    made = {layer.name: layer for layer in cost_layers(make_plan(build.lowered.integer, build.target, Options()))}
    read = {layer.name: layer for layer in read_project(tmp_path / "out").layers}
    weighted = [name for name, layer in made.items() if layer.products]
    assert weighted
    for name in weighted:
        assert read[name].products == made[name].products
        assert (read[name].act_bits, read[name].acc_bits) == (made[name].act_bits, made[name].acc_bits)


def test_padded_streams_take_the_cycles_of_their_padding(tmp_path: Path) -> None:
    """Compiling and reading back agree to the last figure: a padded image has more pixels than its tensor."""
    from cardc.backends.hls4ml import Options, cost_layers, make_plan

    build = package.compile(save_small(tmp_path / "small.onnx"), "pynq-z2", hls=Options(io_type="io_stream"))
    build.write(tmp_path / "out")
    made = cost_layers(make_plan(build.lowered.integer, build.target, Options(io_type="io_stream")))
    read = read_project(tmp_path / "out")
    assert [layer.name for layer in read.layers] == [layer.name for layer in made]
    padding = next(layer for layer in made if layer.name.startswith("zp2d_"))
    (_, width, _), (rows, columns, _) = padding.in_shape, padding.out_shape
    assert columns == width + 2
    totals = estimate(read.layers, read.tool).totals
    assert totals["ii"].value >= rows * columns
    for name, figure in totals.items():
        assert build.report.totals[name].value == figure.value, name


def test_the_command(stock: Path, cardc: Cardc, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("COLUMNS", raising=False)  # as wide as a file
    ran = cardc("estimate", str(stock))
    assert ran.code == 0
    for text in ("fc1", "softmax", "estimated:csynth", "LUT after routing", "estimated:routed", "are free"):
        assert text in ran.out
    table = json.loads(cardc("estimate", str(stock), "--json").out)
    assert table["schema"] == "cardc.estimate/1"
    assert [layer["name"] for layer in table["layers"]] == ["fc1", "relu1", "fc2", "soft"]
    lut = table["totals"]["lut"]
    assert 0 < lut["low"] <= lut["value"] <= lut["high"]
    assert lut["stage"] == "estimated:csynth"
    assert table["totals"]["lut_routed"]["stage"] == "estimated:routed"


def test_the_command_compares_with_a_board(stock: Path, tmp_path: Path, cardc: Cardc) -> None:  # noqa: F811
    ran = cardc("estimate", str(stock), "-t", "arty-a7-35t", "--json")
    checks = json.loads(ran.out)["checks"]
    assert ran.code == 0
    assert all(check["fits"] for check in checks)
    big = write(tmp_path / "big", mlp(eighths(64, 64), eighths(64, 64)))
    ran = cardc("estimate", str(big), "-t", "arty-a7-35t")
    assert ran.code == 1
    assert "does not fit" in ran.out
    assert cardc("estimate", str(stock), "-t", "nucleo-f446re").code == 2


def test_zeros_in_memory_save_nothing_and_the_command_says_so(tmp_path: Path, cardc: Cardc) -> None:  # noqa: F811
    full, pruned = (eighths(16, 16, zeros=z) + (z == 0) * 1 / 64 for z in (0.0, 0.9))
    sizes = {}
    for name, w in (("full", full), ("pruned", pruned)):
        for strategy, reuse in (("Latency", 1), ("Resource", 4)):
            folder = write(tmp_path / f"{name}{strategy}", mlp(w, w), Strategy=strategy, ReuseFactor=reuse)
            ran = cardc("estimate", str(folder))
            sizes[name, strategy] = json.loads(cardc("estimate", str(folder), "--json").out)["layers"][0]["figures"]
            if name == "pruned":
                assert ("save nothing" in ran.out) == (strategy == "Resource")
                assert ("are free" in ran.out) == (strategy == "Latency")
    assert sizes["pruned", "Latency"]["lut"]["value"] < 0.4 * sizes["full", "Latency"]["lut"]["value"]
    folded = [sizes[name, "Resource"]["lut"]["value"] for name in ("pruned", "full")]
    assert folded[0] == pytest.approx(folded[1], rel=0.002)  # narrow numbers at the top of the memory's word


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("hls4ml_config.yml", "Backend: Vitis", "Backend: Quartus", "no estimates for hls4ml's backend 'Quartus'"),
        ("hls4ml_config.yml", "Backend: Vitis", "", "has no Backend"),
        ("hls4ml_config.yml", "ClockPeriod: 5", "ClockPeriod: fast", "no clock period"),
        ("hls4ml_config.yml", "ClockPeriod: 5", "ClockPeriod: -5", "no clock period"),
        ("hls4ml_config.yml", "ProjectName: stock", "ProjectName: ../../etc/passwd", "no identifier"),
        ("hls4ml_config.yml", "ProjectName: stock", "ProjectName: other", "no other.cpp"),
        ("hls4ml_config.yml", "IOType: io_parallel", "IOType: io_serial", "'io_serial' is not known"),
        ("firmware/weights/w2.txt", ",", ", 1.0,", "holds 479 numbers, and its layer has 240 weights"),
        ("firmware/weights/w2.txt", "0.", "zero.", "no number"),
        ("firmware/weights/w2.txt", ", 0", ", nan, 0", "numbers"),
        ("firmware/parameters.h", "n_in = 12;", "n_in = 13;", "holds 240 numbers"),
        ("firmware/parameters.h", "n_in = 12;", "n_in = many;", "no number 'n_in' but 'many'"),
        ("firmware/parameters.h", "n_in = 12;", "n_in = 999999999;", "cannot be read"),
        ("firmware/parameters.h", "struct config2 ", "struct other ", "no configuration 'config2'"),
        ("firmware/parameters.h", "reuse_factor = 1;", "reuse_factor = 0;", "reuse factor of 0"),
        ("firmware/defines.h", "ap_fixed<16,6> model_default_t", "float model_default_t", "not a fixed-point number"),
        ("firmware/defines.h", "ap_fixed<16,6> layer2_t", "ap_fixed<99999,6> layer2_t", "99999 bits"),
        ("firmware/defines.h", "ap_fixed<16,6> layer2_t", "layer2_t layer2_t", "not a fixed-point number"),
        ("firmware/stock.cpp", "nnet::", "mine::", "calls no layers"),
        ("firmware/stock.cpp", ", w2, b2)", ", ../../w2, b2)", "is no name of weights"),
    ],
)
def test_malformed_projects(stock: Path, tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(stock, copy)
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    with pytest.raises(CompileError) as caught:
        read_project(copy)
    assert says in str(caught.value)
    assert caught.value.fix
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("missing", ["hls4ml_config.yml", "firmware/parameters.h", "firmware/weights"])
def test_missing_files(stock: Path, tmp_path: Path, missing: str, cardc: Cardc) -> None:  # noqa: F811
    copy = tmp_path / "copy"
    shutil.copytree(stock, copy)
    target = copy / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    ran = cardc("estimate", str(copy))
    assert ran.code == 2
    assert "error:" in ran.err
    assert "fix" in ran.err


def test_no_folder_and_no_text(stock: Path, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="no such folder"):
        read_project(tmp_path / "nowhere")
    with pytest.raises(CompileError, match="no hls4ml project"):
        read_project(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(stock, copy)
    (copy / "firmware" / "parameters.h").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CompileError, match="cannot be read"):
        read_project(copy)


def test_what_is_not_known_is_said(stock: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(stock, copy)
    top = copy / "firmware" / "stock.cpp"
    top.write_text(top.read_text().replace("nnet::relu<", "nnet::gelu<"))
    project = read_project(copy)
    assert project.layers[1].op == "other"
    assert project.notes == ("relu1: no estimate of layers of kind gelu; the totals lack it",)


def test_a_kernel_for_each_channel_and_the_mean_of_each(tmp_path: Path) -> None:
    w = eighths(3, 3, 4, 1, zeros=0)
    project = read_project(write(tmp_path / "p", depthwise(w), IOType="io_stream"))
    conv, mean = only(project.layers, "conv"), only(project.layers, "mean")
    assert conv.products is not None
    assert conv.products.nonzeros == np.count_nonzero(w)
    assert (conv.products.weights, conv.products.columns) == (9 * 4 * 4, 4)
    assert (mean.op, mean.in_shape[-1], mean.kernel) == ("pool", 4, (6, 6))


def test_products_of_signs(tmp_path: Path) -> None:
    firmware = tmp_path / "firmware"
    (firmware / "weights").mkdir(parents=True)
    (tmp_path / "hls4ml_config.yml").write_text(
        "Backend: Vitis\nClockPeriod: 10\nIOType: io_parallel\nProjectName: signs\n"
    )
    (firmware / "defines.h").write_text("typedef ap_int<2> a_t;\ntypedef ap_int<5> b_t;\ntypedef ap_uint<1> w_t;\n")
    (firmware / "parameters.h").write_text(
        "struct config2 : nnet::cardc_xnor_config {\n    static const unsigned n_in = 3;\n"
        "    static const unsigned n_out = 2;\n    static const unsigned reuse_factor = 1;\n"
        "    typedef w_t weight_t;\n};\n"
    )
    (firmware / "signs.cpp").write_text("    nnet::cardc_xnor<a_t, b_t, config2>(x, y, w2, kept2); // fc\n")
    (firmware / "weights" / "w2.txt").write_text("0, 1, 1, 0, 1, 1")
    (layer,) = read_project(tmp_path).layers
    assert layer.signs
    assert layer.products == count_products(np.array([[-1, 1], [1, -1], [1, 1]]))
