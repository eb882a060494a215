# SPDX-License-Identifier: GPL-2.0-only
"""Cores around a kernel tree's own files, for tests: as they are, and changed in a place."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kernel_tree import TREE, needs
from support import environment_of_programs

from shrinkpy.kernel.build import build
from shrinkpy.kernel.tree import FILES

NEEDS = needs(*FILES)
"""Skip where there is no tree."""


class Change:
    """One small change to a tree's file: a regular expression, and what stands there instead.

    which: of the places that it matches, from 0; a place must be there.
    """

    def __init__(self, file: str, pattern: str, instead: str, which: int = 0) -> None:
        self.file = file
        self.pattern = pattern
        self.instead = instead
        self.which = which

    def of(self, text: str) -> str:
        """The text with it."""
        places = list(re.finditer(self.pattern, text, re.MULTILINE))
        assert len(places) > self.which, f"{self.file} has no {self.pattern!r}"
        place = places[self.which]
        return text[: place.start()] + place.expand(self.instead) + text[place.end() :]


def copy_of(where: Path, *changes: Change, tree: Path = TREE) -> Path:
    """A folder with a tree's files, changed."""
    for name in (*FILES, "Makefile"):
        if (tree / name).exists():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree / name, where / name)
    for change in changes:
        path = where / change.file
        path.write_text(change.of(path.read_text()))
    return where


def changed(where: Path, *changes: Change) -> Path:
    """A core around the tree's files with these changes."""
    build(copy_of(where / "tree", *changes), where / "core")
    return where / "core"


def on(core: Path, code: str, *arguments: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
    """Run a program that has this core."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**environment_of_programs(), "SHRINKPY_CORE": str(core)},
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def shrinkpy(
    *arguments: str, core: Path | None = None, seconds: int = 300
) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    environment = dict(environment_of_programs())
    environment.pop("SHRINKPY_CORE", None)
    if core is not None:
        environment["SHRINKPY_CORE"] = str(core)
    return subprocess.run(
        [sys.executable, "-m", "shrinkpy", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def once(make: Callable[[Path], Path]) -> Callable[[pytest.TempPathFactory], Path]:
    """A fixture of the session, of a core that make() makes in a folder."""

    @pytest.fixture(scope="session")
    def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
        return make(tmp_path_factory.mktemp("core"))

    return core  # type: ignore[return-value]  # pytest's own wrapping


core_of_the_tree = once(lambda where: changed(where))
