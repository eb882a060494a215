# SPDX-License-Identifier: GPL-2.0-only
"""fs/nfsd/nfscache.c of Linux 6.12 itself, unmodified: what an NFS server has answered.

tests/drivers_c/nfsd_calls.c stands for the server and its clients.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import count

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs, reclaims

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "fs" / "nfsd" / "nfscache.c"

pytestmark = [
    pytest.mark.thorough,
    needs("fs/nfsd/nfscache.c", "fs/nfsd/netns.h", "include/linux/sunrpc/svc.h"),
]

CDEF = """
    int calls_come(unsigned int number);
    long calls_answer(void);
    void calls_done(unsigned int number);
    void calls_age(unsigned int number, unsigned int seconds);
"""

DROP_IT, REPLY, DO_IT = range(3)

CALLS = range(1000)
UNANSWERED = range(0, 1000, 10)
# Older than the two minutes that the file keeps an answer.
OLD = [n for n in CALLS if n < 700 and n not in UNANSWERED]
FRESH = [n for n in CALLS if n >= 700 and n not in UNANSWERED]

RECLAIMS = reclaims(len(OLD))


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, SUPPORT / "nfsd_calls.c"],
        include=[INCLUDE, SOURCE.parent],
        name="nfsd",
        sanitize=sanitize,
        cdef=CDEF,
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def nfsd(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver
    assert machine.warnings == []


def fill(driver: native.Driver) -> None:
    """All CALLS come, in their order; OLD were answered four minutes ago, FRESH were now."""
    for n in CALLS:
        assert driver.calls_come(n) == DO_IT
    for n in CALLS:
        if n not in UNANSWERED:
            driver.calls_done(n)
    for n in OLD:
        driver.calls_age(n, 240)


def entries(driver: native.Driver) -> int:
    """What count_objects says."""
    (shrinker,) = driver.shrinkers
    assert shrinker.name == "nfsd-reply:server"
    return sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())


def again(driver: native.Driver) -> dict[int, list[int]]:
    """All calls come again: which of them were dropped, answered, to be done."""
    answers: dict[int, list[int]] = {DROP_IT: [], REPLY: [], DO_IT: []}
    for n in CALLS:
        how = driver.calls_come(n)
        answers[how].append(n)
        if how == REPLY:
            assert driver.calls_answer() == n + 7
    return answers


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_exactly_the_answers_that_are_old(
        self, machine: sp.Machine, nfsd: native.Driver, kind: str
    ) -> None:
        fill(nfsd)
        assert entries(nfsd) == len(CALLS)
        RECLAIMS[kind](machine)
        assert entries(nfsd) == len(UNANSWERED) + len(FRESH)
        assert again(nfsd) == {DROP_IT: list(UNANSWERED), REPLY: FRESH, DO_IT: OLD}

    def test_leaves_what_was_asked_for_again(self, machine: sp.Machine, nfsd: native.Driver) -> None:
        fill(nfsd)
        assert again(nfsd)[REPLY] == sorted(OLD + FRESH)
        machine.drop_slab()
        assert entries(nfsd) == len(CALLS)

    def test_finds_less_where_new_calls_came(self, machine: sp.Machine, nfsd: native.Driver) -> None:
        fill(nfsd)
        for n in range(1000, 3000):
            assert nfsd.calls_come(n) == DO_IT
        # Each of them took up to three old ones out of its chain.
        left = entries(nfsd) - 2000
        assert len(CALLS) - len(OLD) <= left < len(CALLS) - len(OLD) // 2
        machine.drop_slab()
        assert entries(nfsd) == 2000 + len(UNANSWERED) + len(FRESH)

    def test_takes_nothing_of_a_busy_server(self, machine: sp.Machine, nfsd: native.Driver) -> None:
        for n in CALLS:
            assert nfsd.calls_come(n) == DO_IT
            nfsd.calls_age(n, 1000)
        assert machine.shrink_slab(priority=0) == 0
        assert again(nfsd)[DROP_IT] == list(CALLS)


class TestNoMemory:
    def test_is_a_call_that_is_done_each_time(self, machine: sp.Machine, nfsd: native.Driver) -> None:
        machine.faults.fail_nth(1)
        assert nfsd.calls_come(1) == DO_IT
        assert entries(nfsd) == 0
        assert nfsd.calls_come(1) == DO_IT
        machine.faults.fail_nth(1)
        nfsd.calls_done(1)  # no room for the answer
        assert entries(nfsd) == 0
        assert nfsd.calls_come(1) == DO_IT

    def test_starts_no_server(self, machine: sp.Machine, built: native.Built) -> None:
        for n in count(1):
            machine.faults.fail_nth(n)
            with contextlib.suppress(OSError):  # module_init gave -ENOMEM
                driver = built.load(machine)
                break
        machine.faults.fail_nth(0)
        driver.close()
        assert driver.leaks == []
        assert n > 5  # the cache, the namespace's memory, its counters, the table, the shrinker


def under_the_sanitizers() -> list[str]:
    """In the child: each reclaim, once."""
    built = build("address,undefined")
    leaks = []
    for reclaim in RECLAIMS.values():
        with sp.Machine() as machine:
            with built.load(machine) as driver:
                fill(driver)
                reclaim(machine)
                assert again(driver)[REPLY] == FRESH
            leaks += driver.leaks
    return leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
