# SPDX-License-Identifier: GPL-2.0-only
"""A core in a process of its own: asked, watched, and started anew when it dies or does not come back."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from ..cores import ENVIRONMENT, CoreError, core_info

__all__ = ["PATIENCE", "Ended", "Observer", "answers"]

PATIENCE = 20.0
"""Seconds for one operation, after which a core is taken for one that does not come back."""
# Not -m: what it pickles is of a module by that name.
_CHILD = "from shrinkpy.kernel.observe import main; main()"
_HERE = str(Path(__file__).resolve().parent.parent.parent)
_TICK = 0.25  # seconds between two looks at what does not answer


class Ended(NamedTuple):
    """An answer that did not come, and what was seen instead."""

    how: str
    scenario: int
    operation: int
    said: str


class Observer:
    """A core, and the child that works on it; started with the first question.

    Attributes: core, its folder or "port"; name, for people; patience, if that is not to be PATIENCE.

    Raises CoreError for a folder that is none.
    """

    def __init__(self, core: str) -> None:
        self.core = core
        self.name = core_info(core).name
        self.patience: float | None = None  # PATIENCE
        self._process: subprocess.Popen[bytes] | None = None
        self._moved = 0.0  # when it was last seen to go on
        self._at = (0, 0)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        memory = os.memfd_create("shrinkpy")
        try:
            os.ftruncate(memory, 16)
            self._begun = mmap.mmap(memory, 16)
            self._words = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CHILD, str(theirs.fileno()), str(memory)],
                env={
                    **os.environ,
                    ENVIRONMENT: self.core if self.core == "port" else str(Path(self.core).absolute()),
                    # The package that is at work here, wherever that is.
                    "PYTHONPATH": os.pathsep.join([_HERE, *filter(None, [os.environ.get("PYTHONPATH")])]),
                },
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=(theirs.fileno(), memory),
                # Ctrl-C is for us, who then end it.
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(memory)
            self.connection = Connection(ours.detach())
        ready = self.answer() if wait([self.connection], PATIENCE) else None
        if isinstance(ready, Ended) or ready is None:
            self.close()
            how = f"{ready.how}: {ready.said}" if ready else "does not come back"
            raise CoreError(f"{self.core} cannot be used: as it is loaded, it {how}")
        if ready.error:
            self.close()
            raise CoreError(ready.error)

    def ask(self, request: object) -> None:
        """Send a request; answers() has what comes of it."""
        if self._process is None:
            self._start()
        self._moved = time.monotonic()
        with contextlib.suppress(OSError):  # it has died: its answer will say so
            self.connection.send(request)

    def answer(self) -> Any:
        """What it answered, or Ended; None while there is neither."""
        if self.connection.poll():
            try:
                return self.connection.recv()
            except (EOFError, OSError):
                return self._end(None)
        at = self._where()
        if at != self._at:
            self._at, self._moved = at, time.monotonic()
        if time.monotonic() - self._moved > (self.patience or PATIENCE):
            return self._end("does not come back")
        return None

    def _where(self) -> tuple[int, int]:
        begun = memoryview(self._begun).cast("Q")
        return begun[0], begun[1]

    def _end(self, how: str | None) -> Ended:
        assert self._process is not None
        if how is not None:
            self._process.kill()
        code = self._process.wait()
        if how is None:
            how = f"died of {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"
        self._words.seek(0)
        said = [line.strip() for line in self._words.read().decode(errors="replace").splitlines()]
        ended = Ended(how, *self._where(), next((line[:200] for line in reversed(said) if line), ""))
        self.close()
        return ended

    def close(self) -> None:
        """End the child; another question starts another one."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self.connection.close()
        self._begun.close()
        self._words.close()


def answers(observers: Sequence[Observer]) -> list[tuple[Observer, Any]]:
    """What those that were asked have answered: one at least, or nothing for a moment.

    Ended is an answer.
    """
    wait([observer.connection for observer in observers], _TICK)
    found = ((observer, observer.answer()) for observer in observers)
    return [(observer, answer) for observer, answer in found if answer is not None]
