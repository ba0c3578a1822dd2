"""What a backend returns: a folder of files held in memory, and the one way to put it on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from .errors import CompileError, raise_all
from .identifiers import identifier
from .project_write import MANIFEST, write_folder

__all__ = ["MANIFEST", "Project", "identifier", "merge"]

_SCHEMA = "cardc.manifest/1"


@dataclass(frozen=True, slots=True)
class Project:
    """Files of one build by relative POSIX path; contents are bytes (text given is encoded as UTF-8).

    Paths and contents are checked and copied once, here, so that a `Project` in hand is safe to write: no
    absolute path, no `..`, no two paths that would fall on one file (also where the file system ignores
    case).
    """

    files: Mapping[PurePosixPath, bytes]

    def __init__(self, files: Mapping[PurePosixPath, bytes | str] | Mapping[str, bytes | str]) -> None:
        """CompileError for a path that leaves the folder, repeats another, or is kept for the manifest."""
        plain: dict[PurePosixPath, bytes] = {}
        for path, content in files.items():
            clean = _checked(path)
            if clean in plain:
                raise _twice(clean)
            plain[clean] = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        _check_collisions(plain)
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(plain.items()))))

    def digest(self) -> str:
        """SHA-256 in hex over the sorted paths and contents, each preceded by its length."""
        total = hashlib.sha256()
        for path, content in self.files.items():
            for part in (str(path).encode("utf-8"), content):
                total.update(len(part).to_bytes(8, "little") + part)
        return total.hexdigest()

    def text(self, path: PurePosixPath | str) -> str:
        """The file at `path` as UTF-8 text; KeyError where there is none."""
        return self.files[PurePosixPath(path)].decode("utf-8")

    def with_files(self, more: Mapping[PurePosixPath, bytes | str] | Mapping[str, bytes | str]) -> Project:
        """This project and `more`; CompileError where a path is in both."""
        return merge([self, Project(more)])

    def below(self, folder: PurePosixPath | str) -> Project:
        """The same files, moved into `folder`."""
        return Project({PurePosixPath(folder) / path: content for path, content in self.files.items()})

    def manifest(self) -> str:
        """`cardc-manifest.json`: the digest of every file; it later tells our output from the user's."""
        digests = {str(path): hashlib.sha256(content).hexdigest() for path, content in self.files.items()}
        table = {"schema": _SCHEMA, "digest": self.digest(), "files": digests}
        return json.dumps(table, indent=2, sort_keys=True) + "\n"

    def write(self, root: Path) -> None:
        """Write all files below `root`, or none.

        The files are written beside `root` and renamed into place when complete. A folder that cardc wrote is
        replaced; files that the user added to it are kept. CompileError when `root` holds something else,
        when a file of ours was edited since, or when the disk refuses.
        """
        write_folder(Path(root), self.files, self.manifest())


def merge(projects: Iterable[Project]) -> Project:
    """All files of all projects; CompileError names every path that two of them hold."""
    files: dict[PurePosixPath, bytes] = {}
    twice: list[CompileError] = []
    for project in projects:
        twice += [_twice(path) for path in project.files if path in files]
        files.update(project.files)
    raise_all(twice)
    return Project(files)


def _twice(path: PurePosixPath) -> CompileError:
    return CompileError("two files of the build have one path", node=str(path), fix="rename one of them")


def _checked(path: PurePosixPath | str) -> PurePosixPath:
    clean = PurePosixPath(path)
    text = str(clean)
    # A backslash or a drive colon would be a separator on Windows; control characters break make and Tcl.
    odd = any(c in '\\:"<>|?*$' or ord(c) < 32 or ord(c) == 127 for c in text)
    if clean.is_absolute() or ".." in clean.parts or not clean.parts or odd:
        raise CompileError(
            "a file of the build would leave the output folder or has a name no system takes",
            node=repr(str(path)),
            fix="use a relative path of letters, digits, '.', '-' and '_' without '..'",
        )
    if str(clean.parts[0]).lower() == MANIFEST:
        raise CompileError("this file name is kept for cardc's own manifest", node=text, fix="rename the file")
    return clean


def _check_collisions(files: Mapping[PurePosixPath, bytes]) -> None:
    seen: dict[str, PurePosixPath] = {}
    for path in sorted(files):
        if str(path).lower() in seen:
            raise CompileError(
                "two files of the build differ in case only",
                node=f"{seen[str(path).lower()]} and {path}",
                fix="rename one of them: many file systems ignore case",
            )
        seen[str(path).lower()] = path
    for path in sorted(files):
        above = next((seen[str(p).lower()] for p in path.parents if str(p).lower() in seen), None)
        if above is not None:
            raise CompileError(
                "one file of the build lies inside another",
                node=f"{path} in {above}",
                fix="rename one of them",
            )
