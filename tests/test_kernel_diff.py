# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.kernel.diff: two cores that are the same never differ, and one that is wrong is found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shrinkpy.conform import run_scenario
from shrinkpy.cores import CoreError
from shrinkpy.golden import Op, read_scenarios
from shrinkpy.kernel import judge, observer, reduce
from shrinkpy.kernel.diff import Comparison
from shrinkpy.kernel.outcome import Finding, Outcome, compare

Compare = Callable[..., Comparison]


@pytest.fixture
def compared(mutant_core: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Compare:
    """The port, held against a mutant of it; what differs is kept in a file of tmp_path."""

    def compare(mutant: str, seed: int = 1, cores: tuple[str, str] | None = None) -> Comparison:
        monkeypatch.setenv("MUTANT", mutant)
        found = Comparison(cores or ("port", str(mutant_core)), seed)
        found.run(seconds=600, operations=300_000, output=tmp_path / "found.jsonl")
        return found

    return compare


def conform(path: Path, core: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shrinkpy", "conform", path],
        env={**os.environ, "SHRINKPY_CORE": str(core)},
        capture_output=True,
        text=True,
    )


def shows(path: Path, core: Path) -> None:
    """The vector has what the port gives, and another core does not."""
    (vector,) = read_scenarios(path)
    assert run_scenario(vector) == []
    done = conform(path, core)
    assert done.returncode == 1, done.stderr
    assert "first difference: scenario diff/" in done.stdout


class TestComparison:
    @pytest.mark.thorough
    def test_the_port_agrees_with_itself(self) -> None:
        found = Comparison(("port", "port"), 5)
        found.run(operations=3000)
        assert 3000 <= found.operations < 3100
        assert (found.differs, found.first, found.vector, found.ended) == (None, None, None, 0)
        assert found.cores == ("port", "port")
        (line,) = found.lines()
        assert line.startswith(
            f"{found.operations:,} operations in {found.scenarios} scenarios: port and port agree"
        )

    @pytest.mark.thorough
    def test_a_mutant_that_does_nothing_agrees(self, mutant_core: Path) -> None:
        found = Comparison(("port", str(mutant_core)))
        found.run(operations=1500)
        assert found.differs is None
        assert found.cores == ("port", "kernel mutant")

    def test_time_that_is_over(self) -> None:
        found = Comparison(("port", "port"))
        found.run(seconds=0)
        assert 0 < found.scenarios <= 32

    @pytest.mark.parametrize(
        ("mutant", "seed"),
        [
            ("bit", 2),
            *(
                pytest.param(*each, marks=pytest.mark.thorough)
                for each in (("stored", 2), ("cap", 1), ("reparent", 1))
            ),
        ],
    )
    def test_a_mistake_is_found_and_made_small(
        self, compared: Compare, mutant_core: Path, mutant: str, seed: int
    ) -> None:
        found = compared(mutant, seed)
        assert found.differs is not None
        assert found.first is not None
        assert found.vector is not None
        assert len(found.first.ops) <= 8, found.lines()
        shows(found.vector, mutant_core)

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", [1, 2, 3])
    @pytest.mark.parametrize(
        "mutant", ["stored", "cap", "bit", "reparent", "id", "unit", "items", "rotate", "inode"]
    )
    def test_so_is_each_from_any_seed(
        self, compared: Compare, mutant_core: Path, mutant: str, seed: int
    ) -> None:
        found = compared(mutant, seed)
        assert found.first is not None
        assert found.vector is not None
        assert len(found.first.ops) <= 14, found.lines()
        shows(found.vector, mutant_core)

    @pytest.mark.thorough
    def test_the_same_seed_finds_the_same(self, compared: Compare) -> None:
        first, again = compared("id"), compared("id")
        assert first.first is not None
        assert again.first is not None
        assert (first.differs, first.operations) == (again.differs, again.operations)
        assert (first.first.cfg, first.first.ops) == (again.first.cfg, again.first.ops)

    def test_what_is_told_of_a_difference(self, compared: Compare, tmp_path: Path, mutant_core: Path) -> None:
        lines = compared("id").lines()
        assert "port and kernel mutant differ in scenario" in lines[0]
        assert lines[1].startswith("cfg nodes=1 ")
        at = next(i for i, line in enumerate(lines) if line.startswith("operation "))
        assert all(line[:5].strip().isdigit() for line in lines[2:at])
        assert [line.split(":")[0].strip() for line in lines[at + 1 : at + 3]] == ["port", "kernel mutant"]
        assert lines[-2] == f"kept in {tmp_path / 'found.jsonl'}; it shows again with"
        assert lines[-1] == f"  SHRINKPY_CORE={mutant_core} shrinkpy conform {tmp_path / 'found.jsonl'}"

    def test_the_sides_are_in_the_order_of_the_cores(self, compared: Compare, mutant_core: Path) -> None:
        found = compared("id", cores=(str(mutant_core), "port"))
        assert found.cores == ("kernel mutant", "port")
        assert found.vector is not None
        (vector,) = read_scenarios(found.vector)
        assert run_scenario(vector) != [], "it has what the mutant gave"
        assert "SHRINKPY_CORE=port" in found.lines()[-1]

    def test_a_folder_that_is_no_core(self, tmp_path: Path) -> None:
        with pytest.raises(CoreError, match="is no core"):
            Comparison(("port", str(tmp_path)))

    def test_a_core_that_cannot_be_loaded(self, tmp_path: Path, mutant_core: Path) -> None:
        (tmp_path / "core.json").write_text((mutant_core / "core.json").read_text())
        (tmp_path / "_core.abi3.so").write_bytes(b"?")
        with pytest.raises(CoreError, match="cannot be loaded"):
            Comparison(("port", str(tmp_path))).run(operations=1)


class TestACoreThatDies:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each candidate costs a process."""
        monkeypatch.setattr(reduce, "CANDIDATES", 25)

    @pytest.mark.thorough
    def test_is_a_difference(self, compared: Compare, mutant_core: Path) -> None:
        found = compared("dies")
        assert found.first is not None
        assert found.vector is not None
        assert found.first.key == ""
        assert found.first.a == "goes on"
        assert found.first.b.startswith("died of SIG")
        assert found.first.number == len(found.first.ops) - 1
        (vector,) = read_scenarios(found.vector)
        assert run_scenario(vector) == []
        assert conform(found.vector, mutant_core).returncode < 0

    @pytest.mark.thorough
    def test_as_the_first_core_too(self, compared: Compare, mutant_core: Path) -> None:
        found = compared("dies", cores=(str(mutant_core), "port"))
        assert found.first is not None
        assert found.vector is not None
        assert found.first.a.startswith("died of SIG")
        assert f"SHRINKPY_CORE={mutant_core}" in found.lines()[-1]
        (vector,) = read_scenarios(found.vector)
        assert run_scenario(vector) == [], "the vector has what the other one gave"

    def test_both_in_the_same_way_agree(self, mutant_core: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MUTANT", "dies")
        found = Comparison((str(mutant_core), str(mutant_core)))
        found.run(operations=100)
        assert found.differs is None
        assert found.ended > 0
        assert found.lines()[-1] == f"scenarios that broke off, on both in the same way: {found.ended}"


@pytest.mark.slow
class TestACoreThatDoesNotComeBack:
    def test_is_a_difference(self, compared: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observer, "PATIENCE", 2.0)
        monkeypatch.setattr(judge, "HURRY", 0.5)
        monkeypatch.setattr(reduce, "CANDIDATES", 4)
        found = compared("spins")
        assert found.first is not None
        assert (found.first.key, found.first.b) == ("", "does not come back in this operation")
        # The operation itself, or one that a script makes in a callback of it.
        assert "'op': 'rename'" in str(found.first.ops)


class TestReduce:
    """On its own, with a difference that shows where a pass is asked for more than 10 by hand."""

    @staticmethod
    def attempt(cfg: dict[str, int], ops: list[Op]) -> Finding | None:
        for number, op in enumerate(ops):
            if op["op"] == "shrink" and op["prio"] > 10 and {"op": "kmem", "on": 1} in ops[:number]:
                outcome = Outcome(cfg, {}, ops)
                return Finding(cfg, ops, (outcome, outcome), number, "r", 0, 1)
        return None

    def test_nothing_is_left_that_it_does_without(self) -> None:
        noise = [{"op": "objs", "h": 1, "m": 0, "nid": 0, "n": n} for n in range(30)]
        shrink = {"op": "shrink", "gfp": 3264, "nid": 1, "m": 2, "prio": 55}
        ops = [*noise, {"op": "kmem", "on": 1}, *noise, shrink, *noise]
        whole = self.attempt({"nodes": 3, "memcg": 1, "kmem": 0, "root": 2, "calls": 9}, ops)
        assert whole is not None
        small = reduce.reduce(whole, self.attempt)
        assert small.ops == [
            {"op": "kmem", "on": 1},
            {"op": "shrink", "gfp": 0, "nid": 0, "m": 0, "prio": 11},
        ]
        assert small.cfg == {"nodes": 1, "memcg": 1, "kmem": 1, "root": 1}
        assert small.number == 1

    def test_scripts_get_shorter(self) -> None:
        def attempt(cfg: dict[str, int], ops: list[Op]) -> Finding | None:
            if not ops or ["stop", 0, "leave", 0] not in ops[0].get("scan", ()):
                return None
            return Finding(cfg, ops, (Outcome(cfg, {}, ops),) * 2, 0, "r", 0, 1)

        scan = [["val", 5, "set", 3], ["stop", 0, "leave", 0], ["free", 9, "leave", 0, 7]]
        hooks = [{"on": "count", "at": 0, "op": {"op": "kmem", "on": 1}}]
        op = {"op": "script", "h": 1, "count": [4, 5], "scan": scan, "pool": 3, "hooks": hooks}
        whole = attempt({"nodes": 1, "kmem": 1, "root": 1}, [op])
        assert whole is not None
        small = reduce.reduce(whole, attempt)
        assert small.ops == [{"op": "script", "h": 1, "scan": [["stop", 0, "leave", 0]]}]

    def test_it_gives_up_after_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reduce, "CANDIDATES", 7)
        asked = []

        def attempt(cfg: dict[str, int], ops: list[Op]) -> Finding | None:
            asked.append(ops)
            return self.attempt(cfg, ops)

        ops = [{"op": "kmem", "on": 1}] * 50 + [{"op": "shrink", "gfp": 0, "nid": 0, "m": 0, "prio": 63}]
        whole = self.attempt({"nodes": 1, "kmem": 1, "root": 1}, ops)
        assert whole is not None
        reduce.reduce(whole, attempt)
        assert len(asked) == 7


class TestCompare:
    CFG = {"nodes": 1}  # noqa: RUF012 - not changed

    def difference(self, a: Outcome, b: Outcome) -> tuple[object, ...] | None:
        found = compare(a, b, self.CFG, [{"op": "x"}, {"op": "y"}])
        return found and (found.number, found.key, found.a, found.b)

    def outcome(self, *ops: Op, **more: object) -> Outcome:
        return Outcome(self.CFG, {"list": []}, list(ops), **more)  # type: ignore[arg-type]  # of its fields

    def test_the_same(self) -> None:
        assert self.difference(self.outcome({"r": 1}), self.outcome({"r": 1})) is None

    def test_the_first_event_that_differs(self) -> None:
        a = self.outcome({"op": "x"}, {"ev": [["c", 1], ["s", 2]]})
        b = self.outcome({"op": "x"}, {"ev": [["c", 1], ["s", 3]]})
        assert self.difference(a, b) == (1, "ev[1]", ["s", 2], ["s", 3])

    def test_a_state_that_changed_on_one_side(self) -> None:
        a = self.outcome({"state": {"mc": {"3": {"on": 1}}}})
        assert self.difference(a, self.outcome({})) == (0, "state.mc.3", {"on": 1}, None)

    def test_the_beginning(self) -> None:
        b = Outcome(self.CFG, {"list": [1]}, [])
        assert self.difference(self.outcome(), b) == (-1, "init.list", [], [1])

    @pytest.mark.parametrize("at", [1, 2])
    def test_one_that_died(self, at: int) -> None:
        dead = Outcome({}, {}, None, "died of SIGABRT", at, "corrupted")
        where = "in this operation" if at < 2 else "when all is over"
        told = self.difference(self.outcome({}, {}), dead)
        assert told == (at, "", "goes on", f"died of SIGABRT {where} (corrupted)")
        assert self.difference(dead, dead) is None


class Abort:
    """Unpickled, the end of the process."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return os.abort, ()


class TestObserver:
    def test_how_a_core_died(self) -> None:
        dying = observer.Observer("port")
        dying.ask(Abort())
        while not (got := observer.answers([dying])):
            pass
        ((_, ended),) = got
        assert isinstance(ended, observer.Ended)
        assert ended.how == "died of SIGABRT"

    def test_closed_twice(self) -> None:
        never = observer.Observer("port")
        never.close()
        never.close()
