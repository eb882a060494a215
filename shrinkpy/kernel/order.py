# SPDX-License-Identifier: GPL-2.0-only
"""The order in which cgroups come and go, where there are list_lrus: the kernel has no other there."""

from __future__ import annotations

from collections.abc import Iterable

from ..golden import Op

__all__ = ["is_in_order"]


def is_in_order(ops: Iterable[Op]) -> bool:
    """Is no child online before its parent, and no parent offline before its children?

    Where there is no list_lru, any order will do. Otherwise items would go to lists that nobody has, which
    6.12 does not expect: cgroups take the id of the parent that gets their items.
    """
    parents: dict[int, int] = {}
    online: set[int] = set()
    has_lru = False
    ordered = True
    for op in ops:
        m = op.get("m", -1)
        if op["op"] == "lru_new":
            has_lru = True
        elif op["op"] == "memcg_new":
            parents[m] = op["parent"]
        elif op["op"] == "memcg_online":
            ordered &= parents.get(m, 0) <= 0 or parents[m] in online
            online.add(m)
        elif op["op"] == "memcg_offline":
            ordered &= not any(parents.get(child) == m for child in online - {m})
            online.discard(m)
    return ordered or not has_lru
