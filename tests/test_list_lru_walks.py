# SPDX-License-Identifier: GPL-2.0-only
"""ListLru: walks, by Python callbacks and by C."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support import TIMEOUT, Doing, Running, register, registered, until

import shrinkpy as sp
from shrinkpy import LruStatus, _core
from shrinkpy.core import ffi, lib

ADDRESS = ctypes.c_void_p
WALK_CB = ctypes.CFUNCTYPE(ctypes.c_int, ADDRESS, ADDRESS, ADDRESS, ADDRESS)


class Thing:
    """An item; its number tells it."""

    def __init__(self, n: int) -> None:
        """Have that number."""
        self.n = n


def filled(machine: sp.Machine, n: int, nid: int = 0) -> tuple[sp.ListLru, list[Thing]]:
    """A list with so many things on the root's list."""
    lru = sp.ListLru(machine, memcg_aware=True)
    things = [Thing(i) for i in range(n)]
    for thing in things:
        lru.add(thing, nid)
    return lru, things


class Script:
    """A walk callback that says what it is told to, call by call, and notes what it is shown."""

    def __init__(self, *say: LruStatus) -> None:
        """Say these, then SKIP."""
        self.say = list(say)
        self.seen: list[int] = []

    def __call__(self, item: Thing) -> LruStatus:
        """Note it."""
        self.seen.append(item.n)
        return self.say.pop(0) if self.say else LruStatus.SKIP


class TestStatus:
    """What each status does."""

    def test_names_and_values_are_the_kernels(self) -> None:
        """As in the header."""
        for status in LruStatus:
            assert getattr(lib, f"LRU_{status.name}") == status
        assert len(LruStatus) == 6

    @pytest.mark.parametrize(
        ("say", "seen", "gone", "left"),
        [
            pytest.param([LruStatus.REMOVED], [0, 1, 2], 1, [1, 2], id="REMOVED goes on"),
            pytest.param(
                [LruStatus.SKIP, LruStatus.REMOVED_RETRY],
                [0, 1, 0],
                1,
                [0, 2],
                id="REMOVED_RETRY starts anew",
            ),
            pytest.param([LruStatus.ROTATE], [0, 1, 2], 0, [1, 2, 0], id="ROTATE is for the tail"),
            pytest.param([], [0, 1, 2], 0, [0, 1, 2], id="SKIP does nothing"),
            pytest.param([LruStatus.SKIP, LruStatus.RETRY], [0, 1, 0], 0, [0, 1, 2], id="RETRY starts anew"),
            pytest.param([LruStatus.REMOVED, LruStatus.STOP], [0, 1], 1, [1, 2], id="STOP ends it"),
        ],
    )
    def test_of_three_items_and_calls(
        self, say: list[LruStatus], seen: list[int], gone: int, left: list[int]
    ) -> None:
        """Each call costs one of nr_to_walk."""
        lru, _ = filled(sp.Machine(), 3)
        script = Script(*say)
        assert lru.walk_one(0, None, script, 3) == gone
        assert script.seen == seen
        after = Script()
        lru.walk_one(0, None, after)
        assert after.seen == left

    def test_rotated_items_come_again(self) -> None:
        """As long as nr_to_walk goes; without one, as many as there were."""
        lru, _ = filled(sp.Machine(), 2)
        script = Script(*[LruStatus.ROTATE] * 9)
        lru.walk_one(0, None, script, 5)
        assert script.seen == [0, 1, 0, 1, 0]
        script.seen = []
        lru.walk_node(0, script)
        assert len(script.seen) == 2
        assert lru.walk_one(0, None, script, 0) == 0
        assert len(script.seen) == 2

    @pytest.mark.parametrize("said", [None, True, 6, -1, 2**70, 1.0, "REMOVED"])
    def test_anything_else_is_an_error(self, said: Any) -> None:
        """The item stays, the walk ends."""
        lru, things = filled(sp.Machine(), 2)
        with pytest.raises(TypeError, match="it must be an LruStatus"):
            lru.walk_one(0, None, lambda _: said)
        assert all(thing in lru for thing in things)

    def test_a_number_will_do(self) -> None:
        """Of the kernel's."""
        lru, _ = filled(sp.Machine(), 2)
        assert lru.walk_one(0, None, lambda _: 0) == 2


class TestWalkNode:
    """walk_node(): the root's list, then every cgroup's."""

    def test_goes_in_the_order_of_coming_online(self) -> None:
        """The root first; and stops with nr_to_walk."""
        machine = sp.Machine(2)
        app, other = machine.root.create("app"), machine.root.create("other")
        worker = app.create("worker")
        lru = sp.ListLru(machine, memcg_aware=True)
        things = [Thing(i) for i in range(5)]
        for thing, memcg in zip(things, (other, worker, app, None, app), strict=True):
            lru.add(thing, 1, memcg)
        script = Script()
        lru.walk_node(1, script)
        assert script.seen == [3, 2, 4, 0, 1]
        script.seen = []
        lru.walk_node(1, script, 2)
        assert script.seen == [3, 2]
        assert lru.walk_node(0, script) == 0

    def test_an_offline_cgroup_is_not_walked_twice(self) -> None:
        """Its items are its parent's."""
        machine = sp.Machine()
        app = machine.root.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        thing = Thing(0)
        lru.add(thing, 0, app)
        app.offline()
        script = Script()
        lru.walk_node(0, script, 10)
        assert script.seen == [0]


class TestShrinker:
    """shrink_count() and shrink_walk(), in a shrinker's callbacks."""

    def test_shrinks_what_the_pass_is_about(self) -> None:
        """The list of its node and cgroup, by nr_to_scan items, which are taken off it."""
        machine = sp.Machine(2)
        app = machine.root.create("app")
        left: list[int] = []

        def scan(sc: sp.ShrinkControl) -> int:
            freed = lru.shrink_walk(sc, lambda _: LruStatus.REMOVED)
            left.append(sc.nr_to_scan)
            return freed

        cache = Doing(count=lambda sc: lru.shrink_count(sc), scan=scan)
        flags = sp.Flags.MEMCG_AWARE | sp.Flags.NUMA_AWARE
        with register(machine, cache, flags=flags) as shrinker:
            lru = sp.ListLru(machine, shrinker, memcg_aware=True)
            things = [Thing(i) for i in range(300)]
            for thing in things:
                lru.add(thing, 1, app)
                lru.add(Thing(-1), 0, app)
                lru.add(Thing(-1), 1)
            assert machine.shrink_slab(nid=1, memcg=app, priority=0) == 300
            assert (lru.count_one(1, app), lru.count_one(0, app), lru.count_one(1)) == (0, 300, 300)
            # 128, 128, and 44 of 128; then there are none.
            assert left[:3] == [0, 0, 84]

    def test_outside_of_the_callback_it_expired(self) -> None:
        """As everything of a ShrinkControl."""
        machine = sp.Machine()
        kept: list[sp.ShrinkControl] = []

        def count(sc: sp.ShrinkControl) -> int:
            kept.append(sc)
            return 0

        lru: Any = sp.ListLru(machine)
        with registered(machine, Doing(count=count)):
            machine.shrink_slab()
        with pytest.raises(sp.ExpiredError):
            lru.shrink_count(kept[0])
        with pytest.raises(sp.ExpiredError):
            lru.shrink_walk(kept[0], Script())
        with pytest.raises(TypeError, match="ShrinkControl"):
            lru.shrink_count(None)

    def test_another_machines_is_refused(self) -> None:
        """Its nodes and cgroups are others."""
        machine, other = sp.Machine(), sp.Machine()
        lru = sp.ListLru(other)
        with (
            registered(machine, Doing(count=lambda sc: lru.shrink_count(sc))),
            pytest.raises(ValueError, match="another Machine"),
        ):
            machine.shrink_slab()

    def test_what_a_walk_callback_raises_is_the_passes(self) -> None:
        """As any exception of a shrinker's callback."""
        machine = sp.Machine()
        lru, things = filled(machine, 9)

        def fail(_: Thing) -> LruStatus:
            raise LookupError("no")

        cache = Doing(count=lambda sc: lru.shrink_count(sc), scan=lambda sc: lru.shrink_walk(sc, fail))
        with registered(machine, cache), pytest.raises(LookupError, match="no"):
            machine.shrink_slab(priority=0)
        assert len(lru) == len(things)


class TestExceptions:
    """What a callback raises."""

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, StopIteration])
    def test_ends_the_walk_with_the_item_where_it_was(self, error: type[BaseException]) -> None:
        """And is raised; what went before is gone."""
        lru, things = filled(sp.Machine(), 3)
        raised = error("mine")

        def fail(item: Thing) -> LruStatus:
            if item.n == 1:
                raise raised
            return LruStatus.REMOVED

        with pytest.raises(error) as caught:
            lru.walk_one(0, None, fail)
        assert caught.value is raised
        assert [thing in lru for thing in things] == [False, True, True]
        script = Script()
        lru.walk_one(0, None, script)
        assert script.seen == [1, 2]

    def test_no_other_list_of_the_node_is_walked(self) -> None:
        """It is the walk that ends, not the one list: nothing else is shown, nothing else is raised."""
        machine = sp.Machine()
        lru = sp.ListLru(machine, memcg_aware=True)
        things = [Thing(i) for i in range(3)]
        for thing, memcg in zip(
            things, (None, machine.root.create("a"), machine.root.create("b")), strict=True
        ):
            lru.add(thing, 0, memcg)
        script = Script(LruStatus.SKIP, None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="returned None"):
            lru.walk_node(0, script)
        assert script.seen == [0, 1]
        script = Script(LruStatus.STOP)
        assert lru.walk_node(0, script) == 0
        assert script.seen == [0, 1, 2]

    def test_the_lock_is_free_afterwards(self) -> None:
        """For another thread too."""
        lru, things = filled(sp.Machine(), 1)
        with pytest.raises(ZeroDivisionError):
            lru.walk_one(0, None, lambda _: 1 // 0)
        assert Running(lambda: lru.remove(things[0])).join()


class TestUnderTheLock:
    """A callback runs under the lock of the node's lists."""

    @pytest.mark.parametrize(
        "what",
        [
            lambda lru, item: lru.add(Thing(9)),
            lambda lru, item: lru.remove(item),
            lambda lru, item: lru.walk_one(0, None, Script()),
            lambda lru, item: lru.walk_node(0, Script()),
        ],
        ids=["add", "remove", "walk_one", "walk_node"],
    )
    def test_the_same_node_is_a_deadlock(self, what: Any) -> None:
        """Nothing has changed."""
        lru, things = filled(sp.Machine(), 2)

        def again(item: Thing) -> LruStatus:
            with pytest.raises(sp.DeadlockError, match="runs under"):
                what(lru, item)
            return LruStatus.SKIP

        assert lru.walk_one(0, None, again) == 0
        assert [thing in lru for thing in things] == [True, True]
        assert len(lru) == lru.count_node() == 2

    def test_so_is_taking_a_cgroup_offline(self) -> None:
        """Its items would be handed over under that lock."""
        machine = sp.Machine()
        app = machine.root.create("app")
        lru, _ = filled(machine, 1)

        def offline(_: Thing) -> LruStatus:
            with pytest.raises(sp.DeadlockError, match="walk callback"):
                app.offline()
            return LruStatus.SKIP

        lru.walk_one(0, None, offline)
        assert app.online
        app.offline()
        assert not app.online

    def test_other_nodes_lists_and_counts_may_be_used(self) -> None:
        """Their locks are others; counts take none."""
        machine = sp.Machine(2)
        lru, things = filled(machine, 2)
        other = sp.ListLru(machine)

        def move(item: Thing) -> LruStatus:
            assert other.add(item)
            assert lru.add(Thing(9), 1)
            assert lru.count_node() == 2 - item.n
            return LruStatus.REMOVED

        assert lru.walk_one(0, None, move) == 2
        assert all(thing in other and thing not in lru for thing in things)
        assert lru.count_node(1) == 2

    @pytest.mark.parametrize(
        "what",
        [
            lambda lru, item: lru.add(Thing(9)),
            lambda lru, item: lru.remove(item),
            lambda lru, item: lru.walk_node(0, Script()),
        ],
        ids=["add", "remove", "walk"],
    )
    def test_a_ring_through_another_lock_is_told_as_one(self, what: Any) -> None:
        """A callback that waits for who wants the lock it runs under."""
        machine = sp.Machine()
        lru, things = filled(machine, 1)
        lock = sp.Lock(machine, "mine")

        def wait(_: Thing) -> LruStatus:
            with lock:
                return LruStatus.SKIP

        with lock:
            walking = Running(lambda: lru.walk_one(0, None, wait))
            word = ffi.cast("struct sp_lock *", lock._address)
            until(lambda: bool(word.word & 1 << 30))  # somebody sleeps
            with pytest.raises(sp.DeadlockError, match="waits, directly or through others, for this thread"):
                what(lru, things[0])
        assert walking.join() == 0
        assert things[0] in lru

    @pytest.mark.parametrize("what", ["add", "remove"])
    def test_another_thread_waits_and_python_goes_on(self, what: str) -> None:
        """It gives the GIL up: the callback, and other threads, run."""
        lru, things = filled(sp.Machine(), 2)
        inside, leave = threading.Event(), threading.Event()

        def stay(_: Thing) -> LruStatus:
            inside.set()
            assert leave.wait(TIMEOUT)
            return LruStatus.STOP

        walking = Running(lambda: lru.walk_one(0, None, stay))
        assert inside.wait(TIMEOUT)
        waiting = Running(lambda: lru.add(Thing(2)) if what == "add" else lru.remove(things[0]))
        assert lru.count_node() == 2
        assert waiting.alive
        leave.set()
        assert walking.join() == 0
        assert waiting.join() is True
        assert lru.count_node() == (3 if what == "add" else 1)


class TestOffline:
    """A cgroup goes offline while its lists are walked: it waits for the lock."""

    def test_interrupted_it_goes_on_later(self) -> None:
        """Ctrl-C ends the wait; nothing is lost."""
        machine = sp.Machine()
        app = machine.root.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        thing = Thing(0)
        lru.add(thing, 0, app)
        main = threading.main_thread().ident or 0
        inside, leave = threading.Event(), threading.Event()

        def stay(_: Thing) -> LruStatus:
            inside.set()
            assert leave.wait(TIMEOUT)
            return LruStatus.SKIP

        def interrupt() -> None:
            until(lambda: bool(app._leaving))
            signal.pthread_kill(main, signal.SIGINT)

        walking = Running(lambda: lru.walk_one(0, app, stay))
        assert inside.wait(TIMEOUT)
        interrupting = Running(interrupt)
        with pytest.raises(KeyboardInterrupt):
            app.offline()
        interrupting.join()
        assert app.online
        leave.set()
        walking.join()
        app.offline()
        assert (app.online, lru.count_one()) == (False, 1)

    def test_two_threads_hand_its_items_over_once(self) -> None:
        """The parent's own list is left alone, and takes more."""
        machine = sp.Machine()
        parent = machine.root.create("parent")
        app = parent.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        things = [Thing(n) for n in range(5)]
        for thing in things[:3]:
            lru.add(thing, 0, parent)
        for thing in things[3:]:
            lru.add(thing, 0, app)
        lru.add(Thing(9))
        inside, leave = threading.Event(), threading.Event()

        def stay(_: Thing) -> LruStatus:
            inside.set()
            assert leave.wait(TIMEOUT)
            return LruStatus.SKIP

        walking = Running(lambda: lru.walk_one(0, None, stay))
        assert inside.wait(TIMEOUT)
        both = [Running(app.offline), Running(app.offline)]
        until(lambda: len(app._leaving) == 2)
        leave.set()
        for each in (walking, *both):
            each.join()
        assert lru.count_one(0, parent) == 5
        assert all(lru.remove(thing) for thing in things)
        assert lru.add(Thing(10), 0, parent)

    def test_whoever_takes_it_offline_too_waits_as_well(self) -> None:
        """When remove() returns it is offline, whoever has begun with that."""
        machine = sp.Machine()
        app = machine.root.create("app")
        lru = sp.ListLru(machine, memcg_aware=True)
        lru.add(Thing(0), 0, app)
        inside, leave = threading.Event(), threading.Event()

        def stay(_: Thing) -> LruStatus:
            inside.set()
            assert leave.wait(TIMEOUT)
            return LruStatus.SKIP

        def remove() -> bool:
            app.remove()
            return app.online

        walking = Running(lambda: lru.walk_one(0, app, stay))
        assert inside.wait(TIMEOUT)
        first = Running(app.offline)
        until(lambda: len(app._leaving) == 1)
        second = Running(remove)
        until(lambda: len(app._leaving) == 2)
        assert machine.root.children == (app,)
        with pytest.raises(OSError, match="not online"):
            app.create("late")
        leave.set()
        walking.join()
        first.join()
        assert second.join() is False
        assert machine.root.children == ()


class TestThreads:
    """Adds, removes, walks and cgroups that go, all at once."""

    def test_every_item_goes_once(self) -> None:
        """And each thread sees that it did."""
        machine = sp.Machine(2)
        chain = [machine.root.create("a")]
        for name in "bcd":
            chain.append(chain[-1].create(name))
        lru = sp.ListLru(machine, memcg_aware=True)
        things = [Thing(i) for i in range(2000)]
        before = [sys.getrefcount(thing) for thing in things]
        done = threading.Event()

        def add(part: int) -> int:
            return sum(lru.add(t, t.n % 2, chain[t.n % 4]) for t in things[part::2])

        def remove() -> int:
            gone = 0
            while not done.is_set():
                gone += sum(lru.remove(t) for t in things[::7])
            return gone

        def walk() -> int:
            gone = 0
            while not done.is_set():
                gone += lru.walk_node(0, lambda t: list(LruStatus)[t.n % 6], 50)
                gone += lru.walk_one(1, chain[2], lambda _: LruStatus.REMOVED, 5)
            return gone

        others = [Running(remove), Running(walk), Running(walk)]
        adders = [Running(lambda part=part: add(part)) for part in range(2)]  # type: ignore[misc]
        for memcg in chain[::-1]:
            memcg.offline()
        added = sum(adder.join() for adder in adders)
        done.set()
        gone = sum(other.join() for other in others)
        assert added == len(things)
        assert added - gone == len(lru) == lru.count_one(0) + lru.count_one(1)
        for nid in range(2):
            gone += lru.walk_node(nid, lambda _: LruStatus.REMOVED)
        assert gone == added
        assert [sys.getrefcount(thing) for thing in things] == before


SOURCE = """
#include <shrinkpy/list_lru.h>
#include <shrinkpy/oops.h>
#include <unistd.h>

__typeof__(&sp_oops) oops;
__typeof__(&sp_list_lru_isolate_move) isolate_move;
void (*isolate)(struct list_lru_one *list, struct list_head *item);
enum sp_status (*take)(struct machine *m, struct sp_lock *l, unsigned int how, int subclass,
               const char *where);
enum sp_status (*give)(struct machine *m, struct sp_lock *l);

struct job {
    struct machine *machine;
    long calls;
    void *last; /* PyObject * of the last item */
};

enum lru_status drop_and_retry(struct list_head *item, struct list_lru_one *list, struct sp_lock *lock,
                   void *arg)
{
    struct job *job = arg;

    job->last = ((void **)(item + 1))[0];
    isolate(list, item);
    give(job->machine, lock);
    job->calls++;
    take(job->machine, lock, SP_LOCK_WAIT, 0, 0);
    return LRU_REMOVED_RETRY;
}

volatile int away, back;

/* Moved to a list of its own, and then anybody has the lock until back says so. */
enum lru_status move_and_wait(struct list_head *item, struct list_lru_one *list, struct sp_lock *lock,
                  void *arg)
{
    struct list_head mine = { &mine, &mine };
    struct job *job = arg;

    isolate_move(list, item, &mine);
    give(job->machine, lock);
    away = 1;
    while (!back)
        usleep(100);
    take(job->machine, lock, SP_LOCK_WAIT, 0, 0);
    return LRU_REMOVED_RETRY;
}

/* Nothing was done with it, but anybody had the lock. */
enum lru_status wait_and_retry(struct list_head *item, struct list_lru_one *list, struct sp_lock *lock,
                   void *arg)
{
    struct job *job = arg;

    give(job->machine, lock);
    away = 1;
    while (!back)
        usleep(100);
    take(job->machine, lock, SP_LOCK_WAIT, 0, 0);
    return LRU_RETRY;
}

enum lru_status bug(struct list_head *item, struct list_lru_one *list, struct sp_lock *lock, void *arg)
{
    struct job *job = arg;

    oops(job->machine, "kernel BUG at isolate.c:%d", 42);
}

enum lru_status null(struct list_head *item, struct list_lru_one *list, struct sp_lock *lock, void *arg)
{
    int *volatile nowhere = 0;

    return *nowhere;
}

enum lru_status give_away(struct list_head *item, struct list_lru_one *list, struct sp_lock *lock,
              void *arg)
{
    struct job *job = arg;

    give(job->machine, lock);
    return LRU_SKIP;
}
"""


class Job(ctypes.Structure):
    """struct job."""

    _fields_ = (("machine", ADDRESS), ("calls", ctypes.c_long), ("last", ADDRESS))


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The C callbacks, compiled; what they call of the core is given by address."""
    where = tmp_path_factory.mktemp("native")
    (where / "walks.c").write_text(SOURCE)
    include = Path(__file__).parent.parent / "csrc" / "include"
    command = ["cc", "-std=gnu11", "-shared", "-fPIC", f"-I{include}", "-o", "walks.so", "walks.c"]
    subprocess.run(command, cwd=where, check=True)
    cdll = ctypes.CDLL(str(where / "walks.so"))
    for name, of in (
        ("isolate", "sp_list_lru_isolate"),
        ("isolate_move", "sp_list_lru_isolate_move"),
        ("take", "sp_lock_take"),
        ("give", "sp_lock_give"),
        ("oops", "sp_oops"),
    ):
        here = ADDRESS.from_address(ctypes.cast(getattr(cdll, name), ADDRESS).value or 0)
        symbol = getattr(ctypes.CDLL(_core.__file__), of)
        here.value = ctypes.cast(symbol, ADDRESS).value
    return cdll


class TestNative:
    """A walk callback in C."""

    @pytest.mark.parametrize("how", ["ctypes", "cffi", "address"])
    def test_is_given_as_a_pointer(self, native: ctypes.CDLL, how: str) -> None:
        """Of ctypes, of cffi, or as a number; it gives the lock away and takes it again."""
        machine = sp.Machine()
        lru, things = filled(machine, 5)
        before = sys.getrefcount(things[2])
        job = Job(machine=machine._address)
        function: Any = native.drop_and_retry
        address = ctypes.cast(function, ADDRESS).value
        if how == "cffi":
            function = ffi.cast("list_lru_walk_cb", address)
        elif how == "address":
            function = address
        assert lru.walk_one(0, None, function, 3, cb_arg=ctypes.addressof(job)) == 3
        assert job.calls == 3
        assert job.last == id(things[2])
        after = sys.getrefcount(things[2])
        assert after == before - 1
        assert [thing in lru for thing in things] == [False] * 3 + [True] * 2

    def test_may_leave_taking_off_to_the_walk(self) -> None:
        """A ctypes callback is Python code that runs without a frame of the binding's own."""
        lru, things = filled(sp.Machine(), 4)
        callback = WALK_CB(lambda *_: LruStatus.REMOVED)
        assert lru.walk_node(0, callback, 3) == 3
        assert [thing in lru for thing in things] == [False] * 3 + [True]
        assert lru.count_node() == 1

    def test_may_stop_and_skip(self) -> None:
        """As in Python."""
        lru, _ = filled(sp.Machine(), 3)
        said = [LruStatus.STOP, LruStatus.ROTATE, LruStatus.SKIP]
        callback = WALK_CB(lambda *_: said.pop())
        assert lru.walk_one(0, None, callback) == 0
        script = Script()
        lru.walk_one(0, None, script)
        assert script.seen == [0, 2, 1]

    def test_what_the_kernel_would_die_of_is_an_oops(self, native: ctypes.CDLL) -> None:
        """No status, or the lock is not there."""
        machine = sp.Machine()
        lru, things = filled(machine, 2)
        job = Job(machine=machine._address)
        with pytest.raises(sp.KernelOops, match="BUG"):
            lru.walk_one(0, None, WALK_CB(lambda *_: 6))
        with pytest.raises(sp.KernelOops, match="did not take the lock again"):
            lru.walk_one(0, None, native.give_away, cb_arg=ctypes.addressof(job))
        assert lru.remove(things[0])

    @pytest.mark.parametrize(
        ("function", "says"),
        [("bug", "kernel BUG at isolate.c:42"), ("null", "kernel NULL pointer dereference")],
    )
    def test_an_oops_in_it_ends_the_walk(self, native: ctypes.CDLL, function: str, says: str) -> None:
        """With the lock given back, and the item where it was."""
        machine = sp.Machine()
        lru, things = filled(machine, 2)
        job = Job(machine=machine._address)
        with pytest.raises(sp.KernelOops, match=rf"node 0: {says}"):
            lru.walk_node(0, getattr(native, function), cb_arg=ctypes.addressof(job))
        assert [lru.remove(thing) for thing in things] == [True, True]

    @pytest.mark.parametrize("function", ["move_and_wait", "wait_and_retry"])
    def test_while_it_gave_the_lock_away_its_item_may_be_removed(
        self, native: ctypes.CDLL, function: str
    ) -> None:
        """The item goes once, and with it its reference."""
        machine = sp.Machine()
        lru, things = filled(machine, 1)
        before = sys.getrefcount(things[0])
        away, back = (ctypes.c_int.in_dll(native, name) for name in ("away", "back"))
        away.value = back.value = 0
        job = Job(machine=machine._address)
        callback = getattr(native, function)
        walking = Running(lambda: lru.walk_one(0, None, callback, cb_arg=ctypes.addressof(job)))
        until(lambda: bool(away.value))
        assert lru.remove(things[0])
        back.value = 1
        assert walking.join() == 0
        after = sys.getrefcount(things[0])
        assert (len(lru), after) == (0, before - 1)
        assert not lru.remove(things[0])
        assert lru.add(things[0])

    def test_refuses_what_is_no_callback(self) -> None:
        """Before anything is done."""
        lru: Any = filled(sp.Machine(), 1)[0]
        with pytest.raises(TypeError, match="a callable or a C function"):
            lru.walk_one(0, None, "x")
        with pytest.raises(TypeError, match="a callable or a C function"):
            lru.walk_node(0, True)
        with pytest.raises(ValueError, match="address of a walk callback"):
            lru.walk_node(0, 0)
        with pytest.raises(TypeError, match="nr_to_walk must be an int"):
            lru.walk_node(0, print, 1.5)
        with pytest.raises(ValueError, match="nr_to_walk must be 0"):
            lru.walk_node(0, print, -1)
