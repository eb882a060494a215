# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of shrinkpy.drivers share: every way to reclaim, and what must be so after each.

A subject is a driver with something in it. It says how many objects are freeable, and holds that what is
in use is whole.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from support import Running

import shrinkpy as sp
from shrinkpy import native

DRIVERS = Path(sp.__file__).parent / "drivers"

EVERYTHING = 2**40
"""Objects: more than there are, and not so many that a quarter of it overflows."""


@functools.cache
def built(name: str) -> native.Built:
    """drivers/<name>.c, compiled once; in check_sanitized()'s child, with the sanitizers."""
    return native.build(DRIVERS / f"{name}.c", sanitize=_sanitize)


_sanitize = ""


class Place(NamedTuple):
    """Where objects are: a node, and a cgroup (None: the machine has none)."""

    nid: int
    memcg: sp.MemCgroup | None


class Subject(Protocol):
    """A driver on a machine, filled."""

    def freeable(self) -> int:
        """Objects that reclaim can free, in the end, over all places."""

    def check_in_use(self) -> None:
        """Fail unless all that is in use is whole."""

    def check_gone(self) -> None:
        """Fail unless all that was freeable has gone."""

    def close(self) -> None:
        """Empty it, unload it, and fail if it leaked."""


Make = Callable[[sp.Machine, list[Place]], Subject]
Reclaim = Callable[[sp.Machine, list[Place]], int]


def places(machine: sp.Machine) -> list[Place]:
    """Every node with every cgroup, in the order of reclaim."""
    groups = list(machine.root.walk()) if machine.memcg_enabled else [None]
    return [Place(nid, memcg) for nid in range(machine.nr_nodes) for memcg in groups]


# ---- who reclaims; each gives what it freed


def _shrink_slab(machine: sp.Machine, where: list[Place]) -> int:
    return sum(machine.shrink_slab(priority=0, nid=nid, memcg=memcg) for nid, memcg in where)


def _drop_slab(machine: sp.Machine, where: list[Place]) -> int:
    return machine.drop_slab().freed


def _direct(machine: sp.Machine, where: list[Place]) -> int:
    return machine.direct_reclaim(EVERYTHING).freed


def _kswapd(machine: sp.Machine, where: list[Place]) -> int:
    return sum(machine.kswapd(nid, EVERYTHING).freed for nid in range(machine.nr_nodes))


def _memcg(machine: sp.Machine, where: list[Place]) -> int:
    with pytest.raises(sp.ReclaimShortError) as caught:
        machine.root.reclaim(EVERYTHING)
    return caught.value.reclaimed.freed


RECLAIMS: dict[str, Reclaim] = {
    "shrink_slab": _shrink_slab,
    "drop_slab": _drop_slab,
    "direct_reclaim": _direct,
    "kswapd": _kswapd,
    "memory.reclaim": _memcg,
}


def until_nothing_goes(machine: sp.Machine, where: list[Place], reclaim: Reclaim) -> int:
    """Again and again; what was freed in all."""
    total = 0
    while freed := reclaim(machine, where):
        total += freed
    return total


# ---- what a trace says of it


def traced(machine: sp.Machine) -> tuple[int, int]:
    """Objects scanned and freed, of all pairs of events."""
    events = machine.trace.array()
    assert machine.trace.overrun == 0
    starts, ends = events[events["kind"] == 0], events[events["kind"] == 1]
    assert len(starts) == len(ends)
    scanned = int(starts["total_scan"].sum()) - int(ends["total_scan"].sum())
    return scanned, int(ends["retval"].sum())


# ---- every way


@contextlib.contextmanager
def driven(make: Make, *, nodes: int = 1, cgroups: bool = True) -> Iterator[tuple[sp.Machine, Subject]]:
    """A machine, with three cgroups besides the root or with none at all, and a filled subject on it.

    At the end the subject is closed, the machine has what it had before, and no locks were taken in orders
    that contradict each other.
    """
    with sp.Machine(nodes, memcg=cgroups) as machine:
        if cgroups:
            app = machine.root.create("app")
            app.create("worker")
            machine.root.create("idle")
        where = places(machine)
        before = machine.ledger
        subject = make(machine, where)
        try:
            yield machine, subject
            subject.check_in_use()
        finally:
            subject.close()
        machine.lockdep.check()
        # Infos of cgroups grow with the first ids, and stay grown.
        grown = {"info", "unit", "bytes", "limbo"}
        assert {k: v for k, v in machine.ledger._asdict().items() if k not in grown} == {
            k: v for k, v in before._asdict().items() if k not in grown
        }


every_way = [
    pytest.param(kind, nodes, cgroups, threads, id=f"{kind}-{nodes} nodes-{groups}-{threads} threads")
    for kind in RECLAIMS
    for nodes in (1, 4)
    for cgroups, groups in ((False, "no cgroups"), (True, "cgroups"))
    for threads in (1, 4)
    if cgroups or kind != "memory.reclaim"
]
"""Arguments kind, nodes, cgroups, threads."""


def check_every_way(make: Make, kind: str, nodes: int, cgroups: bool, threads: int) -> None:
    """Freed is what was freeable, no more and no less; and vmstat and the trace say the same."""
    reclaim = RECLAIMS[kind]
    with driven(make, nodes=nodes, cgroups=cgroups) as (machine, subject):
        where = places(machine)
        freeable = subject.freeable()
        assert freeable > 0
        scanned = machine.vmstat["slabs_scanned"]
        with machine.trace.start(clock=False):
            running = [
                Running(lambda: until_nothing_goes(machine, where, reclaim)) for _ in range(threads - 1)
            ]
            freed = until_nothing_goes(machine, where, reclaim)
            freed += sum(each.join() for each in running)
            # Who finds a lock taken leaves something to others, who may be through by then.
            freed += until_nothing_goes(machine, where, reclaim)
        assert traced(machine) == (machine.vmstat["slabs_scanned"] - scanned, freed)
        if kind == "kswapd":
            # It ends with priority 1: of one object in a place, half is none.
            freed += until_nothing_goes(machine, where, RECLAIMS["drop_slab"])
        assert freed == freeable
        assert subject.freeable() == 0
        subject.check_gone()


def _with_sanitizers(make: Make) -> None:
    global _sanitize
    _sanitize = "address,undefined"
    for kind in RECLAIMS:
        check_every_way(make, kind, nodes=2, cgroups=True, threads=4)


def check_sanitized(make: Make) -> None:
    """check_every_way() of every kind, under AddressSanitizer and UndefinedBehaviorSanitizer."""
    native.run_sanitized(_with_sanitizers, make)


def counted(machine: sp.Machine, where: list[Place]) -> list[int]:
    """What the callbacks count, place by place; so weak a pass scans nothing."""
    found = []
    for nid, memcg in where:
        machine.shrink_slab(priority=63, nid=nid, memcg=memcg)
        assert machine.last_pass is not None
        assert machine.last_pass.scans == 0
        found.append(machine.last_pass.freeable)
    return found
