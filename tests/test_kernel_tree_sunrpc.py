# SPDX-License-Identifier: GPL-2.0-only
"""net/sunrpc/auth.c of Linux 6.12 itself, unmodified: the credentials that NFS has cached.

tests/drivers_c/sunrpc_flavor.c stands for a flavour of authentication, with one credential a user.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from kernel_tree import INCLUDE, SUPPORT, TREE, loaded, needs, reclaims

import shrinkpy as sp
from shrinkpy import native

SOURCE = TREE / "net" / "sunrpc" / "auth.c"

pytestmark = [pytest.mark.thorough, needs("net/sunrpc/auth.c", "include/linux/sunrpc/auth.h")]

CDEF = """
    struct rpc_auth;
    struct rpc_cred;
    struct rpc_auth *flavor_auth(void);
    struct rpc_cred *flavor_lookup(struct rpc_auth *auth, unsigned int uid);
    bool flavor_has(struct rpc_auth *auth, unsigned int uid);
    void flavor_put(struct rpc_cred *cred, unsigned int seconds_ago);
    void rpcauth_release(struct rpc_auth *auth);
"""

USERS = range(400)
HELD = range(0, 400, 9)
# Within the minute that the file lets them be.
FRESH = range(4, 400, 9)
OLD = set(USERS) - set(HELD) - set(FRESH)
MINUTES = 180

RECLAIMS = reclaims(len(OLD), passes=2)


def build(sanitize: str = "") -> native.Built:
    return native.build(
        [SOURCE, SUPPORT / "sunrpc_flavor.c"], include=INCLUDE, name="sunrpc", sanitize=sanitize, cdef=CDEF
    )


@pytest.fixture(scope="module")
def built() -> native.Built:
    return build()


@pytest.fixture
def sunrpc(machine: sp.Machine, built: native.Built) -> Iterator[native.Driver]:
    """Loaded; what it leaks, and what lockdep has to say, is an error."""
    with loaded(machine, built) as driver:
        yield driver


class Users:
    """A cache of USERS, of which HELD are in use, FRESH were just now, and OLD three minutes ago."""

    def __init__(self, driver: native.Driver) -> None:
        self.driver = driver
        self.auth = driver.flavor_auth()
        creds = {user: driver.flavor_lookup(self.auth, user) for user in USERS}
        assert all(creds.values())
        self.held: list[Any] = [creds[user] for user in HELD]
        for user in sorted(OLD):
            driver.flavor_put(creds[user], MINUTES)
        for user in FRESH:
            driver.flavor_put(creds[user], 0)

    def there(self) -> set[int]:
        return {user for user in USERS if self.driver.flavor_has(self.auth, user)}

    def put(self, seconds_ago: int) -> None:
        """Let go of those in use."""
        while self.held:
            self.driver.flavor_put(self.held.pop(), seconds_ago)

    def end(self) -> None:
        self.put(0)
        self.driver.rpcauth_release(self.auth)


@pytest.fixture
def users(sunrpc: native.Driver) -> Iterator[Users]:
    users = Users(sunrpc)
    yield users
    users.end()


def unused(driver: native.Driver) -> int:
    """What count_objects says."""
    (shrinker,) = driver.shrinkers
    assert shrinker.name == "sunrpc_cred"
    return sum(int(line.split()[1]) for line in shrinker.debugfs.count.splitlines())


class TestReclaim:
    @pytest.mark.parametrize("kind", RECLAIMS)
    def test_takes_exactly_what_nobody_used_for_a_minute(
        self, machine: sp.Machine, users: Users, kind: str
    ) -> None:
        assert users.there() == set(USERS)
        RECLAIMS[kind](machine)
        assert users.there() == set(HELD) | set(FRESH)
        assert machine.slabs_scanned > 0

    def test_counts_those_that_nobody_holds(self, machine: sp.Machine, users: Users) -> None:
        assert unused(users.driver) == len(OLD) + len(FRESH)
        machine.drop_slab()
        assert unused(users.driver) == len(FRESH)

    def test_finds_in_passing_those_that_are_used_again(self, machine: sp.Machine, users: Users) -> None:
        again = sorted(OLD)[:50]
        creds = [users.driver.flavor_lookup(users.auth, user) for user in again]
        assert unused(users.driver) == len(OLD) + len(FRESH)
        machine.shrink_slab(priority=0)
        assert users.there() == set(HELD) | set(FRESH) | set(again)
        assert unused(users.driver) == len(FRESH)
        for cred in creds:
            users.driver.flavor_put(cred, 0)
        assert unused(users.driver) == len(FRESH) + len(again)

    def test_takes_what_was_held_when_it_is_put(self, machine: sp.Machine, users: Users) -> None:
        machine.drop_slab()
        users.put(MINUTES)
        machine.drop_slab()
        assert users.there() == set(FRESH)

    @pytest.mark.parametrize("mask", [sp.Gfp.NOFS, sp.Gfp.NOIO])
    def test_leaves_all_to_a_later_pass_where_it_may_not_use_file_systems(
        self, machine: sp.Machine, users: Users, mask: sp.Gfp
    ) -> None:
        (shrinker,) = users.driver.shrinkers
        assert machine.shrink_slab(priority=0, gfp_mask=mask) == 0
        assert machine.last_pass.scanned == 0
        assert shrinker.nr_deferred() == 2 * unused(users.driver)
        assert users.there() == set(USERS)

    def test_in_the_middle_of_a_lookup_is_no_deadlock(self, machine: sp.Machine, users: Users) -> None:
        machine.faults.reclaim_nth(2)  # the credential's own; the first is its user's
        cred = users.driver.flavor_lookup(users.auth, 1000)
        assert machine.allocations.reclaims == 1
        assert users.there() < set(USERS)
        users.driver.flavor_put(cred, 0)


class TestTheCache:
    def test_has_one_credential_a_user(self, users: Users) -> None:
        first, second = (users.driver.flavor_lookup(users.auth, 1000) for _ in range(2))
        other = users.driver.flavor_lookup(users.auth, 1001)
        assert first == second != other
        for cred in (first, second, other):
            users.driver.flavor_put(cred, 0)

    def test_gives_an_error_where_there_is_no_memory(
        self, machine: sp.Machine, sunrpc: native.Driver
    ) -> None:
        for n in count(1):
            machine.faults.fail_nth(n)
            auth = sunrpc.flavor_auth()
            cred = sunrpc.flavor_lookup(auth, 1) if auth else None
            struck = machine.faults.pending == 0
            machine.faults.fail_nth(0)
            if cred:
                sunrpc.flavor_put(cred, 0)
            if auth:
                sunrpc.rpcauth_release(auth)
            if not struck:
                break
            assert not cred
        assert n == 7  # client, auth, cache, table, user, credential

    def test_goes_with_all_that_is_in_it(self, sunrpc: native.Driver) -> None:
        Users(sunrpc).end()
        assert unused(sunrpc) == 0


def under_the_sanitizers() -> list[str]:
    """In the child: each reclaim, once."""
    with sp.Machine() as machine:
        with build("address,undefined").load(machine) as driver:
            for reclaim in RECLAIMS.values():
                users = Users(driver)
                reclaim(machine)
                assert users.there() == set(HELD) | set(FRESH)
                users.end()
        return driver.leaks


@pytest.mark.slow
class TestUnderSanitizers:
    def test_nothing_is_found(self) -> None:
        assert native.run_sanitized(under_the_sanitizers) == []
