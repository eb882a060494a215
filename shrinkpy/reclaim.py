# SPDX-License-Identifier: GPL-2.0-only
"""Who calls shrink_slab(): drop_slab, direct reclaim, kswapd, memory.reclaim, and what each did.

The loops are the kernel's, of mm/vmscan.c, with shrinkers as all that there is to reclaim from: what it
counts in pages is objects here. Call them as methods of Machine and MemCgroup.
"""

from __future__ import annotations

import enum
import errno
from typing import TYPE_CHECKING, Any, Final, NamedTuple, SupportsIndex

from .arguments import node, whole
from .control import Gfp
from .core import lib
from .errors import ReclaimShortError

if TYPE_CHECKING:
    from .machine import Machine, MemCgroup

__all__ = ["SWAP_CLUSTER_MAX", "ReclaimKind", "ReclaimPass", "Reclaimed"]

SWAP_CLUSTER_MAX: Final = 32
"""What direct reclaim asks for (in the kernel, pages; here, objects)."""

# In the kernel's names, and where the core counts them.
_VMSTAT = {
    "drop_slab": lib.SP_RECLAIM_DROP,
    "allocstall_normal": lib.SP_RECLAIM_DIRECT,
    "pageoutrun": lib.SP_RECLAIM_KSWAPD,
}


class ReclaimKind(enum.StrEnum):
    """Who reclaimed."""

    DROP_SLAB = "drop_slab"
    """drop_slab(), of ``echo 2 > /proc/sys/vm/drop_caches``"""
    DIRECT = "direct"
    """try_to_free_pages(), of an allocation that finds no memory"""
    KSWAPD = "kswapd"
    """balance_pgdat(), of a node's kswapd"""
    MEMCG = "memcg"
    """a write to memory.reclaim"""


_KINDS = {
    lib.SP_RECLAIM_DROP: ReclaimKind.DROP_SLAB,
    lib.SP_RECLAIM_DIRECT: ReclaimKind.DIRECT,
    lib.SP_RECLAIM_KSWAPD: ReclaimKind.KSWAPD,
    lib.SP_RECLAIM_MEMCG: ReclaimKind.MEMCG,
}


class ReclaimPass(NamedTuple):
    """One pass of a reclaim: shrink_slab() on a node and a cgroup. Numbers as in LastPass."""

    gfp_mask: Gfp
    """what the callbacks saw"""
    nid: int
    memcg: MemCgroup | None
    """None: cgroups are off, or it was removed meanwhile and nobody holds it"""
    memcg_ino: int
    """its inode number; 0: cgroups are off"""
    priority: int
    round: int
    """from 0: the round of drop_slab and kswapd, the try of memory.reclaim"""
    freed: int
    freeable: int
    scanned: int
    deferred: int
    counts: int
    scans: int
    spins: int
    ns: int
    """nanoseconds it took"""


class Reclaimed(NamedTuple):
    """What a reclaim did, whether it raised or not. Sums over its passes, in objects.

    exceptions has what callbacks raised in it, at most 16; one that ended it (KeyboardInterrupt and its
    like) is the last.
    """

    kind: ReclaimKind
    freed: int
    scanned: int
    rounds: int
    """walks over all its nodes and cgroups"""
    passes: tuple[ReclaimPass, ...]
    """in order"""
    exceptions: tuple[BaseException, ...]

    def __repr__(self) -> str:
        """Without the passes, which are many."""
        raised = f", {len(self.exceptions)} exceptions" if self.exceptions else ""
        return (
            f"<Reclaimed by {self.kind}: {self.freed} of {self.scanned} scanned objects, in {self.rounds} "
            f"rounds and {len(self.passes)} passes{raised}>"
        )

    @property
    def priority(self) -> int | None:
        """How hard it had to press: the priority of the last pass, 12 (weak) to 0; None without any."""
        return self.passes[-1].priority if self.passes else None


def reclaimed(raw: tuple[Any, ...]) -> Reclaimed:
    """What MachineBase gives of a reclaim, with names."""
    kind, freed, scanned, rounds, passes, exceptions = raw
    # By way of a list: a tuple that finds no memory to grow loses what it has.
    made = [ReclaimPass(Gfp(each[0]), *each[1:]) for each in passes]
    return Reclaimed(_KINDS[kind], freed, scanned, rounds, tuple(made), exceptions)


def vmstat(machine: Machine) -> dict[str, int]:
    """The counters of /proc/vmstat that a machine has."""
    counted = {name: int(lib.sp_reclaim_count(machine._pointer, kind)) for name, kind in _VMSTAT.items()}
    return {"slabs_scanned": machine.slabs_scanned, **counted}


# ---- the four


def _nr(value: SupportsIndex) -> int:
    return whole(value, "nr_to_reclaim", 1, 2**64 - 1)


def drop_slab(machine: Machine) -> Reclaimed:
    """See Machine.drop_slab()."""
    return reclaimed(machine._reclaim(lib.SP_RECLAIM_DROP, Gfp.KERNEL, -1, None, 0))


def direct_reclaim(
    machine: Machine,
    nr_to_reclaim: SupportsIndex,
    gfp_mask: SupportsIndex,
    nid: SupportsIndex | None,
    memcg: MemCgroup | None,
) -> Reclaimed:
    """See Machine.direct_reclaim()."""
    nr = _nr(nr_to_reclaim)
    gfp = whole(gfp_mask, "gfp_mask", 0, 2**32 - 1)
    at = -1 if nid is None else node(machine, nid)
    return reclaimed(machine._reclaim(lib.SP_RECLAIM_DIRECT, gfp, at, memcg, nr))


def kswapd(machine: Machine, nid: SupportsIndex, nr_to_reclaim: SupportsIndex) -> Reclaimed:
    """See Machine.kswapd()."""
    nr = _nr(nr_to_reclaim)
    at = node(machine, nid)
    return reclaimed(machine._reclaim(lib.SP_RECLAIM_KSWAPD, Gfp.KERNEL, at, None, nr))


def memory_reclaim(memcg: MemCgroup, nr_to_reclaim: SupportsIndex, gfp_mask: SupportsIndex) -> Reclaimed:
    """See MemCgroup.reclaim()."""
    nr = _nr(nr_to_reclaim)
    gfp = whole(gfp_mask, "gfp_mask", 0, 2**32 - 1)
    machine = memcg.machine
    if not machine.memcg_enabled:
        raise OSError(errno.ENODEV, "this machine has no memory cgroups: make it with memcg=True")
    if not memcg.online:
        raise OSError(errno.ENODEV, f"cgroup {memcg.path} is not online")
    done = reclaimed(machine._reclaim(lib.SP_RECLAIM_MEMCG, gfp, -1, memcg, nr))
    if done.freed < nr:
        raise ReclaimShortError(f"{done.freed} of {nr} objects were freed from cgroup {memcg.path}", done)
    return done
