# SPDX-License-Identifier: GPL-2.0-only
"""Where the kernel would hang, oops or spin: what is raised, what it names, and that all goes on."""

from __future__ import annotations

import gc
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model import SHRINK_BATCH, SHRINK_EMPTY, SHRINK_STOP, delta_of, next_deferred_of, signed, total_scan_of
from support import (
    TIMEOUT,
    Cache,
    Doing,
    Log,
    Running,
    native_pass,
    refcount,
    register,
    registered,
    survives,
    until_closing,
    warned,
)

import shrinkpy as sp
from shrinkpy.core import call, check, ffi, lib

MEMCG, NUMA, NONSLAB = sp.Flags.MEMCG_AWARE, sp.Flags.NUMA_AWARE, sp.Flags.NONSLAB
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
MAX_DEPTH = 8


# ---- the table ------------------------------------------------------------------------------------


class Told(NamedTuple):
    """An error, and what it has to say; left: the names of those that are still registered."""

    error: BaseException
    kind: type[BaseException]
    reason: str
    shrinker: str | None = None
    nid: int | None = None
    memcg: int | None = None
    left: tuple[str, ...] = ()


Row = Callable[[sp.Machine], Told]
ROWS: dict[str, tuple[Row, dict[str, Any]]] = {}
ROOT = 1
"""The inode number of the root cgroup."""


def row(**machine: Any) -> Callable[[Row], Row]:
    """Note a way in which the kernel would not come back, and the machine that it takes."""

    def note(provoke: Row) -> Row:
        ROWS[provoke.__name__] = provoke, machine
        return provoke

    return note


def caught(call: Callable[[], object]) -> BaseException:
    """What the call raises."""
    try:
        call()
    except (sp.ShrinkpyError, BaseExceptionGroup) as error:
        return error
    raise AssertionError("it raised nothing")


def status_of(call: Callable[[Any], int]) -> BaseException:
    """What the status and reason of a function of core.h stand for."""
    reason = ffi.new("struct sp_reason *")
    return caught(lambda: check(call(reason), reason))


PATIENCE = 20_000
"""Scan calls after which nothing but the test itself ends the loop."""


def scanning(nr_scanned: int | None) -> Callable[[Any], int]:
    """A scan that frees nothing, and says that it looked at so many; None: at all it was asked for."""
    left = iter(range(PATIENCE))

    def scan(sc: sp.ShrinkControl) -> int:
        assert next(left, None) is not None, "it goes on for ever"
        if nr_scanned is not None:
            sc.nr_scanned = nr_scanned
        return 0

    return scan


def raw_count(n: int) -> Callable[[Any], sp.CountObjects]:
    """A count of any unsigned long."""
    return lambda _sc: sp.CountObjects.raw(n)


def fails(_sc: sp.ShrinkControl) -> int:
    """Raises."""
    raise LookupError


# -- would hang


def lost(machine: sp.Machine, visits: int, *places: tuple[str, int]) -> sp.RegisteredShrinker:
    """A shrinker whose references were lost so often in each cgroup and node, in that order."""
    shrinker = register(machine, Cache(10), "inodes", flags=MEMCG | NUMA)
    for name, nid in places:
        known = {child.name: child for child in machine.root.children}
        app = known.get(name) or machine.root.create(name)
        shrinker.set_bit(app, nid)
        for _ in range(visits):
            assert machine.shrink_slab(memcg=app, nid=nid) == 0
    assert lib.sp_peek_leaked(shrinker._live()) == visits * len(places)
    return shrinker


LEFT = ("inodes",)


@row(kmem=False)
def a_reference_was_lost(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 1, ("app", 0))
    app = machine.root.children[0]
    return Told(
        *(caught(shrinker.close), sp.HungError, r"for ever: 1 reference to it was lost", "inodes"),
        *(0, app.ino, LEFT),
    )


@row(kmem=False)
def many_references_were_lost_in_one_place(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 9, ("app", 0))
    app = machine.root.children[0]
    return Told(
        *(caught(shrinker.close), sp.HungError, r"9 references to it were lost.*the first one here"),
        *("inodes", 0, app.ino, LEFT),
    )


@row(kmem=False, nr_nodes=3)
def references_were_lost_in_several_places(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 2, ("b", 1), ("a", 2), ("b", 0), ("a", 0))
    b = machine.root.children[0]
    return Told(
        *(caught(shrinker.close), sp.HungError, r"8 references to it were lost.*the first one here"),
        *("inodes", 1, b.ino, LEFT),
    )


@row(kmem=False)
def closed_a_second_time(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 1, ("app", 0))
    first, again = caught(shrinker.close), caught(shrinker.close)
    assert str(first) == str(again)
    app = machine.root.children[0]
    return Told(again, sp.HungError, r"1 reference", "inodes", 0, app.ino, LEFT)


@row(kmem=False)
def closed_in_another_thread(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 1, ("app", 0))
    caught(shrinker.close)
    error = Running(lambda: caught(shrinker.close)).join()
    app = machine.root.children[0]
    return Told(error, sp.HungError, r"1 reference", "inodes", 0, app.ino, LEFT)


@row(kmem=False)
def closed_with_accounting_on_again(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 1, ("app", 0))
    app = machine.root.children[0]
    machine.kmem = True
    assert machine.shrink_slab(memcg=app, priority=0) == 10  # it can still be called
    error = caught(shrinker.close)
    assert lib.sp_peek_leaked(shrinker._live()) == 1
    return Told(error, sp.HungError, r"1 reference", "inodes", 0, app.ino, LEFT)


@row(kmem=False)
def closed_in_the_callback_of_another_one(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 1, ("app", 0))
    app = machine.root.children[0]
    closer = Doing(count=lambda _sc: shrinker.close() or 0)
    with register(machine, closer, "closer"):
        error = caught(machine.shrink_slab)
    return Told(error, sp.HungError, r"1 reference", "inodes", 0, app.ino, LEFT)


@row(kmem=False)
def the_cgroup_it_was_lost_in_is_gone(machine: sp.Machine) -> Told:
    shrinker = lost(machine, 1, ("app", 0))
    app = machine.root.children[0]
    ino = app.ino
    app.remove()
    del app
    gc.collect()
    return Told(caught(shrinker.close), sp.HungError, r"1 reference", "inodes", 0, ino, LEFT)


@row()
def freed_with_the_flag_of_a_registration_that_never_was(machine: sp.Machine) -> Told:
    out = ffi.new("struct shrinker **")
    assert lib.sp_shrinker_alloc(machine._pointer, 0, b"odd", out) == lib.SP_OK
    lib.sp_poke_flags(out[0], 0, lib.SHRINKER_REGISTERED)
    error = status_of(lambda reason: lib.sp_shrinker_free(out[0], reason))
    lib.sp_poke_flags(out[0], lib.SHRINKER_REGISTERED, 0)
    assert lib.sp_shrinker_free(out[0], ffi.NULL) == lib.SP_OK
    return Told(error, sp.HungError, r"no register gave it a reference", "odd")


# -- would wait for itself


@row()
def freed_in_its_own_count(machine: sp.Machine) -> Told:
    cache = Doing(count=lambda _sc: shrinker.close() or 0)
    with register(machine, cache, "s") as shrinker:
        error = caught(machine.shrink_slab)
        cache._count = None
    return Told(error, sp.DeadlockError, r"inside its own callback.*itself", "s")


@row()
def freed_in_its_own_scan(machine: sp.Machine) -> Told:
    cache = Doing(scan=lambda _sc: shrinker.close() or 0)
    with register(machine, cache, "s") as shrinker:
        error = caught(lambda: machine.shrink_slab(priority=0))
    return Told(error, sp.DeadlockError, r"inside its own callback.*itself", "s")


@row()
def freed_in_its_own_callback_of_a_cgroup(machine: sp.Machine) -> Told:
    app = machine.root.create("app")
    with register(machine, Doing(count=lambda _sc: shrinker.close() or 0), "s", flags=MEMCG) as shrinker:
        shrinker.set_bit(app)
        error = caught(lambda: machine.shrink_slab(memcg=app))
        assert lib.sp_peek_bit(app._pointer, 0, shrinker.id)
    return Told(error, sp.DeadlockError, r"inside its own callback", "s")


@row()
def freed_in_a_pass_nested_in_its_callback(machine: sp.Machine) -> Told:
    def inner_count(_sc: sp.ShrinkControl) -> int:
        if inner.counts == 1:
            shrinkers[0].close()
        return 0

    outer = Doing(count=lambda _sc: machine.shrink_slab() if outer.counts == 1 else 0)
    inner = Doing(count=inner_count)
    with registered(machine, outer, inner) as shrinkers:
        error = caught(machine.shrink_slab)
        assert (outer.counts, inner.counts) == (2, 2)
    return Told(error, sp.DeadlockError, r"inside its own callback", "s0")


@row()
def freed_deep_down_in_its_own_callback(machine: sp.Machine) -> Told:
    def count(_sc: sp.ShrinkControl) -> int:
        if cache.counts < MAX_DEPTH:
            return machine.shrink_slab()
        if cache.counts == MAX_DEPTH:
            shrinker.close()
        return 0

    cache = Doing(count=count)
    with register(machine, cache, "s") as shrinker:
        error = caught(machine.shrink_slab)
    return Told(error, sp.DeadlockError, r"inside its own callback", "s")


@row()
def freed_in_its_own_callback_by_way_of_another_machine(machine: sp.Machine) -> Told:
    with sp.Machine() as other:
        there = Doing(count=lambda _sc: shrinker.close() or 0)
        here = Doing(count=lambda _sc: other.shrink_slab() if here.counts == 1 else 0)
        with register(other, there), register(machine, here, "s") as shrinker:
            error = caught(machine.shrink_slab)
    return Told(error, sp.DeadlockError, r"inside its own callback", "s")


@row()
def freed_in_its_own_callback_from_debugfs(machine: sp.Machine) -> Told:
    cache = Doing(count=lambda _sc: shrinker.close() or 0)
    text, length = ffi.new("char **"), ffi.new("size_t *")
    with register(machine, cache, "s") as shrinker:
        error = caught(lambda: call(lib.sp_debugfs_count, shrinker._live(), text, length))
    lib.sp_text_free(text)
    return Told(error, sp.DeadlockError, r"inside its own callback", "s")


@row()
def the_machine_is_closed_in_a_callback(machine: sp.Machine) -> Told:
    unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine)
    with register(machine, Doing(count=lambda _sc: machine.close() or 0), "s") as shrinker:
        error = caught(machine.shrink_slab)
        assert not shrinker.closed
    assert not machine.closed
    unregistered.set_seeks(5)  # it is as it was
    unregistered.close()
    return Told(error, sp.DeadlockError, r"inside one of its passes")


# -- would oops


@row(nr_nodes=3)
def no_cgroup_given_while_there_is_a_root(machine: sp.Machine) -> Told:
    cache = Cache(10)
    with register(machine, cache, "s"):
        status, done = native_pass(machine, ffi.NULL, nid=2)
        error = caught(lambda: check(status, done.reason))
        assert (cache.counts, done.freed, done.nr_counts) == (0, 0, 0)
    return Told(error, sp.KernelOops, r"given no cgroup.*NULL dereference", nid=2)


@row(root="SP_ROOT_NONE", nr_nodes=2)
def objects_of_a_memcg_aware_one_before_there_is_a_root(machine: sp.Machine) -> Told:
    before, after = Cache(5), Cache(7)
    with (
        register(machine, before),
        register(machine, Cache(10), "early", flags=MEMCG) as early,
        register(machine, after),
    ):
        error = caught(lambda: machine.shrink_slab(nid=1, priority=0))
        last = machine.last_pass
        assert last is not None
        # What was done before it was done; after it the kernel would be dead.
        assert (last.freed, last.counts, last.scans) == (5, 2, 1)
        assert (after.counts, refcount(early)) == (0, 1)
    return Told(error, sp.KernelOops, r"no cgroup is given: nr_deferred is NULL", "early", 1)


@row(root="SP_ROOT_BARE")
def objects_of_a_memcg_aware_one_in_a_root_without_info(machine: sp.Machine) -> Told:
    after = Cache(7)
    with register(machine, Cache(10), "early", flags=MEMCG), register(machine, after):
        error = caught(machine.shrink_slab)
        assert after.counts == 0
    return Told(error, sp.KernelOops, r"no shrinker_info to keep deferred work", "early", 0, ROOT)


@row()
def a_bit_in_a_cgroup_that_never_came_online(machine: sp.Machine) -> Told:
    memcg = created(machine)
    ino = lib.sp_memcg_ino(memcg)
    error = status_of(lambda reason: lib.sp_set_shrinker_bit(machine._pointer, memcg, 0, 0, reason))
    lib.sp_memcg_put(memcg)
    return Told(error, sp.KernelOops, r"set_shrinker_bit\(\).*no shrinker_info", None, 0, ino)


@row(nr_nodes=2)
def a_bit_on_a_node_of_a_cgroup_that_never_came_online(machine: sp.Machine) -> Told:
    memcg = created(machine)
    ino = lib.sp_memcg_ino(memcg)
    error = status_of(lambda reason: lib.sp_set_shrinker_bit(machine._pointer, memcg, 1, 2**31 - 1, reason))
    lib.sp_memcg_put(memcg)
    return Told(error, sp.KernelOops, r"no shrinker_info", None, 1, ino)


@row()
def a_cgroup_goes_offline_that_never_came_online(machine: sp.Machine) -> Told:
    memcg = created(machine)
    ino = lib.sp_memcg_ino(memcg)
    error = status_of(lambda reason: lib.sp_memcg_offline(memcg, reason))
    lib.sp_memcg_put(memcg)
    return Told(error, sp.KernelOops, r"deferred work of a cgroup that has no shrinker_info", None, 0, ino)


@row()
def a_cgroup_goes_offline_below_one_that_never_came_online(machine: sp.Machine) -> Told:
    register(machine, Cache(), flags=MEMCG).close()  # there is room for deferred work
    parent = created(machine)
    child = created(machine, parent)
    assert lib.sp_memcg_online(child) == lib.SP_OK
    ino = lib.sp_memcg_ino(child)
    error = status_of(lambda reason: lib.sp_memcg_offline(child, reason))
    assert lib.sp_memcg_is_online(child)
    assert lib.sp_memcg_online(parent) == lib.SP_OK
    for memcg in (child, parent):
        assert lib.sp_memcg_offline(memcg, ffi.NULL) == lib.SP_OK
        lib.sp_memcg_put(memcg)
    return Told(error, sp.KernelOops, r"deferred work to a cgroup that has no shrinker_info", None, 0, ino)


@row()
def registered_twice(machine: sp.Machine) -> Told:
    with register(machine, Cache(10), "s") as shrinker:
        error = status_of(lambda reason: lib.sp_shrinker_register(shrinker._live(), reason))
        assert machine.ledger.registered == 1
        assert machine.shrink_slab(priority=0) == 10
    return Told(error, sp.KernelOops, r"a second time would corrupt shrinker_list", "s")


def created(machine: sp.Machine, parent: Any = None) -> Any:
    """A cgroup that is not online, and has no shrinker_info; with a reference."""
    out = ffi.new("struct mem_cgroup **")
    parent = machine.root._pointer if parent is None else parent
    assert lib.sp_memcg_create(machine._pointer, parent, 0, out) == lib.SP_OK
    return out[0]


# -- would spin


def spins(
    machine: sp.Machine, count: Callable[[Any], Any], scan: Callable[[Any], Any], batch: int = 0, nid: int = 0
) -> tuple[BaseException, Doing]:
    """What a pass raises, and the spinner, behind which another one is called."""
    spinner, after = Doing(count=count, scan=scan), Cache(7)
    with register(machine, spinner, "spinner") as shrinker, register(machine, after):
        lib.sp_shrinker_set_batch(shrinker._live(), batch)
        error = caught(lambda: machine.shrink_slab(nid=nid, priority=0))
        assert after.objects == 0
        last = machine.last_pass
        assert last is not None
        assert (last.spins, last.scans) == (1, len(spinner.asked) + 1)
    return error, spinner


def no_progress(n: int) -> str:
    return rf"^{n} scans in a row made no progress.*for ever$"


@row(max_stall=7)
def nr_scanned_left_at_0(machine: sp.Machine) -> Told:
    error, spinner = spins(machine, raw_count(1000), scanning(0))
    assert len(spinner.asked) == 7
    return Told(error, sp.LivelockError, no_progress(7), "spinner", 0, ROOT)


@row(max_stall=7, memcg=False, nr_nodes=2)
def nr_scanned_left_at_0_without_cgroups(machine: sp.Machine) -> Told:
    error, _spinner = spins(machine, raw_count(1000), scanning(0), nid=1)
    return Told(error, sp.LivelockError, no_progress(7), "spinner", 1, None)


@row(max_stall=7)
def nr_scanned_that_goes_backwards(machine: sp.Machine) -> Told:
    error, spinner = spins(machine, raw_count(1000), scanning(2**64 - 1))
    assert len(spinner.asked) == 7
    return Told(error, sp.LivelockError, r"nr_scanned at -1\)", "spinner", 0, ROOT)


@row(max_stall=7)
def nr_scanned_that_is_half_of_all_there_is(machine: sp.Machine) -> Told:
    error, spinner = spins(machine, raw_count(1000), scanning(2**63), batch=LONG_MIN)
    assert len(spinner.asked) == 8  # the first one brought total_scan below 0, the next one back again
    return Told(error, sp.LivelockError, no_progress(7), "spinner", 0, ROOT)


@row(max_stall=7)
def two_to_the_63_objects_and_an_honest_scan(machine: sp.Machine) -> Told:
    error, spinner = spins(machine, raw_count(2**63), scanning(None))
    assert len(spinner.asked) == 7
    return Told(error, sp.LivelockError, no_progress(7), "spinner", 0, ROOT)


@row(max_stall=7)
def a_batch_of_minus_one_and_an_honest_scan(machine: sp.Machine) -> Told:
    error, spinner = spins(machine, raw_count(1000), scanning(None), batch=-1)
    assert spinner.asked == [2**64 - 1] * 7
    return Told(error, sp.LivelockError, no_progress(7), "spinner", 0, ROOT)


@row(max_stall=7)
def the_smallest_batch_and_an_honest_scan(machine: sp.Machine) -> Told:
    error, spinner = spins(machine, raw_count(1000), scanning(None), batch=LONG_MIN)
    assert spinner.asked == [2**63] * 8  # the first one was progress
    return Told(error, sp.LivelockError, no_progress(7), "spinner", 0, ROOT)


@row(max_stall=5)
def one_that_spins_in_a_cgroup(machine: sp.Machine) -> Told:
    app = machine.root.create("app")
    with register(machine, Doing(scan=scanning(0)), "spinner", flags=MEMCG) as shrinker:
        shrinker.set_bit(app)
        error = caught(lambda: machine.shrink_slab(memcg=app, priority=0))
        assert shrinker.nr_deferred(app) == 200
        assert lib.sp_peek_bit(app._pointer, 0, shrinker.id)
    return Told(error, sp.LivelockError, no_progress(5), "spinner", 0, app.ino)


@row(max_stall=5)
def one_that_spins_after_empty(machine: sp.Machine) -> Told:
    app = machine.root.create("app")
    counts = iter([sp.CountObjects.EMPTY, 100])
    with register(machine, Doing(lambda _sc: next(counts), scanning(0)), "spinner", flags=MEMCG) as shrinker:
        shrinker.set_bit(app)
        error = caught(lambda: machine.shrink_slab(memcg=app, priority=0))
        assert lib.sp_peek_bit(app._pointer, 0, shrinker.id)
    return Told(error, sp.LivelockError, no_progress(5), "spinner", 0, app.ino)


@row(max_stall=5, nr_nodes=2)
def one_that_spins_in_a_nested_pass(machine: sp.Machine) -> Told:
    freed: list[int] = []

    def count(_sc: sp.ShrinkControl) -> int:
        if outer.counts == 1:
            freed.append(machine.shrink_slab(nid=1, priority=0))
        return 0

    outer = Doing(count=count)
    spinner = Doing(count=lambda _sc: 10 if spinner.counts == 1 else 0, scan=scanning(0))
    with registered(machine, outer, spinner, Cache(7)):
        error = caught(lambda: machine.shrink_slab(priority=0))
        assert freed == [7]  # the inner call gives its result
        last = machine.last_pass
        assert last is not None
        assert (last.spins, last.exceptions) == (0, (error,))
    return Told(error, sp.LivelockError, no_progress(5), "s1", 1, ROOT)


# -- would overflow its stack


@row()
def nine_passes_in_each_other(machine: sp.Machine) -> Told:
    cache = Doing(count=lambda _sc: machine.shrink_slab())
    with register(machine, cache, "s"):
        error = caught(machine.shrink_slab)
        assert cache.counts == MAX_DEPTH
    return Told(error, sp.NestingError, r"nested deeper than 8")


@row()
def nine_passes_in_each_others_scans_of_a_cgroup(machine: sp.Machine) -> Told:
    app = machine.root.create("app")
    cache = Doing(scan=lambda _sc: machine.shrink_slab(memcg=app, priority=0))
    with register(machine, cache, "s", flags=MEMCG) as shrinker:
        shrinker.set_bit(app)
        error = caught(lambda: machine.shrink_slab(memcg=app, priority=0))
        assert len(cache.asked) == MAX_DEPTH
        assert machine.slabs_scanned == (MAX_DEPTH - 1) * SHRINK_BATCH  # all but that of the deepest one
    return Told(error, sp.NestingError, r"nested deeper than 8")


@pytest.fixture
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> sp.Machine:
    """The machine of a row; whoever tests it closes it."""
    kwargs = dict(request.param)
    if "root" in kwargs:  # the face has none that boots
        monkeypatch.setattr("shrinkpy.machine._ROOT_ONLINE", getattr(lib, kwargs.pop("root")))
    return sp.Machine(**kwargs)


def goes_on(machine: sp.Machine, left: tuple[str, ...]) -> None:
    """One life of a shrinker and of a cgroup, and then the machine's end, with what was left over."""
    assert lib.sp_pass_depth(machine._pointer) == 0
    assert machine.lost_exceptions == []
    assert machine.ledger.registered == len(left)
    root = lib.sp_memcg_root(machine._pointer)
    if root == ffi.NULL or not lib.sp_memcg_is_online(root):
        with register(machine, Cache(10), "fresh") as fresh:
            assert machine.shrink_slab(priority=0) == 10
    else:
        app = machine.root.create("fresh")
        with register(machine, Cache(10), "fresh", flags=MEMCG | NONSLAB) as fresh:
            fresh.set_bit(app)
            assert machine.shrink_slab(memcg=app, priority=0) == 10
            last = machine.last_pass
            assert last is not None
            assert (last.counts, last.freed, last.exceptions) == (1, 10, ())
        app.remove()
        assert app not in machine.root.children
    assert fresh.closed
    with warned("was still registered", times=len(left)):
        machine.close()
    assert machine.ledger[:3] == (0, 0, 0)
    assert (machine.ledger.registered, machine.ledger.limbo) == (0, 0)


class TestTable:
    @pytest.mark.parametrize(("provoke", "made"), ROWS.values(), ids=ROWS, indirect=["made"])
    def test_it_is_told_and_all_goes_on(self, provoke: Row, made: sp.Machine) -> None:
        told = Running(lambda: provoke(made)).join()
        error = told.error
        assert type(error) is told.kind
        reason = str(error)
        if isinstance(error, sp.KernelWouldError):
            assert (error.shrinker, error.nid, error.memcg) == (told.shrinker, told.nid, told.memcg)
            reason = error.reason
            where = [f"shrinker {told.shrinker!r}"] if told.shrinker is not None else []
            where += [f"node {told.nid}"] if told.nid is not None else []
            where += [f"cgroup {told.memcg}"] if told.memcg is not None else []
            assert str(error) == (f"{', '.join(where)}: {reason}" if where else reason)
        assert re.search(told.reason, reason)
        goes_on(made, told.left)


# ---- hanging --------------------------------------------------------------------------------------


class TestHung:
    @pytest.fixture
    def hung(self) -> Iterator[tuple[sp.Machine, sp.RegisteredShrinker, list[str]]]:
        """A shrinker that lost a reference; what was done with its data."""
        machine, done = sp.Machine(kmem=False), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(10), done), "inodes", flags=MEMCG)
        shrinker.set_bit(app)
        machine.shrink_slab(memcg=app)
        yield machine, shrinker, done
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            machine.close()

    def test_nothing_is_half_done(self, hung: Any) -> None:
        machine, shrinker, done = hung
        before = machine.ledger
        for _ in range(3):
            caught(shrinker.close)
            assert machine.ledger == before
            assert not shrinker.closed
            assert shrinker.private_data.objects == 10
            assert refcount(shrinker) == 1  # the lost one: its own was dropped
        assert "from_foreign" not in done

    def test_what_is_lost_later_is_counted_and_the_first_place_is_still_named(self, hung: Any) -> None:
        machine, shrinker, _done = hung
        (app,) = machine.root.children
        caught(shrinker.close)
        other = machine.root.create("other")
        shrinker.set_bit(other)
        machine.shrink_slab(memcg=other)
        error = caught(shrinker.close)
        assert isinstance(error, sp.HungError)
        assert "2 references" in error.reason
        assert (error.nid, error.memcg) == (0, app.ino)

    def test_many_threads_hear_of_it(self, hung: Any) -> None:
        _machine, shrinker, done = hung
        errors = [each.join() for each in [Running(lambda: caught(shrinker.close)) for _ in range(4)]]
        assert [type(error) for error in errors] == [sp.HungError] * 4
        assert "from_foreign" not in done

    def test_the_machine_drops_it_and_close_is_then_nothing(self, hung: Any) -> None:
        machine, shrinker, done = hung
        caught(shrinker.close)
        with warned("'inodes' was still registered"):
            machine.close()
        assert done.count("from_foreign") == 1
        shrinker.close()
        assert shrinker.closed

    def test_forgotten_it_waits_for_nothing_and_stays_until_the_machine_goes(self) -> None:
        machine, done = sp.Machine(kmem=False), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(10), done), "inodes", flags=MEMCG)
        shrinker.set_bit(app)
        machine.shrink_slab(memcg=app)
        with warned("was still registered when its last handle went"):
            del shrinker
        machine.kmem = True
        assert machine.shrink_slab(memcg=app, priority=0) == 10  # callable, as in the kernel
        assert machine.ledger.registered == 1
        machine.close()
        assert done.count("from_foreign") == 1

    def test_one_that_is_called_when_it_is_closed(self, hung: Any) -> None:
        # Nobody waits for the callback: with the lost reference the wait would never end.
        machine, shrinker, _done = hung
        held = Doing(count=lambda _sc: done.append(Running(lambda: caught(shrinker.close)).join()) or 0)
        done: list[BaseException] = []
        shrinker.private_data._count = None
        with register(machine, held):
            machine.shrink_slab()
        assert [type(error) for error in done] == [sp.HungError]


# ---- warnings -------------------------------------------------------------------------------------


class TestWarning:
    """An id past the map: the kernel warns and goes on."""

    @pytest.mark.parametrize("first_id", [0, 64])
    @pytest.mark.parametrize("past", [0, 1, 63, 64, 2**31 - 1])
    def test_it_names_id_cgroup_and_node(self, first_id: int, past: int) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            apps = [machine.root.create(name) for name in "ab"]
            with registered(machine, *[Cache(0) for _ in range(first_id + 1)], flags=MEMCG):
                top = first_id + 64
                n = min(top + past, 2**31 - 1)
                status = lib.sp_set_shrinker_bit(machine._pointer, apps[1]._pointer, 1, n, ffi.NULL)
                assert status == lib.SP_OK
                assert lib.sp_warnings(machine._pointer, lib.SP_WARN) == 1
                (text,) = machine.warnings
                assert "shrinker_id >= info->map_nr_max" in text
                assert re.search(rf"id {n}, map_nr_max {top}, cgroup {apps[1].ino}, node 1\b", text)
                for app in apps:
                    for nid in range(2):
                        assert not any(lib.sp_peek_bit(app._pointer, nid, i) for i in range(top + 64))
                        assert machine.shrink_slab(memcg=app, nid=nid) == 0
                assert machine.last_pass is not None
                assert machine.last_pass.counts == 0

    def test_before_there_is_any_map(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        assert lib.sp_set_shrinker_bit(machine._pointer, app._pointer, 0, 0, ffi.NULL) == lib.SP_OK
        (text,) = machine.warnings
        assert "id 0, map_nr_max 0" in text

    def test_each_is_kept_in_order_up_to_32(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        for n in range(40):
            lib.sp_set_shrinker_bit(machine._pointer, app._pointer, 0, n, ffi.NULL)
        assert lib.sp_warnings(machine._pointer, lib.SP_WARN) == 40
        assert [re.findall(r"\bid (\d+)", text) for text in machine.warnings] == [
            [str(n)] for n in range(8, 40)
        ]

    @pytest.mark.parametrize("n", [-1, -(2**31)])
    @pytest.mark.parametrize("nid", [-1, 0, 1])
    def test_an_id_below_0_is_nothing(self, machine: sp.Machine, n: int, nid: int) -> None:
        app = machine.root.create("app")
        assert lib.sp_set_shrinker_bit(machine._pointer, app._pointer, nid, n, ffi.NULL) == lib.SP_OK
        assert machine.warnings == []

    @pytest.mark.parametrize("nid", [-1, 2, 2**31 - 1, -(2**31)])
    def test_a_node_out_of_range_is_an_error(self, nid: int) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            app = machine.root.create("app")
            with register(machine, Cache(10), flags=MEMCG) as shrinker:
                assert (
                    lib.sp_set_shrinker_bit(machine._pointer, app._pointer, nid, 0, ffi.NULL) == lib.SP_INVAL
                )
                assert native_pass(machine, nid=nid)[0] == lib.SP_INVAL
                for call in (
                    lambda: machine.shrink_slab(nid=nid),
                    lambda: shrinker.set_bit(app, nid),
                    lambda: shrinker.nr_deferred(app, nid),
                ):
                    with pytest.raises(ValueError, match="nid must be 0 to 1"):
                        call()
            assert (machine.warnings, machine.last_pass) == ([], None)

    @pytest.mark.parametrize("priority", [-1, 64, 2**31 - 1, -(2**31)])
    def test_a_priority_out_of_range_is_an_error(self, machine: sp.Machine, priority: int) -> None:
        with register(machine, Cache(10)):
            assert native_pass(machine, priority=priority)[0] == lib.SP_INVAL
            with pytest.raises(ValueError, match="priority must be 0 to 63"):
                machine.shrink_slab(priority=priority)

    def test_a_cgroup_that_is_not_online_is_not_looked_at(self, machine: sp.Machine) -> None:
        memcg = created(machine)
        with register(machine, Cache(10), flags=MEMCG):
            status, done = native_pass(machine, memcg)
            assert (status, done.freed, done.nr_counts) == (lib.SP_OK, 0, 0)
        lib.sp_memcg_put(memcg)


# ---- spinning -------------------------------------------------------------------------------------


Words = list[int | None]
"""What scans leave in nr_scanned, one after the other; None: what they were asked for."""


class Turn(NamedTuple):
    """How a turn has to go: its scan calls, if it was ended, and what it leaves."""

    scans: int
    spun: bool
    freed: int
    new_nr: int


def turn(count: int, said: Words, *, priority: int, seeks: int, batch: int, nr: int, max_stall: int) -> Turn:
    """By the rules: progress is total_scan below all that it was before in this turn.

    said is what the scans leave; after these they say STOP.
    """
    freeable = signed(count)
    if count in (0, SHRINK_EMPTY):
        return Turn(0, False, 0, nr)
    delta = delta_of(freeable, priority, seeks)
    total = lowest = total_scan_of(nr, delta, freeable, priority)
    batch = batch or SHRINK_BATCH
    scans = stalled = scanned = 0
    spun = False
    while not spun and (total >= batch or total >= freeable):
        scans += 1
        if scans > len(said):
            break  # STOP
        n = said[scans - 1]
        n = min(batch, total) % 2**64 if n is None else n
        total, scanned = signed(total - n), (scanned + n) % 2**64
        stalled = 0 if total < lowest else stalled + 1
        lowest = min(lowest, total)
        spun = stalled == max_stall
    freed = min(scans, len(said))  # each frees one
    return Turn(scans, spun, freed, next_deferred_of(nr, delta, scanned, freeable))


def took(count: int, said: Words, *, priority: int, seeks: int, batch: int, nr: int, max_stall: int) -> Turn:
    """How it goes on a machine, with an honest one called after it."""

    def scan(sc: sp.ShrinkControl) -> int | sp.ScanObjects:
        if len(cache.asked) > len(said):
            return sp.ScanObjects.STOP
        n = said[len(cache.asked) - 1]
        sc.nr_scanned = sc.nr_to_scan if n is None else n
        return 1

    cache, after = Doing(count=raw_count(count), scan=scan), Cache(1)
    with (
        sp.Machine(max_stall=max_stall) as machine,
        register(machine, cache, "s") as shrinker,
        register(machine, after),
    ):
        pointer = shrinker._live()
        lib.sp_shrinker_set_seeks(pointer, seeks)
        lib.sp_shrinker_set_batch(pointer, batch)
        assert lib.sp_poke_deferred(pointer, ffi.NULL, 0, nr)
        error = None
        try:
            machine.shrink_slab(priority=priority)
        except sp.LivelockError as raised:
            error = raised
        last = machine.last_pass
        assert last is not None
        assert after.counts == 1
        assert last.spins == (error is not None)
        if error is not None:
            assert (error.shrinker, error.nid, error.memcg) == ("s", 0, ROOT)
            assert error.reason.startswith(f"{max_stall} scans in a row made no progress")
        honest = after.asked != []
        return Turn(len(cache.asked), error is not None, last.freed - honest, shrinker.nr_deferred())


def near_powers_of_two() -> st.SearchStrategy[int]:
    """Unsigned longs: each power of two, one more and one less."""
    return st.builds(lambda n, d: (2**n + d) % 2**64, st.integers(0, 64), st.sampled_from([-2, -1, 0, 1, 2]))


def longs() -> st.SearchStrategy[int]:
    return st.one_of(
        st.integers(-300, 300), near_powers_of_two().map(signed), st.integers(LONG_MIN, LONG_MAX)
    )


def counts() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 2000), near_powers_of_two(), st.integers(0, 2**64 - 1))


def words() -> st.SearchStrategy[Words]:
    """What scans leave in nr_scanned: anything, often none at all."""
    word = st.one_of(
        st.none(), st.just(0), st.integers(0, 300), near_powers_of_two(), st.integers(2**64 - 300, 2**64 - 1)
    )
    return st.one_of(
        st.lists(word, max_size=20),
        st.builds(lambda each, n: [each] * n, word, st.integers(0, 20)),
        st.builds(lambda first, each, n: [first, *[each] * n], word, word, st.integers(0, 20)),
        st.builds(lambda one, two, n: [one, two] * n, word, word, st.integers(0, 10)),
    )


class TestSpin:
    @given(
        count=counts(), said=words(), priority=st.integers(0, 63), seeks=st.integers(-(2**31), 2**31 - 1),
        batch=longs(), nr=longs(), max_stall=st.integers(1, 6),
    )  # fmt: skip
    def test_any_turn_comes_back_as_the_rules_say(self, count: int, said: Words, **how: int) -> None:
        assert took(count, said, **how) == turn(count, said, **how)

    @given(
        count=st.integers(1, 500), said=words(), priority=st.just(0), seeks=st.sampled_from([1, 2, 4]),
        batch=st.sampled_from([0, 1, 2, 10, -1]), nr=st.integers(0, 100), max_stall=st.integers(1, 6),
    )  # fmt: skip
    def test_small_numbers_where_the_loop_is_entered_more_often(
        self, count: int, said: Words, **how: int
    ) -> None:
        assert took(count, said, **how) == turn(count, said, **how)

    @pytest.mark.parametrize("exponent", range(65))
    @pytest.mark.parametrize("seeks", [0, 1, 2])
    def test_every_power_of_two_and_its_neighbours_with_an_honest_scan(
        self, exponent: int, seeks: int
    ) -> None:
        for count in sorted({(2**exponent + d) % 2**64 for d in (-2, -1, 0, 1, 2)}):
            for batch in (0, LONG_MAX):
                how = {"priority": 0, "seeks": seeks, "batch": batch, "nr": 0, "max_stall": 5}
                said: Words = [None] * 12
                assert took(count, said, **how) == turn(count, said, **how)

    @pytest.mark.parametrize("count", [SHRINK_EMPTY, SHRINK_STOP])
    def test_what_is_no_count_of_a_scan_is_one_of_a_count(self, count: int) -> None:
        # EMPTY is nothing at all; STOP is -1 objects, of which none can be scanned.
        how = {"priority": 0, "seeks": 2, "batch": 0, "nr": 5, "max_stall": 5}
        assert took(count, [None] * 5, **how) == Turn(0, False, 0, 5 if count == SHRINK_EMPTY else -2)

    @pytest.mark.parametrize("seeks", [-1, -2, -(2**31), 2**31 - 1])
    def test_seeks_below_0_ask_for_next_to_nothing(self, seeks: int) -> None:
        how = {"priority": 0, "batch": 0, "nr": 0, "max_stall": 5}
        assert took(1000, [None], seeks=seeks, **how) == Turn(0, False, 0, 0)
        assert took(2**40, [None], seeks=seeks, **how).scans == 1 + (2 * 2**40 // 2**31 > 128)

    @pytest.mark.parametrize("max_stall", [1, 2, 3, 100])
    def test_it_is_ended_after_exactly_so_many(self, max_stall: int) -> None:
        how = {"priority": 0, "seeks": 2, "batch": 0, "nr": 0, "max_stall": max_stall}
        assert took(1000, [0] * 200, **how).scans == max_stall
        assert not took(1000, [*[0] * (max_stall - 1), 2000], **how).spun

    def test_more_scanned_than_there_was_to_scan_is_progress(self) -> None:
        how = {"priority": 0, "seeks": 2, "batch": 0, "nr": 0, "max_stall": 1}
        assert took(1000, [5000], **how) == Turn(1, False, 1, 0)

    def test_the_bound_may_be_changed_between_passes(self) -> None:
        with sp.Machine(max_stall=2) as machine:
            cache = Doing(count=raw_count(10), scan=scanning(0))
            with register(machine, cache):
                for bound in (2, 5, 1):
                    lib.sp_machine_set_max_stall(machine._pointer, bound)
                    cache.asked.clear()
                    with pytest.raises(sp.LivelockError, match=f"{bound} scans in a row"):
                        machine.shrink_slab(priority=0)
                    assert len(cache.asked) == bound

    def test_of_the_bound_at_first_ten_thousand(self, machine: sp.Machine) -> None:
        error, spinner = spins(machine, raw_count(10), scanning(0))
        assert re.search(no_progress(10_000), error.reason)  # type: ignore[attr-defined]
        assert len(spinner.asked) == 10_000

    @pytest.mark.parametrize("n", [2, 16, 20])
    def test_several_come_as_a_group_that_names_them(self, n: int) -> None:
        with sp.Machine(max_stall=3) as machine:
            spinners = [Doing(count=raw_count(10), scan=scanning(0)) for _ in range(n)]
            with (
                registered(machine, *spinners),
                pytest.raises(ExceptionGroup, match=f"{n} exceptions") as told,
            ):
                machine.shrink_slab(priority=0)
            errors = told.value.exceptions
            assert [type(error) for error in errors] == [sp.LivelockError] * min(n, 16)
            assert [error.shrinker for error in errors] == [f"s{i}" for i in range(min(n, 16))]
            assert all(f"shrinker 's{i}'" in str(error) for i, error in enumerate(errors))
            assert [len(spinner.asked) for spinner in spinners] == [3] * n
            assert machine.last_pass is not None
            assert (machine.last_pass.spins, machine.last_pass.scans) == (n, 3 * n)

    def test_in_a_pass_that_nobody_can_raise_from(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.unraisablehook", lambda _args: None)
        with sp.Machine(max_stall=3) as machine:
            spinners = [Doing(count=raw_count(10), scan=scanning(0)) for _ in range(20)]
            with registered(machine, *spinners):
                status, done = native_pass(machine)
            assert (status, done.nr_spins, done.reason.status) == (lib.SP_SPIN, 20, lib.SP_SPIN)
            assert ffi.string(done.reason.shrinker) == b"s0"  # the first one
            assert [error.shrinker for error in machine.lost_exceptions] == [f"s{i}" for i in range(20)]

    def test_between_exceptions_of_callbacks(self) -> None:
        with sp.Machine(max_stall=3) as machine:
            spinner = Doing(count=raw_count(10), scan=scanning(0))
            with (
                registered(machine, Doing(fails), spinner, Doing(fails)),
                pytest.raises(ExceptionGroup) as told,
            ):
                machine.shrink_slab(priority=0)
        assert [type(e) for e in told.value.exceptions] == [LookupError, sp.LivelockError, LookupError]


class TestOops:
    @staticmethod
    def raised_after(monkeypatch: pytest.MonkeyPatch, n: int) -> tuple[BaseException, ...]:
        """What a pass raises in which n callbacks raise before it oopses."""
        monkeypatch.setattr("shrinkpy.machine._ROOT_ONLINE", lib.SP_ROOT_BARE)
        with (
            sp.Machine() as machine,
            registered(machine, *[Doing(fails) for _ in range(n)]),
            register(machine, Cache(10), "early", flags=MEMCG),
            pytest.raises(ExceptionGroup, match=f"{n + 1} exceptions") as told,
        ):
            machine.shrink_slab()
        return told.value.exceptions

    def test_it_ends_the_pass_and_is_raised_with_what_was_raised_before(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        errors = self.raised_after(monkeypatch, 3)
        assert [type(error) for error in errors] == [LookupError] * 3 + [sp.KernelOops]

    def test_it_is_not_among_those_that_are_not_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        errors = self.raised_after(monkeypatch, 20)
        assert any(type(error) is sp.KernelOops for error in errors)

    def test_in_a_nested_pass_it_is_raised_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shrinkpy.machine._ROOT_ONLINE", lib.SP_ROOT_BARE)
        inside: list[BaseException] = []
        with sp.Machine() as early, register(early, Cache(10), "early", flags=MEMCG), sp.Machine() as machine:
            outer = Doing(count=lambda _sc: inside.append(caught(early.shrink_slab)) or 0)
            with registered(machine, outer, Cache(7)):
                assert machine.shrink_slab(priority=0) == 7
        assert [type(error) for error in inside] == [sp.KernelOops]

    def test_objects_of_0_need_no_place_for_deferred_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shrinkpy.machine._ROOT_ONLINE", lib.SP_ROOT_NONE)
        with sp.Machine() as machine, register(machine, Cache(0), flags=MEMCG), register(machine, Cache(7)):
            assert machine.shrink_slab(priority=0) == 7


# ---- rings of waits -------------------------------------------------------------------------------


class Ring:
    """Threads, each in a callback that closes something of the next one's.

    The machines are not closed where a test fails: that would wait for ever as well.
    """

    def __init__(self, n: int, *, machines: int) -> None:
        self.machines = [sp.Machine() for _ in range(machines)]
        self.inside = threading.Barrier(n)
        self.errors: dict[int, BaseException] = {}
        self.shrinkers: list[sp.RegisteredShrinker] = []
        self.caches = [Doing(count=lambda _sc, i=i: self.count(i)) for i in range(n)]
        self.closes: list[Callable[[], None]] = []
        self.entered: set[int] = set()
        self.apps: list[sp.MemCgroup] = []
        for i, cache in enumerate(self.caches):
            machine = self.machines[i % machines]
            self.apps.append(machine.root.create(f"app{i}"))
            self.shrinkers.append(register(machine, cache, f"s{i}", flags=MEMCG))
            self.shrinkers[i].set_bit(self.apps[i])

    def count(self, i: int) -> int:
        if i not in self.entered:
            self.entered.add(i)
            self.inside.wait(TIMEOUT)
            try:
                self.closes[i]()
            except sp.DeadlockError as error:
                self.errors[i] = error
        return 0

    def run(self) -> None:
        """Each pass calls only its own shrinker."""
        passes = [Running(lambda app=app: app.machine.shrink_slab(memcg=app)) for app in self.apps]
        for each in passes:
            each.join()

    def end(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for machine in self.machines:
                machine.close()
        assert all(machine.ledger.shrinker == 0 for machine in self.machines)


class TestRing:
    @pytest.mark.parametrize(("n", "machines"), [(2, 1), (3, 1), (2, 2), (3, 3), (4, 2), (5, 5)])
    def test_shrinkers_that_close_each_other(self, n: int, machines: int) -> None:
        ring = Ring(n, machines=machines)
        ring.closes = [ring.shrinkers[(i + 1) % n].close for i in range(n)]
        ring.run()
        # One closed the ring, and was told; nothing of it has changed, and all others were closed.
        ((i, error),) = ring.errors.items()
        left = (i + 1) % n
        assert isinstance(error, sp.DeadlockError)
        assert (error.shrinker, error.nid, error.memcg) == (f"s{left}", None, None)
        assert re.search(r"waits, directly or through others", error.reason)
        assert [shrinker.closed for shrinker in ring.shrinkers] == [j != left for j in range(n)]
        assert ring.shrinkers[left].private_data is ring.caches[left]
        assert refcount(ring.shrinkers[left]) == 1
        machine, before = ring.shrinkers[left].machine, ring.caches[left].counts
        machine.shrink_slab(memcg=ring.apps[left])
        assert ring.caches[left].counts == before + 1
        ring.shrinkers[left].close()
        for each in ring.machines:
            goes_on(each, ())

    @pytest.mark.parametrize("n", [2, 3])
    def test_machines_that_are_closed_in_each_others_callbacks(self, n: int) -> None:
        ring = Ring(n, machines=n)

        def close(machine: sp.Machine) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                machine.close()

        ring.closes = [lambda i=i: close(ring.machines[(i + 1) % n]) for i in range(n)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            ring.run()
        ((i, error),) = ring.errors.items()
        assert type(error) is sp.DeadlockError
        left = (i + 1) % n
        assert [machine.closed for machine in ring.machines] == [j != left for j in range(n)]
        # It may be gone on with.
        ring.end()

    def test_a_machine_that_is_closed_and_a_shrinker(self) -> None:
        ring = Ring(2, machines=2)
        ring.closes = [ring.machines[1].close, ring.shrinkers[0].close]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            ring.run()
        ((i, error),) = ring.errors.items()
        assert type(error) is sp.DeadlockError
        assert ring.shrinkers[0].closed == (i == 0)
        assert ring.machines[1].closed == (i == 1)
        ring.end()

    def test_through_a_thread_that_closes_a_machine(self) -> None:
        # C closes machine 1, and waits for B, in whose callback there shrinker 0 is closed, which waits for
        # A, in whose callback machine 1 is closed: that would wait for C.
        machines = [sp.Machine(), sp.Machine()]
        in_a, in_b = threading.Event(), threading.Event()
        told: list[BaseException] = []

        def count_a(_sc: sp.ShrinkControl) -> int:
            in_a.set()
            assert in_b.wait(TIMEOUT)
            until_closing(shrinkers[0])
            until_closing(shrinkers[1])
            told.append(caught(machines[1].close))
            return 0

        def count_b(_sc: sp.ShrinkControl) -> int:
            in_b.set()
            shrinkers[0].close()
            return 0

        shrinkers = [register(machines[0], Doing(count_a), "a"), register(machines[1], Doing(count_b), "b")]
        a = Running(machines[0].shrink_slab)
        assert in_a.wait(TIMEOUT)
        b = Running(machines[1].shrink_slab)
        assert in_b.wait(TIMEOUT)
        with warned("'b' was still registered"):
            Running(machines[1].close).join()
        a.join()
        b.join()
        assert [type(error) for error in told] == [sp.DeadlockError]
        assert re.search(r"whoever is closing the machine waits, directly or through others", str(told[0]))
        assert all(shrinker.closed for shrinker in shrinkers)
        goes_on(machines[0], ())

    def test_a_machine_that_is_closed_in_what_its_own_close_drops(self) -> None:
        out = survives("""
            import warnings
            import shrinkpy as sp
            from support import Cache, Log, register

            class Closing(Log):
                @staticmethod
                def from_foreign(foreign):
                    try:
                        machine.close()
                    except sp.DeadlockError as error:
                        print(error)

            warnings.simplefilter("ignore")
            machine = sp.Machine()
            shrinker = register(machine, Closing(Cache(), []))
            machine.close()
            print(shrinker.closed, machine.closed)
        """)
        first, second = out.splitlines()
        assert "own close would wait for itself" in first
        assert second == "True True"

    def test_a_machine_that_was_not_closed_for_a_ring_is_as_it_was(self) -> None:
        # Thread A, in machine 0, closes the shrinker of machine 1; thread B, in that one's callback, then
        # closes machine 0, which is the end of a ring.
        machines = [sp.Machine(), sp.Machine()]
        inside, told = threading.Event(), []

        def in_b(_sc: sp.ShrinkControl) -> int:
            if not told:
                inside.set()
                until_closing(shrinkers[1])
                told.append(caught(machines[0].close))
            return 0

        def in_a(_sc: sp.ShrinkControl) -> int:
            if not shrinkers[1].closed:
                shrinkers[1].close()
            return 0

        first = register(machines[0], Cache(5), "first")
        shrinkers = [register(machines[0], Doing(in_a), "a"), register(machines[1], Doing(in_b), "b")]
        unregistered = sp.UnregisteredShrinker.alloc("u", machine=machines[0])
        b = Running(machines[1].shrink_slab)
        assert inside.wait(TIMEOUT)
        a = Running(machines[0].shrink_slab)
        a.join()
        b.join()
        try:
            assert [type(error) for error in told] == [sp.DeadlockError]
            assert not machines[0].closed
            assert not first.closed
            unregistered.set_seeks(7)
            unregistered.close()
            for shrinker in (first, shrinkers[0]):
                shrinker.close()
            for machine in machines:
                goes_on(machine, ())
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                for machine in machines:
                    machine.close()
