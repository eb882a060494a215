# SPDX-License-Identifier: GPL-2.0-only
"""Where a thread is, for reports of the core."""

from __future__ import annotations

import os
import sys
from types import FrameType

__all__ = ["caller", "here"]


def _files(*names: str) -> frozenset[str]:
    return frozenset(os.path.join(os.path.dirname(__file__), *name.split("/")) for name in names)


# Between the code under test and the core; of no interest to whoever reads a report.
_OWN = _files("stack.py", "lockdep.py", "alloc.py", "machine.py", "native/driver.py")
# What calls the code under test for `shrinkpy run`: above it there is only the command.
_COMMAND = _files("pressure.py", "driver_pressure.py")
_DEPTH = 24


def _user(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code.co_filename in _OWN:
        frame = frame.f_back
    return frame


def here() -> bytes:
    """The stack of this thread, innermost call last, without what is ours at its ends."""
    import traceback  # a start without a report does not pay for it

    frames: list[tuple[FrameType, int]] = []
    frame = _user(sys._getframe())
    while frame is not None and frame.f_code.co_filename not in _COMMAND and len(frames) < _DEPTH:
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    text = "".join(traceback.StackSummary.extract(reversed(frames)).format())
    return text.encode(errors="backslashreplace").replace(b"\0", b"")


def caller() -> str:
    """The innermost call that is not ours: ``function (file:line)``, cut to what the core keeps."""
    frame = _user(sys._getframe())
    if frame is None:
        return ""
    code = frame.f_code
    text = f"{code.co_qualname} ({os.path.basename(code.co_filename)}:{frame.f_lineno})"
    return text.encode(errors="backslashreplace").decode()
