# SPDX-License-Identifier: GPL-2.0-only
"""What a replay found: decisions that differ, and what was done to each shrinker."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["FIRST_ORDER", "KEPT", "Difference", "Played", "Replay", "Work"]

FIRST_ORDER = (
    "counts are as recorded: the caches do not react to what is scanned more or less; "
    "of what is scanned, as much is freed as was in the recorded call"
)
KEPT = 1000
"""Of the differences, the first."""


class Difference(NamedTuple):
    """A decision of the core that is not the recorded one.

    line is the one that has the recorded value, or of the call if none has; what says which decision;
    recorded is None where the recording has no such call, decided where the core made none.
    """

    line: int
    shrinker: str
    what: str
    recorded: int | str | None
    decided: int | str | None


class Work(NamedTuple):
    """What was done to one shrinker, in objects but for calls.

    :ivar calls: of do_shrink_slab() that had objects.
    :ivar scans: calls of scan_objects; None where they leave no lines.
    :ivar deferred: in all its counters, in the end.
    :ivar peak: the most that one of its counters had after a call.
    """

    calls: int = 0
    scans: int | None = 0
    scanned: int = 0
    freed: int = 0
    deferred: int = 0
    peak: int = 0


class Played(NamedTuple):
    """One shrinker: as recorded, and as the core had it."""

    shrinker: str
    pointer: int
    seeks: int
    batch: int
    recorded: Work
    decided: Work


@dataclass
class Replay:
    """What replay() found.

    :ivar decisions: values that were held against recorded ones; 0 where other settings were asked for.
    :ivar different: how many of them differed.
    :ivar differences: the first 1000 of these.
    :ivar skipped: calls that were not made again, by reason.
    :ivar given: values that were not the core's own but put into a counter, by reason: what another task did
        between two operations of a call, and what was there before the recording.
    :ivar passes: calls of shrink_slab() made again; ``calls``, of do_shrink_slab().
    :ivar shrinkers: what was done to each, recorded against decided, in the order of registration.
    :ivar settings: those that are not as recorded (seeks, batch, priority_shift).
    """

    source: str = ""
    decisions: int = 0
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    passes: int = 0
    calls: int = 0
    shrinkers: list[Played] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    full: bool = True

    def as_json(self) -> dict[str, Any]:
        """As a dict of what JSON knows."""
        found: dict[str, Any] = {
            "source": self.source,
            "full": self.full,
            "decisions": self.decisions,
            "different": self.different,
            "differences": [difference._asdict() for difference in self.differences],
            "skipped": dict(self.skipped),
            "given": dict(self.given),
            "passes": self.passes,
            "calls": self.calls,
            "shrinkers": [
                {
                    **played._asdict(),
                    "pointer": f"{played.pointer:#x}",
                    "recorded": played.recorded._asdict(),
                    "decided": played.decided._asdict(),
                }
                for played in self.shrinkers
            ],
        }
        if self.settings:
            found["what_if"] = {**self.settings, "note": FIRST_ORDER}
        return found
