# SPDX-License-Identifier: GPL-2.0-only
"""`shrinkpy run driver.c`: built, loaded, put under pressure, unloaded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import shrinkpy as sp

WAITS = """\
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
static DEFINE_MUTEX(lock);
static struct shrinker *s;
static unsigned long waits_count(struct shrinker *s, struct shrink_control *sc) { return 1; }
static unsigned long waits_scan(struct shrinker *s, struct shrink_control *sc) { mutex_lock(&lock); mutex_unlock(&lock); return SHRINK_STOP; }
void shrinkpy_fill(unsigned long bytes);
void shrinkpy_fill(unsigned long bytes) { mutex_lock(&lock); kfree(kmalloc(bytes, GFP_KERNEL)); mutex_unlock(&lock); }
static int __init waits_init(void)
{
	s = shrinker_alloc(0, "waits");
	if (!s)
		return -ENOMEM;
	s->count_objects = waits_count;
	s->scan_objects = waits_scan;
	shrinker_register(s);
	return 0;
}
static void __exit waits_exit(void) { shrinker_free(s); }
module_init(waits_init);
module_exit(waits_exit);
"""  # noqa: E501
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

    @pytest.mark.parametrize(
        ("name", "pressure"),
        [
            ("gem", "kswapd"),
            pytest.param("binder", "drop", marks=pytest.mark.thorough),
            pytest.param("superblock", "memcg", marks=pytest.mark.thorough),
        ],
    )
    def test_the_drivers_that_ship_have_what_it_takes(self, name: str, pressure: str) -> None:
        source = Path(sp.__file__).parent / "drivers" / f"{name}.c"
        ended = run(
            source, "--size", "4MiB", "--pressure", pressure, "--memcg", "1", "--nodes", "2", "--json"
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        result = json.loads(ended.stdout)
        assert result["freed_objects"] > 300
        assert result["leaks"] == []

    @pytest.mark.thorough
    def test_each_cgroup_and_node_is_filled_with_its_share(self, tmp_path: Path) -> None:
        fill = tmp_path / "fill.c"
        fill.write_text(
            "#include <linux/printk.h>\n#include <linux/numa.h>\n"
            "void shrinkpy_fill(unsigned long bytes);\n"
            "void shrinkpy_fill(unsigned long bytes)\n"
            '{ pr_info("%lu on %d\\n", bytes, numa_node_id()); }\n'
        )
        ended = run(COUNTER, fill, "--size", "4000", "--memcg", "2", "--nodes", "2", "--json")
        log = json.loads(ended.stdout)["log"]
        assert log == ["counter: loaded", *["1000 on 0", "1000 on 1"] * 2, "counter: unloaded"]

    @pytest.mark.thorough
    def test_the_rest_of_a_driver_may_lie_in_other_files_and_folders(self, tmp_path: Path) -> None:
        (tmp_path / "include").mkdir()
        (tmp_path / "include" / "mine.h").write_text("#define SHARE 32\n")
        fill = tmp_path / "fill.c"
        fill.write_text(
            "#include <mine.h>\nvoid counter_add(int n);\nvoid shrinkpy_fill(unsigned long bytes);\n"
            "void shrinkpy_fill(unsigned long bytes) { counter_add(bytes / SHARE); }\n"
        )
        ended = run(COUNTER, fill, "--include", tmp_path / "include", "--size", "32000")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "freed 1000 of " in ended.stdout

    @pytest.mark.thorough
    def test_as_json(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path), "--size", "32000", "--json")
        result = json.loads(ended.stdout)
        assert (result["freed_objects"], result["leaks"]) == (1000, [])
        assert result["log"] == ["counter: loaded", "counter: unloaded"]

    def test_leaks_are_found(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path, leaks=77), "--size", "320")
        assert ended.returncode == 1
        assert "leaked: kmalloc 77 " in ended.stderr

    @pytest.mark.thorough
    def test_what_lockdep_finds_is_found_and_told_without_the_command(self, tmp_path: Path) -> None:
        path = tmp_path / "waits.c"
        path.write_text(WAITS)
        ended = run(path, "--size", "1KiB")
        assert ended.returncode == 1
        told = ended.stdout[ended.stdout.index("WARNING: possible circular locking") :]
        lines = re.sub(r"\+0x[0-9a-f]+|/.*/", "", told).splitlines()
        scan, fill = (lines.index(line) for line in lines if line.startswith("#"))
        assert lines[scan + 1 : scan + 3] == ["  C: waits_scan (waits.so)", "  at waits.c:8"]
        assert lines[fill + 1 : fill + 3] == ["  C: shrinkpy_fill (waits.so)", "  at waits.c:10"]
        assert len(json.loads(run(path, "--size", "1KiB", "--json").stdout)["lockdep"]) == 1

    def test_what_its_check_finds_is_found(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path), "--size", "320", "--pressure", "steady", "--passes", "2")
        assert ended.returncode == 1
        assert "shrinkpy_verify() gave -5" in ended.stderr

    @pytest.mark.thorough
    def test_a_driver_with_nothing_to_free_is_told_what_it_lacks(self) -> None:
        ended = run(COUNTER)
        assert ended.returncode == 0
        assert "freed 0 of 0" in ended.stdout
        assert "had nothing to free: give it a function void shrinkpy_fill(" in ended.stderr

    def test_or_that_what_it_has_did_nothing(self, tmp_path: Path) -> None:
        ended = run(driver(tmp_path), "--size", "31")
        assert "there was nothing to free after its shrinkpy_fill()" in ended.stderr


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
