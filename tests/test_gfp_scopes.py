# SPDX-License-Identifier: GPL-2.0-only
"""memalloc_nofs() and memalloc_noio(): what they leave of a mask, and how they nest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Cache, Doing, Running, register

import shrinkpy as sp
from shrinkpy.core import lib

SCOPES = {"nofs": sp.memalloc_nofs, "noio": sp.memalloc_noio}


def scoped(gfp: int) -> sp.Gfp:
    """What the scopes of this thread leave of it."""
    return sp.Gfp(lib.sp_scoped_gfp(gfp))


class TestScopes:
    def test_nofs_takes_fs(self) -> None:
        with sp.memalloc_nofs():
            assert scoped(sp.Gfp.KERNEL) == sp.Gfp.NOFS
        assert scoped(sp.Gfp.KERNEL) == sp.Gfp.KERNEL

    def test_noio_takes_both(self) -> None:
        with sp.memalloc_noio():
            assert scoped(sp.Gfp.KERNEL) == sp.Gfp.NOIO
        assert scoped(sp.Gfp.KERNEL) == sp.Gfp.KERNEL

    @given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(sorted(SCOPES)), max_size=6))
    def test_they_nest(self, gfp: int, names: list[str]) -> None:
        def inside(left: int, names: list[str]) -> None:
            assert scoped(gfp) == gfp & left
            if names:
                taken = int(sp.Gfp.FS | sp.Gfp.IO if names[0] == "noio" else sp.Gfp.FS)
                with SCOPES[names[0]]():
                    inside(left & ~taken, names[1:])
                assert scoped(gfp) == gfp & left

        inside(2**32 - 1, names)

    def test_an_exception_ends_one(self) -> None:
        with pytest.raises(ZeroDivisionError), sp.memalloc_nofs():
            raise ZeroDivisionError
        assert scoped(sp.Gfp.KERNEL) == sp.Gfp.KERNEL

    def test_it_is_this_threads(self) -> None:
        with sp.memalloc_noio():
            assert Running(lambda: scoped(sp.Gfp.KERNEL)).join() == sp.Gfp.KERNEL


class TestWhatReclaimSees:
    def test_callbacks_see_the_scoped_mask(self, machine: sp.Machine) -> None:
        seen: list[sp.Gfp] = []
        with register(machine, Doing(count=lambda sc: seen.append(sc.gfp_mask) or 0)):
            for scope, gfp in (
                (sp.memalloc_nofs, sp.Gfp.NOFS),
                (sp.memalloc_noio, sp.Gfp.NOIO),
            ):
                machine.faults.reclaim_nth(1)
                with scope():
                    machine.allocate().free()
                assert set(seen) == {gfp}
                seen.clear()

    def test_shrink_slab_is_given_a_mask_and_takes_it(self, machine: sp.Machine) -> None:
        # In the kernel its callers apply the scopes, not it.
        seen: list[sp.Gfp] = []
        with register(machine, Doing(count=lambda sc: seen.append(sc.gfp_mask) or 0)), sp.memalloc_noio():
            machine.shrink_slab()
        assert seen == [sp.Gfp.KERNEL]

    def test_one_may_be_open_in_a_callback(self, machine: sp.Machine) -> None:
        def count(sc: Any) -> int:
            with sp.memalloc_nofs():
                return int(scoped(sp.Gfp.KERNEL) == sp.Gfp.NOFS)

        cache = Cache()
        with register(machine, Doing(count=count)), register(machine, cache):
            machine.shrink_slab(priority=0)
        assert machine.last_pass is not None
        assert machine.last_pass.freeable == 101
        assert scoped(sp.Gfp.KERNEL) == sp.Gfp.KERNEL


@pytest.mark.parametrize(
    "make", [sp.memalloc_nofs, sp.memalloc_noio, lambda: sp.Machine().task()], ids=["nofs", "noio", "task"]
)
class TestMisuse:
    def test_twice(self, make: Callable[[], Any]) -> None:
        scope = make()
        with scope, pytest.raises(RuntimeError, match="entered already; make another"):
            scope.__enter__()
        with scope:  # one after the other is fine
            pass

    def test_left_without_being_entered(self, make: Callable[[], Any]) -> None:
        with pytest.raises(RuntimeError, match="was not entered"):
            make().__exit__(None, None, None)

    def test_left_in_another_thread(self, make: Callable[[], Any]) -> None:
        scope = make()
        with scope:
            before = scoped(sp.Gfp.KERNEL)
            with pytest.raises(RuntimeError, match="in another thread"):
                Running(lambda: scope.__exit__(None, None, None)).join()
            assert scoped(sp.Gfp.KERNEL) == before

    def test_left_before_what_is_inside(self, make: Callable[[], Any]) -> None:
        outer, inner = make(), sp.memalloc_noio()
        with outer, inner:
            with pytest.raises(RuntimeError, match=r"left before memalloc_noio\(\), which is inside"):
                outer.__exit__(None, None, None)
            assert scoped(sp.Gfp.KERNEL) == sp.Gfp.NOIO
        assert scoped(sp.Gfp.KERNEL) == sp.Gfp.KERNEL

    def test_one_that_finds_no_memory_is_not_inside(
        self, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outer, inner = sp.memalloc_nofs(), make()

        def fail(_: object) -> None:
            raise MemoryError

        with outer:
            monkeypatch.setattr(type(inner), "_begin", fail)
            with pytest.raises(MemoryError), inner:
                pass
        assert scoped(sp.Gfp.KERNEL) == sp.Gfp.KERNEL
