# SPDX-License-Identifier: GPL-2.0-only
"""What stands in examples/ runs, and says what it should."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libshrinkpy.so, built by the core's own Makefile."""
    build = tmp_path_factory.mktemp("core")
    assert shutil.which("make"), "make is needed to build the core alone"
    subprocess.run(["make", "-C", str(ROOT / "csrc"), f"BUILD={build}"], check=True, capture_output=True)
    return build / "libshrinkpy.so"


@pytest.mark.thorough
class TestCtypesCore:
    """examples/ctypes_core.py: the core without the package."""

    def run(self, library: Path) -> list[str]:
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "ctypes_core.py"), str(library)],
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    def test_it_reclaims_everything_from_priority_12_to_0(self, library: Path) -> None:
        *passes, last = self.run(library)
        assert last == "0 objects left"
        rows = [[int(n) for n in re.findall(r"\d+", line)] for line in passes]
        assert [row[0] for row in rows] == list(range(12, -1, -1))
        assert sum(freed for *_, freed, _deferred in rows) == 1000

    def test_work_below_a_batch_is_deferred_and_added_up(self, library: Path) -> None:
        rows = [[int(n) for n in re.findall(r"\d+", line)] for line in self.run(library)[:-1]]
        # delta = (1000 >> priority) * 4 / 2, and less than a batch of 128 scans nothing.
        deferred = 0
        for priority, freeable, scanned, _freed, left in rows:
            if scanned:
                break
            deferred += (freeable >> priority) * 2
            assert left == deferred


@pytest.mark.thorough
def test_the_library_exports_nothing_but_its_face(library: Path) -> None:
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", str(library)], check=True, capture_output=True, text=True
    )
    names = {line.split()[-1] for line in symbols.stdout.splitlines()}
    assert names
    assert all(name.startswith("sp_") for name in names)
