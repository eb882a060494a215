# SPDX-License-Identifier: GPL-2.0-only
"""Machine.trace: the two events of a turn, as arrays without a copy and as the text of ftrace."""

from __future__ import annotations

import errno
import gc
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import TIMEOUT, Cache, Doing, Held, Running, in_callback, register, registered

import shrinkpy as sp
from shrinkpy.core import ffi, lib

MEMCG = sp.Flags.MEMCG_AWARE
START, END = 0, 1

# Written from the texts of 6.12, not from the code that prints them.
LINE = re.compile(
    r"(?P<comm> *[^\n]{1,16}?)-(?P<pid>\d+) +\[(?P<cpu>\d{3,})\] (?P<irq>.{5}) "
    r" *(?P<time>\d+(?:\.\d{6})?): (?P<event>mm_shrink_slab_(?:start|end)): (?P<rest>.*)\n"
)
START_REST = re.compile(
    r"(?P<symbol>\S+) (?P<pointer>[0-9a-f]{16}): nid: (?P<nid>\d+) objects to shrink (?P<nr>-?\d+) "
    r"gfp_flags (?P<gfp>\S+) cache items (?P<freeable>-?\d+) delta (?P<delta>-?\d+) "
    r"total_scan (?P<total_scan>-?\d+) priority (?P<priority>\d+)"
)
END_REST = re.compile(
    r"(?P<symbol>\S+) (?P<pointer>[0-9a-f]{16}): nid: (?P<nid>\d+) unused scan count (?P<nr>-?\d+) "
    r"new scan count (?P<new_nr>-?\d+) total_scan (?P<total_scan>-?\d+) "
    r"last shrinker return val (?P<retval>-?\d+)"
)
HEADER = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {kept}/{written}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""


def rows(machine: sp.Machine) -> list[dict[str, Any]]:
    """The events, as dicts."""
    array = machine.trace.array()
    return [dict(zip(array.dtype.names, event, strict=True)) for event in array.tolist()]


def parsed(text: str) -> list[dict[str, str]]:
    """The lines of a trace, read back."""
    found = []
    for line in text.splitlines(keepends=True):
        if line.startswith("#"):
            continue
        whole = LINE.fullmatch(line)
        assert whole, line
        rest = (START_REST if whole["event"].endswith("start") else END_REST).fullmatch(whole["rest"])
        assert rest, line
        found.append({**whole.groupdict(), **rest.groupdict()})
    return found


class TestStartAndStop:
    def test_it_is_off_at_first(self, machine: sp.Machine) -> None:
        with register(machine, Cache(10)):
            machine.shrink_slab(priority=0)
        assert not machine.trace.on
        assert len(machine.trace.array()) == 0
        assert machine.trace.rings == []
        assert machine.trace.overrun == 0

    def test_it_is_one_object(self, machine: sp.Machine) -> None:
        assert machine.trace is machine.trace
        with machine.trace.start() as trace:
            assert trace is machine.trace
            assert trace.on
        assert not machine.trace.on

    def test_what_was_traced_stays_after_stop(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000), seeks=4):
            with machine.trace.start():
                machine.shrink_slab(priority=5)
            machine.shrink_slab(priority=5)
        assert len(machine.trace.array()) == 2

    def test_a_new_start_forgets_it(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000), seeks=4):
            for _ in range(2):
                with machine.trace.start():
                    machine.shrink_slab(priority=5)
                    assert [e["seq"] for e in rows(machine)] == [0, 1]
            machine.trace.start()
        assert len(machine.trace.array()) == 0

    def test_not_while_a_pass_runs(self, machine: sp.Machine) -> None:
        held = Held()
        with register(machine, held), in_callback(machine, held):
            with pytest.raises(OSError, match="EBUSY") as caught:
                machine.trace.start()
            assert caught.value.errno == errno.EBUSY
            assert not machine.trace.on
        machine.trace.start().stop()

    @pytest.mark.parametrize("entries", [0, -1, -(2**70)])
    def test_a_ring_has_one_event_at_least(self, machine: sp.Machine, entries: int) -> None:
        with pytest.raises(ValueError, match="entries must be 1 or more"):
            machine.trace.start(entries)
        assert not machine.trace.on

    def test_too_many_are_refused(self, machine: sp.Machine) -> None:
        with pytest.raises((ValueError, MemoryError)):
            machine.trace.start(2**70)
        assert not machine.trace.on

    def test_stop_in_a_callback_stops_at_once(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(5), Doing(count=lambda _sc: machine.trace.stop() or 10), Cache(5)):
            machine.trace.start()
            machine.shrink_slab(priority=0)
        assert [e["kind"] for e in rows(machine)] == [START, END]


class TestEvents:
    def test_a_turn_has_a_start_and_an_end(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000), seeks=4) as shrinker, machine.trace.start():
            machine.shrink_slab(sp.Gfp.NOFS, priority=5)
            machine.shrink_slab(sp.Gfp.NOFS, priority=1)
            address = shrinker._address
        start, end, again, last = rows(machine)
        common = {"shrinker": address, "memcg_ino": 1, "nid": 0, "tid": threading.get_native_id()}
        for event in (start, end, again, last):
            assert common.items() <= event.items()
        # 1000 >> 5 = 31, less than a batch: deferred. Then 31 >> 1, and 500: four batches less 3 of 128.
        assert {
            "kind": START, "nr": 0, "freeable": 1000, "delta": 31, "total_scan": 31, "priority": 5,
            "gfp_mask": 0xC40, "new_nr": 0, "retval": 0,
        }.items() <= start.items()  # fmt: skip
        assert {
            "kind": END, "nr": 0, "new_nr": 31, "total_scan": 31, "retval": 0,
            "freeable": 0, "delta": 0, "priority": 0, "gfp_mask": 0,
        }.items() <= end.items()  # fmt: skip
        assert {"nr": 31, "delta": 500, "total_scan": 515, "priority": 1}.items() <= again.items()
        assert {"nr": 31, "new_nr": 19, "total_scan": 3, "retval": 512}.items() <= last.items()

    @pytest.mark.parametrize("count", [0, sp.CountObjects.EMPTY])
    def test_nothing_to_count_no_event(self, machine: sp.Machine, count: int) -> None:
        with register(machine, Doing(count=lambda _sc: count)), machine.trace.start():
            machine.shrink_slab()
        assert rows(machine) == []

    def test_nothing_to_scan_still_has_both(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1)), machine.trace.start():
            machine.shrink_slab(priority=12)
        assert [(e["kind"], e["total_scan"]) for e in rows(machine)] == [(START, 0), (END, 0)]

    def test_they_name_the_cgroup(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        with register(machine, Cache(5), flags=MEMCG) as shrinker, machine.trace.start():
            shrinker.set_bit(app)
            machine.shrink_slab(memcg=app)
        assert [e["memcg_ino"] for e in rows(machine)] == [app.ino] * 2

    def test_where_cgroups_are_disabled_they_name_none(self) -> None:
        with sp.Machine(memcg=False) as machine, register(machine, Cache(5)), machine.trace.start():
            machine.shrink_slab()
            assert [e["memcg_ino"] for e in rows(machine)] == [0, 0]

    def test_they_have_the_node_of_the_pass(self) -> None:
        with sp.Machine(nr_nodes=3) as machine, register(machine, Cache(5)), machine.trace.start():
            machine.shrink_slab(nid=2)
            assert [e["nid"] for e in rows(machine)] == [2, 2]

    def test_the_result_is_cut_to_a_signed_int(self, machine: sp.Machine) -> None:
        huge = Doing(count=lambda _sc: 1, scan=lambda _sc: 2**32 + 2**31)
        with register(machine, huge, seeks=4), machine.trace.start():
            assert machine.shrink_slab(priority=0) == 2**32 + 2**31
        assert rows(machine)[1]["retval"] == -(2**31)

    def test_a_nested_pass_stands_between(self, machine: sp.Machine) -> None:
        def scan(sc: sp.ShrinkControl) -> int:
            machine.shrink_slab(priority=0, memcg=app)
            return sc.nr_to_scan

        app = machine.root.create("app")
        with register(machine, Doing(scan=scan)), register(machine, Cache(5), flags=MEMCG) as inner:
            inner.set_bit(app)
            with machine.trace.start():
                machine.shrink_slab(priority=0)
        events = [(e["kind"], e["memcg_ino"]) for e in rows(machine)]
        assert events[:4] == [(START, 1), (START, app.ino), (END, app.ino), (END, 1)]

    def test_a_shrinker_that_has_gone_keeps_its_name(self, machine: sp.Machine) -> None:
        with machine.trace.start(), register(machine, Cache(5), "short lived"):
            machine.shrink_slab()
        gc.collect()
        (name,) = {e["name"] for e in rows(machine)}
        assert machine.trace.names(name) == ("Cache.scan_objects", "short lived")

    def test_an_unknown_name_is_a_question_mark(self, machine: sp.Machine) -> None:
        assert machine.trace.names(5) == ("?", "?")


class TestClock:
    def test_with_it_events_have_time_and_cpu(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start():
            for _ in range(3):
                machine.shrink_slab()
        array = machine.trace.array()
        assert (array["time"] > 0).all()
        assert (np.diff(array["time"].astype("i8")) >= 0).all()
        assert (array["cpu"] >= 0).all()

    def test_off_they_have_their_order_alone(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(clock=False):
            for _ in range(3):
                machine.shrink_slab()
        array = machine.trace.array()
        assert array["time"].tolist() == [0] * 6
        assert array["cpu"].tolist() == [-1] * 6
        assert array["seq"].tolist() == list(range(6))


class TestRings:
    def test_one_a_thread_in_the_order_of_their_first_pass(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start():
            machine.shrink_slab()
            tid = Running(lambda: (machine.shrink_slab(), threading.get_native_id())[1]).join()
            machine.shrink_slab()
        rings = machine.trace.rings
        assert [ring.tid for ring in rings] == [threading.get_native_id(), tid]
        assert [ring.written for ring in rings] == [4, 2]
        assert rings[0].comm == Path("/proc/self/comm").read_text().rstrip("\n")

    def test_the_order_of_all_is_that_of_seq(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start():
            for _ in range(3):
                machine.shrink_slab()
                Running(machine.shrink_slab).join()
        array = machine.trace.array()
        assert array["seq"].tolist() == list(range(12))
        tids = array["tid"].tolist()
        assert all(tids[i] == tids[0] for i in (0, 1, 4, 5, 8, 9))

    def test_they_are_the_cores_own_memory(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=16):
            machine.shrink_slab()
            (ring,) = machine.trace.rings
            assert ring.slots.shape == (16,)
            assert not ring.slots.flags.owndata
            assert not ring.slots.flags.writeable
            assert ring.slots["seq"][2:].tolist() == [0] * 14
            machine.shrink_slab()
            assert ring.slots["seq"][:4].tolist() == [0, 1, 2, 3]  # seen without asking again
            assert ring.written == 2
            info = ffi.new("struct sp_trace_ring *")
            core = ffi.new("struct sp_ring **")
            assert lib.sp_trace_ring_get(machine._pointer, 0, core)
            lib.sp_trace_ring_read(core[0], info)
            assert ring.slots.ctypes.data == int(ffi.cast("uintptr_t", info.events))
            lib.sp_trace_ring_put(core)

    def test_what_was_not_overwritten_is_a_view(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=16):
            machine.shrink_slab()
        (ring,) = machine.trace.rings
        assert np.shares_memory(ring.array(), ring.slots)
        assert len(ring.array()) == 2

    def test_they_outlive_the_trace_and_its_machine(self) -> None:
        machine = sp.Machine()
        with register(machine, Cache(1000)), machine.trace.start():
            machine.shrink_slab()
        (ring,) = machine.trace.rings
        array = ring.array()
        before = array.tolist()
        machine.trace.start()
        machine.close()
        del machine, ring
        gc.collect()
        assert array.tolist() == before

    @pytest.mark.parametrize(("entries", "size"), [(1, 1), (2, 2), (3, 4), (100, 128)])
    def test_their_size_is_the_next_power_of_two(self, machine: sp.Machine, entries: int, size: int) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries):
            machine.shrink_slab()
        assert machine.trace.rings[0].slots.shape == (size,)

    def test_the_dtype_is_the_struct(self, machine: sp.Machine) -> None:
        dtype = machine.trace.array().dtype
        struct = ffi.typeof("struct sp_trace_event")
        assert list(dtype.names or ()) == [name for name, _ in struct.fields]
        assert dtype.itemsize == ffi.sizeof(struct)
        for name, field in struct.fields:
            assert dtype.fields is not None
            kind, offset = dtype.fields[name][:2]
            assert (kind.itemsize, offset) == (ffi.sizeof(field.type), field.offset)
            assert kind.kind == ("u" if field.type.cname.startswith("u") else "i")


class TestOverrun:
    def test_the_oldest_are_overwritten_and_counted(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=8):
            for _ in range(7):
                machine.shrink_slab()
        (ring,) = machine.trace.rings
        assert (ring.written, ring.overrun, machine.trace.overrun) == (14, 6, 6)
        assert ring.array()["seq"].tolist() == list(range(6, 14))
        assert machine.trace.array()["seq"].tolist() == list(range(6, 14))
        assert ring.slots["seq"].tolist() == [8, 9, 10, 11, 12, 13, 6, 7]

    def test_a_full_one_has_lost_none(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=8):
            for _ in range(4):
                machine.shrink_slab()
        assert machine.trace.overrun == 0
        assert machine.trace.array()["seq"].tolist() == list(range(8))

    def test_each_thread_has_its_own(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=2):
            for _ in range(3):
                machine.shrink_slab()
            Running(machine.shrink_slab).join()
        assert [ring.overrun for ring in machine.trace.rings] == [4, 0]
        assert machine.trace.array()["seq"].tolist() == [4, 5, 6, 7]

    def test_a_new_start_counts_anew(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=1):
            machine.shrink_slab()
        assert machine.trace.overrun == 1
        machine.trace.start().stop()
        assert machine.trace.overrun == 0


class TestText:
    def test_its_header_is_that_of_6_12(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(entries=2):
            for _ in range(3):
                machine.shrink_slab()
        text = machine.trace.text()
        cpus = re.search(r"#P:(\d+)", text)
        assert cpus
        assert text.startswith(HEADER.format(kept=2, written=6, cpus=cpus[1]))
        assert text.count("\n") == HEADER.count("\n") + 2

    def test_empty_it_is_the_header(self, machine: sp.Machine) -> None:
        text = machine.trace.text()
        assert len(text.splitlines()) == HEADER.count("\n")
        assert "entries-in-buffer/entries-written: 0/0 " in text

    def test_its_lines_read_back_are_the_events(self, machine: sp.Machine) -> None:
        app = machine.root.create("app")
        signed = Doing(
            count=lambda _sc: sp.CountObjects.raw(2**64 - 1000), scan=lambda _sc: sp.ScanObjects.STOP
        )
        with (
            register(machine, Cache(1000), "plain", seeks=4),
            register(machine, Cache(10**15), "large", batch=2**62),
            register(machine, signed, "negative"),
            register(machine, Cache(50), "aware", flags=MEMCG) as aware,
            machine.trace.start(),
        ):
            aware.set_bit(app)
            for priority in (12, 5, 1, 0):
                machine.shrink_slab(sp.Gfp.HIGHUSER_MOVABLE | sp.Gfp.ZERO, priority=priority)
                machine.shrink_slab(0, priority=priority, memcg=app)
            Running(lambda: machine.shrink_slab(sp.Gfp.NOFS)).join()
        events, lines = rows(machine), parsed(machine.trace.text())
        assert len(events) == len(lines) > 30
        gfp = {0x100CCA | 0x100: "GFP_HIGHUSER_MOVABLE|__GFP_ZERO", 0xC40: "GFP_NOFS", 0: "none"}
        for event, line in zip(events, lines, strict=True):
            seconds, ns = divmod(event["time"], 10**9)
            assert line["event"] == ("mm_shrink_slab_start", "mm_shrink_slab_end")[event["kind"]]
            assert (int(line["pid"]), int(line["cpu"])) == (event["tid"], event["cpu"])
            assert line["time"] == f"{seconds}.{ns // 1000:06d}"
            assert line["irq"] == "....."
            assert int(line["pointer"], 16) == event["shrinker"]
            assert line["symbol"] in ("Cache.scan_objects", "Doing.scan_objects")
            for key in ("nid", "nr", "total_scan"):
                assert int(line[key]) == event[key]
            if event["kind"] == END:
                assert (int(line["new_nr"]), int(line["retval"])) == (event["new_nr"], event["retval"])
                continue
            assert line["gfp"] == gfp[event["gfp_mask"]]
            assert int(line["delta"]) % 2**64 == event["delta"]
            assert -(2**63) <= int(line["delta"]) < 2**63  # %lld
            assert (int(line["freeable"]), int(line["priority"])) == (event["freeable"], event["priority"])
        assert any(int(line["freeable"]) < 0 for line in lines if "freeable" in line)

    def test_a_line_byte_for_byte(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000), seeks=4) as shrinker, machine.trace.start():
            machine.shrink_slab(priority=5)
            pointer = f"{shrinker._address:016x}"
        task = f"{machine.trace.rings[0].comm:>16}-{threading.get_native_id():<7}"
        cpu, time = machine.trace.array()["cpu"], machine.trace.array()["time"] // 1000
        stamps = [f"[{cpu[i]:03d}] ..... {time[i] // 10**6:5d}.{time[i] % 10**6:06d}" for i in (0, 1)]
        assert "".join(list(machine.trace.lines())[12:]) == (
            f"{task} {stamps[0]}: mm_shrink_slab_start: Cache.scan_objects {pointer}: nid: 0 "
            "objects to shrink 0 gfp_flags GFP_KERNEL cache items 1000 delta 31 total_scan 31 priority 5\n"
            f"{task} {stamps[1]}: mm_shrink_slab_end: Cache.scan_objects {pointer}: nid: 0 "
            "unused scan count 0 new scan count 31 total_scan 31 last shrinker return val 0\n"
        )

    def test_without_a_clock_the_time_is_the_events_number(self, machine: sp.Machine) -> None:
        with register(machine, Cache(1000)), machine.trace.start(clock=False):
            for _ in range(3):
                machine.shrink_slab()
        lines = parsed(machine.trace.text())
        assert [line["time"] for line in lines] == [str(i) for i in range(6)]
        assert {line["cpu"] for line in lines} == {"000"}

    def test_the_symbol_has_no_blank_in_it(self, machine: sp.Machine) -> None:
        odd = type("My odd\tcache", (Cache,), {"__qualname__": "a My odd\tcache"})
        with register(machine, odd(5)), machine.trace.start():
            machine.shrink_slab()
        assert {line["symbol"] for line in parsed(machine.trace.text())} == {"aMyoddcache.scan_objects"}

    def test_with_callbacks_the_symbol_is_theirs(self, machine: sp.Machine) -> None:
        with register(machine, Doing(objects=5), callbacks=Cache), machine.trace.start():
            machine.shrink_slab()
        assert {line["symbol"] for line in parsed(machine.trace.text())} == {"Cache.scan_objects"}

    def test_a_long_symbol_is_cut(self, machine: sp.Machine) -> None:
        long = type("x" * 300, (Cache,), {})
        with register(machine, long(5)), machine.trace.start():
            machine.shrink_slab()
        assert {line["symbol"] for line in parsed(machine.trace.text())} == {"x" * 127}

    def test_the_task_is_the_thread_that_reclaimed(self, machine: sp.Machine) -> None:
        def reclaim() -> int:
            Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("a kswapd-7")
            machine.shrink_slab()
            return threading.get_native_id()

        with register(machine, Cache(1000)), machine.trace.start():
            tid = Running(reclaim).join()
        assert [(line["comm"].strip(), int(line["pid"])) for line in parsed(machine.trace.text())] == [
            ("a kswapd-7", tid)
        ] * 2

    def test_it_may_be_read_while_others_reclaim(self, machine: sp.Machine) -> None:
        stop = threading.Event()

        def reclaim() -> int:
            passes = 0
            while not stop.is_set():
                machine.shrink_slab()
                passes += 1
            return passes

        with register(machine, Cache(1000), seeks=1), machine.trace.start(entries=32):
            running = [Running(reclaim) for _ in range(2)]
            for _ in range(3):
                assert all(machine.trace.rings[i].written >= 0 for i in range(len(machine.trace.rings)))
                machine.trace.text()
            stop.set()
            assert all(each.join() >= 0 for each in running)

    def test_a_thread_that_starts_to_reclaim_while_it_is_read(self, machine: sp.Machine) -> None:
        class Late(type(machine.trace)):  # type: ignore[misc]
            def array(self) -> Any:
                Running(machine.shrink_slab).join()  # between the look at the rings and at the events
                return super().array()

        with register(machine, Cache(1000)), machine.trace.start():
            machine.shrink_slab()
            late = Late(machine)
            assert len(parsed(late.text())) >= 2


class TestHeldReader:
    def test_an_array_may_be_kept_while_the_trace_starts_anew(self, machine: sp.Machine) -> None:
        barrier = threading.Barrier(2)
        with register(machine, Cache(1000)):

            def reclaim() -> None:
                for _ in range(3):
                    barrier.wait(TIMEOUT)
                    machine.shrink_slab()
                    barrier.wait(TIMEOUT)

            running = Running(reclaim)
            kept = []
            for _ in range(3):
                machine.trace.start()
                barrier.wait(TIMEOUT)
                barrier.wait(TIMEOUT)
                kept.append(machine.trace.rings[0].array())
            running.join()
        assert [array["seq"].tolist() for array in kept] == [[0, 1]] * 3
