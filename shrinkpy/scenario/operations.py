# SPDX-License-Identifier: GPL-2.0-only
"""The operations of a scenario: each gives the results it has beside events and state."""

from __future__ import annotations

from typing import Any

from ..core import ffi, lib, take_text
from ..golden import Op, UnreadableError
from .callbacks import Callbacks
from .world import DIR_INODE, ULONG, Script, Shrinker, address

__all__ = ["Operations"]

ALLOCATED, MEMCG_AWARE = 2, 8
INVAL, HANG = -22, -1002  # of enum sp_status


class Operations(Callbacks):
    """A method an operation, but for those of list_lrus."""

    def _op_alloc(self, op: Op) -> Op:
        s = self._alloc(op["h"], op["flags"], op["name"])
        if s is None:
            return {}
        flags = lib.sp_shrinker_flags(s.pointer)
        r = {
            "flags": flags,
            "seeks": lib.sp_shrinker_seeks(s.pointer),
            "batch": lib.sp_shrinker_batch(s.pointer),
            "name": self._name(s),
        }
        if flags & MEMCG_AWARE:
            r["id"] = lib.sp_shrinker_id(s.pointer)
        return {"r": r}

    def _alloc(self, handle: int, flags: int, name: str) -> Shrinker | None:
        if handle in self.shrinkers:
            raise UnreadableError(f"there is a shrinker {handle} already at that point")
        out = ffi.new("struct shrinker **")
        if lib.sp_shrinker_alloc(self.machine, flags, name.encode(), out):
            return None
        s = Shrinker(handle, out[0])
        s.data = ffi.new_handle((self, s))
        lib.sp_shrinker_set_private(s.pointer, s.data)
        lib.sp_shrinker_set_callbacks(s.pointer, lib.sp_raw_count, lib.sp_raw_scan)
        self.shrinkers[handle] = self.shrinker_at[address(s.pointer)] = s
        return s

    @staticmethod
    def _name(s: Shrinker) -> str:
        name = ffi.new("char[]", 4096)
        lib.sp_shrinker_name(s.pointer, name, 4096)
        return ffi.string(name).decode()  # type: ignore[no-any-return]  # cffi has no types

    def _op_allocn(self, op: Op) -> Op:
        r: list[Any] = []
        for handle in range(op["h"], op["h"] + op["n"]):
            s = self._alloc(handle, op["flags"], "bulk")
            if s is None:
                r.append(None)
                continue
            aware = lib.sp_shrinker_flags(s.pointer) & MEMCG_AWARE
            r.append(lib.sp_shrinker_id(s.pointer) if aware else True)
            if op["reg"]:
                lib.sp_shrinker_register(s.pointer, ffi.NULL)
        return {"r": r}

    def _op_set(self, op: Op) -> Op:
        pointer = self.shrinker(op).pointer
        lib.sp_shrinker_set_batch(pointer, op["batch"])
        lib.sp_shrinker_set_seeks(pointer, op["seeks"])
        return {}

    def _op_script(self, op: Op) -> Op:
        self.shrinker(op).script = Script(op)
        return {}

    def _op_objs(self, op: Op) -> Op:
        s = self.shrinker(op)
        s.pools[self.pool_key(s, op["nid"], op["m"])] = op["n"]
        return {}

    def _op_register(self, op: Op) -> Op:
        status = lib.sp_shrinker_register(self.shrinker(op).pointer, ffi.NULL)
        # One that was not made by shrinker_alloc() is warned of, and that is all.
        return {} if status in (0, INVAL) else {"r": status}

    def _op_free(self, op: Op) -> Op:
        if op["h"] < 0:
            return {"r": "ok" if lib.sp_shrinker_free(ffi.NULL, ffi.NULL) == 0 else "error"}
        status = lib.sp_shrinker_free(self.shrinker(op).pointer, ffi.NULL)
        if status == 0:
            del self.shrinkers[op["h"]]
        return {"r": {0: "ok", HANG: "hang"}.get(status, status)}

    def _op_clear_allocated(self, op: Op) -> Op:
        clear = bool(op["clear"])
        lib.sp_poke_flags(self.shrinker(op).pointer, ALLOCATED * clear, ALLOCATED * (not clear))
        return {}

    def _op_memcg_new(self, op: Op) -> Op:
        if op["m"] in self.memcgs:
            raise UnreadableError(f"there is a memcg {op['m']} already at that point")
        out = ffi.new("struct mem_cgroup **")
        status = lib.sp_memcg_create(self.machine, self.memcg(op["parent"]), DIR_INODE + op["m"], out)
        if status:
            return {"r": status}
        self.add_memcg(op["m"], out[0])
        return {}

    def _op_memcg_online(self, op: Op) -> Op:
        status = lib.sp_memcg_online(self.memcg(op["m"]))
        if status == 0:
            self.was_online.add(op["m"])
        return {"r": status}

    def _op_memcg_offline(self, op: Op) -> Op:
        status = lib.sp_memcg_offline(self.memcg(op["m"]), ffi.NULL)
        return {"r": "ok" if status == 0 else status}

    def _op_memcg_release(self, op: Op) -> Op:
        pointer = self.memcg(op["m"])
        del self.memcgs[op["m"]]
        self.was_online.discard(op["m"])
        lib.sp_memcg_put(pointer)
        return {"r": "ok"}

    def _op_setbit(self, op: Op) -> Op:
        status = lib.sp_set_shrinker_bit(self.machine, self.memcg(op["m"]), op["nid"], op["id"], ffi.NULL)
        return {"r": "ok" if status == 0 else status}

    def _op_shrink(self, op: Op) -> Op:
        memcg = self.memcg(op["m"])
        outer, self.gfp = self.gfp, op["gfp"]
        before = lib.sp_machine_slabs_scanned(self.machine)
        out = ffi.new("struct sp_pass *")
        status = lib.sp_shrink_slab(self.machine, op["gfp"], op["nid"], memcg, op["prio"], out)
        self.take_trace()
        self.gfp = outer
        slabs = (lib.sp_machine_slabs_scanned(self.machine) - before) % ULONG
        return {"r": out.freed if status == 0 else status, "slabs": slabs}

    def _op_poke(self, op: Op) -> Op:
        s = self.shrinker(op)
        aware = lib.sp_shrinker_flags(s.pointer) & MEMCG_AWARE
        memcg = self.memcg(op["m"]) if aware else ffi.NULL
        lib.sp_poke_deferred(s.pointer, memcg, op["nid"], op["v"])
        return {}

    def _op_kmem(self, op: Op) -> Op:
        lib.sp_machine_set_kmem(self.machine, bool(op["on"]))
        return {}

    def _op_debugfs_init(self, _op: Op) -> Op:
        self.debugfs = True
        return {"r": lib.sp_debugfs_init(self.machine)}

    def _op_rename(self, op: Op) -> Op:
        s = self.shrinker(op)
        status = lib.sp_debugfs_rename(s.pointer, op["name"].encode())
        return {"r": [status, self._name(s)]}

    def _op_dbg_count(self, op: Op) -> Op:
        pointer = self.shrinker(op).pointer
        outer, self.gfp = self.gfp, None
        text, length = ffi.new("char **"), ffi.new("size_t *")
        status = lib.sp_debugfs_count(pointer, text, length)
        self.gfp = outer
        if status:
            return {"r": [status, ""]}
        return {"r": [0, take_text(text, length)]}

    def _op_dbg_scan(self, op: Op) -> Op:
        pointer = self.shrinker(op).pointer
        outer, self.gfp = self.gfp, None
        written = ffi.new("size_t *")
        text = op["text"].encode()
        status = lib.sp_debugfs_scan(pointer, text, len(text), written)
        self.gfp = outer
        return {"r": status or written[0]}
