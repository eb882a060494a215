# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy trace`: what each verb prints and writes, its exit codes, and every way to fail."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from commands import Call, Done, caller, written_to
from recorded_calls import Kernel, Shrinker
from support import TIMEOUT

from shrinkpy.recordings import read

DATA = Path(__file__).parent / "data" / "recordings"
COMMAND = [sys.executable, "-W", "error", "-m", "shrinkpy", "trace"]
GROW, RMDIR, PUBLIC = DATA / "a.a-grow.txt.gz", DATA / "b.b-rmdir.txt.gz", DATA / "public-lines.txt"
VERBS = ["verify", "replay", "report", "convert"]


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Call the command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    run = caller(monkeypatch, capsys, "trace")

    def call(verb: str, *args: object) -> Done:
        output = ["-o", "out.parquet"] if verb == "convert" and "-o" not in args else []
        return run(verb, *args, *output)

    return call


def bad(done: Done, told: str) -> None:
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(rf"shrinkpy: [^\n]*{told}[^\n]*\n", done.err), done.err


def changed(path: Path) -> Path:
    """A recording of which one number was changed."""
    with gzip.open(GROW, "rt") as file:
        text = file.read()
    path.write_text(text.replace(" total_scan 0 priority", " total_scan 7 priority", 1))
    return path


class TestVerify:
    def test_a_good_recording(self, trace: Call) -> None:
        done = trace("verify", GROW)
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines() == [
            "174 starts, 174 ends, 174 pairs",
            "explained by concurrent deferral: 3",
            "unexplained: 0",
        ]

    def test_json(self, trace: Call) -> None:
        done = trace("verify", GROW, RMDIR, "--json")
        assert (done.code, done.err) == (0, "")
        told = json.loads(done.out)
        keys = ["files", "starts", "ends", "pairs", "explained", "unexplained", "unread_lines"]
        assert list(told)[:7] == keys
        assert (told["files"], told["starts"], told["pairs"], told["unexplained"]) == (2, 202, 202, 0)
        assert told["explained"]["concurrent deferral"] == 3

    def test_a_number_that_was_changed(self, trace: Call, tmp_path: Path) -> None:
        path = changed(tmp_path / "changed.txt")
        done = trace("verify", path)
        assert (done.code, done.err) == (1, "")
        assert re.match(rf"{re.escape(str(path))}:\d+: .*total_scan", done.out)
        assert "\nunexplained: 1\n" in done.out
        told = json.loads(trace("verify", path, "--json").out)
        assert (told["unexplained"], len(told["details"])) == (1, 1)

    def test_lines_that_were_not_read(self, trace: Call) -> None:
        done = trace("verify", PUBLIC)
        assert done.out.endswith("\nlines that were not read: 6\n")
        assert json.loads(trace("verify", PUBLIC, "--json").out)["unread_lines"] == 6


class TestReplay:
    FULL = DATA / "b-full.b-rmdir.txt.gz"

    def test_a_full_recording(self, trace: Call) -> None:
        done = trace("replay", self.FULL)
        assert (done.code, done.err) == (0, "")
        assert re.match(r"[\d,]+ decisions, 0 differences\n", done.out)

    def test_json(self, trace: Call) -> None:
        done = trace("replay", self.FULL, "--json")
        assert (done.code, done.err) == (0, "")
        told = json.loads(done.out)
        assert list(told) == ["files", "decisions", "differences", "skipped", "recordings"]
        assert told["decisions"] > 1000
        assert told["differences"] == 0
        assert isinstance(told["skipped"], dict)

    def test_a_decision_that_is_not_the_cores(self, trace: Call, tmp_path: Path) -> None:
        path = changed(tmp_path / "changed.txt")
        done = trace("replay", path)
        assert (done.code, done.err) == (1, "")
        assert f"{path}:" in done.out
        assert re.search(r"recorded \d+, decided \d+", done.out)
        assert json.loads(trace("replay", path, "--json").out)["differences"] >= 1

    def test_what_if(self, trace: Call) -> None:
        done = trace("replay", self.FULL, "--seeks", 4)
        assert (done.code, done.err) == (0, "")
        assert "with seeks 4" in done.out
        assert re.search(r"ext4_es_scan ff39ca5e01b2e580 +recorded +4 +4 +256 .*\n +decided +4 ", done.out)
        assert "of first order" in done.out

    def test_what_if_of_one_shrinker(self, trace: Call) -> None:
        args = ("--seeks", "ext4_es_scan=8", "--batch", "ext4_es_scan=32", "--priority-shift", 1)
        done = trace("replay", self.FULL, *args, "--json")
        assert done.code == 0
        (recording,) = json.loads(done.out)["recordings"]
        assert recording["what_if"]["seeks"] == {"ext4_es_scan": 8}
        assert recording["what_if"]["batch"] == {"ext4_es_scan": 32}
        assert recording["what_if"]["priority_shift"] == 1

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["--seeks", "x"], "--seeks takes a number, or SYMBOL=NUMBER, not 'x'"),
            (["--batch", "scan="], "--batch takes a number"),
            (["--seeks", "1", "--seeks", "2"], "one number for all"),
            (["--seeks=-1"], "seeks must be 0 to 2147483647, not -1"),
            (["--priority-shift", "13"], "--priority-shift.*shrinkpy trace replay --help"),
        ],
    )
    def test_settings_that_cannot_be(self, trace: Call, args: list[str], told: str) -> None:
        bad(trace("replay", self.FULL, *args), told)


class TestReport:
    def test_a_table(self, trace: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        done = trace("report", GROW)
        assert (done.code, done.err) == (0, "")
        head, calls, _, titles, first = done.out.splitlines()[:5]
        assert head == f"{GROW}: 397 events in 4.009 s"
        assert calls.startswith("174 calls of 6 shrinkers by ")
        words = "shrinker calls useless objects scanned freed eff. STOPs deferred peak median p99 max"
        assert re.sub(" +", " ", titles) == f"{words} seeks nodes cgroups"
        assert first.startswith("super_cache_scan 4f13d2c4 ")
        assert first.split()[2:7] == ["29", "15", "246992", "188416", "10897"]
        assert done.out.splitlines()[-1] == "no findings"

    def test_findings(self, trace: Call) -> None:
        done = trace("report", PUBLIC)
        assert (done.code, done.err) == (1, "")
        # Not folded, where it is no terminal.
        (line,) = re.findall(r"^C20 .*$", done.out, re.MULTILINE)
        assert line.startswith("C20 kswapd0-421: 11 shrinkers were called in turn, 44 times")
        assert "spare it the calls" in line

    def test_json(self, trace: Call) -> None:
        done = trace("report", GROW, PUBLIC, "--json")
        assert (done.code, done.err) == (1, "")
        told = json.loads(done.out)
        assert [file["file"] for file in told["files"]] == [str(GROW), str(PUBLIC)]
        assert {finding["id"] for finding in told["findings"]} == {"C18", "C19", "C20"}
        assert all(finding["file"] == str(PUBLIC) for finding in told["findings"])

    def test_nothing_was_recorded(self, trace: Call) -> None:
        done = trace("report", DATA / "k.k-scan.txt.gz")
        assert (done.code, done.err) == (0, "")
        assert "no call of a shrinker" in done.out

    def test_on_a_terminal_findings_are_folded_and_coloured(self) -> None:
        written = on_terminal("report", PUBLIC, columns=80)
        assert "\x1b[1;33mC20\x1b[0m" in written
        plain = re.sub(r"\x1b\[[\d;]*m", "", written)
        assert max(len(line.rstrip("\r")) for line in plain.split("\n")[3:]) <= 80

    def test_a_name_cannot_speak_to_the_terminal(self, tmp_path: Path) -> None:
        kernel = Kernel()
        for _ in range(5):
            Shrinker(kernel, symbol="\x1b]0;owned\x07").call(64, took=3 * 10**9, comm="\x1b[2J[red]", pid=9)
        path = tmp_path / "\x1b[31mred.txt"
        path.write_bytes(kernel.text().replace(b"+0x0/0x1c0", b""))
        written = on_terminal("report", path, columns=200)
        assert set(re.findall(r"\x1b\[([^m]*)m", written)) <= {"1", "0", "1;33", "2"}
        assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", written)
        assert r"\x1b]0;owned\x07" in written
        assert r"\x1b[2J[red]-9" in written
        assert r"\x1b[31mred.txt" in written


def unread(pipe: int) -> int:
    """How many bytes are in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def on_terminal(*args: object, columns: int) -> str:
    """What the command writes on a terminal of that width."""
    master, slave = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen(
        [*COMMAND, *map(str, args)], stdout=slave, stderr=subprocess.PIPE, env=env
    ) as process:
        os.close(slave)
        written = written_to(master)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    return written.decode()


class TestConvert:
    def test_parquet(self, trace: Call, tmp_path: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        done = trace("convert", GROW, RMDIR, "-o", "out.parquet")
        assert (done.code, done.out, done.err) == (0, "out.parquet: 691 events\n", "")
        table = parquet.read_table(tmp_path / "out.parquet")
        assert table["file"].to_pylist() == [str(GROW)] * 397 + [str(RMDIR)] * 294

    @pytest.mark.parametrize("ending", [".perfetto-trace", ".pftrace", ".perfetto"])
    def test_perfetto(self, trace: Call, tmp_path: Path, ending: str) -> None:
        protos = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
        done = trace("convert", GROW, "-o", f"out{ending}")
        assert (done.code, done.out, done.err) == (0, f"out{ending}: 174 calls\n", "")
        packets = protos.Trace.FromString((tmp_path / f"out{ending}").read_bytes()).packet
        assert sum(packet.track_event.name == "do_shrink_slab" for packet in packets) == 174

    def test_a_format_for_any_ending(self, trace: Call, tmp_path: Path) -> None:
        assert trace("convert", GROW, "-o", "out.parquet", "--format", "perfetto").code == 0
        assert (tmp_path / "out.parquet").read_bytes()[:4] != b"PAR1"

    def test_lines_that_are_not_in_it_are_counted(self, trace: Call) -> None:
        done = trace("convert", PUBLIC)
        assert done.code == 0
        assert done.err.startswith("shrinkpy: 6 lines that were not read are not in it")

    def test_our_own_trace(self, trace: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        command = [sys.executable, "-m", "shrinkpy", "run", "--size", "1MiB", "--trace", "trace.txt"]
        assert subprocess.run(command, capture_output=True, cwd=tmp_path).returncode == 0
        assert trace("convert", "trace.txt").code == 0
        rows = parquet.read_table("out.parquet").to_pylist()
        events = read("trace.txt").events
        assert [row["line"] for row in rows] == events["line"].tolist()
        assert [row["total_scan"] for row in rows] == events["total_scan"].tolist()
        assert len(rows) == (tmp_path / "trace.txt").read_text().count("mm_shrink_slab_") > 10
        for verb in ("verify", "replay"):
            assert trace(verb, "trace.txt").code == 0

    def test_what_it_is_to_be(self, trace: Call) -> None:
        bad(trace("convert", GROW, "-o", "out.txt"), r"what is out\.txt to be\?.*\.parquet.*--format")

    @pytest.mark.parametrize("name", ["no/such/out.parquet", "."])
    def test_a_place_that_cannot_be_written(self, trace: Call, name: str) -> None:
        bad(trace("convert", GROW, "-o", name, "--format", "parquet"), f"cannot write {re.escape(name)}: ")

    @pytest.mark.parametrize("form", ["parquet", "perfetto"])
    def test_a_full_disk(self, trace: Call, form: str) -> None:
        bad(
            trace("convert", GROW, "-o", "/dev/full", "--format", form),
            "cannot write /dev/full: No space left",
        )

    @pytest.mark.parametrize("form", ["parquet", "perfetto"])
    def test_input_that_fails_in_the_middle_leaves_what_was_there(
        self, trace: Call, tmp_path: Path, form: str
    ) -> None:
        (tmp_path / "out").write_text("before")
        (tmp_path / "cut.gz").write_bytes(GROW.read_bytes()[:3000])
        bad(
            trace("convert", RMDIR, "cut.gz", "-o", "out", "--format", form),
            "cut.gz is damaged, or cut short",
        )
        assert (tmp_path / "out").read_text() == "before"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.gz", "out"]

    @pytest.mark.parametrize("form", [pytest.param("parquet", marks=pytest.mark.thorough), "perfetto"])
    @pytest.mark.parametrize("there", [True, False], ids=["what was there stays", "nothing is left"])
    def test_ctrl_c_in_the_middle(self, tmp_path: Path, form: str, there: bool) -> None:
        """Standard input gives the beginning of a recording, and then nothing more."""
        out = tmp_path / "out"
        if there:
            out.write_text("before")
        kernel = Kernel()
        for _ in range(200):
            Shrinker(kernel).call(1000)
        with subprocess.Popen(
            [*COMMAND, "convert", str(GROW), "-", "-o", str(out), "--format", form],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            process.stdin.write(kernel.text().decode())
            process.stdin.flush()
            while unread(process.stdin.fileno()):
                assert process.poll() is None
                time.sleep(0.01)
            assert list(tmp_path.glob(".shrinkpy-*"))
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT) == 130
            assert process.stderr is not None
            assert process.stderr.read() == "shrinkpy: interrupted\n"
        assert [path.name for path in tmp_path.iterdir()] == ["out"] * there
        assert not there or out.read_text() == "before"

    @pytest.mark.parametrize(
        ("form", "module"),
        [("parquet", "pyarrow"), ("perfetto", "perfetto.trace_builder.proto_builder")],
    )
    def test_without_the_extra(
        self, trace: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, module: str
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        told = rf"needs {module.partition('.')[0]}.*pip install 'shrinkpy\[recordings\]'"
        bad(trace("convert", GROW, "-o", "out", "--format", form), told)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
class TestInput:
    """The same for all of them."""

    def test_none(self, trace: Call, verb: str) -> None:
        bad(trace(verb), f"FILE.*shrinkpy trace {verb} --help")

    def test_that_is_not_there(self, trace: Call, verb: str) -> None:
        bad(trace(verb, GROW, "no/such"), "no/such: No such file or directory")

    def test_a_folder(self, trace: Call, verb: str) -> None:
        bad(trace(verb, "."), r"\.: Is a directory")

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "is empty"),
            (bytes(range(256)) * 50, "is no recording"),
            (b"Dear list,\n\nkswapd is at 100 %.\n", "is no recording"),
            (
                b"\x17\x08\x44tracing\x00\x06\n",
                "is trace-cmd's own format: trace-cmd report what ",
            ),
            (b"PERFILE2\x68\x00\n", "is perf's own format: perf script -i what"),
            (b"PAR1\x15\x04\n", "is Parquet"),
            (gzip.compress(b"x" * 10_000)[:20], "is damaged, or cut short"),
        ],
        ids=["empty", "binary", "prose", "trace.dat", "perf.data", "parquet", "cut"],
    )
    def test_that_is_none(self, trace: Call, tmp_path: Path, verb: str, content: bytes, told: str) -> None:
        (tmp_path / "what").write_bytes(content)
        bad(trace(verb, "what"), f"what:? {told}")
        assert [path.name for path in tmp_path.iterdir()] == ["what"]

    def test_a_name_with_escapes_is_shown_as_text(self, trace: Call, verb: str) -> None:
        bad(trace(verb, "\x1b[2J"), r"\\x1b\[2J: No such file")


class TestProcess:
    def test_standard_input(self) -> None:
        done = subprocess.run(
            [*COMMAND, "report", "-"], input=gzip.decompress(RMDIR.read_bytes()), capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"standard input: 294 events in 0.069 s\n")

    def test_standard_input_that_is_none(self) -> None:
        done = subprocess.run([*COMMAND, "verify", "-"], input="", capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "shrinkpy: standard input: is empty\n"

    def test_nobody_reads(self) -> None:
        with subprocess.Popen(
            [*COMMAND, "report", str(PUBLIC)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait() == 141

    def test_a_full_standard_output(self) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, "report", str(GROW)], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert done.returncode == 2
        assert done.stderr == "shrinkpy: cannot write standard output: No space left on device\n"

    def test_a_bar_on_a_terminal_for_what_takes_long(self, tmp_path: Path) -> None:
        script = "from shrinkpy import cli, cli_trace; cli_trace._LONG = 0; cli.main()"
        master, slave = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, "trace", "verify", str(GROW)],
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            env=env,
        ) as process:
            os.close(slave)
            assert process.stdout is not None
            out = process.stdout.read()
            written = written_to(master)
        assert "━━━" in written.decode()
        assert out.endswith("unexplained: 0\n")
        assert "\x1b" not in out
        assert process.returncode == 0
