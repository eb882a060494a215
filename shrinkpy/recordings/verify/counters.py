# SPDX-License-Identifier: GPL-2.0-only
"""Whose deferred counter each call used, and why a counter may hold what no line before left there."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..pairs import BEFORE, LOST, LostWindows, Pairs, before_in_task
from ..recording import Form, Has, Kind, Recording
from .history import Deed, Jump, Pooled, by_key, follow, follow_pool
from .probes import MEMCG_AWARE, NUMA_AWARE, Turns

__all__ = ["ANEW", "ANOTHER_CGROUP", "CONCURRENT", "REPARENTED", "Histories", "Leftover", "histories"]

CONCURRENT = "concurrent deferral"
"""An end whose new scan count holds what other tasks added meanwhile: their ends tell how much."""

ANOTHER_CGROUP = "another cgroup's counter"
"""A count that no line before it left, of a shrinker with one for each cgroup, which lines do not name."""

REPARENTED = "reparenting"
"""A cgroup that went handed its count on."""

ANEW = "registered anew"
"""A count of 0 where more was left and no call was under way: another shrinker at the same address."""

# Functions whose shrinkers have SHRINKER_MEMCG_AWARE, and some whose shrinkers never have.
_MEMCG_AWARE = frozenset(
    (
        "super_cache_scan",
        "scan_shadow_nodes",
        "deferred_split_scan",
        "zswap_shrinker_scan",
        "nfs4_xattr_cache_scan",
        "nfs4_xattr_entry_scan",
    )
)
_UNAWARE = frozenset(
    (
        "kfree_rcu_shrink_scan",
        "ext4_es_scan",
        "zs_shrinker_scan",
        "vmap_node_shrink_scan",
        "mb_cache_shrink_scan",
        "jbd2_journal_shrink_scan",
        "dqcache_shrink_scan",
        "ttm_pool_shrinker_scan",
        "mmu_shrink_scan",
        "xfs_buftarg_shrink_scan",
        "binder_shrink_scan",
    )
)

_Rows = npt.NDArray[np.int64]
_Shrinker = tuple[int, int | None]
_Cgroups = dict[int, Hashable]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A jump that nothing explains.

    :ivar goes_on: whether the lines after it believe the number: 1, or they do not: 0, or there are none: -1.
    """

    jump: Jump
    goes_on: int

    def text(self) -> tuple[str, str]:
        """Which number it is, and what about it."""
        deed, had = self.jump.deed, " or ".join(str(value) for value in self.jump.had[:4]) or "nothing"
        if not deed.add:
            what = f"{deed.needs}, but no order of the calls before leaves it: {had} was left"
            return "objects to shrink", what
        added = deed.leaves - deed.needs if deed.leaves is not None and deed.needs is not None else 0
        what = f"{deed.leaves}, but {added} were added to {had}: no other call explains it"
        return "new scan count", what


@dataclass(slots=True)
class Histories:
    """What became of all counters of a recording.

    :ivar explained: how many deeds each reason explains.
    """

    explained: Counter[str] = field(default_factory=Counter)
    left: list[Leftover] = field(default_factory=list)


def histories(
    recording: Recording,
    pairs: Pairs,
    turns: Turns,
    lost: LostWindows,
    held: npt.NDArray[np.int64],
    told: npt.NDArray[np.bool_],
    doubtful: Collection[int],
) -> Histories:
    """Follow every counter.

    :param held: of each pair, what its counter held just before its add. Shape (pairs,).
    :param told: of each pair, whether its lines tell that. Shape (pairs,).
    :param doubtful: starts and ends, by index, with a number that is known to be wrong.
    """
    return _Follower(recording, pairs, turns, lost).run(held, told, doubtful)


class _Follower:
    def __init__(self, recording: Recording, pairs: Pairs, turns: Turns, lost: LostWindows) -> None:
        self.recording, self.events = recording, recording.events
        self.pairs, self.turns, self.lost = pairs, turns, lost
        self.answer = Histories()
        self.calls: dict[int, Deed] = {}  # the take of each call
        self.exact: dict[Hashable, list[Deed]] = {}
        reparents = np.flatnonzero(self.events["kind"] == Kind.REPARENT)
        self.before = before_in_task(self.events)
        after = {int(self.before[k]): k for k in np.flatnonzero(self.before >= 0).tolist()}
        self.reparents: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for row in reparents.tolist():
            until = after.get(row, len(self.events))
            parent, child = int(self.events["parent"][row]), int(self.events["memcg"][row])
            self.reparents[parent].append((row, until, child))

    def run(self, held: _Rows, told: npt.NDArray[np.bool_], doubtful: Collection[int]) -> Histories:
        unclear: list[tuple[_Shrinker, list[Deed]]] = []
        for shrinker, deeds in self._by_shrinker(self._deeds(held, told, doubtful)):
            keys = {call: self._exact_key(deed) for call, deed in self._firsts(deeds).items()}
            if all(key is not None for key in keys.values()):
                for deed in deeds:
                    self.exact.setdefault(keys[deed.call], []).append(deed)
            else:
                unclear.append((shrinker, deeds))
        for key, deeds in self.exact.items():
            self._known(key, deeds)
        # Those first that show whether there are cgroups.
        cgroups = bool(np.any(self.events["kind"] == Kind.MEMCG_BEGIN))
        unclear.sort(key=lambda one: self._function(one[0]) not in _MEMCG_AWARE)
        for shrinker, deeds in unclear:
            cgroups = self._unknown(self._function(shrinker), deeds, cgroups) or cgroups
        return self.answer

    # -- what was done

    def _deeds(self, held: _Rows, told: npt.NDArray[np.bool_], doubtful: Collection[int]) -> list[Deed]:
        events, pairs = self.events, self.pairs
        before = self.before.tolist()
        nr, new, nid, fields = (events[name].tolist() for name in ("nr", "new_nr", "nid", "fields"))
        has_nr, has_new = int(Has.NR), int(Has.NEW_NR)
        deeds: list[Deed] = []

        def take(call: int, start: int, sure: bool) -> None:
            value = nr[start] if sure and fields[start] & has_nr else None
            deeds.append(Deed(start, before[start], call, False, value, 0, nid[start]))
            self.calls[call] = deeds[-1]

        def add(call: int, end: int, after: int, value: int | None) -> None:
            leaves = new[end] if fields[end] & has_new else None
            deeds.append(Deed(end, max(after, before[end]), call, True, value, leaves, nid[end]))

        rows = zip(pairs.start.tolist(), pairs.end.tolist(), held.tolist(), told.tolist(), strict=True)
        for call, (start, end, value, known) in enumerate(rows):
            sure = start not in doubtful and end not in doubtful
            take(call, start, sure)
            add(call, end, start, value if known and sure else None)
        call = len(pairs)
        for lone in pairs.lone_starts:
            take(call, lone.index, lone.index not in doubtful)
            call += 1
        for lone in pairs.lone_ends:
            add(call, lone.index, -1, None)
            call += 1
        return deeds

    def _by_shrinker(self, deeds: list[Deed]) -> list[tuple[_Shrinker, list[Deed]]]:
        events = self.events
        symbol, pointer = events["symbol"].tolist(), events["shrinker"].tolist()
        has = (events["fields"] & Has.SHRINKER != 0).tolist()
        groups: dict[_Shrinker, list[Deed]] = {}
        of_call: dict[int, list[Deed]] = {}
        for deed in deeds:
            # A call's end is where its start is, whatever it lacks.
            group = of_call.get(deed.call)
            if group is None:
                key = symbol[deed.last], pointer[deed.last] if has[deed.last] else None
                group = of_call[deed.call] = groups.setdefault(key, [])
            group.append(deed)
        return list(groups.items())

    @staticmethod
    def _firsts(deeds: Iterable[Deed]) -> dict[int, Deed]:
        firsts: dict[int, Deed] = {}
        for deed in deeds:
            firsts.setdefault(deed.call, deed)
        return firsts

    def _function(self, shrinker: _Shrinker) -> str:
        return self.recording.names[shrinker[0]].partition(".")[0]

    def _exact_key(self, deed: Deed) -> Hashable | None:
        """Which counter a call used, if its probe tells."""
        turn = self.turns.by_start.get(deed.last)
        if turn is None:
            return None
        call = self.events[turn.call]
        needed = Has.FLAGS | Has.MEMCG | Has.ID | Has.NID | Has.SHRINKER
        if call["fields"] & needed != needed:
            return None
        node = int(call["nid"]) if call["flags"] & NUMA_AWARE else 0
        if call["flags"] & MEMCG_AWARE and call["memcg"]:
            # A cgroup keeps counts by id: who gets a shrinker's id inherits them.
            return int(call["memcg"]), int(call["id"]), node
        return None, int(call["shrinker"]), node

    # -- where it is known whose counter is whose

    def _known(self, key: Hashable, deeds: list[Deed]) -> None:
        jumps = follow(deeds)
        left = [jump for jump in jumps if not self._is_lost(jump)]
        self._count([deeds], jumps, len(jumps) - len(left))
        left = [jump for jump in left if not self._is_reparented(jump, key)]
        self._leave(self._not_anew(left, deeds), deeds)

    # -- where it is not

    def _unknown(self, function: str, deeds: list[Deed], cgroups_seen: bool) -> bool:
        """One shrinker's counters. Answers whether it shows that there are cgroups."""
        named = self._cgroups(deeds)
        tries: list[tuple[list[list[Deed]], list[Jump]]] = []
        for counters in self._ways(deeds, named):
            tries.append((counters, [jump for counter in counters for jump in follow(counter)]))
            if not tries[-1][1]:
                break
        counters, jumps = min(tries, key=lambda one: len(one[1]))
        left = [jump for jump in jumps if not self._is_lost(jump)]
        # An add to a count that nobody left is as wrong with several counters as with one.
        if function not in _UNAWARE and any(not jump.deed.add or jump.deed.needs == 0 for jump in left):
            pooled = follow_pool(deeds)
            # Two counts at a time show that there are two counters.
            shown = pooled.again > 0 or any(jump.deed.add and jump.deed.needs == 0 for jump in left)
            if shown or cgroups_seen or function in _MEMCG_AWARE:
                self._count_pool(deeds, pooled)
                return shown
        self._count(counters, jumps, len(jumps) - len(left))
        self._leave(self._not_anew(left, deeds), deeds)
        return False

    def _cgroups(self, deeds: list[Deed]) -> _Cgroups | None:
        """Of each call the cgroup, if every line names one (era E)."""
        form, fields, ident = (self.events[name] for name in ("form", "fields", "memcg_id"))
        found: _Cgroups = {}
        for call, deed in self._firsts(deeds).items():
            if form[deed.last] != Form.E or not fields[deed.last] & Has.MEMCG_ID:
                return None
            found[call] = int(ident[deed.last])
        return found

    @staticmethod
    def _ways(deeds: list[Deed], named: _Cgroups | None) -> Iterable[list[list[Deed]]]:
        """The counters that a shrinker may have: one, one a node, one a cgroup, one for both."""
        yield [deeds]
        several = len({deed.node for deed in deeds}) > 1
        if several:
            yield by_key(deeds, lambda d: d.node)
        if named is not None:
            yield by_key(deeds, lambda d: named[d.call])
            if several:
                yield by_key(deeds, lambda d: (named[d.call], d.node))

    # -- reasons

    def _begin(self, deed: Deed) -> int:
        """The line after which a deed, or its call's take, may have been done."""
        take = self.calls.get(deed.call)
        return min(deed.first, take.first) if take is not None else deed.first

    def _is_lost(self, jump: Jump) -> bool:
        """Whether events are missing where the counter may have changed."""
        if not self.lost:
            return False
        return self.lost.between(min(jump.since, self._begin(jump.deed)), jump.deed.last)

    def _not_anew(self, jumps: list[Jump], deeds: list[Deed]) -> list[Jump]:
        """Of these jumps of a counter, those that no new shrinker explains."""
        if not jumps:
            return []
        takes = {d.call: d.last for d in deeds if not d.add}
        ends = np.array([(takes.get(d.call, -1), d.last) for d in deeds if d.add]).reshape(-1, 2)
        left = []
        for jump in jumps:
            at = jump.deed.last
            # A shrinker is not freed while it is called; the call of the jump itself begins here.
            called = bool(np.any((ends[:, 0] < at) & (ends[:, 1] > at)))
            if jump.deed.add or jump.deed.needs != 0 or called:
                left.append(jump)
            else:
                self.answer.explained[ANEW] += 1
        return left

    def _is_reparented(self, jump: Jump, key: Hashable) -> bool:
        """Whether the counter rose by what cgroups that went had left."""
        if not isinstance(key, tuple) or key[0] is None or jump.deed.needs is None:
            return False
        since = min(jump.since, self._begin(jump.deed))
        gone = [one for one in self.reparents[key[0]] if one[0] < jump.deed.last and one[1] > since]
        if not gone:
            return False
        sums: set[int] | None = {0}
        for row, until, child in gone:
            values = self._had(child, key, row, until)
            sums = None if sums is None or values is None else {a + b for a in sums for b in values | {0}}
        if sums is not None and not any(jump.deed.needs - had in sums - {0} for had in jump.had):
            return False
        self.answer.explained[REPARENTED] += 1
        return True

    def _had(self, child: int, key: tuple[Hashable, ...], row: int, until: int) -> set[int] | None:
        """What a cgroup that went may have handed on; None if the recording does not tell."""
        deeds = self.exact.get((child, *key[1:]))
        if not deeds or self.reparents[child]:
            return None
        values = {0}
        over = [deed.first for deed in deeds if deed.last <= row]
        latest = max(over, default=-1)
        for deed in deeds:
            # Some order makes it the last before the cgroup went: none is wholly after it.
            if deed.first < until and deed.last > latest:
                if deed.leaves is None:
                    return None
                values.add(deed.leaves)
        return values if over else None

    def _count(self, counters: list[list[Deed]], jumps: list[Jump], lost: int) -> None:
        explained = self.answer.explained
        explained[LOST] += lost
        odd = {id(jump.deed) for jump in jumps}
        for counter in counters:
            first = min(counter, key=lambda d: d.last)
            explained[BEFORE] += not first.add and bool(first.needs)
            explained[CONCURRENT] += sum(d.add and bool(d.needs) and id(d) not in odd for d in counter)

    def _count_pool(self, deeds: list[Deed], pooled: Pooled) -> None:
        explained = self.answer.explained
        left = [jump for jump in pooled.jumps if not self._is_lost(jump)]
        explained[LOST] += len(pooled.jumps) - len(left)
        explained[REPARENTED] += len(pooled.reparented)
        first = min(deeds, key=lambda d: d.last)
        for deed in pooled.unseen:
            missing = self.lost.between(-1, deed.last)
            explained[BEFORE if deed is first else LOST if missing else ANOTHER_CGROUP] += 1
        odd = {id(jump.deed) for jump in pooled.jumps} | {id(deed) for deed in pooled.reparented}
        explained[CONCURRENT] += sum(d.add and bool(d.needs) and id(d) not in odd for d in deeds)
        self._leave(left, deeds)

    def _leave(self, jumps: list[Jump], deeds: list[Deed]) -> None:
        takes = sorted((d for d in deeds if not d.add), key=lambda d: d.last) if jumps else []
        for jump in jumps:
            goes_on = 1
            if jump.deed.add:
                after = bisect_right(takes, jump.deed.last, key=lambda d: d.last)
                goes_on = int(takes[after].needs == jump.deed.leaves) if after < len(takes) else -1
            self.answer.left.append(Leftover(jump, goes_on))
