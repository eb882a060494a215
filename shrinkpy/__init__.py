# SPDX-License-Identifier: GPL-2.0-only
"""A workbench for Linux shrinkers: the kernel's reclaim logic, in your process, under your tests."""

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
    MovedError,
    NestingError,
    ShrinkpyError,
)
from .machine import LastPass, Ledger, Machine, MemCgroup
from .ownership import Arc, Box, ForeignOwnable
from .shrinker import RegisteredShrinker, Shrinker, UnregisteredShrinker

__all__ = [
    "DEFAULT_SEEKS",
    "DEF_PRIORITY",
    "SHRINK_BATCH",
    "SHRINK_EMPTY",
    "SHRINK_STOP",
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
    "LivelockError",
    "Machine",
    "MemCgroup",
    "MovedError",
    "NestingError",
    "RegisteredShrinker",
    "ScanObjects",
    "ShrinkControl",
    "Shrinker",
    "ShrinkpyError",
    "UnregisteredShrinker",
]

__version__ = "0.1.0"
