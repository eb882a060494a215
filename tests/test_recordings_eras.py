# SPDX-License-Identifier: GPL-2.0-only
"""Each era's two events: read in full, at the ends of their types, cut after every byte, and mangled."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_strategies import of_kind
from recorded_text import BY_NAME, End, Filled, Start, add_up, fill, reading, rows_of, write

from shrinkpy.recordings.recording import Form, Mark

ERAS = ["A", "B", "C", "D", "E"]
TRACE = BY_NAME["trace"]
PERF = BY_NAME["perf script"]
BOTH = st.one_of(of_kind(Start, TRACE), of_kind(End, TRACE))


class TestFormats:
    """Against texts that are written out here, word for word."""

    HEAD = "         kswapd0-51      [001] d..1.    25.215853: "
    WHO: ClassVar = {
        "pid": 51,
        "cpu": 1,
        "time": 25_215_853_000,
        "comm": b"kswapd0",
        "mark": Mark(0),
        "line": 1,
    }

    def read(self, text: str) -> dict[str, Any]:
        recording = reading((self.HEAD + text + "\n").encode())
        add_up(recording)
        assert recording.unread == []
        (row,) = rows_of(recording)
        kind = row.pop("kind")
        assert kind.name == ("START" if "start" in text else "END")
        return {name: value for name, value in row.items() if self.WHO.get(name) != value}

    def test_a_start_of_era_a(self) -> None:
        assert self.read(
            "mm_shrink_slab_start: prune_super+0x0/0x1a0 ffff88011b00d300: objects to shrink 12 "
            "gfp_flags GFP_KERNEL pgs_scanned 32 lru_pgs 942483 cache items 1500 delta 1 total_scan 13"
        ) == {
            "form": Form.A,
            "symbol": "prune_super",
            "shrinker": 0xFFFF88011B00D300,
            "nr": 12,
            "gfp": "GFP_KERNEL",
            "pgs_scanned": 32,
            "lru_pgs": 942483,
            "items": 1500,
            "delta": 1,
            "total_scan": 13,
        }

    def test_an_end_of_era_a(self) -> None:
        assert self.read(
            "mm_shrink_slab_end: lowmem_shrink+0x0/0x580 c0ee8e34: unused scan count 122 "
            "new scan count 4 total_scan -118 last shrinker return val 237339"
        ) == {
            "form": Form.A,
            "symbol": "lowmem_shrink",
            "shrinker": 0xC0EE8E34,
            "nr": 122,
            "new_nr": 4,
            "total_scan": -118,
            "ret": 237339,
        }

    def test_a_start_of_era_b(self) -> None:
        assert self.read(
            "mm_shrink_slab_start: super_cache_scan+0x0/0x1b0 ffff8eefa4651830: nid: 3 "
            "objects to shrink 5895 gfp_flags GFP_TEMPORARY|__GFP_HIGHMEM pgs_scanned 90 "
            "lru_pgs 6992959 cache items 5049 delta 0 total_scan 2524"
        ) == {
            "form": Form.B,
            "symbol": "super_cache_scan",
            "shrinker": 0xFFFF8EEFA4651830,
            "nid": 3,
            "nr": 5895,
            "gfp": "GFP_TEMPORARY|__GFP_HIGHMEM",
            "pgs_scanned": 90,
            "lru_pgs": 6992959,
            "items": 5049,
            "delta": 0,
            "total_scan": 2524,
        }

    def test_a_start_of_era_c_or_d(self) -> None:
        assert self.read(
            "mm_shrink_slab_start: ext4_es_scan+0x0/0x3c0 [ext4] 0000000024acf00c: nid: 0 "
            "objects to shrink 4994376020 gfp_flags GFP_KERNEL cache items 93689873 delta 45746 "
            "total_scan 46844936 priority 12"
        ) == {
            "form": Form.CD,
            "symbol": "ext4_es_scan",
            "shrinker": 0x24ACF00C,
            "nid": 0,
            "nr": 4994376020,
            "gfp": "GFP_KERNEL",
            "items": 93689873,
            "delta": 45746,
            "total_scan": 46844936,
            "priority": 12,
        }

    def test_an_end_of_eras_b_to_d(self) -> None:
        assert self.read(
            "mm_shrink_slab_end: super_cache_scan+0x0/0x190 0000000024acf00c: nid: 1 "
            "unused scan count 4994376020 new scan count 4947576838 total_scan 8 "
            "last shrinker return val 46844928"
        ) == {
            "form": Form.CD,
            "symbol": "super_cache_scan",
            "shrinker": 0x24ACF00C,
            "nid": 1,
            "nr": 4994376020,
            "new_nr": 4947576838,
            "total_scan": 8,
            "ret": 46844928,
        }

    @pytest.mark.parametrize(("last", "mark"), [(" ", Mark(0)), ("", Mark(0)), (" (in-irq)", Mark.IN_IRQ)])
    def test_a_start_of_era_e(self, last: str, mark: Mark) -> None:
        row = self.read(
            "mm_shrink_slab_start: super_cache_scan+0x0/0x190 0000000024acf00c: nid: 0 pid: 51 "
            "memcg_id: 4711 objects to shrink 4 gfp_flags none cache items 93 delta 45 total_scan 49 "
            f"priority 2{last}"
        )
        assert row.pop("mark", Mark(0)) == mark
        assert row == {
            "form": Form.E,
            "symbol": "super_cache_scan",
            "shrinker": 0x24ACF00C,
            "nid": 0,
            "memcg_id": 4711,
            "nr": 4,
            "gfp": "none",
            "items": 93,
            "delta": 45,
            "total_scan": 49,
            "priority": 2,
        }

    @pytest.mark.parametrize(("last", "mark"), [(" ", Mark(0)), ("", Mark(0)), (" (in-irq)", Mark.IN_IRQ)])
    def test_an_end_of_era_e(self, last: str, mark: Mark) -> None:
        row = self.read(
            "mm_shrink_slab_end: super_cache_scan+0x0/0x190 0000000024acf00c: nid: 0 pid: 51 memcg_id: 1 "
            f"unused scan count 1 new scan count 2 total_scan 3 last shrinker return val -4{last}"
        )
        assert row.pop("mark", Mark(0)) == mark
        assert row == {
            "form": Form.E,
            "symbol": "super_cache_scan",
            "shrinker": 0x24ACF00C,
            "nid": 0,
            "memcg_id": 1,
            "nr": 1,
            "new_nr": 2,
            "total_scan": 3,
            "ret": -4,
        }


class TestAnyValues:
    @given(events=st.lists(BOTH, max_size=8))
    def test_any_mixture_of_eras_is_read_as_it_was_written(self, events: list[Start | End]) -> None:
        written = write(events, TRACE)
        recording = reading(written.text)
        add_up(recording)
        assert rows_of(recording) == written.rows

    @pytest.mark.parametrize("era", ERAS)
    @pytest.mark.parametrize("n", [-(2**63), -1, 0, 1, 2**63 - 1])
    def test_counts_have_64_bits(self, era: str, n: int) -> None:
        written = write(
            [
                Start(era=era, nr=n, items=n, delta=n, total_scan=n, pgs_scanned=n, lru_pgs=n),
                End(era=era, nr=n, new_nr=n, total_scan=n, shrinker=2**64 - 1, memcg_id=2**64 - 1),
            ],
            TRACE,
        )
        assert rows_of(reading(written.text)) == written.rows

    @pytest.mark.parametrize("era", ERAS)
    @pytest.mark.parametrize("n", [-(2**31), 2**31 - 1])
    def test_and_ints_32(self, era: str, n: int) -> None:
        written = write([Start(era=era, nid=n, priority=n), End(era=era, nid=n, ret=n)], TRACE)
        assert rows_of(reading(written.text)) == written.rows

    def test_delta_is_unsigned(self) -> None:
        """%lld prints an unsigned number: -1 stands for 2^64 - 1."""
        recording = reading(write([Start(delta=-1)], TRACE).text)
        assert recording.events["delta"].tolist() == [2**64 - 1]


# ---- cut lines ------------------------------------------------------------------------------------

CUTTING = {
    "start": Start(nr=-6094, delta=120, total_scan=-121, priority=12, module="ext4"),
    "end": End(nr=6094, new_nr=-6214, total_scan=121, ret=-77, module="ext4"),
}
# What tells a form for certain, once it was read.
TELLS = {
    ("start", "A"): "nr",
    ("start", "B"): "pgs_scanned",
    ("start", "C"): "items",
    ("start", "E"): "memcg_id",
    ("end", "A"): "nr",
    ("end", "B"): "nr",
    ("end", "E"): "memcg_id",
}


class Case:
    """A line, whose fields we know the place of."""

    def __init__(self, which: str, era: str, *, perf: bool = False, in_irq: bool = False) -> None:
        dialect = PERF if perf else TRACE
        event = type(CUTTING[which])(
            **{**vars(CUTTING[which]), "era": era, "in_irq": in_irq, "pid": 4711, "cpu": 3}
        )
        self.row = dialect.row(event)
        self.head = dialect.head(event) + dialect.named(event)
        filled = event.filled(dialect)
        self.text = self.head + filled.text
        self.spans = {name: (a + len(self.head), b + len(self.head)) for name, (a, b) in filled.spans.items()}
        self.spans.pop("in_irq", None)
        self.last = max(self.spans, key=lambda name: self.spans[name])
        self.tells = TELLS[which, "C" if era == "D" and which == "start" else "B" if era in "CD" else era]
        # A symbol is known where its offset begins, and needed where a blank follows that.
        a, b = self.spans["symbol"]
        symbol = self.text[a:b].split(" ")[0]
        self.symbol_known, self.symbol_needed = a + symbol.index("+"), a + len(symbol)

    def hold(self, cut: int, rows: list[dict[str, Any]]) -> None:
        """Hold what may be said of the line that ends before its byte `cut`."""
        text = self.text[:cut]
        needed = {
            name
            for name, (_, b) in self.spans.items()
            if cut > (self.symbol_needed if name == "symbol" else b)
        }
        if not rows:
            assert not needed, text
            return
        (row,) = rows
        assert cut > len(self.head.rstrip())
        body = {name: row[name] for name in self.spans if name in row}
        assert needed <= body.keys(), text
        for name, value in body.items():
            a, b = self.spans[name]
            if name == self.last and a < cut <= b:
                assert value == int(self.text[a:cut]), text
                continue
            if name == "pid":
                continue  # the head has it too
            assert cut > (self.symbol_known if name == "symbol" else b), (name, text)
            assert value == self.row[name], (name, text)
        for name in ("kind", "comm", "pid", "cpu", "time"):
            assert row[name] == self.row[name]
        # Nothing that the line cannot have.
        assert row.keys() <= self.row.keys() | {"line"}, text
        assert row["form"] in (Form.NONE, self.row["form"]), text
        if self.tells in body:
            assert row["form"] == self.row["form"], text
        a, b = self.spans[self.last]
        if cut <= a or self.text[a:cut] == "-":
            assert row["mark"] == Mark.CUT, text
        elif cut <= b + 1:
            assert row["mark"] == Mark(0), text


@cache
def case(which: str, era: str, perf: bool, in_irq: bool = False) -> Case:
    return Case(which, era, perf=perf, in_irq=in_irq)


@pytest.mark.parametrize("perf", [False, True], ids=["ftrace", "perf"])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("which", ["start", "end"])
class TestCut:
    def test_after_every_byte(self, which: str, era: str, perf: bool) -> None:
        it = case(which, era, perf)
        cuts = range(1, len(it.text) + 1)
        recording = reading("".join(f"{it.text[:cut]}\n" for cut in cuts).encode())
        add_up(recording)
        assert recording.counts.lines == len(cuts)
        rows: dict[int, list[dict[str, Any]]] = {}
        for row in rows_of(recording):
            rows.setdefault(row["line"], []).append(row)
        for cut in cuts:
            it.hold(cut, rows.get(cut, []))

    def test_and_the_file_with_it(self, which: str, era: str, perf: bool) -> None:
        """The last line of a file that was cut off has no newline."""
        it = case(which, era, perf)
        whole = f"{it.text}\n"
        for cut in range(len(it.head) - 3, len(it.text) + 1, 5 if perf else 1):
            recording = reading((whole + it.text[:cut]).encode())
            add_up(recording)
            assert recording.counts.lines == 2
            first, *rest = rows_of(recording)
            assert {"line": 1} | it.row == first
            it.hold(cut, rest)

    def test_a_cut_line_is_counted(self, which: str, era: str, perf: bool) -> None:
        it = case(which, era, perf)
        a, _ = it.spans[it.last]
        recording = reading(f"{it.text[:a]}\n{it.text}\n".encode())
        assert recording.counts.cut == 1
        assert recording.counts.events == 2


class TestCutBeforeItsFirstField:
    @pytest.mark.parametrize("name", ["mm_shrink_slab_start:", "mm_shrink_slab_end:", "mm_shrink_slab_end: "])
    def test_it_is_kept_with_its_reason(self, name: str) -> None:
        recording = reading(f"sh-1 [000] ..... 1.000000: {name}\n".encode())
        assert len(recording.events) == 0
        (unread,) = recording.unread
        assert unread.line == 1
        assert unread.reason == "cut before its first field"
        assert unread.text.rstrip() == f"sh-1 [000] ..... 1.000000: {name}".rstrip()

    @pytest.mark.parametrize("part", ["(in-irq", "(in", "("])
    def test_a_mark_that_is_cut_is_no_mark(self, part: str) -> None:
        written = write([Start(era="E", in_irq=True)], TRACE)
        text = written.text.replace(b"(in-irq)", part.encode())
        (row,) = rows_of(reading(text))
        assert not row["mark"] & Mark.IN_IRQ
        assert {k: v for k, v in row.items() if k != "mark"} == {
            k: v for k, v in written.rows[0].items() if k != "mark"
        }


class TestOtherWords:
    @pytest.mark.parametrize("name", ["mm_shrink_slab_start", "mm_shrink_slab_end"])
    @pytest.mark.parametrize(
        "text",
        ["hello world how are you", "f+0x0/0x9 hello world total_scan 5", "f=1 g=2 h=3", "f 00: what else"],
    )
    def test_a_sentence_of_somebody_elses(self, name: str, text: str) -> None:
        """It has our event's name, and is kept as what it is."""
        recording = reading(f"a-1 [000] ..... 1.000000: {name}: {text}\n".encode())
        add_up(recording)
        assert recording.counts.events == 0
        assert recording.unread_reasons == {"something else where a field belongs": 1}


# ---- odd lines ------------------------------------------------------------------------------------

EVERY = [(kind, era) for kind in (Start, End) for era in ERAS]


@pytest.mark.parametrize(("kind", "era"), EVERY, ids=lambda value: getattr(value, "__name__", value))
class TestOddLines:
    def text(self, kind: type[Start] | type[End], era: str) -> tuple[str, dict[str, Any]]:
        written = write([kind(era=era)], BY_NAME["trace_pipe"])
        return written.text.decode().rstrip("\n"), written.rows[0]

    @pytest.mark.parametrize("end", ["\r\n", " \n", "   \n", "\t\n", "", "\n\n"])
    def test_other_ends_of_a_line(self, kind: type[Start] | type[End], era: str, end: str) -> None:
        text, row = self.text(kind, era)
        recording = reading((text + end).encode())
        add_up(recording)
        assert rows_of(recording) == [row]

    def test_runs_of_blanks(self, kind: type[Start] | type[End], era: str) -> None:
        """Mails and editors change them."""
        text, row = self.text(kind, era)
        for other in (
            re.sub(" +", " ", text),
            text.lstrip(),
            text.replace(" ", "  "),
            re.sub(" +", "\t", text),
        ):
            assert rows_of(reading(f"{other}\n".encode())) == [row], other

    def test_a_word_where_a_number_belongs(self, kind: type[Start] | type[End], era: str) -> None:
        """It cannot be read, which is said of it; no other number is taken for it."""
        event = kind(era=era)
        whole, _ = self.text(kind, era)
        head = whole[: whole.index("mm_shrink")] + f"{event.NAME}: "
        names = [name for name in event.told() if name not in ("symbol", "shrinker", "gfp")]
        for name in names:
            values = {k: str(v) for k, v in event.told().items()} | {"in_irq": ""}
            values |= {"symbol": "f+0x0/0x1", "shrinker": "0" * 16, name: "many"}
            text = head + fill(event.FORMAT[era], values).text
            recording = reading(f"{text}\n".encode())
            add_up(recording)
            assert len(recording.events) == 0, text
            (unread,) = recording.unread
            assert unread.reason == "something else where a field belongs"
            assert unread.text.rstrip() == text.strip() or unread.text.rstrip() == text.rstrip()

    def test_a_number_with_a_tail(self, kind: type[Start] | type[End], era: str) -> None:
        text, _ = self.text(kind, era)
        (number,) = re.findall(r"total_scan -?\d+", text)
        recording = reading(f"{text.replace(number, number + 'x')}\n".encode())
        assert len(recording.events) == 0
        assert [unread.reason for unread in recording.unread] == ["something else where a field belongs"]

    def test_words_that_are_swapped(self, kind: type[Start] | type[End], era: str) -> None:
        """No field is found out of its place."""
        text, _ = self.text(kind, era)
        swapped = text.replace("total_scan", "new_total")
        recording = reading(f"{swapped}\n".encode())
        add_up(recording)
        assert len(recording.events) == 0
        assert recording.counts.unread == 1

    def test_what_follows_the_last_field(self, kind: type[Start] | type[End], era: str) -> None:
        """A vendor's kernel may say more: the line is read, or kept with a reason."""
        text, row = self.text(kind, era)
        recording = reading(f"{text.rstrip()} wmark 7\n".encode())
        add_up(recording)
        if recording.counts.unread:
            assert len(recording.events) == 0
        else:
            assert rows_of(recording) == [row]


def test_a_filled_format_says_where_its_fields_are() -> None:
    """Of the tests' own writer."""
    filled = fill("{symbol} {shrinker}: nid: {nid}", {"symbol": "f", "shrinker": "00", "nid": "-1"})
    assert filled == Filled("f 00: nid: -1", {"symbol": (0, 1), "shrinker": (2, 4), "nid": (11, 13)})
