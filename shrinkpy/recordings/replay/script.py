# SPDX-License-Identifier: GPL-2.0-only
"""What a machine has to have, and when, for the calls of a recording to be made on it again.

Calls are made one after the other, each whole, in the order of their first lines. Where tasks overlapped,
their operations on a counter came in another order than that: stock.py finds it, and what a call then finds
in its counter is given to it, with the reason.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from ..recording import EMPTY
from .calls import AFTER, BEFORE, Calls, Pass, Reparent, Turn
from .lives import MEMCG_AWARE, NUMA_AWARE, Life, find_lives, in_order, split
from .stock import Account, Gift, Stock

__all__ = ["BEFORE_TRACE", "CONCURRENT", "Cgroup", "Key", "Life", "Script", "Step", "write_script"]

NO_PASS = "no kernel has numbers like its node, priority or seeks"
BEFORE_TRACE = "it was deferred before the recording began"
CONCURRENT = "another task deferred it at the same time"
UNSEEN = "calls are missing or cut nearby"

MAX_NODES = 1024
MAX_PRIORITY = 63
"""Shifts by more mean nothing."""

Key = tuple["Life | Cgroup", int, int]
"""A counter: the shrinker's own (its life, 0, node), or a cgroup's (the cgroup, id, node)."""


@dataclass(eq=False, slots=True)
class Cgroup:
    """A cgroup from its first call on.

    :ivar parent: None: the root, or nobody's.
    :ivar end: the line at which it hands on what it has.
    """

    pointer: int
    ino: int | None
    root: bool = False
    parent: Cgroup | None = None
    end: int | None = None


@dataclass(slots=True)
class Step:
    """A call of shrink_slab(), or a cgroup's end.

    :ivar lives: whose turn each of the call's turns is.
    :ivar inside: who else is called, by passes inside its callbacks.
    :ivar clear: a bit that another task cleared, or nobody knows who, may be set still.
    """

    of: Pass | Reparent
    cgroup: Cgroup | None = None
    lives: list[Life] = field(default_factory=list)
    clear: bool = False
    inside: list[Life] = field(default_factory=list)


@dataclass(slots=True)
class Script:
    """See the module.

    Nodes and ids are numbered anew, without gaps and in their order: a recording may hold any number, and a
    machine has room for all below it.

    :ivar nodes: the node of the machine for each recorded one; ``ids``, the id.
    :ivar steps: in the order in which they are made; those inside callbacks are only in ``inside``.
    :ivar lives: in the order of registration.
    :ivar inside: the steps of the passes inside callbacks, by id() of the pass.
    :ivar taken: what each call took, by id() of its turn; ``met``: what it added to.
    :ivar left: what lies in each counter in the end.
    """

    nodes: dict[int, int] = field(default_factory=lambda: {0: 0})
    ids: dict[int, int] = field(default_factory=dict)
    memcg: bool = True
    steps: list[Step] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    cgroups: list[Cgroup] = field(default_factory=list)
    inside: dict[int, Step] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    taken: dict[int, Stock] = field(default_factory=dict)
    met: dict[int, Stock] = field(default_factory=dict)
    left: dict[Key, Stock] = field(default_factory=dict)


def write_script(calls: Calls) -> Script:
    """The script of what was recorded."""
    return _Writer(calls).write()


class _Writer:
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.script = Script()
        self.cgroups: dict[int, Cgroup] = {}  # by pointer, as things stand
        self.offline: set[Cgroup] = set()
        self.life_of: dict[int, Life] = {}  # by id() of a turn
        # By id() of the cgroup, and node: ids whose bits are set, and by which pass.
        self.bits: dict[tuple[int, int], dict[int, tuple[Life, Pass]]] = {}
        self.empty: dict[tuple[int, int, int], list[int]] = {}  # of a cgroup, node, id: lines of EMPTY
        self.last_turns: dict[
            int, int
        ] = {}  # of a cgroup's pointer: line of the last pass that called something

    def write(self) -> Script:
        script = self.script
        passes = self.calls.passes
        script.memcg = not passes or any(p.memcg for p in passes)
        for p in passes:
            if not p.reason and not self._can_be(p):
                p.reason = NO_PASS
        # Node 0 is there in any case: the counters of those that are not NUMA_AWARE are its.
        nids = {0, *(p.nid for p in passes if p.reason in ("", AFTER))}
        script.nodes = {nid: k for k, nid in enumerate(sorted(nids))}
        for p in passes:
            for turn in p.turns:
                if turn.ret == EMPTY:
                    self.empty.setdefault((turn.memcg, turn.nid, turn.id), []).append(turn.line)
            if p.turns:
                self.last_turns[p.memcg] = p.line
        for lines in self.empty.values():
            lines.sort()
        things: list[Pass | Reparent] = [p for p in passes if not p.depth]
        things += self.calls.reparents
        things.sort(key=lambda thing: thing.line)
        for thing in things:
            if isinstance(thing, Reparent):
                self._reparent(thing)
            else:
                script.steps.append(self._step(thing))
        everywhere = [*script.steps, *script.inside.values()]
        global_passes = [
            step.of
            for step in everywhere
            # Of the others, the lines may be of several passes.
            if isinstance(step.of, Pass) and _is_global(step) and step.of.reason in ("", BEFORE, AFTER)
        ]
        global_passes.sort(key=lambda found: found.line)
        script.lives = find_lives(passes, global_passes, self.life_of)
        self._find_ends()
        script.lives = in_order(script.lives, global_passes, self.life_of)
        script.ids = {
            ident: k for k, ident in enumerate(sorted({life.id for life in script.lives if life.aware}))
        }
        for number, step in enumerate(script.steps):
            self._cast(step, number)
        self._solve()
        return script

    def _can_be(self, found: Pass) -> bool:
        """Is there a kernel that calls shrink_slab() with these numbers, and has such shrinkers?"""
        return (
            0 <= found.nid < MAX_NODES
            and 0 <= found.priority <= MAX_PRIORITY
            and 0 <= found.gfp < 2**32
            and (found.memcg != 0 or not self.script.memcg)
            and all(_can_turn_be(turn) for turn in found.turns)
        )

    # -- steps

    def _step(self, found: Pass) -> Step:
        cgroup = self._cgroup(found)
        if cgroup is not None and any(not turn.flags & MEMCG_AWARE for turn in found.turns):
            cgroup.root = True
        for turn in found.turns:
            for _number, inner in turn.inner:
                self.script.inside[id(inner)] = self._step(inner)
        return Step(found, cgroup)

    def _cgroup(self, found: Pass) -> Cgroup | None:
        if not found.memcg:
            return None
        cgroup = self.cgroups.get(found.memcg)
        if cgroup is not None and found.ino is not None and cgroup.ino not in (None, found.ino):
            cgroup = None  # its memory is another one's now
        if cgroup is None:
            cgroup = Cgroup(found.memcg, found.ino, root=found.ino == 1)
            self.cgroups[found.memcg] = cgroup
            self.script.cgroups.append(cgroup)
        elif cgroup.ino is None:
            cgroup.ino = found.ino
            cgroup.root = cgroup.root or found.ino == 1
        return cgroup

    def _reparent(self, found: Reparent) -> None:
        for pointer in (found.parent, found.memcg):
            if pointer and pointer not in self.cgroups:
                # It was in no pass so far, but what it has may come to its parent's counters.
                self.cgroups[pointer] = Cgroup(pointer, None)
                self.script.cgroups.append(self.cgroups[pointer])
        cgroup = self.cgroups[found.memcg]
        if cgroup.root or cgroup.end is not None:
            return
        cgroup.end = found.line
        cgroup.parent = self.cgroups.get(found.parent)
        self.script.steps.append(Step(found, cgroup))

    # -- who is called

    def _cast(self, step: Step, number: int) -> None:
        """Whose turn each turn of a step is, those of passes inside it too."""
        found = step.of
        if isinstance(found, Reparent):
            return
        cgroup = step.cgroup
        for turn in found.turns:
            life = self.life_of[id(turn)]
            step.lives.append(life)
            life.last = number
            nid = turn.nid if turn.flags & NUMA_AWARE else 0
            in_cgroup = life.aware and cgroup is not None
            self.script.keys[id(turn)] = (cgroup, turn.id, nid) if in_cgroup and cgroup else (life, 0, nid)
            for _number, inner in turn.inner:
                deeper = self.script.inside[id(inner)]
                self._cast(deeper, number)
                if inner.reason in ("", AFTER):
                    step.inside += [*deeper.lives, *deeper.inside]

    def _find_ends(self) -> None:
        """Go through the bits of cgroups: where one is missing, somebody has gone, or a task was there."""
        steps: list[Step] = []
        for step in self._late_passes(self.script.steps):
            found = step.of
            if isinstance(found, Reparent) and step.cgroup is not None:
                self.offline.add(step.cgroup)
            if isinstance(found, Pass):
                self._follow_bits(step, steps)
            steps.append(step)
        self.script.steps = steps

    @staticmethod
    def _late_passes(steps: list[Step]) -> list[Step]:
        """The steps, each cgroup's end after the last pass that calls shrinkers in it.

        A pass that has begun goes on while the cgroup's deferred work is handed on.
        """
        last = {step.cgroup: k for k, step in enumerate(steps) if isinstance(step.of, Pass) and step.of.turns}
        keyed = [
            (max(k, last.get(step.cgroup, -1)) if isinstance(step.of, Reparent) else k, k, step)
            for k, step in enumerate(steps)
        ]
        return [step for _, _, step in sorted(keyed, key=lambda entry: entry[:2])]

    def _follow_bits(self, step: Step, steps: list[Step]) -> None:
        found, cgroup = step.of, step.cgroup
        assert isinstance(found, Pass)
        if found.reason not in ("", AFTER):
            return  # what is not made again changes no bits
        if _is_global(step) or cgroup is None:
            for turn in found.turns:
                self._follow_inside(turn, steps)
            return
        bits = self.bits.setdefault((id(cgroup), found.nid), {})
        called = {turn.id for turn in found.turns}
        if found.reason == AFTER:
            called.update(bits)  # it would have called more
        missing = [(life, by) for ident, (life, by) in bits.items() if ident not in called]
        if missing and cgroup not in self.offline:
            self._explain_missing(step, found, cgroup, missing, steps)
            for life, _by in missing:
                bits.pop(life.id, None)
        for turn in found.turns:  # all are set when it begins
            bits[turn.id] = self.life_of[id(turn)], found
        for turn in found.turns:
            self._follow_inside(turn, steps)
            if turn.ret == EMPTY:
                bits.pop(turn.id, None)
            else:
                bits[turn.id] = self.life_of[id(turn)], found

    def _follow_inside(self, turn: Turn, steps: list[Step]) -> None:
        for _number, inner in turn.inner:
            self._follow_bits(self.script.inside[id(inner)], steps)

    def _explain_missing(
        self, step: Step, found: Pass, cgroup: Cgroup, missing: list[tuple[Life, Pass]], steps: list[Step]
    ) -> None:
        """Bits that are set once the calls before this one are made, and of which it knows nothing."""
        if cgroup.end is not None and cgroup.end < found.last:
            step.clear = True  # it is offline by now, though its end is made after this
            return
        elsewhere = []
        for life, by in missing:
            # Another pass over the same map may have cleared it, before this one came to it.
            empty = self.empty.get((found.memcg, found.nid, life.id), ())
            k = bisect_left(empty, by.line)
            if (k < len(empty) and empty[k] < found.last) or self._gap(by.line, found.last):
                step.clear = True
            elif life.calls_between(found.line, found.last):
                step.clear = True  # it came or went meanwhile
            elif life.turns[-1].line > found.last:
                elsewhere.append(life)
        if not elsewhere:
            return
        if not found.turns and self.last_turns.get(cgroup.pointer, 0) < found.line:
            # Nobody is called in it any more, though they are elsewhere: it went offline.
            cgroup.end = found.line
            self.offline.add(cgroup)
            steps.append(Step(Reparent(found.line, cgroup.pointer, 0), cgroup))
            return
        for life in elsewhere:
            # It was freed; what is called later was registered anew.
            split(life, found.line, self.script.lives, self.life_of)

    # -- counters

    def _gap(self, a: int, b: int) -> str:
        """Why something may have happened between two lines that nobody saw."""
        if a == 0:
            return BEFORE_TRACE
        return UNSEEN if self.calls.is_broken(a, b) else ""

    def _solve(self) -> None:
        script = self.script
        accounts: dict[Key, Account] = {}
        script.taken.update(self.calls.taken)
        script.met.update(self.calls.met)
        for step in (*script.steps, *script.inside.values()):
            if isinstance(step.of, Pass):
                for turn in step.of.turns:
                    if id(turn) in script.taken:
                        script.left[script.keys[id(turn)]] = Stock((turn,))
                        continue
                    accounts.setdefault(script.keys[id(turn)], Account()).turns.append(turn)
        # A child before its parent, whose counters it adds to.
        for step in script.steps:
            if not isinstance(step.of, Reparent) or step.cgroup is None:
                continue
            heir = step.cgroup.parent or next((c for c in script.cgroups if c.root), None)
            line = step.of.line
            given = {key[1:] for key in accounts if key[0] is step.cgroup}
            for key in [key for key in accounts if key[0] is step.cgroup]:
                stock = script.left[key] = accounts.pop(key).solve(self._gap, script.taken, script.met, line)
                if heir is not None:
                    accounts.setdefault((heir, *key[1:]), Account()).gifts.append(Gift(line, stock))
            # Of a counter that no pass used, nothing is known.
            for key in [key for key in accounts if key[0] is heir and key[1:] not in given]:
                accounts[key].gifts.append(Gift(line, Stock(reason=BEFORE_TRACE)))
        for key, account in accounts.items():
            script.left[key] = account.solve(self._gap, script.taken, script.met)


def _can_turn_be(turn: Turn) -> bool:
    return (
        -(2**31) <= turn.seeks < 2**31
        and 0 <= turn.flags < 2**32
        and 0 <= turn.id < 2**31
        and 0 <= turn.gfp < 2**32
    )


def _is_global(step: Step) -> bool:
    return step.cgroup is None or step.cgroup.root
