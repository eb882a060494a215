# SPDX-License-Identifier: GPL-2.0-only
"""The files of a kernel tree that a core is built around: found in a folder, or in a tarball."""

from __future__ import annotations

import hashlib
import lzma
import re
import tarfile
import zlib
from pathlib import Path
from typing import NamedTuple

from ..errors import BuildError

__all__ = ["FILES", "Tree", "read_tree"]

FILES = (
    "mm/shrinker.c",
    "mm/shrinker_debug.c",
    "mm/list_lru.c",
    "include/linux/shrinker.h",
    "include/linux/list_lru.h",
)
"""What is compiled of a tree, unmodified."""

_MAKEFILE = "Makefile"
_MOST = 4 << 20  # bytes of a file: the largest has 40 KB


class Tree(NamedTuple):
    """What was read of a tree."""

    source: str  # as it was given
    version: str  # "6.12.117", of its Makefile; "" where that does not say
    files: dict[str, bytes]  # those of FILES

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of each file."""
        return {name: hashlib.sha256(text).hexdigest() for name, text in self.files.items()}


def _version(makefile: bytes) -> str:
    text = makefile.decode(errors="replace")
    pattern = r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)"
    found: dict[str, str] = dict(re.findall(pattern, text, re.MULTILINE))
    if not found.get("VERSION"):
        return ""
    parts = [found["VERSION"], found.get("PATCHLEVEL", ""), found.get("SUBLEVEL", "")]
    return ".".join(part for part in parts if part) + found.get("EXTRAVERSION", "")


def _from_folder(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (*FILES, _MAKEFILE) if (folder / name).is_file()}


def _from_tarball(path: Path) -> dict[str, bytes]:
    wanted = {*FILES, _MAKEFILE}
    found: dict[str, bytes] = {}
    try:
        # As a stream: the archive is gone through once, and no further than needed.
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                # Below the folder that all of a tarball is in.
                name = re.sub(r"^(?:\./)?[^/]+/", "", member.name, count=1)
                if name not in wanted or not member.isfile():
                    continue
                if member.size > _MOST:
                    raise BuildError(f"{path}: {member.name} has {member.size} bytes: it is no source file")
                file = archive.extractfile(member)
                assert file is not None
                found[name] = file.read()
                if len(found) == len(wanted):
                    break
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise BuildError(
            f"{path} is no tarball that can be read ({error}): give a folder, or a .tar, .tar.gz, .tar.bz2 "
            "or .tar.xz that is whole"
        ) from None
    return found


def read_tree(source: Path) -> Tree:
    """The files of a tree, a folder or a tarball of Linux.

    Raises BuildError for what is no kernel tree, or one before 6.7, and says what is missing; OSError.
    """
    if not source.exists():
        raise FileNotFoundError(2, "there is no such kernel tree", str(source))
    found = _from_folder(source) if source.is_dir() else _from_tarball(source)
    version = _version(found.pop(_MAKEFILE, b""))
    what = f"{source} (Linux {version})" if version else str(source)
    if "mm/shrinker.c" not in found:
        told = "its shrinkers are not a file of their own; 6.7 is the first that can be built"
        if not version:
            told = "it is no source tree of Linux 6.7 or later"
        raise BuildError(f"{what} has no mm/shrinker.c: {told}")
    if missing := [name for name in FILES if name not in found]:
        raise BuildError(f"{what} has no {', '.join(missing)}: it is not whole")
    return Tree(str(source), version, {name: found[name] for name in FILES})
