# SPDX-License-Identifier: GPL-2.0-only
"""All loops over shrink_slab() beside the model's, and what is the same for each of them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from typing import Any

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native import Native
from support import Cache, Doing, Held, Running, register, registered, survives, warned

import shrinkpy as sp
from shrinkpy.reclaim import ReclaimPass

Reclaim = Callable[[sp.Machine], sp.Reclaimed]

# Each asks for more than there is: it goes on to its end.
LOOPS: dict[str, Reclaim] = {
    "drop_slab": lambda machine: machine.drop_slab(),
    "direct": lambda machine: machine.direct_reclaim(10**9),
    "kswapd": lambda machine: machine.kswapd(nr_to_reclaim=10**9),
    "memcg": lambda machine: memory_reclaim(machine.root, 10**9),
}
PASSES = {"drop_slab": 2, "direct": 13, "kswapd": 12, "memcg": 13 * 18}
"""of a cache that gives all it has in one round or try"""


def memory_reclaim(memcg: sp.MemCgroup, nr: int, gfp_mask: int = sp.Gfp.KERNEL) -> sp.Reclaimed:
    """What memory.reclaim did, short or not."""
    try:
        return memcg.reclaim(nr, gfp_mask=gfp_mask)
    except sp.ReclaimShortError as error:
        return error.reclaimed


@pytest.fixture(params=list(LOOPS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each of the loops."""
    return str(request.param)


# ---- beside the model


class Pools:
    """Objects by node and cgroup, some of which do not go; for the core and for the model alike."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.flags = spec["flags"]
        self.pools = dict(spec["pools"])
        self.goes, self.stops_at = spec["goes"], spec["stops_at"]

    def _key(self, sc: Any) -> tuple[int, str]:
        numa, aware = self.flags & sp.Flags.NUMA_AWARE, self.flags & sp.Flags.MEMCG_AWARE
        return (sc.nid if numa else 0, sc.memcg.name if aware else "")

    def count_objects(self, sc: Any) -> Any:
        n = self.pools.get(self._key(sc), 0)
        return sp.CountObjects.raw(n) if n else sp.CountObjects.EMPTY

    def scan_objects(self, sc: Any) -> Any:
        key = self._key(sc)
        there = self.pools.get(key, 0)
        if there <= self.stops_at:
            return sp.ScanObjects.STOP
        freed = min(there, sc.nr_to_scan) * self.goes // 4
        self.pools[key] = there - freed
        return freed


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Nodes, a tree of cgroups, some of them offline, caches in them, and what is to be reclaimed."""
    nodes = draw(st.integers(1, 3))
    parents = [draw(st.integers(0, i)) for i in range(draw(st.integers(0, 4)))]
    names = ["", *(f"c{i}" for i in range(len(parents)))]
    offline = draw(st.sets(st.sampled_from([i for i in range(len(parents)) if i + 1 not in parents] or [-1])))
    shrinkers = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "flags": st.sampled_from([0, 4, 8, 12]),
                    "seeks": st.sampled_from([0, 1, 2, 7]),
                    "batch": st.sampled_from([0, 1, 50]),
                    "goes": st.sampled_from([0, 1, 3, 4]),
                    "stops_at": st.sampled_from([0, 0, 100]),
                    "pools": st.dictionaries(
                        st.tuples(st.integers(0, nodes - 1), st.sampled_from(names)), st.integers(0, 3000)
                    ),
                }
            ),
            max_size=3,
        )
    )
    nid, memcg = st.integers(0, nodes - 1), st.integers(0, len(parents))
    nr = st.sampled_from([1, 32, 100, 1000, 5000])
    gfp = st.sampled_from([0xCC0, 0xC40, 0x8C0, 0x400CC0 | 0x8000])
    op = st.one_of(
        st.tuples(st.just("drop_slab")),
        st.tuples(st.just("direct"), nr, gfp, st.none() | nid, memcg),
        st.tuples(st.just("kswapd"), nid, nr),
        st.tuples(st.just("memcg"), memcg, nr, gfp),
    )
    ops = draw(st.lists(op, min_size=1, max_size=3))
    return {"nodes": nodes, "parents": parents, "offline": offline, "shrinkers": shrinkers, "ops": ops}


def seen(passes: Any) -> list[tuple[Any, ...]]:
    """What passes of either side did."""
    return [
        (
            int(p.gfp_mask),
            p.nid,
            p.memcg.name,
            p.priority,
            p.freed,
            p.freeable,
            p.scanned,
            p.deferred,
            p.counts,
            p.scans,
        )
        for p in passes
    ]


class Both:
    """A machine and its model, made of one world."""

    def __init__(self, world: dict[str, Any], machine: sp.Machine, stack: contextlib.ExitStack) -> None:
        self.machine, self.model = machine, model.Machine(world["nodes"])
        assert self.model.root is not None
        self.real, self.modelled = [machine.root], [self.model.root]
        for i, parent in enumerate(world["parents"]):
            self.real.append(self.real[parent].create(f"c{i}"))
            self.modelled.append(self.model.mem_cgroup_create(self.modelled[parent], f"c{i}"))
            self.model.mem_cgroup_online(self.modelled[-1])
        for i, spec in enumerate(world["shrinkers"]):
            flags = spec["flags"]
            keywords = {"seeks": spec["seeks"], "batch": spec["batch"]}
            shrinker = stack.enter_context(register(machine, Pools(spec), f"s{i}", flags=flags, **keywords))
            theirs = self.model.shrinker_alloc(flags, f"s{i}")
            theirs.seeks, theirs.batch = spec["seeks"], spec["batch"]
            self.model.shrinker_register(theirs, Pools(spec))
            for nid, name in spec["pools"] if flags & sp.Flags.MEMCG_AWARE else ():
                at = next(j for j, memcg in enumerate(self.real) if memcg.name == name)
                shrinker.set_bit(self.real[at], nid)
                self.model.set_shrinker_bit(self.modelled[at], nid, theirs.id)
        for i in world["offline"] - {-1}:
            self.real[i + 1].offline()
            self.model.mem_cgroup_offline(self.modelled[i + 1])

    def reclaim(self, what: str, *a: Any) -> tuple[sp.Reclaimed | None, int]:
        """Do it on both sides; None: refused, for the cgroup is offline."""
        real, modelled = self.real, self.modelled
        match what:
            case "drop_slab":
                return self.machine.drop_slab(), self.model.drop_slab()
            case "direct":
                nr, gfp, nid, at = a
                done = self.machine.direct_reclaim(nr, gfp_mask=gfp, nid=nid, memcg=real[at])
                return done, self.model.try_to_free_pages(nr, gfp, nid, modelled[at])
            case "kswapd":
                return self.machine.kswapd(*a), self.model.balance_pgdat(*a)
            case _:
                at, nr, gfp = a
                if not real[at].online:
                    return None, 0
                done = memory_reclaim(real[at], nr, gfp)
                return done, self.model.memory_reclaim(modelled[at], nr, gfp)


@given(world=worlds())
def test_every_pass_of_every_loop_is_the_models(world: dict[str, Any]) -> None:
    with sp.Machine(world["nodes"]) as machine, contextlib.ExitStack() as stack:
        both = Both(world, machine, stack)
        for what, *arguments in world["ops"]:
            both.model.reclaim_passes.clear()
            done, freed = both.reclaim(what, *arguments)
            if done is None:
                continue
            assert seen(done.passes) == seen(both.model.reclaim_passes)
            assert done.freed == freed == sum(p.freed for p in done.passes)
            assert done.scanned == sum(p.scanned for p in done.passes)
            assert done.kind == what
        assert machine.vmstat == {"slabs_scanned": both.model.slabs_scanned, **both.model.vmstat}


# ---- what was done is told


class TestResult:
    def test_it_is_also_the_last_reclaim(self, machine: sp.Machine, kind: str) -> None:
        assert machine.last_reclaim is None
        with registered(machine, Cache(1000)):
            done = LOOPS[kind](machine)
        assert machine.last_reclaim == done
        assert done.freed == 1000
        assert len(done.passes) == PASSES[kind]
        assert done.exceptions == ()

    def test_the_last_pass_of_it_is_the_last_pass(self, machine: sp.Machine, kind: str) -> None:
        machine.root.create("app")
        with registered(machine, Cache(1000)):
            done = LOOPS[kind](machine)
        last = machine.last_pass
        assert last is not None
        assert last == (*done.passes[-1][:3], *last[3:])
        assert (last.memcg, last.priority) == (machine.root.children[0], done.priority)

    def test_its_repr_is_short(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(100)):
            done = machine.direct_reclaim()
        assert repr(done) == (
            "<Reclaimed by direct: 100 of 200 scanned objects, in 13 rounds and 13 passes>"
        ).replace("200", str(done.scanned)).replace("13", str(len(done.passes)))

    def test_without_cgroups(self, kind: str) -> None:
        with sp.Machine(2, memcg=False) as machine, registered(machine, Cache(1000)):
            if kind == "memcg":
                with pytest.raises(OSError, match="no memory cgroups: make it with memcg=True"):
                    machine.root.reclaim(1)
                return
            done = LOOPS[kind](machine)
            assert done.freed == 1000
            assert {(p.memcg, p.memcg_ino) for p in done.passes} == {(None, 0)}
            assert {p.nid for p in done.passes} == ({0} if kind == "kswapd" else {0, 1})

    def test_a_finalizer_of_what_the_last_holder_has_may_reclaim(self) -> None:
        printed = survives("""
            import shrinkpy as sp
            from support import Cache, register

            class Reclaiming:
                def __del__(self):
                    print([each.memcg for each in machine.drop_slab().passes])

            machine = sp.Machine()
            shrinker = register(machine, Cache(0))
            app = machine.root.create("app")
            app.mine = Reclaiming()
            app.remove()
            del app
            print(machine.ledger.memcgs)
        """)
        assert printed == "[<MemCgroup />, None]\n1\n"

    def test_a_cgroup_that_nobody_holds_any_more_is_told_by_its_number(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        numbers = [app.ino]

        def count(sc: sp.ShrinkControl) -> int:
            if numbers and sc.memcg is not machine.root:
                numbers.pop()
                machine.root.children[0].remove()
            return 0

        with register(machine, Doing(count=count), flags=sp.Flags.MEMCG_AWARE) as shrinker:
            shrinker.set_bit(app)
            ino = app.ino
            del app
            done = machine.drop_slab()
        assert [(p.memcg, p.memcg_ino) for p in done.passes] == [(machine.root, 1), (None, ino)]
        assert machine.ledger.memcgs == 1
        # nothing of it keeps the cgroup: the next one does not find it
        assert [p.memcg_ino for p in machine.drop_slab().passes] == [1]


# ---- exceptions


class BoomError(Exception):
    """What these raise."""


def raising(error: Callable[[], BaseException], at: int = 0) -> Callable[[Any], int]:
    """A count whose at-th call raises, and those after it."""
    calls = iter(range(10**9))

    def count(_sc: Any) -> int:
        if next(calls) >= at:
            raise error()
        return 0

    return count


class TestExceptions:
    def test_they_are_raised_when_all_is_over(self, machine: sp.Machine, kind: str) -> None:
        with (
            registered(machine, Doing(count=raising(BoomError)), Cache(1000)),
            pytest.raises(ExceptionGroup, match=r"^\d+ exceptions in callbacks") as caught,
        ):
            LOOPS[kind](machine)
        done = machine.last_reclaim
        assert done is not None
        assert (done.freed, len(done.passes)) == (1000, PASSES[kind])
        assert len(caught.value.exceptions) == min(16, PASSES[kind])
        assert done.exceptions == caught.value.exceptions

    def test_a_single_one_is_raised_itself(self, machine: sp.Machine, kind: str) -> None:
        last_count = PASSES[kind] - 1
        with (
            registered(machine, Cache(1000), Doing(count=raising(BoomError, last_count))),
            pytest.raises(BoomError) as caught,
        ):
            LOOPS[kind](machine)
        assert machine.last_reclaim is not None
        assert machine.last_reclaim.exceptions == (caught.value,)
        assert machine.last_pass is not None
        assert machine.last_pass.exceptions == (caught.value,)

    def test_the_last_pass_has_only_its_own(self, machine: sp.Machine) -> None:
        errors = [BoomError("first"), BoomError("second")]
        calls = iter(errors)

        def count(_sc: Any) -> int:
            raise next(calls)

        with registered(machine, Cache(100), Doing(count=count)), pytest.raises(ExceptionGroup):
            machine.drop_slab()
        assert machine.last_reclaim is not None
        assert machine.last_reclaim.exceptions == tuple(errors)
        assert machine.last_pass is not None
        assert machine.last_pass.exceptions == (errors[1],)

    @pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_a_fatal_one_ends_it_at_once(
        self, machine: sp.Machine, kind: str, fatal: type[BaseException]
    ) -> None:
        with (
            registered(machine, Cache(1000), Doing(count=raising(fatal, 1)), Cache(7)),
            pytest.raises(fatal) as caught,
        ):
            LOOPS[kind](machine)
        done = machine.last_reclaim
        assert done is not None
        assert len(done.passes) == 2
        assert done.exceptions == (caught.value,)
        assert machine.last_pass is not None
        assert (machine.last_pass.counts, machine.last_pass.exceptions) == (2, (caught.value,))

    def test_a_livelock_goes_on_and_is_raised(self, kind: str) -> None:
        def stall(sc: sp.ShrinkControl) -> int:
            sc.nr_scanned = 0
            return 0

        with (
            sp.Machine(max_stall=5) as machine,
            registered(machine, Doing(scan=stall), Cache(1000)),
            pytest.raises((sp.LivelockError, ExceptionGroup)),
        ):
            LOOPS[kind](machine)
        assert machine.last_reclaim is not None
        assert (machine.last_reclaim.freed, len(machine.last_reclaim.passes)) == (1000, PASSES[kind])
        assert machine.last_reclaim.passes[-1].spins == 1

    def test_a_closed_machine(self, kind: str) -> None:
        machine = sp.Machine()
        root = machine.root
        machine.close()
        with pytest.raises(sp.ClosedError):
            LOOPS[kind](machine)
        assert root.machine.last_reclaim == (kind, 0, 0, 0, (), machine.last_reclaim.exceptions)  # type: ignore[union-attr]


class TestNested:
    def test_what_a_nested_one_raises_is_the_outermosts(self, machine: sp.Machine, kind: str) -> None:
        inside: list[sp.Reclaimed] = []
        nest, boom = iter([True]), iter([BoomError("in the nested one")])

        def count(_sc: Any) -> int:
            if next(nest, False):
                inside.append(machine.drop_slab())
            elif error := next(boom, None):
                raise error
            return 0

        with (
            register(machine, Doing(count=count)),
            pytest.raises(BoomError, match="in the nested one") as caught,
        ):
            LOOPS[kind](machine)
        # it came back to its caller, and the callback that called it ended well
        assert [len(done.passes) for done in inside] == [1]
        assert inside[0].exceptions == (caught.value,)

    def test_too_deep(self, machine: sp.Machine, kind: str) -> None:
        refused: list[sp.NestingError] = []
        depths: list[int] = []
        depth = 0

        def count(_sc: Any) -> int:
            nonlocal depth
            depth += 1
            depths.append(depth)
            try:
                if not refused:
                    machine.drop_slab()
            except sp.NestingError as error:
                refused.append(error)
            depth -= 1
            return 0

        with register(machine, Doing(count=count)):
            LOOPS[kind](machine)
        assert depths[:8] == list(range(1, 9))
        assert [str(error) for error in refused] == ["passes are nested deeper than 8"]
        assert max(depths) == 8


# ---- threads and signals


def inside(held: Native, do: Callable[[], object]) -> Running[None]:
    """A thread that does it while the callback waits, and then lets that go."""

    def wait_and_do() -> None:
        while not held.variable("held_inside").value:
            pass
        do()
        held.variable("held_leave").value = 1

    return Running(wait_and_do)


class TestNative:
    def test_other_threads_run_meanwhile(self, machine: sp.Machine, held: Native, kind: str) -> None:
        thread = inside(held, lambda: None)
        LOOPS[kind](machine)
        thread.join()
        assert not held.variable("held_gave_up").value

    def test_ctrl_c_ends_it_between_two_passes(self, machine: sp.Machine, held: Native, kind: str) -> None:
        main = threading.get_ident()
        thread = inside(held, lambda: signal.pthread_kill(main, signal.SIGINT))
        with pytest.raises(KeyboardInterrupt) as caught:
            LOOPS[kind](machine)
        thread.join()
        done = machine.last_reclaim
        assert done is not None
        assert len(done.passes) == 1
        assert done.exceptions == (caught.value,)

    def test_what_another_handler_raises_ends_it_too(
        self, machine: sp.Machine, held: Native, kind: str
    ) -> None:
        def handler(*_: object) -> None:
            raise BoomError("from the handler")

        main = threading.get_ident()
        before = signal.signal(signal.SIGUSR1, handler)
        try:
            thread = inside(held, lambda: signal.pthread_kill(main, signal.SIGUSR1))
            with pytest.raises(BoomError, match="from the handler"):
                LOOPS[kind](machine)
            thread.join()
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert machine.last_reclaim is not None
        assert len(machine.last_reclaim.passes) == 1


class TestThreads:
    def test_a_shrinker_is_registered_and_closed_while_it_runs(self, machine: sp.Machine, kind: str) -> None:
        held = Held(0)
        with register(machine, held, "held"):
            running = Running(lambda: LOOPS[kind](machine))
            assert held.entered.wait(10)
            cache = Cache(500)
            late = register(machine, cache, "late")
            gone = register(machine, Cache(3), "gone")
            gone.close()
            held.leave.set()
            assert running.join().freed == 500
            late.close()

    def test_the_machine_is_closed_while_it_runs(self, kind: str) -> None:
        machine = sp.Machine()
        held = Held(0)
        handle = register(machine, held, "held")
        running = Running(lambda: LOOPS[kind](machine))
        assert held.entered.wait(10)
        with warned("held"):
            closing = Running(machine.close)
            held.leave.set()
            closing.join()
        assert handle.closed
        # in the middle of it, or after its end
        with contextlib.suppress(sp.ClosedError):
            running.join()
        assert machine.last_reclaim is not None
        assert machine.last_reclaim.passes

    def test_all_of_them_at_once(self) -> None:
        with sp.Machine(2) as machine:
            machine.root.create("app")
            cache = Doing(count=lambda sc: 1000, scan=lambda sc: sc.nr_to_scan)
            with register(machine, cache):
                threads = [
                    Running(lambda: [machine.direct_reclaim(500) for _ in range(20)]),
                    Running(lambda: [machine.kswapd(1, 500) for _ in range(20)]),
                    Running(lambda: [machine.root.reclaim(100) for _ in range(20)]),
                ]
                results = [done for thread in threads for done in thread.join()]
            assert all(done.freed == sum(p.freed for p in done.passes) >= 100 for done in results)
            assert machine.slabs_scanned == sum(done.scanned for done in results)
            counted = {"drop_slab": 0, "allocstall_normal": 20, "pageoutrun": 20}
            assert machine.vmstat == {"slabs_scanned": machine.slabs_scanned, **counted}


class TestVmstat:
    def test_it_begins_at_nothing(self, machine: sp.Machine) -> None:
        names = ["slabs_scanned", "drop_slab", "allocstall_normal", "pageoutrun"]
        assert machine.vmstat == dict.fromkeys(names, 0)

    def test_each_kind_counts_what_is_its(self, machine: sp.Machine, kind: str) -> None:
        counter = {"drop_slab": "drop_slab", "direct": "allocstall_normal", "kswapd": "pageoutrun"}.get(kind)
        for _ in range(3):
            LOOPS[kind](machine)
        assert machine.vmstat == {**dict.fromkeys(machine.vmstat, 0), **({counter: 3} if counter else {})}

    def test_slabs_scanned_counts_what_callbacks_looked_at(self, machine: sp.Machine, kind: str) -> None:
        with registered(machine, Cache(1000)):
            done = LOOPS[kind](machine)
        assert machine.vmstat["slabs_scanned"] == done.scanned == machine.slabs_scanned


def test_a_pass_is_told_as_last_pass_tells_it() -> None:
    assert set(sp.LastPass._fields) - set(ReclaimPass._fields) == {"exceptions"}
