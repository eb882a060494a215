# SPDX-License-Identifier: GPL-2.0-only
"""ListLru: what is on it, who holds it, where it is counted."""

from __future__ import annotations

import errno
import gc
import itertools
import sys
import textwrap
import weakref
from typing import Any

import pytest
from support import Cache, register, survives

import shrinkpy as sp
from shrinkpy.core import ffi, lib


class Thing:
    """An object that can be referred to weakly."""


class Empty(Cache):
    """A cache that has nothing at all."""

    def count_objects(self, sc: sp.ShrinkControl) -> sp.CountObjects:
        """Say so."""
        return sp.CountObjects.EMPTY


def bit(shrinker: sp.RegisteredShrinker, memcg: sp.MemCgroup, nid: int = 0) -> bool:
    """Is the shrinker's bit set there?"""
    pointer = ffi.cast("struct shrinker *", shrinker._address)
    return bool(lib.sp_peek_bit(memcg._pointer, nid, lib.sp_shrinker_id(pointer)))


def on(lru: sp.ListLru, nid: int = 0, memcg: sp.MemCgroup | None = None) -> list[Any]:
    """The items of one list, from the head."""
    seen: list[Any] = []

    def look(item: Any) -> sp.LruStatus:
        seen.append(item)
        return sp.LruStatus.SKIP

    assert lru.walk_one(nid, memcg, look) == 0
    return seen


class TestAdd:
    """add(): at the tail, once."""

    def test_goes_to_the_tail(self) -> None:
        """In the order of the adds."""
        lru = sp.ListLru(sp.Machine())
        assert [lru.add(x) for x in "abc"] == [True] * 3
        assert on(lru) == ["a", "b", "c"]

    def test_is_false_where_it_is_on_a_list_already(self) -> None:
        """Wherever that is; nothing happens."""
        lru = sp.ListLru(sp.Machine(2))
        item = Thing()
        assert lru.add(item, 1)
        assert not lru.add(item)
        assert (lru.count_node(0), lru.count_node(1)) == (0, 1)

    def test_tells_items_by_identity(self) -> None:
        """Equal ones are two, and they need not be hashable."""
        lru = sp.ListLru(sp.Machine())
        one, other = [1], [1]
        assert lru.add(one)
        assert lru.add(other)
        assert one in lru
        assert [1] not in lru
        assert len(lru) == 2

    def test_takes_node_and_cgroup_by_name(self) -> None:
        """As keywords."""
        machine = sp.Machine(2)
        app = machine.root.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        assert lru.add(item="x", memcg=app, nid=1)
        assert lru.count_one(memcg=app, nid=1) == 1
        assert lru.count_one(nid=1) == 0
        assert lru.count_node(nid=1) == 1

    def test_sets_the_bit_with_the_first_item(self) -> None:
        """Of a cgroup's list; the second sets none."""
        machine = sp.Machine(2)
        app = machine.root.create("app")
        flags = sp.Flags.MEMCG_AWARE | sp.Flags.NUMA_AWARE
        with register(machine, Empty(), flags=flags) as shrinker:
            lru = sp.ListLru(machine, shrinker, memcg_aware=True)
            assert not bit(shrinker, app, 1)
            lru.add("x", 1, app)
            assert bit(shrinker, app, 1)
            assert not bit(shrinker, app, 0)
            machine.shrink_slab(nid=1, memcg=app)
            assert not bit(shrinker, app, 1)
            lru.add("y", 1, app)
            assert not bit(shrinker, app, 1)

    @pytest.mark.parametrize("nid", [-1, 2, 2**70])
    def test_refuses_nodes_that_are_not(self, nid: int) -> None:
        """With the range."""
        lru = sp.ListLru(sp.Machine(2))
        with pytest.raises(ValueError, match="nid must be 0 to 1"):
            lru.add("x", nid)
        with pytest.raises(ValueError, match="nid must be 0 to 1"):
            lru.count_node(nid)
        assert "x" not in lru

    def test_refuses_other_arguments(self) -> None:
        """With what it takes."""
        machine, other = sp.Machine(), sp.Machine()
        lru: Any = sp.ListLru(machine, memcg_aware=True)
        with pytest.raises(TypeError, match="needs item"):
            lru.add()
        with pytest.raises(TypeError, match="at most 3"):
            lru.add(1, 0, None, 4)
        with pytest.raises(TypeError, match="no argument 'node'"):
            lru.add(1, node=0)
        with pytest.raises(TypeError, match="'nid' twice"):
            lru.add(1, 0, nid=0)
        with pytest.raises(TypeError, match="nid must be an int"):
            lru.add(1, True)
        with pytest.raises(TypeError, match="memcg must be a MemCgroup"):
            lru.add(1, 0, "app")
        with pytest.raises(ValueError, match="another Machine"):
            lru.add(1, 0, other.root)
        assert len(lru) == 0


class TestRemove:
    """remove(): from wherever it is."""

    def test_knows_where_the_item_is(self) -> None:
        """Node and cgroup need not be named."""
        machine = sp.Machine(2)
        app = machine.root.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        lru.add("x", 1, app)
        assert lru.remove("x")
        assert not lru.remove("x")
        assert lru.count_one(1, app) == lru.count_node(1) == len(lru) == 0

    def test_lets_it_be_added_again(self) -> None:
        """At the tail."""
        lru = sp.ListLru(sp.Machine())
        a, b, c = Thing(), Thing(), Thing()
        for thing in (a, b, c):
            lru.add(thing)
        assert lru.remove(a)
        assert lru.add(a)
        assert on(lru) == [b, c, a]

    def test_of_many_in_any_order(self) -> None:
        """Each is found, and no other."""
        lru = sp.ListLru(sp.Machine())
        things = [Thing() for _ in range(1000)]
        for thing in things:
            assert lru.add(thing)
        for thing in things[::3]:
            assert lru.remove(thing)
        left = [x for i, x in enumerate(things) if i % 3]
        assert on(lru) == left
        assert all((x in lru) == (i % 3 != 0) for i, x in enumerate(things))
        assert all(lru.remove(x) for x in left[::-1])
        assert len(lru) == 0


class TestReferences:
    """Each item is held once while it is on a list, and not before or after."""

    def test_of_add_and_remove(self) -> None:
        """One more, one less; a refused add takes none."""
        lru = sp.ListLru(sp.Machine())
        item = Thing()
        before = sys.getrefcount(item)
        lru.add(item)
        lru.add(item)
        assert sys.getrefcount(item) == before + 1
        lru.remove(item)
        assert sys.getrefcount(item) == before

    @pytest.mark.parametrize("status", list(sp.LruStatus))
    def test_of_walks(self, status: sp.LruStatus) -> None:
        """REMOVED ones drop it, others keep it."""
        lru = sp.ListLru(sp.Machine())
        item = Thing()
        before = sys.getrefcount(item)
        lru.add(item)
        gone = lru.walk_one(0, None, lambda _: status, 3)
        removed = status in (sp.LruStatus.REMOVED, sp.LruStatus.REMOVED_RETRY)
        assert gone == removed
        assert sys.getrefcount(item) == before + (not removed)

    def test_an_item_that_goes_may_use_the_list(self) -> None:
        """It goes when the lock has been given back."""
        lru = sp.ListLru(sp.Machine())

        class Last(Thing):
            def __del__(self) -> None:
                lru.add("after")

        lru.add(Last())
        assert lru.walk_one(0, None, lambda _: sp.LruStatus.REMOVED) == 1
        assert on(lru) == ["after"]

    def test_a_ring_through_the_list_is_collected(self) -> None:
        """The items refer to the list."""
        machine = sp.Machine()
        lru = sp.ListLru(machine)
        item: Any = Thing()
        item.lru = lru
        lru.add(item)
        gone = weakref.ref(item)
        del item, lru
        gc.collect()
        assert gone() is None
        assert machine.ledger.list_lru == 0

    def test_a_ring_through_the_shrinkers_data_is_collected(self) -> None:
        """The list is the data's, and the data is on it."""
        machine = sp.Machine()
        cache: Any = Cache()
        shrinker = register(machine, sp.Arc(cache))
        cache.lru = sp.ListLru(machine, shrinker)
        cache.lru.add(cache)
        gone = weakref.ref(cache)
        shrinker.close()
        del cache, shrinker
        gc.collect()
        assert gone() is None

    def test_the_cgroup_stays_while_items_are_of_it(self) -> None:
        """Also when it was removed."""
        machine = sp.Machine()
        app = machine.root.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        lru.add("x", 0, app)
        app.remove()
        gone = weakref.ref(app)
        del app
        gc.collect()
        assert gone() is not None
        assert lru.count_one() == 1
        assert lru.remove("x")
        gc.collect()
        assert gone() is None
        assert machine.ledger.memcgs == 1

    @pytest.mark.parametrize("closed", [True, False])
    def test_what_is_left_goes_with_the_list(self, closed: bool) -> None:
        """By close(), or with the last reference."""
        machine = sp.Machine()
        lru = sp.ListLru(machine)
        item = Thing()
        before = sys.getrefcount(item)
        lru.add(item)
        if closed:
            lru.close()
        else:
            del lru
        assert sys.getrefcount(item) == before
        assert machine.ledger.list_lru == 0


class TestShrinker:
    """attach(): a shrinker that came later."""

    def test_gets_the_bits_of_cgroups_that_have_items(self) -> None:
        """At once; of others with their first item."""
        machine = sp.Machine()
        app, idle = machine.root.create("app"), machine.root.create("idle")
        lru = sp.ListLru(machine, memcg_aware=True)
        lru.add("x", 0, app)
        with register(machine, Cache(), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            lru.attach(shrinker)
            assert bit(shrinker, app)
            assert not bit(shrinker, idle)
            lru.add("y", 0, idle)
            assert bit(shrinker, idle)

    def test_none_is_nobody(self) -> None:
        """No bit is set any more."""
        machine = sp.Machine()
        app = machine.root.create("app")
        with register(machine, Cache(), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            lru = sp.ListLru(machine, shrinker, memcg_aware=True)
            lru.attach(None)
            lru.add("x", 0, app)
            assert not bit(shrinker, app)

    def test_refuses_one_that_has_no_bit(self) -> None:
        """It would be somebody else's, who has its id."""
        machine = sp.Machine()
        app = machine.root.create("app")
        with (
            register(machine, Cache(), "aware", flags=sp.Flags.MEMCG_AWARE) as aware,
            register(machine, Cache(), "unaware") as unaware,
        ):
            lru = sp.ListLru(machine, memcg_aware=True)
            with pytest.raises(ValueError, match="'unaware' is not MEMCG_AWARE"):
                lru.attach(unaware)
            lru.add("x", 0, app)
            assert not bit(aware, app)
            sp.ListLru(machine, unaware).add("x", 0, app)
            assert not bit(aware, app)

    def test_refuses_others(self) -> None:
        """Closed ones, and those of another machine."""
        machine, other = sp.Machine(), sp.Machine()
        lru: Any = sp.ListLru(machine)
        with register(other, Cache()) as shrinker, pytest.raises(ValueError, match="another machine"):
            lru.attach(shrinker)
        with pytest.raises(sp.ClosedError):
            sp.ListLru(other, shrinker)
        with pytest.raises(TypeError, match="RegisteredShrinker"):
            lru.attach(Cache())


class TestOffline:
    """A cgroup that goes offline: its items go to the parent."""

    def test_items_go_to_the_head_of_the_parents_list(self) -> None:
        """In their order; and its bit is set."""
        machine = sp.Machine()
        app = machine.root.create("app")
        worker = app.create("worker")
        with register(machine, Cache(), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            lru = sp.ListLru(machine, shrinker, memcg_aware=True)
            a, b, c, d = Thing(), Thing(), Thing(), Thing()
            lru.add(a, 0, worker)
            lru.add(b, 0, worker)
            lru.add(c, 0, app)
            machine.shrink_slab(memcg=app)
            worker.offline()
            assert bit(shrinker, app)
            assert on(lru, 0, app) == on(lru, 0, worker) == [a, b, c]
            assert lru.add(d, 0, worker)
            assert lru.count_one(0, app) == 4
            assert lru.remove(a)
            app.offline()
            assert on(lru) == [b, c, d]

    def test_sets_the_bit_only_where_items_moved(self) -> None:
        """Otherwise there is nothing to be found."""
        machine = sp.Machine()
        app = machine.root.create("app")
        workers = [app.create("idle"), app.create("busy")]
        with register(machine, Cache(), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            lru = sp.ListLru(machine, shrinker, memcg_aware=True)
            lru.add("x", 0, workers[0])
            lru.remove("x")
            lru.add("y", 0, workers[1])
            workers[0].offline()
            assert not bit(shrinker, app)
            workers[1].offline()
            assert bit(shrinker, app)

    def test_the_bit_of_an_add_after_it_is_lost(self) -> None:
        """As in 6.12: it is set in the offline one, and no pass of the parent finds the item."""
        machine = sp.Machine()
        app = machine.root.create("app")
        worker = app.create("worker")
        with register(machine, Cache(), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            lru = sp.ListLru(machine, shrinker, memcg_aware=True)
            lru.add("x", 0, worker)
            lru.remove("x")
            worker.offline()
            assert lru.add("y", 0, worker)
            assert lru.count_one(0, app) == 1
            assert bit(shrinker, worker)
            assert not bit(shrinker, app)

    def test_lists_leave_the_ledger(self) -> None:
        """Those of the ancestors stay."""
        machine = sp.Machine()
        app = machine.root.create("app")
        worker = app.create("worker")
        lru = sp.ListLru(machine, memcg_aware=True)
        lru.add("x", 0, worker)
        assert machine.ledger.list_lru == 3
        worker.remove()
        assert machine.ledger.list_lru == 2
        lru.close()
        assert machine.ledger.list_lru == 0


class TestNotMemcgAware:
    """One list a node, whatever the cgroup."""

    @pytest.mark.parametrize("machine", [{"memcg": False}, {"kmem": False}], ids=str)
    def test_without_cgroups_or_accounting(self, machine: dict[str, bool]) -> None:
        """As the kernel decides when the list is made."""
        lru = sp.ListLru(sp.Machine(**machine), memcg_aware=True)
        assert not lru.memcg_aware

    def test_a_cgroup_named_is_the_root(self) -> None:
        """It has no lists of its own."""
        machine = sp.Machine()
        app = machine.root.create("app")
        lru = sp.ListLru(machine)
        lru.add("x", 0, app)
        assert lru.count_one() == lru.count_one(0, app) == 1
        assert machine.ledger.list_lru == 1


class TestClose:
    """close(), and the machine's."""

    def test_lets_go_of_everything(self) -> None:
        """And again: nothing."""
        lru = sp.ListLru(sp.Machine())
        lru.add("x")
        with lru:
            pass
        assert lru.closed
        assert (len(lru), "x" in lru, lru.count_node(), lru.count_one()) == (0, False, 0, 0)
        assert repr(lru) == "<ListLru, closed>"
        lru.close()
        for call in (
            lambda: lru.add("x"),
            lambda: lru.remove("x"),
            lambda: lru.walk_node(0, print),
            lambda: lru.attach(None),
        ):
            with pytest.raises(sp.ClosedError, match="the ListLru was closed"):
                call()

    def test_refuses_in_a_walk_callback(self) -> None:
        """The walk stands on it."""
        lru = sp.ListLru(sp.Machine())
        lru.add("x")
        with pytest.raises(OSError, match="under way") as caught:
            lru.walk_one(0, None, lambda _: lru.close())
        assert caught.value.errno == errno.EBUSY
        assert "x" in lru

    def test_of_the_machine_is_the_end_of_changes(self) -> None:
        """What is there can be looked at still, and goes with the list."""
        machine = sp.Machine()
        lru = sp.ListLru(machine)
        item = Thing()
        before = sys.getrefcount(item)
        lru.add(item)
        machine.close()
        for call in (
            lambda: lru.add("x"),
            lambda: lru.remove(item),
            lambda: lru.walk_one(0, None, print),
            lambda: lru.walk_node(0, print),
            lambda: lru.attach(None),
            lambda: sp.ListLru(machine),
        ):
            with pytest.raises(sp.ClosedError, match="the machine was closed"):
                call()
        assert len(lru) == lru.count_one() == 1
        assert repr(lru) == "<ListLru, 1 item>"
        del call
        lru.close()
        assert sys.getrefcount(item) == before

    def test_keeps_the_machine(self) -> None:
        """By a reference."""
        lru = sp.ListLru(sp.Machine())
        gc.collect()
        assert lru.add("x")
        assert lru.machine.nr_nodes == 1

    def test_its_lock_class_goes_with_it(self) -> None:
        """A list that comes to lie at the same address has no past."""
        machine = sp.Machine()

        def nested(outer: sp.ListLru, inner: sp.ListLru) -> None:
            outer.add(Thing())
            outer.walk_one(0, None, lambda _: [sp.LruStatus.SKIP, inner.add(Thing())][0])

        old = [sp.ListLru(machine) for _ in range(64)]  # more than malloc() keeps for itself
        addresses = [lru._address for lru in old]
        for outer, inner in itertools.pairwise(old):
            nested(outer, inner)
        for lru in old:
            lru.close()
        new = {lru._address: lru for lru in [sp.ListLru(machine) for _ in old]}
        again = [address for address in addresses if address in new]
        if len(again) < 2:
            pytest.skip("this allocator has not given the addresses again")
        nested(new[again[-1]], new[again[0]])
        assert machine.lockdep.reports == []


class TestNoMemory:
    """Each allocation fails in turn, and nothing is half done."""

    def test_of_the_list(self) -> None:
        """It is not made."""
        machine = sp.Machine()
        machine.faults.fail_nth(1, "list_lru")
        with pytest.raises(MemoryError):
            sp.ListLru(machine)
        assert machine.ledger.list_lru == 0

    def test_of_an_add(self) -> None:
        """The cgroup's lists and its ancestors': all or none."""
        machine = sp.Machine(2)
        app = machine.root.create("app")
        worker = app.create("worker")
        lru = sp.ListLru(machine, memcg_aware=True)
        item = Thing()
        before = machine.ledger, sys.getrefcount(item)
        failures = 0
        for n in itertools.count(1):
            machine.faults.fail_nth(n)
            try:
                lru.add(item, 1, worker)
            except MemoryError:
                failures += 1
            else:
                break
            assert item not in lru
            assert (machine.ledger, sys.getrefcount(item)) == before
        machine.faults.fail_nth(0)
        assert failures == 2
        assert lru.count_one(1, worker) == 1


WALKED = """
import os, threading, warnings
import shrinkpy as sp

warnings.simplefilter("ignore", DeprecationWarning)
lru, mine = (sp.ListLru(sp.Machine()) for _ in range(2))
lru.add("x")
mine.add("x")
inside, leave = threading.Event(), threading.Event()

def stay(item):
    inside.set()
    leave.wait()
    return sp.LruStatus.SKIP

walker = threading.Thread(target=lru.walk_one, args=(0, None, stay))
walker.start()
inside.wait()
"""
"""A thread walks lru; nobody walks mine."""

WAIT = """
_, status = os.waitpid(child, 0)
leave.set()
walker.join()
print(os.waitstatus_to_exitcode(status))
"""


def in_a_child(forks: str) -> str:
    """What a program printed that forked, and whose child ended itself."""
    return survives(WALKED + textwrap.dedent(forks) + WAIT).strip()


class TestFork:
    """A child of fork has the list."""

    def test_a_lock_of_another_thread_is_free_there(self) -> None:
        """Nobody would give it back."""
        status = in_a_child(
            """
            child = os.fork()
            if not child:
                os._exit(0 if lru.add("y") and lru.count_one() == 2 else 1)
            """
        )
        assert status == "0"

    def test_closes_there_although_another_thread_walked_it(self) -> None:
        """That thread is not there; a walk that goes on there still keeps it open."""
        status = in_a_child(
            """
            def fork(item):
                global child
                child = os.fork()
                if not child:
                    lru.close()
                    try:
                        mine.close()
                    except OSError:
                        return sp.LruStatus.REMOVED
                return sp.LruStatus.SKIP

            gone = mine.walk_one(0, None, fork)
            if not child:
                mine.close()
                os._exit(0 if gone and lru.closed and mine.closed else 1)
            """
        )
        assert status == "0"
