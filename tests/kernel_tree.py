# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of the kernel's own files share: where these are, and the headers that they get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import shrinkpy as sp
from shrinkpy import native

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


def reclaims(objects: int, passes: int = 1) -> dict[str, Callable[[sp.Machine], object]]:
    """Each kind of reclaim, asked for so many objects; shrink_slab() is so many passes."""
    return {
        "shrink_slab": lambda machine: [machine.shrink_slab(priority=0) for _ in range(passes)],
        "drop_slab": sp.Machine.drop_slab,
        "direct_reclaim": lambda machine: machine.direct_reclaim(objects),
        "kswapd": lambda machine: machine.kswapd(0, objects),
        "memcg": lambda machine: machine.root.reclaim(objects),
    }


@contextmanager
def loaded(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """A driver on a machine; what it leaks, and what lockdep has to say, is an error."""
    with built.load(machine) as driver:
        yield driver
    assert driver.leaks == []
    assert machine.lockdep.reports == []
