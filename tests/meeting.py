# SPDX-License-Identifier: GPL-2.0-only
"""Two calls in two threads, of which the second comes while the first stands where the test wants it."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from support import TIMEOUT, Running, until


class Stopped(Running[Any]):
    """A call in a thread that stops where the function of that name begins (or ends), once.

    What the test does meanwhile could have come there by itself: a thread may be switched away at
    every call.
    """

    def __init__(self, call: Callable[[], Any], at: str, event: str = "call") -> None:
        """Start it, and wait until it is there."""
        self._there, self._go = threading.Event(), threading.Event()

        def trace(frame: types.FrameType, what: str, _arg: object) -> Any:
            if frame.f_code.co_name != at:
                return None
            if what == event and not self._there.is_set():
                self._there.set()
                assert self._go.wait(TIMEOUT)
            return trace

        def run() -> Any:
            sys.settrace(trace)
            try:
                return gives(call)
            finally:
                sys.settrace(None)

        super().__init__(run)
        until(lambda: self._there.is_set() or not self.alive)
        assert self._there.is_set(), f"{at}() was not called"

    def go(self) -> None:
        """Let it go on."""
        self._go.set()


def gives(call: Callable[[], Any]) -> Any:
    """What it gives, or the type of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error)


def briefly(running: Running[Any]) -> None:
    """Give it time to end; it may as well wait for somebody."""
    running._thread.join(0.2)


def meeting(
    first: Callable[[], Any], second: Callable[[], Any], at: str, event: str = "call"
) -> tuple[Any, Any]:
    """What the two give, of which the second comes while the first stands there."""
    stopped = Stopped(first, at, event)
    running = Running(lambda: gives(second))
    briefly(running)
    stopped.go()
    return stopped.join(), running.join()
