# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy trace`: recordings of kernels on the command line, one verb a function."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, ParamSpec, TypeVar

import typer

from .errors import ShrinkpyError
from .output import UnwritableError, check_writable, open_whole
from .verbs import BadInputError, say, verb

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from .recordings import Recording

__all__ = ["trace_app"]

P = ParamSpec("P")
T = TypeVar("T")

trace_app = typer.Typer(help="Recordings of real kernels: ftrace's text, trace-cmd report, perf script.")

_Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="Plain, or packed by gzip, xz or zstd; - for standard input."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


def _trace_verb(function: Callable[P, int]) -> Callable[P, None]:
    """A verb that reads recordings: what those raise says what is wrong with the input."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return function(*args, **kwargs)
        except UnwritableError:
            raise
        except ShrinkpyError as error:
            raise BadInputError(str(error)) from None

    return verb(run)


# ---- reading


_LONG = 0.3  # seconds, after which somebody wants to know


class _Bar:
    """A progress bar on standard error, from when it takes long on."""

    def __init__(self) -> None:
        self._shown: Progress | None = None
        self._began = time.monotonic()
        self._tasks: dict[str, Any] = {}

    def of(self, what: str) -> Callable[[int, int], None]:
        """What tells how much of that is done; of 0, not known."""
        if not sys.stderr.isatty():
            return lambda _done, _total: None
        return lambda done, total: self._show(what, done, total)

    def _show(self, what: str, done: int, total: int) -> None:
        if self._shown is None:
            if time.monotonic() - self._began < _LONG:
                return
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
            # No thread of its own: it would take time from what it shows.
            self._shown = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
            self._shown.start()
        if what not in self._tasks:
            for task in self._tasks.values():
                self._shown.update(task, visible=False)
            self._tasks[what] = self._shown.add_task(what, total=None)
        self._shown.update(self._tasks[what], completed=done, total=max(total, done) if total else None)
        self._shown.refresh()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._shown is not None:
            self._shown.stop()


@contextlib.contextmanager
def _bar() -> Iterator[_Bar]:
    bar = _Bar()
    try:
        yield bar
    finally:
        bar.close()


_FORMATS = {
    b"\x17\x08\x44tracing": "trace-cmd's own format: trace-cmd report {name} | shrinkpy trace … -",
    b"PERFILE2": "perf's own format: perf script -i {name} | shrinkpy trace … -",
    b"PAR1": "Parquet, which is for other programs to read: give the recording that it was made of",
}


def _named(file: str) -> str:
    from .recordings import printable

    return "standard input" if file == "-" else printable(file)


def _source(file: str) -> str | BinaryIO:
    return sys.stdin.buffer if file == "-" else file


def _pieces(files: list[str], bar: _Bar, *, whole: bool) -> Iterator[Recording]:
    """Recordings, whole or in pieces; raises BadInputError for a file that has none."""
    from .recordings import read, stream

    for file in files:
        name, progress = _named(file), bar.of(_named(file))
        lines = useful = 0
        try:
            pieces: Iterable[Recording] = (
                [read(_source(file), progress=progress)]
                if whole
                else stream(_source(file), progress=progress)
            )
            for piece in pieces:
                piece.source = name
                lines += piece.counts.lines
                # What lines of a recording there are, be there no event of ours among them.
                useful += piece.counts.events + piece.counts.others
                useful += piece.counts.comments if not piece.counts.unread else 0
                if whole and not useful:
                    break
                yield piece
        except OSError as error:
            raise BadInputError(f"{name}: {error.strerror}") from None
        if not useful:
            raise BadInputError(f"{name}: {_what_else(file, lines)}")


def _what_else(file: str, lines: int) -> str:
    begin = b""
    if file != "-":
        with contextlib.suppress(OSError), open(file, "rb") as raw:
            begin = raw.read(16)
    for magic, text in _FORMATS.items():
        if begin.startswith(magic):
            return f"is {text.format(name=_named(file))}"
    if not lines:
        return "is empty"
    return "is no recording: no line of it is an event, as ftrace, trace-cmd report or perf script print it"


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


# ---- verify


_SHOWN = 20  # of what is found, in text; JSON has all


@trace_app.command()
@_trace_verb
def verify(files: _Files, as_json: _Json = False) -> int:
    """Hold every number of recordings against the kernel's arithmetic.

    What the lines alone do not tell, as work that another task deferred meanwhile, is explained by a
    reason, or is printed.

    Exit code 1 if anything is unexplained.
    """
    from .recordings.verify import verify as verify_recordings

    with _bar() as bar:
        found = verify_recordings(_pieces(files, bar, whole=True))
    unexplained = len(found.unexplained)
    if as_json:
        print(json.dumps(found.as_json()))
        return 1 if unexplained else 0
    for line in found.lines()[:_SHOWN]:
        print(line)
    if unexplained > _SHOWN:
        print(f"and {unexplained - _SHOWN:,} more: --json has them all")
    where = f" in {len(found.files)} files" if len(found.files) > 1 else ""
    print(f"{found.starts:,} starts, {found.ends:,} ends, {found.pairs:,} pairs{where}")
    for reason, n in sorted(found.explained.items(), key=lambda item: -item[1]):
        print(f"explained by {reason}: {n:,}")
    print(f"unexplained: {unexplained:,}")
    if found.unread_lines:
        print(f"lines that were not read: {found.unread_lines:,}")
    return 1 if unexplained else 0


# ---- replay


def _setting(values: list[str] | None, option: str) -> int | dict[str, int] | None:
    """N, or SYMBOL=N as often as there are symbols."""
    if not values:
        return None
    told: dict[str, int] = {}
    for value in values:
        symbol, _, number = value.rpartition("=")
        try:
            told[symbol] = int(number)
        except ValueError:
            raise BadInputError(f"{option} takes a number, or SYMBOL=NUMBER, not {value!r}") from None
    if "" not in told:
        return told
    if len(values) > 1:
        raise BadInputError(f"{option}: one number for all shrinkers, or SYMBOL=NUMBER for each")
    return told[""]


@trace_app.command()
@_trace_verb
def replay(
    files: _Files,
    seeks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SYMBOL=]N",
            help="What if objects cost so much to bring back? Of all shrinkers, or of SYMBOL's.",
            show_default="as recorded",
        ),
    ] = None,
    batch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SYMBOL=]N", help="What if a scan call had so many objects?", show_default="as recorded"
        ),
    ] = None,
    priority_shift: Annotated[
        int, typer.Option(metavar="N", min=-12, max=12, help="Added to each priority; 0 is the strongest.")
    ] = 0,
    as_json: _Json = False,
) -> int:
    """Have the core decide again what recordings show decided, and compare; or see what if seeks were others.

    Exit code 1 if the core decides anything otherwise.
    """
    from .recordings.replay import replay as replay_recording

    of_seeks, of_batch = _setting(seeks, "--seeks"), _setting(batch, "--batch")
    what_if = of_seeks is not None or of_batch is not None or priority_shift != 0
    told: list[dict[str, Any]] = []
    decisions = differences = 0
    skipped: Counter[str] = Counter()
    console = _console()
    with _bar() as bar:
        for recording in _pieces(files, bar, whole=True):
            try:
                result = replay_recording(
                    recording, seeks=of_seeks, batch=of_batch, priority_shift=priority_shift
                )
            except ValueError as error:
                raise BadInputError(str(error)) from None
            decisions += result.decisions
            differences += result.different
            skipped.update(result.skipped)
            if as_json:
                told.append(result.as_json())
                continue
            bar.close()
            from .recordings.report.tables import show_replay

            show_replay(result, console, what_if=what_if, most=_SHOWN)
    if as_json:
        print(
            json.dumps(
                {
                    "files": len(told),
                    "decisions": decisions,
                    "differences": differences,
                    "skipped": dict(skipped),
                    "recordings": told,
                }
            )
        )
    elif not what_if:
        print(f"{decisions:,} decisions, {differences:,} differences")
        for reason, n in skipped.most_common():
            print(f"not made again, {reason}: {n:,}")
    return 1 if differences else 0


# ---- report


@trace_app.command()
@_trace_verb
def report(files: _Files, as_json: _Json = False) -> int:
    """A row a shrinker: what it was called for, what that gave, and how long it took; and what is wrong.

    Findings have the ids of the checks of a shrinker's contract.

    Exit code 1 if there are any.
    """
    from .recordings.report import report as report_recordings

    with _bar() as bar:
        found = report_recordings(_pieces(files, bar, whole=True))
    if as_json:
        print(json.dumps(found.as_json()))
    else:
        from .recordings.report.tables import show

        show(found, _console())
    return 1 if found.findings else 0


# ---- convert


class Format(StrEnum):
    """What a recording can be made into."""

    PARQUET = "parquet"
    PERFETTO = "perfetto"


_ENDINGS = {
    ".parquet": Format.PARQUET,
    ".perfetto-trace": Format.PERFETTO,
    ".perfetto": Format.PERFETTO,
    ".pftrace": Format.PERFETTO,
}


@trace_app.command()
@_trace_verb
def convert(
    files: _Files,
    output: Annotated[
        Path, typer.Option("-o", metavar="OUT", help="Where it goes; of all files.", show_default=False)
    ],
    to: Annotated[
        Format | None,
        typer.Option(
            "--format", help="What it becomes.", show_default="as OUT ends: .parquet, .perfetto-trace"
        ),
    ] = None,
) -> int:
    """Make Parquet of recordings, a row an event; or a trace for Perfetto, a track a shrinker."""
    from .recordings import printable

    shown = printable(str(output))
    becomes = to or _ENDINGS.get(output.suffix)
    if becomes is None:
        raise BadInputError(f"what is {shown} to be? let it end in {', '.join(_ENDINGS)}, or give --format")
    check_writable(output)
    unread = 0

    def counted(pieces: Iterable[Recording]) -> Iterator[Recording]:
        nonlocal unread
        for piece in pieces:
            unread += piece.counts.unread
            yield piece

    with _bar() as bar, open_whole(output) as file:
        if becomes is Format.PARQUET:
            from .recordings.convert import write_parquet

            made = f"{write_parquet(counted(_pieces(files, bar, whole=False)), file):,} events"
        else:
            from .recordings.convert import write_perfetto

            recordings = counted(_pieces(files, bar, whole=True))
            made = f"{write_perfetto(recordings, file, bar.of('writing')):,} calls"
    if unread:
        say(f"{unread:,} lines that were not read are not in it: shrinkpy trace report counts them")
    if output.is_file():
        print(f"{shown}: {made}")
    return 0
