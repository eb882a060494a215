# SPDX-License-Identifier: GPL-2.0-only
"""The seeds of fuzz_scan: a line of each shape that the recordings of the tests have, and some in a row.

    python csrc/tests/fuzz/seeds.py FOLDER

A shape is a line without its numbers and names. The files are numbered.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

RECORDINGS = Path(__file__).parents[3] / "tests" / "data" / "recordings"
IN_A_ROW = 6


def texts() -> Iterator[bytes]:
    """What each recording says."""
    for path in sorted(RECORDINGS.rglob("*.txt.gz")):
        yield gzip.decompress(path.read_bytes())
    yield (RECORDINGS / "public-lines.txt").read_bytes()


def shape(line: bytes) -> bytes:
    """A line without what differs from one to the next."""
    line = re.sub(rb"(0x)?[0-9a-f]*[0-9][0-9a-f]*", b"0", line)
    line = re.sub(rb"^[^:]*?-0", b"comm-0", line)
    return re.sub(rb"\w*_(scan|shrink|count|nodes)(_ret)?\b|GFP_[A-Z_|]+|us[!-@]|[ =|+-]+", b" ", line)


def seeds() -> Iterator[bytes]:
    """One a shape; and the beginning and the middle of each recording."""
    seen = set()
    for text in texts():
        lines = text.splitlines(keepends=True)
        for line in lines:
            if shape(line) not in seen:
                seen.add(shape(line))
                yield line
        for begin in (0, len(lines) // 2):
            yield b"".join(lines[begin : begin + IN_A_ROW])


def main() -> None:
    """Write them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds()):
        (folder / f"{i:04d}").write_bytes(seed)
    print(f"{i + 1} seeds in {folder}")


if __name__ == "__main__":
    main()
