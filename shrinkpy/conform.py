# SPDX-License-Identifier: GPL-2.0-only
"""Golden vectors: what the real mm/shrinker.c was seen to do, held against the core."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .golden import Op, UnreadableError, read_scenarios
from .scenario import RESULTS, Scenario, is_oops, question

__all__ = ["Difference", "Report", "conform", "run_scenario"]


class Difference(NamedTuple):
    """One result that is not what was observed."""

    scenario: str
    number: int  # of the operation, from 0
    op: Op  # as in the vector, without its results
    key: str  # which result
    expected: Any
    got: Any


@dataclass
class Report:
    """What conform() found."""

    scenarios: int = 0
    operations: int = 0
    differences: int = 0
    families: dict[str, dict[str, int]] = field(default_factory=dict)
    first: Difference | None = None

    def add(self, family: str, operations: int, differences: list[Difference]) -> None:
        """Count one scenario."""
        row = self.families.setdefault(family, {"scenarios": 0, "differences": 0})
        row["scenarios"] += 1
        row["differences"] += len(differences)
        self.scenarios += 1
        self.operations += operations
        self.differences += len(differences)
        if self.first is None and differences:
            self.first = differences[0]


# ---- one scenario, and files of them


def _overlay(state: dict[str, Any], changed: dict[str, Any]) -> None:
    for key, value in changed.items():
        if key != "mc":
            state[key] = value
            continue
        for memcg, memcg_state in value.items():
            if memcg_state is None:
                state["mc"].pop(memcg, None)
            else:
                state["mc"][memcg] = memcg_state


def _differences(name: str, number: int, op: Op, got: Op, expected: Op, state: Op) -> list[Difference]:
    """Of one operation: what it gave, and the state that there was to be after it."""
    # Absent and empty are the same; a result of null is none.
    found = [
        Difference(name, number, question(op), key, op.get(key), got.get(key))
        for key in RESULTS
        if (got.get(key) or None) != (op.get(key) or None)
    ]
    if is_oops(op):
        return found
    return found + [
        Difference(name, number, question(op), f"state.{key}", expected.get(key), value)
        for key, value in state.items()
        if value != expected.get(key)
    ]


def run_scenario(vector: dict[str, Any]) -> list[Difference]:
    """All results of one vector that the core does not give.

    Raises UnreadableError for an operation that is none, or whose handles mean nothing.
    """
    expected: dict[str, Any] = json.loads(json.dumps(vector["init"]))
    scenario = Scenario(vector["cfg"])
    found: list[Difference] = []
    try:
        for number, op in enumerate(vector["ops"]):
            try:
                got = scenario.observe(question(op))
                _overlay(expected, op.get("state", {}))
            except UnreadableError as error:
                raise UnreadableError(f"operation {number} {error}") from error
            except (AttributeError, LookupError, TypeError) as error:
                raise UnreadableError(
                    f"operation {number} cannot be run: its state is none: {error!r}"
                ) from error
            found += _differences(vector["id"], number, op, got, expected, scenario.state)
    finally:
        scenario.close()
    return found


def conform(paths: list[Path], progress: Callable[[], None] | None = None) -> Report:
    """Run every vector of the files through the core; progress is called after each.

    Raises UnreadableError or OSError for a file that cannot be read, whatever the others hold.
    """
    report = Report()
    for path in paths:
        for vector in read_scenarios(path):
            try:
                differences = run_scenario(vector)
            except UnreadableError as error:
                raise UnreadableError(f"{path}: scenario {vector['id']}: {error}") from None
            report.add(vector["fam"], len(vector["ops"]), differences)
            if progress:
                progress()
    return report
