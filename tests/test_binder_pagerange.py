# SPDX-License-Identifier: GPL-2.0-only
"""PageRange: pages that are free, used or available, and go back to the system under pressure."""

from __future__ import annotations

import contextlib
import mmap
import random
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import register

import shrinkpy as sp
from shrinkpy.drivers.binder import DamagedError, PageRange, Transaction

PAGE = mmap.PAGESIZE
NUMA, MEMCG = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE


@contextlib.contextmanager
def shrinking(pages: PageRange, machine: sp.Machine) -> Iterator[sp.RegisteredShrinker]:
    """Register a PageRange as `run` does, and close both at the end."""
    with contextlib.closing(pages), register(machine, pages, pages.name, flags=pages.flags) as shrinker:
        pages.attach(shrinker, list(machine.root.walk()))
        yield shrinker


@pytest.fixture
def pages(machine: sp.Machine) -> Iterator[PageRange]:
    """Sixteen pages, registered on the machine."""
    pages = PageRange(16 * PAGE)
    with shrinking(pages, machine):
        yield pages


def sent(pages: PageRange, data: bytes, *, nid: int = 0, memcg: sp.MemCgroup | None = None) -> Transaction:
    """Begin a transaction that must find its pages."""
    transaction = pages.begin(data, nid, memcg)
    assert transaction is not None
    return transaction


def freeable(machine: sp.Machine, nid: int = 0, memcg: sp.MemCgroup | None = None) -> int:
    """Count without freeing: at priority 63 nothing is left of any number."""
    machine.shrink_slab(nid=nid, memcg=memcg, priority=63)
    assert machine.last_pass is not None
    return machine.last_pass.freeable


def content(pages: PageRange, page: int) -> bytes:
    """Read a page behind the back of its owner."""
    return bytes(pages._bytes[page * PAGE : (page + 1) * PAGE])


class TestSize:
    @pytest.mark.parametrize(("size", "nr_pages"), [(1, 1), (PAGE, 1), (PAGE + 1, 2), (10 * PAGE, 10)])
    def test_it_is_rounded_up_to_pages(self, size: int, nr_pages: int) -> None:
        with contextlib.closing(PageRange(size)) as pages:
            assert pages.nr_pages == nr_pages

    @pytest.mark.parametrize("size", [0, -1, -PAGE, True, 1.5, "4096", None])
    def test_what_is_no_size_is_refused(self, size: object) -> None:
        with pytest.raises(ValueError, match="size must be a number of bytes"):
            PageRange(size)  # type: ignore[arg-type]

    @pytest.mark.parametrize("size", [2**60, 2**63, 2**80])
    def test_one_without_room_is_told_so(self, size: int) -> None:
        with pytest.raises(MemoryError, match="take a smaller size"):
            PageRange(size)


class TestAttributes:
    def test_they_are_binders(self, pages: PageRange, machine: sp.Machine) -> None:
        assert pages.name == "android-binder"
        assert pages.seeks == sp.DEFAULT_SEEKS
        assert pages.batch == 0
        assert pages.flags == sp.Flags(0)
        assert pages.object_size == PAGE


class TestBegin:
    def test_the_bytes_lie_in_its_pages(self, pages: PageRange) -> None:
        transaction = sent(pages, b"a" * PAGE + b"b")
        assert [content(pages, page)[:1] for page in transaction.pages] == [b"a", b"b"]
        assert transaction.size == PAGE + 1

    @pytest.mark.parametrize(("size", "nr_pages"), [(1, 1), (PAGE, 1), (PAGE + 1, 2)])
    def test_its_size_is_rounded_up_to_pages(self, pages: PageRange, size: int, nr_pages: int) -> None:
        assert len(sent(pages, bytes(size)).pages) == pages.nr_used == nr_pages

    def test_two_transactions_share_no_page(self, pages: PageRange) -> None:
        first, second = sent(pages, bytes(3 * PAGE)), sent(pages, bytes(4 * PAGE))
        assert not set(first.pages) & set(second.pages)

    def test_available_pages_are_taken_before_free_ones(self, pages: PageRange) -> None:
        old = sent(pages, bytes(2 * PAGE))
        pages.consume(old)
        new = sent(pages, bytes(3 * PAGE))
        assert set(old.pages) < set(new.pages)

    def test_the_warmest_available_pages_are_taken_first(self, pages: PageRange) -> None:
        cold, warm = sent(pages, b"1"), sent(pages, b"2")
        pages.consume(cold)
        pages.consume(warm)
        assert sent(pages, b"3").pages == warm.pages

    def test_pages_need_not_be_neighbours(self, pages: PageRange) -> None:
        every = [sent(pages, b"x") for _ in range(16)]
        for transaction in every[::3]:
            pages.consume(transaction)
        scattered = sent(pages, bytes(range(256)) * (6 * PAGE // 256))
        assert scattered.pages == sorted(page for t in every[::3] for page in t.pages)
        pages.consume(scattered)

    def test_none_without_enough_pages(self, pages: PageRange) -> None:
        assert pages.begin(bytes(17 * PAGE)) is None
        assert pages.nr_used == 0
        assert pages.begin(bytes(16 * PAGE)) is not None

    def test_without_fault_free_pages_do_not_count(self, pages: PageRange) -> None:
        assert pages.begin(b"x", fault=False) is None
        pages.consume(sent(pages, b"x"))
        assert pages.begin(b"xy" * PAGE, fault=False) is None
        assert pages.begin(b"y", fault=False) is not None

    def test_no_bytes_are_no_transaction(self, pages: PageRange) -> None:
        with pytest.raises(ValueError, match="1 byte or more"):
            pages.begin(b"")


class TestConsume:
    def test_its_pages_become_available(self, pages: PageRange, machine: sp.Machine) -> None:
        transaction = sent(pages, bytes(5 * PAGE))
        assert freeable(machine) == 0
        pages.consume(transaction)
        assert freeable(machine) == 5
        assert pages.nr_used == 0
        assert not pages.open

    def test_damaged_bytes_are_found(self, pages: PageRange) -> None:
        transaction = sent(pages, b"hello")
        pages._bytes[transaction.pages[0] * PAGE + 4] ^= 1
        with pytest.raises(DamagedError, match="5 bytes"):
            pages.consume(transaction)
        assert transaction in pages.open

    def test_what_lies_behind_its_bytes_is_not_looked_at(self, pages: PageRange) -> None:
        transaction = sent(pages, b"hello")
        pages._bytes[transaction.pages[0] * PAGE + 5] ^= 1
        pages.consume(transaction)

    def test_once_only(self, pages: PageRange) -> None:
        transaction = sent(pages, b"x")
        pages.consume(transaction)
        with pytest.raises(ValueError, match="consumed before"):
            pages.consume(transaction)


class TestCountObjects:
    def test_empty_while_nothing_is_available(self, machine: sp.Machine) -> None:
        said = []

        class Listening(PageRange):
            def count_objects(self, sc: sp.ShrinkControl) -> sp.CountObjects:
                said.append(super().count_objects(sc))
                return said[-1]

        pages = Listening(4 * PAGE)
        with shrinking(pages, machine):
            machine.shrink_slab()
            transaction = sent(pages, b"x")
            machine.shrink_slab()
            pages.consume(transaction)
            machine.shrink_slab()
        assert said == [sp.CountObjects.EMPTY, sp.CountObjects.EMPTY, 1]


class TestScanObjects:
    def test_all_that_is_available_goes_at_priority_0(self, pages: PageRange, machine: sp.Machine) -> None:
        kept = sent(pages, b"kept" * PAGE)
        pages.consume(sent(pages, bytes(7 * PAGE)))
        assert machine.shrink_slab(priority=0) == 7
        assert freeable(machine) == 0
        pages.consume(kept)

    def test_a_page_given_back_reads_as_zeros(self, pages: PageRange, machine: sp.Machine) -> None:
        transaction = sent(pages, b"\xff" * (3 * PAGE))
        pages.consume(transaction)
        assert content(pages, transaction.pages[0]) == b"\xff" * PAGE  # until reclaim takes it
        machine.shrink_slab(priority=0)
        assert all(content(pages, page) == bytes(PAGE) for page in transaction.pages)

    def test_a_page_given_back_can_be_taken_up_again(self, pages: PageRange, machine: sp.Machine) -> None:
        first = sent(pages, b"1" * (16 * PAGE))
        pages.consume(first)
        machine.shrink_slab(priority=0)
        again = sent(pages, b"2" * (16 * PAGE))
        assert set(again.pages) == set(first.pages)
        pages.consume(again)

    def test_the_coldest_pages_go_first(self, machine: sp.Machine) -> None:
        pages = PageRange(400 * PAGE)
        with shrinking(pages, machine):
            cold, warm = sent(pages, b"c" * (128 * PAGE)), sent(pages, b"w" * (200 * PAGE))
            pages.consume(cold)
            pages.consume(warm)
            # 328 >> 2, times 4 / 2, makes 164 to scan: one batch of 128.
            assert machine.shrink_slab(priority=2) == 128
            assert all(content(pages, page) == bytes(PAGE) for page in cold.pages)
            assert all(content(pages, page) == b"w" * PAGE for page in warm.pages)

    def test_neighbours_go_in_one_call(self, pages: PageRange, machine: sp.Machine) -> None:
        runs = []
        give_back = pages._give_back
        pages._give_back = lambda *run: runs.append(run) or give_back(*run)  # type: ignore[method-assign, func-returns-value]
        transactions = [sent(pages, bytes(2 * PAGE)) for _ in range(8)]
        for i in (5, 1, 4, 0):
            pages.consume(transactions[i])
        machine.shrink_slab(priority=0)
        assert runs == [(0, 4), (8, 12)]

    def test_it_stops_while_the_lock_is_held(self, pages: PageRange, machine: sp.Machine) -> None:
        pages.consume(sent(pages, bytes(7 * PAGE)))
        with pages._lock:
            assert machine.shrink_slab(priority=0) == 0
        assert machine.last_pass is not None
        assert (machine.last_pass.freeable, machine.last_pass.scans, machine.last_pass.scanned) == (7, 1, 0)
        assert machine.shrink_slab(priority=0) == 7

    def test_an_error_lets_the_lock_go(self, pages: PageRange, machine: sp.Machine) -> None:
        def fails(_start: int, _stop: int) -> None:
            raise OSError("no")

        pages.consume(sent(pages, b"x"))
        pages._give_back = fails  # type: ignore[method-assign]
        with pytest.raises(OSError, match="no"):
            machine.shrink_slab(priority=0)
        assert not pages._lock.locked()


class TestAttach:
    @pytest.mark.parametrize(("flags", "pools"), [(0, 1), (NUMA, 2), (MEMCG, 3), (NUMA | MEMCG, 6)])
    def test_the_flags_say_how_far_pages_are_spread(self, flags: sp.Flags, pools: int) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            groups = [machine.root, machine.root.create("a"), machine.root.create("b")]
            pages = PageRange(12 * PAGE, flags=flags)
            with shrinking(pages, machine):
                places = [
                    (nid, memcg)
                    for nid in range(2 if flags & NUMA else 1)
                    for memcg in (groups if flags & MEMCG else [None])
                ]
                assert len(places) == pools
                taken = [sent(pages, bytes(12 // pools * PAGE), nid=n, memcg=m) for n, m in places]
                assert sorted(page for t in taken for page in t.pages) == list(range(12))
                assert all(pages.begin(b"x", n, m) is None for n, m in places)

    def test_each_node_and_cgroup_has_an_lru_of_its_own(self) -> None:
        with sp.Machine(nr_nodes=2) as machine:
            app = machine.root.create("app")
            pages = PageRange(64 * PAGE, flags=NUMA | MEMCG)
            with shrinking(pages, machine):
                pages.consume(sent(pages, bytes(3 * PAGE), nid=1, memcg=app))
                pages.consume(sent(pages, bytes(2 * PAGE), nid=0, memcg=machine.root))
                found = {
                    (nid, m.path): freeable(machine, nid, m) for nid in (0, 1) for m in (machine.root, app)
                }
                assert found == {(0, "/"): 2, (0, "/app"): 0, (1, "/"): 0, (1, "/app"): 3}
                assert machine.shrink_slab(nid=1, memcg=app, priority=0) == 3

    def test_the_first_available_page_of_a_cgroup_sets_its_bit(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        pages = PageRange(16 * PAGE, flags=MEMCG)
        with shrinking(pages, machine):
            one, two = sent(pages, b"1", memcg=app), sent(pages, b"2", memcg=app)
            assert freeable(machine, memcg=app) == 0
            assert machine.last_pass is not None
            assert machine.last_pass.counts == 0  # no bit, no call
            pages.consume(one)
            pages.consume(two)
            assert machine.shrink_slab(memcg=app, priority=0) == 2
            freeable(machine, memcg=app)  # EMPTY clears the bit …
            freeable(machine, memcg=app)
            assert machine.last_pass.counts == 0
            pages.consume(sent(pages, b"3", memcg=app))
            assert freeable(machine, memcg=app) == 1  # … and the next page sets it again

    def test_not_after_the_first_transaction(self, pages: PageRange, machine: sp.Machine) -> None:
        sent(pages, b"x")
        with register(machine, sp.Box(pages)) as other, pytest.raises(RuntimeError, match="before the first"):
            pages.attach(other, [machine.root])

    def test_a_place_without_pages_is_refused(self, machine: sp.Machine) -> None:
        pages = PageRange(4 * PAGE, flags=MEMCG)
        with shrinking(pages, machine), pytest.raises(ValueError, match="there are no pages"):
            pages.begin(b"x", 0, machine.root.create("late"))

    def test_more_places_than_pages(self) -> None:
        with sp.Machine(nr_nodes=8) as machine:
            pages = PageRange(3 * PAGE, flags=NUMA)
            with shrinking(pages, machine):
                assert sum(pages.begin(b"x", nid) is not None for nid in range(8)) == 3
                assert machine.shrink_slab(nid=0, priority=0) == 0

    def test_transactions_outlive_the_registration(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        pages = PageRange(4 * PAGE, flags=MEMCG)
        with contextlib.closing(pages):
            with register(machine, pages, flags=MEMCG) as shrinker:
                pages.attach(shrinker, [app])
                transaction = sent(pages, b"x", memcg=app)
            pages.consume(transaction)
            assert pages.nr_used == 0


class TestVerify:
    def test_it_says_what_is_good(self, pages: PageRange, machine: sp.Machine) -> None:
        sent(pages, b"x" * (2 * PAGE))
        pages.consume(sent(pages, b"y" * (3 * PAGE)))
        assert pages.verify() == "1 transactions kept their content, 11 free pages are zero and usable"
        machine.shrink_slab(priority=0)
        assert pages.verify() == "1 transactions kept their content, 14 free pages are zero and usable"

    def test_it_changes_nothing(self, pages: PageRange, machine: sp.Machine) -> None:
        transaction = sent(pages, b"x" * (2 * PAGE))
        assert pages.verify() == pages.verify()
        pages.consume(transaction)
        assert freeable(machine) == 2

    def test_damage_to_a_used_page(self, pages: PageRange) -> None:
        transaction = sent(pages, b"x" * (2 * PAGE))
        pages._bytes[transaction.pages[1] * PAGE] ^= 1
        with pytest.raises(DamagedError, match="lost its content"):
            pages.verify()

    def test_a_free_page_that_is_not_zero(self, pages: PageRange) -> None:
        sent(pages, b"x")
        pages._bytes[-1] = 1
        with pytest.raises(DamagedError, match="do not read as zeros"):
            pages.verify()

    def test_a_page_that_was_said_to_be_freed_but_was_not(
        self, pages: PageRange, machine: sp.Machine
    ) -> None:
        pages._give_back = lambda _start, _stop: None  # type: ignore[method-assign]
        pages.consume(sent(pages, b"x" * PAGE))
        machine.shrink_slab(priority=0)
        with pytest.raises(DamagedError, match="do not read as zeros"):
            pages.verify()


class TestTraffic:
    def test_fill_touches_most_pages_and_leaves_some_in_use(self, machine: sp.Machine) -> None:
        pages = PageRange(4096 * PAGE)
        with shrinking(pages, machine):
            pages.fill()
            available = freeable(machine)
            assert available + pages.nr_used >= 4096 * 15 // 16
            assert 0 < pages.nr_used <= 4096 // 8
            assert len({transaction.size for transaction in pages.open}) > 10
            pages.verify()

    def test_step_takes_no_free_pages(self, machine: sp.Machine) -> None:
        pages = PageRange(1024 * PAGE)
        with shrinking(pages, machine):
            pages.fill()
            before = freeable(machine) + pages.nr_used
            came = set(pages.open)
            for _ in range(20):
                pages.step()
                assert freeable(machine) + pages.nr_used == before
            assert came - pages.open, "some went"
            assert pages.open - came, "some came"

    def test_it_comes_to_rest_when_all_is_reclaimed(self, machine: sp.Machine) -> None:
        pages = PageRange(1024 * PAGE)
        with shrinking(pages, machine):
            pages.fill()
            machine.shrink_slab(priority=0)
            in_use = pages.nr_used
            pages.step()
            assert freeable(machine) == 0
            assert pages.nr_used == in_use > 0

    @pytest.mark.parametrize("nr_pages", [1, 2, 15, 17])
    @pytest.mark.parametrize("nodes", [1, 5])
    def test_a_small_mapping_fills_too(self, nr_pages: int, nodes: int) -> None:
        with sp.Machine(nr_nodes=nodes) as machine:
            pages = PageRange(nr_pages * PAGE, flags=NUMA)
            with shrinking(pages, machine):
                pages.fill()
                assert sum(freeable(machine, nid) for nid in range(nodes)) + pages.nr_used > 0
                pages.step()
                pages.verify()

    def test_a_seed_makes_it_reproducible(self) -> None:
        def transactions(seed: int) -> list[tuple[list[int], int, int]]:
            with contextlib.closing(PageRange(256 * PAGE, seed=seed)) as pages:
                pages.fill()
                pages.step()
                return sorted((t.pages, t.size, t.checksum) for t in pages.open)

        assert transactions(1) == transactions(1) != transactions(2)


class TestClose:
    def test_again_is_nothing(self) -> None:
        pages = PageRange(PAGE)
        pages.close()
        pages.close()

    def test_transactions_go_with_it(self) -> None:
        pages = PageRange(PAGE)
        transaction = sent(pages, b"x")
        pages.close()
        with pytest.raises(ValueError, match="consumed before"):
            pages.consume(transaction)


class TestStates:
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("begin"), st.integers(1, 8 * PAGE), st.booleans()),
                st.tuples(st.just("consume"), st.integers(0, 99), st.none()),
                st.tuples(st.just("shrink"), st.integers(0, 4), st.none()),
            ),
            max_size=40,
        )
    )
    def test_every_page_is_free_used_or_available(self, steps: list[tuple[str, int, bool | None]]) -> None:
        pages = PageRange(24 * PAGE)
        with sp.Machine() as machine, shrinking(pages, machine):
            free, available, used = set(range(24)), set[int](), dict[Transaction, set[int]]()
            for what, n, fault in steps:
                if what == "begin":
                    need = -(-n // PAGE)
                    transaction = pages.begin(random.Random(n).randbytes(n), fault=bool(fault))
                    room = len(available) + (len(free) if fault else 0)
                    assert (transaction is None) == (need > room)
                    if transaction:
                        taken = set(transaction.pages)
                        assert len(taken) == need
                        assert taken <= available if need <= len(available) else taken >= available
                        assert taken <= available | free
                        available -= taken
                        free -= taken
                        used[transaction] = taken
                elif what == "consume" and used:
                    transaction = list(used)[n % len(used)]
                    pages.consume(transaction)
                    available |= used.pop(transaction)
                elif what == "shrink" and machine.shrink_slab(priority=n):
                    gone = {page for page in available if content(pages, page) == bytes(PAGE)}
                    assert machine.last_pass is not None
                    assert len(gone) == machine.last_pass.freed
                    available -= gone
                    free |= gone
                assert freeable(machine) == len(available)
                assert pages.nr_used == sum(map(len, used.values()))
            pages.verify()


class TestThreads:
    def test_senders_receivers_and_reclaim_side_by_side(self, machine: sp.Machine) -> None:
        pages = PageRange(256 * PAGE)
        failures: list[BaseException] = []

        def work(seed: int) -> None:
            dice = random.Random(seed)
            mine: list[Transaction] = []
            try:
                for _ in range(50):
                    transaction = pages.begin(dice.randbytes(dice.randrange(1, 8 * PAGE)))
                    if transaction:
                        mine.append(transaction)
                    while len(mine) > 6 or (mine and not transaction):
                        pages.consume(mine.pop(dice.randrange(len(mine))))
            except BaseException as error:
                failures.append(error)

        with shrinking(pages, machine):
            threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
            for thread in threads:
                thread.start()
            freed = 0
            while any(thread.is_alive() for thread in threads):
                freed += machine.shrink_slab(priority=0)
            for thread in threads:
                thread.join()
            assert not failures
            pages.verify()
            machine.shrink_slab(priority=0)
            assert freeable(machine) == 0
            assert pages.nr_used == sum(len(transaction.pages) for transaction in pages.open)
