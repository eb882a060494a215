# SPDX-License-Identifier: GPL-2.0-only
"""Pressure: targets found and set up, plans of passes, and what is measured."""

from __future__ import annotations

import contextlib
import mmap
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import shrinkpy as sp
from shrinkpy.drivers.binder import DamagedError, PageRange
from shrinkpy.pressure import (
    DEFAULT_SIZE,
    Plan,
    Pressure,
    Row,
    TargetError,
    TargetFailed,
    load_target,
    parse_size,
    resident_memory,
)

MIB = 1 << 20


class Cache:
    """The least a target can be: a number of objects."""

    def __init__(self) -> None:
        self.objects = 10_000

    def count_objects(self, sc: Any) -> Any:
        return self.objects

    def scan_objects(self, sc: Any) -> Any:
        freed = min(self.objects, sc.nr_to_scan)
        self.objects -= freed
        return freed


def places(rows: Sequence[Row]) -> list[tuple[int, int, str]]:
    return [(row.priority, row.nid, row.memcg) for row in rows]


def go_through(cls: type) -> None:
    with Pressure(cls) as pressure:
        pressure.fill()
        list(pressure.passes())
        pressure.verify()


@pytest.fixture
def imports() -> Iterator[None]:
    """Forget the modules and paths that a test brings in."""
    path, modules = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


SOURCE = """\
class Cache:
    def count_objects(self, sc): return 0
    def scan_objects(self, sc): return 0
    class Inner:
        def count_objects(self, sc): return 0
        def scan_objects(self, sc): return 0
class Half:
    def count_objects(self, sc): return 0
number = 7
"""


class TestParseSize:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("1", 1),
            ("4096", 4096),
            ("1K", 1024),
            ("1k", 1024),
            ("3KiB", 3072),
            ("256M", 256 * MIB),
            ("256MiB", 256 * MIB),
            ("2G", 2048 * MIB),
            ("2gib", 2048 * MIB),
            (" 5M ", 5 * MIB),
        ],
    )
    def test_bytes_and_units_of_1024(self, text: str, size: int) -> None:
        assert parse_size(text) == size

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "0",
            "0M",
            "-1",
            "1.5G",
            "M",
            "1T",
            "1MB",
            "1 M",
            "1e6",
            "0x10",
            "٣",
            "many",
            "9223372036854775808",
            "9" * 30,
        ],
    )
    def test_what_is_no_size(self, text: str) -> None:
        with pytest.raises(ValueError, match="is no size: give bytes, or a number with K, M or G"):
            parse_size(text)


@pytest.mark.usefixtures("imports")
class TestLoadTarget:
    def test_a_module(self) -> None:
        assert load_target("shrinkpy.drivers.binder:PageRange") is PageRange

    def test_a_module_in_the_working_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("some_cache.py").write_text(SOURCE)
        assert load_target("some_cache:Cache").__name__ == "Cache"

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(SOURCE)
        assert load_target(f"{tmp_path}/cache.py:Cache").__name__ == "Cache"

    def test_a_class_in_a_class(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(SOURCE)
        assert load_target(f"{tmp_path}/cache.py:Cache.Inner").__qualname__ == "Cache.Inner"

    def test_a_file_may_import_its_neighbours(self, tmp_path: Path) -> None:
        (tmp_path / "neighbour.py").write_text(SOURCE)
        (tmp_path / "cache.py").write_text("from neighbour import Cache\n")
        assert load_target(f"{tmp_path}/cache.py:Cache").__module__ == "neighbour"

    def test_a_file_may_be_called_as_a_module_of_python(self, tmp_path: Path) -> None:
        import types

        (tmp_path / "types.py").write_text(f"import dataclasses\n{SOURCE}")
        assert load_target(f"{tmp_path}/types.py:Cache").__name__ == "Cache"
        assert sys.modules["types"] is types

    def test_a_file_may_define_dataclasses(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(
            "from __future__ import annotations\nimport dataclasses\nfrom typing import ClassVar\n"
            "@dataclasses.dataclass\nclass Cache:\n    n: int = 3\n    flags: ClassVar[int] = 0\n"
            "    def count_objects(self, sc): return 0\n    def scan_objects(self, sc): return 0\n"
        )
        assert load_target(f"{tmp_path}/cache.py:Cache").__name__ == "Cache"

    @pytest.mark.parametrize("target", ["", "cache", "cache.py", ":Cache", "cache:", ":"])
    def test_what_names_no_class(self, target: str) -> None:
        with pytest.raises(TargetError, match=r"a target is module:Class or file\.py:Class"):
            load_target(target)

    @pytest.mark.parametrize("module", ["no_such_module", "no_such.module", "json.no_such"])
    def test_a_module_that_is_not_there(self, module: str) -> None:
        with pytest.raises(TargetError, match=f"there is no module {module}: check its name"):
            load_target(f"{module}:Cache")

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(TargetError, match=r"there is no file no_such\.py: give the path"):
            load_target("no_such.py:Cache")

    @pytest.mark.parametrize(
        ("source", "told"),
        [
            (
                "import no_such_module",
                r"ModuleNotFoundError: No module named 'no_such_module' \(.*cache.py, line 1\)",
            ),
            ("x = 1\nx.y", r"AttributeError: .* \(.*cache.py, line 2\)"),
            ("def x(:", r"SyntaxError: .*\(cache.py, line 1\)"),
            ("raise SystemExit(3)", r"SystemExit: 3 \(.*cache.py, line 1\)"),
        ],
    )
    def test_a_file_that_cannot_be_imported(self, tmp_path: Path, source: str, told: str) -> None:
        (tmp_path / "cache.py").write_text(source)
        with pytest.raises(TargetError, match=f"cannot import .*cache.py: {told}"):
            load_target(f"{tmp_path}/cache.py:Cache")

    def test_a_class_that_is_not_there_names_those_that_are(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(SOURCE)
        with pytest.raises(TargetError, match=r"has no class Cach; it has Cache$"):
            load_target(f"{tmp_path}/cache.py:Cach")

    def test_what_is_no_class(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(SOURCE)
        with pytest.raises(TargetError, match="is no class, it is of type int: name a class"):
            load_target(f"{tmp_path}/cache.py:number")

    def test_a_class_without_the_methods(self, tmp_path: Path) -> None:
        (tmp_path / "cache.py").write_text(SOURCE)
        with pytest.raises(TargetError, match=r"has no method scan_objects\(\): a shrinker needs"):
            load_target(f"{tmp_path}/cache.py:Half")


class TestSetUp:
    def test_what_a_target_lacks_takes_its_default(self) -> None:
        with Pressure(Cache) as pressure:
            shrinker = pressure.registration
            assert (shrinker.name, shrinker.flags, shrinker.seeks, shrinker.batch) == ("Cache", 0, 2, 0)
            assert pressure.object_size is None

    def test_what_it_has_is_taken(self) -> None:
        class Mine(Cache):
            name, flags, seeks, batch, object_size = "mine", sp.Flags.NUMA_AWARE, 7, 33, 64

        with Pressure(Mine) as pressure:
            shrinker = pressure.registration
            assert (shrinker.name, shrinker.flags, shrinker.seeks, shrinker.batch) == ("mine", 4, 7, 33)
            assert pressure.object_size == 64

    def test_seeks_and_batch_can_be_overruled(self) -> None:
        class Mine(Cache):
            seeks, batch = 7, 33

        with Pressure(Mine, seeks=0, batch=0) as pressure:
            assert (pressure.registration.seeks, pressure.registration.batch) == (0, 0)

    def test_size_goes_to_a_target_that_takes_one(self) -> None:
        class Sized(Cache):
            def __init__(self, size: int = 5) -> None:
                super().__init__()
                self.size = size

        with Pressure(Sized, size=77) as pressure:
            assert pressure.target.size == 77
        with Pressure(Sized) as pressure:
            assert pressure.target.size == 5

    def test_one_that_must_have_a_size_gets_256_mib(self) -> None:
        class Sized(Cache):
            def __init__(self, *, size: int) -> None:
                super().__init__()
                self.size = size

        with Pressure(Sized) as pressure:
            assert pressure.target.size == DEFAULT_SIZE == 256 * MIB

    def test_size_for_one_that_takes_none(self) -> None:
        with pytest.raises(TargetError, match="Cache takes no size: leave --size out"):
            Pressure(Cache, size=5)

    @pytest.mark.parametrize(
        ("nodes", "cgroups", "flags"),
        [(1, 0, 0), (2, 0, sp.Flags.NUMA_AWARE), (1, 1, sp.Flags.MEMCG_AWARE), (2, 3, 12)],
    )
    def test_flags_follow_the_machine(self, nodes: int, cgroups: int, flags: int) -> None:
        with Pressure(PageRange, size=MIB, nodes=nodes, cgroups=cgroups) as pressure:
            assert pressure.registration.flags == flags

    def test_the_cgroups_are_children_of_the_root(self) -> None:
        with Pressure(Cache, cgroups=2) as pressure:
            assert [memcg.path for memcg in pressure.cgroups] == ["/", "/c0", "/c1"]

    def test_a_constructor_that_wants_more(self) -> None:
        class Wants(Cache):
            def __init__(self, what: object) -> None: ...

        with pytest.raises(TargetError, match=r"cannot make W \(with no arguments\): TypeError: .*'what'"):
            Pressure(Wants, "W")

    def test_a_constructor_that_raises(self) -> None:
        class Raises(Cache):
            def __init__(self, size: int = 1) -> None:
                raise OSError(5, "broken")

        with pytest.raises(
            TargetError, match=r"cannot make R \(with size\): OSError: .*test_pressure.py, line"
        ):
            Pressure(Raises, "R", size=1)

    @pytest.mark.parametrize(
        ("attribute", "value", "told"),
        [
            ("name", 7, "name must be a str"),
            ("flags", 1, "flags may hold"),
            ("seeks", -1, "seeks must be 0 to"),
            ("batch", "x", "batch must be an int"),
            ("object_size", 0, "object_size must be an int above 0"),
            ("object_size", 1.5, "object_size must be an int above 0"),
        ],
    )
    def test_a_bad_attribute(self, attribute: str, value: object, told: str) -> None:
        bad = type("Bad", (Cache,), {attribute: value})
        with pytest.raises(TargetError, match=f"cannot register Bad: .*{told}"):
            Pressure(bad)

    def test_what_fails_leaves_nothing_open(self) -> None:
        closed = []

        class Bad(Cache):
            seeks = -1

            def close(self) -> None:
                closed.append(True)

        with pytest.raises(TargetError):
            Pressure(Bad)
        assert closed == [True]  # and no ResourceWarning, which would be an error


class TestProtocol:
    def test_the_order_of_calls(self) -> None:
        calls: list[str] = []

        class Noting(Cache):
            def count_objects(self, sc: Any) -> Any:
                calls.append("count")
                return 0

            def attach(self, registration: sp.RegisteredShrinker, cgroups: Sequence[sp.MemCgroup]) -> None:
                assert not registration.closed
                calls.append(f"attach {[memcg.path for memcg in cgroups]}")

            def fill(self) -> None:
                calls.append("fill")

            def step(self) -> None:
                calls.append("step")

            def verify(self) -> str:
                calls.append("verify")
                return "all is well"

            def close(self) -> None:
                calls.append("close")

        with Pressure(Noting, cgroups=1) as pressure:
            pressure.fill()
            rows = list(pressure.passes(Plan.STEADY, priority=1, passes=2))
            assert pressure.verify() == "all is well"
        # c0's passes call nobody: the target is not memcg-aware.
        assert len(rows) == 4
        between = ["count", "step", "step", "count", "step"]
        assert calls == ["attach ['/', '/c0']", "fill", *between, "verify", "close"]

    @pytest.mark.parametrize("method", ["attach", "fill", "step", "verify", "close"])
    def test_what_a_method_raises(self, method: str) -> None:
        def fails(*_args: object) -> None:
            raise KeyError(method)

        bad = type("Bad", (Cache,), {method: fails})
        with pytest.raises(TargetFailed, match=rf"Bad: {method}\(\) raised KeyError") as caught:
            go_through(bad)
        assert isinstance(caught.value.__cause__, KeyError)

    def test_an_earlier_error_comes_before_what_close_raises(self) -> None:
        class Bad(Cache):
            def close(self) -> None:
                raise KeyError

        with pytest.raises(ZeroDivisionError), Pressure(Bad):
            raise ZeroDivisionError

    def test_a_callback_that_raises_ends_the_run(self) -> None:
        class Bad(Cache):
            def scan_objects(self, sc: Any) -> int:
                raise KeyError("lost")

        with Pressure(Bad, nodes=2) as pressure:
            with pytest.raises(
                TargetFailed, match="Bad: KeyError in the pass at priority 7 on node 0, cgroup /"
            ):
                list(pressure.passes())
            assert len(pressure.rows) == 5 * 2

    def test_a_callback_that_makes_the_kernel_spin(self) -> None:
        class Bad(Cache):
            def scan_objects(self, sc: Any) -> int:
                sc.nr_scanned = 0
                return 0

        with Pressure(Bad) as pressure, pytest.raises(TargetFailed) as caught:
            list(pressure.passes())
        assert isinstance(caught.value.__cause__, sp.LivelockError)

    def test_a_memcg_aware_target_without_attach_is_called_all_the_same(self) -> None:
        seen = set()

        class Aware(Cache):
            flags = sp.Flags.MEMCG_AWARE | sp.Flags.NUMA_AWARE

            def count_objects(self, sc: Any) -> Any:
                seen.add((sc.nid, sc.memcg.path))
                return sp.CountObjects.EMPTY  # clears the bit

        with Pressure(Aware, nodes=2, cgroups=2) as pressure:
            for _ in pressure.passes(Plan.STEADY, passes=3):
                pass
            assert seen == {(nid, path) for nid in (0, 1) for path in ("/", "/c0", "/c1")}

    def test_one_with_attach_sets_its_bits_itself(self) -> None:
        class Aware(Cache):
            flags = sp.Flags.MEMCG_AWARE

            def attach(self, registration: sp.RegisteredShrinker, cgroups: Sequence[sp.MemCgroup]) -> None:
                registration.set_bit(cgroups[2])

        with Pressure(Aware, cgroups=3) as pressure:
            rows = list(pressure.passes(Plan.STEADY, passes=1))
            assert [row.memcg for row in rows if row.freeable] == ["/", "/c1"]


class TestPlans:
    def test_direct_goes_from_priority_12_to_0_over_nodes_and_cgroups(self) -> None:
        with Pressure(Cache, nodes=2, cgroups=1) as pressure:
            rows = list(pressure.passes(Plan.DIRECT))
            order = [(p, nid, path) for p in range(12, -1, -1) for nid in (0, 1) for path in ("/", "/c0")]
            assert places(rows) == order
            assert pressure.planned(Plan.DIRECT) == len(rows)

    def test_steady_stays_at_one_priority(self) -> None:
        with Pressure(Cache, nodes=2) as pressure:
            rows = list(pressure.passes(Plan.STEADY, priority=5, passes=3))
            assert places(rows) == [(5, 0, "/"), (5, 1, "/")] * 3
            assert pressure.planned(Plan.STEADY, 3) == len(rows)

    def test_drop_ends_with_a_round_that_freed_nothing(self) -> None:
        class Grows(Cache):
            refills = 3

            def step(self) -> None:
                self.refills -= 1
                self.objects += 100 * (self.refills >= 0)

        with Pressure(Grows) as pressure:
            rows = list(pressure.passes(Plan.DROP))
            assert [row.freed for row in rows] == [10_000, 100, 100, 100, 0]
            assert {row.priority for row in rows} == {0}
            assert pressure.planned(Plan.DROP) is None
            assert not pressure.still_freeing

    def test_drop_gives_up_on_a_target_without_end(self) -> None:
        class Endless(Cache):
            def scan_objects(self, sc: Any) -> Any:
                return sc.nr_to_scan

        with Pressure(Endless) as pressure:
            assert len(list(pressure.passes(Plan.DROP))) == 64
            assert pressure.still_freeing

    def test_kswapd_goes_node_by_node_until_half_of_it_went(self) -> None:
        class Nodes(Cache):
            flags = sp.Flags.NUMA_AWARE

            def __init__(self) -> None:
                self.on = [10_000, 4000]

            def count_objects(self, sc: Any) -> Any:
                return self.on[sc.nid]

            def scan_objects(self, sc: Any) -> Any:
                freed = min(self.on[sc.nid], sc.nr_to_scan)
                self.on[sc.nid] -= freed
                return freed

        with Pressure(Nodes, nodes=2) as pressure:
            rows = list(pressure.passes(Plan.KSWAPD))
            for nid, half in enumerate((5000, 2000)):
                there = [row for row in rows if row.nid == nid]
                assert [row.priority for row in there] == list(range(12, 12 - len(there), -1))
                assert sum(row.freed for row in there[:-1]) < half <= sum(row.freed for row in there)
            assert [row.nid for row in rows] == sorted(row.nid for row in rows)
            assert pressure.planned(Plan.KSWAPD) is None
            assert pressure.machine.vmstat["pageoutrun"] == 2
            assert pressure.rows == rows

    def test_kswapd_asked_for_more_than_there_is_ends_at_priority_1(self) -> None:
        with Pressure(Cache, cgroups=1) as pressure:
            rows = list(pressure.passes(Plan.KSWAPD, objects=10**9))
            assert places(rows) == [(p, 0, path) for p in range(12, 0, -1) for path in ("/", "/c0")]

    def test_memcg_goes_through_the_children_that_hold_something(self) -> None:
        class InC1(Cache):
            flags = sp.Flags.MEMCG_AWARE

            def count_objects(self, sc: Any) -> Any:
                return self.objects if sc.memcg.name == "c1" else 0

        with Pressure(InC1, cgroups=3) as pressure:
            rows = list(pressure.passes(Plan.MEMCG))
            assert {row.memcg for row in rows} == {"/c1"}
            assert pressure.freed_objects >= 5000
            assert pressure.short == []

    def test_memcg_without_such_children_is_the_roots(self) -> None:
        with Pressure(Cache, cgroups=1) as pressure:
            rows = list(pressure.passes(Plan.MEMCG, objects=128))
            assert places(rows) == [(p, 0, path) for p in range(12, 6, -1) for path in ("/", "/c0")]
            assert pressure.short == []

    def test_memory_reclaim_that_falls_short_is_told(self) -> None:
        with Pressure(Cache) as pressure:
            rows = list(pressure.passes(Plan.MEMCG, objects=20_000))
            assert pressure.short == ["10000 of 20000 objects were freed from cgroup /"]
            assert sum(row.freed for row in rows) == 10_000

    @pytest.mark.parametrize("plan", [Plan.KSWAPD, Plan.MEMCG])
    def test_a_callback_that_raises_ends_the_run_after_the_reclaim(self, plan: Plan) -> None:
        class Bad(Cache):
            def scan_objects(self, sc: Any) -> int:
                raise KeyError("lost")

        with Pressure(Bad) as pressure:
            with pytest.raises(TargetFailed, match="Bad: ExceptionGroup in the reclaim"):
                list(pressure.passes(plan))
            assert pressure.rows == []

    @pytest.mark.parametrize("plan", [Plan.KSWAPD, Plan.MEMCG])
    def test_a_target_that_cannot_be_counted(self, plan: Plan) -> None:
        class Bad(Cache):
            def count_objects(self, sc: Any) -> int:
                raise KeyError("lost")

        with (
            Pressure(Bad) as pressure,
            pytest.raises(TargetFailed, match="Bad: KeyError when it was asked for a count"),
        ):
            list(pressure.passes(plan))

    def test_a_name_that_has_no_directory_is_reclaimed_from_all_the_same(self) -> None:
        class Slash(Cache):
            name = "a/b"

        with Pressure(Slash) as pressure:
            list(pressure.passes(Plan.KSWAPD))
            assert pressure.freed_objects > 0

    def test_a_step_between_two_reclaims(self) -> None:
        steps = []

        class Stepping(Cache):
            def step(self) -> None:
                steps.append(len(pressure.rows))

        with Pressure(Stepping, nodes=3) as pressure:
            list(pressure.passes(Plan.KSWAPD, objects=1))
            assert steps == [6, 12]


class TestRows:
    def test_they_say_what_the_machine_says(self) -> None:
        with Pressure(Cache, nodes=2) as pressure:
            for row in pressure.passes(Plan.STEADY, priority=3, passes=2):
                last = pressure.machine.last_pass
                assert last is not None
                assert row[:8] == (
                    last.priority,
                    last.nid,
                    "/",
                    last.freeable,
                    last.scans,
                    last.scanned,
                    last.freed,
                    last.deferred,
                )
                assert row.seconds > 0
            assert pressure.rows[0][:8] == (3, 0, "/", 10_000, 19, 2432, 2432, 68)

    def test_the_result_is_their_sum(self) -> None:
        class Sized(Cache):
            object_size = 100

        with Pressure(Sized, "cache.py:Sized") as pressure:
            rows = list(pressure.passes())
            assert pressure.freed_objects == sum(row.freed for row in rows) == 10_000
            assert pressure.scanned_objects >= 10_000
            result = pressure.result()
        assert list(result) == ["target", "freed_objects", "freed_bytes", "rss_before", "rss_after", "passes"]
        assert result["target"] == "cache.py:Sized"
        assert result["freed_bytes"] == 1_000_000
        assert list(result["passes"][0]) == [
            "priority",
            "nid",
            "memcg",
            "freeable",
            "scan_calls",
            "scanned",
            "freed",
            "deferred",
            "seconds",
        ]

    def test_bytes_are_not_known_without_an_object_size(self) -> None:
        with Pressure(Cache) as pressure:
            list(pressure.passes())
            assert pressure.freed_bytes is None


class TestResidentMemory:
    def test_it_sees_pages_come_and_go(self) -> None:
        size = 32 * MIB
        before = resident_memory()
        with contextlib.closing(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)) as area:
            for page in range(0, size, mmap.PAGESIZE):
                area[page] = 1  # page by page: a second block of this size would come and go in between
            touched = resident_memory()
            area.madvise(mmap.MADV_DONTNEED)
            after = resident_memory()
        assert touched - before >= 0.95 * size
        assert touched - after >= 0.95 * size

    def test_without_smaps_rollup_it_asks_statm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        exact, read_text = resident_memory(), Path.read_text

        def without(path: Path, *args: Any) -> str:
            if path.name == "smaps_rollup":
                raise FileNotFoundError
            return read_text(path, *args)

        monkeypatch.setattr(Path, "read_text", without)
        assert 0.5 < resident_memory() / exact < 2


class TestPageRange:
    @pytest.mark.parametrize("plan", list(Plan))
    @pytest.mark.parametrize(("nodes", "cgroups"), [(1, 0), (2, 3)])
    def test_resident_memory_falls_by_what_was_freed(self, plan: Plan, nodes: int, cgroups: int) -> None:
        with Pressure(PageRange, size=32 * MIB, nodes=nodes, cgroups=cgroups) as pressure:
            pressure.fill()
            for _ in pressure.passes(plan, priority=1, objects=10**9):
                pass
            assert pressure.freed_bytes is not None
            assert pressure.rss_before is not None
            assert pressure.rss_after is not None
            assert pressure.freed_bytes > 16 * MIB
            assert pressure.rss_before - pressure.rss_after >= 0.95 * pressure.freed_bytes
            assert str(pressure.verify()).startswith(f"{len(pressure.target.open)} transactions kept")

    def test_every_node_and_cgroup_gives_something(self) -> None:
        with Pressure(PageRange, size=8 * MIB, nodes=2, cgroups=2) as pressure:
            pressure.fill()
            freed: dict[tuple[int, str], int] = {}
            for row in pressure.passes(Plan.DROP):
                freed[row.nid, row.memcg] = freed.get((row.nid, row.memcg), 0) + row.freed
            assert len(freed) == 6
            assert min(freed.values()) > 100

    def test_damage_is_an_error(self) -> None:
        with Pressure(PageRange, size=MIB) as pressure:
            pressure.fill()
            list(pressure.passes())
            transaction = next(iter(pressure.target.open))
            pressure.target._bytes[transaction.pages[0] * mmap.PAGESIZE] ^= 1
            with pytest.raises(TargetFailed, match=r"verify\(\) raised DamagedError") as caught:
                pressure.verify()
            assert isinstance(caught.value.__cause__, DamagedError)
