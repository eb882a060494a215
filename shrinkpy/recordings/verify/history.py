# SPDX-License-Identifier: GPL-2.0-only
"""The history of each deferred counter: is there an order of what was done to it that explains every number?

A call does two things to its counter, each atomic: it takes the count and leaves 0, some time before its
start is printed; and it adds what it hands on, some time between its start and its end. A line is printed
after the deed, so that a start may print a count that a line above it has changed already. What is checked
is whether *some* order explains the lines in which each deed is done within its bounds:

    taken:  after the task's line before the start, up to the start
    added:  after the task's line before the end (the start, or a scan's), up to the end

Each deed needs one value of the counter and leaves one: a take needs the nr it prints and leaves 0; an add
of d needs new_nr - d and leaves new_nr. So an order is a chain of values.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

__all__ = ["Deed", "Jump", "follow", "follow_pool"]

STATES = 64
"""How many orders are kept in mind at a time."""

TRIES = 1024
"""How many are tried to get from one line to the next."""

REACH = 512
"""How many deeds of its counter a deed may be ahead of its line."""


@dataclass(slots=True, eq=False)
class Deed:
    """A take or an add.

    :ivar last: the line up to which it is done, by index.
    :ivar first: the line after which it is.
    :ivar call: which call's it is, any number.
    :ivar add: an add, not a take.
    :ivar needs: the counter's value just before; None if the recording does not tell.
    :ivar leaves: the value just after; None if not told.
    :ivar node: of a shrinker with a counter for each.
    """

    last: int
    first: int
    call: int
    add: bool
    needs: int | None
    leaves: int | None
    node: int = 0


@dataclass(frozen=True, slots=True)
class Jump:
    """A deed that no order explains.

    :ivar deed: it.
    :ivar had: what the counter may have held instead; empty at its first sight.
    :ivar since: the line of the deed before it; -1 if there was none.
    """

    deed: Deed
    had: tuple[int, ...]
    since: int


_State = tuple[int | None, frozenset[Deed]]


def follow(deeds: Iterable[Deed]) -> list[Jump]:
    """Follow one counter.

    Goes through the lines, each the last moment of its deed, and keeps every state that some order leads to:
    the value, and which deeds were done ahead of their lines. A deed is done ahead only as part of a chain
    that ends in the one whose line has come, so that as much as possible is left open; what changes nothing
    is done as soon as it can be.

    :param deeds: of one counter, in any order; at most one take or add ends at a line.
    :returns: the deeds that no order explains, in order. After one, its printed numbers are believed, and as
        well what the counter would hold if the number that jumped were wrong.
    """
    ordered = sorted(deeds, key=lambda d: d.last)
    opening = _opening(ordered)
    opened = 0
    active = _Active()
    states: list[_State] = [(None, frozenset())]
    jumps: list[Jump] = []
    since = -1
    for deed in ordered:
        while opened < len(opening) and opening[opened][0] < deed.last:
            active.add(opening[opened][1])
            opened += 1
        following = _advance(states, deed, active)
        if not following:
            had = {value for value, _ in states if value is not None}
            jumps.append(Jump(deed, tuple(sorted(had)), since))
            following = _believe(states, deed)
        states = following[:STATES]
        since = deed.last
        active.remove(deed)
    return jumps


def _opening(ordered: Sequence[Deed]) -> list[tuple[int, Deed]]:
    """The deeds with the line after which each may be done, in the order of these.

    A task's first line has none before it; but no task sleeps between its take and its start for as long as
    it takes the others to do so many.
    """
    begins = []
    for k, deed in enumerate(ordered):
        bound = ordered[k - REACH].last if k >= REACH else -1
        begins.append((max(deed.first, bound), k, deed))
    begins.sort(key=lambda begin: begin[:2])
    return [(first, deed) for first, _, deed in begins]


class _Active:
    """The deeds that may be done now, and whose lines have not come: by what each needs and leaves."""

    def __init__(self) -> None:
        self.by_needs: dict[int | None, dict[int | None, list[Deed]]] = {}

    def add(self, deed: Deed) -> None:
        same = self.by_needs.setdefault(deed.needs, {}).setdefault(deed.leaves, [])
        insort(same, deed, key=lambda d: d.last)

    def remove(self, deed: Deed) -> None:
        of_value = self.by_needs[deed.needs]
        of_value[deed.leaves].remove(deed)
        if not of_value[deed.leaves]:
            del of_value[deed.leaves]

    def idle(self, value: int | None) -> Sequence[Deed]:
        """Those that change nothing."""
        return () if value is None else self.by_needs.get(value, {}).get(value, ())

    def moving(self, value: int | None, done: frozenset[Deed]) -> Iterable[Deed]:
        """One of each that do the same to this value: that whose line comes first, as it must not wait."""
        for needs in tuple(self.by_needs) if value is None else (value,):
            for leaves, same in self.by_needs.get(needs, {}).items():
                if needs is not None and (leaves != needs or value is None):
                    yield from islice((d for d in same if d not in done), 1)


def _advance(states: Sequence[_State], deed: Deed, active: _Active) -> list[_State]:
    """The states after the deed whose line has come, over all chains of open deeds that end in it."""
    found: dict[_State, None] = {}
    seen: set[_State] = set()
    queue = list(states)
    at = 0
    while at < len(queue) and len(seen) < TRIES:
        value, done = queue[at]
        at += 1
        if deed in done:
            found[value, done - {deed}] = None
            continue
        # Doing what changes nothing forecloses nothing.
        idle = [d for d in active.idle(value) if d is not deed and d not in done]
        if idle:
            done |= frozenset(idle)
        if (value, done) in seen:
            continue
        seen.add((value, done))
        # First the deed itself: the order of the lines, if it will do.
        fits = value is None or deed.needs is None or value == deed.needs
        if fits:
            found[deed.leaves, done] = None
        # One that does the same as this can wait longer than this.
        same = (deed.needs, deed.leaves) if fits else None
        others = (d for d in active.moving(value, done) if d is not deed and (d.needs, d.leaves) != same)
        queue.extend((d.leaves, done | {d}) for d in others)
    # Those that did least ahead of its line come first, should there be too many.
    return sorted(found, key=lambda state: len(state[1])) if len(found) > 1 else list(found)


def _believe(states: Sequence[_State], deed: Deed) -> list[_State]:
    """The states after a deed that does not fit: as printed, and as it would be after what was before."""
    found: dict[_State, None] = {}
    for value, done in states:
        found[deed.leaves, done - {deed}] = None
        if deed.add and value is not None and deed.needs is not None and deed.leaves is not None:
            found[value + deed.leaves - deed.needs, done - {deed}] = None
    return list(found)


@dataclass(slots=True)
class Pooled:
    """What became of a shrinker that has a counter for each cgroup, where lines do not name the cgroup.

    :ivar jumps: adds that nothing explains.
    :ivar unseen: takes of a count that no line before them left: of a cgroup seen for the first time.
    :ivar again: takes of a count, not 0, that was left before other calls left others.
    :ivar reparented: adds to what a cgroup may have handed on that is gone.
    """

    jumps: list[Jump] = field(default_factory=list)
    unseen: list[Deed] = field(default_factory=list)
    again: int = 0
    reparented: list[Deed] = field(default_factory=list)


def follow_pool(deeds: Iterable[Deed]) -> Pooled:
    """Follow the counters of a shrinker together, where lines do not tell which is whose.

    The counters are a pool of values: a take needs its nr among them, an add of d its new_nr - d. Zero is
    always among them, as a new cgroup begins with it. What an add needs besides must have been left within
    its own call.

    :param deeds: of all the counters of a shrinker.
    """
    ordered = sorted(deeds, key=lambda d: d.last)
    opening = _opening(ordered)
    adds: dict[int | None, list[Deed]] = defaultdict(list)
    for deed in ordered:
        if deed.add:
            adds[deed.leaves].append(deed)
    begun = {d.call: d.first for d in ordered if not d.add}
    pool: defaultdict[int | None, Counter[int]] = defaultdict(Counter)  # by value and node
    ahead: set[Deed] = set()
    open_adds: dict[int | None, dict[Deed, None]] = defaultdict(dict)
    opened = 0
    newest: int | None = None
    answer = Pooled()
    for deed in ordered:
        while opened < len(opening) and opening[opened][0] < deed.last:
            begun_deed = opening[opened][1]
            if begun_deed.add:
                open_adds[begun_deed.leaves][begun_deed] = None
            opened += 1
        if deed.add:
            open_adds[deed.leaves].pop(deed, None)
        if deed in ahead:
            ahead.discard(deed)
            continue
        if deed.add:
            if deed.needs:
                _add_to(deed, adds, begun, pool, answer)
            pool[deed.leaves][deed.node] += 1
            newest = deed.leaves
        elif deed.needs:
            there = pool[deed.needs]
            node = next((n for n in (deed.node, *there) if there[n] > 0), None)
            early = next((d for d in open_adds[deed.needs] if d not in ahead), None)
            if node is not None:
                there[node] -= 1
                answer.again += deed.needs != newest
            elif early is not None:
                ahead.add(early)
            else:
                answer.unseen.append(deed)
    if not answer.again and not answer.unseen:
        # Nothing says that there is more than one counter: no cgroup's count to hand on.
        answer.jumps.extend(Jump(deed, (0,), begun.get(deed.call, -1)) for deed in answer.reparented)
        answer.reparented.clear()
    return answer


def _add_to(
    deed: Deed,
    adds: dict[int | None, list[Deed]],
    begun: dict[int, int],
    pool: dict[int | None, Counter[int]],
    answer: Pooled,
) -> None:
    """An add that found something there."""
    taken = begun.get(deed.call, -1)
    same = adds[deed.needs]
    since = bisect_right(same, taken, key=lambda d: d.last)
    if any(d is not deed and d.first < deed.last for d in islice(same, since, since + REACH)):
        return
    if deed.needs is not None and deed.needs > 0 and any(n > 0 for n in pool[deed.needs].values()):
        answer.reparented.append(deed)
        return
    answer.jumps.append(Jump(deed, (0,), taken))


def by_key(deeds: Iterable[Deed], key: Callable[[Deed], Hashable]) -> list[list[Deed]]:
    """The deeds of each counter, where the key tells the counter."""
    groups: dict[Hashable, list[Deed]] = {}
    for deed in deeds:
        groups.setdefault(key(deed), []).append(deed)
    return list(groups.values())
