# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.conform: all golden vectors hold, and no changed result goes unnoticed."""

from __future__ import annotations

import copy
import functools
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shrinkpy.conform import conform, run_scenario
from shrinkpy.golden import UnreadableError, read_scenarios

GOLDEN = Path(__file__).parent / "data" / "golden"
FILES = sorted(GOLDEN.glob("*.jsonl.gz"))
CFG = {"nodes": 1, "memcg": 1, "kmem": 1, "root": 1}


every_family = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".jsonl.gz"))


@every_family
def test_the_core_does_what_was_observed_in_each_twentieth_scenario(path: Path) -> None:
    for vector in itertools.islice(read_scenarios(path), 0, None, 20):
        assert run_scenario(vector) == []


@pytest.mark.thorough
@every_family
def test_the_core_does_what_was_observed(path: Path) -> None:
    report = conform([path])
    assert report.scenarios > 0
    assert report.differences == 0, report.first


def test_no_scenario_is_missing() -> None:
    assert sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in FILES) == 4452


# ---- a changed result is a difference


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, str):
        return value + "?"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value[:-1], changed(value[-1])] if value else [0]
    if isinstance(value, dict):
        key = next(iter(value))
        return {**value, key: changed(value[key])}
    return 0


@functools.cache
def scenarios(path: Path) -> list[dict[str, Any]]:
    """The short ones of a family: a mutant of any will do."""
    return [vector for vector in read_scenarios(path) if len(vector["ops"]) < 60]


def first_with(path: Path, *keys: str) -> tuple[dict[str, Any], int] | None:
    """The first scenario and operation of a family with something under these keys, one in another."""
    for vector in scenarios(path):
        for i, op in enumerate(vector["ops"]):
            value = op
            for key in keys:
                value = value.get(key) or {}
            if value:
                return vector, i
    return None


def with_result(*keys: str) -> Iterator[tuple[dict[str, Any], int]]:
    """One of each family that has such a result; there is at least one."""
    found = [first for path in FILES if (first := first_with(path, *keys))]
    assert found
    yield from found


class TestRunScenario:
    @pytest.mark.parametrize("key", ["r", "ev", "al", "w", "slabs"])
    def test_a_changed_result_of_an_operation_is_found(self, key: str) -> None:
        for vector, i in with_result(key):
            mutant = copy.deepcopy(vector)
            mutant["ops"][i][key] = changed(mutant["ops"][i][key])
            differences = run_scenario(mutant)
            assert (i, key) in [(d.number, d.key) for d in differences]

    @pytest.mark.parametrize("key", ["r", "ev", "al", "w", "slabs"])
    def test_a_result_that_was_not_observed_is_found(self, key: str) -> None:
        for vector, i in with_result(key):
            mutant = copy.deepcopy(vector)
            del mutant["ops"][i][key]
            assert (i, key) in [(d.number, d.key) for d in run_scenario(mutant)]

    @pytest.mark.parametrize("key", ["nr_max", "list", "ids", "ref", "def", "mc", "live", "dbg"])
    def test_a_changed_state_is_found(self, key: str) -> None:
        for vector, i in with_result("state", key):
            mutant = copy.deepcopy(vector)
            state = mutant["ops"][i]["state"]
            if key == "mc":
                memcg = next(iter(state["mc"]))
                state["mc"][memcg] = {**(state["mc"][memcg] or {}), "on": 2}
            else:
                state[key] = changed(state[key])
            assert (i, f"state.{key}") in [(d.number, d.key) for d in run_scenario(mutant)]

    def test_a_state_that_changed_unobserved_is_found(self) -> None:
        for vector, i in with_result("state"):
            mutant = copy.deepcopy(vector)
            del mutant["ops"][i]["state"]
            assert any(d.number == i and d.key.startswith("state.") for d in run_scenario(mutant))

    def test_the_difference_tells_both_sides(self) -> None:
        vector = {
            "id": "x",
            "fam": "f",
            "cfg": CFG,
            "init": {"nr_max": 1, "list": [], "ids": {}, "ref": {}, "def": {}, "mc": {}, "live": {}},
            "ops": [{"op": "free", "h": -1, "r": "hang"}],
        }
        by_key = {d.key: d for d in run_scenario(vector)}
        assert (by_key["r"].expected, by_key["r"].got) == ("hang", "ok")
        assert (by_key["state.nr_max"].expected, by_key["state.nr_max"].got) == (1, 0)
        assert by_key["r"].op == {"op": "free", "h": -1}


# ---- what is no vector


class TestUnreadable:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"cfg": {"nodes": 1}}, "cfg without"),
            ({"cfg": {**CFG, "nodes": 0}}, "no machine can have"),
            ({"cfg": {**CFG, "root": 3}}, "no machine can have"),
            ({"ops": None}, "no 'ops'"),
            ({"ops": [{"op": "explode"}]}, "unknown operation 'explode'"),
            ({"ops": [{"op": "set", "h": 1, "batch": 2}]}, "'set' without 'seeks'"),
            ({"ops": [{"op": "set", "h": 1, "batch": 2, "seeks": "2"}]}, "'set' without 'seeks'"),
            ({"ops": [{"op": "register", "h": 9}]}, "no shrinker 9"),
            ({"ops": [{"op": "memcg_online", "m": 9}]}, "no memcg 9"),
            ({"ops": [{"op": "shrink", "gfp": -1, "nid": 0, "m": 0, "prio": 0}]}, "cannot be run"),
            ({"init": {}, "ops": [{"op": "kmem", "on": 1, "state": {"mc": {"0": {}}}}]}, "cannot be run"),
            ({"init": {"mc": {}}, "ops": [{"op": "kmem", "on": 1, "state": {"mc": [1]}}]}, "cannot be run"),
        ],
    )
    def test_is_told_by_file_and_reason(self, tmp_path: Path, change: dict[str, Any], told: str) -> None:
        path = tmp_path / "vectors.jsonl"
        vector = {"id": "x", "fam": "f", "cfg": CFG, "init": {}, "ops": [], **change}
        path.write_text(json.dumps(vector) + "\n")
        with pytest.raises(UnreadableError, match=told) as caught:
            conform([path])
        assert str(caught.value).startswith(f"{path}: ")

    @pytest.mark.parametrize(
        "script",
        [
            {"count": [None]},
            {"count": [1], "scan": [["free"]]},
            {"count": [1], "hooks": [{"on": "count", "at": 0, "op": {"op": "free", "h": 7}}]},
        ],
        ids=["count", "scan", "hook"],
    )
    def test_in_a_callback_too(self, tmp_path: Path, script: dict[str, Any]) -> None:
        ops = [
            {"op": "alloc", "h": 0, "flags": 0, "name": "s"},
            {"op": "register", "h": 0},
            {"op": "script", "h": 0, **script},
            {"op": "shrink", "gfp": 0, "nid": 0, "m": 0, "prio": 0},
        ]
        path = tmp_path / "vectors.jsonl"
        path.write_text(json.dumps({"id": "x", "fam": "f", "cfg": CFG, "init": {}, "ops": ops}) + "\n")
        with pytest.raises(UnreadableError, match="scenario x"):
            conform([path])
        # and the next run starts clean
        assert conform([GOLDEN / "clobber.jsonl.gz"]).differences == 0
