# SPDX-License-Identifier: GPL-2.0-only
"""The names that users see: `import shrinkpy` has them from here, at the first one that is asked for."""

from .addresses import NativeShrinker
from .alloc import Allocation, Allocations, memalloc_nofs, memalloc_noio
from .control import (
    DEF_PRIORITY,
    DEFAULT_SEEKS,
    SHRINK_BATCH,
    SHRINK_EMPTY,
    SHRINK_STOP,
    CountObjects,
    Flags,
    Gfp,
    ScanObjects,
)
from .core import ShrinkControl
from .errors import (
    BuildError,
    ClosedError,
    DeadlockError,
    ExpiredError,
    HungError,
    KernelOops,
    KernelWouldError,
    LivelockError,
    LockdepError,
    LockdepWarning,
    MovedError,
    NestingError,
    OneMachineError,
    ReclaimShortError,
    ShrinkpyError,
)
from .list_lru import ListLru, LruStatus
from .lockdep import Lock, Report, RLock, RWLock
from .machine import LastPass, Ledger, Machine, MemCgroup
from .ownership import Arc, Box, ForeignOwnable
from .reclaim import Reclaimed, ReclaimKind, ReclaimPass
from .shrinker import RegisteredShrinker, Shrinker, UnregisteredShrinker

__all__ = [
    "DEFAULT_SEEKS",
    "DEF_PRIORITY",
    "SHRINK_BATCH",
    "SHRINK_EMPTY",
    "SHRINK_STOP",
    "Allocation",
    "Allocations",
    "Arc",
    "Box",
    "BuildError",
    "ClosedError",
    "CountObjects",
    "DeadlockError",
    "ExpiredError",
    "Flags",
    "ForeignOwnable",
    "Gfp",
    "HungError",
    "KernelOops",
    "KernelWouldError",
    "LastPass",
    "Ledger",
    "ListLru",
    "LivelockError",
    "Lock",
    "LockdepError",
    "LockdepWarning",
    "LruStatus",
    "Machine",
    "MemCgroup",
    "MovedError",
    "NativeShrinker",
    "NestingError",
    "OneMachineError",
    "RLock",
    "RWLock",
    "ReclaimKind",
    "ReclaimPass",
    "ReclaimShortError",
    "Reclaimed",
    "RegisteredShrinker",
    "Report",
    "ScanObjects",
    "ShrinkControl",
    "Shrinker",
    "ShrinkpyError",
    "UnregisteredShrinker",
    "memalloc_nofs",
    "memalloc_noio",
]
