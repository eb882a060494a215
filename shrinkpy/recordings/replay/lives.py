# SPDX-License-Identifier: GPL-2.0-only
"""Which calls are of one and the same shrinker: a pointer, and an id, may serve one after the other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from ...control import Flags
from .calls import Pass, Turn

__all__ = ["MEMCG_AWARE", "NUMA_AWARE", "Life", "find_lives", "in_order", "split"]

NUMA_AWARE, MEMCG_AWARE = int(Flags.NUMA_AWARE), int(Flags.MEMCG_AWARE)
_ROUNDS = 1000
_FEW = 3  # shrinkers that may be registered anew between two passes
_AT_ONCE = 64  # calls of one shrinker that may overlap


@dataclass(eq=False, slots=True)
class Life:
    """A shrinker from its registration to its end. The same pointer may serve another one later.

    :ivar turns: its calls, in the order of their lines.
    :ivar last: the last step that calls it.
    """

    pointer: int
    flags: int
    id: int
    turns: list[Turn] = field(repr=False)
    last: int = -1
    count_symbol: str = ""
    scan_symbol: str = ""

    @property
    def symbol(self) -> str:
        """Its scan function as far as that was seen, else the one that counts."""
        return self.scan_symbol or self.count_symbol or f"{self.pointer:#x}"

    @property
    def aware(self) -> bool:
        """Do cgroups have counters for it?"""
        return bool(self.flags & MEMCG_AWARE)

    @property
    def seeks(self) -> int:
        """At first."""
        return self.turns[0].seeks

    @property
    def batch(self) -> int:
        """At first."""
        return self.turns[0].batch

    def was_there(self, found: Pass) -> bool:
        """Was it certainly registered all the time that a pass took?"""
        return self.turns[0].line < found.line and self.turns[-1].line > found.last

    def calls_between(self, begin: int, end: int) -> bool:
        """Was it called between two lines?"""
        k = bisect_left(self.turns, begin, key=lambda turn: turn.line)
        return k < len(self.turns) and self.turns[k].line < end


def find_lives(passes: list[Pass], global_passes: list[Pass], life_of: dict[int, Life]) -> list[Life]:
    """The shrinkers, in any order; life_of gets, by id() of a turn, whose it is.

    global_passes are those over the list of all, by their first lines.
    """
    turns = sorted((turn for found in passes for turn in found.turns), key=lambda turn: turn.line)
    whole = [found for found in global_passes if not found.reason]
    begins = [found.line for found in whole]
    # The least line at which one of those that began later was over.
    over = [0] * len(whole)
    least = 2**63
    for k in range(len(whole) - 1, -1, -1):
        over[k] = least = min(least, whole[k].last)
    after = _followers(turns, whole)
    over_at = {id(turn): found.last for found in whole for turn in found.turns}
    lives: list[Life] = []
    living: dict[int, Life] = {}
    by_id: dict[int, Life] = {}
    for turn in turns:
        life = living.get(turn.shrinker)
        if life is not None:
            k = bisect_right(begins, life.turns[-1].line)
            passed_by = k < len(whole) and over[k] < turn.line
            if passed_by or not _same(life, turn) or _anew(life, turn, after.get(id(turn)), living, over_at):
                life = None
        if life is not None and life.aware and by_id.get(life.id) is not life:
            life = None  # another one had its id meanwhile
        if life is None:
            life = living[turn.shrinker] = Life(turn.shrinker, turn.flags, turn.id, [])
            lives.append(life)
            if life.aware:
                by_id[life.id] = life
        _add(life, turn)
        life_of[id(turn)] = life
    return lives


def _same(life: Life, turn: Turn) -> bool:
    if life.flags != turn.flags or (life.aware and life.id != turn.id):
        return False
    scan = turn.start.symbol if turn.start else ""
    return not _differ(scan, life.scan_symbol) and not _differ(turn.count_symbol, life.count_symbol)


def _empty(turn: Turn) -> bool:
    """Did it find nothing in a counter of its shrinker's own?"""
    own = not (turn.flags & MEMCG_AWARE and turn.memcg)
    return own and turn.start is not None and turn.start.nr == 0


def _followers(turns: list[Turn], whole: list[Pass]) -> dict[int, list[Turn]]:
    """By id() of a turn that found nothing, those behind it in its pass; not where others overlap it."""
    last: dict[int, Turn] = {}
    overlapped: set[int] = set()
    for turn in turns:
        other = last.get(turn.shrinker)
        if other is not None and other.start is not None and other.start.line > turn.line:
            overlapped.add(id(other))
        last[turn.shrinker] = turn
    return {
        id(turn): found.turns[k + 1 :]
        for found in whole
        for k, turn in enumerate(found.turns)
        if _empty(turn) and id(turn) not in overlapped
    }


def _anew(
    life: Life, turn: Turn, behind: list[Turn] | None, living: dict[int, Life], over_at: dict[int, int]
) -> bool:
    """Was it registered anew? Then its counter is empty, though work was left there, and it is the last."""
    if behind is None:
        return False
    recent = [t for t in life.turns[-_AT_ONCE:] if t.start is not None]
    mine = [t for t in recent if t.nid == turn.nid or not turn.flags & NUMA_AWARE]
    if not mine or any(t.end is None or t.end.line > turn.line for t in mine):
        return False
    last = max(mine, key=lambda t: t.end.line if t.end is not None else 0)
    if last.end is None or last.end.new_nr == 0:
        return False
    since = over_at.get(id(last), last.end.line)
    others = [living.get(other.shrinker) for other in behind]
    return all(other is None or other.turns[0].line > since for other in others)


def _differ(a: str, b: str) -> bool:
    """Are both known, and not the same?"""
    return bool(a and b and a != b)


def _add(life: Life, turn: Turn) -> None:
    life.turns.append(turn)
    life.scan_symbol = turn.start.symbol if turn.start else life.scan_symbol
    life.count_symbol = turn.count_symbol or life.count_symbol


def split(life: Life, line: int, lives: list[Life], life_of: dict[int, Life]) -> Life:
    """From a line on it is another one, which comes last in the list."""
    k = bisect_left(life.turns, line, key=lambda turn: turn.line)
    later = Life(life.pointer, life.flags, life.id, [])
    for turn in life.turns[k:]:
        _add(later, turn)
        life_of[id(turn)] = later
    del life.turns[k:]
    lives.append(later)
    return later


# -- the order of the list


def in_order(lives: list[Life], global_passes: list[Pass], life_of: dict[int, Life]) -> list[Life]:
    """As the list has them: global passes go through it, and whoever is registered comes last."""
    for _ in range(_ROUNDS):
        order, moved = _merge(global_passes, life_of)
        if moved is None:
            break
        # It stands further down than before: freed, and registered anew.
        split(life_of[id(moved)], moved.line, lives, life_of)
    listed = set(map(id, order))
    # Of those that only passes of cgroups call, the place does not matter.
    return [*order, *(life for life in lives if id(life) not in listed)]


def _merge(global_passes: list[Pass], life_of: dict[int, Life]) -> tuple[list[Life], Turn | None]:
    """One order for all passes, or the turn that contradicts it, if it can be another shrinker's."""
    order: list[Life] = []
    place: dict[int, int] = {}
    walked: dict[int, int] = {}  # by id(), when a pass called them that went through all of the list
    for found in global_passes:
        for turn in found.turns if not found.reason else ():
            key = id(life_of[id(turn)])
            walked[key] = min(turn.line, walked.get(key, turn.line))
    odd: set[int] = set()  # by id(), those that no order explains
    for found in global_passes:
        called = [life_of[id(turn)] for turn in found.turns]
        new = [life for life in called if id(life) not in place]
        if new:
            odd |= _insert(called, order, place, walked)
        highest = -1
        for k, (turn, life) in enumerate(zip(found.turns, called, strict=True)):
            at = place[id(life)]
            if id(life) in odd:
                continue
            if at < highest and _comes_last(life, turn, called[k + 1 :], place, highest):
                return order, turn
            highest = max(highest, at)
    return order, None


def _comes_last(life: Life, turn: Turn, behind: list[Life], place: dict[int, int], highest: int) -> bool:
    """Can it have been registered anew? Whoever is comes last, but for those that are later still."""
    k = bisect_left(life.turns, turn.line, key=lambda t: t.line)
    if not k:
        return False
    before = life.turns[k - 1].line
    return all(other.turns[0].line > before or place[id(other)] < highest for other in behind)


def _insert(called: list[Life], order: list[Life], place: dict[int, int], walked: dict[int, int]) -> set[int]:
    """Put those that are new before the next that is known, else last; gives those that cannot be there."""
    behind: Life | None = None
    known = 0  # behind the one that is looked at
    tail = len(order)
    odd: set[int] = set()
    for life in reversed(called):
        if id(life) in place:
            behind = life
            known += 1
            continue
        if behind is None or walked.get(id(behind), 2**63) < life.turns[0].line:
            # A pass that called the one behind it before would have called it, too, had it been there: so
            # that one was registered anew. Hardly so if there are many of them.
            order.insert(tail, life)
            if known > _FEW:
                odd.add(id(life))
        else:
            order.insert(order.index(behind), life)
            tail += 1
            behind = life
    place.update((id(life), k) for k, life in enumerate(order))
    return odd
