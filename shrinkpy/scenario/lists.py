# SPDX-License-Identifier: GPL-2.0-only
"""The operations on list_lrus."""

from __future__ import annotations

from typing import Any

from ..core import ffi, lib
from ..golden import Op, UnreadableError
from .callbacks import Callbacks, Walk
from .world import Lru

__all__ = ["LRU_ANSWERS", "Lists"]

LRU_ANSWERS = ("removed", "removed_retry", "rotate", "skip", "retry", "stop")


class Lists(Callbacks):
    """A method an operation on list_lrus."""

    def _pointer(self, handle: int) -> Any:
        return self.shrinker({"h": handle}).pointer if handle >= 0 else ffi.NULL

    def _op_lru_new(self, op: Op) -> Op:
        if op["l"] in self.lrus:
            raise UnreadableError(f"there is a list_lru {op['l']} already at that point")
        self.had_lrus = True
        out = ffi.new("struct sp_list_lru **")
        status = lib.sp_list_lru_create(
            self.machine, bool(op["aware"]), self._pointer(op["h"]), ffi.NULL, out
        )
        if status == 0:
            self.lrus[op["l"]] = Lru(out[0])
        return {"r": status}

    def _op_lru_destroy(self, op: Op) -> Op:
        status = lib.sp_list_lru_destroy(self.lru(op).pointer)
        # What it frees, it frees with items on it too (SP_BUSY).
        del self.lrus[op["l"]]
        return {"r": status}

    def _op_lru_attach(self, op: Op) -> Op:
        return {"r": lib.sp_list_lru_attach(self.lru(op).pointer, self._pointer(op["h"]), ffi.NULL)}

    def _op_lru_prepare(self, op: Op) -> Op:
        return {"r": lib.sp_list_lru_prepare(self.lru(op).pointer, self.memcg_with_lists(op["m"]))}

    def _op_lru_add(self, op: Op) -> Op:
        return self._move(lib.sp_list_lru_add, op)

    def _op_lru_del(self, op: Op) -> Op:
        return self._move(lib.sp_list_lru_del, op)

    def _move(self, function: Any, op: Op) -> Op:
        lru, memcg = self.lru(op), self.memcg_with_lists(op["m"])
        done = ffi.new("bool *")
        status = function(lru.pointer, lru.item(op["i"]), op["nid"], memcg, done, ffi.NULL)
        return {"r": status or int(done[0])}

    def _op_lru_count(self, op: Op) -> Op:
        pointer, nid = self.lru(op).pointer, op["nid"]
        one = lib.sp_list_lru_count_one(pointer, nid, self.memcg_with_lists(op["m"]))
        return {"r": [one, lib.sp_list_lru_count_node(pointer, nid)]}

    def _op_lru_walk(self, op: Op) -> Op:
        lru, memcg = self.lru(op), self.memcg_with_lists(op["m"])
        walk = Walk(lru.item_at, op["answers"])
        data = ffi.new_handle(walk)
        left, isolated = ffi.new("unsigned long *", op["n"]), ffi.new("unsigned long *")
        rest = (lib.sp_raw_isolate, data, left, isolated)
        if op["node"]:
            status = lib.sp_list_lru_walk_node(lru.pointer, op["nid"], *rest)
        else:
            status = lib.sp_list_lru_walk_one(lru.pointer, op["nid"], memcg, *rest)
        return {"r": [status, isolated[0], left[0]], "ev": walk.events}
