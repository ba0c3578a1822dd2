"""The package's own rules: which part may import which, what the core needs, what every pass and operator carries."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.frontend.files import dense_model

import cardc
from cardc import passes
from cardc.ops import ops
from cardc.passes.base import Pass
from cardc.passes.pipeline import TO_INTEGER, for_microcontroller
from cardc.targets import load, names

PACKAGE = Path(cardc.__file__).resolve().parent

# Each part and the parts below it that it may import; itself is always allowed.
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "identifiers": set(),
    "project_write": {"errors"},
    "project": {"errors", "identifiers", "project_write"},
    "ops": {"errors"},
    "targets": {"errors"},
    "frontend": {"errors", "identifiers", "ops", "passes", "targets"},  # a budget is a board's, planned as compiled
    "passes": {"errors", "ops", "targets"},
    "report": {"errors", "identifiers", "ops", "passes", "project", "targets"},
    "estimate": {"errors", "report"},
    "backends": {"errors", "estimate", "identifiers", "ops", "passes", "project", "report", "targets"},
}
OPTIONAL = ("torch", "brevitas", "hls4ml", "unicorn", "elftools", "ziglang", "sklearn", "onnxscript", "onnxoptimizer")


def modules() -> Iterator[tuple[tuple[str, ...], Path]]:
    """Every module as (its path below cardc, its file); the links to the top-level folders are followed."""
    for folder in sorted(p for p in PACKAGE.iterdir() if p.is_dir()):
        for path in sorted(folder.rglob("*.py")):
            yield (*path.relative_to(PACKAGE).parts[:-1], path.stem), path
    for path in sorted(PACKAGE.glob("*.py")):
        yield (path.stem,), path


def imports(parts: tuple[str, ...], path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, path below cardc) of every import of this package, absolute or relative, at any depth of the code."""
    here = parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "cardc":
                    yield node.lineno, tuple(alias.name.split(".")[1:])
        elif isinstance(node, ast.ImportFrom):
            found = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                assert node.level - 1 <= len(here), f"{path}:{node.lineno} leaves the package"
                base = here[: len(here) - (node.level - 1)]
            elif found and found[0] == "cardc":
                base, found = (), found[1:]
            else:
                continue
            for alias in node.names:
                yield node.lineno, (*base, *found, alias.name)


def layer(path: tuple[str, ...]) -> str:
    return path[0] if path else ""


def test_the_walk_sees_the_whole_package() -> None:
    seen = {".".join(parts) for parts, _ in modules()}
    assert {"errors", "ops.base", "frontend.load", "passes.pipeline", "backends.base", "targets.base"} <= seen
    assert len(seen) > 100


def test_dependencies_point_one_way() -> None:
    wrong = [
        f"{'.'.join(parts)}:{line} imports {'.'.join(target)}"
        for parts, path in modules()
        if layer(parts) in BELOW
        for line, target in imports(parts, path)
        if target and layer(target) not in BELOW[layer(parts)] | {layer(parts)}
    ]
    assert wrong == []


def test_backends_never_import_each_other() -> None:
    wrong = [
        f"{'.'.join(parts)}:{line} imports {'.'.join(target)}"
        for parts, path in modules()
        if parts[0] == "backends" and len(parts) > 2
        for line, target in imports(parts, path)
        if target[:1] == ("backends",) and len(target) > 2 and target[1] != parts[1]
    ]
    assert wrong == []


def test_imports_inside_the_package_are_relative() -> None:
    """A file reached through a link and through its own folder must be one module."""
    wrong = [
        f"{path}:{node.lineno}"
        for _, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "cardc")
        or (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "cardc" for a in node.names))
    ]
    assert wrong == []


def test_optional_packages_are_imported_where_they_are_used_only() -> None:
    """At the top of a module only where the whole module is about the package, and nothing imports that at its top.

    frontend/train is such a part as a whole: importing it without torch is an error that says what to install.
    """
    found = {".".join(parts): [*top_level(ast.parse(path.read_text()))] for parts, path in modules()}
    special = {name for name, nodes in found.items() if any(root(node) in OPTIONAL for node in nodes)}
    special |= {name for name in found if name.startswith("frontend.train")} | {"frontend.train"}
    eager = [
        f"{name}:{node.lineno} imports {target}"
        for name, nodes in found.items()
        if name not in special
        for node in nodes
        for target in sorted(special & imported_by(node, tuple(name.split("."))))
    ]
    assert eager == []


def root(node: ast.Import | ast.ImportFrom) -> str:
    """The top-level package of an absolute import."""
    if isinstance(node, ast.ImportFrom):
        return "" if node.level else (node.module or "").split(".")[0]
    return node.names[0].name.split(".")[0]


def top_level(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the module is imported: not inside functions, not for type checkers only."""
    stack: list[ast.stmt] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            stack += node.orelse
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            stack += [s for s in ast.iter_child_nodes(node) if isinstance(s, ast.stmt)]


def imported_by(node: ast.Import | ast.ImportFrom, parts: tuple[str, ...]) -> set[str]:
    """The modules of this package that an import may mean."""
    if isinstance(node, ast.Import):
        return {a.name.removeprefix("cardc.") for a in node.names if a.name.startswith("cardc.")}
    base = parts[:-1][: len(parts) - node.level] if node.level else ()
    found = (*base, *((node.module or "").split(".") if node.module else ()))
    return {".".join(found), *(".".join((*found, a.name)) for a in node.names)}


WITHOUT = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # as if it were not installed
import cardc
from cardc.frontend.load import load
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER
import cardc.api, cardc.cli, cardc.verify, cardc.report, cardc.targets
import cardc.backends.base, cardc.backends.c, cardc.backends.hls4ml
model = load(sys.argv[1])
run_steps(model, TO_INTEGER)
print([node.op_type for node in model.graph])
try:
    import cardc.frontend.train
except cardc.CompileError as error:
    print(error.fix)
"""


def test_the_core_works_without_the_extras(tmp_path: Path) -> None:
    """Imports the whole public face and lowers a model with torch, hls4ml, unicorn, ziglang and their kin blocked."""
    path = tmp_path / "model.onnx"
    path.write_bytes(dense_model().SerializeToString())
    code = WITHOUT.format(blocked=OPTIONAL)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lowered, fix = done.stdout.splitlines()
    assert lowered == "['Threshold', 'MatMul', 'Requantize']"
    assert "pip install 'cardc[train]'" in fix


def pass_modules() -> list[str]:
    """Modules of the passes package that define a pass."""
    found = []
    for info in pkgutil.iter_modules(passes.__path__):
        if info.ispkg:
            continue
        module = importlib.import_module(f"cardc.passes.{info.name}")
        if any(is_pass(v) and v.__module__ == module.__name__ for v in vars(module).values()):
            found.append(info.name)
    return sorted(found)


def is_pass(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Pass) and value is not Pass


def test_there_are_passes() -> None:
    assert "fold_masks" in pass_modules()
    assert len(pass_modules()) >= len(TO_INTEGER)


@pytest.mark.parametrize("name", pass_modules())
def test_a_pass_is_one_file_named_after_it(name: str) -> None:
    module = importlib.import_module(f"cardc.passes.{name}")
    (found,) = (v for v in vars(module).values() if is_pass(v) and v.__module__ == module.__name__)
    assert found.name == name.replace("_", "-")
    assert found.__name__ == "".join(word.capitalize() for word in name.split("_"))
    assert (module.__doc__ or "").startswith(f"{found.name}: ")
    assert found.__dataclass_params__.frozen


def test_every_pass_of_the_pipeline_has_its_own_name_and_reason() -> None:
    used: set[str] = set()
    for board in names():
        target = load(board)
        steps = [*TO_INTEGER, *(for_microcontroller(target) if target.backend == "c" else ())]
        found = [step.transform.name for step in steps]
        assert len(set(found)) == len(found)
        assert all(step.reason for step in steps)
        used.update(found)
    assert used <= {name.replace("_", "-") for name in pass_modules()}


def test_every_operator_module_says_what_it_means() -> None:
    for op in ops().values():
        module = importlib.import_module(op.execute.__module__)
        assert module.__doc__, module.__name__


def test_every_module_has_a_docstring() -> None:
    bare = [".".join(parts) for parts, path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert [name for name in bare if not name.endswith("templates.__init__")] == []
