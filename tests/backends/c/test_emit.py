"""What is emitted: golden files, every compiler and language, sanitizers, the same bytes each time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.backends.c.networks import Case, in_c, random_graph
from tests.graphs import BIPOLAR, IntegerGraph, uint
from tests.tools import need, need_gcc, need_host, need_qemu

from cardc.backends.c.emulate import host
from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.emulate.selftest import run_selftest


def small(seed: int = 3) -> IntegerGraph:
    """Every kind of step in a few lines of C: load, padded conv, pool, strided conv, sparse and binary layers."""
    graph = IntegerGraph((1, 5, 6), uint(2), seed=seed).conv(3, density=0.4).requantize(uint(3)).maxpool()
    graph.conv(4, (2, 2), pads=1, stride=2, density=0.5).threshold(BIPOLAR, falling=0.5).flatten()
    return graph.dense(48, density=0.1).threshold(BIPOLAR, falling=0.3).dense(3, binary=True)


@pytest.fixture(scope="module")
def case() -> Case:
    return in_c(small(), name="tiny")


def test_golden(case: Case, golden: Callable[[str, Mapping[str, str]], None]) -> None:
    # The kernels are files of the repository already; what is written anew is what has to be looked at.
    project = case.built.project
    golden("c_tiny", {str(p): project.text(p) for p in project.files if not p.name.startswith("cardc_")})


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
@pytest.mark.parametrize("as_cpp", [False, True])
def test_no_warning(case: Case, compiler: str, as_cpp: bool) -> None:
    need_host(compiler)
    host.check_compiles(case.built.sources(selftest=True), compiler=compiler, as_cpp=as_cpp)


@pytest.mark.parametrize("as_cpp", [False, True])
def test_clean_under_sanitizers(case: Case, as_cpp: bool) -> None:
    need_host("gcc")
    done = host.run_program(case.built.sources(selftest=True), compiler="gcc", sanitize=True, as_cpp=as_cpp)
    assert (done.exit_code, done.output) == (0, "PASS\n")


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_are_clean_under_sanitizers(seed: int) -> None:
    need_host("gcc")
    done = host.run_program(in_c(random_graph(seed)).built.sources(selftest=True), compiler="gcc", sanitize=True)
    assert (done.exit_code, done.output) == (0, "PASS\n")


def test_a_wrong_weight_fails_the_self_test() -> None:
    sources = in_c(small(), name="tiny", force=("binary",)).built.sources(selftest=True)
    weights = sources["tiny_weights.c"]
    # The first word of the binary layer, all of its weights turned round.
    wrong = re.sub(r"0x(\w{8})u", lambda m: f"0x{int(m[1], 16) ^ 0xFFFFFFFF:08X}u", weights, count=1)
    assert wrong != weights
    done = host.run_program({**sources, "tiny_weights.c": wrong})
    assert done.exit_code == 1
    assert done.output.startswith("FAIL vector ")


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "rv32imc"])
def test_self_test_in_unicorn(case: Case, core: str) -> None:
    result = run_selftest(case.built.sources(selftest=True), get_core(core))
    assert (result.exit_code, result.output) == (0, "PASS\n")


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_self_test_on_emulated_boards(case: Case, core: str) -> None:
    need_gcc(core)
    need_qemu(core)
    result = case.built.selftest(core)
    assert (result.exit_code, result.output.strip()) == (0, "PASS")


def test_no_heap_no_state_no_library(case: Case) -> None:
    elf = case.built.elf("cortex-m0plus")
    assert elf.sizes.ram == 0
    outside = {"malloc", "free", "printf", "puts", "memcpy", "memset", "memmove"}
    used = {s.name for s in elf.all_symbols if s.is_function} & outside
    assert used <= {"memcpy", "memset", "memmove"}  # string.h is all that a network asks for


def test_same_bytes_whatever_the_hash_seed() -> None:
    program = (
        "from tests.backends.c.networks import in_c, random_graph\n"
        "from tests.backends.c.test_emit import small\n"
        "print(*(in_c(g).built.project.digest() for g in (small(), random_graph(5), random_graph(11))))\n"
    )
    digests = set()
    root = Path(__file__).parents[3]
    for seed in ("1", "2024"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=root, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert len(set(digests.pop().split())) == 3


def test_names_from_the_model_stay_names() -> None:
    graph = small()
    graph.last.name = 'y"; system("x") /*'
    for node in graph.graph:
        node.name = f"*/ int x; /* \\ {node.name} ??/ \n#error"
    case = in_c(graph, name="for*/ (;;) ä")
    sources = case.built.sources(selftest=True)
    assert "for_x.c" in sources
    assert all(re.fullmatch(r"(for_x|cardc)\w*\.[ch]", name) for name in sources)
    host.check_compiles(sources)


def test_cmake_builds_the_library_and_its_test(case: Case, tmp_path: Path) -> None:
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    need_host("gcc")
    case.built.project.write(tmp_path / "tiny")
    for command in (["cmake", "-B", "build"], ["cmake", "--build", "build"], ["ctest", "--test-dir", "build"]):
        done = subprocess.run(command, cwd=tmp_path / "tiny", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "100% tests passed" in done.stdout


def test_a_firmware_may_hold_two_networks(case: Case, tmp_path: Path) -> None:
    # Each project brings the kernels that it uses; as archives, their common ones meet without a clash.
    need_host("gcc")
    need(shutil.which("ar") is not None, "ar", "binutils")
    other = in_c(random_graph(103), name="other")
    for built in (case.built, other.built):
        folder = tmp_path / built.name
        built.project.write(folder)
        files = sorted(str(p) for p in (folder / "src").glob("*.c"))
        objects = [f"{built.name}/{Path(f).stem}.o" for f in files]
        for source, result in zip(files, objects, strict=True):
            subprocess.run(["gcc", "-std=c99", "-O1", "-c", source, "-o", result], cwd=tmp_path, check=True)
        subprocess.run(["ar", "rcs", f"lib{built.name}.a", *objects], cwd=tmp_path, check=True)
    (tmp_path / "main.c").write_text(
        '#include "tiny.h"\n#include "other.h"\n'
        "int main(void) { return tiny_predict(0, 0, 0) + other_predict(0, 0, 0) == 2 ? 0 : 1; }\n"
    )
    include = [f"-I{tmp_path}/{name}/src" for name in ("tiny", "other")]
    command = ["gcc", "main.c", *include, "-L.", "-ltiny", "-lother", "-o", "firmware"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert subprocess.run([str(tmp_path / "firmware")], check=False).returncode == 0
