# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios, run: an operation after the other, with all that is to be seen of each."""

from __future__ import annotations

from typing import Any

from ..core import ffi, lib
from ..golden import Op, UnreadableError
from ..machine import Faults
from .callbacks import take_raised
from .lists import Lists
from .operations import Operations
from .state import StateReader
from .world import ULONG

__all__ = ["RESULTS", "Scenario", "is_oops", "is_over", "question"]

# Results of an operation; what it lacks has not happened.
RESULTS = ("r", "ev", "al", "w", "slabs")
# What the vectors do not record the allocations of, or a kernel may make as it likes.
_NO_ATTEMPTS = {"allocn", "debugfs_init"}
# The core does not hear of these.
_OURS = {"script", "objs"}
OOPS = -1001
_ALL_SITES = ULONG // 2**32 - 1


def question(op: Op) -> Op:
    """What to do, without what it gave."""
    return {k: v for k, v in op.items() if k not in (*RESULTS, "state")}


def _has(done: Op, results: tuple[object, ...]) -> bool:
    hooks = (event[3] for event in done.get("ev", ()) if event[0] == "hook")
    return done.get("r") in results or any(_has(hook, results) for hook in hooks)


def is_oops(done: Op) -> bool:
    """Did the kernel oops in it, or in a hook of it? What state it is in then is nobody's business."""
    return _has(done, (OOPS,))


def is_over(done: Op) -> bool:
    """Would the kernel not come back from it? A scenario ends there."""
    return _has(done, (OOPS, "hang"))


class Scenario(Operations, Lists):
    """Runs operations on a machine of its own.

    Attributes: state, as of the last operation (at first the one the vectors call init).

    Raises MemoryError.
    """

    def __init__(self, cfg: dict[str, int]) -> None:
        super().__init__(cfg)
        self._reader = StateReader(self)
        self.state = self._reader.read()

    def run(self, op: Op) -> Op:
        """Run an operation, and give the results it has beside events and state."""
        return getattr(self, f"_op_{op['op']}")(op)  # type: ignore[no-any-return]  # one of the methods

    def observe(self, op: Op) -> Op:
        """Run an operation: those of RESULTS that it has; state is what it is then.

        Raises UnreadableError for one that is none, or whose handles mean nothing.
        """
        try:
            return self._observe(op)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The vector's fault, as far as can be told: a number out of range, a list for a dict.
            raise UnreadableError(f"cannot be run: {error!r}") from error

    def _observe(self, op: Op) -> Op:
        if op["op"] in _OURS:
            return self.run(op)
        machine = self.machine
        warned = lib.sp_warnings(machine, lib.SP_WARN), lib.sp_warnings(machine, lib.SP_PR_WARN)
        self.events = []
        self.hidden = []
        self.scans = 0
        lib.sp_fault_record(machine, True)
        lib.sp_fault_fail_nth(machine, op.get("fail", 0), _ALL_SITES)
        got = self.run(op)
        take_raised()
        lib.sp_fault_fail_nth(machine, 0, 0)
        got["ev"] = self.events + got.get("ev", [])
        if op["op"] not in _NO_ATTEMPTS and not op["op"].startswith("lru_"):
            got["al"] = self._attempts()
        got["w"] = self._warnings(warned)
        self.state = self._reader.read()
        return {key: got[key] for key in RESULTS if got.get(key) or (key == "r" and got.get(key) is not None)}

    def _attempts(self) -> list[list[Any]]:
        n = lib.sp_fault_attempts(self.machine, ffi.NULL, 0)
        if not n:
            return []
        out = ffi.new("struct sp_attempt[]", n)
        lib.sp_fault_attempts(self.machine, out, n)
        return [
            [Faults.sites[a.site], a.nid, int(a.failed)]
            for i, a in enumerate(out)
            if not any(first <= i < end for first, end in self.hidden)
        ]

    def _warnings(self, before: tuple[int, int]) -> list[Any] | None:
        after = lib.sp_warnings(self.machine, lib.SP_WARN), lib.sp_warnings(self.machine, lib.SP_PR_WARN)
        if after == before:
            return None
        text, where = ffi.new("char[96]"), ffi.new("char[96]")
        lib.sp_warning_text(self.machine, 0, text, where)
        return [after[0] - before[0], after[1] - before[1], ffi.string(text).decode()]
