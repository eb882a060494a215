# SPDX-License-Identifier: GPL-2.0-only
"""Golden vectors: what the real mm/shrinker.c was seen to do, held against the core.

A vector is a scenario of operations with the results that were observed. It goes through core.h
itself (raw callbacks, no typed face), since it asks for values that the face refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .control import SHRINK_EMPTY, SHRINK_STOP
from .core import ffi, lib, take_text
from .golden import Op, UnreadableError, read_scenarios
from .machine import Faults

__all__ = ["Difference", "Report", "conform", "run_scenario"]

ULONG = 2**64
REGISTERED, ALLOCATED, MEMCG_AWARE = 1, 2, 8
HANG = -1002  # SP_HANG
_RING = 64  # events; it is emptied at every callback, and there are two at most between those
DIR_INODE = 1000  # the vectors' inode of memcg m is 1000 + m


# Results of an operation; what it lacks must not have happened.
_RESULTS = ("r", "ev", "al", "w", "slabs")
# What their ledger names.
_LIVE = ("shrinker", "name", "nr_deferred", "info", "unit")
# The vectors do not record the allocations of these.
_NO_ATTEMPTS = ("allocn", "debugfs_init")


class Difference(NamedTuple):
    """One result that is not what was observed."""

    scenario: str
    number: int  # of the operation, from 0
    op: Op  # as in the vector, without its results
    key: str  # which result
    expected: Any
    got: Any


@dataclass
class Report:
    """What conform() found."""

    scenarios: int = 0
    operations: int = 0
    differences: int = 0
    families: dict[str, dict[str, int]] = field(default_factory=dict)
    first: Difference | None = None

    def add(self, family: str, operations: int, differences: list[Difference]) -> None:
        """Count one scenario."""
        row = self.families.setdefault(family, {"scenarios": 0, "differences": 0})
        row["scenarios"] += 1
        row["differences"] += len(differences)
        self.scenarios += 1
        self.operations += operations
        self.differences += len(differences)
        if self.first is None and differences:
            self.first = differences[0]


# ---- callbacks that follow a script


class Script:
    """The programmed callbacks of one shrinker (FORMAT of the vectors: Scripted callbacks)."""

    def __init__(self, op: Op | None = None) -> None:
        op = op or {}
        self.count: list[Any] = op.get("count") or ["objs"]
        self.scan: list[list[Any]] = op.get("scan") or [["free", ULONG - 1, "leave", 0]]
        self.empty: int = op.get("empty", SHRINK_EMPTY)
        self.pool: int = op.get("pool", 0)
        self.hooks: list[Op] = op.get("hooks", [])
        self.calls = {"count": 0, "scan": 0}

    def next(self, kind: str) -> int:
        """The number of this call of count or scan, from 0."""
        n = self.calls[kind]
        self.calls[kind] = n + 1
        return n


def _signed(n: int, bits: int = 64) -> int:
    n &= 2**bits - 1
    return n - 2**bits if n >= 2 ** (bits - 1) else n


class Shrinker:
    """A shrinker handle of the scenario."""

    def __init__(self, handle: int, pointer: Any) -> None:
        self.handle = handle
        self.pointer = pointer
        self.address = int(ffi.cast("uintptr_t", pointer))
        self.serial = lib.sp_shrinker_serial(pointer)
        self.script = Script()
        self.pools: dict[tuple[int, int], int] = {}
        self.data: Any = None  # what C keeps as private data


# ---- one scenario


class Scenario:
    """Runs the operations of one vector on a machine of its own."""

    def __init__(self, vector: dict[str, Any]) -> None:
        cfg = vector["cfg"]
        self.id: str = vector["id"]
        self.ops: list[Op] = vector["ops"]
        self.expected_state: dict[str, Any] = json.loads(json.dumps(vector["init"]))
        self.shrinkers: dict[int, Shrinker] = {}
        self.memcgs: dict[int, Any] = {}
        self.events: list[Any] = []
        self.ring: Any = None  # of the trace, once there is one
        self.seen = 0  # events taken from it
        self.hidden: list[tuple[int, int]] = []  # attempts of hooks, which the vectors leave out
        self.gfp: int | None = None
        self.debugfs = False

        config = ffi.new("struct sp_config *")
        config.nr_nodes = self.nodes = cfg["nodes"]
        config.memcg = bool(cfg["memcg"])
        config.kmem = bool(cfg["kmem"])
        config.root = cfg["root"]
        config.root_ino = DIR_INODE
        # A core that spins where the kernel came back must not hang the run.
        config.max_stall = 1 << 20
        out = ffi.new("struct machine **")
        if lib.sp_machine_create(config, out):
            raise MemoryError
        self.machine = out[0]
        if cfg["root"]:
            self._add_memcg(0, lib.sp_memcg_root(self.machine))
        if lib.sp_trace_start(self.machine, _RING, lib.SP_CLOCK_NONE):
            raise MemoryError

    def close(self) -> None:
        if self.ring is not None:
            lib.sp_trace_ring_put(self.ring)
        lib.sp_machine_destroy(self.machine)
        self.shrinkers.clear()

    def _add_memcg(self, handle: int, pointer: Any) -> None:
        self.memcgs[handle] = pointer
        # handle + 1: a private pointer of 0 would be none.
        lib.sp_memcg_set_private(pointer, ffi.cast("void *", handle + 1))

    def _memcg(self, handle: int) -> Any:
        if handle >= 0 and handle not in self.memcgs:
            raise UnreadableError(f"there is no memcg {handle} at that point")
        return ffi.NULL if handle < 0 else self.memcgs[handle]

    def _shrinker(self, op: Op) -> Shrinker:
        if op["h"] not in self.shrinkers:
            raise UnreadableError(f"there is no shrinker {op['h']} at that point")
        return self.shrinkers[op["h"]]

    @staticmethod
    def _handle_of(memcg: Any) -> int:
        return -1 if memcg == ffi.NULL else int(ffi.cast("uintptr_t", lib.sp_memcg_private(memcg))) - 1

    # -- callbacks

    def _pool_key(self, s: Shrinker, nid: int, memcg: int) -> tuple[int, int]:
        pool = s.script.pool
        return (nid if pool & 1 else 0, memcg if pool & 2 else 0)

    def _take_trace(self) -> None:
        """Put the start and end events since the last look between those of the callbacks."""
        if self.ring is None:
            if not lib.sp_trace_nr_rings(self.machine):
                return
            self.ring = ffi.new("struct sp_ring **")
            lib.sp_trace_ring_get(self.machine, 0, self.ring)
        info = ffi.new("struct sp_trace_ring *")
        lib.sp_trace_ring_read(self.ring[0], info)
        for i in range(self.seen, info.written):
            e = info.events[i % info.size]
            handle = next(h for h, s in self.shrinkers.items() if s.address == e.shrinker)
            if e.kind == lib.SP_TRACE_START:
                cache = e.freeable % ULONG
                self.events.append(
                    ["start", handle, e.nid, e.nr, e.gfp_mask, cache, e.delta, e.total_scan, e.priority]
                )
            else:
                self.events.append(["end", handle, e.nid, e.nr, e.new_nr, e.retval, e.total_scan])
        self.seen = info.written

    def _run_hooks(self, s: Shrinker, kind: str, n: int) -> None:
        self._take_trace()
        for i, hook in enumerate(s.script.hooks):
            if hook["on"] == kind and hook["at"] == n:
                op = {k: v for k, v in hook["op"].items() if k != "r"}
                outer, self.events = self.events, []
                before = lib.sp_fault_attempts(self.machine, ffi.NULL, 0)
                result = self.run(op).get("r")
                self.hidden.append((before, lib.sp_fault_attempts(self.machine, ffi.NULL, 0)))
                self.events = outer
                self.events.append(["hook", s.handle, i, {**op, "r": result}])

    def count(self, s: Shrinker, sc: Any) -> int:
        n = s.script.next("count")
        self._run_hooks(s, "count", n)
        memcg = self._handle_of(sc.memcg)
        entry = s.script.count[min(n, len(s.script.count) - 1)]
        if entry == "objs":
            entry = s.pools.get(self._pool_key(s, sc.nid, memcg), 0) or s.script.empty
        event = ["c", s.handle, sc.nid, memcg, entry]
        if sc.nr_to_scan or sc.nr_scanned:
            event += [sc.nr_to_scan, sc.nr_scanned]
        self._add_event(event, sc)
        return int(entry)

    def scan(self, s: Shrinker, sc: Any) -> int:
        n = s.script.next("scan")
        self._run_hooks(s, "scan", n)
        memcg = self._handle_of(sc.memcg)
        kind, v, how, w, *clobber = s.script.scan[min(n, len(s.script.scan) - 1)]
        asked, found = sc.nr_to_scan, sc.nr_scanned
        key = self._pool_key(s, sc.nid, memcg)
        freed = v
        if kind != "val":
            freed = min(asked, s.pools.get(key, 0), v)
            s.pools[key] = s.pools.get(key, 0) - freed
        if how == "set":
            sc.nr_scanned = w
        elif how == "freed":
            sc.nr_scanned = freed
        elif how == "minus":
            sc.nr_scanned = (asked - w) % ULONG
        elif how == "plus":
            sc.nr_scanned = (asked + w) % ULONG
        result = SHRINK_STOP if kind == "stop" else freed
        event = ["s", s.handle, sc.nid, memcg, asked, result, sc.nr_scanned, 1]
        if found != asked:
            event.append(found)
        self._add_event(event, sc)
        if clobber:
            sc.nr_to_scan = clobber[0]
        return int(result)

    def _add_event(self, event: list[Any], sc: Any) -> None:
        if self.gfp is not None and sc.gfp_mask != self.gfp:
            event += ["gfp", sc.gfp_mask]
        last = self.events[-1] if self.events else None
        if event[0] == "s" and last and last[:7] == event[:7] and last[8:] == event[8:]:
            last[7] += 1
        else:
            self.events.append(event)

    # -- one operation and all its results

    def step(self, index: int) -> list[Difference]:
        """Run an operation, and give the results that differ from the vector's."""
        op = self.ops[index]
        before = [lib.sp_warnings(self.machine, kind) for kind in (lib.SP_WARN, lib.SP_PR_WARN)]
        self.events = []
        self.hidden = []
        lib.sp_fault_record(self.machine, True)
        lib.sp_fault_fail_nth(self.machine, op.get("fail", 0), ULONG // 2**32 - 1)
        got = self.run(op)
        if _raised:
            error = _raised[0]
            _raised.clear()
            raise error
        lib.sp_fault_fail_nth(self.machine, 0, 0)
        got["ev"] = self.events
        if op["op"] not in _NO_ATTEMPTS:
            got["al"] = self._attempts()
        got["w"] = self._warnings(before)
        # Absent and empty are the same; a result of null is none.
        found = [
            Difference(self.id, index, self._question(op), key, op.get(key), got.get(key))
            for key in _RESULTS
            if (got.get(key) or None) != (op.get(key) or None)
        ]
        self._overlay(op.get("state", {}))
        return found + self._state_differences(index, op)

    @staticmethod
    def _question(op: Op) -> Op:
        return {k: v for k, v in op.items() if k not in (*_RESULTS, "state")}

    def _attempts(self) -> list[list[Any]]:
        n = lib.sp_fault_attempts(self.machine, ffi.NULL, 0)
        out = ffi.new("struct sp_attempt[]", n)
        lib.sp_fault_attempts(self.machine, out, n)
        return [
            [Faults.sites[a.site], a.nid, int(a.failed)]
            for i, a in enumerate(out)
            if not any(first <= i < end for first, end in self.hidden)
        ]

    def _warnings(self, before: list[int]) -> list[Any] | None:
        after = [lib.sp_warnings(self.machine, kind) for kind in (lib.SP_WARN, lib.SP_PR_WARN)]
        if after == before:
            return None
        text, where = ffi.new("char[96]"), ffi.new("char[96]")
        lib.sp_warning_text(self.machine, 0, text, where)
        return [after[0] - before[0], after[1] - before[1], ffi.string(text).decode()]

    def _overlay(self, changed: dict[str, Any]) -> None:
        for key, value in changed.items():
            if key != "mc":
                self.expected_state[key] = value
                continue
            for memcg, state in value.items():
                if state is None:
                    self.expected_state["mc"].pop(memcg, None)
                else:
                    self.expected_state["mc"][memcg] = state

    def _state_differences(self, index: int, op: Op) -> list[Difference]:
        got = {**self.state(), "live": self.live()}
        expected = self.expected_state
        return [
            Difference(self.id, index, self._question(op), f"state.{key}", expected.get(key), got[key])
            for key in got
            if got[key] != expected.get(key)
        ]

    # -- operations: each gives the results it has beside the state

    def run(self, op: Op) -> Op:
        return getattr(self, f"op_{op['op']}")(op)  # type: ignore[no-any-return]  # one of the methods below

    def op_alloc(self, op: Op) -> Op:
        s = self._alloc(op["h"], op["flags"], op["name"])
        if s is None:
            return {}
        flags = lib.sp_shrinker_flags(s.pointer)
        name = ffi.new("char[]", 4096)
        lib.sp_shrinker_name(s.pointer, name, 4096)
        r = {
            "flags": flags,
            "seeks": lib.sp_shrinker_seeks(s.pointer),
            "batch": lib.sp_shrinker_batch(s.pointer),
            "name": ffi.string(name).decode(),
        }
        if flags & MEMCG_AWARE:
            r["id"] = lib.sp_shrinker_id(s.pointer)
        return {"r": r}

    def _alloc(self, handle: int, flags: int, name: str) -> Shrinker | None:
        out = ffi.new("struct shrinker **")
        if lib.sp_shrinker_alloc(self.machine, flags, name.encode(), out):
            return None
        s = Shrinker(handle, out[0])
        s.data = ffi.new_handle((self, s))
        lib.sp_shrinker_set_private(s.pointer, s.data)
        lib.sp_shrinker_set_callbacks(s.pointer, lib.sp_raw_count, lib.sp_raw_scan)
        self.shrinkers[handle] = s
        return s

    def op_allocn(self, op: Op) -> Op:
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

    def op_set(self, op: Op) -> Op:
        pointer = self._shrinker(op).pointer
        lib.sp_shrinker_set_batch(pointer, op["batch"])
        lib.sp_shrinker_set_seeks(pointer, op["seeks"])
        return {}

    def op_script(self, op: Op) -> Op:
        self._shrinker(op).script = Script(op)
        return {}

    def op_objs(self, op: Op) -> Op:
        s = self._shrinker(op)
        s.pools[self._pool_key(s, op["nid"], op["m"])] = op["n"]
        return {}

    def op_register(self, op: Op) -> Op:
        lib.sp_shrinker_register(self._shrinker(op).pointer, ffi.NULL)
        return {}

    def op_free(self, op: Op) -> Op:
        if op["h"] < 0:
            return {"r": "ok" if lib.sp_shrinker_free(ffi.NULL, ffi.NULL) == 0 else "error"}
        pointer = self._shrinker(op).pointer
        status = lib.sp_shrinker_free(pointer, ffi.NULL)
        if status == 0:
            del self.shrinkers[op["h"]]
        return {"r": {0: "ok", HANG: "hang"}.get(status, status)}

    def op_clear_allocated(self, op: Op) -> Op:
        clear = bool(op["clear"])
        lib.sp_poke_flags(self._shrinker(op).pointer, ALLOCATED * clear, ALLOCATED * (not clear))
        return {}

    def op_memcg_new(self, op: Op) -> Op:
        out = ffi.new("struct mem_cgroup **")
        status = lib.sp_memcg_create(self.machine, self._memcg(op["parent"]), DIR_INODE + op["m"], out)
        if status == 0:
            self._add_memcg(op["m"], out[0])
        return {}

    def op_memcg_online(self, op: Op) -> Op:
        return {"r": lib.sp_memcg_online(self._memcg(op["m"]))}

    def op_memcg_offline(self, op: Op) -> Op:
        status = lib.sp_memcg_offline(self._memcg(op["m"]), ffi.NULL)
        return {"r": "ok" if status == 0 else status}

    def op_memcg_release(self, op: Op) -> Op:
        lib.sp_memcg_put(self.memcgs.pop(op["m"]))
        return {"r": "ok"}

    def op_setbit(self, op: Op) -> Op:
        status = lib.sp_set_shrinker_bit(self.machine, self._memcg(op["m"]), op["nid"], op["id"], ffi.NULL)
        return {"r": "ok" if status == 0 else status}

    def op_shrink(self, op: Op) -> Op:
        self.gfp = op["gfp"]
        before = lib.sp_machine_slabs_scanned(self.machine)
        out = ffi.new("struct sp_pass *")
        status = lib.sp_shrink_slab(self.machine, op["gfp"], op["nid"], self._memcg(op["m"]), op["prio"], out)
        self._take_trace()
        self.gfp = None
        slabs = (lib.sp_machine_slabs_scanned(self.machine) - before) % ULONG
        return {"r": out.freed if status == 0 else status, "slabs": slabs}

    def op_poke(self, op: Op) -> Op:
        s = self._shrinker(op)
        aware = lib.sp_shrinker_flags(s.pointer) & MEMCG_AWARE
        memcg = self._memcg(op["m"]) if aware else ffi.NULL
        lib.sp_poke_deferred(s.pointer, memcg, op["nid"], op["v"])
        return {}

    def op_kmem(self, op: Op) -> Op:
        lib.sp_machine_set_kmem(self.machine, bool(op["on"]))
        return {}

    def op_debugfs_init(self, _op: Op) -> Op:
        self.debugfs = True
        return {"r": lib.sp_debugfs_init(self.machine)}

    def op_rename(self, op: Op) -> Op:
        pointer = self._shrinker(op).pointer
        status = lib.sp_debugfs_rename(pointer, op["name"].encode())
        name = ffi.new("char[]", 4096)
        lib.sp_shrinker_name(pointer, name, 4096)
        return {"r": [status, ffi.string(name).decode()]}

    def op_dbg_count(self, op: Op) -> Op:
        text, length = ffi.new("char **"), ffi.new("size_t *")
        status = lib.sp_debugfs_count(self._shrinker(op).pointer, text, length)
        if status:
            return {"r": [status, ""]}
        return {"r": [0, take_text(text, length)]}

    def op_dbg_scan(self, op: Op) -> Op:
        written = ffi.new("size_t *")
        text = op["text"].encode()
        status = lib.sp_debugfs_scan(self._shrinker(op).pointer, text, len(text), written)
        return {"r": status or written[0]}

    # -- state

    def state(self) -> dict[str, Any]:
        by_serial = {s.serial: h for h, s in self.shrinkers.items()}
        n = lib.sp_peek_list(self.machine, ffi.NULL, 0)
        serials = ffi.new("unsigned long[]", n)
        lib.sp_peek_list(self.machine, serials, n)
        ids, ref, deferred = {}, {}, {}
        for handle, s in self.shrinkers.items():
            flags = lib.sp_shrinker_flags(s.pointer)
            if flags & MEMCG_AWARE:
                ids[str(handle)] = lib.sp_shrinker_id(s.pointer)
            if flags & REGISTERED and (count := lib.sp_peek_refcount(s.pointer)) != 1:
                ref[str(handle)] = count
            own = [self._deferred(s, nid) for nid in range(lib.sp_peek_nr_own_deferred(s.pointer))]
            if any(own):
                deferred[str(handle)] = own
        state = {
            "nr_max": lib.sp_peek_nr_max(self.machine),
            "list": [by_serial[serial] for serial in serials],
            "ids": ids,
            "ref": ref,
            "def": deferred,
            "mc": {str(handle): self._memcg_state(memcg) for handle, memcg in self.memcgs.items()},
        }
        if self.debugfs:
            text, length = ffi.new("char **"), ffi.new("size_t *")
            lib.sp_debugfs_list(self.machine, text, length)
            state["dbg"] = take_text(text, length).splitlines()
        return state

    @staticmethod
    def _deferred(s: Shrinker, nid: int) -> int:
        value = ffi.new("long *")
        lib.sp_peek_deferred(s.pointer, ffi.NULL, nid, value)
        return int(value[0])

    def _memcg_state(self, memcg: Any) -> dict[str, Any]:
        nr_max = [lib.sp_peek_map_nr_max(memcg, nid) for nid in range(self.nodes)]
        value = ffi.new("long *")
        bits, deferred = [], []
        for nid in range(self.nodes):
            for i in range(max(nr_max[nid], 0)):
                if lib.sp_peek_bit(memcg, nid, i):
                    bits.append([nid, i])
                if lib.sp_peek_unit_deferred(memcg, nid, i, value) and value[0]:
                    deferred.append([nid, i, value[0]])
        return {"on": int(lib.sp_memcg_is_online(memcg)), "max": nr_max, "map": bits, "def": deferred}

    def live(self) -> dict[str, int]:
        out = ffi.new("struct sp_ledger *")
        lib.sp_ledger_read(self.machine, out)
        return {site: out.live[i] for i, site in enumerate(Faults.sites) if out.live[i] and site in _LIVE}


# ---- called by C

# What callbacks raised; C cannot carry it, so that the operation raises it when it is over.
_raised: list[BaseException] = []


def _keep(_kind: object, error: BaseException, _traceback: object) -> None:
    _raised.append(error)


def _scenario_of(pointer: Any) -> tuple[Scenario, Shrinker]:
    return ffi.from_handle(lib.sp_shrinker_private(pointer))  # type: ignore[no-any-return]  # our own handle


@ffi.def_extern(error=0, onerror=_keep)  # type: ignore[untyped-decorator]  # cffi has no types
def sp_raw_count(pointer: Any, sc: Any) -> int:
    scenario, shrinker = _scenario_of(pointer)
    return scenario.count(shrinker, sc)


@ffi.def_extern(error=SHRINK_STOP, onerror=_keep)  # type: ignore[untyped-decorator]  # cffi has no types
def sp_raw_scan(pointer: Any, sc: Any) -> int:
    scenario, shrinker = _scenario_of(pointer)
    return scenario.scan(shrinker, sc)


# ---- one scenario, and files of them


def run_scenario(vector: dict[str, Any]) -> list[Difference]:
    """All results of one vector that the core does not give.

    Raises UnreadableError for an operation that is none, or whose handles mean nothing.
    """
    scenario = Scenario(vector)
    found: list[Difference] = []
    try:
        for index in range(len(scenario.ops)):
            try:
                found += scenario.step(index)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # The vector's fault, as far as can be told: a number out of range, a list for a dict.
                raise UnreadableError(f"operation {index} cannot be run: {error!r}") from error
    finally:
        scenario.close()
    return found


def conform(paths: list[Path], progress: Callable[[], None] | None = None) -> Report:
    """Run every vector of the files through the core; progress is called after each.

    Raises UnreadableError or OSError for a file that cannot be read, whatever the others hold.
    """
    report = Report()
    for path in paths:
        for vector in read_scenarios(path):
            try:
                differences = run_scenario(vector)
            except UnreadableError as error:
                raise UnreadableError(f"{path}: scenario {vector['id']}: {error}") from None
            report.add(vector["fam"], len(vector["ops"]), differences)
            if progress:
                progress()
    return report
