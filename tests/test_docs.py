# SPDX-License-Identifier: GPL-2.0-only
"""What stands in docs/ runs: each page's blocks in their order, files and commands in one folder.

A block of Python or C whose first line is a comment with a file's name is put into that file as well.
Of a command's output, the times and the memory that was resident are the computer's. A comment behind it
says its exit code, where that is not 0.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

DOCS = Path(__file__).parent.parent / "docs"
RECORDINGS = Path(__file__).parent / "data" / "recordings"
PAGES = sorted(DOCS.glob("*.md"))
OF_A_TREE = "mm-shrinker"
"""The page that needs a kernel tree: test_docs_mm_shrinker.py runs it."""
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:#|//|/\*) *([\w-]+\.\w+)(?: \*/)?\n")
KINDS = {"python", "c", "console", "text"}


class Block(NamedTuple):
    """What stands between two fences."""

    kind: str
    text: str
    line: int
    """of its first line in the page"""


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1)


def same_everywhere(output: str) -> list[str]:
    """Lines without what differs from run to run: the last column of a table in µs, resident memory."""
    lines = [line.rstrip() for line in output.splitlines() if not line.startswith("resident memory")]
    if lines and lines[0].endswith("µs"):
        lines = [re.sub(r" +\d+$", "", line) for line in lines]
    return lines


class Command(NamedTuple):
    """A command line after $, and what the page says of it."""

    words: list[str]
    code: int
    output: str


def commands(block: Block) -> Iterator[Command]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        code = re.search(r"  # exit code (\d+)$", command)
        yield Command(shlex.split(command, comments=True), int(code[1]) if code else 0, output)


class Page:
    """A page, one block after the other in one namespace and one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.namespace: dict[str, Any] = {"__name__": f"docs_{path.stem}"}

    def python(self, block: Block) -> None:
        # Errors name the page and the line in it.
        code = "\n" * (block.line - 1) + block.text
        exec(compile(code, str(self.path), "exec"), self.namespace)

    def console(self, block: Block) -> None:
        for command in commands(block):
            assert command.words[0] == "shrinkpy", "a page shows our own command only"
            done = subprocess.run(
                [sys.executable, "-m", *command.words],
                env=dict(os.environ, COLUMNS="100"),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            line = shlex.join(command.words)
            told = f"{self.path.name}, line {block.line}: {line}\n{done.stdout}{done.stderr}"
            assert done.returncode == command.code, told
            assert same_everywhere(done.stdout + done.stderr) == same_everywhere(command.output), told

    def run(self) -> None:
        for block in blocks(self.path):
            name = NAMED.match(block.text)
            if name:
                Path(name[1]).write_text(block.text, encoding="utf-8")
            if block.kind == "python":
                self.python(block)
            elif block.kind == "console":
                self.console(block)
            elif block.kind == "c":
                assert name, f"line {block.line}: a C file needs a comment with its name"


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path", [page for page in PAGES if page.stem != OF_A_TREE], ids=lambda path: path.stem
)
def test_the_page_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recordings").symlink_to(RECORDINGS)
    Page(path).run()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_block_is_of_a_kind_that_is_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(list(blocks(path)))
    assert {block.kind for block in blocks(path)} <= KINDS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (DOCS / link).exists(), link


class TestThisFile:
    """What holds the pages to their word can fail."""

    def page(self, where: Path, text: str) -> Page:
        path = where / "page.md"
        path.write_text(text, encoding="utf-8")
        return Page(path)

    def test_a_wrong_number_is_found_and_placed(self, tmp_path: Path) -> None:
        page = self.page(tmp_path, "# Page\n\n```python\na = 1\n```\n\n```python\nassert a == 2\n```\n")
        with pytest.raises(AssertionError) as caught:
            page.run()
        assert caught.traceback[-1].lineno == 7
        assert str(caught.traceback[-1].path) == str(page.path)

    @pytest.mark.parametrize("output", ["", "shrinkpy 0\n"])
    def test_an_output_that_differs_is_found(self, tmp_path: Path, output: str) -> None:
        with pytest.raises(AssertionError, match="line 2"):
            self.page(tmp_path, f"```console\n$ shrinkpy --version\n{output}```\n").run()

    def test_times_may_differ_and_nothing_else(self) -> None:
        table = "prio  freed  µs\n  1   2   {}\n"
        assert same_everywhere(table.format(3)) == same_everywhere(table.format(456))
        assert same_everywhere(table.format(3)) != same_everywhere(table.replace("2", "4").format(3))
