# SPDX-License-Identifier: GPL-2.0-only
"""Drivers in C, as the kernel has them: compiled, loaded on a machine, called from Python.

build() compiles a driver's sources against shrinkpy's kernel headers; load() runs its module_init on a
Machine and gives a Driver; run_sanitized() does so in a child process under AddressSanitizer.
"""

from ..addresses import NativeShrinker
from .child import run_sanitized
from .compile import Built, build, get_include
from .driver import Driver, DriverShrinker, LogLine, load
from .errors import BuildError, SanitizerError

__all__ = [
    "BuildError",
    "Built",
    "Driver",
    "DriverShrinker",
    "LogLine",
    "NativeShrinker",
    "SanitizerError",
    "build",
    "get_include",
    "load",
    "run_sanitized",
]
