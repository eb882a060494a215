# SPDX-License-Identifier: GPL-2.0-only
"""Where a thread is, for reports of the core."""

from __future__ import annotations

import os
import sys
import traceback
from types import FrameType

__all__ = ["caller", "here"]

# Between the code under test and the core; of no interest to whoever reads a report.
_OWN = frozenset(
    os.path.join(os.path.dirname(__file__), name)
    for name in ("stack.py", "lockdep.py", "alloc.py", "machine.py")
)
_DEPTH = 24


def _user(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code.co_filename in _OWN:
        frame = frame.f_back
    return frame


def here() -> bytes:
    """The stack of this thread, innermost call last, without what is ours at its end."""
    frame = _user(sys._getframe())
    if frame is None:
        return b""
    return (
        "".join(traceback.format_stack(frame, _DEPTH)).encode(errors="backslashreplace").replace(b"\0", b"")
    )


def caller() -> str:
    """The innermost call that is not ours: ``function (file:line)``, cut to what the core keeps."""
    frame = _user(sys._getframe())
    if frame is None:
        return ""
    code = frame.f_code
    text = f"{code.co_qualname} ({os.path.basename(code.co_filename)}:{frame.f_lineno})"
    return text.encode(errors="backslashreplace").decode()
