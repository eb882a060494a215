# SPDX-License-Identifier: GPL-2.0-only
"""fs/quota/dquot.c of Linux 6.12 itself, unmodified: what users have on a disk, as it is in memory.

tests/drivers_c/quota_users.c stands for the file system and its quota file, fs/quota/kqid.c for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, needs, reclaims

import shrinkpy as sp
from shrinkpy import native

SOURCES = [TREE / "fs" / "quota" / "dquot.c", TREE / "fs" / "quota" / "kqid.c"]

pytestmark = [pytest.mark.thorough, needs("fs/quota/dquot.c", "fs/quota/kqid.c", "include/linux/quota.h")]

CDEF = """
    struct dquot;
    struct super_block;
    struct super_block *quota_on(void);
    void quota_off(struct super_block *sb);
    struct dquot *quota_get(struct super_block *sb, unsigned int user);
    void quota_charge(struct dquot *dquot, long bytes);
    long quota_usage(struct dquot *dquot);
    void quota_sync(struct super_block *sb);
    unsigned long quota_reads(void);
    unsigned long quota_writes(void);
    void dqput(struct dquot *dquot);
"""

USERS = range(500)
HELD = range(0, 500, 10)
FREE = len(USERS) - len(HELD)

RECLAIMS = reclaims(FREE)


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [*SOURCES, SUPPORT / "quota_users.c"], include=INCLUDE, name="quota", sanitize=sanitize, cdef=CDEF
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


def is_built_in(leaks: list[str]) -> bool:
    """Only what dquot.c takes when it starts: it is in every kernel, and has no end."""
    counters = [leak for leak in leaks if leak.startswith("kmalloc ") and "dquot.c:" in leak]
    others = sorted(" ".join(leak.split()[:2]) for leak in leaks if leak not in counters)
    return len(counters) == 1 and others == [
        "kmem_cache dquot",
        "page order",
        "shrinker dquota-cache",
        "workqueue quota_events_unbound",
    ]


@pytest.fixture
def quota(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    driver = built.load(machine)
    yield driver
    with pytest.warns(ResourceWarning):
        driver.close()
    assert is_built_in(driver.leaks)
    assert machine.lockdep.reports == []


class Users:
    """A disk with USERS, of which HELD are in use; each has as many bytes as its number."""

    def __init__(self, driver: native.Driver) -> None:
        self.driver = driver
        self.sb = driver.quota_on()
        self.held: list[Any] = []
        for user in USERS:
            dquot = driver.quota_get(self.sb, user)
            driver.quota_charge(dquot, user - driver.quota_usage(dquot))
            if user in HELD:
                self.held.append(dquot)
            else:
                driver.dqput(dquot)
        driver.quota_sync(self.sb)

    def read_again(self) -> int:
        """How many were not there any more. All of them are, from now on."""
        before = self.driver.quota_reads()
        for user in USERS:
            dquot = self.driver.quota_get(self.sb, user)
            assert self.driver.quota_usage(dquot) == user
            self.driver.dqput(dquot)
        self.driver.quota_sync(self.sb)
        return self.driver.quota_reads() - before

    def put(self) -> None:
        while self.held:
            self.driver.dqput(self.held.pop())
        self.driver.quota_sync(self.sb)

    def end(self) -> None:
        self.put()
        self.driver.quota_off(self.sb)


@pytest.fixture
def users(quota: native.Driver) -> Iterator[Users]:
    users = Users(quota)
    yield users
    users.end()


def free(driver: native.Driver) -> int:
    """What count_objects says."""
    (shrinker,) = driver.shrinkers
    return sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_exactly_those_that_nobody_uses(self, machine: sp.Machine, users: Users, kind: str) -> None:
        assert free(users.driver) == FREE
        assert users.read_again() == 0
        RECLAIMS[kind](machine)
        assert free(users.driver) == 0
        assert users.read_again() == FREE

    def test_takes_the_oldest_first(self, machine: sp.Machine, users: Users) -> None:
        (shrinker,) = users.driver.shrinkers
        shrinker.debugfs.scan("0 0 100")
        assert free(users.driver) == FREE - 100
        before = users.driver.quota_reads()
        unused = [user for user in USERS if user not in HELD]
        for user in unused[100:]:
            users.driver.dqput(users.driver.quota_get(users.sb, user))
        assert users.driver.quota_reads() == before
        users.driver.quota_sync(users.sb)
        assert users.read_again() == 100

    def test_of_one_that_was_put_comes_after_its_writing(self, machine: sp.Machine, users: Users) -> None:
        writes = users.driver.quota_writes()
        dquot = users.driver.quota_get(users.sb, 1)
        users.driver.quota_charge(dquot, 1000)
        assert free(users.driver) == FREE - 1
        users.driver.dqput(dquot)
        users.driver.quota_sync(users.sb)
        assert users.driver.quota_writes() == writes + 1
        machine.drop_slab()
        dquot = users.driver.quota_get(users.sb, 1)
        assert users.driver.quota_usage(dquot) == 1001
        users.driver.quota_charge(dquot, -1000)
        users.driver.dqput(dquot)

    def test_takes_what_was_held_when_it_is_put(self, machine: sp.Machine, users: Users) -> None:
        machine.drop_slab()
        users.put()
        assert free(users.driver) == len(HELD)
        machine.drop_slab()
        assert users.read_again() == len(USERS)


class TestTheEnd:
    def test_of_quota_leaves_nothing_to_reclaim(self, machine: sp.Machine, quota: native.Driver) -> None:
        Users(quota).end()
        assert free(quota) == 0
        assert machine.shrink_slab(priority=0) == 0


def under_the_sanitizers() -> list[str]:
    """In the child: each reclaim, once."""
    with sp.Machine() as machine:
        driver = build("address,undefined").load(machine)
        for reclaim in RECLAIMS.values():
            users = Users(driver)
            reclaim(machine)
            assert users.read_again() == FREE
            users.end()
        with pytest.warns(ResourceWarning):
            driver.close()
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert is_built_in(native.run_sanitized(under_the_sanitizers))
