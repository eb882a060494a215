# SPDX-License-Identifier: GPL-2.0-only
"""A workbench for Linux shrinkers: the kernel's reclaim logic, in your process, under your tests."""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

from . import _platform

if (_why := _platform.unsupported()) is not None:
    raise ImportError(_why)

from .cores import load
from .cores import use_core as use_core

if TYPE_CHECKING:
    # The compiled core is loaded with the first of these names: use_core() comes before it.
    from .face import *  # noqa: F403 - all that face.__all__ says

__version__ = "0.1.0"


def get_include() -> str:
    """The folder of shrinkpy's headers, for a compiler's -I: shrinkpy/core.h, and the kernel's linux/…."""
    from .native import get_include

    return get_include()


@atexit.register
def _close_all() -> None:
    # Here, so that what a program registers after its import of us finds its machines as they were.
    if (machine := sys.modules.get(f"{__name__}.machine")) is not None:
        machine.close_all()


def __getattr__(name: str) -> object:
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "_core":
        return load()
    if name != "__all__" and importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f"{__name__}.{name}")
    face = importlib.import_module(f"{__name__}.face")  # not `from`, which asks here first
    found = globals()
    found.update({each: getattr(face, each) for each in face.__all__})
    found["__all__"] = sorted([*face.__all__, "get_include", "use_core"])
    if name not in found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found[name]


def __dir__() -> list[str]:
    __getattr__("__all__")
    return sorted(globals())
