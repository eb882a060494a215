# SPDX-License-Identifier: GPL-2.0-only
"""fs/mbcache.c of Linux 6.12 itself, unmodified, under every kind of reclaim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kernel_tree import TREE, needs, only

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "fs" / "mbcache.c"
HEADERS = ("linux/mbcache.h",)

pytestmark = needs("fs/mbcache.c", *(f"include/{header}" for header in HEADERS))

ENTRIES, USED = 200, range(0, 200, 8)
REFERENCED = range(3, 200, 10)


@pytest.fixture(scope="module")
def include(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file's own header."""
    return only(tmp_path_factory.mktemp("mbcache"), HEADERS)


@pytest.fixture(scope="module")
def built(include: Path) -> native.Built:
    """The kernel's file, with its own header and otherwise ours."""
    return native.build(SOURCE, include=include)


@pytest.fixture
def mbcache(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks is an error."""
    with built.load(machine) as driver:
        yield driver
    assert driver.leaks == []


class Filled:
    """A cache of the driver's with ENTRIES entries, key and value i."""

    def __init__(self, driver: native.Driver) -> None:
        """Fill it; entries USED are held, REFERENCED were touched since."""
        self.driver = driver
        self.cache = driver.mb_cache_create(6)
        for i in range(ENTRIES):
            assert driver.mb_cache_entry_create(self.cache, sp.Gfp.KERNEL, i, i, True) == 0
        self.held = [driver.mb_cache_entry_get(self.cache, i, i) for i in USED]
        for i in REFERENCED:
            if i not in USED:
                entry = driver.mb_cache_entry_get(self.cache, i, i)
                driver.mb_cache_entry_touch(self.cache, entry)
                self.put(entry)

    def put(self, entry: Any) -> None:
        """mb_cache_entry_put(), which the header has inline."""
        entry.e_refcnt.counter -= 1
        assert entry.e_refcnt.counter > 0

    def there(self) -> set[int]:
        """The keys that are still there."""
        found = set()
        for i in range(ENTRIES):
            entry = self.driver.mb_cache_entry_get(self.cache, i, i)
            if entry != self.driver.ffi.NULL:
                found.add(i)
                entry.e_refcnt.counter -= 1
        return found

    def end(self) -> None:
        """Let go of what is held, and destroy it."""
        for entry in self.held:
            self.put(entry)
        self.driver.mb_cache_destroy(self.cache)


@pytest.fixture
def filled(mbcache: native.Driver) -> Iterator[Filled]:
    """One, destroyed in the end."""
    filled = Filled(mbcache)
    yield filled
    filled.end()


RECLAIMS: dict[str, Callable[[sp.Machine], object]] = {
    "shrink_slab": lambda machine: [machine.shrink_slab(priority=0) for _ in range(2)],
    "drop_slab": lambda machine: machine.drop_slab(),
    "direct_reclaim": lambda machine: machine.direct_reclaim(ENTRIES - len(USED)),
    "kswapd": lambda machine: machine.kswapd(0, ENTRIES - len(USED)),
    "memcg": lambda machine: machine.root.reclaim(ENTRIES - len(USED)),
}


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_exactly_what_nobody_holds(self, machine: sp.Machine, filled: Filled, kind: str) -> None:
        assert filled.there() == set(range(ENTRIES))
        RECLAIMS[kind](machine)
        assert filled.there() == set(USED)
        assert machine.slabs_scanned > 0

    def test_turns_what_was_referenced_round_once(self, machine: sp.Machine, filled: Filled) -> None:
        shrinker = filled.driver.shrinkers[0]
        assert shrinker.name == "mbcache-shrinker"
        machine.shrink_slab(priority=1)  # one scan call of a batch, from the front of its list
        front = set(range(sp.SHRINK_BATCH))
        assert set(range(ENTRIES)) - filled.there() == front - set(USED) - set(REFERENCED)
        machine.drop_slab()
        assert filled.there() == set(USED)

    def test_finds_nothing_in_an_empty_cache(self, machine: sp.Machine, mbcache: native.Driver) -> None:
        cache = mbcache.mb_cache_create(4)
        assert machine.shrink_slab(priority=0) == 0
        mbcache.mb_cache_destroy(cache)
        assert mbcache.shrinkers == []

    def test_what_is_put_again_goes_the_next_time(self, machine: sp.Machine, filled: Filled) -> None:
        machine.drop_slab()
        assert filled.there() == set(USED)
        while filled.held:
            filled.put(filled.held.pop())
        machine.drop_slab()
        assert filled.there() == set()


class TestTheCache:
    def test_on_two_machines_is_two(self, machine: sp.Machine, built: native.Built) -> None:
        with sp.Machine() as other, built.load(machine) as one, built.load(other) as two:
            first, second = Filled(one), Filled(two)
            machine.drop_slab()
            assert first.there() == set(USED)
            assert second.there() == set(range(ENTRIES))
            other.drop_slab()
            assert second.there() == set(USED)
            first.end()
            second.end()
        assert one.leaks == two.leaks == []

    def test_gives_an_error_where_there_is_no_memory(
        self, machine: sp.Machine, mbcache: native.Driver
    ) -> None:
        n = 0
        while True:
            n += 1
            machine.faults.fail_nth(n)
            cache = mbcache.mb_cache_create(4)
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            if cache != mbcache.ffi.NULL:
                mbcache.mb_cache_destroy(cache)
            if not struck:
                break
            assert mbcache.shrinkers == []
        assert n > 3

    def test_left_behind_is_told_with_where_it_was_taken(
        self, machine: sp.Machine, built: native.Built
    ) -> None:
        driver = built.load(machine)
        filled = Filled(driver)
        with pytest.warns(ResourceWarning) as warned:
            driver.close()
        assert any("shrinker mbcache-shrinker" in leak for leak in driver.leaks)
        assert any("mbcache.c:" in leak for leak in driver.leaks)
        assert len(warned) == len(driver.leaks)
        del filled


def under_the_sanitizers(include: str, source: str) -> list[str]:
    """In the child: everything above, once."""
    built = native.build(source, include=include, sanitize="address,undefined")
    with sp.Machine() as machine:
        with built.load(machine) as driver:
            for reclaim in RECLAIMS.values():
                filled = Filled(driver)
                reclaim(machine)
                assert filled.there() == set(USED)
                filled.end()
        return driver.leaks


@pytest.mark.thorough
class TestUnderSanitizers:
    def test_nothing_is_found(self, include: Path) -> None:
        assert native.run_sanitized(under_the_sanitizers, str(include), str(SOURCE)) == []
