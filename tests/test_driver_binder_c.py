# SPDX-License-Identifier: GPL-2.0-only
"""drivers/binder.c: pages that wait on an LRU for the next transaction."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from driving import Place, built, check_every_way, check_sanitized, counted, driven, every_way, places
from support import Running

import shrinkpy as sp

PAGES, CONSUMED = 192, 150
"""Of each process: all were in a transaction once, and so many are in none any more."""


class Processes:
    """A process a node, with its pages there."""

    def __init__(self, machine: sp.Machine, where: list[Place]) -> None:
        self.driver = built("binder").load(machine)
        self.dead: list[int] = []
        self.open = [self.start(nid) for nid in range(machine.nr_nodes)]

    def start(self, nid: int) -> int:
        process: int = self.driver.binder_open(PAGES)
        assert process
        assert self.driver.binder_take(process, 0, PAGES, nid) == 0
        self.driver.binder_release(process, 0, CONSUMED)
        return process

    def kill(self, process: int) -> None:
        self.driver.binder_exit_mm(process)
        self.open.remove(process)
        self.dead.append(process)

    def installed(self) -> list[int]:
        return [self.driver.binder_installed(each) for each in self.open]

    def freeable(self) -> int:
        return sum(n - (PAGES - CONSUMED) for n in self.installed())

    def check_in_use(self) -> None:
        assert min(self.installed(), default=PAGES) >= PAGES - CONSUMED

    def check_gone(self) -> None:
        assert self.installed() == [PAGES - CONSUMED] * len(self.open)

    def close(self) -> None:
        for each in list(self.open):
            self.kill(each)
        for each in self.dead:
            self.driver.binder_close(each)
        self.driver.close()


@pytest.fixture
def binder() -> Iterator[tuple[sp.Machine, Processes]]:
    """A machine of one node without cgroups, and a process."""
    with driven(Processes, cgroups=False) as (machine, processes):
        yield machine, processes


@pytest.mark.parametrize(("kind", "nodes", "cgroups", "threads"), every_way)
def test_pages_in_no_transaction_go_and_no_others(kind: str, nodes: int, cgroups: bool, threads: int) -> None:
    check_every_way(Processes, kind, nodes, cgroups, threads)


@pytest.mark.thorough
def test_the_sanitizers_find_nothing() -> None:
    check_sanitized(Processes)


class TestCount:
    def test_it_is_of_all_nodes_on_every_node(self) -> None:
        with driven(Processes, nodes=4, cgroups=False) as (machine, _processes):
            assert counted(machine, places(machine)) == [4 * CONSUMED] * 4


class TestScan:
    def test_it_begins_with_the_first_node_whatever_node_is_reclaimed(self) -> None:
        with driven(Processes, nodes=4, cgroups=False) as (machine, processes):
            assert machine.shrink_slab(priority=2, nid=3) == 2 * 128
            in_use = PAGES - CONSUMED
            assert processes.installed() == [in_use, PAGES - (256 - CONSUMED), PAGES, PAGES]

    def test_a_process_that_is_going_away_is_skipped(self) -> None:
        with driven(Processes, nodes=2, cgroups=False) as (machine, processes):
            processes.kill(processes.open[0])
            # Its pages are counted and looked at all the same: here they stand before the others.
            assert machine.shrink_slab(priority=0) < 2 * CONSUMED
            (dead,) = processes.dead
            assert processes.driver.binder_installed(dead) == PAGES

    def test_pages_that_were_freed_are_installed_anew(self, binder: tuple[sp.Machine, Processes]) -> None:
        machine, processes = binder
        (process,) = processes.open
        assert machine.drop_slab().freed == CONSUMED
        assert processes.driver.binder_take(process, 0, CONSUMED, 0) == 0
        assert processes.installed() == [PAGES]
        assert machine.drop_slab().freed == 0
        processes.driver.binder_release(process, 0, CONSUMED)
        assert machine.drop_slab().freed == CONSUMED

    def test_reclaim_for_a_page_skips_those_of_its_own_process(self) -> None:
        with driven(Processes, nodes=2, cgroups=False) as (machine, processes):
            mine, _others = processes.open
            assert machine.shrink_slab(priority=0, nid=0) == 2 * CONSUMED
            for nid, process in enumerate(processes.open):
                assert processes.driver.binder_take(process, 0, 100, nid) == 0
                processes.driver.binder_release(process, 0, 100)
            machine.faults.reclaim_nth(1)
            assert processes.driver.binder_take(mine, 100, 1, 0) == 0  # with its mmap_lock taken
            assert machine.allocations.reclaims == 1
            in_use = PAGES - CONSUMED
            kept, others = processes.installed()
            assert kept == in_use + 100 + 1
            assert in_use <= others < in_use + 100
            processes.driver.binder_release(mine, 100, 1)

    def test_without_memory_a_transaction_gives_back_what_it_took(
        self, binder: tuple[sp.Machine, Processes]
    ) -> None:
        machine, processes = binder
        (process,) = processes.open
        machine.drop_slab()
        machine.faults.fail_nth(5, "kmalloc")
        assert processes.driver.binder_take(process, 0, CONSUMED, 0) == -errno.ENOMEM
        assert processes.installed() == [PAGES - CONSUMED + 4]
        assert machine.drop_slab().freed == 4

    def test_transactions_come_and_go_meanwhile(self) -> None:
        with driven(Processes, nodes=2, cgroups=False) as (machine, processes):

            def traffic(process: int, nid: int) -> None:
                for i in range(200):
                    first, n = i * 7 % 100, 1 + i % 40
                    assert processes.driver.binder_take(process, first, n, nid) == 0
                    processes.driver.binder_release(process, first, n)

            running = [Running(lambda p=p, n=n: traffic(p, n)) for n, p in enumerate(processes.open)]  # type: ignore[misc]
            while any(each.alive for each in running):
                machine.shrink_slab(priority=0)
            for each in running:
                each.join()
            freeable = processes.freeable()
            assert machine.drop_slab().freed == freeable
            processes.check_gone()
