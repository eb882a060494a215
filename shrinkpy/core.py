# SPDX-License-Identifier: GPL-2.0-only
"""The one module that touches ffi and lib, and installs the binding's types."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any

from . import control, cores, errors, stack

cores.load()

from . import _core  # noqa: E402 - the one that was chosen
from ._core import ffi, lib  # noqa: E402

# Only the interpreter that imports can have put this there.
_core.mark = os.urandom(8).hex()
_status = lib.sp_init(b"shrinkpy._core", _core.mark.encode())
if _status == -2:
    raise ImportError("shrinkpy works in the main interpreter only, not in a subinterpreter")
if _status != 0:
    raise ImportError("shrinkpy's compiled module could not install its types")

from ._core import (  # noqa: E402 - there since that call
    ListLruBase,
    LockBase,
    MachineBase,
    MemCgroupBase,
    RegisteredShrinkerBase,
    ShrinkControl,
    call,
    charge,
    end,
    scope_restore,
    setup,
    task_move,
    uncharge,
)

__all__ = [
    "ListLruBase",
    "LockBase",
    "MachineBase",
    "MemCgroupBase",
    "RegisteredShrinkerBase",
    "ShrinkControl",
    "call",
    "charge",
    "check",
    "end",
    "ffi",
    "lib",
    "scope_restore",
    "take_text",
    "task_move",
    "text_of",
    "uncharge",
]

setup(
    count_type=control.CountObjects,
    scan_type=control.ScanObjects,
    gfp_type=control.Gfp,
    expired_error=errors.ExpiredError,
    function_type=types.FunctionType,
    make_error=errors.from_status,
    combine=errors.combine,
    stack_text=stack.here,
)


def check(status: int, reason: Any = None) -> None:
    """Raise what a status of the core stands for, unless it is SP_OK.

    reason is a ``struct sp_reason *`` that the call filled, or None.
    """
    if status == 0:
        return
    if reason is not None and reason.status == status:
        raise errors.from_status(
            status,
            ffi.string(reason.shrinker),
            reason.nid,
            reason.memcg_ino,
            ffi.string(reason.text),
        )
    raise errors.from_status(status, b"", -1, 0, b"")


def take_text(text: Any, length: Any) -> str:
    """The str of a text that the core allocated; frees it."""
    try:
        return bytes(ffi.buffer(text[0], length[0])).decode(errors="surrogateescape")
    finally:
        lib.sp_text_free(text)


def text_of(give: Callable[[Any, Any], None]) -> str:
    """The str of a text that the core allocates for ``char **`` and ``size_t *``, as give has it do."""
    text, length = ffi.new("char **"), ffi.new("size_t *")
    try:
        give(text, length)
        return take_text(text, length)
    except BaseException:  # it may have been there already
        lib.sp_text_free(text)
        raise
