# SPDX-License-Identifier: GPL-2.0-only
"""A report on the terminal: tables of as many columns as it is wide enough for, and the findings in words.

What a file says is plain text here: no markup in it is followed, and its control characters are
escapes, as the report has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from ..recording import printable
from ..replay.result import FIRST_ORDER, Replay, Work
from .summary import FileSummary, Report, ShrinkerSummary, TaskSummary

__all__ = ["show", "show_replay"]

_TASKS = 3
"""Of the header: the tasks that made the most calls."""


class _Heading(NamedTuple):
    title: str
    cell: Callable[[ShrinkerSummary], str]
    total: Callable[[list[ShrinkerSummary]], str] = lambda _: ""


def show(report: Report, console: Console) -> None:
    """Print it, in the width of the console; where that is no terminal, sentences are not folded."""
    with console.capture() as capture:
        for file in report.files:
            rows = [row for row in report.shrinkers if row.source == file.source]
            for line in _header(file, rows):
                console.print(Text(line), soft_wrap=not console.is_terminal)
            for lines in _tables(rows, console.width):
                console.print()
                for text in lines:
                    console.print(text, no_wrap=True, overflow="ignore", crop=False)
            console.print()
        for finding in report.findings:
            where = f"{finding.source}: " if len(report.files) > 1 else ""
            severe = "bold red" if finding.severity == "E" else "bold yellow"
            said = Text.assemble(
                (finding.check, severe), (f" {where}{finding.subject}: ", "bold"), finding.text
            )
            console.print(said, soft_wrap=not console.is_terminal)
        if not report.findings and report.shrinkers:
            console.print("no findings")
    # What fills a table's lines up is in the way of whoever reads them from a file.
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


# ---- the header


def _header(file: FileSummary, rows: list[ShrinkerSummary]) -> Iterator[str]:
    span = "" if file.span_s is None else f" in {file.span_s:,.3f} s"
    yield f"{file.source}: {_some(file.events, 'event')}{span}"
    calls = sum(row.calls for row in rows)
    if not calls:
        yield "no call of a shrinker"
    else:
        who = f"{_some(calls, 'call')} of {_some(len(rows), 'shrinker')}"
        yield f"{who} by {_some(len(file.tasks), 'task')}: {_named(file.tasks)}" if file.tasks else who
    alone = [
        f"{_some(n, what)} without {'its' if n == 1 else 'their'} {other}"
        for n, what, other in (
            (file.starts - file.pairs, "start", "end" if file.starts - file.pairs == 1 else "ends"),
            (file.ends - file.pairs, "end", "start" if file.ends - file.pairs == 1 else "starts"),
        )
        if n
    ]
    if file.lost:
        alone.append(f"{_some(file.lost, 'event')} lost")
    if file.unread_lines:
        alone.append(f"{_some(file.unread_lines, 'line')} not read")
    if alone:
        yield ", ".join(alone)


def _some(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _named(tasks: list[TaskSummary]) -> str:
    named = [f"{task.comm}-{task.pid} {task.calls:,}" for task in tasks[:_TASKS]]
    return ", ".join(named) + (", …" if len(tasks) > _TASKS else "")


# ---- the tables


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _time(us: float | None) -> str:
    if us is None:
        return ""
    # The unit in which it stays below four digits once it is rounded.
    value, unit = next(
        ((us / each, unit) for each, unit in ((1, "µs"), (1e3, "ms")) if us / each < 999.5), (us / 1e6, "s")
    )
    return (
        f"{value:.0f} {unit}"
        if value >= 99.5 or unit == "µs"
        else f"{value:.{1 if value >= 9.95 else 2}f} {unit}"
    )


def _percent(freed: int | None, scanned: int | None) -> str:
    return f"{100 * freed / scanned:.0f} %" if scanned and freed is not None else ""


def _seeks(row: ShrinkerSummary) -> str:
    if row.seeks is not None or row.seeks_told is None:
        return _number(row.seeks)
    return row.seeks_told.replace(" or more", "+").replace(" or ", "|").replace(" to ", "-")


def _nodes(row: ShrinkerSummary) -> str:
    runs: list[list[int]] = []
    for node in row.nodes:
        if runs and runs[-1][-1] == node - 1:
            runs[-1][1:] = [node]
        else:
            runs.append([node])
    return ",".join("-".join(map(str, run)) for run in runs)


def _cgroups(row: ShrinkerSummary) -> str:
    least = "≥" if row.cgroups_told == "counters" else ""
    return "" if row.cgroups is None else f"{least}{row.cgroups}"


def _sum(value: Callable[[ShrinkerSummary], int | None]) -> Callable[[list[ShrinkerSummary]], str]:
    def add(rows: list[ShrinkerSummary]) -> str:
        known = [n for row in rows if (n := value(row)) is not None]
        return str(sum(known)) if known else ""

    return add


def _total_percent(rows: list[ShrinkerSummary]) -> str:
    both = [(row.freed, row.scanned) for row in rows if row.freed is not None and row.scanned]
    return _percent(sum(freed for freed, _ in both), sum(scanned for _, scanned in both))


_HEADINGS = (
    _Heading("calls", lambda row: _number(row.calls), _sum(lambda row: row.calls)),
    _Heading("useless", lambda row: _number(row.useless), _sum(lambda row: row.useless)),
    _Heading("objects", lambda row: _number(row.objects)),
    _Heading("scanned", lambda row: _number(row.scanned), _sum(lambda row: row.scanned)),
    _Heading("freed", lambda row: _number(row.freed), _sum(lambda row: row.freed)),
    _Heading("eff.", lambda row: _percent(row.freed, row.scanned), _total_percent),
    _Heading("STOPs", lambda row: _number(row.stops), _sum(lambda row: row.stops)),
    _Heading("deferred", lambda row: _number(row.deferred)),
    _Heading("peak", lambda row: _number(row.deferred_peak)),
    _Heading("median", lambda row: _time(row.latency_median_us)),
    _Heading("p99", lambda row: _time(row.latency_p99_us)),
    _Heading("max", lambda row: _time(row.latency_max_us)),
    _Heading("seeks", _seeks),
    _Heading("nodes", _nodes),
    _Heading("cgroups", _cgroups),
)
_NR_WORK = 7
"""Of them, the first that tell what was done."""


def _tables(rows: list[ShrinkerSummary], width: int) -> Iterator[list[Text]]:
    """Tables as lines, each within the width."""
    if not rows:
        return
    names = [_name(row) for row in rows]
    columns = [_Column(heading, rows) for heading in _HEADINGS]
    longest = max(cell_len(" ".join(name)) for name in names)
    if longest + _width(columns, 2) <= width:
        yield _table([[" ".join(name)] for name in names], columns, longest, 2)
    else:
        # Symbol and pointer below each other, and a symbol that is as long as a file likes in pieces.
        numbers = max(_width(columns[:_NR_WORK], 1), _width(columns[_NR_WORK:], 1))
        longest = min(max(cell_len(part) for name in names for part in name), max(width - numbers, 16))
        longest = max(longest, len("shrinker"))
        folded = [[piece for part in name for piece in chop_cells(part, longest)] for name in names]
        for chosen in _split(columns, width - longest):
            yield _table(folded, chosen, longest, 1)
    if _told_by_leftover(rows):
        yield [Text("* calls that left so much to scan that a STOP must have ended them", "dim")]


def _told_by_leftover(rows: list[ShrinkerSummary]) -> bool:
    return any(row.stops and row.stops_told == "leftover" for row in rows)


def _name(row: ShrinkerSummary) -> list[str]:
    # A hashed pointer has 32 bits.
    pointer = (row.shrinker or "").removeprefix("00000000")
    return [row.symbol, pointer] if pointer else [row.symbol]


class _Column:
    """A column as text."""

    def __init__(self, heading: _Heading, rows: list[ShrinkerSummary]) -> None:
        starred = heading.title == "STOPs" and _told_by_leftover(rows)
        self.title = heading.title + "*" * starred
        self.cells = [heading.cell(row) for row in rows]
        self.total = heading.total(rows) if len(rows) > 1 else ""
        self.width = max(len(text) for text in (self.title, self.total, *self.cells))


def _width(columns: list[_Column], gap: int) -> int:
    return sum(gap + column.width for column in columns)


def _split(columns: list[_Column], width: int) -> Iterator[list[_Column]]:
    """What was done and what it took, each as one table if it fits, else as many as fit."""
    parts = [columns[:_NR_WORK], columns[_NR_WORK:]]
    if any(_width(part, 1) > width for part in parts):
        parts = [columns]
    for part in parts:
        rest = part
        while rest:
            taken = 1
            while taken < len(rest) and _width(rest[: taken + 1], 1) <= width:
                taken += 1
            yield rest[:taken]
            rest = rest[taken:]


def _table(names: list[list[str]], columns: list[_Column], width: int, gap: int) -> list[Text]:
    def line(name: str, cells: Iterable[str], style: str = "") -> Text:
        padded = name + " " * (width - cell_len(name))
        numbers = (" " * gap + cell.rjust(column.width) for cell, column in zip(cells, columns, strict=True))
        return Text(padded + "".join(numbers), style)

    lines = [line("shrinker", (column.title for column in columns), "bold")]
    for k, (name, *more) in enumerate(names):
        lines.append(line(name, (column.cells[k] for column in columns)))
        lines.extend(Text(piece) for piece in more)
    if any(column.total for column in columns):
        lines.append(line("all", (column.total for column in columns), "bold"))
    return lines


# ---- replay


def show_replay(result: Replay, console: Console, *, what_if: bool, most: int) -> None:
    """What the core decided otherwise; or, for other settings, what was done to each shrinker instead."""
    source = printable(result.source)
    if not what_if:
        for line, shrinker, what, recorded, decided in result.differences[:most]:
            told = ["none" if value is None else value for value in (recorded, decided)]
            said = f"{source}:{line}: {printable(shrinker)}: {what}: recorded {told[0]}, decided {told[1]}"
            console.print(Text(said), soft_wrap=True)
        if result.different > most:
            console.print(Text(f"and {result.different - most:,} more: --json has the first 1000"))
        return
    settings = ", ".join(f"{name} {value}" for name, value in result.settings.items())
    header = f"{source}: {result.calls:,} calls, with {settings}"
    console.print(Text(header), soft_wrap=not console.is_terminal)
    names, columns = [], [[title] for title in ("", *(title for title, _ in _WORK_FIELDS))]
    asked = [played for played in result.shrinkers if played.recorded.calls or played.decided.calls]
    for played in asked:
        pointer = f"{played.pointer:016x}".removeprefix("00000000")
        names += [[printable(f"{played.shrinker} {pointer}")], []]
        for which, work in (("recorded", played.recorded), ("decided", played.decided)):
            columns[0].append(which)
            for k, (_, value) in enumerate(_WORK_FIELDS):
                columns[k + 1].append(_number(value(work)))
    width = max((cell_len(name[0]) for name in names if name), default=8)
    for k in range(len(columns[0])):
        name = "shrinker" if k == 0 else "".join(names[k - 1])
        cells = (column[k].rjust(max(map(len, column))) for column in columns)
        text = f"{name}{' ' * (width - cell_len(name))}  {'  '.join(cells)}"
        console.print(Text(text, "bold" if k == 0 else ""), no_wrap=True, overflow="ignore", crop=False)
    if idle := len(result.shrinkers) - len(asked):
        console.print(Text(f"and {_some(idle, 'shrinker')} that counted nothing"))
    console.print(Text(f"of first order: {FIRST_ORDER}"), soft_wrap=not console.is_terminal)


_WORK_FIELDS: tuple[tuple[str, Callable[[Work], int | None]], ...] = (
    ("calls", lambda work: work.calls),
    ("scans", lambda work: work.scans),
    ("scanned", lambda work: work.scanned),
    ("freed", lambda work: work.freed),
    ("deferred", lambda work: work.deferred),
    ("peak", lambda work: work.peak),
)
