# SPDX-License-Identifier: GPL-2.0-only
"""Every class of exception, at every position where a callback can raise it."""

from __future__ import annotations

import contextlib
import ctypes
import enum
import gc
import operator
import random
import signal
import subprocess
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds import (
    BUILTIN,
    EVERY,
    RAISING,
    RESULTS,
    SETTING,
    BoomError,
    Fault,
    FrozenError,
    Index,
    Interrupted,
    Kind,
    Shy,
    throw,
)
from positions import (
    KEPT,
    MOST_MACHINES,
    Action,
    Fail,
    Part,
    Pass,
    Reclaim,
    Say,
    Scene,
    Stage,
    contexts,
    foretell,
    is_of_the_pass,
)
from support import (
    TIMEOUT,
    Cache,
    Doing,
    Held,
    Log,
    Running,
    native_pass,
    register,
    registered,
    survives,
    warned,
)

import shrinkpy as sp
from shrinkpy.control import SHRINK_EMPTY, SHRINK_STOP
from shrinkpy.core import call, ffi, lib

MEMCG = sp.Flags.MEMCG_AWARE


class Color(enum.IntEnum):
    RED = 100


# ---- every position -------------------------------------------------------------------------------


Position = Callable[[Callable[[], Fault]], Scene]
"""Gives the scene in which it fails there; each call of its argument is one failure more."""

POSITIONS: dict[str, tuple[Position, str]] = {}


def position(where: str) -> Callable[[Position], Position]:
    def note(make: Position) -> Position:
        POSITIONS[make.__name__] = make, where
        return make

    return note


def three(part: Part, *, at: int = 1, **scene: Any) -> Scene:
    """The part among honest ones, and a second pass to see that nothing is left of the first."""
    parts = [Part("first"), Part("last")]
    parts.insert(at, part)
    passes = scene.pop("passes", [Pass()])
    return Scene(parts, [*passes, passes[0]], **scene)


IN_APP = [Pass(in_app=True)]


@position("count")
def count_of_the_only_one(fault: Callable[[], Fault]) -> Scene:
    return Scene([Part("s", counts=(Fail(fault()),))], [Pass(), Pass()])


for which, at in (("first", 0), ("middle", 1), ("last", 2)):

    def count_of_three(fault: Callable[[], Fault], at: int = at) -> Scene:
        return three(Part("s", counts=(Fail(fault()),)), at=at)

    count_of_three.__name__ = f"count_of_the_{which}_of_three"
    position("count")(count_of_three)

# 130 objects are asked for, 25 in a call: five calls.
for which, n in (("first", 1), ("second", 2), ("last", 5)):

    def scan_of_five(fault: Callable[[], Fault], n: int = n) -> Scene:
        return three(Part("s", scans=(*[Say(20)] * (n - 1), Fail(fault()))))

    scan_of_five.__name__ = f"{which}_scan_of_five"
    position("scan")(scan_of_five)

    def scan_in_a_cgroup(fault: Callable[[], Fault], n: int = n) -> Scene:
        return three(Part("s", scans=(*[Say(20)] * (n - 1), Fail(fault()))), aware=True, passes=IN_APP)

    scan_in_a_cgroup.__name__ = f"{which}_scan_of_five_in_a_cgroup"
    position("scan")(scan_in_a_cgroup)


@position("count")
def count_at_a_low_priority(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=(Fail(fault()),)), passes=[Pass(priority=12)])


@position("count")
def count_in_a_cgroup(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=(Fail(fault()),)), aware=True, passes=IN_APP)


@position("count")
def count_of_a_memcg_aware_one_in_a_global_pass(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=(Fail(fault()),)), aware=True)


@position("count")
def second_count_after_empty(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=(Say(SHRINK_EMPTY), Fail(fault()))), aware=True, passes=IN_APP)


@position("scan")
def scan_after_empty(fault: Callable[[], Fault]) -> Scene:
    part = Part("s", counts=(Say(SHRINK_EMPTY),), scans=(Say(7), Fail(fault())))
    return three(part, aware=True, passes=IN_APP)


@position("count")
def both_counts_of_two_passes(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=(Fail(fault()), Fail(fault()))))


def nested(
    depth: int, inner: Action, then: Action | None = None, *, catch: bool = False, which: Pass | None = None
) -> tuple[Action, ...]:
    """Counts of a shrinker that reclaims in its count until depth, and does inner there."""
    again = Reclaim(which or Pass(), then or Say(100), catch)
    return (*[again] * (depth - 1), inner)


for depth in range(1, 9):

    def count_at_depth(fault: Callable[[], Fault], depth: int = depth) -> Scene:
        return three(Part("s", counts=nested(depth, Fail(fault()))))

    count_at_depth.__name__ = f"count_at_depth_{depth}"
    position("count")(count_at_depth)


@position("count")
def count_at_depth_3_and_in_each_level_above(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=nested(3, Fail(fault()), Fail(fault()))))


@position("count")
def count_at_depth_3_and_above_though_what_ends_a_pass_is_caught(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=nested(3, Fail(fault()), Fail(fault()), catch=True)))


@position("count")
def count_at_depth_2_where_what_ends_a_pass_is_caught(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", counts=nested(2, Fail(fault()), catch=True)))


@position("count")
def count_at_depth_8_of_a_cgroup(fault: Callable[[], Fault]) -> Scene:
    return three(
        Part("s", counts=nested(8, Fail(fault()), which=Pass(in_app=True))), aware=True, passes=IN_APP
    )


@position("scan")
def scan_in_a_pass_in_a_scan(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", scans=(Say(25), Reclaim(Pass(), Say(25)), Say(25), Fail(fault()))))


@position("scan")
def scan_in_a_pass_in_a_scan_and_then_that_one(fault: Callable[[], Fault]) -> Scene:
    return three(Part("s", scans=(Reclaim(Pass(), Fail(fault())), Fail(fault()))))


@position("count")
def count_on_another_machine(fault: Callable[[], Fault]) -> Scene:
    scene = three(Part("s", counts=(Reclaim(Pass(machine=1), Say(100)),)))
    scene.parts += [Part("t", counts=(Fail(fault()),), machine=1), Part("u", machine=1)]
    return scene


@position("scan")
def scan_on_another_machine_and_then_count_on_the_first(fault: Callable[[], Fault]) -> Scene:
    there = Part("t", scans=(Say(5), Fail(fault())), machine=1)
    scene = three(Part("s", counts=(Reclaim(Pass(machine=1), Say(7), catch=True),), scans=(Fail(fault()),)))
    scene.parts += [there, Part("u", machine=1)]
    return scene


@position("count")
def count_on_the_first_machine_below_another_one(fault: Callable[[], Fault]) -> Scene:
    scene = three(Part("s", counts=(Reclaim(Pass(machine=1), Say(100)), Fail(fault()))))
    scene.parts.append(Part("t", counts=(Reclaim(Pass(), Say(50)),), machine=1))
    return scene


# ---- how it has to end ----------------------------------------------------------------------------


def as_foretold(scene: Scene) -> None:
    """Play the scene, and hold every pass of it against what the oracle says."""
    with Stage(scene) as stage:
        for which, foretold in zip(scene.passes, foretell(scene), strict=True):
            real = stage.outcome(which)
            assert real.calls == foretold.calls
            assert real.states == foretold.states
            assert real.freed == (None if foretold.fatal else foretold.freed)
            raises_what_was_raised(real.error, foretold.kept, foretold.fatal)
            last = stage.machines[which.machine].last_pass
            assert last is not None
            errors = list(last.exceptions)
            if foretold.fatal:
                assert errors.pop() is real.fatal
            are(errors, foretold.kept[: KEPT - bool(foretold.fatal)])
            stage.holds_together()


def are(errors: list[BaseException], faults: list[Fault]) -> None:
    """These were raised, in this order, in the callbacks."""
    assert len(errors) == len(faults)
    for error, fault in zip(errors, faults, strict=True):
        is_(error, fault)


def is_(error: BaseException | None, fault: Fault) -> None:
    """This was raised, and its traceback leads into the callback."""
    assert fault.is_in(error), (type(error), fault)
    assert error is not None
    names = [frame.f_code.co_name for frame, _line in traceback.walk_tb(error.__traceback__)]
    if not fault.kind.lazy:
        assert {"count_objects", "scan_objects"} & set(names[: names.index("strike")])


def raises_what_was_raised(error: BaseException | None, kept: list[Fault], fatal: Fault | None) -> None:
    """Itself, a group of them, or the one that ended the pass in the context of the others."""
    if fatal is not None:
        is_(error, fatal)
        if kept:
            is_all_of(earlier(error, kept), kept)
    elif kept:
        is_all_of(error, kept)
    else:
        assert error is None


def earlier(fatal: BaseException | None, kept: list[Fault]) -> BaseException | None:
    """What of the contexts of fatal stands for those that came before it in its pass."""
    chain = contexts(fatal)[1:]
    if len(kept) == 1:
        return next((error for error in chain if kept[0].is_in(error)), None)
    return next((error for error in reversed(chain) if is_of_the_pass(error)), None)


def is_all_of(error: BaseException | None, kept: list[Fault]) -> None:
    """The one, or a group of the first 16 that says how many there were."""
    if len(kept) == 1:
        is_(error, kept[0])
        return
    assert isinstance(error, BaseExceptionGroup)
    are(list(error.exceptions), kept[:KEPT])
    plain = all(issubclass(fault.kind.error, Exception) for fault in kept[:KEPT])
    assert isinstance(error, ExceptionGroup) == plain
    told = f"{len(kept)} exceptions in callbacks of one pass"
    dropped = len(kept) - KEPT
    assert error.message == (told if dropped <= 0 else f"{told}, {dropped} of them not kept")


@contextlib.contextmanager
def named(where: str) -> Iterator[None]:
    """Say where it was that a test failed."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"at {where}")
        raise


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[tuple[BaseException, object]]:
    """What sys.unraisablehook got."""
    got: list[tuple[BaseException, object]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: got.append((args.exc_value, args.object)))
    return got


FEW = (
    *(
        "count_of_the_middle_of_three",
        "second_count_after_empty",
        "count_at_depth_8",
        "count_on_another_machine",
    ),
    *("first_scan_of_five", "last_scan_of_five_in_a_cgroup", "scan_after_empty"),
    "scan_in_a_pass_in_a_scan_and_then_that_one",
)
"""Positions for those that differ only in what comes of one call."""
DEEP = ("count_at_depth_3", "count_at_depth_4", "count_at_depth_5", "count_at_depth_6", "count_at_depth_7")


def fitting(kind: Kind) -> Iterator[tuple[str, Scene]]:
    """The positions at which it may be raised, and their scenes."""
    for name, (make, where) in POSITIONS.items():
        few = kind.name in RESULTS or kind.name in SETTING
        left_out = name not in FEW if few else kind.name in BUILTIN and name in DEEP
        scene = make(lambda: Fault(kind))
        if not left_out and kind.where in (None, where) and scene.nr_machines <= MOST_MACHINES:
            yield name, scene


def parametrized(kinds: Iterable[Kind]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.name)


def wrong_in(where: str) -> list[Kind]:
    """The kinds that this callback can fail in."""
    return [kind for kind in EVERY.values() if kind.where in (None, where)]


every_kind = parametrized(EVERY.values())
every_raising_kind = parametrized([*RAISING.values(), BUILTIN["KeyboardInterrupt"], BUILTIN["OSError"]])


class TestEverywhere:
    """Alone, at every position: the turn ends, the pass goes on or ends, and the call raises it."""

    @every_kind
    def test_in_a_pass(self, kind: Kind) -> None:
        for name, scene in fitting(kind):
            with named(name):
                as_foretold(scene)


class TestDebugfs:
    """count and scan of debugfs are no passes, but what their callbacks raise is raised all the same."""

    @staticmethod
    def call(function: Any, *args: Any) -> int:
        """A function of lib that runs callbacks."""
        return int(call(function, *args))

    @staticmethod
    def text(text: Any) -> str | None:
        if text[0] == ffi.NULL:
            return None
        read = ffi.string(text[0]).decode()
        lib.sp_text_free(text)
        return read

    def count(self, shrinker: sp.RegisteredShrinker, fault: Fault | None) -> str | None:
        """The text of count, and that it raised the fault."""
        text, length = ffi.new("char **"), ffi.new("size_t *")
        if fault is None:
            assert self.call(lib.sp_debugfs_count, shrinker._live(), text, length) == lib.SP_OK
        else:
            with pytest.raises(BaseException) as caught:  # noqa: PT011 - is_() says which
                self.call(lib.sp_debugfs_count, shrinker._live(), text, length)
            is_(caught.value, fault)
        return self.text(text)

    @parametrized(wrong_in("count"))
    def test_count(self, kind: Kind) -> None:
        fault = Fault(kind)
        part = Part("s", counts=(Say(1), Fail(fault)))
        with Stage(Scene([part], aware=True)) as stage:
            machine, shrinker = stage.machines[0], stage.shrinkers["s"]
            stage.apps[0].create("below")
            before = stage.state(0)
            lines = ["1 1\n", "2 100\n", "3 100\n"]
            # Of the cgroup that fails nothing is told, of all three if the call was ended.
            assert self.count(shrinker, fault) == (None if kind.fatal else lines[0] + lines[2])
            assert len(stage.calls) == (2 if kind.fatal else 3)
            assert self.count(shrinker, None) == "".join(["1 100\n", *lines[1:]])
            assert (stage.state(0), machine.last_pass, machine.slabs_scanned) == (before, None, 0)
            assert (machine.lost_exceptions, lib.sp_pass_depth(machine._pointer)) == ([], 0)

    @parametrized(wrong_in("scan"))
    def test_scan(self, kind: Kind) -> None:
        fault = Fault(kind)
        part = Part("s", scans=(Fail(fault),))
        with Stage(Scene([part])) as stage:
            machine, pointer = stage.machines[0], stage.shrinkers["s"]._live()
            written, before = ffi.new("size_t *"), stage.state(0)
            with pytest.raises(BaseException) as caught:  # noqa: PT011 - is_() says which
                self.call(lib.sp_debugfs_scan, pointer, b"0 0 5", 5, written)
            is_(caught.value, fault)
            assert self.call(lib.sp_debugfs_scan, pointer, b"0 0 5", 5, written) == lib.SP_OK
            assert len(stage.calls) == 2
            assert (stage.state(0), machine.last_pass, machine.slabs_scanned) == (before, None, 0)
            stage.holds_together()

    @pytest.mark.parametrize("name", ["ordinary", "no_exception", "fatal_subclass", "returns_None"])
    def test_in_a_callback_of_a_pass(self, machine: sp.Machine, name: str) -> None:
        kind, after = EVERY[name], Cache(7)
        fault = Fault(kind)
        scanned = Doing(scan=lambda sc: fault.strike(sc) if len(scanned.asked) == 1 else 0, objects=0)
        done: list[int] = []

        def count(_sc: sp.ShrinkControl) -> int:
            pointer, written = shrinkers[1]._live(), ffi.new("size_t *")
            done.append(self.call(lib.sp_debugfs_scan, pointer, b"0 0 5", 5, written))
            return 0

        outer = Doing(count=count)
        with registered(machine, outer, scanned, after) as shrinkers:
            with pytest.raises(BaseException) as caught:  # noqa: PT011 - below
                machine.shrink_slab(priority=0)
            assert fault.is_in(caught.value)
        # What ends a pass ends both; else the call itself was good.
        assert done == ([] if kind.fatal else [lib.SP_OK])
        assert after.counts == (0 if kind.fatal else 1)


class TestCall:
    """core.call(): a function of lib raises what its callbacks raised, as shrink_slab() does."""

    @staticmethod
    def shrink_slab(machine: sp.Machine) -> int:
        out = ffi.new("struct sp_pass *")
        root = machine.root._pointer
        return int(call(lib.sp_shrink_slab, machine._pointer, sp.Gfp.KERNEL, 0, root, 0, out))

    @pytest.mark.parametrize("names", [("ordinary",), ("ordinary", "no_exception"), ("returns_None",) * 20])
    @pytest.mark.parametrize("fatal", [None, "SystemExit", "made_by_a_constructor_that_is_interrupted"])
    def test_a_pass(self, names: tuple[str, ...], fatal: str | None) -> None:
        kept = [Fault(EVERY[name]) for name in names]
        ends = Fault(EVERY[fatal]) if fatal else None
        faults = [*kept, *([ends] if ends else [])]
        scene = Scene([Part(f"s{i}", counts=(Fail(fault),)) for i, fault in enumerate(faults)])
        scene.parts.append(Part("last"))
        with Stage(scene) as stage:
            machine = stage.machines[0]
            error: BaseException | None = None
            try:
                self.shrink_slab(machine)
            except BaseException as raised:
                error = raised
            raises_what_was_raised(error, kept, ends)
            assert stage.calls == foretell(scene)[0].calls
            assert machine.last_pass is None
            assert self.shrink_slab(machine) == lib.SP_OK
            stage.holds_together()

    def test_in_a_callback_it_raises_what_ends_a_pass_and_leaves_the_others_to_the_outermost(
        self, machine: sp.Machine
    ) -> None:
        boom, done = BoomError(), []
        with sp.Machine() as other:
            there = Doing(count=lambda _sc: throw(boom if there.counts == 1 else Interrupted()))

            def count(_sc: sp.ShrinkControl) -> int:
                done.append(self.shrink_slab(other))
                with pytest.raises(Interrupted):
                    self.shrink_slab(other)
                return 0

            with register(other, there), register(machine, Doing(count=count)):
                with pytest.raises(BoomError) as caught:
                    machine.shrink_slab()
                assert caught.value is boom
                assert done == [lib.SP_OK]
            assert other.lost_exceptions == machine.lost_exceptions == []

    def test_what_the_call_itself_raises_comes_with_it(self, machine: sp.Machine) -> None:
        def fails() -> None:
            native_pass(machine)
            raise LookupError

        failing = Doing(count=lambda _sc: throw(BoomError()))
        with register(machine, failing), pytest.raises(ExceptionGroup) as caught:
            call(fails)
        assert [type(error) for error in caught.value.exceptions] == [BoomError, LookupError]

    @pytest.mark.parametrize("arguments", [(), (5,), (lib.sp_shrink_slab,), (lib.sp_shrink_slab, 1, 2)])
    def test_what_cannot_be_called(self, arguments: tuple[Any, ...]) -> None:
        with pytest.raises(TypeError):
            call(*arguments)


# ---- nobody who could raise it --------------------------------------------------------------------

SOURCE = """
#include <pthread.h>
#include <signal.h>

struct job {
	int (*shrink_slab)(void *, unsigned int, int, void *, int, void *);
	void *machine, *memcg, *out;
	int status;
};

static void *work(void *data)
{
	struct job *j = data;

	j->status = j->shrink_slab(j->machine, 0xcc0, 0, j->memcg, 0, j->out);
	return 0;
}

/* A thread that Python never saw makes one pass. */
int run(void *shrink_slab, void *machine, void *memcg, void *out)
{
	struct job j = { shrink_slab, machine, memcg, out, -1 };
	pthread_t thread;

	if (pthread_create(&thread, 0, work, &j))
		return -1;
	pthread_join(thread, 0);
	return j.status;
}

/* A callback after which a handler of Python is due. */
unsigned long raise_alarm(void *data, void *sc)
{
	raise(SIGALRM);
	return 0;
}
"""

MAIN_ONLY = ("signal_handler", "ctrl_c")
"""Signal handlers run in the main thread, wherever the signal came from."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The C of this file, compiled."""
    where = tmp_path_factory.mktemp("native")
    (where / "native.c").write_text(SOURCE)
    command = ["cc", "-shared", "-fPIC", "-pthread", "-o", str(where / "native.so"), str(where / "native.c")]
    subprocess.run(command, check=True)
    return str(where / "native.so")


@pytest.fixture(scope="module")
def pthread(library: str) -> Callable[..., tuple[int, Any]]:
    """A pass in a thread made by C: gives status and struct sp_pass."""
    run = ctypes.CDLL(library).run
    run.argtypes = [ctypes.c_void_p] * 4

    def do(machine: sp.Machine, memcg: sp.MemCgroup | None = None) -> tuple[int, Any]:
        out = ffi.new("struct sp_pass *")
        shrink_slab = ffi.addressof(lib, "sp_shrink_slab")
        pointers = shrink_slab, machine._pointer, (memcg or machine.root)._pointer, out
        return run(*(int(ffi.cast("uintptr_t", each)) for each in pointers)), out

    return do


Unraisable = list[tuple[BaseException, object]]


class TestNativeThread:
    """A pass of a thread that Python never saw: machine.lost_exceptions, and sys.unraisablehook."""

    @pytest.mark.parametrize(
        ("where", "kind"),
        [(w, k) for w in ("count", "scan") for k in wrong_in(w) if k.name not in MAIN_ONLY],
        ids=lambda each: each if isinstance(each, str) else each.name,
    )
    def test_they_are_lost_but_kept(
        self, where: str, kind: Kind, pthread: Callable[..., tuple[int, Any]], unraisable: Unraisable
    ) -> None:
        fault = Fault(kind)
        scene = three(Part("s", **{f"{where}s": (Fail(fault),)}))
        with Stage(scene) as stage:
            machine = stage.machines[0]
            foretold = foretell(scene)[0]
            stage.calls.clear()
            status, done = pthread(machine)
            assert status == (lib.SP_ABORTED if kind.fatal else lib.SP_OK)
            assert stage.calls == foretold.calls
            assert foretold.states[0].last == (
                done.freed, done.freeable, done.scanned, done.deferred, done.nr_counts, done.nr_scans
            )  # fmt: skip
            assert stage.state(0).deferred == foretold.states[0].deferred
            are(machine.lost_exceptions, [fault])
            assert [value for value, _object in unraisable] == machine.lost_exceptions
            assert unraisable[0][1] is stage.actors["s"]
            assert machine.last_pass is None
            machine.lost_exceptions.clear()
            stage.holds_together()

    def test_many_are_all_kept(
        self, machine: sp.Machine, pthread: Callable[..., tuple[int, Any]], unraisable: Unraisable
    ) -> None:
        booms = [BoomError(i) for i in range(40)]
        caches = [Doing(count=lambda _sc, boom=boom: throw(boom)) for boom in booms]
        with registered(machine, *caches):
            assert pthread(machine)[0] == lib.SP_OK
        assert machine.lost_exceptions == booms
        assert unraisable == list(zip(booms, caches, strict=True))

    def test_in_a_cgroup(
        self, machine: sp.Machine, pthread: Callable[..., tuple[int, Any]], unraisable: Unraisable
    ) -> None:
        app, boom = machine.root.create("app"), BoomError()
        empty = iter([sp.CountObjects.EMPTY])
        with register(machine, Doing(count=lambda _sc: next(empty, None) or throw(boom)), flags=MEMCG) as s:
            s.set_bit(app)
            status, done = pthread(machine, app)
            assert (status, done.nr_counts) == (lib.SP_OK, 2)
            assert lib.sp_peek_bit(app._pointer, 0, 0)
        assert machine.lost_exceptions == [boom]

    def test_a_pass_of_python_in_its_callback_raises_there(
        self, machine: sp.Machine, pthread: Callable[..., tuple[int, Any]], unraisable: Unraisable
    ) -> None:
        boom, caught = BoomError(), []

        def count(_sc: sp.ShrinkControl) -> int:
            if outer.counts == 1:
                with pytest.raises(BoomError) as raised:
                    machine.shrink_slab()
                caught.append(raised.value)
            return 0

        outer = Doing(count=count)
        inner = Doing(count=lambda _sc: throw(boom) if inner.counts == 1 else 0)
        with registered(machine, outer, inner):
            assert pthread(machine)[0] == lib.SP_OK
        assert caught == [boom]
        assert (machine.lost_exceptions, unraisable) == ([], [])

    def test_a_hook_that_raises_loses_nothing_of_it(
        self,
        machine: sp.Machine,
        pthread: Callable[..., tuple[int, Any]],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(sys, "unraisablehook", lambda _args: throw(LookupError("in the hook")))
        booms, after = [BoomError(i) for i in range(3)], Cache(7)
        with registered(machine, *(Doing(count=lambda _sc, b=b: throw(b)) for b in booms), after):
            status, done = pthread(machine)
        assert (status, done.freed) == (lib.SP_OK, 7)
        assert machine.lost_exceptions == booms
        assert "in the hook" in capsys.readouterr().err


class TestDrop:
    """What from_foreign() raises where the core frees by itself: lost, but kept; the rest is done."""

    @staticmethod
    def owner(fault: Fault, done: list[str]) -> Log:
        """An owner of a cache that will not have it back."""

        class Stubborn(Log):
            @staticmethod
            def from_foreign(foreign: Any, /) -> object:
                Log.from_foreign(foreign)
                return fault.strike(None)

        return Stubborn(Cache(), done)

    @staticmethod
    def are_lost(machine: sp.Machine, unraisable: Unraisable, *faults: Fault) -> None:
        assert len(machine.lost_exceptions) == len(faults)
        assert all(fault.is_in(e) for e, fault in zip(machine.lost_exceptions, faults, strict=True))
        assert [value for value, _object in unraisable] == machine.lost_exceptions

    @every_raising_kind
    def test_close_raises_it(self, machine: sp.Machine, kind: Kind, unraisable: Unraisable) -> None:
        fault, done = Fault(kind), []
        shrinker = register(machine, self.owner(fault, done))
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - below
            shrinker.close()
        assert fault.is_in(caught.value)
        assert (shrinker.closed, done.count("from_foreign")) == (True, 1)
        assert machine.ledger.shrinker == 0
        shrinker.close()
        self.are_lost(machine, unraisable)

    @every_raising_kind
    def test_the_machines_close(self, kind: Kind, unraisable: Unraisable) -> None:
        machine, faults, done = sp.Machine(), [Fault(kind), Fault(kind)], []
        owners = [self.owner(faults[0], done), Log(Cache(), done), self.owner(faults[1], done)]
        shrinkers = [register(machine, owner, f"s{i}") for i, owner in enumerate(owners)]
        with warned("was still registered", times=3):
            machine.close()
        assert machine.closed
        assert all(shrinker.closed for shrinker in shrinkers)
        assert done.count("from_foreign") == 3
        assert machine.ledger.shrinker == 0
        self.are_lost(machine, unraisable, *faults)

    @every_raising_kind
    def test_a_finalizer(self, machine: sp.Machine, kind: Kind, unraisable: Unraisable) -> None:
        fault, done = Fault(kind), []
        shrinker = register(machine, self.owner(fault, done))
        with warned("was still registered when its last handle went"):
            del shrinker
        assert done.count("from_foreign") == 1
        assert machine.ledger.shrinker == 0
        self.are_lost(machine, unraisable, fault)

    @pytest.mark.parametrize("name", ["ordinary", "no_exception", "fatal_subclass", "odd", "frozen"])
    @pytest.mark.parametrize("native", [False, True])
    def test_the_end_of_another_threads_pass(
        self,
        machine: sp.Machine,
        name: str,
        native: bool,
        pthread: Callable[..., tuple[int, Any]],
        unraisable: Unraisable,
    ) -> None:
        fault, done, held = Fault(EVERY[name]), [], Held()
        owner = self.owner(fault, done)
        owner.value = held
        shrinker = register(machine, owner)
        passing = Running(lambda: pthread(machine)[0] if native else machine.shrink_slab())
        assert held.entered.wait(TIMEOUT)
        with warned("was still registered when its last handle went"):
            del shrinker
        assert "from_foreign" not in done
        held.leave.set()
        assert passing.join() == 0  # and raises nothing
        assert done.count("from_foreign") == 1
        assert machine.ledger.shrinker == 0
        self.are_lost(machine, unraisable, fault)

    def test_an_undone_register_raises_the_first_one(
        self, machine: sp.Machine, unraisable: Unraisable
    ) -> None:
        fault = Fault(EVERY["ordinary"])

        class Stubborn(type(self.owner(fault, []))):  # type: ignore[misc] - a base made at run time
            @staticmethod
            def borrow(foreign: Any, /) -> object:
                raise LookupError("not lent")

        unregistered = sp.UnregisteredShrinker.alloc("s", machine=machine)
        with unregistered, pytest.raises(LookupError, match="not lent"):
            unregistered.register(Stubborn(Cache(), []))
        self.are_lost(machine, unraisable, fault)


# ---- several at once ------------------------------------------------------------------------------

SOME = [
    EVERY[name]
    for name in (
        *("ordinary", "no_exception", "group", "group_with_an_interrupt", "odd", "frozen", "its_own_context"),
        *(
            "made_by_who_takes_it",
            "made_of_the_wrong_arguments",
            "MemoryError",
            "StopIteration",
            "pytest_fail",
        ),
        *("returns_None", "returns_-1", "nr_scanned_-1", "raised_before"),
    )
]
SOME_FATAL = [
    EVERY[name]
    for name in (
        "fatal_subclass",
        "SystemExit",
        "generator_exit_let_out",
        "made_by_a_constructor_that_is_interrupted",
    )
]


@st.composite
def faults(draw: st.DrawFn, *, fatal: int = 5) -> Fault:
    """One of the kinds; one in so many ends the pass."""
    ends = draw(st.integers(0, fatal)) == fatal
    return Fault(draw(st.sampled_from(SOME_FATAL if ends else SOME)))


@st.composite
def many(draw: st.DrawFn) -> Scene:
    """Up to 40 failures in one pass."""
    n = draw(st.integers(1, 40))
    kept = draw(st.integers(0, 3)) > 0  # mostly without anything that ends it early
    drawn = [draw(faults(fatal=10**6 if kept else 8)) for _ in range(n)]
    where = [draw(st.sampled_from(["counts", "scans"])) for _ in range(n)]
    honest = draw(st.lists(st.integers(0, n), max_size=4))
    parts = [Part(f"s{i}", **{w: (Fail(f),)}) for i, (f, w) in enumerate(zip(drawn, where, strict=True))]
    for i in sorted(honest, reverse=True):
        parts.insert(i, Part(f"honest{len(parts)}"))
    in_app = draw(st.booleans())
    return Scene(parts, [Pass(in_app=in_app)] * 2, aware=in_app or draw(st.booleans()))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Anything: failures in any call of any of several shrinkers, in passes nested anyhow."""
    aware = draw(st.booleans())
    nr_machines = draw(st.integers(1, MOST_MACHINES))
    pool: list[Fault] = []  # some objects are raised more than once
    nested = [0]

    def fault() -> Fault:
        if pool and draw(st.integers(0, 3)) == 0:
            return draw(st.sampled_from(pool))
        pool.append(draw(faults()))
        return pool[-1]

    def which() -> Pass:
        return Pass(
            draw(st.integers(0, nr_machines - 1)),
            aware and draw(st.booleans()),
            draw(st.sampled_from([0, 1, 3])),
        )

    def action(callback: str) -> Action:
        said = [0, 7, 50, SHRINK_EMPTY] if callback == "count" else [0, 7, SHRINK_STOP]
        chosen = draw(st.integers(0, 4))
        if chosen < 2:
            return Fail(fault())
        if chosen == 2 and nested[0] < 7:  # not more levels than there may be
            nested[0] += 1
            return Reclaim(which(), action(callback), draw(st.booleans()))
        return Say(draw(st.sampled_from(said)))

    parts = [
        Part(
            f"s{i}",
            tuple(action("count") for _ in range(draw(st.integers(0, 3)))),
            tuple(action("scan") for _ in range(draw(st.integers(0, 3)))),
            objects=draw(st.sampled_from([0, 1, 100, 1000])),
            seeks=draw(st.sampled_from([0, 1, 2, 4, 100])),
            batch=draw(st.sampled_from([0, 50, 1000])),
            deferred=draw(st.sampled_from([-5, 0, 30, 10_000])),
            machine=draw(st.integers(0, nr_machines - 1)) if i else nr_machines - 1,
        )
        for i in range(draw(st.integers(1, 5)))
    ]
    return Scene(parts, [which() for _ in range(draw(st.integers(1, 3)))], aware)


class TestSeveral:
    @given(many())
    def test_up_to_forty_in_one_pass(self, scene: Scene) -> None:
        as_foretold(scene)

    @given(scenes())
    def test_in_any_calls_of_any_passes(self, scene: Scene) -> None:
        as_foretold(scene)

    @given(st.lists(faults(), min_size=1, max_size=20))
    def test_in_a_native_thread(self, pthread: Callable[..., tuple[int, Any]], faults: list[Fault]) -> None:
        got: list[BaseException] = []
        hook, sys.unraisablehook = sys.unraisablehook, lambda args: got.append(args.exc_value)
        try:
            scene = Scene([Part(f"s{i}", counts=(Fail(fault),)) for i, fault in enumerate(faults)])
            with Stage(scene) as stage:
                pthread(stage.machines[0])
                foretold = foretell(scene)[0]
                lost = stage.machines[0].lost_exceptions
                are(lost, [*foretold.kept, *([foretold.fatal] if foretold.fatal else [])])
                assert got == lost
                assert stage.calls == foretold.calls
        finally:
            sys.unraisablehook = hook

    def test_one_object_of_every_shrinker(self) -> None:
        for name in ("ordinary", "no_exception", "odd", "group", "fatal_subclass"):
            with named(name):
                fault = Fault(EVERY[name])
                as_foretold(
                    Scene([Part(f"s{i}", counts=(Fail(fault),) * 2) for i in range(20)], [Pass()] * 3)
                )


# ---- what they were raised in ---------------------------------------------------------------------


def raising(error: BaseException | type[BaseException], first: BaseException | None = None) -> Any:
    """A callback that raises error, in the context of first."""

    def callback(_sc: sp.ShrinkControl) -> int:
        if first is None:
            raise error
        try:
            raise first
        except BaseException:
            raise error  # noqa: B904 - the context is what this is about

    return callback


def raised_by(machine: sp.Machine, *callbacks: Any) -> BaseException:
    """What a pass raises over shrinkers that do these in count."""
    with registered(machine, *(Doing(count=callback) for callback in callbacks)):
        try:
            machine.shrink_slab()
        except BaseException as error:
            return error
    raise AssertionError("it raised nothing")


class TestContext:
    def test_cause_context_and_notes_are_the_callbacks(self, machine: sp.Machine) -> None:
        error = raised_by(machine, Fault(EVERY["with_cause_context_and_notes"]).strike)
        assert (repr(error.__cause__), repr(error.__context__)) == ("ValueError('cause')", "KeyError()")
        assert error.__notes__ == ["a note"]
        assert error.__suppress_context__

    def test_of_the_members_of_a_group_too(self, machine: sp.Machine) -> None:
        firsts = [KeyError(i) for i in range(3)]
        error = raised_by(machine, *(raising(BoomError(), first) for first in firsts))
        assert isinstance(error, ExceptionGroup)
        assert [each.__context__ for each in error.exceptions] == firsts

    def test_the_caller_may_be_handling_another_one(self, machine: sp.Machine) -> None:
        first, handled = KeyError("first"), ValueError("handled")
        try:
            raise handled
        except ValueError:
            error = raised_by(machine, raising(BoomError(), first))
            assert sys.exception() is handled
        assert contexts(error)[1:] == [first, handled]
        assert handled.__context__ is None

    def test_a_group_is_raised_in_the_context_of_what_the_caller_handles(self, machine: sp.Machine) -> None:
        handled = ValueError("handled")
        try:
            raise handled
        except ValueError:
            error = raised_by(machine, raising(BoomError()), raising(BoomError()))
        assert is_of_the_pass(error)
        assert error.__context__ is handled

    @pytest.mark.parametrize("n", [1, 3])
    def test_what_came_before_a_fatal_one_is_in_its_context_and_not_in_what_the_caller_handles(
        self, machine: sp.Machine, n: int
    ) -> None:
        booms, first, handled = [BoomError(i) for i in range(n)], KeyError("first"), ValueError("handled")
        try:
            raise handled
        except ValueError:
            error = raised_by(machine, *map(raising, booms), raising(KeyboardInterrupt(), first))
        chain = contexts(error)
        assert [type(each) for each in chain[:2]] == [KeyboardInterrupt, KeyError]
        group = chain[2]
        assert (list(group.exceptions) if isinstance(group, ExceptionGroup) else [group]) == booms
        assert chain[3:] == [handled]
        assert handled.__context__ is None

    def test_it_may_raise_what_the_caller_handles(self, machine: sp.Machine) -> None:
        handled = ValueError("handled")

        def again(_sc: sp.ShrinkControl) -> int:
            raise  # what the caller handles

        try:
            raise handled
        except ValueError:
            assert raised_by(machine, again) is handled
        assert contexts(handled) == [handled]

    def test_a_fatal_one_whose_context_is_frozen(self, machine: sp.Machine) -> None:
        boom = BoomError()
        fatal = KeyboardInterrupt()
        assert raised_by(machine, raising(boom), raising(fatal, FrozenError())) is fatal
        assert boom in contexts(fatal)

    def test_a_fatal_one_whose_contexts_come_round_again(self, machine: sp.Machine) -> None:
        boom, other, fatal = BoomError(), KeyError(), KeyboardInterrupt()
        fatal.__context__, other.__context__ = other, fatal
        assert raised_by(machine, raising(boom), raising(fatal)) is fatal
        assert boom in contexts(fatal)

    @pytest.mark.parametrize("n", [1, 3])
    def test_earlier_ones_raised_in_the_context_of_the_fatal_one(self, machine: sp.Machine, n: int) -> None:
        fatal, booms = KeyboardInterrupt(), [BoomError(i) for i in range(n)]
        assert raised_by(machine, *(raising(boom, fatal) for boom in booms), raising(fatal)) is fatal
        if n == 1:
            assert contexts(fatal) == [fatal, *booms]
        # No ring of contexts was made: Python itself takes care not to.
        assert contexts(fatal)[-1].__context__ is None
        assert len(traceback.format_exception(fatal)) < 100

    def test_two_fatal_ones_of_which_a_call_of_lib_in_between_cannot_raise_the_first(
        self, machine: sp.Machine
    ) -> None:
        first, second = KeyboardInterrupt("first"), SystemExit("second")
        with sp.Machine() as other, register(other, Doing(count=raising(first))):

            def count(_sc: sp.ShrinkControl) -> int:
                native_pass(other)
                raise second

            error = raised_by(machine, count)
        assert machine.last_pass is not None
        told = [*contexts(error), *machine.last_pass.exceptions, *other.lost_exceptions]
        assert second in told
        assert first in told

    def test_in_a_generator_that_is_closed(self, machine: sp.Machine) -> None:
        boom = BoomError()

        def reclaims() -> Iterator[None]:
            try:
                yield
            finally:
                machine.shrink_slab()

        with register(machine, Doing(count=raising(boom))):
            each = reclaims()
            next(each)
            with pytest.raises(BoomError) as caught:
                each.close()
        assert [type(error) for error in contexts(caught.value)] == [BoomError, GeneratorExit]

    def test_stop_iteration_out_of_a_generator(self, machine: sp.Machine) -> None:
        stop = StopIteration(5)

        def reclaims() -> Iterator[int]:
            yield machine.shrink_slab()

        with register(machine, Doing(count=raising(stop))), pytest.raises(RuntimeError) as caught:
            next(reclaims())
        assert caught.value.__cause__ is stop


class TestResult:
    """What a message says of a result that cannot be."""

    @pytest.mark.parametrize(
        "value",
        [None, True, "5", -1, 2**64, 10**5000, -(10**5000), Shy(), Index(-1), Index(10**5000)],
        ids=["None", "True", "str", "-1", "2**64", "huge", "-huge", "shy", "index_of_-1", "index_of_huge"],
    )
    @pytest.mark.parametrize("where", ["count", "scan"])
    def test_it_names_the_callback(self, machine: sp.Machine, where: str, value: object) -> None:
        returned = pytest.raises((TypeError, ValueError), match=rf"{where}_objects\(\) returned")
        with register(machine, Doing(**{where: lambda _sc: value})), returned:
            machine.shrink_slab(priority=0)

    @pytest.mark.parametrize("value", [-1, 2**64, 10**5000], ids=["-1", "2**64", "huge"])
    def test_it_names_nr_scanned(self, machine: sp.Machine, value: int) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            sc.nr_scanned = value
            return 0

        with register(machine, Doing(scan=scan)), pytest.raises(ValueError, match="nr_scanned must be"):
            machine.shrink_slab(priority=0)

    @pytest.mark.parametrize(
        "value",
        [
            *(sp.CountObjects(100), sp.CountObjects.raw(100), type("Mine", (sp.CountObjects,), {})(100)),
            *(type("Int", (int,), {})(100), Index(100), np.int64(100), np.uint8(100), Color.RED, 100),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_is_an_int_will_do(self, machine: sp.Machine, value: Any) -> None:
        freed = value if not isinstance(value, sp.CountObjects) else sp.ScanObjects(int(value))
        with register(machine, Doing(count=lambda _sc: value, scan=lambda _sc: freed), seeks=4):
            assert machine.shrink_slab(priority=0) == 100

    def test_an_index_that_is_a_subclass_of_int(self, machine: sp.Machine) -> None:
        strict = pytest.raises(DeprecationWarning, match="strict subclass of int")
        with register(machine, Doing(count=lambda _sc: Index(sp.CountObjects(100)))), strict:
            machine.shrink_slab()

    def test_a_callback_in_c_has_no_frame_of_its_own(self, machine: sp.Machine) -> None:
        callbacks = types.SimpleNamespace(count_objects=operator.floordiv, scan_objects=operator.floordiv)
        with register(machine, Cache(), callbacks=callbacks), pytest.raises(TypeError, match="//") as caught:
            machine.shrink_slab()
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names == ["test_a_callback_in_c_has_no_frame_of_its_own"]

    def test_the_end_of_a_result_may_raise(self, machine: sp.Machine, unraisable: Unraisable) -> None:
        class Last(int):
            def __del__(self) -> None:
                raise BoomError

        with register(machine, Doing(count=lambda _sc: Last(100), scan=lambda _sc: Last(50)), seeks=4):
            assert machine.shrink_slab(priority=0) == 50
        assert [type(error) for error, _object in unraisable] == [BoomError, BoomError]
        assert machine.lost_exceptions == []


class TestInterpreter:
    """Exceptions that the interpreter raises in a callback."""

    @pytest.fixture
    def undo(self) -> Iterator[None]:
        """Puts back who traced and who profiled."""
        before = sys.gettrace(), sys.getprofile()
        yield
        sys.settrace(before[0])
        sys.setprofile(before[1])

    @staticmethod
    def hook(cache: Cache, which: str, when: str) -> Any:
        """A function for settrace() and setprofile() that raises once."""

        def hook(frame: types.FrameType, event: str, _arg: object) -> Any:
            if frame.f_code.co_name == which and frame.f_locals.get("self") is cache and event == when:
                raise BoomError(event)
            return hook

        return hook

    @pytest.mark.parametrize("which", ["count_objects", "scan_objects"])
    @pytest.mark.parametrize(
        ("install", "when"),
        [
            *((sys.settrace, when) for when in ("call", "line", "return")),
            *((sys.setprofile, when) for when in ("call", "return")),
        ],
    )
    def test_a_tracing_function_that_raises(
        self, machine: sp.Machine, undo: None, which: str, install: Any, when: str
    ) -> None:
        caches = [Cache(10) for _ in range(3)]
        with registered(machine, *caches):
            install(self.hook(caches[1], which, when))
            try:
                with pytest.raises(BoomError, match=when):
                    machine.shrink_slab(priority=0)
            finally:
                install(None)
            assert machine.last_pass is not None
            # Raised at its return, the scan has freed what nobody was told.
            assert machine.last_pass.freed == 20
            assert (caches[0].objects, caches[2].objects) == (0, 0)

    @pytest.mark.parametrize("when", ["c_call", "c_return", "c_exception"])
    def test_a_profiler_that_raises_round_the_pass_itself(
        self, machine: sp.Machine, undo: None, when: str
    ) -> None:
        boom = BoomError()

        def hook(_frame: object, event: str, function: object) -> None:
            if event == when and getattr(function, "__name__", "") == "shrink_slab":
                raise LookupError(event)

        failing = [Doing(count=raising(boom))] if when == "c_exception" else []
        with registered(machine, *failing, Cache(10)):
            sys.setprofile(hook)
            try:
                with pytest.raises(LookupError, match=when):
                    machine.shrink_slab(priority=0)
            finally:
                sys.setprofile(None)
            last = machine.last_pass
            assert last is None if when == "c_call" else (last is not None and last.freed == 10)
            assert lib.sp_pass_depth(machine._pointer) == 0
            if last is not None:
                assert last.exceptions == ((boom,) if failing else ())

    def test_a_signal_that_interrupts_only_after_the_callback(self, machine: sp.Machine) -> None:
        # The handler of a signal runs between two steps of Python: here, of the next callback.
        before = signal.signal(signal.SIGALRM, lambda *_: throw(BoomError("signal")))
        callbacks = types.SimpleNamespace(
            count_objects=lambda _data, _sc: 100,
            scan_objects=lambda _data, sc: signal.pthread_kill(threading.get_ident(), signal.SIGALRM) or 100,
        )
        after = Cache(7)
        try:
            with register(machine, None, callbacks=callbacks, seeks=4), register(machine, after):
                with pytest.raises(BoomError, match="signal"):
                    machine.shrink_slab(priority=0)
                assert after.counts == 1
                assert lib.sp_pass_depth(machine._pointer) == 0
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_a_signal_that_comes_while_they_are_put_together(self, machine: sp.Machine, library: str) -> None:
        # No callback takes a step of Python after the signal: what puts the group together is next.
        raise_alarm = ctypes.PyDLL(library).raise_alarm
        raise_alarm.argtypes, raise_alarm.restype = [ctypes.py_object] * 2, ctypes.c_ulong
        before = signal.signal(signal.SIGALRM, lambda *_: throw(Interrupted()))
        in_c = [
            types.SimpleNamespace(count_objects=each, scan_objects=each)
            for each in (operator.floordiv, operator.floordiv, raise_alarm)
        ]
        try:
            with contextlib.ExitStack() as stack:
                for callbacks in in_c:
                    stack.enter_context(register(machine, Cache(), callbacks=callbacks))
                with pytest.raises(Interrupted) as caught:
                    machine.shrink_slab()
        finally:
            signal.signal(signal.SIGALRM, before)
        last = machine.last_pass
        assert last is not None
        assert [type(error) for error in last.exceptions] == [TypeError, TypeError]
        told = contexts(caught.value)
        told += [each for error in told if isinstance(error, ExceptionGroup) for each in error.exceptions]
        assert all(any(error is each for each in told) for error in last.exceptions)

    def test_what_the_end_of_a_kept_exception_does(self, machine: sp.Machine) -> None:
        passes: list[int] = []

        class ReclaimingError(BoomError):
            def __del__(self) -> None:
                passes.append(machine.shrink_slab(priority=0))

        failing, cache = (
            Doing(count=lambda _sc: throw(ReclaimingError()) if failing.counts == 1 else 0),
            Cache(10),
        )
        with registered(machine, failing, cache):
            with pytest.raises(ReclaimingError) as caught:
                machine.shrink_slab(priority=0)
            del caught
            gc.collect()
            assert passes == []
            cache.objects = 10
            assert machine.shrink_slab(priority=12) == 0  # which forgets the first pass, and so reclaims
            gc.collect()
            assert passes == [10]

    def test_memory_that_runs_out_anywhere(self) -> None:
        # Each of the next n allocations of Python fails: something is raised, and nothing breaks.
        testcapi = pytest.importorskip("_testcapi")
        assert testcapi.set_nomemory
        out = survives("""
            import _testcapi
            import sys
            import shrinkpy as sp
            from support import registered

            class Failing(sp.Shrinker):
                def count_objects(self, sc):
                    return 10
                def scan_objects(self, sc):
                    raise error

            sys.unraisablehook = lambda args: None
            error = LookupError()
            ended = 0
            for n in range(150):
                with sp.Machine() as machine, registered(machine, *[Failing() for _ in range(3)]):
                    _testcapi.set_nomemory(n, n + 1)
                    try:
                        machine.shrink_slab(priority=0)
                    except (MemoryError, ExceptionGroup):
                        ended += 1
                    finally:
                        _testcapi.remove_mem_hooks()
            print(ended)
        """)
        assert out == "150\n"


class TestThreads:
    def test_each_call_raises_what_its_own_callbacks_raised(self, machine: sp.Machine) -> None:
        me = threading.local()
        kinds = [kind for kind in SOME + SOME_FATAL if kind.where is None]

        class Shared(sp.Shrinker):
            """Fails as the thread says that calls it."""

            def __init__(self, i: int) -> None:
                self.i = i

            def count_objects(self, sc: sp.ShrinkControl) -> Any:
                fault = me.plan.get((self.i, "count"))
                return 10 if fault is None else fault.strike(sc)

            def scan_objects(self, sc: sp.ShrinkControl) -> Any:
                fault = me.plan.get((self.i, "scan"))
                return sc.nr_to_scan if fault is None else fault.strike(sc)

        def work(seed: int) -> int:
            """Rounds of passes; how many of them raised."""
            chance, failed = random.Random(seed), 0
            for _ in range(40):
                where = [(i, chance.choice(["count", "scan"])) for i in range(6) if chance.random() < 0.4]
                me.plan = {at: Fault(chance.choice(kinds)) for at in where}
                faults = list(me.plan.values())
                ends = [i for i, fault in enumerate(faults) if fault.kind.fatal]
                kept, fatal = (faults[: ends[0]], faults[ends[0]]) if ends else (faults, None)
                error: BaseException | None = None
                try:
                    machine.shrink_slab(priority=0)
                except BaseException as raised:
                    error = raised
                    failed += 1
                raises_what_was_raised(error, kept, fatal)
            return failed

        with registered(machine, *map(Shared, range(6))):
            running = [Running(lambda seed=seed: work(seed)) for seed in range(4)]
            assert all(each.join() > 10 for each in running)
        assert machine.lost_exceptions == []
