# SPDX-License-Identifier: GPL-2.0-only
"""Two cores under the same random scenarios, until they differ: `shrinkpy kernel diff`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..output import write_whole
from .describe import describe
from .judge import Judge
from .observe import Summary
from .outcome import Finding
from .reduce import reduce

__all__ = ["Comparison"]

_BATCH = 32
"""Scenarios that a core is asked for at a time."""


class Comparison:
    """Two cores, folders or "port", under the same random scenarios.

    Attributes: cores, their names; scenarios and operations that were compared in so many seconds; ended,
    how many of the scenarios both left in the same bad way; differs, the number of the first one in which
    they differ, or None; first, the difference, made small; vector, the file that keeps it.

    Raises CoreError for a folder that is no core.
    """

    def __init__(self, cores: tuple[str, str], seed: int = 1) -> None:
        self._judge = Judge(cores)
        self._folders = cores
        self.cores = self._judge.names
        self.seed = seed
        self.scenarios = self.operations = self.ended = 0
        self.seconds = 0.0
        self.differs: int | None = None
        self.first: Finding | None = None
        self.vector: Path | None = None

    def run(
        self,
        *,
        seconds: float = 60,
        operations: int | None = None,
        output: Path | None = None,
        progress: Callable[[Comparison], None] = lambda _: None,
    ) -> None:
        """Compare every result, until the seconds are over, or so many operations, or there is a difference.

        That is made small, and kept as a golden vector with what the first core gave: in output, or in
        difference-SEED-NUMBER.jsonl of the working directory. progress is told now and then. Interrupted,
        this has what was found so far.

        Raises CoreError for a core that cannot be loaded; UnwritableError.
        """
        began = time.monotonic()
        try:
            while self.differs is None:
                self._compare(operations)
                self.seconds = time.monotonic() - began
                progress(self)
                if self.seconds >= seconds or (operations is not None and self.operations >= operations):
                    break
            if self.differs is not None:
                self._keep(output)
        finally:
            self.seconds = time.monotonic() - began
            self._judge.close()

    def _compare(self, operations: int | None) -> None:
        numbers = range(self.scenarios, self.scenarios + _BATCH)
        a, b = self._judge.summaries(self.seed, numbers)
        for number in numbers:
            is_enough = operations is not None and self.operations >= operations
            if is_enough or number not in a or number not in b:
                return
            self.scenarios += 1
            summary = a[number]
            if isinstance(summary, Summary):
                self.operations += summary.operations
            if not isinstance(summary, Summary) or summary.ended:
                self.ended += 1
            if summary != b[number]:
                self.differs = number
                return

    def _keep(self, output: Path | None) -> None:
        judge = self._judge
        assert self.differs is not None
        judge.hurry(True)
        self.first = judge.play(self.seed, self.differs)
        small = self.first and reduce(self.first, judge.record)
        judge.hurry(False)
        # What was found in a hurry has to show when there is time.
        self.first = small and judge.record(small.cfg, small.ops)
        if self.first is None:
            self.first = judge.play(self.seed, self.differs)
        if self.first is None:
            return
        name = f"{self.seed}-{self.differs}"
        vector = judge.vector(self.first, f"diff/{name}")
        path = output or Path(f"difference-{name}.jsonl")
        write_whole(path, [json.dumps(vector, separators=(",", ":")) + "\n"])
        self.vector = path

    # -- what was found

    def result(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "scenarios": self.scenarios,
            "operations": self.operations,
            "differences": int(self.differs is not None),
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "cores": list(self.cores),
            "first": self._first(),
            "vector": str(self.vector) if self.vector else None,
        }

    def _first(self) -> dict[str, Any] | None:
        if self.differs is None:
            return None
        first: dict[str, Any] = {"scenario": self.differs}
        if found := self.first:
            first |= {"cfg": found.cfg, "ops": found.ops}
            first |= {"number": found.number, "key": found.key, "sides": [found.a, found.b]}
        return first

    def lines(self) -> list[str]:
        """For people."""
        done = f"{self.operations:,} operations in {self.scenarios:,} scenarios: {' and '.join(self.cores)}"
        spent = f"(seed {self.seed}, {self.seconds:.0f} s)"
        if self.differs is None:
            lines = [f"{done} agree on every one {spent}"]
        else:
            lines = [f"{done} differ in scenario {self.differs} {spent}"]
        if self.first:
            lines += describe(self.first, self.cores)
        elif self.differs is not None:
            lines.append("It was not seen again: something may be left from the scenarios before that one.")
        if self.ended:
            lines.append(f"scenarios that broke off, on both in the same way: {self.ended}")
        if self.vector and self.first:
            # The vector has what the first core gave, unless that did not come to its end.
            core = self._folders[int(not self.first.outcomes[0].ended)]
            lines.append(f"kept in {self.vector}; it shows again with")
            lines.append(f"  SHRINKPY_CORE={core} shrinkpy conform {self.vector}")
        return lines
