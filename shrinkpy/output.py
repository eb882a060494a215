# SPDX-License-Identifier: GPL-2.0-only
"""Files that the command line writes: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import ShrinkpyError

__all__ = ["UnwritableError", "check_writable", "open_whole", "write_whole"]


class UnwritableError(ShrinkpyError, OSError):
    """The file cannot be written; the message says why, and what to do."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"cannot write {path}: {error.strerror}; choose a place that has room and may be written"
        )


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _is_stdout(path: Path) -> bool:
    try:
        return path.is_file() and os.path.samestat(path.stat(), os.fstat(1))
    except OSError:  # there is no standard output
        return False


def check_writable(path: Path) -> None:
    """Find out before the work is done; leaves nothing behind. Raises UnwritableError."""
    try:
        if path.is_dir():
            raise OSError(0, "it is a directory")
        if _is_stdout(path):
            raise OSError(0, "standard output goes there")
        if not _is_device(path):
            with tempfile.TemporaryFile(dir=path.resolve().parent):
                pass
    except OSError as error:
        raise UnwritableError(path, error) from None


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of what was there when the block ends; never if it raises.

    A device or a pipe is written as it is. Raises UnwritableError, for OSErrors of the block as well.
    """
    try:
        if _is_device(path):
            with path.open("wb") as file:
                yield file
            return
        final = path.resolve()  # a link stays one
        mode = stat.S_IMODE(final.stat().st_mode) if final.exists() else None
        fresh = final.with_name(f".shrinkpy-{os.getpid()}.tmp")
        try:
            with fresh.open("wb") as file:
                if mode is not None:
                    fresh.chmod(mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(final)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnwritableError(path, error) from None


def write_whole(path: Path, lines: Iterable[str]) -> None:
    """Write all of a file or nothing: what was there stays until the new one is on the disk.

    A device or a pipe is written as it is. Raises UnwritableError.
    """
    with open_whole(path) as file:
        file.writelines(line.encode() for line in lines)
