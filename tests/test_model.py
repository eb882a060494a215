# SPDX-License-Identifier: GPL-2.0-only
"""The model itself: against numbers worked by hand, and against golden vectors."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from model import (
    SHRINK_EMPTY,
    SHRINK_STOP,
    SHRINKER_MEMCG_AWARE,
    SHRINKER_NUMA_AWARE,
    Attempt,
    End,
    Machine,
    MemCgroup,
    ShrinkControl,
    Shrinker,
    Start,
    delta_of,
    next_deferred_of,
    signed,
    total_scan_of,
    unsigned,
)

from shrinkpy import DeadlockError, HungError, LivelockError

LONG_MAX = 2**63 - 1


class TestWrapping:
    def test_a_long_past_its_end_is_negative(self) -> None:
        assert signed(LONG_MAX + 1) == -(2**63)
        assert signed(2**64 - 2) == -2
        assert signed(-(2**63) - 1) == LONG_MAX

    def test_an_unsigned_long_below_zero_is_huge(self) -> None:
        assert unsigned(-1) == 2**64 - 1
        assert unsigned(2**64) == 0

    def test_an_int_keeps_its_low_32_bits(self) -> None:
        assert signed(2**32 + 5, 32) == 5
        assert signed(2**31, 32) == -(2**31)


class TestDelta:
    def test_is_four_times_the_share_over_seeks(self) -> None:
        assert delta_of(1000, 0, 2) == 2000
        assert delta_of(4096, 12, 2) == 2  # one 4096th is 1 object
        assert delta_of(4095, 12, 2) == 0
        assert delta_of(1000, 0, 3) == 1333

    def test_is_half_the_cache_without_seeks_whatever_the_priority(self) -> None:
        assert delta_of(7, 0, 0) == delta_of(7, 63, 0) == 3

    def test_half_of_a_negative_count_goes_towards_zero(self) -> None:
        assert delta_of(-7, 0, 0) == unsigned(-3)

    def test_the_shift_of_a_negative_count_is_arithmetic(self) -> None:
        # -1 >> 63 is -1; times 4 as unsigned is 2^64 - 4.
        assert delta_of(-1, 63, 1) == 2**64 - 4
        assert delta_of(-1, 63, 4) == 2**62 - 1

    def test_times_four_wraps(self) -> None:
        assert delta_of(2**62, 0, 1) == 0

    def test_seeks_divide_as_unsigned_32_bits(self) -> None:
        assert delta_of(2**62 - 1, 0, -1) == (2**64 - 4) // (2**32 - 1)


class TestTotalScan:
    def test_takes_its_share_of_the_deferred_work(self) -> None:
        assert total_scan_of(4096, 10, 10_000, 4) == 256 + 10

    def test_negative_work_shifts_arithmetically(self) -> None:
        assert total_scan_of(-1, 0, 10, 12) == -1

    def test_is_twice_the_cache_at_most(self) -> None:
        assert total_scan_of(10**9, 0, 100, 0) == 200
        assert total_scan_of(200, 0, 100, 0) == 200
        assert total_scan_of(199, 0, 100, 0) == 199

    def test_the_cap_wraps_for_ulong_max_over_2(self) -> None:
        assert total_scan_of(0, delta_of(LONG_MAX, 0, 2), LONG_MAX, 0) == -2


class TestNextDeferred:
    def test_is_what_was_due_and_not_scanned(self) -> None:
        assert next_deferred_of(50, 100, 128, 1000) == 22

    def test_is_never_below_zero(self) -> None:
        assert next_deferred_of(0, 100, 128, 1000) == 0

    def test_is_twice_the_cache_at_most(self) -> None:
        assert next_deferred_of(10**6, 0, 0, 3) == 6

    def test_a_negative_cap_is_kept(self) -> None:
        assert next_deferred_of(0, 0, 0, LONG_MAX) == -2


class Cache:
    """An honest cache of that many objects, which keeps what it was asked."""

    def __init__(self, objects: int) -> None:
        self.objects = objects
        self.asked: list[int] = []

    def count_objects(self, _sc: ShrinkControl) -> int:
        return self.objects

    def scan_objects(self, sc: ShrinkControl) -> int:
        self.asked.append(sc.nr_to_scan)
        return sc.nr_to_scan


class Answers:
    """Counts and scans that give these results; 'asked' is what the last scan was asked for."""

    def __init__(self, counts: list[int], scan: int = SHRINK_STOP) -> None:
        self.counts = counts
        self.scan = scan
        self.seen = 0

    def count_objects(self, _sc: ShrinkControl) -> int:
        self.seen += 1
        return self.counts.pop(0)

    def scan_objects(self, sc: ShrinkControl) -> int:
        sc.nr_scanned = 0
        return self.scan


def register(machine: Machine, callbacks: Any, flags: int = 0, name: str = "s") -> Shrinker:
    s = machine.shrinker_alloc(flags, name)
    machine.shrinker_register(s, callbacks)
    return s


def child(machine: Machine, name: str = "app") -> MemCgroup:
    memcg = machine.mem_cgroup_create(machine.root, name)
    machine.mem_cgroup_online(memcg)
    return memcg


class TestDoShrinkSlab:
    """One turn by hand: 1000 objects, seeks 2, batch 128."""

    def test_at_priority_0_it_scans_twice_the_cache_in_batches(self) -> None:
        machine, cache = Machine(), Cache(1000)
        s = register(machine, cache)
        assert machine.shrink_slab(0xCC0, 0, None, 0) == 15 * 128
        assert cache.asked == [128] * 15  # the 80 left are neither a batch nor the whole cache
        assert machine.slabs_scanned == 1920
        assert s.nr_deferred == [80]
        assert machine.events == [
            Start("s", None, 0, 0, 0xCC0, 1000, 2000, 2000, 0),
            End("s", None, 0, 1920, 0, 80, 80),
        ]

    def test_small_shares_pile_up_until_they_are_a_batch(self) -> None:
        machine, cache = Machine(), Cache(131072)  # a 4096th is 32, delta 64
        s = register(machine, cache)
        for deferred in (64, 128, 192):
            machine.shrink_slab(0xCC0, 0, None, 12)
            assert (cache.asked, s.nr_deferred) == ([], [deferred])
        machine.shrink_slab(0xCC0, 0, None, 1)  # 96 of the deferred, 131072 of its own
        assert len(cache.asked) == 1024
        assert s.nr_deferred == [192]

    def test_a_cache_smaller_than_a_batch_is_scanned_whole(self) -> None:
        machine, cache = Machine(), Cache(5)
        register(machine, cache)
        assert machine.shrink_slab(0xCC0, 0, None, 0) == 10
        assert cache.asked == [10]

    def test_what_is_left_is_added_to_what_others_deferred_meanwhile(self) -> None:
        machine = Machine()

        class Nested(Answers):
            def scan_objects(self, sc: ShrinkControl) -> int:
                if self.counts:
                    machine.shrink_slab(0xCC0, 0, None, 0)
                return SHRINK_STOP

        s = register(machine, Nested([100, 100]))
        machine.shrink_slab(0xCC0, 0, None, 0)
        assert s.nr_deferred == [400]

    def test_stop_counts_neither_as_scanned_nor_as_freed(self) -> None:
        machine = Machine()
        s = register(machine, Answers([300]))
        assert machine.shrink_slab(0xCC0, 0, None, 0) == 0
        assert machine.slabs_scanned == 0
        assert s.nr_deferred == [600]

    def test_a_stalled_turn_ends_after_that_many_calls_and_counts_them(self) -> None:
        machine = Machine(max_stall=3)
        s = register(machine, Answers([300], scan=7))
        with pytest.raises(LivelockError):
            machine.shrink_slab(0xCC0, 0, None, 0)
        assert machine.last_pass is not None
        assert (machine.last_pass.freed, machine.last_pass.scans, machine.last_pass.spins) == (21, 3, 1)
        assert s.nr_deferred == [600]


class TestMemcgPass:
    def test_empty_is_asked_twice_and_then_forgotten(self) -> None:
        machine = Machine()
        app, answers = child(machine), Answers([SHRINK_EMPTY] * 2)
        s = register(machine, answers, SHRINKER_MEMCG_AWARE)
        machine.set_shrinker_bit(app, 0, s.id)
        machine.shrink_slab(0xCC0, 0, app, 0)
        machine.shrink_slab(0xCC0, 0, app, 0)
        assert answers.seen == 2

    @pytest.mark.parametrize("second", [0, 10])
    def test_a_second_look_that_is_not_empty_keeps_the_bit(self, second: int) -> None:
        machine = Machine()
        app, answers = child(machine), Answers([SHRINK_EMPTY, second, 0])
        s = register(machine, answers, SHRINKER_MEMCG_AWARE)
        machine.set_shrinker_bit(app, 0, s.id)
        machine.shrink_slab(0xCC0, 0, app, 0)
        machine.shrink_slab(0xCC0, 0, app, 0)
        assert answers.seen == 3

    def test_without_kmem_each_visit_loses_a_reference(self) -> None:
        machine = Machine(kmem=False)
        app = child(machine)
        s = register(machine, Answers([5]), SHRINKER_MEMCG_AWARE)
        machine.set_shrinker_bit(app, 0, s.id)
        for _ in range(2):
            machine.shrink_slab(0xCC0, 0, app, 0)
        assert s.refcount == 3
        for _ in range(2):
            with pytest.raises(HungError):
                machine.shrinker_free(s)
        assert (s.refcount, machine.shrinker_list) == (2, [s])

    def test_the_bit_of_a_freed_shrinker_is_cleared_by_the_pass_that_meets_it(self) -> None:
        machine = Machine()
        app, answers = child(machine), Answers([1])
        s = register(machine, answers, SHRINKER_MEMCG_AWARE)
        machine.set_shrinker_bit(app, 0, s.id)
        machine.shrinker_free(s)
        machine.shrink_slab(0xCC0, 0, app, 0)
        assert app.info[0].map == set()


class TestCgroups:
    def test_the_parent_gets_the_deferred_work_and_the_next_owner_of_the_id_inherits_it(self) -> None:
        machine = Machine()
        app = child(machine)
        s = register(machine, Answers([100]), SHRINKER_MEMCG_AWARE)
        machine.set_shrinker_bit(app, 0, s.id)
        machine.shrink_slab(0xCC0, 0, app, 0)
        machine.mem_cgroup_offline(app)
        machine.shrinker_free(s)
        heir = machine.shrinker_alloc(SHRINKER_MEMCG_AWARE, "heir")
        for memcg in (machine.root, app):
            where, key = machine.nr_deferred_of(heir, memcg, 0)
            assert where[key] == 200

    def test_a_cgroup_lives_as_long_as_its_children(self) -> None:
        machine = Machine()
        app = child(machine)
        worker = machine.mem_cgroup_create(app, "worker")
        machine.css_put(app)
        assert machine.ledger()["memcgs"] == 3
        machine.css_put(worker)
        assert machine.ledger()["memcgs"] == 1


class TestAllocations:
    def test_the_65th_id_grows_every_node_of_every_cgroup(self) -> None:
        machine = Machine(2)
        child(machine)
        for n in range(64):
            machine.shrinker_alloc(SHRINKER_MEMCG_AWARE, str(n))
        assert (machine.nr_max, machine.ledger()["unit"]) == (64, 4)
        machine.attempts.clear()
        assert machine.shrinker_alloc(SHRINKER_MEMCG_AWARE, "64").id == 64
        sites = [(a.site, a.nid) for a in machine.attempts]
        assert sites == [("shrinker", None), ("name", None), ("idr", None)] + [
            ("info", 0), ("unit", 0), ("info", 1), ("unit", 1),
        ] * 2  # fmt: skip

    def test_a_growth_that_fails_stays_where_it_got_and_goes_on_later(self) -> None:
        machine = Machine(2)
        machine.fail_nth(2, "unit")
        with pytest.raises(MemoryError):
            machine.shrinker_alloc(SHRINKER_MEMCG_AWARE, "s")
        assert machine.root is not None
        assert [info.map_nr_max for info in machine.root.info] == [64, 0]
        assert (machine.nr_max, machine.ledger()["shrinker"]) == (0, 0)
        machine.attempts.clear()
        assert machine.shrinker_alloc(SHRINKER_MEMCG_AWARE, "s").id == 0
        assert machine.attempts[3:] == [Attempt("info", 1, False), Attempt("unit", 1, False)]

    def test_a_numa_aware_shrinker_has_a_count_a_node_in_one_allocation(self) -> None:
        machine = Machine(3)
        assert machine.shrinker_alloc(SHRINKER_NUMA_AWARE, "s").nr_deferred == [0, 0, 0]
        assert [a.site for a in machine.attempts] == ["shrinker", "name", "nr_deferred"]


class TestFree:
    def test_of_its_own_callback_changes_nothing(self) -> None:
        machine = Machine()

        class Own(Cache):
            def count_objects(self, _sc: ShrinkControl) -> int:
                with pytest.raises(DeadlockError):
                    machine.shrinker_free(s)
                return 0

        s = register(machine, Own(0))
        machine.shrink_slab(0xCC0, 0, None, 0)
        assert (s.refcount, machine.shrinker_list) == (1, [s])


# ---- golden vectors -------------------------------------------------------------------------------

LIVE = ("shrinker", "name", "nr_deferred", "info", "unit")
FAMILIES = [
    *("arith", "arith-edge", "clobber", "count-neg", "early-boot", "fail", "hang", "hook", "id-reuse"),
    *("memcg-bits", "memcg-expand", "memcg-ids", "memcg-kmem", "memcg-reparent", "memcg-walk"),
    *("multi", "neg-seeks", "numa", "scanned", "windup"),
]
"""all but debugfs, which the model has not, and lifecycle, which pokes at internal flags"""
GOLDEN = Path(__file__).parent / "data" / "golden"


class Observed:
    """Callbacks that answer what was observed, and hold what they are asked against it."""

    def __init__(self, replay: Replay, handle: int) -> None:
        self.replay = replay
        self.handle = handle

    def _next(self, kind: str, sc: ShrinkControl) -> list[Any]:
        self.replay.check_trace()
        while self.replay.observed[0][0] == "hook":
            before = list(self.replay.machine.attempts)
            self.replay.run(self.replay.observed.pop(0)[3])
            self.replay.machine.attempts = before  # the vectors leave those of hooks out
        event = self.replay.observed[0]
        assert event[:4] == [kind, self.handle, sc.nid, self.replay.handle_of(sc.memcg)]
        return event

    def count_objects(self, sc: ShrinkControl) -> int:
        event = self._next("c", sc)
        assert (event[5:] or [0, 0]) == [sc.nr_to_scan, sc.nr_scanned]
        self.replay.observed.pop(0)
        return int(event[4])

    def scan_objects(self, sc: ShrinkControl) -> int:
        event = self._next("s", sc)
        asked, result, scanned, *_ = event[4:]
        assert [asked, *(event[8:] or [asked])] == [sc.nr_to_scan, sc.nr_scanned]
        sc.nr_scanned = scanned
        event[7] -= 1
        if event[7] == 0:
            self.replay.observed.pop(0)
        return int(result)


class Replay:
    """One vector, run on the model (data/golden/FORMAT.md)."""

    def __init__(self, vector: dict[str, Any]) -> None:
        cfg = vector["cfg"]
        self.machine = Machine(
            cfg["nodes"],
            memcg=bool(cfg["memcg"]),
            kmem=bool(cfg["kmem"]),
            root=[None, "online", "bare"][cfg["root"]],
        )
        self.ops: list[dict[str, Any]] = vector["ops"]
        self.state: dict[str, Any] = vector["init"]
        self.shrinkers: dict[int, Shrinker] = {}
        self.memcgs: dict[int, MemCgroup] = {}
        if self.machine.root:
            self.memcgs[0] = self.machine.root
        self.observed: list[list[Any]] = []

    def handle_of(self, memcg: MemCgroup | None) -> int:
        return next((h for h, m in self.memcgs.items() if m is memcg), -1)

    def check_trace(self) -> None:
        """What the model traced since the last look was observed next, in that order."""
        for e in self.machine.events:
            s = next(h for h, s in self.shrinkers.items() if s.name == e.shrinker)
            if isinstance(e, Start):
                got = [
                    "start",
                    s,
                    e.nid,
                    e.nr,
                    e.gfp_mask,
                    unsigned(e.freeable),
                    e.delta,
                    e.total_scan,
                    e.priority,
                ]
            else:
                got = ["end", s, e.nid, e.nr, e.new_nr, e.retval, e.total_scan]
            assert got == self.observed.pop(0)
        self.machine.events.clear()

    def play(self) -> None:
        for op in self.ops:
            self.observed = op.get("ev", [])
            self.machine.attempts.clear()
            self.machine.fail_nth(op.get("fail", 0))
            scanned = self.machine.slabs_scanned
            self.run(op)
            self.check_trace()
            attempts = [
                [a.site, -1 if a.nid is None else a.nid, int(a.failed)] for a in self.machine.attempts
            ]
            assert op["op"] == "allocn" or attempts == op.get("al", [])  # not recorded on allocn
            assert self.observed == []
            assert unsigned(self.machine.slabs_scanned - scanned) == op.get("slabs", 0)
            self.overlay(op.get("state", {}))
            self.check_state()

    def run(self, op: dict[str, Any]) -> None:
        """The operation on the model, and its result against the one observed."""
        getattr(self, f"op_{op['op']}")(op)

    def op_alloc(self, op: dict[str, Any]) -> None:
        # The handle is the name: it is by names that the model traces.
        self.alloc(op["h"], op["flags"])
        s = self.shrinkers.get(op["h"])
        assert (s.id if s and s.memcg_aware else None) == (op.get("r") or {}).get("id")

    def op_allocn(self, op: dict[str, Any]) -> None:
        for h, expected in zip(range(op["h"], op["h"] + op["n"]), op["r"], strict=True):
            self.alloc(h, op["flags"])
            s = self.shrinkers.get(h)
            assert (s and (not s.memcg_aware or s.id)) == expected
            if s and op["reg"]:
                self.machine.shrinker_register(s, Observed(self, h))

    def alloc(self, handle: int, flags: int) -> None:
        with contextlib.suppress(MemoryError):
            self.shrinkers[handle] = self.machine.shrinker_alloc(flags, str(handle))

    def op_register(self, op: dict[str, Any]) -> None:
        self.machine.shrinker_register(self.shrinkers[op["h"]], Observed(self, op["h"]))

    def op_free(self, op: dict[str, Any]) -> None:
        if op["h"] < 0:
            return
        try:
            self.machine.shrinker_free(self.shrinkers[op["h"]])
        except HungError:
            assert op["r"] == "hang"
        else:
            assert op["r"] == "ok"
            del self.shrinkers[op["h"]]

    def op_set(self, op: dict[str, Any]) -> None:
        s = self.shrinkers[op["h"]]
        s.batch, s.seeks = op["batch"], op["seeks"]

    def op_script(self, op: dict[str, Any]) -> None:
        """The answers are in the events."""

    op_objs = op_script

    def op_poke(self, op: dict[str, Any]) -> None:
        s = self.shrinkers[op["h"]]
        where, key = self.machine.nr_deferred_of(s, self.memcgs.get(op["m"]), op["nid"])
        where[key] = op["v"]

    def op_kmem(self, op: dict[str, Any]) -> None:
        self.machine.kmem = bool(op["on"])

    def op_shrink(self, op: dict[str, Any]) -> None:
        memcg = self.memcgs.get(op["m"])
        assert self.machine.shrink_slab(op["gfp"], op["nid"], memcg, op["prio"]) == op["r"]

    def op_setbit(self, op: dict[str, Any]) -> None:
        self.machine.set_shrinker_bit(self.memcgs.get(op["m"]), op["nid"], op["id"])

    def op_memcg_new(self, op: dict[str, Any]) -> None:
        self.memcgs[op["m"]] = self.machine.mem_cgroup_create(self.memcgs.get(op["parent"]), str(op["m"]))

    def op_memcg_online(self, op: dict[str, Any]) -> None:
        try:
            self.machine.mem_cgroup_online(self.memcgs[op["m"]])
        except MemoryError:
            assert op["r"] == -12
        else:
            assert op["r"] == 0

    def op_memcg_offline(self, op: dict[str, Any]) -> None:
        self.machine.mem_cgroup_offline(self.memcgs[op["m"]])

    def op_memcg_release(self, op: dict[str, Any]) -> None:
        self.machine.css_put(self.memcgs.pop(op["m"]))

    def overlay(self, changed: dict[str, Any]) -> None:
        cgroups = {**self.state["mc"], **changed.get("mc", {})}
        self.state.update(changed, mc={m: state for m, state in cgroups.items() if state is not None})

    def check_state(self) -> None:
        by_shrinker = {s: h for h, s in self.shrinkers.items()}
        shrinkers = {str(h): s for h, s in self.shrinkers.items()}
        got = {
            "nr_max": self.machine.nr_max,
            "list": [by_shrinker[s] for s in self.machine.shrinker_list],
            "ids": {h: s.id for h, s in shrinkers.items() if s.memcg_aware},
            "ref": {h: s.refcount for h, s in shrinkers.items() if s.registered and s.refcount != 1},
            "def": {h: s.nr_deferred for h, s in shrinkers.items() if any(s.nr_deferred)},
            "mc": {str(m): self.memcg_state(memcg) for m, memcg in self.memcgs.items()},
        }
        assert got == {key: self.state[key] for key in got}
        live = {kind: n for kind, n in self.machine.ledger().items() if n and kind in LIVE}
        assert live == {kind: n for kind, n in self.state["live"].items() if kind in LIVE}

    def memcg_state(self, memcg: MemCgroup) -> dict[str, Any]:
        infos = list(enumerate(memcg.info))
        return {
            "on": int(memcg.online),
            "max": [info.map_nr_max for _, info in infos] or [-1] * self.machine.nr_nodes,
            "map": [[nid, i] for nid, info in infos for i in sorted(info.map)],
            "def": [[nid, i, nr] for nid, info in infos for i, nr in sorted(info.nr_deferred.items()) if nr],
        }


def vectors(family: str) -> Iterator[dict[str, Any]]:
    with gzip.open(GOLDEN / f"{family}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


class TestGolden:
    @pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.thorough)])
    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_model_does_what_was_observed(self, family: str, every: int) -> None:
        for vector in itertools.islice(vectors(family), 0, None, every):
            try:
                Replay(vector).play()
            except AssertionError as error:
                error.add_note(f"in {vector['id']}")
                raise
