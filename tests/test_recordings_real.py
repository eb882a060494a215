# SPDX-License-Identifier: GPL-2.0-only
"""Recordings of real kernels, and lines that people posted: each field, by patterns of the tests' own."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from recorded_text import add_up, rows_of

from shrinkpy.recordings import Form, Has, Kind, Mark, Recording, ScanCounts, UnreadLine, read

DATA = Path(__file__).parent / "data" / "recordings"


@cache
def text_of(name: str) -> str:
    return gzip.decompress((DATA / name).read_bytes()).decode()


@cache
def recorded(name: str) -> Recording:
    return read(DATA / name)


def table_of_manifest() -> dict[str, tuple[int, int, int]]:
    """Starts, ends and lost events that the manifest tells of each file."""
    found = {}
    for line in (DATA / "MANIFEST.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].endswith(".txt.gz"):
            found[cells[0]] = (int(cells[4]), int(cells[5]), int(cells[-1]))
    return found


MANIFEST = table_of_manifest()
HERE = sorted(path.name for path in DATA.glob("*.txt.gz"))
OTHER_TOOLS = {
    "perf-script": (171, 171, 0),
    "trace-cmd-report": (214, 214, 0),
    "trace-lat": (539, 539, 0),
    "trace-nohash": (522, 522, 0),
    "trace-tgid": (559, 559, 0),
    "trace_pipe-lost": (1744, 1745, 13),
    "trace_pipe": (485, 485, 0),
}
ALL = [*HERE, *(f"other-tools/{name}.txt.gz" for name in OTHER_TOOLS)]

# Of 6.12, as strictly as its texts are.
WHO = (
    r" *(?P<symbol>\w+)\+0x0(?:/0x[0-9a-f]+)?(?: \[\w+\])? "
    r"(?:0x)?(?P<shrinker>[0-9a-f]{16}): nid: (?P<nid>\d+) "
)
START_TEXT = re.compile(
    r"mm_shrink_slab_start: "
    + WHO
    + r"objects to shrink (?P<nr>\d+) gfp_flags (?P<gfp>\S+) cache items (?P<items>\d+) delta (?P<delta>\d+) "
    r"total_scan (?P<total_scan>\d+) priority (?P<priority>\d+)$",
    re.M,
)
END_TEXT = re.compile(
    r"mm_shrink_slab_end: "
    + WHO
    + r"unused scan count (?P<nr>\d+) new scan count (?P<new_nr>\d+) total_scan (?P<total_scan>\d+) "
    r"last shrinker return val (?P<ret>\d+)$",
    re.M,
)
HEAD = re.compile(
    r"^ *(?P<comm>.*\S)[- ] *(?P<pid>\d+) +(?:\( *(?P<tgid>\d+)\) )?"
    r"(?:\[(?P<cpu>\d+)\](?: [.\w]{5})?|(?P<lat>\d+)[.\w]{5}) +"
    r"(?:(?P<s>\d+)\.(?P<us>\d{6})|(?P<count>\d+)us.): +(?:vmscan:)?(?P<name>\w+): ",
    re.M,
)
PAIRS = re.compile(r"(\w+)=(\S+)")
PAIR_COLUMNS = {
    "gfp_flags": "gfp",
    "nr_reclaimed": "ret",
    "freed": "ret",
    "shr": "shrinker",
    "prio": "priority",
    "ino": "memcg_id",
}

SOME = 700
"""So many events of a recording, at least, are held against a pattern one by one."""


class TestRealRecordings:
    @pytest.mark.parametrize("name", ALL)
    def test_it_is_read_to_the_last_line(self, name: str) -> None:
        recording, text = recorded(name), text_of(name)
        add_up(recording)
        assert recording.unread == []
        assert recording.counts.lines == len(text.splitlines())
        assert recording.counts.others == 0
        assert recording.counts.cut == 0
        comments = [line for line in text.splitlines() if line.startswith("#") or line == "cpus=2"]
        assert recording.counts.comments == len(comments)
        assert set(recording.events["mark"].tolist()) <= {0}

    @pytest.mark.parametrize("name", HERE)
    def test_as_many_as_the_manifest_says(self, name: str) -> None:
        kinds = Counter(recorded(name).events["kind"].tolist())
        assert (kinds[Kind.START], kinds[Kind.END], kinds[Kind.LOST]) == MANIFEST[name]

    @pytest.mark.parametrize("name", OTHER_TOOLS)
    def test_as_many_of_other_tools(self, name: str) -> None:
        kinds = Counter(recorded(f"other-tools/{name}.txt.gz").events["kind"].tolist())
        assert (kinds[Kind.START], kinds[Kind.END], kinds[Kind.LOST]) == OTHER_TOOLS[name]

    @pytest.mark.parametrize("name", ALL)
    def test_each_start_and_end_by_field(self, name: str) -> None:
        recording, text = recorded(name), text_of(name)
        for kind, pattern in ((Kind.START, START_TEXT), (Kind.END, END_TEXT)):
            found = recording.of(kind)
            true = [match.groupdict() for match in pattern.finditer(text)]
            assert len(found) == len(true)
            for column in pattern.groupindex:
                values = found[column].tolist()
                if column in ("symbol", "gfp"):
                    assert [recording.names[i] for i in values] == [row[column] for row in true]
                else:
                    base = 16 if column == "shrinker" else 10
                    assert values == [int(row[column], base) for row in true], column
            assert set(found["form"].tolist()) <= {Form.CD}

    @pytest.mark.parametrize("name", ALL)
    def test_heads(self, name: str) -> None:
        recording, lines = recorded(name), text_of(name).splitlines()
        events = recording.events[recording.events["kind"] != Kind.LOST]
        for event in events[:: max(1, len(events) // SOME)]:
            match = HEAD.match(lines[event["line"] - 1])
            assert match
            assert event["comm"].decode() == match["comm"]
            assert event["pid"] == int(match["pid"])
            assert event["tgid"] == int(match["tgid"] or 0)
            assert event["cpu"] == int(match["cpu"] or match["lat"])
            if match["count"]:
                assert event["time"] == int(match["count"]) * 1000
            else:
                assert event["time"] == int(match["s"]) * 10**9 + int(match["us"]) * 1000

    @pytest.mark.parametrize("name", ALL)
    def test_pairs_of_the_other_events(self, name: str) -> None:
        recording = recorded(name)
        lines = text_of(name).splitlines()
        others = recording.events[recording.events["kind"] > Kind.LOST]
        for event in others[:: max(1, len(others) // SOME)]:
            pairs = PAIRS.findall(lines[event["line"] - 1])
            assert pairs
            for name_, value in pairs:
                column = PAIR_COLUMNS.get(name_, name_)
                assert Has[column.upper()] in Has(int(event["fields"]))
                read_value = event[column]
                if column == "gfp":
                    assert recording.names[read_value] == value
                else:
                    assert int(read_value) % 2**64 == int(value, 0) % 2**64

    @pytest.mark.parametrize("name", [name for name in HERE if "full" in name])
    def test_probes(self, name: str) -> None:
        """Each is of the kind that its function tells."""
        recording, lines = recorded(name), text_of(name).splitlines()
        core = {"shrink_slab": Kind.SHRINK_SLAB, "do_shrink_slab": Kind.DO_SHRINK_SLAB}
        probes = recording.events[recording.events["kind"] >= Kind.SHRINK_SLAB]
        for event in probes[:: max(1, len(probes) // SOME)]:
            where = re.search(r"\((\w+)\+\S+(?: <- (\w+)| \[\w+\])?\)", lines[event["line"] - 1])
            assert where
            function = where[2] or where[1]
            kind = core.get(function, Kind.CALLBACK)
            if function == "reparent_shrinker_deferred":
                kind = Kind.REPARENT
            assert event["kind"] == kind + bool(where[2])
            assert recording.names[event["symbol"]] == function
            assert recording.names[event["caller"]] == (where[1] if where[2] else "")

    def test_the_two_that_are_large(self) -> None:
        """Are not here: the rest of the manifest is."""
        assert set(MANIFEST) - set(HERE) == {"a-full.a-pressure.txt.gz", "b-full.b-reclaim.txt.gz"}

    def test_lost_events_of_trace_pipe(self) -> None:
        lost = recorded("other-tools/trace_pipe-lost.txt.gz").of(Kind.LOST)
        true = re.findall(
            r"^CPU:(\d+) \[LOST (\d+) EVENTS\]$", text_of("other-tools/trace_pipe-lost.txt.gz"), re.M
        )
        assert list(zip(lost["cpu"].tolist(), lost["nr"].tolist(), strict=True)) == [
            (int(cpu), int(nr)) for cpu, nr in true
        ]


class TestPostedLines:
    """Lines that people posted in mails and documents over 13 years: 109 starts and ends, of eras A to D."""

    LINES = (DATA / "public-lines.txt").read_text().splitlines()

    @pytest.fixture(scope="module")
    @staticmethod
    def recording() -> Recording:
        return read(DATA / "public-lines.txt")

    def numbers(self, *words: str) -> list[int]:
        """Of the lines of data that have one of these words."""
        data = [(i, line) for i, line in enumerate(self.LINES, 1) if line and not line.startswith("#")]
        return [i for i, line in data if any(word in line for word in words)]

    def test_all_109_are_read(self, recording: Recording) -> None:
        add_up(recording)
        shrinking = self.numbers("mm_shrink_slab_start", "mm_shrink_slab_end")
        assert len(shrinking) == 109
        assert recording.of(Kind.START, Kind.END)["line"].tolist() == shrinking
        assert recording.of(Kind.START)["line"].tolist() == self.numbers("mm_shrink_slab_start")

    def test_the_rest_is_kept_with_its_reason(self, recording: Recording) -> None:
        """A poster's table has no event's name; two lines are of direct reclaim; all else are notes."""
        table = [138, 139, 140, 141, 142, 143]
        assert recording.unread == [UnreadLine(i, "no event in it", self.LINES[i - 1]) for i in table]
        assert recording.of(Kind.DIRECT_BEGIN)["line"].tolist() == self.numbers("reclaim_begin") == [179]
        assert recording.of(Kind.DIRECT_END)["line"].tolist() == self.numbers("reclaim_end") == [182]
        assert recording.counts == ScanCounts(
            lines=len(self.LINES), comments=len(self.LINES) - 111 - 6, events=111, cut=44, unread=6
        )

    def test_those_that_perf_cut(self, recording: Recording) -> None:
        """Block (a): each ends within "delta", or its number, or the number before it."""
        cut = recording.events[recording.events["mark"] == Mark.CUT]
        assert cut["line"].tolist() == self.numbers("GFP_NOTRACK")
        assert len(cut) == 44
        for event in cut:
            line = self.LINES[event["line"] - 1]
            match = re.search(
                r"shrink (\d+) gfp_flags \S+ pgs_scanned (\d+) lru_pgs (\d+) cache items (\d+)( ?)", line
            )
            assert match
            assert (event["form"], event["nr"], event["pgs_scanned"], event["lru_pgs"]) == (
                Form.A,
                int(match[1]),
                int(match[2]),
                int(match[3]),
            )
            fields = Has(int(event["fields"]))
            assert (Has.ITEMS in fields) is bool(match[5])
            if match[5]:
                assert event["items"] == int(match[4])
            assert not fields & (Has.DELTA | Has.TOTAL_SCAN)
        assert [line for line in cut["line"].tolist() if not self.LINES[line - 1].count(" d")] == [
            43,
            55,
            67,
            79,
        ]

    def test_fields_that_posters_left_out(self, recording: Recording) -> None:
        by_line = {row["line"]: row for row in rows_of(recording)}
        # (b): no function, pointer, cpu and time.
        assert by_line[135] == {
            "line": 135,
            "kind": Kind.START,
            "form": Form.A,
            "mark": Mark(0),
            "comm": b"kswapd0",
            "pid": 632,
            "nr": 945211,
            "gfp": "GFP_KERNEL",
            "pgs_scanned": 32,
            "lru_pgs": 7046,
            "items": 600456,
            "delta": 1363,
            "total_scan": 300228,
        }
        # (j): no pointer.
        assert by_line[213] == {
            "line": 213,
            "kind": Kind.START,
            "form": Form.CD,
            "mark": Mark(0),
            "comm": b"kswapd0",
            "pid": 32,
            "cpu": 1,
            "time": 10_556_230_000,
            "symbol": "super_cache_scan",
            "nid": 0,
            "nr": 42,
            "gfp": "GFP_KERNEL",
            "items": 87,
            "delta": 43,
            "total_scan": 85,
            "priority": 12,
        }

    def test_a_pointer_printed_twice(self, recording: Recording) -> None:
        (event,) = recording.events[recording.events["line"] == 156]
        assert event["shrinker"] == 0xFFFF88042BB60CC0
        assert recording.names[event["symbol"]] == "super_cache_scan"

    @pytest.mark.parametrize(
        ("line", "form", "values"),
        [
            (115, Form.A, {"nr": 54, "new_nr": 54, "total_scan": 0, "ret": 0, "cpu": 0, "pid": 421}),
            (
                150,
                Form.A,
                {"nr": 122, "new_nr": 4, "total_scan": -118, "shrinker": 0xC0EE8E34},
            ),
            (
                161,
                Form.B,
                {"comm": b"kworker/u4:4", "pid": 3896, "nr": 86, "shrinker": 0xF4436ED4},
            ),
            (168, Form.B, {"nr": 59291940, "pgs_scanned": 32, "lru_pgs": 0, "delta": 1280, "total_scan": 40}),
            (181, Form.CD, {"nr": 5895, "new_nr": 941785, "total_scan": 476, "ret": 1959}),
            (190, Form.B, {"comm": b"<...>", "pid": 48776, "cpu": 32, "nr": 2531805877005, "nid": 0}),
            (193, Form.CD, {"nid": 1, "new_nr": 3641798379189, "ret": 123186855, "time": 28287105928018000}),
            (198, Form.CD, {"nr": 4994376020, "items": 93689873, "delta": 45746, "priority": 12, "cpu": 28}),
            (199, Form.CD, {"new_nr": 4947576838, "total_scan": 8, "ret": 46844928, "cpu": 21}),
            (206, Form.CD, {"pid": 619914, "shrinker": 0x87027F06, "nid": 1, "new_nr": 0}),
        ],
    )
    def test_values(self, recording: Recording, line: int, form: Form, values: dict[str, object]) -> None:
        (row,) = [row for row in rows_of(recording) if row["line"] == line]
        assert row["form"] == form
        assert {name: row[name] for name in values} == values

    def test_eras(self, recording: Recording) -> None:
        starts, ends = (Counter(recording.of(kind)["form"].tolist()) for kind in (Kind.START, Kind.END))
        assert starts == {Form.A: 46, Form.B: 10, Form.CD: 2}
        assert ends == {Form.A: 45, Form.CD: 6}
