# SPDX-License-Identifier: GPL-2.0-only
"""UnregisteredShrinker.alloc(): what is made, what is refused, and that failing leaves nothing."""

from __future__ import annotations

import itertools

import pytest
from support import Cache, register

import shrinkpy as sp
from shrinkpy.core import ffi, lib

NUMA, MEMCG, NONSLAB = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE, sp.Flags.NONSLAB


def name_in_core(unregistered: sp.UnregisteredShrinker) -> bytes:
    """Read the name back from the core."""
    size = lib.sp_shrinker_name(unregistered._pointer, ffi.NULL, 0) + 1
    buf = ffi.new("char[]", size)
    lib.sp_shrinker_name(unregistered._pointer, buf, size)
    return bytes(ffi.buffer(buf, size - 1))


class TestWhatIsMade:
    def test_it_has_the_kernels_defaults(self, machine: sp.Machine) -> None:
        with sp.UnregisteredShrinker.alloc("cache", machine=machine) as unregistered:
            assert unregistered.name == "cache"
            assert unregistered.machine is machine
            assert unregistered.seeks == sp.DEFAULT_SEEKS == 2
            assert unregistered.batch == 0
            assert unregistered.flags == sp.Flags(0)
            assert unregistered.id is None

    def test_no_pass_sees_it(self, machine: sp.Machine) -> None:
        with sp.UnregisteredShrinker.alloc("cache", machine=machine):
            assert machine.shrink_slab(priority=0) == 0
            assert machine.last_pass is not None
            assert machine.last_pass.counts == 0
            assert machine.ledger.registered == 0

    def test_the_class_is_no_constructor(self) -> None:
        with pytest.raises(TypeError, match=r"alloc\(name, machine="):
            sp.UnregisteredShrinker()

    def test_the_machine_goes_by_name_only(self, machine: sp.Machine) -> None:
        with pytest.raises(TypeError):
            sp.UnregisteredShrinker.alloc("cache", machine)  # type: ignore[misc]

    def test_a_subclass_makes_its_own(self, machine: sp.Machine) -> None:
        class Mine(sp.UnregisteredShrinker):
            __slots__ = ()

        with Mine.alloc("cache", machine=machine) as unregistered:
            assert type(unregistered) is Mine


class TestName:
    @pytest.mark.parametrize(
        "name",
        ["", "android-binder", "%s%n%d %", "with blank\nand line", "é漢", "a/b", "x" * 9999, "\udcff"],
    )
    def test_it_is_text_never_a_format(self, machine: sp.Machine, name: str) -> None:
        with sp.UnregisteredShrinker.alloc(name, machine=machine) as unregistered:
            assert unregistered.name == name
            assert name_in_core(unregistered) == name.encode(errors="surrogateescape")

    @pytest.mark.parametrize("name", ["\0", "a\0b", "a\0"])
    def test_a_nul_is_refused(self, machine: sp.Machine, name: str) -> None:
        before = machine.ledger
        with pytest.raises(ValueError, match="NUL"):
            sp.UnregisteredShrinker.alloc(name, machine=machine)
        assert machine.ledger == before

    def test_what_has_no_utf8_is_refused(self, machine: sp.Machine) -> None:
        before = machine.ledger
        with pytest.raises(ValueError, match="surrogates"):
            sp.UnregisteredShrinker.alloc("\ud800", machine=machine)
        assert machine.ledger == before

    @pytest.mark.parametrize("name", [b"cache", None, 5, ["cache"]])
    def test_only_a_str_will_do(self, machine: sp.Machine, name: object) -> None:
        with pytest.raises(TypeError, match="must be a str"):
            sp.UnregisteredShrinker.alloc(name, machine=machine)  # type: ignore[arg-type]

    def test_two_may_have_the_same(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "twin") as one, register(machine, Cache(), "twin") as two:
            assert one.name == two.name
            assert machine.ledger.registered == 2


class TestFlags:
    @pytest.mark.parametrize(
        "flags", [sp.Flags(0), NUMA, MEMCG, NUMA | MEMCG, MEMCG | NONSLAB, NUMA | MEMCG | NONSLAB]
    )
    def test_the_users_are_taken(self, machine: sp.Machine, flags: sp.Flags) -> None:
        with sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=flags) as unregistered:
            assert unregistered.flags == flags
            assert isinstance(unregistered.flags, sp.Flags)

    def test_a_bare_int_will_do(self, machine: sp.Machine) -> None:
        with sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=1 << 3) as unregistered:
            assert unregistered.flags == MEMCG

    @pytest.mark.parametrize("flags", [NONSLAB, NONSLAB | NUMA])
    def test_nonslab_goes_with_memcg_aware_only(self, machine: sp.Machine, flags: sp.Flags) -> None:
        with pytest.raises(ValueError, match="MEMCG_AWARE"):
            sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=flags)

    @pytest.mark.parametrize("flags", [1, 2, MEMCG | 1, MEMCG | 2, 1 << 5, -1, 1 << 32, 1 << 64])
    def test_the_kernels_internal_ones_are_refused(self, machine: sp.Machine, flags: int) -> None:
        before = machine.ledger
        with pytest.raises(ValueError, match="flags"):
            sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=flags)
        assert machine.ledger == before

    @pytest.mark.parametrize("flags", [True, None, 4.0, "4"])
    def test_what_is_no_int_is_refused(self, machine: sp.Machine, flags: object) -> None:
        with pytest.raises(TypeError, match="flags must be an int"):
            sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=flags)  # type: ignore[arg-type]

    def test_memcg_aware_is_dropped_where_cgroups_are_disabled(self) -> None:
        with (
            sp.Machine(memcg=False) as machine,
            sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=MEMCG | NUMA) as unregistered,
        ):
            assert unregistered.flags == NUMA
            assert unregistered.id is None
            assert machine.ledger.nr_deferred == 1


class TestId:
    def test_memcg_aware_ones_take_the_lowest_free(self, machine: sp.Machine) -> None:
        made = [sp.UnregisteredShrinker.alloc(f"s{i}", machine=machine, flags=MEMCG) for i in range(4)]
        assert [each.id for each in made] == [0, 1, 2, 3]
        made[1].close()
        made[2].close()
        again = sp.UnregisteredShrinker.alloc("again", machine=machine, flags=MEMCG)
        assert again.id == 1
        for each in (*made, again):
            each.close()

    def test_the_65th_makes_every_cgroup_grow(self, machine: sp.Machine) -> None:
        machine.root.create("app")
        made = [sp.UnregisteredShrinker.alloc(f"s{i}", machine=machine, flags=MEMCG) for i in range(64)]
        assert machine.ledger.unit == 2
        made.append(sp.UnregisteredShrinker.alloc("one more", machine=machine, flags=MEMCG))
        assert made[-1].id == 64
        assert machine.ledger.unit == 4
        assert machine.ledger.info == 2
        for each in made:
            each.close()

    def test_the_registration_keeps_it(self, machine: sp.Machine) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=MEMCG)
        id_ = unregistered.id
        with unregistered.register(Cache()) as shrinker:
            assert shrinker.id == id_ == 0


class TestClosedMachine:
    def test_it_allocates_no_more(self) -> None:
        machine = sp.Machine()
        machine.close()
        with pytest.raises(sp.ClosedError, match="closed"):
            sp.UnregisteredShrinker.alloc("cache", machine=machine)


class TestNoMemory:
    """The n-th allocation fails, for every n: MemoryError, and nothing is left behind."""

    @pytest.mark.parametrize("flags", [sp.Flags(0), NUMA])
    def test_an_unaware_one_makes_three_allocations(self, flags: sp.Flags) -> None:
        with sp.Machine(nr_nodes=3) as machine:
            before = machine.ledger
            for n in itertools.count(1):
                machine.faults.fail_nth(n)
                machine.faults.record()
                try:
                    made = sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=flags)
                except MemoryError:
                    assert machine.faults.pending == 0
                    assert machine.ledger == before
                    continue
                break
            sites = [attempt.site for attempt in machine.faults.attempts()]
            assert sites == ["shrinker", "name", "nr_deferred"]
            assert (n, machine.faults.pending) == (4, 1)
            machine.faults.fail_nth(0)
            made.close()
            assert machine.ledger == before

    @pytest.mark.parametrize("nr_nodes", [1, 2])
    def test_a_memcg_aware_one_grows_every_cgroup_in_order(self, nr_nodes: int) -> None:
        growth = [(site, nid) for _cgroup in range(3) for nid in range(nr_nodes) for site in ("info", "unit")]
        expected = [("shrinker", None), ("name", None), ("idr", None), *growth]
        for n in itertools.count(1):
            with sp.Machine(nr_nodes=nr_nodes) as machine:
                machine.root.create("a").create("b")
                before = machine.ledger
                machine.faults.fail_nth(n)
                machine.faults.record()
                try:
                    made = sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=MEMCG)
                except MemoryError:
                    attempts = machine.faults.attempts()
                    assert [(a.site, a.nid) for a in attempts] == expected[:n]
                    assert [a.failed for a in attempts] == [False] * (n - 1) + [True]
                    grown = max(0, n - 4) // 2  # whole pairs of info and unit
                    after = machine.ledger
                    assert after.unit == before.unit + grown
                    assert after._replace(unit=0, bytes=0) == before._replace(unit=0, bytes=0)
                    # Grown parts stay; a later try asks for the rest only, and the id was given back.
                    machine.faults.record()
                    with sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=MEMCG) as again:
                        assert again.id == 0
                        left = [(a.site, a.nid) for a in machine.faults.attempts()]
                        assert left == expected[:3] + growth[2 * grown :]
                    continue
                assert n == len(expected) + 1
                made.close()
                machine.faults.fail_nth(0)
                break

    def test_after_every_failure_the_machine_goes_on(self, machine: sp.Machine) -> None:
        with register(machine, Cache(10), flags=MEMCG):
            for n in range(1, 4):
                machine.faults.fail_nth(n)
                with pytest.raises(MemoryError):
                    sp.UnregisteredShrinker.alloc("other", machine=machine, flags=MEMCG)
            assert machine.shrink_slab(priority=0) == 10
