# SPDX-License-Identifier: GPL-2.0-only
"""Files that nobody should have written: all is counted, nothing grows, nothing reaches a terminal raw."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import re
import subprocess
import sys
import textwrap
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_text import (
    BY_NAME,
    DIALECTS,
    POINTERS,
    DoShrinkSlab,
    End,
    Event,
    Start,
    add_up,
    fill,
    reading,
    rows_of,
    write,
)
from support import PATH_OF_PROGRAMS

from shrinkpy.recordings import Has, Kind, Recording, read
from shrinkpy.recordings.replay import replay
from shrinkpy.recordings.report import report
from shrinkpy.recordings.verify import verify

DATA = Path(__file__).parent / "data" / "recordings"
TRACE, PIPE = BY_NAME["trace"], BY_NAME["trace_pipe"]
TOO_LARGE = "a number too large for its field"


def shown(recording: Recording) -> list[str]:
    """All text that someone may print."""
    comms = recording.to_arrow()["comm"].unique().to_pylist()
    texts = [*recording.names, *recording.unread_reasons, recording.source]
    return texts + [line.text for line in recording.unread] + [comm for comm in comms if comm]


def fit_for_a_terminal(recording: Recording) -> None:
    for text in shown(recording):
        assert not {unicodedata.category(c) for c in text} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}, text


# ---- numbers --------------------------------------------------------------------------------------

FIELDS = [
    (kind, era, name)
    for kind in (Start, End)
    for era in "ABCE"
    for name in kind(era=era).told()
    if name not in ("symbol", "shrinker", "gfp", "pid")
]
NARROW = ("nid", "priority")


def with_number(event: Start | End, name: str, number: str) -> bytes:
    """Its line, with other digits in one field."""
    values = {key: str(value) for key, value in event.told().items()}
    values |= {"symbol": "f+0x0/0x1c0", "shrinker": "00000000646e0461", "in_irq": "", name: number}
    text = fill(event.FORMAT[event.era], values).text
    return f"{PIPE.head(event)}{event.NAME}: {text}\n".encode()


class TestNumbers:
    @pytest.mark.parametrize(("kind", "era", "name"), FIELDS)
    def test_past_64_bits(self, kind: type[Start | End], era: str, name: str) -> None:
        """The line is kept, with its reason: no number is made of a part of it."""
        numbers = [str(2**64), str(-(2**63) - 1), "9" * 25, "-" + "9" * 25, "1" + "0" * 400, "-1" + "0" * 400]
        good = kind(era=era)
        text = b"".join(with_number(good, name, number) for number in numbers) + PIPE.line(good).encode()
        recording = reading(text)
        add_up(recording)
        assert recording.unread_reasons == {TOO_LARGE: len(numbers)}
        assert recording.counts.events == 1
        assert rows_of(recording) == [{"line": len(numbers) + 1} | PIPE.row(good)]

    @pytest.mark.parametrize(("kind", "era", "name"), [field for field in FIELDS if field[2] in NARROW])
    def test_past_32_bits(self, kind: type[Start | End], era: str, name: str) -> None:
        numbers = [2**32, -(2**31) - 1, 2**63 - 1, -(2**63), 10**12]
        recording = reading(b"".join(with_number(kind(era=era), name, str(number)) for number in numbers))
        add_up(recording)
        assert recording.unread_reasons == {TOO_LARGE: len(numbers)}

    @pytest.mark.parametrize("zeros", [1, 30, 5000])
    def test_leading_zeros_are_no_digits(self, zeros: int) -> None:
        recording = reading(with_number(Start(nr=42), "nr", "0" * zeros + "42"))
        assert recording.events["nr"].tolist() == [42]

    @pytest.mark.parametrize("name", ["shr", "memcg", "batch", "nid", "prio", "id", "flags"])
    def test_of_pairs(self, name: str) -> None:
        line = (
            PIPE.head(DoShrinkSlab()) + f"do_shrink_slab: (do_shrink_slab+0x0/0x350) {name}={2**64} seeks=2\n"
        )
        recording = reading(line.encode() + line.replace(str(2**64), "0x1" + "0" * 16).encode())
        add_up(recording)
        assert recording.unread_reasons == {TOO_LARGE: 2}

    @pytest.mark.parametrize("pointer", ["1" * 17, "0x" + "f" * 17, "f" * 400])
    def test_a_pointer_past_64_bits_is_none(self, pointer: str) -> None:
        text = PIPE.line(Start()).replace("00000000646e0461", pointer)
        recording = reading(text.encode())
        add_up(recording)
        for event in recording.events:
            assert not event["fields"] & Has.SHRINKER

    @pytest.mark.parametrize("number", [str(2**31), str(2**32), str(2**64), "9" * 400])
    def test_a_pid_or_cpu_that_is_none(self, number: str) -> None:
        """The event is read, without it."""
        for text in (
            f"a-{number} [000] ..... 1.000000: mm_vmscan_kswapd_sleep: nid=0\n",
            f"a-1 [{number}] ..... 1.000000: mm_vmscan_kswapd_sleep: nid=0\n",
            f"a-1 ({number}) [000] ..... 1.000000: mm_vmscan_kswapd_sleep: nid=0\n",
            f"a-1 {number}..... 1us : mm_vmscan_kswapd_sleep: nid=0\n",
            f"a {number}/1 [000] 1.000000: mm_vmscan_kswapd_sleep: nid=0\n",
        ):
            (row,) = rows_of(reading(text.encode()))
            assert row["kind"] == Kind.KSWAPD_SLEEP
            assert row.get("pid", 1) == 1
            assert row.get("cpu", 0) == 0
            assert "tgid" not in row

    @pytest.mark.parametrize("number", ["--1", "+1", "1-", "- 1", "0x", "1e5", "1.5", "\u0661", "1_0", "nan"])
    def test_what_is_no_number(self, number: str) -> None:
        line = PIPE.line(Start(nr=424242)).replace("424242", number)
        recording = reading(line.encode())
        add_up(recording)
        assert recording.counts.events == 0
        assert recording.unread_reasons == {"something else where a field belongs": 1}


# ---- bytes ----------------------------------------------------------------------------------------

ESCAPES = [
    *(b"\x1b[31m", b"\x1b]0;title\x07", b"\x9b31m", b"\x00", b"\x7f", b"\x08", b"\xff"),
    *("\u202e".encode(), "\u2028".encode(), "\u200b".encode()),
]


class TestEscapes:
    @pytest.mark.parametrize("escape", ESCAPES)
    def test_in_names_comms_and_unread_lines(self, escape: bytes) -> None:
        good = PIPE.line(Start(comm="C", symbol="S", gfp="G")).encode()
        text = b"".join(
            [
                good.replace(b"C-", escape + b"-"),
                good.replace(b" S+", b" x" + escape + b"+"),
                good.replace(b"_flags G", b"_flags G" + escape),
                good.replace(b"cache items ", b"cache " + escape),
                b"dear " + escape + b"\n",
                b"a-1 [000] .... 1.0: p: (f" + escape + b"+0x4/0x9) nr=1\n",
            ]
        )
        recording = reading(text)
        add_up(recording)
        assert recording.counts.unread >= 1
        fit_for_a_terminal(recording)

    def test_a_comm_keeps_its_bytes(self) -> None:
        recording = reading(PIPE.line(Start(comm="\x1b[31m")).encode())
        assert recording.events["comm"].tolist() == [b"\x1b[31m"]
        assert recording.to_arrow()["comm"].to_pylist() == ["\\x1b[31m"]

    def test_names_that_are_shown_alike_stay_apart(self) -> None:
        """A backslash and what an escape is shown as."""
        text = PIPE.line(Start(symbol="a\x1b")) + PIPE.line(Start(symbol="a\\x1b"))
        recording = reading(text.encode("latin-1"))
        first, second = recording.events["symbol"].tolist()
        assert first != second

    @pytest.mark.parametrize("dialect", DIALECTS, ids=str)
    def test_nuls_anywhere(self, dialect: Any) -> None:
        line = dialect.line(Start()).encode()
        text = b"".join(line[:i] + b"\0" + line[i:] for i in range(0, len(line), 3))
        recording = reading(text)
        add_up(recording)
        fit_for_a_terminal(recording)

    def test_nothing_but_nuls(self) -> None:
        recording = reading(bytes(1000) + b"\n" + PIPE.line(Start()).encode())
        add_up(recording)
        assert (recording.counts.events, recording.counts.unread) == (1, 1)

    @pytest.mark.parametrize("text", ["\ufeff", "\xff\xfe"])
    def test_a_byte_order_mark(self, text: str) -> None:
        """Of an editor: it costs no event."""
        recording = reading(text.encode("utf-8") + PIPE.line(Start()).encode())
        add_up(recording)
        assert recording.counts.events == 1


# ---- sizes ----------------------------------------------------------------------------------------


class TestLongLines:
    LIMIT = 65536

    @pytest.mark.parametrize("more", [-1, 0, 1, 2, 70000])
    def test_at_the_limit(self, more: int) -> None:
        """One too long is kept with its reason; those around it are read."""
        good = PIPE.line(Start()).encode()
        comm = b" " * (self.LIMIT + more - len(good) + 1)
        for end in (b"\n", b""):
            recording = reading(good + comm + good.rstrip(b"\n") + end)
            add_up(recording)
            assert recording.counts.lines == 2
            assert recording.counts.events == (2 if more <= 0 else 1)
            assert recording.unread_reasons == ({} if more <= 0 else {"longer than 65536 bytes": 1})

    def test_then_the_next_is_read(self) -> None:
        good = PIPE.line(Start()).encode()
        recording = reading(good + b"x" * 3_000_000 + b"\n" + good + b"y" * 3_000_000)
        add_up(recording)
        assert recording.events["line"].tolist() == [1, 3]
        assert [line.line for line in recording.unread] == [2, 4]
        assert max(len(line.text) for line in recording.unread) <= 1001

    def test_long_ones_everywhere(self) -> None:
        """Each field, longer than any kernel prints it: names are cut."""
        for name in ("symbol", "gfp", "comm", "module"):
            recording = reading(write([Start(**{name: "a" * 5000})], PIPE).text)
            add_up(recording)
            assert recording.counts.lines == 1
            assert max(map(len, recording.names)) <= 1023
            for row in rows_of(recording):
                assert row["nr"] == Start().nr


MEASURED = r"""
import json, re, sys
from shrinkpy.recordings import read, stream

def peak():  # ru_maxrss would be that of the program which started this one, where that is larger
    return int(re.search(r"VmHWM:\s*(\d+) kB", open("/proc/self/status").read())[1]) >> 10

before = peak()
"""


def measured(program: str, *args: str) -> dict[str, Any]:
    """Run a program whose last line is JSON; `before` and peak() are megabytes."""
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED + textwrap.dedent(program), *args],
        env={**os.environ, "PYTHONPATH": PATH_OF_PROGRAMS},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


class TestMemory:
    """Of a process of its own."""

    @pytest.mark.thorough
    @pytest.mark.parametrize(("how", "size"), [("read(path)", 1 << 30), ("list(stream(path))[-1]", 1 << 28)])
    def test_a_line_of_a_gibibyte(self, tmp_path: Path, how: str, size: int) -> None:
        path = tmp_path / "trace"
        good = PIPE.line(Start()).encode()
        with path.open("wb") as file:
            file.write(good)
            file.truncate(size)  # nothing is written for it
            file.seek(0, io.SEEK_END)
            file.write(b"\n" + good)
        said = measured(
            f"""
            path = sys.argv[1]
            last = {how}
            said = {{"counts": last.counts, "reasons": last.unread_reasons}}
            print(json.dumps({{"grown": peak() - before}} | said))
            """,
            str(path),
        )
        assert said["grown"] < 64
        assert said["counts"][0] == 3
        assert said["counts"][3] == 2
        assert said["reasons"] == {"longer than 65536 bytes": 1}

    def test_a_hundred_thousand_symbols(self, tmp_path: Path) -> None:
        """And flags, and functions of probes: names are bounded, events are not lost."""
        path = tmp_path / "trace"
        n = 100_000
        head = PIPE.head(Start())
        with path.open("w") as file:
            for i in range(n):
                file.write(
                    f"{head}mm_shrink_slab_start: symbol_{i:050d}_scan+0x0/0x1c0 00000000646e0461: nid: 0 "
                    f"objects to shrink 0 gfp_flags GFP_{i} cache items 1 delta 2 total_scan 2 priority 0\n"
                )
        said = measured(
            """
            names, events, other = set(), 0, 0
            for part in stream(sys.argv[1]):
                events += len(part.events)
                names.update(part.names)
                other += sum(part.names[i] == "?" for i in part.events["symbol"].tolist())
            said = {"events": events, "names": len(names), "other": other}
            print(json.dumps({"grown": peak() - before} | said))
            """,
            str(path),
        )
        assert said["events"] == n
        assert said["names"] <= 65536
        assert n - said["names"] // 2 <= said["other"] + 3 < n
        assert said["grown"] < 100

    def test_millions_of_lines_that_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "trace"
        path.write_bytes(b"x\n" * 500_000)
        said = measured(
            """
            last = read(sys.argv[1])
            said = {"unread": last.counts.unread, "kept": len(last.unread)}
            print(json.dumps({"grown": peak() - before} | said))
            """,
            str(path),
        )
        assert said["unread"] == 500_000
        assert said["kept"] == 1000
        assert said["grown"] < 64

    @pytest.mark.parametrize("packing", ["gzip", "xz", "zstd"])
    @pytest.mark.thorough
    def test_a_bomb(self, tmp_path: Path, packing: str) -> None:
        """A small file that unpacks to much: its lines are counted in pieces."""
        path = tmp_path / "trace"
        text = (b"#" * 60_000 + b"\n") * 50
        packed = {
            "gzip": gzip.compress(text) * 30,
            "xz": lzma.compress(text) * 30,
            "zstd": zstandard.ZstdCompressor().compress(text * 30),
        }
        path.write_bytes(packed[packing])
        said = measured(
            """
            comments = sum(part.counts.comments for part in stream(sys.argv[1]))
            print(json.dumps({"grown": peak() - before, "comments": comments}))
            """,
            str(path),
        )
        assert said["comments"] == 1500
        assert said["grown"] < 64


def test_names_that_find_no_room_are_counted() -> None:
    n = 70_000
    head = PIPE.head(Start())
    lines = (f"{head}mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=G{i}\n" for i in range(n))
    recording = reading("".join(lines).encode())
    add_up(recording)
    assert recording.counts.events == n
    assert len(recording.names) == 65536
    full = sum(recording.names[i] == "?" for i in recording.events["gfp"].tolist())
    assert recording.counts.names_full == full == n - (65536 - 2)


# ---- anything at all ------------------------------------------------------------------------------


@cache
def real_lines() -> list[bytes]:
    """Some of each recording."""
    found: list[bytes] = []
    for path in sorted(DATA.rglob("*.txt.gz")):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        found += lines[12 :: max(1, len(lines) // 12)]
    found += (DATA / "public-lines.txt").read_bytes().splitlines(keepends=True)[33::9]
    return found


WORDS = st.sampled_from(
    b": |-|[000]|+0x0|nid: |mm_shrink_slab_end: |mm_shrink_slab_start: |1.000000: |total_scan |(in-irq)|=|"
    b"(|)|CPU:0 [LOST 5 EVENTS]|\0|\r|\n|\xff|0x|99999999999999999999|a-1 |shr=0x1 |:| | => ".split(b"|")
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A few real lines, and a few changes."""
    text = b"".join(draw(st.lists(st.sampled_from(real_lines()), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(0, 4))):
        a = draw(st.integers(0, len(text)))
        b = draw(st.integers(a, min(len(text), a + 40)))
        new = draw(st.one_of(WORDS, st.binary(max_size=6), st.just(b""), st.just(text[a:b] * 2)))
        text = text[:a] + new + text[b:]
    return text


def holds(text: bytes) -> None:
    text = b"\n" + text  # lest its first bytes say that it is packed
    recording = reading(text)
    add_up(recording)
    rows_of(recording)
    fit_for_a_terminal(recording)
    assert recording.counts.lines == text.count(b"\n") + (not text.endswith(b"\n"))


class TestAnything:
    @given(st.binary(max_size=400))
    def test_bytes(self, text: bytes) -> None:
        holds(text)

    @given(
        st.lists(st.one_of(WORDS, st.sampled_from([b"a-1", b"shr=0x1", b"mm_shrink_slab_start: "]))).map(
            b"".join
        )
    )
    def test_words(self, text: bytes) -> None:
        holds(text)

    @settings(max_examples=2 * settings().max_examples)
    @given(mutated())
    def test_real_lines_that_were_changed(self, text: bytes) -> None:
        holds(text)

    @given(st.sampled_from(DIALECTS), st.integers(0, 200), st.binary(min_size=1, max_size=3))
    def test_a_line_of_ours_in_which_bytes_were_changed(self, dialect: Any, at: int, new: bytes) -> None:
        event: Event = Start(pid=77)
        line = dialect.line(event).encode()
        holds(line[:at] + new + line[at + len(new) :])


# ---- what is made of them -------------------------------------------------------------------------

EXTREMES = [
    0,
    1,
    -1,
    12,
    -12,
    63,
    128,
    1024,
    4096,
    99_999_999,
    25 * 10**11,
    *(s * 2**n for n in (31, 32, 63) for s in (1, -1)),
]


@cache
def real_texts() -> list[list[bytes]]:
    """Recordings with all probes, and with starts and ends alone."""
    names = ("b-full.b-rmdir", "c-full.c-drop", "k-full.k-scan", "a.a-grow", "b.b-rmdir", "e.e-zram")
    return [gzip.decompress((DATA / f"{name}.txt.gz").read_bytes()).splitlines(True)[:3000] for name in names]


@st.composite
def with_other_numbers(draw: Any) -> Recording:
    """A piece of a real recording in which some numbers are others."""
    lines = draw(st.sampled_from(real_texts()))
    begin = draw(st.integers(0, max(len(lines) - 200, 0)))
    lines = lines[begin : begin + 200]
    for _ in range(draw(st.integers(1, 30))):
        at = draw(st.integers(0, len(lines) - 1))
        numbers = list(re.finditer(rb"-?\d+", lines[at]))
        if numbers:
            number = draw(st.sampled_from(numbers))
            new = b"%d" % draw(st.sampled_from(EXTREMES))
            lines[at] = lines[at][: number.start()] + new + lines[at][number.end() :]
    return reading(b"".join(lines))


class TestAnyNumbers:
    """They may be wrong, but whoever looks at them comes back, and says it without an exception."""

    @given(with_other_numbers())
    def test_verify(self, recording: Recording) -> None:
        found = verify([recording])
        assert found.starts == int((recording.events["kind"] == Kind.START).sum())

    @given(with_other_numbers())
    def test_report(self, recording: Recording) -> None:
        report([recording]).as_json()

    @given(
        with_other_numbers(),
        st.sampled_from([{}, {"batch": 1}, {"seeks": 1}, {"priority_shift": -12}, {"priority_shift": 12}]),
    )
    def test_replay(self, recording: Recording, otherwise: dict[str, int]) -> None:
        replay(recording, **otherwise).as_json()


def test_every_way_to_print_a_pointer_is_tried() -> None:
    """Of the tests' own writer."""
    assert {dialect.pointer for dialect in DIALECTS} == set(POINTERS)


def test_a_text_stream_is_refused() -> None:
    """Its bytes are gone; the error says so before anything is read."""
    with pytest.raises((TypeError, ValueError, AttributeError)):
        read(io.StringIO("a-1 [000] .... 1.0: mm_vmscan_kswapd_sleep: nid=0\n"))  # type: ignore[arg-type]
