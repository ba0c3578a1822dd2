"""Files to a folder, all or none, without touching what the user made."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from .errors import CompileError

MANIFEST = "cardc-manifest.json"


def write_folder(root: Path, files: Mapping[PurePosixPath, bytes], manifest: str) -> None:
    """Put `files` and the manifest below `root`; see `Project.write` for what is promised and refused."""
    try:
        keep = _users_files(root, files)
        parents = root.absolute().parents
        near = next(p for p in parents if p.is_dir())
        # The new folder grows inside a private one (mode 0700) beside the old: on the same disk, so that a
        # rename will do, with the user's own file modes, and gone with all it holds whenever we stop
        # half-way.
        private = Path(tempfile.mkdtemp(prefix=".cardc-", dir=near))
        try:
            _stage(private / "new", files, manifest, root, keep)
            parents[0].mkdir(parents=True, exist_ok=True)
            _swap(private / "new", root, private / "old")
        finally:
            if root.exists() or not (private / "old").exists():  # else the user's only copy lies there
                shutil.rmtree(private, ignore_errors=True)
    except OSError as error:
        raise CompileError(
            f"the output could not be written: {error.strerror or error}",
            node=str(root),
            fix="check the free space and the rights of this folder, or choose another",
        ) from error


def _stage(staged: Path, files: Mapping[PurePosixPath, bytes], manifest: str, root: Path, keep: list[Path]) -> None:
    staged.mkdir()
    for path, content in files.items():
        _write_file(staged / path, content)
    _write_file(staged / MANIFEST, manifest.encode("utf-8"))
    for user in keep:
        (staged / user).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / user, staged / user, follow_symlinks=False)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if content.startswith(b"#!"):  # whoever may read a script may run it
        mode = path.stat().st_mode
        path.chmod(mode | (mode >> 2) & 0o111)


def _swap(staged: Path, root: Path, aside: Path) -> None:
    """Rename `staged` to `root`; an old `root` goes aside, and comes back should the second rename fail."""
    if not root.exists():
        staged.rename(root)
        return
    root.rename(aside)
    try:
        staged.rename(root)
    except BaseException:
        aside.rename(root)
        raise


def _users_files(root: Path, files: Mapping[PurePosixPath, bytes]) -> list[Path]:
    """Relative paths in `root` that cardc did not write; CompileError where `root` may not be replaced."""
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise CompileError(
            "the output path is a link or a file",
            node=str(root),
            fix="give a folder, or a path that is not there yet",
        )
    if not root.exists() or not any(root.iterdir()):
        return []
    ours = _read_manifest(root)
    new = {str(path).lower() for path in files}
    new_folders = {str(above).lower() for path in files for above in path.parents}
    users: list[Path] = []
    for path in _entries(root):
        name = path.as_posix()
        if name in ours:
            if not _same(root / path, ours[name]):
                raise _would_lose("this file of an earlier build was edited since; it would be lost", root / path)
        elif name != MANIFEST:
            above = {name.lower(), *(p.as_posix().lower() for p in path.parents)}
            if above & new or name.lower() in new_folders:
                raise _would_lose("a file that cardc did not write stands where a new one must go", root / path)
            users.append(path)
    return users


def _would_lose(what: str, path: Path) -> CompileError:
    return CompileError(what, node=str(path), fix="move it out of the folder, or choose another output folder")


def _read_manifest(root: Path) -> dict[str, str]:
    """Path to digest of what cardc wrote into `root`; CompileError where it wrote nothing."""
    try:
        table = json.loads((root / MANIFEST).read_text("utf-8"))
        return {str(path): str(digest) for path, digest in table["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompileError(
            "the output folder is not empty and was not written by cardc",
            node=str(root),
            fix="choose an empty or a new folder; cardc replaces only its own output",
        ) from error


def _entries(root: Path) -> list[Path]:
    """Every file and link below `root`, sorted, as relative paths; links are entries and are not followed."""
    found: list[Path] = []
    for folder, below, names in os.walk(root):
        here = Path(folder)
        links = [name for name in below if (here / name).is_symlink()]
        found += [(here / name).relative_to(root) for name in (*names, *links)]
    return sorted(found)


def _same(path: Path, digest: str) -> bool:
    return not path.is_symlink() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
