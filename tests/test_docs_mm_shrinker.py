# SPDX-License-Identifier: GPL-2.0-only
"""docs/mm-shrinker.md, followed to the letter: a shell, its commands one after the other, what they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernel_tree import TREE
from original import NEEDS, copy_of
from support import environment_of_programs
from test_docs import DOCS, NAMED, OF_A_TREE, Block, blocks

from shrinkpy.kernel.tree import read_tree

PAGE = DOCS / f"{OF_A_TREE}.md"
GOLDEN = Path(__file__).parent / "data" / "golden"


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has installed the package, in a folder with what the page begins with."""
    copy_of(tmp_path / "linux")
    (tmp_path / "golden").symlink_to(GOLDEN)
    programs = tmp_path / ".bin"
    programs.mkdir()
    for name in ("shrinkpy", "pytest"):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        (programs / name).chmod(0o755)
    environment = {**environment_of_programs(), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("SHRINKPY_CORE", None)
    return environment


def commands(block: Block) -> Iterator[tuple[str, int, list[str]]]:
    """Each command, its exit code, and the lines that it prints."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        code = re.search(r"  # exit code (\d+)$", command)
        yield command, int(code[1]) if code else 0, output.splitlines()


def same_everywhere(line: str) -> str:
    """Without what is the computer's: seconds, and how far two children were when one of them stopped."""
    line = re.sub(r"^[\d,]+ operations in [\d,]+ scenarios", "N operations in N scenarios", line)
    return re.sub(r"\(seed (\d+), \d+ s\)", r"(seed \1, N s)", line)


@NEEDS
@pytest.mark.slow
@pytest.mark.skipif(
    TREE.exists() and not read_tree(TREE).version.startswith("6.12."), reason="the page shows 6.12's numbers"
)
def test_the_page_runs(shell: dict[str, str], tmp_path: Path) -> None:
    version = read_tree(TREE).version
    ran = 0
    for block in blocks(PAGE):
        if name := NAMED.match(block.text):
            (tmp_path / name[1]).write_text(block.text)
        if block.kind != "console":
            continue
        for command, code, shown in commands(block):
            done = subprocess.run(
                ["sh", "-c", command], cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=300
            )
            told = f"line {block.line}: {command}\n{done.stdout}{done.stderr}"
            assert done.returncode == code, told
            printed = [same_everywhere(line) for line in (done.stdout + done.stderr).splitlines()]
            for line in shown:
                expected = same_everywhere(line.replace("6.12.117", version))
                if "pytest" in command:  # of all that it prints, the page shows what matters
                    assert any(expected in each for each in printed), told
                else:
                    assert expected in printed, told
            if "pytest" not in command:
                assert len(printed) == len(shown), told
            ran += 1
    assert ran == 8
    assert not list(tmp_path.glob(".shrinkpy-*"))
    shutil.rmtree(tmp_path / "linux")
