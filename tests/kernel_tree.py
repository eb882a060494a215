# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of the kernel's own files share: where these are, and the headers that they get."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent / "kernel-tree"
INCLUDE = TREE / "include"
SUPPORT = Path(__file__).parent / "drivers_c"


def needs(*files: str) -> pytest.MarkDecorator:
    """Skip where a file of the tree is not there."""
    missing = [file for file in files if not (TREE / file).exists()]
    return pytest.mark.skipif(
        bool(missing), reason=f"there is no kernel-tree/{' '.join(missing[:1])}: run `make kernel-tree`"
    )


def only(folder: Path, headers: Iterable[str]) -> Path:
    """A folder for include= with these headers of the tree, and nothing else of it."""
    for header in headers:
        path = folder / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(INCLUDE / header)
    return folder
