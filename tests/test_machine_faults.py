# SPDX-License-Identifier: GPL-2.0-only
"""Machine.faults and Machine.ledger: failing the n-th allocation, and what lives after it."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from support import Cache, Held, in_callback, register, registered

import shrinkpy as sp
from shrinkpy.core import check, ffi, lib

MEMCG, NUMA = sp.Flags.MEMCG_AWARE, sp.Flags.NUMA_AWARE
SITES = ("shrinker", "name", "idr", "nr_deferred", "info", "unit", "ida", "dentry", "list_lru", "kmalloc")


def fail_each(machine: sp.Machine, do: Callable[[], Any]) -> tuple[Any, int]:
    """Fail do()'s first allocation, then its second …: each leaves the ledger as it was. Then let it be."""
    before = machine.ledger
    for n in itertools.count(1):
        machine.faults.fail_nth(n)
        try:
            done = do()
        except MemoryError:
            assert machine.faults.pending == 0
            assert machine.ledger == before
            continue
        machine.faults.fail_nth(0)
        return done, n - 1
    raise AssertionError


class TestFailNth:
    def test_the_sites_are_the_kernels(self, machine: sp.Machine) -> None:
        assert machine.faults.sites == SITES

    def test_it_strikes_once(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(1)
        assert machine.faults.pending == 1
        with pytest.raises(MemoryError):
            sp.UnregisteredShrinker.alloc("s", machine=machine)
        assert machine.faults.pending == 0
        sp.UnregisteredShrinker.alloc("s", machine=machine).close()

    def test_it_counts_across_calls(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(5)
        first = sp.UnregisteredShrinker.alloc("s", machine=machine)
        assert machine.faults.pending == 2
        with pytest.raises(MemoryError):
            sp.UnregisteredShrinker.alloc("s", machine=machine)
        first.close()

    def test_0_disarms(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(1)
        machine.faults.fail_nth(0)
        assert machine.faults.pending == 0
        sp.UnregisteredShrinker.alloc("s", machine=machine).close()

    @pytest.mark.parametrize("site", ["shrinker", "name", "nr_deferred"])
    def test_it_may_count_one_site_alone(self, machine: sp.Machine, site: str) -> None:
        machine.faults.fail_nth(2, site)
        first = sp.UnregisteredShrinker.alloc("s", machine=machine)
        machine.faults.record()
        with pytest.raises(MemoryError):
            sp.UnregisteredShrinker.alloc("s", machine=machine)
        assert machine.faults.attempts()[-1] == (site, None, True)
        first.close()

    def test_or_several(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(2, "name", "nr_deferred")
        machine.faults.record()
        with pytest.raises(MemoryError):
            sp.UnregisteredShrinker.alloc("s", machine=machine)
        assert [a.site for a in machine.faults.attempts()] == ["shrinker", "name", "nr_deferred"]

    def test_of_other_sites_it_waits(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(1, "dentry")
        sp.UnregisteredShrinker.alloc("s", machine=machine).close()
        assert machine.faults.pending == 1

    @pytest.mark.parametrize("n", [-1, -(2**70)])
    def test_less_than_nothing_is_refused(self, machine: sp.Machine, n: int) -> None:
        with pytest.raises(ValueError, match="n must be 0 to"):
            machine.faults.fail_nth(n)

    def test_an_unknown_site_is_refused(self, machine: sp.Machine) -> None:
        with pytest.raises(ValueError, match="no site 'slab'; there are shrinker, name"):
            machine.faults.fail_nth(1, "slab")
        assert machine.faults.pending == 0

    def test_machines_have_their_own(self, machine: sp.Machine) -> None:
        machine.faults.fail_nth(1)
        with sp.Machine() as other:
            sp.UnregisteredShrinker.alloc("s", machine=other).close()
        assert machine.faults.pending == 1


class TestRecord:
    def test_the_attempts_in_order(self) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            machine.faults.record()
            machine.root.create("app").remove()
            sp.UnregisteredShrinker.alloc("s", machine=machine, flags=NUMA).close()
            assert machine.faults.attempts() == [
                ("info", 0, False),
                ("info", 1, False),
                ("shrinker", None, False),
                ("name", None, False),
                ("nr_deferred", None, False),
            ]

    def test_record_starts_anew_and_ends(self, machine: sp.Machine) -> None:
        machine.faults.record()
        sp.UnregisteredShrinker.alloc("s", machine=machine).close()
        machine.faults.record()
        assert machine.faults.attempts() == []
        machine.faults.record(False)
        sp.UnregisteredShrinker.alloc("s", machine=machine).close()
        assert machine.faults.attempts() == []

    def test_many(self, machine: sp.Machine) -> None:
        machine.faults.record()
        for _ in range(100):
            sp.UnregisteredShrinker.alloc("s", machine=machine).close()
        assert len(machine.faults.attempts()) == 300

    def test_passes_frees_and_bits_make_none(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        shrinkers = [register(machine, Cache(100), flags=flags) for flags in (0, MEMCG)]
        machine.faults.record()
        shrinkers[1].set_bit(app)
        for memcg in (None, app):
            machine.shrink_slab(memcg=memcg, priority=3)
        app.remove()
        for shrinker in shrinkers:
            shrinker.close()
        assert machine.faults.attempts() == []


class TestEachInTurn:
    @pytest.mark.parametrize(("flags", "fails"), [(sp.Flags(0), 3), (NUMA, 3)])
    def test_alloc(self, flags: sp.Flags, fails: int) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            made, n = fail_each(
                machine, lambda: sp.UnregisteredShrinker.alloc("s", machine=machine, flags=flags)
            )
            assert n == fails
            made.close()

    def test_alloc_of_a_memcg_aware_one_once_there_is_room(self) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            sp.UnregisteredShrinker.alloc("first", machine=machine, flags=MEMCG).close()
            made, n = fail_each(
                machine, lambda: sp.UnregisteredShrinker.alloc("s", machine=machine, flags=MEMCG)
            )
            assert n == 3
            made.close()

    def test_alloc_that_grows_goes_on_where_it_was_interrupted(self) -> None:
        ledgers = []
        for failures in (0, 6):  # three cgroups of two nodes
            with sp.Machine(nr_nodes=2) as machine:
                for name in "ab":
                    machine.root.create(name)
                for done in range(failures):
                    machine.faults.fail_nth(2, "unit")  # one more unit stays each time
                    with pytest.raises(MemoryError):
                        sp.UnregisteredShrinker.alloc("s", machine=machine, flags=MEMCG)
                    assert machine.ledger[:5] == (0, 0, 0, 6, done + 1)
                    if done == failures - 2:  # the last one is asked for alone
                        break
                machine.faults.fail_nth(0)
                with sp.UnregisteredShrinker.alloc("s", machine=machine, flags=MEMCG):
                    ledgers.append(machine.ledger)
        assert ledgers[0] == ledgers[1]
        assert ledgers[0].unit == 6

    @pytest.mark.parametrize("units", [0, 1, 2])
    def test_create_of_a_cgroup(self, units: int) -> None:
        with (
            sp.Machine(nr_nodes=2) as machine,
            registered(machine, *[Cache() for _ in range(64 * units)], flags=MEMCG),
        ):
            root = machine.root
            made, n = fail_each(machine, lambda: root.create("app"))
            assert n == 2 * (1 + units)
            assert made.online
            assert root.children == (made,)

    def test_bringing_debugfs_up_ends_at_the_first_failure(self) -> None:
        for n in range(1, 8):
            with sp.Machine() as machine, registered(machine, *[Cache() for _ in range(3)]):
                before = machine.ledger
                machine.faults.fail_nth(n)
                status = lib.sp_debugfs_init(machine._pointer)
                entries = min((n - 1) // 2, 3)
                assert status == (lib.SP_NOMEM if n <= 6 else lib.SP_OK)
                assert machine.ledger.dentry == entries
                machine.faults.fail_nth(0)
                # It counts as up: whoever registers now has an entry.
                with register(machine, Cache(), "late"):
                    assert machine.ledger.dentry == entries + 1
                assert machine.ledger._replace(dentry=0, bytes=0) == before._replace(bytes=0)

    def test_rename(self, machine: sp.Machine) -> None:
        check(lib.sp_debugfs_init(machine._pointer))
        with register(machine, Cache(), "old") as shrinker:
            pointer = ffi.cast("struct shrinker *", shrinker._address)
            _done, n = fail_each(machine, lambda: check(lib.sp_debugfs_rename(pointer, b"new")))
            assert n == 1
            assert machine.ledger.dentry == 1


class TestLedger:
    def test_a_fresh_machine_has_its_root(self) -> None:
        with sp.Machine(nr_nodes=3) as machine:
            ledger = machine.ledger
            assert (ledger.info, ledger.memcgs) == (3, 1)
            assert ledger._replace(info=0, memcgs=0, bytes=0) == sp.Ledger(*[0] * len(sp.Ledger._fields))
            assert ledger.bytes > 0

    def test_it_counts_by_site(self) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            app = machine.root.create("app")
            with register(machine, Cache()), register(machine, Cache(), flags=MEMCG):
                unregistered = sp.UnregisteredShrinker.alloc("u", machine=machine, flags=NUMA)
                assert machine.ledger._replace(bytes=0) == sp.Ledger(
                    shrinker=3, name=3, nr_deferred=2, info=4, unit=4, dentry=0,
                    list_lru=0, kmalloc=0, bytes=0, limbo=0, registered=2, memcgs=2,
                )  # fmt: skip
                unregistered.close()
            app.remove()

    def test_bytes_are_those_of_the_names_too(self, machine: sp.Machine) -> None:
        before = machine.ledger.bytes
        with sp.UnregisteredShrinker.alloc("", machine=machine):
            short = machine.ledger.bytes - before
        with sp.UnregisteredShrinker.alloc("x" * 1000, machine=machine):
            assert machine.ledger.bytes - before == short + 1000

    def test_what_a_running_pass_may_still_see_is_in_limbo(self, machine: sp.Machine) -> None:
        held = Held()
        with register(machine, held):
            doomed = register(machine, Cache(), "doomed")
            with in_callback(machine, held):
                doomed.close()
                del doomed
                gc.collect()
                assert machine.ledger.registered == 1
                assert machine.ledger.limbo >= 1
            assert (machine.ledger.limbo, machine.ledger.shrinker) == (0, 1)

    def test_after_any_life_it_is_as_before(self) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            check(lib.sp_debugfs_init(machine._pointer))
            register(machine, Cache(), flags=MEMCG).close()
            root, before = machine.root, machine.ledger
            for i in range(5):
                app = root.create(f"app{i}")
                with registered(machine, Cache(10), Cache(300), flags=MEMCG) as shrinkers:
                    for shrinker in shrinkers:
                        shrinker.set_bit(app, nid=1)
                    machine.shrink_slab(memcg=app, nid=1, priority=0)
                    machine.shrink_slab()
                app.remove()
                del app
            machine.shrink_slab()
            gc.collect()
            assert machine.ledger == before
