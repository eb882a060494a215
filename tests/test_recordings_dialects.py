# SPDX-License-Identifier: GPL-2.0-only
"""The same events as every tool prints them, read back field by field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_strategies import events
from recorded_text import (
    BY_NAME,
    DIALECTS,
    PROBES,
    SHRINKING,
    VMSCAN,
    Callback,
    Dialect,
    DirectBegin,
    End,
    Event,
    KswapdWake,
    Lost,
    ScanRet,
    ShrinkSlab,
    Start,
    WakeupKswapd,
    add_up,
    reading,
    rows_of,
    write,
)

from shrinkpy.recordings.recording import Form, Kind, Mark

TRACE, PIPE, PERF = BY_NAME["trace"], BY_NAME["trace_pipe"], BY_NAME["perf script"]
EVERY = pytest.mark.parametrize("dialect", DIALECTS, ids=str)


def sample(dialect: Dialect) -> list[Event]:
    """One of each kind, and a start and an end of each era."""
    found: list[Event] = []
    for i, kind in enumerate(kind for kind in dialect.kinds if kind is not Lost):
        found.append(kind(comm=f"task {i}", pid=100 + i, tgid=200 + i, cpu=i, time=3 * 10**9 + i * 10**6))
    found += [kind(era=era) for kind in SHRINKING for era in dialect.eras]
    return found


def read_back(given: list[Event], dialect: Dialect, *, others: bool = False) -> None:
    written = write(given, dialect, others=others)
    recording = reading(written.text)
    add_up(recording)
    assert recording.unread == []
    assert rows_of(recording) == written.rows
    assert recording.counts.lines == written.lines
    assert recording.counts.comments == written.comments
    assert recording.counts.others == written.others


COMMS = [
    "Web Content-12", "kworker/u8:2-ev", "a: b", "<...>", "(sd-pam)", "[kthreadd]", "1", "-1", "0-0", "a  b",
    "a-1 [000] ....", "x 1.000000: y", ":-)", "=>", "CPU:0 [LOST 1 E", "# tracer", "cpus=2", "a:b:c:d",
    "mm_shrink_slab_", "\xc3\xa9t\xc3\xa9", "\xff\xfe", "CPU 1 is empty", "ffffffff8100000", "version = 6",
]  # fmt: skip


class TestEachDialect:
    @EVERY
    def test_one_of_each_kind(self, dialect: Dialect) -> None:
        read_back(sample(dialect), dialect)

    @EVERY
    def test_other_events_between_are_counted(self, dialect: Dialect) -> None:
        if dialect.tells:
            read_back(sample(dialect), dialect, others=True)

    @EVERY
    def test_no_event_at_all(self, dialect: Dialect) -> None:
        read_back([], dialect)

    @EVERY
    def test_comms(self, dialect: Dialect) -> None:
        """Blanks, dashes, colons, brackets, digits, and bytes that are no text."""
        comms = COMMS
        if dialect.comm == 8:
            # A line that begins with # is a comment.
            comms = [comm for comm in comms if not comm.startswith("#")]
        read_back([kind(comm=comm, pid=4194304) for comm in comms for kind in SHRINKING], dialect)


class TestAnyEvents:
    @settings(max_examples=2 * settings().max_examples)
    @given(data=st.data(), dialect=st.sampled_from(DIALECTS), others=st.booleans())
    def test_are_read_as_they_were_written(self, data: Any, dialect: Dialect, others: bool) -> None:
        read_back(data.draw(events(dialect)), dialect, others=others and bool(dialect.tells))


class TestHeads:
    def only(self, text: str) -> dict[str, Any]:
        recording = reading(text.encode())
        add_up(recording)
        (row,) = rows_of(recording)
        return row

    SLEEP = "mm_vmscan_kswapd_sleep: nid=1"

    @pytest.mark.parametrize(
        ("stamp", "time"),
        [
            ("0.000000", 0),
            ("    5.896348", 5_896_348_000),
            ("28286961.747146", 28_286_961_747_146_000),
            ("5.896348123", 5_896_348_123),
            ("9223372036.854775807", 2**63 - 1),
            ("1.5", 1_500_000_000),
            ("1.1234567", 1_123_456_700),
            ("1.12345678", 1_123_456_780),
            ("1.1234567891234", 1_123_456_789),
        ],
    )
    def test_seconds(self, stamp: str, time: int) -> None:
        row = self.only(f"kswapd0-51 [001] ..... {stamp}: {self.SLEEP}\n")
        assert (row["time"], row["mark"]) == (time, Mark(0))

    @pytest.mark.parametrize("count", [0, 7, 2**63 - 1])
    def test_a_count_is_no_time(self, count: int) -> None:
        row = self.only(f"kswapd0-51 [001] ..... {count}: {self.SLEEP}\n")
        assert (row["time"], row["mark"]) == (count, Mark.RAW_TIME)

    @pytest.mark.parametrize("stamp", ["9223372036.854775808", str(2**63), str(2**64), "1" * 400])
    def test_a_time_past_64_bits_is_none(self, stamp: str) -> None:
        """The event is read, for what it is worth."""
        row = self.only(f"kswapd0-51 [001] ..... {stamp}: {self.SLEEP}\n")
        assert "time" not in row
        assert row["nid"] == 1

    @pytest.mark.parametrize("mark", " +!#*@$")
    def test_marks_of_the_latency_format(self, mark: str) -> None:
        row = self.only(f"kswapd0-51        1d..2. 1061494us{mark}: {self.SLEEP}\n")
        assert (row["time"], row["cpu"], row["pid"]) == (1_061_494_000, 1, 51)

    @pytest.mark.parametrize("cpu", [0, 12, 127, 8191])
    @pytest.mark.parametrize("flags", [".....", "d..2.", "dNs3b", "....", "b.h1.2", "1", ""])
    def test_cpu_and_flags(self, cpu: int, flags: str) -> None:
        row = self.only(f"kswapd0-51      [{cpu:03d}] {flags} 1.000000: {self.SLEEP}\n")
        assert (row["cpu"], row["pid"], row["comm"]) == (cpu, 51, b"kswapd0")

    @pytest.mark.parametrize("cpu", [0, 12, 127, 8191])
    @pytest.mark.parametrize("flags", [".....", "d..2.", "dNs3b", "....", "b.h1.2"])
    def test_cpu_and_flags_in_one_column(self, cpu: int, flags: str) -> None:
        """Option latency-format."""
        row = self.only(f" kswapd0-51      {cpu:3d}{flags}  123us : {self.SLEEP}\n")
        assert (row["cpu"], row["pid"], row["comm"]) == (cpu, 51, b"kswapd0")

    def test_a_tgid_that_is_not_known(self) -> None:
        row = self.only(f"kswapd0-51      (-------) [001] ..... 1.000000: {self.SLEEP}\n")
        assert (row["pid"], row["cpu"]) == (51, 1)
        assert "tgid" not in row

    def test_a_comm_that_is_empty(self) -> None:
        row = self.only(f"                -51      [001] ..... 1.000000: {self.SLEEP}\n")
        assert (row["comm"], row["pid"], row["cpu"]) == (b"", 51, 1)

    def test_perf_of_a_task_whose_comm_it_does_not_know(self) -> None:
        row = self.only(f"           :4711  4711 [001]     1.000000: vmscan:{self.SLEEP}\n")
        assert (row["comm"], row["pid"], row["cpu"]) == (b":4711", 4711, 1)

    def test_a_latency_line_cuts_the_comm(self) -> None:
        (row,) = rows_of(reading(write([Start(comm="Web Content-12")], BY_NAME["latency-format"]).text))
        assert row["comm"] == b"Web Cont"

    def test_group_and_event_of_perf(self) -> None:
        """Of a group whose name has digits, and without a blank in front."""
        assert self.only(f"a 1 [000] 1.000000: vmscan:{self.SLEEP}\n")["kind"] == Kind.KSWAPD_SLEEP


class TestPointersAndSymbols:
    @pytest.mark.parametrize("pointer", ["(null)", "(efault)", "(ptrval)", "(____ptrval____)"])
    def test_a_pointer_that_is_none(self, pointer: str) -> None:
        text = write([Start()], TRACE).text.replace(b"00000000646e0461", pointer.encode())
        (row,) = rows_of(reading(text))
        assert "shrinker" not in row
        assert row == {k: v for k, v in write([Start()], TRACE).rows[0].items() if k != "shrinker"}

    @pytest.mark.parametrize("kind", SHRINKING)
    @pytest.mark.parametrize("era", "ABCE")
    def test_a_pointer_and_its_blank_that_are_left_out(self, kind: type[Start | End], era: str) -> None:
        written = write([kind(era=era, module="ext4")], BY_NAME["trace, pointers left out"])
        assert rows_of(reading(written.text.replace(b" : ", b": "))) == written.rows

    @pytest.mark.parametrize("kind", SHRINKING)
    @pytest.mark.parametrize("era", "BCE")
    def test_a_colon_that_is_left_out(self, kind: type[Start | End], era: str) -> None:
        """Behind the pointer: it is no other era for that."""
        written = write([kind(era=era)], TRACE)
        assert rows_of(reading(written.text.replace(b": nid:", b" nid:"))) == written.rows

    def test_a_module_named_as_a_pointer(self) -> None:
        """[dead] is one in hex."""
        written = write([Start(module="dead"), End(module="beef")], TRACE)
        assert rows_of(reading(written.text)) == written.rows

    @pytest.mark.parametrize("symbol", ["a", "dead", "nid", "objects", "x.isra.0", "_R" + "Nv" * 100])
    @pytest.mark.parametrize("dialect", [TRACE, BY_NAME["trace, bare symbols"], PERF], ids=str)
    def test_symbols(self, dialect: Dialect, symbol: str) -> None:
        written = write([Start(symbol=symbol), End(symbol=symbol)], dialect)
        assert rows_of(reading(written.text)) == written.rows

    def test_equal_names_are_one(self) -> None:
        recording = reading(write([Start(), End(), Start(symbol="x"), Start(gfp="x")], TRACE).text)
        assert recording.names[0] == ""
        assert len(set(recording.names)) == len(recording.names)
        assert recording.events["symbol"].tolist()[0] == recording.events["symbol"].tolist()[1]

    @pytest.mark.parametrize(
        ("gfp", "mask"),
        [("none", 0), ("0x100cca", 0x100CCA), ("GFP_KERNEL", 0xCC0), ("GFP_KERNEL|__GFP_NOWARN", 0x2CC0)],
    )
    def test_gfp_masks(self, gfp: str, mask: int) -> None:
        recording = reading(write([Start(gfp=gfp)], TRACE).text)
        masks = recording.gfp_masks
        assert masks[recording.events["gfp"][0]] == mask
        assert masks[recording.events["symbol"][0]] == -1


class TestFieldsInsteadOfText:
    @pytest.mark.parametrize("dialect", [d for d in DIALECTS if d.raw], ids=str)
    @pytest.mark.parametrize("n", [-(2**31), -2, -1, 2**31 - 1])
    def test_ints_have_signs(self, dialect: Dialect, n: int) -> None:
        """In hex they show none: 0xffffffff is -1 where the field is an int."""
        read_back([Start(nid=n, priority=n), End(nid=n, ret=n)], dialect)

    @pytest.mark.parametrize("dialect", [d for d in DIALECTS if d.raw], ids=str)
    @pytest.mark.parametrize("n", [-(2**63), -1, 2**32 - 1, 2**63 - 1])
    def test_longs_have_signs(self, dialect: Dialect, n: int) -> None:
        told = [Start(nr=n, items=n, delta=n, total_scan=n), End(nr=n, new_nr=n, total_scan=n)]
        read_back(told, dialect)

    def test_pairs_out_of_order(self) -> None:
        """A field's name says what it is."""
        pairs = "shr=0x10 retval=5 nid=3 new_scan=7 unused_scan=6 total_scan=1"
        (row,) = rows_of(reading(f"{TRACE.head(End())}mm_shrink_slab_end: {pairs}\n".encode()))
        values = {"ret": 5, "nid": 3, "shrinker": 16, "new_nr": 7, "nr": 6, "total_scan": 1}
        assert {name: row.get(name) for name in values} == values


class TestOtherEventsOfVmscan:
    def test_of_older_kernels(self) -> None:
        """They had more to tell."""
        recording = reading(
            b"chrome-2798  [000] ....  6099.187991: mm_vmscan_direct_reclaim_begin: order=3 may_writepage=1 "
            b"gfp_flags=GFP_TEMPORARY|__GFP_HIGHMEM classzone_idx=2\n"
            b"chrome-2798  [000] ....  6099.187992: mm_vmscan_wakeup_kswapd: nid=0 zid=2 order=4\n"
            b"chrome-2798  [000] ....  6099.187993: mm_vmscan_kswapd_wake: nid=1 zid=3 order=5\n"
        )
        add_up(recording)
        told = [
            DirectBegin(order=3, gfp="GFP_TEMPORARY|__GFP_HIGHMEM"),
            WakeupKswapd(nid=0, order=4),
            KswapdWake(nid=1, order=5),
        ]
        rows = [
            TRACE.row(replace(e, comm="chrome", pid=2798, time=6_099_187_991_000 + i * 1000))
            for i, e in enumerate(told)
        ]
        del rows[1]["gfp"]
        assert rows_of(recording) == [{"line": i} | row for i, row in enumerate(rows, 1)]

    @pytest.mark.parametrize(
        "name", ["mm_vmscan_lru_isolate", "mm_shrink_slab", "mm_shrink_slab_start2", "xmm_shrink_slab_end"]
    )
    def test_names_that_are_nearly_ours(self, name: str) -> None:
        recording = reading(f"a-1 [000] ..... 1.000000: {name}: nid=0 order=0\n".encode())
        add_up(recording)
        assert (recording.counts.others, recording.counts.events) == (1, 0)

    @pytest.mark.parametrize("name", [kind.NAME for kind in VMSCAN])
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "cut before its first field"),
            (" ", "cut before its first field"),
            (" nid", "cut before its first field"),
            (" what is this", "something else where a field belongs"),
            (" nid=x order=y", "something else where a field belongs"),
            (" nid=1x order=0xg nr_reclaimed=5-", "something else where a field belongs"),
        ],
    )
    def test_without_a_field(self, name: str, text: str, reason: str) -> None:
        recording = reading(f"a-1 [000] ..... 1.000000: {name}:{text}\n".encode())
        add_up(recording)
        assert recording.counts.events == 0
        assert recording.unread_reasons == {reason: 1}

    @pytest.mark.parametrize("kind", VMSCAN)
    def test_that_lack_their_last_field(self, kind: type[Event]) -> None:
        text = PIPE.line(kind())
        if " gfp_flags=" in text:
            (row,) = rows_of(reading(text[: text.index("gfp_flags=")].encode()))
            assert row == {"line": 1} | {
                k: v for k, v in PIPE.row(kind()).items() if k not in ("gfp", "mark")
            } | {"mark": Mark.CUT if kind is not WakeupKswapd else Mark(0)}

    def test_an_event_that_speaks_of_ours(self) -> None:
        recording = reading(
            b"a-1 [000] ..... 1.000000: sched_waking: comm=mm_shrink_slab pid=9 prio=120\n"
            b"a-1 [000] ..... 1.000000: tracing_mark_write: mm_shrink_slab_start\n"
            b"a-1 [000] ..... 1.000000: kprobe: (vfs_read+0x4/0x9 <- mm_shrink_slab_end) nr=1\n"
        )
        add_up(recording)
        assert recording.counts.others == 3


class TestProbes:
    @pytest.mark.parametrize("kind", PROBES)
    def test_in_perf_with_its_group(self, kind: type[Event]) -> None:
        event = kind(pid=9)
        text = PERF.head(event) + f"shrink:{event.NAME}: {event.body(PERF)}\n"
        (row,) = rows_of(reading(text.encode()))
        assert row == {"line": 1} | PERF.row(event)

    def test_a_probe_by_any_name(self) -> None:
        """Where it is tells what it is."""
        events = [ShrinkSlab(), Callback(), ScanRet()]
        text = "".join(f"{TRACE.head(e)}p_{i}: {e.body(TRACE)}\n" for i, e in enumerate(events))
        assert rows_of(reading(text.encode())) == [
            {"line": i} | TRACE.row(e) for i, e in enumerate(events, 1)
        ]

    def test_a_count_has_no_nr_scanned(self) -> None:
        text = "a-1 [000] ..... 1.0: f_ret: (do_shrink_slab+0x3a/0x350 <- f) ret=5\n"
        (row,) = rows_of(reading(text.encode()))
        assert row["kind"] == Kind.CALLBACK_RET
        assert "nr_scanned" not in row

    def test_a_probe_elsewhere_is_another_event(self) -> None:
        recording = reading(
            b"a-1 [000] ..... 1.0: r: (ksys_read+0x67/0xe0 <- vfs_read) ret=5\n"
            b"a-1 [000] ..... 1.0: p: (vfs_read+0x4/0x300) count=5\n"
        )
        assert (recording.counts.others, recording.counts.events) == (2, 0)


class TestInterleaved:
    """Two writers' texts in one line: neither is lost where it can be told, and no number is a mixture."""

    FIRST = Start(pid=10, comm="first", symbol="first_scan", nr=111111, items=222222)
    SECOND = End(pid=20, comm="second", symbol="second_scan", nr=333333, new_nr=444444)

    @pytest.mark.parametrize("first", [FIRST, SECOND, replace(FIRST, era="A"), replace(SECOND, era="A")])
    @pytest.mark.parametrize(
        "dialect", [TRACE, BY_NAME["trace, flags of 4"], PERF, BY_NAME["trace-cmd report"]], ids=str
    )
    def test_a_line_that_another_cuts(self, dialect: Dialect, first: Start | End) -> None:
        """After every byte of its text."""
        whole = dialect.line(first).rstrip("\n")
        second = replace(self.SECOND, time=26 * 10**9)
        begin = len(dialect.head(first) + dialect.named(first))
        cuts = range(begin, len(whole) + 1)
        recording = reading("".join(f"{whole[:cut]}{dialect.line(second)}" for cut in cuts).encode())
        add_up(recording)
        assert recording.counts.unread == 0
        rows: dict[int, list[dict[str, Any]]] = {}
        for row in rows_of(recording):
            rows.setdefault(row.pop("line"), []).append(row)
        true = dialect.row(first)
        filled = first.filled(dialect)
        end_of_last, last_name = max(
            (end, name) for name, (_, end) in filled.spans.items() if name != "in_irq"
        )
        begin_of_last = begin + filled.spans[last_name][0]
        for line, cut in enumerate(cuts, 1):
            *before, last = rows[line]
            assert last == dialect.row(second), whole[:cut]
            assert len(before) <= 1
            for row in before:
                mark = row.pop("mark")
                assert mark & Mark.INTERLEAVED
                assert bool(mark & Mark.CUT) is (last_name not in row), whole[:cut]
                assert (last_name in row) is (cut > begin_of_last), whole[:cut]
                for name, value in row.items():
                    if name == last_name:  # no number that is cut, but the last: nobody can tell
                        assert value == int(whole[begin_of_last:cut])
                    else:
                        assert value == true[name] or (name, value) == ("form", Form.NONE), whole[:cut]
            if cut == len(whole):
                assert before
        assert end_of_last + begin == len(whole)

    def test_more_than_two(self) -> None:
        three = [replace(self.FIRST, pid=pid, time=pid * 10**9) for pid in (1, 2, 3)]
        text = "".join(PIPE.line(e)[:-20].rstrip() for e in three[:2]) + PIPE.line(three[2])
        recording = reading(text.encode())
        add_up(recording)
        assert [row["pid"] for row in rows_of(recording)] == [1, 2, 3]
        assert {row["line"] for row in rows_of(recording)} == {1}

    def test_many(self) -> None:
        """A line of nothing but beginnings is no way to fill memory."""
        text = PIPE.line(self.FIRST)[:-20].rstrip() * 200
        recording = reading(f"{text}\n".encode())
        add_up(recording)
        assert recording.counts.lines == 1
        assert 1 <= recording.counts.events <= 200

    def test_another_event_that_ours_cuts(self) -> None:
        text = "a-1 [000] ..... 1.000000: sched_switch: prev_comm=a prev_p" + TRACE.line(self.FIRST)
        recording = reading(text.encode())
        add_up(recording)
        (row,) = rows_of(recording)
        assert row.pop("mark") == Mark.INTERLEAVED
        assert row == {"line": 1} | {k: v for k, v in TRACE.row(self.FIRST).items() if k != "mark"}

    def test_ours_that_another_event_cuts(self) -> None:
        """The other is not of ours, and may go with it."""
        other = "            other-5  [001] ..... 30.000000: sched_switch: prev_comm=a\n"
        recording = reading(f"{TRACE.line(self.FIRST)[:200]}{other}".encode())
        add_up(recording)
        true = TRACE.row(self.FIRST)
        for row in rows_of(recording):
            assert row.pop("mark") & Mark.CUT
            assert row.pop("line") == 1
            assert row.pop("form") in (Form.NONE, true["form"])
            assert row.items() <= true.items()
