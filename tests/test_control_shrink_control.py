# SPDX-License-Identifier: GPL-2.0-only
"""ShrinkControl: lent to one callback in one thread; what it shows and what may be set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import Cache, Doing, Running, native_pass, register, registered

import shrinkpy as sp

USES: dict[str, Callable[[sp.ShrinkControl], object]] = {
    "nr_to_scan": lambda sc: sc.nr_to_scan,
    "nr_scanned": lambda sc: sc.nr_scanned,
    "set nr_scanned": lambda sc: setattr(sc, "nr_scanned", 1),
    "gfp_mask": lambda sc: sc.gfp_mask,
    "nid": lambda sc: sc.nid,
    "memcg": lambda sc: sc.memcg,
    "gfp_fs": lambda sc: sc.gfp_fs(),
    "reclaim_fs_allowed": lambda sc: sc.reclaim_fs_allowed,
    "reclaim_io_allowed": lambda sc: sc.reclaim_io_allowed,
}


def seen_by(
    machine: sp.Machine, read: Callable[[sp.ShrinkControl], Any], *, flags: int = 0, **kwargs: Any
) -> tuple[Any, Any]:
    """What count and scan read of their sc."""
    seen: list[Any] = []

    def count(sc: sp.ShrinkControl) -> int:
        seen.append(read(sc))
        return 10

    def scan(sc: sp.ShrinkControl) -> sp.ScanObjects:
        seen.append(read(sc))
        return sp.ScanObjects.STOP

    with register(machine, Doing(count=count, scan=scan), flags=flags) as shrinker:
        memcg = kwargs.get("memcg")
        if memcg is not None:
            shrinker.set_bit(memcg, kwargs.get("nid", 0))
        machine.shrink_slab(priority=0, **kwargs)
    assert len(seen) == 2
    return seen[0], seen[1]


class TestWhatItShows:
    def test_count_is_asked_for_nothing_scan_for_a_batch(self, machine: sp.Machine) -> None:
        assert seen_by(machine, lambda sc: (sc.nr_to_scan, sc.nr_scanned)) == ((0, 0), (20, 20))

    def test_the_node_of_the_pass(self) -> None:
        with sp.Machine(nr_nodes=3) as machine:
            assert seen_by(machine, lambda sc: sc.nid, nid=2, flags=sp.Flags.NUMA_AWARE) == (2, 2)

    def test_also_where_the_shrinker_is_not_numa_aware(self) -> None:
        with sp.Machine(nr_nodes=3) as machine:
            assert seen_by(machine, lambda sc: sc.nid, nid=2) == (2, 2)

    def test_the_cgroup_of_the_pass_itself(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        got = seen_by(machine, lambda sc: sc.memcg, memcg=app, flags=sp.Flags.MEMCG_AWARE)
        assert got == (app, app)
        assert got[0] is app

    @pytest.mark.parametrize("flags", [sp.Flags(0), sp.Flags.MEMCG_AWARE])
    def test_the_root_in_a_global_pass(self, machine: sp.Machine, flags: sp.Flags) -> None:
        assert seen_by(machine, lambda sc: sc.memcg is machine.root, flags=flags) == (True, True)

    def test_no_cgroup_where_they_are_disabled(self) -> None:
        with sp.Machine(memcg=False) as machine:
            assert seen_by(machine, lambda sc: sc.memcg) == (None, None)

    @pytest.mark.parametrize("mask", [sp.Gfp.KERNEL, sp.Gfp.NOFS, sp.Gfp.NOIO, sp.Gfp(0), 0xFFFFFFFF])
    def test_the_mask_of_the_allocation(self, machine: sp.Machine, mask: int) -> None:
        count, scan = seen_by(machine, lambda sc: sc.gfp_mask, gfp_mask=mask)
        assert count == scan == mask
        assert isinstance(count, sp.Gfp)

    @pytest.mark.parametrize(
        ("mask", "fs", "io"),
        [
            (sp.Gfp.KERNEL, True, True),
            (sp.Gfp.NOFS, False, True),
            (sp.Gfp.NOIO, False, False),
            (sp.Gfp.FS, True, False),
            (0, False, False),
        ],
    )
    def test_what_scan_may_do(self, machine: sp.Machine, mask: int, fs: bool, io: bool) -> None:
        def read(sc: sp.ShrinkControl) -> tuple[bool, ...]:
            return sc.gfp_fs(), sc.reclaim_fs_allowed, sc.reclaim_io_allowed

        assert seen_by(machine, read, gfp_mask=mask) == ((fs, fs, io), (fs, fs, io))

    def test_its_repr(self, machine: sp.Machine) -> None:
        assert seen_by(machine, repr) == (
            "<ShrinkControl nid=0 nr_to_scan=0 nr_scanned=0>",
            "<ShrinkControl nid=0 nr_to_scan=20 nr_scanned=20>",
        )

    @pytest.mark.parametrize("name", ["nr_to_scan", "gfp_mask", "nid", "memcg", "gfp_fs", "other"])
    def test_nothing_but_nr_scanned_may_be_set(self, machine: sp.Machine, name: str) -> None:
        def read(sc: sp.ShrinkControl) -> bool:
            with pytest.raises(AttributeError):
                setattr(sc, name, 1)
            return True

        assert seen_by(machine, read) == (True, True)

    def test_it_is_not_made_by_hand(self) -> None:
        with pytest.raises(TypeError):
            sp.ShrinkControl()

    def test_every_shrinker_gets_a_fresh_one(self, machine: sp.Machine) -> None:
        def scan(sc: sp.ShrinkControl) -> sp.ScanObjects:
            sc.nr_scanned = 999
            return sp.ScanObjects.STOP

        seen: list[tuple[int, int]] = []
        after = Doing(count=lambda sc: seen.append((sc.nr_to_scan, sc.nr_scanned)) or 0)
        with registered(machine, Doing(scan=scan), after):
            machine.shrink_slab(priority=0)
        assert seen == [(0, 0)]


class TestNrScanned:
    """The core takes it off its total: more is fine, less asks again, nothing is no progress."""

    @staticmethod
    def scan_saying(machine: sp.Machine, *scanned: int | None) -> list[int]:
        """What a cache of 100 is asked for in batches of 10 when its scans say so."""
        said = iter(scanned)

        def scan(sc: sp.ShrinkControl) -> int:
            n = next(said, None)
            if n is not None:
                sc.nr_scanned = n
                assert sc.nr_scanned == n
            return 0

        cache = Doing(scan=scan)
        with register(machine, cache, seeks=4, batch=10):
            machine.shrink_slab(priority=0)
        return cache.asked

    def test_unless_set_it_is_nr_to_scan(self, machine: sp.Machine) -> None:
        assert self.scan_saying(machine) == [10] * 10

    def test_it_may_be_less(self, machine: sp.Machine) -> None:
        assert self.scan_saying(machine, 5, 5) == [10] * 11

    def test_it_may_be_more(self, machine: sp.Machine) -> None:
        assert self.scan_saying(machine, 50) == [10] * 6

    def test_all_at_once_ends_the_turn(self, machine: sp.Machine) -> None:
        assert self.scan_saying(machine, 1000) == [10]

    def test_it_is_what_the_pass_and_vmstat_sum_up(self, machine: sp.Machine) -> None:
        self.scan_saying(machine, 50)
        assert machine.last_pass is not None
        assert machine.last_pass.scanned == machine.slabs_scanned == 50 + 5 * 10

    @pytest.mark.parametrize("n", [-1, 2**64, -(2**64)])
    def test_what_is_no_unsigned_long_is_refused(self, machine: sp.Machine, n: int) -> None:
        with pytest.raises(ValueError, match=r"nr_scanned must be 0 to 2\*\*64 - 1"):
            self.scan_saying(machine, n)

    @pytest.mark.parametrize("n", [True, 1.0, "1"])
    def test_what_is_no_int_is_refused(self, machine: sp.Machine, n: Any) -> None:
        with pytest.raises(TypeError, match="nr_scanned is an int"):
            self.scan_saying(machine, n)

    def test_it_cannot_be_deleted(self, machine: sp.Machine) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            del sc.nr_scanned
            return 0

        with register(machine, Doing(scan=scan)), pytest.raises(TypeError):
            machine.shrink_slab(priority=0)

    def test_ints_of_numpy_will_do_as_they_do_for_results(self, machine: sp.Machine) -> None:
        assert self.scan_saying(machine, np.int64(50)) == [10] * 6  # type: ignore[arg-type]


class TestExpired:
    """Valid until the callback returns, in its thread."""

    @pytest.mark.parametrize("use", USES.values(), ids=USES)
    @pytest.mark.parametrize("native", [False, True], ids=["from Python", "native"])
    def test_after_the_callback(
        self, machine: sp.Machine, use: Callable[[sp.ShrinkControl], object], native: bool
    ) -> None:
        kept: list[sp.ShrinkControl] = []
        cache = Doing(
            count=lambda sc: kept.append(sc) or 10, scan=lambda sc: kept.append(sc) or sp.ScanObjects.STOP
        )
        with register(machine, cache):
            if native:
                native_pass(machine)
            else:
                machine.shrink_slab(priority=0)
        assert len(kept) == 2
        for sc in kept:
            with pytest.raises(sp.ExpiredError, match="until its callback returns"):
                use(sc)
            assert repr(sc) == "<ShrinkControl, expired>"

    def test_one_kept_is_not_lent_again(self, machine: sp.Machine) -> None:
        kept: list[sp.ShrinkControl] = []

        def count(sc: sp.ShrinkControl) -> int:
            for earlier in kept:
                assert earlier is not sc
                with pytest.raises(sp.ExpiredError):
                    _ = earlier.nid
            kept.append(sc)
            return 0

        with registered(machine, *(Doing(count=count) for _ in range(5))):
            machine.shrink_slab()
        assert len({id(sc) for sc in kept}) == 5

    def test_counts_expires_before_scan(self, machine: sp.Machine) -> None:
        kept: list[sp.ShrinkControl] = []
        errors: list[BaseException] = []

        def scan(_sc: sp.ShrinkControl) -> sp.ScanObjects:
            try:
                _ = kept[0].nr_to_scan
            except sp.ExpiredError as error:
                errors.append(error)
            return sp.ScanObjects.STOP

        with register(machine, Doing(count=lambda sc: kept.append(sc) or 10, scan=scan)):
            machine.shrink_slab(priority=0)
        assert len(errors) == 1

    def test_after_a_callback_that_raised(self, machine: sp.Machine) -> None:
        kept: list[sp.ShrinkControl] = []

        def count(sc: sp.ShrinkControl) -> int:
            kept.append(sc)
            raise LookupError

        with register(machine, Doing(count=count)), contextlib.suppress(LookupError):
            machine.shrink_slab()
        with pytest.raises(sp.ExpiredError):
            _ = kept[0].nid

    @pytest.mark.parametrize("use", USES.values(), ids=USES)
    def test_in_another_thread(self, machine: sp.Machine, use: Callable[[sp.ShrinkControl], object]) -> None:
        def count(sc: sp.ShrinkControl) -> int:
            other = Running(lambda: use(sc))
            with pytest.raises(sp.ExpiredError, match="another thread"):
                other.join()
            _ = sc.nid  # here it is valid still
            return 0

        with register(machine, Doing(count=count)):
            machine.shrink_slab()

    def test_the_outer_ones_is_valid_round_a_nested_pass(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        inner: list[Any] = []

        def count(sc: sp.ShrinkControl) -> int:
            before = sc.memcg
            machine.shrink_slab(memcg=app)
            assert sc.memcg is before is machine.root
            assert inner[0] is not sc
            return 0

        nested = Doing(count=lambda sc: inner.append(sc) or 0)
        outer = Doing(count=count)
        with register(machine, outer), register(machine, nested, flags=sp.Flags.MEMCG_AWARE) as shrinker:
            shrinker.set_bit(app)
            machine.shrink_slab()
        assert len(inner) == 2

    def test_it_does_not_keep_what_it_shows(self, machine: sp.Machine) -> None:
        kept: list[sp.ShrinkControl] = []
        with register(machine, Doing(count=lambda sc: kept.append(sc) or 0)):
            machine.shrink_slab()
        machine.root.create("app").remove()
        assert machine.ledger.memcgs == 1


class TestWhileItIsValid:
    def test_a_callback_may_ask_as_often_as_it_likes(self, machine: sp.Machine) -> None:
        def count(sc: sp.ShrinkControl) -> int:
            assert all(sc.memcg is machine.root and sc.gfp_mask == sp.Gfp.KERNEL for _ in range(100))
            return 0

        cache: Cache = Doing(count=count)
        with register(machine, cache):
            machine.shrink_slab()
