# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.kernel.order: cgroups come and go as the kernel lets them, where there are list_lrus."""

from __future__ import annotations

from typing import Any

import pytest

from shrinkpy.kernel.generate import generate
from shrinkpy.kernel.order import is_in_order
from shrinkpy.scenario import Recorder, is_over


def ops(*words: str) -> list[dict[str, Any]]:
    """new 1 0, online 1, offline 1, lru."""
    made: list[dict[str, Any]] = []
    for word in words:
        verb, *numbers = word.split()
        if verb == "lru":
            made.append({"op": "lru_new"})
        else:
            op: dict[str, Any] = {"op": f"memcg_{verb}", "m": int(numbers[0])}
            made.append(op | ({"parent": int(numbers[1])} if verb == "new" else {}))
    return made


TREE = ("new 1 0", "new 2 1")


class TestIsInOrder:
    @pytest.mark.parametrize(
        "then",
        [
            ("online 1", "online 2", "offline 2", "offline 1"),
            ("online 1", "online 2", "offline 2", "offline 1", "offline 0"),
            ("online 1", "offline 1"),
            (),
        ],
    )
    def test_the_kernels(self, then: tuple[str, ...]) -> None:
        assert is_in_order(ops(*TREE, "lru", *then))

    @pytest.mark.parametrize("then", [("online 2",), ("online 1", "online 2", "offline 1")])
    def test_others_only_without_a_list_lru(self, then: tuple[str, ...]) -> None:
        assert is_in_order(ops(*TREE, *then))
        assert not is_in_order(ops(*TREE, "lru", *then))
        assert not is_in_order(ops(*TREE, *then, "lru"))

    @pytest.mark.thorough
    def test_all_that_is_generated_is(self) -> None:
        with_lru = 0
        for number in range(150):
            cfg, play = generate(5, number)
            recorder = Recorder(cfg)
            try:
                op = next(play)
                while not is_over(recorder.do(op)):
                    op = play.send(recorder.ops[-1])
            except StopIteration:
                pass
            finally:
                recorder.close()
            assert is_in_order(recorder.ops)
            with_lru += any(each["op"] == "lru_new" for each in recorder.ops)
        assert with_lru > 5
