# SPDX-License-Identifier: GPL-2.0-only
"""The child of a comparison: runs scenarios on the core that SHRINKPY_CORE names.

main() with the arguments FD MEMORY: requests and answers are pickled on the socket FD, whose other end
is the parent's, and whose end is the end of this. In the file MEMORY stands which operation of
which scenario has begun: what the parent knows when it dies, or does not come back.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import sys
from collections.abc import Iterable
from hashlib import blake2b
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from ..cores import CoreError, load
from .outcome import Outcome

__all__ = ["Batch", "Played", "Ready", "Record", "Summary", "main"]

BROKE = "gives what cannot be"
_PR_SET_PDEATHSIG = 1


class Batch(NamedTuple):
    """A request: scenarios of a seed, in order. Its answer is a list of Summary."""

    seed: int
    numbers: list[int]


class Played(NamedTuple):
    """A request: one scenario of a seed, up to an operation that is not run. Its answer is an Outcome."""

    seed: int
    number: int
    most: int | None = None


class Record(NamedTuple):
    """A request: these operations. Its answer is an Outcome."""

    cfg: dict[str, int]
    ops: list[dict[str, Any]]


class Summary(NamedTuple):
    """What two cores that agree have the same of."""

    number: int
    operations: int
    ended: str
    digest: bytes


class Ready(NamedTuple):
    """The first answer: why there will be no other, or nothing."""

    error: str = ""


class _Worker:
    def __init__(self, begun: memoryview) -> None:
        self.begun = begun

    def answer(self, request: object) -> object:
        if isinstance(request, Batch):
            return [self._summary(request.seed, number) for number in request.numbers]
        if isinstance(request, Played):
            return self._play(request.seed, request.number, request.most)
        assert isinstance(request, Record)
        return self._run(request.cfg, request.ops)

    def _summary(self, seed: int, number: int) -> Summary:
        outcome = self._play(seed, number, None)
        seen = repr((outcome.init, outcome.ops, outcome.ended, outcome.at, outcome.said))
        digest = blake2b(seen.encode(), digest_size=16).digest()
        return Summary(number, len(outcome.ops or ()), outcome.ended, digest)

    def _play(self, seed: int, number: int, most: int | None) -> Outcome:
        from .generate import generate

        self.begun[0] = number
        cfg, play = generate(seed, number)
        return self._observe(cfg, play, most)

    def _run(self, cfg: dict[str, int], ops: list[dict[str, Any]]) -> Outcome:
        return self._observe(cfg, iter(ops), None)

    def _observe(self, cfg: dict[str, int], asked: Any, most: int | None) -> Outcome:
        from ..scenario import Recorder, is_over

        recorder, done, ended, said = None, [], "", ""
        try:
            self.begun[1] = 0
            recorder = Recorder(cfg)
            done = recorder.ops
            for op in _each(asked, done):
                if most is not None and len(done) == most:
                    done.append(op)
                    break
                self.begun[1] = len(done)
                if is_over(recorder.do(op)):
                    break
        except Exception as error:  # whatever a core's answers lead to is one of its results
            ended, said = BROKE, f"{type(error).__name__}: {error}"
        at = len(done)
        self.begun[1] = at
        if recorder is not None:
            recorder.close()
        return Outcome(cfg, recorder.init if recorder else {}, done, ended, at, said)


def _each(asked: Any, done: list[Any]) -> Iterable[Any]:
    """The operations of a generator that wants to see each when it is done, or of a list."""
    if not hasattr(asked, "send"):
        yield from asked
        return
    try:
        op = next(asked)
        while True:
            yield op
            op = asked.send(done[-1])
    except StopIteration:
        return


def main() -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Who goes round in C without an end does not hear that nobody asks any more.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent, memory = Connection(int(sys.argv[1])), int(sys.argv[2])
    with parent, mmap.mmap(memory, 16) as shared, memoryview(shared).cast("Q") as begun:
        try:
            load()
        except CoreError as error:
            parent.send(Ready(str(error)))
            return
        worker = _Worker(begun)
        parent.send(Ready())
        while True:
            try:
                request = parent.recv()
            except EOFError:
                return
            parent.send(worker.answer(request))
