# SPDX-License-Identifier: GPL-2.0-only
"""Where shrinkpy works: asked by the build, and before the compiled module is imported.

Too old a Python is refused by pip already (requires-python).
"""

import sys

__all__ = ["unsupported"]


def _in_subinterpreter() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = __import__(name)
        except ImportError:
            continue
        # An id, or from 3.13 on a tuple that begins with it.
        return bool(interpreters.get_current() != interpreters.get_main())
    return False


def unsupported() -> str | None:
    """Why this interpreter or system cannot have shrinkpy, and what to do; None: it can."""
    # Asked in this order: the first one says most.
    if not sys.platform.startswith("linux"):
        return f"shrinkpy works on Linux only, not on {sys.platform}: use a Linux machine, container or VM"
    if sys.implementation.name != "cpython":
        return f"shrinkpy works with CPython only, not with {sys.implementation.name}: use python3"
    if sys.maxsize < 2**32:
        return "shrinkpy works with 64 bits only: unsigned long is the kernel's word; use a 64-bit Python"
    if "t" in sys.abiflags:
        return (
            "shrinkpy is not proven without the GIL: use the ordinary build of CPython, not the free-threaded"
        )
    if _in_subinterpreter():
        return "shrinkpy works in the main interpreter only, not in a subinterpreter"
    return None
