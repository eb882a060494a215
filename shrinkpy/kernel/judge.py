# SPDX-License-Identifier: GPL-2.0-only
"""Two cores, asked the same."""

from __future__ import annotations

from typing import Any

from ..golden import Op
from ..scenario import question
from .observe import Batch, Played, Record
from .observer import Ended, Observer, answers
from .outcome import Finding, Outcome, compare

__all__ = ["Judge"]

HURRY = 1.0
"""Seconds an operation may take while there are many to try: it is tried once more in the end."""


class Judge:
    """Asks both, and compares. close() ends their processes.

    Raises CoreError for a folder that is no core.
    """

    def __init__(self, cores: tuple[str, str]) -> None:
        a, b = (Observer(core) for core in cores)
        self.observers = (a, b)
        self.names = (a.name, b.name)
        if a.name == b.name and a.core != b.core:
            self.names = (f"{a.name} ({a.core})", f"{b.name} ({b.core})")

    def close(self) -> None:
        """End both."""
        for observer in self.observers:
            observer.close()

    def hurry(self, on: bool) -> None:
        """Whether a core that does not come back is given up soon."""
        for observer in self.observers:
            observer.patience = HURRY if on else None

    # -- many scenarios

    def summaries(self, seed: int, numbers: range) -> tuple[dict[int, object], dict[int, object]]:
        """Of each core what each scenario came to: what is equal is the same.

        Up to the first that a core does not end: those behind it may be missing.
        """
        found: dict[Observer, dict[int, object]] = {observer: {} for observer in self.observers}
        waiting = list(self.observers)
        for observer in waiting:
            observer.ask(Batch(seed, list(numbers)))
        while waiting:
            for observer, answer in answers(waiting):
                mine = found[observer]
                if not isinstance(answer, Ended):
                    mine.update((summary.number, summary) for summary in answer)
                    waiting.remove(observer)
                    continue
                mine[answer.scenario] = answer[:3]
                # It has told nothing of those before.
                observer.ask(Batch(seed, [number for number in numbers if number < min(mine)]))
        a, b = (found[observer] for observer in self.observers)
        return a, b

    # -- one

    def _both(self, request: object) -> tuple[Outcome, Outcome]:
        got: dict[Observer, Outcome] = {}
        for observer in self.observers:
            observer.ask(request)
        while len(got) < 2:
            for observer, answer in answers([each for each in self.observers if each not in got]):
                if isinstance(answer, Ended):
                    got[observer] = Outcome({}, {}, None, answer.how, answer.operation, answer.said)
                else:
                    got[observer] = answer
        a, b = (got[observer] for observer in self.observers)
        return a, b

    def record(self, cfg: dict[str, int], ops: list[Op]) -> Finding | None:
        """The first difference in these operations."""
        found = compare(*self._both(Record(cfg, ops)), cfg, ops)
        if found and not found.key and 0 < found.number < len(ops):
            # Nobody knows what was different before it died.
            return self.record(cfg, ops[: found.number]) or found
        return found

    def play(self, seed: int, number: int) -> Finding | None:
        """The first difference in a scenario of a seed; None also where it comes but now and then."""
        a, b = self._both(Played(seed, number))
        if a.ops is None and b.ops is None:
            # Nobody has told what they died of.
            a, b = self._both(Played(seed, number, min(a.at, b.at)))
        known = a if a.ops is not None else b
        return self.record(known.cfg, [question(op) for op in known.ops or ()])

    def vector(self, found: Finding, name: str) -> dict[str, Any]:
        """A difference as a golden vector: with what the first core gave, or the second if that ended."""
        outcome = next((each for each in found.outcomes if not each.ended), None)
        if outcome is None:
            before, _ = self._both(Record(found.cfg, found.ops[: found.number]))
            outcome = before._replace(ops=[*(before.ops or ()), *found.ops[found.number :]])
        return {"id": name, "fam": "diff", "cfg": found.cfg, "init": outcome.init, "ops": outcome.ops}
