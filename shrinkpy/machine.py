# SPDX-License-Identifier: GPL-2.0-only
"""The thing under pressure: Machine, its cgroups, its ledger and its faults."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import threading
import warnings
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self, SupportsIndex

from . import reclaim
from .arguments import whole
from .closing import Closing
from .control import Gfp
from .core import MachineBase, MemCgroupBase, call, check, end, ffi, lib
from .cores import core_info
from .debugfs import Debugfs
from .errors import ClosedError, LockdepWarning, OneMachineError

if TYPE_CHECKING:
    from .alloc import Allocation, Allocations, Task
    from .lockdep import Lockdep
    from .reclaim import Reclaimed
    from .shrinker import UnregisteredShrinker
    from .trace import Trace

__all__ = ["Attempt", "Faults", "LastPass", "Ledger", "Machine", "MemCgroup"]

_ROOT_ONLINE, _ROOT_BARE = 1, 2  # enum sp_root


class LastPass(NamedTuple):
    """What the last pass of a machine did, whether it raised or not.

    Sums over its shrinkers: freeable as counted (EMPTY as 0), scanned, freed, deferred (left by
    those that had objects), all in objects; counts and scans in calls; spins in turns ended because
    the kernel would not have come back. exceptions has what callbacks raised in it, at most 16; one
    that ended the pass (KeyboardInterrupt and its like) is the last.
    """

    gfp_mask: Gfp
    nid: int
    memcg: MemCgroup | None
    priority: int
    freed: int
    freeable: int
    scanned: int
    deferred: int
    counts: int
    scans: int
    spins: int
    exceptions: tuple[BaseException, ...]


class Ledger(NamedTuple):
    """What lives on a machine: allocations by site, as the kernel would have made them."""

    shrinker: int
    name: int
    nr_deferred: int
    info: int
    unit: int
    dentry: int
    list_lru: int
    kmalloc: int
    bytes: int
    """of all these"""
    limbo: int
    """unlinked, waiting for passes that may still look at them"""
    registered: int
    memcgs: int
    """cgroups whose memory is still there, the root included"""


class Attempt(NamedTuple):
    """One allocation that the kernel would have made: its site, node (or None), and fate."""

    site: str
    nid: int | None
    failed: bool


class Faults:
    """Fails allocations of a machine on demand.

    sites names what can fail: one word for each kind of allocation that mm/shrinker.c makes.
    """

    sites: tuple[str, ...] = tuple(ffi.string(lib.sp_site_name(i)).decode() for i in range(lib.SP_NR_SITES))

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def fail_nth(self, n: int, *sites: str) -> None:
        """Fail the n-th allocation from now (1 is the next), once; 0 disarms.

        With sites, only allocations there are counted. Raises ValueError for an unknown site.
        """
        n = whole(n, "n", 0, 2**64 - 1)
        mask = 0
        for site in sites or self.sites:
            if site not in self.sites:
                raise ValueError(f"no site {site!r}; there are {', '.join(self.sites)}")
            mask |= 1 << self.sites.index(site)
        lib.sp_fault_fail_nth(self._machine._pointer, n, mask)

    def reclaim_nth(self, n: int) -> None:
        """Make the n-th allocate() from now that may (1 is the next) reclaim first, once; 0 disarms.

        Those in callbacks, and those whose gfp has no __GFP_DIRECT_RECLAIM, are not counted.
        """
        n = whole(n, "n", 0, 2**64 - 1)
        lib.sp_reclaim_nth(self._machine._pointer, n)

    @property
    def pending(self) -> int:
        """How many more allocations until it fails; 0: it has struck, or is not armed."""
        return int(lib.sp_fault_pending(self._machine._pointer))

    def record(self, on: bool = True) -> None:
        """Keep the attempts from now on, or stop keeping them; either forgets earlier ones."""
        lib.sp_fault_record(self._machine._pointer, on)

    def attempts(self) -> list[Attempt]:
        """The attempts since record(), in order. Raises MemoryError if some could not be kept."""
        pointer = self._machine._pointer
        n = lib.sp_fault_attempts(pointer, ffi.NULL, 0)
        if n == 2**64 - 1:
            raise MemoryError("attempts were lost for lack of memory; call record() again")
        out = ffi.new("struct sp_attempt[]", n)
        n = min(n, lib.sp_fault_attempts(pointer, out, n))
        return [Attempt(self.sites[a.site], None if a.nid < 0 else a.nid, a.failed) for a in out[0:n]]


class MemCgroup(MemCgroupBase):
    """A memory cgroup, online from create() to offline() or remove().

    This object holds a reference: the cgroup's memory stays as long as it does, or a pass or a
    child cgroup.
    """

    _name: str
    _parent: MemCgroup | None
    _children: dict[str, MemCgroup]
    _removed: bool
    _leaving: list[None]

    def __new__(cls, *_args: object) -> Self:
        """Refused: a cgroup is made by create() of its parent, and a Machine has its root."""
        raise TypeError("a MemCgroup is made by its parent's create(name); a Machine has its root")

    @classmethod
    def _make(cls, machine: Machine, name: str, parent: MemCgroup | None, ino: int = 0) -> Self:
        self = super().__new__(cls, machine, parent, ino)
        try:
            self._name = name
            self._parent = parent
            self._children = {}
            self._removed = False
            self._leaving = []  # one for each thread that takes it offline
            address = self._address
            machine._memcgs[address] = self
            try:
                if parent is not None:
                    parent._children[name] = self
            except BaseException:
                del machine._memcgs[address]
                raise
        except BaseException:  # no memory: as if it had never been
            if parent is not None:
                lib.sp_memcg_offline(self._pointer, ffi.NULL)
            del self  # or the traceback would keep it
            raise
        return self

    @property
    def _pointer(self) -> Any:
        return ffi.cast("struct mem_cgroup *", self._address)

    @property
    def name(self) -> str:
        """The name given to create(), ``""`` for the root."""
        return self._name

    @property
    def path(self) -> str:
        """Names from the root, as in /sys/fs/cgroup: ``/``, ``/app``, ``/app/worker``."""
        if self._parent is None:
            return "/"
        return f"{self._parent.path.rstrip('/')}/{self._name}"

    @property
    def ino(self) -> int:
        """The inode number, by which debugfs and traces know it; the root's is 1."""
        return int(lib.sp_memcg_ino(self._pointer))

    @property
    def online(self) -> bool:
        """Do passes look at it?"""
        return bool(lib.sp_memcg_is_online(self._pointer))

    @property
    def parent(self) -> MemCgroup | None:
        """The cgroup it was created in, None for the root."""
        return self._parent

    @property
    def children(self) -> tuple[MemCgroup, ...]:
        """Those created in it and not removed, in order of creation."""
        return tuple(self._children.values())

    def walk(self) -> Iterator[MemCgroup]:
        """It and all below it, in pre-order, as mem_cgroup_iter() goes."""
        yield self
        for child in self.children:
            yield from child.walk()

    def create(self, name: str, *, ino: int | None = None) -> MemCgroup:
        """Make a child cgroup and bring it online. ino is its inode number, None for the next one.

        Raises MemoryError (nothing is left behind), FileExistsError for the name of another child or
        the number of another cgroup, ValueError for one that is no name or no number,
        OSError(ENODEV) in a cgroup that is not online.
        """
        if not isinstance(name, str):
            raise TypeError(f"the name of a cgroup must be a str, not {name!r}")
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise ValueError(f"no name for a cgroup: {name!r}")
        if ino is not None:
            ino = whole(ino, "ino", 1, 2**63 - 1)
        self.machine._handover.acquire()
        try:
            if self.machine.closed:
                raise ClosedError("the machine was closed")
            if (self._leaving or not self.online) and self.machine.memcg_enabled:
                raise OSError(errno.ENODEV, f"cgroup {self.path} is not online")
            if name in self._children:
                raise FileExistsError(errno.EEXIST, f"cgroup {self.path} has a child of that name", name)
            known = (self.machine.root, *self.machine._memcgs.values()) if ino is not None else ()
            if any(other.ino == ino for other in known):
                raise FileExistsError(errno.EEXIST, f"there is a cgroup with inode number {ino}", name)
            return MemCgroup._make(self.machine, name, self, ino or 0)
        finally:
            self.machine._handover.release()

    def offline(self) -> None:
        """Hand its items on list_lrus and its deferred work to the parent; passes skip it from then on.

        Again: nothing. Waits for walks of its lists; of several threads, all until it is offline. Raises
        OSError(EBUSY) while it has children that are online, ValueError for the root; DeadlockError in a
        walk callback of a ListLru. KeyboardInterrupt and the like: some items have gone, and the next
        one goes on.
        """
        if self._parent is None:
            raise ValueError("the root cgroup cannot go offline")
        self.machine._handover.acquire()
        try:
            if any(child.online for child in self._children.values()):
                raise OSError(errno.EBUSY, f"cgroup {self.path} has children that are online")
            if not self.online:
                return
            reason = ffi.new("struct sp_reason *")
            self._leaving.append(None)
        finally:
            self.machine._handover.release()
        # Not under that lock: it waits for walks of list_lrus, whose callbacks may want it.
        try:
            check(call(lib.sp_memcg_offline, self._pointer, reason), reason)
        finally:
            self._leaving.pop()

    def remove(self) -> None:
        """Take it offline and out of the tree, as rmdir does; its memory goes with the last reference.

        Raises OSError(EBUSY) while it has children, ValueError for the root. Again: nothing.
        """
        address = self._address
        if self._children:
            raise OSError(errno.EBUSY, f"cgroup {self.path} has children")
        self.offline()
        self.machine._handover.acquire()
        try:
            if not self._removed and self._parent is not None:
                self._removed = True
                del self._parent._children[self._name]
                del self.machine._memcgs[address]
        finally:
            self.machine._handover.release()

    def reclaim(self, nr_to_reclaim: SupportsIndex, *, gfp_mask: SupportsIndex = Gfp.KERNEL) -> Reclaimed:
        """Free that many objects from this cgroup and those below it, as a write to memory.reclaim does.

        Tries for a quarter of what is missing (32 at least) at a time, each from priority 12 down to 0
        over every node and cgroup, until that went, and gives up once 17 tries freed nothing. The
        callbacks see gfp_mask as GFP_HIGHUSER_MOVABLE, with those of its bits that say how to reclaim;
        without DIRECT_RECLAIM nothing is done.

        Raises ReclaimShortError (an OSError, EAGAIN) if less was freed; its reclaimed, as
        machine.last_reclaim, says what was. OSError(ENODEV) where it is not online or the machine has
        no cgroups. What callbacks raised, and other errors, as Machine.shrink_slab() does, when all is
        over.
        """
        return reclaim.memory_reclaim(self, nr_to_reclaim, gfp_mask)

    def __repr__(self) -> str:
        return f"<MemCgroup {self.path}{'' if self.online else ', offline'}>"


class Machine(MachineBase, Closing):
    """Nodes, cgroups and shrinkers: what is global in a kernel.

    Machines know nothing of each other; a test takes a fresh one. nr_nodes is 1 to 1024. memcg
    False is ``cgroup_disable=memory``, kmem False ``cgroup.memory=nokmem``. max_stall bounds the
    scan calls in a row without progress in one turn, after which LivelockError is raised; 0 is the
    kernel, which goes on for ever.

    Attributes (besides those below): lost_exceptions.
    """

    _closed: bool
    _ending: bool
    _handover: threading.RLock
    _pointer: Any
    _faults: Faults
    _trace: Trace | None
    _debugfs: Debugfs
    _lockdep: Lockdep | None
    _never_registered: list[str]
    _memcgs: dict[int, MemCgroup]
    _unregistered: dict[int, weakref.ref[UnregisteredShrinker]]
    _drivers: list[Closing]

    def __new__(
        cls, nr_nodes: int = 1, *, memcg: bool = True, kmem: bool = True, max_stall: int = 10_000
    ) -> Self:
        """See the class. Raises ValueError, MemoryError, OneMachineError."""
        nr_nodes = whole(nr_nodes, "nr_nodes", 1, lib.SP_MAX_NODES)
        max_stall = whole(max_stall, "max_stall", 0, 2**64 - 1)
        root = _ROOT_ONLINE if memcg else _ROOT_BARE
        try:
            self = super().__new__(cls, nr_nodes, memcg, kmem, root, max_stall)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            gc.collect()  # the other one may be garbage
            try:
                self = super().__new__(cls, nr_nodes, memcg, kmem, root, max_stall)
            except OSError:
                raise OneMachineError(
                    f"{core_info().name} is built on globals: it has one machine at a time; "
                    "close() the other one before, or use the port"
                ) from None
        self._closed = False
        self._ending = False  # closed, or on its way there
        # Held for a moment by whoever makes, consumes or ends an unregistered shrinker, or changes the
        # tree of cgroups. Re-entrant, since the collector may run a finalizer in that moment. Not by
        # with, whose end takes memory: without any, it would be held for ever.
        self._handover = threading.RLock()
        self._never_registered = []
        self._memcgs = {}
        self._unregistered = {}
        self._drivers = []  # what is loaded on it, the last one last
        self._pointer = ffi.cast("struct machine *", self._address)
        self._faults = Faults(self)
        self._trace = None
        self._debugfs = Debugfs(self)
        self._lockdep = None
        _machines.add(self)
        return self

    def __init__(
        self, nr_nodes: int = 1, *, memcg: bool = True, kmem: bool = True, max_stall: int = 10_000
    ) -> None:
        """Nothing: see __new__()."""

    # ---- what it is

    @property
    def nr_nodes(self) -> int:
        """NUMA nodes, 0 to nr_nodes - 1."""
        return int(lib.sp_machine_nr_nodes(self._pointer))

    @property
    def memcg_enabled(self) -> bool:
        """Are memory cgroups on?"""
        return bool(lib.sp_machine_memcg_enabled(self._pointer))

    @property
    def kmem(self) -> bool:
        """Is kernel-memory accounting on (memcg_kmem_online())? May be set."""
        return bool(lib.sp_machine_kmem(self._pointer))

    @kmem.setter
    def kmem(self, on: bool) -> None:
        lib.sp_machine_set_kmem(self._pointer, on)

    @property
    def root(self) -> MemCgroup:
        """The root cgroup."""
        address = int(ffi.cast("uintptr_t", lib.sp_memcg_root(self._pointer)))
        known = self._memcgs.get(address)
        if known is not None:
            return known
        self._handover.acquire()
        try:
            return self._memcgs.get(address) or MemCgroup._make(self, "", None)
        finally:
            self._handover.release()

    @property
    def closed(self) -> bool:
        """Was close() called?"""
        return self._closed

    # ---- what happened on it

    @property
    def last_pass(self) -> LastPass | None:
        """What the last pass did, also if it raised; None before the first."""
        last = self._last_pass()
        if last is None:
            return None
        return LastPass._make((Gfp(last[0]), *last[1:-1], last[-1]))

    @property
    def last_reclaim(self) -> Reclaimed | None:
        """What the last reclaim did, also if it raised; None before the first."""
        last = self._last_reclaim()
        return None if last is None else reclaim.reclaimed(last)

    @property
    def vmstat(self) -> dict[str, int]:
        """The counters of /proc/vmstat that are about shrinkers, in the kernel's names.

        slabs_scanned; drop_slab, drops begun; allocstall_normal, direct reclaims begun; pageoutrun,
        runs of kswapd begun.
        """
        return reclaim.vmstat(self)

    @property
    def slabs_scanned(self) -> int:
        """Objects looked at by all passes: vmstat's slabs_scanned."""
        return int(lib.sp_machine_slabs_scanned(self._pointer))

    @property
    def ledger(self) -> Ledger:
        """What lives, by kind of allocation."""
        out = ffi.new("struct sp_ledger *")
        lib.sp_ledger_read(self._pointer, out)
        live = {site: out.live[i] for i, site in enumerate(Faults.sites) if site in Ledger._fields}
        return Ledger(**live, bytes=out.bytes, limbo=out.limbo, registered=out.registered, memcgs=out.memcgs)

    @property
    def warnings(self) -> list[str]:
        """The kernel's warnings (WARN and pr_warn) and what each was about, oldest first.

        The last 32 are kept.
        """
        texts: list[str] = []
        text, where = ffi.new("char[96]"), ffi.new("char[96]")
        while lib.sp_warning_text(self._pointer, len(texts), text, where):
            texts.append(f"{_decoded(text)} ({_decoded(where)})")
        return texts[::-1]

    @property
    def faults(self) -> Faults:
        """Fails allocations on demand."""
        return self._faults

    @property
    def trace(self) -> Trace:
        """The mm_shrink_slab_start and _end events; off until trace.start()."""
        if self._trace is None:
            from .trace import Trace

            self._trace = Trace(self)
        return self._trace

    @property
    def debugfs(self) -> Debugfs:
        """The directories of /sys/kernel/debug/shrinker, one a shrinker, by their names."""
        return self._debugfs

    # ---- who reclaims from it

    def drop_slab(self) -> Reclaimed:
        """Free all that goes: priority 0 over every node and cgroup, round after round.

        Round k (from 0) is the last if what it freed, divided by 2**k, is not more than 1. Exceptions
        of callbacks are raised when all rounds are over, as shrink_slab() does;
        KeyboardInterrupt and its like end it at once. last_reclaim has what was done in every case.
        Mirrors drop_slab() of mm/vmscan.c.
        """
        return reclaim.drop_slab(self)

    def direct_reclaim(
        self,
        nr_to_reclaim: SupportsIndex = reclaim.SWAP_CLUSTER_MAX,
        *,
        gfp_mask: SupportsIndex = Gfp.KERNEL,
        nid: SupportsIndex | None = None,
        memcg: MemCgroup | None = None,
    ) -> Reclaimed:
        """Reclaim as an allocation that finds no memory: from priority 12 down to 0, until it is enough.

        Each priority goes over all nodes (nid: over one) and over memcg (None: the root) and the
        cgroups below it, wholly, before it is asked whether nr_to_reclaim objects were freed; that it
        fell short is no error. A gfp_mask without DIRECT_RECLAIM reclaims nothing. Exceptions as of
        drop_slab(). Mirrors try_to_free_pages() of mm/vmscan.c.
        """
        return reclaim.direct_reclaim(self, nr_to_reclaim, gfp_mask, nid, memcg)

    def kswapd(
        self, nid: SupportsIndex = 0, nr_to_reclaim: SupportsIndex = reclaim.SWAP_CLUSTER_MAX
    ) -> Reclaimed:
        """Reclaim as the kswapd of a node, until nr_to_reclaim objects were freed.

        Round after round over its cgroups, from priority 12; the priority falls by one when a round
        scanned less than nr_to_reclaim or freed nothing, and after priority 1 it gives up, which is no
        error. Exceptions as of drop_slab(). Mirrors balance_pgdat() of mm/vmscan.c.
        """
        return reclaim.kswapd(self, nid, nr_to_reclaim)

    @property
    def lockdep(self) -> Lockdep:
        """What is known of the order of its locks, and what contradicts it."""
        if self._lockdep is None:
            from .lockdep import Lockdep

            self._lockdep = Lockdep(self)
        return self._lockdep

    # ---- memory of the code under test

    def allocate(self, gfp: int = Gfp.KERNEL, size: int = 4096) -> Allocation:
        """Take size bytes as kmalloc() would, until free(), the end of a with block, or its finalizer.

        Short of memory (memory_limit, faults.reclaim_nth()) it runs direct reclaim, and what
        callbacks raise there is raised here. gfp is what the scopes of this thread leave of it
        (memalloc_nofs(), memalloc_noio()); one with __GFP_FS that may reclaim takes fs_reclaim for a
        moment. In a callback it never reclaims, is noted (allocations.places), and may go over the
        limit. Raises MemoryError, ClosedError, ValueError. LivelockError: a __GFP_NOFAIL one reclaims
        in vain, for ever. Mirrors __alloc_pages_slowpath() of mm/page_alloc.c.
        """
        from .alloc import allocate

        return allocate(self, gfp, size)

    @property
    def allocations(self) -> Allocations:
        """What allocate(), and kmalloc() of drivers, did."""
        from .alloc import Allocations

        return Allocations._read(self)

    @property
    def memory_limit(self) -> int:
        """Bytes over which an allocation reclaims first; 0: no limit. May be set."""
        return int(lib.sp_limit(self._pointer))

    @memory_limit.setter
    def memory_limit(self, size: int) -> None:
        lib.sp_set_limit(self._pointer, whole(size, "memory_limit", 0, 2**63 - 1))

    def task(self, memcg: MemCgroup | None = None, nid: int = 0) -> Task:
        """Be a task of that cgroup (None: the root) on that node, in a with block of this thread.

        Raises ValueError.
        """
        from .alloc import Task

        return Task(self, memcg, nid)

    # ---- its end

    def close(self) -> None:
        """Free every shrinker that still lives, with a ResourceWarning each; again: nothing.

        A LockdepWarning has the reports of lockdep that nobody has looked at.
        Waits for the callbacks that run. What the kernel would wait for for ever is freed by force.
        Raises DeadlockError inside one of the machine's callbacks, or where a callback waits for this
        thread, and nothing has changed. KeyboardInterrupt, or a ring of waits that closes later,
        leave it half closed, and a later close() goes on. Drivers that are loaded on it are closed
        first, the last one first.
        """
        if not self._closed:
            reason = ffi.new("struct sp_reason *")
            check(lib.sp_machine_may_close(self._pointer, reason), reason)
            while self._drivers:
                self._drivers[-1].close()
            self._end_unregistered()
            self._close()
            self._closed = True
        failed = self._tell(self._left, "still registered")
        failed = self._tell(self._never_registered, "neither registered nor closed") or failed
        self._tell_lockdep()
        if failed is not None:
            raise failed

    def _tell_lockdep(self) -> None:
        if lib.sp_lockdep_nr_reports(self._pointer):
            unseen = self.lockdep._take_unseen()
            if unseen:
                text = "\n".join(report.text for report in unseen)
                warnings.warn(f"{text}(machine.lockdep.reports has it)", LockdepWarning, stacklevel=3)

    def _end_unregistered(self) -> None:
        self._handover.acquire()
        try:
            self._ending = True
            for ref in list(self._unregistered.values()):
                unregistered = ref()
                if unregistered is not None:
                    self._never_registered.append(unregistered.name)
                    unregistered.close()
        finally:
            self._handover.release()

    @staticmethod
    def _tell(names: list[str], how: str) -> ResourceWarning | None:
        """Warn of each once: of two threads, or after an interruption, whoever takes the name."""
        failed: ResourceWarning | None = None
        while names:
            try:
                name = names.pop(0)
            except IndexError:  # the other thread was quicker
                break
            try:
                warnings.warn(
                    f"shrinker {name!r} was {how} when its machine was closed", ResourceWarning, stacklevel=3
                )
            except ResourceWarning as error:  # a filter made it one; the others are still due
                failed = failed or error
            except BaseException:
                names.insert(0, name)
                raise
        return failed

    def __repr__(self) -> str:
        return f"<Machine, {self.nr_nodes} node{'s' * (self.nr_nodes != 1)}{', closed' * self._closed}>"


def _decoded(text: Any) -> str:
    return str(ffi.string(text).decode(errors="replace"))


_machines: weakref.WeakSet[Machine] = weakref.WeakSet()


def _forked() -> None:
    # Nobody is left to give back what another thread of the parent held.
    for machine in list(_machines):
        machine._handover = threading.RLock()


os.register_at_fork(after_in_child=_forked)


def close_all() -> None:
    """Close what nobody closed, but for machines that a thread is still reclaiming on: at exit.

    Such a thread may be a daemon that never comes back; the exit must not wait for it.
    """
    for machine in list(_machines):
        machine._keep_memory()
        if not lib.sp_machine_busy(machine._pointer):
            with contextlib.suppress(
                ResourceWarning, LockdepWarning
            ):  # an error by a filter; shown all the same
                machine.close()
    end()
