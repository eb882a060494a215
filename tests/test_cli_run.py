# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy run`: what it prints, what it writes, and what it says of bad input."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import shrinkpy as sp
from shrinkpy.cli import main

COMMAND = [sys.executable, "-W", "error", "-m", "shrinkpy"]
MIB = 1 << 20


def environment(**more: str) -> dict[str, str]:
    """Ours, without what would change how a terminal is written to."""
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")}
    return {**plain, "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.fixture
def shrinkpy(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a directory of the test's own."""

    def run(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        options = {"capture_output": True, "text": True, "env": environment(), "timeout": 60} | options
        return subprocess.run([*COMMAND, *map(str, args)], cwd=tmp_path, **options)  # type: ignore[call-overload, no-any-return]

    return run


@pytest.fixture
def called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in this process, where only its exit code and streams are looked at: quicker."""

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["shrinkpy", *args])
        monkeypatch.setattr(sys, "path", sys.path[:])
        with pytest.raises(SystemExit) as exited:
            main()
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(args, exited.value.code, out, err)  # type: ignore[arg-type]

    return call


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def target(tmp_path: Path) -> Callable[[str], str]:
    """Write a target: the body of a class that is an honest cache otherwise."""

    def write(body: str = "pass") -> str:
        (tmp_path / "cache.py").write_text(
            "import os, signal\n"
            "from shrinkpy.drivers.binder import DamagedError\n"
            "class Honest:\n"
            "    objects = 1000\n"
            "    def count_objects(self, sc): return self.objects\n"
            "    def scan_objects(self, sc):\n"
            "        freed = min(self.objects, sc.nr_to_scan)\n"
            "        self.objects -= freed\n"
            "        return freed\n"
            "class Cache(Honest):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        )
        return "cache.py:Cache"

    return write


def refused(done: subprocess.CompletedProcess[str], told: str) -> None:
    """Bad input: exit code 2, one line that says what is wrong, nothing on standard output."""
    assert done.returncode == 2, done
    assert re.fullmatch(rf"shrinkpy: [^\n]*{told}[^\n]*\n", done.stderr), done.stderr


def on_terminal(*args: str, cwd: Path, **more: str) -> tuple[int, str]:
    """Run the command with a terminal of 24 lines of 80, and give its exit code and what it wrote there."""
    master, slave = pty.openpty()
    env = environment(**{"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **more})
    with subprocess.Popen(
        [*COMMAND, *args], cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        written = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # EIO: the other side is closed
                break
            written += piece
    os.close(master)
    return process.returncode, written.decode()


class TestResult:
    @pytest.mark.parametrize("options", [[], ["--pressure", "drop", "--nodes", "2", "--memcg", "2"]])
    def test_resident_memory_falls_by_what_was_freed(self, shrinkpy: Command, options: list[str]) -> None:
        done = shrinkpy("run", "--json", "--size", "96MiB", *options)
        result = json.loads(done.stdout)
        assert result["freed_bytes"] > 64 * MIB
        assert result["rss_before"] - result["rss_after"] >= 0.95 * result["freed_bytes"]

    def test_json_has_these_keys_and_is_all_there_is(self, shrinkpy: Command) -> None:
        done = shrinkpy("run", "--json", "--size", "1M")
        assert (done.returncode, done.stderr) == (0, "")
        result = json.loads(done.stdout)
        assert list(result) == ["target", "freed_objects", "freed_bytes", "rss_before", "rss_after", "passes"]
        keys = "priority nid memcg freeable scan_calls scanned freed deferred seconds"
        assert {" ".join(row) for row in result["passes"]} == {keys}
        assert result["target"] == "shrinkpy.drivers.binder:PageRange"
        assert result["freed_objects"] == sum(row["freed"] for row in result["passes"]) > 0
        assert result["freed_bytes"] == result["freed_objects"] * os.sysconf("SC_PAGESIZE")

    def test_bytes_are_null_without_an_object_size(
        self, shrinkpy: Command, target: Callable[..., str]
    ) -> None:
        result = json.loads(shrinkpy("run", "--json", target()).stdout)
        assert (result["freed_objects"], result["freed_bytes"]) == (1000, None)

    def test_what_the_target_prints_does_not_spoil_json(
        self, shrinkpy: Command, target: Callable[..., str]
    ) -> None:
        done = shrinkpy("run", "--json", target("def verify(self): print('hello')"))
        assert json.loads(done.stdout)["freed_objects"] == 1000
        assert done.stderr == "hello\n"

    def test_a_module_in_the_working_directory(self, shrinkpy: Command, target: Callable[..., str]) -> None:
        target()
        assert json.loads(shrinkpy("run", "--json", "cache:Cache").stdout)["target"] == "cache:Cache"

    def test_options_reach_the_machine(self, called: Command) -> None:
        options = "--pressure steady --priority 2 --passes 3 --nodes 2 --memcg 1 --seeks 0 --batch 50"
        rows = json.loads(called("run", "--json", "--size", "4M", *options.split()).stdout)["passes"]
        places = [(row["priority"], row["nid"], row["memcg"]) for row in rows]
        assert places == [(2, nid, path) for nid in (0, 1) for path in ("/", "/c0")] * 3
        first = rows[0]
        # seeks 0 takes half of what there is, in batches of 50.
        assert first["scan_calls"] == first["freeable"] // 2 // 50
        assert first["scanned"] == first["freed"] == first["scan_calls"] * 50


class TestPlainLines:
    def test_a_row_a_pass_then_the_totals(self, called: Command, target: Callable[..., str]) -> None:
        body = "object_size = 4096\ndef verify(self): return 'all is well'"
        done = called("run", target(body))
        assert (done.returncode, done.stderr) == (0, "")
        head, *rows, freed, resident, checked = done.stdout.splitlines()
        assert " ".join(head.split()) == "prio node cgroup freeable scan calls scanned freed deferred µs"
        assert [row.split()[:3] for row in rows] == [[str(p), "0", "/"] for p in range(12, -1, -1)]
        assert rows[0].split()[3:8] == ["1000", "0", "0", "0", "0"]
        assert {len(line) for line in (head, *rows)} == {len(head)}, "aligned"
        assert re.fullmatch(
            r"freed 1000 of \d+ scanned objects \(3\.9 MiB\), efficiency \d+\.\d %, 13 passes", freed
        )
        assert re.fullmatch(
            r"resident memory \d+\.\d MiB before, \d+\.\d MiB after: \d+\.\d MiB (less|more)", resident
        )
        assert checked == "checked: all is well"

    def test_nothing_freed_is_no_error(self, called: Command, target: Callable[..., str]) -> None:
        done = called("run", target("objects = 0"))
        assert done.returncode == 0
        assert "freed 0 of 0 scanned objects, 13 passes" in done.stdout

    def test_long_paths_keep_the_columns_aligned(self, called: Command, target: Callable[..., str]) -> None:
        options = ["--pressure", "steady", "--passes", "1", "--memcg", "10001", "--nodes", "1"]
        lines = called("run", target(), *options).stdout.splitlines()[:-2]
        assert len(lines) == 10_003
        assert len({len(line) for line in lines}) == 1

    @pytest.mark.parametrize(
        ("options", "priorities"), [("kswapd --objects 900", range(12, 1, -1)), ("memcg", range(12, 3, -1))]
    )
    def test_the_reclaims_of_vmscan(
        self, called: Command, target: Callable[..., str], options: str, priorities: range
    ) -> None:
        done = called("run", target("batch = 1"), "--pressure", *options.split())
        assert (done.returncode, done.stderr) == (0, "")
        rows = [line.split() for line in done.stdout.splitlines()[1:-2]]
        assert [int(row[0]) for row in rows[: len(priorities)]] == list(priorities)

    def test_a_reclaim_that_fell_short_is_told(self, called: Command, target: Callable[..., str]) -> None:
        done = called("run", "--pressure", "memcg", "--objects", "1001", target())
        assert done.returncode == 0
        told = "shrinkpy: memory.reclaim fell short: 1000 of 1001 objects were freed from cgroup /\n"
        assert done.stderr == told

    def test_no_escape_codes(self, shrinkpy: Command) -> None:
        done = shrinkpy("run", "--size", "1M", env=environment(FORCE_COLOR="1", TERM="xterm"))
        assert "\x1b" not in done.stdout

    def test_a_target_without_end_is_told(self, shrinkpy: Command, target: Callable[..., str]) -> None:
        done = shrinkpy("run", "--pressure", "drop", target("def scan_objects(self, sc): return 1"))
        assert done.returncode == 0
        assert done.stderr.startswith("shrinkpy: gave up dropping after 64 rounds")


class TestTerminal:
    def test_a_live_table_and_a_progress_bar(self, tmp_path: Path) -> None:
        code, written = on_terminal("run", "--size", "1M", "--nodes", "2", cwd=tmp_path)
        assert code == 0
        assert "filling the target" in written
        assert re.search(r"pass \d+ of 26", written)
        assert "━━━" in written
        assert "\x1b[?25l" in written, "the cursor is hidden"
        assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l"), "and shown again"
        last = written[written.rindex("\x1b[?25h") :]
        assert last.count("\n") > 26, "the whole table stays"
        assert "resident memory" in last
        assert max(len(re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]|\r", "", line)) for line in last.split("\n")) <= 80

    @pytest.mark.thorough
    def test_no_color_is_respected(self, tmp_path: Path) -> None:
        colour = re.compile(r"\x1b\[(?:\d+;)*[34][0-8]")
        assert colour.search(on_terminal("run", "--size", "1M", cwd=tmp_path)[1])
        assert not colour.search(on_terminal("run", "--size", "1M", cwd=tmp_path, NO_COLOR="1")[1])

    def test_a_dumb_terminal_gets_plain_lines(self, tmp_path: Path) -> None:
        code, written = on_terminal("run", "--size", "1M", cwd=tmp_path, TERM="dumb")
        assert code == 0
        assert "\x1b" not in written

    def test_json_is_json_there_too(self, tmp_path: Path) -> None:
        assert json.loads(on_terminal("run", "--size", "1M", "--json", cwd=tmp_path)[1])["passes"]


class TestTrace:
    def test_the_trace_is_written(
        self, shrinkpy: Command, target: Callable[..., str], tmp_path: Path
    ) -> None:
        done = shrinkpy("run", target(), "--trace", "trace.txt")
        assert (done.returncode, done.stderr) == (0, "")
        text = (tmp_path / "trace.txt").read_text()
        assert text.startswith("# tracer: nop\n")
        assert (
            text.count("mm_shrink_slab_start: Cache.scan_objects") == text.count("mm_shrink_slab_end:") > 10
        )
        assert {path.name for path in tmp_path.iterdir()} == {"cache.py", "trace.txt"}

    def test_it_takes_the_place_of_an_older_one(
        self, shrinkpy: Command, target: Callable[..., str], tmp_path: Path
    ) -> None:
        old, link = tmp_path / "trace.txt", tmp_path / "link.txt"
        old.write_text("old")
        old.chmod(0o640)
        link.symlink_to(old)
        assert shrinkpy("run", target(), "--trace", "link.txt").returncode == 0
        assert link.is_symlink()
        assert old.read_text().startswith("# tracer")
        assert stat.S_IMODE(old.stat().st_mode) == 0o640

    @pytest.mark.parametrize("path", ["nowhere/trace.txt", ".", "cache.py/trace.txt"])
    def test_where_nothing_can_be_written(
        self, called: Command, target: Callable[..., str], path: str
    ) -> None:
        done = called("run", target(), "--trace", path)
        refused(done, rf"cannot write {re.escape(path)}: .*; choose a place")
        assert done.stdout == "", "found out before the work"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_a_full_device(self, shrinkpy: Command, target: Callable[..., str]) -> None:
        refused(shrinkpy("run", target(), "--trace", "/dev/full"), "cannot write /dev/full: No space left")
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode), "it was not replaced"

    @pytest.mark.parametrize("trace", ["all.txt", "/dev/stdout"])
    def test_not_over_the_rows(
        self, shrinkpy: Command, target: Callable[..., str], tmp_path: Path, trace: str
    ) -> None:
        with open(tmp_path / "all.txt", "w") as out:
            done = shrinkpy(
                "run", target(), "--trace", trace, capture_output=False, stdout=out, stderr=subprocess.PIPE
            )
        assert done.returncode == 2
        assert done.stderr.startswith(f"shrinkpy: cannot write {trace}: standard output goes there;")

    def test_down_the_pipe_behind_the_rows(self, shrinkpy: Command, target: Callable[..., str]) -> None:
        lines = shrinkpy("run", target(), "--trace", "/dev/stdout").stdout.splitlines()
        assert lines[0].startswith("prio")
        assert lines[14] == "# tracer: nop"
        assert lines[-1].startswith("resident memory")

    @pytest.mark.parametrize("older", [None, "older"])
    def test_a_full_disk_leaves_what_was_there(
        self, shrinkpy: Command, target: Callable[..., str], tmp_path: Path, older: str | None
    ) -> None:
        if older:
            (tmp_path / "trace.txt").write_text(older)

        def small_disk() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        done = shrinkpy("run", target(), "--json", "--trace", "trace.txt", preexec_fn=small_disk)
        refused(done, r"cannot write trace\.txt: File too large; choose a place that has room")
        assert done.stdout == ""
        left = {path.name: path.read_text() for path in tmp_path.iterdir() if path.name != "cache.py"}
        assert left == ({"trace.txt": older} if older else {})

    @pytest.mark.thorough
    def test_lost_events_are_told(self, called: Command, target: Callable[..., str]) -> None:
        body = """
            def attach(self, registration, cgroups): self.machine = registration.machine
            def step(self):
                for _ in range(33000): self.machine.shrink_slab()
        """
        done = called(
            "run", target(body), "--trace", "/dev/null", "--pressure", "steady", "--passes", "2", "--json"
        )
        assert done.returncode == 0
        assert re.fullmatch(r"shrinkpy: the trace lacks 468 events, .*\n", done.stderr)
        assert len(json.loads(done.stdout)["passes"]) == 2


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ("cache", "a target is module:Class"),
            ("no_such:Cache", "there is no module no_such: check its name"),
            ("no_such.py:Cache", r"there is no file no_such\.py"),
            ("cache.py:NoSuch", r"cache\.py has no class NoSuch; it has Honest, Cache"),
            ("cache.py:Cache.objects", "is no class, it is of type int"),
            ("cache.py:Cache --size 1M", "takes no size: leave --size out"),
            ("--size 0", "--size: '0' is no size"),
            ("--size 1X", "--size: '1X' is no size: give bytes, or a number with K, M or G"),
            ("--size 8000000G", "take a smaller size"),
            ("--nodes 0", "'--nodes'.*shrinkpy run --help"),
            ("--nodes 1025", "'--nodes'"),
            ("--nodes two", "'--nodes'"),
            ("--memcg -1", "'--memcg'"),
            ("--memcg 65535", "'--memcg'"),
            ("--seeks -1", "'--seeks'"),
            ("--batch 9223372036854775808", "'--batch'"),
            ("--pressure none", "'--pressure'"),
            ("--pressure steady --priority 64", "'--priority'"),
            ("--pressure steady --passes 0", "'--passes'"),
            ("--priority 3", "add --pressure steady"),
            ("--pressure drop --passes 3", "add --pressure steady"),
            ("--objects 3", "add --pressure kswapd"),
            ("--pressure memcg --objects 0", "'--objects'"),
            ("--pressure kswapd --priority 3", "add --pressure steady"),
            ("--trace", "--trace"),
            ("--no-such", "--no-such"),
            ("cache.py:Cache more", "more"),
        ],
    )
    def test_one_line_and_exit_code_2(
        self, called: Command, target: Callable[..., str], arguments: str, told: str
    ) -> None:
        target()
        done = called("run", *arguments.split())
        refused(done, told)
        assert done.stdout == ""

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("scan_objects = None", r"has no method scan_objects\(\)"),
            ("def __init__(self, it): pass", r"cannot make .* \(with no arguments\): TypeError: .*'it'"),
            (
                "def __init__(self): raise OSError('two\\nlines')",
                r"OSError: two lines \(.*cache\.py, line 11\)",
            ),
            ("flags = 1", "cannot register .*flags may hold"),
            ("import no_such", "cannot import .*No module named 'no_such'"),
            ("def", "cannot import .*SyntaxError"),
        ],
    )
    def test_a_target_that_is_none(
        self, called: Command, target: Callable[..., str], body: str, told: str
    ) -> None:
        refused(called("run", target(body)), told)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_a_full_disk_under_standard_output(self, shrinkpy: Command) -> None:
        with open("/dev/full", "w") as full:
            done = shrinkpy("run", "--size", "1M", capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 2
        assert done.stderr == "shrinkpy: cannot write standard output: No space left on device\n"


class TestFailures:
    def test_an_exception_in_a_callback_is_shown(self, shrinkpy: Command, target: Callable[..., str]) -> None:
        done = shrinkpy("run", target("def scan_objects(self, sc): raise KeyError('lost')"))
        assert done.returncode == 1
        assert re.match(r"Traceback .*\n  File \".*cache\.py\", line 11, in scan_objects\n", done.stderr)
        told = "cache.py:Cache: KeyError in the pass at priority 4 on node 0, cgroup /"
        assert done.stderr.endswith(f"KeyError: 'lost'\nshrinkpy: {told}\n")
        assert len(done.stdout.splitlines()) == 1 + 8, "the passes until then"

    def test_a_kernel_that_would_spin_is_one_line(
        self, shrinkpy: Command, target: Callable[..., str]
    ) -> None:
        done = shrinkpy("run", "--json", target("def scan_objects(self, sc): sc.nr_scanned = 0; return 0"))
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"shrinkpy: cache\.py:Cache: LivelockError in the pass .*for ever\n", done.stderr)

    def test_what_verify_finds_is_one_line(self, shrinkpy: Command, target: Callable[..., str]) -> None:
        body = "def verify(self): raise DamagedError('oh')"
        done = shrinkpy("run", "--json", target(body))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "shrinkpy: cache.py:Cache: verify() raised DamagedError: oh\n"

    @pytest.mark.parametrize("where", ["__init__", "fill", "step", "verify"])
    def test_ctrl_c(self, shrinkpy: Command, target: Callable[..., str], tmp_path: Path, where: str) -> None:
        body = f"def {where}(self): os.kill(os.getpid(), signal.SIGINT)"
        done = shrinkpy("run", target(body), "--json", "--trace", "trace.txt")
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "shrinkpy: interrupted\n")
        assert [path.name for path in tmp_path.iterdir()] == ["cache.py"]

    def test_ctrl_c_in_a_callback(
        self, shrinkpy: Command, target: Callable[..., str], tmp_path: Path
    ) -> None:
        body = "def scan_objects(self, sc): os.kill(os.getpid(), signal.SIGINT); return 1"
        done = shrinkpy("run", target(body), "--trace", "trace.txt")
        assert (done.returncode, done.stderr) == (130, "shrinkpy: interrupted\n")
        assert [path.name for path in tmp_path.iterdir()] == ["cache.py"]

    def test_ctrl_c_gives_the_terminal_back(self, target: Callable[..., str], tmp_path: Path) -> None:
        body = "def scan_objects(self, sc): os.kill(os.getpid(), signal.SIGINT); return 1"
        code, written = on_terminal("run", target(body), cwd=tmp_path)
        assert code == 130
        assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
        assert written.endswith("shrinkpy: interrupted\r\n")

    def test_nobody_reads_the_rows(self, target: Callable[..., str], tmp_path: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*COMMAND, "run", target()],
            cwd=tmp_path,
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, "")


class TestTopLevel:
    def test_version(self, called: Command) -> None:
        assert called("--version").stdout == f"shrinkpy {sp.__version__}\n"

    @pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
    def test_help_names_the_verbs(self, called: Command, arguments: list[str]) -> None:
        done = called(*arguments)
        assert done.returncode == 0
        assert re.search(r"\brun\b", done.stdout)
        assert re.search(r"\bconform\b", done.stdout)

    def test_help_of_run_names_its_options(self, called: Command) -> None:
        text = called("run", "--help").stdout
        found = set(re.findall("--[a-z]+", text))
        assert found >= {"--size", "--pressure", "--priority", "--passes", "--nodes", "--memcg"}
        assert found >= {"--seeks", "--batch", "--trace", "--json", "--objects"}

    def test_python_m_is_the_command(self, shrinkpy: Command) -> None:
        done = shrinkpy("--version")
        assert (done.returncode, done.stdout, done.stderr) == (0, f"shrinkpy {sp.__version__}\n", "")
        refused(shrinkpy("run", "--size", "0"), "is no size")

    def test_an_unknown_verb(self, called: Command) -> None:
        refused(called("fly"), "fly")

    def test_importing_the_package_does_not_import_the_command_line(self) -> None:
        script = "import sys, shrinkpy; print({'typer', 'rich', 'numpy', 'shrinkpy.cli'} & set(sys.modules))"
        assert subprocess.check_output([sys.executable, "-c", script], text=True) == "set()\n"
