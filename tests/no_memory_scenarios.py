# SPDX-License-Identifier: GPL-2.0-only
"""Every public call, for test_no_memory.py: in a world that was set up for it, and what it promises there.

A scenario is a generator: it sets a world up, yields the call that is to survive, gets its result
and checks it.
"""

from __future__ import annotations

import enum
import functools
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from support import Cache, Doing, Log, register

import shrinkpy as sp
from shrinkpy.core import check, ffi, lib, take_text

NUMA, MEMCG, NONSLAB = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE, sp.Flags.NONSLAB
BIG = 2**40
"""Python has no such int ready: to make one takes memory."""


class Promise(enum.Enum):
    """What a call has to keep to."""

    NOTHING = enum.auto()
    """It raises MemoryError and has done nothing, or it has done all."""
    AGAIN = enum.auto()
    """It raises MemoryError and can be called again, which does the rest; or it has done all."""
    DONE = enum.auto()
    """It is a finalizer: it raises nothing and does all."""
    PASS = enum.auto()
    """All have their turn; then it raises MemoryError, alone or with others. No exception is lost."""


class InThread(NamedTuple):
    """A call made in a thread of its own."""

    call: Call


# ---- worlds ---------------------------------------------------------------------------------------


class BoomError(Exception):
    """What callbacks raise."""


class World:
    """A machine, and what is to be seen of it."""

    def __init__(self, machine: dict[str, Any]) -> None:
        self.machine = sp.Machine(**machine)
        self.root = self.machine.root
        self.stack = ExitStack()
        """what there is to be closed in the end"""
        self.raised: list[BaseException] = []
        """by callbacks"""
        self.unraisable: list[BaseException] = []
        self._watched: dict[str, Callable[[], object]] = {}

    def watch(self, what: str, look: Callable[[], object]) -> None:
        """Have it in the picture."""
        self._watched[what] = look

    def alloc(self, flags: int = 0) -> sp.UnregisteredShrinker:
        """One that is nobody's."""
        return sp.UnregisteredShrinker.alloc("s", machine=self.machine, flags=flags)

    def shrinker(self, flags: int = 0) -> sp.UnregisteredShrinker:
        """One that is closed in the end, if it still is unregistered then."""
        return self.stack.enter_context(self.alloc(flags))

    def registered(self, *data: object, **kwargs: Any) -> sp.RegisteredShrinker:
        """Several, which are closed in the end; gives the last."""
        handle = None
        for i, each in enumerate(data):
            handle = self.stack.enter_context(register(self.machine, each, f"s{i}", **kwargs))
        assert handle is not None
        return handle

    def cgroup(self, name: str, parent: sp.MemCgroup | None = None) -> sp.MemCgroup:
        """One that is removed in the end."""
        memcg = (parent or self.root).create(name)
        self.stack.callback(memcg.remove)
        return memcg

    def raising(self, kind: type[BaseException] = BoomError) -> Callable[[Any], Any]:
        """A callback that raises."""

        def callback(_sc: sp.ShrinkControl) -> Any:
            boom = kind()
            self.raised.append(boom)
            raise boom

        return callback

    def nesting(self, memcg: sp.MemCgroup | None = None) -> Callable[[Any], Any]:
        """A callback that starts a pass."""

        def callback(_sc: sp.ShrinkControl) -> int:
            self.machine.shrink_slab(memcg=memcg, priority=0)
            return 1

        return callback

    def entries(self) -> str:
        """Those in debugfs."""
        text, length = ffi.new("char **"), ffi.new("size_t *")
        check(lib.sp_debugfs_list(self.machine._pointer, text, length))
        return take_text(text, length)

    def picture(self) -> dict[str, Any]:
        """All that a call may change."""
        pointer = self.machine._pointer
        serials = ffi.new("unsigned long[]", 200)
        online, memcg = [], lib.sp_memcg_iter(pointer, ffi.NULL, ffi.NULL)
        while memcg != ffi.NULL:
            online.append(lib.sp_memcg_is_online(memcg))
            memcg = lib.sp_memcg_iter(pointer, ffi.NULL, memcg)
        return {
            **self.machine.ledger._asdict(),
            "list": list(serials[0 : lib.sp_peek_list(pointer, serials, 200)]),
            "nr_max": lib.sp_peek_nr_max(pointer),
            "online": online,
            "paths": [memcg.path for memcg in self.root.walk()],
            "entries": self.entries(),
            "tracing": self.machine.trace.on,
            "pending": self.machine.faults.pending,
            "passes": lib.sp_pass_depth(pointer),
            "closed": self.machine.closed,
            "locks held": [
                k for k, v in vars(self.machine).items() if hasattr(v, "_is_owned") and v._is_owned()
            ],
            **{what: look() for what, look in self._watched.items()},
        }


def flat(*errors: BaseException | None) -> list[BaseException]:
    """They, their causes and contexts, and the members of groups."""
    found: list[BaseException] = []
    todo = list(errors)
    while todo:
        each = todo.pop()
        if each is not None and not any(each is known for known in found):
            found.append(each)
            todo += [each.__context__, each.__cause__, *getattr(each, "exceptions", ())]
    return found


def members(error: BaseException | None) -> list[BaseException]:
    """It, or of a group its members."""
    if isinstance(error, BaseExceptionGroup):
        return [each for member in error.exceptions for each in members(member)]
    return [error] if error is not None else []


# ---- the table ------------------------------------------------------------------------------------


Call = Callable[[], Any]
Script = Generator[Call, Any, None]


@dataclass(frozen=True)
class Scenario:
    """A public call."""

    script: Callable[..., Script]
    promise: Promise
    core: int
    """allocations that it makes from the extension module's code, of the C library or by PyMem_Calloc()"""
    least: int
    """allocations that it makes at least, with Python's"""
    changes: frozenset[str]
    """what of the picture a failure may change all the same"""
    spares: str
    """a module whose own allocations do not fail"""
    arguments: tuple[Any, ...]
    machine: dict[str, Any]


SCENARIOS: dict[str, Scenario] = {}
CARELESS: dict[str, Scenario] = {}
"""They break their promises, to see that it is found out."""


def scenario(
    promise: Promise,
    core: int = 0,
    *,
    python: bool = True,
    each: dict[str, Any] | None = None,
    changes: tuple[str, ...] = (),
    spares: str = "",
    careless: bool = False,
    **machine: Any,
) -> Callable[[Callable[..., Script]], Callable[..., Script]]:
    """Put it into the table; each: once for each of these, as its second argument."""

    def enter(script: Callable[..., Script]) -> Callable[..., Script]:
        for name, argument in (each or {"": None}).items():
            table = CARELESS if careless else SCENARIOS
            table[f"{script.__name__}-{name}".strip("-_")] = Scenario(
                script,
                promise,
                core,
                core + python,
                frozenset(changes),
                spares,
                () if each is None else (argument,),
                machine,
            )
        return script

    return enter


# -- Machine


@scenario(Promise.NOTHING, core=4)
def machine(w: World) -> Script:
    made = yield lambda: sp.Machine(nr_nodes=2)
    assert made.nr_nodes == 2
    made.close()


@scenario(Promise.NOTHING, core=2)
def machine_without_memcg(w: World) -> Script:
    made = yield lambda: sp.Machine(memcg=False)
    assert not made.memcg_enabled
    made.close()


@scenario(Promise.NOTHING)
def machine_root(w: World) -> Script:
    other = w.stack.enter_context(sp.Machine())
    root = yield lambda: other.root
    assert other.root is root


@scenario(Promise.NOTHING)
def machine_shown(w: World) -> Script:
    w.registered(Endless(BIG))
    w.machine.shrink_slab(priority=33)
    m = w.machine
    yield lambda: (repr(m), m.ledger, m.last_pass, m.slabs_scanned, m.nr_nodes, m.kmem, m.closed)


@scenario(Promise.NOTHING)
def machine_warnings(w: World) -> Script:
    app = w.cgroup("app")
    for _ in range(3):
        lib.sp_set_shrinker_bit(w.machine._pointer, app._pointer, 0, 1000, ffi.NULL)
    assert len((yield lambda: w.machine.warnings)) == 3


@scenario(Promise.AGAIN)
def machine_close(w: World) -> Script:
    yield w.machine.close
    assert w.machine.closed


@scenario(Promise.AGAIN)
def machine_close_of_what_was_left(w: World) -> Script:
    left: list[object] = [register(w.machine, Cache(), f"r{i}") for i in range(3)]
    left += [sp.UnregisteredShrinker.alloc(f"u{i}", machine=w.machine) for i in range(3)]
    yield w.machine.close
    assert w.machine.ledger.shrinker == 0


@scenario(Promise.DONE, python=False)
def machine_finalizer(w: World) -> Script:
    machines = [sp.Machine()]
    machines[0].shrink_slab()
    yield machines.clear


# -- MemCgroup


@scenario(Promise.NOTHING, core=3, nr_nodes=2)
def cgroup_create(w: World) -> Script:
    app = yield lambda: w.root.create("app")
    assert w.root.children == (app,)
    app.remove()


@scenario(Promise.NOTHING, core=5, nr_nodes=2)
def cgroup_create_below_another(w: World) -> Script:
    w.registered(Cache(), flags=MEMCG)  # the first: infos have a unit from now on
    app = w.cgroup("app")
    inner = yield lambda: app.create("inner")
    assert inner.path == "/app/inner"
    assert inner.online
    inner.remove()


@scenario(Promise.NOTHING)
def cgroup_shown(w: World) -> Script:
    inner = w.cgroup("inner", w.cgroup("app"))
    yield lambda: [(repr(m), m.path, m.ino, m.online, len(m.children)) for m in w.root.walk()]
    assert inner.ino == 3


@scenario(Promise.AGAIN)
def cgroup_offline(w: World) -> Script:
    app = w.cgroup("app")
    shrinker = w.registered(Doing(scan=lambda _sc: sp.ScanObjects.STOP), flags=MEMCG)
    shrinker.set_bit(app)
    w.machine.shrink_slab(memcg=app, priority=0)
    yield app.offline
    assert shrinker.nr_deferred() == shrinker.nr_deferred(app) == 200


@scenario(Promise.AGAIN)
def cgroup_remove(w: World) -> Script:
    app = w.root.create("app")
    yield app.remove
    assert not app.online


# -- ListLru


@scenario(Promise.NOTHING, core=2, nr_nodes=2)
def list_lru(w: World) -> Script:
    lru = yield lambda: sp.ListLru(w.machine, memcg_aware=True)
    assert w.machine.ledger.list_lru == 1
    lru.close()


@scenario(Promise.NOTHING, core=9, python=False)
def list_lru_add(w: World) -> Script:
    worker = w.cgroup("worker", w.cgroup("app"))
    lru = w.stack.enter_context(sp.ListLru(w.machine, memcg_aware=True))
    w.watch("items", lambda: (len(lru), lru.count_node(), w in lru))
    assert (yield lambda: lru.add(w, 0, worker)) is True
    assert lru.count_one(0, worker) == 1


@scenario(Promise.NOTHING, python=False)
def list_lru_remove(w: World) -> Script:
    lru = w.stack.enter_context(sp.ListLru(w.machine, memcg_aware=True))
    lru.add(w, 0, w.cgroup("app"))
    w.watch("items", lambda: (len(lru), lru.count_node(), w in lru))
    assert (yield lambda: lru.remove(w)) is True


@scenario(Promise.NOTHING, python=False)
def list_lru_walk(w: World) -> Script:
    lru = w.stack.enter_context(sp.ListLru(w.machine))
    lru.add(w)
    w.watch("items", lambda: (len(lru), lru.count_node(), w in lru))
    removed = sp.LruStatus.REMOVED
    assert (yield lambda: lru.walk_one(0, None, lambda _item: removed)) == 1
    assert len(lru) == 0


@scenario(Promise.AGAIN)
def list_lru_of_a_cgroup_that_goes_offline(w: World) -> Script:
    app = w.cgroup("app")
    lru = w.stack.enter_context(sp.ListLru(w.machine, memcg_aware=True))
    lru.add(w, 0, app)
    yield app.offline
    assert lru.count_one() == lru.count_one(0, app) == 1


@scenario(Promise.NOTHING, python=False)
def list_lru_close(w: World) -> Script:
    lru = sp.ListLru(w.machine)
    lru.add(w)
    yield lru.close
    assert lru.closed


@scenario(Promise.NOTHING)
def list_lru_attach(w: World) -> Script:
    app = w.cgroup("app")
    shrinker = w.registered(Cache(), flags=MEMCG)
    lru = w.stack.enter_context(sp.ListLru(w.machine, memcg_aware=True))
    lru.add(w, 0, app)
    yield lambda: lru.attach(shrinker)
    assert lib.sp_peek_bit(app._pointer, 0, lib.sp_shrinker_id(shrinker._live()))


@scenario(Promise.NOTHING)
def list_lru_walk_of_a_node(w: World) -> Script:
    lru = w.stack.enter_context(sp.ListLru(w.machine, memcg_aware=True))
    lru.add(w, 0, w.cgroup("app"))
    w.watch("items", lambda: (len(lru), lru.count_node(), w in lru))
    removed = sp.LruStatus.REMOVED
    assert (yield lambda: lru.walk_node(0, lambda _item: removed, BIG)) == 1


@scenario(Promise.NOTHING, core=3)  # an order of two classes
def list_lru_walk_inside_another(w: World) -> Script:
    outer, inner = (w.stack.enter_context(sp.ListLru(w.machine)) for _ in range(2))
    outer.add(w)
    inner.add(w)
    w.watch("items", lambda: (len(outer), len(inner)))
    skip = sp.LruStatus.SKIP

    def nested(_: object) -> sp.LruStatus:
        inner.walk_one(0, None, lambda _: skip)
        return skip

    assert (yield lambda: outer.walk_one(0, None, nested)) == 0


# -- Lock


@scenario(Promise.NOTHING)
def lock(w: World) -> Script:
    made = yield lambda: sp.RWLock(w.machine, "a lock")
    assert made.name == "a lock"


@scenario(Promise.NOTHING, core=1)
def lock_taken_that_is_the_threads_first(w: World) -> Script:
    made = sp.Lock(w.machine, "a lock")
    with made:  # its class is known
        pass
    w.watch("lock", made.locked)
    assert (yield InThread(lambda: made.acquire() and made.release() is None)) is True


@scenario(Promise.NOTHING, core=7)  # two classes, and their order
def lock_taken(w: World) -> Script:
    first, second = sp.Lock(w.machine, "first"), sp.RWLock(w.machine, "second")
    w.watch("lock", lambda: (first.mine(), second.mine()))

    def take() -> bool:
        with first, second.read():
            return first.mine() and second.mine()

    assert (yield take) is True


@scenario(Promise.NOTHING, core=1)
def lockdep_reports(w: World) -> Script:
    first, second = sp.Lock(w.machine, "first"), sp.Lock(w.machine, "second")
    for locks in ((first, second), (second, first)):
        with locks[0], locks[1]:
            pass
    assert (yield lambda: [len(report.stacks) for report in w.machine.lockdep.reports]) == [2]


# -- allocations and tasks


@scenario(Promise.NOTHING)
def allocation(w: World) -> Script:
    w.machine.allocate().free()  # the class of fs_reclaim is known
    w.watch("charged", lambda: w.machine.allocations.charged)
    made = yield lambda: w.machine.allocate(size=BIG)
    assert made.size == BIG
    made.free()


@scenario(Promise.NOTHING)
def allocation_that_reclaims(w: World) -> Script:
    w.registered(Cache(1000))
    w.machine.shrink_slab(priority=0)
    w.machine.allocate().free()
    w.machine.faults.reclaim_nth(1)
    made = yield lambda: w.machine.allocate()
    assert w.machine.allocations.reclaims == 1
    made.free()


@scenario(Promise.DONE, python=False)
def allocation_freed(w: World) -> Script:
    made = w.machine.allocate(size=BIG)
    yield made.free
    assert w.machine.allocations.charged == 0


@scenario(Promise.NOTHING)
def allocations_shown(w: World) -> Script:
    with w.machine.allocate(size=BIG):
        assert (yield lambda: w.machine.allocations).charged == BIG


@scenario(Promise.NOTHING, core=1, nr_nodes=2)
def task(w: World) -> Script:
    app = w.cgroup("app")
    w.machine.allocate().free()

    def place() -> tuple[bool, int]:
        at = lib.sp_task_place(w.machine._pointer)
        return at.memcg == app._pointer, at.nid

    def be() -> tuple[bool, int]:
        with w.machine.task(app, 1), sp.memalloc_nofs():
            return place()

    w.watch("place", place)
    assert (yield be) == (True, 1)


# -- UnregisteredShrinker


@scenario(Promise.NOTHING, core=3, each={"none": sp.Flags(0), "numa": NUMA}, nr_nodes=2)
@scenario(
    Promise.NOTHING,
    core=2,
    each={"memcg": MEMCG, "both": MEMCG | NUMA, "nonslab": MEMCG | NONSLAB},
    nr_nodes=2,
)
def alloc(w: World, flags: sp.Flags) -> Script:
    w.alloc(MEMCG).close()  # the first: there is room for ids from now on
    made = yield lambda: w.alloc(flags)
    assert made.flags == flags
    made.close()


@scenario(
    Promise.NOTHING,
    core=3 + 6 * 2,
    each={"0": 0, "64": 64},
    changes=("info", "unit", "bytes", "nr_max"),
    nr_nodes=2,
)
def alloc_that_grows(w: World, at: int) -> Script:
    for name in "ab":
        w.cgroup(name)
    for _ in range(at):
        w.shrinker(MEMCG)
    made = yield lambda: w.alloc(MEMCG)
    assert made.id == at
    made.close()


@scenario(Promise.NOTHING)
def set_seeks(w: World) -> Script:
    s = w.shrinker()
    w.watch("seeks", lambda: lib.sp_shrinker_seeks(s._pointer))
    yield lambda: s.set_seeks(1000)
    assert s.seeks == 1000


@scenario(Promise.NOTHING)
def set_batch(w: World) -> Script:
    s = w.shrinker()
    w.watch("batch", lambda: lib.sp_shrinker_batch(s._pointer))
    yield lambda: s.set_batch(BIG)
    assert s.batch == BIG


@scenario(Promise.NOTHING)
def unregistered_shown(w: World) -> Script:
    s = w.shrinker(MEMCG)
    s.set_batch(BIG)
    yield lambda: (s.flags, s.id, s.seeks, s.batch, s.name, repr(s), s.machine is w.machine)


@scenario(Promise.AGAIN, python=False)
def unregistered_close(w: World) -> Script:
    s = w.shrinker()
    yield s.close
    assert w.machine.ledger.shrinker == 0


@scenario(Promise.DONE)
def unregistered_finalizer(w: World) -> Script:
    left = [w.alloc()]
    yield left.clear
    assert w.machine.ledger.shrinker == 0


# -- RegisteredShrinker


def plain(_w: World, cache: Cache) -> Cache:
    """Any object, which is taken as an Arc of it."""
    return cache


def box(w: World, cache: Cache) -> sp.Box[Cache]:
    """Moved by the registration alone."""
    data = sp.Box(cache)
    w.watch("moved", lambda: "moved" in repr(data))
    return data


def arc(w: World, cache: Cache) -> sp.Arc[Cache]:
    """One handle of two."""
    first = sp.Arc(cache)
    data = first.clone()
    w.watch("moved", lambda: "moved" in repr(data))
    w.watch("handles", lambda: first.strong_count)
    return data


def own(w: World, cache: Cache) -> Log:
    """Given back as often as it was given up."""
    done: list[str] = []
    w.watch("given up", lambda: done.count("into_foreign") - done.count("from_foreign"))
    return Log(cache, done)


OWNERS = {"plain": plain, "box": box, "arc": arc, "own": own}
Owner = Callable[[World, Cache], object]


@scenario(Promise.NOTHING, core=2, each=OWNERS)
def register_data(w: World, owner: Owner) -> Script:
    cache = Cache()
    data, s = owner(w, cache), w.shrinker()
    handle = yield lambda: s.register(data)
    assert handle.private_data is cache
    assert w.machine.shrink_slab(priority=0) == 100
    handle.close()


@scenario(Promise.NOTHING, core=2)
def register_with_callbacks(w: World) -> Script:
    class Functions:
        count_objects = staticmethod(lambda data, sc: 5)
        scan_objects = staticmethod(lambda data, sc: sc.nr_to_scan)

    s = w.shrinker()
    handle = yield lambda: s.register(None, callbacks=Functions)
    assert w.machine.shrink_slab(priority=0) == 10
    handle.close()


@scenario(Promise.NOTHING, core=4, changes=("dentry", "bytes", "entries"))
def register_with_an_entry(w: World) -> Script:
    check(lib.sp_debugfs_init(w.machine._pointer))
    data, s = box(w, Cache()), w.shrinker()
    handle = yield lambda: s.register(data)
    assert w.machine.shrink_slab(priority=0) == 100
    handle.close()
    assert w.entries() == ""


@scenario(Promise.NOTHING, each=OWNERS, python=False)  # it takes none
def private_data(w: World, owner: Owner) -> Script:
    handle = w.registered(owner(w, Cache()))
    assert (yield lambda: handle.private_data.objects) == 100


@scenario(Promise.NOTHING)
def registered_shown(w: World) -> Script:
    s = w.registered(Cache(), flags=MEMCG, batch=BIG)
    yield lambda: (s.flags, s.id, s.seeks, s.batch, s.name, repr(s), s.closed, s.machine is w.machine)


@scenario(Promise.NOTHING)
def set_bit(w: World) -> Script:
    app = w.cgroup("app")
    s = w.registered(Cache(), flags=MEMCG)
    w.watch("bit", lambda: lib.sp_peek_bit(app._pointer, 0, 0))
    yield lambda: s.set_bit(app)
    assert w.machine.shrink_slab(memcg=app, priority=0) == 100


@scenario(Promise.NOTHING, each={"own": sp.Flags(0), "cgroup": MEMCG})
def nr_deferred(w: World, flags: sp.Flags) -> Script:
    app = w.cgroup("app")
    s = w.registered(Doing(scan=lambda _sc: sp.ScanObjects.STOP, objects=BIG), flags=flags)
    if flags:
        s.set_bit(app)
    w.machine.shrink_slab(memcg=app if flags else None, priority=0)
    assert (yield lambda: s.nr_deferred(app)) == 2 * BIG


@scenario(Promise.AGAIN, each=OWNERS, python=False)
def registered_close(w: World, owner: Owner) -> Script:
    handle = w.shrinker().register(owner(w, Cache()))
    yield handle.close
    assert handle.closed


@scenario(Promise.DONE, each=OWNERS)
def registered_finalizer(w: World, owner: Owner) -> Script:
    left = [w.shrinker().register(owner(w, Cache()))]
    yield left.clear
    assert w.machine.ledger.shrinker == 0


# -- Box and Arc


@scenario(Promise.NOTHING)
def owners(w: World) -> Script:
    cache = Cache()
    made = yield lambda: (sp.Box(cache), sp.Arc(cache))
    assert [each.value for each in made] == [cache] * 2


@scenario(Promise.NOTHING)
def arc_clone(w: World) -> Script:
    first = sp.Arc(Cache())
    w.watch("handles", lambda: first.strong_count)
    clone = yield first.clone
    assert clone.value is first.value
    clone.drop()


@scenario(Promise.AGAIN, python=False)
def arc_drop(w: World) -> Script:
    first = sp.Arc(Cache())
    clone = first.clone()
    yield clone.drop
    assert first.strong_count == 1


@scenario(Promise.DONE, python=False)
def arc_finalizer(w: World) -> Script:
    first = sp.Arc(Cache())
    clones = [first.clone()]
    yield clones.clear
    assert first.strong_count == 1


@scenario(Promise.NOTHING)
def results(w: World) -> Script:
    yield lambda: [
        (kind(BIG), kind.raw(2**64 - 9), kind.from_count(BIG), repr(kind(BIG)))
        for kind in (sp.CountObjects, sp.ScanObjects)
    ]


# -- passes


def a_pass(w: World, priority: int = 0, **kwargs: Any) -> Call:
    return functools.partial(w.machine.shrink_slab, priority=priority, **kwargs)


class Endless(Cache):
    """Frees whatever is asked for, and does not get less."""

    def scan_objects(self, sc: sp.ShrinkControl) -> int:
        return sc.nr_to_scan


class Looking(Endless):
    """Looks at all that it is given."""

    def count_objects(self, sc: sp.ShrinkControl) -> sp.CountObjects:
        self.seen = (repr(sc), sc.memcg, sc.gfp_mask, sc.nid, sc.gfp_fs(), sc.reclaim_io_allowed)
        return sp.CountObjects(1000)

    def scan_objects(self, sc: sp.ShrinkControl) -> sp.ScanObjects:
        sc.nr_scanned = sc.nr_to_scan
        return sp.ScanObjects(sc.nr_scanned)


@scenario(Promise.PASS)
def pass_over_all(w: World) -> Script:
    w.registered(*(Endless(1000) for _ in range(3)))
    w.machine.shrink_slab(priority=63)
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_that_is_the_threads_first(w: World) -> Script:
    w.registered(Endless())
    yield InThread(a_pass(w))


@scenario(Promise.PASS)
def pass_over_a_cgroup(w: World) -> Script:
    app = w.cgroup("app")
    for _ in range(2):
        w.registered(Looking(), flags=MEMCG).set_bit(app)
    w.machine.shrink_slab(priority=63)
    yield a_pass(w, memcg=app)


@scenario(Promise.PASS, core=1)
def pass_in_which_the_root_is_asked_for_first(w: World) -> Script:
    other = w.stack.enter_context(sp.Machine())
    w.stack.enter_context(register(other, Looking()))
    yield functools.partial(other.shrink_slab, priority=0)


@scenario(Promise.PASS, core=1)
def pass_with_one_that_raises(w: World) -> Script:
    w.registered(Endless(), Doing(count=w.raising()), Endless())
    yield a_pass(w)


@scenario(Promise.PASS, core=2)  # what it keeps, and room for 16 passes
def reclaim_drop_slab(w: World) -> Script:
    w.registered(*(Endless(1000) for _ in range(2)))
    w.machine.drop_slab()
    yield lambda: repr(w.machine.drop_slab())


@scenario(Promise.PASS, core=1 + 3)  # the reclaimer; room for 32
def reclaim_direct(w: World) -> Script:
    w.cgroup("app")
    w.registered(Cache(1), Doing(scan=w.raising(), objects=1000))
    yield lambda: repr(w.machine.direct_reclaim(BIG))


@scenario(Promise.PASS, core=2)
def reclaim_kswapd(w: World) -> Script:
    w.registered(Cache(0))
    w.machine.kswapd()
    yield lambda: repr(w.machine.kswapd())


@scenario(Promise.NOTHING)
def reclaim_shown(w: World) -> Script:
    w.registered(Cache(1000))
    w.machine.direct_reclaim(10)
    yield lambda: (repr(w.machine.last_reclaim), w.machine.vmstat)


@scenario(Promise.NOTHING)
def debugfs_listed(w: World) -> Script:
    w.registered(Cache(0))
    w.machine.debugfs.mount()
    yield lambda: list(w.machine.debugfs)


@scenario(Promise.NOTHING, core=4)
def debugfs_entry_count(w: World) -> Script:
    w.registered(Endless(BIG))
    [entry] = w.machine.debugfs.values()
    yield lambda: entry.count


@scenario(Promise.NOTHING, core=1)
def debugfs_entry_scan(w: World) -> Script:
    w.registered(Endless(BIG))
    [entry] = w.machine.debugfs.values()
    yield lambda: entry.scan("0 0 10")


@scenario(Promise.PASS, core=1)
def pass_with_several_that_raise(w: World) -> Script:
    w.registered(*(Doing(count=w.raising()) for _ in range(3)), *(Doing(scan=w.raising()) for _ in range(3)))
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_that_is_interrupted(w: World) -> Script:
    w.registered(*(Doing(count=w.raising()) for _ in range(3)), Doing(scan=w.raising(KeyboardInterrupt)))
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_with_bad_results(w: World) -> Script:
    w.registered(Doing(count=lambda _sc: -1), Doing(count=lambda _sc: "5"), Doing(scan=lambda _sc: BIG**2))
    yield a_pass(w)


@scenario(Promise.PASS)
def pass_whose_control_is_kept(w: World) -> Script:
    kept: list[object] = []

    def keep(sc: Any) -> int:
        kept.append(sc)
        return int(sc.nr_to_scan)

    w.registered(*(Doing(scan=keep, objects=1000) for _ in range(2)))
    w.machine.shrink_slab(priority=63)
    yield a_pass(w)


@scenario(Promise.PASS)
def pass_over_many(w: World) -> Script:
    w.registered(*(Endless() for _ in range(70)))  # past 128 calls they are made through the class
    w.machine.shrink_slab(priority=63)
    yield a_pass(w)


@scenario(Promise.PASS)
def pass_with_nested_ones(w: World) -> Script:
    app = w.cgroup("app")
    w.registered(Doing(scan=w.nesting(app)))
    w.registered(Endless(), flags=MEMCG).set_bit(app)
    w.machine.shrink_slab(priority=63)
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_with_a_nested_one_that_raises(w: World) -> Script:
    app = w.cgroup("app")
    w.registered(Doing(count=w.nesting(app)))
    w.registered(Doing(count=w.raising()), flags=MEMCG).set_bit(app)
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_nested_too_deep(w: World) -> Script:
    w.registered(Doing(count=w.nesting()))
    yield a_pass(w)


@scenario(Promise.PASS, core=1, max_stall=3)
def pass_with_livelocks(w: World) -> Script:
    def stall(sc: Any) -> int:
        sc.nr_scanned = 0
        return 0

    w.registered(*(Doing(scan=stall) for _ in range(2)))
    yield a_pass(w)


@scenario(Promise.PASS, core=2 * (3 + 2))
def pass_with_callbacks_that_do_something(w: World) -> Script:
    def come_and_go(_sc: Any) -> int:
        s = w.alloc()
        try:
            s.register(sp.Box(Cache())).close()
        finally:
            s.close()
        return 0

    w.registered(Doing(count=come_and_go), Endless(), Doing(count=come_and_go))
    w.machine.shrink_slab(priority=63)
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_in_which_the_last_handle_goes(w: World) -> Script:
    handles: list[sp.RegisteredShrinker] = []

    def let_go(_sc: Any) -> int:
        handles.clear()
        return 0

    handles.append(w.shrinker().register(own(w, Doing(count=let_go))))
    yield a_pass(w)


@scenario(Promise.PASS, core=1)
def pass_with_deadlocks(w: World) -> Script:
    def close(of: Any) -> Callable[[Any], Any]:
        def callback(_sc: Any) -> None:
            of.close()

        return callback

    own_handle: list[sp.RegisteredShrinker] = []
    own_handle.append(w.registered(Doing(count=lambda sc: close(own_handle[0])(sc))))
    w.registered(Doing(count=close(w.machine)))
    yield a_pass(w)


@scenario(Promise.PASS)
def pass_with_bad_arguments(w: World) -> Script:
    w.registered(Cache())
    yield a_pass(w, nid=BIG**2)


@scenario(Promise.PASS)
def close_that_would_hang(w: World) -> Script:
    app = w.cgroup("app")
    handle = w.shrinker(MEMCG).register(Cache())
    handle.set_bit(app)
    w.machine.kmem = False
    w.machine.shrink_slab(memcg=app)
    yield handle.close
    w.machine.shrink_slab()
    w.stack.callback(w.machine.close)


@scenario(Promise.PASS, core=1 + 4)
def pass_under_trace(w: World) -> Script:
    w.registered(*(Endless() for _ in range(3)))  # the ring, its place, and names at 1 and 2
    w.machine.shrink_slab(priority=63)
    w.machine.trace.start(64)
    yield a_pass(w)
    w.machine.trace.stop()


@scenario(Promise.PASS)
def pass_that_no_call_can_raise_from(w: World) -> Script:
    w.registered(*(Doing(count=w.raising()) for _ in range(2)))
    out = ffi.new("struct sp_pass *")
    shrink = functools.partial(lib.sp_shrink_slab, w.machine._pointer, 0, 0, w.root._pointer, 0, out)
    lib.sp_shrink_slab(w.machine._pointer, 0, 0, w.root._pointer, 63, out)
    yield shrink


@scenario(Promise.PASS)
def pass_that_oopses(w: World) -> Script:
    out = ffi.new("struct sp_pass *")

    def shrink() -> None:
        check(lib.sp_shrink_slab(w.machine._pointer, 0, 0, ffi.NULL, 0, out), out.reason)

    yield shrink


# -- faults, trace and debugfs


@scenario(Promise.NOTHING)
def faults_fail_nth(w: World) -> Script:
    yield lambda: w.machine.faults.fail_nth(BIG, "name", "info")
    assert w.machine.faults.pending == BIG


@scenario(Promise.NOTHING, core=1 + 3)
def alloc_that_is_recorded(w: World) -> Script:
    w.machine.faults.record()
    made = yield w.alloc
    made.close()


@scenario(Promise.NOTHING)
def faults_attempts(w: World) -> Script:
    w.machine.faults.record()
    for _ in range(3):
        w.shrinker().close()
    assert len((yield w.machine.faults.attempts)) == 9


@scenario(Promise.NOTHING, core=1)
def trace_start_and_stop(w: World) -> Script:
    def start() -> None:
        w.machine.trace.start(BIG, clock=False)

    yield start
    w.machine.trace.stop()


def traced(w: World) -> None:
    """Two passes, of which the second's two events are left."""
    w.registered(Endless())
    with w.machine.trace.start(2, clock=False):
        for priority in (1, 0):
            w.machine.shrink_slab(priority=priority)


# NumPy dereferences what it did not get, and says ValueError where it found no memory.
NUMPY = "numpy._core._multiarray_umath"


@scenario(Promise.NOTHING, spares=NUMPY)
def trace_array(w: World) -> Script:
    traced(w)
    assert (yield lambda: w.machine.trace.array()["retval"].tolist()) == [0, 128]


@scenario(Promise.NOTHING, spares=NUMPY)
def trace_text(w: World) -> Script:
    traced(w)
    assert (yield lambda: w.machine.trace.text().count("Endless.scan_objects")) == 2
    assert w.machine.trace.overrun == 2


@scenario(Promise.AGAIN, core=1 + 3, python=False)
def debugfs_init(w: World) -> Script:
    w.registered(*(Cache() for _ in range(3)))
    yield lambda: check(lib.sp_debugfs_init(w.machine._pointer))
    assert w.entries().count("scan") == 3


def with_entry(w: World, flags: int = 0) -> Any:
    check(lib.sp_debugfs_init(w.machine._pointer))
    return ffi.cast("struct shrinker *", w.registered(Cache(), flags=flags)._address)


@scenario(Promise.NOTHING, core=1)
def debugfs_rename(w: World) -> Script:
    pointer = with_entry(w)
    yield lambda: check(lib.sp_debugfs_rename(pointer, b"new"))
    assert "new-0/count" in w.entries()


@scenario(Promise.NOTHING, core=2)
def debugfs_list(w: World) -> Script:
    with_entry(w)
    yield w.entries


@scenario(Promise.PASS, core=5)
def debugfs_count(w: World) -> Script:
    pointer = with_entry(w, MEMCG)
    w.cgroup("app")
    text, length = ffi.new("char **"), ffi.new("size_t *")

    def count() -> str:
        check(lib.sp_debugfs_count(pointer, text, length))
        return take_text(text, length)

    yield count


@scenario(Promise.PASS, core=1)
def debugfs_scan(w: World) -> Script:
    pointer = with_entry(w)
    written = ffi.new("size_t *")
    yield lambda: check(lib.sp_debugfs_scan(pointer, b"0 0 5", 5, written))


# -- careless ones, which must be found out


@scenario(Promise.NOTHING, careless=True)
def half_done(w: World) -> Script:
    done: list[int] = []
    w.watch("done", lambda: len(done))
    yield lambda: (done.append(1), object())


@scenario(Promise.AGAIN, careless=True)
def not_to_be_repeated(w: World) -> Script:
    due = [1]
    yield lambda: (due.pop(), object())


@scenario(Promise.NOTHING, careless=True)
def says_something_else(w: World) -> Script:
    def call() -> None:
        try:
            object()
        except MemoryError:
            raise ValueError("no") from None

    yield call


@scenario(Promise.DONE, careless=True)
def finalizer_that_does_nothing(w: World) -> Script:
    class Closing:
        def __del__(self) -> None:
            object()
            closed.append(1)

    closed: list[int] = []
    left = [Closing()]
    yield left.clear
    assert closed


@scenario(Promise.PASS, careless=True)
def loses_exceptions(w: World) -> Script:
    w.registered(Doing(count=w.raising()), Doing(count=w.raising()))

    def call() -> None:
        with suppress(ExceptionGroup):
            w.machine.shrink_slab()

    yield call


@scenario(Promise.NOTHING, careless=True)
def leaves_memory_of_the_core(w: World) -> Script:
    text, length = ffi.new("char **"), ffi.new("size_t *")
    yield lambda: check(lib.sp_debugfs_list(w.machine._pointer, text, length))


@scenario(Promise.NOTHING, careless=True)
def leaves_objects(w: World) -> Script:
    yield lambda: LEFT.append(Cache())


LEFT: list[object] = []


@scenario(Promise.NOTHING, careless=True)
def crashes(w: World) -> Script:
    def call() -> None:
        try:
            object()
        except MemoryError:
            os.abort()

    yield call
