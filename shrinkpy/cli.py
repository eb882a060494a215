# SPDX-License-Identifier: GPL-2.0-only
"""The command line: one verb a function, which reads its options, calls the package, and shows.

How a command ends, and with which exit code, stands in verbs.py.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from . import __version__
from . import conform as vectors
from .cli_trace import trace_app
from .output import check_writable, write_whole
from .pressure import (
    DEFAULT_TARGET,
    MAX_CGROUPS,
    Plan,
    Pressure,
    Reclaiming,
    Row,
    load_target,
    parse_size,
)
from .verbs import BadInputError, say, verb

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from .kernel.diff import Comparison

__all__ = ["app", "main"]

app = typer.Typer(
    name="shrinkpy",
    help="A workbench for Linux shrinkers: the kernel's reclaim logic, in your process.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> NoReturn:
    """Be the command `shrinkpy`."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    usage_error: Any = typer.BadParameter.__mro__[1]  # of the click that typer uses, its own or the package
    try:
        code = app(standalone_mode=False)
    except usage_error as error:
        code = 2
        command = error.ctx.command_path if error.ctx else "shrinkpy"
        say(f"{error.format_message()} (see {command} --help)")
    except (KeyboardInterrupt, typer.Abort):  # outside of a verb
        code = 130
    if code == 130:
        say("interrupted")
    sys.exit(code or 0)


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"shrinkpy {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


# ---- run


@app.command()
@verb
def run(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A class with count_objects and scan_objects, module:Class or file.py:Class; or driver.c.",
        ),
    ] = DEFAULT_TARGET,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="More files in C, linked with the driver.", show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Bytes the target manages, with K, M, G or KiB, MiB, GiB; for a target that takes a size.",
            show_default="256MiB",
        ),
    ] = None,
    plan: Annotated[
        Plan,
        typer.Option(
            "--pressure",
            help="direct: priority 12 down to 0. drop: priority 0 until nothing goes. steady: one priority. "
            "kswapd: each node's, until it freed enough. memcg: memory.reclaim of each cgroup.",
        ),
    ] = Plan.DIRECT,
    priority: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=63, help="Of steady pressure; 0 is the strongest.", show_default="4"
        ),
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Of steady pressure, over all nodes and cgroups.", show_default="10"
        ),
    ] = None,
    objects: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=2**63 - 1,
            help="Of kswapd and memcg pressure: what each is asked to free.",
            show_default="half of what is there",
        ),
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="N", min=1, max=1024, help="NUMA nodes of the machine.")] = 1,
    memcg: Annotated[
        int, typer.Option(metavar="N", min=0, max=MAX_CGROUPS, help="Child cgroups of the root: /c0, /c1, …")
    ] = 0,
    seeks: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=2**31 - 1,
            help="What an object costs to bring back.",
            show_default="the target's, or 2",
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=2**63 - 1,
            help="Objects a scan call; 0 for 128.",
            show_default="the target's, or 0",
        ),
    ] = None,
    include: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Headers of a driver's own; or a kernel tree's include/, for what shrinkpy has none of.",
            show_default=False,
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the trace, as ftrace's text of the mm_shrink_slab events."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> int:
    """Put a shrinker under memory pressure, and see what goes.

    Without a TARGET: what Rust Binder registers its shrinker for, on real memory.

    What else a target may have (object_size, fill(), step(), …) stands at shrinkpy.pressure.Target.

    A driver in C is built and loaded. It, or a SOURCE after it, may have
    void shrinkpy_fill(unsigned long bytes), void shrinkpy_step(void),
    int shrinkpy_verify(void) and void shrinkpy_close(void).
    """
    if plan is not Plan.STEADY and (priority is not None or passes is not None):
        raise BadInputError("--priority and --passes are for steady pressure: add --pressure steady")
    if plan not in (Plan.KSWAPD, Plan.MEMCG) and objects is not None:
        raise BadInputError("--objects is for kswapd and memcg pressure: add --pressure kswapd")
    try:
        nr_bytes = None if size is None else parse_size(size)
    except ValueError as error:
        raise BadInputError(f"--size: {error}") from None
    if trace:
        check_writable(trace)
    priority, passes = (4 if priority is None else priority), (10 if passes is None else passes)
    with contextlib.ExitStack() as stack:
        if as_json:  # the target may print
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        if target.endswith(".c"):
            if seeks is not None or batch is not None:
                raise BadInputError("--seeks and --batch are for targets in Python: a driver sets its own")
            from .driver_pressure import DriverPressure

            made: Reclaiming = DriverPressure(
                [target, *(sources or ())], include=include or (), size=nr_bytes, nodes=nodes, cgroups=memcg
            )
        else:
            if sources or include:
                raise BadInputError(
                    "more files and --include are for drivers in C: one target at a time, or driver.c"
                )
            made = Pressure(
                load_target(target),
                target,
                size=nr_bytes,
                nodes=nodes,
                cgroups=memcg,
                seeks=seeks,
                batch=batch,
            )
        pressure = stack.enter_context(made)
        planned = pressure.planned(plan, passes)
        if trace:
            pressure.machine.trace.start(max(65536, 4 * (planned or 0)))
        show = _quiet if as_json else _live if _on_terminal() else _plain
        with show(pressure, planned) as show_row:
            pressure.fill()
            for row in pressure.passes(plan, priority=priority, passes=passes, objects=objects):
                show_row(row)
        checked = pressure.verify()
        if trace:
            pressure.machine.trace.stop()
            write_whole(trace, pressure.machine.trace.lines())
            if overrun := pressure.machine.trace.overrun:
                say(f"the trace lacks {overrun} events, which were overwritten: take fewer passes")
    for remark in pressure.remarks():
        say(remark)
    if as_json:
        print(json.dumps(pressure.result()))
    else:
        _print_totals(pressure, checked)
        if pressure.log:
            print("its log:", *pressure.log, sep="\n  ")
        for report in pressure.lockdep:
            print(report, end="")
    return 1 if pressure.faulty else 0


_HEADINGS = ("prio", "node", "cgroup", "freeable", "scan calls", "scanned", "freed", "deferred", "µs")


def _cells(row: Row) -> list[str]:
    return [*(str(value) for value in row[:-1]), f"{row.seconds * 1e6:.0f}"]


def _on_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


@contextlib.contextmanager
def _quiet(_pressure: Reclaiming, _planned: int | None) -> Iterator[Callable[[Row], None]]:
    yield lambda _row: None


@contextlib.contextmanager
def _plain(pressure: Reclaiming, _planned: int | None) -> Iterator[Callable[[Row], None]]:
    path = max(len("cgroup"), *(len(memcg.path) for memcg in pressure.cgroups))

    def line(cells: list[str] | tuple[str, ...]) -> None:
        numbers = (f"{cell:>10}" for cell in cells[3:])
        print(f"{cells[0]:>4} {cells[1]:>4}  {cells[2]:<{path}}", *numbers, flush=True)

    line(_HEADINGS)
    yield lambda row: line(_cells(row))


def _table(rows: list[Row]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 0, 0, 1), pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "cgroup" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row), style=None if row.freed else "dim")
    return table


@contextlib.contextmanager
def _live(pressure: Reclaiming, planned: int | None) -> Iterator[Callable[[Row], None]]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.padding import Padding
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    console = Console()
    rows = pressure.rows

    def picture() -> Group:
        last = rows[-max(1, console.height - 6) :]
        bar = ProgressBar(total=planned, completed=len(rows), width=40, pulse=planned is None)
        what = f"pass {len(rows)}" + (f" of {planned}" if planned else "") if rows else "filling the target"
        return Group(_table(last), Text(f" {what}"), Padding(bar, (0, 1)))

    try:
        # No thread of its own: it would take time from the passes.
        with Live(picture(), console=console, auto_refresh=False, transient=True) as live:
            drawn = 0.0

            def show(_row: Row) -> None:
                nonlocal drawn
                if time.monotonic() - drawn > 0.1:
                    live.update(picture(), refresh=True)
                    drawn = time.monotonic()

            yield show
    finally:
        console.print(_table(rows))


def _mib(nr_bytes: int) -> str:
    return f"{nr_bytes / (1 << 20):.1f} MiB"


def _print_totals(pressure: Reclaiming, checked: str | None) -> None:
    freed, scanned = pressure.freed_objects, pressure.scanned_objects
    size = "" if pressure.freed_bytes is None else f" ({_mib(pressure.freed_bytes)})"
    efficiency = f", efficiency {100 * freed / scanned:.1f} %" if scanned else ""
    passes = f"{len(pressure.rows)} pass{'es' if len(pressure.rows) != 1 else ''}"
    print(f"freed {freed} of {scanned} scanned objects{size}{efficiency}, {passes}")
    before, after = pressure.rss_before or 0, pressure.rss_after or 0
    fall = f"{_mib(abs(before - after))} {'less' if before >= after else 'more'}"
    print(f"resident memory {_mib(before)} before, {_mib(after)} after: {fall}")
    if checked:
        print(f"checked: {checked}")


# ---- conform


@app.command()
@verb
def conform(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="JSON lines, plain or gzip.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> int:
    """Hold the core against golden vectors: what the kernel's mm/shrinker.c was seen to do.

    Exit code 1 if any result differs.
    """
    with _progress(files) as advance:
        report = vectors.conform(files, advance)
    if as_json:
        keys = ("scenarios", "operations", "differences", "families")
        print(json.dumps({key: getattr(report, key) for key in keys}))
    else:
        _print_report(report)
    return 1 if report.differences else 0


def _print_report(report: vectors.Report) -> None:
    width = max(len("all"), *(len(family) for family in report.families))
    print(f"{'family':<{width}} {'scenarios':>10} {'differences':>12}")
    total = {"scenarios": report.scenarios, "differences": report.differences}
    for family, row in [*sorted(report.families.items()), ("all", total)]:
        print(f"{family:<{width}} {row['scenarios']:>10} {row['differences']:>12}")
    print(f"{report.operations} operations")
    if first := report.first:
        print(
            f"first difference: scenario {first.scenario}, operation {first.number}: {json.dumps(first.op)}"
        )
        print(f"  {first.key} expected: {json.dumps(first.expected)}")
        print(f"  {first.key} got:      {json.dumps(first.got)}")


def _count_lines(files: list[Path]) -> int | None:
    """How many scenarios there will be, if that can be told beforehand."""
    total = 0
    try:
        for path in files:
            if not path.is_file():
                return None
            data = path.read_bytes()
            total += (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).count(b"\n")
    except (OSError, EOFError, zlib.error):
        return None
    return total


@contextlib.contextmanager
def _progress(files: list[Path]) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scenarios"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=_count_lines(files))
        yield lambda: progress.advance(task)


# ---- kernel

kernel = typer.Typer(help="A kernel tree's own mm/shrinker.c as the core.")
app.add_typer(kernel, name="kernel")


@kernel.command("build")
@verb
def kernel_build(
    source: Annotated[
        Path,
        typer.Option(
            metavar="TREE",
            help="A folder or a tarball of Linux 6.7 or later; it is only read.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", metavar="DIR", help="Where the core goes.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> int:
    """Compile a kernel tree's own mm/shrinker.c, shrinker_debug.c and list_lru.c, as they are, into a core.

    Whatever is run with SHRINKPY_CORE=DIR in the environment works on it.
    """
    from .kernel.build import build

    with _working(f"reading {source}, compiling"):
        info = build(source, output)
    if as_json:
        told = {"core": str(info.path), "version": info.version, "source": info.source}
        print(json.dumps({**told, "files": info.files, "features": info.features}))
    else:
        print(f"{info.name}: {', '.join(info.files)}")
        print(f"SHRINKPY_CORE={output} is the core now, for whatever has it in its environment")
    return 0


@kernel.command("diff")
@verb
def kernel_diff(
    cores: Annotated[
        list[str],
        typer.Option(
            "--core",
            metavar="DIR",
            help="Twice: what `shrinkpy kernel build` made, or port.",
            show_default=False,
        ),
    ],
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Of the scenarios: the same ones for the same seed.")
    ] = 1,
    seconds: Annotated[float, typer.Option(metavar="S", min=0, help="How long, without a difference.")] = 60,
    operations: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="How many, at most.", show_default="as there is time for"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", metavar="FILE", help="Where a difference is kept.", show_default="difference-*.jsonl"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> int:
    """Put two cores under the same random scenarios, and compare every result.

    The first difference is made small, printed, and kept as a golden vector, which `shrinkpy conform`
    shows again.

    Exit code 1 if there is one.
    """
    from .kernel.diff import Comparison

    if len(cores) != 2:
        raise BadInputError("two cores are compared: give --core twice, each a folder or port")
    check_writable(output or Path("difference.jsonl"))
    comparison = Comparison((cores[0], cores[1]), seed)
    try:
        with _comparing(seconds) as progress:
            comparison.run(seconds=seconds, operations=operations, output=output, progress=progress)
    finally:  # interrupted, too
        if comparison.scenarios:
            print(json.dumps(comparison.result()) if as_json else "\n".join(comparison.lines()))
    return 0 if comparison.differs is None else 1


@contextlib.contextmanager
def _working(what: str) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextlib.contextmanager
def _comparing(seconds: float) -> Iterator[Callable[[Comparison], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=seconds)

        def show(found: Comparison) -> None:
            what = f"{found.operations:,} operations" if found.differs is None else "making it small"
            progress.update(task, description=what, completed=found.seconds)

        yield show


# ---- trace

app.add_typer(trace_app, name="trace")
