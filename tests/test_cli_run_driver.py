# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy run driver.c`: built, loaded, put under pressure, unloaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COUNTER = Path(__file__).parent / "drivers_c" / "counter.c"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, with its output."""
    return subprocess.run(
        [sys.executable, "-m", "shrinkpy", "run", *map(str, arguments)], capture_output=True, text=True
    )


def driver(folder: Path, leaks: int = 0, **defines: int) -> Path:
    """A driver with the functions that run calls."""
    path = folder / "driver.c"
    more = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    path.write_text(f'#define FOR_RUN 1\n#define LEAKS {leaks}\n{more}#include "{COUNTER}"\n')
    return path


class TestRun:
    def test_shows_what_went_and_the_log(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path), "--size", "32000")
        assert ended.returncode == 0, ended.stderr
        assert "freed 1000 of " in ended.stdout
        assert "checked: shrinkpy_verify() found nothing wrong" in ended.stdout
        assert ended.stdout.endswith("its log:\n  counter: loaded\n  counter: unloaded\n")
        assert ended.stderr == ""

    @pytest.mark.parametrize("pressure", ["drop", "kswapd", "memcg"])
    def test_under_every_pressure(self, pressure: str) -> None:
        ended = run(COUNTER, "--pressure", pressure, "--memcg", "1", "--nodes", "2")
        assert ended.returncode == 0, ended.stderr

    def test_as_json(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path), "--size", "32000", "--json")
        result = json.loads(ended.stdout)
        assert (result["freed_objects"], result["leaks"]) == (1000, [])
        assert result["log"] == ["counter: loaded", "counter: unloaded"]

    def test_leaks_are_found(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path, leaks=77), "--size", "320")
        assert ended.returncode == 1
        assert "leaked: kmalloc 77 " in ended.stderr

    def test_what_its_check_finds_is_found(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path), "--size", "320", "--pressure", "steady", "--passes", "2")
        assert ended.returncode == 1
        assert "shrinkpy_verify() gave -5" in ended.stderr

    def test_a_plain_driver_will_do(self) -> None:
        ended = run(COUNTER)
        assert ended.returncode == 0, ended.stderr
        assert "freed 0 of 0" in ended.stdout


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("#include <linux/no_such.h>\n", "driver.c:1: no header <linux/no_such.h>: shrinkpy has none"),
            (None, "there is no such source file"),
        ],
    )
    def test_is_one_line(self, tmp_path: Path, text: str | None, told: str) -> None:
        path = tmp_path / "driver.c"
        if text is not None:
            path.write_text(text)
        ended = run(path)
        assert ended.returncode == 2
        assert told in ended.stderr
        assert ended.stderr.count("\n") == 1

    def test_a_module_init_that_fails(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path, FAIL_INIT=19))
        assert ended.returncode == 2
        assert "its module_init gave -ENODEV" in ended.stderr

    def test_options_that_are_for_python(self, tmp_path: Path) -> None:
        ended = run(COUNTER, "--seeks", "3")
        assert ended.returncode == 2
        assert "a driver sets its own" in ended.stderr
