# SPDX-License-Identifier: GPL-2.0-only
"""Reading a recording against the loop over regular expressions that one would write instead.

    python benchmarks/recordings.py [--recording FILE] [--size MB] [--rounds 7] [--events 10000000] [--json]

The text is a real recording's, again and again, in a file whose pages are in memory. A round reads it
with stream() and with read(), and a part of it with two loops: one compiled pattern for each of the two
events, its groups to a dict, numbers to int; and the same, but that it first looks for the event's name.
The rounds alternate in one process, so that what the
machine does to one side it does to the others. A speed is the bytes of the text over the processor
time of the process, which is one core's: all sides have one thread. A ratio is that of the sides of one
round; medians are told. Peak memory is that of a process of its own that streams so many events.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from shrinkpy.recordings import Kind, read, stream

RECORDING = Path(__file__).parent.parent / "tests" / "data" / "recordings" / "a.a-pressure.txt.gz"
MB = 10**6
OF_THE_LOOP = 8 * MB
"""Bytes that a round gives to the loop over regular expressions, which would take half a minute for all."""

HEAD = r"^\s*(?P<comm>.+?)-(?P<pid>\d+)\s+\[(?P<cpu>\d+)\] (?P<irq>\S+)\s+(?P<time>\d+\.\d+): "
WHO = r"(?P<symbol>\S+?)\+\S+(?: \[\w+\])? (?P<shrinker>[0-9a-f]+): nid: (?P<nid>-?\d+) "
START = re.compile(
    HEAD + r"mm_shrink_slab_start: " + WHO + r"objects to shrink (?P<nr>-?\d+) gfp_flags (?P<gfp>\S+) "
    r"cache items (?P<items>-?\d+) delta (?P<delta>-?\d+) total_scan (?P<total_scan>-?\d+) "
    r"priority (?P<priority>-?\d+)"
)
END = re.compile(
    HEAD
    + r"mm_shrink_slab_end: "
    + WHO
    + r"unused scan count (?P<nr>-?\d+) new scan count (?P<new_nr>-?\d+) "
    r"total_scan (?P<total_scan>-?\d+) last shrinker return val (?P<ret>-?\d+)"
)
TEXTS = ("comm", "irq", "symbol", "gfp", "time", "shrinker")


Events = list[dict[str, object]]


def event_of(match: re.Match[str]) -> dict[str, object]:
    """What one would keep of a line."""
    event: dict[str, object] = {k: v if k in TEXTS else int(v) for k, v in match.groupdict().items()}
    event["time"] = float(match["time"])
    event["shrinker"] = int(match["shrinker"], 16)
    return event


def loop(path: Path) -> int:
    """Each pattern in turn; how many events it found."""
    events: Events = []
    with path.open(errors="replace") as file:
        for line in file:
            match = START.match(line) or END.match(line)
            if match:
                events.append(event_of(match))
    return len(events)


def careful_loop(path: Path) -> int:
    """The one pattern that may match: whoever has waited for the other comes to this."""
    events: Events = []
    with path.open(errors="replace") as file:
        for line in file:
            match = None
            if "mm_shrink_slab_start:" in line:
                match = START.match(line)
            elif "mm_shrink_slab_end:" in line:
                match = END.match(line)
            if match:
                events.append(event_of(match))
    return len(events)


def streamed(path: Path) -> int:
    """By stream(); how many starts and ends."""
    return sum(int((part.events["kind"] <= Kind.END).sum()) for part in stream(path))


def at_once(path: Path) -> int:
    """By read()."""
    return int((read(path).events["kind"] <= Kind.END).sum())


def timed(call: Callable[[Path], int], path: Path) -> tuple[float, float, int]:
    """Megabytes a second of processor time, and of the clock; and what the call gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call(path)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    megabytes = path.stat().st_size / MB
    return megabytes / cpu, megabytes / wall, found


def measure(text: bytes, size: int, rounds: int) -> dict[str, float]:
    """Medians over the rounds."""
    lines = text[text.rindex(b"#") :].partition(b"\n")[2]  # behind the header
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder, "whole"), Path(folder, "part")
        whole.write_bytes(lines * (size // len(lines) + 1))
        part.write_bytes(lines * (OF_THE_LOOP // len(lines) + 1))
        sides: dict[str, tuple[Callable[[Path], int], Path]] = {
            "stream": (streamed, whole),
            "read": (at_once, whole),
            "loop": (loop, part),
            "careful_loop": (careful_loop, part),
        }
        expected = {
            path: timed(loop, part)[2] * path.stat().st_size // part.stat().st_size for path in (whole, part)
        }
        results: dict[str, list[float]] = {}
        for _ in range(rounds):
            round_ = {}
            for name, (call, path) in sides.items():
                cpu, wall, found = timed(call, path)
                if found != expected[path]:
                    raise SystemExit(f"{name} found {found} events, and there are {expected[path]}")
                round_[name] = cpu
                results.setdefault(f"{name}_mb_a_second", []).append(cpu)
                results.setdefault(f"{name}_mb_a_second_by_the_clock", []).append(wall)
            for name in ("stream", "read"):
                for other in ("loop", "careful_loop"):
                    results.setdefault(f"{name}_to_{other}", []).append(round_[name] / round_[other])
    return {name: statistics.median(values) for name, values in results.items()}


class Again(io.RawIOBase):
    """The same text so many times, of which no file is made."""

    def __init__(self, text: bytes, times: int) -> None:
        self._text = memoryview(text)
        self._times = times
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._times:
            return 0
        n = min(len(buffer), len(self._text) - self._at)
        memoryview(buffer)[:n] = self._text[self._at : self._at + n]
        self._at += n
        if self._at == len(self._text):
            self._at, self._times = 0, self._times - 1
        return n


def peak(recording: Path, events: int) -> None:
    """Stream so many events, and print the peak of this process's memory."""
    text = text_of(recording)
    n = len(read(io.BytesIO(text)).events)
    seen = sum(len(part.events) for part in stream(Again(text, -(-events // n))))
    # ru_maxrss would be that of the program which started this one, where that is larger.
    high = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert high
    print(json.dumps({"streamed_events": seen, "peak_mb": int(high[1]) * 1024 / MB}))


def text_of(recording: Path) -> bytes:
    """Unpacked, if it was packed."""
    text = recording.read_bytes()
    return gzip.decompress(text) if text.startswith(b"\x1f\x8b") else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recording", type=Path, default=RECORDING)
    parser.add_argument("--size", type=int, default=240, help="megabytes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=10**7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        peak(args.recording, args.events)
        return
    result = measure(text_of(args.recording), args.size * MB, args.rounds)
    child = [sys.executable, __file__, "--peak", "--recording", args.recording, "--events", str(args.events)]
    result |= json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    if args.json:
        print(json.dumps(result))
        return
    for name in ("stream", "read"):
        print(
            f"{name}(): {result[f'{name}_mb_a_second']:.0f} MB/s a core, "
            f"{result[f'{name}_mb_a_second_by_the_clock']:.0f} by the clock; "
            f"{result[f'{name}_to_loop']:.0f} x a loop over regular expressions, "
            f"{result[f'{name}_to_careful_loop']:.0f} x one that looks first which may match"
        )
    print(
        f"loops: {result['loop_mb_a_second']:.1f} and {result['careful_loop_mb_a_second']:.1f} MB/s a core "
        f"(medians of {args.rounds} interleaved rounds)"
    )
    print(f"{result['streamed_events']:.2e} events streamed: {result['peak_mb']:.0f} MB at the peak")


if __name__ == "__main__":
    main()
