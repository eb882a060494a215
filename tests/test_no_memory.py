# SPDX-License-Identifier: GPL-2.0-only
"""No allocation may fail unnoticed: each of every public call does, in turn."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from no_memory_scenarios import CARELESS, SCENARIOS
from support import PATH_OF_PROGRAMS, TIMEOUT, Cache, register
from test_state_machine import Action, Count, Pair, Scan, Script, Spec

import shrinkpy as sp
from shrinkpy.core import check, ffi, lib, take_text
from shrinkpy.cores import core_info

HERE = Path(__file__).parent
NUMA, MEMCG, NONSLAB = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE, sp.Flags.NONSLAB


# ---- of the C library -----------------------------------------------------------------------------


class Child:
    """The process in which allocations fail, asked for one scenario after the other."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process = process
        self._errors = errors

    def run(self, name: str, of: str, length: int = 1) -> dict[str, Any]:
        """Gives what came of it: how often it struck, and the problems."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name} {of} {length}\n")
        self._process.stdin.flush()
        seen: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "died" in seen:
            who = " < ".join(seen["where"][:8])
            seen["problems"] = [
                f"died with {seen['died']}, refused was {who}\n{self._errors.read_text()[-3000:]}"
            ]
        return seen


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """Every allocation of the child is one of the C library, and goes through no_memory.c."""
    folder = tmp_path_factory.mktemp("no_memory")
    shim, errors = folder / "no_memory.so", folder / "errors"
    cc = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*cc, "-O2", "-shared", "-fPIC", HERE / "no_memory.c", "-o", shim, "-ldl"], check=True)
    env = dict(os.environ, LD_PRELOAD=str(shim), PYTHONMALLOC="malloc", PYTHONPATH=PATH_OF_PROGRAMS)
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "no_memory_child"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        yield Child(process, errors)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(TIMEOUT) == 0


def problems(seen: dict[str, Any]) -> str:
    """The first of them."""
    return "\n".join(seen["problems"][:10])


class TestOfTheExtensionModule:
    """Those that its own code asks for: what the kernel would, and the core's and the binding's own."""

    @pytest.mark.parametrize("name", SCENARIOS)
    def test_each_may_fail(self, child: Child, name: str) -> None:
        seen = child.run(name, "core")
        assert not seen["problems"], problems(seen)
        assert seen["asked"] == seen["struck"]
        if core_info().is_port:  # a kernel's own files ask for theirs
            assert seen["asked"] == SCENARIOS[name].core

    @pytest.mark.parametrize("name", [name for name, each in SCENARIOS.items() if each.core > 1])
    def test_each_and_all_behind_it_may_fail(self, child: Child, name: str) -> None:
        seen = child.run(name, "core", 1000)
        assert not seen["problems"], problems(seen)
        assert seen["struck"] >= 2


@pytest.mark.thorough
class TestOfTheProcess:
    """Those of Python and all that it calls, too."""

    @pytest.mark.parametrize("name", SCENARIOS)
    def test_each_may_fail(self, child: Child, name: str) -> None:
        seen = child.run(name, "all")
        assert not seen["problems"], problems(seen)
        assert seen["struck"] >= SCENARIOS[name].least


class TestCareless:
    """Who breaks a promise is found out."""

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("half_done", r"before: done: 0 became 1"),
            ("not_to_be_repeated", r"result: .* became \['IndexError'\]"),
            ("says_something_else", r"ValueError: no"),
            ("finalizer_that_does_nothing", r"assert closed"),
            ("loses_exceptions", r"lost: \[BoomError\(\)"),
            ("leaves_memory_of_the_core", r"blocks of the core: \d+ became \d+"),
            ("leaves_objects", r"left: \[\] became \['Cache'\]"),
            ("crashes", r"died with -6"),
        ],
    )
    def test_it_is_told(self, child: Child, name: str, problem: str) -> None:
        assert any(re.search(problem, each) for each in child.run(name, "all")["problems"])

    def test_these_are_all(self) -> None:
        assert len(CARELESS) == 8


# ---- of a machine, with fail_nth() ----------------------------------------------------------------


def idle(flags: int) -> Spec:
    """A shrinker of 100 objects, of which none can be freed: all is deferred."""
    return Spec(int(flags), 2, 0, Script((Count(100),), (Scan(sp.SHRINK_STOP),)), bits=True)


def fail_each(make: Callable[[], Pair], *actions: Action) -> int:
    """Do these with the first allocation failing, then with the second …; how often one failed.

    Each time on a new machine with the model beside it, which agree. What failed is done once more,
    and in the end all is as on a machine on which nothing failed.
    """
    results: list[list[Any]] = []
    for n in itertools.count():
        pair = make()
        try:
            pair.both("fail_nth", n, ())
            done = []
            for action in actions:
                result = pair.both(*action)
                if result == ("MemoryError", None):
                    assert pair.real.machine.faults.pending == 0
                    result = pair.both(*action)
                done.append(result)
            struck = n and not pair.real.machine.faults.pending
            pair.both("fail_nth", 0, ())
            results.append([*done, pair.real.state(), pair.real.machine.ledger])
        finally:
            pair.close()
        assert results[-1] == results[0]
        if n and not struck:
            return n - 1
    raise AssertionError


class TestOfAMachine:
    @pytest.mark.parametrize("at", [64, 128])
    def test_alloc_that_grows_every_cgroup_on_every_node(self, at: int) -> None:
        def make() -> Pair:
            pair = Pair(nr_nodes=2)
            for name in "ab":
                pair.both("create", "", name)
            pair.both("spawn", "first", idle(MEMCG | NUMA))
            for where in itertools.product((0, 1), "ab"):  # bits and deferred work, to be kept
                pair.both("shrink", 0, *where, 0)
            pair.both("fill_ids", at)
            return pair

        assert fail_each(make, ("alloc", "s", int(MEMCG))) == 3 + 3 * 2 * 2

    def test_create_two_levels_deep(self) -> None:
        def make() -> Pair:
            pair = Pair(nr_nodes=2)
            pair.both("spawn", "first", idle(MEMCG))
            pair.both("create", "", "app")
            return pair

        assert fail_each(make, ("create", "app", "inner")) == 2 * 2

    def test_a_whole_life(self) -> None:
        life: list[Action] = [
            ("create", "", "app"),
            ("create", "app", "inner"),
            ("spawn", "unaware", idle(0)),
            ("spawn", "numa", idle(NUMA)),
            ("spawn", "memcg", idle(MEMCG)),
            *(("shrink", 0, nid, cgroup, 0) for nid in (0, 1) for cgroup in (None, "app", "inner")),
            ("remove", "inner"),
            ("close", "memcg"),
            ("spawn", "heir", idle(MEMCG | NUMA | NONSLAB)),
            ("create", "app", "late"),
            ("shrink", 0, 1, "app", 0),
            ("close", "unaware"),
        ]
        # Two cgroups of two infos; 3 + 3; 3 and three cgroups' units and infos to hold them; 3; 2 * 2.
        assert fail_each(lambda: Pair(nr_nodes=2), *life) == 4 + 6 + 3 + 3 * 2 * 2 + 3 + 4

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_register_goes_on_without_an_entry_in_debugfs(self, n: int) -> None:
        ledgers = []
        for failing in (n, 0):
            with sp.Machine() as machine:
                check(lib.sp_debugfs_init(machine._pointer))
                before = machine.ledger
                s = sp.UnregisteredShrinker.alloc("first", machine=machine)
                machine.faults.record()
                machine.faults.fail_nth(failing)
                with s.register(Cache()):
                    assert machine.shrink_slab(priority=0) == 100
                    ledgers.append(machine.ledger)
                    sites = [each.site for each in machine.faults.attempts()]
                    assert sites == ["ida", "dentry"][: failing or 2]
                    assert machine.faults.pending == (1 if failing == 3 else 0)
                    machine.faults.fail_nth(0)
                    with register(machine, Cache(), "second"):
                        # The id of one without an entry is given back.
                        assert entries(machine)[-3] == f"second-{int(failing not in (1, 2))}"
                assert machine.ledger == before
        failed, expected = ledgers
        has_entry = n == 3
        assert failed.dentry == has_entry
        assert failed._replace(dentry=1, bytes=0) == expected._replace(bytes=0)
        assert (failed.bytes == expected.bytes) == has_entry

    def test_the_calls_of_debugfs_make_none(self, machine: sp.Machine) -> None:
        check(lib.sp_debugfs_init(machine._pointer))
        with register(machine, Cache()) as shrinker:
            pointer = ffi.cast("struct shrinker *", shrinker._address)
            text, length = ffi.new("char **"), ffi.new("size_t *")
            machine.faults.record()
            check(lib.sp_debugfs_count(pointer, text, length))
            assert take_text(text, length) == "1 100\n"
            check(lib.sp_debugfs_scan(pointer, b"0 0 5", 5, length))
            assert len(entries(machine)) == 3
            assert machine.faults.attempts() == []


def entries(machine: sp.Machine) -> list[str]:
    """The paths in debugfs."""
    text, length = ffi.new("char **"), ffi.new("size_t *")
    check(lib.sp_debugfs_list(machine._pointer, text, length))
    return take_text(text, length).splitlines()
