# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios, written down: golden vectors of whatever core this process works on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..golden import Op
from .runner import Scenario, is_oops, question
from .state import State, changes

__all__ = ["Recorder", "record"]


class Recorder:
    """A scenario that becomes a vector, operation by operation.

    Attributes: init and ops, as in the format. Raises MemoryError.
    """

    def __init__(self, cfg: dict[str, int]) -> None:
        self._scenario = Scenario(cfg)
        self.init: State = self._scenario.state
        self.ops: list[Op] = []

    def do(self, op: Op) -> Op:
        """Run an operation; gives it with what was observed. Raises UnreadableError."""
        scenario = self._scenario
        before = scenario.state
        done = {**op, **scenario.observe(op)}
        after = before if is_oops(done) else scenario.state
        if after is not before and (changed := changes(before, after)):
            done["state"] = changed
        self.ops.append(done)
        return done

    def close(self) -> None:
        """Let go of the machine."""
        self._scenario.close()


def record(cfg: dict[str, int], ops: Iterable[Op], *, name: str, family: str) -> dict[str, Any]:
    """Run operations, and give the golden vector of what was observed; results that they bring are ignored.

    Raises UnreadableError for an operation that cannot be run; MemoryError.
    """
    recorder = Recorder(cfg)
    try:
        for op in ops:
            recorder.do(question(op))
    finally:
        recorder.close()
    return {"id": name, "fam": family, "cfg": cfg, "init": recorder.init, "ops": recorder.ops}
