# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy kernel diff`: what it prints and keeps, its exit codes, and how it is interrupted."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import Call, Done, caller
from support import until

COMMAND = [sys.executable, "-W", "error", "-m", "shrinkpy", "kernel", "diff"]
PORTS = ["--core", "port", "--core", "port"]


@pytest.fixture
def diff(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Call the command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    return caller(monkeypatch, capsys, "kernel", "diff")


def bad(done: Done, told: str) -> None:
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(rf"shrinkpy: [^\n]*{told}[^\n]*\n", done.err), done.err


class TestNoDifference:
    def test_a_line(self, diff: Call, tmp_path: Path) -> None:
        done = diff(*PORTS, "--operations", 500, "--seed", 3)
        assert (done.code, done.err) == (0, "")
        line = r"5\d\d operations in \d+ scenarios: port and port agree on every one \(seed 3, \d+ s\)\n"
        assert re.fullmatch(line, done.out)
        assert list(tmp_path.iterdir()) == []

    def test_json(self, diff: Call) -> None:
        done = diff(*PORTS, "--operations", 500, "--json")
        assert (done.code, done.err) == (0, "")
        result = json.loads(done.out)
        assert list(result) == [
            *("scenarios", "operations", "differences", "seed", "seconds", "cores", "first", "vector")
        ]
        assert result["operations"] >= 500
        assert (result["differences"], result["seed"], result["cores"]) == (0, 1, ["port", "port"])
        assert (result["first"], result["vector"]) == (None, None)


class TestDifference:
    @pytest.fixture(autouse=True)
    def mutant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MUTANT", "id")

    def test_is_shown_and_kept_where_one_is(self, diff: Call, mutant_core: Path, tmp_path: Path) -> None:
        done = diff("--core", "port", "--core", mutant_core)
        assert (done.code, done.err) == (1, "")
        (kept,) = tmp_path.iterdir()
        assert re.fullmatch(r"difference-1-\d+\.jsonl", kept.name)
        assert done.out.splitlines()[-1] == f"  SHRINKPY_CORE={mutant_core} shrinkpy conform {kept.name}"
        assert len(kept.read_text().splitlines()) == 1

    @pytest.mark.thorough
    def test_json_and_a_file_of_ones_own(self, diff: Call, mutant_core: Path, tmp_path: Path) -> None:
        done = diff("--core", "port", "--core", mutant_core, "-o", "found.jsonl", "--json")
        assert (done.code, done.err) == (1, "")
        result = json.loads(done.out)
        assert (result["differences"], result["vector"]) == (1, "found.jsonl")
        assert list(result["first"]) == ["scenario", "cfg", "ops", "number", "key", "sides"]
        vector = json.loads((tmp_path / "found.jsonl").read_text())
        assert [op["op"] for op in vector["ops"]] == [op["op"] for op in result["first"]["ops"]]


class TestBadInput:
    @pytest.mark.parametrize("cores", [["--core", "port"], [*PORTS, "--core", "port"]], ids=["one", "three"])
    def test_not_two_cores(self, diff: Call, cores: list[str]) -> None:
        bad(diff(*cores), "give --core twice")

    def test_none(self, diff: Call) -> None:
        bad(diff(), "--core.*shrinkpy kernel diff --help")

    def test_a_folder_that_is_not_there(self, diff: Call) -> None:
        bad(diff("--core", "port", "--core", "no/such"), "no/such is no core: No such file or directory")

    def test_one_that_cannot_be_loaded(self, diff: Call, tmp_path: Path, mutant_core: Path) -> None:
        folder = tmp_path / "core"
        folder.mkdir()
        (folder / "core.json").write_text((mutant_core / "core.json").read_text())
        bad(diff("--core", "port", "--core", folder), "cannot be loaded")

    def test_a_place_that_cannot_be_written(self, diff: Call) -> None:
        bad(diff(*PORTS, "-o", "no/such/file"), "cannot write no/such/file: No such file or directory")


def is_running(pid: str) -> bool:
    """Is there such a process, and is it none that nobody has waited for?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


@pytest.mark.thorough
class TestProcess:
    def test_ctrl_c_tells_what_was_done(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [*COMMAND, *PORTS, "--seconds", "600"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as process:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while len(started := children.read_text().split()) < 2:
                time.sleep(0.02)
            # A batch takes a part of that; without one there is nothing to tell, which is good too.
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        assert process.returncode == 130
        assert err == "shrinkpy: interrupted\n"
        assert out == "" or re.search(r"operations in \d+ scenarios: port and port agree on every one", out)
        assert list(tmp_path.iterdir()) == []
        for child in started:
            assert not Path(f"/proc/{child}").exists()

    def test_killed_it_leaves_no_child(self, tmp_path: Path) -> None:
        with subprocess.Popen([*COMMAND, *PORTS, "--seconds", "600"], cwd=tmp_path) as process:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while len(started := children.read_text().split()) < 2:
                time.sleep(0.02)
            time.sleep(2)  # at work by then; before that they hear that nobody asks
            process.kill()
        until(lambda: not any(is_running(child) for child in started))

    def test_progress_on_a_terminal_only(self, tmp_path: Path) -> None:
        master, slave = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        command = [*COMMAND, *PORTS, "--operations", "1500"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=slave, text=True, env=env, cwd=tmp_path
        ) as process:
            os.close(slave)
            written = b""
            while True:
                try:
                    written += os.read(master, 65536)
                except OSError:  # EIO: the other side is closed
                    break
            out = process.stdout.read() if process.stdout else ""
        os.close(master)
        assert process.returncode == 0
        assert b" operations" in written
        assert "\x1b" not in out
