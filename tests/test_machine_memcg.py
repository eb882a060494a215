# SPDX-License-Identifier: GPL-2.0-only
"""MemCgroup: the tree, online and offline, deferred work going up, and who keeps the memory."""

from __future__ import annotations

import errno
import gc
import itertools
import weakref
from typing import Any

import pytest
from support import Cache, Doing, Held, in_callback, register, survives

import shrinkpy as sp
from shrinkpy.core import lib

MEMCG = sp.Flags.MEMCG_AWARE


class TestRoot:
    def test_it_is_always_the_same(self, machine: sp.Machine) -> None:
        root = machine.root
        assert machine.root is root
        assert (root.name, root.path, root.ino, root.parent) == ("", "/", 1, None)
        assert root.online
        assert root.machine is machine

    def test_it_cannot_go(self, machine: sp.Machine) -> None:
        for go in (machine.root.offline, machine.root.remove):
            with pytest.raises(ValueError, match="root"):
                go()
        assert machine.root.online

    def test_where_cgroups_are_disabled_it_is_bare(self) -> None:
        with sp.Machine(memcg=False) as machine:
            assert not machine.memcg_enabled
            assert not machine.root.online
            assert machine.ledger.info == 0

    def test_it_may_be_asked_for_in_a_callback_first(self, machine: sp.Machine) -> None:
        seen: list[sp.MemCgroup | None] = []
        with register(machine, Doing(count=lambda sc: seen.append(sc.memcg) or 0)):
            machine.shrink_slab()
        assert seen[0] is machine.root


class TestCreate:
    def test_it_is_online_below_its_parent(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        worker = app.create("worker")
        assert (app.path, worker.path) == ("/app", "/app/worker")
        assert (app.name, worker.name) == ("app", "worker")
        assert app.online
        assert worker.online
        assert worker.parent is app
        assert app.parent is machine.root
        assert app.machine is machine
        assert repr(worker) == "<MemCgroup /app/worker>"

    def test_inodes_are_never_given_again(self, machine: sp.Machine) -> None:
        first = machine.root.create("a")
        ino = first.ino
        first.remove()
        assert machine.root.create("a").ino > ino > machine.root.ino

    def test_children_are_in_order_of_creation(self, machine: sp.Machine) -> None:
        made = tuple(machine.root.create(name) for name in "zab")
        assert machine.root.children == made

    @pytest.mark.parametrize("name", ["", "/", "a/b", "/a", "a\0", ".", ".."])
    def test_what_is_no_name_is_refused(self, machine: sp.Machine, name: str) -> None:
        with pytest.raises(ValueError, match="no name"):
            machine.root.create(name)
        assert machine.ledger.memcgs == 1

    def test_a_name_once_below_one_parent(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with pytest.raises(FileExistsError):
            machine.root.create("app")
        assert app.create("app").path == "/app/app"
        assert machine.ledger.memcgs == 3

    def test_a_name_is_free_again_after_remove(self, machine: sp.Machine) -> None:
        machine.root.create("app").remove()
        assert machine.root.create("app").online

    @pytest.mark.parametrize("end", ["offline", "remove"])
    def test_below_one_that_is_not_online_it_is_refused(self, machine: sp.Machine, end: str) -> None:
        app = machine.root.create("app")
        getattr(app, end)()
        with pytest.raises(OSError, match="not online") as caught:
            app.create("child")
        assert caught.value.errno == errno.ENODEV

    def test_on_a_closed_machine_it_is_refused(self) -> None:
        machine = sp.Machine()
        root = machine.root
        machine.close()
        with pytest.raises(sp.ClosedError):
            root.create("app")

    def test_without_memory_nothing_is_left(self) -> None:
        with sp.Machine(nr_nodes=2) as machine, register(machine, Cache(), flags=MEMCG):
            root, before = machine.root, machine.ledger
            for n in itertools.count(1):
                machine.faults.fail_nth(n)
                machine.faults.record()
                try:
                    app = root.create("app")
                except MemoryError:
                    assert machine.ledger == before
                    assert root.children == ()
                    continue
                break
            # A node at a time: the info, and the one unit that the shrinker's id needs.
            sites = [(a.site, a.nid) for a in machine.faults.attempts()]
            assert sites == [("info", 0), ("unit", 0), ("info", 1), ("unit", 1)]
            assert n == 5
            machine.faults.fail_nth(0)
            app.remove()
            del app
            gc.collect()
            assert machine.ledger == before

    def test_a_cgroup_is_made_by_create_in_its_own_machine(self) -> None:
        out = survives("""
            import gc
            import shrinkpy as sp

            one, other = sp.Machine(), sp.Machine()
            for parent in (other.root, one.root):
                try:
                    sp.MemCgroup(one, "child", parent)
                    print("made", parent.machine is one, [child.path for child in parent.children])
                except (TypeError, ValueError) as error:
                    print("refused")
            gc.collect()
            one.close()
            other.close()
        """)
        # Refused where it is of another machine; else refused as well, or a child like any other.
        first, second = out.splitlines()
        assert first == "refused"
        assert second in ("refused", "made True ['/child']")


class TestWalk:
    def test_in_pre_order(self, machine: sp.Machine) -> None:
        b, a = machine.root.create("b"), machine.root.create("a")
        b.create("y").create("deep")
        b.create("x")
        a.create("z")
        assert [each.path for each in machine.root.walk()] == [
            "/",
            "/b",
            "/b/y",
            "/b/y/deep",
            "/b/x",
            "/a",
            "/a/z",
        ]
        assert [each.path for each in b.walk()] == ["/b", "/b/y", "/b/y/deep", "/b/x"]

    def test_as_the_core_goes(self, machine: sp.Machine) -> None:
        for name in ("b", "a"):
            machine.root.create(name).create("child").offline()
        got, memcg = [], lib.sp_memcg_iter(machine._pointer, machine.root._pointer, sp.core.ffi.NULL)
        while memcg != sp.core.ffi.NULL:
            got.append(lib.sp_memcg_ino(memcg))
            memcg = lib.sp_memcg_iter(machine._pointer, machine.root._pointer, memcg)
        assert got == [each.ino for each in machine.root.walk()]

    def test_removed_ones_are_not_in_it(self, machine: sp.Machine) -> None:
        machine.root.create("a").remove()
        machine.root.create("b").offline()
        assert [each.path for each in machine.root.walk()] == ["/", "/b"]


class TestOffline:
    def test_passes_skip_it(self, machine: sp.Machine) -> None:
        app, cache = machine.root.create("app"), Cache()
        with register(machine, cache, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            app.offline()
            assert not app.online
            assert machine.shrink_slab(memcg=app, priority=0) == 0
        assert cache.counts == 0
        assert repr(app) == "<MemCgroup /app, offline>"
        assert machine.root.children == (app,)

    def test_its_deferred_work_goes_to_its_parent(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        worker = app.create("worker")
        with register(machine, Cache(1000), seeks=4, flags=MEMCG) as shrinker:
            for memcg in (worker, app, machine.root):
                shrinker.set_bit(memcg)
                machine.shrink_slab(memcg=memcg, priority=5)
            assert [shrinker.nr_deferred(each) for each in machine.root.walk()] == [31, 31, 31]
            worker.offline()
            assert [shrinker.nr_deferred(each) for each in machine.root.walk()] == [31, 62, 31]
            worker.remove()
            app.remove()
            assert shrinker.nr_deferred() == 93

    def test_bits_are_not_handed_on(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        worker = app.create("worker")
        with register(machine, Cache(), flags=MEMCG) as shrinker:
            shrinker.set_bit(worker)
            worker.offline()
            assert not lib.sp_peek_bit(app._pointer, 0, 0)

    def test_again_is_nothing(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Cache(1000), seeks=4, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab(memcg=app, priority=5)
            app.offline()
            app.offline()
            assert shrinker.nr_deferred() == 31

    def test_not_above_one_that_is_online(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        child = app.create("child")
        with pytest.raises(OSError, match="online") as caught:
            app.offline()
        assert caught.value.errno == errno.EBUSY
        child.offline()
        app.offline()


class TestRemove:
    def test_it_leaves_the_tree_and_its_memory_goes(self, machine: sp.Machine) -> None:
        before = machine.ledger
        app = machine.root.create("app")
        app.remove()
        assert not app.online
        assert machine.root.children == ()
        assert (app.path, app.ino > 1) == ("/app", True)
        assert machine.ledger.memcgs == 2
        del app
        assert machine.ledger == before

    def test_without_memory_cgroups_there_is_nothing_to_reparent(self) -> None:
        with sp.Machine(memcg=False) as machine:
            before = machine.ledger
            app = machine.root.create("app")
            app.remove()
            assert not app.online
            del app
            assert machine.ledger == before

    def test_again_is_nothing(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        app.remove()
        other = machine.root.create("app")
        app.remove()
        assert machine.root.children == (other,)

    def test_not_while_it_has_children(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        child = app.create("child")
        child.offline()
        with pytest.raises(OSError, match="has children") as caught:
            app.remove()
        assert caught.value.errno == errno.EBUSY
        assert app.online
        child.remove()
        app.remove()

    def test_a_removed_child_keeps_its_parents_memory(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        child = app.create("child")
        child.remove()
        app.remove()
        gone = child.ino
        del app
        assert machine.ledger.memcgs == 3
        assert child.parent is not None
        assert child.ino == gone
        del child
        gc.collect()
        assert machine.ledger.memcgs == 1

    def test_on_a_closed_machine(self) -> None:
        machine = sp.Machine()
        app = machine.root.create("app")
        machine.close()
        app.remove()
        assert not app.online


class TestUnderAPass:
    def test_a_pass_keeps_the_cgroup_it_was_given(self, machine: sp.Machine) -> None:
        cache = Cache(10)
        paths: list[str] = []

        def count(sc: sp.ShrinkControl) -> int:
            assert sc.memcg is not None
            sc.memcg.remove()
            gc.collect()
            paths.append(f"{sc.memcg.path} {sc.memcg.online}")
            return cache.objects

        doing = Doing(count=count, scan=cache.scan_objects)
        with register(machine, doing, flags=MEMCG) as shrinker:
            app = machine.root.create("app")
            shrinker.set_bit(app)
            pending = [app]
            del app
            assert machine.shrink_slab(memcg=pending.pop(), priority=0) == 10
            assert paths == ["/app False"]
        machine.shrink_slab()  # last_pass had it, too
        gc.collect()
        assert machine.ledger.memcgs == 1

    def test_removed_by_another_thread(self, machine: sp.Machine) -> None:
        app, held = machine.root.create("app"), Held(5)
        with register(machine, held, flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            with in_callback(machine, held, memcg=app, priority=0):
                app.remove()
                assert not app.online
            assert held.objects == 0

    def test_what_a_late_pass_defers_is_lost(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")

        def scan(sc: sp.ShrinkControl) -> sp.ScanObjects:
            app.remove()
            return sp.ScanObjects.STOP

        with register(machine, Doing(scan=scan), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab(memcg=app, priority=0)
            assert shrinker.nr_deferred(app) == 200
            assert shrinker.nr_deferred() == 0

    def test_growth_during_a_pass_is_seen(self, machine: sp.Machine) -> None:
        app, late = machine.root.create("app"), Cache(7)
        made: list[Any] = []

        def count(sc: sp.ShrinkControl) -> int:
            made.extend(
                sp.UnregisteredShrinker.alloc("fill", machine=machine, flags=MEMCG) for _ in range(63)
            )
            made.append(register(machine, late, flags=MEMCG))
            assert made[-1].id == 64
            made[-1].set_bit(app)
            return 0

        with register(machine, Doing(count=count), flags=MEMCG) as shrinker:
            shrinker.set_bit(app)
            assert machine.shrink_slab(memcg=app, priority=0) == 7
        for each in made:
            each.close()


class TestWhoKeepsWhat:
    def test_the_tree_keeps_its_cgroups(self, machine: sp.Machine) -> None:
        machine.root.create("app").create("worker")
        gc.collect()
        assert [each.path for each in machine.root.walk()] == ["/", "/app", "/app/worker"]
        assert machine.ledger.memcgs == 3

    def test_a_cgroup_keeps_its_machine(self) -> None:
        app = sp.Machine().root.create("app")
        gc.collect()
        assert app.online
        assert app.machine.root.children == (app,)

    def test_together_they_are_collected(self) -> None:
        machine = sp.Machine()
        machine.root.create("app")
        gone = weakref.ref(machine)
        del machine
        gc.collect()
        assert gone() is None
