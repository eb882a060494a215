# SPDX-License-Identifier: GPL-2.0-only
"""UnregisteredShrinker.close() and its finalizer: dropped unregistered, it is freed."""

from __future__ import annotations

import gc
import sys
import warnings
from typing import Any

import pytest
from support import Cache, warned

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE


class TestClose:
    @pytest.mark.parametrize("flags", [sp.Flags(0), MEMCG])
    def test_it_frees_all_that_alloc_made(self, machine: sp.Machine, flags: sp.Flags) -> None:
        sp.UnregisteredShrinker.alloc("first", machine=machine, flags=flags).close()  # grows what stays grown
        before = machine.ledger
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=flags)
        assert machine.ledger.shrinker == before.shrinker + 1
        assert machine.ledger.bytes > before.bytes
        unregistered.close()
        assert machine.ledger == before

    def test_again_is_nothing(self, machine: sp.Machine) -> None:
        before = machine.ledger
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine)
        unregistered.close()
        other = sp.UnregisteredShrinker.alloc("other", machine=machine)  # may have got its memory
        unregistered.close()
        assert machine.ledger.shrinker == 1
        other.close()
        assert machine.ledger == before

    def test_the_end_of_a_with_block_does_it(self, machine: sp.Machine) -> None:
        with sp.UnregisteredShrinker.alloc("cache", machine=machine) as unregistered:
            assert machine.ledger.shrinker == 1
        assert machine.ledger.shrinker == 0
        with pytest.raises(sp.MovedError):
            unregistered.set_seeks(1)

    def test_so_does_an_exception_in_the_block(self, machine: sp.Machine) -> None:
        with pytest.raises(LookupError), sp.UnregisteredShrinker.alloc("cache", machine=machine):
            raise LookupError
        assert machine.ledger.shrinker == 0

    def test_the_id_is_free_again(self, machine: sp.Machine) -> None:
        sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=MEMCG).close()
        with sp.UnregisteredShrinker.alloc("cache", machine=machine, flags=MEMCG) as again:
            assert again.id == 0

    def test_after_its_machine_was_closed_is_nothing(self) -> None:
        machine = sp.Machine()
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine)
        with warned("neither registered nor closed when its machine was closed"):
            machine.close()
        unregistered.close()
        unregistered.close()
        assert machine.ledger.shrinker == 0

    def test_in_a_callback(self, machine: sp.Machine) -> None:
        class Allocating(Cache):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                with sp.UnregisteredShrinker.alloc("inner", machine=machine):
                    assert machine.ledger.shrinker == 2
                return 0

        with sp.UnregisteredShrinker.alloc("outer", machine=machine).register(Allocating()):
            machine.shrink_slab()
            assert machine.ledger.shrinker == 1


class TestFinalizer:
    def test_it_warns_and_frees(self, machine: sp.Machine) -> None:
        before = machine.ledger
        unregistered = sp.UnregisteredShrinker.alloc("forgotten", machine=machine)
        with warned("'forgotten' was neither registered nor closed"):
            del unregistered
        assert machine.ledger == before

    def test_in_a_cycle(self, machine: sp.Machine) -> None:
        before = machine.ledger
        cycle: dict[str, Any] = {"shrinker": sp.UnregisteredShrinker.alloc("in a cycle", machine=machine)}
        cycle["cycle"] = cycle
        with warned("in a cycle"):
            del cycle
            gc.collect()
        assert machine.ledger == before

    def test_it_frees_also_where_the_warning_is_an_error(
        self, machine: sp.Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unraisable: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_type))
        unregistered = sp.UnregisteredShrinker.alloc("forgotten", machine=machine)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del unregistered
        assert unraisable == [ResourceWarning]
        assert machine.ledger.shrinker == 0

    def test_a_closed_one_says_nothing(self, machine: sp.Machine) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine)
        unregistered.close()
        del unregistered  # a warning would be an error

    def test_a_registered_one_says_nothing(self, machine: sp.Machine) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine)
        with unregistered.register(Cache()):
            del unregistered
            assert machine.ledger.registered == 1

    def test_one_whose_machine_was_closed_says_nothing_more(self) -> None:
        machine = sp.Machine()
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=machine)
        with warned():
            machine.close()
            del unregistered
            gc.collect()

    def test_it_keeps_its_machine(self) -> None:
        unregistered = sp.UnregisteredShrinker.alloc("cache", machine=sp.Machine())
        gc.collect()
        unregistered.set_seeks(3)
        assert unregistered.seeks == 3
        unregistered.close()

    def test_machine_and_handle_may_go_together(self) -> None:
        with warned("neither registered nor closed"):
            sp.UnregisteredShrinker.alloc("cache", machine=sp.Machine())
            gc.collect()
