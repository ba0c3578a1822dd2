"""Every kind of bad input through the real command line: what, where, remedy, exit code 2, and nothing written."""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.small import save_text, small_inputs, small_text

from cardc import targets
from cardc.ops.base import Array

from .conftest import Cardc, Ran, tree

MCU = "nucleo-f446re"
HEAD = "g (float[1,4] x) => (float[1,2] y)\n<float s = {1}, float z = {0}, float b = {4}"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'

LSTM = f"{HEAD}> {{ q = {QUANT}(x, s, z, b)\n r = LSTM<hidden_size: int = 3>(q, q, q)\n y = GRU(r, q, q) }}"
FLOAT_LAYER = f"{HEAD}, float[4,2] w = {{0.3,2,3,4,5,6,7,8}}> {{ q = {QUANT}(x, s, z, b)\n y = MatMul(q, w) }}"
LATE_MASK = (
    f"{HEAD}, float[4,2] w = {{1,2,3,4,5,6,7,8}}, float[4,2] m = {{1,0,1,0,1,0,1,1}}> {{ q = {QUANT}(x, s, z, b)\n"
    " wm = Mul(w, m)\n wq = BipolarQuant(wm, s)\n y = MatMul(q, wq) }"
)
NO_ENTRANCE = f"{HEAD}, float[4,2] w = {{1,2,3,4,5,6,7,8}}> {{ wq = BipolarQuant(w, s)\n y = MatMul(x, wq) }}"


@dataclass(frozen=True)
class Bad:
    """Words of the command after `prepare(folder)`, and what the message must hold."""

    words: str
    says: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda folder: None


def text(name: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def model(graph: str) -> Callable[[Path], object]:
    return lambda folder: save_text(graph, folder / "bad.onnx")


MODELS = {
    "missing": Bad("nowhere.onnx", ("no such model file: 'nowhere.onnx'", "where nowhere.onnx", "check the path")),
    "folder": Bad(".", ("no such model file", "where .", "check the path")),
    "text": Bad("bad.onnx", ("is not an ONNX model", "where bad.onnx"), text("bad.onnx", "hello " * 50)),
    "empty": Bad("bad.onnx", ("is not an ONNX model", "where bad.onnx"), text("bad.onnx", b"")),
    "binary": Bad("bad.onnx", ("is not an ONNX model", "where bad.onnx"), text("bad.onnx", b"\x7fELF\x02\x01" * 99)),
    "pickle": Bad("bad.onnx", ("is not an ONNX model", "where"), text("bad.onnx", pickle.dumps({"a": 1}))),
    "operators": Bad(
        "bad.onnx",
        (
            "operator LSTM is not supported",
            "operator GRU is not supported",
            "node  LSTM 'lstm_1' (q:?, q:?, q:?) -> r",
            "while import",
            "docs/operators.md",
        ),
        model(LSTM),
    ),
    "float layer": Bad(
        "bad.onnx",
        (
            "the weights of MatMul are not quantised",
            "node  MatMul 'matmul_1' (q",
            "while pass lift-integers",
            "train the layer with a weight quantiser",
        ),
        model(FLOAT_LAYER),
    ),
    "mask before binarisation": Bad(
        "bad.onnx",
        (
            "3 of 8 weights are exactly 0 before binarisation, where sign(0) = +1",
            "node  BipolarQuant 'bipolarquant_2'",
            "while pass fold-masks",
            "multiply the mask into the quantised weight",
        ),
        model(LATE_MASK),
    ),
    "no input quantiser": Bad(
        "bad.onnx",
        ("the input of MatMul is not quantised", "node  MatMul", "brevitas.nn.QuantIdentity", "--input-bits"),
        model(NO_ENTRANCE),
    ),
}
"""What `compile`, `verify`, `emulate` and `inspect` all refuse."""

TARGETS = {
    "mistyped": Bad("-t nucleo-f446r", ("no target 'nucleo-f446r'", "did you mean 'nucleo-f446re'?")),
    "nothing like it": Bad("-t zzzzzz", ("no target 'zzzzzz'", "use one of: alif-e7, ")),
    "missing file": Bad("-t no.toml", ("the board file cannot be read", "where no.toml", "or the name of a board")),
    "no TOML": Bad("-t b.toml", ("this is not TOML", "where b.toml", "key = value"), text("b.toml", "clock 5")),
    "missing keys": Bad("-t b.toml", ("key 'backend' is missing", "where b.toml"), text("b.toml", 'title = "x"')),
}


def saved(**arrays: object) -> Callable[[Path], object]:
    def save(folder: Path) -> None:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", np.asarray(array), allow_pickle=True)

    return save


def header(shape: str) -> bytes:
    """A .npy file of twelve bytes that promises more."""
    file = io.BytesIO()
    np.save(file, np.zeros(3, np.float32))
    return file.getvalue().replace(b"(3,), }" + b" " * (len(shape) - 4), f"{shape}, }}".encode())


X: Array = small_inputs()
INPUTS = {
    "missing": Bad("-i no.npy", ("no such file with inputs: 'no.npy'", "where no.npy", "numpy.save")),
    "folder": Bad("-i .", ("no such file with inputs", "where .")),
    "shape": Bad(
        "-i b.npy", ("the inputs have shape [12, 1, 6, 5], not [N, 1, 6, 6]", "where input 'x'"), saved(b=X[..., :5])
    ),
    "flat": Bad("-i b.npy", ("the inputs have shape [36], not", "where input 'x'"), saved(b=X[0].ravel())),
    "scalar": Bad("-i b.npy", ("the inputs have shape [], not", "where input 'x'"), saved(b=1.0)),
    "no sample": Bad("-i b.npy", ("the inputs hold no sample", "where input 'x'", "at least one"), saved(b=X[:0])),
    "nan": Bad("-i b.npy", ("the inputs hold NaN", "where input 'x'", "clean"), saved(b=X * np.nan)),
    "infinite": Bad("-i b.npy", ("the inputs hold NaN, infinity", "where input 'x'"), saved(b=X + np.inf)),
    "beyond float32": Bad("-i b.npy", ("beyond float32", "where input 'x'"), saved(b=X.astype(float) * 1e200)),
    "complex": Bad("-i b.npy", ("the inputs are of type complex", "where input 'x'"), saved(b=X * 1j)),
    "words": Bad("-i b.npy", ("the inputs are of type <U", "where input 'x'"), saved(b=X.astype(str))),
    "dates": Bad("-i b.npy", ("the inputs are of type datetime64", "where"), saved(b=np.zeros((1, 1, 6, 6), "M8[s]"))),
    "objects": Bad(
        "-i b.npy",
        ("b.npy cannot be read: it holds Python objects, and nothing pickled", "where b.npy"),
        saved(b=np.asarray([{1: 2}], object)),
    ),
    "pickle": Bad("-i b.npy", ("b.npy is no .npy file", "where b.npy", "numpy.save"), text("b.npy", pickle.dumps(X))),
    "text": Bad("-i b.npy", ("b.npy is no .npy file", "where b.npy"), text("b.npy", "1 2 3")),
    "empty": Bad("-i b.npy", ("b.npy is no .npy file", "where b.npy"), text("b.npy", b"")),
    "archive": Bad("-i b.npz", ("b.npz is an archive of arrays", "where b.npz"), lambda f: np.savez(f / "b.npz", a=X)),
    "cut off": Bad("-i b.npy", ("b.npy cannot be read", "where b.npy"), text("b.npy", header("(3,)")[:40])),
    "promises": Bad(
        "-i b.npy", ("its header promises [999999999999]", "where b.npy"), text("b.npy", header("(999999999999,)"))
    ),
    "labels too few": Bad("-l b.npy", ("labels of shape [5] for 12 inputs", "where labels"), saved(b=np.arange(5))),
    "labels one-hot": Bad("-l b.npy", ("labels of shape [12, 3] for", "where labels"), saved(b=np.ones((12, 3)))),
    "labels no classes": Bad("-l b.npy", ("the labels are not classes", "where labels"), saved(b=np.ones(12) / 2)),
    "labels negative": Bad("-l b.npy", ("the labels are not classes", "where labels"), saved(b=-np.ones(12))),
    "labels words": Bad("-l b.npy", ("the labels are not classes", "where labels"), saved(b=np.full(12, "a"))),
}


def refused(cardc: Cardc, folder: Path, bad: Bad, command: str) -> Ran:
    bad.prepare(folder)
    before = tree(folder)
    ran = cardc(*command.split())
    assert ran.code == 2, ran
    for line in bad.says:
        assert line in ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n  fix   ") == ran.err.count("error: ")
    assert "Traceback" not in ran.err
    assert tree(folder) == before
    return ran


@pytest.mark.parametrize("bad", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("command", ["compile {} -t " + MCU, "inspect {}", "verify {} -i x.npy -t " + MCU])
def test_models(cardc: Cardc, folder: Path, bad: Bad, command: str) -> None:
    refused(cardc, folder, bad, command.format(bad.words))


@pytest.mark.parametrize("bad", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("command", ["compile small.onnx", "emulate small.onnx -i x.npy", "verify small.onnx -i x.npy"])
def test_targets(cardc: Cardc, folder: Path, bad: Bad, command: str) -> None:
    refused(cardc, folder, bad, f"{command} {bad.words}")


@pytest.mark.parametrize("bad", INPUTS.values(), ids=INPUTS)
def test_arrays(cardc: Cardc, folder: Path, bad: Bad) -> None:
    inputs = "" if bad.words.startswith("-i") else "-i x.npy"
    ran = refused(cardc, folder, bad, f"verify small.onnx -t {MCU} {inputs} {bad.words}")
    assert ran.out == ""
    if not inputs:
        refused(cardc, folder, bad, f"emulate small.onnx -t {MCU} -o y2.npy {bad.words}")


@pytest.mark.parametrize("option", ["--print-after", "--stop-after"])
def test_passes(cardc: Cardc, folder: Path, option: str) -> None:
    near = Bad("", ("no pass 'fold-mask'", "did you mean 'fold-masks'?"))
    refused(cardc, folder, near, f"compile small.onnx -t {MCU} {option} fold-mask")
    far = Bad("", ("no pass 'xyz'", "the passes are, in order: fold-masks, split-quantizers"))
    refused(cardc, folder, far, f"compile small.onnx -t {MCU} {option} xyz")


def test_output_folders(cardc: Cardc, folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.txt").write_text("ten years")
    foreign = Bad("", ("mine", "fix"))
    refused(cardc, folder, foreign, f"compile small.onnx -t {MCU} -o mine")
    refused(cardc, folder, Bad("", ("x.npy", "fix")), f"compile small.onnx -t {MCU} -o x.npy")
    stage = Bad("", ("mine is not a name for an ONNX file", "ending in .onnx"))
    refused(cardc, folder, stage, f"compile small.onnx -t {MCU} --stop-after fold-masks -o mine")
    below = Bad("", ("cannot write x.npy/a.onnx", "choose another --out"))
    refused(cardc, folder, below, f"compile small.onnx -t {MCU} --stop-after fold-masks -o x.npy/a.onnx")
    nowhere = Bad("", ("cannot write no/y.npy", "choose another --outputs"))
    refused(cardc, folder, nowhere, f"emulate small.onnx -t {MCU} -i x.npy -o no/y.npy")


def test_a_folder_edited_since_is_left_alone(cardc: Cardc, folder: Path) -> None:
    assert cardc("compile", "small.onnx", "-t", MCU, "-o", "o").code == 0
    (folder / "o" / "src" / "small.c").write_text("/* my own fix */")
    refused(cardc, folder, Bad("", ("src/small.c", "fix")), f"compile small.onnx -t {MCU} -o o")


def test_a_model_too_big_for_the_board(cardc: Cardc, folder: Path) -> None:
    save_text(small_text(channels=64), folder / "big.onnx")
    board = (Path(targets.__file__).parent / f"{MCU}.toml").read_text()
    (folder / "tiny.toml").write_text(board.replace("524_288", "3_000"))
    before = tree(folder)
    ran = cardc("compile", "big.onnx", "-t", "tiny.toml", "-o", "o")
    assert ran.code == 1
    assert ran.err.startswith("error: the model does not fit: Flash needs ")
    assert "where big on ST Nucleo-F446RE" in ran.err
    assert "  fix   Flash is " in ran.err
    assert " bytes over" in ran.err
    assert "or choose a board that is big enough: " in ran.err
    assert tree(folder) == before


def test_a_stage_cannot_be_verified(cardc: Cardc, folder: Path) -> None:
    assert cardc("compile", "small.onnx", "-t", MCU, "--stop-after", "lift-integers", "-o", "s.onnx").code == 0
    stage = Bad("", ("a stage that --stop-after wrote", "node  ", "verify the model as it was exported"))
    refused(cardc, folder, stage, f"verify s.onnx -t {MCU} -i x.npy")


@pytest.mark.parametrize(
    "words",
    ["compile", "compile small.onnx", "frobnicate", "verify small.onnx -t pico2", "compile small.onnx -t pico2 --fast",
     "verify small.onnx -t pico2 -i x.npy --emulated-inputs 0", "emulate small.onnx -i x.npy", "report", "inspect"],
)  # fmt: skip
def test_wrong_usage_exits_with_2(cardc: Cardc, folder: Path, words: str) -> None:
    before = tree(folder)
    ran = cardc(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: " in ran.err
    assert "Error: " in ran.err
    assert tree(folder) == before


def test_the_installed_command_itself(folder: Path) -> None:
    program = Path(sys.executable).with_name("cardc")
    ran = subprocess.run([program, "compile", "no.onnx", "-t", MCU], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: no such model file: 'no.onnx'\n  where no.onnx\n  fix   check the path\n"


def test_hostile_names_reach_neither_terminal_nor_code(cardc: Cardc, folder: Path) -> None:
    evil = '*/ "; system("rm -rf /"); //\x1b[31m[bold]\n'
    graph = onnx.load(str(folder / "small.onnx"))
    graph.graph.name = evil
    for node in graph.graph.node:
        node.name = f"{evil}{node.name or node.output[0]}"
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = f"{evil}{name}" if name in ["xq", "a", "n", "r", "h", "p", "f"] else name
    onnx.save(graph, str(folder / "evil.onnx"))
    for words in (
        ("inspect", "evil.onnx", "--graph"),
        ("compile", "evil.onnx", "-t", MCU, "-o", "o", "--print-after", "plan-memory"),
        ("compile", "evil.onnx", "-t", "pynq-z2", "-o", "p"),
    ):
        ran = cardc(*words)
        assert ran.code == 0, ran
        assert "\x1b" not in ran.out + ran.err
        assert "[bold]" in ran.out
    for out in ("o", "p"):
        for path, content in tree(folder / out).items():
            if not path.endswith((".json", ".html")):  # these hold the names, escaped as their formats have it
                code = re.sub(rb"/\*.*?\*/", b"", content, flags=re.DOTALL)
                assert b"system(" not in code, path
                assert b"\x1b" not in content, path
