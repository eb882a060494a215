# SPDX-License-Identifier: GPL-2.0-only
"""What callers hand over that is no such thing: an exception that names it, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import Cache, register

import shrinkpy as sp

Call = Callable[[sp.Machine, Any], object]

NUMBERS: dict[str, tuple[str, Call]] = {
    "allocate, gfp": ("gfp", lambda m, v: m.allocate(v)),
    "allocate, size": ("size", lambda m, v: m.allocate(size=v)),
    "memory_limit": ("memory_limit", lambda m, v: setattr(m, "memory_limit", v)),
    "task": ("nid", lambda m, v: m.task(nid=v)),
    "direct_reclaim, nid": ("nid", lambda m, v: m.direct_reclaim(nid=v)),
    "direct_reclaim": ("nr_to_reclaim", lambda m, v: m.direct_reclaim(v)),
    "direct_reclaim, gfp_mask": ("gfp_mask", lambda m, v: m.direct_reclaim(gfp_mask=v)),
    "kswapd": ("nid", lambda m, v: m.kswapd(v)),
    "kswapd, nr_to_reclaim": ("nr_to_reclaim", lambda m, v: m.kswapd(0, v)),
    "reclaim": ("nr_to_reclaim", lambda m, v: m.root.reclaim(v)),
    "reclaim_nth": ("n", lambda m, v: m.faults.reclaim_nth(v)),
    "fail_nth": ("n", lambda m, v: m.faults.fail_nth(v)),
    "lock, subclass": ("subclass", lambda m, v: sp.Lock(m, "x").acquire(subclass=v)),
    "reader, subclass": ("subclass", lambda m, v: sp.RWLock(m, "x").acquire_read(subclass=v)),
    "add": ("nid", lambda m, v: sp.ListLru(m).add("x", v)),
    "count_one": ("nid", lambda m, v: sp.ListLru(m).count_one(v)),
    "count_node": ("nid", lambda m, v: sp.ListLru(m).count_node(v)),
    "walk_one": ("nid", lambda m, v: sp.ListLru(m).walk_one(v, None, print)),
    "walk_node": ("nid", lambda m, v: sp.ListLru(m).walk_node(v, print)),
    "walk_node, cb_arg": ("cb_arg", lambda m, v: sp.ListLru(m).walk_node(0, print, cb_arg=v)),
    "Machine": ("nr_nodes", lambda m, v: sp.Machine(v)),
    "Machine, max_stall": ("max_stall", lambda m, v: sp.Machine(max_stall=v)),
    "create": ("ino", lambda m, v: m.root.create("x", ino=v)),
    "set_bit": ("nid", lambda m, v: set_bit(m, nid=v)),
}

MEMCGS: dict[str, Call] = {
    "task": lambda m, v: m.task(v),
    "add": lambda m, v: sp.ListLru(m).add("x", 0, v),
    "count_one": lambda m, v: sp.ListLru(m).count_one(0, v),
    "walk_one": lambda m, v: sp.ListLru(m).walk_one(0, v, print),
    "direct_reclaim": lambda m, v: m.direct_reclaim(memcg=v),
    "shrink_slab": lambda m, v: m.shrink_slab(memcg=v),
    "set_bit": lambda m, v: set_bit(m, memcg=v),
}

MACHINES: dict[str, Callable[[Any], object]] = {
    "ListLru": lambda v: sp.ListLru(v),
    "Lock": lambda v: sp.Lock(v, "x"),
    "RLock": lambda v: sp.RLock(v, "x"),
    "RWLock": lambda v: sp.RWLock(v, "x"),
}

TEXTS: dict[str, tuple[str, Call]] = {
    "lock": ("name of a lock", lambda m, v: sp.Lock(m, v)),
    "create": ("name of a cgroup", lambda m, v: m.root.create(v)),
    "debugfs scan": ("what is written", lambda m, v: write(m, v)),
}


def set_bit(machine: sp.Machine, memcg: Any = None, nid: Any = 0) -> None:
    """Of a shrinker that is memcg-aware."""
    with register(machine, Cache(), flags=sp.Flags.MEMCG_AWARE) as shrinker:
        shrinker.set_bit(machine.root if memcg is None else memcg, nid)


def write(machine: sp.Machine, text: Any) -> None:
    """To the file scan of a shrinker."""
    with register(machine, Cache()):
        next(iter(machine.debugfs.values())).scan(text)


@pytest.fixture
def machine() -> sp.Machine:
    """One that nobody closes, of one node."""
    return sp.Machine()


@pytest.mark.parametrize(
    "value", [1.5, "1", b"1", True, object(), [1], float("nan")], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("what", NUMBERS)
def test_what_is_no_number(machine: sp.Machine, what: str, value: Any) -> None:
    """Is a TypeError that names it."""
    name, call = NUMBERS[what]
    with pytest.raises(TypeError, match=f"^{name} must be an int, not "):
        call(machine, value)


@pytest.mark.parametrize("value", [-1, -(2**63), 2**64, 2**200])
@pytest.mark.parametrize("what", NUMBERS)
def test_a_number_that_is_too_small_or_too_large(machine: sp.Machine, what: str, value: int) -> None:
    """Is a ValueError that says how large it may be."""
    name, call = NUMBERS[what]
    with pytest.raises(ValueError, match=rf"^{name} must be \d+ to \d+, not {value}$"):
        call(machine, value)


@pytest.mark.parametrize(
    "value", [0, "/", object(), sp.Machine, True], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("what", MEMCGS)
def test_what_is_no_cgroup(machine: sp.Machine, what: str, value: Any) -> None:
    """Is a TypeError that says what one is."""
    with pytest.raises(TypeError, match=r"^memcg must be a MemCgroup or None"):
        MEMCGS[what](machine, value)


@pytest.mark.parametrize("what", MEMCGS)
def test_a_cgroup_of_another_machine(machine: sp.Machine, what: str) -> None:
    """Is a ValueError."""
    with pytest.raises(ValueError, match=r"^memcg belongs to another Machine$"):
        MEMCGS[what](machine, sp.Machine().root)


@pytest.mark.parametrize(
    "value", [None, 0, "x", sp.Machine, object()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("what", MACHINES)
def test_what_is_no_machine(what: str, value: Any) -> None:
    """Is a TypeError."""
    with pytest.raises(TypeError, match=r"^machine must be a Machine, not "):
        MACHINES[what](value)


@pytest.mark.parametrize(
    "value", [None, 0, 2**70, 1.5, ["x"], object()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("what", TEXTS)
def test_what_is_no_text(machine: sp.Machine, what: str, value: Any) -> None:
    """Is a TypeError."""
    name, call = TEXTS[what]
    with pytest.raises(TypeError, match=name):
        call(machine, value)
