# SPDX-License-Identifier: GPL-2.0-only
"""A workbench for Linux shrinkers: the kernel's reclaim logic, in your process, under your tests."""

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
    "get_include",
    "memalloc_nofs",
    "memalloc_noio",
]

__version__ = "0.1.0"


def get_include() -> str:
    """The folder of shrinkpy's headers, for a compiler's -I: shrinkpy/core.h, and the kernel's linux/…."""
    from .native import get_include

    return get_include()
