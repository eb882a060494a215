# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.scenario: what is recorded is what the vectors have, and what goes beyond their format."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest

from shrinkpy.conform import run_scenario
from shrinkpy.golden import UnreadableError, read_scenarios
from shrinkpy.scenario import record

GOLDEN = Path(__file__).parent / "data" / "golden"
FILES = sorted(GOLDEN.glob("*.jsonl.gz"))
CFG = {"nodes": 1, "memcg": 1, "kmem": 1, "root": 1}
EMPTY = 2**64 - 2
STOP = 2**64 - 1

Op = dict[str, Any]


def recorded(*ops: Op, **cfg: int) -> list[Op]:
    """What these operations gave; and that conform() agrees with it."""
    vector = record({**CFG, **cfg}, ops, name="x", family="f")
    assert run_scenario(vector) == []
    return vector["ops"]


def shrinker(h: int, *, flags: int = 0, **script: Any) -> list[Op]:
    return [
        {"op": "alloc", "h": h, "flags": flags, "name": "s"},
        {"op": "register", "h": h},
        {"op": "script", "h": h, **script},
    ]


def shrink(m: int = 0, prio: int = 0, nid: int = 0) -> Op:
    return {"op": "shrink", "gfp": 0, "nid": nid, "m": m, "prio": prio}


def hook(on: str, op: Op, at: int = 0) -> Op:
    return {"on": on, "at": at, "op": op}


def same_as_the_files(path: Path, most: int | None) -> None:
    for vector in itertools.islice(read_scenarios(path), most):
        again = record(vector["cfg"], vector["ops"], name=vector["id"], family=vector["fam"])
        assert again == vector


class TestRecord:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
    def test_the_questions_of_a_vector_give_the_vector(self, path: Path) -> None:
        same_as_the_files(path, 8)

    @pytest.mark.slow
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
    def test_of_every_vector(self, path: Path) -> None:
        same_as_the_files(path, None)

    def test_results_that_are_there_are_not_taken_over(self) -> None:
        lie = {
            "op": "kmem",
            "on": 1,
            "r": 7,
            "ev": [[]],
            "al": [1],
            "w": [1],
            "slabs": 3,
            "state": {"list": [1]},
        }
        assert recorded(lie) == [{"op": "kmem", "on": 1}]

    def test_what_cannot_be_run_is_told(self) -> None:
        with pytest.raises(UnreadableError, match="no shrinker 1"):
            recorded({"op": "free", "h": 1})
        with pytest.raises(UnreadableError, match="cannot be run"):
            recorded({"op": "explode"})

    @pytest.mark.parametrize(
        "ops",
        [
            shrinker(1)[:1] * 2,
            [{"op": "memcg_new", "m": 0, "parent": 0}],
            [{"op": "lru_new", "l": 1, "aware": 0, "h": -1}] * 2,
        ],
        ids=["shrinker", "memcg", "list_lru"],
    )
    def test_a_handle_is_given_once(self, ops: list[Op]) -> None:
        with pytest.raises(UnreadableError, match="already"):
            recorded(*ops)


class TestStatuses:
    @pytest.mark.parametrize(
        ("op", "r"),
        [
            (shrink(prio=64), -22),
            (shrink(nid=1), -22),
            (shrink(m=-1), -1001),
            ({"op": "setbit", "m": 1, "nid": 0, "id": 0}, -1001),
            ({"op": "memcg_offline", "m": 1}, -1001),
            ({"op": "memcg_new", "m": 2, "parent": -1}, -17),
            ({"op": "register", "h": 1}, -1001),
        ],
    )
    def test_stand_in_r(self, op: Op, r: int) -> None:
        new = {"op": "memcg_new", "m": 1, "parent": 0}
        assert recorded(new, *shrinker(1), op)[-1]["r"] == r

    def test_a_bound_on_scans_without_progress(self) -> None:
        ops = recorded(*shrinker(1, count=[4], scan=[["val", 0, "set", 0]]), shrink(), stall=5)
        assert ops[-1]["r"] == -1003
        assert ops[-1]["ev"][2] == ["s", 1, 0, 0, 8, 0, 0, 5]

    def test_a_bound_on_scans_is_a_stop(self) -> None:
        ops = recorded(*shrinker(1, count=[1000], scan=[["val", 1, "set", 1]]), shrink(), calls=3)
        assert [event for event in ops[-1]["ev"] if event[0] == "s"] == [
            ["s", 1, 0, 0, 128, 1, 1, 3],
            ["s", 1, 0, 0, 128, STOP, 128, 1],
        ]


class TestHooks:
    def test_a_pass_in_a_callback_has_its_events(self) -> None:
        """What the inner one defers is there when the outer one adds its own."""
        inner = shrink(prio=4)
        ops = recorded(
            *shrinker(1, count=[40], scan=[["val", 1, "leave", 0]], hooks=[hook("count", inner)]),
            {"op": "set", "h": 1, "batch": 1000, "seeks": 2},
            shrink(prio=4),
        )
        (_, h, i, done), *outer = ops[-1]["ev"]
        assert (h, i) == (1, 0)
        assert done["r"] == 0
        assert [event[0] for event in done["ev"]] == ["c", "start", "end"]
        assert done["ev"][-1] == ["end", 1, 0, 0, 4, 0, 4]
        assert [event[0] for event in outer] == ["c", "start", "end"]
        assert outer[-1] == ["end", 1, 0, 4, 8, 0, 4]

    def test_what_a_callback_adds_is_added_to(self) -> None:
        poke = {"op": "poke", "h": 1, "nid": 0, "m": 0, "v": 100}
        script = {"count": [4], "scan": [["stop", 0, "leave", 0]], "hooks": [hook("scan", poke)]}
        assert recorded(*shrinker(1, **script), shrink())[-1]["state"]["def"] == {"1": [108]}

    def test_a_free_of_oneself_would_wait_for_oneself(self) -> None:
        ops = recorded(*shrinker(1, hooks=[hook("count", {"op": "free", "h": 1})]), shrink())
        assert ops[-1]["ev"][0] == ["hook", 1, 0, {"op": "free", "h": 1, "r": -1004}]

    def test_a_cgroup_goes_offline_in_a_pass_of_it(self) -> None:
        script = {"count": [40, 0], "hooks": [hook("count", {"op": "memcg_offline", "m": 1})]}
        ops = recorded(
            {"op": "memcg_new", "m": 1, "parent": 0},
            {"op": "memcg_online", "m": 1},
            *shrinker(1, flags=8, **script),
            {"op": "setbit", "m": 1, "nid": 0, "id": 0},
            shrink(m=1, prio=12),
        )
        assert ops[-1]["ev"][0][3]["r"] == "ok"
        assert ops[-1]["state"]["mc"]["1"]["on"] == 0

    @pytest.mark.parametrize(
        "op",
        [{"op": "free", "h": 9}, {"op": "alloc", "h": 1, "flags": 0, "name": "s"}],
        ids=["gone", "there"],
    )
    def test_one_that_finds_no_handle_does_nothing_if_it_may(self, op: Op) -> None:
        ops = [*shrinker(1, hooks=[hook("count", op)]), shrink()]
        assert recorded(*ops, lax=1)[-1]["ev"][0] == ["hook", 1, 0, {**op, "r": "absent"}]
        with pytest.raises(UnreadableError, match="shrinker"):
            recorded(*ops)


NEW = [
    {"op": "memcg_new", "m": 1, "parent": 0},
    {"op": "memcg_online", "m": 1},
    *shrinker(1, flags=8),
    {"op": "lru_new", "l": 1, "aware": 1, "h": 1},
    {"op": "lru_prepare", "l": 1, "m": 1},
]


def add(i: int, m: int = 1) -> Op:
    return {"op": "lru_add", "l": 1, "i": i, "nid": 0, "m": m}


def walk(*answers: str, n: int = 9, node: int = 0, m: int = 1) -> Op:
    return {"op": "lru_walk", "l": 1, "nid": 0, "m": m, "n": n, "node": node, "answers": list(answers)}


class TestListLru:
    def test_the_first_item_sets_the_bit(self) -> None:
        first, second, again = recorded(*NEW, add(5), add(6), add(6))[-3:]
        assert [op["r"] for op in (first, second, again)] == [1, 1, 0]
        assert first["state"]["mc"]["1"]["map"] == [[0, 0]]
        assert first["state"]["lru"] == {"1": {"aware": 1, "nodes": [1], "ones": [[0, 1, 1]], "lists": [[5]]}}
        assert second["state"]["lru"]["1"]["lists"] == [[5, 6]]
        assert "mc" not in second["state"]

    def test_an_item_goes_off(self) -> None:
        gone, again = recorded(*NEW, add(5), *[{**add(5), "op": "lru_del"}] * 2)[-2:]
        assert (gone["r"], again["r"]) == (1, 0)
        assert gone["state"]["lru"]["1"] == {"aware": 1, "nodes": [0], "ones": [], "lists": []}

    def test_counts(self) -> None:
        count = {"op": "lru_count", "l": 1, "nid": 0, "m": 1}
        assert recorded(*NEW, add(5), add(6, m=-1), count)[-1]["r"] == [1, 2]

    @pytest.mark.parametrize(
        ("answer", "visits", "left", "isolated"),
        [
            ("removed", [1, 2, 3], [], 3),
            ("removed_retry", [1, 2, 3], [], 3),
            ("rotate", [1, 2, 3], [1, 2, 3], 0),
            ("skip", [1, 2, 3], [1, 2, 3], 0),
            ("retry", [1, 1, 1], [1, 2, 3], 0),
            ("stop", [1], [1, 2, 3], 0),
        ],
    )
    def test_a_walk(self, answer: str, visits: list[int], left: list[int], isolated: int) -> None:
        done = recorded(*NEW, add(1), add(2), add(3), walk(answer, n=3))[-1]
        assert done["ev"] == [["i", i, answer] for i in visits]
        assert done["r"] == [0, isolated, 3 - len(visits)]
        lists = done["state"]["lru"]["1"]["lists"] if "state" in done else [[1, 2, 3]]
        assert lists == ([left] if left else [])

    def test_a_walk_of_the_node_begins_at_the_root(self) -> None:
        done = recorded(*NEW, add(1), add(2, m=-1), walk("skip", node=1))[-1]
        assert [event[1] for event in done["ev"]] == [2, 1]

    def test_items_of_a_cgroup_that_goes_are_the_parents(self) -> None:
        done = recorded(*NEW, add(1), {"op": "memcg_offline", "m": 1})[-1]
        assert [0, 0, 1] in done["state"]["lru"]["1"]["ones"]

    def test_without_room_the_kernel_would_oops(self) -> None:
        assert recorded(*NEW[:-1], add(1))[-1]["r"] == -1001

    def test_destroyed_with_items(self) -> None:
        done = recorded(*NEW, add(1), {"op": "lru_destroy", "l": 1})[-1]
        assert (done["r"], done["state"]["lru"]) == (-16, {})

    def test_another_shrinkers_bit(self) -> None:
        ops = recorded(*NEW, add(1), *shrinker(2, flags=8), {"op": "lru_attach", "l": 1, "h": 2})
        assert ops[-1]["state"]["mc"]["1"]["map"] == [[0, 0], [0, 1]]

    def test_a_hook_adds_an_item(self) -> None:
        hooked = {"op": "script", "h": 1, "count": [EMPTY, 0], "hooks": [hook("count", add(4))]}
        ops = recorded(*NEW, add(3), {"op": "script", "h": 1}, hooked, shrink(m=1))
        assert ops[-1]["ev"][0] == ["hook", 1, 0, {**add(4), "r": 1}]

    def test_a_changed_list_is_found(self) -> None:
        vector = record(CFG, [*NEW, add(1), add(2)], name="x", family="f")
        mutant = copy.deepcopy(vector)
        mutant["ops"][-1]["state"]["lru"]["1"]["lists"] = [[2, 1]]
        assert [difference.key for difference in run_scenario(mutant)] == ["state.lru"]
