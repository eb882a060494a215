# SPDX-License-Identifier: GPL-2.0-only
"""The calls of do_shrink_slab() as columns: what each scanned, freed and took, and whose it was.

A call is a pair, or a start or an end alone. What a recording does not tell of a call is unknown, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..control import SHRINK_BATCH
from .arithmetic import Seeks, fit_seeks, seeks_bounds, seeks_bounds_of_pages
from .pairs import Pairs, before_in_task, pair
from .recording import STOP, Events, Form, Has, Kind, Mark, Recording, printable

__all__ = ["Column", "Columns", "Who"]

Indices = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

_LEAST_BATCH = 16
"""A smaller common divisor is no batch, but an accident of small numbers."""


class Who(NamedTuple):
    """A shrinker as a recording tells it: the pointer as printed, None where a line has none."""

    symbol: str
    shrinker: int | None

    @property
    def pointer(self) -> str:
        """As ftrace prints it; empty where there is none."""
        return "" if self.shrinker is None else f"{self.shrinker:016x}"

    @property
    def label(self) -> str:
        """Symbol and pointer, fit for a terminal."""
        return printable(f"{self.symbol} {self.pointer}".rstrip())


class Column(NamedTuple):
    """A number of each call, and of which calls it is known. Both of shape (calls,)."""

    value: npt.NDArray[Any]
    known: Truths

    def of(self, chosen: Indices) -> npt.NDArray[Any]:
        """The known ones of the chosen calls."""
        return self.value[chosen[self.known[chosen]]]


@dataclass
class Columns:
    """All calls of one recording, in the order of their first lines.

    :ivar start: index of its start in the events, or -1. Shape (calls,).
    :ivar end: of its end, or -1. Shape (calls,).
    """

    recording: Recording
    pairs: Pairs
    start: Indices
    end: Indices
    _columns: dict[tuple[str, str], Column] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, recording: Recording) -> Columns:
        """Pair the starts and ends of a whole recording."""
        pairs = pair(recording.events)
        lone_starts = np.array([lone.index for lone in pairs.lone_starts], np.int64)
        lone_ends = np.array([lone.index for lone in pairs.lone_ends], np.int64)
        starts = np.concatenate([pairs.start, lone_starts, np.full(len(lone_ends), -1, np.int64)])
        ends = np.concatenate([pairs.end, np.full(len(lone_starts), -1, np.int64), lone_ends])
        order = np.argsort(np.where(starts >= 0, starts, ends), kind="stable")
        return cls(recording, pairs, starts[order], ends[order])

    def __len__(self) -> int:
        return len(self.start)

    # ---- fields

    @property
    def events(self) -> Events:
        """Of the recording."""
        return self.recording.events

    @cached_property
    def first(self) -> Indices:
        """The event that a call is known by: its start, else its end."""
        return np.where(self.start >= 0, self.start, self.end)

    def of_start(self, name: str) -> Column:
        """A field of the starts, by its name in EVENT_DTYPE."""
        return self._kept(self.start, "start", name)

    def of_end(self, name: str) -> Column:
        """A field of the ends."""
        return self._kept(self.end, "end", name)

    def of_first(self, name: str) -> Column:
        """A field of the first lines of the calls."""
        return self._field(self.first, name)

    def _kept(self, index: Indices, which: str, name: str) -> Column:
        if (which, name) not in self._columns:
            self._columns[which, name] = self._field(index, name)
        return self._columns[which, name]

    def _field(self, index: Indices, name: str) -> Column:
        there = index >= 0
        if not len(index):
            return Column(np.zeros(0, self.events.dtype[name]), there)
        fields = self.events["fields"][index]
        return Column(self.events[name][index], there & (fields & Has[name.upper()] != 0))

    @cached_property
    def paired(self) -> Truths:
        """Calls that have both."""
        return (self.start >= 0) & (self.end >= 0)

    @cached_property
    def whole(self) -> Truths:
        """Pairs of which nothing speaks against their being one call.

        A task is in one call at a time, but for calls inside calls: a pair with half a call of the same
        task between its lines is of two calls, whose other halves are not in the recording.
        """
        whole = self.paired.copy()
        lines = np.flatnonzero(self.events["kind"] <= Kind.END)
        in_irq = (self.events["mark"][lines] & Mark.IN_IRQ).astype(np.int64)
        task = self.events["pid"][lines].astype(np.int64) * 8 + in_irq
        lines = lines[np.argsort(task, kind="stable")]
        place = np.empty(len(self.events), np.int64)
        place[lines] = np.arange(len(lines))
        partner = np.full(len(self.events), -1, np.int64)
        partner[self.start[whole]], partner[self.end[whole]] = self.end[whole], self.start[whole]
        other = np.where(partner[lines] >= 0, place[partner[lines]], -1)
        # Nearly all of them stand next to each other.
        paired = np.flatnonzero(whole)
        apart = paired[place[self.end[paired]] - place[self.start[paired]] != 1]
        for call in apart.tolist():
            begin, end = place[self.start[call]], place[self.end[call]]
            between = other[begin + 1 : end]
            whole[call] = end > begin and bool(((between > begin) & (between < end)).all())
        return whole

    @cached_property
    def before(self) -> Indices:
        """Of each call, the last event of its task before it, or -1."""
        return before_in_task(self.events)[self.first]

    # ---- whose

    @cached_property
    def _groups(self) -> tuple[list[Who], Indices]:
        if not len(self):
            return [], np.zeros(0, np.int64)
        events = self.events[self.first]
        there = events["fields"] & Has.SHRINKER != 0
        # One number a key sorts many times faster than a row of three.
        _, pointer = np.unique(events["shrinker"], return_inverse=True)
        mixed = (pointer.astype(np.int64) << 32 | events["symbol"]) << 1 | there
        _, where, group = np.unique(mixed, return_index=True, return_inverse=True)
        who = [
            Who(self.recording.names[symbol] or "?", shrinker if known else None)
            for symbol, shrinker, known in zip(
                events["symbol"][where].tolist(),
                events["shrinker"][where].tolist(),
                there[where].tolist(),
                strict=True,
            )
        ]
        return who, group.astype(np.int64)

    @property
    def shrinkers(self) -> list[Who]:
        """Whose calls there are."""
        return self._groups[0]

    @property
    def group(self) -> Indices:
        """Of each call, the place of its shrinker in shrinkers. Shape (calls,)."""
        return self._groups[1]

    @cached_property
    def members(self) -> list[Indices]:
        """Of each shrinker, its calls, in order."""
        if not len(self):
            return []
        order = np.argsort(self.group, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.group))[:-1])

    @cached_property
    def nid(self) -> Column:
        """The node; both halves of a pair have the same."""
        return self.of_first("nid")

    @cached_property
    def memcg(self) -> Column:
        """The cgroup: era E's memcg_id, else the memcg that a probe of do_shrink_slab() saw just before."""
        own = self.of_first("memcg_id")
        address = self._probe("memcg")
        return Column(np.where(own.known, own.value, address.value), own.known | address.known)

    @cached_property
    def _probes(self) -> Indices:
        """Of each call, the probe of do_shrink_slab() that it follows in its task, or -1."""
        probes = np.flatnonzero(self.events["kind"] == Kind.DO_SHRINK_SLAB)
        if not len(probes) or not len(self):
            return np.full(len(self), -1, np.int64)
        pid, size = self.events["pid"].astype(np.int64), len(self.events)
        probes = probes[np.argsort(pid[probes], kind="stable")]
        last = np.searchsorted(pid[probes] * size + probes, pid[self.first] * size + self.first) - 1
        probe = probes[np.maximum(last, 0)]
        fits = (last >= 0) & (self.start >= 0) & (pid[probe] == pid[self.first])
        fits &= self.events["shrinker"][probe] == self.events["shrinker"][self.first]
        return np.where(fits, probe, -1)

    def _probe(self, name: str) -> Column:
        """A field of those probes."""
        return self._field(self._probes, name)

    @cached_property
    def flags(self) -> Column:
        """The shrinker's flags, as a probe saw them."""
        return self._probe("flags")

    # ---- what they did

    @cached_property
    def items(self) -> Column:
        """Objects that count_objects answered."""
        return self.of_start("items")

    @cached_property
    def old_form(self) -> Truths:
        """The calls whose end prints new_nr - nr as total_scan (era A)."""
        if not len(self):
            return np.zeros(0, np.bool_)
        form = self.events["form"]
        old_start: Truths = (self.start >= 0) & (form[self.start] == Form.A)
        old_end: Truths = (self.end >= 0) & (form[self.end] == Form.A)
        return old_start | old_end

    @cached_property
    def scanned(self) -> Column:
        """Objects scanned: what total_scan fell by.

        In era A, whose end does not print what was left, it is told by the counter: less than was
        scanned, where others deferred work to it meanwhile.
        """
        before, after, new = self.of_start("total_scan"), self.of_end("total_scan"), self.of_end("new_nr")
        old = self.old_form
        value = before.value - np.where(old, new.value, after.value)
        known = self.whole & before.known & np.where(old, new.known, after.known)
        return Column(value, known & ~(old & (value < 0)))

    @cached_property
    def freed(self) -> Column:
        """Objects freed. Unknown in era A: the last answer of its one-call shrinkers is what remained."""
        answer = self.of_end("ret")
        return Column(answer.value, answer.known & ~self.old_form)

    @cached_property
    def latency(self) -> Column:
        """From start to end, in ns. Unknown where the clock counts something else."""
        before, after = self.of_start("time"), self.of_end("time")
        known = self.whole & before.known & after.known
        if len(self):
            raw = self.events["mark"] & Mark.RAW_TIME != 0
            known &= ~(raw[self.start] | raw[self.end])
        took = after.value - before.value
        return Column(took, known & (took >= 0))

    @cached_property
    def idle(self) -> Column:
        """Whether it scanned nothing at all."""
        asked = self.of_start("total_scan")
        for_nothing = asked.known & (asked.value == 0)
        value = np.where(self.scanned.known, self.scanned.value == 0, for_nothing)
        known = self.scanned.known | for_nothing
        # Era A, without its start: nothing was taken off the counter, and nothing answered.
        nr, new, answer = self.of_end("nr"), self.of_end("new_nr"), self.of_end("ret")
        alone = self.old_form & ~known & nr.known & new.known & answer.known
        value = np.where(alone, (new.value >= nr.value) & (answer.value == 0), value)
        return Column(value, known | alone)

    @cached_property
    def batch(self) -> Column:
        """Objects a scan call: as a probe saw it, else of what all that it scanned is a multiple."""
        told = self._probe("batch")
        value, known = np.where(told.value == 0, SHRINK_BATCH, told.value), told.known.copy()
        # A call that is asked for less than there is scans whole batches only.
        asked, scanned = self.of_start("total_scan"), self.scanned
        batches = scanned.known & self.items.known & (scanned.value > 0) & (asked.value < self.items.value)
        for mine in self.members:
            each = np.unique(scanned.value[mine[batches[mine]]])
            if not known[mine].any() and len(each) and (common := int(np.gcd.reduce(each))) >= _LEAST_BATCH:
                value[mine], known[mine] = common, True
        return Column(value, known)

    @cached_property
    def stopped(self) -> Column:
        """Whether it ended by SHRINK_STOP, as far as what it left tells.

        The loop goes on while a batch or all objects are left to scan: a call that left as much was
        stopped. One that left less than all objects of a shrinker whose batch is unknown is not counted.
        Unknown in era A.
        """
        left, batch = self.of_end("total_scan"), self.batch
        known = self.whole & left.known & self.items.known & ~self.old_form
        more = (left.value >= self.items.value) | (batch.known & (left.value >= batch.value))
        return Column(more & (self.items.value > 0), known)

    @cached_property
    def stops(self) -> list[int | None]:
        """Of each shrinker, how many scans a probe saw answer SHRINK_STOP; None where it had no probe."""
        kind, fields = self.events["kind"], self.events["fields"]
        answers = np.flatnonzero((kind == Kind.CALLBACK_RET) & (fields & Has.NR_SCANNED != 0))
        probed = {self.recording.names[k] for k in np.unique(self.events["symbol"][answers]).tolist()}
        count: dict[int, int] = {k: 0 for k, who in enumerate(self.shrinkers) if who.symbol in probed}
        answers = answers[self.events["ret"][answers] == STOP]
        # The call that a task is in is the last that it began and did not end.
        begun = np.flatnonzero(self.start >= 0)
        pid, size = self.events["pid"].astype(np.int64), len(self.events)
        begun = begun[np.argsort(pid[self.start[begun]], kind="stable")]
        keys = pid[self.start[begun]] * size + self.start[begun]
        last = np.searchsorted(keys, pid[answers] * size + answers) - 1
        for answer, place in zip(answers[last >= 0].tolist(), last[last >= 0].tolist(), strict=True):
            call = begun[place]
            over = 0 <= self.end[call] < answer  # then it was debugfs that scanned
            if not over and pid[self.start[call]] == pid[answer]:
                count[int(self.group[call])] = count.get(int(self.group[call]), 0) + 1
        return [count.get(k) for k in range(len(self.shrinkers))]

    @cached_property
    def seeks(self) -> list[Seeks | int | None]:
        """Of each shrinker, as a probe saw it, else as its deltas tell: the last, of a pointer used again."""
        told = self._probe("seeks")
        answer: list[Seeks | int | None] = []
        for mine, (found, _) in zip(self.members, self._fits, strict=True):
            seen = told.of(mine)
            answer.append(int(seen[-1]) if len(seen) else found[-1] if found else None)
        return answer

    @cached_property
    def odd_deltas(self) -> Truths:
        """The calls whose delta comes from no seeks that explain the others of their shrinker."""
        answer = np.zeros(len(self), np.bool_)
        for _, odd in self._fits:
            answer[odd] = True
        return answer

    @cached_property
    def _fits(self) -> list[tuple[tuple[Seeks, ...], Indices]]:
        """Of each shrinker, the seeks that explain its deltas, and the calls whose delta they do not."""
        items, delta, priority = self.items.value, self.of_start("delta"), self.of_start("priority")
        pages, lru = self.of_start("pgs_scanned"), self.of_start("lru_pgs")
        usable = self.items.known & delta.known
        by_priority, by_pages = usable & priority.known, usable & pages.known & lru.known
        answer = []
        for mine in self.members:
            of = mine[by_priority[mine]]
            if len(of):
                bounds = seeks_bounds(items[of], delta.value[of], priority.value[of])
            else:
                of = mine[by_pages[mine]]
                bounds = seeks_bounds_of_pages(items[of], delta.value[of], pages.value[of], lru.value[of])
            fit = fit_seeks(*bounds)
            answer.append((fit.seeks, of[~fit.fits]))
        return answer
