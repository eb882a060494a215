# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of ownership and their programs have in common; quick to import."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import time
import warnings
from collections.abc import Callable
from typing import Any

from support import Cache, Held, Log, in_callback, interrupted, register

import shrinkpy as sp

MEMCG = sp.Flags.MEMCG_AWARE


def alloc(machine: sp.Machine, name: str = "cache") -> sp.UnregisteredShrinker:
    """One to register."""
    return sp.UnregisteredShrinker.alloc(name, machine=machine)


# ---- a handle in every state


class States:
    """A handle in each state of its life; making one gives it and the list of what was done.

    The machines are kept here: what is collected is the handle.
    """

    def __init__(self) -> None:
        """None is made yet."""
        self.kept: list[object] = []

    def machine(self, **kwargs: Any) -> sp.Machine:
        """One of its own."""
        machine = sp.Machine(**kwargs)
        self.kept.append(machine)
        return machine

    def allocated(self) -> tuple[Any, list[str]]:
        """Nothing was set."""
        return alloc(self.machine()), []

    def set_up(self) -> tuple[Any, list[str]]:
        """Fields were set."""
        unregistered = alloc(self.machine())
        unregistered.set_batch(5)
        return unregistered, []

    def consumed(self) -> tuple[Any, list[str]]:
        """By register(), whose handle lives on."""
        unregistered = alloc(self.machine())
        self.kept.append(unregistered.register(Cache()))
        return unregistered, []

    def refused(self) -> tuple[Any, list[str]]:
        """register() failed after into_foreign()."""
        unregistered, done = alloc(self.machine()), []
        with contextlib.suppress(TypeError):
            unregistered.register(Log(object(), done))
        assert done == ["into_foreign", "borrow", "from_foreign"]
        return unregistered, []

    def unregistered_of_a_closed_machine(self) -> tuple[Any, list[str]]:
        """Freed by the machine's close()."""
        unregistered = alloc(self.machine())
        unregistered.machine.close()
        return unregistered, []

    def registered(self) -> tuple[Any, list[str]]:
        """Nothing happened to it."""
        done: list[str] = []
        return register(self.machine(), Log(Cache(), done)), done

    def called(self) -> tuple[Any, list[str]]:
        """By a pass, also in a cgroup."""
        machine, done = self.machine(), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(), done), flags=MEMCG)
        shrinker.set_bit(app)
        machine.shrink_slab(memcg=app, priority=0)
        return shrinker, done

    def half_closed(self) -> tuple[Any, list[str]]:
        """Ctrl-C ended its close()."""
        machine, held, done = self.machine(), Held(), []
        shrinker = register(machine, Log(held, done))
        with in_callback(machine, held), contextlib.suppress(KeyboardInterrupt):
            interrupted(shrinker.close, shrinker)
        return shrinker, done

    def closed(self) -> tuple[Any, list[str]]:
        """By close()."""
        done: list[str] = []
        shrinker = register(self.machine(), Log(Cache(), done))
        shrinker.close()
        return shrinker, done

    def of_a_closed_machine(self) -> tuple[Any, list[str]]:
        """By the machine's close()."""
        done: list[str] = []
        shrinker = register(self.machine(), Log(Cache(), done))
        shrinker.machine.close()
        return shrinker, done

    def hung(self) -> tuple[Any, list[str]]:
        """A pass lost a reference to it, and close() said so."""
        machine, done = self.machine(kmem=False), []
        app = machine.root.create("app")
        shrinker = register(machine, Log(Cache(), done), flags=MEMCG)
        shrinker.set_bit(app)
        machine.shrink_slab(memcg=app)
        with contextlib.suppress(sp.HungError):
            shrinker.close()
        return shrinker, done

    def end(self) -> None:
        """Close the machines."""
        for each in self.kept:
            if isinstance(each, sp.Machine):
                each.close()


STATES = [name for name in vars(States) if not name.startswith("_") and name not in ("machine", "end")]
OWNING = STATES[STATES.index("registered") :]


# ---- register(), and what is called by it


HOOKS = ["into_foreign", "borrow", "count_objects", "scan_objects", "from_foreign"]


def hooked(at: str, action: Callable[[], object], done: list[str], count: int = 10) -> Log:
    """An owner that runs action when that is called, or looked up; from_foreign only after a failure."""

    class Data(Cache):
        def __getattribute__(self, name: str) -> Any:
            if name == at:
                action()
            if name == "scan_objects" and at == "from_foreign":
                raise LookupError("to undo")
            return super().__getattribute__(name)

    class Owner(Log):
        def into_foreign(self) -> object:
            foreign = super().into_foreign()
            if at == "into_foreign":
                action()
            return foreign

        @staticmethod
        def borrow(foreign: Any, /) -> object:
            data = Log.borrow(foreign)
            if at == "borrow":
                action()
            return data

        @staticmethod
        def from_foreign(foreign: Any, /) -> object:
            owner = Log.from_foreign(foreign)
            if at == "from_foreign":
                action()
            return owner

    return Owner(Data(count), done)


ACTIONS = {
    "close the machine": lambda machine, unregistered: machine.close(),
    "close the handle": lambda machine, unregistered: unregistered.close(),
    "register it": lambda machine, unregistered: unregistered.register(Cache(5)),
    "collect": lambda machine, unregistered: gc.collect(),
    "reclaim": lambda machine, unregistered: machine.shrink_slab(priority=0),
    "register another": lambda machine, unregistered: register(machine, Cache(5)).close(),
    "allocate many": lambda machine, unregistered: [alloc(machine).close() for _ in range(70)],
    "close all found": lambda machine, unregistered: [
        each.close() for each in gc.get_objects() if type(each) is sp.RegisteredShrinker
    ],
    "fork": lambda machine, unregistered: _fork_and_wait(machine),
}


def _fork_and_wait(machine: sp.Machine) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            warnings.simplefilter("ignore")
            machine.close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


# ---- copies and processes


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "an old pickle": lambda each: pickle.dumps(each, 0),
}


inherited: sp.Machine | None = None


def child_work(n: int) -> int:
    """For a process of multiprocessing: use the machine that it inherited, or one of its own."""
    for machine in (inherited, sp.Machine()):
        if machine is None:
            continue
        shrinker = register(machine, Cache(n), flags=MEMCG)
        app = machine.root.create(f"child{n}-{os.getpid()}-{time.monotonic_ns()}")
        shrinker.set_bit(app)
        assert machine.shrink_slab(memcg=app, priority=0) == n
        shrinker.close()
        app.remove()
    return n
