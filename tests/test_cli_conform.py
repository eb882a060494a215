# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy conform`: a row a family, the first difference, and what it says of unreadable files."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import written_to

from shrinkpy.cli import main

GOLDEN = Path(__file__).parent / "data" / "golden"
COMMAND = [sys.executable, "-W", "error", "-m", "shrinkpy", "conform"]


class Done:
    """What a call of the command gave."""

    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Call = Callable[..., Done]


@pytest.fixture
def conform(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command in this process."""

    def call(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["shrinkpy", "conform", *map(str, args)])
        with pytest.raises(SystemExit) as exited:
            main()
        return Done(exited.value.code, *capsys.readouterr())

    return call


def read(family: str) -> list[dict[str, Any]]:
    with gzip.open(GOLDEN / f"{family}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture
def vectors(tmp_path: Path) -> Callable[..., Path]:
    """Write the vectors of a family, changed, to a file."""

    def write(family: str, change: Callable[[list[dict[str, Any]]], None]) -> Path:
        found = read(family)
        change(found)
        path = tmp_path / f"{family}.jsonl"
        path.write_text("".join(json.dumps(vector) + "\n" for vector in found))
        return path

    return write


def first_shrink(vectors: list[dict[str, Any]]) -> tuple[dict[str, Any], int]:
    for vector in vectors:
        for i, op in enumerate(vector["ops"]):
            if op["op"] == "shrink":
                return vector, i
    raise AssertionError("there is none")


def unreadable(done: Done, told: str) -> None:
    assert done.code == 2
    assert done.out == ""
    assert re.fullmatch(rf"shrinkpy: [^\n]*{told}[^\n]*\n", done.err), done.err


class TestReport:
    def test_a_row_a_family_and_their_sum(self, conform: Call) -> None:
        done = conform(GOLDEN / "clobber.jsonl.gz", GOLDEN / "hang.jsonl.gz")
        assert (done.code, done.err) == (0, "")
        operations = sum(len(vector["ops"]) for family in ("clobber", "hang") for vector in read(family))
        assert [line.split() for line in done.out.splitlines()] == [
            ["family", "scenarios", "differences"],
            ["clobber", "6", "0"],
            ["hang", "8", "0"],
            ["all", "14", "0"],
            [str(operations), "operations"],
        ]
        assert len({len(line) for line in done.out.splitlines()[:-1]}) == 1, "aligned"

    def test_json_has_these_keys_and_is_all_there_is(self, conform: Call) -> None:
        done = conform("--json", GOLDEN / "clobber.jsonl.gz", GOLDEN / "hook.jsonl.gz")
        assert (done.code, done.err) == (0, "")
        report = json.loads(done.out)
        assert list(report) == ["scenarios", "operations", "differences", "families"]
        assert (report["scenarios"], report["differences"]) == (18, 0)
        assert report["families"] == {
            "clobber": {"scenarios": 6, "differences": 0},
            "hook": {"scenarios": 12, "differences": 0},
        }

    def test_a_plain_file_does_as_well(self, conform: Call, vectors: Callable[..., Path]) -> None:
        assert conform(vectors("lifecycle", lambda _: None)).code == 0


class TestDifferences:
    def test_the_first_is_shown_whole(self, conform: Call, vectors: Callable[..., Path]) -> None:
        where = []

        def lie(found: list[dict[str, Any]]) -> None:
            vector, i = first_shrink(found)
            op = vector["ops"][i]
            where.extend([vector["id"], i, op["r"], {k: op[k] for k in ("op", "gfp", "nid", "m", "prio")}])
            op["r"] = 77777

        done = conform(vectors("hook", lie))
        scenario, i, was, op = where
        assert (done.code, done.err) == (1, "")
        assert done.out.splitlines()[1].split() == ["hook", "12", "1"]
        assert done.out.splitlines()[-3:] == [
            f"first difference: scenario {scenario}, operation {i}: {json.dumps(op)}",
            "  r expected: 77777",
            f"  r got:      {was}",
        ]

    def test_exit_code_1_with_json_too(self, conform: Call, vectors: Callable[..., Path]) -> None:
        def lie(found: list[dict[str, Any]]) -> None:
            vector, i = first_shrink(found)
            vector["ops"][i]["r"] += 1
            vector["ops"][i]["ev"] = []

        done = conform("--json", vectors("hook", lie))
        assert done.code == 1
        assert json.loads(done.out)["differences"] == 2


class TestUnreadable:
    @pytest.mark.parametrize("size", [5, 30, 500, 8000])
    def test_a_file_cut_in_the_middle(self, conform: Call, tmp_path: Path, size: int) -> None:
        whole = (GOLDEN / "hook.jsonl.gz").read_bytes()
        assert size < len(whole)
        (tmp_path / "cut.jsonl.gz").write_bytes(whole[:size])
        unreadable(conform(tmp_path / "cut.jsonl.gz"), r"cut\.jsonl\.gz: cut or damaged after line \d+")

    def test_a_plain_file_cut_in_the_middle(self, conform: Call, vectors: Callable[..., Path]) -> None:
        path = vectors("hook", lambda _: None)
        path.write_bytes(path.read_bytes()[:20_000])
        unreadable(conform(path), r"hook\.jsonl: line \d+ is not JSON")

    def test_after_good_ones_too(self, conform: Call, tmp_path: Path) -> None:
        (tmp_path / "cut.jsonl.gz").write_bytes((GOLDEN / "hook.jsonl.gz").read_bytes()[:500])
        unreadable(
            conform("--json", GOLDEN / "clobber.jsonl.gz", tmp_path / "cut.jsonl.gz"), "cut or damaged"
        )

    @pytest.mark.parametrize(
        ("content", "told"),
        [("", "holds no scenarios"), ("hello\n", "line 1 is not JSON"), ("{}\n", "line 1 has no 'id'")],
    )
    def test_what_is_no_vectors(self, conform: Call, tmp_path: Path, content: str, told: str) -> None:
        (tmp_path / "file").write_text(content)
        unreadable(conform(tmp_path / "file"), told)

    def test_no_such_file(self, conform: Call) -> None:
        unreadable(conform("no/such.jsonl"), r"no/such\.jsonl: No such file or directory")

    def test_a_directory(self, conform: Call, tmp_path: Path) -> None:
        unreadable(conform(tmp_path), "Is a directory")

    def test_no_file_at_all(self, conform: Call) -> None:
        unreadable(conform(), "FILES.*shrinkpy conform --help")


class TestProcess:
    def test_exit_codes(self, tmp_path: Path) -> None:
        (tmp_path / "cut.gz").write_bytes((GOLDEN / "hang.jsonl.gz").read_bytes()[:100])
        good = subprocess.run([*COMMAND, GOLDEN / "hang.jsonl.gz"], capture_output=True, text=True)
        assert (good.returncode, good.stderr) == (0, "")
        cut = subprocess.run([*COMMAND, tmp_path / "cut.gz"], capture_output=True, text=True)
        unreadable(Done(cut.returncode, cut.stdout, cut.stderr), "cut or damaged")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_a_full_disk_under_standard_output(self) -> None:
        with open("/dev/full", "w") as full:
            command = [*COMMAND, "--json", GOLDEN / "hang.jsonl.gz"]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2
        assert done.stderr == "shrinkpy: cannot write standard output: No space left on device\n"

    def test_a_progress_bar_on_a_terminal_only(self) -> None:
        master, slave = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        command = [*COMMAND, GOLDEN / "lifecycle.jsonl.gz"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, text=True, env=env) as process:
            os.close(slave)
            out = process.stdout.read() if process.stdout else ""
            written = written_to(master)
        assert "/80" in written.decode(), "of 80 scenarios"
        assert "━━━" in written.decode()
        assert "━" not in out
        assert "\x1b" not in out
        assert process.returncode == 0

    def test_ctrl_c_is_taken_between_two_scenarios(self) -> None:
        # Struck in a callback that C calls, where Python would print it and go on.
        script = """if True:
            import os, signal, sys
            from shrinkpy import cli, conform
            count = conform.Scenario.count
            def strike(self, s, sc):
                os.kill(os.getpid(), signal.SIGINT)
                return count(self, s, sc)
            conform.Scenario.count = strike
            sys.argv = ["shrinkpy", "conform", *sys.argv[1:]]
            cli.main()
        """
        done = subprocess.run(
            [sys.executable, "-c", script, GOLDEN / "hook.jsonl.gz"], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "shrinkpy: interrupted\n")
