# SPDX-License-Identifier: GPL-2.0-only
"""Recorded calls, decided again by the core: what it decides otherwise, or would with other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core import ffi
from ..recording import EMPTY, Recording
from .answers import Answers, proportional, recorded
from .calls import AFTER, FileCall, Pass, Reparent, Turn, is_full, read_calls
from .result import KEPT, Difference, Played, Replay, Work
from .script import CONCURRENT, Cgroup, Key, Life, Script, Step, write_script
from .settings import Settings
from .stage import ULONG, Actor, End, Stage, Start
from .stock import Stock, next_deferred, signed

__all__ = ["replay"]

SKIPPED = "a call deferred it that was skipped"
CAME_OR_WENT = "a shrinker came or went during the pass"


def replay(
    recording: Recording,
    *,
    seeks: int | Mapping[str, int] | None = None,
    batch: int | Mapping[str, int] | None = None,
    priority_shift: int = 0,
) -> Replay:
    """Have the core decide again what a recording shows decided.

    A full recording (probes on shrink_slab(), do_shrink_slab() and the callbacks) is made again call by call
    on a machine that has its shrinkers, nodes and cgroups, with the recorded answers of the callbacks. Of one
    that has only starts and ends, each pair is: its items are the count, seeks and batch are inferred, and
    scans are made up so that they come to what was scanned and freed.

    Deferred counters are the machine's own from call to call. Where that cannot be (work from before the
    recording, another task in the middle of a call), the value is put there and ``given`` says so. A pass
    with numbers that no kernel has is skipped, as one with lines missing is.

    With seeks, batch (for all shrinkers, or by their symbol as a start prints it) or priority_shift (added to
    each priority, which stays within 0 and 12) nothing is held against the recording: ``shrinkers`` tells
    what would have been scanned, freed and deferred instead. That is an answer of first order: counts are as
    recorded, so caches do not react, and of what is scanned as much is freed as was in the recorded call.

    Raises ValueError for settings that the kernel cannot have, MemoryError, OneMachineError.
    """
    settings = Settings(seeks, batch, priority_shift)
    full = is_full(recording)
    if full:
        calls = read_calls(recording)
    else:
        from .bare import calls_of_pairs

        calls = calls_of_pairs(recording)
    player = _Player(write_script(calls), settings)
    player.result.source = recording.source
    player.result.full = full
    player.result.skipped.update(calls.skipped)
    try:
        player.play()
        player.play_files(calls.files)
    finally:
        player.close()
    return player.result


@dataclass(eq=False, slots=True)
class _Play:
    """One call of do_shrink_slab(), as the core makes it."""

    turn: Turn
    life: Life
    actor: Actor
    key: Key
    asked: list[int] = field(default_factory=list)
    answers: Answers | None = None
    start: Start | None = None
    end: End | None = None
    scanned: int = 0
    own: int = 0  # what the core added to the counter


@dataclass(eq=False, slots=True)
class _Frame:
    """One pass, as the core makes it."""

    step: Step
    turns: list[Turn]
    next: int = 0
    play: _Play | None = None
    plays: list[_Play] = field(default_factory=list)
    clearing: set[int] | None = None  # ids whose bits stay
    aborts: bool = False


class _Tally:
    """Work of one shrinker, while it adds up."""

    def __init__(self) -> None:
        self.calls = self.scans = self.scanned = self.freed = self.deferred = self.peak = 0
        self.seen = True  # do its scans leave lines?

    def work(self) -> Work:
        return Work(
            self.calls, self.scans if self.seen else None, self.scanned, self.freed, self.deferred, self.peak
        )


class _Player:
    """Makes the calls of a script on a stage, answers for the shrinkers, and judges."""

    def __init__(self, script: Script, settings: Settings) -> None:
        self.script = script
        self.settings = settings
        self.result = Replay(settings=settings.as_dict())
        self.stage = Stage(self, len(script.nodes), script.memcg)
        self.nids = list(script.nodes)
        self.actors: dict[Life, Actor] = {}
        self.memcgs: dict[Cgroup, Any] = {}
        self.frames: list[_Frame] = []
        self.waiting: list[_Play] = []  # counted, with objects: a start of theirs is due
        self.open: list[_Play] = []  # started
        self.own: dict[int, int] = {}  # by id() of a turn: what the core added for it
        self.value: dict[Key, int] = {}  # what lies in the machine's counters, as the core says
        self.skipped: set[int] = set()  # turns, by id(), that are not made again
        self.recorded = {life: _Tally() for life in script.lives}
        self.decided = {life: _Tally() for life in script.lives}
        self.ratios = self._ratios()
        self.place = {life: k for k, life in enumerate(script.lives)}
        self.next_end = 0  # the step before which the next one is freed
        self.file: _File | None = None

    def close(self) -> None:
        """Free the stage."""
        self.stage.close()

    # -- all of it

    def play(self) -> None:
        """Make all calls."""
        self._create_cgroups()
        for number, step in enumerate(self.script.steps):
            self._prepare_lives(number)
            if isinstance(step.of, Reparent):
                self._offline(step)
            else:
                self._play(step, step.of)
        self._finish()

    def _create_cgroups(self) -> None:
        waiting = list(self.script.cgroups)
        for cgroup in waiting:
            self._create(cgroup, 0)

    def _create(self, cgroup: Cgroup, depth: int) -> Any:
        memcg = self.memcgs.get(cgroup)
        if memcg is None:
            if cgroup.root:
                memcg = self.stage.root
            elif cgroup.parent is None or depth > len(self.script.cgroups):
                memcg = self.stage.create(self.stage.root)
            else:
                memcg = self.stage.create(self._create(cgroup.parent, depth + 1))
            self.memcgs[cgroup] = memcg
        return memcg

    def _prepare_lives(self, number: int) -> None:
        """Free those that no later step calls, register those that this one does."""
        if number >= self.next_end:
            for life in [life for life in self.actors if life.last < number]:
                self.stage.free(self.actors.pop(life))
            self.next_end = min((life.last + 1 for life in self.actors), default=0)

    def _register(self, lives: list[Life]) -> None:
        """Have these on the machine's list, in their places."""
        first = min(self.place[life] for life in lives)
        # Whoever is registered comes last, so those behind have to be registered once more.
        behind = [life for life in self.actors if self.place[life] > first]
        ids = {life.id for life in lives if life.aware}
        for life in [life for life in self.actors if life.aware and life.id in ids]:
            self.stage.free(self.actors.pop(life))  # it may come back
        kept = {life: self.stage.own_deferred(self.actors[life]) for life in behind if life in self.actors}
        for life in kept:
            self.stage.free(self.actors.pop(life))
        for life in sorted([*lives, *kept], key=self.place.__getitem__):
            actor = self.stage.register(
                life, life.flags, self.script.ids[life.id] if life.aware else None, life.symbol
            )
            actor.set(*self.settings.of(life, life.seeks, life.batch))
            for nid, value in enumerate(kept.get(life, ())):
                self.stage.poke(actor, ffi.NULL, nid, value)
            self.actors[life] = actor
            self.next_end = min(self.next_end, life.last + 1)

    def _offline(self, step: Step) -> None:
        cgroup = step.cgroup
        assert cgroup is not None
        self._drain()
        heir = cgroup.parent or next((c for c in self.script.cgroups if c.root), None)
        for key in [key for key in self.value if key[0] is cgroup]:
            if heir is not None:
                to: Key = heir, key[1], key[2]
                self.value[to] = signed(self.value.get(to, 0) + self.value.get(key, 0))
        self.stage.offline(self.memcgs[cgroup])

    # -- one pass

    def _play(self, step: Step, found: Pass) -> None:
        turns = found.turns
        if found.reason not in ("", AFTER):
            self._skip(found, found.reason)
            return
        if found.reason == AFTER:
            turns = turns[:-1] if turns and not turns[-1].whole else turns
            self.result.skipped[AFTER] += 1
            if not turns:
                return
        if not self._cast(step):
            self._skip(found, CAME_OR_WENT)
            return
        memcg = self.memcgs[step.cgroup] if step.cgroup is not None else ffi.NULL
        nid = self.script.nodes[found.nid]
        frame = _Frame(step, turns, aborts=found.reason == AFTER)
        if step.cgroup is not None and not step.cgroup.root:
            self._set_bits(step, found, memcg)
        for turn, life in zip(turns, step.lives, strict=False):
            self.actors[life].set(*self.settings.of(life, turn.seeks, turn.batch))
        self.result.passes += 1
        self.frames.append(frame)
        try:
            freed = self.stage.shrink(found.gfp, nid, memcg, self.settings.priority(found.priority))
        finally:
            self.frames.pop()
        self._drain()
        for turn in turns[frame.next :]:
            self._hold(turn.line, _name(turn), "is called", "do_shrink_slab()", None)
        for play in frame.plays:
            self._judge(play)
        if found.freed is not None and not frame.aborts:
            self._hold(found.last, "", "freed by the pass", found.freed, freed)

    def _skip(self, found: Pass, reason: str) -> None:
        self.result.skipped[reason] += 1
        for turn in found.turns:
            self.skipped.add(id(turn))
            for _number, inner in turn.inner:
                self._skip(inner, reason)

    def _cast(self, step: Step) -> bool:
        """See that all whom a pass calls are there; false if they cannot be, all at once."""
        if all(life in self.actors for life in step.lives) and not step.inside:
            return True
        lives = dict.fromkeys((*step.lives, *step.inside))
        absent = [life for life in lives if life not in self.actors]
        ids = [life.id for life in lives if life.aware]
        if not absent:
            return True
        if len(ids) != len(set(ids)) or self.frames:
            return False
        self._register(absent)
        return True

    def _set_bits(self, step: Step, found: Pass, memcg: Any) -> None:
        nid = self.script.nodes[found.nid]
        called = {self.stage.ident(self.actors[life]) for life in step.lives}
        if step.clear:
            left = [
                actor
                for life, actor in self.actors.items()
                if life.aware
                and (ident := self.stage.ident(actor)) not in called
                and self.stage.has_bit(memcg, nid, ident)
            ]
            if left:
                # Only a pass that finds them empty clears bits.
                self.result.given["another task cleared its bit"] += len(left)
                self.frames.append(_Frame(step, [], clearing=called))
                try:
                    self.stage.shrink(found.gfp, nid, memcg, found.priority)
                finally:
                    self.frames.pop()
        for ident in called:
            if not self.stage.has_bit(memcg, nid, ident):
                self.stage.set_bit(memcg, nid, ident)

    # -- callbacks

    def count(self, actor: Actor, sc: Any) -> int:
        """What count_objects does."""
        if self.file is not None:
            return self.file.count()
        frame = self.frames[-1]
        if frame.clearing is not None:
            return 0 if self.stage.ident(actor) in frame.clearing else EMPTY % ULONG
        self._drain()
        life: Life = actor.life
        lives = frame.step.lives
        at = frame.next
        while at < len(frame.turns) and lives[at] is not life:
            at += 1
        if at == len(frame.turns):
            frame.play = None
            if not life.was_there(_pass_of(frame.step)):
                self.result.given[CAME_OR_WENT] += 1
                return 0
            line = frame.turns[frame.next - 1].line if frame.next else frame.step.of.line
            self._hold(line, life.symbol, "is called", None, "do_shrink_slab()")
            return 0
        for turn in frame.turns[frame.next : at]:
            self._hold(turn.line, _name(turn), "is called", "do_shrink_slab()", None)
        turn = frame.turns[at]
        frame.next = at + 1
        play = frame.play = _Play(turn, life, actor, self.script.keys[id(turn)])
        frame.plays.append(play)
        self.result.calls += 1
        self._hold(turn.line, life.symbol, "is called", 1, 1)
        self._hold(turn.line, life.symbol, "gfp_mask", turn.gfp, int(sc.gfp_mask))
        self._hold(turn.line, life.symbol, "nid", turn.nid, self.nids[int(sc.nid)])
        memcg = self.memcgs[frame.step.cgroup] if frame.step.cgroup is not None else ffi.NULL
        self._hold(
            turn.line, life.symbol, "memcg", "this one", "this one" if sc.memcg == memcg else "another one"
        )
        answer = turn.answer
        assert answer is not None
        if answer not in (0, EMPTY):
            self._fill(play)
            self.waiting.append(play)
        if frame.aborts and frame.next == len(frame.turns):
            self.stage.end_pass()
        return answer % ULONG

    def scan(self, actor: Actor, sc: Any) -> int:
        """What scan_objects does."""
        if self.file is not None:
            return self.file.scan(sc)
        frame = self.frames[-1]
        play = frame.play
        if play is None or play.actor is not actor:
            return ULONG - 1
        asked = signed(int(sc.nr_to_scan))
        number = len(play.asked)
        play.asked.append(asked)
        if play.answers is None:
            self._drain()
            play.answers = self._answers(play)
        for inside, found in play.turn.inner:
            if inside == number:
                self._play(self.script.inside[id(found)], found)
        ret, nr_scanned = play.answers.next(asked)
        sc.nr_scanned = nr_scanned % ULONG
        if ret != -1:
            play.scanned = signed(play.scanned + nr_scanned)
        return ret % ULONG

    def _answers(self, play: _Play) -> Answers:
        turn, start = play.turn, play.start
        if not self.settings.any:
            return recorded(turn)
        batch = play.actor.settings[1] or 128
        same = turn.start is not None and start is not None and start.total_scan == turn.start.total_scan
        if same and batch == (turn.batch or 128):
            return recorded(turn)
        ratio = self.ratios.get(play.life.symbol, (1, 1))
        return proportional(turn, ratio, start.total_scan if start else 0, batch)

    def _ratios(self) -> dict[str, tuple[int, int]]:
        sums: dict[str, list[int]] = {}
        for step in (*self.script.steps, *self.script.inside.values()):
            if isinstance(step.of, Pass):
                for turn, life in zip(step.of.turns, step.lives, strict=True):
                    if turn.end is not None and turn.start is not None and turn.scanned > 0:
                        entry = sums.setdefault(life.symbol, [0, 0])
                        entry[0] += turn.end.ret
                        entry[1] += turn.scanned
        return {symbol: (max(freed, 0), scanned) for symbol, (freed, scanned) in sums.items()}

    # -- counters

    def _place(self, key: Key) -> tuple[Any, int]:
        # A call on another node than its pass is a difference, and its counter anybody's.
        nid = self.script.nodes.get(key[2], 0)
        return (self.memcgs[key[0]] if isinstance(key[0], Cgroup) else ffi.NULL), nid

    def _worth(self, stock: Stock) -> int:
        """What lies in a counter by the core's decisions; of calls not made again yet, by the recorded."""
        own = sum(self.own.get(id(turn), next_deferred(turn)) for turn in stock.turns)
        return signed(own + (stock.rest if stock.reason else 0))

    def _fill(self, play: _Play) -> None:
        """See that the counter has what the call found there."""
        stock = self.script.taken.get(id(play.turn))
        key = play.key
        if stock is None:
            return
        memcg, nid = self._place(key)
        value, there = self._worth(stock), self.stage.peek(play.actor, memcg, nid)
        # Not where the core left another value than it said: that is its own doing.
        if there != value and there == self.value.get(key, 0):
            self.stage.poke(play.actor, memcg, nid, value)
            self.result.given[self._why(stock)] += 1

    def _why(self, stock: Stock) -> str:
        if stock.rest and stock.reason:
            return stock.reason
        if any(id(turn) in self.skipped for turn in stock.turns):
            return SKIPPED
        return CONCURRENT

    def _drain(self) -> None:
        """Events of the core go to the calls that they are of."""
        for event in self.stage.events():
            if isinstance(event, Start):
                while self.waiting:
                    play = self.waiting.pop(0)
                    if play.actor.address == event.shrinker:
                        play.start = event
                        self.value[play.key] = 0
                        self.open.append(play)
                        break
                else:
                    self._hold(0, "", "start", None, event.total_scan)
                continue
            while self.open:
                play = self.open.pop()
                if play.actor.address == event.shrinker:
                    play.end = event
                    play.own = signed(event.new_nr - self.value.get(play.key, 0))
                    self.value[play.key] = event.new_nr
                    self.own[id(play.turn)] = play.own
                    break

    # -- judging

    def _hold(
        self, line: int, shrinker: str, what: str, recorded: int | str | None, decided: int | str | None
    ) -> None:
        if self.settings.any:
            return
        self.result.decisions += 1
        if recorded != decided:
            self.result.different += 1
            if len(self.result.differences) < KEPT:
                self.result.differences.append(Difference(line, shrinker, what, recorded, decided))

    def _judge(self, play: _Play) -> None:
        turn, name = play.turn, play.life.symbol
        start, end = play.start, play.end
        begun, ended = turn.start, turn.end
        met = self.script.met.get(id(turn), Stock())
        new_nr = signed(play.own + self._worth(met))
        self._count(play, new_nr)
        if self.settings.any:
            return
        if (begun is None) != (start is None) or (ended is None) != (end is None):
            line = begun.line if begun else turn.line
            self._hold(line, name, "start", "start" if begun else None, "start" if start else None)
            return
        if begun is None or ended is None or start is None or end is None:
            if turn.ret is not None:
                self._hold(turn.line, name, "result", turn.ret, turn.answer)
            return
        hold = self._hold
        hold(begun.line, name, "start", 1, 1)
        hold(begun.line, name, "objects to shrink", begun.nr, start.nr)
        hold(begun.line, name, "delta", begun.delta, start.delta)
        hold(begun.line, name, "total_scan", begun.total_scan, start.total_scan)
        if turn.scans_seen:
            for scan, asked in zip(turn.scans, play.asked, strict=False):
                hold(scan.line, name, "nr_to_scan", scan.asked, asked)
            hold(turn.line, name, "scans", len(turn.scans), len(play.asked))
        hold(ended.line, name, "unused scan count", ended.nr, end.nr)
        hold(ended.line, name, "total_scan left", ended.total_scan, end.total_scan)
        hold(ended.line, name, "new scan count", ended.new_nr, new_nr)
        hold(ended.line, name, "last shrinker return val", ended.ret, end.ret)
        if turn.ret is not None:
            hold(turn.line, name, "result", _int(turn.ret), end.ret)

    def _count(self, play: _Play, new_nr: int) -> None:
        turn, start, end = play.turn, play.start, play.end
        if turn.start is not None and turn.end is not None:
            tally = self.recorded[play.life]
            tally.calls += 1
            tally.scans += len(turn.scans)
            tally.seen = tally.seen and turn.scans_seen
            tally.scanned += turn.scanned
            tally.freed += turn.end.ret
            tally.peak = max(tally.peak, turn.end.new_nr)
        if start is not None and end is not None:
            tally = self.decided[play.life]
            tally.calls += 1
            tally.scans += len(play.asked) + (play.answers.unasked if play.answers else 0)
            tally.scanned += signed(start.total_scan - end.total_scan)
            tally.freed += end.ret
            tally.peak = max(tally.peak, new_nr)

    def _finish(self) -> None:
        by_id: dict[int, Life] = {}
        for life in self.script.lives:
            if life.aware:
                by_id[life.id] = life  # whoever had the id last has what lies there
        offline = {step.cgroup for step in self.script.steps if isinstance(step.of, Reparent)}
        for key, stock in self.script.left.items():
            owner = by_id.get(key[1]) if isinstance(key[0], Cgroup) else key[0]
            if owner is not None and key[0] not in offline:
                self.recorded[owner].deferred += stock.total
                self.decided[owner].deferred += self._worth(stock)
        for life in self.script.lives:
            seeks, batch = self.settings.of(life, life.seeks, life.batch)
            played = Played(
                life.symbol, life.pointer, seeks, batch, self.recorded[life].work(), self.decided[life].work()
            )
            self.result.shrinkers.append(played)

    # -- files of debugfs

    def play_files(self, calls: list[FileCall]) -> None:
        """Those callbacks that a file of debugfs called: its shrinker is known by the function only."""
        actors: dict[str, Actor] = {}
        for call in calls:
            actor = actors.get(call.symbol)
            if actor is None:
                actor = actors[call.symbol] = self.stage.register(None, 0, None, call.symbol)
            file = self.file = _File(call)
            try:
                if call.nr is None:
                    self.stage.read_count(actor)
                else:
                    self.stage.write_scan(actor, call.nr % ULONG)
            finally:
                self.file = None
            self.result.calls += 1
            expected = "count_objects()" if call.nr is None else f"scan_objects() of {call.nr}"
            self._hold(call.line, call.symbol, "the file calls", expected, ", ".join(file.calls) or None)


class _File:
    """A file of debugfs at work."""

    def __init__(self, call: FileCall) -> None:
        self.call = call
        self.calls: list[str] = []

    def count(self) -> int:
        self.calls.append("count_objects()")
        return self.call.ret % ULONG

    def scan(self, sc: Any) -> int:
        self.calls.append(f"scan_objects() of {signed(int(sc.nr_to_scan))}")
        sc.nr_scanned = self.call.nr_scanned % ULONG
        return self.call.ret % ULONG


def _pass_of(step: Step) -> Pass:
    assert isinstance(step.of, Pass)
    return step.of


def _name(turn: Turn) -> str:
    return turn.start.symbol if turn.start else turn.count_symbol or f"{turn.shrinker:#x}"


def _int(value: int) -> int:
    """As an int, which cuts it."""
    return (value + 2**31) % 2**32 - 2**31
