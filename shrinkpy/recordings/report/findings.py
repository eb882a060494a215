# SPDX-License-Identifier: GPL-2.0-only
"""What a recording tells against its shrinkers, under the ids of the contract's checks.

Only what can be told from a trace, and only what is far from what healthy machines do: each bound
is a constant here, with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...control import SHRINK_BATCH, Flags
from ..arithmetic import Rest, Total, next_deferred, total_scan
from ..columns import Column, Columns, Who
from ..recording import Has, printable
from ..verify.check import verify

__all__ = ["Finding", "find"]

Indices = npt.NDArray[np.int64]

FRUITLESS_CALLS = 10
FRUITLESS_ROUNDS = 4
"""C10. A cache whose objects are all in use frees nothing the first time round, while it takes
their referenced bits away; nine such calls in a row were seen on healthy machines, over two
thirds of the cache. Four times round is more than any second chance takes."""

LATENCY_BUDGET = 2_000_000_000
"""C18, ns. Under pressure, a call that frees a hundred thousand inodes takes a second or more on a
small machine, which nobody can call wrong. From two seconds on a user sees his machine stand
still."""

SLOW_CALLS = 3
SLOW_CALL = 10_000_000
SLOW_OBJECT = 100_000
"""C18, ns. Objects of the slowest healthy caches take 25 µs, preemption included. A callback that
takes four times as long for each, and holds a task up for 10 ms, works where it should not;
three times, as once may be the scheduler."""

WOUND_UP = 10
WOUND_UP_LEAST = 1000
"""C19. From 5.13 on a call defers at most twice what it counts, and a cache that shrank meanwhile
has left six times its objects behind on a healthy machine. Less than a thousand objects, nobody
will notice."""

FUTILE_CALLS = 40
FUTILE = 0.95
"""C20, by task. A task that reclaims directly makes hundreds of calls that scan nothing, at the low
priorities, and is none the worse. Of kswapd's, which goes on to where there is work, 7 to 9 in 10
scan nothing where nothing is wrong."""

NEVER_CALLS = 100
NEVER = 0.99
NEVER_BATCHES = 4
"""C20, by shrinker. Small caches are called in vain, and that costs little. One that could fill a
batch, and was asked for several by and by, should have got to one in a hundred calls."""

FAIR_CALLS = 50
FAIR_BATCHES = 10
EQUAL = 0.2
UNEQUAL = 2.0
"""C34. Batches make work uneven: cells are compared after fifty calls and ten batches of work asked
for. Those that hold, and were asked for, the same within a fifth should not differ by the factor
two in what was scanned."""

VERIFIED_PAIRS = 50_000
"""C35. verify() looks at the history of every counter, and takes seconds for so many. Of more, only the
pairs' own numbers are held against each other."""

SHARED_CALLS = 20
SHARED = 0.9
"""C36. A count that stands on another node's counter may be chance for small numbers, hardly twenty
times."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    :ivar check: its id, C10.
    :ivar severity: E where the contract is broken, W where that is legal but harmful.
    :ivar subject: whom it is about: a shrinker, or a task.
    :ivar text: what happened and what to do, without id and subject.
    :ivar numbers: the numbers of text; times in ns, ``line`` of the file where to look.
    :ivar source: the file.
    """

    check: str
    severity: str
    subject: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it, for json.dumps."""
        return {
            "id": self.check,
            "severity": self.severity,
            "file": self.source,
            "subject": self.subject,
            "text": self.text,
            **self.numbers,
        }

    def __str__(self) -> str:
        return f"{self.check} {self.subject}: {self.text}"


def find(calls: Columns) -> list[Finding]:
    """All findings of one recording, in the order of their ids."""
    checks: list[Callable[[Columns], Iterator[Finding]]] = [
        _fruitless,
        _slow,
        _wound_up,
        _futile_tasks,
        _never_a_batch,
        _unfair,
        _broken,
        _shared,
    ]
    source = printable(calls.recording.source)
    return [replace(finding, source=source) for check in checks for finding in check(calls)]


# ---- words


def _about(who: Who) -> dict[str, Any]:
    return {"shrinker": who.pointer or None, "symbol": printable(who.symbol)}


def _task(calls: Columns, event: int) -> str:
    events = calls.events
    if not events["fields"][event] & Has.PID:
        return "a task"
    return printable(bytes(events["comm"][event])) + f"-{events['pid'][event]}"


def _line(calls: Columns, event: int) -> int:
    return int(calls.events["line"][event])


def _took(ns: float) -> str:
    for unit, name in ((1e9, "s"), (1e6, "ms")):
        if ns >= unit:
            return f"{ns / unit:.3g} {name}" if ns < 100 * unit else f"{ns / unit:,.0f} {name}"
    return f"{ns / 1e3:.3g} µs"


def _times(a: int, b: int) -> str:
    return f"{a / b:,.0f}" if a >= 10 * b else f"{a / b:.1f}"


# ---- C10


def _cells(calls: Columns, mine: Indices, *, by_memcg: bool = True) -> Iterator[Indices]:
    """The calls of one shrinker by node, and by cgroup as far as it is known."""
    nid = np.where(calls.nid.known[mine], calls.nid.value[mine].astype(np.int64), -1)
    if by_memcg:
        memcg = np.where(calls.memcg.known[mine], calls.memcg.value[mine].astype(np.int64), -1)
        _, memcg = np.unique(memcg, return_inverse=True)
        nid = nid * (int(memcg.max()) + 1 if len(memcg) else 1) + memcg
    for cell in np.unique(nid).tolist():
        yield mine[nid == cell]


def _fruitless(calls: Columns) -> Iterator[Finding]:
    scanned, freed, items = calls.scanned, calls.freed, calls.items
    worked = scanned.known & freed.known & items.known & (scanned.value > 0)
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        worst: tuple[int, Indices] | None = None
        if np.count_nonzero(worked[mine]) < FRUITLESS_CALLS:
            continue
        for cell in _cells(calls, mine[worked[mine]]):
            for run in _runs(freed.value[cell] == 0, FRUITLESS_CALLS):
                of_run = cell[run]
                total = int(scanned.value[of_run].sum())
                if total >= FRUITLESS_ROUNDS * int(items.value[of_run].max()) and (
                    worst is None or total > worst[0]
                ):
                    worst = total, of_run
        if worst is None:
            continue
        total, run_calls = worst
        counted, line = int(items.value[run_calls].max()), _line(calls, calls.first[run_calls[0]])
        yield Finding(
            "C10",
            "W",
            who.label,
            f"{len(run_calls)} calls in a row, from line {line} on, scanned {total:,} objects "
            f"and freed none, though "
            f"it counts at most {counted:,}: let scan_objects answer SHRINK_STOP where it cannot "
            f"free, or count_objects "
            f"count only what can go",
            {
                **_about(who),
                "line": line,
                "calls": len(run_calls),
                "scanned": total,
                "objects": counted,
            },
        )


def _runs(truths: npt.NDArray[np.bool_], least: int) -> Iterator[slice]:
    """Where so many or more true ones stand in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], truths, [False]]).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2).tolist():
        if end - begin >= least:
            yield slice(begin, end)


# ---- C18


def _slow(calls: Columns) -> Iterator[Finding]:
    latency, scanned = calls.latency, calls.scanned
    over = latency.known & (latency.value > LATENCY_BUDGET)
    # Nothing scanned counts as one: then it is the callback that takes its time before it gives up.
    each = latency.value / np.maximum(np.where(scanned.known, scanned.value, 1), 1)
    slow = latency.known & scanned.known & (latency.value >= SLOW_CALL) & (each >= SLOW_OBJECT)
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        long, slow_ones = mine[over[mine]], mine[slow[mine] & (scanned.value[mine] > 0)]
        chosen = long if len(long) else slow_ones
        if not len(long) and len(slow_ones) < SLOW_CALLS:
            continue
        worst = int(chosen[np.argmax(latency.value[chosen])])
        took, event = int(latency.value[worst]), int(calls.start[worst])
        numbers: dict[str, Any] = {
            **_about(who),
            "line": _line(calls, event),
            "task": _task(calls, event),
            "latency_ns": took,
            "calls": len(chosen),
        }
        work, advice = "", "bound what one scan call does, and its waits"
        if scanned.known[worst]:
            numbers["scanned"] = amount = int(scanned.value[worst])
            work = f", in which it scanned {amount:,} objects"
            if amount > 1:
                work += f" at {_took(took / amount)} each"
            if each[worst] < SLOW_OBJECT:
                advice = "it was asked for too much at once, so look at its count and its deferred work"
        text = f"a call held {numbers['task']} up for {_took(took)} (line {numbers['line']}){work}"
        if len(chosen) > 1:
            limit = LATENCY_BUDGET if len(long) else SLOW_CALL
            text += f"; {len(chosen)} calls took over {_took(limit)}"
        yield Finding("C18", "W", who.label, f"{text}: {advice}", numbers)


# ---- C19


def _objects(calls: Columns, mine: Indices) -> int:
    """The most objects that a shrinker may have had: the sum over its nodes and known cgroups."""
    items = calls.items
    counted = (items.of(cell) for cell in _cells(calls, mine))
    return sum(int(each.max()) for each in counted if len(each))


def _wound_up(calls: Columns) -> Iterator[Finding]:
    before, after = calls.of_start("nr"), calls.of_end("nr")
    nr = Column(np.where(before.known, before.value, after.value), before.known | after.known)
    new = calls.of_end("new_nr")
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        deferred = np.maximum(
            np.where(nr.known[mine], nr.value[mine], 0), np.where(new.known[mine], new.value[mine], 0)
        )
        least = np.minimum(
            np.where(nr.known[mine], nr.value[mine], 0), np.where(new.known[mine], new.value[mine], 0)
        )
        if len(negative := np.flatnonzero(least < 0)):
            line = _line(calls, calls.first[mine[negative[0]]])
            yield Finding(
                "C19",
                "E",
                who.label,
                f"deferred work is negative in {len(negative)} calls, {int(least.min()):,} at "
                f"the least, first at line "
                f"{line}: count_objects answered a negative number, or something else writes nr_deferred",
                {
                    **_about(who),
                    "line": line,
                    "calls": len(negative),
                    "deferred_min": int(least.min()),
                },
            )
        peak, objects = int(deferred.max()), _objects(calls, mine)
        if objects <= 0 or peak < WOUND_UP_LEAST or peak < WOUND_UP * objects:
            continue
        at = int(np.argmax(deferred))
        below = np.flatnonzero(deferred[:at] < max(WOUND_UP * objects // 2, 1))
        grew = at - int(below[-1]) if len(below) else 0
        line = _line(calls, calls.first[mine[at]])
        how = f"deferred work grew over {grew} calls to" if grew > 1 else "deferred work stands at"
        yield Finding(
            "C19",
            "W",
            who.label,
            f"{how} {peak:,} objects (line {line}), {_times(peak, objects)} times the "
            f"{objects:,} that it counts at "
            f"most: some pass will be asked for all of it at once; have scan_objects do more of "
            f"what it is asked for, or "
            f"count_objects answer less where it cannot",
            {
                **_about(who),
                "line": line,
                "deferred": peak,
                "objects": objects,
                "times": round(peak / objects, 1),
                "calls": grew,
            },
        )


# ---- C20


def _below_a_batch(calls: Columns) -> Column:
    """Calls that scanned nothing, not because they were stopped."""
    stopped = calls.stopped.known & calls.stopped.value
    return Column(calls.idle.value & ~stopped, calls.idle.known)


def _futile_tasks(calls: Columns) -> Iterator[Finding]:
    if not len(calls):
        return
    idle, events = _below_a_batch(calls), calls.events
    kswapd = np.char.startswith(events["comm"][calls.first], b"kswapd")
    of_kswapd = np.flatnonzero(kswapd & idle.known & (events["fields"][calls.first] & Has.PID != 0))
    pid = events["pid"][calls.first]
    for task in np.unique(pid[of_kswapd]).tolist():
        mine = of_kswapd[pid[of_kswapd] == task]
        vain = int(np.count_nonzero(idle.value[mine]))
        if len(mine) < FUTILE_CALLS or vain < FUTILE * len(mine):
            continue
        event = int(calls.first[mine[0]])
        shrinkers = len(np.unique(calls.group[mine]))
        name, line = _task(calls, event), _line(calls, event)
        nothing = "nothing was done" if vain == len(mine) else f"only {len(mine) - vain} did anything"
        yield Finding(
            "C20",
            "W",
            name,
            f"{shrinkers} shrinkers were called in turn, {len(mine)} times from line {line} on, "
            f"each below a batch, and "
            f"{nothing}: smaller batches, or counts that say 0 where nothing will be done, would "
            f"spare it the calls",
            {"task": name, "line": line, "shrinkers": shrinkers, "calls": len(mine), "useless": vain},
        )


def _never_a_batch(calls: Columns) -> Iterator[Finding]:
    idle, delta, batch = _below_a_batch(calls), calls.of_start("delta"), calls.batch
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        known = mine[idle.known[mine]]
        vain = int(np.count_nonzero(idle.value[known]))
        items = calls.items.of(mine)
        if len(known) < NEVER_CALLS or vain < NEVER * len(known) or not len(items):
            continue
        batches = batch.of(mine)
        size = int(batches[0]) if len(batches) else SHRINK_BATCH
        asked = int(np.minimum(delta.of(mine), np.uint64(2**32)).sum())
        if int(items.max()) < size or asked < NEVER_BATCHES * size:
            continue
        yield Finding(
            "C20",
            "W",
            who.label,
            f"{vain} of {len(known)} calls scanned nothing, though {asked:,} objects were asked "
            f"for and it counts up to "
            f"{int(items.max()):,}: it does not get to a batch "
            f"({size if len(batches) else 'unknown'}); set a smaller one",
            {
                **_about(who),
                "line": _line(calls, calls.first[mine[0]]),
                "calls": len(known),
                "useless": vain,
                "asked": asked,
                "objects": int(items.max()),
            },
        )


# ---- C34


def _unfair(calls: Columns) -> Iterator[Finding]:
    scanned, items, delta = calls.scanned, calls.items, calls.of_start("delta")
    usable = scanned.known & items.known & delta.known
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        if np.count_nonzero(usable[mine]) < 2 * FAIR_CALLS:
            continue
        cells = [cell for cell in _cells(calls, mine[usable[mine]]) if len(cell) >= FAIR_CALLS]
        load = np.array([items.value[cell].mean() for cell in cells])
        asked = np.array([np.minimum(delta.value[cell], np.uint64(2**32)).sum() for cell in cells], float)
        got = np.array([scanned.value[cell].sum() for cell in cells], float)
        enough = np.flatnonzero(asked >= FAIR_BATCHES * SHRINK_BATCH)
        if len(enough) < 2:
            continue
        most = int(enough[np.argmax(got[enough])])
        alike = [
            int(k)
            for k in enough
            if abs(load[k] - load[most]) <= EQUAL * load[most]
            and abs(asked[k] - asked[most]) <= EQUAL * asked[most]
        ]
        least = min(alike, key=lambda k: got[k])
        if got[most] < UNEQUAL * got[least] or got[most] < FAIR_BATCHES * SHRINK_BATCH:
            continue
        names = [_cell_name(calls, cells[k]) for k in (most, least)]
        yield Finding(
            "C34",
            "W",
            who.label,
            f"{names[0]} had {int(got[most]):,} objects scanned, {names[1]} {int(got[least]):,}, "
            f"though both hold about "
            f"{load[most]:,.0f} and were asked for about {asked[most]:,.0f}: does its scan stay "
            f"on sc->nid and sc->memcg?",
            {
                **_about(who),
                "cells": names,
                "objects": [round(float(load[k]), 1) for k in (most, least)],
                "asked": [int(asked[k]) for k in (most, least)],
                "scanned": [int(got[k]) for k in (most, least)],
            },
        )


def _cell_name(calls: Columns, cell: Indices) -> str:
    nid, memcg = calls.nid.of(cell[:1]), calls.memcg.of(cell[:1])
    words = [f"node {nid[0]}"] if len(nid) else []
    if len(memcg):
        words.append(f"cgroup {memcg[0]:#x}" if memcg[0] >= 2**32 else f"cgroup {memcg[0]}")
    return ", ".join(words)


# ---- C35


def _broken(calls: Columns) -> Iterator[Finding]:
    wrong = _unexplained(calls) if len(calls.pairs) <= VERIFIED_PAIRS else _of_pairs_alone(calls)
    if not wrong:
        return
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        broken = [call for call in mine.tolist() if call in wrong]
        if not broken:
            continue
        first = broken[0]
        event, what = wrong[first]
        line = _line(calls, event)
        yield Finding(
            "C35",
            "E",
            who.label,
            f"the numbers of {len(broken)} of {len(mine)} calls do not follow from what is recorded, "
            f"first at line {line}: {what}; a line was changed, or this kernel's do_shrink_slab() was: "
            f"see shrinkpy trace verify",
            {**_about(who), "line": line, "calls": len(mine), "broken": len(broken), "what": what},
        )


def _unexplained(calls: Columns) -> dict[int, tuple[int, str]]:
    """What verify() finds, by call: the event, and what is wrong."""
    found = verify(calls.recording).unexplained
    if not found:
        return {}
    lines = {finding.line: finding.what for finding in found}
    wrong: dict[int, tuple[int, str]] = {}
    for half in (calls.start, calls.end):
        for call in np.flatnonzero(half >= 0).tolist():
            what = lines.get(int(calls.events["line"][half[call]]))
            # Halves of two calls agree on nothing.
            if what is not None and (calls.whole[call] or not calls.paired[call]):
                wrong.setdefault(call, (int(half[call]), what))
    return wrong


def _of_pairs_alone(calls: Columns) -> dict[int, tuple[int, str]]:
    """Pairs whose own numbers do not follow from each other, without the history of the counters."""
    nr, items, delta = calls.of_start("nr"), calls.items, calls.of_start("delta")
    total, priority, pages = (
        calls.of_start("total_scan"),
        calls.of_start("priority"),
        calls.of_start("lru_pgs"),
    )
    taken, left, new = calls.of_end("nr"), calls.of_end("total_scan"), calls.of_end("new_nr")
    wrong: list[tuple[str, npt.NDArray[np.bool_]]] = []
    wrong.append(
        ("unused scan count", calls.whole & nr.known & taken.known & (nr.value != taken.value)),
    )
    whole_start = nr.known & items.known & delta.known & total.known
    for told in (priority.known, pages.known & ~priority.known):
        of = np.flatnonzero(whole_start & told)
        if not len(of):
            continue
        sums = [
            total_scan(kind, nr.value[of], delta.value[of], items.value[of], priority.value[of])
            for kind in Total
        ]
        misfit = min((total.value[of] != each for each in sums), key=np.count_nonzero)
        wrong.append(("total_scan", _spread(calls, of, misfit)))
        ended = of[calls.whole[of] & left.known[of] & new.known[of] & ~calls.old_form[of]]
        if not len(ended):
            continue
        added = [
            next_deferred(
                kind,
                nr.value[ended],
                delta.value[ended],
                items.value[ended],
                total.value[ended],
                left.value[ended],
            )
            for kind in Rest
        ]
        exact = max(added, key=lambda each: np.count_nonzero(new.value[ended] == each))
        # Others can only have added to it.
        wrong.append(("new scan count", _spread(calls, ended, new.value[ended] < exact)))
    wrong.append(("delta", calls.odd_deltas))
    answer: dict[int, tuple[int, str]] = {}
    for what, truths in wrong:
        for call in np.flatnonzero(truths).tolist():
            answer.setdefault(call, (int(calls.first[call]), what))
    return answer


def _spread(calls: Columns, chosen: Indices, truths: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    answer = np.zeros(len(calls), np.bool_)
    answer[chosen] = truths
    return answer


# ---- C36


def _shared(calls: Columns) -> Iterator[Finding]:
    nr, new, nid = calls.of_start("nr"), calls.of_end("new_nr"), calls.nid
    chained = calls.whole & nr.known & new.known & nid.known & calls.items.known
    for who, mine in zip(calls.shrinkers, calls.members, strict=True):
        told = mine[chained[mine]]
        nodes, node = np.unique(nid.value[told], return_inverse=True)
        if len(nodes) < 2 or len(told) < SHARED_CALLS:
            continue
        flags = calls.flags.of(told)
        aware = bool(flags[-1] & Flags.NUMA_AWARE) if len(flags) else None
        # A cache that counts the same on all nodes is one cache, and may have one counter.
        counts = [float(np.median(calls.items.value[told[node == k]])) for k in range(len(nodes))]
        if not aware and min(counts) >= 0.9 * max(counts):
            continue
        of_any = _last_before(calls, told, told)
        of_own = np.full(len(told), -1, np.int64)
        for k in range(len(nodes)):
            of_own[node == k] = _last_before(calls, told[node == k], told[node == k])
        both = (of_any >= 0) & (of_own >= 0)
        taken, any_nr, own_nr = nr.value[told], new.value[of_any], new.value[of_own]
        telling = both & (any_nr != own_nr)
        as_shared = int(np.count_nonzero(telling & (taken == any_nr)))
        total = int(np.count_nonzero(telling))
        if total < SHARED_CALLS or as_shared < SHARED * total:
            continue
        first = int(told[np.flatnonzero(telling & (taken == any_nr))[0]])
        why = "" if aware is None else " (it is NUMA_AWARE)" if aware else " (it is not NUMA_AWARE)"
        yield Finding(
            "C36",
            "W",
            who.label,
            f"it counts by node, but its deferred work is one number for all{why}: {as_shared} "
            f"of {total} calls took over "
            f"what another node's call had left (line {_line(calls, calls.start[first])}), so "
            f"one node's work is done on "
            f"another; register it with SHRINKER_NUMA_AWARE",
            {
                **_about(who),
                "line": _line(calls, calls.start[first]),
                "calls": total,
                "shared": as_shared,
                "nodes": nodes.tolist(),
                "numa_aware": aware,
            },
        )


def _last_before(calls: Columns, chosen: Indices, among: Indices) -> Indices:
    """Of each call, which one of the others ended last before it began; -1 for none."""
    order = among[np.argsort(calls.end[among], kind="stable")]
    place = np.searchsorted(calls.end[order], calls.start[chosen]) - 1
    return np.where(place >= 0, order[np.maximum(place, 0)], -1)
