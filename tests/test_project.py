"""Projects: safe paths, all-or-nothing writing, one digest for one content."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from cardc.errors import CompileError
from cardc.project import MANIFEST, Project, merge

FILES = {"b/two.c": "int two;\n", "a.txt": b"\x00\xff", "run.sh": "#!/bin/sh\n"}


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_contents_are_bytes_sorted_and_fixed() -> None:
    source: dict[str, str | bytes] = dict(FILES)
    project = Project(source)
    source["late.txt"] = "x"
    assert [str(path) for path in project.files] == ["a.txt", "b/two.c", "run.sh"]
    assert project.files[PurePosixPath("b/two.c")] == b"int two;\n"
    assert project.text("b/two.c") == "int two;\n"
    with pytest.raises(TypeError):
        project.files[PurePosixPath("x")] = b""  # type: ignore[index]


def test_digest_depends_on_content_only() -> None:
    assert Project(FILES).digest() == Project(dict(reversed(FILES.items()))).digest()
    assert Project({"a": "bc"}).digest() != Project({"ab": "c"}).digest()
    assert Project({"a": "", "b": ""}).digest() != Project({"a": ""}).digest()


def test_digest_is_the_same_under_any_hash_seed() -> None:
    code = "from cardc.project import Project; print(Project({f'f{i}': str(i) for i in {*range(50)}}).digest())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    ]
    assert len(set(runs)) == 1
    assert len(runs[0].strip()) == 64


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../up", "a/../../up", "a/..", "", ".", "c:\\x", "a\\b", "a\nb", "a\x00b", "$(x)", "a:b", MANIFEST],
)
def test_paths_that_could_leave_the_folder_are_refused(path: str) -> None:
    with pytest.raises(CompileError) as caught:
        Project({path: "x"})
    assert caught.value.fix


@pytest.mark.parametrize("pair", [("a", "A"), ("a", "a/b"), ("x/y", "X/y"), ("A", "a/b")])
def test_paths_that_collide_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(CompileError):
        Project({pair[0]: "1", pair[1]: "2"})


def test_equivalent_paths_are_one() -> None:
    with pytest.raises(CompileError, match="one path"):
        Project({"a/b": "1", "a//b": "2"})


def test_merge_names_every_duplicate() -> None:
    one, two = Project({"a": "1", "b": "1"}), Project({"a": "2", "b": "2", "c": "2"})
    with pytest.raises(CompileError) as caught:
        merge([one, two])
    assert "where a\n" in str(caught.value)
    assert "where b\n" in str(caught.value)
    assert merge([one, Project({"c": "3"})]) == one.with_files({"c": "3"})
    with pytest.raises(CompileError):
        one.with_files({"a": "3"})
    assert list(one.below("sub").files) == [PurePosixPath("sub/a"), PurePosixPath("sub/b")]


def test_write_and_write_again(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "out"
    Project(FILES).write(root)
    first = tree(root)
    assert set(first) == {*FILES, MANIFEST}
    assert os.access(root / "run.sh", os.X_OK)
    assert not os.access(root / "b" / "two.c", os.X_OK)
    Project(FILES).write(root)
    assert tree(root) == first
    Project({"other.txt": "1"}).write(root)
    assert set(tree(root)) == {"other.txt", MANIFEST}
    assert os.listdir(tmp_path / "deep") == ["out"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    Project(FILES).write(tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"\x00\xff"


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for content in ("", "{}", "[]", '{"files": 3}', "not json"):
        if content:
            (tmp_path / MANIFEST).write_text(content)
        before = tree(tmp_path)
        with pytest.raises(CompileError, match="was not written by cardc") as caught:
            Project(FILES).write(tmp_path)
        assert "choose an empty or a new folder" in caught.value.fix
        assert tree(tmp_path) == before


def test_files_that_the_user_added_survive(tmp_path: Path) -> None:
    root = tmp_path / "out"
    Project(FILES).write(root)
    (root / "build").mkdir()
    (root / "build" / "app.elf").write_bytes(b"elf")
    (root / "note.txt").symlink_to("a.txt")
    Project({"new.c": "1"}).write(root)
    assert (root / "build" / "app.elf").read_bytes() == b"elf"
    assert (root / "note.txt").is_symlink()
    assert (root / "new.c").exists()
    assert not (root / "b").exists()


def test_an_edited_file_is_not_overwritten(tmp_path: Path) -> None:
    root = tmp_path / "out"
    Project(FILES).write(root)
    (root / "b" / "two.c").write_text("int my_fix;\n")
    before = tree(root)
    with pytest.raises(CompileError, match="edited since"):
        Project({"new.c": "1"}).write(root)
    assert tree(root) == before


@pytest.mark.parametrize("new", ["mine.txt", "mine.txt/below", "MINE.TXT", "dir", "DIR/x.c"])
def test_a_users_file_in_the_way_is_not_overwritten(tmp_path: Path, new: str) -> None:
    root = tmp_path / "out"
    Project(FILES).write(root)
    (root / "mine.txt").write_text("mine")
    (root / "dir").mkdir()
    (root / "dir" / "x.c").write_text("mine")
    before = tree(root)
    with pytest.raises(CompileError, match="stands where a new one must go"):
        Project({new: "1"}).write(root)
    assert tree(root) == before


def test_a_link_in_place_of_our_file_is_not_followed(tmp_path: Path) -> None:
    root, secret = tmp_path / "out", tmp_path / "secret"
    Project(FILES).write(root)
    secret.write_bytes(b"\x00\xff")  # the very content, so that only the link tells
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(secret)
    with pytest.raises(CompileError, match="edited since"):
        Project({"a.txt": "new"}).write(root)
    assert secret.read_bytes() == b"\x00\xff"


def test_a_linked_folder_inside_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    Project({"a.txt": "1"}).write(root)
    (root / "b").symlink_to(outside)
    with pytest.raises(CompileError, match="stands where a new one must go"):
        Project({"b/two.c": "1"}).write(root)
    assert os.listdir(outside) == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_root_must_be_a_folder(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "out"
    (tmp_path / "real").mkdir()
    if kind == "file":
        root.write_text("x")
    else:
        root.symlink_to(tmp_path / "real")
    with pytest.raises(CompileError, match="a link or a file"):
        Project(FILES).write(root)
    assert os.listdir(tmp_path / "real") == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException] | BaseException, before: bool
) -> None:
    root = tmp_path / "deep" / "out"
    if before:
        Project({"old.txt": "old"}).write(root)
    kept = tree(tmp_path)
    write_bytes, count = Path.write_bytes, [0]

    def failing(self: Path, data: bytes) -> int:
        count[0] += 1
        if count[0] == 3:
            raise fault
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises((KeyboardInterrupt, CompileError)) as caught:
        Project(FILES).write(root)
    if isinstance(caught.value, CompileError):
        assert "No space left" in str(caught.value)
    assert tree(tmp_path) == kept
    assert os.listdir(tmp_path) == (["deep"] if before else [])


def test_a_failed_swap_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "out"
    Project({"old.txt": "old"}).write(root)
    before, rename = tree(root), Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(CompileError, match="Input/output error"):
        Project(FILES).write(root)
    assert tree(root) == before
    assert os.listdir(tmp_path) == ["out"]
