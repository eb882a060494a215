# SPDX-License-Identifier: GPL-2.0-only
"""The command called in this process, and what it wrote to a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from shrinkpy.cli import main


class Done(NamedTuple):
    """What a call of the command gave."""

    code: object
    out: str
    err: str


Call = Callable[..., Done]


def caller(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *verb: str) -> Call:
    """What calls one verb with arguments."""

    def call(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["shrinkpy", *verb, *map(str, args)])
        with pytest.raises(SystemExit) as exited:
            main()
        return Done(exited.value.code, *capsys.readouterr())

    return call


def written_to(master: int) -> bytes:
    """All that was written to the other side of a pty, which is closed by whoever had it; closes this one."""
    written = b""
    try:
        while True:
            written += os.read(master, 65536)
    except OSError:  # EIO: the other side is closed
        return written
    finally:
        os.close(master)
