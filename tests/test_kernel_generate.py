# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.kernel.generate: always the same scenarios, and among them all that the golden vectors have."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shrinkpy.golden import _FIELDS, read_scenarios
from shrinkpy.kernel.generate import generate
from shrinkpy.scenario import LRU_ANSWERS, Recorder, record

GOLDEN = Path(__file__).parent / "data" / "golden"
SCENARIOS = 600

Op = dict[str, Any]


def played(seed: int, number: int) -> tuple[dict[str, int], list[Op]]:
    """A scenario of a seed, with what it gave."""
    cfg, play = generate(seed, number)
    recorder = Recorder(cfg)
    try:
        op = next(play)
        while True:
            op = play.send(recorder.do(op))
    except StopIteration:
        return cfg, recorder.ops
    finally:
        recorder.close()


@pytest.fixture(scope="module")
def scenarios() -> list[tuple[dict[str, int], list[Op]]]:
    return [played(1, number) for number in range(SCENARIOS)]


def each(ops: list[Op]) -> Iterator[Op]:
    """The operations, and those that hooks ran in them."""
    for op in ops:
        yield op
        yield from each([event[3] for event in op.get("ev", ()) if event[0] == "hook"])


def kinds(ops: list[Op]) -> Iterator[object]:
    """What there is to be seen of operations."""
    for op in ops:
        name = op["op"]
        yield name
        if isinstance(op.get("r"), str) or (isinstance(op.get("r"), int) and op["r"] < 0):
            yield name, "r", op["r"]
        yield from ((name, key) for key in ("ev", "w", "slabs", "fail") if op.get(key))
        yield from ((name, "failed", what) for what, _, failed in op.get("al", ()) if failed)
        yield from ((name, "state", key) for key in op.get("state", ()))
        for event in op.get("ev", ()):
            yield event[0], name
            if event[0] == "hook":
                yield "hook", event[3]["op"]
        for key in ("empty", "pool", "hooks"):
            if key in op:
                yield name, key
        for kind, _, how, _, *clobber in op.get("scan", ()):
            yield kind, how, bool(clobber)


class TestGenerate:
    def test_a_scenario_is_always_the_same(self) -> None:
        for number in range(20):
            assert played(7, number) == played(7, number)

    def test_seeds_and_numbers_give_others(self) -> None:
        assert len({repr(played(seed, number)) for seed in range(4) for number in range(4)}) == 16

    def test_it_is_the_same_as_its_vector(self) -> None:
        for number in range(20):
            cfg, ops = played(3, number)
            assert record(cfg, ops, name="x", family="f")["ops"] == ops

    @pytest.mark.thorough
    def test_every_kind_of_what_golden_vectors_have(self, scenarios: list[Any]) -> None:
        golden = {
            kind
            for path in sorted(GOLDEN.glob("*.jsonl.gz"))
            for vector in itertools.islice(read_scenarios(path), 25)
            for kind in kinds(vector["ops"])
        }
        found = {kind for _, ops in scenarios for kind in kinds(ops)}
        assert golden - found == set()

    @pytest.mark.thorough
    def test_every_operation(self, scenarios: list[Any]) -> None:
        assert {op["op"] for _, ops in scenarios for op in ops} == _FIELDS.keys()

    @pytest.mark.thorough
    def test_hooks_of_each_kind(self, scenarios: list[Any]) -> None:
        hooks = {op["op"] for _, ops in scenarios for op in each(ops) if op not in ops}
        never = {"memcg_release", "lru_new", "lru_attach", "lru_prepare", "lru_destroy", "clear_allocated"}
        assert hooks >= _FIELDS.keys() - never - {"debugfs_init", "rename", "lru_walk", "lru_count"}
        assert not hooks & never

    @pytest.mark.thorough
    def test_every_machine(self, scenarios: list[Any]) -> None:
        for key, values in {
            "nodes": {1, 2, 3, 4, 5},
            "memcg": {0, 1},
            "kmem": {0, 1},
            "root": {0, 1, 2},
        }.items():
            assert {cfg[key] for cfg, _ in scenarios} == values

    @pytest.mark.thorough
    def test_where_the_kernel_would_not_come_back(self, scenarios: list[Any]) -> None:
        found = {
            (op["op"], op["r"])
            for _, ops in scenarios
            for op in each(ops)
            if isinstance(op.get("r"), int | str)
        }
        assert found >= {
            ("shrink", -22),
            ("shrink", -1001),
            ("shrink", -1003),
            ("free", "hang"),
            ("free", -1004),
        }
        assert found >= {("memcg_online", -12), ("setbit", -22), ("lru_destroy", -16)}

    @pytest.mark.thorough
    def test_a_pass_of_the_same_shrinker_in_its_callback(self, scenarios: list[Any]) -> None:
        inner = (
            (h, event[3])
            for _, ops in scenarios
            for op in ops
            for event in op.get("ev", ())
            if event[0] == "hook"
            for h in [event[1]]
        )
        assert any(
            done["op"] == "shrink" and any(event[:2] == ["end", h] for event in done.get("ev", ()))
            for h, done in inner
        )

    @pytest.mark.thorough
    def test_every_answer_of_a_walk(self, scenarios: list[Any]) -> None:
        walks = (op for _, ops in scenarios for op in ops if op["op"] == "lru_walk")
        assert {event[2] for op in walks for event in op.get("ev", ())} == set(LRU_ANSWERS)

    @pytest.mark.thorough
    def test_the_scenario_ends_where_the_kernel_would(self, scenarios: list[Any]) -> None:
        for _, ops in scenarios:
            assert not any(op.get("r") in ("hang", -1001) for op in each(ops[:-1]))
